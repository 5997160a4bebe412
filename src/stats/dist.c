/* Distributions. The normal, χ² and first guesses of quantiles are GSL's; F and Student's t come
 * from beta.c, precise far out in the tails at any degrees of freedom (a million rows are common).
 */
#include "stats/gsl_library.h"
#include "stats/stats_priv.h"

double dist_normal_upper(double z)
{
    return libgsl.cdf_ugaussian_Q_(z);
}

double dist_normal_lower(double z)
{
    return libgsl.cdf_ugaussian_P_(z);
}

double dist_normal_two(double z)
{
    double p = 2 * dist_normal_upper(fabs(z));
    return p > 1 ? 1 : p;
}

double dist_normal_quantile(double p)
{
    return libgsl.cdf_ugaussian_Pinv_(p);
}

double dist_f_upper(double f, double df1, double df2)
{
    double by = df1 * f + df2;
    if (isnan(f) || isinf(df1))
        return NAN;
    return isinf(by) ? 0 : dist_beta_lower(df2 / 2, df1 / 2, df2 / by, df1 * f / by);
}

double dist_f_lower(double f, double df1, double df2)
{
    double by = df1 * f + df2;
    return isinf(by) ? 1 : dist_beta_lower(df1 / 2, df2 / 2, df1 * f / by, df2 / by);
}

double dist_t_two(double t, double df)
{
    return dist_f_upper(t * t, 1, df);
}

/* Newton's steps inside a bracket, from GSL's start where it has one. */
double dist_f_quantile(double p, double df1, double df2)
{
    double a = df1 / 2, b = df2 / 2, low = 0, high = 1, x = libgsl.cdf_beta_Pinv_(p, a, b);
    if (!(x > 0 && x < 1))
        x = a / (a + b);
    for (int step = 0; step < 60; step++) {
        double off = dist_beta_lower(a, b, x, 1 - x) - p;
        if (off < 0)
            low = x;
        else
            high = x;
        double next = x - off / dist_beta_density(a, b, x, 1 - x);
        if (!(next > low && next < high))
            next = (low + high) / 2;
        if (fabs(next - x) <= 1e-13 * x)
            break;
        x = next;
    }
    return df2 * x / (df1 * (1 - x));
}

/* Newton's steps on GSL's start: d/dt of P(|T| ≥ t) is twice the density. */
double dist_t_quantile(double p, double df)
{
    if (p < 0.5)
        return -dist_t_quantile(1 - p, df);
    int sign;
    double t = libgsl.cdf_tdist_Pinv_(p, df), tail = 2 * (1 - p);
    for (int step = 0; step < 4 && isfinite(t) && t > 0; step++) {
        double density = exp(lgamma_r((df + 1) / 2, &sign) - lgamma_r(df / 2, &sign) -
                             0.5 * log(df * M_PI) - (df + 1) / 2 * log1p(t * t / df));
        double by = (dist_t_two(t, df) - tail) / (2 * density);
        if (!isfinite(by) || fabs(by) > 0.1 * t)
            break;
        t += by;
        if (fabs(by) < 1e-14 * t)
            break;
    }
    return t;
}

double dist_chisq_upper(double x, double df)
{
    return x <= 0 ? 1 : libgsl.cdf_chisq_Q_(x, df);
}

double work_z(const struct work *work)
{
    return dist_normal_quantile((1 + work->ret->level) / 2);
}
