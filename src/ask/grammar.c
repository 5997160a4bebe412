/* The grammar: items, read once from left to right, become a typed question. No tree is built; what
 * each kind of item does to what is pending is one function, and the table at the end says which.
 *
 *     INTENT count · ENTITY patient · VERB medication · VALUE statin · NEGATION · VALUE diabetes
 *       target: patients    open: prescriptions   filter: drug in …      filter, negated: label in
 * …
 *
 * The first thing that can be counted or read is the target (event 0); everything after it
 * restricts it: conditions on the target's own table its rows, others the patients (or admissions)
 * that have such rows. */
#include "ask/grammar_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct ask_item *ask_parse_item(const struct ask_parse *p, size_t ahead)
{
    size_t at = p->at + ahead;
    return at < p->reading->item_count ? &p->reading->items[at] : NULL;
}

/* The next item that says something. */
static struct ask_item *next_item(struct ask_parse *p, size_t skip)
{
    for (size_t ahead = 1; ask_parse_item(p, ahead) != NULL; ahead++)
        if (ask_parse_item(p, ahead)->class != ASK_NOISE && skip-- == 0)
            return ask_parse_item(p, ahead);
    return NULL;
}

void ask_parse_lacks(struct ask_parse *p, const char *format, ...)
{
    char text[400];
    va_list args;
    bool ok = true;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_push_str(p->reading->missing, str_of(text), &ok);
    p->reading->failed = p->reading->failed || !ok;
}

/* ---- events
 * ---------------------------------------------------------------------------------------- */

/* When something of it happened. */
static bool has_time(const struct ask_parse *p, size_t at)
{
    struct ask_attr time;
    bool by_visit = false;
    const struct ask_event *event = &p->q->events[at];
    return event->has_time || ask_time_of(p->catalogue, event->table, &time, &by_visit);
}

/* What was pending for the next event goes to this one. */
static void settle(struct ask_parse *p, size_t at)
{
    struct ask_event *event = &p->q->events[at];
    if (p->pick != ASK_ALL && event->pick == ASK_ALL)
        event->pick = p->pick;
    p->pick = ASK_ALL;
    if (p->relation != ASK_REL_NONE && at != 0 &&
        p->q->event_count > 1) { /* this is what the one before is timed against */
        size_t main = p->last != ASK_NONE && p->last != at ? p->last : 0;
        main = p->q->events[main].person && !p->q->by_entity ? 0 : main; /* "to women in their 50s after …" */
        struct ask_event *timed = &p->q->events[main];
        if (main != at && timed->linked == ASK_NONE) {
            timed->linked = at;
            timed->relation = p->relation;
            timed->bounded = p->bounded;
            timed->amount = p->amount;
            timed->unit = p->unit;
            timed->same_visit = p->same_visit;
            timed->same = p->same;
        }
        p->relation = ASK_REL_NONE;
        p->bounded = p->same_visit = false;
        p->same = ASK_REL_NONE;
    }
    if (p->window.on && !event->window.on && has_time(p, at)) {
        event->window = p->window;
        p->window.on = false;
    }
}

size_t ask_parse_event(struct ask_parse *p, size_t table)
{
    struct ask_question *q = p->q;
    if (q->event_count == ASK_EVENTS) {
        ask_parse_lacks(p, "more than %d conditions", ASK_EVENTS - 1);
        return ASK_NONE;
    }
    size_t at = q->event_count++;
    q->events[at] = (struct ask_event){.table = table,
                                       .or_with = ASK_NONE,
                                       .linked = ASK_NONE,
                                       .negated = p->negate,
                                       .level = ASK_ENTITIES,
                                       .item = p->at};
    if (p->level >= 0)
        q->events[at].level = (enum ask_entity_kind)p->level;
    settle(p, at);
    p->last = at;
    p->open_table = ASK_NONE;
    return at;
}

void ask_parse_target(struct ask_parse *p, size_t table)
{
    p->q->has_target = true;
    p->q->events[0].table = table;
    settle(p, 0);
    p->last = ASK_NONE;
}

struct ask_predicate *ask_parse_predicate(struct ask_parse *p, size_t event,
                                          const struct ask_attr *attr)
{
    struct ask_event *to = &p->q->events[event];
    if (to->predicate_count == ASK_PREDICATES) {
        ask_parse_lacks(p, "more than %d conditions on one thing", ASK_PREDICATES);
        return &to->predicates[ASK_PREDICATES - 1];
    }
    struct ask_predicate *predicate = &to->predicates[to->predicate_count++];
    *predicate = (struct ask_predicate){.attr = *attr, .source = ASK_NONE, .item = p->at};
    return predicate;
}

void ask_parse_flush(struct ask_parse *p)
{
    if (p->open_table == ASK_NONE)
        return;
    bool negate = p->negate;
    if (p->open_verb && !p->open_negated && p->relation == ASK_REL_NONE && p->q->has_target &&
        !p->q->by_entity) {
        if (p->q->has_measure && p->open_table != p->q->events[0].table) {
            p->q->doubt = true;
            ask_note(p->reading, p->reading->why, "%s or %s may be meant",
                     p->catalogue->tables[p->q->events[0].table].name,
                     p->catalogue->tables[p->open_table].name);
        }
        p->open_table = ASK_NONE; /* "which tests did she undergo": the verb of what is asked for */
        return;
    }
    p->negate = p->open_negated;
    size_t at = ask_parse_event(p, p->open_table);
    if (at != ASK_NONE)
        p->q->events[at].item = p->open_item;
    p->negate = negate;
}

/* ---- items
 * ------------------------------------------------------------------------------------------- */

static void read_intent(struct ask_parse *p, struct ask_item *item)
{
    enum ask_intent intent = (enum ask_intent)item->code;
    if (intent == ASK_DIFFERENT) {
        p->q->different = true;
        intent = ASK_COUNT;
    }
    if (intent == ASK_DAYS_SINCE || intent == ASK_HOURS_SINCE) {
        p->q->since = true;
        p->q->since_unit = intent == ASK_DAYS_SINCE ? ASK_DAY : ASK_HOUR;
        intent = ASK_WHEN;
    }
    if (intent == p->q->intent)
        return;
    if (intent == ASK_MISSING && (p->negate || p->q->intent != ASK_NO_INTENT)) {
        if (p->negate) { /* "excluding n/a" */
            p->q->drop_null_groups = true;
            p->negate = false;
        } else {
            p->missing = true;
        }
        return;
    }
    if (intent == ASK_EXISTS && p->at > 0 && p->q->intent != ASK_NO_INTENT)
        return; /* "which patient has …" */
    if (intent == ASK_WHEN && (p->q->has_measure || p->has_subject)) {
        p->when_clause = true; /* "the last glucose when she first came to the hospital" */
        return;
    }
    if (intent == ASK_MOST) {
        p->most = true;
        return;
    }
    if (intent == ASK_COUNT && p->group && p->q->intent == ASK_FREQUENT)
        return; /* "top 5 patients by number of admissions" */
    if (intent == ASK_COUNT && p->aggregate != ASK_NO_AGGREGATE) {
        p->count_mean = true;
        p->q->aggregate = p->aggregate;
        p->aggregate = ASK_NO_AGGREGATE;
    }
    if (intent == ASK_FREQUENT && p->q->top == 0 && item->code == ASK_FREQUENT)
        p->q->top =
            item->to - item->from > 1 && strcmp(p->reading->tokens[item->from].lower, "most") != 0
                ? 0
                : 10;
    bool weak = p->q->intent == ASK_NO_INTENT || p->q->intent == ASK_WHAT ||
                p->q->intent == ASK_LIST || p->led;
    p->led = false;
    if (weak && !(p->q->intent == ASK_LIST && intent == ASK_WHAT))
        p->q->intent = intent;
    else if (intent == ASK_TREND || intent >= ASK_COMPARE_GROUPS)
        p->q->intent = intent == ASK_TIMES || intent == ASK_WHAT ? p->q->intent : intent;
}

/* "Was patient 7 …", "Have any …": a question that begins so is answered yes or no. */
static void read_lead(struct ask_parse *p, const struct ask_item *item)
{
    static const char *const leads[] = {"is", "are", "was", "were", "have", "had"};
    bool begins = true; /* after a time, perhaps: "in 2104, had patient 7 any …" */
    for (size_t i = 0; i < p->at; i++)
        begins = begins && p->reading->items[i].class == ASK_WINDOW;
    for (size_t i = 0; begins && i < sizeof leads / sizeof *leads; i++)
        if (strcmp(p->reading->tokens[item->from].lower, leads[i]) == 0) {
            p->q->intent = ASK_EXISTS;
            p->led = true;
        }
}

/* Patients with a visit that has not ended. */
static void take_current(struct ask_parse *p, enum ask_entity_kind kind)
{
    const struct ask_entity *visit = &p->catalogue->entities[kind];
    const struct ask_table *table = &p->catalogue->tables[visit->table];
    if (table->end_time < 0 || table->columns[table->end_time].nulls == 0) {
        ask_parse_lacks(p, "%s that have not ended: each has a time of its end", ask_entity_many(kind));
        return;
    }
    size_t at = ask_parse_event(p, visit->table);
    if (at == ASK_NONE)
        return;
    struct ask_attr end = {.table = visit->table, .column = (size_t)table->end_time};
    ask_parse_predicate(p, at, &end)->null = true;
}

/* "admissions without an ICU stay": another entity as a condition. */
static bool has_entity(const struct ask_parse *p, enum ask_entity_kind kind)
{
    static const char *const leads[] = {"with", "had", "have", "having", "an", "a", "any"};
    const struct ask_item *before = p->at > 0 ? &p->reading->items[p->at - 1] : NULL;
    if (!p->q->by_entity || p->q->entity == kind || kind == ASK_PATIENT ||
        p->pick != ASK_ALL || before == NULL)
        return false;
    if (p->negate)
        return true;
    for (size_t i = 0; before->class == ASK_NOISE && i < sizeof leads / sizeof *leads; i++)
        if (strcmp(p->reading->tokens[before->to - 1].lower, leads[i]) == 0)
            return true;
    return false;
}

/* An admission or a stay where the only table has one row for each patient: that row. */
static bool is_row(struct ask_parse *p, const struct ask_item *item)
{
    const struct ask_catalogue *c = p->catalogue;
    const struct ask_entity *patient = &c->entities[ASK_PATIENT];
    if (item->code == ASK_PATIENT || c->table_count != 1 || !patient->known || !patient->unique)
        return false;
    ask_note(p->reading, p->reading->why, "each row of %s is taken as one of the %s",
             c->tables[0].name, ask_entity_many((enum ask_entity_kind)item->code));
    return true;
}

static void read_entity(struct ask_parse *p, struct ask_item *item)
{
    enum ask_entity_kind kind = (enum ask_entity_kind)item->code;
    const struct ask_entity *entity = &p->catalogue->entities[kind];
    bool same = item->from > 0 && strcmp(p->reading->tokens[item->from - 1].lower, "same") == 0;
    if (!entity->known && kind != ASK_PATIENT && p->catalogue->table_count == 1 &&
        p->catalogue->entities[ASK_PATIENT].known && !p->catalogue->entities[ASK_PATIENT].unique &&
        !p->group) { /* several rows of each patient: visits */
        if (!p->q->has_target)
            ask_parse_target(p, 0);
        ask_note(p->reading, p->reading->why, "each row of %s is taken as one of the %s",
                 p->catalogue->tables[0].name, ask_entity_many(kind));
        return;
    }
    if (!entity->known && is_row(p, item)) {
        kind = ASK_PATIENT;
        entity = &p->catalogue->entities[kind];
        if (p->q->has_target)
            return; /* "patients … were emergency admissions" */
    }
    if (!entity->known) {
        ask_parse_lacks(p, "a table of %s", ask_entity_many(kind));
        return;
    }
    p->q->patients_said = p->q->patients_said || kind == ASK_PATIENT;
    if (same && kind == ASK_ADMISSION) { /* "in the same hospital visit" */
        p->same_visit = true;
        if (p->relation == ASK_WITHIN && !p->bounded)
            p->relation = ASK_REL_NONE;
        return;
    }
    if (ask_parse_ranked(p, entity->table, kind != p->q->entity))
        return;
    if (p->group) {
        p->group = false;
        if (!ask_parse_per(p, kind))
            ask_parse_lacks(p, "a figure for each %s: ask for a mart ('marrow mart build')",
                            ask_entity_one(kind));
        return;
    }
    if (p->q->has_target && (p->relation != ASK_REL_NONE || has_entity(p, kind))) {
        (void)ask_parse_event(p, entity->table);
        p->negate = false;
        return;
    }
    ask_parse_flush(p);
    bool head = !p->q->has_target && !p->q->has_measure && p->aggregate == ASK_NO_AGGREGATE &&
                p->q->intent != ASK_WHEN && p->q->intent != ASK_TIMES;
    if (head) {
        p->q->by_entity = true;
        p->q->entity = kind;
        ask_parse_target(p, entity->table);
    }
    if (kind == ASK_PATIENT && item->from > 0 && p->catalogue->entities[ASK_ADMISSION].known &&
        strcmp(p->reading->tokens[item->from - 1].lower, "current") == 0)
        take_current(p, ASK_ADMISSION);
    if (!head && p->q->intent == ASK_WHEN && kind != ASK_PATIENT && !p->q->has_target &&
        !p->q->has_measure)
        ask_parse_target(p, entity->table); /* "when was her last admission" */
    p->level = (int)kind;
    p->about_person = kind == ASK_PATIENT;
}

/* "how many drugs": a drug given twice is one drug; a prescription is a row. */
static bool says_kinds(const struct ask_parse *p, const struct ask_item *item)
{
    static const char *const kinds[] = {"drug", "medication", "medicine"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (item->to - item->from == 1 &&
            strcmp(p->reading->tokens[item->from].stem, kinds[i]) == 0)
            return true;
    return false;
}

/* Verbs of many uses: they say where a value is sought, and nothing alone. */
static bool is_soft(const struct ask_parse *p, const struct ask_item *item)
{
    static const char *const verbs[] = {"on", "given", "ordered", "administered", "taking"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(p->reading->tokens[item->to - 1].lower, verbs[i]) == 0)
            return true;
    return false;
}

/* The only table has several rows of each patient, with results: its rows are the tests. */
static bool is_tests(const struct ask_parse *p, enum ask_concept concept)
{
    static const char *const names[] = {"test", "result", "specimen", "lab", NULL};
    const struct ask_entity *patient = &p->catalogue->entities[ASK_PATIENT];
    bool found = false;
    if (p->catalogue->table_count != 1 || !patient->known || patient->unique ||
        (concept != ASK_CONCEPT_LAB && concept != ASK_CONCEPT_MICROBIOLOGY))
        return false;
    const struct ask_table *table = &p->catalogue->tables[0];
    for (size_t n = 0; names[n] != NULL; n++) {
        found = found || ask_words_have(&table->words, names[n]);
        for (size_t i = 0; i < table->column_count && !found; i++)
            found = ask_words_have(&table->columns[i].words, names[n]);
    }
    return found;
}

/* "how many venous catheter procedures": the noun after the value is what is counted. */
static bool heads_value(struct ask_parse *p, size_t table)
{
    struct ask_question *q = p->q;
    const struct ask_item *items = p->reading->items;
    if (p->at < 2 || items[p->at - 1].class != ASK_VALUE || items[p->at - 2].class != ASK_INTENT ||
        q->intent != ASK_COUNT || q->has_target || q->event_count != 2 || p->last != 1 ||
        q->events[1].table != table || q->events[1].negated || q->events[1].linked != ASK_NONE)
        return false;
    q->events[0] = q->events[1];
    q->events[0].level = ASK_ENTITIES;
    q->event_count = 1;
    q->has_target = true;
    p->last = ASK_NONE;
    if (p->subject_event == 1)
        p->subject_event = 0;
    return true;
}

static void read_about(struct ask_parse *p, struct ask_item *item)
{
    enum ask_concept concept = (enum ask_concept)item->code;
    size_t table = ask_concept_table(p->catalogue, concept);
    bool verb = item->class == ASK_VERB;
    p->prefer = concept;
    if (verb && (is_soft(p, item) || ask_parse_again(p, item) || ask_parse_discharged(p, item)))
        return;
    if (table == ASK_NONE && !verb && is_tests(p, concept))
        table = 0;
    if (table == ASK_NONE) {
        const struct ask_item *next = next_item(p, 0);
        if (verb && next != NULL && next->class == ASK_VALUE)
            return; /* its value may be elsewhere */
        const struct ask_item *before = p->at > 0 ? &p->reading->items[p->at - 1] : NULL;
        if (concept == ASK_CONCEPT_EVENT && before != NULL &&
            (before->class == ASK_ABOUT || before->class == ASK_VALUE)) {
            p->prefer = ASK_CONCEPT_NONE; /* "output events" */
            return;
        }
        ask_parse_lacks(p, "a table of %s", ask_concept_text(concept));
        return;
    }
    if (!verb && p->aggregate == ASK_SUM && !p->q->has_target && !p->q->has_measure &&
        p->catalogue->tables[table].value >= 0 &&
        (concept == ASK_CONCEPT_INTAKE || concept == ASK_CONCEPT_OUTPUT ||
         concept == ASK_CONCEPT_COST)) { /* amounts can be summed whatever they are of */
        p->q->has_measure = true;
        p->q->measure = (struct ask_attr){.table = table, .column = (size_t)p->catalogue->tables[table].value};
        p->q->aggregate = p->aggregate;
        p->aggregate = ASK_NO_AGGREGATE;
        ask_parse_target(p, table);
        return;
    }
    if (ask_parse_ranked(p, table, false) || (!verb && ask_parse_later_target(p, table)))
        return;
    if (p->group) {
        struct ask_attr name;
        if (ask_name_of(p->catalogue, table, &name))
            ask_parse_group(p, &name);
        return;
    }
    if (!verb && heads_value(p, table))
        return;
    if (p->last != ASK_NONE && p->q->events[p->last].table == table &&
        p->relation == ASK_REL_NONE && !p->negate && p->q->events[p->last].predicate_count > 0)
        return; /* "a diabetes diagnosis": the value came first */
    if (!p->q->has_target && (!verb || p->q->intent == ASK_WHEN || p->q->intent == ASK_EXISTS ||
                              p->q->intent == ASK_TIMES || p->q->intent == ASK_WHAT)) {
        if (p->q->intent == ASK_TIMES || p->q->intent == ASK_WHEN || !p->q->has_measure)
            ask_parse_target(p, table);
        p->q->different = p->q->different || (p->q->intent == ASK_COUNT && says_kinds(p, item));
        return;
    }
    if (p->q->has_target && !p->q->by_entity && p->q->events[0].table == table &&
        p->relation == ASK_REL_NONE)
        return;
    ask_parse_flush(p);
    p->open_table = table;
    p->open_negated = p->negate;
    p->open_item = p->at;
    p->open_verb = verb;
}

static void read_window(struct ask_parse *p, struct ask_item *item)
{
    const struct ask_item *next = next_item(p, 0);
    if (p->open_table != ASK_NONE && next != NULL && next->class == ASK_VALUE && !p->window.on) {
        p->window = item->window; /* "diagnosed this year with sepsis" */
        return;
    }
    ask_parse_flush(p);
    bool person = p->last != ASK_NONE && p->q->events[p->last].person && !p->q->by_entity;
    size_t at = p->last != ASK_NONE && !person && has_time(p, p->last) ? p->last : ASK_NONE;
    if (at == ASK_NONE && p->q->has_target && has_time(p, 0))
        at = 0;
    if (at == ASK_NONE || p->q->events[at].window.on) {
        p->window = item->window;
        return;
    }
    p->q->events[at].window = item->window;
}

static void read_scope(struct ask_parse *p, struct ask_item *item)
{
    enum ask_entity_kind kind = item->code < 16 ? ASK_ADMISSION : ASK_STAY;
    ask_parse_flush(p);
    if (p->q->intent == ASK_WHEN && !p->q->has_target && !p->q->has_measure)
        p->q->intent = ASK_NO_INTENT; /* "when she first came to the hospital, what was …" */
    if (!p->catalogue->entities[kind].known) {
        ask_parse_lacks(p, "a table of %s", ask_entity_many(kind));
        return;
    }
    if (item->code % 16 == ASK_CURRENT && p->last == ASK_NONE && p->q->by_entity && p->q->entity == ASK_PATIENT) {
        take_current(p, kind); /* "patients in the hospital" */
        return;
    }
    struct ask_event *event = &p->q->events[p->last != ASK_NONE ? p->last : 0];
    p->when_clause = false;
    event->scope = (enum ask_pick)(item->code % 16);
    event->scope_entity = kind;
}

/* "two or more times": of the condition said last, else of the names that are asked for. */
static void read_often(struct ask_parse *p, const struct ask_item *item)
{
    struct ask_question *q = p->q;
    ask_parse_flush(p);
    if (p->last != ASK_NONE && (q->by_entity || !q->has_target)) {
        q->events[p->last].counted = true;
        q->events[p->last].count_op = (enum ask_compare)item->code;
        q->events[p->last].count = (int64_t)item->number;
        return;
    }
    q->often = true;
    q->times_op = (enum ask_compare)item->code;
    q->times = (int64_t)item->number;
}

/* A column of numbers right after a number that nothing before it has. */
static bool number_column(struct ask_parse *p, struct ask_item *next, struct ask_attr *ret)
{
    const struct ask_item *item = ask_parse_item(p, 0);
    if (next == NULL || next->class != ASK_COLUMN || next->from != item->to ||
        (p->has_subject && !p->subject_used) || p->group)
        return false;
    ask_parse_column_attr(p, next, ret);
    const struct ask_column *column = ask_attr_column(p->catalogue, ret);
    return data_type_is_numeric(column->type) && column->distinct > 2;
}

/* over 65 · between 2 and 5 · at least 3 admissions */
static void read_numbers(struct ask_parse *p, struct ask_item *item)
{
    struct ask_attr attr;
    struct ask_item *next = next_item(p, 0), *second = next_item(p, 1);
    double low = item->number, high = item->high > low ? item->high : low;
    if (item->class == ASK_OFTEN) {
        read_often(p, item);
        return;
    }
    if (item->class == ASK_NUMBER && item->code >= ASK_NUMBER_OPEN) {
        p->comparing = true;
        p->ages = p->ages || item->code >= ASK_NUMBER_AGES;
        p->op = (enum ask_compare)(item->code % 100);
        if (item->code >= ASK_NUMBER_AGES) {
            ask_parse_numbers(p, low, high, false, ASK_DAY);
            return;
        }
    }
    if (p->comparing && item->class == ASK_NUMBER && number_column(p, next, &attr)) {
        p->subject = attr; /* "more than 3 positive nodes" */
        p->subject_event = ASK_NONE;
        p->has_subject = true;
        p->subject_used = p->ages = p->about_person = false;
        ask_parse_numbers(p, low, high, false, ASK_DAY);
        while (ask_parse_item(p, 0) != next)
            p->at++;
        return;
    }
    bool has_unit = item->class == ASK_DURATION;
    enum ask_unit unit = has_unit ? (enum ask_unit)item->code : ASK_DAY;
    if (p->comparing && p->op == ASK_BETWEEN) {
        if (next == NULL || next->class != ASK_AND || second == NULL ||
            (second->class != ASK_NUMBER && second->class != ASK_DURATION)) {
            ask_parse_lacks(p, "the end of the range");
            return;
        }
        high = second->number;
        has_unit = second->class == ASK_DURATION;
        unit = has_unit ? (enum ask_unit)second->code : ASK_DAY;
        while (ask_parse_item(p, 0) != second)
            p->at++;
    } else if (p->comparing && !has_unit && next != NULL &&
               (next->class == ASK_ENTITY || next->class == ASK_ABOUT)) {
        size_t table = next->class == ASK_ENTITY
                           ? p->catalogue->entities[next->code].table
                           : ask_concept_table(p->catalogue, (enum ask_concept)next->code);
        if (table != ASK_NONE &&
            (next->class == ASK_ABOUT || p->catalogue->entities[next->code].known)) {
            size_t at = ask_parse_event(p, table);
            if (at != ASK_NONE) {
                p->q->events[at].counted = true;
                p->q->events[at].count_op = p->op;
                p->q->events[at].count = (int64_t)low;
            }
            while (ask_parse_item(p, 0) != next)
                p->at++;
            p->comparing = false;
            return;
        }
    }
    ask_parse_numbers(p, low, high, has_unit, unit);
}

static void read_relation(struct ask_parse *p, struct ask_item *item)
{
    struct ask_item *next = next_item(p, 0);
    ask_parse_flush(p);
    enum ask_relation relation = (enum ask_relation)item->code;
    if (relation == ASK_WITHIN && next != NULL && next->class == ASK_DURATION) {
        p->bounded = true;
        p->amount = (int64_t)next->number;
        p->unit = (enum ask_unit)next->code;
        while (ask_parse_item(p, 0) != next)
            p->at++;
    }
    if (relation >= ASK_SAME_DAY) { /* "in the same month after …": both hold */
        p->same = relation;
        p->relation = p->relation == ASK_REL_NONE ? relation : p->relation;
        return;
    }
    p->relation = relation;
}

static void read_little(struct ask_parse *p, struct ask_item *item)
{
    const char *first = p->reading->tokens[item->from].lower;
    if (item->class == ASK_AGGREGATE)
    {
        p->aggregate = (enum ask_aggregate)item->code;
        p->oldest = strcmp(first, "oldest") == 0 || strcmp(first, "youngest") == 0;
    }
    if (item->class == ASK_PICK) {
        p->pick = (enum ask_pick)item->code;
        if (p->q->intent == ASK_WHAT && !p->q->has_target && !p->q->has_measure &&
            strcmp(p->reading->tokens[item->to - 1].lower, "time") == 0)
            p->q->intent = ASK_WHEN; /* "what was the last time that …" */
    }
    if (item->class == ASK_COMPARE) {
        p->comparing = true;
        p->op = (enum ask_compare)item->code;
        p->ages = strcmp(first, "older") == 0 || strcmp(first, "younger") == 0;
    }
    if (item->class == ASK_NOISE)
        read_lead(p, item);
    if (item->class == ASK_SETTLES) /* what could be read otherwise is said */
        p->q->settled[item->code / ASK_WAYS] = item->code % ASK_WAYS + 1;
    p->ordered = p->ordered || strcmp(first, "previously") == 0;
    if (item->class == ASK_NEGATION || item->class == ASK_BY)
        ask_parse_flush(p);
    if (item->class == ASK_TOP) {
        p->q->top = (int64_t)item->number;
        p->q->intent = ASK_FREQUENT;
    }
    p->negate = p->negate || item->class == ASK_NEGATION;
    p->or_next = p->or_next || item->class == ASK_OR;
    p->group = p->group || (item->class == ASK_BY && item->code == 0);
    if (item->class == ASK_BY && item->code > 0) { /* daily, monthly … */
        p->q->by_time = true;
        p->q->time_unit = (enum ask_unit)(item->code - 1);
    }
}

static void read_unit(struct ask_parse *p, struct ask_item *item)
{
    if (p->group) {
        p->q->by_time = true;
        p->q->time_unit = (enum ask_unit)item->code;
        p->group = false;
    } else if (p->q->intent != ASK_TREND) {
        item->class = ASK_UNKNOWN;
    }
}

/* "by sex and ward": another grouping; "by sex and age over 50" is a condition. */
static void read_and(struct ask_parse *p)
{
    size_t before = p->at;
    const struct ask_item *next = next_item(p, 0), *after = next_item(p, 1);
    while (before > 0 && p->reading->items[before - 1].class == ASK_NOISE)
        before--;
    bool condition = after != NULL && (after->class == ASK_COMPARE || after->class == ASK_NUMBER ||
                                       after->class == ASK_DURATION);
    p->group = p->group || (before > 0 && before - 1 == p->grouped && next != NULL && !condition &&
                            (next->class == ASK_COLUMN || next->class == ASK_DERIVED));
}

static void read_item(struct ask_parse *p, struct ask_item *item)
{
    switch (item->class) {
    case ASK_INTENT:
        read_intent(p, item);
        break;
    case ASK_ENTITY:
        read_entity(p, item);
        break;
    case ASK_ABOUT:
    case ASK_VERB:
        read_about(p, item);
        break;
    case ASK_DERIVED:
        ask_parse_derived(p, item);
        break;
    case ASK_COLUMN:
        ask_parse_column(p, item);
        break;
    case ASK_FLAG:
        ask_parse_flag(p, item, 0, item->code);
        break;
    case ASK_VALUE:
        ask_parse_value(p, item);
        break;
    case ASK_IDENTIFIED:
        ask_parse_identified(p, item);
        break;
    case ASK_NUMBER:
    case ASK_DURATION:
    case ASK_OFTEN:
        read_numbers(p, item);
        break;
    case ASK_WINDOW:
        read_window(p, item);
        break;
    case ASK_SCOPE:
        read_scope(p, item);
        break;
    case ASK_RELATION:
        read_relation(p, item);
        break;
    case ASK_UNIT:
        read_unit(p, item);
        break;
    case ASK_AGGREGATE:
    case ASK_PICK:
    case ASK_COMPARE:
    case ASK_NEGATION:
    case ASK_OR:
    case ASK_BY:
    case ASK_TOP:
    case ASK_NOISE:
    case ASK_SETTLES:
        read_little(p, item);
        break;
    case ASK_AND:
        read_and(p);
        break;
    case ASK_ORDINAL: case ASK_ROLE: case ASK_CLASS_END: case ASK_MOMENTS: case ASK_SERIES: case ASK_UNKNOWN: /* of statistics */
        break;
    }
}

void ask_grammar(struct ask_reading *reading)
{
    struct ask_parse p = {.reading = reading,
                          .catalogue = reading->catalogue,
                          .q = &reading->question,
                          .open_table = ASK_NONE,
                          .grouped = ASK_NONE,
                          .again = ASK_NONE,
                          .last = ASK_NONE,
                          .level = -1,
                          .subject_event = ASK_NONE};
    reading->question = (struct ask_question){.event_count = 1};
    reading->question.events[0] = (struct ask_event){
        .or_with = ASK_NONE, .linked = ASK_NONE, .level = ASK_ENTITIES, .table = ASK_NONE};
    for (size_t i = 0; i < reading->item_count; i++)
        p.shares = p.shares || ask_is_share(&reading->items[i]);
    bool statistical = ask_parse_statistics(&p);
    for (p.at = 0; p.at < reading->item_count; p.at++)
        if (!reading->items[p.at].used)
            read_item(&p, &reading->items[p.at]);
    if (statistical)
        ask_parse_settle_statistics(&p);
    else
        ask_parse_finish(&p);
}
