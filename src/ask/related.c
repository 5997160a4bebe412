/* Words of one family: a noun of people or a state and the column or value that says it.
 *
 *     smokers, smoking → smoke      diabetics → diabetes, dm      hypertensive → hypertension, ht
 *     postoperative infections → infection      nonsmokers → smoke = 0      mothers → the rows
 *
 * Only for words that are nothing else in the data, and only in columns of the patients' own table:
 * elsewhere a loose word would mean too much. */
#include "ask/ask_priv.h"

#include <string.h>

#define ROOT_LEAST 4

/* ---- roots ------------------------------------------------------------------------------------
 */

/* Ends of words that are cut, the longest first. */
static const char *const endings[] = {
    "ization", "isation", "ation", "ating", "ancy", "ency", "ator", "ated", "ative", "ment",
    "ence",    "ance",    "ical",  "ity",   "ent",  "ant",  "ive",  "ion",  "ing",   "ous",
    "iv",      "ia",      "ic",      "al",    "er",    "or",   "ed",   "es",   "e",    "y",     NULL};

/* British spelling as American: haemoglobin, oestrogen, tumour. */
static void respell(char *word)
{
    size_t to = 0;
    for (size_t at = 0; word[at] != '\0'; at++) {
        bool joined = (word[at] == 'a' || word[at] == 'o') && word[at + 1] == 'e';
        bool our = word[at] == 'o' && word[at + 1] == 'u' && word[at + 2] == 'r' && word[at + 3] == '\0' && at > 2;
        if (joined)
            continue;
        word[to++] = word[at];
        at += our ? 1 : 0;
    }
    word[to] = '\0';
}

void ask_root(const char *stem, char ret[ASK_STEM_BYTES])
{
    size_t length = strlen(stem);
    memcpy(ret, stem, length + 1);
    respell(ret);
    for (bool cut = true; cut;) {
        cut = false;
        length = strlen(ret);
        for (size_t i = 0; endings[i] != NULL && !cut; i++) {
            size_t end = strlen(endings[i]);
            if (length < end + ROOT_LEAST || strcmp(ret + length - end, endings[i]) != 0)
                continue;
            ret[length - end] = '\0';
            cut = true;
        }
    }
    length = strlen(ret);
    if (length > ROOT_LEAST && ret[length - 1] == ret[length - 2])
        ret[length - 1] = '\0'; /* recurr of "recurrence" */
}

static bool same_root(const char *root, const char *stem)
{
    char other[ASK_STEM_BYTES];
    if (strlen(stem) < ROOT_LEAST)
        return strcmp(root, stem) == 0;
    ask_root(stem, other);
    return strcmp(root, other) == 0;
}

static bool words_have_root(const struct ask_words *words, const char *root)
{
    for (size_t i = 0; i < words->count; i++)
        if (same_root(root, words->text[i]))
            return true;
    return false;
}

/* ---- columns ----------------------------------------------------------------------------------
 */

/* The patients' own table, where its rows are they; ASK_NONE. */
static size_t subjects(const struct ask_catalogue *c)
{
    const struct ask_entity *patient = &c->entities[ASK_PATIENT];
    return patient->known && !c->tables[patient->table].hidden ? patient->table : ASK_NONE;
}

/* Words of a name that are more than where, when or how it was taken. */
static size_t heavy(const struct ask_words *words)
{
    static const char *const light[] = {"baseline", "preop", "pre",  "op",    "calc",   "initial",
                                        "entry",    "score", "code", "statu", "status", "level",
                                        "value",    "bl",    "base", "number", NULL};
    size_t count = words->count;
    for (size_t i = 0; i < words->count; i++)
        for (size_t l = 0; light[l] != NULL; l++)
            count -= strcmp(words->text[i], light[l]) == 0 ? 1 : 0;
    return count;
}

/* Does the column's name, what it is short for, or its label have all the phrase's words? *rest: how many it has beside them. */
static bool column_has(const struct ask_column *column, const char roots[][ASK_STEM_BYTES],
                       size_t count, size_t *rest)
{
    bool found = false;
    *rest = SIZE_MAX;
    const struct ask_words *sets[] = {&column->words, &column->other_words[0],
                                      &column->other_words[1], &column->label_words};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        bool all = sets[s]->count > 0;
        for (size_t i = 0; i < count && all; i++)
            all = words_have_root(sets[s], roots[i]);
        size_t more = all && heavy(sets[s]) > count ? heavy(sets[s]) - count : 0;
        *rest = all && more < *rest ? more : *rest;
        found = found || all;
    }
    return found;
}

/* What is left of a phrase without little words; 0: nothing. */
static size_t roots_of(const struct ask_reading *reading, size_t from, size_t to,
                       char ret[][ASK_STEM_BYTES])
{
    static const char *const little[] = {"the",   "a",     "an",    "of",       "at",
                                         "in",    "status", "level", "value",   "class",
                                         "score", "group", "type",  "category", NULL};
    size_t count = 0;
    for (size_t i = from; i < to; i++) {
        bool skip = false;
        for (size_t l = 0; little[l] != NULL; l++)
            skip = skip || strcmp(little[l], reading->tokens[i].stem) == 0;
        if (skip || reading->tokens[i].number)
            continue;
        if (strlen(reading->tokens[i].stem) < 2)
            return 0; /* "arm C" is no C-reactive protein */
        ask_root(reading->tokens[i].stem, ret[count++]);
    }
    return count;
}

/* A column that is called just so is meant, not those whose names have other words too. */
static void keep_called_so(const struct ask_table *table, size_t words, struct ask_item *ret)
{
    size_t found = ASK_NONE, count = 0;
    for (size_t i = 0; i < ret->column_count; i++)
        if (table->columns[ret->columns[i].column].words.count == words) {
            found = i;
            count++;
        }
    if (count != 1)
        return;
    ret->columns[0] = ret->columns[found];
    ret->column_count = 1;
}

static bool related_column(const struct ask_reading *reading, size_t from, size_t to,
                           struct ask_item *ret)
{
    char roots[ASK_WORDS][ASK_STEM_BYTES];
    size_t table = subjects(reading->catalogue), count = roots_of(reading, from, to, roots);
    *ret = (struct ask_item){.class = ASK_COLUMN, .from = from, .to = to};
    if (table == ASK_NONE || count == 0)
        return false;
    const struct ask_table *t = &reading->catalogue->tables[table];
    bool part = true; /* of the name only, which may be of something else */
    for (size_t i = 0; i < t->column_count; i++) {
        const struct ask_column *column = &t->columns[i];
        size_t rest = 0;
        if (column->role == PROFILE_IDENTIFIER ||
            !column_has(column, (const char(*)[ASK_STEM_BYTES])roots, count, &rest))
            continue;
        part = part && rest > 0 && count < 2;
        if (ret->column_count == ASK_CANDIDATES)
            return false;
        ret->columns[ret->column_count].table = table;
        ret->columns[ret->column_count].column = i;
        ret->columns[ret->column_count++].quality = .9;
    }
    keep_called_so(t, count, ret);
    ret->quality = ret->column_count > 1 || part ? .5 : .9;
    ret->loose = true;
    return ret->column_count > 0;
}

/* ---- values -----------------------------------------------------------------------------------
 */

/* A category of the patients' table with a value of one word of that root. */
static bool related_value(struct ask_reading *reading, size_t at, struct ask_item *ret)
{
    const struct ask_index *index = reading->index;
    const struct ask_catalogue *c = reading->catalogue;
    char root[ASK_STEM_BYTES];
    size_t table = subjects(c), length = 0;
    const char *found = NULL;
    if (table == ASK_NONE || strlen(reading->tokens[at].stem) < ROOT_LEAST)
        return false;
    ask_root(reading->tokens[at].stem, root);
    for (size_t i = 0; i < index->word_count; i++) {
        const char *word = index->texts + index->word_at[3 * i];
        const uint32_t *list = index->postings + index->word_at[3 * i + 1];
        bool spelled = root[0] == 'e' || root[0] == 'a' || root[0] == 'o'; /* oestrogen: estrogen */
        if (!spelled && word[0] != root[0])
            continue;
        length = strlen(word);
        if (length < ROOT_LEAST || length >= ASK_STEM_BYTES || !same_root(root, word))
            continue;
        for (size_t k = 0; k < index->word_at[3 * i + 2]; k++) {
            const struct ask_entry *entry = &index->entries[list[k]];
            if (entry->source < c->source_count && c->sources[entry->source].table == table &&
                c->sources[entry->source].edge == ASK_NONE && entry->words <= 2)
                found = word;
        }
    }
    *ret = (struct ask_item){.class = ASK_VALUE, .from = at, .to = at + 1, .loose = true};
    return found != NULL && ask_values_phrase(reading, found, "", ret);
}

/* "smoking status" where a column has the values smoker and nonsmoker. */
static bool status_of_value(struct ask_reading *reading, size_t at, struct ask_item *ret)
{
    struct ask_item value = {.from = at, .to = at + 1};
    if (at + 1 >= reading->token_count || strcmp(reading->tokens[at + 1].stem, "status") != 0 ||
        related_column(reading, at, at + 1, ret) || !related_value(reading, at, &value) ||
        value.match_count != 1)
        return false;
    const struct ask_source *source = &reading->catalogue->sources[value.matches[0].source];
    *ret = (struct ask_item){.class = ASK_COLUMN, .from = at, .to = at + 2, .column_count = 1,
                             .quality = .9, .loose = true};
    ret->columns[0].table = source->table;
    ret->columns[0].column = source->column;
    ret->columns[0].quality = .9;
    return true;
}

/* ---- flags ------------------------------------------------------------------------------------
 */

/* "nonsmokers", "unvaccinated": the column of yes and no that the rest names, with its no. */
static bool negated_flag(struct ask_reading *reading, size_t at, struct ask_item *ret)
{
    static const char *const fronts[] = {"non", "un", NULL};
    struct ask_token *token = &reading->tokens[at], kept = *token;
    bool found = false;
    const char *yes = NULL;
    for (size_t i = 0; fronts[i] != NULL && !found; i++) {
        size_t cut = strlen(fronts[i]);
        if (strncmp(kept.stem, fronts[i], cut) != 0 || strlen(kept.stem) < cut + ROOT_LEAST)
            continue;
        memcpy(token->stem, kept.stem + cut, strlen(kept.stem) - cut + 1);
        found = related_column(reading, at, at + 1, ret) && ret->column_count == 1 &&
                (ask_is_flag(reading, ret->columns[0].table, ret->columns[0].column) ||
                 ask_yes_no(reading, ret->columns[0].table, ret->columns[0].column, true, &yes));
    }
    *token = kept;
    if (found) {
        ret->class = ASK_FLAG;
        ret->code = 0;
    }
    return found;
}

/* ---- people -----------------------------------------------------------------------------------
 */

static const struct {
    const char *stem, *needs, *excludes;
} people[] = {
#define ASK_PERSON(stem, needs, excludes) {stem, needs, excludes},
#include "ask/people.def"
#undef ASK_PERSON
};

/* Has a column of the table one of these stems? */
static bool any_column(const struct ask_table *table, const char *stems, bool whole)
{
    for (const char *p = stems; *p != '\0';) {
        size_t length = strcspn(p, " ");
        char stem[ASK_STEM_BYTES];
        ask_stem((struct str){p, length}, stem);
        for (size_t i = 0; i < table->column_count; i++) {
            const struct ask_column *column = &table->columns[i];
            bool named = ask_words_have(&column->words, stem) &&
                         (!whole || column->words.count == 1);
            if (named || (!whole && (ask_words_have(&column->label_words, stem) ||
                                     ask_words_have(&column->other_words[0], stem))))
                return true;
        }
        if (!whole && ask_words_have(&table->words, stem))
            return true;
        p += length;
        p += *p == ' ';
    }
    return false;
}

static bool person_at(struct ask_reading *reading, size_t at, struct ask_item *ret)
{
    const struct ask_catalogue *c = reading->catalogue;
    size_t t = subjects(c);
    const char *stem = reading->tokens[at].stem;
    for (size_t i = 0; t != ASK_NONE && c->entities[ASK_PATIENT].unique && i < sizeof people / sizeof *people; i++) {
        const struct ask_table *table = &c->tables[t];
        if (strcmp(stem, people[i].stem) != 0 ||
            (people[i].needs[0] != '\0' && !any_column(table, people[i].needs, false)) ||
            any_column(table, people[i].excludes, true))
            continue;
        *ret = (struct ask_item){.class = ASK_ENTITY, .from = at, .to = at + 1, .code = ASK_PATIENT,
                                 .quality = 1};
        ask_note(reading, reading->why, "'%s' are the rows of %s", ask_phrase(reading, at, at + 1),
                 table->name);
        return true;
    }
    return false;
}

/* ---- states -----------------------------------------------------------------------------------
 */

static const struct {
    const char *stem, *column;
    enum ask_compare op;
    double number, high;
} states[] = {
#define ASK_STATE(stem, column, op, number, high) {stem, column, ASK_##op, number, high},
#include "ask/states.def"
#undef ASK_STATE
};

static bool state_at(struct ask_reading *reading, size_t at, struct ask_item *ret)
{
    size_t t = subjects(reading->catalogue);
    for (size_t i = 0; t != ASK_NONE && i < sizeof states / sizeof *states; i++) {
        const struct ask_table *table = &reading->catalogue->tables[t];
        size_t found = ASK_NONE, count = 0;
        for (size_t c = 0; c < table->column_count; c++) {
            const struct ask_words *words = &table->columns[c].words;
            if (!ask_words_have(words, states[i].column) || heavy(words) != 1 ||
                !data_type_is_numeric(table->columns[c].type) || table->columns[c].distinct <= 12)
                continue;
            found = c;
            count++;
        }
        if (count != 1 || strcmp(reading->tokens[at].stem, states[i].stem) != 0)
            continue;
        *ret = (struct ask_item){.class = ASK_FLAG, .from = at, .to = at + 1, .quality = 1, .ranged = true,
                                 .code = (int)states[i].op, .number = states[i].number,
                                 .high = states[i].high, .column_count = 1};
        ret->columns[0].table = t;
        ret->columns[0].column = found;
        ret->columns[0].quality = 1;
        return true;
    }
    return false;
}

/* ---- the door ---------------------------------------------------------------------------------
 */

#define LONGEST 5 /* words */

bool ask_related_column(const struct ask_reading *reading, size_t from, size_t to,
                        struct ask_item *ret)
{
    return related_column(reading, from, to, ret) && ret->column_count == 1;
}

static void say_related(struct ask_reading *reading, const struct ask_item *item)
{
    const struct ask_table *table = &reading->catalogue->tables[item->columns[0].table];
    if (item->column_count == 1)
        ask_note(reading, reading->why, "'%s' is taken as %s.%s",
                 ask_phrase(reading, item->from, item->to), table->name,
                 table->columns[item->columns[0].column].name);
    else
        ask_note(reading, reading->why, "'%s' may be any of %zu columns of %s",
                 ask_phrase(reading, item->from, item->to), item->column_count, table->name);
}

bool ask_related_match(struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    size_t end = from + LONGEST < reading->token_count ? from + LONGEST : reading->token_count;
    if (reading->tokens[from].number || reading->tokens[from].quoted)
        return false;
    struct ask_item several = {.column_count = 0};
    if (state_at(reading, from, ret) || person_at(reading, from, ret) ||
        status_of_value(reading, from, ret))
        return true;
    for (size_t to = end; to > from; to--) {
        if (ask_is_parted(reading, from, to) || !related_column(reading, from, to, ret))
            continue;
        if (ret->column_count > 1 && to > from + 1) {
            several = several.column_count == 0 ? *ret : several;
            continue;
        }
        if (ret->column_count > 1)
            break;
        say_related(reading, ret);
        return true;
    }
    if (related_value(reading, from, ret) || negated_flag(reading, from, ret))
        return true;
    *ret = several;
    if (several.column_count == 0 && !related_column(reading, from, from + 1, ret))
        return false;
    say_related(reading, ret);
    return true;
}
