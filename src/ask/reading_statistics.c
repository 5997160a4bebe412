/* A statistical reading told: one sentence with measure, groups, unit and population, and as JSON
 * the parts of the analysis, from which a script can do it again. */
#include "ask/grammar_priv.h"
#include "ask/reading_priv.h"

#include <inttypes.h>
#include <string.h>

static const char *const family_texts[ASK_FAMILIES] = {
    [ASK_NO_FAMILY] = "none",         [ASK_NUMBER_BY_GROUP] = "number_by_group",
    [ASK_CATEGORY_BY_GROUP] = "category_by_group",
    [ASK_CORRELATION] = "correlation", [ASK_LINEAR] = "linear",
    [ASK_LOGISTIC] = "logistic",      [ASK_COX] = "cox",
    [ASK_CURVES] = "survival",        [ASK_TABLE1] = "table_one",
    [ASK_NORMAL] = "normality",       [ASK_PAIRED] = "paired",
    [ASK_STRATIFIED] = "stratified"};

static const struct ask_variable *first_of(const struct ask_statistics *s, enum ask_part part)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->variables[i].part == part)
            return &s->variables[i];
    return NULL;
}

/* ---- the sentence
 * ------------------------------------------------------------------------------------ */

static void say_variable(const struct ask_reading *reading, const struct ask_variable *v,
                         struct buf *out)
{
    if (v == NULL)
        return;
    if (v->from == ASK_FROM_COLUMN) {
        bool death = v->attr.derived == ASK_DEATH || v->attr.derived == ASK_HOSPITAL_DEATH;
        buf_puts(out, v->attr.derived == ASK_DEATH             ? "death ("
                      : v->attr.derived == ASK_HOSPITAL_DEATH ? "death in hospital ("
                                                              : "");
        ask_say_attr(reading, &v->attr, out);
        buf_puts(out, death ? ")" : "");
        if (v->level != NULL)
            buf_printf(out, " '%s' (against its other values)", v->level);
        return;
    }
    static const char *const picks[] = {
        [ASK_ALL] = "mean of",      [ASK_FIRST] = "first",
        [ASK_LAST] = "last",        [ASK_SECOND] = "second",
        [ASK_THIRD] = "third",      [ASK_SECOND_TO_LAST] = "second to last",
        [ASK_CURRENT] = "current"};
    const struct ask_event *event = &reading->question.events[v->event];
    if (v->from == ASK_FROM_MEAN)
        buf_printf(out, "the %s %s of each patient (", picks[event->pick], v->label);
    else
        buf_puts(out, "whether there is ");
    ask_say_event(reading, v->event, out);
    if (v->from == ASK_FROM_MEAN)
        buf_putc(out, ')');
}

static void say_covariates(const struct ask_reading *reading, const char *lead, struct buf *out)
{
    const struct ask_statistics *s = &reading->question.statistics;
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->variables[i].part != ASK_PART_COVARIATE)
            continue;
        buf_puts(out, count++ == 0 ? lead : ", ");
        say_variable(reading, &s->variables[i], out);
    }
}

static void say_time(const struct ask_reading *reading, struct buf *out)
{
    const struct ask_statistics *s = &reading->question.statistics;
    buf_puts(out, "time ");
    say_variable(reading, first_of(s, ASK_PART_TIME), out);
    buf_puts(out, " to the event of ");
    say_variable(reading, first_of(s, ASK_PART_EVENT), out);
}

static void say_curves(const struct ask_reading *reading, const struct ask_variable *group,
                       struct buf *out)
{
    const struct ask_statistics *s = &reading->question.statistics;
    buf_puts(out, s->mortality ? "Mortality (one minus survival): " : "Survival: ");
    say_time(reading, out);
    if (s->at_time)
        buf_printf(out, ", at %g %s%s", s->at, ask_unit_text(s->at_unit), s->at == 1 ? "" : "s");
    if (group != NULL)
        buf_puts(out, ", by ");
    say_variable(reading, group, out);
}

/* The condition that says which moment it is, after those that say what is measured. */
static void say_last(const struct ask_reading *reading, const struct ask_event *event,
                     struct buf *out)
{
    struct ask_event one = {.or_with = ASK_NONE, .linked = ASK_NONE};
    if (event->predicate_count == 0)
        return;
    one.predicates[one.predicate_count++] = event->predicates[event->predicate_count - 1];
    ask_say_rows(reading, &one, out);
}

/* "Do values change in the same patients: first bili (…), then …" */
static void say_moments(const struct ask_reading *reading, struct buf *out)
{
    const struct ask_statistics *s = &reading->question.statistics;
    buf_puts(out, s->count == 2 ? "Do the same patients change from " : "Do the same patients change over ");
    for (size_t i = 0; i < s->count; i++) {
        const struct ask_variable *v = &s->variables[i];
        buf_puts(out, i == 0 ? "" : s->count == 2 ? " to " : i + 1 == s->count ? " and " : ", ");
        if (v->from == ASK_FROM_COLUMN) {
            ask_say_attr(reading, &v->attr, out);
            continue;
        }
        const struct ask_event *event = &reading->question.events[v->event];
        buf_puts(out, v->label);
        const char *time =
            event->moment ? ask_attr_column(reading->catalogue, &event->time)->name : NULL;
        if (time != NULL && event->after > 0)
            buf_printf(out, " (nearest to %.0f days after each one's first by %s, %.0f days away at most)",
                       event->after, time, event->after * ASK_MOMENT_NEAR);
        else if (time != NULL && event->later)
            buf_printf(out, " (the last by %s of who has more than one time)", time);
        else if (time != NULL)
            buf_printf(out, " (each one's first by %s)", time);
        else
            say_last(reading, event, out);
    }
    const struct ask_variable *v = s->count > 0 ? &s->variables[0] : NULL;
    if (v != NULL && v->from != ASK_FROM_COLUMN)
        buf_printf(out, ", rows of %s", reading->catalogue->tables[reading->question.events[v->event].table].name);
}

static void say_family(const struct ask_reading *reading, struct buf *out)
{
    const struct ask_statistics *s = &reading->question.statistics;
    const struct ask_variable *outcome = first_of(s, ASK_PART_OUTCOME),
                              *group = first_of(s, ASK_PART_GROUP);
    switch (s->family) {
    case ASK_PAIRED:
        say_moments(reading, out);
        break;
    case ASK_NUMBER_BY_GROUP:
    case ASK_CATEGORY_BY_GROUP:
    case ASK_STRATIFIED:
        buf_puts(out, "Does ");
        say_variable(reading, outcome, out);
        buf_puts(out, " differ by ");
        say_variable(reading, group, out);
        break;
    case ASK_CORRELATION:
        buf_puts(out, "Are ");
        say_variable(reading, outcome, out);
        buf_puts(out, " and ");
        say_variable(reading, group, out);
        buf_puts(out, " correlated");
        break;
    case ASK_LINEAR:
    case ASK_LOGISTIC:
        buf_puts(out, "What predicts ");
        say_variable(reading, outcome, out);
        say_covariates(reading, ": ", out);
        break;
    case ASK_COX:
        buf_puts(out, "What predicts ");
        say_time(reading, out);
        say_covariates(reading, ": ", out);
        break;
    case ASK_CURVES:
        say_curves(reading, group, out);
        break;
    case ASK_TABLE1:
        if (s->several) {
            say_covariates(reading, "Do ", out);
            buf_puts(out, " differ by ");
            say_variable(reading, group, out);
            break;
        }
        buf_puts(out, "Table 1");
        if (group != NULL)
            buf_puts(out, " by ");
        say_variable(reading, group, out);
        say_covariates(reading, ": ", out);
        break;
    case ASK_NORMAL:
        buf_puts(out, "Is ");
        say_variable(reading, outcome, out);
        buf_puts(out, " normally distributed");
        break;
    case ASK_NO_FAMILY:
    case ASK_FAMILIES:
        break;
    }
}

static void say_unit(const struct ask_reading *reading, struct buf *out)
{
    const struct ask_question *q = &reading->question;
    const struct ask_statistics *s = &q->statistics;
    const struct ask_table *table = &reading->catalogue->tables[q->events[0].table];
    bool by_moment = s->family == ASK_PAIRED && s->count > 0 &&
                     s->variables[0].from != ASK_FROM_COLUMN; /* which rows is said there */
    if (!s->has_unit)
        buf_printf(out, "; each row of %s", table->name);
    else if (by_moment)
        buf_puts(out, "; one row for each patient");
    else if (!s->one_each)
        buf_printf(out, "; one row for each %s (%s)", ask_entity_one(s->unit), table->name);
    else if (table->time >= 0)
        buf_printf(out, "; the first row of %s of each patient, by %s", table->name,
                   table->columns[table->time].name);
    else if (s->order_column >= 0)
        buf_printf(out, "; the first row of %s of each patient, by %s", table->name,
                   table->columns[s->order_column].name);
    else
        buf_printf(out, "; the row of %s with the lowest key of each patient", table->name);
    ask_say_rows(reading, &q->events[0], out);
}

void ask_say_statistics(struct ask_reading *reading)
{
    struct buf *out = &reading->sentence;
    const struct ask_variable *stratum = first_of(&reading->question.statistics, ASK_PART_STRATUM);
    say_family(reading, out);
    buf_puts(out, stratum != NULL ? ", within strata of " : "");
    say_variable(reading, stratum, out);
    say_unit(reading, out);
    ask_say_filters(reading, out);
    buf_putc(out, '.');
}

/* Do the conditions choose patients by what is measured again? */
static bool is_selected(const struct ask_reading *reading)
{
    const struct ask_question *q = &reading->question;
    for (size_t e = 0; e < q->event_count; e++)
        for (size_t k = 0; k < q->events[e].predicate_count; k++)
            for (size_t i = 0; i < q->statistics.count; i++) {
                const struct ask_attr *a = &q->events[e].predicates[k].attr,
                                      *b = &q->statistics.variables[i].attr;
                bool own = q->statistics.variables[i].event == e;
                for (size_t m = 0; m < q->statistics.count; m++)
                    own = own || q->statistics.variables[m].event == e;
                if (!own && !q->events[e].predicates[k].null && a->derived == ASK_PLAIN &&
                    ask_attr_table(a) == ask_attr_table(b) && a->column == b->column)
                    return true;
            }
    return false;
}

/* What a reviewer would ask about the rows. */
void ask_warn_statistics(struct ask_reading *reading)
{
    const struct ask_statistics *s = &reading->question.statistics;
    const struct ask_table *table =
        &reading->catalogue->tables[reading->question.events[0].table];
    bool timed = first_of(s, ASK_PART_TIME) != NULL, later = false;
    if (!s->has_unit)
        ask_note(reading, reading->warnings,
                 "%s has no identifier of patients: each row is taken as one patient", table->name);
    if (s->repeated)
        ask_note(reading, reading->warnings,
                 "admissions of one patient are not independent: p-values are too small; without "
                 "--grain each patient's first counts");
    if (s->one_each && table->time < 0 && s->order_column < 0)
        ask_note(reading, reading->warnings,
                 "%s has no dates: of each patient's rows the one with the lowest key is taken as "
                 "the first",
                 table->name);
    if (s->family == ASK_PAIRED && is_selected(reading))
        ask_note(reading, reading->warnings,
                 "patients are chosen by a value of the same measure: who was extreme then is "
                 "nearer to the mean the next time, whatever was done (regression to the mean)");
    const struct ask_variable *outcome = first_of(s, ASK_PART_OUTCOME);
    if (s->from_dates) {
        AUTO(buf_done) struct buf day = BUF_INIT;
        ask_say_day(s->last_day, &day);
        ask_note(reading, reading->warnings,
                 "time is counted from the first admission to death; those without a date of "
                 "death are taken as alive on %s, the latest day of the data",
                 buf_text(&day));
    }
    if (!timed && outcome != NULL && outcome->death)
        ask_note(reading, reading->warnings,
                 "death is taken without its time: who was followed longer had more time to die; "
                 "ask for survival where that matters");
    bool death = timed || (outcome != NULL && (outcome->death ||
                                               outcome->attr.derived == ASK_HOSPITAL_DEATH));
    for (size_t i = 0; i < s->count; i++)
        later = later || (s->variables[i].from != ASK_FROM_COLUMN &&
                          s->variables[i].part != ASK_PART_OUTCOME);
    for (size_t i = 0; death && i < s->count; i++) {
        const struct ask_variable *v = &s->variables[i];
        bool end = v->from == ASK_FROM_COLUMN &&
                   (v->attr.derived == ASK_LENGTH_OF_STAY ||
                    (v->attr.derived == ASK_PLAIN &&
                     ask_column_is_later(ask_attr_column(reading->catalogue, &v->attr))));
        if (end && (v->part == ASK_PART_COVARIATE || v->part == ASK_PART_GROUP))
            ask_note(reading, reading->warnings,
                     "%s is known only at the end: it may be a consequence of the outcome, not its "
                     "cause",
                     v->label);
    }
    if (death && later)
        ask_note(reading, reading->warnings,
                 timed ? "immortal time: the group is made of what happened at any time, also "
                         "after time zero; who lived longer had more time for it"
                       : "a predictor is of any time, also near or after the outcome: it may be "
                         "its consequence");
}

/* ---- JSON
 * ------------------------------------------------------------------------------------------- */

static void put_part(const struct ask_statistics *s, json_t *json, const char *member,
                     enum ask_part part, bool *ok)
{
    json_t *names = json_array();
    for (size_t i = 0; i < s->count; i++)
        if (s->variables[i].part == part)
            json_push_text(names, s->variables[i].name, ok);
    json_put(json, member, names, ok);
}

static void put_one(const struct ask_statistics *s, json_t *json, const char *member,
                    enum ask_part part, bool *ok)
{
    const struct ask_variable *v = first_of(s, part);
    json_put_text(json, member, v != NULL ? v->name : NULL, ok);
}

json_t *ask_statistics_parts_json(const struct ask_reading *reading, bool *ok)
{
    const struct ask_statistics *s = &reading->question.statistics;
    json_t *json = json_object(), *variables = json_array();
    json_put_text(json, "family", family_texts[s->family], ok);
    put_one(s, json, "outcome", ASK_PART_OUTCOME, ok);
    put_part(s, json, "groups", ASK_PART_GROUP, ok);
    if (s->family == ASK_PAIRED)
        put_part(s, json, "moments", ASK_PART_MOMENT, ok);
    if (first_of(s, ASK_PART_STRATUM) != NULL)
        put_one(s, json, "stratum", ASK_PART_STRATUM, ok);
    put_one(s, json, "time", ASK_PART_TIME, ok);
    put_one(s, json, "event", ASK_PART_EVENT, ok);
    put_part(s, json, "covariates", ASK_PART_COVARIATE, ok);
    for (size_t i = 0; i < s->count; i++) {
        const struct ask_variable *v = &s->variables[i];
        json_t *one = json_object();
        json_put_text(one, "column", v->name, ok);
        json_put_text(one, "label", v->label, ok);
        json_put_text(one, "kind",
                      v->ordinal ? "ordinal" : v->category ? "category" : "number", ok);
        json_push(variables, one, ok);
    }
    json_put(json, "variables", variables, ok);
    json_put_text(json, "unit", s->has_unit ? ask_entity_one(s->unit) : "row", ok);
    json_put_flag(json, "first_of_each", s->one_each, ok);
    json_put_flag(json, "medians", s->ranks, ok);
    json_put_flag(json, "p_values", s->with_p, ok);
    json_put_flag(json, "named", s->covariates_said, ok);
    json_put_flag(json, "mortality", s->mortality, ok);
    if (s->at_time) {
        json_put_real(json, "at", s->at, ok);
        json_put_text(json, "at_unit", ask_unit_text(s->at_unit), ok);
    }
    return json;
}

static void follow(json_t *list, bool *ok, const char *before, const struct ask_variable *v,
                   const char *after)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (v == NULL)
        return;
    buf_printf(&text, "%s%s%s", before, v->label, after);
    json_push_str(list, buf_view(&text), ok);
}

json_t *ask_statistics_follow_ups(const struct ask_reading *reading, bool *ok)
{
    const struct ask_statistics *s = &reading->question.statistics;
    const struct ask_variable *outcome = first_of(s, ASK_PART_OUTCOME),
                              *group = first_of(s, ASK_PART_GROUP);
    json_t *list = json_array();
    switch (s->family) {
    case ASK_NUMBER_BY_GROUP:
        follow(list, ok, "is ", outcome, " normally distributed");
        follow(list, ok, "table 1 by ", group, "");
        break;
    case ASK_CATEGORY_BY_GROUP:
        follow(list, ok, "table 1 by ", group, "");
        follow(list, ok, "predictors of ", outcome, "");
        break;
    case ASK_CURVES:
        follow(list, ok, "effect of ", group, " on survival adjusted for age");
        if (group == NULL)
            json_push_text(list, "what predicts death", ok);
        follow(list, ok, "table 1 by ", group, " with p values");
        break;
    case ASK_CORRELATION:
        follow(list, ok, "is ", outcome, " normally distributed");
        break;
    case ASK_COX:
        json_push_text(list, "median survival", ok);
        break;
    case ASK_TABLE1:
        if (!s->with_p)
            follow(list, ok, "table 1 by ", group, " with p values");
        break;
    case ASK_LINEAR:
    case ASK_LOGISTIC:
        follow(list, ok, "describe ", outcome, "");
        break;
    case ASK_NORMAL:
        follow(list, ok, "describe ", outcome, "");
        break;
    case ASK_PAIRED:
    case ASK_STRATIFIED:
    case ASK_NO_FAMILY:
    case ASK_FAMILIES:
        break;
    }
    return list;
}
