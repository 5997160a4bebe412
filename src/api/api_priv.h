/* What api's files share. */
#ifndef MARROW_API_PRIV_H
#define MARROW_API_PRIV_H

#include "api/api.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/nearest.h"
#include "engine/engine.h"
#include "mart/mart.h"
#include "plan/plan.h"
#include "profile/profile.h"
#include "store/store.h"

struct api {
    char directory[FILE_PATH_BYTES];
    char spill[FILE_PATH_BYTES];
    char speed[1024];
    struct api_options options;
    struct store *store;
    json_t *warnings;
};

void api_warn(struct api *api, const char *format, ...) PRINTF_LIKE(2, 3);
/* A fresh list of warnings for this call. */
void api_begin(struct api *api);
/* Threads, memory, spill directory and its limit: what the options leave open, from the environment and the two config.json. */
enum err_code api_runtime_resolve(struct api *api, struct err *err) WARN_UNUSED;
struct engine_options api_engine_options(const struct api *api);
/* Append to history; a store that can't be written becomes a warning. Takes entry. kind is put first. */
void api_record(struct api *api, const char *dataset, const char *kind, json_t *entry_taken);
/* Like api_record for a failed call: error code and duration, never its message. */
void api_record_failure(struct api *api, const char *dataset, const char *kind, const struct err *err, int64_t started_us);
/* Version and profile of a dataset in one go. */
enum err_code api_open_profile(struct api *api, const char *dataset, const char *version, struct store_version **ret_version, struct profile **ret_profile, struct err *err) WARN_UNUSED;
/* Attach what the names mean in this version: tables and marts ("mart_patient"). Unknown names → ERR_NOT_FOUND with the names there are. */
enum err_code api_attach_names(struct api *api, struct store_version *version, struct engine *engine, const char *const *names, size_t count, struct err *err) WARN_UNUSED;
struct api_view;
struct api_library;
struct api_recent;
#define API_QUERY_ROW_LIMIT 1000000
#define API_QUERY_TIME_LIMIT_MS 300000
#define API_CONTENT_BYTES 40
/* {name: run id} of marts: which runs the names must mean (NULL: as now), and which they meant. */
struct api_query_marts {
    const json_t *pinned;
    json_t *used;
    const struct api_view *view; /* a view that is meant by its name, registered or not; NULL: none */
    struct api_library *library; /* whose tables are meant by sqlonfhir.NAME; NULL: none's */
    const json_t *views;         /* entries of views in place of dataset.json's; NULL: those */
    bool snapshot;               /* views: what is materialised, however old */
    bool exact;                  /* views: this version's rows, whatever age the view may have: for what is kept, and where a version is named */
    const struct api_recent *recent; /* changes laid over tables and views; NULL: none */
    bool null_on_error;          /* views evaluated now: a value that breaks its column's rule is null; else an error, unless the view is kept so */
    bool takes_on_error;         /* who asks can be told --on-error null */
    json_t *nulled;              /* what of the views' rows is null so (views_nulled.h); NULL: a warning says it */
    json_t *routes;              /* {view: {route, as_of, …}}, filled where not NULL */
};
/* Exactly one SELECT whose table functions are harmless; ret lists what it reads (engine_statement_done frees it, also after an error). */
enum err_code api_statement_check(struct engine *engine, const char *sql, struct engine_statement *ret, struct err *err) WARN_UNUSED;
/* For a statement that runs on another engine, in its SQL: it begins with SELECT, WITH, VALUES or TABLE; the read-only session and the
 * protocol's one statement do the rest. */
enum err_code api_statement_check_elsewhere(const char *sql, struct err *err) WARN_UNUSED;
/* A failure of the engine that is the statement's fault is ERR_INPUT. Returns the code that stands. */
enum err_code api_statement_blame(enum err_code code, struct err *err) WARN_UNUSED;
/* The statement with every literal masked. */
void api_mask_statement(const struct store_version *version, const char *sql, struct buf *out);
/* Start of a history entry about a statement {version, sql (masked), query, marts?}; keeps kept (the statement, or the plan that it was made of) whole
 * beside the data. */
json_t *api_statement_entry(struct api *api, const struct store_version *version, const char *sql, const char *kept, const json_t *marts, bool *ok);
/* A query by whatever front end. All borrowed for the call, kind for good. */
struct api_ask {
    struct api_query_options query;
    const char *kind;                  /* of the history entry: "sql", "plan" */
    const char *kept;                  /* for replay in place of the SQL; NULL: the SQL */
    const struct engine_value *values; /* of $1, $2 … */
    size_t value_count;
    const json_t *scans; /* {TABLE: options} that the plan's scans say; NULL: none */
    const json_t *about; /* members of the entry, and what api_rows_about answers; NULL: none */
    const struct api_view *view; /* see struct api_query_marts */
    struct api_library *library;
    bool null_on_error;
    bool snapshot;
    /* On another engine, once it is open: asks it in its own form, says which ("sql", "substrait") and what ran. NULL: query.sql is asked. */
    enum err_code (*there)(void *user, struct engine *engine, const char **ret_form, struct buf *ret_text, struct engine_result **ret, struct err *err);
    const char *const *tables; /* that it reads there */
    size_t table_count;
    void *user;
};
enum err_code api_ask(struct api *api, const struct api_ask *ask, struct api_rows **ret, struct err *err) WARN_UNUSED;
/* A SELECT's rows as a Parquet file: staged, fsynced, renamed; what is there is replaced. version: whose tables it reads; NULL: none's. */
enum err_code api_write_parquet(struct engine *engine, struct store_version *version, const char *select, const char *path, int64_t *ret_rows, int64_t *ret_bytes, struct err *err) WARN_UNUSED;
/* … as CSV whose missing values are \N, told from empty texts. */
enum err_code api_write_csv_nulls(struct engine *engine, struct store_version *version, const char *select, const char *path, struct err *err) WARN_UNUSED;
/* Rows of a statement over an engine of the caller's own, taken also on failure; about no dataset, so nothing is recorded. */
enum err_code api_rows_over(struct api *api, struct engine *engine_taken, const char *sql, const struct engine_value *values, size_t value_count, int64_t row_limit, struct api_rows **ret, struct err *err) WARN_UNUSED;
/* How many values were made null, told with the rows. */
enum err_code api_rows_nulled(struct api_rows *rows, int64_t nulled, struct err *err) WARN_UNUSED;
/* The schema of rows, to be annotated before the first batch. */
struct data_schema *api_rows_own_schema(struct api_rows *rows);
/* The run of a rule of that name whose inputs are those of this version: the one that was meant last. *ret stays NULL: there is none. */
enum err_code api_rule_run_find(struct api *api, struct store_version *version, const char *name, json_t **ret, struct err *err) WARN_UNUSED;
/* The run that a name means as a table: a mart, a rule, else the newest plan saved under it on this version. pinned: that run, or NULL. ERR_NOT_FOUND. New reference. */
enum err_code api_run_find(struct api *api, struct store_version *version, const char *name, const char *pinned, json_t **ret, struct err *err) WARN_UNUSED;
/* From now on name means that run (kind plan) on this version: it was saved under it. */
enum err_code api_run_mean(struct api *api, struct store_version *version, const char *name, const char *run_id, struct err *err) WARN_UNUSED;
bool api_is_mart_name(const char *name);
/* ERR_NOT_FOUND: no such table or run, with the names there are. */
enum err_code api_unknown_table(const struct store_version *version, const char *name, struct err *err);
/* As api_attach_names; notes in used ({name: run id}, may be NULL) what the names of runs meant; pinned {name: run id} or NULL. */
enum err_code api_attach_pinned(struct api *api, struct store_version *version, struct engine *engine, const char *const *names, size_t count,
                                const struct api_query_marts *marts, struct err *err) WARN_UNUSED;

/* ---- plans ---- */
struct api_plan {
    struct plan *plan;
    const struct plan_rel *root;
    json_t *json;   /* plan_to_json */
    json_t *params; /* [{name, type}] in order of first use */
    const char *source;
};
/* Takes plan, also when it fails. */
enum err_code api_plan_of(struct plan *plan_taken, const struct plan_rel *root, const char *source, struct api_plan **ret, struct err *err) WARN_UNUSED;
/* [{name, descending, nulls_first}]: by what the result's rows are ordered; empty: by nothing. New reference. */
enum err_code api_plan_ordered_by(const struct api_plan *plan, json_t **ret, struct err *err) WARN_UNUSED;
/* plan_params.c: calls visit with each {param, type} of a plan's JSON; what it returns takes the parameter's place (new reference; NULL: stays). */
typedef json_t *(*api_param_visit)(void *user, const char *name, const char *type);
void api_params_map(json_t *plan, api_param_visit visit, void *user);
/* Parameters of a plan with their values, as canonical texts: values are checked by type, lists become lists of scalar parameters name__1, name__2 … */
struct api_bound {
    struct arena *arena;
    json_t *plan;   /* with lists spread; the caller may change it further */
    json_t *values; /* {name: canonical text or null} of the scalar parameters in plan */
    json_t *types;  /* {name: type} */
};
enum err_code api_params_bind(const struct api_plan *plan, const json_t *given, bool show_values, struct api_bound *ret, struct err *err) WARN_UNUSED;
/* Parameters replaced by their values as typed literals: for a run's identity. */
enum err_code api_params_close(struct api_bound *bound, struct err *err) WARN_UNUSED;
/* The engine's values of names, from arena. */
enum err_code api_params_values(const struct api_bound *bound, const char *const *names, size_t count, const struct engine_value **ret, struct err *err) WARN_UNUSED;
void api_bound_done(struct api_bound *bound);
AUTO_DEFINE(struct api_bound, api_bound_done)
/* plan_check.c: problems of the plan's scans on a version, [{node, table, column, expected, found, nearest, words}]. adapt: scans in it (a plan's JSON) whose types are
 * narrower in the version are given a cast, and scans of runs their run id as identity; NULL: only look. */
enum err_code api_plan_problems(struct api *api, struct store_version *version, const json_t *runs, const json_t *plan, json_t *adapt, json_t **ret, struct err *err) WARN_UNUSED;
/* Checks a user's statement and opens an engine with what it reads attached and everything else out of reach. writable: a file that the caller
 * will COPY to, or NULL. */
enum err_code api_query_prepare(struct api *api, struct store_version *version, const char *sql, const struct api_query_marts *marts, const char *writable, struct engine **ret, struct err *err) WARN_UNUSED;
/* The engine result of a query, now the caller's; its engine stays with rows. */
struct engine_result *api_rows_take_result(struct api_rows *rows);
/* Are the files outside the store that the rows came from still what they were? For the end of a stream. */
enum err_code api_rows_still(struct api_rows *rows, struct err *err) WARN_UNUSED;
/* Told by the Arrow stream: rows given, the end, a failure. */
void api_rows_streamed(struct api_rows *rows, int64_t count, bool at_end, bool failed);
/* Order-independent hash of the rows read so far, hex. */
void api_rows_content(const struct api_rows *rows, char ret[API_CONTENT_BYTES]);
/* Push these tables (none = all): what api_push and `mart build --engine` share. */
enum err_code api_push_tables(struct api *api, struct store_version *version, const struct profile *profile, const char *url, const char *const *tables, size_t count, json_t **ret, struct err *err) WARN_UNUSED;
int64_t api_elapsed_ms(int64_t started_us);
/* import_server.c: an export's files into staging/server (ret_folder), with since the current version's resources before them. *ret: what the input
 * in the manifest says of it {transaction_time, group?, types?, since?, problems}. */
enum err_code api_import_fetch(struct api *api, const struct api_import_options *options, const char *dataset, const char *staging, char ret_folder[FILE_PATH_BYTES], json_t **ret, struct err *err) WARN_UNUSED;
/* import_views.c: rows of a dataset's views (built-in ones where it has none of its own) into staging/views (ret_folder), a file each. *ret: what the input says
 * of it {kind, dataset, version}. overrides gets of each table which columns are texts. ERR_INPUT: none has rows. */
enum err_code api_import_views(struct api *api, const struct api_import_options *import, const char *staging, char ret_folder[FILE_PATH_BYTES], json_t *overrides, json_t **ret, struct err *err) WARN_UNUSED;
/* A resource's text on one line (a line end in it is a blank between members: within a text it is escaped), and options of a COPY that writes it as it is: a
 * delimiter that no JSON holds, no quotes. */
#define API_RESOURCE_LINE "translate(CAST(resource AS VARCHAR), chr(10) || chr(13), '  ')"
#define API_RESOURCE_COPY "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
/* Write a table's resources as NDJSON, one a line, the bytes as they are. */
enum err_code api_write_resources(struct engine *engine, const char *table, const char *path, int64_t *ret_rows, struct err *err) WARN_UNUSED;
/* fhir_check.c: is it a table of FHIR resources (docs/FHIR.md)? */
bool api_holds_resources(const struct data_schema *schema);
/* Appends {name, type} to a list of columns; the new object, borrowed, for what else is known of it; NULL: no memory (ok is false then). */
json_t *api_push_column(json_t *columns, const char *name, struct data_type type, bool *ok);
/* "My Study (2).zip" → my_study_2 */
void api_name_from_path(const char *path, char ret[STORE_LIMIT_NAME_BYTES + 1]);
/* The options' words as the store takes them: [{name, type?}] and {TABLE: "a,b"}; NULL where nothing was said. New references. */
enum err_code api_place_words(const struct api_place_options *place, json_t **ret_keys, json_t **ret_orders, struct err *err) WARN_UNUSED;
/* views_changes.c: after an import, what changed for the dataset's materialised views, so that a refresh need not look for it. A failure is a warning. */
void api_changes_note(struct api *api, const char *dataset);
/* history.c: an entry by its number, a new reference. ERR_NOT_FOUND. */
enum err_code api_history_entry(struct api *api, const char *dataset, int64_t seq, json_t **ret, struct err *err) WARN_UNUSED;
/* question_index.c: after an import, the index that questions need, so that the first one need not make it; what did not change since parent (NULL: none) is taken
 * over. A failure is a warning. */
void api_question_index_note(struct api *api, const char *dataset, const char *version, const char *parent, int64_t *ret_ms);
/* Which program this is (its build id); false: it has none. */
bool api_build_id(struct buf *ret);
/* ---- mart_memo.c: answers of mart builds, kept by request ---- */
/* False: this request has no key (forced, a version given, a program without build id). Cheap: reads CURRENT and dataset.json. */
bool api_memo_key(struct api *api, const struct api_mart_options *options, char ret[HASH_HEX_BYTES]);
/* The kept answer, if the mart's files are still those it was made with; new reference. */
bool api_memo_find(struct api *api, const char *dataset, const char key[HASH_HEX_BYTES], json_t **ret);
void api_memo_keep(struct api *api, const char *dataset, const char key[HASH_HEX_BYTES], const json_t *answer);

#endif
