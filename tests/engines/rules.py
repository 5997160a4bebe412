"""Rules run on servers: over tables, a mart, a saved plan and another bundle's rule, their rows are those of the same rules run at home.

PostgreSQL where one is installed, Trino at MARROW_TRINO_URL.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import servers  # noqa: E402
from program import BINARY, Checks, Program, scratch_directory  # noqa: E402

checks = Checks("engines/rules")
scratch = scratch_directory()
marrow = Program(os.path.join(scratch, "store"))


def write(name, document):
    path = os.path.join(scratch, name)
    with open(path, "w") as file:
        json.dump(document, file)
    return path


def scan(table, *columns):
    return {"id": 1, "node": "scan", "table": table, "columns": [list(one) for one in columns]}


def plan(*nodes):
    return {"format": 1, "root": len(nodes), "nodes": list(nodes)}


PATIENT = ("patient_id", "bigint")
SEEN = {"id": 2, "node": "filter", "input": 1, "predicate": {"call": "gt", "args": [{"column": "n"}, {"literal": "1", "type": "bigint"}]}}


def joined(left, right, key):
    """Two scans of different tables side by side."""
    second = dict(right, id=2)
    outputs = [{"as": "right_" + name, "expr": {"column": name}} for name, _ in right["columns"]]
    renamed = {"id": 3, "node": "project", "input": 2, "outputs": outputs}
    return [left, second, renamed, {"id": 4, "node": "join", "join": "inner", "inputs": [1, 3], "left_keys": [{"column": key}],
                                    "right_keys": [{"column": "right_" + key, "side": "right"}]}]


def of_each_kind():
    """A column of each type that the patients' mart has."""
    schema = marrow.must("mart", "build", "ruled", "--grain", "patient")["schema"]
    wanted = {}
    for column, kind in schema.items():
        wanted.setdefault(kind.split("(")[0], (column, kind))
    return list(wanted.values())


def make_inputs():
    """A mart, a saved plan that counts admissions, and another bundle's rule."""
    marrow.must("mart", "build", "ruled", "--grain", "patient")
    columns = {table["name"]: table for table in marrow.must("show", "ruled")["tables"]}
    checks.that("admissions" in columns, "the hospital has admissions", list(columns))
    grouped = plan(scan("admissions", PATIENT), {
        "id": 2, "node": "aggregate", "input": 1, "groups": [{"as": PATIENT[0], "expr": {"column": PATIENT[0]}}],
        "aggregates": [{"as": "n", "expr": {"aggregate": "count_rows"}}]})
    marrow.must("plan", "run", write("counted.json", grouped), "--dataset", "ruled", "--save", "--name", "counted")
    other = {"format": 1, "bundle": "other", "inputs": [{"name": "counted", "columns": [list(PATIENT), ["n", "bigint"]]}],
             "rules": [{"name": "often", "plan": plan(scan("counted", PATIENT, ("n", "bigint")), SEEN),
                        "output": [list(PATIENT), ["n", "bigint"]], "key": [PATIENT[0]]}]}
    marrow.must("rules", "run", write("other.json", other), "--dataset", "ruled")


def bundle():
    mart = [PATIENT] + [one for one in of_each_kind() if one[0] != PATIENT[0]]
    counted, often = scan("counted", PATIENT, ("n", "bigint")), scan("often", PATIENT, ("n", "bigint"))
    beside = joined(scan("mart_patient", *mart), often, PATIENT[0])
    output = [list(one) for one in mart] + [["right_" + PATIENT[0], PATIENT[1]], ["right_n", "bigint"]]
    return write("bundle.json", {
        "format": 1, "bundle": "on_a_server",
        "inputs": [{"name": "mart_patient", "columns": [list(one) for one in mart]},
                   {"name": "counted", "columns": [list(PATIENT), ["n", "bigint"]]},
                   {"name": "often", "columns": [list(PATIENT), ["n", "bigint"]]},
                   {"name": "admissions", "columns": [list(PATIENT)]},
                   {"name": "not_there", "columns": [["a", "bigint"]], "optional": True}],
        "rules": [{"name": "seen_twice", "plan": plan(counted, SEEN), "output": [list(PATIENT), ["n", "bigint"]], "key": [PATIENT[0]]},
                  {"name": "beside", "plan": plan(*beside), "output": output, "key": [PATIENT[0]]},
                  {"name": "of_two", "plan": plan(*joined(scan("beside", PATIENT), scan("admissions", PATIENT), PATIENT[0])),
                   "output": [list(PATIENT), ["right_" + PATIENT[0], PATIENT[1]]]},
                  {"name": "of_none", "plan": plan(scan("not_there", ("a", "bigint"))), "output": [["a", "bigint"]]}]})


def bag(rows):
    return sorted(json.dumps([round(cell, 9) if isinstance(cell, float) else cell for cell in row]) for row in rows)


def one_engine(engine, url, path, home):
    there = {one["name"]: one for one in marrow.must("rules", "run", path, "--dataset", "ruled", "--engine", url, timeout=900)["rules"]}
    for name, one in there.items():
        checks.that(one.get("error") is None and not one["reused"], f"{engine}: {name} ran there", one)
        names = ", ".join(f'"{column}"' for column in home[name]["columns"])
        rows = marrow.must("sql", "ruled", "--engine", url, f"SELECT {names} FROM run_{one['run_id'][:16]}", timeout=600)["rows"]
        checks.equal(len(rows), home[name]["row_count"], f"{engine}: {name} has the rows that it has at home")
        checks.that(bag(rows) == home[name]["rows"], f"{engine}: {name} has the same rows", bag(rows)[:2], home[name]["rows"][:2])
    again = marrow.must("rules", "run", path, "--dataset", "ruled", "--engine", url, timeout=900)["rules"]
    checks.that(all(one["reused"] and one["run_id"] == there[one["name"]]["run_id"] for one in again), f"{engine}: nothing changed: all reused", again)
    print(f"{engine}: {len(there)} rules, {sum(one['row_count'] for one in there.values())} rows", flush=True)


subprocess.run([BINARY, "demo-data", os.path.join(scratch, "hospital"), "--patients", "300", "--no-fhir", "--quiet"], check=True)
marrow.must("import", os.path.join(scratch, "hospital", "hospital.zip"), "--name", "ruled")
make_inputs()
bundle_path = bundle()
home_rules = {}
for ran in marrow.must("rules", "run", bundle_path, "--dataset", "ruled")["rules"]:
    checks.that(ran.get("error") is None, f"at home: {ran['name']}", ran)
    answer = marrow.must("sql", "ruled", f"SELECT * FROM {ran['name']}")
    home_rules[ran["name"]] = {"columns": [column["name"] for column in answer["columns"]], "rows": bag(answer["rows"]), "row_count": ran["row_count"]}
checks.that(home_rules["beside"]["row_count"] > 10, "rules have rows", {name: one["row_count"] for name, one in home_rules.items()})
database = servers.postgres()
if database is not None:
    one_engine("postgresql", database.url, bundle_path, home_rules)
else:
    checks.skip("postgresql: no server is installed")
if servers.trino_url() is not None:
    servers.trino_forget(servers.trino_url(), "marrow_ruled_%")
    one_engine("trino", servers.trino_url(), bundle_path, home_rules)
else:
    checks.skip("trino: MARROW_TRINO_URL is not set")
checks.end()
