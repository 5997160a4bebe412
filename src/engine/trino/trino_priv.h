/* Trino's client protocol, in three parts: text out (literal.c), bytes in (page.c, column.c,
 * error.c: pure, fuzzed), and the talk itself (session.c, driver.c).
 *
 *     POST /v1/statement  ─▶  page 0 {id, nextUri}
 *     GET nextUri         ─▶  page n {columns, data, nextUri}   …until there is no nextUri
 *     DELETE nextUri          cancels */
#ifndef MARROW_ENGINE_TRINO_TRINO_PRIV_H
#define MARROW_ENGINE_TRINO_TRINO_PRIV_H

#include <stdatomic.h>

#include "engine/driver.h"
#include "net/net.h"

#define TRINO_PAGE_BYTES                                                                           \
    (64LL << 20) /* of one page; the server aims at 1 MB, one row may be more */
#define TRINO_LIMIT_COLUMNS 100000
#define TRINO_LIMIT_SESSION 1000 /* session properties */

/* ---- text out (literal.c) -----------------------------------------------------------------------
 */

/* The next statement of a list separated by ';' (not within quotes or comments); advances *rest.
 * False: none is left. */
bool trino_next_statement(struct str *rest, struct str *ret);
/* One statement with its parameters, as a text that needs no more: EXECUTE IMMEDIATE '…' USING
 * literals. "?" takes the next value, "$n" the n-th. Values are encoded by their type. */
enum err_code trino_bind(struct str sql, const struct engine_value *values, size_t count,
                         struct buf *out, struct err *err) WARN_UNUSED;

/* ---- bytes in -----------------------------------------------------------------------------------
 */

/* How a column's values are written in JSON, and what they become. */
enum trino_form {
    TRINO_NOTHING, /* type unknown: only nulls */
    TRINO_BOOLEAN,
    TRINO_INTEGER,
    TRINO_DECIMAL, /* "12.30" */
    TRINO_DOUBLE,  /* 1.5 or "NaN", "Infinity" */
    TRINO_REAL,
    TRINO_TEXT,
    TRINO_BASE64,
    TRINO_DATE,        /* "2001-02-03" */
    TRINO_TIME,        /* "04:05:06.789" */
    TRINO_TIMESTAMP,   /* "2001-02-03 04:05:06.789" */
    TRINO_TIMESTAMPTZ, /* … and " UTC", " +01:00" */
    TRINO_MONTHS,      /* "1-2" */
    TRINO_DAYS,        /* "2 03:04:05.321" */
    TRINO_NESTED,      /* arrays, maps, rows: JSON, kept as its text */
};
struct trino_column {
    enum trino_form form;
    struct data_type type;
};
/* "decimal(10,2)", "timestamp(3) with time zone" … What we do not know is text. */
struct trino_column trino_column_of(struct str type);

/* One answer of the server. Everything borrows from json. */
struct trino_page {
    json_t *json; /* owned */
    const char *id;
    const char *next;      /* path and query of nextUri; NULL: the last page */
    const json_t *columns; /* array, or NULL: not known yet */
    const json_t *rows;    /* array of arrays, or NULL */
    const json_t *failure; /* the error object, or NULL */
    int64_t splits_done, splits;
};
/* ERR_ENGINE: this is no answer of Trino. A failed query is a page with a failure. */
enum err_code trino_page_read(struct str bytes, struct trino_page *ret,
                              struct err *err) WARN_UNUSED;
void trino_page_done(struct trino_page *page);
/* The columns of a page that has them: schema (appended to) and decoders from arena. */
enum err_code trino_page_schema(const struct trino_page *page, struct arena *arena,
                                struct data_schema *schema, struct trino_column **ret,
                                struct err *err) WARN_UNUSED;
/* Rows from…from+rows-1 of a page as a batch in arena; texts borrow from the page. */
enum err_code trino_page_batch(const struct trino_page *page, const struct data_schema *schema,
                               const struct trino_column *columns, int64_t from, int64_t rows,
                               struct arena *arena, const struct data_batch **ret,
                               struct err *err) WARN_UNUSED;
/* One value that is not null into row of vector. False: it is none of the column's type, or memory
 * is out. scratch is reused. */
bool trino_value_read(const struct trino_column *column, const json_t *value, struct arena *arena,
                      struct buf *scratch, struct data_vector *vector, int64_t row);
/* The error object of a page → err, returned as its code. */
enum err_code trino_failure(const json_t *failure, struct err *err);

/* ---- the talk (session.c) -----------------------------------------------------------------------
 */

struct trino {
    struct engine base;
    struct net_client *client;
    struct arena *arena; /* of what follows */
    char *origin;        /* "http://host:port" */
    const char *user, *password, *ca_file;
    char *catalog, *schema;       /* NULL: none; replaced by USE (own memory: mem_free) */
    struct buf session;           /* "X-Trino-Session: a=b,c=d" or empty */
    const char *files, *location; /* of the shared folder, NULL: none */
    char version[64];
    atomic_bool interrupted;
    int64_t deadline_us; /* of the statement whose pages are asked for; 0 = none */
    bool timed_out;
    struct trino_result *open; /* the one result that can still be read, or NULL */
};

/* Reads the URL, greets the server, fills trino (zeroed, but for nothing). */
enum err_code trino_connect(struct trino *trino, const char *url, struct err *err) WARN_UNUSED;
/* Send a statement / ask for the page that follows (page is replaced; its rows are gone). A failure
 * of the query is an error. */
enum err_code trino_start(struct trino *trino, struct str sql, struct trino_page *ret,
                          struct err *err) WARN_UNUSED;
enum err_code trino_next(struct trino *trino, struct trino_page *page, struct err *err) WARN_UNUSED;
/* The driver's create_external (external.c). */
enum err_code trino_create_external(struct engine *engine, const char *schema_name,
                                    const char *table, const struct engine_external *external,
                                    struct err *err) WARN_UNUSED;
/* Tell the server to stop; nothing waits for it. */
void trino_cancel(struct trino *trino, const struct trino_page *page);

#endif
