/* From columns to terms: a number is one term, a category one for each level but the first
 * (treatment contrasts). The matrix is never made: design_at gives a cell from the columns. */
#include "stats/model_priv.h"

enum err_code model_sample(struct work *work, const struct stats_column *const *outcomes,
                           size_t outcome_count, const struct stats_column *predictors,
                           size_t count, struct sample *ret)
{
    if (count == 0)
        return err_set(work->err, ERR_USAGE, "a model needs at least one predictor");
    if (count > STATS_TERMS_MAX)
        return err_set(work->err, ERR_LIMIT, "a model of %zu predictors, %d at most", count,
                       STATS_TERMS_MAX);
    const struct stats_column **columns =
        work_array(work, (int64_t)(outcome_count + count), sizeof *columns);
    TRY(work_memory(work));
    for (size_t i = 0; i < outcome_count + count; i++)
        columns[i] = i < outcome_count ? outcomes[i] : &predictors[i - outcome_count];
    return sample_take(work, columns, outcome_count + count, ret);
}

static void add_term(struct design *design, const char *name, size_t predictor, size_t source,
                     double code)
{
    design->names[design->p] = name;
    design->predictor[design->p] = predictor;
    design->source[design->p] = source;
    design->code[design->p++] = code;
}

enum err_code design_make(struct work *work, const struct stats_column *predictors, size_t count,
                          double *const *x, int64_t n, bool intercept, struct design *ret)
{
    *ret = (struct design){.n = n, .x = x};
    ret->names = work_array(work, STATS_TERMS_MAX + 1, sizeof *ret->names);
    ret->predictor = work_array(work, STATS_TERMS_MAX + 1, sizeof *ret->predictor);
    ret->source = work_array(work, STATS_TERMS_MAX + 1, sizeof *ret->source);
    ret->code = work_array(work, STATS_TERMS_MAX + 1, sizeof *ret->code);
    TRY(work_memory(work));
    if (intercept)
        add_term(ret, "(intercept)", SIZE_MAX, SIZE_MAX, NAN);
    for (size_t c = 0; c < count; c++) {
        struct levels levels = {0};
        if (predictors[c].category) {
            TRY(levels_find(work, &predictors[c], x[c], n, STATS_LEVELS_MAX, &levels));
            if (levels.count < 2 && n > 0) {
                work_input(
                    work,
                    "%s has one level only among the %lld complete rows: a category needs two",
                    predictors[c].name, (long long)n);
                return err_hint(work->err, "leave %s out of the model", predictors[c].name);
            }
        }
        if (ret->p + (predictors[c].category ? levels.count : 1) > STATS_TERMS_MAX)
            return err_set(work->err, ERR_LIMIT, "the model has more than %d coefficients",
                           STATS_TERMS_MAX);
        if (!predictors[c].category)
            add_term(ret, work_keep(work, "%s", predictors[c].name), c, c, NAN);
        for (size_t k = 1; k < levels.count; k++)
            add_term(ret, work_keep(work, "%s: %s", predictors[c].name, levels.names[k]), c, c,
                     levels.codes[k]);
        if (levels.count > 0)
            work_note(work, "%s is compared with its level %s", predictors[c].name,
                      levels.names[0]);
    }
    return work_memory(work);
}

struct stats_term *design_terms(struct work *work, const struct design *design, const bool *aliased)
{
    struct stats_term *terms = work_terms(work, design->p);
    for (size_t j = 0; terms != NULL && j < design->p; j++) {
        terms[j].name = design->names[j];
        terms[j].aliased = aliased != NULL && aliased[j];
        if (terms[j].aliased)
            work_note(work, "%s depends on the terms before it, and is not estimated",
                      design->names[j]);
    }
    return terms;
}

void term_wald(struct stats_term *term, double quantile, double df)
{
    term->statistic = term->value / term->se;
    term->df = df;
    term->p = isnan(df) ? dist_normal_two(term->statistic) : dist_t_two(term->statistic, df);
    term->low = term->value - quantile * term->se;
    term->high = term->value + quantile * term->se;
}
