/* Planning on profiles written by hand: which anchor, which way, which columns, which SQL, and why
 * a table is not there. No store, no engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "golden.h"
#include "mart/plan_case.h"

static void write_error(const struct err *err, struct buf *out)
{
    buf_printf(out, "%s: %s\n", err_code_name(err->code), err->message);
    if (err->hint[0] != '\0')
        buf_printf(out, "hint: %s\n", err->hint);
}

static void write_tables(const json_t *description, struct buf *out)
{
    size_t idx;
    json_t *item;
    buf_printf(out, "anchor %s", json_text(description, "anchor_table", ""));
    json_array_foreach(json_object_get(description, "grain_key"), idx, item)
        buf_printf(out, "%s%s", idx == 0 ? ", key " : " ", json_string_value(item));
    buf_puts(out, "\n");
    json_array_foreach(json_object_get(description, "anchor_reasons"), idx, item)
        buf_printf(out, "  because %s\n", json_string_value(item));
    json_array_foreach(json_object_get(description, "tables"), idx, item)
    {
        buf_printf(out, "%s %s: %s\n", json_flag(item, "used", false) ? "+" : "-",
                   json_text(item, "name", ""), json_text(item, "reason", ""));
        if (json_text(item, "note", NULL) != NULL)
            buf_printf(out, "  note: %s\n", json_text(item, "note", ""));
    }
}

static void run(const struct golden_case *test, struct buf *out)
{
    struct err err = {0};
    AUTO(mart_plan_free) struct mart_plan *plan = NULL;
    struct plan_case *c = case_new(golden_section(test, "input"));
    if (mart_plan_make(&c->profile, &c->spec, &plan, &err) != ERR_OK) {
        write_error(&err, out);
    } else if (c->show_sql) {
        if (mart_plan_sql(plan, out, &err) != ERR_OK)
            write_error(&err, out);
    } else {
        write_tables(mart_plan_description(plan), out);
        for (size_t i = 0; i < plan->root->column_count; i++)
            buf_printf(out, "%s\n", plan->root->columns[i].name);
        if (plan->bucket_column != NULL)
            buf_printf(out, "buckets by %s\n", plan->bucket_column);
    }
    if (out->len > 0 && out->ptr[out->len - 1] != '\n')
        buf_puts(out, "\n");
    case_free(c);
}

static void plans_are_as_agreed(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/mart/plans.txt", run), 0);
}

static struct golden_case find(struct str *rest, const char *title)
{
    int line = 1;
    while (rest->len > 0 && !str_has_prefix(*rest, "==="))
        (void)golden_line(rest);
    while (rest->len > 0) {
        struct golden_case test = golden_read(rest, &line);
        if (str_equal(test.title, str_of(title)))
            return test;
    }
    fail_msg("no case '%s'", title);
    return (struct golden_case){.count = 0};
}

static void signature_of(const char *title, const char *extra, char ret[65])
{
    struct err err = {0};
    AUTO(buf_done) struct buf text = BUF_INIT, input = BUF_INIT;
    AUTO(mart_plan_free) struct mart_plan *plan = NULL;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/golden/mart/plans.txt", TEST_SOURCE_DIRECTORY);
    assert_int_equal(file_read(path, 0, &text, &err), ERR_OK);
    struct str rest = buf_view(&text);
    struct golden_case test = find(&rest, title);
    buf_add_str(&input, golden_section(&test, "input"));
    buf_puts(&input, extra);
    struct plan_case *c = case_new(buf_view(&input));
    assert_int_equal(mart_plan_make(&c->profile, &c->spec, &plan, &err), ERR_OK);
    assert_int_equal(plan_signature(mart_plan_root(plan), ret, &err), ERR_OK);
    case_free(c);
}

static void same_profile_and_policy_give_the_same_signature(void **state)
{
    (void)state;
    char a[65], b[65];
    signature_of("each fact is aggregated to the patient before it is joined", "", a);
    signature_of("each fact is aggregated to the patient before it is joined", "", b);
    assert_string_equal(a, b);
}

static void another_policy_gives_another_signature(void **state)
{
    (void)state;
    char a[65], b[65], c[65];
    signature_of("each fact is aggregated to the patient before it is joined", "", a);
    signature_of("each fact is aggregated to the patient before it is joined",
                 "policy {\"labs\": {\"value\": [\"mean\"]}}\n", b);
    signature_of("each fact is aggregated to the patient before it is joined",
                 "mart patient inner\n", c);
    assert_string_not_equal(a, b);
    assert_string_not_equal(a, c);
}

int main(int argc, char **argv)
{
    json_install();
    golden_arguments(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_as_agreed),
        cmocka_unit_test(same_profile_and_policy_give_the_same_signature),
        cmocka_unit_test(another_policy_gives_another_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
