"""The built-in views against SQL written for DuckDB's own read_json, from the documented columns (docs/FHIR.md) and FHIR R4, without a view or a line of the
program: every column of every row of the 400 patients of Synthea, every resource counted, and the count of women and men with one code on all routes: on
the fly, materialised, by bitmap, and on PostgreSQL where one is installed. DuckDB is the library at MARROW_DUCKDB_LIBRARY, spoken to through ctypes.
"""
import ctypes
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import servers  # noqa: E402
from program import SHARED, Checks, Program, scratch_directory  # noqa: E402

checks = Checks("engines/independent")
scratch = scratch_directory()
marrow = Program(os.path.join(scratch, "store"))


class DuckDB:
    """A database in memory: statements, and one value."""

    class Result(ctypes.Structure):
        _fields_ = [("counts", ctypes.c_uint64 * 3), ("columns", ctypes.c_void_p), ("message", ctypes.c_char_p), ("internal", ctypes.c_void_p)]

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.duckdb_value_varchar.restype = ctypes.c_char_p
        self.library.duckdb_value_varchar.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
        self.library.duckdb_result_error.restype = ctypes.c_char_p
        self.library.duckdb_row_count.restype = ctypes.c_uint64
        self.library.duckdb_column_count.restype = ctypes.c_uint64
        database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        assert self.library.duckdb_open(None, ctypes.byref(database)) == 0
        assert self.library.duckdb_connect(database, ctypes.byref(self.connection)) == 0

    def rows(self, sql):
        result = self.Result()
        at = ctypes.byref(result)
        if self.library.duckdb_query(self.connection, sql.encode(), at) != 0:
            raise SystemExit(f"FAILED: {self.library.duckdb_result_error(at).decode()}\n{sql}")
        columns = range(self.library.duckdb_column_count(at))
        found = [tuple(self.library.duckdb_value_varchar(at, c, r) for c in columns) for r in range(self.library.duckdb_row_count(at))]
        self.library.duckdb_destroy_result(at)
        return [tuple(None if cell is None else cell.decode() for cell in row) for row in found]


# ---- FHIR's types, as far as the columns look ---------------------------------------------------

CODING = "STRUCT(system VARCHAR, code VARCHAR, display VARCHAR)"
CONCEPT = f"STRUCT(coding {CODING}[], text VARCHAR)"
REFERENCE = "STRUCT(reference VARCHAR)"
QUANTITY = "STRUCT(value DOUBLE, comparator VARCHAR, unit VARCHAR, code VARCHAR)"
PERIOD = 'STRUCT("start" VARCHAR, "end" VARCHAR)'
EXTENSION = f"STRUCT(url VARCHAR, valueString VARCHAR, valueCode VARCHAR, extension STRUCT(url VARCHAR, valueString VARCHAR, valueCoding {CODING})[])"
META = "STRUCT(lastUpdated VARCHAR)"
TYPES = {
    "Patient": {
        "id": "VARCHAR", "gender": "VARCHAR", "birthDate": "VARCHAR", "deceasedBoolean": "BOOLEAN", "deceasedDateTime": "VARCHAR", "meta": META,
        "name": "STRUCT(use VARCHAR, family VARCHAR, given VARCHAR[], prefix VARCHAR[], suffix VARCHAR[])[]",
        "address": "STRUCT(line VARCHAR[], city VARCHAR, state VARCHAR, postalCode VARCHAR, country VARCHAR)[]",
        "extension": EXTENSION + "[]", "maritalStatus": CONCEPT,
        "communication": f"STRUCT(preferred BOOLEAN, language {CONCEPT})[]", "identifier": f"STRUCT(type {CONCEPT}, value VARCHAR)[]"},
    "Condition": {
        "id": "VARCHAR", "subject": REFERENCE, "encounter": REFERENCE, "code": CONCEPT, "category": CONCEPT + "[]", "clinicalStatus": CONCEPT,
        "verificationStatus": CONCEPT, "severity": CONCEPT, "onsetDateTime": "VARCHAR", "onsetPeriod": PERIOD, "abatementDateTime": "VARCHAR",
        "abatementPeriod": PERIOD, "recordedDate": "VARCHAR", "meta": META},
    "Encounter": {
        "id": "VARCHAR", "status": "VARCHAR", "class": CODING, "type": CONCEPT + "[]", "subject": REFERENCE, "period": PERIOD, "reasonCode": CONCEPT + "[]",
        "hospitalization": f"STRUCT(admitSource {CONCEPT}, dischargeDisposition {CONCEPT})", "participant": f"STRUCT(individual {REFERENCE})[]",
        "serviceProvider": REFERENCE, "partOf": REFERENCE, "meta": META},
    "Procedure": {
        "id": "VARCHAR", "status": "VARCHAR", "code": CONCEPT, "category": CONCEPT, "subject": REFERENCE, "encounter": REFERENCE,
        "performedDateTime": "VARCHAR", "performedPeriod": PERIOD, "reasonCode": CONCEPT + "[]", "reasonReference": REFERENCE + "[]",
        "bodySite": CONCEPT + "[]", "meta": META},
    "MedicationRequest": {
        "id": "VARCHAR", "status": "VARCHAR", "intent": "VARCHAR", "medicationCodeableConcept": CONCEPT, "medicationReference": REFERENCE, "subject": REFERENCE,
        "encounter": REFERENCE, "authoredOn": "VARCHAR", "requester": REFERENCE, "reasonCode": CONCEPT + "[]", "reasonReference": REFERENCE + "[]",
        "dosageInstruction": f"STRUCT(text VARCHAR, asNeededBoolean BOOLEAN, route {CONCEPT}, doseAndRate STRUCT(doseQuantity {QUANTITY})[], "
                             "timing STRUCT(repeat STRUCT(frequency BIGINT, period DOUBLE, periodUnit VARCHAR)))[]", "meta": META},
    "Observation": {
        "id": "VARCHAR", "status": "VARCHAR", "category": CONCEPT + "[]", "code": CONCEPT, "subject": REFERENCE, "encounter": REFERENCE,
        "effectiveDateTime": "VARCHAR", "effectiveInstant": "VARCHAR", "effectivePeriod": PERIOD, "issued": "VARCHAR", "valueQuantity": QUANTITY,
        "valueString": "VARCHAR", "valueCodeableConcept": CONCEPT, "interpretation": CONCEPT + "[]", "bodySite": CONCEPT,
        "referenceRange": f"STRUCT(low {QUANTITY}, high {QUANTITY})[]", "component": f"STRUCT(code {CONCEPT}, valueQuantity {QUANTITY})[]", "meta": META},
}

MACROS = """
CREATE MACRO key(r) AS CASE WHEN r LIKE 'urn:uuid:%' THEN substr(r, 10) ELSE nullif(regexp_extract(r, '[A-Za-z]+/([A-Za-z0-9.-]+)(/_history/.*)?$', 1), '') END;
CREATE MACRO key_to(r, type) AS CASE WHEN r LIKE type || '/%' OR r LIKE '%/' || type || '/%' THEN key(r) END;
CREATE MACRO patient(r) AS CASE WHEN r LIKE 'urn:uuid:%' THEN key(r) ELSE key_to(r, 'Patient') END;
CREATE MACRO coded(concept, systems) AS list_filter(concept.coding, lambda c: list_contains(systems, c.system))[1].code;
CREATE MACRO first_code(concept) AS list_filter(list_transform(concept.coding, lambda c: c.code), lambda c: c IS NOT NULL)[1];
CREATE MACRO first_codes(concepts) AS list_filter(flatten(list_transform(concepts, lambda x: list_transform(x.coding, lambda c: c.code))), lambda c: c IS NOT NULL)[1];
CREATE MACRO wording(concept) AS coalesce(concept.text, list_filter(list_transform(concept.coding, lambda c: c.display), lambda d: d IS NOT NULL)[1]);
CREATE MACRO named(names) AS coalesce(list_filter(names, lambda n: n.use = 'official')[1], names[1]);
CREATE MACRO words(list, separator) AS CASE WHEN len(list) > 0 THEN array_to_string(list, separator) END;
CREATE MACRO us_core(extensions, name) AS list_filter(extensions, lambda e: e.url = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-' || name)[1];
CREATE MACRO within(extension, name) AS list_filter(extension.extension, lambda e: e.url = name)[1];
CREATE MACRO measured(components, loinc) AS list_filter(components, lambda c: len(list_filter(c.code.coding, lambda k: k.system = 'http://loinc.org' AND k.code = loinc)) > 0)[1].valueQuantity;
"""
WHOSE = "patient(subject.reference) AS patient_id, 'Patient/' || patient(subject.reference) AS patient_ref"

VIEWS = {  # view: type, columns, condition
    "patient_demographics": ("Patient", """id, id AS patient_id, 'Patient/' || id AS patient_ref, gender, birthDate AS birth_date,
        deceasedDateTime IS NOT NULL OR coalesce(deceasedBoolean, false) AS deceased, deceasedDateTime AS deceased_date, named(name).family AS family_name,
        words(named(name).given, ' ') AS given_name, words(named(name).prefix, ' ') AS name_prefix, words(named(name).suffix, ' ') AS name_suffix,
        words(address[1].line, ', ') AS address_line, address[1].city AS city, address[1].state AS state, address[1].postalCode AS postal_code,
        address[1].country AS country, within(us_core(extension, 'race'), 'text').valueString AS race,
        within(us_core(extension, 'race'), 'ombCategory').valueCoding.code AS race_code, within(us_core(extension, 'ethnicity'), 'text').valueString AS ethnicity,
        within(us_core(extension, 'ethnicity'), 'ombCategory').valueCoding.code AS ethnicity_code, us_core(extension, 'birthsex').valueCode AS birth_sex,
        first_code(coalesce(list_filter(communication, lambda c: c.preferred)[1], communication[1]).language) AS language,
        first_code(maritalStatus) AS marital_status,
        list_filter(identifier, lambda i: len(list_filter(i.type.coding, lambda c: c.code = 'MR')) > 0)[1].value AS medical_record_number,
        meta.lastUpdated AS last_updated""", "true"),
    "condition_simple": ("Condition", f"""id, {WHOSE}, key(encounter.reference) AS encounter_id, coded(code, ['http://snomed.info/sct']) AS snomed_code,
        coded(code, ['http://hl7.org/fhir/sid/icd-10-cm', 'http://hl7.org/fhir/sid/icd-10', 'http://fhir.de/CodeSystem/bfarm/icd-10-gm']) AS icd10_code,
        coded(code, ['http://hl7.org/fhir/sid/icd-9-cm']) AS icd9_code, wording(code) AS code_text, first_codes(category) AS category,
        first_code(clinicalStatus) AS clinical_status, first_code(verificationStatus) AS verification_status, first_code(severity) AS severity_code,
        coalesce(onsetDateTime, onsetPeriod.start) AS onset_date, coalesce(abatementDateTime, abatementPeriod.start) AS abatement_date,
        recordedDate AS recorded_date, meta.lastUpdated AS last_updated""", "true"),
    "encounter": ("Encounter", f"""id, {WHOSE}, id AS encounter_id, status, "class".code AS class_code, first_codes(type) AS type_code, wording(type[1]) AS type_text,
        period."start" AS start_date, period."end" AS end_date, first_codes(reasonCode) AS reason_code, wording(reasonCode[1]) AS reason_text,
        first_code(hospitalization.admitSource) AS admit_source, first_code(hospitalization.dischargeDisposition) AS discharge_disposition,
        key_to(list_filter(participant, lambda p: p.individual IS NOT NULL)[1].individual.reference, 'Practitioner') AS practitioner_id,
        key(serviceProvider.reference) AS service_provider_id, key(partOf.reference) AS part_of_id, meta.lastUpdated AS last_updated""", "true"),
    "procedure_history": ("Procedure", f"""id, {WHOSE}, key(encounter.reference) AS encounter_id, status, coded(code, ['http://snomed.info/sct']) AS snomed_code,
        coded(code, ['http://www.ama-assn.org/go/cpt']) AS cpt_code,
        coded(code, ['http://www.cms.gov/Medicare/Coding/ICD10', 'http://hl7.org/fhir/sid/icd-10-pcs']) AS icd10pcs_code, wording(code) AS code_text,
        first_code(category) AS category, coalesce(performedDateTime, performedPeriod."start") AS performed_start, performedPeriod."end" AS performed_end,
        first_codes(reasonCode) AS reason_code, key_to(reasonReference[1].reference, 'Condition') AS reason_condition_id,
        first_codes(bodySite) AS body_site_code, meta.lastUpdated AS last_updated""", "true"),
    "medication_requests": ("MedicationRequest", f"""id, {WHOSE}, key(encounter.reference) AS encounter_id, status, intent,
        coded(medicationCodeableConcept, ['http://www.nlm.nih.gov/research/umls/rxnorm']) AS rxnorm_code, wording(medicationCodeableConcept) AS code_text,
        key(medicationReference.reference) AS medication_id, authoredOn AS authored_on, key(requester.reference) AS requester_id,
        first_codes(reasonCode) AS reason_code, key_to(reasonReference[1].reference, 'Condition') AS reason_condition_id,
        dosageInstruction[1].text AS dosage_text, dosageInstruction[1].asNeededBoolean AS as_needed, wording(dosageInstruction[1].route) AS route_text,
        dosageInstruction[1].doseAndRate[1].doseQuantity.value AS dose_value, dosageInstruction[1].doseAndRate[1].doseQuantity.unit AS dose_unit,
        dosageInstruction[1].timing.repeat.frequency AS frequency, dosageInstruction[1].timing.repeat.period AS period,
        dosageInstruction[1].timing.repeat.periodUnit AS period_unit, meta.lastUpdated AS last_updated""", "true"),
    "observation_labs": ("Observation", f"""id, {WHOSE}, key(encounter.reference) AS encounter_id, status, coded(code, ['http://loinc.org']) AS loinc_code,
        wording(code) AS code_text, valueQuantity.value AS value, coalesce(valueQuantity.unit, valueQuantity.code) AS unit, valueQuantity.comparator AS comparator,
        coalesce(valueString, wording(valueCodeableConcept)) AS value_text, first_code(valueCodeableConcept) AS value_code,
        coalesce(effectiveDateTime, effectiveInstant, effectivePeriod."start") AS effective_date, issued, first_codes(interpretation) AS interpretation,
        referenceRange[1].low.value AS reference_low, referenceRange[1].high.value AS reference_high, meta.lastUpdated AS last_updated""",
        "list_contains(flatten(list_transform(category, lambda c: list_transform(c.coding, lambda k: k.code))), 'laboratory')"),
    "us_core_blood_pressure": ("Observation", f"""id, {WHOSE}, key(encounter.reference) AS encounter_id, status,
        coalesce(effectiveDateTime, effectiveInstant, effectivePeriod."start") AS effective_date, measured(component, '8480-6').value AS systolic,
        measured(component, '8480-6').unit AS systolic_unit, measured(component, '8462-4').value AS diastolic, measured(component, '8462-4').unit AS diastolic_unit,
        first_code(bodySite) AS body_site_code, meta.lastUpdated AS last_updated""",
        "len(list_filter(code.coding, lambda c: c.system = 'http://loinc.org' AND c.code IN ('85354-9', '55284-4'))) > 0"),
}


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def check_views(duckdb, folder):
    for type_name, columns in TYPES.items():
        given = ", ".join(f'"{name}": {literal(kind)}' for name, kind in columns.items())
        path = literal(os.path.join(folder, type_name + ".ndjson"))
        duckdb.rows(f'CREATE TABLE given_{type_name} AS FROM read_json({path}, format = \'newline_delimited\', columns = {{{given}}})')
    for view, (type_name, columns, condition) in VIEWS.items():
        duckdb.rows(f'CREATE TABLE {view} AS SELECT {columns} FROM given_{type_name} WHERE {condition}')
        path = os.path.join(scratch, view + ".parquet")
        answer = marrow.must("view", "run", view, "--data", folder, "--out", path)
        names = [name for name, in duckdb.rows(f"SELECT column_name FROM (DESCRIBE {view})")]
        found = [name for name, in duckdb.rows(f"SELECT column_name FROM (DESCRIBE FROM {literal(path)})")]
        checks.equal(found, names, f"{view}: columns")
        rows = int(duckdb.rows(f"SELECT count(*) FROM {view}")[0][0])
        checks.that(rows > 0, f"{view}: there are rows")
        checks.equal(int(duckdb.rows(f"SELECT count(*) FROM {literal(path)}")[0][0]), rows, f"{view}: rows", json.dumps(answer)[:300])
        for one, other, what in ((view, literal(path), "not found"), (literal(path), view, "not expected")):
            odd = duckdb.rows(f"SELECT count(*), min(CAST(x AS VARCHAR)) FROM (FROM {one} EXCEPT ALL FROM {other}) AS x")
            checks.equal(int(odd[0][0]), 0, f"{view}: rows {what}", odd[0][1])


def check_resources(duckdb, folder):
    """Every resource of every type is in the dataset."""
    tables = {t["name"]: t["rows"] for t in marrow.must("show", "h")["tables"]}
    types = sorted(name[:-7] for name in os.listdir(folder) if name.endswith(".ndjson"))
    checks.equal(sorted(tables), types, "resource types")
    for type_name in types:
        path = literal(os.path.join(folder, type_name + ".ndjson"))
        there = duckdb.rows(f"SELECT count(DISTINCT id) FROM read_json({path}, format = 'newline_delimited', columns = {{id: 'VARCHAR'}})")
        checks.equal(tables.get(type_name), int(there[0][0]), f"resources of {type_name}")


COUNTS = """SELECT count(DISTINCT c.patient_id) FROM {0}condition_simple AS c JOIN {0}patient_demographics AS p ON p.patient_id = c.patient_id
    WHERE c.snomed_code = '44054006' AND p.gender = '{1}'"""


def by_criteria(gender, route):
    answer = marrow.must("cohort", "count", "h", json.dumps({"all": [{"code": "http://snomed.info/sct|44054006"}, {"gender": gender}]}))
    checks.equal(answer["route"], route, f"{gender}: route", answer["why"])
    return answer["count"]


def check_counts(duckdb, url):
    expected = {gender: int(duckdb.rows(COUNTS.format("", gender))[0][0]) for gender in ("male", "female")}
    checks.that(min(expected.values()) > 0, "there are men and women with diabetes", expected)
    for gender, count in expected.items():
        checks.equal(by_criteria(gender, "on the fly"), count, f"{gender}, on the fly")
    marrow.must("view", "create", "h", *(["--engine", url] if url is not None else []))
    for gender, count in expected.items():
        checks.equal(by_criteria(gender, "materialised"), count, f"{gender}, materialised")
        checks.equal(marrow.rows("h", COUNTS.format("sqlonfhir.", gender)), [[count]], f"{gender}, by SQL over materialised views")
        if url is not None:
            there = marrow.must("sql", "h", COUNTS.format("sqlonfhir.", gender), "--engine", url)["rows"]
            checks.equal(there, [[count]], f"{gender}, on PostgreSQL")
    marrow.must("cohort", "index", "h")
    for gender, count in expected.items():
        checks.equal(by_criteria(gender, "bitmap"), count, f"{gender}, by bitmap")


def main():
    library = os.environ.get("MARROW_DUCKDB_LIBRARY", "")
    unpack = os.path.join(SHARED, "data", "unpack.sh")
    if not os.path.exists(library) or not os.path.exists(unpack):
        checks.skip("no shared sets at MARROW_SHARED, or no library at MARROW_DUCKDB_LIBRARY")
        return
    subprocess.run([unpack, scratch, "fhir_smart_400"], check=True, stdout=subprocess.DEVNULL)
    folder = os.path.join(scratch, "fhir_smart_400")
    duckdb = DuckDB(library)
    for macro in MACROS.strip().split(";\n"):
        duckdb.rows(macro)
    check_views(duckdb, folder)
    marrow.must("import", folder, "--name", "h")
    check_resources(duckdb, folder)
    server = servers.postgres()
    if server is None:
        checks.skip("no PostgreSQL server is installed")
    else:
        marrow.must("push", "h", "--engine", server.url, "--table", "Patient")
    check_counts(duckdb, server.url if server is not None else None)


main()
checks.end()
