"""What the suites that drive the whole program share: a scratch directory, running `marrow --json`, reading its answers, loud checks.

MARROW_BINARY names the program, MARROW_SOURCE the project, MARROW_SHARED real data (absent: what needs it says SKIPPED).
A suite's process ends with the count of checks; exit 0 all held, 1 some failed, 77 nothing could run.
"""
import atexit
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("MARROW_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.environ.get("MARROW_BINARY") or os.path.join(SOURCE, "build", "marrow")
SHARED = os.environ.get("MARROW_SHARED") or os.path.join(SOURCE, "..", "shared")
Answer = collections.namedtuple("Answer", "status out err answer error")

if not os.access(BINARY, os.X_OK):
    print(f"FAILED: no program at {BINARY}")
    sys.exit(1)


def scratch_directory():
    """A fresh directory, removed at the end; KEEP=1 keeps it."""
    path = tempfile.mkdtemp(prefix="marrow-test-", dir=os.environ.get("TMPDIR"))
    if not os.environ.get("KEEP"):
        atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def parse(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


class Program:
    """marrow over one store."""

    def __init__(self, store, binary=BINARY):
        self.store, self.binary = store, binary

    def command(self, *words):
        return [self.binary, "--store", self.store, "--json", *map(str, words)]

    def run(self, *words, timeout=300, **options):
        environment = dict(os.environ, **options.pop("env", {}))
        done = subprocess.run(self.command(*words), capture_output=True, timeout=timeout, env=environment, **options)
        out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        lines = [line for line in err.splitlines() if line.startswith("{")]
        error = parse(err) or (parse(lines[-1]) if lines else None)
        error = error.get("error") if isinstance(error, dict) else None
        return Answer(done.returncode, out, err, parse(out), error)

    def must(self, *words, **options):
        ran = self.run(*words, **options)
        if ran.status != 0 or ran.answer is None:
            raise SystemExit(f"FAILED: marrow {' '.join(map(str, words))[:300]} gave {ran.status}: {ran.err[:2000]}{ran.out[:300]}")
        return ran.answer

    def current(self, dataset, listed=None):
        """The version that a fresh process serves, or None; listed: the answer of `datasets`, where it is there."""
        for one in (listed or self.must("datasets"))["datasets"]:
            if one["dataset"] == dataset:
                return one["version"]
        return None

    def rows(self, dataset, sql):
        return self.must("sql", dataset, sql)["rows"]


class Checks:
    """Counts what held; says what did not, and goes on."""

    def __init__(self, title):
        self.title, self.held, self.failed, self.skipped = title, 0, 0, 0

    def that(self, condition, what, *seen):
        if condition:
            self.held += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}" + ("".join(f"\n    {str(one)[:700]}" for one in seen)), flush=True)
        return bool(condition)

    def equal(self, found, expected, what, *seen):
        return self.that(found == expected, f"{what}: expected {expected!r}, found {found!r}", *seen)

    def skip(self, what):
        self.skipped += 1
        print(f"SKIPPED: {what}", flush=True)

    def end(self):
        print(f"{self.title}: {self.held} checks held, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed else 77 if self.held == 0 else 0)


def snapshot(directory):
    """Every file below a store but locks, tmp and caches of modification times: path → bytes. To prove "the store as before"."""
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            short = os.path.relpath(path, directory)
            if short.startswith("tmp" + os.sep) or name.endswith("lock") or name in ("verified.json",):
                continue
            with open(path, "rb") as file:
                found[short] = file.read()
    return found


def values_in(text, values):
    """Those of the given cells that appear in an error's text as words of their own."""
    return [value for value in values if re.search(r"(?<![\w])" + re.escape(value) + r"(?![\w])", text)]
