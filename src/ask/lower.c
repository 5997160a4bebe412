/* Lowering: the typed question as a relational plan. Nothing is counted twice, because only n:1
 * joins and semi joins are made:
 *
 *     target's rows ⟕ what is read of them (n:1)
 *       ⋉ distinct patients of each filter's rows     (▷ where negated)
 *       ⋉ rows that they are timed against            (same patient, condition on the two times)
 *       → counted, grouped, described or listed */
#include "ask/lower_priv.h"

#include <string.h>

typedef const struct plan_expr *E;
typedef const struct plan_rel *R;
#define ARGS(...) ((E[]){__VA_ARGS__})

static E call(struct plan *plan, const char *name, size_t count, const E *args)
{
    return plan_call(plan, name, count, args);
}

/* ---- conditions of one row
 * --------------------------------------------------------------------------- */

static E number_condition(struct plan *plan, E value, const struct ask_predicate *predicate)
{
    static const char *const names[] = {"lt", "le", "gt", "ge", "eq", "ne"};
    if (value == NULL)
        return NULL;
    if (value->type.kind == DATA_TEXT) {
        char text[32];
        return call(plan, "eq", 2,
                    ARGS(value, plan_literal_text(plan, str_from_double(predicate->low, text))));
    }
    if (value->type.kind == DATA_BOOLEAN)
        return predicate->low > 0 ? value : call(plan, "not", 1, ARGS(value));
    E low = ask_plan_number(plan, value->type, predicate->low);
    if (low == NULL)
        return NULL;
    if (low->type.kind == DATA_DOUBLE && value->type.kind != DATA_DOUBLE)
        value = plan_cast(plan, value, DATA_TYPE(DOUBLE), false);
    if (predicate->op == ASK_BETWEEN) {
        E high = ask_plan_number(plan, value->type, predicate->high);
        if (high == NULL)
            return NULL;
        if (high->type.kind == DATA_DOUBLE && value->type.kind == DATA_BIGINT) {
            value = plan_cast(plan, value, DATA_TYPE(DOUBLE), false);
            low = ask_plan_number(plan, value->type, predicate->low);
        }
        return call(plan, "between", 3, ARGS(value, low, high));
    }
    E one = call(plan, names[predicate->op], 2, ARGS(value, low));
    if (!predicate->either)
        return one;
    E other = ask_plan_number(plan, low->type, predicate->high);
    return call(plan, "or", 2, ARGS(one, call(plan, "eq", 2, ARGS(value, other))));
}

static E value_condition(struct plan *plan, E value, const struct ask_predicate *predicate)
{
    size_t count = predicate->value_count;
    if (count == 1)
        return call(plan, "eq", 2, ARGS(value, plan_literal_text(plan, predicate->values[0])));
    E *args = arena_array(plan_arena(plan), count + 1, sizeof *args);
    if (args == NULL)
        return NULL;
    args[0] = value;
    for (size_t i = 0; i < count; i++)
        args[i + 1] = plan_literal_text(plan, predicate->values[i]);
    return call(plan, "in", count + 1, args);
}

static E condition(struct ask_rows *rows, const struct ask_predicate *predicate)
{
    E value = ask_rows_value(rows, &predicate->attr);
    if (predicate->null)
        return call(rows->plan, predicate->negated ? "is_not_null" : "is_null", 1, ARGS(value));
    return predicate->is_number ? number_condition(rows->plan, value, predicate)
                                : value_condition(rows->plan, value, predicate);
}

static bool after_pick(const struct ask_event *event, const struct ask_predicate *predicate)
{
    return event->pick != ASK_ALL && predicate->is_number && predicate->attr.path.count == 0;
}

/* Conditions that hold before (late: after) the first or last row is picked. */
static void filter_predicates(struct ask_rows *rows, const struct ask_event *event, bool late)
{
    for (size_t i = 0; i < event->predicate_count; i++) {
        if (after_pick(event, &event->predicates[i]) != late ||
            (rows->whole && event->predicates[i].part))
            continue;
        E one = condition(rows, &event->predicates[i]);
        rows->rel = plan_filter(rows->plan, rows->rel, one);
    }
}

static void filter_window(struct ask_rows *rows, const struct ask_window *window)
{
    struct plan *plan = rows->plan;
    E time = window->on ? ask_rows_time(rows) : NULL, from = NULL, to = NULL;
    rows->undated = rows->undated || (window->on && time == NULL); /* never left out in silence */
    if (time == NULL)
        return;
    if (window->from != INT64_MIN)
        from = call(plan, "ge", 2, ARGS(time, ask_plan_day(plan, time->type, window->from)));
    if (window->to != INT64_MAX)
        to = call(plan, "lt", 2, ARGS(time, ask_plan_day(plan, time->type, window->to)));
    if (from != NULL || to != NULL)
        rows->rel = plan_filter(plan, rows->rel, ask_plan_and(plan, from, to));
}

/* The first or last row of each patient by time; ties by the table's key. */
void ask_rows_pick(struct ask_rows *rows, enum ask_pick pick, enum ask_entity_kind kind)
{
    const struct profile_key *key = &rows->catalogue->profile->tables[rows->table].primary_key;
    struct plan_order order[5];
    size_t count = 0;
    E time = pick != ASK_ALL ? ask_rows_time(rows) : NULL;
    if (time == NULL)
        return;
    rows->rel = plan_filter(rows->plan, rows->rel, call(rows->plan, "is_not_null", 1, ARGS(time)));
    order[count++] = (struct plan_order){ask_rows_time(rows), pick == ASK_LAST, false};
    for (size_t k = 0; k < key->count; k++)
        order[count++] = (struct plan_order){
            plan_column(rows->plan, rows->rel,
                        rows->catalogue->tables[rows->table].columns[key->columns[k]].name),
            pick == ASK_LAST, false};
    E entity = ask_rows_key(rows, kind);
    rows->rel = plan_dedupe(rows->plan, rows->rel, &entity, entity != NULL ? 1 : 0, order, count);
}

/* The rows that are the second, the last … by time, those of the same time together. */
static void keep_ranked(struct ask_rows *rows, enum ask_pick pick, enum ask_entity_kind kind)
{
    static const int ranks[] = {[ASK_FIRST] = 1, [ASK_LAST] = 1,           [ASK_SECOND] = 2,
                                [ASK_THIRD] = 3, [ASK_SECOND_TO_LAST] = 2, [ASK_CURRENT] = 1};
    struct plan *plan = rows->plan;
    E time = ask_rows_time(rows);
    if (time == NULL)
        return;
    rows->rel = plan_filter(plan, rows->rel, call(plan, "is_not_null", 1, ARGS(time)));
    E entity = ask_rows_key(rows, kind);
    struct plan_order order = {ask_rows_time(rows), pick == ASK_LAST || pick == ASK_SECOND_TO_LAST,
                               false};
    const char *name = arena_printf(plan_arena(plan), "marrow_rank_%zu", ++rows->rank_count);
    struct plan_named rank = {name, plan_window_call(plan, "dense_rank", 0, NULL, &entity,
                                                     entity != NULL ? 1 : 0, &order, 1, NULL)};
    rows->rel = plan_window(plan, rows->rel, &rank, 1);
    rows->rel = plan_filter(plan, rows->rel,
                            call(plan, "eq", 2,
                                 ARGS(plan_column(plan, rows->rel, name),
                                      plan_literal_int(plan, ranks[pick]))));
}

/* The rows whose measure is the greatest or least of all. */
static void keep_extreme(struct ask_rows *rows, const struct ask_question *q)
{
    struct plan *plan = rows->plan;
    E value = ask_rows_value(rows, &q->measure);
    struct plan_named most = {"marrow_extreme",
                              plan_window_call(plan, q->aggregate == ASK_MAX ? "max" : "min", 1,
                                               &value, NULL, 0, NULL, 0, NULL)};
    rows->rel = plan_window(plan, rows->rel, &most, 1);
    rows->rel = plan_filter(plan, rows->rel,
                            call(plan, "eq", 2,
                                 ARGS(ask_rows_value(rows, &q->measure),
                                      plan_column(plan, rows->rel, "marrow_extreme"))));
}

/* Keys as a relation of one column "entity", each once. */
static R keys_of(struct ask_rows *rows, enum ask_entity_kind kind)
{
    E key = ask_rows_key(rows, kind);
    struct plan_named out = {"entity", key};
    R rel = plan_project(rows->plan, rows->rel, &out, 1);
    rel = plan_filter(
        rows->plan, rel,
        call(rows->plan, "is_not_null", 1, ARGS(plan_column(rows->plan, rel, "entity"))));
    return rel;
}

static void keep_keys(struct ask_rows *rows, enum ask_entity_kind kind, R keys, bool negated)
{
    E left = ask_rows_key(rows, kind), right = plan_column_right(rows->plan, keys, "entity");
    rows->rel = plan_join(rows->plan, negated ? PLAN_JOIN_ANTI : PLAN_JOIN_SEMI, rows->rel, keys,
                          &left, &right, 1, NULL);
}

/* Rows during each patient's first or last admission or ICU stay: of those that have ended, where
 * the data has some that have not; current: of those. */
static void filter_scope(struct ask_rows *rows, const struct ask_event *event)
{
    struct ask_rows visits = {.plan = rows->plan};
    const struct ask_table *table;
    if (event->scope == ASK_ALL)
        return;
    if (!rows->catalogue->tables[rows->table].reaches[event->scope_entity]) {
        rows->undated = true;
        return;
    }
    ask_rows_scan(&visits, rows->catalogue, rows->plan,
                  rows->catalogue->entities[event->scope_entity].table);
    table = &rows->catalogue->tables[visits.table];
    bool open = table->end_time >= 0 && table->columns[table->end_time].nulls > 0;
    if (open) {
        E end = plan_column(rows->plan, visits.rel, table->columns[table->end_time].name);
        visits.rel = plan_filter(rows->plan, visits.rel,
                                 call(rows->plan, event->scope == ASK_CURRENT ? "is_null" : "is_not_null", 1, ARGS(end)));
    }
    if (event->scope != ASK_CURRENT)
        ask_rows_pick(&visits, event->scope, ASK_PATIENT);
    rows->undated = rows->undated || (event->scope == ASK_CURRENT && !open);
    keep_keys(rows, event->scope_entity, keys_of(&visits, event->scope_entity), false);
}

void ask_rows_filter(struct ask_rows *rows, const struct ask_event *event)
{
    filter_predicates(rows, event, false);
    filter_window(rows, &event->window);
    filter_scope(rows, event);
}

/* ---- times against one another
 * -------------------------------------------------------------------------- */

static E as_timestamp(struct plan *plan, E time)
{
    return time == NULL || time->type.kind == DATA_TIMESTAMP
               ? time
               : plan_cast(plan, time, DATA_TYPE(TIMESTAMP), false);
}

static E moved(struct plan *plan, E time, int64_t amount, enum ask_unit unit)
{
    static const struct {
        const char *function;
        int64_t times;
    } ways[] = {[ASK_DAY] = {"add_days", 1},
                [ASK_WEEK] = {"add_days", 7},
                [ASK_MONTH] = {"add_months", 1},
                [ASK_YEAR] = {"add_months", 12},
                [ASK_HOUR] = {"add_seconds", 3600}};
    return call(plan, ways[unit].function, 2,
                ARGS(time, plan_literal_int(plan, amount * ways[unit].times)));
}

static E same_unit(struct plan *plan, enum ask_relation same, E time, E other)
{
    const char *function = same == ASK_SAME_DAY     ? "date_trunc_day"
                           : same == ASK_SAME_MONTH ? "trunc_month"
                                                    : "trunc_year";
    return call(plan, "eq", 2,
                ARGS(call(plan, function, 1, ARGS(time)), call(plan, function, 1, ARGS(other))));
}

static E timed(struct plan *plan, const struct ask_event *event, E time, E other)
{
    switch (event->relation) {
    case ASK_AFTER:
    case ASK_SINCE:
        return ask_plan_and(
            plan, call(plan, "gt", 2, ARGS(time, other)),
            event->bounded
                ? call(plan, "le", 2, ARGS(time, moved(plan, other, event->amount, event->unit)))
                : NULL);
    case ASK_BEFORE:
    case ASK_UNTIL:
        return ask_plan_and(
            plan, call(plan, "lt", 2, ARGS(time, other)),
            event->bounded
                ? call(plan, "ge", 2, ARGS(time, moved(plan, other, -event->amount, event->unit)))
                : NULL);
    case ASK_WITHIN:
        return ask_plan_and(
            plan, call(plan, "ge", 2, ARGS(time, other)),
            call(plan, "le", 2, ARGS(time, moved(plan, other, event->amount, event->unit))));
    case ASK_SAME_TIME:
        return call(plan, "eq", 2, ARGS(time, other));
    case ASK_SAME_DAY:
    case ASK_SAME_MONTH:
    case ASK_SAME_YEAR:
        return same_unit(plan, event->relation, time, other);
    case ASK_REL_NONE:
        break;
    }
    return NULL;
}

/* Rows for which the patient has a row of the other event at the right distance. */
static void filter_linked(const struct ask_reading *reading, struct ask_rows *rows, size_t at)
{
    const struct ask_event *event = &reading->question.events[at];
    bool pairs = at == 0 && reading->question.tally == ASK_TALLY_PAIRS;
    struct plan *plan = rows->plan;
    struct ask_rows other = {.plan = plan};
    const struct ask_catalogue *c = rows->catalogue;
    if (event->linked == ASK_NONE)
        return;
    ask_rows_of_event(reading, event->linked, &other);
    rows->undated = rows->undated || other.undated;
    bool visit = (event->same_visit || other.table == c->entities[ASK_ADMISSION].table) &&
                 rows->table != other.table && /* a readmission is another one */
                 c->entities[ASK_ADMISSION].known &&
                 c->tables[rows->table].reaches[ASK_ADMISSION] &&
                 c->tables[other.table].reaches[ASK_ADMISSION];
    enum ask_entity_kind kind = visit ? ASK_ADMISSION : ASK_PATIENT;
    (void)ask_rows_key(&other, kind);
    (void)ask_rows_time(&other);
    struct plan_named outputs[2] = {{pairs ? "marrow_entity" : "entity", ask_rows_key(&other, kind)},
                                    {pairs ? "marrow_moment" : "moment", as_timestamp(plan, ask_rows_time(&other))}};
    R small = plan_project(plan, other.rel, outputs, 2);
    if (!pairs)
        small = plan_distinct(plan, small);
    (void)ask_rows_key(rows, kind);
    E time = as_timestamp(plan, ask_rows_time(rows));
    E left = ask_rows_key(rows, kind), right = plan_column_right(plan, small, outputs[0].name);
    E moment = plan_column_right(plan, small, outputs[1].name);
    E distance = timed(plan, event, time, moment);
    if (event->same != ASK_REL_NONE && event->same != event->relation)
        distance = ask_plan_and(plan, distance, same_unit(plan, event->same, time, moment));
    rows->rel =
        plan_join(plan, pairs ? PLAN_JOIN_INNER : PLAN_JOIN_SEMI, rows->rel, small, &left, &right, 1, distance);
}

void ask_rows_of_event(const struct ask_reading *reading, size_t at, struct ask_rows *rows)
{
    const struct ask_event *event = &reading->question.events[at];
    struct plan *plan = rows->plan;
    if (at != 0) /* the target's rows are there already */
        ask_rows_scan(rows, reading->catalogue, plan, event->table);
    rows->has_time = event->has_time;
    rows->time = event->time;
    if (event->first_ever) { /* picked before the time has to be right */
        filter_predicates(rows, event, false);
        ask_rows_pick(rows, ASK_FIRST, ASK_PATIENT);
        filter_window(rows, &event->window);
        filter_scope(rows, event);
    } else {
        ask_rows_filter(rows, event);
    }
    filter_linked(reading, rows, at);
    bool late = reading->question.measure.derived == ASK_AGE; /* of each patient's age */
    if (at == 0 && reading->question.at_extreme && !late)
        keep_extreme(rows, &reading->question);
    bool together = (at == 0 && reading->question.single) || event->pick > ASK_LAST;
    if (event->moment)
        ask_rows_moment(rows, event);
    else if (event->pick != ASK_ALL && together)
        keep_ranked(rows, event->pick, ASK_PATIENT);
    else if (at != 0 || event->pick != ASK_ALL)
        ask_rows_pick(rows, event->pick, ASK_PATIENT);
    if (at != 0 || event->pick != ASK_ALL)
        filter_predicates(rows, event, true);
    if (at == 0 && reading->question.at_extreme && late)
        keep_extreme(rows, &reading->question);
}

/* ---- filters of whole patients
 * ------------------------------------------------------------------------------ */

static R counted_keys(struct ask_rows *rows, const struct ask_event *event, R keys, bool *ret_anti)
{
    static const char *const having[] = {"ge", "gt", "gt", "ge", "eq", "eq", "ge"};
    struct plan *plan = rows->plan;
    struct plan_named group = {"entity", plan_column(plan, keys, "entity")};
    struct plan_named count = {"n", plan_aggregate_call(plan, "count_rows", 0, NULL, false, NULL)};
    R grouped = plan_aggregate(plan, keys, &group, 1, &count, 1);
    *ret_anti = event->count_op == ASK_LT ||
                event->count_op == ASK_LE; /* those without any row are fewer too */
    R kept = plan_filter(
        plan, grouped,
        call(plan, having[event->count_op], 2,
             ARGS(plan_column(plan, grouped, "n"), plan_literal_int(plan, event->count))));
    struct plan_named out = {"entity", plan_column(plan, kept, "entity")};
    return plan_project(plan, kept, &out, 1);
}

static R event_keys(const struct ask_reading *reading, struct plan *plan, size_t at, bool *ret_anti)
{
    const struct ask_event *event = &reading->question.events[at];
    struct ask_rows rows = {.plan = plan};
    ask_rows_of_event(reading, at, &rows);
    R keys = keys_of(&rows, event->level);
    *ret_anti = false;
    if (rows.undated || rows.failed)
        return NULL; /* the plan's door says so */
    return event->counted ? counted_keys(&rows, event, keys, ret_anti) : keys;
}

/* Is the filter about the very rows that are counted, one each? Then no join is needed. */
static bool is_direct(const struct ask_reading *reading, const struct ask_rows *rows,
                      const struct ask_event *event, size_t at)
{
    const struct ask_entity *entity = &reading->catalogue->entities[event->level];
    for (size_t i = 1; i < reading->question.event_count; i++)
        if (reading->question.events[i].or_with == at)
            return false;
    return event->table == rows->table && entity->table == rows->table && entity->unique &&
           event->pick == ASK_ALL && event->scope == ASK_ALL && !event->counted &&
           event->linked == ASK_NONE && event->or_with == ASK_NONE && !event->has_time &&
           !(event->negated && event->window.on);
}

static void filter_direct(struct ask_rows *rows, const struct ask_event *event)
{
    struct plan *plan = rows->plan;
    if (!event->negated) {
        ask_rows_filter(rows, event);
        return;
    }
    for (size_t i = 0; i < event->predicate_count;
         i++) /* joins first, so that conditions are over one relation */
        (void)ask_rows_value(rows, &event->predicates[i].attr);
    E all = NULL;
    for (size_t i = 0; i < event->predicate_count; i++)
        all = ask_plan_and(plan, all, condition(rows, &event->predicates[i]));
    if (all != NULL)
        rows->rel = plan_filter(
            plan, rows->rel,
            call(plan, "not", 1,
                 ARGS(call(plan, "coalesce", 2,
                           ARGS(all, plan_literal(plan, DATA_TYPE(BOOLEAN), "false"))))));
}

static bool is_linked(const struct ask_question *q, size_t at)
{
    for (size_t i = 0; i < q->event_count; i++)
        if (q->events[i].linked == at)
            return true;
    return false;
}

static void filter_event(const struct ask_reading *reading, struct ask_rows *rows, size_t at)
{
    const struct ask_question *q = &reading->question;
    const struct ask_event *event = &q->events[at];
    R parts[ASK_EVENTS];
    size_t count = 0;
    bool anti = false, ignored_anti = false;
    if (event->variable || is_linked(q, at) || event->or_with != ASK_NONE)
        return;
    if (is_direct(reading, rows, event, at)) {
        filter_direct(rows, event);
        return;
    }
    parts[count++] = event_keys(reading, rows->plan, at, &anti);
    for (size_t i = at + 1; i < q->event_count; i++) { /* alternatives, and theirs */
        size_t root = i;
        while (q->events[root].or_with != ASK_NONE && q->events[root].or_with < root)
            root = q->events[root].or_with;
        bool ignored;
        if (root == at && i != at && !is_linked(q, i))
            parts[count++] = event_keys(reading, rows->plan, i, &ignored);
    }
    if (event->negated && event->linked != ASK_NONE) { /* none after it: of those who had it */
        R had = event_keys(reading, rows->plan, event->linked, &ignored_anti);
        if (had != NULL)
            keep_keys(rows, event->level, had, false);
    }
    R keys = count == 1 ? parts[0] : plan_union_all(rows->plan, parts, count);
    keep_keys(rows, event->level, keys, event->negated != anti);
}

/* ---- the door
 * ----------------------------------------------------------------------------------------------------
 */

enum err_code ask_lower(const struct ask_reading *reading, struct plan *plan,
                        const struct plan_rel **ret, struct err *err)
{
    struct ask_rows rows = {.plan = plan};
    const struct ask_question *q = &reading->question;
    if (reading->status != ASK_ANSWERED)
        return err_set(err, ERR_INPUT, "the question is not clear enough for a plan");
    ask_rows_scan(&rows, reading->catalogue, plan, q->events[0].table);
    rows.whole = q->intent == ASK_SHARE;
    for (size_t i = 1; i < q->event_count; i++)
        if (!rows.whole || !q->events[i].part)
            filter_event(reading, &rows, i);
    ask_rows_of_event(reading, 0, &rows);
    *ret = q->statistics.on ? ask_lower_statistics(reading, &rows) : ask_lower_shape(reading, &rows);
    if (rows.failed)
        return err_set(err, ERR_LIMIT, "the question needs more than %d joins", ASK_JOINS);
    if (rows.undated)
        return err_set(err, ERR_UNSUPPORTED, "a time is asked of rows that have none");
    return plan_finish(plan, *ret, err);
}

/* A condition on a column of the very rows, which may not be recorded: neither yes nor no. */
static bool may_miss(const struct ask_reading *reading, const struct ask_rows *rows, size_t event,
                     size_t predicate)
{
    const struct ask_event *from = &reading->question.events[event];
    const struct ask_predicate *it = &from->predicates[predicate];
    bool of_rows = event == 0 || (from->part && is_direct(reading, rows, from, event));
    return of_rows && (it->part || event > 0) && !it->null && !from->negated &&
           it->attr.path.count == 0 && it->attr.derived != ASK_AGE &&
           ask_attr_column(reading->catalogue, &it->attr)->nulls > 0;
}

const struct plan_expr *ask_rows_known(const struct ask_reading *reading, struct ask_rows *rows)
{
    const struct ask_question *q = &reading->question;
    E all = NULL;
    for (size_t e = 0; e < q->event_count; e++)
        for (size_t i = 0; i < q->events[e].predicate_count; i++)
            if (may_miss(reading, rows, e, i))
                all = ask_plan_and(rows->plan, all,
                                   call(rows->plan, "is_not_null", 1,
                                        ARGS(ask_rows_value(rows, &q->events[e].predicates[i].attr))));
    return all;
}

/* The share's numerator: the same rows with every filter. */
void ask_rows_filtered(const struct ask_reading *reading, struct ask_rows *rows)
{
    ask_rows_scan(rows, reading->catalogue, rows->plan, reading->question.events[0].table);
    for (size_t i = 1; i < reading->question.event_count; i++)
        filter_event(reading, rows, i);
    ask_rows_of_event(reading, 0, rows);
}

void ask_rows_entities(const struct ask_reading *reading, enum ask_entity_kind kind,
                       struct ask_rows *rows)
{
    struct plan *plan = rows->plan;
    ask_rows_scan(rows, reading->catalogue, plan, reading->catalogue->entities[kind].table);
    for (size_t i = 1; i < reading->question.event_count; i++)
        filter_event(reading, rows, i);
    if (!reading->catalogue->entities[kind].unique) { /* each once */
        E key = ask_rows_key(rows, kind);
        struct plan_order order = {key, false, false};
        rows->rel = plan_dedupe(plan, rows->rel, &key, key != NULL ? 1 : 0, &order, 1);
    }
}
