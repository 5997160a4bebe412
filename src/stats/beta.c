/* The incomplete beta function, with which Student's t and F keep their relative precision at any
 * degrees of freedom: GSL's turns to expansions beyond 1e5 that lose the tails (zero for t = 15 and
 * a million).
 *
 *     I_x(a, b) = x^a (1-x)^b / (a B(a, b)) · 1/(1 + d1/(1 + d2/(1 + …)))
 *
 * The continued fraction (Abramowitz & Stegun 26.5.8, by Lentz's method) converges in O(√max(a, b))
 * steps below the mean; above, the symmetry I_x(a, b) = 1 - I_{1-x}(b, a) is taken. The factor
 * before it is Loader's (2000): Stirling's errors and deviances, for differences of log gammas
 * would leave no digit at a million. */
#include "stats/stats_priv.h"

#define STEPS_MAX 300000
#define TINY 1e-300
#define EPSILON 4e-16

/* log Γ(z+1) - (z + ½) log z + z - ½ log 2π. */
static double stirling_error(double z)
{
    int sign;
    if (z <= 16)
        return lgamma_r(z + 1, &sign) - (z + 0.5) * log(z) + z - 0.91893853320467274178;
    double square = z * z;
    return (1.0 / 12 -
            (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / square) / square) / square) /
                square) /
           z;
}

/* a log(a/m) + m - a, ≥ 0, without cancellation where a is near m; off = a - m as exactly as the
 * caller has it. */
static double deviance(double a, double m, double off)
{
    if (fabs(off) > 0.1 * (a + m))
        return a * log(a / m) + m - a;
    double v = off / (a + m), square = v * v, sum = off * v, term = 2 * a * v;
    for (int j = 1; j < 1000; j++) {
        term *= square;
        double next = sum + term / (2 * j + 1);
        if (next == sum)
            break;
        sum = next;
    }
    return sum;
}

/* x^a y^b / B(a, b), y = 1 - x. */
static double front(double a, double b, double x, double y)
{
    double n = a + b, off = a * y - b * x; /* a - n x, and -(b - n y) */
    double exponent = stirling_error(n) - stirling_error(a) - stirling_error(b) -
                      deviance(a, n * x, off) - deviance(b, n * y, -off);
    return sqrt(a / n * b / (2 * M_PI)) * exp(exponent);
}

static double fraction(double a, double b, double x)
{
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < TINY ? TINY : d);
    double h = d;
    for (double m = 1; m < STEPS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), before = h;
        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabs(d) < TINY ? TINY : d);
        c = fabs(c) < TINY ? TINY : c;
        h *= d * c;
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabs(d) < TINY ? TINY : d);
        c = fabs(c) < TINY ? TINY : c;
        h *= d * c;
        if (fabs(h - before) <= EPSILON * fabs(h))
            break;
    }
    return h;
}

double dist_beta_lower(double a, double b, double x, double y)
{
    if (!(x > 0))
        return 0;
    if (!(y > 0))
        return 1;
    if (x * (a + b + 2) < a + 1)
        return front(a, b, x, y) * fraction(a, b, x) / a;
    return 1 - front(a, b, x, y) * fraction(b, a, y) / b;
}

double dist_beta_density(double a, double b, double x, double y)
{
    return front(a, b, x, y) / (x * y);
}
