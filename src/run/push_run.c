/* Runs that are kept in the store (marts, saved plans, rules' tables) on a server, as tables that
 * plans there can read.
 *
 *     run's Parquet ──SELECT the columns that are read──▶ input_0123456789abcdef ──read back,
 * hashed: rows and hash must be the run's ──▶ COMMIT, or RENAME last
 *
 * The name is made of the run's id and of the columns, so what lies there under it has that
 * content, and is reused when it has the run's number of rows. */
#include "run/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PUSH_RUN_COLUMNS 1500 /* of one table, on any server */

struct push_run {
    struct run_server server;
    struct store *store;
    const char *dataset;
};

static void auto_schema_done(struct data_schema *schema)
{
    data_schema_done(schema);
}
#define AUTO_SCHEMA __attribute__((cleanup(auto_schema_done))) struct data_schema

static void name_of(struct run_push_run *run)
{
    char hex[HASH_HEX_BYTES];
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_puts(&text, json_text(run->manifest, "run_id", ""));
    for (size_t i = 0; i < run->column_count; i++) {
        buf_putc(&text, '\0');
        buf_puts(&text, run->columns[i]);
    }
    hash_sha256_of(buf_text(&text), text.len, hex);
    (void)snprintf(run->table, sizeof run->table, "input_%.16s", hex);
}

/* The columns as the run holds them, under the names that are asked for, and the SELECT that gives
 * them. */
static enum err_code columns_of(const struct run_push_run *run, struct data_schema *ret,
                                struct buf *sql, struct err *err)
{
    AUTO_SCHEMA whole = {0};
    const char *name = json_text(run->manifest, "name", "");
    if (run->column_count > PUSH_RUN_COLUMNS) {
        err_set(err, ERR_LIMIT,
                "%s: %zu columns are too many for one table of a server, %d at most", name,
                run->column_count, PUSH_RUN_COLUMNS);
        return err_hint(err, "declare only the columns that are read");
    }
    TRY(data_schema_from_json(json_object_get(run->manifest, "schema"), name, &whole, err));
    for (size_t i = 0; i < run->column_count; i++) {
        int at = data_schema_find(&whole, str_of(run->columns[i]));
        if (at < 0)
            return err_set(err, ERR_NOT_FOUND, "%s has no column %.200s", name, run->columns[i]);
        TRY(data_schema_add(ret, str_of(run->columns[i]), whole.columns[at].type, err));
        buf_puts(sql, i == 0 ? "SELECT " : ", ");
        engine_quote_identifier(sql, str_of(whole.columns[at].name));
        buf_puts(sql, " AS ");
        engine_quote_identifier(sql, str_of(run->columns[i]));
    }
    buf_puts(sql, " FROM ");
    engine_quote_identifier(sql, str_of(run->table));
    return buf_check(sql, err);
}

/* What came back must be what was sent. */
static enum err_code check_content(struct push_run *push, const char *staged, const char *select,
                                   const struct data_schema *columns, struct err *err)
{
    int64_t rows = 0, sent_rows = 0;
    char hash[33], sent_hash[33];
    engine_set_progress(push->server.engine, push->server.progress, "check", staged);
    TRY(run_tally(push->server.local, select, columns, &sent_rows, sent_hash, err));
    TRY(run_server_tally(&push->server, staged, columns, &rows, hash, err));
    if (rows == sent_rows && strcmp(hash, sent_hash) == 0)
        return ERR_OK;
    err_set(err, ERR_INTEGRITY,
            "table %s came back from the server changed: %" PRId64 " rows sent, %" PRId64
            " found%s",
            staged, sent_rows, rows, rows == sent_rows ? ", of other content" : "");
    return err_hint(err, "nothing was pushed");
}

static enum err_code load(struct push_run *push, const struct run_push_run *run, const char *staged,
                          struct err *err)
{
    AUTO_SCHEMA columns = {0};
    AUTO(buf_done) struct buf select = BUF_INIT;
    const char *name = json_text(run->manifest, "name", "");
    TRY(columns_of(run, &columns, &select, err));
    TRY(run_attach(push->store, push->dataset, run->manifest, run->table, push->server.local, err));
    TRY(run_server_drop(&push->server, staged, err));
    engine_set_progress(push->server.engine, push->server.progress, "push", name);
    TRY(run_server_load(&push->server, staged, run->table, buf_text(&select), &columns, name,
                        json_int(run->manifest, "row_count", 0), err));
    return check_content(push, staged, buf_text(&select), &columns, err);
}

static enum err_code is_there(struct push_run *push, const struct run_push_run *run, bool *ret,
                              struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    int64_t rows = -1;
    *ret = false;
    if (!run_server_has(&push->server, run->table))
        return ERR_OK;
    buf_puts(&sql, "SELECT count(*) FROM ");
    run_server_table(&push->server, run->table, &sql);
    TRY(buf_check(&sql, err));
    TRY(engine_query_int(push->server.engine, buf_text(&sql), -1, &rows, err));
    *ret = rows == json_int(run->manifest, "row_count", 0);
    return ERR_OK;
}

/* One after another, each visible when it is whole: they are tables of their own, and each is
 * right. */
static enum err_code push_one(struct push_run *push, struct run_push_run *run, struct err *err)
{
    char staged[96];
    bool there = false, transacts = run_server_transacts(&push->server);
    name_of(run);
    run_server_staging(&push->server, run->table, staged, sizeof staged);
    TRY(run_server_sweep(&push->server, run->table, err));
    TRY(is_there(push, run, &there, err));
    if (there)
        return ERR_OK;
    TRY(run_server_begin(&push->server, err));
    if (transacts && run_server_has(&push->server, run->table))
        TRY(run_server_drop(&push->server, run->table, err));
    enum err_code code = load(push, run, staged, err);
    if (code == ERR_OK && !transacts)
        code = run_server_drop(&push->server, run->table, err);
    if (code == ERR_OK)
        code = transacts ? engine_execute(push->server.engine, "COMMIT", NULL, 0, err)
                         : run_server_rename(&push->server, staged, run->table, err);
    const char *undone = staged;
    if (code != ERR_OK)
        run_server_undo(&push->server, &undone, 1);
    return code == ERR_OK ? ERR_OK
                          : err_context(err, "input %s", json_text(run->manifest, "name", ""));
}

enum err_code run_push_runs(struct store *store, struct store_version *version,
                            const struct engine_options *engine, struct run_push_run *runs,
                            size_t count, struct err *err)
{
    struct push_run push = {.store = store, .dataset = store_version_dataset(version)};
    enum err_code code = run_server_open(engine, version, &push.server, err);
    for (size_t i = 0; i < count && code == ERR_OK; i++)
        code = push_one(&push, &runs[i], err);
    run_server_done(&push.server);
    return code;
}
