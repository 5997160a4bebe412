/* Linking: tokens → items. At each place the longest phrase counts; of equal length: moments and
 * identified patients, then words.def, then clinical synonyms, columns, values; a word that is
 * nothing is tried again with its spelling corrected, else it is unknown.
 *
 *     how many | patients | on | statins | have | hypertension
 *     INTENT     ENTITY    VERB  VALUE    NOISE  VALUE */
#include "ask/ask_priv.h"

#include <math.h>
#include <string.h>

#define LONGEST 10 /* tokens of a column's or value's phrase */

static void take(struct ask_item *best, const struct ask_item *item)
{
    size_t have = best->to - best->from, length = item->to - item->from;
    if (length > have)
        *best = *item;
}

/* The word from a token on as it was written, up to a blank or a mark: P-017 is several tokens. */
static struct str written_at(const struct ask_reading *reading, size_t at)
{
    const char *from = reading->tokens[at].text.ptr, *end = reading->text.ptr + reading->text.len;
    size_t length = 0;
    while (from + length < end && strchr(" \t\r\n,;?!'\"()", from[length]) == NULL)
        length++;
    while (length > 0 && from[length - 1] == '.')
        length--;
    return (struct str){from, length};
}

/* What identifies an entity: a whole number; where keys are texts, a word with a digit. False:
 * neither. */
static bool identifier_at(struct ask_reading *reading, enum ask_entity_kind kind, size_t at,
                          struct ask_item *ret)
{
    const struct ask_token *token = &reading->tokens[at];
    const struct ask_entity *entity = &reading->catalogue->entities[kind];
    bool text =
        entity->known && entity->key >= 0 &&
        reading->catalogue->tables[entity->table].columns[entity->key].type.kind == DATA_TEXT;
    struct str word = text ? written_at(reading, at) : token->text;
    bool digit = false;
    for (size_t i = 0; i < word.len; i++)
        digit = digit || (word.ptr[i] >= '0' && word.ptr[i] <= '9');
    if (!digit || (!text && (!token->number || token->value < 0 || token->value > 9e15 ||
                             token->text.ptr[0] > '9' || token->value != floor(token->value))))
        return false;
    ret->number = token->value;
    ret->text = arena_strndup(reading->arena, word.ptr, word.len);
    while (at < reading->token_count && reading->tokens[at].text.ptr < word.ptr + word.len)
        at++;
    ret->to = at;
    reading->failed = reading->failed || ret->text == NULL;
    return ret->text != NULL;
}

static bool token_is(const struct ask_reading *reading, size_t at, const char *const *words)
{
    for (; at < reading->token_count && *words != NULL; words++)
        if (strcmp(reading->tokens[at].lower, *words) == 0)
            return true;
    return false;
}

/* "patient 10006", "admission 142345": an entity by its key. */
static bool identified_at(struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    enum ask_class class = ASK_UNKNOWN;
    int code = 0;
    size_t at = from + ask_lexicon_at(reading, from, &class, &code);
    if (at == from || class != ASK_ENTITY)
        return false;
    while (at < reading->token_count && (strcmp(reading->tokens[at].lower, "id") == 0 ||
                                         strcmp(reading->tokens[at].lower, "number") == 0 ||
                                         strcmp(reading->tokens[at].lower, "no") == 0 ||
                                         strcmp(reading->tokens[at].lower, "equal") == 0))
        at++;
    *ret = (struct ask_item){.class = ASK_IDENTIFIED, .from = from, .code = code, .quality = 1};
    return at < reading->token_count && identifier_at(reading, (enum ask_entity_kind)code, at, ret);
}

/* "50s": an age or a value in that ten. */
static bool decade_at(const struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    if (from >= reading->token_count)
        return false;
    const char *text = reading->tokens[from].lower;
    if (strlen(text) != 3 || text[0] < '1' || text[0] > '9' || text[1] != '0' || text[2] != 's')
        return false;
    double ten = (text[0] - '0') * 10;
    *ret = (struct ask_item){.class = ASK_NUMBER,
                             .from = from,
                             .to = from + 1,
                             .code = ASK_NUMBER_AGES + ASK_BETWEEN,
                             .number = ten,
                             .high = ten + 9,
                             .quality = 1};
    return true;
}

/* "60 or above", "5 and under", after a number: the comparison, and its tokens. */
static size_t open_end_at(const struct ask_reading *reading, size_t at, enum ask_compare *ret)
{
    static const char *const joins[] = {"or", "and", NULL};
    static const char *const more[] = {"above",  "over", "older",   "more", "greater",
                                       "higher", "up",   "upwards", NULL};
    static const char *const less[] = {"below", "under", "younger", "less", "fewer", "lower", NULL};
    if (!token_is(reading, at, joins))
        return 0;
    *ret = token_is(reading, at + 1, more) ? ASK_GE : ASK_LE;
    return token_is(reading, at + 1, more) || token_is(reading, at + 1, less) ? 2 : 0;
}

/* "two times", "twice", "two or more times": how often. */
static bool often_at(const struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    static const char *const words[] = {"once", "twice", "thrice"};
    size_t at = from;
    enum ask_compare op = ASK_EQ;
    *ret = (struct ask_item){.class = ASK_OFTEN, .from = from, .quality = 1};
    for (size_t i = 0; i < 3; i++)
        if (token_is(reading, from, (const char *const[]){words[i], NULL})) {
            ret->number = (double)i + 1;
            ret->to = from + 1;
            ret->code = ASK_EQ;
            return true;
        }
    if (at >= reading->token_count || !reading->tokens[at].number ||
        reading->tokens[at].value > 1000)
        return false;
    ret->number = reading->tokens[at++].value;
    at += open_end_at(reading, at, &op);
    if (!token_is(reading, at, (const char *const[]){"times", NULL}))
        return false;
    ret->to = at + 1;
    ret->code = (int)op;
    return true;
}

static bool lexicon_is(const struct ask_reading *reading, size_t at, enum ask_class class, int code,
                       size_t *ret_length)
{
    enum ask_class found = ASK_UNKNOWN;
    int found_code = 0;
    *ret_length = at < reading->token_count ? ask_lexicon_at(reading, at, &found, &found_code) : 0;
    return *ret_length > 0 && found == class && (code < 0 || found_code == code);
}

/* Numbers: a rank ("top five", "5 most common"), a span ("30 days"), an age ("65 years old"), or a
 * plain one. */
static bool number_at(const struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    size_t length = 0, at = from;
    bool top = lexicon_is(reading, at, ASK_ORDINAL, -1, &length);
    at += top ? length : 0;
    if (at >= reading->token_count || !reading->tokens[at].number)
        return false;
    *ret = (struct ask_item){.class = ASK_NUMBER,
                             .from = from,
                             .to = at + 1,
                             .number = reading->tokens[at].value,
                             .quality = 1};
    enum ask_compare op = ASK_EQ;
    size_t open = open_end_at(reading, at + 1, &op);
    if (top || lexicon_is(reading, at + 1, ASK_INTENT, ASK_FREQUENT, &length) ||
        lexicon_is(reading, at + 1, ASK_ORDINAL, -1, &length)) {
        ret->class = ASK_TOP;
        ret->to +=
            top || lexicon_is(reading, at + 1, ASK_INTENT, ASK_FREQUENT, &length) ? 0 : length;
    } else if (open > 0) {
        ret->to += open;
        ret->code = ASK_NUMBER_OPEN + (int)op;
    } else if (at + 1 < reading->token_count &&
               lexicon_is(reading, at + 1, ASK_UNIT, -1, &length)) {
        enum ask_class class = ASK_UNKNOWN;
        ret->class = ASK_DURATION;
        (void)ask_lexicon_at(reading, at + 1, &class, &ret->code);
        ret->to++;
    }
    return true;
}

/* "during their first hospital visit", "in the last ICU stay", "this hospital visit": which visit
 * of the patient's is meant. A pick without a preposition asks for the visit itself. */
static bool scope_at(const struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    static const char *const leads[] = {"during", "on", "in", "at", "throughout", NULL};
    static const char *const articles[] = {"the", "their", "his", "her", "its", "a", NULL};
    size_t at = from, length = 0;
    enum ask_class class = ASK_UNKNOWN;
    int code = 0;
    bool lead = token_is(reading, at, leads);
    at += lead ? 1 : 0;
    at += token_is(reading, at, articles) ? 1 : 0;
    if (at >= reading->token_count)
        return false;
    enum ask_pick pick = ASK_ALL;
    if (token_is(reading, at, (const char *const[]){"this", "current", "ongoing", NULL})) {
        pick = ASK_CURRENT;
        length = 1;
    } else {
        length = ask_lexicon_at(reading, at, &class, &code);
        if (length > 0 && class == ASK_PICK)
            pick = (enum ask_pick)code;
        else if (token_is(reading, at, (const char *const[]){"previous", NULL}))
            pick = ASK_LAST, length = 1;
    }
    if (pick == ASK_ALL || (!lead && pick != ASK_CURRENT))
        return false;
    at += length;
    length = ask_lexicon_at(reading, at, &class, &code);
    if (length == 0 || class != ASK_ENTITY || code == ASK_PATIENT)
        return false;
    *ret = (struct ask_item){.class = ASK_SCOPE,
                             .from = from,
                             .to = at + length,
                             .code = ASK_SCOPE_CODE(code, pick),
                             .quality = 1};
    return true;
}

static bool lexicon_item(const struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    *ret = (struct ask_item){.from = from, .quality = 1};
    ret->to = from + ask_lexicon_at(reading, from, &ret->class, &ret->code);
    return ret->to > from;
}

static bool synonym_item(struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    const char *phrases = NULL, *columns = "";
    size_t length = 0;
    if (ask_synonyms_at(reading, from, &length, &phrases, 1, &columns) == 0)
        return false;
    *ret = (struct ask_item){.class = ASK_VALUE, .from = from, .to = from + length, .quality = 1};
    if (columns[0] == '\0') /* as it stands, too */
        phrases = arena_printf(reading->arena, "%s|%s", ask_phrase(reading, from, from + length),
                               phrases);
    ret->synonym = true;
    return phrases != NULL && ask_values_phrase(reading, phrases, columns, ret);
}

/* Where a name that begins here must have ended: before the moments that are compared, too. */
static size_t name_end(const struct ask_reading *reading, size_t from)
{
    size_t end = from + LONGEST < reading->token_count ? from + LONGEST : reading->token_count;
    const struct ask_moments *m = &reading->moments;
    return m->on && from < m->from && m->from < end ? m->from : end;
}

/* The longest phrase of columns, and of values, that begins here and is longer than what was found.
 */
static void name_items(struct ask_reading *reading, size_t from, struct ask_item *best)
{
    struct ask_item item;
    size_t end = name_end(reading, from);
    for (size_t to = end; to > best->to && to > from; to--)
        if (ask_columns_match(reading, from, to, &item)) {
            take(best, &item);
            break;
        }
    for (size_t to = end; to > best->to && to > from; to--)
        if (ask_values_match(reading, from, to, &item)) {
            struct ask_item shorter;
            size_t length = 0;
            if (to > from + 1 && lexicon_is(reading, to - 1, ASK_ENTITY, -1, &length) &&
                ask_values_match(reading, from, to - 1, &shorter))
                item = shorter; /* "emergency encounters": encounters are what is counted */
            if (!item.matches[0].together && best->to > from && best->class != ASK_NOISE)
                continue; /* "ordered laboratory": words of the grammar, scattered in some name */
            take(best, &item);
            break;
        }
}

/* Where measurements are compared, columns of one measure count before synonyms and values of as
 * many words. */
static void series_item(struct ask_reading *reading, size_t from, struct ask_item *best)
{
    struct ask_item item;
    size_t end = name_end(reading, from);
    size_t least = best->class == ASK_COLUMN ? best->to + 1 : best->to > from ? best->to : from + 1;
    for (size_t to = end; reading->moments.on && to >= least; to--)
        if (ask_series_match(reading, from, to, &item)) {
            *best = item;
            return;
        }
}

/* "produced" is no misspelt "produce": another form of a word is another word. */
static bool inflected(const char *a, const char *b)
{
    static const char *const endings[] = {"d", "ed", "ing", "r", "er", "ly", "n", "s", NULL};
    size_t m = strlen(a), n = strlen(b), shared = m < n ? m : n;
    if (strncmp(a, b, shared) != 0)
        return false;
    const char *rest = m > n ? a + n : b + m;
    for (size_t i = 0; endings[i] != NULL; i++)
        if (strcmp(rest, endings[i]) == 0)
            return true;
    return false;
}

/* The word as it may have been meant: one letter wrong in five, two in eight. */
static bool corrected_item(struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    struct ask_token *token = &reading->tokens[from];
    char kept[ASK_STEM_BYTES];
    size_t length = strlen(token->stem), limit = length >= 8 ? 2 : 1, near_word = 0, near_value = 0;
    if (length < 5 || token->number)
        return false;
    const char *word =
        ask_lexicon_nearest(token->stem, 1, &near_word); /* "relapsed" is not "related" */
    const char *value = ask_index_nearest(reading->index, token->stem, limit, &near_value);
    if (word == NULL && value == NULL)
        return false;
    const char *best = value == NULL || near_word <= near_value ? word : value;
    if (best == NULL || inflected(token->stem, best))
        return false;
    memcpy(kept, token->stem, sizeof kept);
    ask_stem(str_of(best), token->stem);
    struct ask_item item = {.from = from, .to = from};
    if (lexicon_item(reading, from, ret))
        item = *ret;
    name_items(reading, from, &item);
    if (item.to == from || item.class == ASK_NOISE) { /* a word is not dropped by correcting it */
        memcpy(token->stem, kept, sizeof kept);
        return false;
    }
    item.corrected = best;
    item.quality *= .85;
    *ret = item;
    return true;
}

/* No table of treatments, but a column that says which; readmitted, a column of the only table of
 * encounters. */
static bool column_instead(const struct ask_reading *reading, const struct ask_item *item,
                           struct ask_item *ret)
{
    if (item->class == ASK_ENTITY && !reading->catalogue->entities[item->code].known)
        return ask_columns_match(reading, item->from, item->to, ret) ||
               ask_related_column(reading, item->from, item->to, ret);
    if (item->class != ASK_ABOUT && item->class != ASK_VERB)
        return false;
    size_t table = ask_concept_table(reading->catalogue, (enum ask_concept)item->code);
    bool loose = table == ASK_NONE && item->class == ASK_ABOUT, found = false;
    for (size_t to = item->to + 3; loose && !found && to > item->to; to--)
        found = to <= reading->token_count && ask_related_column(reading, item->from, to, ret); /* "condition at baseline" */
    found = found || ask_columns_match(reading, item->from, item->to, ret) ||
            (loose && ask_related_column(reading, item->from, item->to, ret));
    return (table == ASK_NONE || item->class == ASK_VERB) && found &&
           reading->catalogue->tables[ret->columns[0].table].columns[ret->columns[0].column].role !=
               PROFILE_IDENTIFIER && /* "tests" are not test_id */
           (table == ASK_NONE || (ret->columns[0].quality > .96 && ret->columns[0].table == table));
}

/* "current smokers": a word of the lexicon that is a value of the column which the next words name. */
static bool value_of_next(struct ask_reading *reading, size_t at, struct ask_item *ret)
{
    struct ask_item column;
    if (at + 1 >= reading->token_count || !ask_values_match(reading, at, at + 1, ret) ||
        (!ask_columns_match(reading, at + 1, at + 2, &column) &&
         !ask_related_column(reading, at + 1, at + 2, &column)))
        return false;
    const struct ask_source *source = &reading->catalogue->sources[ret->matches[0].source];
    return ret->matches[0].exact && source->edge == ASK_NONE &&
           source->table == column.columns[0].table && source->column == column.columns[0].column;
}

/* "survival rate" where a column says who survived; "died" where a category has deaths, and nothing else tells of them. */
static bool instead_of_lexicon(struct ask_reading *reading, const struct ask_item *best,
                               struct ask_item *ret)
{
    const struct ask_catalogue *c = reading->catalogue;
    const struct ask_entity *patient = &c->entities[ASK_PATIENT];
    const char *yes = NULL;
    *ret = (struct ask_item){.class = ASK_VALUE, .from = best->from, .to = best->to};
    if (!patient->known || best->to != best->from + 1)
        return false;
    if (best->class == ASK_INTENT && best->code == ASK_SURVIVAL && best->to < reading->token_count &&
        strcmp(reading->tokens[best->to].stem, "rate") == 0)
        return ask_related_column(reading, best->from, best->to, ret) &&
               (ask_is_flag(reading, ret->columns[0].table, ret->columns[0].column) ||
                ask_yes_no(reading, ret->columns[0].table, ret->columns[0].column, true, &yes));
    const struct ask_table *table = &c->tables[patient->table];
    return best->class == ASK_DERIVED && best->code == ASK_DEATH && c->table_count == 1 &&
           table->death < 0 && table->death_flag < 0 &&
           ask_values_phrase(reading, "death|died|dead|deceased", "", ret) && ret->match_count == 1;
}

/* "grade 3 tumours", "squamous carcinoma": the noun adds nothing to what a column of the patients says. */
static bool graded_at(const struct ask_reading *reading, size_t at, struct ask_item *ret)
{
    static const char *const nouns[] = {"tumor", "tumour", "tumors", "tumours", "cancer", "cancers",
                                        "disease", "carcinoma", "carcinomas", NULL};
    size_t count = reading->item_count;
    const struct ask_catalogue *c = reading->catalogue;
    const struct ask_item *last = count > 0 ? &reading->items[count - 1] : NULL;
    if (last == NULL || last->to != at || !token_is(reading, at, nouns))
        return false;
    bool number = count > 1 && last->class == ASK_NUMBER && reading->items[count - 2].class == ASK_COLUMN;
    bool kind = last->class == ASK_VALUE && last->match_count > 0 && !last->loose &&
                c->sources[last->matches[0].source].edge == ASK_NONE &&
                c->sources[last->matches[0].source].table == c->entities[ASK_PATIENT].table;
    bool state = last->class == ASK_COLUMN && last->loose; /* "ulcerated tumours" */
    if (!number && !kind && !state)
        return false;
    *ret = (struct ask_item){.class = ASK_NOISE, .from = at, .to = at + 1, .quality = 1};
    return true;
}

/* "over 4 mm": the unit that the column's label has. */
static bool unit_of_label(const struct ask_reading *reading, size_t at, struct ask_item *ret)
{
    size_t count = reading->item_count;
    const struct ask_item *number = count > 0 ? &reading->items[count - 1] : NULL;
    for (size_t i = count; number != NULL && number->class == ASK_NUMBER && number->to == at && i-- > 0;) {
        const struct ask_item *item = &reading->items[i];
        if (item->class != ASK_COLUMN)
            continue;
        const struct ask_table *table = &reading->catalogue->tables[item->columns[0].table];
        const char *label = table->stored->schema.columns[item->columns[0].column].label;
        const char *found = label != NULL ? strstr(label, reading->tokens[at].lower) : NULL;
        *ret = (struct ask_item){.class = ASK_NOISE, .from = at, .to = at + 1, .quality = 1};
        return found != NULL && found > label && strchr("( [", found[-1]) != NULL;
    }
    return false;
}

static void link_at(struct ask_reading *reading, size_t from, struct ask_item *best)
{
    struct ask_item item;
    *best = (struct ask_item){.from = from, .to = from};
    if (ask_alias_column(reading, from, best) || /* a person said so */
        ask_moments_at(reading, from, best))
        return;
    if (ask_time_at(reading, from, &item) > 0)
        take(best, &item);
    if (identified_at(reading, from, &item))
        take(best, &item);
    if (number_at(reading, from, &item) || decade_at(reading, from, &item))
        take(best, &item);
    if (often_at(reading, from, &item))
        take(best, &item);
    if (scope_at(reading, from, &item))
        take(best, &item);
    if (lexicon_item(reading, from, &item)) {
        struct ask_item column;
        if (column_instead(reading, &item, &column))
            item = column;
        take(best, &item);
    }
    bool little = best->to == from || best->class == ASK_NOISE;
    if (best->to == from + 1 && (little || best->class == ASK_SCOPE || best->class == ASK_PICK) &&
        value_of_next(reading, from, &item)) {
        *best = item;
        return;
    }
    if (synonym_item(reading, from, &item) && (little || item.to > best->to))
        *best = item;
    if (best->to <= from + 1 && ask_flag_match(reading, from, &item))
        *best = item;
    if (instead_of_lexicon(reading, best, &item))
        *best = item;
    if (best->class == ASK_DERIVED && best->code == ASK_AGE && best->to > from + 1 &&
        ask_columns_match(reading, from, best->to, &item) && item.quality >= 1)
        *best = item; /* a column AgeGroup */
    if (best->class == ASK_VERB && best->to == from + 1 &&
        ask_columns_match(reading, from, from + 1, &item) && item.quality >= 1)
        *best = item; /* a column of just that name: "by readmitted" */
    name_items(reading, from, best);
    series_item(reading, from, best);
    if (best->class == ASK_UNIT && from + 1 < reading->token_count && reading->tokens[from + 1].number &&
        ask_columns_match(reading, from, from + 1, &item) && item.quality >= 1)
        *best = item; /* "at month 4" where there is a column month */
    if (graded_at(reading, from, &item) || (best->to == from && unit_of_label(reading, from, &item)))
        *best = item;
    if (best->to == from && ask_related_match(reading, from, &item))
        *best = item;
    if (best->to == from && !corrected_item(reading, from, best))
        *best = (struct ask_item){.class = ASK_UNKNOWN, .from = from, .to = from + 1};
}

/* "creatinine tertile", "BMI group": the column in parts. */
static void take_parts(struct ask_reading *reading, struct ask_item *item)
{
    static const struct {
        const char *stem;
        int parts;
    } words[] = {{"tertile", 3}, {"quartile", 4}, {"quintile", 5}, {"decile", 10}};
    static const char *const classes[] = {"group", "category", "class", "band", NULL};
    bool column = item->class == ASK_COLUMN && item->column_count > 0;
    bool inside = false; /* "BMI class" was found as one phrase */
    for (size_t i = 0; column && item->loose && item->to > item->from + 1 && classes[i] != NULL; i++)
        inside = inside || strcmp(reading->tokens[item->to - 1].stem, classes[i]) == 0;
    size_t at = inside ? item->to - 1 : item->to;
    if ((!column && (item->class != ASK_DERIVED || item->code != ASK_AGE)) || at >= reading->token_count)
        return;
    const char *stem = reading->tokens[at].stem;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(stem, words[i].stem) == 0)
            item->parts = words[i].parts;
    for (size_t i = 0; column && item->parts == 0 && classes[i] != NULL; i++) {
        const struct ask_column *of =
            &reading->catalogue->tables[item->columns[0].table].columns[item->columns[0].column];
        bool bmi = ask_words_have(&of->words, "bmi") || ask_words_have(&of->other_words[0], "mass") ||
                   ask_words_have(&of->label_words, "mass");
        if (strcmp(stem, classes[i]) == 0 && bmi && data_type_is_numeric(of->type))
            item->parts = ASK_BMI_CLASSES;
    }
    item->to += item->parts != 0 && !inside ? 1 : 0;
}

void ask_link(struct ask_reading *reading)
{
    ask_moments_find(reading);
    for (size_t at = 0; at < reading->token_count && reading->item_count < ASK_ITEMS;) {
        struct ask_item *item = &reading->items[reading->item_count];
        link_at(reading, at, item);
        take_parts(reading, item);
        at = item->to;
        reading->item_count++;
    }
}
