"""kill -9 at random points of `marrow register`: the version served is the one before or the new one, whole, and registering again succeeds.

Two folders are registered under one name by turns, one whose files differ in their columns (--schema-policy add), one sorted, each round with content that
the store has not seen. Each registration's usual time is measured first, and the kill falls uniformly within it; what ended before is tried again. Then the window that random kills meet least:
the new version is served, and dataset.json is still the old one; made by putting the old file back.
Usage: register.py [ROUNDS=40]; SEED in the environment repeats a run.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Checks, Program, scratch_directory  # noqa: E402

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
seed = int(os.environ.get("SEED", time.time_ns() % 100000))
chance, checks, scratch = random.Random(seed), Checks("kill/register"), scratch_directory()
program = Program(os.path.join(scratch, "store"))
PARTS = 8
ROWS = {"a": 400, "b": 500}  # of each part
WORDS = {"a": ("--schema-policy", "add"), "b": ("--schema-policy", "exact", "--sort", "id")}
usual = {"a": 10, "b": 10}  # seconds


def write(name, mark):
    """A folder of its own for each mark: what was registered before stays as it was."""
    folder = os.path.join(scratch, f"{name}{mark}")
    for part in range(PARTS):
        os.makedirs(os.path.join(folder, "labs", f"part={part}"))
        more = name == "a" and part == PARTS - 1
        with open(os.path.join(folder, "labs", f"part={part}", "x.csv"), "w") as file:
            file.write("id,value,more\n" if more else "id,value\n")
            file.write("".join(f"{part * 1000 + i},{i / 4 + mark}{',x' if more else ''}\n" for i in range(ROWS[name])))
    return folder


def words(name, folder):
    return ("register", folder, "--name", "lake", *WORDS[name])


def look(what, states):
    """What a fresh process serves: one of the states (version, name, mark), whole. Returns it."""
    current = program.current("lake")
    served = [state for state in states if state[0] in (current, None)]
    if not checks.that(current is not None and served, f"{what}: serves {current}", states):
        return None
    _, name, mark = served[0]
    rows = program.run("sql", "lake", "SELECT count(*), min(value), count(DISTINCT part) FROM labs")
    checks.that(rows.status == 0 and [[int(float(cell)) for cell in row] for row in rows.answer["rows"]] == [[PARTS * ROWS[name], mark, PARTS]],
                f"{what}: rows of {name}{mark}", rows.out, rows.err)
    told = program.run("registry", "lake")
    checks.that(told.status == 0 and told.answer["tables"][0]["partition_columns"]["value"] == ["part"] and told.answer["tables"][0]["place"]["available"],
                f"{what}: the registry", told.out, told.err)
    return current, name, mark


def again(what, state):
    """Without PATH: what is served is registered once more, or the folder is asked for. Never another folder."""
    ran = program.run("register", "--name", "lake")
    if ran.status == 0:
        checks.equal(ran.answer["version"], state[0], f"{what}: registered again")
    else:
        checks.that("was cut short" in ran.err and f"{state[1]}{state[2]} " in ran.err, f"{what}: asks for the folder", ran.err)
    checks.equal(program.current("lake"), state[0], f"{what}: still served")
    return ran.status == 0


def register(name, mark):
    started = time.monotonic()
    version = program.must(*words(name, os.path.join(scratch, f"{name}{mark}")))["version"]
    usual[name] = time.monotonic() - started
    return version, name, mark


def strike(name, folder):
    """True: it was killed before its end."""
    started = time.monotonic()
    child = subprocess.Popen(program.command(*words(name, folder)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    try:
        child.wait(chance.uniform(0, usual[name]))
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stderr.close()
        return True
    usual[name] = min(usual[name], time.monotonic() - started)
    checks.equal(child.returncode, 0, f"register {name} ended by itself", child.stderr.read())
    child.stderr.close()
    return False


def one_round(what, mark, state):
    """Registrations of new content until one is killed, of five at most. What is served then, and of what; whether one was killed."""
    for more in range(5):
        name = "b" if state[1] == "a" else "a"
        cut = strike(name, write(name, mark + more))
        seen = look(what, [state, (None, name, mark + more)] if cut else [(None, name, mark + more)])
        if cut or seen is None:
            return seen, name, mark + more, cut
        state = seen
    return seen, name, mark + more, False


def killed_at_random(state):
    killed = 0
    for number in range(rounds):
        what = f"round {number} of seed {seed}"
        seen, name, mark, cut = one_round(what, 10 + 5 * number, state)
        killed += cut
        if seen is None:
            break
        verified = program.run("verify")
        checks.that(verified.status == 0 and verified.answer["ok"], f"{what}: verify", verified.out, verified.err)
        checks.equal(os.listdir(os.path.join(program.store, "tmp")), [], f"{what}: staging left behind")
        again(what, seen)
        state = look(f"{what}, and registered to the end", [register(name, mark)])
        if number % 10 == 9:
            program.must("prune", "lake", "--keep", "2")
    checks.that(killed * 5 >= rounds * 4, f"{killed} of {rounds} rounds killed: four of five are meant to be")
    return killed


def between_publish_and_dataset_json():
    """Each registration as a kill between the two would leave it."""
    decided = os.path.join(program.store, "datasets", "lake", "dataset.json")
    for name, mark in (("a", 3), ("b", 4), ("a", 5)):
        what, kept = f"{name}{mark}, dataset.json still the old one", os.path.join(scratch, "dataset.json")
        write(name, mark)
        shutil.copy(decided, kept)
        version = register(name, mark)
        shutil.copy(kept, decided)
        state = look(what, [version])
        if state is not None:
            checks.that(not again(what, state), f"{what}: the folder before is not registered again in silence")
        look(f"{what}, and registered to the end", [register(name, mark)])
        again(f"{what}, and registered to the end", version)


for first in ("a", "b"):
    write(first, 0)
    register(first, 0)
for first in ("a", "b"):  # of content that is new: nothing of it is there to be reused
    write(first, 1)
    last = register(first, 1)
struck = killed_at_random(last)
between_publish_and_dataset_json()
chain = program.run("history", "lake", "verify")
checks.that(chain.status == 0 and chain.answer["ok"], "history verify", chain.out)
print(f"{rounds} rounds, {struck} killed, seed {seed}; usual seconds {({name: round(value, 2) for name, value in usual.items()})}")
checks.end()
