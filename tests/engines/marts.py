"""The marts of MIMIC-III's demo built on servers equal the embedded engine's, cell by cell: doubles to a relative 1e-12, all else exactly.

Both sides are streamed in the order of the key and compared row by row. Without MARROW_SHARED the synthetic hospital takes MIMIC's place.
"""
import glob
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import servers  # noqa: E402
from program import BINARY, SHARED, Checks, Program, scratch_directory  # noqa: E402

RELATIVE = 1e-12
checks = Checks("engines/marts")
scratch = scratch_directory()
marrow = Program(os.path.join(scratch, "store"))


def import_data():
    mimic = glob.glob(os.path.join(SHARED, "data", "mimic3_demo*"))
    if mimic:
        marrow.must("import", *mimic, "--name", "study", timeout=600)
        return
    checks.skip("MIMIC-III: MARROW_SHARED has none; the synthetic hospital is used")
    subprocess.run([BINARY, "demo-data", os.path.join(scratch, "hospital"), "--patients", "200", "--no-fhir", "--quiet"], check=True)
    marrow.must("import", os.path.join(scratch, "hospital", "hospital.zip"), "--name", "study")


def exact(*words):
    """An answer whose numbers with a point are texts, digit for digit."""
    return json.loads(marrow.run(*words, timeout=600).out, parse_float=str)


def table_rows(url, mart):
    """Rows of a mart on a server, its tables side by side, by the key."""
    keys = mart["grain_key"]
    columns = list(mart["schema"])
    parts = []
    order = ", ".join(str(1 + columns.index(key)) for key in keys)
    for number, table in enumerate(mart["layout"]["tables"]):
        if number > 0:  # the key's columns come in the plan's order, before or between the others
            order = ", ".join('"%s"' % key for key in keys)
        parts.append(exact("sql", "study", "--engine", url, f"SELECT * FROM {table} ORDER BY {order}"))
    rows = []
    for row in range(len(parts[0]["rows"])):
        cells = {}
        for part in parts:
            for column, value in zip(part["columns"], part["rows"][row]):
                name = column["name"] if isinstance(column, dict) else column
                if name in cells and name in keys and cells[name] != value:
                    raise SystemExit(f"FAILED: the parts of the mart disagree on the key: {name}")
                cells.setdefault(name, value)
        rows.append(list(cells.values()))
    return rows


def same(a, b, kind):
    if a == b:
        return True
    if kind != "double" or a is None or b is None:
        return False
    x, y = float(a), float(b)
    return x == y or (x != x and y != y) or abs(x - y) <= RELATIVE * max(abs(x), abs(y))


def compare(name, here, there, types):
    checks.equal(len(there), len(here), f"{name}: rows")
    different, cells, rounded = [], 0, 0
    for left, right in zip(here, there):
        if not checks.that(len(left) == len(right), f"{name}: {len(left)} cells here, {len(right)} there"):
            return
        for column, (a, b) in enumerate(zip(left, right)):
            cells += 1
            rounded += a != b
            if not same(a, b, types[column][1]):
                different.append((types[column][0], types[column][1]))
    checks.that(not different, f"{name}: {len(different)} of {cells} cells differ", sorted(set(different))[:20])
    print(f"{name}: {len(here)} rows, {cells} cells, {rounded} doubles apart by less than 1e-12", flush=True)


def build_and_compare(engine, url, grain):
    home = marrow.must("mart", "build", "study", "--grain", grain, timeout=600)
    order = ", ".join('"%s"' % key for key in home["grain_key"])
    here = exact("sql", "study", f"SELECT * FROM {home['name']} ORDER BY {order}")["rows"]
    started = time.time()
    there = marrow.run("mart", "build", "study", "--grain", grain, "--engine", url, timeout=900)
    if "plans cannot be written in the dialect" in there.err:
        return checks.skip(f"{engine}: {there.error['message']}")
    if not checks.that(there.status == 0, f"{engine}: the {grain} mart is built there", there.err):
        return
    mart = there.answer
    took = time.time() - started
    checks.equal(mart["reused"], False, f"{engine} {grain}: built, not reused")
    checks.equal(mart["signature"], home["signature"], f"{engine} {grain}: the same plan")
    checks.that(mart["run_id"] != home["run_id"], f"{engine} {grain}: another run")
    checks.equal(mart["schema"], home["schema"], f"{engine} {grain}: the same columns and types")
    checks.that(mart["invariants_checked"] > 0, f"{engine} {grain}: invariants were checked")
    checks.equal(mart["layout"]["kind"], "table", f"{engine} {grain}: kept there")
    checks.that("@" not in mart["layout"]["url"], f"{engine} {grain}: no user in the manifest", mart["layout"]["url"])
    compare(f"{engine} {grain}", here, table_rows(url, mart), list(home["schema"].items()))
    again = marrow.must("mart", "build", "study", "--grain", grain, "--engine", url, timeout=900)
    checks.equal((again["reused"], again["run_id"]), (True, mart["run_id"]), f"{engine} {grain}: reused")
    print(f"{engine} {grain}: {took:.1f} s there, {mart['duration_ms']} ms of it the run; again {again['duration_ms']} ms", flush=True)
    if mart.get("computed_by_marrow"):
        print(f"{engine} {grain}: computed by Marrow: {mart['computed_by_marrow']}")


def pushed_is_reused(engine, url):
    first = marrow.must("push", "study", "--engine", url, timeout=900)
    checks.that(all(not one["reused"] for one in first["tables"]), f"{engine}: nothing was there")
    again = marrow.must("push", "study", "--engine", url, timeout=900)
    checks.that(all(one["reused"] for one in again["tables"]), f"{engine}: the same version is reused")
    rows = sum(one["rows"] for one in first["tables"])
    print(f"{engine}: {len(first['tables'])} tables, {rows} rows pushed in {first['duration_ms']} ms, again {again['duration_ms']} ms", flush=True)


def sql_is_read_only(engine, url):
    table = marrow.must("show", "study")["tables"][0]
    name, count = table["name"], table["rows"]
    comment = "/* a comment */" if engine == "trino" else "/* a /* nested */ comment */"  # Trino's do not nest
    found = marrow.must("sql", "study", "--engine", url, f'{comment} SELECT count(*) FROM "{name}"')["rows"]
    checks.equal(int(found[0][0]), count, f"{engine}: a statement over a pushed table")
    limited = marrow.must("sql", "study", "--engine", url, "--limit", 1, "VALUES (1), (2), (3)")
    checks.equal(len(limited["rows"]), 1, f"{engine}: the row cap")
    for refused in (f'DELETE FROM "{name}"', f'SELECT 1; DROP TABLE "{name}"', f'DROP TABLE "{name}"', "CREATE TABLE x AS SELECT 1 AS a",
                    f'WITH gone AS (DELETE FROM "{name}" RETURNING 1) SELECT * FROM gone', "SET search_path TO public"):
        ran = marrow.run("sql", "study", "--engine", url, refused)
        checks.that(ran.status != 0, f"{engine}: refused: {refused}", ran.out)
    found = marrow.must("sql", "study", "--engine", url, f'SELECT count(*) FROM "{name}"')["rows"]
    checks.equal(int(found[0][0]), count, f"{engine}: nothing was changed")


def one_engine(engine, url):
    pushed_is_reused(engine, url)
    sql_is_read_only(engine, url)
    for grain in ("patient", "admission", "event"):
        build_and_compare(engine, url, grain)


import_data()
database = servers.postgres()
if database is not None:
    one_engine("postgresql", database.url)
else:
    checks.skip("postgresql: no server is installed")
if servers.trino_url() is not None:
    servers.trino_forget(servers.trino_url(), "marrow_study_%")  # an earlier run's, on a server that is not ours alone
    one_engine("trino", servers.trino_url())
else:
    checks.skip("trino: MARROW_TRINO_URL is not set")
checks.end()
