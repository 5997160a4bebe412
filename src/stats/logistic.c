/* Logistic regression by iteratively reweighted least squares.
 *
 * Separation: where a combination of terms parts events from the rest, the likelihood has no
 * maximum: each step moves the linear predictor of the parted rows by about one, for ever, while
 * the deviance stands still. So an iteration whose deviance has settled but whose predictors still
 * move is a separation; the terms that move are infinite, the others have their limits. */
#include "stats/model_priv.h"

#define RANK_TOLERANCE 1e-11 /* of R's glm */
#define SETTLED 1e-11        /* relative change of the deviance */
#define MOVING 0.05          /* change of a linear predictor that is not convergence */
#define UNDETERMINED                                                                               \
    1000 /* standard error of a linear predictor of which nothing is known: others' are below 100  \
          */
#define STEPS_MAX 100
#define HALVINGS_MAX 30

struct logistic {
    struct work *work;
    const struct design *design;
    const double *y;       /* 0 or 1 */
    double *eta, *old_eta; /* linear predictors */
    double *old;           /* coefficients of the step before */
    struct qr qr;
    struct fit fit;
    double deviance, null_deviance;
    int step;
    bool separated;
};

static double log1pexp(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double deviance_of(const double *y, const double *eta, int64_t n)
{
    long double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += log1pexp(y[i] > 0 ? -eta[i] : eta[i]);
    return (double)(2 * sum);
}

/* One weighted least squares step from eta; new coefficients in fit. */
static enum err_code step_solve(struct logistic *model)
{
    const struct design *design = model->design;
    size_t p = design->p;
    qr_clear(&model->qr);
    for (int64_t i = 0; i < design->n; i++) {
        double eta = model->eta[i], e = exp(-fabs(eta)), mu = eta > 0 ? 1 / (1 + e) : e / (1 + e);
        double weight = e / ((1 + e) * (1 + e));
        weight = weight < 1e-300 ? 1e-300 : weight;
        double root = sqrt(weight),
               off = model->y[i] > 0 ? (eta > 0 ? e / (1 + e) : 1 / (1 + e)) : -mu;
        for (size_t j = 0; j < p; j++)
            *qr_cell(&model->qr, j) = root * design_at(design, i, j);
        *qr_cell(&model->qr, p) = root * eta + off / root;
        qr_next(&model->qr);
    }
    qr_finish(&model->qr);
    return fit_solve(model->work, &model->qr, RANK_TOLERANCE, &model->fit);
}

static void predict(struct logistic *model)
{
    const struct design *design = model->design;
    for (int64_t i = 0; i < design->n; i++) {
        double eta = 0;
        for (size_t j = 0; j < design->p; j++)
            if (!model->fit.aliased[j])
                eta += model->fit.coefficient[j] * design_at(design, i, j);
        model->eta[i] = eta;
    }
}

/* Half way back to the step before while the deviance is worse or not finite. */
static void step_halve(struct logistic *model, double before)
{
    for (int halving = 0;
         halving < HALVINGS_MAX && !(model->deviance <= before * (1 + 1e-9) + 1e-12); halving++) {
        for (size_t j = 0; j < model->design->p; j++)
            if (!model->fit.aliased[j])
                model->fit.coefficient[j] = (model->fit.coefficient[j] + model->old[j]) / 2;
        predict(model);
        model->deviance = deviance_of(model->y, model->eta, model->design->n);
    }
}

static double moved(const struct logistic *model)
{
    double most = 0;
    for (int64_t i = 0; i < model->design->n; i++)
        most = fmax(most, fabs(model->eta[i] - model->old_eta[i]));
    return most;
}

static enum err_code iterate(struct logistic *model)
{
    size_t p = model->design->p;
    for (model->step = 1; model->step <= STEPS_MAX; model->step++) {
        double before = model->deviance;
        for (int64_t i = 0; i < model->design->n; i++)
            model->old_eta[i] = model->eta[i];
        for (size_t j = 0; j < p; j++)
            model->old[j] = isfinite(model->fit.coefficient[j]) ? model->fit.coefficient[j] : 0;
        TRY(step_solve(model));
        predict(model);
        model->deviance = deviance_of(model->y, model->eta, model->design->n);
        if (model->step > 1)
            step_halve(model, before);
        if (!isfinite(model->deviance))
            return work_input(
                model->work,
                "the predictors' values are too large for a logistic model: rescale them");
        if (fabs(model->deviance - before) > SETTLED * (model->deviance + 0.1))
            continue;
        double by = moved(model);
        model->separated = by > MOVING;
        if (model->separated || by < 1e-6)
            return step_solve(model); /* standard errors at the estimate itself */
    }
    model->work->ret->not_converged = true;
    work_note(model->work, "no convergence in %d steps: the estimates are not to be trusted",
              STEPS_MAX);
    return ERR_OK;
}

/* The rows that still move contribute nothing in the limit. */
static void settle_deviance(struct logistic *model)
{
    long double sum = 0;
    for (int64_t i = 0; i < model->design->n; i++)
        if (!(fabs(model->eta[i] - model->old_eta[i]) > MOVING))
            sum += log1pexp(model->y[i] > 0 ? -model->eta[i] : model->eta[i]);
    model->deviance = (double)(2 * sum);
}

static double column_range(const struct design *design, size_t j)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < design->n; i++) {
        double x = design_at(design, i, j);
        low = fmin(low, x);
        high = fmax(high, x);
    }
    return high > low ? high - low : 1;
}

/* Terms that moved in the last step, by their column's range; those that stood, but of which only
 * rows that moved tell anything (a level without events where the reference has none either), are
 * not estimated. */
static void mark_infinite(struct logistic *model, const double *last, struct stats_term *terms)
{
    const struct design *design = model->design;
    for (size_t j = 0; j < design->p; j++) {
        double range = column_range(design, j), by = last[j] - model->old[j];
        if (model->fit.aliased[j])
            continue;
        if (!(fabs(by) * range > MOVING)) {
            if (sqrt(model->fit.unscaled[j]) * range < UNDETERMINED)
                continue;
            model->fit.aliased[j] = terms[j].aliased = true;
            work_note(model->work,
                      "separation: %s cannot be told from the reference, both are parted from the "
                      "rest; not estimated",
                      terms[j].name);
            continue;
        }
        terms[j].infinite = true;
        terms[j].value = by > 0 ? INFINITY : -INFINITY;
        terms[j].ratio = by > 0 ? INFINITY : 0;
        work_note(model->work,
                  "separation: %s parts events from the rest, its estimate is infinite",
                  terms[j].name);
    }
}

static enum err_code logistic_report(struct logistic *model, const double *last)
{
    struct work *work = model->work;
    struct stats_result *ret = work->ret;
    double z = work_z(work);
    struct stats_term *terms = design_terms(work, model->design, model->fit.aliased);
    TRY(work_memory(work));
    if (model->separated) {
        ret->separated = true;
        mark_infinite(model, last, terms);
        settle_deviance(model);
    }
    for (size_t j = 0; j < model->design->p; j++)
        if (!model->fit.aliased[j] && !terms[j].infinite) {
            terms[j].value = last[j];
            terms[j].se = sqrt(model->fit.unscaled[j]);
            term_wald(&terms[j], z, NAN);
            term_ratio(&terms[j]);
        }
    double df = (double)(model->fit.rank - 1),
           statistic = fmax(0, model->null_deviance - model->deviance);
    work_number(work, "log likelihood", -model->deviance / 2);
    work_number(work, "null deviance", model->null_deviance);
    work_number(work, "deviance", model->deviance);
    work_number(work, "aic", model->deviance + 2 * (double)model->fit.rank);
    work_number(work, "steps", model->step);
    work_statistic(work, "likelihood ratio chi-squared", statistic, df,
                   dist_chisq_upper(statistic, df));
    ret->method = "iteratively reweighted least squares, Wald intervals";
    return ERR_OK;
}

/* y becomes 0 and 1, in place; the coding is noted. */
static enum err_code outcome_codes(struct work *work, const struct stats_column *outcome, double *y,
                                   int64_t n, double *ret_events)
{
    struct levels levels;
    double event = work->options.event_value;
    TRY(levels_find(work, outcome, y, n, STATS_LEVELS_MAX, &levels));
    if (levels.count < 2)
        return work_input(work,
                          "%s has one value only among the %lld complete rows: a logistic model "
                          "needs events and others",
                          outcome->name, (long long)n);
    if (!work->options.has_event_value) {
        if (levels.count > 2) {
            work_input(work, "%s has %zu values, expected two", outcome->name, levels.count);
            return err_hint(
                work->err,
                "name the value that is the event; all others are then compared with it");
        }
        event = levels.codes[1];
    }
    *ret_events = 0;
    for (int64_t i = 0; i < n; i++)
        *ret_events += y[i] = y[i] == event ? 1 : 0;
    if (*ret_events == 0 || *ret_events == (double)n)
        return work_input(work, "the event value occurs in %s of the complete rows of %s",
                          *ret_events == 0 ? "none" : "all", outcome->name);
    for (size_t k = 0; k < levels.count; k++)
        if (levels.codes[k] == event)
            work_note(work, "the event is %s = %s", outcome->name, levels.names[k]);
    return ERR_OK;
}

static enum err_code logistic_start(struct logistic *model, double events)
{
    struct work *work = model->work;
    int64_t n = model->design->n;
    double share = events / (double)n;
    model->eta = work_array(work, n, sizeof *model->eta);
    model->old_eta = work_array(work, n, sizeof *model->old_eta);
    model->old = work_array(work, (int64_t)model->design->p, sizeof *model->old);
    TRY(qr_make(work, model->design->p + 1, &model->qr));
    TRY(fit_make(work, model->design->p, &model->fit));
    for (int64_t i = 0; i < n; i++)
        model->eta[i] = model->y[i] > 0 ? log(3) : -log(3); /* R's start: (y + ½)/2 */
    model->null_deviance = -2 * (events * log(share) + ((double)n - events) * log1p(-share));
    model->deviance = deviance_of(model->y, model->eta, n);
    return work_memory(work);
}

static enum err_code logistic(struct work *work, const struct stats_column *outcome,
                              const struct stats_column *predictors, size_t count)
{
    struct sample sample;
    struct design design;
    double events = 0;
    TRY(model_sample(work, &outcome, 1, predictors, count, &sample));
    if (sample.n < 3)
        return work_input(work, "%lld rows are complete: a logistic model needs more",
                          (long long)sample.n);
    TRY(outcome_codes(work, outcome, sample.x[0], sample.n, &events));
    TRY(design_make(work, predictors, count, sample.x + 1, sample.n, true, &design));
    struct logistic model = {.work = work, .design = &design, .y = sample.x[0]};
    double *last = work_array(work, (int64_t)design.p, sizeof *last);
    TRY(logistic_start(&model, events));
    TRY(iterate(&model));
    for (size_t j = 0; j < design.p; j++)
        last[j] = model.fit.coefficient[j];
    if (model.fit.rank < 2)
        return work_input(work, "no predictor varies among the %lld complete rows",
                          (long long)sample.n);
    work_number(work, "events", events);
    return logistic_report(&model, last);
}

enum err_code stats_logistic(const struct stats_column *outcome,
                             const struct stats_column *predictors, size_t predictor_count,
                             const struct stats_options *options, struct stats_result *ret,
                             struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "logistic regression", options, ret, err);
    if (code == ERR_OK)
        code = logistic(&work, outcome, predictors, predictor_count);
    return work_end(&work, code);
}
