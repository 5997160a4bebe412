/* Rewrites: plan in, plan with the same rows out. Pure. Results live in `plan` (plan_new_over the root); the given nodes are shared, so
 * their plan must outlive it. */
#ifndef MARROW_PLAN_REWRITE_H
#define MARROW_PLAN_REWRITE_H

#include "plan/plan.h"

/* The kernels in terms of the other nodes: as-of join, interval join, interval merge and dedupe become joins, windows and aggregates.
 * Values and explode stay: every dialect spells them. Worked examples in expand.c. */
enum err_code plan_expand(struct plan *plan, const struct plan_rel *root, const struct plan_rel **ret, struct err *err) WARN_UNUSED;

/* The same node over other inputs, whose columns must be the same in names, types and order. NULL: the plan has failed. */
const struct plan_rel *plan_with_inputs(struct plan *plan, const struct plan_rel *rel, const struct plan_rel *const *inputs);
/* row_hash over all columns of a scan, in canonical order, becomes the columns that a pushed table keeps it in: PLAN_STORED_HASH (text, the
 * hash in decimal digits) where it is cast to text, PLAN_STORED_ORDER (bigint, its upper 64 bits less 2^63, which order alike) where it is
 * a tie of order_key. Only for tables that `has` them; what else there is stays. Drawing in stored_hashes.c. */
#define PLAN_STORED_HASH "marrow_row_hash"
#define PLAN_STORED_ORDER "marrow_row_order"
enum err_code plan_stored_hashes(struct plan *plan, const struct plan_rel *root, bool (*has)(void *user, const char *table), void *user, const struct plan_rel **ret, struct err *err) WARN_UNUSED;
/* All rewrites, again and again until nothing changes: conditions next to the scans, columns that nobody reads gone, constants computed,
 * nodes merged. Same columns, rows and order; docs/PLAN.md lists the rewrites. */
enum err_code plan_optimise(struct plan *plan, const struct plan_rel *root, const struct plan_rel **ret, struct err *err) WARN_UNUSED;
/* The table of them; NULL past the end. */
struct plan_rewrite {
    const char *name, *what;
    const struct plan_rel *(*apply)(struct plan *plan, const struct plan_rel *root); /* root: nothing to do; NULL: the plan's sticky error */
};
const struct plan_rewrite *plan_rewrite_at(size_t idx);

#endif
