/* DataFusion (53): only what differs. It has no JSON functions and no lambdas, so JSON, mode and
 * lists of anything but numbers and booleans are missing; arithmetic of bigints wraps instead of
 * failing (docs/DIALECTS.md). In functions.def's column @1 is argument 1 as a DATE and &1 as a
 * TIMESTAMP(6), as for Trino. */
#include "dialect/cast_priv.h"
#include "dialect/emit_priv.h"

#include <string.h>

static void type_sql(struct data_type type, struct buf *out)
{
    switch (type.kind) {
    case DATA_BOOLEAN:
        buf_puts(out, "BOOLEAN");
        return;
    case DATA_BIGINT:
        buf_puts(out, "BIGINT");
        return;
    case DATA_UHUGEINT: /* not to be had: lacks_expr */
        buf_puts(out, "DECIMAL(38, 0)");
        return;
    case DATA_DECIMAL:
        buf_printf(out, "DECIMAL(%u, %u)", type.precision, type.scale);
        return;
    case DATA_DOUBLE:
        buf_puts(out, "DOUBLE");
        return;
    case DATA_NULL:
    case DATA_TEXT:
    case DATA_JSON:
        buf_puts(out, "VARCHAR");
        return;
    case DATA_DATE:
        buf_puts(out, "DATE");
        return;
    case DATA_TIME:
        buf_puts(out, "TIME");
        return;
    case DATA_TIMESTAMP:
        buf_puts(out, "TIMESTAMP(6)");
        return;
    case DATA_TIMESTAMPTZ: /* casts and literals of these go by arrow_cast, since its zone is the
                              session's */
        buf_puts(out, "TIMESTAMP(6) WITH TIME ZONE");
        return;
    case DATA_INTERVAL:
        buf_puts(out, "INTERVAL");
        return;
    case DATA_BLOB:
        buf_puts(out, "BYTEA");
        return;
    case DATA_LIST:
        type_sql(type.fields[0].type, out);
        buf_puts(out, "[]");
        return;
    case DATA_STRUCT:
        buf_puts(out, "STRUCT<");
        for (size_t i = 0; i < type.field_count; i++) {
            buf_puts(out, i > 0 ? ", " : "");
            dialect_quote_identifier(&dialect_datafusion, str_of(type.fields[i].name), out);
            buf_putc(out, ' ');
            type_sql(type.fields[i].type, out);
        }
        buf_putc(out, '>');
        return;
    }
}

#define UTC "'Timestamp(Microsecond, Some(\"UTC\"))'"

static bool literal_sql(const struct plan_expr *expr, struct buf *out)
{
    int digits = (int)strcspn(expr->literal, "+");
    struct data_type type = expr->type;
    switch ((int)type.kind) {
    case DATA_JSON:
        emit_quoted(out, str_of(expr->literal));
        return true;
    case DATA_TIMESTAMPTZ:
        buf_printf(out, "arrow_cast('%.*sZ', " UTC ")", digits, expr->literal);
        return true;
    case DATA_DECIMAL: /* a bare number with a point is a double there */
    case DATA_DOUBLE:
    case DATA_TIMESTAMP:
    case DATA_TIME:
    case DATA_BLOB:
        buf_puts(out, "CAST(");
        emit_quoted(out, str_of(expr->literal));
        buf_puts(out, " AS ");
        type_sql(type, out);
        buf_putc(out, ')');
        return true;
    case DATA_BIGINT:
        buf_printf(out, expr->literal[0] == '-' ? "CAST('%s' AS BIGINT)" : "%s", expr->literal);
        return true;
    }
    return false;
}

static const char *taken(struct emit *emit, struct buf *text)
{
    struct str copy = emit_copy(emit, text);
    buf_done(text);
    return copy.ptr;
}

static const char *with_times(struct emit *emit, const struct plan_expr *expr, const char *text)
{
    struct buf out = BUF_INIT;
    for (; *text != '\0'; text++) {
        size_t idx = (size_t)(text[1] - '1');
        if ((*text != '@' && *text != '&') || idx >= expr->arg_count) {
            buf_putc(&out, *text);
            continue;
        }
        enum data_kind kind = expr->args[idx]->type.kind;
        if (kind == DATA_TIMESTAMPTZ)
            buf_printf(&out,
                       *text == '@'
                           ? "CAST(arrow_cast(%%%c, 'Timestamp(Microsecond, None)') AS DATE)"
                           : "arrow_cast(%%%c, 'Timestamp(Microsecond, None)')",
                       text[1]);
        else if (*text == '@' ? kind == DATA_DATE : kind == DATA_TIMESTAMP)
            buf_printf(&out, "%%%c", text[1]);
        else
            buf_printf(&out, *text == '@' ? "CAST(%%%c AS DATE)" : "CAST(%%%c AS TIMESTAMP(6))",
                       text[1]);
        text++;
    }
    return taken(emit, &out);
}

static const char *with_type(struct emit *emit, const char *before, struct data_type type,
                             const char *after)
{
    struct buf out = BUF_INIT;
    buf_puts(&out, before);
    type_sql(type, &out);
    buf_puts(&out, after);
    return taken(emit, &out);
}

/* Is key i (args[i], at the end args[0]) the column that an earlier key is? DataFusion fails where
 * one comes twice. */
bool emit_is_repeated(const struct plan_expr *expr, size_t i)
{
    const struct plan_expr *key = expr->args[i % expr->arg_count];
    for (size_t k = 1; k < i; k++)
        if (key->kind == PLAN_COLUMN && expr->args[k]->kind == PLAN_COLUMN &&
            expr->args[k]->idx == key->idx && expr->args[k]->input == key->input)
            return true;
    return false;
}

/* The first by its keys; last: all turned round. */
static const char *by_keys(struct emit *emit, const struct plan_expr *expr)
{
    const char *direction = expr->function->id == PLAN_FUNCTION_LAST_BY ? " DESC" : "";
    struct buf text = BUF_INIT;
    buf_puts(&text, "first_value(%1 ORDER BY ");
    size_t keys = 0;
    for (size_t i = 1; i <= expr->arg_count; i++) /* the value itself last */
        if (!emit_is_repeated(expr, i))
            buf_printf(&text, "%s%%%zu%s%s", keys++ > 0 ? ", " : "", i % expr->arg_count + 1,
                       direction, i < expr->arg_count ? " NULLS LAST" : "");
    buf_puts(&text, ")%N");
    return taken(emit, &text);
}

static const char *of_numbers(struct emit *emit, const struct plan_expr *expr,
                              enum precedence *ret_precedence)
{
    bool decimal = expr->type.kind == DATA_DECIMAL;
    struct data_type type = expr->arg_count > 0 ? expr->args[0]->type : DATA_TYPE(NULL);
    struct data_type wide = data_type_decimal(38, type.scale);
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_ADD:
    case PLAN_FUNCTION_SUB:
    case PLAN_FUNCTION_MUL:
        if (!decimal)
            return NULL;
        *ret_precedence = PRECEDENCE_ATOM;
        return with_type(emit,
                         expr->function->id == PLAN_FUNCTION_ADD   ? "CAST(#1 + #2 AS "
                         : expr->function->id == PLAN_FUNCTION_SUB ? "CAST(#1 - #2 AS "
                                                                   : "CAST(#1 * #2 AS ",
                         expr->type, ")");
    case PLAN_FUNCTION_NEG: /* minus of a null decimal is an error there */
        if (!decimal)
            return NULL;
        *ret_precedence = PRECEDENCE_ATOM;
        return with_type(emit, "CAST(0 - #1 AS ", expr->type, ")");
    case PLAN_FUNCTION_ROUND:
        return with_type(emit, "CAST(round(%1, CAST(%2 AS INT)) AS ", expr->type, ")");
    case PLAN_FUNCTION_FLOOR:
        return expr->type.kind == DATA_BIGINT ? "CAST(%1 AS BIGINT)"
               : decimal ? with_type(emit, "CAST(floor(%1) AS ", expr->type, ")")
                         : NULL;
    case PLAN_FUNCTION_CEIL:
        return expr->type.kind == DATA_BIGINT ? "CAST(%1 AS BIGINT)"
               : decimal ? with_type(emit, "CAST(ceil(%1) AS ", expr->type, ")")
                         : NULL;
    case PLAN_FUNCTION_SUM:
        return type.kind == DATA_DOUBLE ? NULL : with_type(emit, "sum(%DCAST(%1 AS ", wide, "))%F");
    case PLAN_FUNCTION_MEAN:
        if (type.kind == DATA_DOUBLE)
            return NULL;
        *ret_precedence = PRECEDENCE_PRODUCT;
        return with_type(emit, "CAST(sum(%DCAST(%1 AS ", wide, "))%F AS DOUBLE) / count(%D%1)%F");
    case PLAN_FUNCTION_ORDER_KEY:
        return type.kind == DATA_BIGINT
                   ? "CAST(%1 AS DECIMAL(38, 0)) * CAST('18446744073709551616' AS DECIMAL(20, 0)) "
                     "+ CAST(%2 AS DECIMAL(38, 0))"
                   : NULL;
    }
    return NULL;
}

static const char *choose(struct emit *emit, const struct plan_expr *expr,
                          enum precedence *ret_precedence)
{
    enum plan_function_id id = expr->function->id;
    const char *text = of_numbers(emit, expr, ret_precedence);
    if (text != NULL)
        return text;
    if (id == PLAN_FUNCTION_FIRST_BY || id == PLAN_FUNCTION_LAST_BY)
        return by_keys(emit, expr);
    if (id == PLAN_FUNCTION_ADD_DAYS && expr->type.kind == DATA_DATE)
        return "(#1 + CAST(%2 AS INT))";
    if (id == PLAN_FUNCTION_SUBSTRING && expr->arg_count > 2)
        return "substr(%1, %2, greatest(%3, 0))";
    text = dialect_spelling(emit->dialect, id);
    bool times = strpbrk(text, "@&") != NULL;
    return !times ? NULL : with_times(emit, expr, text);
}

/* ---- casts --------------------------------------------------------------------------------------
 */

#define MATCHES(pattern) "regexp_like(%1, '^(" pattern ")$')"

static const char *checked(struct emit *emit, const struct plan_expr *expr, const char *valid,
                           const char *value)
{
    char word[32];
    const char *text =
        expr->try_cast
            ? arena_printf(emit->arena, "CASE WHEN %s THEN TRY_CAST(%s AS ", valid, value)
            : arena_printf(emit->arena,
                           "CAST(CASE WHEN %s THEN %s WHEN %%1 IS NOT NULL THEN 'no %s' END AS ",
                           valid, value, data_type_text(expr->type, word));
    return text == NULL ? NULL : with_type(emit, text, expr->type, expr->try_cast ? ") END" : ")");
}

static const char *from_text(struct emit *emit, const struct plan_expr *expr)
{
    switch ((int)expr->type.kind) {
    case DATA_BOOLEAN:
        return expr->try_cast
                   ? "CASE WHEN lower(btrim(%1, ' ')) IN (" CAST_TRUE
                     ") THEN TRUE WHEN lower(btrim(%1, ' ')) IN (" CAST_FALSE ") THEN FALSE END"
                   : "CASE WHEN lower(btrim(%1, ' ')) IN (" CAST_TRUE
                     ") THEN TRUE WHEN lower(btrim(%1, ' ')) IN (" CAST_FALSE
                     ") THEN FALSE WHEN %1 IS NOT NULL THEN CAST('no boolean' AS BOOLEAN) END";
    case DATA_BIGINT:
        return checked(emit, expr, MATCHES(CAST_BIGINT), "btrim(%1, ' ')");
    case DATA_DECIMAL:
        return checked(emit, expr, MATCHES(CAST_DECIMAL), "btrim(%1, ' ')");
    case DATA_DOUBLE:
        return checked(emit, expr,
                       MATCHES(CAST_DOUBLE) " AND abs(TRY_CAST(btrim(%1, ' ') AS DOUBLE)) < "
                                            "CAST('inf' AS DOUBLE) OR " MATCHES(CAST_DOUBLE_WORD),
                       "btrim(%1, ' ')");
    case DATA_DATE:
        return checked(emit, expr, MATCHES(CAST_DATE), "%1");
    case DATA_TIMESTAMP:
        return checked(emit, expr, MATCHES(CAST_TIMESTAMP), "%1");
    case DATA_TIME:
        return checked(emit, expr, MATCHES(CAST_TIME), "%1");
    }
    return NULL;
}

static const char *cast_sql(struct emit *emit, const struct plan_expr *expr)
{
    enum data_kind from = expr->args[0]->type.kind, to = expr->type.kind;
    if (from == DATA_TEXT)
        return from_text(emit, expr);
    if (to == DATA_TIMESTAMPTZ)
        return "arrow_cast(CAST(%1 AS TIMESTAMP(6)), " UTC ")";
    if (from == DATA_TIMESTAMPTZ)
        return with_type(emit, "CAST(arrow_cast(%1, 'Timestamp(Microsecond, None)') AS ",
                         expr->type, ")");
    if (from == DATA_DOUBLE && to == DATA_BIGINT) /* half to even; its own cast cuts */
        return "CAST(CASE WHEN abs(%1 - trunc(%1)) = 0.5 THEN 2 * round(%1 / 2) ELSE round(%1) END "
               "AS BIGINT)";
    if (from == DATA_DECIMAL && to == DATA_BIGINT)
        return "CAST(round(%1, 0) AS BIGINT)";
    if (from == DATA_TIMESTAMP && to == DATA_TEXT)
        return "CASE WHEN strpos(CAST(%1 AS VARCHAR), '.') > 0 THEN rtrim(replace(CAST(%1 AS "
               "VARCHAR), 'T', ' '), '0') ELSE "
               "replace(CAST(%1 AS VARCHAR), 'T', ' ') END";
    if (from == DATA_DOUBLE && to == DATA_DECIMAL)
        return with_type(emit,
                         expr->try_cast ? "TRY_CAST(CAST(%1 AS VARCHAR) AS "
                                        : "CAST(CAST(%1 AS VARCHAR) AS ",
                         expr->type, ")");
    return NULL;
}

/* ---- structs, lists, what it lacks --------------------------------------------------------------
 */

static void field_sql(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                      struct buf *out)
{
    emit_expr(emit, env, expr->args[0], true, out);
    buf_putc(out, '[');
    emit_quoted(out, str_of(expr->name));
    buf_putc(out, ']');
}

static void record_sql(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                       struct buf *out)
{
    buf_puts(out, "named_struct(");
    for (size_t i = 0; i < expr->arg_count; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        emit_quoted(out, str_of(expr->type.fields[i].name));
        buf_puts(out, ", ");
        emit_expr(emit, env, expr->args[i], true, out);
    }
    buf_putc(out, ')');
}

static void json_scalar(struct data_type type, const char *value, struct buf *out)
{
    (void)type;
    buf_printf(out, "CAST(%s AS VARCHAR)", value);
}

static void json_list(const char *list, const char *element, const char *text, struct buf *out)
{
    (void)element;
    (void)text;
    buf_printf(out, "'[' || array_to_string(%s, ',', 'null') || ']'", list);
}

static void param_sql(struct data_type type, const char *place, struct buf *out)
{
    bool zone = type.kind == DATA_TIMESTAMPTZ;
    buf_printf(out, "%sCAST(%s AS ", zone ? "arrow_cast(" : "", place);
    type_sql(type, out);
    buf_puts(out, zone ? "), " UTC ")" : ")");
}

static bool strays(struct data_type type, const struct origin *origin)
{
    const struct plan_expr *expr = origin->expr;
    bool plain =
        !origin->mixed && (expr == NULL || expr->kind == PLAN_CAST || expr->kind == PLAN_LITERAL);
    return !plain && (type.kind == DATA_DECIMAL || type.kind == DATA_TIMESTAMP);
}

static bool is_constant(const struct plan_expr *expr)
{
    bool constant = expr->kind != PLAN_COLUMN;
    for (size_t i = 0; i < expr->arg_count && constant; i++)
        constant = is_constant(expr->args[i]);
    return constant;
}

/* What its planner (53) gets wrong: a constant among the keys of a partition (its own check then
 * refuses the plan), a range of times (no type coercion); and what can't leave a frame again. */
static const char *lacks_window(const struct plan_expr *expr)
{
    for (size_t i = 0; i < expr->partition_count; i++)
        if (is_constant(expr->partition[i]))
            return "a window partitioned by a constant";
    bool slides = expr->frame != NULL && expr->frame->start != PLAN_FRAME_UNBOUNDED_BEFORE;
    if (slides && (expr->function->id == PLAN_FUNCTION_BOOL_AND ||
                   expr->function->id == PLAN_FUNCTION_BOOL_OR))
        return "bool_and and bool_or over a frame that slides";
    return expr->frame == NULL && expr->order_count > 0 &&
                   expr->order[0].expr->type.kind == DATA_TIME
               ? "a window ordered by a time"
               : NULL;
}

static const char *lacks_expr(const struct plan_expr *expr)
{
    struct data_type type = expr->type;
    const char *window = expr->kind == PLAN_WINDOW_CALL ? lacks_window(expr) : NULL;
    if (window != NULL)
        return window;
    if (type.kind == DATA_UHUGEINT)
        return "a number of 128 bits";
    if (type.kind == DATA_LIST && type.fields[0].type.kind != DATA_BIGINT &&
        type.fields[0].type.kind != DATA_BOOLEAN)
        return "a list of other than bigints and booleans";
    if (expr->kind != PLAN_CAST)
        return NULL;
    enum data_kind from = expr->args[0]->type.kind;
    if (from == DATA_TEXT && (type.kind == DATA_JSON || type.kind == DATA_TIMESTAMPTZ))
        return "cast of text to json or timestamptz";
    if (type.kind == DATA_TEXT &&
        (from == DATA_DOUBLE || from == DATA_LIST || from == DATA_STRUCT || from == DATA_INTERVAL ||
         from == DATA_BLOB || from == DATA_TIMESTAMPTZ))
        return "cast of a double, timestamptz, list, struct, interval or blob to text";
    return NULL;
}

/* It takes keys that are all constants away, and then an empty input has a row. */
static bool groups_by_constants(const struct plan_rel *rel)
{
    bool all = rel->kind == PLAN_AGGREGATE && rel->group_count > 0;
    for (size_t i = 0; i < rel->group_count && all; i++)
        all = is_constant(rel->groups[i].expr);
    return all;
}

static const char *lacks_rel(const struct plan_rel *rel)
{
    if (groups_by_constants(rel))
        return "a group by constants alone";
    if (rel->kind == PLAN_LIMIT && rel->limit < 0 && rel->offset > 0) /* it loses the order below */
        return "an offset without a limit";
    if (rel->kind == PLAN_EXPLODE && (rel->ordinality != NULL || rel->keep_empty))
        return "explode with numbers or keeping empty lists";
    for (size_t i = 0; i < rel->column_count; i++)
        if (rel->columns[i].type.kind == DATA_STRUCT)
            return "a column of structs";
    return NULL;
}

const struct dialect dialect_datafusion = {
    .name = "datafusion",
    .spellings = dialect_datafusion_spellings,
    .choose = choose,
    .type = type_sql,
    .literal = literal_sql,
    .cast = cast_sql,
    .lacks_expr = lacks_expr,
    .lacks_rel = lacks_rel,
    .field = field_sql,
    .record = record_sql,
    .param = param_sql,
    .json_scalar = json_scalar,
    .json_list = json_list,
    .strays = strays,
};
