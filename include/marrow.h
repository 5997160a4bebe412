/* Marrow's public C API: from files of clinical tables to immutable dataset versions, keys between tables, marts, and SQL over them.
 * C17 and C++. One function per use case; each answers with one JSON document (the same that `marrow VERB --json` prints), rows of SQL with
 * an Arrow C stream.
 *
 *     struct marrow_error error;
 *     struct marrow_store *store = NULL;
 *     struct marrow_options options = {sizeof options, "my-store", 1};
 *     if (marrow_open(&options, &store, &error) != MARROW_OK)
 *         fprintf(stderr, "%s\n", error.message);
 *
 * Rules that hold for every function
 *   errors     Returns an enum marrow_code. When it is not MARROW_OK and error is not NULL, *error is filled; outputs are then left as they were.
 *   ownership  Texts handed out through char **ret_json are the caller's, freed with marrow_free. Arguments are borrowed for the call.
 *              NULL is allowed wherever the comment says "may be NULL".
 *   texts      NUL-terminated UTF-8. Version ids may be shortened to a unique beginning of at least four digits.
 *   threads    A store and everything made from it belong to one thread at a time. Different stores (also of the same directory) are
 *              independent: many processes may read while one imports. No thread-local or global state is left behind.
 *   stability  Structures that a caller fills begin with their size, so that they can grow; functions are only added within one soname. */
#ifndef MARROW_H
#define MARROW_H

#include <stddef.h>
#include <stdint.h>

#include "marrow_arrow.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MARROW_API __attribute__((visibility("default")))
#else
#define MARROW_API
#endif

/* ---- errors ------------------------------------------------------------------------------------ */

enum marrow_code {
    MARROW_OK = 0,
    MARROW_FAILED = 1,      /* an operation failed for a reason outside the input */
    MARROW_USAGE = 2,       /* the call's arguments are wrong */
    MARROW_INPUT = 3,       /* data, plan or statement was rejected (a statement that is no SELECT …) */
    MARROW_LIMIT = 4,       /* a stated limit was passed */
    MARROW_LOCKED = 5,      /* another process holds the dataset */
    MARROW_INTEGRITY = 6,   /* stored bytes differ from their recorded hash */
    MARROW_NOT_FOUND = 7,   /* no such store, dataset, version, table, run or file */
    MARROW_MEMORY = 8,      /* memory could not be had */
    MARROW_IO = 9,          /* the operating system refused a file operation */
    MARROW_ENGINE = 10,     /* the query engine failed */
    MARROW_TIMEOUT = 11,    /* a time limit passed */
    MARROW_UNSUPPORTED = 12, /* a store made by a newer Marrow, or something this build does not offer */
    MARROW_INTERRUPTED = 13 /* the progress callback asked to stop */
};

#define MARROW_TEXT_BYTES 1024
struct marrow_error { /* the caller's; no need to initialise or free */
    enum marrow_code code;
    char message[MARROW_TEXT_BYTES]; /* one line: what, expected and found; never a cell's value */
    char detail[MARROW_TEXT_BYTES];  /* more, e.g. the engine's words; may be "" */
    char hint[MARROW_TEXT_BYTES];    /* what to do; may be "" */
    char source[MARROW_TEXT_BYTES];  /* file or table; may be "" */
    int64_t line, column;            /* from 1; 0 = none */
};
/* "not_found" for MARROW_NOT_FOUND … Static; "" for an unknown code. */
MARROW_API const char *marrow_code_name(enum marrow_code code);

/* The library's version, "0.1.0". Static. */
MARROW_API const char *marrow_version(void);
/* Frees a text that a function handed out. NULL allowed. */
MARROW_API void marrow_free(char *text);

/* ---- a store ----------------------------------------------------------------------------------- */

struct marrow_store; /* opaque */

/* Called during long work, from any of its threads but never from two at once for one store; must return quickly. */
struct marrow_progress {
    size_t size; /* sizeof(struct marrow_progress) */
    /* May be NULL. total 0 = unknown; unit "bytes", "rows" or "tables". The texts are borrowed for the call. */
    void (*report)(void *user, const char *phase, const char *subject, int64_t done, int64_t total, const char *unit);
    /* May be NULL. Nonzero stops the work: the call then gives MARROW_INTERRUPTED and the store is as before. */
    int (*cancelled)(void *user);
    void *user;
};

struct marrow_options {
    size_t size;           /* sizeof(struct marrow_options) */
    const char *directory; /* NULL = $MARROW_STORE, else ./marrow-store */
    int create;            /* nonzero: make the store when it is missing */
    int64_t memory_bytes;  /* that the process may take; 0 = default */
    int64_t threads;       /* 0 = all cores */
    const char *spill;     /* directory for work larger than memory; NULL = inside the store */
    int show_values;       /* nonzero: cells may appear in errors as they are, not as patterns */
    const struct marrow_progress *progress; /* may be NULL; borrowed until marrow_close */
};

/* Opens a store. options NULL: all defaults. Loads no data. A store without write permission opens and answers. Errors: MARROW_NOT_FOUND
 * (missing and not create), MARROW_UNSUPPORTED (made by a newer Marrow), MARROW_IO. */
MARROW_API enum marrow_code marrow_open(const struct marrow_options *options, struct marrow_store **ret, struct marrow_error *error);
/* Closes it. Close its rows and release its Arrow streams first. NULL allowed. */
MARROW_API void marrow_close(struct marrow_store *store);
/* Warnings of the last call on this store as a JSON array of texts ("the store is read-only: this was not recorded"). */
MARROW_API enum marrow_code marrow_warnings(struct marrow_store *store, char **ret_json, struct marrow_error *error);

/* ---- import ------------------------------------------------------------------------------------ */

struct marrow_import_options {
    size_t size;               /* sizeof(struct marrow_import_options) */
    const char *name;          /* the dataset; NULL = from the first path */
    const char *encoding;      /* NULL = detected */
    const char *delimiter;     /* of CSV; NULL = detected */
    int header;                /* 1 yes, 2 no, 0 detected */
    int strict;                /* nonzero: a row that would be quarantined refuses the import */
    const char *overrides_json; /* {TABLE:{COLUMN:{"type":…,"null_markers":[…]}}}; NULL = none */
    const char *const *null_markers; /* in place of the built-in list; NULL = built-in */
    size_t null_marker_count;
    int64_t maximum_bytes;     /* refuse archives that unpack to more; 0 = default */
};
/* Imports files, folders or archives as a new version; the same content again is recognised. Published whole or not at all.
 * {dataset, version, reused, tables:[{name, rows, columns:[{name,type,role}], rejected_rows}], rejected_rows, bytes, duration_ms}.
 * options may be NULL. Errors: MARROW_INPUT, MARROW_LIMIT, MARROW_LOCKED, MARROW_NOT_FOUND, MARROW_IO, MARROW_INTERRUPTED. */
MARROW_API enum marrow_code marrow_import(struct marrow_store *store, const char *const *paths, size_t path_count, const struct marrow_import_options *options, char **ret_json,
                                     struct marrow_error *error);

/* ---- looking ----------------------------------------------------------------------------------- */

/* {store, datasets:[{dataset, version, tables, rows, bytes, runs, last:[…]}]}; a damaged dataset carries "problem". */
MARROW_API enum marrow_code marrow_datasets(struct marrow_store *store, char **ret_json, struct marrow_error *error);
/* A version's manifest with its marts. version NULL = the current one (so in all functions below). */
MARROW_API enum marrow_code marrow_show(struct marrow_store *store, const char *dataset, const char *version, char **ret_json, struct marrow_error *error);
/* {dataset, versions:[{version, created_at, parent, tables, rows, bytes, current}]}, newest first. */
MARROW_API enum marrow_code marrow_versions(struct marrow_store *store, const char *dataset, char **ret_json, struct marrow_error *error);
/* {from, to, tables:[{name, change, columns_added, …, rows_added, rows_removed}]}; rows compared as bags. */
MARROW_API enum marrow_code marrow_diff(struct marrow_store *store, const char *dataset, const char *from, const char *to, char **ret_json, struct marrow_error *error);
/* Column statistics, roles and keys; table NULL = all. */
MARROW_API enum marrow_code marrow_profile(struct marrow_store *store, const char *dataset, const char *version, const char *table, char **ret_json, struct marrow_error *error);
/* {relations:[{child:{table,columns}, parent:{table,columns}, confidence, coverage, status, evidence}]} */
MARROW_API enum marrow_code marrow_relations(struct marrow_store *store, const char *dataset, const char *version, char **ret_json, struct marrow_error *error);
/* decision "confirm", "reject", "add" or "reset"; child and parent "table.column" (composite: "table.a+b"). Answers as marrow_relations. */
MARROW_API enum marrow_code marrow_relation_decide(struct marrow_store *store, const char *dataset, const char *decision, const char *child, const char *parent, char **ret_json,
                                              struct marrow_error *error);
/* role "dimension", "fact", "event", "bridge" or "reference". Answers as marrow_profile of the table. */
MARROW_API enum marrow_code marrow_table_role(struct marrow_store *store, const char *dataset, const char *table, const char *role, char **ret_json, struct marrow_error *error);

/* ---- marts ------------------------------------------------------------------------------------- */

struct marrow_mart_options {
    size_t size;             /* sizeof(struct marrow_mart_options) */
    const char *version;     /* NULL = current */
    const char *anchor;      /* table whose rows the mart has; NULL = chosen, with reasons */
    const char *event;       /* grain "event": the table of events; NULL = chosen */
    int inner;               /* nonzero: only rows that every used table knows */
    const char *policy_json; /* {TABLE:{COLUMN:["mean", …]}} over the built-in aggregates; NULL = none */
    int64_t buckets;         /* grain "event": files to hash rows into; 0 = 64 */
    int force;               /* nonzero: compute again and prove that the result is the same */
};
/* Builds or reuses one table per "patient", "admission" or "event", nothing counted twice.
 * {run_id, grain, grain_key, anchor_table, row_count, path, schema:{column:type}, tables:[{name, role, used, reason}], reused, duration_ms,
 * bytes, materialised_at}. options may be NULL. */
MARROW_API enum marrow_code marrow_mart_build(struct marrow_store *store, const char *dataset, const char *grain, const struct marrow_mart_options *options, char **ret_json,
                                         struct marrow_error *error);
/* The SQL that would build it {sql, signature, dialect, tables …}; runs nothing. */
MARROW_API enum marrow_code marrow_mart_dry_run(struct marrow_store *store, const char *dataset, const char *grain, const struct marrow_mart_options *options, char **ret_json,
                                           struct marrow_error *error);
/* The lazy query over a built mart {sql, signature, dialect}; mart is a grain or a name ("mart_event_labs"). MARROW_NOT_FOUND where none is
 * built. */
MARROW_API enum marrow_code marrow_mart_plan(struct marrow_store *store, const char *dataset, const char *version, const char *mart, char **ret_json, struct marrow_error *error);
/* {dataset, marts:[{name, run_id, version, grain, anchor_table, row_count, columns, bytes, materialised_at}]} */
MARROW_API enum marrow_code marrow_mart_list(struct marrow_store *store, const char *dataset, char **ret_json, struct marrow_error *error);
/* The manifest of the newest mart of that name. */
MARROW_API enum marrow_code marrow_mart_show(struct marrow_store *store, const char *dataset, const char *version, const char *mart, char **ret_json, struct marrow_error *error);
/* {ok, checks:[{what, expected, found, ok}]}: the invariants, derived again from the raw tables. Invariants that fail are no error: see ok. */
MARROW_API enum marrow_code marrow_mart_verify(struct marrow_store *store, const char *dataset, const char *version, const char *mart, char **ret_json, struct marrow_error *error);

/* ---- SQL --------------------------------------------------------------------------------------- */

struct marrow_rows; /* opaque: the rows of one statement */

struct marrow_query_options {
    size_t size;          /* sizeof(struct marrow_query_options) */
    const char *version;  /* NULL = current */
    int64_t time_limit_ms; /* 0 = 300,000 */
};
/* Runs one SELECT over the tables and marts of a version, read-only, lazily, with no file or network access beyond the version's own.
 * Anything else (several statements, COPY, ATTACH, a file's name as a table) is refused with MARROW_INPUT or MARROW_NOT_FOUND before it runs.
 * options may be NULL. *ret is the caller's until marrow_rows_close or marrow_rows_to_arrow. */
MARROW_API enum marrow_code marrow_query(struct marrow_store *store, const char *dataset, const char *sql, const struct marrow_query_options *options, struct marrow_rows **ret,
                                    struct marrow_error *error);
/* [{name, type}] in order. */
MARROW_API enum marrow_code marrow_rows_columns(const struct marrow_rows *rows, char **ret_json, struct marrow_error *error);
/* The version that answered: 64 hex digits, borrowed from rows. */
MARROW_API const char *marrow_rows_version(const struct marrow_rows *rows);
/* Hands the rows over as an Arrow C stream. Takes rows, also when it fails. *ret is the caller's: call ret->release when done, before
 * marrow_close. Batches are made as they are asked for, so memory does not grow with the result. */
MARROW_API enum marrow_code marrow_rows_to_arrow(struct marrow_rows *rows_taken, struct ArrowArrayStream *ret, struct marrow_error *error);
/* Ends a result that was not handed over. NULL allowed. */
MARROW_API void marrow_rows_close(struct marrow_rows *rows);
/* The same, written to a Parquet file (staged, then renamed; a file of that name is replaced): {version, path, bytes, duration_ms}. */
MARROW_API enum marrow_code marrow_query_parquet(struct marrow_store *store, const char *dataset, const char *sql, const struct marrow_query_options *options, const char *path,
                                            char **ret_json, struct marrow_error *error);

/* ---- plans ------------------------------------------------------------------------------------- */

/* A typed relational plan: built here or read from JSON (docs/plan.schema.json), checked as it is built, then immutable.
 *
 *     struct marrow_plan *p = marrow_plan_new();
 *     const struct marrow_column columns[] = {{"patient_id", "bigint"}, {"value", "decimal(9,2)"}};
 *     const struct marrow_rel *labs = marrow_plan_scan(p, "labs", columns, 2);
 *     const struct marrow_expr *args[] = {marrow_plan_column(p, labs, "value"), marrow_plan_param(p, "least", "decimal(9,2)")};
 *     labs = marrow_plan_filter(p, labs, marrow_plan_call(p, "ge", 2, args));
 *     if (marrow_plan_finish(p, labs, &error) != MARROW_OK) …       the first error of all the calls
 *
 * Constructors check names and types at once; the first problem is kept in the plan, they return NULL from then on, and NULL given to them is
 * absorbed, so fifty nodes are straight-line code. Handles belong to the plan and live until marrow_plan_free; texts and arrays given are
 * copied. A plan is one thread's until it is finished; then any number may read it. Types are texts: "bigint", "decimal(18,4)", "list(text)". */
struct marrow_plan; /* opaque */
struct marrow_rel;  /* opaque: a relation of a plan */
struct marrow_expr; /* opaque: an expression of a plan */

struct marrow_column { /* of a scan or of values */
    const char *name, *type;
};
struct marrow_named { /* an output column */
    const char *name;
    const struct marrow_expr *expr;
};
struct marrow_order { /* a sort key */
    const struct marrow_expr *expr;
    int descending;  /* nonzero: greatest first */
    int nulls_first; /* nonzero: nulls before all others; else after them */
};
#define MARROW_UNBOUNDED_BEFORE INT64_MIN
#define MARROW_UNBOUNDED_AFTER INT64_MAX
struct marrow_frame { /* rows from start to end, counted from the current one: -2 = two before it */
    int64_t start, end;
};
enum marrow_join { MARROW_JOIN_INNER, MARROW_JOIN_LEFT, MARROW_JOIN_SEMI, MARROW_JOIN_ANTI };
/* Times of as-of and interval joins and of merges, all of one temporal or numeric type. Intervals are [start, end). */
struct marrow_span {
    size_t size;                                      /* sizeof(struct marrow_span) */
    const struct marrow_expr *left_start, *left_end;  /* as-of: left_start is the left time */
    const struct marrow_expr *right_start, *right_end; /* of the right input; as-of: right_start is the right time */
    int closed;      /* nonzero: intervals hold their end; as-of: the right time may equal the left */
    int forward;     /* as-of, nonzero: the earliest at or after, instead of the latest at or before */
    int64_t gap;     /* merge: intervals at most so far apart are one (µs, days or units) */
    const char *start_name, *end_name, *count_name; /* merge: output columns; count_name may be NULL */
};

/* An empty plan; NULL: no memory (marrow_plan_finish of NULL says so). */
MARROW_API struct marrow_plan *marrow_plan_new(void);
/* NULL allowed. */
MARROW_API void marrow_plan_free(struct marrow_plan *plan);
/* Ends building: the plan is root. Gives the first error of all constructors (MARROW_INPUT names node, column and expectation; MARROW_LIMIT). */
MARROW_API enum marrow_code marrow_plan_finish(struct marrow_plan *plan, const struct marrow_rel *root, struct marrow_error *error);
/* Reads a finished plan. *ret is the caller's until marrow_plan_free. MARROW_INPUT, MARROW_LIMIT. */
MARROW_API enum marrow_code marrow_plan_from_json(const char *json, struct marrow_plan **ret, struct marrow_error *error);

/* Relations. A scan names a table, mart or saved plan and the columns that it reads of it. */
MARROW_API const struct marrow_rel *marrow_plan_scan(struct marrow_plan *plan, const char *table, const struct marrow_column *columns, size_t count);
MARROW_API const struct marrow_rel *marrow_plan_filter(struct marrow_plan *plan, const struct marrow_rel *input, const struct marrow_expr *predicate);
MARROW_API const struct marrow_rel *marrow_plan_project(struct marrow_plan *plan, const struct marrow_rel *input, const struct marrow_named *outputs, size_t count);
/* left_keys[i] = right_keys[i] (nulls never equal) and residual (may be NULL). Output: left columns, then right ones (semi, anti: left only);
 * clashing names are an error. */
MARROW_API const struct marrow_rel *marrow_plan_join(struct marrow_plan *plan, enum marrow_join kind, const struct marrow_rel *left, const struct marrow_rel *right,
                                                     const struct marrow_expr *const *left_keys, const struct marrow_expr *const *right_keys, size_t key_count,
                                                     const struct marrow_expr *residual);
/* Output: groups, then aggregates (aggregate calls, or expressions over such). */
MARROW_API const struct marrow_rel *marrow_plan_aggregate(struct marrow_plan *plan, const struct marrow_rel *input, const struct marrow_named *groups, size_t group_count,
                                                          const struct marrow_named *aggregates, size_t aggregate_count);
MARROW_API const struct marrow_rel *marrow_plan_union_all(struct marrow_plan *plan, const struct marrow_rel *const *inputs, size_t count);
MARROW_API const struct marrow_rel *marrow_plan_sort(struct marrow_plan *plan, const struct marrow_rel *input, const struct marrow_order *order, size_t count);
MARROW_API const struct marrow_rel *marrow_plan_limit(struct marrow_plan *plan, const struct marrow_rel *input, int64_t limit, int64_t offset); /* limit -1: none */
MARROW_API const struct marrow_rel *marrow_plan_distinct(struct marrow_plan *plan, const struct marrow_rel *input);
/* The input's columns, then outputs (window calls). */
MARROW_API const struct marrow_rel *marrow_plan_window(struct marrow_plan *plan, const struct marrow_rel *input, const struct marrow_named *outputs, size_t count);
/* Each row with one element of its list, as column `as`, and its number from 1 as ordinality (may be NULL). keep_empty: rows without elements stay. */
MARROW_API const struct marrow_rel *marrow_plan_explode(struct marrow_plan *plan, const struct marrow_rel *input, const struct marrow_expr *list, const char *as,
                                                        const char *ordinality, int keep_empty);
/* Every left row with the right row of equal keys that is nearest in time; ties: first by `ties`. span: left_start, right_start, closed, forward. */
MARROW_API const struct marrow_rel *marrow_plan_join_asof(struct marrow_plan *plan, const struct marrow_rel *left, const struct marrow_rel *right,
                                                          const struct marrow_expr *const *left_keys, const struct marrow_expr *const *right_keys, size_t key_count,
                                                          const struct marrow_span *span, const struct marrow_order *ties, size_t tie_count);
/* Pairs of rows of equal keys whose intervals overlap; kind inner or left. */
MARROW_API const struct marrow_rel *marrow_plan_interval_join(struct marrow_plan *plan, enum marrow_join kind, const struct marrow_rel *left, const struct marrow_rel *right,
                                                              const struct marrow_expr *const *left_keys, const struct marrow_expr *const *right_keys, size_t key_count,
                                                              const struct marrow_span *span);
/* Intervals of equal keys that overlap or touch made one: groups, start, end[, count]. */
MARROW_API const struct marrow_rel *marrow_plan_interval_merge(struct marrow_plan *plan, const struct marrow_rel *input, const struct marrow_named *groups, size_t group_count,
                                                               const struct marrow_span *span);
/* One row for each combination of keys, the first by order. */
MARROW_API const struct marrow_rel *marrow_plan_dedupe(struct marrow_plan *plan, const struct marrow_rel *input, const struct marrow_expr *const *keys, size_t key_count,
                                                       const struct marrow_order *order, size_t order_count);
/* row_count rows of column_count literals or parameters. */
MARROW_API const struct marrow_rel *marrow_plan_values(struct marrow_plan *plan, const struct marrow_column *columns, size_t column_count, const struct marrow_expr *const *cells,
                                                       size_t row_count);
/* Names a relation for readable SQL: use what it returns. */
MARROW_API const struct marrow_rel *marrow_plan_label(struct marrow_plan *plan, const struct marrow_rel *rel, const char *label);

/* Expressions. Functions and what they mean: docs/plan.schema.json. */
MARROW_API const struct marrow_expr *marrow_plan_column(struct marrow_plan *plan, const struct marrow_rel *input, const char *name);       /* of the only or left input */
MARROW_API const struct marrow_expr *marrow_plan_column_right(struct marrow_plan *plan, const struct marrow_rel *right, const char *name); /* of a join's right input */
MARROW_API const struct marrow_expr *marrow_plan_int(struct marrow_plan *plan, int64_t value);
MARROW_API const struct marrow_expr *marrow_plan_text(struct marrow_plan *plan, const char *text);
MARROW_API const struct marrow_expr *marrow_plan_literal(struct marrow_plan *plan, const char *type, const char *text); /* "date", "1995-03-15"; text NULL: null */
MARROW_API const struct marrow_expr *marrow_plan_param(struct marrow_plan *plan, const char *name, const char *type);
MARROW_API const struct marrow_expr *marrow_plan_call(struct marrow_plan *plan, const char *function, size_t count, const struct marrow_expr *const *args);
MARROW_API const struct marrow_expr *marrow_plan_cast(struct marrow_plan *plan, const struct marrow_expr *expr, const char *type, int null_if_not);
MARROW_API const struct marrow_expr *marrow_plan_case(struct marrow_plan *plan, size_t count, const struct marrow_expr *const *args); /* when, then, …[, else] */
/* distinct nonzero: each value once; where: only rows for which it is true, may be NULL. */
MARROW_API const struct marrow_expr *marrow_plan_aggregate_call(struct marrow_plan *plan, const char *function, size_t count, const struct marrow_expr *const *args, int distinct,
                                                                const struct marrow_expr *where);
/* frame NULL: the whole partition without an order, else from its first row to the current row's last peer. */
MARROW_API const struct marrow_expr *marrow_plan_window_call(struct marrow_plan *plan, const char *function, size_t count, const struct marrow_expr *const *args,
                                                             const struct marrow_expr *const *partition, size_t partition_count, const struct marrow_order *order,
                                                             size_t order_count, const struct marrow_frame *frame);
MARROW_API const struct marrow_expr *marrow_plan_struct(struct marrow_plan *plan, const struct marrow_named *fields, size_t count);
MARROW_API const struct marrow_expr *marrow_plan_field(struct marrow_plan *plan, const struct marrow_expr *record, const char *name);

/* What a finished plan is; MARROW_USAGE where it is not finished. */
MARROW_API enum marrow_code marrow_plan_to_json(const struct marrow_plan *plan, char **ret_json, struct marrow_error *error);
/* {text, signature}: an indented tree for people. */
MARROW_API enum marrow_code marrow_plan_print(const struct marrow_plan *plan, char **ret_json, struct marrow_error *error);
/* 64 hex digits: the same for plans that mean the same, on every machine. */
MARROW_API enum marrow_code marrow_plan_signature(const struct marrow_plan *plan, char ret_hex[65], struct marrow_error *error);
/* {sql, params:[{name, type}], dialect}; dialect NULL: duckdb. MARROW_NOT_FOUND: no such dialect; MARROW_UNSUPPORTED: it can't say that. */
MARROW_API enum marrow_code marrow_plan_sql(const struct marrow_plan *plan, const char *dialect, char **ret_json, struct marrow_error *error);
/* {signature, columns, parameters, reads}; with a dataset also {dataset, version, ok, problems}. store and dataset may be NULL. */
MARROW_API enum marrow_code marrow_plan_check(struct marrow_store *store, const struct marrow_plan *plan, const char *dataset, const char *version, char **ret_json,
                                              struct marrow_error *error);

struct marrow_plan_options {
    size_t size;             /* sizeof(struct marrow_plan_options) */
    const char *version;     /* NULL = current */
    const char *params_json; /* {NAME: value}: texts are read by the parameter's type, lists are arrays; NULL = none */
    int64_t row_limit;       /* 0 = 1,000,000 */
    int64_t time_limit_ms;   /* 0 = 300,000 */
    const char *engine;      /* run: URL of a server that the version was pushed to; NULL = embedded */
    const char *name;        /* save: the table's name; NULL = made of the signature */
    int force;               /* save, nonzero: compute again and compare */
};
/* The plan's rows over a version's tables, marts and saved plans, as marrow_query: lazily, read-only; then marrow_rows_to_arrow. Parameters are bound.
 * MARROW_INPUT: a table, column or parameter is missing or of another type. options may be NULL. */
MARROW_API enum marrow_code marrow_plan_run(struct marrow_store *store, const struct marrow_plan *plan, const char *dataset, const struct marrow_plan_options *options,
                                            struct marrow_rows **ret, struct marrow_error *error);
/* Keeps the rows as a run, or finds it; a table of that name from then on. {run_id, name, signature, row_count, schema, path, bytes, reused, duration_ms …} */
MARROW_API enum marrow_code marrow_plan_save(struct marrow_store *store, const struct marrow_plan *plan, const char *dataset, const struct marrow_plan_options *options,
                                             char **ret_json, struct marrow_error *error);

/* ---- questions --------------------------------------------------------------------------------- */

struct marrow_ask_options {
    size_t size;            /* sizeof(struct marrow_ask_options) */
    const char *version;    /* NULL = current */
    const char *grain;      /* "patient", "admission" or "stay": what is counted where the question leaves it open; NULL */
    const char *now;        /* "2104-01-31": what today means; NULL = the latest day of the data */
    int force;              /* nonzero: compute again what was answered before */
    const char *llm;        /* a language model's OpenAI-compatible endpoint that may propose a plan where nothing else answers; NULL: none is asked */
    const char *llm_model;  /* its name there; NULL = "default" */
    int llm_values;         /* nonzero: it may see the question whole, and values of categories */
    int64_t llm_timeout_ms; /* 0 = 30,000 */
};
/* Answers a question in plain English (docs/QUESTIONS.md): {status: answered | asked_back | refused, reading, value?, result?, n?, dropped?, test, warnings, choices, missing,
 * plan?, sql?, version, run_key?, reused?, tier, tiers, confidence, follow_ups, duration_ms …}. A question that is not answered is no error. options may be NULL.
 * MARROW_LIMIT: the question is too long; MARROW_USAGE: now is no date, or llm is no URL that a question may be sent to. */
MARROW_API enum marrow_code marrow_ask(struct marrow_store *store, const char *dataset, const char *question, const struct marrow_ask_options *options, char **ret_json,
                                       struct marrow_error *error);
/* Phrases to which a person gave a meaning {dataset, aliases:[{phrase, meaning, kind, problem?}]}: action "add" (phrase, meaning: words, or TABLE.COLUMN), "remove" (phrase), or NULL: only
 * show. MARROW_NOT_FOUND: no such column or alias; MARROW_INPUT: a circle, or a meaning that is nothing. */
MARROW_API enum marrow_code marrow_alias(struct marrow_store *store, const char *dataset, const char *action, const char *phrase, const char *meaning, char **ret_json,
                                         struct marrow_error *error);

/* ---- export and care --------------------------------------------------------------------------- */

/* what: a table or mart, NULL = the whole version; format csv, parquet, ndjson, json, duckdb or xlsx-csv; path: a file, or a folder for a
 * whole version. {files:[{name, path, bytes}] …}. A file that is there: MARROW_INPUT unless overwrite. */
MARROW_API enum marrow_code marrow_export(struct marrow_store *store, const char *dataset, const char *version, const char *what, const char *format, const char *path, int overwrite,
                                     char **ret_json, struct marrow_error *error);
/* Keeps the newest versions (at least one): {versions_removed, objects_removed, runs_removed, bytes_freed}. dry_run nonzero only tells. */
MARROW_API enum marrow_code marrow_prune(struct marrow_store *store, const char *dataset, int64_t keep, int dry_run, char **ret_json, struct marrow_error *error);
/* Reads every byte: {ok, problems:[{file, expected, found, fix}]}. dataset NULL = the whole store (also below). Problems are no error: see ok. */
MARROW_API enum marrow_code marrow_verify(struct marrow_store *store, const char *dataset, char **ret_json, struct marrow_error *error);
/* Rebuilds a damaged copy from the other one: {repaired:[{file, from}], failed:[{file, reason}]}. */
MARROW_API enum marrow_code marrow_repair(struct marrow_store *store, const char *dataset, char **ret_json, struct marrow_error *error);
/* {ok, checks:[{what, ok, found, fix}]} */
MARROW_API enum marrow_code marrow_doctor(struct marrow_store *store, char **ret_json, struct marrow_error *error);

/* ---- history ----------------------------------------------------------------------------------- */

/* {dataset, entries:[…]} oldest first; last 0 = all. */
MARROW_API enum marrow_code marrow_history(struct marrow_store *store, const char *dataset, int64_t last, char **ret_json, struct marrow_error *error);
/* {ok, entries, segments, problems:[…]} of the hash chain. */
MARROW_API enum marrow_code marrow_history_verify(struct marrow_store *store, const char *dataset, char **ret_json, struct marrow_error *error);
/* Runs an entry again: {seq, kind, identical, before, after}. */
MARROW_API enum marrow_code marrow_history_replay(struct marrow_store *store, const char *dataset, int64_t seq, char **ret_json, struct marrow_error *error);
/* Asks the question of an entry again, recorded as such: {seq, same, same_plan, before, answer}. version NULL = current. */
MARROW_API enum marrow_code marrow_history_rerun(struct marrow_store *store, const char *dataset, int64_t seq, const char *version, char **ret_json, struct marrow_error *error);
/* Which past answers would be others on that version: {dataset, against, questions:[{seq, question, version, before, after, changed}], changed, left_off}. */
MARROW_API enum marrow_code marrow_history_diff(struct marrow_store *store, const char *dataset, const char *against, char **ret_json, struct marrow_error *error);
/* Clears the trail; one entry says so. */
MARROW_API enum marrow_code marrow_history_clear(struct marrow_store *store, const char *dataset, char **ret_json, struct marrow_error *error);

/* ---- demo data --------------------------------------------------------------------------------- */

/* Writes a synthetic hospital into a directory (a ZIP of CSVs, FHIR NDJSON unless no_fhir): the same bytes for the same seed. Needs no
 * store. progress may be NULL. */
MARROW_API enum marrow_code marrow_demo_data(const char *directory, int64_t patients, uint64_t seed, int no_fhir, const struct marrow_progress *progress, char **ret_json,
                                        struct marrow_error *error);

#ifdef __cplusplus
}
#endif

#endif
