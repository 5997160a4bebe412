/* An outcome of two values by a group of two, within strata: the Mantel–Haenszel odds ratio, beside
 * the crude one, and whether the strata agree. */
#include "ask/analysis_priv.h"

#include <math.h>

struct cell { /* of a stratum and a group */
    int64_t n, of;
};

static struct cell cell_of(const struct analysis *a, const struct stats_column *outcome,
                           const struct stats_column *group, const struct stats_column *strata,
                           double level, double stratum)
{
    struct cell ret = {0, 0};
    for (int64_t r = 0; r < a->rows; r++) {
        bool in = analysis_has(outcome->values[r]) && group->values[r] == level &&
                  strata->values[r] == stratum;
        ret.of += in ? 1 : 0;
        ret.n += in && outcome->values[r] > 0 ? 1 : 0;
    }
    return ret;
}

static void cell_rows(struct analysis *a, const struct stats_column *outcome,
                      const struct stats_column *group, const struct stats_column *strata)
{
    const char *const names[] = {strata->name, group->name, "events", "of", "percent"};
    size_t group_count = 0, count = 0;
    struct analysis_level *levels = analysis_levels(a, group, outcome, &group_count),
                          *of = analysis_levels(a, strata, outcome, &count);
    json_t *items = json_array();
    AUTO(buf_done) struct buf y = BUF_INIT;
    analysis_columns(a, names, sizeof names / sizeof *names);
    buf_printf(&y, "%% with %s", outcome->name);
    a->figure = json_object();
    json_put_text(a->figure, "kind", "bars", &a->ok);
    json_put_text(a->figure, "x", strata->name, &a->ok);
    json_put_str(a->figure, "y", buf_view(&y), &a->ok);
    json_put(a->figure, "items", items, &a->ok);
    for (size_t s = 0; s < count; s++)
        for (size_t g = 0; g < group_count; g++) {
            struct cell cell = cell_of(a, outcome, group, strata, levels[g].code, of[s].code);
            double percent = cell.of > 0 ? 100.0 * (double)cell.n / (double)cell.of : NAN;
            json_t *row = analysis_row(a), *item = json_object();
            AUTO(buf_done) struct buf label = BUF_INIT;
            json_push_text(row, of[s].name, &a->ok);
            json_push_text(row, levels[g].name, &a->ok);
            json_push(row, json_integer(cell.n), &a->ok);
            json_push(row, json_integer(cell.of), &a->ok);
            json_push(row, analysis_number(percent), &a->ok);
            buf_printf(&label, "%s: %s", of[s].name, levels[g].name);
            json_put_str(item, "label", buf_view(&label), &a->ok);
            json_put(item, "value", analysis_number(percent), &a->ok);
            json_put_int(item, "n", cell.of, &a->ok);
            json_push(items, item, &a->ok);
        }
    analysis_small_groups(a, strata->name, of, count);
}

/* What the odds ratio is without the strata. */
static void crude(struct analysis *a, const struct stats_column *outcome,
                  const struct stats_column *group, const struct stats_column *strata)
{
    AUTO(stats_result_done) struct stats_result result = {0};
    struct err ignored = {0};
    double *values = arena_array(a->arena, (size_t)a->rows + 1, sizeof *values);
    struct stats_column one = *strata;
    for (int64_t r = 0; values != NULL && r < a->rows; r++)
        values[r] = analysis_has(strata->values[r]) ? 0 : NAN;
    one.values = values;
    one.labels = NULL;
    one.label_count = 0;
    if (values != NULL &&
        stats_mantel_haenszel(group, outcome, &one, NULL, &result, &ignored) == ERR_OK)
        analysis_note(a,
                      "without strata the odds ratio is %.4g (%.4g to %.4g): what lies between "
                      "the two is what %s accounts for",
                      result.estimate, result.low, result.high, strata->name);
}

enum err_code analyse_stratified(struct analysis *a, struct err *err)
{
    const struct stats_column *group = &a->columns[analysis_find(a, ASK_PART_GROUP)],
                              *strata = &a->columns[analysis_find(a, ASK_PART_STRATUM)];
    struct stats_column outcome;
    AUTO(stats_result_done) struct stats_result result = {0};
    char p[32];
    TRY(analysis_binary(a, analysis_find(a, ASK_PART_OUTCOME), &outcome, err));
    TRY(stats_mantel_haenszel(group, &outcome, strata, NULL, &result, err));
    a->test = "Mantel–Haenszel test";
    analysis_why(a, "an outcome of two values in two groups, compared within strata");
    (void)analysis_statistic(a, &result);
    a->value = json_real(result.estimate);
    analysis_dropped(a, &result);
    analysis_notes(a, &result);
    double woolf = stats_result_number(&result, "Woolf p");
    if (analysis_has(woolf)) {
        bool held = woolf >= ANALYSIS_ALPHA;
        analysis_assume(a, "one odds ratio in all strata", held, "Woolf's test: %s",
                        analysis_p(woolf, p));
        if (!held)
            analysis_warn(a, "the strata differ: one odds ratio for all of them hides it");
    }
    crude(a, &outcome, group, strata);
    cell_rows(a, &outcome, group, strata);
    return ERR_OK;
}
