/* What duckdb.c and duckdb_cast.c share. */
#ifndef MARROW_DIALECT_DUCKDB_PRIV_H
#define MARROW_DIALECT_DUCKDB_PRIV_H

#include "dialect/emit_priv.h"

void duckdb_type(struct data_type type, struct buf *out);
/* The template of a cast; the argument is %1. NULL: CAST or TRY_CAST as it is. */
const char *duckdb_cast(struct emit *emit, const struct plan_expr *expr);

#endif
