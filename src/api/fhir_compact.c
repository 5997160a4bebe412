/* fhir compact: the recent changes become part of the next version.
 *
 *     version + log ──tables with changes are written anew, the others shared──▶ next version
 * ──CURRENT──▶ views refreshed ──▶ log trimmed
 *
 * A crash after CURRENT leaves a log whose changes the version holds: they stand no more (recent.c)
 * until the next compaction trims them. */
#include "api/recent_priv.h"

#include <stdio.h>
#include <string.h>

struct compacting {
    struct api *api;
    const char *dataset;
    struct store_version *version;
    struct engine *engine;
    struct api_recent recent;
    struct store_commit commit;
    json_t *tables; /* [{name, changes}] */
};

/* ---- a table with its changes, as a source
 * ------------------------------------------------------- */

struct merged {
    struct compacting *compacting;
    char name[LIVE_LIMIT_TYPE_BYTES + 1];
    const struct data_schema *schema;
    struct buf select;
};

static enum err_code push_merged(void *user, const struct data_sink *sink,
                                 const struct progress *progress, struct err *err)
{
    struct merged *merged = user;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    TRY(sink->schema(sink->user, merged->schema, err));
    TRY(engine_query(merged->compacting->engine, buf_text(&merged->select), NULL, 0, &result, err));
    for (;;) {
        TRY(progress_check(progress, err));
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        TRY(sink->batch(sink->user, batch, err));
    }
}

/* The columns in the order of the table's schema; those of a type that is new, as ingest has them.
 */
static void add_columns(const struct data_schema *schema, struct buf *out)
{
    for (size_t i = 0; i < schema->count; i++) {
        buf_puts(out, i == 0 ? "SELECT " : ", ");
        engine_quote_identifier(out, str_of(schema->columns[i].name));
    }
    buf_puts(out, " FROM (");
}

static enum err_code merged_select(struct merged *merged, const struct store_table *table,
                                   struct err *err)
{
    AUTO(buf_done) struct buf source = BUF_INIT;
    add_columns(merged->schema, &merged->select);
    if (table != NULL) {
        buf_puts(&source, "SELECT * FROM ");
        store_table_source(table, &source);
        api_recent_select(table, buf_view(&source), &merged->select);
    } else {
        buf_puts(&merged->select,
                 "SELECT * FROM " RECENT_TABLE " WHERE resource IS NOT NULL AND type = ");
        engine_quote_literal(&merged->select, str_of(merged->name));
    }
    buf_putc(&merged->select, ')');
    return buf_check(&merged->select, err);
}

static enum err_code load_type(struct compacting *compacting, struct store_import *import,
                               const char *name, const struct data_schema *fresh, struct err *err)
{
    static const struct data_newest newest = {.key = 0, .moment = 1, .content = 5};
    const struct store_table *table = store_version_table_find(compacting->version, name);
    struct merged merged = {.compacting = compacting,
                            .schema = table != NULL ? &table->schema : fresh,
                            .select = BUF_INIT};
    (void)snprintf(merged.name, sizeof merged.name, "%s", name);
    struct data_source source = {.name = table != NULL ? table->name : merged.name,
                                 .origin = "recent changes",
                                 .newest = &newest,
                                 .push = push_merged,
                                 .user = &merged};
    enum err_code code = merged_select(&merged, table, err);
    if (code == ERR_OK)
        code = data_schema_copy(merged.schema, &source.schema, err);
    if (code == ERR_OK)
        code = store_import_table(import, &source, err);
    data_schema_done(&source.schema);
    buf_done(&merged.select);
    return code;
}

/* ---- the version
 * --------------------------------------------------------------------------------- */

static enum err_code resource_schema(struct data_schema *schema, struct err *err)
{
    TRY(data_schema_add(schema, STR("id"), DATA_TYPE(TEXT), err));
    TRY(data_schema_add(schema, STR("last_updated"), DATA_TYPE(TIMESTAMPTZ), err));
    TRY(data_schema_add(schema, STR("patient_id"), DATA_TYPE(TEXT), err));
    TRY(data_schema_add(schema, STR("version_id"), DATA_TYPE(TEXT), err));
    TRY(data_schema_add(schema, STR("content_hash"), DATA_TYPE(BIGINT), err));
    return data_schema_add(schema, STR("resource"), DATA_TYPE(JSON), err);
}

static enum err_code load_all(struct compacting *compacting, struct store_import *import,
                              struct err *err)
{
    AUTO(data_schema_done) struct data_schema fresh = {0};
    const char *type;
    json_t *count;
    bool ok = true;
    TRY(resource_schema(&fresh, err));
    json_object_foreach(compacting->recent.types, type, count)
    {
        json_t *one = json_object();
        json_put_text(one, "name", type, &ok);
        json_put(one, "changes", json_incref(count), &ok);
        json_push(compacting->tables, one, &ok);
        TRY(load_type(compacting, import, type, &fresh, err));
    }
    for (size_t i = 0; i < store_version_table_count(compacting->version); i++) {
        const char *name = store_version_table(compacting->version, i)->name;
        if (api_recent_of(&compacting->recent, name) == 0)
            TRY(store_import_keep(import, compacting->version, name, err));
    }
    return json_built(ok, err);
}

static enum err_code make_version(struct compacting *compacting, struct err *err)
{
    AUTO(store_import_close) struct store_import *import = NULL;
    struct store_import_options options = {.strict = true};
    struct engine_options engine = api_engine_options(compacting->api);
    JSON_AUTO inputs = json_array();
    bool ok = true;
    TRY(store_import_begin(compacting->api->store, compacting->dataset, &options, &import, err));
    TRY(store_version_open(compacting->api->store, compacting->dataset, NULL, &compacting->version,
                           err)); /* under the writer's lock: it stays the current one */
    TRY(engine_open(&engine, &compacting->engine, err));
    TRY(api_recent_attach(compacting->api, compacting->version, compacting->engine,
                          &compacting->recent, err));
    if (compacting->recent.count == 0)
        return ERR_OK;
    TRY(load_all(compacting, import, err));
    json_t *input = json_object();
    json_put_text(input, "path", "recent changes", &ok);
    json_put_text(input, "kind", "changes", &ok);
    json_put_int(input, "changes", compacting->recent.count, &ok);
    json_push(inputs, input, &ok);
    TRY(json_built(ok, err));
    return store_import_commit(import, inputs, NULL, &compacting->commit, err);
}

/* What the version holds now. */
static enum err_code trim(struct compacting *compacting, struct err *err)
{
    AUTO(live_close) struct live *live = NULL;
    struct live_options where = {.store = compacting->api->store,
                                 .dataset = compacting->dataset,
                                 .url = compacting->api->options.speed};
    if (compacting->recent.last_seq == 0)
        return ERR_OK;
    TRY(live_open(&where, &live, err));
    return live_trim(live, compacting->recent.last_seq, err);
}

static enum err_code answer(struct compacting *compacting, int64_t started_us, json_t *views,
                            json_t **ret, struct err *err)
{
    bool ok = true, made = compacting->commit.version[0] != '\0';
    json_t *object = json_object();
    json_put_text(object, "dataset", compacting->dataset, &ok);
    json_put_text(object, "before", store_version_id(compacting->version), &ok);
    json_put_text(object, "version",
                  made ? compacting->commit.version : store_version_id(compacting->version), &ok);
    json_put_flag(object, "reused", compacting->commit.reused || !made, &ok);
    json_put_int(object, "changes", compacting->recent.count, &ok);
    json_put(object, "tables", json_incref(compacting->tables), &ok);
    if (views != NULL)
        json_put(object, "views", json_incref(json_object_get(views, "views")), &ok);
    json_put_int(object, "duration_ms", api_elapsed_ms(started_us), &ok);
    *ret = object;
    return json_built(ok, err);
}

static enum err_code refresh_views(struct compacting *compacting, json_t **ret, struct err *err)
{
    JSON_AUTO decided = NULL;
    struct api_views_options options = {.dataset = compacting->dataset, .max_staleness_s = -1};
    TRY(store_dataset_read(compacting->api->store, compacting->dataset, &decided, err));
    return json_object_size(json_object_get(decided, "views")) +
                       json_object_size(json_object_get(decided, "sql_views")) >
                   0
               ? api_views_refresh(compacting->api, &options, ret, err)
               : ERR_OK;
}

enum err_code api_fhir_compact(struct api *api, const char *dataset, json_t **ret, struct err *err)
{
    struct compacting compacting = {.api = api, .dataset = dataset, .tables = json_array()};
    int64_t started_us = clock_monotonic_us();
    JSON_AUTO views = NULL;
    api_begin(api);
    enum err_code code = compacting.tables == NULL
                             ? err_set(err, ERR_MEMORY, "no memory to compact")
                             : make_version(&compacting, err);
    engine_close(compacting.engine);
    if (code == ERR_OK)
        code = trim(&compacting, err);
    if (code == ERR_OK)
        code = refresh_views(&compacting, &views, err);
    if (code == ERR_OK)
        code = answer(&compacting, started_us, views, ret, err);
    if (code != ERR_OK && compacting.version != NULL)
        api_record_failure(api, dataset, "compact", err, started_us);
    json_decref(compacting.commit.manifest);
    json_decref(compacting.tables);
    api_recent_done(&compacting.recent);
    store_version_close(compacting.version);
    return code;
}
