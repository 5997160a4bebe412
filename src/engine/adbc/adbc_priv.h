/* A driver of Arrow Database Connectivity behind engine.h. Any shared library that fills ADBC's
 * table of functions is an engine; what it can do follows from the slots it fills:
 *
 *     url.c ──▶ driver.c: library, table, database, connection
 *     statement.c: SQL ─▶ ArrowArrayStream ─▶ read.c, nested.c: batches       write.c: batches ─▶
 * Arrow append.c: bulk ingest     watch.c: cancel and time limit     errors.c: AdbcError ─▶ struct
 * err
 *
 * Invariants: no slot is called that was not seen to be filled; an AdbcError is released once. */
#ifndef MARROW_ENGINE_ADBC_ADBC_PRIV_H
#define MARROW_ENGINE_ADBC_ADBC_PRIV_H

#include <pthread.h>

#include "engine/adbc/adbc_abi.h"
#include "engine/driver.h"

/* ---- the URL (url.c) ----------------------------------------------------------------------------
 */

struct adbc_option {
    const char *name, *value;
};
struct adbc_url { /* texts live in arena */
    const char *path;
    const char *entry_point; /* NULL: by ADBC's rules */
    const char *dialect;
    bool takes_substrait, says_substrait; /* a slot that is filled may be one that only refuses */
    struct adbc_option *options; /* of the database */
    size_t option_count;
};
enum err_code adbc_url_parse(const char *url, struct arena *arena, struct adbc_url *ret,
                             struct err *err) WARN_UNUSED;
/* "libadbc_driver_sqlite.so.2" → "AdbcDriverSqliteInit" */
const char *adbc_url_entry_point(const char *path, struct arena *arena);
/* Does text hold the value of an option, or the password of one that is a URL? */
bool adbc_url_is_told(const struct adbc_url *url, const char *text);

/* ---- the watch (watch.c) ------------------------------------------------------------------------
 */

#define ADBC_TICK_MS 20
struct adbc;
struct adbc_watch { /* lock guards all that follows it */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool made, thread_made;
    bool quit, active, calling;
    const struct progress *progress;
    int64_t deadline_us; /* 0 = none */
    enum err_code stopped;
};
enum err_code adbc_watch_open(struct adbc *adbc, struct err *err) WARN_UNUSED;
void adbc_watch_close(struct adbc *adbc);
/* A statement begins / is over (its result closed). */
enum err_code adbc_watch_begin(struct adbc *adbc, struct err *err) WARN_UNUSED;
void adbc_watch_end(struct adbc *adbc);
/* Around each call of the driver that may take long. enter fails where there is a reason to stop.
 */
enum err_code adbc_watch_enter(struct adbc *adbc, struct err *err) WARN_UNUSED;
/* Around the end of a result that was not read: a driver that reads the rest off is cancelled after
 * ADBC_CLOSE_MS (sooner would end a transaction for the sake of a few rows). */
#define ADBC_CLOSE_MS 300
void adbc_watch_enter_close(struct adbc *adbc);
void adbc_watch_leave(struct adbc *adbc);
void adbc_watch_interrupt(struct adbc *adbc);

/* ---- engine (driver.c), errors (errors.c) -------------------------------------------------------
 */

struct adbc {
    struct engine base;
    struct engine_driver self; /* abilities and dialect are this library's */
    struct arena *arena;       /* of url */
    struct adbc_url url;
    struct AdbcDriver table;
    struct AdbcDatabase database;
    struct AdbcConnection connection;
    struct AdbcStatement statement; /* the one that runs or whose result is open */
    struct adbc_result *open;       /* NULL: none */
    struct adbc_watch watch;
    int64_t limit_ms; /* of the statement that runs */
    char version[64];
    bool zero_bytes_refused; /* by the dialect's texts */
};
extern const struct engine_driver engine_driver_adbc;

struct AdbcError adbc_error_new(void);
/* The driver's word (released) → err. */
enum err_code adbc_fail(struct adbc *adbc, uint8_t status, struct AdbcError *error,
                        struct err *err);
/* The same of a stream. */
enum err_code adbc_fail_stream(struct adbc *adbc, struct ArrowArrayStream *stream, struct err *err);
/* The watch's reason, as an error. */
enum err_code adbc_fail_stopped(const struct adbc *adbc, enum err_code reason, struct err *err);
enum err_code adbc_lacks(const char *what, struct err *err);

/* ---- statements (statement.c) -------------------------------------------------------------------
 */

/* Ends what is open, starts the clock, makes adbc->statement. On failure nothing is left. */
enum err_code adbc_statement_begin(struct adbc *adbc, struct err *err) WARN_UNUSED;
void adbc_statement_end(struct adbc *adbc);
enum err_code adbc_execute(struct engine *engine, const char *sql,
                           const struct engine_value *values, size_t count,
                           struct err *err) WARN_UNUSED;
enum err_code adbc_query(struct engine *engine, const char *sql, const struct engine_value *values,
                         size_t count, struct engine_result **ret, struct err *err) WARN_UNUSED;
enum err_code adbc_query_substrait(struct engine *engine, struct str plan,
                                   struct engine_result **ret, struct err *err) WARN_UNUSED;
enum err_code adbc_result_next(struct engine_result *base, const struct data_batch **ret,
                               struct err *err) WARN_UNUSED;
void adbc_result_close(struct engine_result *base);
/* Gives up the open result: it says so when it is read. */
void adbc_result_end(struct adbc *adbc);

/* ---- Arrow in (read.c, nested.c) ----------------------------------------------------------------
 */

enum adbc_form {
    ADBC_NULL,
    ADBC_BOOLEAN,
    ADBC_SIGNED,   /* width bytes */
    ADBC_UNSIGNED, /* width bytes */
    ADBC_FLOAT,    /* width 4, 8 */
    ADBC_DECIMAL,  /* width 4, 8, 16 */
    ADBC_WIDE,     /* 16 bytes: a hugeint */
    ADBC_UUID,     /* 16 bytes */
    ADBC_TEXT,     /* width 4, 8: of the offsets; 0: views */
    ADBC_DATE,     /* width 4: days, 8: ms */
    ADBC_TIME,     /* width 4, 8; scale */
    ADBC_MONTHS,
    ADBC_DAYS_MS,
    ADBC_MONTHS_DAYS_NS,
    ADBC_LIST, /* width 4, 8 of the offsets; 0: fixed */
    ADBC_STRUCT,
    ADBC_MAP,
};
struct adbc_column {
    enum adbc_form form;
    struct data_type type;
    const char *name;
    int width;
    int64_t scale;               /* of temporal values: µs in a unit; -1000: a unit is 1 ns */
    int64_t fixed;               /* elements of a fixed list */
    struct adbc_column *indices; /* of a dictionary, whose values the column describes */
    struct adbc_column *children;
    size_t child_count;
};
/* The columns of a stream (a struct): schema is appended to, the rest from arena. */
enum err_code adbc_read_schema(const struct ArrowSchema *root, struct arena *arena,
                               struct data_schema *schema, struct adbc_column *ret_root,
                               struct err *err) WARN_UNUSED;
/* Is the array what the schema said? */
enum err_code adbc_read_check(const struct adbc_column *column, const struct ArrowArray *array,
                              struct err *err) WARN_UNUSED;
/* Rows from…from+rows-1 as a batch in arena; texts borrow from the array. */
enum err_code adbc_read_batch(const struct adbc_column *root, const struct ArrowArray *array,
                              const struct data_schema *schema, int64_t from, int64_t rows,
                              struct arena *arena, struct data_batch **ret,
                              struct err *err) WARN_UNUSED;
bool adbc_read_is_valid(const struct adbc_column *column, const struct ArrowArray *array,
                        int64_t row);
/* One value of a form that is not nested, not null, into row out of vector. */
enum err_code adbc_read_cell(const struct adbc_column *column, const struct ArrowArray *array,
                             int64_t row, struct data_vector *vector, int64_t out,
                             struct err *err) WARN_UNUSED;
void adbc_read_uuid(const struct ArrowArray *array, int64_t row, struct buf *out);
/* One value, nested or not, as JSON. */
enum err_code adbc_read_json(const struct adbc_column *column, const struct ArrowArray *array,
                             int64_t row, struct buf *out, struct err *err) WARN_UNUSED;

/* ---- Arrow out (write.c) ------------------------------------------------------------------------
 */

/* A copy of the batch / its schema, the caller's to release. names: NULL = "1", "2" … */
enum err_code adbc_write_batch(const struct data_batch *batch, struct ArrowArray *ret,
                               int64_t *ret_bytes, struct err *err) WARN_UNUSED;
enum err_code adbc_write_schema(const struct data_batch *batch, const struct data_schema *names,
                                struct ArrowSchema *ret, struct err *err) WARN_UNUSED;
/* Typed values as a batch of one row in arena. */
enum err_code adbc_write_values(const struct adbc *adbc, const struct engine_value *values,
                                size_t count, struct arena *arena, struct data_batch *ret,
                                struct err *err) WARN_UNUSED;

/* ---- bulk ingest (append.c) ---------------------------------------------------------------------
 */

enum err_code adbc_append_open(struct engine *engine, const char *schema_name, const char *table,
                               struct engine_appender **ret, struct err *err) WARN_UNUSED;
enum err_code adbc_append_batch(struct engine_appender *base, const struct data_batch *batch,
                                struct err *err) WARN_UNUSED;
enum err_code adbc_append_close(struct engine_appender *base, struct err *err) WARN_UNUSED;
void adbc_append_abort(struct engine_appender *base);

#endif
