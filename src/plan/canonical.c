/* Canonical bytes: what a plan means, however it was written. Every node has a code:
 *
 *     code = body            when the body is at most SEAL_BYTES long, else   code = 0xFF
 * sha256(body) body = tag, then fields; texts and parts' codes each preceded by their length
 * (LEB128) plan = PLAN_FORMAT_VERSION, body of the root
 *
 * so a code is bounded and memoised by node id: a relation used many times costs once, and equal
 * parts have equal codes whether shared or written twice. Rules applied on the way (each keeps the
 * rows): and, or: flattened, sorted, repeated operands dropped; filter over filter: one set of
 * conjuncts; commutative operands and the keys of a join sorted; union inputs sorted; not(not x) →
 * x; not(a = b) → a <> b and its like; a > b → b < a; x between a and b → a <= x and x <= b; in:
 * list sorted, of one value → =. Labels and ids are left out. */
#include "plan/plan_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEAL_BYTES 256

struct canonical {
    struct arena *arena;
    struct str *memo;            /* by node id; ptr NULL = not yet */
    struct buf work;             /* bodies being built, a stack */
    const struct plan_rel *root; /* its body is not sealed */
};

static struct str code_of_rel(struct canonical *c, const struct plan_rel *rel);
static struct str code_of_expr(struct canonical *c, const struct plan_expr *expr);

static void put_number(struct canonical *c, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        buf_putc(&c->work, (char)(number | 0x80));
    buf_putc(&c->work, (char)number);
}
static void put_bytes(struct canonical *c, struct str bytes)
{
    put_number(c, bytes.len);
    buf_add_str(&c->work, bytes);
}
static void put_text(struct canonical *c, const char *text) /* NULL and "" differ */
{
    buf_putc(&c->work, text == NULL ? 'n' : 't');
    if (text != NULL)
        put_bytes(c, str_of(text));
}
static void put_type(struct canonical *c, struct data_type type)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    data_type_write(type, &text);
    c->work.failed = c->work.failed || text.failed;
    put_text(c, buf_text(&text));
}

/* Take the body that starts at `start` off the stack and make it a code. */
static struct str seal(struct canonical *c, size_t start, bool whole)
{
    size_t length = c->work.len - start;
    if (c->work.failed)
        return (struct str){"", 0};
    struct str code;
    if (length <= SEAL_BYTES || whole) {
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

struct codes {
    struct str *items;
    size_t count, cap;
};
static void codes_add(struct canonical *c, struct codes *codes, struct str code)
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
static void codes_sort(struct codes *codes)
{
    if (codes->count > 1)
        qsort(codes->items, codes->count, sizeof codes->items[0], compare_codes);
}
static void codes_unique(struct codes *codes)
{
    size_t kept = 0;
    for (size_t i = 0; i < codes->count; i++)
        if (kept == 0 || !str_equal(codes->items[kept - 1], codes->items[i]))
            codes->items[kept++] = codes->items[i];
    codes->count = kept;
}
static void put_codes(struct canonical *c, const struct codes *codes)
{
    put_number(c, codes->count);
    for (size_t i = 0; i < codes->count; i++)
        put_bytes(c, codes->items[i]);
}

/* ---- expressions --------------------------------------------------------------------------------
 */

static struct str code_of_call(struct canonical *c, const char *function, const struct codes *args)
{
    size_t start = c->work.len;
    buf_putc(&c->work, 'f');
    put_text(c, function);
    put_codes(c, args);
    return seal(c, start, false);
}
static struct str code_of_pair(struct canonical *c, const char *function, const struct plan_expr *a,
                               const struct plan_expr *b)
{
    struct codes args = {0};
    codes_add(c, &args, code_of_expr(c, a));
    codes_add(c, &args, code_of_expr(c, b));
    return code_of_call(c, function, &args);
}

static bool is_call(const struct plan_expr *expr, enum plan_function_id id)
{
    return expr->kind == PLAN_CALL && expr->function->id == id;
}
static const struct plan_expr *without_double_not(const struct plan_expr *expr)
{
    while (is_call(expr, PLAN_FUNCTION_NOT) && is_call(expr->args[0], PLAN_FUNCTION_NOT))
        expr = expr->args[0]->args[0];
    return expr;
}

/* Operands of nested and's (or's), as codes. */
static void collect(struct canonical *c, const struct plan_expr *expr, enum plan_function_id id,
                    struct codes *codes)
{
    expr = without_double_not(expr);
    if (is_call(expr, id)) {
        for (size_t i = 0; i < expr->arg_count; i++)
            collect(c, expr->args[i], id, codes);
    } else if (id == PLAN_FUNCTION_AND && is_call(expr, PLAN_FUNCTION_BETWEEN)) {
        codes_add(c, codes, code_of_pair(c, "le", expr->args[1], expr->args[0]));
        codes_add(c, codes, code_of_pair(c, "le", expr->args[0], expr->args[2]));
    } else {
        codes_add(c, codes, code_of_expr(c, expr));
    }
}
static struct str code_of_set(struct canonical *c, const struct plan_expr *expr,
                              enum plan_function_id id)
{
    struct codes codes = {0};
    collect(c, expr, id, &codes);
    codes_sort(&codes);
    codes_unique(&codes);
    return codes.count == 1 ? codes.items[0]
                            : code_of_call(c, id == PLAN_FUNCTION_AND ? "and" : "or", &codes);
}

/* not(a = b) is a <> b also where one is null; so for the rest of the comparisons. */
static const char *inverse_of(enum plan_function_id id)
{
    static const struct {
        enum plan_function_id id;
        const char *inverse;
    } INVERSE[] = {{PLAN_FUNCTION_EQ, "ne"},
                   {PLAN_FUNCTION_NE, "eq"},
                   {PLAN_FUNCTION_LT, "ge"},
                   {PLAN_FUNCTION_GE, "lt"},
                   {PLAN_FUNCTION_GT, "le"},
                   {PLAN_FUNCTION_LE, "gt"},
                   {PLAN_FUNCTION_IS_NULL, "is_not_null"},
                   {PLAN_FUNCTION_IS_NOT_NULL, "is_null"}};
    for (size_t i = 0; i < sizeof INVERSE / sizeof INVERSE[0]; i++)
        if (INVERSE[i].id == id)
            return INVERSE[i].inverse;
    return NULL;
}

static struct str code_of_scalar(struct canonical *c, const struct plan_function *function,
                                 const struct plan_expr *expr)
{
    if (function->id == PLAN_FUNCTION_GT)
        return code_of_pair(c, "lt", expr->args[1], expr->args[0]);
    if (function->id == PLAN_FUNCTION_GE)
        return code_of_pair(c, "le", expr->args[1], expr->args[0]);
    struct codes args = {0};
    for (size_t i = 0; i < expr->arg_count; i++)
        codes_add(c, &args, code_of_expr(c, expr->args[i]));
    const char *name = function->name;
    if (function->id == PLAN_FUNCTION_IN && args.count > 1) {
        struct codes list = {args.items + 1, args.count - 1, args.count - 1};
        codes_sort(&list);
        codes_unique(&list);
        args.count = list.count + 1;
        name = list.count == 1 ? "eq" : name;
        if (list.count == 1)
            codes_sort(&args);
    } else if (function->commutative) {
        codes_sort(&args);
    }
    return code_of_call(c, name, &args);
}

static struct str code_of_scalar_call(struct canonical *c, const struct plan_expr *expr)
{
    expr = without_double_not(expr);
    if (expr->kind != PLAN_CALL)
        return code_of_expr(c, expr);
    if (is_call(expr, PLAN_FUNCTION_AND) || is_call(expr, PLAN_FUNCTION_BETWEEN))
        return code_of_set(c, expr, PLAN_FUNCTION_AND);
    if (is_call(expr, PLAN_FUNCTION_OR))
        return code_of_set(c, expr, PLAN_FUNCTION_OR);
    if (is_call(expr, PLAN_FUNCTION_NOT) && expr->args[0]->kind == PLAN_CALL) {
        const char *inverse = inverse_of(expr->args[0]->function->id);
        if (inverse != NULL)
            return code_of_scalar(c, plan_function_find(inverse), expr->args[0]);
    }
    return code_of_scalar(c, expr->function, expr);
}

static void put_exprs(struct canonical *c, const struct plan_expr *const *exprs, size_t count)
{
    put_number(c, count);
    for (size_t i = 0; i < count; i++)
        put_bytes(c, code_of_expr(c, exprs[i]));
}
static void put_order(struct canonical *c, const struct plan_order *order, size_t count)
{
    put_number(c, count);
    for (size_t i = 0; i < count; i++) {
        buf_putc(&c->work, order[i].descending ? 'd' : 'a');
        buf_putc(&c->work, order[i].nulls_first ? 'f' : 'l');
        put_bytes(c, code_of_expr(c, order[i].expr));
    }
}

static void put_int(struct canonical *c, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)number);
    put_text(c, text);
}
static void put_frame(struct canonical *c, const struct plan_frame *frame)
{
    buf_putc(&c->work, frame != NULL ? 'r' : 'n');
    if (frame == NULL)
        return;
    put_int(c, frame->start);
    put_int(c, frame->end);
}

static struct str code_of_plain_expr(struct canonical *c, const struct plan_expr *expr)
{
    size_t start = c->work.len;
    switch (expr->kind) {
    case PLAN_COLUMN:
        buf_putc(&c->work, expr->input == 0 ? 'c' : 'C');
        put_text(c, expr->name);
        break;
    case PLAN_LITERAL:
        buf_putc(&c->work, 'l');
        put_type(c, expr->type);
        put_text(c, expr->literal);
        break;
    case PLAN_PARAM:
        buf_putc(&c->work, 'p');
        put_type(c, expr->type);
        put_text(c, expr->name);
        break;
    case PLAN_CALL:
        return code_of_scalar_call(c, expr);
    case PLAN_CAST:
        buf_putc(&c->work, expr->try_cast ? 'T' : 'k');
        put_type(c, expr->type);
        put_exprs(c, expr->args, expr->arg_count);
        break;
    case PLAN_CASE:
        buf_putc(&c->work, 'w');
        put_exprs(c, expr->args, expr->arg_count);
        break;
    case PLAN_STRUCT:
        buf_putc(&c->work, 's');
        put_type(c, expr->type);
        put_exprs(c, expr->args, expr->arg_count);
        break;
    case PLAN_FIELD:
        buf_putc(&c->work, '.');
        put_text(c, expr->name);
        put_exprs(c, expr->args, expr->arg_count);
        break;
    case PLAN_AGGREGATE_CALL:
        buf_putc(&c->work, expr->distinct ? 'D' : 'a');
        put_text(c, expr->function->name);
        put_exprs(c, expr->args, expr->arg_count);
        put_exprs(c, &expr->where, expr->where != NULL ? 1 : 0);
        break;
    case PLAN_WINDOW_CALL:
        buf_putc(&c->work, 'o');
        put_text(c, expr->function->name);
        put_exprs(c, expr->args, expr->arg_count);
        put_exprs(c, expr->partition, expr->partition_count);
        put_order(c, expr->order, expr->order_count);
        put_frame(c, expr->frame);
        break;
    }
    return seal(c, start, false);
}

static struct str code_of_expr(struct canonical *c, const struct plan_expr *expr)
{
    struct str *memo = &c->memo[expr->id];
    if (memo->ptr == NULL)
        *memo = code_of_plain_expr(c, expr);
    return *memo;
}

/* ---- relations ----------------------------------------------------------------------------------
 */

static void put_named(struct canonical *c, const struct plan_named *named, size_t count)
{
    put_number(c, count);
    for (size_t i = 0; i < count; i++) {
        put_text(c, named[i].name);
        put_bytes(c, code_of_expr(c, named[i].expr));
    }
}

static void put_columns(struct canonical *c, const struct plan_rel *rel)
{
    put_number(c, rel->column_count);
    for (size_t i = 0; i < rel->column_count; i++) {
        put_text(c, rel->columns[i].name);
        put_type(c, rel->columns[i].type);
    }
}
static void put_scan(struct canonical *c, const struct plan_rel *rel)
{
    buf_putc(&c->work, 'S');
    put_text(c, rel->table);
    put_text(c, rel->table_identity);
    put_columns(c, rel);
}

static void put_span(struct canonical *c, const struct plan_span *span)
{
    buf_putc(&c->work, span != NULL ? 's' : 'n');
    if (span == NULL)
        return;
    const struct plan_expr *times[] = {span->left_start, span->left_end, span->right_start,
                                       span->right_end};
    for (size_t i = 0; i < 4; i++)
        put_exprs(c, &times[i], times[i] != NULL ? 1 : 0);
    buf_putc(&c->work, span->closed ? 'c' : 'o');
    buf_putc(&c->work, span->forward ? 'f' : 'b');
    put_int(c, span->gap);
    put_text(c, span->start_name);
    put_text(c, span->end_name);
    put_text(c, span->count_name);
}

static void put_filter(struct canonical *c, const struct plan_rel *rel)
{
    struct codes conjuncts = {0};
    for (; rel->kind == PLAN_FILTER; rel = rel->inputs[0])
        collect(c, rel->predicate, PLAN_FUNCTION_AND, &conjuncts);
    codes_sort(&conjuncts);
    codes_unique(&conjuncts);
    buf_putc(&c->work, 'F');
    put_codes(c, &conjuncts);
    put_bytes(c, code_of_rel(c, rel));
}

static void put_join(struct canonical *c, const struct plan_rel *rel)
{
    struct codes keys = {0};
    for (size_t i = 0; i < rel->key_count; i++) {
        size_t start = c->work.len;
        put_exprs(c, &rel->left_keys[i], 1);
        put_exprs(c, &rel->right_keys[i], 1);
        codes_add(c, &keys, seal(c, start, false));
    }
    codes_sort(&keys);
    codes_unique(&keys);
    struct codes residual = {0};
    if (rel->predicate != NULL)
        collect(c, rel->predicate, PLAN_FUNCTION_AND, &residual);
    codes_sort(&residual);
    codes_unique(&residual);
    buf_putc(&c->work, rel->kind == PLAN_JOIN ? 'J' : 'I');
    put_text(c, plan_join_kind_text(rel->join));
    put_bytes(c, code_of_rel(c, rel->inputs[0]));
    put_bytes(c, code_of_rel(c, rel->inputs[1]));
    put_codes(c, &keys);
    put_codes(c, &residual);
    put_span(c, rel->span);
    put_order(c, rel->order, rel->order_count);
}

static void put_values(struct canonical *c, const struct plan_rel *rel)
{
    buf_putc(&c->work, 'V');
    put_columns(c, rel);
    put_exprs(c, rel->cells, rel->row_count * rel->column_count);
}

/* Rows of a union come in no order, so its inputs have none; its names are those of the first as
 * written. */
static void put_union(struct canonical *c, const struct plan_rel *rel)
{
    struct codes inputs = {0};
    for (size_t i = 0; i < rel->input_count; i++)
        codes_add(c, &inputs, code_of_rel(c, rel->inputs[i]));
    codes_sort(&inputs);
    buf_putc(&c->work, 'U');
    put_number(c, rel->column_count);
    for (size_t i = 0; i < rel->column_count; i++)
        put_text(c, rel->columns[i].name);
    put_codes(c, &inputs);
}

static void put_rel(struct canonical *c, const struct plan_rel *rel)
{
    switch (rel->kind) {
    case PLAN_SCAN:
        put_scan(c, rel);
        return;
    case PLAN_FILTER:
        put_filter(c, rel);
        return;
    case PLAN_JOIN:
    case PLAN_INTERVAL_JOIN:
        put_join(c, rel);
        return;
    case PLAN_VALUES:
        put_values(c, rel);
        return;
    case PLAN_UNION:
        put_union(c, rel);
        return;
    case PLAN_PROJECT:
        buf_putc(&c->work, 'P');
        put_named(c, rel->outputs, rel->output_count);
        break;
    case PLAN_AGGREGATE:
        buf_putc(&c->work, 'A');
        put_named(c, rel->groups, rel->group_count);
        put_named(c, rel->outputs, rel->output_count);
        break;
    case PLAN_SORT:
        buf_putc(&c->work, 'O');
        put_order(c, rel->order, rel->order_count);
        break;
    case PLAN_LIMIT:
        buf_putc(&c->work, 'L');
        put_number(c, (uint64_t)(rel->limit + 1));
        put_number(c, (uint64_t)rel->offset);
        break;
    case PLAN_DISTINCT:
        buf_putc(&c->work, 'D');
        break;
    case PLAN_WINDOW:
        buf_putc(&c->work, 'W');
        put_named(c, rel->outputs, rel->output_count);
        break;
    case PLAN_EXPLODE:
        buf_putc(&c->work, rel->keep_empty ? 'X' : 'x');
        put_named(c, rel->outputs, rel->output_count);
        put_text(c, rel->ordinality);
        break;
    case PLAN_DEDUPE:
        buf_putc(&c->work, 'K');
        put_exprs(c, rel->left_keys, rel->key_count);
        put_order(c, rel->order, rel->order_count);
        break;
    case PLAN_INTERVAL_MERGE:
        buf_putc(&c->work, 'M');
        put_named(c, rel->groups, rel->group_count);
        put_span(c, rel->span);
        break;
    }
    put_bytes(c, code_of_rel(c, rel->inputs[0]));
}

static struct str code_of_rel(struct canonical *c, const struct plan_rel *rel)
{
    struct str *memo = &c->memo[rel->id];
    if (memo->ptr == NULL) {
        size_t start = c->work.len;
        put_rel(c, rel);
        *memo = seal(c, start, rel == c->root);
    }
    return *memo;
}

enum err_code plan_canonical(const struct plan_rel *root, struct buf *ret, struct err *err)
{
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct canonical c = {.arena = arena, .root = root};
    c.memo = arena == NULL ? NULL : arena_array(arena, (size_t)root->id + 1, sizeof *c.memo);
    if (c.memo == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan's canonical form");
    struct str code = code_of_rel(&c, root);
    bool failed = c.work.failed || arena_failed(arena);
    buf_done(&c.work);
    if (failed)
        return err_set(err, ERR_MEMORY, "no memory for the plan's canonical form");
    buf_putc(ret, PLAN_FORMAT_VERSION);
    buf_add_str(ret, code);
    return buf_check(ret, err);
}

enum err_code plan_signature(const struct plan_rel *root, char ret_hex[65], struct err *err)
{
    struct buf bytes = BUF_INIT;
    enum err_code code = plan_canonical(root, &bytes, err);
    if (code == ERR_OK)
        hash_sha256_of(bytes.ptr, bytes.len, ret_hex);
    buf_done(&bytes);
    return code;
}
