/* The lexicon: words.def, synonyms.def and columns.def, matched stem by stem; the longest phrase at
 * a place counts. */
#include "ask/ask_priv.h"

#include <string.h>

struct phrase {
    const char *text;
    enum ask_class class;
    int code;
};
static const struct phrase phrases[] = {
#define ASK_WORD(phrase, class, code) {phrase, ASK_##class, code},
#include "ask/words.def"
#undef ASK_WORD
};
static const struct synonym {
    const char *text, *phrases, *columns;
} synonyms[] = {
#define ASK_SYNONYM(phrase, phrases, columns) {phrase, phrases, columns},
#include "ask/synonyms.def"
#undef ASK_SYNONYM
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* How many tokens from `from` on are the phrase; 0: they are not. */
static size_t phrase_at(const struct ask_reading *reading, size_t from, const char *text)
{
    size_t at = from;
    for (const char *p = text; *p != '\0'; at++) {
        size_t length = strcspn(p, " ");
        char stem[ASK_STEM_BYTES];
        if (at >= reading->token_count)
            return 0;
        if (*p != reading->tokens[at].stem[0])
            return 0;
        ask_stem((struct str){p, length}, stem);
        if (strcmp(stem, reading->tokens[at].stem) != 0)
            return 0;
        p += length;
        p += *p == ' ';
    }
    return at - from;
}

size_t ask_lexicon_at(const struct ask_reading *reading, size_t from, enum ask_class *ret_class,
                      int *ret_code)
{
    size_t best = 0;
    for (size_t i = 0; i < COUNT(phrases); i++) {
        size_t length = phrase_at(reading, from, phrases[i].text);
        if (length > best) {
            best = length;
            *ret_class = phrases[i].class;
            *ret_code = phrases[i].code;
        }
    }
    return best;
}

static bool word_in(const char *text, const char *stem)
{
    for (const char *p = text; *p != '\0';) {
        size_t length = strcspn(p, " ");
        char one[ASK_STEM_BYTES];
        ask_stem((struct str){p, length}, one);
        if (strcmp(one, stem) == 0)
            return true;
        p += length;
        p += *p == ' ';
    }
    return false;
}

bool ask_lexicon_word(const char *stem)
{
    for (size_t i = 0; i < COUNT(phrases); i++)
        if (word_in(phrases[i].text, stem))
            return true;
    for (size_t i = 0; i < COUNT(synonyms); i++)
        if (word_in(synonyms[i].text, stem))
            return true;
    return false;
}

void ask_lexicon_each(void (*each)(void *user, const char *phrase), void *user)
{
    for (size_t i = 0; i < COUNT(phrases); i++)
        if (phrases[i].class != ASK_NOISE && phrases[i].class != ASK_SETTLES)
            each(user, phrases[i].text);
    for (size_t i = 0; i < COUNT(synonyms); i++)
        each(user, synonyms[i].text);
}

const char *ask_lexicon_nearest(const char *stem, size_t limit, size_t *ret_distance)
{
    const char *best = NULL;
    *ret_distance = limit + 1;
    for (size_t i = 0; i < COUNT(phrases); i++) {
        if (strchr(phrases[i].text, ' ') != NULL || phrases[i].class == ASK_NOISE ||
            strlen(phrases[i].text) < 5)
            continue;
        char one[ASK_STEM_BYTES];
        ask_stem(str_of(phrases[i].text), one);
        size_t distance = ask_distance(stem, one, limit);
        if (distance < *ret_distance) {
            *ret_distance = distance;
            best = phrases[i].text;
        }
    }
    return best;
}

size_t ask_synonyms_at(const struct ask_reading *reading, size_t from, size_t *ret_length,
                       const char **ret_phrases, size_t cap, const char **ret_columns)
{
    *ret_length = 0;
    *ret_columns = "";
    for (size_t i = 0; i < COUNT(synonyms) && cap > 0; i++) {
        size_t length = phrase_at(reading, from, synonyms[i].text);
        if (length > *ret_length) {
            *ret_length = length;
            *ret_phrases = synonyms[i].phrases;
            *ret_columns = synonyms[i].columns;
        }
    }
    return *ret_length > 0 ? 1 : 0;
}
