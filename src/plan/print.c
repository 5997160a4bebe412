/* A plan as an indented tree for people: a node a line, its inputs below. A relation used twice is
 * printed once and then called by its number: aggregate by patient_id: n = count_rows() filter
 * is_not_null(patient_id) scan labs (patient_id bigint, value decimal(18,4)) */
#include "plan/plan_priv.h"

#include <string.h>

struct printer {
    struct buf *out;
    uint32_t *uses;    /* by id: how often used as an input */
    uint32_t *numbers; /* by id: the #number given, 0 = not printed yet */
    uint32_t next;
};

static void print_expr(struct buf *out, const struct plan_expr *expr);

static void print_list(struct buf *out, const struct plan_expr *const *exprs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_puts(out, ", ");
        print_expr(out, exprs[i]);
    }
}
static void print_order(struct buf *out, const struct plan_order *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_puts(out, ", ");
        print_expr(out, order[i].expr);
        buf_puts(out, order[i].descending ? " desc" : "");
        buf_puts(out, order[i].nulls_first ? " nulls first" : "");
    }
}
static void print_literal(struct buf *out, const struct plan_expr *expr)
{
    char type[32];
    if (expr->literal == NULL)
        buf_printf(out, "null::%s", data_type_text(expr->type, type));
    else if (expr->type.kind == DATA_BIGINT || expr->type.kind == DATA_BOOLEAN)
        buf_puts(out, expr->literal);
    else {
        data_json_escape(str_of(expr->literal), out);
        if (expr->type.kind != DATA_TEXT)
            buf_printf(out, "::%s", data_type_text(expr->type, type));
    }
}

static void print_bound(struct buf *out, int64_t rows)
{
    if (rows == PLAN_FRAME_UNBOUNDED_BEFORE || rows == PLAN_FRAME_UNBOUNDED_AFTER)
        buf_puts(out, rows < 0 ? "first" : "last");
    else
        buf_printf(out, "%+lld", (long long)rows);
}

static void print_struct(struct buf *out, const struct plan_expr *expr)
{
    buf_puts(out, "struct(");
    for (size_t i = 0; i < expr->arg_count; i++) {
        buf_printf(out, "%s%s = ", i > 0 ? ", " : "", expr->type.fields[i].name);
        print_expr(out, expr->args[i]);
    }
    buf_putc(out, ')');
}

static void print_expr(struct buf *out, const struct plan_expr *expr)
{
    char type[32];
    switch (expr->kind) {
    case PLAN_COLUMN:
        buf_printf(out, "%s%s", expr->input == 1 ? "right." : "", expr->name);
        return;
    case PLAN_LITERAL:
        print_literal(out, expr);
        return;
    case PLAN_PARAM:
        buf_printf(out, "$%s::%s", expr->name, data_type_text(expr->type, type));
        return;
    case PLAN_CAST:
        buf_puts(out, expr->try_cast ? "try_cast(" : "cast(");
        print_expr(out, expr->args[0]);
        buf_printf(out, " as %s)", data_type_text(expr->type, type));
        return;
    case PLAN_CASE:
        buf_puts(out, "case(");
        print_list(out, expr->args, expr->arg_count);
        buf_putc(out, ')');
        return;
    case PLAN_ELEMENT:
        buf_printf(out, "@%zu", expr->idx);
        return;
    case PLAN_STRUCT:
        print_struct(out, expr);
        return;
    case PLAN_FIELD:
        print_expr(out, expr->args[0]);
        buf_printf(out, ".%s", expr->name);
        return;
    case PLAN_CALL:
    case PLAN_AGGREGATE_CALL:
    case PLAN_WINDOW_CALL:
        break;
    }
    buf_printf(out, "%s(%s", expr->function->name, expr->distinct ? "distinct " : "");
    print_list(out, expr->args, expr->arg_count);
    buf_putc(out, ')');
    if (expr->where != NULL) {
        buf_puts(out, " where ");
        print_expr(out, expr->where);
    }
    if (expr->partition_count > 0) {
        buf_puts(out, " partition by ");
        print_list(out, expr->partition, expr->partition_count);
    }
    if (expr->order_count > 0) {
        buf_puts(out, " order by ");
        print_order(out, expr->order, expr->order_count);
    }
    if (expr->frame != NULL) {
        buf_puts(out, " rows ");
        print_bound(out, expr->frame->start);
        buf_puts(out, " to ");
        print_bound(out, expr->frame->end);
    }
}

static void print_named(struct buf *out, const struct plan_named *named, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_puts(out, i > 0 ? ", " : " ");
        if (named[i].expr->kind != PLAN_COLUMN || strcmp(named[i].expr->name, named[i].name) != 0)
            buf_printf(out, "%s = ", named[i].name);
        print_expr(out, named[i].expr);
    }
}

static void print_join(struct buf *out, const struct plan_rel *rel)
{
    buf_printf(out, " %s", plan_join_kind_text(rel->join));
    for (size_t i = 0; i < rel->key_count; i++) {
        buf_puts(out, i == 0 ? " on " : " and ");
        print_expr(out, rel->left_keys[i]);
        buf_puts(out, " = ");
        print_expr(out, rel->right_keys[i]);
    }
    if (rel->predicate != NULL) {
        buf_puts(out, " where ");
        print_expr(out, rel->predicate);
    }
}

/* " left [admittime, dischtime) right [starttime, endtime)", whichever are there */
static void print_span(struct buf *out, const struct plan_rel *rel)
{
    const struct plan_span *span = rel->span;
    const struct plan_expr *times[] = {span->left_start, span->left_end, span->right_start,
                                       span->right_end};
    bool asof = rel->kind == PLAN_JOIN;
    const char *words[] = {asof                ? " at "
                           : span->right_start ? " overlap ["
                                               : " [",
                           ", ", asof ? span->forward ? " next " : " latest " : " with [", ", "};
    for (size_t i = 0; i < 4; i++) {
        if (times[i] == NULL)
            continue;
        buf_puts(out, words[i]);
        print_expr(out, times[i]);
        if (i % 2 == 1)
            buf_puts(out, span->closed ? "]" : ")");
    }
    buf_puts(out, asof && span->closed ? " or equal" : "");
    if (span->gap > 0)
        buf_printf(out, " gap %lld", (long long)span->gap);
    if (span->start_name != NULL)
        buf_printf(out, " as %s, %s", span->start_name, span->end_name);
    if (span->count_name != NULL)
        buf_printf(out, ", %s", span->count_name);
}

static void print_cells(struct buf *out, const struct plan_rel *rel)
{
    for (size_t i = 0; i < rel->row_count && i < 20; i++) {
        buf_puts(out, i == 0 ? " = (" : ", (");
        print_list(out, rel->cells + i * rel->column_count, rel->column_count);
        buf_putc(out, ')');
    }
    if (rel->row_count > 20)
        buf_printf(out, ", and %zu more", rel->row_count - 20);
}

static void print_columns(struct buf *out, const struct plan_rel *rel)
{
    buf_puts(out, " (");
    for (size_t i = 0; i < rel->column_count; i++) {
        buf_printf(out, "%s%s ", i == 0 ? "" : ", ", rel->columns[i].name);
        data_type_write(rel->columns[i].type, out);
    }
    buf_putc(out, ')');
}

static void print_explode(struct buf *out, const struct plan_rel *rel)
{
    print_named(out, rel->outputs, 1);
    if (rel->ordinality != NULL)
        buf_printf(out, " number %s", rel->ordinality);
    buf_puts(out, rel->keep_empty ? " keep empty" : "");
}

static void print_groups(struct buf *out, const struct plan_rel *rel)
{
    if (rel->group_count > 0)
        buf_puts(out, " by");
    print_named(out, rel->groups, rel->group_count);
}

static void print_fields(struct buf *out, const struct plan_rel *rel)
{
    switch (rel->kind) {
    case PLAN_SCAN:
        buf_printf(out, " %s", rel->table);
        print_columns(out, rel);
        return;
    case PLAN_FILTER:
        buf_putc(out, ' ');
        print_expr(out, rel->predicate);
        return;
    case PLAN_JOIN:
    case PLAN_INTERVAL_JOIN:
        print_join(out, rel);
        if (rel->span != NULL)
            print_span(out, rel);
        if (rel->order_count > 0)
            buf_puts(out, " first by ");
        print_order(out, rel->order, rel->order_count);
        return;
    case PLAN_VALUES:
        print_columns(out, rel);
        print_cells(out, rel);
        return;
    case PLAN_EXPLODE:
        print_explode(out, rel);
        return;
    case PLAN_DEDUPE:
        buf_puts(out, rel->key_count > 0 ? " by " : "");
        print_list(out, rel->left_keys, rel->key_count);
        buf_puts(out, " first by ");
        print_order(out, rel->order, rel->order_count);
        return;
    case PLAN_INTERVAL_MERGE:
        print_groups(out, rel);
        print_span(out, rel);
        return;
    case PLAN_AGGREGATE:
        print_groups(out, rel);
        buf_puts(out, rel->output_count > 0 ? ":" : "");
        print_named(out, rel->outputs, rel->output_count);
        return;
    case PLAN_PROJECT:
    case PLAN_WINDOW:
        print_named(out, rel->outputs, rel->output_count);
        return;
    case PLAN_SORT:
        buf_putc(out, ' ');
        print_order(out, rel->order, rel->order_count);
        return;
    case PLAN_LIMIT:
        if (rel->limit >= 0)
            buf_printf(out, " %lld", (long long)rel->limit);
        if (rel->offset > 0)
            buf_printf(out, " offset %lld", (long long)rel->offset);
        return;
    case PLAN_UNION:
    case PLAN_DISTINCT:
        return;
    }
}

static void count_uses(struct printer *printer, const struct plan_rel *rel)
{
    if (printer->uses[rel->id]++ > 0)
        return;
    for (size_t i = 0; i < rel->input_count; i++)
        count_uses(printer, rel->inputs[i]);
}

static void print_rel(struct printer *printer, const struct plan_rel *rel, int indent)
{
    buf_printf(printer->out, "%*s", indent * 2, "");
    if (printer->numbers[rel->id] != 0) {
        buf_printf(printer->out, "#%u again\n", printer->numbers[rel->id]);
        return;
    }
    buf_puts(printer->out, plan_rel_kind_text(rel->kind));
    print_fields(printer->out, rel);
    if (rel->label != NULL)
        buf_printf(printer->out, "  -- %s", rel->label);
    if (printer->uses[rel->id] > 1) {
        printer->numbers[rel->id] = printer->next++;
        buf_printf(printer->out, "  #%u", printer->numbers[rel->id]);
    }
    buf_putc(printer->out, '\n');
    for (size_t i = 0; i < rel->input_count; i++)
        print_rel(printer, rel->inputs[i], indent + 1);
}

enum err_code plan_print(const struct plan_rel *root, struct buf *ret, struct err *err)
{
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    struct printer printer = {.out = ret, .next = 1};
    printer.uses = mem_zalloc((size_t)root->id + 1, sizeof *printer.uses);
    printer.numbers = mem_zalloc((size_t)root->id + 1, sizeof *printer.numbers);
    bool failed = printer.uses == NULL || printer.numbers == NULL;
    if (!failed) {
        count_uses(&printer, root);
        print_rel(&printer, root, 0);
    }
    mem_free(printer.uses);
    mem_free(printer.numbers);
    if (failed)
        return err_set(err, ERR_MEMORY, "no memory to print the plan");
    return buf_check(ret, err);
}
