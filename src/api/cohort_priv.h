/* What the files about cohorts share: criteria over one version's views. */
#ifndef MARROW_API_COHORT_PRIV_H
#define MARROW_API_COHORT_PRIV_H

#include "api/plan_priv.h"
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
    struct data_schema schema;  /* of the run that was looked up last */
    json_t *runs;               /* {view: run id}: what views that are runs mean */
    int64_t as_of_day;
};
/* The version with its views, without criteria. ret is done by api_cohort_done also after an error. */
enum err_code api_cohort_views(struct api *api, const struct api_cohort_options *options, struct api_cohort *ret, struct err *err) WARN_UNUSED;
enum err_code api_cohort_ready(struct api *api, const struct api_cohort_options *options, struct api_cohort *ret, struct err *err) WARN_UNUSED;
void api_cohort_done(struct api_cohort *cohort);
/* Open cohort->engine with the views' tables attached, if it is not open yet. */
enum err_code api_cohort_engine(struct api_cohort *cohort, struct err *err) WARN_UNUSED;
/* Open the index of the views, if it was built; one that can't be used is a warning. */
enum err_code api_cohort_index_find(struct api_cohort *cohort, struct err *err) WARN_UNUSED;
/* "2026-11-29" → days since 1970. */
bool api_day_read(struct str text, int64_t *ret);

#endif
