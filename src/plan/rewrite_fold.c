/* Constant folding, and what follows from it for filters. Only what is exact and cannot fail is
 * computed: integers that do not overflow, comparisons within one type, three-valued logic. */
#include "plan/rewrite_priv.h"

#include <string.h>

static bool is_literal(const struct plan_expr *expr)
{
    return expr->kind == PLAN_LITERAL;
}
static bool is_null(const struct plan_expr *expr)
{
    return expr->kind == PLAN_LITERAL && expr->literal == NULL;
}
static bool is_boolean(const struct plan_expr *expr, bool value)
{
    return expr->kind == PLAN_LITERAL && expr->type.kind == DATA_BOOLEAN && expr->literal != NULL &&
           (expr->literal[0] == 't') == value;
}
static const struct plan_expr *boolean(struct plan *plan, bool value)
{
    return plan_literal(plan, DATA_TYPE(BOOLEAN), value ? "true" : "false");
}

/* Order of two literals of one type whose text, or number, tells it; false: another type. */
static bool compare_literals(const struct plan_expr *a, const struct plan_expr *b, int *ret)
{
    int64_t x, y;
    if (a->type.kind != b->type.kind || a->literal == NULL || b->literal == NULL)
        return false;
    if (a->type.kind == DATA_BIGINT && str_to_int64(str_of(a->literal), &x) &&
        str_to_int64(str_of(b->literal), &y)) {
        *ret = (x > y) - (x < y);
        return true;
    }
    if (a->type.kind != DATA_TEXT && a->type.kind != DATA_DATE && a->type.kind != DATA_BOOLEAN)
        return false;
    *ret = strcmp(a->literal, b->literal);
    return true;
}
static const struct plan_expr *fold_comparison(struct plan *plan, const struct plan_expr *expr)
{
    int order = 0;
    if (is_null(expr->args[0]) || is_null(expr->args[1]))
        return plan_literal(plan, DATA_TYPE(BOOLEAN), NULL);
    if (!is_literal(expr->args[0]) || !is_literal(expr->args[1]) ||
        !compare_literals(expr->args[0], expr->args[1], &order))
        return expr;
    enum plan_function_id id = expr->function->id;
    return boolean(plan, id == PLAN_FUNCTION_EQ   ? order == 0
                         : id == PLAN_FUNCTION_NE ? order != 0
                         : id == PLAN_FUNCTION_LT ? order < 0
                         : id == PLAN_FUNCTION_LE ? order <= 0
                         : id == PLAN_FUNCTION_GT ? order > 0
                                                  : order >= 0);
}

/* x and true → x; x and false → false; x or true → true; operands that stay keep their order */
static const struct plan_expr *fold_junction(struct plan *plan, const struct plan_expr *expr)
{
    bool unit = expr->function->id == PLAN_FUNCTION_AND; /* true for and, false for or */
    const struct plan_expr **kept = plan_alloc(plan, expr->arg_count, sizeof *kept);
    size_t count = 0;
    for (size_t i = 0; kept != NULL && i < expr->arg_count; i++) {
        if (is_boolean(expr->args[i], !unit))
            return expr->args[i];
        if (!is_boolean(expr->args[i], unit))
            kept[count++] = expr->args[i];
    }
    if (kept == NULL)
        return NULL;
    if (count == 0)
        return boolean(plan, unit);
    return count == expr->arg_count && count > 1 ? expr
           : count == 1                          ? kept[0]
                        : plan_call(plan, expr->function->name, count, kept);
}

/* 2 + 3 → 5, where it fits */
static const struct plan_expr *fold_arithmetic(struct plan *plan, const struct plan_expr *expr)
{
    int64_t x = 0, y = 0, result = 0;
    for (size_t i = 0; i < expr->arg_count; i++) {
        if (is_null(expr->args[i]))
            return plan_literal(plan, expr->type, NULL);
        if (!is_literal(expr->args[i]) || expr->args[i]->type.kind != DATA_BIGINT ||
            !str_to_int64(str_of(expr->args[i]->literal), i == 0 ? &x : &y))
            return expr;
    }
    enum plan_function_id id = expr->function->id;
    bool over = id == PLAN_FUNCTION_ADD   ? __builtin_add_overflow(x, y, &result)
                : id == PLAN_FUNCTION_SUB ? __builtin_sub_overflow(x, y, &result)
                                          : __builtin_mul_overflow(x, y, &result);
    return over ? expr : plan_literal_int(plan, result);
}

static const struct plan_expr *fold_call(struct plan *plan, const struct plan_expr *expr)
{
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_AND:
    case PLAN_FUNCTION_OR:
        return fold_junction(plan, expr);
    case PLAN_FUNCTION_NOT:
        if (is_null(expr->args[0]))
            return expr->args[0];
        if (is_boolean(expr->args[0], true) || is_boolean(expr->args[0], false))
            return boolean(plan, is_boolean(expr->args[0], false));
        return rewrite_is_call(expr->args[0], PLAN_FUNCTION_NOT) ? expr->args[0]->args[0] : expr;
    case PLAN_FUNCTION_IS_NULL:
    case PLAN_FUNCTION_IS_NOT_NULL:
        return is_literal(expr->args[0])
                   ? boolean(plan, is_null(expr->args[0]) ==
                                       (expr->function->id == PLAN_FUNCTION_IS_NULL))
                   : expr;
    case PLAN_FUNCTION_EQ:
    case PLAN_FUNCTION_NE:
    case PLAN_FUNCTION_LT:
    case PLAN_FUNCTION_LE:
    case PLAN_FUNCTION_GT:
    case PLAN_FUNCTION_GE:
        return fold_comparison(plan, expr);
    case PLAN_FUNCTION_ADD:
    case PLAN_FUNCTION_SUB:
    case PLAN_FUNCTION_MUL:
        return fold_arithmetic(plan, expr);
    }
    return expr;
}

/* case when false … → the rest; case when true then x → x, where x is of the case's type */
static const struct plan_expr *fold_case(struct plan *plan, const struct plan_expr *expr)
{
    size_t skip = 0;
    while (skip + 1 < expr->arg_count &&
           (is_boolean(expr->args[skip], false) || is_null(expr->args[skip])))
        skip += 2;
    const struct plan_expr *made = expr;
    if (skip >= expr->arg_count)
        made = plan_literal(plan, expr->type, NULL);
    else if (skip + 1 == expr->arg_count)
        made = expr->args[skip];
    else if (is_boolean(expr->args[skip], true))
        made = expr->args[skip + 1];
    else if (skip > 0)
        made = plan_case(plan, expr->arg_count - skip, expr->args + skip);
    return made == NULL || data_type_equal(made->type, expr->type) ? made : expr;
}

/* Parts first. Calls of aggregates and windows stay calls; their parts are folded where they stand
 * as scalars. */
static const struct plan_expr *fold(struct plan *plan, const struct plan_expr *expr)
{
    if (plan_failed(plan) || expr->arg_count == 0 || expr->kind == PLAN_WINDOW_CALL)
        return plan_failed(plan) ? NULL : expr;
    const struct plan_expr **args = plan_alloc(plan, expr->arg_count, sizeof *args);
    bool changed = false;
    for (size_t i = 0; args != NULL && i < expr->arg_count; i++) {
        args[i] = fold(plan, expr->args[i]);
        changed = changed || args[i] != expr->args[i];
    }
    if (plan_failed(plan))
        return NULL;
    if (changed) { /* parts keep their types, so the whole does */
        uint32_t id = plan_next_id(plan);
        struct plan_expr *copy = id == 0 ? NULL : plan_alloc(plan, 1, sizeof *copy);
        if (copy == NULL)
            return NULL;
        *copy = *expr;
        copy->id = id;
        copy->args = args;
        expr = copy;
    }
    const struct plan_expr *made = expr->kind == PLAN_CALL   ? fold_call(plan, expr)
                                   : expr->kind == PLAN_CASE ? fold_case(plan, expr)
                                                             : expr;
    return made;
}

/* filter a > 2 + 3 and not(false)   →   filter a > 5 */
static const struct plan_rel *fold_node(struct rewrite *rewrite, const struct plan_rel *rel)
{
    return rel->kind == PLAN_AGGREGATE
               ? rel
               : rewrite_exprs(rewrite->plan, rel, fold); /* its outputs must keep their calls */
}
const struct plan_rel *rewrite_fold(struct plan *plan, const struct plan_rel *root)
{
    return rewrite_each(plan, root, fold_node);
}

/* filter true of t → t;   filter false of t → values of no row, with t's columns */
static const struct plan_rel *trivial_node(struct rewrite *rewrite, const struct plan_rel *rel)
{
    if (rel->kind != PLAN_FILTER || !is_literal(rel->predicate))
        return rel;
    if (is_boolean(rel->predicate, true))
        return rel->inputs[0];
    for (size_t i = 0; i < rel->column_count; i++) /* a type that no literal has */
        if (!plan_type_ordered(rel->columns[i].type) || rel->columns[i].type.kind == DATA_UHUGEINT)
            return rel;
    return plan_values(rewrite->plan, rel->columns, rel->column_count, NULL, 0);
}
const struct plan_rel *rewrite_trivial_filters(struct plan *plan, const struct plan_rel *root)
{
    return rewrite_each(plan, root, trivial_node);
}
