/* PostgreSQL's casts. It has no TRY_CAST, and its own casts take more than ours (2024-2-5, 1_000,
 * "on"), so a text is looked at first: a regular expression, then its range, each in a CASE, which
 * PostgreSQL evaluates in order. A text that does not pass is null, or is replaced by one that
 * makes PostgreSQL say what was expected without repeating the value. */
#include "dialect/cast_priv.h"
#include "dialect/postgres_priv.h"

/* 10^count as digits. */
static const char *power_of_ten(struct emit *emit, unsigned count)
{
    return arena_printf(emit->arena, "1e%u", count);
}

/* CAST(… AS type) with the type's name put for @ in text. */
static const char *with_type(struct emit *emit, struct data_type type, const char *text)
{
    struct buf out = BUF_INIT;
    for (; *text != '\0'; text++) {
        if (*text == '@')
            postgres_type(type, &out);
        else
            buf_putc(&out, *text);
    }
    struct str copy = emit_copy(emit, &out);
    buf_done(&out);
    return copy.ptr;
}

/* valid: a condition on %1 that is null or false where it is no such text. */
static const char *checked(struct emit *emit, const struct plan_expr *expr, const char *valid)
{
    char word[32];
    const char *text =
        expr->try_cast
            ? arena_printf(emit->arena, "CASE WHEN %s THEN CAST(%%1 AS @) END", valid)
            : arena_printf(emit->arena,
                           "CAST(CASE WHEN %s THEN %%1 WHEN %%1 IS NOT NULL THEN 'no %s' END AS @)",
                           valid, data_type_text(expr->type, word));
    return text == NULL ? NULL : with_type(emit, expr->type, text);
}

#define MATCHES(pattern) "%1 ~ '^(" pattern ")$' AND length(%1) < 1000"
#define DAY_EXISTS                                                                                 \
    "to_char(make_date(CAST(left(%1, 4) AS INTEGER), CAST(substr(%1, 6, 2) AS INTEGER), 1) + "     \
    "CAST(substr(%1, 9, 2) AS INTEGER) - 1, 'YYYY-MM-DD') = left(%1, 10)"

static const char *from_text(struct emit *emit, const struct plan_expr *expr)
{
    struct data_type type = expr->type;
    switch (type.kind) {
    case DATA_BOOLEAN:
        return expr->try_cast
                   ? "CASE WHEN lower(btrim(%1)) IN (" CAST_TRUE
                     ") THEN TRUE WHEN lower(btrim(%1)) IN (" CAST_FALSE ") THEN FALSE END"
                   : "CAST(CASE WHEN lower(btrim(%1)) IN (" CAST_TRUE ", " CAST_FALSE
                     ") THEN btrim(%1) WHEN %1 IS NOT NULL THEN 'no boolean' END AS BOOLEAN)";
    case DATA_BIGINT:
        return checked(
            emit, expr,
            "CASE WHEN " MATCHES(CAST_BIGINT) " THEN CAST(%1 AS NUMERIC) BETWEEN "
                                              "-9223372036854775808 AND 9223372036854775807 END");
    case DATA_UHUGEINT:
        return checked(
            emit, expr,
            "CASE WHEN " MATCHES(CAST_BIGINT) " THEN CAST(%1 AS NUMERIC) BETWEEN 0 AND "
                                              "340282366920938463463374607431768211455 END");
    case DATA_DECIMAL: {
        const char *valid = arena_printf(
            emit->arena, "CASE WHEN %s THEN abs(round(CAST(%%1 AS NUMERIC), %u)) < %s END",
            MATCHES(CAST_DECIMAL), type.scale,
            power_of_ten(emit, (unsigned)type.precision - type.scale));
        return valid == NULL ? NULL : checked(emit, expr, valid);
    }
    case DATA_DOUBLE:
        return checked(
            emit, expr,
            "CASE WHEN " MATCHES(CAST_DOUBLE_WORD) " THEN TRUE WHEN " MATCHES(
                CAST_DOUBLE) " THEN abs(CAST(%1 AS NUMERIC)) <= 1.7976931348623157e308 AND "
                             "(abs(CAST(%1 AS NUMERIC)) >= 5e-324 OR CAST(%1 AS NUMERIC) = 0) END");
    case DATA_DATE:
        return checked(emit, expr, "CASE WHEN " MATCHES(CAST_DATE) " THEN " DAY_EXISTS " END");
    case DATA_TIMESTAMP:
        return checked(emit, expr, "CASE WHEN " MATCHES(CAST_TIMESTAMP) " THEN " DAY_EXISTS " END");
    case DATA_TIMESTAMPTZ:
        return checked(emit, expr,
                       "CASE WHEN " MATCHES(CAST_TIMESTAMPTZ) " THEN " DAY_EXISTS " END");
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
    return with_type(emit, type, "CAST(%1 AS @)");
}

static const char *to_text(struct emit *emit, const struct plan_expr *expr)
{
    struct data_type from = expr->args[0]->type;
    if (from.kind == DATA_DECIMAL) /* its own scale may be another */
        return with_type(emit, from, "CAST(CAST(%1 AS @) AS TEXT)");
    if (from.kind == DATA_DOUBLE) /* no exponent below 1e16 */
        return "CASE WHEN %1 = 'NaN' THEN 'nan' WHEN abs(%1) = 'Infinity' THEN replace(CAST(%1 AS "
               "TEXT), 'Infinity', 'inf') WHEN abs(%1) >= 1e15 AND abs(%1) < 1e16 THEN "
               "CAST(CAST(CAST(%1 AS TEXT) AS NUMERIC) AS TEXT) ELSE CAST(%1 AS TEXT) END";
    return "CAST(%1 AS TEXT)";
}

/* A number's cast to decimal; a double goes by its shortest text. */
static const char *to_decimal(struct emit *emit, const struct plan_expr *expr)
{
    struct data_type type = expr->type, from = expr->args[0]->type;
    const char *most = power_of_ten(emit, (unsigned)type.precision - type.scale);
    if (from.kind == DATA_BOOLEAN)
        return with_type(emit, type, "CAST(CAST(%1 AS INTEGER) AS @)");
    bool real = from.kind == DATA_DOUBLE;
    if (!expr->try_cast)
        return with_type(emit, type,
                         real ? "CAST(CASE WHEN %1 IN ('NaN', 'Infinity', '-Infinity') THEN 'no "
                                "decimal' ELSE CAST(%1 AS TEXT) END AS @)"
                              : "CAST(%1 AS @)");
    const char *text =
        real ? arena_printf(emit->arena,
                            "CASE WHEN abs(%%1) < 1e39 THEN CASE WHEN abs(round(CAST(CAST(%%1 AS "
                            "TEXT) AS NUMERIC), %u)) < %s THEN "
                            "CAST(CAST(%%1 AS TEXT) AS @) END END",
                            type.scale, most)
             : arena_printf(
                   emit->arena,
                   "CASE WHEN abs(round(CAST(%%1 AS NUMERIC), %u)) < %s THEN CAST(%%1 AS @) END",
                   type.scale, most);
    return text == NULL ? NULL : with_type(emit, type, text);
}

static const char *to_bigint(const struct plan_expr *expr)
{
    enum data_kind from = expr->args[0]->type.kind;
    if (from == DATA_BOOLEAN)
        return "CAST(CAST(%1 AS INTEGER) AS BIGINT)";
    if (!expr->try_cast)
        return "CAST(%1 AS BIGINT)";
    if (from == DATA_DOUBLE)
        return "CASE WHEN %1 >= -9223372036854775808 AND %1 < 9223372036854775808 THEN CAST(%1 AS "
               "BIGINT) END";
    return "CASE WHEN round(%1) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(%1 "
           "AS BIGINT) END";
}

const char *postgres_cast(struct emit *emit, const struct plan_expr *expr)
{
    struct data_type from = expr->args[0]->type;
    bool number = data_type_is_numeric(from) || from.kind == DATA_UHUGEINT;
    if (from.kind == DATA_TEXT)
        return from_text(emit, expr);
    if (expr->type.kind == DATA_TEXT)
        return to_text(emit, expr);
    if (number || from.kind == DATA_BOOLEAN) {
        if (expr->type.kind == DATA_DECIMAL)
            return to_decimal(emit, expr);
        if (expr->type.kind == DATA_BIGINT)
            return to_bigint(expr);
        if (expr->type.kind == DATA_BOOLEAN)
            return "(#1 <> 0)";
        if (from.kind == DATA_BOOLEAN)
            return with_type(emit, expr->type, "CAST(CAST(%1 AS INTEGER) AS @)");
    }
    return with_type(emit, expr->type, "CAST(%1 AS @)");
}

const char *postgres_lacks_cast(const struct plan_expr *expr)
{
    enum data_kind from = expr->args[0]->type.kind, to = expr->type.kind;
    if (expr->try_cast && from == DATA_TEXT && to == DATA_JSON)
        return "try_cast of text to json";
    if (to == DATA_TEXT &&
        (from == DATA_LIST || from == DATA_STRUCT || from == DATA_INTERVAL || from == DATA_BLOB))
        return "cast of a list, struct, interval or blob to text";
    return NULL;
}
