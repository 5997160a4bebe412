/* Do a Cox model's hazards stay proportional? The score test of adding x·g(t) to the model, g(t) =
 * 1 - Kaplan–Meier just before t (Grambsch & Therneau, Biometrika 81, 1994; exact, as survival's
 * cox.zph since version 3). With U the score of the added columns and the information in blocks
 *
 *     ┌ I    Ig  ┐      I = ΣV(t), Ig = Σg(t)V(t), Igg = Σg(t)²V(t)
 *     └ Ig   Igg ┘      χ² = (0 U)·block⁻¹·(0 U)', of a predictor's columns or of all */
#include "stats/cox_priv.h"

/* g at each row's time, less its mean over events: the test is the same, the numbers are smaller.
 */
static enum err_code time_weights(struct cox *cox, double *g)
{
    const struct times *times = &cox->times;
    struct keyed *order = work_array(cox->work, times->n, sizeof *order);
    double survival = 1, sum = 0;
    TRY(work_memory(cox->work));
    for (int64_t r = 0; r < times->n; r++) /* of all strata together, as survival's */
        order[r] = (struct keyed){times->time[r], r};
    sort_keyed(order, times->n);
    for (int64_t i = 0, end; i < times->n; i = end) {
        double events = 0, at_risk = (double)(times->n - i);
        for (end = i; end < times->n && order[end].key == order[i].key; end++) {
            events += times->event[order[end].row];
            g[order[end].row] = 1 - survival;
        }
        sum += events * (1 - survival);
        survival *= (at_risk - events) / at_risk;
    }
    for (int64_t r = 0; r < times->n; r++)
        g[r] -= sum / times->events;
    return ERR_OK;
}

static double lower(const double *m, size_t p, size_t i, size_t j)
{
    return i > j ? m[i * p + j] : m[j * p + i];
}

/* χ² of the added columns that are picked; -1 where they carry no information. */
static enum err_code test_added(struct cox *cox, const struct cox_weighted *weighted,
                                const size_t *base, size_t base_count, const size_t *added,
                                size_t count, double *ret)
{
    size_t q = base_count + count, p = cox->p;
    double *m = work_array(cox->work, (int64_t)(q * q), sizeof *m),
           *u = work_array(cox->work, (int64_t)q, sizeof *u);
    double sum = 0;
    TRY(work_memory(cox->work));
    for (size_t i = 0; i < q; i++)
        for (size_t j = 0; j <= i; j++) {
            size_t a = i < base_count ? base[i] : added[i - base_count],
                   b = j < base_count ? base[j] : added[j - base_count];
            const double *from = i < base_count   ? cox->information
                                 : j < base_count ? weighted->cross
                                                  : weighted->square;
            m[i * q + j] = lower(from, p, a, b);
        }
    for (size_t i = 0; i < count; i++)
        u[base_count + i] = weighted->score[added[i]];
    *ret = -1;
    if (cholesky_factor(m, q, 1e-11, NULL) < q)
        return ERR_OK;
    cholesky_solve(m, q, u);
    for (size_t i = 0; i < count; i++)
        sum += u[base_count + i] * weighted->score[added[i]];
    *ret = sum;
    return ERR_OK;
}

static enum err_code zph_terms(struct cox *cox, const struct cox_weighted *weighted,
                               const struct stats_column *predictors, size_t predictor_count,
                               const size_t *base, size_t base_count)
{
    size_t *own = work_array(cox->work, (int64_t)cox->p, sizeof *own);
    struct stats_term *terms = work_terms(cox->work, predictor_count);
    TRY(work_memory(cox->work));
    for (size_t c = 0; c < predictor_count; c++) {
        size_t count = 0;
        for (size_t i = 0; i < base_count; i++)
            if (cox->design.predictor[base[i]] == c)
                own[count++] = base[i];
        terms[c].name = work_keep(cox->work, "%s", predictors[c].name);
        terms[c].aliased = count == 0;
        if (count == 0)
            continue;
        TRY(test_added(cox, weighted, base, base_count, own, count, &terms[c].statistic));
        if (terms[c].statistic < 0) {
            terms[c].statistic = NAN;
            work_note(cox->work, "too few distinct event times to test %s", terms[c].name);
            continue;
        }
        terms[c].df = (double)count;
        terms[c].p = dist_chisq_upper(terms[c].statistic, terms[c].df);
    }
    return ERR_OK;
}

static enum err_code zph(struct cox *cox, const struct stats_column *predictors,
                         size_t predictor_count)
{
    struct work *work = cox->work;
    int64_t p = (int64_t)cox->p;
    double *g = work_array(work, cox->times.n, sizeof *g), statistic = NAN;
    struct cox_weighted weighted = {g, work_array(work, p, sizeof(double)),
                                    work_array(work, p * p, sizeof(double)),
                                    work_array(work, p * p, sizeof(double))};
    size_t *base = work_array(work, p, sizeof *base), count = 0;
    TRY(work_memory(work));
    for (size_t j = 0; j < cox->p; j++)
        if (!cox->aliased[j])
            base[count++] = j;
    TRY(time_weights(cox, g));
    TRY(cox_scan(cox, &weighted));
    TRY(zph_terms(cox, &weighted, predictors, predictor_count, base, count));
    TRY(test_added(cox, &weighted, base, count, base, count, &statistic));
    if (statistic < 0)
        return work_input(work,
                          "too few distinct event times to test whether hazards stay proportional");
    work_statistic(work, "chi-squared", statistic, (double)count,
                   dist_chisq_upper(statistic, (double)count));
    work->ret->method = "score test, time as 1 - Kaplan–Meier";
    return ERR_OK;
}

enum err_code stats_cox_zph(const struct stats_column *time, const struct stats_column *event,
                            const struct stats_column *predictors, size_t predictor_count,
                            const struct stats_options *options, struct stats_result *ret,
                            struct err *err)
{
    struct work work;
    struct cox cox;
    enum err_code code = work_begin(&work, "test of proportional hazards", options, ret, err);
    if (code == ERR_OK)
        code = cox_make(&work, time, event, predictors, predictor_count, &cox);
    if (code == ERR_OK)
        code = cox_fit(&cox);
    if (code == ERR_OK && cox.separated)
        code = work_input(&work, "the model has no finite estimate (its likelihood is monotone): "
                                 "its hazards can't be tested");
    if (code == ERR_OK)
        code = zph(&cox, predictors, predictor_count);
    return work_end(&work, code);
}
