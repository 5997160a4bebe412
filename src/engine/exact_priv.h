/* Exact, order-independent sums of doubles and of their squares; see exact.c. States may be moved
 * bytewise, need 8-byte alignment, and own heap only for values outside the window. */
#ifndef MARROW_ENGINE_EXACT_PRIV_H
#define MARROW_ENGINE_EXACT_PRIV_H

#include <stdbool.h>
#include <stdint.h>

struct exact_wide;
struct exact_sum {
    uint64_t low, high; /* 128-bit two's complement, unit 2^-80 */
    int64_t count;
    uint64_t specials; /* EXACT_NAN … seen */
    struct exact_wide *wide;
};
struct exact_moments {
    struct exact_sum sum;
    uint64_t squares[4]; /* 256-bit unsigned, unit 2^-160 */
    struct exact_wide *wide_squares;
};
/* False: out of memory. */
bool exact_sum_add(struct exact_sum *sum, double value);
bool exact_sum_merge(struct exact_sum *into, const struct exact_sum *from);
void exact_sum_done(struct exact_sum *sum);
bool exact_moments_add(struct exact_moments *moments, double value);
bool exact_moments_merge(struct exact_moments *into, const struct exact_moments *from);
void exact_moments_done(struct exact_moments *moments);
/* Correctly rounded (half to even). A NaN, or infinities of both signs → NaN; else an infinity →
 * it. Count must be > 0. */
double exact_sum_value(const struct exact_sum *sum);
double exact_mean_value(const struct exact_sum *sum);
/* Sample standard deviation, sqrt((Σx² - (Σx)²/n)/(n-1)), of the exact rational, correctly rounded.
 * Count must be > 1. */
double exact_sd_value(const struct exact_moments *moments);
/* Its square, to an ulp. */
double exact_var_value(const struct exact_moments *moments);

#endif
