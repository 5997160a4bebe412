/* push: a version's tables on a server, so that plans and statements can run there. */
#include "api/api_priv.h"

#include <string.h>

/* Orders in time are broken by the key where it is one whole number, else by the row's hash, which
 * only Marrow computes: it goes along. */
static void table_of(const struct profile_table *table, struct run_push_table *ret)
{
    const struct profile_key *key = &table->primary_key;
    *ret = (struct run_push_table){.name = table->table->name, .key_count = key->count};
    for (size_t i = 0; i < key->count; i++)
        ret->key[i] = key->columns[i];
    ret->hashes = key->count != 1 || table->columns[key->columns[0]].type.kind != DATA_BIGINT;
}

static bool is_asked(const char *const *tables, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(str_of(tables[i]), str_of(name)))
            return true;
    return tables == NULL || count == 0;
}

static enum err_code check_names(const struct store_version *version, const char *const *tables,
                                 size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (store_version_table_find(version, tables[i]) == NULL) {
            err_set(err, ERR_NOT_FOUND, "dataset %s has no table %.200s",
                    store_version_dataset(version), tables[i]);
            return err_hint(err, "marrow show %s lists its tables", store_version_dataset(version));
        }
    return ERR_OK;
}

enum err_code api_push_tables(struct api *api, struct store_version *version,
                              const struct profile *profile, const char *url,
                              const char *const *tables, size_t count, json_t **ret,
                              struct err *err)
{
    struct engine_options options = api_engine_options(api);
    size_t wanted_count = 0;
    options.url = url;
    TRY(check_names(version, tables, count, err));
    AUTO(mem_free)
    struct run_push_table *wanted = mem_zalloc(profile->table_count + 1, sizeof *wanted);
    if (wanted == NULL)
        return err_set(err, ERR_MEMORY, "no memory to push tables");
    for (size_t i = 0; i < profile->table_count; i++)
        if (is_asked(tables, count, profile->tables[i].table->name))
            table_of(&profile->tables[i], &wanted[wanted_count++]);
    return run_push(version, &options, wanted, wanted_count, ret, err);
}

static void record(struct api *api, const char *dataset, const json_t *pushed, int64_t started_us)
{
    bool ok = true;
    int64_t rows = 0, loaded = 0;
    const json_t *tables = json_object_get(pushed, "tables");
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *one = json_array_get(tables, i);
        rows += json_int(one, "rows", 0);
        loaded += json_flag(one, "reused", false) ? 0 : 1;
    }
    json_t *entry = json_object();
    json_put_flag(entry, "ok", true, &ok);
    json_put_text(entry, "version", json_text(pushed, "version", ""), &ok);
    json_put_text(entry, "engine", json_text(pushed, "url", ""), &ok);
    json_put_text(entry, "schema", json_text(pushed, "schema", ""), &ok);
    json_put_int(entry, "tables", (int64_t)json_array_size(tables), &ok);
    json_put_int(entry, "tables_loaded", loaded, &ok);
    json_put_int(entry, "rows", rows, &ok);
    json_put_int(entry, "duration_ms", api_elapsed_ms(started_us), &ok);
    api_record(api, dataset, "push", ok ? entry : NULL);
    if (!ok)
        json_decref(entry);
}

enum err_code api_push(struct api *api, const struct api_push_options *options, json_t **ret,
                       struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(profile_free) struct profile *profile = NULL;
    int64_t started_us = clock_monotonic_us();
    bool ok = true;
    api_begin(api);
    TRY(api_open_profile(api, options->dataset, options->version, &version, &profile, err));
    enum err_code code = api_push_tables(api, version, profile, options->engine, options->tables,
                                         options->table_count, ret, err);
    if (code != ERR_OK) {
        api_record_failure(api, options->dataset, "push", err, started_us);
        return code;
    }
    const json_t *bare = json_object_get(*ret, "without_index");
    for (size_t i = 0; i < json_array_size(bare); i++)
        api_warn(api, "table %s has no index there: its key's values are too long for one",
                 json_string_value(json_array_get(bare, i)));
    json_put_text(*ret, "dataset", options->dataset, &ok);
    json_put_int(*ret, "duration_ms", api_elapsed_ms(started_us), &ok);
    record(api, options->dataset, *ret, started_us);
    return json_built(ok, err);
}
