/* Golden plans: JSON in; signature, printed plan and SQL in every dialect out. One more check for
 * each: what is read and written again is the same document with the same signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dialect/dialect.h"
#include "golden.h"

static void write_error(const struct err *err, struct buf *ret)
{
    buf_printf(ret, "-- error %s\n%s\n", err_code_name(err->code), err->message);
    if (err->hint[0] != '\0')
        buf_printf(ret, "hint: %s\n", err->hint);
}

/* Out and in again: the same bytes. */
static void check_round_trip(const struct plan_rel *root, const char *signature)
{
    struct err err = {0};
    json_t *first = NULL, *second = NULL;
    const struct plan_rel *again = NULL;
    char other[65];
    AUTO(plan_free) struct plan *plan = plan_new();
    assert_int_equal(plan_to_json(root, &first, &err), ERR_OK);
    assert_int_equal(plan_from_json(plan, first, "again", &again, &err), ERR_OK);
    assert_int_equal(plan_to_json(again, &second, &err), ERR_OK);
    assert_true(json_equal(first, second));
    assert_int_equal(plan_signature(again, other, &err), ERR_OK);
    assert_string_equal(signature, other);
    json_decref(first);
    json_decref(second);
}

static void write_case(const struct plan_rel *root, struct buf *ret)
{
    struct err err = {0};
    char signature[65];
    assert_int_equal(plan_signature(root, signature, &err), ERR_OK);
    check_round_trip(root, signature);
    buf_printf(ret, "-- signature\n%s\n-- plan\n", signature);
    assert_int_equal(plan_print(root, ret, &err), ERR_OK);
    for (size_t i = 0; i < dialect_count(); i++) {
        const char **params = NULL;
        size_t count = 0;
        buf_printf(ret, "-- %s\n", dialect_name(dialect_at(i)));
        if (dialect_sql(dialect_at(i), root, NULL, ret, &params, &count, &err) != ERR_OK)
            write_error(&err, ret);
        for (size_t p = 0; p < count; p++)
            buf_printf(ret, "-- parameter %zu: %s\n", p + 1, params[p]);
        mem_free(params);
    }
}

static void compile(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    json_t *json = NULL;
    const struct plan_rel *root = NULL;
    AUTO(plan_free) struct plan *plan = plan_new();
    if (json_parse(golden_section(test, "input"), "input", &json, &err) != ERR_OK ||
        plan_from_json(plan, json, "input", &root, &err) != ERR_OK)
        write_error(&err, ret);
    else
        write_case(root, ret);
    json_decref(json);
}

static void check(const char *name)
{
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/golden/plan/%s", TEST_SOURCE_DIRECTORY, name);
    int failures = golden_check(buf_text(&path), compile);
    buf_done(&path);
    assert_int_equal(failures, 0);
}
static void plans_compile_to_readable_sql(void **state)
{
    (void)state;
    check("plans.txt");
}
static void every_function_has_its_spelling(void **state)
{
    (void)state;
    check("functions.txt");
}
static void kernels_become_plain_sql(void **state)
{
    (void)state;
    check("kernels.txt");
}
static void wrong_plans_say_what_is_wrong(void **state)
{
    (void)state;
    check("errors.txt");
}

int main(int argc, char **argv)
{
    golden_arguments(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_compile_to_readable_sql),
        cmocka_unit_test(every_function_has_its_spelling),
        cmocka_unit_test(kernels_become_plain_sql),
        cmocka_unit_test(wrong_plans_say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
