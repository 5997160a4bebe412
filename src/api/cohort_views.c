/* What the tables of a cohort's views are in a version, and how they come into an engine.
 *
 *     a dataset of FHIR resources: its SQL-on-FHIR views, materialised or evaluated now, always of
 *     this version's resources; what came since lies over them unless the rows are kept
 *     the same on a server: tables that `view create --engine` put there (cohort_server.c)
 *     else: a table of that name, or a run */
#include "api/cohort_priv.h"
#include "api/views_priv.h"

#include "live/live.h"
#include "run/run.h"

#include <stdio.h>
#include <string.h>

/* The column is a key of the table: unique and never null, as the profile of the import found. */
static bool is_key(struct api_cohort *cohort, const char *table, const char *column)
{
    AUTO(profile_free) struct profile *profile = NULL;
    if (profile_open_stored(cohort->api->store, cohort->version, &profile, ERR_IGNORED) != ERR_OK ||
        profile == NULL)
        return false;
    for (size_t t = 0; t < profile->table_count; t++) {
        const struct store_table *stored = profile->tables[t].table;
        int at = data_schema_find(&stored->schema, str_of(column));
        if (str_equal_nocase(str_of(stored->name), str_of(table)))
            return at >= 0 && profile->tables[t].columns[at].unique;
    }
    return false;
}

static bool holds_fhir(const struct store_version *version)
{
    for (size_t i = 0; i < store_version_table_count(version); i++)
        if (api_holds_resources(&store_version_table(version, i)->schema))
            return true;
    return false;
}

/* ---- what a name means --------------------------------------------------------------------------
 */

static void put_source(struct api_cohort *cohort, const char *name, const char *route, bool *ok)
{
    json_t *one = json_object();
    json_put_text(one, "route", route, ok);
    json_put(cohort->sources, name, one, ok);
}

/* A view of resources has a row of each, and a patient is a resource. */
static bool is_view_key(struct api_cohort *cohort, const struct api_view_meaning *view,
                        const char *column)
{
    bool patient = strcmp(view->resource, "Patient") == 0 && strcmp(column, "patient_id") == 0;
    return view->builtin && view->one_row && (patient || strcmp(column, "id") == 0) &&
           is_key(cohort, view->resource, "id");
}

static enum err_code view_table(struct api_cohort *cohort, const char *name, const char *patient,
                                struct cohort_table *ret, struct err *err)
{
    struct api_view_meaning view = {.builtin = false};
    bool found = false, ok = true;
    /* Exactly this version's rows: views of different ages make no cohort, nor what an index holds.
     * Who asks for the snapshot gets what is kept, and is told of different ages. */
    enum api_view_mode mode = cohort->options->snapshot ? API_VIEW_SNAPSHOT : API_VIEW_EXACT;
    if (cohort->fhir_views == NULL)
        TRY(api_views_read(cohort->api, cohort->options->dataset, &cohort->fhir_views, err));
    enum err_code code = api_view_means(cohort->api, cohort->version, cohort->fhir_views, name,
                                        mode, &view, &found, err);
    if (code == ERR_OK && found && view.route.staleness_s > 0)
        code = api_view_kept_identity(cohort->fhir_views, api_views_plain_name(view.name),
                                      view.identity, err);
    if (code != ERR_OK || !found) {
        data_schema_done(&view.schema);
        return code;
    }
    data_schema_done(&cohort->schema);
    cohort->schema = view.schema;
    (void)snprintf(cohort->identity, sizeof cohort->identity, "%s", view.identity);
    (void)snprintf(cohort->name, sizeof cohort->name, "%s", view.name);
    json_put(cohort->sources, view.name, api_route_json(&view.route, &ok), &ok);
    if (cohort->options->engine != NULL)
        json_put_text(cohort->wanted, view.name, view.identity, &ok);
    *ret = (struct cohort_table){.schema = &cohort->schema,
                                 .identity = cohort->identity,
                                 .one_row_each =
                                     patient != NULL && is_view_key(cohort, &view, patient),
                                 .name = cohort->name};
    return json_built(ok, err);
}

static enum err_code run_table(struct api_cohort *cohort, const char *name,
                               struct cohort_table *ret, struct err *err)
{
    JSON_AUTO run = NULL;
    bool ok = true;
    enum err_code code = api_run_find(cohort->api, cohort->version, name,
                                      json_text(cohort->options->runs, name, NULL), &run, err);
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(code);
    data_schema_done(&cohort->schema);
    TRY(data_schema_from_json(json_object_get(run, "schema"), name, &cohort->schema, err));
    json_put_text(cohort->runs, name, json_text(run, "run_id", ""), &ok);
    put_source(cohort, name, "run", &ok);
    *ret = (struct cohort_table){.schema = &cohort->schema,
                                 .identity = json_text(cohort->runs, name, "")};
    return json_built(ok, err);
}

enum err_code api_cohort_table(void *user, const char *name, const char *patient,
                               struct cohort_table *ret, struct err *err)
{
    struct api_cohort *cohort = user;
    const struct store_table *table = store_version_table_find(cohort->version, name);
    bool ok = true, meant = table != NULL && strcmp(table->name, name) == 0;
    *ret = (struct cohort_table){.schema = NULL};
    if (!meant && holds_fhir(cohort->version))
        TRY(view_table(cohort, name, patient, ret, err));
    if (ret->schema != NULL)
        return ERR_OK;
    if (table == NULL)
        return run_table(cohort, name, ret, err);
    put_source(cohort, name, "table", &ok);
    *ret = (struct cohort_table){.schema = &table->schema,
                                 .identity = table->hash,
                                 .one_row_each =
                                     patient != NULL && is_key(cohort, table->name, patient)};
    return json_built(ok, err);
}

/* ---- in an engine -------------------------------------------------------------------------------
 */

static enum err_code open_engine(struct api_cohort *cohort, struct err *err)
{
    struct engine_options options = api_engine_options(cohort->api);
    if (cohort->engine != NULL)
        return ERR_OK;
    if (api_cohort_on_server(cohort))
        return api_cohort_server_open(cohort, err);
    options.url = cohort->options->engine;
    return options.url != NULL ? run_engine_open(&options, cohort->version, &cohort->engine, err)
                               : engine_open(&options, &cohort->engine, err);
}

static bool has_recent(const struct api_cohort *cohort)
{
    struct live_options log = {.store = cohort->api->store,
                               .dataset = cohort->options->dataset,
                               .url = cohort->api->options.speed};
    return holds_fhir(cohort->version) && !live_is_empty(&log);
}

enum err_code api_cohort_recent(struct api_cohort *cohort, struct err *err)
{
    bool named = cohort->options->version != NULL; /* its rows alone, for ever the same */
    if (cohort->exact || named || cohort->options->snapshot || cohort->options->engine != NULL || !has_recent(cohort))
        return ERR_OK;
    TRY(open_engine(cohort, err));
    return api_recent_attach(cohort->api, cohort->version, cohort->engine, &cohort->recent, err);
}

enum err_code api_cohort_attach(struct api_cohort *cohort, const char *const *names, size_t count,
                                struct err *err)
{
    struct api_query_marts marts = {.pinned = cohort->runs,
                                    .snapshot = cohort->options->snapshot,
                                    .exact = true,
                                    .null_on_error = cohort->options->null_on_error,
                                    .takes_on_error = !cohort->exact,
                                    .nulled = cohort->nulled,
                                    .recent = &cohort->recent};
    bool ok = true;
    TRY(open_engine(cohort, err));
    if (api_cohort_on_server(cohort))
        return api_cohort_server_check(cohort, names, count, err);
    for (size_t i = 0; i < count && cohort->options->engine == NULL; i++) {
        if (json_object_get(cohort->attached, names[i]) != NULL)
            continue;
        TRY(api_attach_pinned(cohort->api, cohort->version, cohort->engine, &names[i], 1, &marts,
                              err));
        json_put_flag(cohort->attached, names[i], true, &ok);
    }
    return json_built(ok, err);
}

enum err_code api_cohort_attach_of(struct api_cohort *cohort, const struct plan_rel *root,
                                   struct err *err)
{
    const char **names = NULL;
    size_t count = 0;
    TRY(plan_tables(root, &names, &count, err));
    enum err_code code = api_cohort_attach(cohort, names, count, err);
    mem_free(names);
    return code;
}

/* ---- what the answer says of it -----------------------------------------------------------------
 */

/* A view of the plan that is evaluated now; NULL: none. */
static const char *evaluated_now(const struct api_cohort *cohort, const char *const *names,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(json_text(json_object_get(cohort->sources, names[i]), "route", ""),
                   "on the fly") == 0)
            return names[i];
    return NULL;
}

/* The oldest of what is read; *ret_several: it is of several versions. *ret_stale: it lacks what
 * came since. */
static const char *as_of_oldest(const struct api_cohort *cohort, const char *const *names,
                                size_t count, bool *ret_several, bool *ret_stale)
{
    const char *oldest =
                   json_text(store_version_manifest(cohort->version), "created_at", ""),
               *version = NULL;
    for (size_t i = 0; i < count; i++) {
        const json_t *source = json_object_get(cohort->sources, names[i]);
        const char *of = json_text(source, "version", NULL), *as_of = json_text(source, "as_of", "");
        if (of == NULL)
            continue;
        *ret_several = *ret_several || (version != NULL && strcmp(version, of) != 0);
        *ret_stale = *ret_stale || json_int(source, "staleness_s", 0) > 0;
        version = of;
        oldest = strcmp(as_of, oldest) < 0 ? as_of : oldest;
    }
    return oldest;
}

static enum err_code put_sources(struct api_cohort *cohort, const char *const *names, size_t count,
                                 const char **ret_route, struct buf *ret_why, json_t *answer,
                                 struct err *err)
{
    bool ok = true, several = false, stale = false;
    const char *now = evaluated_now(cohort, names, count),
               *oldest = as_of_oldest(cohort, names, count, &several, &stale);
    json_t *views = json_object();
    for (size_t i = 0; i < count; i++)
        if (json_object_get(cohort->sources, names[i]) != NULL)
            json_put(views, names[i], json_incref(json_object_get(cohort->sources, names[i])), &ok);
    json_put(answer, "views", views, &ok);
    if (now != NULL) {
        const json_t *source = json_object_get(cohort->sources, now);
        *ret_route = "on the fly";
        buf_printf(ret_why, "; %s: %s", now, json_text(source, "why", ""));
    }
    if (stale)
        buf_puts(ret_why, several ? "; the snapshot was asked for: it lacks changes, and its views "
                                    "are of several versions"
                                  : "; the snapshot was asked for: it lacks changes that came since");
    if (cohort->recent.count > 0)
        json_put_int(answer, "recent_changes", cohort->recent.count, &ok);
    json_put_flag(answer, "stale", stale, &ok);
    json_put_text(answer, "data_as_of", oldest, &ok);
    return json_built(ok, err);
}

enum err_code api_cohort_put_route(struct api_cohort *cohort, const struct plan_rel *root,
                                   json_t *answer, struct err *err)
{
    AUTO(buf_done) struct buf why = BUF_INIT;
    const char **names = NULL;
    size_t count = 0;
    bool ok = true, bitmap = api_cohort_uses_index(cohort, &why);
    bool there = cohort->options->engine != NULL && cohort->engine != NULL;
    const char *route = bitmap ? "bitmap" : there ? engine_name(cohort->engine) : "materialised";
    TRY(plan_tables(root, &names, &count, err));
    enum err_code code = put_sources(cohort, names, bitmap ? 0 : count, &route, &why, answer, err);
    mem_free(names);
    TRY(code);
    if (there && has_recent(cohort))
        buf_puts(&why, "; the changes that came since the version are not there");
    TRY(buf_check(&why, err));
    store_route_count(cohort->api->store, cohort->options->dataset,
                      bitmap                             ? STORE_ROUTE_BITMAP
                      : json_flag(answer, "stale", false) ? STORE_ROUTE_STALE
                      : strcmp(route, "on the fly") == 0 ? STORE_ROUTE_ON_THE_FLY
                                                         : STORE_ROUTE_FRESH);
    json_put_text(answer, "route", route, &ok);
    json_put_str(answer, "why", buf_view(&why), &ok);
    return json_built(ok, err);
}
