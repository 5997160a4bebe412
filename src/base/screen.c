/* Characters as a terminal shows them: which are let through, and how many columns each takes.
 * Control characters and direction overrides of the data never reach a terminal. */
#include "base/screen.h"

#include <string.h>

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

void screen_add_visible(struct buf *out, struct str text)
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
 * data's, screen_add_visible leaves none. */
static size_t colour_code(struct str text)
{
    const char *end = text.len > 2 && text.ptr[0] == '\x1b' && text.ptr[1] == '['
                          ? memchr(text.ptr, 'm', text.len)
                          : NULL;
    return end == NULL ? 0 : (size_t)(end - text.ptr) + 1;
}

int screen_width(struct str text)
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

size_t screen_cut(struct str text, int width)
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

void screen_escape(struct buf *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '&')
            buf_puts(out, "&amp;");
        else if (*at == '<')
            buf_puts(out, "&lt;");
        else if (*at == '>')
            buf_puts(out, "&gt;");
        else if (*at == '"')
            buf_puts(out, "&quot;");
        else if (at[0] == '\xef' && at[1] == '\xbf' && (at[2] == '\xbe' || at[2] == '\xbf'))
            at += 2; /* U+FFFE, U+FFFF */
        else if ((unsigned char)*at >= 0x20)
            buf_putc(out, *at);
    }
}
