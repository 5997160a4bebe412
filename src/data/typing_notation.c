/* Numbers written with commas: "83,2" and "1.234,5" (the comma is the decimal sign), "1,234.5" and
 * "1,234,567" (commas part thousands). A cell gives a mask of the notations that fit it, and a
 * column's notations are the intersection over its cells, as for dates:
 *
 *     "83,2" → {1.234,5}      "1,234" → {1.234,5  1,234.5}      together → {1.234,5}
 *
 * Two notations left: the column can't tell by itself (typing_decide.c asks the rest of the table).
 */
#include <string.h>

#include "data/typing_priv.h"

const char *const typing_number_formats[TYPING_NUMBER_FORMATS] = {"1.234,5", "1,234.5"};

static size_t digit_run(struct str text, size_t at)
{
    size_t first = at;
    while (at < text.len && (unsigned char)(text.ptr[at] - '0') < 10)
        at++;
    return at - first;
}

/* Groups of three digits behind the separator from *at on; *at moves behind them. */
static size_t group_run(struct str text, char separator, size_t *at)
{
    size_t groups = 0;
    while (*at < text.len && text.ptr[*at] == separator && digit_run(text, *at + 1) == 3) {
        *at += 4;
        groups++;
    }
    return groups;
}

/* Reads the whole text with these signs. False: no such number. */
static bool read_number(struct str text, size_t start, char group, char point, size_t *ret_groups,
                        struct typing_extent *ret)
{
    size_t whole = digit_run(text, start), at = start + whole, scale = 0;
    bool zero = text.ptr[start] == '0';
    if (whole == 0 || (zero && whole > 1))
        return false;
    *ret_groups = whole <= 3 && !zero ? group_run(text, group, &at) : 0;
    if (at < text.len) {
        scale = text.ptr[at] == point ? digit_run(text, at + 1) : 0;
        if (scale == 0 || at + 1 + scale != text.len)
            return false;
    }
    *ret = (struct typing_extent){(uint16_t)(zero ? 0 : whole + 3 * *ret_groups), (uint16_t)scale};
    return true;
}

void typing_classify_comma(struct str text, size_t start, struct typing_cell *ret)
{
    size_t dots = 0, commas = 0;
    unsigned mask = 0;
    if (read_number(text, start, '.', ',', &dots, &ret->extents[TYPING_COMMA_DECIMAL]))
        mask |= 1u << TYPING_COMMA_DECIMAL;
    if (read_number(text, start, ',', '.', &commas, &ret->extents[TYPING_COMMA_GROUPS]))
        mask |= 1u << TYPING_COMMA_GROUPS;
    if (mask == 0)
        return;
    ret->class = CLASS_COMMA_NUMBER;
    ret->notations = (uint8_t)mask;
    ret->dot_groups = dots > 0;
}

/* Points that stand where groups of three would have them: "1.234", but no "0.512" or "1.5". */
bool typing_point_could_group(const struct typing_cell *cell)
{
    return cell->whole >= 1 && cell->whole <= 3 && cell->scale == 3;
}

unsigned typing_notations(const struct typing_summary *summary)
{
    const unsigned both = 1u << TYPING_COMMA_DECIMAL | 1u << TYPING_COMMA_GROUPS;
    unsigned mask = (unsigned)summary->notations;
    bool points = summary->classes[CLASS_DECIMAL] > 0;
    if (!points || (mask == both && summary->decimal_points == 0))
        return mask;
    if (summary->decimal_points > 0 || summary->dot_groups == 0)
        mask &= ~(1u << TYPING_COMMA_DECIMAL);
    return mask;
}

struct data_type typing_notation_core(const struct typing_summary *summary,
                                      enum typing_notation notation)
{
    bool comma = notation == TYPING_COMMA_DECIMAL;
    int64_t plain = summary->whole, scale = summary->scales[notation];
    if (comma && summary->classes[CLASS_DECIMAL] > 0)
        plain += 3; /* their points part groups */
    if (!comma && summary->scale > scale)
        scale = summary->scale;
    int64_t whole = plain > summary->wholes[notation] ? plain : summary->wholes[notation];
    if (whole + scale > 38)
        return DATA_TYPE(TEXT);
    if (scale == 0 && whole <= 18)
        return DATA_TYPE(BIGINT);
    return data_type_decimal(scale > 0 && whole + scale <= 18 ? 18 : 38, (unsigned)scale);
}

const char *typing_format_find(struct str text)
{
    for (size_t i = 0; i < TYPING_NUMBER_FORMATS; i++)
        if (str_equal(text, str_of(typing_number_formats[i])))
            return typing_number_formats[i];
    for (size_t i = 0; i < TYPING_DATE_FORMATS; i++)
        if (str_equal(text, str_of(typing_date_formats[i])))
            return typing_date_formats[i];
    return NULL;
}

bool typing_format_is_number(const char *format, enum typing_notation *ret)
{
    for (unsigned i = 0; format != NULL && i < TYPING_NUMBER_FORMATS; i++)
        if (strcmp(format, typing_number_formats[i]) == 0) {
            *ret = (enum typing_notation)i;
            return true;
        }
    return false;
}
