/* Rank tests: Mann–Whitney (exact by counting the subsets of ranks, or normal) and Kruskal–Wallis.
 */
#include "stats/stats_priv.h"

#define EXACT_BELOW 50          /* R's rule: both groups under 50, no ties */
#define EXACT_WORK 2000000000.0 /* additions of an exact p that was asked for: seconds */

/* ways[w], w = 0 … m·n: in how many ways W = w. A rank r of m + n joins the subsets of k - 1 ranks:
 * each r adds r - k to the W of the k-th smallest, so ways of (k, w) grow by those of (k-1, w -
 * (r-k)). */
static double *count_ways(struct work *work, int64_t m, int64_t n)
{
    int64_t width = m * n + 1;
    double *ways = work_array(work, (m + 1) * width, sizeof *ways);
    if (ways == NULL)
        return NULL;
    ways[0] = 1;
    for (int64_t r = 1; r <= m + n; r++)
        for (int64_t k = r < m ? r : m; k >= 1 && r - k <= n; k--) {
            double *to = ways + k * width;
            const double *from = to - width;
            int64_t shift = r - k;
            for (int64_t w = k * n; w >= shift; w--)
                to[w] += from[w - shift];
        }
    return ways + m * width;
}

/* P(W ≤ w) or P(W ≥ w), whichever is smaller, doubled. */
static double exact_p(struct work *work, double w, int64_t m, int64_t n)
{
    const double *ways = count_ways(work, m, n);
    long double total = 0, tail = 0;
    int64_t at = (int64_t)w, end = m * n;
    if (ways == NULL)
        return NAN;
    bool upper = w > (double)end / 2;
    for (int64_t i = 0; i <= end; i++) {
        total += ways[i];
        tail += (upper ? i >= at : i <= at) ? ways[i] : 0;
    }
    double p = (double)(2 * tail / total);
    return p > 1 ? 1 : p;
}

static double normal_p(const struct work *work, double w, double m, double n, double ties,
                       double *ret_z)
{
    double z = w - m * n / 2;
    double sigma = sqrt(m * n / 12 * ((m + n + 1) - ties / ((m + n) * (m + n - 1))));
    double correction = work->options.no_continuity || z == 0 ? 0 : z > 0 ? 0.5 : -0.5;
    *ret_z = (z - correction) / sigma;
    return dist_normal_two(*ret_z);
}

static enum err_code choose_exact(struct work *work, int64_t m, int64_t n, double ties, bool *ret)
{
    enum stats_exactness asked = work->options.exact;
    *ret = asked != STATS_EXACT_NEVER && ties == 0 &&
           (asked == STATS_EXACT_ALWAYS || (m < EXACT_BELOW && n < EXACT_BELOW));
    if (*ret && (double)m * (double)m * (double)n * (double)(m + n) > EXACT_WORK) {
        err_set(work->err, ERR_LIMIT,
                "an exact Mann–Whitney p-value of groups of %lld and %lld takes too long",
                (long long)m, (long long)n);
        return err_hint(work->err, "the normal approximation is near enough at this size");
    }
    return ERR_OK;
}

static enum err_code mann_whitney(struct work *work, const struct stats_column *value,
                                  const struct stats_column *group)
{
    struct split split;
    TRY(split_take(work, value, group, 2, &split));
    int64_t m = split.levels.n[0], n = split.levels.n[1];
    double *ranks = work_array(work, split.n, sizeof *ranks), ties, z;
    ranks_of(work, split.value, split.n, ranks, &ties);
    TRY(work_memory(work));
    long double sums[2] = {0, 0};
    for (int64_t i = 0; i < split.n; i++)
        sums[split.levels.index[i]] += ranks[i];
    struct stats_result *ret = work->ret;
    struct stats_group *groups = work_groups(work, 2);
    TRY(work_memory(work));
    for (size_t k = 0; k < 2; k++) {
        groups[k].name = split.levels.names[k];
        group_describe(work, split.by[k], split.levels.n[k], &groups[k]);
        groups[k].rank_sum = (double)sums[k];
    }
    double w = (double)(sums[0] - (long double)m * (m + 1) / 2);
    bool exact;
    TRY(choose_exact(work, m, n, ties, &exact));
    if (!exact && groups[0].min == groups[0].max && groups[1].min == groups[1].max &&
        groups[0].min == groups[1].min)
        return work_input(work, "%s has one value only: ranks need some variation", value->name);
    double p = exact ? exact_p(work, w, m, n) : normal_p(work, w, (double)m, (double)n, ties, &z);
    ret->method = exact                         ? "exact"
                  : work->options.no_continuity ? "normal approximation"
                                                : "normal approximation with continuity correction";
    if (!exact)
        work_number(work, "z", z);
    if (ties > 0)
        work_note(work, "there are tied values: the variance is corrected for them, and an exact "
                        "p-value cannot be had");
    work_statistic(work, "W", w, NAN, p);
    ret->estimate_name = "probability that the first group's value is the larger";
    ret->estimate = w / ((double)m * (double)n);
    return ERR_OK;
}

enum err_code stats_mann_whitney(const struct stats_column *value, const struct stats_column *group,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Mann–Whitney U test", options, ret, err);
    if (code == ERR_OK)
        code = mann_whitney(&work, value, group);
    return work_end(&work, code);
}

static enum err_code kruskal_wallis(struct work *work, const struct stats_column *value,
                                    const struct stats_column *group)
{
    struct split split;
    TRY(split_take(work, value, group, 0, &split));
    size_t k = split.levels.count;
    double *ranks = work_array(work, split.n, sizeof *ranks), ties;
    double *sums = work_array(work, (int64_t)k, sizeof *sums), n = (double)split.n;
    ranks_of(work, split.value, split.n, ranks, &ties);
    groups_describe(work, &split);
    TRY(work_memory(work));
    double whole = n * n * n - n;
    if (ties >= whole)
        return work_input(work, "%s has one value only: ranks need some variation", value->name);
    for (int64_t i = 0; i < split.n; i++)
        sums[split.levels.index[i]] += ranks[i] - (n + 1) / 2; /* centred: no cancellation */
    long double h = 0;
    for (size_t j = 0; j < k; j++)
        h += (long double)sums[j] * sums[j] / split.levels.n[j];
    double statistic = (double)(12 * h / (n * (n + 1))) / (1 - ties / whole), df = (double)(k - 1);
    work->ret->method =
        ties > 0 ? "chi-squared approximation, corrected for ties" : "chi-squared approximation";
    work_statistic(work, "chi-squared", statistic, df, dist_chisq_upper(statistic, df));
    work->ret->estimate_name = "epsilon squared";
    work->ret->estimate = statistic / (n - 1);
    return ERR_OK;
}

enum err_code stats_kruskal_wallis(const struct stats_column *value,
                                   const struct stats_column *group,
                                   const struct stats_options *options, struct stats_result *ret,
                                   struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Kruskal–Wallis rank sum test", options, ret, err);
    if (code == ERR_OK)
        code = kruskal_wallis(&work, value, group);
    return work_end(&work, code);
}
