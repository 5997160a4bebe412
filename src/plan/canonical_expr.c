/* Codes of expressions, and the bytes that codes are made of. The rules are at the top of
 * canonical.c. */
#include "plan/canonical_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEAL_BYTES 256

void canon_put_number(struct canonical *c, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        buf_putc(&c->work, (char)(number | 0x80));
    buf_putc(&c->work, (char)number);
}
void canon_put_bytes(struct canonical *c, struct str bytes)
{
    canon_put_number(c, bytes.len);
    buf_add_str(&c->work, bytes);
}
void canon_put_text(struct canonical *c, const char *text) /* NULL and "" differ */
{
    buf_putc(&c->work, text == NULL ? 'n' : 't');
    if (text != NULL)
        canon_put_bytes(c, str_of(text));
}
void canon_put_type(struct canonical *c, struct data_type type)
{
    char text[32];
    if (type.field_count == 0) {
        canon_put_text(c, data_type_text(type, text));
        return;
    }
    AUTO(buf_done) struct buf whole = BUF_INIT;
    data_type_write(type, &whole);
    c->work.failed = c->work.failed || whole.failed;
    canon_put_text(c, buf_text(&whole));
}

/* Take the body that starts at `start` off the stack and make it a code. */
struct str canon_seal(struct canonical *c, size_t start)
{
    size_t length = c->work.len - start;
    if (c->work.failed)
        return (struct str){"", 0};
    struct str code;
    if (length <= SEAL_BYTES) {
        char *copy = arena_strndup(c->arena, c->work.ptr + start, length);
        code = (struct str){copy != NULL ? copy : "", copy != NULL ? length : 0};
    } else {
        char *copy = arena_alloc(c->arena, 1 + HASH_HEX_BYTES);
        code = (struct str){copy != NULL ? copy : "", copy != NULL ? HASH_HEX_BYTES : 0};
        if (copy != NULL) {
            copy[0] = (char)0xFF;
            hash_sha256_of(c->work.ptr + start, length, copy + 1);
        }
    }
    c->work.len = start;
    return code;
}

/* ---- sets of codes ------------------------------------------------------------------------------
 */

void canon_codes_add(struct canonical *c, struct codes *codes, struct str code)
{
    if (codes->count == codes->cap) {
        size_t cap = codes->cap == 0 ? 8 : codes->cap * 2;
        struct str *items = arena_array(c->arena, cap, sizeof *items);
        if (items == NULL)
            return;
        if (codes->count > 0)
            memcpy(items, codes->items, codes->count * sizeof *items);
        codes->items = items;
        codes->cap = cap;
    }
    codes->items[codes->count++] = code;
}
static int compare_codes(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}
void canon_codes_sort(struct codes *codes)
{
    if (codes->count > 1)
        qsort(codes->items, codes->count, sizeof codes->items[0], compare_codes);
}
void canon_codes_unique(struct codes *codes)
{
    size_t kept = 0;
    for (size_t i = 0; i < codes->count; i++)
        if (kept == 0 || !str_equal(codes->items[kept - 1], codes->items[i]))
            codes->items[kept++] = codes->items[i];
    codes->count = kept;
}
void canon_put_codes(struct canonical *c, const struct codes *codes)
{
    canon_put_number(c, codes->count);
    for (size_t i = 0; i < codes->count; i++)
        canon_put_bytes(c, codes->items[i]);
}

/* ---- expressions -------------------------------------------------------------------------------
 */

static struct str code_of_call(struct canonical *c, const char *function, const struct codes *args)
{
    size_t start = c->work.len;
    buf_putc(&c->work, 'f');
    canon_put_text(c, function);
    canon_put_codes(c, args);
    return canon_seal(c, start);
}
static bool is_call(const struct plan_expr *expr, enum plan_function_id id)
{
    return expr->kind == PLAN_CALL && expr->function->id == id;
}

enum family canon_family(const struct plan_expr *expr)
{
    bool mixed = false;
    enum family family = FAMILY_NONE;
    for (size_t i = 0; i < expr->arg_count; i++) {
        enum data_kind kind = expr->args[i]->type.kind;
        bool exact = kind == DATA_BIGINT || kind == DATA_DECIMAL;
        bool time = kind == DATA_DATE || kind == DATA_TIMESTAMP;
        enum family own = exact ? FAMILY_EXACT : time ? FAMILY_TIME : FAMILY_NONE;
        mixed = mixed || (i > 0 && own != family);
        family = own;
    }
    return mixed ? FAMILY_MIXED : family;
}

static bool only_widens(struct data_type from, struct data_type to)
{
    if (from.kind == DATA_DATE)
        return to.kind == DATA_TIMESTAMP;
    if (to.kind != DATA_DECIMAL)
        return false;
    int whole = to.precision - to.scale;
    if (from.kind == DATA_BIGINT)
        return whole >= 19;
    return from.kind == DATA_DECIMAL && to.scale >= from.scale &&
           whole >= from.precision - from.scale;
}

/* An operand of a comparison: bigint 5, decimal 5.00 and cast(5 as decimal) are one there. */
static struct str code_of_operand(struct canonical *c, const struct plan_expr *expr,
                                  enum family family)
{
    bool plain = family == FAMILY_NONE || family == FAMILY_MIXED;
    while (!plain && expr->kind == PLAN_CAST && only_widens(expr->args[0]->type, expr->type))
        expr = expr->args[0];
    if (plain || expr->kind != PLAN_LITERAL || expr->literal == NULL)
        return canon_code_of_expr(c, expr);
    size_t start = c->work.len, length = strlen(expr->literal);
    const char *point = strchr(expr->literal, '.');
    buf_putc(&c->work, family == FAMILY_EXACT ? 'N' : 'M');
    while (family == FAMILY_EXACT && point != NULL &&
           (expr->literal[length - 1] == '0' || expr->literal + length - 1 == point))
        if (expr->literal + --length == point)
            break;
    buf_add(&c->work, expr->literal, length);
    if (expr->type.kind == DATA_DATE)
        buf_puts(&c->work, " 00:00:00");
    return canon_seal(c, start);
}

struct str canon_code_of_comparison(struct canonical *c, enum plan_function_id id,
                                    const struct plan_expr *a, const struct plan_expr *b,
                                    enum family family)
{
    bool turned = id == PLAN_FUNCTION_GT || id == PLAN_FUNCTION_GE;
    struct str items[] = {code_of_operand(c, turned ? b : a, family),
                          code_of_operand(c, turned ? a : b, family)};
    struct codes args = {items, 2, 2};
    if (turned)
        id = id == PLAN_FUNCTION_GT ? PLAN_FUNCTION_LT : PLAN_FUNCTION_LE;
    const struct plan_function *function = plan_function_at((size_t)id);
    if (function->commutative)
        canon_codes_sort(&args);
    return code_of_call(c, function->name, &args);
}

/* not(a = b) is a <> b also where one is null; so for the rest of the comparisons.
 * PLAN_FUNCTIONS_END: no such function. */
static enum plan_function_id inverse_of(enum plan_function_id id)
{
    static const enum plan_function_id PAIRS[][2] = {
        {PLAN_FUNCTION_EQ, PLAN_FUNCTION_NE},
        {PLAN_FUNCTION_LT, PLAN_FUNCTION_GE},
        {PLAN_FUNCTION_GT, PLAN_FUNCTION_LE},
        {PLAN_FUNCTION_IS_NULL, PLAN_FUNCTION_IS_NOT_NULL},
        {PLAN_FUNCTION_AND, PLAN_FUNCTION_OR}};
    for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++)
        for (size_t side = 0; side < 2; side++)
            if (PAIRS[i][side] == id)
                return PAIRS[i][1 - side];
    return PLAN_FUNCTIONS_END;
}

static struct str code_of_truth(struct canonical *c, const struct plan_expr *expr, bool negated);

static bool is_boolean(const struct plan_expr *expr, bool value)
{
    return expr->kind == PLAN_LITERAL && expr->type.kind == DATA_BOOLEAN && expr->literal != NULL &&
           (expr->literal[0] == 't') == value;
}
static struct str code_of_boolean(struct canonical *c, bool value)
{
    size_t start = c->work.len;
    buf_putc(&c->work, 'l');
    canon_put_type(c, DATA_TYPE(BOOLEAN));
    canon_put_text(c, value ? "true" : "false");
    return canon_seal(c, start);
}

/* Operands of nested and's (or's) as codes. negated: of not(expr). */
void canon_conjuncts(struct canonical *c, const struct plan_expr *expr, bool negated,
                     enum plan_function_id id, struct codes *codes)
{
    while (is_call(expr, PLAN_FUNCTION_NOT)) {
        expr = expr->args[0];
        negated = !negated;
    }
    if (is_boolean(expr,
                   (id == PLAN_FUNCTION_AND) != negated)) /* x and true is x, x or false too */
        return;
    enum plan_function_id own = expr->kind == PLAN_CALL ? expr->function->id : PLAN_FUNCTIONS_END;
    enum plan_function_id joint = own == PLAN_FUNCTION_BETWEEN ? PLAN_FUNCTION_AND
                                  : own == PLAN_FUNCTION_IN    ? PLAN_FUNCTION_OR
                                                               : own;
    bool joins = joint == PLAN_FUNCTION_AND || joint == PLAN_FUNCTION_OR;
    enum family family = joins && own != joint ? canon_family(expr) : FAMILY_NONE;
    if (!joins || family == FAMILY_MIXED || (negated ? inverse_of(joint) : joint) != id) {
        canon_codes_add(c, codes, code_of_truth(c, expr, negated));
        return;
    }
    if (own == PLAN_FUNCTION_BETWEEN) {
        enum plan_function_id le = negated ? PLAN_FUNCTION_GT : PLAN_FUNCTION_LE;
        canon_codes_add(c, codes,
                        canon_code_of_comparison(c, le, expr->args[1], expr->args[0], family));
        canon_codes_add(c, codes,
                        canon_code_of_comparison(c, le, expr->args[0], expr->args[2], family));
        return;
    }
    for (size_t i = own == PLAN_FUNCTION_IN ? 1 : 0; i < expr->arg_count; i++)
        if (own == PLAN_FUNCTION_IN)
            canon_codes_add(c, codes,
                            canon_code_of_comparison(c,
                                                     negated ? PLAN_FUNCTION_NE : PLAN_FUNCTION_EQ,
                                                     expr->args[0], expr->args[i], family));
        else
            canon_conjuncts(c, expr->args[i], negated, id, codes);
}
static struct str code_of_set(struct canonical *c, const struct plan_expr *expr, bool negated,
                              enum plan_function_id id)
{
    struct codes codes = {0};
    canon_conjuncts(c, expr, negated, id, &codes);
    canon_codes_sort(&codes);
    canon_codes_unique(&codes);
    if (codes.count == 0)
        return code_of_boolean(c, id == PLAN_FUNCTION_AND);
    return codes.count == 1 ? codes.items[0]
                            : code_of_call(c, plan_function_at((size_t)id)->name, &codes);
}

static struct str code_of_plain_call(struct canonical *c, const struct plan_expr *expr,
                                     enum family family)
{
    struct codes args = {0};
    for (size_t i = 0; i < expr->arg_count; i++)
        canon_codes_add(c, &args, code_of_operand(c, expr->args[i], family));
    if (expr->function->commutative)
        canon_codes_sort(&args);
    return code_of_call(c, expr->function->name, &args);
}
static struct str code_of_not(struct canonical *c, struct str code)
{
    struct codes args = {&code, 1, 1};
    return code_of_call(c, "not", &args);
}

/* A boolean, or its negation. */
static struct str code_of_truth(struct canonical *c, const struct plan_expr *expr, bool negated)
{
    for (; is_call(expr, PLAN_FUNCTION_NOT); expr = expr->args[0])
        negated = !negated;
    if (negated && (is_boolean(expr, true) || is_boolean(expr, false)))
        return code_of_boolean(c, is_boolean(expr, false));
    if (expr->kind != PLAN_CALL)
        return negated ? code_of_not(c, canon_code_of_expr(c, expr)) : canon_code_of_expr(c, expr);
    enum plan_function_id id = expr->function->id;
    bool set = id == PLAN_FUNCTION_BETWEEN || id == PLAN_FUNCTION_IN;
    if (id == PLAN_FUNCTION_AND || id == PLAN_FUNCTION_OR ||
        (set && canon_family(expr) != FAMILY_MIXED)) {
        if (id == PLAN_FUNCTION_BETWEEN)
            id = PLAN_FUNCTION_AND;
        if (id == PLAN_FUNCTION_IN)
            id = PLAN_FUNCTION_OR;
        return code_of_set(c, expr, negated, negated ? inverse_of(id) : id);
    }
    enum plan_function_id inverse = inverse_of(id);
    if (inverse != PLAN_FUNCTIONS_END &&
        (id == PLAN_FUNCTION_IS_NULL || id == PLAN_FUNCTION_IS_NOT_NULL)) {
        struct str arg = canon_code_of_expr(c, expr->args[0]);
        struct codes args = {&arg, 1, 1};
        return code_of_call(c, plan_function_at((size_t)(negated ? inverse : id))->name, &args);
    }
    if (inverse != PLAN_FUNCTIONS_END)
        return canon_code_of_comparison(c, negated ? inverse : id, expr->args[0], expr->args[1],
                                        canon_family(expr));
    enum family family = id == PLAN_FUNCTION_IS_DISTINCT_FROM ? canon_family(expr) : FAMILY_NONE;
    struct str code = code_of_plain_call(c, expr, family);
    return negated ? code_of_not(c, code) : code;
}

void canon_put_exprs(struct canonical *c, const struct plan_expr *const *exprs, size_t count)
{
    canon_put_number(c, count);
    for (size_t i = 0; i < count; i++)
        canon_put_bytes(c, canon_code_of_expr(c, exprs[i]));
}
void canon_put_set(struct canonical *c, const struct plan_expr *const *exprs, size_t count)
{
    struct codes codes = {0};
    for (size_t i = 0; i < count; i++)
        canon_codes_add(c, &codes, canon_code_of_expr(c, exprs[i]));
    canon_codes_sort(&codes);
    canon_codes_unique(&codes);
    canon_put_codes(c, &codes);
}
static bool is_among(const struct codes *codes, struct str code)
{
    for (size_t i = 0; i < codes->count; i++)
        if (str_equal(codes->items[i], code))
            return true;
    return false;
}
/* Keys that came before decide nothing. */
void canon_put_order(struct canonical *c, const struct plan_order *order, size_t count)
{
    struct codes seen = {0};
    for (size_t i = 0; i < count; i++) {
        struct str code = canon_code_of_expr(c, order[i].expr);
        if (is_among(&seen, code))
            continue;
        canon_codes_add(c, &seen, code);
        buf_putc(&c->work, order[i].descending ? 'd' : 'a');
        buf_putc(&c->work, order[i].nulls_first ? 'f' : 'l');
        canon_put_bytes(c, code);
    }
    buf_putc(&c->work, 'e');
}
void canon_put_int(struct canonical *c, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)number);
    canon_put_text(c, text);
}
static void put_window(struct canonical *c, const struct plan_expr *expr)
{
    buf_putc(&c->work, 'o');
    canon_put_text(c, expr->function->name);
    canon_put_exprs(c, expr->args, expr->arg_count);
    canon_put_set(c, expr->partition, expr->partition_count);
    canon_put_order(c, expr->order, expr->order_count);
    buf_putc(&c->work, expr->frame != NULL ? 'r' : 'n');
    if (expr->frame != NULL) {
        canon_put_int(c, expr->frame->start);
        canon_put_int(c, expr->frame->end);
    }
}

static struct str code_of_side(struct canonical *c, size_t side, struct str code)
{
    size_t start = c->work.len;
    buf_putc(&c->work, 'j');
    buf_putc(&c->work, side == 0 ? '0' : '1');
    buf_add_str(&c->work, code);
    return canon_seal(c, start);
}
struct str canon_code_of_column(struct canonical *c, size_t side, size_t idx)
{
    struct str code = c->rows[c->at->inputs[side]->id].columns[idx];
    bool two = c->at->input_count == 2 && c->at->kind != PLAN_UNION;
    return two ? code_of_side(c, side ^ (c->rows[c->at->id].swapped ? 1u : 0u), code) : code;
}

static struct str code_of_new_expr(struct canonical *c, const struct plan_expr *expr)
{
    size_t start = c->work.len;
    switch (expr->kind) {
    case PLAN_COLUMN:
        return canon_code_of_column(c, expr->input, expr->idx);
    case PLAN_LITERAL:
        buf_putc(&c->work, 'l');
        canon_put_type(c, expr->type);
        canon_put_text(c, expr->literal);
        break;
    case PLAN_PARAM:
        buf_putc(&c->work, 'p');
        canon_put_type(c, expr->type);
        canon_put_text(c, expr->name);
        break;
    case PLAN_ELEMENT:
        buf_printf(&c->work, "e%zu", expr->idx);
        canon_put_type(c, expr->type);
        break;
    case PLAN_CALL:
        return code_of_truth(c, expr, false);
    case PLAN_CAST:
        buf_putc(&c->work, expr->try_cast ? 'T' : 'k');
        canon_put_type(c, expr->type);
        canon_put_exprs(c, expr->args, expr->arg_count);
        break;
    case PLAN_CASE:
        buf_putc(&c->work, 'w');
        canon_put_exprs(c, expr->args, expr->arg_count);
        break;
    case PLAN_STRUCT:
        buf_putc(&c->work, 's');
        canon_put_type(c, expr->type);
        canon_put_exprs(c, expr->args, expr->arg_count);
        break;
    case PLAN_FIELD:
        for (size_t i = 0; expr->args[0]->kind == PLAN_STRUCT && i < expr->args[0]->arg_count; i++)
            if (strcmp(expr->args[0]->type.fields[i].name, expr->name) == 0)
                return canon_code_of_expr(c, expr->args[0]->args[i]);
        buf_putc(&c->work, '.');
        canon_put_text(c, expr->name);
        canon_put_exprs(c, expr->args, expr->arg_count);
        break;
    case PLAN_AGGREGATE_CALL:
        buf_putc(&c->work, expr->distinct ? 'D' : 'a');
        canon_put_text(c, expr->function->name);
        canon_put_exprs(c, expr->args, expr->arg_count);
        canon_put_exprs(c, &expr->where, expr->where != NULL ? 1 : 0);
        break;
    case PLAN_WINDOW_CALL:
        put_window(c, expr);
        break;
    }
    return canon_seal(c, start);
}

struct str canon_code_of_expr(struct canonical *c, const struct plan_expr *expr)
{
    struct memo *memo = &c->memo[expr->id];
    if (memo->at != c->at) {
        struct str code = code_of_new_expr(c, expr);
        *memo = (struct memo){c->at, code};
    }
    return memo->code;
}
