/* The store's door: a directory of immutable, content-hashed dataset versions; publishing is a rename (docs/STORE.md).
 * It loads a data_source into an object (typed table.duckdb + table.parquet + object.json + rejects.csv), publishes
 * versions, runs and history, and never shows anything half done. */
#ifndef MARROW_STORE_STORE_H
#define MARROW_STORE_STORE_H

#include "base/file.h"
#include "engine/engine.h"

#define STORE_FORMAT_VERSION 1
#define STORE_LIMIT_NAME_BYTES 64 /* dataset names: [A-Za-z0-9_][A-Za-z0-9_.-]* */

struct store;
struct store_options {
    const char *directory;
    bool create;               /* make it when missing */
    struct engine_options engine; /* memory, threads, spill for work the store does itself (database ignored) */
    const struct progress *progress;
};
/* Missing and !create → ERR_NOT_FOUND with a hint; newer format → ERR_UNSUPPORTED. Sweeps stale tmp/ entries whose owner is gone.
 * A store without write permission opens read-only (store_is_writable false). */
enum err_code store_open(const struct store_options *options, struct store **ret, struct err *err) WARN_UNUSED;
void store_close(struct store *store);
AUTO_DEFINE(struct store, store_close)
/* How often each route answered, counted beside the dataset: cheap, shared by processes, not fsynced; a store that can't be written counts nothing. */
enum store_route { STORE_ROUTE_FRESH, STORE_ROUTE_STALE, STORE_ROUTE_ON_THE_FLY, STORE_ROUTE_BITMAP, STORE_ROUTES };
void store_route_count(const struct store *store, const char *dataset, enum store_route route);
void store_routes_read(const struct store *store, const char *dataset, int64_t ret[STORE_ROUTES]);
const char *store_id(const struct store *store); /* of store.json: 32 hex digits, for good; "" where it has none */
const char *store_directory(const struct store *store);
bool store_is_writable(const struct store *store);
const struct store_options *store_get_options(const struct store *store);

/* ---- datasets ---- */
/* [{dataset, version, created_at, tables, rows, bytes, runs, problem?}] sorted by name; a damaged dataset gets "problem" and the rest
 * still lists. Loads no data. New reference. */
enum err_code store_dataset_list(struct store *store, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code store_dataset_name_check(const char *name, struct err *err) WARN_UNUSED;
/* dataset.json: what a person decided {title?, relations:{confirmed:[],rejected:[],added:[]}, roles:{}, aliases:{}}; {} when none. */
enum err_code store_dataset_read(struct store *store, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
/* Read-modify-write under the dataset's lock: edit gets the object and changes it. The change is recorded in the history as entry
 * (an object: kind, …; gains dataset_json_sha256, seq, time, hash) or not made: when the append fails, dataset.json is as before.
 * store_dataset_edit records it as kind "edit". */
enum err_code store_dataset_decide(struct store *store, const char *dataset, enum err_code (*edit)(void *user, json_t *dataset_json, struct err *err), void *user, json_t *entry, struct err *err) WARN_UNUSED;
enum err_code store_dataset_edit(struct store *store, const char *dataset, enum err_code (*edit)(void *user, json_t *dataset_json, struct err *err), void *user, struct err *err) WARN_UNUSED;

/* ---- versions ---- */
struct store_version;
/* version NULL = CURRENT; a unique prefix of ≥ 4 hex digits will do. Holds a shared lock (prune waits) until closed. */
enum err_code store_version_open(struct store *store, const char *dataset, const char *version, struct store_version **ret, struct err *err) WARN_UNUSED;
void store_version_close(struct store_version *version);
AUTO_DEFINE(struct store_version, store_version_close)
const char *store_version_id(const struct store_version *version); /* 64 hex digits */
const char *store_version_dataset(const struct store_version *version);
const json_t *store_version_manifest(const struct store_version *version);
struct store_table { /* borrowed from the version */
    const char *name;
    const char *hash; /* table hash = object's name */
    int64_t rows, rejected_rows;
    bool placed; /* its files stood outside the store when the version was made; store_version_place knows what is so now */
    struct data_schema schema;
    const json_t *columns_profile; /* [{name, type, nulls, distinct, distinct_exact, min, max, mean?, top_values?, shortest, longest, warnings}] as measured at import, manifest order;
                                    * NULL until store_version_read_profiles */
    char *directory; /* objects/HASH */
};
/* Read every table's columns_profile (its object.json), once: an open version costs one document whatever the number of its tables. */
enum err_code store_version_read_profiles(struct store_version *version, struct err *err) WARN_UNUSED;
size_t store_version_table_count(const struct store_version *version);
const struct store_table *store_version_table(const struct store_version *version, size_t idx);
const struct store_table *store_version_table_find(const struct store_version *version, const char *name); /* ASCII case ignored; NULL */
/* Attach the tables named (NULL = all) READ_ONLY and make a view of each table's name in the engine's main schema, so that SQL reads them lazily.
 * File sizes are checked, and content hashes where size or mtime changed since they were last verified (ERR_INTEGRITY names the
 * file and the fix). Already attached ones are skipped. */
enum err_code store_version_attach(struct store_version *version, struct engine *engine, const char *const *tables, size_t count, struct err *err) WARN_UNUSED;
/* How and where a table's files stand outside the store: object.json's `place` (docs/REGISTRY.md), new reference; NULL: the store holds it. */
enum err_code store_version_place(struct store_version *version, const char *table, json_t **ret, struct err *err) WARN_UNUSED;
struct store_folder {
    char path[FILE_PATH_BYTES]; /* in it, below key_count folders key=value: just the table's files */
    size_t key_count;
    bool placed;         /* the table's files stand outside the store */
    const char *why_not; /* why an engine that lists folders by itself can't read the table there, static; NULL: it can */
};
/* The folder that a table stands in, for such an engine. Its files are looked at (ERR_INTEGRITY: not as registered), by store_version_still too. */
enum err_code store_version_folder(struct store_version *version, const char *table, struct store_folder *ret, struct err *err) WARN_UNUSED;
/* The files outside the store that the table's statements read, as an engine that is confined must be allowed them: appended to allowed. */
enum err_code store_version_paths(struct store_version *version, const char *table, json_t *allowed, struct err *err) WARN_UNUSED;
/* Are the files outside the store that were attached still what they were? ERR_INTEGRITY: an answer read from them is void. For the end of a
 * statement; costs a look at each. NULL: no version, fine. */
enum err_code store_version_still(struct store_version *version, struct err *err) WARN_UNUSED;
/* Are the files of these tables (NULL = all) as registered? ERR_INTEGRITY as store_version_attach gives; ERR_OK for tables that the store holds. */
enum err_code store_version_available(struct store_version *version, const char *const *tables, size_t count, struct err *err) WARN_UNUSED;
/* SQL name of an attached table itself, for the program's own statements: a view of 10,000 columns takes .1 s to bind in every one, the table 5 ms. */
void store_table_source(const struct store_table *table, struct buf *out);
/* [{version, created_at, parent, tables, rows, bytes, current}] newest first. */
enum err_code store_version_list(struct store *store, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
/* Schema and row changes a → b: {from, to, tables:[{name, change: added|removed|changed|same, columns_added, columns_removed, columns_retyped,
 * rows_before, rows_after, rows_added, rows_removed}]}; rows compared as bags by row hash. */
enum err_code store_version_diff(struct store *store, const char *dataset, const char *from, const char *to, json_t **ret, struct err *err) WARN_UNUSED;

/* ---- registry: how tables are read (docs/REGISTRY.md) ---- */
/* {KEY: {value, from}} of format, partition_columns, sort_order, pruning, schema_policy; from: plan, table, dataset, registered or default, in this
 * order of precedence. plan: {TABLE: {KEY: value}}; dataset: dataset.json; place: the table's, or NULL. Pure. New reference. */
enum err_code store_registry_resolve(const json_t *plan, const json_t *dataset, const json_t *place, const char *table, json_t **ret, struct err *err) WARN_UNUSED;
const json_t *store_registry_value(const json_t *resolved, const char *key); /* borrowed; NULL: no such setting */
/* Are these {KEY: value} what a plan's scan can say? ERR_INPUT. */
enum err_code store_registry_check(const json_t *options, struct err *err) WARN_UNUSED;
/* What the plan's scans say, {TABLE: {KEY: value}}, for store_version_attach. Copied. */
enum err_code store_version_set_options(struct store_version *version, const json_t *plan, struct err *err) WARN_UNUSED;
/* store_registry_resolve of a table of the version. */
enum err_code store_version_settings(struct store_version *version, const char *table, json_t **ret, struct err *err) WARN_UNUSED;
/* The declared sort_order of a table, once its rows were found to be so (noted with the object; or, with an engine that it is attached to, looked at
 * now and noted): columns, ascending, nulls last; an empty array where none is declared, it does not hold or is not known. New reference. */
enum err_code store_version_sorted_by(struct store_version *version, struct engine *engine, const char *table, json_t **ret, struct err *err) WARN_UNUSED;
/* Change settings of a table of the current version, or (NULL) of all its tables that don't say otherwise, in dataset.json, with an entry in the
 * history: assignments {KEY: text}, "" takes one away. A sort order is checked on the rows. */
enum err_code store_registry_set(struct store *store, const char *dataset, const char *table, const json_t *assignments, struct err *err) WARN_UNUSED;

/* ---- import ---- */
struct store_place_options { /* for sources that stay where they are (docs/REGISTRY.md) */
    const char *schema_policy;       /* "exact", "add" or "any"; NULL = exact */
    const json_t *partition_columns; /* [{name, type?}]: the keys that parted tables must have, with types that are not to be inferred; or NULL */
    const json_t *sort_orders;       /* {TABLE: "a,b"}: as the rows must be; "*": of every table; or NULL */
};
struct store_import_options {
    bool strict;             /* a row that would be quarantined refuses the import instead */
    const json_t *overrides; /* {TABLE: {COLUMN: {type?, null_markers?:[…], read?}}} (docs/TYPING.md) or NULL; names compared without ASCII case; unknown ones → ERR_INPUT */
    const char **null_markers; /* replaces the built-in candidates; NULL = built-in */
    size_t null_marker_count;
    const char **stack;      /* "auto", or patterns of table names ("labs_*", "NAME=labs_*"): the tables of each become one (docs/STORE.md) */
    size_t stack_count;
    bool show_values;        /* cells may appear in errors */
    const struct store_place_options *place; /* NULL = defaults */
};
struct store_import;
/* Takes the dataset's writer lock (ERR_LOCKED names the holder), makes a staging directory in tmp/. */
enum err_code store_import_begin(struct store *store, const char *dataset, const struct store_import_options *options, struct store_import **ret, struct err *err) WARN_UNUSED;
const char *store_import_staging(const struct store_import *import); /* for ingest's staged files; removed at the end */
/* Load sources: infer types over every row, write both copies, hash, quarantine. Small ones are loaded side by side, so their readers (push)
 * may run on several threads, each on one at a time. Where several fail, the error is of the first of them in the order given. */
enum err_code store_import_tables(struct store_import *import, const struct data_source *const *sources, size_t count, struct err *err) WARN_UNUSED;
enum err_code store_import_table(struct store_import *import, const struct data_source *source, struct err *err) WARN_UNUSED; /* one */
/* Carry a table of a version of the same dataset over as it is; after the tables that are loaded. */
enum err_code store_import_keep(struct store_import *import, const struct store_version *version, const char *table, struct err *err) WARN_UNUSED;
struct store_commit {
    char version[65];
    bool reused; /* same content was already a version */
    json_t *manifest; /* new reference */
};
/* Publish: objects, version manifest, CURRENT; appends an "import" history entry. */
enum err_code store_import_commit(struct store_import *import, const json_t *inputs, const json_t *skipped, struct store_commit *ret, struct err *err) WARN_UNUSED;
void store_import_close(struct store_import *import); /* aborts when not committed; store as before */
AUTO_DEFINE(struct store_import, store_import_close)

/* ---- runs ---- */
/* Manifest of a published run, or ERR_NOT_FOUND. Opens no engine. */
enum err_code store_run_read(struct store *store, const char *dataset, const char *run_id, json_t **ret_manifest, struct err *err) WARN_UNUSED;
enum err_code store_run_path(struct store *store, const char *dataset, const char *run_id, char ret[FILE_PATH_BYTES], struct err *err) WARN_UNUSED;
enum err_code store_run_stage(struct store *store, char ret_directory[FILE_PATH_BYTES], struct err *err) WARN_UNUSED;
/* fsync the staged files, hash each into manifest.files [{name, bytes, sha256}], write manifest.json last, rename into runs/RUN_ID. An existing
 * twin is kept (*ret_existed) and the staging removed. */
enum err_code store_run_publish(struct store *store, const char *dataset, const char *run_id, const char *staged, json_t *manifest, bool *ret_existed, struct err *err) WARN_UNUSED;
/* Manifests of all runs of kind ("mart", NULL = all), newest first; damaged ones are listed with "problem". */
enum err_code store_run_list(struct store *store, const char *dataset, const char *kind, json_t **ret, struct err *err) WARN_UNUSED;

/* ---- history ---- */
/* Append entry (an object: kind, …) with seq, time, previous hash, hash; one write + fdatasync under its own lock. A store that can't be
 * written gives ERR_IO, which callers turn into a warning. */
enum err_code store_history_append(struct store *store, const char *dataset, json_t *entry, struct err *err) WARN_UNUSED;
enum err_code store_history_read(struct store *store, const char *dataset, int64_t last, json_t **ret_entries, struct err *err) WARN_UNUSED; /* 0 = all; oldest first */
/* The newest entry; *ret stays NULL: there is none. New reference. */
enum err_code store_history_last(struct store *store, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code store_history_verify(struct store *store, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED; /* {ok, entries, segments, problems:[…]} */
enum err_code store_history_clear(struct store *store, const char *dataset, struct err *err) WARN_UNUSED; /* a "clear" entry starts the new chain */

/* A user's statement whole, beside the data (queries/QUERY_HASH.sql, mode 0600), because history holds it only with its literals masked. query is
 * the sha256 of sql in hex. Kept once; the same text again is a no-op. */
enum err_code store_query_keep(struct store *store, const char *dataset, const char *query, const char *sql, struct err *err) WARN_UNUSED;
enum err_code store_query_read(struct store *store, const char *dataset, const char *query, struct buf *ret, struct err *err) WARN_UNUSED;

/* ---- care ---- */
/* {ok, problems:[{file, expected, found, fix}], files, bytes}; dataset NULL = whole store. Every byte is read. */
enum err_code store_verify(struct store *store, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
/* Rebuild what verify found from the other copy, checked against the table hash: {repaired:[{file, from}], failed:[{file, reason}]}. Damaged runs are removed (they can be rebuilt). */
enum err_code store_repair(struct store *store, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
/* Keep the newest `keep` versions (≥ 1, CURRENT always) and what they use: {versions_removed, objects_removed, runs_removed, bytes_freed}. dry_run only tells. */
enum err_code store_prune(struct store *store, const char *dataset, int64_t keep, bool dry_run, json_t **ret, struct err *err) WARN_UNUSED;

#endif
