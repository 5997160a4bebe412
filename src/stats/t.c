/* Two means: Welch's and Student's t, paired t. Differences are first level minus second,
 * two-sided. */
#include "stats/stats_priv.h"

/* A mean or difference with its standard error: statistic, interval, p. Refuses what does not vary,
 * by R's rule. */
static enum err_code t_finish(struct work *work, const char *name, double value, double se,
                              double df, double scale, const char *column)
{
    struct stats_result *ret = work->ret;
    if (!(se > 10 * 2.220446049250313e-16 * scale)) {
        work_input(work, "%s does not vary within the groups: a t-test needs some variation",
                   column);
        return err_hint(work->err, "compare the values themselves, or another column");
    }
    double t = value / se, half = se * dist_t_quantile((1 + ret->level) / 2, df);
    work_statistic(work, "t", t, df, dist_t_two(t, df));
    ret->estimate_name = name;
    ret->estimate = value;
    ret->low = value - half;
    ret->high = value + half;
    struct stats_term *term = work_terms(work, 1);
    if (term != NULL)
        *term = (struct stats_term){.name = name,
                                    .value = value,
                                    .se = se,
                                    .low = ret->low,
                                    .high = ret->high,
                                    .ratio = NAN,
                                    .ratio_low = NAN,
                                    .ratio_high = NAN,
                                    .statistic = t,
                                    .df = df,
                                    .p = ret->p};
    return ERR_OK;
}

static enum err_code t_test(struct work *work, const struct stats_column *value,
                            const struct stats_column *group)
{
    struct split split;
    TRY(split_take(work, value, group, 2, &split));
    struct moments a = moments_of(split.by[0], split.levels.n[0]),
                   b = moments_of(split.by[1], split.levels.n[1]);
    groups_describe(work, &split);
    TRY(work_memory(work));
    bool equal = work->options.equal_variance;
    /* Student's pools: one group may have a single value. */
    if (equal ? a.n + b.n < 3 : a.n < 2 || b.n < 2)
        return work_input(
            work,
            "%s has %lld and %lld values in the two groups: a t-test needs at least two in each",
            value->name, (long long)a.n, (long long)b.n);
    double va = a.n < 2 ? 0 : a.variance, vb = b.n < 2 ? 0 : b.variance, na = (double)a.n,
           nb = (double)b.n, se, df;
    if (equal) {
        df = na + nb - 2;
        se = sqrt(((na - 1) * va + (nb - 1) * vb) / df * (1 / na + 1 / nb));
        work->ret->test = "Student's two-sample t-test";
    } else {
        double ea = va / na, eb = vb / nb;
        se = sqrt(ea + eb);
        df = (ea + eb) * (ea + eb) / (ea * ea / (na - 1) + eb * eb / (nb - 1));
    }
    double scale = fmax(fabs(a.mean), fabs(b.mean));
    work->ret->method = equal ? "pooled variance" : "Satterthwaite's degrees of freedom";
    TRY(t_finish(work, "difference in means", a.mean - b.mean, se, df, scale, value->name));
    work_note(work, "the difference is %s minus %s", split.levels.names[0], split.levels.names[1]);
    return ERR_OK;
}

enum err_code stats_t_test(const struct stats_column *value, const struct stats_column *group,
                           const struct stats_options *options, struct stats_result *ret,
                           struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Welch two-sample t-test", options, ret, err);
    if (code == ERR_OK)
        code = t_test(&work, value, group);
    return work_end(&work, code);
}

static enum err_code t_paired(struct work *work, const struct stats_column *a,
                              const struct stats_column *b)
{
    const struct stats_column *columns[] = {a, b};
    struct sample sample;
    TRY(sample_take(work, columns, 2, &sample));
    if (sample.n < 2)
        return work_input(work, "%lld rows have both %s and %s: a paired t-test needs at least two",
                          (long long)sample.n, a->name, b->name);
    double *difference = sample.x[0];
    for (int64_t i = 0; i < sample.n; i++)
        difference[i] -= sample.x[1][i];
    struct moments moments = moments_of(difference, sample.n);
    work->ret->method = "differences of pairs";
    return t_finish(work, "mean difference", moments.mean,
                    sqrt(moments.variance / (double)sample.n), (double)(sample.n - 1),
                    fabs(moments.mean), a->name);
}

enum err_code stats_t_test_paired(const struct stats_column *a, const struct stats_column *b,
                                  const struct stats_options *options, struct stats_result *ret,
                                  struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "paired t-test", options, ret, err);
    if (code == ERR_OK)
        code = t_paired(&work, a, b);
    return work_end(&work, code);
}
