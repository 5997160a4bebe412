/* See equivalent.h. Every relation is rebuilt with new names for its columns; a map says which
 * column is which. */
#include "equivalent.h"

#include <string.h>

#include "plan/plan_priv.h"
#include "plan/usage.h"

#define E const struct plan_expr *[]

struct image { /* what a relation became */
    const struct plan_rel *rel;
    const char **names; /* by column of the original; NULL: not kept */
};
struct rewriter {
    struct plan *plan;
    uint64_t *state;
    struct image *images; /* by id of the original */
    struct plan_usage usage;
    bool cut; /* what nobody reads may go (not so where a union counts positions) */
    int names;
    /* of the node whose expressions are rebuilt */
    const struct plan_rel *inputs[2];
    const struct image *from[2];
    bool swapped;
};

static bool chance(struct rewriter *w, uint32_t percent)
{
    return random_below(w->state, 100) < percent;
}
static const char *fresh(struct rewriter *w)
{
    return arena_printf(plan_arena(w->plan), "z%d", ++w->names);
}
static void *take(struct rewriter *w, size_t count, size_t bytes)
{
    return arena_array(plan_arena(w->plan), count + 1, bytes);
}
/* 0 … count - 1 in random order */
static size_t *shuffled(struct rewriter *w, size_t count)
{
    size_t *order = take(w, count, sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count; i-- > 1;) {
        size_t j = random_below(w->state, (uint32_t)i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    return order;
}

/* ---- expressions -------------------------------------------------------------------------------
 */

static const struct plan_expr *again(struct rewriter *w, const struct plan_expr *expr);

static const struct plan_expr **again_all(struct rewriter *w, const struct plan_expr *const *exprs,
                                          size_t count)
{
    const struct plan_expr **copy = take(w, count, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = again(w, exprs[i]);
    return copy;
}
static struct plan_order *again_order(struct rewriter *w, const struct plan_order *order,
                                      size_t *count, bool repeat)
{
    struct plan_order *copy = take(w, *count + 1, sizeof *copy);
    for (size_t i = 0; i < *count; i++)
        copy[i] =
            (struct plan_order){again(w, order[i].expr), order[i].descending, order[i].nulls_first};
    if (repeat && *count > 0 && chance(w, 10)) { /* a key once more decides nothing */
        copy[*count] = (struct plan_order){again(w, order[0].expr), chance(w, 50), false};
        ++*count;
    }
    return copy;
}
static const struct plan_expr *call(struct rewriter *w, const char *name, const struct plan_expr *a,
                                    const struct plan_expr *b)
{
    return plan_call(w->plan, name, b == NULL ? 1 : 2, (E){a, b});
}

static bool is_exact(const struct plan_expr *expr)
{
    return expr->type.kind == DATA_BIGINT || expr->type.kind == DATA_DECIMAL;
}
/* All exact numbers, or all of one kind: then a comparison of many is comparisons of two. */
static bool is_even(const struct plan_expr *expr)
{
    bool exact = true, same = true;
    for (size_t i = 0; i < expr->arg_count; i++) {
        exact = exact && is_exact(expr->args[i]);
        same = same && expr->args[i]->type.kind == expr->args[0]->type.kind;
    }
    return exact || same;
}

static const struct plan_expr *comparison(struct rewriter *w, enum plan_function_id id,
                                          const struct plan_expr *a, const struct plan_expr *b)
{
    static const enum plan_function_id WAYS[][3] = {
        /* itself, turned round, denied */
        {PLAN_FUNCTION_EQ, PLAN_FUNCTION_EQ, PLAN_FUNCTION_NE},
        {PLAN_FUNCTION_NE, PLAN_FUNCTION_NE, PLAN_FUNCTION_EQ},
        {PLAN_FUNCTION_LT, PLAN_FUNCTION_GT, PLAN_FUNCTION_GE},
        {PLAN_FUNCTION_LE, PLAN_FUNCTION_GE, PLAN_FUNCTION_GT},
        {PLAN_FUNCTION_GT, PLAN_FUNCTION_LT, PLAN_FUNCTION_LE},
        {PLAN_FUNCTION_GE, PLAN_FUNCTION_LE, PLAN_FUNCTION_LT}};
    size_t way = 0;
    while (WAYS[way][0] != id)
        way++;
    if (is_exact(a) && is_exact(b) && a->type.kind == DATA_BIGINT && chance(w, 15))
        a = plan_cast(w->plan, a, data_type_decimal(21, 2), false);
    const char *denied = plan_function_at(WAYS[way][2])->name;
    if (chance(w, 40))
        return call(w, plan_function_at(WAYS[way][1])->name, b, a);
    return chance(w, 30) ? call(w, "not", call(w, denied, a, b), NULL)
                         : call(w, plan_function_at(id)->name, a, b);
}

/* and, or: shuffled, nested, an operand twice, De Morgan */
static const struct plan_expr *junction(struct rewriter *w, const struct plan_expr *expr,
                                        const struct plan_expr *const *args)
{
    bool is_and = expr->function->id == PLAN_FUNCTION_AND, deny = chance(w, 15);
    const char *name = is_and != deny ? "and" : "or";
    size_t *order = shuffled(w, expr->arg_count);
    const struct plan_expr *made = NULL;
    for (size_t i = 0; i < expr->arg_count; i++) {
        const struct plan_expr *part = deny ? call(w, "not", args[order[i]], NULL) : args[order[i]];
        made = made == NULL    ? part
               : chance(w, 50) ? call(w, name, made, part)
                               : call(w, name, part, made);
        if (chance(w, 10))
            made = call(w, name, made, part);
    }
    return deny ? call(w, "not", made, NULL) : made;
}

static const struct plan_expr *in_list(struct rewriter *w, const struct plan_expr *expr,
                                       const struct plan_expr *const *args)
{
    const struct plan_expr **list = take(w, expr->arg_count + 1, sizeof *list);
    size_t *order = shuffled(w, expr->arg_count - 1), count = 1;
    bool apart = is_even(expr) && chance(w, 30);
    list[0] = args[0];
    for (size_t i = 0; i + 1 < expr->arg_count; i++)
        list[count++] = apart ? comparison(w, PLAN_FUNCTION_EQ, args[0], args[1 + order[i]])
                              : args[1 + order[i]];
    if (apart)
        return plan_call(w->plan, "or", count - 1, list + 1);
    if (chance(w, 20) && is_even(expr))
        list[count++] = list[1];
    return plan_call(w->plan, "in", count, list);
}

static const struct plan_expr *again_call(struct rewriter *w, const struct plan_expr *expr)
{
    const struct plan_expr **args = again_all(w, expr->args, expr->arg_count);
    enum plan_function_id id = expr->function->id;
    if (plan_failed(w->plan))
        return NULL;
    if (id == PLAN_FUNCTION_AND || id == PLAN_FUNCTION_OR)
        return junction(w, expr, args);
    if (id == PLAN_FUNCTION_IN)
        return in_list(w, expr, args);
    if (id == PLAN_FUNCTION_BETWEEN && is_even(expr) && chance(w, 60))
        return call(w, "and", comparison(w, PLAN_FUNCTION_LE, args[0], args[2]),
                    comparison(w, PLAN_FUNCTION_GE, args[0], args[1]));
    if (id == PLAN_FUNCTION_EQ || id == PLAN_FUNCTION_NE || id == PLAN_FUNCTION_LT ||
        id == PLAN_FUNCTION_LE || id == PLAN_FUNCTION_GT || id == PLAN_FUNCTION_GE)
        return comparison(w, id, args[0], args[1]);
    if (expr->function->commutative && expr->arg_count == 2 && chance(w, 50)) {
        const struct plan_expr *first = args[0];
        args[0] = args[1];
        args[1] = first;
    }
    return plan_call(w->plan, expr->function->name, expr->arg_count, args);
}

static const struct plan_expr *again_column(struct rewriter *w, const struct plan_expr *expr)
{
    const char *name = w->from[expr->input]->names[expr->idx];
    size_t side = expr->input ^ (w->swapped ? 1u : 0u);
    return side == 0 ? plan_column(w->plan, w->inputs[0], name)
                     : plan_column_right(w->plan, w->inputs[1], name);
}

static const struct plan_expr *again_window(struct rewriter *w, const struct plan_expr *expr)
{
    size_t orders = expr->order_count, partitions = expr->partition_count,
           *order = shuffled(w, partitions);
    const struct plan_expr **partition = take(w, partitions + 1, sizeof *partition);
    for (size_t i = 0; i < partitions; i++)
        partition[i] = again(w, expr->partition[order[i]]);
    if (partitions > 0 && chance(w, 10))
        partition[partitions++] = partition[0];
    const struct plan_order *keys = again_order(w, expr->order, &orders, true);
    return plan_window_call(w->plan, expr->function->name, expr->arg_count,
                            again_all(w, expr->args, expr->arg_count), partition, partitions, keys,
                            orders, expr->frame);
}

static const struct plan_expr *again_plain(struct rewriter *w, const struct plan_expr *expr)
{
    switch (expr->kind) {
    case PLAN_COLUMN:
        return again_column(w, expr);
    case PLAN_LITERAL:
        return plan_literal(w->plan, expr->type, expr->literal);
    case PLAN_PARAM:
    case PLAN_ELEMENT:
        return expr;
    case PLAN_CALL:
        return again_call(w, expr);
    case PLAN_CAST:
        return plan_cast(w->plan, again(w, expr->args[0]), expr->type, expr->try_cast);
    case PLAN_CASE:
        return plan_case(w->plan, expr->arg_count, again_all(w, expr->args, expr->arg_count));
    case PLAN_AGGREGATE_CALL:
        return plan_aggregate_call(w->plan, expr->function->name, expr->arg_count,
                                   again_all(w, expr->args, expr->arg_count), expr->distinct,
                                   expr->where != NULL ? again(w, expr->where) : NULL);
    case PLAN_WINDOW_CALL:
        return again_window(w, expr);
    case PLAN_STRUCT: {
        struct plan_named *fields = plan_named_array(w->plan, expr->arg_count);
        for (size_t i = 0; i < expr->arg_count; i++)
            fields[i] = (struct plan_named){expr->type.fields[i].name, again(w, expr->args[i])};
        return plan_struct(w->plan, fields, expr->arg_count);
    }
    case PLAN_FIELD:
        return plan_field(w->plan, again(w, expr->args[0]), expr->name);
    }
    return NULL;
}
static const struct plan_expr *again(struct rewriter *w, const struct plan_expr *expr)
{
    const struct plan_expr *made = again_plain(w, expr);
    if (made != NULL && made->type.kind == DATA_BOOLEAN && expr->kind != PLAN_AGGREGATE_CALL &&
        expr->kind != PLAN_WINDOW_CALL && chance(w, 6))
        made = call(w, "not", call(w, "not", made, NULL), NULL);
    return made;
}

/* ---- relations ---------------------------------------------------------------------------------
 */

/* Only these columns (names by column of the original, NULL: not), in the order given, or all
 * wanted ones shuffled. */
static struct image narrowed(struct rewriter *w, struct image in, size_t count, const size_t *order,
                             bool rename)
{
    struct plan_named *outputs = plan_named_array(w->plan, count + 2);
    struct image out = {NULL, take(w, count, sizeof *out.names)};
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        if (in.names[order[i]] == NULL)
            continue;
        out.names[order[i]] = rename ? fresh(w) : in.names[order[i]];
        outputs[made++] = (struct plan_named){out.names[order[i]],
                                              plan_column(w->plan, in.rel, in.names[order[i]])};
    }
    out.rel = plan_project(w->plan, in.rel, outputs, made);
    return out;
}
/* A project that renames and shuffles, with a column that nobody reads. */
static struct image veiled(struct rewriter *w, struct image in, size_t count)
{
    struct plan_named *outputs = plan_named_array(w->plan, count + 2);
    size_t *order = shuffled(w, count), made = 0;
    struct image out = {NULL, take(w, count, sizeof *out.names)};
    outputs[made++] = (struct plan_named){fresh(w), plan_literal_int(w->plan, 1)};
    for (size_t i = 0; i < count; i++)
        if (in.names[order[i]] != NULL) {
            out.names[order[i]] = fresh(w);
            outputs[made++] = (struct plan_named){out.names[order[i]],
                                                  plan_column(w->plan, in.rel, in.names[order[i]])};
        }
    out.rel = plan_project(w->plan, in.rel, outputs, made);
    return out;
}

static struct image again_scan(struct rewriter *w, const struct plan_rel *rel)
{
    struct data_schema schema = {0};
    struct image out = {NULL, take(w, rel->column_count, sizeof *out.names)};
    size_t *order = shuffled(w, rel->column_count);
    bool cut = w->cut && chance(w, 50);
    for (size_t i = 0; i < rel->column_count; i++) {
        const struct plan_column *column = &rel->columns[order[i]];
        bool used = w->usage.used[rel->id][order[i]];
        if (!used && cut && (schema.count > 0 || i + 1 < rel->column_count))
            continue;
        if (data_schema_add(&schema, str_of(column->name), column->type, ERR_IGNORED) == ERR_OK)
            out.names[order[i]] = column->name;
    }
    out.rel = plan_scan_identified(w->plan, rel->table, rel->table_identity, &schema);
    data_schema_done(&schema);
    return out;
}

static const struct plan_rel *again_filter(struct rewriter *w, const struct plan_rel *rel,
                                           struct image *in)
{
    const struct plan_expr *predicate = rel->predicate;
    bool apart = predicate->kind == PLAN_CALL && predicate->function->id == PLAN_FUNCTION_AND &&
                 chance(w, 50);
    if (!apart)
        return plan_filter(w->plan, in->rel, again(w, predicate));
    size_t *order = shuffled(w, predicate->arg_count);
    for (size_t i = 0; i < predicate->arg_count;
         i++) { /* a filter for each conjunct, perhaps with a project between */
        *in = chance(w, 30) ? veiled(w, *in, rel->column_count) : *in;
        w->inputs[0] = in->rel;
        w->from[0] = in;
        in->rel = plan_filter(w->plan, in->rel, again(w, predicate->args[order[i]]));
        w->inputs[0] = in->rel;
    }
    return in->rel;
}

/* Outputs shuffled and renamed, unwanted ones dropped or kept; `more` appended where not NULL. */
static struct plan_named *again_outputs(struct rewriter *w, const bool *used,
                                        const struct plan_named *named, size_t count, size_t first,
                                        struct image *out, const struct plan_expr *more,
                                        size_t *ret_count)
{
    struct plan_named *copy = plan_named_array(w->plan, count + 2);
    size_t *order = shuffled(w, count), made = 0;
    if (more != NULL)
        copy[made++] = (struct plan_named){fresh(w), more};
    for (size_t i = 0; i < count; i++) {
        if (w->cut && used != NULL && !used[first + order[i]])
            continue;
        out->names[first + order[i]] = fresh(w);
        copy[made++] =
            (struct plan_named){out->names[first + order[i]], again(w, named[order[i]].expr)};
    }
    *ret_count = made;
    return copy;
}

static struct image again_project(struct rewriter *w, const struct plan_rel *rel)
{
    struct image out = {NULL, take(w, rel->column_count, sizeof *out.names)};
    size_t count = 0;
    struct plan_named *outputs =
        again_outputs(w, w->usage.used[rel->id], rel->outputs, rel->output_count, 0, &out,
                      chance(w, 20) ? plan_literal_text(w->plan, "unread") : NULL, &count);
    if (count == 0)
        outputs[count++] = (struct plan_named){fresh(w), plan_literal_int(w->plan, 0)};
    out.rel = plan_project(w->plan, w->inputs[0], outputs, count);
    return out;
}
static struct image again_aggregate(struct rewriter *w, const struct plan_rel *rel)
{
    struct image out = {NULL, take(w, rel->column_count, sizeof *out.names)};
    size_t groups = 0, count = 0;
    struct plan_named *keys =
        again_outputs(w, NULL, rel->groups, rel->group_count, 0, &out, NULL, &groups);
    const struct plan_expr *more =
        groups == 0 || chance(w, 30)
            ? plan_aggregate_call(w->plan, "count_rows", 0, NULL, false, NULL)
            : NULL;
    struct plan_named *outputs =
        again_outputs(w, w->usage.used[rel->id], rel->outputs, rel->output_count, rel->group_count,
                      &out, more, &count);
    out.rel = plan_aggregate(w->plan, w->inputs[0], keys, groups, outputs, count);
    return out;
}

static void passed(struct image *out, size_t at, const struct image *in, size_t count)
{
    if (count > 0)
        memcpy(out->names + at, in->names, count * sizeof *out->names);
}

static struct image again_join(struct rewriter *w, const struct plan_rel *rel, struct image left,
                               struct image right)
{
    struct image out = {NULL, take(w, rel->column_count, sizeof *out.names)};
    size_t keys = rel->key_count, orders = rel->order_count, kept = 0;
    w->swapped = rel->kind == PLAN_JOIN && rel->join == PLAN_JOIN_INNER && chance(w, 50);
    if (w->swapped) { /* equal codes: sides stay */
        char a[65], b[65];
        struct plan_named one = {"one",
                                 plan_aggregate_call(w->plan, "count_rows", 0, NULL, false, NULL)};
        const struct plan_rel *first = plan_aggregate(w->plan, left.rel, NULL, 0, &one, 1);
        const struct plan_rel *second = plan_aggregate(w->plan, right.rel, NULL, 0, &one, 1);
        w->swapped = first != NULL && second != NULL &&
                     plan_signature(first, a, ERR_IGNORED) == ERR_OK &&
                     plan_signature(second, b, ERR_IGNORED) == ERR_OK && strcmp(a, b) != 0;
    }
    w->inputs[0] = w->swapped ? right.rel : left.rel;
    w->inputs[1] = w->swapped ? left.rel : right.rel;
    const struct plan_expr **left_keys = take(w, keys, sizeof *left_keys),
                           **right_keys = take(w, keys, sizeof *right_keys);
    const struct plan_expr *residual = rel->predicate != NULL ? again(w, rel->predicate) : NULL;
    bool loosen = rel->kind == PLAN_JOIN && rel->join != PLAN_JOIN_ASOF;
    for (size_t i = 0, *order = shuffled(w, keys); i < keys; i++) {
        const struct plan_expr *a = again(w, rel->left_keys[order[i]]),
                               *b = again(w, rel->right_keys[order[i]]);
        if (loosen && chance(w, 20)) { /* a key is a conjunct */
            const struct plan_expr *equal = comparison(w, PLAN_FUNCTION_EQ, a, b);
            residual = residual == NULL ? equal : call(w, "and", equal, residual);
            continue;
        }
        left_keys[kept] = w->swapped ? b : a;
        right_keys[kept++] = w->swapped ? a : b;
    }
    struct plan_span span = rel->span != NULL ? *rel->span : (struct plan_span){0};
    const struct plan_expr **times[] = {&span.left_start, &span.left_end, &span.right_start,
                                        &span.right_end};
    for (size_t i = 0; i < 4; i++)
        *times[i] = *times[i] != NULL ? again(w, *times[i]) : NULL;
    const struct plan_order *ties = again_order(w, rel->order, &orders, true);
    if (rel->kind == PLAN_INTERVAL_JOIN)
        out.rel = plan_interval_join(w->plan, rel->join, w->inputs[0], w->inputs[1], left_keys,
                                     right_keys, kept, &span);
    else if (rel->join == PLAN_JOIN_ASOF)
        out.rel = plan_join_asof(w->plan, w->inputs[0], w->inputs[1], left_keys, right_keys, kept,
                                 &span, ties, orders);
    else
        out.rel = plan_join(w->plan, rel->join, w->inputs[0], w->inputs[1], left_keys, right_keys,
                            kept, residual);
    w->swapped = false;
    passed(&out, 0, &left, rel->inputs[0]->column_count);
    if (rel->column_count > rel->inputs[0]->column_count)
        passed(&out, rel->inputs[0]->column_count, &right, rel->inputs[1]->column_count);
    return out;
}

static size_t *straight(struct rewriter *w, size_t count)
{
    size_t *order = take(w, count, sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    return order;
}
static struct image again_union(struct rewriter *w, const struct plan_rel *rel)
{
    const struct plan_rel **inputs = take(w, rel->input_count, sizeof *inputs);
    size_t *order = shuffled(w, rel->input_count);
    struct image out = {NULL, take(w, rel->column_count, sizeof *out.names)};
    for (size_t k = 0; k < rel->input_count; k++) {
        struct image in = w->images[rel->inputs[order[k]]->id];
        in = narrowed(w, in, rel->column_count, straight(w, rel->column_count), true);
        inputs[k] = in.rel;
        if (k == 0)
            out.names = in.names;
    }
    out.rel = plan_union_all(w->plan, inputs, rel->input_count);
    return out;
}

static struct image again_merge(struct rewriter *w, const struct plan_rel *rel)
{
    struct image out = {NULL, take(w, rel->column_count, sizeof *out.names)};
    size_t groups = 0;
    struct plan_named *keys =
        again_outputs(w, NULL, rel->groups, rel->group_count, 0, &out, NULL, &groups);
    struct plan_span span = *rel->span;
    span.left_start = again(w, span.left_start);
    span.left_end = again(w, span.left_end);
    span.start_name = out.names[rel->group_count] = fresh(w);
    span.end_name = out.names[rel->group_count + 1] = fresh(w);
    if (span.count_name != NULL)
        span.count_name = out.names[rel->group_count + 2] = fresh(w);
    out.rel = plan_interval_merge(w->plan, w->inputs[0], keys, groups, &span);
    return out;
}

static struct image again_kernel(struct rewriter *w, const struct plan_rel *rel, struct image in)
{
    struct image out = {NULL, take(w, rel->column_count, sizeof *out.names)};
    size_t passing = rel->input_count > 0 ? rel->inputs[0]->column_count : 0,
           orders = rel->order_count, count = 0;
    passed(&out, 0, &in, passing < rel->column_count ? passing : rel->column_count);
    switch (rel->kind) {
    case PLAN_WINDOW: {
        struct plan_named *outputs = again_outputs(w, w->usage.used[rel->id], rel->outputs,
                                                   rel->output_count, passing, &out, NULL, &count);
        out.rel = count == 0 ? in.rel : plan_window(w->plan, in.rel, outputs, count);
        return out;
    }
    case PLAN_EXPLODE:
        out.names[passing] = fresh(w);
        if (rel->ordinality != NULL)
            out.names[passing + 1] = fresh(w);
        out.rel =
            plan_explode(w->plan, in.rel, again(w, rel->outputs[0].expr), out.names[passing],
                         rel->ordinality != NULL ? out.names[passing + 1] : NULL, rel->keep_empty);
        return out;
    case PLAN_DEDUPE: {
        const struct plan_expr **keys = again_all(w, rel->left_keys, rel->key_count);
        struct plan_order *order = again_order(w, rel->order, &orders, true);
        out.rel = plan_dedupe(w->plan, in.rel, keys, rel->key_count, order, orders);
        return out;
    }
    case PLAN_SORT: {
        struct plan_order *order = again_order(w, rel->order, &orders, true);
        out.rel = plan_sort(w->plan, in.rel, order, orders);
        return out;
    }
    case PLAN_VALUES:
        for (size_t i = 0; i < rel->column_count; i++)
            out.names[i] = rel->columns[i].name;
        out.rel = rel;
        return out;
    case PLAN_SCAN:
    case PLAN_FILTER:
    case PLAN_PROJECT:
    case PLAN_JOIN:
    case PLAN_AGGREGATE:
    case PLAN_UNION:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
    case PLAN_INTERVAL_JOIN:
    case PLAN_INTERVAL_MERGE:
        break;
    }
    return out;
}

static struct image again_rel(struct rewriter *w, const struct plan_rel *rel)
{
    struct image in = {0};
    for (size_t i = 0; i < rel->input_count && i < 2; i++) {
        w->from[i] = &w->images[rel->inputs[i]->id];
        w->inputs[i] = w->from[i]->rel;
    }
    if (rel->input_count > 0)
        in = w->images[rel->inputs[0]->id];
    switch (rel->kind) {
    case PLAN_SCAN:
        return again_scan(w, rel);
    case PLAN_FILTER:
        in.rel = again_filter(w, rel, &in);
        return in;
    case PLAN_PROJECT:
        return again_project(w, rel);
    case PLAN_JOIN:
    case PLAN_INTERVAL_JOIN:
        return again_join(w, rel, in, w->images[rel->inputs[1]->id]);
    case PLAN_AGGREGATE:
        return again_aggregate(w, rel);
    case PLAN_UNION:
        return again_union(w, rel);
    case PLAN_LIMIT:
        in.rel = plan_limit(w->plan, in.rel, rel->limit, rel->offset);
        return in;
    case PLAN_DISTINCT:
        in = narrowed(w, in, rel->column_count, shuffled(w, rel->column_count), true);
        in.rel = plan_distinct(w->plan, in.rel);
        return in;
    case PLAN_INTERVAL_MERGE:
        return again_merge(w, rel);
    case PLAN_SORT:
    case PLAN_WINDOW:
    case PLAN_VALUES:
    case PLAN_EXPLODE:
    case PLAN_DEDUPE:
        break;
    }
    return again_kernel(w, rel, in);
}

const struct plan_rel *plan_equivalent(struct plan *plan, const struct plan_rel *root,
                                       uint64_t *state)
{
    struct rewriter w = {.plan = plan, .state = state};
    struct plan_named *outputs = plan_named_array(plan, root->column_count);
    w.images = take(&w, root->id, sizeof *w.images);
    if (w.images == NULL || outputs == NULL || !plan_usage_init(&w.usage, plan_arena(plan), root))
        return NULL;
    w.cut = true;
    for (size_t i = 0; i < w.usage.count; i++)
        w.cut = w.cut && w.usage.nodes[i]->kind != PLAN_UNION;
    for (size_t i = 0; i < w.usage.count && !plan_failed(plan); i++) {
        const struct plan_rel *rel = w.usage.nodes[i];
        struct image made = again_rel(&w, rel);
        if (chance(&w, 25) && made.rel != NULL)
            made = veiled(&w, made, rel->column_count);
        if (chance(&w, 5))
            made.rel = plan_label(plan, made.rel, fresh(&w));
        w.images[rel->id] = made;
    }
    if (plan_failed(plan))
        return NULL;
    struct image last = w.images[root->id];
    for (size_t i = 0; i < root->column_count; i++)
        outputs[i] =
            (struct plan_named){root->columns[i].name, plan_column(plan, last.rel, last.names[i])};
    return plan_project(plan, last.rel, outputs, root->column_count);
}
