/* What the files about SQL-on-FHIR views share.
 *
 *   dataset.json  "views": {NAME: {view, builtin, resource, table_hash, version, as_of, refreshed_at, max_staleness_s, duration_ms,
 *                                  identity: of its rows (api_view_rows_identity), on_error: fail|null, nulled? (views_nulled.h), columns, layers: [run id of the base, then of each delta, oldest first]}}
 *
 * All entries change in one edit of dataset.json: that edit is the snapshot's publication. A layer is an immutable run: one Parquet file, with
 * marrow_resource (the resource's id) as first column. A delta's file has marrow_row as second: a row of it that is false says that
 * this resource changed or went, and hides its rows in every older layer. */
#ifndef MARROW_API_VIEWS_PRIV_H
#define MARROW_API_VIEWS_PRIV_H

#include "api/api_priv.h"
#include "api/views_nulled.h"
#include "fhir/fhir.h"
#include "run/run.h"

#define VIEWS_SCHEMA "sqlonfhir"
#define VIEWS_KIND "view"                 /* of the runs */
#define VIEWS_RESOURCE "marrow_resource"
#define VIEWS_ROW "marrow_row"
#define VIEWS_MADE "marrow_made" /* schema of the engine in which rows are made */
#define VIEWS_MOST_DELTAS 8               /* more are folded into a new base */
#define VIEWS_DELTA_SHARE 5               /* and where changed resources are more than a fifth of the base's rows */

/* A view's definition by what a user names: a file, a built-in view, one registered with the dataset (views: its dataset.json's, or NULL), tried in
 * this order: registered, built-in, file. */
struct api_view {
    struct fhir_view *view;
    char name[STORE_LIMIT_NAME_BYTES + 1];
    bool builtin;
};
enum err_code api_view_find(const json_t *views, const char *word, struct api_view *ret, struct err *err) WARN_UNUSED;
void api_view_done(struct api_view *view);
static inline void auto_api_view_done(struct api_view *view)
{
    api_view_done(view);
}

/* The dataset's "views" object, {} where it has none. New reference. */
enum err_code api_views_read(struct api *api, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
/* ERR_NOT_FOUND, with the nearest name. */
enum err_code api_view_not_materialised(const json_t *views, const char *name, struct err *err);
/* "sqlonfhir.x" and "x" → x. */
const char *api_views_plain_name(const char *name);

/* ---- view_run.c ---- */
/* Rows of views over options' files, as VIEWS_SCHEMA.NAME of engine: one pass for each resource type. */
enum err_code api_views_over_files(struct api *api, const struct api_view_run_options *options, const struct api_view *const *views, size_t count,
                                   struct engine *engine, struct err *err) WARN_UNUSED;

/* ---- views_layers.c: reading what is materialised ---- */
/* SELECT of the view's columns over its layers, what changed later hiding what is older. all: with marrow_resource. allowed gets the files (may be NULL). */
enum err_code api_view_layers_sql(struct api *api, const char *dataset, const json_t *entry, bool all, json_t *allowed, struct buf *ret, struct err *err) WARN_UNUSED;

/* What the layers from that one (not the base) on brought: SELECTs of the resources whose older rows are hidden, and of the rows that they have now, with
 * VIEWS_RESOURCE first. Both empty where there is no such layer. */
enum err_code api_view_changes_sql(struct api *api, const char *dataset, const json_t *entry, size_t from, struct buf *ret_resources, struct buf *ret_rows, struct err *err) WARN_UNUSED;

/* ---- views_route.c ---- */
enum api_view_mode {
    API_VIEW_LATEST,   /* this version's rows, or ones within the view's target of staleness */
    API_VIEW_EXACT,    /* this version's rows: materialised where it holds them, else evaluated */
    API_VIEW_SNAPSHOT, /* what is materialised, however old */
};
struct api_route {
    const char *route;   /* "materialised", "on the fly" */
    char as_of[32];      /* when the data was taken in */
    char version[65];    /* whose rows they are */
    int64_t staleness_s; /* 0: nothing newer is there */
    bool fresh;          /* staleness within the view's target */
    const char *why;
};
/* Decide without touching data: ≤ 1 ms. entry NULL: not materialised. */
enum err_code api_view_route(struct api *api, struct store_version *version, const json_t *entry, const char *resource, enum api_view_mode mode, struct api_route *ret, struct err *err) WARN_UNUSED;
/* Told: marts->routes gets the route (marts may be NULL) and it is counted, who asks is warned of what is stale. */
void api_view_routed(struct api *api, const struct store_version *version, const struct api_query_marts *marts, const char *name, const struct api_route *route, bool *ok);
json_t *api_route_json(const struct api_route *route, bool *ok);
/* Registered with the dataset; or built in, where the version holds FHIR resources at all. sqlonfhir.NAME too. */
bool api_view_is_known(const struct store_version *version, const json_t *views, const char *word);
/* The view as view sqlonfhir.NAME in the engine, and NAME where the version has no table of that name, by the route chosen. marts (may be NULL) says how
 * fresh, and takes the route; allowed gets the files. *ret_found false: there is no such view. */
enum err_code api_view_attach(struct api *api, struct store_version *version, struct engine *engine, const char *word, const struct api_query_marts *marts,
                              json_t *allowed, bool *ret_found, struct err *err) WARN_UNUSED;
/* A view's columns and what its rows over this version are, as an identity for plans that read it. *ret_found false: no such view. */
enum err_code api_view_identity(struct api *api, struct store_version *version, const char *word, char ret_identity[65], struct data_schema *ret_schema,
                                bool *ret_found, struct err *err) WARN_UNUSED;
/* The same, of a view's rows over a table of that hash ("": there is none), by lowering it. */
enum err_code api_view_rows_identity(const struct api_view *view, const char *table_hash, char ret[65], struct err *err) WARN_UNUSED;
/* The same identity of a kept view's rows, of whichever version they are. */
enum err_code api_view_kept_identity(const json_t *views, const char *name, char ret_identity[65], struct err *err) WARN_UNUSED;
/* What a view's name means over a version, decided without data: for plans that read it. */
struct api_view_meaning {
    char name[STORE_LIMIT_NAME_BYTES + 16]; /* as plans name it: plain, or "sqlonfhir.NAME" where a table has the plain name */
    char resource[64], identity[65];
    struct data_schema schema;
    struct api_route route;
    bool builtin, one_row; /* at most one row of a resource */
};
/* views: the dataset's, by api_views_read. */
enum err_code api_view_means(struct api *api, struct store_version *version, const json_t *views, const char *word, enum api_view_mode mode,
                             struct api_view_meaning *ret, bool *ret_found, struct err *err) WARN_UNUSED;
/* ---- view_search.c ---- */
/* sql, a SELECT of the view's rows, becomes one of those that the FHIR search parameters ask for. */
enum err_code api_view_search_sql(const struct api_view *view, const char *search, struct buf *sql, struct err *err) WARN_UNUSED;

/* ---- views_build.c ---- */
/* Rows of views, all of one resource type, over the version's table of it (or resources_sql, a SELECT of texts), into tables VIEWS_MADE.tables[i] of
 * engine: one pass. Where the version has no such table: empty ones. nulled not NULL: a value that breaks its column's rule is null, and told there by the table's name (views_nulled.h). */
enum err_code api_views_evaluate(struct api *api, struct store_version *version, struct engine *engine, const struct api_view *const *views,
                                 const char *const *tables, size_t count, const char *resources_sql, json_t *nulled, struct err *err) WARN_UNUSED;

enum api_view_how { API_VIEW_KEEP, API_VIEW_FULL, API_VIEW_DELTA };
struct api_view_job {
    struct api_view view;
    const json_t *entry; /* as it is now; NULL: a new view. Borrowed from jobs->views */
    enum api_view_how how;
    const char *reason;
    struct run_result result;
    json_t *layers; /* after this */
    json_t *nulled; /* of its rows, after this; NULL: nothing (views_nulled.h) */
    bool null_on_error;
    char identity[65]; /* of its rows, after this */
    bool fold;      /* after its delta, the merged rows become the base */
    int64_t changes, started_us, duration_ms;
};
struct api_view_jobs {
    struct api *api;
    struct store_version *version;
    json_t *views; /* dataset.json's, at the start */
    bool force;    /* what is made whole is compared with the run that is there */
    struct api_view_job *jobs;
    size_t count;
};
/* views_build.c. As api_engine_options, with a limit of memory where nobody set one. */
struct engine_options api_views_engine_options(const struct api *api);
/* views_build.c. One group: views of one resource type that start from the same table. Each job gets result and layers. */
enum err_code api_view_group_make(struct api_view_jobs *jobs, struct api_view_job *const *group, size_t count, struct engine *engine, struct err *err) WARN_UNUSED;
/* views_groups.c. Make what is not to be kept. Nothing is visible until dataset.json says so. */
enum err_code api_view_jobs_make(struct api_view_jobs *jobs, struct err *err) WARN_UNUSED;

/* ---- views_changes.c ---- */
#define VIEWS_CHANGES "marrow_changes"
struct api_changes {
    int64_t count; /* resources that differ; < 0: the tables can't be compared */
    bool few;      /* so few that a delta is worth it: only then are they kept */
    const char *ids; /* the table of the engine that names them in its column id; NULL: there is none */
};
/* What of an entry's resource differs between the table that its view was made of and this version's: found once, kept as a run, and made the view
 * VIEWS_CHANGES(id, gone, resource) of engine where they are few. count_only: nothing is kept. */
enum err_code api_changes_find(struct api *api, struct store_version *version, const json_t *entry, struct engine *engine, bool count_only,
                               struct api_changes *ret, struct err *err) WARN_UNUSED;
/* The two tables, as part of identities. now may be NULL. */
enum err_code api_changes_identity(const json_t *entry, const struct store_table *now, struct buf *ret, struct err *err) WARN_UNUSED;

/* ---- views_server.c ---- */
/* The jobs' views, as dataset.json has them now, as tables of the schema sqlonfhir on a server. Each has a note with it, what its rows are: {identity (as
 * api_view_means gives it), dataset, version, layers}. */
enum err_code api_views_mirror(struct api *api, struct store_version *version, const struct api_view_jobs *jobs, const char *url, json_t **ret, struct err *err) WARN_UNUSED;

#endif
