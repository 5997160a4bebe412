/* Arrow arrays → batches. A column knows once how its values lie (form, width, unit); a cell is
 * then read by that. Numbers, decimals and times are widened exactly or refused; texts borrow.
 * Columns and arrays are of the driver's making: what the schema did not promise is an error. */
#include <stdlib.h>
#include <string.h>

#include "engine/adbc/adbc_priv.h"

#define DEPTH_MOST 32
#define NANOSECONDS (-1000)
#define US_PER_SECOND INT64_C(1000000)

/* ---- schema -------------------------------------------------------------------------------------
 */

struct layout {
    const char *format;
    enum adbc_form form;
    enum data_kind kind;
    int width;
    int64_t scale;
};
static const struct layout layouts[] = {
    {"n", ADBC_NULL, DATA_TEXT, 0, 0},
    {"b", ADBC_BOOLEAN, DATA_BOOLEAN, 0, 0},
    {"c", ADBC_SIGNED, DATA_BIGINT, 1, 0},
    {"C", ADBC_UNSIGNED, DATA_BIGINT, 1, 0},
    {"s", ADBC_SIGNED, DATA_BIGINT, 2, 0},
    {"S", ADBC_UNSIGNED, DATA_BIGINT, 2, 0},
    {"i", ADBC_SIGNED, DATA_BIGINT, 4, 0},
    {"I", ADBC_UNSIGNED, DATA_BIGINT, 4, 0},
    {"l", ADBC_SIGNED, DATA_BIGINT, 8, 0},
    {"L", ADBC_UNSIGNED, DATA_BIGINT, 8, 0},
    {"f", ADBC_FLOAT, DATA_DOUBLE, 4, 0},
    {"g", ADBC_FLOAT, DATA_DOUBLE, 8, 0},
    {"u", ADBC_TEXT, DATA_TEXT, 4, 0},
    {"U", ADBC_TEXT, DATA_TEXT, 8, 0},
    {"vu", ADBC_TEXT, DATA_TEXT, 0, 0},
    {"z", ADBC_TEXT, DATA_BLOB, 4, 0},
    {"Z", ADBC_TEXT, DATA_BLOB, 8, 0},
    {"vz", ADBC_TEXT, DATA_BLOB, 0, 0},
    {"tdD", ADBC_DATE, DATA_DATE, 4, 0},
    {"tdm", ADBC_DATE, DATA_DATE, 8, 0},
    {"tts", ADBC_TIME, DATA_TIME, 4, US_PER_SECOND},
    {"ttm", ADBC_TIME, DATA_TIME, 4, 1000},
    {"ttu", ADBC_TIME, DATA_TIME, 8, 1},
    {"ttn", ADBC_TIME, DATA_TIME, 8, NANOSECONDS},
    {"tiM", ADBC_MONTHS, DATA_INTERVAL, 4, 0},
    {"tiD", ADBC_DAYS_MS, DATA_INTERVAL, 8, 0},
    {"tin", ADBC_MONTHS_DAYS_NS, DATA_INTERVAL, 16, 0},
    {"+l", ADBC_LIST, DATA_TEXT, 4, 0},
    {"+L", ADBC_LIST, DATA_TEXT, 8, 0},
    {"+s", ADBC_STRUCT, DATA_TEXT, 0, 0},
    {"+m", ADBC_MAP, DATA_TEXT, 4, 0},
};

/* The value of a key, or empty. */
static struct str metadata_of(const char *metadata, const char *key)
{
    int32_t count = 0, length[2];
    if (metadata != NULL)
        memcpy(&count, metadata, sizeof count);
    const char *at = metadata != NULL ? metadata + sizeof count : NULL;
    for (int32_t idx = 0; idx < count; idx++) {
        const char *text[2];
        for (int part = 0; part < 2; part++) {
            memcpy(&length[part], at, sizeof *length);
            text[part] = at + sizeof *length;
            at = text[part] + length[part];
        }
        if (str_equal((struct str){text[0], (size_t)length[0]}, str_of(key)))
            return (struct str){text[1], (size_t)length[1]};
    }
    return (struct str){0};
}

static bool read_decimal(const char *format, struct adbc_column *ret)
{
    char *end = NULL;
    if (strncmp(format, "d:", 2) != 0)
        return false;
    long precision = strtol(format + 2, &end, 10);
    long scale = *end == ',' ? strtol(end + 1, &end, 10) : -1;
    long bits = *end == ',' ? strtol(end + 1, &end, 10) : 128;
    if (*end != '\0' || precision < 1 || precision > 38 || scale < 0 || scale > precision ||
        (bits != 32 && bits != 64 && bits != 128))
        return false;
    ret->form = ADBC_DECIMAL;
    ret->width = (int)(bits / 8);
    ret->type = data_type_decimal((unsigned)precision, (unsigned)scale);
    return true;
}

static bool read_timestamp(const char *format, struct adbc_column *ret)
{
    if (strncmp(format, "ts", 2) != 0 || format[2] == '\0' || format[3] != ':')
        return false;
    static const char units[] = "smun";
    static const int64_t scales[] = {US_PER_SECOND, 1000, 1, NANOSECONDS};
    const char *unit = strchr(units, format[2]);
    if (unit == NULL)
        return false;
    ret->form = ADBC_TIME;
    ret->width = 8;
    ret->scale = scales[unit - units];
    ret->type = format[4] != '\0' ? DATA_TYPE(TIMESTAMPTZ) : DATA_TYPE(TIMESTAMP);
    return true;
}

static bool read_layout(const char *format, struct adbc_column *ret)
{
    for (size_t idx = 0; idx < sizeof layouts / sizeof *layouts; idx++)
        if (strcmp(layouts[idx].format, format) == 0) {
            ret->form = layouts[idx].form;
            ret->width = layouts[idx].width;
            ret->scale = layouts[idx].scale;
            ret->type = (struct data_type){.kind = layouts[idx].kind};
            return true;
        }
    if (strncmp(format, "+w:", 3) == 0) {
        *ret = (struct adbc_column){.form = ADBC_LIST,
                                    .type = DATA_TYPE(TEXT),
                                    .name = ret->name,
                                    .fixed = strtol(format + 3, NULL, 10)};
        return true;
    }
    return read_decimal(format, ret) || read_timestamp(format, ret);
}

/* Sixteen bytes: what they are, an extension says. */
static bool read_sixteen(const char *format, const char *metadata, struct adbc_column *ret)
{
    struct str name = metadata_of(metadata, "ARROW:extension:name");
    struct str more = metadata_of(metadata, "ARROW:extension:metadata");
    if (strcmp(format, "w:16") != 0)
        return false;
    ret->width = 16;
    ret->form = str_equal(name, STR("arrow.uuid")) ? ADBC_UUID : ADBC_WIDE;
    if (ret->form == ADBC_UUID)
        ret->type = DATA_TYPE(TEXT);
    else if (str_has_prefix(more, "{\"type_name\":\"uhugeint\","))
        ret->type = DATA_TYPE(UHUGEINT);
    else if (str_has_prefix(more, "{\"type_name\":\"hugeint\","))
        ret->type = data_type_decimal(38, 0);
    else
        return false;
    return true;
}

static enum err_code read_column(const struct ArrowSchema *schema, int depth, struct arena *arena,
                                 struct adbc_column *ret, struct err *err)
{
    const struct ArrowSchema *values = schema->dictionary != NULL ? schema->dictionary : schema;
    const char *format = values->format != NULL ? values->format : "";
    const char *name = schema->name != NULL ? schema->name : "";
    *ret = (struct adbc_column){.name = arena_strdup(arena, name)};
    if (depth > DEPTH_MOST || values->dictionary != NULL ||
        (!read_sixteen(format, values->metadata, ret) && !read_layout(format, ret)))
        return err_set(err, ERR_UNSUPPORTED,
                       "column %s has an Arrow type that cannot be read: \"%s\"", name, format);
    struct str extension = metadata_of(values->metadata, "ARROW:extension:name");
    if (ret->form == ADBC_TEXT && str_equal(extension, STR("arrow.json")))
        ret->type = DATA_TYPE(JSON);
    if (ret->form == ADBC_SIGNED && str_equal(extension, STR("arrow.bool8")))
        ret->type = DATA_TYPE(BOOLEAN);
    if (values != schema) {
        ret->indices = arena_alloc(arena, sizeof *ret->indices);
        if (ret->indices != NULL &&
            (!read_layout(schema->format, ret->indices) ||
             (ret->indices->form != ADBC_SIGNED && ret->indices->form != ADBC_UNSIGNED)))
            return err_set(err, ERR_ENGINE, "column %s has a dictionary without whole indices",
                           name);
    }
    ret->child_count = (size_t)values->n_children;
    bool listed = ret->form == ADBC_LIST || ret->form == ADBC_MAP;
    if (listed && values->n_children != 1)
        return err_set(err, ERR_ENGINE, "column %s is a list without elements' type", name);
    ret->children = arena_array(arena, ret->child_count + 1, sizeof *ret->children);
    if (arena_failed(arena))
        return err_set(err, ERR_MEMORY, "no memory for a result's columns");
    for (size_t idx = 0; idx < ret->child_count; idx++)
        TRY(read_column(values->children[idx], depth + 1, arena, &ret->children[idx], err));
    if (ret->form == ADBC_MAP &&
        (ret->children[0].form != ADBC_STRUCT || ret->children[0].child_count != 2))
        return err_set(err, ERR_ENGINE, "column %s is a map without keys and values", name);
    return ERR_OK;
}

enum err_code adbc_read_schema(const struct ArrowSchema *root, struct arena *arena,
                               struct data_schema *schema, struct adbc_column *ret_root,
                               struct err *err)
{
    if (root->release == NULL || root->format == NULL || strcmp(root->format, "+s") != 0)
        return err_set(err, ERR_ENGINE, "the ADBC driver gave rows that are no table");
    TRY(read_column(root, 0, arena, ret_root, err));
    for (size_t idx = 0; idx < ret_root->child_count; idx++)
        TRY(data_schema_add(schema, str_of(ret_root->children[idx].name),
                            ret_root->children[idx].type, err));
    return ERR_OK;
}

/* ---- arrays -------------------------------------------------------------------------------------
 */

static int64_t buffers_of(const struct adbc_column *column)
{
    switch (column->form) {
    case ADBC_NULL:
        return 0;
    case ADBC_STRUCT:
        return 1;
    case ADBC_TEXT:
        return 3;
    case ADBC_LIST:
        return column->width == 0 ? 1 : 2;
    case ADBC_BOOLEAN:
    case ADBC_SIGNED:
    case ADBC_UNSIGNED:
    case ADBC_FLOAT:
    case ADBC_DECIMAL:
    case ADBC_WIDE:
    case ADBC_UUID:
    case ADBC_DATE:
    case ADBC_TIME:
    case ADBC_MONTHS:
    case ADBC_DAYS_MS:
    case ADBC_MONTHS_DAYS_NS:
    case ADBC_MAP:
        return 2;
    }
    return 0;
}

enum err_code adbc_read_check(const struct adbc_column *column, const struct ArrowArray *array,
                              struct err *err)
{
    const struct ArrowArray *values = array;
    bool sound = array->length >= 0 && array->offset >= 0;
    if (sound && column->indices != NULL) {
        sound = array->n_buffers == 2 && array->dictionary != NULL &&
                (array->length == 0 || array->buffers[1] != NULL);
        values = array->dictionary;
    }
    int64_t buffers = buffers_of(column);
    sound =
        sound && values->n_buffers >= buffers && values->n_children == (int64_t)column->child_count;
    if (sound && buffers > 1 && values->length > 0)
        sound = values->buffers[1] != NULL;
    for (size_t idx = 0; sound && idx < column->child_count; idx++) {
        TRY(adbc_read_check(&column->children[idx], values->children[idx], err));
        if (column->form == ADBC_STRUCT)
            sound = values->children[idx]->length >= values->offset + values->length;
    }
    return sound ? ERR_OK
                 : err_set(err, ERR_ENGINE,
                           "the ADBC driver gave rows that are not what it said: column %s",
                           column->name);
}

static bool bit(const void *bits, int64_t row)
{
    return ((((const uint8_t *)bits)[row >> 3] >> (row & 7)) & 1) != 0;
}

static int64_t whole(const struct adbc_column *column, const struct ArrowArray *array, int64_t at)
{
    const char *from = (const char *)array->buffers[1] + at * column->width;
    bool is_signed = column->form != ADBC_UNSIGNED;
    uint64_t bits = 0; /* little-endian, as this program's machines are */
    memcpy(&bits, from, (size_t)column->width);
    int unused = 64 - column->width * 8;
    return is_signed ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
}

/* A dictionary's index; −1: out of bounds. */
static int64_t index_of(const struct adbc_column *column, const struct ArrowArray *array,
                        int64_t row)
{
    int64_t at = whole(column->indices, array, array->offset + row);
    return at >= 0 && at < array->dictionary->length ? at : -1;
}

bool adbc_read_is_valid(const struct adbc_column *column, const struct ArrowArray *array,
                        int64_t row)
{
    if (column->form == ADBC_NULL)
        return false;
    if (array->n_buffers > 0 && array->buffers[0] != NULL &&
        !bit(array->buffers[0], array->offset + row))
        return false;
    if (column->indices == NULL)
        return true;
    struct adbc_column values = *column;
    values.indices = NULL;
    int64_t at = index_of(column, array, row);
    return at < 0 || adbc_read_is_valid(&values, array->dictionary, at);
}

static struct str text_of(const struct adbc_column *column, const struct ArrowArray *array,
                          int64_t at)
{
    const char *bytes = array->buffers[2];
    if (column->width == 4) {
        const int32_t *offsets = (const int32_t *)array->buffers[1] + at;
        return (struct str){bytes + offsets[0], (size_t)(offsets[1] - offsets[0])};
    }
    if (column->width == 8) {
        const int64_t *offsets = (const int64_t *)array->buffers[1] + at;
        return (struct str){bytes + offsets[0], (size_t)(offsets[1] - offsets[0])};
    }
    const char *view = (const char *)array->buffers[1] + at * 16;
    int32_t length, where[2];
    memcpy(&length, view, sizeof length);
    if (length <= 12)
        return (struct str){view + 4, (size_t)length};
    memcpy(where, view + 8, sizeof where); /* which data buffer, where in it */
    return (struct str){(const char *)array->buffers[2 + where[0]] + where[1], (size_t)length};
}

/* ---- cells --------------------------------------------------------------------------------------
 */

static enum err_code unfit(const struct adbc_column *column, const char *why, struct err *err)
{
    err_set(err, ERR_ENGINE, "column %s has a value that %s", column->name, why);
    return err_hint(err, "CAST the column in the statement");
}

static enum err_code temporal(const struct adbc_column *column, int64_t value, int64_t *ret,
                              struct err *err)
{
    if (column->scale == NANOSECONDS) {
        if (value % 1000 != 0)
            return unfit(column, "is finer than a microsecond", err);
        *ret = value / 1000;
    } else if (__builtin_mul_overflow(value, column->scale, ret)) {
        return unfit(column, "is outside the range of timestamps", err);
    }
    return ERR_OK;
}

static struct data_int128 decimal_of(const struct adbc_column *column,
                                     const struct ArrowArray *array, int64_t at)
{
    struct data_int128 value;
    if (column->width == 16) {
        memcpy(&value, (const char *)array->buffers[1] + at * 16, sizeof value);
        return value;
    }
    int64_t narrow = whole(column, array, at);
    return (struct data_int128){(uint64_t)narrow, narrow < 0 ? -1 : 0};
}

static bool fits_38(struct data_int128 value)
{
    static const uint64_t high = UINT64_C(0x4b3b4ca85a86c47a), low = UINT64_C(0x098a223fffffffff);
    bool negative = value.high < 0;
    uint64_t bits = negative ? ~value.low + 1 : value.low;
    uint64_t more = negative ? ~(uint64_t)value.high + (value.low == 0) : (uint64_t)value.high;
    return more < high || (more == high && bits <= low);
}

static enum err_code interval_of(const struct adbc_column *column, const struct ArrowArray *array,
                                 int64_t at, struct data_interval *ret, struct err *err)
{
    const char *from = (const char *)array->buffers[1] + at * column->width;
    int64_t nanoseconds = 0;
    int32_t parts[2] = {0};
    *ret = (struct data_interval){0};
    memcpy(parts, from, column->width == 4 ? 4 : 8);
    if (column->form == ADBC_DAYS_MS) {
        *ret = (struct data_interval){0, parts[0], parts[1] * INT64_C(1000)};
        return ERR_OK;
    }
    if (column->form == ADBC_MONTHS_DAYS_NS)
        memcpy(&nanoseconds, from + 8, sizeof nanoseconds);
    if (nanoseconds % 1000 != 0)
        return unfit(column, "is finer than a microsecond", err);
    *ret = (struct data_interval){parts[0], parts[1], nanoseconds / 1000};
    return ERR_OK;
}

static double float_of(const struct adbc_column *column, const struct ArrowArray *array, int64_t at)
{
    return column->width == 4 ? (double)((const float *)array->buffers[1])[at]
                              : ((const double *)array->buffers[1])[at];
}

enum err_code adbc_read_cell(const struct adbc_column *column, const struct ArrowArray *array,
                             int64_t row, struct data_vector *vector, int64_t out, struct err *err)
{
    int64_t at = array->offset + row;
    if (column->indices != NULL) {
        struct adbc_column values = *column;
        values.indices = NULL;
        at = index_of(column, array, row);
        if (at < 0)
            return unfit(column, "is not in its dictionary", err);
        return adbc_read_cell(&values, array->dictionary, at, vector, out, err);
    }
    switch (column->form) {
    case ADBC_BOOLEAN:
        vector->u8[out] = bit(array->buffers[1], at);
        return ERR_OK;
    case ADBC_SIGNED:
    case ADBC_UNSIGNED:
        if (column->type.kind == DATA_BOOLEAN) {
            vector->u8[out] = whole(column, array, at) != 0;
            return ERR_OK;
        }
        vector->i64[out] = whole(column, array, at);
        if (column->form == ADBC_UNSIGNED && vector->i64[out] < 0)
            return unfit(column, "is greater than a bigint holds", err);
        return ERR_OK;
    case ADBC_FLOAT:
        vector->f64[out] = float_of(column, array, at);
        return ERR_OK;
    case ADBC_DECIMAL:
    case ADBC_WIDE:
        vector->i128[out] = decimal_of(column, array, at);
        if (column->form == ADBC_WIDE && column->type.kind == DATA_DECIMAL &&
            !fits_38(vector->i128[out]))
            return unfit(column, "has more than 38 digits", err);
        return ERR_OK;
    case ADBC_TEXT:
        vector->text[out] = text_of(column, array, at);
        return ERR_OK;
    case ADBC_DATE:
        vector->i64[out] = whole(column, array, at);
        if (column->width == 8) /* milliseconds, of whole days */
            vector->i64[out] =
                (vector->i64[out] - (vector->i64[out] < 0 ? 86399999 : 0)) / 86400000;
        return ERR_OK;
    case ADBC_TIME:
        return temporal(column, whole(column, array, at), &vector->i64[out], err);
    case ADBC_MONTHS:
    case ADBC_DAYS_MS:
    case ADBC_MONTHS_DAYS_NS:
        return interval_of(column, array, at, &vector->interval[out], err);
    case ADBC_NULL:
    case ADBC_UUID:
    case ADBC_LIST:
    case ADBC_STRUCT:
    case ADBC_MAP:
        break;
    }
    return err_set(err, ERR_UNSUPPORTED, "column %s is nested", column->name);
}

void adbc_read_uuid(const struct ArrowArray *array, int64_t row, struct buf *out)
{
    const uint8_t *bytes = (const uint8_t *)array->buffers[1] + (array->offset + row) * 16;
    for (int idx = 0; idx < 16; idx++)
        buf_printf(out, "%s%02x", idx == 4 || idx == 6 || idx == 8 || idx == 10 ? "-" : "",
                   bytes[idx]);
}

/* A text that is made, not borrowed. */
static bool is_made(const struct adbc_column *column)
{
    return column->form == ADBC_LIST || column->form == ADBC_STRUCT || column->form == ADBC_MAP ||
           column->form == ADBC_UUID;
}

/* A UUID, or a nested value as JSON: its text in arena. */
static enum err_code made_cell(const struct adbc_column *column, const struct ArrowArray *array,
                               int64_t row, struct arena *arena, struct buf *scratch,
                               struct str *ret, struct err *err)
{
    buf_clear(scratch);
    if (column->form == ADBC_UUID && column->indices == NULL)
        adbc_read_uuid(array, row, scratch);
    else
        TRY(adbc_read_json(column, array, row, scratch, err));
    TRY(buf_check(scratch, err));
    const char *text = arena_strndup(arena, buf_text(scratch), scratch->len);
    if (text == NULL)
        return err_set(err, ERR_MEMORY, "no memory for rows");
    *ret = (struct str){text, scratch->len};
    return ERR_OK;
}

enum err_code adbc_read_batch(const struct adbc_column *root, const struct ArrowArray *array,
                              const struct data_schema *schema, int64_t from, int64_t rows,
                              struct arena *arena, struct data_batch **ret, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf scratch = BUF_INIT;
    struct data_batch *batch = data_batch_new(arena, schema, rows);
    if (batch == NULL)
        return err_set(err, ERR_MEMORY, "no memory for rows");
    batch->rows = rows;
    for (size_t idx = 0; idx < root->child_count; idx++) {
        const struct adbc_column *column = &root->children[idx];
        const struct ArrowArray *values = array->children[idx];
        struct data_vector *vector = &batch->vectors[idx];
        for (int64_t out = 0; out < rows; out++) {
            int64_t row = array->offset + from + out;
            if (!adbc_read_is_valid(column, values, row))
                continue;
            if (is_made(column))
                TRY(made_cell(column, values, row, arena, &scratch, &vector->text[out], err));
            else
                TRY(adbc_read_cell(column, values, row, vector, out, err));
            data_vector_set_valid(vector, out, true);
        }
    }
    *ret = batch;
    return ERR_OK;
}
