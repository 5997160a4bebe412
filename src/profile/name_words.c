/* A name as words: "PATIENTID", "patientId", "patient_id", "Patients" → patient (id).
 *
 *   split at anything that is no letter or digit and at camel humps → lower case → cut "…id" off a
 * longer word
 *   ("itemid" → item id, but "paid" stays) → singular → a number alone at the end is dropped
 * (concept_id_2).
 *
 * Pure; no allocation: a name has at most 12 words of 31 bytes, the rest is ignored. */
#include "profile/profile_priv.h"

#include <string.h>

static const char *const id_words[] = {"id", "key", "identifier", "no",  "num",  "number",
                                       "nr", "pk",  "fk",         "uid", "uuid", "guid",
                                       "sk", "ref", "idx",        NULL};
static const char *const strict_id_words[] = {"id",   "key",  "identifier", "fk", "uid",
                                              "uuid", "guid", "sk",         NULL};
static const char *const code_words[] = {"code", "cd", NULL};
static const char *const generic_words[] = {
    "row", "rowname", "seq", "sequence", "index", "line", "record", "rec", "code", "name", NULL};
static const char *const table_words[] = {
    "d",      "dim",  "fact", "tbl",  "table", "lkp", "lookup", "ref", "dict", "dictionary",
    "master", "list", "data", "info", "tb",    "t",   "raw",    "stg", "src",  NULL};
static const char *const count_words[] = {"count", "cnt",      "total",    "sum", "avg",  "mean",
                                          "qty",   "quantity", "amount",   "age", "days", "hours",
                                          "year",  "month",    "duration", NULL};
/* English and clinical words that end in "id" without meaning an identifier. */
static const char *const not_id[] = {
    "paid",    "unpaid",  "prepaid", "valid",   "invalid",   "void", "avoid", "fluid",  "liquid",
    "grid",    "covid",   "thyroid", "steroid", "opioid",    "acid", "lipid", "rapid",  "solid",
    "mid",     "bid",     "kid",     "lid",     "aid",       "said", "laid",  "hybrid", "carotid",
    "typhoid", "sarcoid", "android", "haploid", "arachnoid", NULL};

static bool in_list(const char *word, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++)
        if (strcmp(word, list[i]) == 0)
            return true;
    return false;
}

static bool is_id_word(const char *word)
{
    return in_list(word, id_words);
}

bool name_has_any(const struct name_words *words, const char *const *list)
{
    for (size_t i = 0; i < words->count; i++)
        if (in_list(words->words[i], list))
            return true;
    return false;
}

bool name_words_equal(const struct name_words *a, const struct name_words *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->words[i], b->words[i]) != 0)
            return false;
    return true;
}

static bool ends(const char *word, size_t length, const char *suffix)
{
    size_t n = strlen(suffix);
    return length >= n && memcmp(word + length - n, suffix, n) == 0;
}

/* English plural → singular, in place; true when something was cut. */
static bool singular(char *word)
{
    size_t length = strlen(word);
    if (length > 3 && ends(word, length, "ies")) {
        word[length - 3] = 'y';
        word[length - 2] = '\0';
        return true;
    }
    if (length > 4 && (ends(word, length, "sses") || ends(word, length, "shes") ||
                       ends(word, length, "ches") || ends(word, length, "xes"))) {
        word[length - 2] = '\0';
        return true;
    }
    if (length > 3 && ends(word, length, "s") && !ends(word, length, "ss") &&
        !ends(word, length, "us") && !ends(word, length, "is")) {
        word[length - 1] = '\0';
        return true;
    }
    return false;
}

static void push(struct name_words *words, const char *text, size_t length)
{
    if (words->count == PROFILE_NAME_WORDS || length == 0)
        return;
    if (length >= PROFILE_WORD_BYTES)
        length = PROFILE_WORD_BYTES - 1;
    char *to = words->words[words->count++];
    memcpy(to, text, length);
    to[length] = '\0';
}

/* One word as split: cut "id" off its end, make it singular. *ret_plural: the last word was a
 * plural. */
static void take_word(struct name_words *words, const char *text, size_t length, bool *ret_plural)
{
    char word[PROFILE_WORD_BYTES];
    if (length >= sizeof word)
        length = sizeof word - 1;
    memcpy(word, text, length);
    word[length] = '\0';
    bool number = strspn(word, "0123456789") == length;
    if (number && words->count > 0)
        return;
    if (length > 2 && ends(word, length, "id") && !in_list(word, not_id) && !is_id_word(word)) {
        word[length - 2] = '\0';
        singular(word);
        push(words, word, strlen(word));
        push(words, "id", 2);
        *ret_plural = false;
        return;
    }
    *ret_plural = singular(word);
    push(words, word, strlen(word));
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}
static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
static bool is_letter(char c)
{
    return is_upper(c) || is_lower(c) || (unsigned char)c >= 0x80;
}

static bool split(const char *name, struct name_words *words)
{
    bool plural = false;
    char word[PROFILE_WORD_BYTES];
    size_t length = 0;
    memset(words, 0, sizeof *words);
    for (size_t i = 0;; i++) {
        char c = name[i];
        bool hump = length > 0 && is_upper(c) &&
                    (is_lower(name[i - 1]) ||
                     (is_upper(name[i - 1]) && name[i + 1] >= 'a' && name[i + 1] <= 'z'));
        if ((c == '\0' || !is_letter(c) || hump) && length > 0) {
            take_word(words, word, length, &plural);
            length = 0;
        }
        if (c == '\0')
            return plural;
        if (is_letter(c) && length + 1 < sizeof word)
            word[length++] = lower(c);
    }
}

void name_facts_of(const char *name, struct name_facts *ret)
{
    memset(ret, 0, sizeof *ret);
    bool plural = split(name, &ret->words);
    ret->generic = true;
    for (size_t i = 0; i < ret->words.count; i++) {
        const char *word = ret->words.words[i];
        bool code =
            in_list(word, code_words) ||
            (strlen(word) > 3 && ends(word, strlen(word), "cd")); /* CDISC: ETCD, LBTESTCD */
        if (is_id_word(word) || code)
            ret->id_like = true;
        if (!is_id_word(word))
            push(&ret->core, word, strlen(word));
        if (!is_id_word(word) && !in_list(word, generic_words))
            ret->generic = false;
    }
    if (ret->words.count > 0)
        ret->strict_id = in_list(ret->words.words[ret->words.count - 1], strict_id_words);
    const char *first = ret->words.count > 1 ? ret->words.words[0] : "";
    bool number_of = strcmp(first, "num") == 0 || strcmp(first, "no") == 0 ||
                     strcmp(first, "number") == 0 || strcmp(first, "n") == 0;
    ret->counts = !ret->strict_id && (number_of || (plural && !ret->id_like) ||
                                      name_has_any(&ret->words, count_words));
}

void name_table_core(const char *table, struct name_words *ret)
{
    struct name_words words;
    (void)split(table, &words);
    size_t from = 0, to = words.count;
    while (to - from > 1 && in_list(words.words[from], table_words))
        from++;
    while (to - from > 1 && in_list(words.words[to - 1], table_words))
        to--;
    memset(ret, 0, sizeof *ret);
    for (size_t i = from; i < to; i++)
        push(ret, words.words[i], strlen(words.words[i]));
}
