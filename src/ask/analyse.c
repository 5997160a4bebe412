/* The analysis rows of a statistical question → its answer. Columns come as the engine's rows gave
 * them; here they get their parts (what is a category, which levels mean unknown), the family's
 * function does the analysis, and its pieces are put together: table, statistics, test, figure. */
#include "ask/analysis_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool analysis_has(double value)
{
    return isfinite(value);
}

const char *analysis_label(const struct analysis *a, size_t variable)
{
    return a->s->variables[variable].label;
}

size_t analysis_find(const struct analysis *a, enum ask_part part)
{
    for (size_t i = 0; i < a->s->count; i++)
        if (a->s->variables[i].part == part)
            return i;
    return ASK_NONE;
}

/* ---- columns
 * ------------------------------------------------------------------------------------------ */

/* Levels that say that nothing is known. */
static const char *const unknown_levels[] = {
    "unknown",       "unknown/invalid", "not known",     "not available", "n/a",
    "na",            "missing",         "not recorded",  "unspecified",   "not specified",
    "not mapped",    "null",            "?",             "unable to obtain",
    "unknown/not specified", "patient declined to answer", "declined to answer", "", NULL};

static bool is_unknown(const char *label)
{
    struct str text = str_trim(str_of(label));
    for (size_t i = 0; unknown_levels[i] != NULL; i++)
        if (str_equal_nocase(text, str_of(unknown_levels[i])))
            return true;
    return false;
}

static void blank_unknown(struct analysis *a, struct stats_column *column)
{
    int64_t blanked = 0;
    bool *unknown = arena_array(a->arena, column->label_count + 1, sizeof *unknown);
    size_t found = 0;
    for (size_t i = 0; unknown != NULL && i < column->label_count; i++) {
        unknown[i] = column->labels[i] != NULL && is_unknown(column->labels[i]);
        found += unknown[i] ? 1 : 0;
    }
    if (unknown == NULL || found == 0)
        return;
    double *values = arena_array(a->arena, (size_t)column->rows + 1, sizeof *values);
    for (int64_t r = 0; values != NULL && r < column->rows; r++) {
        double code = column->values[r];
        bool blank = analysis_has(code) && code >= 0 && code < (double)column->label_count &&
                     unknown[(size_t)code];
        values[r] = blank ? NAN : code;
        blanked += blank ? 1 : 0;
    }
    if (values == NULL)
        return;
    column->values = values;
    for (size_t i = 0; i < column->label_count; i++)
        if (unknown[i]) {
            json_t *one = json_object();
            json_put_text(one, "column", column->name, &a->ok);
            json_put_text(one, "missing", column->labels[i], &a->ok);
            json_push(a->recoding, one, &a->ok);
        }
    if (blanked > 0)
        analysis_warn(a, "%lld rows whose %s says that it is unknown are taken as missing",
                      (long long)blanked, column->name);
}

static void prepare(struct analysis *a, const struct stats_column *columns)
{
    static const char *const yes_no[] = {"no", "yes"};
    for (size_t i = 0; i < a->s->count; i++) {
        const struct ask_variable *v = &a->s->variables[i];
        struct stats_column *column = &a->columns[i];
        *column = columns[i];
        column->name = v->label;
        a->rows = column->rows;
        bool boolean = column->category && column->label_count == 2 &&
                       column->labels[0] != NULL && strcmp(column->labels[0], "false") == 0;
        if (boolean) {
            column->labels = yes_no;
            column->label_count = 2;
        }
        if (column->category)
            blank_unknown(a, column);
        column->category = v->category;
    }
}

/* Dates of birth that were moved to hide old age. */
static void check_ages(struct analysis *a)
{
    for (size_t i = 0; i < a->s->count; i++) {
        const struct stats_column *column = &a->columns[i];
        int64_t old = 0;
        if (a->s->variables[i].attr.derived != ASK_AGE ||
            a->s->variables[i].from != ASK_FROM_COLUMN)
            continue;
        for (int64_t r = 0; r < column->rows; r++)
            old += analysis_has(column->values[r]) && column->values[r] > 120 ? 1 : 0;
        if (old > 0)
            analysis_warn(a, "%lld ages over 120 occur: dates of birth may have been moved to hide "
                             "old age, so nothing that rests on means of age holds",
                          (long long)old);
    }
}

static int compare_levels(const void *x, const void *y)
{
    const struct analysis_level *a = x, *b = y;
    return a->code < b->code ? -1 : a->code > b->code ? 1 : 0;
}

static const char *level_name(struct analysis *a, const struct stats_column *column, double code)
{
    char text[32];
    bool labelled = column->labels != NULL && code >= 0 && code < (double)column->label_count &&
                    code == floor(code) && column->labels[(size_t)code] != NULL;
    return labelled ? column->labels[(size_t)code]
                    : arena_strdup(a->arena, str_from_double(code, text));
}

struct analysis_level *analysis_levels(struct analysis *a, const struct stats_column *category,
                                       const struct stats_column *also, size_t *ret_count)
{
    struct analysis_level *levels =
        arena_array(a->arena, STATS_LEVELS_MAX, sizeof *levels);
    size_t count = 0, last = 0;
    *ret_count = 0;
    for (int64_t r = 0; levels != NULL && r < category->rows; r++) {
        double code = category->values[r];
        if (!analysis_has(code) || (also != NULL && !analysis_has(also->values[r])))
            continue;
        size_t at = last < count && levels[last].code == code ? last : 0;
        while (at < count && levels[at].code != code)
            at++;
        if (at == STATS_LEVELS_MAX)
            continue;
        if (at == count)
            levels[count++] = (struct analysis_level){code, 0, level_name(a, category, code)};
        levels[at].n++;
        last = at;
    }
    if (count > 1)
        qsort(levels, count, sizeof *levels, compare_levels);
    *ret_count = count;
    return levels;
}

struct stats_column analysis_pair(struct analysis *a, const struct stats_column *category,
                                  double one, double two)
{
    struct stats_column ret = *category;
    double *values = arena_array(a->arena, (size_t)category->rows + 1, sizeof *values);
    if (values == NULL)
        return ret;
    for (int64_t r = 0; r < category->rows; r++)
        values[r] = category->values[r] == one || category->values[r] == two
                        ? category->values[r]
                        : NAN;
    ret.values = values;
    return ret;
}

static int compare_doubles(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b ? 1 : 0;
}

double *analysis_sorted(struct analysis *a, const struct stats_column *value,
                        const struct stats_column *group, double code, int64_t *ret_count)
{
    double *values = arena_array(a->arena, (size_t)value->rows + 1, sizeof *values);
    int64_t count = 0;
    for (int64_t r = 0; values != NULL && r < value->rows; r++)
        if (analysis_has(value->values[r]) &&
            (group == NULL || (isnan(code) ? analysis_has(group->values[r])
                                           : group->values[r] == code)))
            values[count++] = value->values[r];
    if (count > 1)
        qsort(values, (size_t)count, sizeof *values, compare_doubles);
    *ret_count = count;
    return values;
}

double analysis_skewness(const double *values, int64_t count)
{
    long double sum = 0, two = 0, three = 0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    long double mean = count > 0 ? sum / count : 0;
    for (int64_t i = 0; i < count; i++) {
        long double d = values[i] - mean;
        two += d * d;
        three += d * d * d;
    }
    if (count < 3 || two <= 0)
        return NAN;
    double variance = (double)(two / count);
    return (double)(three / count) / pow(variance, 1.5);
}

/* ---- the answer
 * --------------------------------------------------------------------------------------- */

void analysis_warn(struct analysis *a, const char *format, ...)
{
    char text[500];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < json_array_size(a->warnings); i++)
        if (strcmp(json_string_value(json_array_get(a->warnings, i)), text) == 0)
            return;
    json_push_str(a->warnings, str_of(text), &a->ok);
}

void analysis_note(struct analysis *a, const char *format, ...)
{
    char text[500];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_push_str(a->notes, str_of(text), &a->ok);
}

void analysis_why(struct analysis *a, const char *format, ...)
{
    char text[500];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (a->why.len > 0)
        buf_puts(&a->why, "; ");
    buf_puts(&a->why, text);
}

void analysis_assume(struct analysis *a, const char *name, int held, const char *format, ...)
{
    char text[500];
    va_list args;
    json_t *one = json_object();
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_put_text(one, "name", name, &a->ok);
    json_put(one, "held", held < 0 ? json_null() : json_boolean(held != 0), &a->ok);
    json_put_str(one, "detail", str_of(text), &a->ok);
    json_push(a->assumptions, one, &a->ok);
}

const char *analysis_p(double p, char ret[32])
{
    if (isnan(p))
        (void)snprintf(ret, 32, "no p");
    else if (p < .001)
        (void)snprintf(ret, 32, "p < 0.001");
    else
        (void)snprintf(ret, 32, "p = %.3f", p);
    return ret;
}

void analysis_alternative(struct analysis *a, const char *name, double p, double main_p)
{
    json_t *one = json_object();
    char mine[32], other[32];
    bool disagree = analysis_has(p) && analysis_has(main_p) &&
                    (p < ANALYSIS_ALPHA) != (main_p < ANALYSIS_ALPHA);
    json_put_text(one, "name", name, &a->ok);
    json_put(one, "p", analysis_number(p), &a->ok);
    json_put_flag(one, "agrees", !disagree, &a->ok);
    json_push(a->alternatives, one, &a->ok);
    if (disagree)
        analysis_warn(a, "%s says otherwise: %s against %s", name, analysis_p(p, other),
                      analysis_p(main_p, mine));
}

json_t *analysis_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *analysis_statistic(struct analysis *a, const struct stats_result *result)
{
    json_t *one = json_object();
    json_put_text(one, "test", result->test, &a->ok);
    if (result->method != NULL)
        json_put_text(one, "method", result->method, &a->ok);
    json_put_int(one, "n", result->n, &a->ok);
    if (result->statistic_name != NULL) {
        json_put_text(one, "statistic_name", result->statistic_name, &a->ok);
        json_put(one, "statistic", analysis_number(result->statistic), &a->ok);
        json_put(one, "df", analysis_number(result->df), &a->ok);
        json_put(one, "df2", analysis_number(result->df2), &a->ok);
    }
    if (result->statistic_name != NULL || analysis_has(result->p))
        json_put(one, "p", analysis_number(result->p), &a->ok);
    if (result->estimate_name != NULL) {
        json_put_text(one, "estimate_name", result->estimate_name, &a->ok);
        json_put(one, "estimate", analysis_number(result->estimate), &a->ok);
        json_put(one, "ci_low", analysis_number(result->low), &a->ok);
        json_put(one, "ci_high", analysis_number(result->high), &a->ok);
    }
    json_push(a->statistics, one, &a->ok);
    return one;
}

json_t *analysis_term(struct analysis *a, const char *test, const struct stats_term *term,
                      bool ratio)
{
    json_t *one = json_object();
    json_put_text(one, "test", test, &a->ok);
    json_put_text(one, "term", term->name, &a->ok);
    json_put(one, "estimate", analysis_number(term->value), &a->ok);
    json_put(one, "se", analysis_number(term->se), &a->ok);
    json_put(one, "ci_low", analysis_number(term->low), &a->ok);
    json_put(one, "ci_high", analysis_number(term->high), &a->ok);
    if (ratio) {
        json_put(one, "ratio", analysis_number(term->ratio), &a->ok);
        json_put(one, "ratio_low", analysis_number(term->ratio_low), &a->ok);
        json_put(one, "ratio_high", analysis_number(term->ratio_high), &a->ok);
    }
    json_put(one, "statistic", analysis_number(term->statistic), &a->ok);
    json_put(one, "df", analysis_number(term->df), &a->ok);
    json_put(one, "p", analysis_number(term->p), &a->ok);
    json_push(a->statistics, one, &a->ok);
    return one;
}

void analysis_columns(struct analysis *a, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_push_text(a->columns_json, names[i], &a->ok);
}

json_t *analysis_row(struct analysis *a)
{
    json_t *row = json_array();
    json_push(a->rows_json, row, &a->ok);
    return row;
}

void analysis_dropped(struct analysis *a, const struct stats_result *result)
{
    a->n = result->n;
    (void)json_array_clear(a->dropped);
    for (size_t i = 0; i < result->dropped_count; i++) {
        json_t *one = json_object();
        json_put_text(one, "reason", result->dropped[i].reason, &a->ok);
        json_put_int(one, "n", result->dropped[i].n, &a->ok);
        json_push(a->dropped, one, &a->ok);
        double share = a->rows > 0 ? 100.0 * (double)result->dropped[i].n / (double)a->rows : 0;
        if (share > 20)
            analysis_warn(a, "%s in %.0f %% of the rows: those left may not stand for all",
                          result->dropped[i].reason, share);
    }
}

/* Those of the statistics layer, but for what is said here in other words. */
void analysis_notes(struct analysis *a, const struct stats_result *result)
{
    static const char *const said[] = {"all other codes are censored", "the event is ",
                                       "under ten each", NULL};
    for (size_t i = 0; i < result->note_count; i++) {
        bool again = false;
        for (size_t k = 0; said[k] != NULL; k++)
            again = again || strstr(result->notes[i], said[k]) != NULL;
        if (!again)
            analysis_note(a, "%s", result->notes[i]);
    }
}

void analysis_small_groups(struct analysis *a, const char *name,
                           const struct analysis_level *levels, size_t count)
{
    size_t small = 0;
    for (size_t i = 0; i < count; i++)
        small += levels[i].n < ASK_FEW ? 1 : 0;
    if (small > 0)
        analysis_warn(a, "%zu of %zu groups of %s %s fewer than 11 members: take care before it is "
                         "passed on",
                      small, count, name, small == 1 ? "has" : "have");
}

/* ---- the door
 * ----------------------------------------------------------------------------------------- */

static enum err_code (*const families[ASK_FAMILIES])(struct analysis *a, struct err *err) = {
    [ASK_NUMBER_BY_GROUP] = analyse_number_by_group,
    [ASK_CATEGORY_BY_GROUP] = analyse_category_by_group,
    [ASK_CORRELATION] = analyse_correlation,
    [ASK_NORMAL] = analyse_normality,
    [ASK_LINEAR] = analyse_model,
    [ASK_LOGISTIC] = analyse_model,
    [ASK_COX] = analyse_model,
    [ASK_CURVES] = analyse_curves,
    [ASK_TABLE1] = analyse_table_one,
    [ASK_PAIRED] = analyse_paired,
    [ASK_STRATIFIED] = analyse_stratified};

static void put_all(struct analysis *a, json_t *json)
{
    json_t *result = json_object(), *test = json_object();
    if (a->value != NULL)
        json_put(json, "value", json_incref(a->value), &a->ok);
    json_put_int(json, "n", a->n, &a->ok);
    json_put(json, "dropped", json_incref(a->dropped), &a->ok);
    json_put(result, "columns", json_incref(a->columns_json), &a->ok);
    json_put(result, "rows", json_incref(a->rows_json), &a->ok);
    json_put(result, "statistics", json_incref(a->statistics), &a->ok);
    json_put(json, "result", result, &a->ok);
    json_put_text(test, "name", a->test, &a->ok);
    json_put_str(test, "why", buf_view(&a->why), &a->ok);
    json_put(test, "assumptions", json_incref(a->assumptions), &a->ok);
    json_put(test, "alternatives", json_incref(a->alternatives), &a->ok);
    json_put(test, "notes", json_incref(a->notes), &a->ok);
    json_put(json, "test", test, &a->ok);
    json_put(json, "recoding", json_incref(a->recoding), &a->ok);
    json_put(json, "cautions", json_incref(a->warnings), &a->ok);
    if (a->figure != NULL)
        json_put(json, "figure", json_incref(a->figure), &a->ok);
}

static void done(struct analysis *a)
{
    json_decref(a->columns_json);
    json_decref(a->rows_json);
    json_decref(a->statistics);
    json_decref(a->assumptions);
    json_decref(a->alternatives);
    json_decref(a->warnings);
    json_decref(a->dropped);
    json_decref(a->recoding);
    json_decref(a->notes);
    json_decref(a->figure);
    json_decref(a->value);
    buf_done(&a->why);
    arena_free(a->arena);
}

bool ask_reading_is_statistical(const struct ask_reading *reading)
{
    return reading->question.statistics.on;
}

enum err_code ask_statistics_json(const struct ask_reading *reading,
                                  const struct stats_column *columns, json_t **ret,
                                  struct err *err)
{
    struct analysis a = {.reading = reading,
                         .s = &reading->question.statistics,
                         .arena = arena_new((size_t)4 << 30),
                         .columns_json = json_array(),
                         .rows_json = json_array(),
                         .statistics = json_array(),
                         .assumptions = json_array(),
                         .alternatives = json_array(),
                         .warnings = json_array(),
                         .dropped = json_array(),
                         .recoding = json_array(),
                         .notes = json_array(),
                         .test = "",
                         .why = BUF_INIT,
                         .ok = true};
    json_t *json = json_object();
    enum err_code code = a.arena == NULL ? err_set(err, ERR_MEMORY, "no memory for an analysis")
                                         : ERR_OK;
    if (code == ERR_OK) {
        prepare(&a, columns);
        check_ages(&a);
        code = a.rows == 0 ? err_set(err, ERR_INPUT, "no row of the data meets this")
                           : families[a.s->family](&a, err);
    }
    if (code == ERR_OK)
        put_all(&a, json);
    if (code == ERR_OK && (arena_failed(a.arena) || a.why.failed || !a.ok))
        code = err_set(err, ERR_MEMORY, "no memory for an analysis");
    done(&a);
    if (code == ERR_OK)
        *ret = json;
    else
        json_decref(json);
    return code;
}
