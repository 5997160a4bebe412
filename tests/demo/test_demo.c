/* The synthetic hospital, read back with readers that know nothing of its writers. One run of 2,000
 * patients is shared. */
#include "demo/demo_read.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/fault.h"
#include "demo/demo.h"
#include "demo/zip.h"

static char base[FILE_PATH_BYTES], shared[FILE_PATH_BYTES], zip_path[FILE_PATH_BYTES];
static struct demo_report report;
static struct buf truth;

static const char *under(const char *directory, const char *name)
{
    static char paths[4][FILE_PATH_BYTES];
    static int next;
    char *path = paths[next++ % 4];
    struct err err;
    assert_int_equal(file_path_join(directory, name, path, &err), ERR_OK);
    return path;
}

static enum err_code generate(const char *name, int64_t patients, uint64_t seed, bool no_fhir,
                              struct err *err)
{
    struct demo_options options = {
        .patients = patients, .seed = seed, .seed_given = true, .no_fhir = no_fhir};
    return demo_generate(under(base, name), &options, NULL, err);
}

static int set_up(void **state)
{
    (void)state;
    struct err err;
    struct demo_options options = {.patients = 2000};
    snprintf(base, sizeof base, "/tmp/marrow-test-demo-XXXXXX");
    if (mkdtemp(base) == NULL)
        return -1;
    snprintf(shared, sizeof shared, "%s", under(base, "shared"));
    snprintf(zip_path, sizeof zip_path, "%s", under(shared, "hospital.zip"));
    if (demo_generate(shared, &options, &report, &err) != ERR_OK)
        return -1;
    return file_read(under(shared, "truth.json"), 0, &truth, &err) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    struct err err;
    buf_done(&truth);
    return file_remove_tree(base, &err) == ERR_OK ? 0 : -1;
}

static void assert_same_file(const char *a, const char *b, const char *name, bool same)
{
    char hash_a[HASH_HEX_BYTES], hash_b[HASH_HEX_BYTES];
    int64_t bytes;
    struct err err;
    assert_int_equal(file_sha256(under(under(base, a), name), hash_a, &bytes, &err), ERR_OK);
    assert_int_equal(file_sha256(under(under(base, b), name), hash_b, &bytes, &err), ERR_OK);
    assert_int_equal(strcmp(hash_a, hash_b) == 0, same);
}

static void same_seed_gives_the_same_bytes_and_another_seed_does_not(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(generate("a", 60, 42, false, &err), ERR_OK);
    assert_int_equal(generate("b", 60, 42, false, &err), ERR_OK);
    assert_int_equal(generate("c", 60, 43, false, &err), ERR_OK);
    for (int i = 0; i < report.file_count; i++) {
        assert_same_file("a", "b", report.files[i], true);
        assert_same_file("a", "c", report.files[i], false);
    }
}

/* tests/golden/demo/sha256.txt: name and hash of each file for 60 patients and seed 42. A new hash
 * needs a new DEMO_FORMAT_VERSION, since users compare results made from the same seed. */
static void bytes_are_those_of_this_format_version(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf golden = BUF_INIT;
    char hash[HASH_HEX_BYTES];
    int64_t bytes;
    struct err err;
    assert_int_equal(file_read(TEST_SOURCE_DIRECTORY "/golden/demo/sha256.txt", 0, &golden, &err),
                     ERR_OK);
    assert_int_equal(generate("golden", 60, 42, false, &err), ERR_OK);
    for (int i = 0; i < report.file_count; i++) {
        char line[256];
        assert_int_equal(
            file_sha256(under(under(base, "golden"), report.files[i]), hash, &bytes, &err), ERR_OK);
        snprintf(line, sizeof line, "%s  %s\n", hash, report.files[i]);
        if (strstr(buf_text(&golden), line) == NULL)
            fail_msg("not in sha256.txt: %s", line);
    }
}

static void fewer_patients_are_the_first_of_more(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(generate("few", 48, 42, true, &err), ERR_OK);
    struct csv few = csv_of_zip(under(under(base, "few"), "hospital.zip"), "diagnoses");
    struct csv many = csv_of_zip(zip_path, "diagnoses");
    for (size_t row = 0; row < few.rows; row++)
        for (size_t column = 0; column < few.columns; column++)
            assert_string_equal(csv_cell(&few, row, column), csv_cell(&many, row, column));
    csv_done(&few);
    csv_done(&many);
}

static void rows_of_the_archive_are_those_of_truth_and_report(void **state)
{
    (void)state;
    const char *rows = json_find(buf_text(&truth), "rows");
    assert_non_null(rows);
    assert_int_equal(report.table_count, 12);
    for (int i = 0; i < report.table_count; i++) {
        struct csv csv = csv_of_zip(zip_path, report.tables[i].name);
        assert_int_equal(csv.rows, report.tables[i].rows);
        assert_int_equal(csv.rows, json_integer(rows, report.tables[i].name));
        csv_done(&csv);
    }
    assert_int_equal(json_integer(rows, "devices"), 0);
    const char *end = json_skip(buf_text(&truth), 0);
    assert_non_null(end);
    assert_int_equal(*json_blank(end), '\0');
}

static void type_2_diabetics_have_a_higher_hba1c(void **state)
{
    (void)state;
    struct csv diagnoses = csv_of_zip(zip_path, "diagnoses"), labs = csv_of_zip(zip_path, "labs");
    bool *type2 = calloc(2001, 1);
    int64_t count[2] = {0, 0}, known = 0;
    double sum[2] = {0, 0}, value, mean;
    size_t code = csv_column(&diagnoses, "icd_code"), item = csv_column(&labs, "item_id");
    for (size_t row = 0; row < diagnoses.rows; row++) {
        const char *text = csv_cell(&diagnoses, row, code);
        bool *mark = &type2[atol(csv_cell(&diagnoses, row, csv_column(&diagnoses, "patient_id")))];
        if ((strcmp(text, "25000") == 0 || strcmp(text, "E119") == 0) && !*mark) {
            *mark = true;
            known++;
        }
    }
    for (size_t row = 0; row < labs.rows; row++)
        if (strcmp(csv_cell(&labs, row, item), "19") == 0 &&
            str_to_double(str_of(csv_cell(&labs, row, 6)), &value)) {
            int group = type2[atol(csv_cell(&labs, row, 1))];
            sum[group] += value;
            count[group]++;
        }
    assert_int_equal(known, json_integer(buf_text(&truth), "patients_with_type2_diabetes_code"));
    assert_int_equal(count[1], json_integer(buf_text(&truth), "hba1c_results_type2"));
    assert_int_equal(count[0], json_integer(buf_text(&truth), "hba1c_results_others"));
    mean = strtod(json_find(buf_text(&truth), "mean_hba1c_type2"), NULL);
    assert_true(mean - sum[1] / (double)count[1] < 0.0001 &&
                sum[1] / (double)count[1] - mean < 0.0001);
    assert_true(sum[1] / (double)count[1] > sum[0] / (double)count[0] + 1);
    free(type2);
    csv_done(&diagnoses);
    csv_done(&labs);
}

static void mortality_grows_with_age_and_readmissions_are_about_one_in_eight(void **state)
{
    (void)state;
    struct csv admissions = csv_of_zip(zip_path, "admissions"),
               patients = csv_of_zip(zip_path, "patients");
    size_t flag = csv_column(&admissions, "hospital_expire_flag"),
           birth = csv_column(&patients, "birth_date");
    double dead[2] = {0, 0}, all[2] = {0, 0};
    for (size_t row = 0; row < admissions.rows; row++) {
        size_t patient = (size_t)atol(csv_cell(&admissions, row, 1)) - 1;
        int old = (int)atol(csv_cell(&admissions, row, 2)) -
                      (int)atol(csv_cell(&patients, patient, birth)) >=
                  65;
        all[old]++;
        dead[old] += csv_cell(&admissions, row, flag)[0] == '1';
    }
    assert_true(dead[1] / all[1] > 2 * dead[0] / all[0]);
    assert_int_equal(dead[0] + dead[1], json_integer(buf_text(&truth), "deaths_in_hospital"));
    double again =
        (double)json_integer(buf_text(&truth), "admissions_within_30_days_of_the_previous");
    assert_true(again / (all[0] + all[1]) > 0.09 && again / (all[0] + all[1]) < 0.15);
    csv_done(&admissions);
    csv_done(&patients);
}

static void leading_zeros_are_there(void **state)
{
    (void)state;
    struct csv patients = csv_of_zip(zip_path, "patients"),
               diagnoses = csv_of_zip(zip_path, "diagnoses");
    int64_t mrn = 0, postcode = 0, sepsis = 0, cdiff = 0;
    for (size_t row = 0; row < patients.rows; row++) {
        mrn += csv_cell(&patients, row, 1)[0] == '0';
        postcode += csv_cell(&patients, row, 7)[0] == '0';
        assert_int_equal(strlen(csv_cell(&patients, row, 1)), 8);
    }
    for (size_t row = 0; row < diagnoses.rows; row++) {
        sepsis += strcmp(csv_cell(&diagnoses, row, 4), "0389") == 0;
        cdiff += strcmp(csv_cell(&diagnoses, row, 4), "00845") == 0;
    }
    assert_int_equal(mrn, json_integer(buf_text(&truth), "patients_with_leading_zero_mrn"));
    assert_true(mrn > 0 && postcode > 0 && sepsis > 0 && cdiff > 0);
    csv_done(&patients);
    csv_done(&diagnoses);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Rows of child.column with a value, and those whose value is not in parent.column (which must be
 * unique). */
static void count_orphans(const char *child, const char *column, const char *parent,
                          const char *parent_column, int64_t *ret_rows, int64_t *ret_orphans)
{
    struct csv kids = csv_of_zip(zip_path, child), parents = csv_of_zip(zip_path, parent);
    size_t at = csv_column(&kids, column), key = csv_column(&parents, parent_column);
    const char **keys = calloc(parents.rows, sizeof *keys);
    for (size_t row = 0; row < parents.rows; row++)
        keys[row] = csv_cell(&parents, row, key);
    qsort(keys, parents.rows, sizeof *keys, by_text);
    for (size_t row = 1; row < parents.rows; row++)
        assert_true(strcmp(keys[row - 1], keys[row]) != 0);
    *ret_rows = *ret_orphans = 0;
    for (size_t row = 0; row < kids.rows; row++) {
        const char *cell = csv_cell(&kids, row, at);
        if (*cell == '\0')
            continue;
        ++*ret_rows;
        *ret_orphans += bsearch(&cell, keys, parents.rows, sizeof *keys, by_text) == NULL;
    }
    free(keys);
    csv_done(&kids);
    csv_done(&parents);
}

static void every_true_key_holds_but_for_the_planted_orphans(void **state)
{
    (void)state;
    int keys = 0;
    const char *at = json_find(buf_text(&truth), "foreign_keys");
    while ((at = strstr(at, "{\"child\"")) != NULL) {
        char child[32], column[32], parent[32], parent_column[32];
        assert_int_equal(
            sscanf(at,
                   "{\"child\": \"%31[^\"]\", \"column\": \"%31[^\"]\", \"parent\": \"%31[^\"]\", "
                   "\"parent_column\": \"%31[^\"]\"",
                   child, column, parent, parent_column),
            4);
        int64_t rows, orphans, planted = 0;
        count_orphans(child, column, parent, parent_column, &rows, &orphans);
        if (strcmp(child, "labs") == 0 && strcmp(column, "admission_id") == 0)
            planted = json_integer(buf_text(&truth), "labs_with_unknown_admission");
        if (strcmp(column, "icd_code") == 0)
            planted = json_integer(buf_text(&truth), "diagnoses_with_unlisted_code");
        assert_true(rows > 0);
        assert_int_equal(orphans, planted);
        assert_true(orphans * 100 < rows * 4);
        keys++;
        at++;
    }
    assert_int_equal(keys, 19);
}

static void check_patient(const char *line, const struct csv *patients, size_t row)
{
    char id[32];
    snprintf(id, sizeof id, "p-%06zu", row + 1);
    assert_true(json_is_string(line, "id", id));
    assert_true(
        json_is_string(line, "gender", csv_cell(patients, row, 2)[0] == 'F' ? "female" : "male"));
    assert_true(json_is_string(line, "birthDate", csv_cell(patients, row, 3)));
    assert_true(json_is_string(line, "postalCode", csv_cell(patients, row, 7)));
    assert_non_null(strstr(line, csv_cell(patients, row, 1))); /* the record number */
    const char *death = json_find(line, "deceasedDateTime");
    assert_int_equal(death != NULL, csv_cell(patients, row, 4)[0] != '\0');
    assert_true(death == NULL || strncmp(death + 1, csv_cell(patients, row, 4), 10) == 0);
}

static int64_t check_lines(const char *name, const struct csv *patients)
{
    FILE *file = fopen(under(shared, name), "r");
    char *line = NULL;
    size_t cap = 0;
    int64_t lines = 0;
    assert_non_null(file);
    for (; getline(&line, &cap, file) > 0; lines++) {
        const char *end = json_skip(line, 0);
        if (end == NULL || *json_blank(end) != '\0')
            fail_msg("%s: line %" PRId64 " is no JSON", name, lines + 1);
        assert_int_equal(str_utf8_valid_prefix(str_of(line)), strlen(line));
        if (patients != NULL)
            check_patient(line, patients, (size_t)lines);
        const char *subject = strstr(line, "Patient/p-");
        assert_true(patients != NULL ||
                    (subject != NULL && atol(subject + 10) >= 1 && atol(subject + 10) <= 2000));
    }
    free(line);
    fclose(file);
    return lines;
}

static void fhir_has_the_same_people_and_counts(void **state)
{
    (void)state;
    static const char *const tables[][2] = {{"Encounter", "admissions"},
                                            {"Condition", "diagnoses"},
                                            {"MedicationRequest", "prescriptions"},
                                            {"Procedure", "procedures"}};
    const char *rows = json_find(buf_text(&truth), "rows");
    struct csv patients = csv_of_zip(zip_path, "patients");
    assert_int_equal(check_lines("fhir/Patient.ndjson", &patients), 2000);
    csv_done(&patients);
    for (size_t i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "fhir/%s.ndjson", tables[i][0]);
        assert_int_equal(check_lines(name, NULL), json_integer(rows, tables[i][1]));
    }
    /* One blood pressure a stay beside the laboratory. */
    assert_int_equal(check_lines("fhir/Observation.ndjson", NULL),
                     json_integer(rows, "labs") + json_integer(rows, "admissions"));
    for (int i = 0; i < report.resource_count; i++)
        assert_int_equal(report.resources[i].rows, json_integer(json_find(buf_text(&truth), "fhir"),
                                                                report.resources[i].name));
}

static void a_folder_with_foreign_files_is_refused_and_an_earlier_run_is_replaced(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(file_make_directory(under(base, "mine"), &err), ERR_OK);
    assert_int_equal(file_write_new(under(under(base, "mine"), "thesis.csv"), STR("id\n1\n"), &err),
                     ERR_OK);
    assert_int_equal(generate("mine", 10, 1, false, &err), ERR_USAGE);
    assert_false(file_exists(under(under(base, "mine"), "hospital.zip")));
    assert_int_equal(generate("twice", 10, 1, false, &err), ERR_OK);
    assert_int_equal(generate("twice", 60, 42, true, &err), ERR_OK);
    assert_int_equal(generate("zip-only", 60, 42, true, &err), ERR_OK);
    assert_same_file("twice", "zip-only", "hospital.zip", true);
    assert_false(file_exists(under(under(base, "twice"), "fhir/Patient.ndjson")));
}

static void assert_empty(const char *name)
{
    struct file_list list = {0};
    struct err err;
    assert_int_equal(file_list_directory(under(base, name), &list, &err), ERR_OK);
    assert_int_equal(list.count, 0);
    file_list_done(&list);
}

static bool always(void *user)
{
    (void)user;
    return true;
}

static void an_interrupted_run_leaves_nothing(void **state)
{
    (void)state;
    struct err err;
    struct progress progress = {.cancelled = always};
    struct demo_options options = {.patients = 100, .progress = &progress};
    assert_int_equal(demo_generate(under(base, "stopped"), &options, NULL, &err), ERR_INTERRUPTED);
    assert_empty("stopped");
}

static void a_failing_allocation_write_fsync_or_rename_is_told_and_truth_comes_last(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_ALLOC, FAULT_WRITE, FAULT_FSYNC, FAULT_RENAME};
    for (size_t k = 0; k < 4; k++) {
        int told = 0;
        for (int nth = 1;; nth++) {
            struct err err = {0}, ignored;
            assert_true(nth < 500);
            fault_arm(kinds[k], nth);
            enum err_code code = generate("faulty", 5, 1, false, &err);
            bool fired = fault_fired();
            fault_disarm();
            bool complete = true;
            for (int i = 0; i < report.file_count; i++)
                complete = complete && file_exists(under(under(base, "faulty"), report.files[i]));
            if (code == ERR_OK) { /* a fault in the final sweep may pass */
                assert_true(complete);
            } else {
                assert_true(fired);
                assert_int_equal(err.code, code);
                assert_true(err.message[0] != '\0');
                assert_true(complete || !file_exists(under(under(base, "faulty"), "truth.json")));
                told++;
            }
            assert_int_equal(file_remove_tree(under(base, "faulty"), &ignored), ERR_OK);
            if (!fired)
                break;
        }
        assert_true(told >= 2);
    }
}

static void limits_are_told(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(generate("limit", DEMO_PATIENTS_LIMIT + 1, 1, true, &err), ERR_USAGE);
    assert_int_equal(generate("limit", -1, 1, true, &err), ERR_USAGE);
    assert_false(file_exists(under(base, "limit")));
}

/* A sparse file stands for the gigabytes: a member of 5 GiB, then one that begins past 4 GiB. */
static void members_past_4_gib_have_zip64_records(void **state)
{
    (void)state;
    const char *path = under(base, "large.zip");
    const int64_t five = INT64_C(5) << 30;
    int64_t bytes;
    struct err err;
    struct zip zip;
    assert_int_equal(zip_open(&zip, path, &err), ERR_OK);
    assert_int_equal(zip_member_begin(&zip, "large.csv"), ERR_OK);
    assert_true(lseek(zip.out.fd, (off_t)five, SEEK_CUR) > 0);
    zip.out.bytes = five;
    assert_int_equal(ftruncate(zip.out.fd, lseek(zip.out.fd, 0, SEEK_CUR)), 0);
    assert_int_equal(zip_member_end(&zip), ERR_OK);
    assert_int_equal(zip_member_begin(&zip, "small.csv"), ERR_OK);
    out_text(&zip.out, "a\n1\n");
    assert_int_equal(zip_member_end(&zip), ERR_OK);
    assert_int_equal(zip_close(&zip, &bytes), ERR_OK);
    assert_true(bytes > five);

    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    char text[8] = "";
    archive_read_support_format_zip_seekable(archive);
    assert_int_equal(archive_read_open_filename(archive, path, 65536), ARCHIVE_OK);
    assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
    assert_string_equal(archive_entry_pathname(entry), "large.csv");
    assert_int_equal(archive_entry_size(entry), five);
    assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
    assert_string_equal(archive_entry_pathname(entry), "small.csv");
    assert_int_equal(archive_read_data(archive, text, sizeof text), 4);
    assert_string_equal(text, "a\n1\n");
    archive_read_free(archive);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_bytes_and_another_seed_does_not),
        cmocka_unit_test(bytes_are_those_of_this_format_version),
        cmocka_unit_test(fewer_patients_are_the_first_of_more),
        cmocka_unit_test(rows_of_the_archive_are_those_of_truth_and_report),
        cmocka_unit_test(type_2_diabetics_have_a_higher_hba1c),
        cmocka_unit_test(mortality_grows_with_age_and_readmissions_are_about_one_in_eight),
        cmocka_unit_test(leading_zeros_are_there),
        cmocka_unit_test(every_true_key_holds_but_for_the_planted_orphans),
        cmocka_unit_test(fhir_has_the_same_people_and_counts),
        cmocka_unit_test(a_folder_with_foreign_files_is_refused_and_an_earlier_run_is_replaced),
        cmocka_unit_test(an_interrupted_run_leaves_nothing),
        cmocka_unit_test(a_failing_allocation_write_fsync_or_rename_is_told_and_truth_comes_last),
        cmocka_unit_test(limits_are_told),
        cmocka_unit_test(members_past_4_gib_have_zip64_records),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
