/* The cohort layer's door: feasibility criteria in, counts out.
 *
 *     text or JSON ──read──▶ criteria ──resolve (views, value sets, texts)──▶ question ─┬─▶ plan
 * over the views ──run──▶ counts └─▶ bitmap index ─────────────▶ counts
 *
 * A criterion is a set of patients: those of whom it is certain. `not` is the complement within the
 * patients' view. The plan is what a question means; the index is another way to the same numbers,
 * and answers only what it answers exactly (cohort_index_why_not). docs/COHORT.md has the grammar,
 * the JSON forms and the rules for partial dates, units and texts. Dates are days since 1970-01-01.
 */
#ifndef MARROW_COHORT_COHORT_H
#define MARROW_COHORT_COHORT_H

#include "engine/engine.h"
#include "plan/plan.h"

#define COHORT_LIMIT_TEXT_BYTES (1 << 20) /* of criteria, as text or JSON */
#define COHORT_LIMIT_DEPTH 64             /* criteria within one another */
#define COHORT_LIMIT_NODES 2000
#define COHORT_LIMIT_CODES 100000 /* of one criterion, value sets included */
#define COHORT_LIMIT_VALUES                                                                        \
    5000 /* codes or texts that one column is compared with, after those that do not occur are     \
            left out */
#define COHORT_LIMIT_FILE_BYTES (64 << 20) /* of a value set */

/* ---- criteria ----------------------------------------------------------------------------------
 */

struct cohort_criteria; /* immutable once read: any thread */
/* JSON where the first character that is no blank is '{', else the short text form. source names it
 * in errors: "criteria", a file. ERR_INPUT, with line and column of a text, or the path within the
 * JSON; ERR_LIMIT. No engine, no file. */
enum err_code cohort_criteria_read(struct str text, const char *source,
                                   struct cohort_criteria **ret, struct err *err) WARN_UNUSED;
enum err_code cohort_criteria_from_json(const json_t *json, const char *source,
                                        struct cohort_criteria **ret, struct err *err) WARN_UNUSED;
void cohort_criteria_free(struct cohort_criteria *criteria);
AUTO_DEFINE(struct cohort_criteria, cohort_criteria_free)
/* The reading in the short text form, and as JSON: read again, each gives the same criteria. */
enum err_code cohort_criteria_print(const struct cohort_criteria *criteria, struct buf *ret,
                                    struct err *err) WARN_UNUSED;
enum err_code cohort_criteria_to_json(const struct cohort_criteria *criteria, json_t **ret,
                                      struct err *err) WARN_UNUSED;
/* The steps of the attrition: the members of the outermost `all`, else the whole. */
size_t cohort_step_count(const struct cohort_criteria *criteria);
enum err_code cohort_step_print(const struct cohort_criteria *criteria, size_t step,
                                struct buf *ret, struct err *err) WARN_UNUSED;

/* ---- views -------------------------------------------------------------------------------------
 */

/* Which tables hold what (view.def, or declared as JSON: docs/COHORT.md). */
struct cohort_views;
/* declared: {"patients": {…}?, "views": [{…}]}, or NULL: the built-in views. The result owns all
 * that it needs. */
enum err_code cohort_views_new(const json_t *declared, const char *source,
                               struct cohort_views **ret, struct err *err) WARN_UNUSED;
void cohort_views_free(struct cohort_views *views);
AUTO_DEFINE(struct cohort_views, cohort_views_free)
/* What a table of that name is. Borrowed until the views are bound; schema NULL: there is none. */
struct cohort_table {
    const struct data_schema *schema;
    const char *identity; /* content hash, or id of the run that it is */
    bool one_row_each;    /* the patient column is known to be unique and never null */
    const char *name;     /* under which plans read it; NULL: the name asked for */
};
struct cohort_binding {
    enum err_code (*table)(void *user, const char *name, const char *patient_column,
                           struct cohort_table *ret, struct err *err);
    void *user;
};
/* Look up each table and keep the columns that are there. ERR_NOT_FOUND: there is no patients'
 * table, or a declared one is missing. */
enum err_code cohort_views_bind(struct cohort_views *views, const struct cohort_binding *binding,
                                struct err *err) WARN_UNUSED;
/* What the bound views are, in hexadecimal digits: the same for the same tables, contents and columns. ret: at least 33 bytes. */
void cohort_views_identity(const struct cohort_views *views, char *ret);
/* The tables that were found: name and identity; NULL past the end. */
const char *cohort_views_table(const struct cohort_views *views, size_t idx,
                               const char **ret_identity);

/* ---- a question: criteria over views ------------------------------------------------------------
 */

/* The distinct values of a text column that are not null, in any order. */
struct cohort_lister {
    enum err_code (*list)(void *user, const char *table, const char *column,
                          void (*each)(void *to, struct str value), void *to, struct err *err);
    void *user;
};
struct cohort_question; /* borrows criteria and views */
/* Reads value sets (paths relative to folder; NULL: none may be read), and finds the texts and
 * codes that are meant among those that occur. as_of_day: the day at which ages are counted.
 * ERR_NOT_FOUND: a criterion needs a view or column that is not there; the message names it. */
enum err_code cohort_question_new(const struct cohort_criteria *criteria,
                                  const struct cohort_views *views, const char *folder,
                                  int64_t as_of_day, const struct cohort_lister *lister,
                                  struct cohort_question **ret, struct err *err) WARN_UNUSED;
void cohort_question_free(struct cohort_question *question);
AUTO_DEFINE(struct cohort_question, cohort_question_free)
/* What a person should know: [{code, message}]: texts found, texts and codes that nothing has.
 * Borrowed. */
const json_t *cohort_question_notes(const struct cohort_question *question);
/* One row a step, in order: step (bigint, 0 = all patients), patients (bigint: who is left after
 * it). */
enum err_code cohort_plan_attrition(struct plan *plan, const struct cohort_question *question,
                                    const struct plan_rel **ret, struct err *err) WARN_UNUSED;
/* The patients who are left: patient_id (text), each once. */
enum err_code cohort_plan_patients(struct plan *plan, const struct cohort_question *question,
                                   const struct plan_rel **ret, struct err *err) WARN_UNUSED;
/* Rows of the criteria's value thresholds left out for their unit, one row a threshold that has
 * some: criterion (text), unit (text), rows (bigint). *ret NULL: no threshold asks for it. */
enum err_code cohort_plan_other_units(struct plan *plan, const struct cohort_question *question,
                                      const struct plan_rel **ret, struct err *err) WARN_UNUSED;

/* How many rows of that view, which may name by reference what they are of, have no code, their own or looked up: rows
 * (bigint), one row. *ret NULL: it is no such view. */
enum err_code cohort_plan_uncoded(struct plan *plan, const struct cohort_views *views,
                                  const char *table, const struct plan_rel **ret,
                                  struct err *err) WARN_UNUSED;

/* ---- the bitmap index ---------------------------------------------------------------------------
 */

#define COHORT_INDEX_FORMAT 2
#define COHORT_INDEX_FILE "cohort.index"
/* Write the index of the bound views' tables, which the engine can read under their names, as a new
 * file. The same content: the same bytes. */
enum err_code cohort_index_build(struct engine *engine, const struct cohort_views *views,
                                 const char *path, json_t **ret_about, struct err *err) WARN_UNUSED;
struct cohort_index; /* memory-mapped; borrows views; one thread at a time */
/* ERR_INTEGRITY: the bytes are not what was written. ERR_NOT_FOUND: it was built of other views
 * than these. ERR_UNSUPPORTED: another format. */
enum err_code cohort_index_open(const char *path, const struct cohort_views *views,
                                struct cohort_index **ret, struct err *err) WARN_UNUSED;
void cohort_index_close(struct cohort_index *index);
AUTO_DEFINE(struct cohort_index, cohort_index_close)
int64_t cohort_index_patients(const struct cohort_index *index);
/* The lister of the index: texts and codes that occur, without an engine. Valid as long as the
 * index is open. */
struct cohort_lister cohort_index_lister(struct cohort_index *index);
/* Why the index can't answer exactly, in words; NULL: it can. */
const char *cohort_index_why_not(const struct cohort_question *question);
/* Patients left after each step: ret[0] all, ret[1] … ret[cohort_step_count]. The question's views
 * must be those that it was built of. */
enum err_code cohort_index_count(struct cohort_index *index, const struct cohort_question *question,
                                 int64_t *ret, struct err *err) WARN_UNUSED;

/* ---- small cells --------------------------------------------------------------------------------
 */

/* Which counts of an attrition (counts[0] all patients, each at most the one before) must be hidden
 * so that no number from 1 to least - 1 can be derived: neither a count, nor the difference of two
 * counts. What is shown of them never narrows a hidden number to one value. */
void cohort_suppress(const int64_t *counts, size_t count, int64_t least, bool *ret_hidden);

#endif
