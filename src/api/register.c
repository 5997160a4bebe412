/* Folders registered where they stand, and how tables are read.
 *
 *     register PATH…  ─▶ the import's way, with nothing copied ─▶ dataset.json: what was said (for
 * "again"), each table's settings registry NAME   ─▶ settings by precedence, each with who says it
 */
#include "api/api_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_WORDS 1000

/* ---- words -------------------------------------------------------------------------------------
 */

static enum err_code partition_words(const struct api_place_options *place, json_t **ret,
                                     struct err *err)
{
    bool ok = true;
    JSON_AUTO keys = json_array();
    for (size_t i = 0; i < place->partition_count; i++)
        for (const char *at = place->partition[i]; *at != '\0';) {
            size_t length = strcspn(at, ",");
            struct str name = str_trim((struct str){at, length}), type = {NULL, 0};
            const char *colon = memchr(name.ptr, ':', name.len);
            struct data_type parsed;
            char text[32];
            if (colon != NULL) {
                type = (struct str){colon + 1, (size_t)(name.ptr + name.len - colon) - 1};
                name.len = (size_t)(colon - name.ptr);
            }
            if (name.len == 0) {
                (void)err_set(err, ERR_USAGE, "--partition: expected names of keys, found '%.200s'",
                              place->partition[i]);
                return err_hint(err,
                                "for example --partition year,site or --partition year:bigint");
            }
            json_t *key = json_object();
            json_put_str(key, "name", name, &ok);
            if (type.ptr != NULL) {
                enum err_code code = data_type_parse(type, &parsed, err);
                if (code == ERR_OK)
                    json_put_text(key, "type", data_type_text(parsed, text), &ok);
                else
                    json_decref(key);
                TRY(code);
            }
            json_push(keys, key, &ok);
            at += length + (at[length] == ',');
        }
    TRY(json_built(ok && keys != NULL, err));
    *ret = json_incref(keys);
    return ERR_OK;
}

enum err_code api_place_words(const struct api_place_options *place, json_t **ret_keys,
                              json_t **ret_orders, struct err *err)
{
    bool ok = true;
    TRY(partition_words(place, ret_keys, err));
    *ret_orders = json_object();
    for (size_t i = 0; i < place->sort_count; i++) {
        const char *colon = strchr(place->sort[i], ':');
        AUTO(mem_free)
        char *table = colon == NULL ? mem_strdup("*")
                                    : mem_strndup(place->sort[i], (size_t)(colon - place->sort[i]));
        if (table == NULL)
            return err_set(err, ERR_MEMORY, "no memory to register a folder");
        json_put_text(*ret_orders, table, colon == NULL ? place->sort[i] : colon + 1, &ok);
    }
    return json_built(ok && *ret_orders != NULL, err);
}

/* ---- what was said, kept for the next time
 * -------------------------------------------------------
 */

static json_t *text_list(const char *const *texts, size_t count, bool *ok)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_push_text(list, texts[i], ok);
    return list;
}

static enum err_code said_json(const struct api_import_options *options, json_t **ret,
                               struct err *err)
{
    const struct api_place_options *place = options->place;
    bool ok = true;
    json_t *paths = json_array();
    *ret = json_object();
    for (size_t i = 0; i < options->path_count; i++) {
        char *real = realpath(options->paths[i], NULL);
        if (real == NULL)
            ok = false;
        else
            json_push_text(paths, real, &ok);
        mem_free(real); /* realpath's */
    }
    json_put(*ret, "paths", paths, &ok);
    json_put_text(*ret, "format", place->format, &ok);
    json_put(*ret, "tables", text_list(place->tables, place->table_count, &ok), &ok);
    json_put(*ret, "partition", text_list(place->partition, place->partition_count, &ok), &ok);
    json_put(*ret, "sort", text_list(place->sort, place->sort_count, &ok), &ok);
    json_put_text(*ret, "schema_policy", place->schema_policy, &ok);
    json_put_text(*ret, "delimiter", options->delimiter, &ok);
    json_put_int(*ret, "header", options->header, &ok);
    if (options->overrides != NULL)
        json_put(*ret, "overrides", json_deep_copy(options->overrides), &ok);
    json_put(*ret, "null_markers",
             text_list(options->null_markers, options->null_marker_count, &ok), &ok);
    return json_built(ok, err);
}

struct recording {
    const json_t *said, *orders, *tables;
    const char *policy; /* NULL: not said */
};

static json_t *member(json_t *object, const char *key, bool *ok)
{
    json_t *found = json_object_get(object, key);
    if (json_is_object(found))
        return found;
    found = json_object();
    json_put(object, key, found, ok);
    return json_object_get(object, key);
}

/* Each table's entry: what its files are, and the order that was checked. What a person set before
 * stays. */
static enum err_code record_tables(void *user, json_t *dataset_json, struct err *err)
{
    const struct recording *recording = user;
    bool ok = true;
    json_put(dataset_json, "register", json_deep_copy(recording->said), &ok);
    json_t *registry = member(dataset_json, "registry", &ok);
    for (size_t i = 0; i < json_array_size(recording->tables); i++) {
        const json_t *table = json_array_get(recording->tables, i),
                     *place = json_object_get(table, "place");
        const char *name = json_text(table, "name", "");
        const char *order =
            json_text(recording->orders, name, json_text(recording->orders, "*", NULL));
        json_t *own = member(registry, name, &ok), *columns = json_array();
        json_put_text(own, "format", json_text(place, "format", "parquet"), &ok);
        json_put(own, "partition_columns",
                 json_deep_copy(json_object_get(place, "partition_columns")), &ok);
        if (recording->policy != NULL) /* it is with the files: what was set before is over */
            (void)json_object_del(own, "schema_policy");
        for (const char *at = order == NULL ? "" : order; *at != '\0';) {
            size_t length = strcspn(at, ",");
            json_push_str(columns, str_trim((struct str){at, length}), &ok);
            at += length + (at[length] == ',');
        }
        if (order != NULL)
            json_put(own, "sort_order", columns, &ok);
        else
            json_decref(columns);
    }
    return json_built(ok, err);
}

static enum err_code record(struct api *api, const struct api_import_options *options,
                            const json_t *answer, struct err *err)
{
    JSON_AUTO said = NULL;
    JSON_AUTO keys = NULL;
    JSON_AUTO orders = NULL;
    JSON_AUTO entry =
        json_pack("{s:s, s:s}", "kind", "registry", "version", json_text(answer, "version", ""));
    TRY(json_built(entry != NULL, err));
    TRY(said_json(options, &said, err));
    TRY(api_place_words(options->place, &keys, &orders, err));
    struct recording recording = {said, orders, json_object_get(answer, "tables"),
                                  options->place->schema_policy};
    return store_dataset_decide(api->store, json_text(answer, "dataset", ""), record_tables,
                                &recording, entry, err);
}

/* ---- again -------------------------------------------------------------------------------------
 */

struct again { /* options filled from what was said before */
    struct api_import_options options;
    struct api_place_options place;
    const char *paths[LIMIT_WORDS], *tables[LIMIT_WORDS], *partition[LIMIT_WORDS],
        *sort[LIMIT_WORDS], *nulls[LIMIT_WORDS];
};

static size_t take_texts(const json_t *said, const char *key, const char **ret)
{
    const json_t *list = json_object_get(said, key);
    size_t count = json_array_size(list);
    count = count < LIMIT_WORDS ? count : LIMIT_WORDS;
    for (size_t i = 0; i < count; i++)
        ret[i] = json_string_value(json_array_get(list, i));
    return count;
}

/* What the options leave out is as it was. Texts are borrowed from said. */
static void fill_again(struct again *again, const json_t *said)
{
    struct api_import_options *options = &again->options;
    struct api_place_options *place = &again->place;
    if (options->path_count == 0) {
        options->path_count = take_texts(said, "paths", again->paths);
        options->paths = again->paths;
    }
    if (place->format == NULL)
        place->format = json_text(said, "format", NULL);
    if (place->table_count == 0) {
        place->table_count = take_texts(said, "tables", again->tables);
        place->tables = again->tables;
    }
    if (place->partition_count == 0) {
        place->partition_count = take_texts(said, "partition", again->partition);
        place->partition = again->partition;
    }
    if (place->sort_count == 0) {
        place->sort_count = take_texts(said, "sort", again->sort);
        place->sort = again->sort;
    }
    if (place->schema_policy == NULL)
        place->schema_policy = json_text(said, "schema_policy", NULL);
    if (options->delimiter == NULL)
        options->delimiter = json_text(said, "delimiter", NULL);
    if (options->header < 0)
        options->header = (int)json_int(said, "header", -1);
    if (options->overrides == NULL)
        options->overrides = json_object_get(said, "overrides");
    if (options->null_marker_count == 0) {
        options->null_marker_count = take_texts(said, "null_markers", again->nulls);
        options->null_markers = options->null_marker_count > 0 ? again->nulls : NULL;
    }
}

/* Is one path the other's folder, or the same? */
static bool nested(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    const char *longer = a_length < b_length ? b : a;
    size_t shorter = a_length < b_length ? a_length : b_length;
    return strncmp(a, b, shorter) == 0 && (longer[shorter] == '/' || longer[shorter] == '\0');
}

/* A version that was registered is served before dataset.json says of what: where that was cut short
 * it tells of the folders before, which are not to be registered again in silence. */
static enum err_code check_said(struct api *api, const char *dataset, const json_t *said,
                                struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    const json_t *paths = json_object_get(said, "paths");
    TRY(store_version_open(api->store, dataset, NULL, &version, err));
    for (size_t i = 0; i < store_version_table_count(version); i++) {
        JSON_AUTO place = NULL;
        bool known = false;
        TRY(store_version_place(version, store_version_table(version, i)->name, &place, err));
        const char *root = json_text(place, "root", NULL);
        for (size_t p = 0; p < json_array_size(paths) && root != NULL; p++)
            known = known || nested(json_string_value(json_array_get(paths, p)), root);
        if (root == NULL || known)
            continue;
        (void)err_set(err, ERR_INPUT,
                      "the last registration of %s was cut short: what it was told is not known",
                      dataset);
        return err_hint(err, "say it once more: marrow register %.300s --name %s", root, dataset);
    }
    return ERR_OK;
}

static enum err_code read_said(struct api *api, const struct api_import_options *options,
                               json_t **ret, struct err *err)
{
    JSON_AUTO decided = NULL;
    if (options->name == NULL) {
        (void)err_set(err, ERR_USAGE, "nothing to register");
        return err_hint(err,
                        "name a folder, or with --name a dataset that is to be registered again");
    }
    TRY(store_dataset_read(api->store, options->name, &decided, err));
    *ret = json_incref(json_object_get(decided, "register"));
    TRY(check_said(api, options->name, *ret, err));
    if (json_array_size(json_object_get(*ret, "paths")) > 0)
        return ERR_OK;
    (void)err_set(err, ERR_INPUT, "dataset %s was not registered: it was imported", options->name);
    return err_hint(err, "marrow register PATH --name %s", options->name);
}

enum err_code api_register(struct api *api, const struct api_import_options *options, json_t **ret,
                           struct err *err)
{
    JSON_AUTO said = NULL;
    AUTO(mem_free) struct again *again = mem_zalloc(1, sizeof *again);
    if (again == NULL)
        return err_set(err, ERR_MEMORY, "no memory to register a folder");
    api_begin(api);
    again->options = *options;
    if (options->place != NULL)
        again->place = *options->place;
    again->options.place = &again->place;
    if (options->path_count == 0) {
        TRY(read_said(api, options, &said, err));
        fill_again(again, said);
    }
    TRY(api_import(api, &again->options, ret, err));
    enum err_code code = record(api, &again->options, *ret, err);
    bool ok = true;
    json_put_flag(*ret, "in_place", true, &ok);
    if (code == ERR_OK)
        code = json_built(ok, err);
    if (code != ERR_OK) {
        json_decref(*ret);
        *ret = NULL;
        (void)err_context(err, "registered, but its settings were not kept");
    }
    return code;
}

/* ---- the registry ------------------------------------------------------------------------------
 */

static enum err_code place_json(struct store_version *version, const char *table, json_t *entry,
                                struct err *err)
{
    JSON_AUTO place = NULL;
    struct err problem = {0};
    bool ok = true;
    int64_t bytes = 0;
    TRY(store_version_place(version, table, &place, err));
    if (place == NULL)
        return ERR_OK;
    const json_t *files = json_object_get(place, "files");
    for (size_t i = 0; i < json_array_size(files); i++)
        bytes += json_int(json_array_get(files, i), "bytes", 0);
    enum err_code code = store_version_available(version, &table, 1, &problem);
    if (code != ERR_OK && code != ERR_INTEGRITY) {
        if (err != NULL)
            *err = problem;
        return code;
    }
    json_t *told = json_object();
    json_put_text(told, "root", json_text(place, "root", ""), &ok);
    json_put_int(told, "files", (int64_t)json_array_size(files), &ok);
    json_put_int(told, "bytes", bytes, &ok);
    json_put_text(told, "needs", json_text(place, "needs", "exact"), &ok);
    json_put_flag(told, "available", code == ERR_OK, &ok);
    if (code != ERR_OK)
        json_put_text(told, "problem", problem.message, &ok);
    json_put(entry, "place", told, &ok);
    return json_built(ok, err);
}

enum err_code api_registry(struct api *api, const char *dataset, const char *version,
                           const char *table, const json_t *assignments, json_t **ret,
                           struct err *err)
{
    AUTO(store_version_close) struct store_version *opened = NULL;
    bool ok = true;
    JSON_AUTO tables = json_array();
    api_begin(api);
    if (assignments != NULL)
        TRY(store_registry_set(api->store, dataset, table, assignments, err));
    TRY(store_version_open(api->store, dataset, version, &opened, err));
    if (table != NULL && store_version_table_find(opened, table) == NULL)
        return api_unknown_table(opened, table, err);
    for (size_t i = 0; i < store_version_table_count(opened); i++) {
        const char *name = store_version_table(opened, i)->name;
        json_t *entry = NULL;
        if (table != NULL && !str_equal_nocase(str_of(table), str_of(name)))
            continue;
        TRY(store_version_settings(opened, name, &entry, err));
        json_put_text(entry, "name", name, &ok);
        json_push(tables, entry, &ok);
        TRY(json_built(ok, err));
        TRY(place_json(opened, name, entry, err));
    }
    json_t *object = json_object();
    json_put_text(object, "dataset", dataset, &ok);
    json_put_text(object, "version", store_version_id(opened), &ok);
    json_put(object, "tables", json_incref(tables), &ok);
    *ret = object;
    return json_built(ok, err);
}
