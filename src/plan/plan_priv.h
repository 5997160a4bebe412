/* Inside the plan layer: the plan itself, its sticky error, and helpers that several files share. */
#ifndef MARROW_PLAN_PLAN_PRIV_H
#define MARROW_PLAN_PLAN_PRIV_H

#include "plan/plan.h"

struct plan {
    struct arena *arena;
    struct err err; /* the first problem; code ERR_OK = none */
    uint32_t next_id;
};

/* Column names of a relation, hashed (open addressing): slots hold the column's index + 1. */
struct plan_names {
    uint32_t mask;
    uint32_t slots[];
};

/* Keep the first problem. Never returns anything, so that `return plan_fail(…), NULL` reads. */
void plan_fail(struct plan *plan, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* As plan_fail, with the column name nearest to `name` in the hint. */
void plan_fail_column(struct plan *plan, const struct plan_rel *rel, const char *name);
/* A problem exists or plan is NULL. */
bool plan_failed(const struct plan *plan);
/* Take the next node id; 0 and a sticky error when the plan is full. */
uint32_t plan_next_id(struct plan *plan);
void *plan_alloc(struct plan *plan, size_t count, size_t bytes); /* sticky ERR_MEMORY */
const char *plan_strdup(struct plan *plan, const char *text);
/* "scan \"labs\"" — how messages call a relation. Arena text, never NULL. */
const char *plan_describe(struct plan *plan, const struct plan_rel *rel);
/* Builds the name index; false (and a sticky error) when two names clash. */
bool plan_names_build(struct plan *plan, struct plan_rel *rel);

/* Type that both sides widen to; kind NULL = none. */
struct data_type plan_type_common(struct data_type a, struct data_type b);
bool plan_type_ordered(struct data_type type);
/* Rewrite text as the type's canonical literal ("01.5" as decimal(9,2) → "1.50"); false: not a value of it. Out: appended. */
bool plan_literal_canonical(struct data_type type, const char *text, struct buf *out);
const struct plan_expr *const *plan_exprs_copy(struct plan *plan, const struct plan_expr *const *exprs, size_t count);
const struct plan_order *plan_order_copy(struct plan *plan, const struct plan_order *order, size_t count);

#endif
