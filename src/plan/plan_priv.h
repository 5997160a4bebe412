/* Inside the plan layer: the plan itself, its sticky error, and helpers that several files share. */
#ifndef MARROW_PLAN_PLAN_PRIV_H
#define MARROW_PLAN_PLAN_PRIV_H

#include "plan/plan.h"
#include "plan/rewrite.h"

struct plan {
    struct arena *arena;
    struct err err; /* the first problem; code ERR_OK = none */
    uint32_t next_id, id_limit;
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

/* ---- build_rel.c, for build_kernel.c ---- */

/* Where an expression stands: the node being built (for messages) and the inputs that it may read. */
struct plan_place {
    struct plan *plan;
    const struct plan_rel *rel;
    const struct plan_rel *const *inputs;
    size_t input_count;
};
struct plan_rel *plan_rel_new(struct plan *plan, enum plan_rel_kind kind, const struct plan_rel *const *inputs, size_t count);
/* A node of two inputs with its keys, copied and checked. */
struct plan_rel *plan_join_new(struct plan *plan, enum plan_rel_kind kind, const struct plan_rel *left, const struct plan_rel *right,
                               const struct plan_expr *const *left_keys, const struct plan_expr *const *right_keys, size_t key_count);
/* Left columns, then (unless semi or anti) right ones; clashing names are an error. */
bool plan_join_columns(struct plan *plan, struct plan_rel *rel);
void plan_same_columns(struct plan_rel *rel, const struct plan_rel *input);
bool plan_check_expr(const struct plan_place *place, const struct plan_expr *expr);
bool plan_check_boolean(const struct plan_place *place, const struct plan_expr *expr, const char *what);
/* Reads columns of that side only. */
bool plan_reads_only(const struct plan_expr *expr, size_t side);
/* Copies named outputs into the plan and their columns to ret. */
const struct plan_named *plan_copy_named(struct plan *plan, const struct plan_rel *rel, const struct plan_named *outputs, size_t count,
                                         struct plan_column *ret);

/* Type that both sides widen to; kind NULL = none. */
struct data_type plan_type_common(struct data_type a, struct data_type b);
bool plan_type_ordered(struct data_type type);
/* Rewrite text as the type's canonical literal ("01.5" as decimal(9,2) → "1.50"); false: not a value of it. Out: appended. */
bool plan_literal_canonical(struct data_type type, const char *text, struct buf *out);
const struct plan_expr *const *plan_exprs_copy(struct plan *plan, const struct plan_expr *const *exprs, size_t count);
const struct plan_order *plan_order_copy(struct plan *plan, const struct plan_order *order, size_t count);

/* ---- map.c ---- */

/* What stands for a column; the column itself: it stays. NULL and a sticky error: no. */
typedef const struct plan_expr *(*plan_column_map)(void *user, const struct plan_expr *column);
/* expr with its columns replaced (types are checked again); expr itself when nothing changed. */
const struct plan_expr *plan_map_columns(struct plan *plan, const struct plan_expr *expr, plan_column_map column, void *user);
/* Columns of input `from` bound anew, by name, to rel as input `side`. */
struct plan_bind {
    struct plan *plan;
    const struct plan_rel *rel;
    size_t from, side;
};
const struct plan_expr *plan_bind(const struct plan_bind *bind, const struct plan_expr *expr);
/* wish, or wish_2, wish_3 …: a name that rel has no column of. */
const char *plan_fresh_name(struct plan *plan, const struct plan_rel *rel, const char *wish);

#endif
