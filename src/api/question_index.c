/* The value index as a run of a version: made at the end of the import, else at the first question;
 * read as one file by every later one.
 *
 *     catalogue ─hash─▶ run id ── runs/RUN_ID/values.index there? ──read──▶ index
 *                                  │ no
 *                                  ▼ made (question_build.c) → file → published
 *
 * It holds values of the data, so it lies beside the data, mode 0600. A store that can't be written
 * makes it anew each time. */
#include "api/question_priv.h"

#include "api/plan_priv.h"
#include "dialect/dialect.h"

#include <string.h>

#define FILE_NAME "values.index"

void api_asked_warm(struct api *api, struct api_asked *asked)
{
    struct engine_options options = api_engine_options(api);
    if (asked->opening == NULL)
        asked->opening = engine_opening_begin(&options);
}

enum err_code api_asked_engine(struct api_asked *asked, struct engine **ret, struct err *err)
{
    struct engine_opening *opening = asked->opening;
    asked->opening = NULL;
    return opening == NULL ? ERR_OK : engine_opening_end(opening, ret, err);
}

void api_asked_let_go(struct api_asked *asked, struct engine **engine_taken)
{
    engine_closing_end(asked->closing);
    asked->closing = engine_closing_begin(*engine_taken);
    *engine_taken = NULL;
}

void api_asked_done(struct api_asked *asked)
{
    engine_closing_end(asked->closing);
    engine_opening_drop(asked->opening);
    ask_index_free(asked->index);
    ask_catalogue_free(asked->catalogue);
    buf_done(&asked->bytes);
    (void)!file_unmap(&asked->mapping, ERR_OK, ERR_IGNORED);
    json_decref(asked->keys);
    profile_free(asked->profile);
    store_version_close(asked->version);
}

enum err_code api_asked_query(struct api *api, struct store_version *version,
                              const struct plan_rel *root, struct engine **engine, struct buf *sql,
                              struct err *err)
{
    AUTO(mem_free) const char **tables = NULL;
    const char **params = NULL;
    size_t table_count = 0, count = 0;
    struct engine_options options = api_engine_options(api);
    if (*engine == NULL)
        TRY(engine_open(&options, engine, err));
    TRY(plan_tables(root, &tables, &table_count, err));
    TRY(store_version_attach(version, *engine, tables, table_count, err));
    TRY(api_plan_quick_sql(dialect_find("duckdb"), root, sql, &params, &count, err));
    mem_free(params);
    return ERR_OK;
}

json_t *api_asked_manifest(const struct api_asked *asked, const char *kind, const char *name,
                           bool *ok)
{
    char now[32];
    json_t *manifest = json_object();
    json_put_text(manifest, "kind", kind, ok);
    json_put_text(manifest, "name", name, ok);
    json_put_int(manifest, "format", STORE_FORMAT_VERSION, ok);
    json_put_text(manifest, "version", store_version_id(asked->version), ok);
    json_put_text(manifest, "dataset", store_version_dataset(asked->version), ok);
    json_put_text(manifest, "materialised_at", clock_format(clock_now_us(), now), ok);
    return manifest;
}

static enum err_code keep(struct api *api, struct api_asked *asked, struct err *err)
{
    char staged[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    bool existed = false, ok = true;
    JSON_AUTO manifest = api_asked_manifest(asked, "values", "values", &ok);
    json_put(manifest, "sources", json_incref(asked->keys), &ok);
    TRY(json_built(ok, err));
    TRY(store_run_stage(api->store, staged, err));
    TRY(file_path_join(staged, FILE_NAME, path, err));
    TRY(file_write_new(path, buf_view(&asked->bytes), err));
    return store_run_publish(api->store, store_version_dataset(asked->version), asked->index_run,
                             staged, manifest, &existed, err);
}

/* Mapped, not read: a copy of its pages costs more than their check, and a question looks at few of them. */
static bool open_index(struct api_asked *asked)
{
    struct file_mapping *mapping = &asked->mapping;
    struct str bytes = {NULL, 0};
    if (file_map(asked->index_path, NULL, mapping, ERR_IGNORED) == ERR_OK)
        bytes = (struct str){mapping->ptr, mapping->length};
    else if (file_read(asked->index_path, ASK_LIMIT_INDEX_BYTES * 4, &asked->bytes, ERR_IGNORED) == ERR_OK)
        bytes = buf_view(&asked->bytes); /* too many are mapped at once */
    if (ask_index_open(bytes, &asked->index, ERR_IGNORED) == ERR_OK)
        return true;
    (void)!file_unmap(mapping, ERR_OK, ERR_IGNORED);
    buf_clear(&asked->bytes);
    return false;
}

static bool read_kept(struct api *api, struct api_asked *asked)
{
    char directory[FILE_PATH_BYTES];
    struct file_info info;
    if (store_run_path(api->store, store_version_dataset(asked->version), asked->index_run,
                       directory, ERR_IGNORED) != ERR_OK ||
        file_path_join(directory, FILE_NAME, asked->index_path, ERR_IGNORED) != ERR_OK ||
        file_stat(asked->index_path, &info, ERR_IGNORED) != ERR_OK || info.kind != FILE_REGULAR)
        return false;
    if (open_index(asked))
        return true;
    /* damaged: made anew, from the same tables */
    (void)!file_remove_tree(directory, ERR_IGNORED);
    return false;
}

/* Catalogue and the index's run id. */
static enum err_code begin(struct api *api, const char *dataset, const char *version,
                           struct api_asked *ret, struct err *err)
{
    JSON_AUTO decided = NULL;
    char hash[HASH_HEX_BYTES];
    AUTO(buf_done) struct buf identity = BUF_INIT;
    if (ret->version == NULL)
        TRY(store_version_open(api->store, dataset, version, &ret->version, err));
    TRY(profile_open_roles(api->store, ret->version, &ret->profile, err));
    TRY(store_dataset_read(api->store, dataset, &decided, err));
    TRY(ask_catalogue_new(ret->profile, json_object_get(decided, "aliases"), &ret->catalogue, err));
    ask_catalogue_hash(ret->catalogue, hash);
    buf_printf(&identity, "marrow-values %d %s %s", ASK_FORMAT_VERSION,
               store_version_id(ret->version), hash);
    TRY(buf_check(&identity, err));
    hash_sha256_of(buf_text(&identity), identity.len, ret->index_run);
    return ERR_OK;
}

/* The kept index of the version before, with its keys; false: there is none. */
static bool open_before(struct api *api, const char *dataset, const char *version,
                        struct api_asked *ret)
{
    JSON_AUTO manifest = NULL;
    if (version == NULL || begin(api, dataset, version, ret, ERR_IGNORED) != ERR_OK ||
        !read_kept(api, ret) ||
        store_run_read(api->store, dataset, ret->index_run, &manifest, ERR_IGNORED) != ERR_OK)
        return false;
    ret->keys = json_incref(json_object_get(manifest, "sources"));
    return json_is_array(ret->keys);
}

static enum err_code make_and_keep(struct api *api, struct api_asked *ret,
                                   const struct api_asked *before, struct err *err)
{
    TRY(api_question_build(api, ret, before, err));
    if (store_is_writable(api->store)) {
        struct err why = {0};
        if (keep(api, ret, &why) != ERR_OK)
            api_warn(api, "the value index was not kept: %s", why.message);
    }
    return ask_index_open(buf_view(&ret->bytes), &ret->index, err);
}

enum err_code api_asked_open(struct api *api, const char *dataset, const char *version,
                             struct api_asked *ret, struct err *err)
{
    TRY(begin(api, dataset, version, ret, err));
    ret->index_reused = read_kept(api, ret);
    return ret->index_reused ? ERR_OK : make_and_keep(api, ret, NULL, err);
}

void api_question_index_note(struct api *api, const char *dataset, const char *version,
                             const char *parent, int64_t *ret_ms)
{
    struct api_asked asked = {.version = NULL}, before = {.version = NULL};
    struct err err = {0};
    enum err_code code = begin(api, dataset, version, &asked, &err);
    int64_t started_us = clock_monotonic_us(); /* the profile is the import's own */
    if (code == ERR_OK && ask_source_count(asked.catalogue) > 0 && !read_kept(api, &asked))
        code = make_and_keep(api, &asked,
                             open_before(api, dataset, parent, &before) ? &before : NULL, &err);
    if (code != ERR_OK)
        api_warn(api, "values were not indexed for questions, the first one will do it: %s",
                 err.message);
    api_asked_done(&before);
    api_asked_done(&asked);
    *ret_ms = api_elapsed_ms(started_us);
}

enum err_code api_question_index(struct api *api, const char *dataset, const char *version,
                                 json_t **ret, struct err *err)
{
    struct api_asked asked = {.version = NULL};
    AUTO(buf_done) struct buf text = BUF_INIT;
    bool ok = true;
    api_begin(api);
    enum err_code code = api_asked_open(api, dataset, version, &asked, err);
    if (code == ERR_OK) {
        json_t *json = json_object();
        ask_catalogue_print(asked.catalogue, &text);
        json_put_text(json, "dataset", dataset, &ok);
        json_put_text(json, "version", store_version_id(asked.version), &ok);
        json_put_text(json, "run_id", asked.index_run, &ok);
        json_put_flag(json, "reused", asked.index_reused, &ok);
        json_put_int(json, "sources", (int64_t)ask_source_count(asked.catalogue), &ok);
        json_put_int(json, "sources_taken", (int64_t)asked.taken, &ok);
        json_put_int(json, "bytes", (int64_t)(asked.bytes.len + asked.mapping.length), &ok);
        json_put_str(json, "catalogue", buf_view(&text), &ok);
        code = json_built(ok, err);
        if (code == ERR_OK)
            *ret = json;
        else
            json_decref(json);
    }
    api_asked_done(&asked);
    return code;
}
