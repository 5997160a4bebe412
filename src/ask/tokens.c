/* The question as tokens: words, numbers (also written out), quoted texts. Possessive 's and
 * punctuation go; a hyphen parts words
 * ("beta-blocker"), but not digits ("2104-05-03", "5.4", "03/2104"). */
#include "ask/ask_priv.h"

#include <ctype.h>
#include <string.h>

static const struct {
    const char *word;
    double value;
} number_words[] = {{"one", 1},      {"two", 2},      {"three", 3},    {"four", 4},
                    {"five", 5},     {"six", 6},      {"seven", 7},    {"eight", 8},
                    {"nine", 9},     {"ten", 10},     {"eleven", 11},  {"twelve", 12},
                    {"fifteen", 15}, {"twenty", 20},  {"thirty", 30},  {"forty", 40},
                    {"fifty", 50},   {"sixty", 60},   {"seventy", 70}, {"eighty", 80},
                    {"ninety", 90},  {"hundred", 100}};

static void read_number(struct ask_token *token)
{
    char digits[40];
    size_t length = 0;
    for (size_t i = 0; i < token->text.len && length < sizeof digits - 1; i++)
        if (token->text.ptr[i] != ',')
            digits[length++] = token->text.ptr[i];
    if (length > 0 && isdigit((unsigned char)digits[0]) &&
        str_to_double((struct str){digits, length}, &token->value))
        token->number = true;
    for (size_t i = 0; i < sizeof number_words / sizeof *number_words; i++)
        if (strcmp(number_words[i].word, token->lower) == 0) {
            token->number = true;
            token->value = number_words[i].value;
        }
}

static void add_token(void *user, struct str word)
{
    struct ask_reading *reading = user;
    struct ask_token *token = &reading->tokens[reading->token_count];
    if (reading->token_count == ASK_LIMIT_TOKENS) {
        reading->failed = true;
        return;
    }
    *token = (struct ask_token){.text = word};
    for (size_t i = 0; i < word.len && i < ASK_STEM_BYTES - 1; i++)
        token->lower[i] = (char)tolower((unsigned char)word.ptr[i]);
    ask_stem(word, token->stem);
    read_number(token);
    reading->token_count++;
}

/* A lone "s" after an apostrophe is dropped: patient 10006's. */
static void drop_possessives(struct ask_reading *reading)
{
    size_t kept = 0;
    for (size_t i = 0; i < reading->token_count; i++) {
        const struct ask_token *token = &reading->tokens[i];
        bool after = token->text.ptr > reading->text.ptr &&
                     (token->text.ptr[-1] == '\'' || (unsigned char)token->text.ptr[-1] == 0x99);
        if (strcmp(token->lower, "s") == 0 && after)
            continue;
        reading->tokens[kept++] = *token;
    }
    reading->token_count = kept;
}

/* Marks that mean something: < > = ≥ ≤ become words. */
static const struct {
    const char *mark, *word;
} marks[] = {{">=", " at least "},
             {"<=", " at most "},
             {"\xe2\x89\xa5", " at least "},
             {"\xe2\x89\xa4", " at most "},
             {">", " over "},
             {"<", " under "},
             {"=", " equal "},
             {"%", " percent "},
             {"\xe2\x80\x99", "'"},
             {"\xe2\x80\x98", "'"},
             {"n/a", " missing "},
             {"N/A", " missing "}};

static void replace_marks(struct str text, struct buf *out)
{
    for (size_t at = 0; at < text.len;) {
        size_t found = sizeof marks / sizeof *marks;
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
            if (str_has_prefix((struct str){text.ptr + at, text.len - at}, marks[i].mark)) {
                found = i;
                break;
            }
        bool strength = text.ptr[at] == '%' && at > 0 && isdigit((unsigned char)text.ptr[at - 1]);
        if (strength) { /* "dextrose 5%": part of a name, in which marks are no words */
            buf_putc(out, ' ');
            at++;
        } else if (found < sizeof marks / sizeof *marks) {
            buf_puts(out, marks[found].word);
            at += strlen(marks[found].mark);
        } else if (text.ptr[at] == ',' && at > 0 && at + 1 < text.len &&
                   isdigit((unsigned char)text.ptr[at - 1]) &&
                   isdigit((unsigned char)text.ptr[at + 1])) {
            at++; /* 1,000 */
        } else {
            buf_putc(out, text.ptr[at++]);
        }
    }
}

static enum err_code take_text(struct ask_reading *reading, struct str text, struct err *err)
{
    const char *copy = arena_strndup(reading->arena, text.ptr, text.len);
    if (copy == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a question");
    reading->text = (struct str){copy, text.len};
    reading->token_count = 0;
    ask_text_words(reading->text, add_token, reading);
    if (reading->failed)
        return err_set(err, ERR_LIMIT, "the question has more than %d words", ASK_LIMIT_TOKENS);
    drop_possessives(reading);
    return ERR_OK;
}

enum err_code ask_tokenise(struct ask_reading *reading, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    replace_marks(reading->text, &text);
    TRY(buf_check(&text, err));
    TRY(take_text(reading, buf_view(&text), err));
    return ask_aliases_expand(reading, take_text, err);
}
