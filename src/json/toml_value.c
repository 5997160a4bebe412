/* TOML's texts, numbers, dates and times (toml.c reads the rest). */
#include "json/toml_priv.h"

#include <math.h>
#include <string.h>

/* ---- texts --------------------------------------------------------------------------------------
 */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void put_utf8(struct buf *out, uint32_t point)
{
    if (point < 0x80) {
        buf_putc(out, (char)point);
    } else if (point < 0x800) {
        buf_putc(out, (char)(0xc0 | point >> 6));
        buf_putc(out, (char)(0x80 | (point & 0x3f)));
    } else {
        if (point < 0x10000) {
            buf_putc(out, (char)(0xe0 | point >> 12));
        } else {
            buf_putc(out, (char)(0xf0 | point >> 18));
            buf_putc(out, (char)(0x80 | (point >> 12 & 0x3f)));
        }
        buf_putc(out, (char)(0x80 | (point >> 6 & 0x3f)));
        buf_putc(out, (char)(0x80 | (point & 0x3f)));
    }
}

static enum err_code read_code_point(struct toml *toml, size_t digits, struct buf *ret)
{
    uint32_t point = 0;
    size_t start = toml->at;
    for (size_t i = 0; i < digits; i++) {
        int digit = hex_digit(toml_peek(toml));
        if (digit < 0)
            return toml_fail(toml, start, "%zu hexadecimal digits expected", digits);
        point = point << 4 | (uint32_t)digit;
        toml->at++;
    }
    if (point == 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return toml_fail(toml, start, "U+%04X is no character of a text", (unsigned)point);
    put_utf8(ret, point);
    return ERR_OK;
}

/* \ and blanks to the line's end: what follows begins at the next character that is no blank.
 * False: something else stands before the line's end. */
static bool skip_folded(struct toml *toml)
{
    size_t at = toml->at;
    bool line_end = false;
    for (; at < toml->text.len && strchr(" \t\r\n", toml->text.ptr[at]) != NULL; at++)
        line_end = line_end || toml->text.ptr[at] == '\n';
    if (line_end)
        toml->at = at;
    return line_end;
}

static enum err_code read_escape(struct toml *toml, bool lines, struct buf *ret)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    char c = toml_peek(toml);
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    if (known != NULL)
        buf_putc(ret, to[known - from]);
    else if (lines && skip_folded(toml))
        return ERR_OK;
    else if (c != 'u' && c != 'U')
        return toml_fail(toml, toml->at, "there is no such escape in a text");
    toml->at++;
    return known != NULL ? ERR_OK : read_code_point(toml, c == 'u' ? 4 : 8, ret);
}

/* The quotes at the end of a text of several lines: up to two more belong to it. */
static bool ends_lines(struct toml *toml, char quote, struct buf *ret)
{
    size_t count = 0;
    while (count < 5 && toml->at + count < toml->text.len &&
           toml->text.ptr[toml->at + count] == quote)
        count++;
    for (size_t i = 0; i < (count < 3 ? count : count - 3); i++)
        buf_putc(ret, quote);
    toml->at += count;
    return count >= 3;
}

static enum err_code read_plain(struct toml *toml, bool lines, struct buf *ret)
{
    unsigned char c = (unsigned char)toml_peek(toml);
    bool line_end = c == '\n' || toml_next_is(toml, "\r\n");
    if (line_end && !lines)
        return toml_fail(toml, toml->at, "a text that does not end on its line");
    if (!line_end && ((c < 0x20 && c != '\t') || c == 0x7f))
        return toml_fail(toml, toml->at, "a control character in a text");
    if (line_end && c == '\r')
        toml->at++;
    buf_putc(ret, line_end ? '\n' : (char)c);
    toml->at++;
    return ERR_OK;
}

enum err_code toml_read_text(struct toml *toml, struct buf *ret)
{
    char quote = toml_peek(toml);
    bool lines = toml_next_is(toml, quote == '"' ? "\"\"\"" : "'''"), escapes = quote == '"';
    size_t start = toml->at;
    toml->at += lines ? 3 : 1;
    if (lines && toml_next_is(toml, "\r\n"))
        toml->at++;
    if (lines && toml_peek(toml) == '\n')
        toml->at++;
    for (;;) {
        if (toml->at == toml->text.len)
            return toml_fail(toml, start, "a text that does not end");
        char c = toml_peek(toml);
        if (c == quote && lines) {
            if (ends_lines(toml, quote, ret))
                return buf_check(ret, toml->err);
        } else if (c == quote) {
            toml->at++;
            return buf_check(ret, toml->err);
        } else if (c == '\\' && escapes) {
            toml->at++;
            TRY(read_escape(toml, lines, ret));
        } else {
            TRY(read_plain(toml, lines, ret));
        }
    }
}

/* ---- dates and times ----------------------------------------------------------------------------
 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Two digits, or four, at *at; -1: there are none. */
static int digits_at(struct str s, size_t *at, size_t count)
{
    int number = 0;
    for (size_t i = 0; i < count; i++, (*at)++) {
        if (*at >= s.len || !is_digit(s.ptr[*at]))
            return -1;
        number = number * 10 + (s.ptr[*at] - '0');
    }
    return number;
}

static bool take(struct str s, size_t *at, char c)
{
    bool there = *at < s.len && s.ptr[*at] == c;
    *at += there ? 1 : 0;
    return there;
}

static bool is_date(struct str s, size_t *at)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = digits_at(s, at, 4);
    if (year < 0 || !take(s, at, '-'))
        return false;
    int month = digits_at(s, at, 2);
    if (month < 1 || month > 12 || !take(s, at, '-'))
        return false;
    int day = digits_at(s, at, 2);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= days[month - 1] - (month == 2 && !leap ? 1 : 0);
}

static bool is_clock(struct str s, size_t *at, bool seconds)
{
    int hour = digits_at(s, at, 2);
    if (hour < 0 || hour > 23 || !take(s, at, ':'))
        return false;
    int minute = digits_at(s, at, 2);
    if (minute < 0 || minute > 59)
        return false;
    if (!seconds)
        return true;
    if (!take(s, at, ':'))
        return false;
    int second = digits_at(s, at, 2);
    if (second < 0 || second > 59)
        return false;
    if (!take(s, at, '.'))
        return true;
    size_t first = *at;
    while (*at < s.len && is_digit(s.ptr[*at]))
        (*at)++;
    return *at > first;
}

/* A date, a time, or both with or without an offset: the whole token. */
static bool is_moment(struct str s)
{
    size_t at = 0;
    if (s.len > 2 && s.ptr[2] == ':')
        return is_clock(s, &at, true) && at == s.len;
    if (!is_date(s, &at))
        return false;
    if (at == s.len)
        return true;
    if (strchr("Tt ", s.ptr[at]) == NULL)
        return false;
    at++;
    if (!is_clock(s, &at, true))
        return false;
    if (at == s.len || ((s.ptr[at] == 'Z' || s.ptr[at] == 'z') && at + 1 == s.len))
        return true;
    return (take(s, &at, '+') || take(s, &at, '-')) && is_clock(s, &at, false) && at == s.len;
}

static json_t *moment_json(struct str s)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    for (size_t i = 0; i < s.len; i++)
        buf_putc(&text, s.ptr[i] == ' ' || s.ptr[i] == 't' ? 'T'
                        : s.ptr[i] == 'z'                  ? 'Z'
                                                           : s.ptr[i]);
    return text.failed ? NULL : json_stringn(buf_text(&text), text.len);
}

/* ---- numbers ------------------------------------------------------------------------------------
 */

/* The digits of a base at *at, with _ between digits only, added to ret. False: none, or a stray _.
 */
static bool take_digits(struct str s, size_t *at, int base, struct buf *ret)
{
    size_t first = *at;
    for (; *at < s.len; (*at)++) {
        int digit = hex_digit(s.ptr[*at]);
        if (s.ptr[*at] == '_') {
            if (*at == first || *at + 1 >= s.len || hex_digit(s.ptr[*at + 1]) < 0 ||
                hex_digit(s.ptr[*at + 1]) >= base || s.ptr[*at - 1] == '_')
                return false;
            continue;
        }
        if (digit < 0 || digit >= base)
            break;
        buf_putc(ret, s.ptr[*at]);
    }
    return *at > first;
}

/* 0x…, 0o…, 0b…; *ret stays NULL where it does not fit in 64 bits with a sign. */
static bool read_based(struct str s, json_t **ret)
{
    AUTO(buf_done) struct buf digits = BUF_INIT;
    int base = s.ptr[1] == 'x' ? 16 : s.ptr[1] == 'o' ? 8 : 2;
    size_t at = 2;
    uint64_t number = 0;
    if (!take_digits(s, &at, base, &digits) || at != s.len)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (number > (uint64_t)INT64_MAX / (uint64_t)base)
            return true;
        number = number * (uint64_t)base + (uint64_t)hex_digit(digits.ptr[i]);
    }
    *ret = number <= INT64_MAX ? json_integer((json_int_t)number) : NULL;
    return true;
}

/* A decimal number's parts, without its _; false: it is none. */
static bool tidy_decimal(struct str s, struct buf *ret, bool *ret_whole)
{
    size_t at = 0;
    if (take(s, &at, '-'))
        buf_putc(ret, '-');
    else
        (void)take(s, &at, '+');
    size_t first = at;
    if (!take_digits(s, &at, 10, ret) || (s.ptr[first] == '0' && at > first + 1))
        return false;
    *ret_whole = at == s.len;
    if (take(s, &at, '.')) {
        buf_putc(ret, '.');
        if (!take_digits(s, &at, 10, ret))
            return false;
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        buf_putc(ret, 'e');
        if (take(s, &at, '-'))
            buf_putc(ret, '-');
        else
            (void)take(s, &at, '+');
        if (!take_digits(s, &at, 10, ret))
            return false;
    }
    return at == s.len;
}

static enum err_code read_number(struct toml *toml, struct str s, size_t start, json_t **ret)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    bool whole = false, based = s.len > 2 && s.ptr[0] == '0' && strchr("xob", s.ptr[1]) != NULL;
    double real = 0;
    int64_t number = 0;
    if (based ? !read_based(s, ret) : !tidy_decimal(s, &text, &whole))
        return toml_fail(toml, start,
                         "a value expected: text, number, true, false, date, time, [ or {");
    if (based)
        return *ret != NULL ? ERR_OK : toml_fail(toml, start, "a number beyond 64 bits");
    TRY(buf_check(&text, toml->err));
    if (whole && !str_to_int64(buf_view(&text), &number))
        return toml_fail(toml, start, "a number beyond 64 bits");
    if (!whole && (!str_to_double(buf_view(&text), &real) || !isfinite(real)))
        return toml_fail(toml, start, "a number beyond the doubles");
    *ret = whole ? json_integer((json_int_t)number) : json_real(real);
    return *ret != NULL ? ERR_OK
                        : err_set(toml->err, ERR_MEMORY, "no memory to read %s", toml->source);
}

enum err_code toml_read_scalar(struct toml *toml, json_t **ret)
{
    size_t start = toml->at, end = start;
    const char *text = toml->text.ptr;
    while (end < toml->text.len && strchr(" \t\r\n,]}#=[{\"'", text[end]) == NULL)
        end++;
    if (end - start == 10 && text[start + 4] == '-' && end + 2 < toml->text.len &&
        text[end] == ' ' && is_digit(text[end + 1])) /* a blank between date and time */
        for (end++; end < toml->text.len && strchr(" \t\r\n,]}#", text[end]) == NULL;)
            end++;
    struct str token = {text + start, end - start};
    size_t sign = token.len > 0 && (text[start] == '+' || text[start] == '-') ? 1 : 0;
    struct str word = {token.ptr + sign, token.len - sign};
    toml->at = end;
    if (str_equal(token, STR("true")) || str_equal(token, STR("false"))) {
        *ret = json_boolean(token.len == 4);
        return ERR_OK;
    }
    if (str_equal(word, STR("inf")) || str_equal(word, STR("nan")))
        return toml_fail(toml, start, "inf and nan are no numbers here");
    if (!is_moment(token))
        return read_number(toml, token, start, ret);
    *ret = moment_json(token);
    return *ret != NULL ? ERR_OK
                        : err_set(toml->err, ERR_MEMORY, "no memory to read %s", toml->source);
}
