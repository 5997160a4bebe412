/* The walk over a document's tokens, between bulk.c (any document) and bulk_shapes.c (one that is like a document before it). */
#ifndef MARROW_JSON_BULK_WALK_PRIV_H
#define MARROW_JSON_BULK_WALK_PRIV_H

#include <string.h>

#include "json/bulk.h"
#include "json/bulk_priv.h"

/* What the walk did, in order: a document's shape is learnt of it. */
enum bulk_event_kind { BULK_STRING, BULK_NUMBER, BULK_PASSED, BULK_END };
struct bulk_event {
    enum bulk_event_kind kind;
    const uint32_t *from, *to; /* the value's first token, and behind its last */
    size_t depth;
    struct json_node *node; /* STRING, NUMBER */
};
struct bulk_events {
    struct bulk_event *list;
    size_t count, cap; /* count > cap: there were more */
};

/* Documents of one shape have these nodes, with other texts. */
struct bulk_shape {
    size_t number;
    const struct json_node *root;
    struct json_node **nodes; /* that get texts, in the document's order */
    size_t count;
};

struct walk {
    const char *text;
    size_t length;
    const uint32_t *at, *end; /* the next token, and behind the last; *end is length */
    struct arena *arena;
    char *room; /* for nodes */
    size_t room_bytes;
    bool plain; /* there is no backslash in the text */
    struct bulk_events *events; /* or NULL */
    struct err *err;
};

struct json_bulk {
    struct bulk_index *index;
    struct bulk_shapes *shapes; /* or NULL: none was asked for */
    const char *strange;        /* the line that was compared last, and is like none */
    char *copy;                 /* a document with padding */
    size_t copy_bytes;
};

/* The next value as a node. depth: of what it stands in. */
enum err_code bulk_keep(struct walk *walk, const struct json_fields *field, bool whole, size_t depth, struct json_node **ret) WARN_UNUSED;
/* On behind the next value. */
enum err_code bulk_pass_over(struct walk *walk, size_t depth) WARN_UNUSED;
/* The text of a string token: in place where it has no backslash. */
enum err_code bulk_string_text(struct walk *walk, struct str quoted, struct str *ret) WARN_UNUSED;
/* JSON's grammar of numbers, of the whole token. */
bool bulk_is_number(struct str s);

/* A document of a shape that is known: its nodes, with its texts; NULL: it is not known, and nothing is done. *ret_shape: its number. */
const struct json_node *bulk_shapes_match(struct bulk_shapes *shapes, struct walk *walk, size_t *ret_shape);
/* Learn the shape of a document that has none, if that promises to be of use, and read it on the way; NULL: not learnt, for whatever reason. */
const struct json_node *bulk_shapes_learn(struct bulk_shapes *shapes, const struct walk *walk, size_t *ret_shape);
/* The shapes for a field tree; those of another are forgotten. NULL: no memory. */
struct bulk_shapes *bulk_shapes_for(struct bulk_shapes *shapes, const struct json_fields *root);
void bulk_shapes_free(struct bulk_shapes *shapes);

/* The bytes between a document's values (bulk_spans.c). Start with zeros, and again where arena is reset. */
enum bulk_hole { BULK_HOLE_NONE, BULK_HOLE_TEXT, BULK_HOLE_TEXT_PASSED, BULK_HOLE_NUMBER, BULK_HOLE_NUMBER_PASSED };
struct bulk_span;
struct bulk_spans {
    struct bulk_span *first;
    size_t count, paths;
    bool breaks; /* there are line breaks in them */
    int64_t hits, misses, idle; /* documents; idle: before it is tried again */
};
/* The document's shape, and its texts in their order; NULL: it is like none. lines: text is many documents, one on each line; it becomes the first of them.
 * It has 16 readable bytes behind its end; texts has room for those of any shape. */
const struct bulk_shape *bulk_spans_match(struct bulk_spans *spans, struct str *text, bool lines, struct str *texts);
/* Learn the document that walk stands behind: from, its first token; texts, what its shape's nodes got. */
void bulk_spans_learn(struct bulk_spans *spans, struct arena *arena, const struct walk *walk, const uint32_t *from, const struct str *texts, size_t count,
                      const struct bulk_shape *shape);
/* A document without its tokens: its nodes, with its texts, as bulk_shapes_match; NULL: they must be found. */
const struct json_node *bulk_shapes_compare(struct bulk_shapes *shapes, struct str *text, bool lines, size_t *ret_shape);

static inline bool bulk_is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* What no value of one token begins with. */
static inline bool bulk_no_scalar(unsigned char first)
{
    static const bool no_scalar[256] = {['\0'] = true, [','] = true, [':'] = true, ['{'] = true, ['['] = true, ['}'] = true, [']'] = true};
    return no_scalar[first];
}

/* The character that the next token begins with; 0: there is no more. */
static inline char bulk_peek(const struct walk *walk)
{
    return walk->at < walk->end ? walk->text[*walk->at] : '\0';
}

/* The token without the blanks behind it. */
static inline struct str bulk_token(const struct walk *walk, const uint32_t *at)
{
    size_t from = at[0], to = at[1];
    while (to > from && bulk_is_blank(walk->text[to - 1]))
        to--;
    return (struct str){walk->text + from, to - from};
}

static inline uint64_t bulk_head(const char *text)
{
    uint64_t head;
    memcpy(&head, text, sizeof head);
    return head;
}

/* Both have 8 readable bytes behind their end. */
static inline bool bulk_same_bytes(const char *a, const char *b, size_t length)
{
    size_t idx = 0;
    for (; idx + 8 <= length; idx += 8)
        if (bulk_head(a + idx) != bulk_head(b + idx))
            return false;
    return idx == length || ((bulk_head(a + idx) ^ bulk_head(b + idx)) & (UINT64_MAX >> (64 - 8 * (length - idx)))) == 0;
}

/* Is there a backslash in a text? It has 8 readable bytes behind its end. */
static inline bool bulk_has_backslash(struct str text)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t found = 0;
    for (size_t idx = 0; idx < text.len; idx += 8) {
        uint64_t other = bulk_head(text.ptr + idx) ^ ('\\' * ones);
        found |= (other - ones) & ~other & highs;
    }
    /* What lies behind the text may have one: look again. */
    return found != 0 && memchr(text.ptr, '\\', text.len) != NULL;
}

#endif
