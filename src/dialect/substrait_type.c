/* Types and literals. All types are nullable; timestamps and times have six decimals; text and JSON
 * are strings. A time is PrecisionTime of variation 1, by which DataFusion knows its 64-bit times.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dialect/substrait_priv.h"

#define NULLABLE 1
#define MICROSECONDS 6
#define TIME_64 1

/* Field of Type.kind, of its nullability and of its precision (0: none). */
struct kind_fields {
    unsigned kind, nullability, precision;
};
static struct kind_fields fields_of(struct data_type type)
{
    switch (type.kind) {
    case DATA_BOOLEAN:
        return (struct kind_fields){1, 2, 0};
    case DATA_BIGINT:
        return (struct kind_fields){type.precision == 32 ? 5 : 7, 2, 0};
    case DATA_DOUBLE:
        return (struct kind_fields){11, 2, 0};
    case DATA_NULL:
    case DATA_TEXT:
    case DATA_JSON:
        return (struct kind_fields){12, 2, 0};
    case DATA_BLOB:
        return (struct kind_fields){13, 2, 0};
    case DATA_DATE:
        return (struct kind_fields){16, 2, 0};
    case DATA_DECIMAL:
        return (struct kind_fields){24, 4, 0};
    case DATA_LIST:
        return (struct kind_fields){27, 3, 0};
    case DATA_STRUCT:
        return (struct kind_fields){25, 3, 0};
    case DATA_TIMESTAMP:
        return (struct kind_fields){33, 3, 1};
    case DATA_TIMESTAMPTZ:
        return (struct kind_fields){34, 3, 1};
    case DATA_INTERVAL:
        return (struct kind_fields){35, 2, 3};
    case DATA_TIME:
        return (struct kind_fields){36, 3, 1};
    case DATA_UHUGEINT: /* said to be missing before */
        return (struct kind_fields){24, 4, 0};
    }
    return (struct kind_fields){12, 2, 0};
}

void substrait_type(struct substrait *sub, struct wire *out, unsigned field, struct data_type type)
{
    struct kind_fields fields = fields_of(type);
    if (type.kind == DATA_UHUGEINT)
        substrait_lacks(sub, "a number of 128 bits");
    size_t whole = wire_open(out, field), kind = wire_open(out, fields.kind);
    if (type.kind == DATA_DECIMAL) {
        if (type.scale > 0)
            wire_number(out, 1, type.scale);
        wire_number(out, 2, type.precision);
    }
    if (type.kind == DATA_LIST || type.kind == DATA_STRUCT)
        for (size_t i = 0; i < type.field_count; i++)
            substrait_type(sub, out, 1, type.fields[i].type);
    if (fields.precision > 0)
        wire_number(out, fields.precision, MICROSECONDS);
    if (type.kind == DATA_TIME)
        wire_number(out, 2, TIME_64);
    wire_number(out, fields.nullability, NULLABLE);
    wire_close(out, kind);
    wire_close(out, whole);
}

const char *substrait_type_word(struct data_type type)
{
    switch (type.kind) {
    case DATA_BOOLEAN:
        return "bool";
    case DATA_BIGINT:
        return type.precision == 32 ? "i32" : "i64";
    case DATA_DOUBLE:
        return "fp64";
    case DATA_TEXT:
    case DATA_JSON:
        return "str";
    case DATA_BLOB:
        return "vbin";
    case DATA_DATE:
        return "date";
    case DATA_UHUGEINT:
    case DATA_DECIMAL:
        return "dec";
    case DATA_LIST:
        return "list";
    case DATA_STRUCT:
        return "struct";
    case DATA_TIMESTAMP:
        return "pts";
    case DATA_TIMESTAMPTZ:
        return "ptstz";
    case DATA_INTERVAL:
        return "icompound";
    case DATA_TIME:
        return "pt";
    case DATA_NULL:
        return "any";
    }
    return "any";
}

/* ---- literals -----------------------------------------------------------------------------------
 */

static int64_t digits(const char **at)
{
    int64_t value = 0;
    while (**at >= '0' && **at <= '9')
        value = value * 10 + (*(*at)++ - '0');
    return value;
}

/* "2026-01-31" */
static int64_t days_of(const char **at)
{
    int64_t year = digits(at), month, day;
    *at += **at == '-';
    month = digits(at);
    *at += **at == '-';
    day = digits(at);
    return clock_days_from_civil(year, (unsigned)month, (unsigned)day);
}

/* ".05" → 50000 */
static int64_t fraction_of(const char **at)
{
    int64_t micros = 0, unit = 100000;
    if (**at != '.')
        return 0;
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
        micros += (**at - '0') * unit;
    return micros;
}

/* "23:59:59.5" */
static int64_t clock_of(const char **at)
{
    int64_t hours = digits(at), minutes, seconds;
    *at += **at == ':';
    minutes = digits(at);
    *at += **at == ':';
    seconds = digits(at);
    return ((hours * 60 + minutes) * 60 + seconds) * 1000000 + fraction_of(at);
}

static int64_t instant_of(const char *text)
{
    int64_t days = days_of(&text);
    text += *text == ' ';
    return days * INT64_C(86400000000) + clock_of(&text);
}

/* The digits as a whole number of 128 bits, least byte first. */
static void decimal_bytes(const char *text, char ret[16])
{
    bool negative = *text == '-';
    memset(ret, 0, 16);
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            continue;
        unsigned carry = (unsigned)(*text - '0');
        for (size_t i = 0; i < 16; i++, carry >>= 8) {
            carry += (unsigned char)ret[i] * 10u;
            ret[i] = (char)(carry & 0xff);
        }
    }
    for (unsigned i = 0, carry = 1; negative && i < 16; i++, carry >>= 8) {
        carry += (unsigned char)~ret[i];
        ret[i] = (char)(carry & 0xff);
    }
}

static void write_moment(struct wire *out, unsigned field, int64_t value)
{
    size_t moment = wire_open(out, field);
    wire_number(out, 1, MICROSECONDS);
    wire_number(out, 2, value);
    wire_close(out, moment);
}

/* "P14M10DT9001.5S" */
static void write_interval(struct wire *out, const char *text)
{
    int64_t parts[3] = {0, 0, 0}, micros = 0;
    for (size_t i = 0; i < 3; i++) {
        text += strcspn(text, "-0123456789");
        bool negative = *text == '-';
        text += negative;
        parts[i] = digits(&text);
        micros = i == 2 ? fraction_of(&text) : 0;
        parts[i] = negative ? -parts[i] : parts[i];
        micros = negative ? -micros : micros;
    }
    size_t whole = wire_open(out, 36), part = wire_open(out, 1);
    wire_number(out, 2, parts[0]);
    wire_close(out, part);
    part = wire_open(out, 2);
    wire_number(out, 1, parts[1]);
    wire_number(out, 2, parts[2]);
    wire_number(out, 4, MICROSECONDS);
    wire_number(out, 5, micros);
    wire_close(out, part);
    wire_close(out, whole);
}

static void write_value(struct substrait *sub, struct wire *out, struct data_type type,
                        const char *text)
{
    char bytes[16];
    size_t part;
    double real = 0;
    switch (type.kind) {
    case DATA_BOOLEAN:
        wire_number(out, 1, strcmp(text, "true") == 0);
        return;
    case DATA_BIGINT:
        wire_number(out, type.precision == 32 ? 5 : 7, strtoll(text, NULL, 10));
        return;
    case DATA_DOUBLE:
        (void)str_to_double(str_of(text), &real);
        wire_double(out, 11, real);
        return;
    case DATA_TEXT:
    case DATA_JSON:
        wire_text(out, 12, str_of(text));
        return;
    case DATA_DATE:
        wire_number(out, 16, days_of(&text));
        return;
    case DATA_DECIMAL:
        decimal_bytes(text, bytes);
        part = wire_open(out, 24);
        wire_text(out, 1, (struct str){bytes, sizeof bytes});
        wire_number(out, 2, type.precision);
        if (type.scale > 0)
            wire_number(out, 3, type.scale);
        wire_close(out, part);
        return;
    case DATA_TIMESTAMP:
        write_moment(out, 34, instant_of(text));
        return;
    case DATA_TIMESTAMPTZ:
        write_moment(out, 35, instant_of(text));
        return;
    case DATA_TIME:
        write_moment(out, 37, clock_of(&text));
        wire_number(out, 51, TIME_64);
        return;
    case DATA_INTERVAL:
        write_interval(out, text);
        return;
    case DATA_NULL:
    case DATA_UHUGEINT:
    case DATA_BLOB: /* no plan holds a literal of these */
    case DATA_LIST:
    case DATA_STRUCT:
        substrait_lacks(sub, "a literal of this type");
        return;
    }
}

void substrait_literal(struct substrait *sub, struct wire *out, struct data_type type,
                       const char *text)
{
    size_t literal = wire_open(out, 1);
    if (text == NULL)
        substrait_type(sub, out, 29, type);
    else
        write_value(sub, out, type, text);
    wire_number(out, 50, 1);
    wire_close(out, literal);
}
