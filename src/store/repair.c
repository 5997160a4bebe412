/* Repair: what verify found, mended from the other copy.
 *
 *     table.duckdb damaged  ◀── table.parquet        object.json damaged  ◀── manifest's columns +
 * either copy table.parquet damaged ◀── table.duckdb         CURRENT damaged      ◀── newest import
 * in the history a run damaged: removed, it can be built again
 *
 * The one idea: nothing is believed but the canonical table hash. A copy counts as good when its
 * recorded sha256 agrees, or when the rows read from it give the very hash that is the object's
 * name; what is rebuilt is accepted only by that same test. */
#include <stdio.h>
#include <string.h>

#include "store/store_priv.h"

#define REBUILT_NAME "rebuilt"

struct repair {
    struct store *store;
    const char *dataset;
    struct engine *engine;
    struct store_staging staging;
    json_t *found; /* [{kind, id, file}] from verify */
    json_t *repaired, *failed;
    int64_t steps; /* names for staged files */
};

struct object {
    const char *hash;
    char directory[FILE_PATH_BYTES];
    json_t *document; /* owned; rebuilt from a manifest when object.json is damaged */
    bool document_bad;
    struct data_schema schema;
};

static enum err_code note(json_t *list, const char *file, const char *key, const char *text,
                          struct err *err)
{
    bool ok = true;
    json_t *entry = json_object();
    json_put_text(entry, "file", file, &ok);
    json_put_text(entry, key, text, &ok);
    json_push(list, entry, &ok);
    return json_built(ok, err);
}

static enum err_code note_file(struct repair *repair, json_t *list, const struct object *object,
                               const char *name, const char *key, const char *text, struct err *err)
{
    char path[FILE_PATH_BYTES];
    TRY(file_path_join(object->directory, name, path, err));
    return note(list, store_relative(repair->store, path), key, text, err);
}

/* ---- the object's document ---------------------------------------------------------------------
 */

/* columns and rejects as a version's manifest has them. NULL: no readable manifest names the
 * object. */
static enum err_code skeleton(struct repair *repair, const char *hash, json_t **ret,
                              struct err *err)
{
    bool ok = true;
    JSON_AUTO versions = NULL;
    *ret = NULL;
    TRY(store_version_scan(repair->store, repair->dataset, &versions, err));
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const json_t *tables =
            json_object_get(json_object_get(json_array_get(versions, i), "manifest"), "tables");
        for (size_t k = 0; k < json_array_size(tables); k++) {
            const json_t *entry = json_array_get(tables, k);
            if (strcmp(json_text(entry, "object", ""), hash) != 0)
                continue;
            json_t *document = json_object();
            json_put_int(document, "format", STORE_FORMAT_VERSION, &ok);
            json_put_text(document, "table_hash", hash, &ok);
            json_put_int(document, "rejected_rows", json_int(entry, "rejected_rows", 0), &ok);
            if (json_int(entry, "rejected_rows", 0) > 0)
                json_put_text(document, "rejected_hash", json_text(entry, "rejected_hash", ""),
                              &ok);
            json_put(document, "columns", json_deep_copy(json_object_get(entry, "columns")), &ok);
            *ret = document;
            return json_built(ok, err);
        }
    }
    return ERR_OK;
}

static enum err_code open_object(struct repair *repair, const char *hash, struct object *object,
                                 struct err *err)
{
    *object = (struct object){.hash = hash};
    TRY(store_dataset_path(repair->store, repair->dataset, object->directory, err, "objects/%s",
                           hash));
    enum err_code code =
        store_object_read(repair->store, repair->dataset, hash, &object->document, err);
    if (code == ERR_MEMORY) /* tells nothing about the document */
        return code;
    object->document_bad = code != ERR_OK;
    if (object->document_bad)
        TRY(skeleton(repair, hash, &object->document, err));
    if (object->document == NULL)
        return ERR_OK;
    return data_schema_from_json(json_object_get(object->document, "columns"), "object.json",
                                 &object->schema, err);
}

/* ---- copies ------------------------------------------------------------------------------------
 */

static const json_t *facts_of(const json_t *document, const char *name)
{
    const json_t *files = json_object_get(document, "files");
    for (size_t i = 0; i < json_array_size(files); i++)
        if (strcmp(json_text(json_array_get(files, i), "name", ""), name) == 0)
            return json_array_get(files, i);
    return NULL;
}

static bool bytes_agree(const struct object *object, const char *name)
{
    char path[FILE_PATH_BYTES], sha256[HASH_HEX_BYTES];
    const json_t *facts = facts_of(object->document, name);
    if (facts == NULL || file_path_join(object->directory, name, path, ERR_IGNORED) != ERR_OK ||
        !file_exists(path))
        return false;
    return file_sha256(path, sha256, NULL, ERR_IGNORED) == ERR_OK &&
           strcmp(sha256, json_text(facts, "sha256", "")) == 0;
}

/* Table expression over a copy; attaches a .duckdb under alias copy. */
static enum err_code open_copy(struct repair *repair, const struct object *object, const char *path,
                               bool parquet, struct buf *ret, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_clear(ret);
    if (!parquet) {
        buf_puts(&sql, "ATTACH ");
        engine_quote_literal(&sql, str_of(path));
        buf_puts(&sql, " AS object_copy (READ_ONLY)");
        TRY(buf_check(&sql, err));
        buf_puts(ret, "object_copy.main.data");
        TRY(buf_check(ret, err));
        return engine_execute(repair->engine, buf_text(&sql), NULL, 0, err);
    }
    struct data_schema none = {0};
    const char *paths[] = {path};
    struct data_scan scan = {.kind = DATA_SCAN_PARQUET, .paths = paths, .path_count = 1};
    buf_puts(ret, "(SELECT ");
    for (size_t i = 0; i < object->schema.count; i++) {
        buf_puts(ret, i == 0 ? "CAST(" : ", CAST(");
        store_sql_name(ret, object->schema.columns[i].name);
        buf_puts(ret, " AS ");
        engine_type_sql(object->schema.columns[i].type, ret);
        buf_puts(ret, ") AS ");
        store_sql_name(ret, object->schema.columns[i].name);
    }
    buf_puts(ret, " FROM ");
    TRY(engine_scan_expression(&scan, &none, NULL, ret, err));
    buf_puts(ret, ")");
    return buf_check(ret, err);
}

static void close_copy(struct repair *repair)
{
    (void)!engine_execute(repair->engine, "DETACH DATABASE IF EXISTS object_copy", NULL, 0,
                          ERR_IGNORED);
}

/* Do the rows of table give the object's hash? */
static bool rows_agree(struct repair *repair, const struct object *object, const char *table)
{
    char row_hash[33], hash[HASH_HEX_BYTES];
    int64_t rows = 0;
    bool ok = true;
    if (store_measure_hash(repair->engine, table, &object->schema, &rows, row_hash, ERR_IGNORED) !=
        ERR_OK)
        return false;
    JSON_AUTO content = json_copy(object->document);
    json_put_int(content, "rows", rows, &ok);
    json_put_text(content, "row_hash", row_hash, &ok);
    return ok && store_table_hash(content, hash, ERR_IGNORED) == ERR_OK &&
           strcmp(hash, object->hash) == 0;
}

static bool copy_agrees(struct repair *repair, const struct object *object, const char *path,
                        bool parquet)
{
    AUTO(buf_done) struct buf table = BUF_INIT;
    bool agrees = file_exists(path) &&
                  open_copy(repair, object, path, parquet, &table, ERR_IGNORED) == ERR_OK &&
                  rows_agree(repair, object, buf_text(&table));
    if (!parquet)
        close_copy(repair);
    return agrees;
}

static bool copy_is_good(struct repair *repair, const struct object *object, bool parquet)
{
    char path[FILE_PATH_BYTES];
    const char *name = parquet ? "table.parquet" : "table.duckdb";
    if (!object->document_bad)
        return bytes_agree(object, name);
    return file_path_join(object->directory, name, path, ERR_IGNORED) == ERR_OK &&
           copy_agrees(repair, object, path, parquet);
}

/* ---- rebuilding --------------------------------------------------------------------------------
 */

static enum err_code write_duckdb(struct repair *repair, const char *path, const char *table,
                                  struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "ATTACH ");
    engine_quote_literal(&sql, str_of(path));
    buf_puts(&sql, " AS object_new; CREATE TABLE object_new.main.data AS SELECT * FROM ");
    buf_puts(&sql, table);
    buf_puts(&sql, "; CHECKPOINT object_new");
    TRY(buf_check(&sql, err));
    enum err_code code = engine_execute(repair->engine, buf_text(&sql), NULL, 0, err);
    (void)!engine_execute(repair->engine, "DETACH DATABASE IF EXISTS object_new", NULL, 0,
                          ERR_IGNORED);
    return code;
}

/* Makes the copy (parquet or not) anew in staging from the other, checks it, and puts it in its
 * place. */
static enum err_code rebuild(struct repair *repair, struct object *object, bool parquet,
                             struct err *err)
{
    char name[32], folder[FILE_PATH_BYTES], source[FILE_PATH_BYTES], made[FILE_PATH_BYTES],
        target[FILE_PATH_BYTES];
    const char *own = parquet ? "table.parquet" : "table.duckdb",
               *other = parquet ? "table.duckdb" : "table.parquet";
    AUTO(buf_done) struct buf table = BUF_INIT;
    (void)snprintf(name, sizeof name, REBUILT_NAME "-%lld", (long long)repair->steps++);
    TRY(file_path_join(repair->staging.path, name, folder, err));
    TRY(file_make_directory(folder, err));
    TRY(file_path_join(object->directory, other, source, err));
    TRY(file_path_join(folder, own, made, err));
    TRY(file_path_join(object->directory, own, target, err));
    enum err_code code = open_copy(repair, object, source, !parquet, &table, err);
    if (code == ERR_OK)
        code = parquet ? store_write_parquet(repair->engine, buf_text(&table), &object->schema,
                                             folder, err)
                       : write_duckdb(repair, made, buf_text(&table), err);
    close_copy(repair);
    TRY(code);
    if (!copy_agrees(repair, object, made, parquet))
        return err_set(err, ERR_INTEGRITY, "the rows of %s do not give the table's hash", other);
    TRY(file_fsync(made, err));
    TRY(file_remove(target, err)); /* readers that have it open keep it */
    return file_publish(made, target, NULL, err);
}

static enum err_code remeasure(struct repair *repair, struct object *object, bool parquet,
                               struct err *err)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf table = BUF_INIT;
    TRY(file_path_join(object->directory, parquet ? "table.parquet" : "table.duckdb", path, err));
    enum err_code code = open_copy(repair, object, path, parquet, &table, err);
    struct store_measure measure = {.table = buf_text(&table), .schema = &object->schema};
    if (code == ERR_OK)
        code = store_measure_table(repair->engine, &measure, object->document, err);
    close_copy(repair);
    return code;
}

static enum err_code rewrite_document(struct repair *repair, struct object *object, struct err *err)
{
    static const char *const names[] = {"table.duckdb", "table.parquet", "rejects.csv"};
    char path[FILE_PATH_BYTES];
    bool ok = true;
    int64_t bytes = 0;
    JSON_AUTO files = json_array();
    (void)repair;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *facts = NULL;
        TRY(file_path_join(object->directory, names[i], path, err));
        if (i == 2 && !file_exists(path))
            continue;
        const json_t *recorded = facts_of(object->document, names[i]);
        if (i == 2 && recorded != NULL) /* never bless what can't be checked */
            facts = json_deep_copy(recorded);
        else
            TRY(store_file_facts(object->directory, names[i], &facts, err));
        bytes += json_int(facts, "bytes", 0);
        json_push(files, facts, &ok);
    }
    json_put(object->document, "files", json_incref(files), &ok);
    json_put_int(object->document, "bytes", bytes, &ok);
    TRY(json_built(ok, err));
    TRY(file_path_join(object->directory, "object.json", path, err));
    return store_document_write(path, object->document, true, err);
}

static enum err_code mend_copies(struct repair *repair, struct object *object, struct err *err)
{
    if (json_object_get(object->document, "place") != NULL) /* what is damaged is rejects.csv */
        return ERR_OK;
    bool duckdb = copy_is_good(repair, object, false), parquet = copy_is_good(repair, object, true);
    bool document_bad = object->document_bad;
    if (!duckdb && !parquet &&
        !document_bad) { /* the bytes differ, but the rows may still be right */
        char path[FILE_PATH_BYTES];
        TRY(file_path_join(object->directory, "table.duckdb", path, err));
        duckdb = copy_agrees(repair, object, path, false);
        TRY(file_path_join(object->directory, "table.parquet", path, err));
        parquet = copy_agrees(repair, object, path, true);
    }
    if (!duckdb && !parquet)
        return note_file(repair, repair->failed, object, "table.duckdb", "reason",
                         "neither copy gives the table's hash: import the files again", err);
    if (document_bad)
        TRY(remeasure(repair, object, !duckdb, err));
    if (!duckdb || !parquet)
        TRY(rebuild(repair, object, duckdb, err));
    TRY(rewrite_document(repair, object, err));
    if (document_bad)
        TRY(note_file(repair, repair->repaired, object, "object.json", "from",
                      duckdb ? "table.duckdb" : "table.parquet", err));
    if (!duckdb)
        TRY(note_file(repair, repair->repaired, object, "table.duckdb", "from", "table.parquet",
                      err));
    if (!parquet)
        TRY(note_file(repair, repair->repaired, object, "table.parquet", "from", "table.duckdb",
                      err));
    return ERR_OK;
}

static enum err_code repair_object(struct repair *repair, const char *hash, struct err *err)
{
    struct object object;
    struct err own = {0};
    enum err_code code = open_object(repair, hash, &object, &own);
    if (code == ERR_OK && object.document == NULL)
        code = note_file(repair, repair->failed, &object, "object.json", "reason",
                         "no version's manifest describes the object", &own);
    else if (code == ERR_OK)
        code = mend_copies(repair, &object, &own);
    if (code == ERR_OK && object.document != NULL &&
        facts_of(object.document, "rejects.csv") != NULL && !bytes_agree(&object, "rejects.csv"))
        code = note_file(repair, repair->failed, &object, "rejects.csv", "reason",
                         "there is no second copy of it: import the files again", &own);
    if (code != ERR_OK && code != ERR_MEMORY && code != ERR_INTERRUPTED)
        code =
            note_file(repair, repair->failed, &object, "object.json", "reason", own.message, &own);
    if (code != ERR_OK && err != NULL)
        *err = own;
    json_decref(object.document);
    data_schema_done(&object.schema);
    return code;
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

static enum err_code repair_run(struct repair *repair, const char *run_id, struct err *err)
{
    char path[FILE_PATH_BYTES], aside[FILE_PATH_BYTES];
    TRY(store_run_path(repair->store, repair->dataset, run_id, path, err));
    TRY(file_path_join(repair->staging.path, run_id, aside, err));
    TRY(file_publish(path, aside, NULL, err));
    TRY(file_remove_tree(aside, err));
    return note(repair->repaired, store_relative(repair->store, path), "from",
                "removed: it can be built again", err);
}

static enum err_code repair_current(struct repair *repair, struct err *err)
{
    char path[FILE_PATH_BYTES];
    JSON_AUTO entries = NULL;
    TRY(store_dataset_path(repair->store, repair->dataset, path, err, "CURRENT"));
    TRY(store_history_read(repair->store, repair->dataset, 0, &entries, err));
    for (size_t i = json_array_size(entries); i > 0; i--) {
        const char *version = json_text(json_array_get(entries, i - 1), "version", "");
        const char *kind = json_text(json_array_get(entries, i - 1), "kind", "");
        JSON_AUTO manifest = NULL;
        if ((strcmp(kind, "import") != 0 && strcmp(kind, "clear") != 0) ||
            !store_is_hex(version, 64) ||
            store_manifest_read(repair->store, repair->dataset, version, &manifest, ERR_IGNORED) !=
                ERR_OK)
            continue;
        TRY(file_remove(path, err));
        TRY(store_current_write(repair->store, repair->dataset, version, err));
        return note(repair->repaired, store_relative(repair->store, path), "from", "history.jsonl",
                    err);
    }
    return note(repair->failed, store_relative(repair->store, path), "reason",
                "no version that the history names can be read", err);
}

static enum err_code collect(void *user, enum store_damage_kind kind, const char *id,
                             const char *file, const char *expected, const char *found,
                             const char *fix, struct err *err)
{
    bool ok = true;
    json_t *problem = json_object();
    (void)expected;
    (void)fix;
    json_put_int(problem, "kind", (int64_t)kind, &ok);
    json_put_text(problem, "id", id, &ok);
    json_put_text(problem, "file", file, &ok);
    json_put_text(problem, "found", found, &ok);
    json_push(user, problem, &ok);
    return json_built(ok, err);
}

static enum err_code act(struct repair *repair, const json_t *problem, json_t *done,
                         struct err *err)
{
    bool ok = true;
    const char *id = json_text(problem, "id", ""), *file = json_text(problem, "file", "");
    bool place = json_int(problem, "kind", 0) == STORE_DAMAGE_PLACE; /* told file by file */
    if (!place && id[0] != '\0' && json_object_get(done, id) != NULL)
        return ERR_OK;
    json_put_flag(done, place || id[0] == '\0' ? file : id, true, &ok);
    TRY(json_built(ok, err));
    switch ((enum store_damage_kind)json_int(problem, "kind", 0)) {
    case STORE_DAMAGE_OBJECT_FILE:
    case STORE_DAMAGE_OBJECT_JSON:
        return repair_object(repair, id, err);
    case STORE_DAMAGE_PLACE:
        return note(repair->failed, file, "reason",
                    "it stands outside the store, which has no copy of it: register the folder again",
                    err);
    case STORE_DAMAGE_RUN:
        return repair_run(repair, id, err);
    case STORE_DAMAGE_CURRENT:
        return repair_current(repair, err);
    case STORE_DAMAGE_HISTORY:
        return note(repair->failed, file, "reason", json_text(problem, "found", ""), err);
    case STORE_DAMAGE_OTHER:
        return note(repair->failed, file, "reason",
                    "a manifest has no second copy: import the files again", err);
    }
    return ERR_OK;
}

static enum err_code repair_all(struct repair *repair, struct err *err)
{
    JSON_AUTO done = json_object();
    TRY(json_built(done != NULL, err));
    struct store_verify_sink sink = {.problem = collect, .user = repair->found};
    TRY(store_verify_dataset(repair->store, repair->dataset, &sink, err));
    if (json_array_size(repair->found) == 0)
        return ERR_OK;
    TRY(store_staging_make(repair->store, "repair", &repair->staging, err));
    TRY(store_engine_open(repair->store, NULL, repair->staging.path, &repair->engine, err));
    for (size_t i = 0; i < json_array_size(repair->found); i++)
        TRY(act(repair, json_array_get(repair->found, i), done, err));
    return ERR_OK;
}

static enum err_code note_repair(struct repair *repair, struct err *err)
{
    bool ok = true;
    if (json_array_size(repair->found) == 0)
        return ERR_OK;
    JSON_AUTO entry = json_object();
    json_put_text(entry, "kind", "repair", &ok);
    json_put(entry, "repaired", json_deep_copy(repair->repaired), &ok);
    json_put(entry, "failed", json_deep_copy(repair->failed), &ok);
    TRY(json_built(ok, err));
    if (store_history_append(repair->store, repair->dataset, entry, err) != ERR_OK)
        return err_context(err, "repaired, but not recorded in the history");
    return ERR_OK;
}

enum err_code store_repair(struct store *store, const char *dataset, json_t **ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct file_lock lock = FILE_LOCK_INIT;
    bool ok = true;
    *ret = NULL;
    TRY(store_need_writable(store, err));
    TRY(store_dataset_path(store, dataset, path, err, "."));
    if (!file_exists(path)) {
        (void)err_set(err, ERR_NOT_FOUND, "no dataset named %s", dataset);
        return err_hint(err, "marrow datasets lists what is there");
    }
    JSON_AUTO found = json_array();
    JSON_AUTO repaired = json_array();
    JSON_AUTO failed = json_array();
    JSON_AUTO result = json_object();
    TRY(json_built(found != NULL && repaired != NULL && failed != NULL && result != NULL, err));
    TRY(store_lock(store, dataset, STORE_LOCK_WRITER, true, 0, "repair", &lock, err));
    struct repair repair = {
        .store = store, .dataset = dataset, .found = found, .repaired = repaired, .failed = failed};
    repair.staging.lock = (struct file_lock)FILE_LOCK_INIT;
    enum err_code code = repair_all(&repair, err);
    engine_close(repair.engine);
    store_staging_remove(&repair.staging);
    if (code == ERR_OK)
        code = note_repair(&repair, err);
    file_lock_release(&lock);
    TRY(code);
    json_put(result, "repaired", json_incref(repaired), &ok);
    json_put(result, "failed", json_incref(failed), &ok);
    TRY(json_built(ok, err));
    *ret = json_incref(result);
    return ERR_OK;
}
