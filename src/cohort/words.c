/* Core terms: what of a text says which thing is meant.
 *
 *     "Diabetes mellitus (all types)"          → " diabete "        finds  "Type 2 diabetes
 * mellitus (disorder)" → " type 2 diabete " "Type II diabetes"                       → " type 2
 * diabete "
 *
 * Both sides are brought to the same form, so a plural that is cut too far does no harm. Words of
 * other scripts are kept as they are. */
#include "cohort/criteria_priv.h"

#include <string.h>

/* Words that tell no thing from another. A core term of such words only keeps them. */
static const char *const empty_words[] = {
    "mellitus", "disorder", "disease", "finding", "unspecified", "nos", "situation",
    "the",      "of",       "a",       "an",      "all",         "any", "other"};
static const char *const roman[][2] = {{"i", "1"}, {"ii", "2"}, {"iii", "3"}, {"iv", "4"}};

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* The word in lower case and singular; returns its length. */
static size_t fold(struct str word, char ret[64])
{
    size_t length = word.len < 63 ? word.len : 63;
    for (size_t i = 0; i < length; i++) {
        char c = word.ptr[i];
        ret[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    ret[length] = '\0';
    for (size_t i = 0; i < sizeof roman / sizeof *roman; i++)
        if (strcmp(ret, roman[i][0]) == 0) {
            memcpy(ret, roman[i][1], 2);
            return 1;
        }
    bool plural = length > 3 && ret[length - 1] == 's' && strchr("sui", ret[length - 2]) == NULL;
    if (plural && length > 4 && memcmp(ret + length - 3, "ies", 3) == 0) {
        ret[length - 3] = 'y';
        length -= 2;
    } else if (plural) {
        length--;
    }
    ret[length] = '\0';
    return length;
}

static bool is_empty(const char *word)
{
    for (size_t i = 0; i < sizeof empty_words / sizeof *empty_words; i++)
        if (strcmp(word, empty_words[i]) == 0)
            return true;
    return false;
}

/* keep: empty words and what is in parentheses too. */
static size_t write_words(struct str text, bool keep, struct buf *out)
{
    size_t words = 0, depth = 0;
    for (size_t at = 0; at < text.len;) {
        size_t begin = at;
        while (at < text.len && is_letter((unsigned char)text.ptr[at]))
            at++;
        if (at > begin && (depth == 0 || keep)) {
            char word[64];
            size_t length = fold((struct str){text.ptr + begin, at - begin}, word);
            if (keep || !is_empty(word)) {
                buf_add(out, word, length);
                buf_putc(out, ' ');
                words++;
            }
        }
        if (at < text.len && at == begin) {
            depth += text.ptr[at] == '(' || text.ptr[at] == '[' ? 1 : 0;
            depth -= (text.ptr[at] == ')' || text.ptr[at] == ']') && depth > 0 ? 1 : 0;
            at++;
        }
    }
    return words;
}

void cohort_words(struct str text, struct buf *out)
{
    buf_putc(out, ' ');
    if (write_words(text, false, out) == 0)
        (void)write_words(text, true, out);
}

bool cohort_words_match(struct str core, struct str text)
{
    for (size_t at = 1; at < core.len;) {
        const char *end = memchr(core.ptr + at, ' ', core.len - at);
        if (end == NULL)
            break;
        size_t length = (size_t)(end - (core.ptr + at)) + 2; /* with the blanks around it */
        if (memmem(text.ptr, text.len, core.ptr + at - 1, length) == NULL)
            return false;
        at += length - 1;
    }
    return core.len > 1;
}
