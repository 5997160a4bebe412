/* The value index as a run of a version: made at the end of the import, else at the first question;
 * read as one file by every later one.
 *
 *     catalogue ─hash─▶ run id ── runs/RUN_ID/values.index there? ──read──▶ index
 *                                  │ no
 *                                  ▼ each source: as in the version before, where its plan and its
 * tables' objects are the same; else its plan → SQL → values, rows, patients → file → published
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

static enum err_code add_values(struct ask_index_builder *builder, size_t source,
                                struct engine_result *result, struct err *err)
{
    const struct data_batch *batch = NULL;
    for (;;) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++)
            if (data_vector_is_valid(&batch->vectors[0], row))
                TRY(ask_index_add(builder, source, batch->vectors[0].text[row],
                                  batch->vectors[1].i64[row], batch->vectors[2].i64[row], err));
    }
}

/* What a source's values depend on: its plan, and the content of the tables that it reads. */
static enum err_code source_key(const struct api_asked *asked, const struct plan_rel *root,
                                char ret[HASH_HEX_BYTES], int64_t *ret_rows, struct err *err)
{
    AUTO(mem_free) const char **tables = NULL;
    AUTO(buf_done) struct buf key = BUF_INIT;
    char signature[65];
    size_t count = 0;
    TRY(plan_signature(root, signature, err));
    TRY(plan_tables(root, &tables, &count, err));
    buf_printf(&key, "marrow-source %d %s", ASK_FORMAT_VERSION, signature);
    for (size_t i = 0; i < count; i++) {
        const struct store_table *table = store_version_table_find(asked->version, tables[i]);
        buf_printf(&key, " %s", table != NULL ? table->hash : "");
        *ret_rows += table != NULL ? table->rows : 0;
    }
    TRY(buf_check(&key, err));
    hash_sha256_of(buf_text(&key), key.len, ret);
    return ERR_OK;
}

struct building {
    struct api *api;
    struct api_asked *asked;
    const struct api_asked *before; /* index and keys of the version before; NULL: none */
    struct engine *engines[2]; /* of one thread, and of all: most queries are too small to share */
    struct ask_index_builder *builder;
};
#define ROWS_TO_SHARE 200000

static enum err_code engine_for(struct building *b, int64_t rows, struct engine ***ret,
                                struct err *err)
{
    struct engine_options options = api_engine_options(b->api);
    *ret = &b->engines[rows >= ROWS_TO_SHARE];
    if (*ret != &b->engines[0] || b->engines[0] != NULL)
        return ERR_OK;
    options.threads = 1;
    return engine_open(&options, &b->engines[0], err);
}

static enum err_code read_source(struct building *b, size_t source, struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct plan_rel *root = NULL;
    struct engine **engine = NULL;
    char key[HASH_HEX_BYTES];
    int64_t rows = 0;
    bool ok = true;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(ask_source_plan(b->asked->catalogue, source, plan, &root, err));
    TRY(source_key(b->asked, root, key, &rows, err));
    json_push_text(b->asked->keys, key, &ok);
    TRY(json_built(ok, err));
    for (size_t i = 0; b->before != NULL && i < json_array_size(b->before->keys); i++)
        if (strcmp(json_string_value(json_array_get(b->before->keys, i)), key) == 0) {
            b->asked->taken++;
            return ask_index_take(b->builder, source, b->before->index, i, err);
        }
    TRY(engine_for(b, rows, &engine, err));
    TRY(api_asked_query(b->api, b->asked->version, root, engine, &sql, err));
    TRY(engine_query(*engine, buf_text(&sql), NULL, 0, &result, err));
    return add_values(b->builder, source, result, err);
}

static enum err_code read_latest(struct api *api, struct api_asked *asked, struct engine **engine,
                                 int64_t *ret, struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct plan_rel *root = NULL;
    const struct data_batch *batch = NULL;
    *ret = INT64_MIN;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(ask_latest_plan(asked->catalogue, plan, &root, err));
    if (root == NULL)
        return ERR_OK;
    TRY(api_asked_query(api, asked->version, root, engine, &sql, err));
    TRY(engine_query(*engine, buf_text(&sql), NULL, 0, &result, err));
    TRY(engine_result_next(result, &batch, err));
    if (batch != NULL && batch->rows > 0 && data_vector_is_valid(&batch->vectors[0], 0))
        *ret = batch->vectors[0].i64[0];
    return ERR_OK;
}

static enum err_code build(struct api *api, struct api_asked *asked, const struct api_asked *before,
                           struct err *err)
{
    AUTO(ask_index_builder_free) struct ask_index_builder *builder = NULL;
    int64_t latest = INT64_MIN;
    size_t count = ask_source_count(asked->catalogue);
    enum err_code code = ERR_OK;
    TRY(ask_index_builder_new(&builder, err));
    asked->keys = json_array();
    TRY(json_built(asked->keys != NULL, err));
    struct building b = {.api = api, .asked = asked, .before = before, .builder = builder};
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        struct progress_event event = {.phase = "indexing",
                                       .subject = "values for questions",
                                       .done = (int64_t)i,
                                       .total = (int64_t)count,
                                       .unit = "columns"};
        progress_report(api->options.progress, &event);
        code = progress_check(api->options.progress, err);
        if (code == ERR_OK)
            code = read_source(&b, i, err);
    }
    if (code == ERR_OK)
        code = read_latest(api, asked, &b.engines[1], &latest, err);
    engine_close(b.engines[0]);
    engine_close(b.engines[1]);
    TRY(code);
    return ask_index_finish(builder, latest, &asked->bytes, err);
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
    TRY(build(api, ret, before, err));
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
