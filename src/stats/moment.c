/* Sums, quantiles, ranks. Sums are of long doubles and means of two passes, as R's, so that the
 * order of rows does not show in the digits that are compared. */
#include <stdlib.h>

#include "stats/stats_priv.h"

struct moments moments_of(const double *x, int64_t n)
{
    long double sum = 0, rest = 0, squares = 0;
    if (n < 1)
        return (struct moments){0, NAN, NAN};
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    long double mean = sum / n;
    for (int64_t i = 0; i < n; i++)
        rest += x[i] - mean;
    mean += rest / n;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    return (struct moments){n, (double)mean, n < 2 ? NAN : (double)(squares / (n - 1))};
}

static int compare_values(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sort_values(double *x, int64_t n)
{
    if (n > 1)
        qsort(x, (size_t)n, sizeof *x, compare_values);
}

static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

void sort_keyed(struct keyed *keys, int64_t n)
{
    if (n > 1)
        qsort(keys, (size_t)n, sizeof *keys, compare_keyed);
}

void ranks_of(struct work *work, const double *x, int64_t n, double *ret, double *ret_ties)
{
    struct keyed *keys = work_array(work, n, sizeof *keys);
    *ret_ties = 0;
    if (keys == NULL)
        return;
    for (int64_t i = 0; i < n; i++)
        keys[i] = (struct keyed){x[i], i};
    sort_keyed(keys, n);
    for (int64_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && keys[end].key == keys[i].key;)
            end++;
        double ties = (double)(end - i);
        *ret_ties += ties * ties * ties - ties;
        for (int64_t j = i; j < end; j++)
            ret[keys[j].row] = ((double)(i + 1) + (double)end) / 2;
    }
}

double stats_quantile(const double *sorted, int64_t count, double p)
{
    double h = (double)(count - 1) * p;
    int64_t below = (int64_t)floor(h + 4 * 2.220446049250313e-16); /* R's fuzz */
    double part = h - (double)below;
    if (fabs(part) < 1e-12 || below + 1 >= count)
        return sorted[below < count ? below : count - 1];
    return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

void group_describe(struct work *work, double *x, int64_t n, struct stats_group *ret)
{
    struct moments moments = moments_of(x, n);
    ret->n = n;
    if (n == 0)
        return;
    sort_values(x, n);
    ret->mean = moments.mean;
    ret->min = x[0];
    ret->q1 = stats_quantile(x, n, 0.25);
    ret->median = stats_quantile(x, n, 0.5);
    ret->q3 = stats_quantile(x, n, 0.75);
    ret->max = x[n - 1];
    if (n < 2)
        return;
    ret->sd = sqrt(moments.variance);
    ret->se = ret->sd / sqrt((double)n);
    double half = ret->se * dist_t_quantile((1 + work->ret->level) / 2, (double)(n - 1));
    ret->mean_low = ret->mean - half;
    ret->mean_high = ret->mean + half;
}

void groups_describe(struct work *work, const struct split *split)
{
    struct stats_group *groups = work_groups(work, split->levels.count);
    for (size_t k = 0; groups != NULL && k < split->levels.count; k++) {
        groups[k].name = split->levels.names[k];
        group_describe(work, split->by[k], split->levels.n[k], &groups[k]);
    }
}
