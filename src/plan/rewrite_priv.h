/* Inside the plan layer: what the rewrites share. */
#ifndef MARROW_PLAN_REWRITE_PRIV_H
#define MARROW_PLAN_REWRITE_PRIV_H

#include "plan/plan_priv.h"
#include "plan/rewrite.h"

/* A pass over a plan, inputs first: each node is given to a local rewrite with its inputs rewritten already. */
struct rewrite {
    struct plan *plan;
    const struct plan_rel **done; /* by id of the given nodes */
    uint8_t *shared;              /* by id: an input of several nodes; grown as nodes are made */
    size_t shared_cap;
};
/* The node with the same columns (names, types, order) and rows; rel itself: nothing to do. NULL with the plan's sticky error. */
typedef const struct plan_rel *(*rewrite_node)(struct rewrite *rewrite, const struct plan_rel *rel);
const struct plan_rel *rewrite_each(struct plan *plan, const struct plan_rel *root, rewrite_node node);
/* May be taken apart: used once and without a name of its own. */
bool rewrite_is_free(const struct rewrite *rewrite, const struct plan_rel *rel);
bool rewrite_is_shared(const struct rewrite *rewrite, const struct plan_rel *rel);

/* The node with each of its expressions mapped; types must stay. rel itself when nothing changed. */
typedef const struct plan_expr *(*rewrite_expr)(struct plan *plan, const struct plan_expr *expr);
const struct plan_rel *rewrite_exprs(struct plan *plan, const struct plan_rel *rel, rewrite_expr map);
/* Columns of input 0 replaced by what the outputs compute. */
const struct plan_expr *rewrite_inline(struct plan *plan, const struct plan_expr *expr, const struct plan_named *outputs);
bool rewrite_is_call(const struct plan_expr *expr, enum plan_function_id id);
/* Operands of nested and's, in order; at most cap. How many there are (if more than cap, none were written). */
size_t rewrite_conjuncts(const struct plan_expr *expr, const struct plan_expr **ret, size_t cap);
const struct plan_expr *rewrite_and(struct plan *plan, const struct plan_expr *const *conjuncts, size_t count);

/* The rewrites: whole plan in, whole plan out (root itself: nothing to do). */
const struct plan_rel *rewrite_fold(struct plan *plan, const struct plan_rel *root);
const struct plan_rel *rewrite_trivial_filters(struct plan *plan, const struct plan_rel *root);
const struct plan_rel *rewrite_merge(struct plan *plan, const struct plan_rel *root);
const struct plan_rel *rewrite_push_filters(struct plan *plan, const struct plan_rel *root);
const struct plan_rel *rewrite_drop_columns(struct plan *plan, const struct plan_rel *root);
const struct plan_rel *rewrite_place_filters(struct plan *plan, const struct plan_rel *root);

#endif
