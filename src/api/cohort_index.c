/* The bitmap index of a version's views: a run of its own, found by the views that it was built of.
 *
 *     run id = sha256("marrow-cohort-index" NUL format NUL hash of views NUL version id NUL) */
#include "api/cohort_priv.h"

#include "run/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_part(struct hash_sha256 *hash, const char *text)
{
    hash_sha256_add(hash, text, strlen(text) + 1);
}

static enum err_code index_run_id(const struct api_cohort *cohort, char ret[HASH_HEX_BYTES],
                                  struct err *err)
{
    char text[HASH_HEX_BYTES];
    struct hash_sha256 *hash = hash_sha256_new();
    if (hash == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a hash");
    (void)snprintf(text, sizeof text, "%d", COHORT_INDEX_FORMAT);
    add_part(hash, "marrow-cohort-index");
    add_part(hash, text);
    cohort_views_identity(cohort->views, text);
    add_part(hash, text);
    add_part(hash, store_version_id(cohort->version));
    hash_sha256_finish(hash, ret);
    hash_sha256_free(hash);
    return ERR_OK;
}

static enum err_code index_path(const struct api_cohort *cohort, const char *run_id,
                                char ret[FILE_PATH_BYTES], struct err *err)
{
    char directory[FILE_PATH_BYTES];
    TRY(store_run_path(cohort->api->store, cohort->options->dataset, run_id, directory, err));
    return file_path_join(directory, COHORT_INDEX_FILE, ret, err);
}

enum err_code api_cohort_index_find(struct api_cohort *cohort, struct err *err)
{
    char run_id[HASH_HEX_BYTES], path[FILE_PATH_BYTES];
    struct err ignored = {0};
    TRY(index_run_id(cohort, run_id, err));
    TRY(index_path(cohort, run_id, path, err));
    if (!file_exists(path))
        return ERR_OK;
    if (cohort_index_open(path, cohort->views, &cohort->index, &ignored) != ERR_OK)
        api_warn(cohort->api, "the bitmap index was not used: %s", ignored.message);
    return ERR_OK;
}

enum err_code api_cohort_index_manifest(const struct api_cohort *cohort, json_t **ret,
                                        struct err *err)
{
    char run_id[HASH_HEX_BYTES];
    if (cohort->index == NULL || cohort_index_why_not(cohort->question) != NULL)
        return ERR_OK;
    TRY(index_run_id(cohort, run_id, err));
    return store_run_read(cohort->api->store, cohort->options->dataset, run_id, ret, err);
}

/* An index of another version is none of this one's views. */
static bool older_is_there(const struct api_cohort *cohort)
{
    JSON_AUTO runs = NULL;
    return store_run_list(cohort->api->store, cohort->options->dataset, "cohort_index", &runs,
                          ERR_IGNORED) == ERR_OK &&
           json_array_size(runs) > 0;
}

bool api_cohort_uses_index(const struct api_cohort *cohort, struct buf *ret_why)
{
    const char *why_not = cohort_index_why_not(cohort->question);
    bool uses = cohort->index != NULL && why_not == NULL;
    buf_puts(ret_why,
             uses                              ? "the bitmap index of these views answers exactly"
             : why_not != NULL                 ? why_not
             : cohort->options->engine != NULL ? "the engine was given"
             : cohort->options->no_index       ? "the bitmap index was not to be used"
             : cohort->exact                   ? "rows are kept by the plan"
             : cohort->recent.count > 0
                 ? "the bitmap index does not hold the changes that came since the version"
             : older_is_there(cohort)
                 ? "the bitmap index is of other views or another version: 'marrow cohort index' "
                   "makes it anew"
                 : "there is no bitmap index of these views: 'marrow cohort index' makes it");
    return uses;
}

/* ---- building -----------------------------------------------------------------------------------
 */

static enum err_code make_manifest(const struct api_cohort *cohort, const char *run_id,
                                   const json_t *about, int64_t started_us, json_t **ret,
                                   struct err *err)
{
    char now[32];
    bool ok = true;
    const char *name, *identity = NULL;
    json_t *manifest = json_object(), *views = json_object();
    json_put_int(manifest, "format", RUN_FORMAT_VERSION, &ok);
    json_put_text(manifest, "kind", "cohort_index", &ok);
    json_put_text(manifest, "name", "cohort_index", &ok);
    json_put_text(manifest, "run_id", run_id, &ok);
    json_put_text(manifest, "dataset", cohort->options->dataset, &ok);
    json_put_text(manifest, "version", store_version_id(cohort->version), &ok);
    json_put_text(manifest, "materialised_at", clock_format(clock_now_us(), now), &ok);
    json_put_int(manifest, "index_format", COHORT_INDEX_FORMAT, &ok);
    json_put_int(manifest, "duration_ms", api_elapsed_ms(started_us), &ok);
    for (size_t i = 0; (name = cohort_views_table(cohort->views, i, &identity)) != NULL; i++)
        json_put_text(views, name, identity, &ok);
    json_put(manifest, "views", views, &ok);
    if (json_object_size(cohort->nulled) > 0)
        json_put(manifest, "nulled", json_deep_copy(cohort->nulled), &ok);
    if (json_object_size(cohort->uncoded) > 0)
        json_put(manifest, "uncoded", json_deep_copy(cohort->uncoded), &ok);
    if (json_object_update(manifest, (json_t *)(uintptr_t)about) != 0)
        ok = false;
    *ret = manifest;
    return json_built(ok, err);
}

static enum err_code build_staged(struct api_cohort *cohort, const char *run_id, const char *staged,
                                  json_t **ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    bool existed = false;
    int64_t started_us = clock_monotonic_us();
    JSON_AUTO about = NULL;
    const char *name, *identity = NULL;
    for (size_t i = 0; (name = cohort_views_table(cohort->views, i, &identity)) != NULL; i++)
        TRY(api_cohort_attach(cohort, &name, 1, err));
    for (size_t i = 0; (name = cohort_views_table(cohort->views, i, &identity)) != NULL; i++)
        TRY(api_cohort_uncoded(cohort, &name, 1, cohort->uncoded, err));
    TRY(file_path_join(staged, COHORT_INDEX_FILE, path, err));
    TRY(cohort_index_build(cohort->engine, cohort->views, path, &about, err));
    TRY(make_manifest(cohort, run_id, about, started_us, ret, err));
    return store_run_publish(cohort->api->store, cohort->options->dataset, run_id, staged, *ret,
                             &existed, err);
}

static enum err_code build(struct api_cohort *cohort, json_t *answer, struct err *err)
{
    char run_id[HASH_HEX_BYTES], staged[FILE_PATH_BYTES];
    JSON_AUTO manifest = NULL;
    bool ok = true;
    TRY(index_run_id(cohort, run_id, err));
    enum err_code code =
        store_run_read(cohort->api->store, cohort->options->dataset, run_id, &manifest, err);
    bool reused = code == ERR_OK;
    if (code == ERR_NOT_FOUND) {
        TRY(store_run_stage(cohort->api->store, staged, err));
        code = build_staged(cohort, run_id, staged, &manifest, err);
        if (code != ERR_OK && file_remove_tree(staged, ERR_IGNORED) != ERR_OK)
            api_warn(cohort->api, "a staging folder was left in tmp");
    }
    TRY(code);
    static const char *const members[] = {"run_id",   "dataset", "version",
                                          "patients", "bitmaps", "views"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_put(answer, members[i], json_incref(json_object_get(manifest, members[i])), &ok);
    json_put_int(answer, "bytes",
                 json_int(json_array_get(json_object_get(manifest, "files"), 0), "bytes", 0), &ok);
    json_put_flag(answer, "reused", reused, &ok);
    return json_built(ok, err);
}

static void record(struct api_cohort *cohort, const char *name, const json_t *answer)
{
    json_t *entry = json_deep_copy(answer);
    (void)name;
    (void)json_object_del(entry, "dataset");
    api_record(cohort->api, cohort->options->dataset, "cohort_index", entry);
}

enum err_code api_cohort_index(struct api *api, const struct api_cohort_options *options,
                               json_t **ret, struct err *err)
{
    static const struct api_cohort_verb verb = {
        .name = "index", .exact = true, .of_views = true, .answer = build, .record = record};
    return api_cohort_do(api, options, &verb, ret, err);
}
