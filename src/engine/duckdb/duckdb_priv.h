/* What the files of engine/duckdb share: the engine's struct, the watch thread, error mapping,
 * column conversion. DuckDB's handles never leave this folder. */
#ifndef MARROW_ENGINE_DUCKDB_PRIV_H
#define MARROW_ENGINE_DUCKDB_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/driver.h"
#include "engine/duckdb/library.h"
#include "engine/functions_priv.h"

/* ---- watch: one sleeping thread an engine, made when first needed -------------------------------
 */

/* While a statement is watched, the thread asks every WATCH_TICK_MS whether the user cancelled or
 * the deadline passed and then interrupts the connection (again and again until watch_end, so that
 * an interrupt that comes between two phases of a statement is not lost). */
#define WATCH_TICK_MS 10
struct watch {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool thread_made, quit;
    bool active;
    const struct progress *progress;
    int64_t deadline_us;   /* clock_monotonic_us; 0 = none */
    atomic_bool timed_out; /* set by the thread, read when a statement failed, the watch still on */
    duckdb_connection connection;
};
enum err_code watch_init(struct watch *watch, duckdb_connection connection,
                         struct err *err) WARN_UNUSED;
void watch_done(struct watch *watch);
/* Nothing to watch (no cancel callback, no limit) costs nothing. */
enum err_code watch_begin(struct watch *watch, const struct progress *progress, int64_t limit_ms,
                          struct err *err) WARN_UNUSED;
void watch_end(struct watch *watch);

/* ---- engine -------------------------------------------------------------------------------------
 */

struct native; /* native.c: a registered function */
struct embedded {
    struct engine base;
    bool is_sibling; /* the database and the native functions are another's */
    duckdb_database database;
    duckdb_connection connection;
    bool progress_enabled; /* the connection keeps count */
    int64_t reported_us;
    struct watch watch;
    struct native *natives;
    pthread_mutex_t native_lock; /* guards native_err, set by callbacks on the engine's threads */
    struct err native_err;       /* code ERR_OK = none */
    struct engine_fill *fill; /* fill.c: what is being filled */
    bool fill_registered;
    uint64_t statements; /* number of the statement that last ran: an older open result is gone */
};

extern const struct engine_driver engine_driver_duckdb;
/* The embedded engine behind a door's argument; ERR_UNSUPPORTED for any other. what: "registering a
 * function". */
enum err_code embedded_of(struct engine *engine, const char *what, struct embedded **ret,
                          struct err *err) WARN_UNUSED;
void embedded_free(struct embedded *engine);
AUTO_DEFINE(struct embedded, embedded_free)
/* The driver's functions, each in the file of its subject. */
enum err_code embedded_execute(struct engine *base, const char *sql,
                               const struct engine_value *values, size_t value_count,
                               struct err *err) WARN_UNUSED;
enum err_code embedded_query(struct engine *base, const char *sql,
                             const struct engine_value *values, size_t value_count,
                             struct engine_result **ret, struct err *err) WARN_UNUSED;
enum err_code embedded_result_next(struct engine_result *base, const struct data_batch **ret,
                                   struct err *err) WARN_UNUSED;
void embedded_result_close(struct engine_result *base);
enum err_code embedded_append_open(struct engine *base, const char *schema_name, const char *table,
                                   struct engine_appender **ret, struct err *err) WARN_UNUSED;
enum err_code embedded_append_batch(struct engine_appender *base, const struct data_batch *batch,
                                    struct err *err) WARN_UNUSED;
enum err_code embedded_append_close(struct engine_appender *base, struct err *err) WARN_UNUSED;
void embedded_append_abort(struct engine_appender *base);
/* Fill err from DuckDB's message (NULL allowed). Quoted values are replaced by their patterns.
 * Returns the code. */
enum err_code engine_fail(struct embedded *engine, const char *message, struct err *err);
/* Takes the error that a native function's callback left in this statement; ERR_OK: there is none.
 */
enum err_code native_failed(struct embedded *engine, struct err *err) WARN_UNUSED;
/* The message's masked text, as engine_fail puts it into err->detail. */
void engine_mask_message(const char *message, struct buf *out);

/* ---- statements ---------------------------------------------------------------------------------
 */

/* Prepare one statement (no ';' list) and bind values; *ret is to be destroyed by the caller also
 * on failure. */
enum err_code statement_prepare(struct embedded *engine, const char *sql,
                                const struct engine_value *values, size_t value_count,
                                duckdb_prepared_statement *ret, struct err *err) WARN_UNUSED;
/* Run a prepared statement to its first rows (streaming). The watch is on and stays on: the caller
 * ends it. */
enum err_code statement_start(struct embedded *engine, duckdb_prepared_statement statement,
                              duckdb_result *ret, struct err *err) WARN_UNUSED;
void engine_report(struct embedded *engine);

/* ---- columns ------------------------------------------------------------------------------------
 */

/* How one DuckDB column is seen as a data_vector. buffer is owned and reused from chunk to chunk.
 */
struct column {
    struct data_type type;
    duckdb_type id;     /* logical */
    duckdb_type stored; /* physical, of a DECIMAL; else = id */
    void *buffer;
    size_t buffer_bytes;
    bool borrows; /* texts written stay where they are: the vector is read before they go */
    struct arena *texts; /* or are copied to here, one behind the other; NULL: each into the vector */
    bool is_utf8;      /* texts written are known to be */
};
/* False: no direct counterpart (nested, ENUM, UUID …): the column must be cast to VARCHAR. */
bool column_of(duckdb_logical_type logical, struct column *ret);
void column_done(struct column *column);
/* View of rows values; same layout → zero-copy, else widened into the column's buffer. Valid while
 * chunk and column live. */
enum err_code column_read(struct column *column, duckdb_vector vector, idx_t rows,
                          struct data_vector *ret, struct err *err) WARN_UNUSED;
/* Whether values of this kind lie in memory as DuckDB keeps them. */
bool column_is_direct(const struct column *column);
/* Write rows values from[from_row…] to vector[to_row…], validity included. Types must correspond
 * (column_accepts). */
enum err_code column_write(const struct column *column, const struct data_vector *from,
                           int64_t from_row, duckdb_vector vector, idx_t to_row, idx_t rows,
                           struct err *err) WARN_UNUSED;
bool column_accepts(const struct column *column, struct data_type type);
/* The engine's type for ours. Destroy it. */
duckdb_logical_type column_logical_type(struct data_type type);

/* Length of the quoted or commented run at text; 0 = none starts here. */
size_t sql_skip(const char *text);
/* result.c, for arrow.c and inspect.c */
struct embedded_result {
    struct engine_result base;
    struct embedded *engine;
    duckdb_result raw;
    bool raw_made, ended;
    uint64_t statement; /* engine->statements when it began */
    duckdb_data_chunk chunk;
    struct column *columns;
    size_t column_count;
    struct data_batch batch;
};
/* Next chunk, NULL at the end; the caller owns it. */
enum err_code result_fetch(struct embedded_result *result, duckdb_data_chunk *ret,
                           struct err *err) WARN_UNUSED;

/* Another connection to the same database, for another thread; it must be closed before its owner.
 * Errors of native functions go to the engine that registered them. */
enum err_code embedded_sibling(struct embedded *owner, struct embedded **ret,
                               struct err *err) WARN_UNUSED;
enum err_code embedded_fill(struct engine *base, const struct engine_fill_table *tables,
                            size_t count, const struct engine_fill_work *work,
                            struct err *err) WARN_UNUSED;

/* native.c */
void natives_free(struct embedded *engine);

#endif
