"""Servers and clients that die in the middle of a push or of a mart's build: a clear error, no run in the store, nothing half or staged to be seen.

Killed server, cut wire, statement cancelled by the server's administrator, Ctrl-C, killed client, at moments spread over the time that the
whole work takes; and a server that lacks memory or room. PostgreSQL where one is installed; Trino where MARROW_TRINO_URL says that one can be
had (its own server, of which the suite kills several).   Usage: dying.py [ROUNDS=3 [postgresql | trino]]
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

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
ONLY = sys.argv[2] if len(sys.argv) > 2 else None
TRIES = 4  # of a round whose work was done before it was cut
STAGED = "__marrow_staging"
checks = Checks("engines/dying")
scratch = scratch_directory()
marrow = Program(os.path.join(scratch, "store"))


class OnPostgres:
    """What the suite asks of a server, on PostgreSQL."""
    name, rounds = "postgresql", ROUNDS
    # what makes the server give up for want of room, and what it then says of itself
    want = "options=-c%20work_mem%3D64kB%20-c%20temp_file_limit%3D64kB%20-c%20enable_hashagg%3Doff"

    def __init__(self, server):
        self.server, self.direct = server, server.url
        self.wire = servers.Wire(int(server.url.rsplit(":", 1)[1].split("/")[0]))
        self.url = self.wire.url(server.url)

    def query(self, sql):
        done = subprocess.run(["psql", self.direct, "-XAtc", sql], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"FAILED: psql: {done.stderr[:300]}")
        return done.stdout.split()

    def schemas(self):
        return self.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'marrow\\_%'")

    def tables(self):
        return self.query("SELECT relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname LIKE 'marrow\\_%'")

    def drop(self, table):
        self.query(f'DROP TABLE "{self.schemas()[0]}"."{table}"')

    def drop_all(self):
        for schema in self.schemas():
            self.query(f'DROP SCHEMA "{schema}" CASCADE')

    def cancel(self):
        return self.query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'marrow' AND state = 'active'")


class OnTrino:
    """The same on Trino."""
    name, rounds = "trino", max(2, ROUNDS - 1)
    want = "session=query_max_memory=200kB"

    def __init__(self, server):
        self.server, self.direct = server, server.url
        self.wire = servers.Wire(server.port)
        self.url = self.wire.url(server.url)

    def query(self, sql):
        return servers.trino_query(self.direct, sql)

    def schemas(self):
        return servers.trino_schemas(self.direct, "marrow_%")

    def tables(self):
        return [table for schema in self.schemas() for table in servers.trino_tables(self.direct, schema)]

    def drop(self, table):
        self.query(f'DROP TABLE "{self.schemas()[0]}"."{table}"')

    def drop_all(self):
        servers.trino_forget(self.direct, "marrow_%")

    def cancel(self):
        done = []
        for row in self.query("SELECT query_id FROM system.runtime.queries WHERE state NOT IN ('FINISHED', 'FAILED') AND query NOT LIKE '%system.runtime.queries%'"):
            try:
                self.query(f"CALL system.runtime.kill_query(query_id => '{row[0]}', message => 'by the administrator')")
            except SystemExit:
                continue  # it ended before
            done += self.query(f"SELECT state FROM system.runtime.queries WHERE query_id = '{row[0]}' AND state = 'FAILED'")
        return done


def runs():
    """Manifests of marts kept on a server."""
    found = []
    for path in glob.glob(os.path.join(scratch, "store", "datasets", "*", "runs", "*", "manifest.json")):
        with open(path) as file:
            if '"kind": "table"' in file.read().replace('":"', '": "'):
                found.append(path)
    return found


def forget_runs(side):
    for table in side.tables():
        if table.startswith("run_"):
            side.drop(table)
    for path in runs():
        subprocess.run(["rm", "-rf", os.path.dirname(path)], check=True)


def interrupted(words, after, stop):
    """Run marrow, call stop(process) after so many seconds; its status, what it said, and where it ended before that: how long it took."""
    process, started = subprocess.Popen(marrow.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE), time.time()
    try:
        _, err = process.communicate(timeout=after)
        return process.returncode, err.decode("utf-8", "replace"), time.time() - started
    except subprocess.TimeoutExpired:
        stop(process)
    _, err = process.communicate(timeout=180)
    return process.returncode, err.decode("utf-8", "replace"), None


def timed(*words):
    started = time.time()
    marrow.must(*words, timeout=600)
    return time.time() - started


def nothing():
    pass


def cancel(side, process):
    """The next statement of the client's, if there is one yet."""
    while process.poll() is None and not side.cancel():
        pass


def ways(side):
    """What happens, how it is done, how it is undone, and whether the client lives to tidy up."""
    yield "the server is killed", lambda process: side.server.kill(), side.server.start_again, False
    yield "the wire is cut", lambda process: side.wire.cut(), side.wire.mend, False
    yield "the statement is cancelled there", lambda process: cancel(side, process), nothing, True
    yield "marrow is killed", lambda process: process.kill(), nothing, False
    yield "the user stops", lambda process: process.send_signal(signal.SIGINT), nothing, True


def told(what, status, err, took):
    """A client that was still at work ended with an error that says something."""
    if took is None and status != 0 and "marrow is killed" not in what:
        checks.that('"message"' in err and "assert" not in err, f"{what}: a clear error", err[:500])


def no_staging(side, what):
    checks.equal([one for one in side.tables() if STAGED in one], [], f"{what}: nothing staged is left")


def dies(side, verb, whole, words, prepare, sound):
    """Every way of dying at every moment; sound() after each that cut."""
    for how, stop, again, tidies in ways(side):
        what, cut = f"{side.name}, {verb}, {how}", 0
        for number in range(side.rounds):
            for _ in range(TRIES):
                prepare()
                status, err, took = interrupted(words, whole * (number + 0.5) / side.rounds, stop)
                if took is None:
                    again()
                    time.sleep(0.2)  # the server rolls back what its client left
                told(what, status, err, took)
                if status != 0:
                    break
                whole = min(whole, took or whole * 0.8)  # a quicker machine than when it was measured
            if status != 0:
                cut += 1
                sound(what)
                if tidies:
                    no_staging(side, what)
        print(f"{what}: {cut} of {side.rounds} cut", flush=True)
        marrow.must(*words, timeout=600)
        no_staging(side, f"{what}, and done again")


def pushed(side, what):
    """None of the version's tables, or whole ones: those that are there are what the next push would load."""
    left = [one for one in side.tables() if STAGED not in one]
    again = marrow.must("push", "study", "--engine", side.url, timeout=600)["tables"]
    if side.name == "postgresql":  # one transaction: killed between COMMIT and its answer it is whole
        checks.that(not left or all(one["reused"] for one in again), f"{what}: no half schema", left)
    whole = [one["name"].lower() for one in again if one["reused"]]
    checks.equal(sorted(whole), sorted(one.lower() for one in left), f"{what}: what is to be seen is whole")


def built(side, what):
    """No run in the store; killed between the publishing and its end it is whole, which the next build finds."""
    kept = runs()
    checks.that(not kept or marrow.must("mart", "build", "study", "--grain", "patient", "--engine", side.url, timeout=600)["reused"],
                f"{what}: no run in the store", kept)


def lacks_room(side):
    """More than the server allows: an error that says so, nothing left there or here."""
    forget_runs(side)
    joined = "&" if "?" in side.url else "?"
    ran = marrow.run("mart", "build", "study", "--grain", "patient", "--engine", side.url + joined + side.want, timeout=300)
    if checks.that(ran.status != 0 and ran.error is not None, f"{side.name}: too little room is an error", ran.out[:300]):
        checks.that(ran.error["code"] in ("memory", "limit"), f"{side.name}: of its own kind", ran.error)
        print(f"{side.name}, too little room: {ran.error['message']}", flush=True)
    checks.equal(runs(), [], f"{side.name}, too little room: no run in the store")
    checks.equal([one for one in side.tables() if one.startswith("run_")], [], f"{side.name}, too little room: no table there")


def a_dropped_table_is_made_again(side):
    words = ("mart", "build", "study", "--grain", "patient", "--engine", side.url)
    table = marrow.must(*words, timeout=600)["layout"]["tables"][0]
    side.drop(table)
    marrow.must(*words, timeout=600)
    checks.that(table in side.tables(), f"{side.name}: a table that was dropped there is made again")


def one_side(side):
    push = ("push", "study", "--engine", side.url)
    build = ("mart", "build", "study", "--grain", "patient", "--engine", side.url)
    marrow.must(*build, timeout=600)  # a server that was just started is slow at first
    side.drop_all()
    whole = timed(*push)
    dies(side, "push", whole, push, side.drop_all, lambda what: pushed(side, what))
    forget_runs(side)
    whole = timed(*build)
    dies(side, "mart build", whole, build, lambda: forget_runs(side), lambda what: built(side, what))
    lacks_room(side)
    a_dropped_table_is_made_again(side)


subprocess.run([BINARY, "demo-data", os.path.join(scratch, "hospital"), "--patients", "400", "--no-fhir", "--quiet"], check=True)
marrow.must("import", os.path.join(scratch, "hospital", "hospital.zip"), "--name", "study")
database = servers.postgres() if ONLY in (None, "postgresql") else None
if database is not None:
    one_side(OnPostgres(database))
elif ONLY is None:
    checks.skip("postgresql: no server is installed")
if ONLY == "postgresql":
    pass
elif servers.trino_url() is not None:
    one_side(OnTrino(servers.Trino()))
else:
    checks.skip("trino: MARROW_TRINO_URL is not set")
checks.end()
