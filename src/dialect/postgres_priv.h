/* What postgres.c and postgres_cast.c share. */
#ifndef MARROW_DIALECT_POSTGRES_PRIV_H
#define MARROW_DIALECT_POSTGRES_PRIV_H

#include "dialect/emit_priv.h"

void postgres_type(struct data_type type, struct buf *out);
/* The template of a cast; the argument is %1. NULL: CAST(%1 AS type), which serves for both kinds. */
const char *postgres_cast(struct emit *emit, const struct plan_expr *expr);
const char *postgres_lacks_cast(const struct plan_expr *expr);

#endif
