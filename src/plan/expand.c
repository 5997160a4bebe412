/* The kernels, expanded. Each function has its worked example above it; helper columns are called
 * marrow_… and are projected away again. */
#include <stdio.h>
#include <string.h>

#include "plan/plan_priv.h"
#include "plan/rewrite.h"

#define CALL(function, ...)                                                                        \
    plan_call(plan, function,                                                                      \
              sizeof((const struct plan_expr *const[]){__VA_ARGS__}) / sizeof(struct plan_expr *), \
              (const struct plan_expr *const[]){__VA_ARGS__})

/* rel's columns that `like` has too, in like's order. */
static const struct plan_rel *keep_columns(struct plan *plan, const struct plan_rel *rel,
                                           const struct plan_rel *like)
{
    if (plan_failed(plan) || rel == NULL)
        return NULL;
    struct plan_named *outputs = plan_named_array(plan, like->column_count);
    for (size_t i = 0; outputs != NULL && i < like->column_count; i++)
        outputs[i] = (struct plan_named){like->columns[i].name,
                                         plan_column(plan, rel, like->columns[i].name)};
    return outputs == NULL ? NULL : plan_project(plan, rel, outputs, like->column_count);
}

static const struct plan_order *bind_order(const struct plan_bind *bind,
                                           const struct plan_order *order, size_t count)
{
    struct plan_order *copy = plan_alloc(bind->plan, count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = order[i];
        copy[i].expr = plan_bind(bind, order[i].expr);
    }
    return copy;
}
static const struct plan_expr *const *bind_all(const struct plan_bind *bind,
                                               const struct plan_expr *const *exprs, size_t count)
{
    const struct plan_expr **copy = plan_alloc(bind->plan, count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++)
        copy[i] = plan_bind(bind, exprs[i]);
    return copy;
}

/* dedupe by patient_id first by charttime         project (the input's columns)
 *   scan labs                             →         filter marrow_rank = 1
 *                                                     window marrow_rank = row_number() partition
 * by patient_id order by charttime scan labs */
static const struct plan_rel *first_rows(struct plan *plan, const struct plan_rel *input,
                                         const struct plan_expr *const *keys, size_t key_count,
                                         const struct plan_order *order, size_t order_count)
{
    if (plan_failed(plan) || input == NULL)
        return NULL;
    const char *rank = plan_fresh_name(plan, input, "marrow_rank");
    struct plan_named output = {rank, plan_window_call(plan, "row_number", 0, NULL, keys, key_count,
                                                       order, order_count, NULL)};
    const struct plan_rel *ranked = plan_window(plan, input, &output, 1);
    const struct plan_rel *first = plan_filter(
        plan, ranked, CALL("eq", plan_column(plan, ranked, rank), plan_literal_int(plan, 1)));
    return keep_columns(plan, first, input);
}

static const struct plan_rel *expand_dedupe(struct plan *plan, const struct plan_rel *rel)
{
    struct plan_bind bind = {plan, rel->inputs[0], 0, 0};
    return first_rows(plan, rel->inputs[0], bind_all(&bind, rel->left_keys, rel->key_count),
                      rel->key_count, bind_order(&bind, rel->order, rel->order_count),
                      rel->order_count);
}

/* interval_join on l.id = r.id overlap [a, b) with [c, d)   →   join on l.id = r.id
 *                                                                where a < d and c < b and a < b
 *                                                                and c < d
 * closed: ≤ in place of < */
static const struct plan_rel *expand_interval_join(struct plan *plan, const struct plan_rel *rel)
{
    const struct plan_span *span = rel->span;
    const char *before = span->closed ? "le" : "lt";
    const struct plan_expr *overlap = CALL("and", CALL(before, span->left_start, span->right_end),
                                           CALL(before, span->right_start, span->left_end),
                                           CALL(before, span->left_start, span->left_end),
                                           CALL(before, span->right_start, span->right_end));
    return plan_join(plan, rel->join, rel->inputs[0], rel->inputs[1], rel->left_keys,
                     rel->right_keys, rel->key_count, overlap);
}

/* The right side of an as-of join: rows with a time, one for each key and time, each with the time
 * of the next (forward: the previous) row of its key. */
static const struct plan_rel *asof_right(struct plan *plan, const struct plan_rel *rel,
                                         const char *neighbour)
{
    const struct plan_rel *right = rel->inputs[1];
    struct plan_bind bind = {plan, right, 1, 0};
    const struct plan_expr *time = plan_bind(&bind, rel->span->right_start);
    const struct plan_rel *timed = plan_filter(plan, right, CALL("is_not_null", time));
    size_t count = rel->key_count;
    const struct plan_expr **keys = plan_alloc(plan, count + 1, sizeof *keys);
    if (keys == NULL || timed == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        keys[i] = plan_bind(&bind, rel->right_keys[i]);
    keys[count] = time;
    const struct plan_order by_time = {.expr = time};
    const struct plan_order *ties =
        rel->order_count > 0 ? bind_order(&bind, rel->order, rel->order_count) : &by_time;
    const struct plan_rel *single =
        first_rows(plan, timed, keys, count + 1, ties, rel->order_count > 0 ? rel->order_count : 1);
    struct plan_named output = {neighbour,
                                plan_window_call(plan, rel->span->forward ? "lag" : "lead", 1,
                                                 &time, keys, count, &by_time, 1, NULL)};
    return plan_window(plan, single, &output, 1);
}

/* join asof on l.id = r.id at l.t latest r.t or equal  →  project (both sides' columns)
 *                                                           join left on l.id = r.id where r.t ≤
 * l.t and (r.next is null or l.t < r.next) …left… window next = lead(t) partition by id order by t
 *                                                               (rows of right with a time, the
 *                                                               first of each id and t)
 * not closed: r.t < l.t ≤ r.next; forward: with lag, turned round. */
static const struct plan_rel *expand_asof(struct plan *plan, const struct plan_rel *rel)
{
    const struct plan_span *span = rel->span;
    const char *neighbour = plan_fresh_name(plan, rel, "marrow_next");
    const struct plan_rel *right = asof_right(plan, rel, neighbour);
    struct plan_bind to_right = {plan, right, 1, 1};
    if (right == NULL)
        return NULL;
    const char *here = span->closed ? "le" : "lt", *there = span->closed ? "lt" : "le";
    const struct plan_expr *left_time = span->left_start;
    const struct plan_expr *right_time = plan_bind(&to_right, span->right_start);
    const struct plan_expr *next = plan_column_right(plan, right, neighbour);
    const struct plan_expr *reached =
        span->forward ? CALL(here, left_time, right_time) : CALL(here, right_time, left_time);
    const struct plan_expr *nearest =
        CALL("or", CALL("is_null", next),
             span->forward ? CALL(there, next, left_time) : CALL(there, left_time, next));
    const struct plan_rel *joined =
        plan_join(plan, PLAN_JOIN_LEFT, rel->inputs[0], right, rel->left_keys,
                  bind_all(&to_right, rel->right_keys, rel->key_count), rel->key_count,
                  CALL("and", reached, nearest));
    return keep_columns(plan, joined, rel);
}

/* time + gap, in the units of the time's type */
static const struct plan_expr *later(struct plan *plan, const struct plan_expr *time, int64_t gap)
{
    if (gap == 0 || plan_failed(plan) || time == NULL)
        return time;
    char text[64];
    const struct plan_expr *number = plan_literal_int(plan, gap);
    switch (time->type.kind) {
    case DATA_DATE:
        return CALL("add_days", time, number);
    case DATA_TIMESTAMP:
        (void)snprintf(text, sizeof text, "PT%lld.%06lldS", (long long)(gap / 1000000),
                       (long long)(gap % 1000000));
        return CALL("add_interval", time, plan_literal(plan, DATA_TYPE(INTERVAL), text));
    case DATA_TIMESTAMPTZ:
        return CALL("from_utc", later(plan, CALL("at_utc", time), gap));
    case DATA_BIGINT:
    case DATA_DECIMAL:
    case DATA_DOUBLE:
        return CALL("add", time, number);
    case DATA_NULL:
    case DATA_BOOLEAN:
    case DATA_UHUGEINT:
    case DATA_TEXT:
    case DATA_TIME:
    case DATA_INTERVAL:
    case DATA_BLOB:
    case DATA_JSON:
    case DATA_LIST:
    case DATA_STRUCT:
        break;
    }
    return NULL;
}

/* The plan's names for what a merge works with. */
struct merge {
    struct plan *plan;
    const struct plan_rel *rel;
    const struct plan_expr **groups; /* of the relation that is being built */
    const char *start, *end, *reach, *first, *part;
};

static void merge_groups(struct merge *merge, const struct plan_rel *rel)
{
    for (size_t i = 0; rel != NULL && i < merge->rel->group_count; i++)
        merge->groups[i] = plan_column(merge->plan, rel, merge->rel->groups[i].name);
}

/* window output = function(argument) partition by groups order by start, end */
static const struct plan_rel *merge_window(struct merge *merge, const struct plan_rel *rel,
                                           const char *output, const char *function,
                                           const char *argument, const struct plan_frame *frame)
{
    struct plan *plan = merge->plan;
    if (rel == NULL || plan_failed(plan))
        return NULL;
    merge_groups(merge, rel);
    const struct plan_expr *value = plan_column(plan, rel, argument);
    const struct plan_order order[] = {{.expr = plan_column(plan, rel, merge->start)},
                                       {.expr = plan_column(plan, rel, merge->end)}};
    struct plan_named named = {output, plan_window_call(plan, function, 1, &value, merge->groups,
                                                        merge->rel->group_count, order, 2, frame)};
    return plan_window(plan, rel, &named, 1);
}

/* groups…, start, end of the rows that have both, in order */
static const struct plan_rel *merge_input(struct merge *merge)
{
    struct plan *plan = merge->plan;
    const struct plan_rel *rel = merge->rel;
    const struct plan_span *span = rel->span;
    const struct plan_rel *whole =
        plan_filter(plan, rel->inputs[0], CALL("le", span->left_start, span->left_end));
    struct plan_named *outputs = plan_named_array(plan, rel->group_count + 2);
    if (outputs == NULL)
        return NULL;
    for (size_t i = 0; i < rel->group_count; i++)
        outputs[i] = rel->groups[i];
    outputs[rel->group_count] = (struct plan_named){merge->start, span->left_start};
    outputs[rel->group_count + 1] = (struct plan_named){merge->end, span->left_end};
    return plan_project(plan, whole, outputs, rel->group_count + 2);
}

/* first = 1 where the row begins a new interval: it starts after all before it have ended */
static const struct plan_rel *merge_first(struct merge *merge, const struct plan_rel *reached)
{
    struct plan *plan = merge->plan;
    if (reached == NULL || plan_failed(plan))
        return NULL;
    const struct plan_expr *reach = plan_column(plan, reached, merge->reach);
    const struct plan_expr *starts = CALL("or", CALL("is_null", reach),
                                          CALL("gt", plan_column(plan, reached, merge->start),
                                               later(plan, reach, merge->rel->span->gap)));
    const struct plan_expr *parts[] = {starts, plan_literal_int(plan, 1),
                                       plan_literal_int(plan, 0)};
    struct plan_named *outputs = plan_named_array(plan, reached->column_count);
    if (outputs == NULL)
        return NULL;
    for (size_t i = 0; i + 1 < reached->column_count; i++)
        outputs[i] = (struct plan_named){reached->columns[i].name,
                                         plan_column(plan, reached, reached->columns[i].name)};
    outputs[reached->column_count - 1] =
        (struct plan_named){merge->first, plan_case(plan, 3, parts)};
    return plan_project(plan, reached, outputs, reached->column_count);
}

/* interval_merge by id [a, b) as from, until, n   →
 *   project id, from, until, n
 *     aggregate by id, part: from = min(a), until = max(b), n = count_rows()
 *       window part = sum(first) partition by id order by a, b            (to the last peer)
 *         project id, a, b, first = case(reach is null or a > reach + gap, 1, 0)
 *           window reach = max(b) partition by id order by a, b rows first to -1
 *             project id, a, b
 *               filter a ≤ b */
static const struct plan_rel *expand_interval_merge(struct plan *plan, const struct plan_rel *rel)
{
    static const struct plan_frame BEFORE = {PLAN_FRAME_UNBOUNDED_BEFORE, -1};
    size_t count = rel->group_count;
    struct merge merge = {plan,
                          rel,
                          plan_alloc(plan, count + 1, sizeof(struct plan_expr *)),
                          plan_fresh_name(plan, rel, "marrow_start"),
                          plan_fresh_name(plan, rel, "marrow_end"),
                          plan_fresh_name(plan, rel, "marrow_reach"),
                          plan_fresh_name(plan, rel, "marrow_first"),
                          plan_fresh_name(plan, rel, "marrow_part")};
    if (merge.groups == NULL)
        return NULL;
    const struct plan_rel *at =
        merge_window(&merge, merge_input(&merge), merge.reach, "max", merge.end, &BEFORE);
    at = merge_window(&merge, merge_first(&merge, at), merge.part, "sum", merge.first, NULL);
    merge_groups(&merge, at);
    struct plan_named *groups = plan_named_array(plan, count + 1);
    if (at == NULL || groups == NULL || plan_failed(plan))
        return NULL;
    for (size_t i = 0; i < count; i++)
        groups[i] = (struct plan_named){rel->groups[i].name, merge.groups[i]};
    groups[count] = (struct plan_named){merge.part, plan_column(plan, at, merge.part)};
    const struct plan_expr *start = plan_column(plan, at, merge.start);
    const struct plan_expr *end = plan_column(plan, at, merge.end);
    const struct plan_named outputs[] = {
        {rel->span->start_name, plan_aggregate_call(plan, "min", 1, &start, false, NULL)},
        {rel->span->end_name, plan_aggregate_call(plan, "max", 1, &end, false, NULL)},
        {rel->span->count_name, plan_aggregate_call(plan, "count_rows", 0, NULL, false, NULL)}};
    return keep_columns(
        plan,
        plan_aggregate(plan, at, groups, count + 1, outputs, rel->span->count_name != NULL ? 3 : 2),
        rel);
}

/* ---- the whole plan -----------------------------------------------------------------------------
 */

struct expand {
    struct plan *plan;
    const struct plan_rel **done; /* by id of the given node */
};

static const struct plan_rel *expand_kernel(struct plan *plan, const struct plan_rel *rel)
{
    switch (rel->kind) {
    case PLAN_DEDUPE:
        return expand_dedupe(plan, rel);
    case PLAN_INTERVAL_JOIN:
        return expand_interval_join(plan, rel);
    case PLAN_INTERVAL_MERGE:
        return expand_interval_merge(plan, rel);
    case PLAN_JOIN:
        return rel->join == PLAN_JOIN_ASOF ? expand_asof(plan, rel) : rel;
    case PLAN_SCAN:
    case PLAN_FILTER:
    case PLAN_PROJECT:
    case PLAN_AGGREGATE:
    case PLAN_UNION:
    case PLAN_SORT:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
    case PLAN_WINDOW:
    case PLAN_VALUES:
    case PLAN_EXPLODE:
        return rel;
    }
    return NULL;
}

static const struct plan_rel *expand(struct expand *work, const struct plan_rel *rel)
{
    if (plan_failed(work->plan))
        return NULL;
    if (work->done[rel->id] != NULL)
        return work->done[rel->id];
    const struct plan_rel **inputs = plan_alloc(work->plan, rel->input_count, sizeof *inputs);
    for (size_t i = 0; inputs != NULL && i < rel->input_count; i++) {
        inputs[i] = expand(work, rel->inputs[i]);
        if (inputs[i] == NULL)
            return NULL;
    }
    const struct plan_rel *moved =
        inputs == NULL ? NULL : plan_with_inputs(work->plan, rel, inputs);
    const struct plan_rel *made = moved == NULL ? NULL : expand_kernel(work->plan, moved);
    if (made != NULL && made != moved && rel->label != NULL)
        made = plan_label(work->plan, made, rel->label);
    return work->done[rel->id] = made;
}

enum err_code plan_expand(struct plan *plan, const struct plan_rel *root,
                          const struct plan_rel **ret, struct err *err)
{
    *ret = NULL;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan");
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    struct expand work = {plan, plan_alloc(plan, (size_t)root->id + 1, sizeof *work.done)};
    const struct plan_rel *made = work.done == NULL ? NULL : expand(&work, root);
    TRY(plan_finish(plan, made, err));
    *ret = made;
    return ERR_OK;
}
