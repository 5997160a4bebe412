/* Inside the dialect layer: a dialect's table, the emitter's state, and what the walkers share.
 *
 * A relation is emitted as a *block*: one SELECT being filled in. Its columns are *pieces*, SQL texts over the block's FROM, so that
 * a project over a filter over a scan only replaces the pieces. When a node can't join the block any more (a filter over a limit, say)
 * the block is written as a CTE and a new block starts that reads from it. */
#ifndef MARROW_DIALECT_EMIT_PRIV_H
#define MARROW_DIALECT_EMIT_PRIV_H

#include "dialect/dialect.h"

#define DIALECT_LIMIT_SQL_BYTES (64u << 20)

enum precedence { /* rising */
    PRECEDENCE_OR,
    PRECEDENCE_AND,
    PRECEDENCE_NOT,
    PRECEDENCE_COMPARISON,
    PRECEDENCE_OTHER, /* || */
    PRECEDENCE_SUM,
    PRECEDENCE_PRODUCT,
    PRECEDENCE_UNARY,
    PRECEDENCE_ATOM,
};

struct emit;
struct env;
struct dialect {
    const char *name;
    const char *const *spellings; /* by enum plan_function_id; NULL = standard */
    /* A spelling that depends on the call's arguments, or NULL: the table's. Text may be made in the emitter's arena. */
    const char *(*choose)(struct emit *emit, const struct plan_expr *expr, enum precedence *ret_precedence);
    void (*type)(struct data_type type, struct buf *out);
    /* A field of a struct: expr is a PLAN_FIELD. */
    void (*field)(struct emit *emit, const struct env *env, const struct plan_expr *expr, struct buf *out);
    bool fuses; /* the engine has marrow_values, marrow_ends, marrow_levels: fuse.c; wide joins are dear: pack.c */
};
extern const struct dialect dialect_duckdb;
extern const char *const dialect_duckdb_spellings[PLAN_FUNCTIONS_END];
const char *dialect_standard_spelling(enum plan_function_id id);
enum precedence dialect_precedence(enum plan_function_id id);

struct piece { /* an output column of a block */
    struct str text;
    enum precedence precedence;
    const char *column; /* the bare column's name when the piece is nothing else, else NULL */
};
struct line { /* growing list of texts */
    struct line *next;
    struct str text;
    enum precedence precedence;
};
struct lines {
    struct line *first, *last;
    size_t count;
};
struct aliases { /* of one FROM */
    const char *name;
    struct aliases *next;
};

enum stage { STAGE_ROWS, STAGE_GROUPED, STAGE_WINDOWED, STAGE_UNNESTED, STAGE_DISTINCT, STAGE_ORDERED, STAGE_LIMITED, STAGE_UNION };
struct block_order {
    size_t idx;      /* output column, when text is empty */
    struct str text; /* an expression over the FROM's columns */
    bool descending, nulls_first;
};
struct block {
    enum stage stage;
    struct piece *columns;
    size_t column_count;
    struct lines from, where, group, having; /* from: first the table, then whole join lines */
    struct str source;      /* the only table, for a join: expression and alias */
    bool distinct;
    bool projected; /* a project was folded in after the grouping */
    struct block_order *order;
    size_t order_count;
    int64_t limit, offset;
    struct block **parts;   /* UNION */
    size_t part_count;
    const char *base;       /* table that names it */
    struct aliases **aliases; /* NULL: columns need no table names */
};

struct emit {
    const struct dialect *dialect;
    const struct dialect_options *options;
    struct arena *arena;
    struct buf ctes;       /* finished "name AS (…)" texts */
    size_t cte_count;
    uint32_t *uses;        /* by relation id: how often it is an input */
    const char **cte_of;   /* by relation id: its CTE, once written */
    const char **base_of;  /* by relation id: what its readers' CTEs are named after; NULL: the CTE itself */
    struct aliases *taken; /* names no CTE may have */
    const char **params;
    size_t param_count, param_cap;
    struct buf scratch;    /* pieces are rendered here, then copied */
    bool failed;           /* out of memory */
};

/* ---- expressions (walk_expr.c) ---- */
struct env { /* what columns stand for */
    const struct piece *inputs[2];
};
/* Write expr. typed: a literal must carry its type itself. */
void emit_expr(struct emit *emit, const struct env *env, const struct plan_expr *expr, bool typed, struct buf *out);
enum precedence emit_precedence(struct emit *emit, const struct env *env, const struct plan_expr *expr);
/* Render to the arena as a piece. */
struct piece emit_piece(struct emit *emit, const struct env *env, const struct plan_expr *expr, bool typed);
void emit_quoted(struct buf *out, struct str text);

/* ---- blocks (block.c) ---- */
struct block *block_new(struct emit *emit);
void lines_add(struct emit *emit, struct lines *lines, struct str text, enum precedence precedence);
struct str emit_copy(struct emit *emit, struct buf *from); /* its text into the arena; clears it */
/* Write the block as SELECT with output names from rel. */
void block_write(struct emit *emit, const struct block *block, const struct plan_rel *rel, unsigned indent, struct buf *out);
/* Write the block as a CTE; returns its name. */
const char *block_close(struct emit *emit, const struct block *block, const struct plan_rel *rel);
/* A name not in *taken (compared without case), entered there: wish, or wish_2, wish_3 … */
const char *emit_unique(struct emit *emit, struct aliases **taken, const char *wish);

/* ---- relations (walk_rel.c) ---- */
struct block *emit_rel(struct emit *emit, const struct plan_rel *rel, struct aliases **aliases);
/* Like emit_rel, but the node itself is built even where it is labelled or shared (for the root and for a CTE's body). */
struct block *emit_body(struct emit *emit, const struct plan_rel *rel, struct aliases **aliases);
/* Close the block as a CTE and read from it. */
struct block *emit_fold(struct emit *emit, struct block *block, const struct plan_rel *rel, struct aliases **aliases);
struct block *emit_join(struct emit *emit, const struct plan_rel *rel, struct aliases **aliases);
/* The aggregate's block with calls on the same column fused: a CTE is written and a block that reads it returned, or the block itself
 * where nothing is to be fused. env: what the calls stand over. */
struct block *emit_fused(struct emit *emit, const struct plan_rel *rel, const struct env *env, struct block *block, struct aliases **aliases);
/* Is the join's right side wide enough that its columns go through the join as lists? Then emit_packed is its block. */
bool emit_packs(const struct emit *emit, const struct plan_rel *join);
struct block *emit_packed(struct emit *emit, const struct plan_rel *join, struct aliases **aliases);
bool emit_is_cte(const struct emit *emit, const struct plan_rel *rel); /* labelled or shared */
void emit_conjuncts(struct emit *emit, const struct env *env, const struct plan_expr *expr, struct lines *lines);

#endif
