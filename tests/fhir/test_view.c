/* ViewDefinitions read: golden cases (columns, tree and notes, or the error with its place), and
 * every view of the conformance suite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fhir/fhir.h"
#include "fhir/view_priv.h"

#include "golden.h"

static void show_error(const struct err *err, struct buf *ret)
{
    buf_printf(ret, "error %s at %s", err_code_name(err->code), err->source);
    if (err->line > 0)
        buf_printf(ret, ":%d:%d", (int)err->line, (int)err->column);
    buf_printf(ret, ": %s\n", err->message);
    if (err->detail[0] != '\0')
        buf_printf(ret, "%s\n", err->detail);
    if (err->hint[0] != '\0')
        buf_printf(ret, "try: %s\n", err->hint);
}

static void show_select(const struct fhir_view *view, const struct fhir_select *select, int indent,
                        struct buf *ret)
{
    static const char *const ITERATIONS[] = {"select", "forEach", "forEachOrNull", "repeat"};
    buf_printf(ret, "%*s%s", indent, "", ITERATIONS[select->iteration]);
    for (size_t i = 0; i < select->iterate_count; i++) {
        buf_puts(ret, i == 0 ? " " : " | ");
        fhir_path_print(select->iterates[i], ret);
    }
    buf_putc(ret, '\n');
    for (size_t i = 0; i < select->column_count; i++) {
        const struct fhir_select_column *column = &select->columns[i];
        buf_printf(ret, "%*s%s = ", indent + 4, "", view->columns[column->output].name);
        fhir_path_print(column->path, ret);
        buf_putc(ret, '\n');
    }
    for (size_t i = 0; i < select->select_count; i++)
        show_select(view, select->selects[i], indent + 4, ret);
    for (size_t i = 0; i < select->union_count; i++) {
        buf_printf(ret, "%*sunion %zu\n", indent + 4, "", i);
        show_select(view, select->unions[i], indent + 8, ret);
    }
}

static void show_view(const struct fhir_view *view, struct buf *ret)
{
    for (size_t i = 0; i < view->where_count; i++) {
        buf_puts(ret, "where ");
        fhir_path_print(view->where[i], ret);
        buf_putc(ret, '\n');
    }
    show_select(view, view->root, 0, ret);
    for (size_t i = 0; i < fhir_view_column_count(view); i++) {
        char type[32];
        const struct fhir_view_column *column = fhir_view_column(view, i);
        buf_printf(ret, "%s: %s%s%s\n", column->name, data_type_text(column->type, type),
                   column->fhir_type[0] != '\0' ? " of " : "", column->fhir_type);
    }
    for (size_t i = 0; i < json_array_size(fhir_view_notes(view)); i++) {
        const json_t *note = json_array_get(fhir_view_notes(view), i);
        buf_printf(ret, "note %s at %s: %s\n", json_text(note, "code", ""),
                   json_text(note, "path", ""), json_text(note, "message", ""));
    }
}

static void run_case(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    JSON_AUTO definition = NULL;
    AUTO(fhir_view_free) struct fhir_view *view = NULL;
    if (json_parse(golden_section(test, "view"), "view.json", &definition, &err) != ERR_OK ||
        fhir_view_read(definition, "view.json", &view, &err) != ERR_OK)
        show_error(&err, ret);
    else
        show_view(view, ret);
}

static void test_golden(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/fhir/view.golden", run_case), 0);
}

/* ---- the conformance suite ----------------------------------------------------------------------
 */

/* Those that are wrong only of some data; every other case with expectError must be refused here.
 */
static bool needs_data(const char *title)
{
    static const char *const TITLES[] = {
        "fail when 'collection' is not true",
        "getReferenceKey on multiple references fails in a single-valued column"};
    for (size_t i = 0; i < sizeof TITLES / sizeof TITLES[0]; i++)
        if (strcmp(title, TITLES[i]) == 0)
            return true;
    return false;
}

static int check_suite_case(const char *file, const json_t *test)
{
    struct err err = {0};
    AUTO(fhir_view_free) struct fhir_view *view = NULL;
    const char *title = json_text(test, "title", "");
    bool refused = json_flag(test, "expectError", false) && !needs_data(title);
    enum err_code code = fhir_view_read(json_object_get(test, "view"), "view", &view, &err);
    if (code == (refused ? ERR_INPUT : ERR_OK))
        return 0;
    print_error("%s: %s: %s\n", file, title,
                code == ERR_OK ? "read, though it is wrong" : err.message);
    return 1;
}

static void test_suite(void **state)
{
    static const char *const FILES[] = {"basic",        "collection",        "combinations",
                                        "constant",     "constant_types",    "fhirpath",
                                        "fn_empty",     "fn_extension",      "fn_first",
                                        "fn_join",      "fhirpath_numbers",  "fn_boundary",
                                        "fn_oftype",    "foreach",           "logic",
                                        "repeat",       "fn_reference_keys", "row_index",
                                        "union",        "validate",          "where",
                                        "view_resource"};
    const char *shared = getenv("MARROW_SHARED");
    int failures = 0, cases = 0;
    (void)state;
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        char path[4096];
        struct err err = {0};
        JSON_AUTO suite = NULL;
        snprintf(path, sizeof path, "%s/conformance/sql-on-fhir/%s.json",
                 shared != NULL ? shared : "", FILES[i]);
        if (json_read_file(path, &suite, &err) == ERR_NOT_FOUND && i == 0) {
            print_message("SKIPPED: no conformance suite below MARROW_SHARED\n");
            skip();
        }
        const json_t *tests = json_object_get(suite, "tests");
        for (size_t j = 0; j < json_array_size(tests); j++, cases++)
            failures += check_suite_case(FILES[i], json_array_get(tests, j));
    }
    assert_int_equal(failures, 0);
    assert_int_equal(cases, 148);
}

/* ---- limits -------------------------------------------------------------------------------------
 */

static enum err_code read_text(const struct buf *text, struct err *err)
{
    JSON_AUTO definition = NULL;
    AUTO(fhir_view_free) struct fhir_view *view = NULL;
    enum err_code code = json_parse(buf_view(text), "view", &definition, err);
    return code != ERR_OK ? code : fhir_view_read(definition, "view", &view, err);
}

/* A view of so many columns, or with its one column below so many selects. */
static enum err_code read_sized(int columns, int depth, const char *nest, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_puts(&text, "{\"resource\":\"Patient\",\"select\":[{");
    for (int i = 1; i < depth; i++)
        buf_printf(&text, "\"%s\":[{", nest);
    buf_puts(&text, "\"column\":[");
    for (int i = 0; i < columns; i++)
        buf_printf(&text, "%s{\"name\":\"c%d\",\"path\":\"id\"}", i > 0 ? "," : "", i);
    buf_puts(&text, "]");
    for (int i = 1; i < depth; i++)
        buf_puts(&text, "}]");
    buf_puts(&text, "}]}");
    return read_text(&text, err);
}

static void test_limits(void **state)
{
    struct err err = {0};
    (void)state;
    assert_int_equal(read_sized(FHIR_LIMIT_COLUMNS, 1, "select", &err), ERR_OK);
    assert_int_equal(read_sized(FHIR_LIMIT_COLUMNS + 1, 1, "select", &err), ERR_LIMIT);
    assert_string_equal(err.source, "view: select[0].column[2000].name");
    assert_int_equal(read_sized(1, FHIR_LIMIT_SELECT_DEPTH, "select", &err), ERR_OK);
    assert_int_equal(read_sized(1, FHIR_LIMIT_SELECT_DEPTH + 1, "select", &err), ERR_LIMIT);
    assert_int_equal(read_sized(1, FHIR_LIMIT_SELECT_DEPTH, "unionAll", &err), ERR_OK);
    assert_int_equal(read_sized(1, FHIR_LIMIT_SELECT_DEPTH + 1, "unionAll", &err), ERR_LIMIT);
}

/* ---- the built-in views -------------------------------------------------------------------------
 */

static bool has_column(const struct fhir_view *view, const char *name)
{
    for (size_t i = 0; i < fhir_view_column_count(view); i++)
        if (strcmp(fhir_view_column(view, i)->name, name) == 0)
            return true;
    return false;
}

/* Each is read without a note, is named as its file, has one row for a resource, every column its
 * type, and who it is about (a medication: nobody). */
static void test_builtin(void **state)
{
    size_t count;
    const struct fhir_builtin *views = fhir_builtin_views(&count);
    (void)state;
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        JSON_AUTO definition = NULL;
        AUTO(fhir_view_free) struct fhir_view *view = NULL;
        if (json_parse(str_of(views[i].json), views[i].name, &definition, &err) != ERR_OK ||
            fhir_view_read(definition, views[i].name, &view, &err) != ERR_OK)
            fail_msg("%s: %s: %s", err.source, err.message, err.detail);
        assert_string_equal(fhir_view_name(view), views[i].name);
        assert_true(fhir_view_one_row(view));
        assert_true(json_equal(fhir_view_definition(view), definition));
        assert_int_equal(json_array_size(fhir_view_notes(view)), 0);
        for (size_t j = 0; j < fhir_view_column_count(view); j++) {
            assert_true(fhir_view_column(view, j)->fhir_type[0] != '\0');
            assert_false(fhir_view_column(view, j)->collection);
        }
        bool of_nobody = strcmp(fhir_view_resource(view), "Medication") == 0;
        assert_true(has_column(view, "id") &&
                    has_column(view, "patient_id") == !of_nobody &&
                    has_column(view, "patient_ref") == !of_nobody);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden), cmocka_unit_test(test_suite),
                                       cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_builtin)};
    golden_arguments(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
