/* Marts: version + profile + spec → mart layer; each build is a history entry. */
#include "api/api_priv.h"

#include <string.h>

static enum err_code spec_of(const struct api_mart_options *options, struct mart_spec *ret,
                             struct err *err)
{
    *ret = (struct mart_spec){.anchor = options->anchor,
                              .event = options->event,
                              .inner = options->inner,
                              .policy = options->policy,
                              .buckets = options->buckets,
                              .engine_url = options->engine};
    if (options->buckets < 0 || options->buckets > 4096)
        return err_set(err, ERR_USAGE, "buckets must be between 1 and 4096");
    return mart_grain_parse(options->grain, &ret->grain, err);
}

static void record_build(struct api *api, const struct api_mart_options *options,
                         const json_t *built)
{
    static const char *const texts[] = {"run_id", "signature", "version", "grain", "anchor_table"};
    bool ok = true;
    json_t *entry = json_object();
    json_put_flag(entry, "ok", true, &ok);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        json_put_text(entry, texts[i], json_text(built, texts[i], ""), &ok);
    json_put_text(entry, "mart", json_text(built, "name", ""), &ok);
    json_put_flag(entry, "reused", json_flag(built, "reused", false), &ok);
    json_put_flag(entry, "forced", options->force, &ok);
    json_put_flag(entry, "inner", options->inner, &ok);
    json_put_text(entry, "anchor", options->anchor, &ok);
    json_put_text(entry, "event", options->event, &ok);
    json_put(entry, "policy",
             options->policy != NULL ? json_deep_copy(options->policy) : json_null(), &ok);
    json_put_int(entry, "buckets", options->buckets, &ok);
    if (options->engine != NULL)
        json_put_text(entry, "engine", json_text(json_object_get(built, "layout"), "url", ""), &ok);
    json_put_int(entry, "rows", json_int(built, "row_count", 0), &ok);
    json_put_int(entry, "columns", (int64_t)json_object_size(json_object_get(built, "schema")),
                 &ok);
    json_put_int(entry, "duration_ms", json_int(built, "duration_ms", 0), &ok);
    api_record(api, options->dataset, "mart", ok ? entry : NULL);
    if (!ok)
        json_decref(entry);
}

/* What had to be loaded first: {…, pushed: {schema, tables: [those not there before]}}. */
static enum err_code put_pushed(const json_t *pushed, json_t *answer, struct err *err)
{
    bool ok = true;
    const json_t *tables = json_object_get(pushed, "tables");
    json_t *object = json_object(), *loaded = json_array();
    for (size_t i = 0; i < json_array_size(tables); i++)
        if (!json_flag(json_array_get(tables, i), "reused", false))
            json_push(loaded, json_incref(json_array_get(tables, i)), &ok);
    json_put_text(object, "schema", json_text(pushed, "schema", ""), &ok);
    json_put(object, "tables", loaded, &ok);
    json_put(answer, "pushed", object, &ok);
    return json_built(ok, err);
}

/* The long way: profile, plan, run. */
static enum err_code build(struct api *api, const struct api_mart_options *options,
                           const struct mart_spec *spec, json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(profile_free) struct profile *profile = NULL;
    TRY(api_open_profile(api, options->dataset, options->version, &version, &profile, err));
    int64_t started_us = clock_monotonic_us();
    JSON_AUTO pushed = NULL;
    enum err_code code = ERR_OK;
    if (options->engine != NULL)
        code = api_push_tables(api, version, profile, options->engine, NULL, 0, &pushed, err);
    if (code == ERR_OK)
        code = mart_build(api->store, version, profile, spec, options->force, ret, err);
    if (code == ERR_OK && pushed != NULL)
        code = put_pushed(pushed, *ret, err);
    if (code != ERR_OK)
        api_record_failure(api, options->dataset, "mart", err, started_us);
    return code;
}

enum err_code api_mart_build(struct api *api, const struct api_mart_options *options, json_t **ret,
                             struct err *err)
{
    struct mart_spec spec;
    char key[HASH_HEX_BYTES];
    bool ok = true;
    int64_t started_us = clock_monotonic_us();
    api_begin(api);
    TRY(spec_of(options, &spec, err));
    bool keyed = options->engine == NULL && api_memo_key(api, options, key);
    bool found = keyed && api_memo_find(api, options->dataset, key, ret);
    if (found) {
        json_put_flag(*ret, "reused", true, &ok);
        json_put_int(*ret, "duration_ms", api_elapsed_ms(started_us), &ok);
        TRY(json_built(ok, err));
    } else {
        TRY(build(api, options, &spec, ret, err));
    }
    if (keyed && !found)
        api_memo_keep(api, options->dataset, key, *ret);
    record_build(api, options, *ret);
    return ERR_OK;
}

enum err_code api_mart_dry_run(struct api *api, const struct api_mart_options *options,
                               json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(profile_free) struct profile *profile = NULL;
    AUTO(mart_plan_free) struct mart_plan *plan = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct mart_spec spec;
    char signature[65];
    bool ok = true;
    api_begin(api);
    if (options->engine != NULL)
        return err_set(err, ERR_USAGE,
                       "a dry run shows the embedded engine's SQL; it does not go with an engine");
    TRY(spec_of(options, &spec, err));
    TRY(api_open_profile(api, options->dataset, options->version, &version, &profile, err));
    TRY(mart_plan_open(api->store, version, profile, &spec, &plan, err));
    TRY(mart_plan_sql(plan, &sql, err));
    TRY(plan_signature(mart_plan_root(plan), signature, err));
    json_t *object = json_object();
    json_put_text(object, "sql", buf_text(&sql), &ok);
    json_put_text(object, "signature", signature, &ok);
    json_put_text(object, "dialect", "duckdb", &ok);
    if (ok && json_object_update(object, (json_t *)(uintptr_t)mart_plan_description(plan)) != 0)
        ok = false;
    *ret = object;
    return json_built(ok, err);
}

enum err_code api_mart_query(struct api *api, const char *dataset, const char *version,
                             const char *mart, json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *opened = NULL;
    api_begin(api);
    TRY(store_version_open(api->store, dataset, version, &opened, err));
    return mart_query(api->store, opened, mart, ret, err);
}

enum err_code api_mart_list(struct api *api, const char *dataset, json_t **ret, struct err *err)
{
    JSON_AUTO runs = NULL;
    json_t *marts = json_array(), *run;
    size_t idx;
    bool ok = true;
    static const char *const texts[] = {"name",         "run_id",          "version", "grain",
                                        "anchor_table", "materialised_at", "problem"};
    api_begin(api);
    TRY(mart_list(api->store, dataset, &runs, err));
    json_array_foreach(runs, idx, run)
    {
        json_t *one = json_object();
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            if (json_object_get(run, texts[i]) != NULL)
                json_put_text(one, texts[i], json_text(run, texts[i], ""), &ok);
        json_put_int(one, "row_count", json_int(run, "row_count", 0), &ok);
        json_put_int(one, "columns", (int64_t)json_array_size(json_object_get(run, "schema")), &ok);
        json_put_int(one, "bytes", json_int(run, "bytes", 0), &ok);
        json_push(marts, one, &ok);
    }
    json_t *object = json_object();
    json_put_text(object, "dataset", dataset, &ok);
    json_put(object, "marts", marts, &ok);
    *ret = object;
    return json_built(ok, err);
}

enum err_code api_mart_show(struct api *api, const char *dataset, const char *version,
                            const char *mart, json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *opened = NULL;
    api_begin(api);
    JSON_AUTO run = NULL;
    JSON_AUTO plan = NULL;
    bool ok = true;
    TRY(store_version_open(api->store, dataset, version, &opened, err));
    TRY(mart_find(api->store, opened, mart, &run, err));
    TRY(run_plan_read(api->store, dataset, json_text(run, "run_id", ""), &plan, err));
    json_put_text(run, "sql", json_text(plan, "sql", ""), &ok);
    *ret = json_incref(run);
    return json_built(ok, err);
}

enum err_code api_mart_verify(struct api *api, const char *dataset, const char *version,
                              const char *mart, json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *opened = NULL;
    JSON_AUTO run = NULL;
    api_begin(api);
    TRY(store_version_open(api->store, dataset, version, &opened, err));
    TRY(mart_find(api->store, opened, mart, &run, err));
    return mart_verify(api->store, opened, run, ret, err);
}
