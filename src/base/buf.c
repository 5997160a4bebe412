/* struct buf: an owned, growing byte buffer. Sticky: after one failure nothing is added, so
 * builders test once. Invariant: ptr, when not NULL, holds cap + 1 bytes and ptr[len] is NUL. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define BUF_DEFAULT_LIMIT ((size_t)4 << 30)
#define BUF_FIRST_BYTES ((size_t)64)

void buf_done(struct buf *buf)
{
    if (buf == NULL)
        return;
    mem_free(buf->ptr);
    *buf = (struct buf){.limit = buf->limit};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->ptr != NULL)
        buf->ptr[0] = '\0';
}

bool buf_reserve(struct buf *buf, size_t extra)
{
    size_t limit = buf->limit == 0 ? BUF_DEFAULT_LIMIT : buf->limit;
    if (buf->failed)
        return false;
    if (buf->ptr != NULL && extra <= buf->cap - buf->len && extra <= limit - buf->len)
        return true;
    if (buf->len > limit || extra > limit - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t wanted = buf->len + extra;
    size_t cap = buf->cap < BUF_FIRST_BYTES ? BUF_FIRST_BYTES : buf->cap;
    while (cap < wanted)
        cap *= 2;
    char *ptr = mem_resize(buf->ptr, cap + 1, 1);
    if (ptr == NULL) {
        buf->failed = true;
        return false;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    buf->ptr[buf->len] = '\0';
    return true;
}

void buf_add(struct buf *buf, const char *ptr, size_t len)
{
    if (!buf_reserve(buf, len))
        return;
    if (len > 0)
        memcpy(buf->ptr + buf->len, ptr, len);
    buf->len += len;
    buf->ptr[buf->len] = '\0';
}

void buf_add_str(struct buf *buf, struct str s)
{
    buf_add(buf, s.ptr, s.len);
}

void buf_puts(struct buf *buf, const char *text)
{
    buf_add(buf, text, text == NULL ? 0 : strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

/* Adds well-formed UTF-8 with JSON's escapes: runs that need none go in one piece. */
static void add_escaped(struct buf *buf, struct str s)
{
    static const char names[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    size_t start = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20u && c != '"' && c != '\\')
            continue;
        buf_add(buf, s.ptr + start, i - start);
        start = i + 1;
        if (c >= 0x20u || names[c] != '\0') {
            char pair[2] = {'\\', c >= 0x20u ? (char)c : names[c]};
            buf_add(buf, pair, 2);
        } else {
            buf_printf(buf, "\\u%04x", (unsigned)c);
        }
    }
    if (start < s.len)
        buf_add(buf, s.ptr + start, s.len - start);
}

void buf_add_json(struct buf *buf, struct str s)
{
    buf_putc(buf, '"');
    while (s.len > 0) {
        size_t valid = str_utf8_valid_prefix(s);
        add_escaped(buf, (struct str){s.ptr, valid});
        if (valid < s.len)
            buf_puts(buf, "\xEF\xBF\xBD");
        size_t step = valid < s.len ? valid + 1 : valid;
        s = (struct str){s.ptr + step, s.len - step};
    }
    buf_putc(buf, '"');
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        buf->failed = true;
    else if (buf_reserve(buf, (size_t)length)) {
        vsnprintf(buf->ptr + buf->len, (size_t)length + 1, format, again);
        buf->len += (size_t)length;
    }
    va_end(again);
}

struct str buf_view(const struct buf *buf)
{
    return buf->ptr == NULL ? (struct str){"", 0} : (struct str){buf->ptr, buf->len};
}

const char *buf_text(const struct buf *buf)
{
    return buf->ptr == NULL ? "" : buf->ptr;
}

char *buf_take(struct buf *buf)
{
    char *ptr = NULL;
    if (buf_reserve(buf, 0)) {
        ptr = buf->ptr;
        buf->ptr = NULL;
    }
    buf_done(buf);
    return ptr;
}

enum err_code buf_check(const struct buf *buf, struct err *err)
{
    if (!buf->failed)
        return ERR_OK;
    size_t limit = buf->limit == 0 ? BUF_DEFAULT_LIMIT : buf->limit;
    return err_set(err, ERR_MEMORY, "a text of %zu bytes could not grow (limit %zu bytes)",
                   buf->len, limit);
}
