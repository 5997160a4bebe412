/* The end of reading: what was left open gets its default, the target's table is settled, and each
 * filter learns for whom it holds. A question that would need a join that multiplies rows is not
 * lowered: it lacks a way. */
#include "ask/grammar_priv.h"
#include "base/clock.h"

#include <string.h>

#define FEW_VALUES 12 /* numbers with so few distinct values are grouped by as they are */

static const struct ask_table *target_table(const struct ask_parse *p)
{
    return &p->catalogue->tables[p->q->events[0].table];
}

static void count_entity(struct ask_parse *p, enum ask_entity_kind kind)
{
    p->q->by_entity = true;
    p->q->entity = kind;
    p->q->has_target = true;
    p->q->events[0].table = p->catalogue->entities[kind].table;
}

/* The only column of years of a table without dates: year, dxyr, acceptyear. */
static bool year_column(const struct ask_parse *p, size_t t, struct ask_attr *ret)
{
    const struct ask_table *table = &p->catalogue->tables[t];
    size_t found = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct ask_column *column = &table->columns[i];
        const char *name = column->words.count > 0 ? column->words.text[column->words.count - 1] : "";
        size_t length = strlen(name);
        bool year = (length >= 4 && strcmp(name + length - 4, "year") == 0) ||
                    (length >= 2 && strcmp(name + length - 2, "yr") == 0);
        if (!year || column->type.kind != DATA_BIGINT || column->distinct < 3)
            continue;
        *ret = (struct ask_attr){.table = t, .column = i};
        found++;
    }
    return found == 1;
}

/* "in 1995", "after 1980" where the data has years and no dates: whole years only. */
static bool window_of_years(struct ask_parse *p)
{
    struct ask_attr attr;
    int64_t from = INT64_MIN, to = INT64_MAX;
    unsigned month = 1, day = 1, last_month = 1, last_day = 1;
    const struct ask_entity *patient = &p->catalogue->entities[ASK_PATIENT];
    if (!patient->known || !year_column(p, patient->table, &attr))
        return false;
    if (p->window.from != INT64_MIN)
        clock_civil_from_days(p->window.from, &from, &month, &day);
    if (p->window.to != INT64_MAX)
        clock_civil_from_days(p->window.to, &to, &last_month, &last_day);
    if (month != 1 || day != 1 || last_month != 1 || last_day != 1)
        return false;
    p->window.on = false;
    size_t at = ask_parse_event(p, patient->table);
    if (at == ASK_NONE)
        return false;
    struct ask_predicate *predicate = ask_parse_predicate(p, at, &attr);
    predicate->is_number = true;
    predicate->op = from == INT64_MIN ? ASK_LT : to == INT64_MAX ? ASK_GE : ASK_BETWEEN;
    predicate->low = (double)(from == INT64_MIN ? to : from);
    predicate->high = to == INT64_MAX ? predicate->low : (double)to - 1;
    return true;
}

/* "in 2104" of patients: admitted then. */
static void settle_window(struct ask_parse *p)
{
    const struct ask_entity *visit = &p->catalogue->entities[ASK_ADMISSION];
    if (!p->window.on)
        return;
    struct ask_attr time;
    bool by_visit = false;
    if (p->q->has_target && !p->q->events[0].window.on &&
        ask_time_of(p->catalogue, p->q->events[0].table, &time, &by_visit)) {
        p->q->events[0].window = p->window;
    } else if (visit->known && p->catalogue->tables[visit->table].time >= 0) {
        (void)ask_parse_event(p, visit->table); /* takes the window */
    } else if (!window_of_years(p)) {
        ask_parse_lacks(p, "dates that the time could be about");
    }
    p->window.on = false;
}

/* An event goes: the indices of those after it move up. */
void ask_parse_remove_event(struct ask_question *q, size_t at)
{
    for (size_t i = at; i + 1 < q->event_count; i++)
        q->events[i] = q->events[i + 1];
    q->event_count--;
    for (size_t i = 0; i < q->event_count; i++) {
        struct ask_event *event = &q->events[i];
        event->linked -= event->linked != ASK_NONE && event->linked > at ? 1 : 0;
        event->or_with -= event->or_with != ASK_NONE && event->or_with > at ? 1 : 0;
    }
}

static bool is_alternative(const struct ask_question *q, size_t at)
{
    for (size_t i = 0; i < q->event_count; i++)
        if (q->events[i].or_with == at || q->events[i].linked == at)
            return true;
    return q->events[at].or_with != ASK_NONE;
}

/* "the dose of heparin that was last prescribed": what is said of prescriptions is said of the rows
 * that are read, not of their patients. */
static void absorb(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    struct ask_event *target = &q->events[0];
    for (size_t i = 1; i < q->event_count && target->predicate_count == 0; i++) {
        const struct ask_event *event = &q->events[i];
        if (event->table != target->table || event->negated || event->counted ||
            is_alternative(q, i) || event->predicate_count == 0 || event->has_time)
            continue;
        memcpy(target->predicates, event->predicates, sizeof target->predicates);
        target->predicate_count = event->predicate_count;
        if (!target->window.on)
            target->window = event->window;
        if (target->pick == ASK_ALL)
            target->pick = event->pick;
        if (target->scope == ASK_ALL) {
            target->scope = event->scope;
            target->scope_entity = event->scope_entity;
        }
        if (target->linked == ASK_NONE) {
            target->linked = event->linked != ASK_NONE && event->linked > i ? event->linked - 1 : event->linked;
            target->relation = event->relation;
            target->bounded = event->bounded;
            target->same_visit = event->same_visit;
            target->same = event->same;
            target->amount = event->amount;
            target->unit = event->unit;
        }
        size_t linked = target->linked;
        ask_parse_remove_event(q, i);
        target->linked = linked;
    }
}

static bool subject_open(const struct ask_parse *p)
{
    return p->has_subject && !p->subject_used;
}

/* A column that nothing was compared with: what is asked for, or by what is grouped. */
static void settle_subject(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    struct ask_attr attr = p->subject;
    const struct ask_column *column = p->has_subject ? ask_attr_column(p->catalogue, &attr) : NULL;
    if (!subject_open(p))
        return;
    bool category = attr.derived == ASK_PLAIN &&
                    (column->role == PROFILE_CATEGORY || column->role == PROFILE_CODE ||
                     column->type.kind == DATA_TEXT);
    bool numeric = attr.derived != ASK_PLAIN || data_type_is_numeric(column->type);
    struct ask_attr own;
    if (q->single || q->intent == ASK_WHAT || q->intent == ASK_LIST || q->intent == ASK_WHEN ||
        q->intent == ASK_VALUE_OF) {
        bool reached = q->has_target && !q->by_entity &&
                       ask_attr_of(p->catalogue, q->events[0].table, attr.table, attr.column, &own);
        own.derived = attr.derived;
        if (!reached) {
            q->by_entity = false;
            q->has_target = true;
            q->events[0].table = attr.table;
            own = attr;
            absorb(p);
        }
        if (!q->single && p->aggregate == ASK_NO_AGGREGATE && !reached && q->intent == ASK_WHAT &&
            numeric && !category) {
            q->measure = attr;
            q->has_measure = true;
            q->intent = ASK_DESCRIBE;
        } else {
            q->outputs[q->output_count++] = own;
            q->intent = q->intent == ASK_LIST ? ASK_LIST : ASK_VALUE_OF;
        }
        p->subject_used = true;
    } else if (category &&
               (q->intent == ASK_FREQUENT || q->intent == ASK_DESCRIBE ||
                q->intent == ASK_NO_INTENT) &&
               q->group_count == 0) {
        ask_parse_group(p, &attr);
        q->intent = q->intent == ASK_FREQUENT ? ASK_FREQUENT : ASK_COUNT;
        p->subject_used = true;
    } else if (numeric && !q->has_measure &&
               (q->intent == ASK_NO_INTENT || q->intent == ASK_DESCRIBE ||
                q->intent == ASK_TREND)) {
        q->measure = attr;
        q->has_measure = true;
        q->intent = q->intent == ASK_TREND ? ASK_TREND : ASK_DESCRIBE;
        p->subject_used = true;
    }
}

/* What --grain says is counted, where the question leaves it open. */
static enum ask_entity_kind default_entity(const struct ask_parse *p)
{
    const char *grain = p->reading->options.grain;
    for (size_t e = 0; grain != NULL && e < ASK_ENTITIES; e++)
        if (p->catalogue->entities[e].known &&
            (strcmp(grain, ask_entity_one((enum ask_entity_kind)e)) == 0 ||
             (e == ASK_STAY && strcmp(grain, "stay") == 0)))
            return (enum ask_entity_kind)e;
    return ASK_PATIENT;
}

static void settle_target(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    if (q->has_measure && !q->has_target) {
        q->has_target = true;
        q->events[0].table = q->measure.table;
        if (q->measure.derived == ASK_AGE && q->measure.day == 0 && p->level != ASK_ADMISSION)
            q->events[0].pick = ASK_FIRST; /* each patient once */
    }
    if (!q->has_target && q->group_count > 0) {
        const struct ask_table *table = &p->catalogue->tables[q->groups[0].table];
        enum ask_entity_kind kind = ASK_PATIENT;
        for (size_t e = 0; e < ASK_ENTITIES; e++)
            if (p->catalogue->entities[e].known && !q->patients_said && !p->shares &&
                p->catalogue->entities[e].table == q->groups[0].table)
                kind = (enum ask_entity_kind)e;
        if (p->catalogue->entities[kind].known && table->reaches[kind])
            count_entity(p, kind);
    }
    if (!q->has_target && q->event_count > 1 && q->intent == ASK_WHAT)
        ask_parse_lacks(p, "what of it is asked: a value, a time, a number");
    else if (!q->has_target && q->event_count > 1 && p->catalogue->entities[ASK_PATIENT].known)
        count_entity(p, p->about_person ? ASK_PATIENT : default_entity(p));
    if (!q->has_target && (q->intent == ASK_MISSING || q->by_time || q->intent == ASK_TREND) &&
        p->catalogue->entities[ASK_PATIENT].known)
        count_entity(p, q->intent != ASK_MISSING && p->catalogue->entities[ASK_ADMISSION].known
                            ? ASK_ADMISSION
                            : ASK_PATIENT);
}

/* The way to where the attribute begins, and on from there. */
static bool join_path(const struct ask_parse *p, size_t from, struct ask_attr *attr)
{
    struct ask_path path;
    if (!ask_path_find(p->catalogue, from, attr->table, &path) ||
        path.count + attr->path.count > ASK_STEPS)
        return false;
    for (size_t i = 0; i < attr->path.count; i++)
        path.steps[path.count++] = attr->path.steps[i];
    attr->path = path;
    attr->table = from;
    return true;
}

static bool is_plain(const struct ask_parse *p, size_t at)
{
    const struct ask_event *event = &p->q->events[at];
    return !event->negated && !event->counted && !event->has_time && !event->window.on &&
           !event->variable && event->pick == ASK_ALL && event->scope == ASK_ALL &&
           event->linked == ASK_NONE && !is_alternative(p->q, at) && event->predicate_count > 0;
}

/* Conditions on the rows that the groups are read of are of the very row: "died in hospital by insurance". */
static void absorb_conditions(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    for (size_t i = 1; i < q->event_count;) {
        const struct ask_event *event = &q->events[i];
        if (event->table != q->events[0].table || !is_plain(p, i) ||
            q->events[0].predicate_count + event->predicate_count > ASK_PREDICATES) {
            i++;
            continue;
        }
        for (size_t k = 0; k < event->predicate_count; k++) {
            struct ask_predicate *predicate = &q->events[0].predicates[q->events[0].predicate_count++];
            *predicate = event->predicates[k];
            predicate->part = predicate->part || event->part;
        }
        p->last = p->last != ASK_NONE && p->last > i ? p->last - 1 : p->last == i ? ASK_NONE : p->last;
        ask_parse_remove_event(q, i);
    }
}

/* Groups are read from the target's rows; a patient in several groups is counted in each. */
static void settle_groups(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    for (size_t g = 0; g < q->group_count; g++) {
        struct ask_attr *group = &q->groups[g], own;
        const struct ask_column *column = ask_attr_column(p->catalogue, group);
        bool age = group->derived == ASK_AGE ||
                   (ask_words_have(&column->words, "age") &&
                    data_type_is_numeric(column->type) && column->distinct > FEW_VALUES);
        if (group->parts != 0) {
            if (q->intent == ASK_SHARE || q->group_count > 1) {
                ask_parse_lacks(p, "groups of %s of their own: counts and summaries have them, shares and several groupings do not", column->name);
                return;
            }
        } else if (age)
            group->band = 10;
        else if (group->derived == ASK_PLAIN && column->role == PROFILE_MEASURE &&
                 column->distinct > FEW_VALUES) {
            ask_parse_lacks(p, "bands of %s to group by: ask above and below a value",
                            column->name);
            return;
        }
        size_t end = ask_attr_table(group);
        if (group->path.count == 0 && q->events[0].table == group->table)
            continue;
        if (group->path.count == 0 &&
            ask_attr_of(p->catalogue, q->events[0].table, end, group->column, &own)) {
            own.derived = group->derived;
            own.band = group->band;
            own.parts = group->parts;
            *group = own;
            continue;
        }
        if (q->events[0].table == group->table)
            continue;
        if (group->path.count > 0 && join_path(p, q->events[0].table, group))
            continue;
        bool movable = q->by_entity && q->events[0].predicate_count == 0 &&
                       q->events[0].pick == ASK_ALL &&
                       p->catalogue->tables[group->table].reaches[q->entity];
        if (!movable) {
            ask_parse_lacks(p, "a way from %s to %s that gives one %s each", target_table(p)->name,
                            p->catalogue->tables[group->table].name, column->name);
            return;
        }
        q->events[0].table = group->table;
        if (group->derived == ASK_AGE) { /* each once, at the first */
            q->events[0].pick = ASK_FIRST;
            continue;
        }
        absorb_conditions(p);
        ask_note(p->reading, p->reading->warnings, "one %s can be in several groups",
                 ask_entity_one(q->entity));
        g = SIZE_MAX; /* the others again, from this table */
    }
}

static void settle_time(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    struct ask_attr time;
    bool by_visit = false;
    if (q->intent == ASK_TREND && !q->by_time) {
        q->by_time = true;
        q->time_unit = ASK_YEAR;
    }
    if (!q->by_time || !q->has_target)
        return;
    if (ask_time_of(p->catalogue, q->events[0].table, &time, &by_visit))
        return;
    if (q->time_unit == ASK_YEAR && q->group_count < ASK_GROUPS &&
        year_column(p, q->events[0].table, &time)) { /* years, no dates */
        q->by_time = false;
        q->groups[q->group_count++] = time;
        if (q->intent == ASK_TREND)
            q->intent = q->has_measure ? ASK_DESCRIBE : ASK_COUNT;
        return;
    }
    if (q->by_entity && p->catalogue->entities[ASK_ADMISSION].known &&
        q->events[0].predicate_count == 0 &&
        p->catalogue->tables[p->catalogue->entities[ASK_ADMISSION].table].reaches[q->entity])
        q->events[0].table = p->catalogue->entities[ASK_ADMISSION].table;
    else
        ask_parse_lacks(p, "dates in %s", target_table(p)->name);
}

static bool both_reach(const struct ask_parse *p, size_t table, enum ask_entity_kind kind)
{
    return p->catalogue->tables[table].reaches[kind] && target_table(p)->reaches[kind] &&
           (p->catalogue->entities[kind].key >= 0 || table == p->q->events[0].table);
}

static void settle_levels(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    for (size_t i = 1; i < q->event_count; i++) {
        struct ask_event *event = &q->events[i];
        enum ask_entity_kind level = event->level;
        if (event->person && !q->by_entity && both_reach(p, event->table, ASK_ADMISSION) &&
            p->catalogue->entities[ASK_ADMISSION].table == event->table) {
            level = ASK_ADMISSION; /* rows of an admission at which the patient was so old */
            event->pick = ASK_ALL;
        }
        if (level == ASK_ENTITIES)
            level = q->by_entity ? q->entity : q->patients_said ? ASK_PATIENT : ASK_ADMISSION;
        if (!both_reach(p, event->table, level))
            level = ASK_PATIENT;
        if (!both_reach(p, event->table, level)) {
            ask_parse_lacks(p, "a way from %s to the %s of %s",
                            p->catalogue->tables[event->table].name, ask_entity_many(ASK_PATIENT),
                            target_table(p)->name);
            return;
        }
        event->level = level;
    }
}

static void settle_links(struct ask_parse *p)
{
    struct ask_attr time;
    for (size_t i = 0; i < p->q->event_count; i++) {
        struct ask_event *event = &p->q->events[i];
        if (event->has_time && event->same_visit && event->linked != ASK_NONE &&
            !p->catalogue->tables[event->table].reaches[ASK_ADMISSION])
            ask_parse_lacks(p, "the admission that a death belongs to: only its date is recorded");
        bool timed = event->window.on || event->linked != ASK_NONE || event->pick != ASK_ALL;
        if (!timed && event->linked == ASK_NONE)
            continue;
        struct ask_event *other = event->linked != ASK_NONE ? &p->q->events[event->linked] : NULL;
        if (!event->has_time &&
            !ask_time_of(p->catalogue, event->table, &time, &event->dated_by_visit))
            ask_parse_lacks(p, "dates in %s", p->catalogue->tables[event->table].name);
        else if (other != NULL && !other->has_time &&
                 !ask_time_of(p->catalogue, other->table, &time, &other->dated_by_visit))
            ask_parse_lacks(p, "dates in %s", p->catalogue->tables[other->table].name);
        else if (event->dated_by_visit)
            ask_note(p->reading, p->reading->warnings,
                     "%s has no dates of its own: its rows are dated by their admission",
                     p->catalogue->tables[event->table].name);
    }
}

/* "when was the highest potassium": the rows with it. */
static void settle_extreme(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    if (q->intent != ASK_WHEN || !q->has_measure || q->aggregate == ASK_NO_AGGREGATE)
        return;
    if (q->aggregate == ASK_MAX || q->aggregate == ASK_MIN)
        q->at_extreme = true;
    else
        ask_parse_lacks(p, "a moment: a mean or a total has none");
}

static void settle_intent(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    settle_extreme(p);
    if (q->has_measure && q->intent == ASK_COUNT) /* "mean platelet count" */
        q->intent = ASK_DESCRIBE;
    bool asks = q->intent == ASK_WHAT || q->intent == ASK_LIST || q->intent == ASK_NO_INTENT;
    if (q->has_measure && asks && !q->at_extreme)
        q->intent = q->aggregate != ASK_NO_AGGREGATE            ? ASK_DESCRIBE
                    : q->single || q->events[0].pick != ASK_ALL ? ASK_VALUE_OF
                                                                : ASK_DESCRIBE;
    else if (q->intent == ASK_WHAT && q->has_target)
        q->intent = q->output_count > 0 ? ASK_VALUE_OF : ASK_LIST;
    else if (q->intent == ASK_TIMES)
        q->intent = ASK_COUNT;
    else if (q->intent == ASK_NO_INTENT && q->has_target && (q->group_count > 0 || q->by_time))
        q->intent = ASK_COUNT;
    if (q->intent == ASK_DESCRIBE && !q->has_measure && q->by_entity && !q->per_count &&
        q->group_count > 0)
        q->intent = ASK_COUNT;
    if (q->has_measure && q->intent == ASK_DESCRIBE && !q->single && q->events[0].pick == ASK_ALL &&
        q->measure.derived == ASK_PLAIN && (q->patients_said || q->group_count > 0) &&
        target_table(p)->concept != ASK_CONCEPT_PATIENT &&
        target_table(p)->concept != ASK_CONCEPT_ADMISSION &&
        target_table(p)->concept != ASK_CONCEPT_STAY && target_table(p)->reaches[ASK_PATIENT] &&
        q->aggregate != ASK_MAX && q->aggregate != ASK_MIN && q->aggregate != ASK_SUM)
        q->per_entity = true;
}

/* "diagnosed with X and not readmitted within 2 months": the later is timed against the one before;
 * "the drugs of patients who had X at the same time": what is read against the condition. */
static void link_last(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    bool within = p->relation == ASK_WITHIN && p->bounded;
    bool after = p->relation == ASK_AFTER || p->ordered;
    bool same = p->relation >= ASK_SAME_TIME || (p->relation == ASK_REL_NONE && p->same_visit) ||
                p->same != ASK_REL_NONE;
    if (p->last == ASK_NONE || (!within && !same && p->relation != ASK_AFTER))
        return;
    size_t later = q->by_entity ? p->last : 0, earlier = q->by_entity ? p->last - 1 : p->last;
    if (earlier == later || (q->by_entity && earlier == 0) || q->events[later].linked != ASK_NONE ||
        q->events[earlier].negated)
        return;
    if (q->events[earlier].linked == later) { /* timed already: in the same visit as well */
        q->events[earlier].same_visit = q->events[earlier].same_visit || p->same_visit;
        q->events[earlier].same = p->same != ASK_REL_NONE ? p->same : q->events[earlier].same;
        p->same_visit = false;
        return;
    }
    if (q->events[earlier].linked != ASK_NONE)
        return;
    q->open[ASK_DOUBT_ORDER] = !within && !after && p->relation != ASK_SAME_TIME;
    struct ask_event *timed = &q->events[later];
    timed->linked = earlier;
    timed->relation = within || after || q->open[ASK_DOUBT_ORDER] ? ASK_AFTER : p->relation;
    timed->bounded = within;
    timed->amount = p->amount;
    timed->unit = p->unit;
    timed->same = p->same;
    timed->same_visit = p->same_visit;
    if (timed->relation == ASK_REL_NONE || q->by_entity)
        timed->relation = p->relation == ASK_SAME_TIME ? ASK_SAME_TIME : ASK_AFTER;
    p->relation = ASK_REL_NONE;
    p->bounded = p->same_visit = false;
}

static bool is_identity(const struct ask_parse *p, const struct ask_event *event)
{
    return event->predicate_count == 1 && event->level < ASK_ENTITIES &&
           p->catalogue->entities[event->level].table == event->table &&
           (int)event->predicates[0].attr.column == p->catalogue->entities[event->level].key;
}

/* A time that is said once of two things that follow one another is of both: "in 2104, sepsis after
 * an operation". A death may come later. */
static void share_window(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    for (size_t i = 0; i < q->event_count; i++) {
        struct ask_event *event = &q->events[i];
        struct ask_event *other = event->linked != ASK_NONE ? &q->events[event->linked] : NULL;
        if (other == NULL || event->has_time || other->has_time || is_identity(p, other))
            continue;
        if (event->window.on && !other->window.on)
            other->window = event->window;
        else if (other->window.on && !event->window.on && !event->negated)
            event->window = other->window;
    }
}

/* "length of stay of her first stay in the ICU" */
static void settle_stay(struct ask_parse *p, struct ask_attr *attr)
{
    const struct ask_entity *stay = &p->catalogue->entities[ASK_STAY];
    if (attr->derived != ASK_LENGTH_OF_STAY || p->level != ASK_STAY || !stay->known)
        return;
    const struct ask_table *table = &p->catalogue->tables[stay->table];
    if (table->time < 0 || table->end_time < 0)
        return;
    *attr = (struct ask_attr){.table = stay->table,
                              .column = (size_t)table->time,
                              .derived = ASK_LENGTH_OF_STAY};
}

/* "which patient is the oldest", "the age of the youngest patient" */
static void settle_oldest(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    bool extreme = p->aggregate == ASK_MAX || p->aggregate == ASK_MIN;
    if (!p->oldest || !extreme || q->has_measure || !ask_parse_age(p, &q->measure))
        return;
    q->has_measure = q->has_target = true;
    q->aggregate = p->aggregate;
    p->aggregate = ASK_NO_AGGREGATE;
    q->events[0].table = q->measure.table;
    q->events[0].pick = q->measure.derived == ASK_AGE ? ASK_FIRST : q->events[0].pick;
    q->at_extreme = q->intent == ASK_LIST;
    q->by_entity = q->at_extreme;
    q->entity = ASK_PATIENT;
    if (q->at_extreme)
        q->outputs[q->output_count++] = q->measure;
    else
        q->intent = ASK_DESCRIBE;
}

static void leftovers(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    if (p->when_clause)
        ask_parse_lacks(p, "what 'when' is about");
    if (p->count_mean || p->most)
        ask_parse_lacks(p, "what is to be counted, for each patient or admission");
    if (q->intent == ASK_FREQUENT && q->by_entity && q->group_count == 0)
        ask_parse_lacks(p, "what is to be counted of each %s", ask_entity_one(q->entity));
    if (p->comparing)
        ask_parse_lacks(p, "a number to compare with");
    if (p->relation != ASK_REL_NONE)
        ask_parse_lacks(p, "what the time is counted from");
    if (p->group)
        ask_parse_lacks(p, "a column to group by");
    if (p->aggregate != ASK_NO_AGGREGATE &&
        !(p->aggregate == ASK_SUM && (q->intent == ASK_COUNT || q->intent == ASK_TIMES)))
        ask_parse_lacks(p, "a column of numbers to take the %s of",
                        p->aggregate == ASK_MEAN     ? "mean"
                        : p->aggregate == ASK_MEDIAN ? "median"
                                                     : "extreme or total");
    if (p->missing)
        ask_parse_lacks(p, "a column whose missing values are meant");
    if (subject_open(p)) {
        p->reading->items[p->subject_item].quality = .4;
        ask_note(p->reading, p->reading->why, "what of %s is asked is not clear",
                 ask_attr_column(p->catalogue, &p->subject)->name);
    }
}

/* Do two conditions say different values of one column of the rows that are one for each patient? */
static bool is_contrast(const struct ask_parse *p, size_t a, size_t b)
{
    const struct ask_event *one = &p->q->events[a], *other = &p->q->events[b];
    const struct ask_entity *patient = &p->catalogue->entities[ASK_PATIENT];
    if (one->predicate_count != 1 || other->predicate_count != 1 || one->table != other->table ||
        one->table != patient->table || !patient->unique || one->negated || other->negated ||
        one->or_with != ASK_NONE || other->or_with != ASK_NONE || is_alternative(p->q, a) ||
        is_alternative(p->q, b) || one->counted || other->counted)
        return false;
    const struct ask_predicate *x = &one->predicates[0], *y = &other->predicates[0];
    if (x->attr.column != y->attr.column || x->attr.path.count > 0 || y->attr.path.count > 0 ||
        x->attr.derived != ASK_PLAIN || x->null || y->null || x->is_number != y->is_number)
        return false;
    return x->is_number ? x->op == ASK_EQ && y->op == ASK_EQ && x->low != y->low
                        : x->value_count == 1 && y->value_count == 1 &&
                              strcmp(x->values[0], y->values[0]) != 0;
}

/* "among smokers and nonsmokers", "men and women": no row is both; each is told of the two. */
static void settle_contrasts(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    for (size_t a = 1; a < q->event_count; a++)
        for (size_t b = a + 1; b < q->event_count; b++) {
            if (!is_contrast(p, a, b) || q->group_count == ASK_GROUPS)
                continue;
            struct ask_predicate *x = &q->events[a].predicates[0];
            const struct ask_predicate *y = &q->events[b].predicates[0];
            if (x->is_number) {
                x->op = ASK_BETWEEN;
                x->high = x->low > y->low ? x->low : y->low;
                x->low = x->low < y->low ? x->low : y->low;
                if (x->high - x->low > 1) { /* there may be something between */
                    ask_parse_lacks(p, "one of two values of %s at a time",
                                    ask_attr_column(p->catalogue, &x->attr)->name);
                    return;
                }
            } else {
                const char **values = arena_array(p->reading->arena, 2, sizeof *values);
                if (values == NULL)
                    return;
                values[0] = x->values[0];
                values[1] = y->values[0];
                x->values = values;
                x->value_count = 2;
                x->said = arena_printf(p->reading->arena, "%s and %s", x->said, y->said);
            }
            struct ask_attr attr = x->attr;
            q->events[a].part = false;
            x->part = false;
            ask_parse_remove_event(q, b);
            p->last = p->last == b ? a : p->last != ASK_NONE && p->last > b ? p->last - 1 : p->last;
            ask_parse_group(p, &attr);
            return;
        }
}

static bool on_one_column(const struct ask_event *one, const struct ask_event *other)
{
    for (size_t i = 0; i < one->predicate_count; i++)
        for (size_t k = 0; k < other->predicate_count; k++)
            if (ask_attr_table(&one->predicates[i].attr) == ask_attr_table(&other->predicates[k].attr) &&
                one->predicates[i].attr.column == other->predicates[k].attr.column)
                return true;
    return false;
}

/* Where the patients' own table has several rows of each, conditions are of one row: "good status at month 4". */
static void settle_same_rows(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    const struct ask_entity *patient = &p->catalogue->entities[ASK_PATIENT];
    if (!patient->known || patient->unique)
        return;
    for (size_t a = 1; a < q->event_count; a++)
        for (size_t b = a + 1; b < q->event_count;) {
            struct ask_event *one = &q->events[a], *other = &q->events[b];
            if (one->table != patient->table || other->table != patient->table || !is_plain(p, a) ||
                !is_plain(p, b) || one->part != other->part || on_one_column(one, other) ||
                one->predicate_count + other->predicate_count > ASK_PREDICATES) {
                b++;
                continue;
            }
            for (size_t i = 0; i < other->predicate_count; i++)
                one->predicates[one->predicate_count++] = other->predicates[i];
            one->person = one->person && other->person;
            p->last = p->last == b ? a : p->last != ASK_NONE && p->last > b ? p->last - 1 : p->last;
            ask_parse_remove_event(q, b);
            ask_note(p->reading, p->reading->why, "the conditions on %s are of the same row",
                     p->catalogue->tables[patient->table].name);
        }
}

/* "how many days have passed since …": of one patient, the last time unless another is said. */
static void settle_since(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    if (!q->since)
        return;
    if (!q->single || q->intent != ASK_WHEN || p->reading->now_day == 0)
        ask_parse_lacks(p, "the moment of one patient since which time has passed");
    else if (q->events[0].pick == ASK_ALL && !q->at_extreme)
        q->events[0].pick = ASK_LAST;
}

/* "the first care unit of patient 7": the column of that name, of the first stay. */
static void settle_named_pick(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    if (!q->single || q->output_count == 0 || q->events[0].pick != ASK_ALL)
        return;
    const struct ask_words *words = &ask_attr_column(p->catalogue, &q->outputs[0])->words;
    bool first = words->count > 1 && strcmp(words->text[0], "first") == 0;
    bool last = words->count > 1 && strcmp(words->text[0], "last") == 0;
    for (size_t i = 0; (first || last) && i < p->reading->item_count; i++) {
        const struct ask_item *item = &p->reading->items[i];
        if (item->class == ASK_COLUMN &&
            strcmp(p->reading->tokens[item->from].lower, words->text[0]) == 0)
            q->events[0].pick = first ? ASK_FIRST : ASK_LAST;
    }
}

void ask_parse_finish(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    ask_parse_flush(p);
    settle_contrasts(p);
    ask_parse_again_within(p);
    if (p->has_subject)
        settle_stay(p, &p->subject);
    if (q->has_measure)
        settle_stay(p, &q->measure);
    settle_subject(p);
    settle_target(p);
    settle_window(p);
    ask_parse_share(p);
    settle_same_rows(p);
    if (p->pick != ASK_ALL && q->has_target && q->events[0].pick == ASK_ALL)
        q->events[0].pick = p->pick;
    settle_named_pick(p);
    settle_since(p);
    link_last(p);
    ask_parse_settle_counts(p);
    settle_oldest(p);
    leftovers(p);
    if (!q->has_target) {
        if (json_array_size(p->reading->missing) == 0)
            ask_parse_lacks(p, "anything that can be counted, listed or averaged");
        return;
    }
    size_t rows = q->events[0].table;
    if (q->per_count) /* groups are of those for whom it is counted */
        q->events[0].table = p->catalogue->entities[q->per].table;
    settle_groups(p);
    if (q->per_count && q->events[0].table != p->catalogue->entities[q->per].table)
        ask_parse_lacks(p, "a group that each %s is in once", ask_entity_one(q->per));
    if (q->per_count)
        q->events[0].table = rows;
    settle_time(p);
    if (json_array_size(p->reading->missing) > 0)
        return;
    share_window(p);
    settle_levels(p);
    settle_links(p);
    settle_intent(p);
}
