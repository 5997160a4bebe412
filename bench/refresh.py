#!/usr/bin/env python3
"""./do bench refresh [--patients N] [--runs N] [--share 0.01]: what a refresh of all built-in views costs beside their full build.

The synthetic hospital as FHIR; then the same with a share of its resources changed at random over every file: four fifths altered, one tenth each
new and gone. Each round begins from a copy of the store as it was, so that each does the whole work. At the end the refreshed rows are
compared with a full build's. CPU s: user + system of the whole process, which another's load does not stretch as it does the clock."""
import argparse, json, os, random, shutil, statistics, subprocess, sys, time

DATES = ("recordedDate", "authoredOn", "effectiveDateTime", "performedDateTime", "birthDate")


def change(source, target, share, seed=7):
    """source's NDJSON with a share of the resources changed; how many."""
    rng, changed = random.Random(seed), 0
    os.makedirs(target, exist_ok=True)
    for name in sorted(os.listdir(source)):
        with open(f"{source}/{name}") as lines, open(f"{target}/{name}", "w") as out:
            for line in lines:
                drawn = rng.random()
                if drawn >= share:
                    out.write(line)
                    continue
                changed += 1
                if drawn < share * 0.1: # gone
                    continue
                resource = json.loads(line)
                if drawn < share * 0.2: # beside it, a new one
                    out.write(line)
                    resource["id"] += "-new"
                resource["meta"]["lastUpdated"] = "2026-01-01T00:00:00.000Z"
                for key in DATES:
                    if key in resource:
                        resource[key] = f"2020-02-{1 + changed % 28:02d}"
                out.write(json.dumps(resource, separators=(",", ":")) + "\n")
    return changed


class Bench:
    def __init__(self, given):
        self.given, self.work = given, os.path.join(given.work, f"refresh-{given.patients}")

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, store, *words):
        """(wall s, CPU s, peak RSS MB, answer)"""
        with open(self.path("stdout"), "w+b") as out, open(self.path("stderr"), "wb") as errors:
            start = time.perf_counter()
            process = subprocess.Popen([self.given.marrow, "--store", self.path(store), "--quiet", *words, "--json"], stdout=out, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            if process.returncode != 0:
                sys.exit(f"{words}: exit {process.returncode}\n{open(self.path('stderr')).read()[-600:]}")
            return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, json.loads(out.read())

    def drop(self, *names):
        for name in names:
            shutil.rmtree(self.path(name), ignore_errors=True)

    def again(self, kept):
        self.drop("store")
        shutil.copytree(self.path(kept), self.path("store"))
        return "store"

    def rows(self, store, dataset, views):
        sql = " UNION ALL ".join(f"SELECT '{v}', count(*), sum(CAST(hash(CAST(x AS VARCHAR)) AS HUGEINT)) FROM sqlonfhir.{v} x" for v in views)
        return sorted(map(str, self.run(store, "sql", dataset, sql)[3]["rows"]))

    def data(self):
        os.makedirs(self.work, exist_ok=True)
        if not os.path.isdir(self.path("demo")):
            subprocess.run([self.given.marrow, "--quiet", "demo-data", self.path("demo"), "--patients", str(self.given.patients)], check=True, stdout=subprocess.DEVNULL)
        self.drop("changed", "before", "made", "imported")
        changed = change(self.path("demo/fhir"), self.path("changed"), self.given.share)
        sizes = [os.path.getsize(f"{self.path('demo/fhir')}/{n}") for n in os.listdir(self.path("demo/fhir"))]
        print(f"{self.given.patients:,} patients, {sum(sizes) / 1e6:,.0f} MB of FHIR, {changed:,} resources changed; load {os.getloadavg()[0]:.1f}", flush=True)

    def all(self):
        self.data()
        samples = {"import": [self.run("before", "import", self.path("demo/fhir"), "--name", "data")], "view create": [], "import of the changes, no views there": [],
                   "import of the changes, noted for the views": [], "view refresh": []}
        for _ in range(self.given.runs):
            samples["view create"].append(self.run(self.again("before"), "view", "create", "data"))
        views = [v["name"] for v in samples["view create"][0][3]["views"]]
        os.rename(self.path("store"), self.path("made"))
        samples["import of the changes, no views there"].append(self.run("before", "import", self.path("changed"), "--name", "data"))
        self.drop("before")
        shutil.copytree(self.path("made"), self.path("imported"))
        samples["import of the changes, noted for the views"].append(self.run("imported", "import", self.path("changed"), "--name", "data"))
        self.drop("made")
        for _ in range(self.given.runs):
            samples["view refresh"].append(self.run(self.again("imported"), "view", "refresh", "data"))
        self.print(samples)
        refreshed = self.rows("store", "data", views)
        self.run("store", "view", "drop", "data", *views)
        self.run("store", "view", "create", "data", "--force")
        if refreshed != self.rows("store", "data", views):
            sys.exit("the refreshed rows are not those of a full build")
        print("the refreshed rows are those of a full build: " + ", ".join(r.split(",")[0].strip("['") + r.split(",")[1] for r in refreshed))
        self.drop("store", "imported", "changed")

    def print(self, samples):
        full = [statistics.median(s[i] for s in samples["view create"]) for i in (0, 1)]
        print("\n| | wall s, median | least–most | CPU s, median | % of create's CPU | % of its wall | peak RSS MB |\n|---|---:|---:|---:|---:|---:|---:|")
        for name, runs in samples.items():
            wall, cpu = (statistics.median(r[i] for r in runs) for i in (0, 1))
            print(f"| {name} | {wall:.2f} | {min(r[0] for r in runs):.2f}–{max(r[0] for r in runs):.2f} | {cpu:.2f} | {100 * cpu / full[1]:.1f} | {100 * wall / full[0]:.1f} | {max(r[2] for r in runs):.0f} |")
        print(flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--marrow", required=True)
    options.add_argument("--work", required=True)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--patients", type=int, default=100000)
    options.add_argument("--share", type=float, default=0.01)
    Bench(options.parse_args()).all()
