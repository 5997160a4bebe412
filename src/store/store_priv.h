/* What the store's files share: paths, staging, sealed documents, objects, the import in progress.
 *
 * Who calls whom:   import → load → (columns, stream, measure) → engine
 *                   import → publish → base/file        everyone → manifest (documents and hashes), history */
#ifndef MARROW_STORE_PRIV_H
#define MARROW_STORE_PRIV_H

#include <pthread.h>

#include "data/typing.h"
#include "store/store.h"

#define STORE_HISTORY_SEGMENT_BYTES (4LL << 20)
#define STORE_PRUNE_WAIT_MS 30000     /* prune waits that long for readers */
#define STORE_SHORT_WAIT_MS 5000      /* locks that are held for moments only */
#define STORE_LIMIT_TABLES 100000     /* in one version */
#define STORE_PROFILE_TEXT_BYTES 200  /* min and max of a text are cut there */
#define STORE_TOP_VALUES 20
#define STORE_COLUMNS_PER_QUERY 500
#define STORE_DOCUMENT_ROWS 8192 /* in a row group of a table that holds JSON documents */
#define STORE_LIMIT_REJECT_BYTES (1LL << 20) /* of one row's raw text in rejects.csv; longer is cut */

/* ---- staging (publish.c) ---- */

/* tmp/NAME/ and its lock tmp/NAME.lock, held while the owner lives. */
struct store_staging {
    char path[FILE_PATH_BYTES];
    struct file_lock lock;
};

struct store {
    struct store_options options; /* strings owned */
    bool writable;
    char id[33];
    int64_t history_segment_bytes;
    int64_t prune_wait_ms;
    pthread_mutex_t mutex; /* guards run_stagings */
    struct store_staging **run_stagings;
    size_t run_staging_count, run_staging_cap;
};

enum err_code store_staging_make(struct store *store, const char *verb, struct store_staging *ret, struct err *err) WARN_UNUSED;
void store_staging_remove(struct store_staging *staging); /* also on a zeroed or never-made one (path "") */
void store_staging_sweep(struct store *store); /* best effort: what no living process owns */
/* ERR_IO with a hint when the store is read-only. */
enum err_code store_need_writable(const struct store *store, struct err *err) WARN_UNUSED;
/* DIRECTORY/format… */
enum err_code store_path(const struct store *store, char ret[FILE_PATH_BYTES], struct err *err, const char *format, ...) WARN_UNUSED PRINTF_LIKE(4, 5);
/* The same, below datasets/DATASET/. */
enum err_code store_dataset_path(const struct store *store, const char *dataset, char ret[FILE_PATH_BYTES], struct err *err, const char *format, ...) WARN_UNUSED PRINTF_LIKE(5, 6);
/* The path without the store's directory in front, for messages and reports. */
const char *store_relative(const struct store *store, const char *path);
/* Take datasets/DATASET/NAME (made when missing). */
enum err_code store_lock(struct store *store, const char *dataset, const char *name, bool exclusive, int64_t wait_ms, const char *verb, struct file_lock *ret, struct err *err) WARN_UNUSED;
#define STORE_LOCK_WRITER "lock"
#define STORE_LOCK_READERS "readers.lock"
#define STORE_LOCK_HISTORY "history.lock"
#define STORE_LOCK_DECISIONS "dataset.lock"

/* datasets/DATASET/KIND, made when missing. */
enum err_code store_publish_place(struct store *store, const char *dataset, const char *kind, char ret[FILE_PATH_BYTES], struct err *err) WARN_UNUSED;
/* fsync everything in staged, rename it to datasets/DATASET/KIND/ID; an existing one is kept and the staged one removed. */
enum err_code store_publish_directory(struct store *store, const char *dataset, const char *kind, const char *id, const char *staged, bool *ret_existed, struct err *err) WARN_UNUSED;
/* CURRENT: "" when there is none. Damaged content → ERR_INTEGRITY. */
enum err_code store_current_read(const struct store *store, const char *dataset, char ret[HASH_HEX_BYTES], struct err *err) WARN_UNUSED;
/* On any error CURRENT is put back as it was. */
enum err_code store_current_write(struct store *store, const char *dataset, const char *version, struct err *err) WARN_UNUSED;
/* An engine in memory for the store's own work; given NULL: by the store's options. spill: where none was chosen. */
enum err_code store_engine_open(struct store *store, const struct engine_options *given, const char *spill, struct engine **ret, struct err *err) WARN_UNUSED;
bool store_is_hex(const char *text, size_t digits);

struct store *store_version_store(const struct store_version *version);
/* Files outside the store as they were when they were attached, for store_version_still. Borrowed. */
json_t *store_version_seen(struct store_version *version);

/* ---- sealed documents and hashes (manifest.c) ---- */

/* Set "checksum" = sha256 of the canonical JSON without it. */
enum err_code store_document_seal(json_t *document, struct err *err) WARN_UNUSED;
/* Seal and write a new file / replace a file. */
enum err_code store_document_write(const char *path, json_t *document, bool replace, struct err *err) WARN_UNUSED;
/* Missing → ERR_NOT_FOUND; unreadable JSON or wrong checksum → ERR_INTEGRITY; newer "format" → ERR_UNSUPPORTED. */
enum err_code store_document_read(const char *path, json_t **ret, struct err *err) WARN_UNUSED;
/* Hash of a table's content from its object document (members rows, row_hash, columns, rejected_rows, rejected_hash). */
enum err_code store_table_hash(const json_t *object, char ret[HASH_HEX_BYTES], struct err *err) WARN_UNUSED;
/* Version id from the manifest's tables [{name, object}]. */
enum err_code store_version_hash(const json_t *tables, char ret[HASH_HEX_BYTES], struct err *err) WARN_UNUSED;
/* {name, bytes, sha256, modified_us} of DIRECTORY/NAME. */
enum err_code store_file_facts(const char *directory, const char *name, json_t **ret, struct err *err) WARN_UNUSED;
/* Manifest of a version, checked: format, checksum, id. */
enum err_code store_manifest_read(const struct store *store, const char *dataset, const char *version, json_t **ret, struct err *err) WARN_UNUSED;
/* object.json of an object, checked: format, checksum, table hash = its name. */
enum err_code store_object_read(const struct store *store, const char *dataset, const char *hash, json_t **ret, struct err *err) WARN_UNUSED;
/* Ids of the published versions (names of versions/), newest first by created_at then id: [{version, manifest}|{version, problem}]. */
enum err_code store_version_scan(const struct store *store, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;

/* ---- columns in SQL (columns.c) ---- */

void store_sql_name(struct buf *out, const char *name);
/* marrow_hash_sum(marrow_row_hash("a","b"…)) over the schema's columns. */
enum err_code store_sql_table_hash(const struct data_schema *schema, struct buf *out, struct err *err) WARN_UNUSED;
/* marrow_row_hash("a","b"…) over names, sorted canonically. */
enum err_code store_sql_row_hash(const char *const *names, size_t count, const char *prefix, struct buf *out, struct err *err) WARN_UNUSED;
const char *store_hex128(struct data_int128 value, char ret[33]);

struct store_column_plan { /* how one column of a source becomes a stored one */
    const char *source; /* name in the scan */
    const char *name;   /* stored name */
    struct data_type type;
    bool from_text;     /* a text is read; else the engine's value is cast */
    bool empty_is_null; /* the empty text occurs and means null (text sources) */
    bool forced;        /* type was given by the user: rows that don't fit are quarantined */
    bool padded;
    const char *format; /* of dates (strptime) or numbers, as in struct typing_decision; or NULL */
    const char *format_given; /* by the user, or NULL */
    const char **null_markers;
    size_t null_marker_count;
    bool markers_given; /* by the user */
    bool typed;         /* the scan gives that very type: nothing is to be done */
    bool by_function;   /* of a very wide table: no CASE, which the engine plans in quadratic time */
};
void store_sql_column_text(const struct store_column_plan *plan, struct buf *out); /* the text after trim and markers */
void store_sql_column_value(const struct store_column_plan *plan, struct buf *out); /* the stored value */
void store_sql_column_misfit(const struct store_column_plan *plan, struct buf *out); /* boolean: has a value that the type can't hold */

/* The narrowest type that holds both; that doubles hold every number is to be checked with the rows. */
struct data_type store_type_wider(struct data_type a, struct data_type b);
/* SELECT of how many of a relation's numbers would not come back from a double as they were. */
void store_sql_lost_as_double(const struct data_column *column, const char *relation, struct buf *out);

/* ---- measuring a stored table (measure.c) ---- */

/* Count rows, hash them and measure columns of table (SQL text, e.g. object_stage.data): sets rows, row_hash, profile on object.
 * decisions NULL: distinct, lengths and top values are measured from the stored values too. */
struct store_stats { /* owned */
    struct typing_stats **columns;
    size_t count;
};
void store_stats_done(struct store_stats *stats);
/* [[text, count]…], up to STORE_TOP_VALUES; NULL: not known (too many, or not spelled as values). *ret_distinct is set where known better. */
json_t *store_top_values(const struct typing_stats *stats, const struct typing_decision *decision, int64_t *ret_distinct, bool *ok);
struct store_measure {
    const char *table;
    const struct data_schema *schema;
    const struct typing_decision *decisions; /* per column, or NULL */
    const struct store_stats *stats;         /* what they were decided from */
};
enum err_code store_measure_table(struct engine *engine, const struct store_measure *measure, json_t *object, struct err *err) WARN_UNUSED;
/* Only rows and the row hash: for repair. */
enum err_code store_measure_hash(struct engine *engine, const char *table, const struct data_schema *schema, int64_t *ret_rows, char ret_hash[33], struct err *err) WARN_UNUSED;
/* Column statistics by marrow_typing over expressions. store_stats_done frees, also after a failure. */
enum err_code store_measure_typing(struct engine *engine, const char *table, const char *const *expressions, size_t count, struct store_stats *ret, int64_t *ret_rows, struct err *err) WARN_UNUSED;
/* typing_decide over the schema's names; *ret from arena, its warnings freed by store_decisions_done (NULL allowed). */
enum err_code store_measure_decide(const struct data_schema *schema, const struct store_stats *stats, const struct typing_options *options, struct arena *arena, struct typing_decision **ret, struct err *err) WARN_UNUSED;
void store_decisions_done(struct typing_decision *decisions, size_t count);
/* Write table to DIRECTORY/table.parquet. */
enum err_code store_write_parquet(struct engine *engine, const char *table, const struct data_schema *schema, const char *directory, struct err *err) WARN_UNUSED;

/* ---- import (import.c, load.c, stream.c, rejects.c) ---- */

struct store_rejects { /* rejects.csv being written */
    char path[FILE_PATH_BYTES];
    int fd; /* -1: none yet */
    struct buf pending;
    int64_t rows;
    struct data_int128 sum; /* of the raw texts' hashes */
    bool strict, show_values;
    const char *origin;
    const char *part; /* of a stack: named in the reason; or NULL */
};
enum err_code store_rejects_init(struct store_rejects *rejects, const char *directory, const char *origin, const struct store_import_options *options, struct err *err) WARN_UNUSED;
enum err_code store_rejects_add(void *rejects, int64_t line, const char *column, const char *reason, struct str raw, struct err *err) WARN_UNUSED;
enum err_code store_rejects_finish(struct store_rejects *rejects, struct err *err) WARN_UNUSED;
void store_rejects_done(struct store_rejects *rejects);

struct store_import {
    struct store *store;
    char *dataset;
    struct store_import_options options; /* borrowed for the import's life, overrides counted */
    struct file_lock lock;
    struct file_lock readers; /* shared: prune can't take an object that this import is about to reuse */
    struct store_staging staging;
    struct store_worker *worker; /* kept from call to call; made at the first table */
    json_t *tables;        /* manifest entries so far */
    json_t *names;          /* of the tables, in lower case: true */
    json_t *used_overrides; /* "table" names of overrides met */
    char **staged;         /* object directories, one a table */
    size_t staged_count, staged_cap;
    pthread_mutex_t mutex; /* guards what workers share: used_overrides, and workers.c's own */
    int64_t started_us, bytes_in;
    int64_t infer_us, load_us, hash_us, write_us; /* summed over the workers */
    char files_path[FILE_PATH_BYTES]; /* staging/files: ingest's */
    bool load_failed, committed;
};
struct store_worker { /* an engine that loads one table after the other; workers.c */
    struct store_import *import;
    struct engine *engine;
    int64_t infer_us, load_us, hash_us, write_us;
};
void store_worker_free(struct store_worker *worker);
struct store_stack { /* tables that become one (stack.c) */
    const char *name;
    const char *pattern; /* as the user gave it */
    struct store_stack_part {
        const struct data_source *source;
        const char *label; /* in the column source_file: the origin, without what all parts share */
    } *parts;            /* by label */
    size_t count;
    struct data_source source; /* the whole: its rows are read from the parts; push NULL where they are Parquet */
    json_t *notes;
    bool listed; /* among the import's jobs */
    struct store_stack *next;
};
#define STORE_STACK_COLUMN "source_file"
struct store_stacking {
    struct arena *arena;
    struct store_stack *stacks; /* a list, in the arena */
    struct store_stack **of;    /* by source; NULL: a table of its own */
};
/* The stacks that the import's options ask for. Errors: ERR_INPUT (a pattern names fewer than two tables, or typed and untyped ones).
 * store_stacking_done frees, also after a failure. */
enum err_code store_stack_plan(struct store_import *import, const struct data_source *const *sources, size_t count, struct store_stacking *ret, struct err *err) WARN_UNUSED;
void store_stacking_done(struct store_stacking *stacking);
/* A warning "stackable" for each group of tables that look like parts of one, on its first. entries: by source, NULL where stacked. */
enum err_code store_stack_suggest(const struct store_stacking *stacking, const struct data_source *const *sources, size_t count, json_t *const *entries, struct err *err) WARN_UNUSED;
/* Load a source into a new object in directory; *ret_entry: its entry in the manifest. Everything in directory is fsynced.
 * stack: the source is &stack->source; else NULL. */
enum err_code store_load(struct store_worker *worker, const struct data_source *source, const struct store_stack *stack, const char *directory, const struct progress *progress, json_t **ret_entry, struct err *err) WARN_UNUSED;
#define STORE_SMALL_BYTES (16LL << 20) /* of input: such tables are loaded side by side, and stored in small blocks */
/* Push a stream's rows into STORE_SCRATCH_TABLE. ret_schema gets what was pushed. */
enum err_code store_stream_fill(struct engine *engine, const struct data_source *source, const struct progress *progress, struct store_rejects *rejects, struct data_schema *ret_schema, int64_t *ret_rows, struct err *err) WARN_UNUSED;
#define STORE_SCRATCH_SCHEMA "temp.main"
#define STORE_SCRATCH_NAME "marrow_rows"
#define STORE_SCRATCH_TABLE STORE_SCRATCH_SCHEMA "." STORE_SCRATCH_NAME
#define STORE_STACK_TABLE STORE_SCRATCH_SCHEMA ".marrow_stack"

/* ---- attach.c ---- */
/* Verify DIRECTORY/name against its recorded facts if size or mtime say so. */
enum err_code store_file_trust(const struct store *store, const char *directory, const json_t *object, const char *name, struct err *err) WARN_UNUSED;
void store_object_alias(const char *hash, char ret[32]); /* object_<16 digits> */
enum err_code store_attach_object(struct engine *engine, const char *directory, const char *hash, struct err *err) WARN_UNUSED;


/* ---- registry.c ---- */
/* A setting's value from the user's words: for a table of that schema, or (NULL) for all; "" gives null. ERR_USAGE, ERR_INPUT. */
enum err_code store_registry_parse(const char *key, const char *text, const struct data_schema *schema, json_t **ret, struct err *err) WARN_UNUSED;
/* By resolved settings: may filters on the column skip files and row groups? */
bool store_registry_prunes(const json_t *resolved, const char *column);
/* ERR_INPUT: the table's files differ more than the policy accepts. */
enum err_code store_registry_check_policy(const json_t *resolved, const json_t *place, struct err *err) WARN_UNUSED;
/* Are the relation's rows, as it gives them, in the order of the columns: ascending, nulls last? ERR_INPUT. */
enum err_code store_registry_check_order(struct engine *engine, const char *relation, const json_t *columns, struct err *err) WARN_UNUSED;
/* settings.c: the table's, with the version's plan options; place: its own, or NULL. New reference. */
enum err_code store_version_resolve(struct store_version *version, const char *table, const json_t *place, json_t **ret, struct err *err) WARN_UNUSED;
/* What the version holds for them: {plan, dataset}; dataset is read once. Borrowed. */
json_t *store_version_said(struct store_version *version);

/* ---- verify.c ---- */
enum store_damage_kind { STORE_DAMAGE_OTHER, STORE_DAMAGE_PLACE /* a file outside the store */, STORE_DAMAGE_CURRENT, STORE_DAMAGE_OBJECT_FILE, STORE_DAMAGE_OBJECT_JSON, STORE_DAMAGE_RUN, STORE_DAMAGE_HISTORY };
struct store_verify_sink { /* called for every problem */
    enum err_code (*problem)(void *user, enum store_damage_kind kind, const char *id, const char *file, const char *expected, const char *found, const char *fix, struct err *err);
    void *user;
    int64_t files, bytes;
};
enum err_code store_verify_dataset(struct store *store, const char *dataset, struct store_verify_sink *sink, struct err *err) WARN_UNUSED;

#endif
