/* Values of the data that a phrase names. A value matches when it has every word of the phrase (as
 * stems): exactly, when it has no other; else only where values are names of things (labels of
 * codes, drugs, tests) or the phrase is most of the value.
 *
 *     "diabetes"        → every label that has the word: 24 codes of DIAGNOSES_ICD
 *     "sodium"          → the test called Sodium; "Sodium, Urine" is another, which is said
 *     "emergency"       → ADMISSIONS.admission_type = EMERGENCY */
#include "ask/ask_priv.h"

#include <string.h>

#define PHRASE_WORDS 10

struct phrase {
    char stems[PHRASE_WORDS][ASK_STEM_BYTES];
    size_t count;
    const char *columns; /* stems that the column's name must have one of; "" any */
    bool whole;          /* values with other words don't match */
};

static void add_stem(void *user, struct str word)
{
    struct phrase *phrase = user;
    char stem[ASK_STEM_BYTES];
    ask_stem(word, stem);
    for (size_t i = 0; i < phrase->count; i++)
        if (strcmp(phrase->stems[i], stem) == 0)
            return;
    if (phrase->count < PHRASE_WORDS)
        memcpy(phrase->stems[phrase->count++], stem, sizeof stem);
}

static bool column_fits(const struct ask_catalogue *c, const struct ask_source *source,
                        const char *columns)
{
    const struct ask_words *words = &c->tables[source->table].columns[source->column].words;
    if (columns[0] == '\0')
        return true;
    for (const char *p = columns; *p != '\0';) {
        size_t length = strcspn(p, " ");
        char stem[ASK_STEM_BYTES];
        ask_stem((struct str){p, length}, stem);
        if (ask_words_have(words, stem))
            return true;
        p += length;
        p += *p == ' ';
    }
    return false;
}

/* Is the source what its table's rows are of: the label, the drug, the test? */
static bool names_rows(const struct ask_catalogue *c, const struct ask_source *source)
{
    return !c->tables[source->table].reference &&
           (int)source->column == c->tables[source->table].name_column;
}

static bool listed(const uint32_t *list, size_t count, uint32_t entry)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle] == entry)
            return true;
        if (list[middle] < entry)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static struct ask_match *match_of(struct ask_item *ret, size_t source)
{
    for (size_t i = 0; i < ret->match_count; i++)
        if (ret->matches[i].source == source)
            return &ret->matches[i];
    return NULL;
}

static double quality_of(const struct ask_catalogue *c, const struct ask_source *source, bool exact)
{
    const struct ask_table *table = &c->tables[source->table];
    double quality = exact ? .9 : .8;
    quality += names_rows(c, source) ? .08 : 0;
    quality -= source->edge != ASK_NONE && (int)source->column != table->name_column
                   ? .15
                   : 0; /* who charted it … */
    const struct ask_words *words = &table->columns[source->column].words;
    quality += table->concept == ASK_CONCEPT_TRANSFER && ask_words_have(words, "current")
                   ? .06
                   : 0; /* where somebody was */
    quality -= ask_words_have(words, "previous") || ask_words_have(words, "last") ? .1 : 0;
    quality -= table->reference ? .5 : 0;
    quality -= table->reaches[ASK_PATIENT] ? 0 : .3;
    quality -=
        table->concept == ASK_CONCEPT_CALLOUT || table->concept == ASK_CONCEPT_CAREGIVER ? .2 : 0;
    quality -= table->concept == ASK_CONCEPT_GROUPER
                   ? .15
                   : 0; /* what is billed says less than what was diagnosed … */
    quality -= table->concept == ASK_CONCEPT_BILLED
                   ? .45
                   : 0; /* … and where it was billed is not where it happened */
    quality -= table->concept == ASK_CONCEPT_GROUPER
                   ? .15
                   : 0; /* what is billed says less than what was diagnosed … */
    quality -= table->concept == ASK_CONCEPT_BILLED
                   ? .45
                   : 0; /* … and where it was billed is not where it happened */
    return quality;
}

/* One more value of a source; whole values drive those with more words out, unless any is meant. */
static void offer(struct ask_reading *reading, struct ask_item *ret, uint32_t at, bool exact)
{
    const struct ask_entry *entry = &reading->index->entries[at];
    struct ask_match *match = match_of(ret, entry->source);
    if (match != NULL && match->named)
        return;
    if (match == NULL) {
        double quality =
            quality_of(reading->catalogue, &reading->catalogue->sources[entry->source], exact);
        size_t slot = ret->match_count;
        if (slot == ASK_CANDIDATES) { /* in place of the worst */
            slot = 0;
            for (size_t i = 1; i < ASK_CANDIDATES; i++)
                if (ret->matches[i].quality < ret->matches[slot].quality)
                    slot = i;
            if (ret->matches[slot].quality >= quality)
                return;
        } else {
            ret->match_count++;
        }
        match = &ret->matches[slot];
        *match = (struct ask_match){.source = entry->source, .quality = quality, .exact = exact};
    }
    if (exact && !match->exact) {
        match->exact = true;
        match->quality =
            quality_of(reading->catalogue, &reading->catalogue->sources[entry->source], true);
    }
    if (match->count % 256 == 0) {
        uint32_t *more = arena_array(reading->arena, match->count + 256, sizeof *more);
        if (more == NULL) {
            reading->failed = true;
            return;
        }
        if (match->count > 0)
            memcpy(more, match->entries, match->count * sizeof *more);
        match->entries = more;
    }
    for (size_t i = 0; i < match->count; i++)
        if (match->entries[i] == at)
            return;
    match->entries[match->count++] = at;
    match->rows += entry->rows;
    match->patients = entry->patients > match->patients ? entry->patients : match->patients;
}

static bool may_contain(const struct ask_catalogue *c, const struct ask_source *source,
                        size_t phrase, uint32_t words)
{
    if (source->code)
        return phrase == words;
    if (names_rows(c, source) || source->edge != ASK_NONE || c->tables[source->table].reference)
        return true;
    return phrase * 2 >= words; /* a category: most of it must be said */
}

/* Do the phrase's words stand together in the value, in this order? */
struct run {
    const struct phrase *phrase;
    size_t at;
    bool found;
};

static void run_word(void *user, struct str word)
{
    struct run *run = user;
    char stem[ASK_STEM_BYTES];
    ask_stem(word, stem);
    if (strcmp(stem, run->phrase->stems[run->at]) != 0)
        run->at = strcmp(stem, run->phrase->stems[0]) == 0 ? 0 : SIZE_MAX;
    run->at = run->at == SIZE_MAX ? 0 : run->at + 1;
    if (run->at == run->phrase->count) {
        run->found = true;
        run->at = 0;
    }
}

static bool stands_together(const struct ask_reading *reading, const struct phrase *phrase,
                            uint32_t entry)
{
    struct run run = {.phrase = phrase};
    ask_text_words(ask_entry_text(reading->index, entry), run_word, &run);
    return run.found;
}

/* "Hepatitis C without coma" is no coma: is the phrase all said after a "without"? */
struct absence {
    const struct phrase *phrase;
    bool without, said_before;
};

static void absence_word(void *user, struct str word)
{
    struct absence *absence = user;
    char stem[ASK_STEM_BYTES];
    ask_stem(word, stem);
    absence->without = absence->without || strcmp(stem, "without") == 0;
    for (size_t i = 0; i < absence->phrase->count && !absence->without; i++)
        absence->said_before =
            absence->said_before || strcmp(stem, absence->phrase->stems[i]) == 0;
}

static bool says_absent(const struct ask_reading *reading, const struct phrase *phrase,
                        uint32_t entry)
{
    struct absence absence = {.phrase = phrase};
    ask_text_words(ask_entry_text(reading->index, entry), absence_word, &absence);
    return absence.without && !absence.said_before;
}

static void match_phrase(struct ask_reading *reading, const struct phrase *phrase,
                         struct ask_item *ret)
{
    const struct ask_index *index = reading->index;
    const uint32_t *lists[PHRASE_WORDS];
    size_t counts[PHRASE_WORDS], least = 0;
    for (size_t i = 0; i < phrase->count; i++) {
        lists[i] = ask_index_word(index, phrase->stems[i], &counts[i]);
        if (lists[i] == NULL)
            return;
        least = counts[i] < counts[least] ? i : least;
    }
    for (size_t k = 0; phrase->count > 0 && k < counts[least]; k++) {
        uint32_t at = lists[least][k];
        const struct ask_entry *entry = &index->entries[at];
        bool all = entry->source < reading->catalogue->source_count;
        for (size_t i = 0; all && i < phrase->count; i++)
            all = i == least || listed(lists[i], counts[i], at);
        if (!all)
            continue;
        const struct ask_source *source = &reading->catalogue->sources[entry->source];
        bool exact = entry->words == phrase->count;
        if (!column_fits(reading->catalogue, source, phrase->columns) ||
            (!exact && (phrase->whole ||
                        !may_contain(reading->catalogue, source, phrase->count, entry->words))))
            continue;
        if (!exact && says_absent(reading, phrase, at))
            continue;
        offer(reading, ret, at, exact);
        struct ask_match *match = match_of(ret, entry->source);
        if (match != NULL)
            match->together = match->together || exact || stands_together(reading, phrase, at);
    }
}

/* Of several labels of one code (long and short title) one counts: the exact one, else the fullest.
 */
static void one_of_a_column(const struct ask_reading *reading, struct ask_item *ret)
{
    const struct ask_catalogue *c = reading->catalogue;
    size_t kept = 0;
    for (size_t i = 0; i < ret->match_count; i++) {
        const struct ask_match *match = &ret->matches[i];
        const struct ask_source *source = &c->sources[match->source];
        bool keep = true;
        for (size_t k = 0; keep && k < ret->match_count; k++) {
            const struct ask_match *other = &ret->matches[k];
            const struct ask_source *its = &c->sources[other->source];
            if (k == i || its->table != source->table || its->column != source->column)
                continue;
            bool fuller =
                c->tables[its->table].columns[its->column].label_column == its->label_column;
            keep = match->exact != other->exact ? match->exact : !fuller;
        }
        if (keep)
            ret->matches[kept++] = *match;
    }
    ret->match_count = kept;
}

static void sort_matches(struct ask_item *ret)
{
    for (size_t i = 1; i < ret->match_count; i++)
        for (size_t j = i; j > 0; j--) {
            const struct ask_match *a = &ret->matches[j - 1], *b = &ret->matches[j];
            if (a->quality > b->quality || (a->quality >= b->quality && a->rows >= b->rows))
                break;
            struct ask_match kept = ret->matches[j];
            ret->matches[j] = ret->matches[j - 1];
            ret->matches[j - 1] = kept;
        }
    ret->quality = ret->match_count > 0 ? ret->matches[0].quality : 0;
}

/* Where a value of a source is the phrase itself, the longer ones are other things. "any" keeps
 * them. */
/* Labels that are abbreviations name one code each. */
static bool abbreviates(const struct ask_reading *reading, const struct ask_source *source)
{
    const struct ask_catalogue *c = reading->catalogue;
    return source->edge != ASK_NONE &&
           ask_words_have(
               &c->tables[c->edges[source->edge].parent].columns[source->label_column].words,
               "short");
}

static void keep_together(struct ask_reading *reading, struct ask_match *match,
                          const struct phrase *phrase)
{
    size_t kept = 0;
    for (size_t k = 0; k < match->count; k++)
        if (stands_together(reading, phrase, match->entries[k]))
            match->entries[kept++] = match->entries[k];
    match->count = kept > 0 ? kept : match->count;
}

static void keep_exact(struct ask_reading *reading, struct ask_item *ret,
                       const struct phrase *phrase, bool any)
{
    size_t words = phrase->count;
    for (size_t i = 0; i < ret->match_count; i++) {
        struct ask_match *match = &ret->matches[i];
        size_t kept = 0;
        const struct ask_source *source = &reading->catalogue->sources[match->source];
        const struct ask_table *table = &reading->catalogue->tables[source->table];
        bool of_diseases =
            names_rows(reading->catalogue, source) && (table->concept == ASK_CONCEPT_DIAGNOSIS ||
                                                       table->concept == ASK_CONCEPT_ADVERSE_EVENT);
        if ((source->edge != ASK_NONE || of_diseases) && table->value < 0 && match->exact &&
            (words == 1 || !abbreviates(reading, source))) {
            /* "sepsis" is severe sepsis too: names of diseases are not names of tests */
            match->exact = false;
            keep_together(reading, match, phrase);
        }
        if (!match->exact || any)
            continue;
        bool ordered = false; /* "dextrose 5%" is not "5% dextrose", where both are */
        for (size_t k = 0; k < match->count; k++)
            ordered = ordered || (reading->index->entries[match->entries[k]].words == words &&
                                  stands_together(reading, phrase, match->entries[k]));
        match->rows = match->patients = 0;
        for (size_t k = 0; k < match->count; k++) {
            const struct ask_entry *entry = &reading->index->entries[match->entries[k]];
            if (entry->words != words ||
                (ordered && !stands_together(reading, phrase, match->entries[k])))
                continue;
            match->entries[kept++] = match->entries[k];
            match->rows += entry->rows;
            match->patients = entry->patients > match->patients ? entry->patients : match->patients;
        }
        match->count = kept;
    }
}

/* A test that is called just so is meant, and no other: the synonyms of a test measure other things
 * as well. */
static void keep_named(struct ask_reading *reading, struct ask_item *ret, size_t words)
{
    for (size_t i = 0; i < ret->match_count; i++) {
        struct ask_match *match = &ret->matches[i];
        const struct ask_source *source = &reading->catalogue->sources[match->source];
        if (reading->catalogue->tables[source->table].value < 0 || !match->exact)
            continue;
        size_t kept = 0;
        for (size_t k = 0; k < match->count; k++)
            if (reading->index->entries[match->entries[k]].words == words)
                match->entries[kept++] = match->entries[k];
        match->count = kept;
        match->named = true;
    }
}

static bool connects(const struct ask_token *token)
{
    static const char *const words[] = {
        "and",     "or",      "with",  "without", "not",  "no",    "in",     "on",
        "by",      "per",     "for",   "to",      "from", "after", "before", "patients",
        "patient", "who",     "the",   "is",      "are",  "was",   "were",   "than",
        "over",    "under",   "at",    "a",       "an",   "most",  "as",     "of",
        "mean",    "average", "total", "any",     "how",  "many",  "what",   "which",
        "during",  "within",  "until", "since",   "last", "first", "that",   "two",
        "three",   "four",    "five",  "times",   NULL};
    for (size_t i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], token->lower) == 0)
            return true;
    return false;
}

/* "ventilation <96 hrs": a mark within a name, which the tokens have as a word. */
static bool is_mark(const struct ask_reading *reading, size_t at, size_t to)
{
    return at + 1 < to && reading->tokens[at + 1].number &&
           (strcmp(reading->tokens[at].lower, "under") == 0 ||
            strcmp(reading->tokens[at].lower, "over") == 0);
}

/* No value begins so: a terminology of a million concepts has "per year" and "in hospital". */
static bool is_preposition(const struct ask_token *token)
{
    static const char *const words[] = {"per",    "by",   "in",    "on",     "with",   "without",
                                        "for",    "to",   "from",  "after",  "before", "at",
                                        "during", "than", "until", "within", "since",  NULL};
    for (size_t i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], token->lower) == 0)
            return true;
    return false;
}

/* Only the values that have the mark as well. */
static void keep_marked(const struct ask_reading *reading, struct ask_item *ret, char mark)
{
    size_t kept_matches = 0;
    for (size_t i = 0; i < ret->match_count; i++) {
        struct ask_match *match = &ret->matches[i];
        size_t kept = 0;
        for (size_t k = 0; k < match->count; k++) {
            struct str text = ask_entry_text(reading->index, match->entries[k]);
            if (memchr(text.ptr, mark, text.len) != NULL)
                match->entries[kept++] = match->entries[k];
        }
        match->count = kept;
        if (kept > 0)
            ret->matches[kept_matches++] = *match;
    }
    ret->match_count = kept_matches;
}

bool ask_values_match(struct ask_reading *reading, size_t from, size_t to, struct ask_item *ret)
{
    struct phrase phrase = {.columns = ""};
    char mark = 0;
    *ret = (struct ask_item){.class = ASK_VALUE, .from = from, .to = to};
    if (to - from > PHRASE_WORDS ||
        (is_preposition(&reading->tokens[from]) && !reading->tokens[from].quoted))
        return false;
    for (size_t i = from; i < to; i++) {
        phrase.whole = phrase.whole || connects(&reading->tokens[i]);
        if (i > from && is_mark(reading, i, to)) {
            mark = reading->tokens[i].lower[0] == 'u' ? '<' : '>';
            continue;
        }
        add_stem(&phrase, str_of(reading->tokens[i].stem));
    }
    if (to - from == 1 &&
        (phrase.whole || reading->tokens[from].number || strlen(reading->tokens[from].stem) < 2))
        return false;
    bool any = from > 0 && strcmp(reading->tokens[from - 1].lower, "any") == 0;
    match_phrase(reading, &phrase, ret);
    if (ret->match_count == 0 && to - from == 2 && !phrase.whole) { /* "small cell": smallcell */
        struct phrase joined = {.columns = "", .whole = true, .count = 1};
        const char *first = reading->tokens[from].lower, *second = reading->tokens[from + 1].stem;
        size_t length = strlen(first);
        if (length + strlen(second) < ASK_STEM_BYTES) {
            memcpy(joined.stems[0], first, length);
            memcpy(joined.stems[0] + length, second, strlen(second) + 1);
            match_phrase(reading, &joined, ret);
            phrase = joined;
        }
    }
    if (mark != 0)
        keep_marked(reading, ret, mark);
    keep_exact(reading, ret, &phrase, any);
    one_of_a_column(reading, ret);
    sort_matches(ret);
    return ret->match_count > 0;
}

bool ask_values_phrase(struct ask_reading *reading, const char *phrases, const char *columns,
                       struct ask_item *ret)
{
    for (const char *p = phrases; *p != '\0';) {
        size_t length = strcspn(p, "|");
        struct phrase phrase = {.columns = columns};
        ask_text_words((struct str){p, length}, add_stem, &phrase);
        phrase.whole = columns[0] != '\0';
        match_phrase(reading, &phrase, ret);
        if (p == phrases)
            keep_named(reading, ret, phrase.count);
        p += length;
        p += *p == '|';
    }
    one_of_a_column(reading, ret);
    sort_matches(ret);
    return ret->match_count > 0;
}
