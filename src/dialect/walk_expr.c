/* Expressions → SQL: one walker for all dialects. Functions are written by their template
 * (functions.def); parentheses are put only where precedence asks for them; literals carry their
 * type where nothing beside them gives it. */
#include "dialect/emit_priv.h"

#include <string.h>

void emit_quoted(struct buf *out, struct str text)
{
    buf_putc(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            buf_putc(out, '\'');
        buf_putc(out, text.ptr[i]);
    }
    buf_putc(out, '\'');
}

static const char *spelling_of(struct emit *emit, const struct plan_expr *expr,
                               enum precedence *ret)
{
    *ret = dialect_precedence(expr->function->id);
    const char *text =
        emit->dialect->choose != NULL ? emit->dialect->choose(emit, expr, ret) : NULL;
    if (text == NULL)
        text = emit->dialect->spellings[expr->function->id];
    return text != NULL ? text : dialect_standard_spelling(expr->function->id);
}

enum precedence emit_precedence(struct emit *emit, const struct env *env,
                                const struct plan_expr *expr)
{
    switch (expr->kind) {
    case PLAN_COLUMN:
        return env->inputs[expr->input][expr->idx].precedence;
    case PLAN_LITERAL:
        return expr->literal != NULL && expr->literal[0] == '-' ? PRECEDENCE_UNARY
                                                                : PRECEDENCE_ATOM;
    case PLAN_CALL:
    case PLAN_AGGREGATE_CALL:
        if ((expr->function->id == PLAN_FUNCTION_AND || expr->function->id == PLAN_FUNCTION_OR ||
             expr->function->id == PLAN_FUNCTION_CONCAT) &&
            expr->arg_count == 1)
            return emit_precedence(emit, env, expr->args[0]);
        return dialect_precedence(expr->function->id);
    case PLAN_CAST:
    case PLAN_CASE:
    case PLAN_STRUCT:
    case PLAN_FIELD:
    case PLAN_PARAM:
    case PLAN_WINDOW_CALL:
        return PRECEDENCE_ATOM;
    }
    return PRECEDENCE_ATOM;
}

/* ---- literals -----------------------------------------------------------------------------------
 */

/* "P14M3DT5.5S", as plan/literal.c writes it → INTERVAL '14 months 3 days 5.5 seconds' */
static void emit_interval(const char *text, struct buf *out)
{
    size_t months = strcspn(text, "M"), days = strcspn(text, "D"), seconds = strcspn(text, "S");
    buf_printf(out, "INTERVAL '%.*s months %.*s days %.*s seconds'", (int)(months - 1), text + 1,
               (int)(days - months - 1), text + months + 1, (int)(seconds - days - 2),
               text + days + 2);
}

static void emit_literal(struct emit *emit, const struct plan_expr *expr, bool typed,
                         struct buf *out)
{
    enum data_kind kind = expr->type.kind;
    if (expr->literal == NULL) {
        buf_puts(out, "CAST(NULL AS ");
        emit->dialect->type(expr->type, out);
        buf_putc(out, ')');
        return;
    }
    bool smallest = strcmp(expr->literal, "-9223372036854775808") ==
                    0; /* no dialect reads it as a bare int64 */
    if (kind == DATA_TEXT) {
        emit_quoted(out, str_of(expr->literal));
    } else if (kind == DATA_BOOLEAN || (kind == DATA_BIGINT && !typed && !smallest) ||
               (kind == DATA_DECIMAL && !typed)) {
        buf_puts(out, expr->literal);
    } else if (kind == DATA_INTERVAL) {
        emit_interval(expr->literal, out);
    } else if (kind == DATA_DECIMAL) {
        buf_printf(out, "CAST(%s AS ", expr->literal);
        emit->dialect->type(expr->type, out);
        buf_putc(out, ')');
    } else {
        emit->dialect->type(expr->type, out);
        buf_putc(out, ' ');
        emit_quoted(out, str_of(expr->literal));
    }
}

/* May the literal arguments of this call stand without a type? Integers beside something typed,
 * decimals in comparisons only (in arithmetic a literal's digits would change the result's type).
 */
static bool argument_typed(const struct plan_expr *call, const struct plan_expr *arg)
{
    if (arg->kind != PLAN_LITERAL)
        return true;
    enum plan_function_id id = call->function->id;
    if (call->kind != PLAN_CALL || id == PLAN_FUNCTION_ROW_HASH)
        return true;
    bool beside = false;
    for (size_t i = 0; i < call->arg_count && !beside; i++)
        beside = call->args[i]->kind != PLAN_LITERAL;
    if (!beside)
        return true;
    bool comparison = call->type.kind == DATA_BOOLEAN;
    return arg->type.kind == DATA_DECIMAL ? !comparison : false;
}

/* ---- calls --------------------------------------------------------------------------------------
 */

struct call {
    struct emit *emit;
    const struct env *env;
    const struct plan_expr *expr;
    enum precedence precedence;
    struct buf *out;
};

static void put_bare(const struct call *call, size_t i)
{
    if (i < call->expr->arg_count)
        emit_expr(call->emit, call->env, call->expr->args[i],
                  argument_typed(call->expr, call->expr->args[i]), call->out);
}
/* An operand of equal precedence needs parentheses unless it is the first of a left-to-right
 * operator, or and/or/|| in itself. */
static void put_operand(const struct call *call, size_t i, enum precedence least)
{
    if (i >= call->expr->arg_count)
        return;
    const struct plan_expr *arg = call->expr->args[i];
    enum precedence own = emit_precedence(call->emit, call->env, arg);
    bool left_to_right = least == PRECEDENCE_SUM || least == PRECEDENCE_PRODUCT;
    bool chain = least == PRECEDENCE_AND || least == PRECEDENCE_OR || least == PRECEDENCE_OTHER;
    bool equal_is_fine = chain || (left_to_right && i == 0) || least == PRECEDENCE_ATOM;
    bool parentheses = own < least || (own == least && !equal_is_fine);
    if (parentheses)
        buf_putc(call->out, '(');
    put_bare(call, i);
    if (parentheses)
        buf_putc(call->out, ')');
}
static void emit_bound(int64_t rows, struct buf *out)
{
    if (rows == PLAN_FRAME_UNBOUNDED_BEFORE)
        buf_puts(out, "UNBOUNDED PRECEDING");
    else if (rows == PLAN_FRAME_UNBOUNDED_AFTER)
        buf_puts(out, "UNBOUNDED FOLLOWING");
    else if (rows == 0)
        buf_puts(out, "CURRENT ROW");
    else
        buf_printf(out, "%lld %s", (long long)(rows < 0 ? -rows : rows),
                   rows < 0 ? "PRECEDING" : "FOLLOWING");
}

static void put_over(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                     struct buf *out)
{
    buf_puts(out, " OVER (");
    for (size_t i = 0; i < expr->partition_count; i++) {
        buf_puts(out, i == 0 ? "PARTITION BY " : ", ");
        emit_expr(emit, env, expr->partition[i], true, out);
    }
    for (size_t i = 0; i < expr->order_count; i++) {
        buf_puts(out, i > 0 ? ", " : expr->partition_count > 0 ? " ORDER BY " : "ORDER BY ");
        emit_expr(emit, env, expr->order[i].expr, true, out);
        buf_puts(out, expr->order[i].descending ? " DESC" : "");
        buf_puts(out, expr->order[i].nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
    if (expr->frame != NULL) {
        buf_puts(out, " ROWS BETWEEN ");
        emit_bound(expr->frame->start, out);
        buf_puts(out, " AND ");
        emit_bound(expr->frame->end, out);
    }
    buf_putc(out, ')');
}

/* What follows the call itself: a condition, or the window. */
static void put_filter(const struct call *call)
{
    if (call->expr->kind == PLAN_WINDOW_CALL)
        put_over(call->emit, call->env, call->expr, call->out);
    if (call->expr->where == NULL)
        return;
    buf_puts(call->out, " FILTER (WHERE ");
    emit_expr(call->emit, call->env, call->expr->where, true, call->out);
    buf_putc(call->out, ')');
}

/* One placeholder at text (after $, # or %); returns what follows it. */
static const char *put_placeholder(const struct call *call, char mark, const char *text)
{
    size_t count = call->expr->arg_count;
    if (*text == '*' && mark == '$') {
        for (size_t i = 0; i < count; i++) {
            if (i > 0)
                buf_puts(call->out, text + 1);
            put_operand(call, i, count == 1 ? PRECEDENCE_OR : call->precedence);
        }
        return "";
    }
    size_t from = 0;
    const char *at = text;
    while (*at >= '0' && *at <= '9')
        from = from * 10 + (size_t)(*at++ - '0');
    if (from > 0)
        from--;
    if (*at == '*') {
        for (size_t i = from; i < count; i++) {
            if (i > from)
                buf_puts(call->out, ", ");
            put_bare(call, i);
        }
        return at + 1;
    }
    if (mark == '%' && *text == 'D') {
        buf_puts(call->out, call->expr->distinct ? "DISTINCT " : "");
        return text + 1;
    }
    if (mark == '%' && *text == 'F') {
        put_filter(call);
        return text + 1;
    }
    if (mark == '%' && *text == 'O') {
        size_t first = (size_t)(text[1] - '1');
        for (size_t i = first; i < count; i++) {
            buf_puts(call->out, i == first ? " ORDER BY " : ", ");
            put_bare(call, i);
            buf_puts(call->out, " NULLS LAST");
        }
        return text + 2;
    }
    if (mark == '%')
        put_bare(call, from);
    else
        put_operand(call, from, mark == '#' ? PRECEDENCE_ATOM : call->precedence);
    return at;
}

static void emit_call(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                      struct buf *out)
{
    struct call call = {emit, env, expr, PRECEDENCE_ATOM, out};
    const char *text = spelling_of(emit, expr, &call.precedence);
    while (*text != '\0') {
        size_t plain = strcspn(text, "$#%");
        buf_add(out, text, plain);
        text += plain;
        if (*text != '\0')
            text = put_placeholder(&call, *text, text + 1);
    }
}

static void emit_struct(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                        struct buf *out)
{
    buf_puts(out, "struct_pack(");
    for (size_t i = 0; i < expr->arg_count; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        dialect_quote_identifier(emit->dialect, str_of(expr->type.fields[i].name), out);
        buf_puts(out, " := ");
        emit_expr(emit, env, expr->args[i], true, out);
    }
    buf_putc(out, ')');
}

/* A case whose values are all literals has no typed neighbour, so they carry their types. */
static void emit_case(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                      struct buf *out)
{
    bool typed = true;
    for (size_t i = 0; i < expr->arg_count; i++) {
        bool value = i % 2 == 1 || i + 1 == expr->arg_count;
        if (value && expr->args[i]->kind != PLAN_LITERAL &&
            data_type_equal(expr->args[i]->type, expr->type))
            typed = false;
    }
    buf_puts(out, "CASE");
    for (size_t i = 0; i < expr->arg_count; i++) {
        bool otherwise = i % 2 == 0 && i + 1 == expr->arg_count;
        buf_puts(out, otherwise ? " ELSE " : i % 2 == 0 ? " WHEN " : " THEN ");
        bool bare = !typed && expr->args[i]->type.kind == DATA_BIGINT;
        emit_expr(emit, env, expr->args[i], !bare, out);
    }
    buf_puts(out, " END");
}

/* Parameters are numbered by their first use; the same name has the same number. */
static void emit_param(struct emit *emit, const struct plan_expr *expr, struct buf *out)
{
    size_t at = 0;
    while (at < emit->param_count && strcmp(emit->params[at], expr->name) != 0)
        at++;
    if (at == emit->param_cap) {
        size_t cap = emit->param_cap == 0 ? 8 : emit->param_cap * 2;
        const char **params = mem_resize(emit->params, cap, sizeof *params);
        if (params == NULL) {
            emit->failed = true;
            return;
        }
        emit->params = params;
        emit->param_cap = cap;
    }
    if (at == emit->param_count)
        emit->params[emit->param_count++] = expr->name;
    buf_printf(out, "CAST($%zu AS ", at + 1);
    emit->dialect->type(expr->type, out);
    buf_putc(out, ')');
}

void emit_expr(struct emit *emit, const struct env *env, const struct plan_expr *expr, bool typed,
               struct buf *out)
{
    switch (expr->kind) {
    case PLAN_COLUMN:
        buf_add_str(out, env->inputs[expr->input][expr->idx].text);
        return;
    case PLAN_LITERAL:
        emit_literal(emit, expr, typed, out);
        return;
    case PLAN_CALL:
    case PLAN_AGGREGATE_CALL:
        emit_call(emit, env, expr, out);
        return;
    case PLAN_CAST:
        buf_puts(out, expr->try_cast ? "TRY_CAST(" : "CAST(");
        emit_expr(emit, env, expr->args[0], true, out);
        buf_puts(out, " AS ");
        emit->dialect->type(expr->type, out);
        buf_putc(out, ')');
        return;
    case PLAN_CASE:
        emit_case(emit, env, expr, out);
        return;
    case PLAN_PARAM:
        emit_param(emit, expr, out);
        return;
    case PLAN_WINDOW_CALL:
        emit_call(emit, env, expr, out);
        return;
    case PLAN_STRUCT:
        emit_struct(emit, env, expr, out);
        return;
    case PLAN_FIELD:
        emit->dialect->field(emit, env, expr, out);
        return;
    }
}

struct piece emit_piece(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                        bool typed)
{
    if (expr->kind == PLAN_COLUMN)
        return env->inputs[expr->input][expr->idx];
    struct piece piece = {.precedence = emit_precedence(emit, env, expr)};
    emit_expr(emit, env, expr, typed, &emit->scratch);
    piece.text = emit_copy(emit, &emit->scratch);
    return piece;
}

/* The conjuncts of expr, one line each. */
void emit_conjuncts(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                    struct lines *lines)
{
    if (expr->kind == PLAN_CALL && expr->function->id == PLAN_FUNCTION_AND) {
        for (size_t i = 0; i < expr->arg_count; i++)
            emit_conjuncts(emit, env, expr->args[i], lines);
        return;
    }
    struct piece piece = emit_piece(emit, env, expr, true);
    lines_add(emit, lines, piece.text, piece.precedence);
}
