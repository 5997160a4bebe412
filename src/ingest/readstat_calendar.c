/* Dates of statistics programs. SPSS counts seconds since 1582-10-14, SAS days and seconds since
 * 1960-01-01, Stata days and milliseconds since 1960-01-01; what a number means is told by its
 * display format alone: SAV "EDATE10" 13166064000 → 2000-01-01     SAS "DATE9." -1 → 1959-12-31 DTA
 * "%tc" 1500 → 1960-01-01 00:00:01.5 Formats that show part of a date (MONYY, QTR, JULIAN) still
 * store one. Stata's weeks, months, quarters and years are counts, kept as numbers. */
#include <ctype.h>
#include <math.h>

#include "base/clock.h"
#include "ingest/readstat_priv.h"

#define SECOND_US 1000000LL
#define DAY_US 86400000000LL
#define EPOCH_1960_US (-3653LL * DAY_US)
#define EPOCH_1582_US (-141428LL * DAY_US) /* 1582-10-14 */
#define FIRST_US (-719162LL * DAY_US)      /* 0001-01-01 */
#define END_US (2932897LL * DAY_US)        /* 10000-01-01 */

struct name_kind {
    const char *name;
    enum data_kind kind;
};
/* Sorted by nothing: short enough to be walked once a column. Names are without width, decimals and
 * the dot. */
static const struct name_kind spss_names[] = {
    {"DATE", DATA_DATE},        {"ADATE", DATA_DATE}, {"EDATE", DATA_DATE},
    {"SDATE", DATA_DATE},       {"JDATE", DATA_DATE}, {"QYR", DATA_DATE},
    {"MOYR", DATA_DATE},        {"WKYR", DATA_DATE},  {"DATETIME", DATA_TIMESTAMP},
    {"YMDHMS", DATA_TIMESTAMP}, {"TIME", DATA_TIME},  {"DTIME", DATA_TIME},
    {"MTIME", DATA_TIME},
};
static const struct name_kind sas_names[] = {
    {"DATE", DATA_DATE},          {"DAY", DATA_DATE},           {"DOWNAME", DATA_DATE},
    {"JULDAY", DATA_DATE},        {"JULIAN", DATA_DATE},        {"MONNAME", DATA_DATE},
    {"MONTH", DATA_DATE},         {"MONYY", DATA_DATE},         {"PDJULG", DATA_DATE},
    {"PDJULI", DATA_DATE},        {"QTR", DATA_DATE},           {"QTRR", DATA_DATE},
    {"WEEKDATE", DATA_DATE},      {"WEEKDATX", DATA_DATE},      {"WEEKDAY", DATA_DATE},
    {"WEEKU", DATA_DATE},         {"WEEKV", DATA_DATE},         {"WEEKW", DATA_DATE},
    {"WORDDATE", DATA_DATE},      {"WORDDATX", DATA_DATE},      {"YEAR", DATA_DATE},
    {"NENGO", DATA_DATE},         {"MINGUO", DATA_DATE},        {"E8601DA", DATA_DATE},
    {"B8601DA", DATA_DATE},       {"IS8601DA", DATA_DATE},      {"ND8601DA", DATA_DATE},
    {"NLDATE", DATA_DATE},        {"NLDATEL", DATA_DATE},       {"NLDATEM", DATA_DATE},
    {"NLDATEMD", DATA_DATE},      {"NLDATEMN", DATA_DATE},      {"NLDATES", DATA_DATE},
    {"NLDATEW", DATA_DATE},       {"NLDATEWN", DATA_DATE},      {"NLDATEYM", DATA_DATE},
    {"NLDATEYQ", DATA_DATE},      {"NLDATEYR", DATA_DATE},      {"NLDATEYW", DATA_DATE},
    {"EURDFDE", DATA_DATE},       {"EURDFDD", DATA_DATE},       {"EURDFDN", DATA_DATE},
    {"EURDFDWN", DATA_DATE},      {"EURDFMN", DATA_DATE},       {"EURDFMY", DATA_DATE},
    {"EURDFWDX", DATA_DATE},      {"EURDFWKX", DATA_DATE},      {"HDATE", DATA_DATE},
    {"HEBDATE", DATA_DATE},       {"DATETIME", DATA_TIMESTAMP}, {"DATEAMPM", DATA_TIMESTAMP},
    {"DTDATE", DATA_TIMESTAMP},   {"DTMONYY", DATA_TIMESTAMP},  {"DTWKDATX", DATA_TIMESTAMP},
    {"DTYEAR", DATA_TIMESTAMP},   {"DTYYQC", DATA_TIMESTAMP},   {"MDYAMPM", DATA_TIMESTAMP},
    {"E8601DT", DATA_TIMESTAMP},  {"E8601DN", DATA_TIMESTAMP},  {"E8601DZ", DATA_TIMESTAMP},
    {"E8601DX", DATA_TIMESTAMP},  {"E8601LX", DATA_TIMESTAMP},  {"B8601DT", DATA_TIMESTAMP},
    {"B8601DN", DATA_TIMESTAMP},  {"B8601DZ", DATA_TIMESTAMP},  {"B8601DX", DATA_TIMESTAMP},
    {"B8601LX", DATA_TIMESTAMP},  {"IS8601DT", DATA_TIMESTAMP}, {"IS8601DN", DATA_TIMESTAMP},
    {"IS8601DZ", DATA_TIMESTAMP}, {"ND8601DT", DATA_TIMESTAMP}, {"NLDATM", DATA_TIMESTAMP},
    {"NLDATMAP", DATA_TIMESTAMP}, {"NLDATML", DATA_TIMESTAMP},  {"NLDATMM", DATA_TIMESTAMP},
    {"NLDATMS", DATA_TIMESTAMP},  {"NLDATMW", DATA_TIMESTAMP},  {"NLDATMDT", DATA_TIMESTAMP},
    {"NLDATMTM", DATA_TIMESTAMP}, {"EURDFDT", DATA_TIMESTAMP},  {"DATETIMEH", DATA_TIMESTAMP},
    {"TIME", DATA_TIME},          {"TIMEAMPM", DATA_TIME},      {"HHMM", DATA_TIME},
    {"HOUR", DATA_TIME},          {"MMSS", DATA_TIME},          {"TOD", DATA_TIME},
    {"E8601TM", DATA_TIME},       {"E8601TX", DATA_TIME},       {"E8601TZ", DATA_TIME},
    {"E8601LZ", DATA_TIME},       {"B8601TM", DATA_TIME},       {"B8601TX", DATA_TIME},
    {"B8601TZ", DATA_TIME},       {"B8601LZ", DATA_TIME},       {"IS8601TM", DATA_TIME},
    {"IS8601TZ", DATA_TIME},      {"NLTIME", DATA_TIME},        {"NLTIMAP", DATA_TIME},
};
/* Families with a separator letter at the end (B blank, C colon, D dash, N none, P period, S
 * slash). */
static const char *const sas_families[] = {"DDMMYY", "MMDDYY", "YYMMDD", "MMYY",
                                           "YYMM",   "YYQ",    "YYQR",   "YYMON"};

/* "DATE9.", "F8.2" → "DATE", "F": upper case, cut at the width. ISO names keep their inner digits
 * (E8601DT19. → E8601DT). */
static struct str base_format(const char *format, char ret[32])
{
    size_t length = 0;
    ret[0] = '\0';
    for (; length < 31 && format[length] != '\0'; length++)
        ret[length] = (char)toupper((unsigned char)format[length]);
    char *dot = memchr(ret, '.', length);
    if (dot != NULL)
        length = (size_t)(dot - ret);
    while (length > 0 && isdigit((unsigned char)ret[length - 1]))
        length--;
    return (struct str){ret, length};
}

static enum data_kind find_kind(const struct name_kind *names, size_t count, struct str name)
{
    for (size_t idx = 0; idx < count; idx++)
        if (str_equal(name, str_of(names[idx].name)))
            return names[idx].kind;
    return DATA_NULL;
}

static enum data_kind sas_kind(struct str name)
{
    enum data_kind kind = find_kind(sas_names, sizeof sas_names / sizeof *sas_names, name);
    for (size_t idx = 0; kind == DATA_NULL && idx < sizeof sas_families / sizeof *sas_families;
         idx++) {
        struct str family = str_of(sas_families[idx]);
        if (!str_has_prefix(name, family.ptr) || name.len > family.len + 1)
            continue;
        if (name.len == family.len || memchr("BCDNPS", name.ptr[family.len], 6) != NULL)
            kind = DATA_DATE;
    }
    return kind;
}

static struct statfile_calendar stata_calendar(const char *format)
{
    struct statfile_calendar none = {0};
    if (*format == '%')
        format++;
    if (*format == '-')
        format++;
    if (*format == 'd')
        return (struct statfile_calendar){
            .kind = DATA_DATE, .unit_us = DAY_US, .epoch_us = EPOCH_1960_US};
    if (*format != 't')
        return none;
    switch (format[1]) {
    case 'd':
        return (struct statfile_calendar){
            .kind = DATA_DATE, .unit_us = DAY_US, .epoch_us = EPOCH_1960_US};
    case 'c':
        return (struct statfile_calendar){
            .kind = DATA_TIMESTAMP, .unit_us = 1000, .epoch_us = EPOCH_1960_US};
    case 'C':
        return (struct statfile_calendar){.kind = DATA_TIMESTAMP,
                                          .unit_us = 1000,
                                          .epoch_us = EPOCH_1960_US,
                                          .leap_seconds = true};
    case 'w':
        return (struct statfile_calendar){.period = "weeks since 1960w1"};
    case 'm':
        return (struct statfile_calendar){.period = "months since 1960m1"};
    case 'q':
        return (struct statfile_calendar){.period = "quarters since 1960q1"};
    case 'h':
        return (struct statfile_calendar){.period = "half-years since 1960h1"};
    case 'y':
        return (struct statfile_calendar){.period = "years"};
    case 'b':
        return (struct statfile_calendar){.period = "days of a business calendar"};
    default:
        return none;
    }
}

struct statfile_calendar statfile_calendar_of(enum statfile_format format,
                                              const char *display_format)
{
    struct statfile_calendar none = {0};
    if (display_format == NULL || display_format[0] == '\0')
        return none;
    if (format == STATFILE_DTA)
        return stata_calendar(display_format);
    char scratch[32];
    struct str name = base_format(display_format, scratch);
    bool spss = format == STATFILE_SAV || format == STATFILE_POR;
    enum data_kind kind =
        spss ? find_kind(spss_names, sizeof spss_names / sizeof *spss_names, name) : sas_kind(name);
    if (kind == DATA_NULL)
        return none;
    struct statfile_calendar calendar = {.kind = kind, .unit_us = SECOND_US};
    if (kind != DATA_TIME)
        calendar.epoch_us = spss ? EPOCH_1582_US : EPOCH_1960_US;
    if (kind == DATA_DATE && !spss)
        calendar.unit_us = DAY_US;
    return calendar;
}

/* Days (since 1970) that began just after a leap second. Source: IERS Bulletin C; none since 2017.
 */
static const int32_t leap_days[] = {912,  1096, 1461,  1826,  2191,  2557,  2922,  3287,  3652,
                                    4199, 4564, 4929,  5660,  6574,  7305,  7670,  8217,  8582,
                                    8947, 9496, 10043, 10592, 13149, 14245, 15522, 16617, 17167};

/* Take the leap seconds out of an instant that counts them. False: within a leap second. */
static bool remove_leap_seconds(int64_t *us)
{
    for (size_t idx = sizeof leap_days / sizeof *leap_days; idx > 0; idx--) {
        int64_t begin = leap_days[idx - 1] * DAY_US +
                        (int64_t)(idx - 1) * SECOND_US; /* of the leap second itself */
        if (*us >= begin + SECOND_US) {
            *us -= (int64_t)idx * SECOND_US;
            return true;
        }
        if (*us >= begin)
            return false;
    }
    return true;
}

/* fraction of a unit in µs. The shortest decimal that the double can stand for wins, so
 * 13166064000.1 s is .100000 although doubles near it are 2 µs apart. */
static int64_t fraction_us(double value, double whole, int64_t unit_us)
{
    if (unit_us == SECOND_US)
        for (int64_t scale = 10; scale <= SECOND_US; scale *= 10) {
            double scaled = nearbyint(value * (double)scale);
            if (scaled / (double)scale == value)
                return (int64_t)nearbyint(scaled - whole * (double)scale) * (SECOND_US / scale);
        }
    return llround((value - whole) * (double)unit_us);
}

bool statfile_instant(const struct statfile_calendar *calendar, double value, int64_t *ret_us)
{
    if (!isfinite(value) || fabs(value) * (double)calendar->unit_us > 4e17)
        return false;
    double whole = floor(value);
    int64_t us = (int64_t)whole * calendar->unit_us + calendar->epoch_us;
    if (whole != value)
        us += fraction_us(value, whole, calendar->unit_us);
    if (calendar->leap_seconds && !remove_leap_seconds(&us))
        return false;
    *ret_us = us;
    return calendar->kind == DATA_TIME || (us >= FIRST_US && us < END_US);
}
