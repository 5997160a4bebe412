/* Distributions: GSL's, by the routes that keep their relative precision far out in the tails.
 * Student's t goes through F, for GSL's own t is an expansion beyond 30 degrees of freedom. */
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
    if (isnan(f) || isinf(df1))
        return NAN;
    return f <= 0 ? 1 : isinf(f) ? 0 : libgsl.cdf_fdist_Q_(f, df1, df2);
}

double dist_f_lower(double f, double df1, double df2)
{
    return f <= 0 ? 0 : isinf(f) ? 1 : libgsl.cdf_fdist_P_(f, df1, df2);
}

double dist_t_two(double t, double df)
{
    return dist_f_upper(t * t, 1, df);
}

double dist_f_quantile(double p, double df1, double df2)
{
    double x = libgsl.cdf_beta_Pinv_(p, df1 / 2, df2 / 2);
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
