/* Small symmetric matrices, by row. The factor is Cholesky's with dropped columns, as Therneau's
 * survival uses it: a column that depends on earlier ones becomes zero and its coefficient 0, so
 * that a model with redundant terms is fitted in the others. */
#include <string.h>

#include "stats/stats_priv.h"

size_t cholesky_factor(double *a, size_t p, double tolerance, bool *drops)
{
    size_t rank = 0;
    for (size_t j = 0; j < p; j++) {
        double original = a[j * p + j], pivot = original;
        for (size_t k = 0; k < j; k++)
            pivot -= a[j * p + k] * a[j * p + k];
        bool drop = !(pivot > tolerance * original) || !isfinite(pivot);
        if (drops != NULL)
            drops[j] = drop;
        double root = drop ? 0 : sqrt(pivot);
        a[j * p + j] = root;
        rank += drop ? 0 : 1;
        for (size_t i = j + 1; i < p; i++) {
            double sum = a[i * p + j];
            for (size_t k = 0; k < j; k++)
                sum -= a[i * p + k] * a[j * p + k];
            a[i * p + j] = drop ? 0 : sum / root;
        }
    }
    return rank;
}

void cholesky_solve(const double *l, size_t p, double *b)
{
    for (size_t i = 0; i < p; i++) {
        for (size_t k = 0; k < i; k++)
            b[i] -= l[i * p + k] * b[k];
        b[i] = l[i * p + i] == 0 ? 0 : b[i] / l[i * p + i];
    }
    for (size_t i = p; i-- > 0;) {
        for (size_t k = i + 1; k < p; k++)
            b[i] -= l[k * p + i] * b[k];
        b[i] = l[i * p + i] == 0 ? 0 : b[i] / l[i * p + i];
    }
}

void cholesky_inverse(const double *l, size_t p, double *ret)
{
    /* Row j of ret is solved in place: the matrix is symmetric. */
    memset(ret, 0, p * p * sizeof *ret);
    for (size_t j = 0; j < p; j++) {
        if (l[j * p + j] == 0)
            continue;
        ret[j * p + j] = 1;
        cholesky_solve(l, p, ret + j * p);
    }
}
