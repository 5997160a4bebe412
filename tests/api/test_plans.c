/* Plans through the api's door: checked against a version, run with bound parameters, kept as
 * tables, written as folders; and a corpus of hostile texts that must come back as themselves, as
 * values and as literals. */
#include "run/kit.h"

#include "api/api.h"

static char directory[FILE_PATH_BYTES];
static struct api *api;

static struct api_plan *read_plan(const char *json)
{
    struct err err = {0};
    struct api_plan *plan = NULL;
    MUST(api_plan_read(str_of(json), "test", &plan, &err));
    return plan;
}

/* people whose sex is in a list, from a date on, by id */
static const char people[] =
    "{\"format\":1,\"root\":3,\"nodes\":["
    "{\"id\":1,\"node\":\"scan\",\"table\":\"people\",\"columns\":[[\"id\",\"bigint\"],[\"sex\","
    "\"text\"],[\"born\",\"date\"],[\"cost\",\"decimal(20,3)\"]]},"
    "{\"id\":2,\"node\":\"filter\",\"input\":1,\"predicate\":{\"call\":\"and\",\"args\":["
    "{\"call\":\"list_contains\",\"args\":[{\"param\":\"sexes\",\"type\":\"list(text)\"},{"
    "\"column\":\"sex\"}]},"
    "{\"call\":\"ge\",\"args\":[{\"column\":\"born\"},{\"param\":\"since\",\"type\":\"date\"}]}]}},"
    "{\"id\":3,\"node\":\"sort\",\"input\":2,\"order\":[{\"by\":{\"column\":\"id\"}}]}]}";

static int setup(void **state)
{
    struct err err = {0};
    json_t *answer = NULL;
    (void)state;
    kit_directory("marrow-plans-test", directory);
    kit_write(directory, "people.csv",
              "id,sex,born,cost\n1,f,1950-02-03,10.50\n2,m,1960-01-01,3.25\n3,f,1985-12-31,7.00\n"
              "4,x,1999-09-09,1.75\n");
    struct api_options options = {
        .store = kit_path(directory, "store"), .create = true, .threads = 2};
    MUST(api_open(&options, &api, &err));
    const char *paths[] = {kit_path(directory, "people.csv")};
    struct api_import_options import = {
        .paths = paths, .path_count = 1, .name = "study", .header = -1};
    MUST(api_import(api, &import, &answer, &err));
    json_decref(answer);
    return 0;
}

static int teardown(void **state)
{
    struct err err = {0};
    (void)state;
    api_close(api);
    MUST(file_remove_tree(directory, &err));
    return 0;
}

static json_t *params_of(const char *json)
{
    struct err err = {0};
    json_t *ret = NULL;
    MUST(json_parse(str_of(json), "params", &ret, &err));
    return ret;
}

/* All rows as text: "1|f;3|f;" of two columns. */
static enum err_code rows_of(const struct api_plan *plan, const json_t *params, struct buf *ret,
                             struct err *err)
{
    struct api_plan_options options = {.dataset = "study", .params = params};
    AUTO(api_rows_close) struct api_rows *rows = NULL;
    const struct data_batch *batch = NULL;
    TRY(api_plan_run(api, plan, &options, &rows, err));
    for (;;) {
        TRY(api_rows_next(rows, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t r = 0; r < batch->rows; r++) {
            for (size_t c = 0; c < batch->columns; c++) {
                buf_puts(ret, c > 0 ? "|" : "");
                (void)data_value_text(&batch->vectors[c], r, ret);
            }
            buf_puts(ret, ";");
        }
    }
}

static void a_plan_runs_with_bound_parameters_and_says_what_it_is(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(api_plan_free) struct api_plan *plan = read_plan(people);
    JSON_AUTO params = params_of("{\"sexes\":\"[\\\"f\\\"]\",\"since\":\"1960-01-01\"}");
    AUTO(buf_done) struct buf rows = BUF_INIT;
    MUST(rows_of(plan, params, &rows, &err));
    assert_string_equal(buf_text(&rows), "3|f|1985-12-31|7.000;"); /* the plan's scale */
    JSON_AUTO both = params_of("{\"sexes\":[\"f\",\"m\"],\"since\":\"1900-01-01\"}");
    buf_clear(&rows);
    MUST(rows_of(plan, both, &rows, &err));
    assert_string_equal(buf_text(&rows),
                        "1|f|1950-02-03|10.500;2|m|1960-01-01|3.250;3|f|1985-12-31|7.000;");
}

static void parameters_that_do_not_fit_name_themselves_and_their_type(void **state)
{
    static const struct {
        const char *params, *message;
    } cases[] = {
        {"{\"sexes\":[\"f\"]}", "parameter \"since\" has no value: expected date"},
        {"{\"sexes\":[\"f\"],\"since\":\"yesterday\"}",
         "parameter \"since\": expected date, found aaaaaaaaa"},
        {"{\"sexes\":\"f\",\"since\":\"2000-01-01\"}",
         "parameter \"sexes\": expected list(text), found no list"},
        {"{\"sexes\":[],\"since\":\"2000-01-01\"}",
         "parameter \"sexes\": expected list(text), found an empty list"},
        {"{\"sexes\":[[1]],\"since\":\"2000-01-01\"}",
         "parameter \"sexes\": expected text, found a list"},
        {"{\"sexes\":[\"f\"],\"since\":\"2000-01-01\",\"sinec\":1}",
         "the plan has no parameter \"sinec\""},
    };
    (void)state;
    AUTO(api_plan_free) struct api_plan *plan = read_plan(people);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        AUTO(buf_done) struct buf rows = BUF_INIT;
        JSON_AUTO params = params_of(cases[i].params);
        REFUSED(ERR_INPUT, rows_of(plan, params, &rows, &err));
        assert_string_equal(err.message, cases[i].message);
    }
}

static void a_check_tells_every_problem_with_the_nearest_name(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(api_plan_free)
    struct api_plan *plan = read_plan(
        "{\"format\":1,\"root\":3,\"nodes\":[{\"id\":1,\"node\":\"scan\",\"table\":\"people\","
        "\"columns\":[[\"id\",\"text\"],[\"brn\",\"date\"]]},{\"id\":2,\"node\":\"scan\",\"table\":"
        "\"peple\",\"columns\":[[\"id2\",\"text\"]]},{\"id\":3,\"node\":\"join\",\"inputs\":[1,2],"
        "\"join\":\"inner\",\"left_keys\":[{\"column\":\"id\"}],\"right_keys\":[{\"column\":"
        "\"id2\",\"side\":\"right\"}]}]}");
    JSON_AUTO answer = NULL;
    MUST(api_plan_check(api, plan, "study", NULL, &answer, &err));
    const json_t *problems = json_object_get(answer, "problems");
    assert_false(json_flag(answer, "ok", true));
    assert_int_equal(json_array_size(problems), 3);
    assert_string_equal(json_text(json_array_get(problems, 0), "words", ""),
                        "scan \"people\": column \"id\" is bigint, text expected");
    assert_string_equal(json_text(json_array_get(problems, 1), "nearest", ""), "born");
    assert_string_equal(json_text(json_array_get(problems, 2), "nearest", ""), "people");
    AUTO(buf_done) struct buf rows = BUF_INIT;
    REFUSED(ERR_INPUT, rows_of(plan, NULL, &rows, &err));
    assert_non_null(strstr(err.hint, "2 more"));
}

static void a_saved_plan_is_a_table_and_is_found_again(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(api_plan_free) struct api_plan *plan = read_plan(people);
    JSON_AUTO params = params_of("{\"sexes\":[\"f\",\"m\"],\"since\":\"1900-01-01\"}");
    JSON_AUTO other = params_of("{\"sexes\":[\"f\"],\"since\":\"1900-01-01\"}");
    struct api_plan_options options = {.dataset = "study", .params = params, .name = "cohort"};
    JSON_AUTO first = NULL;
    JSON_AUTO second = NULL;
    JSON_AUTO third = NULL;
    MUST(api_plan_save(api, plan, &options, &first, &err));
    MUST(api_plan_save(api, plan, &options, &second, &err));
    assert_false(json_flag(first, "reused", true));
    assert_true(json_flag(second, "reused", false));
    assert_string_equal(json_text(first, "run_id", "a"), json_text(second, "run_id", "b"));
    assert_int_equal(json_int(first, "row_count", 0), 3);
    AUTO(api_plan_free)
    struct api_plan *over = read_plan(
        "{\"format\":1,\"root\":2,\"nodes\":[{\"id\":1,\"node\":\"scan\",\"table\":\"cohort\","
        "\"columns\":[[\"id\",\"bigint\"]]},{\"id\":2,\"node\":\"sort\",\"input\":1,\"order\":[{"
        "\"by\":{\"column\":\"id\"}}]}]}");
    AUTO(buf_done) struct buf rows = BUF_INIT;
    MUST(rows_of(over, NULL, &rows, &err));
    assert_string_equal(buf_text(&rows), "1;2;3;");
    options.params = other; /* other values, another run */
    MUST(api_plan_save(api, plan, &options, &third, &err));
    assert_string_not_equal(json_text(first, "run_id", ""), json_text(third, "run_id", ""));
    options.name = "people";
    JSON_AUTO clash = NULL;
    REFUSED(ERR_USAGE, api_plan_save(api, plan, &options, &clash, &err));
}

static void a_partitioned_result_has_a_sidecar_and_foreign_folders_stay(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(api_plan_free) struct api_plan *plan = read_plan(people);
    JSON_AUTO params = params_of("{\"sexes\":[\"f\",\"m\"],\"since\":\"1900-01-01\"}");
    const char *by[] = {"sex"};
    struct api_plan_options options = {.dataset = "study",
                                       .params = params,
                                       .partition_by = by,
                                       .partition_count = 1,
                                       .overwrite = true};
    char folder[FILE_PATH_BYTES], sidecar[FILE_PATH_BYTES];
    JSON_AUTO answer = NULL;
    JSON_AUTO read = NULL;
    JSON_AUTO refused = NULL;
    (void)snprintf(folder, sizeof folder, "%s", kit_path(directory, "parts"));
    MUST(api_plan_write(api, plan, &options, folder, &answer, &err));
    assert_int_equal(json_int(answer, "row_count", 0), 3);
    MUST(file_path_join(folder, "_marrow.json", sidecar, &err));
    MUST(json_read_file(sidecar, &read, &err));
    assert_int_equal(json_array_size(json_object_get(read, "files")), 2);
    assert_int_equal(json_array_size(json_object_get(read, "schema")), 4);
    assert_true(file_exists(kit_path(folder, "sex=f")));
    MUST(file_remove(sidecar, &err)); /* now it is somebody else's */
    REFUSED(ERR_INPUT, api_plan_write(api, plan, &options, folder, &refused, &err));
    assert_true(file_exists(kit_path(folder, "sex=f")));
}

static void history_replays_a_plan_and_holds_no_value(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(api_plan_free) struct api_plan *plan = read_plan(people);
    JSON_AUTO params = params_of("{\"sexes\":[\"m\"],\"since\":\"1959-12-31\"}");
    AUTO(buf_done) struct buf rows = BUF_INIT, text = BUF_INIT;
    JSON_AUTO history = NULL;
    JSON_AUTO replayed = NULL;
    MUST(rows_of(plan, params, &rows, &err));
    MUST(api_history(api, "study", 1, &history, &err));
    const json_t *entry = json_array_get(json_object_get(history, "entries"), 0);
    assert_string_equal(json_text(entry, "kind", ""), "plan");
    MUST(json_compact(entry, &text, &err));
    assert_null(strstr(buf_text(&text), "1959"));
    MUST(api_history_replay(api, "study", json_int(entry, "seq", 0), &replayed, &err));
    assert_true(json_flag(replayed, "identical", false));
}

/* ---- injection ---------------------------------------------------------------------------------
 */

static const char *const hostile[] = {
    "'",
    "''",
    "';",
    "'; DROP TABLE people; --",
    "' OR '1'='1",
    "\" OR \"\"=\"",
    "$1",
    "$2",
    "?",
    ":name",
    "%s%n%x",
    "\\",
    "\\'",
    "\\\\'; SELECT 1; --",
    "--",
    "/* */",
    "/* unclosed",
    "*/ SELECT 1 /*",
    "$$",
    "$tag$x$tag$",
    "E'\\x27'",
    "U&'\\0027'",
    "x'27'",
    "CAST(1 AS TEXT)",
    "NULL",
    "null",
    "true",
    "0",
    "",
    " ",
    "\t\n\r",
    "\x01\x02\x1f\x7f",
    "a\xc2\xa0"
    "b",
    "\xe2\x80\x98quoted\xe2\x80\x99",
    "\xe2\x80\xae"
    "desrever",
    "\xef\xbc\x87" "full width",
    "\xf0\x9f\xa6\xb4",
    "\xc5\x81\xc3\xb3"
    "d\xc5\xba",
    "{\"param\":\"x\",\"type\":\"text\"}",
    "[\"a\"]",
    "a,b;c|d",
    "read_csv('/etc/passwd')",
    "'||(SELECT id FROM people)||'",
    "1); ATTACH '/tmp/x' AS y; --",
    "{{7*7}}",
    "0x27",
    "'\xe2\x80\xa8",
};
#define HOSTILE (sizeof hostile / sizeof *hostile)

/* A plan over values alone: one row, one text. */
static json_t *value_plan(json_t *cell_taken)
{
    json_t *plan =
        json_pack("{s:i,s:i,s:[{s:i,s:s,s:[[ss]],s:[[o]]}]}", "format", 1, "root", 1, "nodes", "id",
                  1, "node", "values", "columns", "x", "text", "rows", cell_taken);
    assert_non_null(plan);
    return plan;
}

static void comes_back(const json_t *plan_json, const json_t *params, const char *text)
{
    struct err err = {0};
    AUTO(buf_done) struct buf json = BUF_INIT, rows = BUF_INIT, expected = BUF_INIT;
    MUST(json_compact(plan_json, &json, &err));
    AUTO(api_plan_free) struct api_plan *plan = read_plan(buf_text(&json));
    MUST(rows_of(plan, params, &rows, &err));
    buf_printf(&expected, "%s;", text);
    assert_string_equal(buf_text(&rows), buf_text(&expected));
}

static void a_hostile_value_comes_back_as_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTILE; i++) {
        JSON_AUTO plan = value_plan(json_pack("{s:s,s:s}", "param", "x", "type", "text"));
        JSON_AUTO params = json_pack("{s:s}", "x", hostile[i]);
        comes_back(plan, params, hostile[i]);
    }
}

static void a_hostile_literal_comes_back_as_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTILE; i++) {
        JSON_AUTO plan = value_plan(json_pack("{s:s,s:s}", "literal", hostile[i], "type", "text"));
        comes_back(plan, NULL, hostile[i]);
    }
}

static void hostile_names_of_columns_and_parameters_are_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTILE; i++) {
        struct err err = {0};
        if (hostile[i][0] == '\0')
            continue; /* no name */
        JSON_AUTO params = json_object();
        json_object_set_new(params, hostile[i], json_string("kept"));
        JSON_AUTO plan = json_pack("{s:i,s:i,s:[{s:i,s:s,s:[[ss]],s:[[{s:s,s:s}]]}]}", "format", 1,
                                   "root", 1, "nodes", "id", 1, "node", "values", "columns",
                                   hostile[i], "text", "rows", "param", hostile[i], "type", "text");
        AUTO(buf_done) struct buf json = BUF_INIT, rows = BUF_INIT;
        struct api_plan *read = NULL;
        MUST(json_compact(plan, &json, &err));
        MUST(api_plan_read(buf_view(&json), "test", &read, &err));
        AUTO(api_plan_free) struct api_plan *owned = read;
        enum err_code code = rows_of(owned, params, &rows, &err);
        if (code != ERR_OK)
            fail_msg("%s: %s (%s)", hostile[i], err.message, err.detail);
        assert_string_equal(buf_text(&rows), "kept;");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_runs_with_bound_parameters_and_says_what_it_is),
        cmocka_unit_test(parameters_that_do_not_fit_name_themselves_and_their_type),
        cmocka_unit_test(a_check_tells_every_problem_with_the_nearest_name),
        cmocka_unit_test(a_saved_plan_is_a_table_and_is_found_again),
        cmocka_unit_test(a_partitioned_result_has_a_sidecar_and_foreign_folders_stay),
        cmocka_unit_test(history_replays_a_plan_and_holds_no_value),
        cmocka_unit_test(a_hostile_value_comes_back_as_itself),
        cmocka_unit_test(a_hostile_literal_comes_back_as_itself),
        cmocka_unit_test(hostile_names_of_columns_and_parameters_are_names),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
