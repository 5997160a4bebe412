/* What of a plan is used: its relations, inputs first, and for each which columns the rest of the plan reads. Inside the plan layer; shared
 * by the canonical form, the rewrites and lineage. */
#ifndef MARROW_PLAN_USAGE_H
#define MARROW_PLAN_USAGE_H

#include "plan/plan.h"

struct plan_usage {
    const struct plan_rel **nodes; /* each once, after its inputs; the last is the root */
    size_t count;
    bool **used; /* by node id: a flag for each column. Of the root: all */
};
/* In arena. False: out of memory. */
bool plan_usage_init(struct plan_usage *ret, struct arena *arena, const struct plan_rel *root);

/* Calls visit for every expression that the node evaluates whatever is read of it (want NULL), or for the outputs that are wanted too:
 * predicate, keys, orders, times, groups of an aggregate; outputs of project, window and aggregate only where want[column]. */
typedef void (*plan_visit_expr)(void *user, const struct plan_expr *expr);
void plan_visit_needed(const struct plan_rel *rel, const bool *want, plan_visit_expr visit, void *user);
/* Calls visit for every column of the expression. */
void plan_visit_columns(const struct plan_expr *expr, plan_visit_expr visit, void *user);

#endif
