/* Trino's casts, held to what every engine does (cast_priv.h): its own take 1d, 2024-2-5 and years
 * of five digits, write doubles as 1.0E0 and times with six decimals, and round doubles half up. */
#include "dialect/cast_priv.h"
#include "dialect/trino_priv.h"

#define MATCHES(pattern) "regexp_like(%1, '^(" pattern ")$')"

/* valid: a condition on %1; value: what is cast then. */
static const char *checked(struct emit *emit, const struct plan_expr *expr, const char *valid,
                           const char *value)
{
    char word[32];
    struct buf type = BUF_INIT;
    trino_type(expr->type, &type);
    const char *text =
        expr->try_cast
            ? arena_printf(emit->arena, "CASE WHEN %s THEN TRY_CAST(%s AS %s) END", valid, value,
                           buf_text(&type))
            : arena_printf(emit->arena,
                           "CAST(CASE WHEN %s THEN %s WHEN %%1 IS NOT NULL THEN 'no %s' END AS %s)",
                           valid, value, data_type_text(expr->type, word), buf_text(&type));
    emit->failed = emit->failed || type.failed;
    buf_done(&type);
    return text;
}

static const char *from_text(struct emit *emit, const struct plan_expr *expr)
{
    switch (expr->type.kind) {
    case DATA_BOOLEAN:
        return expr->try_cast
                   ? "CASE WHEN lower(trim(%1, ' ')) IN (" CAST_TRUE
                     ") THEN TRUE WHEN lower(trim(%1, ' ')) IN (" CAST_FALSE ") THEN FALSE END"
                   : "CASE WHEN lower(trim(%1, ' ')) IN (" CAST_TRUE
                     ") THEN TRUE WHEN lower(trim(%1, ' ')) IN (" CAST_FALSE
                     ") THEN FALSE WHEN %1 IS NOT NULL THEN CAST('no boolean' AS BOOLEAN) END";
    case DATA_BIGINT:
    case DATA_UHUGEINT:
        return checked(emit, expr, MATCHES(CAST_BIGINT), "trim(%1, ' ')");
    case DATA_DECIMAL:
        return checked(emit, expr, MATCHES(CAST_DECIMAL), "trim(%1, ' ')");
    case DATA_DOUBLE:
        return checked(emit, expr,
                       MATCHES(CAST_DOUBLE_WORD) " OR (" MATCHES(
                           CAST_DOUBLE) " AND is_finite(TRY_CAST(%1 AS DOUBLE)))",
                       "CASE WHEN " MATCHES(CAST_DOUBLE) " THEN %1 WHEN lower(%1) LIKE '%n%a%n%' "
                                                         "THEN 'NaN' WHEN %1 LIKE '%-%' THEN "
                                                         "'-Infinity' ELSE 'Infinity' END");
    case DATA_DATE:
        return checked(emit, expr, MATCHES(CAST_DATE), "%1");
    case DATA_TIMESTAMP:
        return checked(emit, expr, MATCHES(CAST_TIMESTAMP), "replace(%1, 'T', ' ')");
    case DATA_TIME:
        return checked(emit, expr, MATCHES(CAST_TIME), "%1");
    case DATA_JSON:
        return expr->try_cast ? "CASE WHEN TRY(json_parse(%1)) IS NOT NULL THEN %1 END"
                              : "CASE WHEN json_parse(%1) IS NOT NULL THEN %1 END";
    case DATA_TIMESTAMPTZ:
    case DATA_NULL:
    case DATA_TEXT:
    case DATA_INTERVAL:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
        break;
    }
    return NULL;
}

static const char *to_text(const struct plan_expr *expr)
{
    switch ((int)expr->args[0]->type.kind) {
    case DATA_DOUBLE:
        return "transform(ARRAY[%1], marrow_d -> " TRINO_DOUBLE_TEXT("marrow_d") ")[1]";
    case DATA_TIME:
        return TRINO_CLOCK_TEXT("CAST(CAST(%1 AS TIME(6)) AS VARCHAR)");
    case DATA_TIMESTAMP:
        return TRINO_CLOCK_TEXT("CAST(CAST(%1 AS TIMESTAMP(6)) AS VARCHAR)");
    case DATA_TIMESTAMPTZ:
        return "(" TRINO_CLOCK_TEXT(
            "CAST(CAST(#1 AT TIME ZONE 'UTC' AS TIMESTAMP(6)) AS VARCHAR)") " || '+00')";
    }
    return NULL;
}

/* A double goes to a decimal by its shortest text; to a bigint half to even, as elsewhere. */
static const char *from_double(struct emit *emit, const struct plan_expr *expr)
{
    if (expr->type.kind == DATA_DECIMAL)
        return arena_printf(emit->arena, "%s(CAST(%%1 AS VARCHAR) AS DECIMAL(%u, %u))",
                            expr->try_cast ? "TRY_CAST" : "CAST", expr->type.precision,
                            expr->type.scale);
    if (expr->type.kind == DATA_BIGINT)
        return arena_printf(emit->arena,
                            "%s(CASE WHEN abs(%%1 - truncate(%%1)) = 5E-1 THEN 2 * round(%%1 / 2) "
                            "ELSE %%1 END AS BIGINT)",
                            expr->try_cast ? "TRY_CAST" : "CAST");
    return NULL;
}

const char *trino_cast(struct emit *emit, const struct plan_expr *expr)
{
    enum data_kind from = expr->args[0]->type.kind, to = expr->type.kind;
    if (from == DATA_TEXT)
        return from_text(emit, expr);
    if (to == DATA_TEXT)
        return to_text(expr);
    if (from == DATA_DOUBLE)
        return from_double(emit, expr);
    if (from == DATA_DATE && to == DATA_TIMESTAMPTZ)
        return "with_timezone(CAST(%1 AS TIMESTAMP(6)), 'UTC')";
    if (from == DATA_TIMESTAMP && to == DATA_TIMESTAMPTZ)
        return "with_timezone(%1, 'UTC')";
    if (from == DATA_TIMESTAMPTZ && to == DATA_DATE)
        return "CAST(#1 AT TIME ZONE 'UTC' AS DATE)";
    if (from == DATA_TIMESTAMPTZ && to == DATA_TIMESTAMP)
        return "CAST(#1 AT TIME ZONE 'UTC' AS TIMESTAMP(6))";
    return NULL;
}

const char *trino_lacks_cast(const struct plan_expr *expr)
{
    enum data_kind from = expr->args[0]->type.kind, to = expr->type.kind;
    if (from == DATA_TEXT && to == DATA_TIMESTAMPTZ)
        return "cast of text to timestamptz";
    if (to == DATA_TEXT &&
        (from == DATA_LIST || from == DATA_STRUCT || from == DATA_INTERVAL || from == DATA_BLOB))
        return "cast of a list, struct, interval or blob to text";
    return NULL;
}
