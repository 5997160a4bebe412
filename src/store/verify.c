/* Verify: every byte is read and compared with the hash that was recorded when it was published.
 *
 * The one idea: the walk reports what it finds to a sink; store_verify makes a report of it,
 * store_repair acts on it. Order: CURRENT, versions' manifests, objects, runs, history. Nothing is
 * changed. */
#include <stdio.h>
#include <string.h>

#include "store/place_priv.h"

struct walk {
    struct store *store;
    const char *dataset;
    struct store_verify_sink *sink;
    json_t *objects; /* {hash: true} named by a manifest; of CURRENT's: {hash: "current"} */
    char current[HASH_HEX_BYTES];
};

static enum err_code report(struct walk *walk, enum store_damage_kind kind, const char *id,
                            const char *path, const char *expected, const char *found,
                            struct err *err)
{
    char fix[160];
    (void)snprintf(fix, sizeof fix, "marrow repair %s", walk->dataset);
    if (kind == STORE_DAMAGE_PLACE)
        (void)snprintf(fix, sizeof fix, "marrow register --name %s   # a version of what is there now",
                       walk->dataset);
    if (kind == STORE_DAMAGE_OTHER)
        (void)snprintf(fix, sizeof fix, "import the files of dataset %s again", walk->dataset);
    if (kind == STORE_DAMAGE_HISTORY)
        (void)snprintf(fix, sizeof fix,
                       "none: the trail was changed; keep a copy, then marrow history %s clear",
                       walk->dataset);
    return walk->sink->problem(walk->sink->user, kind, id, store_relative(walk->store, path),
                               expected, found, fix, err);
}

/* One recorded file: there, size, hash. */
static enum err_code check_file(struct walk *walk, enum store_damage_kind kind, const char *id,
                                const char *directory, const json_t *facts, struct err *err)
{
    char path[FILE_PATH_BYTES], sha256[HASH_HEX_BYTES], found[80], expected[80];
    struct file_info info;
    int64_t bytes = 0;
    TRY(file_path_join(directory, json_text(facts, "name", ""), path, err));
    TRY(file_stat(path, &info, err));
    walk->sink->files++;
    if (info.kind != FILE_REGULAR)
        return report(walk, kind, id, path, "a file", "missing", err);
    if (info.bytes != json_int(facts, "bytes", -1)) {
        (void)snprintf(expected, sizeof expected, "%lld bytes",
                       (long long)json_int(facts, "bytes", -1));
        (void)snprintf(found, sizeof found, "%lld bytes", (long long)info.bytes);
        return report(walk, kind, id, path, expected, found, err);
    }
    struct err own;
    if (file_sha256(path, sha256, &bytes, &own) != ERR_OK)
        return report(walk, kind, id, path, json_text(facts, "sha256", ""), own.message, err);
    walk->sink->bytes += bytes;
    if (strcmp(sha256, json_text(facts, "sha256", "")) != 0)
        return report(walk, kind, id, path, json_text(facts, "sha256", ""), sha256, err);
    return ERR_OK;
}

static enum err_code check_files(struct walk *walk, enum store_damage_kind kind, const char *id,
                                 const char *directory, const json_t *document, struct err *err)
{
    const json_t *files = json_object_get(document, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        TRY(progress_check(walk->store->options.progress, err));
        TRY(check_file(walk, kind, id, directory, json_array_get(files, i), err));
    }
    return ERR_OK;
}

struct place_walk {
    struct walk *walk;
    const char *hash;
};

static enum err_code place_problem(void *user, const char *path, const char *found, struct err *err)
{
    const struct place_walk *placed = user;
    return report(placed->walk, STORE_DAMAGE_PLACE, placed->hash, path, "the file as it was registered",
                  found, err);
}

static enum err_code check_object(struct walk *walk, const char *hash, struct err *err)
{
    char directory[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    struct err own;
    JSON_AUTO object = NULL;
    TRY(store_dataset_path(walk->store, walk->dataset, directory, err, "objects/%s", hash));
    TRY(file_path_join(directory, "object.json", path, err));
    walk->sink->files++;
    enum err_code code = store_object_read(walk->store, walk->dataset, hash, &object, &own);
    if (code == ERR_MEMORY || code == ERR_UNSUPPORTED) {
        if (err != NULL)
            *err = own;
        return code;
    }
    if (code != ERR_OK)
        return report(walk, STORE_DAMAGE_OBJECT_JSON, hash, path, "the object's document",
                      own.message, err);
    TRY(check_files(walk, STORE_DAMAGE_OBJECT_FILE, hash, directory, object, err));
    /* what an older version was made of may be gone: no damage, that version is not to be had */
    if (json_object_get(object, "place") == NULL ||
        !json_is_string(json_object_get(walk->objects, hash)))
        return ERR_OK;
    struct place_walk placed = {walk, hash};
    struct store_place_sink sink = {.problem = place_problem, .user = &placed};
    TRY(store_place_verify(walk->store, directory, json_object_get(object, "place"), &sink, err));
    walk->sink->files += sink.files;
    walk->sink->bytes += sink.bytes;
    return ERR_OK;
}

/* ---- versions ----------------------------------------------------------------------------------
 */

static enum err_code check_versions(struct walk *walk, struct err *err)
{
    char path[FILE_PATH_BYTES];
    bool ok = true;
    JSON_AUTO versions = NULL;
    TRY(store_version_scan(walk->store, walk->dataset, &versions, err));
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const json_t *entry = json_array_get(versions, i),
                     *manifest = json_object_get(entry, "manifest");
        walk->sink->files++;
        TRY(store_dataset_path(walk->store, walk->dataset, path, err, "versions/%s/manifest.json",
                               json_text(entry, "version", "")));
        if (manifest == NULL)
            TRY(report(walk, STORE_DAMAGE_OTHER, json_text(entry, "version", ""), path,
                       "the version's manifest", json_text(entry, "problem", "damaged"), err));
        const json_t *tables = json_object_get(manifest, "tables");
        bool current = strcmp(json_text(entry, "version", ""), walk->current) == 0;
        for (size_t k = 0; k < json_array_size(tables); k++) {
            const char *hash = json_text(json_array_get(tables, k), "object", "");
            if (current)
                json_put_text(walk->objects, hash, "current", &ok);
            else if (json_object_get(walk->objects, hash) == NULL)
                json_put_flag(walk->objects, hash, true, &ok);
        }
    }
    return json_built(ok, err);
}

static enum err_code check_current(struct walk *walk, struct err *err)
{
    char path[FILE_PATH_BYTES], manifest[FILE_PATH_BYTES], current[HASH_HEX_BYTES];
    struct err own = {0};
    TRY(store_dataset_path(walk->store, walk->dataset, path, err, "CURRENT"));
    walk->sink->files++;
    if (store_current_read(walk->store, walk->dataset, current, &own) != ERR_OK)
        return report(walk, STORE_DAMAGE_CURRENT, "", path, "64 hex digits", own.message, err);
    if (current[0] == '\0')
        return report(walk, STORE_DAMAGE_CURRENT, "", path, "a file", "missing", err);
    TRY(store_dataset_path(walk->store, walk->dataset, manifest, err, "versions/%s/manifest.json",
                           current));
    memcpy(walk->current, current, sizeof walk->current);
    return file_exists(manifest)
               ? ERR_OK
               : report(walk, STORE_DAMAGE_CURRENT, "", path, "an existing version", current, err);
}

/* Objects that a manifest names and those that lie there besides. */
static enum err_code check_objects(struct walk *walk, struct err *err)
{
    char path[FILE_PATH_BYTES];
    const char *hash;
    json_t *value;
    bool ok = true;
    struct file_list list = {0};
    TRY(store_dataset_path(walk->store, walk->dataset, path, err, "objects"));
    if (file_exists(path))
        TRY(file_list_directory(path, &list, err));
    for (size_t i = 0; i < list.count; i++)
        if (store_is_hex(list.entries[i].name, 64) &&
            json_object_get(walk->objects, list.entries[i].name) == NULL)
            json_put_flag(walk->objects, list.entries[i].name, true, &ok);
    file_list_done(&list);
    TRY(json_built(ok, err));
    json_object_foreach(walk->objects, hash, value)
    {
        TRY(check_object(walk, hash, err));
    }
    return ERR_OK;
}

/* ---- runs and history --------------------------------------------------------------------------
 */

static enum err_code check_run(struct walk *walk, const char *run_id, struct err *err)
{
    char directory[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    struct err own;
    JSON_AUTO manifest = NULL;
    TRY(store_run_path(walk->store, walk->dataset, run_id, directory, err));
    TRY(file_path_join(directory, "manifest.json", path, err));
    walk->sink->files++;
    enum err_code code = store_run_read(walk->store, walk->dataset, run_id, &manifest, &own);
    if (code == ERR_MEMORY)
        return err_set(err, ERR_MEMORY, "no memory to verify a run");
    if (code != ERR_OK)
        return report(walk, STORE_DAMAGE_RUN, run_id, path, "the run's manifest", own.message, err);
    return check_files(walk, STORE_DAMAGE_RUN, run_id, directory, manifest, err);
}

static enum err_code check_runs(struct walk *walk, struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct file_list list = {0};
    TRY(store_dataset_path(walk->store, walk->dataset, path, err, "runs"));
    if (file_exists(path))
        TRY(file_list_directory(path, &list, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < list.count && code == ERR_OK; i++)
        if (store_is_hex(list.entries[i].name, 64))
            code = check_run(walk, list.entries[i].name, err);
    file_list_done(&list);
    return code;
}

static enum err_code check_history(struct walk *walk, struct err *err)
{
    char path[FILE_PATH_BYTES], found[256];
    JSON_AUTO result = NULL;
    TRY(store_history_verify(walk->store, walk->dataset, &result, err));
    const json_t *problems = json_object_get(result, "problems");
    walk->sink->files += json_int(result, "segments", 0);
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *problem = json_array_get(problems, i);
        (void)snprintf(found, sizeof found, "line %lld: %s",
                       (long long)json_int(problem, "line", 0), json_text(problem, "problem", ""));
        TRY(store_dataset_path(walk->store, walk->dataset, path, err, "%s",
                               json_text(problem, "file", "")));
        TRY(report(walk, STORE_DAMAGE_HISTORY, "", path, "an unbroken chain", found, err));
    }
    return ERR_OK;
}

static enum err_code walk_dataset(struct walk *walk, struct err *err)
{
    TRY(check_current(walk, err));
    TRY(check_versions(walk, err));
    TRY(check_objects(walk, err));
    TRY(check_runs(walk, err));
    return check_history(walk, err);
}

enum err_code store_verify_dataset(struct store *store, const char *dataset,
                                   struct store_verify_sink *sink, struct err *err)
{
    char current[FILE_PATH_BYTES], history[FILE_PATH_BYTES];
    struct file_lock lock = FILE_LOCK_INIT;
    TRY(store_dataset_path(store, dataset, current, err, "CURRENT"));
    TRY(store_dataset_path(store, dataset, history, err, "history.jsonl"));
    if (!file_exists(current) && !file_exists(history))
        return ERR_OK; /* a first import that is under way or failed */
    JSON_AUTO objects = json_object();
    TRY(json_built(objects != NULL, err));
    enum err_code code = store_lock(store, dataset, STORE_LOCK_READERS, false, STORE_SHORT_WAIT_MS,
                                    "verify", &lock, err);
    if (code != ERR_OK && (code == ERR_LOCKED || store->writable))
        return code;
    struct walk walk = {store, dataset, sink, objects, ""};
    code = walk_dataset(&walk, err);
    file_lock_release(&lock);
    return code;
}

/* ---- the report --------------------------------------------------------------------------------
 */

static enum err_code collect(void *user, enum store_damage_kind kind, const char *id,
                             const char *file, const char *expected, const char *found,
                             const char *fix, struct err *err)
{
    bool ok = true;
    json_t *problem = json_object();
    (void)kind;
    (void)id;
    json_put_text(problem, "file", file, &ok);
    json_put_text(problem, "expected", expected, &ok);
    json_put_text(problem, "found", found, &ok);
    json_put_text(problem, "fix", fix, &ok);
    json_push(user, problem, &ok);
    return json_built(ok, err);
}

static enum err_code verify_all(struct store *store, struct store_verify_sink *sink,
                                struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct file_list list = {0};
    TRY(store_path(store, path, err, "datasets"));
    if (file_exists(path))
        TRY(file_list_directory(path, &list, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < list.count && code == ERR_OK; i++)
        if (store_dataset_name_check(list.entries[i].name, ERR_IGNORED) == ERR_OK)
            code = store_verify_dataset(store, list.entries[i].name, sink, err);
    file_list_done(&list);
    return code;
}

enum err_code store_verify(struct store *store, const char *dataset, json_t **ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    bool ok = true;
    *ret = NULL;
    JSON_AUTO problems = json_array();
    JSON_AUTO result = json_object();
    TRY(json_built(problems != NULL && result != NULL, err));
    struct store_verify_sink sink = {.problem = collect, .user = problems};
    if (dataset == NULL) {
        TRY(verify_all(store, &sink, err));
    } else {
        TRY(store_dataset_path(store, dataset, path, err, "."));
        if (!file_exists(path)) {
            (void)err_set(err, ERR_NOT_FOUND, "no dataset named %s", dataset);
            return err_hint(err, "marrow datasets lists what is there");
        }
        TRY(store_verify_dataset(store, dataset, &sink, err));
    }
    json_put_flag(result, "ok", json_array_size(problems) == 0, &ok);
    json_put(result, "problems", json_incref(problems), &ok);
    json_put_int(result, "files", sink.files, &ok);
    json_put_int(result, "bytes", sink.bytes, &ok);
    TRY(json_built(ok, err));
    *ret = json_incref(result);
    return ERR_OK;
}
