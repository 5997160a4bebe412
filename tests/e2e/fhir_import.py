"""FHIR in, through the command line: NDJSON, Bundles of all types, arrays, single resources, archives and folders become one table a resource
type, each resource's text as it came. Which version of a resource stays, what is gone, and what can't be read are worked out by hand; on real
exports every line is counted and comes back byte for byte."""
import gzip
import json
import os
import random
import subprocess
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import SHARED, Checks, Program, scratch_directory  # noqa: E402

checks = Checks("e2e/fhir_import")
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))
turn = 0
COLUMNS = {"id": "text", "last_updated": "timestamptz", "patient_id": "text", "version_id": "text", "content_hash": "bigint", "resource": "json"}


def make(name, content):
    path = os.path.join(scratch, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return path


def take(*words):
    """Import under a fresh name, which must succeed: the name and the answer."""
    global turn
    turn += 1
    return f"f{turn}", program.must("import", *words, "--name", f"f{turn}")


def refuse(*words):
    ran = program.run("import", *words, "--name", "refused")
    checks.that(ran.status != 0 and ran.error, "refused with an error", words, ran.out[:300])
    checks.equal(program.current("refused"), None, "nothing half imported")
    return ran.error or {"message": "", "hint": ""}


def resource(kind, ident, updated=None, version=None, **members):
    meta = {key: value for key, value in (("versionId", version), ("lastUpdated", updated)) if value}
    return dict({"resourceType": kind}, **({"id": ident} if ident else {}), **({"meta": meta} if meta else {}), **members)


def line(*args, **members):
    return json.dumps(resource(*args, **members), separators=(",", ":"))


def counts(answer):
    return {table["name"]: (table["rows"], table["rejected_rows"]) for table in answer["tables"]}


def codes(answer, table):
    (found,) = [one for one in answer["tables"] if one["name"] == table]
    return {warning["code"] for warning in found["warnings"]}


def rejects(dataset, table):
    """line, reason of each row set aside."""
    shown = program.must("show", dataset)
    (found,) = [one for one in shown["tables"] if one["name"] == table]
    path = os.path.join(program.store, "datasets", dataset, "objects", found["object"], "rejects.csv")
    import csv
    csv.field_size_limit(1 << 30)
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return [(int(row["line"]), row["reason"]) for row in csv.DictReader(file)]


def one_table_a_type():
    text = '{ "resourceType" : "Observation","id":"o1","subject":{"reference":"Patient/p1"},"valueDecimal": 1.50,"x":1e5,"note":"\\u00e9\\/"}'
    path = make("mixed.ndjson", line("Patient", "p1", gender="female") + "\n  " + text + "  \r\n\n" + line("Patient", "p2", gender="male"))
    name, answer = take(path)
    checks.equal(counts(answer), {"Observation": (1, 0), "Patient": (2, 0)}, "types")
    for table in answer["tables"]:
        checks.equal({column["name"]: column["type"] for column in table["columns"]}, COLUMNS, "columns")
    checks.equal(program.rows(name, "SELECT id, patient_id, resource::varchar FROM Observation"), [["o1", "p1", text]], "text as it came")
    checks.equal(program.rows(name, "SELECT resource->>'$.gender' g, count(*) n FROM Patient GROUP BY 1 ORDER BY 1"), [["female", 1], ["male", 1]], "sql")
    checks.equal(program.rows(name, "SELECT patient_id FROM Patient ORDER BY 1"), [["p1"], ["p2"]], "a Patient's patient is itself")
    out = os.path.join(scratch, "out.ndjson")
    program.must("export", name, "Observation", "--format", "ndjson", "--out", out)
    with open(out, encoding="utf-8") as file:
        checks.equal(file.read(), text + "\n", "export gives the resources back")


def content_tells():
    path = make("named/export.txt", line("Patient", "p1") + "\n" + line("Patient", "p2") + "\n")
    _, answer = take(path)
    checks.equal(counts(answer), {"Patient": (2, 0)}, "whatever the name")
    path = make("named/plain.ndjson", '{"id":"1","x":{"resourceType":"Patient"}}\n{"id":"2","x":{}}\n')
    _, answer = take(path)
    checks.equal(counts(answer), {"plain": (2, 0)}, "NDJSON that is no FHIR is a table as ever")
    make("folder/Patient.000.ndjson", line("Patient", "a") + "\n")
    make("folder/Patient.001.ndjson", line("Patient", "b") + "\n" + line("Group", "g") + "\n")
    make("folder/kick.ndjson", '{"exportId":"e","timestamp":"2024-01-01T00:00:00Z","eventId":"kickoff"}\n')
    make("folder/manifest", '{"transactionTime":"2024-01-01T00:00:00Z","request":"x","output":[]}')
    make("folder/errors.ndjson", json.dumps({"resourceType": "OperationOutcome", "issue": []}) + "\n")
    make("folder/people.csv", "id,age\n" + "".join(f"{n},{n + 30}\n" for n in range(20)))
    _, answer = take(os.path.join(scratch, "folder"))
    checks.equal(counts(answer), {"Patient": (2, 0), "Group": (1, 0), "people": (20, 0)}, "a folder")
    checks.that("other_type" in codes(answer, "Group"), "a Group in Patient.001.ndjson is noted")
    skipped = {os.path.basename(one["path"]): one["reason"] for one in answer["skipped"]}
    checks.equal(skipped, {"kick.ndjson": "no data: the log of a FHIR export", "manifest": "no data: the manifest of a FHIR export",
                           "errors.ndjson": "no data: messages of a FHIR server (OperationOutcome)"}, "what is no data, and why")


def packed():
    body = "".join(line("Patient", f"p{n}", birthDate=f"19{n % 90 + 10}-01-01") + "\n" for n in range(500))
    plain, gz = make("packed/Patient.ndjson", body), make("packed/a/Patient.ndjson.gz", gzip.compress(body.encode()))
    zst = os.path.join(scratch, "packed", "Patient.ndjson.zst")
    subprocess.run(["zstd", "-q", plain, "-o", zst], check=True)
    archive = os.path.join(scratch, "packed", "export.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("export/Patient.0001.ndjson", body)
        file.writestr("export/log.ndjson", '{"exportId":"e","eventId":"kickoff"}\n')
    versions = {take(path)[1]["version"] for path in (plain, gz, zst, archive)}
    checks.equal(len(versions), 1, "plain, gz, zst and zip are one version")
    lines = body.splitlines()
    random.Random(5).shuffle(lines)
    versions.add(take(make("packed/s/Patient.ndjson", "\n".join(lines)))[1]["version"])
    checks.equal(len(versions), 1, "so are shuffled lines")


def bundle(kind, *entries):
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": list(entries)}, indent=2)


def bundles():
    uuid = "urn:uuid:3f2a0a40-0000-4000-8000-00000000000"
    transaction = bundle("transaction",
                         {"fullUrl": uuid + "1", "resource": resource("Patient", None, gender="male"), "request": {"method": "POST", "url": "Patient"}},
                         {"fullUrl": uuid + "2", "resource": resource("Condition", "c1", subject={"reference": uuid + "1"}), "request": {"method": "POST", "url": "Condition"}},
                         {"fullUrl": uuid + "3", "resource": resource("Condition", "c2", subject={"reference": uuid + "9"}), "request": {"method": "POST", "url": "Condition"}},
                         {"request": {"method": "DELETE", "url": "Patient?identifier=7"}},
                         {"request": {"method": "PATCH", "url": "Patient/1"}, "resource": resource("Parameters", "x")})
    name, answer = take(make("bundles/transaction.json", transaction))
    checks.equal(counts(answer), {"Condition": (2, 0), "Patient": (1, 0)}, "transaction")
    checks.equal(program.rows(name, "SELECT id, patient_id FROM Condition ORDER BY id"), [["c1", uuid[9:] + "1"], ["c2", None]], "urn:uuid within the Bundle")
    checks.that("id_from_url" in codes(answer, "Patient"), "an id taken from fullUrl is told")
    given = {"id": uuid[9:] + "1", "resourceType": "Patient", "gender": "male"}
    checks.equal(json.loads(program.rows(name, "SELECT resource FROM Patient")[0][0]), given, "… and stands in the resource")
    checks.equal([row[:3] for row in program.rows(name, "SELECT p.id, p.patient_ref, c.id FROM sqlonfhir.patient_demographics p "
                                                        "JOIN sqlonfhir.condition_simple c ON c.patient_id = p.patient_id")],
                 [[uuid[9:] + "1", "Patient/" + uuid[9:] + "1", "c1"]], "… so that views find it, and join by it")
    checks.that("passed_over" in codes(answer, "Patient") and "passed_over" not in codes(answer, "Condition"), "patches and conditional deletions are told, of their own type", answer)
    checks.equal(program.rows(name, "SELECT resource->>'$.subject.reference' r FROM Condition WHERE id = 'c1'"), [[uuid + "1"]], "pretty-printed text is kept")

    search = bundle("searchset", {"fullUrl": "https://x/fhir/Patient/p1", "resource": resource("Patient", "p1")},
                    {"resource": resource("OperationOutcome", None, issue=[]), "search": {"mode": "outcome"}})
    paged = dict(json.loads(search), link=[{"relation": "self", "url": "https://x/fhir/Patient"}, {"relation": "next", "url": "https://x/fhir/Patient?page=2"}])
    _, answer = take(make("bundles/page.json", json.dumps(paged)))
    checks.that("one_page" in codes(answer, "Patient"), "one page of a search is told", answer)
    _, answer = take(make("bundles/last.json", json.dumps(dict(paged, link=paged["link"][:1]))))
    checks.that("one_page" not in codes(answer, "Patient"), "the last page is no news")
    collection = bundle("collection", {"resource": resource("Patient", "p2")}, {"resource": json.loads(bundle("collection", {"resource": resource("Patient", "p3")}))})
    _, answer = take(make("bundles/s.json", search), make("bundles/c.json", collection), make("bundles/one.json", json.dumps(resource("Patient", "p4"), indent=1)),
                     make("bundles/array.json", "[" + line("Patient", "p5") + ",\n" + line("Patient", "p6") + "]"),
                     make("bundles/lines.ndjson", json.dumps(json.loads(search)) + "\n" + line("Patient", "p7") + "\n"))
    checks.equal(counts(answer), {"Patient": (7, 0)}, "searchset, collection, nested, single, array, Bundles in lines; p1 twice")
    checks.that("left_out" in codes(answer, "Patient"), "the duplicate is told")

    history = bundle("history",
                     {"fullUrl": "https://x/fhir/Patient/p1", "request": {"method": "DELETE", "url": "Patient/p1"}, "response": {"lastModified": "2024-03-01T00:00:00Z"}},
                     {"resource": resource("Patient", "p2", None, "2", gender="male"), "request": {"method": "PUT", "url": "Patient/p2"}},
                     {"resource": resource("Patient", "p2", None, "1", gender="female"), "request": {"method": "POST", "url": "Patient"}},
                     {"resource": resource("Patient", "p1", "2024-01-01T00:00:00Z", "1"), "request": {"method": "POST", "url": "Patient"}})
    name, answer = take(make("bundles/history.json", history))
    checks.equal(program.rows(name, "SELECT id, version_id, resource->>'$.gender' g FROM Patient"), [["p2", "2", "male"]], "a history: newest first, deletions")


def renamed():
    """A resource whose own id is not its fullUrl's uuid: references by the uuid lead to it in patient_id, in views and in cohorts alike."""
    uuid = "urn:uuid:3f2a0a40-0000-4000-8000-00000000000"
    transaction = bundle("transaction",
                         {"fullUrl": uuid + "2", "resource": resource("Condition", "c1", subject={"reference": uuid + "1", "display": "x"}, encounter={"reference": uuid + "3"},
                                                                      note=[{"text": 'they wrote "reference": "' + uuid + '1"'}])},
                         {"fullUrl": uuid + "1", "resource": resource("Patient", "p-7", gender="male")},
                         {"fullUrl": uuid + "3", "resource": resource("Encounter", "e-9", subject={"reference": uuid + "1"})},
                         {"fullUrl": uuid + "4", "resource": resource("Encounter", uuid[9:] + "4", "yesterday", subject={"reference": uuid + "1"}, partOf={"reference": uuid + "4"})})
    name, answer = take(make("bundles/renamed.json", transaction))
    checks.equal(program.rows(name, "SELECT id, patient_id FROM Condition"), [["c1", "p-7"]], "patient_id")
    checks.equal(program.rows(name, "SELECT patient_id, patient_ref, encounter_id FROM sqlonfhir.condition_simple"), [["p-7", "Patient/p-7", "e-9"]], "the view's keys are those of the resources")
    checks.equal(program.rows(name, "SELECT count(*) FROM sqlonfhir.condition_simple c JOIN sqlonfhir.patient_demographics p USING (patient_id) JOIN sqlonfhir.encounter e ON e.id = c.encounter_id"), [[1]], "so they join")
    checks.equal(program.rows(name, "SELECT json_extract_string(resource, '$.note[0].text') t FROM Condition"), [['they wrote "reference": "' + uuid + '1"']], "texts are left alone")
    checks.that("reference_from_url" in codes(answer, "Condition") and "reference_from_url" in codes(answer, "Encounter") and "reference_from_url" not in codes(answer, "Patient"), "and it is told", answer)
    checks.equal(program.rows(name, f"SELECT part_of_id FROM sqlonfhir.encounter WHERE id = '{uuid[9:]}4'"), [[uuid[9:] + "4"]], "a uuid that is the id")
    checks.that("bad_last_updated" in codes(answer, "Encounter"), "a time that is none is told in Bundles too", answer)


def odd_but_legal():
    """Where lines end means nothing to JSON: documents over lines, whatever their first line already tells."""
    entries = [{"resource": resource("Patient", f"p{n}", gender="male")} for n in range(3)]
    tail = json.dumps(entries, indent=1)[1:]
    _, answer = take(make("odd/head.json", '{"resourceType":"Bundle","type":"collection","entry":[' + tail + "}"))
    checks.equal(counts(answer), {"Patient": (3, 0)}, "a Bundle whose first line has its type")
    _, answer = take(make("odd/each.ndjson", '{"resourceType":"Bundle","entry":[\n' + ",\n".join(map(json.dumps, entries)) + "\n]}\n"))
    checks.equal(counts(answer), {"Patient": (3, 0)}, "a Bundle with an entry a line")
    _, answer = take(make("odd/one.json", '{"resourceType":"Patient","id":"a","name":[\n{"family":"b"}]}\n{"resourceType":"Patient","id":"c"}'))
    checks.equal(counts(answer), {"Patient": (2, 0)}, "a resource over two lines, then one on a line")
    _, answer = take(make("odd/glued.json", line("Patient", "a") + line("Patient", "b") + "\n" + line("Patient", "c") + " " + line("Patient", "d")))
    checks.equal(counts(answer), {"Patient": (4, 0)}, "resources one after the other on a line")
    name, answer = take(make("odd/twice.ndjson", line("Patient", "a") + '\n{"resourceType":"Patient","id":"u","id":"w"}\n' +
                             '{"resourceType":"Patient","id":"x","meta":{"versionId":"1"},"meta":{"versionId":"2"}}\n'))
    checks.equal(counts(answer), {"Patient": (1, 2)}, "which id holds, readers don't agree on: set aside")
    checks.equal([at for at, reason in rejects(name, "Patient") if "stands twice" in reason], [2, 3], "with the reason")


def newest_stays():
    first = "\n".join([line("Patient", "a", "2024-01-02T00:00:00Z", "2"), line("Patient", "a", "2024-01-01T23:59:59-05:00", "3"), line("Patient", "b", None, "1"),
                       line("Patient", "c", "2024-05-01T00:00:00.000Z", "9"), line("Patient", "d", "2024-01-01T00:00:00Z")])
    second = "\n".join([line("Patient", "b", None, "2"), line("Patient", "c", "2024-05-01T00:00:00Z", "10"), line("Patient", "c", None, "11")])
    gone = bundle("transaction", {"request": {"method": "DELETE", "url": "Patient/d"}}, {"request": {"method": "DELETE", "url": "Device/x"}})
    again = line("Patient", "d", "2020-01-01T00:00:00Z", "again")
    name, answer = take(make("newest/1.ndjson", first), make("newest/2.ndjson", second), make("newest/3.json", gone), make("newest/4.ndjson", again))
    checks.equal(program.rows(name, "SELECT id, version_id FROM Patient ORDER BY id"), [["a", "3"], ["b", "2"], ["c", "10"], ["d", "again"]],
                 "latest lastUpdated in UTC, then the last; what comes after a deletion stands")
    checks.equal(counts(answer), {"Patient": (4, 0)}, "a deletion alone makes no table")
    said = [warning["message"] for warning in answer["tables"][0]["warnings"] if warning["code"] == "left_out"]
    checks.that(len(said) == 1 and said[0].startswith("6 rows"), "how many were left out", said)
    checks.equal(program.rows(name, "SELECT last_updated::varchar FROM Patient WHERE id = 'a'")[0][0][:19], "2024-01-02 04:59:59", "zones count")
    _, answer = take(make("newest/all.json", bundle("transaction", {"resource": resource("Patient", "z")}, {"request": {"method": "DELETE", "url": "Patient/z"}})))
    checks.equal(counts(answer), {"Patient": (0, 0)}, "put and deleted: an empty table")


def patients():
    cases = [("Patient/7", "7"), ("https://host:8443/fhir/r4/Patient/7/_history/2", "7"), ("Patient/7#name", "7"), ("Group/7", None), ("#p", None), ("7", None),
             ("Patient?identifier=a|b", None), ("urn:uuid:11111111-2222-4333-8444-555555555555", None), ("", None)]
    body = "\n".join(line("Observation", f"o{n}", subject={"reference": text}) for n, (text, _) in enumerate(cases))
    more = [line("Immunization", "i1", patient={"reference": "urn:uuid:11111111-2222-4333-8444-555555555555"}),
            line("Coverage", "v1", beneficiary={"reference": "Patient/8"}, subscriber={"reference": "Patient/9"}),
            line("Appointment", "a1", participant=[{"actor": {"reference": "Practitioner/1"}}, {"actor": {"reference": "Patient/10"}}]),
            line("ResearchSubject", "r1", individual={"reference": "Patient/11"}), line("Practitioner", "d1"),
            line("Observation", "typed", subject={"reference": "urn:uuid:u1", "type": "Patient"}), line("Made", "m1", subject={"reference": "Patient/12"})]
    name, _ = take(make("patients.ndjson", body + "\n" + "\n".join(more)))
    found = dict(program.rows(name, "SELECT id, patient_id FROM Observation"))
    for n, (text, expected) in enumerate(cases):
        checks.equal(found[f"o{n}"], expected, f"subject {text}")
    checks.equal(found["typed"], "u1", "a typed urn:uuid")
    for table, expected in (("Immunization", "11111111-2222-4333-8444-555555555555"), ("Coverage", "8"), ("Appointment", "10"), ("ResearchSubject", "11"),
                            ("Practitioner", None), ("Made", "12")):
        checks.equal(program.rows(name, f"SELECT patient_id FROM {table}"), [[expected]], f"patient of {table}")


def bad_lines():
    deep = '{"resourceType":"Patient","id":"deep","x":' + "[" * 10000 + "]" * 10000 + "}"
    lines = [line("Patient", "ok1"), line("Patient", "cut")[:-3], line("Patient", None), '{"id":"x"}', deep,
             line("Patient", "u") + "\xff", '{"resourceType":7,"id":"n"}', '{"resourceType":"Patient","id":7}', "not json", line("Patient", "ok2")]
    body = b"\n".join(text.encode("latin-1") if "\xff" in text else text.encode() for text in lines)
    path = make("bad/Patient.ndjson", body)
    name, answer = take(path)
    checks.equal(counts(answer), {"Patient": (2, 8)}, "good ones are read, bad ones set aside")
    found = rejects(name, "Patient")
    checks.equal([number for number, _ in found], list(range(2, 10)), "each at its line", found)
    reasons = dict(found)
    for number, word in ((3, "no id"), (4, "no resourceType"), (5, "deep"), (8, "the id is no text")):
        checks.that(word in reasons[number], f"line {number} says {word}", reasons[number])
    checks.that(not any("ok" in reason or "cut" in reason for reason in reasons.values()), "no content in reasons", reasons)
    checks.that("Patient" in refuse("--strict", path)["message"] + str(program.run("import", "--strict", path, "--name", "refused").error), "--strict refuses")
    name, answer = take(make("bad/two/a.ndjson", line("Patient", "a") + "\n{broken\n" + line("Group", "g")), make("bad/two/b.ndjson", line("Patient", "b") + "\n{broken\n"))
    checks.equal(sum(table["rejected_rows"] for table in answer["tables"]), 2, "in several files")
    checks.that(any("in b.ndjson" in reason for _, reason in rejects(name, "Patient")), "the reason names the file", rejects(name, "Patient"))
    error = refuse(make("bad/cut.json", bundle("collection", {"resource": resource("Patient", "p1")}, {"resource": resource("Patient", "p2")})[:-20]))
    checks.that(error.get("where", "").endswith("cut.json:14:19"), "a Bundle cut short: with its line", error)
    refuse(make("bad/none.ndjson", '{"resourceType":"Patient"\n{"resourceType":"Pat\n'.replace("Patient\"\n", "7\"\n")))
    error = refuse("--type", "Patient.id=bigint", make("bad/over.ndjson", line("Patient", "1")))
    checks.that("overrid" in error["message"], "no overrides", error)


def long_lines():
    blob = "A" * (3 << 20)
    body = "".join(json.dumps({"content": [{"data": blob}], "id": f"b{n}", "resourceType": "DocumentReference", "subject": {"reference": "Patient/1"}}) + "\n" for n in range(3))
    body += '{"resourceType":"DocumentReference","id":"huge","data":"' + "B" * (65 << 20) + '"}\n'
    name, answer = take(make("long/DocumentReference.ndjson", body))
    checks.equal(counts(answer), {"DocumentReference": (3, 1)}, "resourceType at the end of 3 MiB; one of 65 MiB set aside")
    checks.equal(program.rows(name, "SELECT strlen(resource->>'$.content[0].data') n, count(*) c FROM DocumentReference GROUP BY 1"), [[3 << 20, 3]], "whole")
    checks.that("64 MiB" in rejects(name, "DocumentReference")[0][1], "and why")


def a_dataset_like_others():
    people = [line("Patient", f"p{n:03d}", gender="female" if n % 2 else "male") for n in range(80)]
    facts = [line("Condition", f"c{n:04d}", subject={"reference": f"Patient/p{n % 80:03d}"}, code={"text": f"t{n % 7}"}) for n in range(400)]
    path = make("like/x.ndjson", "\n".join(people + facts))
    name, before = take(path)
    relations = program.must("relations", name)["relations"]
    checks.that(any(one["child"]["columns"] == ["patient_id"] and one["parent"] == {"table": "Patient", "columns": ["id"]} for one in relations), "patient_id leads to Patient.id", relations)
    mart = program.must("mart", "build", name, "--grain", "patient")
    checks.equal(mart.get("rows", mart.get("row_count")), 80, "a mart at the patient's grain", mart)
    facts[5] = facts[5].replace('"t5"', '"changed"')
    make("like/x.ndjson", "\n".join(people + facts))
    after = program.must("import", path, "--name", name)
    changes = json.dumps(program.must("diff", name, before["version"], after["version"]))
    checks.that("Condition" in changes, "diff", changes)
    checks.that(program.must("verify", name).get("ok", True), "verify")
    shown = program.must("show", name)
    (found,) = [one for one in shown["tables"] if one["name"] == "Condition"]
    copy = os.path.join(program.store, "datasets", name, "objects", found["object"], "table.duckdb")
    with open(copy, "r+b") as file:
        file.seek(5000)
        file.write(b"damaged!")
    checks.that(program.run("verify", name).status != 0, "damage is found")
    program.must("repair", name)
    checks.equal(program.must("verify", name).get("ok", True), True, "and repaired")
    checks.equal(program.rows(name, "SELECT count(*) c FROM Condition WHERE resource->>'$.code.text' = 'changed'"), [[1]], "rows are whole")
    checks.equal(program.must("import", path, "--name", name)["reused"], True, "the same content again is reused")
    program.must("prune", name, "--keep", "1")
    checks.equal(len(program.must("versions", name)["versions"]), 1, "prune")


def real_exports():
    for name, total in (("fhir_smart_400", 122727), ("fhir_bulk10_smart", 7160)):
        packed_set = os.path.join(SHARED, "data", name + ".tar.zst")
        if not os.path.exists(packed_set):
            print(f"SKIPPED: {name} (no {packed_set})")
            continue
        folder = os.path.join(scratch, "real")
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["tar", "--zstd", "-xf", packed_set, "-C", folder], check=True)
        folder = os.path.join(folder, name)
        expected = {}
        for file in sorted(os.listdir(folder)):
            if file.endswith(".ndjson") and file != "log.ndjson":
                with open(os.path.join(folder, file), "rb") as stream:
                    expected[file.split(".")[0]] = (sum(1 for text in stream if text.strip()), 0)
        dataset, answer = take(folder)
        checks.equal(counts(answer), expected, f"{name}: every line counted")
        checks.equal(sum(rows for rows, _ in expected.values()), total, f"{name}: as its source says")
        for table in ("Patient", "Procedure"):
            out = os.path.join(scratch, "back.ndjson")
            program.must("export", dataset, table, "--format", "ndjson", "--out", out, "--overwrite")
            (source,) = [file for file in os.listdir(folder) if file.startswith(table + ".")]
            with open(out, "rb") as back, open(os.path.join(folder, source), "rb") as stream:
                checks.equal(back.read().splitlines(), [text.strip() for text in stream.read().splitlines()], f"{name}: {table} comes back byte for byte")


for case in (one_table_a_type, content_tells, packed, bundles, renamed, odd_but_legal, newest_stays, patients, bad_lines, long_lines, a_dataset_like_others, real_exports):
    case()
checks.end()
