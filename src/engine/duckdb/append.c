/* The appender: batches into an existing table, a whole chunk at a time. Column types of table and
 * batch must correspond (integers narrower than 64 bits are range-checked). schema_name: "schema",
 * or "catalog.schema" for an attached database. */
#include <string.h>

#include "engine/duckdb/duckdb_priv.h"

struct embedded_appender {
    struct engine_appender base;
    struct embedded *engine;
    duckdb_appender raw;
    duckdb_data_chunk chunk;
    struct column *columns;
    size_t column_count;
    size_t text_bytes; /* appended since the last flush */
};
/* The appender holds some 200,000 rows back, whatever their size: of long texts that is too much. */
#define APPEND_TEXT_BYTES ((size_t)64 << 20)

static void appender_free(struct embedded_appender *appender)
{
    if (appender == NULL)
        return;
    if (appender->chunk != NULL)
        duckdb_destroy_data_chunk(&appender->chunk);
    if (appender->raw != NULL)
        duckdb_appender_destroy(&appender->raw);
    mem_free(appender->columns);
    mem_free(appender);
}

static enum err_code appender_fail(struct embedded_appender *appender, struct err *err)
{
    duckdb_error_data data = duckdb_appender_error_data(appender->raw);
    enum err_code code = engine_fail(appender->engine, duckdb_error_data_message(data), err);
    duckdb_destroy_error_data(&data);
    return code;
}

static enum err_code appender_columns(struct embedded_appender *appender, struct err *err)
{
    idx_t count = duckdb_appender_column_count(appender->raw);
    appender->columns = mem_zalloc(count, sizeof *appender->columns);
    duckdb_logical_type *types = mem_zalloc(count, sizeof *types);
    enum err_code code = appender->columns != NULL && types != NULL
                             ? ERR_OK
                             : err_set(err, ERR_MEMORY, "no memory to append rows");
    for (idx_t idx = 0; code == ERR_OK && idx < count; idx++) {
        types[idx] = duckdb_appender_column_type(appender->raw, idx);
        if (!column_of(types[idx], &appender->columns[idx]))
            code = err_set(err, ERR_UNSUPPORTED,
                           "column %llu of the table has a type that cannot be appended to",
                           (unsigned long long)idx + 1);
        appender->columns[idx].borrows = true; /* the appender copies a chunk when it is given it */
    }
    appender->column_count = count;
    if (code == ERR_OK)
        appender->chunk = duckdb_create_data_chunk(types, count);
    for (idx_t idx = 0; types != NULL && idx < count; idx++)
        if (types[idx] != NULL)
            duckdb_destroy_logical_type(&types[idx]);
    mem_free(types);
    if (code == ERR_OK && appender->chunk == NULL)
        code = err_set(err, ERR_MEMORY, "no memory to append rows");
    return code;
}

enum err_code embedded_append_open(struct engine *base, const char *schema_name, const char *table,
                                   struct engine_appender **ret, struct err *err)
{
    struct embedded_appender *appender = mem_zalloc(1, sizeof *appender);
    const char *dot = schema_name != NULL ? strchr(schema_name, '.') : NULL;
    char *catalog = dot != NULL ? mem_strndup(schema_name, (size_t)(dot - schema_name)) : NULL;
    if (appender == NULL || (dot != NULL && catalog == NULL)) {
        mem_free(appender);
        return err_set(err, ERR_MEMORY, "no memory to append rows");
    }
    appender->engine = (struct embedded *)base;
    enum err_code code = ERR_OK;
    if (duckdb_appender_create_ext(appender->engine->connection, catalog,
                                   dot != NULL ? dot + 1 : schema_name, table,
                                   &appender->raw) == DuckDBError)
        code = appender_fail(appender, err);
    mem_free(catalog);
    if (code == ERR_OK)
        code = appender_columns(appender, err);
    if (code != ERR_OK) {
        appender_free(appender);
        return code;
    }
    *ret = &appender->base;
    return ERR_OK;
}

static enum err_code append_slice(struct embedded_appender *appender,
                                  const struct data_batch *batch, int64_t from_row, idx_t rows,
                                  struct err *err)
{
    duckdb_data_chunk_reset(appender->chunk);
    for (size_t idx = 0; idx < appender->column_count; idx++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(appender->chunk, idx);
        enum err_code code = column_write(&appender->columns[idx], &batch->vectors[idx], from_row,
                                          vector, 0, rows, err);
        if (code != ERR_OK)
            return err_context(err, "column %zu", idx + 1);
    }
    duckdb_data_chunk_set_size(appender->chunk, rows);
    if (duckdb_append_data_chunk(appender->raw, appender->chunk) == DuckDBError)
        return appender_fail(appender, err);
    return ERR_OK;
}

static enum err_code flush_long_texts(struct embedded_appender *appender,
                                      const struct data_batch *batch, struct err *err)
{
    for (size_t idx = 0; idx < batch->columns; idx++) {
        const struct data_vector *vector = &batch->vectors[idx];
        bool text = vector->type.kind == DATA_TEXT || vector->type.kind == DATA_JSON ||
                    vector->type.kind == DATA_BLOB;
        for (int64_t row = 0; text && row < batch->rows; row++)
            if (data_vector_is_valid(vector, row))
                appender->text_bytes += vector->text[row].len;
    }
    if (appender->text_bytes < APPEND_TEXT_BYTES)
        return ERR_OK;
    appender->text_bytes = 0;
    return duckdb_appender_flush(appender->raw) == DuckDBError ? appender_fail(appender, err)
                                                               : ERR_OK;
}

enum err_code embedded_append_batch(struct engine_appender *base, const struct data_batch *batch,
                                    struct err *err)
{
    struct embedded_appender *appender = (struct embedded_appender *)base;
    if (batch->columns != appender->column_count)
        return err_set(err, ERR_USAGE, "the batch has %zu columns, the table %zu", batch->columns,
                       appender->column_count);
    for (size_t idx = 0; idx < batch->columns; idx++) {
        if (column_accepts(&appender->columns[idx], batch->vectors[idx].type))
            continue;
        char expected[32], found[32];
        return err_set(err, ERR_USAGE, "column %zu of the table is %s, the batch has %s", idx + 1,
                       data_type_text(appender->columns[idx].type, expected),
                       data_type_text(batch->vectors[idx].type, found));
    }
    TRY(progress_check(appender->engine->base.progress, err));
    TRY(flush_long_texts(appender, batch, err));
    int64_t most = (int64_t)duckdb_vector_size();
    for (int64_t row = 0; row < batch->rows; row += most)
        TRY(append_slice(appender, batch, row,
                         (idx_t)(batch->rows - row < most ? batch->rows - row : most), err));
    return ERR_OK;
}

enum err_code embedded_append_close(struct engine_appender *base, struct err *err)
{
    struct embedded_appender *appender = (struct embedded_appender *)base;
    enum err_code code = ERR_OK;
    if (duckdb_appender_close(appender->raw) == DuckDBError)
        code = appender_fail(appender, err);
    appender_free(appender);
    return code;
}

void embedded_append_abort(struct engine_appender *base)
{
    struct embedded_appender *appender = (struct embedded_appender *)base;
    /* Rows not yet written are dropped; those flushed stay. An older library flushes them when the
     * appender is freed: the caller rolls back. */
    if (duckdb_appender_clear != NULL)
        (void)duckdb_appender_clear(appender->raw);
    appender_free(appender);
}
