/* Several measurements of the same rows: Wilcoxon's signed ranks with the pseudomedian of the
 * differences, and Friedman's test of three or more.
 *
 *     V = Σ ranks of |d| where d > 0;  means of two differences (d_i + d_j)/2, i ≤ j: V of them are
 *     above zero, and the pseudomedian is their middle. They are never held: pairs of sorted
 *     differences under a bound are counted in one pass. */
#include "stats/stats_priv.h"

#define EXACT_BELOW 50 /* R's rule: fewer differences than that, none tied, none zero */
#define EXACT_MAX 1000 /* differences of an exact p that was asked for */
#define FAR 1e300      /* of a difference: sums of two must be finite */

/* Differences of a pair that are not zero, ascending, and what ranks say of them. */
struct signs {
    int64_t n;    /* pairs that differ */
    double *d, v; /* ascending; the sum of ranks of those above zero */
    double ties;  /* Σ(t³ - t) over tied |d| */
    bool exact;
};

/* P(V ≤ v) for n differences without ties, in share[0 … n(n+1)/2]. */
static double *signed_shares(struct work *work, int64_t n)
{
    int64_t end = n * (n + 1) / 2, reached = 0;
    double *share = work_array(work, end + 1, sizeof *share);
    if (share == NULL)
        return NULL;
    share[0] = 1;
    for (int64_t rank = 1; rank <= n; rank++) { /* a rank is above zero, or not: a half each */
        reached += rank;
        for (int64_t v = reached; v >= 0; v--)
            share[v] = (share[v] + (v >= rank ? share[v - rank] : 0)) / 2;
    }
    for (int64_t v = 1; v <= end; v++)
        share[v] += share[v - 1];
    return share;
}

/* How many means of two differences are at most at. */
static double count_means(const struct signs *s, double at)
{
    double count = 0;
    int64_t k = s->n - 1;
    for (int64_t i = 0; i < s->n; i++) { /* partners k ≥ i with d_i + d_k ≤ 2·at */
        while (k >= i && (s->d[i] + s->d[k]) / 2 > at)
            k--;
        if (k < i)
            break;
        count += (double)(k - i + 1);
    }
    return count;
}

/* The mean of two differences that is the rank-th smallest (from 1). */
static double mean_at(const struct signs *s, double rank)
{
    double low = s->d[0], high = s->d[s->n - 1];
    if (count_means(s, low) >= rank)
        return low;
    for (;;) { /* low has fewer, high enough */
        double middle = low + (high - low) / 2;
        if (!(middle > low && middle < high))
            return high;
        if (count_means(s, middle) >= rank)
            high = middle;
        else
            low = middle;
    }
}

/* R's statistic of the differences less at: zeros left out, ties corrected. */
static double z_at(struct work *work, const struct signs *s, double at, double *ranks)
{
    double *size = work_array(work, s->n, sizeof *size), ties = 0, sum = 0;
    bool *above = work_array(work, s->n, sizeof *above);
    int64_t n = 0;
    if (size == NULL || above == NULL)
        return NAN;
    for (int64_t i = 0; i < s->n; i++) {
        double d = s->d[i] - at;
        above[n] = d > 0;
        size[n] = fabs(d);
        n += d != 0 ? 1 : 0;
    }
    ranks_of(work, size, n, ranks, &ties);
    for (int64_t i = 0; i < n; i++)
        sum += above[i] ? ranks[i] : 0;
    double m = (double)n, off = sum - m * (m + 1) / 4;
    double correction = work->options.no_continuity || off == 0 ? 0 : off > 0 ? .5 : -.5;
    return (off - correction) / sqrt(m * (m + 1) * (2 * m + 1) / 24 - ties / 48);
}

/* Between two neighbouring means V does not change: the interval ends at the mean where z passes
 * the quantile. Ties are those of equal differences there, whatever the shift. */
static double mean_where(const struct work *work, const struct signs *s, double spread, double z)
{
    double n = (double)s->n, all = n * (n + 1) / 2, low = 0, high = all;
    while (low < high) { /* the least rank after which z is below */
        double middle = floor((low + high) / 2), off = (all - middle) - all / 2;
        double correction = work->options.no_continuity || off == 0 ? 0 : off > 0 ? .5 : -.5;
        if ((off - correction) / spread < z)
            high = middle;
        else
            low = middle + 1;
    }
    return mean_at(s, low);
}

static void normal_interval(struct work *work, const struct signs *s, double *ranks)
{
    struct stats_result *ret = work->ret;
    double z = work_z(work), n = (double)s->n, ties = 0;
    for (int64_t i = 0, end; i < s->n; i = end) {
        for (end = i + 1; end < s->n && s->d[end] == s->d[i];)
            end++;
        double t = (double)(end - i);
        ties += t * t * t - t;
    }
    double spread = sqrt(n * (n + 1) * (2 * n + 1) / 24 - ties / 48);
    double at_least = z_at(work, s, s->d[0], ranks), at_most = z_at(work, s, s->d[s->n - 1], ranks);
    if (!(at_least >= z) || !(at_most <= -z))
        return;
    ret->low = mean_where(work, s, spread, z);
    ret->high = mean_where(work, s, spread, -z);
}

static void exact_interval(struct work *work, const struct signs *s, const double *shares)
{
    double alpha = 1 - work->ret->level, all = (double)s->n * (double)(s->n + 1) / 2;
    int64_t at = 0;
    while (shares[at] < alpha / 2)
        at++;
    at = at > 0 ? at : 1;
    if (2 * shares[at - 1] - alpha > alpha / 2)
        return;
    work->ret->low = mean_at(s, (double)at);
    work->ret->high = mean_at(s, all + 1 - (double)at);
}

static enum err_code signs_take(struct work *work, const struct stats_column *a,
                                const struct stats_column *b, struct signs *ret)
{
    const struct stats_column *columns[] = {a, b};
    struct sample sample;
    TRY(sample_take(work, columns, 2, &sample));
    *ret = (struct signs){.d = work_array(work, sample.n, sizeof *ret->d)};
    double *size = work_array(work, sample.n, sizeof *size);
    double *ranks = work_array(work, sample.n, sizeof *ranks);
    TRY(work_memory(work));
    for (int64_t i = 0; i < sample.n; i++) {
        double d = sample.x[0][i] - sample.x[1][i];
        if (fabs(d) > FAR)
            return work_input(work,
                              "the differences of %s and %s are too large for ranks of their "
                              "means",
                              a->name, b->name);
        if (d != 0)
            ret->d[ret->n++] = d;
    }
    if (ret->n == 0)
        return work_input(work,
                          "no pair differs between %s and %s: signed ranks look at those "
                          "that do",
                          a->name, b->name);
    sort_values(ret->d, ret->n);
    for (int64_t i = 0; i < ret->n; i++)
        size[i] = fabs(ret->d[i]);
    ranks_of(work, size, ret->n, ranks, &ret->ties);
    for (int64_t i = 0; i < ret->n; i++)
        ret->v += ret->d[i] > 0 ? ranks[i] : 0;
    bool plain = ret->ties == 0 && ret->n == sample.n;
    ret->exact = plain && work->options.exact != STATS_EXACT_NEVER &&
                 (work->options.exact == STATS_EXACT_ALWAYS || ret->n < EXACT_BELOW);
    if (ret->exact && ret->n > EXACT_MAX) {
        err_set(work->err, ERR_LIMIT, "an exact p-value of %lld differences, %d at most",
                (long long)ret->n, EXACT_MAX);
        return err_hint(work->err, "the normal approximation is near enough at this size");
    }
    if (ret->n < sample.n)
        work_note(work, "%lld pairs do not differ: they have no rank",
                  (long long)(sample.n - ret->n));
    if (ret->ties > 0)
        work_note(work, "there are tied differences: the variance is corrected for them, and an "
                        "exact p-value cannot be had");
    return work_memory(work);
}

static enum err_code signed_rank(struct work *work, const struct stats_column *a,
                                 const struct stats_column *b)
{
    struct signs s;
    struct stats_result *ret = work->ret;
    TRY(signs_take(work, a, b, &s));
    double all = (double)s.n * (double)(s.n + 1) / 2, half = floor((all + 1) / 2), p = NAN;
    double *ranks = work_array(work, s.n, sizeof *ranks);
    TRY(work_memory(work));
    if (s.exact) {
        const double *shares = signed_shares(work, s.n);
        TRY(work_memory(work));
        p = fmin(1, 2 * shares[(int64_t)fmin(s.v, all - s.v)]); /* V is symmetric */
        exact_interval(work, &s, shares);
    } else {
        double z = z_at(work, &s, 0, ranks);
        p = dist_normal_two(z);
        work_number(work, "z", z);
        normal_interval(work, &s, ranks);
    }
    ret->method = s.exact                       ? "exact"
                  : work->options.no_continuity ? "normal approximation"
                                                : "normal approximation with continuity correction";
    work_statistic(work, "V", s.v, NAN, p);
    ret->estimate_name = "pseudomedian of the differences";
    ret->estimate = (mean_at(&s, half) + mean_at(&s, all + 1 - half)) / 2;
    if (isnan(ret->low))
        work_note(work, "too few pairs differ for an interval of %g %%", 100 * ret->level);
    return work_memory(work);
}

enum err_code stats_signed_rank(const struct stats_column *a, const struct stats_column *b,
                                const struct stats_options *options, struct stats_result *ret,
                                struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Wilcoxon signed rank test", options, ret, err);
    if (code == ERR_OK)
        code = signed_rank(&work, a, b);
    return work_end(&work, code);
}

/* ---- three or more measurements ----------------------------------------------------------- */

/* Ranks within each row: sums of columns' ranks into sums, Σ(t³ - t) over all rows' ties. */
static enum err_code rank_rows(struct work *work, const struct sample *sample, size_t k,
                               double *sums, double *ret_ties)
{
    double *row = work_array(work, (int64_t)k, sizeof *row);
    *ret_ties = 0;
    TRY(work_memory(work));
    for (int64_t i = 0; i < sample->n; i++) {
        for (size_t j = 0; j < k; j++)
            row[j] = sample->x[j][i];
        for (size_t j = 0; j < k; j++) {
            double below = 0, equal = 0;
            for (size_t l = 0; l < k; l++) {
                below += row[l] < row[j] ? 1 : 0;
                equal += row[l] == row[j] ? 1 : 0;
            }
            sums[j] += below + (equal + 1) / 2;
            *ret_ties += equal * equal - 1; /* each of t tied ones: (t³ - t)/t */
        }
    }
    return ERR_OK;
}

static enum err_code friedman(struct work *work, const struct stats_column *columns, size_t count)
{
    struct sample sample;
    struct stats_result *ret = work->ret;
    if (count < 2 || count > STATS_GROUPS_MAX)
        return err_set(work->err, ERR_USAGE, "Friedman's test of %zu columns, expected 2 to %d",
                       count, STATS_GROUPS_MAX);
    const struct stats_column **list = work_array(work, (int64_t)count, sizeof *list);
    double *sums = work_array(work, (int64_t)count, sizeof *sums), ties = 0, squares = 0;
    TRY(work_memory(work));
    for (size_t i = 0; i < count; i++)
        list[i] = &columns[i];
    TRY(sample_take(work, list, count, &sample));
    if (sample.n < 2)
        return work_input(work,
                          "%lld rows have a value in all %zu columns: Friedman's test needs "
                          "at least two",
                          (long long)sample.n, count);
    TRY(rank_rows(work, &sample, count, sums, &ties));
    double n = (double)sample.n, k = (double)count, spread = n * k * (k + 1) - ties / (k - 1);
    if (!(spread > 1e-9))
        return work_input(work, "no row differs between the columns: ranks need some variation");
    struct stats_group *groups = work_groups(work, count);
    TRY(work_memory(work));
    for (size_t i = 0; i < count; i++) {
        double off = sums[i] - n * (k + 1) / 2;
        squares += off * off;
        groups[i].name = work_keep(work, "%s", columns[i].name);
        groups[i].rank_sum = sums[i];
        group_describe(work, sample.x[i], sample.n, &groups[i]);
    }
    double statistic = 12 * squares / spread;
    ret->method =
        ties > 0 ? "chi-squared approximation, corrected for ties" : "chi-squared approximation";
    work_statistic(work, "chi-squared", statistic, k - 1, dist_chisq_upper(statistic, k - 1));
    ret->estimate_name = "Kendall's W";
    ret->estimate = statistic / (n * (k - 1));
    return ERR_OK;
}

enum err_code stats_friedman(const struct stats_column *columns, size_t count,
                             const struct stats_options *options, struct stats_result *ret,
                             struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Friedman rank sum test", options, ret, err);
    if (code == ERR_OK)
        code = friedman(&work, columns, count);
    return work_end(&work, code);
}
