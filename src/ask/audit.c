/* Was every word of the question used? The grammar reads from left to right and keeps one thing
 * pending of each kind, so a second time, order or relation can push out the first. Here the
 * question that came of it is held against the words: what has no place in it is said and makes the
 * reading less sure, by the table at the end. */
#include "ask/ask_priv.h"

#include <math.h>
#include <string.h>

struct audit {
    struct ask_reading *reading;
    const struct ask_question *q;
    const struct ask_item *item;
    size_t at;
};

static bool is_word(const struct ask_reading *reading, const struct ask_item *item, size_t token,
                    const char *const *words)
{
    for (; token < item->to && *words != NULL; words++)
        if (strcmp(reading->tokens[token].lower, *words) == 0)
            return true;
    return false;
}

/* How many items of the class say the same: "first … first" needs two places. */
static size_t said_before(const struct audit *a, int code)
{
    size_t count = 0;
    for (size_t i = 0; i < a->at; i++)
        count += a->reading->items[i].class == a->item->class &&
                         a->reading->items[i].code == code && !a->reading->items[i].used
                     ? 1
                     : 0;
    return count;
}

static bool same_window(const struct ask_window *a, const struct ask_window *b)
{
    return a->on && b->on && a->from == b->from && a->to == b->to;
}

static bool lost_window(const struct audit *a)
{
    for (size_t i = 0; i < a->q->event_count; i++)
        if (same_window(&a->q->events[i].window, &a->item->window))
            return false;
    return true;
}

static bool lost_scope(const struct audit *a)
{
    size_t places = 0;
    for (size_t i = 0; i < a->q->event_count; i++) {
        const struct ask_event *event = &a->q->events[i];
        bool open = false; /* patients with a visit that has not ended */
        for (size_t k = 0; k < event->predicate_count && a->item->code % 16 == ASK_CURRENT; k++)
            open = open || (event->predicates[k].null && !event->predicates[k].negated);
        places += open || (event->scope == (enum ask_pick)(a->item->code % 16) &&
                           event->scope_entity == (a->item->code < 16 ? ASK_ADMISSION : ASK_STAY))
                      ? 1
                      : 0;
    }
    return places <= said_before(a, a->item->code);
}

static bool lost_pick(const struct audit *a)
{
    size_t places = 0;
    if (a->item->code == ASK_ALL)
        return false;
    for (size_t i = 0; i < a->q->event_count; i++)
        places += a->q->events[i].pick == (enum ask_pick)a->item->code ? 1 : 0;
    return places <= said_before(a, a->item->code);
}

static bool relates(const struct ask_event *event, enum ask_relation said)
{
    if (said == ASK_WITHIN)
        return event->bounded || event->relation == ASK_WITHIN || event->same_visit ||
               event->same != ASK_REL_NONE;
    if (said == ASK_SINCE || said == ASK_AFTER)
        return event->relation == ASK_AFTER || event->relation == ASK_SINCE;
    if (said == ASK_BEFORE || said == ASK_UNTIL)
        return event->relation == ASK_BEFORE || event->relation == ASK_UNTIL;
    return event->relation == said || event->same == said;
}

static bool lost_relation(const struct audit *a)
{
    size_t places = 0;
    for (size_t i = 0; i < a->q->event_count; i++)
        places += a->q->events[i].linked != ASK_NONE &&
                          relates(&a->q->events[i], (enum ask_relation)a->item->code)
                      ? 1
                      : 0;
    return places <= said_before(a, a->item->code);
}

/* A number is somewhere in the question as it was said, or turned into days. */
static bool lost_number(const struct audit *a)
{
    double number = a->item->number;
    if (a->q->times == (int64_t)number || a->q->top == (int64_t)number)
        return false;
    for (size_t i = 0; i < a->q->event_count; i++) {
        const struct ask_event *event = &a->q->events[i];
        if ((event->counted && event->count == (int64_t)number) ||
            (event->bounded && event->amount == (int64_t)number))
            return false;
        for (size_t k = 0; k < event->predicate_count; k++) {
            const struct ask_predicate *predicate = &event->predicates[k];
            if (predicate->is_number &&
                (predicate->attr.derived == ASK_LENGTH_OF_STAY ||
                 fabs(predicate->low - number) < 1e-9 || fabs(predicate->high - number) < 1e-9))
                return false;
        }
    }
    return true;
}

static bool lost_top(const struct audit *a)
{
    return a->q->top != (int64_t)a->item->number;
}

static bool lost_negation(const struct audit *a)
{
    if (a->q->drop_null_groups)
        return false;
    for (size_t i = 0; i < a->q->event_count; i++) {
        const struct ask_event *event = &a->q->events[i];
        if (event->negated)
            return false;
        for (size_t k = 0; k < event->predicate_count; k++)
            if (event->predicates[k].null || event->predicates[k].negated ||
                (event->predicates[k].is_number && event->predicates[k].low <= 0) ||
                ask_attr_column(a->reading->catalogue, &event->predicates[k].attr)->distinct <= 3)
                return false;
    }
    return true;
}

static bool lost_or(const struct audit *a)
{
    for (size_t i = 0; i < a->q->event_count; i++) {
        if (a->q->events[i].or_with != ASK_NONE)
            return false;
        for (size_t k = 0; k < a->q->events[i].predicate_count; k++)
            if (a->q->events[i].predicates[k].value_count > 1)
                return false;
    }
    return !lost_negation(a); /* "no A or B" is neither */
}

static bool lost_value(const struct audit *a)
{
    const char *said = ask_phrase(a->reading, a->item->from, a->item->to);
    for (size_t i = 0; i < a->q->event_count; i++)
        for (size_t k = 0; k < a->q->events[i].predicate_count; k++)
            if (a->q->events[i].predicates[k].said != NULL &&
                strstr(a->q->events[i].predicates[k].said, said) != NULL)
                return false;
    for (size_t i = 0; i < a->q->event_count; i++) /* "within 30 days of discharge" */
        if (a->q->events[i].has_time &&
            strncmp(a->reading->tokens[a->item->from].stem, "discharg", 8) == 0)
            return false;
    return true;
}

static bool is_column(const struct ask_attr *attr, const struct ask_item *item)
{
    for (size_t i = 0; i < item->column_count; i++)
        if (item->columns[i].column == attr->column &&
            item->columns[i].table == ask_attr_table(attr))
            return true;
    return false;
}

static bool lost_column(const struct audit *a)
{
    const struct ask_question *q = a->q;
    bool found = q->has_measure && is_column(&q->measure, a->item);
    for (size_t i = 0; i < q->output_count; i++)
        found = found || is_column(&q->outputs[i], a->item);
    for (size_t i = 0; i < q->group_count; i++)
        found = found || is_column(&q->groups[i], a->item) || q->groups[i].path.count > 0;
    for (size_t i = 0; i < q->event_count; i++)
        for (size_t k = 0; k < q->events[i].predicate_count; k++)
            found = found || is_column(&q->events[i].predicates[k].attr, a->item);
    return !found;
}

static bool lost_aggregate(const struct audit *a)
{
    enum ask_aggregate said = (enum ask_aggregate)a->item->code;
    bool counts = a->q->intent == ASK_COUNT || a->q->intent == ASK_TIMES;
    return a->q->aggregate != said && !(said == ASK_SUM && counts);
}

static bool lost_way(const struct audit *a)
{
    return !a->q->took[a->item->code / ASK_WAYS];
}

/* What a verb or a noun is about is a table of the question; words of many uses are about any. */
static bool lost_subject(const struct audit *a)
{
    static const char *const loose[] = {
        "test",      "tests",     "event",      "events",       "treatment",  "condition",
        "given",     "on",        "ordered",    "administered", "taking",     "measurement",
        "treated",   "input",     "lab",        "laboratory",   "treatments", "undergo",
        "underwent", "undergone", "undergoing", "for",          NULL};
    const struct ask_catalogue *c = a->reading->catalogue;
    if (is_word(a->reading, a->item, a->item->to - 1, loose))
        return false;
    for (size_t i = 0; i < a->q->event_count; i++)
        if (c->tables[a->q->events[i].table].concept == (enum ask_concept)a->item->code)
            return false;
    return !(a->q->has_measure &&
             c->tables[a->q->measure.table].concept == (enum ask_concept)a->item->code);
}

/* Two names of one column without a word between them that says how they belong together: one name
 * that was broken in two, most likely. */
static bool is_split(const struct audit *a)
{
    const struct ask_reading *reading = a->reading;
    const struct ask_catalogue *c = reading->catalogue;
    const struct ask_item *item = a->item;
    for (size_t i = a->at; i-- > 0 && item->match_count > 0;) {
        const struct ask_item *before = &reading->items[i];
        const struct str last = reading->tokens[before->to - 1].text;
        const char *gap = last.ptr + last.len, *next = reading->tokens[before->to].text.ptr;
        if (before->class == ASK_OR || before->class == ASK_AND || before->class == ASK_VERB ||
            before->class == ASK_NEGATION || before->class == ASK_RELATION ||
            memchr(gap, ',', (size_t)(next - gap)) != NULL)
            return false;
        if (before->class != ASK_VALUE || before->match_count == 0)
            continue;
        const struct ask_source *one = &c->sources[before->matches[before->chosen].source];
        const struct ask_source *two = &c->sources[item->matches[item->chosen].source];
        return one->table == two->table && one->column == two->column &&
               strstr(ask_phrase(a->reading, before->from, before->to),
                      ask_phrase(a->reading, item->from, item->to)) == NULL;
    }
    return false;
}

/* "output event time": a moment is asked for. */
static bool asks_time(const struct audit *a)
{
    const struct ask_item *before = a->at > 0 ? &a->reading->items[a->at - 1] : NULL;
    static const char *const times[] = {"time", NULL};
    return a->q->intent != ASK_WHEN && a->q->output_count == 0 && before != NULL &&
           (before->class == ASK_ABOUT || before->class == ASK_VALUE) &&
           a->item->to - a->item->from == 1 && is_word(a->reading, a->item, a->item->from, times);
}

/* Several labels that only a dictionary has, asked of one person: that no row has them says rather
 * that such things are not recorded than that they were not so. */
static bool is_unrecorded(const struct audit *a)
{
    const struct ask_catalogue *c = a->reading->catalogue;
    if (a->q->intent != ASK_EXISTS || !a->q->single || a->item->match_count == 0)
        return false;
    const struct ask_match *match = &a->item->matches[a->item->chosen];
    return match->count > 1 && c->tables[c->sources[match->source].table].reference;
}

/* "what is prescribed for patients with X": what something was given for is in no table; all that
 * such patients ever got is another list. */
static bool is_indication(const struct audit *a)
{
    const struct ask_catalogue *c = a->reading->catalogue;
    const struct ask_event *target = &a->q->events[0];
    enum ask_concept about = c->tables[target->table].concept;
    bool given = about == ASK_CONCEPT_MEDICATION || about == ASK_CONCEPT_PROCEDURE ||
                 about == ASK_CONCEPT_LAB;
    if (a->q->intent != ASK_LIST || a->q->single || a->q->by_entity || !given || a->q->often ||
        target->predicate_count > 0 || target->linked != ASK_NONE || target->window.on ||
        a->q->output_count > 0 || a->item->match_count == 0)
        return false;
    const struct ask_match *match = &a->item->matches[a->item->chosen];
    return c->tables[c->sources[match->source].table].concept == ASK_CONCEPT_DIAGNOSIS;
}

/* ---- the table ---- */

static const struct {
    enum ask_class class;
    double factor; /* of the confidence */
    bool (*lost)(const struct audit *audit);
    const char *says; /* of the words */
} rules[] = {
    {ASK_WINDOW, .5, lost_window, "the time '%s' has no place in the reading"},
    {ASK_SCOPE, .5, lost_scope, "'%s' has no place in the reading"},
    {ASK_PICK, .5, lost_pick, "'%s' has no place in the reading"},
    {ASK_RELATION, .5, lost_relation, "'%s' has no place in the reading"},
    {ASK_DURATION, .5, lost_number, "'%s' has no place in the reading"},
    {ASK_NUMBER, .5, lost_number, "the number '%s' has no place in the reading"},
    {ASK_TOP, .5, lost_top, "'%s' has no place in the reading"},
    {ASK_NEGATION, .5, lost_negation, "'%s' has no place in the reading"},
    {ASK_OR, .5, lost_or, "'%s' has no place in the reading"},
    {ASK_VALUE, .5, lost_value, "'%s' has no place in the reading"},
    {ASK_VALUE, .5, is_split, "how '%s' belongs to the name before it is not said"},
    {ASK_VALUE, .5, is_unrecorded,
     "no row has any of the labels with '%s': such things may not be recorded at all"},
    {ASK_VALUE, .5, is_indication,
     "what was given for '%s' is not recorded, only what such patients got: ask for the most "
     "frequent"},
    {ASK_NOISE, .5, asks_time, "'%s' has no place in the reading"},
    {ASK_COLUMN, .7, lost_column, "'%s' has no place in the reading"},
    {ASK_AGGREGATE, .5, lost_aggregate, "'%s' has no place in the reading"},
    {ASK_SETTLES, .5, lost_way, "'%s' has no place in the reading"},
    {ASK_VERB, .5, lost_subject, "'%s' has no place in the reading"},
    {ASK_ABOUT, .5, lost_subject, "'%s' has no place in the reading"},
};

double ask_audit(struct ask_reading *reading)
{
    struct audit a = {.reading = reading, .q = &reading->question};
    double sure = 1;
    if (!a.q->has_target || a.q->statistics.on || json_array_size(reading->missing) > 0)
        return 1;
    for (a.at = 0; a.at < reading->item_count; a.at++) {
        a.item = &reading->items[a.at];
        for (size_t r = 0; r < sizeof rules / sizeof *rules && !a.item->used; r++) {
            if (rules[r].class != a.item->class || !rules[r].lost(&a))
                continue;
            AUTO(buf_done) struct buf text = BUF_INIT;
            const char *said = ask_phrase(reading, a.item->from, a.item->to);
            const char *mark = strstr(rules[r].says, "%s");
            buf_add_str(&text, (struct str){rules[r].says, (size_t)(mark - rules[r].says)});
            buf_printf(&text, "%s%s", said, mark + 2);
            ask_note(reading, reading->why, "%s", buf_text(&text));
            sure *= rules[r].factor;
        }
    }
    return sure;
}
