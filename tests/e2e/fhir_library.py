"""Libraries of SQL over views (SQLQuery, SQLView) from the command line: rows over files and a dataset, parameters bound, dependencies found in every
place, cycles and statements that may not run refused, SQLViews kept, refreshed and seen with recent changes. Numbers are worked out here from the NDJSON.
"""
import base64
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Checks, Program, scratch_directory  # noqa: E402

checks = Checks("e2e/fhir_library")
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))
library_folder = os.path.join(scratch, "library")
os.makedirs(library_folder)
CONDITIONS, PATIENTS = "urn:marrow:view:condition_simple", "urn:marrow:view:patient_demographics"


def library(name, sql, depends, params=(), view=True, folder=library_folder, **more):
    path = os.path.join(folder, name + ".json")
    with open(path, "w") as file:
        json.dump({"resourceType": "Library", "id": name, "name": name, "url": f"http://example.org/Library/{name}", "status": "active",
                   "type": {"coding": [{"code": "sql-view" if view else "sql-query"}]},
                   "relatedArtifact": [{"type": "depends-on", "resource": canonical, "label": label} for label, canonical in depends.items()],
                   "parameter": [{"name": n, "use": "in", "type": t, **m} for n, t, m in params],
                   "content": [{"contentType": "application/sql", "data": base64.b64encode(sql.encode()).decode()}], **more}, file)
    return path


program.must("demo-data", os.path.join(scratch, "demo"), "--patients", 120, "--seed", 5)
folder = os.path.join(scratch, "demo", "fhir")
parsed = {}
for name in os.listdir(folder):
    with open(os.path.join(folder, name)) as file:
        parsed[name.split(".")[0]] = [json.loads(line) for line in file]
program.must("import", folder, "--name", "h")
patients = {p["id"]: p for p in parsed["Patient"]}
coded = {}
for condition in parsed["Condition"]:
    for coding in condition["code"]["coding"]:
        if coding["system"].endswith("sct"):
            coded.setdefault(coding["code"], set()).add(condition["subject"]["reference"].split("/")[1])
code = max(coded, key=lambda c: (len(coded[c]), c))


def expected(born, without=()):
    of = [p for p in coded[code] if p not in without and p in patients and patients[p]["birthDate"] < born]
    return sorted([g, sum(1 for p in of if patients[p]["gender"] == g)] for g in {patients[p]["gender"] for p in of})


ill = library("ill", f"SELECT DISTINCT patient_id FROM c WHERE snomed_code = '{code}'", {"c": CONDITIONS})
by_gender = library("by_gender", "SELECT gender, count(*) AS n FROM ill JOIN p ON p.id = ill.patient_id\n"
                    "WHERE birth_date < :born -- not :this\nGROUP BY ALL ORDER BY gender;", {"ill": "http://example.org/Library/ill", "p": PATIENTS},
                    [("born", "date", {})], view=False)


def runs():
    for born in ("1950-01-01", "1980", "2100"):
        ran = program.must("view", "run", by_gender, "--data", folder, "--param", f"born={born}")
        checks.equal(ran["rows"], expected(born), f"over files, born before {born}")
        ran = program.must("view", "run", by_gender, "--dataset", "h", "--param", f"born={born}")
        checks.equal(ran["rows"], expected(born), f"over a dataset, born before {born}")
    checks.equal(ran["views"]["condition_simple"]["route"], "on the fly", "route of a dependency")
    checks.equal([ran["library"], ran["profile"]], ["by_gender", "SQLQuery"], "what it is")
    out = os.path.join(scratch, "rows.ndjson")
    program.run("view", "run", by_gender, "--dataset", "h", "--param", "born=2100", "--format", "ndjson", "--out", out)
    with open(out) as file:
        checks.equal([[r["gender"], r["n"]] for r in map(json.loads, file)], expected("2100"), "as NDJSON")
    out = os.path.join(scratch, "rows.parquet")
    for place in (["--data", folder], ["--dataset", "h"]):
        ran = program.run("view", "run", by_gender, *place, "--param", "born=2100", "--format", "parquet", "--out", out, "--overwrite")
        checks.equal([ran.status, ran.answer["row_count"]], [0, len(expected("2100"))], "as Parquet", ran.err)
    answer = program.must("view", "check", by_gender)
    checks.equal([p["name"] for p in answer["parameters"]], ["born"], "parameters")
    checks.equal([c["type"] for c in answer["columns"]], ["text", "bigint"], "types")
    checks.equal([d["kind"] for d in answer["dependencies"]], ["SQLView", "ViewDefinition"], "dependencies")
    checks.equal(answer["dependencies"][0]["dependencies"][0]["canonical"], CONDITIONS, "what a dependency depends on")


def values():
    for words, status, said in ((["--param", "born=1950' OR '1'='1"], 3, "expected a date"), ([], 3, "has no value"), (["--param", "bor=1950"], 3, "no parameter")):
        ran = program.run("view", "run", by_gender, "--dataset", "h", *words)
        checks.that(ran.status == status and said in ran.error["message"], f"values {words}", ran.err)
        checks.that("1950" not in ran.err, "no value is shown", ran.err)
    typed = library("typed", "SELECT :t = 'a; DROP TABLE p' AS t, :i + 1 AS i, :d * 2 AS d, :b AS b, :o IS NULL AS o, :t::text AS c FROM range(1)", {},
                    [("t", "string", {}), ("i", "integer", {}), ("d", "decimal", {}), ("b", "boolean", {}), ("o", "code", {"min": 0})], view=False)
    ran = program.must("view", "run", typed, "--data", folder, "--param", "t=a; DROP TABLE p", "--param", "i=41", "--param", "d=1.25", "--param", "b=true")
    checks.equal(ran["rows"], [[True, 42, 2.5, True, True, "a; DROP TABLE p"]], "typed values")


def places():
    own = {"resourceType": "ViewDefinition", "id": "own", "url": "http://example.org/own", "version": "2", "name": "own", "status": "active", "resource": "Patient",
           "select": [{"column": [{"name": "id", "path": "getResourceKey()"}]}]}
    where = {"contained": library("q_contained", "SELECT count(*) AS n FROM t", {"t": "#own"}, contained=[own])}
    other = os.path.join(scratch, "other")
    os.makedirs(other)
    with open(os.path.join(other, "own.json"), "w") as file:
        json.dump(own, file)
    where["context"] = library("q_context", "SELECT count(*) AS n FROM t", {"t": "http://example.org/own|2"})
    where["sibling"] = library("q_sibling", "SELECT count(*) AS n FROM t", {"t": "ViewDefinition/own"}, folder=other)
    for place, path in where.items():
        words = ["--context", other] if place == "context" else []
        ran = program.must("view", "run", path, "--data", folder, *words)
        checks.equal(ran["rows"], [[len(patients)]], f"a dependency by {place}")
    ran = program.run("view", "run", where["context"], "--data", folder)
    checks.that(ran.status == 6 and "http://example.org/own|2" in ran.error["message"], "a canonical that leads nowhere", ran.err)
    wrong = library("wrong_version", "SELECT 1 FROM t", {"t": "http://example.org/own|3"})
    checks.equal(program.run("view", "run", wrong, "--data", folder, "--context", other).status, 6, "another version of it")


def refusals():
    for name, to in (("a", "b"), ("b", "c"), ("c", "a")):
        path = library(name, "SELECT * FROM t", {"t": f"http://example.org/Library/{to}"})
    ran = program.run("view", "check", path)
    checks.that(ran.status == 3 and "c → a → b → c" in ran.error["message"], "a cycle, with its path", ran.err)
    for name, sql in (("two", "SELECT 1; SELECT 2"), ("no_select", "DROP TABLE p"), ("file", "SELECT * FROM '/etc/passwd'"), ("reads", "SELECT * FROM read_csv('/etc/passwd')"),
                      ("unlabelled", "SELECT * FROM q"), ("breaks_out", "SELECT 1) UNION ALL (SELECT 2"), ("nested", "SELECT (SELECT max(content) FROM read_text('/etc/passwd'))"),
                      ("raw", 'SELECT * FROM "Patient"'), ("dollar", "SELECT $1"), ("column", "SELECT nam FROM p")):
        path = library("bad_" + name, sql, {"p": PATIENTS}, view=False)
        for verb in (["view", "check", path], ["view", "run", path, "--dataset", "h"], ["view", "run", path, "--data", folder]):
            ran = program.run(*verb)
            checks.equal(ran.status, 3, f"refused: {name}: {verb[1]}", ran.out)
    ran = program.run("view", "run", by_gender, "--dataset", "h", "--param", "born=2100", "--engine", "postgresql://nowhere/x")
    checks.that(ran.status != 0 and "Library" in ran.error["message"], "no server", ran.err)
    ran = program.run("view", "create", "h", by_gender)
    checks.that(ran.status == 3 and "SQLQuery" in ran.error["message"], "a query is not kept", ran.err)
    deep = PATIENTS
    for n in range(40):
        path = library(f"deep{n}", "SELECT * FROM t", {"t": deep})
        deep = f"http://example.org/Library/deep{n}"
    checks.that("deeper" in program.run("view", "check", path).err, "SQLViews on SQLViews, too deep")
    wide = PATIENTS
    for n in range(20):
        path = library(f"wide{n}", "SELECT a.id FROM a JOIN b USING (id)", {"a": wide, "b": wide})
        wide = f"http://example.org/Library/wide{n}"
    checks.that("times over" in program.run("view", "check", path).err, "a SQLView read a million times over")


def kept():
    answer = program.must("view", "create", "h", ill, "condition_simple")
    made = {v["name"]: v for v in answer["views"]}
    checks.equal([made["ill"]["how"], made["ill"]["row_count"]], ["full", len(coded[code])], "a SQLView kept")
    ran = program.must("view", "run", by_gender, "--dataset", "h", "--param", "born=2100")
    checks.equal(ran["views"]["ill"]["route"], "materialised", "what is kept is used by others")
    checks.equal(ran["rows"], expected("2100"), "rows by what is kept")
    checks.equal(program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.ill")["rows"], [[len(coded[code])]], "as a table")
    checks.equal({v["how"] for v in program.must("view", "refresh", "h")["views"]}, {"kept"}, "nothing to refresh")
    checks.equal(program.must("view", "create", "h", ill, "--force")["views"][0]["how"], "full", "proved to be equal")

    gone = sorted(coded[code])[0]
    changes = os.path.join(scratch, "changes.json")
    with open(changes, "w") as file:
        json.dump({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": f"Condition/{c['id']}"}}
                                                                             for c in parsed["Condition"] if c["subject"]["reference"].endswith("/" + gone)]}, file)
    program.must("fhir", "apply", "h", changes)
    checks.equal(program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.ill")["rows"], [[len(coded[code]) - 1]], "recent changes are seen")
    checks.equal(program.must("view", "run", "ill", "--dataset", "h", "--freshness", "snapshot")["row_count"], len(coded[code]), "the snapshot, asked for")
    answer = program.must("fhir", "compact", "h")
    checks.equal({v["name"]: v["how"] for v in answer["views"]}, {"condition_simple": "delta", "ill": "full"}, "refreshed by compaction")
    ran = program.must("view", "run", by_gender, "--dataset", "h", "--param", "born=2100")
    checks.equal([ran["rows"], ran["views"]["ill"]["route"]], [expected("2100", {gone}), "materialised"], "rows after it")
    listed = {v["name"]: v for v in program.must("view", "status", "h")["views"]}
    checks.equal([listed["ill"]["rows"], listed["ill"]["fresh"], listed["ill"]["sql"]], [len(coded[code]) - 1, True, True], "status")
    before = program.must("view", "status", "h")["routes"]
    program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.ill")
    program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.encounter")
    after = program.must("view", "status", "h")["routes"]
    checks.equal({r: after[r] - before[r] for r in after}, {"materialised": 1, "stale": 0, "on_the_fly": 1, "bitmap": 0}, "routes are counted")
    program.must("prune", "h")
    checks.equal(program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.ill")["rows"], [[len(coded[code]) - 1]], "prune keeps it")
    program.must("view", "drop", "h", "ill")
    ran = program.run("sql", "h", "SELECT * FROM sqlonfhir.ill")
    checks.that(ran.status != 0, "dropped", ran.out)


runs()
values()
places()
refusals()
kept()
checks.end()
