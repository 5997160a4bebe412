/* The api's door: one function per use case; it is the public library's inside (include/marrow.h wraps it) and all that cli and serve
 * call. Every use case answers with one JSON document (stable forms: docs/JSON.md), so that --json, HTTP and the C API say the same and
 * the terminal's tables are drawn from it. Rows of `sql` and exports stream instead. */
#ifndef MARROW_API_API_H
#define MARROW_API_API_H

#include "data/data.h"

struct api_options {
    const char *store;        /* directory; NULL = $MARROW_STORE, else ./marrow-store */
    bool create;              /* make the store when missing (import) */
    bool storeless;           /* for what needs no store: views over files */
    int64_t memory_bytes;     /* that the process may take; 0 = the engine's default, 80 % of RAM */
    int64_t threads;          /* 0 = all */
    const char *spill;        /* directory; NULL = the store's tmp/ */
    int64_t spill_bytes;      /* that it may hold; 0 = no limit. What is 0 or NULL of these four is looked for in the environment and in
                               * config.json (api/runtime.c) first */
    const char *speed;        /* URL of the home of recent changes (redis://…); NULL: the store */
    bool show_values;
    const struct progress *progress;
};
struct api;
enum err_code api_open(const struct api_options *options, struct api **ret, struct err *err) WARN_UNUSED;
void api_close(struct api *api);
AUTO_DEFINE(struct api, api_close)
const char *api_store_directory(const struct api *api);
/* Warnings gathered by the last call (e.g. "the store is read-only: this was not recorded"): array of text, borrowed. */
const json_t *api_warnings(const struct api *api);

struct api_place_options { /* files that stay where they are (docs/REGISTRY.md) */
    const char *format;               /* "parquet" or "csv": only these; NULL = both */
    const char *const *tables;        /* "NAME=PATTERN" of paths below the folder */
    size_t table_count;
    const char *const *partition;     /* "year" or "year:bigint", outermost key first; none = as found */
    size_t partition_count;
    const char *const *sort;          /* "TABLE:a,b" or "a,b" */
    size_t sort_count;
    const char *schema_policy;        /* exact, add or any; NULL = exact */
};
struct api_import_options {
    const char *const *paths;
    size_t path_count;
    const char *name;        /* NULL = from the first path */
    const char *encoding, *delimiter;
    int header;              /* rows of names; -1 detect */
    bool strict;
    json_t *overrides;       /* {TABLE:{COLUMN:{type,null_markers,read}}}; borrowed; may be NULL */
    const char **null_markers;
    size_t null_marker_count;
    const char **stack;      /* "auto" or patterns of table names: the tables of each become one */
    size_t stack_count;
    int64_t total_bytes;     /* limit on unpacked bytes; 0 = default */
    const char *from_server; /* base URL of a FHIR server to export from (Bulk Data), in place of paths; NULL: none */
    const char *group, *types; /* of the export; NULL: all */
    const char *since;       /* an instant, or "last": what changed since the export that the current version came from; laid over that version. NULL: a whole export */
    const char *token;       /* bearer; NULL: none */
    const char *from_views;  /* a dataset whose views' rows become tables, in place of paths; NULL: none */
    const char *cohort;      /* from_views: only rows of the patients of this saved cohort; NULL: all */
    const struct api_place_options *place; /* api_register: the files stay where they are */
    bool no_question_index;  /* leave it to the first question */
};
/* Register folders where they stand: as api_import, with `in_place`, and each table's `place`. Without paths: those of the dataset again, by what was
 * said then where options say nothing (options->name is needed). */
enum err_code api_register(struct api *api, const struct api_import_options *options, json_t **ret, struct err *err) WARN_UNUSED;
/* How tables are read: {dataset, version, tables:[{name, format, partition_columns, sort_order, pruning, schema_policy: {value, from}, place?: {root,
 * files, bytes, available, problem?}}]}. assignments {KEY: text}: set first, for table or (NULL) all; NULL: only show. */
enum err_code api_registry(struct api *api, const char *dataset, const char *version, const char *table, const json_t *assignments, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_import(struct api *api, const struct api_import_options *options, json_t **ret, struct err *err) WARN_UNUSED;

enum err_code api_datasets(struct api *api, json_t **ret, struct err *err) WARN_UNUSED;                                   /* {store, datasets:[…], runs?, last_questions?} */
enum err_code api_show(struct api *api, const char *dataset, const char *version, json_t **ret, struct err *err) WARN_UNUSED; /* manifest, tables, marts, warnings */
enum err_code api_versions(struct api *api, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_diff(struct api *api, const char *dataset, const char *from, const char *to, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_profile(struct api *api, const char *dataset, const char *version, const char *table, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_relations(struct api *api, const char *dataset, const char *version, json_t **ret, struct err *err) WARN_UNUSED;
/* decision: confirm | reject | add | reset; child "labs.item_id", parent "lab_items.item_id". */
enum err_code api_relation_decide(struct api *api, const char *dataset, const char *decision, const char *child, const char *parent, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_table_role(struct api *api, const char *dataset, const char *table, const char *role, json_t **ret, struct err *err) WARN_UNUSED;

struct api_export_options {
    const char *dataset, *version;
    const char *what;   /* table, mart or run; NULL = the whole version */
    const char *format; /* csv | parquet | ndjson | json | duckdb | xlsx-csv (UTF-8 BOM, for Excel) */
    const char *path;   /* file, or folder for a whole version */
    bool overwrite;
};
enum err_code api_export(struct api *api, const struct api_export_options *options, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_prune(struct api *api, const char *dataset, int64_t keep, bool dry_run, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_verify(struct api *api, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_repair(struct api *api, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_doctor(struct api *api, json_t **ret, struct err *err) WARN_UNUSED; /* {ok, checks:[{what, ok, found, fix}]} */

/* References that lead nowhere, duplicates, profiles claimed, resources without patient or id: {dataset, version, resources, types, references, dangling, profiles, ok, duration_ms}
 * (docs/JSON.md). Ids only with show_values. ERR_INPUT: no table of resources. */
enum err_code api_fhir_check(struct api *api, const char *dataset, const char *version, json_t **ret, struct err *err) WARN_UNUSED;

struct api_mart_options {
    const char *dataset, *version;
    const char *grain;
    const char *anchor, *event;
    bool inner;
    json_t *policy; /* borrowed; may be NULL */
    int64_t buckets;
    const char *engine; /* URL of the engine that builds and keeps it, its tables pushed first where they are missing; NULL = embedded */
    bool force;
};
enum err_code api_mart_build(struct api *api, const struct api_mart_options *options, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_mart_dry_run(struct api *api, const struct api_mart_options *options, json_t **ret, struct err *err) WARN_UNUSED; /* {sql, signature, dialect, tables…} */
enum err_code api_mart_query(struct api *api, const char *dataset, const char *version, const char *mart, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_mart_list(struct api *api, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_mart_show(struct api *api, const char *dataset, const char *version, const char *mart, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_mart_verify(struct api *api, const char *dataset, const char *version, const char *mart, json_t **ret, struct err *err) WARN_UNUSED;

/* ---- engines ---- */
struct api_push_options {
    const char *dataset, *version;
    const char *engine;        /* URL */
    const char *const *tables; /* none = all */
    size_t table_count;
};
/* Load a version's tables into its schema on a server (docs/ENGINES.md). {engine, url, version, schema, tables:[{name, rows, reused, duration_ms}], dataset, duration_ms} */
enum err_code api_push(struct api *api, const struct api_push_options *options, json_t **ret, struct err *err) WARN_UNUSED;

/* ---- sql ---- */
struct api_query_options {
    const char *dataset;
    const char *version;  /* named: that version's rows alone, for ever the same, without the changes that came since; NULL: the current one, with them */
    bool recent;          /* with them all the same: version says which one is current */
    const char *sql;      /* exactly one SELECT over the version's tables and marts; refused otherwise with ERR_INPUT or ERR_NOT_FOUND before anything runs */
    int64_t row_limit;    /* 0 = 1,000,000 */
    int64_t time_limit_ms; /* 0 = 300,000 */
    const char *engine;    /* URL of the engine that runs it, over the pushed tables; NULL = embedded */
    const json_t *marts;   /* {mart name: run id}: which runs the names mean; NULL = those built last. Borrowed for the call */
};
struct api_rows; /* a streaming result */
enum err_code api_query(struct api *api, const struct api_query_options *options, struct api_rows **ret, struct err *err) WARN_UNUSED;
const struct data_schema *api_rows_schema(const struct api_rows *rows);
const char *api_rows_version(const struct api_rows *rows);
enum err_code api_rows_next(struct api_rows *rows, const struct data_batch **ret, struct err *err) WARN_UNUSED; /* *ret NULL = end */
bool api_rows_truncated(const struct api_rows *rows); /* the row cap cut it */
int64_t api_rows_duration_ms(const struct api_rows *rows);
void api_rows_close(struct api_rows *rows); /* records the history entry */
AUTO_DEFINE(struct api_rows, api_rows_close)
struct ArrowArrayStream;
enum err_code api_rows_to_arrow(struct api_rows *rows_taken, struct ArrowArrayStream *ret, struct err *err) WARN_UNUSED;
/* The same query written whole to a Parquet file (staged, then renamed): the row limit is not applied, the time limit is. {version, path, rows, bytes, duration_ms} */
enum err_code api_query_parquet(struct api *api, const struct api_query_options *options, const char *path, json_t **ret, struct err *err) WARN_UNUSED;

/* ---- plans (src/plan/plan.h; docs/plan.schema.json) ---- */
#define API_PLAN_LIMIT_BYTES (16 << 20)
#define API_LIST_LIMIT 10000 /* elements of a list parameter */
struct api_plan; /* a plan read and type-checked; needs no store. Immutable: any thread */
/* source names the text in errors, borrowed for the plan's life: "labs.json". */
enum err_code api_plan_read(struct str json, const char *source, struct api_plan **ret, struct err *err) WARN_UNUSED;
void api_plan_free(struct api_plan *plan);
AUTO_DEFINE(struct api_plan, api_plan_free)
enum err_code api_plan_print(const struct api_plan *plan, json_t **ret, struct err *err) WARN_UNUSED; /* {text, signature} */
enum err_code api_plan_sql(const struct api_plan *plan, const char *dialect, json_t **ret, struct err *err) WARN_UNUSED; /* {sql, params:[{name, type}], dialect}; dialect NULL: duckdb */
/* {columns:[{name, sources:[{dataset, table, column, kind}]}]}, and what people read: text (a tree), dot (Graphviz). dataset may be NULL. */
/* The plan with its parameters' values as a Substrait plan (docs/DIALECTS.md), protobuf bytes; tables of `schema`, or plain names (NULL).
 * ERR_UNSUPPORTED names what cannot be said. */
enum err_code api_plan_substrait(const struct api_plan *plan, const json_t *params, const char *schema, struct buf *ret, struct err *err) WARN_UNUSED;
enum err_code api_plan_lineage(const struct api_plan *plan, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_plan_diff(const struct api_plan *before, const struct api_plan *after, json_t **ret, struct err *err) WARN_UNUSED; /* {equal, changes:[{path, kind, before, after, words}]} */
enum err_code api_plan_hash(const struct api_plan *plan, json_t **ret, struct err *err) WARN_UNUSED; /* {signature} */
/* {signature, columns:[{name, type}], parameters:[{name, type}], reads:[{table, columns:[{name, type}]}], ordered_by:[{name, descending, nulls_first}]}; with a dataset also {dataset, version, ok,
 * problems:[{node, table, column, expected, found, nearest, words}]}: what the scans expect and the version, its marts and saved plans do not have. Problems are no error.
 * api and dataset NULL: the plan alone. */
enum err_code api_plan_check(struct api *api, const struct api_plan *plan, const char *dataset, const char *version, json_t **ret, struct err *err) WARN_UNUSED;
struct api_plan_options {
    const char *dataset, *version;
    const json_t *params;  /* {name: value}: a text is read by the parameter's type (a list: as JSON), numbers, booleans, null and arrays mean themselves */
    int64_t row_limit;     /* 0 = 1,000,000 */
    int64_t time_limit_ms; /* 0 = 300,000 */
    const json_t *runs;    /* {name: run id}: which runs the names mean; NULL = those made last. Borrowed for the call */
    const char *engine;    /* run: URL of a server that the version was pushed to; NULL = the embedded engine */
    const char *name;      /* save: the run's name as a table; NULL = plan_ and the signature's beginning */
    bool force;            /* save: compute again and compare */
    const char *const *partition_by; /* write: columns that become folders */
    size_t partition_count;
    bool overwrite;        /* write: replace what is there */
};
/* The plan's rows over the version's tables, marts and saved plans, as api_query. ERR_INPUT names the first problem of api_plan_check, or the parameter that
 * is missing, unknown or of another type. Values are bound, never spliced. */
enum err_code api_plan_run(struct api *api, const struct api_plan *plan, const struct api_plan_options *options, struct api_rows **ret, struct err *err) WARN_UNUSED;
/* Of a plan's rows {ordered_by, signature, engine}; NULL for SQL. Borrowed. */
const json_t *api_rows_about(const struct api_rows *rows);
/* Materialises the plan as a run, or finds it; a table of that name then. {run_id, name, signature, version, row_count, schema, path, bytes, reused, duration_ms …} */
enum err_code api_plan_save(struct api *api, const struct api_plan *plan, const struct api_plan_options *options, json_t **ret, struct err *err) WARN_UNUSED;
/* The rows as one Parquet file, or with partition_by as a folder of COLUMN=VALUE folders with _marrow.json, which says what they are.
 * {path, row_count, bytes, signature, engine, version, duration_ms}. The row limit is not applied. */
enum err_code api_plan_write(struct api *api, const struct api_plan *plan, const struct api_plan_options *options, const char *path, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_engines(json_t **ret, struct err *err) WARN_UNUSED;  /* {engines:[{name, schemes, dialect, what, example, abilities:[…]}]} */
enum err_code api_dialects(json_t **ret, struct err *err) WARN_UNUSED; /* {dialects:[{name, engines:[…], lacks:[…]}]} */

/* ---- rules (docs/RULES.md): a bundle of named plans over a dataset and each other; path: its file, or its folder ---- */
/* {bundle, description, signature, dataset, version, ok, rules:[{name, description, file, signature, uses, output, key}], inputs:[{name, optional, used}],
 * problems:[{file, rule, node, column, nearest, words}], notes}. Problems are no error. api and dataset NULL: the bundle alone. */
enum err_code api_rules_check(struct api *api, const char *path, const char *dataset, const char *version, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_rules_graph(const char *path, json_t **ret, struct err *err) WARN_UNUSED; /* {bundle, signature, rules, inputs, dot, text} */

/* ---- views: SQL on FHIR (docs/FHIR.md) ----
 * A view is named by a word: one registered with the dataset, a built-in one, or a ViewDefinition's file. api and dataset may be NULL where only the latter two are meant. */
/* Is it a Library of SQL over views (SQLQuery, SQLView): kept with the dataset, or a file? */
enum err_code api_view_is_library(struct api *api, const char *dataset, const char *view, bool *ret, struct err *err) WARN_UNUSED;
/* context: files and folders where a Library's dependencies are looked for first. Of a Library {library, profile, url?, parameters:[{name, fhir_type, type, required}],
 * dependencies:[{label, canonical, kind, name, dependencies?}], columns:[{name, type}], notes, sql} */
enum err_code api_view_check(struct api *api, const char *dataset, const char *view, const char *const *context, size_t context_count, json_t **ret, struct err *err) WARN_UNUSED; /* {view, resource, url?, builtin, columns:[{name, fhir_type, type, collection, description?}], notes} */
enum err_code api_view_sql(struct api *api, const char *dataset, const char *view, const char *dialect, json_t **ret, struct err *err) WARN_UNUSED; /* {view, resource, dialect, signature, sql} */
enum err_code api_view_ddl(struct api *api, const char *dataset, const char *view, const char *dialect, json_t **ret, struct err *err) WARN_UNUSED; /* {view, resource, dialect, ddl, columns} */
struct api_view_run_options {
    const char *view;
    const char *dataset, *version; /* over a dataset; or */
    const char *const *paths;      /* over files and folders of FHIR, which go into no store */
    size_t path_count;
    const char *engine;            /* URL: over the pushed tables of the dataset, by the lowered plan */
    const char *search;            /* FHIR search parameters over the view's columns, or NULL (dataset only) */
    const json_t *params;          /* of a Library: {name: text}; NULL: none */
    const char *const *context;    /* of a Library: files and folders of what it depends on */
    size_t context_count;
    bool snapshot;                 /* what is materialised, however old; false: this version's rows */
    bool null_on_error;            /* a cell that breaks its column's rule is null, and counted */
    int64_t row_limit;
};
/* The view's rows, by whatever route; api_rows_about tells it: {view, route, as_of, why, staleness_s}. */
enum err_code api_view_rows(struct api *api, const struct api_view_run_options *options, struct api_rows **ret, struct err *err) WARN_UNUSED;
/* The same rows as a Parquet file. {view, path, row_count, bytes, duration_ms} */
enum err_code api_view_parquet(struct api *api, const struct api_view_run_options *options, const char *path, json_t **ret, struct err *err) WARN_UNUSED;
/* The same rows as text, evaluated and formatted side by side, in the order of the resources, in flat memory; never from what is materialised. {view, row_count, resources, nulled, duration_ms} */
enum api_view_format { API_VIEW_CSV, API_VIEW_NDJSON, API_VIEW_JSON };
struct api_view_stream {
    enum api_view_format format;
    enum err_code (*write)(void *user, struct str text, struct err *err); /* piece after piece */
    void *user;
};
enum err_code api_view_stream(struct api *api, const struct api_view_run_options *options, const struct api_view_stream *stream, json_t **ret, struct err *err) WARN_UNUSED;

struct api_apply_options {
    const char *dataset;
    const char *const *paths; /* NDJSON of resources and Bundles (whose entries may say DELETE), packed or not */
    size_t path_count;
};
/* Take changes of resources as they come: durable when it returns, seen by queries at once, folded into the next version by api_fhir_compact. What is older than, or the
 * same as, what stands is ignored. {dataset, accepted, ignored, deleted, types:{type: accepted}, durable_at, duration_ms} */
enum err_code api_fhir_apply(struct api *api, const struct api_apply_options *options, json_t **ret, struct err *err) WARN_UNUSED;
/* Fold the recent changes into a new version, and refresh the materialised views. {dataset, version, before, reused, changes, tables:[{name, changes}], views?, duration_ms} */
enum err_code api_fhir_compact(struct api *api, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;

/* What a value that breaks its column's rule does to a view's rows. A view that is kept keeps its mode, until another is said. */
enum api_on_error { API_ON_ERROR_AS_IT_WAS, API_ON_ERROR_FAIL, API_ON_ERROR_NULL };
struct api_views_options {
    const char *dataset;
    const char *const *views; /* none: all built-in ones (create), all materialised ones (refresh) */
    size_t view_count;
    const char *const *context; /* files and folders of what a SQLView depends on */
    size_t context_count;
    const char *engine;       /* URL: also as tables of the schema sqlonfhir there, indexed, swapped in together; NULL: here only */
    int64_t max_staleness_s;  /* how old the rows may be before they count as stale; -1: as it was, 0 at first */
    bool force;               /* create: evaluate all again, and prove that what is there is equal */
    enum api_on_error on_error; /* a value that breaks its column's rule */
};
/* Materialise views over the current version, published as one snapshot in the schema sqlonfhir. {dataset, version, views:[{name, resource, how: full|delta|kept, reason,
 * run_id?, row_count?, bytes?, changed_resources?, on_error, nulled?, reused, duration_ms}], duration_ms} */
enum err_code api_views_create(struct api *api, const struct api_views_options *options, json_t **ret, struct err *err) WARN_UNUSED;
/* The same for those that are there; only resources that changed are evaluated. */
enum err_code api_views_refresh(struct api *api, const struct api_views_options *options, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_views_drop(struct api *api, const struct api_views_options *options, json_t **ret, struct err *err) WARN_UNUSED; /* {dataset, dropped:[names]}; runs stay until prune */
/* {dataset, version, views:[{name, resource, builtin, rows, bytes, deltas, as_of, version, refreshed_at, staleness_s, max_staleness_s, fresh, last_duration_ms}]}; close_look: rows over deltas
 * are counted, and pending_changes says how many resources' changes the rows lack: of this version, and recent ones (fhir apply; recent_changes). on_error, nulled?: as create. */
enum err_code api_views_list(struct api *api, const char *dataset, const char *const *names, size_t count, bool close_look, json_t **ret, struct err *err) WARN_UNUSED;
struct api_rules_options {
    const char *path;
    const char *dataset, *version;
    const char *const *rules; /* with what they depend on; none = all */
    size_t rule_count;
    const char *engine; /* run: URL of a server that runs and keeps them, the tables pushed first; NULL = embedded */
    bool force;         /* run: compute again and compare */
    void (*told)(void *user, const json_t *rule); /* run: after each rule, its part of the answer; may be NULL */
    void *user;
};
/* Materialises each rule whose plan or inputs changed. {bundle, signature, dataset, version, ok, exit, rules:[{name, run_id, reused, row_count, reason, duration_ms}
 * or {name, error:{code, message, hint?}, reason?, duration_ms} or {name, skipped, reason}], duration_ms}. A rule that fails is no error of the call. */
enum err_code api_rules_run(struct api *api, const struct api_rules_options *options, json_t **ret, struct err *err) WARN_UNUSED;
/* What a run would do: {bundle, signature, version, rules:[{name, runs, run_id, reason}]}. */
enum err_code api_rules_explain(struct api *api, const struct api_rules_options *options, json_t **ret, struct err *err) WARN_UNUSED;

/* ---- cohorts (docs/COHORT.md) ---- */
struct api_cohort_options {
    const char *dataset, *version;
    const char *criteria;   /* text or JSON */
    const char *source;     /* what it is called in errors; NULL = "criteria" */
    const char *folder;     /* where value sets' relative paths begin; NULL: criteria may not read files */
    const json_t *views;    /* which tables hold what, where they are not the built-in views; borrowed; may be NULL */
    const char *views_source;
    const json_t *runs;     /* {view: run id}: which runs the views' names mean; NULL = those made last */
    const char *as_of;      /* "2026-11-29": the day at which ages are counted; NULL = the version's import */
    int64_t suppress;       /* hide counts from 1 to suppress - 1 and what they derive from; 0 = none */
    const char *engine;     /* URL of a server that the version was pushed to; or its FHIR views were (api_view_create); NULL = embedded. count and show */
    bool null_on_error;     /* count and show: of views evaluated now a value that breaks its column's rule is null, and noted; else an error, unless the view is kept so */
    bool snapshot;          /* count and show: of FHIR views what is kept, however old, without recent changes */
    bool no_index;          /* count by the plan even where the bitmap index could answer */
    const char *name;       /* save: the table will be cohort_NAME */
    bool force;             /* save: compute again and compare */
};
/* {count, suppressed, route, why, as_of, version, attrition:[{step, count}], reading, criteria, notes:[{code, message}], sql, signature, dataset, duration_ms}; hidden counts are null. */
enum err_code api_cohort_count(struct api *api, const struct api_cohort_options *options, json_t **ret, struct err *err) WARN_UNUSED;
/* The reading, without counting: {reading, criteria, steps, views, route, why, sql, notes, as_of, version, dataset}. */
enum err_code api_cohort_show(struct api *api, const struct api_cohort_options *options, json_t **ret, struct err *err) WARN_UNUSED;
/* Keep the patients as the table cohort_NAME {patient_id}: as api_cohort_show, and {name, run_id, signature, count, suppressed, reused, duration_ms}. */
enum err_code api_cohort_save(struct api *api, const struct api_cohort_options *options, json_t **ret, struct err *err) WARN_UNUSED;
/* Build or find the bitmap index of the version's views: {run_id, dataset, version, patients, bitmaps, views, bytes, reused, duration_ms}. */
enum err_code api_cohort_index(struct api *api, const struct api_cohort_options *options, json_t **ret, struct err *err) WARN_UNUSED;

/* ---- questions (docs/QUESTIONS.md) ---- */
struct api_question_options {
    const char *dataset, *version;
    const char *question;
    const char *grain; /* patient, admission or stay: what is counted where the question leaves it open; NULL */
    const char *now;   /* "2026-11-29": what today means; NULL = the latest day of the data */
    bool force;        /* compute again what was answered before */
    const char *llm;   /* URL of an OpenAI-compatible endpoint (loopback, or https) that may propose a plan where nothing else answers; NULL: none is asked */
    const char *llm_model; /* NULL: "default" */
    bool llm_values;       /* it may see the question whole, and values of categories */
    int64_t llm_timeout_ms; /* 0 = 30,000 */
};
/* {status: answered | asked_back | refused, reading, intent, value?, n, result: {columns, rows}, dropped: [{reason, n}], test, warnings, choices, missing, why,
 * plan, question, sql, version, dataset, signature, run_key, reused, tier, confidence, unit, follow_ups, duration_ms}. A question that can't be answered is no error. The embedded engine is opened and closed on threads of their own,
 * which have ended when it returns (engine/engine.h). */
enum err_code api_question(struct api *api, const struct api_question_options *options, json_t **ret, struct err *err) WARN_UNUSED;
struct api_script_options {
    const char *dataset;
    const char *question;  /* as it was asked */
    const char *directory; /* made where it is not there */
    bool overwrite;
};
/* An answer of api_question as an R script that reproduces it, with the rows that it needs: analysis.R, data.parquet, data.csv in directory.
 * {directory, files, rows}. ERR_UNSUPPORTED: an answer of this kind has no script. */
enum err_code api_question_script(struct api *api, const struct api_script_options *options, const json_t *answer, json_t **ret, struct err *err) WARN_UNUSED;
/* What can be asked about: {entities, tables: text, sources, values, latest_day?, run_id, reused}: builds the value index where it is not there. */
enum err_code api_question_index(struct api *api, const char *dataset, const char *version, json_t **ret, struct err *err) WARN_UNUSED;

/* Phrases to which a person gave a meaning: {dataset, aliases:[{phrase, meaning, kind: column | phrase, problem?}]}. action "add" (phrase, meaning: a phrase or TABLE.COLUMN),
 * "remove" (phrase) or NULL: only show. ERR_NOT_FOUND: no such column or alias; ERR_INPUT: a circle, or a meaning that is nothing. */
enum err_code api_alias(struct api *api, const char *dataset, const char *action, const char *phrase, const char *meaning, json_t **ret, struct err *err) WARN_UNUSED;

/* ---- history ---- */
enum err_code api_history(struct api *api, const char *dataset, int64_t last, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_history_verify(struct api *api, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_history_replay(struct api *api, const char *dataset, int64_t seq, json_t **ret, struct err *err) WARN_UNUSED; /* {seq, kind, identical, before, after, note?} */
/* A question of the history asked again, recorded as such: {seq, same, same_plan, before: {status, version, n, shape, result_hash …}, answer: {…}}. version NULL: the current one. */
enum err_code api_history_rerun(struct api *api, const char *dataset, int64_t seq, const char *version, json_t **ret, struct err *err) WARN_UNUSED;
/* Which past answers would be others on that version: {dataset, against, questions: [{seq, question, version, version_kept, before, after, changed}], changed, left_off}.
 * The newest 200 different questions; not recorded. */
enum err_code api_history_diff(struct api *api, const char *dataset, const char *against, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code api_history_clear(struct api *api, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;

struct api_demo_options {
    const char *directory;
    int64_t patients;
    uint64_t seed;
    bool no_fhir;
};
enum err_code api_demo_data(const struct api_demo_options *options, const struct progress *progress, json_t **ret, struct err *err) WARN_UNUSED;

#endif
