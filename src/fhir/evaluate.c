/* Expressions over items: the steps (members, indices), literals, and what all others share. The functions are in
 * evaluate_function.c and evaluate_text.c, the operators in evaluate_operator.c. */
#include <stdarg.h>
#include <stdio.h>

#include "fhir/evaluate_priv.h"

bool fhir_eval_fail(struct fhir_eval *eval, enum err_code code, const char *format, ...)
{
    char text[ERR_TEXT_BYTES];
    va_list arguments;
    if (eval->code != ERR_OK)
        return false;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    eval->code = err_set(eval->err, code, "%s", text);
    return false;
}

/* ---- items ------------------------------------------------------------------------------------- */

static bool is_integer(struct str lexeme)
{
    for (size_t idx = 0; idx < lexeme.len; idx++)
        if (lexeme.ptr[idx] == '.' || (lexeme.ptr[idx] | 0x20) == 'e')
            return false;
    return true;
}

struct fhir_item fhir_item_of_node(const struct json_node *node, enum fhir_type type)
{
    struct fhir_item item = {.type = type, .text = node->text, .node = node};
    switch (node->kind) {
    case JSON_NODE_TRUE:
        item.text = STR("true");
        break;
    case JSON_NODE_FALSE:
        item.text = STR("false");
        break;
    case JSON_NODE_ARRAY:
    case JSON_NODE_OBJECT:
    case JSON_NODE_NULL:
        item.text = (struct str){NULL, 0};
        item.type = type == FHIR_TYPE_UNKNOWN && node->kind == JSON_NODE_OBJECT ? FHIR_TYPE_COMPLEX : type;
        break;
    case JSON_NODE_STRING:
    case JSON_NODE_NUMBER:
        break;
    }
    return item;
}

struct fhir_item fhir_boolean(bool value)
{
    return (struct fhir_item){.type = FHIR_TYPE_BOOLEAN, .text = value ? STR("true") : STR("false")};
}

struct fhir_item fhir_string(struct str text)
{
    return (struct fhir_item){.type = FHIR_TYPE_STRING, .text = text};
}

struct fhir_item fhir_integer(struct fhir_eval *eval, int64_t value)
{
    char *text = arena_printf(eval->arena, "%lld", (long long)value);
    if (text == NULL)
        fhir_eval_fail(eval, ERR_MEMORY, "no memory to evaluate");
    return (struct fhir_item){.type = FHIR_TYPE_INTEGER, .text = str_of(text)};
}

enum fhir_system fhir_item_system(const struct fhir_item *item)
{
    enum fhir_system known = fhir_type_system(item->type);
    if (item->node == NULL)
        return known;
    switch (item->node->kind) {
    case JSON_NODE_TRUE:
    case JSON_NODE_FALSE:
        return FHIR_SYSTEM_BOOLEAN;
    case JSON_NODE_NUMBER:
        return is_integer(item->text) ? FHIR_SYSTEM_INTEGER : FHIR_SYSTEM_DECIMAL;
    case JSON_NODE_STRING:
        return known == FHIR_SYSTEM_DATE || known == FHIR_SYSTEM_DATETIME || known == FHIR_SYSTEM_TIME ? known : FHIR_SYSTEM_STRING;
    case JSON_NODE_NULL:
    case JSON_NODE_ARRAY:
    case JSON_NODE_OBJECT:
        return FHIR_SYSTEM_NONE;
    }
    return FHIR_SYSTEM_NONE;
}

/* ---- collecting -------------------------------------------------------------------------------- */

static bool collect_item(struct fhir_emit *self, const struct fhir_item *item)
{
    struct fhir_items *items = (struct fhir_items *)self;
    if (items->count == items->cap) {
        struct fhir_item *larger = arena_array(items->eval->arena, items->cap * 2, sizeof *larger);
        if (larger == NULL)
            return fhir_eval_fail(items->eval, ERR_MEMORY, "no memory to evaluate");
        for (size_t idx = 0; idx < items->count; idx++)
            larger[idx] = items->list[idx];
        items->list = larger;
        items->cap *= 2;
    }
    items->list[items->count++] = *item;
    return items->count != items->most;
}

bool fhir_collect(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, size_t most, struct fhir_items *ret)
{
    ret->emit.item = collect_item;
    ret->eval = eval;
    ret->list = ret->room;
    ret->count = 0;
    ret->cap = FHIR_ITEMS_INLINE;
    ret->most = most;
    fhir_each(eval, expr, focus, &ret->emit);
    return eval->code == ERR_OK;
}

enum fhir_truth fhir_truth_of(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, const char *what)
{
    struct fhir_items items;
    if (!fhir_collect(eval, expr, focus, 2, &items) || items.count == 0)
        return FHIR_EMPTY;
    if (items.count > 1) {
        fhir_eval_fail(eval, ERR_INPUT, "%s: several items where one boolean was expected", what);
        return FHIR_EMPTY;
    }
    if (fhir_item_system(&items.list[0]) != FHIR_SYSTEM_BOOLEAN) {
        fhir_eval_fail(eval, ERR_INPUT, "%s: expected a boolean, found something else", what);
        return FHIR_EMPTY;
    }
    return items.list[0].text.ptr[0] == 't' ? FHIR_TRUE : FHIR_FALSE;
}

bool fhir_emit_truth(enum fhir_truth truth, struct fhir_emit *to)
{
    struct fhir_item item = fhir_boolean(truth == FHIR_TRUE);
    return truth == FHIR_EMPTY || to->item(to, &item);
}

/* ---- members ----------------------------------------------------------------------------------- */

static bool is_typed_name(struct str member, struct str element)
{
    return member.len > element.len && member.ptr[element.len] >= 'A' && member.ptr[element.len] <= 'Z' &&
           str_equal((struct str){member.ptr, element.len}, element);
}

bool fhir_member_matches(const struct fhir_expr *expr, const struct json_node *member)
{
    if (expr->choice)
        return is_typed_name(member->name, expr->name) || str_equal(member->name, expr->name);
    return member->field != NULL ? member->field->slot == expr->slot : str_equal(member->name, expr->name);
}

const struct json_node *fhir_member(const struct fhir_eval *eval, const struct json_node *object, size_t slot)
{
    if (object->kind != JSON_NODE_OBJECT)
        return NULL;
    for (const struct json_node *member = object->first; member != NULL; member = member->next)
        if (member->field != NULL ? member->field->slot == slot : str_equal(member->name, eval->program->slots[slot].name))
            return member;
    return NULL;
}

/* A member's value, or each of its elements, with what _name says of it. */
static bool emit_values(const struct json_node *node, const struct json_node *shadow, struct fhir_item like, struct fhir_emit *to)
{
    if (node->kind != JSON_NODE_ARRAY) {
        struct fhir_item item = fhir_item_of_node(node, like.type);
        item.shadow = shadow != NULL && shadow->kind == JSON_NODE_OBJECT ? shadow : NULL;
        item.choice = like.choice;
        return (node->kind == JSON_NODE_NULL && item.shadow == NULL) || to->item(to, &item);
    }
    const struct json_node *beside = shadow != NULL && shadow->kind == JSON_NODE_ARRAY ? shadow->first : NULL;
    for (const struct json_node *element = node->first; element != NULL; element = element->next) {
        if (!emit_values(element, beside, like, to))
            return false;
        beside = beside != NULL ? beside->next : NULL;
    }
    return true;
}

/* A primitive that has no value, only _name. */
static bool emit_shadow(const struct json_node *shadow, struct fhir_item like, struct fhir_emit *to)
{
    static const struct json_node nothing = {.kind = JSON_NODE_NULL};
    if (shadow->kind != JSON_NODE_ARRAY)
        return emit_values(&nothing, shadow, like, to);
    for (const struct json_node *element = shadow->first; element != NULL; element = element->next)
        if (!emit_values(&nothing, element, like, to))
            return false;
    return true;
}

static struct fhir_item typed_like(const struct fhir_expr *expr, const struct json_node *member)
{
    struct fhir_item like = {.type = expr->type};
    if (expr->choice && member->name.len > expr->name.len) {
        like.choice = fhir_model_choice_type(expr->name, member->name);
        like.type = like.choice != NULL ? fhir_type_find(str_of(like.choice)) : FHIR_TYPE_UNKNOWN;
    }
    return like;
}

static bool emit_members_of(struct fhir_eval *eval, const struct fhir_expr *expr, const struct json_node *object, struct fhir_emit *to)
{
    size_t shadow_slot = expr->choice ? 0 : eval->program->slots[expr->slot].shadow;
    const struct json_node *shadow = shadow_slot != 0 ? fhir_member(eval, object, shadow_slot) : NULL;
    for (const struct json_node *member = object->first; member != NULL; member = member->next) {
        if (!fhir_member_matches(expr, member))
            continue;
        bool more = emit_values(member, shadow, typed_like(expr, member), to);
        if (!expr->choice || !more)
            return more;
    }
    if (shadow != NULL)
        return emit_shadow(shadow, (struct fhir_item){.type = expr->type}, to);
    return true;
}

struct each_member {
    struct fhir_emit emit;
    struct fhir_eval *eval;
    const struct fhir_expr *expr;
    struct fhir_emit *to;
};

static bool emit_members(struct fhir_emit *self, const struct fhir_item *item)
{
    struct each_member *each = (struct each_member *)self;
    if (item->node != NULL && item->node->kind == JSON_NODE_OBJECT)
        return emit_members_of(each->eval, each->expr, item->node, each->to);
    return item->shadow == NULL || emit_members_of(each->eval, each->expr, item->shadow, each->to);
}

static bool each_member(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, struct fhir_emit *to)
{
    struct each_member each = {{emit_members}, eval, expr, to};
    if (expr->input->path->kind == FHIR_PATH_THIS)
        return emit_members(&each.emit, &focus->this_);
    return fhir_each(eval, expr->input, focus, &each.emit);
}

/* ---- indices ----------------------------------------------------------------------------------- */

struct each_index {
    struct fhir_emit emit;
    int64_t left; /* to be passed over */
    bool done, stopped;
    struct fhir_emit *to;
};

static bool emit_index(struct fhir_emit *self, const struct fhir_item *item)
{
    struct each_index *each = (struct each_index *)self;
    if (each->left-- > 0)
        return true;
    each->done = true;
    each->stopped = !each->to->item(each->to, item);
    return false;
}

static bool each_index(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, struct fhir_emit *to)
{
    struct fhir_items index;
    int64_t position;
    if (!fhir_collect(eval, expr->args[0], focus, 2, &index))
        return false;
    if (index.count == 0)
        return true;
    if (index.count > 1 || !str_to_int64(index.list[0].text, &position))
        return fhir_eval_fail(eval, ERR_INPUT, "[ ]: expected one integer");
    struct each_index each = {.emit = {emit_index}, .left = position, .to = to};
    if (position >= 0)
        fhir_each(eval, expr->input, focus, &each.emit);
    return !each.stopped && eval->code == ERR_OK;
}

/* ---- all --------------------------------------------------------------------------------------- */

bool fhir_each(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, struct fhir_emit *to)
{
    switch (expr->path->kind) {
    case FHIR_PATH_THIS:
        return to->item(to, &focus->this_);
    case FHIR_PATH_MEMBER:
        return each_member(eval, expr, focus, to);
    case FHIR_PATH_LITERAL:
        return to->item(to, &expr->literal);
    case FHIR_PATH_EMPTY:
        return true;
    case FHIR_PATH_ROW_INDEX: {
        struct fhir_item item = fhir_integer(eval, focus->row_index);
        return eval->code == ERR_OK && to->item(to, &item);
    }
    case FHIR_PATH_INDEX:
        return each_index(eval, expr, focus, to);
    case FHIR_PATH_CALL:
        return fhir_each_call(eval, expr, focus, to);
    case FHIR_PATH_OPERATOR:
        return fhir_each_operator(eval, expr, focus, to);
    }
    return true;
}
