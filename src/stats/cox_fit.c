/* Cox's partial likelihood, by Newton's method. One scan from the last time to the first keeps,
 * over those still at risk, S0 = Σe^η, S1 = Σx·e^η, S2 = Σxx'·e^η; a time with d events adds
 *
 *     Breslow: d times      log S0,            S1/S0,       S2/S0 - S1S1'/S0²
 *     Efron:   k = 0 … d-1  the same of S - (k/d)·(the sums over the d events)
 *
 * Columns are centred and scaled first. A monotone likelihood is found as separation is in
 * logistic.c: the likelihood stands still while linear predictors move on. */
#include <string.h>

#include "stats/cox_priv.h"

#define SETTLED 1e-12 /* relative change of the likelihood */
#define MOVING 0.05
#define STEPS_MAX 100
#define HALVINGS_MAX 30
#define ALIAS_TOLERANCE 1e-11

/* Sums over rows: of weights, of x, of xx' (lower triangle). */
struct sums {
    double s0, *s1, *s2;
};
struct scan {
    struct cox *cox;
    struct sums risk, dead;
    double *mean;  /* S1/S0 at one step */
    double *u, *v; /* of one time: score and information */
};

static void sums_clear(struct sums *sums, size_t p)
{
    sums->s0 = 0;
    memset(sums->s1, 0, p * sizeof *sums->s1);
    memset(sums->s2, 0, p * p * sizeof *sums->s2);
}

static void sums_add(struct sums *sums, const double *x, size_t p, double weight)
{
    sums->s0 += weight;
    for (size_t i = 0; i < p; i++) {
        double wx = weight * x[i], *row = sums->s2 + i * p;
        sums->s1[i] += wx;
        for (size_t j = 0; j <= i; j++)
            row[j] += wx * x[j];
    }
}

/* One term of a time's sum: the risk set less a share of its events. */
static double scan_term(struct scan *scan, double share, double times)
{
    size_t p = scan->cox->p;
    double s0 = scan->risk.s0 - share * scan->dead.s0;
    for (size_t i = 0; i < p; i++) {
        const double *risk = scan->risk.s2 + i * p, *dead = scan->dead.s2 + i * p;
        scan->mean[i] = (scan->risk.s1[i] - share * scan->dead.s1[i]) / s0;
        scan->u[i] -= times * scan->mean[i];
        for (size_t j = 0; j <= i; j++)
            scan->v[i * p + j] +=
                times * ((risk[j] - share * dead[j]) / s0 - scan->mean[i] * scan->mean[j]);
    }
    return times * log(s0);
}

/* The rows first … end - 1 of one time; shift: taken off every η. Returns the part of the log
 * likelihood. */
static double scan_time(struct scan *scan, int64_t first, int64_t end, double shift)
{
    struct cox *cox = scan->cox;
    size_t p = cox->p;
    double part = 0, events = 0;
    memset(scan->u, 0, p * sizeof *scan->u);
    memset(scan->v, 0, p * p * sizeof *scan->v);
    sums_clear(&scan->dead, p);
    for (int64_t r = first; r < end; r++) {
        const double *x = cox->x + (size_t)r * p;
        double weight = exp(cox->eta[r] - shift);
        sums_add(&scan->risk, x, p, weight);
        if (!(cox->times.event[r] > 0))
            continue;
        events++;
        part += cox->eta[r] - shift;
        for (size_t i = 0; i < p; i++)
            scan->u[i] += x[i];
        if (cox->work->options.ties == STATS_EFRON)
            sums_add(&scan->dead, x, p, weight);
    }
    if (events == 0)
        return 0;
    if (cox->work->options.ties == STATS_BRESLOW)
        return part - scan_term(scan, 0, events);
    for (double k = 0; k < events; k++)
        part -= scan_term(scan, k / events, 1);
    return part;
}

static void add_scaled(double *to, const double *from, size_t count, double by)
{
    for (size_t i = 0; i < count; i++)
        to[i] += by * from[i];
}

static enum err_code scan_make(struct cox *cox, struct scan *ret)
{
    int64_t p = (int64_t)cox->p;
    *ret = (struct scan){.cox = cox};
    struct sums *all[] = {&ret->risk, &ret->dead};
    for (size_t i = 0; i < 2; i++) {
        all[i]->s1 = work_array(cox->work, p, sizeof(double));
        all[i]->s2 = work_array(cox->work, p * p, sizeof(double));
    }
    ret->mean = work_array(cox->work, p, sizeof(double));
    ret->u = work_array(cox->work, p, sizeof(double));
    ret->v = work_array(cox->work, p * p, sizeof(double));
    return work_memory(cox->work);
}

enum err_code cox_scan(struct cox *cox, struct cox_weighted *weighted)
{
    struct scan scan;
    size_t p = cox->p;
    double shift = -INFINITY;
    long double loglik = 0;
    TRY(scan_make(cox, &scan));
    memset(cox->score, 0, p * sizeof *cox->score);
    memset(cox->information, 0, p * p * sizeof *cox->information);
    for (int64_t r = 0; r < cox->times.n; r++) {
        cox->eta[r] = 0;
        for (size_t i = 0; i < p; i++)
            cox->eta[r] += cox->beta[i] * cox->x[(size_t)r * p + i];
        shift = fmax(shift, cox->eta[r]);
    }
    for (int64_t end = cox->times.n, first; end > 0; end = first) {
        first = end - 1;
        while (first > 0 && cox->times.time[first - 1] == cox->times.time[end - 1] &&
               !times_begins(&cox->times, first))
            first--;
        if (end < cox->times.n && times_begins(&cox->times, end))
            sums_clear(&scan.risk, p); /* another stratum: who was at risk there is not here */
        double part = scan_time(&scan, first, end, shift);
        loglik += part;
        add_scaled(cox->score, scan.u, p, 1);
        add_scaled(cox->information, scan.v, p * p, 1);
        if (weighted != NULL && part != 0) {
            double g = weighted->weight[first];
            add_scaled(weighted->score, scan.u, p, g);
            add_scaled(weighted->cross, scan.v, p * p, g);
            add_scaled(weighted->square, scan.v, p * p, g * g);
        }
    }
    cox->loglik = (double)loglik;
    return ERR_OK;
}

static double quadratic(struct cox *cox, const double *u, double *step)
{
    double sum = 0;
    memcpy(step, u, cox->p * sizeof *step);
    cholesky_solve(cox->factor, cox->p, step);
    for (size_t i = 0; i < cox->p; i++)
        sum += u[i] * step[i];
    return sum;
}

static void factor(struct cox *cox)
{
    memcpy(cox->factor, cox->information, cox->p * cox->p * sizeof *cox->factor);
    cholesky_factor(cox->factor, cox->p, ALIAS_TOLERANCE, cox->step == 0 ? cox->aliased : NULL);
}

static double moved(const struct cox *cox)
{
    double most = 0;
    for (int64_t r = 0; r < cox->times.n; r++) {
        double by = 0;
        for (size_t i = 0; i < cox->p; i++)
            by += (cox->beta[i] - cox->old[i]) * cox->x[(size_t)r * cox->p + i];
        most = fmax(most, fabs(by));
    }
    return most;
}

/* One step of Newton's, halved while the likelihood is worse. */
static enum err_code cox_step(struct cox *cox, double *step)
{
    double before = cox->loglik;
    memcpy(cox->old, cox->beta, cox->p * sizeof *cox->old);
    quadratic(cox, cox->score, step);
    for (int halving = 0; halving <= HALVINGS_MAX; halving++) {
        for (size_t i = 0; i < cox->p; i++)
            cox->beta[i] = cox->old[i] + step[i] * ldexp(1, -halving);
        TRY(cox_scan(cox, NULL));
        if (cox->loglik >= before - 1e-12 * fabs(before))
            break;
    }
    if (!isfinite(cox->loglik))
        return work_input(cox->work,
                          "the predictors' values are too large for a Cox model: rescale them");
    factor(cox);
    return ERR_OK;
}

enum err_code cox_fit(struct cox *cox)
{
    double *step = work_array(cox->work, (int64_t)cox->p, sizeof *step);
    size_t kept = 0;
    TRY(work_memory(cox->work));
    TRY(cox_scan(cox, NULL));
    factor(cox);
    for (size_t i = 0; i < cox->p; i++)
        kept += cox->aliased[i] ? 0 : 1;
    if (kept == 0)
        return work_input(cox->work, "no predictor varies among those at risk when events occur");
    cox->loglik0 = cox->loglik;
    cox->score_test = quadratic(cox, cox->score, step);
    for (cox->step = 1; cox->step <= STEPS_MAX; cox->step++) {
        double before = cox->loglik;
        TRY(cox_step(cox, step));
        if (fabs(cox->loglik - before) > SETTLED * (fabs(cox->loglik) + 0.01))
            continue;
        double by = moved(cox);
        cox->separated = by > MOVING;
        if (cox->separated || by < 1e-6)
            break;
    }
    if (cox->step > STEPS_MAX) {
        cox->work->ret->not_converged = true;
        work_note(cox->work, "no convergence in %d steps: the estimates are not to be trusted",
                  STEPS_MAX);
    }
    for (size_t i = 0; i < cox->p; i++) /* Wald: β'Iβ */
        for (size_t j = 0; j <= i; j++)
            cox->wald +=
                (i == j ? 1 : 2) * cox->beta[i] * cox->beta[j] * cox->information[i * cox->p + j];
    return ERR_OK;
}
