/* What changed between the resources that a view was made of and this version's, as a run of its
 * own.
 *
 *     table then ──id, content_hash──┐
 *                                    ├─▶ ids that differ ──texts of these──▶ run {id, gone,
 * resource} table now ───id, content_hash──┘
 *
 * An import notes it for the views that the dataset has, while the texts are near; so a refresh
 * reads what changed and nothing else. Where no note is there (an older store, a version gone back
 * to) the refresh makes it first. */
#include "api/views_priv.h"

#include <string.h>

#define CHANGED VIEWS_MADE ".changed" /* ids that differ */
#define ROWS "marrow_changes_rows"    /* with texts */

static bool can_compare(const struct store_table *table)
{
    return table != NULL && data_schema_find(&table->schema, STR("content_hash")) >= 0 &&
           data_schema_find(&table->schema, STR("id")) >= 0 &&
           data_schema_find(&table->schema, STR("resource")) >= 0;
}

enum err_code api_changes_identity(const json_t *entry, const struct store_table *now,
                                   struct buf *ret, struct err *err)
{
    buf_printf(ret, "%s..%s", json_text(entry, "table_hash", ""), now != NULL ? now->hash : "");
    return buf_check(ret, err);
}

/* ---- the note's identity ------------------------------------------------------------------------
 */

static enum err_code plan_of(const json_t *entry, const struct store_table *now, struct plan *plan,
                             const struct plan_rel **ret, struct err *err)
{
    AUTO(data_schema_done) struct data_schema schema = {0};
    AUTO(buf_done) struct buf identity = BUF_INIT;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(data_schema_add(&schema, STR("id"), DATA_TYPE(TEXT), err));
    TRY(data_schema_add(&schema, STR("gone"), DATA_TYPE(BOOLEAN), err));
    TRY(data_schema_add(&schema, STR("resource"), DATA_TYPE(JSON), err));
    TRY(api_changes_identity(entry, now, &identity, err));
    *ret = plan_scan_identified(plan, VIEWS_CHANGES, buf_text(&identity), &schema);
    return plan_finish(plan, *ret, err);
}

/* ---- finding them -------------------------------------------------------------------------------
 */

/* CHANGED(id, gone): thin columns of both tables are read, no text. */
static enum err_code find(struct engine *engine, const struct store_table *then,
                          const struct store_table *now, int64_t *ret, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE SCHEMA IF NOT EXISTS " VIEWS_MADE "; CREATE OR REPLACE TABLE " CHANGED
                   " AS SELECT coalesce(n.id, o.id) AS id, n.id IS NULL AS gone FROM ");
    store_table_source(now, &sql);
    buf_puts(&sql, " n FULL JOIN ");
    store_table_source(then, &sql);
    buf_puts(
        &sql,
        " o ON n.id = o.id WHERE n.id IS NULL OR o.id IS NULL OR n.content_hash <> o.content_hash");
    TRY(buf_check(&sql, err));
    TRY(engine_execute(engine, buf_text(&sql), NULL, 0, err));
    return engine_query_int(engine, "SELECT count(*) FROM " CHANGED, 0, ret, err);
}

static enum err_code add_texts(struct engine *engine, const struct store_table *now,
                               struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE OR REPLACE VIEW " ROWS
                   " AS SELECT id, false AS gone, CAST(resource AS JSON) AS resource FROM ");
    store_table_source(now, &sql);
    buf_puts(&sql, " SEMI JOIN " CHANGED " USING (id) UNION ALL SELECT id, true, NULL FROM " CHANGED
                   " WHERE gone");
    TRY(buf_check(&sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code keep(struct api *api, struct store_version *version,
                          struct run_request *request, const struct store_table *now,
                          json_t **ret_manifest, struct err *err)
{
    struct engine_options options = api_engine_options(api);
    struct run_result result;
    TRY(add_texts(request->engine, now, err));
    request->rows_table = ROWS;
    TRY(run_materialise(api->store, version, request, &options, &result, err));
    *ret_manifest = result.manifest;
    return engine_execute(request->engine, "DROP VIEW " ROWS "; DROP TABLE " CHANGED, NULL, 0, err);
}

/* The table that the entry's view was made of; NULL: it is no more, or can't be compared. */
static const struct store_table *table_then(struct api *api, const struct store_version *version,
                                            const json_t *entry, struct store_version **ret_version)
{
    if (store_version_open(api->store, store_version_dataset(version),
                           json_text(entry, "version", ""), ret_version, ERR_IGNORED) != ERR_OK)
        return NULL;
    const struct store_table *then =
        store_version_table_find(*ret_version, json_text(entry, "resource", ""));
    bool same = can_compare(then) && strcmp(then->hash, json_text(entry, "table_hash", "")) == 0;
    return same ? then : NULL;
}

static enum err_code compare(struct api *api, struct store_version *version, const json_t *entry,
                             const struct store_table *now, struct engine *engine,
                             struct api_changes *ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *before = NULL;
    const struct store_table *then = table_then(api, version, entry, &before);
    if (then == NULL)
        return ERR_OK;
    TRY(store_version_attach(before, engine, &then->name, 1, err));
    TRY(store_version_attach(version, engine, &now->name, 1, err));
    TRY(find(engine, then, now, &ret->count, err));
    ret->few = ret->count <= now->rows / VIEWS_DELTA_SHARE;
    ret->ids = CHANGED;
    return ERR_OK;
}

enum err_code api_changes_find(struct api *api, struct store_version *version, const json_t *entry,
                               struct engine *engine, bool count_only, struct api_changes *ret,
                               struct err *err)
{
    static const char *const sort[] = {"id"};
    AUTO(plan_free) struct plan *plan = plan_new();
    JSON_AUTO manifest = NULL;
    char run_id[65], signature[65];
    const struct store_table *now =
        store_version_table_find(version, json_text(entry, "resource", ""));
    struct run_request request = {.kind = "changes",
                                  .name = json_text(entry, "resource", ""),
                                  .sort_columns = sort,
                                  .sort_count = 1,
                                  .engine = engine};
    *ret = (struct api_changes){.count = -1};
    if (!can_compare(now))
        return ERR_OK;
    TRY(plan_of(entry, now, plan, &request.plan, err));
    TRY(run_id_of(&request, version, run_id, signature, err));
    if (store_run_read(api->store, store_version_dataset(version), run_id, &manifest,
                       ERR_IGNORED) != ERR_OK) {
        TRY(compare(api, version, entry, now, engine, ret, err));
        if (count_only || !ret->few)
            return ERR_OK;
        TRY(keep(api, version, &request, now, &manifest, err));
    }
    ret->count = json_int(manifest, "row_count", 0);
    ret->few = true;
    ret->ids = VIEWS_CHANGES;
    return run_attach(api->store, store_version_dataset(version), manifest, VIEWS_CHANGES, engine,
                      err);
}

/* ---- at an import -------------------------------------------------------------------------------
 */

static enum err_code note_all(struct api *api, const char *dataset, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(engine_close) struct engine *engine = NULL;
    JSON_AUTO views = NULL;
    struct engine_options options = api_engine_options(api);
    const char *name;
    json_t *entry;
    TRY(api_views_read(api, dataset, &views, err));
    if (json_object_size(views) == 0)
        return ERR_OK;
    TRY(store_version_open(api->store, dataset, NULL, &version, err));
    json_object_foreach(views, name, entry)
    {
        struct api_changes changes;
        const struct store_table *now =
            store_version_table_find(version, json_text(entry, "resource", ""));
        (void)name;
        if (now == NULL || strcmp(now->hash, json_text(entry, "table_hash", "")) == 0)
            continue;
        if (engine == NULL)
            TRY(engine_open(&options, &engine, err));
        TRY(api_changes_find(api, version, entry, engine, false, &changes, err));
    }
    return ERR_OK;
}

void api_changes_note(struct api *api, const char *dataset)
{
    struct err err;
    if (note_all(api, dataset, &err) != ERR_OK)
        api_warn(api, "what changed could not be noted for views; a refresh will look for it: %s",
                 err.message);
}
