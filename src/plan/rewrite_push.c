/* Predicate pushdown: each conjunct of a filter goes as far down as it may, one node a pass. It
 * stays above what it could change: limits, the null-supplying side of left joins, window and
 * dedupe partitions it does not speak of, and whatever is shared. A conjunct that may fail (a cast
 * of text) stays too, so that it meets no row that it did not meet before. */
#include "plan/rewrite_priv.h"
#include "plan/usage.h"

#define CONJUNCTS 64 /* a filter of more stays whole */

struct push {
    struct rewrite *rewrite;
    struct plan *plan;
    const struct plan_rel *below; /* the node that the filter stands over */
    const struct plan_expr *stay[CONJUNCTS];
    const struct plan_expr *down[2][CONJUNCTS]; /* for each input, in terms of it */
    size_t stay_count, down_count[2];
};

static bool may_fail(const struct plan_expr *expr)
{
    enum data_kind from = expr->kind == PLAN_CAST ? expr->args[0]->type.kind : DATA_NULL;
    if (expr->kind == PLAN_CAST && !expr->try_cast && from != DATA_BIGINT && from != DATA_DATE &&
        from != DATA_TIMESTAMP && from != DATA_BOOLEAN)
        return true;
    enum plan_function_id id = expr->kind == PLAN_CALL ? expr->function->id : PLAN_FUNCTIONS_END;
    if (id == PLAN_FUNCTION_RAISE || id == PLAN_FUNCTION_NUMBER_VALUE ||
        id == PLAN_FUNCTION_NUMBER_PRODUCT || id == PLAN_FUNCTION_NUMBER_QUOTIENT)
        return true;
    for (size_t i = 0; i < expr->arg_count; i++)
        if (may_fail(expr->args[i]))
            return true;
    return false;
}

/* Columns that a conjunct reads: all of them below `limit` and, where allowed is given, flagged
 * there. */
struct reading {
    size_t from, limit;
    const bool *allowed;
    bool fits;
};
static void read_column(void *user, const struct plan_expr *column)
{
    struct reading *reading = user;
    bool inside = column->idx >= reading->from && column->idx < reading->limit;
    reading->fits =
        reading->fits && inside && (reading->allowed == NULL || reading->allowed[column->idx]);
}
static bool reads_within(const struct plan_expr *expr, size_t from, size_t limit,
                         const bool *allowed)
{
    struct reading reading = {from, limit, allowed, true};
    plan_visit_columns(expr, read_column, &reading);
    return reading.fits;
}

/* The same columns, by position, of another relation. */
struct shift {
    struct plan *plan;
    const struct plan_rel *to;
    size_t by;
};
static const struct plan_expr *shift_column(void *user, const struct plan_expr *column)
{
    const struct shift *shift = user;
    return plan_column(shift->plan, shift->to, shift->to->columns[column->idx - shift->by].name);
}
static const struct plan_expr *shifted(struct plan *plan, const struct plan_expr *expr,
                                       const struct plan_rel *to, size_t by)
{
    struct shift shift = {plan, to, by};
    return plan_map_columns(plan, expr, shift_column, &shift);
}

static void send_down(struct push *push, size_t input, const struct plan_expr *conjunct)
{
    push->down[input][push->down_count[input]++] = conjunct;
}

/* Flags of the columns that every partition of the node is made of; NULL: out of memory. */
static bool *partition_columns(struct plan *plan, const struct plan_rel *rel)
{
    bool *flags = plan_alloc(plan, rel->column_count, sizeof *flags);
    for (size_t c = 0; flags != NULL && c < rel->inputs[0]->column_count; c++) {
        size_t holders = rel->kind == PLAN_DEDUPE ? 1 : rel->output_count;
        flags[c] = true;
        for (size_t o = 0; o < holders && flags[c]; o++) {
            const struct plan_expr *const *keys =
                rel->kind == PLAN_DEDUPE ? rel->left_keys : rel->outputs[o].expr->partition;
            size_t count =
                rel->kind == PLAN_DEDUPE ? rel->key_count : rel->outputs[o].expr->partition_count;
            bool found = false;
            for (size_t k = 0; k < count; k++)
                found = found || (keys[k]->kind == PLAN_COLUMN && keys[k]->idx == c);
            flags[c] = found;
        }
    }
    return flags;
}

/* filter l.a > 5 and r.b = 1 of inner join   →   inner join of (filter l.a > 5 of l), (filter r.b =
 * 1 of r) */
static bool push_into_join(struct push *push, const struct plan_expr *conjunct)
{
    const struct plan_rel *join = push->below, *left = join->inputs[0];
    size_t count = left->column_count;
    if (reads_within(conjunct, 0, count, NULL)) {
        send_down(push, 0, shifted(push->plan, conjunct, left, 0));
        return true;
    }
    if (join->join != PLAN_JOIN_INNER || !reads_within(conjunct, count, join->column_count, NULL))
        return false;
    send_down(push, 1, shifted(push->plan, conjunct, join->inputs[1], count));
    return true;
}

/* Whether the conjunct goes below the node; it is kept in push->down in terms of the node's input.
 */
static bool push_one(struct push *push, const struct plan_expr *conjunct)
{
    const struct plan_rel *below = push->below,
                          *input = below->input_count > 0 ? below->inputs[0] : NULL;
    switch (below->kind) {
    case PLAN_JOIN:
    case PLAN_INTERVAL_JOIN:
        return push_into_join(push, conjunct);
    case PLAN_SORT:
    case PLAN_DISTINCT:
    case PLAN_UNION: /* shifted to each input by the caller */
        send_down(push, 0, shifted(push->plan, conjunct, input, 0));
        return true;
    case PLAN_PROJECT: { /* filter n > 5 of project n = a + 1   →   project n = a + 1 of filter a +
                            1 > 5 */
        const struct plan_expr *inlined = rewrite_inline(push->plan, conjunct, below->outputs);
        if (inlined == NULL || inlined->size > 4 * conjunct->size + 20 || may_fail(inlined))
            return false;
        send_down(push, 0, inlined);
        return true;
    }
    case PLAN_AGGREGATE: /* filter id = 3 of aggregate by id   →   aggregate by id of filter id = 3
                          */
    case PLAN_INTERVAL_MERGE:
        if (below->group_count == 0 || !reads_within(conjunct, 0, below->group_count, NULL))
            return false;
        send_down(push, 0, rewrite_inline(push->plan, conjunct, below->groups));
        return true;
    case PLAN_EXPLODE:
        if (!reads_within(conjunct, 0, input->column_count, NULL))
            return false;
        send_down(push, 0, shifted(push->plan, conjunct, input, 0));
        return true;
    case PLAN_WINDOW: /* filter id = 3 of window … partition by id   →   window … partition by id of
                         filter id = 3 */
    case PLAN_DEDUPE: {
        const bool *flags = partition_columns(push->plan, below);
        if (flags == NULL || !reads_within(conjunct, 0, input->column_count, flags))
            return false;
        send_down(push, 0, shifted(push->plan, conjunct, input, 0));
        return true;
    }
    case PLAN_SCAN:
    case PLAN_VALUES:
    case PLAN_FILTER: /* merged by rewrite_merge.c */
    case PLAN_LIMIT:
        break;
    }
    return false;
}

static bool reads_any(const struct plan_expr *expr)
{
    return !reads_within(expr, 0, 0, NULL); /* some column: none is below 0 */
}

/* The node over its inputs, each below what was sent down to it. */
static const struct plan_rel *rebuilt(struct push *push)
{
    struct plan *plan = push->plan;
    const struct plan_rel *below = push->below;
    const struct plan_rel **inputs = plan_alloc(plan, below->input_count, sizeof *inputs);
    for (size_t i = 0; inputs != NULL && i < below->input_count; i++) {
        inputs[i] = below->inputs[i];
        size_t from = below->kind == PLAN_UNION ? 0 : i;
        if (push->down_count[from] == 0)
            continue;
        const struct plan_expr *all = rewrite_and(plan, push->down[from], push->down_count[from]);
        if (below->kind == PLAN_UNION && all != NULL)
            all = shifted(plan, all, inputs[i], 0);
        inputs[i] = plan_filter(plan, inputs[i], all);
        if (inputs[i] == NULL)
            return NULL;
    }
    return inputs == NULL ? NULL : plan_with_inputs(plan, below, inputs);
}

static const struct plan_rel *push_node(struct rewrite *rewrite, const struct plan_rel *rel)
{
    if (rel->kind != PLAN_FILTER || rewrite_is_shared(rewrite, rel->inputs[0]))
        return rel;
    const struct plan_expr *conjuncts[CONJUNCTS];
    size_t count = rewrite_conjuncts(rel->predicate, conjuncts, CONJUNCTS);
    struct push push = {.rewrite = rewrite, .plan = rewrite->plan, .below = rel->inputs[0]};
    if (count > CONJUNCTS)
        return rel;
    for (size_t i = 0; i < count; i++) {
        bool goes =
            reads_any(conjuncts[i]) && !may_fail(conjuncts[i]) && push_one(&push, conjuncts[i]);
        if (!goes)
            push.stay[push.stay_count++] = conjuncts[i];
    }
    if (plan_failed(rewrite->plan) || push.stay_count == count)
        return plan_failed(rewrite->plan) ? NULL : rel;
    const struct plan_rel *made = rebuilt(&push);
    if (made != NULL &&
        push.stay_count > 0) /* columns are the same, so what stays reads them as before */
        made = plan_filter(rewrite->plan, made,
                           rewrite_and(rewrite->plan, push.stay, push.stay_count));
    return made != NULL && rel->label != NULL ? plan_label(rewrite->plan, made, rel->label) : made;
}
const struct plan_rel *rewrite_push_filters(struct plan *plan, const struct plan_rel *root)
{
    return rewrite_each(plan, root, push_node);
}

/* ---- placement ---------------------------------------------------------------------------------
 */

/* A conjunct that a scan may skip files or row groups by: a column compared to a literal or
 * parameter, or a null test. */
static bool prunes(const struct plan_expr *expr)
{
    if (expr->kind != PLAN_CALL || expr->arg_count == 0 || expr->type.kind != DATA_BOOLEAN)
        return false;
    size_t columns = 0, others = 0;
    for (size_t i = 0; i < expr->arg_count; i++) {
        columns += expr->args[i]->kind == PLAN_COLUMN;
        others += expr->args[i]->kind == PLAN_LITERAL || expr->args[i]->kind == PLAN_PARAM;
    }
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_EQ:
    case PLAN_FUNCTION_LT:
    case PLAN_FUNCTION_LE:
    case PLAN_FUNCTION_GT:
    case PLAN_FUNCTION_GE:
    case PLAN_FUNCTION_BETWEEN:
    case PLAN_FUNCTION_IN:
    case PLAN_FUNCTION_IS_NULL:
    case PLAN_FUNCTION_IS_NOT_NULL:
        return columns == 1 && columns + others == expr->arg_count;
    }
    return false;
}

/* filter lower(name) = 'x' and year = 2024 of scan   →   filter year = 2024 and lower(name) = 'x'
 * of scan */
static const struct plan_rel *place_node(struct rewrite *rewrite, const struct plan_rel *rel)
{
    const struct plan_expr *conjuncts[CONJUNCTS], *placed[CONJUNCTS];
    if (rel->kind != PLAN_FILTER || rel->inputs[0]->kind != PLAN_SCAN)
        return rel;
    size_t count = rewrite_conjuncts(rel->predicate, conjuncts, CONJUNCTS), at = 0, first = 0;
    if (count > CONJUNCTS)
        return rel;
    for (int wanted = 1; wanted >= 0; wanted--)
        for (size_t i = 0; i < count; i++)
            if (prunes(conjuncts[i]) == (wanted == 1))
                placed[at++] = conjuncts[i];
    while (first < count && placed[first] == conjuncts[first])
        first++;
    if (first == count)
        return rel;
    const struct plan_rel *made =
        plan_filter(rewrite->plan, rel->inputs[0], rewrite_and(rewrite->plan, placed, count));
    return made != NULL && rel->label != NULL ? plan_label(rewrite->plan, made, rel->label) : made;
}
const struct plan_rel *rewrite_place_filters(struct plan *plan, const struct plan_rel *root)
{
    return rewrite_each(plan, root, place_node);
}
