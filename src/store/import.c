/* An import: tables are loaded into staged objects, then all is published at once.
 *
 *     begin   writer lock, readers lock (shared), staging
 *     tables  workers.c, load.c: staging/objects/N/, fsynced
 *     commit  objects → objects/HASH   (there already: shared, the staged one goes)
 *             manifest → versions/ID   (there already: reused)
 *             CURRENT → ID             then the history entry; if that fails CURRENT goes back
 *     close   staging removed, locks released; without commit the store is as before
 *
 * The one idea: until CURRENT is replaced nothing that a reader follows has changed. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/store_priv.h"

/* ---- begin -------------------------------------------------------------------------------------
 */

/* After a crash between CURRENT and its history entry: write the entry that is missing. */
static enum err_code mend_history(struct store *store, const char *dataset, struct err *err)
{
    char current[HASH_HEX_BYTES];
    bool ok = true;
    JSON_AUTO entries = NULL;
    TRY(store_current_read(store, dataset, current, err));
    if (current[0] == '\0')
        return ERR_OK;
    TRY(store_history_read(store, dataset, 0, &entries, err));
    for (size_t i = json_array_size(entries); i > 0; i--) {
        const json_t *entry = json_array_get(entries, i - 1);
        const char *kind = json_text(entry, "kind", "");
        if (strcmp(kind, "import") != 0 && strcmp(kind, "clear") != 0)
            continue;
        if (strcmp(json_text(entry, "version", ""), current) == 0)
            return ERR_OK;
        break;
    }
    JSON_AUTO entry = json_object();
    json_put_text(entry, "kind", "import", &ok);
    json_put_text(entry, "version", current, &ok);
    json_put_flag(entry, "recovered", true,
                  &ok); /* the import was cut off before it could write its own */
    TRY(json_built(ok, err));
    return store_history_append(store, dataset, entry, err);
}

static enum err_code lock_dataset(struct store_import *import, struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct store *store = import->store;
    TRY(store_dataset_path(store, import->dataset, path, err, "."));
    TRY(file_make_directory(path, err));
    enum err_code code = store_lock(store, import->dataset, STORE_LOCK_WRITER, true, 0, "import",
                                    &import->lock, err);
    if (code == ERR_LOCKED)
        (void)err_hint(err, "one import a dataset at a time: wait for the other, or import under "
                            "another name (--name)");
    TRY(code);
    return store_lock(store, import->dataset, STORE_LOCK_READERS, false, STORE_SHORT_WAIT_MS,
                      "import", &import->readers, err);
}

enum err_code store_import_begin(struct store *store, const char *dataset,
                                 const struct store_import_options *options,
                                 struct store_import **ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    *ret = NULL;
    TRY(store_dataset_name_check(dataset, err));
    TRY(store_need_writable(store, err));
    AUTO(store_import_close) struct store_import *import = mem_zalloc(1, sizeof *import);
    if (import == NULL)
        return err_set(err, ERR_MEMORY, "no memory to import");
    import->store = store;
    import->lock = import->readers = import->staging.lock = (struct file_lock)FILE_LOCK_INIT;
    (void)pthread_mutex_init(&import->mutex, NULL);
    import->started_us = clock_monotonic_us();
    if (options != NULL)
        import->options = *options;
    import->dataset = mem_strdup(dataset);
    import->tables = json_array();
    import->used_overrides = json_object();
    import->names = json_object();
    if (import->dataset == NULL || import->tables == NULL || import->used_overrides == NULL ||
        import->names == NULL)
        return err_set(err, ERR_MEMORY, "no memory to import");
    TRY(lock_dataset(import, err));
    TRY(mend_history(store, dataset, err));
    TRY(store_staging_make(store, "import", &import->staging, err));
    TRY(file_path_join(import->staging.path, "objects", path, err));
    TRY(file_make_directory(path, err));
    TRY(file_path_join(import->staging.path, "files", import->files_path, err));
    TRY(file_make_directory(import->files_path, err));
    *ret = import;
    import = NULL;
    return ERR_OK;
}

const char *store_import_staging(const struct store_import *import)
{
    return import->files_path;
}

/* A first import that failed leaves a folder of lock files only: it goes, under the writer lock
 * (who waits for a lock file that went takes the new one). */
static void remove_empty_dataset(const struct store_import *import)
{
    char path[FILE_PATH_BYTES];
    struct file_list list;
    bool empty = true;
    if (import->dataset == NULL || import->lock.fd < 0 ||
        store_dataset_path(import->store, import->dataset, path, ERR_IGNORED, ".") != ERR_OK ||
        file_list_directory(path, &list, ERR_IGNORED) != ERR_OK)
        return;
    for (size_t i = 0; i < list.count; i++) {
        const char *name = list.entries[i].name;
        empty = empty &&
                (strcmp(name, STORE_LOCK_WRITER) == 0 || strcmp(name, STORE_LOCK_READERS) == 0);
    }
    file_list_done(&list);
    path[strlen(path) - 2] = '\0'; /* the "/." at its end: no folder can be removed by that name */
    if (empty && file_remove_tree(path, ERR_IGNORED) != ERR_OK)
        return; /* it stays, and does no harm */
}

void store_import_close(struct store_import *import)
{
    if (import == NULL)
        return;
    store_worker_free(import->worker);
    for (size_t i = 0; i < import->staged_count; i++)
        mem_free(import->staged[i]);
    mem_free(import->staged);
    store_staging_remove(&import->staging);
    json_decref(import->tables);
    json_decref(import->used_overrides);
    json_decref(import->names);
    remove_empty_dataset(import);
    mem_free(import->dataset);
    file_lock_release(&import->readers);
    file_lock_release(&import->lock);
    (void)pthread_mutex_destroy(&import->mutex);
    mem_free(import);
}

/* ---- commit ------------------------------------------------------------------------------------
 */

static enum err_code check_complete(const struct store_import *import, struct err *err)
{
    const char *key;
    json_t *value, *overrides;
    if (import->committed || import->load_failed)
        return err_set(err, ERR_USAGE,
                       "the import can't be committed: a table failed, or it is committed already");
    if (json_array_size(import->tables) == 0)
        return err_set(err, ERR_INPUT, "there is no table to import");
    memcpy(&overrides, &import->options.overrides, sizeof overrides);
    json_object_foreach(overrides, key, value)
    {
        if (json_object_get(import->used_overrides, key) != NULL)
            continue;
        (void)err_set(err, ERR_INPUT, "an override names table %.200s, which is not in the import",
                      key);
        return err_hint(err, "names are compared without case");
    }
    return ERR_OK;
}

/* Is the published object whole, as far as sizes tell? Not when only its document's reading failed.
 */
static enum err_code object_is_sound(const struct store *store, const char *dataset,
                                     const char *hash, bool *ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    JSON_AUTO object = NULL;
    struct err own = {0};
    enum err_code code = store_object_read(store, dataset, hash, &object, &own);
    *ret = code == ERR_OK;
    if (code == ERR_INTEGRITY)
        return ERR_OK;
    if (code != ERR_OK && err != NULL)
        *err = own;
    TRY(code);
    const json_t *files = json_object_get(object, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        struct file_info info;
        const json_t *facts = json_array_get(files, i);
        TRY(store_dataset_path(store, dataset, path, err, "objects/%s/%s", hash,
                               json_text(facts, "name", "")));
        TRY(file_stat(path, &info, err));
        if (info.bytes != json_int(facts, "bytes", -1))
            *ret = false;
    }
    return ERR_OK;
}

/* What is damaged and in the way goes aside: importing again heals. */
static enum err_code put_aside(struct store_import *import, const char *kind, const char *id,
                               struct err *err)
{
    char target[FILE_PATH_BYTES], aside[FILE_PATH_BYTES], name[80];
    TRY(store_dataset_path(import->store, import->dataset, target, err, "%s/%s", kind, id));
    (void)snprintf(name, sizeof name, "damaged-%.64s", id);
    TRY(file_path_join(import->staging.path, name, aside, err));
    return file_publish(target, aside, NULL, err);
}

/* The same content is published already. Where its files stand outside the store, the staged one
 * takes its place: it brings copies, or tells where the files stand now. The document is replaced last, so that
 * whatever it says is there. */
static enum err_code bring_home(const char *staged, const char *target, struct err *err)
{
    static const char *const copies[] = {"table.duckdb", "table.parquet"};
    char from[FILE_PATH_BYTES], to[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf text = BUF_INIT;
    JSON_AUTO object = NULL;
    TRY(file_path_join(target, "object.json", to, err));
    TRY(store_document_read(to, &object, err));
    if (json_object_get(object, "place") == NULL)
        return ERR_OK; /* the store has it: nothing is better */
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        bool existed = false;
        TRY(file_path_join(staged, copies[i], from, err));
        TRY(file_path_join(target, copies[i], to, err));
        if (!file_exists(from))
            continue;
        TRY(file_remove(to, err)); /* of an earlier import that was cut off */
        TRY(file_rename_new(from, to, &existed, err));
    }
    TRY(file_fsync(target, err));
    TRY(file_path_join(staged, "object.json", from, err));
    TRY(file_path_join(target, "object.json", to, err));
    TRY(file_read(from, 0, &text, err));
    return file_replace(to, buf_view(&text), err);
}

/* One staged object, whose files are fsynced, to its final name, which is not yet. */
static enum err_code publish_object(struct store_import *import, size_t idx, struct err *err)
{
    char target[FILE_PATH_BYTES];
    const char *hash = json_text(json_array_get(import->tables, idx), "object", "");
    bool existed = false, sound = true;
    if (import->staged[idx] == NULL)
        return ERR_OK; /* kept: it is there */
    TRY(store_dataset_path(import->store, import->dataset, target, err, "objects/%s", hash));
    if (file_exists(target))
        TRY(object_is_sound(import->store, import->dataset, hash, &sound, err));
    if (!sound)
        TRY(put_aside(import, "objects", hash, err));
    TRY(file_rename_new(import->staged[idx], target, &existed, err));
    if (existed)
        TRY(bring_home(import->staged[idx], target, err));
    return existed ? file_remove_tree(import->staged[idx], err) : ERR_OK;
}

/* All renames, then one fsync of each folder that they changed. */
static enum err_code publish_objects(struct store_import *import, struct err *err)
{
    char path[FILE_PATH_BYTES];
    TRY(store_publish_place(import->store, import->dataset, "objects", path, err));
    for (size_t i = 0; i < import->staged_count; i++)
        TRY(publish_object(import, i, err));
    TRY(file_fsync(path, err));
    TRY(file_path_join(import->staging.path, "objects", path, err));
    return file_fsync(path, err);
}

static int64_t sum_of(const json_t *tables, const char *key)
{
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(tables); i++)
        sum += json_int(json_array_get(tables, i), key, 0);
    return sum;
}

static enum err_code build_manifest(struct store_import *import, const char *version,
                                    const char *parent, const json_t *inputs, const json_t *skipped,
                                    json_t **ret, struct err *err)
{
    char time[32];
    bool ok = true;
    JSON_AUTO manifest = json_object();
    json_t *phases = json_object();
    json_put_int(manifest, "format", STORE_FORMAT_VERSION, &ok);
    json_put_text(manifest, "version", version, &ok);
    json_put_text(manifest, "dataset", import->dataset, &ok);
    json_put_text(manifest, "parent",
                  parent[0] == '\0' || strcmp(parent, version) == 0 ? NULL : parent, &ok);
    json_put_text(manifest, "created_at", clock_format(clock_now_us(), time), &ok);
    json_put_text(manifest, "made_by", "marrow " MARROW_VERSION, &ok);
    json_put(manifest, "inputs", inputs == NULL ? json_array() : json_deep_copy(inputs), &ok);
    json_put(manifest, "skipped", skipped == NULL ? json_array() : json_deep_copy(skipped), &ok);
    json_put_int(manifest, "rows", sum_of(import->tables, "rows"), &ok);
    json_put_int(manifest, "rejected_rows", sum_of(import->tables, "rejected_rows"), &ok);
    json_put_int(manifest, "bytes_in", import->bytes_in, &ok);
    json_put_int(manifest, "bytes", sum_of(import->tables, "bytes"), &ok);
    json_put_int(phases, "infer_us", import->infer_us, &ok);
    json_put_int(phases, "load_us", import->load_us, &ok);
    json_put_int(phases, "hash_us", import->hash_us, &ok);
    json_put_int(phases, "write_us", import->write_us, &ok);
    json_put_int(phases, "total_us", clock_monotonic_us() - import->started_us, &ok);
    json_put(manifest, "phases", phases, &ok);
    json_put(manifest, "tables", json_incref(import->tables), &ok);
    TRY(json_built(ok, err));
    *ret = json_incref(manifest);
    return ERR_OK;
}

static enum err_code publish_version(struct store_import *import, const char *version,
                                     json_t *manifest, bool *ret_existed, struct err *err)
{
    char staged[FILE_PATH_BYTES], path[FILE_PATH_BYTES], target[FILE_PATH_BYTES];
    JSON_AUTO stored = NULL;
    TRY(store_dataset_path(import->store, import->dataset, target, err, "versions/%s", version));
    *ret_existed = file_exists(target);
    bool damaged = *ret_existed;
    if (*ret_existed) {
        struct err own = {0};
        enum err_code code =
            store_manifest_read(import->store, import->dataset, version, &stored, &own);
        if (code != ERR_OK && err != NULL)
            *err = own;
        if (code != ERR_INTEGRITY && code != ERR_NOT_FOUND)
            return code; /* reused; or a failure that says nothing about the manifest */
    }
    TRY(file_path_join(import->staging.path, "version", staged, err));
    TRY(file_make_directory(staged, err));
    TRY(file_path_join(staged, "manifest.json", path, err));
    TRY(store_document_write(path, manifest, false, err));
    if (damaged)
        TRY(put_aside(import, "versions", version, err));
    return store_publish_directory(import->store, import->dataset, "versions", version, staged,
                                   ret_existed, err);
}

/* inputs without folders: base names and hashes only. */
static json_t *input_names(const json_t *inputs, bool *ok)
{
    json_t *names = json_array();
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *input = json_array_get(inputs, i);
        json_t *name = json_object();
        const char *path = json_text(input, "path", json_text(input, "name", ""));
        json_put_text(name, "name", file_base_name(path), ok);
        json_put_text(name, "sha256", json_text(input, "sha256", NULL), ok);
        json_push(names, name, ok);
    }
    return names;
}

static enum err_code note_import(struct store_import *import, const char *version,
                                 const char *parent, bool reused, const json_t *inputs,
                                 struct err *err)
{
    bool ok = true;
    JSON_AUTO entry = json_object();
    json_put_text(entry, "kind", "import", &ok);
    json_put_text(entry, "version", version, &ok);
    json_put_text(entry, "before", parent[0] == '\0' ? NULL : parent, &ok);
    json_put_flag(entry, "reused", reused, &ok);
    json_put(entry, "inputs", input_names(inputs, &ok), &ok);
    json_put_int(entry, "tables", (int64_t)json_array_size(import->tables), &ok);
    json_put_int(entry, "rows", sum_of(import->tables, "rows"), &ok);
    json_put_int(entry, "rejected_rows", sum_of(import->tables, "rejected_rows"), &ok);
    json_put_int(entry, "duration_us", clock_monotonic_us() - import->started_us, &ok);
    TRY(json_built(ok, err));
    return store_history_append(import->store, import->dataset, entry, err);
}

static enum err_code make_current(struct store_import *import, const char *version,
                                  const char *parent, bool reused, const json_t *inputs,
                                  struct err *err)
{
    char path[FILE_PATH_BYTES];
    bool moved = strcmp(version, parent) != 0;
    if (moved)
        TRY(store_current_write(import->store, import->dataset, version, err));
    enum err_code code = note_import(import, version, parent, reused, inputs, err);
    if (code == ERR_OK || !moved)
        return code;
    /* An import that fails has not happened. */
    if (parent[0] != '\0')
        (void)!store_current_write(import->store, import->dataset, parent, ERR_IGNORED);
    else if (store_dataset_path(import->store, import->dataset, path, ERR_IGNORED, "CURRENT") ==
             ERR_OK)
        (void)!file_remove(path, ERR_IGNORED);
    return code;
}

/* Could CURRENT name the version? It does where a full disk let it be replaced once, but not put
 * back: then the version is what the store serves, and the next import writes its entry. */
static bool may_be_current(const struct store_import *import, const char *version)
{
    char current[HASH_HEX_BYTES];
    return store_current_read(import->store, import->dataset, current, ERR_IGNORED) != ERR_OK ||
           strcmp(current, version) == 0;
}

/* Takes a version directory that this import made out of sight again. */
static void withdraw_version(struct store_import *import, const char *version)
{
    char target[FILE_PATH_BYTES], aside[FILE_PATH_BYTES];
    if (store_dataset_path(import->store, import->dataset, target, ERR_IGNORED, "versions/%s",
                           version) == ERR_OK &&
        file_path_join(import->staging.path, "withdrawn", aside, ERR_IGNORED) == ERR_OK &&
        file_exists(target))
        (void)!file_publish(target, aside, NULL, ERR_IGNORED);
}

static enum err_code publish_all(struct store_import *import, const json_t *inputs,
                                 const json_t *skipped, struct store_commit *ret, struct err *err)
{
    char parent[HASH_HEX_BYTES];
    bool existed = false;
    TRY(store_current_read(import->store, import->dataset, parent, err));
    TRY(store_version_hash(import->tables, ret->version, err));
    TRY(publish_objects(import, err));
    TRY(progress_check(import->store->options.progress, err));
    TRY(build_manifest(import, ret->version, parent, inputs, skipped, &ret->manifest, err));
    char target[FILE_PATH_BYTES];
    TRY(store_dataset_path(import->store, import->dataset, target, err, "versions/%s",
                           ret->version));
    bool before = file_exists(target);
    enum err_code code = publish_version(import, ret->version, ret->manifest, &existed, err);
    if (code == ERR_OK) {
        ret->reused = existed;
        code = make_current(import, ret->version, parent, existed, inputs, err);
    }
    if (code != ERR_OK && !before && !may_be_current(import, ret->version))
        withdraw_version(import, ret->version);
    TRY(code);
    if (existed) {
        json_decref(ret->manifest);
        ret->manifest = NULL;
        TRY(store_manifest_read(import->store, import->dataset, ret->version, &ret->manifest, err));
    }
    return ERR_OK;
}

enum err_code store_import_commit(struct store_import *import, const json_t *inputs,
                                  const json_t *skipped, struct store_commit *ret, struct err *err)
{
    *ret = (struct store_commit){0};
    TRY(check_complete(import, err));
    store_worker_free(import->worker); /* no file of a staged object stays open */
    import->worker = NULL;
    enum err_code code = publish_all(import, inputs, skipped, ret, err);
    if (code != ERR_OK) {
        json_decref(ret->manifest);
        *ret = (struct store_commit){0};
        return code;
    }
    import->committed = true;
    return ERR_OK;
}
