/* What views, question, plan and index share: which columns of which tables serve criteria, and
 * what a question was resolved to. */
#ifndef MARROW_COHORT_VIEWS_PRIV_H
#define MARROW_COHORT_VIEWS_PRIV_H

#include "cohort/criteria_priv.h"

struct cohort_code_column {
    const char *name;   /* "=8480-6": no column, every row with a value has this code */
    const char *system; /* URI; NULL: any */
};
struct cohort_column { /* one that the table has */
    const char *name;
    struct data_type type;
};
/* A table in which a view's rows find what they lack (view.def). */
struct cohort_lookup {
    const char *table, *identity; /* table NULL: there is none, or not of these columns */
    const char *key, *other_key;
    struct data_schema schema; /* of the other table: its key and the columns */
};
/* A kind of criterion's table. Columns that are not there have name NULL. */
struct cohort_view {
    enum cohort_domain domain;
    const char *table, *identity;
    bool declared, bound;
    struct data_schema schema; /* the columns that are used, once bound */
    struct cohort_lookup lookup;
    bool by_reference; /* its rows may name by reference what they are of, whether or not there is such a table */
    const char *patient;
    struct cohort_code_column *codes;
    size_t code_count;
    struct cohort_column text, category, status, value, unit, comparator;
    struct cohort_column *dates; /* the first that is not null counts */
    size_t date_count;
    const char *names[8]; /* before it is bound: candidates, by enum cohort_view_name */
};
struct cohort_patients {
    const char *table, *identity;
    bool declared, one_row_each;
    struct data_schema schema;
    const char *patient;
    struct cohort_column gender, birth_date, deceased;
    const char *names[4];
};
struct cohort_views {
    struct arena *arena;
    struct cohort_patients patients;
    struct cohort_view *views;
    size_t count;
};
enum cohort_view_name {
    NAME_PATIENT,
    NAME_TEXT,
    NAME_DATES,
    NAME_CATEGORY,
    NAME_STATUS,
    NAME_VALUE,
    NAME_UNIT,
    NAME_COMPARATOR
};

/* An event's rows in one view: those with any of the values in their column. */
struct cohort_match {
    size_t view;
    const char *column;
    const char *const *values; /* each once, sorted bytewise */
    size_t value_count;
    const char *const *prefixes;
    size_t prefix_count;
};
/* An event, resolved: rows of the views that any match holds for; of all rows of the views where
 * the event asks for no code and no text. */
struct cohort_resolved {
    const struct cohort_event *event;
    bool *views; /* which views it is looked for in */
    bool all_rows, needs_dates;
    struct cohort_match *matches;
    size_t match_count;
};
struct cohort_question {
    const struct cohort_criteria *criteria;
    const struct cohort_views *views;
    int64_t as_of_day;
    struct arena *arena;
    struct cohort_resolved *events; /* by ordinal */
    json_t *notes;
};

/* The latest day on which one can be born to have had the age-th birthday by as_of_day (29
 * February: 1 March in other years). */
int64_t cohort_birth_day(int64_t as_of_day, int64_t age);
/* Birth days of those whose age in completed years lies in ages: [*ret_low, *ret_high], open ends
 * as COHORT_OPEN_…. */
void cohort_birth_days(int64_t as_of_day, const struct cohort_span *ages, int64_t *ret_low,
                       int64_t *ret_high);
/* The spellings of a gender in data, itself first. */
const char *const *cohort_gender_spellings(const char *gender, size_t *ret_count);

/* ---- value_set.c ---- */
/* Adds the codes of a FHIR ValueSet (JSON) or of a list (a code a line, or columns). path is for
 * errors too. */
enum err_code cohort_value_set_read(struct arena *arena, const char *path,
                                    struct cohort_list *codes, struct err *err) WARN_UNUSED;

#endif
