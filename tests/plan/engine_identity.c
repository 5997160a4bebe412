/* The signature's promise, on random plans: what is written another way has the same one; what has
 * the same one gives the same rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "equivalent.h"
#include "run_plan.h"

#define PLANS 2500
#define WAYS 3
#define MUTATED 800

static void check(enum err_code code, const struct err *err, uint64_t seed)
{
    if (code != ERR_OK)
        fail_msg("seed %llu: %s / %s", (unsigned long long)seed, err->message, err->detail);
}
static void show(const char *what, const struct plan_rel *root)
{
    struct err err = {0};
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (plan_print(root, &text, &err) == ERR_OK)
        print_error("%s:\n%s\n", what, buf_text(&text));
}

static void a_plan_written_another_way_keeps_its_signature(void **state)
{
    struct err err = {0};
    int failed = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= PLANS; seed++) {
        struct random_case random;
        char signature[65], other[65];
        uint64_t stream = seed * 77;
        check(random_case_init(&random, seed, NULL, &err), &err, seed);
        check(plan_signature(random.root, signature, &err), &err, seed);
        for (int way = 0; way < WAYS; way++) {
            AUTO(plan_free) struct plan *plan = plan_new_over(random.root);
            const struct plan_rel *again = plan_equivalent(plan, random.root, &stream);
            check(plan_finish(plan, again, &err), &err, seed);
            check(plan_signature(again, other, &err), &err, seed);
            if (strcmp(signature, other) == 0 || failed++ > 2)
                continue;
            print_error("seed %llu way %d\n", (unsigned long long)seed, way);
            show("as given", random.root);
            show("another way", again);
        }
        random_case_done(&random);
    }
    print_message("%d of %d differ\n", failed, PLANS * WAYS);
    assert_int_equal(failed, 0);
}

/* The other ways' rows are the same too: else the test above would prove nothing. */
static void a_plan_written_another_way_gives_the_same_rows(void **state)
{
    struct err err = {0};
    AUTO(engine_close) struct engine *engine = NULL;
    (void)state;
    check(engine_open(&(struct engine_options){.threads = 1}, &engine, &err), &err, 0);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct random_case random;
        struct random_options options = run_options(seed);
        AUTO(buf_done) struct buf rows = BUF_INIT, others = BUF_INIT;
        uint64_t stream = seed * 99;
        check(random_case_init(&random, seed, &options, &err), &err, seed);
        AUTO(plan_free) struct plan *plan = plan_new_over(random.root);
        if (seed % 50 == 0 || seed == 1)
            check(run_load(engine, &random, &err), &err, seed);
        const struct plan_rel *again = plan_equivalent(plan, random.root, &stream);
        check(plan_finish(plan, again, &err), &err, seed);
        check(run_rows(engine, random.root, &rows, &err), &err, seed);
        check(run_rows(engine, again, &others, &err), &err, seed);
        if (strcmp(buf_text(&rows), buf_text(&others)) != 0) {
            show("as given", random.root);
            show("another way", again);
            fail_msg("seed %llu: other rows:\n%s\n%s", (unsigned long long)seed, buf_text(&rows),
                     buf_text(&others));
        }
        random_case_done(&random);
    }
}

struct tally {
    int changed, kept, checked;
};

static void try_mutation(struct engine *engine, const struct random_case *random, uint64_t *stream,
                         struct tally *tally)
{
    struct err err = {0};
    char signature[65], other[65];
    const struct plan_rel *mutant = NULL;
    AUTO(plan_free) struct plan *plan = plan_new();
    json_t *json = NULL;
    check(plan_to_json(random->root, &json, &err), &err, random->seed);
    json_t *before = json_deep_copy(json);
    bool changed = plan_mutate(json, stream) && !json_equal(before, json);
    json_decref(before);
    changed = changed && plan_from_json(plan, json, "mutant", &mutant, &err) == ERR_OK;
    json_decref(json);
    if (!changed)
        return;
    check(plan_signature(random->root, signature, &err), &err, random->seed);
    check(plan_signature(mutant, other, &err), &err, random->seed);
    if (strcmp(signature, other) != 0) {
        tally->changed++;
        return;
    }
    tally->kept++;
    AUTO(buf_done) struct buf rows = BUF_INIT, others = BUF_INIT;
    if (run_rows(engine, random->root, &rows, &err) != ERR_OK ||
        run_rows(engine, mutant, &others, &err) != ERR_OK)
        return; /* such as limits without an order: no answer to compare */
    tally->checked++;
    if (strcmp(buf_text(&rows), buf_text(&others)) != 0) {
        show("as given", random->root);
        show("changed", mutant);
        fail_msg("seed %llu: one signature, other rows", (unsigned long long)random->seed);
    }
}

static void a_change_that_keeps_the_signature_keeps_the_rows(void **state)
{
    struct err err = {0};
    struct tally tally = {0};
    AUTO(engine_close) struct engine *engine = NULL;
    (void)state;
    check(engine_open(&(struct engine_options){.threads = 1}, &engine, &err), &err, 0);
    for (uint64_t seed = 1; seed <= MUTATED; seed++) {
        struct random_case random;
        struct random_options options = run_options(seed);
        uint64_t stream = seed * 31;
        check(random_case_init(&random, seed, &options, &err), &err, seed);
        if (seed % 50 == 0 || seed == 1)
            check(run_load(engine, &random, &err), &err, seed);
        for (int i = 0; i < 6; i++)
            try_mutation(engine, &random, &stream, &tally);
        random_case_done(&random);
    }
    print_message("%d changes gave another signature, %d kept it (%d of these run)\n",
                  tally.changed, tally.kept, tally.checked);
    assert_true(tally.changed > 2000 && tally.changed > 2 * tally.kept);
    assert_true(tally.checked > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_written_another_way_keeps_its_signature),
        cmocka_unit_test(a_plan_written_another_way_gives_the_same_rows),
        cmocka_unit_test(a_change_that_keeps_the_signature_keeps_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
