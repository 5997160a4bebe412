/* Survival: Kaplan–Meier's curves with medians and intervals, the log-rank test of groups with
 * Cox's hazard ratio, and survival at a time that the question names. */
#include "ask/analysis_priv.h"

#include <math.h>
#include <string.h>

#define STEPS 2000 /* of a curve in the figure */

/* Days that one unit of the time column is, by its name. */
static double column_days(const struct ask_column *column, const char **ret_unit)
{
    *ret_unit = ask_words_have(&column->words, "month")  ? "months"
                : ask_words_have(&column->words, "year") ? "years"
                : ask_words_have(&column->words, "week") ? "weeks"
                                                         : "days";
    return strcmp(*ret_unit, "months") == 0  ? 30.4375
           : strcmp(*ret_unit, "years") == 0 ? 365.25
           : strcmp(*ret_unit, "weeks") == 0 ? 7
                                             : 1;
}

static double asked_time(const struct analysis *a, double each)
{
    static const double days[] = {[ASK_DAY] = 1,
                                  [ASK_WEEK] = 7,
                                  [ASK_MONTH] = 30.4375,
                                  [ASK_YEAR] = 365.25,
                                  [ASK_HOUR] = 1.0 / 24};
    return a->s->at * days[a->s->at_unit] / each;
}

static void curve_figure(struct analysis *a, const struct stats_result *curve, const char *time)
{
    json_t *groups = json_array();
    a->figure = json_object();
    json_put_text(a->figure, "kind", "survival", &a->ok);
    json_put_text(a->figure, "x", time, &a->ok);
    json_put_text(a->figure, "y", "survival", &a->ok);
    for (size_t g = 0; g < curve->group_count; g++) {
        const struct stats_group *group = &curve->groups[g];
        json_t *one = json_object(), *steps = json_array();
        size_t first = 0, count = 0;
        while (first < curve->point_count && curve->points[first].group != g)
            first++;
        while (first + count < curve->point_count && curve->points[first + count].group == g)
            count++;
        size_t shown = count < STEPS ? count : STEPS;
        for (size_t i = 0; i < shown; i++) {
            const struct stats_point *p =
                &curve->points[first + (shown < 2 ? 0 : i * (count - 1) / (shown - 1))];
            json_t *step = json_array();
            double numbers[] = {p->time, p->survival, p->low, p->high};
            for (size_t k = 0; k < 4; k++)
                json_push(step, analysis_number(numbers[k]), &a->ok);
            json_push(step, json_integer(p->at_risk), &a->ok);
            json_push(step, json_integer(p->censored), &a->ok);
            json_push(steps, step, &a->ok);
        }
        json_put_text(one, "label", group->name, &a->ok);
        json_put_int(one, "n", group->n, &a->ok);
        json_put_int(one, "events", group->events, &a->ok);
        json_put(one, "median", analysis_number(group->median), &a->ok);
        json_put(one, "steps", steps, &a->ok);
        json_push(groups, one, &a->ok);
    }
    json_put(a->figure, "groups", groups, &a->ok);
}

static void push_at(struct analysis *a, json_t *row, const struct stats_result *curve, size_t group,
                    double at)
{
    const struct stats_point *p = stats_curve_at(curve, group, at);
    double survival = p != NULL ? p->survival : 1, low = p != NULL ? p->low : NAN,
           high = p != NULL ? p->high : NAN;
    bool dead = a->s->mortality;
    json_push(row, analysis_number(dead ? 1 - survival : survival), &a->ok);
    json_push(row, analysis_number(dead ? 1 - high : low), &a->ok);
    json_push(row, analysis_number(dead ? 1 - low : high), &a->ok);
    json_push(row, p != NULL ? json_integer(p->at_risk) : json_null(), &a->ok);
}

static void curve_rows(struct analysis *a, const struct stats_result *curve, const char *name,
                       double at)
{
    bool dead = a->s->mortality;
    const char *const names[] = {name,
                                 "n",
                                 "events",
                                 "median",
                                 "median_low",
                                 "median_high",
                                 dead ? "mortality" : "survival",
                                 dead ? "mortality_low" : "survival_low",
                                 dead ? "mortality_high" : "survival_high",
                                 "at_risk"};
    analysis_columns(a, names, a->s->at_time ? 10 : 6);
    for (size_t g = 0; g < curve->group_count; g++) {
        const struct stats_group *group = &curve->groups[g];
        json_t *row = analysis_row(a);
        json_push_text(row, group->name, &a->ok);
        json_push(row, json_integer(group->n), &a->ok);
        json_push(row, json_integer(group->events), &a->ok);
        json_push(row, analysis_number(group->median), &a->ok);
        json_push(row, analysis_number(group->median_low), &a->ok);
        json_push(row, analysis_number(group->median_high), &a->ok);
        if (a->s->at_time)
            push_at(a, row, curve, g, at);
        if (isnan(group->median))
            analysis_warn(a, "the median of '%s' is not reached: fewer than half had the event",
                          group->name);
    }
}

/* Ratio of hazards between the groups, and whether it holds over time. */
static void hazards(struct analysis *a, const struct stats_column *time,
                    const struct stats_column *event, const struct stats_column *group,
                    const struct stats_options *options, double main_p)
{
    AUTO(stats_result_done) struct stats_result cox = {0}, zph = {0};
    struct err ignored = {0};
    char p[32];
    if (stats_cox(time, event, group, 1, options, &cox, &ignored) != ERR_OK)
        return;
    for (size_t t = 0; t < cox.term_count; t++)
        if (!cox.terms[t].infinite)
            (void)analysis_term(a, cox.test, &cox.terms[t], true);
    if (cox.separated)
        analysis_warn(a, "a group has no events: its hazard ratio cannot be estimated");
    analysis_alternative(a, "Cox regression (likelihood ratio)", cox.p, main_p);
    if (stats_cox_zph(time, event, group, 1, options, &zph, &ignored) != ERR_OK)
        return;
    bool held = !(zph.p < ANALYSIS_ALPHA);
    analysis_assume(a, "proportional hazards", held, "test of Grambsch and Therneau: %s",
                    analysis_p(zph.p, p));
    if (!held)
        analysis_warn(a, "hazards are not proportional: the log-rank test loses power and the "
                         "hazard ratio is an average over the follow-up");
}

static enum err_code check_time(struct analysis *a, const struct stats_column *time, double at,
                                const char *unit, struct err *err)
{
    double most = 0;
    for (int64_t r = 0; r < time->rows; r++)
        if (analysis_has(time->values[r]))
            most = fmax(most, time->values[r]);
    if (!a->s->at_time)
        return ERR_OK;
    if (at > most)
        return err_set(err, ERR_INPUT,
                       "follow-up as long as that: it ends at %.6g %s (%s is read as %s)", most,
                       unit, time->name, unit);
    analysis_warn(a, "%s is read as %s: %.6g of them", time->name, unit, at);
    return ERR_OK;
}

/* Times of who belongs to a stratum. */
static struct stats_column in_strata(struct analysis *a, const struct stats_column *time,
                                     const struct stats_column *strata)
{
    struct stats_column ret = *time;
    double *values =
        strata != NULL ? arena_array(a->arena, (size_t)a->rows + 1, sizeof *values) : NULL;
    for (int64_t r = 0; values != NULL && r < a->rows; r++)
        values[r] = analysis_has(strata->values[r]) ? time->values[r] : NAN;
    ret.values = values != NULL ? values : time->values;
    return ret;
}

enum err_code analyse_curves(struct analysis *a, struct err *err)
{
    size_t t = analysis_find(a, ASK_PART_TIME), e = analysis_find(a, ASK_PART_EVENT),
           g = analysis_find(a, ASK_PART_GROUP), count = 0;
    const struct stats_column *time = &a->columns[t], *event = &a->columns[e],
                              *group = g != ASK_NONE ? &a->columns[g] : NULL;
    AUTO(stats_result_done) struct stats_result curve = {0}, test = {0};
    struct stats_options options;
    const char *unit = "";
    double each = column_days(
               ask_attr_column(a->reading->catalogue, &a->s->variables[t].attr), &unit),
           at = asked_time(a, each);
    TRY(analysis_time_event(a, e, &options, err));
    TRY(check_time(a, time, at, unit, err));
    struct stats_options plain = options; /* a curve for each group, over all strata */
    struct stats_column of = in_strata(a, time, options.strata);
    plain.strata = NULL;
    TRY(stats_kaplan_meier(&of, event, group, &plain, &curve, err));
    curve_rows(a, &curve, group != NULL ? group->name : "group", at);
    curve_figure(a, &curve, time->name);
    analysis_dropped(a, &curve);
    analysis_notes(a, &curve);
    a->test = "Kaplan–Meier estimate";
    analysis_why(a, "not all have had the event, so times are estimated with those censored");
    analysis_assume(a, "censoring does not depend on the risk", -1,
                    "%s", "cannot be tested from the data");
    if (group == NULL && a->s->at_time)
        a->value = json_incref(json_array_get(json_array_get(a->rows_json, 0), 6));
    else if (group == NULL && a->s->median)
        a->value = json_incref(json_array_get(json_array_get(a->rows_json, 0), 3));
    if (group == NULL) {
        (void)analysis_statistic(a, &curve);
        return ERR_OK;
    }
    struct analysis_level *levels = analysis_levels(a, group, time, &count);
    if (count < 2)
        return err_set(err, ERR_INPUT, "two groups to compare: %s has fewer than two values",
                       group->name);
    TRY(stats_log_rank(time, event, group, &options, &test, err));
    a->test = "log-rank test";
    analysis_why(a, "survival of groups is compared over the whole follow-up%s",
                 options.strata != NULL ? ", within strata" : "");
    (void)analysis_statistic(a, &test);
    if (options.strata != NULL)
        analysis_dropped(a, &test);
    hazards(a, time, event, group, &options, test.p);
    analysis_small_groups(a, group->name, levels, count);
    return ERR_OK;
}
