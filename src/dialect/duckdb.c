/* DuckDB: only what differs from the standard spelling by more than a word. The reasons are
 * determinism (bit-identical over threads and runs) and speed, both measured on 1.1 million rows:
 * sums, means and deviations of doubles go through the native marrow_ aggregates; mode over sorted
 * input is faster than over a histogram and gives ties to the smallest; arg_min by a composed
 * hugeint (order_key) takes half the time of arg_min by a row. */
#include "dialect/duckdb_priv.h"

#include <string.h>

void duckdb_type(struct data_type type, struct buf *out)
{
    switch (type.kind) {
    case DATA_BOOLEAN:
        buf_puts(out, "BOOLEAN");
        return;
    case DATA_BIGINT:
        buf_puts(out, "BIGINT");
        return;
    case DATA_UHUGEINT:
        buf_puts(out, "UHUGEINT");
        return;
    case DATA_DECIMAL:
        buf_printf(out, "DECIMAL(%u, %u)", type.precision, type.scale);
        return;
    case DATA_DOUBLE:
        buf_puts(out, "DOUBLE");
        return;
    case DATA_NULL:
    case DATA_TEXT:
        buf_puts(out, "VARCHAR");
        return;
    case DATA_DATE:
        buf_puts(out, "DATE");
        return;
    case DATA_TIME:
        buf_puts(out, "TIME");
        return;
    case DATA_TIMESTAMP:
        buf_puts(out, "TIMESTAMP");
        return;
    case DATA_TIMESTAMPTZ:
        buf_puts(out, "TIMESTAMPTZ");
        return;
    case DATA_INTERVAL:
        buf_puts(out, "INTERVAL");
        return;
    case DATA_BLOB:
        buf_puts(out, "BLOB");
        return;
    case DATA_LIST:
        duckdb_type(type.fields[0].type, out);
        buf_puts(out, "[]");
        return;
    case DATA_STRUCT:
        buf_puts(out, "STRUCT(");
        for (size_t i = 0; i < type.field_count; i++) {
            buf_puts(out, i > 0 ? ", " : "");
            dialect_quote_identifier(&dialect_duckdb, str_of(type.fields[i].name), out);
            buf_putc(out, ' ');
            duckdb_type(type.fields[i].type, out);
        }
        buf_putc(out, ')');
        return;
    case DATA_JSON:
        buf_puts(out, "JSON");
        return;
    }
}

/* Several keys: a row of (is it there?, key) pairs, so that a null loses on either side. */
static const char *by_row(struct emit *emit, const struct plan_expr *expr)
{
    bool first = expr->function->id == PLAN_FUNCTION_FIRST_BY;
    struct buf text = BUF_INIT;
    buf_printf(&text, "%s(%%1, row(", first ? "arg_min" : "arg_max");
    for (size_t i = 1; i < expr->arg_count; i++)
        buf_printf(&text, "%s#%zu IS %sNULL, %%%zu", i == 1 ? "" : ", ", i + 1, first ? "" : "NOT ",
                   i + 1);
    buf_puts(&text, "))%F");
    struct str copy = emit_copy(emit, &text);
    buf_done(&text);
    return copy.ptr;
}

static const char *order_key(const struct plan_expr *expr)
{
    bool number = expr->args[0]->type.kind == DATA_BIGINT;
    if (expr->args[1]->type.kind == DATA_BIGINT)
        return number ? "CAST(%1 AS HUGEINT) * 18446744073709551616 + $2" : NULL;
    return number
               ? "CAST(%1 AS HUGEINT) * 18446744073709551616 + CAST(#2 >> 64 AS HUGEINT)"
               : "CAST(epoch_us(%1) AS HUGEINT) * 18446744073709551616 + CAST(#2 >> 64 AS HUGEINT)";
}

static bool is_nonzero_literal(const struct plan_expr *expr)
{
    return expr->kind == PLAN_LITERAL && expr->literal != NULL &&
           strpbrk(expr->literal, "123456789") != NULL;
}

/* The value of a bigint literal. */
static bool is_number(const struct plan_expr *expr, int64_t *ret)
{
    return expr->kind == PLAN_LITERAL && expr->literal != NULL &&
           str_to_int64(str_of(expr->literal), ret);
}

/* Characters first … first + count - 1 that there are: DuckDB counts a first below 1 from the end.
 */
static const char *substring(const struct plan_expr *expr)
{
    int64_t first, count = 0;
    bool plain = is_number(expr->args[1], &first) && first > 0;
    if (plain && (expr->arg_count == 2 || (is_number(expr->args[2], &count) && count >= 0)))
        return "substring(%*)";
    if (expr->arg_count == 2)
        return "substring(%1, CASE WHEN %2 < 1 THEN 1 ELSE %2 END)";
    if (plain)
        return "substring(%1, %2, CASE WHEN %3 < 0 THEN 0 ELSE %3 END)";
    return "substring(%1, CASE WHEN %2 < 1 THEN 1 ELSE %2 END, CASE WHEN %3 < 0 THEN 0 WHEN %2 >= "
           "1 "
           "THEN %3 WHEN #3 + #2 > 1 THEN #3 + #2 - 1 ELSE 0 END)";
}

static const char *lpad(const struct plan_expr *expr)
{
    const struct plan_expr *with = expr->args[2];
    if (with->kind == PLAN_LITERAL && with->literal != NULL && with->literal[0] != '\0')
        return "lpad(%1, CAST(%2 AS INTEGER), %3)";
    return "CASE WHEN %3 = '' THEN left(%1, CASE WHEN %2 < 0 THEN 0 ELSE %2 END) WHEN %3 IS NOT "
           "NULL THEN lpad(%1, CAST(%2 AS INTEGER), %3) END";
}

static const char *split_part(const struct plan_expr *expr)
{
    int64_t number;
    const struct plan_expr *separator = expr->args[1];
    if (is_number(expr->args[2], &number) && number > 0 && separator->kind == PLAN_LITERAL &&
        separator->literal != NULL && separator->literal[0] != '\0')
        return "split_part(%1, %2, %3)";
    return "CASE WHEN %3 < 1 OR (%2 = '' AND %3 > 1) THEN left(%1, 0) WHEN %2 = '' AND %3 = 1 THEN "
           "%1 WHEN %2 IS NOT NULL THEN split_part(%1, %2, %3) END";
}

/* round(), floor() and ceil() of decimals, whose type is the plan's again. */
static const char *whole(struct emit *emit, const struct plan_expr *expr)
{
    struct data_type type = expr->type;
    if (type.kind == DATA_BIGINT)
        return "CAST(%1 AS BIGINT)";
    if (type.kind != DATA_DECIMAL)
        return NULL;
    if (expr->function->id != PLAN_FUNCTION_ROUND)
        return arena_printf(emit->arena, "CAST(%s(%%1) AS DECIMAL(%u, %u))",
                            expr->function->id == PLAN_FUNCTION_FLOOR ? "floor" : "ceil",
                            type.precision, type.scale);
    int64_t places = 0, least = (int64_t)type.scale - type.precision;
    if (!is_number(expr->args[1], &places))
        return arena_printf(emit->arena,
                            "CAST(round(%%1, CAST(%%2 AS INTEGER)) AS DECIMAL(%u, %u))",
                            type.precision, type.scale);
    if (places >= type.scale)
        return "%1";
    return arena_printf(emit->arena, "CAST(round(%%1, %lld) AS DECIMAL(%u, %u))",
                        (long long)(places < least ? least : places), type.precision, type.scale);
}

static const char *added_time(const struct plan_expr *expr, enum precedence *ret_precedence)
{
    if (expr->function->id == PLAN_FUNCTION_ADD_DAYS && expr->type.kind == DATA_DATE)
        return "$1 + CAST(%2 AS INTEGER)";
    if (expr->type.kind != DATA_DATE)
        return NULL;
    *ret_precedence = PRECEDENCE_ATOM;
    return "CAST(#1 + #2 * INTERVAL '1' MONTH AS DATE)";
}

/* A member's name that DuckDB could take for a path or a pattern is written as one. */
static const char *json_member(struct emit *emit, const struct plan_expr *expr)
{
    const struct plan_expr *key = expr->args[1];
    const char *arrow = expr->function->id == PLAN_FUNCTION_JSON_GET ? "->" : "->>";
    if (key->kind != PLAN_LITERAL || key->literal == NULL)
        return arena_printf(emit->arena, "(#1 %s ('$.\"' || %%2 || '\"'))", arrow);
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    bool digits = key->literal[0] >= '0' && key->literal[0] <= '9';
    if (!digits && key->literal[0] != '\0' && key->literal[strspn(key->literal, PLAIN)] == '\0')
        return NULL;
    return arena_printf(emit->arena, "(#1 %s ('$.\"' || %%2 || '\"'))", arrow);
}

/* A member's text, or that of the one item of an array that stands there. */
static const char *json_sole(struct emit *emit, const struct plan_expr *expr)
{
    const struct plan_expr *key = expr->args[1];
    if (expr->args[0]->kind == PLAN_LITERAL) /* of a null DuckDB knows no list */
        return expr->args[0]->literal == NULL ? "CAST(NULL AS VARCHAR)" : NULL;
    if (!emit_is_plain_path(key) || strchr(key->literal, '.') != NULL)
        return NULL;
    return arena_printf(emit->arena,
                        "CASE json_type(%%1, '$.%s') WHEN 'ARRAY' THEN list_aggregate(#1 ->> "
                        "'$.%s[*]', 'string_agg', '\xEF\xB7\x90') ELSE #1 ->> '%s' END",
                        key->literal, key->literal, key->literal);
}

/* Short, and read once where it stands twice beside itself: not in a lambda's body, where DuckDB
 * looks for nothing that is equal. */
static bool is_short(const struct plan_expr *expr)
{
    bool path = expr->kind == PLAN_CALL && expr->function->id == PLAN_FUNCTION_JSON_PATH;
    const struct plan_expr *from = path ? expr->args[0] : expr;
    return from->kind == PLAN_COLUMN || from->kind == PLAN_ELEMENT;
}

static const char *has_array(struct emit *emit, const struct plan_expr *expr)
{
    struct buf text = BUF_INIT;
    bool plain = true;
    for (size_t i = 1; i < expr->arg_count; i++)
        plain = plain && emit_is_plain_path(expr->args[i]);
    if (plain && expr->arg_count == 2)
        return arena_printf(emit->arena, "coalesce(json_type(%%1, '$.%s') = 'ARRAY', FALSE)",
                            expr->args[1]->literal);
    buf_puts(&text, plain ? "coalesce(list_contains(json_type(%1, [" : "coalesce('ARRAY' IN (");
    for (size_t i = 1; i < expr->arg_count; i++)
        if (plain)
            buf_printf(&text, "%s'$.%s'", i > 1 ? ", " : "", expr->args[i]->literal);
        else
            buf_printf(&text, "%sjson_type(%%1, '$.\"' || replace(%%%zu, '.', '\".\"') || '\"')",
                       i > 1 ? ", " : "", i + 1);
    buf_puts(&text, plain ? "]), 'ARRAY'), FALSE)" : "), FALSE)");
    struct str copy = emit_copy(emit, &text);
    buf_done(&text);
    return copy.ptr;
}

/* error() is of no type: a CASE makes it the type of what stands beside it, but a list's. */
static const char *raised(struct emit *emit, const struct plan_expr *expr)
{
    struct buf text = BUF_INIT;
    bool list = expr->type.kind == DATA_LIST;
    const char *what = expr->args[0]->literal;
    bool plain = expr->args[0]->kind == PLAN_LITERAL && what != NULL && strpbrk(what, "'%$#") == NULL;
    buf_puts(&text, list ? "CAST(" : "");
    if (plain)
        buf_printf(&text, "error('marrow: %s')", what);
    else
        buf_puts(&text, "error('marrow: ' || #1)");
    buf_puts(&text, list ? " AS " : "");
    if (list) {
        duckdb_type(expr->type, &text);
        buf_putc(&text, ')');
    }
    struct str copy = emit_copy(emit, &text);
    buf_done(&text);
    return copy.ptr;
}

static bool reads_columns(const struct plan_expr *expr)
{
    bool reads = expr->kind == PLAN_COLUMN;
    for (size_t i = 0; i < expr->arg_count && !reads; i++)
        reads = reads_columns(expr->args[i]);
    return reads;
}

/* f(CAST(%1 AS type), …) */
static const char *each_cast(struct emit *emit, const struct plan_expr *expr)
{
    struct buf out = BUF_INIT;
    buf_printf(&out, "%s(", expr->function->name);
    for (size_t i = 0; i < expr->arg_count; i++) {
        buf_printf(&out, "%sCAST(%%%zu AS ", i > 0 ? ", " : "", i + 1);
        emit->dialect->type(expr->type, &out);
        buf_putc(&out, ')');
    }
    buf_putc(&out, ')');
    struct str copy = emit_copy(emit, &out);
    buf_done(&out);
    return copy.ptr;
}

/* A list that is made of another is never null. */
static bool never_null(const struct plan_expr *expr)
{
    if (expr->kind != PLAN_CALL)
        return false;
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_LIST:
    case PLAN_FUNCTION_LIST_TRANSFORM:
    case PLAN_FUNCTION_LIST_FILTER:
    case PLAN_FUNCTION_LIST_FLAT:
    case PLAN_FUNCTION_LIST_CONCAT:
    case PLAN_FUNCTION_LIST_SLICE:
    case PLAN_FUNCTION_JSON_ITEMS:
        return true;
    }
    return false;
}

static const char *of_lists(const struct plan_expr *expr)
{
    int64_t number;
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_LIST_GET:
        return expr->args[1]->kind == PLAN_LITERAL && expr->args[1]->literal != NULL &&
                       str_to_int64(str_of(expr->args[1]->literal), &number) && number > 0
                   ? "list_extract(%1, %2)"
                   : NULL;
    case PLAN_FUNCTION_LIST_TRANSFORM:
        return never_null(expr->args[0]) ? "list_transform(%1, lambda %V: %2)" : NULL;
    case PLAN_FUNCTION_LIST_FILTER:
        return never_null(expr->args[0]) ? "list_filter(%1, lambda %V: %2)" : NULL;
    case PLAN_FUNCTION_LIST_FLAT:
        return never_null(expr->args[0]) ? "flatten(list_transform(%1, lambda %V: %2))" : NULL;
    }
    return NULL;
}

/* Of a type that is told, its name within the pattern. */
static const char *reference_key_of(struct emit *emit, const struct plan_expr *expr)
{
    const char *type = expr->args[2]->literal;
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (expr->args[2]->kind != PLAN_LITERAL || type == NULL || type[strspn(type, LETTERS)] != '\0')
        return NULL;
    return arena_printf(emit->arena,
                        "CASE WHEN NOT starts_with(%%1, 'urn:uuid:') OR %%2 = %%3 THEN "
                        "nullif(regexp_extract(split_part(%%1, '/_history/', 1), "
                        "'^(?:urn:uuid:|(?:[^#?{[][^?]*/)?%s/)([^/?]+)$', 1), '') END",
                        type);
}

static const char *choose_more(struct emit *emit, const struct plan_expr *expr,
                               enum precedence *ret_precedence)
{
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_COALESCE:
    case PLAN_FUNCTION_GREATEST:
    case PLAN_FUNCTION_LEAST:
        return expr->arg_count < 10 && emit_crowded(expr->type, expr->args, expr->arg_count)
                   ? each_cast(emit, expr)
                   : NULL;
    case PLAN_FUNCTION_SUBSTRING:
        return substring(expr);
    case PLAN_FUNCTION_LPAD:
        return lpad(expr);
    case PLAN_FUNCTION_SPLIT_PART:
        return split_part(expr);
    case PLAN_FUNCTION_ROUND:
    case PLAN_FUNCTION_FLOOR:
    case PLAN_FUNCTION_CEIL:
        return whole(emit, expr);
    case PLAN_FUNCTION_ADD_DAYS:
    case PLAN_FUNCTION_ADD_MONTHS:
        return added_time(expr, ret_precedence);
    case PLAN_FUNCTION_JSON_GET:
    case PLAN_FUNCTION_JSON_VALUE:
        return json_member(emit, expr);
    case PLAN_FUNCTION_JSON_SOLE:
        return json_sole(emit, expr);
    case PLAN_FUNCTION_JSON_PATH:
        return emit_is_plain_path(expr->args[1])
                   ? arena_printf(emit->arena, "(#1 -> '%s%s')",
                                  strchr(expr->args[1]->literal, '.') != NULL ? "$." : "",
                                  expr->args[1]->literal)
                   : NULL;
    case PLAN_FUNCTION_JSON_ITEMS:
        return is_short(expr->args[0])
                   ? "list_filter(CASE json_type(%1) WHEN 'ARRAY' THEN #1 -> '$[*]' ELSE [%1] END, "
                     "lambda marrow_e: marrow_e <> 'null')"
                   : NULL;
    case PLAN_FUNCTION_LIST_GET:
    case PLAN_FUNCTION_LIST_TRANSFORM:
    case PLAN_FUNCTION_LIST_FILTER:
    case PLAN_FUNCTION_LIST_FLAT:
        return of_lists(expr);
    case PLAN_FUNCTION_REFERENCE_KEY_OF:
        return reference_key_of(emit, expr);
    case PLAN_FUNCTION_JSON_HAS_ARRAY:
        return has_array(emit, expr);
    case PLAN_FUNCTION_RAISE:
        return raised(emit, expr);
    case PLAN_FUNCTION_AGE_YEARS:
    case PLAN_FUNCTION_AGE_MONTHS:
        *ret_precedence = PRECEDENCE_PRODUCT;
        return NULL;
    }
    return NULL;
}

static const char *choose(struct emit *emit, const struct plan_expr *expr,
                          enum precedence *ret_precedence)
{
    enum data_kind kind = expr->arg_count > 0 ? expr->args[0]->type.kind : DATA_NULL;
    enum plan_function_id id = expr->function->id;
    if (id == PLAN_FUNCTION_LIKE && expr->args[1]->kind == PLAN_LITERAL &&
        (expr->args[1]->literal == NULL || strchr(expr->args[1]->literal, '\\') == NULL))
        return "$1 LIKE $2"; /* DuckDB has no escape unless told; the plain form is the optimised
                                one */
    if (id == PLAN_FUNCTION_DIV && is_nonzero_literal(expr->args[1]))
        return "$1 / $2";
    if (id == PLAN_FUNCTION_SUM && kind == DATA_BIGINT)
        return "CAST(sum(%D%1)%F AS DECIMAL(38, 0))";
    if (id == PLAN_FUNCTION_SUM && kind == DATA_DOUBLE)
        return "marrow_sum(%D%1)%F";
    if (id == PLAN_FUNCTION_MEAN && kind == DATA_DOUBLE)
        return "marrow_mean(%D%1)%F";
    if (id == PLAN_FUNCTION_SD && kind == DATA_DOUBLE)
        return "marrow_sd(%D%1)%F";
    if (id == PLAN_FUNCTION_VAR && kind != DATA_DOUBLE)
        return "marrow_var(CAST(%1 AS DOUBLE))%F";
    if (id == PLAN_FUNCTION_MODE && !reads_columns(expr->args[0]))
        return "min(%1)%F"; /* DuckDB takes mode(constant ORDER BY …) for a percentile */
    if (id == PLAN_FUNCTION_MODE && kind == DATA_TEXT)
        return "marrow_mode(%1)%F";
    if (id == PLAN_FUNCTION_BUCKET && kind == DATA_TEXT)
        return "marrow_bucket(%1, %2)";
    if (id == PLAN_FUNCTION_ORDER_KEY)
        return order_key(expr);
    if ((id == PLAN_FUNCTION_FIRST_BY || id == PLAN_FUNCTION_LAST_BY) && expr->arg_count > 2)
        return by_row(emit, expr);
    return choose_more(emit, expr, ret_precedence);
}

static void field_sql(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                      struct buf *out)
{
    buf_puts(out, "struct_extract(");
    emit_expr(emit, env, expr->args[0], true, out);
    buf_puts(out, ", ");
    emit_quoted(out, str_of(expr->name));
    buf_putc(out, ')');
}

static void record_sql(struct emit *emit, const struct env *env, const struct plan_expr *expr,
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

static void param_sql(struct data_type type, const char *place, struct buf *out)
{
    bool nested = type.kind == DATA_LIST || type.kind == DATA_STRUCT;
    buf_printf(out, nested ? "CAST(CAST(%s AS JSON) AS " : "CAST(%s AS ", place);
    duckdb_type(type, out);
    buf_putc(out, ')');
}

static void json_scalar(struct data_type type, const char *value, struct buf *out)
{
    switch (type.kind) {
    case DATA_DOUBLE:
        buf_printf(
            out, "CASE WHEN isfinite(%s) THEN regexp_replace(CAST(%s AS VARCHAR), '[.]0$', '') END",
            value, value);
        return;
    case DATA_TEXT:
        buf_printf(out, "CAST(to_json(%s) AS VARCHAR)", value);
        return;
    case DATA_NULL:
    case DATA_BOOLEAN:
    case DATA_BIGINT:
    case DATA_UHUGEINT:
    case DATA_DECIMAL:
    case DATA_JSON:
    case DATA_LIST:
    case DATA_STRUCT:
        buf_printf(out, "CAST(%s AS VARCHAR)", value);
        return;
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
    case DATA_BLOB:
        buf_printf(out, "'\"' || CAST(%s AS VARCHAR) || '\"'", value);
        return;
    }
}

static void json_list(const char *list, const char *element, const char *text, struct buf *out)
{
    buf_printf(out, "'[' || array_to_string(list_transform(%s, lambda %s: %s), ',') || ']'", list,
               element, text);
}

static void json_field(const char *value, const char *field, struct buf *out)
{
    buf_printf(out, "struct_extract(%s, ", value);
    emit_quoted(out, str_of(field));
    buf_putc(out, ')');
}

static bool holds_null(const struct plan_expr *expr)
{
    if (expr->kind == PLAN_LITERAL)
        return expr->literal == NULL || expr->type.kind == DATA_JSON;
    if (expr->kind == PLAN_PARAM)
        return true;
    if (expr->kind == PLAN_CALL && expr->function->id == PLAN_FUNCTION_RAISE)
        return false;
    for (size_t i = 0; i < expr->arg_count; i++)
        if (holds_null(expr->args[i]))
            return true;
    return false;
}

/* A literal beside a decimal makes DuckDB's type narrower, or another; what it finds to be always
 * null has no type at all. Sums are as wide as the plan says. */
static bool strays(struct data_type type, const struct origin *origin)
{
    const struct plan_expr *expr = origin->expr;
    if (origin->mixed && type.kind == DATA_DECIMAL)
        return true;
    if (expr == NULL)
        return false;
    if (expr->kind == PLAN_AGGREGATE_CALL && type.kind == DATA_DECIMAL && expr->arg_count > 0 &&
        !reads_columns(expr->args[0]))
        return true;
    bool computed = expr->kind == PLAN_CALL || expr->kind == PLAN_CASE || expr->kind == PLAN_FIELD;
    return (computed && type.kind == DATA_DECIMAL) ||
           (expr->kind != PLAN_LITERAL && expr->kind != PLAN_CAST && holds_null(expr));
}

static const char *lacks_expr(const struct plan_expr *expr)
{
    bool rounds = expr->function != NULL && expr->function->id == PLAN_FUNCTION_ROUND;
    if (rounds && expr->args[1]->kind != PLAN_LITERAL && expr->args[1]->kind != PLAN_PARAM)
        return "round to a number of places that is no literal";
    bool joins = expr->function != NULL && expr->function->id == PLAN_FUNCTION_LIST_JOIN;
    if (joins && expr->args[1]->kind != PLAN_LITERAL)
        return "list_join with a separator that is no literal";
    return NULL;
}

const struct dialect dialect_duckdb = {
    .name = "duckdb",
    .spellings = dialect_duckdb_spellings,
    .choose = choose,
    .type = duckdb_type,
    .cast = duckdb_cast,
    .lacks_expr = lacks_expr,
    .field = field_sql,
    .record = record_sql,
    .param = param_sql,
    .json_scalar = json_scalar,
    .json_list = json_list,
    .json_field = json_field,
    .strays = strays,
    .fuses = true,
};
