/* FHIRPath's tokens: words, `delimited words`, 'strings' with escapes, numbers, @dates, @Ttimes,
 * %constants, $variables, symbols; blanks and both kinds of comments are passed over. Also how an
 * error in an expression is told. */
#include "fhir/path_build_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- errors ---------------------------------------------------------------------------------- */

#define EXCERPT_CHARACTERS                                                                         \
    64 /* of an expression that are shown with an error: a terminal's line                         \
        */

static size_t characters(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += ((unsigned char)text[i] & 0xc0u) != 0x80u;
    return count;
}
static bool begins_character(struct str text, size_t at)
{
    return at >= text.len || ((unsigned char)text.ptr[at] & 0xc0u) != 0x80u;
}
static void add_times(struct buf *out, char c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_putc(out, c);
}

/* The part of a line, from and to, that is shown for a span that begins at begin. */
static void window(struct str text, size_t begin, size_t *from, size_t *to)
{
    if (begin - *from > EXCERPT_CHARACTERS / 2)
        *from = begin - EXCERPT_CHARACTERS / 2;
    while (!begins_character(text, *from))
        ++*from;
    if (*to - *from > EXCERPT_CHARACTERS)
        *to = *from + EXCERPT_CHARACTERS;
    while (!begins_character(text, *to))
        --*to;
}

/* The line of the text in which begin lies, cut to a window, and ^^^ under the span. */
static void underline(struct str text, size_t begin, size_t end, struct err *err)
{
    AUTO(buf_done) struct buf line = BUF_INIT;
    AUTO(buf_done) struct buf marks = BUF_INIT;
    size_t first = begin, last = begin;
    while (first > 0 && text.ptr[first - 1] != '\n')
        first--;
    while (last < text.len && text.ptr[last] != '\n')
        last++;
    size_t from = first, to = last;
    window(text, begin, &from, &to);
    end = end > to ? to : end;
    buf_puts(&line, from > first ? "…" : "");
    buf_add(&line, text.ptr + from, to - from);
    buf_puts(&line, to < last ? "…" : "");
    add_times(&marks, ' ', characters(text.ptr + from, begin - from) + (from > first));
    add_times(&marks, '^', end > begin ? characters(text.ptr + begin, end - begin) : 1);
    err_excerpt(err, buf_text(&line), buf_text(&marks));
}

enum err_code fhir_path_fail(const struct fhir_parser *parser, size_t begin, size_t end,
                             const char *format, ...)
{
    char message[ERR_TEXT_BYTES];
    int64_t line = 1;
    size_t line_begin = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    begin = begin > parser->text.len ? parser->text.len : begin;
    for (size_t i = 0; i < begin; i++)
        if (parser->text.ptr[i] == '\n') {
            line++;
            line_begin = i + 1;
        }
    err_set(parser->err, ERR_INPUT, "%s", message);
    underline(parser->text, begin, end, parser->err);
    return err_at(parser->err, parser->context->source, line,
                  (int64_t)characters(parser->text.ptr + line_begin, begin - line_begin) + 1);
}

enum err_code fhir_path_note(const struct fhir_parser *parser, size_t begin, const char *code,
                             const char *format, ...)
{
    char message[ERR_TEXT_BYTES];
    bool ok = true;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (parser->context->notes == NULL ||
        json_array_size(parser->context->notes) >= FHIR_PATH_LIMIT_NOTES)
        return ERR_OK;
    json_t *note = json_object();
    json_put_text(note, "code", code, &ok);
    json_put_text(note, "message", message, &ok);
    json_put_text(note, "path", parser->context->source, &ok);
    json_put_int(note, "column", (int64_t)characters(parser->text.ptr, begin) + 1, &ok);
    json_push(parser->context->notes, note, &ok);
    return json_built(ok, parser->err);
}

/* ---- scanning -------------------------------------------------------------------------------- */

static int peek(const struct fhir_parser *parser, size_t at)
{
    return at < parser->text.len ? (unsigned char)parser->text.ptr[at] : -1;
}
static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}
static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static enum err_code unexpected_character(struct fhir_parser *parser)
{
    size_t begin = parser->at, end = begin + 1;
    while (!begins_character(parser->text, end))
        end++;
    return fhir_path_fail(parser, begin, end, "a character that no expression has");
}

/* parser->token.text from the arena, NUL-terminated. */
static enum err_code set_text(struct fhir_parser *parser, const char *ptr, size_t length)
{
    char *copy = arena_strndup(parser->context->arena, ptr, length);
    if (copy == NULL)
        return err_set(parser->err, ERR_MEMORY, "no memory for an expression");
    parser->token.text = (struct str){copy, length};
    return ERR_OK;
}

static enum err_code skip_blanks(struct fhir_parser *parser)
{
    for (;;) {
        int c = peek(parser, parser->at), next = peek(parser, parser->at + 1);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            parser->at++;
        } else if (c == '/' && next == '/') {
            while (peek(parser, parser->at) >= 0 && peek(parser, parser->at) != '\n')
                parser->at++;
        } else if (c == '/' && next == '*') {
            size_t begin = parser->at;
            parser->at += 2;
            while (peek(parser, parser->at) >= 0 &&
                   !(peek(parser, parser->at) == '*' && peek(parser, parser->at + 1) == '/'))
                parser->at++;
            if (peek(parser, parser->at) < 0)
                return fhir_path_fail(parser, begin, begin + 2, "comment without its end: */");
            parser->at += 2;
        } else {
            return ERR_OK;
        }
    }
}

static int hex(int c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_utf8(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_putc(out, (char)code);
    } else if (code < 0x800) {
        buf_putc(out, (char)(0xc0u | code >> 6));
        buf_putc(out, (char)(0x80u | (code & 0x3fu)));
    } else if (code < 0x10000) {
        buf_putc(out, (char)(0xe0u | code >> 12));
        buf_putc(out, (char)(0x80u | (code >> 6 & 0x3fu)));
        buf_putc(out, (char)(0x80u | (code & 0x3fu)));
    } else {
        buf_putc(out, (char)(0xf0u | code >> 18));
        buf_putc(out, (char)(0x80u | (code >> 12 & 0x3fu)));
        buf_putc(out, (char)(0x80u | (code >> 6 & 0x3fu)));
        buf_putc(out, (char)(0x80u | (code & 0x3fu)));
    }
}

/* The four digits after \u at `at`; -1: they are not there. */
static int64_t four_hex(const struct fhir_parser *parser, size_t at)
{
    int64_t code = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex(peek(parser, at + i));
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

/* \uXXXX at parser->at (the backslash); a pair of surrogates is one character. */
static enum err_code lex_unicode(struct fhir_parser *parser, struct buf *out)
{
    size_t begin = parser->at;
    int64_t code = four_hex(parser, begin + 2);
    parser->at += 6;
    if (code >= 0xd800 && code < 0xdc00 && peek(parser, parser->at) == '\\' &&
        peek(parser, parser->at + 1) == 'u') {
        int64_t low = four_hex(parser, parser->at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            parser->at += 6;
        }
    }
    if (code <= 0 || (code >= 0xd800 && code < 0xe000))
        return fhir_path_fail(parser, begin, begin + 2,
                              "expected a character's four hexadecimal digits after \\u");
    add_utf8(out, (uint32_t)code);
    return ERR_OK;
}

static enum err_code lex_escape(struct fhir_parser *parser, struct buf *out)
{
    static const char FROM[] = "'\"`\\/fnrt", TO[] = "'\"`\\/\f\n\r\t";
    int c = peek(parser, parser->at + 1);
    const char *found = c > 0 ? strchr(FROM, c) : NULL;
    if (c == 'u')
        return lex_unicode(parser, out);
    if (found == NULL) {
        fhir_path_fail(parser, parser->at, parser->at + 2, "no such escape in a string");
        return err_hint(parser->err, "there are \\' \\\" \\` \\\\ \\/ \\f \\n \\r \\t and \\uXXXX");
    }
    buf_putc(out, TO[found - FROM]);
    parser->at += 2;
    return ERR_OK;
}

/* 'text' or `text` or "text", from its opening quote. */
static enum err_code lex_quoted(struct fhir_parser *parser, enum fhir_token_kind kind)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    size_t begin = parser->at;
    int quote = peek(parser, parser->at++), c;
    parser->token.kind = kind;
    while ((c = peek(parser, parser->at)) != quote) {
        if (c < 0)
            return fhir_path_fail(parser, begin, begin + 1, "%s without its closing %c",
                                  kind == FHIR_TOKEN_STRING ? "string" : "name", quote);
        if (c == 0)
            return unexpected_character(parser);
        if (c == '\\') {
            TRY(lex_escape(parser, &text));
        } else {
            buf_putc(&text, (char)c);
            parser->at++;
        }
    }
    parser->at++;
    TRY(buf_check(&text, parser->err));
    if (kind == FHIR_TOKEN_DELIMITED && text.len == 0)
        return fhir_path_fail(parser, begin, parser->at, "empty name");
    return set_text(parser, buf_text(&text), text.len);
}

static enum err_code lex_number(struct fhir_parser *parser)
{
    size_t begin = parser->at, end = begin;
    parser->token.kind = FHIR_TOKEN_INTEGER;
    while (is_digit(peek(parser, end)))
        end++;
    size_t whole = end - begin;
    if (peek(parser, end) == '.' && is_digit(peek(parser, end + 1))) {
        parser->token.kind = FHIR_TOKEN_DECIMAL;
        end++;
        while (is_digit(peek(parser, end)))
            end++;
    }
    parser->at = end;
    if (is_letter(peek(parser, end)))
        return fhir_path_fail(parser, begin, end + 1, "a name cannot begin with a digit");
    int64_t ignored;
    if (parser->token.kind == FHIR_TOKEN_INTEGER &&
        !str_to_int64((struct str){parser->text.ptr + begin, whole}, &ignored))
        return fhir_path_fail(parser, begin, end, "integer beyond 64 bits");
    if (whole > FHIR_PATH_LIMIT_DIGITS)
        return fhir_path_fail(parser, begin, end, "number of more than %d digits before the point",
                              FHIR_PATH_LIMIT_DIGITS);
    return set_text(parser, parser->text.ptr + begin, end - begin);
}

/* @2015-02-04, @2015-02-04T14:30Z, @2015T, @T14:30 */
static enum err_code lex_moment(struct fhir_parser *parser)
{
    size_t begin = parser->at++, length;
    const char *wrong;
    struct str rest = {parser->text.ptr + parser->at, parser->text.len - parser->at};
    enum fhir_type type = fhir_moment_scan(rest, &length, &wrong);
    size_t end = parser->at + length;
    if (wrong != NULL)
        return fhir_path_fail(parser, begin, end, "no such %s", wrong);
    if (type == FHIR_TYPE_UNKNOWN || is_digit(peek(parser, end)) || is_letter(peek(parser, end))) {
        fhir_path_fail(parser, begin, end > begin + 1 ? end : begin + 1,
                       "expected a date or a time after @");
        return err_hint(parser->err, "write @2015, @2015-02-04, @2015-02-04T14:30:00Z or @T14:30");
    }
    parser->at = end;
    parser->token.kind = type == FHIR_TYPE_TIME       ? FHIR_TOKEN_TIME
                         : type == FHIR_TYPE_DATETIME ? FHIR_TOKEN_DATETIME
                                                      : FHIR_TOKEN_DATE;
    if (type == FHIR_TYPE_TIME) /* a time has no T in FHIR */
        return set_text(parser, rest.ptr + 1, length - 1);
    if (rest.ptr[length - 1] == 'T') /* @2015T: a dateTime of which the year is known */
        length--;
    return set_text(parser, rest.ptr, length);
}

/* %name, %`name`, %'name' and $name */
static enum err_code lex_marked(struct fhir_parser *parser)
{
    size_t begin = parser->at++, first = parser->at;
    bool constant = peek(parser, begin) == '%';
    int c = peek(parser, first);
    if (constant && (c == '`' || c == '\'' || c == '"')) {
        TRY(lex_quoted(parser, FHIR_TOKEN_DELIMITED));
        parser->token.kind = FHIR_TOKEN_CONSTANT;
        return ERR_OK;
    }
    while (is_letter(peek(parser, parser->at)) ||
           (parser->at > first && is_digit(peek(parser, parser->at))))
        parser->at++;
    parser->token.kind = constant ? FHIR_TOKEN_CONSTANT : FHIR_TOKEN_VARIABLE;
    if (parser->at == first)
        return fhir_path_fail(parser, begin, first, "expected a name after %c",
                              peek(parser, begin));
    return set_text(parser, parser->text.ptr + first, parser->at - first);
}

/* ---- the next token ---------------------------------------------------------------------------
 */

enum err_code fhir_lex(struct fhir_parser *parser)
{
    static const char *const SYMBOLS[] = {"!=", "!~", "<=", ">=", "(", ")", "[", "]",
                                          "{",  "}",  ".",  ",",  "+", "-", "*", "/",
                                          "&",  "|",  "=",  "~",  "<", ">"};
    TRY(skip_blanks(parser));
    size_t begin = parser->at;
    int c = peek(parser, begin);
    enum err_code code = ERR_OK;
    parser->token = (struct fhir_token){.begin = begin, .end = begin, .text = STR("")};
    if (c < 0)
        return ERR_OK;
    if (is_letter(c)) {
        while (is_letter(peek(parser, parser->at)) || is_digit(peek(parser, parser->at)))
            parser->at++;
        parser->token.kind = FHIR_TOKEN_NAME;
        code = set_text(parser, parser->text.ptr + begin, parser->at - begin);
    } else if (is_digit(c)) {
        code = lex_number(parser);
    } else if (c == '\'' || c == '"') {
        code = lex_quoted(parser, FHIR_TOKEN_STRING);
    } else if (c == '`') {
        code = lex_quoted(parser, FHIR_TOKEN_DELIMITED);
    } else if (c == '@') {
        code = lex_moment(parser);
    } else if (c == '%' || c == '$') {
        code = lex_marked(parser);
    } else {
        size_t i = 0, count = sizeof SYMBOLS / sizeof SYMBOLS[0];
        struct str rest = {parser->text.ptr + begin, parser->text.len - begin};
        while (i < count && !str_has_prefix(rest, SYMBOLS[i]))
            i++;
        if (i == count)
            return unexpected_character(parser);
        parser->token.kind = FHIR_TOKEN_SYMBOL;
        parser->token.text = str_of(SYMBOLS[i]);
        parser->at += parser->token.text.len;
    }
    parser->token.end = parser->at;
    return code;
}
