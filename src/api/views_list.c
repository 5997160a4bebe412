/* view list and view status: what is materialised, how old it is, what a refresh would do. */
#include "api/library_priv.h"
#include "api/recent_priv.h"

#include <string.h>

struct measure {
    int64_t rows, bytes, deltas;
};

/* Rows are the base's and the deltas' (an upper bound where deltas hide rows: counted exactly by
 * status). */
static enum err_code measure_layers(struct api *api, const char *dataset, const json_t *entry,
                                    struct measure *ret, struct err *err)
{
    const json_t *layers = json_object_get(entry, "layers");
    *ret = (struct measure){.deltas = (int64_t)json_array_size(layers) - 1};
    for (size_t i = 0; i < json_array_size(layers); i++) {
        JSON_AUTO manifest = NULL;
        TRY(store_run_read(api->store, dataset, json_string_value(json_array_get(layers, i)),
                           &manifest, err));
        ret->rows += i == 0 ? json_int(manifest, "row_count", 0) : 0;
        ret->bytes += json_int(manifest, "bytes", 0);
    }
    return ERR_OK;
}

/* Over deltas the rows have to be counted. */
static enum err_code count_rows(struct api *api, const char *dataset, const json_t *entry,
                                struct measure *measure, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf layers = BUF_INIT, sql = BUF_INIT;
    struct engine_options options = api_engine_options(api);
    if (measure->deltas <= 0)
        return ERR_OK;
    TRY(engine_open(&options, &engine, err));
    TRY(api_view_layers_sql(api, dataset, entry, true, NULL, &layers, err));
    buf_printf(&sql, "SELECT count(*) FROM (%s)", buf_text(&layers));
    TRY(buf_check(&sql, err));
    return engine_query_int(engine, buf_text(&sql), 0, &measure->rows, err);
}

/* For a close look: an engine that has the changes that came since the version. */
struct look {
    struct engine *engine;
    struct api_recent recent;
};

static enum err_code look_open(struct api *api, struct store_version *version, struct look *look,
                               struct err *err)
{
    struct engine_options options = api_engine_options(api);
    TRY(engine_open(&options, &look->engine, err));
    return api_recent_attach(api, version, look->engine, &look->recent, err);
}

static void look_close(struct look *look)
{
    api_recent_done(&look->recent);
    engine_close(look->engine);
}

/* Of the recent changes of a type those that are not among the resources that changes names. */
static enum err_code recent_besides(const struct look *look, const char *type,
                                    const struct api_changes *changes, int64_t *ret,
                                    struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    *ret = api_recent_of(&look->recent, type);
    if (*ret == 0 || changes->ids == NULL)
        return ERR_OK;
    buf_puts(&sql, "SELECT count(*) FROM " RECENT_TABLE " ANTI JOIN ");
    buf_puts(&sql, changes->ids);
    buf_puts(&sql, " USING (id) WHERE type = ");
    engine_quote_literal(&sql, str_of(type));
    TRY(buf_check(&sql, err));
    return engine_query_int(look->engine, buf_text(&sql), 0, ret, err);
}

/* Resources whose changes the view lacks: between its table and this version's, and recent ones.
 * NULL where it cannot be said. */
static enum err_code pending(struct api *api, struct store_version *version, const json_t *entry,
                             const struct look *look, bool stale, json_t **ret, struct err *err)
{
    struct api_changes changes = {.count = 0};
    int64_t recent = 0;
    if (stale)
        TRY(api_changes_find(api, version, entry, look->engine, true, &changes, err));
    TRY(recent_besides(look, json_text(entry, "resource", ""), &changes, &recent, err));
    *ret = changes.count >= 0 ? json_integer(changes.count + recent) : json_null();
    return ERR_OK;
}

static enum err_code put_state(struct api *api, struct store_version *version, const char *name,
                               const json_t *entry, const struct look *look, json_t *one,
                               struct err *err)
{
    struct measure measure;
    struct api_route route;
    bool ok = true;
    json_t *changes = NULL;
    bool close_look = look != NULL;
    const char *dataset = store_version_dataset(version);
    bool is_sql = json_object_get(entry, "library") != NULL;
    TRY(measure_layers(api, dataset, entry, &measure, err));
    TRY(is_sql ? api_sql_view_route(api, version, entry, API_VIEW_SNAPSHOT, &route, err)
               : api_view_route(api, version, entry, json_text(entry, "resource", ""),
                                API_VIEW_SNAPSHOT, &route, err));
    if (close_look)
        TRY(count_rows(api, dataset, entry, &measure, err));
    if (close_look && is_sql && route.staleness_s > 0)
        changes = json_null(); /* a statement does not say how many */
    else if (close_look && !is_sql)
        TRY(pending(api, version, entry, look, route.staleness_s > 0, &changes, err));
    json_put_text(one, "name", name, &ok);
    json_put_text(one, "resource", json_text(entry, "resource", ""), &ok);
    json_put_flag(one, "builtin", json_flag(entry, "builtin", false), &ok);
    json_put_flag(one, "sql", is_sql, &ok);
    json_put_int(one, "rows", measure.rows, &ok);
    json_put_int(one, "bytes", measure.bytes, &ok);
    json_put_int(one, "deltas", measure.deltas, &ok);
    json_put_text(one, "as_of", json_text(entry, "as_of", ""), &ok);
    json_put_text(one, "version", json_text(entry, "version", ""), &ok);
    json_put_text(one, "refreshed_at", json_text(entry, "refreshed_at", ""), &ok);
    json_put_int(one, "staleness_s", route.staleness_s, &ok);
    json_put_int(one, "max_staleness_s", json_int(entry, "max_staleness_s", 0), &ok);
    json_put_flag(one, "fresh", route.fresh, &ok);
    json_put_text(one, "on_error", json_text(entry, "on_error", "fail"), &ok);
    if (json_object_get(entry, "nulled") != NULL)
        json_put(one, "nulled", api_nulled_brief(json_object_get(entry, "nulled"), &ok), &ok);
    json_put_int(one, "last_duration_ms", json_int(entry, "duration_ms", 0), &ok);
    if (close_look)
        json_put(one, "pending_changes", changes != NULL ? changes : json_integer(0), &ok);
    if (close_look && !is_sql)
        json_put_int(one, "recent_changes",
                     api_recent_of(&look->recent, json_text(entry, "resource", "")), &ok);
    return json_built(ok, err);
}

static json_t *routes_json(struct api *api, const char *dataset, bool *ok)
{
    static const char *const names[STORE_ROUTES] = {[STORE_ROUTE_FRESH] = "materialised",
                                                    [STORE_ROUTE_STALE] = "stale",
                                                    [STORE_ROUTE_ON_THE_FLY] = "on_the_fly",
                                                    [STORE_ROUTE_BITMAP] = "bitmap"};
    int64_t counts[STORE_ROUTES];
    json_t *object = json_object();
    store_routes_read(api->store, dataset, counts);
    for (size_t i = 0; i < STORE_ROUTES; i++)
        json_put_int(object, names[i], counts[i], ok);
    return object;
}

static enum err_code list_all(struct api *api, const char *dataset, const char *const *names,
                              size_t count, struct look *look, json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    JSON_AUTO views = NULL;
    JSON_AUTO sql = NULL;
    bool ok = true;
    const char *name;
    json_t *entry;
    TRY(store_version_open(api->store, dataset, NULL, &version, err));
    TRY(api_views_read(api, dataset, &views, err));
    TRY(api_sql_views_read(api, dataset, &sql, err));
    if (json_object_update_missing(views, sql) != 0)
        return err_set(err, ERR_MEMORY, "no memory for the views");
    JSON_AUTO list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_object_get(views, api_views_plain_name(names[i])) == NULL)
            return api_view_not_materialised(views, api_views_plain_name(names[i]), err);
    if (look != NULL && json_object_size(views) > 0)
        TRY(look_open(api, version, look, err));
    json_object_foreach(views, name, entry)
    {
        bool wanted = count == 0;
        for (size_t i = 0; i < count; i++)
            wanted = wanted || strcmp(api_views_plain_name(names[i]), name) == 0;
        if (!wanted)
            continue;
        json_t *one = json_object();
        json_push(list, one, &ok);
        TRY(put_state(api, version, name, entry, look, one, err));
    }
    json_t *object = json_object();
    json_put_text(object, "dataset", dataset, &ok);
    json_put_text(object, "version", store_version_id(version), &ok);
    json_put(object, "views", json_incref(list), &ok);
    if (look != NULL)
        json_put(object, "routes", routes_json(api, dataset, &ok), &ok);
    *ret = object;
    return json_built(ok, err);
}

enum err_code api_views_list(struct api *api, const char *dataset, const char *const *names,
                             size_t count, bool close_look, json_t **ret, struct err *err)
{
    struct look look = {.engine = NULL};
    api_begin(api);
    enum err_code code =
        list_all(api, dataset, names, count, close_look ? &look : NULL, ret, err);
    look_close(&look);
    return code;
}
