/* Laboratory values by kind in the marts of the synthetic hospital: which columns there are (a
 * golden file), and every cell again by SQL written apart, over the tables as imported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"
#include "base/file.h"
#include "golden.h"

struct world {
    char root[64], store[128];
    struct api *api;
};
static struct world world;

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s", err_code_name(code), err->message);
}

static int set_up(void **state)
{
    struct err err = {0};
    char path[FILE_PATH_BYTES];
    json_t *answer = NULL;
    (void)state;
    (void)snprintf(world.root, sizeof world.root, "/tmp/marrow-kinds-test-XXXXXX");
    assert_non_null(mkdtemp(world.root));
    (void)snprintf(world.store, sizeof world.store, "%s/store", world.root);
    must(file_path_join(world.root, "hospital", path, &err), &err);
    struct api_demo_options demo = {.directory = path, .patients = 300, .seed = 1, .no_fhir = true};
    must(api_demo_data(&demo, NULL, &answer, &err), &err);
    json_decref(answer);
    struct api_options options = {.store = world.store, .create = true};
    must(api_open(&options, &world.api, &err), &err);
    const char *paths[] = {path};
    struct api_import_options import = {
        .paths = paths, .path_count = 1, .name = "demo", .header = -1};
    must(api_import(world.api, &import, &answer, &err), &err);
    json_decref(answer);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    api_close(world.api);
    return file_remove_tree(world.root, NULL) == ERR_OK ? 0 : 1;
}

static json_t *build(const char *grain, json_t *policy)
{
    struct err err = {0};
    json_t *answer = NULL;
    struct api_mart_options options = {.dataset = "demo", .grain = grain, .policy = policy};
    must(api_mart_build(world.api, &options, &answer, &err), &err);
    return answer;
}

/* The one number that the SQL gives. */
static int64_t ask(const char *sql)
{
    struct err err = {0};
    struct api_rows *rows = NULL;
    const struct data_batch *batch = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    int64_t number = -1;
    struct api_query_options options = {.dataset = "demo", .sql = sql};
    must(api_query(world.api, &options, &rows, &err), &err);
    must(api_rows_next(rows, &batch, &err), &err);
    assert_non_null(batch);
    (void)data_value_text(&batch->vectors[0], 0, &text);
    assert_true(str_to_int64(buf_view(&text), &number));
    api_rows_close(rows);
    return number;
}

static void write_columns(const struct golden_case *test, struct buf *out)
{
    char grain[32];
    struct str input = str_trim(golden_section(test, "input"));
    (void)snprintf(grain, sizeof grain, "%.*s", (int)input.len, input.ptr);
    JSON_AUTO mart = build(grain, NULL);
    const json_t *labs = json_array_get(json_object_get(mart, "kinds"), 0),
                 *rest = json_object_get(labs, "not_shown");
    size_t idx;
    json_t *kind;
    json_array_foreach(json_object_get(labs, "shown"), idx, kind) buf_printf(
        out, "%s  %s, %s, %s\n", json_text(kind, "columns", ""), json_text(kind, "code", ""),
        json_text(kind, "label", ""), json_text(kind, "unit", "no unit"));
    buf_printf(out, "not shown: %lld kinds\n", (long long)json_int(rest, "kinds", -1));
    const char *name;
    json_t *type;
    json_object_foreach(json_object_get(mart, "schema"), name,
                        type) if (str_has_prefix(str_of(name), "labs__value_num"))
        buf_printf(out, "%s %s\n", name, json_string_value(type));
}

static void columns_are_as_agreed(void **state)
{
    (void)state;
    assert_int_equal(
        golden_check(TEST_SOURCE_DIRECTORY "/golden/mart/demo_kinds.txt", write_columns), 0);
}

/* Cells of one kind that differ from the laboratory's own rows. */
static int64_t cells_that_differ(const char *mart, const char *key, const char *prefix,
                                 const char *code)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_printf(
        &sql,
        "WITH rows AS (SELECT *, row_number() OVER (PARTITION BY %s ORDER BY chart_time, lab_id) "
        "AS "
        "up, row_number() OVER (PARTITION BY %s ORDER BY chart_time DESC, lab_id DESC) AS down "
        "FROM "
        "labs WHERE item_id = %s AND value_num IS NOT NULL), own AS (SELECT %s AS k, count(*) AS "
        "n, "
        "avg(value_num) AS mean, min(value_num) AS low, max(value_num) AS high, max(value_num) "
        "FILTER (up = 1) AS f, max(value_num) FILTER (down = 1) AS l FROM rows GROUP BY 1) "
        "SELECT count(*) FROM %s AS m LEFT JOIN own ON own.k = m.%s WHERE %s__count <> coalesce(n, "
        "0) OR coalesce(abs(%s__mean - mean) > 1e-9 * abs(mean), (%s__mean IS NULL) <> (mean IS "
        "NULL)) OR %s__min IS DISTINCT FROM low OR %s__max IS DISTINCT FROM high OR %s__first IS "
        "DISTINCT FROM f OR %s__last IS DISTINCT FROM l",
        key, key, code, key, mart, key, prefix, prefix, prefix, prefix, prefix, prefix, prefix);
    return ask(buf_text(&sql));
}

static void every_cell_is_checked(const char *grain, const char *mart, const char *key)
{
    JSON_AUTO built = build(grain, NULL);
    const json_t *labs = json_array_get(json_object_get(built, "kinds"), 0);
    size_t idx;
    json_t *kind;
    assert_int_equal(json_array_size(json_object_get(built, "kinds")), 1);
    assert_int_equal(json_array_size(json_object_get(labs, "shown")), 24);
    json_array_foreach(json_object_get(labs, "shown"), idx, kind) assert_int_equal(
        cells_that_differ(mart, key, json_text(kind, "columns", ""), json_text(kind, "code", "")),
        0);
}

static void every_cell_agrees_with_sql_per_patient(void **state)
{
    (void)state;
    every_cell_is_checked("patient", "mart_patient", "patient_id");
}

static void every_cell_agrees_with_sql_per_admission(void **state)
{
    (void)state;
    every_cell_is_checked("admission", "mart_admission", "admission_id");
}

/* Of the whole: what is shown and what is not are all the values there are. */
static void shown_and_not_shown_are_all_values(void **state)
{
    (void)state;
    JSON_AUTO built = build("patient", NULL);
    const json_t *labs = json_array_get(json_object_get(built, "kinds"), 0);
    int64_t values = json_int(json_object_get(labs, "not_shown"), "values", -1),
            kinds = json_int(json_object_get(labs, "not_shown"), "kinds", -1);
    size_t idx;
    json_t *kind;
    json_array_foreach(json_object_get(labs, "shown"), idx, kind) values +=
        json_int(kind, "values", 0);
    assert_int_equal(values, ask("SELECT count(value_num) FROM labs"));
    assert_int_equal(kinds + 24, ask("SELECT count(DISTINCT item_id) FROM labs WHERE value_num IS "
                                     "NOT NULL"));
}

static void sums_counts_and_bounds_are_among_the_checks(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *checked = NULL, *check;
    size_t idx, found = 0;
    JSON_AUTO built = build("patient", NULL);
    must(api_mart_verify(world.api, "demo", NULL, "patient", &checked, &err), &err);
    assert_true(json_flag(checked, "ok", false));
    json_array_foreach(json_object_get(checked, "checks"), idx, check) found +=
        str_has_prefix(str_of(json_text(check, "what", "")), "labs.value_num by item_id:");
    assert_int_equal(found, 4);
    json_decref(checked);
}

static void kinds_asked_for_by_label_are_the_only_ones(void **state)
{
    (void)state;
    JSON_AUTO policy = json_loads("{\"labs\": {\"value_num\": {\"kinds\": [\"sodium\"], "
                                  "\"aggregates\": [\"last\", \"sum\"]}}}",
                                  0, NULL);
    JSON_AUTO built = build("patient", policy);
    assert_non_null(
        json_object_get(json_object_get(built, "schema"), "labs__value_num__sodium__last"));
    assert_int_equal(ask("SELECT count(*) FROM mart_patient m WHERE labs__value_num__sodium__sum "
                         "IS DISTINCT FROM (SELECT sum(value_num) FROM labs JOIN lab_items USING "
                         "(item_id) WHERE label ILIKE 'sodium' AND patient_id = m.patient_id)"),
                     0);
    assert_null(json_object_get(json_object_get(built, "schema"), "labs__value_num__sodium__mean"));
}

/* The second reading of one version's kinds is kept: another policy over the same columns opens no
 * data for them, and gives the same names. */
static void kinds_are_read_once_per_version(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *runs = NULL, *run;
    size_t idx, kept = 0;
    JSON_AUTO first = build("patient", NULL);
    JSON_AUTO policy = json_loads("{\"*\": {\"*\": {\"cap\": 3}}}", 0, NULL);
    JSON_AUTO second = build("patient", policy);
    assert_int_equal(json_array_size(json_object_get(
                         json_array_get(json_object_get(second, "kinds"), 0), "shown")),
                     3);
    must(store_run_list(world.api->store, "demo", "kinds", &runs, &err), &err);
    json_array_foreach(runs, idx, run) kept++;
    assert_int_equal(kept, 1);
    json_decref(runs);
}

int main(int argc, char **argv)
{
    json_install();
    golden_arguments(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_agreed),
        cmocka_unit_test(every_cell_agrees_with_sql_per_patient),
        cmocka_unit_test(every_cell_agrees_with_sql_per_admission),
        cmocka_unit_test(shown_and_not_shown_are_all_values),
        cmocka_unit_test(sums_counts_and_bounds_are_among_the_checks),
        cmocka_unit_test(kinds_asked_for_by_label_are_the_only_ones),
        cmocka_unit_test(kinds_are_read_once_per_version),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
