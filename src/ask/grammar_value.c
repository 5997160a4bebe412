/* The grammar's nouns: values, columns, derived measures, numbers. Which of several meanings counts
 * is decided here, by what the words before were about. */
#include "ask/grammar_priv.h"

#include <math.h>
#include <string.h>

/* ---- values
 * --------------------------------------------------------------------------------------- */

static double score(const struct ask_parse *p, const struct ask_match *match)
{
    const struct ask_source *source = &p->catalogue->sources[match->source];
    double score = match->quality;
    if (p->prefer != ASK_CONCEPT_NONE && p->catalogue->tables[source->table].concept == p->prefer)
        score += .4;
    if (p->q->has_target && !p->q->by_entity && p->q->events[0].table == source->table)
        score += .25;
    if (p->has_subject && !p->subject_used && source->edge == ASK_NONE &&
        ask_attr_table(&p->subject) == source->table && p->subject.column == source->column)
        score += .6;
    if (p->aggregate != ASK_NO_AGGREGATE && p->catalogue->tables[source->table].value >= 0)
        score += .3;
    const struct ask_event *last = p->last != ASK_NONE ? &p->q->events[p->last] : NULL;
    if (last != NULL && last->table == source->table && last->predicate_count > 0 &&
        last->predicates[0].value_count > 0)
        score += .15; /* "sepsis or pneumonia" are of one kind */
    const struct ask_item *after = ask_parse_item(p, 1);
    if (after != NULL && after->class == ASK_ABOUT &&
        p->catalogue->tables[source->table].concept == (enum ask_concept)after->code)
        score += .4; /* "a urine microbiology test" */
    return score;
}

/* A label that only the dictionary knows: the same label's source over events, none of which have
 * it. */
static size_t over_events(const struct ask_parse *p, size_t dictionary)
{
    const struct ask_source *from = &p->catalogue->sources[dictionary];
    size_t found = ASK_NONE, count = 0;
    for (size_t s = 0; s < p->catalogue->source_count; s++) {
        const struct ask_source *source = &p->catalogue->sources[s];
        if (source->edge == ASK_NONE || p->catalogue->edges[source->edge].parent != from->table ||
            source->label_column != from->column)
            continue;
        if (p->prefer != ASK_CONCEPT_NONE &&
            p->catalogue->tables[source->table].concept == p->prefer)
            return s;
        found = s;
        count++;
    }
    return count == 1 ? found : ASK_NONE;
}

static void fill(struct ask_parse *p, struct ask_predicate *predicate,
                 const struct ask_match *match, struct ask_item *item)
{
    struct arena *arena = p->reading->arena;
    size_t have = predicate->value_count;
    const char **values = arena_array(arena, have + match->count, sizeof *values);
    if (values == NULL) {
        p->reading->failed = true;
        return;
    }
    if (have > 0)
        memcpy(values, predicate->values, have * sizeof *values);
    for (size_t i = 0; i < match->count; i++) {
        struct str text = ask_entry_text(p->reading->index, match->entries[i]);
        values[have + i] = arena_strndup(arena, text.ptr, text.len);
    }
    const char *said = ask_phrase(p->reading, item->from, item->to);
    predicate->said =
        predicate->said != NULL ? arena_printf(arena, "%s or %s", predicate->said, said) : said;
    predicate->values = values;
    predicate->value_count = have + match->count;
    predicate->source = match->source;
    predicate->exact = match->exact;
}

/* The event's condition on the same source, or NULL. */
static struct ask_predicate *on_source(struct ask_event *event, size_t source)
{
    for (size_t i = 0; i < event->predicate_count; i++)
        if (event->predicates[i].source == source)
            return &event->predicates[i];
    return NULL;
}

static size_t place(struct ask_parse *p, size_t table, size_t source)
{
    struct ask_question *q = p->q;
    const struct ask_table *t = &p->catalogue->tables[table];
    bool rows_of = (int)p->catalogue->sources[source].column == t->name_column;
    bool asks_value = p->aggregate != ASK_NO_AGGREGATE || p->pick != ASK_ALL ||
                      q->intent == ASK_WHAT || q->intent == ASK_DESCRIBE ||
                      q->intent == ASK_TREND || q->intent == ASK_NO_INTENT;
    bool entity_row =
        !q->has_target &&
        (q->intent == ASK_TIMES || q->intent == ASK_WHEN || q->intent == ASK_EXISTS) &&
        t->concept != ASK_CONCEPT_PATIENT;
    if (!q->has_target && !q->has_measure && rows_of && t->value >= 0 && asks_value && !p->negate) {
        ask_parse_target(p, table);
        q->has_measure = true;
        q->measure = (struct ask_attr){.table = table, .column = (size_t)t->value};
        q->aggregate = p->aggregate;
        p->aggregate = ASK_NO_AGGREGATE;
        return 0;
    }
    if (entity_row) {
        ask_parse_target(p, table);
        return 0;
    }
    bool ranks = q->intent == ASK_FREQUENT && !q->has_measure && q->group_count == 0 && rows_of &&
                 p->level == (int)ASK_PATIENT; /* of those who had it: it alone is no ranking */
    if (q->has_target && !q->by_entity && q->events[0].table == table &&
        p->relation == ASK_REL_NONE && !p->negate && !ranks) {
        p->pick = ASK_ALL == p->pick ? ASK_ALL : p->pick;
        if (p->pick != ASK_ALL && q->events[0].pick == ASK_ALL)
            q->events[0].pick = p->pick;
        p->pick = ASK_ALL;
        p->open_table = ASK_NONE;
        return 0;
    }
    struct ask_event *last = p->last != ASK_NONE ? &q->events[p->last] : NULL;
    bool same = last != NULL && last->table == table && p->relation == ASK_REL_NONE &&
                last->negated == p->negate && last->predicate_count > 0;
    bool known = same && on_source(last, source) != NULL;
    if (same && (p->or_next ? known : !known && p->open_table == table))
        return p->last; /* another alternative, or another condition on the same rows */
    if (p->open_table != ASK_NONE && p->open_table != table)
        ask_parse_flush(p);
    size_t before = p->last, at = ask_parse_event(p, table);
    if (at != ASK_NONE && p->or_next && before != ASK_NONE && !p->negate)
        q->events[at].or_with = before;
    return at;
}

/* The best and the next best meaning. */
static void choose(const struct ask_parse *p, struct ask_item *item, struct ask_match **ret_best,
                   struct ask_match **ret_next)
{
    *ret_best = *ret_next = NULL;
    for (size_t i = 0; i < item->match_count; i++) {
        struct ask_match *match = &item->matches[i];
        if (*ret_best == NULL || score(p, match) > score(p, *ret_best)) {
            *ret_next = *ret_best;
            *ret_best = match;
        } else if (*ret_next == NULL || score(p, match) > score(p, *ret_next)) {
            *ret_next = match;
        }
    }
}

/* "septic shock of the heart", "closed septic shock": more words about a value that was found. */
static bool is_appended(const struct ask_parse *p, const struct ask_item *item)
{
    static const char *const joins[] = {"of", "the", "a", "an", "in", "to", "for", NULL};
    const struct ask_item *after = ask_parse_item(p, 1);
    if (after != NULL && after->class == ASK_VALUE && after->from == item->to)
        return true;
    for (size_t at = p->at; at-- > 0;) {
        const struct ask_item *before = &p->reading->items[at];
        bool join = false;
        for (size_t i = 0; before->class == ASK_NOISE && joins[i] != NULL; i++)
            join = join || strcmp(p->reading->tokens[before->to - 1].lower, joins[i]) == 0;
        if (!join)
            return before->class == ASK_VALUE && at + 1 < p->at;
    }
    return false;
}

/* A single word that is only part of a label needs words before it that lead up to a value: "with
 * sepsis", not "patient 7 stayed", "tests available", "transfusion support". */
static bool leads_nowhere(const struct ask_parse *p, const struct ask_item *item,
                          const struct ask_match *best)
{
    static const char *const verbs[] = {"that", "who", "should", "can", "could", "will", "would",
                                        "did",  "does", "do", "be", "you", "i", "may", "when", "to", NULL};
    const struct ask_source *source = &p->catalogue->sources[best->source];
    const struct ask_item *before = p->at > 0 ? &p->reading->items[p->at - 1] : NULL;
    const struct ask_token *token = &p->reading->tokens[item->from];
    bool part = item->to - item->from == 1 && !best->exact &&
                token->text.len <= strlen(token->stem) + 2 &&
                (source->edge != ASK_NONE || p->catalogue->tables[source->table].reference ||
                 (int)source->column == p->catalogue->tables[source->table].name_column);
    if (!part || before == NULL || item->synonym)
        return false;
    if (is_appended(p, item))
        return true;
    const char *gap = p->reading->tokens[before->to - 1].text.ptr + p->reading->tokens[before->to - 1].text.len;
    if (memchr(gap, ',', (size_t)(token->text.ptr - gap)) != NULL)
        return false;
    switch (before->class) {
    case ASK_ENTITY:
    case ASK_IDENTIFIED:
    case ASK_COLUMN:
    case ASK_DERIVED:
    case ASK_NUMBER:
    case ASK_WINDOW:
    case ASK_SCOPE:
    case ASK_TOP:
        return true;
    case ASK_VALUE:
        return !p->about_person;
    case ASK_ABOUT:
        return p->catalogue->tables[source->table].concept != (enum ask_concept)before->code;
    case ASK_NOISE:
        for (size_t i = 0; verbs[i] != NULL; i++)
            if (strcmp(p->reading->tokens[before->to - 1].lower, verbs[i]) == 0)
                return true;
        return false;
    case ASK_INTENT:
    case ASK_AGGREGATE:
    case ASK_PICK:
    case ASK_COMPARE:
    case ASK_NEGATION:
    case ASK_OR:
    case ASK_AND:
    case ASK_BY:
    case ASK_VERB:
    case ASK_RELATION:
    case ASK_UNIT:
    case ASK_ORDINAL:
    case ASK_CLASS_END:
    case ASK_DURATION:
    case ASK_FLAG:
    case ASK_ROLE:
    case ASK_SETTLES:
    case ASK_OFTEN:
    case ASK_MOMENTS:
    case ASK_SERIES:
    case ASK_UNKNOWN:
        return false;
    }
    return false;
}

/* "patients were intubated" where that is the name of a test or a flag: it was measured, not that it was so. */
static bool is_state(const struct ask_parse *p, const struct ask_item *item, const struct ask_match *best)
{
    static const char *const words[] = {"are", "were", "was", "is", "been", "being", NULL};
    const struct ask_source *source = &p->catalogue->sources[best->source];
    const struct ask_table *table = &p->catalogue->tables[source->table];
    bool test = table->value >= 0 && (int)source->column == table->name_column &&
                table->concept != ASK_CONCEPT_MEDICATION && table->concept != ASK_CONCEPT_INTAKE;
    size_t at = (size_t)(item - p->reading->items);
    test = test && at > 1 && p->reading->items[at - 2].class == ASK_ENTITY;
    const char *before = item->from > 0 ? p->reading->tokens[item->from - 1].lower : "";
    for (size_t i = 0; test && words[i] != NULL; i++)
        if (strcmp(before, words[i]) == 0)
            return true;
    return false;
}

/* The same column in two tables, with the value for as many patients: one fact, kept twice. */
static bool is_same_fact(const struct ask_parse *p, const struct ask_match *a, const struct ask_match *b)
{
    const struct ask_source *one = &p->catalogue->sources[a->source],
                            *other = &p->catalogue->sources[b->source];
    const struct ask_words *words = &p->catalogue->tables[one->table].columns[one->column].words,
                           *others = &p->catalogue->tables[other->table].columns[other->column].words;
    bool same = words->count == others->count && a->patients == b->patients && a->count == b->count;
    for (size_t i = 0; same && i < words->count; i++)
        same = ask_words_have(others, words->text[i]);
    return same && one->edge == ASK_NONE && other->edge == ASK_NONE;
}

/* How sure it is that the phrase means this source; what makes it less sure is noted. */
static double sureness(struct ask_parse *p, const struct ask_item *item,
                       const struct ask_match *best, const struct ask_match *next)
{
    const struct ask_catalogue *c = p->catalogue;
    const char *said = ask_phrase(p->reading, item->from, item->to);
    size_t table = c->sources[best->source].table;
    if (next != NULL && score(p, next) > score(p, best) - .05 &&
        c->sources[next->source].table != table && !is_same_fact(p, best, next)) {
        ask_note(p->reading, p->reading->why, "'%s' is in %s and in %s", said,
                 c->tables[table].name, c->tables[c->sources[next->source].table].name);
        return .55;
    }
    bool several = best->count > 1 ||
                   (best->count == 1 && p->reading->index->entries[best->entries[0]].words > 3);
    const struct ask_token *first = item->from > 0 ? &p->reading->tokens[item->from - 1] : NULL;
    if (c->tables[table].value >= 0 && c->tables[table].concept != ASK_CONCEPT_MEDICATION &&
        !best->exact && several && !item->synonym &&
        item->to - item->from == 1 && (first == NULL || strcmp(first->lower, "any") != 0)) {
        ask_note(p->reading, p->reading->why, "'%s' is part of the names of %zu tests of %s: 'any %s' takes them all", said,
                 best->count, c->tables[table].name, said);
        return .55;
    }
    if (c->tables[table].reference && !best->exact && !p->q->has_target) {
        ask_note(p->reading, p->reading->why, "'%s' is only a part of labels that no row has", said);
        return .55;
    }
    if (is_state(p, item, best)) {
        ask_note(p->reading, p->reading->why, "'%s' is the name of a test of %s, which says that it was made, not what was found", said,
                 c->tables[table].name);
        return .55;
    }
    if (leads_nowhere(p, item, best)) {
        ask_note(p->reading, p->reading->why, "'%s' is part of values of %s, but nothing leads up to it",
                 said, c->tables[table].name);
        return .55;
    }
    if (!best->together) {
        ask_note(p->reading, p->reading->why,
                 "the words of '%s' are in values, but never side by side", said);
        return .55;
    }
    return item->corrected != NULL ? .8 : best->quality < .5 ? .6 : 1;
}

/* The source over events of what only a dictionary has; ASK_NONE: it is no event's. */
static size_t event_source(struct ask_parse *p, const struct ask_item *item, size_t source)
{
    const char *said = ask_phrase(p->reading, item->from, item->to);
    if (!p->catalogue->tables[p->catalogue->sources[source].table].reference)
        return source;
    source = over_events(p, source);
    if (source == ASK_NONE)
        ask_parse_lacks(p, "a table with events of '%s'", said);
    else
        ask_note(p->reading, p->reading->warnings, "'%s' is a known label, but no row of %s has it",
                 said, p->catalogue->tables[p->catalogue->sources[source].table].name);
    return source;
}

size_t ask_parse_source(struct ask_parse *p, struct ask_item *item, struct ask_attr *ret)
{
    struct ask_match *best, *next;
    choose(p, item, &best, &next);
    size_t source = best != NULL ? event_source(p, item, best->source) : ASK_NONE;
    if (source == ASK_NONE)
        return ASK_NONE;
    ask_source_attr(p->catalogue, &p->catalogue->sources[source], ret);
    item->chosen = (size_t)(best - item->matches);
    item->quality = sureness(p, item, best, next);
    return source;
}

void ask_parse_values(struct ask_parse *p, struct ask_predicate *predicate, size_t source,
                      struct ask_item *item)
{
    struct ask_match match = item->matches[item->chosen];
    match.source = source;
    fill(p, predicate, &match, item);
}

/* "positivity rate" is of tests, not of who was tested, and of results that are just positive. */
static bool fits_positivity(struct ask_parse *p, const struct ask_item *item,
                            const struct ask_source *from)
{
    if (strcmp(p->reading->tokens[item->from].stem, "positivity") != 0)
        return true;
    if (!item->matches[item->chosen].exact || from->edge != ASK_NONE) {
        ask_parse_lacks(p, "a column of results with the value 'positive'");
        return false;
    }
    if (p->shares && !p->q->has_target)
        ask_parse_target(p, from->table);
    return true;
}

void ask_parse_value(struct ask_parse *p, struct ask_item *item)
{
    struct ask_attr attr;
    size_t source = ask_parse_of_discharge(p, item) ? ASK_NONE : ask_parse_source(p, item, &attr);
    if (source == ASK_NONE)
        return;
    const struct ask_source *from = &p->catalogue->sources[source];
    if (p->has_subject && !p->subject_used && ask_attr_table(&p->subject) == from->table &&
        p->subject.column == from->column)
        p->subject_used = true;
    if (!fits_positivity(p, item, from))
        return;
    size_t at = place(p, from->table, source);
    if (at == ASK_NONE)
        return;
    struct ask_predicate *predicate = on_source(&p->q->events[at], source);
    if (predicate == NULL)
        predicate = ask_parse_predicate(p, at, &attr);
    ask_parse_values(p, predicate, source, item);
    const struct ask_table *table = &p->catalogue->tables[from->table];
    if (table->value >= 0) {
        p->subject = (struct ask_attr){.table = from->table, .column = (size_t)table->value};
        p->subject_event = at;
        p->has_subject = p->subject_used = true;
    }
    const struct ask_item *after = ask_parse_item(p, 1);
    p->or_next = false;
    p->about_person = ask_words_have(&table->columns[from->column].words, "sex") ||
                      ask_words_have(&table->columns[from->column].words, "gender");
    p->q->patients_said = p->q->patients_said || p->about_person;
    p->q->events[at].person = p->about_person && at != 0;
    p->negate = p->negate && after != NULL && (after->class == ASK_OR || after->class == ASK_AND);
}

/* ---- columns
 * ----------------------------------------------------------------------------------------- */

void ask_parse_group(struct ask_parse *p, const struct ask_attr *attr)
{
    p->group = false;
    p->grouped = p->at;
    if (p->q->group_count == ASK_GROUPS) {
        ask_parse_lacks(p, "more than %d groupings", ASK_GROUPS);
        return;
    }
    struct ask_attr *group = &p->q->groups[p->q->group_count++];
    const struct ask_column *column = ask_attr_column(p->catalogue, attr);
    *group = *attr;
    if (attr->path.count == 0 && attr->derived == ASK_PLAIN && column->label_step != ASK_NONE) {
        group->path.steps[group->path.count++] = p->catalogue->edges[column->label_step];
        group->column = column->label_column; /* what the code means, not the code */
    }
}

/* The candidate that goes with what is spoken of. */
static size_t choose_column(const struct ask_parse *p, const struct ask_item *item)
{
    size_t best = 0;
    double most = -1;
    for (size_t i = 0; i < item->column_count; i++) {
        const struct ask_table *table = &p->catalogue->tables[item->columns[i].table];
        double score = item->columns[i].quality - .01 * (double)i;
        if (p->q->has_target && p->q->events[0].table == item->columns[i].table)
            score += .3;
        if (p->open_table == item->columns[i].table)
            score += .3;
        if (!table->reaches[ASK_PATIENT])
            score -= .5;
        if (table->concept == ASK_CONCEPT_CALLOUT)
            score -= .2;
        if (score > most) {
            most = score;
            best = i;
        }
    }
    return best;
}

void ask_parse_column_attr(struct ask_parse *p, struct ask_item *item, struct ask_attr *ret)
{
    size_t chosen = choose_column(p, item);
    *ret = (struct ask_attr){.table = item->columns[chosen].table,
                             .column = item->columns[chosen].column};
    if (item->columns[chosen].quality < .95 && item->column_count > 1)
        item->quality = .85;
}

static void take_missing(struct ask_parse *p, const struct ask_attr *attr, size_t table)
{
    size_t at = ask_parse_event(p, table);
    if (at == ASK_NONE)
        return;
    struct ask_predicate *predicate = ask_parse_predicate(p, at, attr);
    predicate->null = true;
    p->q->events[at].negated = false;
    p->missing = false;
}

/* A column still open when another comes: "outcome by gender" counts outcomes and genders; else what is asked of
 * it is not clear, never dropped in silence. */
static void settle_earlier(struct ask_parse *p)
{
    if (!p->has_subject || p->subject_used)
        return;
    const struct ask_column *column = ask_attr_column(p->catalogue, &p->subject);
    bool category = p->subject.derived == ASK_PLAIN &&
                    (column->role == PROFILE_CATEGORY || column->type.kind == DATA_TEXT);
    if (p->group && category && !p->q->has_measure) {
        ask_parse_group(p, &p->subject);
        p->group = true;
    } else {
        p->reading->items[p->subject_item].quality = .4;
        ask_note(p->reading, p->reading->why, "what of %s is asked is not clear", column->name);
    }
    p->subject_used = true;
}

void ask_parse_attr(struct ask_parse *p, struct ask_item *item, const struct ask_attr *attr,
                    bool numeric)
{
    struct ask_question *q = p->q;
    const struct ask_item *next = ask_parse_item(p, 1);
    size_t table = attr->table;
    bool compared = next != NULL && (next->class == ASK_COMPARE || next->class == ASK_VALUE ||
                                     next->class == ASK_NUMBER);
    settle_earlier(p);
    if (item->parts != 0 && (!p->group || !numeric)) {
        ask_parse_lacks(p, "a column of numbers to make groups of: 'by COLUMN tertile'");
        return;
    }
    p->subject = *attr;
    p->subject_event = ASK_NONE;
    p->has_subject = true;
    p->subject_used = false;
    p->subject_item = p->at;
    if (p->group) {
        ask_parse_group(p, attr);
        p->subject_used = true;
    } else if (p->missing || (p->negate && !compared && q->has_target)) {
        p->negate = false;
        take_missing(p, attr, table);
        p->subject_used = true;
    } else if (!q->has_measure && !q->has_target && !compared && q->intent != ASK_LIST &&
               q->intent != ASK_COUNT && (numeric || q->intent == ASK_MISSING) &&
               (p->aggregate != ASK_NO_AGGREGATE || q->intent == ASK_DESCRIBE ||
                q->intent == ASK_TREND || q->intent == ASK_MISSING)) {
        q->measure = *attr;
        q->has_measure = true;
        q->aggregate = p->aggregate;
        p->aggregate = ASK_NO_AGGREGATE;
        p->subject_used = true;
    }
    item->quality = item->quality > 0 ? item->quality : 1;
}

/* "diabetics", "smokers" */
static bool is_people(const struct ask_parse *p, const struct ask_item *item)
{
    static const char *const ends[] = {"ers", "ics", "ives", NULL};
    const char *word = p->reading->tokens[item->to - 1].lower;
    size_t length = strlen(word);
    for (size_t i = 0; ends[i] != NULL; i++)
        if (length > strlen(ends[i]) && strcmp(word + length - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

/* The column is 1 (or what the word says): "with ascites", "males". */
void ask_parse_flag(struct ask_parse *p, const struct ask_item *item, size_t candidate, int value)
{
    struct ask_attr attr = {.table = item->columns[candidate].table,
                            .column = item->columns[candidate].column};
    if (p->group) {
        ask_parse_group(p, &attr);
        return;
    }
    size_t at = ask_parse_event(p, attr.table);
    if (at == ASK_NONE)
        return;
    struct ask_predicate *predicate = ask_parse_predicate(p, at, &attr);
    predicate->is_number = true;
    predicate->op = ASK_EQ;
    predicate->low = p->negate ? 1 - value : value; /* not recorded is not "without" */
    if (item->ranged) { /* "obese": a range of the body mass index */
        predicate->op = (enum ask_compare)item->code;
        predicate->low = item->number;
        predicate->high = item->high;
        p->q->events[at].negated = p->negate;
        p->about_person = true;
        p->negate = false;
        return;
    }
    const char **text = arena_array(p->reading->arena, 1, sizeof *text);
    if (text != NULL && ask_yes_no(p->reading, attr.table, attr.column, predicate->low > 0, text) &&
        *text != NULL) {
        predicate->is_number = false;
        predicate->values = text;
        predicate->value_count = 1;
        predicate->said = ask_phrase(p->reading, item->from, item->to);
    }
    p->q->events[at].negated = false;
    p->about_person = item->class == ASK_FLAG || (item->loose && is_people(p, item));
    p->q->patients_said = p->q->patients_said || p->about_person;
    p->negate = false;
}

/* "the control arm", "poor condition at baseline": the column of the value before. */
static bool is_of_value(const struct ask_parse *p, const struct ask_item *item,
                        const struct ask_attr *attr)
{
    const struct ask_item *before = p->at > 0 ? &p->reading->items[p->at - 1] : NULL;
    if (before == NULL || before->class != ASK_VALUE || before->to != item->from)
        return false;
    for (size_t e = 0; e < p->q->event_count; e++)
        for (size_t i = 0; i < p->q->events[e].predicate_count; i++) {
            const struct ask_predicate *predicate = &p->q->events[e].predicates[i];
            if (predicate->item + 1 == p->at && ask_attr_table(&predicate->attr) == attr->table &&
                predicate->attr.column == attr->column)
                return true;
        }
    return false;
}

void ask_parse_column(struct ask_parse *p, struct ask_item *item)
{
    size_t chosen = choose_column(p, item);
    struct ask_attr attr = {.table = item->columns[chosen].table,
                            .column = item->columns[chosen].column};
    if (is_of_value(p, item, &attr)) {
        item->quality = 1;
        return;
    }
    const struct ask_column *column = ask_attr_column(p->catalogue, &attr);
    const struct ask_item *next = ask_parse_item(p, 1);
    bool compared = next != NULL && (next->class == ASK_COMPARE || next->class == ASK_NUMBER);
    if (item->columns[chosen].quality < .95 && item->column_count > 1)
        item->quality = .85;
    attr.parts = p->group ? item->parts : 0;
    if (p->count_mean && !p->q->has_target && !p->q->has_measure &&
        data_type_is_numeric(column->type)) { /* "median number of positive nodes": a column of numbers */
        p->q->measure = attr;
        p->q->has_measure = true;
        p->count_mean = false;
        return;
    }
    const char *lead = p->reading->tokens[item->from].lower, *yes = NULL;
    if (p->pick == ASK_ALL && p->q->single && !p->group && (strcmp(lead, "first") == 0 || strcmp(lead, "last") == 0))
        p->pick = lead[0] == 'f' ? ASK_FIRST : ASK_LAST; /* the first care unit is of the first stay */
    if (!p->group && !p->missing && !compared && p->aggregate == ASK_NO_AGGREGATE &&
        (p->q->has_target || p->q->has_measure || p->q->intent == ASK_COUNT || p->shares) &&
        (ask_is_flag(p->reading, attr.table, attr.column) ||
         ask_yes_no(p->reading, attr.table, attr.column, true, &yes))) {
        ask_parse_flag(p, item, chosen, 1);
        return;
    }
    attr.parts = item->parts;
    ask_parse_attr(p, item, &attr, data_type_is_numeric(column->type));
}

/* ---- numbers
 * --------------------------------------------------------------------------------------------- */

static double in_units(const struct ask_attr *attr, double number, enum ask_unit unit)
{
    static const double days[] = {[ASK_DAY] = 1,
                                  [ASK_WEEK] = 7,
                                  [ASK_MONTH] = 30.4375,
                                  [ASK_YEAR] = 365.25,
                                  [ASK_HOUR] = 1.0 / 24};
    return attr->derived == ASK_LENGTH_OF_STAY ? number * days[unit] : number;
}

void ask_parse_numbers(struct ask_parse *p, double low, double high, bool has_unit,
                       enum ask_unit unit)
{
    struct ask_attr attr = p->subject;
    bool person = p->about_person && p->comparing && low >= 0 && low <= 120;
    bool age = p->ages || (has_unit && unit == ASK_YEAR && !p->has_subject) || person;
    struct ask_item *item = ask_parse_item(p, 0);
    if (age && !(p->has_subject && !p->subject_used)) {
        if (!ask_parse_age(p, &attr)) {
            ask_parse_lacks(p, "an age, or dates of birth and of admission");
            return;
        }
        p->subject_event = ASK_NONE;
    } else if (!p->has_subject || (!p->comparing && p->subject_used)) {
        item->class = ASK_UNKNOWN;
        return;
    }
    const struct ask_column *column = ask_attr_column(p->catalogue, &attr);
    if (attr.derived == ASK_PLAIN && !data_type_is_numeric(column->type)) {
        ask_parse_lacks(p, "numbers in %s", column->name);
        return;
    }
    bool own = p->q->has_target && !p->q->by_entity && p->q->events[0].table == attr.table;
    size_t at = p->subject_event != ASK_NONE ? p->subject_event
                : own                        ? 0
                                             : ask_parse_event(p, attr.table);
    if (at == ASK_NONE)
        return;
    struct ask_predicate *predicate = ask_parse_predicate(p, at, &attr);
    predicate->is_number = true;
    predicate->op = p->comparing ? p->op : ASK_EQ;
    predicate->low = in_units(&attr, low, unit);
    predicate->high = in_units(&attr, high, unit);
    p->q->events[at].person = at != 0 && (age || attr.derived == ASK_AGE);
    if (attr.derived == ASK_AGE && at != 0 && p->q->events[at].pick == ASK_ALL &&
        p->catalogue->entities[ASK_ADMISSION].table == attr.table)
        p->q->events[at].pick = ASK_FIRST;
    if (person && !p->ages)
        ask_note(p->reading, p->reading->why, "the number after the patients is read as an age");
    p->comparing = p->ages = p->about_person = false;
    p->subject_used = true;
    p->negate = false;
}

void ask_parse_identified(struct ask_parse *p, struct ask_item *item)
{
    enum ask_entity_kind kind = (enum ask_entity_kind)item->code;
    const struct ask_entity *entity = &p->catalogue->entities[kind];
    if (!entity->known || entity->key < 0) {
        ask_parse_lacks(p, "a table of %s with an identifier", ask_entity_many(kind));
        return;
    }
    struct ask_attr attr = {.table = entity->table, .column = (size_t)entity->key};
    size_t last = p->last;
    enum ask_pick pick = p->pick;
    struct ask_window window = p->window;
    enum ask_relation relation = p->relation;
    size_t open = p->open_table;
    bool negate = p->negate;
    p->pick = ASK_ALL;
    p->window.on = false;
    p->relation = ASK_REL_NONE;
    p->negate = false;
    size_t at = ask_parse_event(p, entity->table);
    p->last = last; /* what follows is about what came before */
    p->pick = pick;
    p->window = window;
    p->relation = relation;
    p->open_table = open;
    p->negate = negate;
    if (at == ASK_NONE)
        return;
    struct ask_predicate *predicate = ask_parse_predicate(p, at, &attr);
    if (p->catalogue->tables[entity->table].columns[entity->key].type.kind == DATA_TEXT) {
        const char **values = arena_array(p->reading->arena, 1, sizeof *values);
        if (values != NULL)
            values[0] = predicate->said = item->text;
        predicate->values = values;
        predicate->value_count = values != NULL ? 1 : 0;
    } else {
        predicate->is_number = true;
        predicate->op = ASK_EQ;
        predicate->low = item->number;
    }
    p->q->events[at].level = kind;
    p->level = (int)kind;
    p->q->single = true;
}
