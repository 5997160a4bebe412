/* Reports as golden files: an answer in, Markdown, HTML and R out. tests/e2e/ask_r.py runs the R.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "golden.h"
#include "report/report.h"

static const struct report_about about = {"how many <patients> by `ward`?",
                                          "2026-11-29T12:00:00.000000Z"};

static json_t *read_json(const struct golden_case *test, const char *section)
{
    json_t *json = NULL;
    struct err err = {0};
    if (golden_section(test, section).len > 0)
        assert_int_equal(json_parse(golden_section(test, section), section, &json, &err), ERR_OK);
    return json;
}

static void write_document(const struct golden_case *test, enum report_format format,
                           struct buf *ret)
{
    JSON_AUTO answer = read_json(test, "input");
    struct err err = {0};
    assert_int_equal(report_document(answer, &about, format, ret, &err), ERR_OK);
}

static void write_markdown(const struct golden_case *test, struct buf *ret)
{
    write_document(test, REPORT_MARKDOWN, ret);
}

static void write_html(const struct golden_case *test, struct buf *ret)
{
    write_document(test, REPORT_HTML, ret);
}

/* From the rows on: what stands before is the same in every script. */
static void write_script(const struct golden_case *test, struct buf *ret)
{
    JSON_AUTO answer = read_json(test, "input");
    JSON_AUTO columns = read_json(test, "columns");
    JSON_AUTO recipe = read_json(test, "recipe");
    AUTO(buf_done) struct buf script = BUF_INIT;
    struct report_rows rows = {columns, recipe};
    struct err err = {0};
    if (report_r_script(answer, &about, &rows, &script, &err) != ERR_OK) {
        buf_printf(ret, "error: %s: %s\n", err_code_name(err.code), err.message);
        return;
    }
    const char *from = strstr(buf_text(&script), "cat(\": as Marrow");
    assert_non_null(from);
    buf_puts(ret, from);
    for (size_t i = 0; i < script.len; i++)
        assert_in_range((unsigned char)script.ptr[i], '\n', 0x7e);
}

static void markdown_is_as_the_golden_file_says(void **state)
{
    (void)state;
    assert_int_equal(
        golden_check(TEST_SOURCE_DIRECTORY "/golden/report/markdown.txt", write_markdown), 0);
}

static void html_is_as_the_golden_file_says(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/report/html.txt", write_html), 0);
}

static void scripts_are_as_the_golden_file_says(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/report/r.txt", write_script), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markdown_is_as_the_golden_file_says),
        cmocka_unit_test(html_is_as_the_golden_file_says),
        cmocka_unit_test(scripts_are_as_the_golden_file_says),
    };
    golden_arguments(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
