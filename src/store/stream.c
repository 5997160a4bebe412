/* Streams: rows pushed by a reader, appended to a scratch table that is then read like any scan.
 *
 * The one idea: the scratch table lies in a database file in the staging folder, so memory stays
 * flat and everything after it (typing, casting, hashing, writing) is the same as for files that
 * the engine reads itself. */
#include <string.h>

#include "store/store_priv.h"

struct fill {
    struct store_import *import;
    const struct data_source *source;
    struct store_rejects *rejects;
    struct data_schema *schema;
    struct engine_appender *appender;
    int64_t rows;
};

enum err_code store_scratch_open(struct store_import *import, struct err *err)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf sql = BUF_INIT;
    if (import->scratch_open)
        return ERR_OK;
    TRY(file_path_join(import->staging.path, "scratch.duckdb", path, err));
    buf_puts(&sql, "ATTACH ");
    engine_quote_literal(&sql, str_of(path));
    buf_puts(&sql, " AS scratch");
    TRY(buf_check(&sql, err));
    TRY(engine_execute(import->engine, buf_text(&sql), NULL, 0, err));
    import->scratch_open = true;
    return ERR_OK;
}

enum err_code store_scratch_compress(struct store_import *import, bool compress, struct err *err)
{
    return engine_execute(import->engine,
                          compress ? "SET force_compression = 'auto'"
                                   : "SET force_compression = 'uncompressed'",
                          NULL, 0, err);
}

static enum err_code take_schema(void *user, const struct data_schema *schema, struct err *err)
{
    struct fill *fill = user;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    if (fill->appender != NULL)
        return err_set(err, ERR_FAILED, "%s: the reader gave two schemas", fill->source->origin);
    if (schema->count == 0)
        return err_set(err, ERR_INPUT, "%s: no columns", fill->source->origin);
    int64_t changed = 0;
    TRY(data_schema_copy(schema, fill->schema, err));
    TRY(data_schema_name_columns(fill->schema, &changed, err));
    TRY(store_scratch_open(fill->import, err));
    buf_puts(&sql, "CREATE OR REPLACE TABLE " STORE_SCRATCH_TABLE " (");
    for (size_t i = 0; i < schema->count; i++) {
        buf_puts(&sql, i == 0 ? "" : ", ");
        store_sql_name(&sql, fill->schema->columns[i].name);
        buf_putc(&sql, ' ');
        engine_type_sql(fill->source->text_columns || schema->columns[i].type.kind == DATA_NULL
                            ? DATA_TYPE(TEXT)
                            : schema->columns[i].type,
                        &sql);
    }
    buf_puts(&sql, ")");
    TRY(buf_check(&sql, err));
    TRY(engine_execute(fill->import->engine, buf_text(&sql), NULL, 0, err));
    return engine_append_open(fill->import->engine, "scratch.main", "raw", &fill->appender, err);
}

static enum err_code take_batch(void *user, const struct data_batch *batch, struct err *err)
{
    struct fill *fill = user;
    const struct progress *progress = fill->import->store->options.progress;
    if (fill->appender == NULL)
        return err_set(err, ERR_FAILED, "%s: the reader gave rows before a schema",
                       fill->source->origin);
    TRY(progress_check(progress, err));
    TRY(engine_append_batch(fill->appender, batch, err));
    fill->rows += batch->rows;
    struct progress_event event = {"read", fill->source->name, fill->rows, 0, "rows"};
    progress_report(progress, &event);
    return ERR_OK;
}

static enum err_code take_reject(void *user, int64_t line, const char *column, const char *reason,
                                 struct str raw, struct err *err)
{
    struct fill *fill = user;
    return store_rejects_add(fill->rejects, line, column, reason, raw, err);
}

enum err_code store_stream_fill(struct store_import *import, const struct data_source *source,
                                struct store_rejects *rejects, struct data_schema *ret_schema,
                                int64_t *ret_rows, struct err *err)
{
    struct fill fill = {
        .import = import, .source = source, .rejects = rejects, .schema = ret_schema};
    struct data_sink sink = {take_schema, take_batch, take_reject, &fill};
    TRY(store_scratch_compress(import, false, err));
    enum err_code code = source->push(source->user, &sink, import->store->options.progress, err);
    if (code == ERR_OK && fill.appender == NULL)
        code = err_set(err, ERR_INPUT, "%s: the reader gave no table", source->origin);
    if (code != ERR_OK) {
        if (fill.appender != NULL)
            engine_append_abort(fill.appender);
        (void)!store_scratch_compress(import, true, NULL);
        return code;
    }
    *ret_rows = fill.rows;
    code = engine_append_close(fill.appender, err);
    TRY(store_scratch_compress(import, true, code == ERR_OK ? err : NULL));
    return code;
}
