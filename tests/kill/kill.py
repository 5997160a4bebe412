"""kill -9 at random points of import and mart build: is anything lost, is anything half visible?

Each round starts `marrow import` of changed content, or `marrow mart build` with a policy not built before, as a process of its own, kills it
after a random delay spread over its usual duration, and then asks fresh processes:
  * does the store open, and is the dataset's version the one before or the new one (the new one: what a later import of the same
    content is called; it must then say "reused" exactly if the killed one had published);
  * do `sql` counts fit that version; does `verify` find every byte right; is the history's chain whole;
  * is a killed mart either absent or whole (building it again: the row count, and its invariants hold again);
  * is the staging area swept.
A round is "lost" when the version before cannot be had, "half visible" when something unfinished can be seen.
Usage: kill.py [ROUNDS=500] [WORKERS=processors]; SEED in the environment repeats a run.
"""
import csv
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Program, scratch_directory  # noqa: E402

AGGREGATES = ["count", "mean", "sd", "min", "max", "sum", "first", "last"]
PATIENTS = 300


class Worker(threading.Thread):
    """One store, its rounds one after the other."""

    def __init__(self, number, rounds, tables, scratch, seed):
        super().__init__()
        self.rounds, self.tables, self.random = rounds, tables, random.Random(seed * 1000 + number)
        self.folder = os.path.join(scratch, f"worker{number}")
        self.source = os.path.join(self.folder, "hospital")
        self.program = Program(os.path.join(self.folder, "store"))
        self.tally = dict(rounds=0, killed=0, ended=0, before=0, after=0, absent=0, built=0, lost=0, half=0, other=0)
        self.seconds = {}
        self.mark, self.policy = 0, 0

    # -- content: labs get MARK further copies of their last line, and a table of its own says which mark it is --
    def write_content(self, mark):
        shutil.rmtree(self.source, ignore_errors=True)
        os.makedirs(self.source)
        for name, text in self.tables.items():
            if name == "labs.csv":
                text += text.splitlines(keepends=True)[-1] * (mark % 5 + 1)
            with open(os.path.join(self.source, name), "w", newline="") as file:
                file.write(text)
        with open(os.path.join(self.source, "marks.csv"), "w") as file:
            file.write(f"mark,name\n{mark},m{mark}\n")
        with open(os.path.join(self.source, "places.ndjson"), "w") as file:  # resources of two types, one of them twice: staged, then written again
            file.write('{"resourceType":"Organization","id":"o1"}\n{"resourceType":"Location","id":"l1"}\n{"resourceType":"Organization","id":"o1","name":"%d"}\n' % mark)

    def expected_labs(self, mark):
        return sum(1 for _ in csv.reader(io.StringIO(self.tables["labs.csv"]))) - 1 + mark % 5 + 1

    def import_words(self):
        return ["import", self.source, "--name", "hospital"]

    def mart_words(self, number):
        path = os.path.join(self.folder, f"policy{number}.json")
        chosen = [one for bit, one in enumerate(AGGREGATES) if (number % 255 + 1) >> bit & 1]
        with open(path, "w") as file:
            file.write('{"labs": {"%s": %s}}' % (self.measure, str(chosen).replace("'", '"')))
        return ["mart", "build", "hospital", "--grain", "patient" if (number // 255) % 2 == 0 else "admission", "--policy", path]

    def say(self, kind, what, *seen):
        self.tally[kind] += 1
        print(f"{kind.upper()}: round {self.tally['rounds']}: {what} " + " | ".join(str(one)[:500] for one in seen), flush=True)

    def setup(self):
        os.makedirs(self.folder)
        self.write_content(0)
        started = time.monotonic()
        self.version = self.program.must(*self.import_words())["version"]
        self.seconds["import"] = time.monotonic() - started
        labs = next(one for one in self.program.must("profile", "hospital", "labs")["tables"] if one["name"] == "labs")
        self.measure = next(one["name"] for one in labs["columns"] if one["role"] == "measure")
        started = time.monotonic()
        self.policy = 254  # all aggregates
        built = self.program.must(*self.mart_words(self.policy))
        self.seconds["mart"] = time.monotonic() - started
        self.grain_rows = {"patient": built["row_count"]}
        admission = self.program.must("mart", "build", "hospital", "--grain", "admission")
        self.grain_rows["admission"] = admission["row_count"]

    def strike(self, words, kind):
        """Start, wait, kill. True when it ended by itself before."""
        started = time.monotonic()
        child = subprocess.Popen(self.program.command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        delay = self.random.uniform(0, 1.1 * self.seconds[kind])
        try:
            child.wait(delay)
            ended = True
            self.tally["ended"] += 1
            self.seconds[kind] = 0.7 * self.seconds[kind] + 0.3 * (time.monotonic() - started)
            if child.returncode != 0:
                self.say("other", f"{words[0]} failed without being killed", child.stderr.read())
        except subprocess.TimeoutExpired:
            ended = False
            child.send_signal(signal.SIGKILL)
            child.wait()
            self.tally["killed"] += 1
        child.stderr.close()
        return ended

    def check_whole(self):
        """What must hold at any instant. Returns the version served."""
        listed = self.program.run("datasets")
        if listed.status != 0:
            self.say("lost", "the store does not open", listed.err)
            return None
        one = [entry for entry in listed.answer["datasets"] if entry["dataset"] == "hospital"]
        if not one or one[0].get("problem"):
            self.say("lost", "the dataset is gone or damaged", one)
            return None
        left = [name for name in os.listdir(os.path.join(self.program.store, "tmp"))]
        if left:
            self.say("half", "the staging area was not swept", left)
        verified = self.program.run("verify", "hospital")
        if verified.status != 0 or not verified.answer["ok"]:
            self.say("half", "verify found problems", verified.out, verified.err)
        chain = self.program.run("history", "hospital", "verify")
        if chain.status != 0 or not chain.answer["ok"]:
            self.say("lost", "the history's chain is broken", chain.out, chain.err)
        return one[0]["version"]

    def check_counts(self, mark):
        sql = "SELECT (SELECT count(*) FROM labs), (SELECT max(mark) FROM marks), (SELECT count(*) FROM patients)"
        asked = self.program.run("sql", "hospital", sql)
        expected = [[self.expected_labs(mark), mark, PATIENTS]]
        if asked.status != 0 or [[int(cell) for cell in row] for row in asked.answer["rows"]] != expected:
            self.say("half", f"counts are not those of mark {mark}: {expected}", asked.out, asked.err)

    def round_import(self):
        old_mark, old_version = self.mark, self.version
        self.mark += 1
        self.write_content(self.mark)
        ended = self.strike(self.import_words(), "import")
        seen = self.check_whole()
        if seen is None:
            return
        self.check_counts(old_mark if seen == old_version else self.mark)
        self.tally["before" if seen == old_version else "after"] += 1
        if ended and seen == old_version:
            self.say("lost", "an import that ended well is not there")
        again = self.program.run(*self.import_words())
        if again.status != 0:
            self.say("lost", "the import after it failed", again.err)
            return
        self.version = again.answer["version"]
        if seen not in (old_version, self.version):
            self.say("half", "a version that is neither the one before nor the new one", seen)
        if again.answer["reused"] and seen == old_version and old_version != self.version:
            pass  # published, but CURRENT not yet moved: the version is whole and the import moves it
        if not again.answer["reused"] and seen == self.version:
            self.say("half", "the version served had to be published again", seen)
        self.check_counts(self.mark)
        if self.mark % 10 == 0:
            self.program.must("prune", "hospital", "--keep", "1")

    def round_mart(self):
        self.policy += 1
        words = self.mart_words(self.policy)
        ended = self.strike(words, "mart")
        seen = self.check_whole()
        if seen is None:
            return
        if seen != self.version:
            self.say("half", "a mart build changed the version", seen)
        runs = self.program.run("mart", "list", "hospital")
        broken = runs.status != 0 or any(one.get("problem") for one in runs.answer.get("marts", runs.answer.get("runs", [])))
        if broken:
            self.say("half", "a mart is listed damaged", runs.out, runs.err)
        again = self.program.run(*words)
        if again.status != 0:
            self.say("lost", "the mart build after it failed", again.err)
            return
        self.tally["built" if again.answer["reused"] else "absent"] += 1
        if ended and not again.answer["reused"]:
            self.say("lost", "a mart that was built is not there")
        if again.answer["row_count"] != self.grain_rows[again.answer["grain"]]:
            self.say("half", "the mart has another number of rows", again.answer["row_count"])
        if again.answer["reused"]:
            proof = self.program.run("mart", "verify", "hospital", "mart_" + again.answer["grain"])
            if proof.status != 0 or not proof.answer["ok"]:
                self.say("half", "the mart's invariants do not hold", proof.out, proof.err)

    def run(self):
        try:
            self.setup()
            for number in range(self.rounds):
                self.tally["rounds"] += 1
                (self.round_import if number % 2 == 0 else self.round_mart)()
        except (Exception, SystemExit) as problem:  # a thread's end must be counted
            self.say("other", f"stopped: {type(problem).__name__}: {problem}")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    workers = max(1, min(int(sys.argv[2]) if len(sys.argv) > 2 else os.cpu_count() or 1, rounds))
    seed = int(os.environ.get("SEED") or int.from_bytes(os.urandom(3), "big"))
    scratch = scratch_directory()
    data = os.path.join(scratch, "data")
    Program(os.path.join(scratch, "none")).must("demo-data", data, "--patients", PATIENTS, "--no-fhir")
    with zipfile.ZipFile(os.path.join(data, "hospital.zip")) as archive:
        tables = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".csv")}
    started = time.monotonic()
    threads = [Worker(n, rounds // workers + (n < rounds % workers), tables, scratch, seed) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = {key: sum(thread.tally[key] for thread in threads) for key in threads[0].tally}
    usual = {key: round(max(thread.seconds.get(key, 0) for thread in threads), 2) for key in ("import", "mart")}
    print(f"seed {seed}, {workers} workers, {time.monotonic() - started:.0f} s; usual duration {usual}")
    print(f"killed {total['killed']}, ended before the signal {total['ended']}")
    print(f"import: version before {total['before']}, version after {total['after']}; mart: absent {total['absent']}, whole {total['built']}")
    bad = total["lost"] or total["half"] or total["other"] or total["rounds"] != rounds
    if total["other"]:
        print(f"{total['other']} other failures")
    print(f"{total['rounds']} kill -9 rounds: {total['lost']} lost, {total['half']} half visible")
    sys.exit(1 if bad else 0)


main()
