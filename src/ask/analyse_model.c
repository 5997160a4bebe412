/* Predictors of an outcome: linear for a number, logistic for one of two values, Cox for a time to
 * an event. Every predictor is given adjusted for the others and alone. */
#include "ask/analysis_priv.h"

#include <math.h>
#include <string.h>

#define EVENTS_PER_TERM 10

struct model {
    struct analysis *a;
    enum ask_family family;
    struct stats_column outcome, predictors[ASK_VARIABLES];
    size_t count;
    const struct stats_column *time;
    struct stats_options options;
};

static enum err_code fit(const struct model *m, const struct stats_column *predictors, size_t count,
                         struct stats_result *ret, struct err *err)
{
    if (m->family == ASK_COX)
        return stats_cox(m->time, &m->outcome, predictors, count, &m->options, ret, err);
    if (m->family == ASK_LOGISTIC)
        return stats_logistic(&m->outcome, predictors, count, NULL, ret, err);
    return stats_linear(&m->outcome, predictors, count, NULL, ret, err);
}

static enum err_code take(struct model *m, struct err *err)
{
    struct analysis *a = m->a;
    for (size_t i = 0; i < a->s->count; i++)
        if (a->s->variables[i].part == ASK_PART_COVARIATE)
            m->predictors[m->count++] = a->columns[i];
    if (m->family == ASK_COX) {
        size_t event = analysis_find(a, ASK_PART_EVENT);
        m->time = &a->columns[analysis_find(a, ASK_PART_TIME)];
        m->outcome = a->columns[event];
        return analysis_time_event(a, event, &m->options, err);
    }
    size_t outcome = analysis_find(a, ASK_PART_OUTCOME);
    if (m->family == ASK_LOGISTIC)
        return analysis_binary(a, outcome, &m->outcome, err);
    m->outcome = a->columns[outcome];
    m->outcome.category = false;
    return ERR_OK;
}

/* Has the row every value that the model needs? */
static bool is_complete(const struct model *m, int64_t row)
{
    const struct stats_column *strata = m->options.strata;
    bool complete = analysis_has(m->outcome.values[row]) &&
                    (strata == NULL || analysis_has(strata->values[row])) &&
                    (m->time == NULL || analysis_has(m->time->values[row]));
    for (size_t i = 0; complete && i < m->count; i++)
        complete = analysis_has(m->predictors[i].values[row]);
    return complete;
}

/* A category that is the same in all complete rows can't be estimated: it is left out, which may make
 * more rows complete. */
static void drop_constant(struct model *m)
{
    for (size_t i = 0; i < m->count;) {
        const struct stats_column *column = &m->predictors[i];
        double first = NAN;
        bool varies = !column->category;
        for (int64_t r = 0; !varies && r < column->rows; r++) {
            if (!is_complete(m, r))
                continue;
            varies = !isnan(first) && column->values[r] != first;
            first = column->values[r];
        }
        if (varies) {
            i++;
            continue;
        }
        analysis_warn(m->a, "%s is left out: it has one value in the rows that are used",
                      column->name);
        memmove(&m->predictors[i], &m->predictors[i + 1],
                (m->count - i - 1) * sizeof *m->predictors);
        m->count--;
        i = 0;
    }
}

static const struct stats_term *term_named(const struct stats_result *result, const char *name)
{
    for (size_t i = 0; i < result->term_count; i++)
        if (strcmp(result->terms[i].name, name) == 0)
            return &result->terms[i];
    return NULL;
}

static bool is_intercept(const struct stats_term *term)
{
    return strcmp(term->name, "(intercept)") == 0;
}

/* ---- the table and the figure
 * ------------------------------------------------------------------------ */

static void push_estimate(struct analysis *a, json_t *row, const struct stats_term *term,
                          bool ratio)
{
    bool none = term == NULL || term->aliased || term->infinite;
    json_push(row, none ? json_null() : analysis_number(ratio ? term->ratio : term->value), &a->ok);
    json_push(row, none ? json_null() : analysis_number(ratio ? term->ratio_low : term->low),
              &a->ok);
    json_push(row, none ? json_null() : analysis_number(ratio ? term->ratio_high : term->high),
              &a->ok);
    json_push(row, none ? json_null() : analysis_number(term->p), &a->ok);
}

static void put_forest(struct analysis *a, json_t *items, const struct stats_term *term, bool ratio)
{
    if (term->aliased || term->infinite)
        return;
    json_t *item = json_object();
    json_put_text(item, "label", term->name, &a->ok);
    json_put(item, "value", analysis_number(ratio ? term->ratio : term->value), &a->ok);
    json_put(item, "low", analysis_number(ratio ? term->ratio_low : term->low), &a->ok);
    json_put(item, "high", analysis_number(ratio ? term->ratio_high : term->high), &a->ok);
    json_put(item, "p", analysis_number(term->p), &a->ok);
    json_push(items, item, &a->ok);
}

static void put_table(struct model *m, const struct stats_result *full)
{
    struct analysis *a = m->a;
    bool ratio = m->family != ASK_LINEAR, more = m->count > 1;
    const char *measure = m->family == ASK_COX        ? "hazard ratio"
                          : m->family == ASK_LOGISTIC ? "odds ratio"
                                                      : "coefficient";
    const char *const names[] = {"term", measure, "low", "high", "p", "alone", "alone_low",
                                 "alone_high", "alone_p"};
    struct stats_result alone[ASK_VARIABLES] = {{0}};
    json_t *items = json_array();
    analysis_columns(a, names, more ? 9 : 5);
    for (size_t i = 0; more && i < m->count; i++) {
        struct err ignored = {0};
        (void)!fit(m, &m->predictors[i], 1, &alone[i], &ignored);
    }
    for (size_t t = 0; t < full->term_count; t++) {
        const struct stats_term *term = &full->terms[t], *own = NULL;
        for (size_t i = 0; more && own == NULL && i < m->count; i++)
            own = is_intercept(term) ? NULL : term_named(&alone[i], term->name);
        json_t *row = analysis_row(a);
        json_push_text(row, term->name, &a->ok);
        push_estimate(a, row, term, ratio);
        if (more)
            push_estimate(a, row, own, ratio);
        (void)analysis_term(a, full->test, term, ratio);
        if (!is_intercept(term))
            put_forest(a, items, term, ratio);
    }
    for (size_t i = 0; i < m->count; i++)
        stats_result_done(&alone[i]);
    a->figure = json_object();
    json_put_text(a->figure, "kind", "forest", &a->ok);
    json_put_text(a->figure, "x", measure, &a->ok);
    json_put_flag(a->figure, "log", ratio, &a->ok);
    json_put(a->figure, "items", items, &a->ok);
}

/* ---- assumptions
 * ------------------------------------------------------------------------------------- */

/* Events (or the rarer outcome) among the rows that were used. */
static double events_of(const struct model *m, const struct stats_result *full)
{
    if (m->family == ASK_COX)
        return stats_result_number(full, "events");
    double ones = 0, rows = 0;
    for (int64_t r = 0; r < m->outcome.rows; r++) {
        bool complete = is_complete(m, r);
        rows += complete ? 1 : 0;
        ones += complete && m->outcome.values[r] > 0 ? 1 : 0;
    }
    return m->family == ASK_LINEAR ? rows : fmin(ones, rows - ones);
}

static size_t term_count(const struct stats_result *full)
{
    size_t terms = 0;
    for (size_t t = 0; t < full->term_count; t++)
        terms += is_intercept(&full->terms[t]) || full->terms[t].aliased ? 0 : 1;
    return terms;
}

/* A model that did not settle, or a search with more terms than a third of the events, says
 * nothing that may be passed on. */
static enum err_code check_fit(const struct model *m, const struct stats_result *full,
                               struct err *err)
{
    double events = events_of(m, full);
    size_t terms = term_count(full);
    bool thin = !m->a->s->covariates_said && events < 3 * (double)terms;
    if (!full->not_converged && !thin)
        return ERR_OK;
    return err_set(err, ERR_INPUT,
                   "enough data for %zu terms: there are %lld complete rows and %.0f %s; name fewer "
                   "predictors ('…: age, sex')",
                   terms, (long long)full->n, events,
                   m->family == ASK_LINEAR ? "values" : "events (of the rarer outcome)");
}

static void check_size(struct model *m, const struct stats_result *full)
{
    size_t terms = term_count(full);
    double events = events_of(m, full), each = terms > 0 ? events / (double)terms : NAN;
    const char *what = m->family == ASK_LINEAR     ? "rows"
                       : m->family == ASK_LOGISTIC ? "of the rarer outcome"
                                                   : "events";
    analysis_assume(m->a, "enough for the number of terms", each >= EVENTS_PER_TERM,
                    "%.0f %s for %zu terms: %.1f each", events, what, terms, each);
    if (each < EVENTS_PER_TERM)
        analysis_warn(m->a, "%.1f %s for each term (10 or more are wanted): estimates may be too "
                            "far out",
                      each, what);
    if (full->separated)
        analysis_warn(m->a, "a predictor separates the outcome: its estimate is infinite and is "
                            "not given");
}

static void check_hazards(struct model *m)
{
    AUTO(stats_result_done) struct stats_result zph = {0};
    struct err ignored = {0};
    char p[32];
    if (stats_cox_zph(m->time, &m->outcome, m->predictors, m->count, &m->options, &zph, &ignored) !=
        ERR_OK)
        return;
    bool held = !(zph.p < ANALYSIS_ALPHA);
    AUTO(buf_done) struct buf which = BUF_INIT;
    for (size_t t = 0; t < zph.term_count; t++)
        if (zph.terms[t].p < ANALYSIS_ALPHA)
            buf_printf(&which, "%s%s", which.len > 0 ? ", " : "", zph.terms[t].name);
    analysis_assume(m->a, "proportional hazards", held, "test of Grambsch and Therneau: %s%s%s",
                    analysis_p(zph.p, p), which.len > 0 ? "; not so for " : "", buf_text(&which));
    (void)analysis_statistic(m->a, &zph);
    if (which.len > 0 || !held)
        analysis_warn(m->a, "hazards are not proportional%s%s: the ratio is an average over the "
                            "follow-up",
                      which.len > 0 ? " for " : "", buf_text(&which));
}

enum err_code analyse_model(struct analysis *a, struct err *err)
{
    static const char *const names[ASK_FAMILIES] = {[ASK_LINEAR] = "linear regression",
                                                    [ASK_LOGISTIC] = "logistic regression",
                                                    [ASK_COX] = "Cox regression"};
    static const char *const whys[ASK_FAMILIES] = {
        [ASK_LINEAR] = "the outcome is a number",
        [ASK_LOGISTIC] = "the outcome is one of two values",
        [ASK_COX] = "the outcome is a time to an event, which not all have had"};
    struct model m = {.a = a, .family = a->s->family};
    AUTO(stats_result_done) struct stats_result full = {0};
    TRY(take(&m, err));
    drop_constant(&m);
    if (m.count == 0)
        return err_set(err, ERR_INPUT, "a predictor that varies in the rows that are used");
    TRY(fit(&m, m.predictors, m.count, &full, err));
    TRY(check_fit(&m, &full, err));
    a->test = names[m.family];
    analysis_why(a, "%s", whys[m.family]);
    if (m.count > 1)
        analysis_why(a, "each predictor is adjusted for the others; 'alone' is without them");
    (void)analysis_statistic(a, &full);
    put_table(&m, &full);
    analysis_dropped(a, &full);
    analysis_notes(a, &full);
    check_size(&m, &full);
    if (m.family == ASK_COX)
        check_hazards(&m);
    if (!a->s->covariates_said && m.count > 5)
        analysis_warn(a, "%zu predictors were tried that nobody named: the p-values are not "
                         "adjusted for their number, take them as a search",
                      m.count);
    return ERR_OK;
}
