/* Cox's proportional hazards model as it is reported: terms, tests, concordance. */
#include <string.h>

#include "stats/cox_priv.h"

#define MOVING 0.05

/* Centre each column, and scale it by its mean absolute deviation. */
static void scale_columns(struct cox *cox)
{
    size_t p = cox->p;
    int64_t n = cox->times.n;
    for (size_t j = 0; j < p; j++) {
        long double sum = 0, off = 0;
        double low = INFINITY, high = -INFINITY;
        for (int64_t r = 0; r < n; r++)
            sum += design_at(&cox->design, cox->times.row[r], j);
        double mean = (double)(sum / n);
        for (int64_t r = 0; r < n; r++) {
            double x = design_at(&cox->design, cox->times.row[r], j) - mean;
            cox->x[(size_t)r * p + j] = x;
            off += fabs(x);
            low = fmin(low, x);
            high = fmax(high, x);
        }
        double scale = off > 0 ? (double)(n / off) : 1;
        for (int64_t r = 0; r < n; r++)
            cox->x[(size_t)r * p + j] *= scale;
        cox->scale[j] = scale;
        cox->range[j] = (high - low) * scale;
    }
}

enum err_code cox_make(struct work *work, const struct stats_column *time,
                       const struct stats_column *event, const struct stats_column *predictors,
                       size_t count, struct cox *ret)
{
    *ret = (struct cox){.work = work};
    if (count == 0)
        return err_set(work->err, ERR_USAGE, "a model needs at least one predictor");
    if (count > STATS_TERMS_MAX)
        return err_set(work->err, ERR_LIMIT, "a model of %zu predictors, %d at most", count,
                       STATS_TERMS_MAX);
    TRY(times_take(work, time, event, predictors, count, &ret->times));
    TRY(times_need_events(work, event, &ret->times));
    TRY(design_make(work, predictors, count, ret->times.x, ret->times.n, false, &ret->design));
    int64_t p = (int64_t)(ret->p = ret->design.p);
    ret->x = arena_array(work->arena, (size_t)ret->times.n, ret->p * sizeof *ret->x);
    ret->scale = work_array(work, p, sizeof *ret->scale);
    ret->range = work_array(work, p, sizeof *ret->range);
    ret->beta = work_array(work, p, sizeof *ret->beta);
    ret->old = work_array(work, p, sizeof *ret->old);
    ret->eta = work_array(work, ret->times.n, sizeof *ret->eta);
    ret->score = work_array(work, p, sizeof *ret->score);
    ret->information = work_array(work, p * p, sizeof *ret->information);
    ret->factor = work_array(work, p * p, sizeof *ret->factor);
    ret->aliased = work_array(work, p, sizeof *ret->aliased);
    TRY(work_memory(work));
    scale_columns(ret);
    return ERR_OK;
}

/* ---- concordance -------------------------------------------------------------------------- */

/* Counts of ranks so far, summed from the first: a Fenwick tree. */
struct tree {
    int64_t size;
    double *count;
};

static void tree_add(struct tree *tree, int64_t rank)
{
    for (; rank <= tree->size; rank += rank & -rank)
        tree->count[rank]++;
}

static double tree_sum(const struct tree *tree, int64_t rank)
{
    double sum = 0;
    for (; rank > 0; rank -= rank & -rank)
        sum += tree->count[rank];
    return sum;
}

/* rank[r] of each row's linear predictor, equal ones equal. */
static void rank_predictors(const struct cox *cox, struct keyed *keys, int64_t *rank)
{
    int64_t n = cox->times.n, at = 0;
    for (int64_t r = 0; r < n; r++)
        keys[r] = (struct keyed){cox->eta[r], r};
    sort_keyed(keys, n);
    for (int64_t i = 0; i < n; i++) {
        at += i == 0 || keys[i].key != keys[i - 1].key ? 1 : 0;
        rank[keys[i].row] = at;
    }
}

/* Of pairs in which one is known to have the event first: how often it has the higher predictor,
 * ties a half. */
static enum err_code concordance(struct cox *cox, double *ret)
{
    int64_t n = cox->times.n, *rank = work_array(cox->work, n, sizeof *rank);
    struct keyed *keys = work_array(cox->work, n, sizeof *keys);
    struct tree tree = {n, work_array(cox->work, n + 1, sizeof(double))};
    double agree = 0, tied = 0, all = 0, inside = 0;
    TRY(work_memory(cox->work));
    rank_predictors(cox, keys, rank);
    for (int64_t end = n, first; end > 0; end = first) {
        first = end - 1;
        while (first > 0 && cox->times.time[first - 1] == cox->times.time[end - 1] &&
               !times_begins(&cox->times, first))
            first--;
        if (end < n && times_begins(&cox->times, end)) { /* pairs are within a stratum */
            memset(tree.count, 0, (size_t)(n + 1) * sizeof *tree.count);
            inside = 0;
        }
        for (int pass = 0; pass < 3; pass++) /* censored rows outlive events of their time; events
                                                do not outlive one another */
            for (int64_t r = first; r < end; r++) {
                bool event = cox->times.event[r] > 0;
                if (pass == 1 && event) {
                    double below = tree_sum(&tree, rank[r] - 1), upto = tree_sum(&tree, rank[r]);
                    agree += below;
                    tied += upto - below;
                    all += inside;
                } else if ((pass == 0 && !event) || (pass == 2 && event)) {
                    tree_add(&tree, rank[r]);
                    inside++;
                }
            }
    }
    *ret = all > 0 ? (agree + tied / 2) / all : NAN;
    return ERR_OK;
}

#define UNDETERMINED 1000 /* standard error of a linear predictor of which nothing is known */
#define FAR                                                                                        \
    15 /* of a linear predictor, in a fit without a maximum: a hazard ratio of three million */

/* ---- report ------------------------------------------------------------------------------- */

static void report_terms(struct cox *cox, struct stats_term *terms, const double *variance)
{
    double z = work_z(cox->work);
    for (size_t j = 0; j < cox->p; j++) {
        double by = cox->beta[j] - cox->old[j];
        if (terms[j].aliased)
            continue;
        bool far = fabs(cox->beta[j]) * cox->range[j] > FAR; /* on its way when the fit ended */
        if (cox->separated && (far || fabs(by) * cox->range[j] > MOVING)) {
            double to = far ? cox->beta[j] : by;
            terms[j].infinite = true;
            terms[j].value = to > 0 ? INFINITY : -INFINITY;
            terms[j].ratio = to > 0 ? INFINITY : 0;
            work_note(cox->work, "the likelihood grows for ever with %s: its estimate is infinite",
                      terms[j].name);
            continue;
        }
        if (cox->separated && sqrt(variance[j * cox->p + j]) * cox->range[j] > UNDETERMINED) {
            terms[j].aliased = true;
            work_note(cox->work,
                      "%s cannot be told from its reference, both are parted from the rest: it is "
                      "not estimated",
                      terms[j].name);
            continue;
        }
        terms[j].value = cox->beta[j] * cox->scale[j];
        terms[j].se = sqrt(variance[j * cox->p + j]) * cox->scale[j];
        term_wald(&terms[j], z, NAN);
        term_ratio(&terms[j]);
    }
}

static enum err_code cox_report(struct cox *cox)
{
    struct work *work = cox->work;
    double *variance = work_array(work, (int64_t)(cox->p * cox->p), sizeof *variance), df = 0,
           concordant;
    struct stats_term *terms = design_terms(work, &cox->design, cox->aliased);
    TRY(work_memory(work));
    cholesky_inverse(cox->factor, cox->p, variance);
    report_terms(cox, terms, variance);
    for (size_t j = 0; j < cox->p; j++)
        df += cox->aliased[j] ? 0 : 1;
    TRY(concordance(cox, &concordant));
    double statistic = fmax(0, 2 * (cox->loglik - cox->loglik0));
    work->ret->separated = cox->separated;
    work->ret->method = work->options.ties == STATS_EFRON ? "Efron's ties, Wald intervals"
                                                          : "Breslow's ties, Wald intervals";
    work_statistic(work, "likelihood ratio chi-squared", statistic, df,
                   dist_chisq_upper(statistic, df));
    work_number(work, "log likelihood", cox->loglik);
    work_number(work, "null log likelihood", cox->loglik0);
    work_number(work, "wald", cox->separated ? NAN : cox->wald);
    work_number(work, "score", cox->score_test);
    work_number(work, "concordance", concordant);
    work_number(work, "events", cox->times.events);
    work_number(work, "steps", cox->step);
    if (cox->times.events < 10 * df)
        work_note(work,
                  "%.0f events for %.0f coefficients: under ten each, the estimates may be far off",
                  cox->times.events, df);
    return ERR_OK;
}

enum err_code stats_cox(const struct stats_column *time, const struct stats_column *event,
                        const struct stats_column *predictors, size_t predictor_count,
                        const struct stats_options *options, struct stats_result *ret,
                        struct err *err)
{
    struct work work;
    struct cox cox;
    enum err_code code = work_begin(&work, "Cox proportional hazards model", options, ret, err);
    if (code == ERR_OK)
        code = cox_make(&work, time, event, predictors, predictor_count, &cox);
    if (code == ERR_OK)
        code = cox_fit(&cox);
    if (code == ERR_OK)
        code = cox_report(&cox);
    return work_end(&work, code);
}
