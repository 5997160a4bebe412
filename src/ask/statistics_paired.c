/* Two or more measurements of the same patients: which columns, or which rows of a measure, each
 * moment means. Every moment becomes a variable of its own; only patients who have them all count.
 *
 *     columns   sbp_pre · sbp_post              the series' columns that the moments name
 *               ph.karno · pat.karno            two columns that were named
 *     rows      bili of pbcseq, by day          each patient's first value; the last that is later;
 *                                               of visit 3; nearest to 365 days after the first */
#include "ask/grammar_priv.h"

#include <math.h>
#include <string.h>

struct measure {                /* rows of which each patient has several */
    size_t table, source_event; /* the event whose conditions say which rows, or ASK_NONE */
    struct ask_attr value, time;
    double day_length; /* of a numeric time; 0: a date */
    const char *label;
    bool category, ordinal, timed;
};

/* ---- which moment is which ---------------------------------------------------------------- */

static const char *moment_text(const struct ask_parse *p, const struct ask_moment *moment)
{
    static const char *const ends[] = {[ASK_MOMENT_FIRST] = "first", [ASK_MOMENT_LAST] = "last"};
    static const char *const units[] = {
        [ASK_EVERY_NOTHING] = "moment", [ASK_EVERY_VISIT] = "visit", [ASK_EVERY_DAY] = "day",
        [ASK_EVERY_WEEK] = "week",      [ASK_EVERY_MONTH] = "month", [ASK_EVERY_YEAR] = "year"};
    bool baseline = moment->kind == ASK_MOMENT_FIRST && moment->to > moment->from &&
                    strcmp(p->reading->tokens[moment->from].lower, "baseline") == 0;
    return baseline ? "baseline"
           : moment->kind == ASK_MOMENT_AT
               ? arena_printf(p->reading->arena, "%s %g", units[moment->unit], moment->number)
               : ends[moment->kind];
}

/* First before last, numbers ascending; what is the earlier is taken from what is the later. */
static void sort_moments(struct ask_moments *m)
{
    for (size_t i = 1; i < m->count; i++)
        for (size_t k = i; k > 0; k--) {
            struct ask_moment *a = &m->list[k - 1], *b = &m->list[k], kept = *a;
            if (a->kind < b->kind || (a->kind == b->kind && a->number <= b->number))
                break;
            *a = *b;
            *b = kept;
        }
}

static struct ask_variable *add_variable(struct ask_parse *p, const struct ask_attr *attr)
{
    struct ask_statistics *s = &p->q->statistics;
    if (s->count == ASK_VARIABLES)
        return NULL;
    struct ask_variable *v = &s->variables[s->count++];
    *v = (struct ask_variable){
        .part = ASK_PART_MOMENT, .attr = *attr, .item = ASK_NONE, .event = ASK_NONE};
    return v;
}

/* ---- columns ------------------------------------------------------------------------------ */

static bool is_at(const struct ask_series *series, size_t i, const struct ask_moment *moment)
{
    const struct ask_moment *at = &series->moments[i];
    if (moment->kind == ASK_MOMENT_FIRST)
        return i == 0;
    if (moment->kind == ASK_MOMENT_LAST)
        return i + 1 == series->count;
    return at->kind == ASK_MOMENT_AT && fabs(at->number - moment->number) < 1e-9 &&
           (at->unit == moment->unit || at->unit == ASK_EVERY_NOTHING);
}

static void settle_series(struct ask_parse *p, const struct ask_series *series)
{
    const struct ask_moments *m = &p->reading->moments;
    size_t wanted = m->on && m->count > 0 ? m->count : series->count;
    p->q->statistics.count = 0;
    for (size_t k = 0; k < wanted; k++) {
        size_t at = k;
        for (at = m->count > 0 ? 0 : k; m->count > 0 && at < series->count; at++)
            if (is_at(series, at, &m->list[k]))
                break;
        if (at == series->count) {
            ask_parse_lacks(p, "a column for '%s' beside %s",
                            ask_phrase(p->reading, m->list[k].from, m->list[k].to),
                            p->catalogue->tables[series->table].columns[series->columns[0]].name);
            return;
        }
        struct ask_attr attr = {.table = series->table, .column = series->columns[at]};
        (void)add_variable(p, &attr);
    }
}

/* Columns called by nothing but a moment: pre, post. */
static bool bare_series(const struct ask_parse *p, struct ask_series *ret)
{
    const struct ask_catalogue *c = p->catalogue;
    for (size_t t = 0; t < c->table_count; t++)
        for (size_t i = 0; i < c->tables[t].column_count && !c->tables[t].hidden; i++)
            if (ask_series_of(c, t, i, ret) && ret->base.count == 0)
                return true;
    return false;
}

/* Two columns of one table; of one series: in its order. */
static bool two_columns(const struct ask_parse *p, struct ask_series *ret_series, bool *ret_same)
{
    const struct ask_statistics *s = &p->q->statistics;
    const struct ask_attr *a = &s->variables[0].attr, *b = &s->variables[1].attr;
    *ret_same = false;
    if (s->count != 2 || s->variables[0].from != ASK_FROM_COLUMN ||
        s->variables[1].from != ASK_FROM_COLUMN || a->derived != ASK_PLAIN ||
        b->derived != ASK_PLAIN || s->variables[0].death || s->variables[1].death ||
        a->table != b->table || a->path.count > 0 || b->path.count > 0)
        return false;
    if (ask_series_of(p->catalogue, a->table, a->column, ret_series))
        for (size_t i = 0; i < ret_series->count; i++)
            *ret_same =
                *ret_same || (ret_series->columns[i] == b->column && a->column != b->column);
    return true;
}

/* ---- rows --------------------------------------------------------------------------------- */

/* When its rows were: a date, the number of a day or visit, or the admission's date. */
static void find_time(const struct ask_parse *p, struct measure *m)
{
    static const struct {
        const char *word;
        double days;
    } lengths[] = {{"day", 1}, {"week", 7}, {"month", 30.4375}};
    const struct ask_table *table = &p->catalogue->tables[m->table];
    bool by_visit = false;
    int order = table->time < 0 ? ask_order_column(table) : -1;
    m->timed = true;
    if (order >= 0) {
        m->time = (struct ask_attr){.table = m->table, .column = (size_t)order};
        m->day_length = NAN;
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            if (ask_words_have(&table->columns[order].words, lengths[i].word))
                m->day_length = lengths[i].days;
    } else if (!ask_time_of(p->catalogue, m->table, &m->time, &by_visit)) {
        m->timed = false;
    }
}

/* The column of the table that counts what the moment counts: visit 3. */
static bool numbered_column(const struct ask_parse *p, const struct measure *m,
                            enum ask_moment_unit unit, size_t *ret)
{
    static const char *const words[] = {
        [ASK_EVERY_NOTHING] = "",  [ASK_EVERY_VISIT] = "visit", [ASK_EVERY_DAY] = "",
        [ASK_EVERY_WEEK] = "week", [ASK_EVERY_MONTH] = "month", [ASK_EVERY_YEAR] = ""};
    const struct ask_table *table = &p->catalogue->tables[m->table];
    for (size_t i = 0; words[unit][0] != '\0' && i < table->column_count; i++)
        if (ask_words_have(&table->columns[i].words, words[unit]) &&
            data_type_is_numeric(table->columns[i].type) && table->columns[i].distinct <= 100) {
            *ret = i;
            return true;
        }
    return false;
}

/* The table's value that the moment's words are: VISIT = 'WEEK 24'. */
static bool valued(struct ask_parse *p, size_t event, const struct measure *m,
                   const struct ask_moment *moment)
{
    struct ask_item item = {.from = moment->from, .to = moment->to};
    const char *texts[] = {ask_phrase(p->reading, moment->from, moment->to),
                           moment->kind == ASK_MOMENT_AT /* a number alone is no visit */
                               ? moment_text(p, moment)
                               : ask_phrase(p->reading, moment->from, moment->from + 1)};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ask_attr attr;
        if (texts[i] == NULL ||
            !ask_parse_value_called(p->reading, m->table, ASK_NONE, str_of(texts[i]), &item))
            continue;
        size_t source = item.matches[0].source;
        ask_source_attr(p->catalogue, &p->catalogue->sources[source], &attr);
        ask_parse_values(p, ask_parse_predicate(p, event, &attr), source, &item);
        return true;
    }
    return false;
}

/* "before" and "after" alone: of what is not said. */
static bool is_open(const struct ask_parse *p, const struct ask_moment *moment)
{
    static const char *const words[] = {"pre",          "before",       "preop",  "preoperative",
                                        "post",         "after",        "postop", "postoperative",
                                        "pretreatment", "posttreatment"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (moment->to > moment->from &&
            strcmp(p->reading->tokens[moment->from].lower, words[i]) == 0)
            return true;
    return false;
}

/* Which of the rows: by a column, else by time. False: it can't be told. */
static bool place(struct ask_parse *p, size_t at, const struct measure *m,
                  const struct ask_moment *moment)
{
    struct ask_event *event = &p->q->events[at];
    size_t column = 0;
    if (moment->to > moment->from && valued(p, at, m, moment))
        return true;
    if (moment->kind == ASK_MOMENT_AT && numbered_column(p, m, moment->unit, &column)) {
        struct ask_attr attr = {.table = m->table, .column = column};
        struct ask_predicate *predicate = ask_parse_predicate(p, at, &attr);
        predicate->is_number = true;
        predicate->op = ASK_EQ;
        predicate->low = predicate->high = moment->number;
        return true;
    }
    double days = ask_moment_days(moment);
    bool end = moment->kind != ASK_MOMENT_AT && !is_open(p, moment);
    if (!m->timed || !(end || (days > 0 && !isnan(m->day_length))))
        return false;
    event->moment = event->has_time = true;
    event->time = m->time;
    event->day_length = m->day_length;
    event->pick = moment->kind == ASK_MOMENT_FIRST ? ASK_FIRST : ASK_ALL;
    event->later = moment->kind == ASK_MOMENT_LAST;
    event->after = end ? 0 : days;
    return true;
}

static void add_moment(struct ask_parse *p, const struct measure *m,
                       const struct ask_moment *moment)
{
    size_t at = ask_parse_variable_event(p, m->table);
    struct ask_variable *v = at != ASK_NONE ? add_variable(p, &m->value) : NULL;
    if (v == NULL)
        return;
    if (m->source_event != ASK_NONE) {
        const struct ask_event *source = &p->q->events[m->source_event];
        memcpy(p->q->events[at].predicates, source->predicates, sizeof source->predicates);
        p->q->events[at].predicate_count = source->predicate_count;
    }
    struct ask_predicate *known = ask_parse_predicate(p, at, &m->value);
    known->null = known->negated = true;
    v->from = ASK_FROM_MEAN;
    v->event = at;
    v->moment = moment_text(p, moment);
    v->label = moment->kind == ASK_MOMENT_AT
                   ? arena_printf(p->reading->arena, "%s at %s", m->label, v->moment)
                   : arena_printf(p->reading->arena, "%s %s", v->moment, m->label);
    v->category = v->two_levels = m->category;
    v->ordinal = m->ordinal;
    if (!place(p, at, m, moment))
        ask_parse_lacks(p,
                        "what is '%s' for the rows of %s: a visit, week or period that is called "
                        "so, or times from which it can be counted ('first and last' need "
                        "times alone)",
                        moment->to > moment->from ? ask_phrase(p->reading, moment->from, moment->to)
                                                  : v->moment,
                        p->catalogue->tables[m->table].name);
}

/* A measure of repeated rows; false: it has one value for each patient, or none that is a number.
 */
static bool measure_of(struct ask_parse *p, const struct ask_variable *v, struct measure *ret)
{
    const struct ask_catalogue *c = p->catalogue;
    const struct ask_entity *patient = &c->entities[ASK_PATIENT];
    *ret = (struct measure){.value = v->attr, .source_event = v->event};
    ret->table = v->from == ASK_FROM_MEAN ? p->q->events[v->event].table : v->attr.table;
    if (v->from == ASK_FROM_HAS || v->attr.derived != ASK_PLAIN || v->attr.path.count > 0 ||
        v->attr.table == ASK_NONE || !patient->known || !c->tables[ret->table].reaches[ASK_PATIENT])
        return false;
    bool unique = ret->table == patient->table && patient->unique;
    const struct ask_column *column = ask_attr_column(c, &v->attr);
    if (unique || !data_type_is_numeric(column->type))
        return false;
    ret->label =
        v->from == ASK_FROM_MEAN && v->item != ASK_NONE
            ? ask_phrase(p->reading, p->reading->items[v->item].from, p->reading->items[v->item].to)
            : column->name;
    ret->category = v->two_levels;
    ret->ordinal = v->ordinal;
    find_time(p, ret);
    return true;
}

static void settle_rows(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    struct ask_variable v = s->variables[0];
    struct measure m;
    const struct ask_moments *moments = &p->reading->moments;
    if (!moments->on) {
        ask_parse_lacks(p,
                        "which measurements make a pair: 'first and last', 'at visit 1 and visit "
                        "3', 'from baseline to month 12'");
        return;
    }
    static const struct ask_moments ends = {
        .list = {{.kind = ASK_MOMENT_FIRST}, {.kind = ASK_MOMENT_LAST}}, .count = 2};
    if (!measure_of(p, &v, &m)) {
        ask_parse_lacks(p,
                        "several measurements of each patient: columns such as x_pre and x_post, "
                        "or rows of a number by visit or time");
        return;
    }
    if (moments->count == 0)
        moments = &ends;
    if (m.source_event != ASK_NONE)
        p->q->events[m.source_event].variable = true;
    s->count = 0;
    for (size_t i = 0; i < moments->count && json_array_size(p->reading->missing) == 0; i++)
        add_moment(p, &m, &moments->list[i]);
}

/* ---- the door ----------------------------------------------------------------------------- */

bool ask_parse_is_paired(const struct ask_parse *p)
{
    const struct ask_statistics *s = &p->q->statistics;
    struct ask_series series;
    bool same = false;
    if (s->paired)
        return true;
    return !s->correlates && !s->predicts && !s->adjusted && two_columns(p, &series, &same) && same;
}

void ask_parse_settle_paired(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    struct ask_series series;
    bool same = false;
    sort_moments(&p->reading->moments);
    s->paired = true;
    bool named = two_columns(p, &series, &same) && /* both, and no group */
                 (same || (!p->reading->moments.on && s->variables[1].part != ASK_PART_GROUP));
    if (named) {
        bool swap = false;
        for (size_t i = 0; same && i < series.count; i++) {
            if (series.columns[i] == s->variables[0].attr.column)
                break;
            swap = swap || series.columns[i] == s->variables[1].attr.column;
        }
        struct ask_attr first = s->variables[swap ? 1 : 0].attr,
                        second = s->variables[swap ? 0 : 1].attr;
        s->count = 0;
        (void)add_variable(p, &first);
        (void)add_variable(p, &second);
    } else if (s->count == 0 && bare_series(p, &series)) {
        settle_series(p, &series);
    } else if (s->count == 1 && s->variables[0].series &&
               ask_series_of(p->catalogue, s->variables[0].attr.table, s->variables[0].attr.column,
                             &series)) {
        settle_series(p, &series);
    } else if (s->count == 1) {
        settle_rows(p);
    } else {
        ask_parse_lacks(p, s->count == 0
                               ? "what was measured before and after"
                               : "one measure at a time, over its moments: restrict the patients "
                                 "('in women') to see a group");
    }
}
