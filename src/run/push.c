/* A version's tables on a server, for plans to run there.
 *
 *     SELECT columns[, hash, order] FROM object ─▶ COPY, or a Parquet file ─▶ read back, hashed:
 *     rows and hash must be the object's ─▶ keys, ANALYZE ─▶ COMMIT, or RENAME last
 *
 * What is in the version's schema under a table's name was made so, and is reused when it has the
 * table's number of rows. A registered table that the server can read where it stands is not copied
 * (push_place.c): declared there, read back and hashed alike. A push that ends before its end leaves nothing (transactions), or tables
 * under a staging name, which the next push drops. */
#include "plan/rewrite.h"
#include "run/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct push {
    struct run_server server;
    const struct store_version *version;
    json_t *tables;   /* answer */
    json_t *warnings; /* keys that could not be made */
};
struct push_one {
    const struct run_push_table *wanted;
    const struct store_table *table;
    struct data_schema columns;   /* as stored there */
    char staged[RUN_STAGING_BYTES]; /* the name until it is whole */
    bool in_place;                /* the server reads it where it stands */
    const char *why_copied;       /* of a registered one; NULL: there was no choice */
};

static void auto_push_one(struct push_one *one)
{
    data_schema_done(&one->columns);
}

static enum err_code columns_of(struct push_one *one, struct err *err)
{
    const struct data_schema *schema = &one->table->schema;
    for (size_t i = 0; i < schema->count; i++)
        TRY(data_schema_add(&one->columns, str_of(schema->columns[i].name), schema->columns[i].type,
                            err));
    if (!one->wanted->hashes)
        return ERR_OK;
    TRY(data_schema_add(&one->columns, STR(PLAN_STORED_HASH), DATA_TYPE(TEXT), err));
    return data_schema_add(&one->columns, STR(PLAN_STORED_ORDER), DATA_TYPE(BIGINT), err);
}

/* The hash is computed once a row, and by Marrow's own function, as everywhere. */
static enum err_code select_of(const struct push_one *one, struct buf *sql, struct err *err)
{
    const struct data_schema *schema = &one->table->schema;
    AUTO(buf_done) struct buf hash = BUF_INIT;
    buf_puts(sql, "SELECT ");
    for (size_t i = 0; i < schema->count; i++) {
        buf_puts(sql, i == 0 ? "" : ", ");
        engine_quote_identifier(sql, str_of(schema->columns[i].name));
    }
    if (one->wanted->hashes) {
        TRY(run_row_hash_sql(schema, &hash, err));
        buf_puts(sql, ", marrow_digits(marrow_pushed) AS " PLAN_STORED_HASH
                      ", CAST(CAST(marrow_pushed >> 64 AS HUGEINT) - 9223372036854775808 AS "
                      "BIGINT) AS " PLAN_STORED_ORDER " FROM (SELECT *, ");
        buf_add_str(sql, buf_view(&hash));
        buf_puts(sql, " AS marrow_pushed");
    }
    buf_puts(sql, " FROM ");
    engine_quote_identifier(sql, str_of(one->table->name));
    buf_puts(sql, one->wanted->hashes ? ")" : "");
    return buf_check(sql, err);
}

/* What came back must be what was sent: the object's rows and hash. */
static enum err_code check_content(struct push *push, const struct push_one *one, struct err *err)
{
    int64_t rows = 0;
    char hash[33], path[FILE_PATH_BYTES];
    JSON_AUTO object = NULL;
    TRY(file_path_join(one->table->directory, "object.json", path, err));
    TRY(json_read_file(path, &object, err));
    engine_set_progress(push->server.engine, push->server.progress, "check", one->table->name);
    TRY(run_server_tally(&push->server, one->staged, &one->table->schema, &rows, hash, err));
    if (rows == one->table->rows && strcmp(hash, json_text(object, "row_hash", "")) == 0)
        return ERR_OK;
    err_set(err, ERR_INTEGRITY,
            "table %s came back from the server changed: %" PRId64 " rows sent, %" PRId64
            " found%s",
            one->table->name, one->table->rows, rows,
            rows == one->table->rows ? ", of other content" : "");
    return err_hint(err, "nothing was pushed");
}

/* An index that cannot be made (values too long for one) is no failure: the rows are right. */
static enum err_code try_index(struct push *push, const struct buf *sql, bool *ret_made,
                               struct err *err)
{
    struct engine *engine = push->server.engine;
    struct err refused = {0};
    TRY(buf_check(sql, err));
    TRY(engine_execute(engine, "SAVEPOINT marrow_key", NULL, 0, err));
    *ret_made = engine_execute(engine, buf_text(sql), NULL, 0, &refused) == ERR_OK;
    return engine_execute(engine,
                          *ret_made ? "RELEASE SAVEPOINT marrow_key"
                                    : "ROLLBACK TO SAVEPOINT marrow_key",
                          NULL, 0, err);
}

static enum err_code add_key(struct push *push, const struct push_one *one, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    bool ok = true, made = true;
    if (one->wanted->key_count == 0 || !run_server_transacts(&push->server))
        return ERR_OK;
    buf_puts(&sql, "CREATE UNIQUE INDEX ON ");
    run_server_table(&push->server, one->staged, &sql);
    for (size_t i = 0; i < one->wanted->key_count; i++) {
        buf_puts(&sql, i == 0 ? " (" : ", ");
        run_server_column(&push->server, one->table->schema.columns[one->wanted->key[i]].name,
                          &sql);
    }
    buf_puts(&sql, ")");
    TRY(try_index(push, &sql, &made, err));
    if (!made)
        json_push_text(push->warnings, one->table->name, &ok);
    return json_built(ok, err);
}

/* What skips files where they stand skips pages there: an index for each partition column. */
static enum err_code add_partition_indexes(struct push *push, const struct push_one *one,
                                           struct err *err)
{
    JSON_AUTO settings = NULL;
    if (!run_server_transacts(&push->server))
        return ERR_OK;
    TRY(store_version_settings((struct store_version *)(uintptr_t)push->version, one->table->name,
                               &settings, err));
    const json_t *keys = store_registry_value(settings, "partition_columns");
    for (size_t i = 0; i < json_array_size(keys); i++) {
        AUTO(buf_done) struct buf sql = BUF_INIT;
        bool made = false;
        buf_puts(&sql, "CREATE INDEX ON ");
        run_server_table(&push->server, one->staged, &sql);
        buf_puts(&sql, " (");
        run_server_column(&push->server, json_string_value(json_array_get(keys, i)), &sql);
        buf_puts(&sql, ")");
        TRY(try_index(push, &sql, &made, err));
    }
    return ERR_OK;
}

static enum err_code analyze(struct push *push, const struct push_one *one, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    if (!run_server_transacts(&push->server))
        return ERR_OK;
    buf_puts(&sql, "ANALYZE ");
    run_server_table(&push->server, one->staged, &sql);
    TRY(buf_check(&sql, err));
    return engine_execute(push->server.engine, buf_text(&sql), NULL, 0, err);
}

/* Only the rows that come back tell whether the server reads the files as they are read here. */
static enum err_code load_in_place(struct push *push, struct push_one *one, struct err *err)
{
    struct run_place place;
    struct err refused = {0};
    TRY(run_place_find(&push->server, (struct store_version *)(uintptr_t)push->version,
                       one->table->name, &place, err));
    one->why_copied = place.placed ? place.why_not : NULL;
    if (place.why_not != NULL)
        return ERR_OK;
    TRY(run_server_drop(&push->server, one->staged, err));
    enum err_code code = run_place_create(&push->server, one->staged, &one->table->schema, &place,
                                          &refused);
    if (code == ERR_OK)
        code = check_content(push, one, &refused);
    one->in_place = code == ERR_OK;
    if (code == ERR_INTERRUPTED || code == ERR_TIMEOUT || code == ERR_MEMORY) {
        *err = refused;
        return code;
    }
    one->why_copied = one->in_place ? NULL : "the server reads its files otherwise";
    return ERR_OK;
}

static enum err_code load_copy(struct push *push, struct push_one *one, struct err *err)
{
    char folder[80];
    AUTO(buf_done) struct buf select = BUF_INIT;
    TRY(columns_of(one, err));
    TRY(store_version_attach((struct store_version *)(uintptr_t)push->version, push->server.local,
                             &one->table->name, 1, err));
    TRY(select_of(one, &select, err));
    (void)snprintf(folder, sizeof folder, "%.32s%s", one->table->hash,
                   one->wanted->hashes ? "-hashed" : "");
    TRY(run_server_drop(&push->server, one->staged, err));
    engine_set_progress(push->server.engine, push->server.progress, "push", one->table->name);
    TRY(run_server_load(&push->server, one->staged, folder, buf_text(&select), &one->columns,
                        one->table->name, one->table->rows, err));
    return check_content(push, one, err);
}

static enum err_code load_one(struct push *push, struct push_one *one, struct err *err)
{
    TRY(load_in_place(push, one, err));
    if (!one->in_place)
        TRY(load_copy(push, one, err));
    TRY(add_key(push, one, err));
    TRY(add_partition_indexes(push, one, err));
    return analyze(push, one, err);
}

/* Is it there, whole, with the hash columns where they are wanted, or where it stands? */
static enum err_code is_there(struct push *push, struct push_one *one, bool *ret, struct err *err)
{
    const struct store_table *table = one->table;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    int64_t rows = -1;
    bool in_place = run_server_in_place(&push->server, table->name);
    *ret = false;
    if (!run_server_has(&push->server, table->name) ||
        (one->wanted->hashes && !in_place && !run_server_has_hashes(&push->server, table->name)))
        return ERR_OK;
    if (in_place) {
        struct run_place place;
        TRY(run_place_find(&push->server, (struct store_version *)(uintptr_t)push->version,
                           table->name, &place, err));
        if (place.why_not != NULL)
            return ERR_OK;
    }
    one->in_place = in_place;
    buf_puts(&sql, "SELECT count(*) FROM ");
    run_server_table(&push->server, table->name, &sql);
    TRY(buf_check(&sql, err));
    TRY(engine_query_int(push->server.engine, buf_text(&sql), -1, &rows, err));
    *ret = rows == table->rows;
    return ERR_OK;
}

static enum err_code push_one(struct push *push, const struct run_push_table *wanted,
                              struct err *err)
{
    __attribute__((cleanup(auto_push_one))) struct push_one one = {.wanted = wanted};
    int64_t started_us = clock_monotonic_us();
    bool there = false, ok = true;
    one.table = store_version_table_find(push->version, wanted->name);
    if (one.table == NULL)
        return err_set(err, ERR_NOT_FOUND, "dataset %s has no table %.200s",
                       store_version_dataset(push->version), wanted->name);
    run_server_staging(&push->server, one.table->name, one.staged, sizeof one.staged);
    TRY(run_server_sweep(&push->server, one.table->name, err));
    TRY(is_there(push, &one, &there, err));
    if (!there) {
        enum err_code code = load_one(push, &one, err);
        if (code != ERR_OK)
            return err_context(err, "table %s", one.table->name);
    }
    json_t *entry = json_object();
    json_put_text(entry, "name", one.table->name, &ok);
    json_put_int(entry, "rows", one.table->rows, &ok);
    json_put_flag(entry, "reused", there, &ok);
    json_put_flag(entry, "in_place", one.in_place, &ok);
    if (one.why_copied != NULL)
        json_put_text(entry, "copied_because", one.why_copied, &ok);
    json_put_int(entry, "duration_ms", (clock_monotonic_us() - started_us) / 1000, &ok);
    json_push(push->tables, entry, &ok);
    return json_built(ok, err);
}

/* All become visible: in one instant with transactions, else one after another. */
static enum err_code make_visible(struct push *push, struct err *err)
{
    if (run_server_transacts(&push->server))
        return engine_execute(push->server.engine, "COMMIT", NULL, 0, err);
    for (size_t i = 0; i < json_array_size(push->tables); i++) {
        const json_t *entry = json_array_get(push->tables, i);
        char staged[RUN_STAGING_BYTES];
        if (json_flag(entry, "reused", false))
            continue;
        run_server_staging(&push->server, json_text(entry, "name", ""), staged, sizeof staged);
        TRY(run_server_drop(&push->server, json_text(entry, "name", ""), err));
        TRY(run_server_rename(&push->server, staged, json_text(entry, "name", ""), err));
    }
    return ERR_OK;
}

static enum err_code push_all(struct push *push, const struct run_push_table *tables, size_t count,
                              struct err *err)
{
    TRY(run_server_begin(&push->server, err));
    for (size_t i = 0; i < count; i++)
        TRY(push_one(push, &tables[i], err));
    return make_visible(push, err);
}

static void undo(struct push *push, const struct run_push_table *tables, size_t count)
{
    run_server_undo(&push->server, NULL, 0);
    for (size_t i = 0; i < count && !run_server_transacts(&push->server); i++) {
        char staged[RUN_STAGING_BYTES];
        run_server_staging(&push->server, tables[i].name, staged, sizeof staged);
        (void)!run_server_drop(&push->server, staged, ERR_IGNORED);
    }
}

static enum err_code answer(struct push *push, json_t **ret, struct err *err)
{
    bool ok = true;
    json_t *object = json_object();
    json_put_text(object, "engine", engine_name(push->server.engine), &ok);
    json_put_text(object, "url", push->server.url, &ok);
    json_put_text(object, "version", store_version_id(push->version), &ok);
    json_put_text(object, "schema", push->server.schema, &ok);
    json_put(object, "tables", json_incref(push->tables), &ok);
    json_put(object, "without_index", json_incref(push->warnings), &ok);
    *ret = object;
    return json_built(ok, err);
}

enum err_code run_push(struct store_version *version, const struct engine_options *engine,
                       const struct run_push_table *tables, size_t count, json_t **ret,
                       struct err *err)
{
    struct push push = {.version = version};
    JSON_AUTO listed = json_array();
    JSON_AUTO warnings = json_array();
    TRY(json_built(listed != NULL && warnings != NULL, err));
    push.tables = listed;
    push.warnings = warnings;
    enum err_code code = run_server_open(engine, version, &push.server, err);
    if (code == ERR_OK) {
        code = push_all(&push, tables, count, err);
        if (code != ERR_OK)
            undo(&push, tables, count);
    }
    if (code == ERR_OK)
        code = answer(&push, ret, err);
    run_server_done(&push.server);
    return code;
}
