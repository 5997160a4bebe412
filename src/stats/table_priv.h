/* A table of counts and its margins, shared by table.c, fisher.c and fisher_network.c. */
#ifndef MARROW_STATS_TABLE_PRIV_H
#define MARROW_STATS_TABLE_PRIV_H

#include "stats/stats_priv.h"

struct counts {
    const char *row_name, *column_name;
    size_t rows, columns; /* both ≥ 2 */
    double *cells;        /* by row; whole, ≥ 0 */
    double *row_sums, *column_sums, total;
};
enum err_code counts_of_table(struct work *work, const struct stats_table *table,
                              struct counts *ret) WARN_UNUSED;
/* From table, or where it is NULL from the rows of a and b; square: one list of levels for both.
 * Sets n and dropped. */
enum err_code counts_take(struct work *work, const struct stats_column *a,
                          const struct stats_column *b, const struct stats_table *table,
                          bool square, struct counts *ret) WARN_UNUSED;
/* ERR_INPUT where a row or column is empty. */
enum err_code counts_need_margins(struct work *work, const struct counts *counts) WARN_UNUSED;
/* The two-sided p of an r × c table by the network algorithm. */
enum err_code fisher_network(struct work *work, const struct counts *counts,
                             double *ret_p) WARN_UNUSED;

#endif
