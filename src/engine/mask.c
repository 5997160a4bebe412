/* Engines' messages without cell values. Single-quoted text always goes; double-quoted text and
 * numbers go where the class of the message quotes data, since elsewhere they name tables. */
#include <ctype.h>
#include <string.h>

#include "engine/driver.h"

static void mask_value(const char *value, size_t length, struct buf *out)
{
    char pattern[64];
    buf_puts(out, err_pattern(value, length, pattern, sizeof pattern));
}

/* "… the given name and argument types 'sum(VARCHAR)'": a function's name and types, no value. */
static bool names_a_function(const char *start, const char *text)
{
    static const char before[] = "argument types ";
    size_t length = sizeof before - 1;
    return (size_t)(text - start) >= length && memcmp(text - length, before, length) == 0;
}

/* A run that starts at text: quoted text or a number. Returns its length; 0 = neither. */
static size_t mask_run(const char *start, const char *text, const char *end, bool holds_data,
                       struct buf *out)
{
    size_t left = (size_t)(end - text);
    if (*text == '\'' || (holds_data && *text == '"')) {
        const char *close = memchr(text + 1, *text, left - 1);
        size_t length = close != NULL ? (size_t)(close - text - 1) : left - 1;
        buf_putc(out, *text);
        if (!holds_data && names_a_function(start, text))
            buf_add(out, text + 1, length);
        else
            mask_value(text + 1, length, out);
        if (close != NULL)
            buf_putc(out, *text);
        return length + (close != NULL ? 2 : 1);
    }
    bool inside_word = text > start && (isalnum((unsigned char)text[-1]) || text[-1] == '_');
    if (holds_data && isdigit((unsigned char)*text) && !inside_word) {
        size_t length = 1;
        while (length < left && text[length] != '\0' && strchr("0123456789.eE+-:", text[length]))
            length++;
        mask_value(text, length, out);
        return length;
    }
    return 0;
}

void engine_mask(struct str message, bool holds_data, struct buf *out)
{
    const char *end = message.ptr + message.len;
    for (const char *text = message.ptr; text < end;) {
        size_t length = mask_run(message.ptr, text, end, holds_data, out);
        if (length == 0) {
            buf_putc(out, *text == '\n' ? ' ' : *text);
            length = 1;
        }
        text += length;
    }
}

/* The dialects write "marrow: " before it; PostgreSQL puts quotes around the text that is no
 * boolean. */
bool engine_raised(const char *message, struct err *err)
{
    static const char before[] = "marrow: ";
    const char *text = message != NULL ? strstr(message, before) : NULL;
    if (text == NULL)
        return false;
    text += sizeof before - 1;
    size_t length = strcspn(text, "\n");
    bool quoted =
        text - message > (ptrdiff_t)sizeof before - 1 && text[-(ptrdiff_t)sizeof before] == '"';
    if (quoted && length > 0 && text[length - 1] == '"')
        length--;
    err_set(err, ERR_INPUT, "%.*s", (int)length, text);
    return true;
}
