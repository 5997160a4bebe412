/* Tables on a server in a schema of their own, swapped in together: who reads there sees all of the
 * old ones or all of the new.
 *
 *   BEGIN ─ each that stands there: what changed since its note, deleted and inserted, compared
 *         ─ each other: NAME__marrow_staging created, loaded by COPY, compared, noted, indexed
 *         ─ each of these: the old one dropped, the new one renamed ─ COMMIT */
#include "run/server.h"

#include <stdio.h>
#include <string.h>

static enum err_code staging_name(const char *table, char ret[256], struct err *err)
{
    int length = snprintf(ret, 256, "%s" RUN_STAGING_SUFFIX, table);
    return length > 0 && length < 63
               ? ERR_OK
               : err_set(err, ERR_INPUT, "the name '%.80s' is too long for a server's table",
                         table);
}

static enum err_code make_index(struct run_server *server, const char *table, const char *column,
                                struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE INDEX ON ");
    run_server_table(server, table, &sql);
    buf_puts(&sql, " (");
    run_server_column(server, column, &sql);
    buf_putc(&sql, ')');
    TRY(buf_check(&sql, err));
    return engine_execute(server->engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code compare(struct run_server *server, const char *staged,
                             const struct run_mirror_table *table, int64_t *ret_rows,
                             struct err *err)
{
    char there[33], here[33];
    int64_t rows = 0;
    TRY(run_server_tally(server, staged, table->columns, ret_rows, there, err));
    TRY(run_tally(server->local, table->select, table->columns, &rows, here, err));
    if (rows == *ret_rows && strcmp(there, here) == 0)
        return ERR_OK;
    return err_set(
        err, ERR_INTEGRITY,
        "table '%s' came to the server with other rows than it was sent: %lld sent, %lld found",
        table->name, (long long)rows, (long long)*ret_rows);
}

/* With the table, so that it comes and goes with its rows. */
static enum err_code put_note(struct run_server *server, const char *staged, const char *note,
                              struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    if (note == NULL)
        return ERR_OK;
    buf_puts(&sql, "COMMENT ON TABLE ");
    run_server_table(server, staged, &sql);
    buf_puts(&sql, " IS ");
    engine_quote_literal(&sql, str_of(note));
    TRY(buf_check(&sql, err));
    return engine_execute(server->engine, buf_text(&sql), NULL, 0, err);
}

enum err_code run_mirror_notes(struct engine *engine, const char *schema, json_t **ret,
                               struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    JSON_AUTO rows = NULL;
    JSON_AUTO notes = json_object();
    bool ok = true;
    buf_puts(&sql, "SELECT c.relname::text, obj_description(c.oid, 'pg_class'), c.oid::text FROM "
                   "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                   "WHERE c.relkind = 'r' AND n.nspname = ");
    engine_quote_literal(&sql, str_of(schema));
    TRY(buf_check(&sql, err));
    TRY(engine_query_json(engine, buf_text(&sql), 100000, &rows, err));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        json_t *one = json_object();
        json_put(one, "note", json_incref(json_array_get(row, 1)), &ok);
        json_put(one, "table", json_incref(json_array_get(row, 2)), &ok);
        json_put(notes, json_string_value(json_array_get(row, 0)), one, &ok);
    }
    TRY(json_built(ok && notes != NULL, err));
    *ret = json_incref(notes);
    return ERR_OK;
}

static enum err_code load(struct run_server *server, const struct run_mirror_table *table,
                          int64_t *ret_rows, struct err *err)
{
    char staged[256];
    AUTO(buf_done) struct buf analyze = BUF_INIT;
    TRY(staging_name(table->name, staged, err));
    TRY(run_server_drop(server, staged, err));
    TRY(run_server_load(server, staged, table->name, table->select, table->columns, table->name,
                        table->rows, err));
    TRY(compare(server, staged, table, ret_rows, err));
    TRY(put_note(server, staged, table->note, err));
    for (size_t i = 0; i < table->index_count; i++)
        TRY(make_index(server, staged, table->indexes[i], err));
    buf_puts(&analyze, "ANALYZE ");
    run_server_table(server, staged, &analyze);
    TRY(buf_check(&analyze, err));
    return engine_execute(server->engine, buf_text(&analyze), NULL, 0, err);
}

/* ---- what changed -------------------------------------------------------------------------------
 */

static enum err_code stage(struct run_server *server, const struct run_mirror_table *table,
                           const char *staged, const char *select,
                           const struct data_schema *columns, struct err *err)
{
    TRY(run_server_drop(server, staged, err));
    return run_server_load(server, staged, table->name, select, columns, table->name, 0, err);
}

/* "before"TABLE"between"STAGED"after" */
static enum err_code with_staged(struct run_server *server, const struct run_mirror_table *table,
                                 const char *staged, const char *before, const char *between,
                                 const char *after, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, before);
    run_server_table(server, table->name, &sql);
    buf_puts(&sql, between);
    run_server_table(server, staged, &sql);
    buf_puts(&sql, after);
    TRY(buf_check(&sql, err));
    return engine_execute(server->engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code put_changes(struct run_server *server, const struct run_mirror_table *table,
                                 const struct run_mirror_change *change, struct err *err)
{
    char staged[256];
    AUTO(buf_done) struct buf keyed = BUF_INIT;
    int at = data_schema_find(table->columns, str_of(table->key));
    if (change->keys.len == 0)
        return ERR_OK;
    if (at < 0)
        return err_set(err, ERR_FAILED, "table '%s' has no column for its key", table->name);
    const struct data_schema key = {.columns = &table->columns->columns[at], .count = 1};
    TRY(staging_name(table->name, staged, err));
    TRY(stage(server, table, staged, buf_text(&change->keys), &key, err));
    buf_puts(&keyed, " AS staged WHERE held.");
    run_server_column(server, table->key, &keyed);
    buf_puts(&keyed, " = staged.");
    run_server_column(server, table->key, &keyed);
    TRY(buf_check(&keyed, err));
    TRY(with_staged(server, table, staged, "DELETE FROM ", " AS held USING ", buf_text(&keyed),
                    err));
    TRY(stage(server, table, staged, buf_text(&change->rows), table->columns, err));
    TRY(with_staged(server, table, staged, "INSERT INTO ", " SELECT * FROM ", "", err));
    return run_server_drop(server, staged, err);
}

/* Writers wait for each other; who reads sees the old rows until COMMIT. */
static enum err_code lock_held(struct run_server *server, const char *table, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "LOCK TABLE ");
    run_server_table(server, table, &sql);
    buf_puts(&sql, " IN SHARE ROW EXCLUSIVE MODE");
    TRY(buf_check(&sql, err));
    return engine_execute(server->engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code note_there(struct run_server *server, const char *table, json_t **ret,
                                struct err *err)
{
    JSON_AUTO notes = NULL;
    TRY(run_mirror_notes(server->engine, server->schema, &notes, err));
    *ret = json_incref(json_object_get(json_object_get(notes, table), "note"));
    return ERR_OK;
}

/* *ret_done false: the table has to be made whole, what was put into it goes with it. */
static enum err_code change(struct run_server *server, const struct run_mirror_table *table,
                            bool *ret_done, int64_t *ret_rows, struct err *err)
{
    JSON_AUTO seen = NULL;
    JSON_AUTO note = NULL;
    struct run_mirror_change since = {.known = false, .keys = BUF_INIT, .rows = BUF_INIT};
    *ret_done = false;
    if (table->since == NULL || strcmp(engine_dialect(server->engine), "postgresql") != 0)
        return ERR_OK;
    TRY(note_there(server, table->name, &seen, err));
    if (!json_is_string(seen))
        return ERR_OK;
    TRY(lock_held(server, table->name, err));
    TRY(note_there(server, table->name, &note, err)); /* another may have come first */
    enum err_code code = json_is_string(note)
                             ? table->since(table->user, json_string_value(note), &since, err)
                             : ERR_OK;
    if (code == ERR_OK && since.known)
        code = put_changes(server, table, &since, err);
    if (code == ERR_OK && since.known) {
        code = compare(server, table->name, table, ret_rows, err);
        *ret_done = code == ERR_OK;
        code = code == ERR_INTEGRITY ? ERR_OK : code; /* someone else wrote into it */
    }
    buf_done(&since.keys);
    buf_done(&since.rows);
    return code == ERR_OK && *ret_done ? put_note(server, table->name, table->note, err) : code;
}

static enum err_code swap(struct run_server *server, const struct run_mirror_table *table,
                          struct err *err)
{
    char staged[256];
    AUTO(buf_done) struct buf sql = BUF_INIT;
    TRY(staging_name(table->name, staged, err));
    TRY(run_server_drop(server, table->name, err));
    buf_puts(&sql, "ALTER TABLE ");
    run_server_table(server, staged, &sql);
    buf_puts(&sql, " RENAME TO ");
    engine_quote_identifier(&sql, str_of(table->name));
    TRY(buf_check(&sql, err));
    return engine_execute(server->engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code mirror(struct run_server *server, const struct run_mirror_table *tables,
                            size_t count, json_t *list, struct err *err)
{
    bool ok = true;
    AUTO(mem_free) bool *changed = mem_zalloc(count + 1, sizeof *changed);
    if (changed == NULL)
        return err_set(err, ERR_MEMORY, "no memory for tables");
    TRY(run_server_begin(server, err));
    for (size_t i = 0; i < count; i++) {
        int64_t rows = 0;
        json_t *one = json_object();
        json_push(list, one, &ok);
        TRY(change(server, &tables[i], &changed[i], &rows, err));
        if (!changed[i])
            TRY(load(server, &tables[i], &rows, err));
        json_put_text(one, "name", tables[i].name, &ok);
        json_put_int(one, "rows", rows, &ok);
        json_put_int(one, "indexes", (int64_t)tables[i].index_count, &ok);
        json_put_text(one, "how", changed[i] ? "changes" : "whole", &ok);
    }
    for (size_t i = 0; i < count; i++)
        if (!changed[i])
            TRY(swap(server, &tables[i], err));
    TRY(json_built(ok, err));
    return engine_execute(server->engine, "COMMIT", NULL, 0, err);
}

enum err_code run_mirror(const struct engine_options *engine, const struct store_version *version,
                         const char *schema, const struct run_mirror_table *tables, size_t count,
                         json_t **ret, struct err *err)
{
    AUTO(run_server_done) struct run_server server = {.engine = NULL};
    JSON_AUTO list = json_array();
    bool ok = true;
    TRY(run_server_open(engine, version, &server, err));
    if (!run_server_transacts(&server)) {
        err_set(err, ERR_UNSUPPORTED,
                "%s has no transactions: tables can't be swapped in together there",
                engine_name(server.engine));
        return err_hint(err, "'marrow push' loads the tables of resources; 'marrow view run "
                             "--engine' runs views over them");
    }
    (void)snprintf(server.schema, sizeof server.schema, "%s", schema);
    enum err_code code = mirror(&server, tables, count, list, err);
    if (code != ERR_OK) {
        run_server_undo(&server, NULL, 0);
        return code;
    }
    *ret = json_object();
    json_put_text(*ret, "engine", engine_name(server.engine), &ok);
    json_put_text(*ret, "url", server.url, &ok);
    json_put_text(*ret, "schema", schema, &ok);
    json_put(*ret, "tables", json_incref(list), &ok);
    return json_built(ok, err);
}
