/* Correlation of two numbers: Pearson's, and Spearman's as Pearson's of mid-ranks. */
#include "stats/stats_priv.h"

#define EXACT_ROWS 9     /* permutations are counted, as R does */
#define SERIES_ROWS 1290 /* below, without ties: Edgeworth's series; from here on: t */

static double correlation_of(const double *a, const double *b, int64_t n)
{
    struct moments ma = moments_of(a, n), mb = moments_of(b, n);
    long double sum = 0, sa = 0, sb = 0;
    for (int64_t i = 0; i < n; i++) {
        long double da = (long double)a[i] - ma.mean, db = (long double)b[i] - mb.mean;
        sum += da * db;
        sa += da * da;
        sb += db * db;
    }
    double r = (double)(sum / (sqrtl(sa) * sqrtl(sb)));
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

static enum err_code correlation_sample(struct work *work, const struct stats_column *a,
                                        const struct stats_column *b, struct sample *ret)
{
    const struct stats_column *columns[] = {a, b};
    TRY(sample_take(work, columns, 2, ret));
    if (ret->n < 3)
        return work_input(work, "%lld rows have both %s and %s: a correlation needs at least three",
                          (long long)ret->n, a->name, b->name);
    for (size_t c = 0; c < 2; c++) {
        bool varies = false;
        for (int64_t i = 1; i < ret->n && !varies; i++)
            varies = ret->x[c][i] != ret->x[c][0];
        if (!varies)
            return work_input(work, "%s has one value only: a correlation needs some variation",
                              columns[c]->name);
    }
    return ERR_OK;
}

static enum err_code pearson(struct work *work, const struct stats_column *a,
                             const struct stats_column *b)
{
    struct sample sample;
    struct stats_result *ret = work->ret;
    TRY(correlation_sample(work, a, b, &sample));
    double r = correlation_of(sample.x[0], sample.x[1], sample.n), df = (double)(sample.n - 2);
    if (!isfinite(r))
        return work_input(work, "%s or %s has values too large to correlate", a->name, b->name);
    ret->method = "t distribution";
    ret->estimate_name = "correlation";
    ret->estimate = r;
    if (fabs(r) < 1) {
        double t = sqrt(df) * r / sqrt((1 - r) * (1 + r));
        work_statistic(work, "t", t, df, dist_t_two(t, df));
    } else {
        ret->p = 0;
        work_note(work, "the correlation is perfect: t has no finite value");
    }
    if (sample.n > 3) {
        double half = work_z(work) / sqrt((double)(sample.n - 3)), z = atanh(r);
        ret->low = tanh(z - half);
        ret->high = tanh(z + half);
    }
    return ERR_OK;
}

enum err_code stats_pearson(const struct stats_column *a, const struct stats_column *b,
                            const struct stats_options *options, struct stats_result *ret,
                            struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Pearson's correlation", options, ret, err);
    if (code == ERR_OK)
        code = pearson(&work, a, b);
    return work_end(&work, code);
}

/* How many permutations of n have Σ(i - π(i))² ≤ most; Heap's order. */
static double count_permutations(int n, double most, double *ret_all)
{
    int order[EXACT_ROWS], turns[EXACT_ROWS] = {0};
    double counted = 0, all = 0;
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = 0;;) {
        int sum = 0;
        for (int j = 0; j < n; j++)
            sum += (j - order[j]) * (j - order[j]);
        counted += sum <= most ? 1 : 0;
        all++;
        while (i < n && turns[i] >= i)
            turns[i++] = 0;
        if (i >= n)
            break;
        int other = i % 2 == 0 ? 0 : turns[i], swap = order[other];
        order[other] = order[i];
        order[i] = swap;
        turns[i]++;
        i = 0;
    }
    *ret_all = all;
    return counted;
}

/* Edgeworth's series of AS 89: P(S ≥ s), or with lower P(S < s). */
static double series_tail(double n, double s, bool lower)
{
    double b = 1 / n, x = (6 * (s - 1) * b / (n * n - 1) - 1) * sqrt(1 / b - 1), y = x * x;
    double u = x * b *
               (0.2274 + b * (0.2531 + 0.1745 * b) +
                y * (-0.0758 + b * (0.1033 + 0.3932 * b) -
                     y * b *
                         (0.0879 + 0.0151 * b -
                          y * (0.0072 - 0.0831 * b + y * b * (0.0131 - 4.6e-4 * y)))));
    double p = u / exp(y / 2);
    p = lower ? dist_normal_lower(x) - p : dist_normal_upper(x) + p;
    return p < 0 ? 0 : p > 1 ? 1 : p;
}

/* Two-sided p of S without ties. */
static double spearman_p(int64_t n, double s)
{
    double middle = ((double)n * (double)n * (double)n - (double)n) / 6, p;
    bool upper = s > middle;
    s = round(s);
    if (n <= EXACT_ROWS) {
        double all, below = count_permutations((int)n, upper ? s - 1 : s, &all);
        p = (upper ? all - below : below) / all;
    } else {
        p = upper ? series_tail((double)n, s, false) : series_tail((double)n, s + 2, true);
    }
    return p > 0.5 ? 1 : 2 * p;
}

static enum err_code spearman(struct work *work, const struct stats_column *a,
                              const struct stats_column *b)
{
    struct sample sample;
    struct stats_result *ret = work->ret;
    double *ranks[2], ties[2];
    TRY(correlation_sample(work, a, b, &sample));
    for (size_t c = 0; c < 2; c++) {
        ranks[c] = work_array(work, sample.n, sizeof **ranks);
        TRY(work_memory(work));
        ranks_of(work, sample.x[c], sample.n, ranks[c], &ties[c]);
        TRY(work_memory(work));
    }
    double n = (double)sample.n, rho = correlation_of(ranks[0], ranks[1], sample.n),
           s = (n * n * n - n) * (1 - rho) / 6, p;
    bool tied = ties[0] > 0 || ties[1] > 0,
         counted = !tied && sample.n < SERIES_ROWS && work->options.exact != STATS_EXACT_NEVER;
    if (counted)
        p = spearman_p(sample.n, s);
    else
        p = fabs(rho) < 1 ? dist_t_two(rho * sqrt((n - 2) / ((1 - rho) * (1 + rho))), n - 2) : 0;
    ret->method = !counted                 ? "t approximation"
                  : sample.n <= EXACT_ROWS ? "exact"
                                           : "Edgeworth series";
    if (tied)
        work_note(work, "there are tied values: an exact p-value cannot be had");
    work_statistic(work, "S", s, NAN, p);
    ret->estimate_name = "rho";
    ret->estimate = rho;
    return ERR_OK;
}

enum err_code stats_spearman(const struct stats_column *a, const struct stats_column *b,
                             const struct stats_options *options, struct stats_result *ret,
                             struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Spearman's rank correlation", options, ret, err);
    if (code == ERR_OK)
        code = spearman(&work, a, b);
    return work_end(&work, code);
}
