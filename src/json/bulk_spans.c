/* Documents that are alike, without looking for their tokens: once a document's shape is known (bulk_shapes.c), the bytes between its
 * values are learnt as they stand, and another document is compared with them from end to end:
 *
 *     {"resourceType":"§","id":"§","meta":{"versionId":"§"},"code":{"coding":[{"system":"§","code":"§"}]},"n":#}
 *     ╰──── span ─────╯ ╰ span ─╯                                                                    ╰span╯ ╰╯
 *
 * Each value is a hole: a text up to its quote, or a number. A hole counts (§ with a node) or does not; what is true, false or null is
 * part of a span. Spans are equal where they stand, so brackets, names and separators are; texts are looked at for what the index would
 * refuse (control characters, ill-formed UTF-8). What fits no path of spans is for the tokens to say. */
#include "json/bulk_walk_priv.h"

#define PATHS_MOST 1024
#define OTHERS_MOST 48   /* in one place */
#define PATIENCE 4096    /* documents */
#define AHEAD_BYTES 1024 /* asked of memory before they are compared: the processor itself stops asking at the end of a page */

struct bulk_span {
    const char *bytes;
    size_t length;
    enum bulk_hole hole; /* behind it */
    struct bulk_span *next, *other;
    const struct bulk_shape *shape; /* BULK_HOLE_NONE: the document's end */
};

/* ---- comparing ---------------------------------------------------------------------------------- */

typedef int8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));
#define ALL(byte) ((bytes16){0} + (int8_t)(byte))

struct text_found {
    const char *end;
    bool escapes, high;
};

static inline bytes16 bytes_at(const char *at)
{
    bytes16 bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* Both have 8 readable bytes behind their end. */
static inline bool same(const char *a, const char *b, size_t length)
{
    if (length < sizeof(bytes16))
        return bulk_same_bytes(a, b, length);
    for (size_t idx = 0;; idx += sizeof(bytes16)) {
        idx = idx + sizeof(bytes16) > length ? length - sizeof(bytes16) : idx; /* the last ones overlap */
        halves other = (halves)(bytes_at(a + idx) ^ bytes_at(b + idx));
        if ((other[0] | other[1]) != 0)
            return false;
        if (idx + sizeof(bytes16) == length)
            return true;
    }
}

/* Where the first quote, backslash, control character or byte that is no ASCII (as a signed one it is negative) stands; 16: there is none. */
static inline size_t special_at(const char *at)
{
    bytes16 bytes = bytes_at(at);
    halves found = (halves)((bytes == ALL('"')) | (bytes == ALL('\\')) | (bytes < ALL(' ')));
    if (found[0] != 0)
        return (size_t)__builtin_ctzll(found[0]) / 8;
    return found[1] != 0 ? 8 + (size_t)__builtin_ctzll(found[1]) / 8 : sizeof(bytes16);
}

/* Of a text's first byte: its quote. end has 16 readable bytes. */
static inline bool text_end(const char *at, const char *end, struct text_found *ret)
{
    *ret = (struct text_found){.end = NULL};
    while (at < end) {
        size_t plain = special_at(at);
        at += plain;
        if (plain == sizeof(bytes16))
            continue;
        unsigned char special = at < end ? (unsigned char)*at : '\0';
        ret->end = at;
        if (special == '"')
            return true;
        ret->escapes = ret->escapes || special == '\\';
        at += special == '\\';
        special = at < end ? (unsigned char)*at : '\0';
        if (special < ' ')
            return false;
        ret->high = ret->high || special >= 0x80;
        at++;
    }
    return false;
}

static inline bool take_text(const char **at, const char *end, bool counts, struct str *ret)
{
    struct text_found found;
    if (!text_end(*at, end, &found) || (counts && found.escapes))
        return false;
    *ret = (struct str){*at, (size_t)(found.end - *at)};
    *at = found.end;
    return !found.high || str_utf8_valid_prefix(*ret) == ret->len;
}

static inline bool in_number(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

static inline bool take_number(const char **at, const char *end, struct str *ret)
{
    const char *stop = *at;
    while (stop < end && in_number(*stop))
        stop++;
    *ret = (struct str){*at, (size_t)(stop - *at)};
    *at = stop;
    return bulk_is_number(*ret);
}

/* Does a line end there? */
static inline bool ends_line(const char *at, const char *end)
{
    at += at < end && *at == '\r';
    return at == end || *at == '\n';
}

/* lines: end is that of many documents, one on each line. */
static inline __attribute__((always_inline)) bool fits(const struct bulk_span *span, const char *at, const char *end, bool lines)
{
    size_t left = (size_t)(end - at);
    if (span->hole != BULK_HOLE_NONE ? span->length >= left : span->length > left)
        return false;
    if (span->hole == BULK_HOLE_NONE && (lines ? !ends_line(at + span->length, end) : span->length != left))
        return false;
    if (!same(at, span->bytes, span->length))
        return false;
    return span->hole < BULK_HOLE_NUMBER || in_number(at[span->length]);
}

/* The span that fits, brought to the front: the next document most likely takes it too. */
static struct bulk_span *other_span(struct bulk_span **first, const char *at, const char *end, bool lines)
{
    if (*first == NULL)
        return NULL;
    for (struct bulk_span **link = &(*first)->other; *link != NULL; link = &(*link)->other) {
        struct bulk_span *span = *link;
        if (!fits(span, at, end, lines))
            continue;
        *link = span->other;
        span->other = *first;
        *first = span;
        return span;
    }
    return NULL;
}

/* text becomes the document, less blanks around it. */
static inline __attribute__((always_inline)) const struct bulk_shape *match(struct bulk_spans *spans, struct str *text, bool lines, struct str *texts)
{
    const char *at = text->ptr, *end = text->ptr + text->len;
    struct bulk_span *span;
    struct str passed;
    for (struct bulk_span **first = &spans->first;; first = &span->next) {
        span = *first;
        if ((span == NULL || !fits(span, at, end, lines)) && (span = other_span(first, at, end, lines)) == NULL)
            return NULL;
        at += span->length;
        __builtin_prefetch(at + AHEAD_BYTES);
        switch (span->hole) {
        case BULK_HOLE_NONE:
            text->len = (size_t)(at - text->ptr);
            return span->shape;
        case BULK_HOLE_TEXT:
        case BULK_HOLE_TEXT_PASSED:
            if (!take_text(&at, end, span->hole == BULK_HOLE_TEXT, span->hole == BULK_HOLE_TEXT ? texts++ : &passed))
                return NULL;
            break;
        case BULK_HOLE_NUMBER:
        case BULK_HOLE_NUMBER_PASSED:
            if (!take_number(&at, end, span->hole == BULK_HOLE_NUMBER ? texts++ : &passed))
                return NULL;
            break;
        }
    }
}

const struct bulk_shape *bulk_spans_match(struct bulk_spans *spans, struct str *text, bool lines, struct str *texts)
{
    if (spans->first == NULL || spans->idle > 0 || (lines && spans->breaks)) {
        spans->idle -= spans->idle > 0;
        return NULL;
    }
    const struct bulk_shape *shape = lines ? match(spans, text, true, texts) : match(spans, text, false, texts);
    spans->hits += shape != NULL;
    spans->misses += shape == NULL;
    if (spans->hits + spans->misses == PATIENCE) { /* where few fit, comparing is for nothing: leave it for a while */
        spans->idle = spans->misses > spans->hits * 3 ? PATIENCE * 16 : 0;
        spans->hits = spans->misses = 0;
    }
    return shape;
}

/* ---- learning ----------------------------------------------------------------------------------- */

/* The hole that the token is, or NONE: it belongs to a span. */
static enum bulk_hole hole_of(const struct walk *walk, const uint32_t *token, const struct str *texts, size_t count, struct str *ret)
{
    struct str text = bulk_token(walk, token);
    bool name = token + 1 < walk->end && walk->text[token[1]] == ':';
    bool quoted = text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"' && !name;
    if (!quoted && !bulk_is_number(text))
        return BULK_HOLE_NONE;
    *ret = quoted ? (struct str){text.ptr + 1, text.len - 2} : text;
    bool counts = count > 0 && texts->ptr == ret->ptr && texts->len == ret->len;
    return quoted ? (counts ? BULK_HOLE_TEXT : BULK_HOLE_TEXT_PASSED) : (counts ? BULK_HOLE_NUMBER : BULK_HOLE_NUMBER_PASSED);
}

/* The span among those in its place, put there if it is not. NULL: there is no room. */
static struct bulk_span *span_at(struct bulk_spans *spans, struct arena *arena, struct bulk_span **first, const struct bulk_span *wanted)
{
    size_t others = 0;
    for (struct bulk_span *span = *first; span != NULL; span = span->other, others++)
        if (span->hole == wanted->hole && span->length == wanted->length && bulk_same_bytes(span->bytes, wanted->bytes, wanted->length))
            return span;
    struct bulk_span *made = others < OTHERS_MOST ? arena_alloc(arena, sizeof *made) : NULL;
    char *bytes = made != NULL ? arena_alloc(arena, wanted->length + sizeof(uint64_t)) : NULL;
    if (bytes == NULL)
        return NULL;
    *made = *wanted;
    made->bytes = memcpy(bytes, wanted->bytes, wanted->length);
    memset(bytes + wanted->length, 0, sizeof(uint64_t));
    made->other = *first;
    *first = made;
    spans->count++;
    return made;
}

void bulk_spans_learn(struct bulk_spans *spans, struct arena *arena, const struct walk *walk, const uint32_t *from, const struct str *texts, size_t count, const struct bulk_shape *shape)
{
    const char *at = walk->text, *end = walk->text + walk->length;
    struct bulk_span **first = &spans->first;
    if (spans->paths >= PATHS_MOST || spans->idle > 0)
        return;
    for (size_t idx = 0; idx < count; idx++)
        if (texts[idx].ptr < at || texts[idx].ptr > end)
            return; /* unescaped: not as it stands */
    spans->paths++;
    spans->breaks = spans->breaks || memchr(at, '\n', walk->length) != NULL;
    for (const uint32_t *token = from; token < walk->end; token++) {
        struct str hole = {NULL, 0};
        enum bulk_hole kind = hole_of(walk, token, texts, count, &hole);
        if (kind == BULK_HOLE_NONE)
            continue;
        struct bulk_span *span = span_at(spans, arena, first, &(struct bulk_span){.bytes = at, .length = (size_t)(hole.ptr - at), .hole = kind});
        if (span == NULL)
            return;
        bool counts = kind == BULK_HOLE_TEXT || kind == BULK_HOLE_NUMBER;
        texts += counts;
        count -= counts;
        at = hole.ptr + hole.len;
        first = &span->next;
    }
    struct bulk_span *last = count == 0 ? span_at(spans, arena, first, &(struct bulk_span){.bytes = at, .length = (size_t)(end - at)}) : NULL;
    if (last != NULL)
        last->shape = shape;
}
