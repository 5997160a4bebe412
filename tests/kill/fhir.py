"""kill -9 at random points of fhir apply, fhir compact, view create and view refresh: is an acknowledged change lost, is half a view visible?

One dataset, round after round. A round starts one of the four as a process of its own and kills it after a random delay spread over its usual duration. A model
in Python knows every change that was acknowledged; one that was not may be there whole or not at all. After each round fresh processes must find
  * every acknowledged change, through the table of resources and through the view, which must agree row for row;
  * of an unacknowledged file all of its changes or none;
  * a materialised view that is of the version before or of the one after, never a part; every byte of the store right (verify, every tenth round).
Usage: fhir.py [ROUNDS=500]; SEED in the environment repeats a run.
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Program, scratch_directory  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 500
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
rng = random.Random(SEED)
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))
tally = dict(rounds=0, killed=0, ended=0, lost=0, half=0, other=0)
usual = {"apply": 10, "compact": 10, "create": 10, "refresh": 10}  # seconds; measured by a first run of each that is let end
clock = 0


def setting_up():
    program.must("demo-data", os.path.join(scratch, "demo"), "--patients", 15, "--seed", 2)
    folder = os.path.join(scratch, "demo", "fhir")
    program.must("import", folder, "--name", "h")
    program.must("view", "create", "h", "condition_simple")
    with open(os.path.join(folder, "Condition.ndjson")) as file:
        return {r["id"]: r for r in map(json.loads, file)}


def make_changes(conditions):
    """Up to six changes and deletions of one moment, later than all before; the file and what stands after it."""
    global clock
    clock += 1
    when = f"2040-01-01T{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}.000Z"
    after = {key: value for key, value in conditions.items()}
    lines = []
    for key in rng.sample(sorted(conditions), 6):
        if rng.random() < 0.15 and len(after) > 20:
            lines.append({"resourceType": "Bundle", "type": "history", "entry": [{"request": {"method": "DELETE", "url": f"Condition/{key}"}, "response": {"status": "204", "lastModified": when}}]})
            del after[key]
            continue
        changed = json.loads(json.dumps(conditions[key]))
        changed["meta"]["lastUpdated"] = when
        changed["code"]["text"] = f"change {clock}"
        lines.append(changed)
        after[key] = changed
    path = os.path.join(scratch, "changes.ndjson")
    with open(path, "w") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return path, after


def killed(what, *words):
    """True: it was killed before its end."""
    started = time.monotonic()
    process = subprocess.Popen(program.command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = started + rng.uniform(0, 1.1) * usual[what]
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
        process.wait()
        tally["killed"] += 1
        return True
    usual[what] = 0.7 * usual[what] + 0.3 * (time.monotonic() - started)
    tally["ended"] += 1
    if process.returncode != 0:
        tally["other"] += 1
        print(f"FAILED: {' '.join(words)} ended with {process.returncode}", flush=True)
    return False


def texts(rows):
    return {row[0]: row[1] for row in rows}


def look(candidates):
    """Which of the states that may stand is seen by table and view alike? Returns it."""
    table = texts(program.rows("h", "SELECT id, resource->>'$.code.text' FROM \"Condition\""))
    view = texts(program.rows("h", "SELECT id, code_text FROM sqlonfhir.condition_simple"))
    snapshot = program.must("view", "run", "condition_simple", "--dataset", "h", "--freshness", "snapshot")
    for state in candidates:
        if table == {key: one["code"]["text"] for key, one in state.items()}:
            break
    else:
        tally["lost"] += 1
        print("FAILED: what is seen is no state that was acknowledged", flush=True)
        return candidates[0]
    if view != table:
        tally["half"] += 1
        print(f"FAILED: the view has {len(view)} rows that are not the table's {len(table)}", flush=True)
    ids = [row[0] for row in snapshot["rows"]]
    if len(ids) != len(set(ids)):
        tally["half"] += 1
        print("FAILED: the materialised view holds a resource twice", flush=True)
    return state


def measure(conditions):
    """Each of the four once, to its end."""
    path, after = make_changes(conditions)
    for what, words in (("apply", ("fhir", "apply", "h", path)), ("compact", ("fhir", "compact", "h")), ("refresh", ("view", "refresh", "h")),
                        ("create", ("view", "create", "h", "condition_simple", "--force"))):
        started = time.monotonic()
        program.must(*words)
        usual[what] = time.monotonic() - started
    return after


def main():
    conditions = measure(setting_up())
    for turn in range(ROUNDS):
        tally["rounds"] += 1
        what = rng.choice(["apply", "apply", "compact", "refresh", "create"])
        if what == "apply":
            path, after = make_changes(conditions)
            sure = not killed("apply", "fhir", "apply", "h", path)
            conditions = look([after] if sure else [after, conditions])
        elif what == "compact":
            killed("compact", "fhir", "compact", "h")
            conditions = look([conditions])
        elif what == "refresh":
            killed("refresh", "view", "refresh", "h")
            conditions = look([conditions])
        else:
            killed("create", "view", "create", "h", "condition_simple", "--force")
            conditions = look([conditions])
        if turn % 10 == 9 and not program.must("verify", "h")["ok"]:
            tally["half"] += 1
            print("FAILED: verify", flush=True)
    program.must("fhir", "compact", "h")
    look([conditions])
    print(f"kill/fhir: {tally}; SEED={SEED}")
    sys.exit(1 if tally["lost"] or tally["half"] or tally["other"] or not tally["killed"] else 0)


main()
