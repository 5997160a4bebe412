/* Rows of a table, and what can be said about each of them. Every join here is n:1 along a relation
 * whose parent key is unique, so the rows stay as many as they were:
 *
 *     labs ⟕ lab_items (label) ⟕ admissions (admit_time) ⟕ patients (birth_date)
 *
 * Joined columns are called "parent__column", with an ordinal where a table comes twice. */
#include "ask/lower_priv.h"
#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef const struct plan_expr *E;

void ask_rows_scan(struct ask_rows *rows, const struct ask_catalogue *catalogue, struct plan *plan,
                   size_t table)
{
    const struct store_table *stored = catalogue->tables[table].stored;
    *rows = (struct ask_rows){.catalogue = catalogue, .plan = plan, .table = table};
    rows->rel = plan_scan_identified(plan, stored->name, stored->hash, &stored->schema);
}

static void alias_of(const struct ask_rows *rows, size_t join, char ret[96])
{
    const struct ask_table *parent = &rows->catalogue->tables[rows->joins[join].step.parent];
    (void)snprintf(ret, 96, "%.60s_%zu", parent->name, join + 1);
}

static const char *name_of(const struct ask_rows *rows, size_t join, size_t table, size_t column)
{
    char alias[96];
    const char *name = rows->catalogue->tables[table].columns[column].name;
    if (join == ASK_NONE)
        return name;
    alias_of(rows, join, alias);
    return arena_printf(plan_arena(rows->plan), "%s__%s", alias, name);
}

static bool same_step(const struct ask_step *a, const struct ask_step *b)
{
    return a->child == b->child && a->child_column == b->child_column && a->parent == b->parent &&
           a->parent_column == b->parent_column;
}

/* The join that takes step from where join `from` ended; made when it is not there. */
static size_t join_step(struct ask_rows *rows, size_t from, const struct ask_step *step)
{
    const struct ask_catalogue *c = rows->catalogue;
    for (size_t j = 0; j < rows->join_count; j++)
        if (rows->joins[j].from == from && same_step(&rows->joins[j].step, step))
            return j;
    if (rows->join_count == ASK_JOINS) {
        rows->failed = true;
        return 0;
    }
    size_t join = rows->join_count++;
    rows->joins[join].from = from;
    rows->joins[join].step = *step;
    const struct ask_table *parent = &c->tables[step->parent];
    const struct plan_rel *scan = plan_scan_identified(
        rows->plan, parent->name, parent->stored->hash, &parent->stored->schema);
    struct plan_named *outputs = plan_named_array(rows->plan, parent->column_count);
    for (size_t i = 0; outputs != NULL && i < parent->column_count; i++)
        outputs[i] = (struct plan_named){name_of(rows, join, step->parent, i),
                                         plan_column(rows->plan, scan, parent->columns[i].name)};
    const struct plan_rel *named = plan_project(rows->plan, scan, outputs, parent->column_count);
    E left =
        plan_column(rows->plan, rows->rel, name_of(rows, from, step->child, step->child_column));
    E right = plan_column_right(rows->plan, named,
                                name_of(rows, join, step->parent, step->parent_column));
    rows->rel = plan_join(rows->plan, PLAN_JOIN_LEFT, rows->rel, named, &left, &right, 1, NULL);
    return join;
}

const char *ask_rows_need(struct ask_rows *rows, const struct ask_attr *attr)
{
    size_t at = ASK_NONE;
    for (size_t s = 0; s < attr->path.count; s++)
        at = join_step(rows, at, &attr->path.steps[s]);
    return name_of(rows, at, ask_attr_table(attr), attr->column);
}

/* The labels of codes: CASE code WHEN 1 THEN 'male' …; a code without one is told as it is. */
static E labels_of(struct plan *plan, E code, const struct data_column *labelled)
{
    size_t count = labelled->value_label_count;
    E *args = arena_array(plan_arena(plan), count * 2 + 1, sizeof *args);
    E text = plan_cast(plan, code, DATA_TYPE(TEXT), false);
    for (size_t i = 0; args != NULL && i < count; i++) {
        args[i * 2] =
            plan_call(plan, "eq", 2,
                      (E[]){code, plan_literal(plan, code->type, labelled->value_labels[i].value)});
        args[i * 2 + 1] = plan_literal_text(plan, labelled->value_labels[i].label);
    }
    if (args == NULL)
        return NULL;
    args[count * 2] = text;
    return plan_case(plan, count * 2 + 1, args);
}

static E plain(struct ask_rows *rows, const struct ask_attr *attr)
{
    const char *name = ask_rows_need(rows, attr);
    const struct data_column *labelled = ask_attr_column(rows->catalogue, attr)->labelled;
    E value = plan_column(rows->plan, rows->rel, name);
    return labelled == NULL || value == NULL ? value : labels_of(rows->plan, value, labelled);
}

/* The day, or the day of a death before it. */
static E day_alive(struct ask_rows *rows, int64_t day)
{
    const struct ask_catalogue *c = rows->catalogue;
    size_t patients = c->entities[ASK_PATIENT].table;
    struct plan *plan = rows->plan;
    struct ask_attr death;
    E until = ask_plan_day(plan, DATA_TYPE(DATE), day);
    if (c->tables[patients].death < 0 ||
        !ask_attr_of(c, rows->table, patients, (size_t)c->tables[patients].death, &death))
        return until;
    E died = plan_cast(plan, plain(rows, &death), DATA_TYPE(DATE), false);
    E before = plan_call(plan, "lt", 2, (E[]){died, until});
    return plan_case(plan, 3, (E[]){before, died, until});
}

/* Completed years between birth and the row's time, of patients at their (first) admission, which
 * is joined by the caller; or and the attribute's day. */
static E age(struct ask_rows *rows, int64_t day)
{
    const struct ask_catalogue *c = rows->catalogue;
    const struct ask_entity *patient = &c->entities[ASK_PATIENT];
    struct ask_attr birth;
    if ((day == 0 && ask_rows_time(rows) == NULL) || !patient->known ||
        c->tables[patient->table].birth < 0 ||
        !ask_attr_of(c, rows->table, patient->table, (size_t)c->tables[patient->table].birth,
                     &birth))
        return NULL;
    (void)plain(rows, &birth); /* joined first: expressions are over the relation as it is then */
    E time = day != 0 ? day_alive(rows, day) : ask_rows_time(rows);
    E born = plain(rows, &birth);
    time = day != 0 ? day_alive(rows, day) : ask_rows_time(rows);
    return plan_call(rows->plan, "age_years", 2, (E[]){time, born});
}

static E length_of_stay(struct ask_rows *rows, const struct ask_attr *attr)
{
    const struct ask_table *table = &rows->catalogue->tables[ask_attr_table(attr)];
    struct ask_attr start = *attr, end = *attr;
    if (table->time < 0 || table->end_time < 0)
        return NULL;
    start.column = (size_t)table->time;
    end.column = (size_t)table->end_time;
    (void)ask_rows_need(rows, &start);
    E from = plain(rows, &start), to = plain(rows, &end);
    struct plan *plan = rows->plan;
    bool days = table->columns[table->time].type.kind == DATA_DATE;
    if (days)
        return plan_cast(plan, plan_call(plan, "date_diff_days", 2, (E[]){to, from}),
                         DATA_TYPE(DOUBLE), false);
    E seconds = plan_call(plan, "date_diff_seconds", 2, (E[]){to, from});
    return plan_call(plan, "div", 2,
                     (E[]){plan_cast(plan, seconds, DATA_TYPE(DOUBLE), false),
                           plan_literal(plan, DATA_TYPE(DOUBLE), "86400")});
}

/* Days from the row's time to death, or to the day on which the others were last known to live. */
static E follow_up(struct ask_rows *rows, const struct ask_attr *attr)
{
    const struct ask_catalogue *c = rows->catalogue;
    const struct ask_entity *patient = &c->entities[ASK_PATIENT];
    struct plan *plan = rows->plan;
    struct ask_attr death;
    if (!patient->known || c->tables[patient->table].death < 0 ||
        !ask_attr_of(c, rows->table, patient->table, (size_t)c->tables[patient->table].death,
                     &death))
        return NULL;
    (void)ask_rows_need(rows, attr);
    E died = plain(rows, &death), time = plain(rows, attr);
    if (died == NULL || time == NULL)
        return NULL;
    E last = ask_plan_day(plan, DATA_TYPE(DATE), attr->day);
    E end = plan_call(plan, "coalesce", 2,
                      (E[]){plan_cast(plan, died, DATA_TYPE(DATE), false), last});
    E days = plan_call(plan, "date_diff_days", 2,
                       (E[]){end, plan_cast(plan, time, DATA_TYPE(DATE), false)});
    return plan_cast(plan, days, DATA_TYPE(DOUBLE), false);
}

E ask_rows_value(struct ask_rows *rows, const struct ask_attr *attr)
{
    switch (attr->derived) {
    case ASK_PLAIN:
    case ASK_DEATH:
    case ASK_HOSPITAL_DEATH:
        return plain(rows, attr);
    case ASK_AGE:
        return age(rows, attr->day);
    case ASK_LENGTH_OF_STAY:
    case ASK_ICU_LENGTH:
        return length_of_stay(rows, attr);
    case ASK_FOLLOW_UP:
        return follow_up(rows, attr);
    }
    return NULL;
}

E ask_rows_key(struct ask_rows *rows, enum ask_entity_kind kind)
{
    const struct ask_table *table = &rows->catalogue->tables[rows->table];
    const struct ask_entity *entity = &rows->catalogue->entities[kind];
    struct ask_attr attr = {.table = rows->table};
    if (!table->reaches[kind] || entity->key < 0)
        return NULL;
    attr.path = table->route[kind];
    attr.column = (size_t)entity->key;
    if (attr.path.count > 0) { /* the last child column holds the key already */
        attr.column = attr.path.steps[attr.path.count - 1].child_column;
        attr.path.count--;
    }
    return plain(rows, &attr);
}

E ask_rows_time(struct ask_rows *rows)
{
    struct ask_attr attr;
    bool by_visit = false;
    if (rows->has_time)
        return plain(rows, &rows->time);
    return ask_time_of(rows->catalogue, rows->table, &attr, &by_visit) ? plain(rows, &attr) : NULL;
}

/* ---- literals
 * -------------------------------------------------------------------------------------- */

E ask_plan_number(struct plan *plan, struct data_type type, double number)
{
    char text[32];
    if (type.kind == DATA_BIGINT && number == floor(number) && fabs(number) < 1e15) {
        (void)snprintf(text, sizeof text, "%.0f", number);
        return plan_literal(plan, type, text);
    }
    return plan_literal(plan, DATA_TYPE(DOUBLE), str_from_double(number, text));
}

E ask_plan_day(struct plan *plan, struct data_type type, int64_t day)
{
    int64_t year;
    unsigned month, date;
    char text[48];
    clock_civil_from_days(day, &year, &month, &date);
    (void)snprintf(text, sizeof text, "%04" PRId64 "-%02u-%02u%s", year, month, date,
                   type.kind == DATA_DATE        ? ""
                   : type.kind == DATA_TIMESTAMP ? " 00:00:00"
                                                 : " 00:00:00+00");
    return plan_literal(plan, type, text);
}

E ask_plan_and(struct plan *plan, E a, E b)
{
    return a == NULL ? b : b == NULL ? a : plan_call(plan, "and", 2, (E[]){a, b});
}

/* ---- sources of values
 * ------------------------------------------------------------------------------- */

void ask_source_attr(const struct ask_catalogue *c, const struct ask_source *source,
                     struct ask_attr *ret)
{
    *ret = (struct ask_attr){.table = source->table, .column = source->column};
    if (source->edge != ASK_NONE) {
        ret->path.steps[ret->path.count++] = c->edges[source->edge];
        ret->column = source->label_column;
    }
}

enum err_code ask_source_plan(const struct ask_catalogue *catalogue, size_t source,
                              struct plan *plan, const struct plan_rel **ret, struct err *err)
{
    struct ask_rows rows;
    struct ask_attr attr;
    ask_rows_scan(&rows, catalogue, plan, catalogue->sources[source].table);
    ask_source_attr(catalogue, &catalogue->sources[source], &attr);
    (void)ask_rows_need(&rows, &attr);
    E key = ask_rows_key(&rows, ASK_PATIENT);
    E text = plain(&rows, &attr); /* over the relation as it is now */
    if (text != NULL && text->type.kind != DATA_TEXT)
        text = plan_cast(plan, text, DATA_TYPE(TEXT), false);
    struct plan_named outputs[2] = {{"value", text},
                                    {"patient", key}};
    const struct plan_rel *rel = plan_project(plan, rows.rel, outputs, key != NULL ? 2 : 1);
    rel = plan_filter(plan, rel,
                      plan_call(plan, "is_not_null", 1, (E[]){plan_column(plan, rel, "value")}));
    struct plan_named group = {"value", plan_column(plan, rel, "value")};
    struct plan_named counts[2] = {
        {"n", plan_aggregate_call(plan, "count_rows", 0, NULL, false, NULL)}};
    if (key != NULL)
        counts[1] = (struct plan_named){
            "patients", plan_aggregate_call(plan, "count_distinct", 1,
                                            (E[]){plan_column(plan, rel, "patient")}, false, NULL)};
    rel = plan_aggregate(plan, rel, &group, 1, counts, key != NULL ? 2 : 1);
    if (key == NULL) { /* a dictionary: whoever they are, they are counted as one */
        struct plan_named told[3] = {{"value", plan_column(plan, rel, "value")},
                                     {"n", plan_column(plan, rel, "n")},
                                     {"patients", plan_literal_int(plan, 1)}};
        rel = plan_project(plan, rel, told, 3);
    }
    struct plan_order order[2] = {{plan_column(plan, rel, "n"), true, false},
                                  {plan_column(plan, rel, "value"), false, false}};
    rel = plan_limit(plan, plan_sort(plan, rel, order, 2), ASK_LIMIT_VALUES, 0);
    *ret = rel;
    return plan_finish(plan, rel, err);
}

/* Of events only: a date of birth or a plan for the future is no "today". */
enum err_code ask_latest_plan(const struct ask_catalogue *catalogue, struct plan *plan,
                              const struct plan_rel **ret, struct err *err)
{
    const struct plan_rel *parts[64];
    size_t count = 0;
    *ret = NULL;
    for (size_t t = 0; t < catalogue->table_count && count < 64; t++) {
        const struct ask_table *table = &catalogue->tables[t];
        if (table->time < 0 || table->hidden || table->rows == 0 || !table->reaches[ASK_PATIENT])
            continue;
        struct ask_rows rows;
        ask_rows_scan(&rows, catalogue, plan, t);
        E time = plan_column(plan, rows.rel, table->columns[table->time].name);
        struct plan_named latest = {"latest",
                                    plan_aggregate_call(plan, "max", 1, &time, false, NULL)};
        const struct plan_rel *one = plan_aggregate(plan, rows.rel, NULL, 0, &latest, 1);
        struct plan_named day = {"latest", plan_call(plan, "date_trunc_day", 1,
                                                     (E[]){plan_column(plan, one, "latest")})};
        parts[count++] = plan_project(plan, one, &day, 1);
    }
    if (count == 0)
        return ERR_OK;
    const struct plan_rel *all = count == 1 ? parts[0] : plan_union_all(plan, parts, count);
    E day = plan_column(plan, all, "latest");
    struct plan_named latest = {"latest", plan_aggregate_call(plan, "max", 1, &day, false, NULL)};
    *ret = plan_aggregate(plan, all, NULL, 0, &latest, 1);
    return plan_finish(plan, *ret, err);
}
