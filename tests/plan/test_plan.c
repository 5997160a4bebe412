/* Plans: identity (what is equal hashes equal, what differs does not), shared parts, limits, names,
 * types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "plan/plan.h"

#define E const struct plan_expr *[]

static struct data_schema labs_schema;

static int set_up(void **state)
{
    static const struct {
        const char *name;
        enum data_kind kind;
    } COLUMNS[] = {{"patient_id", DATA_BIGINT}, {"item", DATA_TEXT}, {"value", DATA_DOUBLE},
                   {"taken", DATA_TIMESTAMP},   {"day", DATA_DATE},  {"final", DATA_BOOLEAN}};
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof COLUMNS / sizeof COLUMNS[0]; i++)
        if (data_schema_add(&labs_schema, str_of(COLUMNS[i].name),
                            (struct data_type){.kind = COLUMNS[i].kind}, &err) != ERR_OK)
            return -1;
    return data_schema_add(&labs_schema, STR("dose"), data_type_decimal(9, 2), &err) == ERR_OK ? 0
                                                                                               : -1;
}
static int tear_down(void **state)
{
    (void)state;
    data_schema_done(&labs_schema);
    return 0;
}

static const struct plan_expr *call2(struct plan *p, const char *function,
                                     const struct plan_expr *a, const struct plan_expr *b)
{
    return plan_call(p, function, 2, (E){a, b});
}
static const struct plan_expr *call1(struct plan *p, const char *function,
                                     const struct plan_expr *a)
{
    return plan_call(p, function, 1, &a);
}
static void sign(struct plan *p, const struct plan_rel *root, char ret[65])
{
    struct err err = {0};
    enum err_code code = plan_finish(p, root, &err);
    if (code != ERR_OK)
        print_error("%s\n", err.message);
    assert_int_equal(code, ERR_OK);
    assert_int_equal(plan_signature(root, ret, &err), ERR_OK);
}

/* ---- equal however written ----------------------------------------------------------------------
 */

#define CONJUNCTS 6
static const struct plan_expr *conjunct(struct plan *p, const struct plan_rel *scan, int which,
                                        int form)
{
    const struct plan_expr *value = plan_column(p, scan, "value");
    const struct plan_expr *item = plan_column(p, scan, "item");
    const struct plan_expr *id = plan_column(p, scan, "patient_id");
    const struct plan_expr *seven = plan_literal(p, DATA_TYPE(DOUBLE), form ? "7.0" : "7");
    const struct plan_expr *null_item = call1(p, "is_null", item);
    switch (which) {
    case 0:
        return form ? call2(p, "lt", seven, value) : call2(p, "gt", value, seven);
    case 1:
        return form ? call2(p, "eq", plan_literal_text(p, "Na"), item)
                    : call2(p, "eq", item, plan_literal_text(p, "Na"));
    case 2:
        return form ? call1(p, "not", null_item) : call1(p, "is_not_null", item);
    case 3:
        return form ? call1(p, "not", call1(p, "not", plan_column(p, scan, "final")))
                    : plan_column(p, scan, "final");
    case 4:
        return form
                   ? plan_call(p, "in", 4,
                               (E){id, plan_literal_int(p, 3), plan_literal_int(p, 1),
                                   plan_literal_int(p, 3)})
                   : plan_call(p, "in", 3, (E){id, plan_literal_int(p, 1), plan_literal_int(p, 3)});
    case 5:
        return form ? call2(p, "and", call2(p, "ge", id, plan_literal_int(p, 1)),
                            call2(p, "le", id, plan_literal_int(p, 9)))
                    : plan_call(p, "between", 3,
                                (E){id, plan_literal_int(p, 1), plan_literal_int(p, 9)});
    }
    return NULL;
}

/* The same conjuncts in a random order, form and split over nested filters and ands. */
static void sign_shuffled(unsigned seed, char ret[65])
{
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *rel = plan_scan(p, "labs", &labs_schema);
    int order[CONJUNCTS];
    uint64_t state = seed;
    for (int i = 0; i < CONJUNCTS; i++)
        order[i] = i;
    for (int i = CONJUNCTS - 1; i > 0; i--) {
        state = hash_xxh3_64(&state, sizeof state, 0);
        int j = (int)(state % (unsigned)(i + 1));
        int kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    const struct plan_expr *pending = NULL;
    for (int i = 0; i < CONJUNCTS; i++) {
        state = hash_xxh3_64(&state, sizeof state, 0);
        const struct plan_expr *expr = conjunct(p, rel, order[i], (int)(state & 1));
        pending = pending == NULL    ? expr
                  : (state & 2) != 0 ? call2(p, "and", pending, expr)
                                     : call2(p, "and", expr, pending);
        if ((state & 4) != 0 || i + 1 == CONJUNCTS) {
            rel = plan_filter(p, rel, pending);
            rel = (state & 8) != 0 ? plan_label(p, rel, "some_rows") : rel;
            pending = NULL;
        }
    }
    sign(p, rel, ret);
}
static void shuffled_conjuncts_hash_equal(void **state)
{
    char first[65], other[65];
    (void)state;
    sign_shuffled(1, first);
    for (unsigned seed = 2; seed < 500; seed++) {
        sign_shuffled(seed, other);
        assert_string_equal(first, other);
    }
}

/* ---- different when anything differs ------------------------------------------------------------
 */

struct variant { /* one change from the base each */
    const char *table, *identity, *column, *function, *literal, *aggregate, *output, *group;
    bool descending, nulls_first, distinct, offset;
    enum plan_join_kind join;
};
static void sign_variant(const struct variant *v, char ret[65])
{
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *scan = plan_scan_identified(p, v->table, v->identity, &labs_schema);
    const struct plan_expr *id = plan_column(p, scan, "patient_id");
    const struct plan_rel *filtered =
        plan_filter(p, scan,
                    call2(p, v->function, plan_column(p, scan, v->column),
                          plan_literal(p, DATA_TYPE(DOUBLE), v->literal)));
    const struct plan_rel *joined =
        plan_join(p, v->join, filtered, scan, (E){id},
                  (E){plan_column_right(p, scan, "patient_id")}, 1, NULL);
    const struct plan_expr *value = plan_column(p, joined, v->column);
    struct plan_named group = {"k", plan_column(p, joined, v->group)};
    struct plan_named output = {v->output,
                                plan_aggregate_call(p, v->aggregate, 1, &value, v->distinct, NULL)};
    const struct plan_rel *totals = plan_aggregate(p, joined, &group, 1, &output, 1);
    struct plan_order order = {plan_column(p, totals, "k"), v->descending, v->nulls_first};
    sign(p, plan_limit(p, plan_sort(p, totals, &order, 1), 10, v->offset ? 1 : 0), ret);
}
static void any_difference_changes_the_signature(void **state)
{
    static const struct variant BASE = {"labs", NULL,    "value",       "gt",  "7",
                                        "sum",  "total", "item",        false, false,
                                        false,  false,   PLAN_JOIN_SEMI};
    struct variant variants[14];
    char signatures[14][65];
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < 14; i++)
        variants[i] = BASE;
    count++; /* the first stays the base */
    variants[count++].table = "chart";
    variants[count++].identity = "0123";
    variants[count++].column = "patient_id";
    variants[count++].function = "ge";
    variants[count++].literal = "7.5";
    variants[count++].aggregate = "mean";
    variants[count++].output = "sum";
    variants[count++].group = "day";
    variants[count++].descending = true;
    variants[count++].nulls_first = true;
    variants[count++].distinct = true;
    variants[count++].offset = true;
    variants[count++].join = PLAN_JOIN_ANTI;
    for (size_t i = 0; i < count; i++) {
        sign_variant(&variants[i], signatures[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(signatures[i], signatures[j]) == 0)
                fail_msg("variants %zu and %zu have one signature", i, j);
    }
}

static void the_columns_of_a_scan_are_part_of_the_signature(void **state)
{
    struct err err;
    struct data_schema more = {0};
    char a[65], b[65];
    (void)state;
    assert_int_equal(data_schema_copy(&labs_schema, &more, &err), ERR_OK);
    assert_int_equal(data_schema_add(&more, STR("unit"), DATA_TYPE(TEXT), &err), ERR_OK);
    AUTO(plan_free) struct plan *p = plan_new();
    sign(p, plan_scan(p, "labs", &labs_schema), a);
    sign(p, plan_scan(p, "labs", &more), b);
    data_schema_done(&more);
    assert_string_not_equal(a, b);
}

static void parts_that_swap_sides_hash_equal_only_where_sides_do_not_matter(void **state)
{
    static const struct {
        const char *function;
        bool same;
    } CASES[] = {
        {"eq", true}, {"ne", true}, {"is_distinct_from", true}, {"lt", false}, {"ge", false}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        AUTO(plan_free) struct plan *p = plan_new();
        char a[65], b[65];
        const struct plan_rel *scan = plan_scan(p, "labs", &labs_schema);
        const struct plan_expr *x = plan_column(p, scan, "value"),
                               *y = plan_column(p, scan, "patient_id");
        sign(p, plan_filter(p, scan, call2(p, CASES[i].function, x, y)), a);
        sign(p, plan_filter(p, scan, call2(p, CASES[i].function, y, x)), b);
        assert_int_equal(strcmp(a, b) == 0, CASES[i].same);
    }
}

/* ---- shared parts, limits -----------------------------------------------------------------------
 */

/* Each level joins the level below with itself: 2^60 scans as a tree. */
static const struct plan_rel *doubled(struct plan *p, int levels, bool twice)
{
    const struct plan_rel *rel = plan_scan(p, "labs", &labs_schema);
    for (int i = 0; i < levels; i++) {
        const struct plan_rel *right = rel;
        if (twice && i == 0)
            right = plan_scan(p, "labs", &labs_schema);
        rel = plan_join(p, PLAN_JOIN_SEMI, rel, right, (E){plan_column(p, rel, "patient_id")},
                        (E){plan_column_right(p, right, "patient_id")}, 1, NULL);
    }
    return rel;
}
static void a_relation_shared_sixty_times_over_is_handled_once(void **state)
{
    struct err err = {0};
    char signature[65], other[65];
    json_t *json = NULL;
    struct buf text = BUF_INIT;
    const char **tables = NULL;
    size_t count = 0;
    (void)state;
    int64_t start = clock_monotonic_us();
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *rel = doubled(p, 60, false);
    sign(p, rel, signature);
    sign(p, doubled(p, 60, true), other);
    assert_string_equal(signature, other); /* shared or written twice, it is the same plan */
    assert_int_equal(plan_to_json(rel, &json, &err), ERR_OK);
    assert_int_equal(json_array_size(json_object_get(json, "nodes")), 61);
    assert_int_equal(plan_print(rel, &text, &err), ERR_OK);
    assert_int_equal(plan_tables(rel, &tables, &count, &err), ERR_OK);
    assert_int_equal(count, 1);
    assert_string_equal(tables[0], "labs");
    assert_true(clock_monotonic_us() - start < 1000000);
    mem_free(tables);
    json_decref(json);
    buf_done(&text);
}

static void a_plan_too_deep_is_refused(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *rel = plan_scan(p, "labs", &labs_schema);
    for (int i = 0; i < PLAN_LIMIT_DEPTH; i++)
        rel = plan_distinct(p, rel);
    assert_int_equal(plan_finish(p, rel, &err), ERR_LIMIT);
}
static void an_expression_too_deep_is_refused(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *rel = plan_scan(p, "labs", &labs_schema);
    const struct plan_expr *expr = plan_column(p, rel, "final");
    for (int i = 0; i < PLAN_LIMIT_EXPR_DEPTH; i++)
        expr = call1(p, "not", expr);
    assert_int_equal(plan_finish(p, plan_filter(p, rel, expr), &err), ERR_LIMIT);
}
static void an_expression_that_doubles_itself_is_refused(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *rel = plan_scan(p, "labs", &labs_schema);
    const struct plan_expr *expr = plan_column(p, rel, "final");
    for (int i = 0; i < 40; i++)
        expr = call2(p, "and", expr, expr);
    assert_int_equal(plan_finish(p, plan_filter(p, rel, expr), &err), ERR_LIMIT);
}
static void a_plan_of_too_many_nodes_is_refused(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *rel = plan_scan(p, "labs", &labs_schema);
    for (int i = 0; i < PLAN_LIMIT_NODES; i++)
        (void)plan_literal_int(p, i);
    assert_int_equal(plan_finish(p, rel, &err), ERR_LIMIT);
}

/* ---- building -----------------------------------------------------------------------------------
 */

static void the_first_error_is_kept_and_absorbs_the_rest(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *rel = plan_scan(p, "labs", &labs_schema);
    rel = plan_filter(p, rel, call1(p, "is_null", plan_column(p, rel, "vaule")));
    rel = plan_distinct(p, plan_filter(p, rel, call1(p, "nonsense", plan_column(p, rel, "value"))));
    assert_null(rel);
    assert_int_equal(plan_finish(p, rel, &err), ERR_INPUT);
    assert_string_equal(err.message, "scan \"labs\": no column \"vaule\" among its 7");
    assert_string_equal(err.hint, "did you mean \"value\"?");
}
static void a_column_of_another_relation_is_refused(void **state)
{
    struct err err = {0};
    (void)state;
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *scan = plan_scan(p, "labs", &labs_schema);
    struct plan_named output = {"v", plan_column(p, scan, "value")};
    const struct plan_rel *narrow = plan_project(p, scan, &output, 1);
    assert_null(plan_filter(p, narrow, plan_column(p, scan, "final")));
    assert_int_equal(plan_finish(p, narrow, &err), ERR_INPUT);
    assert_non_null(strstr(err.message, "bound to another relation"));
}
static void columns_are_found_among_very_many_without_regard_to_case(void **state)
{
    struct err err;
    struct data_schema wide = {0};
    char name[32];
    (void)state;
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "Column_%d", i);
        assert_int_equal(data_schema_add(&wide, str_of(name), DATA_TYPE(BIGINT), &err), ERR_OK);
    }
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *scan = plan_scan(p, "wide", &wide);
    data_schema_done(&wide);
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "cOLUMN_%d", i);
        assert_int_equal(plan_column_find(scan, name), i);
    }
    assert_int_equal(plan_column_find(scan, "column_3000"), -1);
}

static void assert_type(struct data_type type, const char *expected)
{
    char text[32];
    assert_string_equal(data_type_text(type, text), expected);
}
static void types_widen_as_stated(void **state)
{
    (void)state;
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *scan = plan_scan(p, "labs", &labs_schema);
    const struct plan_expr *n = plan_column(p, scan, "patient_id"),
                           *d = plan_column(p, scan, "dose"), *x = plan_column(p, scan, "value");
    const struct plan_expr *at = plan_column(p, scan, "taken"), *day = plan_column(p, scan, "day");
    assert_type(call2(p, "add", n, n)->type, "bigint");
    assert_type(call2(p, "add", n, d)->type, "decimal(22,2)");
    assert_type(call2(p, "mul", d, d)->type, "decimal(18,4)");
    assert_type(call2(p, "mul", n, x)->type, "double");
    assert_type(call2(p, "div", n, n)->type, "double");
    assert_type(call2(p, "coalesce", n, d)->type, "decimal(21,2)");
    assert_type(call2(p, "coalesce", day, at)->type, "timestamp");
    assert_type(call2(p, "date_diff_days", at, day)->type, "bigint");
    assert_type(plan_aggregate_call(p, "sum", 1, &n, false, NULL)->type, "decimal(38,0)");
    assert_type(plan_aggregate_call(p, "sum", 1, &d, false, NULL)->type, "decimal(38,2)");
    assert_type(plan_aggregate_call(p, "sum", 1, &x, false, NULL)->type, "double");
    assert_type(plan_aggregate_call(p, "mean", 1, &n, false, NULL)->type, "double");
    assert_type(plan_aggregate_call(p, "first_by", 2, (E){d, at}, false, NULL)->type,
                "decimal(9,2)");
    assert_null(call2(p, "eq", plan_column(p, scan, "item"), n));
}
static void literals_take_their_canonical_text(void **state)
{
    static const struct {
        enum data_kind kind;
        const char *text, *expected; /* NULL: refused */
    } CASES[] = {{DATA_BIGINT, "-007", "-7"},
                 {DATA_BIGINT, "9223372036854775808", NULL},
                 {DATA_DOUBLE, "1e0", "1"},
                 {DATA_DOUBLE, "-0", "0"},
                 {DATA_DATE, "2024-02-29", "2024-02-29"},
                 {DATA_DATE, "2023-02-29", NULL},
                 {DATA_TIMESTAMP, "2024-02-29T10:20", "2024-02-29 10:20:00"},
                 {DATA_TIMESTAMP, "2024-02-29", "2024-02-29 00:00:00"},
                 {DATA_TIMESTAMP, "2024-02-29 24:00:00", NULL},
                 {DATA_TIMESTAMPTZ, "2024-02-29 10:20:30.5Z", "2024-02-29 10:20:30.5+00"},
                 {DATA_BOOLEAN, "true", "true"},
                 {DATA_BOOLEAN, "1", NULL},
                 {DATA_TIME, "10:20:30.120000", "10:20:30.12"},
                 {DATA_UHUGEINT, "00340282366920938463463374607431768211455",
                  "340282366920938463463374607431768211455"},
                 {DATA_UHUGEINT, "340282366920938463463374607431768211456", NULL},
                 {DATA_TEXT, " a", " a"},
                 {DATA_TEXT, "\xff", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        AUTO(plan_free) struct plan *p = plan_new();
        const struct plan_expr *literal =
            plan_literal(p, (struct data_type){.kind = CASES[i].kind}, CASES[i].text);
        if (CASES[i].expected == NULL) {
            assert_null(literal);
        } else {
            assert_non_null(literal);
            assert_string_equal(literal->literal, CASES[i].expected);
        }
    }
    AUTO(plan_free) struct plan *p = plan_new();
    assert_string_equal(plan_literal(p, data_type_decimal(9, 2), "+001.5")->literal, "1.50");
    assert_string_equal(plan_literal(p, data_type_decimal(9, 2), "-0.00")->literal, "0.00");
    assert_string_equal(plan_literal(p, data_type_decimal(5, 0), "5.0")->literal, "5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shuffled_conjuncts_hash_equal),
        cmocka_unit_test(any_difference_changes_the_signature),
        cmocka_unit_test(the_columns_of_a_scan_are_part_of_the_signature),
        cmocka_unit_test(parts_that_swap_sides_hash_equal_only_where_sides_do_not_matter),
        cmocka_unit_test(a_relation_shared_sixty_times_over_is_handled_once),
        cmocka_unit_test(a_plan_too_deep_is_refused),
        cmocka_unit_test(an_expression_too_deep_is_refused),
        cmocka_unit_test(an_expression_that_doubles_itself_is_refused),
        cmocka_unit_test(a_plan_of_too_many_nodes_is_refused),
        cmocka_unit_test(the_first_error_is_kept_and_absorbs_the_rest),
        cmocka_unit_test(a_column_of_another_relation_is_refused),
        cmocka_unit_test(columns_are_found_among_very_many_without_regard_to_case),
        cmocka_unit_test(types_widen_as_stated),
        cmocka_unit_test(literals_take_their_canonical_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
