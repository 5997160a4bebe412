/* marrow_json_member(object, key): the value of a top-level member of a JSON object, as it is
 * written. Strings come unescaped, null and a missing member are NULL, everything else keeps its
 * characters: 1.50 stays 1.50 and twenty digits stay twenty digits, which DuckDB's own ->> (through
 * double) does not do. The object must be valid JSON (DuckDB's reader has parsed it); on anything
 * else the result is NULL, never an overrun. The last of repeated keys wins. */
#include <string.h>

#include "engine/functions_priv.h"

static size_t skip_blank(struct str json, size_t at)
{
    while (at < json.len && (json.ptr[at] == ' ' || json.ptr[at] == '\n' || json.ptr[at] == '\t' ||
                             json.ptr[at] == '\r'))
        at++;
    return at;
}

/* at is on the opening quote → after the closing one. */
static size_t skip_string(struct str json, size_t at)
{
    for (at++; at < json.len && json.ptr[at] != '"'; at++)
        at += json.ptr[at] == '\\';
    return at < json.len ? at + 1 : json.len;
}

/* Any value → after it. Brackets are counted, so depth costs nothing. */
static size_t skip_value(struct str json, size_t at)
{
    int64_t depth = 0;
    while (at < json.len) {
        char c = json.ptr[at];
        if (c == '"') {
            at = skip_string(json, at);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (depth > 0 && (c == '}' || c == ']')) {
            depth--;
            at++;
        } else if (depth == 0) {
            while (at < json.len && strchr(",]} \n\t\r", json.ptr[at]) == NULL)
                at++;
            return at;
        } else {
            at++;
            continue;
        }
        if (depth == 0)
            return at;
    }
    return at;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hex digits at p, or -1. */
static long hex4(const char *p, const char *end)
{
    long code = 0;
    if (end - p < 4)
        return -1;
    for (int idx = 0; idx < 4; idx++) {
        int digit = hex_digit(p[idx]);
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

static char *put_utf8(char *out, long code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xe0 | code >> 12);
        } else {
            *out++ = (char)(0xf0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (code & 0x3f));
    return out;
}

/* \uXXXX, pairs of surrogates joined, a lone one → U+FFFD. p is after the 'u'. */
static const char *unescape_code(const char *p, const char *end, char **out)
{
    long code = hex4(p, end);
    if (code < 0) {
        *out = put_utf8(*out, 0xfffd);
        return p;
    }
    p += 4;
    if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        long second = hex4(p + 2, end);
        if (second >= 0xdc00 && second < 0xe000) {
            *out = put_utf8(*out, 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00));
            return p + 6;
        }
    }
    *out = put_utf8(*out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    return p;
}

/* The text between the quotes, unescaped; borrowed where nothing is escaped. */
static struct str unescape(struct str raw, struct arena *arena)
{
    if (raw.len == 0 || memchr(raw.ptr, '\\', raw.len) == NULL)
        return raw;
    char *start = arena_alloc(arena, raw.len), *out = start; /* never longer than its escape */
    if (start == NULL)
        return (struct str){"", 0};
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    for (const char *p = raw.ptr, *end = raw.ptr + raw.len; p < end;) {
        if (*p != '\\' || p + 1 == end) {
            *out++ = *p++;
            continue;
        }
        const char *known = p[1] != '\0' ? strchr(from, p[1]) : NULL;
        if (p[1] == 'u') {
            p = unescape_code(p + 2, end, &out);
        } else {
            *out++ = known != NULL ? to[known - from] : p[1];
            p += 2;
        }
    }
    return (struct str){start, (size_t)(out - start)};
}

static bool find_member(struct str json, struct str key, struct arena *arena, struct str *ret)
{
    bool found = false;
    size_t at = skip_blank(json, 0);
    if (at >= json.len || json.ptr[at] != '{')
        return false;
    at = skip_blank(json, at + 1);
    while (at < json.len && json.ptr[at] == '"') {
        size_t end = skip_string(json, at);
        struct str name = {json.ptr + at + 1, end >= at + 2 ? end - at - 2 : 0};
        bool match = str_equal(unescape(name, arena), key);
        at = skip_blank(json, end);
        if (at >= json.len || json.ptr[at] != ':')
            return false;
        at = skip_blank(json, at + 1);
        end = skip_value(json, at);
        if (match) {
            *ret = (struct str){json.ptr + at, end - at};
            found = true;
        }
        at = skip_blank(json, end);
        if (at >= json.len || json.ptr[at] != ',')
            break;
        at = skip_blank(json, at + 1);
    }
    return found;
}

enum err_code engine_json_member(void *extra, const struct data_batch *in, struct arena *arena,
                                 struct data_vector *ret, struct err *err)
{
    (void)extra, (void)err;
    const struct data_vector *objects = &in->vectors[0], *keys = &in->vectors[1];
    for (int64_t row = 0; row < in->rows; row++) {
        struct str value;
        if (!data_vector_is_valid(objects, row) || !data_vector_is_valid(keys, row))
            continue;
        if (!find_member(objects->text[row], keys->text[row], arena, &value) ||
            str_equal(value, STR("null")))
            data_vector_set_valid(ret, row, false);
        else if (value.len >= 2 && value.ptr[0] == '"')
            ret->text[row] = unescape((struct str){value.ptr + 1, value.len - 2}, arena);
        else
            ret->text[row] = value;
    }
    return ERR_OK;
}
