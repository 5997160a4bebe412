/* Standardised mean differences: how far apart two groups are, in deviations. A number: Austin
 * 2009. A category: the Mahalanobis distance of the proportions of all levels but the first, Yang &
 * Dalton 2012. */
#include "stats/stats_priv.h"

#define PAIR_GROUPS_MAX 12 /* groups compared pair by pair */

/* Proportions of the levels of a category in each group, or the moments of a number: what one pair
 * needs. */
struct smd {
    struct work *work;
    struct split split;
    struct moments *moments; /* of each group; NULL: a category */
    struct levels levels;    /* of the category */
    double *share;           /* groups × levels */
    const char *name;
};

static enum err_code smd_number(struct smd *smd, size_t a, size_t b, double *ret)
{
    struct moments ma = smd->moments[a], mb = smd->moments[b];
    if (ma.n < 2 || mb.n < 2)
        return work_input(smd->work, "a group of %s has one value: a deviation needs two",
                          smd->name);
    double pooled = sqrt((ma.variance + mb.variance) / 2);
    if (!(pooled > 0) || !isfinite(pooled))
        return work_input(
            smd->work,
            "%s does not vary within the groups, or beyond all bounds: differences have no scale",
            smd->name);
    *ret = (ma.mean - mb.mean) / pooled;
    return ERR_OK;
}

static enum err_code smd_category(struct smd *smd, size_t a, size_t b, double *ret)
{
    size_t k = smd->levels.count, p = 0, *used = work_array(smd->work, (int64_t)k, sizeof *used);
    double *s = work_array(smd->work, (int64_t)(k * k), sizeof *s),
           *d = work_array(smd->work, (int64_t)k, sizeof *d);
    double *solved = work_array(smd->work, (int64_t)k, sizeof *solved), sum = 0;
    const double *pa = smd->share + a * k, *pb = smd->share + b * k;
    TRY(work_memory(smd->work));
    for (size_t i = 0; i < k;
         i++) /* levels that neither group has do not count; the first that counts is left out */
        if (pa[i] > 0 || pb[i] > 0)
            used[p++] = i;
    *ret = 0;
    if (p < 2)
        return ERR_OK; /* the same single level */
    p--;
    for (size_t i = 0; i < p; i++) {
        size_t u = used[i + 1];
        solved[i] = d[i] = pa[u] - pb[u];
        for (size_t j = 0; j <= i; j++) {
            size_t v = used[j + 1];
            s[i * p + j] = i == j ? (pa[u] * (1 - pa[u]) + pb[u] * (1 - pb[u])) / 2
                                  : -(pa[u] * pa[v] + pb[u] * pb[v]) / 2;
        }
    }
    if (cholesky_factor(s, p, 1e-12, NULL) < p) {
        work_input(smd->work, "the groups share no level of %s: their distance is infinite",
                   smd->name);
        return err_hint(smd->work->err, "say so in words: each level occurs in one group only");
    }
    cholesky_solve(s, p, solved);
    for (size_t i = 0; i < p; i++)
        sum += d[i] * solved[i];
    *ret = sqrt(fmax(0, sum));
    return ERR_OK;
}

static enum err_code smd_prepare(struct smd *smd, const struct stats_column *value,
                                 const struct stats_column *group)
{
    struct work *work = smd->work;
    TRY(split_take(work, value, group, 0, &smd->split));
    const struct levels *groups = &smd->split.levels;
    if (!value->category) {
        smd->moments = work_array(work, (int64_t)groups->count, sizeof *smd->moments);
        TRY(work_memory(work));
        for (size_t g = 0; g < groups->count; g++)
            smd->moments[g] = moments_of(smd->split.by[g], groups->n[g]);
        groups_describe(work, &smd->split);
        return work_memory(work);
    }
    TRY(levels_find(work, value, smd->split.value, smd->split.n, STATS_LEVELS_MAX, &smd->levels));
    smd->share = work_array(work, (int64_t)(groups->count * smd->levels.count), sizeof *smd->share);
    TRY(work_memory(work));
    for (int64_t i = 0; i < smd->split.n; i++)
        smd->share[groups->index[i] * smd->levels.count + smd->levels.index[i]] +=
            1 / (double)groups->n[groups->index[i]];
    return ERR_OK;
}

static enum err_code smd_pairs(struct smd *smd)
{
    const struct levels *groups = &smd->split.levels;
    struct stats_result *ret = smd->work->ret;
    size_t pairs = groups->count * (groups->count - 1) / 2, at = 0;
    double sum = 0;
    struct stats_term *terms = work_terms(smd->work, pairs);
    TRY(work_memory(smd->work));
    for (size_t a = 0; a < groups->count; a++)
        for (size_t b = a + 1; b < groups->count; b++) {
            double d, na = (double)groups->n[a], nb = (double)groups->n[b];
            TRY(smd->moments != NULL ? smd_number(smd, a, b, &d) : smd_category(smd, a, b, &d));
            struct stats_term *term = &terms[at++];
            term->name = work_keep(smd->work, "%s - %s", groups->names[a], groups->names[b]);
            term->value = d;
            term->se = sqrt((na + nb) / (na * nb) + d * d / (2 * (na + nb)));
            term->low = d - work_z(smd->work) * term->se;
            term->high = d + work_z(smd->work) * term->se;
            sum += fabs(d);
        }
    ret->estimate = pairs == 1 ? terms[0].value : sum / (double)pairs;
    ret->low = pairs == 1 ? terms[0].low : NAN;
    ret->high = pairs == 1 ? terms[0].high : NAN;
    ret->estimate_name = pairs == 1 ? "standardised mean difference"
                                    : "mean of the absolute standardised mean differences";
    return ERR_OK;
}

static enum err_code smd(struct work *work, const struct stats_column *value,
                         const struct stats_column *group)
{
    struct smd smd = {.work = work, .name = value->name};
    TRY(smd_prepare(&smd, value, group));
    if (smd.split.levels.count > PAIR_GROUPS_MAX)
        return err_set(work->err, ERR_LIMIT,
                       "%s has %zu levels, differences are taken of %d at most", group->name,
                       smd.split.levels.count, PAIR_GROUPS_MAX);
    work->ret->method = value->category ? "Yang & Dalton, proportions" : "Austin, means";
    return smd_pairs(&smd);
}

enum err_code stats_smd(const struct stats_column *value, const struct stats_column *group,
                        const struct stats_options *options, struct stats_result *ret,
                        struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "standardised mean difference", options, ret, err);
    if (code == ERR_OK)
        code = smd(&work, value, group);
    return work_end(&work, code);
}
