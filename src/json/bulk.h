/* The bulk reader: one JSON document after another, at gigabytes a second. simdjson finds the tokens (bulk.cc, the only
 * C++ of the tree); bulk.c walks them; C sees plain structs. The one idea: the caller says in a *field tree* what it will look at, the
 * document is walked once, forwards, and only that is kept; everything else is skipped without being looked into.
 *
 *     fields   {id, name:{family, given}}          (arrays are transparent: a list of names has the fields of a name)
 *     document {"resourceType":"Patient","id":"p1","name":[{"use":"official","family":"Smith","given":["John","Q"]}],"text":{…}}
 *     nodes    object ─ id "p1" ─ name array ─ object ─ family "Smith" ─ given array ─ "John" ─ "Q" */
#ifndef MARROW_JSON_BULK_H
#define MARROW_JSON_BULK_H

#include "base/arena.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

#define JSON_BULK_LIMIT_DEPTH 512              /* of a document; deeper → ERR_LIMIT */
#define JSON_BULK_LIMIT_BYTES (1LL << 30)      /* of one document; longer → ERR_LIMIT */
#define JSON_BULK_PADDING 64                   /* readable bytes behind a document that is handed over in place */

/* What is wanted of an object (of each element, where it is an array of objects). Borrowed by the reader; immutable once
 * json_fields_seal has been called for the root, which makes names quick to find (without, they are found slower). */
struct json_fields {
    struct str name; /* the member's name; the root's is empty */
    bool whole;      /* everything below it, and its source text */
    bool choice;     /* FHIR's value[x]: members of this name, or of this name and a capital letter after it */
    struct json_fields *children;
    size_t child_count;
    size_t slot; /* the caller's own number */
    const uint16_t *positions; /* the caller's own, by slot: a child's position + 1, or 0 */
    /* json_fields_seal: */
    uint64_t head, tail;         /* the name's first and last 8 bytes */
    uint64_t initials;           /* of the children's names */
    uint64_t multiplier;         /* hashes the children's names into places without a clash; 0: they are compared one by one */
    uint8_t places[64];          /* a child's position + 1, or 0 */
    bool sealed, has_choices;    /* among the children */
};
void json_fields_seal(struct json_fields *root);
enum json_node_kind { JSON_NODE_NULL, JSON_NODE_FALSE, JSON_NODE_TRUE, JSON_NODE_NUMBER, JSON_NODE_STRING, JSON_NODE_ARRAY, JSON_NODE_OBJECT };
struct json_node {
    enum json_node_kind kind;
    const struct json_fields *field; /* that it matched; an element has its array's; NULL below a whole one where it names no children */
    struct str name;                 /* a member's name, unescaped; of an element empty */
    struct str text; /* STRING: unescaped; NUMBER: exactly as written (1.0 stays 1.0); ARRAY, OBJECT: source text if whole, else empty */
    const struct json_node *first;   /* members or elements, in the document's order */
    const struct json_node *next;    /* the next member or element of the same parent */
    const struct json_node **members; /* OBJECT with a field that has children: the first member that matched, by position; NULL: none did */
};

struct json_bulk; /* a reader: buffers that are used again; one thread at a time */
enum err_code json_bulk_new(struct json_bulk **ret, struct err *err) WARN_UNUSED;
void json_bulk_free(struct json_bulk *bulk);
AUTO_DEFINE(struct json_bulk, json_bulk_free)
/* Read one document. padded: JSON_BULK_PADDING bytes behind text may be read (mapped file, own buffer); else it is copied first. Nodes are allocated from
 * arena; texts lie in the document, in arena, or in the reader, and hold until the next call or until the document goes.
 * Errors: ERR_INPUT (no JSON: message with the byte offset, no content; more than one value; ill-formed UTF-8), ERR_LIMIT, ERR_MEMORY.
 * What the field tree does not name is only balanced, not checked: json_bulk_check does. */
enum err_code json_bulk_read(struct json_bulk *bulk, struct str text, bool padded, const struct json_fields *root, struct arena *arena,
                             const struct json_node **ret, struct err *err) WARN_UNUSED;
/* The same for many documents that are alike, faster: what is learnt of one is used for the next (bulk_shapes.c, bulk_spans.c). *ret_shape: 0, or the number of the document's
 * shape: documents with the same number have the very same nodes, one after another, with other texts; so a node, too, holds until the next call only. A number
 * is never used for another shape. */
enum err_code json_bulk_read_alike(struct json_bulk *bulk, struct str text, bool padded, const struct json_fields *root, struct arena *arena,
                                   const struct json_node **ret, size_t *ret_shape, struct err *err) WARN_UNUSED;
/* The first of many lines, where it is a document like those before it: its nodes, *ret_line (with no blanks around it), *ret_shape; NULL: find its end, and read it
 * as one that is alike. JSON_BULK_PADDING bytes behind lines may be read. */
const struct json_node *json_bulk_read_known(struct json_bulk *bulk, struct str lines, const struct json_fields *root, struct str *ret_line, size_t *ret_shape);
/* Is text one JSON value, wholly well formed (no string with half a surrogate pair, too)? For import: what passes here never fails in json_bulk_read. */
enum err_code json_bulk_check(struct json_bulk *bulk, struct str text, bool padded, struct err *err) WARN_UNUSED;

#ifdef __cplusplus
}
#endif

#endif
