/* Words: stems of what is asked and of what columns and values are called, so that both meet.
 *
 *     "Diagnoses" → diagnosis    "ADMITTIME" → admit time    "prev_careunit" → previous care unit
 * "HbA1c" → hba1c
 *
 * Plurals only: a real stemmer would make one word of "admission" and "admit", which ask different
 * things. */
#include "ask/ask_priv.h"

#include <ctype.h>
#include <string.h>

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Ends of plurals: what is cut and what takes its place, longest first. */
static const struct {
    const char *from, *to;
    size_t least; /* length of the word */
} plurals[] = {{"oses", "osis", 6},   {"yses", "ysis", 6}, {"eses", "esis", 7}, {"ies", "y", 5},
               {"sses", "ss", 6},     {"xes", "x", 5},     {"ches", "ch", 6},   {"shes", "sh", 6},
               {"women", "woman", 5}, {"men", "man", 3},   {"ss", "ss", 0},     {"us", "us", 0},
               {"is", "is", 0},       {"as", "as", 0},     {"s", "", 4}};

void ask_stem(struct str word, char ret[ASK_STEM_BYTES])
{
    size_t length = word.len < ASK_STEM_BYTES - 3 ? word.len : ASK_STEM_BYTES - 3;
    for (size_t i = 0; i < length; i++)
        ret[i] = (char)tolower((unsigned char)word.ptr[i]);
    ret[length] = '\0';
    if (length == 0 || isdigit((unsigned char)ret[length - 1]))
        return;
    for (size_t i = 0; i < sizeof plurals / sizeof *plurals; i++) {
        size_t cut = strlen(plurals[i].from);
        if (length < cut || length < plurals[i].least ||
            strcmp(ret + length - cut, plurals[i].from) != 0)
            continue;
        memcpy(ret + length - cut, plurals[i].to, strlen(plurals[i].to) + 1);
        return;
    }
}

/* 8-4-4-4-12 hexadecimal digits: one word. */
static size_t uuid_at(struct str text, size_t at)
{
    const size_t length = 36;
    if (text.len - at < length || (text.len - at > length && is_word_byte(text.ptr[at + length])))
        return 0;
    for (size_t i = 0; i < length; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.ptr[at + i] != '-' : !isxdigit((unsigned char)text.ptr[at + i]))
            return 0;
    }
    return length;
}

void ask_text_words(struct str text, ask_word_each each, void *user)
{
    size_t at = 0;
    while (at < text.len) {
        size_t start = at;
        at += uuid_at(text, at);
        while (at < text.len &&
               (is_word_byte(text.ptr[at]) ||
                (at > start && at + 1 < text.len && strchr(".-/:", text.ptr[at]) != NULL &&
                 isdigit((unsigned char)text.ptr[at - 1]) &&
                 isdigit((unsigned char)text.ptr[at + 1]))))
            at++;
        if (at > start)
            each(user, (struct str){text.ptr + start, at - start});
        else
            at++;
    }
}

static void add_stem(struct ask_words *words, const char *stem)
{
    if (words->count < ASK_WORDS && stem[0] != '\0') {
        size_t length = strlen(stem);
        memcpy(words->text[words->count++], stem,
               (length < ASK_STEM_BYTES ? length : ASK_STEM_BYTES - 1) + 1);
    }
}

static const struct {
    const char *stem, *words;
} names[] = {
#define ASK_NAME(stem, words) {stem, words},
#include "ask/names.def"
#undef ASK_NAME
};

/* One word of a name, as it is or as names.def has it. */
static void add_name_word(struct ask_words *words, struct str word)
{
    char stem[ASK_STEM_BYTES];
    ask_stem(word, stem);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].stem, stem) != 0)
            continue;
        for (const char *p = names[i].words; *p != '\0';) {
            size_t length = strcspn(p, " ");
            char one[ASK_STEM_BYTES];
            ask_stem((struct str){p, length}, one);
            add_stem(words, one);
            p += length;
            p += *p == ' ';
        }
        return;
    }
    add_stem(words, stem);
}

void ask_name_words(const char *name, struct ask_words *ret)
{
    *ret = (struct ask_words){.count = 0};
    for (const char *p = name; *p != '\0';) {
        if (!is_word_byte(*p)) {
            p++;
            continue;
        }
        const char *start = p++;
        while (is_word_byte(*p) && !(isupper((unsigned char)*p) && islower((unsigned char)p[-1])))
            p++;
        add_name_word(ret, (struct str){start, (size_t)(p - start)});
    }
}

void ask_column_words(const char *table, const char *column, struct ask_words *ret)
{
    bool domain = strlen(table) == 2 && strlen(column) > 4 &&
                  tolower((unsigned char)table[0]) == tolower((unsigned char)column[0]) &&
                  tolower((unsigned char)table[1]) == tolower((unsigned char)column[1]);
    ask_name_words(domain ? column + 2 : column, ret);
}

bool ask_words_have(const struct ask_words *words, const char *stem)
{
    for (size_t i = 0; i < words->count; i++)
        if (strcmp(words->text[i], stem) == 0)
            return true;
    return false;
}

size_t ask_distance(const char *a, const char *b, size_t limit)
{
    size_t m = strlen(a), n = strlen(b);
    size_t before[ASK_STEM_BYTES + 1], last[ASK_STEM_BYTES + 1], now[ASK_STEM_BYTES + 1];
    if (m > ASK_STEM_BYTES || n > ASK_STEM_BYTES || (m > n ? m - n : n - m) > limit)
        return limit + 1;
    for (size_t j = 0; j <= n; j++)
        before[j] = last[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t least = now[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
            least = best < least ? best : least;
        }
        if (least > limit)
            return limit + 1;
        memcpy(before, last, sizeof before);
        memcpy(last, now, sizeof last);
    }
    return last[n] > limit ? limit + 1 : last[n];
}
