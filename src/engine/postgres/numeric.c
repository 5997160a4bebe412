/* PostgreSQL's numeric in binary ↔ a 128-bit unscaled decimal. It comes in groups of four digits:
 *
 *   int16 groups, int16 weight (of the first, in powers of 10000), uint16 sign, uint16 displayed
 *   scale, then the groups:  1234567.8900 = 4 displayed, weight 1: 123 | 4567 | 8900
 *
 * Exact both ways, or told why not. Zero has no groups. */
#include "engine/postgres/postgres_priv.h"

__extension__ typedef unsigned __int128 wide_uint;

#define GROUP 10000u
#define HEADER_BYTES 8u
enum {
    SIGN_NEGATIVE = 0x4000,
    SIGN_NAN = 0xC000,
    SIGN_INFINITE = 0xD000,
    SIGN_MINUS_INFINITE = 0xF000
};

struct numeric {
    int groups, weight;
    unsigned sign, displayed;
    const char *digits;
};
static const unsigned powers[] = {1, 10, 100, 1000, 10000};

static bool numeric_open(struct str bytes, struct numeric *ret)
{
    if (bytes.len < HEADER_BYTES)
        return false;
    *ret = (struct numeric){.groups = (int16_t)postgres_get16(bytes.ptr),
                            .weight = (int16_t)postgres_get16(bytes.ptr + 2),
                            .sign = postgres_get16(bytes.ptr + 4),
                            .displayed = postgres_get16(bytes.ptr + 6),
                            .digits = bytes.ptr + HEADER_BYTES};
    if (ret->groups < 0 || bytes.len != HEADER_BYTES + 2 * (size_t)ret->groups)
        return false;
    for (int idx = 0; idx < ret->groups; idx++)
        if (postgres_get16(ret->digits + 2 * (ptrdiff_t)idx) >= GROUP)
            return false;
    return true;
}

static bool times_plus(wide_uint *number, unsigned factor, unsigned more)
{
    const wide_uint most = ~(wide_uint)0;
    if (*number > (most - more) / factor)
        return false;
    *number = *number * factor + more;
    return true;
}

/* The groups as one whole number of 10^-scale. */
static enum postgres_numeric numeric_sum(const struct numeric *numeric, unsigned scale,
                                         wide_uint *ret)
{
    wide_uint number = 0;
    int exponent = numeric->weight * 4 + (int)scale; /* of the group at hand */
    for (int idx = 0; idx < numeric->groups; idx++, exponent -= 4) {
        unsigned group = postgres_get16(numeric->digits + 2 * (ptrdiff_t)idx);
        unsigned kept = exponent >= 0 ? 4 : exponent > -4 ? (unsigned)(4 + exponent) : 0;
        if (group % powers[4 - kept] != 0)
            return NUMERIC_SCALE;
        if (!times_plus(&number, powers[kept], group / powers[4 - kept]))
            return NUMERIC_RANGE;
    }
    for (; numeric->groups > 0 && number != 0 && exponent > -4; exponent--)
        if (!times_plus(&number, 10, 0))
            return NUMERIC_RANGE;
    *ret = number;
    return NUMERIC_OK;
}

static wide_uint power_of_38(void)
{
    const wide_uint half = UINT64_C(10000000000000000000);
    return half * half;
}

enum postgres_numeric postgres_numeric_read(struct str bytes, unsigned scale, bool is_unsigned,
                                            struct data_int128 *ret)
{
    struct numeric numeric;
    wide_uint number = 0;
    if (!numeric_open(bytes, &numeric))
        return NUMERIC_MALFORMED;
    if (numeric.sign == SIGN_NAN)
        return NUMERIC_NAN;
    if (numeric.sign == SIGN_INFINITE || numeric.sign == SIGN_MINUS_INFINITE)
        return NUMERIC_INFINITE;
    enum postgres_numeric outcome = numeric_sum(&numeric, scale, &number);
    if (outcome != NUMERIC_OK)
        return outcome;
    bool negative = numeric.sign == SIGN_NEGATIVE && number != 0;
    if (is_unsigned ? negative : number >= power_of_38())
        return NUMERIC_RANGE;
    if (negative)
        number = -number;
    *ret = (struct data_int128){(uint64_t)number, (int64_t)(uint64_t)(number >> 64)};
    return NUMERIC_OK;
}

bool postgres_numeric_shape(struct str bytes, struct postgres_numeric_shape *ret)
{
    struct numeric numeric;
    if (!numeric_open(bytes, &numeric) || (numeric.sign != 0 && numeric.sign != SIGN_NEGATIVE))
        return false;
    *ret = (struct postgres_numeric_shape){.displayed = numeric.displayed};
    if (numeric.groups == 0)
        return true;
    unsigned first = postgres_get16(numeric.digits);
    unsigned last = postgres_get16(numeric.digits + 2 * (ptrdiff_t)(numeric.groups - 1));
    unsigned digits = first >= 1000 ? 4 : first >= 100 ? 3 : first >= 10 ? 2 : 1;
    unsigned zeros = last % 1000 == 0 ? 3 : last % 100 == 0 ? 2 : last % 10 == 0 ? 1 : 0;
    if (numeric.weight >= 0)
        ret->whole = (unsigned)numeric.weight * 4 + digits;
    int behind = 4 * (numeric.groups - 1 - numeric.weight);
    ret->needed = behind > (int)zeros ? (unsigned)behind - zeros : 0;
    return true;
}

void postgres_numeric_write(struct data_int128 value, bool is_unsigned, unsigned scale,
                            struct buf *out)
{
    wide_uint number = (wide_uint)(uint64_t)value.high << 64 | value.low;
    bool negative = !is_unsigned && value.high < 0;
    if (negative)
        number = -number;
    uint16_t groups[16]; /* least first: ≤ 39 digits, and up to 3 zeros to fill the last */
    int count = 0, behind = (int)(scale + 3) / 4;
    unsigned partial = scale % 4; /* digits of the last group behind the point */
    if (partial != 0) {
        groups[count++] = (uint16_t)((unsigned)(number % powers[partial]) * powers[4 - partial]);
        number /= powers[partial];
    }
    while (number > UINT64_MAX) {
        groups[count++] = (uint16_t)(number % GROUP);
        number /= GROUP;
    }
    for (uint64_t rest = (uint64_t)number; rest > 0; rest /= GROUP)
        groups[count++] = (uint16_t)(rest % GROUP);
    int least = 0;
    while (count > 0 && groups[count - 1] == 0) /* 0.001: nothing before the point */
        count--;
    while (least < count && groups[least] == 0)
        least++;
    int written = count - least;
    postgres_put32(out, HEADER_BYTES + 2 * (uint32_t)written);
    postgres_put16(out, (uint16_t)written);
    postgres_put16(out, (uint16_t)(written > 0 ? count - behind - 1 : 0));
    postgres_put16(out, negative && written > 0 ? SIGN_NEGATIVE : 0);
    postgres_put16(out, (uint16_t)scale);
    while (count > least)
        postgres_put16(out, groups[--count]);
}
