/* TOML read as JSON: golden cases (tests/golden/json/toml.txt), the depth limit, and what no file
 * can show. */
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "json/toml.h"

static void write_case(const struct golden_case *test, struct buf *ret)
{
    JSON_AUTO json = NULL;
    struct err err = {0};
    if (json_parse_toml(golden_section(test, "input"), "doc", &json, &err) != ERR_OK) {
        buf_printf(ret, "%d:%d: %s\n", (int)err.line, (int)err.column, err.message);
        return;
    }
    assert_int_equal(json_compact(json, ret, &err), ERR_OK);
    buf_putc(ret, '\n');
}

static void documents_are_read_or_refused_with_their_place(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/json/toml.txt", write_case), 0);
}

static enum err_code read_text(const char *text, size_t length, struct err *err)
{
    JSON_AUTO json = NULL;
    return json_parse_toml((struct str){text, length}, "doc", &json, err);
}

/* a = [[[… , a.a.a… = 1, [a.a.a…]: one limit for all. */
static void depth_is_limited_however_it_is_written(void **state)
{
    static const char *const begins[] = {"a = ", "", "["}, *const repeats[] = {"[", "a.", "a."};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct err err = {0};
        AUTO(buf_done) struct buf text = BUF_INIT;
        buf_puts(&text, begins[i]);
        for (int depth = 0; depth < 5000; depth++)
            buf_puts(&text, repeats[i]);
        assert_int_equal(read_text(buf_text(&text), text.len, &err), ERR_LIMIT);
        assert_int_equal(err.line, 1);
    }
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    struct err err = {0};
    (void)state;
    assert_int_equal(read_text("a = 1\n\0", 7, &err), ERR_INPUT);
    assert_int_equal(err.line, 2);
    assert_int_equal(read_text("a = \"\xff\"", 7, &err), ERR_INPUT);
    assert_int_equal(err.column, 6);
    assert_int_equal(read_text("\xEF\xBB\xBF"
                               "a = 1\r\n",
                               10, &err),
                     ERR_OK);
    assert_int_equal(read_text("a = 1\r", 6, &err), ERR_INPUT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read_or_refused_with_their_place),
        cmocka_unit_test(depth_is_limited_however_it_is_written),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
    };
    json_install();
    golden_arguments(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
