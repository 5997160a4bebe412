/* The fhir layer's door: SQL on FHIR. A ViewDefinition is read and validated once; two back ends run it from one checked tree:
 *
 *     view.json ─ fhir_view_read ─▶ struct fhir_view ─┬─ fhir_program ─▶ resources (JSON texts) in, batches of rows out: one parse for all views
 *                                                     └─ fhir_view_lower ─▶ plan over the table of resources: SQL for any engine, the view's identity
 *
 * Follows https://sql-on-fhir.org/ig (2.0.0) and hl7.fhir.uv.sql-on-fhir 3.0.0-ballot; corners in docs/FHIR.md. Knows no engine and no store. */
#ifndef MARROW_FHIR_FHIR_H
#define MARROW_FHIR_FHIR_H

#include "plan/plan.h"

#define FHIR_LIMIT_COLUMNS 2000        /* of a view */
#define FHIR_LIMIT_SELECT_DEPTH 32     /* selects within one another */
#define FHIR_LIMIT_REPEAT_DEPTH 256    /* native: elements below one another that a repeat follows; deeper → ERR_LIMIT */
#define FHIR_LIMIT_REPEAT_LOWERED 8    /* lowered: the depth to which a repeat is unrolled; deeper data → an error when run */
#define FHIR_LIMIT_ROWS_PER_RESOURCE 1000000

/* ---- views -------------------------------------------------------------------------------------- */

struct fhir_view;
struct fhir_view_column {
    const char *name;
    const char *fhir_type; /* "string", "decimal", "Quantity"; "" = not known */
    const char *ansi_type; /* the tag ansi/type, or NULL */
    const char *description;
    bool collection;
    struct data_type type; /* of the rows: BOOLEAN, BIGINT, TEXT (FHIR's lexical form; decimals and times too), JSON (a collection, a structure, or
                            * not known), or what ansi/type says (DATE, TIMESTAMP, DOUBLE, DECIMAL …) */
};
/* Read and validate. source names the document in errors; every error has the path in the view (select[0].column[2].path), and within an expression the
 * column and what was expected. ERR_INPUT, ERR_LIMIT. Thread-safe; the view is immutable. definition is kept. */
enum err_code fhir_view_read(const json_t *definition, const char *source, struct fhir_view **ret, struct err *err) WARN_UNUSED;
void fhir_view_free(struct fhir_view *view);
AUTO_DEFINE(struct fhir_view, fhir_view_free)
const char *fhir_view_name(const struct fhir_view *view);     /* "" where it has none */
const char *fhir_view_url(const struct fhir_view *view);      /* or "" */
const char *fhir_view_resource(const struct fhir_view *view); /* "Patient" */
size_t fhir_view_column_count(const struct fhir_view *view);
const struct fhir_view_column *fhir_view_column(const struct fhir_view *view, size_t idx);
const json_t *fhir_view_definition(const struct fhir_view *view); /* as given; borrowed */
/* One row for each resource, whatever the data: nothing in it iterates or unites (a where may drop the row). */
bool fhir_view_one_row(const struct fhir_view *view);
const json_t *fhir_view_notes(const struct fhir_view *view);  /* [{code, message, path}], borrowed */
/* The columns as a schema (names, types, descriptions as labels). Caller data_schema_done()s. */
enum err_code fhir_view_schema(const struct fhir_view *view, struct data_schema *ret, struct err *err) WARN_UNUSED;

/* The views that come with Marrow (src/fhir/views), sorted by name. */
struct fhir_builtin {
    const char *name, *json; /* the ViewDefinition's text */
};
const struct fhir_builtin *fhir_builtin_views(size_t *ret_count);

/* Parse text as a path evaluated on a resource of that type (NULL: any), and write its tree, then a line of what is known of its result:
 * "type: HumanName, many". For checking a path by itself. Errors as fhir_view_read's; detail is the expression with ^^^ under the span. */
enum err_code fhir_path_explain(const char *resource, struct str text, struct buf *ret, struct err *err) WARN_UNUSED;

/* ---- native evaluation -------------------------------------------------------------------------- */

enum fhir_on_error { FHIR_FAIL, FHIR_NULL /* a cell that breaks its column's rule is null, and counted */ };
/* Part of the hint of every error that FHIR_NULL would not have raised. */
#define FHIR_HINT_NULL "--on-error null makes such values null, and counts them"
struct fhir_program_options {
    enum fhir_on_error on_error;
    bool resource_id; /* a first column `marrow_resource` (text): the resource's id, for refreshing */
    bool same_type;   /* every resource handed over is of the views' type; else others are passed over */
};
/* Several views of one resource type, compiled into one pass: one field tree, one parse. Immutable, any thread. Views must outlive it. */
struct fhir_program;
enum err_code fhir_program_new(const struct fhir_view *const *views, size_t count, const struct fhir_program_options *options, struct fhir_program **ret, struct err *err) WARN_UNUSED;
void fhir_program_free(struct fhir_program *program);
AUTO_DEFINE(struct fhir_program, fhir_program_free)
size_t fhir_program_view_count(const struct fhir_program *program);
/* Schema of view idx's batches (with marrow_resource where asked for). Borrowed; NULL past the last view. */
const struct data_schema *fhir_program_schema(const struct fhir_program *program, size_t idx);

/* Where rows go: called when a view's batch is full, and by fhir_worker_finish. The batch is borrowed for the call. */
struct fhir_sink {
    enum err_code (*batch)(void *user, size_t view_idx, const struct data_batch *batch, struct err *err);
    void *user;
    /* FHIR_NULL made that many cells of the resource's rows null, the first in column. id: empty where it has none; column lasts as long as the program. May be NULL. */
    void (*nulled)(void *user, size_t view_idx, struct str id, const char *column, int64_t cells);
};
struct fhir_counts {
    int64_t resources, passed_over; /* read; of another type */
    int64_t nulled;                 /* cells that FHIR_NULL made null */
};
/* One thread's evaluator: reader, arena, batches being filled. */
struct fhir_worker;
enum err_code fhir_worker_new(const struct fhir_program *program, const struct fhir_sink *sink, struct fhir_worker **ret, struct err *err) WARN_UNUSED;
void fhir_worker_free(struct fhir_worker *worker);
AUTO_DEFINE(struct fhir_worker, fhir_worker_free)
/* Evaluate resources. padded: see json_bulk_read. A resource that is no JSON, or that breaks a view's rule: ERR_INPUT with the resource's type and id (never
 * another value), view and column. Rows of a resource come whole or, on error, not at all. */
enum err_code fhir_worker_run(struct fhir_worker *worker, const struct str *resources, size_t count, bool padded, struct err *err) WARN_UNUSED;
/* Evaluate a text of many resources, one a line (NDJSON); blank lines are passed over. An error has the line in text (err->line). Texts lie in text
 * as long as the call lasts; before it returns all batches are handed on (of fhir_worker_run too). */
enum err_code fhir_worker_run_lines(struct fhir_worker *worker, struct str text, bool padded, struct err *err) WARN_UNUSED;
enum err_code fhir_worker_finish(struct fhir_worker *worker, struct fhir_counts *ret, struct err *err) WARN_UNUSED;

/* ---- lowering ----------------------------------------------------------------------------------- */

/* The view as a plan over a table of resources that has a column `resource` (json) and a column `id` (text): named as the resource type unless table says otherwise.
 * Output: the view's columns (and marrow_resource first, where asked for), of the types of fhir_view_column. Same rows as the native evaluation. ERR_UNSUPPORTED:
 * an expression that has no lowering (docs/FHIR.md lists them), with its place. */
enum err_code fhir_view_lower(const struct fhir_view *view, struct plan *plan, const char *table, const char *table_identity, bool resource_id,
                              const struct plan_rel **ret, struct err *err) WARN_UNUSED;

/* ---- libraries of SQL --------------------------------------------------------------------------- */

#define FHIR_LIMIT_LIBRARY_SQL_BYTES (1 << 20)
#define FHIR_LIMIT_LIBRARY_PARAMETERS 100
#define FHIR_LIMIT_LIBRARY_DEPENDENCIES 100
#define FHIR_LIMIT_LIBRARY_DEPTH 32 /* SQLViews that read one another */

/* A FHIR Library of the profile SQLQuery or SQLView: one SQL statement over tables that are views (ViewDefinitions, SQLViews), named by labels. */
struct fhir_library_parameter {
    const char *name, *fhir_type;
    bool required;         /* min is not 0 */
    struct data_type type; /* it is bound as: BOOLEAN, BIGINT, DOUBLE (decimal), TEXT (FHIR's lexical form: dates and times too, as in the views' columns) */
};
struct fhir_library_dependency {
    const char *label;     /* the table's name in the SQL */
    const char *canonical; /* of a ViewDefinition or SQLView: "http://…/ViewDefinition/x", "…|1.0", "#contained" */
};
struct fhir_library;
bool fhir_is_library(const json_t *definition);
/* Read and validate; of several texts the one for dialect stands (application/sql;dialect=duckdb), else the one without a dialect. ERR_INPUT, ERR_LIMIT, with
 * the path in the Library. Immutable; definition is kept. */
enum err_code fhir_library_read(const json_t *definition, const char *source, const char *dialect, struct fhir_library **ret, struct err *err) WARN_UNUSED;
void fhir_library_free(struct fhir_library *library);
AUTO_DEFINE(struct fhir_library, fhir_library_free)
bool fhir_library_is_view(const struct fhir_library *library); /* SQLView; else SQLQuery */
const char *fhir_library_name(const struct fhir_library *library); /* or "" */
const char *fhir_library_url(const struct fhir_library *library);  /* or "" */
const json_t *fhir_library_definition(const struct fhir_library *library);
/* The statement, without a ';' at its end; each :name stands as $1, $2 … by the order of the parameters, for values that are bound. Not yet parsed by an engine. */
const char *fhir_library_sql(const struct fhir_library *library);
size_t fhir_library_parameter_count(const struct fhir_library *library);
const struct fhir_library_parameter *fhir_library_parameter(const struct fhir_library *library, size_t idx);
size_t fhir_library_dependency_count(const struct fhir_library *library);
const struct fhir_library_dependency *fhir_library_dependency(const struct fhir_library *library, size_t idx);
const json_t *fhir_library_notes(const struct fhir_library *library); /* [{code, message, path}], borrowed */
/* Is text a value of the parameter's FHIR type? ERR_INPUT says what was expected; the value itself is not shown. */
enum err_code fhir_library_value_check(const struct fhir_library_parameter *parameter, struct str text, struct err *err) WARN_UNUSED;

/* ---- Bulk Data ---------------------------------------------------------------------------------- */

#define FHIR_BULK_FILES_AT_ONCE 4
#define FHIR_BULK_LIMIT_FILES 100000 /* of one export */

/* An export from a server that follows the Bulk Data Access IG (hl7.fhir.uv.bulkdata): kick-off, polling, files. */
struct fhir_bulk_options {
    const char *url;       /* base: "https://host/fhir"; $export, or Group/ID/$export, is put behind it */
    const char *group;     /* id; NULL: the whole system */
    const char *types;     /* "Patient,Condition"; NULL: all */
    const char *since;     /* instant; NULL: everything */
    const char *token;     /* bearer; sent to the server itself, and for files where the manifest asks for it; NULL: none */
    const char *directory; /* where the files go: exists, empty */
    const struct progress *progress;
};
/* *ret: {transaction_time, files:[{path, type, kind: output|deleted, bytes, resources}], problems: lines of the server's error files}. The job is deleted on the server at the end, also after a failure or an interrupt. Errors: ERR_IO, ERR_TIMEOUT, ERR_INPUT (no FHIR: a web page, a manifest that is none,
 * fewer resources than promised), ERR_NOT_FOUND, ERR_USAGE (no URL; refused: 401, 403), ERR_INTERRUPTED; they name the host. */
enum err_code fhir_bulk_export(const struct fhir_bulk_options *options, json_t **ret, struct err *err) WARN_UNUSED;

#endif
