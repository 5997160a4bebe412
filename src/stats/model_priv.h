/* What the models share: terms made of columns, a design matrix that is never held whole, blocked
 * QR. */
#ifndef MARROW_STATS_MODEL_PRIV_H
#define MARROW_STATS_MODEL_PRIV_H

#include "stats/stats_priv.h"

struct design {
    int64_t n;
    size_t p;           /* columns: intercept (where asked for) and terms */
    const char **names; /* of each */
    size_t *predictor;  /* of each: index of its predictor; the intercept: SIZE_MAX */
    size_t *source;     /* of each: index in x of its values; SIZE_MAX: ones */
    double *code;       /* of each: the level it marks; NaN: the value itself */
    double *const *x;   /* columns of complete rows */
};
/* The design of predictors whose complete rows are x[0 …]. ERR_INPUT: a category with one level. */
enum err_code design_make(struct work *work, const struct stats_column *predictors, size_t count,
                          double *const *x, int64_t n, bool intercept,
                          struct design *ret) WARN_UNUSED;
static inline double design_at(const struct design *design, int64_t row, size_t term)
{
    if (design->source[term] == SIZE_MAX)
        return 1;
    double value = design->x[design->source[term]][row];
    return isnan(design->code[term]) ? value : value == design->code[term] ? 1 : 0;
}

/* R of a QR of any number of rows, q wide, kept as the upper triangle by row. */
struct qr {
    size_t q;
    double *r;      /* q × q */
    double *block;  /* by column: QR_BLOCK each */
    int64_t filled; /* rows in the block */
};
#define QR_BLOCK 256
enum err_code qr_make(struct work *work, size_t q, struct qr *ret) WARN_UNUSED;
void qr_clear(struct qr *qr);
/* Where the next row's cell of column c goes: qr_cell(qr, c) = …; then qr_next. */
static inline double *qr_cell(struct qr *qr, size_t c)
{
    return qr->block + c * QR_BLOCK + qr->filled;
}
void qr_next(struct qr *qr);
void qr_finish(struct qr *qr);

/* Least squares from R of [X y]: coefficients, (X'X)⁻¹'s diagonal and the sums of squares. */
struct fit {
    size_t p, rank;
    double *coefficient, *unscaled; /* of each column; NaN where it is aliased */
    bool *aliased;
    double explained; /* by the columns after the first */
    double residual;  /* sum of squares */
};
enum err_code fit_make(struct work *work, size_t p, struct fit *ret) WARN_UNUSED;
/* tolerance: a column whose part beyond earlier ones is less than this share of its length is
 * aliased. */
enum err_code fit_solve(struct work *work, const struct qr *qr, double tolerance,
                        struct fit *ret) WARN_UNUSED;

/* terms[] of the result, named; aliased ones marked and noted. */
struct stats_term *design_terms(struct work *work, const struct design *design,
                                const bool *aliased);
/* Wald's statistic, p and interval of a term whose value and se are set; quantile: of the interval;
 * df NaN: normal. */
void term_wald(struct stats_term *term, double quantile, double df);
static inline void term_ratio(struct stats_term *term)
{
    term->ratio = exp(term->value);
    term->ratio_low = exp(term->low);
    term->ratio_high = exp(term->high);
}
/* Outcome and predictors, outcomes first, as columns of one sample. */
enum err_code model_sample(struct work *work, const struct stats_column *const *outcomes,
                           size_t outcome_count, const struct stats_column *predictors,
                           size_t count, struct sample *ret) WARN_UNUSED;

#endif
