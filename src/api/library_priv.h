/* Libraries of SQL over views (SQLQuery, SQLView): what they depend on, found and in order.
 *
 *   dataset.json  "sql_views": {NAME: {library, context: [the definitions it depends on], inputs: {RESOURCE: table hash}, version, as_of, refreshed_at,
 *                                      max_staleness_s, duration_ms, columns, layers: [run id]}}
 *
 * A node is a table of the schema sqlonfhir: a ViewDefinition by its route, a SQLView by what is kept or as a view over its own nodes. The root's statement
 * reads its nodes by label: WITH label AS (SELECT * FROM sqlonfhir.NODE) … SELECT * FROM (its SQL). */
#ifndef MARROW_API_LIBRARY_PRIV_H
#define MARROW_API_LIBRARY_PRIV_H

#include "api/views_priv.h"

#define LIBRARY_LIMIT_NODES 1000
#define LIBRARY_LIMIT_EXPANSIONS 10000 /* a SQLView's SQL counted as often as it is read */

struct api_library_node {
    struct api_view view;         /* view.view NULL: a library. view.name is the table's */
    struct fhir_library *library;
    size_t *edges;                /* of library: node of each dependency */
    int64_t expansions;
    bool on_path, attached;
};
struct api_library {
    struct api_library_node *nodes; /* 0: the root; what a node depends on comes after it was begun, so read by edges */
    size_t count;
    json_t *known; /* [{definition, source}]: context, siblings, registered, built in, in this order */
    char folder[FILE_PATH_BYTES]; /* of the root's file; "" */
    bool folder_read;
};
struct api_library_source {
    struct api *api;
    const char *dataset;        /* whose registered views count; NULL: none's */
    const char *const *context; /* files and folders of definitions */
    size_t context_count;
};

/* Does the word name a library: a SQLView kept with the dataset (sql_views may be NULL), or a file that is a Library? */
bool api_library_is(const json_t *sql_views, const char *word);
/* The dataset's "sql_views", {} where it has none. New reference. */
enum err_code api_sql_views_read(struct api *api, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
/* Read it, find what it depends on, check every statement (one SELECT that reads its labels and nothing else). ERR_NOT_FOUND: a canonical leads nowhere;
 * ERR_INPUT: a cycle, with its path. Done by api_library_done also after an error. */
enum err_code api_library_open(const struct api_library_source *source, const char *word, struct api_library *ret, struct err *err) WARN_UNUSED;
/* The same of an entry of sql_views. */
enum err_code api_library_open_entry(struct api *api, const char *name, const json_t *entry, struct api_library *ret, struct err *err) WARN_UNUSED;
void api_library_done(struct api_library *library);
static inline void auto_api_library_done(struct api_library *library)
{
    api_library_done(library);
}
/* The definitions of all nodes but the root, as an entry keeps them. New reference. */
json_t *api_library_context(const struct api_library *library, bool *ok);
/* Is the definition that of a node? */
bool api_library_holds(const struct api_library *library, const json_t *definition);
/* {RESOURCE: hash of the version's table} of the views below. New reference. */
json_t *api_library_inputs(const struct api_library *library, const struct store_version *version, bool *ok);

/* ---- library_run.c ---- */
/* The root's statement over sqlonfhir.NODE. */
enum err_code api_library_sql(const struct api_library *library, struct buf *ret, struct err *err) WARN_UNUSED;
/* A node by its table's name, attached with what it depends on. *ret_found false: there is none. */
enum err_code api_library_attach(struct api *api, struct store_version *version, struct engine *engine, struct api_library *library, const char *word,
                                 const struct api_query_marts *marts, json_t *allowed, bool *ret_found, struct err *err) WARN_UNUSED;
/* A kept SQLView by its name. */
enum err_code api_sql_view_attach(struct api *api, struct store_version *version, struct engine *engine, const char *word, const struct api_query_marts *marts,
                                  json_t *allowed, bool *ret_found, struct err *err) WARN_UNUSED;
/* A node that is kept with the dataset, under its name and by these very definitions, and may be used as it is. *ret_found false: evaluate it. */
enum err_code api_sql_view_attach_kept(struct api *api, struct store_version *version, struct engine *engine, const struct api_library *library, size_t idx,
                                       const struct api_query_marts *marts, json_t *allowed, bool *ret_found, struct err *err) WARN_UNUSED;
enum err_code api_library_rows(struct api *api, const struct api_view_run_options *options, struct api_rows **ret, struct err *err) WARN_UNUSED;
enum err_code api_library_parquet(struct api *api, const struct api_view_run_options *options, const char *path, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_library_check(struct api *api, const char *dataset, const char *word, const char *const *context, size_t context_count, json_t **ret, struct err *err) WARN_UNUSED;
/* Every row of the root over the version, exactly, into a new table VIEWS_MADE.rows of target, whose columns are told. views: instead of dataset.json's; may be NULL. */
enum err_code api_library_rows_into(struct api *api, struct store_version *version, struct api_library *library, const json_t *views, struct engine *target,
                                    struct data_schema *ret_schema, struct err *err) WARN_UNUSED;

/* ---- library_keep.c ---- */
struct api_sql_view_job {
    struct api_library library;
    const json_t *entry;
    char name[STORE_LIMIT_NAME_BYTES + 1];
    json_t *inputs, *context, *columns;
    bool keep;
    const char *reason;
    struct run_result result;
    int64_t duration_ms;
};
struct api_sql_view_jobs {
    struct api_sql_view_job *jobs;
    size_t count;
    json_t *sql_views; /* dataset.json's, at the start */
};
enum err_code api_sql_view_job_add(struct api_sql_view_jobs *jobs, const struct api_library_source *source, const char *word, struct err *err) WARN_UNUSED;
/* views: the ViewDefinitions' entries as they will be published. */
enum err_code api_sql_view_jobs_make(struct api *api, struct store_version *version, struct api_sql_view_jobs *jobs, const json_t *views, bool force, struct err *err) WARN_UNUSED;
/* Their entries into dataset.json. */
enum err_code api_sql_view_jobs_put(const struct api_sql_view_jobs *jobs, const struct store_version *version, int64_t max_staleness_s, json_t *dataset_json, struct err *err) WARN_UNUSED;
void api_sql_view_jobs_answer(const struct api_sql_view_jobs *jobs, json_t *list, bool *ok);
void api_sql_view_jobs_done(struct api_sql_view_jobs *jobs);
/* How a kept SQLView stands to a version. */
enum err_code api_sql_view_route(struct api *api, struct store_version *version, const json_t *entry, enum api_view_mode mode, struct api_route *ret, struct err *err) WARN_UNUSED;

#endif
