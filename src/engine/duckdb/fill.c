/* Filling new tables in one pass. Each table is made by a statement of its own, all running at
 * once, that reads the table function marrow_fill:
 *
 *   CREATE TABLE a AS FROM marrow_fill(0) ◀── chunks waiting for a ──┐
 *   CREATE TABLE b AS FROM marrow_fill(1) ◀── chunks waiting for b ──┴── work->piece(), any thread
 *
 * The one idea: who wants rows does the work. A thread of the engine that finds nothing waiting
 * does a piece of the pass, which leaves chunks for every table; so there are no threads but the
 * engine's and one for each further statement. A table that is behind stops the pieces until its
 * statement has caught up: memory is flat. That statement always runs, on its own thread at
 * least, so nothing waits for ever. */
#include <string.h>

#include "engine/duckdb/duckdb_priv.h"

#define FUNCTION "marrow_fill"
#define WAITING_MOST 16 /* chunks of a table */
#define HELPERS_MOST 16

struct waiting {
    struct waiting *next;
    duckdb_data_chunk chunk;
};
struct target {
    const struct engine_fill_table *table;
    duckdb_logical_type *types;
    struct column *columns;
    size_t column_count;
    struct waiting *first, **last;
    size_t count;
    /* its statement */
    struct engine_fill *fill;
    pthread_t thread;
    bool made;
};
struct engine_fill {
    struct embedded *engine;  /* may have a result open, which the pass reads: */
    struct embedded *control; /* what there is to do beside the statements, is done here */
    const struct engine_fill_work *work;
    struct target *targets;
    size_t count;
    pthread_mutex_t lock; /* guards all below, and what waits */
    pthread_cond_t changed;
    size_t running; /* pieces */
    bool ended, failed;
    struct err err; /* the first */
};

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory to fill tables");
}

static void fail(struct engine_fill *fill, const struct err *err)
{
    pthread_mutex_lock(&fill->lock);
    if (!fill->failed)
        fill->err = *err;
    fill->failed = true;
    pthread_cond_broadcast(&fill->changed);
    pthread_mutex_unlock(&fill->lock);
}

/* ---- rows in ------------------------------------------------------------------------------------
 */

static void add_chunk(struct engine_fill *fill, struct target *target, struct waiting *waiting)
{
    pthread_mutex_lock(&fill->lock);
    *target->last = waiting;
    target->last = &waiting->next;
    target->count++;
    pthread_cond_broadcast(&fill->changed);
    pthread_mutex_unlock(&fill->lock);
}

static enum err_code add_slice(struct engine_fill *fill, struct target *target,
                               const struct data_batch *batch, int64_t from, idx_t rows,
                               struct str stable, struct err *err)
{
    struct waiting *waiting = mem_zalloc(1, sizeof *waiting);
    duckdb_data_chunk chunk =
        waiting != NULL ? duckdb_create_data_chunk(target->types, target->column_count) : NULL;
    enum err_code code = chunk != NULL ? ERR_OK : no_memory(err);
    for (size_t idx = 0; code == ERR_OK && idx < target->column_count; idx++) {
        struct column column = target->columns[idx];
        column.stable = stable;
        code = column_write(&column, &batch->vectors[idx], from,
                            duckdb_data_chunk_get_vector(chunk, idx), 0, rows, err);
    }
    if (code == ERR_OK) {
        duckdb_data_chunk_set_size(chunk, rows);
        waiting->chunk = chunk;
        add_chunk(fill, target, waiting);
        return ERR_OK;
    }
    if (chunk != NULL)
        duckdb_destroy_data_chunk(&chunk);
    mem_free(waiting);
    return code;
}

enum err_code engine_fill_batch(struct engine_fill *fill, size_t table,
                                const struct data_batch *batch, struct str stable, struct err *err)
{
    struct target *target = &fill->targets[table];
    int64_t most = (int64_t)duckdb_vector_size();
    if (batch->columns != target->column_count)
        return err_set(err, ERR_USAGE, "the batch has %zu columns, the table %zu", batch->columns,
                       target->column_count);
    for (int64_t row = 0; row < batch->rows; row += most)
        TRY(add_slice(fill, target, batch, row,
                      (idx_t)(batch->rows - row < most ? batch->rows - row : most), stable, err));
    return ERR_OK;
}

/* ---- rows out -----------------------------------------------------------------------------------
 */

/* Does a table wait whose statement is behind? */
static bool is_behind(const struct engine_fill *fill)
{
    for (size_t idx = 0; idx < fill->count; idx++)
        if (fill->targets[idx].count >= WAITING_MOST)
            return true;
    return false;
}

static void do_piece(struct engine_fill *fill)
{
    struct err err = {0};
    bool more = true;
    fill->running++;
    pthread_mutex_unlock(&fill->lock);
    enum err_code code = fill->work->piece(fill->work->user, fill, &more, &err);
    if (code != ERR_OK)
        fail(fill, &err);
    pthread_mutex_lock(&fill->lock);
    fill->running--;
    fill->ended = fill->ended || !more;
    pthread_cond_broadcast(&fill->changed);
}

/* The next chunk for the table, which may take the work of a piece. NULL: there is no more, or something
 * failed. */
static struct waiting *next_chunk(struct engine_fill *fill, struct target *target)
{
    struct waiting *found = NULL;
    pthread_mutex_lock(&fill->lock);
    while (!fill->failed && target->first == NULL && (!fill->ended || fill->running > 0)) {
        if (!fill->ended && fill->running < fill->work->threads && !is_behind(fill))
            do_piece(fill);
        else
            pthread_cond_wait(&fill->changed, &fill->lock);
    }
    if (!fill->failed && target->first != NULL) {
        found = target->first;
        target->first = found->next;
        target->last = found->next != NULL ? target->last : &target->first;
        if (target->count-- >= WAITING_MOST)
            pthread_cond_broadcast(&fill->changed);
    }
    pthread_mutex_unlock(&fill->lock);
    return found;
}

static void fill_main(duckdb_function_info info, duckdb_data_chunk output)
{
    struct target *target = duckdb_function_get_bind_data(info);
    struct waiting *waiting = next_chunk(target->fill, target);
    if (waiting == NULL) {
        if (target->fill->failed)
            duckdb_function_set_error(info, "the rows of a table could not be made");
        duckdb_data_chunk_set_size(output, 0);
        return;
    }
    for (size_t idx = 0; idx < target->column_count; idx++)
        duckdb_vector_reference_vector(duckdb_data_chunk_get_vector(output, idx),
                                       duckdb_data_chunk_get_vector(waiting->chunk, idx));
    duckdb_data_chunk_set_size(output, duckdb_data_chunk_get_size(waiting->chunk));
    duckdb_destroy_data_chunk(&waiting->chunk);
    mem_free(waiting);
}

static void fill_init(duckdb_init_info info)
{
    struct embedded *engine = duckdb_init_get_extra_info(info);
    bool several = engine->fill != NULL && !engine->fill->work->few;
    duckdb_init_set_max_threads(info, several ? engine->fill->work->threads : 1);
}

/* Its argument is the number of the table: what another statement would get is an error. */
static void fill_bind(duckdb_bind_info info)
{
    struct embedded *engine = duckdb_bind_get_extra_info(info);
    duckdb_value number = duckdb_bind_get_parameter(info, 0);
    int64_t idx = duckdb_get_int64(number);
    duckdb_destroy_value(&number);
    struct engine_fill *fill = engine->fill;
    if (fill == NULL || idx < 0 || (size_t)idx >= fill->count) {
        duckdb_bind_set_error(info, "no table is being filled");
        return;
    }
    struct target *target = &fill->targets[idx];
    for (size_t column = 0; column < target->column_count; column++)
        duckdb_bind_add_result_column(info, target->table->schema->columns[column].name,
                                      target->types[column]);
    duckdb_bind_set_bind_data(info, target, NULL);
}

/* Once a database: the function finds what is being filled through the engine. */
static enum err_code register_function(struct engine_fill *fill, struct err *err)
{
    struct embedded *engine = fill->engine;
    if (engine->fill_registered)
        return ERR_OK;
    duckdb_table_function raw = duckdb_create_table_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_table_function_set_name(raw, FUNCTION);
    duckdb_table_function_add_parameter(raw, number);
    duckdb_table_function_set_extra_info(raw, engine, NULL);
    duckdb_table_function_set_bind(raw, fill_bind);
    duckdb_table_function_set_init(raw, fill_init);
    duckdb_table_function_set_function(raw, fill_main);
    duckdb_state state = duckdb_register_table_function(fill->control->connection, raw);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_table_function(&raw);
    if (state != DuckDBSuccess)
        return err_set(err, ERR_ENGINE, "function %s could not be registered", FUNCTION);
    engine->fill_registered = true;
    return ERR_OK;
}

/* ---- statements ---------------------------------------------------------------------------------
 */

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

static enum err_code run(struct embedded *engine, const struct buf *sql, struct err *err)
{
    TRY(buf_check(sql, err));
    return embedded_execute(&engine->base, buf_text(sql), NULL, 0, err);
}

static enum err_code make_schemas(struct engine_fill *fill, struct err *err)
{
    for (size_t idx = 0; idx < fill->count; idx++) {
        AUTO(buf_done) struct buf sql = BUF_INIT;
        const char *name = fill->targets[idx].table->schema_name;
        if (name == NULL ||
            (idx > 0 && fill->targets[idx - 1].table->schema_name != NULL &&
             strcmp(name, fill->targets[idx - 1].table->schema_name) == 0))
            continue;
        buf_puts(&sql, "CREATE SCHEMA IF NOT EXISTS ");
        add_schema(&sql, name);
        TRY(run(fill->control, &sql, err));
    }
    return ERR_OK;
}

static enum err_code make_table(struct target *target, struct err *err)
{
    struct engine_fill *fill = target->fill;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(embedded_free) struct embedded *connection = NULL;
    TRY(embedded_sibling(fill->engine, &connection, err));
    buf_puts(&sql, "CREATE TABLE ");
    add_table(&sql, target->table);
    buf_printf(&sql, " AS FROM " FUNCTION "(%zu)", (size_t)(target - fill->targets));
    TRY(run(connection, &sql, err));
    target->made = true;
    return ERR_OK;
}

static void *statement_main(void *user)
{
    struct target *target = user;
    struct err err = {0};
    if (make_table(target, &err) != ERR_OK)
        fail(target->fill, &err);
    return NULL;
}

static void run_statements(struct engine_fill *fill)
{
    size_t started = 1;
    for (; started < fill->count; started++) {
        struct target *target = &fill->targets[started];
        struct err err = {0};
        int failed = pthread_create(&target->thread, NULL, statement_main, target);
        if (failed == 0)
            continue;
        err_set_errno(&err, failed, "a thread to fill a table could not be started");
        fail(fill, &err);
        break;
    }
    statement_main(&fill->targets[0]);
    for (size_t idx = 1; idx < started; idx++)
        pthread_join(fill->targets[idx].thread, NULL);
}

/* Of few rows: a thread that does pieces alone, since the engine has one for each table only. */
static void *helper_main(void *user)
{
    struct engine_fill *fill = user;
    pthread_mutex_lock(&fill->lock);
    while (!fill->failed && !fill->ended) {
        if (fill->running < fill->work->threads && !is_behind(fill))
            do_piece(fill);
        else
            pthread_cond_wait(&fill->changed, &fill->lock);
    }
    pthread_mutex_unlock(&fill->lock);
    return NULL;
}

static void run_with_helpers(struct engine_fill *fill)
{
    pthread_t helpers[HELPERS_MOST];
    size_t threads = fill->work->threads, started = 0;
    size_t wanted = fill->work->few && threads > fill->count ? threads - fill->count : 0;
    wanted = wanted < HELPERS_MOST ? wanted : HELPERS_MOST;
    while (started < wanted && pthread_create(&helpers[started], NULL, helper_main, fill) == 0)
        started++; /* fewer do it too */
    run_statements(fill);
    for (size_t idx = 0; idx < started; idx++)
        pthread_join(helpers[idx], NULL);
}

static void drop_made(struct engine_fill *fill)
{
    for (size_t idx = 0; idx < fill->count; idx++) {
        AUTO(buf_done) struct buf sql = BUF_INIT;
        buf_puts(&sql, "DROP TABLE IF EXISTS ");
        add_table(&sql, fill->targets[idx].table);
        if (fill->targets[idx].made && run(fill->control, &sql, ERR_IGNORED) != ERR_OK)
            continue; /* the error that led here is the one that counts */
    }
}

/* ---- all ----------------------------------------------------------------------------------------
 */

static enum err_code target_init(struct engine_fill *fill, struct target *target,
                                 const struct engine_fill_table *table, struct err *err)
{
    size_t count = table->schema->count;
    *target = (struct target){.table = table, .fill = fill, .last = &target->first};
    target->types = mem_zalloc(count + 1, sizeof *target->types);
    target->columns = mem_zalloc(count + 1, sizeof *target->columns);
    if (target->types == NULL || target->columns == NULL)
        return no_memory(err);
    for (; target->column_count < count; target->column_count++) {
        struct data_type type = table->schema->columns[target->column_count].type;
        struct column *column = &target->columns[target->column_count];
        duckdb_logical_type made = column_logical_type(type);
        target->types[target->column_count] = made;
        if (type.kind == DATA_JSON)
            duckdb_logical_type_set_alias(made, "JSON");
        if (!column_of(made, column))
            return err_set(err, ERR_UNSUPPORTED, "column %s has a type that no table can have",
                           table->schema->columns[target->column_count].name);
        column->is_utf8 = true;
    }
    return ERR_OK;
}

static void target_done(struct target *target)
{
    while (target->first != NULL) {
        struct waiting *waiting = target->first;
        target->first = waiting->next;
        duckdb_destroy_data_chunk(&waiting->chunk);
        mem_free(waiting);
    }
    for (size_t idx = 0; target->types != NULL && target->types[idx] != NULL; idx++)
        duckdb_destroy_logical_type(&target->types[idx]);
    mem_free(target->types);
    mem_free(target->columns);
}

/* Kept: the rows of a statement are written by one thread, in its order. */
static enum err_code keep_order(struct embedded *engine, bool keep, struct err *err)
{
    return embedded_execute(&engine->base,
                            keep ? "SET preserve_insertion_order = true"
                                 : "SET preserve_insertion_order = false",
                            NULL, 0, err);
}

static enum err_code fill_run(struct engine_fill *fill, const struct engine_fill_table *tables,
                              size_t count, struct err *err)
{
    for (; fill->count < count; fill->count++) {
        enum err_code code =
            target_init(fill, &fill->targets[fill->count], &tables[fill->count], err);
        if (code != ERR_OK)
            return fill->count++, code; /* what it has is to be freed */
    }
    TRY(embedded_sibling(fill->engine, &fill->control, err));
    TRY(register_function(fill, err));
    TRY(make_schemas(fill, err));
    TRY(keep_order(fill->control, fill->work->few, err));
    fill->engine->fill = fill;
    run_with_helpers(fill);
    fill->engine->fill = NULL;
    enum err_code code = keep_order(fill->control, true, err);
    if (fill->failed) {
        *err = fill->err;
        code = err->code;
    }
    if (code != ERR_OK)
        drop_made(fill);
    return code;
}

enum err_code embedded_fill(struct engine *base, const struct engine_fill_table *tables,
                            size_t count, const struct engine_fill_work *work, struct err *err)
{
    struct engine_fill fill = {.engine = (struct embedded *)base, .work = work};
    if (count == 0)
        return ERR_OK;
    fill.targets = mem_zalloc(count, sizeof *fill.targets);
    if (fill.targets == NULL)
        return no_memory(err);
    pthread_mutex_init(&fill.lock, NULL);
    pthread_cond_init(&fill.changed, NULL);
    enum err_code code = fill_run(&fill, tables, count, err);
    for (size_t idx = 0; idx < fill.count; idx++)
        target_done(&fill.targets[idx]);
    embedded_free(fill.control);
    pthread_cond_destroy(&fill.changed);
    pthread_mutex_destroy(&fill.lock);
    mem_free(fill.targets);
    return code;
}
