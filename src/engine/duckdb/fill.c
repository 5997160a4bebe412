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
#define TEXT_BYTES ((size_t)8 << 20)   /* of a chunk: with more it is full */
#define TEXT_LIMIT ((size_t)1 << 40) /* rows with texts of many megabytes are memory's affair */

/* A chunk and the texts of its rows. Used again and again: its memory has been touched. */
struct waiting {
    struct waiting *next;
    duckdb_data_chunk chunk;
    struct arena *texts;
    idx_t rows;
};
/* A thread that reads the table function: what it has given to the engine stays until it is asked
 * for more. */
struct reader {
    struct reader *next;
    struct waiting *given;
};
struct target {
    const struct engine_fill_table *table;
    duckdb_logical_type *types;
    struct column *columns;
    size_t column_count;
    struct waiting *first, **last;
    size_t count;
    struct waiting *begun; /* not full, of pieces that are done: the next piece goes on, and what is
                              left at the end is the last */
    struct waiting *spare;
    struct reader *readers;
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
    pthread_mutex_t lock; /* guards all below, and what waits, is spare or reads */
    pthread_cond_t changed;
    size_t running; /* pieces */
    bool ended, failed;
    struct err err; /* the first */
};
struct engine_fill_piece {
    struct engine_fill *fill;
    struct waiting **open; /* by table: the chunk that is not full yet, or NULL */
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

static void waiting_free(struct waiting *waiting)
{
    if (waiting->chunk != NULL)
        duckdb_destroy_data_chunk(&waiting->chunk);
    arena_free(waiting->texts);
    mem_free(waiting);
}

static void waiting_free_all(struct waiting *first)
{
    while (first != NULL) {
        struct waiting *next = first->next;
        waiting_free(first);
        first = next;
    }
}

static struct waiting *pop(struct waiting **first)
{
    struct waiting *waiting = *first;
    if (waiting != NULL)
        *first = waiting->next;
    return waiting;
}

static void push(struct waiting **first, struct waiting *waiting)
{
    waiting->next = *first;
    *first = waiting;
}

/* A chunk with room. NULL: no memory. */
static struct waiting *open_chunk(struct target *target)
{
    pthread_mutex_lock(&target->fill->lock);
    struct waiting *begun = pop(&target->begun);
    struct waiting *waiting = begun == NULL ? pop(&target->spare) : NULL;
    pthread_mutex_unlock(&target->fill->lock);
    if (begun != NULL)
        return begun;
    if (waiting != NULL) {
        duckdb_data_chunk_reset(waiting->chunk);
        arena_reset(waiting->texts);
        waiting->rows = 0;
        return waiting;
    }
    waiting = mem_zalloc(1, sizeof *waiting);
    if (waiting == NULL)
        return NULL;
    waiting->texts = arena_new(TEXT_LIMIT);
    waiting->chunk = duckdb_create_data_chunk(target->types, target->column_count);
    if (waiting->texts != NULL && waiting->chunk != NULL)
        return waiting;
    waiting_free(waiting);
    return NULL;
}

static void add_chunk(struct target *target, struct waiting *waiting)
{
    struct engine_fill *fill = target->fill;
    waiting->next = NULL;
    pthread_mutex_lock(&fill->lock);
    *target->last = waiting;
    target->last = &waiting->next;
    target->count++;
    pthread_cond_broadcast(&fill->changed);
    pthread_mutex_unlock(&fill->lock);
}

static enum err_code add_slice(struct target *target, struct waiting *to,
                               const struct data_batch *batch, int64_t from, idx_t rows,
                               struct err *err)
{
    for (size_t idx = 0; idx < target->column_count; idx++) {
        struct column column = target->columns[idx];
        column.texts = to->texts;
        TRY(column_write(&column, &batch->vectors[idx], from,
                         duckdb_data_chunk_get_vector(to->chunk, idx), to->rows, rows, err));
    }
    to->rows += rows;
    return ERR_OK;
}

enum err_code engine_fill_batch(struct engine_fill_piece *piece, size_t table,
                                const struct data_batch *batch, struct err *err)
{
    struct target *target = &piece->fill->targets[table];
    struct waiting **open = &piece->open[table];
    idx_t most = duckdb_vector_size();
    if (batch->columns != target->column_count)
        return err_set(err, ERR_USAGE, "the batch has %zu columns, the table %zu", batch->columns,
                       target->column_count);
    for (int64_t row = 0; row < batch->rows;) {
        if (*open == NULL && (*open = open_chunk(target)) == NULL)
            return no_memory(err);
        idx_t rest = (idx_t)(batch->rows - row), room = most - (*open)->rows;
        idx_t rows = rest < room ? rest : room;
        TRY(add_slice(target, *open, batch, row, rows, err));
        row += (int64_t)rows;
        if (rows == room || arena_used_bytes((*open)->texts) > TEXT_BYTES) {
            add_chunk(target, *open);
            *open = NULL;
        }
    }
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

static enum err_code run_piece(struct engine_fill *fill, bool *ret_more, struct err *err)
{
    struct engine_fill_piece piece = {fill, mem_zalloc(fill->count, sizeof *piece.open)};
    if (piece.open == NULL)
        return no_memory(err);
    enum err_code code = fill->work->piece(fill->work->user, &piece, ret_more, err);
    pthread_mutex_lock(&fill->lock);
    for (size_t idx = 0; idx < fill->count; idx++)
        if (piece.open[idx] != NULL)
            push(&fill->targets[idx].begun, piece.open[idx]);
    pthread_mutex_unlock(&fill->lock);
    mem_free(piece.open);
    return code;
}

static void do_piece(struct engine_fill *fill)
{
    struct err err = {0};
    bool more = true;
    fill->running++;
    pthread_mutex_unlock(&fill->lock);
    if (run_piece(fill, &more, &err) != ERR_OK)
        fail(fill, &err);
    pthread_mutex_lock(&fill->lock);
    fill->running--;
    fill->ended = fill->ended || !more;
    pthread_cond_broadcast(&fill->changed);
}

/* The next chunk for the table, which may take the work of a piece; what the reader was given
 * before is free again. NULL: there is no more, or something failed. */
static struct waiting *next_chunk(struct target *target, struct reader *reader)
{
    struct engine_fill *fill = target->fill;
    struct waiting *before = reader->given;
    reader->given = NULL;
    pthread_mutex_lock(&fill->lock);
    if (before != NULL)
        push(&target->spare, before);
    while (!fill->failed && target->first == NULL && (!fill->ended || fill->running > 0)) {
        if (!fill->ended && fill->running < fill->work->threads && !is_behind(fill))
            do_piece(fill);
        else
            pthread_cond_wait(&fill->changed, &fill->lock);
    }
    if (!fill->failed && target->first != NULL) {
        reader->given = pop(&target->first);
        target->last = target->first != NULL ? target->last : &target->first;
        if (target->count-- >= WAITING_MOST)
            pthread_cond_broadcast(&fill->changed);
    } else if (!fill->failed) {
        reader->given = pop(&target->begun);
    }
    pthread_mutex_unlock(&fill->lock);
    return reader->given;
}

static void fill_main(duckdb_function_info info, duckdb_data_chunk output)
{
    struct target *target = duckdb_function_get_bind_data(info);
    struct reader *reader = duckdb_function_get_local_init_data(info);
    /* It would keep what the chunk given before is filled again with. */
    duckdb_data_chunk_reset(output);
    struct waiting *waiting = next_chunk(target, reader);
    if (waiting == NULL) {
        if (target->fill->failed)
            duckdb_function_set_error(info, "the rows of a table could not be made");
        duckdb_data_chunk_set_size(output, 0);
        return;
    }
    for (size_t idx = 0; idx < target->column_count; idx++)
        duckdb_vector_reference_vector(duckdb_data_chunk_get_vector(output, idx),
                                       duckdb_data_chunk_get_vector(waiting->chunk, idx));
    duckdb_data_chunk_set_size(output, waiting->rows);
}

/* Of each thread; it goes with the target, when no statement runs any more. */
static void fill_local_init(duckdb_init_info info)
{
    struct target *target = duckdb_init_get_bind_data(info);
    struct reader *reader = mem_zalloc(1, sizeof *reader);
    if (reader == NULL) {
        duckdb_init_set_error(info, "no memory to fill tables");
        return;
    }
    pthread_mutex_lock(&target->fill->lock);
    reader->next = target->readers;
    target->readers = reader;
    pthread_mutex_unlock(&target->fill->lock);
    duckdb_init_set_init_data(info, reader, NULL);
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
    duckdb_table_function_set_local_init(raw, fill_local_init);
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
        if (name == NULL || (idx > 0 && fill->targets[idx - 1].table->schema_name != NULL &&
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
    waiting_free_all(target->first);
    waiting_free_all(target->begun);
    waiting_free_all(target->spare);
    while (target->readers != NULL) {
        struct reader *reader = target->readers;
        target->readers = reader->next;
        if (reader->given != NULL)
            waiting_free(reader->given);
        mem_free(reader);
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
