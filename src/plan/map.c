/* Expressions and relations rebuilt with parts replaced: what rewrites and expansions are made of.
 * What does not change is shared, not copied. */
#include <string.h>

#include "plan/plan_priv.h"

struct mapper {
    struct plan *plan;
    plan_column_map column;
    void *user;
};

static const struct plan_expr *map(const struct mapper *mapper, const struct plan_expr *expr);

/* Maps `count` expressions; *ret_changed when one of them is another. */
static const struct plan_expr *const *map_all(const struct mapper *mapper,
                                              const struct plan_expr *const *exprs, size_t count,
                                              bool *ret_changed)
{
    const struct plan_expr **copy = plan_alloc(mapper->plan, count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = map(mapper, exprs[i]);
        if (copy[i] == NULL)
            return NULL;
        *ret_changed = *ret_changed || copy[i] != exprs[i];
    }
    return copy;
}

static const struct plan_order *map_order(const struct mapper *mapper,
                                          const struct plan_order *order, size_t count,
                                          bool *ret_changed)
{
    struct plan_order *copy = plan_alloc(mapper->plan, count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = order[i];
        copy[i].expr = map(mapper, order[i].expr);
        if (copy[i].expr == NULL)
            return NULL;
        *ret_changed = *ret_changed || copy[i].expr != order[i].expr;
    }
    return copy;
}

/* The same expression over other parts, through the constructors, so that types are worked out and
 * checked again. */
static const struct plan_expr *rebuild(const struct mapper *mapper, const struct plan_expr *expr,
                                       const struct plan_expr *const *args,
                                       const struct plan_expr *where,
                                       const struct plan_expr *const *partition,
                                       const struct plan_order *order)
{
    struct plan *plan = mapper->plan;
    const char *name = expr->function != NULL ? expr->function->name : NULL;
    switch (expr->kind) {
    case PLAN_COLUMN:
    case PLAN_LITERAL:
    case PLAN_PARAM:
    case PLAN_ELEMENT:
        return expr;
    case PLAN_CALL:
        return plan_call(plan, name, expr->arg_count, args);
    case PLAN_CAST:
        return plan_cast(plan, args[0], expr->type, expr->try_cast);
    case PLAN_CASE:
        return plan_case(plan, expr->arg_count, args);
    case PLAN_AGGREGATE_CALL:
        return plan_aggregate_call(plan, name, expr->arg_count, args, expr->distinct, where);
    case PLAN_WINDOW_CALL:
        return plan_window_call(plan, name, expr->arg_count, args, partition, expr->partition_count,
                                order, expr->order_count, expr->frame);
    case PLAN_STRUCT: {
        struct plan_named *fields = plan_named_array(plan, expr->arg_count);
        for (size_t i = 0; fields != NULL && i < expr->arg_count; i++)
            fields[i] = (struct plan_named){expr->type.fields[i].name, args[i]};
        return fields == NULL ? NULL : plan_struct(plan, fields, expr->arg_count);
    }
    case PLAN_FIELD:
        return plan_field(plan, args[0], expr->name);
    }
    return NULL;
}

static const struct plan_expr *map(const struct mapper *mapper, const struct plan_expr *expr)
{
    if (plan_failed(mapper->plan))
        return NULL;
    if (expr->kind == PLAN_COLUMN)
        return mapper->column(mapper->user, expr);
    if (expr->kind == PLAN_LITERAL || expr->kind == PLAN_PARAM || expr->kind == PLAN_ELEMENT)
        return expr;
    bool changed = false;
    const struct plan_expr *const *args = map_all(mapper, expr->args, expr->arg_count, &changed);
    const struct plan_expr *const *partition =
        map_all(mapper, expr->partition, expr->partition_count, &changed);
    const struct plan_order *order = map_order(mapper, expr->order, expr->order_count, &changed);
    const struct plan_expr *where = expr->where == NULL ? NULL : map(mapper, expr->where);
    if (args == NULL || partition == NULL || order == NULL ||
        (where == NULL) != (expr->where == NULL))
        return NULL;
    if (!changed && where == expr->where)
        return expr;
    return rebuild(mapper, expr, args, where, partition, order);
}

const struct plan_expr *plan_map_columns(struct plan *plan, const struct plan_expr *expr,
                                         plan_column_map column, void *user)
{
    struct mapper mapper = {plan, column, user};
    return expr == NULL ? NULL : map(&mapper, expr);
}

static const struct plan_expr *bind_to(void *user, const struct plan_expr *column)
{
    const struct plan_bind *bind = user;
    if (column->input == bind->side && bind->rel->column_count > column->idx &&
        strcmp(bind->rel->columns[column->idx].name, column->name) == 0 &&
        column->input == bind->from)
        return column;
    if (column->input != bind->from)
        return column;
    return bind->side == 0 ? plan_column(bind->plan, bind->rel, column->name)
                           : plan_column_right(bind->plan, bind->rel, column->name);
}

const struct plan_expr *plan_bind(const struct plan_bind *bind, const struct plan_expr *expr)
{
    return plan_map_columns(bind->plan, expr, bind_to, (void *)(uintptr_t)bind);
}

const struct plan_rel *plan_with_inputs(struct plan *plan, const struct plan_rel *rel,
                                        const struct plan_rel *const *inputs)
{
    bool same = true;
    for (size_t i = 0; i < rel->input_count; i++)
        same = same && inputs[i] == rel->inputs[i];
    if (same || plan_failed(plan))
        return same ? rel : NULL;
    uint32_t id = plan_next_id(plan);
    struct plan_rel *copy = id == 0 ? NULL : plan_alloc(plan, 1, sizeof *copy);
    const struct plan_rel **list =
        copy == NULL ? NULL : plan_alloc(plan, rel->input_count, sizeof *list);
    if (list == NULL)
        return NULL;
    *copy = *rel;
    copy->id = id;
    copy->depth = 1;
    for (size_t i = 0; i < rel->input_count; i++) {
        list[i] = inputs[i];
        if (list[i]->depth >= copy->depth)
            copy->depth = list[i]->depth + 1;
    }
    copy->inputs = list;
    return copy;
}

const char *plan_fresh_name(struct plan *plan, const struct plan_rel *rel, const char *wish)
{
    const char *name = wish;
    for (unsigned n = 2; !plan_failed(plan) && plan_column_find(rel, name) >= 0; n++) {
        const char *next = arena_printf(plan->arena, "%s_%u", wish, n);
        if (next == NULL)
            plan_fail(plan, ERR_MEMORY, "no memory for the plan");
        else
            name = next;
    }
    return name;
}
