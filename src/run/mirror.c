/* Tables on a server in a schema of their own, swapped in together: who reads there sees all of the
 * old ones or all of the new.
 *
 *   BEGIN ─ each: NAME__marrow_staging created, loaded by COPY, read back and compared, noted,
 * indexed ─ each: the old one dropped, the new one renamed ─ COMMIT */
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
    TRY(run_server_begin(server, err));
    for (size_t i = 0; i < count; i++) {
        int64_t rows = 0;
        json_t *one = json_object();
        json_push(list, one, &ok);
        TRY(load(server, &tables[i], &rows, err));
        json_put_text(one, "name", tables[i].name, &ok);
        json_put_int(one, "rows", rows, &ok);
        json_put_int(one, "indexes", (int64_t)tables[i].index_count, &ok);
    }
    for (size_t i = 0; i < count; i++)
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
