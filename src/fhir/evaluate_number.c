/* Decimals without doubles: comparison and boundaries work on the digits as written, of any length; arithmetic on decimal(38, 15),
 * that is on whole numbers of 10^-15 in 128 bits, rounded half away from zero. */
#include <string.h>

#include "fhir/evaluate_priv.h"

#define SCALE 15
#define SCALE_ONE 1000000000000000LL /* 10^15 */

__extension__ typedef unsigned __int128 wide_uint;

/* A lexeme in parts: digits d1 d2 … dn mean 0.d1d2…dn × 10^point. */
struct lexeme {
    bool negative;
    struct str whole, fraction;
    int64_t exponent;
};

static struct lexeme parts_of(struct str text)
{
    struct lexeme ret = {0};
    const char *at = text.ptr, *end = text.ptr + text.len;
    if (at < end && (*at == '-' || *at == '+'))
        ret.negative = *at++ == '-';
    const char *begin = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    ret.whole = (struct str){begin, (size_t)(at - begin)};
    if (at < end && *at == '.') {
        begin = ++at;
        while (at < end && *at >= '0' && *at <= '9')
            at++;
        ret.fraction = (struct str){begin, (size_t)(at - begin)};
    }
    if (at < end && (*at | 0x20) == 'e') {
        bool negative = ++at < end && *at == '-';
        at += at < end && (*at == '-' || *at == '+');
        for (; at < end && ret.exponent < 100000000; at++)
            ret.exponent = ret.exponent * 10 + (*at - '0');
        ret.exponent = negative ? -ret.exponent : ret.exponent;
    }
    return ret;
}

/* The digit that counts 10^power. */
static int digit_at(const struct lexeme *lexeme, int64_t power)
{
    int64_t place = power - lexeme->exponent;
    if (place >= 0)
        return place < (int64_t)lexeme->whole.len ? lexeme->whole.ptr[(int64_t)lexeme->whole.len - 1 - place] - '0' : 0;
    return -place <= (int64_t)lexeme->fraction.len ? lexeme->fraction.ptr[-place - 1] - '0' : 0;
}

/* The power of the first digit that is not 0; INT64_MIN: it is zero. */
static int64_t first_power(const struct lexeme *lexeme)
{
    int64_t top = (int64_t)lexeme->whole.len - 1 + lexeme->exponent;
    int64_t bottom = lexeme->exponent - (int64_t)lexeme->fraction.len;
    for (int64_t power = top; power >= bottom; power--)
        if (digit_at(lexeme, power) != 0)
            return power;
    return INT64_MIN;
}

int fhir_number_compare(struct str a, struct str b)
{
    struct lexeme left = parts_of(a), right = parts_of(b);
    int64_t top = first_power(&left), other = first_power(&right);
    int sign_left = top == INT64_MIN ? 0 : left.negative ? -1 : 1, sign_right = other == INT64_MIN ? 0 : right.negative ? -1 : 1;
    if (sign_left != sign_right || sign_left == 0)
        return sign_left - sign_right;
    if (top != other)
        return (top < other ? -1 : 1) * sign_left;
    int64_t bottom = left.exponent - (int64_t)left.fraction.len, bottom_right = right.exponent - (int64_t)right.fraction.len;
    if (bottom_right < bottom)
        bottom = bottom_right;
    for (int64_t power = top; power >= bottom; power--) {
        int difference = digit_at(&left, power) - digit_at(&right, power);
        if (difference != 0)
            return difference * sign_left;
    }
    return 0;
}

bool fhir_number_read(struct str text, fhir_wide *ret)
{
    struct lexeme lexeme = parts_of(text);
    int64_t top = first_power(&lexeme);
    wide_uint value = 0;
    if (top >= FHIR_PATH_LIMIT_DIGITS)
        return false;
    for (int64_t power = top; top != INT64_MIN && power >= -SCALE; power--)
        value = value * 10 + (unsigned)digit_at(&lexeme, power);
    if (top != INT64_MIN && digit_at(&lexeme, -SCALE - 1) >= 5)
        value++;
    *ret = lexeme.negative ? -(fhir_wide)value : (fhir_wide)value;
    return true;
}

struct str fhir_number_text(struct arena *arena, fhir_wide value)
{
    char *text = arena_alloc(arena, 64);
    if (text == NULL)
        return (struct str){NULL, 0};
    wide_uint rest = value < 0 ? (wide_uint)-value : (wide_uint)value;
    size_t at = 63;
    int digits = 0;
    bool started = false; /* zeros at the end of the fraction are left out */
    while (rest > 0 || digits <= SCALE) {
        int digit = (int)(rest % 10);
        rest /= 10;
        started = started || digit != 0 || digits >= SCALE;
        if (digits == SCALE && at < 63)
            text[--at] = '.';
        if (started)
            text[--at] = (char)('0' + digit);
        digits++;
    }
    if (value < 0)
        text[--at] = '-';
    return (struct str){text + at, 63 - at};
}

/* ---- arithmetic -------------------------------------------------------------------------------- */

/* (high, low) / divisor, where the quotient is known to fit: high < divisor. */
static wide_uint divide_long(wide_uint high, wide_uint low, wide_uint divisor, wide_uint *ret_rest)
{
    wide_uint quotient = 0;
    for (int bit = 127; bit >= 0; bit--) {
        bool carry = (high >> 127) != 0;
        high = high << 1 | (low >> bit & 1);
        quotient <<= 1;
        if (carry || high >= divisor) {
            high -= divisor;
            quotient |= 1;
        }
    }
    *ret_rest = high;
    return quotient;
}

static void multiply_long(wide_uint a, wide_uint b, wide_uint *ret_high, wide_uint *ret_low)
{
    uint64_t a_low = (uint64_t)a, a_high = (uint64_t)(a >> 64), b_low = (uint64_t)b, b_high = (uint64_t)(b >> 64);
    wide_uint low = (wide_uint)a_low * b_low, middle = (wide_uint)a_high * b_low, other = (wide_uint)a_low * b_high;
    wide_uint carry = (low >> 64) + (uint64_t)middle + (uint64_t)other;
    *ret_low = carry << 64 | (uint64_t)low;
    *ret_high = (wide_uint)a_high * b_high + (middle >> 64) + (other >> 64) + (carry >> 64);
}

static wide_uint magnitude(fhir_wide value)
{
    return value < 0 ? (wide_uint)-value : (wide_uint)value;
}

static wide_uint largest(void)
{
    wide_uint value = 1;
    for (int idx = 0; idx < FHIR_PATH_LIMIT_DIGITS + SCALE; idx++)
        value *= 10;
    return value - 1;
}

/* a × b ÷ divisor, half away from zero. False: too large. */
static bool scale_product(wide_uint a, wide_uint b, wide_uint divisor, wide_uint *ret)
{
    wide_uint high, low, rest;
    multiply_long(a, b, &high, &low);
    if (high >= divisor)
        return false;
    *ret = divide_long(high, low, divisor, &rest);
    if (rest >= divisor - rest)
        *ret += 1;
    return *ret <= largest();
}

enum fhir_truth fhir_number_operate(enum fhir_operator operator_, fhir_wide a, fhir_wide b, fhir_wide *ret)
{
    wide_uint left = magnitude(a), right = magnitude(b), result;
    bool divides = operator_ == FHIR_DIVIDE || operator_ == FHIR_DIV || operator_ == FHIR_MOD;
    if (divides && b == 0)
        return FHIR_EMPTY;
    if (operator_ == FHIR_ADD || operator_ == FHIR_SUBTRACT) {
        *ret = operator_ == FHIR_ADD ? a + b : a - b; /* each is below 10^38: the sum fits */
        return magnitude(*ret) <= largest() ? FHIR_TRUE : FHIR_FALSE;
    }
    if (operator_ == FHIR_MOD) {
        *ret = a % b;
        return FHIR_TRUE;
    }
    if (operator_ == FHIR_DIV) {
        result = left / right;
        if (result > largest() / SCALE_ONE)
            return FHIR_FALSE;
        result *= SCALE_ONE;
    } else if (!(operator_ == FHIR_MULTIPLY ? scale_product(left, right, SCALE_ONE, &result) : scale_product(left, SCALE_ONE, right, &result))) {
        return FHIR_FALSE;
    }
    *ret = (a < 0) != (b < 0) ? -(fhir_wide)result : (fhir_wide)result;
    return FHIR_TRUE;
}

bool fhir_number_scaled(struct str text, unsigned precision, unsigned scale, struct data_int128 *ret)
{
    struct lexeme lexeme = parts_of(text);
    int64_t top = first_power(&lexeme);
    wide_uint value = 0, most = 1;
    for (unsigned idx = 0; idx < precision; idx++)
        most *= 10;
    if (top >= (int64_t)precision - (int64_t)scale)
        return false;
    for (int64_t power = top; top != INT64_MIN && power >= -(int64_t)scale; power--)
        value = value * 10 + (unsigned)digit_at(&lexeme, power);
    value += top != INT64_MIN && digit_at(&lexeme, -(int64_t)scale - 1) >= 5;
    if (value >= most)
        return false;
    fhir_wide number = lexeme.negative ? -(fhir_wide)value : (fhir_wide)value;
    ret->low = (uint64_t)number;
    ret->high = (int64_t)(number >> 64);
    return true;
}

/* ---- boundaries -------------------------------------------------------------------------------- */

/* Half a unit of the last written digit away: 1.0 → 0.95, 1.05. On digits: outwards a 5 is put behind them, inwards one is taken off
 * the last digit first. */
struct str fhir_number_boundary(struct arena *arena, struct str text, bool high)
{
    struct lexeme lexeme = parts_of(text);
    int64_t bottom = lexeme.exponent - (int64_t)lexeme.fraction.len, top = first_power(&lexeme);
    bool zero = top == INT64_MIN;
    if (bottom > 100 || bottom < -1000 || top > 1000)
        return text;
    int64_t from = zero || top < 0 ? 0 : top, lowest = bottom - 1 < 0 ? bottom - 1 : 0;
    char *out = arena_alloc(arena, (size_t)(from - lowest) + 4);
    if (out == NULL)
        return (struct str){NULL, 0};
    bool negative = zero ? !high : lexeme.negative;
    bool inwards = !zero && lexeme.negative == high;
    size_t length = negative ? 1 : 0;
    out[0] = '-';
    /* Taking one off borrows over the zeros before it. */
    int64_t borrow = bottom;
    while (inwards && digit_at(&lexeme, borrow) == 0)
        borrow++;
    for (int64_t power = from; power >= lowest; power--) {
        int digit = power >= bottom ? digit_at(&lexeme, power) : power == bottom - 1 ? 5 : 0;
        if (inwards && power >= bottom && power <= borrow)
            digit = power == borrow ? digit - 1 : 9;
        if (power == -1)
            out[length++] = '.';
        if (!(power == from && from > 0 && digit == 0))
            out[length++] = (char)('0' + digit);
    }
    return (struct str){out, length};
}
