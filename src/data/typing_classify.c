/* The class of one cell. Called for every cell of a wide column, so: one dispatch on the first
 * byte, one pass over the digits, and everything rare (blanks, dates in national formats,
 * exponents) out of line.
 *
 *     "120" integer · "0389" leading zeros · "1.50" decimal · "2101-10-20 19:10:00" timestamp ·
 * "NA" marker · "+5" text */
#include <string.h>

#include "data/typing_priv.h"

#define LONGEST_TYPED_BYTES 320 /* no number or date of ours is longer */

const struct typing_marker typing_markers[TYPING_MARKERS] = {
    {"", TRUST_ANYWHERE},        {" ", TRUST_IF_TYPED},       {"?", TRUST_ANYWHERE},
    {"\\N", TRUST_ANYWHERE},     {"NULL", TRUST_ANYWHERE},    {"#N/A", TRUST_ANYWHERE},
    {"NA", TRUST_IF_PROVEN},     {"N/A", TRUST_IF_PROVEN},    {"n/a", TRUST_IF_PROVEN},
    {"null", TRUST_IF_PROVEN},   {"NaN", TRUST_IF_PROVEN},    {".", TRUST_IF_TYPED},
    {"None", TRUST_IF_TYPED},    {"none", TRUST_IF_TYPED},    {"NONE", TRUST_IF_TYPED},
    {"-", TRUST_IF_TYPED},       {"--", TRUST_IF_TYPED},      {"missing", TRUST_IF_TYPED},
    {"Missing", TRUST_IF_TYPED}, {"MISSING", TRUST_IF_TYPED}, {"unknown", TRUST_IF_TYPED},
    {"Unknown", TRUST_IF_TYPED}, {"UNKNOWN", TRUST_IF_TYPED}, {"nan", TRUST_IF_TYPED},
    {"NAN", TRUST_IF_TYPED},     {"na", TRUST_IF_TYPED},      {"Na", TRUST_IF_TYPED},
    {"N.A.", TRUST_IF_TYPED},    {"n.a.", TRUST_IF_TYPED},    {"Null", TRUST_IF_TYPED},
    {"nil", TRUST_IF_TYPED},     {"NIL", TRUST_IF_TYPED},     {"<NA>", TRUST_IF_TYPED},
    {"<null>", TRUST_IF_TYPED},  {"(null)", TRUST_IF_TYPED},  {"#NULL!", TRUST_IF_TYPED},
    {"#VALUE!", TRUST_IF_TYPED}, {"#DIV/0!", TRUST_IF_TYPED}, {"#NUM!", TRUST_IF_TYPED},
    {"#REF!", TRUST_IF_TYPED},   {"#NAME?", TRUST_IF_TYPED},  {"NaT", TRUST_IF_TYPED},
    {"unk", TRUST_IF_TYPED},     {"UNK", TRUST_IF_TYPED},
};

/* What a cell may be, by its first byte. */
enum first {
    FIRST_TEXT = 0,
    FIRST_DIGIT,
    FIRST_SIGN,
    FIRST_POINT,
    FIRST_BLANK,
    FIRST_WORD,
    FIRST_COMPARATOR
};
static const uint8_t first_of[256] = {
    ['0'] = FIRST_DIGIT,  ['1'] = FIRST_DIGIT,      ['2'] = FIRST_DIGIT,       ['3'] = FIRST_DIGIT,
    ['4'] = FIRST_DIGIT,  ['5'] = FIRST_DIGIT,      ['6'] = FIRST_DIGIT,       ['7'] = FIRST_DIGIT,
    ['8'] = FIRST_DIGIT,  ['9'] = FIRST_DIGIT,      ['-'] = FIRST_SIGN,        ['.'] = FIRST_POINT,
    [' '] = FIRST_BLANK,  ['\t'] = FIRST_BLANK,     ['\n'] = FIRST_BLANK,      ['\r'] = FIRST_BLANK,
    ['\v'] = FIRST_BLANK, ['\f'] = FIRST_BLANK,     ['?'] = FIRST_WORD,        ['\\'] = FIRST_WORD,
    ['#'] = FIRST_WORD,   ['<'] = FIRST_COMPARATOR, ['('] = FIRST_WORD,        ['n'] = FIRST_WORD,
    ['N'] = FIRST_WORD,   ['m'] = FIRST_WORD,       ['M'] = FIRST_WORD,        ['u'] = FIRST_WORD,
    ['U'] = FIRST_WORD,   ['t'] = FIRST_WORD,       ['T'] = FIRST_WORD,        ['f'] = FIRST_WORD,
    ['F'] = FIRST_WORD,   ['>'] = FIRST_COMPARATOR, [0xe2] = FIRST_COMPARATOR,
};

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static inline bool is_blank(char c)
{
    return first_of[(unsigned char)c] == FIRST_BLANK;
}

static bool is(struct str text, const char *word, size_t length)
{
    return text.len == length && memcmp(text.ptr, word, length) == 0;
}

/* Markers and the words of booleans. */
static void classify_word(struct str text, struct typing_cell *ret)
{
    static const struct {
        const char *yes, *no;
        enum typing_class class;
    } booleans[] = {{"true", "false", CLASS_BOOLEAN_LOWER},
                    {"True", "False", CLASS_BOOLEAN_TITLE},
                    {"TRUE", "FALSE", CLASS_BOOLEAN_UPPER}};
    if (text.len > 7)
        return;
    for (size_t i = 0; i < sizeof booleans / sizeof booleans[0]; i++)
        if (is(text, booleans[i].yes, 4) || is(text, booleans[i].no, 5))
            ret->class = booleans[i].class;
    for (uint8_t i = 0; i < TYPING_MARKERS; i++) {
        const char *marker = typing_markers[i].text;
        if (marker[0] != text.ptr[0] || !is(text, marker, strlen(marker)))
            continue;
        ret->class = CLASS_MARKER;
        ret->marker = i;
        return;
    }
}

/* Digits without trailing zeros, for numbers of more than 15: ptr..ptr+length holds digits and
 * perhaps a point. */
static uint16_t count_significant(const char *ptr, size_t length)
{
    size_t first = 0, count = 0;
    while (first < length && (ptr[first] == '0' || ptr[first] == '.'))
        first++;
    while (length > first && (ptr[length - 1] == '0' || ptr[length - 1] == '.'))
        length--;
    for (size_t i = first; i < length; i++)
        count += ptr[i] != '.';
    return (uint16_t)count;
}

/* Up to three digits of exponent behind the e; doubles near the ends of their range are left alone.
 */
static bool is_exponent(const char *ptr, size_t length)
{
    size_t at = length > 0 && (ptr[0] == '-' || ptr[0] == '+');
    int value = 0;
    if (at == length || length - at > 3)
        return false;
    for (; at < length; at++) {
        if (!is_digit(ptr[at]))
            return false;
        value = value * 10 + (ptr[at] - '0');
    }
    return value <= 290;
}

static bool fits_int64(const char *digits, bool negative)
{
    return memcmp(digits, negative ? "9223372036854775808" : "9223372036854775807", 19) <= 0;
}

static inline void finish_integer(const char *digits, size_t count, bool negative,
                                  struct typing_cell *ret)
{
    if (count > 1 && digits[0] == '0') {
        ret->class = CLASS_LEADING_ZEROS;
        return;
    }
    bool fits = count < 19 || (count == 19 && fits_int64(digits, negative));
    ret->class = fits ? CLASS_INTEGER : CLASS_WIDE_INTEGER;
    ret->whole = (uint16_t)(count == 1 && digits[0] == '0' ? 0 : count);
    ret->significant = count <= 15 ? ret->whole : count_significant(digits, count);
}

/* Behind the whole digits [start, at) comes a point or an e; false when it is no number after all.
 */
static bool classify_fraction(struct str text, size_t start, size_t at, struct typing_cell *ret)
{
    const char *ptr = text.ptr;
    size_t whole = at - start, scale = 0;
    if (ptr[at] == '.') {
        size_t first = ++at;
        while (at < text.len && is_digit(ptr[at]))
            at++;
        scale = at - first;
        if (scale == 0)
            return false; /* "5." */
    }
    bool exponent = at < text.len && (ptr[at] == 'e' || ptr[at] == 'E');
    if (whole + scale == 0 ||
        (at < text.len && (!exponent || !is_exponent(ptr + at + 1, text.len - at - 1))))
        return false;
    if (whole > 1 && ptr[start] == '0') {
        ret->class = CLASS_LEADING_ZEROS;
        return true;
    }
    ret->class = exponent ? CLASS_EXPONENT : CLASS_DECIMAL;
    ret->whole = (uint16_t)(whole == 1 && ptr[start] == '0' ? 0 : whole);
    ret->scale = (uint16_t)scale;
    ret->significant = whole + scale <= 15 ? (uint16_t)(ret->whole + scale)
                                           : count_significant(ptr + start, at - start);
    return true;
}

/* text is trimmed and begins with a digit, '-' or '.'. */
static inline void classify_number(struct str text, size_t start, struct typing_cell *ret)
{
    const char *ptr = text.ptr;
    size_t at = start;
    while (at < text.len && is_digit(ptr[at]))
        at++;
    if (at == text.len && at > start) {
        finish_integer(ptr + start, at - start, start > 0, ret);
        return;
    }
    if (at == text.len || text.len > LONGEST_TYPED_BYTES)
        return;
    if ((ptr[at] == '.' || ptr[at] == 'e' || ptr[at] == 'E') &&
        classify_fraction(text, start, at, ret))
        return;
    if (start == 0 && at > 0)
        typing_classify_temporal(text, ret);
    if (ret->class == CLASS_TEXT && at > start && (ptr[at] == ',' || ptr[at] == '.'))
        typing_classify_comma(text, start, ret);
}

/* "<0.5", ">= 100", "≤3": a number behind a comparator; "<NA>" is a marker. */
static void classify_compared(struct str text, struct typing_cell *ret)
{
    static const char *const comparators[] = {"<=", ">=", "<", ">", "\xe2\x89\xa4", "\xe2\x89\xa5"};
    size_t length = 0;
    for (size_t i = 0; length == 0 && i < sizeof comparators / sizeof *comparators; i++)
        length = str_has_prefix(text, comparators[i]) ? strlen(comparators[i]) : 0;
    struct str rest = str_trim((struct str){text.ptr + length, text.len - length});
    struct typing_cell number = {.class = CLASS_TEXT};
    bool minus = rest.len > 1 && rest.ptr[0] == '-';
    if (length > 0 && rest.len > 0)
        classify_number(rest, minus, &number);
    if (number.class == CLASS_INTEGER || number.class == CLASS_DECIMAL ||
        number.class == CLASS_COMMA_NUMBER)
        ret->class = CLASS_COMPARED;
    else
        classify_word(text, ret);
}

static void classify_trimmed(struct str text, struct typing_cell *ret)
{
    switch ((enum first)first_of[(unsigned char)text.ptr[0]]) {
    case FIRST_DIGIT:
        if (text.len >= 10 && text.ptr[4] == '-')
            typing_classify_temporal(text, ret);
        else if (text.len == 7 && text.ptr[4] == '-')
            typing_classify_month(text, ret);
        else
            classify_number(text, 0, ret);
        return;
    case FIRST_SIGN:
        if (text.len > 1 && text.ptr[1] != '-')
            classify_number(text, 1, ret);
        else
            classify_word(text, ret);
        return;
    case FIRST_POINT:
        if (text.len > 1)
            classify_number(text, 0, ret);
        else
            classify_word(text, ret);
        return;
    case FIRST_WORD:
        classify_word(text, ret);
        return;
    case FIRST_COMPARATOR:
        classify_compared(text, ret);
        return;
    case FIRST_TEXT:
    case FIRST_BLANK:
        return;
    }
}

void typing_classify(struct str text, struct typing_cell *ret)
{
    *ret = (struct typing_cell){.class = CLASS_TEXT};
    if (text.len == 0) {
        ret->class = CLASS_MARKER;
        return;
    }
    if (!is_blank(text.ptr[0]) && !is_blank(text.ptr[text.len - 1])) {
        if (text.len <= LONGEST_TYPED_BYTES)
            classify_trimmed(text, ret);
        return;
    }
    text = str_trim(text);
    if (text.len == 0) {
        ret->class = CLASS_MARKER;
        ret->marker = TYPING_MARKER_BLANK;
    } else if (text.len <= LONGEST_TYPED_BYTES) {
        classify_trimmed(text, ret);
    }
    ret->padded = !typing_class_is_text(ret->class);
}
