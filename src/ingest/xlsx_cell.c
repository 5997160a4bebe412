/* A stored cell as text that loses nothing: numbers in the shortest decimal that equals the double
 * (Excel stores 17 digits: 0.10000000000000001 → 0.1), dates in ISO form from the serial day
 * number. 1900 system: day 1 = 1900-01-01 and day 60 = 1900-02-29, which never was, so days from 61
 * on count from 1899-12-30. 1904 system: day 0 = 1904-01-01. Days before 0, which Excel shows as
 * ####, count from 1899-12-30 as other programs write them. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "ingest/xlsx_priv.h"

#define DAY_MS 86400000LL
#define LAST_DAY_1900 2958465    /* 9999-12-31 */
#define FIRST_DAY_1900 (-693593) /* 0001-01-01 */
#define PLAIN_DIGITS 15          /* as many decimal digits as a double always keeps */
#define POSITIONAL_EXPONENT 21

/* -?digits[.digits] with at most 15 digits: the shortest text but for zeros at the end. Also any
 * whole number. */
static bool plain_number(struct str stored, struct buf *out)
{
    size_t at = stored.len > 0 && stored.ptr[0] == '-';
    size_t first = at, point = 0;
    for (; at < stored.len; at++) {
        if (stored.ptr[at] == '.' && point == 0 && at > first)
            point = at;
        else if (stored.ptr[at] < '0' || stored.ptr[at] > '9')
            return false;
    }
    size_t digits = stored.len - first - (point > 0);
    size_t whole = point > 0 ? point - first : digits;
    if (digits == 0 || (whole > 1 && stored.ptr[first] == '0') ||
        (point > 0 && digits > PLAIN_DIGITS))
        return false;
    size_t length = stored.len;
    if (point > 0) {
        while (stored.ptr[length - 1] == '0')
            length--;
        length -= stored.ptr[length - 1] == '.';
    }
    bool negative_zero = first == 1 && length == 2 && stored.ptr[1] == '0';
    buf_add(out, stored.ptr + negative_zero, length - negative_zero);
    return true;
}

/* "1.5e-7" → "0.00000015" within POSITIONAL_EXPONENT places; other texts stay. */
static void add_positional(const char *shortest, struct buf *out)
{
    const char *mark = strchr(shortest, 'e');
    int64_t exponent = 0;
    const char *power = mark != NULL ? mark + 1 + (mark[1] == '+') : NULL;
    if (mark == NULL || !str_to_int64(str_of(power), &exponent) || exponent > POSITIONAL_EXPONENT ||
        exponent < -POSITIONAL_EXPONENT) {
        buf_puts(out, shortest);
        return;
    }
    char digits[40];
    size_t count = 0, whole = 0;
    for (const char *at = shortest; at < mark && count < sizeof digits; at++) {
        if (*at >= '0' && *at <= '9')
            digits[count++] = *at;
        else if (*at == '.')
            whole = count;
    }
    whole = memchr(shortest, '.', (size_t)(mark - shortest)) != NULL ? whole : count;
    int64_t point = (int64_t)whole + exponent;
    if (shortest[0] == '-')
        buf_putc(out, '-');
    if (point <= 0)
        buf_puts(out, "0.");
    for (int64_t zeros = point; zeros < 0; zeros++)
        buf_putc(out, '0');
    for (size_t idx = 0; idx < count; idx++) {
        if (point > 0 && (int64_t)idx == point)
            buf_putc(out, '.');
        buf_putc(out, digits[idx]);
    }
    for (int64_t zeros = (int64_t)count; zeros < point; zeros++)
        buf_putc(out, '0');
}

bool xlsx_number_text(struct str stored, struct buf *out)
{
    if (plain_number(stored, out))
        return true;
    double value;
    char scratch[32];
    if (!str_to_double(stored, &value) || !isfinite(value))
        return false;
    if (value == 0)
        buf_putc(out, '0');
    else
        add_positional(str_from_double(value, scratch), out);
    return true;
}

/* A serial day number as whole days and ms of the day. False: no number, or outside the calendar.
 */
static bool split_serial(struct str stored, bool date1904, int64_t *ret_day, int64_t *ret_ms)
{
    double serial;
    int64_t shift = date1904 ? 1462 : 0;
    if (!str_to_double(stored, &serial) || !(serial >= (double)(FIRST_DAY_1900 - shift)) ||
        serial >= (double)(LAST_DAY_1900 + 1 - shift))
        return false;
    double day = floor(serial);
    int64_t ms = llround((serial - day) * (double)DAY_MS);
    *ret_day = (int64_t)day + (ms == DAY_MS);
    *ret_ms = ms == DAY_MS ? 0 : ms;
    return true;
}

static void add_clock(int64_t ms, int64_t hours, struct buf *out)
{
    buf_printf(out, "%02lld:%02lld:%02lld", (long long)hours, (long long)(ms / 60000 % 60),
               (long long)(ms / 1000 % 60));
    if (ms % 1000 != 0)
        buf_printf(out, ".%03lld", (long long)(ms % 1000));
}

static void add_date(int64_t day, bool date1904, struct buf *out)
{
    int64_t year;
    unsigned month, mday;
    if (!date1904 && day == 60) {
        buf_puts(out, "1900-02-29");
        return;
    }
    int64_t origin = date1904 ? clock_days_from_civil(1904, 1, 1)
                              : clock_days_from_civil(1899, 12, day > 60 || day < 0 ? 30 : 31);
    clock_civil_from_days(origin + day, &year, &month, &mday);
    buf_printf(out, "%04lld-%02u-%02u", (long long)year, month, mday);
}

bool xlsx_cell_has_time(const struct xlsx_cell *cell, bool date1904)
{
    int64_t day, ms;
    if (cell->kind == XLSX_CELL_ISO_DATE)
        return memchr(cell->text.ptr, 'T', cell->text.len) != NULL;
    if (cell->kind != XLSX_CELL_NUMBER || !split_serial(cell->text, date1904, &day, &ms))
        return false;
    return cell->style == XLSX_DATETIME || (cell->style == XLSX_DATE && ms != 0) ||
           (cell->style == XLSX_TIME && day != 0);
}

static void add_moment(const struct xlsx_cell *cell, bool date1904, bool with_time, struct buf *out)
{
    int64_t day, ms;
    if (!split_serial(cell->text, date1904, &day, &ms)) {
        if (!xlsx_number_text(cell->text, out))
            buf_add_str(out, cell->text);
        return;
    }
    if (cell->style == XLSX_DURATION && day >= 0)
        add_clock(ms, day * 24 + ms / 3600000, out);
    else if (cell->style == XLSX_DURATION)
        (void)xlsx_number_text(cell->text, out);
    else if (cell->style == XLSX_TIME && day == 0)
        add_clock(ms, ms / 3600000, out);
    else {
        add_date(day, date1904, out);
        if (with_time || cell->style != XLSX_DATE || ms != 0) {
            buf_putc(out, ' ');
            add_clock(ms, ms / 3600000, out);
        }
    }
}

void xlsx_cell_text(const struct xlsx_cell *cell, bool date1904, bool with_time, struct buf *out)
{
    switch (cell->kind) {
    case XLSX_CELL_NUMBER:
        if (cell->style != XLSX_NUMBER)
            add_moment(cell, date1904, with_time, out);
        else if (!xlsx_number_text(cell->text, out))
            buf_add_str(out, cell->text);
        return;
    case XLSX_CELL_BOOLEAN:
        buf_puts(out, str_equal(cell->text, STR("0")) || str_equal_nocase(cell->text, STR("false"))
                          ? "false"
                          : "true");
        return;
    case XLSX_CELL_ISO_DATE: {
        size_t before = out->len;
        buf_add_str(out, cell->text);
        char *mark = out->failed ? NULL : memchr(out->ptr + before, 'T', out->len - before);
        if (mark != NULL)
            *mark = ' ';
        else if (with_time && !out->failed)
            buf_puts(out, " 00:00:00");
        return;
    }
    case XLSX_CELL_ERROR:
    case XLSX_CELL_TEXT:
        buf_add_str(out, cell->text);
        return;
    }
}
