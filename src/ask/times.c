/* Spans of time as they are said: "in 2104", "since 05/2103", "until 2 years ago", "last month",
 * "on 03/19/2104", "between 2101 and 2103", "in the last 6 months", "on April 17 of this year", "on
 * the 21st of last month". Windows are half open, in days; what is relative is relative to the
 * reading's now. */
#include "ask/ask_priv.h"
#include "base/clock.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const month_names[] = {"january",   "february", "march",    "april",
                                          "may",       "june",     "july",     "august",
                                          "september", "october",  "november", "december"};

static int64_t day_of(int64_t year, int64_t month, int64_t day)
{
    year += (month - 1) / 12;
    month = (month - 1) % 12 + 1;
    return clock_days_from_civil(year, (unsigned)month, (unsigned)day);
}

static struct ask_window year_span(int64_t year)
{
    return (struct ask_window){true, day_of(year, 1, 1), day_of(year + 1, 1, 1)};
}

static struct ask_window month_span(int64_t year, int64_t month)
{
    return (struct ask_window){true, day_of(year, month, 1), day_of(year, month + 1, 1)};
}

/* The parts of 2104, 05/2103, 2103-05, 03/19/2104, 2104-03-19. */
static bool date_token(const struct ask_token *token, struct ask_window *ret)
{
    int64_t part[3] = {0, 0, 0}, digits[3] = {0, 0, 0};
    size_t count = 1;
    for (size_t i = 0; i < token->text.len; i++) {
        char c = token->text.ptr[i];
        if (isdigit((unsigned char)c) && digits[count - 1] < 4) {
            part[count - 1] = part[count - 1] * 10 + (c - '0');
            digits[count - 1]++;
        } else if ((c == '/' || c == '-') && count < 3) {
            count++;
        } else {
            return false;
        }
    }
    bool year_first = digits[0] == 4, year_last = count > 1 && digits[count - 1] == 4;
    int64_t year = year_first ? part[0] : part[count - 1];
    if (!(year_first || year_last) || year < 1800 || year > 2300)
        return false;
    if (count == 1) {
        *ret = year_span(year);
        return true;
    }
    int64_t month = year_first ? part[1] : part[0], day = year_first ? part[2] : part[1];
    if (month < 1 || month > 12)
        return false;
    *ret = month_span(year, month);
    if (count == 3) {
        if (!clock_civil_valid(year, (unsigned)month, (unsigned)day))
            return false;
        *ret = (struct ask_window){true, day_of(year, month, day), day_of(year, month, day) + 1};
    }
    return true;
}

static bool is(const struct ask_reading *reading, size_t at, const char *word)
{
    return at < reading->token_count && strcmp(reading->tokens[at].lower, word) == 0;
}

static bool is_any(const struct ask_reading *reading, size_t at, const char *const *words)
{
    for (; *words != NULL; words++)
        if (is(reading, at, *words))
            return true;
    return false;
}

static bool unit_at(const struct ask_reading *reading, size_t at, enum ask_unit *ret)
{
    static const char *const units[] = {"day", "week", "month", "year", "hour"};
    for (size_t i = 0; at < reading->token_count && i < sizeof units / sizeof *units; i++)
        if (strcmp(reading->tokens[at].stem, units[i]) == 0) {
            *ret = (enum ask_unit)i;
            return true;
        }
    return false;
}

/* now less so many units, as a day. */
static int64_t ago(const struct ask_reading *reading, double amount, enum ask_unit unit)
{
    int64_t year, n = (int64_t)amount;
    unsigned month, day;
    clock_civil_from_days(reading->now_day, &year, &month, &day);
    switch (unit) {
    case ASK_HOUR:
        return reading->now_day - n / 24;
    case ASK_DAY:
        return reading->now_day - n;
    case ASK_WEEK:
        return reading->now_day - 7 * n;
    case ASK_MONTH:
    case ASK_YEAR: {
        int64_t months = year * 12 + (int64_t)month - 1 - (unit == ASK_YEAR ? 12 * n : n);
        int64_t to_year = months / 12;
        unsigned to_month = (unsigned)(months % 12) + 1;
        while (!clock_civil_valid(to_year, to_month, day))
            day--;
        return clock_days_from_civil(to_year, to_month, day);
    }
    }
    return reading->now_day;
}

/* Nothing follows in this clause: the question ends, or a comma does. */
static bool clause_ends(const struct ask_reading *reading, size_t at)
{
    if (at >= reading->token_count)
        return true;
    const struct str before = reading->tokens[at - 1].text;
    return strchr(",;?.", before.ptr[before.len]) != NULL && before.ptr[before.len] != '\0';
}

/* "the previous year", "a year before": so many units back; the tokens of it. */
static size_t back_at(const struct ask_reading *reading, size_t at, int64_t *ret_back,
                      enum ask_unit *ret_unit)
{
    static const char *const before[] = {"last", "previous", "past", "prior", NULL};
    static const char *const current[] = {"this", "current", NULL};
    size_t start = at;
    at += is(reading, at, "the") ? 1 : 0;
    *ret_back = is_any(reading, at, before) ? 1 : 0;
    if ((*ret_back == 1 || is_any(reading, at, current)) && unit_at(reading, at + 1, ret_unit))
        return at + 2 - start;
    if ((is(reading, at, "a") || is(reading, at, "the") || is(reading, at, "one")) &&
        unit_at(reading, at + 1, ret_unit) && is(reading, at + 2, "before") &&
        clause_ends(reading, at + 3)) {
        *ret_back = 1;
        return at + 3 - start;
    }
    return 0;
}

/* "this year", "last month", "today": the span and its tokens. */
static size_t calendar_at(const struct ask_reading *reading, size_t at, struct ask_window *ret)
{
    enum ask_unit unit;
    int64_t year, back;
    unsigned month, day;
    clock_civil_from_days(reading->now_day, &year, &month, &day);
    if (is(reading, at, "today") || is(reading, at, "yesterday")) {
        int64_t from = reading->now_day - (is(reading, at, "yesterday") ? 1 : 0);
        *ret = (struct ask_window){true, from, from + 1};
        return 1;
    }
    size_t length = back_at(reading, at, &back, &unit);
    if (length == 0)
        return 0;
    if (unit == ASK_YEAR)
        *ret = year_span(year - back);
    else if (unit == ASK_MONTH)
        *ret = month_span(year - (month == 1 ? back : 0),
                          month == 1 && back == 1 ? 12 : (int64_t)month - back);
    else if (unit == ASK_DAY)
        *ret = (struct ask_window){true, reading->now_day - back, reading->now_day - back + 1};
    else
        return 0;
    return length;
}

/* "17", "17th": a day of a month, or 0. */
static int64_t day_token(const struct ask_reading *reading, size_t at)
{
    int64_t day = 0;
    size_t i = 0;
    if (at >= reading->token_count)
        return 0;
    const char *text = reading->tokens[at].lower;
    for (; isdigit((unsigned char)text[i]) && i < 2; i++)
        day = day * 10 + (text[i] - '0');
    bool ends = text[i] == '\0' || strcmp(text + i, "st") == 0 || strcmp(text + i, "nd") == 0 ||
                strcmp(text + i, "rd") == 0 || strcmp(text + i, "th") == 0;
    return ends && day >= 1 && day <= 31 ? day : 0;
}

/* The year that a month or day is of: "2104", "of this year", "from last year"; its tokens. */
static size_t year_at(const struct ask_reading *reading, size_t at, int64_t *ret)
{
    static const char *const leads[] = {"of", "from", "in", NULL};
    struct ask_window window;
    size_t lead = is_any(reading, at, leads) ? 1 : 0;
    if (at + lead >= reading->token_count)
        return 0;
    size_t length = date_token(&reading->tokens[at + lead], &window) ? 1 : 0;
    if (length == 0)
        length = calendar_at(reading, at + lead, &window);
    if (length == 0 || window.to - window.from < 300)
        return 0;
    unsigned month, day;
    clock_civil_from_days(window.from, ret, &month, &day);
    return lead + length;
}

/* "March 2104", "April 17 of this year", "17 April 2104". */
static size_t month_at(const struct ask_reading *reading, size_t at, struct ask_window *ret)
{
    size_t start = at;
    int64_t year, day = day_token(reading, at);
    if (day > 0)
        at += is(reading, at + 1, "of") ? 2 : 1;
    for (size_t m = 0; m < 12; m++) {
        if (!is(reading, at, month_names[m]))
            continue;
        size_t here = at + 1;
        if (day == 0 && (day = day_token(reading, here)) > 0)
            here++;
        size_t length = year_at(reading, here, &year);
        if (length == 0)
            return 0;
        *ret = month_span(year, (int64_t)m + 1);
        if (day > 0) {
            if (!clock_civil_valid(year, (unsigned)m + 1, (unsigned)day))
                return 0;
            int64_t from = day_of(year, (int64_t)m + 1, day);
            *ret = (struct ask_window){true, from, from + 1};
        }
        return here + length - start;
    }
    return 0;
}

/* "the 21st of last month" */
static size_t day_at(const struct ask_reading *reading, size_t at, struct ask_window *ret)
{
    size_t start = at;
    struct ask_window month;
    at += is(reading, at, "the") ? 1 : 0;
    int64_t day = day_token(reading, at);
    if (day == 0 || !is(reading, at + 1, "of"))
        return 0;
    size_t length = calendar_at(reading, at + 2, &month);
    if (length == 0 || month.to - month.from < 28 || month.to - month.from < day ||
        month.to - month.from > 31)
        return 0;
    *ret = (struct ask_window){true, month.from + day - 1, month.from + day};
    return at + 2 + length - start;
}

/* A span without its preposition. *ret_instant: it is a moment ("2 years ago"), so that "since"
 * begins there. */
static size_t span_at(const struct ask_reading *reading, size_t at, struct ask_window *ret,
                      bool *ret_instant)
{
    enum ask_unit unit;
    *ret_instant = false;
    if (at >= reading->token_count)
        return 0;
    bool one = is(reading, at, "a") || is(reading, at, "an");
    if ((one || reading->tokens[at].number) && unit_at(reading, at + 1, &unit) &&
        is(reading, at + 2, "ago")) {
        int64_t day = ago(reading, one ? 1 : reading->tokens[at].value, unit);
        *ret = (struct ask_window){true, day, day + 1};
        *ret_instant = true;
        return 3;
    }
    size_t length = calendar_at(reading, at, ret);
    if (length == 0)
        length = month_at(reading, at, ret);
    if (length == 0)
        length = day_at(reading, at, ret);
    if (length == 0 && date_token(&reading->tokens[at], ret))
        length = 1;
    return length;
}

/* "in the last 6 months", "in the past year" */
static size_t recent_at(const struct ask_reading *reading, size_t from, struct ask_window *ret)
{
    static const char *const words[] = {"last", "past", "previous", NULL};
    static const char *const leads[] = {"in", "within", "during", "over", "for", NULL};
    size_t at = from;
    enum ask_unit unit;
    at += is_any(reading, at, leads) ? 1 : 0;
    at += is(reading, at, "the") ? 1 : 0;
    if (!is_any(reading, at, words) || at + 1 >= reading->token_count ||
        !reading->tokens[at + 1].number || !unit_at(reading, at + 2, &unit))
        return 0;
    *ret = (struct ask_window){true, ago(reading, reading->tokens[at + 1].value, unit), INT64_MAX};
    return at + 3 - from;
}

static size_t between_at(const struct ask_reading *reading, size_t from, struct ask_window *ret)
{
    struct ask_window first, last;
    bool instant;
    bool between = is(reading, from, "between");
    if (!between && !is(reading, from, "from"))
        return 0;
    size_t a = span_at(reading, from + 1, &first, &instant);
    if (a == 0 ||
        !(is(reading, from + 1 + a, between ? "and" : "to") || is(reading, from + 1 + a, "until")))
        return 0;
    size_t b = span_at(reading, from + 2 + a, &last, &instant);
    if (b == 0)
        return 0;
    *ret = (struct ask_window){true, first.from, last.to};
    return 2 + a + b;
}

/* What stands before a span: its relation and tokens. The longest counts: "until" is in "up until". */
static size_t preposition_at(const struct ask_reading *reading, size_t from,
                             enum ask_relation *ret)
{
    static const struct {
        const char *words[4];
        enum ask_relation relation;
    } prepositions[] = {
        {{"in"}, ASK_REL_NONE},          {{"on"}, ASK_REL_NONE},
        {{"during"}, ASK_REL_NONE},      {{"of"}, ASK_REL_NONE},
        {{"from"}, ASK_REL_NONE},        {{"for"}, ASK_REL_NONE},
        {{"within"}, ASK_REL_NONE},      {{"since"}, ASK_SINCE},
        {{"until"}, ASK_UNTIL},          {{"till"}, ASK_UNTIL},
        {{"through"}, ASK_UNTIL},        {{"up", "to"}, ASK_UNTIL},
        {{"up", "until"}, ASK_UNTIL},    {{"up", "till"}, ASK_UNTIL},
        {{"up", "through"}, ASK_UNTIL},  {{"before", "until"}, ASK_UNTIL},
        {{"on", "or", "before"}, ASK_UNTIL}, {{"in", "or", "before"}, ASK_UNTIL},
        {{"on", "or", "after"}, ASK_SINCE},  {{"in", "or", "after"}, ASK_SINCE},
        {{"more", "than"}, ASK_BEFORE},  {{"before"}, ASK_BEFORE},
        {{"prior", "to"}, ASK_BEFORE},   {{"after"}, ASK_AFTER}};
    size_t best = 0;
    *ret = ASK_REL_NONE;
    for (size_t i = 0; i < sizeof prepositions / sizeof *prepositions; i++) {
        size_t length = 0;
        while (length < 4 && prepositions[i].words[length] != NULL &&
               is(reading, from + length, prepositions[i].words[length]))
            length++;
        if (length > best && (length == 4 || prepositions[i].words[length] == NULL)) {
            best = length;
            *ret = prepositions[i].relation;
        }
    }
    return best;
}

size_t ask_time_at(const struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    struct ask_window window;
    bool instant = false;
    size_t length = between_at(reading, from, &window), lead = 0;
    enum ask_relation relation = ASK_REL_NONE;
    if (length == 0)
        length = recent_at(reading, from, &window);
    if (length == 0) {
        lead = preposition_at(reading, from, &relation);
        length = span_at(reading, from + lead, &window, &instant);
        if (length == 0 || (is(reading, from, "more") && !instant))
            return 0;
        if (relation == ASK_SINCE)
            window.to = INT64_MAX;
        else if (relation == ASK_UNTIL)
            window = (struct ask_window){true, INT64_MIN, window.to};
        else if (relation == ASK_BEFORE)
            window = (struct ask_window){true, INT64_MIN, window.from};
        else if (relation == ASK_AFTER)
            window = (struct ask_window){true, window.to, INT64_MAX};
    }
    *ret = (struct ask_item){.class = ASK_WINDOW,
                             .from = from,
                             .to = from + lead + length,
                             .window = window,
                             .quality = 1};
    return lead + length;
}
