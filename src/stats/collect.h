/* From an engine's batches to columns of the statistics layer: rows come in pieces, numbers become
 * doubles, texts categories with labels.
 *
 *     AUTO(stats_collector_free) struct stats_collector *collector = NULL;
 *     TRY(stats_collector_new(&schema, &collector, err));
 *     for each batch: TRY(stats_collector_add(collector, batch, err));
 *     TRY(stats_collector_finish(collector, &columns, err)); // columns[i]: the schema's column i
 *
 * boolean          a category, 0 "false", 1 "true"
 * text, json       a category of at most STATS_LEVELS_MAX levels in bytewise order (the first is the
 *                  reference); an empty text is a level
 * bigint, decimal  a number (38 digits are rounded to a double); value labels of the schema become
 *                  the labels of its codes
 * date, timestamp  days since 1970-01-01, with fractions; time: seconds of the day
 * null             NaN, missing
 * others (blob …)  ERR_INPUT, the line names the column and its type */
#ifndef MARROW_STATS_COLLECT_H
#define MARROW_STATS_COLLECT_H

#include "data/data.h"
#include "stats/stats.h"

struct stats_collector;
/* Copies what it needs of the schema. ERR_INPUT: a type that is no number and no category. Not
 * thread-safe itself. */
enum err_code stats_collector_new(const struct data_schema *schema, struct stats_collector **ret,
                                  struct err *err) WARN_UNUSED;
/* Appends a batch of the schema's types (copied). ERR_LIMIT: more than STATS_LEVELS_MAX distinct
 * texts, or STATS_ROWS_MAX rows. */
enum err_code stats_collector_add(struct stats_collector *collector, const struct data_batch *batch,
                                  struct err *err) WARN_UNUSED;
/* The columns of all rows so far, one for each of the schema's, valid until the collector is freed;
 * nothing may be added after. */
enum err_code stats_collector_finish(struct stats_collector *collector,
                                     const struct stats_column **ret, struct err *err) WARN_UNUSED;
void stats_collector_free(struct stats_collector *collector); /* NULL allowed */
AUTO_DEFINE(struct stats_collector, stats_collector_free)

#endif
