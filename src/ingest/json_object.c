/* JSON objects as views: the members of one object with their values as written, nothing converted.
 * A value's extent is found by a strict walk (RFC 8259) with a stack of bits instead of recursion;
 * what is not JSON is named, with its place. Pure. */
#include <string.h>

#include "ingest/parts_priv.h"

#define JSON_LIMIT_NESTED 1000

struct walk {
    const char *at, *end;
    const char *fault;
    uint64_t
        objects[(JSON_LIMIT_NESTED + 64) / 64]; /* bit d: the container at depth d is an object */
    size_t depth;
};

static bool stop(struct walk *walk, const char *fault)
{
    walk->fault = walk->at >= walk->end ? "the text ends inside an object" : fault;
    return false;
}

static void skip_blanks(struct walk *walk)
{
    while (walk->at < walk->end &&
           (*walk->at == ' ' || *walk->at == '\n' || *walk->at == '\r' || *walk->at == '\t'))
        walk->at++;
}

static bool is_digit(const struct walk *walk)
{
    return walk->at < walk->end && *walk->at >= '0' && *walk->at <= '9';
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* At the opening quote; ret: between the quotes. */
static bool walk_string(struct walk *walk, struct str *ret)
{
    const char *start = ++walk->at;
    for (; walk->at < walk->end; walk->at++) {
        if (*walk->at == '"') {
            *ret = (struct str){start, (size_t)(walk->at++ - start)};
            return true;
        }
        if (*walk->at != '\\')
            continue;
        if (++walk->at >= walk->end)
            break;
        if (*walk->at == 'u') {
            for (int i = 0; i < 4; i++)
                if (++walk->at >= walk->end || !is_hex(*walk->at))
                    return stop(walk, "\\u needs four hexadecimal digits");
        } else if (strchr("\"\\/bfnrt", *walk->at) == NULL || *walk->at == '\0') {
            return stop(walk, "an unknown escape in a text");
        }
    }
    return stop(walk, "a text without its closing quote");
}

static bool walk_digits(struct walk *walk)
{
    if (!is_digit(walk))
        return stop(walk, "not a JSON value");
    while (is_digit(walk))
        walk->at++;
    return true;
}

static bool walk_number(struct walk *walk)
{
    walk->at += *walk->at == '-';
    if (walk->at < walk->end && *walk->at == '0')
        walk->at++;
    else if (!walk_digits(walk))
        return false;
    if (walk->at < walk->end && *walk->at == '.') {
        walk->at++;
        if (!walk_digits(walk))
            return false;
    }
    if (walk->at < walk->end && (*walk->at | 32) == 'e') {
        walk->at++;
        if (walk->at < walk->end && (*walk->at == '+' || *walk->at == '-'))
            walk->at++;
        return walk_digits(walk);
    }
    return true;
}

static bool walk_scalar(struct walk *walk)
{
    static const char *const words[] = {"true", "false", "null"};
    struct str ignored;
    if (*walk->at == '"')
        return walk_string(walk, &ignored);
    if (*walk->at == '-' || is_digit(walk))
        return walk_number(walk);
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(walk->end - walk->at) >= length && memcmp(walk->at, words[i], length) == 0) {
            walk->at += length;
            return true;
        }
    }
    return stop(walk, "not a JSON value");
}

static bool inside_object(const struct walk *walk)
{
    return (walk->objects[walk->depth / 64] >> (walk->depth % 64) & 1) != 0;
}

static bool enter(struct walk *walk)
{
    if (++walk->depth >= JSON_LIMIT_NESTED)
        return stop(walk, "nested more than 1000 deep");
    uint64_t bit = UINT64_C(1) << (walk->depth % 64);
    if (*walk->at++ == '{')
        walk->objects[walk->depth / 64] |= bit;
    else
        walk->objects[walk->depth / 64] &= ~bit;
    return true;
}

/* "name" : */
static bool walk_name(struct walk *walk, struct str *ret)
{
    skip_blanks(walk);
    if (walk->at >= walk->end || *walk->at != '"')
        return stop(walk, "a name in double quotes was expected");
    if (!walk_string(walk, ret))
        return false;
    skip_blanks(walk);
    if (walk->at >= walk->end || *walk->at != ':')
        return stop(walk, "a colon was expected");
    walk->at++;
    skip_blanks(walk);
    return true;
}

/* After a value inside containers: closes those that end here. true: another value follows, or
 * depth is 0. */
static bool walk_on(struct walk *walk)
{
    struct str ignored;
    while (walk->depth > 0) {
        skip_blanks(walk);
        bool object = inside_object(walk);
        if (walk->at < walk->end && *walk->at == ',') {
            walk->at++;
            skip_blanks(walk);
            return !object || walk_name(walk, &ignored);
        }
        if (walk->at >= walk->end || *walk->at != (object ? '}' : ']'))
            return stop(walk, object ? "a comma or } was expected" : "a comma or ] was expected");
        walk->at++;
        walk->depth--;
    }
    return true;
}

/* Any value, from its first byte to past its last. */
static bool walk_value(struct walk *walk)
{
    struct str ignored;
    do {
        if (walk->at >= walk->end)
            return stop(walk, "");
        bool opened = *walk->at == '{' || *walk->at == '[';
        if (!opened && !walk_scalar(walk))
            return false;
        if (opened) {
            if (!enter(walk))
                return false;
            skip_blanks(walk);
            bool object = inside_object(walk);
            if (walk->at < walk->end && *walk->at == (object ? '}' : ']')) {
                walk->at++;
                walk->depth--;
            } else if (!object || walk_name(walk, &ignored)) {
                continue;
            } else {
                return false;
            }
        }
        if (!walk_on(walk))
            return false;
    } while (walk->depth > 0);
    return true;
}

static bool add_member(struct json_view *view, struct str name, const char *value, const char *end)
{
    struct json_member *member =
        ingest_grow((void **)&view->members, &view->count, &view->capacity, sizeof *member);
    view->failed = member == NULL;
    if (member != NULL)
        *member = (struct json_member){.name = name, .value = {value, (size_t)(end - value)}};
    return member != NULL;
}

bool json_read_object(const char *at, const char *end, struct json_view *view)
{
    struct walk walk = {.at = at + 1, .end = end};
    view->count = 0;
    view->fault = NULL;
    skip_blanks(&walk);
    bool more = walk.at >= end || *walk.at != '}', good = true;
    while (more && good) {
        struct str name = {0};
        good = walk_name(&walk, &name);
        const char *value = walk.at;
        good = good && walk_value(&walk) && add_member(view, name, value, walk.at);
        if (good) {
            skip_blanks(&walk);
            more = walk.at < end && *walk.at == ',';
            good = more || (walk.at < end && *walk.at == '}') ||
                   stop(&walk, "a comma or } was expected");
            walk.at += more;
        }
    }
    view->end = good ? walk.at + 1 : walk.at;
    view->fault = good ? NULL : walk.fault;
    return good;
}

void json_view_done(struct json_view *view)
{
    mem_free(view->members);
    *view = (struct json_view){0};
}

/* ---- texts --------------------------------------------------------------------------------------
 */

static unsigned hex4(const char *at)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++)
        value = value * 16 + (unsigned)(at[i] <= '9' ? at[i] - '0' : (at[i] | 32) - 'a' + 10);
    return value;
}

static void add_utf8(struct buf *out, unsigned code)
{
    if (code < 0x80) {
        buf_putc(out, (char)code);
    } else if (code < 0x800) {
        buf_putc(out, (char)(0xc0 | code >> 6));
        buf_putc(out, (char)(0x80 | (code & 0x3f)));
    } else {
        if (code >= 0x10000)
            buf_putc(out, (char)(0xf0 | code >> 18));
        buf_putc(out, (char)(code >= 0x10000 ? 0x80 | (code >> 12 & 0x3f) : 0xe0 | code >> 12));
        buf_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_putc(out, (char)(0x80 | (code & 0x3f)));
    }
}

bool json_unescape(struct str text, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *end = text.ptr + text.len;
    for (const char *at = text.ptr; at < end;) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        buf_add(out, at, (size_t)((slash == NULL ? end : slash) - at));
        if (slash == NULL)
            break;
        at = slash + 2;
        if (slash[1] != 'u') {
            buf_putc(out, to[strchr(from, slash[1]) - from]);
            continue;
        }
        unsigned code = hex4(at);
        at += 4;
        if (code >= 0xd800 && code <= 0xdbff && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
            unsigned low = hex4(at + 2);
            if (low < 0xdc00 || low > 0xdfff)
                return false;
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            at += 6;
        } else if (code >= 0xd800 && code <= 0xdfff) {
            return false;
        }
        add_utf8(out, code);
    }
    return true;
}
