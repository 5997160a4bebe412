/* The Mantel–Haenszel odds ratio: one exposure and one outcome of two levels each, in strata.
 *
 *     a stratum   n11 n12      estimate Σ n11·n22/n over Σ n12·n21/n
 *                 n21 n22      χ² (|Σ n11 - E n11| - ½)² over Σ of the hypergeometric variances */
#include "stats/stats_priv.h"

struct stratum {
    double cells[2][2], n;
};

static enum err_code strata_take(struct work *work, const struct stats_column *a,
                                 const struct stats_column *b, const struct stats_column *strata,
                                 struct stratum **ret, size_t *ret_count)
{
    const struct stats_column *columns[] = {a, b, strata};
    struct sample sample;
    struct levels levels[3];
    TRY(sample_take(work, columns, 3, &sample));
    for (size_t c = 0; c < 3; c++)
        TRY(levels_find(work, columns[c], sample.x[c], sample.n, STATS_LEVELS_MAX, &levels[c]));
    for (size_t c = 0; c < 2; c++)
        if (levels[c].count != 2) {
            work_input(work,
                       "%s has %zu levels among the complete rows, an odds ratio is of two "
                       "levels",
                       columns[c]->name, levels[c].count);
            return err_hint(work->err, "choose the two to compare, or another column");
        }
    *ret_count = levels[2].count;
    *ret = work_array(work, (int64_t)levels[2].count, sizeof **ret);
    TRY(work_memory(work));
    for (int64_t i = 0; i < sample.n; i++) {
        struct stratum *s = &(*ret)[levels[2].index[i]];
        s->cells[levels[0].index[i]][levels[1].index[i]]++;
        s->n++;
    }
    work_note(work, "the odds ratio is of %s '%s' in %s '%s' against '%s', in %zu strata of %s",
              b->name, levels[1].names[1], a->name, levels[0].names[1], levels[0].names[0],
              levels[2].count, strata->name);
    return ERR_OK;
}

/* Sums over the strata. */
struct mantel {
    double off, variance;              /* of n11 */
    double diagonal, other;            /* the estimate's two sums */
    double pr, ps_qr, qs;              /* of its variance */
    double weights, weighted, squares; /* Woolf's */
    size_t used;
};

static void mantel_add(struct mantel *m, const struct stratum *s)
{
    double a = s->cells[0][0], b = s->cells[0][1], c = s->cells[1][0], d = s->cells[1][1], n = s->n;
    double r = a * d / n, q = b * c / n, p = (a + d) / n, o = (b + c) / n;
    m->off += a - (a + b) * (a + c) / n;
    m->variance += (a + b) * (c + d) * (a + c) * (b + d) / (n * n * (n - 1));
    m->diagonal += r;
    m->other += q;
    m->pr += p * r;
    m->ps_qr += p * q + o * r;
    m->qs += o * q;
    a += .5, b += .5, c += .5, d += .5;
    double log_odds = log(a * d / (b * c)), weight = 1 / (1 / a + 1 / b + 1 / c + 1 / d);
    m->weights += weight;
    m->weighted += weight * log_odds;
    m->squares += weight * log_odds * log_odds;
    m->used++;
}

static enum err_code mantel(struct work *work, const struct stats_column *a,
                            const struct stats_column *b, const struct stats_column *strata)
{
    struct stratum *list = NULL;
    size_t count = 0, lone = 0;
    struct mantel m = {0};
    struct stats_result *ret = work->ret;
    TRY(strata_take(work, a, b, strata, &list, &count));
    for (size_t i = 0; i < count; i++)
        if (list[i].n > 1)
            mantel_add(&m, &list[i]);
        else
            lone++;
    if (lone > 0)
        work_note(work, "%zu strata of one row say nothing", lone);
    if (!(m.variance > 0) || !(m.diagonal > 0) || !(m.other > 0))
        return work_input(work,
                          "in no stratum do both levels of %s occur with both of %s: there "
                          "is no common odds ratio",
                          a->name, b->name);
    double correction = work->options.no_continuity || fabs(m.off) < .5 ? 0 : .5;
    double statistic = (fabs(m.off) - correction) * (fabs(m.off) - correction) / m.variance;
    double se = sqrt(m.pr / (2 * m.diagonal * m.diagonal) + m.ps_qr / (2 * m.diagonal * m.other) +
                     m.qs / (2 * m.other * m.other));
    work_statistic(work, "chi-squared", statistic, 1, dist_chisq_upper(statistic, 1));
    ret->method = correction > 0 ? "continuity correction" : "chi-squared approximation";
    ret->estimate_name = "common odds ratio";
    ret->estimate = m.diagonal / m.other;
    ret->low = ret->estimate * exp(-work_z(work) * se);
    ret->high = ret->estimate * exp(work_z(work) * se);
    if (m.used > 1) {
        double woolf = fmax(0, m.squares - m.weighted * m.weighted / m.weights);
        work_number(work, "Woolf", woolf);
        work_number(work, "Woolf p", dist_chisq_upper(woolf, (double)(m.used - 1)));
    }
    return ERR_OK;
}

enum err_code stats_mantel_haenszel(const struct stats_column *a, const struct stats_column *b,
                                    const struct stats_column *strata,
                                    const struct stats_options *options, struct stats_result *ret,
                                    struct err *err)
{
    struct work work;
    enum err_code code = work_begin(&work, "Mantel–Haenszel test", options, ret, err);
    if (code == ERR_OK)
        code = mantel(&work, a, b, strata);
    return work_end(&work, code);
}
