#!/usr/bin/env python3
"""EHRSQL's questions (mimic_iii, valid split) asked of Marrow, held against EHRSQL's own SQL over the same rows in SQLite.

Called by bench/run. mimic3_demo is prepared as EHRSQL prepares MIMIC-III (below), each question is bound anew to values that occur, in its text
and its SQL alike, so that the SQL finds something, and the same tables are imported into Marrow as CSVs. Everything is fixed by --seed.

Templates (q_tag; for unanswerable questions the template) fall into three parts by their SHA-256: open (half; the grammar was worked on with these in
sight), opened later (a quarter; in sight once both halves had been measured), held out (a quarter; never in sight). `--part` asks one of them; all are reported
apart. A file of what went wrong lies in WORK/ehrsql/ for each part."""
import argparse, collections, concurrent.futures, csv, datetime, hashlib, json, math, os, random, re, shutil, sqlite3, subprocess, zipfile

NOW = datetime.datetime(2105, 12, 31, 23, 59)
START = datetime.datetime(2100, 1, 1)
STAMP = "%Y-%m-%d %H:%M:%S"
# What EHRSQL keeps of each table, from which columns of MIMIC-III. A time column is moved with its patient.
TABLES = {
    "patients": ("PATIENTS", "row_id subject_id gender dob dod"),
    "admissions": ("ADMISSIONS", "row_id subject_id hadm_id admittime dischtime admission_type admission_location discharge_location insurance language marital_status ethnicity age"),
    "d_icd_diagnoses": ("D_ICD_DIAGNOSES", "row_id icd9_code short_title long_title"),
    "d_icd_procedures": ("D_ICD_PROCEDURES", "row_id icd9_code short_title long_title"),
    "d_labitems": ("D_LABITEMS", "row_id itemid label"),
    "d_items": ("D_ITEMS", "row_id itemid label linksto"),
    "diagnoses_icd": ("DIAGNOSES_ICD", "row_id subject_id hadm_id icd9_code charttime"),
    "procedures_icd": ("PROCEDURES_ICD", "row_id subject_id hadm_id icd9_code charttime"),
    "labevents": ("LABEVENTS", "row_id subject_id hadm_id itemid charttime valuenum valueuom"),
    "prescriptions": ("PRESCRIPTIONS", "row_id subject_id hadm_id startdate enddate drug dose_val_rx dose_unit_rx route"),
    "inputevents_cv": ("INPUTEVENTS_MV", "row_id subject_id hadm_id icustay_id charttime itemid amount"),
    "outputevents": ("OUTPUTEVENTS", "row_id subject_id hadm_id icustay_id charttime itemid value"),
    "microbiologyevents": ("MICROBIOLOGYEVENTS", "row_id subject_id hadm_id charttime spec_type_desc org_name"),
    "icustays": ("ICUSTAYS", "row_id subject_id hadm_id icustay_id first_careunit last_careunit first_wardid last_wardid intime outtime"),
    "transfers": ("TRANSFERS", "row_id subject_id hadm_id icustay_id eventtype careunit wardid intime outtime"),
}
# Tables of EHRSQL that the demo has no rows of: questions over them can't be answered, and are counted apart.
ABSENT = ("cost", "chartevents")
TIMES = {"dob", "dod", "admittime", "dischtime", "charttime", "startdate", "enddate", "intime", "outtime"}
NUMBERS = {"row_id", "subject_id", "hadm_id", "icustay_id", "itemid", "age", "valuenum", "amount", "value", "wardid", "first_wardid", "last_wardid"}
NEEDED = {"labevents": ("valuenum", "charttime", "hadm_id"), "prescriptions": ("startdate", "drug", "dose_val_rx", "route"), "inputevents_cv": ("amount",), "outputevents": ("value",),
          "microbiologyevents": ("charttime",), "transfers": ("intime",)}
MONTHS = "January February March April May June July August September October November December".split()


PARTS = {"open": "open templates", "later": "opened later", "held": "held out"}


def part_of(text):
    return ("open", "later", "open", "held")[hashlib.sha256(text.encode()).digest()[0] % 4]


# ---- the tables, as EHRSQL prepares them ------------------------------------------------------------------------------------------


def read(folder, name):
    with open(f"{folder}/{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def moment(text):
    return datetime.datetime.strptime(text, STAMP) if text else None


def shifts(admissions, seed):
    """Each patient's move in time: the last admission comes to lie between 2100 and now; a tenth of the patients are still in hospital now."""
    mine = collections.defaultdict(list)
    for row in admissions:
        mine[row["subject_id"]].append(row)
    moves, current = {}, {}
    for subject in sorted(mine):
        rng = random.Random(f"{seed} {subject}")
        last = max(mine[subject], key=lambda row: row["admittime"])
        start, end = moment(last["admittime"]), moment(last["dischtime"])
        if rng.random() < .1:
            moves[subject] = (NOW - (start + (end - start) * rng.uniform(.3, .9)))
            moves[subject] = datetime.timedelta(days=moves[subject].days)
            current[subject] = last["hadm_id"]
        else:
            room = (NOW - START - (end - start)).days
            moves[subject] = datetime.timedelta(days=(START - start).days + 1 + rng.randrange(max(room, 1)))
    return moves, current


def prepared(folder, seed):
    """{table: (columns, rows)}: values in lower case, times moved, rows after now left out."""
    admissions = {row["hadm_id"]: row for row in read(folder, "ADMISSIONS")}
    born = {row["subject_id"]: moment(row["dob"]) for row in read(folder, "PATIENTS")}
    moves, current = shifts(admissions.values(), seed)
    tables = {}
    for name, (source, columns) in TABLES.items():
        rows = []
        for row in read(folder, source):
            visit = admissions.get(row.get("hadm_id") or "")
            if name == "diagnoses_icd":      # EHRSQL takes diagnoses to be known on admission,
                row["charttime"] = visit["admittime"]
            elif name == "procedures_icd":   # and procedures to be recorded at discharge
                row["charttime"] = visit["dischtime"]
            elif name == "inputevents_cv":   # the demo's CareVue inputs are not to be had: MetaVision's take their place
                row["charttime"] = row["starttime"]
            elif name == "microbiologyevents":
                row["charttime"] = row["charttime"] or row["chartdate"]
            elif name == "transfers":
                row["careunit"], row["wardid"] = row["curr_careunit"], row["curr_wardid"]
            elif name == "admissions":       # the demo hides ages over 89 as 300
                row["age"] = str(min((moment(row["admittime"]) - born[row["subject_id"]]).days // 365, 90))
            elif name == "d_items":
                row["linksto"] = row["linksto"].replace("inputevents_mv", "inputevents_cv")
            if any(not row.get(column) for column in NEEDED.get(name, ())) or row.get("iserror") == "1":
                continue
            kept = keep(row, columns.split(), moves.get(row.get("subject_id"), datetime.timedelta(0)))
            if kept is not None:
                rows.append(kept)
        tables[name] = (columns.split(), rows)
    return tables


def keep(row, columns, move):
    kept = []
    for column in columns:
        value = row[column].strip().lower()
        if value == "":
            value = None
        elif column in TIMES:
            when = moment(value) + move
            if when > NOW and column in ("dischtime", "outtime", "dod", "enddate"):
                value = None                 # not yet
            elif when > NOW:
                return None
            else:
                value = when.strftime(STAMP)
        elif column in NUMBERS:
            value = float(value) if "." in value else int(value)
        kept.append(value)
    return kept


def load(tables, folder):
    """SQLite for the gold, with the rows in four orders: as they come, by what they say, and both the other way round; CSVs for Marrow."""
    write_csv(tables, folder)
    told = {name: (columns, sorted(rows, key=lambda row: said(columns, row))) for name, (columns, rows) in tables.items()}
    return [load_one(some, f"{folder}/{name}.sqlite", step)
            for name, some, step in (("mimic", tables, 1), ("reversed", tables, -1), ("told", told, 1), ("told-reversed", told, -1))]


def said(columns, row):
    """What a row says, without what only identifies it."""
    return [repr(value) for column, value in zip(columns, row) if column != "row_id"]


def write_csv(tables, folder):
    for name, (columns, rows) in tables.items():
        with open(f"{folder}/csv/{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(["" if value is None else value for value in row] for row in rows)


def load_one(tables, path, step):
    db = sqlite3.connect(path)
    for name, (columns, rows) in tables.items():
        types = ", ".join(f"{c} {'numeric' if c in NUMBERS else 'text'}" for c in columns)
        db.execute(f"CREATE TABLE {name} ({types})")
        db.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})", rows[::step])
        for column in ("subject_id", "hadm_id", "icustay_id", "itemid", "icd9_code", "label", "short_title", "drug"):
            if column in columns:
                db.execute(f"CREATE INDEX {name}_{column} ON {name} ({column})")
    db.commit()
    return db


# ---- binding ----------------------------------------------------------------------------------------------------------------------

OF_PATIENT = "hadm_id IN (SELECT hadm_id FROM admissions WHERE subject_id = ?)"
POOLS = {
    "diagnosis_name": f"SELECT DISTINCT short_title FROM diagnoses_icd JOIN d_icd_diagnoses USING (icd9_code) WHERE {OF_PATIENT} ORDER BY 1",
    "procedure_name": f"SELECT DISTINCT short_title FROM procedures_icd JOIN d_icd_procedures USING (icd9_code) WHERE {OF_PATIENT} ORDER BY 1",
    "drug_name": f"SELECT DISTINCT drug FROM prescriptions WHERE {OF_PATIENT} ORDER BY 1",
    "drug_route": f"SELECT DISTINCT route FROM prescriptions WHERE {OF_PATIENT} ORDER BY 1",
    "lab_name": f"SELECT DISTINCT label FROM labevents JOIN d_labitems USING (itemid) WHERE {OF_PATIENT} ORDER BY 1",
    "intake_name": f"SELECT DISTINCT label FROM inputevents_cv JOIN d_items USING (itemid) WHERE {OF_PATIENT} ORDER BY 1",
    "output_name": f"SELECT DISTINCT label FROM outputevents JOIN d_items USING (itemid) WHERE {OF_PATIENT} ORDER BY 1",
    "culture_name": f"SELECT DISTINCT spec_type_desc FROM microbiologyevents WHERE {OF_PATIENT} ORDER BY 1",
    "careunit": f"SELECT DISTINCT careunit FROM transfers WHERE careunit IS NOT NULL AND {OF_PATIENT} ORDER BY 1",
    "ward_id": f"SELECT DISTINCT wardid FROM transfers WHERE wardid IS NOT NULL AND {OF_PATIENT} ORDER BY 1",
    "admission_route": "SELECT DISTINCT admission_location FROM admissions WHERE subject_id = ? ORDER BY 1",
    "abbreviation": f"SELECT DISTINCT short_title FROM diagnoses_icd JOIN d_icd_diagnoses USING (icd9_code) WHERE {OF_PATIENT} ORDER BY 1",
}
RANGES = {"temperature": (35.5, 38.1), "sao2": (95.0, 100.0), "heart_rate": (60.0, 100.0), "respiration": (12.0, 18.0), "systolic_bp": (90.0, 120.0), "diastolic_bp": (60.0, 90.0), "mean_bp": (60.0, 110.0)}


def runnable(sql):
    """EHRSQL's SQL was put into lower case: its own evaluation mends it so."""
    sql = sql.replace("current_time", f"'{NOW.strftime(STAMP)}'").replace("%y", "%Y").replace("%j", "%J")
    for name, (low, high) in RANGES.items():
        sql = sql.replace(f"{name}_lower", str(low)).replace(f"{name}_upper", str(high))
    return sql


class Binder:
    def __init__(self, databases, seed):
        self.db, *self.others = databases
        self.seed = seed
        self.patients = [row[0] for row in self.db.execute("SELECT subject_id FROM patients ORDER BY 1")]
        self.pools = {}

    def pool(self, key, patient):
        kind = re.sub(r"\d$", "", key)
        if (kind, patient) not in self.pools:
            sql = POOLS.get(kind)
            self.pools[kind, patient] = [row[0] for row in self.db.execute(sql, (patient,))] if sql else []
        return self.pools[kind, patient]

    def times(self, patient):
        if ("times", patient) not in self.pools:
            self.pools["times", patient] = [row[0] for row in self.db.execute(f"SELECT DISTINCT charttime FROM labevents WHERE {OF_PATIENT} AND charttime >= '2100' ORDER BY 1", (patient,))]
        return self.pools["times", patient] or ["2103-07-15 12:00:00"]

    def moments(self, question, sql, patient, rng):
        """Times that stand in both become times of the patient's; what stands in one only stays as it is."""
        found = sorted(set(re.findall(r"'(\d{4}(?:-\d{2}(?:-\d{2}(?: \d{2}:\d{2}:\d{2})?)?)?)'", sql)), reverse=True)
        fresh = sorted(rng.sample(self.times(patient), min(len(found), len(self.times(patient)))), reverse=True)
        for old, new in zip(found, fresh):
            new = new[: len(old)]
            pairs = {4: [(old, new)], 7: [(f"{old[5:]}/{old[:4]}", f"{new[5:]}/{new[:4]}")], 10: [(f"{old[5:7]}/{old[8:]}/{old[:4]}", f"{new[5:7]}/{new[8:]}/{new[:4]}")],
                     19: [(old, new), (old.replace(" ", " at "), new.replace(" ", " at "))]}[len(old)]
            for a, b in pairs:
                if re.search(rf"(?<![\d/-]){re.escape(a)}(?![\d/])", question):
                    question = re.sub(rf"(?<![\d/-]){re.escape(a)}(?![\d/])", b, question)
                    sql = sql.replace(f"'{old}'", f"'{new}'")
                    break
        for old in set(re.findall(r"'-(\d{2}-\d{2}|\d{2})'|= '(\d{2}-\d{2}|\d{2})'", sql)):
            old = old[0] or old[1]
            new = rng.choice(self.times(patient))
            new = new[5:10] if len(old) == 5 else new[5:7]
            if len(old) == 5:
                a, b = (f"{MONTHS[int(x[:2]) - 1]} {int(x[3:])}" for x in (old, new))
            elif int(old) <= 12:
                a, b = MONTHS[int(old) - 1], MONTHS[int(new) - 1]
            else:
                continue
            if re.search(rf"{a}\b", question):
                question = re.sub(rf"{a}\b", b, question)
                sql = re.sub(rf"'(-?){old}'", rf"'\g<1>{new}'", sql)
        return question, sql

    def once(self, item, patient, rng):
        question, sql = item["question"], item["query"]
        for key, old in sorted(item["value"].items(), key=lambda pair: -len(str(pair[1]))):
            if key == "patient_id":
                new = patient
            elif key in ("gender", "vital_value", "lab_value", "vital_name") or (key in ("diagnosis_name", "procedure_name") and "abbreviation" in item["value"]):
                continue
            else:
                choices = self.pool(key, patient)
                if not choices:
                    return None
                new = rng.choice(choices)
            where = re.compile(rf"(?<!\w){re.escape(str(old))}(?!\w)", re.I)
            if not where.search(question) or not where.search(sql):
                return None
            question = where.sub(lambda _: str(new), question)
            sql = re.sub(rf"(?<!\w){re.escape(str(old))}(?!\w)", lambda _: str(new).replace("'", "''"), sql)
        return self.moments(question, sql, patient, rng)

    def gold(self, sql, db=None):
        try:
            return (db or self.db).execute(runnable(sql)).fetchall()
        except sqlite3.Error as reason:
            raise RuntimeError(f"{reason}: {sql}")

    def settled(self, sql, rows):
        """Does the answer stand whatever the order of the rows? "The first of two at the same time" has none."""
        return all(sorted(map(repr, rows)) == sorted(map(repr, self.gold(sql, db))) for db in self.others)

    def somebody(self, item):
        """An unanswerable question must not be refused because its patient is unknown here."""
        patient = random.Random(f"{self.seed} {item['id']}").choice(self.patients)
        return re.sub(r"(?<=patient )\d+|(?<=patient ID )\d+", str(patient), item["question"])

    def bind(self, item):
        """(question, SQL, answer) with an answer that is not empty, or None."""
        rng = random.Random(f"{self.seed} {item['id']}")
        yes_or_no = re.match(r"select count\(\s*\*\s*\)\s*>\s*0", item["query"]) is not None
        no_will_do = yes_or_no and rng.random() < .3
        order = rng.sample(self.patients, len(self.patients))
        for attempt in range(600):
            bound = self.once(item, order[attempt % len(order)], rng)
            if bound is None:
                if attempt >= len(order):
                    return None
                continue
            rows = self.gold(bound[1])
            if not rows or all(value is None for row in rows for value in row):
                continue
            counts = "count(" in item["query"].split("from")[0]
            if counts and not no_will_do and all(value == 0 for row in rows for value in row):
                continue
            if not self.settled(bound[1], rows):
                continue
            return bound[0], bound[1], rows
        return None


# ---- comparison -------------------------------------------------------------------------------------------------------------------


def plain(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        text = value.strip().lower().replace("t", " ") if re.match(r"\d{4}-\d\d-\d\dT", value) else value.strip().lower()
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return text + " 00:00:00"
        if re.fullmatch(r"-?\d+(\.\d+)?", text):
            return float(text)
        return text
    return value


def same(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return a == b


def same_set(found, gold):
    found = list(dict.fromkeys(found))
    gold = list(dict.fromkeys(gold))
    return len(found) == len(gold) and all(any(same(a, b) for b in gold) for a in found)


def answers(answer, short):
    """The columns that may be meant: the value, else each column of the result but its counts."""
    if "value" in answer:
        return [[plain(answer["value"])]]
    columns, rows = answer["result"]["columns"], answer["result"]["rows"]
    told = [i for i, name in enumerate(columns) if name not in ("n", "patients", "rows", "unit")] or range(len(columns))
    return [[plain(row[i]) for row in rows if row[i] is not None] for i in told]


def right(answer, gold, titles):
    """titles: long title → short: EHRSQL names a diagnosis by its short title, Marrow by its long one."""
    wanted = [titles.get(plain(value), plain(value)) for row in gold for value in row if value is not None]
    return any(same_set([titles.get(value, value) for value in column], wanted) for column in answers(answer, titles))


# ---- the run ----------------------------------------------------------------------------------------------------------------------


def bound_questions(given, folder, databases):
    items = json.load(open(f"{given.shared}/conformance/ehrsql/mimic_iii_valid.json"))
    binder, asked, left = Binder(databases, given.seed), [], collections.Counter()
    for item in items:
        name = item["template"] if item["is_impossible"] else item["q_tag"]
        entry = {"id": item["id"], "template": name, "part": part_of(name)}
        if item["is_impossible"]:
            asked.append({**entry, "kind": "unanswerable", "question": binder.somebody(item)})
            continue
        if any(re.search(rf"\bfrom {table}\b", item["query"]) for table in ABSENT):
            asked.append({**entry, "kind": "no table", "question": item["question"]})
            continue
        bound = binder.bind(item)
        if bound is None:
            left["no binding with an answer"] += 1
            continue
        more = None
        if "dense_rank() over" in bound[1]:
            more = binder.gold(bound[1].replace("dense_rank() over", "rank() over"))
        asked.append({**entry, "kind": "answerable", "question": bound[0], "sql": bound[1], "gold": bound[2], "ranked": more})
    json.dump({"asked": asked, "left": left}, open(f"{folder}/questions.json.tmp", "w"))
    os.rename(f"{folder}/questions.json.tmp", f"{folder}/questions.json")


def marrow(given, store, *arguments):
    done = subprocess.run([given.marrow, "--store", store, "--quiet", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"marrow {' '.join(arguments)[:200]}: {done.stderr[-400:]}")
    return done.stdout


def unpacked(given):
    """mimic3_demo's CSVs."""
    folder = f"{given.work}/mimic3_demo"
    if not os.path.exists(f"{folder}/ADMISSIONS.csv"):
        subprocess.run([f"{given.shared}/data/unpack.sh", f"{given.work}/unpacked", "mimic3_demo"], check=True, stdout=subprocess.DEVNULL)
        with zipfile.ZipFile(f"{given.work}/unpacked/mimic3_demo/mimic3_demo.zip") as archive:
            os.makedirs(folder, exist_ok=True)
            for name in archive.namelist():
                if name.endswith(".csv"):
                    with archive.open(name) as source, open(f"{folder}/{os.path.basename(name)}", "wb") as out:
                        shutil.copyfileobj(source, out)
    return folder


def make(given):
    """The store, the gold and the bound questions, made once a seed and script."""
    stamp = hashlib.sha256(open(__file__, "rb").read() + str(given.seed).encode()).hexdigest()[:12]
    folder = f"{given.work}/ehrsql-{stamp}"
    if not os.path.exists(f"{folder}/questions.json"):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(f"{folder}/csv")
        bound_questions(given, folder, load(prepared(unpacked(given), given.seed), folder))
    store = f"{folder}/store"
    if not os.path.isdir(f"{store}/datasets/ehrsql"):
        marrow(given, store, "import", f"{folder}/csv", "--name", "ehrsql")
    return folder, store


def judged(given, store, entry, titles):
    answer = json.loads(marrow(given, store, "ask", "ehrsql", entry["question"], "--json", "--now", NOW.strftime("%Y-%m-%dT%H:%M")))
    entry["answer"] = {key: answer.get(key) for key in ("status", "reading", "missing", "why", "warnings")}
    if "value" in answer:
        entry["answer"]["value"] = answer["value"]
    if answer["status"] != "answered":
        entry["verdict"] = answer["status"]
    elif entry["kind"] != "answerable":
        entry["verdict"] = "wrong"
    elif right(answer, entry["gold"], titles):
        entry["verdict"] = "right"
    elif entry["ranked"] is not None and right(answer, entry["ranked"], titles):
        entry["verdict"] = "right by rank"
    else:
        entry["verdict"] = "wrong"
        entry["answer"]["rows"] = (answer.get("result") or {}).get("rows", [])[:8]
    return entry


def report(title, entries):
    for kind in ("answerable", "no table", "unanswerable"):
        some = [e for e in entries if e["kind"] == kind]
        count = collections.Counter(e["verdict"] for e in some)
        good = count["right"] + count["right by rank"]
        answered = good + count["wrong"]
        rate = f"{100 * count['wrong'] / answered:.1f} %" if answered and kind == "answerable" else ""
        cover = f"{100 * answered / len(some):.1f} %" if some and kind == "answerable" else ""
        print(f"| {title}, {kind} | {len(some)} | {answered} | {cover} | {good if kind == 'answerable' else ''} | {count['wrong']} | {rate} | {count['asked_back']} | {count['refused']} |")


def by_template(entries, path):
    groups = collections.defaultdict(list)
    for entry in entries:
        groups[entry["kind"], entry["template"]].append(entry["verdict"])
    with open(path, "w") as file:
        for (kind, name), verdicts in sorted(groups.items(), key=lambda pair: -len(pair[1])):
            file.write(f"{kind} | {name} | " + ", ".join(f"{k} {v}" for k, v in sorted(collections.Counter(verdicts).items())) + "\n")


def main():
    parser = argparse.ArgumentParser()
    for name in ("marrow", "shared", "work"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--like", help="only questions whose template or text matches")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    given.marrow = os.path.abspath(given.marrow)
    folder, store = make(given)
    made = json.load(open(f"{folder}/questions.json"))
    db = sqlite3.connect(f"{folder}/mimic.sqlite")
    titles = {long: short for table in ("d_icd_diagnoses", "d_icd_procedures") for long, short in db.execute(f"SELECT long_title, short_title FROM {table}")}
    entries = [e for e in made["asked"] if given.part in ("all", e["part"])]
    if given.like:
        entries = [e for e in entries if e["part"] != "held" and re.search(given.like, e["template"] + "\n" + e["question"], re.I)]
    marrow(given, store, "ask", "ehrsql", "how many patients", "--json")  # the value index, once
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        entries = list(pool.map(lambda entry: judged(given, store, entry, titles), entries))
    print(f"\nseed {given.seed}; " + ", ".join(f"{v} {k}" for k, v in made["left"].items()) + "\n")
    print("| EHRSQL | questions | answered | coverage | right | wrong | wrong of answered | asked back | refused |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for part, name in PARTS.items():
        if given.part in ("all", part):
            report(name, [e for e in entries if e["part"] == part])
    if given.part == "all":
        report("all", entries)
    ranked = sum(e["verdict"] == "right by rank" for e in entries)
    print(f"\n{ranked} of those right are top-n questions with ties, right by rank() where EHRSQL's SQL takes dense_rank().")
    out = f"{given.work}/ehrsql"
    os.makedirs(out, exist_ok=True)
    for name in PARTS:
        some = [e for e in entries if e["part"] == name]
        if some:
            by_template(some, f"{out}/{name}-templates.txt")
            json.dump([e for e in some if e["verdict"] == "wrong"], open(f"{out}/{name}-wrong.json", "w"), indent=1)
            json.dump([e for e in some if e["verdict"] in ("refused", "asked_back")], open(f"{out}/{name}-not-answered.json", "w"), indent=1)


if __name__ == "__main__":
    main()
