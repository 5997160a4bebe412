/* Which rows a view's name means: those that are kept, or those made now. Deciding reads no data:
 *
 *   kept?  ──no──▶ on the fly
 *     │ yes
 *   kept over this version's very table? ──yes──▶ materialised, nothing newer
 *     │ no
 *   asked for the snapshot, or its age is within the view's target? ──yes──▶ materialised, stale,
 * said so │ no ──▶ on the fly */
#include "api/library_priv.h"
#include "api/recent_priv.h"
#include "api/views_priv.h"

#include "run/run.h"

#include <stdio.h>
#include <string.h>

static const char *table_hash(struct store_version *version, const char *resource)
{
    const struct store_table *table = store_version_table_find(version, resource);
    return table != NULL ? table->hash : "";
}

#define CHAIN_MOST 64

/* Seconds since the first version after `since` came: what it brought is what the view lacks. At
 * least 1: something is lacking. */
static enum err_code staleness(struct api *api, struct store_version *version, const char *since,
                               int64_t *ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *older = NULL;
    const json_t *manifest = store_version_manifest(version);
    int64_t created_us = clock_now_us();
    for (int i = 0; i < CHAIN_MOST; i++) {
        struct store_version *next = NULL;
        const char *parent = json_text(manifest, "parent", NULL);
        (void)clock_parse(json_text(manifest, "created_at", ""), &created_us);
        if (parent == NULL || strcmp(parent, since) == 0 ||
            store_version_open(api->store, store_version_dataset(version), parent, &next, err) !=
                ERR_OK)
            break; /* pruned ones are not asked */
        store_version_close(older);
        older = next;
        manifest = store_version_manifest(older);
    }
    *ret = (clock_now_us() - created_us) / 1000000;
    *ret = *ret < 1 ? 1 : *ret;
    return ERR_OK;
}

enum err_code api_view_route(struct api *api, struct store_version *version, const json_t *entry,
                             const char *resource, enum api_view_mode mode, struct api_route *ret,
                             struct err *err)
{
    const json_t *manifest = store_version_manifest(version);
    const char *now = table_hash(version, resource),
               *created = json_text(manifest, "created_at", "");
    *ret = (struct api_route){
        .route = "on the fly", .fresh = true, .why = "the view is not materialised"};
    (void)snprintf(ret->as_of, sizeof ret->as_of, "%s", created);
    (void)snprintf(ret->version, sizeof ret->version, "%s", store_version_id(version));
    if (entry == NULL)
        return ERR_OK;
    if (strcmp(json_text(entry, "table_hash", "-"), now) == 0) {
        ret->route = "materialised";
        ret->why = "it was materialised over these very resources";
        return ERR_OK;
    }
    TRY(staleness(api, version, json_text(entry, "version", ""), &ret->staleness_s, err));
    ret->fresh = ret->staleness_s <= json_int(entry, "max_staleness_s", 0);
    if (mode == API_VIEW_EXACT || (mode == API_VIEW_LATEST && !ret->fresh)) {
        ret->staleness_s = 0;
        ret->fresh = true;
        ret->why = "what is materialised is of other resources than this version's, and older than "
                   "its target";
        return ERR_OK;
    }
    ret->route = "materialised";
    ret->why = ret->fresh ? "this version's changes are younger than the view's target"
                          : "the snapshot was asked for; this version has changes that it lacks";
    (void)snprintf(ret->as_of, sizeof ret->as_of, "%s", json_text(entry, "as_of", ""));
    (void)snprintf(ret->version, sizeof ret->version, "%s", json_text(entry, "version", ""));
    return ERR_OK;
}

/* ---- attaching ---------------------------------------------------------------------------------
 */

/* Were FHIR resources imported into it? */
static bool holds_fhir(const struct store_version *version)
{
    for (size_t i = 0; i < store_version_table_count(version); i++) {
        const struct data_schema *schema = &store_version_table(version, i)->schema;
        if (data_schema_find(schema, STR("resource")) >= 0 &&
            data_schema_find(schema, STR("content_hash")) >= 0)
            return true;
    }
    return false;
}

bool api_view_is_known(const struct store_version *version, const json_t *views, const char *word)
{
    size_t count = 0;
    const struct fhir_builtin *builtin = fhir_builtin_views(&count);
    const char *name = api_views_plain_name(word);
    if (json_object_get(views, name) != NULL)
        return true;
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(str_of(builtin[i].name), str_of(name)))
            return holds_fhir(version);
    return false;
}

static enum err_code make_views(struct store_version *version, struct engine *engine,
                                const char *name, struct str select, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT, whole = BUF_INIT;
    buf_puts(&sql, "CREATE SCHEMA IF NOT EXISTS " VIEWS_SCHEMA
                   "; CREATE OR REPLACE VIEW " VIEWS_SCHEMA ".");
    engine_quote_identifier(&sql, str_of(name));
    buf_puts(&sql, " AS ");
    buf_add_str(&sql, select);
    /* Plans name a table by one word: NAME, or "sqlonfhir.NAME" where NAME is a table of the
     * version (encounter, beside the resources Encounter). */
    buf_printf(&whole, "%s%s",
               store_version_table_find(version, name) == NULL ? "" : VIEWS_SCHEMA ".", name);
    buf_puts(&sql, "; CREATE OR REPLACE VIEW ");
    engine_quote_identifier(&sql, buf_view(&whole));
    buf_puts(&sql, " AS SELECT * FROM " VIEWS_SCHEMA ".");
    engine_quote_identifier(&sql, str_of(name));
    TRY(buf_check(&whole, err));
    TRY(buf_check(&sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}

/* The rows of the changed resources, in a table of their own. */
static enum err_code evaluate_recent(struct api *api, struct store_version *version,
                                     struct engine *engine, const struct api_view *view,
                                     const char *table, json_t *nulled, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "SELECT CAST(resource AS VARCHAR) FROM " RECENT_TABLE
                   " WHERE resource IS NOT NULL AND type = ");
    engine_quote_literal(&sql, str_of(fhir_view_resource(view->view)));
    TRY(buf_check(&sql, err));
    return api_views_evaluate(api, version, engine, &view, &table, 1, buf_text(&sql), nulled, err);
}

/* batch: a SELECT of the view's rows with VIEWS_RESOURCE. Changed resources' rows are taken from
 * the changes. */
static enum err_code with_recent(struct api *api, struct store_version *version,
                                 struct engine *engine, const struct api_view *view,
                                 const struct api_recent *recent, json_t *nulled,
                                 struct str batch, struct buf *select, struct err *err)
{
    char table[STORE_LIMIT_NAME_BYTES + 16];
    const char *resource = fhir_view_resource(view->view);
    buf_puts(select, "SELECT * EXCLUDE (" VIEWS_RESOURCE ") FROM (");
    buf_add_str(select, batch);
    buf_puts(select, ")");
    if (recent == NULL || api_recent_of(recent, resource) == 0)
        return buf_check(select, err);
    (void)snprintf(table, sizeof table, "%s__recent", view->name);
    TRY(evaluate_recent(api, version, engine, view, table, nulled, err));
    buf_puts(select,
             " ANTI JOIN (SELECT id AS " VIEWS_RESOURCE " FROM " RECENT_TABLE " WHERE type = ");
    engine_quote_literal(select, str_of(resource));
    buf_puts(select, ") USING (" VIEWS_RESOURCE ") UNION ALL SELECT * EXCLUDE (" VIEWS_RESOURCE
                     ") FROM " VIEWS_MADE ".");
    engine_quote_identifier(select, str_of(table));
    return buf_check(select, err);
}

/* Evaluated now, over this version's resources. */
static enum err_code rows_now(struct api *api, struct store_version *version, struct engine *engine,
                              const struct api_view *view, json_t *nulled, struct buf *ret,
                              struct err *err)
{
    const char *tables[] = {view->name};
    TRY(api_views_evaluate(api, version, engine, &view, tables, 1, NULL, nulled, err));
    buf_puts(ret, "SELECT * FROM " VIEWS_MADE ".");
    engine_quote_identifier(ret, str_of(view->name));
    return buf_check(ret, err);
}

static void warn_stale(struct api *api, const char *name, const struct api_route *route)
{
    if (strcmp(route->route, "materialised") == 0 && route->staleness_s > 0)
        api_warn(api,
                 "view %s is as of %s and lacks changes that are %lld s old; 'marrow view refresh' "
                 "takes them in",
                 name, route->as_of, (long long)route->staleness_s);
}

json_t *api_route_json(const struct api_route *route, bool *ok)
{
    json_t *object = json_object();
    json_put_text(object, "route", route->route, ok);
    json_put_text(object, "as_of", route->as_of, ok);
    json_put_text(object, "version", route->version, ok);
    json_put_int(object, "staleness_s", route->staleness_s, ok);
    json_put_flag(object, "fresh", route->fresh, ok);
    json_put_text(object, "why", route->why, ok);
    return object;
}

void api_view_routed(struct api *api, const struct store_version *version,
                     const struct api_query_marts *marts, const char *name,
                     const struct api_route *route, bool *ok)
{
    if (marts != NULL && marts->routes != NULL) {
        json_put(marts->routes, name, api_route_json(route, ok), ok);
        store_route_count(api->store, store_version_dataset(version),
                          strcmp(route->route, "materialised") != 0 ? STORE_ROUTE_ON_THE_FLY
                          : route->staleness_s > 0                  ? STORE_ROUTE_STALE
                                                                    : STORE_ROUTE_FRESH);
    }
    warn_stale(api, name, route);
}

/* What of the view's rows is null because it broke a rule: into who asks, else a warning. */
static enum err_code tell_nulled(struct api *api, const struct api_query_marts *marts,
                                 const struct api_view *view, const json_t *of, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    bool ok = true;
    if (json_int(of, "resources", 0) == 0)
        return ERR_OK;
    if (marts != NULL && marts->nulled != NULL) {
        api_nulled_merge(marts->nulled, view->name, of, &ok);
        json_put_text(json_object_get(marts->nulled, view->name), "resource",
                      fhir_view_resource(view->view), &ok);
        return json_built(ok, err);
    }
    api_nulled_print(view->name, fhir_view_resource(view->view), of, 0, &text);
    api_warn(api, "%s", buf_text(&text));
    return ERR_OK;
}

/* Who asks may have no --on-error; a view that is kept can have it for all who read it. */
static enum err_code hint_null(const struct store_version *version,
                               const struct api_query_marts *marts, const struct api_view *view,
                               enum err_code code, struct err *err)
{
    char create[ERR_TEXT_BYTES];
    if (code != ERR_INPUT || strstr(err->hint, FHIR_HINT_NULL) == NULL)
        return code;
    (void)snprintf(create, sizeof create,
                   "'marrow view create %s %s --on-error null' keeps the view with such values "
                   "null, and counts them",
                   store_version_dataset(version), view->name);
    return marts != NULL && marts->takes_on_error
               ? err_hint(err, FHIR_HINT_NULL "; %s", create)
               : err_hint(err, "%s", create);
}

/* made, not NULL: a value that breaks a rule is null, and told there. */
static enum err_code view_sql(struct api *api, struct store_version *version,
                              struct engine *engine, const struct api_view *view,
                              const json_t *entry, const struct api_query_marts *marts,
                              bool materialised, json_t *made, json_t *allowed, struct buf *ret,
                              struct err *err)
{
    AUTO(buf_done) struct buf batch = BUF_INIT;
    if (materialised)
        TRY(api_view_layers_sql(api, store_version_dataset(version), entry, true, allowed, &batch,
                                err));
    else
        TRY(rows_now(api, version, engine, view, made, &batch, err));
    return with_recent(api, version, engine, view, marts != NULL ? marts->recent : NULL, made,
                       buf_view(&batch), ret, err);
}

static enum err_code attach_view(struct api *api, struct store_version *version,
                                 struct engine *engine, const struct api_view *view,
                                 const json_t *entry, const struct api_query_marts *marts,
                                 json_t *allowed, struct err *err)
{
    AUTO(buf_done) struct buf select = BUF_INIT;
    JSON_AUTO made = NULL;
    struct api_route route;
    const char *table;
    json_t *of;
    bool ok = true, exact = marts == NULL || marts->exact,
         snapshot = marts != NULL && marts->snapshot;
    enum api_view_mode mode = snapshot ? API_VIEW_SNAPSHOT
                              : exact  ? API_VIEW_EXACT
                                       : API_VIEW_LATEST;
    TRY(api_view_route(api, version, entry, fhir_view_resource(view->view), mode, &route, err));
    api_view_routed(api, version, marts, view->name, &route, &ok);
    TRY(json_built(ok, err));
    bool materialised = strcmp(route.route, "materialised") == 0;
    if ((marts != NULL && marts->null_on_error) ||
        strcmp(json_text(entry, "on_error", "fail"), "null") == 0)
        made = json_object();
    TRY(hint_null(version, marts, view,
                  view_sql(api, version, engine, view, entry, marts, materialised, made, allowed,
                           &select, err),
                  err));
    if (materialised)
        TRY(tell_nulled(api, marts, view, json_object_get(entry, "nulled"), err));
    json_object_foreach(made, table, of)
    {
        (void)table;
        TRY(tell_nulled(api, marts, view, of, err));
    }
    return make_views(version, engine, view->name, buf_view(&select), err);
}

/* NULL: not materialised, or another view of that name is. */
static const json_t *entry_of(const json_t *views, const struct api_view *view)
{
    const json_t *entry = json_object_get(views, view->name);
    return entry != NULL &&
                   json_equal(json_object_get(entry, "view"), fhir_view_definition(view->view))
               ? entry
               : NULL;
}

enum err_code api_view_attach(struct api *api, struct store_version *version, struct engine *engine,
                              const char *word, const struct api_query_marts *marts,
                              json_t *allowed, bool *ret_found, struct err *err)
{
    AUTO(api_view_done) struct api_view found = {.view = NULL};
    JSON_AUTO views = NULL;
    const struct api_view *view = marts != NULL ? marts->view : NULL;
    if (view != NULL && !str_equal_nocase(str_of(view->name), str_of(api_views_plain_name(word))))
        view = NULL;
    if (marts != NULL && marts->library != NULL) {
        TRY(api_library_attach(api, version, engine, marts->library, word, marts, allowed,
                               ret_found, err));
        if (*ret_found)
            return ERR_OK;
    }
    if (marts != NULL && marts->views != NULL)
        views = json_incref((json_t *)(uintptr_t)marts->views);
    else
        TRY(api_views_read(api, store_version_dataset(version), &views, err));
    *ret_found = view != NULL || api_view_is_known(version, views, word);
    if (!*ret_found)
        return api_sql_view_attach(api, version, engine, word, marts, allowed, ret_found, err);
    if (view == NULL)
        TRY(api_view_find(views, api_views_plain_name(word), &found, err));
    view = view != NULL ? view : &found;
    return attach_view(api, version, engine, view, entry_of(views, view), marts, allowed, err);
}

/* hash: of the table of resources; "" where there is none. */
static enum err_code lowered_over(const struct api_view *view, const char *hash,
                                  char ret_identity[65], struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = NULL;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(fhir_view_lower(view->view, plan, fhir_view_resource(view->view),
                        hash[0] != '\0' ? hash : "no such table", false, &root, err));
    return plan_signature(root, ret_identity, err);
}

enum err_code api_view_rows_identity(const struct api_view *view, const char *table_hash,
                                     char ret[65], struct err *err)
{
    return lowered_over(view, table_hash, ret, err);
}

/* What is kept of these very rows knows it already: nothing is lowered. entry NULL: it is not kept. */
static enum err_code lowered(struct store_version *version, const struct api_view *view,
                             const json_t *entry, char ret_identity[65], struct err *err)
{
    const char *hash = table_hash(version, fhir_view_resource(view->view)),
               *kept = json_text(entry, "identity", "");
    if (strlen(kept) != 64 || strcmp(json_text(entry, "table_hash", "-"), hash) != 0)
        return lowered_over(view, hash, ret_identity, err);
    memcpy(ret_identity, kept, 65);
    return ERR_OK;
}

enum err_code api_view_kept_identity(const json_t *views, const char *name, char ret_identity[65],
                                     struct err *err)
{
    AUTO(api_view_done) struct api_view view = {.view = NULL};
    TRY(api_view_find(views, name, &view, err));
    const char *kept = json_text(json_object_get(views, name), "identity", "");
    if (strlen(kept) == 64) {
        memcpy(ret_identity, kept, 65);
        return ERR_OK;
    }
    return lowered_over(&view, json_text(json_object_get(views, name), "table_hash", ""),
                        ret_identity, err);
}

enum err_code api_view_identity(struct api *api, struct store_version *version, const char *word,
                                char ret_identity[65], struct data_schema *ret_schema,
                                bool *ret_found, struct err *err)
{
    AUTO(api_view_done) struct api_view view = {.view = NULL};
    JSON_AUTO views = NULL;
    TRY(api_views_read(api, store_version_dataset(version), &views, err));
    *ret_found = api_view_is_known(version, views, word);
    if (!*ret_found)
        return ERR_OK;
    TRY(api_view_find(views, api_views_plain_name(word), &view, err));
    TRY(lowered(version, &view, entry_of(views, &view), ret_identity, err));
    return fhir_view_schema(view.view, ret_schema, err);
}

enum err_code api_view_means(struct api *api, struct store_version *version, const json_t *views,
                             const char *word, enum api_view_mode mode,
                             struct api_view_meaning *ret, bool *ret_found, struct err *err)
{
    AUTO(api_view_done) struct api_view view = {.view = NULL};
    *ret_found = api_view_is_known(version, views, word);
    if (!*ret_found)
        return ERR_OK;
    TRY(api_view_find(views, api_views_plain_name(word), &view, err));
    const char *resource = fhir_view_resource(view.view);
    bool taken = store_version_table_find(version, view.name) != NULL;
    (void)snprintf(ret->name, sizeof ret->name, "%s%s", taken ? VIEWS_SCHEMA "." : "", view.name);
    (void)snprintf(ret->resource, sizeof ret->resource, "%s", resource);
    ret->builtin = view.builtin;
    ret->one_row = fhir_view_one_row(view.view);
    TRY(api_view_route(api, version, entry_of(views, &view), resource, mode, &ret->route, err));
    TRY(lowered(version, &view, entry_of(views, &view), ret->identity, err));
    return fhir_view_schema(view.view, &ret->schema, err);
}
