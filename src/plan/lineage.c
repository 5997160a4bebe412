/* Lineage. Every relation, inputs first, gets for each column a set of sources with the kinds of
 * dependence, and one set for its rows:
 *
 *     aggregate by id: n = sum(v)        id: t.id value      n: t.v aggregate      rows: t.ok
 * filter, t.id group filter ok                        id: t.id value      v: t.v value rows: t.ok
 * filter scan t (id, v, ok)
 *
 * A set is an array of kinds (bits) over all source columns of the plan. A column's own set holds
 * direct dependences; at the root the rows' set is added to each column. Through an aggregate,
 * direct kinds become that of the call. A column that a node only passes on shares its input's set,
 * so sets are never changed once their node is done. */
#include "plan/lineage.h"
#include "plan/usage.h"

#include <string.h>

struct lineage {
    struct arena *arena;
    struct plan_usage usage;
    struct plan_source *origins; /* all source columns: scans of one table share theirs */
    size_t origin_count;
    uint32_t ***columns; /* by relation id, column: kinds by origin */
    uint32_t **rows;     /* by relation id: kinds by origin */
    const struct plan_rel *at;
};

const char *plan_dependence_text(enum plan_dependence kind)
{
    static const char *const TEXT[PLAN_DEPENDENCE_END] = {
        "value", "aggregate", "window", "explode", "condition", "filter", "join", "group", "order"};
    return kind < PLAN_DEPENDENCE_END ? TEXT[kind] : "?";
}

static size_t origin_of(struct lineage *l, const char *table, const char *column)
{
    for (size_t i = 0; i < l->origin_count; i++)
        if (strcmp(l->origins[i].table, table) == 0 && strcmp(l->origins[i].column, column) == 0)
            return i;
    l->origins[l->origin_count] = (struct plan_source){.table = table, .column = column};
    return l->origin_count++;
}
static uint32_t *new_set(struct lineage *l)
{
    return arena_array(l->arena, l->origin_count + 1, sizeof(uint32_t));
}
/* kind VALUE: kinds as they are; else all become kind. */
static void add_set(struct lineage *l, uint32_t *to, const uint32_t *from,
                    enum plan_dependence kind)
{
    for (size_t i = 0; to != NULL && from != NULL && i < l->origin_count; i++)
        if (from[i] != 0)
            to[i] |= kind == PLAN_BY_VALUE ? from[i] : 1u << kind;
}

static void add_expr(struct lineage *l, uint32_t *to, const struct plan_expr *expr,
                     enum plan_dependence kind);

static void add_exprs(struct lineage *l, uint32_t *to, const struct plan_expr *const *exprs,
                      size_t count, enum plan_dependence kind)
{
    for (size_t i = 0; i < count; i++)
        add_expr(l, to, exprs[i], kind);
}
static void add_order(struct lineage *l, uint32_t *to, const struct plan_order *order, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_expr(l, to, order[i].expr, PLAN_BY_ORDER);
}

static void add_call(struct lineage *l, uint32_t *to, const struct plan_expr *expr,
                     enum plan_dependence kind)
{
    bool window = expr->kind == PLAN_WINDOW_CALL, aggregate = expr->kind == PLAN_AGGREGATE_CALL;
    enum plan_dependence own = kind != PLAN_BY_VALUE ? kind
                               : window              ? PLAN_BY_WINDOW
                               : aggregate           ? PLAN_BY_AGGREGATE
                                                     : kind;
    enum plan_function_id id = expr->function->id;
    bool keyed = aggregate && (id == PLAN_FUNCTION_FIRST_BY || id == PLAN_FUNCTION_LAST_BY ||
                               id == PLAN_FUNCTION_LIST_AGG || id == PLAN_FUNCTION_TEXT_AGG);
    size_t values = keyed ? (id == PLAN_FUNCTION_TEXT_AGG ? 2 : 1) : expr->arg_count;
    add_exprs(l, to, expr->args, values, own);
    add_exprs(l, to, expr->args + values, expr->arg_count - values,
              kind == PLAN_BY_VALUE ? PLAN_BY_CONDITION : kind);
    if (expr->where != NULL)
        add_expr(l, to, expr->where, kind == PLAN_BY_VALUE ? PLAN_BY_CONDITION : kind);
    add_exprs(l, to, expr->partition, expr->partition_count,
              kind == PLAN_BY_VALUE ? PLAN_BY_GROUP : kind);
    add_order(l, to, expr->order, expr->order_count);
}

static void add_expr(struct lineage *l, uint32_t *to, const struct plan_expr *expr,
                     enum plan_dependence kind)
{
    switch (expr->kind) {
    case PLAN_COLUMN:
        add_set(l, to, l->columns[l->at->inputs[expr->input]->id][expr->idx], kind);
        return;
    case PLAN_LITERAL:
    case PLAN_PARAM:
    case PLAN_ELEMENT: /* the list's lineage is told beside the body's */
        return;
    case PLAN_CASE:
        for (size_t i = 0; i < expr->arg_count; i++) {
            bool condition = i % 2 == 0 && i + 1 < expr->arg_count;
            add_expr(l, to, expr->args[i],
                     condition && kind == PLAN_BY_VALUE ? PLAN_BY_CONDITION : kind);
        }
        return;
    case PLAN_CALL:
    case PLAN_AGGREGATE_CALL:
    case PLAN_WINDOW_CALL:
        add_call(l, to, expr, kind);
        return;
    case PLAN_CAST:
    case PLAN_STRUCT:
    case PLAN_FIELD:
        add_exprs(l, to, expr->args, expr->arg_count, kind);
        return;
    }
}

/* What decides which rows the node has, beyond those of its inputs. */
static void add_rows(struct lineage *l, const struct plan_rel *rel, uint32_t *to)
{
    enum plan_dependence kind = rel->kind == PLAN_FILTER ? PLAN_BY_FILTER : PLAN_BY_JOIN;
    for (size_t i = 0; i < rel->input_count; i++)
        add_set(l, to, l->rows[rel->inputs[i]->id], PLAN_BY_VALUE);
    if (rel->predicate != NULL)
        add_expr(l, to, rel->predicate, kind);
    add_exprs(l, to, rel->left_keys, rel->key_count,
              rel->kind == PLAN_DEDUPE ? PLAN_BY_GROUP : PLAN_BY_JOIN);
    if (rel->right_keys != NULL)
        add_exprs(l, to, rel->right_keys, rel->key_count, PLAN_BY_JOIN);
    for (size_t i = 0; i < rel->group_count; i++)
        add_expr(l, to, rel->groups[i].expr, PLAN_BY_GROUP);
    if (rel->kind == PLAN_EXPLODE)
        add_expr(l, to, rel->outputs[0].expr, PLAN_BY_EXPLODE);
    for (size_t i = 0; rel->kind == PLAN_DISTINCT && i < rel->column_count; i++)
        add_set(l, to, l->columns[rel->inputs[0]->id][i], PLAN_BY_GROUP);
    if (rel->kind != PLAN_SORT)
        add_order(l, to, rel->order, rel->order_count);
    const struct plan_rel *sort = rel->kind == PLAN_LIMIT ? rel->inputs[0] : NULL;
    while (sort != NULL && (sort->kind == PLAN_PROJECT || sort->kind == PLAN_FILTER))
        sort = sort->inputs[0];
    if (sort != NULL && sort->kind == PLAN_SORT) {
        l->at = sort;
        add_order(l, to, sort->order, sort->order_count);
        l->at = rel;
    }
    if (rel->span == NULL)
        return;
    const struct plan_expr *times[] = {rel->span->left_start, rel->span->left_end,
                                       rel->span->right_start, rel->span->right_end};
    for (size_t i = 0; i < 4; i++)
        if (times[i] != NULL)
            add_expr(l, to, times[i],
                     rel->kind == PLAN_INTERVAL_MERGE ? PLAN_BY_GROUP : PLAN_BY_JOIN);
}

/* The set of the one input column that the node passes on unchanged as its column idx; NULL: it is
 * made there, or of several. */
static uint32_t *passed_set(const struct lineage *l, const struct plan_rel *rel, size_t idx)
{
    size_t passed = rel->input_count > 0 ? rel->inputs[0]->column_count : 0;
    const struct plan_expr *expr = rel->kind == PLAN_PROJECT ? rel->outputs[idx].expr : NULL;
    switch (rel->kind) {
    case PLAN_PROJECT:
        return expr->kind == PLAN_COLUMN ? l->columns[rel->inputs[expr->input]->id][expr->idx]
                                         : NULL;
    case PLAN_WINDOW:
    case PLAN_EXPLODE:
        return idx < passed ? l->columns[rel->inputs[0]->id][idx] : NULL;
    case PLAN_FILTER:
    case PLAN_JOIN:
    case PLAN_SORT:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
    case PLAN_DEDUPE:
    case PLAN_INTERVAL_JOIN:
        return idx < passed ? l->columns[rel->inputs[0]->id][idx]
                            : l->columns[rel->inputs[1]->id][idx - passed];
    case PLAN_SCAN:
    case PLAN_VALUES:
    case PLAN_AGGREGATE:
    case PLAN_UNION:
    case PLAN_INTERVAL_MERGE:
        return NULL;
    }
    return NULL;
}
static void add_column(struct lineage *l, const struct plan_rel *rel, size_t idx, uint32_t *to)
{
    size_t passed = rel->input_count > 0 ? rel->inputs[0]->column_count : 0;
    switch (rel->kind) {
    case PLAN_SCAN:
        to[origin_of(l, rel->table, rel->columns[idx].name)] |= 1u << PLAN_BY_VALUE;
        return;
    case PLAN_VALUES:
        return;
    case PLAN_PROJECT:
        add_expr(l, to, rel->outputs[idx].expr, PLAN_BY_VALUE);
        return;
    case PLAN_AGGREGATE:
        add_expr(l, to,
                 idx < rel->group_count ? rel->groups[idx].expr
                                        : rel->outputs[idx - rel->group_count].expr,
                 PLAN_BY_VALUE);
        return;
    case PLAN_INTERVAL_MERGE:
        if (idx < rel->group_count)
            add_expr(l, to, rel->groups[idx].expr, PLAN_BY_VALUE);
        else if (idx < rel->group_count + 2)
            add_expr(l, to, idx == rel->group_count ? rel->span->left_start : rel->span->left_end,
                     PLAN_BY_AGGREGATE);
        return;
    case PLAN_WINDOW:
        add_expr(l, to, rel->outputs[idx - passed].expr, PLAN_BY_VALUE);
        return;
    case PLAN_EXPLODE:
        add_expr(l, to, rel->outputs[0].expr, PLAN_BY_EXPLODE);
        return;
    case PLAN_UNION:
        for (size_t k = 0; k < rel->input_count; k++)
            add_set(l, to, l->columns[rel->inputs[k]->id][idx], PLAN_BY_VALUE);
        return;
    case PLAN_FILTER: /* these pass all on */
    case PLAN_JOIN:
    case PLAN_SORT:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
    case PLAN_DEDUPE:
    case PLAN_INTERVAL_JOIN:
        return;
    }
}

static bool trace_rel(struct lineage *l, const struct plan_rel *rel)
{
    uint32_t **columns = l->columns[rel->id] =
        arena_array(l->arena, rel->column_count, sizeof **l->columns);
    l->at = rel;
    l->rows[rel->id] = new_set(l);
    if (columns == NULL || l->rows[rel->id] == NULL)
        return false;
    for (size_t i = 0; i < rel->column_count; i++) {
        if (!l->usage.used[rel->id][i])
            continue;
        columns[i] = passed_set(l, rel, i);
        if (columns[i] != NULL)
            continue;
        columns[i] = new_set(l);
        if (columns[i] == NULL)
            return false;
        add_column(l, rel, i, columns[i]);
    }
    add_rows(l, rel, l->rows[rel->id]);
    return true;
}

static bool trace(struct lineage *l, const struct plan_rel *root)
{
    size_t ids = (size_t)root->id + 1, scanned = 0;
    if (!plan_usage_init(&l->usage, l->arena, root))
        return false;
    for (size_t n = 0; n < l->usage.count; n++)
        scanned += l->usage.nodes[n]->kind == PLAN_SCAN ? l->usage.nodes[n]->column_count : 0;
    l->origins = arena_array(l->arena, scanned + 1, sizeof *l->origins);
    l->columns = arena_array(l->arena, ids, sizeof *l->columns);
    l->rows = arena_array(l->arena, ids, sizeof *l->rows);
    if (l->origins == NULL || l->columns == NULL || l->rows == NULL)
        return false;
    for (size_t n = 0; n < l->usage.count; n++)
        for (size_t i = 0;
             l->usage.nodes[n]->kind == PLAN_SCAN && i < l->usage.nodes[n]->column_count; i++)
            if (l->usage.used[l->usage.nodes[n]->id][i])
                (void)origin_of(l, l->usage.nodes[n]->table, l->usage.nodes[n]->columns[i].name);
    for (size_t n = 0; n < l->usage.count; n++)
        if (!trace_rel(l, l->usage.nodes[n]))
            return false;
    return !arena_failed(l->arena);
}

enum err_code plan_lineage_of(const struct plan_rel *root, struct arena *arena,
                              struct plan_lineage *ret, struct err *err)
{
    *ret = (struct plan_lineage){0};
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    struct lineage l = {.arena = arena};
    size_t count = root->column_count;
    ret->sources = arena_array(arena, count, sizeof *ret->sources);
    ret->source_counts = arena_array(arena, count, sizeof *ret->source_counts);
    bool made = ret->sources != NULL && ret->source_counts != NULL && trace(&l, root);
    for (size_t i = 0; made && i < count; i++) {
        const uint32_t *set = l.columns[root->id][i], *rows = l.rows[root->id];
        size_t found = 0;
        for (size_t o = 0; o < l.origin_count; o++)
            found += (set[o] | rows[o]) != 0;
        struct plan_source *sources = arena_array(arena, found + 1, sizeof *sources);
        made = sources != NULL;
        for (size_t o = 0; made && o < l.origin_count; o++)
            if ((set[o] | rows[o]) != 0)
                sources[ret->source_counts[i]++] = (struct plan_source){
                    l.origins[o].table, l.origins[o].column, set[o] | rows[o], o};
        ret->sources[i] = sources;
    }
    ret->root = root;
    ret->origin_count = l.origin_count;
    ret->column_count = count;
    return made ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for the plan's lineage");
}
