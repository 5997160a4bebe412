"""Cohorts over FHIR data: the same counts by views evaluated on the fly, by materialised views, by the bitmap index, and worked out here from the NDJSON
by Python. On the synthetic hospital always; on 400 patients of Synthea where the shared sets are. What changes (a new version, recent changes, another
view of a name) must change the counts, or the route, never leave an old number standing.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import SHARED, Checks, Program, scratch_directory  # noqa: E402

checks = Checks("e2e/fhir_cohort")
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"


class Hospital:
    """What the NDJSON of a folder says, without the program."""

    def __init__(self, folder):
        self.of = {}
        for type_name in ("Patient", "Condition", "Observation", "Encounter", "MedicationRequest", "Procedure"):
            with open(os.path.join(folder, type_name + ".ndjson"), encoding="utf-8") as file:
                self.of[type_name] = [json.loads(line) for line in file if line.strip()]
        self.gender = {p["id"]: p.get("gender") for p in self.of["Patient"]}

    @staticmethod
    def patient(resource):
        return resource["subject"]["reference"].split("/")[-1]

    def having(self, type_name, holds):
        return {self.patient(r) for r in self.of[type_name] if "reference" in r.get("subject", {}) and holds(r)}

    def coded(self, type_name, system, code):
        """By the first coding of the system: what the views' columns hold."""
        return self.having(type_name, lambda r: next((c.get("code") for c in r["code"].get("coding", []) if c.get("system") == system), None) == code)

    def count(self, gender, *sets):
        """all patients, of the gender, then what is left after each set"""
        left = {p for p, g in self.gender.items() if g == gender}
        counts = [len(self.gender), len(left)]
        for one in sets:
            left &= one
            counts.append(len(left))
        return counts

    def texts(self, type_name):
        return {r["code"].get("text") or next((c["display"] for c in r["code"].get("coding", []) if c.get("display")), "") for r in self.of[type_name]}

    def with_text(self, type_name, pattern):
        return self.having(type_name, lambda r: re.search(pattern, r["code"].get("text") or r["code"]["coding"][0].get("display", ""), re.IGNORECASE))


def attrition(answer):
    return [step["count"] for step in answer["attrition"]]


def ask(dataset, criteria, route, expected, what, *options):
    answer = program.must("cohort", "count", dataset, criteria, *options)
    checks.equal(answer["route"], route, f"{what}: route of {criteria!r}", answer["why"])
    checks.equal(attrition(answer), expected, f"{what}, {route}: {criteria!r}", answer["sql"])
    checks.that(answer["data_as_of"] and answer["why"] and answer["version"], f"{what}: as of when, and why", answer)
    return answer


def of_category(resource, category):
    return any(coding.get("code") == category for one in resource.get("category", []) for coding in one.get("coding", []))


def most_common(hospital, type_name, system, category=None):
    seen = {}
    for r in hospital.of[type_name]:
        if category is not None and not of_category(r, category):
            continue
        for code in {c["code"] for c in r["code"].get("coding", []) if c.get("system") == system}:
            seen[code] = seen.get(code, 0) + 1
    return sorted(seen, key=lambda code: (-seen[code], code))


def questions(hospital, code):
    """[(criteria, counts, can the index answer?)]"""
    found = []
    second = next(c for c in most_common(hospital, "Condition", SNOMED) if c != code)
    lab = most_common(hospital, "Observation", LOINC, "laboratory")[0]
    seen_since = hospital.having("Encounter", lambda r: r.get("period", {}).get("start", "")[:10] >= "2012-01-01")
    admitted = hospital.having("Encounter", lambda r: True)
    for gender in ("male", "female"):
        these = hospital.coded("Condition", SNOMED, code)
        others = hospital.coded("Condition", SNOMED, second)
        tested = hospital.coded("Observation", LOINC, lab)
        found.append((f"{gender} and condition snomed|{code}", hospital.count(gender, these), True))
        found.append((f"{gender} and condition {code}, {second} and observation loinc|{lab}", hospital.count(gender, these | others, tested), True))
        found.append((f"{gender} and encounter and not condition {code}", hospital.count(gender, admitted, set(hospital.gender) - these), True))
        found.append((f"{gender} and condition {code} and encounter since 2012", hospital.count(gender, these, seen_since), True))
        found.append((f'{gender} and condition {code} status "sté"', hospital.count(gender, set()), False))
    return found


def ask_all(dataset, hospital, code, route, what, *options):
    for criteria, expected, indexed in questions(hospital, code):
        by = route if route != "bitmap" or indexed else "materialised"
        answer = ask(dataset, criteria, by, expected, what, *options)
        if by == "bitmap":
            continue
        checks.that(all(one["route"] == by for one in answer["views"].values()), f"{what}: each view by {by}", answer["views"])
        told = [note["code"] for note in answer["notes"]]
        checks.equal("built_in_observations" in told, "observation" in criteria, f"{what}: which observations are looked at is told", told)
        checks.equal("sqlonfhir.encounter" in answer["views"], "encounter" in criteria, f"{what}: the view, not the table of resources")


def every_route(dataset, hospital, code, what):
    ask_all(dataset, hospital, code, "on the fly", what)
    program.must("view", "create", dataset)
    ask_all(dataset, hospital, code, "materialised", what)
    index = program.must("cohort", "index", dataset)
    checks.equal(index["patients"], len(hospital.gender), f"{what}: patients of the index")
    checks.that(program.must("cohort", "index", dataset)["reused"], f"{what}: the index is there already")
    ask_all(dataset, hospital, code, "bitmap", what)
    ask_all(dataset, hospital, code, "materialised", f"{what}, without index", "--no-index")


def small_cells(dataset, hospital, text, pattern, what):
    for gender in ("male", "female"):
        expected = hospital.count(gender, hospital.with_text("Condition", pattern))
        criteria = f'{gender} and condition "{text}"'
        for options in ((), ("--no-index",)):
            answer = program.must("cohort", "count", dataset, criteria, *options)
            checks.equal(attrition(answer), expected, f"{what}: {criteria!r} by {answer['route']}", answer["notes"])
            hidden = program.must("cohort", "count", dataset, criteria, "--suppress", 11, *options)
            checks.equal(hidden["count"] is None, 0 < expected[-1] < 11 or 0 < expected[-2] - expected[-1] < 11, f"{what}: fewer than 11 are hidden", expected)
            checks.equal(hidden["suppressed"], any(c is None for c in attrition(hidden)), f"{what}: and that is told")
            for shown, real in zip(attrition(hidden), expected):
                checks.that(shown in (None, real), f"{what}: what is shown is true", attrition(hidden), expected)


def as_dataset(dataset, hospital, code, what):
    """A saved cohort's rows as a dataset: the patients and their conditions, none else; marts and questions are about them."""
    who = hospital.coded("Condition", SNOMED, code) & {p for p, g in hospital.gender.items() if g == "female"}
    program.must("cohort", "save", dataset, f"female and condition {code}", "--name", "some")
    program.must("import", "--from-views", dataset, "--cohort", "some", "--name", "of_cohort")
    checks.equal(program.rows("of_cohort", "SELECT patient_id FROM patient_demographics ORDER BY 1"), [[p] for p in sorted(who)], f"{what}: patients of the cohort")
    kept = program.rows(dataset, "SELECT count(*) FROM sqlonfhir.condition_simple WHERE patient_id IN (SELECT patient_id FROM cohort_some)")
    checks.equal(program.rows("of_cohort", "SELECT count(*) FROM condition_simple"), kept, f"{what}: their conditions")
    checks.equal(program.must("show", "of_cohort")["inputs"][0]["cohort"], "cohort_some", f"{what}: the manifest names it")
    checks.equal(program.must("mart", "build", "of_cohort", "--grain", "patient")["row_count"], len(who), f"{what}: a mart of the cohort")
    for words, said in ((("--from-views", dataset, "--cohort", "nobody"), "cohort save"), ((scratch, "--cohort", "some"), "")):
        ran = program.run("import", *words, "--name", "refused")
        checks.that(ran.status in (2, 6) and said in str(ran.error), f"{what}: refused", ran.err)


def comparators():
    """Of "< 5" it is certain that it is below 5, and nothing of what is above."""
    values = {"a": ("<", 5), "b": (">", 5), "c": ("<=", 5), "d": (">=", 5), "e": (None, 5), "f": ("<", 4), "g": (">", 6)}
    folder = os.path.join(scratch, "comparators")
    os.makedirs(folder)
    with open(os.path.join(folder, "all.ndjson"), "w") as file:
        for who, (comparator, value) in values.items():
            quantity = dict({"value": value, "unit": "mg/dL"}, **({"comparator": comparator} if comparator else {}))
            file.write(json.dumps({"resourceType": "Patient", "id": who}) + "\n")
            file.write(json.dumps({"resourceType": "Observation", "id": who, "status": "final", "subject": {"reference": f"Patient/{who}"}, "valueQuantity": quantity,
                                   "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
                                   "code": {"coding": [{"system": "http://loinc.org", "code": "1988-5"}]}}) + "\n")
    program.must("import", folder, "--name", "comparators")
    version = program.must("cohort", "save", "comparators", "observation 1988-5", "--name", "early")["version"]
    with open(os.path.join(folder, "all.ndjson"), "a") as file:
        file.write(json.dumps({"resourceType": "Patient", "id": "late"}) + "\n")
    program.must("import", folder, "--name", "comparators")
    ran = program.run("sql", "comparators", "SELECT * FROM cohort_early")
    checks.that(ran.status == 6 and version[:12] in ran.error["hint"], "a cohort of another version: which is told", ran.err)
    for asked, expected in (("< 5", "af"), ("<= 5", "acef"), ("> 5", "bg"), (">= 5", "bdeg"), ("= 5", "e"), ("<= 4", "f"), ("> 4", "bdeg"), ("< 6", "acef")):
        program.must("cohort", "save", "comparators", f"observation 1988-5 {asked} mg/dL", "--name", "some")
        checks.equal("".join(row[0] for row in program.rows("comparators", "SELECT patient_id FROM cohort_some ORDER BY 1")), expected, f"certainly {asked}")


def saved(dataset, hospital, code, what):
    expected = sorted(hospital.coded("Condition", SNOMED, code) & {p for p, g in hospital.gender.items() if g == "female"})
    answer = program.must("cohort", "save", dataset, f"female and condition {code}", "--name", "women")
    checks.equal((answer["name"], answer["count"], answer["reused"]), ("cohort_women", len(expected), False), f"{what}: saved")
    checks.equal(program.rows(dataset, "SELECT patient_id FROM cohort_women ORDER BY 1"), [[p] for p in expected], f"{what}: the saved patients")
    checks.that(program.must("cohort", "save", dataset, f"female and condition {code}", "--name", "women")["reused"], f"{what}: saved again is reused")
    for criteria in (f"male and condition {code}", f"female and condition {code}"):
        program.must("cohort", "save", dataset, criteria, "--name", "women")
        program.must("cohort", "save", dataset, criteria, "--name", "Others")
        checks.equal(program.rows(dataset, "SELECT patient_id FROM cohort_women ORDER BY 1") == [[p] for p in expected], criteria.startswith("female"), f"{what}: a name means what was saved last")
        checks.equal(program.rows(dataset, "SELECT patient_id FROM cohort_others ORDER BY 1"), program.rows(dataset, "SELECT patient_id FROM cohort_women ORDER BY 1"), f"{what}: under two names")
    number = len(expected)
    for criteria, most in ((f"female and condition {code}", number + 1), (f"not (female and condition {code})", number + 1), (f"not (female and condition {code})", number)):
        counted = program.must("cohort", "count", dataset, criteria, "--suppress", most)
        kept = program.must("cohort", "save", dataset, criteria, "--name", "hidden", "--suppress", most)
        checks.equal((kept["count"], kept["suppressed"]), (counted["count"], counted["count"] is None), f"{what}: {criteria!r} hidden below {most} when saved as when counted")
        checks.equal(counted["count"] is None, most > number, f"{what}: few, or few others")


def write(folder, target, conditions):
    """The same files, with more conditions."""
    shutil.copytree(folder, target)
    with open(os.path.join(target, "Condition.ndjson"), "a", encoding="utf-8") as file:
        file.write("".join(json.dumps(one) + "\n" for one in conditions))


def condition(ordinal, patient, code):
    return {"resourceType": "Condition", "id": f"added-{ordinal}", "meta": {"lastUpdated": f"2099-01-01T00:00:{ordinal:02}Z"},
            "code": {"coding": [{"system": SNOMED, "code": code}], "text": "added"}, "subject": {"reference": f"Patient/{patient}"}}


def what_changes(dataset, folder, hospital, code):
    """A new version makes index and materialised views stale; recent changes lie over them; what is saved holds the version alone."""
    without = [p for p, g in sorted(hospital.gender.items()) if g == "male" and p not in hospital.coded("Condition", SNOMED, code)]
    criteria = f"male and condition {code}"
    before = hospital.count("male", hospital.coded("Condition", SNOMED, code))
    changes = os.path.join(scratch, "changes.ndjson")
    with open(changes, "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(condition(n, without[n], code)) + "\n" for n in range(3)))
    program.must("fhir", "apply", dataset, changes)
    answer = ask(dataset, criteria, "materialised", [before[0], before[1], before[2] + 3], "three came since")
    checks.equal(answer.get("recent_changes"), 3, "and that is told")
    ask(dataset, criteria, "bitmap", before, "the snapshot has no recent changes", "--freshness", "snapshot")
    status = {v["name"]: (v["pending_changes"], v["recent_changes"]) for v in program.must("view", "status", dataset)["views"]}
    checks.equal((status["condition_simple"], status["patient_demographics"]), ((3, 3), (0, 0)), "status tells what the views lack")
    kept = program.must("cohort", "save", dataset, criteria, "--name", "men")
    checks.equal(kept["count"], before[2], "what is saved is the version's")
    first = answer["version"]

    write(folder, os.path.join(scratch, "next"), [condition(n, without[n], code) for n in range(5)])
    hospital = Hospital(os.path.join(scratch, "next"))
    program.must("import", os.path.join(scratch, "next"), "--name", dataset)
    after = hospital.count("male", hospital.coded("Condition", SNOMED, code))
    checks.equal(after[2], before[2] + 5, "two more in the next version")
    answer = ask(dataset, criteria, "on the fly", after, "the next version")
    checks.that("another version" in answer["why"] or "changes" in answer["why"], "the old index is not used", answer["why"])
    checks.equal((answer["views"]["condition_simple"]["route"], answer["views"]["patient_demographics"]["route"]), ("on the fly", "materialised"),
                 "patients did not change")
    answer = ask(dataset, criteria, "materialised", before, "the snapshot", "--freshness", "snapshot")
    checks.that(answer["stale"] and answer["views"]["condition_simple"]["staleness_s"] >= 1 and answer["data_as_of"] == answer["views"]["condition_simple"]["as_of"], "its age is told", answer)
    checks.equal(program.run("cohort", "count", dataset, criteria, "--freshness", "snapshot", "--version", first).status, 2, "a version and the snapshot are two things")
    program.must("view", "refresh", dataset)
    answer = ask(dataset, criteria, "materialised", after, "refreshed")
    checks.equal((answer["stale"], answer["signature"]), (False, program.must("cohort", "count", dataset, criteria, "--freshness", "snapshot")["signature"]), "fresh: the snapshot is the latest")
    checks.that(not program.must("cohort", "index", dataset)["reused"], "the index is made anew")
    ask(dataset, criteria, "bitmap", after, "indexed anew")
    ask(dataset, criteria, "bitmap", before, "the version before, by its own index", "--version", first)


def by_reference():
    """Requests that name their medication by reference count by its code: a contained one's, a resource's; what finds none is told, by every route."""
    target = os.path.join(scratch, "reference")
    os.makedirs(target)
    drug = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "310965", "display": "Ibuprofen 200 MG Oral Tablet"}]}
    requests = [{"medicationCodeableConcept": drug}, {"contained": [{"resourceType": "Medication", "id": "m", "code": drug}], "medicationReference": {"reference": "#m"}},
                {"medicationReference": {"reference": "Medication/there"}}, {"medicationReference": {"reference": "Medication/absent", "display": "Ibuprofen, perhaps"}},
                {"medicationReference": {"reference": "Medication/other"}}]
    other = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "243670", "display": "Aspirin 81 MG Oral Tablet"}]}
    resources = [{"resourceType": "Patient", "id": f"p{n}", "gender": "female"} for n in range(len(requests))]
    resources += [dict({"resourceType": "MedicationRequest", "id": f"r{n}", "status": "active", "intent": "order", "subject": {"reference": f"Patient/p{n}"}}, **r) for n, r in enumerate(requests)]
    resources += [{"resourceType": "Medication", "id": "there", "code": drug}, {"resourceType": "Medication", "id": "other", "code": other}]
    with open(os.path.join(target, "all.ndjson"), "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(r) + "\n" for r in resources))
    program.must("import", target, "--name", "reference")
    for route, before in (("on the fly", []), ("materialised", ["view", "create", "reference"]), ("bitmap", ["cohort", "index", "reference"])):
        if before:
            program.must(*before)
        answer = ask("reference", "medication 310965", route, [5, 3], f"by code, {route}")
        notes = [n["message"] for n in answer["notes"] if n["code"] == "uncoded"]
        checks.that(len(notes) == 1 and notes[0].startswith("1 row of medication_requests"), f"who may be missed is told, {route}", answer["notes"])
        ask("reference", "medication ibuprofen", route, [5, 4], f"by text, {route}")
        ask("reference", "female and not medication 243670", route, [5, 5, 4], f"another's, {route}")


def on_the_synthetic_hospital():
    folder = os.path.join(scratch, "demo", "fhir")
    program.must("demo-data", os.path.join(scratch, "demo"), "--patients", 150, "--seed", 11)
    hospital = Hospital(folder)
    code = most_common(hospital, "Condition", SNOMED)[3]
    program.must("import", folder, "--name", "demo")
    every_route("demo", hospital, code, "demo")
    small_cells("demo", hospital, "diabetes", r"\bdiabetes\b", "demo")
    saved("demo", hospital, code, "demo")
    what_changes("demo", folder, hospital, code)


def on_real_data(name="fhir_smart_400", code="44054006"):
    packed = os.path.join(SHARED, "data", name + ".tar.zst")
    if not os.path.exists(packed):
        checks.skip(f"type 2 diabetes on {name} (no {packed})")
        return
    subprocess.run(["tar", "--zstd", "-xf", packed, "-C", scratch], check=True)
    folder = os.path.join(scratch, name)
    hospital = Hospital(folder)
    program.must("import", folder, "--name", "real")
    every_route("real", hospital, code, name)
    small_cells("real", hospital, "diabetes", r"\b(diabetes|diabetic)\b(?!.*type II)|\btype II diabetes\b", name)
    saved("real", hospital, code, name)
    as_dataset("real", hospital, code, name)
    print(f"{name}, {code}: male {hospital.count('male', hospital.coded('Condition', SNOMED, code))[-1]}, "
          f"female {hospital.count('female', hospital.coded('Condition', SNOMED, code))[-1]} by every route")


by_reference()
on_the_synthetic_hospital()
on_real_data()
comparators()
checks.end()
