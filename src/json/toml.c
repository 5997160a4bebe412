/* TOML 1.0 in, the same document as JSON out. Strict, in one pass over the text; every error has
 * its line and column.
 *
 *     [[rules]]                          {"rules": [{"name": "labs",
 *     name = "labs"               →                  "key": ["id"],
 *     key = ["id"]                                   "params": {"since": "2100-01-01"}}]}
 *     params.since = 2100-01-01
 *
 * Dates and times become texts as they are written (T between them), which is what plans take. inf
 * and nan have no counterpart in JSON and are refused. The one difficulty of TOML is which tables
 * may still be added to; tables made by headers or dotted keys are noted with how they were made,
 * and what is not noted (inline tables, arrays of values) is closed. */
#include "json/toml_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define TOML_DEPTH_LIMIT 200 /* tables and arrays in one another, however they are written */

/* ---- errors -------------------------------------------------------------------------------------
 */

enum err_code toml_fail(struct toml *toml, size_t at, const char *format, ...)
{
    char message[300];
    int64_t line = 1, column = 1;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < at && i < toml->text.len; i++) {
        bool whole = ((unsigned char)toml->text.ptr[i] & 0xc0u) != 0x80u; /* begins a character */
        column += whole ? 1 : 0;
        if (toml->text.ptr[i] == '\n') {
            line++;
            column = 1;
        }
    }
    err_set(toml->err, ERR_INPUT, "it is no TOML: %s", message);
    return err_at(toml->err, toml->source, line, column);
}

static enum err_code no_memory(struct toml *toml)
{
    return err_set(toml->err, ERR_MEMORY, "no memory to read %s", toml->source);
}

static enum err_code check_depth(struct toml *toml, size_t depth)
{
    if (depth < TOML_DEPTH_LIMIT)
        return ERR_OK;
    (void)toml_fail(toml, toml->at, "more than %d tables and arrays in one another",
                    TOML_DEPTH_LIMIT);
    return toml->err->code = ERR_LIMIT;
}

/* ---- tables that may be added to ----------------------------------------------------------------
 */

enum made { MADE_NOT, MADE_ON_THE_WAY, MADE_BY_HEADER, MADE_BY_DOTS, MADE_ARRAY };
struct toml_table {
    const json_t *value;
    enum made made;
};

static struct toml_table *slot_of(const struct toml *toml, const json_t *value)
{
    size_t mask = toml->table_cap - 1;
    size_t at = ((((size_t)(uintptr_t)value >> 4) * (size_t)0x9E3779B97F4A7C15u) >> 20) & mask;
    while (toml->tables[at].value != NULL && toml->tables[at].value != value)
        at = (at + 1) & mask;
    return &toml->tables[at];
}

static enum made made_of(const struct toml *toml, const json_t *value)
{
    return toml->table_cap == 0 ? MADE_NOT : slot_of(toml, value)->made;
}

static enum err_code note(struct toml *toml, const json_t *value, enum made made)
{
    if (toml->table_count * 2 >= toml->table_cap) {
        struct toml_table *old = toml->tables;
        size_t count = toml->table_cap;
        toml->table_cap = count == 0 ? 64 : count * 2;
        toml->tables = mem_zalloc(toml->table_cap, sizeof *toml->tables);
        for (size_t i = 0; toml->tables != NULL && i < count; i++)
            if (old[i].value != NULL)
                *slot_of(toml, old[i].value) = old[i];
        mem_free(old);
        if (toml->tables == NULL)
            return toml->table_cap = 0, no_memory(toml);
    }
    struct toml_table *slot = slot_of(toml, value);
    toml->table_count += slot->value == NULL ? 1 : 0;
    *slot = (struct toml_table){value, made};
    return ERR_OK;
}

static enum err_code set_member(struct toml *toml, json_t *table, const char *key,
                                json_t *value_taken)
{
    bool ok = true;
    json_put(table, key, value_taken, &ok);
    return ok ? ERR_OK : no_memory(toml);
}

/* ---- blanks -------------------------------------------------------------------------------------
 */

char toml_peek(const struct toml *toml)
{
    return toml->at < toml->text.len ? toml->text.ptr[toml->at] : '\0';
}

bool toml_next_is(const struct toml *toml, const char *token)
{
    size_t length = strlen(token);
    return toml->text.len - toml->at >= length &&
           memcmp(toml->text.ptr + toml->at, token, length) == 0;
}

static void skip_blanks(struct toml *toml)
{
    while (toml_peek(toml) == ' ' || toml_peek(toml) == '\t')
        toml->at++;
}

/* A line's end, or the text's; false: something else stands here. */
static bool skip_line_end(struct toml *toml)
{
    if (toml_peek(toml) == '\n' || toml_next_is(toml, "\r\n")) {
        toml->at += toml_peek(toml) == '\n' ? 1 : 2;
        return true;
    }
    return toml->at == toml->text.len;
}

static enum err_code skip_comment(struct toml *toml)
{
    skip_blanks(toml);
    if (toml_peek(toml) != '#')
        return ERR_OK;
    for (; toml->at < toml->text.len && toml_peek(toml) != '\n'; toml->at++) {
        unsigned char c = (unsigned char)toml_peek(toml);
        if (c == '\r' && toml_next_is(toml, "\r\n"))
            return ERR_OK;
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return toml_fail(toml, toml->at, "a control character in a comment");
    }
    return ERR_OK;
}

/* Blanks, comments and empty lines, as between the elements of an array. */
static enum err_code skip_lines(struct toml *toml)
{
    do
        TRY(skip_comment(toml));
    while (toml->at < toml->text.len && skip_line_end(toml));
    return ERR_OK;
}

/* ---- keys ---------------------------------------------------------------------------------------
 */

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static enum err_code read_key_part(struct toml *toml, struct buf *ret)
{
    char c = toml_peek(toml);
    buf_clear(ret);
    if (c == '"' || c == '\'') {
        if (toml_next_is(toml, c == '"' ? "\"\"\"" : "'''"))
            return toml_fail(toml, toml->at, "a key is no text of several lines");
        TRY(toml_read_text(toml, ret));
    }
    size_t start = toml->at;
    while (c != '"' && c != '\'' && is_bare(toml_peek(toml)))
        toml->at++;
    if (c != '"' && c != '\'' && toml->at == start)
        return toml_fail(toml, start, "a key expected");
    buf_add(ret, toml->text.ptr + start, toml->at - start);
    return buf_check(ret, toml->err);
}

/* Does another part of the key follow? Its dot is taken. */
static bool has_dot(struct toml *toml)
{
    skip_blanks(toml);
    if (toml_peek(toml) != '.')
        return false;
    toml->at++;
    skip_blanks(toml);
    return true;
}

/* The table that a part of a key on the way leads to, made where it is not there. */
static enum err_code descend(struct toml *toml, json_t **table, const char *key, size_t at,
                             bool header)
{
    json_t *child = json_object_get(*table, key);
    enum made made = child == NULL ? MADE_NOT : made_of(toml, child);
    if (child == NULL) {
        json_t *made_now = json_object();
        TRY(set_member(toml, *table, key, made_now));
        *table = made_now;
        return note(toml, made_now, header ? MADE_ON_THE_WAY : MADE_BY_DOTS);
    }
    if (header && made == MADE_ARRAY) {
        *table = json_array_get(child, json_array_size(child) - 1);
        return ERR_OK;
    }
    if (made == MADE_NOT || (!header && made != MADE_BY_DOTS))
        return toml_fail(toml, at, "\"%.100s\" is %s", key,
                         made == MADE_NOT && !json_is_object(child)
                             ? "no table"
                             : "a table that is closed by now");
    *table = child;
    return ERR_OK;
}

/* ---- values -------------------------------------------------------------------------------------
 */

static enum err_code read_value(struct toml *toml, size_t depth, json_t **ret);

static enum err_code read_array(struct toml *toml, size_t depth, json_t *array)
{
    size_t start = toml->at++;
    bool ok = true;
    for (;;) {
        json_t *value = NULL;
        TRY(skip_lines(toml));
        if (toml_peek(toml) == ']')
            break;
        if (toml->at == toml->text.len)
            return toml_fail(toml, start, "an array that does not end");
        TRY(read_value(toml, depth, &value));
        json_push(array, value, &ok);
        if (!ok)
            return no_memory(toml);
        TRY(skip_lines(toml));
        if (toml_peek(toml) != ',' && toml_peek(toml) != ']')
            return toml_fail(toml, toml->at, "a comma or ] expected");
        toml->at += toml_peek(toml) == ',' ? 1 : 0;
    }
    toml->at++;
    return ERR_OK;
}

/* key = value, where key may have dots. */
static enum err_code read_pair(struct toml *toml, json_t *table, size_t depth)
{
    AUTO(buf_done) struct buf key = BUF_INIT;
    json_t *value = NULL;
    size_t start = toml->at;
    TRY(read_key_part(toml, &key));
    while (has_dot(toml)) {
        TRY(check_depth(toml, ++depth));
        TRY(descend(toml, &table, buf_text(&key), start, false));
        start = toml->at;
        TRY(read_key_part(toml, &key));
    }
    if (toml_peek(toml) != '=')
        return toml_fail(toml, toml->at, "= expected after a key");
    toml->at++;
    skip_blanks(toml);
    if (json_object_get(table, buf_text(&key)) != NULL)
        return toml_fail(toml, start, "the key \"%.100s\" stands twice", buf_text(&key));
    TRY(read_value(toml, depth, &value));
    return set_member(toml, table, buf_text(&key), value);
}

static enum err_code check_same_line(struct toml *toml, size_t start)
{
    char c = toml_peek(toml);
    return c == '\n' || c == '\r' || c == '#' || toml->at == toml->text.len
               ? toml_fail(toml, start, "an inline table that does not end on its line")
               : ERR_OK;
}

static enum err_code read_inline_table(struct toml *toml, size_t depth, json_t *table)
{
    size_t start = toml->at++;
    skip_blanks(toml);
    if (toml_peek(toml) == '}') {
        toml->at++;
        return ERR_OK;
    }
    for (;;) {
        TRY(check_same_line(toml, start));
        TRY(read_pair(toml, table, depth));
        skip_blanks(toml);
        TRY(check_same_line(toml, start));
        char c = toml_peek(toml);
        if (c != ',' && c != '}')
            return toml_fail(toml, toml->at, "a comma or } expected");
        toml->at++;
        if (c == '}')
            return ERR_OK;
        skip_blanks(toml);
    }
}

static enum err_code read_text_value(struct toml *toml, json_t **ret)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    TRY(toml_read_text(toml, &text));
    *ret = json_stringn(buf_text(&text), text.len);
    return *ret != NULL ? ERR_OK : no_memory(toml);
}

static enum err_code read_value(struct toml *toml, size_t depth, json_t **ret)
{
    char c = toml_peek(toml);
    *ret = NULL;
    TRY(check_depth(toml, depth));
    if (c == '"' || c == '\'')
        return read_text_value(toml, ret);
    if (c != '[' && c != '{')
        return toml_read_scalar(toml, ret);
    JSON_AUTO made = c == '[' ? json_array() : json_object();
    if (made == NULL)
        return no_memory(toml);
    TRY(c == '[' ? read_array(toml, depth + 1, made) : read_inline_table(toml, depth + 1, made));
    *ret = json_incref(made);
    return ERR_OK;
}

/* ---- headers and lines --------------------------------------------------------------------------
 */

/* [a.b]: a table that nobody has opened yet. */
static enum err_code open_table(struct toml *toml, json_t *parent, const char *key, size_t at,
                                json_t **ret)
{
    json_t *found = json_object_get(parent, key);
    if (found != NULL && made_of(toml, found) != MADE_ON_THE_WAY)
        return toml_fail(toml, at, "the table \"%.100s\" is made twice", key);
    *ret = found != NULL ? found : json_object();
    if (found == NULL)
        TRY(set_member(toml, parent, key, *ret));
    return note(toml, *ret, MADE_BY_HEADER);
}

/* [[a.b]]: one more element of an array of tables. */
static enum err_code open_element(struct toml *toml, json_t *parent, const char *key, size_t at,
                                  json_t **ret)
{
    json_t *array = json_object_get(parent, key);
    bool ok = true;
    if (array != NULL && made_of(toml, array) != MADE_ARRAY)
        return toml_fail(toml, at, "\"%.100s\" is no array of tables", key);
    if (array == NULL) {
        array = json_array();
        TRY(set_member(toml, parent, key, array));
        TRY(note(toml, array, MADE_ARRAY));
    }
    *ret = json_object();
    json_push(array, *ret, &ok);
    return ok ? note(toml, *ret, MADE_BY_HEADER) : no_memory(toml);
}

static enum err_code read_header(struct toml *toml, json_t *root, json_t **ret)
{
    AUTO(buf_done) struct buf key = BUF_INIT;
    bool element = toml_next_is(toml, "[[");
    json_t *table = root;
    toml->depth = element ? 2 : 1;
    toml->at += element ? 2 : 1;
    skip_blanks(toml);
    size_t at = toml->at;
    TRY(read_key_part(toml, &key));
    while (has_dot(toml)) {
        toml->depth += 2; /* each may be an array's element */
        TRY(check_depth(toml, toml->depth));
        TRY(descend(toml, &table, buf_text(&key), at, true));
        at = toml->at;
        TRY(read_key_part(toml, &key));
    }
    if (!toml_next_is(toml, element ? "]]" : "]"))
        return toml_fail(toml, toml->at, "%s expected after a table's name", element ? "]]" : "]");
    toml->at += element ? 2 : 1;
    return element ? open_element(toml, table, buf_text(&key), at, ret)
                   : open_table(toml, table, buf_text(&key), at, ret);
}

static enum err_code read_document(struct toml *toml, json_t *root)
{
    json_t *table = root;
    size_t valid = str_utf8_valid_prefix(toml->text);
    if (valid < toml->text.len)
        return toml_fail(toml, valid, "it is not UTF-8");
    const char *zero = memchr(toml->text.ptr, '\0', toml->text.len);
    if (zero != NULL)
        return toml_fail(toml, (size_t)(zero - toml->text.ptr), "a zero byte");
    if (toml_next_is(toml, "\xEF\xBB\xBF"))
        toml->at += 3;
    for (;;) {
        TRY(skip_lines(toml));
        if (toml->at == toml->text.len)
            return ERR_OK;
        TRY(toml_peek(toml) == '[' ? read_header(toml, root, &table)
                                   : read_pair(toml, table, toml->depth));
        TRY(skip_comment(toml));
        if (!skip_line_end(toml))
            return toml_fail(toml, toml->at, "the line's end expected");
    }
}

enum err_code json_parse_toml(struct str text, const char *source, json_t **ret, struct err *err)
{
    struct toml toml = {.text = text, .source = source, .err = err};
    JSON_AUTO root = json_object();
    *ret = NULL;
    if (root == NULL)
        return no_memory(&toml);
    enum err_code code = read_document(&toml, root);
    mem_free(toml.tables);
    TRY(code);
    *ret = json_incref(root);
    return ERR_OK;
}
