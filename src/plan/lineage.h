/* Where columns come from, and in which order rows come. Pure; results in the caller's arena, JSON or buffer. */
#ifndef MARROW_PLAN_LINEAGE_H
#define MARROW_PLAN_LINEAGE_H

#include "plan/plan.h"

/* How a source column bears on an output column. The first five: its values do (directly); the others: which rows there are, how they
 * meet, or their order does (indirectly). */
enum plan_dependence {
    PLAN_BY_VALUE,     /* it is the value, or computed into it */
    PLAN_BY_AGGREGATE, /* values of many rows are */
    PLAN_BY_WINDOW,
    PLAN_BY_EXPLODE,   /* its elements are */
    PLAN_BY_CONDITION, /* it chooses the value: case conditions, aggregates' filters, keys of first_by */
    PLAN_BY_FILTER,
    PLAN_BY_JOIN,
    PLAN_BY_GROUP,     /* aggregate, distinct, dedupe, interval merge */
    PLAN_BY_ORDER,     /* decides which rows a limit or dedupe keeps, or what a window sees */
    PLAN_DEPENDENCE_END
};
const char *plan_dependence_text(enum plan_dependence kind); /* "value", "aggregate" … */

struct plan_source {
    const char *table, *column; /* of a scan; borrowed from the plan */
    uint32_t kinds;             /* 1u << enum plan_dependence */
    size_t origin;              /* the same number for the same source column: 0 … origin_count - 1 */
};
struct plan_lineage {
    const struct plan_rel *root;
    size_t column_count;               /* of the root */
    const struct plan_source **sources; /* by column; each source column once, by table then column */
    size_t *source_counts;
    size_t origin_count;
};
/* In arena, borrowing the plan. Indirect dependences reach every column of the rows that they shape. Trace once, then show it in as many
 * forms as are wanted. */
enum err_code plan_lineage_of(const struct plan_rel *root, struct arena *arena, struct plan_lineage *ret, struct err *err) WARN_UNUSED;
/* {columns:[{name, sources:[{dataset, table, column, kind}]}]}, one entry for each kind. dataset: as given (NULL: null). New reference; equal
 * entries are one object with several references: to be read, not changed. */
enum err_code plan_lineage_json(const struct plan_lineage *lineage, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
/* Graphviz: tables on the left, the result on the right; indirect dependences dashed. */
enum err_code plan_lineage_dot(const struct plan_lineage *lineage, struct buf *ret, struct err *err) WARN_UNUSED;
/* For terminals: an output column a line, its sources below. */
enum err_code plan_lineage_text(const struct plan_lineage *lineage, struct buf *ret, struct err *err) WARN_UNUSED;

/* By which of its columns the result's rows are ordered: a sort's keys, through limit, filter and projects that keep them, as far as they
 * are plain columns. *ret: array in arena of *ret_count keys over root's columns (name, descending, nulls_first). */
struct plan_ordered_by {
    const char *column;
    bool descending, nulls_first;
};
enum err_code plan_ordering(const struct plan_rel *root, struct arena *arena, const struct plan_ordered_by **ret, size_t *ret_count, struct err *err) WARN_UNUSED;
/* The scan that root's rows come from one by one, in its order: through filters and projects, and the sort on top of them; NULL: there is none. */
const struct plan_rel *plan_ordered_scan(const struct plan_rel *root);
/* As plan_ordering, where the rows of that scan come in the order of these of its columns, ascending, nulls last. */
enum err_code plan_ordering_from(const struct plan_rel *root, const char *const *sorted_by, size_t sorted_count, struct arena *arena, const struct plan_ordered_by **ret, size_t *ret_count, struct err *err) WARN_UNUSED;
/* root without the sort on its top, where the scan's order makes that needless; else root. */
const struct plan_rel *plan_without_sort(const struct plan_rel *root, const char *const *sorted_by, size_t sorted_count, struct arena *arena);

#endif
