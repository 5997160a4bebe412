/* Inside the Substrait encoder: bytes (substrait_bytes.c), types and literals (substrait_type.c),
 * calls by template (substrait_call.c), expressions (substrait_expr.c), relations and the plan
 * (substrait.c). Write-only, and a tree: what is shared in the plan is written twice. Names of
 * messages and numbers of fields are those of substrait.io's .proto files, version 0.62. */
#ifndef MARROW_DIALECT_SUBSTRAIT_PRIV_H
#define MARROW_DIALECT_SUBSTRAIT_PRIV_H

#include "dialect/dialect.h"

#define SUBSTRAIT_VERSION_MINOR 62
#define SUBSTRAIT_LIMIT_BYTES (16u << 20) /* of a plan */
#define SUBSTRAIT_LIMIT_DEPTH 100 /* messages within one another: what protobuf's readers take */

/* ---- bytes: a message is written in place; its length is put before it when it is closed ---- */
struct wire {
    struct buf bytes;
    unsigned depth, deepest;
};
size_t wire_open(struct wire *wire, unsigned field);
void wire_close(struct wire *wire, size_t opened);
void wire_number(struct wire *wire, unsigned field, int64_t value); /* also 0 */
void wire_double(struct wire *wire, unsigned field, double value);
void wire_text(struct wire *wire, unsigned field, struct str text);
void wire_numbers(struct wire *wire, unsigned field, const uint32_t *values,
                  size_t count); /* packed */
/* What was written elsewhere as the content of a message. */
void wire_add(struct wire *wire, const struct wire *part);

/* ---- the encoder ---- */
struct substrait_name { /* a function in use; its anchor is its place, from 1 */
    const char *name;
    unsigned urn;
};
struct substrait {
    struct arena *arena;
    const char *schema; /* of named tables; NULL: none */
    uint32_t *uses;     /* by relation id */
    struct wire *memo;  /* by relation id: what is used more than once, once written */
    size_t memo_count;
    struct substrait_name *names;
    size_t name_count, name_cap;
    const char **words; /* what can't be said */
    size_t word_count, word_cap;
    const struct plan_rel *at, *first; /* node at hand; of the first word */
    bool failed;                       /* out of memory */
};
void substrait_lacks(struct substrait *sub, const char *word);
const char *substrait_add_name(struct substrait *sub, struct str name); /* copied; NULL: failed */

/* Calls that become columns of a relation below: an aggregate's measures, windows' functions. */
struct collected {
    struct wire *calls;
    size_t count, cap;
    size_t before; /* columns of that relation before them */
};
struct substrait_env {
    size_t left;                 /* columns of input 0: those of input 1 come behind */
    struct collected *collected; /* NULL: none are expected */
};

/* Types. A bigint of precision 32 is Substrait's i32: for casts on the way only. */
#define SUBSTRAIT_I32 ((struct data_type){.kind = DATA_BIGINT, .precision = 32})
void substrait_type(struct substrait *sub, struct wire *out, unsigned field, struct data_type type);
/* Expression's content: a literal of that canonical text, NULL = null. */
void substrait_literal(struct substrait *sub, struct wire *out, struct data_type type,
                       const char *text);
const char *substrait_type_word(struct data_type type); /* in functions' names: "i64" */

/* Expression's content. Returns its type; kind NULL: not known. */
struct data_type substrait_expr(struct substrait *sub, const struct substrait_env *env,
                                const struct plan_expr *expr, struct wire *out);
/* The same of a template for expr's arguments. */
struct data_type substrait_template(struct substrait *sub, const struct substrait_env *env,
                                    const struct plan_expr *expr, const char *text,
                                    struct wire *out);
void substrait_field(struct wire *out, size_t column); /* a column of the input */
/* SortField messages, in that field. */
void substrait_sort(struct substrait *sub, const struct substrait_env *env,
                    const struct plan_order *order, size_t count, unsigned field, struct wire *out);
/* Anchor of a function; types: of its arguments, for its compound name. result: as
 * substrait_names.def says. */
uint32_t substrait_function(struct substrait *sub, struct str name, const struct data_type *types,
                            size_t count, char *ret_result);
const char *substrait_urn(unsigned number); /* from 1; NULL past the end */
/* The template of a call; NULL: there is none. */
const char *substrait_spelling(const struct plan_expr *expr);

#endif
