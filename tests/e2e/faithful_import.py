"""Import is faithful: what python wrote is what comes back, record by record; damage is named; decisions can be overridden.

Each part has an independent reference: python's csv, json, gzip, tarfile and zipfile modules, or values worked out by hand.
"""
import csv
import glob
import gzip
import io
import json
import os
import random
import struct
import sys
import tarfile
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import SHARED, Checks, Program, scratch_directory  # noqa: E402

checks = Checks("e2e/faithful_import")
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))
turn = 0


def make(name, content):
    path = os.path.join(scratch, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return path


def take(*words):
    """Import under a fresh name; the name and what ran."""
    global turn
    turn += 1
    name = f"d{turn}"
    return name, program.run("import", *words, "--name", name)


def stored(name, table):
    path = os.path.join(scratch, f"out{turn}-{table}.ndjson")
    program.must("export", name, table, "--format", "ndjson", "--out", path, "--overwrite")
    with open(path, encoding="utf-8") as file:
        return [list(json.loads(line, parse_float=str, parse_int=str).values()) for line in file]


def refused(what, ran, *mentions):
    checks.equal(ran.status, 3, f"{what}: exit status", ran.out[:300], ran.err[-500:])
    for word in mentions:
        checks.that(word in ran.err, f"{what}: the error does not say '{word}'", ran.err[-500:])


# ---- random CSV files: python writes, marrow reads, equal ---------------------------------------------------------------
LETTERS = ["a", "Z", "0", "9", " ", ",", '"', "\n", "\r\n", "é", "日", "😀", "'", ";", "\t", "|", "#", "\\", "-", ".", ":", "k", "m", "n"]


def random_cell(dice, letters):
    kind = dice.random()
    if kind < 0.15:
        return ""
    if kind < 0.3:
        return dice.choice(["0389", "NA", "?", "1.50", "x", "2020-01-01", "true"])
    return "".join(dice.choice(letters) for _ in range(dice.randint(1, dice.choice([3, 12])))).rstrip("\r")


def random_file(dice):
    letters = dice.sample(LETTERS, dice.randint(3, len(LETTERS))) + ["k", "m", "n"]
    letters += ["\0"] if dice.random() < 0.1 else []
    letters += ["\r"] if dice.random() < 0.2 else []
    columns, end = dice.randint(1, 6), dice.choice(["\n", "\r\n"])
    rows = [["x y"] * columns] + [[random_cell(dice, letters) for _ in range(columns)] for _ in range(dice.randint(1, 60))]
    if columns == 1:
        rows = [row if row[0].strip() else ["e"] for row in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=dice.choice([",", ",", ";", "\t", "|"]), lineterminator=end,
                        quoting=dice.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    writer.writerow([f"col_{n}" for n in range(columns)])
    writer.writerows(rows)
    written = text.getvalue()
    return rows, written.removesuffix(end) if dice.random() < 0.2 else written


def random_files_come_back():
    dice, expected, records = random.Random(20), {}, 0
    for n in range(120):
        expected[f"t{n}"], text = random_file(dice)
        records += len(expected[f"t{n}"])
        make(f"random/t{n}.csv", text)
    name, ran = take(os.path.join(scratch, "random"), "--null", "no such text")
    if not checks.equal(ran.status, 0, "random CSV files import", ran.err[-800:]):
        return
    out = os.path.join(scratch, "random-out")
    program.must("export", name, "--format", "ndjson", "--out", out)
    for table, rows in expected.items():
        with open(os.path.join(out, table + ".ndjson"), encoding="utf-8") as file:
            found = [[None if value is None else str(value) for value in json.loads(line).values()] for line in file]
        wanted = [[cell or None for cell in row] for row in rows]
        checks.that(found == wanted, f"random file {table}: {len(wanted)} rows written, {len(found)} read", [p for p in zip(wanted, found) if p[0] != p[1]][:1])
    print(f"{records} random records in {len(expected)} files")


# ---- faults in text: rows + rejected rows = records ------------------------------------------------------------------------
def faults_cost_their_own_line():
    long = "y" * (17 << 20)
    head = 'id,v\n' + "".join(f'{n},"a, ""b"""\n' for n in range(90, 100))  # quotes are in use
    cases = {
        "open quote": (head + '1,"a\n2,b\n3,c\n', 12, 1),
        "open quote, closed by chance": (head + '1,"a\n2,"b"\n3,c\n', 12, 1),
        "open quote at the end": (head + '1,a\n2,"b', 11, 1),
        "text after a quote": (head + '1,"a"b\n2,c\n', 11, 1),
        "one stray quote where none are in use": ('id,v\n1,"a\n2,b\n3,c\n', 3, 0),
        "quote inside": ('id,v\n1,5" pipe\n2,c\n', 2, 0),
        "ragged": ("id,v\n1\n2,b,c\n3,d\n4,e\n", 2, 2),
        "zero byte": ("id,v\n1,a\0b\n2,c\n3,d\n", 3, 0),
        "invalid utf-8": (b"id,v\n1,\xc3\xa9\xc3\xa9\n2,\xff\n3,\xc3\xa9\n", 2, 1),
        "mixed line ends": ("id,v\r\n1,a\n2,b\r\n3,c\n", 3, 0),
        "lone carriage return": ("id,v\n1,a\rb\n2,c\n", 2, 0),
        "long line": (f"id,v\n1,a\n2,{long}\n3,c\n", 2, 1),
        "long quoted line": (f'id,v\n1,a\n2,"{long}"\n3,c\n', 2, 1),
        "line of 3 MiB": (f"id,v\n1,a\n2,{long[:3 << 20]}\n3,c\n", 3, 0),
    }
    for what, (text, rows, rejected) in cases.items():
        _, ran = take(make("fault.csv", text))
        if checks.equal(ran.status, 0, what, ran.err[-400:]):
            table = ran.answer["tables"][0]
            checks.equal((table["rows"], table["rejected_rows"]), (rows, rejected), f"{what}: (rows, rejected)")
        _, ran = take(make("fault.csv", text), "--strict")
        checks.equal(ran.status, 3 if rejected else 0, f"{what}: --strict")


# ---- archives -------------------------------------------------------------------------------------------------------------
def archives_are_whole_or_refused():
    text = ("id,v\n" + "".join(f"{n},x{n * 7919 % 1000003}\n" for n in range(5000))).encode()
    packed = gzip.compress(text)
    middle = bytearray(packed)
    middle[len(packed) // 2] ^= 0x55
    good = {"plain.csv.gz": packed, "two.csv.gz": gzip.compress(text[:1000]) + gzip.compress(text[1000:]), "zeros.csv.gz": packed + bytes(512)}
    bad = {"checksum.csv.gz": packed[:-8] + bytes([packed[-8] ^ 255]) + packed[-7:], "flipped.csv.gz": bytes(middle),
           "cut.csv.gz": packed[:-5], "second.csv.gz": packed + gzip.compress(text)[:-9] + b"\0"}
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for n in range(3):
            member = tarfile.TarInfo(f"t{n}.csv")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    tar, size = tar.getvalue(), 512 + (len(text) + 511) // 512 * 512
    good["whole.tar"] = tar
    bad.update({"between.tar": tar[:2 * size], "between.tar.gz": gzip.compress(tar[:2 * size]), "inside.tar": tar[:size + 700]})
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("t0.csv", "w", force_zip64=True) as member:
            member.write(text)
    zipped = zipped.getvalue()
    good["zip64.zip"] = zipped
    other = bytearray(zipped)
    other[8:10] = struct.pack("<H", 9)
    at = other.find(b"PK\1\2")
    other[at + 10:at + 12] = struct.pack("<H", 9)
    wrong = bytearray(zipped)
    wrong[at + 16] ^= 255
    wrong[14] ^= 255
    bad.update({"deflate64.zip": bytes(other), "checksum.zip": bytes(wrong), "cut.zip": zipped[:-60]})
    for name, content in good.items():
        _, ran = take(make("archive/" + name, content))
        if checks.equal(ran.status, 0, f"{name} imports", ran.err[-300:]):
            checks.equal({t["rows"] for t in ran.answer["tables"]}, {5000}, f"{name}: rows")
            checks.equal(len(ran.answer["tables"]), 3 if ".tar" in name else 1, f"{name}: tables")
    for name, content in bad.items():
        _, ran = take(make("archive/" + name, content))
        refused(name, ran, name)


# ---- JSON -----------------------------------------------------------------------------------------------------------------
def json_keeps_what_is_written():
    text = ('{"a":1.50,"b":1e5,"c":12345678901234567890,"d":{"x":1.50,"y":[1,2.0]},"e":"0389","m":1}\n'
            '{"a":2.25,"b":2e-3,"c":1,"e":"1","m":"one"}\n{"a":\n{"a":3,"c":-5,"d":null,"e":"","m":[1],"A":7}\n')
    name, ran = take(make("rows.ndjson", text))
    if checks.equal(ran.status, 0, "ndjson imports", ran.err[-400:]):
        checks.equal(ran.answer["rejected_rows"], 1, "ndjson: rejected rows")
        types = {column["name"]: column["type"] for column in ran.answer["tables"][0]["columns"]}
        checks.equal(types, {"a": "decimal(18,2)", "b": "double", "c": "decimal(38,0)", "d": "text", "e": "text", "m": "text", "A_2": "bigint"}, "ndjson: types")
        found = program.rows(name, "SELECT a::varchar, c::varchar, d, e, m, A_2 FROM rows")
        checks.equal(found, [["1.50", "12345678901234567890", '{"x":1.50,"y":[1,2.0]}', "0389", "1", None], ["2.25", "1", None, "1", "one", None],
                             ["3.00", "-5", None, None, "[1]", 7]], "ndjson: values")
    _, ran = take(make("cut.json", '[{"id":1},{"id":2'))
    refused("a cut-off array", ran, "malformed JSON")


# ---- types: given texts, expected type, expected values ------------------------------------------------------------------
TYPES = [
    (["2020-01-01T10:00:00Z", "2020-01-01 10:00:00+0530", "2020-01-01 10:00:00.5+05", "2020-01-01 10:00:00-08:00"], "timestamptz",
     ["1577872800000000", "1577853000000000", "1577854800500000", "1577901600000000"]),
    (["31/12/2020", "1/2/2021"], "date", ["2020-12-31", "2021-02-01"]), (["12/31/2020", "1/2/2021"], "date", ["2020-12-31", "2021-01-02"]),
    (["1.2.2020", "31.12.1999"], "date", ["2020-02-01", "1999-12-31"]), (["31-DEC-2020", "1-Jan-2021"], "date", ["2020-12-31", "2021-01-01"]),
    (["31DEC2020:10:11:12", "01JAN2021:00:00:00"], "timestamp", ["2020-12-31 10:11:12", "2021-01-01 00:00:00"]),
    (["12/31/2020 9:05", "1/2/2021 23:59"], "timestamp", ["2020-12-31 09:05:00", "2021-01-02 23:59:00"]),
    (["2020/12/31 9:05:07", "2021/1/2 23:59:00"], "timestamp", ["2020-12-31 09:05:07", "2021-01-02 23:59:00"]),
    (["1/2/2020", "3/4/2020"], "text", ["1/2/2020", "3/4/2020"]), (["0001-01-01", "9999-12-31", "2000-02-29"], "date", ["0001-01-01", "9999-12-31", "2000-02-29"]),
    (["0000-01-01", "2000-02-29"], "text", ["0000-01-01", "2000-02-29"]), (["1900-02-29", "2000-02-29"], "text", ["1900-02-29", "2000-02-29"]),
    (["0." + "1" * 38, "-0." + "9" * 38], "decimal(38,38)", ["." + "1" * 38, "-." + "9" * 38]), (["1" * 39, "2"], "text", ["1" * 39, "2"]),
    (["9223372036854775807", "-9223372036854775808"], "bigint", ["9223372036854775807", "-9223372036854775808"]),
    (["9223372036854775808", "-9223372036854775809"], "decimal(38,0)", ["9223372036854775808", "-9223372036854775809"]),
    (["5e-324", "1"], "text", ["5e-324", "1"]), ([" 5", "7 "], "bigint", ["5", "7"]), (["0389", "4019"], "text", ["0389", "4019"]),
    (["NA", "5", "7.25", "."], "decimal(18,2)", [None, "5.00", "7.25", None]), (["00:00", "23:59:59"], "time", ["00:00:00", "23:59:59"]),
]


def types_lose_nothing():
    for n, (texts, _, _) in enumerate(TYPES):
        make(f"types/c{n}.csv", "k,v\n" + "".join(f"{k + 1},{text}\n" for k, text in enumerate(texts)))
    name, ran = take(os.path.join(scratch, "types"))
    if not checks.equal(ran.status, 0, "types import", ran.err[-400:]):
        return
    columns = {table["name"]: table["columns"][1]["type"] for table in ran.answer["tables"]}
    for n, (texts, wanted, values) in enumerate(TYPES):
        checks.equal(columns[f"c{n}"], wanted, f"type of {texts}")
        value = "epoch_us(v)::varchar" if wanted == "timestamptz" else "v::varchar"
        checks.equal([row[0] for row in program.rows(name, f"SELECT {value} FROM c{n} ORDER BY k")], values, f"values of {texts}")


def names_are_kept_or_renamed():
    make("names/select.csv", "id,ID,,a.b,\"q\"\"x\",é," + "l" * 300 + "\n1,2,3,4,5,6,7\n")
    make("names/marrow_result.csv", "id,v\n1,a\n")
    make("names/it's \"odd\".csv", "id,v\n1,a\n")
    name, ran = take(os.path.join(scratch, "names"))
    if checks.equal(ran.status, 0, "odd names import", ran.err[-400:]):
        tables = {table["name"]: [column["name"] for column in table["columns"]] for table in ran.answer["tables"]}
        checks.equal(tables.get("select"), ["id", "ID_2", "column_3", "a.b", 'q"x', "é", "l" * 255], "odd column names")
        for table in tables:
            quoted = table.replace('"', '""')
            checks.equal(program.rows(name, f'SELECT count(*) FROM "{quoted}"'), [[1]], f"table {table} can be asked")


# ---- overrides ------------------------------------------------------------------------------------------------------------
def overrides_rule():
    path = make("labs.csv", "id,v\n1,5\n2,x\n3,1.5\n4,2020-01-01\n5,\n")
    for kind, rows in {"text": 5, "bigint": 2, "decimal(18,1)": 3, "double": 3, "date": 2, "timestamp": 2, "boolean": 1, "time": 1}.items():
        _, ran = take(path, "--type", f"labs.v={kind}")
        if checks.equal(ran.status, 0, f"--type {kind}", ran.err[-300:]):
            table = ran.answer["tables"][0]
            checks.equal(table["columns"][1]["type"], kind, f"--type {kind}: type")
            checks.that(table["rows"] + table["rejected_rows"] == 5, f"--type {kind}: rows are lost", table["rows"], table["rejected_rows"])
            print(f"    {kind}: {table['rows']} rows, {table['rejected_rows']} rejected")
    _, ran = take(path, "--type", "labs.v=bigint")
    checks.equal(ran.answer and (ran.answer["tables"][0]["rows"], ran.answer["rejected_rows"]), (2, 3), "1.5 is no bigint")
    refused("--strict with misfits", take(path, "--type", "labs.v=bigint", "--strict")[1], "labs")
    refused("an unknown column", take(path, "--type", "labs.w=bigint")[1], "w")
    refused("an unknown table", take(path, "--type", "lab.v=bigint")[1], "lab")
    _, ran = take(path, "--type", "labs.v=number")
    checks.that(ran.status in (2, 3), "an unknown type is refused", ran.err[-300:])


# ---- the manifest against SQL ----------------------------------------------------------------------------------------------
def manifest_agrees_with_sql():
    path = make("facts.csv", "id,n,d,t,m\n" + "".join(f"{k},{['NA', '9', '10', '100.0', ' 9'][k % 5]},{'?' if k % 3 else '1'},{'NULL' if k % 2 else 'b'},-9\n" for k in range(100)))
    name, ran = take(path, "--null", "-9", "--null", "NA", "--null", "?", "--null", "NULL")
    checks.equal(ran.status, 0, "facts import", ran.err[-300:])
    (found,) = glob.glob(os.path.join(program.store, "datasets", name, "objects", "*", "object.json"))
    with open(found, encoding="utf-8") as file:
        profile = json.load(file)["profile"]
    for column in profile:
        (nulls, distinct, least, most), = program.rows(name, 'SELECT count(*) - count("{0}"), count(DISTINCT "{0}"), min("{0}")::varchar, max("{0}")::varchar FROM facts'.format(column["name"]))
        checks.equal((column["nulls"], column["distinct"], column["min"], column["max"]), (nulls, distinct, least, most), f"{column['name']}: nulls, distinct, min, max")
        top = program.rows(name, 'SELECT "{0}"::varchar, count(*) FROM facts WHERE "{0}" IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20'.format(column["name"]))
        checks.equal(column.get("top_values"), top, f"{column['name']}: top values")


def key_folders_are_text_columns():
    for month, text in (("01", "id,v\n1,a\n"), ("02", "id,v,more\n2,b,7\n")):
        name, _ = take(make("part.csv", text))
        folder = os.path.join(scratch, "visits", "year=2020", f"month={month}")
        os.makedirs(folder)
        program.must("export", name, "part", "--format", "parquet", "--out", os.path.join(folder, "p.parquet"))
    name, ran = take(os.path.join(scratch, "visits"))
    if checks.equal(ran.status, 0, "a partitioned folder", ran.err[-300:]):
        types = {column["name"]: column["type"] for column in ran.answer["tables"][0]["columns"]}
        checks.equal(types, {"id": "bigint", "v": "text", "more": "bigint", "month": "text", "year": "text"}, "partitioned: types")
        found = program.rows(name, 'SELECT id, v, more, "month", "year" FROM {} ORDER BY id'.format(ran.answer["tables"][0]["name"]))
        checks.equal(found, [[1, "a", None, "01", "2020"], [2, "b", 7, "02", "2020"]], "partitioned: rows")
        path = os.path.join(scratch, "visits", "year=2020", "month=01", "p.parquet")
        with open(path, "r+b") as file:
            file.seek(20)
            file.write(b"\xff" * 30)
        ran = take(path)[1]
        checks.that(ran.status in (3, 0), "a damaged Parquet file is rejected input", ran.err[-300:])


def labels_come_from_the_catalogue():
    try:
        import subprocess
        packed = os.path.join(SHARED, "data", "statfiles.tar.zst")
        if not os.path.exists(packed):
            raise OSError("no shared data")
        subprocess.run(["tar", "--zstd", "-xf", packed, "-C", scratch], check=True, capture_output=True)
        (data,) = glob.glob(os.path.join(scratch, "**", "hadley.sas7bdat"), recursive=True)
        (catalogue,) = glob.glob(os.path.join(scratch, "**", "formats.sas7bcat"), recursive=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as problem:
        checks.skip(f"SAS catalogues: {problem}")
        return
    path = os.path.join(scratch, "sas.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(data, "study/hadley.sas7bdat")
        archive.write(catalogue, "study/formats.sas7bcat")
        archive.write(catalogue, "study/other.sas7bcat")
    name, ran = take(path)
    if checks.equal(ran.status, 0, "SAS in a ZIP", ran.err[-300:]):
        (manifest,) = glob.glob(os.path.join(program.store, "datasets", name, "versions", "*", "manifest.json"))
        with open(manifest, encoding="utf-8") as file:
            columns = {column["name"]: column for column in json.load(file)["tables"][0]["columns"]}
        checks.equal(columns["gender"].get("value_labels"), [["f", "Female"], ["m", "Male"]], "value labels from formats.sas7bcat")
        checks.equal(columns["q1"].get("label"), "The instructor was well prepared", "variable label")


for part in (random_files_come_back, faults_cost_their_own_line, archives_are_whole_or_refused, json_keeps_what_is_written, types_lose_nothing,
             names_are_kept_or_renamed, overrides_rule, manifest_agrees_with_sql, key_folders_are_text_columns, labels_come_from_the_catalogue):
    part()
checks.end()
