/* Select-merge: fewer, flatter nodes. A project is not merged where that would compute something
 * twice, nor where the inner one has a name of its own or is used elsewhere. */
#include "plan/rewrite_priv.h"
#include "plan/usage.h"

#include <string.h>

struct counter {
    const struct plan_rel *inner;
    uint32_t *uses; /* by column of inner */
};
static void count_column(void *user, const struct plan_expr *column)
{
    struct counter *counter = user;
    counter->uses[column->idx]++;
}
static bool is_plain(const struct plan_expr *expr)
{
    return expr->kind == PLAN_COLUMN || expr->kind == PLAN_LITERAL || expr->kind == PLAN_PARAM;
}

/* No computed column of inner is read more than once by outer. */
static bool reads_once(struct plan *plan, const struct plan_rel *outer,
                       const struct plan_rel *inner)
{
    struct counter counter = {inner, plan_alloc(plan, inner->column_count, sizeof *counter.uses)};
    size_t size = 0;
    if (counter.uses == NULL)
        return false;
    for (size_t i = 0; i < outer->output_count; i++) {
        plan_visit_columns(outer->outputs[i].expr, count_column, &counter);
        size = outer->outputs[i].expr->size > size ? outer->outputs[i].expr->size : size;
    }
    for (size_t i = 0; i < inner->column_count; i++) {
        if (counter.uses[i] > 1 && !is_plain(inner->outputs[i].expr))
            return false;
        size = inner->outputs[i].expr->size > size ? inner->outputs[i].expr->size : size;
    }
    return size < 100; /* far from the limits of an expression */
}

/* project n = m + 1            →  project n = a * 2 + 1
 *   project m = a * 2               scan t
 *     scan t                                              */
static const struct plan_rel *merge_projects(struct rewrite *rewrite, const struct plan_rel *rel)
{
    const struct plan_rel *inner = rel->inputs[0];
    if (inner->kind != PLAN_PROJECT || !rewrite_is_free(rewrite, inner) ||
        !reads_once(rewrite->plan, rel, inner))
        return plan_failed(rewrite->plan) ? NULL : rel;
    struct plan_named *outputs = plan_named_array(rewrite->plan, rel->output_count);
    for (size_t i = 0; outputs != NULL && i < rel->output_count; i++)
        outputs[i] = (struct plan_named){
            rel->outputs[i].name,
            rewrite_inline(rewrite->plan, rel->outputs[i].expr, inner->outputs)};
    return outputs == NULL
               ? NULL
               : plan_project(rewrite->plan, inner->inputs[0], outputs, rel->output_count);
}

/* project a, b of t (a, b)   →   t */
static bool changes_nothing(const struct plan_rel *rel)
{
    const struct plan_rel *input = rel->inputs[0];
    if (rel->output_count != input->column_count)
        return false;
    for (size_t i = 0; i < rel->output_count; i++)
        if (rel->outputs[i].expr->kind != PLAN_COLUMN || rel->outputs[i].expr->idx != i ||
            strcmp(rel->outputs[i].name, input->columns[i].name) != 0)
            return false;
    return true;
}

/* filter a   →   filter a and b
 *   filter b       scan t
 *     scan t                     */
static const struct plan_rel *merge_filters(struct rewrite *rewrite, const struct plan_rel *rel)
{
    const struct plan_rel *inner = rel->inputs[0];
    if (inner->kind != PLAN_FILTER || !rewrite_is_free(rewrite, inner) ||
        inner->predicate->size + rel->predicate->size > PLAN_LIMIT_EXPR_SIZE / 2)
        return rel;
    const struct plan_expr *parts[64];
    size_t first = rewrite_conjuncts(inner->predicate, parts, 32),
           second = first <= 32 ? rewrite_conjuncts(rel->predicate, parts + first, 32) : 33;
    if (first > 32 || second > 32)
        return rel;
    return plan_filter(rewrite->plan, inner->inputs[0],
                       rewrite_and(rewrite->plan, parts, first + second));
}

static const struct plan_rel *merge_node(struct rewrite *rewrite, const struct plan_rel *rel)
{
    const struct plan_rel *made = rel;
    if (rel->kind == PLAN_PROJECT)
        made = rel->label == NULL && changes_nothing(rel) ? rel->inputs[0]
                                                          : merge_projects(rewrite, rel);
    else if (rel->kind == PLAN_FILTER)
        made = merge_filters(rewrite, rel);
    bool renamed = made != NULL && made != rel && made != rel->inputs[0] && rel->label != NULL;
    return renamed ? plan_label(rewrite->plan, made, rel->label) : made;
}
const struct plan_rel *rewrite_merge(struct plan *plan, const struct plan_rel *root)
{
    return rewrite_each(plan, root, merge_node);
}
