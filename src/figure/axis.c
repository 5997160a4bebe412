/* Axes: ranges, ticks at round numbers (1, 2, 5 times a power of ten), dates (days, months, years)
 * and logarithms, and numbers as people write them. The step is Heckbert's ("Nice numbers for graph
 * labels", Graphics Gems, 1990). */
#include "figure/figure_priv.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void figure_extend(double *low, double *high, double value)
{
    if (isnan(value))
        return;
    *low = value < *low ? value : *low;
    *high = value > *high ? value : *high;
}

/* ---- numbers as text */

static void group_thousands(const char *plain, char ret[FIGURE_LABEL_BYTES])
{
    size_t digits = strspn(plain + (plain[0] == '-'), "0123456789"), out = 0;
    const char *at = plain;
    if (*at == '-')
        ret[out++] = *at++;
    for (size_t i = 0; *at != '\0' && out + 2 < FIGURE_LABEL_BYTES; i++, at++) {
        if (digits > 4 && i > 0 && i < digits && (digits - i) % 3 == 0)
            ret[out++] = ',';
        ret[out++] = *at;
    }
    ret[out] = '\0';
}

/* "1.2e+09" → "1.2e9" */
static void scientific(double value, char ret[FIGURE_LABEL_BYTES])
{
    char text[FIGURE_LABEL_BYTES];
    (void)snprintf(text, sizeof text, "%.3g", value);
    const char *e = strchr(text, 'e');
    if (e == NULL) {
        (void)snprintf(ret, FIGURE_LABEL_BYTES, "%.30s", text);
        return;
    }
    const char *digits = e + 2 + strspn(e + 2, "0");
    (void)snprintf(ret, FIGURE_LABEL_BYTES, "%.*se%s%.6s", (int)(e - text), text,
                   e[1] == '-' ? "-" : "", digits);
}

static void fixed(double value, int decimals, char ret[FIGURE_LABEL_BYTES])
{
    char text[FIGURE_LABEL_BYTES];
    (void)snprintf(text, sizeof text, "%.*f", decimals, value == 0 ? 0.0 : value);
    group_thousands(text, ret);
}

static int decimals_of(double value)
{
    double size = fabs(value);
    int small = size > 0 && size < 0.1 ? 1 - (int)floor(log10(size)) : 2;
    return value == floor(value) ? 0 : size >= 10 ? 1 : small;
}

static const char *number_with(double value, int decimals, char ret[FIGURE_LABEL_BYTES])
{
    double size = fabs(value);
    if (isnan(value))
        memcpy(ret, "–", sizeof "–");
    else if (size >= 1e9 || (size > 0 && size < 1e-4))
        scientific(value, ret);
    else
        fixed(value, size >= 1000 ? 0 : decimals, ret);
    return ret;
}

const char *figure_number(double value, char ret[FIGURE_LABEL_BYTES])
{
    return number_with(value, decimals_of(value), ret);
}

/* As many decimals as the interval needs to be one: 1.0025 (1.0002 to 1.0049), not 1.00 thrice. */
static int decimals_apart(double low, double high, int decimals)
{
    char one[FIGURE_LABEL_BYTES], two[FIGURE_LABEL_BYTES];
    while (decimals < 6 && low < high &&
           strcmp(number_with(low, decimals, one), number_with(high, decimals, two)) == 0)
        decimals++;
    return decimals;
}

void figure_estimate(double value, double low, double high, struct buf *ret)
{
    char text[FIGURE_LABEL_BYTES];
    bool whole = value == floor(value) && (isnan(low) || low == floor(low)) &&
                 (isnan(high) || high == floor(high));
    int decimals = whole                   ? 0
                   : value == floor(value) ? (fabs(value) >= 10 ? 1 : 2)
                                           : decimals_of(value);
    decimals = decimals_apart(low, high, decimals);
    buf_puts(ret, number_with(value, decimals, text));
    if (isnan(low) && isnan(high))
        return;
    buf_printf(ret, " (%s", number_with(low, decimals, text));
    buf_printf(ret, " to %s)", number_with(high, decimals, text));
}

const char *figure_p(double p, char ret[FIGURE_LABEL_BYTES])
{
    ret[0] = '\0';
    if (!isnan(p))
        (void)snprintf(ret, FIGURE_LABEL_BYTES,
                       p < 0.001 ? "<0.001"
                       : p < 0.1 ? "%.3f"
                                 : "%.2f",
                       p);
    return ret;
}

/* ---- ticks */

static void add_tick(struct figure_axis *axis, double value, const char *label)
{
    if (axis->count == FIGURE_TICKS)
        return;
    axis->ticks[axis->count] = value;
    (void)snprintf(axis->labels[axis->count++], FIGURE_LABEL_BYTES, "%s", label);
}

static double nice_step(double span, int want)
{
    double raw = span / want, power = pow(10, floor(log10(raw))), share = raw / power;
    return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

/* A range that has a width which numbers of its size can show. */
static void settle(double *low, double *high)
{
    if (*low > *high) {
        *low = 0;
        *high = 1;
    }
    double size = fmax(fabs(*low), fabs(*high));
    if (*high - *low <= size * 1e-9 || size < 1e-100) {
        double half = size >= 1e-100 ? size * 0.1 : 0.5;
        *low -= half;
        *high += half;
    }
}

static void number_label(double value, double step, double size, char ret[FIGURE_LABEL_BYTES])
{
    int decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    if (size >= 1e7 || decimals > 6)
        scientific(fabs(value) < step / 2 ? 0 : value, ret);
    else
        fixed(fabs(value) < step / 2 ? 0 : value, decimals, ret);
}

void figure_axis_number(struct figure_axis *ret, double low, double high, int want, bool whole,
                        bool loose)
{
    char label[FIGURE_LABEL_BYTES];
    *ret = (struct figure_axis){.log = false};
    settle(&low, &high);
    double step = nice_step(high - low, want < 2 ? 2 : want);
    step = whole && step < 1 ? 1 : step;
    double first = loose ? floor(low / step + 1e-9) : ceil(low / step - 1e-9);
    double last = loose ? ceil(high / step - 1e-9) : floor(high / step + 1e-9);
    last = loose && last <= first ? first + 1 : last;
    ret->low = loose ? first * step : low;
    ret->high = loose ? last * step : high;
    for (double at = first; at <= last && ret->count < FIGURE_TICKS; at++) {
        number_label(at * step, step, fmax(fabs(low), fabs(high)), label);
        add_tick(ret, at * step, label);
    }
}

static void log_ends(struct figure_axis *axis, double low, double high)
{
    static const double parts[] = {1, 2, 5, 10};
    double power_low = pow(10, floor(log10(low))), power_high = pow(10, floor(log10(high)));
    for (size_t i = 0; i < 4; i++)
        if (parts[i] * power_low <= low * (1 + 1e-9))
            axis->low = log10(parts[i] * power_low);
    for (size_t i = 4; i-- > 0;)
        if (parts[i] * power_high >= high * (1 - 1e-9))
            axis->high = log10(parts[i] * power_high);
    if (axis->high - axis->low < 0.3) { /* one step: as wide as a doubling */
        axis->low -= 0.31;
        axis->high += 0.31;
    }
}

void figure_axis_log(struct figure_axis *ret, double low, double high)
{
    char label[FIGURE_LABEL_BYTES];
    *ret = (struct figure_axis){.log = true};
    low = fmax(low, 1e-12);
    high = fmin(fmax(high, low), 1e12);
    low = low > high ? 0.5 : low;
    log_ends(ret, low, fmax(high, low));
    double decades = ret->high - ret->low;
    int every = decades > 12 ? 3 : decades > 6 ? 2 : 1;
    for (int power = (int)floor(ret->low); power <= (int)ceil(ret->high); power++)
        for (int part = 1; part <= 5; part++) {
            double at = power + log10(part);
            bool wanted = part == 1   ? power % every == 0
                          : part == 3 ? decades > 1.75 && decades <= 3.5
                                      : part != 4 && decades <= 1.75;
            if (!wanted || at < ret->low - 1e-9 || at > ret->high + 1e-9)
                continue;
            (void)figure_number(part * pow(10, power), label);
            if (part * pow(10, power) < 1)
                (void)snprintf(label, sizeof label, "%.6g", part * pow(10, power));
            add_tick(ret, pow(10, at), label);
        }
}

/* ---- dates */

enum date_unit { DATE_DAYS, DATE_MONTHS, DATE_YEARS };

static void date_label(double days, enum date_unit unit, char ret[FIGURE_LABEL_BYTES])
{
    int64_t year;
    unsigned month, day;
    clock_civil_from_days((int64_t)floor(days), &year, &month, &day);
    switch (unit) {
    case DATE_DAYS:
        (void)snprintf(ret, FIGURE_LABEL_BYTES, "%04" PRId64 "-%02u-%02u", year, month, day);
        break;
    case DATE_MONTHS:
        (void)snprintf(ret, FIGURE_LABEL_BYTES, "%04" PRId64 "-%02u", year, month);
        break;
    case DATE_YEARS:
        (void)snprintf(ret, FIGURE_LABEL_BYTES, "%04" PRId64, year);
        break;
    }
}

static void months(struct figure_axis *axis, int64_t step, enum date_unit unit)
{
    char label[FIGURE_LABEL_BYTES];
    int64_t year;
    unsigned month, day;
    clock_civil_from_days((int64_t)floor(axis->low), &year, &month, &day);
    int64_t at = (year * 12 + month - 1) / step * step;
    for (; axis->count < FIGURE_TICKS; at += step) {
        double days = (double)clock_days_from_civil(at / 12, (unsigned)(at % 12) + 1, 1);
        if (days > axis->high)
            return;
        date_label(days, unit, label);
        if (days >= axis->low)
            add_tick(axis, days, label);
    }
}

void figure_axis_date(struct figure_axis *ret, double low, double high, int want)
{
    static const struct {
        enum date_unit unit;
        int64_t step; /* days or months */
        double days;
    } steps[] = {
        {DATE_DAYS, 1, 1},         {DATE_DAYS, 2, 2},          {DATE_DAYS, 7, 7},
        {DATE_MONTHS, 1, 30.4},    {DATE_MONTHS, 3, 91},       {DATE_MONTHS, 6, 182},
        {DATE_YEARS, 12, 365},     {DATE_YEARS, 24, 730},      {DATE_YEARS, 60, 1826},
        {DATE_YEARS, 120, 3652},   {DATE_YEARS, 240, 7305},    {DATE_YEARS, 600, 18262},
        {DATE_YEARS, 1200, 36525}, {DATE_YEARS, 6000, 182625}, {DATE_YEARS, 24000, 730500}};
    char label[FIGURE_LABEL_BYTES];
    size_t i = 0;
    *ret = (struct figure_axis){.log = false};
    if (low > high)
        low = high = 0;
    if (high - low < 1) {
        low -= 1;
        high += 1;
    }
    ret->low = low;
    ret->high = high;
    while (i + 1 < sizeof steps / sizeof *steps && (high - low) / steps[i].days > want)
        i++;
    if (steps[i].unit != DATE_DAYS) {
        months(ret, steps[i].step, steps[i].unit);
        return;
    }
    double step = (double)steps[i].step;
    for (double at = ceil(low); at <= high && ret->count < FIGURE_TICKS; at += step) {
        date_label(at, DATE_DAYS, label);
        add_tick(ret, at, label);
    }
}

double figure_axis_at(const struct figure_axis *axis, double value)
{
    if (axis->log)
        value = value > 0 ? log10(value) : (double)NAN;
    return (value - axis->low) / (axis->high - axis->low);
}

/* ---- the axes of a figure */

static void categories(const struct figure *figure, struct figure_axis *ret, int want)
{
    size_t every = 1 + (figure->category_count > 0 ? figure->category_count - 1 : 0) /
                           (size_t)(want < 2 ? 2 : want);
    *ret = (struct figure_axis){.low = -0.5, .high = (double)figure->category_count - 0.5};
    if (figure->category_count == 0)
        ret->high = 0.5;
    for (size_t i = 0; i < figure->category_count; i += every) {
        char label[FIGURE_LABEL_BYTES];
        struct str text = str_of(figure->categories[i]);
        size_t length = text.len < 20 ? text.len : 20;
        while (length > 0 && ((unsigned char)text.ptr[length - 1] & 0x80) != 0 && length < text.len)
            length--; /* no half of a character */
        (void)snprintf(label, sizeof label, "%.*s%s", (int)length, text.ptr,
                       length < text.len ? "…" : "");
        add_tick(ret, (double)i, label);
    }
}

static bool all_whole(const struct figure *figure, bool of_x)
{
    for (size_t s = 0; s < figure->series_count; s++)
        for (size_t i = 0; i < figure->series[s].count; i++) {
            double value = of_x ? figure->series[s].points[i].x : figure->series[s].points[i].y;
            if (!isnan(value) && value != floor(value))
                return false;
        }
    return true;
}

void figure_axis_x(const struct figure *figure, struct figure_axis *ret, int want, bool loose)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t s = 0; s < figure->series_count; s++)
        for (size_t i = 0; i < figure->series[s].count; i++)
            figure_extend(&low, &high, figure->series[s].points[i].x);
    bool survival = figure->kind == FIGURE_SURVIVAL;
    if (survival)
        figure_extend(&low, &high, 0);
    double pad = low < high ? (high - low) * 0.02 : 0; /* no mark on the frame */
    switch (figure->scale) {
    case FIGURE_DATE:
        figure_axis_date(ret, low - pad, high + pad, want);
        break;
    case FIGURE_CATEGORY:
        categories(figure, ret, want);
        break;
    case FIGURE_NUMBER:
        figure_axis_number(ret, survival ? low : low - pad, high + pad, want,
                           all_whole(figure, true), loose);
        break;
    }
}

/* From zero where it lies near: else a small difference looks great. */
static void near_zero(double *low, double *high)
{
    if (*low > 0 && *low < *high * 0.65)
        *low = 0;
    if (*high < 0 && *high > *low * 0.65)
        *high = 0;
}

void figure_axis_y(const struct figure *figure, struct figure_axis *ret, int want)
{
    double low = INFINITY, high = -INFINITY;
    if (figure->kind == FIGURE_SURVIVAL) {
        figure_axis_number(ret, 0, 1, want, false, true);
        return;
    }
    for (size_t s = 0; s < figure->series_count; s++)
        for (size_t i = 0; i < figure->series[s].count; i++)
            figure_extend(&low, &high, figure->series[s].points[i].y);
    if (figure->kind == FIGURE_LINES)
        near_zero(&low, &high);
    figure_axis_number(ret, low, high, want, all_whole(figure, false), true);
}

/* Intervals that reach far beyond the estimates would leave these no room: the axis ends before,
 * and an arrow says so. */
static void forest_range(const struct figure *figure, double *low, double *high)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < figure->item_count; i++) {
        const struct figure_item *item = &figure->items[i];
        if (figure->log && !(item->value > 1e-6 && item->value < 1e6))
            continue;
        figure_extend(&least, &most, item->value);
        figure_extend(low, high, item->value);
        if (!figure->log || item->low > 0)
            figure_extend(low, high, item->low);
        figure_extend(low, high, item->high);
    }
    figure_extend(low, high, figure->log ? 1 : 0);
    if (figure->log && least <= most) {
        *low = fmax(*low, fmin(least, 1) / 30);
        *high = fmin(*high, fmax(most, 1) * 30);
    }
}

static bool items_whole(const struct figure *figure)
{
    for (size_t i = 0; i < figure->item_count; i++) {
        const struct figure_item *item = &figure->items[i];
        if (figure->kind != FIGURE_BARS || item->value != floor(item->value) || !isnan(item->low) ||
            !isnan(item->high))
            return false;
    }
    return true;
}

void figure_axis_items(const struct figure *figure, struct figure_axis *ret, int want)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < figure->item_count && figure->kind != FIGURE_FOREST; i++) {
        const struct figure_item *item = &figure->items[i];
        const double parts[] = {item->value, item->low,    item->high, item->min,
                                item->q1,    item->median, item->q3,   item->max};
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            figure_extend(&low, &high, parts[k]);
    }
    if (figure->kind == FIGURE_FOREST)
        forest_range(figure, &low, &high);
    if (figure->kind == FIGURE_BARS)
        figure_extend(&low, &high, 0);
    if (figure->kind == FIGURE_BARS && low == 0 && high == 0)
        high = 1;
    if (figure->kind == FIGURE_FOREST && figure->log)
        figure_axis_log(ret, low, high);
    else
        figure_axis_number(ret, low, high, want, items_whole(figure), true);
}

double figure_at_risk(const struct figure_series *group, double time)
{
    for (size_t i = 0; i < group->count; i++)
        if (group->points[i].x >= time)
            return isnan(group->points[i].at_risk) ? 0 : group->points[i].at_risk;
    return 0;
}
