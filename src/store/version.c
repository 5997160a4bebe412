/* Versions: resolving CURRENT or a prefix, reading the manifest and the objects' documents,
 * listing.
 *
 * The one idea: opening a version reads small JSON files only and holds a shared lock on
 * readers.lock, so that prune waits; no data is touched before store_version_attach. */
#include <stdlib.h>
#include <string.h>

#include "store/store_priv.h"

struct store_version {
    struct store *store;
    char *dataset;
    char id[HASH_HEX_BYTES];
    json_t *manifest;
    struct store_table *tables;
    json_t **profiles; /* what tables[].columns_profile points to */
    json_t *seen;      /* place_priv.h */
    json_t *said;      /* store_version_said */
    size_t count;
    struct file_lock lock;
};

/* ---- resolving ---------------------------------------------------------------------------------
 */

static enum err_code unknown_version(const char *dataset, const char *version, struct err *err)
{
    (void)err_set(err, ERR_NOT_FOUND, "dataset %s has no version %.64s", dataset, version);
    return err_hint(err, "marrow versions %s lists them", dataset);
}

static enum err_code resolve_prefix(struct store *store, const char *dataset, const char *version,
                                    char ret[HASH_HEX_BYTES], struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct file_list list = {0};
    size_t length = strlen(version), found = 0;
    if (length < 4 || length > 64 || !store_is_hex(version, length)) {
        (void)err_set(err, ERR_USAGE,
                      "a version is given by at least 4 hex digits of its id, found \"%.70s\"",
                      version);
        return err_hint(err, "marrow versions %s lists them", dataset);
    }
    TRY(store_dataset_path(store, dataset, path, err, "versions"));
    if (file_exists(path))
        TRY(file_list_directory(path, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        const char *name = list.entries[i].name;
        if (strncmp(name, version, length) != 0 || !store_is_hex(name, 64))
            continue;
        memcpy(ret, name, HASH_HEX_BYTES);
        found++;
    }
    file_list_done(&list);
    if (found == 0)
        return unknown_version(dataset, version, err);
    if (found > 1)
        return err_set(err, ERR_USAGE, "%zu versions of dataset %s begin with %s: give more digits",
                       found, dataset, version);
    return ERR_OK;
}

static enum err_code resolve(struct store *store, const char *dataset, const char *version,
                             char ret[HASH_HEX_BYTES], struct err *err)
{
    if (version != NULL)
        return resolve_prefix(store, dataset, version, ret, err);
    TRY(store_current_read(store, dataset, ret, err));
    if (ret[0] != '\0')
        return ERR_OK;
    (void)err_set(err, ERR_NOT_FOUND, "no dataset named %s", dataset);
    return err_hint(err, "marrow datasets lists what is there");
}

/* ---- tables ------------------------------------------------------------------------------------
 */

/* The object's profile in the order of this version's columns (another version that shares it may
 * have had another order). */
static json_t *order_profile(const json_t *profile, const struct data_schema *schema)
{
    bool ok = true;
    size_t idx;
    json_t *entry;
    JSON_AUTO ret = json_array();
    for (size_t i = 0; i < schema->count; i++) {
        json_t *found = NULL;
        const char *guess = json_text(json_array_get(profile, i), "name", "");
        if (strcmp(guess, schema->columns[i].name) == 0)
            found = json_array_get(profile, i);
        for (idx = 0; found == NULL && idx < json_array_size(profile); idx++) {
            entry = json_array_get(profile, idx);
            if (strcmp(json_text(entry, "name", ""), schema->columns[i].name) == 0)
                found = entry;
        }
        json_push(ret, found == NULL ? json_object() : json_incref(found), &ok);
    }
    return ok ? json_incref(ret) : NULL;
}

static enum err_code open_table(struct store_version *version, const json_t *entry,
                                struct store_table *table, struct err *err)
{
    char path[FILE_PATH_BYTES];
    TRY(json_need_text(entry, "name", "manifest.json", &table->name, err));
    TRY(json_need_text(entry, "object", "manifest.json", &table->hash, err));
    table->rows = json_int(entry, "rows", 0);
    table->rejected_rows = json_int(entry, "rejected_rows", 0);
    table->placed = json_object_get(entry, "place") != NULL;
    TRY(data_schema_from_json(json_object_get(entry, "columns"), "manifest.json", &table->schema,
                              err));
    TRY(store_dataset_path(version->store, version->dataset, path, err, "objects/%s", table->hash));
    table->directory = mem_strdup(path);
    if (table->directory == NULL)
        return err_set(err, ERR_MEMORY, "no memory to open a version");
    return ERR_OK;
}

enum err_code store_version_read_profiles(struct store_version *version, struct err *err)
{
    for (size_t i = 0; i < version->count; i++) {
        struct store_table *table = &version->tables[i];
        JSON_AUTO object = NULL;
        if (table->columns_profile != NULL)
            continue;
        if (store_object_read(version->store, version->dataset, table->hash, &object, err) !=
            ERR_OK)
            return err_context(err, "table %s", table->name);
        version->profiles[i] = order_profile(json_object_get(object, "profile"), &table->schema);
        TRY(json_built(version->profiles[i] != NULL, err));
        table->columns_profile = version->profiles[i];
    }
    return ERR_OK;
}

static enum err_code open_tables(struct store_version *version, struct err *err)
{
    json_t *tables;
    TRY(json_need_array(version->manifest, "tables", "manifest.json", &tables, err));
    size_t count = json_array_size(tables);
    version->tables = mem_zalloc(count + 1, sizeof *version->tables);
    version->profiles = mem_zalloc(count + 1, sizeof(json_t *));
    if (version->tables == NULL || version->profiles == NULL)
        return err_set(err, ERR_MEMORY, "no memory to open a version");
    version->count = count;
    for (size_t i = 0; i < count; i++)
        TRY(open_table(version, json_array_get(tables, i), &version->tables[i], err));
    return ERR_OK;
}

/* A read-only store on which even the lock file is missing needs no lock: nobody can prune it from
 * here. */
static enum err_code lock_readers(struct store_version *version, struct err *err)
{
    struct store *store = version->store;
    enum err_code code = store_lock(store, version->dataset, STORE_LOCK_READERS, false,
                                    STORE_SHORT_WAIT_MS, "read", &version->lock, err);
    return code == ERR_LOCKED || store->writable ? code : ERR_OK;
}

enum err_code store_version_open(struct store *store, const char *dataset, const char *version,
                                 struct store_version **ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    *ret = NULL;
    TRY(store_dataset_path(store, dataset, path, err, "CURRENT"));
    if (!file_exists(path) && version == NULL) {
        (void)err_set(err, ERR_NOT_FOUND, "no dataset named %s", dataset);
        return err_hint(err, "marrow datasets lists what is there");
    }
    AUTO(store_version_close) struct store_version *opened = mem_zalloc(1, sizeof *opened);
    if (opened == NULL)
        return err_set(err, ERR_MEMORY, "no memory to open a version");
    opened->lock = (struct file_lock)FILE_LOCK_INIT;
    opened->store = store;
    opened->dataset = mem_strdup(dataset);
    opened->seen = json_array();
    opened->said = json_object();
    if (opened->dataset == NULL || opened->seen == NULL || opened->said == NULL)
        return err_set(err, ERR_MEMORY, "no memory to open a version");
    TRY(store_dataset_path(store, dataset, path, err, "."));
    if (!file_exists(path))
        return resolve(store, dataset, version, opened->id, err);
    TRY(lock_readers(opened, err));
    TRY(resolve(store, dataset, version, opened->id, err));
    enum err_code code = store_manifest_read(store, dataset, opened->id, &opened->manifest, err);
    if (code == ERR_NOT_FOUND) {
        (void)err_set(err, ERR_INTEGRITY, "the manifest of version %.12s of dataset %s is missing",
                      opened->id, dataset);
        (void)err_hint(
            err, "marrow versions %s lists what is there; importing the files again restores it",
            dataset);
        return ERR_INTEGRITY;
    }
    TRY(code);
    TRY(open_tables(opened, err));
    *ret = opened;
    opened = NULL;
    return ERR_OK;
}

void store_version_close(struct store_version *version)
{
    if (version == NULL)
        return;
    for (size_t i = 0; i < version->count && version->tables != NULL && version->profiles != NULL;
         i++) {
        data_schema_done(&version->tables[i].schema);
        mem_free(version->tables[i].directory);
        json_decref(version->profiles[i]);
    }
    mem_free(version->tables);
    mem_free(version->profiles);
    json_decref(version->manifest);
    json_decref(version->seen);
    json_decref(version->said);
    mem_free(version->dataset);
    file_lock_release(&version->lock);
    mem_free(version);
}

const char *store_version_id(const struct store_version *version)
{
    return version->id;
}

const char *store_version_dataset(const struct store_version *version)
{
    return version->dataset;
}

const json_t *store_version_manifest(const struct store_version *version)
{
    return version->manifest;
}

size_t store_version_table_count(const struct store_version *version)
{
    return version->count;
}

const struct store_table *store_version_table(const struct store_version *version, size_t idx)
{
    return idx < version->count ? &version->tables[idx] : NULL;
}

const struct store_table *store_version_table_find(const struct store_version *version,
                                                   const char *name)
{
    for (size_t i = 0; i < version->count; i++)
        if (str_equal_nocase(str_of(version->tables[i].name), str_of(name)))
            return &version->tables[i];
    return NULL;
}

json_t *store_version_seen(struct store_version *version)
{
    return version->seen;
}

json_t *store_version_said(struct store_version *version)
{
    return version->said;
}

struct store *store_version_store(const struct store_version *version)
{
    return version->store;
}

/* ---- listing -----------------------------------------------------------------------------------
 */

static int compare_newest(const void *a, const void *b)
{
    const json_t *const *left = a;
    const json_t *const *right = b;
    int order = strcmp(json_text(*right, "created_at", ""), json_text(*left, "created_at", ""));
    return order != 0 ? order
                      : strcmp(json_text(*left, "version", ""), json_text(*right, "version", ""));
}

static enum err_code sort_newest(json_t **entries, struct err *err)
{
    bool ok = true;
    size_t count = json_array_size(*entries);
    AUTO(mem_free) json_t **items = mem_zalloc(count + 1, sizeof *items);
    JSON_AUTO sorted = json_array();
    TRY(json_built(items != NULL && sorted != NULL, err));
    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(*entries, i);
    qsort(items, count, sizeof *items, compare_newest);
    for (size_t i = 0; i < count; i++)
        json_push(sorted, json_incref(items[i]), &ok);
    TRY(json_built(ok, err));
    json_t *unsorted = *entries;
    *entries = json_incref(sorted);
    json_decref(unsorted);
    return ERR_OK;
}

static enum err_code scan_one(const struct store *store, const char *dataset, const char *id,
                              json_t *entries, struct err *err)
{
    struct err problem;
    bool ok = true;
    JSON_AUTO manifest = NULL;
    JSON_AUTO entry = json_object();
    json_put_text(entry, "version", id, &ok);
    enum err_code code = store_manifest_read(store, dataset, id, &manifest, &problem);
    if (code == ERR_MEMORY)
        return err_set(err, ERR_MEMORY, "no memory to list the versions");
    if (code != ERR_OK)
        json_put_text(entry, "problem", problem.message, &ok);
    if (code == ERR_OK) {
        json_put_text(entry, "created_at", json_text(manifest, "created_at", ""), &ok);
        json_put(entry, "manifest", json_incref(manifest), &ok);
    }
    json_push(entries, json_incref(entry), &ok);
    return json_built(ok, err);
}

enum err_code store_version_scan(const struct store *store, const char *dataset, json_t **ret,
                                 struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct file_list list = {0};
    *ret = NULL;
    JSON_AUTO entries = json_array();
    TRY(json_built(entries != NULL, err));
    TRY(store_dataset_path(store, dataset, path, err, "versions"));
    if (file_exists(path))
        TRY(file_list_directory(path, &list, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < list.count && code == ERR_OK; i++)
        if (store_is_hex(list.entries[i].name, 64))
            code = scan_one(store, dataset, list.entries[i].name, entries, err);
    file_list_done(&list);
    TRY(code);
    TRY(sort_newest(&entries, err));
    *ret = json_incref(entries);
    return ERR_OK;
}

enum err_code store_version_list(struct store *store, const char *dataset, json_t **ret,
                                 struct err *err)
{
    char current[HASH_HEX_BYTES];
    bool ok = true;
    size_t idx;
    json_t *found;
    *ret = NULL;
    TRY(resolve(store, dataset, NULL, current, err));
    JSON_AUTO entries = NULL;
    JSON_AUTO list = json_array();
    TRY(store_version_scan(store, dataset, &entries, err));
    json_array_foreach(entries, idx, found)
    {
        const json_t *manifest = json_object_get(found, "manifest");
        json_t *entry = json_object();
        const char *id = json_text(found, "version", "");
        json_put_text(entry, "version", id, &ok);
        json_put_text(entry, "created_at", json_text(manifest, "created_at", NULL), &ok);
        json_put_text(entry, "parent", json_text(manifest, "parent", NULL), &ok);
        json_put_int(entry, "tables", (int64_t)json_array_size(json_object_get(manifest, "tables")),
                     &ok);
        json_put_int(entry, "rows", json_int(manifest, "rows", 0), &ok);
        json_put_int(entry, "bytes", json_int(manifest, "bytes", 0), &ok);
        json_put_flag(entry, "current", strcmp(id, current) == 0, &ok);
        if (manifest == NULL)
            json_put_text(entry, "problem", json_text(found, "problem", "damaged"), &ok);
        json_push(list, entry, &ok);
    }
    TRY(json_built(ok && list != NULL, err));
    *ret = json_incref(list);
    return ERR_OK;
}
