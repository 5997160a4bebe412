/* Literals in canonical text, so that equal values make equal plans however they were written:
 * "007" → "7", "1.5" as decimal(9,2) → "1.50", "1e0" as double → "1", "2026-1-2" is no date. The
 * spelling is data_value_text's. */
#include "plan/plan_priv.h"

#include <string.h>

#include "base/clock.h"

static bool digits(const char **at, size_t count, unsigned *ret)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        value = value * 10 + (unsigned)(**at - '0');
    }
    *ret = value;
    return true;
}
static bool mark(const char **at, char c)
{
    return **at == c && (*at)++ != NULL;
}

static bool canonical_date(const char **at, struct buf *out)
{
    unsigned year, month, day;
    if (!digits(at, 4, &year) || !mark(at, '-') || !digits(at, 2, &month) || !mark(at, '-') ||
        !digits(at, 2, &day))
        return false;
    if (!clock_civil_valid(year, month, day))
        return false;
    buf_printf(out, "%04u-%02u-%02u", year, month, day);
    return true;
}

/* hh:mm[:ss[.ffffff]] → hh:mm:ss[.f…], zeros at the end dropped. */
static bool canonical_time(const char **at, struct buf *out)
{
    unsigned hour, minute, second = 0;
    if (!digits(at, 2, &hour) || !mark(at, ':') || !digits(at, 2, &minute))
        return false;
    if (mark(at, ':') && !digits(at, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    buf_printf(out, "%02u:%02u:%02u", hour, minute, second);
    if (!mark(at, '.'))
        return true;
    const char *start = *at;
    size_t length = strspn(start, "0123456789");
    if (length == 0 || length > 6)
        return false;
    *at += length;
    while (length > 0 && start[length - 1] == '0')
        length--;
    if (length > 0) {
        buf_putc(out, '.');
        buf_add(out, start, length);
    }
    return true;
}

static bool canonical_timestamp(const char *text, bool zone, struct buf *out)
{
    if (!canonical_date(&text, out))
        return false;
    buf_putc(out, ' ');
    if (*text == '\0')
        buf_puts(out, "00:00:00");
    else if ((!mark(&text, ' ') && !mark(&text, 'T')) || !canonical_time(&text, out))
        return false;
    if (!zone)
        return *text == '\0';
    buf_puts(out, "+00");
    return strcmp(text, "") == 0 || strcmp(text, "Z") == 0 || strcmp(text, "+00") == 0 ||
           strcmp(text, "+00:00") == 0;
}

/* Digits with at most `scale` of them (zeros apart) behind the point, and at most precision - scale
 * before it. */
static bool canonical_decimal(struct data_type type, const char *text, struct buf *out)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    size_t whole = strspn(text, "0123456789");
    const char *whole_at = text;
    const char *fraction_at = text + whole;
    size_t fraction = 0;
    if (*fraction_at == '.') {
        fraction_at++;
        fraction = strspn(fraction_at, "0123456789");
    }
    if (whole + fraction == 0 || fraction_at[fraction] != '\0')
        return false;
    while (whole > 0 && *whole_at == '0') {
        whole_at++;
        whole--;
    }
    while (fraction > 0 && fraction_at[fraction - 1] == '0')
        fraction--;
    if (fraction > type.scale || whole > (size_t)(type.precision - type.scale))
        return false;
    if (negative && whole + fraction > 0)
        buf_putc(out, '-');
    if (whole == 0)
        buf_putc(out, '0');
    buf_add(out, whole_at, whole);
    if (type.scale > 0)
        buf_putc(out, '.');
    buf_add(out, fraction_at, fraction);
    for (size_t i = fraction; i < type.scale; i++)
        buf_putc(out, '0');
    return true;
}

static bool canonical_uhugeint(const char *text, struct buf *out)
{
    static const char MOST[] = "340282366920938463463374607431768211455";
    size_t length = strspn(text, "0123456789");
    if (length == 0 || text[length] != '\0')
        return false;
    while (length > 1 && *text == '0') {
        text++;
        length--;
    }
    size_t most = sizeof MOST - 1;
    if (length > most || (length == most && memcmp(text, MOST, most) > 0))
        return false;
    buf_add(out, text, length);
    return true;
}

static bool canonical_double(const char *text, struct buf *out)
{
    double value;
    if (!str_to_double(str_of(text), &value))
        return false;
    char shortest[32];
    buf_puts(out, str_from_double(value == 0 ? 0.0 : value, shortest)); /* -0 = 0 */
    return true;
}

static bool canonical_bigint(const char *text, struct buf *out)
{
    int64_t value;
    if (!str_to_int64(str_of(text), &value))
        return false;
    buf_printf(out, "%lld", (long long)value);
    return true;
}

/* ISO 8601 durations: "P1Y2M10DT2H30M1.5S" → "P14M10DT9001.5S": months, days, seconds, as an
 * interval is kept. Weeks are days; "-" before a number counts it back. */
static bool canonical_interval(const char *text, struct buf *out)
{
    static const struct {
        char unit;
        bool time;
        int part; /* 0 months, 1 days, 2 µs */
        int64_t factor;
    } UNITS[] = {{'Y', false, 0, 12},    {'M', false, 0, 1},         {'W', false, 1, 7},
                 {'D', false, 1, 1},     {'H', true, 2, 3600000000}, {'M', true, 2, 60000000},
                 {'S', true, 2, 1000000}};
    int64_t parts[3] = {0, 0, 0};
    bool time = false, any = false;
    if (*text++ != 'P')
        return false;
    while (*text != '\0') {
        if (!time && *text == 'T') {
            time = true;
            text++;
            continue;
        }
        bool negative = *text == '-';
        text += negative;
        size_t whole = strspn(text, "0123456789"), fraction = 0;
        int64_t number = 0, micros = 0, scaled;
        if (whole == 0 || !str_to_int64((struct str){text, whole}, &number))
            return false;
        text += whole;
        if (*text == '.') {
            fraction = strspn(++text, "0123456789");
            if (fraction == 0 || fraction > 6 ||
                !str_to_int64((struct str){text, fraction}, &micros))
                return false;
            for (size_t i = fraction; i < 6; i++)
                micros *= 10;
            text += fraction;
        }
        size_t at = 0;
        while (at < sizeof UNITS / sizeof UNITS[0] &&
               (UNITS[at].unit != *text || UNITS[at].time != time))
            at++;
        if (at == sizeof UNITS / sizeof UNITS[0] || (fraction > 0 && UNITS[at].unit != 'S'))
            return false;
        if (__builtin_mul_overflow(number, UNITS[at].factor, &scaled) ||
            __builtin_add_overflow(scaled, micros, &scaled) ||
            __builtin_add_overflow(parts[UNITS[at].part], negative ? -scaled : scaled,
                                   &parts[UNITS[at].part]))
            return false;
        any = true;
        text++;
    }
    if (!any || parts[0] > INT32_MAX || parts[0] < -INT32_MAX || parts[1] > INT32_MAX ||
        parts[1] < -INT32_MAX || parts[2] == INT64_MIN)
        return false;
    int64_t micros = parts[2] < 0 ? -parts[2] : parts[2];
    buf_printf(out, "P%lldM%lldDT%s%lld", (long long)parts[0], (long long)parts[1],
               parts[2] < 0 ? "-" : "", (long long)(micros / 1000000));
    if (micros % 1000000 != 0)
        buf_printf(out, ".%06lld", (long long)(micros % 1000000));
    buf_putc(out, 'S');
    return true;
}

bool plan_literal_canonical(struct data_type type, const char *text, struct buf *out)
{
    switch (type.kind) {
    case DATA_BOOLEAN:
        buf_puts(out, text);
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    case DATA_BIGINT:
        return canonical_bigint(text, out);
    case DATA_UHUGEINT:
        return canonical_uhugeint(text, out);
    case DATA_DECIMAL:
        return canonical_decimal(type, text, out);
    case DATA_DOUBLE:
        return canonical_double(text, out);
    case DATA_TEXT:
    case DATA_JSON:
        buf_puts(out, text);
        return str_utf8_valid_prefix(str_of(text)) == strlen(text);
    case DATA_DATE:
        return canonical_date(&text, out) && *text == '\0';
    case DATA_TIME:
        return canonical_time(&text, out) && *text == '\0';
    case DATA_TIMESTAMP:
        return canonical_timestamp(text, false, out);
    case DATA_TIMESTAMPTZ:
        return canonical_timestamp(text, true, out);
    case DATA_INTERVAL:
        return canonical_interval(text, out);
    case DATA_NULL:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
        return false; /* a blob is passed as a parameter; lists and structs are built of parts */
    }
    return false;
}
