/* Shared by the canonical form's two files: codes (canonical_expr.c: of expressions; canonical.c: of relations and the whole). */
#ifndef MARROW_PLAN_CANONICAL_PRIV_H
#define MARROW_PLAN_CANONICAL_PRIV_H

#include "plan/plan_priv.h"
#include "plan/usage.h"

struct codes {
    struct str *items;
    size_t count, cap;
};
struct rows {        /* of a relation */
    struct str code; /* filter{conjuncts} of base */
    struct str base;
    struct codes conjuncts; /* sorted, each once */
    struct str *columns;    /* codes; only those that are used */
    bool swapped;           /* JOIN: the right input is the first */
};
struct canonical {
    struct arena *arena;
    struct rows *rows; /* by relation id */
    struct memo {      /* by expression id: its code where that relation evaluates it */
        const struct plan_rel *at;
        struct str code;
    } * memo;
    struct buf work; /* bodies being built, a stack */
    struct plan_usage usage;
    const struct plan_rel
        *at; /* the relation whose expressions are coded: columns are of its inputs */
};

/* Types whose values compare alike whatever member of the family holds them. */
enum family { FAMILY_NONE, FAMILY_EXACT, FAMILY_TIME, FAMILY_MIXED };

void canon_put_number(struct canonical *c, uint64_t number);
void canon_put_bytes(struct canonical *c, struct str bytes);
/* NULL and "" differ. */
void canon_put_text(struct canonical *c, const char *text);
void canon_put_type(struct canonical *c, struct data_type type);
void canon_put_int(struct canonical *c, int64_t number);
/* The body that starts at `start` of the work buffer, taken off it and made a code. */
struct str canon_seal(struct canonical *c, size_t start);
void canon_codes_add(struct canonical *c, struct codes *codes, struct str code);
void canon_codes_sort(struct codes *codes);
void canon_codes_unique(struct codes *codes);
void canon_put_codes(struct canonical *c, const struct codes *codes);
void canon_put_exprs(struct canonical *c, const struct plan_expr *const *exprs, size_t count);
/* Sorted, each once. */
void canon_put_set(struct canonical *c, const struct plan_expr *const *exprs, size_t count);
/* Sort keys; those that came before are left out. */
void canon_put_order(struct canonical *c, const struct plan_order *order, size_t count);
/* Of an expression of c->at. */
struct str canon_code_of_expr(struct canonical *c, const struct plan_expr *expr);
/* Column idx of that input of c->at. */
struct str canon_code_of_column(struct canonical *c, size_t side, size_t idx);
/* a id b; family: of the operands. */
struct str canon_code_of_comparison(struct canonical *c, enum plan_function_id id, const struct plan_expr *a, const struct plan_expr *b, enum family family);
/* Operands of nested and's (id AND) or or's, as codes. negated: of not(expr). */
void canon_conjuncts(struct canonical *c, const struct plan_expr *expr, bool negated, enum plan_function_id id, struct codes *codes);
/* Of the arguments. */
enum family canon_family(const struct plan_expr *expr);

#endif
