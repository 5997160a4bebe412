/* Exact sums. A double is an integer m (53 bits) times 2^e, so a sum of doubles is an integer sum
 * in a fixed unit: no rounding until the end, hence the same bits in any order and on any number of
 * threads.
 *
 *   window   Σx  128 bits, unit 2^-80:  any x with 2^-80 | x and |x| < 2^46       (clinical
 * measures live here: one shift, one add) Σx² 256 bits, unit 2^-160: their squares wide     heap,
 * made at the first value outside, 69 limbs, unit 2^-2240: every double, every square, 2^63 of them
 *
 * Only the total counts, not how it is split between window and wide. Rounding happens once: Σx and
 * Σx/n by integer division, sd by a floating candidate that is then proven against n·Σx² - (Σx)² in
 * whole numbers. After: Kulisch's long accumulator; Neal, "Fast exact summation using small and
 * large superaccumulators" (2015). */
#include "engine/exact_priv.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

__extension__ typedef unsigned __int128 exact_u128;
__extension__ typedef __int128 exact_i128;

#define WIDE_LIMBS 69
#define WIDE_UNIT 2240 /* limb 0, bit 0 is 2^-2240 */
#define BIG_LIMBS (2 * WIDE_LIMBS)
#define SUM_UNIT 80
#define SHIFT_MOST 73 /* m << 73 < 2^126 */
enum { EXACT_NAN = 1, EXACT_PLUS = 2, EXACT_MINUS = 4 };

struct exact_wide {
    uint64_t limbs[WIDE_LIMBS]; /* two's complement, little-endian */
};

/* ---- wide
 * ---------------------------------------------------------------------------------------- */

/* limbs ± magnitude · 2^position. */
static void limbs_add(uint64_t *limbs, int count, exact_u128 magnitude, int position, bool negative)
{
    int limb = position / 64, bit = position % 64;
    exact_u128 low = magnitude << bit;
    uint64_t words[3] = {(uint64_t)low, (uint64_t)(low >> 64),
                         bit == 0 ? 0 : (uint64_t)(magnitude >> (128 - bit))};
    unsigned carry = 0;
    for (int idx = 0; limb + idx < count && (idx < 3 || carry != 0); idx++) {
        uint64_t word = idx < 3 ? words[idx] : 0, *at = &limbs[limb + idx];
        exact_u128 total =
            negative ? (exact_u128)*at - word - carry : (exact_u128)*at + word + carry;
        *at = (uint64_t)total;
        carry = (unsigned)(total >> 64) & 1u;
    }
}

static bool wide_need(struct exact_wide **wide)
{
    if (*wide == NULL)
        *wide = mem_zalloc(1, sizeof **wide);
    return *wide != NULL;
}

static bool wide_merge(struct exact_wide **into, const struct exact_wide *from)
{
    if (from == NULL)
        return true;
    if (!wide_need(into))
        return false;
    unsigned carry = 0;
    for (int idx = 0; idx < WIDE_LIMBS; idx++) {
        exact_u128 total = (exact_u128)(*into)->limbs[idx] + from->limbs[idx] + carry;
        (*into)->limbs[idx] = (uint64_t)total;
        carry = (unsigned)(total >> 64);
    }
    return true;
}

/* ---- sum
 * ----------------------------------------------------------------------------------------- */

static void window_to_wide(const struct exact_sum *sum, uint64_t *limbs)
{
    bool negative = (int64_t)sum->high < 0;
    exact_u128 bits = (exact_u128)sum->high << 64 | sum->low;
    limbs_add(limbs, WIDE_LIMBS, negative ? -bits : bits, WIDE_UNIT - SUM_UNIT, negative);
}

static bool window_flush(struct exact_sum *sum)
{
    if (!wide_need(&sum->wide))
        return false;
    window_to_wide(sum, sum->wide->limbs);
    sum->low = sum->high = 0;
    return true;
}

static inline bool window_add(struct exact_sum *sum, exact_i128 value)
{
    exact_i128 window = (exact_i128)((exact_u128)sum->high << 64 | sum->low), total;
    if (__builtin_expect(__builtin_add_overflow(window, value, &total), 0)) {
        if (!window_flush(sum))
            return false;
        total = value;
    }
    sum->low = (uint64_t)(exact_u128)total;
    sum->high = (uint64_t)((exact_u128)total >> 64);
    return true;
}

struct parts { /* value = ± mantissa · 2^(shift - SUM_UNIT) */
    uint64_t mantissa;
    int shift;
    bool negative;
};

/* False: NaN or infinity. */
static inline bool parts_of(double value, struct parts *ret)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int biased = (int)(bits >> 52 & 0x7ff);
    ret->mantissa = bits & 0xfffffffffffffULL;
    ret->negative = bits >> 63 != 0;
    if (biased == 0x7ff)
        return false;
    if (biased == 0)
        biased = 1;
    else
        ret->mantissa |= 1ULL << 52;
    ret->shift = biased - 1075 + SUM_UNIT;
    if (ret->shift < 0 && ret->shift > -64 && (ret->mantissa & ((1ULL << -ret->shift) - 1)) == 0) {
        ret->mantissa >>= -ret->shift; /* a short mantissa: fits the window all the same */
        ret->shift = 0;
    }
    return true;
}

static inline bool parts_fit(struct parts parts)
{
    return (unsigned)parts.shift <= SHIFT_MOST;
}

static uint64_t special_of(double value)
{
    return isnan(value) ? EXACT_NAN : value > 0 ? EXACT_PLUS : EXACT_MINUS;
}

static inline bool sum_add_parts(struct exact_sum *sum, struct parts parts)
{
    sum->count++;
    if (__builtin_expect(parts_fit(parts), 1)) {
        exact_i128 value = (exact_i128)((exact_u128)parts.mantissa << parts.shift);
        return window_add(sum, parts.negative ? -value : value);
    }
    if (parts.mantissa == 0)
        return true;
    if (!wide_need(&sum->wide))
        return false;
    limbs_add(sum->wide->limbs, WIDE_LIMBS, parts.mantissa, WIDE_UNIT - SUM_UNIT + parts.shift,
              parts.negative);
    return true;
}

bool exact_sum_add(struct exact_sum *sum, double value)
{
    struct parts parts;
    if (__builtin_expect(parts_of(value, &parts), 1))
        return sum_add_parts(sum, parts);
    sum->count++;
    sum->specials |= special_of(value);
    return true;
}

bool exact_sum_merge(struct exact_sum *into, const struct exact_sum *from)
{
    into->count += from->count;
    into->specials |= from->specials;
    return window_add(into, (exact_i128)((exact_u128)from->high << 64 | from->low)) &&
           wide_merge(&into->wide, from->wide);
}

void exact_sum_done(struct exact_sum *sum)
{
    mem_free(sum->wide);
    sum->wide = NULL;
}

/* ---- squares
 * ------------------------------------------------------------------------------------- */

static bool squares_flush(struct exact_moments *moments)
{
    if (!wide_need(&moments->wide_squares))
        return false;
    uint64_t *limbs = moments->wide_squares->limbs, *window = moments->squares;
    limbs_add(limbs, WIDE_LIMBS, (exact_u128)window[1] << 64 | window[0], WIDE_UNIT - 2 * SUM_UNIT,
              false);
    limbs_add(limbs, WIDE_LIMBS, (exact_u128)window[3] << 64 | window[2],
              WIDE_UNIT - 2 * SUM_UNIT + 128, false);
    memset(window, 0, sizeof moments->squares);
    return true;
}

/* A square is < 2^252 in window units, so what is below 2^255 before stays below 2^256 after. */
static inline bool squares_room(struct exact_moments *moments)
{
    return __builtin_expect(moments->squares[3] >> 63 == 0, 1) || squares_flush(moments);
}

static inline bool squares_add(struct exact_moments *moments, struct parts parts)
{
    exact_u128 square = (exact_u128)parts.mantissa * parts.mantissa;
    if (__builtin_expect(!parts_fit(parts), 0)) {
        if (square == 0)
            return true;
        if (!wide_need(&moments->wide_squares))
            return false;
        limbs_add(moments->wide_squares->limbs, WIDE_LIMBS, square,
                  WIDE_UNIT + 2 * (parts.shift - SUM_UNIT), false);
        return true;
    }
    if (!squares_room(moments))
        return false;
    int limb = parts.shift >> 5, bit = parts.shift * 2 & 63; /* 2·shift ≤ 146: limb 0, 1 or 2 */
    exact_u128 low = square << bit;
    uint64_t top = bit == 0 ? 0 : (uint64_t)(square >> (128 - bit));
    uint64_t *at = moments->squares + limb;
    exact_u128 total = (exact_u128)at[0] + (uint64_t)low;
    at[0] = (uint64_t)total;
    total = (exact_u128)at[1] + (uint64_t)(low >> 64) + (uint64_t)(total >> 64);
    at[1] = (uint64_t)total;
    uint64_t carry = (uint64_t)(total >> 64) + top; /* top < 2^63 */
    for (int idx = limb + 2; idx < 4; idx++) {
        total = (exact_u128)moments->squares[idx] + carry;
        moments->squares[idx] = (uint64_t)total;
        carry = (uint64_t)(total >> 64);
    }
    return true;
}

bool exact_moments_add(struct exact_moments *moments, double value)
{
    struct parts parts;
    if (__builtin_expect(parts_of(value, &parts), 1))
        return sum_add_parts(&moments->sum, parts) && squares_add(moments, parts);
    return exact_sum_add(&moments->sum, value);
}

bool exact_moments_merge(struct exact_moments *into, const struct exact_moments *from)
{
    if (!squares_room(into) || !exact_sum_merge(&into->sum, &from->sum) ||
        !wide_merge(&into->wide_squares, from->wide_squares))
        return false;
    if (from->squares[3] >> 62 != 0 && !squares_flush(into))
        return false;
    unsigned carry = 0;
    for (int idx = 0; idx < 4; idx++) {
        exact_u128 total = (exact_u128)into->squares[idx] + from->squares[idx] + carry;
        into->squares[idx] = (uint64_t)total;
        carry = (unsigned)(total >> 64);
    }
    return true;
}

void exact_moments_done(struct exact_moments *moments)
{
    exact_sum_done(&moments->sum);
    mem_free(moments->wide_squares);
    moments->wide_squares = NULL;
}

/* ---- rounding
 * ------------------------------------------------------------------------------------ */

/* Two's complement → magnitude; returns the sign. */
static bool limbs_magnitude(uint64_t *limbs)
{
    bool negative = limbs[WIDE_LIMBS - 1] >> 63 != 0;
    unsigned carry = 1;
    for (int idx = 0; negative && idx < WIDE_LIMBS; idx++) {
        exact_u128 total = (exact_u128)~limbs[idx] + carry;
        limbs[idx] = (uint64_t)total;
        carry = (unsigned)(total >> 64);
    }
    return negative;
}

static bool sum_magnitude(const struct exact_sum *sum, uint64_t limbs[WIDE_LIMBS])
{
    if (sum->wide != NULL)
        memcpy(limbs, sum->wide->limbs, sizeof sum->wide->limbs);
    else
        memset(limbs, 0, WIDE_LIMBS * sizeof *limbs);
    window_to_wide(sum, limbs);
    return limbs_magnitude(limbs);
}

static int top_bit(const uint64_t *limbs, int count)
{
    for (int idx = count - 1; idx >= 0; idx--)
        if (limbs[idx] != 0)
            return idx * 64 + 63 - __builtin_clzll(limbs[idx]);
    return -1;
}

static bool bit_at(const uint64_t *limbs, int position)
{
    return (limbs[position / 64] >> (position % 64) & 1u) != 0;
}

static bool any_below(const uint64_t *limbs, int position)
{
    for (int idx = 0; idx < position / 64; idx++)
        if (limbs[idx] != 0)
            return true;
    return (limbs[position / 64] & ((1ULL << position % 64) - 1)) != 0;
}

/* 64 bits from position up. */
static uint64_t bits_at(const uint64_t *limbs, int count, int position)
{
    int limb = position / 64, bit = position % 64;
    uint64_t low = limbs[limb] >> bit;
    return bit == 0 || limb + 1 >= count ? low : low | limbs[limb + 1] << (64 - bit);
}

/* limbs (unit 2^-WIDE_UNIT) + a bit of rest below → nearest double, half to even. */
static double limbs_round(const uint64_t *limbs, bool rest)
{
    int top = top_bit(limbs, WIDE_LIMBS);
    if (top < 0)
        return 0;                 /* the rest is far below the least double */
    int least = WIDE_UNIT - 1074; /* a subnormal's last bit */
    int last = top - 52 > least ? top - 52 : least;
    uint64_t mantissa = top < last ? 0 : bits_at(limbs, WIDE_LIMBS, last) & ((1ULL << 53) - 1);
    bool half = bit_at(limbs, last - 1);
    if (half && (rest || (mantissa & 1u) != 0 || any_below(limbs, last - 1)))
        mantissa++;
    return ldexp((double)mantissa, last - WIDE_UNIT);
}

static bool special_value(uint64_t specials, double *ret)
{
    if (specials == 0)
        return false;
    *ret = specials == EXACT_PLUS    ? (double)INFINITY
           : specials == EXACT_MINUS ? -(double)INFINITY
                                     : (double)NAN;
    return true;
}

double exact_sum_value(const struct exact_sum *sum)
{
    double value;
    if (special_value(sum->specials, &value))
        return value;
    uint64_t limbs[WIDE_LIMBS];
    bool negative = sum_magnitude(sum, limbs);
    value = limbs_round(limbs, false);
    return negative ? -value : value;
}

double exact_mean_value(const struct exact_sum *sum)
{
    double value;
    if (special_value(sum->specials, &value))
        return value;
    uint64_t limbs[WIDE_LIMBS];
    bool negative = sum_magnitude(sum, limbs);
    exact_u128 rest = 0;
    for (int idx = WIDE_LIMBS - 1; idx >= 0; idx--) {
        exact_u128 part = rest << 64 | limbs[idx];
        if (part == 0)
            continue;
        limbs[idx] = (uint64_t)(part / (uint64_t)sum->count);
        rest = part % (uint64_t)sum->count;
    }
    value = limbs_round(limbs, rest != 0);
    return negative ? -value : value;
}

/* ---- standard deviation
 * -------------------------------------------------------------------------- */

/* big = n·Σx² - (Σx)², unit 2^-(2·WIDE_UNIT); never negative (Cauchy-Schwarz). */
static void numerator(const struct exact_moments *moments, uint64_t big[BIG_LIMBS])
{
    struct exact_moments copy = *moments;
    struct exact_wide squares = {{0}};
    if (moments->wide_squares != NULL)
        squares = *moments->wide_squares;
    copy.wide_squares = &squares;
    (void)squares_flush(&copy); /* into the local: allocates nothing */
    uint64_t sum[WIDE_LIMBS], count = (uint64_t)moments->sum.count;
    (void)sum_magnitude(&moments->sum, sum);
    memset(big, 0, BIG_LIMBS * sizeof *big);
    uint64_t carry = 0;
    for (int idx = 0; idx < WIDE_LIMBS; idx++) {
        exact_u128 part = (exact_u128)squares.limbs[idx] * count + carry;
        big[WIDE_UNIT / 64 + idx] = (uint64_t)part;
        carry = (uint64_t)(part >> 64);
    }
    for (int left = 0; left < WIDE_LIMBS; left++)
        for (int right = 0; sum[left] != 0 && right < WIDE_LIMBS; right++)
            if (sum[right] != 0)
                limbs_add(big, BIG_LIMBS, (exact_u128)sum[left] * sum[right], (left + right) * 64,
                          true);
}

/* Sign of ((r + half an ulp)² · n(n-1)) - big. */
static int compare_above(double value, exact_u128 divisor, const uint64_t *big)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int biased = (int)(bits >> 52 & 0x7ff);
    uint64_t mantissa = (bits & 0xfffffffffffffULL) | (biased != 0 ? 1ULL << 52 : 0);
    int exponent = (biased != 0 ? biased : 1) - 1075 - 1;
    exact_u128 root = 2 * (exact_u128)mantissa + 1, square = root * root;
    uint64_t left[2] = {(uint64_t)square, (uint64_t)(square >> 64)},
             right[2] = {(uint64_t)divisor, (uint64_t)(divisor >> 64)};
    uint64_t product[BIG_LIMBS] = {0};
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++)
            limbs_add(product, BIG_LIMBS, (exact_u128)left[a] * right[b],
                      2 * (WIDE_UNIT + exponent) + (a + b) * 64, false);
    for (int idx = BIG_LIMBS - 1; idx >= 0; idx--)
        if (product[idx] != big[idx])
            return product[idx] < big[idx] ? -1 : 1;
    return 0;
}

static bool is_odd(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 1u) != 0;
}

/* The variance as ratio · 2^exponent, exponent even, to a few units of a long double; false: it is
 * 0. */
static bool variance(const uint64_t *big, exact_u128 count, long double *ret_ratio,
                     int *ret_exponent)
{
    int top = top_bit(big, BIG_LIMBS);
    if (top < 0)
        return false;
    int low = top - 63, exponent = low - 2 * WIDE_UNIT;
    *ret_ratio = (long double)bits_at(big, BIG_LIMBS, low) / (long double)(count * (count - 1));
    if (exponent % 2 != 0) {
        *ret_ratio *= 2;
        exponent--;
    }
    *ret_exponent = exponent;
    return true;
}

double exact_var_value(const struct exact_moments *moments)
{
    long double ratio = 0;
    int exponent = 0;
    if (moments->sum.specials != 0)
        return (double)NAN;
    uint64_t big[BIG_LIMBS];
    numerator(moments, big);
    return variance(big, (exact_u128)moments->sum.count, &ratio, &exponent)
               ? (double)ldexpl(ratio, exponent)
               : 0;
}

double exact_sd_value(const struct exact_moments *moments)
{
    long double ratio = 0;
    int exponent = 0;
    if (moments->sum.specials != 0)
        return (double)NAN;
    uint64_t big[BIG_LIMBS];
    numerator(moments, big);
    exact_u128 count = (exact_u128)moments->sum.count, divisor = count * (count - 1);
    if (!variance(big, count, &ratio, &exponent))
        return 0;
    double value = (double)ldexpl(sqrtl(ratio), exponent / 2);
    for (;;) { /* the candidate is at most an ulp or two off */
        int above = compare_above(value, divisor, big);
        if (!isinf(value) && (above < 0 || (above == 0 && is_odd(value)))) {
            value = nextafter(value, (double)INFINITY);
            continue;
        }
        double lower = nextafter(value, 0);
        int below = value > 0 ? compare_above(lower, divisor, big) : -1;
        if (below > 0 || (below == 0 && is_odd(value))) {
            value = lower;
            continue;
        }
        return value;
    }
}
