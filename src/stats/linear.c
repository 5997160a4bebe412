/* Linear regression: least squares of one outcome on an intercept and terms. */
#include "stats/model_priv.h"

#define RANK_TOLERANCE 1e-7 /* of R's lm */

static enum err_code check_linear(struct work *work, const struct stats_column *outcome,
                                  const struct sample *sample, const struct fit *fit)
{
    bool varies = false;
    for (int64_t i = 1; i < sample->n && !varies; i++)
        varies = sample->x[0][i] != sample->x[0][0];
    if (sample->n < 3 || (int64_t)fit->rank >= sample->n) {
        work_input(work, "%lld rows are complete: a model of %zu coefficients needs at least %zu",
                   (long long)sample->n, fit->p, fit->p + 1);
        return err_hint(work->err, "take fewer predictors, or columns with fewer missing values");
    }
    if (!varies)
        return work_input(
            work, "%s has one value only among the complete rows: there is nothing to explain",
            outcome->name);
    if (fit->rank < 2)
        return work_input(work, "no predictor varies among the %lld complete rows",
                          (long long)sample->n);
    return ERR_OK;
}

static enum err_code linear_report(struct work *work, const struct design *design,
                                   const struct fit *fit)
{
    struct stats_result *ret = work->ret;
    double df1 = (double)(fit->rank - 1), df2 = (double)design->n - (double)fit->rank;
    double sigma = sqrt(fit->residual / df2), total = fit->explained + fit->residual,
           f = fit->explained / df1 / (fit->residual / df2);
    double quantile = dist_t_quantile((1 + ret->level) / 2, df2);
    struct stats_term *terms = design_terms(work, design, fit->aliased);
    TRY(work_memory(work));
    for (size_t j = 0; j < design->p; j++)
        if (!fit->aliased[j]) {
            terms[j].value = fit->coefficient[j];
            terms[j].se = sigma * sqrt(fit->unscaled[j]);
            term_wald(&terms[j], quantile, df2);
        }
    if (!(fit->residual > 1e-24 * total))
        work_note(work, "the fit is perfect: tests and intervals have no meaning");
    work_number(work, "r squared", fit->explained / total);
    work_number(work, "adjusted r squared", 1 - fit->residual / total * (df1 + df2) / df2);
    work_number(work, "sigma", sigma);
    work_statistic(work, "F", f, df1, dist_f_upper(f, df1, df2));
    ret->df2 = df2;
    ret->method = "least squares";
    ret->estimate_name = "r squared";
    ret->estimate = fit->explained / total;
    return ERR_OK;
}

static enum err_code linear(struct work *work, const struct stats_column *outcome,
                            const struct stats_column *predictors, size_t count)
{
    struct sample sample;
    struct design design;
    struct qr qr;
    struct fit fit;
    TRY(model_sample(work, &outcome, 1, predictors, count, &sample));
    TRY(design_make(work, predictors, count, sample.x + 1, sample.n, true, &design));
    TRY(qr_make(work, design.p + 1, &qr));
    TRY(fit_make(work, design.p, &fit));
    for (int64_t i = 0; i < sample.n; i++) {
        for (size_t j = 0; j < design.p; j++)
            *qr_cell(&qr, j) = design_at(&design, i, j);
        *qr_cell(&qr, design.p) = sample.x[0][i];
        qr_next(&qr);
    }
    qr_finish(&qr);
    TRY(fit_solve(work, &qr, RANK_TOLERANCE, &fit));
    TRY(check_linear(work, outcome, &sample, &fit));
    return linear_report(work, &design, &fit);
}

enum err_code stats_linear(const struct stats_column *outcome,
                           const struct stats_column *predictors, size_t predictor_count,
                           const struct stats_options *options, struct stats_result *ret,
                           struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "linear regression", options, ret, err);
    if (code == ERR_OK)
        code = linear(&work, outcome, predictors, predictor_count);
    return work_end(&work, code);
}
