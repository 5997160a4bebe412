/* Dates and times with as many parts as are written. Two moments are compared part by part; where one has fewer, and those that
 * both have are equal, nothing is decided. A dateTime without a time zone is UTC. */
#include <stdio.h>

#include "fhir/evaluate_priv.h"

#define MINUTE_US 60000000LL

static int number(const char *at, size_t count)
{
    int value = 0;
    for (size_t idx = 0; idx < count; idx++)
        value = value * 10 + (at[idx] - '0');
    return value;
}

static void read_fraction(struct str rest, struct fhir_moment *ret)
{
    int64_t unit = 100000000;
    for (size_t idx = 0; idx < rest.len && rest.ptr[idx] >= '0' && rest.ptr[idx] <= '9'; idx++) {
        ret->fraction += unit * (rest.ptr[idx] - '0');
        unit /= 10;
        ret->fraction_digits++;
    }
}

static void read_clock(struct str text, struct fhir_moment *ret)
{
    ret->part[3] = number(text.ptr, 2);
    ret->parts = 4;
    for (size_t at = 2; at + 3 <= text.len && ret->parts < 6 && text.ptr[at] == ':'; at += 3)
        ret->part[ret->parts++] = number(text.ptr + at + 1, 2);
    if (ret->parts == 6 && text.len > 8 && text.ptr[8] == '.')
        read_fraction((struct str){text.ptr + 9, text.len - 9}, ret);
}

static void read_zone(struct str text, struct fhir_moment *ret)
{
    size_t length = text.len;
    if (length > 0 && text.ptr[length - 1] == 'Z')
        ret->has_zone = true;
    if (length < 7 || text.ptr[length - 3] != ':' || (text.ptr[length - 6] != '+' && text.ptr[length - 6] != '-'))
        return;
    ret->has_zone = true;
    ret->zone_minutes = number(text.ptr + length - 5, 2) * 60 + number(text.ptr + length - 2, 2);
    if (text.ptr[length - 6] == '-')
        ret->zone_minutes = -ret->zone_minutes;
}

bool fhir_moment_read(struct str text, struct fhir_moment *ret)
{
    size_t length;
    const char *wrong;
    char clock[64];
    *ret = (struct fhir_moment){.part = {0, 1, 1, 0, 0, 0}};
    enum fhir_type type = fhir_moment_scan(text, &length, &wrong);
    if (type == FHIR_TYPE_UNKNOWN || (length != text.len && text.len > 2 && text.ptr[2] == ':')) { /* 14:30, without its T */
        int count = snprintf(clock, sizeof clock, "T%.*s", (int)(text.len < 60 ? text.len : 60), text.ptr);
        text = (struct str){clock, (size_t)count};
        type = fhir_moment_scan(text, &length, &wrong);
    }
    if (type == FHIR_TYPE_UNKNOWN || length != text.len || wrong != NULL)
        return false;
    if (type == FHIR_TYPE_TIME) {
        ret->is_time = true;
        read_clock((struct str){text.ptr + (text.ptr[0] == 'T'), text.len - (text.ptr[0] == 'T')}, ret);
        return true;
    }
    ret->part[0] = number(text.ptr, 4);
    ret->parts = 1;
    if (text.len >= 7 && text.ptr[4] == '-')
        ret->part[ret->parts++] = number(text.ptr + 5, 2);
    if (text.len >= 10 && text.ptr[7] == '-')
        ret->part[ret->parts++] = number(text.ptr + 8, 2);
    const char *t = text.len > 10 && text.ptr[10] == 'T' ? text.ptr + 11 : NULL;
    if (t != NULL && (size_t)(text.ptr + text.len - t) >= 2) {
        read_clock((struct str){t, (size_t)(text.ptr + text.len - t)}, ret);
        read_zone(text, ret);
    }
    return true;
}

/* Howard Hinnant's days from civil. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int part[3])
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    part[2] = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    part[1] = (int)(month < 10 ? month + 3 : month - 9);
    part[0] = (int)(year_of_era + era * 400 + (part[1] <= 2));
}

int64_t fhir_moment_days(const struct fhir_moment *moment)
{
    return days_from_civil(moment->part[0], moment->part[1], moment->part[2]);
}

int64_t fhir_moment_us(const struct fhir_moment *moment)
{
    int64_t minutes = (moment->is_time ? 0 : fhir_moment_days(moment) * 1440) + moment->part[3] * 60 + moment->part[4] - moment->zone_minutes;
    return minutes * MINUTE_US + moment->part[5] * 1000000LL + moment->fraction / 1000;
}

/* The moment's parts at UTC; those behind the minute are the same everywhere. */
static void at_utc(const struct fhir_moment *moment, struct fhir_moment *ret)
{
    *ret = *moment;
    if (moment->is_time || moment->parts < 5 || moment->zone_minutes == 0)
        return;
    int64_t minutes = fhir_moment_days(moment) * 1440 + moment->part[3] * 60 + moment->part[4] - moment->zone_minutes;
    int64_t days = minutes >= 0 ? minutes / 1440 : -((1439 - minutes) / 1440);
    civil_from_days(days, ret->part);
    ret->part[3] = (int)((minutes - days * 1440) / 60);
    ret->part[4] = (int)((minutes - days * 1440) % 60);
    ret->zone_minutes = 0;
}

enum fhir_truth fhir_moment_compare(const struct fhir_moment *a, const struct fhir_moment *b, int *ret)
{
    struct fhir_moment left, right;
    at_utc(a, &left);
    at_utc(b, &right);
    int common = left.parts < right.parts ? left.parts : right.parts;
    for (int idx = left.is_time ? 3 : 0; idx < common; idx++) {
        *ret = left.part[idx] - right.part[idx];
        if (*ret != 0)
            return FHIR_TRUE;
    }
    if (left.parts != right.parts)
        return FHIR_EMPTY;
    /* Seconds and their fraction are one part: 12:00:00 = 12:00:00.000. */
    *ret = left.fraction < right.fraction ? -1 : left.fraction > right.fraction;
    return FHIR_TRUE;
}

/* ---- boundaries -------------------------------------------------------------------------------- */

static int last_day(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return DAYS[month - 1] + (month == 2 && leap);
}

bool fhir_moment_boundary(struct fhir_eval *eval, struct str text, enum fhir_type type, bool high, struct str *ret)
{
    struct fhir_moment moment;
    char clock[32], *made;
    if (!fhir_moment_read(text, &moment))
        return false;
    int *part = moment.part;
    if (!moment.is_time && moment.parts < 2)
        part[1] = high ? 12 : 1;
    if (!moment.is_time && moment.parts < 3)
        part[2] = high ? last_day(part[0], part[1]) : 1;
    for (int idx = 3; idx < 6; idx++)
        if (moment.parts <= idx && high)
            part[idx] = idx == 3 ? 23 : 59;
    int64_t unit = 1000000000;
    for (int digits = 0; digits < moment.fraction_digits && digits < 9; digits++)
        unit /= 10;
    int64_t fraction = moment.fraction + (high && unit > 1000000 ? unit - 1000000 : 0);
    snprintf(clock, sizeof clock, "%02d:%02d:%02d.%03d", part[3] % 100, part[4] % 100, part[5] % 100, (int)(fraction / 1000000) % 1000);
    if (moment.is_time)
        made = arena_strdup(eval->arena, clock);
    else if (type == FHIR_TYPE_DATE || (type == FHIR_TYPE_UNKNOWN && moment.parts <= 3))
        made = arena_printf(eval->arena, "%04d-%02d-%02d", part[0], part[1], part[2]);
    else if (!moment.has_zone)
        made = arena_printf(eval->arena, "%04d-%02d-%02dT%s%s", part[0], part[1], part[2], clock, high ? "-12:00" : "+14:00");
    else
        made = arena_printf(eval->arena, "%04d-%02d-%02dT%s%c%02d:%02d", part[0], part[1], part[2], clock, moment.zone_minutes < 0 ? '-' : '+',
                            (moment.zone_minutes < 0 ? -moment.zone_minutes : moment.zone_minutes) / 60, (moment.zone_minutes < 0 ? -moment.zone_minutes : moment.zone_minutes) % 60);
    if (made == NULL)
        return fhir_eval_fail(eval, ERR_MEMORY, "no memory to evaluate");
    *ret = str_of(made);
    return true;
}
