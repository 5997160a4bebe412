/* What the files of engine/postgres share. libpq's handles never leave this folder.
 *
 *   connection.c  open, session set-up, interrupt        wait.c    poll, limits, next result
 *   cancel.c      a cancel on its way
 *   statement.c   parameters, prepare, execute           result.c  a query's rows as batches
 *   types.c       PostgreSQL's binary values ↔ ours      numeric.c its numeric ↔ 128-bit decimals
 *   append.c      COPY … FROM STDIN (FORMAT binary)      errors.c  SQLSTATE → struct err
 *
 * The one idea: the connection is never blocking. Every wait is one poll() over the socket and an
 * eventfd, so that a cancel, the time limit and engine_interrupt work in every phase. */
#ifndef MARROW_ENGINE_POSTGRES_PRIV_H
#define MARROW_ENGINE_POSTGRES_PRIV_H

#include <stdatomic.h>

#include "engine/driver.h"
#include "engine/postgres/library.h"

#define POSTGRES_TICK_MS 20            /* how often progress->cancelled is asked while waiting */
#define POSTGRES_CANCEL_GRACE_MS 10000 /* a server that does not answer a cancel is given up */
#define POSTGRES_BATCH_BYTES (16 << 20) /* a batch of long texts ends early */
#define POSTGRES_COPY_BYTES (256 << 10) /* sent at a time */

struct postgres_result;
struct postgres_appender;
struct postgres {
    struct engine base;
    PGconn *connection;
    char *version;                 /* "15.6" */
    int wake;                      /* eventfd, written by interrupt; -1 = none */
    atomic_bool interrupted;       /* set by any thread; a new statement clears it */
    bool plain_bytes;              /* the server's encoding is SQL_ASCII: its texts are checked */
    bool lost;                     /* the connection is gone for good */
    int64_t deadline_us;           /* of the running statement, monotonic; 0 = none */
    enum err_code stopped;         /* why a cancel was sent: ERR_INTERRUPTED, ERR_TIMEOUT; else OK */
    struct postgres_cancel *cancel; /* the one on its way, or that was */
    int64_t cancel_again_us;       /* when it is sent once more */
    int64_t give_up_us;            /* then the server must have answered */
    int64_t server_limit_ms;       /* statement_timeout as we set it; 0 = not; -1 = unknown */
    bool limit_in_transaction;     /* … set inside a transaction, which may roll it back */
    uint64_t statements;           /* number of the statement that last began */
    struct postgres_result *open;  /* a result whose statement still runs */
    struct postgres_appender *appender;
};

/* ---- errors.c ----------------------------------------------------------------------------------- */

/* Fill err from what the server said (result NULL: from the connection). No value in it. */
enum err_code postgres_fail(struct postgres *postgres, const PGresult *result, struct err *err);

/* ---- cancel.c ----------------------------------------------------------------------------------- */

struct postgres_cancel;
/* Asks the server to cancel, from a thread of its own; NULL: it could not be started. */
struct postgres_cancel *postgres_cancel_send(PGconn *connection);
/* Whether it was delivered, or has failed. NULL: yes. */
bool postgres_cancel_is_done(const struct postgres_cancel *job);
void postgres_cancel_let_go(struct postgres_cancel *job);

/* ---- wait.c ------------------------------------------------------------------------------------- */

/* What every statement begins with: finishes an open result, arms limit and interrupt. limit_ms 0 =
 * none. */
enum err_code postgres_begin(struct postgres *postgres, int64_t limit_ms,
                             struct err *err) WARN_UNUSED;
/* Sends all that libpq holds back. */
enum err_code postgres_flush(struct postgres *postgres, struct err *err) WARN_UNUSED;
/* The next result of the command that was sent; NULL when there is no more. PQclear it. */
enum err_code postgres_next(struct postgres *postgres, PGresult **ret, struct err *err) WARN_UNUSED;
/* The single result of a command that gives no rows, or its error; what follows is read off. */
enum err_code postgres_only(struct postgres *postgres, PGresult **ret, struct err *err) WARN_UNUSED;
/* Reads off whatever the command still gives, stops it if that takes long and no transaction is
 * harmed. */
void postgres_drain(struct postgres *postgres, bool in_transaction);
/* Sends the cancel that a reason to stop calls for. ERR_OK also when one was sent: the server's
 * answer is the error. */
enum err_code postgres_look(struct postgres *postgres, struct err *err) WARN_UNUSED;
/* Polls the socket once for events (POLLIN, POLLOUT) and until due_us (0 = no end). */
bool postgres_poll(struct postgres *postgres, short events, int64_t due_us);

/* ---- statement.c -------------------------------------------------------------------------------- */

/* Parse and describe into the unnamed statement; *ret is its description. Checks the count of
 * values. */
enum err_code postgres_prepare(struct postgres *postgres, const char *sql,
                               const struct engine_value *values, size_t count, PGresult **ret,
                               struct err *err) WARN_UNUSED;
/* Run it: binary rows, one at a time. */
enum err_code postgres_start(struct postgres *postgres, const struct engine_value *values,
                             size_t count, struct err *err) WARN_UNUSED;
enum err_code postgres_execute(struct engine *engine, const char *sql,
                               const struct engine_value *values, size_t count,
                               struct err *err) WARN_UNUSED;
/* ERR_UNSUPPORTED when result asks for or offers COPY data; the copy is ended. */
enum err_code postgres_refuse_copy(struct postgres *postgres, const PGresult *result,
                                   struct err *err) WARN_UNUSED;

/* ---- numeric.c ---------------------------------------------------------------------------------- */

enum postgres_numeric { NUMERIC_OK, NUMERIC_MALFORMED, NUMERIC_NAN, NUMERIC_INFINITE, NUMERIC_SCALE, NUMERIC_RANGE };
/* The binary form → unscaled at scale. SCALE: it has digits behind it. RANGE: more than 38 digits;
 * for a whole number without sign, more than 128 bits. */
enum postgres_numeric postgres_numeric_read(struct str bytes, unsigned scale, bool is_unsigned,
                                            struct data_int128 *ret);
/* Digits before the point (0: below one), the scale as displayed, and the scale without trailing
 * zeros. False: no finite number. */
struct postgres_numeric_shape {
    unsigned whole, displayed, needed;
};
bool postgres_numeric_shape(struct str bytes, struct postgres_numeric_shape *ret);
/* Adds length and binary form. */
void postgres_numeric_write(struct data_int128 value, bool is_unsigned, unsigned scale,
                            struct buf *out);

/* ---- types.c ------------------------------------------------------------------------------------ */

struct postgres_type;
struct postgres_column {
    const struct postgres_type *codec; /* NULL: no direct counterpart, to be cast */
    struct data_type type;
    Oid oid;
    int modifier; /* -1 = none */
    bool open_scale; /* a numeric of no declared scale: types.c finds one in the first rows */
    bool checked;    /* texts may be no UTF-8 */
};
struct postgres_column postgres_column_of(const struct postgres *postgres, Oid oid, int modifier);
/* One value that is not null. */
enum err_code postgres_read(const struct postgres_column *column, struct str bytes,
                            struct data_vector *ret, int64_t row, struct arena *arena,
                            struct err *err) WARN_UNUSED;
/* Adds length and value of a row, or the null mark. */
enum err_code postgres_write(const struct postgres_column *column, const struct data_vector *from,
                             int64_t row, struct buf *out, struct err *err) WARN_UNUSED;
bool postgres_accepts(const struct postgres_column *column, struct data_type type);
/* Widen what a column of no declared scale must hold by one value, and settle its type. */
struct postgres_open_scale {
    unsigned whole, displayed, needed;
    bool any, uneven;
};
void postgres_scale_see(struct postgres_open_scale *seen, struct str bytes);
struct data_type postgres_scale_settle(const struct postgres_open_scale *seen);
/* The type that a parameter of ours is bound as; 0: inferred (a null), or not to be bound. */
Oid postgres_parameter_oid(enum data_kind kind);

static inline void postgres_put16(struct buf *out, uint16_t value)
{
    buf_add(out, (const char[]){(char)(value >> 8), (char)value}, 2);
}
static inline void postgres_put32(struct buf *out, uint32_t value)
{
    buf_add(out, (const char[]){(char)(value >> 24), (char)(value >> 16), (char)(value >> 8), (char)value}, 4);
}
static inline void postgres_put64(struct buf *out, uint64_t value)
{
    postgres_put32(out, (uint32_t)(value >> 32));
    postgres_put32(out, (uint32_t)value);
}
static inline uint16_t postgres_get16(const char *at)
{
    return (uint16_t)((unsigned)(unsigned char)at[0] << 8 | (unsigned char)at[1]);
}
static inline uint32_t postgres_get32(const char *at)
{
    return (uint32_t)postgres_get16(at) << 16 | postgres_get16(at + 2);
}
static inline uint64_t postgres_get64(const char *at)
{
    return (uint64_t)postgres_get32(at) << 32 | postgres_get32(at + 4);
}

/* ---- result.c, append.c: the driver's functions -------------------------------------------------- */

struct postgres_result {
    struct engine_result base;
    uint64_t statement; /* postgres->statements when it began */
    bool in_transaction, ended;
    struct postgres_column *columns;
    PGresult **held; /* rows read ahead */
    size_t held_count, held_next;
    struct arena *shape, *texts; /* the batch's arrays; its texts, emptied batch by batch */
    struct data_batch *batch;
    int64_t rows, reported_us;
};
enum err_code postgres_query(struct engine *engine, const char *sql,
                             const struct engine_value *values, size_t count,
                             struct engine_result **ret, struct err *err) WARN_UNUSED;
enum err_code postgres_result_next(struct engine_result *result, const struct data_batch **ret,
                                   struct err *err) WARN_UNUSED;
void postgres_result_close(struct engine_result *result);
/* Another statement begins, or nobody reads on: what the result's statement still gives is dropped. */
void postgres_result_end(struct postgres_result *result);

enum err_code postgres_append_open(struct engine *engine, const char *schema_name,
                                   const char *table, struct engine_appender **ret,
                                   struct err *err) WARN_UNUSED;
enum err_code postgres_append_batch(struct engine_appender *appender,
                                    const struct data_batch *batch, struct err *err) WARN_UNUSED;
enum err_code postgres_append_close(struct engine_appender *appender, struct err *err) WARN_UNUSED;
void postgres_append_abort(struct engine_appender *appender);

AUTO_DEFINE(PGresult, PQclear)

#endif
