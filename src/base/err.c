/* Errors: the table of codes and the filling of struct err.
 *
 * The one idea: an error is written once, where it happened, as one line of plain fact, and only
 * added to on its way up. Every setter formats into a scratch buffer first, so an error's own
 * fields may be its arguments. Texts are cut at a UTF-8 boundary and hold no control bytes. A NULL
 * err does no harm, but loses the code that an adder would return (err.h: ERR_IGNORED). */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_row {
    const char *name;
    int exit_status;
    int http_status;
};

static const struct err_row err_rows[] = {
#define ERR(name, text, exit_status, http_status, meaning) {text, exit_status, http_status},
#include "base/err.def"
#undef ERR
};

static const struct err_row *row_of(enum err_code code)
{
    size_t index = (size_t)code;
    return index < sizeof err_rows / sizeof err_rows[0] ? &err_rows[index] : &err_rows[ERR_FAILED];
}

const char *err_code_name(enum err_code code)
{
    return row_of(code)->name;
}

int err_code_exit(enum err_code code)
{
    return row_of(code)->exit_status;
}

int err_code_http(enum err_code code)
{
    return row_of(code)->http_status;
}

/* Drop a UTF-8 sequence that the cut at the end of text left incomplete. */
static void cut_at_character(char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && length - start < 4 && ((unsigned char)text[start - 1] & 0xC0u) == 0x80u)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xF0u ? 4 : lead >= 0xE0u ? 3 : lead >= 0xC0u ? 2 : 1;
    if (wanted > 1 && length - (start - 1) < wanted)
        text[start - 1] = '\0';
}

static void format_text(char ret[ERR_TEXT_BYTES], const char *format, va_list arguments)
{
    int length = vsnprintf(ret, ERR_TEXT_BYTES, format, arguments);
    if (length < 0)
        ret[0] = '\0';
    if (length >= ERR_TEXT_BYTES)
        cut_at_character(ret, ERR_TEXT_BYTES - 1);
    for (char *p = ret; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20u || *p == 0x7F)
            *p = ' ';
}

/* Declares text and formats the caller's variable arguments into it: only a variadic function can
 * start them. */
#define FORMAT_TEXT(text, format)                                                                  \
    char text[ERR_TEXT_BYTES];                                                                     \
    va_list text##_arguments;                                                                      \
    va_start(text##_arguments, format);                                                            \
    format_text(text, format, text##_arguments);                                                   \
    va_end(text##_arguments)

/* Append what fits of tail to text. */
static void append_text(char text[ERR_TEXT_BYTES], const char *tail)
{
    size_t used = strlen(text);
    size_t room = ERR_TEXT_BYTES - 1 - used;
    size_t length = strlen(tail);
    size_t count = length < room ? length : room;
    memcpy(text + used, tail, count);
    text[used + count] = '\0';
    if (count < length)
        cut_at_character(text, used + count);
}

static void fill(struct err *err, enum err_code code, const char *message)
{
    err->code = code;
    memcpy(err->message, message, ERR_TEXT_BYTES);
    err->detail[0] = err->hint[0] = err->source[0] = '\0';
    err->line = err->column = 0;
}

enum err_code err_set(struct err *err, enum err_code code, const char *format, ...)
{
    if (err == NULL)
        return code;
    FORMAT_TEXT(message, format);
    fill(err, code, message);
    return code;
}

static const char *errno_hint(int errno_value)
{
    switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
        return "free some space on this disk, or choose another one with --store or --spill";
    case EACCES:
    case EPERM:
        return "check who owns the file or folder and its permissions";
    case EROFS:
        return "the file system is mounted read-only; choose a folder that can be written";
    case ENOENT:
        return "check the path for a typing error";
    case EMFILE:
    case ENFILE:
        return "too many files are open; raise the limit with ulimit -n";
    default:
        return "";
    }
}

enum err_code err_set_errno(struct err *err, int errno_value, const char *format, ...)
{
    enum err_code code = errno_value == ENOENT   ? ERR_NOT_FOUND
                         : errno_value == ENOMEM ? ERR_MEMORY
                                                 : ERR_IO;
    if (err == NULL)
        return code;
    FORMAT_TEXT(message, format);
    char reason[256];
    append_text(message, ": ");
    append_text(message, strerror_r(errno_value, reason, sizeof reason));
    fill(err, code, message);
    append_text(err->hint, errno_hint(errno_value));
    return code;
}

enum err_code err_hint(struct err *err, const char *format, ...)
{
    if (err == NULL)
        return ERR_FAILED;
    FORMAT_TEXT(text, format);
    memcpy(err->hint, text, ERR_TEXT_BYTES);
    return err->code;
}

enum err_code err_detail(struct err *err, const char *format, ...)
{
    if (err == NULL)
        return ERR_FAILED;
    FORMAT_TEXT(text, format);
    memcpy(err->detail, text, ERR_TEXT_BYTES);
    return err->code;
}

enum err_code err_excerpt(struct err *err, const char *line, const char *marks)
{
    if (err == NULL)
        return ERR_FAILED;
    err_detail(err, "%s", line);
    size_t length = strlen(err->detail);
    append_text(err->detail, " ");
    append_text(err->detail, marks);
    if (err->detail[length] == ' ')
        err->detail[length] = '\n';
    return err->code;
}

enum err_code err_at(struct err *err, const char *source, int64_t line, int64_t column)
{
    if (err == NULL)
        return ERR_FAILED;
    if (source != NULL && source != err->source) {
        err->source[0] = '\0';
        append_text(err->source, source);
    }
    err->line = line;
    err->column = column;
    return err->code;
}

enum err_code err_context(struct err *err, const char *format, ...)
{
    if (err == NULL)
        return ERR_FAILED;
    FORMAT_TEXT(text, format);
    append_text(text, ": ");
    append_text(text, err->message);
    memcpy(err->message, text, ERR_TEXT_BYTES);
    return err->code;
}

#define PATTERN_CHARACTERS 24

/* The pattern's character for the bytes at value[*at]; moves *at behind the character. */
static char pattern_character(const char *value, size_t length, size_t *at)
{
    unsigned char byte = (unsigned char)value[(*at)++];
    if (byte >= 'a' && byte <= 'z')
        return 'a';
    if (byte >= 'A' && byte <= 'Z')
        return 'A';
    if (byte >= '0' && byte <= '9')
        return '9';
    if (byte < 0x80u)
        return byte < 0x20u || byte == 0x7Fu ? ' ' : (char)byte;
    while (*at < length && ((unsigned char)value[*at] & 0xC0u) == 0x80u)
        (*at)++;
    return '~';
}

const char *err_pattern(const char *value, size_t length, char *ret, size_t cap)
{
    static const char ellipsis[] = "\xE2\x80\xA6";
    size_t used = 0;
    size_t at = 0;
    if (cap == 0)
        return ret;
    while (at < length && used < PATTERN_CHARACTERS && used + 1 < cap)
        ret[used++] = pattern_character(value, length, &at);
    if (at < length && used + sizeof ellipsis <= cap) {
        memcpy(ret + used, ellipsis, sizeof ellipsis - 1);
        used += sizeof ellipsis - 1;
    }
    ret[used] = '\0';
    return ret;
}
