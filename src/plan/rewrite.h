/* Rewrites: plan in, plan with the same rows out. Pure. Results live in `plan` (plan_new_over the root); the given nodes are shared, so
 * their plan must outlive it. */
#ifndef MARROW_PLAN_REWRITE_H
#define MARROW_PLAN_REWRITE_H

#include "plan/plan.h"

/* The kernels in terms of the other nodes: as-of join, interval join, interval merge and dedupe become joins, windows and aggregates.
 * Values and explode stay: every dialect spells them. Worked examples in expand.c. */
enum err_code plan_expand(struct plan *plan, const struct plan_rel *root, const struct plan_rel **ret, struct err *err) WARN_UNUSED;

#endif
