/* Groups compared: a number by a category, a category by a category; and whether a number is
 * normal. What the choice of the test rests on is measured first and said with its figures. */
#include "ask/analysis_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SMALL_GROUP 30
#define SKEWED 1.0

/* ---- figures
 * ------------------------------------------------------------------------------------------- */

void analysis_box(struct analysis *a, json_t *items, const char *label, const double *sorted,
                  int64_t n)
{
    if (sorted == NULL || n == 0)
        return;
    double q1 = stats_quantile(sorted, n, .25), q3 = stats_quantile(sorted, n, .75);
    double low = sorted[n - 1], high = sorted[0], reach = 1.5 * (q3 - q1);
    for (int64_t i = 0; i < n; i++) {
        low = sorted[i] >= q1 - reach && sorted[i] < low ? sorted[i] : low;
        high = sorted[i] <= q3 + reach && sorted[i] > high ? sorted[i] : high;
    }
    json_t *item = json_object();
    json_put_text(item, "label", label, &a->ok);
    json_put_int(item, "n", n, &a->ok);
    json_put_real(item, "min", sorted[0], &a->ok);
    json_put_real(item, "q1", q1, &a->ok);
    json_put_real(item, "median", stats_quantile(sorted, n, .5), &a->ok);
    json_put_real(item, "q3", q3, &a->ok);
    json_put_real(item, "max", sorted[n - 1], &a->ok);
    json_put_real(item, "low", low, &a->ok);
    json_put_real(item, "high", high, &a->ok);
    json_push(items, item, &a->ok);
}

static void box_figure(struct analysis *a, const struct stats_column *value,
                       const struct stats_column *group, const struct analysis_level *levels,
                       size_t count)
{
    json_t *items = json_array();
    a->figure = json_object();
    json_put_text(a->figure, "kind", "box", &a->ok);
    json_put_text(a->figure, "x", group->name, &a->ok);
    json_put_text(a->figure, "y", value->name, &a->ok);
    for (size_t i = 0; i < count; i++) {
        int64_t n = 0;
        const double *sorted = analysis_sorted(a, value, group, levels[i].code, &n);
        analysis_box(a, items, levels[i].name, sorted, n);
    }
    json_put(a->figure, "items", items, &a->ok);
}

/* ---- a number by a category
 * --------------------------------------------------------------------------- */

/* Shapiro–Wilk of each group where it can be had; *ret_least: the smallest p. */
static bool not_normal(struct analysis *a, const struct stats_column *value,
                       const struct stats_column *group, const struct analysis_level *levels,
                       size_t count, bool *ret_small)
{
    bool any = false, tested = false, large = false;
    double least = NAN;
    const char *worst = "";
    *ret_small = false;
    for (size_t i = 0; i < count; i++) {
        struct stats_column one = {.name = value->name};
        int64_t n = 0;
        AUTO(stats_result_done) struct stats_result result = {0};
        struct err ignored = {0};
        one.values = analysis_sorted(a, value, group, levels[i].code, &n);
        one.rows = n;
        *ret_small = *ret_small || n < SMALL_GROUP;
        large = large || n > STATS_SHAPIRO_MAX;
        if (one.values == NULL || n < 3 || n > STATS_SHAPIRO_MAX ||
            stats_shapiro_wilk(&one, NULL, &result, &ignored) != ERR_OK)
            continue;
        tested = true;
        if (isnan(least) || result.p < least) {
            least = result.p;
            worst = levels[i].name;
        }
    }
    any = tested && least < ANALYSIS_ALPHA;
    char p[32];
    if (tested)
        analysis_assume(a, "normal in each group", any ? 0 : 1,
                        "Shapiro–Wilk: the least is %s, in '%s'%s", analysis_p(least, p), worst,
                        any && !*ret_small
                            ? "; with 30 or more in each group means are compared all the same"
                            : "");
    if (large)
        analysis_assume(a, "normal in each group", -1,
                        "not tested in groups of more than %d values, where means are near normal",
                        STATS_SHAPIRO_MAX);
    return any;
}

static bool unequal(struct analysis *a, const struct stats_column *value,
                    const struct stats_column *group, bool welch)
{
    AUTO(stats_result_done) struct stats_result result = {0};
    struct err ignored = {0};
    char p[32];
    if (stats_levene(value, group, NULL, &result, &ignored) != ERR_OK)
        return true;
    bool differs = result.p < ANALYSIS_ALPHA;
    analysis_assume(a, "equal variances", differs ? 0 : 1, "Levene's test about the median: %s%s",
                    analysis_p(result.p, p), welch ? "; Welch's test does not need it" : "");
    return differs;
}

static void group_rows(struct analysis *a, const struct stats_column *group,
                       const struct stats_result *described)
{
    const char *const names[] = {group->name, "n",  "missing", "mean", "sd", "mean_low",
                                 "mean_high", "min", "q1",     "median", "q3", "max"};
    analysis_columns(a, names, sizeof names / sizeof *names);
    for (size_t i = 0; i < described->group_count; i++) {
        const struct stats_group *g = &described->groups[i];
        json_t *row = analysis_row(a);
        double numbers[] = {g->mean, g->sd, g->mean_low, g->mean_high, g->min,
                            g->q1,   g->median, g->q3,   g->max};
        json_push_text(row, g->name, &a->ok);
        json_push(row, json_integer(g->n), &a->ok);
        json_push(row, json_integer(g->missing), &a->ok);
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            json_push(row, analysis_number(numbers[k]), &a->ok);
    }
}

/* Every two groups, Holm's p. */
static enum err_code pairs(struct analysis *a, const struct analysis_choice *choice,
                           const struct stats_column *value, const struct stats_column *group,
                           const struct analysis_level *levels, size_t count, struct err *err)
{
    json_t *found[ANALYSIS_PAIR_GROUPS * ANALYSIS_PAIR_GROUPS] = {NULL};
    double p[ANALYSIS_PAIR_GROUPS * ANALYSIS_PAIR_GROUPS];
    size_t n = 0;
    if (count < 3 || count > ANALYSIS_PAIR_GROUPS)
        return ERR_OK;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++) {
            AUTO(stats_result_done) struct stats_result result = {0};
            struct err ignored = {0};
            struct stats_column pair =
                analysis_pair(a, group, levels[i].code, levels[k].code);
            if ((choice->ranks ? stats_mann_whitney(value, &pair, NULL, &result, &ignored)
                               : stats_t_test(value, &pair, NULL, &result, &ignored)) != ERR_OK)
                continue;
            AUTO(buf_done) struct buf text = BUF_INIT;
            buf_printf(&text, "%s – %s", levels[i].name, levels[k].name);
            found[n] = analysis_statistic(a, &result);
            json_put_str(found[n], "pair", buf_view(&text), &a->ok);
            p[n++] = result.p;
        }
    if (n == 0)
        return ERR_OK;
    TRY(stats_adjust(p, n, STATS_HOLM, p, err));
    for (size_t i = 0; i < n; i++)
        json_put(found[i], "p_adjusted", analysis_number(p[i]), &a->ok);
    analysis_warn(a, "%zu pairs of groups are compared: p_adjusted of each is Holm's", n);
    return ERR_OK;
}

enum err_code analyse_number_by_group(struct analysis *a, struct err *err)
{
    size_t o = analysis_find(a, ASK_PART_OUTCOME), g = analysis_find(a, ASK_PART_GROUP), count = 0;
    const struct stats_column *value = &a->columns[o], *group = &a->columns[g];
    struct analysis_level *levels = analysis_levels(a, group, value, &count);
    AUTO(stats_result_done) struct stats_result described = {0}, result = {0}, other = {0};
    bool small = false;
    if (count < 2)
        return err_set(err, ERR_INPUT, "two groups to compare: %s has %s with a value of %s",
                       group->name, count == 0 ? "none" : "one", value->name);
    bool normal = !not_normal(a, value, group, levels, count, &small);
    unsigned facts = (count == 2 ? FACT_TWO_GROUPS : 0) |
                     (small && !normal ? FACT_SMALL_NOT_NORMAL : 0) |
                     (a->s->variables[o].ordinal ? FACT_ORDINAL : 0) |
                     (a->s->ranks ? FACT_MEDIANS : 0);
    facts |= unequal(a, value, group, count == 2) ? FACT_UNEQUAL : 0;
    const struct analysis_choice *choice = analysis_choose(ASK_NUMBER_BY_GROUP, facts);
    TRY(stats_describe(value, group, NULL, &described, err));
    TRY(choice->test(value, group, NULL, &result, err));
    a->test = choice->name;
    analysis_why(a, "%s", choice->why);
    (void)analysis_statistic(a, &result);
    group_rows(a, group, &described);
    analysis_dropped(a, &result);
    analysis_notes(a, &result);
    struct err ignored = {0};
    if (choice->other(value, group, NULL, &other, &ignored) == ERR_OK)
        analysis_alternative(a, choice->other_name, other.p, result.p);
    TRY(pairs(a, choice, value, group, levels, count, err));
    analysis_small_groups(a, group->name, levels, count);
    box_figure(a, value, group, levels, count);
    return ERR_OK;
}

/* ---- a category by a category
 * ------------------------------------------------------------------------- */

/* Cells counted: [group][outcome]. */
static double *count_cells(struct analysis *a, const struct stats_column *outcome,
                           const struct stats_column *group, const struct analysis_level *rows,
                           size_t row_count, const struct analysis_level *columns,
                           size_t column_count)
{
    double *cells = arena_array(a->arena, row_count * column_count + 1, sizeof *cells);
    for (int64_t r = 0; cells != NULL && r < outcome->rows; r++) {
        size_t i = 0, k = 0;
        while (i < row_count && rows[i].code != group->values[r])
            i++;
        while (k < column_count && columns[k].code != outcome->values[r])
            k++;
        if (i < row_count && k < column_count)
            cells[i * column_count + k]++;
    }
    return cells;
}

static void cell_rows(struct analysis *a, const struct stats_column *outcome,
                      const struct stats_column *group, const struct analysis_level *rows,
                      size_t row_count, const struct analysis_level *columns, size_t column_count,
                      const double *cells)
{
    const char *const names[] = {group->name, outcome->name, "n", "of", "percent", "low", "high"};
    json_t *items = json_array();
    analysis_columns(a, names, sizeof names / sizeof *names);
    a->figure = json_object();
    json_put_text(a->figure, "kind", "bars", &a->ok);
    json_put_text(a->figure, "x", group->name, &a->ok);
    AUTO(buf_done) struct buf y = BUF_INIT;
    buf_printf(&y, column_count == 2 ? "%% with %s: %s" : "%% of %s", outcome->name,
               columns[column_count - 1].name);
    json_put_str(a->figure, "y", buf_view(&y), &a->ok);
    for (size_t i = 0; i < row_count; i++)
        for (size_t k = 0; k < column_count; k++) {
            double n = cells[i * column_count + k], of = (double)rows[i].n, low = NAN, high = NAN;
            json_t *row = analysis_row(a);
            ask_wilson(n, of, &low, &high);
            json_push_text(row, rows[i].name, &a->ok);
            json_push_text(row, columns[k].name, &a->ok);
            json_push(row, json_integer((json_int_t)n), &a->ok);
            json_push(row, json_integer((json_int_t)of), &a->ok);
            json_push(row, analysis_number(100 * n / of), &a->ok);
            json_push(row, analysis_number(100 * low), &a->ok);
            json_push(row, analysis_number(100 * high), &a->ok);
            if (column_count == 2 && k == 0)
                continue;
            json_t *item = json_object();
            AUTO(buf_done) struct buf label = BUF_INIT;
            buf_printf(&label, column_count == 2 ? "%s" : "%s: %s", rows[i].name, columns[k].name);
            json_put_str(item, "label", buf_view(&label), &a->ok);
            json_put(item, "value", analysis_number(100 * n / of), &a->ok);
            json_put(item, "low", analysis_number(100 * low), &a->ok);
            json_put(item, "high", analysis_number(100 * high), &a->ok);
            json_put_int(item, "n", (int64_t)of, &a->ok);
            json_push(items, item, &a->ok);
        }
    json_put(a->figure, "items", items, &a->ok);
}

static double least_expected(const struct analysis_level *rows, size_t row_count,
                             const struct analysis_level *columns, size_t column_count,
                             size_t *ret_under)
{
    double total = 0, least = INFINITY;
    *ret_under = 0;
    for (size_t i = 0; i < row_count; i++)
        total += (double)rows[i].n;
    for (size_t i = 0; i < row_count; i++)
        for (size_t k = 0; k < column_count; k++) {
            double expected = (double)rows[i].n * (double)columns[k].n / total;
            least = fmin(least, expected);
            *ret_under += expected < 5 ? 1 : 0;
        }
    return least;
}

/* 2 × 2: the odds ratio of the second outcome in the second group against the first, as Wald has
 * it. */
static void odds_ratio(struct analysis *a, const struct stats_column *outcome,
                       const struct stats_column *group, const struct analysis_level *rows,
                       const struct analysis_level *columns)
{
    AUTO(stats_result_done) struct stats_result result = {0};
    struct err ignored = {0};
    struct stats_options options = {.has_event_value = true, .event_value = columns[1].code};
    if (stats_logistic(outcome, group, 1, &options, &result, &ignored) != ERR_OK ||
        result.term_count < 2 || result.separated)
        return;
    json_t *one = json_object();
    const struct stats_term *term = &result.terms[1];
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text, "odds of %s '%s' in '%s' against '%s'", outcome->name, columns[1].name,
               rows[1].name, rows[0].name);
    json_put_text(one, "test", "odds ratio (Wald)", &a->ok);
    json_put_str(one, "term", buf_view(&text), &a->ok);
    json_put_text(one, "estimate_name", "odds ratio", &a->ok);
    json_put(one, "estimate", analysis_number(term->ratio), &a->ok);
    json_put(one, "ci_low", analysis_number(term->ratio_low), &a->ok);
    json_put(one, "ci_high", analysis_number(term->ratio_high), &a->ok);
    json_put(one, "p", analysis_number(term->p), &a->ok);
    json_push(a->statistics, one, &a->ok);
}

enum err_code analyse_category_by_group(struct analysis *a, struct err *err)
{
    size_t o = analysis_find(a, ASK_PART_OUTCOME), g = analysis_find(a, ASK_PART_GROUP);
    const struct stats_column *outcome = &a->columns[o], *group = &a->columns[g];
    size_t row_count = 0, column_count = 0, under = 0;
    struct analysis_level *rows = analysis_levels(a, group, outcome, &row_count);
    struct analysis_level *columns = analysis_levels(a, outcome, group, &column_count);
    AUTO(stats_result_done) struct stats_result result = {0}, other = {0};
    struct err ignored = {0};
    if (row_count < 2 || column_count < 2)
        return err_set(err, ERR_INPUT, "two groups to compare: %s has fewer than two values",
                       row_count < 2 ? group->name : outcome->name);
    if (row_count > ASK_GROUP_LEVELS || column_count > ASK_GROUP_LEVELS)
        return err_set(err, ERR_INPUT, "categories that can be compared: %s has more than %d values",
                       row_count > ASK_GROUP_LEVELS ? group->name : outcome->name,
                       ASK_GROUP_LEVELS);
    const double *cells =
        count_cells(a, outcome, group, rows, row_count, columns, column_count);
    double least = least_expected(rows, row_count, columns, column_count, &under);
    analysis_assume(a, "expected counts of at least 5", under == 0,
                    "%zu of %zu expected counts are under 5, the least is %.2f", under,
                    row_count * column_count, least);
    unsigned facts = under > 0 ? FACT_SPARSE : 0;
    const struct analysis_choice *choice = analysis_choose(ASK_CATEGORY_BY_GROUP, facts);
    enum err_code code = choice->test(group, outcome, NULL, &result, err);
    if (code == ERR_LIMIT && (facts & FACT_SPARSE) != 0) { /* too many tables to go through */
        *err = (struct err){0};
        choice = analysis_choose(ASK_CATEGORY_BY_GROUP, facts | FACT_LARGE);
        analysis_warn(a, "the table is too large for Fisher's exact test: p is an approximation");
        code = choice->test(group, outcome, NULL, &result, err);
    }
    if (code != ERR_OK || cells == NULL)
        return code != ERR_OK ? code : err_set(err, ERR_MEMORY, "no memory for an analysis");
    a->test = choice->name;
    analysis_why(a, "%s", choice->why);
    (void)analysis_statistic(a, &result);
    if (row_count == 2 && column_count == 2)
        odds_ratio(a, outcome, group, rows, columns);
    cell_rows(a, outcome, group, rows, row_count, columns, column_count, cells);
    analysis_dropped(a, &result);
    if (result.n <= 5000 && choice->other(group, outcome, NULL, &other, &ignored) == ERR_OK)
        analysis_alternative(a, choice->other_name, other.p, result.p);
    analysis_small_groups(a, group->name, rows, row_count);
    return ERR_OK;
}

/* ---- normal?
 * ------------------------------------------------------------------------------------------ */

enum err_code analyse_normality(struct analysis *a, struct err *err)
{
    size_t o = analysis_find(a, ASK_PART_OUTCOME);
    const struct stats_column *value = &a->columns[o];
    AUTO(stats_result_done) struct stats_result result = {0}, described = {0};
    const char *const names[] = {"column", "n",  "missing", "mean", "sd",     "skewness",
                                 "min",    "q1", "median",  "q3",   "max"};
    int64_t n = 0;
    const double *sorted = analysis_sorted(a, value, NULL, NAN, &n);
    double skewness = analysis_skewness(sorted, n);
    TRY(stats_describe(value, NULL, NULL, &described, err));
    const struct stats_group *g = &described.groups[0];
    double numbers[] = {g->mean, g->sd, skewness, g->min, g->q1, g->median, g->q3, g->max};
    a->test = n > STATS_SHAPIRO_MAX ? "skewness" : "Shapiro–Wilk test";
    analysis_columns(a, names, sizeof names / sizeof *names);
    json_t *row = analysis_row(a);
    json_push_text(row, value->name, &a->ok);
    json_push(row, json_integer(g->n), &a->ok);
    json_push(row, json_integer(g->missing), &a->ok);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_push(row, analysis_number(numbers[i]), &a->ok);
    a->n = g->n;
    if (n > STATS_SHAPIRO_MAX) {
        analysis_why(a, "Shapiro–Wilk is published for up to %d values; with more, the skewness "
                        "says more than any p",
                     STATS_SHAPIRO_MAX);
    } else {
        TRY(stats_shapiro_wilk(value, NULL, &result, err));
        analysis_why(a, "a test of one number against the normal distribution; a small p says that "
                        "it is not normal");
        (void)analysis_statistic(a, &result);
        analysis_dropped(a, &result);
        if (n > 300)
            analysis_warn(a, "with %lld values small deviations give a small p: look at the "
                             "skewness (%.2f) and the figure too",
                          (long long)n, skewness);
    }
    analysis_assume(a, "not skewed", fabs(skewness) <= SKEWED, "skewness %.2f", skewness);
    json_t *items = json_array();
    a->figure = json_object();
    json_put_text(a->figure, "kind", "box", &a->ok);
    json_put_text(a->figure, "y", value->name, &a->ok);
    analysis_box(a, items, value->name, sorted, n);
    json_put(a->figure, "items", items, &a->ok);
    return ERR_OK;
}
