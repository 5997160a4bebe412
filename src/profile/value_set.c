/* The distinct values of a column as a sorted set of 64-bit hashes with their row counts, read once
 * through the engine's batches. Values are hashed as canonical text, so 5 in a whole-number column
 * equals "5" in a text column (and "05" does not). With 5 M values the chance of any collision is
 * 7e-7; a collision would shift a coverage by one row. */
#include "profile/profile_priv.h"

#include <stdlib.h>

struct entry {
    uint64_t hash;
    int64_t rows, integer;
};

struct entries {
    struct entry *entries;
    size_t count, capacity;
    bool digits;
};

static bool all_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static enum err_code take_batch(const struct data_batch *batch, struct buf *text,
                                struct entries *entries, struct err *err)
{
    for (int64_t r = 0; r < batch->rows; r++) {
        buf_clear(text);
        if (!data_value_text(&batch->vectors[0], r, text))
            continue;
        if (text->failed)
            return err_set(err, ERR_MEMORY, "out of memory while reading a column's values");
        if (entries->count == entries->capacity) {
            size_t capacity = entries->capacity == 0 ? 1024 : entries->capacity * 2;
            struct entry *grown = mem_resize(entries->entries, capacity, sizeof *grown);
            if (grown == NULL)
                return err_set(err, ERR_MEMORY, "out of memory for %zu distinct values", capacity);
            entries->entries = grown;
            entries->capacity = capacity;
        }
        struct str value = buf_view(text);
        struct entry *entry = &entries->entries[entries->count++];
        entry->hash = hash_xxh3_64(value.ptr, value.len, 0);
        entry->rows = batch->vectors[1].i64[r];
        entry->integer = batch->vectors[0].type.kind == DATA_BIGINT ? batch->vectors[0].i64[r] : 0;
        entries->digits = entries->digits && all_digits(value);
    }
    return ERR_OK;
}

static int compare_entries(const void *a, const void *b)
{
    uint64_t x = ((const struct entry *)a)->hash, y = ((const struct entry *)b)->hash;
    return x < y ? -1 : x > y;
}
static int compare_integers(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static enum err_code set_from(const struct entries *entries, bool integers, struct value_set **ret,
                              struct err *err)
{
    struct value_set *set = mem_zalloc(1, sizeof *set);
    size_t count = entries->count;
    if (set != NULL) {
        set->hashes = mem_zalloc(count + 1, sizeof *set->hashes);
        set->rows = mem_zalloc(count + 1, sizeof *set->rows);
        set->integers = integers ? mem_zalloc(count + 1, sizeof *set->integers) : NULL;
    }
    if (set == NULL || set->hashes == NULL || set->rows == NULL ||
        (integers && set->integers == NULL)) {
        value_set_free(set);
        return err_set(err, ERR_MEMORY, "out of memory for %zu distinct values", count);
    }
    if (count > 0)
        qsort(entries->entries, count, sizeof *entries->entries, compare_entries);
    for (size_t i = 0; i < count; i++) {
        set->hashes[i] = entries->entries[i].hash;
        set->rows[i] = entries->entries[i].rows;
        if (integers)
            set->integers[i] = entries->entries[i].integer;
    }
    if (integers && count > 0)
        qsort(set->integers, count, sizeof *set->integers, compare_integers);
    set->count = count;
    set->digits = entries->digits;
    *ret = set;
    return ERR_OK;
}

static enum err_code read_entries(struct engine *engine, const struct fact_column *column,
                                  struct entries *entries, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT, text = BUF_INIT;
    const char *type = column->class == FACT_INTEGER ? "BIGINT" : "VARCHAR";
    buf_puts(&sql, "SELECT CAST(");
    engine_quote_identifier(&sql, str_of(column->column_name));
    buf_printf(&sql, " AS %s) AS value, %s FROM ", type,
               column->unique ? "CAST(1 AS BIGINT)" : "count(*)");
    store_table_source(column->stored, &sql);
    buf_puts(&sql, " WHERE ");
    engine_quote_identifier(&sql, str_of(column->column_name));
    buf_puts(&sql, column->unique ? " IS NOT NULL" : " IS NOT NULL GROUP BY 1");
    TRY(buf_check(&sql, err));
    AUTO(engine_result_close) struct engine_result *result = NULL;
    TRY(engine_query(engine, buf_text(&sql), NULL, 0, &result, err));
    for (;;) {
        const struct data_batch *batch = NULL;
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        TRY(take_batch(batch, &text, entries, err));
    }
}

enum err_code value_set_read(struct engine *engine, struct fact_column *column, struct err *err)
{
    if (column->set != NULL)
        return ERR_OK;
    struct entries entries = {.digits = true};
    enum err_code code = read_entries(engine, column, &entries, err);
    if (code == ERR_OK)
        code = set_from(&entries, column->class == FACT_INTEGER, &column->set, err);
    mem_free(entries.entries);
    if (code == ERR_OK) {
        column->distinct = (int64_t)column->set->count;
        column->distinct_exact = true;
        *column->values_held += column->distinct;
    }
    return code;
}

void value_set_free(struct value_set *set)
{
    if (set == NULL)
        return;
    mem_free(set->hashes);
    mem_free(set->rows);
    mem_free(set->integers);
    mem_free(set);
}
