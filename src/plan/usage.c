/* Which columns of which relation a plan reads. From the root down: what is read of a node, and
 * what the node itself needs, is read of its inputs:
 *
 *     project n = a + 1              n
 *       join on id = ref             a (and id, ref for itself)
 *         scan l (id, a, b)          id, a
 *         scan r (ref, c)            ref
 */
#include "plan/usage.h"

void plan_visit_columns(const struct plan_expr *expr, plan_visit_expr visit, void *user)
{
    if (expr->kind == PLAN_COLUMN)
        visit(user, expr);
    for (size_t i = 0; i < expr->arg_count; i++)
        plan_visit_columns(expr->args[i], visit, user);
    for (size_t i = 0; i < expr->partition_count; i++)
        plan_visit_columns(expr->partition[i], visit, user);
    for (size_t i = 0; i < expr->order_count; i++)
        plan_visit_columns(expr->order[i].expr, visit, user);
    if (expr->where != NULL)
        plan_visit_columns(expr->where, visit, user);
}

/* Index among the node's columns of its first output that is no pass-through column or group. */
static size_t first_output(const struct plan_rel *rel)
{
    switch (rel->kind) {
    case PLAN_AGGREGATE:
    case PLAN_INTERVAL_MERGE:
        return rel->group_count;
    case PLAN_WINDOW:
    case PLAN_EXPLODE:
        return rel->inputs[0]->column_count;
    case PLAN_SCAN:
    case PLAN_FILTER:
    case PLAN_PROJECT:
    case PLAN_JOIN:
    case PLAN_UNION:
    case PLAN_SORT:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
    case PLAN_VALUES:
    case PLAN_DEDUPE:
    case PLAN_INTERVAL_JOIN:
        return 0;
    }
    return 0;
}

void plan_visit_needed(const struct plan_rel *rel, const bool *want, plan_visit_expr visit,
                       void *user)
{
    size_t first = first_output(rel);
    bool optional =
        rel->kind == PLAN_PROJECT || rel->kind == PLAN_WINDOW || rel->kind == PLAN_AGGREGATE;
    if (rel->predicate != NULL)
        visit(user, rel->predicate);
    for (size_t i = 0; i < rel->group_count; i++)
        visit(user, rel->groups[i].expr);
    for (size_t i = 0; i < rel->output_count; i++)
        if (!optional || (want != NULL && want[first + i]))
            visit(user, rel->outputs[i].expr);
    for (size_t i = 0; i < rel->key_count; i++) {
        visit(user, rel->left_keys[i]);
        if (rel->right_keys != NULL)
            visit(user, rel->right_keys[i]);
    }
    for (size_t i = 0; i < rel->order_count; i++)
        visit(user, rel->order[i].expr);
    if (rel->span == NULL)
        return;
    const struct plan_expr *times[] = {rel->span->left_start, rel->span->left_end,
                                       rel->span->right_start, rel->span->right_end};
    for (size_t i = 0; i < 4; i++)
        if (times[i] != NULL)
            visit(user, times[i]);
}

struct marker {
    struct plan_usage *usage;
    const struct plan_rel *rel; /* whose inputs are marked */
};
static void mark_column(void *user, const struct plan_expr *column)
{
    const struct marker *marker = user;
    marker->usage->used[marker->rel->inputs[column->input]->id][column->idx] = true;
}
static void mark_expr(void *user, const struct plan_expr *expr)
{
    plan_visit_columns(expr, mark_column, user);
}

/* Columns that the node hands on as they are. */
static void mark_passed(struct plan_usage *usage, const struct plan_rel *rel)
{
    const bool *used = usage->used[rel->id];
    switch (rel->kind) {
    case PLAN_FILTER:
    case PLAN_SORT:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
    case PLAN_DEDUPE:
    case PLAN_UNION:
    case PLAN_WINDOW:
    case PLAN_EXPLODE:
        for (size_t k = 0; k < rel->input_count; k++)
            for (size_t i = 0; i < rel->inputs[k]->column_count; i++)
                if (used[i] || rel->kind == PLAN_DISTINCT)
                    usage->used[rel->inputs[k]->id][i] = true;
        return;
    case PLAN_JOIN:
    case PLAN_INTERVAL_JOIN:
        for (size_t i = 0; i < rel->column_count; i++) {
            size_t left = rel->inputs[0]->column_count;
            if (used[i])
                usage->used[rel->inputs[i < left ? 0 : 1]->id][i < left ? i : i - left] = true;
        }
        return;
    case PLAN_SCAN:
    case PLAN_PROJECT:
    case PLAN_AGGREGATE:
    case PLAN_VALUES:
    case PLAN_INTERVAL_MERGE:
        return;
    }
}

static void collect(struct plan_usage *usage, struct arena *arena, const struct plan_rel *rel)
{
    if (usage->used[rel->id] != NULL || arena_failed(arena))
        return;
    usage->used[rel->id] = arena_array(arena, rel->column_count, sizeof(bool));
    for (size_t i = 0; i < rel->input_count; i++)
        collect(usage, arena, rel->inputs[i]);
    usage->nodes[usage->count++] = rel;
}

static size_t count_nodes(const struct plan_rel *rel, bool *seen)
{
    size_t count = 1;
    if (seen[rel->id])
        return 0;
    seen[rel->id] = true;
    for (size_t i = 0; i < rel->input_count; i++)
        count += count_nodes(rel->inputs[i], seen);
    return count;
}

bool plan_usage_init(struct plan_usage *ret, struct arena *arena, const struct plan_rel *root)
{
    size_t ids = (size_t)root->id + 1;
    bool *seen = arena_array(arena, ids, sizeof *seen);
    *ret = (struct plan_usage){.used = arena_array(arena, ids, sizeof *ret->used)};
    if (seen == NULL || ret->used == NULL)
        return false;
    ret->nodes = arena_array(arena, count_nodes(root, seen), sizeof(const struct plan_rel *));
    if (ret->nodes == NULL)
        return false;
    collect(ret, arena, root);
    if (arena_failed(arena))
        return false;
    for (size_t i = 0; i < root->column_count; i++)
        ret->used[root->id][i] = true;
    for (size_t n = ret->count; n-- > 0;) {
        struct marker marker = {ret, ret->nodes[n]};
        plan_visit_needed(marker.rel, ret->used[marker.rel->id], mark_expr, &marker);
        mark_passed(ret, marker.rel);
    }
    return true;
}
