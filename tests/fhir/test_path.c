/* FHIRPath read: golden cases (the tree, or the error with its place), and the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fhir/fhir.h"
#include "fhir/path_priv.h"

#include "golden.h"

static void show_error(const struct err *err, struct buf *ret)
{
    buf_printf(ret, "error %s at %s:%d:%d: %s\n", err_code_name(err->code), err->source,
               (int)err->line, (int)err->column, err->message);
    if (err->detail[0] != '\0')
        buf_printf(ret, "%s\n", err->detail);
    if (err->hint[0] != '\0')
        buf_printf(ret, "try: %s\n", err->hint);
}

/* One path, evaluated on the resource that the section "resource" names. */
static void run_case(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    struct str resource = str_trim(golden_section(test, "resource"));
    char *name = resource.len > 0 ? mem_strndup(resource.ptr, resource.len) : NULL;
    struct str text = golden_section(test, "path");
    text.len -= text.len > 0; /* the newline that ends the section */
    AUTO(buf_done) struct buf tree = BUF_INIT;
    if (fhir_path_explain(name, text, &tree, &err) == ERR_OK)
        buf_add_str(ret, buf_view(&tree));
    else
        show_error(&err, ret);
    mem_free(name);
}

/* One path a line: line → tree, or the error's column and message. */
static void run_lines(const struct golden_case *test, struct buf *ret)
{
    struct str rest = golden_section(test, "paths");
    while (rest.len > 0) {
        struct err err = {0};
        AUTO(buf_done) struct buf tree = BUF_INIT;
        struct str line = golden_line(&rest);
        line.len--;
        buf_printf(ret, "%.*s\n    ", (int)line.len, line.ptr);
        if (fhir_path_explain("Patient", line, &tree, &err) != ERR_OK)
            buf_printf(ret, "error at %d: %s\n", (int)err.column, err.message);
        else
            buf_printf(ret, "%.*s\n", (int)strcspn(buf_text(&tree), "\n"), buf_text(&tree));
    }
}

static void test_golden(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/fhir/path.golden", run_case), 0);
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/fhir/syntax.golden", run_lines),
                     0);
}

static enum err_code explain(const struct buf *text, struct err *err)
{
    AUTO(buf_done) struct buf tree = BUF_INIT;
    return fhir_path_explain("Patient", buf_view(text), &tree, err);
}
static void repeat(struct buf *text, const char *part, int count)
{
    for (int i = 0; i < count; i++)
        buf_puts(text, part);
}

static void test_limits(void **state)
{
    static const struct {
        const char *before, *part, *middle, *end;
    } NESTED[] = {{"", "(", "id", ")"},         {"", "-", "1", ""},
                  {"a", ".a", "", ""},          {"", "exists(", "true", ")"},
                  {"id", "[0]", "", ""},        {"1", " + 1", "", ""},
                  {"'a'", " & 'a'", "", ""},    {"id", ".first()", "", ""},
                  {"", "iif(true, ", "1", ")"}, {"true", " xor true", "", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof NESTED / sizeof NESTED[0]; i++) {
        const int counts[] = {40, 40000 / (int)strlen(NESTED[i].part)};
        for (size_t j = 0; j < 2; j++) {
            struct err err = {0};
            AUTO(buf_done) struct buf text = BUF_INIT;
            buf_puts(&text, NESTED[i].before);
            repeat(&text, NESTED[i].part, counts[j]);
            buf_puts(&text, NESTED[i].middle);
            repeat(&text, NESTED[i].end, text.len > 30000 ? 0 : counts[j]);
            enum err_code code = explain(&text, &err);
            if (code != (j == 0 ? ERR_OK : ERR_LIMIT))
                print_error("%s: %s\n", NESTED[i].part, err.message);
            assert_int_equal(code, j == 0 ? ERR_OK : ERR_LIMIT);
        }
    }
}

/* A list of codes joined by "or" is not deep, however long. */
static void test_long_chain(void **state)
{
    struct err err = {0};
    AUTO(buf_done) struct buf text = BUF_INIT, longer = BUF_INIT;
    (void)state;
    buf_puts(&text, "gender = 'a'");
    repeat(&text, " or gender = 'b'", 3000);
    assert_int_equal(explain(&text, &err), ERR_OK);
    repeat(&longer, "a", FHIR_PATH_LIMIT_BYTES + 1);
    assert_int_equal(explain(&longer, &err), ERR_LIMIT);
}

static void test_types(void **state)
{
    (void)state;
    assert_int_equal(fhir_type_find(STR("http://hl7.org/fhirpath/System.Date")), FHIR_TYPE_DATE);
    assert_int_equal(fhir_type_find(STR("http://hl7.org/fhir/StructureDefinition/code")),
                     FHIR_TYPE_CODE);
    assert_int_equal(fhir_type_find(STR("Quantity")), FHIR_TYPE_UNKNOWN);
    assert_int_equal(fhir_type_find(STR("")), FHIR_TYPE_UNKNOWN);
    assert_true(str_equal(fhir_type_local_name(STR("FHIR.Quantity")), STR("Quantity")));
    assert_true(str_equal(fhir_type_local_name(STR("System.DateTime")), STR("dateTime")));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_types),
    };
    golden_arguments(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
