/* Runs: directories of results under a deterministic id, published like everything else.
 *
 * The one idea: a run is found by its id alone; its manifest lists and hashes its files, so reading
 * it needs no engine. A run that is there already was made by a twin: it is kept and the staged one
 * goes. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/store_priv.h"

static enum err_code check_run_id(const char *run_id, struct err *err)
{
    if (run_id != NULL && store_is_hex(run_id, 64))
        return ERR_OK;
    return err_set(err, ERR_USAGE, "a run's id has 64 hex digits");
}

enum err_code store_run_path(struct store *store, const char *dataset, const char *run_id,
                             char ret[FILE_PATH_BYTES], struct err *err)
{
    TRY(check_run_id(run_id, err));
    return store_dataset_path(store, dataset, ret, err, "runs/%s", run_id);
}

enum err_code store_run_read(struct store *store, const char *dataset, const char *run_id,
                             json_t **ret_manifest, struct err *err)
{
    char path[FILE_PATH_BYTES], directory[FILE_PATH_BYTES];
    *ret_manifest = NULL;
    TRY(store_run_path(store, dataset, run_id, directory, err));
    TRY(file_path_join(directory, "manifest.json", path, err));
    if (!file_exists(directory))
        return err_set(err, ERR_NOT_FOUND, "dataset %s has no run %.12s", dataset, run_id);
    enum err_code code = store_document_read(path, ret_manifest, err);
    if (code == ERR_NOT_FOUND) {
        (void)err_set(err, ERR_INTEGRITY, "the manifest of run %.12s is missing", run_id);
        code = err_at(err, path, 0, 0);
    }
    if (code == ERR_OK && strcmp(json_text(*ret_manifest, "run_id", run_id), run_id) != 0) {
        json_decref(*ret_manifest);
        *ret_manifest = NULL;
        (void)err_set(err, ERR_INTEGRITY, "the manifest of run %.12s is another run's", run_id);
        code = err_at(err, path, 0, 0);
    }
    if (code == ERR_INTEGRITY)
        (void)err_hint(err, "marrow repair %s removes it; it can be built again", dataset);
    return code;
}

/* ---- staging -----------------------------------------------------------------------------------
 */

static enum err_code keep_staging(struct store *store, struct store_staging *staging,
                                  struct err *err)
{
    enum err_code code = ERR_OK;
    (void)pthread_mutex_lock(&store->mutex);
    if (store->run_staging_count == store->run_staging_cap) {
        size_t wanted = store->run_staging_cap == 0 ? 4 : 2 * store->run_staging_cap;
        struct store_staging **grown =
            mem_resize(store->run_stagings, wanted, sizeof(struct store_staging *));
        if (grown == NULL)
            code = err_set(err, ERR_MEMORY, "no memory to stage a run");
        else {
            store->run_stagings = grown;
            store->run_staging_cap = wanted;
        }
    }
    if (code == ERR_OK)
        store->run_stagings[store->run_staging_count++] = staging;
    (void)pthread_mutex_unlock(&store->mutex);
    return code;
}

/* Takes the staging of that path out of the store's keeping; NULL when it is none of ours. */
static struct store_staging *take_staging(struct store *store, const char *path)
{
    struct store_staging *found = NULL;
    (void)pthread_mutex_lock(&store->mutex);
    for (size_t i = 0; i < store->run_staging_count && found == NULL; i++) {
        if (strcmp(store->run_stagings[i]->path, path) != 0)
            continue;
        found = store->run_stagings[i];
        store->run_stagings[i] = store->run_stagings[--store->run_staging_count];
    }
    (void)pthread_mutex_unlock(&store->mutex);
    return found;
}

enum err_code store_run_stage(struct store *store, char ret_directory[FILE_PATH_BYTES],
                              struct err *err)
{
    struct store_staging *staging = mem_zalloc(1, sizeof *staging);
    if (staging == NULL)
        return err_set(err, ERR_MEMORY, "no memory to stage a run");
    enum err_code code = store_staging_make(store, "run", staging, err);
    if (code == ERR_OK)
        code = keep_staging(store, staging, err);
    if (code != ERR_OK) {
        store_staging_remove(staging);
        mem_free(staging);
        return code;
    }
    memcpy(ret_directory, staging->path, FILE_PATH_BYTES);
    return ERR_OK;
}

/* ---- publishing --------------------------------------------------------------------------------
 */

/* Facts of every regular file below directory/prefix, names relative to directory. */
static enum err_code list_files(const char *directory, const char *prefix, int depth, json_t *files,
                                struct err *err)
{
    char path[FILE_PATH_BYTES], name[FILE_PATH_BYTES];
    struct file_list list;
    bool ok = true;
    if (depth > 4)
        return err_set(err, ERR_LIMIT, "a run's folders are nested more than 4 deep");
    TRY(file_path_join(directory, prefix, path, err));
    TRY(file_list_directory(path, &list, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < list.count && code == ERR_OK; i++) {
        json_t *facts = NULL;
        code = file_path_join(prefix, list.entries[i].name, name, err);
        if (code == ERR_OK && list.entries[i].kind == FILE_DIRECTORY)
            code = list_files(directory, name, depth + 1, files, err);
        else if (code == ERR_OK && list.entries[i].kind == FILE_REGULAR) {
            code = store_file_facts(directory, name, &facts, err);
            if (code == ERR_OK) {
                json_push(files, facts, &ok);
                code = json_built(ok, err);
            }
        }
    }
    file_list_done(&list);
    return code;
}

static enum err_code publish(struct store *store, const char *dataset, const char *run_id,
                             const char *staged, json_t *manifest, bool *ret_existed,
                             struct err *err)
{
    char path[FILE_PATH_BYTES];
    bool ok = true;
    JSON_AUTO files = json_array();
    TRY(json_built(files != NULL, err));
    TRY(list_files(staged, "", 0, files, err));
    json_put(manifest, "files", json_incref(files), &ok);
    int64_t bytes = 0;
    for (size_t i = 0; i < json_array_size(files); i++)
        bytes += json_int(json_array_get(files, i), "bytes", 0);
    json_put_int(manifest, "bytes", bytes, &ok);
    if (json_object_get(manifest, "format") == NULL)
        json_put_int(manifest, "format", STORE_FORMAT_VERSION, &ok);
    json_put_text(manifest, "run_id", run_id, &ok);
    TRY(json_built(ok, err));
    TRY(file_path_join(staged, "manifest.json", path, err));
    TRY(store_document_write(path, manifest, false, err));
    return store_publish_directory(store, dataset, "runs", run_id, staged, ret_existed, err);
}

enum err_code store_run_publish(struct store *store, const char *dataset, const char *run_id,
                                const char *staged, json_t *manifest, bool *ret_existed,
                                struct err *err)
{
    bool existed = false;
    TRY(store_need_writable(store, err));
    TRY(check_run_id(run_id, err));
    struct store_staging *staging = take_staging(store, staged);
    enum err_code code = publish(store, dataset, run_id, staged, manifest, &existed, err);
    if (staging != NULL)
        store_staging_remove(staging);
    mem_free(staging);
    if (ret_existed != NULL)
        *ret_existed = existed;
    return code;
}

/* ---- listing -----------------------------------------------------------------------------------
 */

static int compare_newest(const void *a, const void *b)
{
    const json_t *const *left = a;
    const json_t *const *right = b;
    int order =
        strcmp(json_text(*right, "materialised_at", ""), json_text(*left, "materialised_at", ""));
    return order != 0 ? order
                      : strcmp(json_text(*left, "run_id", ""), json_text(*right, "run_id", ""));
}

static enum err_code list_one(struct store *store, const char *dataset, const char *run_id,
                              const char *kind, json_t *runs, struct err *err)
{
    struct err problem;
    bool ok = true;
    JSON_AUTO manifest = NULL;
    enum err_code code = store_run_read(store, dataset, run_id, &manifest, &problem);
    if (code == ERR_MEMORY)
        return err_set(err, ERR_MEMORY, "no memory to list the runs");
    if (code != ERR_OK) {
        manifest = json_object();
        json_put_text(manifest, "run_id", run_id, &ok);
        json_put_text(manifest, "problem", problem.message, &ok);
    } else if (kind != NULL && strcmp(json_text(manifest, "kind", ""), kind) != 0) {
        return ERR_OK;
    }
    json_push(runs, json_incref(manifest), &ok);
    return json_built(ok, err);
}

enum err_code store_run_list(struct store *store, const char *dataset, const char *kind,
                             json_t **ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct file_list list = {0};
    bool ok = true;
    *ret = NULL;
    JSON_AUTO runs = json_array();
    JSON_AUTO sorted = json_array();
    TRY(json_built(runs != NULL && sorted != NULL, err));
    TRY(store_dataset_path(store, dataset, path, err, "runs"));
    if (file_exists(path))
        TRY(file_list_directory(path, &list, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < list.count && code == ERR_OK; i++)
        if (store_is_hex(list.entries[i].name, 64))
            code = list_one(store, dataset, list.entries[i].name, kind, runs, err);
    file_list_done(&list);
    TRY(code);
    size_t count = json_array_size(runs);
    AUTO(mem_free) json_t **items = mem_zalloc(count + 1, sizeof *items);
    TRY(json_built(items != NULL, err));
    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(runs, i);
    qsort(items, count, sizeof *items, compare_newest);
    for (size_t i = 0; i < count; i++)
        json_push(sorted, json_incref(items[i]), &ok);
    TRY(json_built(ok, err));
    *ret = json_incref(sorted);
    return ERR_OK;
}
