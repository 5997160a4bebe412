/* Trino (418 and later): types, literals, structs, lists and what it lacks. Calls: trino_choose.c,
 * casts: trino_cast.c. Text order is bytewise by nature. JSON is a VARCHAR here, as it is in tables
 * of the Hive connector: Trino's own type sorts members and rewrites numbers. Timestamps have six
 * decimals everywhere. Intervals are literals beside add_interval only: Trino's have no
 * microseconds. */
#include "dialect/trino_priv.h"

#include <string.h>

static void record_type(struct data_type type, struct buf *out)
{
    buf_puts(out, "ROW(");
    for (size_t i = 0; i < type.field_count; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        dialect_quote_identifier(&dialect_trino, str_of(type.fields[i].name), out);
        buf_putc(out, ' ');
        trino_type(type.fields[i].type, out);
    }
    buf_putc(out, ')');
}

void trino_type(struct data_type type, struct buf *out)
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
        buf_puts(out, "TIME(6)");
        return;
    case DATA_TIMESTAMP:
        buf_puts(out, "TIMESTAMP(6)");
        return;
    case DATA_TIMESTAMPTZ:
        buf_puts(out, "TIMESTAMP(6) WITH TIME ZONE");
        return;
    case DATA_INTERVAL:
        buf_puts(out, "INTERVAL DAY TO SECOND");
        return;
    case DATA_BLOB:
        buf_puts(out, "VARBINARY");
        return;
    case DATA_LIST:
        buf_puts(out, "ARRAY(");
        trino_type(type.fields[0].type, out);
        buf_putc(out, ')');
        return;
    case DATA_STRUCT:
        record_type(type, out);
        return;
    }
}

/* Literals whose type's name cannot stand before them. */
static bool literal_sql(const struct plan_expr *expr, struct buf *out)
{
    int digits = (int)strcspn(expr->literal, "+");
    switch ((int)expr->type.kind) {
    case DATA_DOUBLE:
        if (strcmp(expr->literal, "NaN") == 0)
            buf_puts(out, "nan()");
        else if (strstr(expr->literal, "nf") != NULL)
            buf_puts(out, expr->literal[0] == '-' ? "(-infinity())" : "infinity()");
        else
            buf_printf(out, "DOUBLE '%s'", expr->literal);
        return true;
    case DATA_JSON:
        emit_quoted(out, str_of(expr->literal));
        return true;
    case DATA_TIME:
        buf_printf(out, "CAST(TIME '%s' AS TIME(6))", expr->literal);
        return true;
    case DATA_TIMESTAMP:
        buf_printf(out, "CAST(TIMESTAMP '%s' AS TIMESTAMP(6))", expr->literal);
        return true;
    case DATA_TIMESTAMPTZ:
        buf_printf(out, "CAST(TIMESTAMP '%.*s UTC' AS TIMESTAMP(6) WITH TIME ZONE)", digits,
                   expr->literal);
        return true;
    case DATA_BLOB:
        buf_puts(out, "X'");
        for (const char *at = expr->literal; *at != '\0'; at++)
            buf_printf(out, "%02X", (unsigned char)*at);
        buf_putc(out, '\'');
        return true;
    }
    return false;
}

static void field_sql(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                      struct buf *out)
{
    buf_putc(out, '(');
    emit_expr(emit, env, expr->args[0], true, out);
    buf_puts(out, ").");
    dialect_quote_identifier(emit->dialect, str_of(expr->name), out);
}

static void record_sql(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                       struct buf *out)
{
    buf_puts(out, "CAST(ROW(");
    for (size_t i = 0; i < expr->arg_count; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        emit_expr(emit, env, expr->args[i], true, out);
    }
    buf_puts(out, ") AS ");
    record_type(expr->type, out);
    buf_putc(out, ')');
}

/* Bound typed or as text. */
static void param_sql(struct data_type type, const char *place, struct buf *out)
{
    if (type.kind == DATA_TIMESTAMPTZ) {
        buf_printf(out,
                   "with_timezone(CAST(regexp_replace(CAST(%s AS VARCHAR), '( "
                   "?UTC|Z|[+]00(:00)?)$', '') AS TIMESTAMP(6)), 'UTC')",
                   place);
        return;
    }
    bool list = type.kind == DATA_LIST;
    buf_puts(out, list ? "transform(CAST(json_parse(" : "");
    buf_printf(out, "CAST(%s AS ", place);
    trino_type(list ? DATA_TYPE(TEXT) : type, out);
    buf_putc(out, ')');
    if (!list)
        return;
    buf_puts(out, ") AS ARRAY(VARCHAR)), marrow_e -> CAST(marrow_e AS ");
    trino_type(type.fields[0].type, out);
    buf_puts(out, "))");
}

/* ---- lists and structs as JSON text -------------------------------------------------------------
 */

static void json_scalar(struct data_type type, const char *value, struct buf *out)
{
    struct buf text = BUF_INIT;
    switch (type.kind) {
    case DATA_DOUBLE:
        buf_printf(
            out,
            "CASE WHEN is_finite(%s) THEN transform(ARRAY[%s], marrow_d -> " TRINO_DOUBLE_TEXT(
                "marrow_d") ")[1] END",
            value, value);
        break;
    case DATA_TEXT:
        buf_printf(out, "json_format(CAST(%s AS JSON))", value);
        break;
    case DATA_JSON:
        buf_puts(out, value);
        break;
    case DATA_DECIMAL:
        buf_printf(out, "CAST(CAST(%s AS DECIMAL(%u, %u)) AS VARCHAR)", value, type.precision,
                   type.scale);
        break;
    case DATA_TIME:
    case DATA_TIMESTAMP:
        trino_type(type, &text);
        buf_printf(out, "'\"' || " TRINO_CLOCK_TEXT("CAST(CAST(%s AS %s) AS VARCHAR)") " || '\"'",
                   value, buf_text(&text));
        break;
    case DATA_TIMESTAMPTZ:
        buf_printf(
            out,
            "'\"' || " TRINO_CLOCK_TEXT(
                "CAST(CAST((%s) AT TIME ZONE 'UTC' AS TIMESTAMP(6)) AS VARCHAR)") " || '+00\"'",
            value);
        break;
    case DATA_DATE:
        buf_printf(out, "'\"' || CAST(%s AS VARCHAR) || '\"'", value);
        break;
    case DATA_NULL:
    case DATA_BOOLEAN:
    case DATA_BIGINT:
    case DATA_UHUGEINT:
    case DATA_INTERVAL:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
        buf_printf(out, "CAST(%s AS VARCHAR)", value);
        break;
    }
    buf_done(&text);
}

static void json_list(const char *list, const char *element, const char *text, struct buf *out)
{
    buf_printf(out, "'[' || array_join(transform(%s, %s -> %s), ',') || ']'", list, element, text);
}

static void json_field(const char *value, const char *field, struct buf *out)
{
    buf_printf(out, "(%s).", value);
    dialect_quote_identifier(&dialect_trino, str_of(field), out);
}

static bool strays(struct data_type type, const struct origin *origin)
{
    const struct plan_expr *expr = origin->expr;
    bool plain =
        !origin->mixed && (expr == NULL || expr->kind == PLAN_CAST || expr->kind == PLAN_LITERAL);
    return !plain && type.kind == DATA_DECIMAL;
}

/* ---- what it lacks ------------------------------------------------------------------------------
 */

/* Trino's analysis takes some four times as long for each body within a body: with nine a query is
 * not planned within a quarter of an hour. */
#define BODIES_MOST 8

static unsigned bodies_within(const struct plan_expr *expr)
{
    unsigned most = 0;
    for (size_t i = 0; i < expr->arg_count; i++) {
        bool body = plan_binds(expr) && i + 1 == expr->arg_count;
        unsigned within = bodies_within(expr->args[i]) + body;
        most = within > most ? within : most;
    }
    return most;
}

static const char *lacks_expr(const struct plan_expr *expr)
{
    bool adds = expr->function != NULL && expr->function->id == PLAN_FUNCTION_ADD_INTERVAL;
    if (expr->type.kind == DATA_UHUGEINT)
        return "a number of 128 bits";
    if (plan_binds(expr) && bodies_within(expr) > BODIES_MOST)
        return "more than eight list functions or lets, each in the body of the one before";
    if (expr->kind != PLAN_LITERAL && expr->type.kind == DATA_INTERVAL)
        return "a computed interval";
    for (size_t i = 0; i < expr->arg_count; i++)
        if (expr->args[i]->type.kind == DATA_INTERVAL &&
            (!adds || expr->args[i]->kind != PLAN_LITERAL))
            return "a computed interval";
    return expr->kind == PLAN_CAST ? trino_lacks_cast(expr) : NULL;
}

static const char *lacks_rel(const struct plan_rel *rel)
{
    for (size_t i = 0; i < rel->column_count; i++)
        if (rel->columns[i].type.kind == DATA_INTERVAL)
            return "a column of intervals";
    return NULL;
}

const struct dialect dialect_trino = {
    .name = "trino",
    .spellings = dialect_trino_spellings,
    .choose = trino_choose,
    .type = trino_type,
    .literal = literal_sql,
    .cast = trino_cast,
    .lacks_expr = lacks_expr,
    .lacks_rel = lacks_rel,
    .field = field_sql,
    .record = record_sql,
    .param = param_sql,
    .json_scalar = json_scalar,
    .json_list = json_list,
    .json_field = json_field,
    .strays = strays,
    .unnests_in_from = true,
    .offset_first = true,
    .question_marks = true,
    .lets_by_lambda = true,
    .unnest_opens_records = true,
};
