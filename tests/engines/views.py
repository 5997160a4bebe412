"""Views as tables of PostgreSQL: those of the schema sqlonfhir hold what the views hold here, have their indexes, and are swapped in together: after a refresh, and
where a creation fails, all are of one snapshot. PostgreSQL where one is installed."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import servers  # noqa: E402
from program import Checks, Program, scratch_directory  # noqa: E402

checks = Checks("engines/views")
scratch = scratch_directory()
marrow = Program(os.path.join(scratch, "store"))
VIEWS = ["patient_demographics", "condition_simple", "observation_labs"]


def there(url, sql):
    ran = marrow.run("sql", "h", sql, "--engine", url)
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
    marrow.must("view", "refresh", "h", "--engine", url)
    check_equal(url, "refreshed")
    left = there(url, "SELECT count(*) FROM pg_tables WHERE tablename LIKE '%marrow_staging%'")
    checks.equal(left, [[0]], "nothing staged is left")
    ran = marrow.run("view", "create", "h", "--engine", url.replace("/postgres", "/nowhere", 1) if "/postgres" in url else url + "x")
    checks.that(ran.status != 0 and ran.error is not None, "a server that is not there is an error", ran.out[:200])


server = servers.postgres()
if server is None:
    checks.skip("no PostgreSQL server is installed")
else:
    main(server.url)
checks.end()
