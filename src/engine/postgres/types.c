/* PostgreSQL's binary values ↔ ours: one line a type in CODECS, with how it is read and written.
 *
 *   int2 int4 int8 oid → BIGINT    numeric(p,s) → DECIMAL    numeric(39,0) → UHUGEINT
 *   float4 float8 → DOUBLE         date, timestamp: days and µs since 2000 → since 1970
 *   text varchar bpchar name uuid → TEXT, json jsonb → JSON, bytea → BLOB
 *   everything else (arrays, composites, enums …): result.c has the server cast it
 *
 * A numeric of no declared scale (a sum, a quotient) gets one from the first batch of rows:
 * postgres_scale_settle. PostgreSQL's infinite dates and instants are ours. */
#include <stdio.h>
#include <string.h>

#include "engine/postgres/postgres_priv.h"

#define DAYS_TO_2000 INT64_C(10957)
#define US_TO_2000 INT64_C(946684800000000)
#define DATE_INFINITY INT64_C(2147483647) /* data/value_text.c */
#define PRECISION_MOST 38

enum { /* pg_type.dat; they never change */
       OID_BOOL = 16,
       OID_BYTEA = 17,
       OID_NAME = 19,
       OID_INT8 = 20,
       OID_INT2 = 21,
       OID_INT4 = 23,
       OID_TEXT = 25,
       OID_OID = 26,
       OID_JSON = 114,
       OID_FLOAT4 = 700,
       OID_FLOAT8 = 701,
       OID_BPCHAR = 1042,
       OID_VARCHAR = 1043,
       OID_DATE = 1082,
       OID_TIME = 1083,
       OID_TIMESTAMP = 1114,
       OID_TIMESTAMPTZ = 1184,
       OID_INTERVAL = 1186,
       OID_NUMERIC = 1700,
       OID_UUID = 2950,
       OID_JSONB = 3802,
};

struct reading {
    const struct postgres_column *column;
    struct str bytes;
    struct data_vector *into;
    int64_t row;
    struct arena *arena;
};
struct writing {
    const struct postgres_column *column;
    const struct data_vector *from;
    int64_t row;
    struct buf *out;
};
struct postgres_type {
    Oid oid;
    enum data_kind kind;
    size_t bytes; /* of each value; 0 = any */
    enum err_code (*read)(const struct reading *reading, struct err *err);
    enum err_code (*write)(const struct writing *writing, struct err *err); /* NULL: not appended */
};

/* ---- reading ------------------------------------------------------------------------------------
 */

static enum err_code malformed(struct err *err)
{
    return err_set(err, ERR_ENGINE, "the server sent a value that is not of its column's type");
}

static enum err_code read_bool(const struct reading *reading, struct err *err)
{
    (void)err;
    reading->into->u8[reading->row] = reading->bytes.ptr[0] != 0;
    return ERR_OK;
}
static enum err_code read_integer(const struct reading *reading, struct err *err)
{
    const char *at = reading->bytes.ptr;
    int64_t *into = &reading->into->i64[reading->row];
    if (reading->bytes.len == 2)
        *into = (int16_t)postgres_get16(at);
    else if (reading->bytes.len == 4)
        *into = reading->column->oid == OID_OID ? (int64_t)postgres_get32(at)
                                                : (int32_t)postgres_get32(at);
    else
        *into = (int64_t)postgres_get64(at);
    (void)err;
    return ERR_OK;
}
static enum err_code read_double(const struct reading *reading, struct err *err)
{
    (void)err;
    if (reading->bytes.len == 4) {
        uint32_t bits = postgres_get32(reading->bytes.ptr);
        float value;
        memcpy(&value, &bits, sizeof value);
        reading->into->f64[reading->row] = (double)value;
        return ERR_OK;
    }
    uint64_t bits = postgres_get64(reading->bytes.ptr);
    memcpy(&reading->into->f64[reading->row], &bits, sizeof bits);
    return ERR_OK;
}

static enum err_code read_numeric(const struct reading *reading, struct err *err)
{
    struct data_type type = reading->column->type;
    char text[32];
    switch (postgres_numeric_read(reading->bytes, type.scale, type.kind == DATA_UHUGEINT,
                                  &reading->into->i128[reading->row])) {
    case NUMERIC_OK:
        return ERR_OK;
    case NUMERIC_MALFORMED:
        return malformed(err);
    case NUMERIC_NAN:
    case NUMERIC_INFINITE:
        err_set(err, ERR_ENGINE, "a numeric is NaN or infinite, which no decimal can be");
        return err_hint(err, "cast the column to double precision, or NULLIF(…, 'NaN')");
    case NUMERIC_SCALE:
        err_set(err, ERR_ENGINE,
                "a numeric has more digits behind the point than the first rows, read as %s",
                data_type_text(type, text));
        return err_hint(err, "state the scale: CAST(… AS numeric(38, 12)), or double precision");
    case NUMERIC_RANGE:
        err_set(err, ERR_ENGINE, "a numeric does not fit %s", data_type_text(type, text));
        return err_hint(err, "cast it to numeric(38, …) of a smaller scale, to double precision or "
                             "to text");
    }
    return malformed(err);
}

static enum err_code put_text(const struct reading *reading, const char *ptr, size_t length,
                              struct err *err)
{
    char *copy = arena_strndup(reading->arena, ptr, length);
    if (copy == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a batch of rows");
    reading->into->text[reading->row] = (struct str){copy, length};
    return ERR_OK;
}
static enum err_code read_text(const struct reading *reading, struct err *err)
{
    if (reading->column->checked && str_utf8_valid_prefix(reading->bytes) != reading->bytes.len) {
        err_set(err, ERR_ENGINE, "a text is not valid UTF-8");
        return err_hint(err, "the database's encoding is SQL_ASCII, so it holds any bytes: use "
                             "convert_from(…::bytea, 'LATIN1') or whatever it is");
    }
    return put_text(reading, reading->bytes.ptr, reading->bytes.len, err);
}
static enum err_code read_blob(const struct reading *reading, struct err *err)
{
    char *copy = arena_alloc(reading->arena, reading->bytes.len + 1);
    if (copy == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a batch of rows");
    memcpy(copy, reading->bytes.ptr, reading->bytes.len);
    reading->into->text[reading->row] = (struct str){copy, reading->bytes.len};
    return ERR_OK;
}
static enum err_code read_jsonb(const struct reading *reading, struct err *err)
{
    if (reading->bytes.len == 0 || reading->bytes.ptr[0] != 1)
        return malformed(err); /* its version */
    return put_text(reading, reading->bytes.ptr + 1, reading->bytes.len - 1, err);
}
static enum err_code read_uuid(const struct reading *reading, struct err *err)
{
    static const char digits[] = "0123456789abcdef";
    char text[36], *at = text;
    for (size_t idx = 0; idx < 16; idx++) {
        unsigned byte = (unsigned char)reading->bytes.ptr[idx];
        if (idx == 4 || idx == 6 || idx == 8 || idx == 10)
            *at++ = '-';
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
    return put_text(reading, text, sizeof text, err);
}

static enum err_code read_date(const struct reading *reading, struct err *err)
{
    int32_t days = (int32_t)postgres_get32(reading->bytes.ptr);
    int64_t *into = &reading->into->i64[reading->row];
    (void)err;
    if (days == INT32_MAX || days == INT32_MIN)
        *into = days > 0 ? DATE_INFINITY : -DATE_INFINITY;
    else
        *into = days + DAYS_TO_2000;
    return ERR_OK;
}
static enum err_code read_instant(const struct reading *reading, struct err *err)
{
    int64_t us = (int64_t)postgres_get64(reading->bytes.ptr);
    int64_t *into = &reading->into->i64[reading->row];
    if (us == INT64_MAX || us == INT64_MIN) {
        *into = us > 0 ? INT64_MAX : -INT64_MAX;
        return ERR_OK;
    }
    if (__builtin_add_overflow(us, US_TO_2000, into))
        return err_set(err, ERR_ENGINE, "a timestamp lies after the year 294246");
    return ERR_OK;
}
static enum err_code read_interval(const struct reading *reading, struct err *err)
{
    const char *at = reading->bytes.ptr;
    (void)err;
    reading->into->interval[reading->row] =
        (struct data_interval){.microseconds = (int64_t)postgres_get64(at),
                               .days = (int32_t)postgres_get32(at + 8),
                               .months = (int32_t)postgres_get32(at + 12)};
    return ERR_OK;
}

/* ---- writing ------------------------------------------------------------------------------------
 */

static enum err_code write_bool(const struct writing *writing, struct err *err)
{
    (void)err;
    postgres_put32(writing->out, 1);
    buf_putc(writing->out, writing->from->u8[writing->row] != 0);
    return ERR_OK;
}
static enum err_code write_integer(const struct writing *writing, struct err *err)
{
    int64_t value = writing->from->i64[writing->row];
    size_t bytes = writing->column->codec->bytes;
    int64_t most = bytes == 2 ? INT16_MAX : bytes == 4 ? INT32_MAX : INT64_MAX;
    if (value > most || value < -most - 1)
        return err_set(err, ERR_INPUT, "a value does not fit the column's type");
    postgres_put32(writing->out, (uint32_t)bytes);
    if (bytes == 2)
        postgres_put16(writing->out, (uint16_t)value);
    else if (bytes == 4)
        postgres_put32(writing->out, (uint32_t)value);
    else
        postgres_put64(writing->out, (uint64_t)value);
    return ERR_OK;
}
static enum err_code write_double(const struct writing *writing, struct err *err)
{
    uint64_t bits;
    (void)err;
    memcpy(&bits, &writing->from->f64[writing->row], sizeof bits);
    postgres_put32(writing->out, 8);
    postgres_put64(writing->out, bits);
    return ERR_OK;
}
static enum err_code write_numeric(const struct writing *writing, struct err *err)
{
    const struct data_vector *from = writing->from;
    struct data_int128 value;
    (void)err;
    if (from->type.kind == DATA_BIGINT)
        value = (struct data_int128){(uint64_t)from->i64[writing->row],
                                     from->i64[writing->row] < 0 ? -1 : 0};
    else
        value = from->i128[writing->row];
    postgres_numeric_write(value, from->type.kind == DATA_UHUGEINT, from->type.scale, writing->out);
    return ERR_OK;
}
static enum err_code put_bytes(const struct writing *writing, const char *version, struct err *err)
{
    struct str text = writing->from->text[writing->row];
    if (text.len >= INT32_MAX)
        return err_set(err, ERR_LIMIT, "a value is longer than 2 GiB");
    postgres_put32(writing->out, (uint32_t)(text.len + strlen(version)));
    buf_puts(writing->out, version);
    buf_add_str(writing->out, text);
    return ERR_OK;
}
static enum err_code check_text(const struct writing *writing, struct err *err)
{
    struct str text = writing->from->text[writing->row];
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)
        return err_set(err, ERR_INPUT,
                       "a text holds a zero byte (U+0000), which PostgreSQL cannot store");
    if (str_utf8_valid_prefix(text) != text.len)
        return err_set(err, ERR_INPUT, "a text is not valid UTF-8");
    return ERR_OK;
}
static enum err_code write_text(const struct writing *writing, struct err *err)
{
    TRY(check_text(writing, err));
    return put_bytes(writing, "", err);
}
static enum err_code write_jsonb(const struct writing *writing, struct err *err)
{
    TRY(check_text(writing, err));
    return put_bytes(writing, "\1", err);
}
static enum err_code write_blob(const struct writing *writing, struct err *err)
{
    return put_bytes(writing, "", err);
}
static enum err_code write_date(const struct writing *writing, struct err *err)
{
    int64_t days = writing->from->i64[writing->row];
    int32_t sent = days > 0 ? INT32_MAX : INT32_MIN;
    if (days != DATE_INFINITY && days != -DATE_INFINITY) {
        if (days > DATE_INFINITY || days < -DATE_INFINITY)
            return err_set(err, ERR_INPUT, "a date is outside PostgreSQL's range");
        days -= DAYS_TO_2000;
        if (days <= INT32_MIN)
            return err_set(err, ERR_INPUT, "a date is outside PostgreSQL's range");
        sent = (int32_t)days;
    }
    postgres_put32(writing->out, 4);
    postgres_put32(writing->out, (uint32_t)sent);
    return ERR_OK;
}
static enum err_code write_instant(const struct writing *writing, struct err *err)
{
    int64_t us = writing->from->i64[writing->row], sent;
    if (us == INT64_MAX || us == -INT64_MAX)
        sent = us > 0 ? INT64_MAX : INT64_MIN;
    else if (__builtin_sub_overflow(us, US_TO_2000, &sent))
        return err_set(err, ERR_INPUT, "a timestamp is outside PostgreSQL's range");
    postgres_put32(writing->out, 8);
    postgres_put64(writing->out, (uint64_t)sent);
    return ERR_OK;
}
static enum err_code write_interval(const struct writing *writing, struct err *err)
{
    struct data_interval value = writing->from->interval[writing->row];
    (void)err;
    postgres_put32(writing->out, 16);
    postgres_put64(writing->out, (uint64_t)value.microseconds);
    postgres_put32(writing->out, (uint32_t)value.days);
    postgres_put32(writing->out, (uint32_t)value.months);
    return ERR_OK;
}

/* ---- the table ----------------------------------------------------------------------------------
 */

static const struct postgres_type CODECS[] = {
    {OID_BOOL, DATA_BOOLEAN, 1, read_bool, write_bool},
    {OID_INT2, DATA_BIGINT, 2, read_integer, write_integer},
    {OID_INT4, DATA_BIGINT, 4, read_integer, write_integer},
    {OID_INT8, DATA_BIGINT, 8, read_integer, write_integer},
    {OID_OID, DATA_BIGINT, 4, read_integer, NULL},
    {OID_NUMERIC, DATA_DECIMAL, 0, read_numeric, write_numeric},
    {OID_FLOAT4, DATA_DOUBLE, 4, read_double, NULL},
    {OID_FLOAT8, DATA_DOUBLE, 8, read_double, write_double},
    {OID_TEXT, DATA_TEXT, 0, read_text, write_text},
    {OID_VARCHAR, DATA_TEXT, 0, read_text, write_text},
    {OID_BPCHAR, DATA_TEXT, 0, read_text, write_text},
    {OID_NAME, DATA_TEXT, 0, read_text, write_text},
    {OID_UUID, DATA_TEXT, 16, read_uuid, NULL},
    {OID_JSON, DATA_JSON, 0, read_text, write_text},
    {OID_JSONB, DATA_JSON, 0, read_jsonb, write_jsonb},
    {OID_BYTEA, DATA_BLOB, 0, read_blob, write_blob},
    {OID_DATE, DATA_DATE, 4, read_date, write_date},
    {OID_TIME, DATA_TIME, 8, read_integer, write_integer},
    {OID_TIMESTAMP, DATA_TIMESTAMP, 8, read_instant, write_instant},
    {OID_TIMESTAMPTZ, DATA_TIMESTAMPTZ, 8, read_instant, write_instant},
    {OID_INTERVAL, DATA_INTERVAL, 16, read_interval, write_interval},
};

Oid postgres_parameter_oid(enum data_kind kind)
{
    switch (kind) {
    case DATA_NULL:
    case DATA_UHUGEINT:
    case DATA_INTERVAL:
    case DATA_LIST:
    case DATA_STRUCT:
        return 0;
    case DATA_BOOLEAN:
        return OID_BOOL;
    case DATA_BIGINT:
        return OID_INT8;
    case DATA_DECIMAL:
        return OID_NUMERIC;
    case DATA_DOUBLE:
        return OID_FLOAT8;
    case DATA_TEXT:
        return OID_TEXT;
    case DATA_JSON:
        return OID_JSON;
    case DATA_BLOB:
        return OID_BYTEA;
    case DATA_DATE:
        return OID_DATE;
    case DATA_TIME:
        return OID_TIME;
    case DATA_TIMESTAMP:
        return OID_TIMESTAMP;
    case DATA_TIMESTAMPTZ:
        return OID_TIMESTAMPTZ;
    }
    return 0;
}

/* numeric's modifier: precision in the upper half, scale (11 bits, signed) in the lower, plus 4. */
static void numeric_declared(struct postgres_column *column)
{
    int packed = column->modifier - 4;
    int precision = packed >> 16, scale = ((packed & 0x7ff) ^ 1024) - 1024;
    if (precision == PRECISION_MOST + 1 && scale == 0) {
        column->type = DATA_TYPE(UHUGEINT);
        return;
    }
    if (scale < 0) { /* numeric(3, -2): up to 99900 */
        precision -= scale;
        scale = 0;
    }
    if (precision < scale)
        precision = scale;
    column->open_scale = scale > PRECISION_MOST;
    if (!column->open_scale)
        column->type = data_type_decimal(
            (unsigned)(precision < PRECISION_MOST ? precision : PRECISION_MOST), (unsigned)scale);
}

struct postgres_column postgres_column_of(const struct postgres *postgres, Oid oid, int modifier)
{
    struct postgres_column column = {.oid = oid,
                                     .modifier = modifier,
                                     .checked = postgres->plain_bytes,
                                     .type = DATA_TYPE(TEXT)};
    for (size_t idx = 0; idx < sizeof CODECS / sizeof *CODECS && column.codec == NULL; idx++)
        if (CODECS[idx].oid == oid)
            column.codec = &CODECS[idx];
    if (column.codec != NULL)
        column.type = (struct data_type){.kind = column.codec->kind};
    if (oid == OID_NUMERIC) {
        column.open_scale = modifier < 4;
        column.type = data_type_decimal(PRECISION_MOST, 0);
        if (!column.open_scale)
            numeric_declared(&column);
    }
    return column;
}

enum err_code postgres_read(const struct postgres_column *column, struct str bytes,
                            struct data_vector *ret, int64_t row, struct arena *arena,
                            struct err *err)
{
    const struct postgres_type *codec = column->codec;
    if (codec->bytes != 0 && codec->bytes != bytes.len)
        return malformed(err);
    return codec->read(&(struct reading){column, bytes, ret, row, arena}, err);
}

enum err_code postgres_write(const struct postgres_column *column, const struct data_vector *from,
                             int64_t row, struct buf *out, struct err *err)
{
    if (from->type.kind == DATA_NULL || !data_vector_is_valid(from, row)) {
        postgres_put32(out, UINT32_MAX);
        return ERR_OK;
    }
    return column->codec->write(&(struct writing){column, from, row, out}, err);
}

bool postgres_accepts(const struct postgres_column *column, struct data_type type)
{
    if (column->codec == NULL || column->codec->write == NULL)
        return false;
    enum data_kind kind = column->codec->kind;
    if (type.kind == DATA_NULL)
        return true;
    if (kind ==
        DATA_DECIMAL) { /* the server rounds in silence: a scale that does not fit is refused */
        bool number =
            type.kind == DATA_DECIMAL || type.kind == DATA_BIGINT || type.kind == DATA_UHUGEINT;
        return number && (column->modifier < 4 || type.scale <= column->type.scale);
    }
    if (kind == DATA_TEXT || kind == DATA_JSON)
        return type.kind == DATA_TEXT || type.kind == DATA_JSON;
    return type.kind == kind;
}

/* ---- numerics of no declared scale --------------------------------------------------------------
 */

void postgres_scale_see(struct postgres_open_scale *seen, struct str bytes)
{
    struct postgres_numeric_shape shape;
    if (!postgres_numeric_shape(bytes, &shape))
        return; /* NaN: the reader says so */
    seen->uneven = seen->uneven || (seen->any && shape.displayed != seen->displayed);
    seen->any = true;
    seen->whole = shape.whole > seen->whole ? shape.whole : seen->whole;
    seen->displayed = shape.displayed > seen->displayed ? shape.displayed : seen->displayed;
    seen->needed = shape.needed > seen->needed ? shape.needed : seen->needed;
}

/* All rows show the same scale (a sum of numeric(p,s), a count): that one. They differ (quotients):
 * the widest shown, and half of what is then left of 38 digits for rows to come. Too wide: only the
 * digits that are not trailing zeros. */
struct data_type postgres_scale_settle(const struct postgres_open_scale *seen)
{
    unsigned scale = seen->displayed;
    if (seen->whole + scale > PRECISION_MOST)
        scale = seen->needed;
    else if (seen->uneven)
        scale += (PRECISION_MOST - seen->whole - scale) / 2;
    return data_type_decimal(PRECISION_MOST, scale < PRECISION_MOST ? scale : PRECISION_MOST);
}
