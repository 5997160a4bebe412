/* The same patients measured twice or more: complete rows only, the later value less the earlier.
 * Numbers by the paired t-test or ranks, three moments or more by Friedman's test and every two of
 * them, answers of two values by McNemar's test. */
#include "ask/analysis_priv.h"

#include <math.h>
#include <stdio.h>

#define SMALL_PAIRS 30 /* as with groups: means of more are near normal */
#define FEW_DISCORDANT 25

/* Rows that have every moment; *ret_difference: the last less the first (two moments). */
static struct stats_column *complete(struct analysis *a, double **ret_difference)
{
    size_t k = a->s->count;
    struct stats_column *columns = arena_array(a->arena, k, sizeof *columns);
    double **values = arena_array(a->arena, k, sizeof *values);
    *ret_difference = arena_array(a->arena, (size_t)a->rows + 1, sizeof **ret_difference);
    for (size_t i = 0; columns != NULL && values != NULL && i < k; i++) {
        values[i] = arena_array(a->arena, (size_t)a->rows + 1, sizeof **values);
        columns[i] = a->columns[i];
        columns[i].values = values[i];
    }
    if (arena_failed(a->arena))
        return NULL;
    for (int64_t r = 0; r < a->rows; r++) {
        bool has = true;
        for (size_t i = 0; i < k; i++)
            has = has && analysis_has(a->columns[i].values[r]);
        for (size_t i = 0; i < k; i++)
            values[i][r] = has ? a->columns[i].values[r] : NAN;
        (*ret_difference)[r] = values[k - 1][r] - values[0][r];
    }
    return columns;
}

static enum err_code described_row(struct analysis *a, const struct stats_column *column,
                                   const char *name, struct err *err)
{
    AUTO(stats_result_done) struct stats_result described = {0};
    TRY(stats_describe(column, NULL, NULL, &described, err));
    const struct stats_group *g = &described.groups[0];
    double numbers[] = {g->mean, g->sd,     g->mean_low, g->mean_high, g->min,
                        g->q1,   g->median, g->q3,       g->max};
    json_t *row = analysis_row(a);
    json_push_text(row, name, &a->ok);
    json_push(row, json_integer(g->n), &a->ok);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_push(row, analysis_number(numbers[i]), &a->ok);
    return ERR_OK;
}

static enum err_code described_rows(struct analysis *a, const struct stats_column *columns,
                                    const double *difference, struct err *err)
{
    static const char *const names[] = {"moment", "n",  "mean",   "sd", "mean_low", "mean_high",
                                        "min",    "q1", "median", "q3", "max"};
    struct stats_column change = {.name = "change", .values = difference, .rows = a->rows};
    analysis_columns(a, names, sizeof names / sizeof *names);
    json_t *items = json_array();
    a->figure = json_object();
    json_put_text(a->figure, "kind", "box", &a->ok);
    json_put_text(a->figure, "x", "moment", &a->ok);
    json_put_text(a->figure, "y", "value", &a->ok);
    json_put(a->figure, "items", items, &a->ok);
    for (size_t i = 0; i < a->s->count; i++) {
        int64_t n = 0;
        const double *sorted = analysis_sorted(a, &columns[i], NULL, NAN, &n);
        TRY(described_row(a, &columns[i], columns[i].name, err));
        analysis_box(a, items, columns[i].name, sorted, n);
    }
    return a->s->count == 2 ? described_row(a, &change, "change", err) : ERR_OK;
}

static unsigned facts_of(struct analysis *a, const double *difference)
{
    struct stats_column change = {.name = "the difference", .values = difference, .rows = a->rows};
    AUTO(stats_result_done) struct stats_result result = {0};
    struct err ignored = {0};
    char p[32];
    int64_t n = 0;
    (void)analysis_sorted(a, &change, NULL, NAN, &n);
    unsigned facts = a->s->count == 2 ? FACT_TWO_GROUPS : 0;
    facts |= a->s->variables[0].ordinal ? FACT_ORDINAL : 0;
    facts |= a->s->ranks ? FACT_MEDIANS : 0;
    if (a->s->count > 2 || n < 3)
        return facts;
    if (n > STATS_SHAPIRO_MAX) {
        analysis_assume(a, "normal differences", -1,
                        "not tested for more than %d pairs, whose mean is near normal",
                        STATS_SHAPIRO_MAX);
    } else if (stats_shapiro_wilk(&change, NULL, &result, &ignored) == ERR_OK) {
        bool normal = result.p >= ANALYSIS_ALPHA;
        analysis_assume(a, "normal differences", normal, "Shapiro–Wilk of the differences: %s%s",
                        analysis_p(result.p, p),
                        !normal && n >= SMALL_PAIRS
                            ? "; with 30 or more pairs means are compared all the same"
                            : "");
        facts |= !normal && n < SMALL_PAIRS ? FACT_SMALL_NOT_NORMAL : 0;
    }
    return facts;
}

/* Every two moments by signed ranks, Holm's p. */
static enum err_code pairs(struct analysis *a, struct err *err)
{
    json_t *found[ASK_MOMENTS_MAX * ASK_MOMENTS_MAX] = {NULL};
    double p[ASK_MOMENTS_MAX * ASK_MOMENTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < a->s->count; i++)
        for (size_t k = i + 1; k < a->s->count; k++) {
            AUTO(stats_result_done) struct stats_result result = {0};
            struct err ignored = {0};
            AUTO(buf_done) struct buf text = BUF_INIT;
            if (stats_signed_rank(&a->columns[k], &a->columns[i], NULL, &result, &ignored) !=
                ERR_OK)
                continue;
            buf_printf(&text, "%s – %s", a->columns[k].name, a->columns[i].name);
            found[n] = analysis_statistic(a, &result);
            json_put_str(found[n], "pair", buf_view(&text), &a->ok);
            p[n++] = result.p;
        }
    if (n == 0)
        return ERR_OK;
    TRY(stats_adjust(p, n, STATS_HOLM, p, err));
    for (size_t i = 0; i < n; i++)
        json_put(found[i], "p_adjusted", analysis_number(p[i]), &a->ok);
    analysis_warn(a,
                  "%zu pairs of moments are compared: p_adjusted of each is Holm's; each pair "
                  "is of the patients who have both",
                  n);
    return ERR_OK;
}

static void finish(struct analysis *a, const struct analysis_choice *choice,
                   const struct stats_result *result)
{
    a->test = choice->name;
    analysis_why(a, "%s", choice->why);
    (void)analysis_statistic(a, result);
    if (analysis_has(result->estimate) && choice->test != NULL)
        a->value = json_real(result->estimate);
    analysis_dropped(a, result);
    analysis_notes(a, result);
    if (result->n < ASK_FEW)
        analysis_warn(a, "only %lld patients have every moment: take care before it is passed on",
                      (long long)result->n);
}

static enum err_code numbers(struct analysis *a, const struct stats_column *columns,
                             const double *difference, struct err *err)
{
    AUTO(stats_result_done) struct stats_result result = {0}, other = {0};
    struct err ignored = {0};
    const struct stats_column *first = &a->columns[0], *last = &a->columns[a->s->count - 1];
    const struct analysis_choice *choice = analysis_choose(ASK_PAIRED, facts_of(a, difference));
    if (choice->test == NULL) {
        TRY(stats_friedman(a->columns, a->s->count, NULL, &result, err));
    } else {
        TRY(choice->test(last, first, NULL, &result, err));
    }
    finish(a, choice, &result);
    TRY(described_rows(a, columns, difference, err));
    if (choice->test == NULL)
        return pairs(a, err);
    analysis_note(a, "the change is %s minus %s", last->name, first->name);
    if (choice->other(last, first, NULL, &other, &ignored) == ERR_OK)
        analysis_alternative(a, choice->other_name, other.p, result.p);
    return ERR_OK;
}

/* ---- answers ------------------------------------------------------------------------------ */

static void answer_rows(struct analysis *a, const struct stats_column *columns,
                        const struct analysis_level *levels, size_t count)
{
    const char *const names[] = {columns[0].name, columns[1].name, "n", "percent"};
    int64_t total = 0;
    analysis_columns(a, names, sizeof names / sizeof *names);
    for (int64_t r = 0; r < a->rows; r++)
        total += analysis_has(columns[0].values[r]) ? 1 : 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            int64_t n = 0;
            for (int64_t r = 0; r < a->rows; r++)
                n +=
                    columns[0].values[r] == levels[i].code && columns[1].values[r] == levels[k].code
                        ? 1
                        : 0;
            json_t *row = analysis_row(a);
            json_push_text(row, levels[i].name, &a->ok);
            json_push_text(row, levels[k].name, &a->ok);
            json_push(row, json_integer(n), &a->ok);
            json_push(row, analysis_number(100.0 * (double)n / (double)total), &a->ok);
        }
}

static void answer_figure(struct analysis *a, const struct stats_column *columns,
                          const struct analysis_level *level)
{
    AUTO(buf_done) struct buf y = BUF_INIT;
    json_t *items = json_array();
    a->figure = json_object();
    buf_printf(&y, "%% with '%s'", level->name);
    json_put_text(a->figure, "kind", "bars", &a->ok);
    json_put_text(a->figure, "x", "moment", &a->ok);
    json_put_str(a->figure, "y", buf_view(&y), &a->ok);
    for (size_t i = 0; i < a->s->count; i++) {
        int64_t n = 0, hits = 0;
        for (int64_t r = 0; r < a->rows; r++) {
            n += analysis_has(columns[i].values[r]) ? 1 : 0;
            hits += columns[i].values[r] == level->code ? 1 : 0;
        }
        json_t *item = json_object();
        json_put_text(item, "label", columns[i].name, &a->ok);
        json_put(item, "value", analysis_number(100.0 * (double)hits / (double)n), &a->ok);
        json_put_int(item, "n", n, &a->ok);
        json_push(items, item, &a->ok);
    }
    json_put(a->figure, "items", items, &a->ok);
}

/* The second column's codes as the first's: labels are those of each column. */
static bool same_codes(struct analysis *a, struct stats_column *to, const struct stats_column *like)
{
    double *values = arena_array(a->arena, (size_t)a->rows + 1, sizeof *values);
    const char **labels =
        arena_array(a->arena, like->label_count + to->label_count + 1, sizeof *labels);
    size_t count = like->label_count;
    if (values == NULL || labels == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        labels[i] = like->labels[i];
    double *code = arena_array(a->arena, to->label_count + 1, sizeof *code);
    for (size_t i = 0; code != NULL && i < to->label_count; i++) {
        size_t at = 0;
        while (at < count && (labels[at] == NULL || to->labels[i] == NULL ||
                              !str_equal(str_of(labels[at]), str_of(to->labels[i]))))
            at++;
        if (at == count)
            labels[count++] = to->labels[i];
        code[i] = (double)at;
    }
    for (int64_t r = 0; code != NULL && r < a->rows; r++) {
        double value = to->values[r];
        bool labelled = analysis_has(value) && value >= 0 && value < (double)to->label_count;
        values[r] = labelled ? code[(size_t)value] : value;
    }
    to->values = values;
    to->labels = labels;
    to->label_count = count;
    return code != NULL;
}

static enum err_code answers(struct analysis *a, struct stats_column *columns, struct err *err)
{
    AUTO(stats_result_done) struct stats_result result = {0};
    size_t count = 0;
    double discordant = 0;
    if (a->s->count != 2)
        return err_set(err, ERR_INPUT, "two moments of an answer: %zu are compared", a->s->count);
    if (columns[0].label_count > 0 &&
        (!same_codes(a, &columns[1], &columns[0]) || !same_codes(a, &a->columns[1], &columns[0])))
        return err_set(err, ERR_MEMORY, "no memory for an analysis");
    columns[0].labels = columns[1].labels;
    columns[0].label_count = columns[1].label_count;
    struct stats_column all = columns[0];
    double *values = arena_array(a->arena, (size_t)a->rows * 2 + 1, sizeof *values);
    for (int64_t r = 0; values != NULL && r < a->rows; r++) {
        values[2 * r] = columns[0].values[r];
        values[2 * r + 1] = columns[1].values[r];
        discordant += columns[0].values[r] < columns[1].values[r] ||
                              columns[0].values[r] > columns[1].values[r]
                          ? 1
                          : 0;
    }
    all.values = values;
    all.rows = 2 * a->rows;
    const struct analysis_level *levels =
        values != NULL ? analysis_levels(a, &all, NULL, &count) : NULL;
    if (levels == NULL || count < 2 || count > ASK_GROUP_LEVELS)
        return err_set(err, ERR_INPUT, "answers of two to %d values: there are %zu",
                       ASK_GROUP_LEVELS, count);
    bool few = count == 2 && discordant < FEW_DISCORDANT;
    const struct analysis_choice *choice =
        analysis_choose(ASK_PAIRED, FACT_TWO_GROUPS | FACT_CATEGORY | (few ? FACT_SPARSE : 0));
    TRY(choice->test(&a->columns[0], &a->columns[1], NULL, &result, err));
    finish(a, choice, &result);
    a->test = count == 2 ? choice->name : "Bowker's test of symmetry";
    analysis_assume(a, "25 or more patients whose answer changed", !few, "%.0f changed",
                    discordant);
    answer_rows(a, columns, levels, count);
    answer_figure(a, columns, &levels[count - 1]);
    return ERR_OK;
}

enum err_code analyse_paired(struct analysis *a, struct err *err)
{
    double *difference = NULL;
    struct stats_column *columns = complete(a, &difference);
    if (columns == NULL)
        return err_set(err, ERR_MEMORY, "no memory for an analysis");
    return a->s->variables[0].category ? answers(a, columns, err)
                                       : numbers(a, columns, difference, err);
}
