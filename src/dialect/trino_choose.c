/* Trino's calls: spellings that depend on the arguments. In functions.def's column for Trino, and
 * here,
 * @1 stands for argument 1 as a DATE and &1 for it as a TIMESTAMP(6), both UTC where it has a zone.
 * Lambdas' parameters are named marrow_…, so that they hide no column. */
#include "dialect/trino_priv.h"

#include <string.h>

static bool is_number(const struct plan_expr *expr, int64_t *ret)
{
    return expr->kind == PLAN_LITERAL && expr->literal != NULL &&
           str_to_int64(str_of(expr->literal), ret);
}

static bool is_text(const struct plan_expr *expr)
{
    return expr->kind == PLAN_LITERAL && expr->literal != NULL && expr->literal[0] != '\0';
}

static const char *taken(struct emit *emit, struct buf *text)
{
    struct str copy = emit_copy(emit, text);
    buf_done(text);
    return copy.ptr;
}

/* @n and &n → what they stand for. */
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
        const char *type = *text == '@' ? "DATE" : "TIMESTAMP(6)";
        if (kind == DATA_TIMESTAMPTZ)
            buf_printf(&out, "CAST(#%c AT TIME ZONE 'UTC' AS %s)", text[1], type);
        else if (*text == '@' && kind == DATA_DATE)
            buf_printf(&out, "%%%c", text[1]);
        else
            buf_printf(&out, "CAST(%%%c AS %s)", text[1], type);
        text++;
    }
    return taken(emit, &out);
}

static const char *with_type(struct emit *emit, const char *before, struct data_type type,
                             const char *after)
{
    struct buf out = BUF_INIT;
    buf_puts(&out, before);
    trino_type(type, &out);
    buf_puts(&out, after);
    return taken(emit, &out);
}

/* ---- numbers ------------------------------------------------------------------------------------
 */

/* Where the plan's type is narrower than Trino's, too much is an error. */
static const char *arithmetic(struct emit *emit, const struct plan_expr *expr,
                              enum precedence *ret_precedence)
{
    enum plan_function_id id = expr->function->id;
    if (expr->type.kind != DATA_DECIMAL || expr->type.precision != 18)
        return NULL;
    *ret_precedence = PRECEDENCE_ATOM;
    return with_type(emit,
                     id == PLAN_FUNCTION_ADD   ? "CAST(#1 + #2 AS "
                     : id == PLAN_FUNCTION_SUB ? "CAST(#1 - #2 AS "
                                               : "CAST(#1 * #2 AS ",
                     expr->type, ")");
}

static const char *rounded(struct emit *emit, const struct plan_expr *expr)
{
    int64_t places;
    if (!is_number(expr->args[1], &places))
        return with_type(emit, "CAST(round(%1, CAST(%2 AS INTEGER)) AS ", expr->type, ")");
    if (places >= expr->type.scale)
        return "%1";
    int64_t least = (int64_t)expr->type.scale - expr->type.precision;
    if (places < least)
        places = least;
    const char *text = arena_printf(emit->arena, "CAST(round(%%1, %lld) AS ", (long long)places);
    return text == NULL ? NULL : with_type(emit, text, expr->type, ")");
}

static const char *mean(struct emit *emit, const struct plan_expr *expr,
                        enum precedence *ret_precedence)
{
    struct data_type type = expr->args[0]->type;
    if (type.kind == DATA_DOUBLE)
        return "avg(%D%1)%F";
    *ret_precedence = PRECEDENCE_PRODUCT;
    return with_type(emit, "CAST(sum(%DCAST(%1 AS ", data_type_decimal(38, type.scale),
                     "))%F AS DOUBLE) / count(%D%1)%F");
}

#define SPREAD_DIGITS 14 /* squares of so many, summed over 10^10 rows, fit in 38 */

/* Deviation and variance of whole numbers and decimals. Trino's own carries rounding errors along,
 * which show where the spread is small beside the mean: 80.0, 80.1, 80.0 … So the squares are
 * summed exactly, as decimals, and shifted by the rounded mean q before anything becomes a double:
 *
 *     Σ(x − q)² = Σx² − 2qΣx + nq²        r = Σx − nq        variance = (Σ(x − q)² − r²/n) / (n −
 * 1)
 *
 * q is within half a unit of the mean, so r²/n takes away at most half. Where a value has more
 * digits, Trino's own takes over. */
static const char *spread(struct emit *emit, const struct plan_expr *expr)
{
    struct data_type type = expr->args[0]->type;
    bool whole = type.kind == DATA_BIGINT, deviation = expr->function->id == PLAN_FUNCTION_SD;
    unsigned scale = whole ? 0 : type.scale;
    if (expr->kind != PLAN_AGGREGATE_CALL || expr->distinct || scale >= SPREAD_DIGITS ||
        (!whole && type.kind != DATA_DECIMAL))
        return NULL;
    bool all_fit = !whole && type.precision <= SPREAD_DIGITS;
    const char *own =
        deviation ? "stddev_samp(CAST(%1 AS DOUBLE))%F" : "var_samp(CAST(%1 AS DOUBLE))%F";
    const char *x = all_fit ? "%1"
                            : arena_printf(emit->arena, "TRY_CAST(%%1 AS DECIMAL(%d, %u))",
                                           SPREAD_DIGITS, scale);
    const char *q = arena_printf(emit->arena, "CAST(marrow_a[2] / marrow_a[1] AS DECIMAL(%d, %u))",
                                 SPREAD_DIGITS + 1, scale);
    struct buf out = BUF_INIT;
    if (x == NULL || q == NULL)
        return NULL;
    if (!all_fit)
        buf_printf(&out, "CASE WHEN count(%%1)%%F = count(%s)%%F THEN ", x);
    buf_printf(&out,
               "transform(ARRAY[ROW(count(%s)%%F, sum(%s)%%F, sum(%s * %s)%%F)], marrow_a -> ", x,
               x, x, x);
    buf_puts(&out, deviation ? "CASE WHEN marrow_a[1] > 1 THEN sqrt(("
                             : "CASE WHEN marrow_a[1] > 1 THEN ((");
    buf_printf(&out,
               "CAST(marrow_a[3] - 2 * %s * marrow_a[2] + marrow_a[1] * (%s * %s) AS DOUBLE) - "
               "power(CAST(marrow_a[2] - marrow_a[1] * %s AS DOUBLE), 2) / marrow_a[1]) / "
               "(marrow_a[1] - 1)) END)[1]",
               q, q, q, q);
    if (!all_fit)
        buf_printf(&out, " ELSE %s END", own);
    return taken(emit, &out);
}

static const char *of_numbers(struct emit *emit, const struct plan_expr *expr,
                              enum precedence *ret_precedence)
{
    bool decimal = expr->type.kind == DATA_DECIMAL;
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_ADD:
    case PLAN_FUNCTION_SUB:
    case PLAN_FUNCTION_MUL:
        return arithmetic(emit, expr, ret_precedence);
    case PLAN_FUNCTION_ROUND:
        return rounded(emit, expr);
    case PLAN_FUNCTION_FLOOR:
        return decimal ? with_type(emit, "CAST(floor(%1) AS ", expr->type, ")") : NULL;
    case PLAN_FUNCTION_CEIL:
        return decimal ? with_type(emit, "CAST(ceil(%1) AS ", expr->type, ")") : NULL;
    case PLAN_FUNCTION_MOD:
        return decimal ? with_type(emit, "CAST(mod(%1, nullif(%2, 0)) AS ", expr->type, ")") : NULL;
    case PLAN_FUNCTION_SUM:
        return expr->args[0]->type.kind == DATA_BIGINT ? "sum(%DCAST(%1 AS DECIMAL(38, 0)))%F"
                                                       : NULL;
    case PLAN_FUNCTION_MEAN:
        return mean(emit, expr, ret_precedence);
    case PLAN_FUNCTION_SD:
    case PLAN_FUNCTION_VAR:
        return spread(emit, expr);
    case PLAN_FUNCTION_ORDER_KEY:
        return expr->args[0]->type.kind == DATA_BIGINT
                   ? "CAST(%1 AS DECIMAL(38, 0)) * DECIMAL '18446744073709551616' + $2"
                   : NULL;
    }
    return NULL;
}

/* ---- texts --------------------------------------------------------------------------------------
 */

/* Trino takes an escape of what needs none for an error. */
static const char *like(const struct plan_expr *pattern)
{
    if (pattern->kind != PLAN_LITERAL || pattern->literal == NULL)
        return "$1 LIKE regexp_replace(%2, '\\\\(.)', marrow_m -> CASE WHEN marrow_m[1] IN ('%', "
               "'_', '\\') THEN '\\' "
               "|| marrow_m[1] ELSE marrow_m[1] END) ESCAPE '\\'";
    const char *at = strchr(pattern->literal, '\\');
    if (at == NULL)
        return "$1 LIKE $2";
    for (; at != NULL && strchr("%_\\", at[1]) != NULL && at[1] != '\0';)
        at = strchr(at + 2, '\\');
    return at == NULL ? NULL
                      : "$1 LIKE regexp_replace(%2, '\\\\(.)', marrow_m -> CASE WHEN marrow_m[1] "
                        "IN ('%', '_', '\\') THEN "
                        "'\\' || marrow_m[1] ELSE marrow_m[1] END) ESCAPE '\\'";
}

static const char *substring(const struct plan_expr *expr)
{
    int64_t first, count = 0;
    bool plain = is_number(expr->args[1], &first) && first > 0;
    if (plain && (expr->arg_count == 2 || (is_number(expr->args[2], &count) && count >= 0)))
        return NULL;
    if (expr->arg_count == 2)
        return "substr(%1, CASE WHEN %2 < 1 THEN 1 ELSE %2 END)";
    if (plain)
        return "substr(%1, %2, CASE WHEN %3 < 0 THEN 0 ELSE %3 END)";
    return "substr(%1, CASE WHEN %2 < 1 THEN 1 ELSE %2 END, CASE WHEN %3 < 0 THEN 0 WHEN %2 >= 1 "
           "THEN %3 WHEN #3 + #2 > 1 "
           "THEN #3 + #2 - 1 ELSE 0 END)";
}

static const char *of_texts(const struct plan_expr *expr)
{
    int64_t number = -1;
    bool counted = expr->arg_count > 1 && is_number(expr->args[1], &number) && number >= 0;
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_LIKE:
        return like(expr->args[1]);
    case PLAN_FUNCTION_SUBSTRING:
        return substring(expr);
    case PLAN_FUNCTION_LEFT:
        return counted ? "substr(%1, 1, %2)" : NULL;
    case PLAN_FUNCTION_RIGHT:
        return counted ? "substr(%1, greatest(length(%1) - %2, 0) + 1)" : NULL;
    case PLAN_FUNCTION_LPAD:
        return counted && is_text(expr->args[2]) ? "lpad(%1, %2, %3)" : NULL;
    case PLAN_FUNCTION_REPLACE:
        return is_text(expr->args[1]) ? "replace(%*)" : NULL;
    case PLAN_FUNCTION_SPLIT_PART:
        return is_text(expr->args[1]) && is_number(expr->args[2], &number) && number > 0
                   ? "coalesce(split_part(%1, %2, %3), substr(%1, 1, 0))"
                   : NULL;
    }
    return NULL;
}

/* ---- times --------------------------------------------------------------------------------------
 */

/* date_add by the parts of P14M3DT5.5S: months, days, milliseconds; microseconds go through the
 * epoch. */
static const char *add_interval(struct emit *emit, const struct plan_expr *expr)
{
    const char *text = expr->args[1]->literal;
    if (text == NULL)
        return "CAST(NULL AS TIMESTAMP(6))";
    size_t month_end = strcspn(text, "M"), day_end = strcspn(text, "D");
    size_t second_end = strcspn(text, "S"), point = strcspn(text, ".");
    const char *seconds = text + day_end + 2;
    int64_t months = 0, days = 0, whole = 0, us = 0;
    bool negative = *seconds == '-';
    if (point > second_end)
        point = second_end;
    (void)str_to_int64((struct str){text + 1, month_end - 1}, &months);
    (void)str_to_int64((struct str){text + month_end + 1, day_end - month_end - 1}, &days);
    (void)str_to_int64((struct str){seconds, (size_t)(text + point - seconds)}, &whole);
    for (size_t i = 1; i <= 6; i++) {
        bool digit = point + i < second_end;
        us = us * 10 + (digit ? text[point + i] - '0' : 0);
    }
    us = whole * 1000000 + (negative ? -us : us);
    const char *given = "&1";
    if (months != 0)
        given = arena_printf(emit->arena, "date_add('month', %lld, %s)", (long long)months, given);
    if (days != 0 && given != NULL)
        given = arena_printf(emit->arena, "date_add('day', %lld, %s)", (long long)days, given);
    if (us % 1000 == 0 && us != 0 && given != NULL)
        given = arena_printf(emit->arena, "date_add('millisecond', %lld, %s)",
                             (long long)(us / 1000), given);
    if (us % 1000 != 0 && given != NULL)
        given = arena_printf(
            emit->arena,
            "transform(ARRAY[%s], marrow_t -> CAST(from_unixtime_nanos((CAST(date_diff('second', "
            "TIMESTAMP '1970-01-01 00:00:00', "
            "date_trunc('second', marrow_t)) AS DECIMAL(38, 0)) * 1000000 + "
            "CAST(substr(CAST(marrow_t AS VARCHAR), -6) AS BIGINT) + %lld) "
            "* 1000) AT TIME ZONE 'UTC' AS TIMESTAMP(6)))[1]",
            given, (long long)us);
    return given;
}

static bool of_day(enum plan_function_id id)
{
    return id == PLAN_FUNCTION_TRUNC_HOUR || id == PLAN_FUNCTION_HOUR ||
           id == PLAN_FUNCTION_MINUTE || id == PLAN_FUNCTION_SECOND;
}

static const char *of_times(struct emit *emit, const struct plan_expr *expr)
{
    enum plan_function_id id = expr->function->id;
    const char *text = id == PLAN_FUNCTION_ADD_INTERVAL ? add_interval(emit, expr)
                                                        : dialect_spelling(emit->dialect, id);
    if (id == PLAN_FUNCTION_EPOCH_US && expr->args[0]->type.kind == DATA_DATE)
        return "(date_diff('day', DATE '1970-01-01', %1) * 86400000000)";
    if (text == NULL || of_day(id) || strpbrk(text, "@&") == NULL)
        return text == NULL || id != PLAN_FUNCTION_ADD_INTERVAL ? NULL : text;
    return with_times(emit, expr, text);
}

/* ---- JSON and lists -----------------------------------------------------------------------------
 */

/* A member's name that needs no escape in a path, in SQL or in a template. */
static bool is_plain_name(const struct plan_expr *expr)
{
    return expr->kind == PLAN_LITERAL && expr->literal != NULL && expr->literal[0] != '\0' &&
           strpbrk(expr->literal, "'\"\\$#%@&") == NULL &&
           !(expr->literal[0] >= '0' && expr->literal[0] <= '9') && expr->literal[0] != '-';
}

/* a.b → before."a"."b"after */
static const char *json_path(struct emit *emit, const char *before, const char *path,
                             const char *after)
{
    struct buf out = BUF_INIT;
    buf_printf(&out, "%s.\"", before);
    for (; *path != '\0'; path++)
        if (*path == '.')
            buf_puts(&out, "\".\"");
        else
            buf_putc(&out, *path);
    buf_printf(&out, "\"%s", after);
    const char *text = taken(emit, &out);
    return text != NULL ? text : "";
}

static const char *has_array(struct emit *emit, const struct plan_expr *expr)
{
    struct buf out = BUF_INIT;
    buf_puts(&out, "coalesce('array' IN (");
    for (size_t i = 1; i < expr->arg_count; i++) {
        buf_puts(&out, i > 1 ? ", " : "");
        if (emit_is_plain_path(expr->args[i]))
            buf_puts(&out, json_path(emit, "json_value(%1, 'strict $", expr->args[i]->literal,
                                     ".type()')"));
        else
            buf_printf(&out,
                       "CASE WHEN json_array_length(json_format(json_extract(%%1, '$[\"' || "
                       "replace(%%%zu, "
                       "'.', '\"][\"') || '\"]'))) IS NOT NULL THEN 'array' END",
                       i + 1);
    }
    buf_puts(&out, "), FALSE)");
    return taken(emit, &out);
}

static const char *of_json(struct emit *emit, const struct plan_expr *expr)
{
    int64_t number;
    const char *name = expr->arg_count > 1 ? expr->args[1]->literal : NULL;
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_JSON_GET:
        return is_plain_name(expr->args[1])
                   ? arena_printf(emit->arena, "json_query(%%1, 'strict $.\"%s\"')", name)
                   : NULL;
    case PLAN_FUNCTION_JSON_VALUE:
        return is_plain_name(expr->args[1])
                   ? arena_printf(emit->arena,
                                  "coalesce(json_extract_scalar(%%1, '$[\"%s\"]'), "
                                  "nullif(json_query(%%1, 'strict $.\"%s\"'), 'null'))",
                                  name, name)
                   : NULL;
    case PLAN_FUNCTION_JSON_SOLE: /* lax: a value is an array of one, and several are an error */
        return is_plain_name(expr->args[1])
                   ? arena_printf(emit->arena,
                                  "json_value(%%1, 'lax $.\"%s\"[*] ? (@.type() <> \"null\")' "
                                  "NULL ON EMPTY DEFAULT '\xEF\xB7\x90' ON ERROR)",
                                  name)
                   : NULL;
    case PLAN_FUNCTION_JSON_AT:
        if (!is_number(expr->args[1], &number))
            return NULL;
        return number < 0 ? "CAST(NULL AS VARCHAR)"
                          : arena_printf(emit->arena, "json_query(%%1, 'strict $[%lld]')",
                                         (long long)number);
    case PLAN_FUNCTION_JSON_PATH:
        return emit_is_plain_path(expr->args[1])
                   ? json_path(emit, "json_query(%1, 'strict $", name, "')")
                   : NULL;
    case PLAN_FUNCTION_JSON_HAS_ARRAY:
        return has_array(emit, expr);
    case PLAN_FUNCTION_RAISE:
        return with_type(emit, "CAST(fail('marrow: ' || #1) AS ", expr->type, ")");
    case PLAN_FUNCTION_LIST:
        return expr->type.fields[0].type.kind == DATA_DECIMAL
                   ? with_type(emit, "CAST(ARRAY[%*] AS ", expr->type, ")")
                   : NULL;
    case PLAN_FUNCTION_LIST_GET:
        return is_number(expr->args[1], &number) && number > 0 ? "element_at(%1, %2)" : NULL;
    }
    return NULL;
}

/* ---- first and last -----------------------------------------------------------------------------
 */

static void put_default(struct data_type type, struct buf *out)
{
    bool text = type.kind == DATA_TEXT || type.kind == DATA_JSON || type.kind == DATA_BLOB;
    bool time = data_type_is_temporal(type);
    buf_puts(out, type.kind == DATA_BOOLEAN ? "FALSE" : "CAST(");
    if (type.kind == DATA_BOOLEAN)
        return;
    buf_puts(out, text                     ? "''"
                  : time                   ? "DATE '1970-01-01'"
                  : type.kind == DATA_TIME ? "TIME '00:00:00'"
                                           : "0");
    buf_puts(out, " AS ");
    trino_type(type, out);
    buf_putc(out, ')');
}

/* Several keys: a row of (is it there?, key) pairs, then the value. Rows with nulls cannot be
 * compared. */
static const char *by_row(struct emit *emit, const struct plan_expr *expr)
{
    bool first = expr->function->id == PLAN_FUNCTION_FIRST_BY;
    struct buf text = BUF_INIT;
    buf_printf(&text, "%s(%%1, ROW(", first ? "min_by" : "max_by");
    for (size_t i = 1; i < expr->arg_count; i++) {
        buf_printf(&text, "#%zu IS %sNULL, coalesce(%%%zu, ", i + 1, first ? "" : "NOT ", i + 1);
        put_default(expr->args[i]->type, &text);
        buf_puts(&text, "), ");
    }
    buf_puts(&text, "%1))%N");
    return taken(emit, &text);
}

const char *trino_choose(struct emit *emit, const struct plan_expr *expr,
                         enum precedence *ret_precedence)
{
    enum plan_function_id id = expr->function->id;
    if ((id == PLAN_FUNCTION_FIRST_BY || id == PLAN_FUNCTION_LAST_BY) && expr->arg_count > 2)
        return by_row(emit, expr);
    if ((id == PLAN_FUNCTION_GREATEST || id == PLAN_FUNCTION_LEAST) && expr->arg_count == 1)
        return "%1";
    const char *text = of_numbers(emit, expr, ret_precedence);
    if (text == NULL)
        text = of_texts(expr);
    if (text == NULL)
        text = of_json(emit, expr);
    return text != NULL ? text : of_times(emit, expr);
}
