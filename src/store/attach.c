/* Attaching tables to an engine: table.duckdb READ_ONLY, and a view of the table's name over it; to
 * another engine of this process, table.parquet under the table's name.
 *
 * The one idea: trust by size and time, prove by hash. A file whose size and mtime are those
 * recorded (at import, or after the last successful re-hash, in objects/HASH/verified) is used;
 * another size is damage; another mtime is hashed again first. Only what is asked for is attached
 * (25 files cost 13 ms). */
#include <stdio.h>
#include <string.h>

#include "store/store_priv.h"

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

static enum err_code make_view(struct engine *engine, const struct store_table *table,
                               struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE OR REPLACE VIEW main.");
    store_sql_name(&sql, table->name);
    buf_puts(&sql, " AS SELECT ");
    for (size_t i = 0; i < table->schema.count; i++) {
        buf_puts(&sql, i == 0 ? "" : ", ");
        store_sql_name(&sql, table->schema.columns[i].name);
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
    struct store *store = store_version_store(version);
    char path[FILE_PATH_BYTES];
    TRY(store_object_read(store, store_version_dataset(version), table->hash, &object, err));
    if (engine_can(engine, ENGINE_IS_LOCAL)) {
        TRY(store_file_trust(store, table->directory, object, "table.parquet", err));
        TRY(file_path_join(table->directory, "table.parquet", path, err));
        return engine_create_external(engine, NULL, table->name, &table->schema, path, err);
    }
    TRY(store_file_trust(store, table->directory, object, "table.duckdb", err));
    TRY(store_attach_object(engine, table->directory, table->hash, err));
    return make_view(engine, table, err);
}

enum err_code store_version_attach(struct store_version *version, struct engine *engine,
                                   const char *const *tables, size_t count, struct err *err)
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
        enum err_code code = attach_table(version, engine, table, err);
        if (code != ERR_OK)
            return err_context(err, "table %s", table->name);
    }
    return ERR_OK;
}
