/* Marts built through a store from small CSV files whose answers are known by hand, or recomputed
 * from the CSV files by a plain engine. */
#include "profile/support.h"

#include "mart/mart_priv.h"

#define FILLER 60

struct kit {
    struct fixture f;
    struct buf patients, labs;
    struct profile *profile;
    json_t *built;
};

static void add(struct buf *csv, const char *format, ...) PRINTF_LIKE(2, 3);
static void add(struct buf *csv, const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    buf_puts(csv, line);
}

/* a1 and A1 are two people; ties and gaps in time; an orphan; a row of nobody; a date before 1970;
 * sums beyond 64 bits. */
static void write_tables(struct kit *kit)
{
    buf_puts(&kit->patients, "patient_id,sex,birth_date\na1,F,1931-05-06\nA1,M,1960-01-01\nb2,F,"
                             "2000-02-29\nc3,M,1899-12-31\n");
    buf_puts(&kit->labs, "lab_id,patient_id,taken_at,value,big,nothing,unit\n"
                         "1,a1,2020-01-01 10:00:00,1.5,9223372036854775807,,mg\n"
                         "2,a1,2020-01-01 10:00:00,2.5,9223372036854775807,,mg\n"
                         "3,a1,,9.5,1,,ml\n"
                         "4,A1,1969-12-31 23:59:59,4.0,-5,,mL\n"
                         "5,b2,,7.0,2,,mg\n"
                         "6,zz,2020-02-01 00:00:00,100.0,3,,mg\n"
                         "7,,2020-02-02 00:00:00,200.0,4,,mg\n");
    for (int i = 0; i < FILLER; i++) {
        add(&kit->patients, "p%02d,%s,19%02d-03-04\n", i, i % 2 ? "F" : "M", 30 + i);
        for (int k = 0; k < 6; k++)
            add(&kit->labs, "%d,p%02d,2019-0%d-%02d 08:00:00,%d.%d,%d,,mg\n", 100 + i * 6 + k, i,
                (i + k * 5) % 9 + 1, (i * 7 + k * 11) % 28 + 1, (i * 37 + k * 91) % 211, k,
                i * 1000003 + k);
    }
}

static void import(struct kit *kit)
{
    const char *tables[] = {"patients", buf_text(&kit->patients), "labs", buf_text(&kit->labs),
                            NULL};
    struct err err = {0};
    fixture_import(&kit->f, "study", tables);
    profile_free(kit->profile);
    kit->profile = NULL;
    MUST(profile_open(kit->f.store, kit->f.version, &kit->profile, &err));
}

static int setup(void **state)
{
    struct kit *kit = mem_zalloc(1, sizeof *kit);
    assert_non_null(kit);
    fixture_open(&kit->f);
    write_tables(kit);
    import(kit);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    struct kit *kit = *state;
    json_decref(kit->built);
    profile_free(kit->profile);
    buf_done(&kit->patients);
    buf_done(&kit->labs);
    fixture_close(&kit->f);
    mem_free(kit);
    return 0;
}

static json_t *build(struct kit *kit, const struct mart_spec *spec, bool force)
{
    struct err err = {0};
    json_t *built = NULL;
    MUST(mart_build(kit->f.store, kit->f.version, kit->profile, spec, force, &built, &err));
    json_decref(kit->built);
    kit->built = built;
    return built;
}

static enum err_code try_build(struct kit *kit, const char *policy, struct err *err)
{
    JSON_AUTO json = json_loads(policy, 0, NULL);
    JSON_AUTO built = NULL;
    struct mart_spec spec = {.grain = MART_PATIENT, .policy = json};
    assert_non_null(json);
    return mart_build(kit->f.store, kit->f.version, kit->profile, &spec, false, &built, err);
}

/* One value over the built mart (view m) and the raw CSV of labs (view r). */
static const char *ask(struct kit *kit, const char *select)
{
    static char answers[8][300];
    static int next;
    struct err err = {0};
    char labs[FILE_PATH_BYTES];
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT, sql = BUF_INIT;
    struct engine_options options = {.threads = 2};
    MUST(engine_open(&options, &engine, &err));
    MUST(file_path_join(kit->f.directory, "labs.csv", labs, &err));
    if (!file_exists(labs))
        MUST(file_write_new(labs, buf_view(&kit->labs), &err));
    bool buckets = strstr(json_text(kit->built, "path", ""), ".parquet") == NULL;
    buf_printf(&sql,
               "CREATE VIEW m AS SELECT * FROM read_parquet('%s%s'%s); CREATE VIEW r AS SELECT * "
               "FROM read_csv('%s', header=true, types={'taken_at': 'TIMESTAMP', 'value': "
               "'DOUBLE', 'big': 'HUGEINT'})",
               json_text(kit->built, "path", ""), buckets ? "/*/*.parquet" : "",
               buckets ? ", hive_partitioning=true, hive_types={'bucket': 'BIGINT'}" : "", labs);
    MUST(engine_execute(engine, buf_text(&sql), NULL, 0, &err));
    MUST(engine_query_text(engine, select, &text, &err));
    next = (next + 1) % 8;
    snprintf(answers[next], sizeof answers[next], "%s", buf_text(&text));
    return answers[next];
}

static const json_t *table_entry(const json_t *built, const char *name)
{
    size_t idx;
    json_t *entry;
    json_array_foreach(json_object_get(built, "tables"), idx, entry)
    {
        if (strcmp(json_text(entry, "name", ""), name) == 0)
            return entry;
    }
    fail_msg("no table %s in the description", name);
    return NULL;
}

static const struct mart_spec patient = {.grain = MART_PATIENT};

static void mart_has_one_row_per_patient(void **state)
{
    struct kit *kit = *state;
    const json_t *built = build(kit, &patient, false);
    assert_int_equal(json_int(built, "row_count", 0), FILLER + 4);
    assert_string_equal(ask(kit, "SELECT count(DISTINCT patient_id) FROM m"), "64");
}

static void keys_that_differ_by_case_are_different_people(void **state)
{
    struct kit *kit = *state;
    (void)build(kit, &patient, false);
    assert_string_equal(ask(kit, "SELECT string_agg(patient_id || '=' || labs__rows__count, ' ' "
                                 "ORDER BY patient_id) FROM m WHERE labs__rows__count < 6"),
                        "A1=1 a1=3 b2=1 c3=0");
}

static void first_and_last_go_by_time_and_ties_by_the_key(void **state)
{
    struct kit *kit = *state;
    (void)build(kit, &patient, false);
    assert_string_equal(
        ask(kit,
            "SELECT labs__value__first || ' ' || labs__value__last FROM m WHERE patient_id = 'a1'"),
        "1.5 2.5");
    assert_string_equal(
        ask(kit, "SELECT labs__taken_at__first::VARCHAR FROM m WHERE patient_id = 'A1'"),
        "1969-12-31 23:59:59");
}

static void first_and_last_of_rows_without_a_time_are_null(void **state)
{
    struct kit *kit = *state;
    (void)build(kit, &patient, false);
    assert_string_equal(
        ask(kit, "SELECT coalesce(labs__value__first::VARCHAR, 'null') || ' ' || "
                 "labs__value__count || ' ' || labs__value__max FROM m WHERE patient_id = 'b2'"),
        "null 1 7.0");
}

static void patient_without_rows_has_counts_of_zero_and_nulls(void **state)
{
    struct kit *kit = *state;
    (void)build(kit, &patient, false);
    assert_string_equal(
        ask(kit,
            "SELECT labs__rows__count || ' ' || labs__value__count || ' ' || "
            "coalesce(labs__value__sum::VARCHAR, 'null') || ' ' || "
            "coalesce(labs__taken_at__days_since::VARCHAR, 'null') FROM m WHERE patient_id = 'c3'"),
        "0 0 null null");
}

static void sums_beyond_64_bits_are_exact(void **state)
{
    struct kit *kit = *state;
    (void)build(kit, &patient, false);
    assert_string_equal(ask(kit, "SELECT labs__big__sum::VARCHAR FROM m WHERE patient_id = 'a1'"),
                        "18446744073709551615");
}

static void days_since_counts_to_the_latest_date_of_the_column(void **state)
{
    struct kit *kit = *state;
    (void)build(kit, &patient, false);
    assert_string_equal(
        ask(kit, "SELECT labs__taken_at__days_since FROM m WHERE patient_id = 'a1'"),
        "32"); /* to 2020-02-02, a row of nobody */
}

static void column_of_nulls_gives_no_aggregate_but_its_count(void **state)
{
    struct kit *kit = *state;
    (void)build(kit, &patient, false);
    assert_string_equal(ask(kit, "SELECT string_agg(column_name, ' ') FROM (DESCRIBE m) WHERE "
                                 "column_name LIKE 'labs__nothing%'"),
                        "labs__nothing__count");
    assert_string_equal(ask(kit, "SELECT sum(labs__nothing__count)::VARCHAR FROM m"), "0");
}

static void every_cell_agrees_with_sql_over_the_file(void **state)
{
    struct kit *kit = *state;
    (void)build(kit, &patient, false);
    const char *wrong = ask(
        kit,
        "SELECT count(*) FROM m LEFT JOIN (SELECT patient_id, count(*) n, count(DISTINCT unit) "
        "units, avg(value) mean, stddev_samp(value) sd, min(value) low, max(value) high, "
        "sum(value) total, "
        "arg_min(value, (taken_at, lab_id)) FILTER (WHERE taken_at IS NOT NULL) f, arg_max(value, "
        "(taken_at, lab_id)) FILTER (WHERE taken_at IS NOT NULL) l, "
        "count(*) FILTER (WHERE unit = 'mg') mg FROM r GROUP BY 1) e USING (patient_id) WHERE "
        "labs__rows__count IS DISTINCT FROM coalesce(n, 0) OR "
        "abs(coalesce(labs__value__mean, -1) - coalesce(mean, -1)) > 1e-9 OR "
        "abs(coalesce(labs__value__sd, -1) - coalesce(sd, -1)) > 1e-9 OR "
        "labs__value__min::DOUBLE IS DISTINCT FROM low OR labs__value__max::DOUBLE IS DISTINCT "
        "FROM high OR abs(coalesce(labs__value__sum::DOUBLE, -1) - coalesce(total, -1)) > 1e-9 OR "
        "labs__value__first::DOUBLE IS DISTINCT FROM f OR labs__value__last::DOUBLE IS DISTINCT "
        "FROM l OR labs__unit__mg__count IS DISTINCT FROM coalesce(mg, 0)");
    assert_string_equal(wrong, "0");
}

static void rows_that_are_left_out_are_counted_by_reason(void **state)
{
    struct kit *kit = *state;
    const json_t *labs = table_entry(build(kit, &patient, false), "labs");
    assert_int_equal(json_int(labs, "rows", 0), 7 + FILLER * 6);
    assert_int_equal(json_int(labs, "rows_without_key", -1), 1);
    assert_int_equal(json_int(labs, "orphan_rows", -1), 1);
    assert_int_equal(json_int(labs, "rows_left_out", -1), 2);
}

static void second_build_is_reused_and_forcing_proves_it_equal(void **state)
{
    struct kit *kit = *state;
    char run_id[65];
    assert_false(json_flag(build(kit, &patient, false), "reused", true));
    snprintf(run_id, sizeof run_id, "%s", json_text(kit->built, "run_id", ""));
    assert_true(json_flag(build(kit, &patient, false), "reused", false));
    assert_string_equal(json_text(kit->built, "run_id", ""), run_id);
    assert_true(json_flag(build(kit, &patient, true), "reused", false));
    assert_string_equal(json_text(kit->built, "run_id", ""), run_id);
}

static void change_of_policy_or_data_changes_the_run(void **state)
{
    struct kit *kit = *state;
    char first[65], second[65];
    snprintf(first, sizeof first, "%s", json_text(build(kit, &patient, false), "run_id", ""));
    JSON_AUTO policy = json_loads("{\"labs\": {\"value\": [\"mean\"]}}", 0, NULL);
    struct mart_spec spec = {.grain = MART_PATIENT, .policy = policy};
    snprintf(second, sizeof second, "%s", json_text(build(kit, &spec, false), "run_id", ""));
    assert_string_not_equal(first, second);
    buf_puts(&kit->labs, "9999,c3,2020-02-02 00:00:00,5.0,6,,mg\n"); /* the last row */
    import(kit);
    assert_string_not_equal(json_text(build(kit, &patient, false), "run_id", ""), first);
    assert_string_equal(ask(kit, "SELECT labs__value__sum::VARCHAR FROM m WHERE patient_id = 'c3'"),
                        "5.0");
}

static void name_means_the_mart_that_was_asked_for_last(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    char plain[65], other[65];
    JSON_AUTO policy = json_loads("{\"labs\": {\"value\": [\"mean\"]}}", 0, NULL);
    struct mart_spec spec = {.grain = MART_PATIENT, .policy = policy};
    snprintf(plain, sizeof plain, "%s", json_text(build(kit, &patient, false), "run_id", ""));
    snprintf(other, sizeof other, "%s", json_text(build(kit, &spec, false), "run_id", ""));
    json_t *found = NULL;
    MUST(mart_find(kit->f.store, kit->f.version, "patient", &found, &err));
    assert_string_equal(json_text(found, "run_id", ""), other);
    json_decref(found);
    assert_true(json_flag(build(kit, &patient, false), "reused", false));
    MUST(mart_find(kit->f.store, kit->f.version, "MART_patient", &found, &err));
    assert_string_equal(json_text(found, "run_id", ""), plain);
    json_decref(found);
    other[12] = '\0';
    MUST(mart_find(kit->f.store, kit->f.version, other, &found, &err));
    assert_memory_equal(json_text(found, "run_id", ""), other, 12);
    json_decref(found);
}

static void mart_that_is_not_built_is_not_found(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    json_t *found = NULL;
    assert_int_equal(mart_query(kit->f.store, kit->f.version, "patient", &found, &err),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "marrow mart build study --grain patient"));
    assert_null(found);
}

static void inner_keeps_patients_with_rows_in_every_fact(void **state)
{
    struct kit *kit = *state;
    struct mart_spec spec = {.grain = MART_PATIENT, .inner = true};
    assert_int_equal(json_int(build(kit, &spec, false), "row_count", 0), FILLER + 3);
    assert_string_equal(ask(kit, "SELECT count(*) FROM m WHERE patient_id = 'c3'"), "0");
}

static void mean_over_a_code_is_refused_and_builds_nothing(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    JSON_AUTO runs = NULL;
    assert_int_equal(try_build(kit, "{\"labs\": {\"patient_id\": [\"mean\"]}}", &err), ERR_INPUT);
    assert_non_null(strstr(err.message, "labs.patient_id"));
    MUST(mart_list(kit->f.store, "study", &runs, &err));
    assert_int_equal(json_array_size(runs), 0);
}

static void relation_to_a_column_that_repeats_multiplies_nothing(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    enum err_code code = profile_relation_decide(kit->f.store, kit->f.version, "add",
                                                 "patients.sex", "labs.unit", &err);
    import(kit);
    (void)code; /* refused outright, or kept and not used: the mart is the same */
    assert_int_equal(json_int(build(kit, &patient, false), "row_count", 0), FILLER + 4);
}

static void verify_checks_sums_and_finds_a_flipped_bit(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    JSON_AUTO run = NULL;
    JSON_AUTO checked = NULL;
    JSON_AUTO again = NULL;
    const char *path = json_text(build(kit, &patient, false), "path", "");
    MUST(mart_find(kit->f.store, kit->f.version, "patient", &run, &err));
    MUST(mart_verify(kit->f.store, kit->f.version, run, &checked, &err));
    assert_true(json_flag(checked, "ok", false));
    assert_true(json_array_size(json_object_get(checked, "checks")) >= 5);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, 600, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, 600, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
    assert_int_equal(mart_verify(kit->f.store, kit->f.version, run, &again, &err), ERR_INTEGRITY);
}

static void invariant_that_fails_is_found(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    bool all = true;
    JSON_AUTO checks = NULL;
    JSON_AUTO invariants =
        json_loads("[{\"what\": \"rows\", \"raw\": \"count(*)\", \"from\": \"FROM range(3)\", "
                   "\"mart\": \"count(*)\"}, {\"what\": \"sum\", \"raw\": \"sum(range)\", "
                   "\"from\": \"FROM range(3)\", \"mart\": \"sum(range)\"}]",
                   0, NULL);
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = {.threads = 1};
    (void)kit;
    MUST(engine_open(&options, &engine, &err));
    MUST(engine_execute(engine,
                        "CREATE VIEW marrow_result AS SELECT * FROM range(3) UNION ALL SELECT 0",
                        NULL, 0, &err));
    MUST(mart_invariants_run(engine, invariants, &checks, &all, &err));
    assert_false(all);
    assert_false(json_flag(json_array_get(checks, 0), "ok", true));
    assert_true(json_flag(json_array_get(checks, 1), "ok", false));
}

static void events_lie_in_buckets_by_their_patient(void **state)
{
    struct kit *kit = *state;
    struct mart_spec spec = {.grain = MART_EVENT, .event = "labs"};
    const json_t *built = build(kit, &spec, false);
    assert_string_equal(json_text(json_object_get(built, "layout"), "bucket_column", ""),
                        "patient_id");
    assert_int_equal(json_int(built, "row_count", 0), 7 + FILLER * 6);
    assert_string_equal(
        ask(kit,
            "SELECT count(*) FROM m WHERE bucket <> coalesce(marrow_bucket(patient_id, 64), 0)"),
        "0");
    assert_string_equal(
        ask(kit, "SELECT count(DISTINCT patients__birth_date) > 50 AND bool_and((patients__sex IS "
                 "NULL) = (patient_id IS NULL OR patient_id = 'zz')) FROM m"),
        "true");
}

static void same_bytes_for_any_number_of_threads(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    struct kit other = {.profile = NULL};
    struct mart_spec spec = {.grain = MART_EVENT, .event = "labs"};
    JSON_AUTO a = NULL;
    JSON_AUTO b = NULL;
    (void)build(kit, &spec, false);
    fixture_open(&other.f);
    store_close(other.f.store);
    char path[FILE_PATH_BYTES];
    MUST(file_path_join(other.f.directory, "store", path, &err));
    struct store_options options = {.directory = path, .create = true, .engine = {.threads = 1}};
    MUST(store_open(&options, &other.f.store, &err));
    buf_add_str(&other.patients, buf_view(&kit->patients));
    buf_add_str(&other.labs, buf_view(&kit->labs));
    import(&other);
    (void)build(&other, &spec, false);
    assert_string_equal(json_text(kit->built, "run_id", "a"),
                        json_text(other.built, "run_id", "b"));
    MUST(mart_find(kit->f.store, kit->f.version, "event", &a, &err));
    MUST(mart_find(other.f.store, other.f.version, "event", &b, &err));
    assert_string_equal(json_text(a, "row_hash", "a"), json_text(b, "row_hash", "b"));
    const json_t *left = json_object_get(a, "files"), *right = json_object_get(b, "files");
    assert_int_equal(json_array_size(left), 64 + 1); /* and plan.json */
    assert_int_equal(json_array_size(right), 64 + 1);
    for (size_t i = 0; i < json_array_size(left); i++)
        assert_string_equal(json_text(json_array_get(left, i), "sha256", "a"),
                            json_text(json_array_get(right, i), "sha256", "b"));
    json_decref(other.built);
    profile_free(other.profile);
    buf_done(&other.patients);
    buf_done(&other.labs);
    fixture_close(&other.f);
}

int main(void)
{
    json_install();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(mart_has_one_row_per_patient),
        TEST(keys_that_differ_by_case_are_different_people),
        TEST(first_and_last_go_by_time_and_ties_by_the_key),
        TEST(first_and_last_of_rows_without_a_time_are_null),
        TEST(patient_without_rows_has_counts_of_zero_and_nulls),
        TEST(sums_beyond_64_bits_are_exact),
        TEST(days_since_counts_to_the_latest_date_of_the_column),
        TEST(column_of_nulls_gives_no_aggregate_but_its_count),
        TEST(every_cell_agrees_with_sql_over_the_file),
        TEST(rows_that_are_left_out_are_counted_by_reason),
        TEST(second_build_is_reused_and_forcing_proves_it_equal),
        TEST(change_of_policy_or_data_changes_the_run),
        TEST(name_means_the_mart_that_was_asked_for_last),
        TEST(mart_that_is_not_built_is_not_found),
        TEST(inner_keeps_patients_with_rows_in_every_fact),
        TEST(mean_over_a_code_is_refused_and_builds_nothing),
        TEST(relation_to_a_column_that_repeats_multiplies_nothing),
        TEST(verify_checks_sums_and_finds_a_flipped_bit),
        TEST(invariant_that_fails_is_found),
        TEST(events_lie_in_buckets_by_their_patient),
        TEST(same_bytes_for_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
