"""Servers and clients that die in the middle of a push or of a mart's build: a clear error, no run in the store, no half schema there.

Rounds are spread over the time that the whole work takes.   Usage: dying.py [ROUNDS=4]
"""
import glob
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import servers  # noqa: E402
from program import BINARY, Checks, Program, scratch_directory  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 4
checks = Checks("engines/dying")
scratch = scratch_directory()
marrow = Program(os.path.join(scratch, "store"))


def query(url, sql):
    done = subprocess.run(["psql", url, "-XAtc", sql], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"FAILED: psql: {done.stderr[:300]}")
    return done.stdout.split()


def schemas(url):
    return query(url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'marrow\\_%'")


def tables(url, like):
    return query(url, f"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE '{like}'")


def runs():
    """Manifests of marts kept on a server."""
    found = []
    for path in glob.glob(os.path.join(scratch, "store", "datasets", "*", "runs", "*", "manifest.json")):
        with open(path) as file:
            if '"kind": "table"' in file.read().replace('":"', '": "'):
                found.append(path)
    return found


def drop_all(url):
    for schema in schemas(url):
        query(url, f'DROP SCHEMA "{schema}" CASCADE')


def interrupted(words, after, stop):
    """Run marrow, call stop(process) after so many seconds; its status and what it said."""
    process = subprocess.Popen(marrow.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(after)
    early = process.poll() is None
    stop(process)
    out, err = process.communicate(timeout=120)
    return process.returncode, err.decode("utf-8", "replace"), early


def moments(whole):
    return [whole * (number + 0.5) / ROUNDS for number in range(ROUNDS)]


def timed(*words):
    started = time.time()
    marrow.must(*words, timeout=600)
    return time.time() - started


def ways(database):
    yield "the server is killed", lambda process: database.kill(), database.start_again
    yield "marrow is killed", lambda process: process.kill(), lambda: None
    yield "the user stops", lambda process: process.send_signal(signal.SIGINT), lambda: None


def told(what, status, err, early):
    """A client that was still at work ended with an error that says something."""
    if early and status != 0 and "marrow is killed" not in what:
        checks.that('"message"' in err and "assert" not in err, f"{what}: a clear error", err[:500])


def push_dies(database, whole):
    words = ("push", "study", "--engine", database.url)
    for what, stop, again in ways(database):
        cut = 0
        for after in moments(whole):
            drop_all(database.url)
            status, err, early = interrupted(words, after, stop)
            again()
            time.sleep(0.2)  # the server rolls back what its client left
            left = schemas(database.url)
            told(f"push, {what}", status, err, early)
            if status == 0:
                checks.equal(len(left), 1, f"push, {what} after it ended: all is there")
            else:
                cut += 1
                # killed between COMMIT and its answer: then it is whole, which the next push finds
                whole_or_none = not left or all(one["reused"] for one in marrow.must(*words)["tables"])
                checks.that(whole_or_none, f"push, {what} after {after:.2f} s: no half schema", left)
        print(f"push, {what}: {cut} of {ROUNDS} cut", flush=True)
        marrow.must(*words)


def build_dies(database, whole):
    words = ("mart", "build", "study", "--grain", "patient", "--engine", database.url)
    for what, stop, again in ways(database):
        cut = 0
        for after in moments(whole):
            for table in tables(database.url, "run\\_%"):
                query(database.url, f'DROP TABLE "{schemas(database.url)[0]}"."{table}"')
            for path in runs():
                subprocess.run(["rm", "-rf", os.path.dirname(path)], check=True)
            status, err, early = interrupted(words, after, stop)
            again()
            time.sleep(0.2)
            told(f"mart build, {what}", status, err, early)
            if status != 0:
                cut += 1
                # killed between the publishing and its end: then the run is whole, which the next build finds
                whole_or_none = not runs() or marrow.must(*words)["reused"]
                checks.that(whole_or_none, f"mart build, {what} after {after:.2f} s: no run in the store", runs())
        print(f"mart build, {what}: {cut} of {ROUNDS} cut", flush=True)
        built = marrow.must(*words, timeout=600)
        checks.that(built["row_count"] > 0, f"mart build, {what}: it can be built afterwards")
        again_built = marrow.must(*words, timeout=600)
        checks.equal(again_built["reused"], True, f"mart build, {what}: and is reused")


def a_dropped_table_is_made_again(database):
    words = ("mart", "build", "study", "--grain", "patient", "--engine", database.url)
    schema = schemas(database.url)[0]
    table = marrow.must(*words)["layout"]["tables"][0]
    query(database.url, f'DROP TABLE "{schema}"."{table}"')
    marrow.must(*words)
    checks.that(table in tables(database.url, "run\\_%"), "a table that was dropped there is made again")


database = servers.postgres()
if database is None:
    checks.skip("postgresql: no server is installed")
    checks.end()
subprocess.run([BINARY, "demo-data", os.path.join(scratch, "hospital"), "--patients", "400", "--no-fhir", "--quiet"], check=True)
marrow.must("import", os.path.join(scratch, "hospital", "hospital.zip"), "--name", "study")
push_dies(database, timed("push", "study", "--engine", database.url))
trial = marrow.run("mart", "build", "study", "--grain", "patient", "--engine", database.url)
if "plans cannot be written in the dialect" in trial.err:
    checks.skip(f"postgresql: {trial.error['message']}")
    checks.end()
for schema in schemas(database.url):
    for table in tables(database.url, "run\\_%"):
        query(database.url, f'DROP TABLE "{schema}"."{table}"')
for path in runs():
    subprocess.run(["rm", "-rf", os.path.dirname(path)], check=True)
build_dies(database, timed("mart", "build", "study", "--grain", "patient", "--engine", database.url))
a_dropped_table_is_made_again(database)
checks.end()
