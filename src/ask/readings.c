/* What a question leaves open. Some things can be read two or three ways that the grammar can name:
 * the table at the end has them. Each way, and each combination, is a whole question of its own;
 * all are run, and where they answer alike the question is answered, else it is asked back with
 * them as choices. Each way has words that settle it, so that a choice means just that.
 *
 *     "the drugs most often prescribed after sepsis" ─┬─ counting rows      ─▶ plan
 *                                                     ├─ counting patients  ─▶ plan ─▶ alike?
 *                                                     └─ counting each pair ─▶ plan          */
#include "ask/grammar_priv.h"

#include <string.h>

#define MOST_OTHERS 24 /* more: too much is open to compare */

/* The event that is timed against another, or ASK_NONE. */
static size_t chained(const struct ask_question *q)
{
    for (size_t i = 0; i < q->event_count; i++)
        if (q->events[i].linked != ASK_NONE)
            return i;
    return ASK_NONE;
}

static bool is_on(const struct ask_reading *reading, const struct ask_event *event,
                  enum ask_entity_kind kind)
{
    return reading->catalogue->entities[kind].known &&
           reading->catalogue->entities[kind].table == event->table;
}

/* ---- which of the two comes first ---- */

static bool open_order(const struct ask_reading *reading)
{
    return reading->question.open[ASK_DOUBT_ORDER] && chained(&reading->question) != ASK_NONE;
}

static bool take_order(const struct ask_reading *reading, struct ask_question *q, int way)
{
    size_t at = chained(q);
    (void)reading;
    (void)way;
    if (at == ASK_NONE)
        return false;
    q->events[at].relation = q->events[at].same;
    return true;
}

/* ---- "within the past 2 months": from now, or from what comes before ---- */

static bool is_any(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* The item that says so, its amount and unit; NULL: there is none. */
static const struct ask_item *past_span(const struct ask_reading *reading, int64_t *ret_amount,
                                        enum ask_unit *ret_unit)
{
    static const char *const past[] = {"past", "last", "previous", NULL};
    static const char *const units[] = {"day", "week", "month", "year", "hour"};
    for (size_t i = 0; i < reading->item_count; i++) {
        const struct ask_item *item = &reading->items[i];
        bool relative = false, unit = false;
        if (item->class != ASK_WINDOW || item->used ||
            strcmp(reading->tokens[item->from].lower, "within") != 0)
            continue;
        *ret_amount = 1;
        for (size_t t = item->from; t < item->to; t++) {
            const struct ask_token *token = &reading->tokens[t];
            relative = relative || is_any(token->lower, past);
            if (token->number)
                *ret_amount = (int64_t)token->value;
            for (size_t u = 0; u < sizeof units / sizeof *units; u++)
                if (strcmp(token->stem, units[u]) == 0) {
                    *ret_unit = (enum ask_unit)u;
                    unit = true;
                }
        }
        if (relative && unit)
            return item;
    }
    return NULL;
}

/* What happened and may be counted from: no patient, no age, nothing that did not happen. */
static bool happened(const struct ask_reading *reading, const struct ask_event *event)
{
    struct ask_attr time;
    bool by_visit = false;
    return !event->person && !event->negated && !is_on(reading, event, ASK_PATIENT) &&
           ask_time_of(reading->catalogue, event->table, &time, &by_visit);
}

static bool open_now(const struct ask_reading *reading)
{
    const struct ask_question *q = &reading->question;
    int64_t amount;
    enum ask_unit unit;
    size_t count = q->by_entity ? 0 : 1;
    for (size_t i = 1; i < q->event_count; i++)
        count += happened(reading, &q->events[i]) || q->events[i].has_time ? 1 : 0;
    return count >= 2 && past_span(reading, &amount, &unit) != NULL;
}

static bool take_now(const struct ask_reading *reading, struct ask_question *q, int way)
{
    int64_t amount = 1;
    enum ask_unit unit = ASK_DAY;
    const struct ask_item *item = past_span(reading, &amount, &unit);
    (void)way;
    for (size_t i = q->event_count; i-- > 0;) {
        struct ask_event *event = &q->events[i];
        if (!event->window.on || event->window.from != item->window.from ||
            event->window.to != item->window.to)
            continue;
        event->window.on = false;
        if (i > 0 && event->predicate_count == 0 && event->linked == ASK_NONE &&
            is_on(reading, event, ASK_ADMISSION))
            ask_parse_remove_event(q, i); /* it was there for the time alone */
    }
    size_t at = chained(q);
    for (size_t i = 1; at == ASK_NONE && !q->by_entity && i < q->event_count; i++)
        if (happened(reading, &q->events[i])) {
            at = 0;
            q->events[0].linked = i;
        }
    if (at == ASK_NONE)
        return false;
    struct ask_event *later = &q->events[at];
    if (later->relation != ASK_BEFORE)
        later->relation = ASK_AFTER;
    later->bounded = true;
    later->amount = amount;
    later->unit = unit;
    return true;
}

/* ---- deaths after something ---- */

/* A death and what it is counted from; false: there is no such. */
static bool death_chain(const struct ask_question *q, size_t *ret_death, size_t *ret_before)
{
    *ret_death = chained(q);
    if (*ret_death == ASK_NONE)
        return false;
    const struct ask_event *event = &q->events[*ret_death];
    *ret_before = event->linked;
    return event->has_time && event->predicate_count > 0 &&
           event->predicates[0].attr.derived == ASK_DEATH;
}

static bool open_death_time(const struct ask_reading *reading)
{
    const struct ask_question *q = &reading->question;
    size_t death, before;
    return death_chain(q, &death, &before) &&
           q->events[death].window.on != q->events[before].window.on;
}

static bool take_death_time(const struct ask_reading *reading, struct ask_question *q, int way)
{
    size_t death, before;
    (void)reading;
    (void)way;
    if (!death_chain(q, &death, &before))
        return false;
    if (q->events[death].window.on)
        q->events[before].window = q->events[death].window;
    else
        q->events[death].window = q->events[before].window;
    return true;
}

static bool open_first(const struct ask_reading *reading)
{
    const struct ask_question *q = &reading->question;
    size_t death, from;
    if (!death_chain(q, &death, &from))
        return false;
    const struct ask_event *before = &q->events[from];
    return before->pick == ASK_ALL && before->linked == ASK_NONE && before->predicate_count > 0 &&
           (q->events[death].bounded || before->window.on || q->events[death].same_visit);
}

static bool take_first(const struct ask_reading *reading, struct ask_question *q, int way)
{
    size_t death, before;
    (void)reading;
    (void)way;
    if (!death_chain(q, &death, &before))
        return false;
    q->events[before].first_ever = true;
    return true;
}

/* ---- what makes a name frequent after something ---- */

static bool open_tally(const struct ask_reading *reading)
{
    const struct ask_question *q = &reading->question;
    return q->intent == ASK_FREQUENT && !q->by_key && !q->by_entity &&
           q->events[0].linked != ASK_NONE;
}

static bool take_tally(const struct ask_reading *reading, struct ask_question *q, int way)
{
    (void)reading;
    q->tally = (enum ask_tally)way;
    return true;
}

/* ---- "have been admitted": at any time, or are they still there ---- */

static bool open_admitted(const struct ask_reading *reading)
{
    const struct ask_question *q = &reading->question;
    const struct ask_event *event = &q->events[1];
    if (q->event_count != 2 || !q->by_entity || q->entity != ASK_PATIENT || q->group_count > 0 ||
        q->by_time || q->per_count || !is_on(reading, event, ASK_ADMISSION))
        return false;
    const struct ask_table *table = &reading->catalogue->tables[event->table];
    return event->predicate_count == 0 && !event->window.on && event->pick == ASK_ALL &&
           event->scope == ASK_ALL && !event->counted && !event->negated && !event->has_time &&
           event->linked == ASK_NONE && table->end_time >= 0 &&
           table->columns[table->end_time].nulls > 0;
}

static bool take_admitted(const struct ask_reading *reading, struct ask_question *q, int way)
{
    struct ask_event *event = &q->events[1];
    const struct ask_table *table = &reading->catalogue->tables[event->table];
    (void)way;
    event->predicates[event->predicate_count++] =
        (struct ask_predicate){.attr = {.table = event->table, .column = (size_t)table->end_time},
                               .source = ASK_NONE,
                               .null = true};
    return true;
}

/* ---- a column "first_careunit", or the care unit of the first row of where somebody was ---- */

static bool same_words(const struct ask_words *of, size_t from, const struct ask_words *other)
{
    if (of->count <= from || of->count - from != other->count)
        return false;
    for (size_t i = 0; i < other->count; i++)
        if (strcmp(of->text[from + i], other->text[i]) != 0)
            return false;
    return true;
}

/* Where the column without its "first" or "last" is, in a table with times. */
static bool plain_column(const struct ask_reading *reading, const struct ask_attr *attr,
                         struct ask_attr *ret)
{
    static const char *const leads[] = {"first", "last", NULL};
    const struct ask_catalogue *c = reading->catalogue;
    const struct ask_words *words = &ask_attr_column(c, attr)->words;
    if (attr->path.count > 0 || words->count < 2 || !is_any(words->text[0], leads))
        return false;
    for (size_t t = 0; t < c->table_count; t++)
        for (size_t i = 0; i < c->tables[t].column_count && !c->tables[t].hidden; i++)
            if (t != attr->table && c->tables[t].time >= 0 && c->tables[t].reaches[ASK_PATIENT] &&
                same_words(words, 1, &c->tables[t].columns[i].words)) {
                *ret = (struct ask_attr){.table = t, .column = i};
                return true;
            }
    return false;
}

static bool open_column(const struct ask_reading *reading)
{
    const struct ask_question *q = &reading->question;
    struct ask_attr other;
    const struct ask_event *target = &q->events[0];
    return q->single && q->output_count == 1 && !q->has_measure && target->pick != ASK_ALL &&
           target->predicate_count == 0 && target->linked == ASK_NONE &&
           plain_column(reading, &q->outputs[0], &other);
}

static bool take_column(const struct ask_reading *reading, struct ask_question *q, int way)
{
    (void)way;
    if (!plain_column(reading, &q->outputs[0], &q->outputs[0]))
        return false;
    q->events[0].table = q->outputs[0].table;
    const struct ask_attr *attr = &q->outputs[0]; /* a row that says nothing of it is none */
    q->events[0].predicates[q->events[0].predicate_count++] =
        (struct ask_predicate){.attr = *attr, .source = ASK_NONE, .null = true, .negated = true};
    return true;
}

/* ---- the time zero of survival, where patients are chosen by what happened to them ---- */

static bool open_zero(const struct ask_reading *reading)
{
    const struct ask_question *q = &reading->question;
    if (!q->statistics.on || !q->statistics.from_dates)
        return false;
    for (size_t i = 1; i < q->event_count; i++)
        if (!q->events[i].variable && !is_on(reading, &q->events[i], ASK_ADMISSION) &&
            happened(reading, &q->events[i]))
            return true;
    return false;
}

/* ---- the table: a way of reading is a line ---- */

static const struct {
    const char *says; /* what is not said */
    bool (*open)(const struct ask_reading *reading);
    bool (*take)(const struct ask_reading *reading, struct ask_question *q,
                 int way);       /* way 0 is the grammar's */
    int compared;                /* so many ways are likely enough to be run */
    const char *words[ASK_WAYS]; /* that settle it: they are in words.def */
} doubts[ASK_DOUBTS] = {
    [ASK_DOUBT_ORDER] = {"which of the two comes first is not said",
                         open_order,
                         take_order,
                         2,
                         {"one after the other", "in either order"}},
    [ASK_DOUBT_NOW] = {"'within the past' may be counted from now or from what comes before",
                       open_now,
                       take_now,
                       2,
                       {"counted from now", "counted from what comes before"}},
    [ASK_DOUBT_DEATH_TIME] = {"whether the time is that of the death as well is not said",
                              open_death_time,
                              take_death_time,
                              2,
                              {"the time being of one alone", "the time being of both"}},
    [ASK_DOUBT_FIRST] = {"whether it is counted from each patient's first or from any is not said",
                         open_first,
                         take_first,
                         2,
                         {"counted from any of them", "counted from the first of each patient"}},
    [ASK_DOUBT_TALLY] = {"a name may be frequent after something by its rows, or by each time that "
                         "it came after that",
                         open_tally,
                         take_tally,
                         2,
                         {"counting rows", "counting every pair", "counting patients"}},
    [ASK_DOUBT_COLUMN] = {"the first may be what the column says or what the times say",
                          open_column,
                          take_column,
                          2,
                          {"as the column says", "as the times say"}},
    [ASK_DOUBT_ADMITTED] = {"whether they are still there is not said",
                            open_admitted,
                            take_admitted,
                            2,
                            {"whether still there or not", "and are still there"}},
    [ASK_DOUBT_ZERO] = {"time to death may be counted from the first admission or from what the "
                        "patients are chosen by, which may be later: the second needs a column of "
                        "the time from it",
                        open_zero,
                        NULL,
                        1, /* it is asked back: the other way needs data */
                        {"counted from the first admission"}},
};

/* The question with the words that say which way each doubt is meant. */
static const char *settled_text(const struct ask_reading *reading, const bool *open,
                                const int *ways)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct str asked = str_trim(reading->text);
    while (asked.len > 0 && strchr("?.! ", asked.ptr[asked.len - 1]) != NULL)
        asked.len--;
    buf_add_str(&text, asked);
    for (size_t d = 0; d < ASK_DOUBTS; d++)
        if (open[d])
            buf_printf(&text, ", %s", doubts[d].words[ways[d]]);
    return text.failed ? NULL : arena_strndup(reading->arena, buf_text(&text), buf_view(&text).len);
}

/* Patients chosen by what happened later could not die before it: never counted so unasked. */
static void settle_zero(struct ask_reading *reading)
{
    struct ask_question *q = &reading->question;
    bool open[ASK_DOUBTS] = {[ASK_DOUBT_ZERO] = open_zero(reading)}, ok = true;
    int ways[ASK_DOUBTS] = {0};
    if (!open[ASK_DOUBT_ZERO])
        return;
    q->took[ASK_DOUBT_ZERO] = q->settled[ASK_DOUBT_ZERO] > 0;
    if (q->took[ASK_DOUBT_ZERO]) {
        ask_note(reading, reading->warnings,
                 "immortal time: patients are chosen by what may have happened after time zero; "
                 "until then none of them could die");
        return;
    }
    q->statistics.ask_back = true;
    ask_note(reading, reading->why, "%s", doubts[ASK_DOUBT_ZERO].says);
    const char *text = settled_text(reading, open, ways);
    if (text != NULL && !reading->options.trial)
        json_push_text(reading->choices, text, &ok);
    reading->failed = reading->failed || text == NULL || !ok;
}

void ask_readings_settle(struct ask_reading *reading)
{
    struct ask_question *q = &reading->question;
    if (!q->has_target || json_array_size(reading->missing) > 0)
        return;
    if (q->statistics.on) {
        settle_zero(reading);
        return;
    }
    for (size_t d = 0; d < ASK_DOUBTS; d++) {
        if (q->settled[d] == 0)
            continue;
        q->took[d] = doubts[d].open(reading) ||
                     (d == ASK_DOUBT_TALLY && q->intent == ASK_FREQUENT && !q->by_key);
        if (q->took[d] && q->settled[d] > 1)
            (void)doubts[d].take(reading, q, q->settled[d] - 1);
    }
}

/* The next combination of ways; false: it was the last. */
static bool next_ways(const bool *open, int *ways)
{
    for (size_t d = 0; d < ASK_DOUBTS; d++) {
        if (!open[d])
            continue;
        if (++ways[d] < doubts[d].compared)
            return true;
        ways[d] = 0;
    }
    return false;
}

static bool take_all(const struct ask_reading *reading, struct ask_question *q, const bool *open,
                     const int *ways)
{
    for (size_t d = 0; d < ASK_DOUBTS; d++)
        if (open[d] && ways[d] > 0 && !doubts[d].take(reading, q, ways[d]))
            return false;
    return true;
}

void ask_readings_find(struct ask_reading *reading)
{
    bool open[ASK_DOUBTS] = {false};
    int ways[ASK_DOUBTS] = {0};
    size_t count = 1;
    if (reading->status != ASK_ANSWERED || reading->question.statistics.on ||
        reading->item_count == 0)
        return;
    for (size_t d = 0; d < ASK_DOUBTS; d++) {
        open[d] = reading->question.settled[d] == 0 && doubts[d].open(reading);
        count *= open[d] ? (size_t)doubts[d].compared : 1;
    }
    if (count < 2)
        return;
    reading->others = arena_array(reading->arena, count, sizeof *reading->others);
    reading->settled = settled_text(reading, open, ways);
    while (reading->others != NULL && next_ways(open, ways) && reading->other_count < MOST_OTHERS) {
        struct ask_other *other = &reading->others[reading->other_count];
        other->question = reading->question;
        memcpy(other->ways, ways, sizeof ways);
        other->settled = settled_text(reading, open, ways);
        if (take_all(reading, &other->question, open, ways))
            reading->other_count++;
    }
    reading->failed = reading->failed || reading->others == NULL || reading->settled == NULL;
}

/* ---- the door ---- */

size_t ask_other_count(const struct ask_reading *reading)
{
    return reading->other_count;
}

enum err_code ask_other_lower(const struct ask_reading *reading, size_t other, struct plan *plan,
                              const struct plan_rel **ret, struct err *err)
{
    struct ask_reading *as = mem_alloc(sizeof *as);
    if (as == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a reading");
    *as = *reading;
    as->question = reading->others[other].question;
    enum err_code code = ask_lower(as, plan, ret, err);
    mem_free(as);
    return code;
}

static bool has_name(const json_t *rows, const json_t *name)
{
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (json_equal(json_array_get(json_array_get(rows, i), 0), name))
            return true;
    return false;
}

static bool names_in(const json_t *rows, const json_t *others)
{
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (!has_name(others, json_array_get(json_array_get(rows, i), 0)))
            return false;
    return true;
}

bool ask_other_same(const struct ask_reading *reading, const json_t *rows, const json_t *other_rows)
{
    return reading->question.intent == ASK_FREQUENT
               ? names_in(rows, other_rows) && names_in(other_rows, rows)
               : json_equal(rows, other_rows);
}

/* What is not said in the readings that are marked (NULL: in any), to why. */
static void say_open(const struct ask_reading *reading, const bool *marked, const char *but,
                     json_t *why, bool *ok)
{
    for (size_t d = 0; d < ASK_DOUBTS; d++) {
        bool said = false;
        for (size_t i = 0; i < reading->other_count; i++)
            said = said || (reading->others[i].ways[d] > 0 && (marked == NULL || marked[i]));
        if (!said)
            continue;
        AUTO(buf_done) struct buf text = BUF_INIT;
        buf_printf(&text, "%s%s", doubts[d].says, but);
        json_push_str(why, buf_view(&text), ok);
    }
}

enum err_code ask_other_choices(const struct ask_reading *reading, const bool *differs,
                                json_t *answer, struct err *err)
{
    json_t *choices = json_object_get(answer, "choices");
    bool ok = true;
    size_t shown = 0;
    say_open(reading, differs, "", json_object_get(answer, "why"), &ok);
    json_put_text(answer, "status", ask_status_text(ASK_ASKED_BACK), &ok);
    json_put_real(answer, "confidence", reading->confidence / 2, &ok);
    json_push_text(choices, reading->settled, &ok);
    for (size_t i = 0; i < reading->other_count && shown < 2; i++)
        if (differs[i]) {
            json_push_text(choices, reading->others[i].settled, &ok);
            shown++;
        }
    return json_built(ok, err);
}

enum err_code ask_other_agree(const struct ask_reading *reading, json_t *answer, struct err *err)
{
    bool ok = true;
    say_open(reading, NULL, ": each reading gives the same answer", json_object_get(answer, "why"),
             &ok);
    return json_built(ok, err);
}
