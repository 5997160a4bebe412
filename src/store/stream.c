/* Streams: rows pushed by a reader, appended to a scratch table that is then read like any scan.
 *
 * The one idea: the scratch table is a temporary one, which the engine spills when its memory is
 * short, so memory stays flat and everything after it (typing, casting, hashing, writing) is the
 * same as for files that the engine reads itself. */
#include <string.h>

#include "store/store_priv.h"

struct fill {
    struct engine *engine;
    const struct data_source *source;
    const struct progress *progress;
    struct store_rejects *rejects;
    struct data_schema *schema;
    struct engine_appender *appender;
    int64_t rows;
};

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
    buf_puts(&sql, "CREATE OR REPLACE TEMP TABLE " STORE_SCRATCH_TABLE " (");
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
    TRY(engine_execute(fill->engine, buf_text(&sql), NULL, 0, err));
    return engine_append_open(fill->engine, STORE_SCRATCH_SCHEMA, STORE_SCRATCH_NAME,
                              &fill->appender, err);
}

static enum err_code take_batch(void *user, const struct data_batch *batch, struct err *err)
{
    struct fill *fill = user;
    if (fill->appender == NULL)
        return err_set(err, ERR_FAILED, "%s: the reader gave rows before a schema",
                       fill->source->origin);
    TRY(progress_check(fill->progress, err));
    TRY(engine_append_batch(fill->appender, batch, err));
    fill->rows += batch->rows;
    return ERR_OK;
}

static enum err_code take_reject(void *user, int64_t line, const char *column, const char *reason,
                                 struct str raw, struct err *err)
{
    struct fill *fill = user;
    return store_rejects_add(fill->rejects, line, column, reason, raw, err);
}

enum err_code store_stream_fill(struct engine *engine, const struct data_source *source,
                                const struct progress *progress, struct store_rejects *rejects,
                                struct data_schema *ret_schema, int64_t *ret_rows, struct err *err)
{
    struct fill fill = {.engine = engine,
                        .source = source,
                        .progress = progress,
                        .rejects = rejects,
                        .schema = ret_schema};
    struct data_sink sink = {take_schema, take_batch, take_reject, &fill};
    enum err_code code = source->push(source->user, &sink, progress, err);
    if (code == ERR_OK && fill.appender == NULL)
        code = err_set(err, ERR_INPUT, "%s: the reader gave no table", source->origin);
    if (code != ERR_OK) {
        engine_append_abort(fill.appender);
        return code;
    }
    *ret_rows = fill.rows;
    return engine_append_close(fill.appender, err);
}
