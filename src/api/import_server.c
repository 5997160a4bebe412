/* Import from a FHIR server: an export's files in the import's staging folder, where ingest finds
 * them like any others.
 *
 *     staging/server/0-Patient.ndjson    the current version's resources (only with since)
 *                    1-00000-Patient…    what the server exported
 *                    2-00003-file…       what it deleted
 *
 * The one idea: an export of changes is laid over the version before it by the order of the files,
 * under the same rule as everywhere: the latest version of a resource stays, and deletions count.
 */
#include "api/api_priv.h"

#include "fhir/fhir.h"

#include <stdio.h>
#include <string.h>

enum err_code api_write_resources(struct engine *engine, const char *table, const char *path,
                                  int64_t *ret_rows, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "COPY (SELECT " API_RESOURCE_LINE " FROM ");
    engine_quote_identifier(&sql, str_of(table));
    buf_puts(&sql, ") TO ");
    engine_quote_literal(&sql, str_of(path));
    buf_puts(&sql, " " API_RESOURCE_COPY);
    TRY(buf_check(&sql, err));
    return engine_query_int(engine, buf_text(&sql), 0, ret_rows, err);
}

/* The input of a version that came from this server, with the same group and types; or NULL. */
static const json_t *input_of(const struct store_version *version,
                              const struct api_import_options *options)
{
    const json_t *inputs = json_object_get(store_version_manifest(version), "inputs");
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *input = json_array_get(inputs, i);
        const char *group = options->group != NULL ? options->group : "";
        const char *types = options->types != NULL ? options->types : "";
        if (strcmp(json_text(input, "kind", ""), "server") == 0 &&
            strcmp(json_text(input, "path", ""), options->from_server) == 0 &&
            strcmp(json_text(input, "group", ""), group) == 0 &&
            strcmp(json_text(input, "types", ""), types) == 0)
            return input;
    }
    return NULL;
}

static enum err_code no_last(const char *dataset, struct err *err)
{
    (void)err_set(err, ERR_NOT_FOUND,
                  "no export from this server, group and types is on record for %s", dataset);
    return err_hint(err, "leave --since out: a whole export; the next one can follow it");
}

static enum err_code write_base(struct api *api, struct store_version *version, const char *folder,
                                struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = api_engine_options(api);
    TRY(engine_open(&options, &engine, err));
    for (size_t i = 0; i < store_version_table_count(version); i++) {
        const struct store_table *table = store_version_table(version, i);
        char name[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
        int64_t rows = 0;
        if (!api_holds_resources(&table->schema)) {
            (void)err_set(err, ERR_UNSUPPORTED,
                          "table %s is none of FHIR resources: changes can't be laid over it",
                          table->name);
            return err_hint(err, "give the export a dataset of its own (--name)");
        }
        (void)snprintf(name, sizeof name, "0-%.200s.ndjson", table->name);
        TRY(file_path_join(folder, name, path, err));
        TRY(api_attach_names(api, version, engine, &table->name, 1, err));
        TRY(api_write_resources(engine, table->name, path, &rows, err));
    }
    return ERR_OK;
}

/* Where the export is of changes only: since when, and what they are laid over. */
static enum err_code prepare(struct api *api, const struct api_import_options *options,
                             const char *dataset, const char *folder, struct buf *since,
                             struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    bool last = options->since != NULL && strcmp(options->since, "last") == 0;
    if (options->since == NULL)
        return ERR_OK;
    struct err own = {0};
    enum err_code code = store_version_open(api->store, dataset, NULL, &version, &own);
    if (code == ERR_NOT_FOUND && last)
        return no_last(dataset, err);
    if (code != ERR_OK && code != ERR_NOT_FOUND) {
        *err = own;
        return code;
    }
    const json_t *input = version == NULL ? NULL : input_of(version, options);
    const char *recorded = json_text(input, "transaction_time", NULL);
    if (last && recorded == NULL)
        return no_last(dataset, err);
    buf_puts(since, last ? recorded : options->since);
    TRY(buf_check(since, err));
    return version == NULL ? ERR_OK : write_base(api, version, folder, err);
}

enum err_code api_import_fetch(struct api *api, const struct api_import_options *options,
                               const char *dataset, const char *staging,
                               char ret_folder[FILE_PATH_BYTES], json_t **ret, struct err *err)
{
    AUTO(buf_done) struct buf since = BUF_INIT;
    JSON_AUTO export = NULL;
    bool ok = true;
    TRY(file_path_join(staging, "server", ret_folder, err));
    TRY(file_make_directory(ret_folder, err));
    TRY(prepare(api, options, dataset, ret_folder, &since, err));
    struct fhir_bulk_options bulk = {.url = options->from_server,
                                     .group = options->group,
                                     .types = options->types,
                                     .since = since.len > 0 ? buf_text(&since) : NULL,
                                     .token = options->token,
                                     .directory = ret_folder,
                                     .progress = api->options.progress};
    TRY(fhir_bulk_export(&bulk, &export, err));
    json_t *about = json_object();
    json_put_text(about, "transaction_time", json_text(export, "transaction_time", NULL), &ok);
    if (options->group != NULL)
        json_put_text(about, "group", options->group, &ok);
    if (options->types != NULL)
        json_put_text(about, "types", options->types, &ok);
    if (since.len > 0)
        json_put_text(about, "since", buf_text(&since), &ok);
    json_put_int(about, "problems", json_int(export, "problems", 0), &ok);
    *ret = about;
    return json_built(ok, err);
}
