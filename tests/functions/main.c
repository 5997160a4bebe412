/* Every function with edge values: a case is a line of JSON in golden/functions/cases.txt,
 *
 *     ["mod", ["bigint", "-7"], ["bigint", "2"], "-1"]
 *
 * the function (or cast:TYPE, try_cast:TYPE), its arguments (type, then a value for each row: one,
 * or several where it is an aggregate; or a call of literals: ["call", "add", ["it", "bigint"],
 * ["bigint", "1"]], in which "it" is the element of a list function), and what plan/functions.def's
 * comment says it gives. It runs twice: over columns of a VALUES node, and over literals. Engines:
 * the embedded one, and those of MARROW_TRINO_URL and MARROW_ENGINE_URLS. What a dialect declares
 * missing is counted, never passed in silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "dialect/dialect.h"
#include "engine/engine.h"

#define CASES_MOST 1000
#define ARGS_MOST 8
#define BATCH 12

static json_t *cases[CASES_MOST];
static size_t case_count;
static struct counts {
    int right, wrong, missing;
    bool seen[PLAN_FUNCTIONS_END];
} counts;

static const char *text_at(const json_t *array, size_t idx)
{
    return json_string_value(json_array_get(array, idx));
}

static void read_cases(void)
{
    struct buf text = BUF_INIT;
    struct err err = {0};
    assert_int_equal(
        file_read(TEST_SOURCE_DIRECTORY "/golden/functions/cases.txt", 1 << 20, &text, &err),
        ERR_OK);
    int number = 0;
    for (char *at = text.ptr, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        struct str line = str_trim((struct str){at, (size_t)(end - at)});
        number++;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        assert_true(case_count < CASES_MOST);
        if (json_parse(line, "cases.txt", &cases[case_count++], &err) != ERR_OK)
            fail_msg("cases.txt line %d: %s", number, err.message);
    }
    buf_done(&text);
}

/* ---- plans -------------------------------------------------------------------------------------
 */

struct making {
    struct plan *plan;
    struct plan_column columns[BATCH * ARGS_MOST]; /* of the VALUES node */
    const struct plan_expr *cells[BATCH * ARGS_MOST * 16];
    size_t column_count, rows;
    bool literals;
};

static bool is_computed(const json_t *arg)
{
    return strcmp(text_at(arg, 0), "call") == 0 || strcmp(text_at(arg, 0), "it") == 0;
}

static struct data_type type_of(struct making *making, const char *text)
{
    struct data_type type = DATA_TYPE(NULL);
    struct err err = {0};
    if (data_type_parse_nested(plan_arena(making->plan), str_of(text), &type, &err) != ERR_OK)
        fail_msg("%s", err.message);
    return type;
}

/* A literal; a list's is list(…) of its elements. */
static const struct plan_expr *value_of(struct making *making, struct data_type type,
                                        const char *text)
{
    const struct plan_expr *items[32];
    struct err err = {0};
    json_t *list = NULL;
    if (type.kind != DATA_LIST)
        return plan_literal(making->plan, type, text);
    if (text == NULL)
        text = "[]"; /* there is no literal of it: unused */
    assert_int_equal(json_parse(str_of(text), "list", &list, &err), ERR_OK);
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count && i < 32; i++)
        items[i] = plan_literal(making->plan, type.fields[0].type,
                                json_string_value(json_array_get(list, i)));
    const struct plan_expr *made = plan_call(making->plan, "list", count, items);
    json_decref(list);
    return made;
}

static const struct plan_expr *argument_of(struct making *making, const json_t *arg)
{
    const struct plan_expr *args[ARGS_MOST] = {NULL};
    const char *what = text_at(arg, 0);
    if (strcmp(what, "it") == 0)
        return plan_element(making->plan, 0, type_of(making, text_at(arg, 1)));
    if (strcmp(what, "call") != 0)
        return value_of(making, type_of(making, what), text_at(arg, 1));
    size_t count = json_array_size(arg) - 2;
    for (size_t i = 0; i < count && i < ARGS_MOST; i++)
        args[i] = argument_of(making, json_array_get(arg, i + 2));
    return plan_call(making->plan, text_at(arg, 1), count, args);
}

/* Arguments that engines want as constants, and computed ones. */
static bool stays_literal(const json_t *test, size_t argument)
{
    if (is_computed(json_array_get(test, argument)))
        return true;
    const char *of = text_at(json_array_get(test, argument), 0);
    const char *name = text_at(test, 0);
    bool constant =
        argument == 2 && (strcmp(name, "quantile") == 0 || strcmp(name, "text_agg") == 0 ||
                          strcmp(name, "list_join") == 0);
    return constant || strcmp(name, "ntile") == 0 || strncmp(of, "list(", 5) == 0 ||
           strcmp(of, "interval") == 0;
}

static void add_columns(struct making *making, const json_t *test)
{
    for (size_t i = 1; i + 1 < json_array_size(test); i++) {
        const json_t *arg = json_array_get(test, i);
        if (stays_literal(test, i))
            continue;
        struct data_type type = type_of(making, text_at(arg, 0));
        making->columns[making->column_count].name =
            arena_printf(plan_arena(making->plan), "a%zu", making->column_count + 1);
        making->columns[making->column_count++].type = type;
    }
}

static const struct plan_rel *make_values(struct making *making, json_t *const *tests, size_t count)
{
    making->rows = json_array_size(json_array_get(tests[0], 1)) - 1;
    if (json_array_size(tests[0]) == 2)
        making->rows = 3;
    for (size_t t = 0; t < count; t++)
        add_columns(making, tests[t]);
    size_t at = 0;
    for (size_t row = 0; row < making->rows; row++)
        for (size_t t = 0; t < count; t++)
            for (size_t i = 1; i + 1 < json_array_size(tests[t]); i++) {
                const json_t *arg = json_array_get(tests[t], i);
                size_t last = json_array_size(arg) - 1;
                if (!stays_literal(tests[t], i))
                    making->cells[at++] =
                        plan_literal(making->plan, type_of(making, text_at(arg, 0)),
                                     text_at(arg, row + 1 < last ? row + 1 : last));
            }
    if (making->column_count == 0) {
        making->columns[0] = (struct plan_column){"a1", DATA_TYPE(BIGINT)};
        making->column_count = 1;
        for (size_t row = 0; row < making->rows; row++)
            making->cells[row] = plan_literal_int(making->plan, (int64_t)row);
    }
    return plan_values(making->plan, making->columns, making->column_count, making->cells,
                       making->rows);
}

static const struct plan_expr *make_call(struct making *making, const struct plan_rel *values,
                                         const json_t *test, size_t *column)
{
    const struct plan_expr *args[ARGS_MOST] = {NULL};
    const char *name = text_at(test, 0), *colon = strchr(name, ':');
    size_t count = json_array_size(test) - 2;
    for (size_t i = 0; i < count; i++) {
        const json_t *arg = json_array_get(test, i + 1);
        bool stays = stays_literal(test, i + 1), constant = making->literals || stays;
        args[i] = constant ? argument_of(making, arg)
                           : plan_column(making->plan, values, making->columns[*column].name);
        *column += !stays;
    }
    if (colon != NULL)
        return plan_cast(making->plan, args[0], type_of(making, colon + 1), name[0] == 't');
    const struct plan_function *function = plan_function_find(name);
    if (function == NULL)
        fail_msg("no function %s", name);
    counts.seen[function->id] = true;
    if (function->kind == PLAN_WINDOWING) {
        const struct plan_order order = {plan_column(making->plan, values, making->columns[0].name),
                                         false, false};
        return plan_window_call(making->plan, name, count, args, NULL, 0, &order, 1, NULL);
    }
    return function->aggregate ? plan_aggregate_call(making->plan, name, count, args, false, NULL)
                               : plan_call(making->plan, name, count, args);
}

/* One row of the results of the cases, in the order given. A window function's are joined by
 * commas. */
static const struct plan_rel *make_plan(struct making *making, json_t *const *tests, size_t count)
{
    struct plan_named outputs[BATCH];
    const struct plan_rel *values = make_values(making, tests, count);
    const struct plan_function *function = plan_function_find(text_at(tests[0], 0));
    size_t column = 0;
    for (size_t t = 0; t < count; t++)
        outputs[t] = (struct plan_named){arena_printf(plan_arena(making->plan), "r%zu", t),
                                         make_call(making, values, tests[t], &column)};
    if (function == NULL || function->kind == PLAN_SCALAR)
        return plan_project(making->plan, values, outputs, count);
    if (function->kind != PLAN_WINDOWING)
        return plan_aggregate(making->plan, values, NULL, 0, outputs, count);
    const struct plan_rel *window = plan_window(making->plan, values, outputs, count);
    const struct plan_expr *made = plan_column(making->plan, window, "r0");
    const struct plan_expr *text[] = {
        plan_call(
            making->plan, "coalesce", 2,
            (const struct plan_expr *[]){plan_cast(making->plan, made, DATA_TYPE(TEXT), false),
                                         plan_literal_text(making->plan, "-")}),
        plan_literal_text(making->plan, ","),
        plan_column(making->plan, window, making->columns[0].name)};
    outputs[0].expr = plan_aggregate_call(making->plan, "text_agg", 3, text, false, NULL);
    return plan_aggregate(making->plan, window, NULL, 0, outputs, 1);
}

/* ---- runs --------------------------------------------------------------------------------------
 */

static bool same(const char *found, const char *expected)
{
    double a, b;
    if (found == NULL || expected == NULL)
        return found == expected;
    if (strcmp(found, expected) == 0)
        return true;
    if (strchr(found, '.') == NULL && strchr(found, 'e') == NULL)
        return false;
    if (!str_to_double(str_of(found), &a) || !str_to_double(str_of(expected), &b))
        return false;
    double difference = a > b ? a - b : b - a, size = a < 0 ? -a : a;
    return difference <= size * 1e-12;
}

static void judge(struct engine *engine, bool literals, const json_t *test, const char *found)
{
    const char *expected = text_at(test, json_array_size(test) - 1);
    if (same(found, expected)) {
        counts.right++;
        return;
    }
    char *line = json_dumps(test, JSON_COMPACT);
    counts.wrong++;
    print_error("%s, %s: %s\n    gives %s\n", engine_name(engine),
                literals ? "literals" : "columns", line, found != NULL ? found : "NULL");
    free(line);
}

static enum err_code run(struct engine *engine, const struct plan_rel *root, json_t *const *tests,
                         size_t count, bool literals, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    TRY(dialect_sql(dialect_find(engine_dialect(engine)), root, NULL, &sql, NULL, NULL, err));
    if (getenv("MARROW_SHOW_SQL") != NULL)
        printf("%s\n", buf_text(&sql));
    TRY(engine_query(engine, buf_text(&sql), NULL, 0, &result, err));
    TRY(engine_result_next(result, &batch, err));
    if (batch == NULL || batch->rows == 0 || batch->columns != count)
        return err_set(err, ERR_ENGINE, "no row");
    for (size_t t = 0; t < count; t++) {
        struct buf text = BUF_INIT;
        bool there = data_value_text(&batch->vectors[t], 0, &text);
        judge(engine, literals, tests[t], there ? buf_text(&text) : NULL);
        buf_done(&text);
    }
    return ERR_OK;
}

/* The batch at once; where that fails, case by case. */
static void run_batch(struct engine *engine, json_t *const *tests, size_t count, bool literals)
{
    struct err err = {0};
    const struct making nothing = {.literals = literals};
    static struct making making;
    making = nothing;
    AUTO(plan_free) struct plan *plan = plan_new();
    making.plan = plan;
    const struct plan_rel *root = make_plan(&making, tests, count);
    enum err_code code = plan_finish(plan, root, &err);
    if (code == ERR_OK)
        code = run(engine, root, tests, count, literals, &err);
    for (size_t t = 0; code != ERR_OK && count > 1 && t < count; t++)
        run_batch(engine, tests + t, 1, literals);
    if (code == ERR_OK || count > 1)
        return;
    const char *expected = text_at(tests[0], json_array_size(tests[0]) - 1);
    if (code == ERR_UNSUPPORTED)
        counts.missing++;
    else if (expected != NULL && strcmp(expected, "error") == 0)
        counts.right++;
    else
        judge(engine, literals, tests[0], err.detail[0] != '\0' ? err.detail : err.message);
}

static bool one_row(const json_t *test)
{
    const struct plan_function *function = plan_function_find(text_at(test, 0));
    return function == NULL || function->kind == PLAN_SCALAR;
}

static void run_all(const char *url)
{
    struct err err = {0};
    AUTO(engine_close) struct engine *engine = NULL;
    const char *only = getenv("MARROW_ONLY");
    if (engine_open(&(struct engine_options){.url = url}, &engine, &err) != ERR_OK)
        fail_msg("%s", err.message);
    counts = (struct counts){0};
    for (size_t at = 0, count; at < case_count; at += count) {
        count = 1;
        while (at + count < case_count && count < BATCH && one_row(cases[at]) &&
               one_row(cases[at + count]))
            count++;
        if (only != NULL && strstr(only, text_at(cases[at], 0)) == NULL)
            continue;
        run_batch(engine, cases + at, count, false);
        if (one_row(cases[at]))
            run_batch(engine, cases + at, count, true);
    }
    for (size_t i = 0; only == NULL && i < PLAN_FUNCTIONS_END; i++)
        if (!counts.seen[i])
            fail_msg("no case of %s", plan_function_at(i)->name);
    print_message("%s: %d right, %d wrong, %d declared missing\n", engine_name(engine),
                  counts.right, counts.wrong, counts.missing);
    assert_int_equal(counts.wrong, 0);
}

static void every_function_means_the_same_embedded(void **state)
{
    (void)state;
    run_all(NULL);
}
static void every_function_means_the_same_on_trino(void **state)
{
    const char *url = getenv("MARROW_TRINO_URL");
    (void)state;
    if (url == NULL || url[0] == '\0') {
        print_message("SKIPPED: no MARROW_TRINO_URL\n");
        skip();
    }
    run_all(url);
}
static void every_function_means_the_same_on_other_engines(void **state)
{
    const char *urls = getenv("MARROW_ENGINE_URLS");
    (void)state;
    if (urls == NULL) {
        print_message("SKIPPED: no MARROW_ENGINE_URLS\n");
        skip();
        return;
    }
    for (size_t length; *urls != '\0'; urls += length + (urls[length] == ' ')) {
        char url[512];
        length = strcspn(urls, " ");
        (void)snprintf(url, sizeof url, "%.*s", (int)length, urls);
        if (length > 0)
            run_all(url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_means_the_same_embedded),
        cmocka_unit_test(every_function_means_the_same_on_trino),
        cmocka_unit_test(every_function_means_the_same_on_other_engines),
    };
    read_cases();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < case_count; i++)
        json_decref(cases[i]);
    return failed;
}
