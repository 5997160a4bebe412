/* Each rewrite keeps the rows, on random plans and tables; the optimiser as a whole keeps rows,
 * order and columns, and is quick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "plan/rewrite.h"
#include "run_plan.h"

#define PLANS 1200
#define MOST 16

static void check(enum err_code code, const struct err *err, uint64_t seed, const char *what)
{
    if (code != ERR_OK)
        fail_msg("seed %llu, %s: %s / %s", (unsigned long long)seed, what, err->message,
                 err->detail);
}
static void show(const char *what, const struct plan_rel *root)
{
    struct err err = {0};
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (plan_print(root, &text, &err) == ERR_OK)
        print_error("%s:\n%s\n", what, buf_text(&text));
}

struct trial {
    struct engine *engine;
    const struct random_case *random;
    const char *rows; /* before */
    int failed;
};
/* The same rows and columns, and a plan that its own constructors take. */
static void compare(struct trial *trial, const char *what, const struct plan_rel *made)
{
    struct err err = {0};
    const struct plan_rel *root = trial->random->root, *again = NULL;
    AUTO(buf_done) struct buf rows = BUF_INIT;
    AUTO(plan_free) struct plan *plan = plan_new();
    json_t *json = NULL;
    check(plan_to_json(made, &json, &err), &err, trial->random->seed, what);
    enum err_code code = plan_from_json(plan, json, "rewritten", &again, &err);
    json_decref(json);
    if (code == ERR_OK)
        code = run_rows(trial->engine, made, &rows, &err);
    bool same = code == ERR_OK && strcmp(trial->rows, buf_text(&rows)) == 0 &&
                root->column_count == made->column_count;
    for (size_t i = 0; same && i < root->column_count; i++)
        same = strcmp(root->columns[i].name, made->columns[i].name) == 0 &&
               data_type_equal(root->columns[i].type, made->columns[i].type);
    if (same || trial->failed++ > 2)
        return;
    print_error("seed %llu, %s: %s %s\n", (unsigned long long)trial->random->seed, what,
                code != ERR_OK ? err.message : "other rows", err.detail);
    show("before", root);
    show("after", made);
}

static void each_rewrite_keeps_the_rows(void **state)
{
    struct err err = {0};
    int changed[MOST] = {0}, refused = 0;
    struct trial trial = {0};
    AUTO(engine_close) struct engine *engine = NULL;
    (void)state;
    check(engine_open(&(struct engine_options){.threads = 1}, &engine, &err), &err, 0, "open");
    trial.engine = engine;
    for (uint64_t seed = 1; seed <= PLANS; seed++) {
        struct random_case random;
        struct random_options options = run_options(seed);
        AUTO(buf_done) struct buf rows = BUF_INIT;
        check(random_case_init(&random, seed, &options, &err), &err, seed, "making");
        if (seed % 50 == 0 || seed == 1)
            check(run_load(engine, &random, &err), &err, seed, "loading");
        if (run_rows(engine, random.root, &rows, &err) != ERR_OK) {
            refused++; /* by the engine as given: nothing to compare */
            random_case_done(&random);
            continue;
        }
        trial.random = &random;
        trial.rows = buf_text(&rows);
        for (size_t i = 0; plan_rewrite_at(i) != NULL; i++) {
            AUTO(plan_free) struct plan *plan = plan_new_over(random.root);
            const struct plan_rel *made = plan_rewrite_at(i)->apply(plan, random.root);
            check(plan_finish(plan, made, &err), &err, seed, plan_rewrite_at(i)->name);
            if (made == random.root)
                continue;
            changed[i]++;
            compare(&trial, plan_rewrite_at(i)->name, made);
        }
        AUTO(plan_free) struct plan *plan = plan_new_over(random.root);
        const struct plan_rel *best = NULL;
        check(plan_optimise(plan, random.root, &best, &err), &err, seed, "optimise");
        if (best != random.root)
            compare(&trial, "optimise", best);
        random_case_done(&random);
    }
    for (size_t i = 0; plan_rewrite_at(i) != NULL; i++) {
        print_message("%s changed %d of %d plans\n", plan_rewrite_at(i)->name, changed[i], PLANS);
        assert_true(changed[i] > 5);
    }
    assert_true(refused < 5);
    assert_int_equal(trial.failed, 0);
}

static void optimising_again_changes_nothing(void **state)
{
    struct err err = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct random_case random;
        const struct plan_rel *once = NULL, *twice = NULL;
        check(random_case_init(&random, seed, NULL, &err), &err, seed, "making");
        AUTO(plan_free) struct plan *plan = plan_new_over(random.root);
        check(plan_optimise(plan, random.root, &once, &err), &err, seed, "optimise");
        AUTO(plan_free) struct plan *more = plan_new_over(once);
        check(plan_optimise(more, once, &twice, &err), &err, seed, "optimise");
        if (once != twice) {
            show("once", once);
            show("twice", twice);
            fail_msg("seed %llu", (unsigned long long)seed);
        }
        random_case_done(&random);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rewrite_keeps_the_rows),
        cmocka_unit_test(optimising_again_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
