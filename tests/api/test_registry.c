/* Folders registered where they stand, through the api's door: Parquet parted by a key, what is
 * opened for a filter, who has the word about a setting, files that change before and while they
 * are read, an order that saves a sort. */
#include "run/kit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "api/api.h"
#include "store/store.h"

static char directory[FILE_PATH_BYTES];
static struct api *api;
static struct store *store;

/* ---- making folders -----------------------------------------------------------------------------
 */

static void execute(const char *sql)
{
    struct err err = {0};
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = {.threads = 2};
    MUST(engine_open(&options, &engine, &err));
    if (engine_execute(engine, sql, NULL, 0, &err) != ERR_OK)
        fail_msg("%s: %s", err.message, err.detail);
}

/* lake/labs/year=2020…2023/part.parquet, 500 rows each, by id; lake/plain.csv */
static void make_lake(void)
{
    struct err err = {0};
    for (int year = 2020; year < 2024; year++) {
        char sql[FILE_PATH_BYTES + 512], folder[64];
        (void)snprintf(folder, sizeof folder, "lake/labs/year=%d", year);
        MUST(file_make_directory(kit_path(directory, folder), &err));
        (void)snprintf(
            sql, sizeof sql,
            "COPY (SELECT CAST(range AS INTEGER) AS id, range %% 7 AS kind, range / 4.0 AS "
            "value, 'v' || range AS note, range AS big FROM range(%d, %d)) TO '%s/part.parquet' "
            "(ROW_GROUP_SIZE 2048)",
            (year - 2020) * 5000, (year - 2019) * 5000, kit_path(directory, folder));
        execute(sql);
    }
    kit_write(kit_path(directory, "lake"), "plain.csv", "id,word\n1,one\n2,two\n");
}

static json_t *must_register(const char *name, const struct api_place_options *place)
{
    struct err err = {0};
    json_t *answer = NULL;
    const char *paths[] = {kit_path(directory, "lake")};
    struct api_import_options options = {
        .paths = paths, .path_count = 1, .name = name, .header = -1, .place = place};
    if (api_register(api, &options, &answer, &err) != ERR_OK)
        fail_msg("%s (%s)", err.message, err.source);
    return answer;
}

static int setup(void **state)
{
    struct err err = {0};
    (void)state;
    kit_directory("marrow-registry-test", directory);
    make_lake();
    struct api_options options = {
        .store = kit_path(directory, "store"), .create = true, .threads = 2};
    MUST(api_open(&options, &api, &err));
    json_decref(must_register("lake", NULL));
    struct store_options own = {.directory = kit_path(directory, "store")};
    MUST(store_open(&own, &store, &err));
    return 0;
}

static int teardown(void **state)
{
    struct err err = {0};
    (void)state;
    store_close(store);
    api_close(api);
    MUST(file_remove_tree(directory, &err));
    return 0;
}

/* ---- what is opened -----------------------------------------------------------------------------
 */

/* The plan of a SELECT as the engine tells it, over the attached table labs. */
static void explain(const char *dataset, const char *options, const char *sql, struct buf *ret)
{
    struct err err = {0};
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options own = {.threads = 2};
    JSON_AUTO said = NULL;
    JSON_AUTO rows = NULL;
    MUST(store_version_open(store, dataset, NULL, &version, &err));
    MUST(json_parse(str_of(options), "options", &said, &err));
    MUST(store_version_set_options(version, said, &err));
    MUST(engine_open(&own, &engine, &err));
    MUST(engine_execute(engine, "SET enable_external_file_cache = false", NULL, 0, &err));
    const char *tables[] = {"labs"};
    if (store_version_attach(version, engine, tables, 1, &err) != ERR_OK)
        fail_msg("%s", err.message);
    MUST(engine_query_json(engine, sql, 100, &rows, &err));
    buf_clear(ret);
    buf_puts(ret, json_string_value(json_array_get(json_array_get(rows, 0), 1)));
}

static bool holds(const struct buf *text, const char *part)
{
    return strstr(buf_text(text), part) != NULL;
}

static void a_filter_on_a_key_opens_only_its_files(void **state)
{
    (void)state;
    static const char sql[] = "EXPLAIN SELECT sum(value) FROM labs WHERE year = 2021";
    AUTO(buf_done) struct buf plan = BUF_INIT;
    explain("lake", "{}", sql, &plan);
    assert_true(holds(&plan, "Scanning Files: 1/4"));
    explain("lake", "{}", "EXPLAIN SELECT sum(value) FROM labs WHERE year >= 2022 AND kind = 3",
            &plan);
    assert_true(holds(&plan, "Scanning Files: 2/4"));
    explain("lake", "{}", "EXPLAIN SELECT sum(value) FROM labs WHERE kind = 3", &plan);
    assert_false(holds(&plan, "Scanning Files: 1/4"));
}

static void a_plan_a_table_a_dataset_may_turn_pruning_off(void **state)
{
    (void)state;
    static const char sql[] = "EXPLAIN SELECT sum(value) FROM labs WHERE year = 2021 AND id < 10";
    AUTO(buf_done) struct buf plan = BUF_INIT;
    explain("lake", "{\"labs\": {\"pruning\": \"off\"}}", sql, &plan);
    assert_false(holds(&plan, "Scanning Files: 1/4"));
    explain("lake", "{\"labs\": {\"pruning\": [\"year\"]}}", sql, &plan);
    assert_true(holds(&plan, "Scanning Files: 1/4"));
    explain("lake", "{\"labs\": {\"pruning\": [\"id\"]}}", sql, &plan);
    assert_false(holds(&plan, "Scanning Files: 1/4"));
}

/* Bytes that a filter on a whole number reads of the files; the engine is told to keep none in
 * memory. */
static int64_t bytes_read(const char *options)
{
    AUTO(buf_done) struct buf plan = BUF_INIT;
    explain("lake", options,
            "EXPLAIN (ANALYZE, FORMAT json) SELECT sum(value), max(note) FROM labs WHERE big < 10",
            &plan);
    const char *at = strstr(buf_text(&plan), "\"total_bytes_read\":");
    assert_non_null(at);
    return strtoll(at + strlen("\"total_bytes_read\":"), NULL, 10);
}

static void row_groups_are_skipped_by_their_statistics_unless_told_not_to(void **state)
{
    (void)state;
    int64_t pruned = bytes_read("{}"), whole = bytes_read("{\"labs\": {\"pruning\": \"off\"}}"),
            other = bytes_read("{\"labs\": {\"pruning\": [\"kind\"]}}"),
            named = bytes_read("{\"labs\": {\"pruning\": [\"big\"]}}");
    assert_true(pruned > 0 && pruned < whole);
    assert_int_equal(named, pruned);
    assert_int_equal(other, whole);
}

/* ---- who has the word ---------------------------------------------------------------------------
 */

static void a_setting_is_the_plans_then_the_tables_then_the_datasets_then_the_default(void **state)
{
    static const struct {
        const char *plan, *table, *dataset, *place; /* what each says of pruning; NULL: nothing */
        const char *value, *from;
    } cases[] = {
        {NULL, NULL, NULL, NULL, "on", "default"},   {NULL, NULL, NULL, "off", "off", "registered"},
        {NULL, NULL, "off", "on", "off", "dataset"}, {NULL, "on", "off", NULL, "on", "table"},
        {"off", "on", "on", "on", "off", "plan"},    {"off", NULL, NULL, NULL, "off", "plan"},
        {"on", NULL, "off", NULL, "on", "plan"},     {NULL, "off", NULL, "on", "off", "table"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        JSON_AUTO plan = json_object();
        JSON_AUTO dataset = json_pack("{s:{}}", "registry");
        JSON_AUTO place = json_object();
        JSON_AUTO resolved = NULL;
        json_t *registry = json_object_get(dataset, "registry");
        if (cases[i].plan != NULL)
            json_object_set_new(plan, "LABS", json_pack("{s:s}", "pruning", cases[i].plan));
        if (cases[i].table != NULL)
            json_object_set_new(registry, "labs", json_pack("{s:s}", "pruning", cases[i].table));
        if (cases[i].dataset != NULL)
            json_object_set_new(registry, "*", json_pack("{s:s}", "pruning", cases[i].dataset));
        if (cases[i].place != NULL)
            json_object_set_new(place, "pruning", json_string(cases[i].place));
        MUST(store_registry_resolve(plan, dataset, place, "labs", &resolved, &err));
        const json_t *pruning = json_object_get(resolved, "pruning");
        if (strcmp(json_text(pruning, "value", ""), cases[i].value) != 0 ||
            strcmp(json_text(pruning, "from", ""), cases[i].from) != 0)
            fail_msg("case %zu: %s of %s", i, json_text(pruning, "value", ""),
                     json_text(pruning, "from", ""));
    }
}

static void what_the_files_are_is_said_by_them_alone(void **state)
{
    struct err err = {0};
    (void)state;
    JSON_AUTO plan = json_pack("{s:{s:s}}", "labs", "format", "csv");
    JSON_AUTO dataset = json_pack("{s:{s:{s:s}}}", "registry", "labs", "format", "csv");
    JSON_AUTO place = json_pack("{s:s}", "format", "parquet");
    JSON_AUTO resolved = NULL;
    MUST(store_registry_resolve(plan, dataset, place, "labs", &resolved, &err));
    assert_string_equal(json_string_value(store_registry_value(resolved, "format")), "parquet");
}

/* ---- plans --------------------------------------------------------------------------------------
 */

/* labs of year 2021 and later by `by`, with a scan's options */
static struct api_plan *labs_plan(const char *options, const char *by)
{
    struct err err = {0};
    struct api_plan *plan = NULL;
    AUTO(buf_done) struct buf json = BUF_INIT;
    buf_printf(
        &json,
        "{\"format\":1,\"root\":3,\"nodes\":["
        "{\"id\":1,\"node\":\"scan\",\"table\":\"labs\",\"options\":%s,\"columns\":[[\"id\","
        "\"bigint\"],[\"kind\",\"bigint\"],[\"year\",\"bigint\"]]},"
        "{\"id\":2,\"node\":\"filter\",\"input\":1,\"predicate\":{\"call\":\"ge\",\"args\":[{"
        "\"column\":\"year\"},{\"literal\":\"2021\",\"type\":\"bigint\"}]}},"
        "{\"id\":3,\"node\":\"sort\",\"input\":2,\"order\":[{\"by\":{\"column\":\"%s\"}}]}]}",
        options, by);
    enum err_code code = api_plan_read(buf_view(&json), "test", &plan, &err);
    if (code != ERR_OK)
        fail_msg("%s", err.message);
    return plan;
}

/* First id, count of rows, and what the answer says of itself. */
static void run_labs(const char *options, const char *by, int64_t *ret_first, int64_t *ret_rows,
                     json_t **ret_about)
{
    struct err err = {0};
    AUTO(api_plan_free) struct api_plan *plan = labs_plan(options, by);
    AUTO(api_rows_close) struct api_rows *rows = NULL;
    const struct data_batch *batch = NULL;
    struct api_plan_options run = {.dataset = "lake"};
    if (api_plan_run(api, plan, &run, &rows, &err) != ERR_OK)
        fail_msg("%s: %s", err.message, err.detail);
    *ret_rows = 0;
    for (;;) {
        MUST(api_rows_next(rows, &batch, &err));
        if (batch == NULL)
            break;
        if (*ret_rows == 0)
            *ret_first = batch->vectors[0].i64[0];
        *ret_rows += batch->rows;
    }
    *ret_about = json_deep_copy(api_rows_about(rows));
}

static void a_declared_order_saves_a_sort_by_its_beginning(void **state)
{
    struct err err = {0};
    int64_t first = 0, rows = 0;
    (void)state;
    JSON_AUTO before = NULL;
    JSON_AUTO after = NULL;
    JSON_AUTO other = NULL;
    JSON_AUTO shown = NULL;
    JSON_AUTO set = json_pack("{s:s}", "sort_order", "id");
    run_labs("{}", "id", &first, &rows, &before);
    assert_int_equal(first, 5000);
    assert_null(json_object_get(before, "presorted"));
    MUST(api_registry(api, "lake", NULL, "labs", set, &shown, &err));
    run_labs("{}", "id", &first, &rows, &after);
    assert_int_equal(first, 5000);
    assert_int_equal(rows, 15000);
    assert_true(json_is_true(json_object_get(after, "presorted")));
    assert_true(
        json_equal(json_object_get(before, "ordered_by"), json_object_get(after, "ordered_by")));
    assert_string_equal(json_text(before, "signature", "a"), json_text(after, "signature", "b"));
    run_labs("{}", "kind", &first, &rows, &other);
    assert_true(json_is_false(json_object_get(other, "presorted")));
}

static void options_of_a_scan_are_no_part_of_the_signature_and_are_checked(void **state)
{
    struct err err = {0};
    int64_t first = 0, rows = 0;
    struct api_plan *bad = NULL;
    (void)state;
    JSON_AUTO plain = NULL;
    JSON_AUTO off = NULL;
    run_labs("{}", "kind", &first, &rows, &plain);
    run_labs("{\"pruning\": \"off\", \"schema_policy\": \"any\"}", "kind", &first, &rows, &off);
    assert_int_equal(rows, 15000);
    assert_string_equal(json_text(plain, "signature", "a"), json_text(off, "signature", "b"));
    static const char *const wrong[] = {"{\"pruning\": \"maybe\"}", "{\"pruning\": [1]}",
                                        "{\"colour\": \"blue\"}", "{\"schema_policy\": [\"add\"]}",
                                        "[]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        AUTO(buf_done) struct buf json = BUF_INIT;
        buf_printf(
            &json,
            "{\"format\":1,\"root\":1,\"nodes\":[{\"id\":1,\"node\":\"scan\",\"table\":\"labs\","
            "\"options\":%s,\"columns\":[[\"id\",\"bigint\"]]}]}",
            wrong[i]);
        assert_int_equal(api_plan_read(buf_view(&json), "test", &bad, &err), ERR_INPUT);
        assert_non_null(strstr(err.message, "schema_policy (exact, add or any)"));
    }
}

/* ---- files that change --------------------------------------------------------------------------
 */

static void a_file_that_changes_while_it_is_read_voids_the_answer(void **state)
{
    struct err err = {0};
    (void)state;
    json_decref(must_register("moving", NULL));
    struct api_query_options query = {.dataset = "moving", .sql = "SELECT * FROM plain"};
    struct api_rows *rows = NULL;
    const struct data_batch *batch = NULL;
    MUST(api_query(api, &query, &rows, &err));
    kit_write(kit_path(directory, "lake"), "plain.csv", "id,word\n1,ONE\n2,two\n");
    enum err_code code = ERR_OK;
    do
        code = api_rows_next(rows, &batch, &err);
    while (code == ERR_OK && batch != NULL);
    api_rows_close(rows);
    assert_int_equal(code, ERR_INTEGRITY);
    assert_non_null(strstr(err.message, "changed while it was read"));
    kit_write(kit_path(directory, "lake"), "plain.csv", "id,word\n1,one\n2,two\n");
    MUST(api_query(api, &query, &rows, &err)); /* what it was: by its hash */
    api_rows_close(rows);
}

static void a_time_that_is_set_back_hides_no_change(void **state)
{
    struct err err = {0};
    struct file_info info;
    (void)state;
    json_decref(must_register("sly", NULL));
    char path[FILE_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s", kit_path(directory, "lake/plain.csv"));
    MUST(file_stat(path, &info, &err));
    kit_write(kit_path(directory, "lake"), "plain.csv", "id,word\n1,uno\n2,two\n");
    struct timespec times[2] = {{info.modified_us / 1000000, (info.modified_us % 1000000) * 1000},
                                {info.modified_us / 1000000, (info.modified_us % 1000000) * 1000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    struct api_query_options query = {.dataset = "sly", .sql = "SELECT * FROM plain"};
    struct api_rows *rows = NULL;
    assert_int_equal(api_query(api, &query, &rows, &err), ERR_INTEGRITY);
    assert_non_null(strstr(err.message, "another content"));
    assert_non_null(strstr(err.hint, "marrow register --name sly"));
    kit_write(kit_path(directory, "lake"), "plain.csv", "id,word\n1,one\n2,two\n");
}

/* What was built of the old rows is no answer to a new question about the files. */
static void a_kept_run_of_changed_files_is_not_given_again(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(api_plan_free) struct api_plan *plan = labs_plan("{}", "kind");
    JSON_AUTO first = NULL;
    JSON_AUTO second = NULL;
    json_decref(must_register("kept", NULL));
    struct api_plan_options save = {.dataset = "kept", .name = "recent"};
    MUST(api_plan_save(api, plan, &save, &first, &err));
    char sql[FILE_PATH_BYTES + 200];
    (void)snprintf(
        sql, sizeof sql,
        "COPY (SELECT CAST(range AS INTEGER) AS id, range %% 5 AS kind, range / 4.0 AS value, "
        "'v' || range AS note, range AS big FROM range(15000, 20000)) TO '%s'",
        kit_path(directory, "lake/labs/year=2023/part.parquet"));
    execute(sql);
    assert_int_equal(api_plan_save(api, plan, &save, &second, &err), ERR_INTEGRITY);
    assert_non_null(strstr(err.message, "changed after it was registered"));
    JSON_AUTO again = must_register("kept", NULL);
    assert_false(json_flag(again, "reused", true));
    MUST(api_plan_save(api, plan, &save, &second, &err));
    assert_string_not_equal(json_text(first, "version", ""), json_text(second, "version", ""));
}

static void a_folder_of_packed_files_is_told_to_be_imported(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *answer = NULL;
    const char *paths[] = {kit_path(directory, "packed")};
    struct api_import_options options = {
        .paths = paths, .path_count = 1, .name = "packed", .header = -1};
    MUST(file_make_directory(paths[0], &err));
    kit_write(paths[0], "README.txt", "about it\n");
    struct str zip = {"PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0", 16};
    char path[FILE_PATH_BYTES];
    MUST(file_path_join(paths[0], "z.zip", path, &err));
    MUST(file_write_new(path, zip, &err));
    assert_int_equal(api_register(api, &options, &answer, &err), ERR_INPUT);
    assert_non_null(strstr(err.detail, "z.zip (not read where it stands: packed)"));
    assert_non_null(strstr(err.hint, "'marrow import' takes the rest"));
    paths[0] = path;
    assert_int_equal(api_register(api, &options, &answer, &err), ERR_INPUT);
    assert_non_null(strstr(err.message, "not read where it stands: packed"));
    assert_non_null(strstr(err.hint, "'marrow import' takes the rest"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_of_packed_files_is_told_to_be_imported),
        cmocka_unit_test(a_filter_on_a_key_opens_only_its_files),
        cmocka_unit_test(a_plan_a_table_a_dataset_may_turn_pruning_off),
        cmocka_unit_test(row_groups_are_skipped_by_their_statistics_unless_told_not_to),
        cmocka_unit_test(a_setting_is_the_plans_then_the_tables_then_the_datasets_then_the_default),
        cmocka_unit_test(what_the_files_are_is_said_by_them_alone),
        cmocka_unit_test(a_declared_order_saves_a_sort_by_its_beginning),
        cmocka_unit_test(options_of_a_scan_are_no_part_of_the_signature_and_are_checked),
        cmocka_unit_test(a_file_that_changes_while_it_is_read_voids_the_answer),
        cmocka_unit_test(a_time_that_is_set_back_hides_no_change),
        cmocka_unit_test(a_kept_run_of_changed_files_is_not_given_again),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
