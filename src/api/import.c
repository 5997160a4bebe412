/* Import: ingest's sources, one by one, into the store; published whole or not at all. One table or
 * forty: the same path. */
#include "api/api_priv.h"

#include "ingest/ingest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* "My Study (2).zip" → my_study_2 */
void api_name_from_path(const char *path, char ret[STORE_LIMIT_NAME_BYTES + 1])
{
    char copy[FILE_PATH_BYTES];
    (void)snprintf(copy, sizeof copy, "%s", path);
    size_t length = strlen(copy);
    while (length > 1 && copy[length - 1] == '/')
        copy[--length] = '\0';
    const char *base = file_base_name(copy);
    size_t count = 0;
    for (const char *p = base; *p != '\0' && count < STORE_LIMIT_NAME_BYTES; p++) {
        if (*p == '.' && p != base && count > 0)
            break;
        if (isalnum((unsigned char)*p) && (unsigned char)*p < 0x80)
            ret[count++] = (char)tolower((unsigned char)*p);
        else if (count > 0 && ret[count - 1] != '_')
            ret[count++] = '_';
    }
    while (count > 0 && ret[count - 1] == '_')
        count--;
    ret[count] = '\0';
    if (count == 0)
        (void)snprintf(ret, STORE_LIMIT_NAME_BYTES, "dataset");
}

static json_t *skipped_json(const struct ingest_set *set, bool *ok)
{
    json_t *skipped = json_array();
    for (size_t i = 0; i < ingest_skipped_count(set); i++) {
        const struct ingest_skipped *one = ingest_skipped(set, i);
        json_t *entry = json_object();
        json_put_text(entry, "path", one->path, ok);
        json_put_text(entry, "reason", one->reason, ok);
        json_push(skipped, entry, ok);
    }
    return skipped;
}

/* overrides: the import's own, where it is of views; they say which columns are texts. */
static enum err_code load(struct api *api, const struct api_import_options *options,
                          const char *dataset, struct store_import *import, json_t *overrides,
                          struct store_commit *commit, json_t **ret_skipped, struct err *err)
{
    AUTO(ingest_close) struct ingest_set *set = NULL;
    JSON_AUTO about = NULL; /* of what is not files, but was brought into the folder */
    char folder[FILE_PATH_BYTES], shown[STORE_LIMIT_NAME_BYTES + 16];
    const char *fetched[] = {folder}, *shown_as = options->from_server;
    if (options->from_server != NULL) {
        TRY(api_import_fetch(api, options, dataset, store_import_staging(import), folder, &about,
                             err));
    } else if (options->from_views != NULL) {
        TRY(api_import_views(api, options, store_import_staging(import), folder, overrides, &about,
                             err));
        (void)snprintf(shown, sizeof shown, "views of %s", options->from_views);
        shown_as = shown;
    }
    struct ingest_options ingest = {
        .shown_as = shown_as,
        .staging_directory = store_import_staging(import),
        .encoding = options->encoding,
        .delimiter = options->delimiter,
        .header = options->from_views != NULL ? 1 : options->header,
        .total_bytes = options->total_bytes,
        .progress = api->options.progress,
    };
    struct ingest_place_options place = {0};
    if (options->place != NULL) {
        place = (struct ingest_place_options){.format = options->place->format,
                                              .tables = options->place->tables,
                                              .table_count = options->place->table_count};
        ingest.place = &place;
    }
    TRY(ingest_open(about != NULL ? fetched : options->paths,
                    about != NULL ? 1 : options->path_count, &ingest, &set, err));
    size_t count = ingest_source_count(set);
    AUTO(mem_free) const struct data_source **sources = mem_zalloc(count + 1, sizeof *sources);
    if (sources == NULL)
        return err_set(err, ERR_MEMORY, "no memory to import");
    for (size_t i = 0; i < count; i++)
        sources[i] = ingest_source(set, i);
    TRY(store_import_tables(import, sources, count, err));
    bool ok = true;
    JSON_AUTO inputs = ingest_inputs(set);
    *ret_skipped = skipped_json(set, &ok);
    if (about != NULL && json_object_update(json_array_get(inputs, 0), about) != 0)
        ok = false;
    TRY(json_built(ok && inputs != NULL, err));
    return store_import_commit(import, inputs, *ret_skipped, commit, err);
}

/* The manifest's tables in the form that other programs rely on; roles come from the profile. */
static json_t *tables_json(const json_t *manifest, const struct profile *profile,
                           int64_t *ret_rejected, bool *ok)
{
    json_t *tables = json_array(), *table;
    size_t idx;
    *ret_rejected = 0;
    json_array_foreach(json_object_get(manifest, "tables"), idx, table)
    {
        json_t *entry = json_object(), *columns = json_array(), *column;
        size_t column_idx;
        json_array_foreach(json_object_get(table, "columns"), column_idx, column)
        {
            json_t *one = json_object();
            bool known = profile != NULL && idx < profile->table_count &&
                         column_idx < profile->tables[idx].table->schema.count;
            json_put_text(one, "name", json_text(column, "name", ""), ok);
            json_put_text(one, "type", json_text(column, "type", ""), ok);
            json_put_text(
                one, "role",
                known ? profile_column_role_text(profile->tables[idx].columns[column_idx].role)
                      : NULL,
                ok);
            json_put_text(one, "role_reason",
                          known ? profile->tables[idx].columns[column_idx].role_reason : NULL, ok);
            json_push(columns, one, ok);
        }
        int64_t rejected = json_int(table, "rejected_rows", 0);
        *ret_rejected += rejected;
        json_put_text(entry, "name", json_text(table, "name", ""), ok);
        json_put_int(entry, "rows", json_int(table, "rows", 0), ok);
        json_put(entry, "columns", columns, ok);
        json_put_int(entry, "rejected_rows", rejected, ok);
        json_put_text(entry, "source", json_text(table, "source", NULL), ok);
        if (json_object_get(table, "place") != NULL)
            json_put(entry, "place", json_incref(json_object_get(table, "place")), ok);
        json_t *warnings = json_object_get(table, "warnings");
        json_put(entry, "warnings", warnings != NULL ? json_incref(warnings) : json_array(), ok);
        json_push(tables, entry, ok);
    }
    return tables;
}

static enum err_code answer(struct api *api, const char *dataset, const struct store_commit *commit,
                            json_t *skipped, int64_t index_ms, int64_t started_us, json_t **ret,
                            struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(profile_free) struct profile *profile = NULL;
    bool ok = true;
    int64_t rejected = 0;
    /* The profile (keys, roles) is part of the import: "the first second" answers from it. */
    TRY(api_open_profile(api, dataset, commit->version, &version, &profile, err));
    json_t *object = json_object();
    json_put_text(object, "dataset", dataset, &ok);
    json_put_text(object, "version", commit->version, &ok);
    json_put_flag(object, "reused", commit->reused, &ok);
    json_put(object, "tables", tables_json(commit->manifest, profile, &rejected, &ok), &ok);
    json_put_int(object, "rejected_rows", rejected, &ok);
    json_put(object, "skipped", json_incref(skipped), &ok);
    json_put_int(object, "relations", (int64_t)profile->relation_count, &ok);
    json_put_int(object, "bytes", json_int(commit->manifest, "bytes", 0), &ok);
    json_put_int(object, "bytes_in", json_int(commit->manifest, "bytes_in", 0), &ok);
    if (index_ms >= 0)
        json_put_int(object, "question_index_ms", index_ms, &ok);
    json_put_int(object, "duration_ms", api_elapsed_ms(started_us), &ok);
    *ret = object;
    return json_built(ok, err);
}

/* Files, a server or another dataset's views: one of them. */
static enum err_code one_origin(const struct api_import_options *options, struct err *err)
{
    int origins = (options->path_count > 0 ? 1 : 0) + (options->from_server != NULL ? 1 : 0) +
                  (options->from_views != NULL ? 1 : 0);
    if (options->cohort != NULL && options->from_views == NULL)
        return err_set(err, ERR_USAGE, "--cohort goes with --from-views: rows of its patients");
    if (origins == 1)
        return ERR_OK;
    if (origins == 0)
        return err_set(err, ERR_USAGE, "nothing to import");
    err_set(err, ERR_USAGE, "files, a server and views can't be imported at once");
    return err_hint(err, "import one after the other, each as a dataset");
}

static void name_of_origin(const struct api_import_options *options,
                           char ret[STORE_LIMIT_NAME_BYTES + 1])
{
    if (options->from_views != NULL)
        (void)snprintf(ret, STORE_LIMIT_NAME_BYTES + 1, "%.*s_tables", STORE_LIMIT_NAME_BYTES - 7,
                       options->from_views);
    else
        api_name_from_path(options->from_server != NULL ? options->from_server : options->paths[0],
                           ret);
}

enum err_code api_import(struct api *api, const struct api_import_options *options, json_t **ret,
                         struct err *err)
{
    int64_t started_us = clock_monotonic_us();
    char derived[STORE_LIMIT_NAME_BYTES + 1];
    const char *dataset = options->name;
    api_begin(api);
    TRY(one_origin(options, err));
    if (dataset == NULL) {
        name_of_origin(options, derived);
        dataset = derived;
    }
    TRY(store_dataset_name_check(dataset, err));
    JSON_AUTO overrides =
        options->from_views == NULL     ? json_incref(options->overrides)
        : options->overrides == NULL    ? json_object()
                                        : json_deep_copy(options->overrides);
    if (options->from_views != NULL && overrides == NULL)
        return err_set(err, ERR_MEMORY, "no memory to import");
    struct store_import_options store = {
        .strict = options->strict,
        .overrides = overrides,
        .null_markers = options->null_markers,
        .null_marker_count = options->null_marker_count,
        .stack = options->stack,
        .stack_count = options->stack_count,
        .show_values = api->options.show_values,
    };
    struct store_place_options place = {0};
    JSON_AUTO keys = NULL;
    JSON_AUTO orders = NULL;
    if (options->place != NULL) {
        TRY(api_place_words(options->place, &keys, &orders, err));
        place = (struct store_place_options){.schema_policy = options->place->schema_policy,
                                             .partition_columns = keys,
                                             .sort_orders = orders};
        store.place = &place;
    }
    AUTO(store_import_close) struct store_import *import = NULL;
    struct store_commit commit = {.manifest = NULL};
    JSON_AUTO skipped = NULL;
    TRY(store_import_begin(api->store, dataset, &store, &import, err));
    TRY(load(api, options, dataset, import, overrides, &commit, &skipped, err));
    JSON_AUTO manifest = commit.manifest;
    store_import_close(import); /* lets go of the lock before the profile is made */
    import = NULL;
    (void)manifest;
    if (!commit.reused)
        api_changes_note(api, dataset);
    int64_t index_ms = -1;
    if (!commit.reused && options->place == NULL && !options->no_question_index)
        api_question_index_note(api, dataset, commit.version, json_text(manifest, "parent", NULL),
                                &index_ms);
    return answer(api, dataset, &commit, skipped, index_ms, started_us, ret, err);
}
