/* Calls, written by their templates (functions.def): placeholders become arguments, with
 * parentheses only where precedence asks for them. Where a dialect lets (struct dialect), a long
 * argument that its template uses twice is named first:
 *
 *     make_date(year(at), …)   →   (SELECT CASE WHEN y1 … THEN f(y1) END FROM (SELECT … AS y1) AS
 * given)
 */
#include "dialect/emit_priv.h"

#include <string.h>

#define LETS_MOST 8

struct call {
    struct emit *emit;
    const struct env *env;
    const struct plan_expr *expr;
    enum precedence precedence;
    struct buf *out;
    const char *given[LETS_MOST]; /* names of the arguments that are named first, else NULL */
};

/* Integers beside something typed need no type, decimals in comparisons only (in arithmetic a
 * literal's digits would change the result's type). */
bool emit_argument_typed(const struct plan_expr *call, const struct plan_expr *arg)
{
    if (arg->kind != PLAN_LITERAL)
        return true;
    if (call->kind != PLAN_CALL || call->function->id == PLAN_FUNCTION_ROW_HASH)
        return true;
    bool beside = false;
    for (size_t i = 0; i < call->arg_count && !beside; i++)
        beside = call->args[i]->kind != PLAN_LITERAL;
    if (!beside)
        return true;
    bool comparison = call->type.kind == DATA_BOOLEAN;
    return arg->type.kind == DATA_DECIMAL ? !comparison : false;
}

bool emit_is_plain_path(const struct plan_expr *expr)
{
    bool first = true; /* of a name */
    const char *text = expr->kind == PLAN_LITERAL && expr->literal != NULL ? expr->literal : ".";
    for (; *text != '\0'; text++) {
        bool letter =
            (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || *text == '_';
        bool digit = *text >= '0' && *text <= '9';
        if (*text == '.' ? first : !letter && (first || !digit))
            return false;
        first = *text == '.';
    }
    return !first;
}

static void put_bare(const struct call *call, size_t i)
{
    if (i >= call->expr->arg_count)
        return;
    bool body = plan_binds(call->expr) && i + 1 == call->expr->arg_count;
    call->emit->binders += body;
    if (i < LETS_MOST && call->given[i] != NULL)
        buf_puts(call->out, call->given[i]);
    else
        emit_expr(call->emit, call->env, call->expr->args[i],
                  emit_argument_typed(call->expr, call->expr->args[i]), call->out);
    call->emit->binders -= body;
}

/* An operand of equal precedence needs parentheses unless it is the first of a left-to-right
 * operator, or and/or/|| in itself. */
static void put_operand(const struct call *call, size_t i, enum precedence least)
{
    if (i >= call->expr->arg_count)
        return;
    bool named = i < LETS_MOST && call->given[i] != NULL;
    enum precedence own =
        named ? PRECEDENCE_ATOM : emit_precedence(call->emit, call->env, call->expr->args[i]);
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

static void put_ordered(const struct call *call, size_t i)
{
    const char *order = call->emit->dialect->text_order;
    bool text = i < call->expr->arg_count && call->expr->args[i]->type.kind == DATA_TEXT;
    if (order == NULL || !text) {
        put_bare(call, i);
        return;
    }
    put_operand(call, i, PRECEDENCE_ATOM);
    buf_puts(call->out, order);
}

void emit_ordered(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                  struct buf *out)
{
    const char *order = expr->type.kind == DATA_TEXT ? emit->dialect->text_order : NULL;
    bool parentheses = order != NULL && emit_precedence(emit, env, expr) < PRECEDENCE_ATOM;
    buf_puts(out, parentheses ? "(" : "");
    emit_expr(emit, env, expr, true, out);
    buf_puts(out, parentheses ? ")" : "");
    buf_puts(out, order != NULL ? order : "");
}

/* ---- what follows a call ------------------------------------------------------------------------
 */

static void put_bound(int64_t rows, struct buf *out)
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

static void put_over(const struct call *call)
{
    const struct plan_expr *expr = call->expr;
    struct buf *out = call->out;
    buf_puts(out, " OVER (");
    for (size_t i = 0; i < expr->partition_count; i++) {
        buf_puts(out, i == 0 ? "PARTITION BY " : ", ");
        emit_expr(call->emit, call->env, expr->partition[i], true, out);
    }
    for (size_t i = 0; i < expr->order_count; i++) {
        buf_puts(out, i > 0 ? ", " : expr->partition_count > 0 ? " ORDER BY " : "ORDER BY ");
        emit_ordered(call->emit, call->env, expr->order[i].expr, out);
        buf_puts(out, expr->order[i].descending ? " DESC" : "");
        buf_puts(out, expr->order[i].nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
    if (expr->frame != NULL) {
        buf_puts(out, " ROWS BETWEEN ");
        put_bound(expr->frame->start, out);
        buf_puts(out, " AND ");
        put_bound(expr->frame->end, out);
    }
    buf_putc(out, ')');
}

/* The window, or the condition. present: nulls of the first argument are left out. */
static void put_filter(const struct call *call, bool present)
{
    const struct plan_expr *where = call->expr->where;
    if (call->expr->kind == PLAN_WINDOW_CALL) {
        put_over(call);
        return;
    }
    if (where == NULL && !present)
        return;
    buf_puts(call->out, " FILTER (WHERE ");
    if (present) {
        put_operand(call, 0, PRECEDENCE_COMPARISON);
        buf_puts(call->out, " IS NOT NULL");
    }
    if (where != NULL) {
        bool parentheses =
            present && emit_precedence(call->emit, call->env, where) < PRECEDENCE_AND;
        buf_puts(call->out, present ? " AND " : "");
        buf_puts(call->out, parentheses ? "(" : "");
        emit_expr(call->emit, call->env, where, true, call->out);
        buf_puts(call->out, parentheses ? ")" : "");
    }
    buf_putc(call->out, ')');
}

/* A literal orders nothing, and DuckDB refuses it there. */
static void put_order_by(const struct call *call, size_t first)
{
    bool any = false;
    for (size_t i = first; i < call->expr->arg_count; i++) {
        const struct plan_expr *key = call->expr->args[i];
        if (key->kind == PLAN_LITERAL ||
            (key->kind == PLAN_COLUMN && call->env->inputs[key->input][key->idx].literal))
            continue;
        buf_puts(call->out, any ? ", " : " ORDER BY ");
        any = true;
        put_ordered(call, i);
        buf_puts(call->out, " NULLS LAST");
    }
}

/* ---- placeholders -------------------------------------------------------------------------------
 */

/* The number at *text, which is moved past it; 0: there is none. */
static size_t read_number(const char **text)
{
    size_t number = 0;
    while (**text >= '0' && **text <= '9')
        number = number * 10 + (size_t)(*(*text)++ - '0');
    return number;
}

/* %D %F %N %O2 %T1 %V at text, after the %. What follows it; NULL: it is none of these. */
static const char *put_letter(const struct call *call, const char *text)
{
    const char *at = text + 1;
    size_t number = text[0] == 'O' || text[0] == 'T' ? read_number(&at) : 0;
    switch (text[0]) {
    case 'V':
        call->emit->binders++;
        emit_element(call->emit, 0, call->out);
        call->emit->binders--;
        return at;
    case 'D':
        buf_puts(call->out, call->expr->distinct ? "DISTINCT " : "");
        return at;
    case 'F':
    case 'N':
        put_filter(call, text[0] == 'N');
        return at;
    case 'O':
        if (number > 0)
            put_order_by(call, number - 1);
        return number > 0 ? at : NULL;
    case 'T':
        if (number > 0)
            put_ordered(call, number - 1);
        return number > 0 ? at : NULL;
    default:
        return NULL;
    }
}

/* One placeholder at text (after $, # or %); returns what follows it. A mark that begins none
 * stands for itself. */
static const char *put_placeholder(const struct call *call, char mark, const char *text)
{
    size_t count = call->expr->arg_count;
    const char *at = text;
    if (*text == '*' && mark == '$') {
        for (size_t i = 0; i < count; i++) {
            if (i > 0)
                buf_puts(call->out, text + 1);
            put_operand(call, i, count == 1 ? PRECEDENCE_OR : call->precedence);
        }
        return "";
    }
    size_t number = read_number(&at);
    if (mark == '%' && *at == '*') {
        for (size_t i = number > 0 ? number - 1 : 0, first = i; i < count; i++) {
            buf_puts(call->out, i > first ? ", " : "");
            put_bare(call, i);
        }
        return at + 1;
    }
    if (number > 0 && mark == '%')
        put_bare(call, number - 1);
    else if (number > 0)
        put_operand(call, number - 1, mark == '#' ? PRECEDENCE_ATOM : call->precedence);
    else
        at = NULL;
    if (at == NULL && mark == '%')
        at = put_letter(call, text);
    if (at != NULL)
        return at;
    buf_putc(call->out, mark);
    return text;
}

static void put_text(const struct call *call, const char *text)
{
    while (*text != '\0') {
        size_t plain = strcspn(text, "$#%");
        buf_add(call->out, text, plain);
        text += plain;
        if (*text != '\0')
            text = put_placeholder(call, *text, text + 1);
    }
}

/* ---- naming arguments first ---------------------------------------------------------------------
 */

static unsigned times_used(const char *text, size_t argument)
{
    unsigned count = 0;
    for (; (text = strpbrk(text, "$#%")) != NULL; text++) {
        const char *digit = text + 1 + (text[0] == '%' && text[1] == 'T');
        count += *digit == (char)('1' + argument) && !(digit[1] >= '0' && digit[1] <= '9');
    }
    return count;
}

/* transform(ARRAY[…], marrow_a1 -> … )[1], one within the other: what stands before the body goes
 * to out, what stands after it is returned. All arguments are named then: an aggregate cannot stand
 * in a lambda. */
static const char *name_by_lambda(struct call *call, const char *text)
{
    struct emit *emit = call->emit;
    const struct plan_expr *expr = call->expr;
    const char *after = "", *names[LETS_MOST] = {NULL};
    struct buf text_of = BUF_INIT;
    bool any = false;
    for (size_t i = 0; i < expr->arg_count && i < LETS_MOST; i++) {
        if (expr->args[i]->kind == PLAN_LITERAL)
            continue;
        buf_clear(&text_of);
        emit_expr(emit, call->env, expr->args[i], true, &text_of);
        any = any || (times_used(text, i) > 1 && text_of.len > EMIT_SHORT_BYTES);
    }
    for (size_t i = 0; any && i < expr->arg_count && i < LETS_MOST; i++) {
        if (expr->args[i]->kind == PLAN_LITERAL)
            continue;
        names[i] = arena_printf(emit->arena, "marrow_a%zu", i + 1);
        buf_puts(call->out, "transform(ARRAY[");
        emit_expr(emit, call->env, expr->args[i], true, call->out);
        buf_printf(call->out, "], %s -> ", names[i] != NULL ? names[i] : "");
        after = arena_printf(emit->arena, "%s)[1]", after);
        emit->failed = emit->failed || names[i] == NULL || after == NULL || text_of.failed;
    }
    buf_done(&text_of);
    memcpy(call->given, names, sizeof names);
    return after != NULL ? after : "";
}

/* The FROM that names them, or empty. A window function is not named: in a subquery it would see
 * that subquery's one row. (A text that looks like one is not named either, which costs nothing but
 * length.) */
static struct str name_arguments(struct call *call, const char *text)
{
    struct emit *emit = call->emit;
    struct buf from = BUF_INIT;
    for (size_t i = 0; i < call->expr->arg_count && i < LETS_MOST; i++) {
        const struct plan_expr *arg = call->expr->args[i];
        if (arg->kind == PLAN_LITERAL || times_used(text, i) < 2)
            continue;
        struct buf text_of = BUF_INIT; /* not the scratch: this call may be on its way into that */
        emit_expr(emit, call->env, arg, true, &text_of);
        bool window = strstr(buf_text(&text_of), " OVER (") != NULL;
        if (text_of.len > EMIT_SHORT_BYTES && !window) {
            call->given[i] = arena_printf(emit->arena, "given.a%zu", i + 1);
            buf_puts(&from, from.len == 0 ? " FROM (SELECT " : ", ");
            buf_add_str(&from, buf_view(&text_of));
            buf_printf(&from, " AS a%zu", i + 1);
            emit->failed = emit->failed || call->given[i] == NULL;
        }
        emit->failed = emit->failed || text_of.failed;
        buf_done(&text_of);
    }
    buf_puts(&from, from.len > 0 ? ") AS given" : "");
    struct str copy = emit_copy(emit, &from);
    buf_done(&from);
    return copy;
}

void emit_template(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                   const char *text, enum precedence precedence, struct buf *out)
{
    struct call call = {emit, env, expr, precedence, out, {NULL}};
    bool scalar = (expr->kind == PLAN_CALL || expr->kind == PLAN_CAST) && !plan_binds(expr);
    struct str from = {NULL, 0};
    if (emit->dialect->lets_by_lambda && scalar) {
        const char *after = name_by_lambda(&call, text);
        put_text(&call, text);
        buf_puts(out, after);
        return;
    }
    if (emit->dialect->lets && !emit->grouped && scalar && precedence == PRECEDENCE_ATOM)
        from = name_arguments(&call, text);
    buf_puts(out, from.len > 0 ? "(SELECT " : "");
    put_text(&call, text);
    buf_add_str(out, from);
    buf_puts(out, from.len > 0 ? ")" : "");
}
