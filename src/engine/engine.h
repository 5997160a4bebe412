/* The engine's door: SQL text and parameters in, batches out. It knows no plan and no store.
 * engine/duckdb is the embedded default; only that folder's files include duckdb.h. One struct engine is used by one
 * thread at a time (engine_interrupt excepted); native functions' callbacks run on the engine's own threads. */
#ifndef MARROW_ENGINE_ENGINE_H
#define MARROW_ENGINE_ENGINE_H

#include "data/data.h"

struct engine;
/* What an engine can do; a case of the conformance suite that needs one skips where it is not declared. */
enum engine_ability {
    ENGINE_CAN_APPEND = 1 << 0,       /* engine_append_… */
    ENGINE_CAN_BIND = 1 << 1,         /* parameters are bound by the engine; else engine.h encodes them by type */
    ENGINE_HAS_NATIVES = 1 << 2,      /* the marrow_… functions below */
    ENGINE_HAS_TRANSACTIONS = 1 << 3, /* CREATE TABLE … AS takes part in a transaction */
    ENGINE_HAS_TIMESTAMPTZ = 1 << 4,  /* can be stored in a table */
    ENGINE_HAS_QUANTILE = 1 << 5,     /* exact percentile_cont */
    ENGINE_READS_FILES = 1 << 6,      /* read_parquet(path) in SQL */
    ENGINE_TAKES_SUBSTRAIT = 1 << 7,  /* a plan without SQL */
    ENGINE_IS_LOCAL = 1 << 8,         /* a session in this process, empty at first, that reads Parquet files in place (engine_create_external):
                                       * nothing is pushed there, nothing is kept */
};
struct engine_options {
    const char *url;          /* "postgresql://…", "trino://…", "adbc:…"; NULL: the embedded engine */
    const char *database;     /* embedded: file, or NULL: in memory */
    bool read_only;
    int64_t memory_bytes;     /* 0 = engine's default (80 % of RAM) */
    int64_t threads;          /* 0 = all cores */
    const char *spill_directory; /* NULL: no spill */
    int64_t spill_bytes;      /* 0 = no limit of ours */
    const struct progress *progress; /* asked while statements run: interrupt on cancel, report fraction */
};
enum err_code engine_open(const struct engine_options *options, struct engine **ret, struct err *err) WARN_UNUSED;
void engine_close(struct engine *engine);
AUTO_DEFINE(struct engine, engine_close)
/* ---- opening and closing beside other work, on a thread of their own (opening.c): the engine is the thread's until it is joined ---- */
struct engine_opening;
/* Begins to open the engine; what the options point to must outlive it. NULL: there is no thread to be had, open it when it is needed. */
struct engine_opening *engine_opening_begin(const struct engine_options *options);
/* Waits for it; the opening is gone, also after an error. Any thread, once. */
enum err_code engine_opening_end(struct engine_opening *opening, struct engine **ret, struct err *err) WARN_UNUSED;
/* Waits for it and closes what was opened; NULL is accepted. */
void engine_opening_drop(struct engine_opening *opening);
struct engine_closing;
/* Begins to close the engine (NULL is accepted), which has no open result. NULL: it is closed already. */
struct engine_closing *engine_closing_begin(struct engine *engine_taken);
void engine_closing_end(struct engine_closing *closing); /* waits; NULL is accepted */
bool engine_can(const struct engine *engine, enum engine_ability ability);
/* The table of engines, for lists and help; NULL past the end. */
struct engine_about {
    const char *name, *schemes, *dialect, *what, *example;
    uint32_t abilities;
};
bool engine_about(size_t idx, struct engine_about *ret);
/* Are the libraries there that engine idx of the table needs? It connects nowhere. ERR_UNSUPPORTED: the hint says what to install. */
enum err_code engine_load(size_t idx, struct err *err) WARN_UNUSED;
const char *engine_name(const struct engine *engine);    /* "duckdb" */
const char *engine_version(const struct engine *engine); /* library's or server's version */
const char *engine_dialect(const struct engine *engine); /* dialect's name: "duckdb" */
void engine_interrupt(struct engine *engine);            /* any thread */
/* Change what progress is asked/reported for the next statements (borrowed). */
void engine_set_progress(struct engine *engine, const struct progress *progress, const char *phase, const char *subject);
/* Statements that run past it are interrupted with ERR_TIMEOUT. 0 = none. */
void engine_set_time_limit(struct engine *engine, int64_t limit_ms);

/* A bound parameter. */
struct engine_value {
    struct data_type type; /* kind NULL = null */
    union {
        int64_t i64; /* BOOLEAN, BIGINT, DATE, TIME, TIMESTAMP(TZ) */
        double f64;
        struct str text; /* TEXT, JSON, BLOB; DECIMAL as its lexeme */
    };
};

/* Run statements for their effect (several, separated by ';', are allowed only without parameters). */
enum err_code engine_execute(struct engine *engine, const char *sql, const struct engine_value *values, size_t value_count, struct err *err) WARN_UNUSED;
enum err_code engine_executef(struct engine *engine, struct err *err, const char *format, ...) WARN_UNUSED PRINTF_LIKE(3, 4);

struct engine_result; /* streams; one open result per engine at a time unless materialised */
enum err_code engine_query(struct engine *engine, const char *sql, const struct engine_value *values, size_t value_count, struct engine_result **ret, struct err *err) WARN_UNUSED;
/* As engine_query, of a plan in Substrait (protobuf bytes). ERR_UNSUPPORTED: the engine takes none, or not this one: ask in SQL. */
enum err_code engine_query_substrait(struct engine *engine, struct str plan, struct engine_result **ret, struct err *err) WARN_UNUSED;
const struct data_schema *engine_result_schema(const struct engine_result *result);
/* Next batch, borrowed until the next call; *ret = NULL at the end. Nested types arrive as TEXT (their JSON-like text). */
enum err_code engine_result_next(struct engine_result *result, const struct data_batch **ret, struct err *err) WARN_UNUSED;
void engine_result_close(struct engine_result *result);
AUTO_DEFINE(struct engine_result, engine_result_close)
/* Single-row, single-column conveniences. No row → ERR_ENGINE; null → *ret = fallback. */
enum err_code engine_query_int(struct engine *engine, const char *sql, int64_t fallback, int64_t *ret, struct err *err) WARN_UNUSED;
enum err_code engine_query_text(struct engine *engine, const char *sql, struct buf *ret, struct err *err) WARN_UNUSED;
/* Whole small result as JSON rows [[…]…] with numbers as JSON numbers; more than row_limit → ERR_LIMIT. New reference. */
enum err_code engine_query_json(struct engine *engine, const char *sql, int64_t row_limit, json_t **ret_rows, struct err *err) WARN_UNUSED;

/* Export a result as an Arrow C stream (struct ArrowArrayStream of the Arrow C data interface, declared in include/marrow.h).
 * The stream owns the result. */
struct ArrowArrayStream;
enum err_code engine_result_to_arrow(struct engine_result *result_taken, struct ArrowArrayStream *ret, struct err *err) WARN_UNUSED;

/* What a user's text is, before it runs. Parse errors → ERR_INPUT with the place; too deep, or more set operations or
 * block comments than the limits → ERR_LIMIT; what the engine can't run safely (query('…'), an ORDER BY inside a marrow_ aggregate)
 * → ERR_INPUT. */
#define ENGINE_LIMIT_SET_OPERATIONS 2000
#define ENGINE_LIMIT_COMMENTS 500
struct engine_statement {
    int64_t count;  /* statements in the text */
    bool is_select; /* the first is of type SELECT */
    char **tables;  /* names it reads (unqualified as written, catalogue.schema.table otherwise); engine_statement_done frees */
    size_t table_count;
    char **table_functions; /* "read_csv", "range" …: functions used as tables */
    size_t table_function_count;
};
enum err_code engine_statement_inspect(struct engine *engine, const char *sql, struct engine_statement *ret, struct err *err) WARN_UNUSED;
void engine_statement_done(struct engine_statement *statement);

/* From here on the engine opens no file but those already attached and the paths in allowed (an array of texts), no network, no extension, and its
 * settings are locked. There is no way back. A COPY may still overwrite an allowed path: let only SELECTs through (engine_statement_inspect). */
enum err_code engine_confine(struct engine *engine, const json_t *allowed, struct err *err) WARN_UNUSED;

/* Append pushed batches to an existing table (fast path: whole chunks). */
struct engine_appender;
enum err_code engine_append_open(struct engine *engine, const char *schema_name, const char *table, struct engine_appender **ret, struct err *err) WARN_UNUSED;
enum err_code engine_append_batch(struct engine_appender *appender, const struct data_batch *batch, struct err *err) WARN_UNUSED;
/* Flush and free; the appender is gone either way. */
enum err_code engine_append_close(struct engine_appender *appender, struct err *err) WARN_UNUSED;
void engine_append_abort(struct engine_appender *appender);

/* Fill new tables in one pass, all or nothing (the embedded engine only). A statement for each table runs, all at once, and who wants rows does the work:
 *
 *     CREATE TABLE a ◀── batches for a ──┬── piece(), on the engine's threads
 *     CREATE TABLE b ◀── batches for b ──┘
 *
 * Memory is flat: pieces wait for the table that is behind. The order of rows is not kept. */
struct engine_fill_table {
    const char *schema_name; /* as of engine_append_open; made if it is not there */
    const char *table;       /* must not be there */
    const struct data_schema *schema;
};
struct engine_fill_piece;
struct engine_fill_work {
    /* Do a piece of the pass and give its rows by engine_fill_batch, on any thread, several at once. *ret_more is true; set it false where nothing is left to begin. */
    enum err_code (*piece)(void *user, struct engine_fill_piece *piece, bool *ret_more, struct err *err);
    void *user;
    size_t threads; /* at most so many pieces at once */
    bool few;       /* rows, for a thread: each table is written by one, since what several have would be copied once more where they come together */
};
/* The error is the first that a piece or a statement had. ERR_UNSUPPORTED: not this engine. */
enum err_code engine_fill(struct engine *engine, const struct engine_fill_table *tables, size_t count, const struct engine_fill_work *work, struct err *err) WARN_UNUSED;
/* Within a piece, on its thread. Texts are well-formed UTF-8 and are copied: some hundred rows at a time, their texts are still in the cache. */
enum err_code engine_fill_batch(struct engine_fill_piece *piece, size_t table, const struct data_batch *batch, struct err *err) WARN_UNUSED;

/* A folder that this program and the engine's servers both see (of its URL: files=/PATH&location=URI): its path here, and what the
 * servers call it. Borrowed from engine. False: there is none. */
bool engine_shared_folder(const struct engine *engine, const char **ret_path, const char **ret_location);
struct engine_external { /* Parquet files as a table */
    const struct data_schema *columns;
    size_t key_count;     /* the last of columns stand in the names of folders, key=value, outermost first; what is there now is what is read */
    const char *location; /* the files' folder, as the servers call it, one per table; ENGINE_IS_LOCAL: or a file */
    const char *comment;  /* kept with the table, on servers; NULL */
};
/* Make a folder of Parquet files a table: columns by name, dropping the table keeps the files. ERR_UNSUPPORTED: the engine has no such tables,
 * or cannot store a column's type. A partitioned one whose folders could not be read (any error) is there, and to be dropped by the caller. */
enum err_code engine_create_external(struct engine *engine, const char *schema_name, const char *table, const struct engine_external *external, struct err *err) WARN_UNUSED;

/* Quoting, for the layers that compose SQL. */
void engine_quote_identifier(struct buf *out, struct str name); /* "a""b" */
void engine_quote_literal(struct buf *out, struct str text);    /* 'a''b' ; NUL bytes refused by setting out->failed */
/* "read_csv(…)" / "read_parquet(…)" for a scan: a table expression. CSV: all columns text by scan schema.
 * rejects_tag non-NULL: bad rows go to reject tables "<tag>_scans"/"<tag>_errors", read by engine_scan_rejects. */
enum err_code engine_scan_expression(const struct data_scan *scan, const struct data_schema *schema, const char *rejects_tag, struct buf *out, struct err *err) WARN_UNUSED;
/* The columns a Parquet scan has (appended to *ret), as Marrow's types: nested → JSON, others without a counterpart → TEXT.
 * Pass it to engine_scan_expression, which then casts: with an empty
 * schema a Parquet scan keeps the file's own types. */
enum err_code engine_scan_schema(struct engine *engine, const struct data_scan *scan, struct data_schema *ret, struct err *err) WARN_UNUSED;
/* For each path of a Parquet scan a hash of its columns' names, types and order: files of equal hashes are read alike (same_columns). ret
 * has path_count entries. */
enum err_code engine_scan_shapes(struct engine *engine, const struct data_scan *scan, struct hash128 *ret, struct err *err) WARN_UNUSED;
/* The path as a scan writes it: a pattern that means only that path. A confined engine must be allowed both. */
void engine_scan_pattern(const char *path, struct buf *out);
/* Hand the quarantined rows of a finished scan to sink->reject, in file order; *ret_rows = distinct lines rejected. */
enum err_code engine_scan_rejects(struct engine *engine, const char *rejects_tag, const struct data_sink *sink, int64_t *ret_rows, struct err *err) WARN_UNUSED;
/* SQL type name ↔ data_type ("DECIMAL(18,4)"). */
void engine_type_sql(struct data_type type, struct buf *out);

/* ---- native functions: a generic hook ---------------------------------------------------------- */

/* Scalar: in has the arguments as columns; fill ret (storage is the engine's, type as declared; validity mask present, all valid).
 * TEXT/BLOB results: point ret->text[r] at memory living until the call returns (use arena). */
struct engine_scalar {
    const char *name;
    const struct data_type *parameters;
    size_t parameter_count;
    bool varargs; /* any number of arguments of any type; parameters ignored */
    struct data_type result;
    bool null_in_null_out; /* false: the callback sees nulls */
    enum err_code (*evaluate)(void *extra, const struct data_batch *in, struct arena *arena, struct data_vector *ret, struct err *err);
    void *extra;
};
enum err_code engine_register_scalar(struct engine *engine, const struct engine_scalar *function, struct err *err) WARN_UNUSED;

struct engine_aggregate {
    const char *name;
    const struct data_type *parameters; /* kind NULL: any type */
    size_t parameter_count;
    struct data_type result; /* a STRUCT: finalize's ret is an array, a vector for each field */
    size_t state_bytes;
    void (*init)(void *state);
    /* states[r] is the state of row r's group. Nulls are seen. */
    enum err_code (*update)(const struct data_batch *in, void *const *states, struct err *err);
    enum err_code (*combine)(void *const *sources, void *const *targets, int64_t count, struct err *err); /* sources are not used afterwards, then done()ed */
    enum err_code (*finalize)(void *const *states, int64_t count, struct arena *arena, struct data_vector *ret, int64_t offset, struct err *err); /* write rows offset…offset+count-1 */
    void (*done)(void *state); /* NULL: nothing owned */
    size_t constants; /* the last so many parameters are the same in every row: only row 0 of their columns is there */
};
/* One function, or several of one name that differ in their parameters. */
enum err_code engine_register_aggregate(struct engine *engine, const struct engine_aggregate *overloads, size_t count, struct err *err) WARN_UNUSED;

/* Marrow's own functions, registered on every engine_open (engine/functions.c):
 *   marrow_row_hash(any…) → uhugeint   canonical 128-bit row hash; arguments in the caller's canonical column order
 *   marrow_hash_sum(uhugeint) → uhugeint  sum modulo 2^128
 *   marrow_typing(text) → blob         typing_stats of a column (data/typing.h)
 *   marrow_digits(uhugeint) → text  its decimal digits
 *   marrow_bucket(text, bigint n) → bigint  stable hash bucket 0…n-1, XXH3-64 seed 0 of the value's canonical text
 *   marrow_sum(double), marrow_mean(double), marrow_sd(double), marrow_var(double) → double  exact, order-independent, correctly rounded
 *     (var to an ulp)
 *     nulls ignored; no value → null (sd: fewer than two); a NaN or both infinities → NaN, else an infinity → it (sd: NaN)
 *   marrow_mode(text) → text  most frequent value, ties to the smallest (bytewise); nulls ignored
 *   marrow_values(x) → {count bigint, distinct bigint, mode of x's type}  of the values that are not null; mode as marrow_mode
 *   marrow_ends(x, key) → {first, last of x's type}  x, not null, with the least and the greatest key (whole number, decimal(p,0) or
 *     hugeint, date, timestamp); equal keys: the least first, the greatest last; a row whose key is null wins only where all are
 *   marrow_levels(x, json) → {n1 … n12 bigint}  how often x equals the first, second … value of a JSON array (constant, up to 12)
 *     x of these three: text, bigint, double, date, timestamp; of marrow_levels: text, bigint
 *   marrow_null_if(text, text…) → text  the first, null where it equals one of the others; in place of CASE … IN (…), which DuckDB
 *     plans in time quadratic in the number of columns
 */

#endif
