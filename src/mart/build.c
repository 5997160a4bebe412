/* Building, listing and querying marts: a thin use of run. A second build reads manifests only. */
#include "mart/mart_priv.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

struct build {
    const struct mart_plan *plan;
};

static void sort_columns(const struct mart_plan *plan, const char *ret[MART_LIMIT_KEY_COLUMNS + 2],
                         size_t *ret_count)
{
    *ret_count = 0;
    if (plan->bucket_column != NULL)
        ret[(*ret_count)++] = plan->bucket_column;
    for (size_t k = 0; k < plan->grain_key_count; k++)
        if (plan->bucket_column == NULL || strcmp(plan->grain_key[k], plan->bucket_column) != 0)
            ret[(*ret_count)++] = plan->grain_key[k];
}

/* The stored invariants: every check runs before the mart is published; one that fails stops it. */
static enum err_code check(void *user, struct engine *engine, json_t *manifest, struct err *err)
{
    const struct build *build = user;
    json_t *checks = NULL;
    bool all_ok = false;
    TRY(mart_invariants_run(engine, build->plan->invariants, &checks, &all_ok, err));
    bool ok = true;
    json_put(manifest, "invariants", checks, &ok);
    TRY(json_built(ok, err));
    if (all_ok)
        return ERR_OK;
    size_t idx;
    json_t *entry;
    json_array_foreach(checks, idx, entry)
    {
        if (json_flag(entry, "ok", false))
            continue;
        err_set(err, ERR_INTEGRITY, "the mart was not published: %s: expected %s, found %s",
                json_text(entry, "what", ""), json_text(entry, "expected", ""),
                json_text(entry, "found", ""));
        return err_hint(err, "a relation may not be many-to-one: look at 'marrow relations' and "
                             "reject the wrong one");
    }
    return err_set(err, ERR_INTEGRITY, "the mart was not published: an invariant failed");
}

static json_t *schema_object(const json_t *columns, bool *ok)
{
    json_t *schema = json_object(), *column;
    size_t idx;
    json_array_foreach((json_t *)(uintptr_t)columns, idx, column)
        json_put_text(schema, json_text(column, "name", ""), json_text(column, "type", ""), ok);
    return schema;
}

/* Rows of each fact that are in the mart, as the invariants counted them in the raw table; the
 * others have no key, or one that is no anchor's. */
static json_t *tables_json(const json_t *described, const json_t *invariants, bool *ok)
{
    json_t *tables = json_deep_copy(json_object_get(described, "tables")), *table, *check;
    size_t idx, check_idx;
    json_array_foreach(tables, idx, table)
    {
        char what[600];
        (void)snprintf(what, sizeof what, "%s: rows", json_text(table, "name", ""));
        json_array_foreach((json_t *)(uintptr_t)invariants, check_idx, check)
        {
            int64_t used = 0;
            if (strcmp(json_text(check, "what", ""), what) != 0 ||
                !str_to_int64(str_of(json_text(check, "expected", "")), &used))
                continue;
            json_put_int(table, "rows_used", used, ok);
            json_put_int(table, "rows_left_out", json_int(table, "rows", 0) - used, ok);
        }
    }
    return tables;
}

/* Its rows are a server's table, not files of the store. */
static bool is_elsewhere(const json_t *run)
{
    return strcmp(json_text(json_object_get(run, "layout"), "kind", ""), "table") == 0;
}

static enum err_code answer(struct store *store, const char *dataset, const struct run_result *run,
                            const json_t *described, int64_t started_us, json_t **ret,
                            struct err *err)
{
    char path[FILE_PATH_BYTES], file[FILE_PATH_BYTES];
    bool ok = true;
    const json_t *layout = json_object_get(run->manifest, "layout");
    TRY(store_run_path(store, dataset, run->run_id, path, err));
    bool bucketed = strcmp(json_text(layout, "kind", ""), "buckets") == 0;
    TRY(file_path_join(path, bucketed ? "mart" : "mart.parquet", file, err));
    if (is_elsewhere(run->manifest))
        (void)snprintf(file, sizeof file, "%s", json_text(layout, "table", ""));
    json_t *object = json_object();
    static const char *const kept[] = {"grain", "grain_key", "anchor_table", "anchor_reasons",
                                       "join",  "levels",    "kinds"};
    json_put_text(object, "run_id", run->run_id, &ok);
    json_put_text(object, "name", json_text(run->manifest, "name", ""), &ok);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (json_object_get(described, kept[i]) !=
            NULL) /* a run of an earlier release has no kinds */
            json_put(object, kept[i], json_incref(json_object_get(described, kept[i])), &ok);
    json_put_int(object, "row_count", json_int(run->manifest, "row_count", 0), &ok);
    json_put_text(object, "path", file, &ok);
    json_put(object, "schema", schema_object(json_object_get(run->manifest, "schema"), &ok), &ok);
    json_put(object, "tables",
             tables_json(described, json_object_get(run->manifest, "invariants"), &ok), &ok);
    json_put_flag(object, "reused", run->reused, &ok);
    json_put_int(object, "duration_ms", (clock_monotonic_us() - started_us) / 1000, &ok);
    json_put_int(object, "bytes", json_int(run->manifest, "bytes", 0), &ok);
    json_put_text(object, "materialised_at", json_text(run->manifest, "materialised_at", ""), &ok);
    json_put_text(object, "signature", run->signature, &ok);
    json_put_text(object, "version", json_text(run->manifest, "version", ""), &ok);
    json_put(object, "layout", json_incref(json_object_get(run->manifest, "layout")), &ok);
    json_put(object, "phases", json_incref(json_object_get(run->manifest, "phases")), &ok);
    if (json_object_get(run->manifest, "computed_by_marrow") != NULL)
        json_put(object, "computed_by_marrow",
                 json_incref(json_object_get(run->manifest, "computed_by_marrow")), &ok);
    json_t *invariants = json_object_get(run->manifest, "invariants");
    json_put_int(object, "invariants_checked", (int64_t)json_array_size(invariants), &ok);
    *ret = object;
    return json_built(ok, err);
}

static void request_of(const struct mart_plan *plan, const char **sort, size_t sort_count,
                       struct run_request *ret)
{
    *ret = (struct run_request){
        .kind = "mart",
        .name = plan->name,
        .plan = plan->root,
        .sort_columns = sort,
        .sort_count = sort_count,
        .bucket_column = plan->bucket_column,
        .buckets = plan->buckets,
        .extra = plan->description,
    };
}

/* Several marts of one name may stand on one version (other policies, other anchors). The name
 * means the one built or asked for last; from the second on dataset.json says which: marts
 * {"mart_patient@VERSION": RUN_ID}. */
#define SERVED_KEY_BYTES 400

static void served_key(const char *name, const char *version, char ret[SERVED_KEY_BYTES])
{
    (void)snprintf(ret, SERVED_KEY_BYTES, "%.300s@%.64s", name, version);
}

const char *mart_served(const json_t *dataset_json, const char *name, const char *version)
{
    char key[SERVED_KEY_BYTES];
    served_key(name, version, key);
    return json_text(json_object_get(dataset_json, "marts"), key, NULL);
}

struct served {
    char key[SERVED_KEY_BYTES];
    const char *run_id;
};

static enum err_code put_served(void *user, json_t *dataset_json, struct err *err)
{
    const struct served *served = user;
    bool ok = true;
    json_t *marts = json_object_get(dataset_json, "marts");
    if (!json_is_object(marts)) {
        marts = json_object();
        json_put(dataset_json, "marts", marts, &ok);
    }
    if (ok)
        json_put_text(marts, served->key, served->run_id, &ok);
    return json_built(ok, err);
}

/* A new run is one of several when the name meant another one before. */
static enum err_code serve(struct store *store, struct store_version *version, const char *name,
                           const struct run_result *run, const char *meant_before, struct err *err)
{
    JSON_AUTO decided = NULL;
    struct served served = {.run_id = run->run_id};
    TRY(store_dataset_read(store, store_version_dataset(version), &decided, err));
    const char *now = mart_served(decided, name, store_version_id(version));
    if (now == NULL)
        now = run->reused ? run->run_id : meant_before;
    if (!store_is_writable(store) || now[0] == '\0' || strcmp(now, run->run_id) == 0)
        return ERR_OK;
    served_key(name, store_version_id(version), served.key);
    return store_dataset_edit(store, store_version_dataset(version), put_served, &served, err);
}

/* Builds, then settles what the name means. */
static enum err_code build_and_serve(struct store *store, struct store_version *version,
                                     const struct run_request *request, struct run_result *ret,
                                     struct err *err)
{
    char run_id[HASH_HEX_BYTES], signature[HASH_HEX_BYTES], before[HASH_HEX_BYTES] = "";
    JSON_AUTO stored = NULL;
    JSON_AUTO meant = NULL;
    struct err ignored;
    TRY(run_id_of(request, version, run_id, signature, err));
    bool fresh =
        store_run_read(store, store_version_dataset(version), run_id, &stored, &ignored) != ERR_OK;
    if (fresh && mart_find(store, version, request->name, &meant, &ignored) == ERR_OK)
        (void)snprintf(before, sizeof before, "%s", json_text(meant, "run_id", ""));
    TRY(run_materialise(store, version, request, &store_get_options(store)->engine, ret, err));
    if (request->engine_url != NULL)
        return ERR_OK; /* the name goes on meaning the mart in the store */
    return serve(store, version, request->name, ret, before, err);
}

enum err_code mart_build(struct store *store, struct store_version *version,
                         const struct profile *profile, const struct mart_spec *spec, bool force,
                         json_t **ret, struct err *err)
{
    int64_t started_us = clock_monotonic_us();
    AUTO(mart_plan_free) struct mart_plan *plan = NULL;
    TRY(mart_plan_open(store, version, profile, spec, &plan, err));
    const char *sort[MART_LIMIT_KEY_COLUMNS + 2];
    size_t sort_count = 0;
    sort_columns(plan, sort, &sort_count);
    struct build build = {plan};
    struct run_request request;
    request_of(plan, sort, sort_count, &request);
    request.check = check;
    request.user = &build;
    request.force = force;
    request.engine_url = spec->engine_url;
    struct run_result run = {.manifest = NULL};
    enum err_code code = build_and_serve(store, version, &request, &run, err);
    if (code == ERR_OK)
        code =
            answer(store, store_version_dataset(version), &run, run.manifest, started_us, ret, err);
    run_result_done(&run);
    return code;
}

enum err_code mart_plan_sql(const struct mart_plan *plan, struct buf *ret, struct err *err)
{
    struct run_request request;
    request_of(plan, NULL, 0, &request);
    return run_sql(&request, ret, err);
}

enum err_code mart_list(struct store *store, const char *dataset, json_t **ret, struct err *err)
{
    return store_run_list(store, dataset, "mart", ret, err);
}

/* "patient" → mart_patient; "event" → the newest event mart; a full name, and 8 digits or more of a
 * run id, mean themselves. ASCII case ignored. */
static bool matches(const char *asked, const json_t *run)
{
    static const char event[] = "mart_event_", mart[] = "mart_";
    const char *name = json_text(run, "name", ""), *run_id = json_text(run, "run_id", "");
    if (str_equal_nocase(str_of(asked), str_of(name)))
        return true;
    if (strlen(asked) >= 8 && strncmp(run_id, asked, strlen(asked)) == 0)
        return true;
    if (str_equal_nocase(str_of(asked), STR("event")))
        return strncmp(name, event, sizeof event - 1) == 0;
    return strncmp(name, mart, sizeof mart - 1) == 0 &&
           str_equal_nocase(str_of(name + sizeof mart - 1), str_of(asked));
}

static enum err_code not_built(const struct store_version *version, const char *mart,
                               struct err *err)
{
    const char *dataset = store_version_dataset(version),
               *grain = strncmp(mart, "mart_", 5) == 0 ? mart + 5 : mart;
    err_set(err, ERR_NOT_FOUND, "no mart '%s' is built on version %.12s of '%s'", mart,
            store_version_id(version), dataset);
    if (strncmp(grain, "event_", 6) == 0)
        return err_hint(err, "build it: marrow mart build %s --grain event --event %s", dataset,
                        grain + 6);
    if (strcmp(grain, "patient") == 0 || strcmp(grain, "admission") == 0)
        return err_hint(err, "build it: marrow mart build %s --grain %s", dataset, grain);
    return err_hint(err, "'marrow mart list %s' lists what is built", dataset);
}

enum err_code mart_find(struct store *store, struct store_version *version, const char *mart,
                        json_t **ret, struct err *err)
{
    JSON_AUTO runs = NULL;
    JSON_AUTO decided = NULL;
    json_t *run, *found = NULL;
    size_t idx;
    TRY(mart_list(store, store_version_dataset(version), &runs, err));
    TRY(store_dataset_read(store, store_version_dataset(version), &decided, err));
    json_array_foreach(runs, idx, run)
    { /* newest first */
        if (json_object_get(run, "problem") != NULL || is_elsewhere(run) ||
            strcmp(json_text(run, "version", ""), store_version_id(version)) != 0 ||
            !matches(mart, run))
            continue;
        const char *name = json_text(run, "name", ""),
                   *served = mart_served(decided, name, store_version_id(version));
        bool same_name = found != NULL && strcmp(json_text(found, "name", ""), name) == 0;
        if (found == NULL ||
            (same_name && served != NULL && strcmp(served, json_text(run, "run_id", "")) == 0))
            found = run;
    }
    if (found == NULL)
        return not_built(version, mart, err);
    *ret = json_incref(found);
    return ERR_OK;
}

enum err_code mart_query(struct store *store, struct store_version *version, const char *mart,
                         json_t **ret, struct err *err)
{
    JSON_AUTO run = NULL;
    char directory[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf sql = BUF_INIT;
    bool ok = true;
    TRY(mart_find(store, version, mart, &run, err));
    TRY(store_run_path(store, store_version_dataset(version), json_text(run, "run_id", ""),
                       directory, err));
    TRY(run_scan_sql(run, directory, &sql, err));
    json_t *object = json_object();
    json_put_text(object, "sql", buf_text(&sql), &ok);
    json_put_text(object, "signature", json_text(run, "signature", ""), &ok);
    json_put_text(object, "dialect", "duckdb", &ok);
    json_put_text(object, "name", json_text(run, "name", ""), &ok);
    json_put_text(object, "run_id", json_text(run, "run_id", ""), &ok);
    *ret = object;
    return json_built(ok, err);
}
