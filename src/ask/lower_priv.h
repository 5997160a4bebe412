/* What the files that lower share: rows of a table with what was joined to them, and expressions over them. */
#ifndef MARROW_ASK_LOWER_PRIV_H
#define MARROW_ASK_LOWER_PRIV_H

#include "ask/ask_priv.h"

#define ASK_JOINS 24
struct ask_rows { /* a table's rows; n:1 joins add columns, never rows */
    const struct ask_catalogue *catalogue;
    struct plan *plan;
    const struct plan_rel *rel;
    size_t table;
    struct {
        size_t from; /* join it hangs on, or ASK_NONE: the table itself */
        struct ask_step step;
    } joins[ASK_JOINS];
    size_t join_count;
    size_t rank_count; /* columns of ranks made so far */
    bool has_time; /* in place of the table's time */
    struct ask_attr time;
    bool undated; /* a condition on time that has no time to go by */
    bool failed; /* more joins than ASK_JOINS */
    bool whole;  /* of a share: conditions of its numerator are left out */
};
void ask_rows_scan(struct ask_rows *rows, const struct ask_catalogue *catalogue, struct plan *plan, size_t table);
/* Joins what the attribute needs; the column's name in rows->rel. */
const char *ask_rows_need(struct ask_rows *rows, const struct ask_attr *attr);
/* The attribute's value; derived ones too (age at the row's time, length of stay in days). */
const struct plan_expr *ask_rows_value(struct ask_rows *rows, const struct ask_attr *attr);
/* The entity's key, and when the row happened; NULL: there is no way to it. */
const struct plan_expr *ask_rows_key(struct ask_rows *rows, enum ask_entity_kind kind);
const struct plan_expr *ask_rows_time(struct ask_rows *rows);
const struct plan_expr *ask_plan_number(struct plan *plan, struct data_type type, double number);
const struct plan_expr *ask_plan_day(struct plan *plan, struct data_type type, int64_t day);
const struct plan_expr *ask_plan_and(struct plan *plan, const struct plan_expr *a, const struct plan_expr *b);
/* Rows that meet the event's own conditions. */
void ask_rows_filter(struct ask_rows *rows, const struct ask_event *event);
/* … and those of the filters and of the events that it is timed against. */
void ask_rows_of_event(const struct ask_reading *reading, size_t event, struct ask_rows *rows);
void ask_rows_pick(struct ask_rows *rows, enum ask_pick pick, enum ask_entity_kind kind);

/* Of a share: are the columns recorded that its numerator's conditions are on? NULL: nothing can be missing. */
const struct plan_expr *ask_rows_known(const struct ask_reading *reading, struct ask_rows *rows);
/* Rows of the target that meet every filter. */
void ask_rows_filtered(const struct ask_reading *reading, struct ask_rows *rows);
/* The rows of each patient's first time, of the last that is later, or nearest to a span after it (lower_statistics.c). */
void ask_rows_moment(struct ask_rows *rows, const struct ask_event *event);
/* lower_statistics.c: rows → the analysis rows of a statistical question. */
const struct plan_rel *ask_lower_statistics(const struct ask_reading *reading, struct ask_rows *rows);
/* Rows of an entity's table that meet the filters. */
void ask_rows_entities(const struct ask_reading *reading, enum ask_entity_kind kind, struct ask_rows *rows);
/* lower_counts.c: how many of the target's rows each entity has, over entities (which it scans). */
const struct plan_expr *ask_rows_counts(const struct ask_reading *reading, struct ask_rows *rows, struct ask_rows *entities);
/* The count, once more, over what was joined to the entities since. */
const struct plan_expr *ask_counts_value(struct plan *plan, const struct plan_rel *rel);
/* lower_shape.c: rows → what the intent asks for. */
const struct plan_rel *ask_lower_shape(const struct ask_reading *reading, struct ask_rows *rows);

#endif
