/* What trino.c, trino_choose.c and trino_cast.c share. */
#ifndef MARROW_DIALECT_TRINO_PRIV_H
#define MARROW_DIALECT_TRINO_PRIV_H

#include "dialect/emit_priv.h"

void trino_type(struct data_type type, struct buf *out);
/* The spelling of a call, where it depends on its arguments or has @ or & in it. */
const char *trino_choose(struct emit *emit, const struct plan_expr *expr, enum precedence *ret_precedence);
const char *trino_cast(struct emit *emit, const struct plan_expr *expr);
const char *trino_lacks_cast(const struct plan_expr *expr);

/* The shortest text of a double: 0.1, 1e+20. Trino itself writes 1.0E-1 and 1.0E20. */
#define TRINO_DOUBLE_TEXT(x)                                                                                                               \
    "CASE WHEN " x " = 0 OR (abs(" x ") >= 1E-4 AND abs(" x ") < 1E16) THEN CASE WHEN CAST(" x " AS VARCHAR) = '-0.0' THEN '-0' ELSE "       \
    "regexp_replace(CAST(CAST(CAST(" x " AS VARCHAR) AS DECIMAL(38, 21)) AS VARCHAR), '\\.?0+$', '') END ELSE "                              \
    "regexp_replace(CAST(" x " AS VARCHAR), '^(-?[0-9])\\.([0-9]+)E(-?)([0-9]+)$', marrow_m -> marrow_m[1] || CASE WHEN marrow_m[2] = '0' "  \
    "THEN '' ELSE '.' || marrow_m[2] END || 'e' || CASE WHEN marrow_m[3] = '-' THEN '-' ELSE '+' END || "                                    \
    "lpad(marrow_m[4], greatest(2, length(marrow_m[4])), '0')) END"
/* hh:mm:ss[.f…] of a text that ends in .ffffff */
#define TRINO_CLOCK_TEXT(text) "regexp_replace(" text ", '\\.?0{1,6}$', '')"

#endif
