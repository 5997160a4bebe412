/* Prune: old versions and what only they use.
 *
 * The one idea: first decide from manifests alone what stays (the newest `keep` versions, always
 * CURRENT; their objects; their runs), then, holding the writer's lock and waiting for every
 * reader, move each victim into staging by one rename and delete it there. A crash in between
 * leaves whole directories or none. */
#include <string.h>

#include "store/store_priv.h"

struct prune {
    struct store *store;
    const char *dataset;
    bool dry_run;
    struct store_staging staging;
    json_t *versions_kept, *objects_kept, *runs_kept; /* {id: true} */
    int64_t versions, objects, runs, bytes, moved;
    bool uncertain; /* a kept version's manifest can't be read: nothing may go that it could use */
};

static int64_t tree_bytes(const char *path, int depth)
{
    struct file_list list;
    int64_t bytes = 0;
    if (depth > 8 || file_list_directory(path, &list, ERR_IGNORED) != ERR_OK)
        return 0;
    for (size_t i = 0; i < list.count; i++) {
        char child[FILE_PATH_BYTES];
        if (list.entries[i].kind == FILE_REGULAR)
            bytes += list.entries[i].bytes;
        else if (list.entries[i].kind == FILE_DIRECTORY &&
                 file_path_join(path, list.entries[i].name, child, ERR_IGNORED) == ERR_OK)
            bytes += tree_bytes(child, depth + 1);
    }
    file_list_done(&list);
    return bytes;
}

static enum err_code remove_directory(struct prune *prune, const char *kind, const char *id,
                                      int64_t *count, struct err *err)
{
    char path[FILE_PATH_BYTES], aside[FILE_PATH_BYTES];
    TRY(store_dataset_path(prune->store, prune->dataset, path, err, "%s/%s", kind, id));
    prune->bytes += tree_bytes(path, 0);
    ++*count;
    if (prune->dry_run)
        return ERR_OK;
    AUTO(buf_done) struct buf name = BUF_INIT;
    buf_printf(&name, "%lld", (long long)prune->moved++);
    TRY(file_path_join(prune->staging.path, buf_text(&name), aside, err));
    TRY(file_publish(path, aside, NULL, err));
    return file_remove_tree(aside, err);
}

/* ---- what stays --------------------------------------------------------------------------------
 */

static enum err_code keep_version(struct prune *prune, const json_t *entry, struct err *err)
{
    bool ok = true;
    const json_t *manifest = json_object_get(entry, "manifest"),
                 *tables = json_object_get(manifest, "tables");
    json_put_flag(prune->versions_kept, json_text(entry, "version", ""), true, &ok);
    if (manifest == NULL)
        prune->uncertain = true;
    for (size_t i = 0; i < json_array_size(tables); i++)
        json_put_flag(prune->objects_kept, json_text(json_array_get(tables, i), "object", ""), true,
                      &ok);
    return json_built(ok, err);
}

/* The layers of materialised views (dataset.json) serve later versions than the one that they were
 * built on. */
static enum err_code keep_layers(struct prune *prune, struct err *err)
{
    JSON_AUTO decided = NULL;
    static const char *const members[] = {"views", "sql_views"};
    const char *name;
    json_t *view, *run_id;
    size_t idx;
    bool ok = true;
    TRY(store_dataset_read(prune->store, prune->dataset, &decided, err));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_object_foreach(json_object_get(decided, members[i]), name, view)
        {
            json_array_foreach(json_object_get(view, "layers"), idx, run_id)
            {
                json_put_flag(prune->runs_kept, json_string_value(run_id), true, &ok);
            }
        }
    return json_built(ok, err);
}

static enum err_code choose(struct prune *prune, const json_t *versions, int64_t keep,
                            struct err *err)
{
    char current[HASH_HEX_BYTES];
    TRY(store_current_read(prune->store, prune->dataset, current, err));
    int64_t kept = 0;
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const json_t *entry = json_array_get(versions, i);
        bool is_current = strcmp(json_text(entry, "version", ""), current) == 0;
        if (kept < keep || is_current) {
            TRY(keep_version(prune, entry, err));
            kept++;
        }
    }
    return ERR_OK;
}

/* ---- what goes ---------------------------------------------------------------------------------
 */

/* Does the run belong to a version that goes? Runs whose manifest can't be read stay: repair
 * removes them. */
static bool run_goes(const struct prune *prune, const char *run_id)
{
    JSON_AUTO manifest = NULL;
    if (json_object_get(prune->runs_kept, run_id) != NULL ||
        store_run_read(prune->store, prune->dataset, run_id, &manifest, ERR_IGNORED) != ERR_OK)
        return false;
    const char *version = json_text(manifest, "version", NULL);
    if (strcmp(json_text(manifest, "kind", ""), "view") == 0) /* a layer that no view has */
        return true;
    return version != NULL && json_object_get(prune->versions_kept, version) == NULL;
}

static enum err_code sweep(struct prune *prune, const char *kind, int64_t *count, struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct file_list list = {0};
    TRY(store_dataset_path(prune->store, prune->dataset, path, err, "%s", kind));
    if (file_exists(path))
        TRY(file_list_directory(path, &list, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < list.count && code == ERR_OK; i++) {
        const char *id = list.entries[i].name;
        if (!store_is_hex(id, 64))
            continue;
        bool goes = strcmp(kind, "runs") == 0 ? run_goes(prune, id)
                    : strcmp(kind, "versions") == 0
                        ? json_object_get(prune->versions_kept, id) == NULL
                        : !prune->uncertain && json_object_get(prune->objects_kept, id) == NULL;
        if (goes)
            code = remove_directory(prune, kind, id, count, err);
    }
    file_list_done(&list);
    return code;
}

static enum err_code prune_all(struct prune *prune, int64_t keep, struct err *err)
{
    JSON_AUTO versions = NULL;
    TRY(store_version_scan(prune->store, prune->dataset, &versions, err));
    TRY(choose(prune, versions, keep, err));
    TRY(keep_layers(prune, err));
    TRY(sweep(prune, "runs", &prune->runs, err));
    TRY(sweep(prune, "versions", &prune->versions,
              err)); /* before its objects: a version that is there is whole */
    return sweep(prune, "objects", &prune->objects, err);
}

static enum err_code prune_locked(struct prune *prune, int64_t keep, struct err *err)
{
    struct file_lock writer = FILE_LOCK_INIT, readers = FILE_LOCK_INIT;
    if (prune->dry_run)
        return prune_all(prune, keep, err);
    TRY(store_need_writable(prune->store, err));
    TRY(store_lock(prune->store, prune->dataset, STORE_LOCK_WRITER, true, 0, "prune", &writer,
                   err));
    enum err_code code = store_lock(prune->store, prune->dataset, STORE_LOCK_READERS, true,
                                    prune->store->prune_wait_ms, "prune", &readers, err);
    if (code == ERR_OK)
        code = store_staging_make(prune->store, "prune", &prune->staging, err);
    if (code == ERR_OK)
        code = prune_all(prune, keep, err);
    store_staging_remove(&prune->staging);
    file_lock_release(&readers);
    file_lock_release(&writer);
    return code;
}

static json_t *build_report(const struct prune *prune, bool *ok)
{
    json_t *report = json_object();
    json_put_int(report, "versions_removed", prune->versions, ok);
    json_put_int(report, "objects_removed", prune->objects, ok);
    json_put_int(report, "runs_removed", prune->runs, ok);
    json_put_int(report, "bytes_freed", prune->bytes, ok);
    return report;
}

enum err_code store_prune(struct store *store, const char *dataset, int64_t keep, bool dry_run,
                          json_t **ret, struct err *err)
{
    bool ok = true;
    char current[FILE_PATH_BYTES];
    *ret = NULL;
    if (keep < 1)
        return err_set(err, ERR_USAGE, "at least one version must be kept, found %lld",
                       (long long)keep);
    TRY(store_dataset_path(store, dataset, current, err, "CURRENT"));
    if (!file_exists(current)) {
        (void)err_set(err, ERR_NOT_FOUND, "no dataset named %s", dataset);
        return err_hint(err, "marrow datasets lists what is there");
    }
    JSON_AUTO versions = json_object();
    JSON_AUTO objects = json_object();
    JSON_AUTO runs = json_object();
    TRY(json_built(versions != NULL && objects != NULL && runs != NULL, err));
    struct prune prune = {.store = store,
                          .dataset = dataset,
                          .dry_run = dry_run,
                          .versions_kept = versions,
                          .objects_kept = objects,
                          .runs_kept = runs};
    prune.staging.lock = (struct file_lock)FILE_LOCK_INIT;
    TRY(prune_locked(&prune, keep, err));
    JSON_AUTO report = build_report(&prune, &ok);
    TRY(json_built(ok, err));
    if (!dry_run) {
        JSON_AUTO entry = json_copy(report);
        json_put_text(entry, "kind", "prune", &ok);
        TRY(json_built(ok, err));
        if (store_history_append(store, dataset, entry, err) !=
            ERR_OK) /* what is gone is gone: say what was not done */
            return err_context(err, "pruned, but not recorded in the history");
    }
    *ret = json_incref(report);
    return ERR_OK;
}
