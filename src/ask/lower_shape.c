/* Rows → what the intent asks for. One function an intent, in the table at the end; each gives
 * columns in this order: groups, counts, statistics. answer.c reads them by name.
 *
 *     count       [groups] n [patients]        describe  [groups] rows n mean sd min q1 median q3
 * max (or the one asked for) frequencies label n [patients]           value     [columns asked for]
 * | time name value unit share       [groups] met total unknown share              missing   one column for each
 * column */
#include "ask/lower_priv.h"

#include <string.h>

typedef const struct plan_expr *E;
typedef const struct plan_rel *R;
#define ARGS(...) ((E[]){__VA_ARGS__})

static E aggregate(struct plan *plan, const char *name, E arg)
{
    return plan_aggregate_call(plan, name, arg != NULL ? 1 : 0, arg != NULL ? &arg : NULL, false,
                               NULL);
}

static R sorted_by(struct plan *plan, R rel, const char *const *names, size_t count)
{
    struct plan_order order[8];
    for (size_t i = 0; i < count; i++)
        order[i] = (struct plan_order){plan_column(plan, rel, names[i]), false, false};
    return count > 0 ? plan_sort(plan, rel, order, count) : rel;
}

/* ---- groups
 * ---------------------------------------------------------------------------------------------- */

struct shape {
    const struct ask_reading *reading;
    const struct ask_question *q;
    struct ask_rows *rows;
    struct plan *plan;
    struct plan_named groups[ASK_GROUPS + 2];
    const char *names[ASK_GROUPS + 2];
    size_t group_count;
};

static E column_of(struct shape *s, int column)
{
    return column >= 0
               ? plan_column(s->plan, s->rows->rel,
                             s->reading->catalogue->tables[s->rows->table].columns[column].name)
               : NULL;
}

static E time_unit(struct plan *plan, E time, enum ask_unit unit)
{
    static const char *const functions[] = {[ASK_DAY] = "date_trunc_day",
                                            [ASK_WEEK] = "trunc_week",
                                            [ASK_MONTH] = "trunc_month",
                                            [ASK_YEAR] = "year",
                                            [ASK_HOUR] = "date_trunc_day"};
    return plan_call(plan, functions[unit], 1, &time);
}

static void add_group(struct shape *s, const char *name, E value)
{
    const char *unique = name;
    for (size_t i = 0; i < s->group_count; i++)
        if (strcmp(s->names[i], name) == 0)
            unique = arena_printf(plan_arena(s->plan), "%s_%zu", name, s->group_count + 1);
    s->groups[s->group_count] = (struct plan_named){unique, value};
    s->names[s->group_count++] = unique;
}

/* The lower end of the band that the value is in. */
static E band_of(struct plan *plan, E value, double band)
{
    E wide = plan_cast(plan, value, DATA_TYPE(DOUBLE), false);
    E width = ask_plan_number(plan, DATA_TYPE(DOUBLE), band);
    E whole = plan_call(plan, "floor", 1, ARGS(plan_call(plan, "div", 2, ARGS(wide, width))));
    whole = plan_cast(plan, whole, DATA_TYPE(BIGINT), false);
    return plan_call(plan, "mul", 2,
                     ARGS(whole, ask_plan_number(plan, DATA_TYPE(BIGINT), band)));
}

/* WHO's classes of body mass index. */
static E bmi_class(struct plan *plan, E value)
{
    static const struct {
        const char *below, *name;
    } classes[] = {{"18.5", "1 underweight (<18.5)"}, {"25", "2 normal (18.5 to <25)"}, {"30", "3 overweight (25 to <30)"}};
    E wide = plan_cast(plan, value, DATA_TYPE(DOUBLE), false), args[9];
    size_t n = 0;
    args[n++] = plan_call(plan, "is_null", 1, &value);
    args[n++] = plan_literal(plan, DATA_TYPE(TEXT), NULL);
    for (size_t i = 0; i < 3; i++) {
        args[n++] = plan_call(plan, "lt", 2,
                              ARGS(wide, plan_literal(plan, DATA_TYPE(DOUBLE), classes[i].below)));
        args[n++] = plan_literal_text(plan, classes[i].name);
    }
    args[n++] = plan_literal_text(plan, "4 obese (30 or more)");
    return plan_case(plan, n, args);
}

/* Which of so many parts of equal size the value is in: 1 + how many of the cuts it is above, so that equal values
 * are in one part. The cuts are quantiles of the rows, joined to each of them. */
static E part_of(struct shape *s, const struct ask_attr *attr)
{
    struct plan *plan = s->plan;
    struct plan_named cuts[9];
    size_t count = (size_t)attr->parts - 1;
    E value = plan_cast(plan, ask_rows_value(s->rows, attr), DATA_TYPE(DOUBLE), false), part = NULL;
    for (size_t i = 0; i < count; i++) {
        E at = ask_plan_number(plan, DATA_TYPE(DOUBLE), (double)(i + 1) / attr->parts);
        cuts[i] = (struct plan_named){arena_printf(plan_arena(plan), "marrow_cut_%zu", i + 1),
                                      plan_aggregate_call(plan, "quantile", 2, ARGS(value, at), false, NULL)};
    }
    R all = plan_aggregate(plan, s->rows->rel, NULL, 0, cuts, count);
    s->rows->rel = plan_join(plan, PLAN_JOIN_INNER, s->rows->rel, all, NULL, NULL, 0,
                             plan_literal(plan, DATA_TYPE(BOOLEAN), "true"));
    value = plan_cast(plan, ask_rows_value(s->rows, attr), DATA_TYPE(DOUBLE), false);
    for (size_t i = 0; i < count; i++) {
        E above = plan_call(plan, "gt", 2, ARGS(value, plan_column(plan, s->rows->rel, cuts[i].name)));
        E one = plan_case(plan, 3, ARGS(above, plan_literal_int(plan, 1), plan_literal_int(plan, 0)));
        part = part == NULL ? plan_call(plan, "add", 2, ARGS(plan_literal_int(plan, 1), one))
                            : plan_call(plan, "add", 2, ARGS(part, one));
    }
    E missing = plan_call(plan, "is_null", 1, &value);
    return plan_case(plan, 3, ARGS(missing, plan_literal(plan, DATA_TYPE(BIGINT), NULL), part));
}

static const char *part_name(int parts)
{
    return parts == ASK_BMI_CLASSES ? "class"
           : parts == 3             ? "tertile"
           : parts == 4             ? "quartile"
           : parts == 5             ? "quintile"
                                    : "decile";
}

static void read_groups(struct shape *s)
{
    for (size_t i = 0; i < s->q->group_count; i++) {
        const struct ask_attr *attr = &s->q->groups[i];
        E value = ask_rows_value(s->rows, attr);
        const char *name = ask_attr_column(s->reading->catalogue, attr)->name;
        if (attr->derived == ASK_DEATH && value != NULL && data_type_is_temporal(value->type)) {
            value = plan_call(s->plan, "is_not_null", 1, ARGS(value));
            name = "died";
        }
        if (attr->parts != 0 && value != NULL) {
            value = attr->parts == ASK_BMI_CLASSES ? bmi_class(s->plan, value) : part_of(s, attr);
            name = arena_printf(plan_arena(s->plan), "%s_%s", attr->derived == ASK_AGE ? "age" : name,
                                part_name(attr->parts));
        }
        if (attr->band > 0 && value != NULL) {
            value = band_of(s->plan, value, attr->band);
            name = arena_printf(plan_arena(s->plan), "%s_from", attr->derived == ASK_AGE ? "age" : name);
        }
        if (s->q->drop_null_groups || (s->q->intent == ASK_FREQUENT && s->q->top > 0))
            s->rows->rel = plan_filter(s->plan, s->rows->rel,
                                       plan_call(s->plan, "is_not_null", 1, ARGS(value)));
        add_group(s, name, value);
    }
    if (s->q->by_time)
        add_group(s, ask_unit_text(s->q->time_unit),
                  time_unit(s->plan, ask_rows_time(s->rows), s->q->time_unit));
}

/* ---- count, exists, trend of a count
 * ---------------------------------------------------------------------------- */

static E patients_of(struct shape *s)
{
    E key = ask_rows_key(s->rows, ASK_PATIENT);
    return key != NULL ? aggregate(s->plan, "count_distinct", key) : NULL;
}

static R count_rows(struct shape *s)
{
    const struct ask_entity *entity = &s->reading->catalogue->entities[s->q->entity];
    struct plan_named counts[2];
    size_t count = 1;
    read_groups(s);
    struct ask_attr name;
    if (s->q->different && !s->q->by_entity &&
        ask_name_of(s->reading->catalogue, s->rows->table, &name)) {
        E value = ask_rows_value(s->rows, &name);
        counts[0] = (struct plan_named){"n", aggregate(s->plan, "count_distinct", value)};
    } else if (s->q->by_entity && (entity->table != s->rows->table || !entity->unique) &&
               entity->key >= 0) {
        E key = ask_rows_key(s->rows, s->q->entity);
        counts[0] = (struct plan_named){"n", aggregate(s->plan, "count_distinct", key)};
    } else {
        counts[0] = (struct plan_named){"n", aggregate(s->plan, "count_rows", NULL)};
    }
    E patients = !s->q->by_entity ? patients_of(s) : NULL;
    if (patients != NULL)
        counts[count++] = (struct plan_named){"patients", patients};
    return sorted_by(
        s->plan, plan_aggregate(s->plan, s->rows->rel, s->groups, s->group_count, counts, count),
        s->names, s->group_count);
}

/* ---- share
 * ----------------------------------------------------------------------------------------------------
 */

/* Rows of one side as (groups, met_of, total_of, unknown_of): whom the row counts for, or null. */
static R side_of_share(struct shape *s, struct ask_rows *rows, bool met)
{
    struct plan *plan = s->plan;
    const struct ask_entity *entity = &s->reading->catalogue->entities[s->q->entity];
    struct shape side = {.reading = s->reading, .q = s->q, .rows = rows, .plan = plan};
    bool keyed = s->q->by_entity && entity->key >= 0 &&
                 (entity->table != rows->table || !entity->unique);
    if (keyed)
        (void)ask_rows_key(rows, s->q->entity); /* joined before the groups are read */
    read_groups(&side);
    E of = keyed ? ask_rows_key(rows, s->q->entity) : plan_literal_int(plan, 1);
    E none = of != NULL ? plan_literal(plan, of->type, NULL) : NULL;
    E known = met ? NULL : ask_rows_known(s->reading, rows);
    E unknown = known != NULL ? plan_call(plan, "not", 1, &known) : NULL;
    struct plan_named out[ASK_GROUPS + 5];
    memcpy(out, side.groups, side.group_count * sizeof *out);
    size_t n = side.group_count;
    out[n++] = (struct plan_named){"met_of", met ? of : none};
    out[n++] = (struct plan_named){"total_of", met             ? none
                                               : known == NULL ? of
                                                               : plan_case(plan, 3, ARGS(known, of, none))};
    out[n++] = (struct plan_named){
        "unknown_of", unknown == NULL ? none : plan_case(plan, 3, ARGS(unknown, of, none))};
    memcpy(s->names, side.names, sizeof s->names);
    s->group_count = side.group_count;
    return plan_project(plan, rows->rel, out, n);
}

/* Both sides one below the other, counted in one aggregation: a group that is not recorded is a group, and who is in
 * the denominator twice is counted once. */
static R share(struct shape *s)
{
    static const char *const counted[][2] = {
        {"met", "met_of"}, {"total", "total_of"}, {"unknown", "unknown_of"}};
    struct ask_rows met = {.plan = s->plan};
    struct plan *plan = s->plan;
    const struct ask_entity *entity = &s->reading->catalogue->entities[s->q->entity];
    bool distinct = s->q->by_entity && entity->key >= 0 &&
                    (entity->table != s->rows->table || !entity->unique);
    ask_rows_filtered(s->reading, &met);
    R sides[] = {side_of_share(s, s->rows, false), side_of_share(s, &met, true)};
    s->rows->failed = s->rows->failed || met.failed;
    s->rows->undated = s->rows->undated || met.undated;
    R both = plan_union_all(plan, sides, 2);
    struct plan_named calls[3], out[ASK_GROUPS + 6];
    for (size_t i = 0; i < s->group_count; i++)
        s->groups[i] = (struct plan_named){s->names[i], plan_column(plan, both, s->names[i])};
    for (size_t i = 0; i < 3; i++)
        calls[i] = (struct plan_named){counted[i][0],
                                       aggregate(plan, distinct ? "count_distinct" : "count",
                                                 plan_column(plan, both, counted[i][1]))};
    R rel = plan_aggregate(plan, both, s->groups, s->group_count, calls, 3);
    size_t n = 0;
    for (; n < s->group_count; n++)
        out[n] = (struct plan_named){s->names[n], plan_column(plan, rel, s->names[n])};
    E hundred = plan_literal(plan, DATA_TYPE(DOUBLE), "100");
    E part = plan_cast(plan, plan_column(plan, rel, "met"), DATA_TYPE(DOUBLE), false),
      whole = plan_cast(plan, plan_column(plan, rel, "total"), DATA_TYPE(DOUBLE), false);
    for (size_t i = 0; i < 3; i++)
        out[n++] = (struct plan_named){counted[i][0], plan_column(plan, rel, counted[i][0])};
    out[n++] = (struct plan_named){
        "share", plan_call(plan, "div", 2, ARGS(plan_call(plan, "mul", 2, ARGS(hundred, part)), whole))};
    return sorted_by(plan, plan_project(plan, rel, out, n), s->names, s->group_count);
}

/* ---- describe
 * -----------------------------------------------------------------------------------------------------
 */

static size_t statistics(struct shape *s, E value, struct plan_named *ret)
{
    static const char *const one[] = {NULL, "mean", "median", "max", "min", "sum", "sd"};
    struct plan *plan = s->plan;
    size_t n = 0;
    ret[n++] = (struct plan_named){"rows", aggregate(plan, "count_rows", NULL)};
    ret[n++] = (struct plan_named){"n", aggregate(plan, "count", value)};
    if (s->q->aggregate != ASK_NO_AGGREGATE &&
        s->q->measure.derived == ASK_AGE) /* whether the dates of birth can be believed */
        ret[n++] = (struct plan_named){"oldest", aggregate(plan, "max", value)};
    if (s->q->aggregate != ASK_NO_AGGREGATE) {
        ret[n++] =
            (struct plan_named){one[s->q->aggregate], aggregate(plan, one[s->q->aggregate], value)};
        return n;
    }
    E quarter = plan_literal(plan, DATA_TYPE(DOUBLE), "0.25"),
      three = plan_literal(plan, DATA_TYPE(DOUBLE), "0.75");
    ret[n++] = (struct plan_named){"mean", aggregate(plan, "mean", value)};
    ret[n++] = (struct plan_named){"sd", aggregate(plan, "sd", value)};
    ret[n++] = (struct plan_named){"min", aggregate(plan, "min", value)};
    ret[n++] = (struct plan_named){
        "q1", plan_aggregate_call(plan, "quantile", 2, ARGS(value, quarter), false, NULL)};
    ret[n++] = (struct plan_named){"median", aggregate(plan, "median", value)};
    ret[n++] = (struct plan_named){
        "q3", plan_aggregate_call(plan, "quantile", 2, ARGS(value, three), false, NULL)};
    ret[n++] = (struct plan_named){"max", aggregate(plan, "max", value)};
    return n;
}

/* Each patient's mean first: rows become (groups, patient, value). */
static E per_patient(struct shape *s, E value)
{
    struct plan *plan = s->plan;
    E key = ask_rows_key(s->rows, ASK_PATIENT);
    struct plan_named groups[ASK_GROUPS + 3];
    memcpy(groups, s->groups, s->group_count * sizeof *groups);
    groups[s->group_count] = (struct plan_named){"marrow_patient", key};
    struct plan_named mean = {"marrow_value", aggregate(plan, "mean", value)};
    R rel = plan_aggregate(plan, s->rows->rel, groups, s->group_count + 1, &mean, 1);
    for (size_t i = 0; i < s->group_count; i++)
        s->groups[i].expr = plan_column(plan, rel, s->names[i]);
    s->rows->rel = rel;
    return plan_column(plan, rel, "marrow_value");
}

static R describe(struct shape *s)
{
    struct plan_named columns[12];
    struct ask_rows entities = {.plan = s->plan};
    if (!s->q->has_measure && !s->q->per_count)
        return count_rows(s);
    E value = s->q->per_count ? ask_rows_counts(s->reading, s->rows, &entities)
                              : ask_rows_value(s->rows, &s->q->measure);
    if (s->q->per_count)
        s->rows = &entities;
    read_groups(s);
    if (s->q->per_count) /* over the relation as it is now */
        value = ask_counts_value(s->plan, s->rows->rel);
    if (s->q->per_entity)
        value = per_patient(s, value);
    size_t count = statistics(s, value, columns);
    return sorted_by(
        s->plan, plan_aggregate(s->plan, s->rows->rel, s->groups, s->group_count, columns, count),
        s->names, s->group_count);
}

static R trend(struct shape *s)
{
    return s->q->has_measure ? describe(s) : count_rows(s);
}

/* ---- single values, times, lists
 * ------------------------------------------------------------------------------------- */

static size_t add_output(struct shape *s, struct plan_named *outputs, size_t count,
                         const char *name, E value)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(outputs[i].name, name) == 0)
            name = arena_printf(plan_arena(s->plan), "%s_%zu", name, count + 1);
    outputs[count] = (struct plan_named){name, value};
    return value != NULL ? count + 1 : count;
}

static R in_time_order(struct shape *s, struct plan_named *outputs, size_t count)
{
    R rel = plan_project(s->plan, s->rows->rel, outputs, count);
    rel = plan_distinct(s->plan, rel);
    const char *names[8];
    size_t sorts = 0;
    for (size_t i = 0; i < count && i < 8; i++)
        names[sorts++] = outputs[i].name;
    return plan_limit(s->plan, sorted_by(s->plan, rel, names, sorts), ASK_LIMIT_ROWS + 1, 0);
}

static R values(struct shape *s)
{
    struct plan_named outputs[ASK_OUTPUTS + 6];
    struct ask_attr name;
    size_t count = 0;
    const struct ask_table *table = &s->reading->catalogue->tables[s->rows->table];
    bool named = ask_name_of(s->reading->catalogue, s->rows->table, &name);
    if (s->q->output_count == 0 && named)
        (void)ask_rows_need(s->rows, &name);
    for (size_t i = 0; i < s->q->output_count; i++)
        count = add_output(s, outputs, count,
                           ask_attr_column(s->reading->catalogue, &s->q->outputs[i])->name,
                           ask_rows_value(s->rows, &s->q->outputs[i]));
    if (s->q->output_count == 0) {
        count = add_output(s, outputs, count, "time", ask_rows_time(s->rows));
        if (named)
            count = add_output(s, outputs, count, "name", ask_rows_value(s->rows, &name));
        count = add_output(s, outputs, count, "value",
                           s->q->has_measure ? ask_rows_value(s->rows, &s->q->measure)
                                             : column_of(s, table->value));
        count = add_output(s, outputs, count, "unit", column_of(s, table->unit));
    }
    return in_time_order(s, outputs, count);
}

/* From the moment until now, in hours or days with fractions. */
static E passed(struct shape *s, E time)
{
    struct plan *plan = s->plan;
    char text[40];
    if (time == NULL)
        return NULL;
    ask_say_moment(s->reading, text);
    E now = plan_literal(plan, DATA_TYPE(TIMESTAMP), text);
    if (time->type.kind != DATA_TIMESTAMP)
        time = plan_cast(plan, time, DATA_TYPE(TIMESTAMP), false);
    E seconds = plan_call(plan, "date_diff_seconds", 2, ARGS(now, time));
    return plan_call(plan, "div", 2,
                     ARGS(plan_cast(plan, seconds, DATA_TYPE(DOUBLE), false),
                          plan_literal(plan, DATA_TYPE(DOUBLE),
                                       s->q->since_unit == ASK_HOUR ? "3600" : "86400")));
}

static R when(struct shape *s)
{
    struct plan_named outputs[1];
    if (s->q->output_count > 0 && !s->q->since)
        return values(s);
    bool hours = s->q->since_unit == ASK_HOUR;
    size_t count = s->q->since ? add_output(s, outputs, 0, hours ? "hours" : "days",
                                            passed(s, ask_rows_time(s->rows)))
                               : add_output(s, outputs, 0, "time", ask_rows_time(s->rows));
    return count > 0 ? in_time_order(s, outputs, count) : NULL;
}

/* The names whose rows are so many. */
static R so_often(struct shape *s, const struct plan_named *name)
{
    static const char *const having[] = {"lt", "le", "gt", "ge", "eq", "ne", "ge"};
    struct plan *plan = s->plan;
    struct plan_named count = {"n", aggregate(plan, "count_rows", NULL)};
    R rel = plan_aggregate(plan, s->rows->rel, name, 1, &count, 1);
    rel = plan_filter(plan, rel,
                      plan_call(plan, having[s->q->times_op], 2,
                                ARGS(plan_column(plan, rel, "n"),
                                     plan_literal_int(plan, s->q->times))));
    return plan_limit(plan, sorted_by(plan, rel, &name->name, 1), ASK_LIMIT_ROWS + 1, 0);
}

static R list(struct shape *s)
{
    struct plan_named outputs[ASK_OUTPUTS];
    struct ask_attr name;
    size_t count = 0;
    if (s->q->by_entity) {
        E key = ask_rows_key(s->rows, s->q->entity);
        count = add_output(s, outputs, count, ask_entity_one(s->q->entity), key);
    }
    for (size_t i = 0; i < s->q->output_count && count < ASK_OUTPUTS; i++)
        count = add_output(s, outputs, count,
                           ask_attr_column(s->reading->catalogue, &s->q->outputs[i])->name,
                           ask_rows_value(s->rows, &s->q->outputs[i]));
    if (count == 0 && ask_name_of(s->reading->catalogue, s->rows->table, &name)) {
        E value = ask_rows_value(s->rows, &name);
        s->rows->rel =
            plan_filter(s->plan, s->rows->rel, plan_call(s->plan, "is_not_null", 1, ARGS(value)));
        count = add_output(s, outputs, count, "name", value);
    }
    if (s->q->often)
        return count == 1 ? so_often(s, &outputs[0]) : NULL;
    return count > 0 ? in_time_order(s, outputs, count) : count_rows(s);
}

/* The first so many by n; who ties with the last of them stays, so that no name decides. */
static R top_ranked(struct shape *s, R rel, bool patients)
{
    struct plan *plan = s->plan;
    struct plan_named kept[ASK_GROUPS + 4];
    struct plan_order order = {plan_column(plan, rel, "n"), true, false};
    struct plan_named rank = {"marrow_rank",
                              plan_window_call(plan, "rank", 0, NULL, NULL, 0, &order, 1, NULL)};
    rel = plan_window(plan, rel, &rank, 1);
    rel = plan_filter(plan, rel,
                      plan_call(plan, "le", 2,
                                ARGS(plan_column(plan, rel, "marrow_rank"),
                                     plan_literal_int(plan, s->q->top))));
    size_t count = 0;
    for (; count < s->group_count; count++)
        kept[count] = (struct plan_named){s->names[count], plan_column(plan, rel, s->names[count])};
    kept[count++] = (struct plan_named){"n", plan_column(plan, rel, "n")};
    if (patients)
        kept[count++] = (struct plan_named){"patients", plan_column(plan, rel, "patients")};
    return plan_project(plan, rel, kept, count);
}

static R frequent(struct shape *s)
{
    struct ask_attr name;
    struct plan *plan = s->plan;
    read_groups(s);
    if (s->q->by_key)
        add_group(s, ask_entity_one(s->q->per), ask_rows_key(s->rows, s->q->per));
    if (s->group_count == 0 && ask_name_of(s->reading->catalogue, s->rows->table, &name)) {
        E value = ask_rows_value(s->rows, &name);
        s->rows->rel =
            plan_filter(plan, s->rows->rel, plan_call(plan, "is_not_null", 1, ARGS(value)));
        add_group(s, "name", value);
        const struct ask_table *table = &s->reading->catalogue->tables[s->rows->table];
        if (name.path.count > 0) /* two codes of one label are two things */
            add_group(s, table->columns[table->name_column].name, column_of(s, table->name_column));
    }
    if (s->group_count == 0)
        return NULL; /* of what is not known */
    struct plan_named counts[2] = {{"n", aggregate(plan, "count_rows", NULL)},
                                   {"patients", patients_of(s)}};
    if (s->q->tally == ASK_TALLY_PATIENTS && counts[1].expr != NULL)
        counts[0].expr = patients_of(s);
    R rel = plan_aggregate(plan, s->rows->rel, s->groups, s->group_count, counts,
                           counts[1].expr != NULL ? 2 : 1);
    struct plan_order order[ASK_GROUPS + 3] = {{plan_column(plan, rel, "n"), true, false}};
    for (size_t i = 0; i < s->group_count; i++)
        order[i + 1] = (struct plan_order){plan_column(plan, rel, s->names[i]), false, false};
    if (s->q->top > 0)
        rel = top_ranked(s, rel, counts[1].expr != NULL);
    order[0].expr = plan_column(plan, rel, "n");
    for (size_t i = 0; i < s->group_count; i++)
        order[i + 1].expr = plan_column(plan, rel, s->names[i]);
    rel = plan_sort(plan, rel, order, s->group_count + 1);
    return plan_limit(plan, rel, ASK_LIMIT_ROWS + 1, 0);
}

static R missing(struct shape *s)
{
    const struct ask_table *table = &s->reading->catalogue->tables[s->rows->table];
    struct plan_named *columns = plan_named_array(s->plan, table->column_count + 1);
    if (columns == NULL)
        return NULL;
    columns[0] = (struct plan_named){"marrow_rows", aggregate(s->plan, "count_rows", NULL)};
    for (size_t i = 0; i < table->column_count; i++) {
        E value = plan_column(s->plan, s->rows->rel, table->columns[i].name);
        columns[i + 1] = (struct plan_named){table->columns[i].name,
                                             plan_call(s->plan, "sub", 2,
                                                       ARGS(aggregate(s->plan, "count_rows", NULL),
                                                            aggregate(s->plan, "count", value)))};
    }
    return plan_aggregate(s->plan, s->rows->rel, NULL, 0, columns, table->column_count + 1);
}

/* An intent that needs the layer of statistics gets its line here, and loses the one in check.c. */
static R (*const shapes[ASK_INTENT_END])(struct shape *s) = {
    [ASK_COUNT] = count_rows, [ASK_EXISTS] = count_rows, [ASK_TIMES] = count_rows,
    [ASK_SHARE] = share,      [ASK_DESCRIBE] = describe, [ASK_TREND] = trend,
    [ASK_VALUE_OF] = values,  [ASK_WHEN] = when,         [ASK_LIST] = list,
    [ASK_WHAT] = list,        [ASK_FREQUENT] = frequent, [ASK_MISSING] = missing};

const struct plan_rel *ask_lower_shape(const struct ask_reading *reading, struct ask_rows *rows)
{
    struct shape shape = {
        .reading = reading, .q = &reading->question, .rows = rows, .plan = rows->plan};
    return shapes[reading->question.intent] != NULL ? shapes[reading->question.intent](&shape)
                                                    : NULL;
}
