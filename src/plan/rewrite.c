/* The rewrites' table, the fixpoint over it, and what rewrites have in common. A rewrite keeps the
 * root's columns, rows and order; each is shown to do so by running plans before and after
 * (tests/plan/engine_rewrite.c). */
#include "plan/rewrite_priv.h"

#include <string.h>

#define ROUNDS 8 /* of the fixpoint; plans met so far settle in three */

static const struct plan_rewrite REWRITES[] = {
    {"fold", "computes what is made of literals alone", rewrite_fold},
    {"trivial-filters", "drops filters that are true; what is false is an empty table",
     rewrite_trivial_filters},
    {"merge",
     "makes project over project, filter over filter one; drops projects that change nothing",
     rewrite_merge},
    {"push-filters", "moves conditions towards the scans", rewrite_push_filters},
    {"drop-columns", "drops outputs and scanned columns that nobody reads", rewrite_drop_columns},
    {"place-filters",
     "puts column-compared-to-literal first above a scan, where engines prune by it",
     rewrite_place_filters},
};

const struct plan_rewrite *plan_rewrite_at(size_t idx)
{
    return idx < sizeof REWRITES / sizeof REWRITES[0] ? &REWRITES[idx] : NULL;
}

enum err_code plan_optimise(struct plan *plan, const struct plan_rel *root,
                            const struct plan_rel **ret, struct err *err)
{
    *ret = NULL;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan");
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    const struct plan_rel *at = root, *before = NULL;
    for (int round = 0; round < ROUNDS && at != before && at != NULL; round++) {
        before = at;
        for (size_t i = 0; i < sizeof REWRITES / sizeof REWRITES[0] && at != NULL; i++)
            at = REWRITES[i].apply(plan, at);
    }
    TRY(plan_finish(plan, at, err));
    *ret = at;
    return ERR_OK;
}

/* ---- a pass ------------------------------------------------------------------------------------
 */

static bool share_reserve(struct rewrite *rewrite, size_t id)
{
    if (id < rewrite->shared_cap)
        return true;
    size_t cap = rewrite->shared_cap * 2 > id + 64 ? rewrite->shared_cap * 2 : id + 64;
    uint8_t *more = plan_alloc(rewrite->plan, cap, 1);
    if (more == NULL)
        return false;
    if (rewrite->shared_cap > 0)
        memcpy(more, rewrite->shared, rewrite->shared_cap);
    rewrite->shared = more;
    rewrite->shared_cap = cap;
    return true;
}

bool rewrite_is_shared(const struct rewrite *rewrite, const struct plan_rel *rel)
{
    return rel->id < rewrite->shared_cap && rewrite->shared[rel->id] > 1;
}
bool rewrite_is_free(const struct rewrite *rewrite, const struct plan_rel *rel)
{
    return rel->label == NULL && !rewrite_is_shared(rewrite, rel);
}

static void count_uses(struct rewrite *rewrite, const struct plan_rel *rel)
{
    for (size_t i = 0; i < rel->input_count; i++) {
        uint8_t *uses = &rewrite->shared[rel->inputs[i]->id];
        if (*uses < 2)
            ++*uses;
        if (*uses == 1)
            count_uses(rewrite, rel->inputs[i]);
    }
}

static const struct plan_rel *visit(struct rewrite *rewrite, const struct plan_rel *rel,
                                    rewrite_node node)
{
    if (plan_failed(rewrite->plan))
        return NULL;
    if (rewrite->done[rel->id] != NULL)
        return rewrite->done[rel->id];
    const struct plan_rel **inputs = plan_alloc(rewrite->plan, rel->input_count, sizeof *inputs);
    for (size_t i = 0; inputs != NULL && i < rel->input_count; i++) {
        inputs[i] = visit(rewrite, rel->inputs[i], node);
        if (inputs[i] == NULL)
            return NULL;
    }
    const struct plan_rel *moved =
        inputs == NULL ? NULL : plan_with_inputs(rewrite->plan, rel, inputs);
    const struct plan_rel *made = moved == NULL ? NULL : node(rewrite, moved);
    if (made == NULL || !share_reserve(rewrite, made->id))
        return NULL;
    if (rewrite_is_shared(
            rewrite,
            rel)) /* another may be used here only: what stands for a shared one is shared */
        rewrite->shared[made->id] = 2;
    return rewrite->done[rel->id] = made;
}

const struct plan_rel *rewrite_each(struct plan *plan, const struct plan_rel *root,
                                    rewrite_node node)
{
    struct rewrite rewrite = {.plan = plan,
                              .done = plan_alloc(plan, (size_t)root->id + 1, sizeof *rewrite.done)};
    if (rewrite.done == NULL || !share_reserve(&rewrite, root->id))
        return NULL;
    count_uses(&rewrite, root);
    return visit(&rewrite, root, node);
}

/* ---- expressions -------------------------------------------------------------------------------
 */

bool rewrite_is_call(const struct plan_expr *expr, enum plan_function_id id)
{
    return expr->kind == PLAN_CALL && expr->function->id == id;
}

static const struct plan_expr *inline_column(void *user, const struct plan_expr *column)
{
    const struct plan_named *outputs = user;
    return outputs[column->idx].expr;
}
const struct plan_expr *rewrite_inline(struct plan *plan, const struct plan_expr *expr,
                                       const struct plan_named *outputs)
{
    return plan_map_columns(plan, expr, inline_column, (void *)(uintptr_t)outputs);
}

static void add_conjuncts(const struct plan_expr *expr, const struct plan_expr **ret, size_t cap,
                          size_t *count)
{
    if (!rewrite_is_call(expr, PLAN_FUNCTION_AND)) {
        if (*count < cap)
            ret[*count] = expr;
        ++*count;
        return;
    }
    for (size_t i = 0; i < expr->arg_count; i++)
        add_conjuncts(expr->args[i], ret, cap, count);
}
size_t rewrite_conjuncts(const struct plan_expr *expr, const struct plan_expr **ret, size_t cap)
{
    size_t count = 0;
    add_conjuncts(expr, ret, cap, &count);
    return count;
}
const struct plan_expr *rewrite_and(struct plan *plan, const struct plan_expr *const *conjuncts,
                                    size_t count)
{
    return count == 1 ? conjuncts[0] : plan_call(plan, "and", count, conjuncts);
}

struct change {
    struct plan *plan;
    rewrite_expr map;
    bool changed;
};
static const struct plan_expr *change_expr(struct change *change, const struct plan_expr *expr)
{
    const struct plan_expr *made = expr == NULL ? NULL : change->map(change->plan, expr);
    change->changed = change->changed || made != expr;
    return made;
}
static const struct plan_named *change_named(struct change *change, const struct plan_named *named,
                                             size_t count)
{
    struct plan_named *copy = plan_named_array(change->plan, count);
    for (size_t i = 0; copy != NULL && i < count; i++)
        copy[i] = (struct plan_named){named[i].name, change_expr(change, named[i].expr)};
    return copy;
}

const struct plan_rel *rewrite_exprs(struct plan *plan, const struct plan_rel *rel,
                                     rewrite_expr map)
{
    struct change change = {plan, map, false};
    const struct plan_expr *predicate = change_expr(&change, rel->predicate);
    const struct plan_named *outputs = change_named(&change, rel->outputs, rel->output_count);
    const struct plan_named *groups = change_named(&change, rel->groups, rel->group_count);
    if (plan_failed(plan) || !change.changed)
        return plan_failed(plan) ? NULL : rel;
    uint32_t id = plan_next_id(plan);
    struct plan_rel *copy = id == 0 ? NULL : plan_alloc(plan, 1, sizeof *copy);
    if (copy == NULL)
        return NULL;
    *copy = *rel;
    copy->id = id;
    copy->predicate = predicate;
    copy->outputs = outputs;
    copy->groups = groups;
    return copy;
}
