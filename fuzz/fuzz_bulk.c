/* layer: json — the bulk reader beside jansson: json_bulk_check takes what jansson takes (twice the same member, and a number
 * beyond a double, apart, which only jansson refuses), what it takes is read whole with the same texts, and no reading, whatever
 * is passed over, looks outside the text and its padding. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json/bulk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void same(const struct json_node *node, const json_t *json)
{
    size_t elements = 0;
    switch (node->kind) {
    case JSON_NODE_NULL:
        if (!json_is_null(json))
            abort();
        return;
    case JSON_NODE_TRUE:
    case JSON_NODE_FALSE:
        if (!json_is_boolean(json) || json_is_true(json) != (node->kind == JSON_NODE_TRUE))
            abort();
        return;
    case JSON_NODE_NUMBER:
        if (!json_is_number(json) || node->text.len == 0)
            abort();
        return;
    case JSON_NODE_STRING:
        if (!json_is_string(json) || json_string_length(json) != node->text.len ||
            (node->text.len > 0 && memcmp(json_string_value(json), node->text.ptr, node->text.len) != 0))
            abort();
        return;
    case JSON_NODE_ARRAY:
        for (const struct json_node *child = node->first; child != NULL; child = child->next)
            same(child, json_array_get(json, elements++));
        if (json_array_size(json) != elements)
            abort();
        return;
    case JSON_NODE_OBJECT:
        for (const struct json_node *child = node->first; child != NULL; child = child->next, elements++)
            same(child, json_object_getn(json, child->name.ptr, child->name.len));
        if (json_object_size(json) != elements)
            abort();
        return;
    }
}

static void walk_some(struct json_bulk *bulk, struct str text, struct arena *arena, bool padded, bool *ret_read)
{
    static struct json_fields inner[] = {{.name = {"a", 1}, .slot = 1}, {.name = {"value", 5}, .choice = true}, {.name = {"aVeryLongName", 13}, .whole = true}};
    static struct json_fields root = {.children = inner, .child_count = 3};
    const struct json_node *node;
    struct err err = {0};
    inner[0].children = inner;
    inner[0].child_count = 0;
    json_fields_seal(&root);
    *ret_read = json_bulk_read(bulk, text, padded, &root, arena, &node, &err) == ERR_OK;
    if (!*ret_read && err.message[0] == '\0')
        abort();
}

static void same_nodes(const struct json_node *a, const struct json_node *b)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        if (a->kind != b->kind || a->field != b->field || !str_equal(a->name, b->name) || !str_equal(a->text, b->text) || (a->members == NULL) != (b->members == NULL))
            abort();
        same_nodes(a->first, b->first);
    }
    if (a != b)
        abort();
}

/* The text as one of many that are alike: line by line, three times (walked, matched by tokens, compared by bytes), which gives what reading each by itself gives. */
static void read_alike(struct json_bulk *bulk, struct str text, struct arena *arena)
{
    static struct json_fields inner[] = {{.name = {"a", 1}, .slot = 1}, {.name = {"value", 5}, .choice = true}};
    static struct json_fields root = {.children = inner, .child_count = 2};
    inner[0].children = inner + 1;
    inner[0].child_count = 1;
    if (!root.sealed)
        json_fields_seal(&root);
    for (size_t round = 0, from = 0; round < 3; round += from >= text.len) {
        from = from >= text.len ? 0 : from;
        const char *end = from < text.len ? memchr(text.ptr + from, '\n', text.len - from) : NULL;
        struct str line = {text.ptr + from, end != NULL ? (size_t)(end - text.ptr) - from : text.len - from};
        const struct json_node *alike, *alone;
        struct err err = {0}, other = {0};
        size_t shape;
        struct str first;
        const struct json_node *known = json_bulk_read_known(bulk, (struct str){text.ptr + from, text.len - from}, &root, &first, &shape);
        if (known != NULL) {
            if (!str_equal(first, str_trim(line)) || json_bulk_read(bulk, line, true, &root, arena, &alone, &other) != ERR_OK)
                abort();
            same_nodes(known, alone);
        }
        enum err_code code = json_bulk_read_alike(bulk, line, true, &root, arena, &alike, &shape, &err);
        if (json_bulk_read(bulk, line, true, &root, arena, &alone, &other) != code || strcmp(err.message, other.message) != 0)
            abort();
        if (code == ERR_OK)
            same_nodes(alike, alone);
        from += line.len + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    AUTO(json_bulk_free) struct json_bulk *bulk = NULL;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    if (arena == NULL || json_bulk_new(&bulk, &err) != ERR_OK)
        abort();
    /* Just as much room as is promised: the sanitizer sees what looks further. */
    char *room = mem_alloc(count + JSON_BULK_PADDING);
    if (room == NULL)
        abort();
    memset(room, '"', count + JSON_BULK_PADDING);
    if (count > 0)
        memcpy(room, bytes, count);
    struct str text = {room, count};
    bool wanted, unpadded;
    walk_some(bulk, text, arena, true, &wanted);
    walk_some(bulk, (struct str){(const char *)bytes, count}, arena, false, &unpadded);
    if (wanted != unpadded)
        abort();
    read_alike(bulk, text, arena);
    bool whole = json_bulk_check(bulk, text, true, &err) == ERR_OK;
    if (whole && !wanted)
        abort();
    json_error_t reason;
    json_t *json = json_loadb(room, count, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &reason);
    enum json_error_code refused = json == NULL ? json_error_code(&reason) : json_error_unknown;
    bool nul = count > 0 && memchr(room, '\0', count) != NULL; /* jansson takes one behind a token for nothing */
    if (json != NULL && !whole && err.code != ERR_LIMIT && !nul)
        abort();
    if (json == NULL && whole && refused != json_error_duplicate_key && refused != json_error_numeric_overflow && refused != json_error_null_byte_in_key)
        abort();
    const struct json_node *node;
    struct json_fields all = {.whole = true};
    if (json != NULL && whole) {
        if (json_bulk_read(bulk, text, true, &all, arena, &node, &err) != ERR_OK)
            abort();
        same(node, json);
    }
    json_decref(json);
    mem_free(room);
    return 0;
}
