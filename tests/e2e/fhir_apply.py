"""The speed layer from the command line: changes as they come, seen at once by SQL and views, folded into versions. A model in Python says what stands."""
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Checks, Program, scratch_directory  # noqa: E402

checks = Checks("e2e/fhir_apply")
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))
TYPES = {"Patient": "patient_demographics", "Condition": "condition_simple"}
turn = 0


def read(name):
    with open(os.path.join(scratch, "demo", "fhir", name + ".ndjson")) as file:
        return [json.loads(line) for line in file]


def stamp(resource):
    meta = resource.get("meta", {})
    return meta.get("lastUpdated", ""), int(meta.get("versionId", "0") or 0)


def apply(changes, dataset="h"):
    """changes: resources, or (type, id, instant) of deletions."""
    global turn
    turn += 1
    path = os.path.join(scratch, f"changes{turn}.ndjson")
    with open(path, "w") as file:
        for one in changes:
            if isinstance(one, tuple):
                one = {"resourceType": "Bundle", "type": "history", "entry": [{"request": {"method": "DELETE", "url": f"{one[0]}/{one[1]}"}, "response": {"status": "204", "lastModified": one[2]}}]}
            file.write(json.dumps(one) + "\n")
    return program.must("fhir", "apply", dataset, path)


def found(dataset="h", *options):
    """What queries see: ids and code texts, through the tables and through the views."""
    conditions = program.must("sql", dataset, "SELECT id, resource->>'$.code.text' FROM \"Condition\" ORDER BY id", *options)["rows"]
    patients = program.must("sql", dataset, "SELECT id FROM \"Patient\" ORDER BY id", *options)["rows"]
    viewed = program.must("sql", dataset, "SELECT id, code_text FROM sqlonfhir.condition_simple ORDER BY id", *options)["rows"]
    people = program.must("sql", dataset, "SELECT id FROM sqlonfhir.patient_demographics ORDER BY id", *options)["rows"]
    return conditions, viewed, [p[0] for p in patients], [p[0] for p in people]


def check_sees(conditions, patients, what):
    rows, viewed, tables, people = found()
    expected = sorted([c["id"], c["code"]["text"]] for c in conditions.values())
    checks.equal(rows == expected, True, f"{what}: table of conditions", len(rows), len(expected))
    checks.equal(viewed == expected, True, f"{what}: view of conditions", len(viewed), len(expected))
    checks.equal((tables, people), (sorted(patients), sorted(patients)), f"{what}: patients")


program.must("demo-data", os.path.join(scratch, "demo"), "--patients", 40, "--seed", 9)
conditions = {c["id"]: c for c in read("Condition")}
patients = {p["id"]: p for p in read("Patient")}
program.must("import", os.path.join(scratch, "demo", "fhir"), "--name", "h")
program.must("view", "create", "h", "condition_simple", "patient_demographics")


def change_of(condition, when, text):
    changed = json.loads(json.dumps(condition))
    changed["meta"]["lastUpdated"] = when
    changed["code"]["text"] = text
    return changed


def one_day():
    """Changes, deletions and new resources, in a random order, some twice, some out of date."""
    rng = random.Random(4)
    some = rng.sample(sorted(conditions), 20)
    day = [change_of(conditions[c], f"2031-01-01T{h:02d}:00:00.000Z", f"text {n} {h}") for n, c in enumerate(some) for h in (1, 5, 9)]
    day += [change_of(conditions[some[0]], "1999-01-01T00:00:00.000Z", "out of date")]
    gone, back = sorted(patients)[:2]
    day += [("Patient", gone, "2031-01-01T12:00:00.000Z"), ("Patient", back, "2031-01-01T12:00:00.000Z"), dict(patients[back], meta={"lastUpdated": "2031-01-01T13:00:00.000Z"})]
    day += [dict(change_of(conditions[some[0]], "2031-01-01T00:00:00.000Z", "new"), id="new-1")]
    for n, c in enumerate(some):
        conditions[c] = change_of(conditions[c], "2031-01-01T09:00:00.000Z", f"text {n} 9")
    conditions["new-1"] = dict(change_of(conditions[some[1]], "2031-01-01T00:00:00.000Z", "new"), id="new-1")
    del patients[gone]
    rng.shuffle(day)
    accepted = ignored = 0
    for at in range(0, len(day), 7):
        answer = apply(day[at:at + 7] + ([day[at]] if at % 2 else []))
        accepted, ignored = accepted + answer["accepted"], ignored + answer["ignored"]
    checks.that(accepted >= 24 and ignored >= 1, "some stand, some are out of date", accepted, ignored)
    check_sees(conditions, patients, "after a day")
    answer = apply(day)
    checks.equal(answer["accepted"], 0, "the whole day again changes nothing")
    return day


def counted(path):
    program.must("import", path, "--name", "back")
    return program.rows("back", "SELECT count(*) FROM " + os.path.basename(path).split(".")[0])


def named(version, latest, parquet):
    """A version that is named is its own rows, for ever the same, whatever came since; files of Parquet say what the other formats say."""
    checks.equal(counted(parquet), latest, "Parquet has the recent changes")
    batch = os.path.join(scratch, "batch.parquet")
    for view in ("Patient", "sqlonfhir.patient_demographics"):
        checks.equal(program.must("sql", "h", f"SELECT count(*) FROM {view}", "--version", version)["rows"], [[40]], "a version that is named: " + view)
    for verb in (("view", "run", "patient_demographics", "--dataset", "h"), ("view", "query", "h", "patient_demographics", "gender=male,female")):
        checks.equal(program.must(*verb, "--version", version)["row_count"], 40, "… " + " ".join(verb[:2]))
    program.must("view", "run", "patient_demographics", "--dataset", "h", "--version", version, "--format", "parquet", "--out", batch)
    checks.equal(counted(batch), [[40]], "… as Parquet")
    checks.equal([program.must("cohort", "count", "h", "not age > 150", *more)["attrition"][0]["count"] for more in ((), ("--version", version))], [39, 40], "… and cohorts")


def modes():
    version = program.current("h")
    batch = program.must("view", "run", "patient_demographics", "--dataset", "h", "--freshness", "snapshot")
    checks.equal(batch["row_count"], 40, "the snapshot is as it was")
    answer = program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.patient_demographics")
    checks.equal(answer["rows"], [[39]], "latest has the changes")
    checks.that(answer["views"].get("recent_changes", 0) > 0, "and says so", answer["views"])
    saved = program.must("sql", "h", "SELECT count(*) FROM \"Patient\"")
    checks.equal(saved["rows"], [[39]], "without a version named, the changes are there")
    parquet = os.path.join(scratch, "latest.parquet")
    program.must("view", "run", "patient_demographics", "--dataset", "h", "--format", "parquet", "--out", parquet)
    named(version, [[39]], parquet)
    return version


def compacts(before):
    answer = program.must("fhir", "compact", "h")
    checks.that(answer["version"] != before and answer["changes"] > 20, "a new version", answer)
    kept = {t["name"] for t in answer["tables"]}
    checks.equal(kept, {"Condition", "Patient"}, "tables that changed")
    check_sees(conditions, patients, "compacted")
    answer = program.must("sql", "h", "SELECT count(*) FROM sqlonfhir.patient_demographics")
    checks.equal((answer["views"]["patient_demographics"]["route"], "recent_changes" in answer["views"]), ("materialised", False), "views were refreshed")
    checks.equal(program.must("sql", "h", "SELECT count(*) FROM \"Patient\"", "--version", before)["rows"], [[40]], "the version before is as it was")
    checks.equal(program.must("fhir", "compact", "h")["changes"], 0, "nothing is left")
    checks.equal(program.must("verify", "h")["ok"], True, "verify")
    shared = program.must("diff", "h")
    checks.equal({t["name"] for t in shared["tables"] if t["change"] == "changed"}, {"Condition", "Patient"}, "what changed between the versions")


def bad_changes():
    path = os.path.join(scratch, "bad.ndjson")
    with open(path, "w") as file:
        file.write(json.dumps(change_of(conditions["new-1"], "2032-01-01T00:00:00Z", "never")) + "\n{\"resourceType\":\"Condition\", broken\n")
    ran = program.run("fhir", "apply", "h", path)
    checks.that(ran.status == 3 and "line 2" in json.dumps(ran.error), "a broken line refuses all", ran.err)
    check_sees(conditions, patients, "after a broken file")
    ran = program.run("fhir", "apply", "nobody", path)
    checks.equal(ran.status, 6, "no such dataset")


def torn_log():
    """A crash in the middle of an append: the torn end was never acknowledged."""
    apply([change_of(conditions["new-1"], "2033-01-01T00:00:00Z", "whole")])
    conditions["new-1"]["code"]["text"] = "whole"
    log = os.path.join(scratch, "store", "live", "h", "log")
    with open(log, "ab") as file:
        file.write(b"MLV1\0\0\0\0torn")
    check_sees(conditions, patients, "over a torn end")
    apply([("Condition", "new-1", "2034-01-01T00:00:00Z")])
    del conditions["new-1"]
    check_sees(conditions, patients, "after the torn end was cut")


def many_at_once():
    """Writers side by side: all that was acknowledged is there."""
    ids = sorted(conditions)[:12]
    paths = []
    for n, one in enumerate(ids):
        path = os.path.join(scratch, f"side{n}.ndjson")
        with open(path, "w") as file:
            file.write(json.dumps(change_of(conditions[one], "2035-01-01T00:00:00Z", f"side {n}")) + "\n")
        conditions[one]["code"]["text"] = f"side {n}"
        paths.append(path)
    running = [subprocess.Popen(program.command("fhir", "apply", "h", path), stdout=subprocess.PIPE) for path in paths]
    checks.equal([json.loads(r.communicate()[0])["accepted"] for r in running], [1] * 12, "each acknowledged")
    check_sees(conditions, patients, "side by side")


one_day()
compacts(modes())
bad_changes()
torn_log()
many_at_once()
checks.end()
