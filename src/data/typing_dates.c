/* Dates, times and timestamps among cells. ISO 8601 is told by position; other layouts give a mask
 * of every format that fits the cell, and a column's formats are the intersection over its cells:
 *
 *     "13/02/2020" → {%d/%m/%Y}      "02/03/2020" → {%d/%m/%Y, %m/%d/%Y}      together → {%d/%m/%Y}
 */
#include <string.h>

#include "base/clock.h"
#include "data/typing_priv.h"

#define WITH_TIMES(date, gap) date, date gap "%H:%M", date gap "%H:%M:%S"
const char *const typing_date_formats[TYPING_DATE_FORMATS] = {
    WITH_TIMES("%d/%m/%Y", " "), WITH_TIMES("%m/%d/%Y", " "), WITH_TIMES("%d.%m.%Y", " "),
    WITH_TIMES("%d-%m-%Y", " "), WITH_TIMES("%m-%d-%Y", " "), WITH_TIMES("%Y/%m/%d", " "),
    WITH_TIMES("%d-%b-%Y", " "), WITH_TIMES("%d%b%Y", " "),   WITH_TIMES("%d%b%Y", ":"),
};
enum layout {
    DMY_SLASH,
    MDY_SLASH,
    DMY_DOT,
    DMY_DASH,
    MDY_DASH,
    YMD_SLASH,
    DMONY_DASH,
    DMONY,
    DMONY_COLON
};

/* The number in count digits at ptr; -1 when they are not all digits. */
static inline int digits_at(const char *ptr, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned digit = (unsigned char)ptr[i] - (unsigned)'0';
        if (digit > 9)
            return -1;
        value = value * 10 + (int)digit;
    }
    return value;
}

/* Two digits at ptr; negative when they are not. */
static inline int pair_at(const char *ptr)
{
    unsigned tens = (unsigned char)ptr[0] - (unsigned)'0',
             ones = (unsigned char)ptr[1] - (unsigned)'0';
    return tens > 9 || ones > 9 ? -1000 : (int)(tens * 10 + ones);
}

static bool is_date(int year, int month, int day)
{
    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    return day <= 28 || clock_civil_valid(year, (unsigned)month, (unsigned)day);
}

/* HH:MM or HH:MM:SS at ptr. Returns its length, 0 when it is none. */
static size_t clock_length(const char *ptr, size_t length)
{
    if (length < 5 || ptr[2] != ':')
        return 0;
    int hour = pair_at(ptr), minute = pair_at(ptr + 3);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return 0;
    if (length < 6 || ptr[5] != ':')
        return 5;
    int second = length < 8 ? -1 : pair_at(ptr + 6);
    return second < 0 || second > 59 ? 0 : 8;
}

/* Z, ±HH, ±HHMM or ±HH:MM, whole. */
static bool is_zone(const char *ptr, size_t length)
{
    if (length == 1)
        return ptr[0] == 'Z';
    if (length < 3 || (ptr[0] != '+' && ptr[0] != '-'))
        return false;
    int hour = digits_at(ptr + 1, 2), minute = 0;
    if (length == 5)
        minute = digits_at(ptr + 3, 2);
    else if (length == 6)
        minute = ptr[3] == ':' ? digits_at(ptr + 4, 2) : -1;
    else if (length != 3)
        return false;
    return hour >= 0 && hour <= 15 && minute >= 0 && minute <= 59;
}

/* YYYY-MM-DD and what may follow. ptr[4] is '-'. */
static enum typing_class iso_class(const char *ptr, size_t length)
{
    if (length < 10 || ptr[7] != '-' ||
        !is_date(pair_at(ptr) * 100 + pair_at(ptr + 2), pair_at(ptr + 5), pair_at(ptr + 8)))
        return CLASS_TEXT;
    if (length == 10)
        return CLASS_DATE;
    if (ptr[10] != ' ' && ptr[10] != 'T')
        return CLASS_TEXT;
    size_t clock = clock_length(ptr + 11, length - 11);
    size_t at = 11 + clock;
    if (clock == 0)
        return CLASS_TEXT;
    if (clock == 8 && at < length && ptr[at] == '.') {
        size_t first = ++at;
        while (at < length && ptr[at] >= '0' && ptr[at] <= '9')
            at++;
        if (at == first || at - first > 6)
            return CLASS_TEXT; /* finer than a microsecond would be lost */
    }
    if (at == length)
        return CLASS_TIMESTAMP;
    return clock == 8 && is_zone(ptr + at, length - at) ? CLASS_TIMESTAMPTZ : CLASS_TEXT;
}

/* Month of the three letters, any case; 0 = none. */
static int month_of(const char *ptr)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    char lower[3];
    for (int i = 0; i < 3; i++)
        lower[i] = (char)(ptr[i] | 0x20);
    for (int month = 0; month < 12; month++)
        if (memcmp(names + 3 * month, lower, 3) == 0)
            return month + 1;
    return 0;
}

static size_t digit_run(const char *ptr, size_t length)
{
    size_t count = 0;
    while (count < length && count < 5 && ptr[count] >= '0' && ptr[count] <= '9')
        count++;
    return count;
}

/* Bits of the layouts that fit the date at the start (time bits unset: bit 3 · layout); *ret_length
 * = its bytes. */
static uint32_t layouts_of(const char *ptr, size_t length, size_t *ret_length)
{
    size_t first = digit_run(ptr, length);
    if (first > 4 || first == 3 || first == 0 || length < first + 4)
        return 0;
    int a = digits_at(ptr, first);
    char separator = ptr[first];
    bool letters = (separator | 0x20) >= 'a' && (separator | 0x20) <= 'z';
    size_t at = first + !letters;
    if (first < 4 && (letters || separator == '-') && length >= at + 3 && month_of(ptr + at) > 0) {
        int month = month_of(ptr + at);
        at += 3;
        if (!letters && (at >= length || ptr[at++] != '-'))
            return 0;
        if (digit_run(ptr + at, length - at) != 4 || !is_date(digits_at(ptr + at, 4), month, a))
            return 0;
        *ret_length = at + 4;
        return letters ? 1u << 3 * DMONY | 1u << 3 * DMONY_COLON : 1u << 3 * DMONY_DASH;
    }
    size_t second = digit_run(ptr + at, length - at);
    if (letters || second < 1 || second > 2 || at + second >= length ||
        ptr[at + second] != separator)
        return 0;
    int b = digits_at(ptr + at, second);
    at += second + 1;
    size_t third = digit_run(ptr + at, length - at);
    int c = digits_at(ptr + at, third);
    *ret_length = at + third;
    if (first == 4)
        return separator == '/' && third >= 1 && third <= 2 && is_date(a, b, c)
                   ? 1u << 3 * YMD_SLASH
                   : 0;
    if (third != 4)
        return 0;
    uint32_t day_first = is_date(c, b, a), month_first = is_date(c, a, b);
    if (separator == '/')
        return day_first << 3 * DMY_SLASH | month_first << 3 * MDY_SLASH;
    if (separator == '-')
        return day_first << 3 * DMY_DASH | month_first << 3 * MDY_DASH;
    return separator == '.' ? day_first << 3 * DMY_DOT : 0;
}

/* Formats that fit: the date's layouts, moved to the bit of the time that follows. */
static uint32_t formats_of(const char *ptr, size_t length)
{
    static const uint32_t colon = 1u << 3 * DMONY_COLON;
    size_t at = 0;
    uint32_t layouts = layouts_of(ptr, length, &at);
    if (layouts == 0 || at == length)
        return layouts & ~colon;
    if (ptr[at] != ' ' && ptr[at] != ':')
        return 0;
    layouts &= ptr[at] == ':' ? colon : ~colon;
    at++;
    const char *clock = ptr + at;
    size_t left = length - at;
    char padded[9] = "0";
    if (left == 4 || left == 7) { /* "9:05" */
        memcpy(padded + 1, clock, left++);
        clock = padded;
    }
    size_t clock_bytes = clock_length(clock, left);
    if (clock_bytes == 0 || clock_bytes != left)
        return 0;
    return layouts << (clock_bytes == 5 ? 1 : 2);
}

void typing_classify_temporal(struct str text, struct typing_cell *ret)
{
    if (text.len > 4 && text.ptr[4] == '-') {
        ret->class = iso_class(text.ptr, text.len);
        if (ret->class != CLASS_TEXT)
            return;
    }
    if (text.len >= 5 && text.ptr[2] == ':') {
        if (clock_length(text.ptr, text.len) == text.len)
            ret->class = CLASS_TIME;
        return;
    }
    if (text.len < 8 || text.len > 24)
        return;
    ret->date_mask = formats_of(text.ptr, text.len);
    if (ret->date_mask != 0)
        ret->class = CLASS_OTHER_DATE;
}

void typing_classify_month(struct str text, struct typing_cell *ret)
{
    int year = digits_at(text.ptr, 4), month = digits_at(text.ptr + 5, 2);
    if (year >= 1 && month >= 1 && month <= 12)
        ret->class = CLASS_PARTIAL_DATE;
    else
        typing_classify_temporal(text, ret);
}
