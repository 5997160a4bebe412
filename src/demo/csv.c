/* The CSV tables. Each writer is one pass: a dictionary is written whole, the rest patient by
 * patient; the surrogate key of a row is a running number of its pass. Nulls are empty fields.
 * Lines end in LF. */
#include "demo/demo_priv.h"

static void begin(struct pass *pass)
{
    out_row(pass->out);
    pass->rows++;
    pass->row_id++;
}

static void comma_int(struct out *out, int64_t value)
{
    out_char(out, ',');
    out_int(out, value);
}

/* 0 is a null reference. */
static void comma_id(struct out *out, int64_t id)
{
    out_char(out, ',');
    if (id != 0)
        out_int(out, id);
}

static void comma_text(struct out *out, const char *text)
{
    out_char(out, ',');
    out_csv(out, text);
}

/* From the tables, known to need no quotes. */
static void comma_plain(struct out *out, const char *text)
{
    out_char(out, ',');
    out_text(out, text);
}

static void comma_date(struct out *out, int64_t day)
{
    out_char(out, ',');
    out_date(out, day);
}

static void comma_time(struct out *out, int64_t minute)
{
    out_char(out, ',');
    out_time(out, minute, ' ');
}

static void write_providers(struct pass *pass)
{
    for (int64_t id = 1; id <= pass->world->providers; id++) {
        begin(pass);
        out_int(pass->out, id);
        out_char(pass->out, ',');
        demo_provider_name(pass->world, id, pass->out);
        comma_text(pass->out, demo_provider_specialty(pass->world, id));
        out_char(pass->out, '\n');
    }
}

static void write_departments(struct pass *pass)
{
    for (int i = 0; i < DEPARTMENT_COUNT; i++) {
        begin(pass);
        out_int(pass->out, i + 1);
        comma_text(pass->out, demo_departments[i]);
        out_char(pass->out, '\n');
    }
}

static void write_lab_items(struct pass *pass)
{
    for (int i = 0; i < LAB_COUNT; i++) {
        begin(pass);
        out_int(pass->out, i + 1);
        comma_text(pass->out, demo_labs[i].label);
        comma_text(pass->out, demo_labs[i].unit);
        comma_text(pass->out, demo_labs[i].loinc);
        out_char(pass->out, '\n');
    }
}

static void write_icd_codes(struct pass *pass)
{
    for (int version = 9; version <= 10; version++)
        for (int i = 0; i < DISEASE_COUNT; i++) {
            const struct disease_info *info = &demo_diseases[i];
            if (!info->listed)
                continue;
            begin(pass);
            out_csv(pass->out, version == 9 ? info->icd9 : info->icd10);
            comma_int(pass->out, version);
            comma_text(pass->out, version == 9 ? info->title9 : info->title10);
            out_char(pass->out, '\n');
        }
}

static void write_patient(struct pass *pass, const struct patient *patient)
{
    struct out *out = pass->out;
    begin(pass);
    out_int(out, patient->id);
    out_char(out, ',');
    out_padded(out, patient->mrn, 8);
    comma_plain(out, patient->female ? "F" : "M");
    comma_date(out, patient->birth);
    out_char(out, ',');
    if (patient->death != DEMO_ALIVE)
        out_date(out, patient->death);
    comma_plain(out, demo_races[patient->race].text);
    comma_plain(out, patient->marital);
    comma_plain(out, demo_places[patient->place].postcode);
    comma_id(out, patient->gp);
    out_char(out, '\n');
    pass->facts->mrn_leading_zero += patient->mrn < 10000000;
    pass->facts->deaths += patient->death != DEMO_ALIVE;
}

static void count_stay(struct demo_facts *facts, const struct stay *stay)
{
    facts->deaths_in_hospital += stay->died;
    facts->readmissions += stay->readmission;
    if (stay->reason == REASON_PNEUMONIA) {
        int64_t of_year =
            ((stay->start / DEMO_DAY_MINUTES - DEMO_PERIOD_START) * 100 % 36525) / 100;
        facts->pneumonia_winter += of_year < 59 || of_year >= 334;
        facts->pneumonia_summer += of_year >= 151 && of_year < 243;
    }
}

static void write_admissions(struct pass *pass, const struct patient *patient)
{
    static const char *const types[] = {"EMERGENCY", "URGENT", "ELECTIVE"};
    struct out *out = pass->out;
    for (int i = 0; i < patient->stay_count; i++) {
        const struct stay *stay = &patient->stays[i];
        if (stay->deleted)
            continue;
        begin(pass);
        out_int(out, stay->id);
        comma_int(out, patient->id);
        comma_time(out, stay->start);
        comma_time(out, stay->end);
        comma_plain(out, types[stay->type]);
        comma_plain(out, stay->insurance);
        comma_int(out, stay->attending);
        comma_plain(out, stay->died ? "1" : "0");
        comma_id(out, stay->previous_id);
        out_char(out, '\n');
        count_stay(pass->facts, stay);
    }
}

static void write_transfers(struct pass *pass, const struct patient *patient)
{
    struct transfer moves[DEMO_TRANSFERS_LIMIT];
    struct out *out = pass->out;
    for (int i = 0; i < patient->stay_count; i++) {
        if (patient->stays[i].deleted)
            continue;
        int count = demo_transfer(patient, pass->world, i, moves);
        for (int k = 0; k < count; k++) {
            begin(pass);
            out_int(out, pass->row_id);
            comma_int(out, patient->stays[i].id);
            comma_int(out, patient->id);
            comma_int(out, (int64_t)moves[k].department + 1);
            comma_time(out, moves[k].in);
            out_char(out, ',');
            if (moves[k].out >= 0)
                out_time(out, moves[k].out, ' ');
            out_char(out, '\n');
        }
    }
}

static bool write_contact_diagnoses(struct pass *pass, const struct patient *patient,
                                    struct contact contact)
{
    struct diagnosis diagnoses[DEMO_DIAGNOSES_LIMIT];
    struct out *out = pass->out;
    bool type2 = false;
    int count = demo_diagnose(pass->world, patient, contact, diagnoses);
    for (int k = 0; k < count; k++) {
        const struct disease_info *info = &demo_diseases[diagnoses[k].disease];
        const char *code = diagnoses[k].icd10 ? info->icd10 : info->icd9;
        begin(pass);
        out_int(out, pass->row_id);
        comma_int(out, patient->id);
        comma_id(out, contact.stay >= 0 ? patient->stays[contact.stay].id : 0);
        comma_int(out, k + 1);
        comma_plain(out, code);
        comma_int(out, diagnoses[k].icd10 ? 10 : 9);
        out_char(out, '\n');
        pass->facts->diagnosis_orphans += !info->listed;
        pass->facts->diagnosis_outpatient += contact.stay < 0;
        pass->facts->icd_leading_zero += code[0] == '0';
        type2 = type2 || diagnoses[k].disease == DISEASE_T2DM;
    }
    return type2;
}

static void write_diagnoses(struct pass *pass, const struct patient *patient)
{
    bool type2 = false;
    for (int i = 0; i < patient->stay_count; i++)
        if (!patient->stays[i].deleted)
            type2 = write_contact_diagnoses(pass, patient, (struct contact){i, -1}) || type2;
    for (int i = 0; i < patient->visit_count; i++)
        type2 = write_contact_diagnoses(pass, patient, (struct contact){-1, i}) || type2;
    pass->facts->type2_diabetics += type2;
}

/* Is there a type 2 code in diagnoses? demo_diagnose records it at every contact after the onset.
 */
static bool known_type2(const struct patient *patient)
{
    if (((patient->chronic >> CHRONIC_T2DM) & 1) == 0)
        return false;
    for (int i = 0; i < patient->stay_count; i++)
        if (!patient->stays[i].deleted &&
            patient->stays[i].start / DEMO_DAY_MINUTES >= patient->onset[CHRONIC_T2DM])
            return true;
    for (int i = 0; i < patient->visit_count; i++)
        if (patient->visits[i] / DEMO_DAY_MINUTES >= patient->onset[CHRONIC_T2DM])
            return true;
    return false;
}

static void count_lab(struct demo_facts *facts, const struct patient *patient,
                      const struct stay *stay, const struct lab_result *result)
{
    facts->lab_orphans += stay != NULL && stay->deleted;
    facts->lab_outpatient += stay == NULL;
    if (result->lab == LAB_HBA1C && result->text == NULL) {
        int group = known_type2(patient);
        facts->hba1c_sum[group] += result->value;
        facts->hba1c_count[group]++;
    }
}

static void write_contact_labs(struct pass *pass, const struct patient *patient,
                               struct contact contact)
{
    struct lab_result results[DEMO_LABS_LIMIT];
    struct out *out = pass->out;
    const struct stay *stay = contact.stay >= 0 ? &patient->stays[contact.stay] : NULL;
    int count = demo_measure(pass->world, patient, contact, results);
    for (int k = 0; k < count; k++) {
        const struct lab_result *result = &results[k];
        const struct lab_info *info = &demo_labs[result->lab];
        begin(pass);
        out_int(out, pass->row_id);
        comma_int(out, patient->id);
        comma_id(out, stay != NULL ? stay->id : 0);
        comma_int(out, (int64_t)result->lab + 1);
        comma_time(out, result->minute);
        out_char(out, ',');
        if (result->text != NULL) {
            out_text(out, result->text);
            out_char(out, ',');
        } else if (result->below) {
            out_char(out, '<');
            out_decimal(out, info->detection, info->decimals);
            out_char(out, ',');
        } else {
            out_decimal(out, result->value, info->decimals);
            out_char(out, ',');
            out_decimal(out, result->value, info->decimals);
        }
        comma_plain(out, info->unit);
        out_char(out, ',');
        if (result->flag != 0)
            out_char(out, result->flag);
        out_char(out, '\n');
        count_lab(pass->facts, patient, stay, result);
    }
}

static void write_labs(struct pass *pass, const struct patient *patient)
{
    for (int i = 0; i < patient->stay_count; i++)
        write_contact_labs(pass, patient, (struct contact){i, -1});
    for (int i = 0; i < patient->visit_count; i++)
        write_contact_labs(pass, patient, (struct contact){-1, i});
}

static void write_prescriptions(struct pass *pass, const struct patient *patient)
{
    struct drug_order orders[DEMO_ORDERS_LIMIT];
    struct out *out = pass->out;
    for (int i = 0; i < patient->stay_count; i++) {
        if (patient->stays[i].deleted)
            continue;
        int count = demo_prescribe(pass->world, patient, i, orders);
        for (int k = 0; k < count; k++) {
            const struct drug_info *info = &demo_drugs[orders[k].drug];
            begin(pass);
            out_int(out, pass->row_id);
            comma_int(out, patient->id);
            comma_int(out, patient->stays[i].id);
            comma_date(out, orders[k].start);
            out_char(out, ',');
            if (orders[k].stop >= 0)
                out_date(out, orders[k].stop);
            comma_text(out, info->name);
            comma_text(out, info->doses[orders[k].dose]);
            comma_plain(out, info->route);
            comma_int(out, orders[k].prescriber);
            out_char(out, '\n');
        }
    }
}

static void write_procedures(struct pass *pass, const struct patient *patient)
{
    struct procedure_done done[DEMO_ORDERS_LIMIT];
    struct out *out = pass->out;
    for (int i = 0; i < patient->stay_count; i++) {
        if (patient->stays[i].deleted)
            continue;
        int count = demo_operate(pass->world, patient, i, done);
        for (int k = 0; k < count; k++) {
            const struct procedure_info *info = &demo_procedures[done[k].procedure];
            begin(pass);
            out_int(out, pass->row_id);
            comma_int(out, patient->stays[i].id);
            comma_int(out, patient->id);
            comma_date(out, done[k].day);
            comma_plain(out, done[k].day >= DEMO_ICD10_START ? info->icd10 : info->icd9);
            comma_int(out, done[k].provider);
            out_char(out, '\n');
        }
    }
}

static void write_nothing(struct pass *pass)
{
    (void)pass; /* devices: a header and no rows */
}

const struct demo_output demo_csv_tables[] = {
    {"patients",
     "patient_id,mrn,sex,birth_date,death_date,race,marital_status,postcode,gp_provider_id\n", NULL,
     write_patient},
    {"providers", "provider_id,name,specialty\n", write_providers, NULL},
    {"departments", "department_id,name\n", write_departments, NULL},
    {"lab_items", "item_id,label,unit,loinc\n", write_lab_items, NULL},
    {"icd_codes", "code,version,title\n", write_icd_codes, NULL},
    {"admissions",
     "admission_id,patient_id,admit_time,discharge_time,admission_type,insurance,attending_id,"
     "hospital_expire_flag,"
     "previous_admission_id\n",
     NULL, write_admissions},
    {"transfers", "transfer_id,admission_id,patient_id,department,in_time,out_time\n", NULL,
     write_transfers},
    {"diagnoses", "diagnosis_id,patient_id,admission_id,seq_num,icd_code,icd_version\n", NULL,
     write_diagnoses},
    {"labs", "lab_id,patient_id,admission_id,item_id,chart_time,value,value_num,unit,flag\n", NULL,
     write_labs},
    {"prescriptions",
     "prescription_id,patient_id,admission_id,start_date,stop_date,drug,dose,route,prescriber_id\n",
     NULL, write_prescriptions},
    {"procedures", "procedure_id,admission_id,patient_id,performed_on,code,performed_by\n", NULL,
     write_procedures},
    {"devices", "device_id,patient_id,admission_id,device,implanted_on\n", write_nothing, NULL},
};
const int demo_csv_table_count = sizeof demo_csv_tables / sizeof demo_csv_tables[0];
