/* What the files that write plans share. */
#ifndef MARROW_COHORT_PLAN_PRIV_H
#define MARROW_COHORT_PLAN_PRIV_H

#include "cohort/views_priv.h"

/* Columns of the relations that a cohort's plan is made of. */
#define COL_PATIENT "patient_id"
#define COL_GENDER "gender"         /* lower case */
#define COL_BORN_FIRST "born_first" /* a partial date's first and last day */
#define COL_BORN_LAST "born_last"
#define COL_DECEASED "deceased" /* never null */
#define COL_FIRST "first_day"   /* of an event */
#define COL_LAST "last_day"

struct cohort_writer {
    struct plan *plan;
    const struct cohort_question *question;
    const struct plan_rel *patients; /* one row each */
};
/* An expression of a column as text; as the first or last day that a date column can mean. */
const struct plan_expr *cohort_text_expr(struct plan *plan, const struct plan_rel *rel,
                                         const struct cohort_column *column);
/* A view's rows, with the columns that it uses; those that a row lacks are taken from where it looks them up. */
const struct plan_rel *cohort_view_rel(struct plan *plan, const struct cohort_view *view);
/* A code column's, "=CODE" too. */
const struct plan_expr *cohort_code_expr(struct plan *plan, const struct plan_rel *rel, const struct cohort_view *view, const char *name);
const struct plan_expr *cohort_day_expr(struct plan *plan, const struct plan_rel *rel,
                                        const struct cohort_column *column, bool last);
/* The first or last day of a view's rows: of its first date that is there. NULL day where it has no dates at all. */
const struct plan_expr *cohort_view_day(struct plan *plan, const struct plan_rel *rel, const struct cohort_view *view, bool last);
const struct plan_expr *cohort_day_literal(struct plan *plan, int64_t day);
const struct plan_expr *cohort_call2(struct plan *plan, const char *function,
                                     const struct plan_expr *a, const struct plan_expr *b);
/* AND of count expressions; none: NULL. */
const struct plan_expr *cohort_both(struct plan *plan, const struct plan_expr *const *parts,
                                    size_t count);
/* The patients' view with the columns above that it has: one row a patient, ids never null. */
const struct plan_rel *cohort_patients_rel(struct plan *plan, const struct cohort_views *views);
/* One row a patient. Where that needs work, it is done once; else each use reads the table itself: kept rows of all patients cost more. */
const struct plan_rel *cohort_patients_of(struct cohort_writer *writer);
/* Ids of the patients who have the event, perhaps several times each. */
const struct plan_rel *cohort_event_patients(struct cohort_writer *writer,
                                             const struct cohort_resolved *resolved);
/* Rows of the view that are meant by the event's codes, texts, category and status; NULL: none can
 * be. in_unit: and by its values. */
const struct plan_rel *cohort_event_rows(struct cohort_writer *writer,
                                         const struct cohort_resolved *resolved, size_t view,
                                         bool in_unit);

#endif
