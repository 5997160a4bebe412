/* Small cells, attacked: for every chain of counts up to a size, the attacker sees what is shown,
 * knows the algorithm, and lists all chains that would look the same. No small count and no small
 * difference of two counts may be the same in all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cohort/cohort.h"

#define LEAST 4
#define MOST 16
#define STEPS 4 /* counts of a chain: all patients and three steps */

struct seen { /* what a chain shows: -1 = hidden */
    int shown[STEPS];
    int chain[STEPS];
};

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct seen *)a)->shown, ((const struct seen *)b)->shown,
                  sizeof((const struct seen *)a)->shown);
}

static void look(const int *chain, size_t count, struct seen *ret)
{
    int64_t counts[STEPS];
    bool hidden[STEPS];
    for (size_t i = 0; i < count; i++)
        counts[i] = chain[i];
    cohort_suppress(counts, count, LEAST, hidden);
    for (size_t i = 0; i < STEPS; i++) {
        ret->shown[i] = i < count ? (hidden[i] ? -1 : chain[i]) : -2;
        ret->chain[i] = i < count ? chain[i] : 0;
    }
}

static bool small(int number)
{
    return number > 0 && number < LEAST;
}

/* Chains that look the same, items[0 … count-1]: is a small number the same in all? */
static void attack(const struct seen *items, size_t count, size_t length)
{
    for (size_t i = 0; i < length; i++)
        for (size_t k = i; k <= length; k++) { /* k == length: the count itself */
            int first = items[0].chain[i] - (k == i || k == length ? 0 : items[0].chain[k]);
            bool same = k != i;
            for (size_t n = 1; n < count && same; n++)
                same = items[n].chain[i] - (k == length ? 0 : items[n].chain[k]) == first;
            if (same && k != i && small(first))
                fail_msg("a small number can be derived: %d of %d %d %d %d", first,
                         items[0].chain[0], items[0].chain[1], items[0].chain[2],
                         items[0].chain[3]);
        }
}

static void all_chains(size_t length)
{
    size_t cap = (MOST + 1) * (MOST + 1) * (MOST + 1) * (MOST + 1), count = 0;
    struct seen *all = calloc(cap, sizeof *all);
    assert_non_null(all);
    for (int a = 0; a <= MOST; a++)
        for (int b = 0; b <= (length > 1 ? a : 0); b++)
            for (int c = 0; c <= (length > 2 ? b : 0); c++)
                for (int d = 0; d <= (length > 3 ? c : 0); d++) {
                    int chain[STEPS] = {a, b, c, d};
                    look(chain, length, &all[count++]);
                }
    qsort(all, count, sizeof *all, compare);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && compare(&all[from], &all[to]) == 0;)
            to++;
        attack(&all[from], to - from, length);
    }
    free(all);
}

static void no_small_number_can_be_derived_by_brute_force(void **state)
{
    (void)state;
    for (size_t length = 1; length <= STEPS; length++)
        all_chains(length);
}

static void the_answer_is_shown_before_the_steps(void **state)
{
    (void)state;
    const int64_t counts[] = {1000, 995, 500, 495};
    bool hidden[4];
    cohort_suppress(counts, 4, 11, hidden);
    assert_false(hidden[0]);
    assert_true(hidden[1]);
    assert_true(hidden[2]);
    assert_false(hidden[3]);
}

static void without_suppression_everything_is_shown(void **state)
{
    (void)state;
    const int64_t counts[] = {10, 5, 1};
    bool hidden[3];
    cohort_suppress(counts, 3, 0, hidden);
    assert_false(hidden[0] || hidden[1] || hidden[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_small_number_can_be_derived_by_brute_force),
        cmocka_unit_test(the_answer_is_shown_before_the_steps),
        cmocka_unit_test(without_suppression_everything_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
