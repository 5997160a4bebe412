/* DuckDB's casts, held to what every engine does: its own take more texts ('5.7' and '1e3' as
 * bigints, 2024/2/5 as a date), write doubles another way, and round doubles after multiplying. */
#include "dialect/cast_priv.h"
#include "dialect/duckdb_priv.h"

#define MATCHES(pattern) "regexp_full_match(%1, '" pattern "')"

static const char *checked(struct emit *emit, const struct plan_expr *expr, const char *valid)
{
    char word[32];
    struct buf type = BUF_INIT;
    duckdb_type(expr->type, &type);
    const char *text =
        expr->try_cast
            ? arena_printf(emit->arena, "CASE WHEN %s THEN TRY_CAST(%%1 AS %s) END", valid,
                           buf_text(&type))
            : arena_printf(
                  emit->arena,
                  "CAST(CASE WHEN %s THEN %%1 WHEN %%1 IS NOT NULL THEN 'no %s' END AS %s)", valid,
                  data_type_text(expr->type, word), buf_text(&type));
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
                   : "CAST(CASE WHEN lower(trim(%1, ' ')) IN (" CAST_TRUE ", " CAST_FALSE
                     ") THEN trim(%1, ' ') WHEN %1 IS NOT NULL THEN 'no boolean' END AS BOOLEAN)";
    case DATA_BIGINT:
    case DATA_UHUGEINT:
        return checked(emit, expr, MATCHES(CAST_BIGINT));
    case DATA_DECIMAL:
        return checked(emit, expr, MATCHES(CAST_DECIMAL));
    case DATA_DOUBLE: /* beyond the doubles: no infinity */
        return checked(emit, expr,
                       "CASE WHEN " MATCHES(CAST_DOUBLE_WORD) " THEN TRUE WHEN " MATCHES(
                           CAST_DOUBLE) " THEN isfinite(TRY_CAST(%1 AS DOUBLE)) END");
    case DATA_DATE:
        return checked(emit, expr, MATCHES(CAST_DATE));
    case DATA_TIMESTAMP:
        return checked(emit, expr, MATCHES(CAST_TIMESTAMP));
    case DATA_TIMESTAMPTZ:
        return checked(emit, expr, MATCHES(CAST_TIMESTAMPTZ));
    case DATA_TIME:
        return checked(emit, expr, MATCHES(CAST_TIME));
    case DATA_NULL:
    case DATA_TEXT:
    case DATA_INTERVAL:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        break;
    }
    return NULL;
}

const char *duckdb_cast(struct emit *emit, const struct plan_expr *expr)
{
    struct data_type from = expr->args[0]->type;
    if (from.kind == DATA_TEXT)
        return from_text(emit, expr);
    if (from.kind == DATA_UHUGEINT && expr->type.kind == DATA_TEXT)
        return "marrow_digits(%1)";
    if (from.kind != DATA_DOUBLE)
        return NULL;
    if (expr->type.kind == DATA_TEXT)
        return "CASE WHEN isfinite(%1) THEN regexp_replace(CAST(%1 AS VARCHAR), '[.]0$', '') ELSE "
               "CAST(%1 AS VARCHAR) END";
    if (expr->type.kind == DATA_DECIMAL)
        return arena_printf(emit->arena, "%s(CAST(%%1 AS VARCHAR) AS DECIMAL(%u, %u))",
                            expr->try_cast ? "TRY_CAST" : "CAST", expr->type.precision,
                            expr->type.scale);
    return NULL;
}
