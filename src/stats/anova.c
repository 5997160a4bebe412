/* Means of several groups (one-way analysis of variance, Welch's) and their variances (Levene,
 * Bartlett, ratio of two). */
#include "stats/stats_priv.h"

struct squares {
    double between, within, df1, df2;
};

/* moments[k] of each group. */
static struct moments *moments_by(struct work *work, const struct split *split)
{
    struct moments *moments = work_array(work, (int64_t)split->levels.count, sizeof *moments);
    for (size_t k = 0; moments != NULL && k < split->levels.count; k++)
        moments[k] = moments_of(split->by[k], split->levels.n[k]);
    return moments;
}

static struct squares squares_of(const struct moments *moments, size_t groups, int64_t n)
{
    long double mean = 0, between = 0, within = 0;
    for (size_t k = 0; k < groups; k++)
        mean += (long double)moments[k].mean * moments[k].n;
    mean /= n;
    for (size_t k = 0; k < groups; k++) {
        between += (moments[k].mean - mean) * (moments[k].mean - mean) * moments[k].n;
        within += moments[k].n < 2 ? 0 : (long double)moments[k].variance * (moments[k].n - 1);
    }
    return (struct squares){(double)between, (double)within, (double)(groups - 1),
                            (double)(n - (int64_t)groups)};
}

/* The F test of groups that vary; name: of the column, for the error. */
static enum err_code f_finish(struct work *work, struct squares squares, const char *name)
{
    if (squares.df2 < 1)
        return work_input(
            work, "%s has as many groups as values: variation within the groups cannot be had",
            name);
    double f = squares.between / squares.df1 / (squares.within / squares.df2);
    if (!(squares.within > 1e-28 * (squares.between + squares.within)))
        return work_input(work, "%s does not vary within the groups: F needs some variation", name);
    work_statistic(work, "F", f, squares.df1, dist_f_upper(f, squares.df1, squares.df2));
    work->ret->df2 = squares.df2;
    return ERR_OK;
}

static enum err_code anova(struct work *work, const struct stats_column *value,
                           const struct stats_column *group)
{
    struct split split;
    TRY(split_take(work, value, group, 0, &split));
    struct moments *moments = moments_by(work, &split);
    groups_describe(work, &split);
    TRY(work_memory(work));
    struct squares squares = squares_of(moments, split.levels.count, split.n);
    TRY(f_finish(work, squares, value->name));
    work->ret->method = "equal variances";
    work->ret->estimate_name = "eta squared";
    work->ret->estimate = squares.between / (squares.between + squares.within);
    work_number(work, "sum of squares between", squares.between);
    work_number(work, "sum of squares within", squares.within);
    return ERR_OK;
}

enum err_code stats_anova(const struct stats_column *value, const struct stats_column *group,
                          const struct stats_options *options, struct stats_result *ret,
                          struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "one-way analysis of variance", options, ret, err);
    if (code == ERR_OK)
        code = anova(&work, value, group);
    return work_end(&work, code);
}

/* Welch 1951: weights w = n/s²; F of the weighted means, its second df by the weights' shares. */
static enum err_code anova_welch(struct work *work, const struct stats_column *value,
                                 const struct stats_column *group)
{
    struct split split;
    TRY(split_take(work, value, group, 0, &split));
    struct moments *moments = moments_by(work, &split);
    groups_describe(work, &split);
    TRY(work_memory(work));
    double k = (double)split.levels.count, total = 0, mean = 0, between = 0, spread = 0;
    for (size_t j = 0; j < split.levels.count; j++) {
        if (moments[j].n < 2 || !(moments[j].variance > 0)) {
            work_input(work,
                       "a group of %s has %s: Welch's analysis of variance weighs each group by "
                       "its variance",
                       value->name, moments[j].n < 2 ? "one value" : "no variation");
            return err_hint(work->err, "leave that group out, or use the Kruskal–Wallis test");
        }
        total += (double)moments[j].n / moments[j].variance;
        mean += (double)moments[j].n / moments[j].variance * moments[j].mean;
    }
    mean /= total;
    for (size_t j = 0; j < split.levels.count; j++) {
        double w = (double)moments[j].n / moments[j].variance;
        between += w * (moments[j].mean - mean) * (moments[j].mean - mean);
        spread += (1 - w / total) * (1 - w / total) / (double)(moments[j].n - 1);
    }
    spread /= k * k - 1;
    double f = between / ((k - 1) * (1 + 2 * (k - 2) * spread)), df2 = 1 / (3 * spread);
    work_statistic(work, "F", f, k - 1, dist_f_upper(f, k - 1, df2));
    work->ret->df2 = df2;
    work->ret->method = "unequal variances";
    return ERR_OK;
}

enum err_code stats_anova_welch(const struct stats_column *value, const struct stats_column *group,
                                const struct stats_options *options, struct stats_result *ret,
                                struct err *err)
{
    struct work work;
    enum err_code code =
        work_begin(&work, "Welch's one-way analysis of variance", options, ret, err);
    if (code == ERR_OK)
        code = anova_welch(&work, value, group);
    return work_end(&work, code);
}

static enum err_code levene(struct work *work, const struct stats_column *value,
                            const struct stats_column *group)
{
    struct split split;
    bool about_mean = work->options.center == STATS_MEAN;
    TRY(split_take(work, value, group, 0, &split));
    groups_describe(work, &split); /* sorts each group */
    TRY(work_memory(work));
    for (size_t k = 0; k < split.levels.count; k++) {
        const struct stats_group *described = &work->ret->groups[k];
        double center = about_mean ? described->mean : described->median;
        for (int64_t i = 0; i < split.levels.n[k]; i++)
            split.by[k][i] = fabs(split.by[k][i] - center);
    }
    struct moments *moments = moments_by(work, &split);
    TRY(work_memory(work));
    work->ret->method =
        about_mean ? "deviations from the mean" : "deviations from the median (Brown–Forsythe)";
    return f_finish(work, squares_of(moments, split.levels.count, split.n), value->name);
}

enum err_code stats_levene(const struct stats_column *value, const struct stats_column *group,
                           const struct stats_options *options, struct stats_result *ret,
                           struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Levene's test of equal variances", options, ret, err);
    if (code == ERR_OK)
        code = levene(&work, value, group);
    return work_end(&work, code);
}

static enum err_code bartlett(struct work *work, const struct stats_column *value,
                              const struct stats_column *group)
{
    struct split split;
    TRY(split_take(work, value, group, 0, &split));
    struct moments *moments = moments_by(work, &split);
    groups_describe(work, &split);
    TRY(work_memory(work));
    double k = (double)split.levels.count, df = (double)split.n - k, pooled = 0, logs = 0,
           parts = 0;
    for (size_t j = 0; j < split.levels.count; j++) {
        double own = (double)(moments[j].n - 1);
        if (moments[j].n < 2 || !(moments[j].variance > 0))
            return work_input(
                work, "a group of %s has %s: Bartlett's test needs the variance of each group",
                value->name, moments[j].n < 2 ? "one value" : "no variation");
        pooled += own * moments[j].variance / df;
        logs += own * log(moments[j].variance);
        parts += 1 / own;
    }
    double statistic = (df * log(pooled) - logs) / (1 + (parts - 1 / df) / (3 * (k - 1)));
    work_statistic(work, "chi-squared", statistic, k - 1, dist_chisq_upper(statistic, k - 1));
    work->ret->method = "chi-squared approximation";
    return ERR_OK;
}

enum err_code stats_bartlett(const struct stats_column *value, const struct stats_column *group,
                             const struct stats_options *options, struct stats_result *ret,
                             struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Bartlett's test of equal variances", options, ret, err);
    if (code == ERR_OK)
        code = bartlett(&work, value, group);
    return work_end(&work, code);
}

static enum err_code variance_ratio(struct work *work, const struct stats_column *value,
                                    const struct stats_column *group)
{
    struct split split;
    TRY(split_take(work, value, group, 2, &split));
    struct moments *moments = moments_by(work, &split);
    groups_describe(work, &split);
    TRY(work_memory(work));
    if (moments[0].n < 2 || moments[1].n < 2 || !(moments[0].variance > 0) ||
        !(moments[1].variance > 0))
        return work_input(work, "%s has no variance in one of the groups: a ratio needs both",
                          value->name);
    struct stats_result *ret = work->ret;
    double f = moments[0].variance / moments[1].variance, df1 = (double)(moments[0].n - 1),
           df2 = (double)(moments[1].n - 1);
    double p = 2 * fmin(dist_f_lower(f, df1, df2), dist_f_upper(f, df1, df2));
    work_statistic(work, "F", f, df1, p > 1 ? 1 : p);
    ret->df2 = df2;
    ret->method = "normal values";
    ret->estimate_name = "ratio of variances";
    ret->estimate = f;
    ret->low = f / dist_f_quantile((1 + ret->level) / 2, df1, df2);
    ret->high = f / dist_f_quantile((1 - ret->level) / 2, df1, df2);
    return ERR_OK;
}

enum err_code stats_variance_ratio(const struct stats_column *value,
                                   const struct stats_column *group,
                                   const struct stats_options *options, struct stats_result *ret,
                                   struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "F test of two variances", options, ret, err);
    if (code == ERR_OK)
        code = variance_ratio(&work, value, group);
    return work_end(&work, code);
}
