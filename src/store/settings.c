/* Settings of a version's tables: what was said about them, and changing it.
 *
 * A declared sort order is used only where it was seen to hold. That is noted in the object's
 * folder (objects/HASH/sorted), with the checksum of the document that says what the object is made
 * of, so it is looked at again when the same rows come to stand elsewhere, or in another order. */
#include <string.h>

#include "store/place_priv.h"

#define SORTED_FILE "sorted"

/* ---- reading -----------------------------------------------------------------------------------
 */

enum err_code store_version_set_options(struct store_version *version, const json_t *plan,
                                        struct err *err)
{
    bool ok = true;
    json_put(store_version_said(version), "plan",
             plan == NULL ? json_object() : json_deep_copy(plan), &ok);
    return json_built(ok, err);
}

enum err_code store_version_resolve(struct store_version *version, const char *table,
                                    const json_t *place, json_t **ret, struct err *err)
{
    json_t *said = store_version_said(version);
    bool ok = true;
    if (json_object_get(said, "dataset") == NULL) {
        json_t *dataset = NULL;
        TRY(store_dataset_read(store_version_store(version), store_version_dataset(version),
                               &dataset, err));
        json_put(said, "dataset", dataset, &ok);
        TRY(json_built(ok, err));
    }
    return store_registry_resolve(json_object_get(said, "plan"), json_object_get(said, "dataset"),
                                  place, table, ret, err);
}

enum err_code store_version_settings(struct store_version *version, const char *table, json_t **ret,
                                     struct err *err)
{
    JSON_AUTO place = NULL;
    TRY(store_version_place(version, table, &place, err));
    return store_version_resolve(version, table, place, ret, err);
}

/* ---- order -------------------------------------------------------------------------------------
 */

static enum err_code sorted_note(struct store_version *version, const struct store_table *table,
                                 const json_t *columns, char path[FILE_PATH_BYTES], json_t **ret,
                                 struct err *err)
{
    JSON_AUTO object = NULL;
    bool ok = true;
    TRY(store_object_read(store_version_store(version), store_version_dataset(version), table->hash,
                          &object, err));
    TRY(file_path_join(table->directory, SORTED_FILE, path, err));
    *ret = json_object();
    json_put_text(*ret, "checksum", json_text(object, "checksum", ""), &ok);
    json_put(*ret, "sort_order", json_deep_copy(columns), &ok);
    return json_built(ok, err);
}

enum err_code store_version_sorted_by(struct store_version *version, struct engine *engine,
                                      const char *name, json_t **ret, struct err *err)
{
    const struct store_table *table = store_version_table_find(version, name);
    JSON_AUTO settings = NULL;
    JSON_AUTO note = NULL;
    JSON_AUTO known = NULL;
    AUTO(buf_done) struct buf relation = BUF_INIT, text = BUF_INIT;
    char path[FILE_PATH_BYTES];
    *ret = json_array();
    TRY(json_built(*ret != NULL, err));
    if (table == NULL)
        return ERR_OK;
    TRY(store_version_settings(version, name, &settings, err));
    const json_t *columns = store_registry_value(settings, "sort_order");
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const char *column = json_string_value(json_array_get(columns, i));
        if (column == NULL || data_schema_find(&table->schema, str_of(column)) < 0)
            return ERR_OK; /* declared for another version */
    }
    if (json_array_size(columns) == 0)
        return ERR_OK;
    TRY(sorted_note(version, table, columns, path, &note, err));
    bool noted = file_exists(path) && json_read_file(path, &known, ERR_IGNORED) == ERR_OK &&
                 json_equal(known, note);
    if (!noted && engine == NULL)
        return ERR_OK;
    if (!noted) {
        store_table_source(table, &relation);
        TRY(buf_check(&relation, err));
        enum err_code code = store_registry_check_order(engine, buf_text(&relation), columns, err);
        if (code == ERR_INPUT)
            return ERR_OK;
        TRY(code);
        if (store_is_writable(store_version_store(version)) &&
            json_canonical(note, &text, ERR_IGNORED) == ERR_OK && !text.failed)
            (void)!file_replace(path, buf_view(&text),
                                ERR_IGNORED); /* else it is looked at again */
    }
    json_decref(*ret);
    *ret = json_deep_copy(columns);
    return json_built(*ret != NULL, err);
}

/* ---- changing ----------------------------------------------------------------------------------
 */

struct change {
    const char *table; /* "*": all */
    json_t *values;    /* {KEY: value or null} */
};

static enum err_code apply(void *user, json_t *dataset_json, struct err *err)
{
    const struct change *change = user;
    bool ok = true;
    const char *key;
    json_t *value, *registry = json_object_get(dataset_json, "registry");
    if (!json_is_object(registry)) {
        registry = json_object();
        json_put(dataset_json, "registry", registry, &ok);
    }
    json_t *own = json_object_get(registry, change->table);
    if (!json_is_object(own)) {
        own = json_object();
        json_put(registry, change->table, own, &ok);
    }
    TRY(json_built(ok, err));
    json_object_foreach(change->values, key, value)
    {
        if (json_is_null(value))
            (void)json_object_del(own, key);
        else
            json_put(own, key, json_incref(value), &ok);
    }
    if (json_object_size(own) == 0)
        (void)json_object_del(registry, change->table);
    if (json_object_size(registry) == 0)
        (void)json_object_del(dataset_json, "registry");
    return json_built(ok, err);
}

static enum err_code check_order(struct store_version *version, const struct store_table *table,
                                 const json_t *columns, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf relation = BUF_INIT;
    TRY(store_engine_open(store_version_store(version), NULL, NULL, &engine, err));
    TRY(store_version_attach(version, engine, &table->name, 1, err));
    store_table_source(table, &relation);
    TRY(buf_check(&relation, err));
    return store_registry_check_order(engine, buf_text(&relation), columns, err);
}

static enum err_code read_values(struct store_version *version, const struct store_table *table,
                                 const json_t *assignments, json_t *values, struct err *err)
{
    const char *key;
    json_t *walked, *text;
    bool ok = true;
    memcpy(&walked, &assignments, sizeof walked);
    json_object_foreach(walked, key, text)
    {
        json_t *value = NULL;
        const char *words = json_string_value(text);
        TRY(store_registry_parse(key, words == NULL ? "" : words,
                                 table == NULL ? NULL : &table->schema, &value, err));
        json_put(values, key, value, &ok);
        TRY(json_built(ok, err));
        if (strcmp(key, "sort_order") == 0 && json_array_size(value) > 0)
            TRY(check_order(version, table, value, err));
    }
    return ERR_OK;
}

enum err_code store_registry_set(struct store *store, const char *dataset, const char *table,
                                 const json_t *assignments, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    const struct store_table *found = NULL;
    JSON_AUTO values = json_object();
    JSON_AUTO entry = json_object();
    bool ok = true;
    TRY(json_built(values != NULL && entry != NULL, err));
    TRY(store_version_open(store, dataset, NULL, &version, err));
    if (table != NULL && (found = store_version_table_find(version, table)) == NULL) {
        (void)err_set(err, ERR_NOT_FOUND, "dataset %s has no table %.200s", dataset, table);
        return err_hint(err, "marrow show %s lists its tables", dataset);
    }
    TRY(read_values(version, found, assignments, values, err));
    struct change change = {found != NULL ? found->name : "*", values};
    json_put_text(entry, "kind", "registry", &ok);
    json_put_text(entry, "table", change.table, &ok);
    json_put(entry, "set", json_deep_copy(values), &ok);
    TRY(json_built(ok, err));
    return store_dataset_decide(store, dataset, apply, &change, entry, err);
}
