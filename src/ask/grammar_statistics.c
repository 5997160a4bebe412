/* Statistical questions: which noun plays which part. The items are walked once before the ordinary
 * grammar; words of part (between, by, associated with, adjusting for …) say where the next nouns
 * go, what is taken is marked used, and what is left over are the ordinary grammar's filters.
 *
 *     does | creatinine | differ | between | men | and | women | in the MICU
 *            outcome      compare  group ─────────────▶ sex       filter, left to grammar.c
 *
 * What is still open then (unit, family, predictors that were not named) is settled in
 * statistics_settle.c. */
#include "ask/grammar_priv.h"

#include <string.h>

struct roles {
    struct ask_parse *p;
    struct ask_statistics *s;
    enum ask_part part; /* of the next noun */
    bool filter;        /* nouns restrict, until the next word of part */
    bool right, effect, both, adjusting;
};

/* Never NULL: beyond the last there is one of a class that nothing looks for. */
static struct ask_item *item_at(const struct roles *r, size_t i)
{
    struct ask_reading *reading = r->p->reading;
    if (i < reading->item_count)
        return &reading->items[i];
    reading->items[ASK_ITEMS - 1] = (struct ask_item){.class = ASK_CLASS_END};
    return &reading->items[ASK_ITEMS - 1];
}

/* The next item after i that says something. */
static size_t said_after(const struct roles *r, size_t i)
{
    for (i++; i < r->p->reading->item_count; i++)
        if (item_at(r, i)->class != ASK_NOISE)
            return i;
    return ASK_NONE;
}

static bool is_class(const struct roles *r, size_t i, enum ask_class class)
{
    return i != ASK_NONE && item_at(r, i)->class == class;
}

static bool word_before(const struct roles *r, size_t i, const char *const *words)
{
    const struct ask_item *item = item_at(r, i);
    for (size_t at = item->from; at > 0; at--) {
        const char *word = r->p->reading->tokens[at - 1].lower;
        for (size_t w = 0; words[w] != NULL; w++)
            if (strcmp(word, words[w]) == 0)
                return true;
        if (strcmp(word, "the") != 0 && strcmp(word, "a") != 0 && strcmp(word, "only") != 0)
            return false;
    }
    return false;
}

/* "predictors of death in women: age, sex": the colon ends what restricts. */
static bool colon_before(const struct roles *r, size_t i)
{
    const struct ask_token *tokens = r->p->reading->tokens;
    size_t from = item_at(r, i)->from;
    if (from == 0)
        return false;
    const char *gap = tokens[from - 1].text.ptr + tokens[from - 1].text.len;
    return gap < tokens[from].text.ptr &&
           memchr(gap, ':', (size_t)(tokens[from].text.ptr - gap)) != NULL;
}

static size_t parts(const struct roles *r, enum ask_part part)
{
    size_t count = 0;
    for (size_t i = 0; i < r->s->count; i++)
        count += r->s->variables[i].part == part ? 1 : 0;
    return count;
}

static void move(struct roles *r, enum ask_part from, enum ask_part to)
{
    for (size_t i = 0; i < r->s->count; i++)
        if (r->s->variables[i].part == from)
            r->s->variables[i].part = to;
}

static void open_part(struct roles *r, enum ask_part part)
{
    r->part = part;
    r->filter = false;
}

/* ---- nouns
 * ------------------------------------------------------------------------------------------ */

static struct ask_variable *add_variable(struct roles *r, size_t i)
{
    struct ask_statistics *s = r->s;
    if (s->count == ASK_VARIABLES) {
        ask_parse_lacks(r->p, "more than %d variables", ASK_VARIABLES);
        return NULL;
    }
    if (r->part == ASK_PART_GROUP && parts(r, ASK_PART_GROUP) > 0 &&
        parts(r, ASK_PART_OUTCOME) + parts(r, ASK_PART_FREE) == 0 && !s->survival_said &&
        word_before(r, i, (const char *const[]){"in", "of", "for", NULL}))
        r->part = ASK_PART_OUTCOME; /* "the difference between men and women in age" */
    struct ask_variable *v = &s->variables[s->count++];
    *v = (struct ask_variable){.part = r->part, .item = i, .event = ASK_NONE, .right = r->right};
    item_at(r, i)->used = true;
    if (r->part == ASK_PART_OUTCOME && s->predicts)
        r->part = ASK_PART_COVARIATE; /* one outcome; what follows predicts it */
    s->covariates_said =
        s->covariates_said || (v->part == ASK_PART_COVARIATE && !(r->adjusting && s->searches));
    return v;
}

static bool is_entity_table(const struct ask_catalogue *c, size_t table)
{
    for (size_t e = 0; e < ASK_ENTITIES; e++)
        if (c->entities[e].known && c->entities[e].table == table)
            return true;
    return false;
}

size_t ask_parse_variable_event(struct ask_parse *p, size_t table)
{
    struct ask_window window = p->window;
    bool negate = p->negate;
    int level = p->level;
    p->window.on = p->negate = false;
    size_t at = ask_parse_event(p, table);
    p->window = window;
    p->negate = negate;
    p->level = level;
    p->last = ASK_NONE;
    if (at != ASK_NONE)
        p->q->events[at].variable = true;
    return at;
}

static void add_value(struct roles *r, size_t i)
{
    struct ask_parse *p = r->p;
    struct ask_item *item = item_at(r, i);
    struct ask_attr attr;
    size_t source = ask_parse_source(p, item, &attr);
    if (source == ASK_NONE)
        return;
    size_t table = p->catalogue->sources[source].table;
    const struct ask_table *t = &p->catalogue->tables[table];
    bool column = is_entity_table(p->catalogue, table) &&
                  p->catalogue->sources[source].edge == ASK_NONE && !r->both;
    struct ask_variable *v = add_variable(r, i);
    if (v == NULL)
        return;
    v->attr = attr;
    if (column)
        return;
    bool measured = t->value >= 0 && t->name_column >= 0 &&
                    (size_t)t->name_column == p->catalogue->sources[source].column && !r->both;
    v->from = measured ? ASK_FROM_MEAN : ASK_FROM_HAS;
    v->event = ask_parse_variable_event(p, table);
    if (v->event == ASK_NONE)
        return;
    ask_parse_values(p, ask_parse_predicate(p, v->event, &attr), source, item);
    if (measured)
        v->attr = (struct ask_attr){.table = table, .column = (size_t)t->value};
    r->both = false;
    p->prefer = ASK_CONCEPT_NONE;
}

/* "30-day readmission", "readmitted within 30 days" where the column has a value "<30": that value
 * against all others. */
static void add_level(struct roles *r, size_t i, struct ask_variable *v)
{
    struct ask_reading *reading = r->p->reading;
    size_t next = said_after(r, i), span = ASK_NONE;
    if (i > 0 && is_class(r, i - 1, ASK_DURATION) && !item_at(r, i - 1)->used)
        span = i - 1;
    else if (is_class(r, next, ASK_RELATION) && item_at(r, next)->code == ASK_WITHIN &&
             is_class(r, said_after(r, next), ASK_DURATION))
        span = said_after(r, next);
    if (span == ASK_NONE || item_at(r, span)->code != ASK_DAY)
        return;
    for (uint32_t e = 0; e < reading->index->entry_count; e++) {
        const struct ask_entry *entry = &reading->index->entries[e];
        const struct ask_source *source = &r->p->catalogue->sources[entry->source];
        struct str text = ask_entry_text(reading->index, e);
        double number = 0;
        if (source->table != v->attr.table || source->column != v->attr.column ||
            source->edge != ASK_NONE || text.len < 2 || text.ptr[0] != '<' ||
            !str_to_double((struct str){text.ptr + 1, text.len - 1}, &number) ||
            number != item_at(r, span)->number)
            continue;
        v->level = arena_strndup(reading->arena, text.ptr, text.len);
        item_at(r, span)->used = true;
        if (span > i)
            item_at(r, next)->used = true;
        return;
    }
}

static void add_noun(struct roles *r, size_t i)
{
    struct ask_parse *p = r->p;
    struct ask_item *item = item_at(r, i);
    struct ask_attr attr;
    bool flag = false;
    if (item->class == ASK_VALUE) {
        add_value(r, i);
        return;
    }
    if (item->class == ASK_COLUMN) {
        ask_parse_column_attr(p, item, &attr);
    } else if (item->class == ASK_FLAG || item->class == ASK_SERIES) {
        attr = (struct ask_attr){.table = item->columns[0].table,
                                 .column = item->columns[0].column};
    } else if (item->code == ASK_DEATH) {
        attr = (struct ask_attr){.table = ASK_NONE};
    } else if (!ask_parse_derived_attr(p, (enum ask_derived)item->code, &attr, &flag)) {
        ask_parse_lacks(p, item->code == ASK_AGE ? "an age, or dates of birth and of admission"
                           : item->code == ASK_HOSPITAL_DEATH
                               ? "a flag or time of death in hospital"
                               : "times of admission and discharge");
        item->used = true;
        return;
    }
    struct ask_variable *v = add_variable(r, i);
    if (v != NULL) {
        v->attr = attr;
        v->death = item->class == ASK_DERIVED && item->code == ASK_DEATH;
        v->series = item->class == ASK_SERIES;
        if (item->class == ASK_COLUMN)
            add_level(r, i, v);
    }
}

/* ---- filters
 * ---------------------------------------------------------------------------------------- */

/* A column or measure with a number or comparison after it is a condition. */
static bool is_condition(const struct roles *r, size_t i)
{
    size_t next = said_after(r, i), number = next != ASK_NONE ? said_after(r, next) : ASK_NONE;
    if (next != ASK_NONE && next != i + 1 && !is_class(r, next, ASK_COMPARE))
        return false;
    if (is_class(r, next, ASK_NUMBER) || is_class(r, next, ASK_DURATION))
        return !is_class(r, number, ASK_INTENT); /* "… by age: 5-year survival" */
    return is_class(r, next, ASK_COMPARE) &&
           (is_class(r, number, ASK_NUMBER) || is_class(r, number, ASK_DURATION));
}

/* men and women: two values of one column. */
static bool is_pair(struct roles *r, size_t i, size_t *ret_other)
{
    size_t join = said_after(r, i), other = join != ASK_NONE ? said_after(r, join) : ASK_NONE;
    struct ask_item *a = item_at(r, i), *b = item_at(r, other);
    bool joined = is_class(r, join, ASK_AND) || is_class(r, join, ASK_OR) ||
                  (is_class(r, join, ASK_ROLE) && item_at(r, join)->code == ASK_ROLE_VERSUS);
    if (!joined || a->class != b->class || parts(r, ASK_PART_GROUP) > 0)
        return false;
    *ret_other = other;
    if (a->class == ASK_FLAG)
        return a->columns[0].table == b->columns[0].table &&
               a->columns[0].column == b->columns[0].column;
    for (size_t m = 0; a->class == ASK_VALUE && m < b->match_count; m++)
        if (a->match_count > 0 && b->matches[m].source == a->matches[0].source &&
            is_entity_table(r->p->catalogue,
                            r->p->catalogue->sources[a->matches[0].source].table))
            return true;
    return false;
}

/* The column is the group; where it has other values, their rows are left out. */
static void add_pair(struct roles *r, size_t i, size_t other)
{
    struct ask_parse *p = r->p;
    enum ask_part part = r->part;
    struct ask_attr attr;
    r->part = ASK_PART_GROUP;
    add_noun(r, i);
    r->part = part == ASK_PART_FREE ? ASK_PART_FREE : part;
    struct ask_item *a = item_at(r, i), *b = item_at(r, other);
    p->about_person = a->class == ASK_FLAG; /* "… over 50" is their age */
    for (size_t k = i; k <= other; k++)
        item_at(r, k)->used = true;
    if (a->class != ASK_VALUE || r->s->count == 0)
        return;
    const struct ask_variable *v = &r->s->variables[r->s->count - 1];
    const struct ask_words *words = &ask_attr_column(p->catalogue, &v->attr)->words;
    p->about_person = ask_words_have(words, "sex") || ask_words_have(words, "gender");
    size_t source = ask_parse_source(p, a, &attr), second = ask_parse_source(p, b, &attr);
    if (ask_attr_column(p->catalogue, &v->attr)->distinct <= 2 || source != second ||
        source == ASK_NONE)
        return;
    size_t at = ask_parse_event(p, v->attr.table);
    if (at == ASK_NONE)
        return;
    struct ask_predicate *predicate = ask_parse_predicate(p, at, &v->attr);
    ask_parse_values(p, predicate, source, a);
    ask_parse_values(p, predicate, source, b);
}

/* "stage 3 and 4": the column is the group, of these two numbers. */
static void add_number_pair(struct roles *r, size_t i, size_t second)
{
    struct ask_parse *p = r->p;
    enum ask_part part = r->part;
    size_t before = r->s->count;
    r->part = ASK_PART_GROUP;
    add_noun(r, i);
    r->part = part == ASK_PART_FREE ? ASK_PART_FREE : part;
    for (size_t k = i; k <= second; k++)
        item_at(r, k)->used = true;
    if (r->s->count == before)
        return;
    struct ask_variable *v = &r->s->variables[r->s->count - 1];
    size_t at = ask_parse_event(p, v->attr.table);
    v->category = v->grouped = true;
    if (at == ASK_NONE)
        return;
    struct ask_predicate *predicate = ask_parse_predicate(p, at, &v->attr);
    predicate->is_number = predicate->either = true;
    predicate->op = ASK_EQ;
    predicate->low = item_at(r, i + 1)->number;
    predicate->high = item_at(r, second)->number;
}

static bool after_entity(const struct roles *r, size_t i)
{
    size_t steps = 0;
    for (size_t k = i; k > 0 && steps < 3; k--, steps++) {
        enum ask_class class = item_at(r, k - 1)->class;
        if (class == ASK_ENTITY)
            return true;
        if (class != ASK_NOISE && class != ASK_VERB)
            return false;
    }
    return false;
}

/* Does the noun restrict the rows? "in women", "of patients with ascites", "survival of men". */
static bool restricts(struct roles *r, size_t i)
{
    static const char *const places[] = {"in",     "among", "within", "who",  "whose",
                                         "having", "were",  "during", "only", NULL};
    const struct ask_item *item = item_at(r, i);
    bool open = r->part == ASK_PART_GROUP && parts(r, ASK_PART_GROUP) == 0;
    bool said = parts(r, ASK_PART_OUTCOME) + parts(r, ASK_PART_FREE) > 0 || r->s->survival_said ||
                r->s->table_one;
    if (item->class == ASK_COLUMN || item->class == ASK_DERIVED) {
        if (is_condition(r, i))
            return true;
        bool flag = item->class == ASK_DERIVED
                        ? item->code == ASK_DEATH || item->code == ASK_HOSPITAL_DEATH
                        : ask_is_flag(r->p->reading, item->columns[0].table,
                                      item->columns[0].column);
        return flag && said && !open && after_entity(r, i);
    }
    if (open || r->both)
        return false;
    if (r->s->survival_said && r->part == ASK_PART_FREE)
        return true;
    return said && (word_before(r, i, places) || after_entity(r, i));
}

/* "do women live longer than men": the other value of the group that is there. */
static bool is_other_value(const struct roles *r, size_t i)
{
    const struct ask_item *item = item_at(r, i);
    for (size_t k = 0; k < r->s->count; k++) {
        const struct ask_variable *v = &r->s->variables[k];
        if (v->item == ASK_NONE || v->item == i || v->from != ASK_FROM_COLUMN ||
            v->part == ASK_PART_COVARIATE)
            continue;
        const struct ask_item *other = item_at(r, v->item);
        bool versus = item->from > 0 &&
                      strcmp(r->p->reading->tokens[item->from - 1].lower, "than") == 0;
        if (versus && item->class == ASK_FLAG && other->class == ASK_FLAG &&
            item->columns[0].column == other->columns[0].column)
            return true;
        if (versus && item->class == ASK_VALUE && other->class == ASK_VALUE &&
            item->match_count > 0 && other->match_count > 0 &&
            item->matches[0].source == other->matches[other->chosen].source)
            return true;
    }
    return false;
}

static void read_noun(struct roles *r, size_t i)
{
    size_t other = ASK_NONE;
    if (item_at(r, i)->used)
        return;
    if (is_other_value(r, i)) {
        item_at(r, i)->used = true;
        return;
    }
    if (colon_before(r, i) && r->s->predicts)
        open_part(r, parts(r, ASK_PART_OUTCOME) > 0 ? ASK_PART_COVARIATE : ASK_PART_OUTCOME);
    if (is_pair(r, i, &other)) {
        add_pair(r, i, other);
        return;
    }
    if (parts(r, ASK_PART_GROUP) == 0 && ask_parse_number_pair(r->p, i, &other)) {
        add_number_pair(r, i, other);
        return;
    }
    if (r->filter)
        return;
    if (restricts(r, i)) {
        r->filter = true;
        return;
    }
    add_noun(r, i);
}

/* ---- words of part
 * ---------------------------------------------------------------------------------- */

static void read_role(struct roles *r, size_t i)
{
    struct ask_statistics *s = r->s;
    item_at(r, i)->used = true;
    switch ((enum ask_role)item_at(r, i)->code) {
    case ASK_ROLE_BETWEEN:
        s->compares = true;
        move(r, ASK_PART_FREE, ASK_PART_OUTCOME);
        open_part(r, ASK_PART_GROUP);
        break;
    case ASK_ROLE_WITH:
        r->right = parts(r, ASK_PART_FREE) > 0;
        open_part(r, ASK_PART_FREE);
        break;
    case ASK_ROLE_EFFECT:
        r->effect = true;
        open_part(r, ASK_PART_GROUP);
        break;
    case ASK_ROLE_PREDICTS:
        s->covariates_said = s->covariates_said || parts(r, ASK_PART_FREE) > 0;
        move(r, ASK_PART_FREE, ASK_PART_COVARIATE);
        s->predicts = true;
        open_part(r, ASK_PART_OUTCOME);
        break;
    case ASK_ROLE_DEPENDS:
        s->compares = true;
        move(r, ASK_PART_FREE, ASK_PART_OUTCOME);
        open_part(r, ASK_PART_GROUP);
        break;
    case ASK_ROLE_ADJUST:
        s->adjusted = r->adjusting = true;
        open_part(r, ASK_PART_COVARIATE);
        break;
    case ASK_ROLE_BOTH:
        move(r, ASK_PART_FREE, ASK_PART_OUTCOME);
        r->both = s->both = true;
        open_part(r, ASK_PART_GROUP);
        break;
    case ASK_ROLE_P:
        s->with_p = true;
        break;
    case ASK_ROLE_PAIRED:
        s->paired = true;
        break;
    case ASK_ROLE_ODDS:
        s->odds = true;
        open_part(r, ASK_PART_OUTCOME);
        break;
    case ASK_ROLE_STRATA:
        open_part(r, ASK_PART_STRATUM);
        break;
    case ASK_ROLE_VERSUS:
        break;
    }
}

/* "from baseline to month 12": the same patients at several moments. */
static void read_moments(struct roles *r, size_t i)
{
    size_t next = said_after(r, i);
    item_at(r, i)->used = true;
    r->s->paired = true;
    if (is_class(r, next, ASK_ENTITY) && item_at(r, next)->code != ASK_PATIENT)
        ask_parse_lacks(r->p, "values of each patient's %s and others: they are compared by their "
                              "own times ('first and last creatinine')",
                        ask_entity_one((enum ask_entity_kind)item_at(r, next)->code));
    move(r, ASK_PART_FREE, ASK_PART_OUTCOME);
    r->filter = parts(r, ASK_PART_OUTCOME) > 0; /* what follows restricts */
}

static void read_intent(struct roles *r, size_t i)
{
    struct ask_statistics *s = r->s;
    enum ask_intent intent = (enum ask_intent)item_at(r, i)->code;
    item_at(r, i)->used = intent != ASK_MISSING;
    if (intent == ASK_COMPARE_GROUPS) {
        bool have = parts(r, ASK_PART_FREE) > 0;
        s->compares = true;
        move(r, ASK_PART_FREE, ASK_PART_OUTCOME);
        open_part(r, have || s->survival_said ? ASK_PART_GROUP : ASK_PART_OUTCOME);
    } else if (intent == ASK_CORRELATE) {
        s->correlates = true;
        open_part(r, ASK_PART_FREE);
    } else if (intent == ASK_PREDICTORS) {
        s->predicts = s->searches = true;
        open_part(r, ASK_PART_OUTCOME);
    } else if (intent == ASK_SURVIVAL) {
        bool outcome = r->part == ASK_PART_OUTCOME && s->predicts;
        s->survival_said = true;
        open_part(r, outcome ? ASK_PART_COVARIATE : r->part);
    } else if (intent == ASK_TABLE_ONE) {
        s->table_one = true;
        open_part(r, ASK_PART_COVARIATE);
    } else if (intent == ASK_NORMALITY) {
        s->normality = true;
        move(r, ASK_PART_FREE, ASK_PART_OUTCOME);
        open_part(r, ASK_PART_OUTCOME);
    }
}

static void read_compare(struct roles *r, size_t i)
{
    size_t next = said_after(r, i);
    if (item_at(r, i)->code != ASK_BETWEEN || is_class(r, next, ASK_NUMBER) ||
        is_class(r, next, ASK_DURATION))
        return;
    item_at(r, i)->used = true;
    if (!r->s->correlates) {
        move(r, ASK_PART_FREE, ASK_PART_OUTCOME);
        open_part(r, ASK_PART_GROUP);
    }
}

/* "5-year survival", "survival at 2 years", "30-day mortality" */
static void read_duration(struct roles *r, size_t i)
{
    struct ask_item *item = item_at(r, i);
    size_t next = said_after(r, i);
    bool before = (is_class(r, next, ASK_INTENT) && item_at(r, next)->code == ASK_SURVIVAL) ||
                  (is_class(r, next, ASK_DERIVED) && item_at(r, next)->code == ASK_DEATH);
    bool after = r->s->survival_said &&
                 word_before(r, i, (const char *const[]){"at", "after", "to", NULL});
    if (!before && !after)
        return;
    if (i > 0 && item_at(r, i - 1)->class == ASK_RELATION)
        item_at(r, i - 1)->used = true;
    r->s->at_time = true;
    r->s->mortality = before && item_at(r, next)->class == ASK_DERIVED;
    r->s->at = item->number;
    r->s->at_unit = (enum ask_unit)item->code;
    item->used = true;
}

static void read_about(struct roles *r, size_t i)
{
    struct ask_item *item = item_at(r, i);
    struct ask_item column;
    bool on = strcmp(r->p->reading->tokens[item->from].lower, "on") == 0;
    if (on && r->effect && parts(r, ASK_PART_OUTCOME) == 0) {
        open_part(r, ASK_PART_OUTCOME);
        item->used = true;
    } else if (!r->filter && is_class(r, said_after(r, i), ASK_VALUE) &&
               !restricts(r, said_after(r, i))) {
        r->p->prefer = (enum ask_concept)item->code;
        item->used = true;
    } else if (item->class == ASK_ABOUT && !r->filter &&
               ask_columns_match(r->p->reading, item->from, item->to, &column)) {
        *item = column; /* "by treatment": here the column is meant */
        read_noun(r, i);
    }
}

/* "treatment groups", "those": a word that no column has. */
static void skip_filler(struct roles *r, size_t i)
{
    static const char *const words[] = {"group", "arm", "those", "cohort", NULL};
    struct ask_item *item = item_at(r, i);
    for (size_t w = 0; words[w] != NULL; w++)
        if (strcmp(r->p->reading->tokens[item->from].stem, words[w]) == 0)
            item->class = ASK_NOISE;
}

/* "first creatinine" is of the variable, "any" of nothing. */
static void read_pick(struct roles *r, size_t i)
{
    struct ask_item *item = item_at(r, i);
    item->used =
        !r->filter && (item->code == ASK_ALL || is_class(r, said_after(r, i), ASK_VALUE));
    if (item->used)
        r->p->pick = (enum ask_pick)item->code;
}

static void read_aggregate(struct roles *r, size_t i)
{
    struct ask_item *item = item_at(r, i);
    r->s->ranks = r->s->median = item->code == ASK_MEDIAN;
    item->used = item->code == ASK_MEDIAN || item->code == ASK_MEAN;
}

static void read_by(struct roles *r, size_t i)
{
    move(r, ASK_PART_FREE, ASK_PART_OUTCOME);
    open_part(r, ASK_PART_GROUP);
    item_at(r, i)->used = true;
}

/* "with diabetes and those without": the last word is of the group. */
static void read_negation(struct roles *r, size_t i)
{
    item_at(r, i)->used = r->part == ASK_PART_GROUP && said_after(r, i) == ASK_NONE;
}

static void read_little(struct roles *r, size_t i)
{
    item_at(r, i)->used = !r->filter;
}

/* What each class of item does; the others are left to the filters. */
static void (*const readers[ASK_UNKNOWN + 1])(struct roles *r, size_t i) = {
    [ASK_INTENT] = read_intent,     [ASK_ROLE] = read_role,         [ASK_BY] = read_by,
    [ASK_COLUMN] = read_noun,       [ASK_DERIVED] = read_noun,      [ASK_VALUE] = read_noun,
    [ASK_FLAG] = read_noun,         [ASK_COMPARE] = read_compare,   [ASK_DURATION] = read_duration,
    [ASK_ABOUT] = read_about,       [ASK_VERB] = read_about,        [ASK_AGGREGATE] = read_aggregate,
    [ASK_NEGATION] = read_negation, [ASK_ENTITY] = read_little,     [ASK_AND] = read_little,
    [ASK_PICK] = read_pick,         [ASK_UNKNOWN] = skip_filler,
    [ASK_MOMENTS] = read_moments,   [ASK_SERIES] = read_noun};

/* ---- is it one?
 * ------------------------------------------------------------------------------------- */

static bool is_statistical(const struct ask_reading *reading)
{
    bool found = false, grouped = false, mortality = false, share = false;
    for (size_t i = 0; i < reading->item_count; i++) {
        const struct ask_item *item = &reading->items[i];
        bool counts = item->class == ASK_INTENT &&
                      (item->code == ASK_COUNT || item->code == ASK_TIMES ||
                       item->code == ASK_SHARE || item->code == ASK_DIFFERENT);
        if (counts && !found && i == 0)
            return false; /* "how many patients …" */
        found = found || item->class == ASK_ROLE || item->class == ASK_MOMENTS ||
                (item->class == ASK_INTENT && item->code >= ASK_COMPARE_GROUPS &&
                 item->code <= ASK_NORMALITY);
        grouped = grouped || item->class == ASK_BY;
        share = share || ask_is_share(item);
        bool dying = item->class == ASK_DERIVED && item->code == ASK_DEATH &&
                     strcmp(reading->tokens[item->to - 1].lower, "mortality") == 0;
        mortality = mortality || (item->class == ASK_DERIVED &&
                                  strcmp(reading->tokens[item->to - 1].lower, "mortality") == 0);
        found = found || (dying && i > 0 && reading->items[i - 1].class == ASK_DURATION);
    }
    return found || (mortality && grouped && !share);
}

bool ask_parse_statistics(struct ask_parse *p)
{
    struct roles roles = {.p = p, .s = &p->q->statistics, .part = ASK_PART_FREE};
    if (!is_statistical(p->reading))
        return false;
    p->q->statistics = (struct ask_statistics){.on = true, .order_column = -1};
    p->q->has_target = true; /* what follows restricts it; its table is settled at the end */
    p->q->by_entity = true;
    p->q->entity = ASK_PATIENT;
    p->q->intent = ASK_COMPARE_GROUPS;
    p->q->events[0].table = p->catalogue->entities[ASK_PATIENT].known
                                ? p->catalogue->entities[ASK_PATIENT].table
                                : 0;
    ask_parse_named_values(p);
    for (size_t i = 0; i < p->reading->item_count; i++)
        if (readers[p->reading->items[i].class] != NULL)
            readers[p->reading->items[i].class](&roles, i);
    p->last = ASK_NONE;
    p->prefer = ASK_CONCEPT_NONE;
    p->pick = ASK_ALL;
    return true;
}
