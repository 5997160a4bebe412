/* What curves, log-rank and Cox share: complete rows in the order of time, with events read and
 * near-equal times made equal. */
#ifndef MARROW_STATS_SURVIVAL_PRIV_H
#define MARROW_STATS_SURVIVAL_PRIV_H

#include "stats/stats_priv.h"

struct times {
    int64_t n;
    double *time;  /* ascending, near-equal ones equal */
    double *event; /* 0 or 1, in the same order */
    int64_t *row;  /* of the sample, in the same order */
    double **x;    /* x[column][row of the sample]: the columns after time and event */
    double events;
    uint32_t *stratum; /* of each row, in the same order: the strata one after the other, each in
                          the order of time; NULL: one */
};
/* Complete rows of time, event, count further columns and options.strata. ERR_INPUT: a time below zero, no row. */
enum err_code times_take(struct work *work, const struct stats_column *time,
                         const struct stats_column *event, const struct stats_column *more,
                         size_t count, struct times *ret) WARN_UNUSED;
/* ERR_INPUT where no row has the event. */
enum err_code times_need_events(struct work *work, const struct stats_column *event,
                                const struct times *times) WARN_UNUSED;
/* One past the last row at the time of row i. */
static inline int64_t times_end(const struct times *times, int64_t i)
{
    int64_t end = i + 1;
    while (end < times->n && times->time[end] == times->time[i] &&
           (times->stratum == NULL || times->stratum[end] == times->stratum[i]))
        end++;
    return end;
}
/* Does the row before row i belong to another stratum, or is there none? */
static inline bool times_begins(const struct times *times, int64_t i)
{
    return i == 0 || (times->stratum != NULL && times->stratum[i] != times->stratum[i - 1]);
}
/* One past the last row of the stratum of row i. */
static inline int64_t times_stratum_end(const struct times *times, int64_t i)
{
    int64_t end = i + 1;
    while (end < times->n && !times_begins(times, end))
        end++;
    return end;
}

#endif
