/* A version's place on a server: the schema that holds its pushed tables and its runs, what is there, and how rows get there and back. Only
 * src/run includes it.
 *
 *     marrow_mimic_03dc3788f325            one schema per version, so a table in it has that version's content
 *       patients, labevents …              pushed: visible only whole
 *       run_0123456789abcdef[_2 …]         a run's rows; _2 … hold further columns where a row is too wide for the server
 *
 * Two ways to be atomic: engines with transactions write in one; others write under a staging name and rename. */
#ifndef MARROW_RUN_SERVER_H
#define MARROW_RUN_SERVER_H

#include "run/run_priv.h"

#define RUN_SCHEMA_BYTES 64
#define RUN_SERVER_URL_BYTES 512
#define RUN_STAGING_SUFFIX "__marrow_staging" /* of tables that are not whole yet, on engines without transactions (and of an attempt: _ and 16 digits) */
#define RUN_STAGING_BYTES 512

struct run_server {
    struct engine *engine; /* the server's */
    struct engine *local;  /* the embedded one beside it */
    const struct progress *progress;
    char schema[RUN_SCHEMA_BYTES];
    char url[RUN_SERVER_URL_BYTES]; /* without user, password and parameters */
    json_t *tables;                 /* names in the schema */
    json_t *hashed;                 /* tables that hold the stored hash columns */
    char attempt[40];               /* what is added to the names of tables that are not whole yet; "" with transactions */
    bool registered;                /* some table of the version stands outside the store */
    json_t *in_place;               /* tables that are read where they are registered (push_place.c) */
};
/* Connects to options->url and opens the embedded engine with the rest of the options; reads what is in the version's schema.
 * ERR_UNSUPPORTED: an engine that keeps nothing. */
enum err_code run_server_open(const struct engine_options *options, const struct store_version *version, struct run_server *ret, struct err *err) WARN_UNUSED;
void run_server_done(struct run_server *server);
static inline void auto_run_server_done(struct run_server *server)
{
    run_server_done(server);
}
/* Read the schema's tables anew. */
enum err_code run_server_look(struct run_server *server, struct err *err) WARN_UNUSED;
bool run_server_has(const struct run_server *server, const char *table);
bool run_server_has_hashes(void *server, const char *table); /* as plan_stored_hashes asks */
bool run_server_in_place(const struct run_server *server, const char *table);
/* "schema"."table" */
void run_server_table(void *server, const char *table, struct buf *out); /* as dialect_options asks */
/* A column's name as the server's dialect writes it: too long ones are cut, with a hash at the end. */
void run_server_column(const struct run_server *server, const char *name, struct buf *out);
/* BEGIN, where there are transactions, and the schema. */
enum err_code run_server_begin(struct run_server *server, struct err *err) WARN_UNUSED;
/* The name under which a table is made. Each attempt has its own: what one left that died may stand in the way there even where no table is to be seen
 * (a folder of files without one), or come to its end later. */
void run_server_staging(const struct run_server *server, const char *table, char *ret, size_t capacity);
/* Drop what earlier attempts at a table left, as far as it is known (run_server_look). */
enum err_code run_server_sweep(struct run_server *server, const char *table, struct err *err) WARN_UNUSED;
enum err_code run_server_drop(struct run_server *server, const char *table, struct err *err) WARN_UNUSED;
enum err_code run_server_rename(struct run_server *server, const char *from, const char *to, struct err *err) WARN_UNUSED;
/* Type of a column in CREATE TABLE; ERR_UNSUPPORTED. */
enum err_code run_server_type(const struct run_server *server, struct data_type type, struct buf *out, struct err *err) WARN_UNUSED;
/* CREATE TABLE schema.table with these columns, empty. */
enum err_code run_server_create(struct run_server *server, const char *table, const struct data_schema *columns, struct err *err) WARN_UNUSED;
/* A table of the rows of a SELECT of the embedded engine: appended, or through a file in the shared folder (whose name is
 * folder, below the schema's). */
enum err_code run_server_load(struct run_server *server, const char *table, const char *folder, const char *select, const struct data_schema *columns, const char *subject, int64_t rows, struct err *err) WARN_UNUSED;
/* The rows of a query of the server in a new temporary table of the embedded engine, whose columns get these names and types. */
enum err_code run_server_fetch(struct run_server *server, const char *sql, const char *temporary, const struct data_schema *columns, struct err *err) WARN_UNUSED;
/* Rows and canonical row hash (hex, high half first) of a table as the server gives it back. */
enum err_code run_server_tally(struct run_server *server, const char *table, const struct data_schema *columns, int64_t *ret_rows, char ret_hash[33], struct err *err) WARN_UNUSED;
/* The same of the rows of a query, on any engine. */
enum err_code run_tally(struct engine *engine, const char *sql, const struct data_schema *columns, int64_t *ret_rows, char ret_hash[33], struct err *err) WARN_UNUSED;
/* marrow_row_hash(…) over the columns in canonical order, for the embedded engine. */
enum err_code run_row_hash_sql(const struct data_schema *columns, struct buf *out, struct err *err) WARN_UNUSED;
/* After a failure: what was under way is undone, as far as the server can still be reached. */
void run_server_undo(struct run_server *server, const char *const *staged, size_t count);
bool run_server_transacts(const struct run_server *server);

/* ---- registered tables that the server reads where they stand (push_place.c) ---- */
#define RUN_PLACE_COMMENT "marrow: read where it is registered" /* of such a table, there */
struct run_place {
    char location[FILE_PATH_BYTES]; /* its folder, as the server calls it */
    size_t key_count;
    bool placed;         /* it stands outside the store */
    const char *why_not; /* why it can't be read there, static; NULL: it can */
};
/* ERR_INTEGRITY: files are not as registered. */
enum err_code run_place_find(const struct run_server *server, struct store_version *version, const char *table, struct run_place *ret, struct err *err) WARN_UNUSED;
/* After a failure the table may be there, half: to be dropped. */
enum err_code run_place_create(struct run_server *server, const char *name, const struct data_schema *columns, const struct run_place *place, struct err *err) WARN_UNUSED;
/* Of a table that is read so (any other: ERR_OK): is what stands there still just what was registered? ERR_INTEGRITY. Before each statement there. */
enum err_code run_place_check(struct run_server *server, struct store_version *version, const char *table, struct err *err) WARN_UNUSED;
/* The same of all of the version's tables. */
enum err_code run_place_check_all(struct run_server *server, struct store_version *version, struct err *err) WARN_UNUSED;
/* URL without user, password and parameters. */
void run_url_public(const char *url, char ret[RUN_SERVER_URL_BYTES]);

#endif
