/* truth.json: the true foreign keys in the shape of the shared gold files, row counts, planted
 * facts. */
#include <inttypes.h>

#include "base/str.h"
#include "demo/demo_priv.h"

/* icd_code has true orphans (status codes that the dictionary lacks) and is still a key. */
static const char *const foreign_keys[][4] = {
    {"patients", "gp_provider_id", "providers", "provider_id"},
    {"admissions", "patient_id", "patients", "patient_id"},
    {"admissions", "attending_id", "providers", "provider_id"},
    {"admissions", "previous_admission_id", "admissions", "admission_id"},
    {"transfers", "admission_id", "admissions", "admission_id"},
    {"transfers", "patient_id", "patients", "patient_id"},
    {"transfers", "department", "departments", "department_id"},
    {"diagnoses", "patient_id", "patients", "patient_id"},
    {"diagnoses", "admission_id", "admissions", "admission_id"},
    {"diagnoses", "icd_code", "icd_codes", "code"},
    {"labs", "patient_id", "patients", "patient_id"},
    {"labs", "admission_id", "admissions", "admission_id"},
    {"labs", "item_id", "lab_items", "item_id"},
    {"prescriptions", "patient_id", "patients", "patient_id"},
    {"prescriptions", "admission_id", "admissions", "admission_id"},
    {"prescriptions", "prescriber_id", "providers", "provider_id"},
    {"procedures", "admission_id", "admissions", "admission_id"},
    {"procedures", "patient_id", "patients", "patient_id"},
    {"procedures", "performed_by", "providers", "provider_id"},
};

static void add_rows(struct buf *ret, const char *key, const struct demo_table *tables, int count)
{
    buf_printf(ret, " \"%s\": {", key);
    for (int i = 0; i < count; i++)
        buf_printf(ret, "%s\n  \"%s\": %" PRId64, i > 0 ? "," : "", tables[i].name, tables[i].rows);
    buf_puts(ret, "\n },\n");
}

static void add_fact(struct buf *ret, const char *name, int64_t value)
{
    buf_printf(ret, "  \"%s\": %" PRId64 ",\n", name, value);
}

/* sum is in tenths; four decimals, rounded half up, by integers. */
static void add_mean(struct buf *ret, const char *name, int64_t sum, int64_t count, const char *end)
{
    if (count == 0) {
        buf_printf(ret, "  \"%s\": null%s", name, end);
        return;
    }
    int64_t scaled = (sum * 1000 + count / 2) / count;
    buf_printf(ret, "  \"%s\": %" PRId64 ".%04" PRId64 "%s", name, scaled / 10000, scaled % 10000,
               end);
}

void demo_truth(const struct demo_report *report, const struct demo_facts *facts, struct buf *ret)
{
    buf_puts(ret, "{\n \"dataset\": \"marrow_demo\",\n");
    buf_puts(ret, " \"note\": \"synthetic; empty tables are left out of foreign_keys; about 2 % of "
                  "diagnoses.icd_code and 0.5 % "
                  "of labs.admission_id are true orphans and their columns are still keys\",\n");
    buf_printf(ret,
               " \"format_version\": %d,\n \"patients\": %" PRId64 ",\n \"seed\": %" PRIu64 ",\n",
               DEMO_FORMAT_VERSION, report->patients, report->seed);
    buf_puts(ret, " \"foreign_keys\": [");
    for (size_t i = 0; i < sizeof foreign_keys / sizeof foreign_keys[0]; i++)
        buf_printf(ret,
                   "%s\n  {\"child\": \"%s\", \"column\": \"%s\", \"parent\": \"%s\", "
                   "\"parent_column\": \"%s\"}",
                   i > 0 ? "," : "", foreign_keys[i][0], foreign_keys[i][1], foreign_keys[i][2],
                   foreign_keys[i][3]);
    buf_puts(ret, "\n ],\n");
    add_rows(ret, "rows", report->tables, report->table_count);
    if (report->resource_count > 0)
        add_rows(ret, "fhir", report->resources, report->resource_count);
    buf_puts(ret, " \"facts\": {\n");
    add_fact(ret, "patients_with_type2_diabetes_code", facts->type2_diabetics);
    add_fact(ret, "hba1c_results_type2", facts->hba1c_count[1]);
    add_fact(ret, "hba1c_results_others", facts->hba1c_count[0]);
    add_fact(ret, "deaths", facts->deaths);
    add_fact(ret, "deaths_in_hospital", facts->deaths_in_hospital);
    add_fact(ret, "admissions_within_30_days_of_the_previous", facts->readmissions);
    add_fact(ret, "pneumonia_admissions_december_to_february", facts->pneumonia_winter);
    add_fact(ret, "pneumonia_admissions_june_to_august", facts->pneumonia_summer);
    add_fact(ret, "labs_with_unknown_admission", facts->lab_orphans);
    add_fact(ret, "labs_without_admission", facts->lab_outpatient);
    add_fact(ret, "diagnoses_with_unlisted_code", facts->diagnosis_orphans);
    add_fact(ret, "diagnoses_without_admission", facts->diagnosis_outpatient);
    add_fact(ret, "diagnoses_with_leading_zero_code", facts->icd_leading_zero);
    add_fact(ret, "patients_with_leading_zero_mrn", facts->mrn_leading_zero);
    add_mean(ret, "mean_hba1c_type2", facts->hba1c_sum[1], facts->hba1c_count[1], ",\n");
    add_mean(ret, "mean_hba1c_others", facts->hba1c_sum[0], facts->hba1c_count[0], "\n");
    buf_puts(ret, " }\n}\n");
}
