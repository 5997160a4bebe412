/* A Cox model: its rows in the order of time, one scan that gives likelihood, score and
 * information, its fit. */
#ifndef MARROW_STATS_COX_PRIV_H
#define MARROW_STATS_COX_PRIV_H

#include "stats/model_priv.h"
#include "stats/survival_priv.h"

struct cox {
    struct work *work;
    struct times times;
    struct design design;
    size_t p;
    double *x;          /* n × p by row, in the order of time; centred and scaled */
    double *scale;      /* coefficient of the column = that of x × scale */
    double *range;      /* of each scaled column */
    double *beta, *old; /* of x */
    double *eta;        /* of each row */
    double loglik, loglik0, score_test, wald;
    double *score, *information; /* at beta; information p × p, lower triangle */
    double *factor;              /* of it */
    bool *aliased;
    bool separated;
    int step;
};
/* Reads, orders, scales: all but the fit. */
enum err_code cox_make(struct work *work, const struct stats_column *time,
                       const struct stats_column *event, const struct stats_column *predictors,
                       size_t count, struct cox *ret) WARN_UNUSED;
enum err_code cox_fit(struct cox *cox) WARN_UNUSED;
/* At beta: log likelihood, score and information. weight NULL, or a number for each row (that of
 * its time): then, too, *ret_score = Σ weight·score and ret_cross = Σ weight·information,
 * ret_square = Σ weight²·information (each p × p, lower triangles). */
struct cox_weighted {
    const double *weight;
    double *score, *cross, *square;
};
enum err_code cox_scan(struct cox *cox, struct cox_weighted *weighted) WARN_UNUSED;

#endif
