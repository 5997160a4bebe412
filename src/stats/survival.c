/* Kaplan–Meier curves and the log-rank test: one pass each over rows in the order of time. */
#include "stats/survival_priv.h"

#define HALF_TOLERANCE 1.4901161193847656e-08 /* of survival's median */

/* ---- Kaplan–Meier ------------------------------------------------------------------------- */

/* The interval of one step; root: √Σ d/(n(n-d)), the standard error of log S. */
static void point_interval(const struct work *work, struct stats_point *point, double root,
                           double z)
{
    double s = point->survival, low = NAN, high = NAN;
    point->se = s > 0 ? s * root : NAN;
    switch (work->options.interval) {
    case STATS_LOG:
        if (s > 0) {
            low = exp(log(s) - z * root);
            high = exp(log(s) + z * root);
        }
        break;
    case STATS_LOG_LOG:
        if (s > 0 && s < 1) {
            double at = log(-log(s)), by = z * root / log(s);
            low = exp(-exp(at - by));
            high = exp(-exp(at + by));
        } /* at 1 log(-log 1) is none: no interval, as R */
        break;
    case STATS_PLAIN:
        if (s > 0) {
            low = fmax(0, s - z * s * root);
            high = s + z * s * root;
        }
        break;
    }
    point->low = low;
    point->high = high > 1 ? 1 : high;
}

/* The first time at which y, a column of the points, is below a half; exactly a half: the middle to
 * the next lower step. */
static double half_time(const struct stats_point *points, int64_t count, size_t offset)
{
    for (int64_t i = 0; i < count; i++) {
        double y = *(const double *)((const char *)&points[i] + offset);
        if (isnan(y) || !(y < 0.5 + HALF_TOLERANCE))
            continue;
        for (int64_t j = i + 1; j < count && fabs(y - 0.5) < HALF_TOLERANCE; j++) {
            double next = *(const double *)((const char *)&points[j] + offset);
            if (next < y)
                return (points[i].time + points[j].time) / 2;
        }
        return points[i].time;
    }
    return NAN;
}

/* The curve of one group's rows; returns how many points. */
static int64_t curve(const struct work *work, const struct times *times, size_t group, double z,
                     struct stats_point *points)
{
    int64_t count = 0, at_risk = times->n;
    double survival = 1, sum = 0;
    for (int64_t i = 0, end; i < times->n; i = end) {
        int64_t events = 0, censored;
        end = times_end(times, i);
        for (int64_t r = i; r < end; r++)
            events += times->event[r] > 0 ? 1 : 0;
        censored = end - i - events;
        double n = (double)at_risk, d = (double)events;
        survival *= (n - d) / n;
        sum += events > 0 && n > d ? d / (n * (n - d)) : 0;
        points[count] = (struct stats_point){.group = group,
                                             .time = times->time[i],
                                             .at_risk = at_risk,
                                             .events = events,
                                             .censored = censored,
                                             .survival = survival};
        point_interval(work, &points[count++], sqrt(sum), z);
        at_risk -= events + censored;
    }
    return count;
}

static void describe_curve(struct stats_group *group, const struct stats_point *points,
                           int64_t count, int64_t n)
{
    group->n = n;
    for (int64_t i = 0; i < count; i++)
        group->events += points[i].events;
    group->median = half_time(points, count, offsetof(struct stats_point, survival));
    group->median_low = half_time(points, count, offsetof(struct stats_point, low));
    group->median_high = half_time(points, count, offsetof(struct stats_point, high));
}

/* Rows parted by group, each part in the order of time, so that many groups cost no more passes
 * than one. */
static enum err_code part_times(struct work *work, const struct times *times,
                                const struct levels *levels, struct times *ret)
{
    int64_t *at = work_array(work, (int64_t)levels->count + 1, sizeof *at);
    TRY(work_memory(work));
    for (size_t k = 0; k < levels->count; k++) {
        ret[k] = (struct times){.n = levels->n[k]};
        ret[k].time = work_array(work, levels->n[k], sizeof *ret[k].time);
        ret[k].event = work_array(work, levels->n[k], sizeof *ret[k].event);
    }
    TRY(work_memory(work));
    for (int64_t i = 0; i < times->n; i++) {
        size_t k = levels->index[times->row[i]];
        ret[k].time[at[k]] = times->time[i];
        ret[k].event[at[k]++] = times->event[i];
    }
    return ERR_OK;
}

static enum err_code kaplan_meier(struct work *work, const struct stats_column *time,
                                  const struct stats_column *event,
                                  const struct stats_column *group)
{
    struct times times, *parts;
    struct levels levels = {.count = 1};
    TRY(times_take(work, time, event, group, group == NULL ? 0 : 1, &times));
    if (group != NULL)
        TRY(levels_find(work, group, times.x[0], times.n, STATS_GROUPS_MAX, &levels));
    struct stats_group *groups = work_groups(work, levels.count);
    struct stats_point *points = arena_array(work->ret->arena, (size_t)times.n, sizeof *points);
    parts = work_array(work, (int64_t)levels.count, sizeof *parts);
    TRY(work_memory(work));
    if (group == NULL)
        parts[0] = times;
    else
        TRY(part_times(work, &times, &levels, parts));
    double z = work_z(work);
    int64_t used = 0;
    for (size_t k = 0; k < levels.count; k++) {
        int64_t count = curve(work, &parts[k], k, z, points + used);
        groups[k].name = group == NULL ? "all" : levels.names[k];
        describe_curve(&groups[k], points + used, count, parts[k].n);
        used += count;
    }
    work->ret->points = points;
    work->ret->point_count = (size_t)used;
    work->ret->estimate_name = group == NULL ? "median survival time" : NULL;
    if (group == NULL) {
        work->ret->estimate = groups[0].median;
        work->ret->low = groups[0].median_low;
        work->ret->high = groups[0].median_high;
    }
    return ERR_OK;
}

enum err_code stats_kaplan_meier(const struct stats_column *time, const struct stats_column *event,
                                 const struct stats_column *group,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err)
{
    static const char *const methods[] = {"Greenwood's variance, log intervals",
                                          "Greenwood's variance, log-log intervals",
                                          "Greenwood's variance, plain intervals"};
    struct work work;
    enum err_code code = work_begin(&work, "Kaplan–Meier curve", options, ret, err);
    if (code == ERR_OK)
        code = kaplan_meier(&work, time, event, group);
    if (code == ERR_OK)
        ret->method = methods[work.options.interval];
    return work_end(&work, code);
}

const struct stats_point *stats_curve_at(const struct stats_result *curve, size_t group,
                                         double time)
{
    size_t low = 0, high = curve->point_count;
    while (low < high) { /* the first point after (group, time) */
        size_t middle = (low + high) / 2;
        const struct stats_point *point = &curve->points[middle];
        if (point->group < group || (point->group == group && point->time <= time))
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && curve->points[low - 1].group == group ? &curve->points[low - 1] : NULL;
}

/* ---- log-rank ----------------------------------------------------------------------------- */

struct rank_test {
    size_t k;
    double *at_risk, *events;               /* of each group, now */
    double *observed, *expected, *variance; /* k × k */
};

/* One distinct time: d events among n at risk. */
static void rank_add(struct rank_test *test, double d, double n)
{
    size_t k = test->k;
    double spread = n > 1 ? d * (n - d) / (n * n * (n - 1)) : 0;
    for (size_t i = 0; i < k; i++) {
        test->observed[i] += test->events[i];
        test->expected[i] += d * test->at_risk[i] / n;
        if (spread == 0 || test->at_risk[i] == 0)
            continue;
        test->variance[i * k + i] += spread * n * test->at_risk[i];
        for (size_t j = 0; j <= i; j++)
            test->variance[i * k + j] -= spread * test->at_risk[i] * test->at_risk[j];
    }
}

/* The rows of the stratum that begins at i are at risk, and no other. */
static double rank_begin(struct rank_test *test, const struct times *times,
                         const struct levels *levels, int64_t i)
{
    int64_t end = times_stratum_end(times, i);
    for (size_t k = 0; k < test->k; k++)
        test->at_risk[k] = 0;
    for (int64_t r = i; r < end; r++)
        test->at_risk[levels->index[times->row[r]]]++;
    return (double)(end - i);
}

static void rank_scan(struct rank_test *test, const struct times *times,
                      const struct levels *levels)
{
    double n = 0;
    for (int64_t i = 0, end; i < times->n; i = end) {
        double d = 0;
        if (times_begins(times, i))
            n = rank_begin(test, times, levels, i);
        end = times_end(times, i);
        for (int64_t r = i; r < end; r++)
            if (times->event[r] > 0) {
                test->events[levels->index[times->row[r]]]++;
                d++;
            }
        if (d > 0)
            rank_add(test, d, n);
        for (int64_t r = i; r < end; r++) {
            size_t k = levels->index[times->row[r]];
            test->at_risk[k]--;
            test->events[k] = 0;
        }
        n -= (double)(end - i);
    }
}

/* (O - E)'V⁻¹(O - E) over the groups but one that expect events. */
static enum err_code rank_finish(struct work *work, const struct rank_test *test, const char *group)
{
    size_t k = test->k, *used = work_array(work, (int64_t)k, sizeof *used), count = 0;
    double *v = work_array(work, (int64_t)(k * k), sizeof *v),
           *off = work_array(work, (int64_t)k, sizeof *off);
    double *solved = work_array(work, (int64_t)k, sizeof *solved), statistic = 0;
    TRY(work_memory(work));
    for (size_t i = 0; i < k; i++)
        if (test->expected[i] > 0)
            used[count++] = i;
    if (count < 2)
        return work_input(
            work, "events occur while one level of %s alone is at risk: nothing can be compared",
            group);
    size_t p = count - 1;
    for (size_t i = 0; i < p; i++) {
        solved[i] = off[i] = test->observed[used[i]] - test->expected[used[i]];
        for (size_t j = 0; j <= i; j++)
            v[i * p + j] = test->variance[used[i] * k + used[j]];
    }
    if (cholesky_factor(v, p, 1e-10, NULL) < p)
        return work_input(
            work, "the groups of %s are not at risk together long enough to be compared", group);
    cholesky_solve(v, p, solved);
    for (size_t i = 0; i < p; i++)
        statistic += off[i] * solved[i];
    work_statistic(work, "chi-squared", statistic, (double)p,
                   dist_chisq_upper(statistic, (double)p));
    return ERR_OK;
}

static enum err_code log_rank(struct work *work, const struct stats_column *time,
                              const struct stats_column *event, const struct stats_column *group)
{
    struct times times;
    struct levels levels;
    TRY(times_take(work, time, event, group, 1, &times));
    TRY(levels_find(work, group, times.x[0], times.n, STATS_GROUPS_MAX, &levels));
    if (levels.count < 2)
        return work_input(work, "%s has 1 level among the complete rows, expected at least 2",
                          group->name);
    TRY(times_need_events(work, event, &times));
    int64_t k = (int64_t)levels.count;
    struct rank_test test = {.k = levels.count};
    test.at_risk = work_array(work, k, sizeof *test.at_risk);
    test.events = work_array(work, k, sizeof *test.events);
    test.observed = work_array(work, k, sizeof *test.observed);
    test.expected = work_array(work, k, sizeof *test.expected);
    test.variance = work_array(work, k * k, sizeof *test.variance);
    struct stats_group *groups = work_groups(work, levels.count);
    TRY(work_memory(work));
    rank_scan(&test, &times, &levels);
    for (size_t i = 0; i < levels.count; i++) {
        groups[i].name = levels.names[i];
        groups[i].n = levels.n[i];
        groups[i].events = (int64_t)test.observed[i];
        groups[i].observed = test.observed[i];
        groups[i].expected = test.expected[i];
    }
    work->ret->method = "hypergeometric variance";
    return rank_finish(work, &test, group->name);
}

enum err_code stats_log_rank(const struct stats_column *time, const struct stats_column *event,
                             const struct stats_column *group, const struct stats_options *options,
                             struct stats_result *ret, struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "log-rank test", options, ret, err);
    if (code == ERR_OK)
        code = log_rank(&work, time, event, group);
    return work_end(&work, code);
}
