/* Table 1: who the patients are, by group where one is given. Numbers as mean (SD), skewed ones as
 * median [quartiles], categories as n (%), what is missing, the standardised mean difference, and
 * p-values (with Holm's) only where they were asked for. */
#include "ask/analysis_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SKEWED 1.0
#define IMBALANCED 0.1

struct table {
    struct analysis *a;
    const struct stats_column *group;
    struct analysis_level *levels;
    size_t count;
    double p[ASK_VARIABLES];
    json_t *cells[ASK_VARIABLES]; /* first row of each characteristic, borrowed */
    const char *names[ASK_VARIABLES];
    size_t rows;
    size_t imbalanced;
};

static json_t *new_row(struct table *t, const char *characteristic, const char *level)
{
    json_t *row = analysis_row(t->a);
    json_push_text(row, characteristic, &t->a->ok);
    json_push_text(row, level, &t->a->ok);
    return row;
}

static void push_tail(struct table *t, json_t *row, json_t *missing, double smd, double p)
{
    json_push(row, missing, &t->a->ok);
    if (t->group != NULL)
        json_push(row, analysis_number(smd), &t->a->ok);
    if (t->group != NULL && t->a->s->with_p)
        json_push(row, analysis_number(p), &t->a->ok);
    if (t->group != NULL && t->a->s->with_p)
        json_push(row, json_null(), &t->a->ok); /* Holm's, once all are there */
}

/* Enough digits to compare groups by, no more. */
static const char *figure(double value, char ret[40])
{
    double size = fabs(value);
    int decimals = size <= 0 || size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
    if (isnan(value))
        (void)snprintf(ret, 40, "–");
    else
        (void)snprintf(ret, 40, "%.*f", decimals, value);
    return ret;
}

static void push_number(struct table *t, json_t *row, const struct stats_column *value, double code,
                        bool all, bool median)
{
    struct analysis *a = t->a;
    int64_t n = 0;
    char text[160], one[40], two_text[40], three[40];
    const double *sorted =
        analysis_sorted(a, value, all ? NULL : t->group, code, &n);
    long double sum = 0, two = 0;
    for (int64_t i = 0; sorted != NULL && i < n; i++)
        sum += sorted[i];
    double mean = n > 0 ? (double)(sum / n) : NAN;
    for (int64_t i = 0; sorted != NULL && i < n; i++)
        two += (sorted[i] - mean) * (long double)(sorted[i] - mean);
    if (sorted == NULL || n == 0)
        (void)snprintf(text, sizeof text, "–");
    else if (median)
        (void)snprintf(text, sizeof text, "%s [%s, %s]",
                       figure(stats_quantile(sorted, n, .5), one),
                       figure(stats_quantile(sorted, n, .25), two_text),
                       figure(stats_quantile(sorted, n, .75), three));
    else
        (void)snprintf(text, sizeof text, "%s (%s)", figure(mean, one),
                       figure(n > 1 ? sqrt((double)(two / (n - 1))) : NAN, two_text));
    json_push_text(row, text, &a->ok);
}

static int64_t missing_of(const struct table *t, const struct stats_column *value)
{
    int64_t missing = 0;
    for (int64_t r = 0; r < value->rows; r++)
        missing += !analysis_has(value->values[r]) &&
                           (t->group == NULL || analysis_has(t->group->values[r]))
                       ? 1
                       : 0;
    return missing;
}

static double smd_of(struct table *t, const struct stats_column *value)
{
    AUTO(stats_result_done) struct stats_result result = {0};
    struct err ignored = {0};
    if (t->group == NULL || stats_smd(value, t->group, NULL, &result, &ignored) != ERR_OK)
        return NAN;
    json_t *one = analysis_statistic(t->a, &result);
    json_put_text(one, "term", value->name, &t->a->ok);
    t->imbalanced += fabs(result.estimate) > IMBALANCED ? 1 : 0;
    return result.estimate;
}

static double p_of(struct table *t, const struct stats_column *value, bool median)
{
    AUTO(stats_result_done) struct stats_result result = {0};
    struct err ignored = {0};
    size_t rows = 0, columns = 0;
    unsigned facts = (t->count == 2 ? FACT_TWO_GROUPS : 0) | FACT_UNEQUAL |
                     (median ? FACT_MEDIANS : 0);
    if (t->group == NULL || !t->a->s->with_p)
        return NAN;
    enum ask_family family = value->category ? ASK_CATEGORY_BY_GROUP : ASK_NUMBER_BY_GROUP;
    if (value->category) {
        struct analysis_level *a = analysis_levels(t->a, t->group, value, &rows),
                              *b = analysis_levels(t->a, value, t->group, &columns);
        double total = 0;
        for (size_t i = 0; i < rows; i++)
            total += (double)a[i].n;
        facts = 0;
        for (size_t i = 0; i < rows; i++)
            for (size_t k = 0; k < columns; k++)
                facts |= (double)a[i].n * (double)b[k].n / total < 5 ? FACT_SPARSE : 0;
    }
    const struct analysis_choice *choice = analysis_choose(family, facts);
    enum err_code code = choice->test(value, t->group, NULL, &result, &ignored);
    if (code == ERR_LIMIT)
        code = stats_chi_squared(value, t->group, NULL, &result, &ignored);
    if (code != ERR_OK)
        return NAN;
    json_t *one = analysis_statistic(t->a, &result);
    json_put_text(one, "term", value->name, &t->a->ok);
    return result.p;
}

static void keep_row(struct table *t, json_t *row, const char *name, double p)
{
    t->names[t->rows] = name;
    t->cells[t->rows] = row;
    t->p[t->rows++] = p;
}

static void add_number(struct table *t, const struct stats_column *value)
{
    int64_t n = 0;
    char name[160];
    const double *sorted = analysis_sorted(t->a, value, NULL, NAN, &n);
    bool median = fabs(analysis_skewness(sorted, n)) > SKEWED;
    (void)snprintf(name, sizeof name, "%.100s, %s", value->name,
                   median ? "median [q1, q3]" : "mean (SD)");
    json_t *row = new_row(t, name, "");
    push_number(t, row, value, NAN, t->group == NULL, median);
    for (size_t i = 0; i < t->count; i++)
        push_number(t, row, value, t->levels[i].code, false, median);
    double p = p_of(t, value, median);
    push_tail(t, row, json_integer(missing_of(t, value)), smd_of(t, value), p);
    keep_row(t, row, value->name, p);
}

static void push_share(struct table *t, json_t *row, const struct stats_column *value, double level,
                       double code, bool all)
{
    int64_t hits = 0, of = 0;
    char text[64];
    for (int64_t r = 0; r < value->rows; r++) {
        bool in = analysis_has(value->values[r]) &&
                  (t->group == NULL ||
                   (all ? analysis_has(t->group->values[r]) : t->group->values[r] == code));
        of += in ? 1 : 0;
        hits += in && value->values[r] == level ? 1 : 0;
    }
    (void)snprintf(text, sizeof text, "%lld (%.1f %%)", (long long)hits,
                   of > 0 ? 100.0 * (double)hits / (double)of : 0.0);
    json_push_text(row, text, &t->a->ok);
}

static void add_category(struct table *t, const struct stats_column *value)
{
    size_t count = 0;
    char name[160];
    struct analysis_level *levels = analysis_levels(t->a, value, t->group, &count);
    double p = p_of(t, value, false), smd = smd_of(t, value);
    (void)snprintf(name, sizeof name, "%.100s, n (%%)", value->name);
    for (size_t i = 0; i < count; i++) {
        json_t *row = new_row(t, i == 0 ? name : "", levels[i].name);
        push_share(t, row, value, levels[i].code, NAN, true);
        for (size_t g = 0; g < t->count; g++)
            push_share(t, row, value, levels[i].code, t->levels[g].code, false);
        push_tail(t, row, i == 0 ? json_integer(missing_of(t, value)) : json_null(),
                  i == 0 ? smd : NAN, i == 0 ? p : NAN);
        if (i == 0)
            keep_row(t, row, value->name, p);
    }
}

static void add_head(struct table *t)
{
    struct analysis *a = t->a;
    int64_t n = 0;
    json_push_text(a->columns_json, "characteristic", &a->ok);
    json_push_text(a->columns_json, "level", &a->ok);
    json_push_text(a->columns_json, "all", &a->ok);
    for (int64_t r = 0; r < a->rows; r++)
        n += t->group == NULL || analysis_has(t->group->values[r]) ? 1 : 0;
    for (size_t i = 0; i < t->count; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        buf_printf(&text, "%s = %s", t->group->name, t->levels[i].name);
        json_push_str(a->columns_json, buf_view(&text), &a->ok);
    }
    json_push_text(a->columns_json, "missing", &a->ok);
    if (t->group != NULL)
        json_push_text(a->columns_json, "smd", &a->ok);
    if (t->group != NULL && a->s->with_p) {
        json_push_text(a->columns_json, "p", &a->ok);
        json_push_text(a->columns_json, "p_holm", &a->ok);
    }
    json_t *row = new_row(t, "n", "");
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)n);
    json_push_text(row, text, &a->ok);
    for (size_t i = 0; i < t->count; i++) {
        (void)snprintf(text, sizeof text, "%lld", (long long)t->levels[i].n);
        json_push_text(row, text, &a->ok);
    }
    push_tail(t, row, json_integer(t->group == NULL ? 0 : a->rows - n), NAN, NAN);
    a->n = n;
    if (n < a->rows) {
        json_t *one = json_object();
        AUTO(buf_done) struct buf reason = BUF_INIT;
        buf_printf(&reason, "%s is missing", t->group->name);
        json_put_str(one, "reason", buf_view(&reason), &a->ok);
        json_put_int(one, "n", a->rows - n, &a->ok);
        json_push(a->dropped, one, &a->ok);
    }
}

static enum err_code adjust(struct table *t, struct err *err)
{
    struct analysis *a = t->a;
    double holm[ASK_VARIABLES];
    if (t->group == NULL || !a->s->with_p || t->rows == 0)
        return ERR_OK;
    TRY(stats_adjust(t->p, t->rows, STATS_HOLM, holm, err));
    for (size_t i = 0; i < t->rows; i++)
        if (json_array_set_new(t->cells[i], json_array_size(t->cells[i]) - 1,
                               analysis_number(holm[i])) != 0)
            a->ok = false;
    analysis_warn(a, "%zu characteristics are tested: p_holm is adjusted for their number",
                  t->rows);
    return ERR_OK;
}

/* Bars: the standardised differences. */
static void difference_figure(struct table *t)
{
    struct analysis *a = t->a;
    json_t *items = json_array();
    for (size_t i = 0; i < t->rows; i++) {
        size_t at = 4 + t->count;
        json_t *item = json_object();
        const json_t *smd = json_array_get(t->cells[i], at);
        json_put_text(item, "label", t->names[i], &a->ok);
        json_put(item, "value",
                 json_is_number(smd) ? json_real(fabs(json_number_value(smd))) : json_null(),
                 &a->ok);
        json_push(items, item, &a->ok);
    }
    a->figure = json_object();
    json_put_text(a->figure, "kind", "bars", &a->ok);
    json_put_text(a->figure, "x", "characteristic", &a->ok);
    json_put_text(a->figure, "y", "standardised mean difference", &a->ok);
    json_put(a->figure, "items", items, &a->ok);
}

enum err_code analyse_table_one(struct analysis *a, struct err *err)
{
    size_t g = analysis_find(a, ASK_PART_GROUP);
    struct table t = {.a = a, .group = g != ASK_NONE ? &a->columns[g] : NULL};
    if (t.group != NULL) {
        t.levels = analysis_levels(a, t.group, NULL, &t.count);
        if (t.levels == NULL || t.count < 2 || t.count > ASK_GROUP_LEVELS)
            return err_set(err, ERR_INPUT, "two to %d groups: %s has %zu values", ASK_GROUP_LEVELS,
                           t.group->name, t.count);
        analysis_small_groups(a, t.group->name, t.levels, t.count);
    }
    a->test = a->s->several         ? "a test for each outcome"
              : t.group == NULL     ? "description"
              : a->s->with_p        ? "standardised mean differences, and a test for each"
                                    : "standardised mean differences";
    add_head(&t);
    for (size_t i = 0; i < a->s->count; i++) {
        const struct stats_column *value = &a->columns[i];
        if (i == g)
            continue;
        double share = a->rows > 0 ? (double)missing_of(&t, value) / (double)a->rows : 0;
        if (share > .2)
            analysis_warn(a, "%s is missing in %.0f %% of the rows", value->name, 100 * share);
        if (value->category)
            add_category(&t, value);
        else
            add_number(&t, value);
    }
    analysis_why(a, "%s", a->s->several
                              ? "several outcomes: each by the test of its kind (ranks where it is "
                                "skewed), p adjusted for their number by Holm's method"
                          : t.group == NULL
                              ? "a table that describes tests nothing"
                              : "groups are compared by how far they are apart, which does not "
                                "depend on how many they are");
    if (t.group != NULL && !a->s->with_p)
        analysis_warn(a, "no p-values: ask for the table 'with p values' to have them");
    if (t.imbalanced > 0)
        analysis_warn(a, "%zu of %zu characteristics differ by more than 0.1 standard deviations",
                      t.imbalanced, t.rows);
    TRY(adjust(&t, err));
    if (t.group != NULL)
        difference_figure(&t);
    return ERR_OK;
}
