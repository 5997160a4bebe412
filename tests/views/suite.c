/* The suite of SQL on FHIR (MARROW_SHARED/conformance/sql-on-fhir) and our corners of the same
 * form, each view lowered to a plan, to SQL, and run on every engine that is there: the rows, the
 * columns and the errors that the suite expects. What an engine cannot is named in KNOWN, with its
 * reason; any other failure fails. A report for each engine, in the specification's form
 * (test_report.json), is written to the folder of $MARROW_REPORTS, or the one it runs in. */
#include "conform.h"

#include <dirent.h>

#include "base/clock.h"
#include "base/file.h"
#include "dialect/dialect.h"
#include "fhir/fhir.h"
#include "plan/rewrite.h"

#define SUITES_MOST 64
#define ROWS_MOST 1000

#define NO_SQL "has no SQL (docs/FHIR.md)"

static const struct { /* of every engine */
    const char *suite, *title, *reason;
} KNOWN[] = {
    {"decimals", "boundaries of an integer and of a long decimal", "raises (docs/FHIR.md)"},
    {"decimals", "beyond 10^23 is an error", "the error is the engine's own"},
    {"elements", "an extension of an element of a list", NO_SQL},
    {"functions", "all, allTrue, anyTrue, count, tail, skip, take, last, distinct", NO_SQL},
    {"functions", "~ and in", NO_SQL},
    {"repeat", "41 levels", "raises below 8 levels (docs/FHIR.md)"},
    {"repeat", "241 levels", "raises below 8 levels (docs/FHIR.md)"},
    {"repeat", "%rowIndex counts in pre-order", "raises below 8 levels (docs/FHIR.md)"},
};

static json_t *suites[SUITES_MOST];
static struct buf texts[SUITES_MOST]; /* as they are written: numbers keep their digits */
static char names[SUITES_MOST][64];
static size_t suite_count, specified; /* the specification's come first */

struct lane {
    struct engine *engine;
    const char *dialect;
    const char *suite; /* tables are named after it */
    const json_t *resources;
    struct str text; /* the suite's */
    int64_t passed, failed, known;
};

/* ---- tables ------------------------------------------------------------------------------------
 */

static void put_literal(struct str text, struct buf *out)
{
    buf_putc(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            buf_putc(out, '\'');
        buf_putc(out, text.ptr[i]);
    }
    buf_putc(out, '\'');
}

/* The JSON value that begins at *text, which moves to its end. */
static struct str value_at(struct str *text)
{
    struct str value = {text->ptr, 0};
    size_t depth = 0;
    bool string = false;
    for (; value.len < text->len; value.len++) {
        char c = value.ptr[value.len];
        if (string && c == '\\')
            value.len++;
        else if (c == '"')
            string = !string;
        else if (!string && (c == '{' || c == '['))
            depth++;
        else if (!string && depth == 0 && (c == ',' || c == ']' || c == '}'))
            break;
        else if (!string && (c == '}' || c == ']'))
            depth--;
    }
    text->ptr += value.len;
    text->len -= value.len;
    return value;
}

/* The text of the suite's resource idx, to the byte. */
static struct str resource_text(struct str suite, size_t idx)
{
    struct str value = {NULL, 0};
    const char *found = strstr(suite.ptr, "\"resources\"");
    const char *list = found != NULL ? strchr(found, '[') : NULL;
    if (list == NULL)
        return value;
    struct str rest = {list + 1, suite.len - (size_t)(list + 1 - suite.ptr)};
    for (size_t i = 0; i <= idx && rest.len > 0; i++) {
        value = value_at(&rest);
        if (rest.len > 0) {
            rest.ptr++;
            rest.len--;
        }
    }
    return value;
}

/* The suite's resources of the type, written out as a table (id text, resource json). */
static void write_table(void *user, const char *resource, struct buf *out)
{
    const struct lane *lane = user;
    bool trino = strcmp(lane->dialect, "trino") == 0;
    size_t rows = 0;
    buf_printf(out, "(SELECT CAST(id AS %s) AS id, CAST(resource AS %s) AS resource FROM (VALUES ",
               trino ? "VARCHAR" : "TEXT", trino ? "VARCHAR" : "JSON");
    for (size_t i = 0; i < json_array_size(lane->resources); i++) {
        const json_t *item = json_array_get(lane->resources, i);
        if (strcmp(json_text(item, "resourceType", ""), resource) != 0)
            continue;
        buf_puts(out, rows++ > 0 ? ", (" : "(");
        put_literal(str_of(json_text(item, "id", "")), out);
        buf_puts(out, ", ");
        put_literal(resource_text(lane->text, i), out);
        buf_putc(out, ')');
    }
    if (rows == 0)
        buf_puts(out, "('', '{}')");
    buf_printf(out, ") AS given(id, resource)%s)", rows == 0 ? " WHERE id <> ''" : "");
}

/* ---- rows --------------------------------------------------------------------------------------
 */

/* One value so that equal ones have one text: numbers by their value, nulls as nothing. */
static void put_value(const json_t *value, struct buf *out)
{
    if (json_is_number(value)) {
        buf_printf(out, "%.12g", json_number_value(value));
        return;
    }
    if (!json_is_array(value)) {
        char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        buf_puts(out, text != NULL ? text : "null");
        free(text);
        return;
    }
    buf_putc(out, '[');
    for (size_t i = 0; i < json_array_size(value); i++) {
        buf_puts(out, i > 0 ? "," : "");
        put_value(json_array_get(value, i), out);
    }
    buf_putc(out, ']');
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct rows {
    char *text[ROWS_MOST];
    size_t count;
};
static void rows_done(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->text[i]);
    rows->count = 0;
}

static void add_row(struct rows *rows, struct buf *text)
{
    if (rows->count < ROWS_MOST)
        rows->text[rows->count++] = strdup(buf_text(text));
    buf_clear(text);
}

static void expected_rows(const struct fhir_view *view, const json_t *expect, struct rows *ret)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    for (size_t i = 0; i < json_array_size(expect); i++) {
        const json_t *row = json_array_get(expect, i);
        for (size_t c = 0; c < fhir_view_column_count(view); c++) {
            const json_t *value = json_object_get(row, fhir_view_column(view, c)->name);
            buf_puts(&text, c > 0 ? " | " : "");
            if (value != NULL && !json_is_null(value))
                put_value(value, &text);
        }
        add_row(ret, &text);
    }
}

static bool is_number_type(const char *type)
{
    return strstr(type, "decimal") != NULL || strstr(type, "nteger") != NULL ||
           strstr(type, "Int") != NULL;
}

static void found_cell(const struct fhir_view_column *column, const struct data_vector *vector,
                       int64_t row, struct buf *out)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct err err = {0};
    if (!data_value_text(vector, row, &text))
        return;
    json_t *value = NULL;
    bool as_json = vector->type.kind != DATA_TEXT || is_number_type(column->fhir_type) ||
                   column->collection || column->type.kind == DATA_JSON;
    if (as_json && json_parse(buf_view(&text), "cell", &value, &err) == ERR_OK)
        put_value(value, out);
    else {
        json_decref(value);
        value = json_string(buf_text(&text));
        put_value(value, out);
    }
    json_decref(value);
}

static enum err_code found_rows(struct lane *lane, const struct fhir_view *view, const char *sql,
                                struct rows *ret, struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    const struct data_batch *batch = NULL;
    TRY(engine_query(lane->engine, sql, NULL, 0, &result, err));
    for (;;) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++) {
            for (size_t c = 0; c < batch->columns; c++) {
                buf_puts(&text, c > 0 ? " | " : "");
                found_cell(fhir_view_column(view, c), &batch->vectors[c], row, &text);
            }
            add_row(ret, &text);
        }
    }
}

/* ---- cases -------------------------------------------------------------------------------------
 */

static enum err_code view_sql(const struct lane *lane, const struct fhir_view *view,
                              struct buf *ret, struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root, *quick;
    const struct dialect_options options = {write_table, (void *)(uintptr_t)lane};
    TRY(fhir_view_lower(view, plan, NULL, NULL, false, &root, err));
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    TRY(plan_optimise(over, root, &quick, err));
    return dialect_sql(dialect_find(lane->dialect), quick, &options, ret, NULL, NULL, err);
}

static const char *check_columns(const struct fhir_view *view, const json_t *columns)
{
    if (columns == NULL)
        return NULL;
    if (json_array_size(columns) != fhir_view_column_count(view))
        return "other columns";
    for (size_t i = 0; i < json_array_size(columns); i++)
        if (strcmp(json_string_value(json_array_get(columns, i)),
                   fhir_view_column(view, i)->name) != 0)
            return "columns in another order";
    return NULL;
}

static const char *compare(struct rows *found, struct rows *expected)
{
    static char text[1000];
    qsort(found->text, found->count, sizeof *found->text, by_text);
    qsort(expected->text, expected->count, sizeof *expected->text, by_text);
    for (size_t i = 0; i < found->count || i < expected->count; i++) {
        const char *f = i < found->count ? found->text[i] : "no row",
                   *e = i < expected->count ? expected->text[i] : "no row";
        if (strcmp(f, e) == 0)
            continue;
        snprintf(text, sizeof text, "row %zu: expected %s, found %s", i + 1, e, f);
        return text;
    }
    return NULL;
}

/* NULL: as expected; else what is wrong. */
static const char *run_case(struct lane *lane, const json_t *test)
{
    static char text[8000];
    struct err err = {0};
    AUTO(fhir_view_free) struct fhir_view *view = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    static struct rows found, expected;
    rows_done(&found);
    rows_done(&expected);
    bool fails = json_flag(test, "expectError", false);
    enum err_code code = fhir_view_read(json_object_get(test, "view"), "view", &view, &err);
    if (code == ERR_OK)
        code = view_sql(lane, view, &sql, &err);
    bool unsupported = code == ERR_UNSUPPORTED, runs = code == ERR_OK;
    if (code == ERR_OK && getenv("MARROW_SHOW_SQL") != NULL)
        printf("-- %s\n%s\n", json_text(test, "title", ""), buf_text(&sql));
    if (code == ERR_OK)
        code = found_rows(lane, view, buf_text(&sql), &found, &err);
    bool ours = strstr(err.message, "view ") != NULL || strstr(err.detail, "view ") != NULL;
    if (fails && code != ERR_OK && !unsupported && (!runs || ours))
        return NULL;
    if (fails)
        return unsupported ? "unsupported" : "no error";
    if (code != ERR_OK) {
        snprintf(text, sizeof text, "%s / %s / %s", err.message, err.detail, err.hint);
        return text;
    }
    expected_rows(view, json_object_get(test, "expect"), &expected);
    const char *wrong = check_columns(view, json_object_get(test, "expectColumns"));
    return wrong != NULL || json_object_get(test, "expect") == NULL ? wrong
                                                                    : compare(&found, &expected);
}

static const char *known_reason(const struct lane *lane, const char *title)
{
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        if (strcmp(KNOWN[i].suite, lane->suite) == 0 && strcmp(KNOWN[i].title, title) == 0)
            return KNOWN[i].reason;
    return NULL;
}

static json_t *run_suite(struct lane *lane, const json_t *suite)
{
    json_t *report = json_array();
    const json_t *tests = json_object_get(suite, "tests");
    const char *only = getenv("MARROW_ONLY");
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        const char *title = json_text(test, "title", "");
        if (only != NULL && strstr(title, only) == NULL && strstr(lane->suite, only) == NULL)
            continue;
        int64_t from = clock_monotonic_us();
        const char *wrong = run_case(lane, test), *reason = known_reason(lane, title);
        if (getenv("MARROW_TIMES") != NULL)
            printf("%s: %s: %s: %lld ms\n", lane->dialect, lane->suite, title,
                   (long long)((clock_monotonic_us() - from) / 1000));
        if (wrong != NULL)
            printf("%s: %s: %s: %s%s\n", lane->dialect, lane->suite, title, wrong,
                   reason != NULL ? " (known)" : "");
        lane->passed += wrong == NULL;
        lane->failed += wrong != NULL && reason == NULL;
        lane->known += wrong != NULL && reason != NULL;
        json_t *result = wrong == NULL ? json_pack("{s:b}", "passed", 1)
                                       : json_pack("{s:b, s:s}", "passed", 0, "reason",
                                                   reason != NULL ? reason : wrong);
        json_array_append_new(report, json_pack("{s:s, s:o}", "name", title, "result", result));
    }
    return json_pack("{s:o}", "tests", report);
}

static void write_report(const struct lane *lane, json_t *report)
{
    char path[512];
    const char *reports = getenv("MARROW_REPORTS");
    snprintf(path, sizeof path, "%s/sql_on_fhir_%s.json", reports != NULL ? reports : ".",
             lane->dialect);
    json_dump_file(report, path, JSON_INDENT(1));
}

static void the_suite_passes(void **state)
{
    struct target *at = *state;
    struct err err = {0};
    AUTO(engine_close) struct engine *engine = NULL;
    if (engine_open(&(struct engine_options){.url = at->url[0] != '\0' ? at->url : NULL}, &engine,
                    &err) != ERR_OK)
        fail_msg("%s", err.message);
    struct lane lane = {.engine = engine, .dialect = at->dialect};
    json_t *report = json_object();
    for (size_t i = 0; i < suite_count; i++) {
        char file[128];
        lane.suite = names[i];
        lane.resources = json_object_get(suites[i], "resources");
        lane.text = buf_view(&texts[i]);
        snprintf(file, sizeof file, "%.63s.json", names[i]);
        json_t *results = run_suite(&lane, suites[i]);
        if (i < specified)
            json_object_set_new(report, file, results);
        else
            json_decref(results);
    }
    write_report(&lane, report);
    json_decref(report);
    printf("%s: %lld passed, %lld failed, %lld known exceptions\n", at->dialect,
           (long long)lane.passed, (long long)lane.failed, (long long)lane.known);
    assert_int_equal(lane.failed, 0);
}

/* ---- what there is -----------------------------------------------------------------------------
 */

static void read_suites(const char *directory)
{
    char path[4096];
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        struct err err = {0};
        size_t length = strlen(entries[i]->d_name);
        snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        bool suite = length > 5 && strcmp(entries[i]->d_name + length - 5, ".json") == 0 &&
                     strcmp(entries[i]->d_name, "tests.schema.json") != 0;
        if (suite && suite_count < SUITES_MOST &&
            file_read(path, 64 << 20, &texts[suite_count], &err) == ERR_OK &&
            json_parse(buf_view(&texts[suite_count]), path, &suites[suite_count], &err) == ERR_OK) {
            snprintf(names[suite_count], sizeof names[0], "%.*s", (int)(length - 5),
                     entries[i]->d_name);
            suite_count++;
        }
        free(entries[i]);
    }
    free(entries);
}

int main(void)
{
    int failed = 0;
    const char *shared = getenv("MARROW_SHARED");
    char path[4096];
    snprintf(path, sizeof path, "%s/conformance/sql-on-fhir", shared != NULL ? shared : "");
    read_suites(path);
    specified = suite_count;
    read_suites(TEST_SOURCE_DIRECTORY "/golden/fhir/corners");
    struct target *targets = targets_find();
    for (target = targets; target->name != NULL; target++) {
        const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(the_suite_passes, target)};
        if (getenv("MARROW_LANE") != NULL && strcmp(getenv("MARROW_LANE"), target->dialect) != 0)
            continue;
        failed += cmocka_run_group_tests_name(target->name, tests, NULL, NULL);
    }
    targets_stop(targets);
    return failed;
}
