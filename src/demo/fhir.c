/* The same people as FHIR R4 NDJSON (https://hl7.org/fhir/R4/, US Core 5 extensions for race and
 * ethnicity), bulk style: one type a file, references relative. Ids carry the CSV's surrogate keys:
 * Patient p-000123, Encounter e-<admission_id>, Condition c-<diagnosis_id>, Observation o-<lab_id>,
 * MedicationRequest m-<prescription_id>, Procedure s-<procedure_id>; blood pressures, which no CSV
 * table holds, are Observations bp-e-<admission_id>. */
#include "demo/demo_priv.h"

static void begin(struct pass *pass)
{
    out_row(pass->out);
    pass->rows++;
    pass->row_id++;
}

static void head(struct out *out, const char *type, const char *prefix, int64_t id, int width,
                 int64_t minute)
{
    OUT_LIT(out, "{\"resourceType\":\"");
    out_text(out, type);
    OUT_LIT(out, "\",\"id\":\"");
    out_text(out, prefix);
    out_padded(out, id, width);
    OUT_LIT(out, "\",\"meta\":{\"lastUpdated\":\"");
    out_time(out, minute, 'T');
    OUT_LIT(out, ".000Z\"}");
}

/* ,"name":"2014-03-05T13:45:00Z" */
static void instant(struct out *out, const char *name, int64_t minute)
{
    OUT_LIT(out, ",\"");
    out_text(out, name);
    OUT_LIT(out, "\":\"");
    out_time(out, minute, 'T');
    OUT_LIT(out, "Z\"");
}

static void date(struct out *out, const char *name, int64_t day)
{
    OUT_LIT(out, ",\"");
    out_text(out, name);
    OUT_LIT(out, "\":\"");
    out_date(out, day);
    out_char(out, '"');
}

static void subject(struct out *out, const struct patient *patient)
{
    OUT_LIT(out, ",\"subject\":{\"reference\":\"Patient/p-");
    out_padded(out, patient->id, 6);
    OUT_LIT(out, "\"}");
}

/* Nothing for an outpatient, nor for a stay that was deleted. */
static void encounter(struct out *out, const struct stay *stay)
{
    if (stay == NULL || stay->deleted)
        return;
    OUT_LIT(out, ",\"encounter\":{\"reference\":\"Encounter/e-");
    out_padded(out, stay->id, 6);
    OUT_LIT(out, "\"}");
}

static void coding(struct out *out, const char *system, const char *code, const char *display)
{
    OUT_LIT(out, "{\"system\":\"");
    out_text(out, system);
    OUT_LIT(out, "\",\"code\":\"");
    out_text(out, code);
    OUT_LIT(out, "\"");
    if (display != NULL) {
        OUT_LIT(out, ",\"display\":");
        out_json(out, display);
    }
    out_char(out, '}');
}

#define SNOMED "http://snomed.info/sct"
#define LOINC "http://loinc.org"
#define ICD9 "http://hl7.org/fhir/sid/icd-9-cm"
#define ICD10 "http://hl7.org/fhir/sid/icd-10-cm"

/* ICD codes carry their point in FHIR: E119 is E11.9, 0389 is 038.9, V1582 is V15.82. */
static void icd_coding(struct out *out, const char *system, const char *code, const char *title)
{
    char text[16];
    size_t len = strlen(code), at = 0;
    for (size_t i = 0; i < len && at < sizeof text - 1; i++) {
        if (i == 3)
            text[at++] = '.';
        text[at++] = code[i];
    }
    text[at] = '\0';
    coding(out, system, text, title);
}

static void race(struct out *out, const struct patient *patient)
{
    const struct code_info *info = &demo_races[patient->race];
    bool hispanic = strcmp(info->text, "HISPANIC/LATINO") == 0;
    OUT_LIT(out, ",\"extension\":[{\"url\":\"http://hl7.org/fhir/us/core/StructureDefinition/"
                 "us-core-race\",\"extension\":[{\"url\":"
                 "\"ombCategory\",\"valueCoding\":");
    coding(out,
           strcmp(info->code, "UNK") == 0 ? "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
                                          : "urn:oid:2.16.840.1.113883.6.238",
           info->code, info->display);
    OUT_LIT(out, "},{\"url\":\"text\",\"valueString\":");
    out_json(out, info->display);
    OUT_LIT(out, "}]},{\"url\":\"http://hl7.org/fhir/us/core/StructureDefinition/"
                 "us-core-ethnicity\",\"extension\":[{\"url\":"
                 "\"ombCategory\",\"valueCoding\":");
    coding(out, "urn:oid:2.16.840.1.113883.6.238", hispanic ? "2135-2" : "2186-5",
           hispanic ? "Hispanic or Latino" : "Not Hispanic or Latino");
    OUT_LIT(out, "},{\"url\":\"text\",\"valueString\":");
    out_json(out, hispanic ? "Hispanic or Latino" : "Not Hispanic or Latino");
    OUT_LIT(out, "}]}]");
}

static void marital(struct out *out, const char *text)
{
    if (*text == '\0')
        return;
    OUT_LIT(out, ",\"maritalStatus\":{\"coding\":[");
    char code[2] = {*text, '\0'};
    coding(out, "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", *text == 'S' ? "S" : code,
           *text == 'S'   ? "Never Married"
           : *text == 'M' ? "Married"
           : *text == 'W' ? "Widowed"
                          : "Divorced");
    OUT_LIT(out, "]}");
}

static void write_patient(struct pass *pass, const struct patient *patient)
{
    struct out *out = pass->out;
    const struct place_info *place = &demo_places[patient->place];
    const struct code_info *language = &demo_languages[patient->language];
    begin(pass);
    head(out, "Patient", "p-", patient->id, 6, (DEMO_PERIOD_END + 1) * DEMO_DAY_MINUTES);
    race(out, patient);
    OUT_LIT(out, ",\"identifier\":[{\"use\":\"usual\",\"type\":{\"coding\":[");
    coding(out, "http://terminology.hl7.org/CodeSystem/v2-0203", "MR", "Medical record number");
    OUT_LIT(out, "]},\"system\":\"https://hospital.example.org/mrn\",\"value\":\"");
    out_padded(out, patient->mrn, 8);
    OUT_LIT(out, "\"}],\"name\":[{\"use\":\"official\",\"family\":");
    out_json(out, demo_last_names[patient->last_name]);
    OUT_LIT(out, ",\"given\":[");
    out_json(out, demo_first_names[patient->female][patient->first_name]);
    OUT_LIT(out, "]}],\"gender\":\"");
    out_text(out, patient->female ? "female" : "male");
    out_char(out, '"');
    date(out, "birthDate", patient->birth);
    if (patient->death != DEMO_ALIVE)
        instant(out, "deceasedDateTime", patient->death * DEMO_DAY_MINUTES + DEMO_DAY_MINUTES / 2);
    OUT_LIT(out, ",\"address\":[{\"use\":\"home\",\"line\":[\"");
    out_int(out, patient->house);
    out_char(out, ' ');
    out_text(out, demo_streets[patient->street]);
    OUT_LIT(out, "\"],\"city\":");
    out_json(out, place->city);
    OUT_LIT(out, ",\"state\":\"");
    out_text(out, place->state);
    OUT_LIT(out, "\",\"postalCode\":\"");
    out_text(out, place->postcode);
    OUT_LIT(out, "\",\"country\":\"US\"}]");
    marital(out, patient->marital);
    OUT_LIT(out, ",\"communication\":[{\"language\":{\"coding\":[");
    coding(out, "urn:ietf:bcp:47", language->code, language->display);
    OUT_LIT(out, "],\"text\":");
    out_json(out, language->text);
    OUT_LIT(out, "},\"preferred\":true}]}\n");
}

static void disposition(struct out *out, const struct stay *stay)
{
    bool home = stay->severity < 560;
    OUT_LIT(out, ",\"hospitalization\":{\"admitSource\":{\"coding\":[");
    bool emergency = stay->type == TYPE_EMERGENCY;
    coding(out, "http://terminology.hl7.org/CodeSystem/admit-source", emergency ? "emd" : "outp",
           emergency ? "From accident/emergency department" : "From outpatient department");
    OUT_LIT(out, "]},\"dischargeDisposition\":{\"coding\":[");
    coding(out, "http://terminology.hl7.org/CodeSystem/discharge-disposition",
           stay->died ? "exp"
           : home     ? "home"
                      : "snf",
           stay->died ? "Expired"
           : home     ? "Home"
                      : "Skilled nursing facility");
    OUT_LIT(out, "]}}");
}

static void write_encounters(struct pass *pass, const struct patient *patient)
{
    static const char *const priorities[][2] = {
        {"EM", "emergency"}, {"UR", "urgent"}, {"EL", "elective"}};
    struct out *out = pass->out;
    for (int i = 0; i < patient->stay_count; i++) {
        const struct stay *stay = &patient->stays[i];
        const struct disease_info *info = &demo_diseases[demo_reasons[stay->reason].disease];
        if (stay->deleted)
            continue;
        begin(pass);
        head(out, "Encounter", "e-", stay->id, 6, stay->end);
        OUT_LIT(out, ",\"status\":\"finished\",\"class\":");
        coding(out, "http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP",
               "inpatient encounter");
        OUT_LIT(out, ",\"type\":[{\"coding\":[");
        coding(out, SNOMED, "32485007", "Hospital admission");
        OUT_LIT(out, "]}],\"priority\":{\"coding\":[");
        coding(out, "http://terminology.hl7.org/CodeSystem/v3-ActPriority",
               priorities[stay->type][0], priorities[stay->type][1]);
        OUT_LIT(out, "]}");
        subject(out, patient);
        OUT_LIT(out, ",\"period\":{\"start\":\"");
        out_time(out, stay->start, 'T');
        OUT_LIT(out, "Z\",\"end\":\"");
        out_time(out, stay->end, 'T');
        OUT_LIT(out, "Z\"},\"reasonCode\":[{\"coding\":[");
        coding(out, SNOMED, info->snomed, info->display);
        OUT_LIT(out, "]}]");
        disposition(out, stay);
        OUT_LIT(out, "}\n");
    }
}

static void write_condition(struct pass *pass, const struct patient *patient,
                            const struct stay *stay, int64_t recorded,
                            const struct diagnosis *diagnosis)
{
    struct out *out = pass->out;
    const struct disease_info *info = &demo_diseases[diagnosis->disease];
    begin(pass);
    head(out, "Condition", "c-", pass->row_id, 1, stay != NULL ? stay->end : recorded);
    bool active = diagnosis->lasting || (stay != NULL && stay->died);
    OUT_LIT(out, ",\"clinicalStatus\":{\"coding\":[");
    coding(out, "http://terminology.hl7.org/CodeSystem/condition-clinical",
           active ? "active" : "resolved", NULL);
    OUT_LIT(out, "]},\"verificationStatus\":{\"coding\":[");
    coding(out, "http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", NULL);
    OUT_LIT(out, "]},\"category\":[{\"coding\":[");
    coding(out, "http://terminology.hl7.org/CodeSystem/condition-category",
           stay != NULL ? "encounter-diagnosis" : "problem-list-item",
           stay != NULL ? "Encounter Diagnosis" : "Problem List Item");
    OUT_LIT(out, "]}],\"code\":{\"coding\":[");
    coding(out, SNOMED, info->snomed, info->display);
    out_char(out, ',');
    icd_coding(out, ICD10, info->icd10, info->title10);
    if (!diagnosis->icd10) {
        out_char(out, ',');
        icd_coding(out, ICD9, info->icd9, info->title9);
    }
    OUT_LIT(out, "],\"text\":");
    out_json(out, info->display);
    out_char(out, '}');
    subject(out, patient);
    encounter(out, stay);
    date(out, "onsetDateTime", diagnosis->onset);
    if (!active && stay != NULL)
        instant(out, "abatementDateTime", stay->end);
    instant(out, "recordedDate", recorded);
    OUT_LIT(out, "}\n");
}

static void write_conditions(struct pass *pass, const struct patient *patient)
{
    struct diagnosis diagnoses[DEMO_DIAGNOSES_LIMIT];
    for (int i = 0; i < patient->stay_count; i++) {
        const struct stay *stay = &patient->stays[i];
        int count = stay->deleted
                        ? 0
                        : demo_diagnose(pass->world, patient, (struct contact){i, -1}, diagnoses);
        for (int k = 0; k < count; k++)
            write_condition(pass, patient, stay, stay->start, &diagnoses[k]);
    }
    for (int i = 0; i < patient->visit_count; i++) {
        int count = demo_diagnose(pass->world, patient, (struct contact){-1, i}, diagnoses);
        for (int k = 0; k < count; k++)
            write_condition(pass, patient, NULL, patient->visits[i], &diagnoses[k]);
    }
}

static void quantity(struct out *out, int64_t value, int decimals, const char *unit, bool below)
{
    OUT_LIT(out, "{\"value\":");
    out_decimal(out, value, decimals);
    if (below)
        OUT_LIT(out, ",\"comparator\":\"<\"");
    OUT_LIT(out, ",\"unit\":\"");
    out_text(out, unit);
    OUT_LIT(out, "\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"");
    out_text(out, unit);
    OUT_LIT(out, "\"}");
}

static void lab_value(struct out *out, const struct lab_result *result)
{
    const struct lab_info *info = &demo_labs[result->lab];
    if (result->text == NULL) {
        OUT_LIT(out, ",\"valueQuantity\":");
        quantity(out, result->below ? info->detection : result->value, info->decimals, info->unit,
                 result->below);
    } else if (info->kind == LAB_KIND_TEXT) {
        OUT_LIT(out, ",\"valueString\":");
        out_json(out, result->text);
    } else { /* a haemolysed specimen of a numeric item */
        OUT_LIT(out, ",\"dataAbsentReason\":{\"coding\":[");
        coding(out, "http://terminology.hl7.org/CodeSystem/data-absent-reason", "error", NULL);
        OUT_LIT(out, "],\"text\":");
        out_json(out, result->text);
        out_char(out, '}');
    }
    if (result->flag != 0) {
        char code[2] = {result->flag, '\0'};
        OUT_LIT(out, ",\"interpretation\":[{\"coding\":[");
        coding(out, "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", code,
               NULL);
        OUT_LIT(out, "]}]");
    }
}

static void observation_category(struct out *out, const char *code)
{
    OUT_LIT(out, ",\"status\":\"final\",\"category\":[{\"coding\":[");
    coding(out, "http://terminology.hl7.org/CodeSystem/observation-category", code, NULL);
    OUT_LIT(out, "]}],\"code\":{\"coding\":[");
}

static void write_lab(struct pass *pass, const struct patient *patient, const struct stay *stay,
                      const struct lab_result *result)
{
    struct out *out = pass->out;
    const struct lab_info *info = &demo_labs[result->lab];
    begin(pass);
    head(out, "Observation", "o-", pass->row_id, 1, result->minute + 60);
    observation_category(out, "laboratory");
    coding(out, LOINC, info->loinc, info->display);
    OUT_LIT(out, "],\"text\":");
    out_json(out, info->label);
    out_char(out, '}');
    subject(out, patient);
    encounter(out, stay);
    instant(out, "effectiveDateTime", result->minute);
    lab_value(out, result);
    OUT_LIT(out, "}\n");
}

static void component(struct out *out, const char *loinc, const char *display, int value)
{
    OUT_LIT(out, "{\"code\":{\"coding\":[");
    coding(out, LOINC, loinc, display);
    OUT_LIT(out, "]},\"valueQuantity\":");
    quantity(out, value, 0, "mm[Hg]", false);
    out_char(out, '}');
}

/* One panel a stay; its id follows the stay's, so that o-<lab_id> stays the CSV's key. */
static void write_pressure(struct pass *pass, const struct patient *patient, int stay_at)
{
    struct out *out = pass->out;
    const struct stay *stay = &patient->stays[stay_at];
    struct blood_pressure pressure =
        demo_blood_pressure(pass->world, patient, (struct contact){stay_at, -1});
    out_row(out);
    pass->rows++;
    head(out, "Observation", "bp-e-", stay->id, 6, stay->start + 20);
    observation_category(out, "vital-signs");
    coding(out, LOINC, "85354-9", "Blood pressure panel with all children optional");
    OUT_LIT(out, "],\"text\":\"Blood pressure\"}");
    subject(out, patient);
    encounter(out, stay);
    instant(out, "effectiveDateTime", stay->start + 5);
    OUT_LIT(out, ",\"component\":[");
    component(out, "8480-6", "Systolic blood pressure", pressure.systolic);
    out_char(out, ',');
    component(out, "8462-4", "Diastolic blood pressure", pressure.diastolic);
    OUT_LIT(out, "]}\n");
}

static void write_observations(struct pass *pass, const struct patient *patient)
{
    struct lab_result results[DEMO_LABS_LIMIT];
    for (int i = 0; i < patient->stay_count; i++) {
        int count = demo_measure(pass->world, patient, (struct contact){i, -1}, results);
        for (int k = 0; k < count; k++)
            write_lab(pass, patient, &patient->stays[i], &results[k]);
        if (!patient->stays[i].deleted)
            write_pressure(pass, patient, i);
    }
    for (int i = 0; i < patient->visit_count; i++) {
        int count = demo_measure(pass->world, patient, (struct contact){-1, i}, results);
        for (int k = 0; k < count; k++)
            write_lab(pass, patient, NULL, &results[k]);
    }
}

static void write_medication_requests(struct pass *pass, const struct patient *patient)
{
    struct drug_order orders[DEMO_ORDERS_LIMIT];
    struct out *out = pass->out;
    for (int i = 0; i < patient->stay_count; i++) {
        const struct stay *stay = &patient->stays[i];
        int count = stay->deleted ? 0 : demo_prescribe(pass->world, patient, i, orders);
        for (int k = 0; k < count; k++) {
            const struct drug_info *info = &demo_drugs[orders[k].drug];
            begin(pass);
            head(out, "MedicationRequest", "m-", pass->row_id, 1, stay->end);
            OUT_LIT(out, ",\"status\":\"");
            out_text(out, orders[k].stop < 0 ? "active" : "completed");
            OUT_LIT(out, "\",\"intent\":\"order\",\"medicationCodeableConcept\":{\"coding\":[");
            coding(out, "http://www.nlm.nih.gov/research/umls/rxnorm", info->rxnorm, info->name);
            OUT_LIT(out, "],\"text\":");
            out_json(out, info->name);
            out_char(out, '}');
            subject(out, patient);
            encounter(out, stay);
            date(out, "authoredOn", orders[k].start);
            OUT_LIT(out, ",\"dosageInstruction\":[{\"text\":");
            out_json(out, info->doses[orders[k].dose]);
            OUT_LIT(out, ",\"route\":{\"text\":\"");
            out_text(out, info->route);
            OUT_LIT(out, "\"}}]}\n");
        }
    }
}

static void write_procedures(struct pass *pass, const struct patient *patient)
{
    struct procedure_done done[DEMO_ORDERS_LIMIT];
    struct out *out = pass->out;
    for (int i = 0; i < patient->stay_count; i++) {
        const struct stay *stay = &patient->stays[i];
        int count = stay->deleted ? 0 : demo_operate(pass->world, patient, i, done);
        for (int k = 0; k < count; k++) {
            const struct procedure_info *info = &demo_procedures[done[k].procedure];
            begin(pass);
            head(out, "Procedure", "s-", pass->row_id, 1, stay->end);
            OUT_LIT(out, ",\"status\":\"completed\",\"code\":{\"coding\":[");
            coding(out, SNOMED, info->snomed, info->display);
            out_char(out, ',');
            coding(out, "http://www.cms.gov/Medicare/Coding/ICD10", info->icd10, NULL);
            OUT_LIT(out, "],\"text\":");
            out_json(out, info->display);
            out_char(out, '}');
            subject(out, patient);
            encounter(out, stay);
            date(out, "performedDateTime", done[k].day);
            OUT_LIT(out, "}\n");
        }
    }
}

const struct demo_output demo_fhir_resources[] = {
    {"Patient", NULL, NULL, write_patient},
    {"Encounter", NULL, NULL, write_encounters},
    {"Condition", NULL, NULL, write_conditions},
    {"Observation", NULL, NULL, write_observations},
    {"MedicationRequest", NULL, NULL, write_medication_requests},
    {"Procedure", NULL, NULL, write_procedures},
};
const int demo_fhir_resource_count = sizeof demo_fhir_resources / sizeof demo_fhir_resources[0];
