/* The walk over a document's tokens (bulk_priv.h), one value after another, depth first. What the field tree names becomes
 * nodes; the rest is passed over by counting brackets. A token reaches from its own beginning to the next one's, less blanks,
 * so strings are not searched for their end; only kept ones are searched for backslashes.
 *
 * The walk never looks behind `end` tokens, and of the text never further than JSON_BULK_PADDING behind its end. */
#include "json/bulk.h"

#include <string.h>

#include "json/bulk_walk_priv.h"

#define ROOM_BYTES ((size_t)4096) /* for nodes, taken of the arena at once */
#define SEAL_TRIES 1000

/* ---- the reader -------------------------------------------------------------------------------- */

enum err_code json_bulk_new(struct json_bulk **ret, struct err *err)
{
    AUTO(json_bulk_free) struct json_bulk *bulk = mem_zalloc(1, sizeof *bulk);
    if (bulk == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read JSON");
    TRY(bulk_index_new(&bulk->index, err));
    *ret = bulk;
    bulk = NULL;
    return ERR_OK;
}

void json_bulk_free(struct json_bulk *bulk)
{
    if (bulk == NULL)
        return;
    bulk_index_free(bulk->index);
    bulk_shapes_free(bulk->shapes);
    mem_free(bulk->copy);
    mem_free(bulk);
}

/* What two names are told apart by: 8 bytes from the beginning and from the end. name has 8 readable bytes. */
struct name_key {
    uint64_t head, tail;
};

static inline struct name_key key_of(struct str name)
{
    if (name.len >= 8)
        return (struct name_key){bulk_head(name.ptr), bulk_head(name.ptr + name.len - 8)};
    uint64_t head = name.len > 0 ? bulk_head(name.ptr) & (UINT64_MAX >> (64 - 8 * name.len)) : 0;
    return (struct name_key){head, name.len};
}

static inline size_t place_of(struct name_key key, uint64_t multiplier)
{
    return (size_t)(((key.head ^ (key.tail << 23 | key.tail >> 41)) * multiplier) >> 58);
}

/* One bit for names that begin alike. */
static uint64_t initial_bit(char first)
{
    return (uint64_t)1 << ((unsigned char)first & 63);
}

static bool try_places(struct json_fields *fields)
{
    memset(fields->places, 0, sizeof fields->places);
    for (size_t idx = 0; idx < fields->child_count; idx++) {
        const struct json_fields *child = &fields->children[idx];
        size_t place = place_of((struct name_key){child->head, child->tail}, fields->multiplier);
        if (child->choice)
            continue;
        if (fields->places[place] != 0)
            return false;
        fields->places[place] = (uint8_t)(idx + 1);
    }
    return true;
}

void json_fields_seal(struct json_fields *root)
{
    char name[8] = {0};
    struct str padded = root->name;
    if (root->name.len < 8) { /* 8 readable bytes */
        if (root->name.len > 0)
            memcpy(name, root->name.ptr, root->name.len);
        padded.ptr = name;
    }
    struct name_key key = key_of(padded);
    root->head = key.head;
    root->tail = key.tail;
    root->initials = 0;
    for (size_t idx = 0; idx < root->child_count; idx++) {
        struct json_fields *child = &root->children[idx];
        json_fields_seal(child);
        root->initials |= child->name.len > 0 ? initial_bit(child->name.ptr[0]) : 0;
        root->has_choices = root->has_choices || child->choice;
    }
    root->multiplier = 0x9E3779B97F4A7C15u;
    for (int tries = 0; tries < SEAL_TRIES && root->child_count < 64; tries++) {
        if (try_places(root)) {
            root->sealed = true;
            return;
        }
        root->multiplier = root->multiplier * 0xD1342543DE82EF95u | 1;
    }
    root->multiplier = 0;
    root->sealed = true;
}

/* ---- tokens ------------------------------------------------------------------------------------ */

static enum err_code unexpected(const struct walk *walk, size_t at, const char *expected)
{
    if (at >= walk->length)
        return err_set(walk->err, ERR_INPUT, "no JSON: it ends at byte %zu where %s was expected", walk->length, expected);
    return err_set(walk->err, ERR_INPUT, "no JSON: at byte %zu %s was expected", at, expected);
}

static enum err_code too_deep(const struct walk *walk)
{
    return err_set(walk->err, ERR_LIMIT, "JSON nested deeper than %d", JSON_BULK_LIMIT_DEPTH);
}

static enum err_code no_memory(const struct walk *walk)
{
    return err_set(walk->err, ERR_MEMORY, "no memory to read JSON");
}

/* The token at hand, and on to the next. */
static inline struct str next_token(struct walk *walk)
{
    return bulk_token(walk, walk->at++);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *digits(const char *at, const char *end)
{
    while (at < end && is_digit(*at))
        at++;
    return at;
}

bool bulk_is_number(struct str s)
{
    const char *at = s.ptr, *end = s.ptr + s.len;
    if (at < end && *at == '-')
        at++;
    if (at == end || !is_digit(*at))
        return false;
    at = *at == '0' ? at + 1 : digits(at, end);
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        at = digits(fraction, end);
        if (at == fraction)
            return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        const char *exponent = at;
        at = digits(exponent, end);
        if (at == exponent)
            return false;
    }
    return at == end;
}

/* ---- strings ----------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits at `at`; -1: there are none. */
static int32_t hex4(const char *at, const char *end)
{
    int32_t value = 0;
    if (end - at < 4)
        return -1;
    for (int idx = 0; idx < 4; idx++) {
        int digit = hex_digit(at[idx]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static size_t utf8_write(uint32_t code, char *ret)
{
    if (code < 0x80) {
        ret[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        ret[0] = (char)(0xC0 | code >> 6);
        ret[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        ret[0] = (char)(0xE0 | code >> 12);
        ret[1] = (char)(0x80 | (code >> 6 & 0x3F));
        ret[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    ret[0] = (char)(0xF0 | code >> 18);
    ret[1] = (char)(0x80 | (code >> 12 & 0x3F));
    ret[2] = (char)(0x80 | (code >> 6 & 0x3F));
    ret[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* The code point of \uXXXX (*at is behind the u) or of a pair of surrogates; false: half a pair, or no digits. */
static bool unicode_escape(const char **at, const char *end, uint32_t *ret)
{
    int32_t first = hex4(*at, end);
    if (first < 0 || (first >= 0xDC00 && first < 0xE000))
        return false;
    *at += 4;
    *ret = (uint32_t)first;
    if (first < 0xD800 || first >= 0xE000)
        return true;
    if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return false;
    int32_t second = hex4(*at + 2, end);
    if (second < 0xDC00 || second >= 0xE000)
        return false;
    *at += 6;
    *ret = 0x10000 + (((uint32_t)first - 0xD800) << 10) + ((uint32_t)second - 0xDC00);
    return true;
}

/* raw without its escapes into to (raw.len bytes; NULL: only checked). */
static bool unescape(struct str raw, char *to, size_t *ret_length)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *at = raw.ptr, *end = raw.ptr + raw.len;
    size_t length = 0;
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash != NULL ? slash : end) - at);
        if (to != NULL)
            memcpy(to + length, at, plain);
        length += plain;
        if (slash == NULL)
            break;
        at = slash + 2;
        if (at > end)
            return false;
        char bytes[4];
        size_t count = 1;
        uint32_t code;
        const char *letter = slash[1] != '\0' ? strchr(letters, slash[1]) : NULL;
        if (letter != NULL)
            bytes[0] = meant[letter - letters];
        else if (slash[1] == 'u' && unicode_escape(&at, end, &code))
            count = utf8_write(code, bytes);
        else
            return false;
        if (to != NULL)
            memcpy(to + length, bytes, count);
        length += count;
    }
    *ret_length = length;
    return true;
}

enum err_code bulk_string_text(struct walk *walk, struct str quoted, struct str *ret)
{
    struct str raw = {quoted.ptr + 1, quoted.len - 2};
    *ret = raw;
    if (walk->plain || raw.len == 0 || memchr(raw.ptr, '\\', raw.len) == NULL)
        return ERR_OK;
    char *to = arena_alloc(walk->arena, raw.len);
    if (to == NULL)
        return no_memory(walk);
    ret->ptr = to;
    if (!unescape(raw, to, &ret->len))
        return unexpected(walk, (size_t)(quoted.ptr - walk->text), "a string with valid escapes");
    return ERR_OK;
}

/* The next token, which must be a string. */
static enum err_code string_token(struct walk *walk, const char *expected, struct str *ret)
{
    size_t at = *walk->at;
    if (bulk_peek(walk) != '"')
        return unexpected(walk, at, expected);
    *ret = next_token(walk);
    /* The index has no string without its end: this can't be. */
    if (ret->len < 2 || ret->ptr[ret->len - 1] != '"')
        return unexpected(walk, at, expected);
    return ERR_OK;
}

/* ---- passing over ------------------------------------------------------------------------------ */

/* +1, -1 by bracket; a table, since a branch for each would be guessed wrongly too often. */
static const int8_t deeper[256] = {['{'] = 1, ['['] = 1, ['}'] = -1, [']'] = -1};

enum err_code bulk_pass_over(struct walk *walk, size_t depth)
{
    char first = bulk_peek(walk);
    if (first == '\0' || first == ',' || first == ':' || first == '}' || first == ']')
        return unexpected(walk, *walk->at, "a value");
    walk->at++;
    if (deeper[(unsigned char)first] == 0)
        return ERR_OK;
    const uint32_t *at = walk->at, *end = walk->end;
    int64_t open = 1, most = JSON_BULK_LIMIT_DEPTH - (int64_t)depth;
    if (end - at < most) /* so few tokens are not too deep */
        while (at < end && open > 0)
            open += deeper[(unsigned char)walk->text[*at++]];
    while (at < end && open > 0 && open <= most)
        open += deeper[(unsigned char)walk->text[*at++]];
    walk->at = at;
    if (open > most)
        return too_deep(walk);
    return open == 0 ? ERR_OK : unexpected(walk, walk->length, "a closing bracket");
}

/* ---- keeping ----------------------------------------------------------------------------------- */

/* Not zeroed. */
static void *room_for(struct walk *walk, size_t bytes)
{
    if (walk->room_bytes < bytes) {
        size_t more = bytes > ROOM_BYTES ? bytes : ROOM_BYTES;
        walk->room = arena_alloc_raw(walk->arena, more);
        walk->room_bytes = walk->room != NULL ? more : 0;
        if (walk->room == NULL)
            return NULL;
    }
    void *found = walk->room;
    walk->room += bytes;
    walk->room_bytes -= bytes;
    return found;
}

static inline struct json_node *node_new(struct walk *walk, const struct json_fields *field)
{
    struct json_node *node = room_for(walk, sizeof *node);
    if (node != NULL)
        *node = (struct json_node){.field = field};
    return node;
}

static bool members_new(struct walk *walk, struct json_node *object)
{
    size_t count = object->field != NULL ? object->field->child_count : 0;
    if (count == 0)
        return true;
    object->members = room_for(walk, count * sizeof(struct json_node *));
    for (size_t idx = 0; object->members != NULL && idx < count; idx++)
        object->members[idx] = NULL;
    return object->members != NULL;
}

static bool is_exact(const struct json_fields *field, struct name_key key, struct str name)
{
    return field->head == key.head && field->tail == key.tail && name.len == field->name.len &&
           (name.len <= 16 || memcmp(name.ptr, field->name.ptr, name.len) == 0);
}

static bool is_choice(const struct json_fields *field, struct str name)
{
    if (!field->choice || name.len < field->name.len || memcmp(name.ptr, field->name.ptr, field->name.len) != 0)
        return false;
    return name.len == field->name.len || (name.ptr[field->name.len] >= 'A' && name.ptr[field->name.len] <= 'Z');
}

/* One by one, in the order of the fields. */
static const struct json_fields *field_search(const struct json_fields *fields, struct name_key key, struct str name)
{
    for (size_t idx = 0; idx < fields->child_count; idx++) {
        const struct json_fields *field = &fields->children[idx];
        if (field->choice ? is_choice(field, name) : field->sealed ? is_exact(field, key, name) : str_equal(field->name, name))
            return field;
    }
    return NULL;
}

/* name has 8 readable bytes. */
static inline const struct json_fields *field_find(const struct json_fields *fields, struct str name)
{
    if (name.len == 0 || (fields->initials != 0 && (fields->initials & initial_bit(name.ptr[0])) == 0))
        return NULL;
    struct name_key key = key_of(name);
    if (fields->multiplier == 0 || fields->has_choices)
        return field_search(fields, key, name);
    size_t position = fields->places[place_of(key, fields->multiplier)];
    return position != 0 && is_exact(&fields->children[position - 1], key, name) ? &fields->children[position - 1] : NULL;
}

/* A member's name and the field that it matches, or NULL. *ret_name is unescaped. */
static inline enum err_code member_name(struct walk *walk, const struct json_fields *fields, struct str *ret_name, const struct json_fields **ret)
{
    struct str quoted;
    TRY(string_token(walk, "a member's name or }", &quoted));
    struct str name = {quoted.ptr + 1, quoted.len - 2};
    if (!walk->plain && bulk_has_backslash(name)) {
        char *to = arena_alloc(walk->arena, name.len + 8);
        if (to == NULL)
            return no_memory(walk);
        size_t length;
        if (!unescape(name, to, &length))
            return unexpected(walk, (size_t)(quoted.ptr - walk->text), "a name with valid escapes");
        name = (struct str){to, length};
    }
    *ret_name = name;
    *ret = fields != NULL ? field_find(fields, name) : NULL;
    if (bulk_peek(walk) != ':')
        return unexpected(walk, *walk->at, ":");
    walk->at++;
    return ERR_OK;
}

/* member_name of a name without blanks and backslashes around it, which is nearly every one. False: it is not so, nothing is done. */
static inline bool plain_name(struct walk *walk, const struct json_fields *fields, struct str *ret_name, const struct json_fields **ret)
{
    const uint32_t *at = walk->at;
    const char *text = walk->text;
    if (!walk->plain || walk->end - at < 2 || text[at[0]] != '"' || text[at[1]] != ':' || at[1] < at[0] + 2 || text[at[1] - 1] != '"')
        return false;
    *ret_name = (struct str){text + at[0] + 1, at[1] - at[0] - 2};
    *ret = fields != NULL ? field_find(fields, *ret_name) : NULL;
    walk->at = at + 2;
    return true;
}

/* For who learns: a value was kept or passed over. */
static void note(struct walk *walk, enum bulk_event_kind kind, const uint32_t *from, size_t depth, struct json_node *node)
{
    struct bulk_events *events = walk->events;
    if (events->count < events->cap)
        events->list[events->count] = (struct bulk_event){kind, from, walk->at, depth, node};
    events->count++;
}

static enum err_code keep_members(struct walk *walk, struct json_node *object, bool whole, size_t depth)
{
    const struct json_node **link = &object->first;
    if (!members_new(walk, object))
        return no_memory(walk);
    if (bulk_peek(walk) == '}')
        return walk->at++, ERR_OK;
    for (;;) {
        struct str name;
        const struct json_fields *field = NULL;
        if (!plain_name(walk, object->field, &name, &field))
            TRY(member_name(walk, object->field, &name, &field));
        if (field == NULL && !whole) {
            const uint32_t *from = walk->at;
            if (!bulk_no_scalar((unsigned char)bulk_peek(walk)))
                walk->at++;
            else
                TRY(bulk_pass_over(walk, depth));
            if (walk->events != NULL)
                note(walk, BULK_PASSED, from, depth, NULL);
        } else {
            struct json_node *node;
            TRY(bulk_keep(walk, field, whole || field->whole, depth, &node));
            node->name = name;
            *link = node;
            link = &node->next;
            if (field != NULL && object->members[field - object->field->children] == NULL)
                object->members[field - object->field->children] = node;
        }
        char next = bulk_peek(walk);
        if (next != ',' && next != '}')
            return unexpected(walk, *walk->at, ", or }");
        walk->at++;
        if (next == '}')
            return ERR_OK;
    }
}

static enum err_code keep_elements(struct walk *walk, struct json_node *array, bool whole, size_t depth)
{
    const struct json_node **link = &array->first;
    if (bulk_peek(walk) == ']')
        return walk->at++, ERR_OK;
    for (;;) {
        struct json_node *node;
        TRY(bulk_keep(walk, array->field, whole, depth, &node));
        *link = node;
        link = &node->next;
        char next = bulk_peek(walk);
        if (next != ',' && next != ']')
            return unexpected(walk, *walk->at, ", or ]");
        walk->at++;
        if (next == ']')
            return ERR_OK;
    }
}

static enum err_code keep_scalar(struct walk *walk, size_t depth, struct json_node *node)
{
    const uint32_t *from = walk->at;
    struct str word = next_token(walk);
    node->text = word;
    if (bulk_is_number(word))
        node->kind = JSON_NODE_NUMBER;
    else if (str_equal(word, STR("true")))
        node->kind = JSON_NODE_TRUE;
    else if (str_equal(word, STR("false")))
        node->kind = JSON_NODE_FALSE;
    else if (str_equal(word, STR("null")))
        node->kind = JSON_NODE_NULL;
    else
        return unexpected(walk, *from, "a value");
    if (node->kind != JSON_NODE_NUMBER)
        node->text = (struct str){NULL, 0};
    else if (walk->events != NULL)
        note(walk, BULK_NUMBER, from, depth, node);
    return ERR_OK;
}

static enum err_code keep_string(struct walk *walk, size_t depth, struct json_node *node)
{
    const uint32_t *from = walk->at;
    struct str quoted;
    node->kind = JSON_NODE_STRING;
    TRY(string_token(walk, "a value", &quoted));
    if (walk->events != NULL)
        note(walk, BULK_STRING, from, depth, node);
    return bulk_string_text(walk, quoted, &node->text);
}

enum err_code bulk_keep(struct walk *walk, const struct json_fields *field, bool whole, size_t depth, struct json_node **ret)
{
    struct json_node *node = node_new(walk, field);
    if (node == NULL)
        return no_memory(walk);
    *ret = node;
    char first = bulk_peek(walk);
    if (first == '"')
        return keep_string(walk, depth, node);
    if (first != '{' && first != '[')
        return walk->at < walk->end ? keep_scalar(walk, depth, node) : unexpected(walk, walk->length, "a value");
    if (depth >= JSON_BULK_LIMIT_DEPTH)
        return too_deep(walk);
    size_t from = *walk->at++;
    node->kind = first == '{' ? JSON_NODE_OBJECT : JSON_NODE_ARRAY;
    TRY(first == '{' ? keep_members(walk, node, whole, depth + 1) : keep_elements(walk, node, whole, depth + 1));
    if (whole)
        node->text = (struct str){walk->text + from, walk->at[-1] + 1 - from};
    return ERR_OK;
}

/* ---- checking ---------------------------------------------------------------------------------- */

static enum err_code check_string(struct walk *walk, const char *expected)
{
    struct str quoted;
    size_t length;
    TRY(string_token(walk, expected, &quoted));
    if (memchr(quoted.ptr, '\\', quoted.len) == NULL || unescape((struct str){quoted.ptr + 1, quoted.len - 2}, NULL, &length))
        return ERR_OK;
    return unexpected(walk, (size_t)(quoted.ptr - walk->text), "a string with valid escapes");
}

static enum err_code check_value(struct walk *walk, size_t depth);

static enum err_code check_nested(struct walk *walk, char open, size_t depth)
{
    char close = open == '{' ? '}' : ']';
    if (depth >= JSON_BULK_LIMIT_DEPTH)
        return too_deep(walk);
    walk->at++;
    if (bulk_peek(walk) == close)
        return walk->at++, ERR_OK;
    for (;;) {
        if (open == '{') {
            TRY(check_string(walk, "a member's name or }"));
            if (bulk_peek(walk) != ':')
                return unexpected(walk, *walk->at, ":");
            walk->at++;
        }
        TRY(check_value(walk, depth + 1));
        char next = bulk_peek(walk);
        if (next != ',' && next != close)
            return unexpected(walk, *walk->at, open == '{' ? ", or }" : ", or ]");
        walk->at++;
        if (next == close)
            return ERR_OK;
    }
}

static enum err_code check_value(struct walk *walk, size_t depth)
{
    struct json_node scalar = {0};
    char first = bulk_peek(walk);
    if (first == '"')
        return check_string(walk, "a value");
    if (first == '{' || first == '[')
        return check_nested(walk, first, depth);
    return walk->at < walk->end ? keep_scalar(walk, depth, &scalar) : unexpected(walk, walk->length, "a value");
}

/* ---- the door ---------------------------------------------------------------------------------- */

/* A copy with padding, where the text has none. */
static enum err_code padded_copy(struct json_bulk *bulk, struct str *text, struct err *err)
{
    if (bulk->copy_bytes < text->len + JSON_BULK_PADDING) {
        size_t bytes = text->len + text->len / 2 + JSON_BULK_PADDING;
        char *larger = mem_resize(bulk->copy, bytes, 1);
        if (larger == NULL)
            return err_set(err, ERR_MEMORY, "no memory to read JSON");
        bulk->copy = larger;
        bulk->copy_bytes = bytes;
    }
    if (text->len > 0)
        memcpy(bulk->copy, text->ptr, text->len);
    memset(bulk->copy + text->len, ' ', JSON_BULK_PADDING);
    text->ptr = bulk->copy;
    return ERR_OK;
}

static bool is_plain(struct str text)
{
    return text.len == 0 || memchr(text.ptr, '\\', text.len) == NULL;
}

static enum err_code walk_begin(struct json_bulk *bulk, struct str text, bool padded, struct arena *arena, struct walk *ret, struct err *err)
{
    if (text.len > JSON_BULK_LIMIT_BYTES)
        return err_set(err, ERR_LIMIT, "a JSON document of %zu bytes: %lld at most", text.len, (long long)JSON_BULK_LIMIT_BYTES);
    if (!padded)
        TRY(padded_copy(bulk, &text, err));
    size_t count;
    *ret = (struct walk){.text = text.ptr, .length = text.len, .arena = arena, .err = err};
    TRY(bulk_index_text(bulk->index, text.ptr, text.len, &ret->at, &count, err));
    ret->end = ret->at + count;
    return ERR_OK;
}

static enum err_code walk_end(const struct walk *walk)
{
    return walk->at == walk->end ? ERR_OK : unexpected(walk, *walk->at, "the end");
}

enum err_code json_bulk_read(struct json_bulk *bulk, struct str text, bool padded, const struct json_fields *root, struct arena *arena, const struct json_node **ret,
                             struct err *err)
{
    struct walk walk;
    struct json_node *node;
    TRY(walk_begin(bulk, text, padded, arena, &walk, err));
    walk.plain = is_plain(text);
    TRY(bulk_keep(&walk, root, root->whole, 0, &node));
    TRY(walk_end(&walk));
    *ret = node;
    return ERR_OK;
}

enum err_code json_bulk_read_alike(struct json_bulk *bulk, struct str text, bool padded, const struct json_fields *root, struct arena *arena,
                                   const struct json_node **ret, size_t *ret_shape, struct err *err)
{
    struct walk walk;
    struct json_node *node;
    *ret_shape = 0;
    bulk->shapes = bulk_shapes_for(bulk->shapes, root);
    if (bulk->shapes == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read JSON");
    if (!padded && text.len <= JSON_BULK_LIMIT_BYTES)
        TRY(padded_copy(bulk, &text, err));
    if (text.ptr != bulk->strange && (*ret = bulk_shapes_compare(bulk->shapes, &text, false, ret_shape)) != NULL)
        return ERR_OK;
    bulk->strange = NULL;
    TRY(walk_begin(bulk, text, true, arena, &walk, err));
    const uint32_t *begin = walk.at;
    if ((*ret = bulk_shapes_match(bulk->shapes, &walk, ret_shape)) != NULL)
        return ERR_OK;
    walk.at = begin;
    walk.plain = is_plain((struct str){walk.text, walk.length});
    if ((*ret = bulk_shapes_learn(bulk->shapes, &walk, ret_shape)) != NULL)
        return ERR_OK;
    TRY(bulk_keep(&walk, root, root->whole, 0, &node));
    TRY(walk_end(&walk));
    *ret = node;
    return ERR_OK;
}

const struct json_node *json_bulk_read_known(struct json_bulk *bulk, struct str lines, const struct json_fields *root, struct str *ret_line, size_t *ret_shape)
{
    *ret_line = lines;
    bulk->shapes = bulk_shapes_for(bulk->shapes, root);
    const struct json_node *known = bulk->shapes != NULL ? bulk_shapes_compare(bulk->shapes, ret_line, true, ret_shape) : NULL;
    bulk->strange = known == NULL ? lines.ptr : NULL;
    *ret_line = known != NULL ? str_trim(*ret_line) : lines; /* it may be like one that had blanks around it */
    return known;
}

enum err_code json_bulk_check(struct json_bulk *bulk, struct str text, bool padded, struct err *err)
{
    struct walk walk;
    TRY(walk_begin(bulk, text, padded, NULL, &walk, err));
    TRY(check_value(&walk, 0));
    return walk_end(&walk);
}
