/* The specification's own suite (sql-on-fhir), run natively: every case of ../shared/conformance/sql-on-fhir, all its resources, rows
 * compared as bags; and in the same form our cases of corners where the suite does not look (tests/golden/fhir/corners). The report is
 * written in the specification's form (test_report.json) to the folder of $MARROW_REPORTS, or the one it runs in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fhir/fhir.h"
#include "json/bulk.h"

struct answer { /* of one case */
    json_t *rows;
    const struct fhir_view *view;
    struct err err;
};

/* ---- running a view ---------------------------------------------------------------------------- */

/* A cell as the suite writes it: a decimal in FHIR's lexical form is a number. */
static json_t *cell_json(const struct fhir_view_column *column, const struct data_vector *vector, int64_t row)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    json_t *value = NULL;
    if (!data_vector_is_valid(vector, row))
        return json_null();
    bool raw = vector->type.kind == DATA_JSON || strcmp(column->fhir_type, "decimal") == 0;
    if (raw && vector->type.kind == DATA_TEXT)
        buf_add_str(&text, vector->text[row]);
    else if (raw && vector->type.kind == DATA_JSON)
        data_value_text(vector, row, &text);
    else
        data_value_json(vector, row, &text);
    value = json_loadb(buf_text(&text), text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (value == NULL)
        fail_msg("column %s: its cell is no JSON: %s", column->name, buf_text(&text));
    return value;
}

static enum err_code take_batch(void *user, size_t view, const struct data_batch *batch, struct err *err)
{
    struct answer *answer = user;
    (void)view;
    (void)err;
    for (int64_t row = 0; row < batch->rows; row++) {
        json_t *object = json_object();
        for (size_t idx = 0; idx < batch->columns; idx++) {
            const struct fhir_view_column *column = fhir_view_column(answer->view, idx);
            json_object_set_new(object, column->name, cell_json(column, &batch->vectors[idx], row));
        }
        json_array_append_new(answer->rows, object);
    }
    return ERR_OK;
}

static enum err_code run_view(const json_t *definition, const struct str *resources, size_t count, struct answer *answer)
{
    AUTO(fhir_view_free) struct fhir_view *view = NULL;
    AUTO(fhir_program_free) struct fhir_program *program = NULL;
    AUTO(fhir_worker_free) struct fhir_worker *worker = NULL;
    struct fhir_program_options options = {.on_error = FHIR_FAIL};
    struct fhir_sink sink = {.batch = take_batch, .user = answer};
    struct err *err = &answer->err;
    TRY(fhir_view_read(definition, "view", &view, err));
    answer->view = view;
    TRY(fhir_program_new((const struct fhir_view *const *)&view, 1, &options, &program, err));
    TRY(fhir_worker_new(program, &sink, &worker, err));
    TRY(fhir_worker_run(worker, resources, count, false, err));
    return fhir_worker_finish(worker, NULL, err);
}

/* ---- comparing --------------------------------------------------------------------------------- */

static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_array(a)) {
        bool all = json_array_size(a) == json_array_size(b);
        for (size_t idx = 0; all && idx < json_array_size(a); idx++)
            all = same(json_array_get(a, idx), json_array_get(b, idx));
        return all;
    }
    if (json_is_object(a)) {
        const char *key;
        const json_t *value;
        bool all = json_object_size(a) == json_object_size(b);
        void *iter = json_object_iter((json_t *)(uintptr_t)a);
        for (; all && iter != NULL; iter = json_object_iter_next((json_t *)(uintptr_t)a, iter)) {
            key = json_object_iter_key(iter);
            value = json_object_get(b, key);
            all = value != NULL && same(json_object_iter_value(iter), value);
        }
        return all;
    }
    return json_equal(a, b);
}

/* A row with the view's columns; what is missing is null. */
static bool same_row(const json_t *expected, const json_t *found)
{
    void *iter = json_object_iter((json_t *)(uintptr_t)found);
    size_t known = 0;
    for (; iter != NULL; iter = json_object_iter_next((json_t *)(uintptr_t)found, iter)) {
        const json_t *value = json_object_get(expected, json_object_iter_key(iter));
        known += value != NULL;
        if (!same(value != NULL ? value : json_null(), json_object_iter_value(iter)))
            return false;
    }
    return known == json_object_size(expected);
}

static bool same_rows(const json_t *expected, const json_t *found)
{
    size_t count = json_array_size(expected);
    bool *taken = calloc(count + 1, sizeof *taken);
    bool all = json_array_size(found) == count;
    for (size_t idx = 0; all && idx < count; idx++) {
        size_t other = 0;
        while (other < count && (taken[other] || !same_row(json_array_get(expected, idx), json_array_get(found, other))))
            other++;
        all = other < count;
        if (all)
            taken[other] = true;
    }
    free(taken);
    return all;
}

static bool same_columns(const json_t *expected, const struct fhir_view *view)
{
    for (size_t idx = 0; idx < json_array_size(expected); idx++)
        if (idx >= fhir_view_column_count(view) || strcmp(json_string_value(json_array_get(expected, idx)), fhir_view_column(view, idx)->name) != 0)
            return false;
    return json_array_size(expected) == fhir_view_column_count(view);
}

/* ---- cases ------------------------------------------------------------------------------------- */

static void explain(const char *file, const json_t *test, const struct answer *answer, enum err_code code)
{
    char *rows = json_dumps(answer->rows, JSON_COMPACT), *expected = json_dumps(json_object_get(test, "expect"), JSON_COMPACT | JSON_ENCODE_ANY);
    print_error("%s: %s\n  expected %s\n  found    %s%s\n", file, json_string_value(json_object_get(test, "title")), expected != NULL ? expected : "an error",
                code == ERR_OK ? rows : "error: ", code == ERR_OK ? "" : answer->err.message);
    free(rows);
    free(expected);
}

/* expectColumns, without rows, is about the schema alone. */
static bool columns_hold(const json_t *test)
{
    AUTO(fhir_view_free) struct fhir_view *view = NULL;
    const json_t *columns = json_object_get(test, "expectColumns");
    return columns == NULL || (fhir_view_read(json_object_get(test, "view"), "view", &view, ERR_IGNORED) == ERR_OK && same_columns(columns, view));
}

static bool run_case(const char *file, const json_t *test, const struct str *resources, size_t count)
{
    struct answer answer = {.rows = json_array()};
    const json_t *expected = json_object_get(test, "expect"), *expected_count = json_object_get(test, "expectCount"), *expected_words = json_object_get(test, "expectMessage");
    enum err_code code = run_view(json_object_get(test, "view"), resources, count, &answer);
    bool passed = code == ERR_OK;
    if (json_is_true(json_object_get(test, "expectError")))
        passed = code != ERR_OK && answer.err.message[0] != '\0' &&
                 (expected_words == NULL || strstr(answer.err.message, json_string_value(expected_words)) != NULL);
    else if (expected != NULL)
        passed = passed && same_rows(expected, answer.rows);
    else if (expected_count != NULL)
        passed = passed && (json_int_t)json_array_size(answer.rows) == json_integer_value(expected_count);
    passed = passed && columns_hold(test);
    if (!passed)
        explain(file, test, &answer, code);
    json_decref(answer.rows);
    return passed;
}

/* Texts of the suite's resources, as they stand there. */
static size_t resources_of(struct json_bulk *bulk, struct arena *arena, struct str text, struct str **ret)
{
    struct json_fields members[] = {{.name = {"resources", 9}, .whole = true}}, root = {.children = members, .child_count = 1};
    const struct json_node *node;
    struct err err;
    size_t count = 0;
    assert_int_equal(json_bulk_read(bulk, text, false, &root, arena, &node, &err), ERR_OK);
    assert_non_null(node->first);
    for (const struct json_node *resource = node->first->first; resource != NULL; resource = resource->next)
        count++;
    *ret = arena_array(arena, count + 1, sizeof **ret);
    count = 0;
    for (const struct json_node *resource = node->first->first; resource != NULL; resource = resource->next)
        (*ret)[count++] = (struct str){arena_strndup(arena, resource->text.ptr, resource->text.len), resource->text.len};
    return count;
}

static void run_file(const char *folder, const char *name, json_t *report, size_t *ret_passed, size_t *ret_cases)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf text = BUF_INIT;
    AUTO(json_bulk_free) struct json_bulk *bulk = NULL;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct err err;
    JSON_AUTO suite = NULL;
    struct str *resources;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(file_read(path, 0, &text, &err), ERR_OK);
    if (json_parse(buf_view(&text), name, &suite, &err) != ERR_OK)
        fail_msg("%s: %s", name, err.message);
    assert_int_equal(json_bulk_new(&bulk, &err), ERR_OK);
    size_t count = resources_of(bulk, arena, buf_view(&text), &resources);
    json_t *results = json_array();
    const json_t *tests = json_object_get(suite, "tests");
    for (size_t idx = 0; idx < json_array_size(tests); idx++) {
        const json_t *test = json_array_get(tests, idx);
        bool passed = run_case(name, test, resources, count);
        *ret_passed += passed;
        ++*ret_cases;
        json_array_append_new(results, json_pack("{s:O,s:{s:b}}", "name", json_object_get(test, "title"), "result", "passed", passed));
    }
    json_object_set_new(report, name, json_pack("{s:o}", "tests", results));
}

static void run_folder(const char *folder, const char *report_name, size_t least)
{
    size_t passed = 0, cases = 0;
    struct file_list list = {0};
    struct err err;
    JSON_AUTO report = json_object();
    assert_int_equal(file_list_directory(folder, &list, &err), ERR_OK);
    for (size_t idx = 0; idx < list.count; idx++) {
        const char *name = list.entries[idx].name;
        size_t length = strlen(name);
        if (length > 5 && strcmp(name + length - 5, ".json") == 0 && strstr(name, "schema") == NULL)
            run_file(folder, name, report, &passed, &cases);
    }
    file_list_done(&list);
    const char *reports = getenv("MARROW_REPORTS");
    char path[FILE_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", reports != NULL ? reports : ".", report_name);
    json_dump_file(report, path, JSON_INDENT(1) | JSON_SORT_KEYS);
    print_message("%s: %zu of %zu cases pass, natively\n", report_name, passed, cases);
    assert_int_equal(passed, cases);
    assert_true(cases >= least);
}

static void the_specifications_suite_passes(void **state)
{
    (void)state;
    char folder[FILE_PATH_BYTES];
    const char *shared = getenv("MARROW_SHARED");
    snprintf(folder, sizeof folder, "%s/conformance/sql-on-fhir", shared != NULL ? shared : "../shared");
    if (!file_exists(folder)) {
        print_message("SKIPPED: the SQL on FHIR suite is not here (%s)\n", folder);
        skip();
    }
    run_folder(folder, "sql_on_fhir_native.json", 148);
}

static void the_corners_where_the_suite_does_not_look_pass(void **state)
{
    (void)state;
    run_folder(TEST_SOURCE_DIRECTORY "/golden/fhir/corners", "sql_on_fhir_corners_native.json", 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_specifications_suite_passes),
        cmocka_unit_test(the_corners_where_the_suite_does_not_look_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
