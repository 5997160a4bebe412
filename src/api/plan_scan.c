/* What a plan's scans say, and what the scanned table's declared order saves.
 *
 *     scan labs {"options": {"pruning": "off"}}            ─▶ over the dataset's settings, for this
 * run labs: sort_order subject_id, charttime (seen to hold) ─▶ ordered_by of a plan without a sort;
 *                                                             a sort by its beginning is left out
 */
#include "api/plan_priv.h"
#include "plan/lineage.h"

#include <string.h>

#define SORTED_LIMIT 100

/* The order is looked at once for each content of the table; then it is noted with it. */
static enum err_code look_at_order(struct api *api, struct store_version *version,
                                   const char *table, json_t **ret, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = api_engine_options(api);
    TRY(engine_open(&options, &engine, err));
    TRY(store_version_attach(version, engine, &table, 1, err));
    return store_version_sorted_by(version, engine, table, ret, err);
}

static enum err_code sorted_by(struct api *api, struct store_version *version,
                               const struct plan_rel *scan, json_t **ret, struct err *err)
{
    JSON_AUTO settings = NULL;
    *ret = NULL;
    if (scan == NULL || store_version_table_find(version, scan->table) == NULL)
        return ERR_OK;
    TRY(store_version_settings(version, scan->table, &settings, err));
    if (json_array_size(store_registry_value(settings, "sort_order")) == 0)
        return ERR_OK;
    TRY(store_version_sorted_by(version, NULL, scan->table, ret, err));
    if (json_array_size(*ret) > 0)
        return ERR_OK;
    json_decref(*ret);
    return look_at_order(api, version, scan->table, ret, err);
}

enum err_code api_ready_order(struct api *api, const char *engine_url, struct api_ready *ready,
                              struct err *err)
{
    JSON_AUTO columns = NULL;
    const struct plan_ordered_by *keys = NULL;
    const char *names[SORTED_LIMIT];
    size_t count = 0, known = 0;
    bool ok = true;
    if (engine_url != NULL) /* a server gives rows in no order of ours */
        return ERR_OK;
    TRY(sorted_by(api, ready->version, plan_ordered_scan(ready->root), &columns, err));
    for (; known < json_array_size(columns) && known < SORTED_LIMIT; known++)
        names[known] = json_string_value(json_array_get(columns, known));
    if (known == 0)
        return ERR_OK;
    const struct plan_rel *less = plan_without_sort(ready->root, names, known, ready->bound.arena);
    json_put_flag(ready->about, "presorted", less != ready->root, &ok);
    ready->root = less;
    TRY(plan_ordering_from(ready->root, names, known, ready->bound.arena, &keys, &count, err));
    json_t *ordered_by = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *key = json_object();
        json_put_text(key, "name", keys[i].column, &ok);
        json_put_flag(key, "descending", keys[i].descending, &ok);
        json_put_flag(key, "nulls_first", keys[i].nulls_first, &ok);
        json_push(ordered_by, key, &ok);
    }
    json_put(ready->about, "ordered_by", ordered_by, &ok);
    return json_built(ok, err);
}
