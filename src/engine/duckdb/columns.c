/* Columns: DuckDB's vectors seen as data_vectors, and the way back. Where both lay values out alike
 * (64-bit integers, doubles, instants, 128-bit numbers, intervals) the view is zero-copy; narrower
 * ones are widened into the column's own buffer:
 *
 *   TINYINT…INTEGER, UTINYINT…UINTEGER → BIGINT      FLOAT → DOUBLE      HUGEINT → DECIMAL(38,0)
 * UBIGINT → DECIMAL(20,0) DECIMAL of any width → 128-bit unscaled          DATE → int64 days
 * TIMESTAMP_S/_MS/_NS → µs (floor) VARCHAR (alias JSON → JSON), BLOB → struct str   everything else
 * (nested, ENUM, UUID …): cast to VARCHAR by the caller */
#include <string.h>

#include "engine/duckdb/duckdb_priv.h"

_Static_assert(sizeof(duckdb_hugeint) == sizeof(struct data_int128), "128-bit integers lie alike");
_Static_assert(sizeof(duckdb_interval) == sizeof(struct data_interval), "intervals lie alike");
_Static_assert(sizeof(bool) == 1, "a boolean is a byte");

static bool is_json(duckdb_logical_type logical)
{
    char *alias = duckdb_logical_type_get_alias(logical);
    bool json = alias != NULL && strcmp(alias, "JSON") == 0;
    duckdb_free(alias);
    return json;
}

/* DECIMAL and the types that become one are in column_of. */
static const struct {
    duckdb_type id;
    enum data_kind kind;
} column_kinds[] = {
    {DUCKDB_TYPE_BOOLEAN, DATA_BOOLEAN},
    {DUCKDB_TYPE_TINYINT, DATA_BIGINT},
    {DUCKDB_TYPE_SMALLINT, DATA_BIGINT},
    {DUCKDB_TYPE_INTEGER, DATA_BIGINT},
    {DUCKDB_TYPE_BIGINT, DATA_BIGINT},
    {DUCKDB_TYPE_UTINYINT, DATA_BIGINT},
    {DUCKDB_TYPE_USMALLINT, DATA_BIGINT},
    {DUCKDB_TYPE_UINTEGER, DATA_BIGINT},
    {DUCKDB_TYPE_UHUGEINT, DATA_UHUGEINT},
    {DUCKDB_TYPE_FLOAT, DATA_DOUBLE},
    {DUCKDB_TYPE_DOUBLE, DATA_DOUBLE},
    {DUCKDB_TYPE_DATE, DATA_DATE},
    {DUCKDB_TYPE_TIME, DATA_TIME},
    {DUCKDB_TYPE_TIMESTAMP, DATA_TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_S, DATA_TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_MS, DATA_TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_NS, DATA_TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_TZ, DATA_TIMESTAMPTZ},
    {DUCKDB_TYPE_INTERVAL, DATA_INTERVAL},
    {DUCKDB_TYPE_BLOB, DATA_BLOB},
    {DUCKDB_TYPE_VARCHAR, DATA_TEXT},
    {DUCKDB_TYPE_SQLNULL, DATA_NULL},
};

bool column_of(duckdb_logical_type logical, struct column *ret)
{
    duckdb_type id = duckdb_get_type_id(logical);
    *ret = (struct column){.id = id, .stored = id};
    if (id == DUCKDB_TYPE_DECIMAL) {
        ret->type = data_type_decimal(duckdb_decimal_width(logical), duckdb_decimal_scale(logical));
        ret->stored = duckdb_decimal_internal_type(logical);
        return true;
    }
    if (id == DUCKDB_TYPE_UBIGINT || id == DUCKDB_TYPE_HUGEINT) {
        ret->type = data_type_decimal(id == DUCKDB_TYPE_UBIGINT ? 20 : 38, 0);
        return true;
    }
    for (size_t idx = 0; idx < sizeof column_kinds / sizeof *column_kinds; idx++) {
        if (column_kinds[idx].id != id)
            continue;
        ret->type = (struct data_type){.kind = column_kinds[idx].kind};
        if (id == DUCKDB_TYPE_VARCHAR && is_json(logical))
            ret->type = DATA_TYPE(JSON);
        return true;
    }
    return false; /* nested, ENUM, UUID, and types newer than our header */
}

void column_done(struct column *column)
{
    mem_free(column->buffer);
    column->buffer = NULL;
}

duckdb_logical_type column_logical_type(struct data_type type)
{
    switch (type.kind) {
    case DATA_NULL:
        return duckdb_create_logical_type(DUCKDB_TYPE_SQLNULL);
    case DATA_BOOLEAN:
        return duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    case DATA_BIGINT:
        return duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    case DATA_UHUGEINT:
        return duckdb_create_logical_type(DUCKDB_TYPE_UHUGEINT);
    case DATA_DECIMAL:
        return duckdb_create_decimal_type(type.precision, type.scale);
    case DATA_DOUBLE:
        return duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
    case DATA_TEXT:
        return duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    case DATA_DATE:
        return duckdb_create_logical_type(DUCKDB_TYPE_DATE);
    case DATA_TIME:
        return duckdb_create_logical_type(DUCKDB_TYPE_TIME);
    case DATA_TIMESTAMP:
        return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP);
    case DATA_TIMESTAMPTZ:
        return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP_TZ);
    case DATA_INTERVAL:
        return duckdb_create_logical_type(DUCKDB_TYPE_INTERVAL);
    case DATA_BLOB:
        return duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
    }
    return NULL;
}

bool column_is_direct(const struct column *column)
{
    switch ((int)column->id) {
    case DUCKDB_TYPE_DECIMAL:
        return column->stored == DUCKDB_TYPE_HUGEINT;
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_TIME:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
    case DUCKDB_TYPE_INTERVAL:
        return true;
    default:
        return false;
    }
}

static bool buffer_reserve(struct column *column, size_t bytes)
{
    if (column->buffer_bytes >= bytes)
        return true;
    void *buffer = mem_alloc(bytes);
    if (buffer == NULL)
        return false;
    mem_free(column->buffer);
    column->buffer = buffer;
    column->buffer_bytes = bytes;
    return true;
}

#define WIDEN(source_type, target, expression)                                                     \
    do {                                                                                           \
        const source_type *source = data;                                                          \
        for (idx_t row = 0; row < rows; row++)                                                     \
            (target)[row] = (expression);                                                          \
    } while (0)

static int64_t floor_div(int64_t number, int64_t by)
{
    int64_t quotient = number / by;
    return number % by < 0 ? quotient - 1 : quotient;
}

/* Seconds or milliseconds → µs; what does not fit (infinity) keeps its extreme. */
static int64_t scale_up(int64_t number, int64_t by)
{
    int64_t product;
    if (__builtin_mul_overflow(number, by, &product))
        return number < 0 ? INT64_MIN : INT64_MAX;
    return product;
}

static struct data_int128 int128_of(int64_t number)
{
    return (struct data_int128){(uint64_t)number, number < 0 ? -1 : 0};
}

static void widen_integer(const struct column *column, const void *data, idx_t rows, int64_t *out)
{
    switch ((int)column->id) {
    case DUCKDB_TYPE_TINYINT:
        WIDEN(int8_t, out, source[row]);
        break;
    case DUCKDB_TYPE_SMALLINT:
        WIDEN(int16_t, out, source[row]);
        break;
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE:
        WIDEN(int32_t, out, source[row]);
        break;
    case DUCKDB_TYPE_UTINYINT:
        WIDEN(uint8_t, out, source[row]);
        break;
    case DUCKDB_TYPE_USMALLINT:
        WIDEN(uint16_t, out, source[row]);
        break;
    case DUCKDB_TYPE_UINTEGER:
        WIDEN(uint32_t, out, source[row]);
        break;
    case DUCKDB_TYPE_TIMESTAMP_S:
        WIDEN(int64_t, out, scale_up(source[row], 1000000));
        break;
    case DUCKDB_TYPE_TIMESTAMP_MS:
        WIDEN(int64_t, out, scale_up(source[row], 1000));
        break;
    case DUCKDB_TYPE_TIMESTAMP_NS:
        WIDEN(int64_t, out, floor_div(source[row], 1000));
        break;
    default:
        break;
    }
}

static void widen_decimal(const struct column *column, const void *data, idx_t rows,
                          struct data_int128 *out)
{
    switch ((int)column->stored) {
    case DUCKDB_TYPE_SMALLINT:
        WIDEN(int16_t, out, int128_of(source[row]));
        break;
    case DUCKDB_TYPE_INTEGER:
        WIDEN(int32_t, out, int128_of(source[row]));
        break;
    case DUCKDB_TYPE_BIGINT:
        WIDEN(int64_t, out, int128_of(source[row]));
        break;
    case DUCKDB_TYPE_UBIGINT:
        WIDEN(uint64_t, out, ((struct data_int128){source[row], 0}));
        break;
    default:
        break;
    }
}

static void widen_text(duckdb_string_t *strings, const uint64_t *validity, idx_t rows,
                       struct str *out)
{
    for (idx_t row = 0; row < rows; row++) {
        if (validity != NULL && ((validity[row >> 6] >> (row & 63)) & 1u) == 0) {
            out[row] = (struct str){"", 0};
            continue;
        }
        duckdb_string_t *string = &strings[row];
        uint32_t length = string->value.inlined.length;
        out[row] = (struct str){
            length <= 12 ? string->value.inlined.inlined : string->value.pointer.ptr, length};
    }
}

enum err_code column_read(struct column *column, duckdb_vector vector, idx_t rows,
                          struct data_vector *ret, struct err *err)
{
    void *data = duckdb_vector_get_data(vector);
    ret->type = column->type;
    ret->validity = duckdb_vector_get_validity(vector);
    if (column_is_direct(column)) {
        ret->any = data;
        return ERR_OK;
    }
    if (!buffer_reserve(column, (rows > DATA_BATCH_ROWS ? rows : DATA_BATCH_ROWS) *
                                    sizeof(struct data_int128)))
        return err_set(err, ERR_MEMORY, "no memory for a batch of rows");
    ret->any = column->buffer;
    switch (column->type.kind) {
    case DATA_BIGINT:
    case DATA_DATE:
    case DATA_TIMESTAMP:
        widen_integer(column, data, rows, column->buffer);
        break;
    case DATA_DECIMAL:
        widen_decimal(column, data, rows, column->buffer);
        break;
    case DATA_DOUBLE: {
        double *out = column->buffer;
        WIDEN(float, out, (double)source[row]);
        break;
    }
    case DATA_TEXT:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
    case DATA_BLOB:
        widen_text(data, ret->validity, rows, column->buffer);
        break;
    case DATA_NULL:
        memset(column->buffer, 0, rows * sizeof(struct data_int128));
        break;
    case DATA_BOOLEAN:
    case DATA_UHUGEINT:
    case DATA_TIME:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
        break; /* direct */
    }
    return ERR_OK;
}

bool column_accepts(const struct column *column, struct data_type type)
{
    if (type.kind == DATA_NULL || data_type_equal(column->type, type))
        return column->id != DUCKDB_TYPE_FLOAT && column->id != DUCKDB_TYPE_TIMESTAMP_NS &&
               column->id != DUCKDB_TYPE_TIMESTAMP_S && column->id != DUCKDB_TYPE_TIMESTAMP_MS &&
               column->id != DUCKDB_TYPE_UBIGINT;
    return (column->type.kind == DATA_TEXT || column->type.kind == DATA_JSON) &&
           (type.kind == DATA_TEXT || type.kind == DATA_JSON);
}

#define NARROW(target_type, source_expression, fits)                                               \
    do {                                                                                           \
        target_type *target = (target_type *)data + to_row;                                        \
        for (int64_t row = 0; row < (int64_t)rows; row++) {                                        \
            if (!data_vector_is_valid(from, from_row + row)) {                                     \
                target[row] = 0;                                                                   \
                continue;                                                                          \
            }                                                                                      \
            const int64_t value = (source_expression);                                             \
            if (!(fits) || value < (int64_t)least_##target_type ||                                 \
                value > (int64_t)most_##target_type)                                               \
                return err_set(err, ERR_INPUT, "a value does not fit the column's type");          \
            target[row] = (target_type)value;                                                      \
        }                                                                                          \
        return ERR_OK;                                                                             \
    } while (0)
enum {
    least_int8_t = INT8_MIN,
    most_int8_t = INT8_MAX,
    least_int16_t = INT16_MIN,
    most_int16_t = INT16_MAX,
    least_uint8_t = 0,
    most_uint8_t = UINT8_MAX,
    least_uint16_t = 0,
    most_uint16_t = UINT16_MAX,
    least_int32_t = INT32_MIN,
    most_int32_t = INT32_MAX,
    least_uint32_t = 0
};
static const int64_t most_uint32_t = UINT32_MAX, least_int64_t = INT64_MIN,
                     most_int64_t = INT64_MAX;

#define I64 from->i64[from_row + row]
#define I128 from->i128[from_row + row]
#define I128_FITS (I128.high == ((int64_t)I128.low < 0 ? -1 : 0))

static enum err_code write_integer(const struct column *column, const struct data_vector *from,
                                   int64_t from_row, void *data, idx_t to_row, idx_t rows,
                                   struct err *err)
{
    switch ((int)column->id) {
    case DUCKDB_TYPE_TINYINT:
        NARROW(int8_t, I64, true);
    case DUCKDB_TYPE_SMALLINT:
        NARROW(int16_t, I64, true);
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE:
        NARROW(int32_t, I64, true);
    case DUCKDB_TYPE_UTINYINT:
        NARROW(uint8_t, I64, true);
    case DUCKDB_TYPE_USMALLINT:
        NARROW(uint16_t, I64, true);
    case DUCKDB_TYPE_UINTEGER:
        NARROW(uint32_t, I64, true);
    default:
        return err_set(err, ERR_UNSUPPORTED, "a column's type cannot be written");
    }
}

static enum err_code write_decimal(const struct column *column, const struct data_vector *from,
                                   int64_t from_row, void *data, idx_t to_row, idx_t rows,
                                   struct err *err)
{
    switch ((int)column->stored) {
    case DUCKDB_TYPE_SMALLINT:
        NARROW(int16_t, (int64_t)I128.low, I128_FITS);
    case DUCKDB_TYPE_INTEGER:
        NARROW(int32_t, (int64_t)I128.low, I128_FITS);
    case DUCKDB_TYPE_BIGINT:
        NARROW(int64_t, (int64_t)I128.low, I128_FITS);
    default:
        return err_set(err, ERR_UNSUPPORTED, "a column's type cannot be written");
    }
}

/* memcpy of 12 bytes at most, without a call: there are millions. */
static inline void copy_short(char *to, struct str text)
{
    if (text.len >= 8) {
        memcpy(to, text.ptr, 8);
        memcpy(to + text.len - 8, text.ptr + text.len - 8, 8);
    } else if (text.len >= 4) {
        memcpy(to, text.ptr, 4);
        memcpy(to + text.len - 4, text.ptr + text.len - 4, 4);
    } else {
        to[0] = text.ptr[0];
        to[text.len / 2] = text.ptr[text.len / 2];
        to[text.len - 1] = text.ptr[text.len - 1];
    }
}

static inline bool is_short(struct str text)
{
    return text.len <= sizeof((duckdb_string_t *)0)->value.inlined.inlined;
}

/* A text as DuckDB keeps it, without a copy: a short one lies in the string itself. */
static inline void lend_text(struct str text, duckdb_string_t *ret)
{
    *ret = (duckdb_string_t){.value.inlined.length = (uint32_t)text.len};
    if (text.len == 0)
        return;
    if (is_short(text)) {
        copy_short(ret->value.inlined.inlined, text);
        return;
    }
    memcpy(ret->value.pointer.prefix, text.ptr, sizeof ret->value.pointer.prefix);
    ret->value.pointer.ptr = (char *)(uintptr_t)text.ptr;
}

/* Room for the texts that do not fit into the string itself. NULL: no memory, or none is there. */
static char *room_for_texts(const struct column *column, const struct data_vector *from,
                            int64_t from_row, idx_t rows, bool *ret_none)
{
    size_t bytes = 0;
    for (int64_t row = from_row; row < from_row + (int64_t)rows; row++)
        if (data_vector_is_valid(from, row) && !is_short(from->text[row]))
            bytes += from->text[row].len;
    *ret_none = bytes == 0;
    return bytes > 0 ? arena_alloc_raw(column->texts, bytes) : NULL;
}

/* A column's texts lie together and in their order, so what reads the vector finds the next where
 * it has just been. */
static enum err_code write_text(const struct column *column, const struct data_vector *from,
                                int64_t from_row, duckdb_vector vector, idx_t to_row, idx_t rows,
                                struct err *err)
{
    duckdb_string_t *strings = (duckdb_string_t *)duckdb_vector_get_data(vector) + to_row;
    bool none = true;
    char *room = column->texts != NULL ? room_for_texts(column, from, from_row, rows, &none) : NULL;
    if (room == NULL && !none)
        return err_set(err, ERR_MEMORY, "no memory for texts");
    for (idx_t row = 0; row < rows; row++) {
        if (!data_vector_is_valid(from, from_row + (int64_t)row))
            continue;
        struct str text = from->text[from_row + (int64_t)row];
        if (column->id == DUCKDB_TYPE_VARCHAR && !column->is_utf8 &&
            str_utf8_valid_prefix(text) != text.len)
            return err_set(err, ERR_INPUT, "a text is not valid UTF-8");
        if (text.len > UINT32_MAX)
            return err_set(err, ERR_LIMIT, "a text is longer than 4 GiB");
        if (column->borrows || is_short(text)) {
            lend_text(text, &strings[row]);
        } else if (room != NULL) {
            memcpy(room, text.ptr, text.len);
            lend_text((struct str){room, text.len}, &strings[row]);
            room += text.len;
        } else {
            duckdb_vector_assign_string_element_len(vector, to_row + row, text.ptr, text.len);
        }
    }
    return ERR_OK;
}

/* Bits from[from_bit…] to to[to_bit…]. */
static void copy_bits(uint64_t *to, idx_t to_bit, const uint64_t *from, idx_t from_bit, idx_t bits)
{
    while (bits > 0) {
        idx_t to_rest = 64 - to_bit % 64, from_rest = 64 - from_bit % 64;
        idx_t step = to_rest < from_rest ? to_rest : from_rest;
        step = step < bits ? step : bits;
        uint64_t mask = UINT64_MAX >> (64 - step) << to_bit % 64;
        uint64_t word = from[from_bit / 64] >> from_bit % 64 << to_bit % 64;
        to[to_bit / 64] = (to[to_bit / 64] & ~mask) | (word & mask);
        to_bit += step;
        from_bit += step;
        bits -= step;
    }
}

static void write_validity(const struct data_vector *from, int64_t from_row, duckdb_vector vector,
                           idx_t to_row, idx_t rows)
{
    if (from->validity == NULL && from->type.kind != DATA_NULL)
        return;
    duckdb_vector_ensure_validity_writable(vector);
    uint64_t *validity = duckdb_vector_get_validity(vector);
    if (from->type.kind != DATA_NULL)
        copy_bits(validity, to_row, from->validity, (idx_t)from_row, rows);
    else
        for (idx_t row = 0; row < rows; row++)
            duckdb_validity_set_row_invalid(validity, to_row + row);
}

enum err_code column_write(const struct column *column, const struct data_vector *from,
                           int64_t from_row, duckdb_vector vector, idx_t to_row, idx_t rows,
                           struct err *err)
{
    void *data = duckdb_vector_get_data(vector);
    write_validity(from, from_row, vector, to_row, rows);
    if (from->type.kind == DATA_NULL)
        return ERR_OK;
    if (column_is_direct(column)) {
        size_t bytes = data_kind_bytes(column->type.kind);
        memcpy((char *)data + to_row * bytes, (const char *)from->any + (size_t)from_row * bytes,
               rows * bytes);
        return ERR_OK;
    }
    switch (column->type.kind) {
    case DATA_BIGINT:
    case DATA_DATE:
        return write_integer(column, from, from_row, data, to_row, rows, err);
    case DATA_DECIMAL:
        return write_decimal(column, from, from_row, data, to_row, rows, err);
    case DATA_TEXT:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
    case DATA_BLOB:
        return write_text(column, from, from_row, vector, to_row, rows, err);
    case DATA_NULL:
    case DATA_BOOLEAN:
    case DATA_UHUGEINT:
    case DATA_DOUBLE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
        break;
    }
    return err_set(err, ERR_UNSUPPORTED, "a column's type cannot be written");
}
