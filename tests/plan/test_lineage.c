/* Lineage, order and differences of small plans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/diff.h"
#include "plan/lineage.h"

#define E const struct plan_expr *[]

static const struct plan_rel *scan(struct plan *p, const char *table, const char *const *names,
                                   size_t count)
{
    struct err err = {0};
    struct data_schema schema = {0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(data_schema_add(&schema, str_of(names[i]), DATA_TYPE(BIGINT), &err),
                         ERR_OK);
    const struct plan_rel *rel = plan_scan(p, table, &schema);
    data_schema_done(&schema);
    return rel;
}
#define SCAN(p, table, ...)                                                                        \
    scan(p, table, (const char *const[]){__VA_ARGS__},                                             \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static const struct plan_expr *call2(struct plan *p, const char *name, const struct plan_expr *a,
                                     const struct plan_expr *b)
{
    return plan_call(p, name, 2, (E){a, b});
}

/* sums of known labs of patients who are there, by birth year */
static const struct plan_rel *example(struct plan *p)
{
    const struct plan_rel *labs = SCAN(p, "labs", "patient", "value", "ok", "unread");
    const struct plan_rel *people = SCAN(p, "people", "id", "born");
    const struct plan_rel *known =
        plan_filter(p, labs, call2(p, "eq", plan_column(p, labs, "ok"), plan_literal_int(p, 1)));
    const struct plan_rel *joined =
        plan_join(p, PLAN_JOIN_INNER, known, people, (E){plan_column(p, known, "patient")},
                  (E){plan_column_right(p, people, "id")}, 1, NULL);
    struct plan_named group = {"year", plan_column(p, joined, "born")};
    const struct plan_expr *value = plan_column(p, joined, "value");
    struct plan_named total = {"total", plan_aggregate_call(p, "sum", 1, &value, false, NULL)};
    return plan_aggregate(p, joined, &group, 1, &total, 1);
}

static void sources_are_told_with_their_kind(void **state)
{
    struct err err = {0};
    AUTO(buf_done) struct buf text = BUF_INIT, dot = BUF_INIT;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(plan_free) struct plan *p = plan_new();
    struct plan_lineage lineage;
    json_t *json = NULL;
    (void)state;
    assert_int_equal(plan_lineage_of(example(p), arena, &lineage, &err), ERR_OK);
    assert_int_equal(plan_lineage_text(&lineage, &text, &err), ERR_OK);
    assert_string_equal(buf_text(&text), "year\n"
                                         "├─ labs.patient (join)\n"
                                         "├─ labs.ok (filter)\n"
                                         "├─ people.id (join)\n"
                                         "└─ people.born (value, group)\n"
                                         "total\n"
                                         "├─ labs.patient (join)\n"
                                         "├─ labs.value (aggregate)\n"
                                         "├─ labs.ok (filter)\n"
                                         "├─ people.id (join)\n"
                                         "└─ people.born (group)\n");
    assert_int_equal(plan_lineage_json(&lineage, "icu", &json, &err), ERR_OK);
    const json_t *total = json_array_get(json_object_get(json, "columns"), 1);
    const json_t *value = json_array_get(json_object_get(total, "sources"), 1);
    assert_string_equal(json_text(value, "dataset", ""), "icu");
    assert_string_equal(json_text(value, "table", ""), "labs");
    assert_string_equal(json_text(value, "column", ""), "value");
    assert_string_equal(json_text(value, "kind", ""), "aggregate");
    json_decref(json);
    assert_int_equal(plan_lineage_dot(&lineage, &dot, &err), ERR_OK);
    assert_non_null(strstr(buf_text(&dot), "\"labs.value\" -> \"total\" [label=\"aggregate\"];"));
    assert_non_null(
        strstr(buf_text(&dot), "\"labs.ok\" -> \"total\" [label=\"filter\", style=dashed];"));
}

static void order_is_kept_through_limits_and_projects_that_keep_its_columns(void **state)
{
    struct err err = {0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_ordered_by *keys = NULL;
    size_t count = 0;
    (void)state;
    const struct plan_rel *t = SCAN(p, "t", "a", "b");
    const struct plan_order order[] = {{plan_column(p, t, "b"), true, false},
                                       {plan_column(p, t, "a"), false, true}};
    const struct plan_rel *top = plan_limit(p, plan_sort(p, t, order, 2), 5, 0);
    struct plan_named both[] = {{"x", plan_column(p, top, "a")}, {"y", plan_column(p, top, "b")}};
    assert_int_equal(plan_ordering(plan_project(p, top, both, 2), arena, &keys, &count, &err),
                     ERR_OK);
    assert_int_equal(count, 2);
    assert_string_equal(keys[0].column, "y");
    assert_true(keys[0].descending && !keys[1].descending && keys[1].nulls_first);
    assert_int_equal(plan_ordering(plan_project(p, top, both, 1), arena, &keys, &count, &err),
                     ERR_OK);
    assert_int_equal(count, 0); /* the first key is gone */
    assert_int_equal(plan_ordering(plan_distinct(p, top), arena, &keys, &count, &err), ERR_OK);
    assert_int_equal(count, 0);
}

static const struct plan_rel *counted(struct plan *p, int limit, bool more, bool distinct)
{
    const struct plan_rel *t = SCAN(p, "t", "a", "b");
    const struct plan_rel *rel =
        plan_filter(p, t, call2(p, "gt", plan_column(p, t, "a"), plan_literal_int(p, limit)));
    if (distinct)
        rel = plan_distinct(p, rel);
    struct plan_named outputs[] = {{"x", plan_column(p, rel, "a")},
                                   {"n", plan_column(p, rel, "b")}};
    return plan_project(p, rel, outputs, more ? 2 : 1);
}
static void differences_are_told_in_words(void **state)
{
    struct err err = {0};
    AUTO(plan_free) struct plan *p = plan_new();
    json_t *diff = NULL;
    (void)state;
    assert_int_equal(plan_diff(counted(p, 5, false, false), counted(p, 7, true, true), &diff, &err),
                     ERR_OK);
    const json_t *changes = json_object_get(diff, "changes");
    assert_false(json_flag(diff, "equal", true));
    assert_int_equal(json_array_size(changes), 3);
    assert_string_equal(json_text(json_array_get(changes, 0), "words", ""), "column n: b added");
    assert_string_equal(json_text(json_array_get(changes, 1), "words", ""),
                        "distinct: distinct added");
    assert_string_equal(json_text(json_array_get(changes, 2), "words", ""),
                        "filter: a > 5 became a > 7");
    assert_string_equal(json_text(json_array_get(changes, 2), "path", ""),
                        "project/distinct/filter");
    assert_string_equal(json_text(json_array_get(changes, 2), "before", ""), "a > 5");
    json_decref(diff);
    assert_int_equal(plan_diff(counted(p, 5, true, false), counted(p, 5, true, false), &diff, &err),
                     ERR_OK);
    assert_true(json_flag(diff, "equal", false));
    assert_int_equal(json_array_size(json_object_get(diff, "changes")), 0);
    json_decref(diff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_are_told_with_their_kind),
        cmocka_unit_test(order_is_kept_through_limits_and_projects_that_keep_its_columns),
        cmocka_unit_test(differences_are_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
