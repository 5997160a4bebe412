/* Shared by the generator's two files: expressions (random_expr.c) and relations (random_plan.c). */
#ifndef TESTS_RANDOM_PLAN_PRIV_H
#define TESTS_RANDOM_PLAN_PRIV_H

#include "plan/plan_priv.h"
#include "random_plan.h"

struct random_gen {
    uint64_t state;
    const struct random_options *options;
    struct random_case *out;
    struct plan *plan;
    int names; /* given so far */
};
struct random_scope { /* relations whose columns an expression may read */
    const struct plan_rel *inputs[2];
    size_t count;
};
/* Classes of types, as letters: b boolean, i bigint, d decimal, f double, t text, D date, T timestamp, Z timestamptz, m time, j json,
 * l list, h uhugeint; 0: none of these */
char random_class(struct data_type type);
bool random_has_class(const struct random_gen *gen, char class);
bool random_can(const struct random_gen *gen, enum plan_function_id id);
bool random_chance(struct random_gen *gen, uint32_t percent);
uint32_t random_pick(struct random_gen *gen, uint32_t limit);
char random_letter(struct random_gen *gen, const char *letters); /* one that the options allow; 0: none */
/* A column of that class that may be computed with; NULL: there is none. */
const struct plan_expr *random_column(struct random_gen *gen, const struct random_scope *scope, char class);
const struct plan_expr *random_expr(struct random_gen *gen, const struct random_scope *scope, char class, int depth);
/* An inexact double over the scope. */
const struct plan_expr *random_approximate(struct random_gen *gen, const struct random_scope *scope);
/* All columns as sort keys, directions at random; the relation must be tidy. */
struct plan_order *random_total_order(struct random_gen *gen, const struct plan_rel *rel);
const struct plan_expr *random_aggregate(struct random_gen *gen, const struct random_scope *scope, bool *ret_approximate);
const struct plan_expr *random_window(struct random_gen *gen, const struct random_scope *scope, bool *ret_approximate);

#endif
