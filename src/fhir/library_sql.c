/* The parameters in a library's SQL: :name becomes $1, so that values are bound, never spliced.
 *
 *   WHERE onset >= :from AND text <> ':from' -- :from   →   WHERE onset >= $1 AND text <> ':from' …
 *
 * Only words of the statement are looked at: what is quoted or a comment is copied. a::text is a
 * cast, and within [ ] and { } a colon right behind a word is a slice or a member. */
#include "fhir/library_priv.h"

#include <string.h>

struct scanner {
    struct str sql;
    size_t at;
    const struct fhir_library_parameter *parameters;
    size_t count;
    bool *used;
    int brackets; /* [ and { open */
    struct buf *out;
    struct err *err;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9');
}
static char at(const struct scanner *scanner, size_t ahead)
{
    size_t idx = scanner->at + ahead;
    return idx < scanner->sql.len ? scanner->sql.ptr[idx] : '\0';
}

static void copy(struct scanner *scanner, size_t length)
{
    buf_add(scanner->out, scanner->sql.ptr + scanner->at, length);
    scanner->at += length;
}

static enum err_code fail(struct scanner *scanner, const char *what)
{
    int line = 1;
    for (size_t i = 0; i < scanner->at; i++)
        line += scanner->sql.ptr[i] == '\n' ? 1 : 0;
    return err_set(scanner->err, ERR_INPUT, "line %d of the SQL: %s", line, what);
}

/* 'text' or "name": a doubled quote stays within; escapes: so does \'. */
static enum err_code quoted(struct scanner *scanner, bool escapes)
{
    char quote = at(scanner, 0);
    size_t length = 1;
    for (;;) {
        char c = at(scanner, length);
        if (scanner->at + length >= scanner->sql.len)
            return fail(scanner, quote == '"' ? "a quoted name has no end" : "a text has no end");
        if (escapes && c == '\\')
            length += 2;
        else if (c == quote && at(scanner, length + 1) == quote)
            length += 2;
        else if (c == quote)
            break;
        else
            length++;
    }
    copy(scanner, length + 1);
    return ERR_OK;
}

static enum err_code comment(struct scanner *scanner)
{
    size_t length = 2;
    int depth = 1;
    if (at(scanner, 0) == '-') {
        while (scanner->at + length < scanner->sql.len && at(scanner, length) != '\n')
            length++;
        copy(scanner, length);
        return ERR_OK;
    }
    while (depth > 0) {
        char c = at(scanner, length), next = at(scanner, length + 1);
        if (scanner->at + length >= scanner->sql.len)
            return fail(scanner, "a comment has no end");
        depth += c == '/' && next == '*' ? 1 : c == '*' && next == '/' ? -1 : 0;
        length += (c == '/' && next == '*') || (c == '*' && next == '/') ? 2 : 1;
    }
    copy(scanner, length);
    return ERR_OK;
}

/* $$text$$, $tag$text$tag$. */
static enum err_code dollar(struct scanner *scanner)
{
    size_t tag = 1;
    while (is_letter(at(scanner, tag)) || (tag > 1 && is_word(at(scanner, tag))))
        tag++;
    if (at(scanner, tag) != '$')
        return fail(scanner, "'$' begins no parameter here: parameters are written :name");
    tag++;
    const char *open = scanner->sql.ptr + scanner->at;
    for (size_t length = tag; scanner->at + length + tag <= scanner->sql.len; length++)
        if (memcmp(open + length, open, tag) == 0) {
            copy(scanner, length + tag);
            return ERR_OK;
        }
    return fail(scanner, "a text has no end");
}

/* {'a':b}, list[1:n]: a colon right behind what it parts from the rest. */
static bool separates(const struct scanner *scanner)
{
    char before = scanner->at > 0 ? scanner->sql.ptr[scanner->at - 1] : ' ';
    return scanner->brackets > 0 && (is_word(before) || strchr("'\")]}", before) != NULL);
}

static enum err_code colon(struct scanner *scanner)
{
    size_t length = 0;
    if (at(scanner, 1) == ':') {
        copy(scanner, 2);
        return ERR_OK;
    }
    while (is_word(at(scanner, 1 + length)))
        length++;
    if (separates(scanner))
        length = 0;
    struct str name = {scanner->sql.ptr + scanner->at + 1, length};
    for (size_t i = 0; i < scanner->count && length > 0; i++)
        if (str_equal(name, str_of(scanner->parameters[i].name))) {
            scanner->used[i] = true;
            scanner->at += 1 + length;
            buf_printf(scanner->out, "$%zu", i + 1);
            return ERR_OK;
        }
    if (length > 0 && is_letter(name.ptr[0]) && scanner->brackets == 0) {
        (void)fail(scanner, "a parameter that the Library does not declare");
        err_detail(scanner->err, "found :%.*s", (int)(length > 100 ? 100 : length), name.ptr);
        err_hint(scanner->err, "each :name is a parameter[] with use in, a name and a type");
        return ERR_INPUT;
    }
    copy(scanner, 1);
    return ERR_OK;
}

/* A word, with the $ that it may hold; e'…' is a text with escapes. */
static enum err_code word(struct scanner *scanner)
{
    size_t length = 1;
    if ((at(scanner, 0) == 'e' || at(scanner, 0) == 'E') && at(scanner, 1) == '\'') {
        copy(scanner, 1);
        return quoted(scanner, true);
    }
    while (is_word(at(scanner, length)) || at(scanner, length) == '$')
        length++;
    copy(scanner, length);
    return ERR_OK;
}

/* Behind ';' nothing but blanks, comments and more ';' may stand. */
static enum err_code ends(struct scanner *scanner)
{
    AUTO(buf_done) struct buf ignored = BUF_INIT;
    scanner->out = &ignored;
    while (scanner->at < scanner->sql.len) {
        char c = at(scanner, 0);
        if ((c == '-' && at(scanner, 1) == '-') || (c == '/' && at(scanner, 1) == '*'))
            TRY(comment(scanner));
        else if (c == ' ' || c == ';' || (c >= '\t' && c <= '\r'))
            scanner->at++;
        else
            return fail(scanner, "expected exactly one statement, found a second one");
    }
    return ERR_OK;
}

static enum err_code step(struct scanner *scanner)
{
    char c = at(scanner, 0), next = at(scanner, 1);
    if (c == '\'' || c == '"')
        return quoted(scanner, false);
    if ((c == '-' && next == '-') || (c == '/' && next == '*'))
        return comment(scanner);
    if (c == '$')
        return dollar(scanner);
    if (c == ':')
        return colon(scanner);
    if (is_word(c))
        return word(scanner);
    scanner->brackets += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
    copy(scanner, 1);
    return ERR_OK;
}

enum err_code fhir_library_sql_bind(struct str sql, const struct fhir_library_parameter *parameters,
                                    size_t count, bool *used, struct buf *ret, struct err *err)
{
    struct scanner scanner = {
        .sql = sql, .parameters = parameters, .count = count, .used = used, .out = ret, .err = err};
    if (memchr(sql.ptr, '\0', sql.len) != NULL)
        return err_set(err, ERR_INPUT, "the SQL holds a NUL character");
    while (scanner.at < sql.len) {
        if (at(&scanner, 0) == ';') {
            TRY(ends(&scanner));
            break;
        }
        TRY(step(&scanner));
    }
    return buf_check(ret, err);
}
