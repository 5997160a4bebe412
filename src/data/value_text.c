/* Values as text and as JSON: the one place that decides how a value looks. Exact: what is written
 * reads back as the same value of the same type. Dates and timestamps at DuckDB's infinities are
 * written "infinity" and "-infinity". */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "data/data.h"
#include "data/int128_priv.h"

#define US_PER_DAY INT64_C(86400000000)
#define DATE_INFINITY INT64_C(2147483647) /* DuckDB's, also as -DATE_INFINITY */

/* Digits of an unsigned value, at least width of them, ending before end. Returns their start. */
static char *digits_before(char *end, uint64_t value, int width)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
        width--;
    } while (value > 0 || width > 0);
    return end;
}

/* Adds an unsigned 128-bit value with scale digits behind the point. */
static void add_u128(struct buf *out, wide_uint value, bool negative, unsigned scale)
{
    char text[48];
    char *end = text + sizeof text, *at = end;
    unsigned count = 0;
    do {
        if (count == scale && scale > 0)
            *--at = '.';
        *--at = (char)('0' + (int)(value % 10));
        value /= 10;
        count++;
    } while (value > 0 || count <= scale);
    if (negative)
        *--at = '-';
    buf_add(out, at, (size_t)(end - at));
}

static void add_int128(struct buf *out, struct data_int128 value, unsigned scale)
{
    wide_uint bits = wide_bits(value);
    bool negative = value.high < 0;
    add_u128(out, negative ? -bits : bits, negative, scale);
}

static void add_int64(struct buf *out, int64_t value)
{
    char text[24];
    char *end = text + sizeof text;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char *at = digits_before(end, magnitude, 1);
    if (value < 0)
        *--at = '-';
    buf_add(out, at, (size_t)(end - at));
}

static void add_padded(struct buf *out, uint64_t value, int width)
{
    char text[24];
    char *end = text + sizeof text;
    char *at = digits_before(end, value, width);
    buf_add(out, at, (size_t)(end - at));
}

static void add_date(struct buf *out, int64_t days)
{
    int64_t year = 0;
    unsigned month = 0, day = 0;
    clock_civil_from_days(days, &year, &month, &day);
    if (year < 0)
        buf_putc(out, '-');
    add_padded(out, (uint64_t)(year < 0 ? -year : year), 4);
    buf_putc(out, '-');
    add_padded(out, month, 2);
    buf_putc(out, '-');
    add_padded(out, day, 2);
}

/* us: microseconds of the day (an interval's hours may pass 24). */
static void add_time(struct buf *out, int64_t us)
{
    if (us < 0)
        buf_putc(out, '-');
    uint64_t rest = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    add_padded(out, rest / UINT64_C(3600000000), 2);
    buf_putc(out, ':');
    add_padded(out, rest / UINT64_C(60000000) % 60, 2);
    buf_putc(out, ':');
    add_padded(out, rest / UINT64_C(1000000) % 60, 2);
    if (rest % UINT64_C(1000000) != 0) {
        buf_putc(out, '.');
        add_padded(out, rest % UINT64_C(1000000), 6);
    }
}

static void add_timestamp(struct buf *out, int64_t us, bool zone)
{
    int64_t rest = us % US_PER_DAY;
    int64_t days = us / US_PER_DAY - (rest < 0);
    if (us == INT64_MAX || us == -INT64_MAX) {
        buf_puts(out, us > 0 ? "infinity" : "-infinity");
        return;
    }
    add_date(out, days);
    buf_putc(out, ' ');
    add_time(out, rest < 0 ? rest + US_PER_DAY : rest);
    if (zone)
        buf_puts(out, "+00");
}

static void add_interval(struct buf *out, struct data_interval value)
{
    buf_printf(out, "%d months %d days ", value.months, value.days);
    add_time(out, value.microseconds);
}

static void add_hex(struct buf *out, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        buf_putc(out, digits[(unsigned char)bytes.ptr[i] >> 4]);
        buf_putc(out, digits[(unsigned char)bytes.ptr[i] & 15]);
    }
}

bool data_value_text(const struct data_vector *vector, int64_t row, struct buf *out)
{
    char number[32];
    if (vector->type.kind == DATA_NULL || !data_vector_is_valid(vector, row))
        return false;
    switch (vector->type.kind) {
    case DATA_NULL:
        return false;
    case DATA_BOOLEAN:
        buf_puts(out, vector->u8[row] != 0 ? "true" : "false");
        break;
    case DATA_BIGINT:
        add_int64(out, vector->i64[row]);
        break;
    case DATA_UHUGEINT:
        add_u128(out, wide_bits(vector->i128[row]), false, 0);
        break;
    case DATA_DECIMAL:
        add_int128(out, vector->i128[row], vector->type.scale);
        break;
    case DATA_DOUBLE:
        buf_puts(out, str_from_double(vector->f64[row], number));
        break;
    case DATA_TEXT:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        buf_add_str(out, vector->text[row]);
        break;
    case DATA_BLOB:
        add_hex(out, vector->text[row]);
        break;
    case DATA_DATE:
        if (vector->i64[row] == DATE_INFINITY || vector->i64[row] == -DATE_INFINITY)
            buf_puts(out, vector->i64[row] > 0 ? "infinity" : "-infinity");
        else
            add_date(out, vector->i64[row]);
        break;
    case DATA_TIME:
        add_time(out, vector->i64[row]);
        break;
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
        add_timestamp(out, vector->i64[row], vector->type.kind == DATA_TIMESTAMPTZ);
        break;
    case DATA_INTERVAL:
        add_interval(out, vector->interval[row]);
        break;
    }
    return true;
}

void data_json_escape(struct str s, struct buf *out)
{
    buf_add_json(out, s);
}

/* A JSON value is embedded as it stands when it is well-formed and holds no raw control byte, else
 * as a text. */
static void add_json_value(struct str text, struct buf *out)
{
    json_t *parsed = NULL;
    bool plain = true;
    for (size_t i = 0; i < text.len && plain; i++)
        plain = (unsigned char)text.ptr[i] >= 0x20u;
    if (plain && json_parse(text, NULL, &parsed, ERR_IGNORED) == ERR_OK)
        buf_add_str(out, str_trim(text));
    else
        buf_add_json(out, text);
    json_decref(parsed);
}

void data_value_json(const struct data_vector *vector, int64_t row, struct buf *out)
{
    if (vector->type.kind == DATA_NULL || !data_vector_is_valid(vector, row)) {
        buf_puts(out, "null");
        return;
    }
    switch (vector->type.kind) {
    case DATA_NULL:
        break;
    case DATA_BOOLEAN:
    case DATA_BIGINT:
    case DATA_UHUGEINT:
    case DATA_DECIMAL:
        (void)data_value_text(vector, row, out);
        break;
    case DATA_DOUBLE:
        if (isfinite(vector->f64[row]))
            (void)data_value_text(vector, row, out);
        else
            buf_puts(out, "null");
        break;
    case DATA_TEXT:
        buf_add_json(out, vector->text[row]);
        break;
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        add_json_value(vector->text[row], out);
        break;
    case DATA_BLOB:
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
        buf_putc(out, '"');
        (void)data_value_text(vector, row, out);
        buf_putc(out, '"');
        break;
    }
}
