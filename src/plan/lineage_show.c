/* Lineage as JSON, as a Graphviz picture and as text; and the order of a result. */
#include "plan/lineage.h"

#include <string.h>

#define DIRECT                                                                                     \
    ((1u << PLAN_BY_VALUE) | (1u << PLAN_BY_AGGREGATE) | (1u << PLAN_BY_WINDOW) |                  \
     (1u << PLAN_BY_EXPLODE) | (1u << PLAN_BY_CONDITION))

static json_t *source_json(const char *dataset, const struct plan_source *source,
                           enum plan_dependence kind, bool *ok)
{
    json_t *json = json_object();
    json_put_text(json, "dataset", dataset, ok);
    json_put_text(json, "table", source->table, ok);
    json_put_text(json, "column", source->column, ok);
    json_put_text(json, "kind", plan_dependence_text(kind), ok);
    return json;
}

/* Entries of one source column and kind are one object, made when it is first needed: a wide mart
 * has a hundred thousand entries, and some hundred of them differ. */
static json_t *sources_json(const struct plan_lineage *lineage, size_t column, const char *dataset,
                            json_t **made, bool *ok)
{
    json_t *sources = json_array();
    for (size_t s = 0; s < lineage->source_counts[column]; s++) {
        const struct plan_source *source = &lineage->sources[column][s];
        for (uint32_t kind = 0; kind < PLAN_DEPENDENCE_END; kind++) {
            json_t **one = &made[source->origin * PLAN_DEPENDENCE_END + kind];
            if ((source->kinds & 1u << kind) == 0)
                continue;
            if (*one == NULL)
                *one = source_json(dataset, source, (enum plan_dependence)kind, ok);
            json_push(sources, json_incref(*one), ok);
        }
    }
    return sources;
}

enum err_code plan_lineage_json(const struct plan_lineage *lineage, const char *dataset,
                                json_t **ret, struct err *err)
{
    size_t count = lineage->origin_count * PLAN_DEPENDENCE_END;
    AUTO(mem_free) json_t **made = mem_zalloc(count + 1, sizeof *made);
    bool ok = true;
    *ret = NULL;
    if (made == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan's lineage");
    JSON_AUTO json = json_object();
    json_t *columns = json_array();
    for (size_t i = 0; i < lineage->column_count; i++) {
        json_t *column = json_object();
        json_put_text(column, "name", lineage->root->columns[i].name, &ok);
        json_put(column, "sources", sources_json(lineage, i, dataset, made, &ok), &ok);
        json_push(columns, column, &ok);
    }
    json_put(json, "columns", columns, &ok);
    for (size_t i = 0; i < count; i++)
        json_decref(made[i]);
    TRY(json_built(ok, err));
    *ret = json_incref(json);
    return ERR_OK;
}

static void put_kinds(struct buf *out, uint32_t kinds)
{
    const char *comma = "";
    for (uint32_t kind = 0; kind < PLAN_DEPENDENCE_END; kind++)
        if ((kinds & 1u << kind) != 0) {
            buf_puts(out, comma);
            buf_puts(out, plan_dependence_text((enum plan_dependence)kind));
            comma = ", ";
        }
}

/* "table.column" as a quoted DOT id, which needs the same escapes as JSON. */
static void put_node(struct buf *out, const char *table, const char *column)
{
    AUTO(buf_done) struct buf name = BUF_INIT;
    buf_puts(&name, table);
    buf_puts(&name, *table != '\0' ? "." : "");
    buf_puts(&name, column);
    out->failed = out->failed || name.failed;
    buf_add_json(out, buf_view(&name));
}

static void put_edges(const struct plan_lineage *lineage, size_t column, struct buf *ret)
{
    AUTO(buf_done) struct buf name = BUF_INIT;
    put_node(&name, "", lineage->root->columns[column].name);
    ret->failed = ret->failed || name.failed;
    buf_puts(ret, "  ");
    buf_add_str(ret, buf_view(&name));
    buf_puts(ret, " [style=filled, fillcolor=lightgrey];\n");
    for (size_t s = 0; s < lineage->source_counts[column]; s++) {
        const struct plan_source *source = &lineage->sources[column][s];
        buf_puts(ret, "  ");
        put_node(ret, source->table, source->column);
        buf_puts(ret, " -> ");
        buf_add_str(ret, buf_view(&name));
        buf_puts(ret, " [label=\"");
        put_kinds(ret, source->kinds);
        buf_puts(ret, (source->kinds & DIRECT) != 0 ? "\"];\n" : "\", style=dashed];\n");
    }
}

enum err_code plan_lineage_dot(const struct plan_lineage *lineage, struct buf *ret, struct err *err)
{
    buf_puts(ret, "digraph lineage {\n  rankdir=LR; node [shape=box, fontname=\"sans-serif\"];\n");
    for (size_t i = 0; i < lineage->column_count; i++)
        put_edges(lineage, i, ret);
    buf_puts(ret, "}\n");
    return buf_check(ret, err);
}

enum err_code plan_lineage_text(const struct plan_lineage *lineage, struct buf *ret,
                                struct err *err)
{
    for (size_t i = 0; i < lineage->column_count; i++) {
        buf_puts(ret, lineage->root->columns[i].name);
        buf_putc(ret, '\n');
        for (size_t s = 0; s < lineage->source_counts[i]; s++) {
            const struct plan_source *source = &lineage->sources[i][s];
            buf_puts(ret, s + 1 == lineage->source_counts[i] ? "└─ " : "├─ ");
            buf_puts(ret, source->table);
            buf_putc(ret, '.');
            buf_puts(ret, source->column);
            buf_puts(ret, " (");
            put_kinds(ret, source->kinds);
            buf_puts(ret, ")\n");
        }
    }
    return buf_check(ret, err);
}

/* ---- order -------------------------------------------------------------------------------------
 */

/* The column of rel that is column idx of `below`, some projects, limits and filters down; NULL: it
 * was not kept. */
static const char *name_above(const struct plan_rel *rel, const struct plan_rel *below, size_t idx)
{
    if (rel == below)
        return rel->columns[idx].name;
    for (size_t i = 0; i < rel->column_count; i++) {
        const struct plan_rel *at = rel;
        size_t column = i;
        for (; at != below; at = at->inputs[0]) {
            if (at->kind != PLAN_PROJECT)
                continue;
            if (at->outputs[column].expr->kind != PLAN_COLUMN)
                break;
            column = at->outputs[column].expr->idx;
        }
        if (at == below && column == idx)
            return rel->columns[i].name;
    }
    return NULL;
}

/* Down to what orders the rows: a sort, or a scan. */
static const struct plan_rel *what_orders(const struct plan_rel *rel)
{
    while (rel != NULL &&
           (rel->kind == PLAN_PROJECT || rel->kind == PLAN_LIMIT || rel->kind == PLAN_FILTER))
        rel = rel->inputs[0];
    return rel;
}

const struct plan_rel *plan_ordered_scan(const struct plan_rel *root)
{
    const struct plan_rel *rel = what_orders(root);
    if (rel != NULL && rel->kind == PLAN_SORT)
        rel = what_orders(rel->inputs[0]);
    return rel != NULL && rel->kind == PLAN_SCAN ? rel : NULL;
}

/* A sort's keys, or a scan's columns. */
static const char *key_at(const struct plan_rel *root, const struct plan_rel *orders, size_t idx,
                          const char *const *sorted_by)
{
    int64_t column = orders->kind == PLAN_SCAN ? plan_column_find(orders, sorted_by[idx])
                     : orders->order[idx].expr->kind == PLAN_COLUMN
                         ? (int64_t)orders->order[idx].expr->idx
                         : -1;
    return column < 0 ? NULL : name_above(root, orders, (size_t)column);
}

enum err_code plan_ordering_from(const struct plan_rel *root, const char *const *sorted_by,
                                 size_t sorted_count, struct arena *arena,
                                 const struct plan_ordered_by **ret, size_t *ret_count,
                                 struct err *err)
{
    const struct plan_rel *orders = what_orders(root);
    *ret = NULL;
    *ret_count = 0;
    if (orders == NULL || (orders->kind != PLAN_SORT && orders->kind != PLAN_SCAN))
        return root != NULL ? ERR_OK : err_set(err, ERR_INPUT, "the plan has no root relation");
    bool sort = orders->kind == PLAN_SORT;
    size_t count = sort ? orders->order_count : sorted_count;
    struct plan_ordered_by *keys = arena_array(arena, count + 1, sizeof *keys);
    if (keys == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan's order");
    for (size_t i = 0; i < count; i++) {
        const char *name = key_at(root, orders, i, sorted_by);
        if (name == NULL)
            break; /* what follows orders only within equal values of what is not there */
        keys[(*ret_count)++] =
            (struct plan_ordered_by){name, sort && orders->order[i].descending,
                                     sort && orders->order[i].nulls_first};
    }
    *ret = keys;
    return ERR_OK;
}

enum err_code plan_ordering(const struct plan_rel *root, struct arena *arena,
                            const struct plan_ordered_by **ret, size_t *ret_count, struct err *err)
{
    return plan_ordering_from(root, NULL, 0, arena, ret, ret_count, err);
}

/* scan t sorted by (a, b) ▶ filter ▶ sort a      →      scan t ▶ filter */
const struct plan_rel *plan_without_sort(const struct plan_rel *root, const char *const *sorted_by,
                                         size_t sorted_count, struct arena *arena)
{
    const struct plan_ordered_by *keys = NULL;
    size_t count = 0;
    if (root == NULL || root->kind != PLAN_SORT)
        return root;
    const struct plan_rel *scan = what_orders(root->inputs[0]);
    if (scan == NULL || scan->kind != PLAN_SCAN ||
        plan_ordering_from(root->inputs[0], sorted_by, sorted_count, arena, &keys, &count,
                           ERR_IGNORED) != ERR_OK ||
        count < root->order_count)
        return root;
    for (size_t i = 0; i < root->order_count; i++) {
        const struct plan_order *order = &root->order[i];
        if (order->descending || order->nulls_first || order->expr->kind != PLAN_COLUMN ||
            strcmp(root->inputs[0]->columns[order->expr->idx].name, keys[i].column) != 0)
            return root;
    }
    return root->inputs[0];
}
