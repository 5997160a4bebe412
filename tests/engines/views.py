"""Views as tables of PostgreSQL: those of the schema sqlonfhir hold what the views hold here, have their indexes, and are swapped in together: after a refresh, which
sends what changed, and where a creation fails, all are of one snapshot. Cohorts are counted over them as they are here, and over no others. PostgreSQL where one is installed."""
import glob
import json
import os
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import servers  # noqa: E402
from program import SHARED, Checks, Program, scratch_directory  # noqa: E402

checks = Checks("engines/views")
scratch = scratch_directory()
marrow = Program(os.path.join(scratch, "store"))
VIEWS = ["patient_demographics", "condition_simple", "observation_labs"]


def there(url, sql, name="h"):
    ran = marrow.run("sql", name, sql, "--engine", url)
    return ran.answer["rows"] if ran.status == 0 else ran.err


def check_equal(url, what):
    for view in VIEWS:
        columns = [c["name"] for c in marrow.must("view", "check", view)["columns"]]
        names = ", ".join(f'"{name}"' for name in columns)
        here = sorted(map(json.dumps, marrow.must("sql", "h", f"SELECT {names} FROM sqlonfhir.{view}")["rows"]))
        found = there(url, f"SELECT {names} FROM sqlonfhir.{view}")
        checks.equal(isinstance(found, list) and sorted(map(json.dumps, found)) == here, True, f"{what}: {view}", str(found)[:300])


def main(url):
    demo = os.path.join(scratch, "demo")
    marrow.must("demo-data", demo, "--patients", 50, "--seed", 8)
    folder = os.path.join(demo, "fhir")
    marrow.must("import", folder, "--name", "h")
    marrow.must("push", "h", "--engine", url, "--table", "Patient")  # gives the session of `sql --engine` a schema to stand in
    answer = marrow.must("view", "create", "h", *VIEWS, "--engine", url)
    checks.equal([t["name"] for t in answer["server"]["tables"]], VIEWS, "tables there")
    check_equal(url, "created")
    indexes = there(url, "SELECT count(*) FROM pg_indexes WHERE schemaname = 'sqlonfhir' AND tablename = 'condition_simple'")
    checks.that(isinstance(indexes, list) and indexes[0][0] >= 6, "indexes on ids, codes and dates", indexes)
    path = os.path.join(folder, "Condition.ndjson")
    with open(path) as file:
        lines = file.read().splitlines()
    with open(path, "w") as file:
        file.write("\n".join(lines[5:]) + "\n")
    marrow.must("import", folder, "--name", "h")
    marrow.must("push", "h", "--engine", url, "--table", "Patient")
    how = refreshed(url)
    checks.equal(how, dict.fromkeys(VIEWS, "changes"), "what changed was sent, not all")
    check_equal(url, "refreshed")
    changes_equal_a_full_build(folder, url)
    left = there(url, "SELECT count(*) FROM pg_tables WHERE tablename LIKE '%marrow_staging%'")
    checks.equal(left, [[0]], "nothing staged is left")
    cohorts_of_other_views(folder, url)
    cohorts_while_views_change(url)
    cohorts_beside_recent_changes(url)
    cohorts_on_real_data(url)
    ran = marrow.run("view", "create", "h", "--engine", url.replace("/postgres", "/nowhere", 1) if "/postgres" in url else url + "x")
    checks.that(ran.status != 0 and ran.error is not None, "a server that is not there is an error", ran.out[:200])


def refreshed(url):
    return {table["name"]: table["how"] for table in marrow.must("view", "refresh", "h", "--engine", url)["server"]["tables"]}


def by_hand(url, sql):
    psql = (glob.glob("/usr/lib/postgresql/*/bin/psql") + [shutil.which("psql") or "psql"])[0]
    subprocess.run([psql, "--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql], check=True)


def changes_equal_a_full_build(folder, url):
    """Resources come, go and change, twice; what was put into the table is what a table made anew holds, of which resource too. A table that someone else
    wrote into is made anew."""
    everything = "SELECT * FROM sqlonfhir.condition_simple"
    path = os.path.join(folder, "Condition.ndjson")
    for turn in range(2):
        with open(path) as file:
            lines = file.read().splitlines()
        changed, new = json.loads(lines[3]), json.loads(lines[4])
        changed["code"] = {"text": f"changed {turn}", "coding": [{"system": "http://snomed.info/sct", "code": f"99{turn}"}]}
        new["id"] = f"new-{turn}"
        with open(path, "w") as file:
            file.writelines(line + "\n" for line in [*lines[:1], json.dumps(changed), *lines[4:], json.dumps(new)])
        marrow.must("import", folder, "--name", "h")
        if turn == 0:
            marrow.must("view", "refresh", "h")  # two deltas at once
    marrow.must("push", "h", "--engine", url, "--table", "Patient")
    checks.equal(refreshed(url)["condition_simple"], "changes", "two deltas")
    check_equal(url, "after two deltas")
    put = there(url, everything)
    seen = [any(word in row for row in put) for word in ("new-0", "new-1", "changed 1", "changed 0")]
    checks.equal(seen, [True, True, True, False], "what came and changed is there, what changed once and then went is not")
    by_hand(url, "DROP TABLE sqlonfhir.condition_simple")
    checks.equal(refreshed(url)["condition_simple"], "whole", "a table that is not there")
    checks.equal(sorted(map(json.dumps, put)), sorted(map(json.dumps, there(url, everything))), "changes equal a full build")
    by_hand(url, "UPDATE sqlonfhir.condition_simple SET snomed_code = 'x' WHERE marrow_resource = 'new-1'")
    checks.equal(refreshed(url)["condition_simple"], "whole", "a table that someone else wrote into")
    checks.equal(sorted(map(json.dumps, put)), sorted(map(json.dumps, there(url, everything))), "and then it is as it was")


REAL = "fhir_smart_400"
BOTH = {"male": 8, "female": 12}  # who have type 2 diabetes there
CRITERIA = [
    'condition diabetes before encounter',
    'female and age >= 50 and condition 44054006 and not condition hypertension within 365 days before medication metformin',
    'observation 4548-4 >= 6.5 % at least 2 times within 400 days after condition 44054006',
    '(condition hypertension at age < 50 or condition 44054006 since 2005-03) and alive',
]


def counted(name, criteria, *options):
    return marrow.run("cohort", "count", name, criteria, *options)


def same_counts(name, criteria, url, *options):
    """The server's answer, which has the counts of the plan and of SQL here."""
    here = marrow.must("cohort", "count", name, criteria, *options)
    there = marrow.must("cohort", "count", name, criteria, "--engine", url, *options)
    for part in ("count", "suppressed", "attrition", "signature", "reading", "version", "as_of", "data_as_of", "notes"):
        checks.equal(there[part], here[part], f"{criteria} {options}: {part} on the server")
    checks.equal((there["route"], {view["route"] for view in there["views"].values()}), ("postgresql", {"postgresql"}), f"{criteria}: route")
    return there


def cohorts_on_real_data(url):
    """fhir_smart_400: what is known of it, an order in time, values, small cells; SQL as it ran."""
    packed = os.path.join(SHARED, "data", REAL + ".tar.zst")
    if not os.path.exists(packed):
        checks.skip(f"cohorts over {REAL} (no {packed})")
        return
    subprocess.run(["tar", "--zstd", "-xf", packed, "-C", scratch], check=True)
    marrow.must("import", os.path.join(scratch, REAL), "--name", "real")
    marrow.must("view", "create", "real", "--engine", url)
    marrow.must("push", "real", "--engine", url, "--table", "Patient")
    for gender, count in BOTH.items():
        answer = same_counts("real", f"{gender} and condition 44054006", url)
        checks.equal(answer["count"], count, f"{gender}, of PostgreSQL")
        checks.that('FROM sqlonfhir."condition_simple"' in answer["sql"], "the SQL names the server's tables", answer["sql"])
        rows = there(url, answer["sql"], "real")
        checks.equal(rows, [[i, one["count"]] for i, one in enumerate(answer["attrition"])], f"{gender}: the SQL of the answer, asked again")
        shown = marrow.must("cohort", "show", "real", f"{gender} and condition 44054006", "--engine", url)
        checks.equal((shown["sql"], shown["route"]), (answer["sql"], "postgresql"), "show tells what count runs")
    for criteria in CRITERIA:
        answer = same_counts("real", criteria, url)
        checks.that(0 < answer["count"] < 400, f"{criteria}: some, not all", answer["count"])
    hidden = same_counts("real", "female and condition 44054006", url, "--suppress", 13)
    checks.equal((hidden["count"], hidden["suppressed"]), (None, True), "few patients stay hidden")


def refused(name, url, words, what, *options, criteria="female and condition E11*"):
    ran = counted(name, criteria, "--engine", url, *options)
    said = json.dumps(ran.error) + ran.err
    checks.that(ran.status == 6 and all(word in said for word in words), what, (ran.status, said))


def cohorts_of_other_views(folder, url):
    """Views that are not there, of another version, of another dataset: an error that says what to do, never a count."""
    criteria = "female and condition diabetes"
    refused("h", url, ["is not on the server", "marrow view create h medication_requests --engine"], "a view that is not there", criteria="medication metformin")
    same_counts("h", criteria, url)
    answer = marrow.must("cohort", "count", "h", criteria, "--engine", url)
    before = answer["version"]
    path = os.path.join(folder, "Condition.ndjson")
    with open(path) as file:
        lines = file.read().splitlines()
    with open(path, "w") as file:
        file.write("\n".join(lines[5:]) + "\n")
    marrow.must("import", folder, "--name", "h")
    refused("h", url, [f"of version {before[:12]} of 'h'", "marrow view create h condition_simple --engine", f"--version {before[:12]}"], "views of another version")
    checks.equal(marrow.must("cohort", "count", "h", criteria, "--engine", url, "--version", before)["count"], answer["count"], "the version that is there")
    same_counts("h", "female and age >= 40", url)  # the patients did not change: their view is this version's, too
    marrow.must("view", "refresh", "h", "--engine", url)
    same_counts("h", criteria, url)
    refused("h", url, ["is not on the server"], "a view that is not there, of an older version", "--version", before, criteria="medication metformin")
    refused("h", url, ["of version", f"expected version {before[:12]}"], "an older version after a refresh", "--version", before)


def cohorts_while_views_change(url):
    """Another dataset's views come and go in the same place: a count is right, or an error."""
    other = os.path.join(scratch, "other")
    marrow.must("demo-data", other, "--patients", 30, "--seed", 9)
    marrow.must("import", os.path.join(other, "fhir"), "--name", "other")
    criteria = "female and condition diabetes"
    expected = marrow.must("cohort", "count", "h", criteria)["attrition"]
    checks.that(marrow.must("cohort", "count", "other", criteria)["attrition"] != expected, "the two can be told apart", expected)
    marrow.must("view", "create", "other", *VIEWS, "--engine", url)
    refused("h", url, ["of 'other'", "marrow view create h"], "another dataset's views")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for name in ("h", "other"):
                marrow.must("view", "create", name, *VIEWS[:2], "--engine", url)

    swapping = threading.Thread(target=swap)
    swapping.start()
    right = 0
    try:
        for _ in range(40):
            ran = counted("h", criteria, "--engine", url)
            right += ran.status == 0
            checks.that(ran.status != 0 or ran.answer["attrition"] == expected, "a count while views are swapped", ran.out[:500])
            checks.that(ran.status in (0, 1, 4, 6), "else an error", (ran.status, ran.err[:300]))
    finally:
        stop.set()
        swapping.join()
    checks.that(right > 0, "some were counted between", right)


def cohorts_beside_recent_changes(url):
    """Every patient becomes a man, here; the server keeps the version's, and the answer says so."""
    marrow.must("view", "create", "other", *VIEWS[:2], "--engine", url)
    before = same_counts("other", "female", url)
    with open(os.path.join(scratch, "other", "fhir", "Patient.ndjson")) as file:
        people = [json.loads(line) for line in file]
    for person in people:
        person["gender"] = "male"
        person["meta"] = {"lastUpdated": "2100-01-01T00:00:00Z"}
    path = os.path.join(scratch, "changes.ndjson")
    with open(path, "w") as file:
        file.writelines(json.dumps(person) + "\n" for person in people)
    marrow.must("fhir", "apply", "other", path)
    checks.equal(marrow.must("cohort", "count", "other", "female")["count"], 0, "here")
    answer = marrow.must("cohort", "count", "other", "female", "--engine", url)
    checks.equal(answer["attrition"], before["attrition"], "on the server")
    checks.that("since the version are not there" in answer["why"], "recent changes are said not to be there", answer["why"])


server = servers.postgres()
if server is None:
    checks.skip("no PostgreSQL server is installed")
else:
    main(server.url)
checks.end()
