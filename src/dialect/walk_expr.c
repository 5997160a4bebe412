/* Expressions → SQL: one walker for all dialects. Functions are written by their template
 * (functions.def); parentheses are put only where precedence asks for them; literals carry their
 * type where nothing beside them gives it. */
#include "dialect/emit_priv.h"

#include <stdio.h>
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

/* The template of a call, and how it binds. */
static const char *spelling_of(struct emit *emit, const struct plan_expr *expr,
                               enum precedence *ret)
{
    *ret = dialect_precedence(expr->function->id);
    const char *text =
        emit->dialect->choose != NULL ? emit->dialect->choose(emit, expr, ret) : NULL;
    return text != NULL ? text : dialect_spelling(emit->dialect, expr->function->id);
}

enum precedence emit_precedence(struct emit *emit, const struct env *env,
                                const struct plan_expr *expr)
{
    enum precedence precedence = PRECEDENCE_ATOM;
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
        (void)spelling_of(emit, expr, &precedence);
        return precedence;
    case PLAN_CAST:
    case PLAN_CASE:
    case PLAN_STRUCT:
    case PLAN_FIELD:
    case PLAN_ELEMENT:
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
    if (emit->dialect->literal != NULL && emit->dialect->literal(expr, out))
        return;
    bool smallest = strcmp(expr->literal, "-9223372036854775808") ==
                    0; /* no dialect reads it as a bare int64 */
    if (kind == DATA_TEXT) {
        buf_puts(out, typed && emit->dialect->types_texts ? "TEXT " : "");
        emit_quoted(out, str_of(expr->literal));
    } else if (kind == DATA_BOOLEAN && typed && emit->dialect->types_texts) {
        buf_printf(out, "BOOLEAN '%s'", expr->literal);
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

/* A case whose values are all literals has no typed neighbour, so they carry their types. */
#define CASE_VALUES_LOOKED_AT 64

bool emit_crowded(struct data_type type, const struct plan_expr *const *values, size_t count)
{
    unsigned whole = 0, scale = 0;
    for (size_t i = 0; i < count && type.kind == DATA_DECIMAL; i++) {
        struct data_type one = values[i]->type;
        bool decimal = one.kind == DATA_DECIMAL;
        unsigned digits = decimal ? (unsigned)one.precision - one.scale : 19u;
        whole = digits > whole ? digits : whole;
        scale = decimal && one.scale > scale ? one.scale : scale;
    }
    return whole + scale > 38;
}

static void emit_case(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                      struct buf *out)
{
    const struct plan_expr *values[CASE_VALUES_LOOKED_AT];
    size_t value_count = 0;
    bool typed = true;
    for (size_t i = 0; i < expr->arg_count; i++) {
        bool value = i % 2 == 1 || i + 1 == expr->arg_count;
        if (value && i < CASE_VALUES_LOOKED_AT)
            values[value_count++] = expr->args[i];
        if (value && expr->args[i]->kind != PLAN_LITERAL &&
            data_type_equal(expr->args[i]->type, expr->type))
            typed = false;
    }
    bool crowded = emit_crowded(expr->type, values, value_count);
    buf_puts(out, "CASE");
    for (size_t i = 0; i < expr->arg_count; i++) {
        bool otherwise = i % 2 == 0 && i + 1 == expr->arg_count;
        buf_puts(out, otherwise ? " ELSE " : i % 2 == 0 ? " WHEN " : " THEN ");
        enum data_kind kind = expr->args[i]->type.kind;
        bool bare = kind == DATA_TEXT || (!typed && kind == DATA_BIGINT);
        bool cast = crowded && (otherwise || i % 2 == 1);
        buf_puts(out, cast ? "CAST(" : "");
        emit_expr(emit, env, expr->args[i], !bare, out);
        if (cast) {
            buf_puts(out, " AS ");
            emit->dialect->type(expr->type, out);
            buf_putc(out, ')');
        }
    }
    buf_puts(out, " END");
}

/* The parameter's number among the names, entered there the first time. */
static size_t param_number(struct emit *emit, const char *name)
{
    size_t at = 0;
    while (at < emit->param_count && strcmp(emit->params[at], name) != 0)
        at++;
    if (at == emit->param_cap) {
        size_t cap = emit->param_cap == 0 ? 8 : emit->param_cap * 2;
        const char **params = mem_resize(emit->params, cap, sizeof *params);
        if (params == NULL) {
            emit->failed = true;
            return 0;
        }
        emit->params = params;
        emit->param_cap = cap;
    }
    if (at == emit->param_count)
        emit->params[emit->param_count++] = name;
    return at;
}

/* Pieces are put together later, so a parameter is a mark until the whole text is there
 * (params.c). */
static void emit_param(struct emit *emit, const struct plan_expr *expr, struct buf *out)
{
    const struct dialect *dialect = emit->dialect;
    char place[32];
    (void)snprintf(place, sizeof place, "%c%zu%c", EMIT_PARAM_MARK, param_number(emit, expr->name),
                   EMIT_PARAM_MARK);
    if (dialect->param != NULL) {
        dialect->param(expr->type, place, out);
        return;
    }
    buf_printf(out, "CAST(%s AS ", place);
    dialect->type(expr->type, out);
    buf_putc(out, ')');
}

static void emit_cast(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                      struct buf *out)
{
    const char *text = emit->dialect->cast != NULL ? emit->dialect->cast(emit, expr) : NULL;
    if (text != NULL) {
        emit_template(emit, env, expr, text, PRECEDENCE_ATOM, out);
        return;
    }
    buf_puts(out, expr->try_cast ? "TRY_CAST(" : "CAST(");
    emit_expr(emit, env, expr->args[0], true, out);
    buf_puts(out, " AS ");
    emit->dialect->type(expr->type, out);
    buf_putc(out, ')');
}

/* A body may read columns of any name, so no column's is taken. */
void emit_element(const struct emit *emit, size_t outer, struct buf *out)
{
    buf_printf(out, "marrow_x%u", emit->binders - (unsigned)outer);
}

static void emit_call(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                      struct buf *out)
{
    enum precedence precedence;
    const char *text = spelling_of(emit, expr, &precedence);
    emit_template(emit, env, expr, text, precedence, out);
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
    case PLAN_WINDOW_CALL:
        emit_call(emit, env, expr, out);
        return;
    case PLAN_CAST:
        emit_cast(emit, env, expr, out);
        return;
    case PLAN_CASE:
        emit_case(emit, env, expr, out);
        return;
    case PLAN_ELEMENT:
        emit_element(emit, expr->idx, out);
        return;
    case PLAN_PARAM:
        emit_param(emit, expr, out);
        return;
    case PLAN_STRUCT:
        emit->dialect->record(emit, env, expr, out);
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
    struct piece piece = {.precedence = emit_precedence(emit, env, expr),
                          .literal = expr->kind == PLAN_LITERAL};
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
