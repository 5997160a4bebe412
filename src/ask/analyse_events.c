/* Which code is the event: of a time to it, and of an outcome of a logistic model. Two codes are
 * read as stats/event.c reads them; of more codes one must say "no" (all others are then the event)
 * or, of numbers that follow a time, the highest is the event. The recoding is always said. */
#include "ask/analysis_priv.h"

#include <math.h>
#include <string.h>

static const char *const none_words[] = {"no",      "none",   "never", "negative", "absent",
                                         "0",       "normal", "not",   "control",  "0_no",
                                         "healthy", NULL};

static bool says_none(const char *name)
{
    for (size_t i = 0; none_words[i] != NULL; i++)
        if (str_equal_nocase(str_trim(str_of(name)), str_of(none_words[i])))
            return true;
    return false;
}

static void recoding(struct analysis *a, const char *column, const char *member, const char *level)
{
    json_t *one = json_object();
    json_put_text(one, "column", column, &a->ok);
    json_put_text(one, member, level, &a->ok);
    json_push(a->recoding, one, &a->ok);
}

enum err_code analysis_time_event(struct analysis *a, size_t event, struct stats_options *ret,
                                  struct err *err)
{
    const struct stats_column *column = &a->columns[event];
    size_t count = 0;
    struct analysis_level *levels = analysis_levels(a, column, NULL, &count);
    size_t stratum = analysis_find(a, ASK_PART_STRATUM);
    *ret = (struct stats_options){.strata = stratum != ASK_NONE ? &a->columns[stratum] : NULL};
    if (levels == NULL || count == 0)
        return err_set(err, ERR_INPUT, "no row has a value of %s", column->name);
    if (column->label_count > 0)
        return ERR_OK; /* stats/event.c reads them by their words, and notes how */
    /* The column's codes, not only those of the rows that are left: 0 and 1 of 0, 1 and 2 are both
     * no event. */
    const struct ask_attr *attr = &a->s->variables[event].attr;
    int64_t all = attr->derived == ASK_DEATH
                      ? 2 /* a date of death: there is one or there is none */
                      : ask_attr_column(a->reading->catalogue, attr)->distinct;
    all = all > (int64_t)count ? all : (int64_t)count;
    if (all <= 2)
        return ERR_OK;
    bool known = all == 3;
    for (size_t i = 0; i < count; i++)
        known = known && (levels[i].code == 0 || levels[i].code == 1 || levels[i].code == 2);
    if (!known)
        return err_set(err, ERR_INPUT,
                       "%s has %lld codes, and nothing says which of them is the event",
                       column->name, (long long)all);
    ret->has_event_value = true;
    ret->event_value = 2;
    recoding(a, column->name, "event", "2");
    analysis_warn(a, "%s = 2 is taken as the event (death); 1 (such as a transplant or another end "
                     "of follow-up) and 0 count as censored",
                  column->name);
    return ERR_OK;
}

/* The outcome as 0 and 1. */
static struct stats_column as_flag(struct analysis *a, const struct stats_column *outcome,
                                   double code, bool is_event)
{
    struct stats_column ret = *outcome;
    double *values = arena_array(a->arena, (size_t)outcome->rows + 1, sizeof *values);
    for (int64_t r = 0; values != NULL && r < outcome->rows; r++) {
        double value = outcome->values[r];
        values[r] = !analysis_has(value) ? NAN : (value == code) == is_event ? 1 : 0;
    }
    ret.values = values != NULL ? values : outcome->values;
    ret.labels = NULL;
    ret.label_count = 0;
    return ret;
}

enum err_code analysis_binary(struct analysis *a, size_t outcome, struct stats_column *ret,
                              struct err *err)
{
    const struct stats_column *column = &a->columns[outcome];
    const struct ask_variable *v = &a->s->variables[outcome];
    size_t count = 0, none = ASK_NONE;
    struct analysis_level *levels = analysis_levels(a, column, NULL, &count);
    for (size_t i = 0; levels != NULL && i < count; i++)
        none = says_none(levels[i].name) ? i : none;
    if (levels == NULL || count < 2)
        return err_set(err, ERR_INPUT, "an outcome that varies: %s has %s", column->name,
                       count == 0 ? "no values" : "one value");
    if (count > 2 && none == ASK_NONE && !v->death)
        return err_set(err, ERR_INPUT,
                       "an outcome of two values: %s has %zu, and none says 'no'; its groups can be "
                       "compared ('is X associated with %s')",
                       column->name, count, column->name);
    if (count > 2 && v->death) {
        *ret = as_flag(a, column, levels[count - 1].code, true);
        recoding(a, column->name, "event", levels[count - 1].name);
        analysis_warn(a, "%s = %s is taken as death", column->name, levels[count - 1].name);
        return ERR_OK;
    }
    if (none != ASK_NONE) {
        *ret = as_flag(a, column, levels[none].code, false);
        recoding(a, column->name, "no_event", levels[none].name);
        if (count == 2)
            analysis_note(a, "the event is %s = '%s'", column->name, levels[1 - none].name);
        else
            analysis_warn(a, "%s has %zu values: all but '%s' count as the event", column->name,
                          count, levels[none].name);
        return ERR_OK;
    }
    *ret = as_flag(a, column, levels[1].code, true);
    recoding(a, column->name, "event", levels[1].name);
    analysis_note(a, "the event is %s = '%s'", column->name, levels[1].name);
    return ERR_OK;
}
