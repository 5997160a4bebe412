/* Expressions: columns, literals, calls (by their templates), casts, cases, structs and their
 * fields; keys of a sort. Casts of texts are strict in the plan's way, as in every dialect. */
#include <stdio.h>
#include <string.h>

#include "dialect/cast_priv.h"
#include "dialect/emit_priv.h"
#include "dialect/substrait_priv.h"

/* ---- casts --------------------------------------------------------------------------------------
 */

#define MATCHES(pattern) "regexp_like(%1, '^(" pattern ")$')"
#define IS_TRUE "in(lower(btrim(%1, ' ')), " CAST_TRUE ")"
#define IS_FALSE "in(lower(btrim(%1, ' ')), " CAST_FALSE ")"

static const char *checked(struct substrait *sub, const struct plan_expr *expr, const char *valid,
                           const char *value)
{
    char word[32];
    const char *text =
        expr->try_cast ? arena_printf(sub->arena, "if(%s, try(T, %s))", valid, value)
                       : arena_printf(sub->arena, "cast(T, if(%s, %s, is_not_null(%%1), 'no %s'))",
                                      valid, value, data_type_text(expr->type, word));
    sub->failed = sub->failed || text == NULL;
    return text;
}

static const char *from_text(struct substrait *sub, const struct plan_expr *expr)
{
    switch ((int)expr->type.kind) {
    case DATA_BOOLEAN:
        return expr->try_cast ? "if(" IS_TRUE ", true, " IS_FALSE ", false)"
                              : "if(" IS_TRUE ", true, " IS_FALSE
                                ", false, is_not_null(%1), cast(bool, 'no boolean'))";
    case DATA_BIGINT:
        return checked(sub, expr, MATCHES(CAST_BIGINT), "btrim(%1, ' ')");
    case DATA_DECIMAL:
        return checked(sub, expr, MATCHES(CAST_DECIMAL), "btrim(%1, ' ')");
    case DATA_DOUBLE:
        return checked(
            sub, expr,
            "or(and(" MATCHES(CAST_DOUBLE) ", lt(abs(try(f64, btrim(%1, ' '))), "
                                           "cast(f64, 'inf'))), " MATCHES(CAST_DOUBLE_WORD) ")",
            "btrim(%1, ' ')");
    case DATA_DATE:
        return checked(sub, expr, MATCHES(CAST_DATE), "%1");
    case DATA_TIMESTAMP:
        return checked(sub, expr, MATCHES(CAST_TIMESTAMP), "%1");
    case DATA_TIME:
        return checked(sub, expr, MATCHES(CAST_TIME), "%1");
    }
    return NULL;
}

static const char *cast_spelling(struct substrait *sub, const struct plan_expr *expr)
{
    enum data_kind from = expr->args[0]->type.kind, to = expr->type.kind;
    if (from == DATA_TEXT)
        return from_text(sub, expr);
    if (to == DATA_TIMESTAMPTZ && from == DATA_DATE)
        return "cast(tstz, cast(ts, %1))";
    if (from == DATA_TIMESTAMPTZ && to != DATA_TIMESTAMP)
        return "cast(T, cast(ts, %1))";
    if (from == DATA_DOUBLE && to == DATA_BIGINT) /* half to even; its own cast cuts */
        return "cast(i64, if(equal(abs(subtract(%1, trunc(%1))), 0.5), multiply(2.0, "
               "round(divide(%1, 2.0))), round(%1)))";
    if (from == DATA_DECIMAL && to == DATA_BIGINT)
        return "cast(i64, round(%1, cast(i32, 0)))";
    if (from == DATA_TIMESTAMP && to == DATA_TEXT)
        return "if(gt(strpos(cast(str, %1), '.'), cast(i32, 0)), rtrim(replace(cast(str, %1), 'T', "
               "' '), '0'), replace(cast(str, %1), 'T', ' '))";
    if (from == DATA_DOUBLE && to == DATA_DECIMAL)
        return expr->try_cast ? "try(T, cast(str, %1))" : "cast(T, cast(str, %1))";
    return expr->try_cast ? "try(T, %1)" : "cast(T, %1)";
}

/* ---- parts --------------------------------------------------------------------------------------
 */

void substrait_field(struct wire *out, size_t column)
{
    size_t selection = wire_open(out, 2), reference = wire_open(out, 1), field = wire_open(out, 2);
    if (column > 0)
        wire_number(out, 1, (int64_t)column);
    wire_close(out, field);
    wire_close(out, reference);
    size_t root = wire_open(out, 4);
    wire_close(out, root);
    wire_close(out, selection);
}

void substrait_sort(struct substrait *sub, const struct substrait_env *env,
                    const struct plan_order *order, size_t count, unsigned field, struct wire *out)
{
    for (size_t i = 0; i < count; i++) {
        size_t whole = wire_open(out, field), key = wire_open(out, 1);
        (void)substrait_expr(sub, env, order[i].expr, out);
        wire_close(out, key);
        wire_number(out, 2, (order[i].descending ? 3 : 1) + (order[i].nulls_first ? 0 : 1));
        wire_close(out, whole);
    }
}

static void case_expr(struct substrait *sub, const struct substrait_env *env,
                      const struct plan_expr *expr, struct wire *out)
{
    size_t whole = wire_open(out, 6), part;
    for (size_t i = 0; i + 1 < expr->arg_count; i += 2) {
        size_t clause = wire_open(out, 1);
        part = wire_open(out, 1);
        (void)substrait_expr(sub, env, expr->args[i], out);
        wire_close(out, part);
        part = wire_open(out, 2);
        (void)substrait_expr(sub, env, expr->args[i + 1], out);
        wire_close(out, part);
        wire_close(out, clause);
    }
    if (expr->arg_count % 2 == 1) {
        part = wire_open(out, 2);
        (void)substrait_expr(sub, env, expr->args[expr->arg_count - 1], out);
        wire_close(out, part);
    }
    wire_close(out, whole);
}

/* A call of DataFusion's whose arguments are names and values by turns. */
static void named_values(struct substrait *sub, const struct substrait_env *env,
                         const struct plan_expr *expr, struct wire *out)
{
    char ignored;
    bool field = expr->kind == PLAN_FIELD;
    size_t function = wire_open(out, 3);
    wire_number(
        out, 1,
        substrait_function(sub, field ? STR("get_field") : STR("named_struct"), NULL, 0, &ignored));
    substrait_type(sub, out, 3, expr->type);
    for (size_t i = 0; i < expr->arg_count; i++)
        for (int value = 0; value < 2; value++) {
            bool is_value = field ? value == 0 : value == 1;
            size_t argument = wire_open(out, 4), inner = wire_open(out, 3);
            if (is_value)
                (void)substrait_expr(sub, env, expr->args[i], out);
            else
                substrait_literal(sub, out, DATA_TYPE(TEXT),
                                  field ? expr->name : expr->type.fields[i].name);
            wire_close(out, inner);
            wire_close(out, argument);
        }
    wire_close(out, function);
}

static void call_expr(struct substrait *sub, const struct substrait_env *env,
                      const struct plan_expr *expr, struct wire *out)
{
    const char *text = substrait_spelling(expr);
    bool alone = expr->arg_count == 1 && (expr->function->id == PLAN_FUNCTION_AND ||
                                          expr->function->id == PLAN_FUNCTION_OR ||
                                          expr->function->id == PLAN_FUNCTION_CONCAT);
    if (text == NULL) {
        substrait_lacks(sub, expr->function->name);
        text = "null";
    }
    (void)substrait_template(sub, env, expr, alone ? "%1" : text, out);
}

static void cast_expr(struct substrait *sub, const struct substrait_env *env,
                      const struct plan_expr *expr, struct wire *out)
{
    const char *text = cast_spelling(sub, expr);
    (void)substrait_template(sub, env, expr, text != NULL ? text : "cast(T, %1)", out);
}

struct data_type substrait_expr(struct substrait *sub, const struct substrait_env *env,
                                const struct plan_expr *expr, struct wire *out)
{
    const char *lacks = dialect_datafusion.lacks_expr(expr);
    if (lacks != NULL)
        substrait_lacks(sub, lacks);
    switch (expr->kind) {
    case PLAN_COLUMN:
        substrait_field(out, expr->idx + (expr->input > 0 ? env->left : 0));
        break;
    case PLAN_LITERAL:
        substrait_literal(sub, out, expr->type, expr->literal);
        break;
    case PLAN_PARAM:
        substrait_lacks(sub, "a parameter without its value");
        substrait_literal(sub, out, expr->type, NULL);
        break;
    case PLAN_ELEMENT: /* its list function is lacking */
        substrait_literal(sub, out, expr->type, NULL);
        break;
    case PLAN_CAST:
        cast_expr(sub, env, expr, out);
        break;
    case PLAN_CASE:
        case_expr(sub, env, expr, out);
        break;
    case PLAN_STRUCT:
    case PLAN_FIELD:
        named_values(sub, env, expr, out);
        break;
    case PLAN_CALL:
    case PLAN_AGGREGATE_CALL:
    case PLAN_WINDOW_CALL:
        call_expr(sub, env, expr, out);
        break;
    }
    return expr->type;
}
