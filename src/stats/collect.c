/* Batches to columns of doubles. Texts are numbered as they come (a small hash table a column) and
 * numbered anew in bytewise order at the end, so that the levels of a category do not depend on the
 * order of rows. */
#include "stats/collect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 4096 /* > 2 × STATS_LEVELS_MAX, a power of two */
#define DAY_US 86400e6

struct gathered {
    struct stats_column column;
    enum data_kind kind;
    uint8_t scale;
    double *values;
    const char **labels;
    uint16_t *slots; /* texts: index of the label + 1 */
};
struct stats_collector {
    struct arena *arena; /* names, labels, slots */
    struct gathered *columns;
    struct stats_column *out;
    size_t count;
    int64_t rows, capacity;
};

void stats_collector_free(struct stats_collector *collector)
{
    if (collector == NULL)
        return;
    for (size_t c = 0; collector->columns != NULL && c < collector->count; c++)
        mem_free(collector->columns[c].values);
    arena_free(collector->arena);
    mem_free(collector);
}

/* The largest code that has a value label, or -1; codes are whole and small. */
static int64_t last_label(const struct data_column *column)
{
    int64_t last = -1, code;
    for (size_t i = 0; i < column->value_label_count; i++)
        if (str_to_int64(str_of(column->value_labels[i].value), &code) && code >= 0 &&
            code < STATS_LEVELS_MAX && code > last)
            last = code;
    return last;
}

static void take_value_labels(struct arena *arena, const struct data_column *from,
                              struct gathered *ret)
{
    int64_t last = last_label(from), code;
    if (last < 0)
        return;
    ret->labels = arena_array(arena, (size_t)last + 1, sizeof *ret->labels);
    for (size_t i = 0; ret->labels != NULL && i < from->value_label_count; i++)
        if (str_to_int64(str_of(from->value_labels[i].value), &code) && code >= 0 && code <= last)
            ret->labels[code] = arena_strdup(arena, from->value_labels[i].label);
    ret->column.labels = ret->labels;
    ret->column.label_count = (size_t)last + 1;
}

static enum err_code gathered_make(struct arena *arena, const struct data_column *from,
                                   struct gathered *ret, struct err *err)
{
    static const char *const truths[] = {"false", "true"};
    char type[32];
    ret->kind = from->type.kind;
    ret->scale = from->type.scale;
    ret->column.name = arena_strdup(arena, from->name);
    switch (from->type.kind) {
    case DATA_BOOLEAN:
        ret->column.category = true;
        ret->column.labels = truths;
        ret->column.label_count = 2;
        return ERR_OK;
    case DATA_TEXT:
    case DATA_JSON:
        ret->column.category = true;
        ret->labels = arena_array(arena, STATS_LEVELS_MAX, sizeof *ret->labels);
        ret->slots = arena_array(arena, SLOTS, sizeof *ret->slots);
        return ERR_OK;
    case DATA_BIGINT:
    case DATA_DECIMAL:
    case DATA_UHUGEINT:
    case DATA_DOUBLE:
        take_value_labels(arena, from, ret);
        return ERR_OK;
    case DATA_NULL: /* all missing */
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
        return ERR_OK;
    case DATA_BLOB:
    case DATA_INTERVAL:
    case DATA_LIST:
    case DATA_STRUCT:
        break;
    }
    err_set(err, ERR_INPUT, "column %s is of type %s, expected a number, a date or a text",
            from->name, data_type_text(from->type, type));
    return err_hint(err, "leave it out, or cast it");
}

enum err_code stats_collector_new(const struct data_schema *schema, struct stats_collector **ret,
                                  struct err *err)
{
    struct stats_collector *collector = mem_zalloc(1, sizeof *collector);
    *ret = NULL;
    if (collector == NULL)
        return err_set(err, ERR_MEMORY, "out of memory");
    collector->arena = arena_new(0);
    if (collector->arena != NULL)
        collector->columns =
            arena_array(collector->arena, schema->count + 1, sizeof *collector->columns);
    enum err_code code =
        collector->columns == NULL ? err_set(err, ERR_MEMORY, "out of memory") : ERR_OK;
    for (; collector->count < schema->count && code == ERR_OK; collector->count++)
        code = gathered_make(collector->arena, &schema->columns[collector->count],
                             &collector->columns[collector->count], err);
    if (code == ERR_OK && arena_failed(collector->arena))
        code = err_set(err, ERR_MEMORY, "out of memory");
    if (code != ERR_OK)
        stats_collector_free(collector);
    else
        *ret = collector;
    return code;
}

static enum err_code grow(struct stats_collector *collector, int64_t rows, struct err *err)
{
    int64_t capacity = collector->capacity == 0 ? 4 * DATA_BATCH_ROWS : collector->capacity;
    if (rows > STATS_ROWS_MAX)
        return err_set(err, ERR_LIMIT, "more than %lld rows for a statistic",
                       (long long)STATS_ROWS_MAX);
    while (capacity < rows)
        capacity *= 2;
    for (size_t c = 0; c < collector->count && capacity > collector->capacity; c++) {
        double *values = mem_resize(collector->columns[c].values, (size_t)capacity, sizeof *values);
        if (values == NULL)
            return err_set(err, ERR_MEMORY, "out of memory");
        collector->columns[c].values = values;
    }
    collector->capacity = capacity;
    return ERR_OK;
}

/* The number of a text among those of its column; a new one gets the next. */
static enum err_code text_code(struct arena *arena, struct gathered *column, struct str text,
                               double *ret, struct err *err)
{
    size_t at = (size_t)hash_xxh3_64(text.ptr, text.len, 0) & (SLOTS - 1);
    for (; column->slots[at] != 0; at = (at + 1) & (SLOTS - 1)) {
        *ret = column->slots[at] - 1;
        if (str_equal(str_of(column->labels[column->slots[at] - 1]), text))
            return ERR_OK;
    }
    if (column->column.label_count == STATS_LEVELS_MAX) {
        err_set(err, ERR_LIMIT, "column %s has more than %d distinct texts, too many for groups",
                column->column.name, STATS_LEVELS_MAX);
        return err_hint(err, "group its values first");
    }
    const char *copy = arena_strndup(arena, text.ptr == NULL ? "" : text.ptr, text.len);
    if (copy == NULL)
        return err_set(err, ERR_MEMORY, "out of memory");
    *ret = (double)column->column.label_count;
    column->labels[column->column.label_count++] = copy;
    column->slots[at] = (uint16_t)column->column.label_count;
    return ERR_OK;
}

/* 128 bits with a scale: exact division where both are exact doubles, else by its digits. */
static enum err_code wide_number(const struct data_vector *vector, int64_t row, uint8_t scale,
                                 double *ret, struct err *err)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct data_int128 value = vector->i128[row];
    int64_t small = (int64_t)value.low;
    AUTO(buf_done) struct buf text = BUF_INIT;
    bool fits = value.high == (small < 0 ? -1 : 0) && small > -(1ll << 53) && small < 1ll << 53;
    if (fits && scale < sizeof powers / sizeof *powers) {
        *ret = (double)small / powers[scale];
        return ERR_OK;
    }
    data_value_text(vector, row, &text);
    TRY(buf_check(&text, err));
    if (!str_to_double(buf_view(&text), ret))
        *ret = NAN;
    return ERR_OK;
}

static enum err_code cell(struct arena *arena, struct gathered *column,
                          const struct data_vector *vector, int64_t row, double *ret,
                          struct err *err)
{
    *ret = NAN;
    if (!data_vector_is_valid(vector, row))
        return ERR_OK;
    switch (column->kind) {
    case DATA_BOOLEAN:
        *ret = vector->u8[row] != 0 ? 1 : 0;
        break;
    case DATA_BIGINT:
    case DATA_DATE:
        *ret = (double)vector->i64[row];
        break;
    case DATA_TIME:
        *ret = (double)vector->i64[row] / 1e6;
        break;
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
        *ret = (double)vector->i64[row] / DAY_US;
        break;
    case DATA_DECIMAL:
    case DATA_UHUGEINT:
        return wide_number(vector, row, column->scale, ret, err);
    case DATA_DOUBLE:
        *ret = vector->f64[row];
        break;
    case DATA_TEXT:
    case DATA_JSON:
        return text_code(arena, column, vector->text[row], ret, err);
    case DATA_NULL:
    case DATA_BLOB:
    case DATA_INTERVAL:
    case DATA_LIST:
    case DATA_STRUCT:
        break; /* refused by stats_collector_new */
    }
    return ERR_OK;
}

enum err_code stats_collector_add(struct stats_collector *collector, const struct data_batch *batch,
                                  struct err *err)
{
    if (batch->columns != collector->count)
        return err_set(err, ERR_USAGE, "a batch of %zu columns for a schema of %zu", batch->columns,
                       collector->count);
    TRY(grow(collector, collector->rows + batch->rows, err));
    for (size_t c = 0; c < collector->count; c++) {
        struct gathered *column = &collector->columns[c];
        if (batch->vectors[c].type.kind != column->kind)
            return err_set(err, ERR_USAGE,
                           "a batch whose column %s has another type than the schema's",
                           column->column.name);
        for (int64_t row = 0; row < batch->rows; row++)
            TRY(cell(collector->arena, column, &batch->vectors[c], row,
                     &column->values[collector->rows + row], err));
    }
    collector->rows += batch->rows;
    return ERR_OK;
}

struct ranked {
    const char *text;
    size_t code;
};

static int compare_ranked(const void *a, const void *b)
{
    return strcmp(((const struct ranked *)a)->text, ((const struct ranked *)b)->text);
}

/* Number the texts in bytewise order. */
static enum err_code order_texts(struct stats_collector *collector, struct gathered *column,
                                 struct err *err)
{
    size_t count = column->column.label_count;
    struct ranked *ranked = arena_array(collector->arena, count + 1, sizeof *ranked);
    double *place = arena_array(collector->arena, count + 1, sizeof *place);
    if (place == NULL)
        return err_set(err, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        ranked[i] = (struct ranked){column->labels[i], i};
    if (count > 1)
        qsort(ranked, count, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < count; i++) {
        place[ranked[i].code] = (double)i;
        column->labels[i] = ranked[i].text;
    }
    for (int64_t row = 0; row < collector->rows; row++)
        if (!isnan(column->values[row]))
            column->values[row] = place[(size_t)column->values[row]];
    column->column.labels = column->labels;
    return ERR_OK;
}

enum err_code stats_collector_finish(struct stats_collector *collector,
                                     const struct stats_column **ret, struct err *err)
{
    collector->out = arena_array(collector->arena, collector->count + 1, sizeof *collector->out);
    if (collector->out == NULL)
        return err_set(err, ERR_MEMORY, "out of memory");
    TRY(grow(collector, collector->rows, err)); /* values even of no row */
    for (size_t c = 0; c < collector->count; c++) {
        struct gathered *column = &collector->columns[c];
        if (column->slots != NULL)
            TRY(order_texts(collector, column, err));
        column->column.values = column->values;
        column->column.rows = collector->rows;
        collector->out[c] = column->column;
    }
    *ret = collector->out;
    return ERR_OK;
}
