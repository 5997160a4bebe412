"""Faults in the whole program: after each the error is clear, the store opens at the version before or the new one, every byte
verifies, nothing is left staged, and doing it again succeeds.

    files   the n-th write, fsync or rename of the process fails, the engine's included (shim.c), once or from then on
    disk    a disk that is really full (a small tmpfs where mounting is allowed), and a file size limit
    alloc   the n-th allocation of ours fails

Usage: faults.py SUITE [POINTS]: how many values of n, spread over the count seen in a clean run, per verb and kind of fault.
"""
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Checks, Program, scratch_directory  # noqa: E402

TOOLS = os.environ.get("MARROW_FAULT_TOOLS", "")
SHIM, FAULTY = os.path.join(TOOLS, "fault_shim.so"), os.path.join(TOOLS, "marrow_faults")
PATIENTS = 40
suite, points = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 12
checks = Checks(f"fault/{suite}")
scratch = scratch_directory()


class Bench:
    """A base store holding version A and the files of a version B; each trial works on a fresh copy."""

    def __init__(self):
        data = os.path.join(scratch, "data")
        self.base = os.path.join(scratch, "base")
        program = Program(self.base)
        program.must("demo-data", data, "--patients", PATIENTS, "--no-fhir")
        self.source = os.path.join(scratch, "hospital")
        with zipfile.ZipFile(os.path.join(data, "hospital.zip")) as archive:
            archive.extractall(self.source)
        with open(os.path.join(self.source, "places.ndjson"), "w") as file:  # resources of two types, one of them twice: staged, then written again
            file.write('{"resourceType":"Organization","id":"o1"}\n{"resourceType":"Location","id":"l1"}\n{"resourceType":"Organization","id":"o1","name":"again"}\n')
        first = program.must("import", self.source, "--name", "hospital")
        self.before = first["version"]
        labs = os.path.join(self.source, "labs.csv")
        self.content = {self.before: self.digest(program)}
        with open(labs, "rb") as file:
            text = file.read()
        with open(labs, "ab") as file:
            file.write(text.splitlines(keepends=True)[-1])
        other = Program(os.path.join(scratch, "other"))
        self.after = other.must("import", self.source, "--name", "hospital")["version"]
        self.content[self.after] = self.digest(other)
        self.place = os.path.join(scratch, "place")  # tables alone: resources are not registered where they stand
        shutil.copytree(self.source, self.place, ignore=shutil.ignore_patterns("*.ndjson"))
        self.placed = other.must("import", self.place, "--name", "hospital")["version"]
        self.content[self.placed] = self.digest(other)
        program.must("relations", "hospital")
        shutil.rmtree(other.store)

    @staticmethod
    def digest(program):
        """Every value of the three largest tables, read from the query copy."""
        return program.rows("hospital", " UNION ALL ".join(f"SELECT '{table}', count(*), CAST(bit_xor(hash(t)) AS VARCHAR) FROM {table} t"
                                                           for table in ("labs", "patients", "admissions")) + " ORDER BY 1")

    def copy(self):
        store = os.path.join(scratch, "trial")
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(self.base, store)
        return Program(store)


def words_of(bench, verb):
    """register: the files of version B where they stand, over the imported version A, whose unchanged tables it shares."""
    return ["mart", "build", "hospital", "--grain", "patient"] if verb == "mart" else [verb, bench.place if verb == "register" else bench.source, "--name", "hospital"]


def check_error(ran, what):
    if ran.status == 0:
        checks.that(ran.answer is not None, f"{what}: exit 0 but no answer", ran.out, ran.err)
        return
    checks.that(ran.status in (1, 5) and ran.error is not None and ran.error.get("code") and len(ran.error.get("message", "")) > 8,
                f"{what}: exit {ran.status} without a clear error", ran.out, ran.err)


def check_store(bench, program, verb, ran, what):
    """Whatever happened: whole, before or after, and possible again."""
    listed = program.run("datasets")
    if not checks.that(listed.status == 0, f"{what}: the store does not open", listed.err):
        return
    version = program.current("hospital", listed.answer)
    after = bench.placed if verb == "register" else bench.after
    allowed = [bench.before] if verb == "mart" else [bench.before, after]
    checks.that(version in allowed, f"{what}: serves {version}")
    if verb != "mart" and ran.status == 0:
        checks.equal(version, after, f"{what}: exit 0, version")
    checks.equal(bench.digest(program), bench.content.get(version), f"{what}: content")
    verified = program.run("verify")
    checks.that(verified.status == 0 and verified.answer["ok"], f"{what}: verify", verified.out, verified.err)
    chain = program.run("history", "hospital", "verify")
    checks.that(chain.status == 0 and chain.answer["ok"], f"{what}: history verify", chain.out, chain.err)
    checks.equal(os.listdir(os.path.join(program.store, "tmp")), [], f"{what}: staging left behind")
    again = program.run(*words_of(bench, verb))
    if not checks.that(again.status == 0, f"{what}: doing it again fails", again.err):
        return
    if verb != "mart":
        checks.equal(again.answer["version"], after, f"{what}: version when done again")
    else:
        checks.equal(again.answer["row_count"], PATIENTS, f"{what}: mart rows when done again")
        checks.that(ran.status != 0 or again.answer["reused"], f"{what}: exit 0, but the mart had to be built again")


def sample(total, count):
    """Numbers spread evenly over 1..total, both ends among them."""
    if total <= count:
        return list(range(1, total + 1))
    return sorted({1 + round((total - 1) * k / (count - 1)) for k in range(count)})


def files():
    bench = Bench()
    report = os.path.join(scratch, "count")
    for verb in ("import", "register", "mart"):
        for kind, error, sticky in (("write", "ENOSPC", False), ("sync", "EIO", False), ("rename", "EIO", False), ("write", "ENOSPC", True)):
            clean = bench.copy().run(*words_of(bench, verb), env={"LD_PRELOAD": SHIM, "SHIM_KIND": kind, "SHIM_REPORT": report})
            checks.equal(clean.status, 0, f"{verb} under the shim", clean.err)
            with open(report) as file:
                total = int(file.read().split()[0])
            checks.that(total > 0, f"{verb}: the shim counts no {kind}")
            refused, harmless = 0, []
            numbers = sample(total, 2 * points if kind == "write" else max(3, points // 2))
            for number in numbers:
                program = bench.copy()
                what = f"{verb}, {kind} {number} of {total}{' and later' if sticky else ''} gives {error}"
                environment = {"LD_PRELOAD": SHIM, "SHIM_KIND": kind, "SHIM_FAIL": str(number), "SHIM_ERROR": error, "SHIM_REPORT": report}
                ran = program.run(*words_of(bench, verb), env=dict(environment, SHIM_STICKY="1") if sticky else environment)
                refused += ran.status != 0
                with open(report) as file:
                    hit = file.read().split()[1:]
                if ran.status == 0 and hit[:1] and os.path.basename(hit[0]) == "history.jsonl":
                    checks.that(ran.answer and ran.answer.get("warnings"), f"{what}: not recorded, and no warning says so", ran.out[-300:], ran.err)
                if ran.status == 0:
                    harmless += [os.path.basename(path) for path in hit] or ["not reached"]
                check_error(ran, what)
                check_store(bench, program, verb, ran, what)
            print(f"{verb}: {kind} {error}{' from there on' if sticky else ''}: {len(numbers)} of {total} points, {refused} refused, {len(numbers) - refused} harmless {sorted(set(harmless)) or ''}", flush=True)
            checks.that(refused > 0, f"{verb}: no failing {kind} was ever noticed")


def alloc():
    bench = Bench()
    report = os.path.join(scratch, "fired")
    for verb in ("import", "register", "mart"):
        low, high = 0, 1 << 24  # the count of allocations lies in (low, high]
        while high - low > max(1, low // 50):
            middle = 2 * low if 0 < 2 * low < high else max(1, (low + high) // 2 if low else 64)
            Program(bench.copy().store, FAULTY).run(*words_of(bench, verb), env={"MARROW_FAULT": f"alloc:{middle}", "FAULT_REPORT": report})
            with open(report) as file:
                low, high = (middle, high) if file.read() == "fired" else (low, middle)
        total = low
        refused, numbers = 0, sample(total, points * 2)
        for number in numbers:
            program = bench.copy()
            what = f"{verb}, allocation {number} of about {total} fails"
            ran = Program(program.store, FAULTY).run(*words_of(bench, verb), env={"MARROW_FAULT": f"alloc:{number}"})
            refused += ran.status != 0
            check_error(ran, what)
            check_store(bench, program, verb, ran, what)
        print(f"{verb}: allocations: {len(numbers)} of about {total} points, {refused} refused, {len(numbers) - refused} harmless", flush=True)
        checks.that(refused > 0, f"{verb}: no failing allocation was ever noticed")


def with_file_limit(bench, verb, limit):
    def before_start():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    program = bench.copy()
    what = f"{verb}, no file over {limit} bytes"
    ran = program.run(*words_of(bench, verb), preexec_fn=before_start)
    check_error(ran, what)
    check_store(bench, program, verb, ran, what)
    return ran.status


def on_small_disk(bench, verb, room):
    """The store on a disk with only that much room left; then room is made and all is well."""
    mount = os.path.join(scratch, "mount")
    os.makedirs(mount, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", mount], capture_output=True).returncode != 0:
        return None
    try:
        store, ballast = os.path.join(mount, "store"), os.path.join(mount, "ballast")
        shutil.copytree(bench.base, store)
        free = os.statvfs(mount)
        with open(ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(4096, free.f_bavail * free.f_frsize - room))
        what = f"{verb} on a disk with {room} bytes free"
        program = Program(store)
        ran = program.run(*words_of(bench, verb))
        check_error(ran, what)
        full = program.run("datasets")
        checks.that(full.status == 0 and program.current("hospital") is not None, f"{what}: the store does not open while the disk is full", full.err)
        os.remove(ballast)
        check_store(bench, program, verb, ran, what)
        return ran.status
    finally:
        for _ in range(20):
            if subprocess.run(["umount", mount], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)


def disk():
    bench = Bench()
    for verb in ("import", "mart"):
        statuses = [with_file_limit(bench, verb, limit) for limit in (0, 4096, 65536, 300000, 1 << 30)]
        checks.that(1 in statuses and statuses[-1] == 0, f"{verb}: file size limits gave exits {statuses}")
        statuses = [on_small_disk(bench, verb, room) for room in (0, 20_000, 400_000, 1_500_000, 200_000_000)]
        if None in statuses:
            checks.skip(f"{verb} on a full disk: mounting a tmpfs is not allowed here")
        else:
            print(f"{verb}: small disks gave exits {statuses}")
            checks.that(statuses[0] != 0 and statuses[-1] == 0, f"{verb}: small disks gave exits {statuses}")


{"files": files, "alloc": alloc, "disk": disk}[suite]()
checks.end()
