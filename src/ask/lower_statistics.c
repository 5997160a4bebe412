/* The analysis rows of a statistical question as a relational plan: one row for each unit, one
 * column for each variable, under the names that settle gave them.
 *
 *     base's rows ⋉ filters → the first of each patient
 *       ⟕ n:1 columns    ⟕ mean of an event's values by patient    ⟕ patients with an event
 *       → variables */
#include "ask/lower_priv.h"

#include <string.h>

typedef const struct plan_expr *E;
typedef const struct plan_rel *R;
#define ARGS(...) ((E[]){__VA_ARGS__})

/* The first row of each patient: by time, by the column that orders visits, by the key. */
static void first_each(const struct ask_reading *reading, struct ask_rows *rows)
{
    const struct ask_statistics *s = &reading->question.statistics;
    const struct ask_table *table = &rows->catalogue->tables[rows->table];
    const struct profile_key *key = &rows->catalogue->profile->tables[rows->table].primary_key;
    struct plan_order order[6];
    size_t count = 0;
    int by = table->time >= 0 ? table->time : s->order_column;
    E patient = ask_rows_key(rows, ASK_PATIENT);
    if (patient == NULL)
        return;
    rows->rel =
        plan_filter(rows->plan, rows->rel, plan_call(rows->plan, "is_not_null", 1, ARGS(patient)));
    if (by >= 0)
        order[count++] = (struct plan_order){
            plan_column(rows->plan, rows->rel, table->columns[by].name), false, false};
    for (size_t k = 0; k < key->count; k++)
        order[count++] = (struct plan_order){
            plan_column(rows->plan, rows->rel, table->columns[key->columns[k]].name), false, false};
    patient = ask_rows_key(rows, ASK_PATIENT);
    rows->rel = plan_dedupe(rows->plan, rows->rel, &patient, 1, order, count);
}

/* A column of its own that tells each patient's least (or greatest) of a value. */
static void add_extreme(struct ask_rows *rows, const char *function, E value, const char *name)
{
    struct plan *plan = rows->plan;
    E entity = ask_rows_key(rows, ASK_PATIENT);
    struct plan_named one = {name, plan_window_call(plan, function, 1, &value, &entity,
                                                    entity != NULL ? 1 : 0, NULL, 0, NULL)};
    rows->rel = plan_window(plan, rows->rel, &one, 1);
}

static void keep_where(struct ask_rows *rows, const char *function, E value, const char *column)
{
    E other = plan_column(rows->plan, rows->rel, column);
    rows->rel = plan_filter(rows->plan, rows->rel,
                            plan_call(rows->plan, function, 2, ARGS(value, other)));
}

/* Days from the patient's first time to the row's. */
static E days_since(struct ask_rows *rows, const struct ask_event *event, const char *first_name)
{
    struct plan *plan = rows->plan;
    E time = ask_rows_time(rows), first = plan_column(plan, rows->rel, first_name);
    if (time == NULL || first == NULL)
        return NULL;
    if (event->day_length > 0)
        return plan_call(plan, "mul", 2,
                         ARGS(plan_cast(plan, plan_call(plan, "sub", 2, ARGS(time, first)),
                                        DATA_TYPE(DOUBLE), false),
                              ask_plan_number(plan, DATA_TYPE(DOUBLE), event->day_length)));
    E days = plan_call(plan, "date_diff_days", 2,
                       ARGS(plan_cast(plan, time, DATA_TYPE(DATE), false),
                            plan_cast(plan, first, DATA_TYPE(DATE), false)));
    return plan_cast(plan, days, DATA_TYPE(DOUBLE), false);
}

static E distance(struct ask_rows *rows, const struct ask_event *event, const char *first_name)
{
    struct plan *plan = rows->plan;
    E days = days_since(rows, event, first_name);
    E after = ask_plan_number(plan, DATA_TYPE(DOUBLE), event->after);
    return plan_call(plan, "abs", 1, ARGS(plan_call(plan, "sub", 2, ARGS(days, after))));
}

void ask_rows_moment(struct ask_rows *rows, const struct ask_event *event)
{
    static const char first[] = "marrow_first_time", found[] = "marrow_moment";
    struct plan *plan = rows->plan;
    (void)ask_rows_key(rows, ASK_PATIENT); /* its joins first */
    E time = ask_rows_time(rows);
    rows->undated = rows->undated || time == NULL;
    if (time == NULL)
        return;
    rows->rel = plan_filter(plan, rows->rel, plan_call(plan, "is_not_null", 1, ARGS(time)));
    add_extreme(rows, "min", ask_rows_time(rows), first);
    keep_where(rows, event->pick == ASK_FIRST ? "eq" : "gt", ask_rows_time(rows), first);
    if (event->pick == ASK_FIRST)
        return;
    if (event->later) {
        add_extreme(rows, "max", ask_rows_time(rows), found);
        keep_where(rows, "eq", ask_rows_time(rows), found);
        return;
    }
    E near = ask_plan_number(plan, DATA_TYPE(DOUBLE), event->after * ASK_MOMENT_NEAR);
    rows->rel = plan_filter(plan, rows->rel,
                            plan_call(plan, "le", 2, ARGS(distance(rows, event, first), near)));
    add_extreme(rows, "min", distance(rows, event, first), found);
    keep_where(rows, "eq", distance(rows, event, first), found);
}

/* Rows of a variable's event as (entity[, value]), one for each patient; their columns are named
 * after the variable, so that several can be joined. */
static R event_values(const struct ask_reading *reading, struct plan *plan,
                      const struct ask_variable *v, const char *key_name, const char *value_name)
{
    struct ask_rows rows = {.plan = plan};
    bool mean = v->from == ASK_FROM_MEAN;
    ask_rows_of_event(reading, v->event, &rows);
    if (rows.undated || rows.failed)
        return NULL;
    (void)ask_rows_key(&rows, ASK_PATIENT); /* its join first */
    E value = mean ? ask_rows_value(&rows, &v->attr) : NULL;
    E key = ask_rows_key(&rows, ASK_PATIENT);
    struct plan_named group = {key_name, key};
    struct plan_named one = {
        value_name, mean ? plan_aggregate_call(plan, "mean", 1, ARGS(value), false, NULL)
                         : plan_aggregate_call(plan, "count_rows", 0, NULL, false, NULL)};
    R rel = plan_filter(plan, rows.rel, plan_call(plan, "is_not_null", 1, ARGS(key)));
    return plan_aggregate(plan, rel, &group, 1, &one, 1);
}

static void join_event(const struct ask_reading *reading, struct ask_rows *rows, size_t at,
                       const char *value_name)
{
    struct plan *plan = rows->plan;
    const struct ask_variable *v = &reading->question.statistics.variables[at];
    const char *key_name = arena_printf(plan_arena(plan), "marrow_of_%zu", at + 1);
    R values = event_values(reading, plan, v, key_name, value_name);
    E left = ask_rows_key(rows, ASK_PATIENT);
    E right = plan_column_right(plan, values, key_name);
    rows->rel = plan_join(plan, PLAN_JOIN_LEFT, rows->rel, values, &left, &right, 1, NULL);
}

/* A date of death is whether there is one; a code that stands for the event is compared. */
static E shown(struct plan *plan, const struct ask_variable *v, E value)
{
    if (value == NULL)
        return NULL;
    bool death = v->attr.derived == ASK_DEATH || v->attr.derived == ASK_HOSPITAL_DEATH;
    if (death && data_type_is_temporal(value->type))
        return plan_call(plan, "is_not_null", 1, ARGS(value));
    if (v->level != NULL)
        return plan_call(plan, v->level_none ? "ne" : "eq", 2,
                         ARGS(value, plan_literal_text(plan, v->level)));
    return value;
}

const struct plan_rel *ask_lower_statistics(const struct ask_reading *reading,
                                            struct ask_rows *rows)
{
    const struct ask_statistics *s = &reading->question.statistics;
    struct plan *plan = rows->plan;
    const char *names[ASK_VARIABLES] = {NULL};
    if (s->one_each)
        first_each(reading, rows);
    for (size_t i = 0; i < s->count; i++) /* joins first: expressions are over the last relation */
        if (s->variables[i].from == ASK_FROM_COLUMN) {
            (void)ask_rows_value(rows, &s->variables[i].attr);
        } else {
            names[i] = arena_printf(plan_arena(plan), "marrow_value_%zu", i + 1);
            join_event(reading, rows, i, names[i]);
        }
    struct plan_named *outputs = plan_named_array(plan, s->count + 1);
    if (outputs == NULL)
        return NULL;
    for (size_t i = 0; i < s->count; i++) {
        const struct ask_variable *v = &s->variables[i];
        E value = names[i] != NULL ? plan_column(plan, rows->rel, names[i])
                                   : ask_rows_value(rows, &v->attr);
        if (v->from == ASK_FROM_HAS)
            value = plan_call(plan, "is_not_null", 1, ARGS(value));
        outputs[i] = (struct plan_named){v->name, shown(plan, v, value)};
    }
    return plan_project(plan, rows->rel, outputs, s->count);
}
