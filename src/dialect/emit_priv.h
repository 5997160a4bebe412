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
struct origin { /* of an output column's values */
    const struct plan_expr *expr; /* that made them; NULL: a table's column, as it is, or mixed */
    bool picked;                  /* one of several, by an aggregate or window function */
    bool mixed;                   /* of several origins, or of a list */
};
/* What a dialect does in its own way. Everything that may be NULL or false has a common form, which is the SQL standard's. */
struct dialect {
    const char *name;
    const char *also; /* another name that it is known by, or NULL */
    const char *const *spellings; /* by enum plan_function_id; NULL = standard, "" = it cannot */
    /* A spelling that depends on the call's arguments, or NULL: the table's. Text may be made in the emitter's arena. */
    const char *(*choose)(struct emit *emit, const struct plan_expr *expr, enum precedence *ret_precedence);
    void (*type)(struct data_type type, struct buf *out);
    /* A literal (not null) that is written in no common way; false: it is. NULL: none. */
    bool (*literal)(const struct plan_expr *expr, struct buf *out);
    /* Template of a cast (%1, $1, #1: what is cast), or NULL: CAST(%1 AS type). */
    const char *(*cast)(struct emit *emit, const struct plan_expr *expr);
    /* What it cannot do of this expression (a node of the plan), in words, or NULL. Functions whose spelling is "" are known already. */
    const char *(*lacks_expr)(const struct plan_expr *expr);
    const char *(*lacks_rel)(const struct plan_rel *rel);
    /* A field of a struct: expr is a PLAN_FIELD; a struct: expr is a PLAN_STRUCT. */
    void (*field)(struct emit *emit, const struct env *env, const struct plan_expr *expr, struct buf *out);
    void (*record)(struct emit *emit, const struct env *env, const struct plan_expr *expr, struct buf *out);
    /* A parameter of the type, given as text `place` ("$1"): a list comes as JSON text. NULL: CAST(place AS type). */
    void (*param)(struct data_type type, const char *place, struct buf *out);
    /* The JSON text of a value that is no list (its elements' JSON is asked for by nested.c); null gives null. */
    void (*json_scalar)(struct data_type type, const char *value, struct buf *out);
    /* The JSON text of a list whose elements, named element, have the JSON text given; null gives null. */
    void (*json_list)(const char *list, const char *element, const char *text, struct buf *out);
    /* The value of a struct's field, or NULL: structs are JSON in this dialect. */
    void (*json_field)(const char *value, const char *field, struct buf *out);
    /* May the engine give a value of another type than the plan's? Lists and structs are not asked for: they become JSON text. */
    bool (*strays)(struct data_type type, const struct origin *origin);
    size_t identifier_bytes; /* longer names are cut there, a hash of the whole at the end; 0: any length */
    const char *text_order; /* after a text where order counts: " COLLATE \"C\"" */
    bool types_texts;       /* a text literal without a neighbour is written TEXT '…' */
    bool unnests_in_from;   /* explode is CROSS JOIN unnest(…) WITH ORDINALITY, not unnest in SELECT */
    bool offset_first;      /* OFFSET before LIMIT */
    bool question_marks;    /* parameters are ?, one for each place, not $1 */
    bool lets;              /* a long argument written twice is named in a subquery first */
    bool lets_by_lambda;    /* … by transform(ARRAY[…], name -> …)[1] */
    bool unnest_opens_records; /* unnest of a list of structs gives their fields as columns */
    bool fuses; /* the engine has marrow_values, marrow_ends, marrow_levels: fuse.c; wide joins are dear: pack.c */
};
extern const struct dialect dialect_duckdb, dialect_postgres, dialect_trino, dialect_datafusion;
extern const char *const dialect_duckdb_spellings[PLAN_FUNCTIONS_END];
extern const char *const dialect_postgres_spellings[PLAN_FUNCTIONS_END];
extern const char *const dialect_trino_spellings[PLAN_FUNCTIONS_END];
extern const char *const dialect_datafusion_spellings[PLAN_FUNCTIONS_END];
/* DataFusion's first_by and last_by, whose keys are args[1…], then args[0]. */
bool emit_is_repeated(const struct plan_expr *expr, size_t i);
enum precedence dialect_precedence(enum plan_function_id id);
const char *dialect_spelling(const struct dialect *dialect, enum plan_function_id id); /* the table's, or the standard one */
/* The first thing of the plan that the dialect lacks: ERR_UNSUPPORTED, naming node, function and dialect. root is expanded. */
enum err_code dialect_check(const struct dialect *dialect, const struct plan_rel *root, struct err *err) WARN_UNUSED;

struct piece { /* an output column of a block */
    struct str text;
    enum precedence precedence;
    const char *column; /* the bare column's name when the piece is nothing else, else NULL */
    bool literal;       /* it is nothing but a literal */
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
    bool is_text;
};
struct block {
    enum stage stage;
    struct piece *columns;
    struct piece *settled; /* the root's columns as they are written, or NULL: columns */
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
    const char **params; /* names, by the number in their marks: param_mark in walk_expr.c */
    size_t param_count, param_cap;
    struct buf scratch;    /* pieces are rendered here, then copied */
    unsigned binders;      /* list functions whose body is being written: names their elements */
    bool grouped;          /* texts stand over GROUP BY: no subquery may take columns from there */
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
/* Write a call by its template, as functions.def explains them; text order and frames included. */
void emit_template(struct emit *emit, const struct env *env, const struct plan_expr *expr, const char *text, enum precedence precedence,
                   struct buf *out);
/* May this argument's literal stand without its type, because another argument gives it? */
bool emit_argument_typed(const struct plan_expr *call, const struct plan_expr *arg);
/* Copy sql to out with parameters' marks written as the dialect does; ret: names, one for each number (or each ?). */
void emit_params(struct emit *emit, struct str sql, struct buf *out);
/* An ORDER BY key's text, with the dialect's bytewise collation where it is a text. */
/* Do these values of decimals and bigints need more than 38 digits together? Then DuckDB's common type of them
 * drops digits behind the point, and each is cast to the plan's type. */
bool emit_crowded(struct data_type type, const struct plan_expr *const *values, size_t count);
void emit_ordered(struct emit *emit, const struct env *env, const struct plan_expr *expr, struct buf *out);
/* Is it a literal, names with points between, that a JSON path can hold without quotes? */
bool emit_is_plain_path(const struct plan_expr *expr);
/* The name of an element: outer = 0 the innermost body that is being written, 1 the one around it …
 */
void emit_element(const struct emit *emit, size_t outer, struct buf *out);
#define EMIT_PARAM_MARK '\xff' /* mark, number, mark: never in UTF-8 */
#define EMIT_SHORT_BYTES 40    /* expressions up to here may be repeated */

/* ---- lists and structs as JSON text (nested.c) ---- */
/* The JSON text of `value`, an expression of the type in the dialect's own form. Null gives null. */
void emit_json(struct emit *emit, struct data_type type, const char *value, unsigned depth, struct buf *out);
/* {"a":…,"b":…} of texts that are the fields' values. */
void emit_json_record(struct emit *emit, struct data_type type, const char *const *values, unsigned depth, struct buf *out);

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
