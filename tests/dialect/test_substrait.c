/* Plans as Substrait: golden cases, printed by a reader that knows the messages by its own table;
 * every plan of the other golden files is encoded or refused with what it lacks; bounds; memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/fault.h"
#include "dialect/dialect.h"
#include "golden.h"
#include "substrait_reader.h"

static const struct plan_rel *read_plan(struct plan *plan, const struct golden_case *test,
                                        struct err *err)
{
    json_t *json = NULL;
    const struct plan_rel *root = NULL;
    if (json_parse(golden_section(test, "input"), "input", &json, err) == ERR_OK &&
        plan_from_json(plan, json, "input", &root, err) != ERR_OK)
        root = NULL;
    json_decref(json);
    return root;
}

static void print_case(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    struct buf bytes = BUF_INIT;
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = read_plan(plan, test, &err);
    if (root == NULL || dialect_substrait(root, NULL, &bytes, &err) != ERR_OK)
        buf_printf(ret, "-- error %s\n%s\n", err_code_name(err.code), err.message);
    else
        assert_true(substrait_print(buf_view(&bytes), ret));
    buf_done(&bytes);
}

static void plans_are_said_as_they_should_be(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/plan/substrait.txt", print_case),
                     0);
}

/* ---- every plan there is -----------------------------------------------------------------------
 */

static int said, refused;

static void said_or_refused(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    struct buf bytes = BUF_INIT, text = BUF_INIT;
    const char **words = NULL;
    size_t count = 0;
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = read_plan(plan, test, &err);
    buf_add_str(ret, golden_section(test, "expected")); /* which is another test's */
    if (root == NULL)
        return;
    assert_int_equal(dialect_substrait_missing(root, &words, &count, &err), ERR_OK);
    enum err_code code = dialect_substrait(root, "s", &bytes, &err);
    if (count == 0) {
        assert_int_equal(code, ERR_OK);
        if (!substrait_print(buf_view(&bytes), &text))
            fail_msg("%.*s: %s", (int)test->title.len, test->title.ptr, buf_text(&text));
        said++;
    } else {
        assert_int_equal(code, ERR_UNSUPPORTED);
        assert_non_null(strstr(err.message, words[0]));
        assert_int_equal(bytes.len, 0);
        refused++;
    }
    mem_free(words);
    buf_done(&bytes);
    buf_done(&text);
}

static void every_plan_is_said_or_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const files[] = {"plans.txt", "functions.txt", "kernels.txt"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct buf path = BUF_INIT;
        buf_printf(&path, "%s/golden/plan/%s", TEST_SOURCE_DIRECTORY, files[i]);
        assert_int_equal(golden_check(buf_text(&path), said_or_refused), 0);
        buf_done(&path);
    }
    printf("substrait: %d plans said, %d refused\n", said, refused);
    assert_true(said >= 30);
}

/* ---- bounds ------------------------------------------------------------------------------------
 */

static const struct plan_rel *numbers(struct plan *plan, struct data_schema *schema)
{
    struct err err = {0};
    assert_int_equal(data_schema_add(schema, STR("n"), DATA_TYPE(BIGINT), &err), ERR_OK);
    return plan_scan(plan, "numbers", schema);
}

static void what_readers_would_not_take_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct data_schema schema = {0};
    struct buf bytes = BUF_INIT;
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *rel = numbers(plan, &schema);
    for (int i = 0; i < 60; i++)
        rel = plan_limit(plan, rel, 1000 - i, -1);
    assert_int_equal(plan_finish(plan, rel, &err), ERR_OK);
    assert_int_equal(dialect_substrait(rel, NULL, &bytes, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "nested messages"));
    rel = plan_scan(plan, "numbers", &schema);
    for (int i = 0; i < 24; i++) /* each reads the one below it twice */
        rel = plan_union_all(plan, (const struct plan_rel *const[]){rel, rel}, 2);
    assert_int_equal(dialect_substrait(rel, NULL, &bytes, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "16 MiB"));
    data_schema_done(&schema);
    buf_done(&bytes);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    struct err err = {0};
    struct data_schema schema = {0};
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *rel = numbers(plan, &schema);
    const struct plan_expr *n = plan_column(plan, rel, "n");
    struct plan_named group = {"n", n},
                      output = {"mean", plan_aggregate_call(plan, "mean", 1, &n, false, NULL)};
    rel = plan_aggregate(plan, rel, &group, 1, &output, 1);
    assert_int_equal(plan_finish(plan, rel, &err), ERR_OK);
    enum err_code code = ERR_MEMORY;
    for (int64_t nth = 1; code != ERR_OK; nth++) {
        struct buf bytes = BUF_INIT;
        fault_arm(FAULT_ALLOC, nth);
        code = dialect_substrait(rel, NULL, &bytes, &err);
        fault_disarm();
        if (code != ERR_OK)
            assert_int_equal(code, ERR_MEMORY);
        buf_done(&bytes);
        assert_true(nth < 500);
    }
    data_schema_done(&schema);
}

int main(int argc, char **argv)
{
    golden_arguments(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_said_as_they_should_be),
        cmocka_unit_test(every_plan_is_said_or_refused_with_a_reason),
        cmocka_unit_test(what_readers_would_not_take_is_refused),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
