/* Columns that a phrase names: its stems are those of the column's name (columns.def has other
 * names), in any order. Part of the name will do where only one column of a table has it. */
#include "ask/grammar_priv.h"

#include <string.h>

static const struct {
    const char *text, *stems;
} other_names[] = {
#define ASK_COLUMN_NAME(phrase, stems) {phrase, stems},
#include "ask/columns.def"
#undef ASK_COLUMN_NAME
};

static void phrase_words(const struct ask_reading *reading, size_t from, size_t to,
                         struct ask_words *ret)
{
    *ret = (struct ask_words){.count = 0};
    for (size_t i = from; i < to; i++) {
        struct ask_words words; /* "careunit" is two */
        ask_name_words(reading->tokens[i].lower, &words);
        for (size_t w = 0; w < words.count && ret->count < ASK_WORDS; w++)
            memcpy(ret->text[ret->count++], words.text[w], ASK_STEM_BYTES);
    }
}

/* Are a's words all among b's? */
static bool within(const struct ask_words *a, const struct ask_words *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!ask_words_have(b, a->text[i]))
            return false;
    return a->count > 0;
}

/* What of a name says nothing. */
static size_t weight(const struct ask_words *words)
{
    static const char *const light[] = {
        "code",    "status", "desc",  "description", "name",  "number", "id",   "cd",
        "concept", "source", "value", "level", NULL};
    size_t count = 0;
    for (size_t i = 0; i < words->count; i++) {
        bool counts = true;
        for (size_t l = 0; light[l] != NULL; l++)
            counts = counts && strcmp(light[l], words->text[i]) != 0;
        count += counts ? 1 : 0;
    }
    return count;
}

/* Without a last word that says nothing more: "cholesterol level", "smoking status". */
static bool without_last(const struct ask_words *phrase, struct ask_words *ret)
{
    static const char *const last[] = {"status", "level", "score", "type", "group", NULL};
    bool light = false;
    for (size_t i = 0; phrase->count > 1 && last[i] != NULL; i++)
        light = light || strcmp(phrase->text[phrase->count - 1], last[i]) == 0;
    *ret = *phrase;
    ret->count -= light ? 1 : 0;
    return light;
}

static double fit_words(const struct ask_words *phrase, const struct ask_words *words)
{
    struct ask_words shorter;
    if (!within(phrase, words) && without_last(phrase, &shorter))
        return .96 * fit_words(&shorter, words);
    if (!within(phrase, words) || phrase->count > words->count)
        return 0;
    if (within(words, phrase))
        return 1;
    return weight(phrase) > 0 && weight(words) == weight(phrase) ? .9 : 0;
}

/* Among the words of the table's name, a number at their end off: births14. */
static bool table_has(const struct ask_table *table, const char *stem)
{
    for (size_t i = 0; i < table->words.count; i++) {
        const char *word = table->words.text[i];
        size_t length = strlen(word);
        while (length > 1 && word[length - 1] >= '0' && word[length - 1] <= '9')
            length--;
        char bare[ASK_STEM_BYTES];
        ask_stem((struct str){word, length}, bare);
        if (strcmp(bare, stem) == 0 && strcmp(stem, "patient") != 0 &&
            strcmp(stem, "admission") != 0)
            return true; /* "the gender of patient 7" is not a gender of patients */
    }
    return false;
}

/* The column's name and words of its table's: systolic of us_core_blood_pressure is a systolic
 * blood pressure. */
static bool fits_with_table(const struct ask_words *phrase, const struct ask_table *table,
                            const struct ask_column *column)
{
    if (phrase->count < 2 || weight(&column->words) == 0 || !within(&column->words, phrase))
        return false;
    for (size_t i = 0; i < phrase->count; i++)
        if (!ask_words_have(&column->words, phrase->text[i]) &&
            !table_has(table, phrase->text[i]))
            return false;
    return true;
}

double ask_name_fit(const struct ask_reading *reading, size_t from, size_t to,
                    const struct ask_words *name)
{
    struct ask_words phrase;
    phrase_words(reading, from, to, &phrase);
    double best = fit_words(&phrase, name);
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++) {
        struct ask_words words, stems;
        ask_name_words(other_names[i].text, &words);
        ask_name_words(other_names[i].stems, &stems);
        if (best < .97 && within(&words, &phrase) && within(&phrase, &words) &&
            within(&stems, name) && within(name, &stems))
            best = .97;
    }
    return best;
}

/* The letters of the words one after the other: "birth weight" is birthweight. */
static void letters_of(const struct ask_words *words, char ret[ASK_WORDS * ASK_STEM_BYTES])
{
    size_t at = 0;
    for (size_t i = 0; i < words->count; i++) {
        size_t length = strlen(words->text[i]);
        memcpy(ret + at, words->text[i], length);
        at += length;
    }
    ret[at] = '\0';
}

static bool same_letters(const struct ask_words *a, const struct ask_words *b)
{
    char one[ASK_WORDS * ASK_STEM_BYTES], other[ASK_WORDS * ASK_STEM_BYTES];
    if (a->count == b->count || a->count == 0 || b->count == 0)
        return false; /* where the words are as many, fit_words has compared them */
    letters_of(a, one);
    letters_of(b, other);
    return strlen(one) > 4 && strcmp(one, other) == 0;
}

static double fit(const struct ask_words *phrase, const struct ask_table *table,
                  const struct ask_column *column)
{
    const struct ask_words *sets[] = {&column->words, &column->label_words,
                                      &column->other_words[0], &column->other_words[1]};
    static const double factors[] = {1, .97, .96, .96};
    double quality = 0;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        double one = same_letters(phrase, sets[i]) ? 1 : fit_words(phrase, sets[i]);
        quality = one * factors[i] > quality ? one * factors[i] : quality;
    }
    if (quality < 1 && column->type.kind == DATA_BIGINT && column->role != PROFILE_MEASURE &&
        column->label_step == ASK_NONE)
        quality *= .98; /* a code: a text beside it says more */
    return quality <= 0 && fits_with_table(phrase, table, column) ? .95 : quality;
}

static void offer(struct ask_item *ret, size_t table, size_t column, double quality)
{
    size_t at = ret->column_count;
    for (size_t i = 0; i < ret->column_count; i++)
        if (ret->columns[i].table == table) { /* one of a table */
            if (ret->columns[i].quality >= quality)
                return;
            at = i;
        }
    if (at == ASK_CANDIDATES)
        return;
    ret->columns[at].table = table;
    ret->columns[at].column = column;
    ret->columns[at].quality = quality;
    if (at == ret->column_count)
        ret->column_count++;
    ret->quality = quality > ret->quality ? quality : ret->quality;
}

static void offer_all(const struct ask_catalogue *c, const struct ask_words *phrase, double factor,
                      struct ask_item *ret)
{
    for (size_t t = 0; t < c->table_count; t++) {
        const struct ask_table *table = &c->tables[t];
        for (size_t i = 0; i < table->column_count && !table->hidden && table->rows > 0; i++) {
            double quality = factor * fit(phrase, table, &table->columns[i]);
            if (quality > 0)
                offer(ret, t, i, quality);
        }
    }
}

/* A comma, colon or semicolon between two of the tokens: they are of two things. */
bool ask_is_parted(const struct ask_reading *reading, size_t from, size_t to)
{
    for (size_t i = from; i + 1 < to; i++) {
        const struct str *text = &reading->tokens[i].text;
        for (const char *c = text->ptr + text->len; c < reading->tokens[i + 1].text.ptr; c++)
            if (*c == ',' || *c == ':' || *c == ';')
                return true;
    }
    return false;
}

/* Without an "of" in the middle; false: there is none. */
static bool drop_of(struct ask_words *phrase)
{
    for (size_t i = 1; i + 1 < phrase->count; i++)
        if (strcmp(phrase->text[i], "of") == 0) {
            memmove(phrase->text[i], phrase->text[i + 1],
                    (phrase->count - i - 1) * sizeof *phrase->text);
            phrase->count--;
            return true;
        }
    return false;
}

bool ask_columns_match(const struct ask_reading *reading, size_t from, size_t to,
                       struct ask_item *ret)
{
    struct ask_words phrase;
    if (ask_is_parted(reading, from, to))
        return false;
    *ret = (struct ask_item){.class = ASK_COLUMN, .from = from, .to = to};
    phrase_words(reading, from, to, &phrase);
    offer_all(reading->catalogue, &phrase, 1, ret);
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++) {
        struct ask_words name, stems;
        ask_name_words(other_names[i].text, &name);
        if (!within(&name, &phrase) || !within(&phrase, &name))
            continue;
        ask_name_words(other_names[i].stems, &stems);
        offer_all(reading->catalogue, &stems, .97, ret);
    }
    if (ret->column_count == 0 && drop_of(&phrase)) { /* "number of medications": num_medications */
        offer_all(reading->catalogue, &phrase, 1, ret);
        if (ret->quality < 1) /* "gender of patient" is said of a patient */
            ret->column_count = 0;
    }
    for (size_t i = 1; i < ret->column_count;
         i++) /* best first, patients' tables before others of the same quality */
        for (size_t j = i; j > 0; j--) {
            const struct ask_table *a = &reading->catalogue->tables[ret->columns[j - 1].table];
            const struct ask_table *b = &reading->catalogue->tables[ret->columns[j].table];
            bool swap =
                ret->columns[j].quality > ret->columns[j - 1].quality ||
                (ret->columns[j].quality >= ret->columns[j - 1].quality && !b->reference &&
                 a->concept != b->concept &&
                 (a->reference || b->concept == ASK_CONCEPT_PATIENT ||
                  (b->concept == ASK_CONCEPT_ADMISSION && a->concept != ASK_CONCEPT_PATIENT)));
            if (!swap)
                break;
            __typeof__(ret->columns[0]) kept = ret->columns[j];
            ret->columns[j] = ret->columns[j - 1];
            ret->columns[j - 1] = kept;
        }
    return ret->column_count > 0;
}

/* No predictor of how it ends. */
bool ask_column_is_later(const struct ask_column *column)
{
    static const char *const names[] = {"discharge", "death", "expire", "died",       "dead",
                                        "deceased",  "dod",   "disposition", "end", "outcome", NULL};
    for (size_t i = 0; names[i] != NULL; i++)
        if (ask_words_have(&column->words, names[i]))
            return true;
    return false;
}

/* ---- flags ------------------------------------------------------------------------------------
 */

bool ask_is_flag(const struct ask_reading *reading, size_t table, size_t column)
{
    const struct ask_catalogue *c = reading->catalogue;
    size_t zeros = 0, ones = 0, found = 0, count = 0;
    static const char *const texts[] = {"0", "0.0", "1", "1.0"};
    for (size_t text = 0; text < 4; text++) {
        bool digit = text > 1;
        const uint32_t *list = ask_index_word(reading->index, texts[text], &count);
        for (size_t i = 0; i < count; i++) {
            const struct ask_entry *entry = &reading->index->entries[list[i]];
            const struct ask_source *source = &c->sources[entry->source];
            found = source->table == table && source->column == column &&
                    source->edge == ASK_NONE && entry->words == 1;
            zeros += digit ? 0 : found;
            ones += digit ? found : 0;
        }
    }
    return zeros == 1 && ones == 1;
}

/* The value of that one word which the column holds; its text, or an empty one. */
static struct str lone_value(const struct ask_reading *reading, size_t table, size_t column,
                             const char *word)
{
    size_t count = 0;
    char stem[ASK_STEM_BYTES];
    ask_stem(str_of(word), stem);
    const uint32_t *list = ask_index_word(reading->index, stem, &count);
    for (size_t i = 0; i < count; i++) {
        const struct ask_entry *entry = &reading->index->entries[list[i]];
        const struct ask_source *source = &reading->catalogue->sources[entry->source];
        if (source->table == table && source->column == column && source->edge == ASK_NONE &&
            entry->words == 1)
            return ask_entry_text(reading->index, list[i]);
    }
    return (struct str){"", 0};
}

/* The two values of a text column; false: there are not just two that are indexed. */
static bool two_values(const struct ask_reading *reading, size_t table, size_t column,
                       struct str ret[2])
{
    size_t count = 0;
    for (uint32_t i = 0; i < reading->index->entry_count; i++) {
        const struct ask_source *source = &reading->catalogue->sources[reading->index->entries[i].source];
        if (source->table != table || source->column != column || source->edge != ASK_NONE)
            continue;
        if (count == 2)
            return false;
        ret[count++] = ask_entry_text(reading->index, i);
    }
    return count == 2;
}

struct naming { /* is a word of the value a word of the column's name, or what that is short for? */
    const struct ask_column *column;
    bool named, denied;
};

static void naming_word(void *user, struct str word)
{
    struct naming *naming = user;
    char stem[ASK_STEM_BYTES], root[ASK_STEM_BYTES], other[ASK_STEM_BYTES];
    ask_stem(word, stem);
    ask_root(stem, root);
    const struct ask_words *sets[] = {&naming->column->words, &naming->column->other_words[0],
                                      &naming->column->other_words[1]};
    naming->denied = naming->denied || strcmp(stem, "not") == 0 || strcmp(stem, "no") == 0 ||
                     strcmp(stem, "non") == 0 || strcmp(stem, "without") == 0;
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < sets[s]->count; i++) {
            ask_root(sets[s]->text[i], other);
            naming->named = naming->named || (strlen(root) > 2 && strcmp(root, other) == 0) ||
                            (strlen(root) > 2 && naming->column->words.count == 1 &&
                             strncmp(root, naming->column->words.text[0], strlen(root)) == 0);
        }
}

/* premie: premie, full term; lowbirthweight: low, not low: the value that says the column's name is its yes. */
static bool named_value(const struct ask_reading *reading, size_t table, size_t column, bool yes,
                        const char **ret)
{
    struct str values[2];
    struct naming naming[2];
    const struct ask_column *from = &reading->catalogue->tables[table].columns[column];
    if (from->distinct != 2 || from->type.kind != DATA_TEXT || from->labelled != NULL ||
        !two_values(reading, table, column, values))
        return false;
    for (size_t i = 0; i < 2; i++) {
        naming[i] = (struct naming){.column = from};
        ask_text_words(values[i], naming_word, &naming[i]);
    }
    bool first = naming[0].named && !naming[0].denied, second = naming[1].named && !naming[1].denied;
    if (first == second)
        return false;
    size_t at = first == yes ? 0 : 1;
    *ret = arena_strndup(reading->arena, values[at].ptr, values[at].len);
    return *ret != NULL;
}

bool ask_yes_no(const struct ask_reading *reading, size_t table, size_t column, bool yes,
                const char **ret)
{
    static const char *const pairs[][2] = {
        {"no", "yes"},    {"n", "y"},
                                            {"false", "true"}, {"f", "t"},
                                            {"negative", "positive"}, {"absent", "present"},
                                            {"never", "ever"}, {"control", "treatment"}};
    const struct ask_column *from = &reading->catalogue->tables[table].columns[column];
    *ret = NULL;
    if (from->type.kind == DATA_BOOLEAN)
        return true;
    for (size_t i = 0; from->distinct == 2 && i < sizeof pairs / sizeof *pairs; i++) {
        struct str no = lone_value(reading, table, column, pairs[i][0]),
                   it = lone_value(reading, table, column, pairs[i][1]);
        if (no.len == 0 || it.len == 0)
            continue;
        *ret = arena_strndup(reading->arena, yes ? it.ptr : no.ptr, yes ? it.len : no.len);
        return *ret != NULL;
    }
    return named_value(reading, table, column, yes, ret);
}

static const struct {
    const char *phrase, *stem;
    int value;
} flag_words[] = {
#define ASK_FLAG_WORD(phrase, stem, value) {phrase, stem, value},
#include "ask/flags.def"
#undef ASK_FLAG_WORD
};

/* The column of that one word's name which is a flag, in a table that leads to patients. */
static bool flag_column(const struct ask_reading *reading, const char *stem, struct ask_item *ret)
{
    const struct ask_catalogue *c = reading->catalogue;
    for (size_t t = 0; t < c->table_count; t++)
        for (size_t i = 0; i < c->tables[t].column_count; i++) {
            const struct ask_words *words = &c->tables[t].columns[i].words;
            if (words->count != 1 || strcmp(words->text[0], stem) != 0 ||
                !c->tables[t].reaches[ASK_PATIENT] || !ask_is_flag(reading, t, i))
                continue;
            ret->columns[0].table = t;
            ret->columns[0].column = i;
            ret->columns[0].quality = 1;
            ret->column_count = 1;
            return true;
        }
    return false;
}

bool ask_flag_match(const struct ask_reading *reading, size_t at, struct ask_item *ret)
{
    const char *stem = reading->tokens[at].stem;
    *ret = (struct ask_item){.class = ASK_FLAG, .from = at, .to = at + 1, .quality = 1};
    for (size_t i = 0; i < sizeof flag_words / sizeof *flag_words; i++)
        if (strcmp(flag_words[i].phrase, stem) == 0 &&
            flag_column(reading, flag_words[i].stem, ret)) {
            ret->code = flag_words[i].value;
            return true;
        }
    return false;
}
