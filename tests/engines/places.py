"""Registered folders on servers: partitioned Parquet below the folder of files= is read by Trino where it stands, by its partitions; PostgreSQL gets
an index for each partition column, and uses it.

Rows are those of the same plan at home, and what stands in the folder beside or in place of the registered files is never read silently.
PostgreSQL where one is installed, Trino at MARROW_TRINO_URL.
"""
import atexit
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import servers  # noqa: E402
from program import Checks, Program, scratch_directory  # noqa: E402

DAYS, ROWS = 40, 12000  # ROWS / DAYS a folder, and as many without a day
COLUMNS = [["id", "bigint"], ["unit", "text"], ["value", "decimal(18,3)"], ["taken", "timestamp"], ["day", "bigint"], ["ward", "text"]]
checks = Checks("engines/places")
scratch = scratch_directory()
marrow = Program(os.path.join(scratch, "store"))


def scan(*filters):
    nodes = [{"id": 1, "node": "scan", "table": "labs", "columns": COLUMNS}]
    for call, column, literal, kind in filters:
        nodes.append({"id": len(nodes) + 1, "node": "filter", "input": len(nodes),
                      "predicate": {"call": call, "args": [{"column": column}, {"literal": literal, "type": kind}]}})
    path = os.path.join(scratch, f"plan{len(filters)}.json")
    with open(path, "w") as file:
        json.dump({"format": 1, "root": len(nodes), "nodes": nodes}, file)
    return path


def make_lake(folder):
    """A folder of Parquet by day and ward, one day null, one ward with a blank; registered as `name`."""
    marrow.must("plan", "run", scan(), "--dataset", "made", "--out", os.path.join(folder, "labs"), "--partition-by", "day", "--partition-by", "ward")
    return os.path.join(folder, "labs")


def import_rows():
    path = os.path.join(scratch, "labs.csv")
    with open(path, "w") as file:
        file.write("id,unit,value,taken,day,ward\n")
        for row in range(ROWS):
            day = "" if row % (DAYS + 1) == DAYS else row % (DAYS + 1)
            file.write(f"{row},{'µg/l' if row % 3 else ''},{row / 8:.3f},2150-01-{1 + row % 28:02d} 0{row % 10}:00:00,{day},{'a b' if row % 2 else 'icu'}\n")
    marrow.must("import", path, "--name", "made")


def bag(answer):
    return sorted(json.dumps(row) for row in answer["rows"])


def run(dataset, plan, *words):
    return marrow.must("plan", "run", plan, "--dataset", dataset, "--limit", 100000, *words, timeout=600)


def same_rows(what, dataset, url, *filters):
    plan = scan(*filters)
    home, there = run(dataset, plan), run(dataset, plan, "--engine", url)
    checks.that(len(home["rows"]) > 0 and bag(home) == bag(there), f"{what}: {len(home['rows'])} rows at home, {len(there['rows'])} there",
                bag(home)[:2], bag(there)[:2])


FILTERS = [("eq", "day", "7", "bigint"), ("eq", "ward", "a b", "text"), ("gt", "id", "4000", "bigint")]


def pushed(url, dataset="lake"):
    return marrow.must("push", dataset, "--engine", url, timeout=600)["tables"][0]


def refused(what, words, url):
    ran = marrow.run("plan", "run", scan(), "--dataset", "lake", "--engine", url)
    checks.that(ran.status == 5 and words in ran.err, f"{what}: refused", ran.status, ran.err[:400])


# -- PostgreSQL --

def on_postgres(server):
    table = pushed(server.url)
    checks.equal((table["in_place"], table.get("copied_because")), (False, None), "postgresql: copied, as ever")
    same_rows("postgresql", "lake", server.url, *FILTERS)

    def ask(sql):
        return subprocess.run(["psql", server.url, "-XAtc", sql], capture_output=True, text=True, check=True).stdout.strip()
    schema = ask("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'marrow\\_lake\\_%'")
    for column, value in (("day", "7"), ("ward", "'icu'")):
        checks.equal(ask(f"SELECT count(*) FROM pg_indexes WHERE schemaname = '{schema}' AND indexdef LIKE '%({column})'"), "1", f"postgresql: an index on {column}")
    plan = ask(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT count(value) FROM \"{schema}\".labs WHERE day = 7")
    checks.that("Index" in plan and "_day_idx" in plan, "postgresql: a filter on a key goes by its index", plan)
    blocks = int(ask(f"SELECT pg_relation_size('\"{schema}\".labs') / 8192"))
    read = re.search(r"Heap Blocks: exact=(\d+)", plan)
    checks.that(read and int(read.group(1)) * 10 < blocks, f"postgresql: a key's rows lie together: {read and read.group(1)} of {blocks} pages are read", plan)
    print(f"postgresql: {plan.splitlines()[1].strip()}; {read.group(0) if read else ''} of {blocks}", flush=True)


# -- Trino --

def rows_scanned(url, sql):
    """By Trino's own count, of the rows that its scans gave."""
    text = "\n".join(row[0] for row in servers.trino_query(url, "EXPLAIN ANALYZE " + sql))
    found = re.findall(r"(?:TableScan|ScanFilter|ScanFilterProject|ScanProject)\[.*?Input: ([0-9.]+)(k?) ?rows", text, re.S)
    return [float(number) * (1000 if kilo else 1) for number, kilo in found], text


def on_trino(url):
    files = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["files"][0]
    folder = tempfile.mkdtemp(prefix="lake-", dir=files)
    os.chmod(folder, 0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(servers.trino_forget, url, "marrow_lake_%")
    lake = make_lake(folder)
    marrow.must("register", lake, "--name", "lake")
    started = set(glob.glob(os.path.join(files, "marrow_lake_*")))
    table = pushed(url)
    checks.equal((table["in_place"], table["rows"], table["reused"]), (True, ROWS, False), "trino: read where it stands")
    checks.equal(set(glob.glob(os.path.join(files, "marrow_lake_*"))), started, "trino: nothing was copied")
    checks.equal((pushed(url)["reused"], pushed(url)["in_place"]), (True, True), "trino: there already")
    same_rows("trino, all rows", "lake", url)
    same_rows("trino, by keys", "lake", url, *FILTERS)
    schema = servers.trino_schemas(url, "marrow_lake_%")[0]
    keys = dict((row[0], row[2]) for row in servers.trino_query(url, f'DESCRIBE "{schema}".labs'))
    checks.equal([name for name, extra in keys.items() if extra == "partition key"], ["day", "ward"], "trino: partitioned by the keys")
    checks.equal(len(servers.trino_query(url, f'SELECT * FROM "{schema}"."labs$partitions"')), 2 * (DAYS + 1), "trino: every folder is a partition")
    scanned, text = rows_scanned(url, f'SELECT sum(value) FROM "{schema}".labs WHERE day = 7')
    expected = sum(row % (DAYS + 1) == 7 for row in range(ROWS))
    checks.that(scanned and max(scanned) == expected, f"trino: a filter on a key reads its folders only: {expected} rows", scanned, text[:3000])
    print(f"trino: in place, {2 * (DAYS + 1)} partitions; a filter on a key reads {scanned} of {ROWS} rows", flush=True)
    a_foreign_file(url, lake)
    a_changed_file(url, lake)
    outside(url)


def a_foreign_file(url, lake):
    one = glob.glob(os.path.join(lake, "day=7", "ward=icu", "*.parquet"))[0]
    other = os.path.join(os.path.dirname(one), "more.parquet")
    shutil.copy(one, other)
    refused("trino, a file that was not registered", "other files stand in its folder", url)
    os.remove(other)
    same_rows("trino, gone again", "lake", url, FILTERS[0])
    shutil.copy(one, other)
    table = pushed(url)
    checks.equal((table["in_place"], table.get("copied_because")), (False, "other files stand in its folder"), "trino: copied instead")
    same_rows("trino, the copy", "lake", url)
    os.remove(other)
    checks.equal(pushed(url)["reused"], True, "trino: the copy stays")
    servers.trino_forget(url, "marrow_lake_%")
    checks.equal(pushed(url)["in_place"], True, "trino: in place again")


def a_changed_file(url, lake):
    one, other = sorted(glob.glob(os.path.join(lake, "day=7", "*", "*.parquet")))
    shutil.copy(one, other)
    refused("trino, a file that changed", "changed after it was registered", url)


def outside(url):
    lake = make_lake(os.path.join(scratch, "elsewhere"))
    marrow.must("register", lake, "--name", "lake_outside")
    table = pushed(url, "lake_outside")
    checks.equal((table["in_place"], table.get("copied_because")), (False, "its folder is not below the one that files= names"), "trino: a folder elsewhere is copied")
    same_rows("trino, from elsewhere", "lake_outside", url, *FILTERS)


os.makedirs(os.path.join(scratch, "here"))
os.makedirs(os.path.join(scratch, "elsewhere"))
import_rows()
marrow.must("register", make_lake(os.path.join(scratch, "here")), "--name", "lake")
database = servers.postgres()
if database is not None:
    on_postgres(database)
else:
    checks.skip("postgresql: no server is installed")
if servers.trino_url() is not None:
    servers.trino_forget(servers.trino_url(), "marrow_lake_%")
    on_trino(servers.trino_url())
else:
    checks.skip("trino: MARROW_TRINO_URL is not set")
checks.end()
