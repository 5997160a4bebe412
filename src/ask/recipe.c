/* How an answer's rows come from single ones: the plan without its last aggregation, and a recipe
 * of what that computed. Another program (R) can follow it, so a number can be checked without
 * Marrow.
 *
 *     sort(aggregate(rows, groups, count, median …))  →  rows of groups and arguments, {groups,
 * columns, order} project(aggregate(both sides of a share))          →  the same, {share}
 *     anything else                                   →  the rows themselves */
#include "ask/ask_priv.h"

#include <string.h>

struct recipe {
    struct plan *plan;
    struct plan_named *columns; /* of the rows that are projected */
    size_t count, cap;
    json_t *json;
    bool ok, odd; /* odd: something that the recipe has no words for */
};

static bool is_named(const struct recipe *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++)
        if (str_equal_nocase(str_of(r->columns[i].name), str_of(name)))
            return true;
    return false;
}

/* The projected column of an expression; made where it is new. */
static const char *column_of(struct recipe *r, const struct plan_expr *expr, const char *name)
{
    const char *wanted = name != NULL ? name : expr->kind == PLAN_COLUMN ? expr->name : "value";
    for (size_t i = 0; i < r->count; i++) {
        const struct plan_expr *other = r->columns[i].expr;
        if (other == expr || (expr->kind == PLAN_COLUMN && other->kind == PLAN_COLUMN &&
                              other->input == expr->input && other->idx == expr->idx))
            return r->columns[i].name;
    }
    if (r->count == r->cap) {
        r->odd = true;
        return wanted;
    }
    const char *unique = wanted;
    for (size_t n = 2; unique != NULL && is_named(r, unique); n++)
        unique = arena_printf(plan_arena(r->plan), "%s_%zu", wanted, n);
    r->columns[r->count++] = (struct plan_named){unique, expr};
    return unique;
}

static json_t *call_json(struct recipe *r, const struct plan_expr *expr)
{
    json_t *json = json_object(), *args = json_array();
    bool minus = expr->kind == PLAN_CALL && strcmp(expr->function->name, "sub") == 0;
    json_put(json, "args", args, &r->ok);
    if (expr->kind != PLAN_AGGREGATE_CALL && !minus) {
        r->odd = true;
        return json;
    }
    r->odd = r->odd || expr->where != NULL;
    json_put_text(json, "function",
                  expr->distinct && strcmp(expr->function->name, "count") == 0
                      ? "count_distinct"
                      : expr->function->name,
                  &r->ok);
    r->odd = r->odd || (expr->distinct && strcmp(expr->function->name, "count") != 0);
    for (size_t i = 0; i < expr->arg_count; i++) {
        const struct plan_expr *arg = expr->args[i];
        double number;
        if (minus)
            json_push(args, call_json(r, arg), &r->ok);
        else if (arg->kind != PLAN_LITERAL)
            json_push_text(args, column_of(r, arg, NULL), &r->ok);
        else if (arg->literal != NULL && str_to_double(str_of(arg->literal), &number))
            json_push(args, json_real(number), &r->ok);
        else
            r->odd = true;
    }
    return json;
}

static void put_order(struct recipe *r, const struct plan_rel *sort)
{
    json_t *order = json_array();
    for (size_t i = 0; sort != NULL && i < sort->order_count; i++) {
        json_t *one = json_object();
        const struct plan_expr *expr = sort->order[i].expr;
        r->odd = r->odd || expr->kind != PLAN_COLUMN;
        json_put_text(one, "column", expr->kind == PLAN_COLUMN ? expr->name : "", &r->ok);
        json_put_flag(one, "descending", sort->order[i].descending, &r->ok);
        json_push(order, one, &r->ok);
    }
    json_put(r->json, "order", order, &r->ok);
}

/* NULL: it can't be told so. */
static const struct plan_rel *of_groups(struct recipe *r, const struct plan_rel *aggregate)
{
    json_t *groups = json_array(), *columns = json_array();
    json_put_text(r->json, "kind", "groups", &r->ok);
    json_put(r->json, "groups", groups, &r->ok);
    json_put(r->json, "columns", columns, &r->ok);
    r->cap = aggregate->group_count + aggregate->output_count * 4 + 1;
    r->columns = plan_named_array(r->plan, r->cap);
    if (r->columns == NULL)
        return NULL;
    for (size_t i = 0; i < aggregate->group_count; i++)
        json_push_text(groups, column_of(r, aggregate->groups[i].expr, aggregate->groups[i].name),
                       &r->ok);
    for (size_t i = 0; i < aggregate->output_count; i++) {
        json_t *one = call_json(r, aggregate->outputs[i].expr);
        json_put_text(one, "name", aggregate->outputs[i].name, &r->ok);
        json_push(columns, one, &r->ok);
    }
    if (r->odd)
        return NULL;
    if (r->count == 0) /* rows are counted, nothing of them is looked at */
        r->columns[r->count++] = (struct plan_named){"row", plan_literal_int(r->plan, 1)};
    return plan_project(r->plan, aggregate->inputs[0], r->columns, r->count);
}

/* 100 · met / total of an aggregation's counts. */
static const struct plan_rel *of_share(struct recipe *r, const struct plan_rel *project)
{
    bool fits = project->kind == PLAN_PROJECT && project->column_count > 0 &&
                strcmp(project->columns[project->column_count - 1].name, "share") == 0 &&
                project->inputs[0]->kind == PLAN_AGGREGATE;
    const struct plan_rel *rows = fits ? of_groups(r, project->inputs[0]) : NULL;
    if (rows != NULL)
        json_put_text(r->json, "kind", "share", &r->ok);
    return rows;
}

enum err_code ask_recipe(const struct plan_rel *root, struct plan *over,
                         const struct plan_rel **ret_rows, json_t **ret, struct err *err)
{
    struct recipe r = {.plan = over, .json = json_object(), .ok = true};
    const struct plan_rel *at = root, *sort = NULL, *rows = NULL;
    int64_t limit = -1;
    if (at->kind == PLAN_LIMIT && at->offset <= 0) {
        limit = at->limit;
        at = at->inputs[0];
    }
    if (at->kind == PLAN_SORT) {
        sort = at;
        at = at->inputs[0];
    }
    if (at->kind == PLAN_AGGREGATE)
        rows = of_groups(&r, at);
    else if (limit < 0)
        rows = of_share(&r, at);
    put_order(&r, sort);
    if (limit >= 0)
        json_put_int(r.json, "limit", limit, &r.ok);
    if (rows == NULL || r.odd) {
        json_put_text(r.json, "kind", "rows", &r.ok);
        rows = root;
    }
    enum err_code code = json_built(r.ok, err);
    code = code == ERR_OK ? plan_finish(over, rows, err) : code;
    if (code != ERR_OK) {
        json_decref(r.json);
        return code;
    }
    *ret = r.json;
    *ret_rows = rows;
    return ERR_OK;
}
