/* Columns' types by name, and their values out of JSON. Times finer than a microsecond are rounded
 * half up, as Trino's own casts do. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "engine/trino/trino_priv.h"

__extension__ typedef unsigned __int128 wide_uint;

#define DAY_US 86400000000LL

struct type_name {
    const char *name; /* without its numbers */
    enum trino_form form;
    enum data_kind kind;
};
static const struct type_name type_names[] = {
    {"unknown", TRINO_NOTHING, DATA_NULL},
    {"boolean", TRINO_BOOLEAN, DATA_BOOLEAN},
    {"tinyint", TRINO_INTEGER, DATA_BIGINT},
    {"smallint", TRINO_INTEGER, DATA_BIGINT},
    {"integer", TRINO_INTEGER, DATA_BIGINT},
    {"bigint", TRINO_INTEGER, DATA_BIGINT},
    {"decimal", TRINO_DECIMAL, DATA_DECIMAL},
    {"double", TRINO_DOUBLE, DATA_DOUBLE},
    {"real", TRINO_REAL, DATA_DOUBLE},
    {"varbinary", TRINO_BASE64, DATA_BLOB},
    {"date", TRINO_DATE, DATA_DATE},
    {"time", TRINO_TIME, DATA_TIME},
    {"timestamp", TRINO_TIMESTAMP, DATA_TIMESTAMP},
    {"timestamp with time zone", TRINO_TIMESTAMPTZ, DATA_TIMESTAMPTZ},
    {"interval year to month", TRINO_MONTHS, DATA_INTERVAL},
    {"interval day to second", TRINO_DAYS, DATA_INTERVAL},
    {"json", TRINO_TEXT, DATA_JSON},
    {"array", TRINO_NESTED, DATA_TEXT},
    {"map", TRINO_NESTED, DATA_TEXT},
    {"row", TRINO_NESTED, DATA_TEXT},
};

/* "decimal(10,2)" → 10, 2. */
static struct data_type decimal_of(struct str type)
{
    unsigned numbers[2] = {38, 0};
    size_t at = 0;
    const char *open = memchr(type.ptr, '(', type.len);
    for (const char *c = open; c != NULL && c < type.ptr + type.len; c++) {
        if (*c == '(' || *c == ',') {
            at += *c == ',';
            if (at > 1)
                break;
            numbers[at] = 0;
        } else if (*c >= '0' && *c <= '9' && numbers[at] < 100) {
            numbers[at] = numbers[at] * 10 + (unsigned)(*c - '0');
        }
    }
    if (numbers[0] < 1 || numbers[0] > 38 || numbers[1] > numbers[0])
        return DATA_TYPE(TEXT);
    return data_type_decimal(numbers[0], numbers[1]);
}

struct trino_column trino_column_of(struct str type)
{
    char plain[32];
    size_t length = 0;
    int depth = 0;
    for (size_t idx = 0; idx < type.len && length + 1 < sizeof plain; idx++) {
        depth += type.ptr[idx] == '(';
        if (depth == 0)
            plain[length++] = type.ptr[idx];
        depth -= type.ptr[idx] == ')';
    }
    plain[length] = '\0';
    for (size_t idx = 0; idx < sizeof type_names / sizeof *type_names; idx++) {
        const struct type_name *name = &type_names[idx];
        if (strcmp(plain, name->name) != 0)
            continue;
        struct trino_column column = {.form = name->form, .type = {.kind = name->kind}};
        if (name->form == TRINO_DECIMAL)
            column.type = decimal_of(type);
        if (column.type.kind == DATA_TEXT && column.form == TRINO_DECIMAL)
            column.form = TRINO_TEXT;
        return column;
    }
    return (struct trino_column){TRINO_TEXT, DATA_TYPE(TEXT)};
}

/* ---- numbers ------------------------------------------------------------------------------------
 */

static bool read_decimal(struct str text, struct data_type type, struct data_int128 *ret)
{
    bool negative = text.len > 0 && text.ptr[0] == '-', point = false;
    size_t digits = 0, behind = 0;
    wide_uint number = 0;
    for (size_t idx = negative; idx < text.len; idx++) {
        char c = text.ptr[idx];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || digits + (number > 0) > 38)
            return false;
        number = number * 10 + (unsigned)(c - '0');
        digits += number > 0;
        behind += point;
    }
    if (behind != type.scale || digits > type.precision || text.len == (size_t)negative)
        return false;
    number = negative ? -number : number;
    *ret = (struct data_int128){(uint64_t)number, (int64_t)(uint64_t)(number >> 64)};
    return true;
}

static bool read_double(const json_t *value, double *ret)
{
    if (json_is_number(value)) {
        *ret = json_number_value(value);
        return true;
    }
    const char *text = json_string_value(value);
    if (text == NULL)
        return false;
    *ret = strcmp(text, "NaN") == 0         ? (double)NAN
           : strcmp(text, "Infinity") == 0  ? (double)INFINITY
           : strcmp(text, "-Infinity") == 0 ? -(double)INFINITY
                                            : 0;
    return *ret != 0;
}

/* ---- dates and times ----------------------------------------------------------------------------
 */

struct cursor {
    const char *at, *end;
};
/* At least one digit, at most most. */
static bool take_number(struct cursor *cursor, int most, int64_t *ret)
{
    int taken = 0;
    *ret = 0;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9' && taken < most) {
        *ret = *ret * 10 + (*cursor->at++ - '0');
        taken++;
    }
    return taken > 0;
}
static bool take(struct cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}
static bool at_end(const struct cursor *cursor)
{
    return cursor->at == cursor->end;
}

/* "[+-]YYYY-MM-DD" → days. */
static bool take_date(struct cursor *cursor, int64_t *ret_days)
{
    int64_t year, month, day;
    bool negative = take(cursor, '-');
    if (!negative)
        (void)take(cursor, '+');
    if (!take_number(cursor, 7, &year) || !take(cursor, '-') || !take_number(cursor, 2, &month) ||
        !take(cursor, '-') || !take_number(cursor, 2, &day))
        return false;
    year = negative ? -year : year;
    /* a timestamp's years: 292 thousand around 1970 */
    if (year < -290000 || year > 290000 || !clock_civil_valid(year, (unsigned)month, (unsigned)day))
        return false;
    *ret_days = clock_days_from_civil(year, (unsigned)month, (unsigned)day);
    return true;
}

/* ".123456789" → microseconds, rounded half up; nothing → 0. */
static bool take_fraction(struct cursor *cursor, int64_t *ret_us)
{
    int digits = 0;
    *ret_us = 0;
    if (!take(cursor, '.'))
        return true;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; digits++) {
        int digit = *cursor->at++ - '0';
        if (digits < 6)
            *ret_us = *ret_us * 10 + digit;
        else if (digits == 6)
            *ret_us += digit >= 5;
    }
    int have = digits;
    for (; have < 6; have++)
        *ret_us *= 10;
    return digits > 0 && digits <= 12;
}

/* "HH:MM:SS[.f]" → µs; hours beyond 23 only for intervals. */
static bool take_time(struct cursor *cursor, int64_t *ret_us)
{
    int64_t hour, minute, second, fraction;
    if (!take_number(cursor, 2, &hour) || !take(cursor, ':') || !take_number(cursor, 2, &minute) ||
        !take(cursor, ':') || !take_number(cursor, 2, &second) ||
        !take_fraction(cursor, &fraction) || hour > 23 || minute > 59 || second > 59)
        return false;
    *ret_us = ((hour * 60 + minute) * 60 + second) * 1000000 + fraction;
    return true;
}

static bool take_timestamp(struct cursor *cursor, int64_t *ret_us)
{
    int64_t days, us;
    if (!take_date(cursor, &days) || !take(cursor, ' ') || !take_time(cursor, &us))
        return false;
    *ret_us = days * DAY_US + us;
    return true;
}

/* " UTC", " Z", " +01:00" → µs to take off. Zones of a name are not known here. */
static bool take_zone(struct cursor *cursor, int64_t *ret_us)
{
    int64_t hour, minute;
    *ret_us = 0;
    if (!take(cursor, ' '))
        return false;
    struct str rest = {cursor->at, (size_t)(cursor->end - cursor->at)};
    if (str_equal(rest, STR("UTC")) || str_equal(rest, STR("Z")) || str_equal(rest, STR("GMT"))) {
        cursor->at = cursor->end;
        return true;
    }
    bool negative = take(cursor, '-');
    if (!negative && !take(cursor, '+'))
        return false;
    if (!take_number(cursor, 2, &hour) || !take(cursor, ':') || !take_number(cursor, 2, &minute))
        return false;
    *ret_us = (hour * 60 + minute) * 60000000 * (negative ? -1 : 1);
    return true;
}

static bool read_moment(enum trino_form form, struct str text, int64_t *ret)
{
    struct cursor cursor = {text.ptr, text.ptr + text.len};
    int64_t offset_us = 0;
    bool ok = form == TRINO_DATE   ? take_date(&cursor, ret)
              : form == TRINO_TIME ? take_time(&cursor, ret)
                                   : take_timestamp(&cursor, ret);
    if (ok && form == TRINO_TIMESTAMPTZ)
        ok = take_zone(&cursor, &offset_us);
    if (!ok || !at_end(&cursor))
        return false;
    *ret -= offset_us;
    if (form == TRINO_TIME)
        *ret %= DAY_US; /* 23:59:59.9999999 */
    return true;
}

/* "-1-2" → months; "-2 03:04:05.321" → days and µs, the sign on both. */
static bool read_interval(enum trino_form form, struct str text, struct data_interval *ret)
{
    struct cursor cursor = {text.ptr, text.ptr + text.len};
    int64_t first, second;
    *ret = (struct data_interval){0};
    int sign = take(&cursor, '-') ? -1 : 1;
    if (!take_number(&cursor, 9, &first))
        return false;
    if (form == TRINO_MONTHS) {
        int64_t months;
        if (!take(&cursor, '-') || !take_number(&cursor, 2, &second) || !at_end(&cursor))
            return false;
        months = sign * (first * 12 + second);
        ret->months = (int32_t)months;
        return months == ret->months;
    }
    if (!take(&cursor, ' ') || !take_time(&cursor, &second) || !at_end(&cursor))
        return false;
    ret->days = (int32_t)(sign * first);
    ret->microseconds = sign * second;
    return true;
}

/* ---- texts and bytes ----------------------------------------------------------------------------
 */

static bool read_base64(struct str text, struct arena *arena, struct str *ret)
{
    size_t length = 0;
    char *bytes = arena_alloc(arena, text.len + 1);
    if (bytes == NULL || !str_from_base64(text, bytes, &length))
        return false;
    *ret = (struct str){bytes, length};
    return true;
}

static bool read_nested(const json_t *value, struct arena *arena, struct buf *scratch,
                        struct str *ret)
{
    buf_clear(scratch);
    if (json_compact(value, scratch, ERR_IGNORED) != ERR_OK)
        return false;
    char *copy = arena_strndup(arena, buf_text(scratch), scratch->len);
    *ret = (struct str){copy, scratch->len};
    return copy != NULL;
}

bool trino_value_read(const struct trino_column *column, const json_t *value, struct arena *arena,
                      struct buf *scratch, struct data_vector *vector, int64_t row)
{
    struct str text = {json_string_value(value), json_string_length(value)};
    bool is_text = json_is_string(value);
    switch (column->form) {
    case TRINO_NOTHING:
        return false;
    case TRINO_BOOLEAN:
        vector->u8[row] = json_is_true(value);
        return json_is_boolean(value);
    case TRINO_INTEGER:
        vector->i64[row] = json_integer_value(value);
        return json_is_integer(value);
    case TRINO_DECIMAL:
        return is_text && read_decimal(text, column->type, &vector->i128[row]);
    case TRINO_DOUBLE:
        return read_double(value, &vector->f64[row]);
    case TRINO_REAL:
        if (!read_double(value, &vector->f64[row]))
            return false;
        vector->f64[row] = (double)(float)vector->f64[row];
        return true;
    case TRINO_TEXT:
        vector->text[row] = text;
        return is_text;
    case TRINO_BASE64:
        return is_text && read_base64(text, arena, &vector->text[row]);
    case TRINO_DATE:
    case TRINO_TIME:
    case TRINO_TIMESTAMP:
    case TRINO_TIMESTAMPTZ:
        return is_text && read_moment(column->form, text, &vector->i64[row]);
    case TRINO_MONTHS:
    case TRINO_DAYS:
        return is_text && read_interval(column->form, text, &vector->interval[row]);
    case TRINO_NESTED:
        return read_nested(value, arena, scratch, &vector->text[row]);
    }
    return false;
}
