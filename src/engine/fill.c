/* New tables filled from several threads: each worker has a connection of its own to the same database and an appender for each
 * table. An appender commits what it flushes, so all-or-nothing is at the level of tables: they are made here, and dropped if
 * the work fails. */
#include <string.h>

#include "engine/driver.h"

struct engine_fill {
    struct engine *engine;
    const struct engine_fill_table *tables;
    size_t count, made;
};
struct engine_fill_worker {
    struct engine_fill *fill;
    struct engine *connection;
    struct engine_appender **appenders; /* opened when first needed: an appender has a buffer */
};

/* "schema" or "catalog"."schema", each part quoted. */
static void add_schema(struct buf *out, const char *schema_name)
{
    const char *dot = strchr(schema_name, '.');
    if (dot != NULL) {
        engine_quote_identifier(out, (struct str){schema_name, (size_t)(dot - schema_name)});
        buf_putc(out, '.');
    }
    engine_quote_identifier(out, str_of(dot != NULL ? dot + 1 : schema_name));
}

static void add_table(struct buf *out, const struct engine_fill_table *table)
{
    if (table->schema_name != NULL) {
        add_schema(out, table->schema_name);
        buf_putc(out, '.');
    }
    engine_quote_identifier(out, str_of(table->table));
}

static enum err_code run(struct engine_fill *fill, const struct buf *sql, struct err *err)
{
    TRY(buf_check(sql, err));
    return engine_execute(fill->engine, buf_text(sql), NULL, 0, err);
}

static enum err_code make_table(struct engine_fill *fill, const struct engine_fill_table *table, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    if (table->schema_name != NULL) {
        buf_puts(&sql, "CREATE SCHEMA IF NOT EXISTS ");
        add_schema(&sql, table->schema_name);
        TRY(run(fill, &sql, err));
        buf_clear(&sql);
    }
    buf_puts(&sql, "CREATE TABLE ");
    add_table(&sql, table);
    for (size_t idx = 0; idx < table->schema->count; idx++) {
        buf_puts(&sql, idx == 0 ? " (" : ", ");
        engine_quote_identifier(&sql, str_of(table->schema->columns[idx].name));
        buf_putc(&sql, ' ');
        engine_type_sql(table->schema->columns[idx].type, &sql);
    }
    buf_puts(&sql, ")");
    return run(fill, &sql, err);
}

enum err_code engine_fill_open(struct engine *engine, const struct engine_fill_table *tables, size_t count, struct engine_fill **ret, struct err *err)
{
    if (engine->driver->sibling == NULL)
        return err_set(err, ERR_UNSUPPORTED, "tables are not filled by several threads through %s", engine_name(engine));
    struct engine_fill *fill = mem_zalloc(1, sizeof *fill);
    if (fill == NULL)
        return err_set(err, ERR_MEMORY, "no memory to fill tables");
    *fill = (struct engine_fill){engine, tables, count, 0};
    for (; fill->made < count; fill->made++) {
        enum err_code code = make_table(fill, &tables[fill->made], err);
        if (code == ERR_OK)
            continue;
        engine_fill_abort(fill);
        return code;
    }
    *ret = fill;
    return ERR_OK;
}

void engine_fill_close(struct engine_fill *fill)
{
    mem_free(fill);
}

void engine_fill_abort(struct engine_fill *fill)
{
    for (size_t idx = 0; fill != NULL && idx < fill->made; idx++) {
        AUTO(buf_done) struct buf sql = BUF_INIT;
        buf_puts(&sql, "DROP TABLE IF EXISTS ");
        add_table(&sql, &fill->tables[idx]);
        if (run(fill, &sql, ERR_IGNORED) != ERR_OK)
            continue; /* the caller's error is the one that counts */
    }
    mem_free(fill);
}

/* ---- workers ----------------------------------------------------------------------------------- */

enum err_code engine_fill_worker_new(struct engine_fill *fill, struct engine_fill_worker **ret, struct err *err)
{
    struct engine_fill_worker *worker = mem_zalloc(1, sizeof *worker);
    struct engine_appender **appenders = mem_zalloc(fill->count + 1, sizeof(struct engine_appender *));
    if (worker == NULL || appenders == NULL) {
        mem_free(worker);
        mem_free(appenders);
        return err_set(err, ERR_MEMORY, "no memory to fill tables");
    }
    worker->fill = fill;
    worker->appenders = appenders;
    enum err_code code = fill->engine->driver->sibling(fill->engine, &worker->connection, err);
    if (code != ERR_OK) {
        mem_free(appenders);
        mem_free(worker);
        return code;
    }
    *ret = worker;
    return ERR_OK;
}

enum err_code engine_fill_batch(struct engine_fill_worker *worker, size_t table, const struct data_batch *batch, struct err *err)
{
    const struct engine_fill_table *target = &worker->fill->tables[table];
    if (worker->appenders[table] == NULL)
        TRY(engine_append_open(worker->connection, target->schema_name, target->table, &worker->appenders[table], err));
    return engine_append_batch(worker->appenders[table], batch, err);
}

enum err_code engine_fill_worker_close(struct engine_fill_worker *worker, bool keep, struct err *err)
{
    enum err_code code = ERR_OK;
    if (worker == NULL)
        return code;
    for (size_t idx = 0; idx < worker->fill->count; idx++) {
        if (worker->appenders[idx] == NULL)
            continue;
        if (keep && code == ERR_OK)
            code = engine_append_close(worker->appenders[idx], err);
        else
            engine_append_abort(worker->appenders[idx]);
    }
    engine_close(worker->connection);
    mem_free(worker->appenders);
    mem_free(worker);
    return code;
}
