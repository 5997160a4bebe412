/* struct str: borrowed bytes, and the strict, locale-free readers and writers of numbers.
 * Numbers go through the C locale object (strtod_l), never through the process's locale. */
#include "base/str.h"

#include <locale.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct str str_of(const char *text)
{
    return text == NULL ? (struct str){"", 0} : (struct str){text, strlen(text)};
}

bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

int str_compare(struct str a, struct str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_has_prefix(struct str s, const char *prefix)
{
    size_t length = strlen(prefix);
    return s.len >= length && memcmp(s.ptr == NULL ? "" : s.ptr, prefix, length) == 0;
}

bool str_has_suffix_nocase(struct str s, const char *suffix)
{
    size_t length = strlen(suffix);
    if (s.len < length)
        return false;
    return str_equal_nocase((struct str){s.ptr + (s.len - length), length},
                            (struct str){suffix, length});
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool str_to_int64(struct str s, int64_t *ret)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t at = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');
    if (at == s.len)
        return false;
    int64_t value = 0; /* kept negative, where the range is one larger */
    for (; at < s.len; at++) {
        if (!is_digit(s.ptr[at]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, s.ptr[at] - '0', &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *ret = negative ? value : -value;
    return true;
}

/* [+-] digits [. digits] [e [+-] digits] with a digit before or after the point; or nan, inf,
 * infinity. */
static bool looks_like_double(struct str s)
{
    size_t at = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');
    struct str body = {s.ptr + at, s.len - at};
    if (str_equal_nocase(body, STR("nan")) || str_equal_nocase(body, STR("inf")) ||
        str_equal_nocase(body, STR("infinity")))
        return true;
    size_t digits = 0;
    for (; at < s.len && is_digit(s.ptr[at]); at++)
        digits++;
    if (at < s.len && s.ptr[at] == '.')
        for (at++; at < s.len && is_digit(s.ptr[at]); at++)
            digits++;
    if (digits == 0)
        return false;
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        at += at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+');
        size_t start = at;
        while (at < s.len && is_digit(s.ptr[at]))
            at++;
        if (at == start)
            return false;
    }
    return at == s.len;
}

/* The C locale. glibc hands out a static object for it, so this neither allocates nor fails. */
static locale_t c_locale(void)
{
    static _Atomic(locale_t) shared;
    locale_t locale = atomic_load_explicit(&shared, memory_order_acquire);
    if (locale == (locale_t)0) {
        locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        atomic_store_explicit(&shared, locale, memory_order_release);
    }
    return locale;
}

/* Up to 15 digits with a point among them: one division of two numbers that a double holds exactly, so it rounds as strtod
 * does. */
static bool short_decimal(struct str s, double *ret)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = s.len > 0 && s.ptr[0] == '-';
    int64_t number = 0;
    size_t digits = 0, behind = 0;
    bool point = false;
    for (size_t i = negative; i < s.len; i++) {
        if (s.ptr[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(s.ptr[i]) || ++digits > 15)
            return false;
        number = number * 10 + (s.ptr[i] - '0');
        behind += point;
    }
    if (digits == 0)
        return false;
    double value = (double)number / powers[behind];
    *ret = negative ? -value : value;
    return true;
}

bool str_to_double(struct str s, double *ret)
{
    if (short_decimal(s, ret))
        return true;
    char small[128];
    if (!looks_like_double(s))
        return false;
    char *text = s.len < sizeof small ? small : mem_alloc(s.len + 1);
    if (text == NULL)
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    double value = strtod_l(text, NULL, c_locale());
    bool spelled = isinf(value) && (strchr(text, 'n') != NULL || strchr(text, 'N') != NULL);
    if (text != small)
        mem_free(text);
    if (isinf(value) && !spelled)
        return false; /* out of range */
    *ret = value;
    return true;
}

static double byte_factor(struct str unit)
{
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"", 1},         {"b", 1},        {"k", 0x1p10},   {"m", 0x1p20},  {"g", 0x1p30},
                 {"t", 0x1p40},   {"kb", 1e3},     {"mb", 1e6},     {"gb", 1e9},    {"tb", 1e12},
                 {"kib", 0x1p10}, {"mib", 0x1p20}, {"gib", 0x1p30}, {"tib", 0x1p40}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (str_equal_nocase(unit, str_of(units[i].name)))
            return units[i].factor;
    return 0;
}

bool str_to_bytes(struct str s, int64_t *ret_bytes)
{
    s = str_trim(s);
    size_t digits = 0;
    while (digits < s.len && (is_digit(s.ptr[digits]) || s.ptr[digits] == '.'))
        digits++;
    double number = 0;
    double factor = byte_factor(str_trim((struct str){s.ptr + digits, s.len - digits}));
    if (factor == 0 || !str_to_double((struct str){s.ptr, digits}, &number))
        return false;
    double bytes = number * factor;
    if (!(bytes >= 0 && bytes < 0x1p63))
        return false;
    *ret_bytes = (int64_t)bytes;
    return true;
}

/* Length of the well-formed sequence at p (RFC 3629, table 3-7 of Unicode); 0 = ill-formed. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    unsigned char lead = p[0];
    if (lead < 0x80u)
        return 1;
    if (lead < 0xC2u || lead > 0xF4u)
        return 0;
    size_t length = lead < 0xE0u ? 2 : lead < 0xF0u ? 3 : 4;
    if (left < length)
        return 0;
    unsigned char low = lead == 0xE0u ? 0xA0u : lead == 0xF0u ? 0x90u : 0x80u;
    unsigned char high = lead == 0xEDu ? 0x9Fu : lead == 0xF4u ? 0x8Fu : 0xBFu;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xC0u) != 0x80u)
            return 0;
    return length;
}

size_t str_utf8_valid_prefix(struct str s)
{
    size_t at = 0;
    while (at < s.len) {
        uint64_t word = 0;
        if (s.len - at >= 8) {
            memcpy(&word, s.ptr + at, 8);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += 8;
                continue;
            }
        } else if (s.len - at >= 4) { /* the rest by two words that overlap */
            uint32_t first, last;
            memcpy(&first, s.ptr + at, 4);
            memcpy(&last, s.ptr + s.len - 4, 4);
            if (((first | last) & UINT32_C(0x80808080)) == 0)
                return s.len;
        }
        size_t length = utf8_sequence((const unsigned char *)s.ptr + at, s.len - at);
        if (length == 0)
            return at;
        at += length;
    }
    return at;
}

/* "1e+300" → "1e300", "1e-07" → "1e-7", and a decimal comma of the process's locale → point. */
static void tidy_double(char *text)
{
    char *out = text;
    for (char *in = text; *in != '\0'; in++) {
        if (*in == '+')
            continue;
        *out++ = *in == ',' ? '.' : *in;
        if (*in == 'e') {
            in++;
            if (*in == '-')
                *out++ = *in++;
            else if (*in == '+')
                in++;
            while (*in == '0' && in[1] != '\0')
                in++;
            in--;
        }
    }
    *out = '\0';
}

static const char *put_word(char ret[32], const char *word)
{
    memcpy(ret, word, strlen(word) + 1);
    return ret;
}

const char *str_from_double(double value, char ret[32])
{
    if (isnan(value))
        return put_word(ret, "nan");
    if (isinf(value))
        return put_word(ret, value < 0 ? "-inf" : "inf");
    /* Normal numbers: 15 digits are shortest where they read back, else 16 or 17. Subnormals have
     * fewer. */
    int digits = fabs(value) < 0x1p-1022 && value != 0 ? 1 : 15;
    for (; digits <= 17; digits++) {
        snprintf(ret, 32, "%.*g", digits, value);
        tidy_double(ret);
        if (digits == 17 || strtod_l(ret, NULL, c_locale()) == value)
            break;
    }
    return ret;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool str_from_base64(struct str text, char *ret, size_t *ret_length)
{
    size_t digits = 0, padding = 0;
    uint32_t bits = 0;
    *ret_length = 0;
    for (size_t idx = 0; idx < text.len; idx++) {
        char c = text.ptr[idx];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            continue;
        padding += c == '=' ? 1 : 0;
        if (c == '=')
            continue;
        int digit = base64_digit(c);
        if (digit < 0 || padding > 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        if (digits % 4 != 0)
            ret[(*ret_length)++] = (char)(bits >> (6 - 2 * (digits % 4)));
        digits++;
    }
    return digits % 4 != 1 && padding <= 2;
}
