"""Bad input: a clear error and the store as before, byte for byte; odd input: imported, with a warning. Every file is made here.

No error may show a cell's value: every refused file holds SECRETS, which are looked for in all that was printed.
"""
import csv
import json
import os
import pwd
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import BINARY, Checks, Program, scratch_directory, snapshot, values_in  # noqa: E402

SECRETS = ["Kowalczyk", "871-22-9981", "4417.125"]
TABLE = "id,name,ssn,value\n" + "".join(f"{n},Kowalczyk,871-22-9981,4417.125\n" for n in range(1, 40))
checks = Checks("e2e/bad_input")
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))


def make(name, content=b""):
    path = os.path.join(scratch, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return path


def make_zip(name, members, compression=zipfile.ZIP_DEFLATED):
    path = os.path.join(scratch, name)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def check_refusal(what, ran, before, statuses, mention, dataset):
    text = ran.out + ran.err
    checks.that(ran.status in statuses, f"{what}: exit {ran.status}, expected {statuses}", text[-900:])
    if ran.status != 0:
        checks.that(ran.error is not None and ran.error.get("code") and len(ran.error.get("message") or "") > 10, f"{what}: no clear error object", text[-900:])
        checks.that(ran.out.strip() == "", f"{what}: a failure printed on stdout", ran.out[-300:])
        for word in mention:
            checks.that(word.lower() in ran.err.lower(), f"{what}: the error does not mention '{word}'", ran.err[-900:])
    checks.equal(values_in(text, SECRETS), [], f"{what}: values shown", text[-900:])
    checks.that(as_it_is(dataset) == before, f"{what}: the store is not as before")
    checks.equal(os.listdir(os.path.join(program.store, "tmp")), [], f"{what}: staging left behind")


def as_it_is(dataset=None):
    """The store's files; for a refused question without that dataset's history, which records failures too."""
    skip = os.path.join("datasets", dataset, "history") if dataset else "\0"
    return {path: content for path, content in snapshot(program.store).items() if not path.startswith(skip)}


def refused(what, words, statuses=(3,), mention=(), **options):
    dataset = words[1] if words[0] == "sql" else None
    before = as_it_is(dataset)
    ran = program.run(*words, **options)
    check_refusal(what, ran, before, statuses, mention, dataset)
    return ran


def archives():
    whole = make_zip("whole.zip", [("labs.csv", TABLE * 50), ("people.csv", TABLE)])
    with open(whole, "rb") as file:
        content = file.read()
    for cut in (30, len(content) // 2, len(content) - 10):
        refused(f"a ZIP cut at byte {cut}", ["import", make("cut.zip", content[:cut]), "--name", "bad"])
    refused("no ZIP at all", ["import", make("false.zip", random.Random(1).randbytes(5000)), "--name", "bad"])
    bomb = make_zip("bomb.zip", [("bomb.csv", "a,b\n" + "1,2\n" * (40 << 20))])
    refused("a ZIP bomb of 160 MB in %d kB" % (os.path.getsize(bomb) // 1000), ["import", bomb, "--name", "bad"])
    noise = "id,text\n" + "".join(f"{n},{random.Random(n).getrandbits(256):x}\n" for n in range(40000))
    refused("an archive over the stated total", ["import", make_zip("total.zip", [("noise.csv", noise)]), "--name", "bad", "--max-bytes", "1MB"])
    for name, member in (("climb", "../../escaped.csv"), ("absolute", "/tmp/marrow-escaped.csv"), ("inside", "a/../../escaped.csv")):
        refused(f"an archive member {member}", ["import", make_zip(f"{name}.zip", [("ok.csv", TABLE), (member, TABLE)]), "--name", "bad"])
    checks.that(not os.path.exists(os.path.join(scratch, "escaped.csv")) and not os.path.exists("/tmp/marrow-escaped.csv"), "a member escaped")
    locked = bytearray(content)
    at = 0
    while (at := locked.find(b"PK\x03\x04", at)) >= 0:  # general purpose bit 0: encrypted
        locked[at + 6] |= 1
        at += 4
    at = 0
    while (at := locked.find(b"PK\x01\x02", at)) >= 0:
        locked[at + 8] |= 1
        at += 4
    refused("an encrypted ZIP", ["import", make("locked.zip", bytes(locked)), "--name", "bad"], mention=["crypt"])
    crossed = bytearray(content)
    crossed[content.find(b"PK\x01\x02") - 200] ^= 0x40
    refused("a ZIP with a flipped bit", ["import", make("flipped.zip", bytes(crossed)), "--name", "bad"])
    refused("an archive without data", ["import", make_zip("nothing.zip", [("LICENSE", "free"), ("a.docx", b"PK")]), "--name", "bad"])


def files():
    refused("an empty file", ["import", make("empty.csv"), "--name", "bad"], mention=["empty"])
    refused("random bytes named .csv", ["import", make("noise.csv", random.Random(2).randbytes(200_000)), "--name", "bad"])
    with open(BINARY, "rb") as file:
        refused("a program named .csv", ["import", make("program.csv", file.read(300_000)), "--name", "bad"])
    with open(os.path.join(scratch, "line.csv"), "wb") as file:
        file.write(TABLE.encode() + b"77,")
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b",871-22-9981,1\n78,Kowalczyk,871-22-9981,2\n")
    refused("a line of 100 MB", ["import", os.path.join(scratch, "line.csv"), "--name", "bad"])
    os.remove(os.path.join(scratch, "line.csv"))
    refused("false Parquet", ["import", make("false.parquet", b"PAR1" + b"\0" * 500 + b"PAR1"), "--name", "bad"])
    refused("false Excel", ["import", make("false.xlsx", "PK\x03\x04 no"), "--name", "bad"])
    refused("false SPSS", ["import", make("false.sav", b"$FL2" + b"\0" * 200), "--name", "bad"])
    refused("a path that is not there", ["import", os.path.join(scratch, "nowhere.csv"), "--name", "bad"], statuses=(6,))
    refused("a name that is none", ["import", make("fine.csv", TABLE), "--name", "../x"], statuses=(2, 3))
    refused("an empty folder", ["import", os.path.dirname(make("folder/.keep")), "--name", "bad"])
    ragged = make("ragged.csv", TABLE + "41,Kowalczyk,871-22-9981,4417.125,surplus\n")
    refused("a ragged row with --strict", ["import", ragged, "--name", "bad", "--strict"])
    wrong = ["import", make("typed.csv", TABLE), "--name", "bad", "--type", "typed.name=bigint", "--strict"]
    refused("a value that its given type can't hold, --strict", wrong)
    refused("an override for no column", ["import", make("fine.csv", TABLE), "--name", "bad", "--type", "fine.nowhere=text"])
    refused("SQL that is no SELECT", ["sql", "good", "DROP TABLE good"])
    refused("two statements", ["sql", "good", "SELECT 1; SELECT 2"])
    refused("a query of a file", ["sql", "good", f"SELECT * FROM read_csv('{ragged}')"], statuses=(1, 3))
    refused("COPY", ["sql", "good", f"COPY (SELECT 1) TO '{scratch}/stolen.csv'"])
    checks.that(not os.path.exists(os.path.join(scratch, "stolen.csv")), "COPY wrote a file")


def unreadable():
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        nobody = None
    if os.geteuid() == 0 and (nobody is None or shutil.which("setpriv") is None):
        checks.skip("an unreadable folder: root reads everything, and setpriv or the user nobody is missing")
        return
    folder = os.path.join(scratch, "closed")
    os.makedirs(os.path.join(folder, "inner"))
    make("closed/inner/a.csv", TABLE)
    make("closed/b.csv", TABLE)
    store = os.path.join(scratch, "nobody-store")
    words = ["--store", store, "--json", "import", folder, "--name", "bad"]
    command = [BINARY, *words]
    if os.geteuid() == 0:
        os.chmod(scratch, 0o755)
        binary = shutil.copy(BINARY, os.path.join(scratch, "marrow"))
        os.makedirs(store)
        os.chown(store, nobody.pw_uid, nobody.pw_gid)
        command = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", binary, *words]
        if subprocess.run([*command[:4], binary, "--version"], capture_output=True).returncode not in (0, 2):
            checks.skip("an unreadable folder: another user cannot run the program here (its library lies in a closed folder)")
            return
    for mode, path in ((0, folder), (0, os.path.join(folder, "inner"))):
        os.chmod(path, mode)
        done = subprocess.run(command, capture_output=True, text=True)
        os.chmod(path, 0o755)
        checks.that(done.returncode in (1, 3, 6) and '"error"' in done.stderr, f"an unreadable folder {os.path.basename(path)}: exit {done.returncode}", done.stdout[-300:] + done.stderr[-600:])
        checks.equal(values_in(done.stdout + done.stderr, SECRETS), [], "an unreadable folder: values shown")


def big_file():
    path = os.path.join(scratch, "big.csv")
    if not os.path.exists(path):
        with open(path, "w") as file:
            file.write("id,name,ssn,value\n")
            for n in range(600_000):
                file.write(f"{n},Kowalczyk{n % 977},871-22-{n % 9973:04},{n * 7919 % 100000 / 8}\n")
    return path


def interrupted():
    listed = program.must("datasets")["datasets"]
    for delay in (0.02, 0.1, 0.3, 0.5):
        before = snapshot(program.store)
        child = subprocess.Popen(program.command("import", big_file(), "--name", "bad"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(delay)
        child.send_signal(signal.SIGINT)
        started = time.monotonic()
        out, err = child.communicate(timeout=60)
        waited = time.monotonic() - started
        checks.that(child.returncode in (130, -signal.SIGINT), f"SIGINT after {delay} s: exit {child.returncode}", err[-500:])
        checks.that(waited < 5, f"SIGINT after {delay} s: took {waited:.1f} s to end")
        checks.that(child.returncode != 130 or '"interrupted"' in err, f"SIGINT after {delay} s: no error object", err[-500:])
        checks.that(snapshot(program.store) == before, f"SIGINT after {delay} s: the store is not as before")
        checks.equal(program.must("datasets")["datasets"], listed, f"SIGINT after {delay} s: datasets")


def two_at_once():
    first = subprocess.Popen(program.command("import", big_file(), "--name", "twice"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lock = os.path.join(program.store, "datasets", "twice", "lock")
    for _ in range(300):
        if os.path.exists(lock) and os.path.getsize(lock) > 0:
            break
        time.sleep(0.01)
    second = program.run("import", make("fine.csv", TABLE), "--name", "twice")
    still = first.poll() is None
    out, err = first.communicate(timeout=120)
    checks.equal(first.returncode, 0, "the first of two imports", err[-500:])
    if checks.that(still, "two imports: the first ended before the second was tried"):
        checks.equal(second.status, 4, "the second of two imports: exit", second.err)
        checks.that(str(first.pid) in second.err, "the second of two imports: the error does not name the holder", second.err)
    other = program.run("import", make("fine.csv", TABLE), "--name", "twice")
    checks.equal(other.status, 0, "an import when the first has ended", other.err)


def newer_and_damaged():
    newer = Program(os.path.join(scratch, "newer"))
    newer.must("import", make("fine.csv", TABLE), "--name", "d")
    path = os.path.join(newer.store, "store.json")
    with open(path) as file:
        document = json.load(file)
    document["format"] += 1
    with open(path, "w") as file:
        json.dump(document, file)
    before = snapshot(newer.store)
    for words in (["datasets"], ["import", make("fine.csv", TABLE), "--name", "e"], ["sql", "d", "SELECT 1"]):
        ran = newer.run(*words)
        checks.that(ran.status == 1 and ran.error and ran.error["code"] == "unsupported" and "newer" in ran.err, f"a newer store, {words[0]}: exit {ran.status}", ran.err)
    checks.that(snapshot(newer.store) == before, "a newer store was touched")

    damaged = Program(os.path.join(scratch, "damaged"))
    damaged.must("import", make("fine.csv", TABLE), "--name", "bad")
    damaged.must("import", make("fine.csv", TABLE), "--name", "good")
    folder = os.path.join(damaged.store, "datasets", "bad")
    version = damaged.current("bad")
    for leaf in ("CURRENT", f"versions/{version}/manifest.json"):
        path = os.path.join(folder, leaf)
        with open(path, "rb") as file:
            content = file.read()
        for bad in (b"", content[: len(content) // 2], b"\xff\x00" * 40):
            with open(path, "wb") as file:
                file.write(bad)
            listed = damaged.run("datasets")
            what = f"a dataset with {leaf.split('/')[-1]} of {len(bad)} odd bytes"
            if checks.equal(listed.status, 0, f"{what}: datasets", listed.err):
                checks.that(any(one["dataset"] == "bad" and one.get("problem") for one in listed.answer["datasets"]), f"{what}: not named damaged", listed.out)
            checks.equal(damaged.run("sql", "good", "SELECT count(*) FROM fine").status, 0, f"{what}: the other dataset")
            asked = damaged.run("sql", "bad", "SELECT 1")
            checks.that(asked.status == 5 and asked.error, f"{what}: asking it gives exit {asked.status}", asked.err)
            verified = damaged.run("verify")
            checks.that(verified.status == 5 and verified.answer and not verified.answer["ok"] and verified.answer["problems"], f"{what}: verify gives exit {verified.status}", verified.out[-300:], verified.err)
        with open(path, "wb") as file:
            file.write(content)
    checks.equal(damaged.run("verify").status, 0, "put right again: verify")


def table_of(answer, name):
    return next((one for one in answer["tables"] if one["name"] == name), None)


def warned(answer, table):
    return bool(table.get("warnings") or answer.get("warnings"))


def imported_with_warning():
    odd = Program(os.path.join(scratch, "odd"))

    def take(what, path, *words):
        ran = odd.run("import", path, "--name", "odd", *words)
        if not checks.equal(ran.status, 0, f"{what}: exit", ran.err):
            return None, None
        table = ran.answer["tables"][0]
        checks.that(warned(ran.answer, table) or table.get("rejected_rows"), f"{what}: no warning", json.dumps(ran.answer)[:600])
        return ran.answer, table

    _, table = take("a header with no rows", make("header.csv", "id,name,value\n"))
    if table:
        checks.equal((table["rows"], [column["name"] for column in table["columns"]]), (0, ["id", "name", "value"]), "a header with no rows")
    wide = ",".join(f"c{n}" for n in range(10_000)) + "\n" + "\n".join(",".join(str(n * row) for n in range(10_000)) for row in range(1, 4)) + "\n"
    started = time.monotonic()
    _, table = take("10,000 columns", make("wide.csv", wide))
    if table:
        checks.equal((table["rows"], len(table["columns"])), (3, 10_000), "10,000 columns")
        checks.equal(odd.rows("odd", "SELECT c9999 FROM wide ORDER BY c9999"), [[9999], [19998], [29997]], "10,000 columns: the last one")
    print(f"10,000 columns took {time.monotonic() - started:.1f} s")
    _, table = take("NUL bytes", make("nul.csv", b"id,text\n1,a\0b\n2,plain\n3,\0\n4,more\n"))
    if table:
        checks.equal(table["rows"] + table["rejected_rows"], 4, "NUL bytes: rows")
    answer, table = take("invalid UTF-8", make("utf8.csv", "id,text\n".encode() + "".join(f"{n},é{n}\n" for n in range(500)).encode() + b"500,\xff\xfe\xfd\n501,fine\n"), "--encoding", "utf-8")
    if table:
        checks.equal((table["rows"], table["rejected_rows"]), (501, 1), "invalid UTF-8: rows, quarantined")
    _, table = take("duplicate and empty column names", make("names.csv", "id,name,,name,NAME,\n1,a,b,c,d,e\n2,f,g,h,i,j\n"))
    if table:
        names = [column["name"] for column in table["columns"]]
        checks.that(len({name.lower() for name in names}) == 6 and all(names), "duplicate and empty names", names)
        checks.equal(table["rows"], 2, "duplicate and empty names: rows")
    _, table = take("ragged rows", make("ragged.csv", TABLE + "41,x,y,1,surplus\n42,z\n"))
    if table:
        checks.equal((table["rows"], table["rejected_rows"]), (39, 2), "ragged rows: rows, quarantined")
        rejects = [os.path.join(folder, "rejects.csv") for folder, _, names in os.walk(odd.store) if "rejects.csv" in names]
        entries = [row for path in rejects for row in csv.DictReader(open(path, newline="", errors="replace"))]
        checks.that(len(entries) >= 3 and all(row.get("line") and row.get("reason") for row in entries), "quarantine gives line and reason", entries[:3])


def main():
    program.must("import", make("good.csv", TABLE), "--name", "good")
    program.must("sql", "good", "SELECT count(*) FROM good")
    for part in (archives, files, unreadable, interrupted, newer_and_damaged, imported_with_warning):
        part()
    good = program.must("verify")
    checks.that(good["ok"], "in the end the store verifies")
    two_at_once()
    checks.end()


main()
