/* Attaching tables to an engine: table.duckdb READ_ONLY (or, where the files stand elsewhere, a view
 * that reads them, place_attach.c), and a view of the table's name over it; to another engine of this
 * process, table.parquet under the table's name.
 *
 * The one idea: trust by size and time, prove by hash. A file whose size and mtime are those
 * recorded (at import, or after the last successful re-hash, in objects/HASH/verified) is used;
 * another size is damage; another mtime is hashed again first. Only what is asked for is attached
 * (25 files cost 13 ms). */
#include <stdio.h>
#include <string.h>

#include "store/place_priv.h"

#define VERIFIED_FILE "verified"

static const json_t *facts_of(const json_t *files, const char *name)
{
    for (size_t i = 0; i < json_array_size(files); i++)
        if (strcmp(json_text(json_array_get(files, i), "name", ""), name) == 0)
            return json_array_get(files, i);
    return NULL;
}

/* Remember a successful re-hash; losing the note costs another hash, so failures are ignored. */
static void remember(const struct store *store, const char *directory, const char *name,
                     int64_t modified_us)
{
    char path[FILE_PATH_BYTES];
    bool ok = true;
    JSON_AUTO notes = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (!store->writable || file_path_join(directory, VERIFIED_FILE, path, ERR_IGNORED) != ERR_OK)
        return;
    if (!file_exists(path) || json_read_file(path, &notes, ERR_IGNORED) != ERR_OK ||
        !json_is_object(notes)) {
        json_decref(notes);
        notes = json_object();
    }
    json_put_int(notes, name, modified_us, &ok);
    if (ok && json_canonical(notes, &text, ERR_IGNORED) == ERR_OK && !text.failed)
        (void)!file_replace(path, buf_view(&text), ERR_IGNORED);
}

static bool remembered(const char *directory, const char *name, int64_t modified_us)
{
    char path[FILE_PATH_BYTES];
    JSON_AUTO notes = NULL;
    if (file_path_join(directory, VERIFIED_FILE, path, ERR_IGNORED) != ERR_OK || !file_exists(path))
        return false;
    return json_read_file(path, &notes, ERR_IGNORED) == ERR_OK &&
           json_int(notes, name, -1) == modified_us;
}

static enum err_code damaged(const struct store *store, const char *path, const char *what,
                             struct err *err)
{
    const char *relative = store_relative(store, path);
    char dataset[STORE_LIMIT_NAME_BYTES + 1] = "DATASET";
    (void)sscanf(relative, "datasets/%64[^/]", dataset);
    (void)err_set(err, ERR_INTEGRITY, "%s is damaged: %s", relative, what);
    (void)err_at(err, path, 0, 0);
    return err_hint(err, "marrow repair %s", dataset);
}

enum err_code store_file_trust(const struct store *store, const char *directory,
                               const json_t *object, const char *name, struct err *err)
{
    char path[FILE_PATH_BYTES], sha256[HASH_HEX_BYTES];
    struct file_info info;
    TRY(file_path_join(directory, name, path, err));
    const json_t *facts = facts_of(json_object_get(object, "files"), name);
    if (facts == NULL)
        return damaged(store, path, "it is not recorded in object.json", err);
    TRY(file_stat(path, &info, err));
    if (info.kind != FILE_REGULAR)
        return damaged(store, path, "it is missing", err);
    if (info.bytes != json_int(facts, "bytes", -1))
        return damaged(store, path, "its size is not the recorded one", err);
    if (info.modified_us == json_int(facts, "modified_us", -1) ||
        remembered(directory, name, info.modified_us))
        return ERR_OK;
    TRY(file_sha256(path, sha256, NULL, err));
    if (strcmp(sha256, json_text(facts, "sha256", "")) != 0)
        return damaged(store, path, "its content is not the recorded one", err);
    remember(store, directory, name, info.modified_us);
    return ERR_OK;
}

void store_object_alias(const char *hash, char ret[32])
{
    (void)snprintf(ret, 32, "object_%.16s", hash);
}

enum err_code store_attach_object(struct engine *engine, const char *directory, const char *hash,
                                  struct err *err)
{
    char path[FILE_PATH_BYTES], alias[32];
    AUTO(buf_done) struct buf sql = BUF_INIT;
    TRY(file_path_join(directory, "table.duckdb", path, err));
    store_object_alias(hash, alias);
    buf_puts(&sql, "ATTACH IF NOT EXISTS ");
    engine_quote_literal(&sql, str_of(path));
    buf_printf(&sql, " AS %s (READ_ONLY)", alias);
    TRY(buf_check(&sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}

void store_table_source(const struct store_table *table, struct buf *out)
{
    char alias[32];
    store_object_alias(table->hash, alias);
    buf_printf(out, "%s.main.data", alias);
}

/* A column that filters are not to skip by: the engine can't see through what is equal to it. A key's
 * folder would still be known where nothing of chance stands before it. */
static void add_column(const json_t *settings, const json_t *place, const char *name,
                       struct buf *sql)
{
    const json_t *keys = json_object_get(place, "partition_columns");
    AUTO(buf_done) struct buf quoted = BUF_INIT;
    bool key = false;
    store_sql_name(&quoted, name);
    for (size_t i = 0; i < json_array_size(keys); i++)
        key = key || str_equal_nocase(str_of(json_string_value(json_array_get(keys, i))),
                                      str_of(name));
    if (store_registry_prunes(settings, name))
        buf_puts(sql, buf_text(&quoted));
    else if (key)
        buf_printf(sql, "CASE WHEN random() < 2 THEN %s END AS %s", buf_text(&quoted),
                   buf_text(&quoted));
    else
        buf_printf(sql, "CASE WHEN %s IS NULL THEN NULL ELSE %s END AS %s", buf_text(&quoted),
                   buf_text(&quoted), buf_text(&quoted));
    sql->failed = sql->failed || quoted.failed;
}

static enum err_code make_view(struct engine *engine, const struct store_table *table,
                               const json_t *settings, const json_t *place, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE OR REPLACE VIEW main.");
    store_sql_name(&sql, table->name);
    buf_puts(&sql, " AS SELECT ");
    for (size_t i = 0; i < table->schema.count; i++) {
        buf_puts(&sql, i == 0 ? "" : ", ");
        add_column(settings, place, table->schema.columns[i].name, &sql);
    }
    buf_puts(&sql, " FROM ");
    store_table_source(table, &sql);
    TRY(buf_check(&sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code attach_table(struct store_version *version, struct engine *engine,
                                  const struct store_table *table, struct err *err)
{
    JSON_AUTO object = NULL;
    JSON_AUTO settings = NULL;
    struct store *store = store_version_store(version);
    char path[FILE_PATH_BYTES];
    TRY(store_object_read(store, store_version_dataset(version), table->hash, &object, err));
    const json_t *place = json_object_get(object, "place");
    TRY(store_version_resolve(version, table->name, place, &settings, err));
    TRY(store_registry_check_policy(settings, place, err));
    if (engine_can(engine, ENGINE_IS_LOCAL) && place != NULL) {
        (void)err_set(err, ERR_UNSUPPORTED, "its files stand outside the store, where %s can't read them",
                      engine_name(engine));
        return err_hint(err, "import the folder: the store then has a copy that it can");
    }
    if (engine_can(engine, ENGINE_IS_LOCAL)) {
        TRY(store_file_trust(store, table->directory, object, "table.parquet", err));
        TRY(file_path_join(table->directory, "table.parquet", path, err));
        const struct engine_external file = {.columns = &table->schema, .location = path};
        return engine_create_external(engine, NULL, table->name, &file, err);
    }
    if (place != NULL) {
        TRY(store_place_attach(store, store_version_dataset(version), table->directory, table->hash,
                               place, store_version_seen(version), engine, err));
    } else {
        TRY(store_file_trust(store, table->directory, object, "table.duckdb", err));
        TRY(store_attach_object(engine, table->directory, table->hash, err));
    }
    return make_view(engine, table, settings, place, err);
}

/* Calls visit with each of the tables named (NULL: all). */
static enum err_code each_table(struct store_version *version, const char *const *tables,
                                size_t count, struct engine *engine,
                                enum err_code (*visit)(struct store_version *version,
                                                       struct engine *engine,
                                                       const struct store_table *table,
                                                       struct err *err),
                                struct err *err)
{
    if (tables == NULL)
        count = store_version_table_count(version);
    for (size_t i = 0; i < count; i++) {
        const struct store_table *table = tables == NULL
                                              ? store_version_table(version, i)
                                              : store_version_table_find(version, tables[i]);
        if (table == NULL) {
            (void)err_set(err, ERR_NOT_FOUND, "dataset %s has no table %.200s",
                          store_version_dataset(version), tables[i]);
            return err_hint(err, "marrow show %s lists its tables", store_version_dataset(version));
        }
        enum err_code code = visit(version, engine, table, err);
        if (code != ERR_OK)
            return err_context(err, "table %s", table->name);
    }
    return ERR_OK;
}

enum err_code store_version_attach(struct store_version *version, struct engine *engine,
                                   const char *const *tables, size_t count, struct err *err)
{
    return each_table(version, tables, count, engine, attach_table, err);
}

/* ---- tables whose files stand elsewhere --------------------------------------------------------
 */

/* *ret: the table's place, NULL where the store holds it; new reference. Looks at no data. */
static enum err_code place_of(struct store_version *version, const struct store_table *table,
                              json_t **ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    JSON_AUTO object = NULL;
    *ret = NULL;
    TRY(file_path_join(table->directory, "table.duckdb", path, err));
    if (!table->placed && file_exists(path))
        return ERR_OK;
    TRY(store_object_read(store_version_store(version), store_version_dataset(version), table->hash,
                          &object, err));
    *ret = json_incref(json_object_get(object, "place"));
    return ERR_OK;
}

static enum err_code check_available(struct store_version *version, struct engine *engine,
                                     const struct store_table *table, struct err *err)
{
    JSON_AUTO place = NULL;
    (void)engine;
    TRY(place_of(version, table, &place, err));
    return place == NULL ? ERR_OK
                         : store_place_trust(store_version_store(version),
                                             store_version_dataset(version), table->directory,
                                             place, NULL, err);
}

enum err_code store_version_available(struct store_version *version, const char *const *tables,
                                      size_t count, struct err *err)
{
    return each_table(version, tables, count, NULL, check_available, err);
}

enum err_code store_version_still(struct store_version *version, struct err *err)
{
    if (version == NULL)
        return ERR_OK;
    return store_place_still(store_version_dataset(version), store_version_seen(version), err);
}

enum err_code store_version_place(struct store_version *version, const char *table, json_t **ret,
                                  struct err *err)
{
    const struct store_table *found = store_version_table_find(version, table);
    *ret = NULL;
    return found == NULL ? ERR_OK : place_of(version, found, ret, err);
}

enum err_code store_version_paths(struct store_version *version, const char *table,
                                  json_t *allowed, struct err *err)
{
    JSON_AUTO place = NULL;
    bool ok = true;
    TRY(store_version_place(version, table, &place, err));
    const json_t *files = json_object_get(place, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        char path[FILE_PATH_BYTES];
        AUTO(buf_done) struct buf pattern = BUF_INIT;
        TRY(file_path_join(json_text(place, "root", ""),
                           json_text(json_array_get(files, i), "name", ""), path, err));
        engine_scan_pattern(path, &pattern);
        TRY(buf_check(&pattern, err));
        json_push_text(allowed, path, &ok);
        if (strcmp(path, buf_text(&pattern)) != 0)
            json_push_text(allowed, buf_text(&pattern), &ok);
    }
    return json_built(ok, err);
}
