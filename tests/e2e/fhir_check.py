"""fhir check through the command line: references that lead nowhere are counted by element and reason, profiles, resources without patient or id;
ids appear only for who asks for values. Every figure is worked out by hand; on a real export they are an independent reader's."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import SHARED, Checks, Program, scratch_directory  # noqa: E402

checks = Checks("e2e/fhir_check")
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))
URL = "http://example.org/StructureDefinition/"


def take(name, *resources):
    path = os.path.join(scratch, name + ".ndjson")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(one) + "\n" for one in resources)
    program.must("import", path, "--name", name)


def by_hand():
    ref = lambda text, **members: dict({"reference": text}, **members)  # noqa: E731
    take("hand", {"resourceType": "Patient", "id": "p1", "meta": {"profile": [URL + "a", URL + "b"]}}, {"resourceType": "Patient", "id": "p2", "meta": {"profile": [URL + "a"]}},
         {"resourceType": "Patient"}, {"resourceType": "Patient", "id": "p2"},
         {"resourceType": "Encounter", "id": "e1", "subject": ref("Patient/p1"), "contained": [{"resourceType": "Practitioner", "id": "d"}],
          "participant": [{"individual": ref("#d")}, {"individual": ref("#x")}, {"individual": ref("Practitioner?identifier=1")}], "serviceProvider": ref("Organization/o1")},
         {"resourceType": "Encounter", "id": "e2", "subject": ref("https://host/fhir/Patient/SECRET7/_history/3"), "partOf": ref("Encounter/e1")},
         {"resourceType": "Encounter", "id": "e3", "subject": ref("Patient/SECRET8"), "participant": [{"individual": ref("what is this")}, {"individual": ref("urn:uuid:0")}]},
         {"resourceType": "Encounter", "id": "e4", "subject": {"identifier": {"value": "7"}}, "partOf": ref("urn:uuid:e1", type="Encounter")})
    answer = program.must("fhir", "check", "hand")
    types = {one.pop("type"): one for one in answer["types"]}
    checks.equal(types, {"Encounter": {"resources": 4, "without_patient": 1, "with_profile": 0, "left_out": 0, "set_aside": 0, "without_id": 0},
                         "Patient": {"resources": 2, "without_patient": 0, "with_profile": 1, "left_out": 1, "set_aside": 1, "without_id": 1}}, "types")
    checks.equal(answer["references"], {"found": 4, "missing": 2, "type_absent": 1, "not_contained": 1, "urn": 1, "conditional": 1, "unclear": 1, "all": 11}, "outcomes")
    checks.equal([(one["type"], one["path"], one["target"], one["reason"], one["count"]) for one in answer["dangling"]],
                 [("Encounter", "participant.individual", None, "not_contained", 1), ("Encounter", "participant.individual", None, "urn", 1),
                  ("Encounter", "participant.individual", None, "unclear", 1), ("Encounter", "serviceProvider", "Organization", "type_absent", 1),
                  ("Encounter", "subject", "Patient", "missing", 2)], "by type and path")
    checks.equal([(one["type"], one["profile"], one["count"]) for one in answer["profiles"]], [("Patient", URL + "a", 1), ("Patient", URL + "b", 1)],
                 "profiles, of the version of a resource that stayed")
    checks.that(not answer["ok"], "not all is well")
    checks.that("SECRET" not in json.dumps(answer), "no ids without --show-values")
    shown = program.must("fhir", "check", "hand", "--show-values")
    (subject,) = [one for one in shown["dangling"] if one["path"] == "subject"]
    checks.equal(sorted(one["id"] for one in subject["examples"]), ["e2", "e3"], "examples for who asks")
    text = subprocess.run([program.binary, "--store", program.store, "fhir", "check", "hand"], capture_output=True, check=True).stdout.decode()
    checks.that("Encounter.subject" in text and "SECRET" not in text, "the terminal's table", text)


def no_resources():
    path = os.path.join(scratch, "plain.csv")
    with open(path, "w", encoding="ascii") as file:
        file.write("id,resource\n1,2\n3,4\n")
    program.must("import", path, "--name", "plain")
    ran = program.run("fhir", "check", "plain")
    checks.that(ran.status != 0 and "FHIR" in ran.error["message"] and ran.error["hint"], "a dataset without resources", ran.error)


def walk(node, path, found):
    if isinstance(node, dict):
        if path and isinstance(node.get("reference"), str):
            found.append((".".join(path), node["reference"]))
        for name, value in node.items():
            walk(value, path + [name], found)
    elif isinstance(node, list):
        for one in node:
            walk(one, path, found)


def a_real_export():
    packed = os.path.join(SHARED, "data", "fhir_bulk10_smart.tar.zst")
    if not os.path.exists(packed):
        return checks.skip(f"fhir_bulk10_smart (no {packed})")
    subprocess.run(["tar", "--zstd", "-xf", packed, "-C", scratch], check=True)
    folder = os.path.join(scratch, "fhir_bulk10_smart")
    resources = []
    for file in sorted(os.listdir(folder)):
        if file.endswith(".ndjson") and file != "log.ndjson":
            with open(os.path.join(folder, file), encoding="utf-8") as stream:
                resources += [json.loads(line) for line in stream]
    ids = {f"{one['resourceType']}/{one['id']}" for one in resources}
    expected, every, conditional = {}, 0, 0
    for one in resources:
        found = []
        walk(one, [], found)
        contained = {inner.get("id") for inner in one.get("contained", [])}
        for path, reference in found:
            every += 1
            conditional += "?" in reference
            if "?" in reference or reference in ids or (reference[:1] == "#" and reference[1:] in contained):
                continue
            key = (one["resourceType"], path)
            expected[key] = expected.get(key, 0) + 1
    program.must("import", folder, "--name", "real")
    answer = program.must("fhir", "check", "real")
    found = {}
    for one in answer["dangling"]:
        key = (one["type"], one["path"])
        found[key] = found.get(key, 0) + one["count"]
    checks.equal(found, expected, "references that lead nowhere")
    checks.equal((answer["references"]["all"], answer["references"]["conditional"], answer["resources"]), (every, conditional, len(resources)), "and all of them")
    claimed = sum(len(one.get("meta", {}).get("profile", [])) for one in resources)
    checks.equal(sum(one["count"] for one in answer["profiles"]), claimed, "profiles claimed")
    return None


for case in (by_hand, no_resources, a_real_export):
    case()
checks.end()
