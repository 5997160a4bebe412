"""kill -9 at random points of `marrow register`: the version served is the one before or the new one, whole, and registering again succeeds.

Two folders with other content are registered under one name by turns; each stays as it is, so the version before can be asked too.
Usage: register.py [ROUNDS=40]; SEED in the environment repeats a run.
"""
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Checks, Program, scratch_directory  # noqa: E402

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
seed = int(os.environ.get("SEED", time.time_ns() % 100000))
chance, checks, scratch = random.Random(seed), Checks("kill/register"), scratch_directory()
ROWS = {"a": 400, "b": 500}
for name, rows in ROWS.items():
    for part in range(8):
        folder = os.path.join(scratch, name, "labs", f"part={part}")
        os.makedirs(folder)
        with open(os.path.join(folder, "x.csv"), "w") as file:
            file.write("id,value\n" + "".join(f"{part * 1000 + i},{i / 4}\n" for i in range(rows)))
program = Program(os.path.join(scratch, "store"))
versions = {}
for name in ("a", "b"):
    started = time.monotonic()
    versions[name] = program.must("register", os.path.join(scratch, name), "--name", "lake")["version"]
    seconds = time.monotonic() - started
served, killed = "b", 0
for number in range(rounds):
    wanted = "a" if served == "b" else "b"
    child = subprocess.Popen(program.command("register", os.path.join(scratch, wanted), "--name", "lake"), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        child.wait(chance.uniform(0, 1.1 * seconds))
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
        killed += 1
    what = f"round {number} of seed {seed}"
    current = program.current("lake")
    if not checks.that(current in versions.values(), f"{what}: serves {current}"):
        break
    served = [name for name, version in versions.items() if version == current][0]
    checks.equal(program.rows("lake", "SELECT count(*) FROM labs"), [[8 * ROWS[served]]], f"{what}: rows")
    verified = program.run("verify")
    checks.that(verified.status == 0 and verified.answer["ok"], f"{what}: verify", verified.out, verified.err)
    checks.equal(os.listdir(os.path.join(program.store, "tmp")), [], f"{what}: staging left behind")
checks.that(program.must("register", os.path.join(scratch, "a"), "--name", "lake")["version"] == versions["a"], "registering again")
chain = program.run("history", "lake", "verify")
checks.that(chain.status == 0 and chain.answer["ok"], "history verify", chain.out)
print(f"{rounds} rounds, {killed} killed, seed {seed}")
checks.end()
