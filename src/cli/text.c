/* Texts for people: numbers with their units, characters that a terminal may be given, their
 * widths. Control characters and direction overrides of the data never reach the terminal: each is
 * shown as a picture. */
#include "cli/render.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WRAP_NARROWEST 40

const char *cli_count(int64_t number, char ret[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64,
                          number < 0 ? (uint64_t)0 - (uint64_t)number : (uint64_t)number);
    size_t out = 0;
    if (number < 0)
        ret[out++] = '-';
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            ret[out++] = ',';
        ret[out++] = digits[i];
    }
    ret[out] = '\0';
    return ret;
}

const char *cli_bytes(int64_t bytes, char ret[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(ret, 32, value < 9.95 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return ret;
}

const char *cli_duration(int64_t ms, char ret[32])
{
    if (ms < 1000)
        (void)snprintf(ret, 32, "%" PRId64 " ms", ms);
    else if (ms < 60000)
        (void)snprintf(ret, 32, "%.1f s", (double)ms / 1000);
    else
        (void)snprintf(ret, 32, "%" PRId64 " min %02" PRId64 " s", ms / 60000, ms / 1000 % 60);
    return ret;
}

/* Never rounded up to 100 % nor down to 0 %: one orphan in a million is to be seen. */
const char *cli_share(double share, char ret[32])
{
    double percent = share * 100;
    if (percent > 99.95 && percent < 100)
        (void)snprintf(ret, 32, ">99.9 %%");
    else if (percent > 0 && percent < 0.05)
        (void)snprintf(ret, 32, "<0.1 %%");
    else
        (void)snprintf(ret, 32, percent >= 99.995 || percent <= 0 ? "%.0f %%" : "%.1f %%", percent);
    return ret;
}

const char *cli_plural(int64_t number, const char *one, const char *many)
{
    return number == 1 ? one : many;
}

/* Decodes one character; an ill-formed byte gives U+FFFD and length 1. */
static size_t decode(struct str text, uint32_t *ret)
{
    unsigned char first = (unsigned char)text.ptr[0];
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    *ret = first;
    if (length == 1)
        return 1;
    if (length > text.len || str_utf8_valid_prefix((struct str){text.ptr, length}) != length) {
        *ret = 0xfffd;
        return 1;
    }
    *ret = first & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        *ret = *ret << 6 | ((unsigned char)text.ptr[i] & 0x3fu);
    return length;
}

void cli_add_visible(struct buf *out, struct str text)
{
    while (text.len > 0) {
        uint32_t c;
        size_t length = decode(text, &c);
        if (c < 0x20 || c == 0x7f) {
            char picture[4] = {(char)0xe2, (char)0x90, (char)(0x80 + (c == 0x7f ? 0x21 : c)),
                               0}; /* U+2400 + c */
            buf_puts(out, picture);
        } else if (c == 0xfffd || (c >= 0x80 && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
                   (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) {
            buf_puts(out, "\xef\xbf\xbd");
        } else {
            buf_add(out, text.ptr, length);
        }
        text = (struct str){text.ptr + length, text.len - length};
    }
}

struct range {
    uint32_t first, last;
};

static bool inside(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* Marks that join the character before, and East Asian wide ones (Unicode TR11, the ranges met in
 * practice). */
static int width_of(uint32_t c)
{
    static const struct range marks[] = {
        {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},
        {0x64b, 0x65f},   {0x93c, 0x93c},   {0x941, 0x948},   {0xe31, 0xe31},
        {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
        {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
    static const struct range wide[] = {{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},
                                        {0x3041, 0xa4cf},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                                        {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                                        {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
    if (c < 0x300)
        return 1;
    if (inside(marks, sizeof marks / sizeof *marks, c))
        return 0;
    return inside(wide, sizeof wide / sizeof *wide, c) ? 2 : 1;
}

/* Length of a colour code (ESC [ … m) at the start; 0 = none. Only our own texts hold them: of the
 * data's, cli_add_visible leaves none. */
static size_t colour_code(struct str text)
{
    const char *end = text.len > 2 && text.ptr[0] == '\x1b' && text.ptr[1] == '['
                          ? memchr(text.ptr, 'm', text.len)
                          : NULL;
    return end == NULL ? 0 : (size_t)(end - text.ptr) + 1;
}

int cli_text_width(struct str text)
{
    int width = 0;
    while (text.len > 0) {
        uint32_t c;
        size_t code = colour_code(text), length = code > 0 ? code : decode(text, &c);
        width += code > 0 ? 0 : width_of(c);
        text = (struct str){text.ptr + length, text.len - length};
    }
    return width;
}

size_t cli_text_cut(struct str text, int width)
{
    size_t at = 0;
    int used = 0;
    while (at < text.len) {
        uint32_t c;
        struct str rest = {text.ptr + at, text.len - at};
        size_t code = colour_code(rest), length = code > 0 ? code : decode(rest, &c);
        used += code > 0 ? 0 : width_of(c);
        if (used > width)
            break;
        at += length;
    }
    return at;
}

/* Where a long line goes on: under its text behind the first gap ("  --store DIR   where …"), else
 * two blanks deeper. */
static int hanging_indent(struct str line)
{
    size_t lead = 0, at;
    while (lead < line.len && line.ptr[lead] == ' ')
        lead++;
    for (at = lead; at + 1 < line.len && !(line.ptr[at] == ' ' && line.ptr[at + 1] == ' '); at++)
        continue;
    while (at < line.len && line.ptr[at] == ' ')
        at++;
    return at < line.len && at < 48 ? cli_text_width((struct str){line.ptr, at})
                                    : (int)lead + (lead > 0 ? 2 : 0);
}

static void add_wrapped(struct buf *out, struct str line, int width)
{
    int indent = hanging_indent(line), room = width;
    while (cli_text_width(line) > room) {
        size_t length = cli_text_cut(line, room), blank = length;
        size_t least = room == width ? (size_t)indent : 0; /* the words before the gap stay */
        while (blank > least && line.ptr[blank] != ' ')
            blank--;
        if (blank <= least)
            break; /* one long word: the terminal breaks it */
        buf_add(out, line.ptr, blank);
        buf_putc(out, '\n');
        for (int i = 0; i < indent; i++)
            buf_putc(out, ' ');
        line = str_trim((struct str){line.ptr + blank, line.len - blank});
        room = width - indent;
    }
    buf_add_str(out, line);
}

void cli_wrap(struct buf *text, size_t start, int width)
{
    AUTO(buf_done) struct buf wrapped = BUF_INIT;
    if (width <= WRAP_NARROWEST || text->len <= start)
        return;
    for (size_t at = start; at < text->len;) {
        const char *end = memchr(text->ptr + at, '\n', text->len - at);
        size_t length = end == NULL ? text->len - at : (size_t)(end - text->ptr) - at;
        add_wrapped(&wrapped, (struct str){text->ptr + at, length}, width);
        if (end != NULL)
            buf_putc(&wrapped, '\n');
        at += length + 1;
    }
    text->len = start;
    buf_add_str(text, buf_view(&wrapped));
    text->failed = text->failed || wrapped.failed;
}
