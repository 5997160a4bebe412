/* The run's door: a plan over a version, materialised under a deterministic id. run_id = sha256("marrow-run" NUL format NUL kind NUL
 * plan signature NUL layout NUL version id NUL). Found → reused (manifest only, no engine). Not found → computed into staging,
 * checked, published atomically. */
#ifndef MARROW_RUN_RUN_H
#define MARROW_RUN_RUN_H

#include "dialect/dialect.h"
#include "store/store.h"

#define RUN_FORMAT_VERSION 1

struct run_request {
    const char *kind;   /* "mart" */
    const char *name;   /* table name for later scans: "mart_patient" */
    const struct plan_rel *plan;
    const char *const *sort_columns; /* rows are written in this order (a total order over the rows), so bytes do not depend on threads */
    size_t sort_count;
    const char *bucket_column; /* hash buckets by this column's stable hash, or NULL: one file */
    int64_t buckets;           /* 64 */
    json_t *extra;      /* members merged into the manifest (borrowed); may be NULL */
    /* Makes the tables that the plan scans readable under their names; NULL: they are tables of the version. */
    enum err_code (*attach)(void *user, struct engine *engine, const char *const *tables, size_t count, struct err *err);
    /* Called with the engine after the rows are staged as view "marrow_result" and before publishing: invariants. A failure stops the run. */
    enum err_code (*check)(void *user, struct engine *engine, json_t *manifest, struct err *err);
    void *user;
    struct engine *engine;  /* embedded, open and borrowed: computed in it, tables that are attached stay so; NULL: one is opened */
    const char *rows_table; /* a table of that engine which holds the plan's rows, computed in another way (a view's native pass); NULL: the plan's SQL runs */
    const char *engine_url; /* the engine that computes and keeps it (its place is part of the run's identity); NULL: the embedded one, files */
    bool force;         /* compute again and compare with the stored run: ERR_INTEGRITY when rows differ */
};
struct run_result {
    char run_id[65];
    char signature[65];
    bool reused;
    json_t *manifest; /* new reference: {format, kind, name, run_id, signature, version, dataset, layout{file|buckets}, schema:[…],
                         rows_in, row_count, row_hash, bytes, phases:{plan_us, attach_us, compute_us, check_us}, invariants, materialised_at, engine,
                         files:[{name, bytes, sha256}]} */
};
void run_result_done(struct run_result *result);
enum err_code run_id_of(const struct run_request *request, const struct store_version *version, char ret_run_id[65], char ret_signature[65], struct err *err) WARN_UNUSED;
enum err_code run_materialise(struct store *store, struct store_version *version, const struct run_request *request, const struct engine_options *engine,
                              struct run_result *ret, struct err *err) WARN_UNUSED;
/* SQL of the request's plan over the raw tables (dry run). */
enum err_code run_sql(const struct run_request *request, struct buf *ret, struct err *err) WARN_UNUSED;
/* plan.json of a published run: {signature, dialect, sql, plan}. New reference. */
enum err_code run_plan_read(struct store *store, const char *dataset, const char *run_id, json_t **ret, struct err *err) WARN_UNUSED;
/* Read every byte of a run's files and compare with its manifest: ERR_INTEGRITY names the file. */
enum err_code run_check_hashes(struct store *store, const char *dataset, const json_t *run_manifest, struct err *err) WARN_UNUSED;
/* Every file of a run is there, as long as it was: ERR_INTEGRITY. Reads no byte of them. */
enum err_code run_check_files(struct store *store, const char *dataset, const json_t *run_manifest, struct err *err) WARN_UNUSED;
/* Make a view `name` over a published run's Parquet in the engine (lazy; file sizes checked). */
enum err_code run_attach(struct store *store, const char *dataset, const json_t *run_manifest, const char *name, struct engine *engine, struct err *err) WARN_UNUSED;
/* The lazy query over a published run: a scan of its table, as plan and SQL. */
enum err_code run_scan_sql(const json_t *run_manifest, const char *directory, struct buf *ret, struct err *err) WARN_UNUSED;

/* ---- on a server (options.url) ---- */
struct run_push_table {
    const char *name;
    bool hashes;       /* with the row's hash as columns: for plans that ask for it on engines that cannot compute it */
    size_t key[4];     /* column indices of a key, for an index */
    size_t key_count;
};
/* A read-only session on options->url in which a plain table name means the version's pushed table. ERR_NOT_FOUND: none is there.
 * ENGINE_IS_LOCAL: an empty one, to which store_version_attach brings tables. */
enum err_code run_engine_open(const struct engine_options *options, const struct store_version *version, struct engine **ret, struct err *err) WARN_UNUSED;
/* A plan's rows from such a session: closed (the plan with its parameters as literals; NULL: none) as Substrait where the engine takes it
 * and the plan can be said in it; else root as SQL of its dialect with the values that bind gives for its parameters' names (which live on).
 * *ret_substrait says which; what ran is added to ret_text. */
struct run_question {
    const struct plan_rel *root, *closed;
    enum err_code (*bind)(void *user, const char *const *names, size_t count, const struct engine_value **ret, struct err *err);
    void *user;
};
enum err_code run_query(struct engine *engine, const struct run_question *question, bool *ret_substrait, struct buf *ret_text, struct engine_result **ret, struct err *err) WARN_UNUSED;
/* Load tables of a version into its schema on the server: whole or not at all, read back and compared; what is there is reused.
 * {engine, url, version, schema, tables:[{name, rows, reused, duration_ms}], without_index:[names]}. */
enum err_code run_push(struct store_version *version, const struct engine_options *engine, const struct run_push_table *tables, size_t count, json_t **ret, struct err *err) WARN_UNUSED;

struct run_push_run {
    const json_t *manifest;     /* of a run that the store keeps */
    const char *const *columns; /* that are wanted there, under these names (ASCII case ignored) */
    size_t column_count;
    char table[32];             /* given back: its name in the version's schema */
};
/* Load runs of the store into the version's schema on the server, each whole or not at all, read back and compared, under a name made of
 * its id and of the columns; what is there is reused. */
enum err_code run_push_runs(struct store *store, struct store_version *version, const struct engine_options *engine, struct run_push_run *runs, size_t count, struct err *err) WARN_UNUSED;

struct run_mirror_change;
struct run_mirror_table {
    const char *name;
    const char *select; /* of the embedded engine, over files */
    const struct data_schema *columns;
    const char *const *indexes; /* columns with an index each */
    size_t index_count;
    int64_t rows; /* expected, for progress; 0 = unknown */
    const char *note; /* what its rows are: kept with it, as its comment; NULL: nothing */
    const char *key;  /* a text column; several rows may have one */
    enum err_code (*since)(void *user, const char *note, struct run_mirror_change *ret, struct err *err); /* NULL: always whole */
    void *user;
};
/* A table that stands there with a note: what changed of its rows since. */
struct run_mirror_change {
    bool known;            /* false: it is made whole */
    struct buf keys, rows; /* SELECTs of the embedded engine: of run_mirror_table.key alone, whose rows go; of all columns, which come. Empty: none */
};
/* Tables on a server in the schema of that name, read back and compared, indexed, and swapped in together in one transaction, in place of those of the same names;
 * or what changed since, put into the tables that stand there, in that transaction, if the table is then as it would be made. {engine, url, schema, tables:[{name, rows, indexes, how: whole | changes}]}. ERR_UNSUPPORTED: an engine without transactions. After a failure the server is as before. */
enum err_code run_mirror(const struct engine_options *engine, const struct store_version *version, const char *schema, const struct run_mirror_table *tables,
                         size_t count, json_t **ret, struct err *err) WARN_UNUSED;
/* A read-only session on options->url beside such tables: a plain name means the version's pushed table, if it is in *ret_pushed, [names].
 * ERR_UNSUPPORTED: an engine to which run_mirror sends nothing that could be told apart. */
enum err_code run_mirror_open(const struct engine_options *options, const struct store_version *version, struct engine **ret, json_t **ret_pushed, struct err *err) WARN_UNUSED;
/* The schema's tables as they stand now: {NAME: {note: text | null, table: what no other table ever has}}; {} where there is no such schema. */
enum err_code run_mirror_notes(struct engine *engine, const char *schema, json_t **ret, struct err *err) WARN_UNUSED;

#endif
