/* Expressions in words: operators between their operands, function(arguments) otherwise. For
 * messages, not for reading back. */
#include "plan/diff.h"

#include <string.h>

static const struct {
    enum plan_function_id id;
    const char *infix;
} INFIX[] = {
    {PLAN_FUNCTION_EQ, " = "},      {PLAN_FUNCTION_NE, " <> "},
    {PLAN_FUNCTION_LT, " < "},      {PLAN_FUNCTION_LE, " <= "},
    {PLAN_FUNCTION_GT, " > "},      {PLAN_FUNCTION_GE, " >= "},
    {PLAN_FUNCTION_AND, " and "},   {PLAN_FUNCTION_OR, " or "},
    {PLAN_FUNCTION_ADD, " + "},     {PLAN_FUNCTION_SUB, " - "},
    {PLAN_FUNCTION_MUL, " * "},     {PLAN_FUNCTION_DIV, " / "},
    {PLAN_FUNCTION_LIKE, " like "}, {PLAN_FUNCTION_IS_DISTINCT_FROM, " is distinct from "}};

static const char *infix_of(const struct plan_expr *expr)
{
    for (size_t i = 0; expr->kind == PLAN_CALL && i < sizeof INFIX / sizeof INFIX[0]; i++)
        if (INFIX[i].id == expr->function->id)
            return INFIX[i].infix;
    return NULL;
}

static void put_list(const struct plan_expr *const *exprs, size_t count, const char *between,
                     struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        buf_puts(out, i > 0 ? between : "");
        bool inner = between[0] == ' ' && infix_of(exprs[i]) != NULL;
        buf_puts(out, inner ? "(" : "");
        plan_words(exprs[i], out);
        buf_puts(out, inner ? ")" : "");
    }
}

static void put_call(const struct plan_expr *expr, struct buf *out)
{
    enum plan_function_id id = expr->function->id;
    const char *infix = infix_of(expr);
    if (infix != NULL) {
        put_list(expr->args, expr->arg_count, infix, out);
    } else if (expr->kind == PLAN_CALL &&
               (id == PLAN_FUNCTION_IS_NULL || id == PLAN_FUNCTION_IS_NOT_NULL)) {
        plan_words(expr->args[0], out);
        buf_puts(out, id == PLAN_FUNCTION_IS_NULL ? " is null" : " is not null");
    } else if (expr->kind == PLAN_CALL && id == PLAN_FUNCTION_BETWEEN) {
        plan_words(expr->args[0], out);
        buf_puts(out, " between ");
        put_list(expr->args + 1, 2, " and ", out);
    } else if (expr->kind == PLAN_CALL && id == PLAN_FUNCTION_IN) {
        plan_words(expr->args[0], out);
        buf_puts(out, " in (");
        put_list(expr->args + 1, expr->arg_count - 1, ", ", out);
        buf_putc(out, ')');
    } else {
        buf_printf(out, "%s(%s", expr->function->name, expr->distinct ? "distinct " : "");
        put_list(expr->args, expr->arg_count, ", ", out);
        buf_putc(out, ')');
    }
}

static void put_window(const struct plan_expr *expr, struct buf *out)
{
    if (expr->partition_count > 0)
        buf_puts(out, " by ");
    put_list(expr->partition, expr->partition_count, ", ", out);
    for (size_t i = 0; i < expr->order_count; i++) {
        buf_puts(out, i == 0 ? " in order of " : ", ");
        plan_words(expr->order[i].expr, out);
        buf_puts(out, expr->order[i].descending ? " descending" : "");
        buf_puts(out, expr->order[i].nulls_first ? " nulls first" : "");
    }
    if (expr->frame != NULL)
        buf_printf(out, " rows %lld to %lld", (long long)expr->frame->start,
                   (long long)expr->frame->end);
}

void plan_words(const struct plan_expr *expr, struct buf *out)
{
    char type[32];
    switch (expr->kind) {
    case PLAN_COLUMN:
        buf_puts(out, expr->name);
        return;
    case PLAN_PARAM:
        buf_printf(out, "$%s", expr->name);
        return;
    case PLAN_LITERAL:
        if (expr->literal == NULL || expr->type.kind == DATA_TEXT)
            buf_printf(out, "%s%s%s", expr->literal == NULL ? "null" : "\"",
                       expr->literal == NULL ? "" : expr->literal,
                       expr->literal == NULL ? "" : "\"");
        else
            buf_puts(out, expr->literal);
        return;
    case PLAN_CAST:
        plan_words(expr->args[0], out);
        buf_printf(out, " as %s%s", data_type_text(expr->type, type),
                   expr->try_cast ? " where it fits" : "");
        return;
    case PLAN_CASE:
        buf_puts(out, "case(");
        put_list(expr->args, expr->arg_count, ", ", out);
        buf_putc(out, ')');
        return;
    case PLAN_ELEMENT:
        buf_puts(out, expr->idx == 0 ? "it" : "it above");
        return;
    case PLAN_STRUCT:
        buf_puts(out, "struct(");
        put_list(expr->args, expr->arg_count, ", ", out);
        buf_putc(out, ')');
        return;
    case PLAN_FIELD:
        plan_words(expr->args[0], out);
        buf_printf(out, ".%s", expr->name);
        return;
    case PLAN_CALL:
    case PLAN_AGGREGATE_CALL:
    case PLAN_WINDOW_CALL:
        break;
    }
    put_call(expr, out);
    if (expr->where != NULL) {
        buf_puts(out, " where ");
        plan_words(expr->where, out);
    }
    if (expr->kind == PLAN_WINDOW_CALL)
        put_window(expr, out);
}
