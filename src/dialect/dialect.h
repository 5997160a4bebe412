/* The dialect's door: plan in, SQL text and bound parameters out. Pure; knows no engine. */
#ifndef MARROW_DIALECT_DIALECT_H
#define MARROW_DIALECT_DIALECT_H

#include "plan/plan.h"

struct dialect; /* static tables: dialect/dialects.c */
const struct dialect *dialect_find(const char *name); /* "duckdb", "postgresql" (also "postgres"); NULL = unknown */
size_t dialect_count(void);
const struct dialect *dialect_at(size_t idx);
const char *dialect_name(const struct dialect *dialect);

struct dialect_options {
    /* Writes the table expression for a SCAN (quoted name by default, when NULL). */
    void (*table)(void *user, const char *table, struct buf *out);
    void *user;
};
/* What the plan needs and the dialect has not (declared missing capabilities): functions' names and words such as "a list of lists",
 * each once, in the order of the plan. Zero: the plan runs there. Words are static; the array is mem_free()d by the caller. */
enum err_code dialect_missing(const struct dialect *dialect, const struct plan_rel *root, const char ***ret, size_t *ret_count,
                              struct err *err) WARN_UNUSED;
/* Compile to one SELECT, formatted for people: CTEs for labelled nodes, one column a line. Parameters are numbered in the order of
 * the text; ret_params gets their names, one for each number (for each place in a dialect of ?; borrowed from the plan; array mem_free()d by
 * the caller; may be NULL when none expected). A list is bound as JSON text: [1,2,null]. The result's columns are of the plan's types;
 * lists and structs come as JSON text, the same on every engine (docs/DIALECTS.md). ERR_UNSUPPORTED: the plan needs what
 * dialect_missing tells. */
enum err_code dialect_sql(const struct dialect *dialect, const struct plan_rel *root, const struct dialect_options *options,
                          struct buf *ret_sql, const char ***ret_params, size_t *ret_param_count, struct err *err) WARN_UNUSED;
/* The plan as a Substrait plan (protobuf bytes, substrait.io 0.62), for engines that take one in place of SQL. Tables are named
 * `schema`.table (schema NULL: the table's name alone). Same rows as dialect_sql's; lists come as JSON text. A parameter has to have become
 * a literal. ERR_UNSUPPORTED: the plan needs what dialect_substrait_missing tells. Functions that only DataFusion has are declared
 * under its own URN. */
enum err_code dialect_substrait(const struct plan_rel *root, const char *schema, struct buf *ret, struct err *err) WARN_UNUSED;
/* As dialect_missing; words are static or of the plan. */
enum err_code dialect_substrait_missing(const struct plan_rel *root, const char ***ret, size_t *ret_count, struct err *err) WARN_UNUSED;
/* The type's name in the dialect: "DECIMAL(9,2)", "numeric(9,2)". */
void dialect_type_sql(const struct dialect *dialect, struct data_type type, struct buf *out);
void dialect_quote_identifier(const struct dialect *dialect, struct str name, struct buf *out);

#endif
