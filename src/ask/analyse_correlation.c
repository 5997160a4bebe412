/* Two numbers: correlated by value or by rank, with the points (thinned alike every time) and the
 * line of least squares. */
#include "ask/analysis_priv.h"

#include <math.h>
#include <stdlib.h>

#define SKEWED 1.0
#define FAR_OUT 3.0 /* interquartile ranges beyond the quartiles */

/* Skewed, or with values far out? Said as an assumption. */
static bool skewed(struct analysis *a, const struct stats_column *value,
                   const struct stats_column *also)
{
    int64_t n = 0, far = 0;
    const double *sorted = analysis_sorted(a, value, also, NAN, &n);
    if (sorted == NULL || n < 3)
        return false;
    double skewness = analysis_skewness(sorted, n), q1 = stats_quantile(sorted, n, .25),
           q3 = stats_quantile(sorted, n, .75), reach = FAR_OUT * (q3 - q1);
    for (int64_t i = 0; i < n && reach > 0; i++)
        far += sorted[i] < q1 - reach || sorted[i] > q3 + reach ? 1 : 0;
    bool held = !(fabs(skewness) > SKEWED) && far == 0;
    analysis_assume(a, "neither skewed nor with far outliers", held,
                    "%s: skewness %.2f, %lld values more than %.0f interquartile ranges beyond "
                    "the quartiles",
                    value->name, skewness, (long long)far, FAR_OUT);
    return !held;
}

struct point {
    double x, y;
};

static int compare_points(const void *x, const void *y)
{
    const struct point *a = x, *b = y;
    if (a->x != b->x)
        return a->x < b->x ? -1 : 1;
    return a->y < b->y ? -1 : a->y > b->y ? 1 : 0;
}

static void points_figure(struct analysis *a, const struct stats_column *x,
                          const struct stats_column *y)
{
    struct point *points = arena_array(a->arena, (size_t)x->rows + 1, sizeof *points);
    AUTO(stats_result_done) struct stats_result line = {0};
    struct err ignored = {0};
    json_t *list = json_array();
    size_t count = 0;
    for (int64_t r = 0; points != NULL && r < x->rows; r++)
        if (analysis_has(x->values[r]) && analysis_has(y->values[r]))
            points[count++] = (struct point){x->values[r], y->values[r]};
    if (count > 1)
        qsort(points, count, sizeof *points, compare_points);
    size_t shown = count < ANALYSIS_POINTS ? count : ANALYSIS_POINTS;
    for (size_t i = 0; i < shown; i++) { /* evenly over the order of x, then y */
        size_t at = shown < 2 ? 0 : i * (count - 1) / (shown - 1);
        json_t *one = json_array();
        json_push(one, json_real(points[at].x), &a->ok);
        json_push(one, json_real(points[at].y), &a->ok);
        json_push(list, one, &a->ok);
    }
    a->figure = json_object();
    json_put_text(a->figure, "kind", "points", &a->ok);
    json_put_text(a->figure, "x", x->name, &a->ok);
    json_put_text(a->figure, "y", y->name, &a->ok);
    json_put(a->figure, "points", list, &a->ok);
    if (stats_linear(y, x, 1, NULL, &line, &ignored) != ERR_OK || line.term_count < 2)
        return;
    json_t *slope = json_array();
    json_push(slope, analysis_number(line.terms[1].value), &a->ok);
    json_push(slope, analysis_number(line.terms[0].value), &a->ok);
    json_put(a->figure, "line", slope, &a->ok);
    (void)analysis_term(a, "linear regression", &line.terms[1], false);
}

static void method_row(struct analysis *a, const char *method, const struct stats_result *result,
                       const char *const both[2])
{
    json_t *row = analysis_row(a);
    json_push_text(row, both[0], &a->ok);
    json_push_text(row, both[1], &a->ok);
    json_push_text(row, method, &a->ok);
    json_push(row, json_integer(result->n), &a->ok);
    json_push(row, analysis_number(result->estimate), &a->ok);
    json_push(row, analysis_number(result->low), &a->ok);
    json_push(row, analysis_number(result->high), &a->ok);
    json_push(row, analysis_number(result->p), &a->ok);
}

enum err_code analyse_correlation(struct analysis *a, struct err *err)
{
    size_t o = analysis_find(a, ASK_PART_OUTCOME), g = analysis_find(a, ASK_PART_GROUP);
    const char *const names[] = {"x", "y", "method", "n", "r", "low", "high", "p"};
    AUTO(stats_result_done) struct stats_result result = {0}, other = {0};
    struct err ignored = {0};
    struct stats_column x = a->columns[o], y = a->columns[g];
    const char *both[2] = {x.name, y.name};
    x.category = y.category = false;
    bool ordinal = a->s->variables[o].ordinal || a->s->variables[g].ordinal;
    bool first = skewed(a, &x, &y), second = skewed(a, &y, &x);
    const struct analysis_choice *choice = analysis_choose(
        ASK_CORRELATION, (ordinal ? FACT_ORDINAL : 0) | (first || second ? FACT_SKEWED : 0));
    TRY(choice->test(&x, &y, NULL, &result, err));
    a->test = choice->name;
    analysis_why(a, "%s", choice->why);
    (void)analysis_statistic(a, &result);
    analysis_columns(a, names, sizeof names / sizeof *names);
    method_row(a, choice->name, &result, both);
    analysis_dropped(a, &result);
    a->value = analysis_number(result.estimate);
    if (choice->other(&x, &y, NULL, &other, &ignored) == ERR_OK) {
        method_row(a, choice->other_name, &other, both);
        analysis_alternative(a, choice->other_name, other.p, result.p);
    }
    points_figure(a, &x, &y);
    return ERR_OK;
}
