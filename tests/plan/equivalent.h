/* The same plan written another way, and another plan written nearly the same: what the signature must not, and must, tell apart. */
#ifndef TESTS_EQUIVALENT_H
#define TESTS_EQUIVALENT_H

#include "random_plan.h"

/* A plan that means what root means by the rules of docs/PLAN.md, with conjuncts, operands, names, columns, projections, filters, casts
 * and sides of joins as drawn from state. Built in plan, which is plan_new_over(root) or later. */
const struct plan_rel *plan_equivalent(struct plan *plan, const struct plan_rel *root, uint64_t *state);
/* A plan's JSON with one thing changed (a literal, column, function, kind of join, direction, flag, number; a conjunct or a filter
 * dropped). False: nothing could be changed. What comes out may be no plan. */
bool plan_mutate(json_t *plan, uint64_t *state);

#endif
