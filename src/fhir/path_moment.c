/* Dates, dateTimes and times in FHIR's lexical form, with as many parts as are written: 2015,
 * 2015-02, 2015-02-04T14:34:28.123+09:00, 14:34. Read for FHIRPath's literals (@…, @T…) and for the
 * constants of a view. */
#include "fhir/path_priv.h"

struct scan {
    struct str text;
    size_t at;
    const char *wrong; /* what is out of its range */
};

static bool digits(struct scan *scan, size_t count, int *ret)
{
    *ret = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = scan->at + i;
        if (at >= scan->text.len || scan->text.ptr[at] < '0' || scan->text.ptr[at] > '9')
            return false;
        *ret = *ret * 10 + (scan->text.ptr[at] - '0');
    }
    scan->at += count;
    return true;
}
static bool next_is(const struct scan *scan, char c)
{
    return scan->at < scan->text.len && scan->text.ptr[scan->at] == c;
}
/* "-02", ":34": the separator and two digits of low to high; nothing is read where they are not
 * there. */
static bool part(struct scan *scan, char separator, int low, int high, const char *name, int *ret)
{
    struct scan ahead = *scan;
    ahead.at++;
    if (!next_is(scan, separator) || !digits(&ahead, 2, ret))
        return false;
    if (*ret < low || *ret > high)
        ahead.wrong = name;
    *scan = ahead;
    return true;
}

static int days_of(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month < 1 || month > 12 ? 31 : DAYS[month - 1] + (month == 2 && leap);
}

/* *ret_day: it is a whole date, after which a time may stand. */
static bool scan_date(struct scan *scan, bool *ret_day)
{
    int year, month = 0, day = 0;
    *ret_day = false;
    if (!digits(scan, 4, &year))
        return false;
    if (year == 0)
        scan->wrong = "year";
    if (part(scan, '-', 1, 12, "month", &month))
        *ret_day = part(scan, '-', 1, days_of(year, month), "day", &day);
    return true;
}

static bool scan_time(struct scan *scan)
{
    int hour, minute, second, offset;
    if (!digits(scan, 2, &hour))
        return false;
    if (hour > 23)
        scan->wrong = "hour";
    if (!part(scan, ':', 0, 59, "minute", &minute) || !part(scan, ':', 0, 59, "second", &second))
        return true;
    struct scan fraction = *scan;
    fraction.at++;
    if (next_is(scan, '.') && digits(&fraction, 1, &offset)) {
        while (fraction.at < fraction.text.len && digits(&fraction, 1, &offset))
            ;
        *scan = fraction;
    }
    return true;
}

static void scan_zone(struct scan *scan)
{
    int hour, minute;
    struct scan ahead = *scan;
    if (next_is(scan, 'Z')) {
        scan->at++;
    } else if (part(&ahead, next_is(scan, '-') ? '-' : '+', 0, 14, "time zone", &hour) &&
               part(&ahead, ':', 0, 59, "time zone", &minute)) {
        *scan = ahead;
    }
}

enum fhir_type fhir_moment_scan(struct str text, size_t *ret_length, const char **ret_wrong)
{
    struct scan scan = {.text = text};
    enum fhir_type type = FHIR_TYPE_UNKNOWN;
    bool day;
    if (next_is(&scan, 'T')) {
        scan.at++;
        type = scan_time(&scan) ? FHIR_TYPE_TIME : FHIR_TYPE_UNKNOWN;
    } else if (scan_date(&scan, &day)) {
        type = FHIR_TYPE_DATE;
        if (next_is(&scan, 'T')) {
            type = FHIR_TYPE_DATETIME;
            scan.at++;
            if (day && scan_time(&scan))
                scan_zone(&scan);
        }
    }
    *ret_length = scan.at;
    *ret_wrong = scan.wrong;
    return type;
}
