/* The plan's door: one typed relational intermediate representation, checked as it is built, immutable, hashable. Pure: no I/O,
 * no clock, no engine. All nodes live in their struct plan's arena. Constructors check types and names at once; the first
 * problem is kept in the plan (sticky) and NULL is returned and absorbed by later constructors, so fifty nodes are straight-line
 * code and plan_finish tests once. Error text names the node, the column and the expectation.
 *
 *     struct plan *p = plan_new();
 *     labs  = plan_scan(p, "labs", &schema);
 *     known = plan_filter(p, labs, plan_call(p, "is_not_null", 1, (E[]){plan_column(p, labs, "admission_id")}));
 *     ...
 *     TRY(plan_finish(p, root, &err));   plan_signature(root, hex)
 */
#ifndef MARROW_PLAN_PLAN_H
#define MARROW_PLAN_PLAN_H

#include "data/data.h"

#define PLAN_FORMAT_VERSION 2 /* first canonical byte */
#define PLAN_JSON_VERSION 1   /* "format" of a plan's JSON */
#define PLAN_LIMIT_NODES 100000
#define PLAN_LIMIT_DEPTH 512       /* relations above one another */
#define PLAN_LIMIT_EXPR_DEPTH 200  /* expressions within one another (JSON's own depth limit must hold them) */
#define PLAN_LIMIT_EXPR_SIZE 10000 /* nodes of one expression, shared parts counted as often as they are used */
#define PLAN_LIMIT_COLUMNS 100000  /* of one relation */
#define PLAN_LIMIT_VALUES 100000   /* cells of a values node */

enum plan_rel_kind {
#define PLAN_REL(name, text) PLAN_##name,
#include "plan/rel.def"
#undef PLAN_REL
};
enum plan_expr_kind {
    PLAN_COLUMN,
    PLAN_LITERAL,
    PLAN_CALL,
    PLAN_CAST,
    PLAN_CASE,
    PLAN_PARAM,
    PLAN_AGGREGATE_CALL,
    PLAN_WINDOW_CALL,
    PLAN_STRUCT,
    PLAN_FIELD,
    PLAN_ELEMENT
};
enum plan_join_kind { PLAN_JOIN_INNER, PLAN_JOIN_LEFT, PLAN_JOIN_SEMI, PLAN_JOIN_ANTI, PLAN_JOIN_ASOF };

enum plan_function_kind { PLAN_SCALAR, PLAN_AGGREGATING, PLAN_WINDOWING, PLAN_AGGREGATING_OVER /* in functions.def only */ };
enum plan_function_id { /* for tables keyed by function, such as a dialect's spellings */
#define PLAN_FUNCTION(id, name, low, high, kind, commutative, rule, expects) PLAN_FUNCTION_##id,
#include "plan/functions.def"
#undef PLAN_FUNCTION
    PLAN_FUNCTIONS_END
};
struct plan_function { /* one row of plan/functions.def */
    const char *name;      /* "add", "sum", "first_by" */
    int arity_min, arity_max; /* -1 = any */
    bool aggregate;
    bool commutative;
    /* Result type from argument types; kind NULL = type error; a LIST without fields: of the arguments' (list_agg: the first's) type. */
    struct data_type (*type_rule)(const struct data_type *arguments, size_t count);
    bool windows; /* an aggregate that may be a window function too */
    enum plan_function_id id;
    enum plan_function_kind kind;
    const char *expects; /* for error messages: "two numbers" */
};
const struct plan_function *plan_function_find(const char *name);
size_t plan_function_count(void);
const struct plan_function *plan_function_at(size_t idx);

struct plan_order { /* one sort key */
    const struct plan_expr *expr;
    bool descending;
    bool nulls_first;
};
/* ROWS BETWEEN start AND end, counted from the current row: -2 = two before it. */
#define PLAN_FRAME_UNBOUNDED_BEFORE INT64_MIN
#define PLAN_FRAME_UNBOUNDED_AFTER INT64_MAX
struct plan_frame {
    int64_t start, end;
};
struct plan_expr {
    enum plan_expr_kind kind;
    struct data_type type;
    /* COLUMN */
    const char *name; /* the COLUMN's, the PARAM's, or the FIELD's that is taken out of args[0] */
    size_t input;     /* 0 = the node's only or left input, 1 = right */
    size_t idx; /* column of that input; of an ELEMENT: how many list functions further out the one
                   is that it stands in */
    /* LITERAL: canonical text as data_value_text writes it; NULL = null */
    const char *literal;
    /* CALL, AGGREGATE_CALL, WINDOW_CALL */
    const struct plan_function *function;
    /* CALL…: arguments; CAST, FIELD: one; STRUCT: its fields' values (names are in type.fields); CASE: when, then, when, then …, else (odd count = has else) */
    const struct plan_expr *const *args;
    size_t arg_count;
    bool try_cast;                 /* CAST: null instead of an error */
    bool distinct;                 /* AGGREGATE_CALL */
    const struct plan_expr *where; /* AGGREGATE_CALL: filter, or NULL */
    const struct plan_expr *const *partition; /* WINDOW_CALL */
    size_t partition_count;
    const struct plan_order *order; /* WINDOW_CALL */
    size_t order_count;
    /* WINDOW_CALL; NULL = the whole partition without an order, else from its first row to the current row's last peer */
    const struct plan_frame *frame;
    /* kept by the constructors; parts of no format */
    uint32_t id;    /* unique in the plan, greater than its parts' */
    uint32_t depth; /* 1 = leaf */
    uint32_t size;  /* nodes as a tree */
    uint32_t open;  /* list functions that must stand around it: 1 + the greatest idx of its free
                       ELEMENTs; 0: none */
};
struct plan_named { /* an output column */
    const char *name;
    const struct plan_expr *expr;
};
struct plan_column {
    const char *name;
    struct data_type type;
};
struct plan_rel {
    enum plan_rel_kind kind;
    const struct plan_column *columns; /* output: names unique (ASCII case ignored) */
    size_t column_count;
    const struct plan_rel *const *inputs;
    size_t input_count;
    const char *label; /* for readable SQL: CTE name proposal; not hashed; may be NULL */
    const char *table; /* SCAN: table name in the dataset version */
    const char *scan_options;   /* SCAN: how the table is to be read (docs/REGISTRY.md), canonical JSON {pruning?, schema_policy?}; not hashed, for it changes no
                                 * row; rewrites may drop it; NULL = as the dataset says */
    const char *table_identity; /* SCAN: content hash of the table where known, hashed in place of nothing; may be NULL */
    const struct plan_expr *predicate; /* FILTER; JOIN residual condition or NULL */
    const struct plan_named *outputs;  /* PROJECT, WINDOW (appended to the input's columns): expressions; AGGREGATE: aggregates;
                                        * EXPLODE: one, the list, named as the element's column */
    size_t output_count;
    const struct plan_named *groups;   /* AGGREGATE, INTERVAL_MERGE: keys */
    size_t group_count;
    enum plan_join_kind join;          /* JOIN */
    /* JOIN, INTERVAL_JOIN: left_keys[i] = right_keys[i], nulls never equal; DEDUPE: left_keys only (nulls are equal) */
    const struct plan_expr *const *left_keys;
    const struct plan_expr *const *right_keys;
    size_t key_count;
    const struct plan_order *order; /* SORT; DEDUPE: the first row by it is kept; JOIN as-of: ties on the right side (expressions of input 1) */
    size_t order_count;
    int64_t limit, offset; /* LIMIT; -1 = none */
    const struct plan_expr *const *cells; /* VALUES: row after row, literals or parameters */
    size_t row_count;
    const char *ordinality; /* EXPLODE: name of the column that numbers the elements from 1, or NULL */
    bool keep_empty;        /* EXPLODE: a row without elements stays, with nulls */
    const struct plan_span *span; /* INTERVAL_JOIN, INTERVAL_MERGE, JOIN as-of: times */
    /* kept by the constructors; parts of no format */
    uint32_t id;    /* unique in the plan, greater than its inputs' and expressions': memos are arrays of root->id + 1 */
    uint32_t depth; /* 1 = leaf */
    const struct plan_names *names; /* index of columns by name; NULL: few columns, search them */
};

/* Times of the kernels, all of one temporal or numeric type. Intervals are [start, end); closed: [start, end]. A null bound overlaps
 * nothing and is merged with nothing. */
struct plan_span {
    const struct plan_expr *left_start, *left_end;   /* INTERVAL_JOIN (input 0), INTERVAL_MERGE; as-of: left_start is the left time */
    const struct plan_expr *right_start, *right_end; /* INTERVAL_JOIN (input 1); as-of: right_start is the right time */
    bool closed;        /* intervals hold their end; as-of: the right time may equal the left */
    bool forward;       /* as-of: the earliest right row at or after, instead of the latest at or before */
    int64_t gap;        /* INTERVAL_MERGE: intervals at most so far apart are one: µs of timestamps, days of dates, units of numbers */
    const char *start_name, *end_name, *count_name; /* INTERVAL_MERGE: output columns after the keys; count_name may be NULL */
};

struct plan;
struct plan *plan_new(void);
/* A plan whose nodes may have root's as inputs: for rewrites. root and its plan must outlive it. */
struct plan *plan_new_over(const struct plan_rel *root);
void plan_free(struct plan *plan);
AUTO_DEFINE(struct plan, plan_free)
struct arena *plan_arena(struct plan *plan);

/* ---- relations; inputs NULL → NULL ---- */
const struct plan_rel *plan_scan(struct plan *plan, const char *table, const struct data_schema *schema);
/* As plan_scan, with the table's content hash: two scans of tables with other content have other signatures. identity may be NULL. */
const struct plan_rel *plan_scan_identified(struct plan *plan, const char *table, const char *identity, const struct data_schema *schema);
/* The scan with options: {"pruning": "on" | "off" | [columns], "schema_policy": "exact" | "add" | "any"}. */
const struct plan_rel *plan_scan_with(struct plan *plan, const struct plan_rel *scan, const json_t *options);
const struct plan_rel *plan_filter(struct plan *plan, const struct plan_rel *input, const struct plan_expr *predicate);
const struct plan_rel *plan_project(struct plan *plan, const struct plan_rel *input, const struct plan_named *outputs, size_t count);
/* Output: left columns then right columns (SEMI/ANTI: left only). Clashing names are an error: project first. */
const struct plan_rel *plan_join(struct plan *plan, enum plan_join_kind kind, const struct plan_rel *left, const struct plan_rel *right,
                                 const struct plan_expr *const *left_keys, const struct plan_expr *const *right_keys, size_t key_count,
                                 const struct plan_expr *residual);
/* Output: groups, then aggregates. An aggregate is an aggregate call or a scalar expression over such calls. */
const struct plan_rel *plan_aggregate(struct plan *plan, const struct plan_rel *input, const struct plan_named *groups, size_t group_count,
                                      const struct plan_named *aggregates, size_t aggregate_count);
const struct plan_rel *plan_union_all(struct plan *plan, const struct plan_rel *const *inputs, size_t count);
const struct plan_rel *plan_sort(struct plan *plan, const struct plan_rel *input, const struct plan_order *order, size_t count);
const struct plan_rel *plan_limit(struct plan *plan, const struct plan_rel *input, int64_t limit, int64_t offset);
const struct plan_rel *plan_distinct(struct plan *plan, const struct plan_rel *input);
const struct plan_rel *plan_window(struct plan *plan, const struct plan_rel *input, const struct plan_named *outputs, size_t count);
/* Each row of input with one element of its list, as column `as` (and its number from 1, as column `ordinality`, where not NULL). The
 * list's own column stays. A JSON array is a list of JSON; null and empty lists give no row unless keep_empty. */
const struct plan_rel *plan_explode(struct plan *plan, const struct plan_rel *input, const struct plan_expr *list, const char *as,
                                    const char *ordinality, bool keep_empty);
/* Every row of left with the row of right whose keys are equal and whose time is the nearest at or before (forward: after) the left
 * one's; ties by `ties` (expressions of the right input), first wins. Rows of left without one stay, with nulls. The keys, the time and
 * ties should be a total order of right's rows, else ties are broken arbitrarily. span: left_start, right_start, closed, forward. */
const struct plan_rel *plan_join_asof(struct plan *plan, const struct plan_rel *left, const struct plan_rel *right,
                                      const struct plan_expr *const *left_keys, const struct plan_expr *const *right_keys, size_t key_count,
                                      const struct plan_span *span, const struct plan_order *ties, size_t tie_count);
/* Pairs of rows with equal keys whose intervals overlap. kind INNER or LEFT. Columns as of plan_join. */
const struct plan_rel *plan_interval_join(struct plan *plan, enum plan_join_kind kind, const struct plan_rel *left, const struct plan_rel *right,
                                          const struct plan_expr *const *left_keys, const struct plan_expr *const *right_keys, size_t key_count,
                                          const struct plan_span *span);
/* Intervals of equal keys that overlap or touch (at most gap apart) made one. Output: groups, start, end[, count of rows]. Rows with a
 * null bound, or whose end lies before their start, are left out. */
const struct plan_rel *plan_interval_merge(struct plan *plan, const struct plan_rel *input, const struct plan_named *groups, size_t group_count,
                                           const struct plan_span *span);
/* One row for each combination of keys, nulls equal: the first by order. No keys: one row in all. */
const struct plan_rel *plan_dedupe(struct plan *plan, const struct plan_rel *input, const struct plan_expr *const *keys, size_t key_count,
                                   const struct plan_order *order, size_t order_count);
/* A table written out: row_count rows of column_count literals or parameters of the columns' types. Zero rows: an empty table. */
const struct plan_rel *plan_values(struct plan *plan, const struct plan_column *columns, size_t column_count,
                                   const struct plan_expr *const *cells, size_t row_count);
/* Name a node for readable SQL; returns it (a shallow copy with the label). Label a node once and use the copy wherever it is meant. */
const struct plan_rel *plan_label(struct plan *plan, const struct plan_rel *rel, const char *label);

/* ---- expressions ---- */
const struct plan_expr *plan_column(struct plan *plan, const struct plan_rel *input, const char *name);       /* of input 0 */
const struct plan_expr *plan_column_right(struct plan *plan, const struct plan_rel *right, const char *name); /* of input 1 */
const struct plan_expr *plan_literal_int(struct plan *plan, int64_t value);
const struct plan_expr *plan_literal_text(struct plan *plan, const char *text);
const struct plan_expr *plan_literal(struct plan *plan, struct data_type type, const char *canonical_text); /* NULL text = null */
const struct plan_expr *plan_param(struct plan *plan, const char *name, struct data_type type);
const struct plan_expr *plan_call(struct plan *plan, const char *function, size_t count, const struct plan_expr *const *args);
const struct plan_expr *plan_cast(struct plan *plan, const struct plan_expr *expr, struct data_type type, bool try_cast);
const struct plan_expr *plan_case(struct plan *plan, size_t count, const struct plan_expr *const *args);
/* first_by/last_by(value, key1, key2…): the value of the row with the smallest/greatest keys among rows whose value is not null. */
const struct plan_expr *plan_aggregate_call(struct plan *plan, const char *function, size_t count, const struct plan_expr *const *args,
                                            bool distinct, const struct plan_expr *where);
/* A window function, or an aggregate whose line in functions.def allows it. frame: copied; NULL = see struct plan_expr. */
const struct plan_expr *plan_window_call(struct plan *plan, const char *function, size_t count, const struct plan_expr *const *args,
                                         const struct plan_expr *const *partition, size_t partition_count,
                                         const struct plan_order *order, size_t order_count, const struct plan_frame *frame);
const struct plan_expr *plan_struct(struct plan *plan, const struct plan_named *fields, size_t count);
const struct plan_expr *plan_field(struct plan *plan, const struct plan_expr *record, const char *name);
/* The element that a list function (let, list_transform, list_filter, list_flat: those whose line
 * in functions.def says BODY) is at, within its last argument; outer counts the list functions
 * between: 0 = the innermost. type: of the list's elements; checked where it stands. */
const struct plan_expr *plan_element(struct plan *plan, size_t outer, struct data_type type);
bool plan_binds(const struct plan_expr
                    *expr); /* Is it a call whose last argument is evaluated for each element? */
struct plan_named *plan_named_array(struct plan *plan, size_t count); /* zeroed array in the arena, to fill */

/* Index of the column of that name (ASCII case ignored), or -1. */
int64_t plan_column_find(const struct plan_rel *rel, const char *name);
const char *plan_rel_kind_text(enum plan_rel_kind kind);
const char *plan_join_kind_text(enum plan_join_kind kind);

/* The plan's first error, or ERR_OK; also checks that root is not NULL. */
enum err_code plan_finish(struct plan *plan, const struct plan_rel *root, struct err *err) WARN_UNUSED;

/* ---- canonical form, identity, text ---- */
/* Canonical bytes: version byte, then the tree with commutative operands and conjuncts sorted, literals in canonical text. */
enum err_code plan_canonical(const struct plan_rel *root, struct buf *ret, struct err *err) WARN_UNUSED;
enum err_code plan_signature(const struct plan_rel *root, char ret_hex[65], struct err *err) WARN_UNUSED; /* sha256 of the canonical bytes */
enum err_code plan_to_json(const struct plan_rel *root, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code plan_from_json(struct plan *plan, const json_t *json, const char *source, const struct plan_rel **ret, struct err *err) WARN_UNUSED;
enum err_code plan_print(const struct plan_rel *root, struct buf *ret, struct err *err) WARN_UNUSED; /* indented tree for people */
/* What the plan's scans say, {TABLE: options}; ERR_INPUT where two scans of a table say different things. New reference. */
enum err_code plan_scan_options(const struct plan_rel *root, json_t **ret, struct err *err) WARN_UNUSED;
/* Names of tables scanned, each once, in first-visit order; strings borrowed from the plan. *ret from mem_alloc: caller mem_free()s. */
enum err_code plan_tables(const struct plan_rel *root, const char ***ret, size_t *ret_count, struct err *err) WARN_UNUSED;

#endif
