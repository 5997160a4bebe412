/* Bulk ingest: batches are copied to Arrow and kept until there are INGEST_BYTES of them; then they
 * go to the driver as one stream, mode append. So memory stays flat, and a table gets its rows in
 * several ingests: who wants all or nothing appends within a transaction. The table is looked at
 * first, so that a missing table or another type is known before a row is sent. */
#include <errno.h>
#include <string.h>

#include "engine/adbc/adbc_priv.h"

#define INGEST_BYTES (INT64_C(16) << 20)
#define INGEST_BATCHES 256

/* What the driver reads from: the batches kept. */
struct adbc_appender {
    struct engine_appender base;
    struct arena *arena;
    const char *catalog, *schema_name, *table;
    struct data_schema schema;
    struct data_batch shape; /* types of the batches kept */
    struct ArrowArray batches[INGEST_BATCHES];
    size_t count, next;
    int64_t bytes;
    struct ArrowSchema ready; /* the stream's, before it is asked for: PostgreSQL's driver (1.13)
                               * crashes where a stream fails to give its schema */
    bool no_memory;           /* the stream had none, which the driver puts in its own words */
};

static struct adbc *adbc_of(const struct adbc_appender *appender)
{
    return (struct adbc *)appender->base.engine;
}

static void appender_free(struct adbc_appender *appender)
{
    if (appender == NULL)
        return;
    for (size_t idx = appender->next; idx < appender->count; idx++)
        appender->batches[idx].release(&appender->batches[idx]);
    data_schema_done(&appender->schema);
    arena_free(appender->arena);
    mem_free(appender);
}

/* ---- the stream ---------------------------------------------------------------------------------
 */

static int stream_schema(struct ArrowArrayStream *self, struct ArrowSchema *ret)
{
    struct adbc_appender *appender = self->private_data;
    if (appender->ready.release != NULL) {
        *ret = appender->ready;
        appender->ready.release = NULL;
        return 0;
    }
    appender->no_memory =
        adbc_write_schema(&appender->shape, &appender->schema, ret, ERR_IGNORED) != ERR_OK;
    return appender->no_memory ? ENOMEM : 0;
}
static int stream_next(struct ArrowArrayStream *self, struct ArrowArray *ret)
{
    struct adbc_appender *appender = self->private_data;
    *ret = (struct ArrowArray){0};
    if (appender->next < appender->count)
        *ret = appender->batches[appender->next++];
    return 0;
}
static const char *stream_last_error(struct ArrowArrayStream *self)
{
    (void)self;
    return "no memory for an Arrow schema";
}
static void stream_release(struct ArrowArrayStream *self)
{
    self->release = NULL;
}

static uint8_t set_target(struct adbc_appender *appender, struct AdbcError *error)
{
    struct adbc *adbc = adbc_of(appender);
    const struct adbc_option options[] = {
        {ADBC_INGEST_OPTION_TARGET_TABLE, appender->table},
        {ADBC_INGEST_OPTION_MODE, ADBC_INGEST_OPTION_MODE_APPEND},
        {ADBC_INGEST_OPTION_TARGET_DB_SCHEMA, appender->schema_name},
        {ADBC_INGEST_OPTION_TARGET_CATALOG, appender->catalog},
    };
    uint8_t status = ADBC_STATUS_OK;
    for (size_t idx = 0; status == ADBC_STATUS_OK && idx < sizeof options / sizeof *options; idx++)
        if (options[idx].value != NULL)
            status = adbc->table.StatementSetOption(&adbc->statement, options[idx].name,
                                                    options[idx].value, error);
    return status;
}

static enum err_code ingest(struct adbc_appender *appender, struct err *err)
{
    struct adbc *adbc = adbc_of(appender);
    struct AdbcError error = adbc_error_new();
    struct ArrowArrayStream stream = {stream_schema, stream_next, stream_last_error, stream_release,
                                      appender};
    if (appender->count == 0)
        return ERR_OK;
    TRY(adbc_write_schema(&appender->shape, &appender->schema, &appender->ready, err));
    int64_t limit_ms = adbc->base.time_limit_ms;
    adbc->base.time_limit_ms = 0; /* the caller's pace is no statement's time */
    enum err_code code = adbc_statement_begin(adbc, err);
    adbc->base.time_limit_ms = limit_ms;
    if (code != ERR_OK) {
        appender->ready.release(&appender->ready);
        return code;
    }
    code = adbc_watch_enter(adbc, err);
    if (code == ERR_OK) {
        int64_t affected = -1;
        uint8_t status = set_target(appender, &error);
        if (status == ADBC_STATUS_OK)
            status = adbc->table.StatementBindStream(&adbc->statement, &stream, &error);
        if (status == ADBC_STATUS_OK)
            status = adbc->table.StatementExecuteQuery(&adbc->statement, NULL, &affected, &error);
        adbc_watch_leave(adbc);
        if (status != ADBC_STATUS_OK)
            code = adbc_fail(adbc, status, &error, err);
    }
    adbc_statement_end(adbc); /* the driver lets go of the stream here at the latest */
    if (appender->ready.release != NULL)
        appender->ready.release(&appender->ready);
    if (code != ERR_OK && appender->no_memory)
        code = err_set(err, ERR_MEMORY, "no memory to append rows");
    if (code == ERR_OK && appender->next < appender->count)
        code = err_set(err, ERR_ENGINE, "the ADBC driver did not read all rows that it was given");
    for (; appender->next < appender->count; appender->next++)
        appender->batches[appender->next].release(&appender->batches[appender->next]);
    appender->next = appender->count = 0;
    appender->no_memory = false;
    appender->bytes = 0;
    return code;
}

/* ---- the appender -------------------------------------------------------------------------------
 */

static enum err_code learn_table(struct adbc_appender *appender, const char *schema_name,
                                 const char *table, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const char *dot = schema_name != NULL ? strchr(schema_name, '.') : NULL;
    if (dot != NULL) {
        appender->catalog =
            arena_strndup(appender->arena, schema_name, (size_t)(dot - schema_name));
        schema_name = dot + 1;
    }
    if (schema_name != NULL)
        appender->schema_name = arena_strdup(appender->arena, schema_name);
    appender->table = arena_strdup(appender->arena, table);
    if (arena_failed(appender->arena))
        return err_set(err, ERR_MEMORY, "no memory to append rows");
    const char *parts[] = {appender->catalog, appender->schema_name, appender->table};
    buf_puts(&sql, "SELECT * FROM ");
    for (size_t idx = 0; idx < 3; idx++)
        if (parts[idx] != NULL) {
            engine_quote_identifier(&sql, str_of(parts[idx]));
            buf_puts(&sql, idx < 2 ? "." : " WHERE 1 = 0");
        }
    TRY(buf_check(&sql, err));
    TRY(engine_query(appender->base.engine, buf_text(&sql), NULL, 0, &result, err));
    return data_schema_copy(engine_result_schema(result), &appender->schema, err);
}

enum err_code adbc_append_open(struct engine *engine, const char *schema_name, const char *table,
                               struct engine_appender **ret, struct err *err)
{
    struct adbc_appender *appender = mem_zalloc(1, sizeof *appender);
    if (appender == NULL)
        return err_set(err, ERR_MEMORY, "no memory to append rows");
    appender->base.engine = engine;
    appender->arena = arena_new(0);
    enum err_code code = appender->arena != NULL
                             ? learn_table(appender, schema_name, table, err)
                             : err_set(err, ERR_MEMORY, "no memory to append rows");
    if (code == ERR_OK) {
        appender->shape.columns = appender->schema.count;
        appender->shape.vectors = arena_array(appender->arena, appender->schema.count + 1,
                                              sizeof *appender->shape.vectors);
        if (appender->shape.vectors == NULL)
            code = err_set(err, ERR_MEMORY, "no memory to append rows");
    }
    if (code != ERR_OK) {
        appender_free(appender);
        return code;
    }
    *ret = &appender->base;
    return ERR_OK;
}

/* May values of type be stored in a column? The driver shows types that it has no Arrow type for as
 * text, so that a text column takes what only the engine can judge. */
static bool corresponds(struct data_type column, struct data_type type)
{
    bool shown_as_text =
        column.kind == DATA_TEXT && (type.kind == DATA_DECIMAL || type.kind == DATA_UHUGEINT ||
                                     type.kind == DATA_JSON || type.kind == DATA_INTERVAL);
    if (column.kind == DATA_DECIMAL && type.kind == DATA_DECIMAL)
        return type.scale <= column.scale;
    return column.kind == type.kind || type.kind == DATA_NULL || shown_as_text ||
           (data_type_is_numeric(column) && type.kind == DATA_BIGINT) ||
           (column.kind == DATA_JSON && type.kind == DATA_TEXT) ||
           (type.kind == DATA_UHUGEINT && column.kind != DATA_BOOLEAN);
}

static enum err_code check_batch(const struct adbc_appender *appender,
                                 const struct data_batch *batch, struct err *err)
{
    char have[32], want[32];
    if (batch->columns != appender->schema.count)
        return err_set(err, ERR_USAGE, "the table has %zu columns, the batch %zu",
                       appender->schema.count, batch->columns);
    for (size_t idx = 0; idx < batch->columns; idx++) {
        struct data_type column = appender->schema.columns[idx].type;
        if (!corresponds(column, batch->vectors[idx].type))
            return err_set(err, ERR_USAGE, "column %s is %s, not %s",
                           appender->schema.columns[idx].name, data_type_text(column, have),
                           data_type_text(batch->vectors[idx].type, want));
    }
    return ERR_OK;
}

enum err_code adbc_append_batch(struct engine_appender *base, const struct data_batch *batch,
                                struct err *err)
{
    struct adbc_appender *appender = (struct adbc_appender *)base;
    bool same = true;
    int64_t bytes = 0;
    TRY(check_batch(appender, batch, err));
    for (size_t idx = 0; idx < batch->columns; idx++)
        same = same && data_type_equal(appender->shape.vectors[idx].type, batch->vectors[idx].type);
    if (!same)
        TRY(ingest(appender, err));
    for (size_t idx = 0; idx < batch->columns; idx++)
        appender->shape.vectors[idx].type = batch->vectors[idx].type;
    TRY(adbc_write_batch(batch, &appender->batches[appender->count], &bytes, err));
    appender->count++;
    appender->bytes += bytes;
    if (appender->bytes >= INGEST_BYTES || appender->count == INGEST_BATCHES)
        return ingest(appender, err);
    return ERR_OK;
}

enum err_code adbc_append_close(struct engine_appender *base, struct err *err)
{
    struct adbc_appender *appender = (struct adbc_appender *)base;
    enum err_code code = ingest(appender, err);
    appender_free(appender);
    return code;
}

void adbc_append_abort(struct engine_appender *base)
{
    appender_free((struct adbc_appender *)base);
}
