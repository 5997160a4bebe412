/* The generator itself: what it makes is well-typed, runs, is the same every time, and knows all
 * nodes and functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialect/dialect.h"
#include "run_plan.h"

#define CASES 600

static void count_functions(const struct plan_expr *expr, int *counts)
{
    if (expr == NULL)
        return;
    if (expr->function != NULL)
        counts[expr->function->id]++;
    for (size_t i = 0; i < expr->arg_count; i++)
        count_functions(expr->args[i], counts);
}
static void count_nodes(const struct plan_rel *rel, int *nodes, int *functions)
{
    nodes[rel->kind]++;
    count_functions(rel->predicate, functions);
    for (size_t i = 0; i < rel->output_count; i++)
        count_functions(rel->outputs[i].expr, functions);
    for (size_t i = 0; i < rel->group_count; i++)
        count_functions(rel->groups[i].expr, functions);
    for (size_t i = 0; i < rel->input_count; i++)
        count_nodes(rel->inputs[i], nodes, functions);
}

static void make(struct random_case *random, uint64_t seed, const struct random_options *options)
{
    struct err err = {0};
    if (random_case_init(random, seed, options, &err) != ERR_OK)
        fail_msg("%s / %s", err.message, err.detail);
}

static void report(const struct random_case *random, const struct err *failure)
{
    struct err err = {0};
    AUTO(buf_done) struct buf text = BUF_INIT;
    print_error("seed %llu: %s / %s\n", (unsigned long long)random->seed, failure->message,
                failure->detail);
    assert_int_equal(plan_print(random->root, &text, &err), ERR_OK);
    buf_putc(&text, '\n');
    if (dialect_sql(dialect_find("duckdb"), random->root, NULL, &text, NULL, NULL, &err) == ERR_OK)
        print_error("%s\n", buf_text(&text));
}

/* What lowered views alone call: drawn by tests/views (lanes), which makes views in place of plans.
 */
static bool is_of_views(const char *name)
{
    static const char *const names[] = {
        "json_path",      "json_items",     "json_sole",      "json_has_array",  "json_array",   "json_exact",
        "json_exists",    "json_not_string", "json_not_text", "json_not_number", "json_not_boolean", "json_structure",
        "reference_key",  "reference_key_of", "ascii_upper", "ascii_lower",
        "json_plain",     "json_kind",      "json_lexeme",     "number_value", "number_text",
        "json_string",    "number_product", "number_quotient", "raise",        "let",
        "list_transform", "list_filter",    "list_flat",       "list_concat",  "list_slice",
        "list_join"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void every_random_plan_runs(void **state)
{
    struct err err = {0};
    int nodes[PLAN_INTERVAL_MERGE + 1] = {0}, functions[PLAN_FUNCTIONS_END] = {0}, missing = 0,
                                    failed = 0, rows = 0;
    AUTO(engine_close) struct engine *engine = NULL;
    (void)state;
    assert_int_equal(engine_open(&(struct engine_options){.threads = 1}, &engine, &err), ERR_OK);
    for (uint64_t seed = 1; seed <= CASES; seed++) {
        struct random_case random;
        struct random_options options = run_options(seed);
        AUTO(buf_done) struct buf text = BUF_INIT;
        make(&random, seed, &options);
        if (seed % 50 == 0 || seed == 1)
            assert_int_equal(run_load(engine, &random, &err), ERR_OK);
        if (run_rows(engine, random.root, &text, &err) != ERR_OK) {
            report(&random, &err);
            failed++;
        }
        rows += text.len > 0;
        count_nodes(random.root, nodes, functions);
        random_case_done(&random);
    }
    for (size_t i = 0; i <= PLAN_INTERVAL_MERGE; i++)
        if (nodes[i] == 0)
            fail_msg("no %s in %d plans", plan_rel_kind_text((enum plan_rel_kind)i), CASES);
    for (size_t i = 0; i < PLAN_FUNCTIONS_END; i++)
        if (functions[i] == 0 && !is_of_views(plan_function_at(i)->name)) {
            print_message("not drawn: %s\n", plan_function_at(i)->name);
            missing++;
        }
    print_message("%d of %d cases have rows; %d functions were not drawn\n", rows, CASES, missing);
    assert_int_equal(failed, 0);
    assert_true(rows > CASES / 3);
    assert_true(missing < 12);
}

static void a_seed_gives_one_plan(void **state)
{
    struct err err = {0};
    (void)state;
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct random_case a, b;
        struct buf first = BUF_INIT, second = BUF_INIT;
        make(&a, seed, NULL);
        make(&b, seed, NULL);
        assert_int_equal(plan_print(a.root, &first, &err), ERR_OK);
        assert_int_equal(plan_print(b.root, &second, &err), ERR_OK);
        assert_string_equal(buf_text(&first), buf_text(&second));
        buf_done(&first);
        buf_done(&second);
        random_case_done(&a);
        random_case_done(&b);
    }
}

static void what_is_left_out_is_not_drawn(void **state)
{
    struct random_options options = {.without_nodes = 1u << PLAN_WINDOW | 1u << PLAN_EXPLODE,
                                     .without_types = 1u << DATA_TIMESTAMPTZ | 1u << DATA_JSON};
    int nodes[PLAN_INTERVAL_MERGE + 1] = {0}, functions[PLAN_FUNCTIONS_END] = {0};
    (void)state;
    options.without_functions[PLAN_FUNCTION_ADD] = true;
    for (uint64_t seed = 1; seed < 200; seed++) {
        struct random_case random;
        make(&random, seed, &options);
        count_nodes(random.root, nodes, functions);
        random_case_done(&random);
    }
    assert_int_equal(nodes[PLAN_WINDOW] + nodes[PLAN_EXPLODE] + functions[PLAN_FUNCTION_ADD] +
                         functions[PLAN_FUNCTION_AT_UTC],
                     0);
    assert_true(nodes[PLAN_JOIN] > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_random_plan_runs),
        cmocka_unit_test(a_seed_gives_one_plan),
        cmocka_unit_test(what_is_left_out_is_not_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
