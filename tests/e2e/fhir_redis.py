"""The speed layer in Redis from the command line: two processes apply at once, a compaction runs meanwhile, every acknowledged change is there, here and
for a second store; the answer says where Redis does not keep what it acknowledges."""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import BINARY, Checks, Program, scratch_directory  # noqa: E402

if shutil.which("redis-server") is None:
    print("SKIPPED: no redis-server here (apt-get install redis-server): the speed layer in Redis is not tested")
    sys.exit(77)
checks = Checks("e2e/fhir_redis")
scratch = scratch_directory()
store = os.path.join(scratch, "store")
program = Program(store)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
url = f"redis://127.0.0.1:{port}/3?key=shared"


def start(*words):
    server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", scratch, "--appendonly", "yes", "--save", "", *words],
                              stdout=subprocess.DEVNULL)
    for _ in range(1000):
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(7) == b"+PONG\r\n":
                    return server
        except OSError:
            pass
        time.sleep(0.02)
    raise SystemExit("FAILED: redis-server is installed but does not start")


def patients(name, ids, moment):
    path = os.path.join(scratch, name)
    with open(path, "w") as file:
        for number in ids:
            file.write(json.dumps({"resourceType": "Patient", "id": f"p{number}", "meta": {"lastUpdated": moment}, "gender": "male"}) + "\n")
    return path


def count(*words):
    return program.must("sql", "h", "SELECT count(*) FROM Patient", *words)["rows"][0][0]


program.must("import", patients("base.ndjson", range(10), "2020-01-01T00:00:00Z"), "--name", "h")
server = start("--appendfsync", "always")
try:
    answer = program.must("fhir", "apply", "h", patients("a.ndjson", range(5, 15), "2021-01-01T00:00:00Z"), "--speed", url)
    checks.equal([answer["accepted"], answer["durable_at"] is not None], [10, True], "applied, durable")
    checks.equal(program.must("fhir", "apply", "h", os.path.join(scratch, "a.ndjson"), "--speed", url)["ignored"], 10, "a replay changes nothing")
    checks.equal([count("--speed", url), count()], [15, 10], "seen where the URL is given, and there alone")
    shutil.copytree(store, os.path.join(scratch, "second"))
    second = Program(os.path.join(scratch, "second"))
    checks.equal(second.must("sql", "h", "SELECT count(*) FROM Patient", "--speed", url)["rows"], [[15]], "seen by a second server")

    running = [subprocess.Popen([BINARY, "fhir", "apply", "h", patients(f"w{w}.{n}.ndjson", [1000 * (w + 1) + n], "2022-01-01T00:00:00Z"), "--store", store, "--speed", url, "--json"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE) for n in range(4) for w in range(2)]
    compacted = program.must("fhir", "compact", "h", "--speed", url)
    for process in running:
        out, err = process.communicate()
        checks.equal(process.returncode, 0, "applied while another compacts", err)
    checks.that(compacted["changes"] >= 10, "folded in", compacted)
    checks.equal(count("--speed", url), 15 + 8, "nothing is lost between appends and trimming")
    program.must("fhir", "compact", "h", "--speed", url)
    checks.equal(count(), 15 + 8, "all in the next version")
    checks.equal(program.must("fhir", "compact", "h", "--speed", url)["changes"], 0, "and the stream is empty")
    server.kill()
    server.wait()
    ran = program.run("sql", "h", "SELECT count(*) FROM Patient", "--speed", url)
    checks.that(ran.status != 0 and str(port) in ran.err, "a server that is gone is an error", ran.err)
    server = start("--appendfsync", "everysec")
    answer = program.must("fhir", "apply", "h", patients("z.ndjson", [77], "2023-01-01T00:00:00Z"), "--speed", url)
    checks.that(answer["durable_at"] is None and any("fsync" in w for w in answer["warnings"]), "what Redis does not keep is told", answer)
finally:
    server.kill()
    server.wait()
checks.end()
