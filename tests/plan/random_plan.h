/* Random cases: small tables and a well-typed plan over them, from a seed. The same seed and options give the same case, on every
 * machine. Used to show that two plans mean the same, or that two engines agree.
 *
 * What has no one answer is left out by construction: a limit stands over a sort by all columns, first_by, list_agg, dedupe and the
 * like are ordered by all columns (rows that tie are equal), numbers are small (no overflow), casts that may fail are try_casts,
 * doubles of the tables are multiples of 1/4 so that their sums are exact. What engines may round differently (means, logarithms …)
 * lands in columns named "approx…": these are carried to the result but never compared, sorted or grouped by. The result's columns
 * are of types that have an order, so that it can be compared as a bag of texts. */
#ifndef TESTS_RANDOM_PLAN_H
#define TESTS_RANDOM_PLAN_H

#include "plan/plan.h"

#define RANDOM_TABLES 4
#define RANDOM_PARAMS 16

struct random_options { /* zero: everything */
    uint32_t without_nodes;                    /* 1u << enum plan_rel_kind */
    uint32_t without_joins;                    /* 1u << enum plan_join_kind */
    uint32_t without_types;                    /* 1u << enum data_kind */
    bool without_functions[PLAN_FUNCTIONS_END];
    bool without_try_cast, without_structs, without_frames;
    bool params; /* some literals become parameters */
    int depth;   /* nodes above one another: 0 = 1 … 7 */
    uint64_t tables_seed; /* the tables of this seed whatever the case's own; 0: of the case's */
};
struct random_table {
    const char *name;
    struct data_schema schema;
    size_t row_count;
    const char **cells; /* row after row, canonical text; NULL = null */
};
struct random_param {
    const char *name;
    struct data_type type;
    const char *text; /* canonical; NULL = null */
};
struct random_case {
    uint64_t seed;
    struct random_table tables[RANDOM_TABLES];
    size_t table_count;
    struct random_param params[RANDOM_PARAMS];
    size_t param_count;
    struct plan *plan;
    const struct plan_rel *root;
};

/* The case of that seed. An error is a mistake of the generator: it names the seed. */
enum err_code random_case_init(struct random_case *ret, uint64_t seed, const struct random_options *options, struct err *err) WARN_UNUSED;
void random_case_done(struct random_case *random);
/* A column of the result that engines may round differently. */
bool random_is_approximate(const char *column);

/* The stream of numbers that cases are made from (splitmix64); for tests that go on from there. */
uint64_t random_next(uint64_t *state);
uint32_t random_below(uint64_t *state, uint32_t limit); /* limit > 0 */
/* A literal of that type from the tables' values; null now and then where allowed. NULL: there are none of that type. */
const struct plan_expr *random_literal(struct plan *plan, uint64_t *state, struct data_type type, bool nulls);
/* Its text, NULL for types without. */
const char *random_text(struct plan *plan, uint64_t *state, struct data_type type);

#endif
