/* Expressions: each constructor checks arity and types at once and gives the node its type. Columns
 * are bound by name to the relation they are read from; build_rel.c checks that it is the one they
 * are used in. */
#include "plan/plan_priv.h"

#include <stdio.h>
#include <string.h>

static struct plan_expr *expr_new(struct plan *plan, enum plan_expr_kind kind,
                                  struct data_type type)
{
    uint32_t id = plan_next_id(plan);
    struct plan_expr *expr = id == 0 ? NULL : plan_alloc(plan, 1, sizeof *expr);
    if (expr == NULL)
        return NULL;
    expr->kind = kind;
    expr->type = type;
    expr->id = id;
    expr->depth = 1;
    expr->size = 1;
    return expr;
}

/* Count a part's depth and size into the whole; false when a limit is passed. */
static bool expr_adopt(struct plan *plan, struct plan_expr *expr, const struct plan_expr *part)
{
    if (part == NULL)
        return true;
    if (part->depth >= expr->depth)
        expr->depth = part->depth + 1;
    expr->size += part->size;
    if (part->open > expr->open)
        expr->open = part->open;
    if (expr->depth > PLAN_LIMIT_EXPR_DEPTH) {
        plan_fail(plan, ERR_LIMIT, "an expression is nested more than %d deep",
                  PLAN_LIMIT_EXPR_DEPTH);
        return false;
    }
    if (expr->size > PLAN_LIMIT_EXPR_SIZE) {
        plan_fail(plan, ERR_LIMIT, "an expression has more than %d parts", PLAN_LIMIT_EXPR_SIZE);
        return false;
    }
    return true;
}

bool plan_binds(const struct plan_expr *expr)
{
    enum plan_function_id id = expr->kind == PLAN_CALL ? expr->function->id : PLAN_FUNCTIONS_END;
    return id == PLAN_FUNCTION_LET || id == PLAN_FUNCTION_LIST_TRANSFORM ||
           id == PLAN_FUNCTION_LIST_FILTER || id == PLAN_FUNCTION_LIST_FLAT;
}

/* Are the body's elements, seen from `outer` list functions within, of the type? */
static bool elements_are(const struct plan_expr *expr, size_t outer, struct data_type type)
{
    if (expr->open <= outer)
        return true;
    if (expr->kind == PLAN_ELEMENT)
        return expr->idx != outer || data_type_equal(expr->type, type);
    for (size_t i = 0; i < expr->arg_count; i++) {
        bool body = plan_binds(expr) && i + 1 == expr->arg_count;
        if (!elements_are(expr->args[i], outer + body, type))
            return false;
    }
    return true;
}

/* The body's own element is no longer open outside of it. */
static bool bind_body(struct plan *plan, struct plan_expr *expr)
{
    const struct plan_expr *body = expr->args[expr->arg_count - 1];
    struct data_type type = expr->args[0]->type;
    if (expr->function->id != PLAN_FUNCTION_LET)
        type = type.fields[0].type;
    expr->open = expr->args[0]->open;
    if (body->open > expr->open + 1)
        expr->open = body->open - 1;
    if (elements_are(body, 0, type))
        return true;
    char text[32];
    plan_fail(plan, ERR_INPUT, "%s: expected an element of type %s in the body",
              expr->function->name, data_type_text(type, text));
    return false;
}

static bool expr_adopt_args(struct plan *plan, struct plan_expr *expr)
{
    for (size_t i = 0; i < expr->arg_count; i++)
        if (!expr_adopt(plan, expr, expr->args[i]))
            return false;
    return true;
}

const struct plan_expr *const *plan_exprs_copy(struct plan *plan,
                                               const struct plan_expr *const *exprs, size_t count)
{
    const struct plan_expr **copy = plan_alloc(plan, count, sizeof *copy);
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (exprs[i] == NULL) {
            plan_fail(plan, ERR_INPUT, "expression %zu of %zu is missing", i + 1, count);
            return NULL;
        }
        copy[i] = exprs[i];
    }
    return copy;
}

const struct plan_order *plan_order_copy(struct plan *plan, const struct plan_order *order,
                                         size_t count)
{
    struct plan_order *copy = plan_alloc(plan, count, sizeof *copy);
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (order[i].expr == NULL) {
            plan_fail(plan, ERR_INPUT, "sort key %zu of %zu is missing", i + 1, count);
            return NULL;
        }
        if (!plan_type_ordered(order[i].expr->type)) {
            char type[32];
            plan_fail(plan, ERR_INPUT, "sort key %zu is of type %s, which has no order", i + 1,
                      data_type_text(order[i].expr->type, type));
            return NULL;
        }
        copy[i] = order[i];
    }
    return copy;
}

static const struct plan_expr *column_of(struct plan *plan, const struct plan_rel *input,
                                         size_t side, const char *name)
{
    if (plan_failed(plan) || input == NULL)
        return NULL;
    if (name == NULL) {
        plan_fail(plan, ERR_INPUT, "%s: a column without a name", plan_describe(plan, input));
        return NULL;
    }
    int64_t at = plan_column_find(input, name);
    if (at < 0) {
        plan_fail_column(plan, input, name);
        return NULL;
    }
    struct plan_expr *expr = expr_new(plan, PLAN_COLUMN, input->columns[at].type);
    if (expr == NULL)
        return NULL;
    expr->name = input->columns[at].name;
    expr->input = side;
    expr->idx = (size_t)at;
    return expr;
}
const struct plan_expr *plan_column(struct plan *plan, const struct plan_rel *input,
                                    const char *name)
{
    return column_of(plan, input, 0, name);
}
const struct plan_expr *plan_column_right(struct plan *plan, const struct plan_rel *right,
                                          const char *name)
{
    return column_of(plan, right, 1, name);
}

const struct plan_expr *plan_literal(struct plan *plan, struct data_type type,
                                     const char *canonical_text)
{
    struct plan_expr *expr = expr_new(plan, PLAN_LITERAL, type);
    if (expr == NULL)
        return NULL;
    char name[32];
    if (type.kind == DATA_NULL) {
        plan_fail(plan, ERR_INPUT, "a literal needs a type, a null too");
        return NULL;
    }
    if (canonical_text == NULL)
        return expr;
    struct buf text = BUF_INIT;
    bool good = plan_literal_canonical(type, canonical_text, &text);
    if (text.failed) {
        plan_fail(plan, ERR_MEMORY, "no memory for the plan");
    } else if (good) {
        expr->literal = plan_strdup(plan, buf_text(&text));
    } else {
        char pattern[64];
        plan_fail(plan, ERR_INPUT, "literal: expected a %s, found text like %s",
                  data_type_text(type, name),
                  err_pattern(canonical_text, strlen(canonical_text), pattern, sizeof pattern));
    }
    buf_done(&text);
    return expr->literal != NULL ? expr : NULL;
}
const struct plan_expr *plan_literal_int(struct plan *plan, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return plan_literal(plan, DATA_TYPE(BIGINT), text);
}
const struct plan_expr *plan_literal_text(struct plan *plan, const char *text)
{
    return plan_literal(plan, DATA_TYPE(TEXT), text);
}

const struct plan_expr *plan_param(struct plan *plan, const char *name, struct data_type type)
{
    if (!plan_failed(plan) && (name == NULL || *name == '\0' || type.kind == DATA_NULL))
        plan_fail(plan, ERR_INPUT, "a parameter needs a name and a type");
    struct plan_expr *expr = expr_new(plan, PLAN_PARAM, type);
    if (expr != NULL)
        expr->name = plan_strdup(plan, name);
    return expr == NULL || expr->name == NULL ? NULL : expr;
}

/* "found (bigint, text)" */
static const char *found_types(struct plan *plan, const struct plan_expr *const *args, size_t count)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < count && i < 8; i++) {
        char type[32];
        buf_printf(&text, "%s%s", i == 0 ? "" : ", ", data_type_text(args[i]->type, type));
        if (args[i]->kind == PLAN_COLUMN)
            buf_printf(&text, " \"%s\"", args[i]->name);
    }
    const char *copy = plan_strdup(plan, count > 8 ? "many" : buf_text(&text));
    buf_done(&text);
    return copy != NULL ? copy : "";
}

/* list(the type that all of them widen to) */
static struct data_type list_of(struct plan *plan, size_t count, const struct data_type *types)
{
    struct data_field *element = plan_alloc(plan, 1, sizeof *element);
    if (element == NULL)
        return DATA_TYPE(NULL);
    element->type = types[0];
    for (size_t i = 1; i < count; i++)
        element->type = plan_type_common(element->type, types[i]);
    return (struct data_type){.kind = DATA_LIST, .fields = element, .field_count = 1};
}

/* The function of that name and kind with a type for those arguments; NULL and a sticky error
 * otherwise. */
static const struct plan_function *check_call(struct plan *plan, enum plan_function_kind kind,
                                              const char *name, size_t count,
                                              const struct plan_expr *const *args,
                                              struct data_type *ret_type)
{
    static const char *const KIND[] = {"a scalar", "an aggregate", "a window"};
    for (size_t i = 0; i < count && !plan_failed(plan); i++)
        if (args[i] == NULL)
            plan_fail(plan, ERR_INPUT, "%s: argument %zu is missing", name, i + 1);
    if (plan_failed(plan))
        return NULL;
    const struct plan_function *function = plan_function_find(name);
    if (function == NULL) {
        plan_fail(plan, ERR_INPUT, "no function \"%s\"", name == NULL ? "" : name);
        return NULL;
    }
    bool over = kind == PLAN_WINDOWING && function->windows;
    if (function->kind != kind && !over) {
        plan_fail(plan, ERR_INPUT, "%s is %s function; expected %s function here", name,
                  KIND[function->kind], KIND[kind]);
        return NULL;
    }
    bool many = function->arity_max >= 0 && count > (size_t)function->arity_max;
    if (count < (size_t)function->arity_min || many) {
        plan_fail(plan, ERR_INPUT, "%s: expected %s, found %zu arguments", name, function->expects,
                  count);
        return NULL;
    }
    struct data_type *types = plan_alloc(plan, count, sizeof *types);
    if (types == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        types[i] = args[i]->type;
    *ret_type = function->type_rule(types, count);
    if (ret_type->kind == DATA_NULL) {
        plan_fail(plan, ERR_INPUT, "%s: expected %s, found (%s)", name, function->expects,
                  found_types(plan, args, count));
        return NULL;
    }
    if (ret_type->kind == DATA_LIST && ret_type->fields == NULL)
        *ret_type = function->id == PLAN_FUNCTION_LIST_TRANSFORM ? list_of(plan, 1, types + 1)
                    : function->id == PLAN_FUNCTION_LIST_AGG     ? list_of(plan, 1, types)
                                                                 : list_of(plan, count, types);
    return plan_failed(plan) ? NULL : function;
}

const struct plan_expr *plan_call(struct plan *plan, const char *function, size_t count,
                                  const struct plan_expr *const *args)
{
    struct data_type type = {.kind = DATA_NULL};
    const struct plan_function *found = check_call(plan, PLAN_SCALAR, function, count, args, &type);
    struct plan_expr *expr = found == NULL ? NULL : expr_new(plan, PLAN_CALL, type);
    if (expr == NULL)
        return NULL;
    expr->function = found;
    expr->args = plan_exprs_copy(plan, args, count);
    expr->arg_count = count;
    if (expr->args == NULL || !expr_adopt_args(plan, expr))
        return NULL;
    return !plan_binds(expr) || bind_body(plan, expr) ? expr : NULL;
}

const struct plan_expr *plan_element(struct plan *plan, size_t outer, struct data_type type)
{
    if (!plan_failed(plan) && (type.kind == DATA_NULL || outer >= PLAN_LIMIT_EXPR_DEPTH))
        plan_fail(plan, ERR_INPUT, "an element needs a type, and a list function around it");
    struct plan_expr *expr = plan_failed(plan) ? NULL : expr_new(plan, PLAN_ELEMENT, type);
    if (expr == NULL)
        return NULL;
    expr->idx = outer;
    expr->open = (uint32_t)outer + 1;
    return expr;
}

const struct plan_expr *plan_cast(struct plan *plan, const struct plan_expr *input,
                                  struct data_type type, bool try_cast)
{
    if (plan_failed(plan) || input == NULL)
        return NULL;
    if (type.kind == DATA_NULL) {
        plan_fail(plan, ERR_INPUT, "cast: expected a type to cast to");
        return NULL;
    }
    if (data_type_equal(input->type, type))
        return input;
    struct plan_expr *expr = expr_new(plan, PLAN_CAST, type);
    if (expr == NULL)
        return NULL;
    expr->args = plan_exprs_copy(plan, &input, 1);
    expr->arg_count = 1;
    expr->try_cast = try_cast;
    return expr->args != NULL && expr_adopt_args(plan, expr) ? expr : NULL;
}

const struct plan_expr *plan_case(struct plan *plan, size_t count,
                                  const struct plan_expr *const *args)
{
    if (plan_failed(plan))
        return NULL;
    if (count < 2) {
        plan_fail(plan, ERR_INPUT, "case: expected a condition and a value at least");
        return NULL;
    }
    const struct plan_expr *const *copy = plan_exprs_copy(plan, args, count);
    if (copy == NULL)
        return NULL;
    struct data_type type = copy[1]->type;
    for (size_t i = 0; i < count; i++) {
        bool condition = i % 2 == 0 && i + 1 < count;
        char found[32];
        char expected[32];
        if (condition && copy[i]->type.kind != DATA_BOOLEAN) {
            plan_fail(plan, ERR_INPUT, "case: condition %zu: expected a boolean, found %s",
                      i / 2 + 1, data_type_text(copy[i]->type, found));
            return NULL;
        }
        if (condition)
            continue;
        struct data_type common = plan_type_common(type, copy[i]->type);
        if (common.kind == DATA_NULL) {
            plan_fail(plan, ERR_INPUT, "case: value %zu: expected %s as before, found %s",
                      i / 2 + 1, data_type_text(type, expected),
                      data_type_text(copy[i]->type, found));
            return NULL;
        }
        type = common;
    }
    struct plan_expr *expr = expr_new(plan, PLAN_CASE, type);
    if (expr == NULL)
        return NULL;
    expr->args = copy;
    expr->arg_count = count;
    return expr_adopt_args(plan, expr) ? expr : NULL;
}

/* count(distinct x) is count_distinct(x); min and max need no distinct. */
static bool settle_distinct(struct plan *plan, struct plan_expr *expr)
{
    enum plan_function_id id = expr->function->id;
    if (id == PLAN_FUNCTION_SUM || id == PLAN_FUNCTION_MEAN || id == PLAN_FUNCTION_SD)
        return true;
    expr->distinct = false;
    if (id == PLAN_FUNCTION_COUNT)
        expr->function = plan_function_find("count_distinct");
    if (id == PLAN_FUNCTION_COUNT || id == PLAN_FUNCTION_COUNT_DISTINCT ||
        id == PLAN_FUNCTION_MIN || id == PLAN_FUNCTION_MAX)
        return true;
    plan_fail(plan, ERR_INPUT, "%s: distinct has no meaning for it", expr->function->name);
    return false;
}

const struct plan_expr *plan_aggregate_call(struct plan *plan, const char *function, size_t count,
                                            const struct plan_expr *const *args, bool distinct,
                                            const struct plan_expr *where)
{
    struct data_type type = {.kind = DATA_NULL};
    const struct plan_function *found =
        check_call(plan, PLAN_AGGREGATING, function, count, args, &type);
    struct plan_expr *expr = found == NULL ? NULL : expr_new(plan, PLAN_AGGREGATE_CALL, type);
    if (expr == NULL)
        return NULL;
    expr->function = found;
    expr->args = plan_exprs_copy(plan, args, count);
    expr->arg_count = count;
    expr->distinct = distinct;
    expr->where = where;
    if (where != NULL && where->type.kind != DATA_BOOLEAN) {
        char text[32];
        plan_fail(plan, ERR_INPUT, "%s: where: expected a boolean, found %s", function,
                  data_type_text(where->type, text));
    }
    if (distinct && !plan_failed(plan) && !settle_distinct(plan, expr))
        return NULL;
    if (expr->args == NULL || !expr_adopt(plan, expr, where) || !expr_adopt_args(plan, expr))
        return NULL;
    if (expr->open > 0)
        plan_fail(plan, ERR_INPUT, "%s: an aggregate cannot stand in a list function", function);
    return plan_failed(plan) ? NULL : expr;
}

/* Frames are for functions that read one: not for numbers of rows, lag and lead. */
static const struct plan_frame *frame_copy(struct plan *plan, const struct plan_function *function,
                                           const struct plan_frame *frame)
{
    if (frame == NULL || plan_failed(plan))
        return NULL;
    bool framed = function->windows || function->id == PLAN_FUNCTION_FIRST_VALUE ||
                  function->id == PLAN_FUNCTION_LAST_VALUE;
    if (!framed)
        plan_fail(plan, ERR_INPUT, "%s: expected no frame", function->name);
    else if (frame->start > frame->end)
        plan_fail(plan, ERR_INPUT, "%s: the frame ends before it starts", function->name);
    struct plan_frame *copy = plan_alloc(plan, 1, sizeof *copy);
    if (copy != NULL)
        *copy = *frame;
    return copy;
}

const struct plan_expr *plan_window_call(struct plan *plan, const char *function, size_t count,
                                         const struct plan_expr *const *args,
                                         const struct plan_expr *const *partition,
                                         size_t partition_count, const struct plan_order *order,
                                         size_t order_count, const struct plan_frame *frame)
{
    struct data_type type = {.kind = DATA_NULL};
    const struct plan_function *found =
        check_call(plan, PLAN_WINDOWING, function, count, args, &type);
    struct plan_expr *expr = found == NULL ? NULL : expr_new(plan, PLAN_WINDOW_CALL, type);
    if (expr == NULL)
        return NULL;
    expr->function = found;
    expr->args = plan_exprs_copy(plan, args, count);
    expr->arg_count = count;
    expr->partition = plan_exprs_copy(plan, partition, partition_count);
    expr->partition_count = partition_count;
    expr->order = plan_order_copy(plan, order, order_count);
    expr->order_count = order_count;
    expr->frame = frame_copy(plan, found, frame);
    if (plan_failed(plan))
        return NULL;
    bool fits = expr_adopt_args(plan, expr);
    for (size_t i = 0; fits && i < partition_count; i++)
        fits = expr_adopt(plan, expr, partition[i]);
    for (size_t i = 0; fits && i < order_count; i++)
        fits = expr_adopt(plan, expr, order[i].expr);
    if (fits && expr->open > 0)
        plan_fail(plan, ERR_INPUT, "%s: a window cannot stand in a list function", function);
    return fits && !plan_failed(plan) ? expr : NULL;
}

struct plan_named *plan_named_array(struct plan *plan, size_t count)
{
    return plan_alloc(plan, count, sizeof(struct plan_named));
}

/* ---- structs ------------------------------------------------------------------------------------
 */

const struct plan_expr *plan_struct(struct plan *plan, const struct plan_named *fields,
                                    size_t count)
{
    if (!plan_failed(plan) && count == 0)
        plan_fail(plan, ERR_INPUT, "struct: expected one field at least");
    struct plan_expr *expr = expr_new(plan, PLAN_STRUCT, DATA_TYPE(STRUCT));
    struct data_field *types = expr == NULL ? NULL : plan_alloc(plan, count, sizeof *types);
    const struct plan_expr **args = types == NULL ? NULL : plan_alloc(plan, count, sizeof *args);
    if (args == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (plan_failed(plan))
            return NULL;
        if (fields[i].expr == NULL || fields[i].name == NULL || fields[i].name[0] == '\0') {
            plan_fail(plan, ERR_INPUT, "struct: field %zu has no %s", i + 1,
                      fields[i].expr == NULL ? "expression" : "name");
            return NULL;
        }
        for (size_t j = 0; j < i; j++)
            if (str_equal_nocase(str_of(fields[j].name), str_of(fields[i].name)))
                plan_fail(plan, ERR_INPUT, "struct: two fields are called \"%s\"", fields[i].name);
        types[i].name = plan_strdup(plan, fields[i].name);
        types[i].type = fields[i].expr->type;
        args[i] = fields[i].expr;
    }
    expr->type.fields = types;
    expr->type.field_count = count;
    expr->args = args;
    expr->arg_count = count;
    return !plan_failed(plan) && expr_adopt_args(plan, expr) ? expr : NULL;
}

const struct plan_expr *plan_field(struct plan *plan, const struct plan_expr *record,
                                   const char *name)
{
    if (plan_failed(plan) || record == NULL)
        return NULL;
    char found[32];
    if (record->type.kind != DATA_STRUCT) {
        plan_fail(plan, ERR_INPUT, "field \"%s\": expected a struct, found %s",
                  name != NULL ? name : "", data_type_text(record->type, found));
        return NULL;
    }
    for (size_t i = 0; i < record->type.field_count; i++) {
        const struct data_field *field = &record->type.fields[i];
        if (name == NULL || !str_equal_nocase(str_of(name), str_of(field->name)))
            continue;
        struct plan_expr *expr = expr_new(plan, PLAN_FIELD, field->type);
        if (expr == NULL)
            return NULL;
        expr->name = field->name;
        expr->args = plan_exprs_copy(plan, &record, 1);
        expr->arg_count = 1;
        return expr->args != NULL && expr_adopt_args(plan, expr) ? expr : NULL;
    }
    plan_fail(plan, ERR_INPUT, "the struct has no field \"%s\"", name != NULL ? name : "");
    return NULL;
}
