/* Dead columns: outputs that nobody reads are dropped, and scans list only what is read (engines
 * then read no more of a file).
 *
 *     project n                          project n
 *       join on id = ref                   join on id = ref
 *         scan l (id, a, b, n)      →        scan l (id, n)
 *         project ref, x = f(c)              project ref
 *           scan r (ref, c)                    scan r (ref)
 *
 * Names stay, so that expressions are bound to the narrower inputs by name. A relation keeps one
 * column at least. */
#include "plan/rewrite_priv.h"
#include "plan/usage.h"

struct narrow {
    struct plan *plan;
    struct plan_usage usage;
    const struct plan_rel **done; /* by id */
    bool *keep;                   /* of the node at hand */
};

static const struct plan_rel *input_of(const struct narrow *narrow, const struct plan_rel *rel,
                                       size_t input)
{
    return narrow->done[rel->inputs[input]->id];
}
/* Expression of rel bound to the new inputs. */
static const struct plan_expr *bound(struct narrow *narrow, const struct plan_rel *rel,
                                     const struct plan_expr *expr)
{
    for (size_t side = 0; expr != NULL && side < rel->input_count && side < 2; side++) {
        struct plan_bind bind = {narrow->plan, input_of(narrow, rel, side), side, side};
        if (bind.rel != rel->inputs[side])
            expr = plan_bind(&bind, expr);
    }
    return expr;
}
static const struct plan_expr **bound_all(struct narrow *narrow, const struct plan_rel *rel,
                                          const struct plan_expr *const *exprs, size_t count)
{
    const struct plan_expr **copy = plan_alloc(narrow->plan, count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++)
        copy[i] = bound(narrow, rel, exprs[i]);
    return copy;
}
static struct plan_order *bound_order(struct narrow *narrow, const struct plan_rel *rel)
{
    struct plan_order *copy = plan_alloc(narrow->plan, rel->order_count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < rel->order_count; i++)
        copy[i] = (struct plan_order){bound(narrow, rel, rel->order[i].expr),
                                      rel->order[i].descending, rel->order[i].nulls_first};
    return copy;
}
/* Named expressions whose column (from `first` on) is kept; all where keep is NULL. */
static struct plan_named *bound_named(struct narrow *narrow, const struct plan_rel *rel,
                                      const struct plan_named *named, size_t count,
                                      const bool *keep, size_t *ret_count)
{
    struct plan_named *copy = plan_named_array(narrow->plan, count);
    *ret_count = 0;
    for (size_t i = 0; copy != NULL && i < count; i++)
        if (keep == NULL || keep[i])
            copy[(*ret_count)++] =
                (struct plan_named){named[i].name, bound(narrow, rel, named[i].expr)};
    return copy;
}
static struct plan_span bound_span(struct narrow *narrow, const struct plan_rel *rel)
{
    struct plan_span span = rel->span != NULL ? *rel->span : (struct plan_span){0};
    span.left_start = bound(narrow, rel, span.left_start);
    span.left_end = bound(narrow, rel, span.left_end);
    span.right_start = bound(narrow, rel, span.right_start);
    span.right_end = bound(narrow, rel, span.right_end);
    return span;
}

static const struct plan_rel *narrow_scan(struct narrow *narrow, const struct plan_rel *rel)
{
    struct data_schema schema = {.columns =
                                     plan_alloc(narrow->plan, rel->column_count,
                                                sizeof *schema.columns)}; /* borrowed texts */
    for (size_t i = 0; schema.columns != NULL && i < rel->column_count; i++)
        if (narrow->keep[i])
            schema.columns[schema.count++] = (struct data_column){
                .name = (char *)(uintptr_t)rel->columns[i].name, .type = rel->columns[i].type};
    return schema.columns == NULL
               ? NULL
               : plan_scan_identified(narrow->plan, rel->table, rel->table_identity, &schema);
}
static const struct plan_rel *narrow_values(struct narrow *narrow, const struct plan_rel *rel)
{
    struct plan_column *columns = plan_alloc(narrow->plan, rel->column_count, sizeof *columns);
    const struct plan_expr **cells =
        plan_alloc(narrow->plan, rel->column_count * rel->row_count, sizeof *cells);
    size_t count = 0, at = 0;
    if (columns == NULL || cells == NULL)
        return NULL;
    for (size_t i = 0; i < rel->column_count; i++)
        if (narrow->keep[i])
            columns[count++] = rel->columns[i];
    for (size_t i = 0; i < rel->column_count * rel->row_count; i++)
        if (narrow->keep[i % rel->column_count])
            cells[at++] = rel->cells[i];
    return plan_values(narrow->plan, columns, count, cells, rel->row_count);
}

/* Inputs of a union have the kept columns and no others, in their order. */
static const struct plan_rel *narrow_union(struct narrow *narrow, const struct plan_rel *rel)
{
    const struct plan_rel **inputs = plan_alloc(narrow->plan, rel->input_count, sizeof *inputs);
    for (size_t k = 0; inputs != NULL && k < rel->input_count; k++) {
        const struct plan_rel *input = input_of(narrow, rel, k);
        struct plan_named *outputs = plan_named_array(narrow->plan, rel->column_count);
        size_t count = 0;
        for (size_t i = 0; outputs != NULL && input != NULL && i < rel->column_count; i++)
            if (narrow->keep[i]) {
                const char *name = rel->inputs[k]->columns[i].name;
                outputs[count++] =
                    (struct plan_named){name, plan_column(narrow->plan, input, name)};
            }
        bool all = input != NULL && count == input->column_count;
        if (outputs != NULL && count == 0) /* nothing is read: rows alone count */
            outputs[count++] =
                (struct plan_named){rel->columns[0].name, plan_literal_int(narrow->plan, 1)};
        inputs[k] = all ? input : plan_project(narrow->plan, input, outputs, count);
    }
    return inputs == NULL ? NULL : plan_union_all(narrow->plan, inputs, rel->input_count);
}

static const struct plan_rel *narrow_join(struct narrow *narrow, const struct plan_rel *rel)
{
    struct plan *plan = narrow->plan;
    const struct plan_rel *left = input_of(narrow, rel, 0), *right = input_of(narrow, rel, 1);
    const struct plan_expr **left_keys = bound_all(narrow, rel, rel->left_keys, rel->key_count);
    const struct plan_expr **right_keys = bound_all(narrow, rel, rel->right_keys, rel->key_count);
    struct plan_order *order = bound_order(narrow, rel);
    struct plan_span span = bound_span(narrow, rel);
    if (left_keys == NULL || right_keys == NULL || order == NULL)
        return NULL;
    if (rel->kind == PLAN_INTERVAL_JOIN)
        return plan_interval_join(plan, rel->join, left, right, left_keys, right_keys,
                                  rel->key_count, &span);
    if (rel->join == PLAN_JOIN_ASOF)
        return plan_join_asof(plan, left, right, left_keys, right_keys, rel->key_count, &span,
                              order, rel->order_count);
    return plan_join(plan, rel->join, left, right, left_keys, right_keys, rel->key_count,
                     bound(narrow, rel, rel->predicate));
}

static bool is_count(const struct plan_expr *expr)
{
    return expr->kind == PLAN_AGGREGATE_CALL && expr->function->id == PLAN_FUNCTION_COUNT_ROWS &&
           expr->where == NULL;
}
/* A project or aggregate of which only the number of rows counts. */
static const struct plan_rel *nothing_read(struct narrow *narrow, const struct plan_rel *rel,
                                           const struct plan_rel *input)
{
    bool aggregate = rel->kind == PLAN_AGGREGATE;
    struct plan_named only = {
        rel->columns[0].name,
        aggregate ? plan_aggregate_call(narrow->plan, "count_rows", 0, NULL, false, NULL)
                  : plan_literal_int(narrow->plan, 1)};
    return aggregate ? plan_aggregate(narrow->plan, input, NULL, 0, &only, 1)
                     : plan_project(narrow->plan, input, &only, 1);
}

static const struct plan_rel *narrow_outputs(struct narrow *narrow, const struct plan_rel *rel,
                                             const struct plan_rel *input)
{
    struct plan *plan = narrow->plan;
    size_t count = 0, groups = 0, passed = rel->inputs[0]->column_count;
    struct plan_named *keys =
        bound_named(narrow, rel, rel->groups, rel->group_count, NULL, &groups);
    bool *flags = rel->kind == PLAN_WINDOW ? narrow->keep + passed
                  : rel->kind == PLAN_EXPLODE || rel->kind == PLAN_INTERVAL_MERGE
                      ? NULL
                      : narrow->keep + rel->group_count;
    struct plan_named *outputs =
        bound_named(narrow, rel, rel->outputs, rel->output_count, flags, &count);
    struct plan_span span = bound_span(narrow, rel);
    if (keys == NULL || outputs == NULL || plan_failed(plan))
        return NULL;
    bool counted =
        (rel->kind == PLAN_PROJECT || rel->kind == PLAN_AGGREGATE) && count + groups == 0;
    if (counted)
        return nothing_read(narrow, rel, input);
    if (rel->kind == PLAN_PROJECT)
        return plan_project(plan, input, outputs, count);
    if (rel->kind == PLAN_AGGREGATE)
        return plan_aggregate(plan, input, keys, groups, outputs, count);
    if (rel->kind == PLAN_WINDOW)
        return count == 0 ? input : plan_window(plan, input, outputs, count);
    if (rel->kind == PLAN_EXPLODE)
        return plan_explode(plan, input, outputs[0].expr, outputs[0].name, rel->ordinality,
                            rel->keep_empty);
    return plan_interval_merge(plan, input, keys, groups, &span);
}

static const struct plan_rel *narrow_node(struct narrow *narrow, const struct plan_rel *rel)
{
    struct plan *plan = narrow->plan;
    const struct plan_rel *input = rel->input_count > 0 ? input_of(narrow, rel, 0) : NULL;
    if (plan_failed(plan))
        return NULL;
    switch (rel->kind) {
    case PLAN_SCAN:
        return narrow_scan(narrow, rel);
    case PLAN_VALUES:
        return narrow_values(narrow, rel);
    case PLAN_FILTER:
        return plan_filter(plan, input, bound(narrow, rel, rel->predicate));
    case PLAN_JOIN:
    case PLAN_INTERVAL_JOIN:
        return narrow_join(narrow, rel);
    case PLAN_UNION:
        return narrow_union(narrow, rel);
    case PLAN_SORT:
        return plan_sort(plan, input, bound_order(narrow, rel), rel->order_count);
    case PLAN_LIMIT:
        return plan_limit(plan, input, rel->limit, rel->offset);
    case PLAN_DISTINCT:
        return plan_distinct(plan, input);
    case PLAN_DEDUPE:
        return plan_dedupe(plan, input, bound_all(narrow, rel, rel->left_keys, rel->key_count),
                           rel->key_count, bound_order(narrow, rel), rel->order_count);
    case PLAN_PROJECT:
    case PLAN_AGGREGATE:
    case PLAN_WINDOW:
    case PLAN_EXPLODE:
    case PLAN_INTERVAL_MERGE:
        return narrow_outputs(narrow, rel, input);
    }
    return NULL;
}

/* Whether the node itself has something to drop; what it keeps is made one column at least. */
static bool may_drop(const struct plan_rel *rel, bool *keep)
{
    size_t first = 0, kept = 0;
    switch (rel->kind) {
    case PLAN_SCAN:
    case PLAN_VALUES:
    case PLAN_PROJECT:
        break;
    case PLAN_AGGREGATE:
        first = rel->group_count;
        break;
    case PLAN_WINDOW:
        first = rel->inputs[0]->column_count;
        break;
    case PLAN_FILTER:
    case PLAN_JOIN:
    case PLAN_UNION:
    case PLAN_SORT:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
    case PLAN_EXPLODE:
    case PLAN_DEDUPE:
    case PLAN_INTERVAL_JOIN:
    case PLAN_INTERVAL_MERGE:
        return false;
    }
    for (size_t i = first; i < rel->column_count; i++)
        kept += keep[i];
    if (first + kept > 0)
        return first + kept < rel->column_count;
    keep[0] = rel->kind == PLAN_SCAN ||
              rel->kind == PLAN_VALUES; /* others make up a column: see nothing_read */
    if (keep[0])
        return rel->column_count > 1;
    const struct plan_expr *only = rel->outputs[0].expr;
    return rel->column_count > 1 || (only->kind != PLAN_LITERAL && !is_count(only));
}

const struct plan_rel *rewrite_drop_columns(struct plan *plan, const struct plan_rel *root)
{
    struct narrow narrow = {.plan = plan};
    if (!plan_usage_init(&narrow.usage, plan_arena(plan), root)) {
        plan_fail(plan, ERR_MEMORY, "no memory for the plan");
        return NULL;
    }
    narrow.done = plan_alloc(plan, (size_t)root->id + 1, sizeof *narrow.done);
    for (size_t n = 0; narrow.done != NULL && n < narrow.usage.count; n++) {
        const struct plan_rel *rel = narrow.usage.nodes[n];
        narrow.keep = narrow.usage.used[rel->id];
        bool changed = may_drop(rel, narrow.keep);
        for (size_t i = 0; i < rel->input_count; i++)
            changed = changed || input_of(&narrow, rel, i) != rel->inputs[i];
        const struct plan_rel *made = changed ? narrow_node(&narrow, rel) : rel;
        if (made != NULL && made != rel && rel->label != NULL && made->label == NULL)
            made = plan_label(plan, made, rel->label);
        if (made == NULL)
            return NULL;
        narrow.done[rel->id] = made;
    }
    return narrow.done == NULL ? NULL : narrow.done[root->id];
}
