#!/usr/bin/env python3
"""What one writes by hand in DuckDB for the views of bench_fhir: typed read_json of an NDJSON file into a table.
fhir_floor.py VIEW THREADS FILE…   Prints {"seconds", "rows"}. The types are given, so nothing is sniffed; order of rows is not kept, which is faster."""
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


def statement(view, path):
    columns, select, where = VIEWS[view]
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return f"SELECT {select} FROM read_json('{path}', format = 'newline_delimited', maximum_object_size = 100000000, columns = {{{types}}}) {where}"


def main():
    views, threads, path = sys.argv[1].split(","), sys.argv[2], sys.argv[3]
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}; SET preserve_insertion_order = false")
    start, worked = time.perf_counter(), time.process_time()
    for index, view in enumerate(views):
        connection.execute(f"CREATE TABLE v{index} AS {statement(view, path)}")
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    rows = sum(connection.execute(f"SELECT count(*) FROM v{index}").fetchone()[0] for index in range(len(views)))
    print(json.dumps({"seconds": seconds, "cpu": worked, "rows": rows}))


main()
