/* Events by the index: rows instead of patients, for what a patient's bitmap can't tell.
 *
 *     rows of a view = (bitmaps of codes and texts) ∩ category ∩ status ──▶ {ordinal, first, last}
 * in order ──▶ dates, age ──▶ merged with another event's, patient by patient ──▶ at least N ──▶
 * bits
 *
 * What plan_event.c says in SQL, said again over sorted lists: tests/cohort/test_routes.c holds the
 * two together. An event without a day satisfies nothing that is asked of days. */
#include "cohort/index_priv.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct event {
    uint32_t ordinal;
    int32_t first, last;
};
struct events { /* by ordinal, then first day */
    struct event *items;
    size_t count, cap;
};

static void events_done(struct events *events)
{
    mem_free(events->items);
    *events = (struct events){.items = NULL};
}

static void auto_events_done(struct events *events)
{
    events_done(events);
}

static enum err_code no_memory(struct index_counter *counter)
{
    return err_set(counter->err, ERR_MEMORY, "no memory for events");
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

struct taking {
    struct index_counter *counter;
    const struct index_events *from;
    const struct cohort_resolved *resolved;
    struct events *to;
};

/* Room for count more. */
static bool reserve(struct events *events, size_t count)
{
    if (events->cap - events->count >= count)
        return true;
    size_t cap = events->count + count + events->cap;
    struct event *items = mem_resize(events->items, cap, sizeof *items);
    if (items == NULL)
        return false;
    events->items = items;
    events->cap = cap;
    return true;
}

static int64_t years_at(int64_t later, int64_t earlier)
{
    int64_t year, born_year;
    unsigned month, day, born_month, born_day;
    clock_civil_from_days(later, &year, &month, &day);
    clock_civil_from_days(earlier, &born_year, &born_month, &born_day);
    bool had = month > born_month || (month == born_month && day >= born_day);
    return year - born_year - (had ? 0 : 1);
}

/* For each day that the event and the birth can have been on; before birth there is no age. */
static bool has_age(const struct cohort_index *index, const struct event *event,
                    const struct cohort_span *age)
{
    int32_t born_first = index->born_first[event->ordinal],
            born_last = index->born_last[event->ordinal];
    if (born_first == INDEX_UNKNOWN_DAY || born_last == INDEX_UNKNOWN_DAY)
        return false;
    bool old_enough =
        age->low == 0 ? event->first >= born_last : years_at(event->first, born_last) >= age->low;
    return old_enough &&
           (age->high >= COHORT_AGE_MOST || years_at(event->last, born_first) <= age->high);
}

static bool holds(const struct taking *taking, const struct event *event)
{
    const struct cohort_event *asked = taking->resolved->event;
    if (event->first == INDEX_UNKNOWN_DAY)
        return !asked->dates.given && !asked->age.given;
    if (asked->dates.given &&
        ((asked->dates.low != COHORT_OPEN_LOW && event->first < asked->dates.low) ||
         (asked->dates.high != COHORT_OPEN_HIGH && event->last > asked->dates.high)))
        return false;
    return !asked->age.given || has_age(taking->counter->index, event, &asked->age);
}

static enum err_code take_rows(void *user, const uint32_t *rows, size_t count)
{
    struct taking *taking = user;
    const struct index_events *from = taking->from;
    if (!reserve(taking->to, count))
        return no_memory(taking->counter);
    for (size_t i = 0; i < count; i++) {
        struct event event = {from->ordinals[rows[i]], from->first[rows[i]], from->last[rows[i]]};
        if (holds(taking, &event))
            taking->to->items[taking->to->count++] = event;
    }
    return ERR_OK;
}

static enum err_code take_all(struct taking *taking)
{
    uint32_t rows[1024];
    for (uint32_t row = 0; row < taking->from->rows;) {
        size_t count = 0;
        for (; row < taking->from->rows && count < 1024; row++)
            rows[count++] = row;
        TRY(take_rows(taking, rows, count));
    }
    return ERR_OK;
}

/* The set of rows with that category or status: one more of those that are met. */
static enum err_code meet_word(struct index_counter *counter, struct index_set *all, size_t view,
                               unsigned slot, const char *text)
{
    char word[INDEX_WORD_BYTES];
    struct cohort_list parts = {0};
    if (text == NULL)
        return ERR_OK;
    cohort_lower_ascii(text, word);
    TRY(cohort_gather_value(counter, &parts, (unsigned)view + 1, slot, word, true));
    return cohort_set_of(counter, &parts, &all->children[all->child_count++]);
}

static enum err_code view_rows(struct index_counter *counter,
                               const struct cohort_resolved *resolved, size_t view,
                               struct events *to)
{
    struct index_set *children[3], all = {.children = children};
    struct taking taking = {counter, NULL, resolved, to};
    struct cohort_list parts = {0};
    TRY(cohort_index_events(counter->index, view, &taking.from, counter->err));
    if (!resolved->all_rows) {
        TRY(cohort_gather_matches(counter, &parts, resolved, view, true));
        TRY(cohort_set_of(counter, &parts, &children[all.child_count++]));
    }
    TRY(meet_word(counter, &all, view, SLOT_CATEGORY, resolved->event->category));
    TRY(meet_word(counter, &all, view, SLOT_STATUS, resolved->event->status));
    if (all.child_count == 0)
        return take_all(&taking);
    return cohort_blocks_each(&all, taking.from->rows, take_rows, &taking, counter->err);
}

static int by_patient_and_day(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->ordinal != y->ordinal)
        return x->ordinal < y->ordinal ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first ? 1 : 0;
}

/* What lies before `middle` and what lies behind it, each in order, become one in order. */
static enum err_code merge(struct index_counter *counter, struct events *events, size_t middle)
{
    size_t left = 0, right = middle, count = events->count;
    if (middle == 0 || middle == count)
        return ERR_OK;
    struct event *merged = mem_zalloc(count, sizeof *merged);
    if (merged == NULL)
        return no_memory(counter);
    for (size_t i = 0; i < count; i++) {
        bool takes_left =
            right == count ||
            (left < middle && by_patient_and_day(&events->items[left], &events->items[right]) <= 0);
        merged[i] = events->items[takes_left ? left++ : right++];
    }
    mem_free(events->items);
    *events = (struct events){merged, count, count};
    return ERR_OK;
}

/* ---- one event in time of another ---------------------------------------------------------------
 */

/* Is there one among the patient's others (by first day) that the relation holds for? Whatever is
 * within days of the event begins between two bounds. */
static bool meets(const struct event *event, const struct event *others, size_t count,
                  const struct cohort_relation *relation, int64_t least_last)
{
    bool before = relation->order == COHORT_BEFORE, after = relation->order == COHORT_AFTER;
    int64_t days = relation->days, first = event->first, last = event->last;
    if (days < 0) /* another day, however far */
        return before ? last < others[count - 1].first : first > least_last;
    int64_t begin = before ? last : last - days, end = after ? first : first + days;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (others[middle].first < begin)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && others[low].first <= end; low++)
        if (others[low].last <= end)
            return true;
    return false;
}

struct group { /* a patient's others whose days are known */
    size_t from, to;
    int64_t least_last;
};

/* The others of that patient, who comes behind the one before. */
static void next_group(struct group *group, const struct events *others, uint32_t ordinal)
{
    size_t from = group->to;
    while (from < others->count && others->items[from].ordinal < ordinal)
        from++;
    *group = (struct group){from, from, INT64_MAX};
    for (; group->to < others->count && others->items[group->to].ordinal == ordinal; group->to++) {
        const struct event *other = &others->items[group->to];
        if (other->first == INDEX_UNKNOWN_DAY) /* they are first of all */
            group->from = group->to + 1;
        else if (other->last < group->least_last)
            group->least_last = other->last;
    }
}

/* Keeps the events that the relation holds for with any of others; both are in order. */
static void keep_related(struct events *events, const struct events *others,
                         const struct cohort_relation *relation)
{
    size_t kept = 0;
    struct group group = {0, 0, 0};
    for (size_t i = 0; i < events->count; i++) {
        const struct event event = events->items[i];
        if (i == 0 || events->items[i - 1].ordinal != event.ordinal)
            next_group(&group, others, event.ordinal);
        if (group.to > group.from && event.first != INDEX_UNKNOWN_DAY &&
            meets(&event, others->items + group.from, group.to - group.from, relation,
                  group.least_last))
            events->items[kept++] = event;
    }
    events->count = kept;
}

/* Keeps the events of patients who have as many. */
static void keep_several(struct events *events, int64_t least)
{
    size_t kept = 0;
    for (size_t i = 0, to; i < events->count; i = to) {
        for (to = i; to < events->count && events->items[to].ordinal == events->items[i].ordinal;)
            to++;
        if ((int64_t)(to - i) < least)
            continue;
        memmove(events->items + kept, events->items + i, (to - i) * sizeof *events->items);
        kept += to - i;
    }
    events->count = kept;
}

/* ---- an event -----------------------------------------------------------------------------------
 */

static enum err_code find(struct index_counter *counter, const struct cohort_resolved *resolved,
                          struct events *ret);

/* An operand: an event, or any of several. */
static enum err_code find_operand(struct index_counter *counter, const struct cohort_node *node,
                                  struct events *ret)
{
    const struct cohort_resolved *events = counter->question->events;
    if (node->kind == COHORT_EVENT)
        return find(counter, &events[node->event->ordinal], ret);
    for (size_t i = 0; i < node->child_count; i++) {
        AUTO(events_done) struct events one = {.items = NULL};
        size_t middle = ret->count;
        TRY(find(counter, &events[node->children[i]->event->ordinal], &one));
        if (!reserve(ret, one.count + 1))
            return no_memory(counter);
        if (one.count > 0)
            memcpy(ret->items + middle, one.items, one.count * sizeof *one.items);
        ret->count += one.count;
        TRY(merge(counter, ret, middle));
    }
    return ERR_OK;
}

static enum err_code find(struct index_counter *counter, const struct cohort_resolved *resolved,
                          struct events *ret)
{
    const struct cohort_event *event = resolved->event;
    for (size_t i = 0; i < counter->question->views->count; i++) {
        size_t middle = ret->count;
        if (!resolved->views[i])
            continue;
        TRY(view_rows(counter, resolved, i, ret));
        TRY(merge(counter, ret, middle));
    }
    for (size_t i = 0; i < event->relation_count; i++) {
        AUTO(events_done) struct events others = {.items = NULL};
        TRY(find_operand(counter, event->relations[i].event, &others));
        keep_related(ret, &others, &event->relations[i]);
    }
    if (event->at_least > 1)
        keep_several(ret, event->at_least);
    return ERR_OK;
}

enum err_code cohort_events_set(struct index_counter *counter,
                                const struct cohort_resolved *resolved, struct index_set **ret)
{
    AUTO(events_done) struct events events = {.items = NULL};
    uint64_t *bits = NULL;
    TRY(find(counter, resolved, &events));
    TRY(cohort_bits_set(counter, false, &bits, ret));
    for (size_t i = 0; i < events.count; i++)
        bits[events.items[i].ordinal / 64] |= UINT64_C(1) << (events.items[i].ordinal % 64);
    return ERR_OK;
}
