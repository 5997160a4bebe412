/* Making a disagreement small: the lowest node that still shows it, one column of that, the
 * smallest part of its expression, the fewest rows. Each step is kept when the engines still
 * differ. */
#include "differential.h"

#include <stdio.h>
#include <string.h>

const char *trouble_look(const struct trouble *trouble)
{
    static char words[4096];
    struct err err = {0};
    struct answer a, b;
    if (party_load(trouble->a, trouble->tables, trouble->table_count, &err) != ERR_OK ||
        party_load(trouble->b, trouble->tables, trouble->table_count, &err) != ERR_OK) {
        (void)snprintf(words, sizeof words, "loading: %s / %s", err.message, err.detail);
        return words;
    }
    answer_init(&a, trouble->a, trouble->root, trouble->params, trouble->param_count);
    answer_init(&b, trouble->b, trouble->root, trouble->params, trouble->param_count);
    const char *differ = answers_differ(trouble->root, &a, &b);
    if (differ != NULL)
        (void)snprintf(words, sizeof words, "%s", differ);
    answer_done(&a);
    answer_done(&b);
    return differ != NULL ? words : NULL;
}

/* Take root instead, if they differ still. */
static bool adopt(struct trouble *trouble, const struct plan_rel *root)
{
    if (root == NULL)
        return false;
    const struct plan_rel *before = trouble->root;
    trouble->root = root;
    if (trouble_look(trouble) != NULL)
        return true;
    trouble->root = before;
    return false;
}

static void descend(struct trouble *trouble)
{
    for (size_t i = 0; i < trouble->root->input_count;)
        i = adopt(trouble, trouble->root->inputs[i]) ? 0 : i + 1;
}

/* A fresh plan over the node: a wrong attempt leaves no sticky error behind. */
static struct plan *over(struct trouble *trouble)
{
    trouble->plan = plan_new_over(trouble->root);
    return trouble->plan;
}

static const struct plan_rel *with_output(struct trouble *trouble, struct plan_named output)
{
    const struct plan_rel *root = trouble->root;
    struct plan *plan = over(trouble);
    switch ((int)root->kind) {
    case PLAN_PROJECT:
        return plan_project(plan, root->inputs[0], &output, 1);
    case PLAN_AGGREGATE:
        return plan_aggregate(plan, root->inputs[0], root->groups, root->group_count, &output, 1);
    case PLAN_WINDOW:
        return plan_window(plan, root->inputs[0], &output, 1);
    }
    return NULL;
}

static bool shrink_output(struct trouble *trouble)
{
    for (size_t i = 0; trouble->root->output_count > 1 && i < trouble->root->output_count; i++)
        if (adopt(trouble, with_output(trouble, trouble->root->outputs[i])))
            return true;
    if (trouble->root->kind != PLAN_PROJECT || trouble->root->output_count != 1)
        return false;
    const struct plan_expr *expr = trouble->root->outputs[0].expr;
    for (size_t i = 0; i < expr->arg_count; i++)
        if (adopt(trouble, with_output(trouble, (struct plan_named){"x", expr->args[i]})))
            return true;
    return false;
}

/* A sort, limit, distinct or join of many columns: a project of one above it. */
static bool project_one(struct trouble *trouble)
{
    const struct plan_rel *root = trouble->root;
    if (root->column_count == 1 || root->kind == PLAN_PROJECT)
        return false;
    for (size_t i = 0; i < root->column_count; i++) {
        struct plan *plan = over(trouble);
        struct plan_named output = {root->columns[i].name,
                                    plan_column(plan, root, root->columns[i].name)};
        if (adopt(trouble, plan_project(plan, root, &output, 1)))
            return true;
    }
    return false;
}

static bool drop_rows(struct trouble *trouble, struct random_table *table, size_t first,
                      size_t count)
{
    size_t columns = table->schema.count;
    const char **cells = table->cells;
    size_t before = table->row_count;
    const char **kept = mem_zalloc(before * columns + 1, sizeof *kept);
    if (kept == NULL)
        return false;
    memcpy(kept, cells, first * columns * sizeof *kept);
    memcpy(kept + first * columns, cells + (first + count) * columns,
           (before - first - count) * columns * sizeof *kept);
    table->cells = kept; /* the old ones belong to the case */
    table->row_count = before - count;
    if (trouble_look(trouble) != NULL)
        return true;
    mem_free(kept);
    table->cells = cells;
    table->row_count = before;
    return false;
}

static void shrink_rows(struct trouble *trouble)
{
    for (size_t t = 0; t < trouble->table_count; t++) {
        struct random_table *table = &trouble->tables[t];
        for (size_t part = table->row_count; part > 0; part /= 2)
            for (size_t at = 0; at + part <= table->row_count;)
                at += drop_rows(trouble, table, at, part) ? 0 : part;
    }
}

void trouble_minimise(struct trouble *trouble)
{
    do
        descend(trouble);
    while (shrink_output(trouble));
    (void)project_one(trouble);
    shrink_rows(trouble);
}

static void write_table(const struct random_table *table, struct buf *out)
{
    struct buf type = BUF_INIT;
    size_t columns = table->schema.count;
    buf_puts(out, "{\"name\": ");
    buf_add_json(out, str_of(table->name));
    buf_puts(out, ", \"columns\": [");
    for (size_t i = 0; i < columns; i++) {
        buf_clear(&type);
        data_type_write(table->schema.columns[i].type, &type);
        buf_puts(out, i > 0 ? ", [" : "[");
        buf_add_json(out, str_of(table->schema.columns[i].name));
        buf_puts(out, ", ");
        buf_add_json(out, buf_view(&type));
        buf_putc(out, ']');
    }
    buf_puts(out, "], \"rows\": [");
    for (size_t at = 0; at < table->row_count * columns; at++) {
        buf_puts(out, at == 0 ? "[" : at % columns == 0 ? "], [" : ", ");
        if (table->cells[at] == NULL)
            buf_puts(out, "null");
        else
            buf_add_json(out, str_of(table->cells[at]));
    }
    buf_puts(out, table->row_count > 0 ? "]]}" : "]}");
    buf_done(&type);
}

void trouble_write(const struct trouble *trouble, const char *title, struct buf *out)
{
    struct err err = {0};
    json_t *json = NULL;
    const char **names = NULL;
    size_t count = 0;
    bool first = true;
    buf_printf(out, "=== %s\n--- tables\n", title);
    if (plan_tables(trouble->root, &names, &count, &err) != ERR_OK)
        return;
    for (size_t t = 0; t < trouble->table_count; t++)
        for (size_t i = 0; i < count; i++)
            if (strcmp(names[i], trouble->tables[t].name) == 0) {
                buf_puts(out, first ? "[" : ",\n ");
                write_table(&trouble->tables[t], out);
                first = false;
            }
    buf_puts(out, first ? "[]\n--- input\n" : "]\n--- input\n");
    mem_free(names);
    if (plan_to_json(trouble->root, &json, &err) != ERR_OK ||
        json_compact(json, out, &err) != ERR_OK)
        buf_printf(out, "(%s)", err.message);
    buf_puts(out, "\n");
    json_decref(json);
}
