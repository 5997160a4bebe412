#!/usr/bin/env python3
"""What one writes by hand in DuckDB for the built-in views, and two of 8 columns: typed read_json of an NDJSON file into a table, a statement a view.
fhir_floor.py VIEW[,VIEW…] THREADS FILE…   FILE…: one for all, or one each. Prints {"seconds", "cpu", "rows"}. The types are given, so nothing is sniffed;
order of rows is not kept, which is faster. Every view has the columns of Marrow's."""
import json, sys, time
import duckdb

CODING = "STRUCT(system VARCHAR, code VARCHAR, display VARCHAR)[]"
CONCEPT = f"STRUCT(coding {CODING}, text VARCHAR)"
REFERENCE = "STRUCT(reference VARCHAR)"
PERIOD = 'STRUCT("start" VARCHAR, "end" VARCHAR)'
QUANTITY = 'STRUCT("value" VARCHAR, unit VARCHAR, code VARCHAR, comparator VARCHAR)'
RANGE = f'STRUCT(low STRUCT("value" VARCHAR), high STRUCT("value" VARCHAR))[]'
META = 'STRUCT("lastUpdated" VARCHAR)'


def key(path, kind=None):
    return f"CASE WHEN {path} LIKE '{kind}/%' THEN split_part({path}, '/', 2) END" if kind else f"regexp_extract({path}, '[^/]+$')"


def coded(path, system):
    return f"list_filter({path}, x -> x.system = '{system}')[1].code"


def codes(path):
    return f"COALESCE({path}.text, {path}.coding[1].display)"


COMMON = f'{key("subject.reference", "Patient")} patient_id, subject.reference patient_ref, {key("encounter.reference", "Encounter")} encounter_id, status'
ABOUT = {"id": "VARCHAR", "meta": META, "status": "VARCHAR", "subject": REFERENCE, "encounter": REFERENCE}
OBSERVATION = {**ABOUT, "category": f"STRUCT(coding {CODING})[]", "code": CONCEPT, "effectiveDateTime": "VARCHAR", "effectivePeriod": PERIOD, "issued": "VARCHAR"}
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
VIEWS = {
    "observation": ({"id": "VARCHAR", "status": "VARCHAR", "subject": REFERENCE, "code": f"STRUCT(coding STRUCT(system VARCHAR, code VARCHAR)[], text VARCHAR)", "effectiveDateTime": "VARCHAR",
                     "valueQuantity": 'STRUCT("value" VARCHAR, unit VARCHAR)'},
                    f'id, {key("subject.reference", "Patient")} patient_id, status, {coded("code.coding", LOINC)} code, code.text display, effectiveDateTime effective, valueQuantity.value v, valueQuantity.unit unit', ""),
    "patient": ({"id": "VARCHAR", "gender": "VARCHAR", "birthDate": "VARCHAR", "name": "STRUCT(family VARCHAR, given VARCHAR[])[]", "address": 'STRUCT(city VARCHAR, state VARCHAR, "postalCode" VARCHAR)[]'},
                'id, gender, "birthDate", name[1].family AS family, name[1].given[1] AS given, address[1].city city, address[1].state state, address[1]."postalCode" postal_code', ""),
    "observation_labs": ({**OBSERVATION, "valueQuantity": QUANTITY, "valueString": "VARCHAR", "valueCodeableConcept": CONCEPT, "interpretation": f"STRUCT(coding {CODING})[]", "referenceRange": RANGE},
                         f'id, {COMMON}, {coded("code.coding", LOINC)} loinc_code, {codes("code")} code_text, TRY_CAST(valueQuantity.value AS DOUBLE) v, COALESCE(valueQuantity.unit, valueQuantity.code) unit, '
                         f'valueQuantity.comparator comparator, COALESCE(valueString, {codes("valueCodeableConcept")}) value_text, valueCodeableConcept.coding[1].code value_code, '
                         'COALESCE(effectiveDateTime, effectivePeriod.start) effective_date, issued, interpretation[1].coding[1].code interpretation, TRY_CAST(referenceRange[1].low.value AS DOUBLE) low, '
                         'TRY_CAST(referenceRange[1].high.value AS DOUBLE) high, meta."lastUpdated" last_updated',
                         "WHERE len(list_filter(category, c -> len(list_filter(c.coding, x -> x.code = 'laboratory')) > 0)) > 0"),
    "us_core_blood_pressure": ({**OBSERVATION, "component": f"STRUCT(code {CONCEPT}, \"valueQuantity\" {QUANTITY})[]", "bodySite": CONCEPT},
                               f"id, {COMMON}, COALESCE(effectiveDateTime, effectivePeriod.start) effective_date, "
                               + ", ".join(f"TRY_CAST(list_filter(component, c -> len(list_filter(c.code.coding, x -> x.code = '{c}')) > 0)[1].\"valueQuantity\".value AS DOUBLE) {n}, "
                                           f"list_filter(component, c -> len(list_filter(c.code.coding, x -> x.code = '{c}')) > 0)[1].\"valueQuantity\".unit {n}_unit" for n, c in (("systolic", "8480-6"), ("diastolic", "8462-4")))
                               + f', {coded("""bodySite.coding""", SNOMED)} body_site, meta."lastUpdated" last_updated', "WHERE len(list_filter(code.coding, x -> x.system = 'http://loinc.org' AND x.code IN ('85354-9', '55284-4'))) > 0"),
}


CODED = f"STRUCT(coding {CODING})"
ONSET = {"onsetDateTime": "VARCHAR", "onsetPeriod": PERIOD, "abatementDateTime": "VARCHAR", "abatementPeriod": PERIOD}
MOMENTS = 'COALESCE({0}DateTime, {0}Period.start) {1}'
EXTENSION = 'STRUCT(url VARCHAR, "valueString" VARCHAR, "valueCode" VARCHAR, "valueCoding" STRUCT(code VARCHAR))'
NAME = "COALESCE(list_filter(name, n -> n.use = 'official')[1], name[1])"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


def coded_in(path, *systems):
    return f"list_filter({path}, x -> x.system IN ({', '.join(repr(system) for system in systems)}))[1].code"


def us_core(what, part, value):
    return f"list_filter(list_filter(extension, e -> e.url = '{US_CORE}{what}')[1].extension, e -> e.url = '{part}')[1].{value}"


VIEWS["patient_demographics"] = (
    {"id": "VARCHAR", "meta": META, "gender": "VARCHAR", "birthDate": "VARCHAR", "deceasedBoolean": "BOOLEAN", "deceasedDateTime": "VARCHAR",
     "name": "STRUCT(use VARCHAR, family VARCHAR, given VARCHAR[], prefix VARCHAR[], suffix VARCHAR[])[]",
     "address": 'STRUCT(line VARCHAR[], city VARCHAR, state VARCHAR, "postalCode" VARCHAR, country VARCHAR)[]',
     "extension": f'STRUCT(url VARCHAR, "valueCode" VARCHAR, extension {EXTENSION}[])[]', "communication": f"STRUCT(language {CODED}, preferred BOOLEAN)[]", "maritalStatus": CODED,
     "identifier": f'STRUCT("type" {CODED}, "value" VARCHAR)[]'},
    f"""id, id patient_id, 'Patient/' || id patient_ref, gender, "birthDate" birth_date, "deceasedDateTime" IS NOT NULL OR COALESCE("deceasedBoolean", false) deceased,
    "deceasedDateTime" deceased_date, {NAME}.family family_name, array_to_string({NAME}.given, ' ') given_name, array_to_string({NAME}.prefix, ' ') name_prefix,
    array_to_string({NAME}.suffix, ' ') name_suffix, array_to_string(address[1].line, ', ') address_line, address[1].city city, address[1].state state,
    address[1]."postalCode" postal_code, address[1].country country, {us_core("race", "text", '"valueString"')} race, {us_core("race", "ombCategory", '"valueCoding".code')} race_code,
    {us_core("ethnicity", "text", '"valueString"')} ethnicity, {us_core("ethnicity", "ombCategory", '"valueCoding".code')} ethnicity_code,
    list_filter(extension, e -> e.url = '{US_CORE}birthsex')[1]."valueCode" birth_sex,
    COALESCE(list_filter(communication, c -> c.preferred)[1], communication[1]).language.coding[1].code AS "language", "maritalStatus".coding[1].code marital_status,
    list_filter(identifier, i -> len(list_filter(i."type".coding, x -> x.code = 'MR')) > 0)[1]."value" medical_record_number, meta."lastUpdated" last_updated""", "")
VIEWS["condition_simple"] = (
    {**{name: kind for name, kind in ABOUT.items() if name != "status"}, "code": CONCEPT, "category": f"{CODED}[]", "clinicalStatus": CODED, "verificationStatus": CODED, "severity": CODED,
     **ONSET, "recordedDate": "VARCHAR"},
    f"""id, {COMMON.removesuffix(", status")}, {coded("code.coding", SNOMED)} snomed_code,
    {coded_in("code.coding", "http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10", "http://fhir.de/CodeSystem/bfarm/icd-10-gm")} icd10_code,
    {coded("code.coding", "http://hl7.org/fhir/sid/icd-9-cm")} icd9_code, {codes("code")} code_text, category[1].coding[1].code category, "clinicalStatus".coding[1].code clinical_status,
    "verificationStatus".coding[1].code verification_status, severity.coding[1].code severity_code, {MOMENTS.format("onset", "onset_date")}, {MOMENTS.format("abatement", "abatement_date")},
    "recordedDate" recorded_date, meta."lastUpdated" last_updated""", "")
VIEWS["encounter"] = (
    {**{name: kind for name, kind in ABOUT.items() if name != "encounter"}, "class": "STRUCT(code VARCHAR)", "type": f"{CONCEPT}[]", "period": PERIOD, "reasonCode": f"{CONCEPT}[]",
     "hospitalization": f'STRUCT("admitSource" {CODED}, "dischargeDisposition" {CODED})', "participant": f"STRUCT(individual {REFERENCE})[]", "serviceProvider": REFERENCE, "partOf": REFERENCE},
    f"""id, {key("subject.reference", "Patient")} patient_id, subject.reference patient_ref, id encounter_id, status, "class".code class_code, "type"[1].coding[1].code type_code,
    {codes('"type"[1]')} type_text, period.start start_date, period.end end_date, "reasonCode"[1].coding[1].code reason_code, {codes('"reasonCode"[1]')} reason_text,
    hospitalization."admitSource".coding[1].code admit_source, hospitalization."dischargeDisposition".coding[1].code discharge_disposition,
    {key("participant[1].individual.reference", "Practitioner")} practitioner_id, {key('"serviceProvider".reference')} service_provider_id, {key('"partOf".reference')} part_of_id,
    meta."lastUpdated" last_updated""", "")
DOSE = '"dosageInstruction"[1]'
VIEWS["medication_requests"] = (
    {**ABOUT, "intent": "VARCHAR", "medicationCodeableConcept": CONCEPT, "medicationReference": REFERENCE, "authoredOn": "VARCHAR", "requester": REFERENCE, "reasonCode": f"{CODED}[]",
     "reasonReference": f"{REFERENCE}[]",
     "dosageInstruction": f'STRUCT("text" VARCHAR, "asNeededBoolean" BOOLEAN, route {CONCEPT}, "doseAndRate" STRUCT("doseQuantity" STRUCT("value" VARCHAR, unit VARCHAR))[], '
                          'timing STRUCT("repeat" STRUCT(frequency BIGINT, period VARCHAR, "periodUnit" VARCHAR)))[]'},
    f"""id, {COMMON}, intent, {coded('"medicationCodeableConcept".coding', "http://www.nlm.nih.gov/research/umls/rxnorm")} rxnorm_code, {codes('"medicationCodeableConcept"')} code_text,
    {key('"medicationReference".reference')} medication_id, "authoredOn" authored_on, {key("requester.reference")} requester_id, "reasonCode"[1].coding[1].code reason_code,
    {key('"reasonReference"[1].reference', "Condition")} reason_condition_id, {DOSE}."text" dosage_text, {DOSE}."asNeededBoolean" as_needed, {codes(DOSE + ".route")} route_text,
    TRY_CAST({DOSE}."doseAndRate"[1]."doseQuantity"."value" AS DOUBLE) dose_value, {DOSE}."doseAndRate"[1]."doseQuantity".unit dose_unit, {DOSE}.timing."repeat".frequency frequency,
    TRY_CAST({DOSE}.timing."repeat".period AS DOUBLE) period, {DOSE}.timing."repeat"."periodUnit" period_unit, meta."lastUpdated" last_updated""", "")
VIEWS["procedure_history"] = (
    {**ABOUT, "code": CONCEPT, "category": CODED, "performedDateTime": "VARCHAR", "performedPeriod": PERIOD, "reasonCode": f"{CODED}[]", "reasonReference": f"{REFERENCE}[]", "bodySite": f"{CODED}[]"},
    f"""id, {COMMON}, {coded("code.coding", SNOMED)} snomed_code, {coded("code.coding", "http://www.ama-assn.org/go/cpt")} cpt_code,
    {coded_in("code.coding", "http://www.cms.gov/Medicare/Coding/ICD10", "http://hl7.org/fhir/sid/icd-10-pcs")} icd10pcs_code, {codes("code")} code_text, category.coding[1].code category,
    {MOMENTS.format("performed", "performed_start")}, "performedPeriod".end performed_end, "reasonCode"[1].coding[1].code reason_code,
    {key('"reasonReference"[1].reference', "Condition")} reason_condition_id, "bodySite"[1].coding[1].code body_site_code, meta."lastUpdated" last_updated""", "")


def statement(view, path):
    columns, select, where = VIEWS[view]
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return f"SELECT {select} FROM read_json('{path}', format = 'newline_delimited', maximum_object_size = 100000000, columns = {{{types}}}) {where}"


def main():
    views, threads, paths = sys.argv[1].split(","), sys.argv[2], sys.argv[3:]
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}; SET preserve_insertion_order = false")
    start, worked = time.perf_counter(), time.process_time()
    for index, view in enumerate(views):
        connection.execute(f"CREATE TABLE v{index} AS {statement(view, paths[index % len(paths)])}")
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    rows = sum(connection.execute(f"SELECT count(*) FROM v{index}").fetchone()[0] for index in range(len(views)))
    print(json.dumps({"seconds": seconds, "cpu": worked, "rows": rows}))


main()
