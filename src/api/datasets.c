/* Listing and looking: datasets, one version, versions, differences, profile, relations. */
#include "api/api_priv.h"

#include <string.h>

#define QUESTIONS_SHOWN 5

/* Last entries and number of marts of each dataset: what a person left off with. Reads no data. */
static void add_recent(struct api *api, json_t *dataset, bool *ok)
{
    struct err ignored;
    json_t *entries = NULL;
    JSON_AUTO marts = NULL;
    const char *name = json_text(dataset, "dataset", "");
    if (json_object_get(dataset, "problem") != NULL)
        return;
    if (store_history_read(api->store, name, QUESTIONS_SHOWN, &entries, &ignored) == ERR_OK)
        json_put(dataset, "last", entries, ok);
    if (mart_list(api->store, name, &marts, &ignored) == ERR_OK)
        json_put_int(dataset, "marts", (int64_t)json_array_size(marts), ok);
}

enum err_code api_datasets(struct api *api, json_t **ret, struct err *err)
{
    json_t *list = NULL, *dataset;
    size_t idx;
    bool ok = true;
    api_begin(api);
    TRY(store_dataset_list(api->store, &list, err));
    json_array_foreach(list, idx, dataset) add_recent(api, dataset, &ok);
    json_t *object = json_object();
    json_put_text(object, "store", api->directory, &ok);
    json_put(object, "datasets", list, &ok);
    *ret = object;
    return json_built(ok, err);
}

static json_t *marts_of(const json_t *runs, const char *version, bool *ok)
{
    json_t *marts = json_array(), *run;
    size_t idx;
    json_array_foreach((json_t *)(uintptr_t)runs, idx, run)
    {
        if (strcmp(json_text(run, "version", ""), version) != 0)
            continue;
        json_t *one = json_object();
        json_put_text(one, "name", json_text(run, "name", ""), ok);
        json_put_text(one, "run_id", json_text(run, "run_id", ""), ok);
        json_put_int(one, "rows", json_int(run, "row_count", 0), ok);
        json_put_int(one, "columns", (int64_t)json_array_size(json_object_get(run, "schema")), ok);
        json_put_int(one, "bytes", json_int(run, "bytes", 0), ok);
        json_put_text(one, "materialised_at", json_text(run, "materialised_at", ""), ok);
        json_push(marts, one, ok);
    }
    return marts;
}

/* Roles of the manifest's columns, where the profile is at hand. */
static enum err_code add_roles(struct api *api, struct store_version *version, json_t *manifest,
                               struct err *err)
{
    AUTO(profile_free) struct profile *profile = NULL;
    bool ok = true;
    TRY(profile_open_stored(api->store, version, &profile, err));
    for (size_t t = 0; profile != NULL && t < profile->table_count; t++) {
        json_t *columns =
            json_object_get(json_array_get(json_object_get(manifest, "tables"), t), "columns");
        for (size_t c = 0;
             c < profile->tables[t].table->schema.count && c < json_array_size(columns); c++) {
            const struct profile_column *column = &profile->tables[t].columns[c];
            json_put_text(json_array_get(columns, c), "role",
                          profile_column_role_text(column->role), &ok);
            json_put_text(json_array_get(columns, c), "role_reason", column->role_reason, &ok);
        }
    }
    return json_built(ok, err);
}

enum err_code api_show(struct api *api, const char *dataset, const char *version, json_t **ret,
                       struct err *err)
{
    AUTO(store_version_close) struct store_version *opened = NULL;
    JSON_AUTO runs = NULL;
    JSON_AUTO decided = NULL;
    bool ok = true;
    api_begin(api);
    TRY(store_version_open(api->store, dataset, version, &opened, err));
    TRY(mart_list(api->store, dataset, &runs, err));
    TRY(store_dataset_read(api->store, dataset, &decided, err));
    JSON_AUTO object = json_deep_copy(store_version_manifest(opened));
    TRY(json_built(object != NULL, err));
    TRY(add_roles(api, opened, object, err));
    json_put(object, "marts", marts_of(runs, store_version_id(opened), &ok), &ok);
    json_put(object, "decided", json_incref(decided), &ok);
    *ret = json_incref(object);
    return json_built(ok, err);
}

/* Versions with tables that stand outside the store: are they still to be had? */
static enum err_code add_available(struct api *api, const char *dataset, json_t *list,
                                   struct err *err)
{
    json_t *entry;
    size_t idx;
    bool ok = true;
    json_array_foreach(list, idx, entry)
    {
        AUTO(store_version_close) struct store_version *version = NULL;
        struct err problem = {0};
        bool placed = false;
        if (json_object_get(entry, "problem") != NULL)
            continue;
        TRY(store_version_open(api->store, dataset, json_text(entry, "version", ""), &version, err));
        for (size_t i = 0; i < store_version_table_count(version); i++)
            placed = placed || store_version_table(version, i)->placed;
        if (!placed)
            continue;
        enum err_code code = store_version_available(version, NULL, 0, &problem);
        if (code != ERR_OK && code != ERR_INTEGRITY) {
            if (err != NULL)
                *err = problem;
            return code;
        }
        json_put_flag(entry, "available", code == ERR_OK, &ok);
        if (code != ERR_OK)
            json_put_text(entry, "unavailable", problem.message, &ok);
    }
    return json_built(ok, err);
}

enum err_code api_versions(struct api *api, const char *dataset, json_t **ret, struct err *err)
{
    json_t *list = NULL;
    bool ok = true;
    api_begin(api);
    TRY(store_version_list(api->store, dataset, &list, err));
    json_t *object = json_object();
    json_put_text(object, "dataset", dataset, &ok);
    json_put(object, "versions", list, &ok);
    enum err_code code = add_available(api, dataset, list, err);
    if (code != ERR_OK) {
        json_decref(object);
        return code;
    }
    *ret = object;
    return json_built(ok, err);
}

enum err_code api_diff(struct api *api, const char *dataset, const char *from, const char *to,
                       json_t **ret, struct err *err)
{
    api_begin(api);
    return store_version_diff(api->store, dataset, from, to, ret, err);
}

enum err_code api_profile(struct api *api, const char *dataset, const char *version,
                          const char *table, json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *opened = NULL;
    AUTO(profile_free) struct profile *profile = NULL;
    bool ok = true;
    api_begin(api);
    TRY(api_open_profile(api, dataset, version, &opened, &profile, err));
    if (table != NULL && store_version_table_find(opened, table) == NULL) {
        err_set(err, ERR_NOT_FOUND, "no table '%s' in '%s'", table, dataset);
        return err_hint(err, "'marrow show %s' lists its tables", dataset);
    }
    TRY(profile_tables_json(api->store, opened, profile, table, ret, err));
    json_put_text(*ret, "dataset", dataset, &ok);
    json_put_text(*ret, "version", store_version_id(opened), &ok);
    return json_built(ok, err);
}

enum err_code api_relations(struct api *api, const char *dataset, const char *version, json_t **ret,
                            struct err *err)
{
    AUTO(store_version_close) struct store_version *opened = NULL;
    AUTO(profile_free) struct profile *profile = NULL;
    bool ok = true;
    api_begin(api);
    TRY(api_open_profile(api, dataset, version, &opened, &profile, err));
    TRY(profile_relations_json(profile, ret, err));
    json_put_text(*ret, "dataset", dataset, &ok);
    json_put_text(*ret, "version", store_version_id(opened), &ok);
    return json_built(ok, err);
}

enum err_code api_relation_decide(struct api *api, const char *dataset, const char *decision,
                                  const char *child, const char *parent, json_t **ret,
                                  struct err *err)
{
    api_begin(api);
    {
        AUTO(store_version_close) struct store_version *opened = NULL;
        TRY(store_version_open(api->store, dataset, NULL, &opened, err));
        TRY(profile_relation_decide(api->store, opened, decision, child, parent, err));
    }
    return api_relations(api, dataset, NULL, ret, err);
}

enum err_code api_table_role(struct api *api, const char *dataset, const char *table,
                             const char *role, json_t **ret, struct err *err)
{
    api_begin(api);
    {
        AUTO(store_version_close) struct store_version *opened = NULL;
        TRY(store_version_open(api->store, dataset, NULL, &opened, err));
        TRY(profile_table_role_set(api->store, opened, table, role, err));
    }
    return api_profile(api, dataset, NULL, table, ret, err);
}
