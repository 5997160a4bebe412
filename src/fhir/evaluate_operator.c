/* Operators. Three-valued logic: what can't be decided is {}, which no operator but and, or, implies, ~ and & turns into a value. */
#include <string.h>

#include "fhir/evaluate_priv.h"

struct operation {
    struct fhir_eval *eval;
    const struct fhir_expr *expr;
    const struct fhir_focus *focus;
    struct fhir_emit *to;
};

static const char *text_of(const struct operation *operation)
{
    return fhir_operator_text(operation->expr->path->operator_);
}

/* Operators are of values: an item that is only its extensions (_birthDate) is none. */
static void keep_values(struct fhir_items *items)
{
    size_t count = 0;
    for (size_t idx = 0; idx < items->count; idx++) {
        const struct fhir_item *item = &items->list[idx];
        bool none = item->shadow != NULL && item->node != NULL && item->node->kind == JSON_NODE_NULL;
        if (!none)
            items->list[count++] = *item;
    }
    items->count = count;
}

static bool sides(const struct operation *operation, struct fhir_items *left, struct fhir_items *right)
{
    if (!fhir_collect(operation->eval, operation->expr->args[0], operation->focus, 0, left) ||
        !fhir_collect(operation->eval, operation->expr->args[1], operation->focus, 0, right))
        return false;
    keep_values(left);
    keep_values(right);
    return true;
}

static bool not_one(const struct operation *operation)
{
    return fhir_eval_fail(operation->eval, ERR_INPUT, "%s: several items where one was expected", text_of(operation));
}

/* ---- logic ------------------------------------------------------------------------------------- */

static enum fhir_truth both(enum fhir_truth a, enum fhir_truth b)
{
    if (a == FHIR_FALSE || b == FHIR_FALSE)
        return FHIR_FALSE;
    return a == FHIR_TRUE && b == FHIR_TRUE ? FHIR_TRUE : FHIR_EMPTY;
}

static enum fhir_truth opposite(enum fhir_truth truth)
{
    return truth == FHIR_EMPTY ? FHIR_EMPTY : truth == FHIR_TRUE ? FHIR_FALSE : FHIR_TRUE;
}

static bool run_logic(const struct operation *operation)
{
    enum fhir_operator operator_ = operation->expr->path->operator_;
    enum fhir_truth a = fhir_truth_of(operation->eval, operation->expr->args[0], operation->focus, text_of(operation));
    enum fhir_truth b = operation->eval->code == ERR_OK ? fhir_truth_of(operation->eval, operation->expr->args[1], operation->focus, text_of(operation)) : FHIR_EMPTY;
    if (operation->eval->code != ERR_OK)
        return false;
    enum fhir_truth truth = FHIR_EMPTY;
    if (operator_ == FHIR_AND)
        truth = both(a, b);
    else if (operator_ == FHIR_OR)
        truth = opposite(both(opposite(a), opposite(b)));
    else if (operator_ == FHIR_IMPLIES)
        truth = opposite(both(a, opposite(b)));
    else if (a != FHIR_EMPTY && b != FHIR_EMPTY) /* xor */
        truth = a != b ? FHIR_TRUE : FHIR_FALSE;
    return fhir_emit_truth(truth, operation->to);
}

/* ---- equality ---------------------------------------------------------------------------------- */

/* Item by item, in order; a difference anywhere outweighs what is undecided. */
static enum fhir_truth equal(struct fhir_eval *eval, const struct fhir_items *left, const struct fhir_items *right)
{
    if (left->count == 0 || right->count == 0)
        return FHIR_EMPTY;
    if (left->count != right->count)
        return FHIR_FALSE;
    enum fhir_truth all = FHIR_TRUE;
    for (size_t idx = 0; idx < left->count; idx++)
        all = both(all, fhir_items_equal(eval, &left->list[idx], &right->list[idx]));
    return all;
}

/* ~: whatever the order; {} ~ {} is true. */
static bool equivalent(struct fhir_eval *eval, const struct fhir_items *left, const struct fhir_items *right)
{
    bool *taken = arena_array(eval->arena, right->count + 1, sizeof *taken);
    if (taken == NULL)
        return fhir_eval_fail(eval, ERR_MEMORY, "no memory to evaluate");
    if (left->count != right->count)
        return false;
    for (size_t idx = 0; idx < left->count; idx++) {
        size_t other = 0;
        while (other < right->count && (taken[other] || !fhir_items_equivalent(eval, &left->list[idx], &right->list[other])))
            other++;
        if (other == right->count)
            return false;
        taken[other] = true;
    }
    return true;
}

static bool run_equality(const struct operation *operation)
{
    struct fhir_items left, right;
    enum fhir_operator operator_ = operation->expr->path->operator_;
    enum fhir_truth truth;
    if (!sides(operation, &left, &right))
        return false;
    if (operator_ == FHIR_EQUAL || operator_ == FHIR_NOT_EQUAL)
        truth = equal(operation->eval, &left, &right);
    else
        truth = equivalent(operation->eval, &left, &right) ? FHIR_TRUE : FHIR_FALSE;
    if (operation->eval->code != ERR_OK)
        return false;
    bool negated = operator_ == FHIR_NOT_EQUAL || operator_ == FHIR_NOT_EQUIVALENT;
    return fhir_emit_truth(negated ? opposite(truth) : truth, operation->to);
}

/* x in list, list contains x */
static bool run_membership(const struct operation *operation)
{
    struct fhir_items left, right;
    if (!sides(operation, &left, &right))
        return false;
    bool in = operation->expr->path->operator_ == FHIR_IN;
    const struct fhir_items *item = in ? &left : &right, *list = in ? &right : &left;
    if (item->count == 0)
        return true;
    if (item->count > 1)
        return not_one(operation);
    bool found = false;
    for (size_t idx = 0; idx < list->count && !found; idx++)
        found = fhir_items_equal(operation->eval, &item->list[0], &list->list[idx]) == FHIR_TRUE;
    return operation->eval->code == ERR_OK && fhir_emit_truth(found ? FHIR_TRUE : FHIR_FALSE, operation->to);
}

static bool run_inequality(const struct operation *operation)
{
    struct fhir_items left, right;
    int order = 0;
    if (!sides(operation, &left, &right))
        return false;
    if (left.count == 0 || right.count == 0)
        return true;
    if (left.count > 1 || right.count > 1)
        return not_one(operation);
    enum fhir_truth decided = fhir_items_compare(operation->eval, &left.list[0], &right.list[0], &order);
    if (operation->eval->code != ERR_OK)
        return false;
    if (decided == FHIR_FALSE)
        return fhir_eval_fail(operation->eval, ERR_INPUT, "%s: expected two numbers, strings, dates or times", text_of(operation));
    enum fhir_operator operator_ = operation->expr->path->operator_;
    bool truth = operator_ == FHIR_LESS ? order < 0 : operator_ == FHIR_LESS_EQUAL ? order <= 0 : operator_ == FHIR_GREATER ? order > 0 : order >= 0;
    return fhir_emit_truth(decided == FHIR_EMPTY ? FHIR_EMPTY : truth ? FHIR_TRUE : FHIR_FALSE, operation->to);
}

/* ---- arithmetic and strings --------------------------------------------------------------------- */

static bool is_number(const struct fhir_item *item)
{
    enum fhir_system system = fhir_item_system(item);
    return system == FHIR_SYSTEM_INTEGER || system == FHIR_SYSTEM_DECIMAL;
}

static bool give_joined(const struct operation *operation, struct str a, struct str b)
{
    char *text = arena_alloc(operation->eval->arena, a.len + b.len + 1);
    if (text == NULL)
        return fhir_eval_fail(operation->eval, ERR_MEMORY, "no memory to evaluate");
    if (a.len > 0)
        memcpy(text, a.ptr, a.len);
    if (b.len > 0)
        memcpy(text + a.len, b.ptr, b.len);
    struct fhir_item item = fhir_string((struct str){text, a.len + b.len});
    return operation->to->item(operation->to, &item);
}

/* &: {} is the empty string. */
static bool run_concatenate(const struct operation *operation)
{
    struct fhir_items left, right;
    struct str nothing = STR("");
    if (!sides(operation, &left, &right))
        return false;
    if (left.count > 1 || right.count > 1)
        return not_one(operation);
    return give_joined(operation, left.count > 0 ? left.list[0].text : nothing, right.count > 0 ? right.list[0].text : nothing);
}

static bool give_number(const struct operation *operation, const struct fhir_item *a, const struct fhir_item *b)
{
    fhir_wide left, right, result;
    enum fhir_operator operator_ = operation->expr->path->operator_;
    enum fhir_truth done = FHIR_FALSE;
    if (fhir_number_read(a->text, &left) && fhir_number_read(b->text, &right))
        done = fhir_number_operate(operator_, left, right, &result);
    if (done == FHIR_FALSE)
        return fhir_eval_fail(operation->eval, ERR_LIMIT, "%s: a number beyond 10^%d", text_of(operation), FHIR_PATH_LIMIT_DIGITS);
    if (done == FHIR_EMPTY)
        return true;
    bool integers = fhir_item_system(a) == FHIR_SYSTEM_INTEGER && fhir_item_system(b) == FHIR_SYSTEM_INTEGER;
    struct fhir_item item = {.text = fhir_number_text(operation->eval->arena, result)};
    item.type = (integers && operator_ != FHIR_DIVIDE) || operator_ == FHIR_DIV ? FHIR_TYPE_INTEGER : FHIR_TYPE_DECIMAL;
    return item.text.ptr == NULL ? fhir_eval_fail(operation->eval, ERR_MEMORY, "no memory to evaluate") : operation->to->item(operation->to, &item);
}

static bool run_arithmetic(const struct operation *operation)
{
    struct fhir_items left, right;
    if (!sides(operation, &left, &right))
        return false;
    if (left.count == 0 || right.count == 0)
        return true;
    if (left.count > 1 || right.count > 1)
        return not_one(operation);
    const struct fhir_item *a = &left.list[0], *b = &right.list[0];
    if (is_number(a) && is_number(b))
        return give_number(operation, a, b);
    bool strings = fhir_item_system(a) == FHIR_SYSTEM_STRING && fhir_item_system(b) == FHIR_SYSTEM_STRING;
    if (operation->expr->path->operator_ == FHIR_ADD && strings)
        return give_joined(operation, a->text, b->text);
    return fhir_eval_fail(operation->eval, ERR_INPUT, "%s: expected numbers", text_of(operation));
}

static bool run_negate(const struct operation *operation)
{
    struct fhir_items items;
    if (!fhir_collect(operation->eval, operation->expr->args[0], operation->focus, 2, &items))
        return false;
    if (items.count == 0)
        return true;
    if (items.count > 1)
        return not_one(operation);
    struct fhir_item item = items.list[0];
    if (!is_number(&item))
        return fhir_eval_fail(operation->eval, ERR_INPUT, "-: expected a number");
    struct fhir_item negated = {.type = fhir_item_system(&item) == FHIR_SYSTEM_INTEGER ? FHIR_TYPE_INTEGER : FHIR_TYPE_DECIMAL};
    if (item.text.ptr[0] == '-') {
        negated.text = (struct str){item.text.ptr + 1, item.text.len - 1};
        return operation->to->item(operation->to, &negated);
    }
    char *text = arena_printf(operation->eval->arena, "-%.*s", (int)item.text.len, item.text.ptr);
    negated.text = str_of(text);
    return text == NULL ? fhir_eval_fail(operation->eval, ERR_MEMORY, "no memory to evaluate") : operation->to->item(operation->to, &negated);
}

/* |: each value once, in first-seen order. */
static bool run_union(const struct operation *operation)
{
    struct fhir_items left, right;
    if (!sides(operation, &left, &right))
        return false;
    for (size_t idx = 0; idx < left.count + right.count; idx++) {
        const struct fhir_item *item = idx < left.count ? &left.list[idx] : &right.list[idx - left.count];
        bool seen = false;
        for (size_t before = 0; before < idx && !seen; before++)
            seen = fhir_items_equal(operation->eval, before < left.count ? &left.list[before] : &right.list[before - left.count], item) == FHIR_TRUE;
        if (operation->eval->code != ERR_OK || (!seen && !operation->to->item(operation->to, item)))
            return false;
    }
    return true;
}

bool fhir_each_operator(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, struct fhir_emit *to)
{
    const struct operation operation = {eval, expr, focus, to};
    switch (expr->path->operator_) {
    case FHIR_AND:
    case FHIR_OR:
    case FHIR_XOR:
    case FHIR_IMPLIES:
        return run_logic(&operation);
    case FHIR_EQUAL:
    case FHIR_NOT_EQUAL:
    case FHIR_EQUIVALENT:
    case FHIR_NOT_EQUIVALENT:
        return run_equality(&operation);
    case FHIR_LESS:
    case FHIR_LESS_EQUAL:
    case FHIR_GREATER:
    case FHIR_GREATER_EQUAL:
        return run_inequality(&operation);
    case FHIR_IN:
    case FHIR_CONTAINS:
        return run_membership(&operation);
    case FHIR_ADD:
    case FHIR_SUBTRACT:
    case FHIR_MULTIPLY:
    case FHIR_DIVIDE:
    case FHIR_DIV:
    case FHIR_MOD:
        return run_arithmetic(&operation);
    case FHIR_CONCATENATE:
        return run_concatenate(&operation);
    case FHIR_UNION:
        return run_union(&operation);
    case FHIR_NEGATE:
        return run_negate(&operation);
    }
    return true;
}
