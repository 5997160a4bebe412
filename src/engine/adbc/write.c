/* Batches → Arrow: a struct with a child for each vector, in one arena that the struct and its
 * children share. A consumer may take children away and release them by themselves, so the arena
 * goes with the last of them. */
#include <stdatomic.h>
#include <string.h>

#include "engine/adbc/adbc_priv.h"

struct shared {
    struct arena *arena;
    atomic_int left;
};

static struct shared *shared_new(size_t members)
{
    struct arena *arena = arena_new(0);
    struct shared *shared = arena != NULL ? arena_alloc(arena, sizeof *shared) : NULL;
    if (shared == NULL) {
        arena_free(arena);
        return NULL;
    }
    shared->arena = arena;
    atomic_init(&shared->left, (int)members);
    return shared;
}

static void shared_leave(struct shared *shared)
{
    if (atomic_fetch_sub(&shared->left, 1) == 1)
        arena_free(shared->arena);
}

static void array_release(struct ArrowArray *array)
{
    for (int64_t idx = 0; idx < array->n_children; idx++)
        if (array->children[idx]->release != NULL)
            array->children[idx]->release(array->children[idx]);
    array->release = NULL;
    shared_leave(array->private_data);
}

static void schema_release(struct ArrowSchema *schema)
{
    for (int64_t idx = 0; idx < schema->n_children; idx++)
        if (schema->children[idx]->release != NULL)
            schema->children[idx]->release(schema->children[idx]);
    schema->release = NULL;
    shared_leave(schema->private_data);
}

/* ---- schema -------------------------------------------------------------------------------------
 */

/* NULL: no counterpart. */
static const char *format_of(struct data_type type, struct arena *arena)
{
    switch (type.kind) {
    case DATA_NULL:
        return "n";
    case DATA_BOOLEAN:
        return "b";
    case DATA_BIGINT:
        return "l";
    case DATA_DECIMAL:
        return arena_printf(arena, "d:%d,%d", type.precision, type.scale);
    case DATA_DOUBLE:
        return "g";
    case DATA_UHUGEINT: /* its digits: no whole number of Arrow is that wide */
    case DATA_TEXT:
    case DATA_JSON:
        return "u";
    case DATA_BLOB:
        return "z";
    case DATA_DATE:
        return "tdD";
    case DATA_TIME:
        return "ttu";
    case DATA_TIMESTAMP:
        return "tsu:";
    case DATA_TIMESTAMPTZ:
        return "tsu:UTC";
    case DATA_INTERVAL:
        return "tin";
    case DATA_LIST:
    case DATA_STRUCT:
        return NULL;
    }
    return NULL;
}

enum err_code adbc_write_schema(const struct data_batch *batch, const struct data_schema *names,
                                struct ArrowSchema *ret, struct err *err)
{
    struct shared *shared = shared_new(batch->columns + 1);
    *ret = (struct ArrowSchema){0};
    if (shared == NULL)
        return err_set(err, ERR_MEMORY, "no memory for an Arrow schema");
    struct arena *arena = shared->arena;
    struct ArrowSchema *children = arena_array(arena, batch->columns + 1, sizeof *children);
    struct ArrowSchema **pointers = arena_array(arena, batch->columns + 1, sizeof(void *));
    bool known = true;
    for (size_t idx = 0; !arena_failed(arena) && idx < batch->columns; idx++) {
        pointers[idx] = &children[idx];
        children[idx] = (struct ArrowSchema){
            .format = format_of(batch->vectors[idx].type, arena),
            .name = names != NULL ? arena_strdup(arena, names->columns[idx].name)
                                  : arena_printf(arena, "%zu", idx + 1),
            .flags = ARROW_FLAG_NULLABLE,
            .release = schema_release,
            .private_data = shared,
        };
        known = known && (children[idx].format != NULL || arena_failed(arena));
    }
    if (arena_failed(arena) || !known) {
        bool failed = arena_failed(arena);
        arena_free(arena);
        return failed ? err_set(err, ERR_MEMORY, "no memory for an Arrow schema")
                      : err_set(err, ERR_UNSUPPORTED, "nested values are not given to a driver");
    }
    *ret = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = (int64_t)batch->columns,
                                .children = pointers,
                                .release = schema_release,
                                .private_data = shared};
    return ERR_OK;
}

/* ---- arrays -------------------------------------------------------------------------------------
 */

static enum err_code cannot(size_t column, const char *why, struct err *err)
{
    return err_set(err, ERR_INPUT, "column %zu has %s", column + 1, why);
}

static enum err_code write_texts(const struct data_vector *vector, size_t column, int64_t rows,
                                 struct arena *arena, const void **buffers, int64_t *bytes,
                                 struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf all = BUF_INIT;
    int32_t *offsets = arena_array(arena, (size_t)rows + 1, sizeof *offsets);
    for (int64_t row = 0; offsets != NULL && row < rows; row++) {
        if (data_vector_is_valid(vector, row)) {
            bool is_text = vector->type.kind == DATA_TEXT || vector->type.kind == DATA_JSON;
            if (vector->type.kind == DATA_UHUGEINT)
                (void)data_value_text(vector, row, &all);
            else if (is_text && str_utf8_valid_prefix(vector->text[row]) != vector->text[row].len)
                return cannot(column, "a text that is not valid UTF-8", err);
            else
                buf_add_str(&all, vector->text[row]);
        }
        if (all.len > INT32_MAX)
            return err_set(err, ERR_LIMIT, "column %zu has more than 2 GiB of text in a batch",
                           column + 1);
        offsets[row + 1] = (int32_t)all.len;
    }
    TRY(buf_check(&all, err));
    char *copy = arena_alloc(arena, all.len + 1);
    if (copy != NULL && all.len > 0)
        memcpy(copy, all.ptr, all.len);
    buffers[1] = offsets;
    buffers[2] = copy;
    *bytes += (int64_t)all.len;
    return ERR_OK;
}

/* One value of fixed width, valid. */
static enum err_code write_value(const struct data_vector *vector, size_t column, int64_t row,
                                 void *values, struct err *err)
{
    struct {
        int32_t months, days;
        int64_t nanoseconds;
    } interval;
    switch (vector->type.kind) {
    case DATA_BOOLEAN:
        if (vector->u8[row] != 0)
            ((uint8_t *)values)[row >> 3] |= (uint8_t)(1u << (row & 7));
        return ERR_OK;
    case DATA_DATE:
        if (vector->i64[row] != (int32_t)vector->i64[row])
            return cannot(column, "a date out of range", err);
        ((int32_t *)values)[row] = (int32_t)vector->i64[row];
        return ERR_OK;
    case DATA_INTERVAL:
        interval.months = vector->interval[row].months;
        interval.days = vector->interval[row].days;
        if (__builtin_mul_overflow(vector->interval[row].microseconds, INT64_C(1000),
                                   &interval.nanoseconds))
            return cannot(column, "an interval out of range", err);
        memcpy((char *)values + row * 16, &interval, sizeof interval);
        return ERR_OK;
    case DATA_DECIMAL:
        ((struct data_int128 *)values)[row] = vector->i128[row];
        return ERR_OK;
    case DATA_BIGINT:
    case DATA_DOUBLE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
        memcpy((int64_t *)values + row, &vector->i64[row], sizeof(int64_t));
        return ERR_OK;
    case DATA_NULL:
    case DATA_UHUGEINT:
    case DATA_TEXT:
    case DATA_JSON:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
        break;
    }
    return err_set(err, ERR_UNSUPPORTED, "column %zu has no fixed width", column + 1);
}

static bool is_text(enum data_kind kind)
{
    return kind == DATA_TEXT || kind == DATA_JSON || kind == DATA_BLOB || kind == DATA_UHUGEINT;
}

static enum err_code write_vector(const struct data_vector *vector, size_t column, int64_t rows,
                                  struct shared *shared, struct ArrowArray *ret, int64_t *bytes,
                                  struct err *err)
{
    struct arena *arena = shared->arena;
    const void **buffers = arena_array(arena, 3, sizeof *buffers);
    uint8_t *validity = arena_array(arena, (size_t)rows / 8 + 1, 1);
    *ret = (struct ArrowArray){.length = rows,
                               .n_buffers = is_text(vector->type.kind) ? 3 : 2,
                               .buffers = buffers,
                               .release = array_release,
                               .private_data = shared};
    if (buffers == NULL || validity == NULL)
        return err_set(err, ERR_MEMORY, "no memory for rows");
    if (vector->type.kind == DATA_NULL) {
        ret->n_buffers = 0;
        ret->null_count = rows;
        return ERR_OK;
    }
    for (int64_t row = 0; row < rows; row++) {
        if (data_vector_is_valid(vector, row))
            validity[row >> 3] |= (uint8_t)(1u << (row & 7));
        else
            ret->null_count++;
    }
    buffers[0] = validity;
    if (is_text(vector->type.kind))
        return write_texts(vector, column, rows, arena, buffers, bytes, err);
    void *values = arena_array(arena, (size_t)rows + 1, 16);
    if (values == NULL)
        return err_set(err, ERR_MEMORY, "no memory for rows");
    buffers[1] = values;
    *bytes += rows * 16;
    for (int64_t row = 0; row < rows; row++)
        if (data_vector_is_valid(vector, row))
            TRY(write_value(vector, column, row, values, err));
    return ERR_OK;
}

enum err_code adbc_write_batch(const struct data_batch *batch, struct ArrowArray *ret,
                               int64_t *ret_bytes, struct err *err)
{
    struct shared *shared = shared_new(batch->columns + 1);
    *ret = (struct ArrowArray){0};
    *ret_bytes = 0;
    if (shared == NULL)
        return err_set(err, ERR_MEMORY, "no memory for rows");
    struct arena *arena = shared->arena;
    struct ArrowArray *children = arena_array(arena, batch->columns + 1, sizeof *children);
    struct ArrowArray **pointers = arena_array(arena, batch->columns + 1, sizeof(void *));
    enum err_code code = ERR_OK;
    for (size_t idx = 0; code == ERR_OK && !arena_failed(arena) && idx < batch->columns; idx++) {
        pointers[idx] = &children[idx];
        code = write_vector(&batch->vectors[idx], idx, batch->rows, shared, &children[idx],
                            ret_bytes, err);
    }
    const void **buffers = arena_array(arena, 1, sizeof *buffers);
    if (code == ERR_OK && arena_failed(arena))
        code = err_set(err, ERR_MEMORY, "no memory for rows");
    if (code != ERR_OK) {
        arena_free(arena);
        return code;
    }
    *ret = (struct ArrowArray){.length = batch->rows,
                               .n_buffers = 1,
                               .n_children = (int64_t)batch->columns,
                               .buffers = buffers,
                               .children = pointers,
                               .release = array_release,
                               .private_data = shared};
    return ERR_OK;
}

/* ---- parameters ---------------------------------------------------------------------------------
 */

__extension__ typedef __int128 wide_int;

/* Digits of a decimal that fits its type, at its scale. */
static struct data_int128 decimal_of(struct str text, unsigned scale)
{
    wide_int value = 0;
    bool negative = text.len > 0 && text.ptr[0] == '-', behind = false;
    unsigned left = scale;
    for (size_t idx = 0; idx < text.len; idx++) {
        char c = text.ptr[idx];
        behind = behind || c == '.';
        if (c < '0' || c > '9' || (behind && left == 0))
            continue; /* a sign, the point; zeros behind the scale */
        left -= behind;
        value = value * 10 + (c - '0');
    }
    for (; left > 0; left--)
        value *= 10;
    value = negative ? -value : value;
    return (struct data_int128){(uint64_t)value, (int64_t)(value >> 64)};
}

enum err_code adbc_write_values(const struct adbc *adbc, const struct engine_value *values,
                                size_t count, struct arena *arena, struct data_batch *ret,
                                struct err *err)
{
    struct data_vector *vectors = arena_array(arena, count, sizeof *vectors);
    if (vectors == NULL)
        return err_set(err, ERR_MEMORY, "no memory for parameters");
    for (size_t idx = 0; idx < count; idx++) {
        const struct engine_value *value = &values[idx];
        void *cell = arena_alloc(arena, 16);
        vectors[idx] = (struct data_vector){.type = value->type, .any = cell};
        if (cell == NULL)
            return err_set(err, ERR_MEMORY, "no memory for parameters");
        switch (value->type.kind) {
        case DATA_NULL:
            break;
        case DATA_BOOLEAN:
            vectors[idx].u8[0] = value->i64 != 0;
            break;
        case DATA_BIGINT:
        case DATA_DATE:
        case DATA_TIME:
        case DATA_TIMESTAMP:
        case DATA_TIMESTAMPTZ:
            vectors[idx].i64[0] = value->i64;
            break;
        case DATA_DOUBLE:
            vectors[idx].f64[0] = value->f64;
            break;
        case DATA_DECIMAL:
            if (!engine_decimal_fits(value->text, value->type))
                return err_set(err, ERR_USAGE, "parameter %zu is no decimal(%d,%d)", idx + 1,
                               value->type.precision, value->type.scale);
            vectors[idx].i128[0] = decimal_of(value->text, value->type.scale);
            break;
        case DATA_TEXT:
        case DATA_JSON:
            if (adbc->zero_bytes_refused && value->text.len > 0 &&
                memchr(value->text.ptr, '\0', value->text.len) != NULL)
                return err_set(err, ERR_INPUT,
                               "parameter %zu is a text with a zero byte, which the engine cannot "
                               "hold",
                               idx + 1);
            vectors[idx].text[0] = value->text;
            break;
        case DATA_BLOB:
            vectors[idx].text[0] = value->text;
            break;
        case DATA_UHUGEINT:
        case DATA_INTERVAL:
        case DATA_LIST:
        case DATA_STRUCT:
            return err_set(err, ERR_UNSUPPORTED, "parameter %zu has a type that is not bound",
                           idx + 1);
        }
    }
    *ret = (struct data_batch){vectors, count, 1};
    return ERR_OK;
}
