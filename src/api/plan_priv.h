/* What the files about plans' rows share: a plan made ready for one version. */
#ifndef MARROW_API_PLAN_PRIV_H
#define MARROW_API_PLAN_PRIV_H

#include "api/api_priv.h"
#include "dialect/dialect.h"

struct api_ready {
    struct store_version *version;
    struct api_bound bound;
    struct plan *plan; /* what bound.plan says */
    const struct plan_rel *root;
    char signature[65]; /* of the plan as given */
    const struct dialect *dialect; /* of the engine that runs it */
    json_t *about;      /* {signature, engine} */
    json_t *scans;      /* {TABLE: options}, as the plan says */
};
/* keep: parameters become literals, for a run. ret is done by api_ready_done also after an error. */
enum err_code api_plan_ready(struct api *api, const struct api_plan *plan, const struct api_plan_options *options, bool keep, struct api_ready *ret, struct err *err) WARN_UNUSED;
/* plan_scan.c: what the scanned table's declared order is good for, for rows that the embedded engine gives: ready->root without a needless
 * sort; ordered_by and presorted in about. */
enum err_code api_ready_order(struct api *api, const char *engine_url, struct api_ready *ready, struct err *err) WARN_UNUSED;
void api_ready_done(struct api_ready *ready);
/* SQL of the optimised plan, as dialect_sql gives it. */
enum err_code api_plan_quick_sql(const struct dialect *dialect, const struct plan_rel *root, struct buf *ret_sql, const char ***ret_params, size_t *ret_param_count, struct err *err) WARN_UNUSED;
/* The SELECT and the values of its parameters, which live as long as ready. */
enum err_code api_ready_compile(const struct api_ready *ready, struct buf *sql, const struct engine_value **ret_values, size_t *ret_count, struct err *err) WARN_UNUSED;
/* What replay needs: {plan, params} as canonical JSON. */
enum err_code api_plan_document(const struct api_plan *plan, const json_t *params, struct buf *ret, struct err *err) WARN_UNUSED;

#endif
