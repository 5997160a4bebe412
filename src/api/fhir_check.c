/* fhir check: what is odd about a version's resources, in one pass over their texts.
 *
 *     ids of all tables ──▶ a set of hashes
 *     each resource ──json_bulk_read──▶ its references: in the set? ──▶ counts by type, path,
 * reason └─▶ meta.profile ──▶ counts
 *
 * The one idea: a reference is looked up by the hash of "Type/id", so any number of resources costs
 * a few bytes each. Ids are shown only to who asks for values. */
#include "api/fhir_check_priv.h"

#include <stdio.h>
#include <string.h>

bool api_holds_resources(const struct data_schema *schema)
{
    static const struct {
        const char *name;
        enum data_kind kind;
    } columns[] = {{"id", DATA_TEXT},
                   {"patient_id", DATA_TEXT},
                   {"content_hash", DATA_BIGINT},
                   {"resource", DATA_JSON}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        int at = data_schema_find(schema, str_of(columns[i].name));
        if (at < 0 || schema->columns[at].type.kind != columns[i].kind)
            return false;
    }
    return true;
}

/* ---- ids ----------------------------------------------------------------------------------------
 */

static enum err_code query_table(struct fhir_check *check, const char *select, const char *table,
                                 struct engine_result **ret, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_printf(&sql, "SELECT %s FROM ", select);
    engine_quote_identifier(&sql, str_of(table));
    TRY(buf_check(&sql, err));
    return engine_query(check->engine, buf_text(&sql), NULL, 0, ret, err);
}

static enum err_code read_ids(struct fhir_check *check, const char *table, struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    TRY(query_table(check, "id", table, &result, err));
    for (;;) {
        const struct data_batch *batch = NULL;
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++)
            if (data_vector_is_valid(&batch->vectors[0], row))
                TRY(fhir_check_add_id(check, str_of(table), batch->vectors[0].text[row], err));
    }
}

/* ---- what could not be read ---------------------------------------------------------------------
 */

/* The record's reason: its third field. *at moves past the record; quoted fields may hold anything.
 */
static struct str next_reason(const char **at, const char *end)
{
    struct str reason = {0};
    int field = 0;
    bool quoted = false;
    const char *start = *at, *walked = *at;
    for (; walked < end; walked++) {
        quoted = quoted != (*walked == '"');
        if (quoted || (*walked != ',' && *walked != '\n'))
            continue;
        if (field++ == 2)
            reason = (struct str){start, (size_t)(walked - start)};
        start = walked + 1;
        if (*walked == '\n')
            break;
    }
    *at = walked < end ? walked + 1 : end;
    return reason;
}

static enum err_code count_without_id(const struct store_table *table, int64_t *ret,
                                      struct err *err)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf text = BUF_INIT;
    *ret = 0;
    if (table->rejected_rows == 0)
        return ERR_OK;
    TRY(file_path_join(table->directory, "rejects.csv", path, err));
    TRY(file_read(path, (size_t)1 << 30, &text, err));
    const char *at = text.ptr, *end = text.ptr + text.len;
    while (at < end)
        *ret += str_has_prefix(next_reason(&at, end), "\"no id");
    return ERR_OK;
}

/* Rows that an older or repeated version of a resource cost, as the import counted them. */
static int64_t left_out(const json_t *manifest, const char *table)
{
    const json_t *tables = json_object_get(manifest, "tables");
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *entry = json_array_get(tables, i);
        const json_t *warnings = json_object_get(entry, "warnings");
        if (strcmp(json_text(entry, "name", ""), table) != 0)
            continue;
        for (size_t k = 0; k < json_array_size(warnings); k++)
            if (strcmp(json_text(json_array_get(warnings, k), "code", ""), "left_out") == 0)
                return json_int(json_array_get(warnings, k), "count", 0);
    }
    return 0;
}

/* ---- tables -------------------------------------------------------------------------------------
 */

struct table_count {
    int64_t resources, without_patient, profiled;
};

static enum err_code read_table(struct fhir_check *check, const char *table,
                                struct table_count *ret, struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    TRY(query_table(check, "id, patient_id, resource", table, &result, err));
    for (;;) {
        const struct data_batch *batch = NULL;
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++) {
            bool profiled = false;
            ret->without_patient += !data_vector_is_valid(&batch->vectors[1], row);
            TRY(fhir_check_resource(check, table, batch->vectors[0].text[row],
                                    batch->vectors[2].text[row], &profiled, err));
            ret->profiled += profiled;
        }
        ret->resources += batch->rows;
        progress_report(check->progress,
                        &(struct progress_event){.phase = "check",
                                                 .subject = table,
                                                 .done = check->resources += batch->rows,
                                                 .total = check->total,
                                                 .unit = "resources"});
        TRY(progress_check(check->progress, err));
    }
}

static enum err_code check_table(struct fhir_check *check, const struct store_version *version,
                                 const struct store_table *table, json_t *types, struct err *err)
{
    struct table_count count = {0};
    int64_t without_id = 0;
    bool ok = true;
    TRY(count_without_id(table, &without_id, err));
    TRY(read_table(check, table->name, &count, err));
    json_t *entry = json_object();
    json_put_text(entry, "type", table->name, &ok);
    json_put_int(entry, "resources", count.resources, &ok);
    json_put_int(entry, "without_patient", count.without_patient, &ok);
    json_put_int(entry, "with_profile", count.profiled, &ok);
    json_put_int(entry, "left_out", left_out(store_version_manifest(version), table->name), &ok);
    json_put_int(entry, "set_aside", table->rejected_rows, &ok);
    json_put_int(entry, "without_id", without_id, &ok);
    json_push(types, entry, &ok);
    return json_built(ok, err);
}

static enum err_code check_tables(struct fhir_check *check, struct api *api,
                                  struct store_version *version, json_t *types, struct err *err)
{
    size_t count = store_version_table_count(version), found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct store_table *table = store_version_table(version, i);
        if (!api_holds_resources(&table->schema))
            continue;
        found++;
        check->total += table->rows;
        TRY(api_attach_names(api, version, check->engine, &table->name, 1, err));
        TRY(fhir_check_add_type(check, table->name, err));
        TRY(read_ids(check, table->name, err));
    }
    if (found == 0) {
        (void)err_set(err, ERR_INPUT, "no table of this version holds FHIR resources");
        return err_hint(err, "import bulk NDJSON or Bundles: marrow import export/");
    }
    for (size_t i = 0; i < count; i++) {
        const struct store_table *table = store_version_table(version, i);
        if (api_holds_resources(&table->schema))
            TRY(check_table(check, version, table, types, err));
    }
    return ERR_OK;
}

enum err_code api_fhir_check(struct api *api, const char *dataset, const char *version_id,
                             json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(fhir_check_done)
    struct fhir_check check = {.show_values = api->options.show_values,
                               .progress = api->options.progress};
    JSON_AUTO types = json_array();
    int64_t started_us = clock_monotonic_us();
    bool ok = true;
    api_begin(api);
    TRY(store_version_open(api->store, dataset, version_id, &version, err));
    struct engine_options options = api_engine_options(api);
    TRY(engine_open(&options, &engine, err));
    check.engine = engine;
    TRY(fhir_check_begin(&check, err));
    TRY(check_tables(&check, api, version, types, err));
    json_t *answer = json_object();
    json_put_text(answer, "dataset", dataset, &ok);
    json_put_text(answer, "version", store_version_id(version), &ok);
    json_put_int(answer, "resources", check.resources, &ok);
    json_put(answer, "types", json_incref(types), &ok);
    fhir_check_put(&check, answer, &ok);
    json_put_int(answer, "duration_ms", api_elapsed_ms(started_us), &ok);
    *ret = answer;
    return json_built(ok, err);
}
