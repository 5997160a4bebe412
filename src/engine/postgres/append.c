/* Appending: COPY … FROM STDIN (FORMAT binary), sent in pieces of POSTGRES_COPY_BYTES that have
 * left this process before the next is made, so memory stays flat. All rows of an appender come or
 * none does: one COPY is one statement. Column types of table and batch must correspond; nothing is
 * rounded or cut. */
#include <limits.h>
#include <string.h>

#include "engine/postgres/postgres_priv.h"

struct postgres_appender {
    struct engine_appender base;
    struct postgres_column *columns;
    size_t column_count;
    struct buf rows;
    bool failed; /* a batch was refused: close gives the rows up */
};

static struct postgres *postgres_of(const struct postgres_appender *appender)
{
    return (struct postgres *)appender->base.engine;
}

static void appender_free(struct postgres_appender *appender)
{
    if (appender == NULL)
        return;
    if (postgres_of(appender)->appender == appender)
        postgres_of(appender)->appender = NULL;
    buf_done(&appender->rows);
    mem_free(appender->columns);
    mem_free(appender);
}
AUTO_DEFINE(struct postgres_appender, appender_free)

/* "schema" or "catalog.schema", and the table; quoted. */
static void add_table(struct buf *out, const char *schema_name, const char *table)
{
    const char *dot = schema_name != NULL ? strchr(schema_name, '.') : NULL;
    if (dot != NULL) {
        engine_quote_identifier(out, (struct str){schema_name, (size_t)(dot - schema_name)});
        buf_putc(out, '.');
        schema_name = dot + 1;
    }
    if (schema_name != NULL) {
        engine_quote_identifier(out, str_of(schema_name));
        buf_putc(out, '.');
    }
    engine_quote_identifier(out, str_of(table));
}

static enum err_code learn_columns(struct postgres_appender *appender, const char *table,
                                   struct err *err)
{
    struct postgres *postgres = postgres_of(appender);
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    AUTO(PQclear) PGresult *description = NULL;
    buf_puts(&sql, "SELECT * FROM ");
    buf_puts(&sql, table);
    TRY(buf_check(&sql, err));
    TRY(postgres_prepare(postgres, buf_text(&sql), NULL, 0, &description, err));
    appender->column_count = (size_t)PQnfields(description);
    appender->columns = mem_zalloc(appender->column_count + 1, sizeof *appender->columns);
    if (appender->columns == NULL)
        return err_set(err, ERR_MEMORY, "no memory to append rows");
    for (size_t idx = 0; idx < appender->column_count; idx++) {
        appender->columns[idx] = postgres_column_of(postgres, PQftype(description, (int)idx),
                                                    PQfmod(description, (int)idx));
        if (!postgres_accepts(&appender->columns[idx], DATA_TYPE(NULL)))
            return err_set(err, ERR_UNSUPPORTED,
                           "column %zu of the table has a type that cannot be appended to",
                           idx + 1);
    }
    return ERR_OK;
}

static enum err_code copy_begin(struct postgres_appender *appender, const char *table,
                                struct err *err)
{
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"; /* signature, no flags */
    struct postgres *postgres = postgres_of(appender);
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    AUTO(PQclear) PGresult *result = NULL;
    buf_printf(&sql, "COPY %s FROM STDIN (FORMAT binary)", table);
    TRY(buf_check(&sql, err));
    if (PQsendQuery(postgres->connection, buf_text(&sql)) == 0)
        return postgres_fail(postgres, NULL, err);
    TRY(postgres_flush(postgres, err));
    TRY(postgres_next(postgres, &result, err));
    if (PQresultStatus(result) != PGRES_COPY_IN) {
        enum err_code code = postgres_fail(postgres, result, err);
        postgres_drain(postgres, true);
        return code;
    }
    buf_add(&appender->rows, header, sizeof header - 1);
    return ERR_OK;
}

enum err_code postgres_append_open(struct engine *engine, const char *schema_name,
                                   const char *table, struct engine_appender **ret, struct err *err)
{
    struct postgres *postgres = (struct postgres *)engine;
    __attribute__((cleanup(auto_buf_done))) struct buf name = BUF_INIT;
    add_table(&name, schema_name, table);
    TRY(buf_check(&name, err));
    TRY(postgres_begin(postgres, 0, err)); /* the caller's pace is no statement's time */
    AUTO(appender_free) struct postgres_appender *appender = mem_zalloc(1, sizeof *appender);
    if (appender == NULL)
        return err_set(err, ERR_MEMORY, "no memory to append rows");
    appender->base.engine = engine;
    appender->rows.limit = INT_MAX;
    TRY(learn_columns(appender, buf_text(&name), err));
    TRY(copy_begin(appender, buf_text(&name), err));
    postgres->appender = appender;
    *ret = &appender->base;
    appender = NULL;
    return ERR_OK;
}

static enum err_code send_rows(struct postgres_appender *appender, struct err *err)
{
    struct postgres *postgres = postgres_of(appender);
    TRY(buf_check(&appender->rows, err));
    if (postgres->lost ||
        PQputCopyData(postgres->connection, appender->rows.ptr, (int)appender->rows.len) < 0)
        return postgres_fail(postgres, NULL, err);
    buf_clear(&appender->rows);
    TRY(postgres_flush(postgres, err));
    if (postgres->stopped != ERR_OK)
        return postgres_fail(postgres, NULL, err);
    return ERR_OK;
}

static enum err_code add_row(struct postgres_appender *appender, const struct data_batch *batch,
                             int64_t row, struct err *err)
{
    struct buf *rows = &appender->rows;
    size_t start = rows->len;
    postgres_put16(rows, (uint16_t)appender->column_count);
    for (size_t idx = 0; idx < appender->column_count; idx++)
        if (postgres_write(&appender->columns[idx], &batch->vectors[idx], row, rows, err) !=
            ERR_OK) {
            rows->len = start;
            return err_context(err, "column %zu", idx + 1);
        }
    return rows->len >= POSTGRES_COPY_BYTES ? send_rows(appender, err) : ERR_OK;
}

static enum err_code check_batch(const struct postgres_appender *appender,
                                 const struct data_batch *batch, struct err *err)
{
    if (batch->columns != appender->column_count)
        return err_set(err, ERR_USAGE, "the batch has %zu columns, the table %zu", batch->columns,
                       appender->column_count);
    for (size_t idx = 0; idx < batch->columns; idx++) {
        if (postgres_accepts(&appender->columns[idx], batch->vectors[idx].type))
            continue;
        char expected[32], found[32];
        return err_set(err, ERR_USAGE, "column %zu of the table is %s, the batch has %s", idx + 1,
                       data_type_text(appender->columns[idx].type, expected),
                       data_type_text(batch->vectors[idx].type, found));
    }
    return progress_check(postgres_of(appender)->base.progress, err);
}

enum err_code postgres_append_batch(struct engine_appender *base, const struct data_batch *batch,
                                    struct err *err)
{
    struct postgres_appender *appender = (struct postgres_appender *)base;
    enum err_code code = check_batch(appender, batch, err);
    for (int64_t row = 0; code == ERR_OK && row < batch->rows; row++)
        code = add_row(appender, batch, row, err);
    appender->failed = appender->failed || code != ERR_OK;
    return code;
}

enum err_code postgres_append_close(struct engine_appender *base, struct err *err)
{
    struct postgres_appender *appender = (struct postgres_appender *)base;
    struct postgres *postgres = postgres_of(appender);
    AUTO(PQclear) PGresult *result = NULL;
    enum err_code code = ERR_OK;
    if (appender->failed)
        code = err_set(err, ERR_USAGE, "rows were refused before, so none was appended");
    postgres_put16(&appender->rows, UINT16_MAX); /* the end */
    if (code == ERR_OK)
        code = send_rows(appender, err);
    if (code == ERR_OK && PQputCopyEnd(postgres->connection, NULL) < 0)
        code = postgres_fail(postgres, NULL, err);
    if (code == ERR_OK)
        code = postgres_only(postgres, &result, err);
    if (code == ERR_OK)
        appender_free(appender);
    else
        postgres_append_abort(base);
    return code;
}

void postgres_append_abort(struct engine_appender *base)
{
    struct postgres_appender *appender = (struct postgres_appender *)base;
    struct postgres *postgres = postgres_of(appender);
    if (!postgres->lost) {
        (void)PQputCopyEnd(postgres->connection, "given up");
        postgres_drain(postgres, true);
    }
    appender_free(appender);
}
