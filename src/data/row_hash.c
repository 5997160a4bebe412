/* The canonical row hash: what makes a dataset's version depend on its content and on nothing else.
 *
 * The one idea: a value's bytes depend on its meaning, not on its storage (docs/STORE.md,
 * "Canonical row hash").
 *
 *     5 :: bigint, 5.00 :: decimal(18,2), 5.0 :: double   →  03 05 00 00 00 00 00 00 00
 *     1.50 :: decimal(18,2), 1.5 :: decimal(38,1)         →  04 01 0f 00 … (scale 1, unscaled 15)
 *
 * A row is encoded whole into scratch, then hashed once. Out of memory: scratch->failed, hashes
 * zero. */
#include <endian.h>
#include <math.h>
#include <string.h>

#include "data/data.h"
#include "data/int128_priv.h"

enum tag {
    TAG_NULL = 0x00,
    TAG_FALSE = 0x01,
    TAG_TRUE = 0x02,
    TAG_INTEGER = 0x03,
    TAG_DECIMAL = 0x04,
    TAG_DOUBLE = 0x05,
    TAG_TEXT = 0x06,
    TAG_JSON = 0x07,
    TAG_BLOB = 0x08,
    TAG_DATE = 0x09,
    TAG_TIME = 0x0A,
    TAG_TIMESTAMP = 0x0B,
    TAG_TIMESTAMPTZ = 0x0C,
    TAG_INTERVAL = 0x0D,
    TAG_WIDE = 0x0E
};
#define VALUE_FIXED_BYTES ((size_t)18) /* the most a value takes, its text aside */

static inline char *put_u64(char *at, uint64_t value)
{
    uint64_t little = htole64(value);
    memcpy(at, &little, 8);
    return at + 8;
}

static inline char *put_tagged(char *at, enum tag tag, int64_t value)
{
    *at = (char)tag;
    return put_u64(at + 1, (uint64_t)value);
}

/* unscaled · 10^-scale with 64 bits: trailing zeros are dropped, so 5.00 is 5. */
static char *put_decimal_narrow(char *at, int64_t unscaled, unsigned scale)
{
    while (scale > 0 && unscaled % 10 == 0) {
        unscaled /= 10;
        scale--;
    }
    if (scale == 0)
        return put_tagged(at, TAG_INTEGER, unscaled);
    at[0] = (char)TAG_DECIMAL;
    at[1] = (char)scale;
    at = put_u64(at + 2, (uint64_t)unscaled);
    return put_u64(at, unscaled < 0 ? UINT64_MAX : 0);
}

static char *put_decimal(char *at, struct data_int128 value, unsigned scale)
{
    if (value.high == ((int64_t)value.low < 0 ? -1 : 0))
        return put_decimal_narrow(at, (int64_t)value.low, scale);
    wide_int unscaled = (wide_int)wide_bits(value);
    while (scale > 0 && unscaled % 10 == 0) {
        unscaled /= 10;
        scale--;
    }
    if (unscaled >= INT64_MIN && unscaled <= INT64_MAX)
        return put_decimal_narrow(at, (int64_t)unscaled, scale);
    at[0] = (char)TAG_DECIMAL;
    at[1] = (char)scale;
    at = put_u64(at + 2, (uint64_t)unscaled);
    return put_u64(at, (uint64_t)((wide_uint)unscaled >> 64));
}

static char *put_wide(char *at, struct data_int128 bits)
{
    if (bits.high >= 0)
        return put_decimal(at, bits, 0);
    *at = (char)TAG_WIDE;
    return put_u64(put_u64(at + 1, bits.low), (uint64_t)bits.high);
}

static char *put_double(char *at, double value)
{
    if (value >= -0x1p63 && value < 0x1p63) {
        int64_t whole = (int64_t)value;
        if ((double)whole == value)
            return put_tagged(at, TAG_INTEGER, whole); /* -0.0 is 0 */
    } else if (value > -0x1p127 && value < 0x1p127) {  /* integral, as all doubles of that size */
        wide_uint whole = (wide_uint)(wide_int)value;
        return put_decimal(
            at, (struct data_int128){(uint64_t)whole, (int64_t)(uint64_t)(whole >> 64)}, 0);
    }
    uint64_t bits = UINT64_C(0x7ff8000000000000); /* every NaN is one NaN */
    if (!isnan(value))
        memcpy(&bits, &value, 8);
    return put_tagged(at, TAG_DOUBLE, (int64_t)bits);
}

static char *put_interval(char *at, struct data_interval value)
{
    uint64_t parts = (uint64_t)(uint32_t)value.months | (uint64_t)(uint32_t)value.days << 32;
    at = put_tagged(at, TAG_INTERVAL, (int64_t)parts);
    return put_u64(at, (uint64_t)value.microseconds);
}

static bool is_text(enum data_kind kind)
{
    return kind == DATA_TEXT || kind == DATA_JSON || kind == DATA_BLOB;
}

/* A valid value that is no text. at has VALUE_FIXED_BYTES. */
static inline char *put_value(char *at, const struct data_vector *vector, int64_t row)
{
    switch (vector->type.kind) {
    case DATA_BOOLEAN:
        *at = (char)(vector->u8[row] != 0 ? TAG_TRUE : TAG_FALSE);
        return at + 1;
    case DATA_BIGINT:
        return put_tagged(at, TAG_INTEGER, vector->i64[row]);
    case DATA_DECIMAL:
        return put_decimal(at, vector->i128[row], vector->type.scale);
    case DATA_UHUGEINT:
        return put_wide(at, vector->i128[row]);
    case DATA_DOUBLE:
        return put_double(at, vector->f64[row]);
    case DATA_DATE:
        return put_tagged(at, TAG_DATE, vector->i64[row]);
    case DATA_TIME:
        return put_tagged(at, TAG_TIME, vector->i64[row]);
    case DATA_TIMESTAMP:
        return put_tagged(at, TAG_TIMESTAMP, vector->i64[row]);
    case DATA_TIMESTAMPTZ:
        return put_tagged(at, TAG_TIMESTAMPTZ, vector->i64[row]);
    case DATA_INTERVAL:
        return put_interval(at, vector->interval[row]);
    case DATA_NULL:
    case DATA_TEXT:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
    case DATA_BLOB:
        break;
    }
    *at = (char)TAG_NULL;
    return at + 1;
}

static enum tag text_tag(enum data_kind kind)
{
    return kind == DATA_TEXT ? TAG_TEXT : kind == DATA_JSON ? TAG_JSON : TAG_BLOB;
}

/* Bytes that the row's texts need at most. */
static size_t text_bytes(const struct data_batch *batch, int64_t row)
{
    size_t bytes = 0;
    for (size_t i = 0; i < batch->columns; i++) {
        const struct data_vector *vector = &batch->vectors[i];
        if (is_text(vector->type.kind) && data_vector_is_valid(vector, row))
            bytes += vector->text[row].len;
    }
    return bytes;
}

static char *put_row(char *at, const struct data_batch *batch, const size_t *order, int64_t row)
{
    for (size_t k = 0; k < batch->columns; k++) {
        const struct data_vector *vector = &batch->vectors[order[k]];
        if (!data_vector_is_valid(vector, row)) {
            *at++ = (char)TAG_NULL;
        } else if (is_text(vector->type.kind)) {
            struct str text = vector->text[row];
            at = put_tagged(at, text_tag(vector->type.kind), (int64_t)text.len);
            if (text.len > 0)
                memcpy(at, text.ptr, text.len);
            at += text.len;
        } else {
            at = put_value(at, vector, row);
        }
    }
    return at;
}

void data_row_hash(const struct data_batch *batch, const size_t *order, struct buf *scratch,
                   struct hash128 *ret)
{
    size_t fixed = batch->columns * VALUE_FIXED_BYTES;
    for (int64_t row = 0; row < batch->rows; row++) {
        buf_clear(scratch);
        if (!buf_reserve(scratch, fixed + text_bytes(batch, row))) {
            memset(ret, 0, (size_t)batch->rows * sizeof *ret);
            return;
        }
        char *end = put_row(scratch->ptr, batch, order, row);
        ret[row] = hash_xxh3_128(scratch->ptr, (size_t)(end - scratch->ptr), 0);
    }
}
