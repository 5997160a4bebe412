/* Documents that are alike: resources of one type from one server have the same members in the same order, over and over. The first
 * of a *shape* is walked (bulk.c) and learnt: the bytes between the values that count, and the nodes. A document is then only compared:
 *
 *     {"resourceType":§,"id":§,"meta":…,"code":{"coding":[{"system":§,"code":§}]}}      § a text, … whatever it is
 *     ╰──── bytes ───╯ ╰bytes╯ ╰ bytes ╯
 *
 * bytes that are equal, where a token begins, have equal tokens, names, brackets, true, false and null; so what follows is the same
 * value of the same field. Where shapes part, there are several steps to choose from: a tree of steps, in which one path fits at
 * most. At its end stand the nodes, which get the document's texts. What fits nowhere is walked. */
#include "json/bulk_walk_priv.h"

#define SHAPES_MOST 256
#define SHAPES_BYTES ((size_t)8 << 20) /* of all shapes together, about */
#define EVENTS_MOST ((size_t)2048)     /* of a document whose shape is learnt */
#define TEXT_MOST ((size_t)64 << 10)
#define STRANGERS_MOST 4096 /* documents of no shape, once no more are learnt, before all is learnt anew */

struct step { /* bytes, then a value */
    const char *bytes;
    size_t length, tokens;
    enum bulk_event_kind kind;
    size_t depth;
    struct step *next, *other; /* behind it; instead of it */
    struct bulk_shape *shape;       /* END */
};
struct bulk_shapes {
    const struct json_fields *root;
    bool useless; /* something is kept whole, whose bytes are never alike */
    struct arena *arena;
    struct step *first;
    struct bulk_spans spans;
    size_t count, last_number;
    int64_t known, strangers; /* documents since the last shape was learnt */
    struct bulk_event events[EVENTS_MOST];
    struct str texts[EVENTS_MOST];
};

static bool keeps_whole(const struct json_fields *fields)
{
    bool whole = fields->whole;
    for (size_t idx = 0; idx < fields->child_count && !whole; idx++)
        whole = keeps_whole(&fields->children[idx]);
    return whole;
}

static void forget(struct bulk_shapes *shapes)
{
    arena_reset(shapes->arena);
    shapes->first = NULL;
    shapes->spans = (struct bulk_spans){.first = NULL};
    shapes->count = 0;
    shapes->known = shapes->strangers = 0;
}

void bulk_shapes_free(struct bulk_shapes *shapes)
{
    if (shapes == NULL)
        return;
    arena_free(shapes->arena);
    mem_free(shapes);
}

struct bulk_shapes *bulk_shapes_for(struct bulk_shapes *shapes, const struct json_fields *root)
{
    if (shapes != NULL && shapes->root == root)
        return shapes;
    if (shapes == NULL) {
        shapes = mem_zalloc(1, sizeof *shapes);
        struct arena *arena = shapes != NULL ? arena_new(0) : NULL;
        if (arena == NULL) {
            mem_free(shapes);
            return NULL;
        }
        shapes->arena = arena;
    }
    forget(shapes);
    shapes->root = root;
    shapes->useless = keeps_whole(root);
    return shapes;
}

/* ---- comparing --------------------------------------------------------------------------------- */

static inline bool begins(enum bulk_event_kind kind, char first)
{
    switch (kind) {
    case BULK_STRING:
        return first == '"';
    case BULK_NUMBER:
        return first == '-' || (first >= '0' && first <= '9');
    case BULK_PASSED:
        return !bulk_no_scalar((unsigned char)first) || first == '{' || first == '[';
    case BULK_END:
        break;
    }
    return true;
}

static inline __attribute__((always_inline)) bool fits(const struct walk *walk, const struct step *step, const uint32_t *at)
{
    size_t from = *at, left = (size_t)(walk->end - at);
    if (step->kind == BULK_END ? left != step->tokens || step->length > walk->length - from : left <= step->tokens || at[step->tokens] != from + step->length)
        return false;
    return bulk_same_bytes(walk->text + from, step->bytes, step->length) && (step->kind == BULK_END || begins(step->kind, walk->text[from + step->length]));
}

/* The step that fits, brought to the front: the next document most likely takes it too. */
static struct step *other_step(const struct walk *walk, struct step **first)
{
    for (struct step **link = &(*first)->other; *link != NULL; link = &(*link)->other) {
        struct step *step = *link;
        if (!fits(walk, step, walk->at))
            continue;
        *link = step->other;
        step->other = *first;
        *first = step;
        return step;
    }
    return NULL;
}

static inline bool take_string(struct walk *walk, struct str *ret)
{
    struct str quoted = bulk_token(walk, walk->at++);
    if (quoted.len < 2 || quoted.ptr[quoted.len - 1] != '"')
        return false;
    *ret = (struct str){quoted.ptr + 1, quoted.len - 2};
    return !bulk_has_backslash(*ret) || bulk_string_text(walk, quoted, ret) == ERR_OK;
}

static inline bool take_value(struct walk *walk, const struct step *step, struct str **text)
{
    switch (step->kind) {
    case BULK_STRING:
        return take_string(walk, (*text)++);
    case BULK_NUMBER:
        **text = bulk_token(walk, walk->at++);
        return bulk_is_number(*(*text)++);
    case BULK_PASSED:
        if (bulk_no_scalar((unsigned char)walk->text[*walk->at]))
            return bulk_pass_over(walk, step->depth) == ERR_OK;
        walk->at++;
        return true;
    case BULK_END:
        break;
    }
    return true;
}

static const struct json_node *set_texts(struct bulk_shapes *shapes, const struct bulk_shape *shape, size_t *ret_shape)
{
    for (size_t idx = 0; idx < shape->count; idx++)
        shape->nodes[idx]->text = shapes->texts[idx];
    shapes->known++;
    *ret_shape = shape->number;
    return shape->root;
}

const struct json_node *bulk_shapes_compare(struct bulk_shapes *shapes, struct str *text, bool lines, size_t *ret_shape)
{
    const struct bulk_shape *shape = bulk_spans_match(&shapes->spans, text, lines, shapes->texts);
    return shape != NULL ? set_texts(shapes, shape, ret_shape) : NULL;
}

const struct json_node *bulk_shapes_match(struct bulk_shapes *shapes, struct walk *walk, size_t *ret_shape)
{
    const uint32_t *from = walk->at;
    struct step **first = &shapes->first, *step;
    struct str *text = shapes->texts;
    for (;; first = &step->next) {
        step = *first;
        if (step == NULL || (!fits(walk, step, walk->at) && (step = other_step(walk, first)) == NULL))
            return NULL;
        walk->at += step->tokens;
        if (step->kind == BULK_END)
            break;
        if (!take_value(walk, step, &text))
            return NULL;
    }
    if (walk->length <= TEXT_MOST && arena_used_bytes(shapes->arena) < SHAPES_BYTES)
        bulk_spans_learn(&shapes->spans, shapes->arena, walk, from, shapes->texts, step->shape->count, step->shape);
    return set_texts(shapes, step->shape, ret_shape);
}

/* ---- learning ---------------------------------------------------------------------------------- */

static struct step *step_new(struct bulk_shapes *shapes, const struct walk *walk, const struct bulk_event *event, const uint32_t *from)
{
    struct step *step = arena_alloc(shapes->arena, sizeof *step);
    size_t begin = *from, end = event->from == from ? begin : event->kind == BULK_END ? event->from[-1] + 1 : *event->from;
    if (step != NULL)
        *step = (struct step){.bytes = walk->text + begin, .length = end - begin, .tokens = (size_t)(event->from - from), .kind = event->kind, .depth = event->depth};
    return step;
}

/* The events as steps below those that are there. */
static bool add_steps(struct bulk_shapes *shapes, const struct walk *walk, const uint32_t *from, struct bulk_shape *shape)
{
    struct step **link = &shapes->first;
    for (size_t idx = 0; idx < walk->events->count; idx++) {
        const struct bulk_event *event = &walk->events->list[idx];
        struct step *made = step_new(shapes, walk, event, from), *same;
        if (made == NULL)
            return false;
        for (same = *link; same != NULL; same = same->other)
            if (same->kind == made->kind && same->depth == made->depth && same->length == made->length && bulk_same_bytes(same->bytes, made->bytes, made->length))
                break;
        if (same == NULL) {
            same = made;
            same->other = *link;
            *link = same;
        }
        link = &same->next;
        from = event->to;
        if (event->kind == BULK_END)
            same->shape = shape;
    }
    return true;
}

static struct bulk_shape *shape_new(struct bulk_shapes *shapes, const struct json_node *root, const struct bulk_events *events)
{
    struct bulk_shape *shape = arena_alloc(shapes->arena, sizeof *shape);
    struct json_node **nodes = arena_array(shapes->arena, events->count, sizeof *nodes);
    size_t count = 0;
    if (shape == NULL || nodes == NULL)
        return NULL;
    for (size_t idx = 0; idx < events->count; idx++)
        if (events->list[idx].node != NULL)
            nodes[count++] = events->list[idx].node;
    *shape = (struct bulk_shape){.number = ++shapes->last_number, .root = root, .nodes = nodes, .count = count};
    shapes->count++;
    return shape;
}

/* The walk over a copy of the document that stays, with nodes that stay. */
static const struct json_node *learn(struct bulk_shapes *shapes, struct walk *walk, size_t *ret_shape)
{
    const uint32_t *begin = walk->at;
    struct json_node *root;
    char *copy = arena_alloc(shapes->arena, walk->length + JSON_BULK_PADDING);
    if (copy == NULL)
        return NULL;
    memcpy(copy, walk->text, walk->length);
    walk->text = copy;
    walk->arena = shapes->arena;
    if (bulk_keep(walk, shapes->root, false, 0, &root) != ERR_OK || walk->at != walk->end || walk->events->count >= walk->events->cap)
        return NULL;
    walk->events->list[walk->events->count++] = (struct bulk_event){.kind = BULK_END, .from = walk->end, .to = walk->end};
    struct bulk_shape *shape = shape_new(shapes, root, walk->events);
    if (shape == NULL || !add_steps(shapes, walk, begin, shape))
        return NULL;
    *ret_shape = shape->number;
    return root;
}

const struct json_node *bulk_shapes_learn(struct bulk_shapes *shapes, const struct walk *walk, size_t *ret_shape)
{
    bool full = shapes->count >= SHAPES_MOST || arena_used_bytes(shapes->arena) >= SHAPES_BYTES || arena_failed(shapes->arena);
    if (full && ++shapes->strangers > STRANGERS_MOST && shapes->strangers > shapes->known / 8)
        forget(shapes); /* the documents are others now */
    else if (full)
        return NULL;
    if (shapes->useless || walk->length == 0 || walk->length > TEXT_MOST || walk->text[*walk->at] != '{')
        return NULL; /* a document ends with its last token's first byte: an object with its bracket */
    struct bulk_events events = {shapes->events, 0, EVENTS_MOST};
    struct err ignored = {0};
    struct walk own = *walk;
    own.events = &events;
    own.err = &ignored;
    const struct json_node *root = learn(shapes, &own, ret_shape);
    if (root != NULL)
        shapes->known = shapes->strangers = 0;
    return root;
}
