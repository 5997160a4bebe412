/* JSON documents: places of errors, canonical bytes, building under failing memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "json/json.h"

static json_t *parsed(const char *text)
{
    json_t *json = NULL;
    struct err err;
    assert_int_equal(json_parse(str_of(text), "test", &json, &err), ERR_OK);
    return json;
}

static void syntax_error_names_source_line_and_column(void **state)
{
    (void)state;
    json_t *json = NULL;
    struct err err;
    assert_int_equal(json_parse(STR("{\"a\": 1,\n \"b\": secret}"), "plan.json", &json, &err),
                     ERR_INPUT);
    assert_null(json);
    assert_string_equal(err.source, "plan.json");
    assert_int_equal(err.line, 2);
    assert_true(err.column > 0);
    assert_null(strstr(err.message, "secret"));
}

static void duplicate_keys_are_refused(void **state)
{
    (void)state;
    json_t *json = NULL;
    struct err err;
    assert_int_equal(json_parse(STR("{\"a\":1,\"a\":2}"), "t", &json, &err), ERR_INPUT);
    assert_non_null(strstr(err.message, "twice"));
}

static void deep_nesting_is_a_limit_and_brackets_in_texts_are_not(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    json_t *json = NULL;
    struct err err;
    for (int i = 0; i < 512; i++)
        buf_putc(&text, '[');
    for (int i = 0; i < 512; i++)
        buf_putc(&text, ']');
    assert_int_equal(json_parse(buf_view(&text), "t", &json, &err), ERR_OK);
    struct buf again = BUF_INIT;
    assert_int_equal(json_canonical(json, &again, &err), ERR_OK);
    assert_string_equal(buf_text(&again), buf_text(&text));
    buf_done(&again);
    json_decref(json);
    buf_clear(&text);
    for (int i = 0; i < 513; i++)
        buf_putc(&text, '[');
    assert_int_equal(json_parse(buf_view(&text), "t", &json, &err), ERR_LIMIT);
    assert_int_equal(err.column, 513);
    buf_clear(&text);
    buf_puts(&text, "\"\\\"");
    for (int i = 0; i < 600; i++)
        buf_putc(&text, '{');
    buf_puts(&text, "\"");
    assert_int_equal(json_parse(buf_view(&text), "t", &json, &err), ERR_OK);
    json_decref(json);
    buf_done(&text);
}

static void assert_canonical(const char *in, const char *out)
{
    JSON_AUTO json = parsed(in);
    struct buf buf = BUF_INIT;
    assert_int_equal(json_canonical(json, &buf, NULL), ERR_OK);
    assert_string_equal(buf_text(&buf), out);
    buf_done(&buf);
}

static void canonical_bytes_depend_on_the_value_alone(void **state)
{
    (void)state;
    assert_canonical("{\"b\": 1, \"a\": {\"d\":[1, 2.50],\"c\":null}}",
                     "{\"a\":{\"c\":null,\"d\":[1,2.5]},\"b\":1}");
    assert_canonical("{\"a\": {\"c\":null,\"d\":[1,25e-1]}, \"b\":1}",
                     "{\"a\":{\"c\":null,\"d\":[1,2.5]},\"b\":1}");
    assert_canonical("[0.1, 1e300, -0.0, 5.0, 1e22, true, false]",
                     "[0.1,1e300,-0.0,5.0,1e22,true,false]");
    assert_canonical("\"\\u00e9 \\\" \\\\ \\n \\u0001 \\/\"",
                     "\"\xC3\xA9 \\\" \\\\ \\n \\u0001 /\"");
    assert_canonical("{}", "{}");
    assert_canonical("[]", "[]");
    assert_canonical("\"a\\u0000b\"", "\"a\\u0000b\"");
}

static void pretty_and_compact_keep_the_order_of_keys(void **state)
{
    (void)state;
    JSON_AUTO json = parsed("{\"b\":[1,{}],\"a\":[]}");
    struct buf buf = BUF_INIT;
    assert_int_equal(json_compact(json, &buf, NULL), ERR_OK);
    assert_string_equal(buf_text(&buf), "{\"b\":[1,{}],\"a\":[]}");
    buf_clear(&buf);
    assert_int_equal(json_pretty(json, &buf, NULL), ERR_OK);
    assert_string_equal(buf_text(&buf), "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": []\n}\n");
    buf_done(&buf);
}

static void members_fall_back_when_absent_or_of_another_type(void **state)
{
    (void)state;
    JSON_AUTO json = parsed("{\"t\":\"x\",\"i\":7,\"r\":1.5,\"f\":true}");
    assert_string_equal(json_text(json, "t", "d"), "x");
    assert_string_equal(json_text(json, "i", "d"), "d");
    assert_int_equal(json_int(json, "i", -1), 7);
    assert_int_equal(json_int(json, "r", -1), -1);
    assert_true(json_number(json, "i", 0) == 7.0 && json_number(json, "r", 0) == 1.5 &&
                json_number(json, "t", 2) == 2);
    assert_true(json_flag(json, "f", false) && json_flag(json, "i", true));
    assert_int_equal(json_int(NULL, "i", 3), 3);
}

static void required_members_are_named_when_missing(void **state)
{
    (void)state;
    JSON_AUTO json = parsed("{\"t\":\"x\",\"a\":[],\"o\":{},\"i\":1}");
    struct err err;
    const char *text = NULL;
    int64_t number = 0;
    json_t *value = NULL;
    assert_int_equal(json_need_text(json, "t", "m.json", &text, &err), ERR_OK);
    assert_int_equal(json_need_int(json, "i", "m.json", &number, &err), ERR_OK);
    assert_int_equal(json_need_array(json, "a", "m.json", &value, &err), ERR_OK);
    assert_int_equal(json_need_object(json, "o", "m.json", &value, &err), ERR_OK);
    assert_int_equal(json_need_object(json, "a", "m.json", &value, &err), ERR_INPUT);
    assert_int_equal(json_need_text(json, "gone", "m.json", &text, &err), ERR_INPUT);
    assert_non_null(strstr(err.message, "\"gone\""));
    assert_string_equal(err.source, "m.json");
}

static enum err_code build(struct buf *out, struct err *err)
{
    bool ok = true;
    JSON_AUTO object = json_object();
    json_t *array = json_array();
    json_push_text(array, "x", &ok);
    json_push_text(array, NULL, &ok);
    json_push_str(array, (struct str){"a\xFF", 2}, &ok);
    json_put_text(object, "t", "caf\xC3\xA9", &ok);
    json_put_int(object, "i", INT64_MIN, &ok);
    json_put_real(object, "r", NAN, &ok);
    json_put_flag(object, "f", true, &ok);
    json_put(object, "a", array, &ok);
    TRY(json_built(ok, err));
    return json_compact(object, out, err);
}

static void building_fails_cleanly_at_every_allocation(void **state)
{
    (void)state;
    bool passed = false;
    for (int nth = 1; nth < 500 && !passed; nth++) {
        struct buf out = BUF_INIT;
        struct err err;
        fault_arm(FAULT_ALLOC, nth);
        enum err_code code = build(&out, &err);
        passed = !fault_fired();
        fault_disarm();
        if (passed)
            assert_string_equal(
                buf_text(&out),
                "{\"t\":\"caf\xC3\xA9\",\"i\":-9223372036854775808,\"r\":null,\"f\":true,"
                "\"a\":[\"x\",null,\"a\xEF\xBF\xBD\"]}");
        assert_int_equal(code, passed ? ERR_OK : ERR_MEMORY);
        buf_done(&out);
    }
    assert_true(passed);
}

static void parsing_fails_cleanly_at_every_allocation(void **state)
{
    (void)state;
    bool passed = false;
    for (int nth = 1; nth < 500 && !passed; nth++) {
        json_t *json = NULL;
        struct err err;
        fault_arm(FAULT_ALLOC, nth);
        enum err_code code =
            json_parse(STR("{\"a\":[1,2.5,\"x\"],\"b\":{\"c\":null}}"), "t", &json, &err);
        passed = !fault_fired();
        fault_disarm();
        assert_int_equal(code, passed ? ERR_OK : ERR_MEMORY); /* never bad JSON */
        json_decref(json);
    }
    assert_true(passed);
}

static void missing_file_is_not_found(void **state)
{
    (void)state;
    json_t *json = NULL;
    struct err err;
    assert_int_equal(json_read_file("/nowhere/at/all.json", &json, &err), ERR_NOT_FOUND);
    assert_null(json);
}

int main(void)
{
    json_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax_error_names_source_line_and_column),
        cmocka_unit_test(duplicate_keys_are_refused),
        cmocka_unit_test(deep_nesting_is_a_limit_and_brackets_in_texts_are_not),
        cmocka_unit_test(canonical_bytes_depend_on_the_value_alone),
        cmocka_unit_test(pretty_and_compact_keep_the_order_of_keys),
        cmocka_unit_test(members_fall_back_when_absent_or_of_another_type),
        cmocka_unit_test(required_members_are_named_when_missing),
        cmocka_unit_test(building_fails_cleanly_at_every_allocation),
        cmocka_unit_test(parsing_fails_cleanly_at_every_allocation),
        cmocka_unit_test(missing_file_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
