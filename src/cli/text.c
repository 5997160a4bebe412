/* Texts for people: numbers with their units, long lines broken. What a terminal may be given, and
 * how wide it is there, is base/screen.h's. */
#include "cli/render.h"

#include "base/screen.h"

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

void cli_add_visible(struct buf *out, struct str text)
{
    screen_add_visible(out, text);
}

int cli_text_width(struct str text)
{
    return screen_width(text);
}

size_t cli_text_cut(struct str text, int width)
{
    return screen_cut(text, width);
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
