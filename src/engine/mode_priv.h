/* Counts of texts for marrow_mode; see mode.c. */
#ifndef MARROW_ENGINE_MODE_PRIV_H
#define MARROW_ENGINE_MODE_PRIV_H

#include "base/str.h"

struct mode_table; /* NULL = empty */
/* Count text occurrences more times. False: out of memory. */
bool mode_table_add(struct mode_table **table, struct str text, int64_t occurrences);
bool mode_table_merge(struct mode_table **into, const struct mode_table *from);
/* Most frequent text, ties to the bytewise smallest; borrowed. False: empty. */
bool mode_table_best(const struct mode_table *table, struct str *ret);
void mode_table_free(struct mode_table *table);

#endif
