/* Description: a number by groups, a category's levels. No test here. */
#include "stats/stats_priv.h"

/* Rows with a group, whether or not they have a value. */
static enum err_code describe_groups(struct work *work, const struct stats_column *value,
                                     const struct stats_column *group, struct sample *ret_sample,
                                     struct levels *ret_levels)
{
    if (value->rows != group->rows)
        return err_set(work->err, ERR_USAGE, "column %s has %lld rows, column %s has %lld",
                       value->name, (long long)value->rows, group->name, (long long)group->rows);
    TRY(sample_take(work, &group, 1, ret_sample));
    return levels_find(work, group, ret_sample->x[0], ret_sample->n, STATS_LEVELS_MAX, ret_levels);
}

static enum err_code describe_by(struct work *work, const struct stats_column *value,
                                 const struct stats_column *group)
{
    struct sample sample;
    struct levels levels;
    TRY(describe_groups(work, value, group, &sample, &levels));
    struct stats_group *groups = work_groups(work, levels.count);
    double *x = work_array(work, sample.n, sizeof *x);
    int64_t total = 0;
    TRY(work_memory(work));
    for (size_t k = 0; k < levels.count; k++) {
        int64_t n = 0;
        for (int64_t i = 0; i < sample.n; i++)
            if (levels.index[i] == k && isfinite(value->values[sample.rows[i]]))
                x[n++] = value->values[sample.rows[i]];
        groups[k].name = levels.names[k];
        groups[k].missing = levels.n[k] - n;
        group_describe(work, x, n, &groups[k]);
        total += n;
    }
    work->ret->n = total;
    return ERR_OK;
}

static enum err_code describe_all(struct work *work, const struct stats_column *value)
{
    struct stats_group *groups = work_groups(work, 1);
    struct sample sample;
    TRY(sample_take(work, &value, 1, &sample));
    TRY(work_memory(work));
    groups[0].name = "all";
    groups[0].missing = work->ret->dropped_rows;
    group_describe(work, sample.x[0], sample.n, &groups[0]);
    work->ret->dropped_rows = 0; /* counted as missing */
    work->ret->dropped_count = 0;
    return ERR_OK;
}

enum err_code stats_describe(const struct stats_column *value, const struct stats_column *group,
                             const struct stats_options *options, struct stats_result *ret,
                             struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "description", options, ret, err);
    if (code == ERR_OK)
        code = group == NULL ? describe_all(&work, value) : describe_by(&work, value, group);
    if (code == ERR_OK && group == NULL) {
        ret->estimate_name = "mean";
        ret->estimate = ret->groups[0].mean;
        ret->low = ret->groups[0].mean_low;
        ret->high = ret->groups[0].mean_high;
    }
    return work_end(&work, code);
}

static enum err_code frequencies(struct work *work, const struct stats_column *category)
{
    struct sample sample;
    struct levels levels;
    TRY(sample_take(work, &category, 1, &sample));
    TRY(levels_find(work, category, sample.x[0], sample.n, STATS_LEVELS_MAX, &levels));
    struct stats_group *groups = work_groups(work, levels.count);
    TRY(work_memory(work));
    for (size_t k = 0; k < levels.count; k++) {
        groups[k].name = levels.names[k];
        groups[k].n = levels.n[k];
        groups[k].proportion = (double)levels.n[k] / (double)sample.n;
    }
    return ERR_OK;
}

enum err_code stats_frequencies(const struct stats_column *category,
                                const struct stats_options *options, struct stats_result *ret,
                                struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "frequencies", options, ret, err);
    if (code == ERR_OK)
        code = frequencies(&work, category);
    return work_end(&work, code);
}
