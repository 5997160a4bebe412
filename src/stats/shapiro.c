/* Shapiro–Wilk's W and its p by Royston's approximations (Applied Statistics 44, 1995, AS R94):
 * weights from normal scores with the two outermost by polynomials in 1/√n, then log(1 - W) taken
 * as normal. */
#include "stats/stats_priv.h"

static double polynomial(const double *c, int count, double x)
{
    double y = 0;
    for (int i = count; i-- > 0;)
        y = y * x + c[i];
    return y;
}

/* weights[i] of the i-th smallest of the lower half, positive. */
static void weights_of(int64_t n, double *weights)
{
    static const double outer[] = {0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056};
    static const double next[] = {0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633};
    int64_t half = n / 2;
    if (n == 3) {
        weights[0] = sqrt(0.5);
        return;
    }
    double squares = 0, small = 1 / sqrt((double)n);
    for (int64_t i = 0; i < half; i++) {
        weights[i] = -dist_normal_quantile(((double)(i + 1) - 0.375) / ((double)n + 0.25));
        squares += 2 * weights[i] * weights[i];
    }
    double root = sqrt(squares), m0 = weights[0], m1 = half > 1 ? weights[1] : 0;
    double first = polynomial(outer, 6, small) + m0 / root, second = 0, divisor;
    int64_t from = 1;
    if (n > 5) {
        second = polynomial(next, 6, small) + m1 / root;
        divisor = sqrt((squares - 2 * m0 * m0 - 2 * m1 * m1) /
                       (1 - 2 * first * first - 2 * second * second));
        from = 2;
    } else {
        divisor = sqrt((squares - 2 * m0 * m0) / (1 - 2 * first * first));
    }
    for (int64_t i = from; i < half; i++)
        weights[i] /= divisor;
    weights[0] = first;
    if (n > 5)
        weights[1] = second;
}

static double p_of(double w, double rest, int64_t n)
{
    static const double mean_small[] = {0.544, -0.39978, 0.025054, -6.714e-4};
    static const double sd_small[] = {1.3822, -0.77857, 0.062767, -0.0020322};
    static const double mean_large[] = {-1.5861, -0.31082, -0.083751, 0.0038915};
    static const double sd_large[] = {-0.4803, -0.082676, 0.0030302};
    double x = (double)n, y = log(rest);
    if (n == 3) {
        double p = 6 / M_PI * (asin(sqrt(w)) - asin(sqrt(0.75)));
        return p < 0 ? 0 : p;
    }
    if (n <= 11) {
        double gamma = -2.273 + 0.459 * x;
        if (y >= gamma)
            return 1e-99;
        return dist_normal_upper((-log(gamma - y) - polynomial(mean_small, 4, x)) /
                                 exp(polynomial(sd_small, 4, x)));
    }
    x = log(x);
    return dist_normal_upper((y - polynomial(mean_large, 4, x)) / exp(polynomial(sd_large, 3, x)));
}

static enum err_code shapiro_wilk(struct work *work, const struct stats_column *value)
{
    struct sample sample;
    TRY(sample_take(work, &value, 1, &sample));
    int64_t n = sample.n;
    if (n < 3)
        return work_input(work, "%s has %lld values: Shapiro–Wilk needs at least three",
                          value->name, (long long)n);
    if (n > STATS_SHAPIRO_MAX) {
        err_set(work->err, ERR_LIMIT,
                "%s has %lld values: Shapiro–Wilk's p-value is known up to %d", value->name,
                (long long)n, STATS_SHAPIRO_MAX);
        return err_hint(work->err, "with so many values the mean is near normal whatever they are; "
                                   "look at their distribution");
    }
    double *x = sample.x[0], *weights = work_array(work, n / 2, sizeof *weights);
    TRY(work_memory(work));
    sort_values(x, n);
    double range = x[n - 1] - x[0];
    if (!(range > 0) || !isfinite(range))
        return work_input(
            work, "%s has one value only, or too wide a range: its distribution cannot be tested",
            value->name);
    weights_of(n, weights);
    for (int64_t i = 0; i < n; i++)
        x[i] /= range;
    struct moments moments = moments_of(x, n);
    long double sum = 0, squares = 0;
    for (int64_t i = 0; i < n / 2; i++) {
        sum += weights[i] * (x[n - 1 - i] - x[i]);
        squares += 2 * (long double)weights[i] * weights[i];
    }
    /* 1 - W as a product, for W near one. */
    long double a = sqrtl(squares), b = sqrtl((long double)moments.variance * (n - 1));
    double rest = (double)((a * b - sum) * (a * b + sum) / (squares * b * b)), w = 1 - rest;
    work_statistic(work, "W", w, NAN, p_of(w, rest, n));
    work->ret->method = "Royston's approximation";
    return ERR_OK;
}

enum err_code stats_shapiro_wilk(const struct stats_column *value,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Shapiro–Wilk test of normality", options, ret, err);
    if (code == ERR_OK)
        code = shapiro_wilk(&work, value);
    return work_end(&work, code);
}
