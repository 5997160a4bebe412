"""The trail of questions from outside: the value index at import, aliases, and questions of the history asked again, replayed and compared between versions."""
import json
import os
import subprocess
import sys
import tempfile

MARROW = os.environ["MARROW_BINARY"]


def run(*words, status=0):
    done = subprocess.run([MARROW, *words], capture_output=True, text=True)
    if done.returncode != status:
        sys.exit(f"marrow {' '.join(words)}: exit {done.returncode}, expected {status}\n{done.stdout}{done.stderr}")
    return done.stdout if status == 0 or done.stdout else done.stderr


def document(*words, status=0):
    return json.loads(run(*words, "--json", status=status))


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")


def write(folder, patients, pills):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/patients.csv", "w") as out:
        out.write("patient_id,sex,birth_date\n")
        for i in range(patients):
            out.write(f"{i + 1},{'FM'[i % 2]},{1940 + i % 50}-03-0{1 + i % 9}\n")
    with open(f"{folder}/prescriptions.csv", "w") as out:
        out.write("prescription_id,patient_id,start_time,drug,k_serum\n")
        for i in range(pills):
            out.write(f"{i + 1},{1 + i % patients},2020-01-{1 + i % 28:02} 08:00:00,{('Furosemide', 'Metformin', 'Aspirin')[i % 3]},{3 + i % 20 / 10}\n")


def last(name):
    return document("history", name, "--last", "1")["entries"][0]


def values_runs(name):
    """What each source of the dataset's value indexes depends on, by version."""
    runs = {}
    for at, _, files in os.walk(f"{os.environ['MARROW_STORE']}/datasets/{name}/runs"):
        manifest = json.load(open(os.path.join(at, "manifest.json"))) if "manifest.json" in files else {}
        if manifest.get("kind") == "values":
            runs[manifest["version"]] = manifest["sources"]
    return runs


def index_at_import(folder):
    write(f"{folder}/a", 60, 200)
    taken = document("import", f"{folder}/a", "--name", "s", "--quiet")
    check("the import made the index", "question_index_ms" in taken, True)
    check("one run of values", len(values_runs("s")), 1)
    left = document("import", f"{folder}/a", "--name", "left", "--no-question-index", "--quiet")
    check("left to the first question", "question_index_ms" in left, False)
    check("and answered then", document("ask", "left", "how many patients")["value"], 60)


def index_bytes(name):
    found = []
    for at, _, files in os.walk(f"{os.environ['MARROW_STORE']}/datasets/{name}/runs"):
        if "values.index" in files:
            found.append(open(os.path.join(at, "values.index"), "rb").read())
    check("one index", len(found), 1)
    return found[0]


def side_by_side(folder):
    """Who reads a source, and in what company, is not to be seen in the index."""
    write(f"{folder}/wide", 60, 200)
    with open(f"{folder}/wide/visits.csv", "w") as out:
        out.write("visit_id,patient_id," + ",".join(f"kind_{c}" for c in range(30)) + "\n")
        for i in range(900):
            out.write(f"{i + 1},{1 + i * 7 % 60}," + ",".join(f"{'north south east west'.split()[(i * c + i // 7) % 4]} wing of {'cardiology oncology'.split()[i % 2]}" for c in range(30)) + "\n")
    for threads in (1, 2, 4):
        document("import", f"{folder}/wide", "--name", f"by{threads}", "--threads", str(threads), "--quiet")
    check("values of thirty columns", index_bytes("by1").count(b"east wing of oncology") >= 30, True)
    check("by two threads the same bytes", index_bytes("by2") == index_bytes("by1"), True)
    check("by four threads the same bytes", index_bytes("by4") == index_bytes("by1"), True)


def aliases(folder):
    question = "how many patients on water pill"
    check("not known yet", document("ask", "s", question)["status"] != "answered", True)
    run("alias", "s", "add", "water pill", "furosemide")
    answer = document("ask", "s", question)
    check("known", (answer["status"], answer["value"]), ("answered", document("ask", "s", "how many patients on furosemide")["value"]))
    check("said", any("stands for" in why for why in answer["why"]), True)
    run("alias", "s", "add", "potassium", "PRESCRIPTIONS.k_serum")
    listed = document("alias", "s")["aliases"]
    check("spelled as the column is", [(a["phrase"], a["meaning"], a["kind"]) for a in listed],
          [("water pill", "furosemide", "phrase"), ("potassium", "prescriptions.k_serum", "column")])
    check("a column by an alias", document("ask", "s", "average potassium")["status"], "answered")
    entry = last("s") if last("s")["kind"] == "alias" else document("history", "s", "--last", "2")["entries"][0]
    check("recorded", (entry["kind"], entry["decision"], entry["meaning"]), ("alias", "add", "prescriptions.k_serum"))
    check("unknown column", document("alias", "s", "add", "x", "prescriptions.k_serun", status=6)["error"]["hint"], "did you mean prescriptions.k_serum?")
    run("alias", "s", "add", "diuretic", "water pill")
    check("an alias of an alias", document("ask", "s", "how many patients on diuretic")["value"], answer["value"])
    check("a circle", "circle" in document("alias", "s", "add", "furosemide", "diuretic", status=3)["error"]["message"], True)
    check("nothing", "is no column" in document("alias", "s", "add", "zorb", "qwertz", status=3)["error"]["message"], True)
    run("alias", "s", "remove", "diuretic")
    document("alias", "s", "remove", "diuretic", status=6)
    check("gone", [a["phrase"] for a in document("alias", "s")["aliases"]], ["water pill", "potassium"])
    history = open(f"{os.environ['MARROW_STORE']}/datasets/s/history.jsonl").read()
    check("an alias's own words are masked", "water pill" in history or "diuretic" in history, False)


def again(folder):
    first = document("ask", "s", "how many patients on metformin?")
    entry = last("s")
    check("tiers", [(t["name"], t["status"]) for t in entry["tiers"]][0], ("grammar", "answered"))
    check("what it came to", (entry["result_hash"], entry["run_key"], entry["signature"]), (first["result_hash"], first["run_key"], first["signature"]))
    seq = str(entry["seq"])
    check("bit-identical", document("history", "s", "replay", seq)["identical"], True)
    same = document("history", "s", "rerun", seq)
    check("the same", (same["same"], same["answer"]["value"]), (True, first["value"]))
    check("asked again", last("s")["rerun_of"], int(seq))
    offered = document("ask", "s", "how many patients")["follow_ups"]
    document("ask", "s", offered[0])
    check("taken", last("s")["taken"]["kind"], "follow_ups")
    old = first["version"]
    write(f"{folder}/a", 60, 170)
    with open(f"{folder}/a/prescriptions.csv", "a") as out:
        out.write("900,60,2020-02-01 08:00:00,Metformin,3.1\n")
    run("import", f"{folder}/a", "--name", "s", "--quiet")
    difference = document("history", "s", "diff", "--against", old)
    check("nothing changes on the version they were asked on", difference["changed"], 0)
    new = document("versions", "s")["versions"][0]["version"]
    then, now = values_runs("s")[old], values_runs("s")[new]
    check("what did not change is the same, what did is not", (len(then), 0 < len(set(then) & set(now)) < len(now)), (len(now), True))
    difference = document("history", "s", "diff", "--against", new)
    changed = {q["question"]: (q["before"].get("value"), q["after"].get("value"), q["changed"]) for q in difference["questions"]}
    expected = json.loads(run("sql", "s", "SELECT count(DISTINCT patient_id) FROM prescriptions WHERE drug = 'Metformin'", "--format", "json"))["rows"][0][0]
    check("metformin", changed["how many patients on metformin"], (first["value"], expected, expected != first["value"]))
    check("all patients", changed["how many patients"], (60, 60, False))
    other = document("history", "s", "rerun", seq)
    check("on the new version", (other["answer"]["version"], other["answer"]["value"]), (new, expected))
    check("still the old one's rows", document("history", "s", "replay", seq)["identical"], True)
    check("a question that has no rows", document("history", "s", "rerun", "1", status=3)["error"]["message"], "entry 1 is of kind 'import', which is no question")
    check("the chain", document("history", "s", "verify")["ok"], True)
    document("ask", "s", "how many patients on metformin?", "--now", "2021-05-05")
    check("today is kept beside the data", document("history", "s", "rerun", str(last("s")["seq"]))["same"], True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MARROW_STORE"] = f"{folder}/store"
        index_at_import(folder)
        side_by_side(folder)
        aliases(folder)
        again(folder)


if __name__ == "__main__":
    main()
