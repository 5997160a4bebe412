/* Fisher's exact test. A 2 × 2 table with its margins is one number x, of the noncentral
 * hypergeometric distribution: P(S = s) ∝ h(s)·exp(l·s), l the log odds ratio. The conditional
 * maximum likelihood estimate makes E(S) = x; the interval's ends make the tails beyond x equal (1
 * - level)/2. All three are roots of increasing functions of l, found by Newton's steps kept inside
 * a bracket. r × c is fisher_network.c's. */
#include "stats/table_priv.h"

#define STEPS_MAX 400
#define LOG_ODDS_MAX 700.0

struct support {
    int64_t low, high, x;
    double *log_weight; /* log h(s), s = low … high */
};
/* Of the distribution at l: mean, variance, P(S ≥ x), P(S ≤ x), and how those two change with l. */
struct tilted {
    double mean, variance, upper, lower, upper_slope, lower_slope;
};

static double log_choose(double n, double k)
{
    int sign;
    return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

static struct tilted tilt(const struct support *support, double l)
{
    long double total = 0, sum = 0, squares = 0, upper = 0, lower = 0, upper_sum = 0, lower_sum = 0;
    double most = -INFINITY;
    for (int64_t s = support->low; s <= support->high; s++)
        most = fmax(most, support->log_weight[s - support->low] + l * (double)(s - support->x));
    for (int64_t s = support->low; s <= support->high; s++) {
        double at = (double)(s - support->x),
               weight = exp(support->log_weight[s - support->low] + l * at - most);
        total += weight;
        sum += weight * at;
        squares += weight * at * at;
        upper += s >= support->x ? weight : 0;
        upper_sum += s >= support->x ? weight * at : 0;
        lower += s <= support->x ? weight : 0;
        lower_sum += s <= support->x ? weight * at : 0;
    }
    long double mean = sum / total;
    return (struct tilted){(double)mean,
                           (double)(squares / total - mean * mean),
                           (double)(upper / total),
                           (double)(lower / total),
                           (double)((upper_sum - mean * upper) / total),
                           (double)((lower_sum - mean * lower) / total)};
}

enum goal { GOAL_MEAN, GOAL_UPPER, GOAL_LOWER };

/* f(l), increasing, zero at the goal, and its slope. */
static double goal_at(const struct support *support, enum goal goal, double target, double l,
                      double *ret_slope)
{
    struct tilted tilted = tilt(support, l);
    switch (goal) {
    case GOAL_MEAN:
        *ret_slope = tilted.variance;
        return tilted.mean; /* relative to x */
    case GOAL_UPPER:
        *ret_slope = tilted.upper_slope;
        return tilted.upper - target;
    case GOAL_LOWER:
        *ret_slope = -tilted.lower_slope;
        return target - tilted.lower;
    }
    return NAN;
}

static double solve(const struct support *support, enum goal goal, double target)
{
    double low = -LOG_ODDS_MAX, high = LOG_ODDS_MAX, l = 0;
    for (int step = 0; step < STEPS_MAX && high - low > 1e-14 * (1 + fabs(l)); step++) {
        double slope, value = goal_at(support, goal, target, l, &slope);
        if (value == 0)
            break;
        if (value < 0)
            low = l;
        else
            high = l;
        double next = l - value / slope;
        if (!(next > low && next < high) || !isfinite(next))
            next = (low + high) / 2;
        if (fabs(next - l) < 1e-13 * (1 + fabs(l)) && fabs(value / slope) < 1e-12 * (1 + fabs(l))) {
            l = next;
            break;
        }
        l = next;
    }
    return l;
}

static double two_sided(const struct support *support)
{
    long double total = 0, tail = 0;
    double own = support->log_weight[support->x - support->low], most = -INFINITY;
    for (int64_t s = support->low; s <= support->high; s++)
        most = fmax(most, support->log_weight[s - support->low]);
    for (int64_t s = support->low; s <= support->high; s++) {
        double log_weight = support->log_weight[s - support->low];
        total += expl((long double)log_weight - most);
        tail += log_weight <= own + 1e-7 ? expl((long double)log_weight - most) : 0;
    }
    double p = (double)(tail / total);
    return p > 1 ? 1 : p;
}

static enum err_code fisher_square(struct work *work, const struct counts *counts)
{
    double a = counts->column_sums[0], b = counts->column_sums[1], k = counts->row_sums[0];
    struct support support = {(int64_t)fmax(0, k - b), (int64_t)fmin(k, a),
                              (int64_t)counts->cells[0], NULL};
    if (support.high - support.low >= STATS_FISHER_SUPPORT_MAX) {
        err_set(work->err, ERR_LIMIT,
                "%lld tables have these margins, Fisher's test takes %d at most",
                (long long)(support.high - support.low + 1), STATS_FISHER_SUPPORT_MAX);
        return err_hint(work->err, "with so many rows the chi-squared test is as good");
    }
    support.log_weight =
        work_array(work, support.high - support.low + 1, sizeof *support.log_weight);
    TRY(work_memory(work));
    for (int64_t s = support.low; s <= support.high; s++)
        support.log_weight[s - support.low] =
            log_choose(a, (double)s) + log_choose(b, k - (double)s);
    struct stats_result *ret = work->ret;
    double alpha = (1 - ret->level) / 2;
    bool least = support.x == support.low, most = support.x == support.high;
    ret->p = two_sided(&support);
    ret->estimate_name = "odds ratio";
    if (least && most) /* one table only */
        return ERR_OK;
    ret->estimate = least ? 0 : most ? INFINITY : exp(solve(&support, GOAL_MEAN, 0));
    ret->low = least ? 0 : exp(solve(&support, GOAL_UPPER, alpha));
    ret->high = most ? INFINITY : exp(solve(&support, GOAL_LOWER, alpha));
    return ERR_OK;
}

static enum err_code fisher(struct work *work, const struct counts *counts)
{
    TRY(counts_need_margins(work, counts));
    work->ret->method = "exact";
    return counts->rows == 2 && counts->columns == 2 ? fisher_square(work, counts)
                                                     : fisher_network(work, counts, &work->ret->p);
}

static enum err_code fisher_any(const struct stats_column *a, const struct stats_column *b,
                                const struct stats_table *table,
                                const struct stats_options *options, struct stats_result *ret,
                                struct err *err)
{
    struct work work;
    struct counts counts;
    enum err_code code = work_begin(&work, "Fisher's exact test", options, ret, err);
    if (code == ERR_OK)
        code = counts_take(&work, a, b, table, false, &counts);
    if (code == ERR_OK)
        code = fisher(&work, &counts);
    return work_end(&work, code);
}

enum err_code stats_fisher(const struct stats_column *a, const struct stats_column *b,
                           const struct stats_options *options, struct stats_result *ret,
                           struct err *err)
{
    return fisher_any(a, b, NULL, options, ret, err);
}

enum err_code stats_fisher_table(const struct stats_table *table,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err)
{
    return fisher_any(NULL, NULL, table, options, ret, err);
}
