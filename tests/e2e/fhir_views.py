"""SQL-on-FHIR views from the command line over the synthetic hospital: run, create, refresh, status, drop, search, routes. Every number is worked
out here from the NDJSON by Python; a refresh must equal a full build row for row.
"""
import json
import os
import random
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Checks, Program, scratch_directory  # noqa: E402

checks = Checks("e2e/fhir_views")
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))
BUILT_IN = ["patient_demographics", "condition_simple", "observation_labs", "medication_requests", "procedure_history", "encounter", "us_core_blood_pressure", "medications"]
OF = {"Patient": "patient_demographics", "Condition": "condition_simple", "Observation": "observation_labs"}


def read(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as file:
            found[name] = [line.rstrip("\n") for line in file]
    return found


def write(folder, files):
    os.makedirs(folder, exist_ok=True)
    for name, lines in files.items():
        with open(os.path.join(folder, name), "w") as file:
            file.write("".join(line + "\n" for line in lines))


def make_view(name, resource, **select):
    path = os.path.join(scratch, name + ".json")
    with open(path, "w") as file:
        json.dump({"resourceType": "ViewDefinition", "name": name, "status": "active", "resource": resource, "select": [select]}, file)
    return path


def sorted_rows(dataset, view, *options):
    answer = program.must("sql", dataset, f"SELECT * FROM sqlonfhir.{view}", *options)
    return sorted(map(json.dumps, answer["rows"]))


def view_rows(*words):
    ran = program.run(*words)
    return ran


program.must("demo-data", os.path.join(scratch, "demo"), "--patients", 120, "--seed", 5)
folder = os.path.join(scratch, "demo", "fhir")
files = read(folder)
parsed = {name.split(".")[0]: [json.loads(line) for line in lines] for name, lines in files.items()}
program.must("import", folder, "--name", "h")


def of_one_view():
    path = make_view("coded", "Condition", column=[{"name": "id", "path": "getResourceKey()", "type": "id"}, {"name": "patient", "path": "subject.getReferenceKey(Patient)"}],
                     select=[{"forEach": "code.coding", "column": [{"name": "n", "path": "%rowIndex", "type": "integer"}, {"name": "code", "path": "code", "type": "code"}]}])
    expected = sorted([r["id"], r["subject"]["reference"].split("/")[1], n, c["code"]] for r in parsed["Condition"] for n, c in enumerate(r["code"]["coding"]))
    ran = program.run("view", "run", path, "--data", folder, "--format", "ndjson", "--out", os.path.join(scratch, "coded.ndjson"))
    checks.equal(ran.status, 0, "view run over files", ran.err)
    with open(os.path.join(scratch, "coded.ndjson")) as file:
        rows = [json.loads(line) for line in file]
    checks.equal(sorted([r["id"], r["patient"], r["n"], r["code"]] for r in rows), expected, "rows over files")
    answer = program.must("view", "run", path, "--dataset", "h")
    checks.equal(sorted(answer["rows"]), expected, "rows over a dataset")
    checks.equal(answer["views"]["coded"]["route"], "on the fly", "route")
    answer = program.must("view", "check", path)
    checks.equal([c["type"] for c in answer["columns"]], ["text", "text", "bigint", "text"], "types")
    ran = program.run("view", "run", path, "--data", os.path.join(scratch, "nowhere"))
    checks.that(ran.status == 6 and "nowhere" in ran.error["message"], "a folder that is not there", ran.err)
    table = os.path.join(scratch, "table.csv")
    with open(table, "w") as file:
        file.write("a,b\n1,2\n")
    ran = program.run("view", "run", path, "--data", table, "--format", "csv", "--out", os.path.join(scratch, "none.csv"))
    checks.that(ran.status == 3 and "no FHIR" in ran.error["message"], "a file that is no FHIR", ran.err)
    ran = program.run("view", "run", path, "--data", folder, "--format", "csv", "--out", os.path.join(scratch, "coded.csv"))
    checks.equal(ran.answer["row_count"], len(expected), "rows told when written to a file", ran.out)


def as_tables():
    """import --from-views: a FHIR text is text, also a code of digits, and no text is a missing value; dates and numbers are found by their values."""
    names = ["NA", "null", "?", "\\N", "007", "1e5", "  pad  ", "x\ny", '"q"', "a,b;c", "Total", "NaN", "true", "9999", "unknown"]
    people = [{"resourceType": "Patient", "id": f"{n:03}", "birthDate": f"1950-01-{n + 1:02}", "name": [{"family": name}], "address": [{"city": str(10 + n)}]} for n, name in enumerate(names)]
    facts = [{"resourceType": "Condition", "id": f"c{n}", "subject": {"reference": f"Patient/{n:03}"}, "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]}} for n in range(len(names))]
    write(os.path.join(scratch, "texts"), {"all.ndjson": [json.dumps(one) for one in people + facts]})
    program.must("import", os.path.join(scratch, "texts"), "--name", "texts")
    program.must("import", "--from-views", "texts", "--name", "texts_flat")
    wanted = [[one["id"], one["name"][0]["family"], one["birthDate"], one["address"][0]["city"]] for one in people]
    select = "SELECT id, family_name, CAST(birth_date AS VARCHAR), city FROM patient_demographics ORDER BY id"
    checks.equal(program.rows("texts_flat", select), wanted, "texts as they are")
    checks.equal(program.rows("texts_flat", "SELECT DISTINCT typeof(birth_date), typeof(city) FROM patient_demographics"), [["DATE", "VARCHAR"]], "types")
    checks.equal(program.rows("texts_flat", "SELECT DISTINCT snomed_code FROM condition_simple"), [["44054006"]], "a code of digits is text")
    program.must("import", "--from-views", "texts", "--name", "texts_said", "--type", "patient_demographics.city=bigint", "--null", "NA")
    checks.equal(program.rows("texts_said", "SELECT typeof(min(city)), count(*) - count(family_name) FROM patient_demographics"), [["BIGINT", 1]], "what the user says stays")


def odd_files():
    """What import takes, a run over files takes too, whatever a file is called; what is in no line of its own is never passed over in silence."""
    path = make_view("odd_files", "Patient", column=[{"name": "id", "path": "getResourceKey()", "type": "id"}])
    odd, out = os.path.join(scratch, "odd_files"), os.path.join(scratch, "odd_files.csv")
    first, second = '{"resourceType":"Patient","id":"a"}\n', '{"resourceType":"Patient","id":"b"}\n'
    bundle = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": json.loads(second)}]}) + "\n"

    def run(name, text):
        write(odd, {f"{name}.ndjson": [text.rstrip("\n")]})
        return program.run("view", "run", path, "--data", os.path.join(odd, f"{name}.ndjson"), "--format", "csv", "--out", out, "--overwrite")

    for name, text in (("bom", "\ufeff" + first + second), ("bundle", bundle + first), ("over", '{"resourceType":"Patient",\n"id":"a"}\n' + second),
                       ("array", "[" + first + "," + second + "]")):
        ran = run(name, text)
        checks.equal((ran.status, ran.answer and ran.answer["row_count"]), (0, 2), name, ran.err)
    for name, text, words in (("late", first + bundle, "a Bundle among resources"), ("deep", first + '{"resourceType":"Patient","x":' + "[" * 9999 + "]" * 9999 + "}", "512")):
        ran = run(name, text)
        checks.that(ran.status == 3 and words in ran.error["message"] and ran.error["where"].endswith(f"{name}.ndjson:2"), name, ran.err)


def broken_rules():
    path = make_view("ours", "Patient", column=[{"name": "marrow_resource", "path": "getResourceKey()", "type": "id"}])
    ran = program.run("view", "create", "h", path)
    checks.that(ran.status == 3 and "marrow_resource" in ran.error["message"] and "another name" in ran.error["hint"], "a column of our own's name can't be kept", ran.err)
    """A column of several values: an error that names resource and column, or null and counted, over files and over a dataset alike."""
    path = make_view("several", "Patient", column=[{"name": "id", "path": "getResourceKey()"}, {"name": "given", "path": "name.given"}])
    broken = sum(1 for p in parsed["Patient"] if sum(len(n.get("given", [])) for n in p["name"]) > 1)
    changed = dict(parsed["Patient"][0], name=[{"given": ["a", "b"]}], meta={"lastUpdated": "2099-01-01T00:00:00Z"})
    grown = broken + (0 if sum(len(n.get("given", [])) for n in parsed["Patient"][0]["name"]) > 1 else 1)
    folder_of_one = os.path.join(scratch, "odd")
    write(folder_of_one, {"Patient.ndjson": [json.dumps(dict(p, name=p["name"] + [{"given": ["x"]}])) if n % 10 == 0 else json.dumps(p) for n, p in enumerate(parsed["Patient"])]})
    with open(os.path.join(folder_of_one, "Patient.ndjson")) as file:
        odd = sum(1 for p in map(json.loads, file) if sum(len(n.get("given", [])) for n in p["name"]) > 1)
    program.must("import", folder_of_one, "--name", "odd")
    for place in (["--dataset", "odd"], ["--data", folder_of_one]):
        ran = program.run("view", "run", path, *place)
        checks.that(ran.status == 3 and "given" in ran.err, "several values are an error", ran.err)
        answer = program.must("view", "run", path, *place, "--on-error", "null")
        checks.equal([answer["nulled"], answer["row_count"], sum(1 for r in answer["rows"] if r[1] is None)], [odd, len(parsed["Patient"]), odd], f"null and counted: {place[0]}")
        ran = program.run("view", "run", path, *place, "--on-error", "null", "--format", "parquet", "--out", os.path.join(scratch, "odd.parquet"), "--overwrite")
        checks.equal(ran.answer["nulled"], odd, "counted for Parquet", ran.err)
    with open(os.path.join(scratch, "late.ndjson"), "w") as file:
        file.write(json.dumps(changed) + "\n")
    program.must("fhir", "apply", "h", os.path.join(scratch, "late.ndjson"))
    checks.equal(program.must("view", "run", path, "--dataset", "h", "--on-error", "null")["nulled"], grown, "recent changes counted too")


def numbers_with(odd):
    """The hospital's observations, the numbers at these places beyond every double."""
    lines, places = [], [n for n, o in enumerate(parsed["Observation"]) if "valueQuantity" in o and any(c["code"] == "laboratory" for k in o["category"] for c in k["coding"])]
    for n, line in enumerate(parsed["Observation"]):
        text = json.dumps(line)
        lines.append(text.replace('"value": %s' % json.dumps(line["valueQuantity"]["value"]), '"value": 1e400') if n in {places[k] for k in odd} else text)
    ids = sorted(parsed["Observation"][places[k]]["id"] for k in odd)
    target = os.path.join(scratch, "numbers")
    write(target, dict(files, **{"Observation.ndjson": lines}))
    program.must("import", target, "--name", "numbers")
    return ids, json.loads(lines[places[0]])["code"]["coding"][0]["code"], json.loads(lines[places[0]])["valueQuantity"].get("unit", "")


def nulled_of(answer):
    nulled = next(v for v in answer["views"] if v["name"] == "observation_labs").get("nulled", {"resources": 0, "values": 0, "first": []})
    return nulled["resources"], [f["id"] for f in nulled["first"]]


def numbers_beyond_double():
    """One number that no double holds: an error with its remedy by every route; or null, counted and told by every route, and a refresh counts what a full build counts."""
    (bad,), code, unit = numbers_with([0])
    criteria = f"observation {code} > 0 {unit}".strip()
    for words in (["view", "create", "numbers"], ["view", "query", "numbers", "observation_labs", ""], ["cohort", "count", "numbers", criteria], ["sql", "numbers", "SELECT * FROM sqlonfhir.observation_labs"]):
        ran = program.run(*words)
        checks.that(ran.status == 3 and f"Observation/{bad}" in ran.err and "column value" in ran.err and "--on-error null" in ran.err and "1e400" not in ran.err, f"{words[:2]}: resource, column and remedy", ran.err)
    answer = program.must("cohort", "count", "numbers", criteria, "--on-error", "null")
    notes = [n["message"] for n in answer["notes"] if n["code"] == "nulled_values"]
    checks.that(len(notes) == 1 and f"Observation/{bad}, value" in notes[0], "a cohort tells what is null", answer["notes"])
    few = program.must("cohort", "count", "numbers", criteria, "--on-error", "null", "--suppress", "11")
    checks.that(any(n["code"] == "nulled_values" and n["message"].startswith("some values") for n in few["notes"]) and bad not in json.dumps(few), "small numbers are hidden here too", few["notes"])
    created = program.must("view", "create", "numbers", "--on-error", "null")
    checks.equal(nulled_of(created), (1, [bad]), "created, and counted")
    checks.equal({v["on_error"] for v in created["views"]}, {"null"}, "the mode is told")
    checks.equal(nulled_of(program.must("view", "status", "numbers")), (1, [bad]), "status")
    checks.equal(program.rows("numbers", f"SELECT value FROM sqlonfhir.observation_labs WHERE id = '{bad}'"), [[None]], "null")
    checks.that(any(bad in w for w in program.must("sql", "numbers", "SELECT count(*) FROM sqlonfhir.observation_labs").get("warnings", [])), "sql warns")
    for how in ("materialised", "bitmap"):
        asked = criteria if how == "materialised" else f"observation {code}"
        answer = program.must("cohort", "count", "numbers", asked)
        checks.equal((answer["route"], sum(n["code"] == "nulled_values" for n in answer["notes"])), (how, 1), f"a cohort tells it: {how}")
        program.must("cohort", "index", "numbers")
    checks.that(bad not in json.dumps([e for e in program.must("history", "numbers")["entries"] if e.get("ok")]), "the trail of what went well has numbers alone")
    checks.equal(program.run("view", "create", "numbers", "--on-error", "fail").status, 3, "back to an error: it is one")
    for turn, odd in enumerate(([0, 1], [1, 2, 3], [4], [])):
        ids = numbers_with(odd)[0]
        refreshed = program.must("view", "refresh", "numbers")
        how = next(v for v in refreshed["views"] if v["name"] == "observation_labs")["how"]
        checks.equal((how, nulled_of(refreshed)), ("delta", (len(ids), ids)), f"refresh {turn}: of what changed, and what stayed, counted")
        merged = sorted_rows("numbers", "observation_labs")
        rebuilt = program.must("view", "create", "numbers", "observation_labs", "--force")
        checks.equal((nulled_of(rebuilt), sorted_rows("numbers", "observation_labs") == merged), ((len(ids), ids), True), f"refresh {turn}: as a full build")
    answer = program.must("view", "create", "numbers", "--on-error", "fail")
    checks.equal({(v["on_error"], v["how"]) for v in answer["views"]}, {("fail", "kept")}, "nothing is null: the strict mode is taken without work")


def everything_at_once():
    answer = program.must("view", "create", "h", "--max-staleness", "0")
    checks.equal(sorted(v["name"] for v in answer["views"]), sorted(BUILT_IN), "all built-in views")
    counts = {v["name"]: v["row_count"] for v in answer["views"]}
    checks.equal(counts["patient_demographics"], len(parsed["Patient"]), "one row a patient")
    checks.equal(counts["condition_simple"], len(parsed["Condition"]), "one row a condition")
    women = sum(1 for p in parsed["Patient"] if p["gender"] == "female")
    answer = program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.patient_demographics WHERE gender = 'female'")
    checks.equal(answer["rows"], [[women]], "women")
    checks.equal(answer["views"]["patient_demographics"]["route"], "materialised", "route")
    answer = program.must("view", "create", "h")
    checks.that(all(v["reused"] for v in answer["views"]), "again: all reused", answer)
    answer = program.must("view", "status", "h", "condition_simple")
    checks.equal((answer["views"][0]["fresh"], answer["views"][0]["staleness_s"], answer["views"][0]["pending_changes"]), (True, 0, 0), "status")


def change(rng, count):
    """count conditions changed, some patients gone, some observations new."""
    changed = {name: list(lines) for name, lines in files.items()}
    for at in rng.sample(range(len(changed["Condition.ndjson"])), count):
        one = json.loads(changed["Condition.ndjson"][at])
        one["code"]["text"] = f"changed {rng.random()}"
        changed["Condition.ndjson"][at] = json.dumps(one)
    for at in sorted(rng.sample(range(len(changed["Patient.ndjson"])), 3), reverse=True):
        del changed["Patient.ndjson"][at]
    for n in range(5):
        one = json.loads(changed["Observation.ndjson"][n])
        one["id"] = f"new-{rng.random()}"
        changed["Observation.ndjson"].append(json.dumps(one))
    return changed


def notes(remove):
    """How many notes of what changed the dataset keeps; remove: as a store that has none."""
    runs, found = os.path.join(scratch, "store", "datasets", "h", "runs"), 0
    for run_id in os.listdir(runs):
        with open(os.path.join(runs, run_id, "manifest.json")) as file:
            if json.load(file)["kind"] != "changes":
                continue
        found += 1
        if remove:
            shutil.rmtree(os.path.join(runs, run_id))
    return found


def refreshes():
    global files
    rng = random.Random(7)
    for turn in range(12):
        files = change(rng, 4)
        target = os.path.join(scratch, f"turn{turn}")
        write(target, files)
        program.must("import", target, "--name", "h")
        checks.that(notes(turn % 3 == 1) >= 3, f"turn {turn}: an import notes what changed")
        if turn == 1:
            pending = program.must("view", "status", "h", "condition_simple")["views"][0]["pending_changes"]
            checks.equal((pending, notes(False)), (4, 0), "what is pending is found without a note, and nothing is kept for a question")
        if turn == 0:
            stale = program.must("view", "status", "h", "condition_simple")["views"][0]
            checks.that(not stale["fresh"] and stale["staleness_s"] >= 1 and stale["pending_changes"] == 4, "stale is told", stale)
            before = program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.patient_demographics")
            checks.equal(before["rows"], [[len(files["Patient.ndjson"])]], "stale beyond the target: this version's rows all the same")
            checks.equal(before["views"]["patient_demographics"]["route"], "on the fly", "route")
            old = program.must("view", "run", "patient_demographics", "--dataset", "h", "--freshness", "snapshot")
            checks.equal(old["row_count"], len(parsed["Patient"]), "the snapshot, asked for")
            checks.that(old["views"]["patient_demographics"]["staleness_s"] >= 1 and old.get("warnings"), "and its age is told", old["views"])
        answer = program.must("view", "refresh", "h")
        hows = {v["name"]: v for v in answer["views"]}
        checks.equal(hows["condition_simple"].get("changed_resources"), 4, f"turn {turn}: four changed")
        checks.equal(hows["procedure_history"]["how"], "kept", "what did not change stays")
        for view in OF.values():
            merged = sorted_rows("h", view)
            fresh = program.must("import", target, "--name", f"f{turn}") and sorted_rows(f"f{turn}", view)
            checks.equal(merged == fresh, True, f"turn {turn}: {view} merged equals a full evaluation", len(merged), len(fresh))
    deltas = [v["deltas"] for v in program.must("view", "list", "h")["views"] if v["name"] == "condition_simple"]
    checks.that(deltas[0] <= 8, "deltas are folded", deltas)
    counted = program.must("view", "status", "h", "condition_simple")["views"][0]["rows"]
    checks.equal(counted, len(files["Condition.ndjson"]), "rows are counted over deltas")
    checks.equal(program.must("verify", "h")["ok"], True, "verify")


def searches():
    patients = [json.loads(line) for line in files["Patient.ndjson"]]
    expected = sorted(p["id"] for p in patients if p["gender"] == "male" and p["birthDate"] >= "1950")
    answer = program.must("view", "query", "h", "patient_demographics", "gender=male&birthdate=ge1950")
    at = [c["name"] for c in answer["columns"]].index("id")
    checks.equal(sorted(row[at] for row in answer["rows"]), expected, "men born since 1950")
    answer = program.must("view", "query", "h", "patient_demographics", "birthdate=1950,1951&_sort=-birthdate&_count=3")
    years = [json.dumps(row) for row in answer["rows"]]
    checks.that(len(years) <= 3 and all('"1950-' in y or '"1951-' in y for y in years), "dates are spans", years)
    for bad, word in (("gendre=male", "gender"), ("gender:fuzzy=male", "modifier"), ("birthdate=soon", "date"), ("gender=", "value")):
        ran = program.run("view", "query", "h", "patient_demographics", bad)
        checks.that(ran.status == 3 and word in json.dumps(ran.error), f"{bad} is an error", ran.err)


def drops():
    checks.equal(program.must("view", "drop", "h", "condition_simple")["dropped"], ["condition_simple"], "dropped")
    ran = program.run("view", "refresh", "h", "condition_simple")
    checks.that(ran.status == 6, "gone", ran.err)
    answer = program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.condition_simple")
    checks.equal((answer["rows"], answer["views"]["condition_simple"]["route"]), ([[len(files["Condition.ndjson"])]], "on the fly"), "evaluated all the same")
    kinds = [e["kind"] for e in program.must("history", "h")["entries"]]
    checks.that("views" in kinds, "the history tells", kinds)
    checks.equal(program.must("prune", "h", "--keep", 1) is not None, True, "prune")
    answer = program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.patient_demographics")
    checks.equal(answer["views"]["patient_demographics"]["route"], "materialised", "views outlive the versions that they were built on")


of_one_view()
everything_at_once()
refreshes()
searches()
drops()
as_tables()
odd_files()
broken_rules()
numbers_beyond_double()
checks.end()
