/* The same plan on several engines: the rows of each, compared as bags. Doubles agree to a relative 1e-12, everything else exactly,
 * types too; rows of a sorted plan come in an order that its keys allow. */
#ifndef TESTS_DIFFERENTIAL_H
#define TESTS_DIFFERENTIAL_H

#include "engine/engine.h"
#include "random_plan.h"

struct party { /* an engine that takes part */
    const char *name;
    const struct dialect *dialect;
    struct engine *engine;
    bool substrait;   /* asked in Substrait; what can't be said is skipped */
    uint64_t plans;   /* takes part in so many; 0: all */
    int run, skipped, slow; /* plans; for want of a capability; stopped at the time limit */
};
struct answer {
    struct arena *arena;
    enum err_code code; /* of running it; ERR_UNSUPPORTED: the dialect or engine lacks something */
    struct err err;
    const char *wrong_type; /* a column that is not of the plan's type, or NULL */
    const char ***rows;     /* texts, NULL = null; sorted for comparison, unless kept */
    size_t row_count, column_count;
};
/* Make the tables on the party's engine. */
enum err_code party_load(struct party *party, const struct random_table *tables, size_t count, struct err *err) WARN_UNUSED;
/* Run the plan there; params by name, bound as text. Always to be done. */
void answer_init(struct answer *ret, struct party *party, const struct plan_rel *root, const struct random_param *params, size_t param_count);
void answer_done(struct answer *answer);
/* NULL: they agree (or one of them is unsupported); else what differs, in words. In arena. */
const char *answers_differ(const struct plan_rel *root, const struct answer *a, const struct answer *b);
/* The rows by their texts, whatever order they came in. */
void answer_sort(const struct answer *answer, const struct plan_rel *root);
/* Rows as lines, for people and golden files. */
void answer_write(const struct answer *answer, struct buf *out);

/* A case to look at: a plan and its tables. */
struct trouble {
    struct plan *plan; /* new nodes go here */
    const struct plan_rel *root;
    struct random_table *tables;
    size_t table_count;
    const struct random_param *params;
    size_t param_count;
    struct party *a, *b;
};
/* What differs, or NULL. Loads the tables. In a static buffer. */
const char *trouble_look(const struct trouble *trouble);
/* Make it as small as it goes: nodes, columns, expressions, rows. */
void trouble_minimise(struct trouble *trouble);
/* As a golden case, which differential_golden reads. */
void trouble_write(const struct trouble *trouble, const char *title, struct buf *out);

#endif
