/* The clock and the calendar. Civil dates follow H. Hinnant, "chrono-compatible low-level date
 * algorithms": years run from March, so the leap day is the last of its year and 400-year eras
 * repeat exactly. No locale, no time zone data. */
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_SECOND)

int64_t clock_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year =
        (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void clock_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    unsigned month = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9);
    *ret_day = (unsigned)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *ret_month = month;
    *ret_year = year_of_era + era * 400 + (month <= 2);
}

bool clock_civil_valid(int64_t year, unsigned month, unsigned day)
{
    static const unsigned char lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1])
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month != 2 || day < 29 || leap;
}

/* Reads count digits at text; -1 when they are not digits. */
static int64_t digits_at(const char *text, size_t count)
{
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* "YYYY-MM-DDTHH:MM:SS[.f{1,6}]Z" */
bool clock_parse(const char *text, int64_t *ret_us)
{
    size_t length = strlen(text);
    if (length < 20 || length > 27 || text[length - 1] != 'Z' || text[4] != '-' || text[7] != '-' ||
        text[10] != 'T' || text[13] != ':' || text[16] != ':')
        return false;
    int64_t year = digits_at(text, 4), month = digits_at(text + 5, 2), day = digits_at(text + 8, 2);
    int64_t hour = digits_at(text + 11, 2), minute = digits_at(text + 14, 2);
    int64_t second = digits_at(text + 17, 2), fraction = 0;
    if (length > 20) {
        size_t count = length - 21;
        fraction = text[19] == '.' && count > 0 ? digits_at(text + 20, count) : -1;
        for (size_t i = count; i < 6 && fraction > 0; i++)
            fraction *= 10;
    }
    if (year < 0 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        second < 0 || second > 59 || fraction < 0 ||
        !clock_civil_valid(year, (unsigned)month, (unsigned)day))
        return false;
    int64_t days = clock_days_from_civil(year, (unsigned)month, (unsigned)day);
    *ret_us = days * US_PER_DAY + ((hour * 60 + minute) * 60 + second) * US_PER_SECOND + fraction;
    return true;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * US_PER_SECOND + (int64_t)now.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    int64_t fixed = 0;
    const char *text = getenv("MARROW_CLOCK");
    if (text != NULL && clock_parse(text, &fixed))
        return fixed;
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* Writes value with at least width digits; returns the place behind them. */
static char *put_digits(char *at, uint64_t value, int width)
{
    char reversed[20];
    int count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (int i = count; i < width; i++)
        *at++ = '0';
    while (count > 0)
        *at++ = reversed[--count];
    return at;
}

const char *clock_format(int64_t instant_us, char ret[32])
{
    int64_t days = instant_us / US_PER_DAY - (instant_us % US_PER_DAY < 0);
    uint64_t rest =
        (uint64_t)(instant_us % US_PER_DAY + (instant_us % US_PER_DAY < 0 ? US_PER_DAY : 0));
    int64_t year = 0;
    unsigned month = 0, day = 0;
    clock_civil_from_days(days, &year, &month, &day);
    char *at = ret;
    if (year < 0)
        *at++ = '-';
    at = put_digits(at, (uint64_t)(year < 0 ? -year : year), 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, rest / UINT64_C(3600000000), 2);
    *at++ = ':';
    at = put_digits(at, rest / UINT64_C(60000000) % 60, 2);
    *at++ = ':';
    at = put_digits(at, rest / UINT64_C(1000000) % 60, 2);
    *at++ = '.';
    at = put_digits(at, rest % UINT64_C(1000000), 6);
    *at++ = 'Z';
    *at = '\0';
    return ret;
}
