/* What the files about cohorts share: criteria over one version's views. */
#ifndef MARROW_API_COHORT_PRIV_H
#define MARROW_API_COHORT_PRIV_H

#include "api/plan_priv.h"
#include "api/recent_priv.h"
#include "cohort/cohort.h"

struct api_cohort {
    struct api *api;
    const struct api_cohort_options *options; /* borrowed */
    struct store_version *version;
    struct cohort_views *views;
    struct cohort_criteria *criteria;
    struct cohort_question *question;
    struct cohort_index *index; /* NULL: there is none of these views */
    struct engine *engine;      /* opened when something must be asked of it */
    struct data_schema schema;  /* of the view or run that was looked up last */
    char identity[65], name[STORE_LIMIT_NAME_BYTES + 16]; /* of the view that was looked up last */
    json_t *runs;               /* {view: run id}: what views that are runs mean */
    json_t *sources;            /* {view: {route: table | run | materialised | on the fly, …}} */
    json_t *fhir_views;         /* the dataset's, once one was looked up */
    json_t *attached;           /* {view: true}: what the engine has */
    json_t *nulled;             /* what of the attached views' rows is null because it broke a rule (views_nulled.h) */
    json_t *uncoded;            /* {view: rows}: of the index that is being built */
    json_t *wanted;             /* {view: identity}: FHIR views, as a server must have them */
    json_t *there, *pushed;     /* the server's tables of views, as run_mirror_notes gives them at first, and of the version */
    struct api_recent recent;   /* laid over the views */
    bool exact;                 /* the version's rows, without recent changes: what is kept */
    int64_t as_of_day;
};
/* The version with its views, without criteria. ret is done by api_cohort_done also after an error. */
enum err_code api_cohort_views(struct api *api, const struct api_cohort_options *options, struct api_cohort *ret, struct err *err) WARN_UNUSED;
enum err_code api_cohort_ready(struct api *api, const struct api_cohort_options *options, struct api_cohort *ret, struct err *err) WARN_UNUSED;
void api_cohort_done(struct api_cohort *cohort);
/* The plan's SQL for the engine that would run it. */
enum err_code api_cohort_compile(struct api_cohort *cohort, const struct plan_rel *root, struct buf *sql, struct err *err) WARN_UNUSED;
/* A verb: what it does with a cohort that is ready. */
struct api_cohort_verb {
    const char *name;
    bool exact, of_views; /* of_views: there are no criteria */
    enum err_code (*answer)(struct api_cohort *cohort, json_t *answer, struct err *err);
    void (*record)(struct api_cohort *cohort, const char *name, const json_t *answer); /* into the history; NULL: the verb leaves no trail and no time */
};
enum err_code api_cohort_do(struct api *api, const struct api_cohort_options *options, const struct api_cohort_verb *verb, json_t **ret, struct err *err) WARN_UNUSED;
/* ---- cohort_views.c ---- */
/* For cohort_binding; user: the cohort. */
enum err_code api_cohort_table(void *user, const char *name, const char *patient, struct cohort_table *ret, struct err *err) WARN_UNUSED;
/* Take the changes that came since the version into cohort->recent; opens the engine only where there are some. Before anything is attached. */
enum err_code api_cohort_recent(struct api_cohort *cohort, struct err *err) WARN_UNUSED;
/* Open cohort->engine, if it is not open yet, and bring in the tables that it does not have: views that are not materialised are evaluated. */
enum err_code api_cohort_attach(struct api_cohort *cohort, const char *const *names, size_t count, struct err *err) WARN_UNUSED;
enum err_code api_cohort_attach_of(struct api_cohort *cohort, const struct plan_rel *root, struct err *err) WARN_UNUSED; /* what the plan scans */
/* route, why, data_as_of, views and recent_changes of an answer by that plan. */
enum err_code api_cohort_put_route(struct api_cohort *cohort, const struct plan_rel *root, json_t *answer, struct err *err) WARN_UNUSED;
/* ---- cohort_notes.c ---- */
/* What the views that the plan reads leave out, as notes. */
enum err_code api_cohort_note_views(struct api_cohort *cohort, const struct plan_rel *root, json_t *notes, struct err *err) WARN_UNUSED;
/* "12 values of … were left out: their unit is g/L" */
enum err_code api_cohort_note_units(struct api_cohort *cohort, json_t *notes, struct err *err) WARN_UNUSED;
/* How many rows of what the plan reads have no code (cohort_plan_uncoded). */
enum err_code api_cohort_note_uncoded(struct api_cohort *cohort, const struct plan_rel *root, json_t *notes, struct err *err) WARN_UNUSED;
/* … of these tables, {table: rows} where there are some. Attaches what it reads. */
enum err_code api_cohort_uncoded(struct api_cohort *cohort, const char *const *tables, size_t count, json_t *ret, struct err *err) WARN_UNUSED;
/* ---- cohort_server.c: FHIR views that a server has as tables ---- */
/* Is it such views that are read? */
bool api_cohort_on_server(const struct api_cohort *cohort);
/* A session there. ERR_UNSUPPORTED: none that keeps views. */
enum err_code api_cohort_server_open(struct api_cohort *cohort, struct err *err) WARN_UNUSED;
/* Is what is read there, and of this version? ERR_NOT_FOUND: no; the hint says how it comes there. */
enum err_code api_cohort_server_check(struct api_cohort *cohort, const char *const *names, size_t count, struct err *err) WARN_UNUSED;
/* After the last statement: were these the tables to its end? ERR_LOCKED: a refresh took their place meanwhile. */
enum err_code api_cohort_server_still(struct api_cohort *cohort, struct err *err) WARN_UNUSED;
/* A table's name in SQL for the cohort's engine; user: the cohort. As dialect_options asks. */
void api_cohort_table_sql(void *user, const char *table, struct buf *out);
/* ---- cohort_index.c ---- */
/* Is it the index that answers? ret_why is added to. */
bool api_cohort_uses_index(const struct api_cohort *cohort, struct buf *ret_why);
/* Of the index, if it answers: nulled and uncoded, as they were when it was built. *ret stays NULL: it does not. New reference. */
enum err_code api_cohort_index_manifest(const struct api_cohort *cohort, json_t **ret, struct err *err) WARN_UNUSED;
/* Open the index of the views, if it was built; one that can't be used is a warning. */
enum err_code api_cohort_index_find(struct api_cohort *cohort, struct err *err) WARN_UNUSED;
/* "2026-11-29" → days since 1970. */
bool api_day_read(struct str text, int64_t *ret);

#endif
