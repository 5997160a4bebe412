/* One pass over resources for all views of a program: the place where the evaluator (fhir), the input (files, or a table of an engine) and
 * the engine that takes the rows meet. */
#ifndef MARROW_API_VIEW_PASS_H
#define MARROW_API_VIEW_PASS_H

#include "base/progress.h"
#include "engine/engine.h"
#include "fhir/fhir.h"

struct view_pass_source {
    const char *const *paths; /* plain NDJSON files; or */
    size_t path_count;
    struct engine *engine; /* an open embedded engine and a SELECT of one column, the resources' texts */
    const char *sql;
};
/* Rows of the program's view i into a new table schema.tables[i] of engine. All or nothing. nulled: an object for what FHIR_NULL made null, {tables[i]: as
 * views_nulled.c tells it}; NULL: nobody asks. */
enum err_code view_pass_tables(const struct view_pass_source *source, const struct fhir_program *program, struct engine *engine, const char *schema,
                               const char *const *tables, size_t threads, const struct progress *progress, json_t *nulled, struct fhir_counts *ret, struct err *err) WARN_UNUSED;
/* Rows handed over as text, in the order of the input, in flat memory: format is called in the workers, write in order. */
struct view_pass_writer {
    enum err_code (*format)(void *user, size_t view_idx, const struct data_schema *schema, const struct data_batch *batch, struct buf *out, struct err *err);
    enum err_code (*write)(void *user, struct str text, struct err *err);
    void *user;
};
enum err_code view_pass_stream(const struct view_pass_source *source, const struct fhir_program *program, const struct view_pass_writer *writer,
                               size_t threads, const struct progress *progress, struct fhir_counts *ret, struct err *err) WARN_UNUSED;

#endif
