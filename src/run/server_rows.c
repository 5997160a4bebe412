/* Rows to a server and back. To it: COPY where the engine appends, else a Parquet file in the
 * folder that both see. Back: streamed into the embedded engine, where they are hashed and checked
 * like rows that were computed there. */
#include "plan/rewrite.h"
#include "run/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_FILE "table.parquet"

static enum err_code on_table(struct run_server *server, const char *before, const char *table,
                              const char *after, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, before);
    run_server_table(server, table, &sql);
    buf_puts(&sql, after);
    TRY(buf_check(&sql, err));
    return engine_execute(server->engine, buf_text(&sql), NULL, 0, err);
}

enum err_code run_server_drop(struct run_server *server, const char *table, struct err *err)
{
    return on_table(server, "DROP TABLE IF EXISTS ", table, "", err);
}

enum err_code run_server_rename(struct run_server *server, const char *from, const char *to,
                                struct err *err)
{
    AUTO(buf_done) struct buf after = BUF_INIT;
    buf_puts(&after, " RENAME TO ");
    run_server_table(server, to, &after);
    TRY(buf_check(&after, err));
    return on_table(server, "ALTER TABLE ", from, buf_text(&after), err);
}

enum err_code run_server_begin(struct run_server *server, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    if (run_server_transacts(server))
        TRY(engine_execute(server->engine, "BEGIN", NULL, 0, err));
    /* what is said to be there is there after a crash, whatever the server's default */
    if (strcmp(engine_dialect(server->engine), "postgresql") == 0)
        TRY(engine_execute(server->engine, "SET LOCAL synchronous_commit = on", NULL, 0, err));
    buf_puts(&sql, "CREATE SCHEMA IF NOT EXISTS ");
    engine_quote_identifier(&sql, str_of(server->schema));
    TRY(buf_check(&sql, err));
    return engine_execute(server->engine, buf_text(&sql), NULL, 0, err);
}

void run_server_undo(struct run_server *server, const char *const *staged, size_t count)
{
    struct err ignored = {0}; /* the first error is the one to tell; a server that is gone has
                                 undone it, or the next run will */
    engine_set_progress(server->engine, NULL, NULL, NULL); /* a cancel must not stop this */
    if (run_server_transacts(server)) {
        (void)!engine_execute(server->engine, "ROLLBACK", NULL, 0, &ignored);
        return;
    }
    for (size_t i = 0; i < count; i++)
        (void)!run_server_drop(server, staged[i], &ignored);
}

enum err_code run_server_create(struct run_server *server, const char *table,
                                const struct data_schema *columns, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE TABLE ");
    run_server_table(server, table, &sql);
    for (size_t i = 0; i < columns->count; i++) {
        buf_puts(&sql, i == 0 ? " (" : ", ");
        run_server_column(server, columns->columns[i].name, &sql);
        buf_putc(&sql, ' ');
        enum err_code code = run_server_type(server, columns->columns[i].type, &sql, err);
        if (code != ERR_OK)
            return err_context(err, "column %s", columns->columns[i].name);
    }
    buf_putc(&sql, ')');
    TRY(buf_check(&sql, err));
    return engine_execute(server->engine, buf_text(&sql), NULL, 0, err);
}

/* ---- to the server ------------------------------------------------------------------------------
 */

static enum err_code append_all(struct run_server *server, struct engine_result *rows,
                                struct engine_appender *appender, const char *subject,
                                int64_t total, struct err *err)
{
    const struct data_batch *batch = NULL;
    struct progress_event event = {"push", subject, 0, total, "rows"};
    for (;;) {
        TRY(progress_check(server->progress, err));
        TRY(engine_result_next(rows, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        TRY(engine_append_batch(appender, batch, err));
        event.done += batch->rows;
        progress_report(server->progress, &event);
    }
}

static enum err_code load_by_append(struct run_server *server, const char *table,
                                    const char *select, const struct data_schema *columns,
                                    const char *subject, int64_t total, struct err *err)
{
    struct engine_appender *appender = NULL;
    AUTO(engine_result_close) struct engine_result *rows = NULL;
    TRY(run_server_create(server, table, columns, err));
    TRY(engine_query(server->local, select, NULL, 0, &rows, err));
    TRY(engine_append_open(server->engine, server->schema, table, &appender, err));
    enum err_code code = append_all(server, rows, appender, subject, total, err);
    if (code != ERR_OK) {
        engine_append_abort(appender);
        return code;
    }
    return engine_append_close(appender, err);
}

/* The file is written beside its place and moved there whole; one that is there is the same. */
static enum err_code write_file(struct run_server *server, const char *directory,
                                const char *parent, const char *select, struct err *err)
{
    char staged[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    bool existed = false;
    TRY(file_make_directory(parent, err));
    TRY(file_make_staging(parent, ".staged", staged, err));
    TRY(file_path_join(staged, LOAD_FILE, path, err));
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_printf(&sql, "COPY (%s) TO ", select);
    engine_quote_literal(&sql, str_of(path));
    buf_puts(&sql, " (FORMAT parquet, COMPRESSION zstd)");
    enum err_code code = buf_check(&sql, err);
    if (code == ERR_OK)
        code = engine_execute(server->local, buf_text(&sql), NULL, 0, err);
    if (code == ERR_OK)
        code = file_fsync_tree(staged, err);
    if (code == ERR_OK)
        code = file_publish(staged, directory, &existed, err);
    if (code != ERR_OK || existed)
        (void)!file_remove_tree(staged, ERR_IGNORED);
    return code;
}

static enum err_code load_by_file(struct run_server *server, const char *table, const char *folder,
                                  const char *select, const struct data_schema *columns,
                                  struct err *err)
{
    const char *path = NULL, *location = NULL;
    char parent[FILE_PATH_BYTES], directory[FILE_PATH_BYTES];
    if (!engine_shared_folder(server->engine, &path, &location)) {
        err_set(err, ERR_USAGE, "%s loads tables from files, and its URL names no folder for them",
                engine_name(server->engine));
        return err_hint(err, "add files=/FOLDER&location=URI to the URL: a folder that this "
                             "program writes and the server reads (docs/ENGINES.md)");
    }
    AUTO(buf_done) struct buf at = BUF_INIT;
    TRY(file_path_join(path, server->schema, parent, err));
    TRY(file_path_join(parent, folder, directory, err));
    if (!file_exists(directory))
        TRY(write_file(server, directory, parent, select, err));
    buf_printf(&at, "%s/%s/%s", location, server->schema, folder);
    TRY(buf_check(&at, err));
    const struct engine_external file = {.columns = columns, .location = buf_text(&at)};
    return engine_create_external(server->engine, server->schema, table, &file, err);
}

enum err_code run_server_load(struct run_server *server, const char *table, const char *folder,
                              const char *select, const struct data_schema *columns,
                              const char *subject, int64_t rows, struct err *err)
{
    return engine_can(server->engine, ENGINE_CAN_APPEND)
               ? load_by_append(server, table, select, columns, subject, rows, err)
               : load_by_file(server, table, folder, select, columns, err);
}

/* ---- from the server ----------------------------------------------------------------------------
 */

static enum err_code make_temporary(struct run_server *server, const char *temporary,
                                    const struct data_schema *given,
                                    const struct data_schema *wanted, struct err *err)
{
    AUTO(buf_done) struct buf table = BUF_INIT, view = BUF_INIT;
    if (given->count != wanted->count)
        return err_set(err, ERR_FAILED, "the server gave %zu columns, expected %zu", given->count,
                       wanted->count);
    buf_printf(&table, "CREATE OR REPLACE TEMP TABLE %s_rows (", temporary);
    buf_printf(&view, "CREATE OR REPLACE TEMP VIEW %s AS SELECT ", temporary);
    for (size_t i = 0; i < given->count; i++) {
        buf_puts(&table, i == 0 ? "" : ", ");
        engine_quote_identifier(&table, str_of(wanted->columns[i].name));
        buf_putc(&table, ' ');
        engine_type_sql(given->columns[i].type, &table);
        buf_puts(&view, i == 0 ? "CAST(" : ", CAST(");
        engine_quote_identifier(&view, str_of(wanted->columns[i].name));
        buf_puts(&view, " AS ");
        engine_type_sql(wanted->columns[i].type, &view);
        buf_puts(&view, ") AS ");
        engine_quote_identifier(&view, str_of(wanted->columns[i].name));
    }
    buf_puts(&table, ")");
    buf_printf(&view, " FROM %s_rows", temporary);
    TRY(buf_check(&table, err));
    TRY(buf_check(&view, err));
    TRY(engine_execute(server->local, buf_text(&table), NULL, 0, err));
    return engine_execute(server->local, buf_text(&view), NULL, 0, err);
}

enum err_code run_server_fetch(struct run_server *server, const char *sql, const char *temporary,
                               const struct data_schema *columns, struct err *err)
{
    AUTO(engine_result_close) struct engine_result *rows = NULL;
    struct engine_appender *appender = NULL;
    const struct data_batch *batch = NULL;
    char table[128];
    TRY(engine_query(server->engine, sql, NULL, 0, &rows, err));
    TRY(make_temporary(server, temporary, engine_result_schema(rows), columns, err));
    (void)snprintf(table, sizeof table, "%s_rows", temporary);
    TRY(engine_append_open(server->local, "temp.main", table, &appender, err));
    for (;;) {
        enum err_code code = progress_check(server->progress, err);
        if (code == ERR_OK)
            code = engine_result_next(rows, &batch, err);
        if (code == ERR_OK && batch != NULL)
            code = engine_append_batch(appender, batch, err);
        if (code != ERR_OK) {
            engine_append_abort(appender);
            return code;
        }
        if (batch == NULL)
            return engine_append_close(appender, err);
    }
}

/* ---- what the server gives back, hashed ---------------------------------------------------------
 */

struct named {
    const char *name;
    size_t idx;
};

static int compare_named(const void *a, const void *b)
{
    const unsigned char *x = (const unsigned char *)((const struct named *)a)->name;
    const unsigned char *y = (const unsigned char *)((const struct named *)b)->name;
    for (;; x++, y++) {
        int left = *x >= 'A' && *x <= 'Z' ? *x + 32 : *x,
            right = *y >= 'A' && *y <= 'Z' ? *y + 32 : *y;
        if (left != right || left == 0)
            return left - right;
    }
}

/* Column indices in ascending order of their names, ASCII case ignored. */
static enum err_code canonical_order(const struct data_schema *columns, size_t **ret,
                                     struct err *err)
{
    AUTO(mem_free) struct named *names = mem_zalloc(columns->count + 1, sizeof *names);
    *ret = mem_zalloc(columns->count + 1, sizeof **ret);
    if (names == NULL || *ret == NULL)
        return err_set(err, ERR_MEMORY, "no memory to hash a table");
    for (size_t i = 0; i < columns->count; i++)
        names[i] = (struct named){columns->columns[i].name, i};
    qsort(names, columns->count, sizeof *names, compare_named);
    for (size_t i = 0; i < columns->count; i++)
        (*ret)[i] = names[i].idx;
    return ERR_OK;
}

enum err_code run_row_hash_sql(const struct data_schema *columns, struct buf *out, struct err *err)
{
    AUTO(mem_free) size_t *order = NULL;
    TRY(canonical_order(columns, &order, err));
    buf_puts(out, "marrow_row_hash(");
    for (size_t i = 0; i < columns->count; i++) {
        buf_puts(out, i == 0 ? "" : ", ");
        engine_quote_identifier(out, str_of(columns->columns[order[i]].name));
    }
    buf_puts(out, ")");
    return buf_check(out, err);
}

static void add_hash(struct hash128 *sum, struct hash128 hash)
{
    sum->low += hash.low;
    sum->high += hash.high + (sum->low < hash.low ? 1 : 0);
}

static enum err_code tally(struct engine_result *rows, const size_t *order, int64_t *ret_rows,
                           struct hash128 *ret_sum, struct err *err)
{
    AUTO(buf_done) struct buf scratch = BUF_INIT;
    AUTO(mem_free) struct hash128 *hashes = NULL;
    int64_t capacity = 0;
    const struct data_batch *batch = NULL;
    for (;;) {
        TRY(engine_result_next(rows, &batch, err));
        if (batch == NULL)
            return buf_check(&scratch, err);
        if (batch->rows > capacity) {
            struct hash128 *grown = mem_resize(hashes, (size_t)batch->rows, sizeof *hashes);
            if (grown == NULL)
                return err_set(err, ERR_MEMORY, "no memory for row hashes");
            hashes = grown;
            capacity = batch->rows;
        }
        data_row_hash(batch, order, &scratch, hashes);
        for (int64_t r = 0; r < batch->rows; r++)
            add_hash(ret_sum, hashes[r]);
        *ret_rows += batch->rows;
    }
}

enum err_code run_tally(struct engine *engine, const char *sql, const struct data_schema *columns,
                        int64_t *ret_rows, char ret_hash[33], struct err *err)
{
    AUTO(engine_result_close) struct engine_result *rows = NULL;
    AUTO(mem_free) size_t *order = NULL;
    struct hash128 sum = {0, 0};
    TRY(canonical_order(columns, &order, err));
    *ret_rows = 0;
    TRY(engine_query(engine, sql, NULL, 0, &rows, err));
    TRY(tally(rows, order, ret_rows, &sum, err));
    (void)snprintf(ret_hash, 33, "%016" PRIx64 "%016" PRIx64, sum.high, sum.low);
    return ERR_OK;
}

enum err_code run_server_tally(struct run_server *server, const char *table,
                               const struct data_schema *columns, int64_t *ret_rows,
                               char ret_hash[33], struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    for (size_t i = 0; i < columns->count; i++) {
        buf_puts(&sql, i == 0 ? "SELECT " : ", ");
        run_server_column(server, columns->columns[i].name, &sql);
    }
    buf_puts(&sql, " FROM ");
    run_server_table(server, table, &sql);
    TRY(buf_check(&sql, err));
    return run_tally(server->engine, buf_text(&sql), columns, ret_rows, ret_hash, err);
}
