/* Statistical questions: what the words left open. The time to an event is found by the names of
 * its columns, free nouns get their parts, the parts decide the family of the analysis, predictors
 * that were not named are taken from the unit's table, and the unit's rows are chosen: one for
 * each patient, never repeated rows as if they were independent.
 *
 *     outcome, group, covariates ──▶ family ──▶ base table, n:1 from it ──▶ events[0], names */
#include "ask/grammar_priv.h"

#include <string.h>

/* ---- columns by name
 * ------------------------------------------------------------------------------------ */

/* The column whose name is all of the words and no other; names in order of preference. */
static int column_called(const struct ask_table *table, const char *const *names, bool numeric)
{
    for (; *names != NULL; names++) {
        struct ask_words words;
        ask_name_words(*names, &words);
        for (size_t i = 0; i < table->column_count; i++) {
            const struct ask_column *column = &table->columns[i];
            bool same = column->words.count == words.count &&
                        column->role != PROFILE_IDENTIFIER && column->role != PROFILE_CONSTANT &&
                        (!numeric || data_type_is_numeric(column->type));
            for (size_t w = 0; same && w < words.count; w++)
                same = ask_words_have(&column->words, words.text[w]);
            if (same)
                return (int)i;
        }
    }
    return -1;
}

static const char *const time_names[] = {
    "follow up time", "survival time",   "time to event", "time to death",  "os time",
    "os months",      "os days",         "os",            "time",           "days",
    "followup",       "follow up",       "followup time", "survival months", "survival days",
    "survival years", "follow up days",  "follow up months", "days to event", "tte",
    "months",         "duration",        NULL};
static const char *const event_names[] = {"status",       "vital status", "survival status",
                                          "os status",    "os event",     "event",
                                          "death",        "dead",         "died",
                                          "death event",  "deceased",     "fstat",
                                          "event status", NULL};
static const char *const order_names[] = {"day",   "visit",    "visit number", "visitnum", "week",
                                          "month", "sequence", "seq",          NULL};

/* A table's columns of time and event, or false. */
static bool follow_up_in(const struct ask_catalogue *c, size_t t, struct ask_attr *ret_time,
                         struct ask_attr *ret_event)
{
    const struct ask_table *table = &c->tables[t];
    int time = column_called(table, time_names, true),
        event = column_called(table, event_names, false);
    if (time < 0 || event < 0 || table->columns[event].distinct > 6 ||
        data_type_is_temporal(table->columns[event].type))
        return false;
    *ret_time = (struct ask_attr){.table = t, .column = (size_t)time};
    *ret_event = (struct ask_attr){.table = t, .column = (size_t)event};
    return true;
}

bool ask_parse_follow_up(const struct ask_parse *p, struct ask_attr *ret_time,
                           struct ask_attr *ret_event)
{
    const struct ask_entity *patient = &p->catalogue->entities[ASK_PATIENT];
    if (patient->known && follow_up_in(p->catalogue, patient->table, ret_time, ret_event))
        return true;
    for (size_t t = 0; t < p->catalogue->table_count; t++)
        if (!p->catalogue->tables[t].hidden && !p->catalogue->tables[t].reference &&
            (!patient->known || p->catalogue->tables[t].reaches[ASK_PATIENT]) &&
            follow_up_in(p->catalogue, t, ret_time, ret_event))
            return true;
    return false;
}

/* ---- variables
 * --------------------------------------------------------------------------------------- */

static struct ask_variable *variable_of(struct ask_statistics *s, enum ask_part part)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->variables[i].part == part)
            return &s->variables[i];
    return NULL;
}

static size_t count_of(const struct ask_statistics *s, enum ask_part part)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += s->variables[i].part == part ? 1 : 0;
    return count;
}

static bool same_attr(const struct ask_attr *a, const struct ask_attr *b)
{
    return ask_attr_table(a) == ask_attr_table(b) && a->column == b->column &&
           a->derived == b->derived;
}

/* Death without a time to it: a flag or a date. */
static void settle_death(struct ask_parse *p, bool timed)
{
    struct ask_statistics *s = &p->q->statistics;
    bool flag = false;
    for (size_t i = 0; i < s->count; i++) {
        struct ask_variable *v = &s->variables[i];
        if (!v->death)
            continue;
        if (ask_parse_derived_attr(p, ASK_DEATH, &v->attr, &flag))
            continue;
        if (!timed && !ask_parse_follow_up(p, &v->attr, &v->attr))
            ask_parse_lacks(p, "a date or flag of death");
    }
}

/* ---- parts of free nouns
 * ----------------------------------------------------------------------------- */

static void remove_variable(struct ask_statistics *s, struct ask_variable *v)
{
    size_t at = (size_t)(v - s->variables);
    memmove(v, v + 1, (s->count - at - 1) * sizeof *v);
    s->count--;
}

static void place_two(struct ask_statistics *s, struct ask_variable *a, struct ask_variable *b)
{
    bool swap = !s->survival_said && (b->death || (!b->category && a->category && !a->death));
    a->part = swap ? ASK_PART_GROUP : ASK_PART_OUTCOME;
    b->part = swap ? ASK_PART_OUTCOME : ASK_PART_GROUP;
}

/* "are age, sex and bili associated with death": the side of one noun is the outcome. */
static void place_many(struct ask_statistics *s)
{
    size_t right = 0, left = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->variables[i].part == ASK_PART_FREE) {
            right += s->variables[i].right ? 1 : 0;
            left += s->variables[i].right ? 0 : 1;
        }
    bool outcome_right = right == 1;
    for (size_t i = 0; i < s->count; i++)
        if (s->variables[i].part == ASK_PART_FREE)
            s->variables[i].part =
                s->variables[i].right == outcome_right && (outcome_right ? right : left) == 1
                    ? ASK_PART_OUTCOME
                    : ASK_PART_COVARIATE;
    s->covariates_said = true;
}

static void settle_free(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    size_t count = count_of(s, ASK_PART_FREE);
    if (count == 0)
        return;
    if (s->correlates && count > 2) {
        ask_parse_lacks(p, "two columns to correlate, one pair at a time");
        return;
    }
    struct ask_variable *a = variable_of(s, ASK_PART_FREE);
    if (count > 2) {
        place_many(s);
        return;
    }
    if (count == 2) {
        struct ask_variable *b = a + 1;
        while (b->part != ASK_PART_FREE)
            b++;
        place_two(s, a, b);
        return;
    }
    bool group = s->survival_said ||
                 (variable_of(s, ASK_PART_OUTCOME) != NULL && variable_of(s, ASK_PART_GROUP) == NULL);
    a->part = group ? ASK_PART_GROUP : ASK_PART_OUTCOME;
}

/* ---- family
 * ---------------------------------------------------------------------------------------- */

/* Time and event take the outcome's place. */
static void use_follow_up(struct ask_statistics *s, const struct ask_attr *time,
                          const struct ask_attr *event)
{
    for (size_t i = s->count; i-- > 0;) {
        struct ask_variable *v = &s->variables[i];
        bool is_time = !v->death && v->from == ASK_FROM_COLUMN && same_attr(&v->attr, time);
        bool is_event = !v->death && v->from == ASK_FROM_COLUMN && same_attr(&v->attr, event);
        if ((v->part == ASK_PART_OUTCOME && (v->death || is_event)) || is_time || is_event)
            remove_variable(s, v);
    }
    if (s->count + 2 > ASK_VARIABLES)
        s->count = ASK_VARIABLES - 2;
    s->variables[s->count++] = (struct ask_variable){
        .part = ASK_PART_TIME, .attr = *time, .item = ASK_NONE, .event = ASK_NONE};
    s->variables[s->count++] = (struct ask_variable){
        .part = ASK_PART_EVENT, .attr = *event, .item = ASK_NONE, .event = ASK_NONE};
}

/* Time to an event out of two dates: from the first admission to death, or to the latest day of the
 * data. */
static bool follow_up_of_dates(struct ask_parse *p, struct ask_attr *ret_time,
                               struct ask_attr *ret_event)
{
    const struct ask_catalogue *c = p->catalogue;
    const struct ask_entity *patient = &c->entities[ASK_PATIENT],
                            *visit = &c->entities[ASK_ADMISSION];
    int64_t last = p->reading->index->latest_day;
    if (!patient->known || !visit->known || visit->table == patient->table ||
        c->tables[patient->table].death < 0 || c->tables[visit->table].time < 0 ||
        !c->tables[visit->table].reaches[ASK_PATIENT] || last == INT64_MIN)
        return false;
    *ret_time = (struct ask_attr){.table = visit->table,
                                  .column = (size_t)c->tables[visit->table].time,
                                  .derived = ASK_FOLLOW_UP,
                                  .day = last};
    *ret_event = (struct ask_attr){.table = patient->table,
                                   .column = (size_t)c->tables[patient->table].death,
                                   .derived = ASK_DEATH};
    p->q->statistics.from_dates = true;
    p->q->statistics.last_day = last;
    return true;
}

/* Is the outcome a time to an event? */
static bool settle_time_to_event(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    struct ask_variable *outcome = variable_of(s, ASK_PART_OUTCOME);
    struct ask_attr time, event;
    bool columns = ask_parse_follow_up(p, &time, &event), death = false, status = false;
    bool found = columns || follow_up_of_dates(p, &time, &event);
    if (outcome != NULL) {
        death = outcome->death;
        status = columns && !death && outcome->from == ASK_FROM_COLUMN &&
                 same_attr(&outcome->attr, &event);
    }
    bool wanted =
        s->survival_said || s->at_time || ((death || status) && !s->odds && found);
    s->from_dates = s->from_dates && wanted && !s->table_one;
    if (!wanted || s->table_one)
        return false;
    if (!found) {
        ask_parse_lacks(p, "a time to an event: columns such as time and status (1 = the event)");
        return false;
    }
    if (outcome != NULL && !death && !status) {
        if (variable_of(s, ASK_PART_GROUP) == NULL)
            outcome->part = ASK_PART_GROUP;
        else
            ask_parse_lacks(p, "one outcome: survival and another are asked for");
    }
    use_follow_up(s, &time, &event);
    return true;
}

static enum ask_family two_sided(struct ask_parse *p, struct ask_statistics *s)
{
    struct ask_variable *outcome = variable_of(s, ASK_PART_OUTCOME),
                        *group = variable_of(s, ASK_PART_GROUP);
    if (outcome == NULL) {
        ask_parse_lacks(p, "what is to be compared: a column of numbers or categories");
        return ASK_NO_FAMILY;
    }
    if (group == NULL) {
        ask_parse_lacks(p, "what it is to be compared by: 'by COLUMN', 'between A and B'");
        return ASK_NO_FAMILY;
    }
    if (!outcome->category && !group->category && !s->correlates)
        ask_allow_group(p, group);
    if (outcome->category && !group->category) { /* the number is what is compared */
        outcome->part = ASK_PART_GROUP;
        group->part = ASK_PART_OUTCOME;
        struct ask_variable *kept = outcome;
        outcome = group;
        group = kept;
    }
    if (!group->category || (outcome->ordinal && group->ordinal))
        return ASK_CORRELATION;
    if (outcome->ordinal && s->compares) {
        outcome->category = false;
        return ASK_NUMBER_BY_GROUP;
    }
    return outcome->category ? ASK_CATEGORY_BY_GROUP : ASK_NUMBER_BY_GROUP;
}

static void groups_predict(struct ask_statistics *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->variables[i].part == ASK_PART_GROUP) {
            s->variables[i].part = ASK_PART_COVARIATE;
            s->covariates_said = true;
        }
}

static enum ask_family model_family(struct ask_parse *p, struct ask_statistics *s)
{
    struct ask_variable *outcome = variable_of(s, ASK_PART_OUTCOME);
    groups_predict(s);
    if (outcome == NULL) {
        ask_parse_lacks(p, "an outcome: 'predictors of COLUMN'");
        return ASK_NO_FAMILY;
    }
    return outcome->category && !outcome->ordinal ? ASK_LOGISTIC : ASK_LINEAR;
}

/* Without a time strata are for the odds of two values in two groups. */
static enum ask_family stratified(struct ask_parse *p, struct ask_statistics *s)
{
    const struct ask_variable *outcome = variable_of(s, ASK_PART_OUTCOME),
                              *group = variable_of(s, ASK_PART_GROUP);
    if (outcome != NULL && group != NULL && outcome->two_levels && group->two_levels &&
        count_of(s, ASK_PART_COVARIATE) == 0)
        return ASK_STRATIFIED;
    ask_parse_lacks(p, "an outcome of two values in two groups, or survival: strata are for these; "
                       "else ask for it 'adjusted for' the column");
    return ASK_NO_FAMILY;
}

/* "compare age and chol by sex": one table of their tests, p-values adjusted for their number. */
static enum ask_family several_outcomes(struct ask_statistics *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->variables[i].part == ASK_PART_OUTCOME)
            s->variables[i].part = ASK_PART_COVARIATE;
    s->several = s->with_p = s->covariates_said = true;
    return ASK_TABLE1;
}

static enum ask_family family_of(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    bool timed = settle_time_to_event(p);
    settle_death(p, timed);
    if (json_array_size(p->reading->missing) > 0)
        return ASK_NO_FAMILY;
    bool model = s->predicts || s->adjusted || s->odds || count_of(s, ASK_PART_COVARIATE) > 0;
    if (!timed && count_of(s, ASK_PART_STRATUM) > 0)
        return stratified(p, s);
    if (s->table_one)
        return ASK_TABLE1;
    if (s->normality)
        return ASK_NORMAL;
    if (timed) {
        struct ask_variable *group = variable_of(s, ASK_PART_GROUP),
                            *stratum = variable_of(s, ASK_PART_STRATUM);
        if (group == NULL && stratum != NULL && !model) { /* nothing else is compared */
            stratum->part = ASK_PART_GROUP;
            group = stratum;
        }
        ask_allow_group(p, group);
        if (!model && (group == NULL || group->category))
            return ASK_CURVES;
        groups_predict(s);
        return ASK_COX;
    }
    if (!model && count_of(s, ASK_PART_OUTCOME) > 1 && count_of(s, ASK_PART_GROUP) == 1)
        return several_outcomes(s);
    return model ? model_family(p, s) : two_sided(p, s);
}

/* ---- the unit
 * -------------------------------------------------------------------------------------- */

/* Does every variable have one value for each row of the table? */
static bool fits(const struct ask_parse *p, size_t base)
{
    const struct ask_statistics *s = &p->q->statistics;
    const struct ask_table *table = &p->catalogue->tables[base];
    for (size_t i = 0; i < s->count; i++) {
        const struct ask_variable *v = &s->variables[i];
        struct ask_path path;
        if (v->from != ASK_FROM_COLUMN) {
            if (!table->reaches[ASK_PATIENT] ||
                !p->catalogue->tables[p->q->events[v->event].table].reaches[ASK_PATIENT])
                return false;
        } else if (!ask_path_find(p->catalogue, base, v->attr.table, &path) ||
                   path.count + v->attr.path.count > ASK_STEPS) {
            return false;
        }
    }
    return true;
}

static bool is_model(const struct ask_statistics *s)
{
    return s->family == ASK_COX || s->family == ASK_LOGISTIC || s->family == ASK_LINEAR;
}

/* Are the predictors, or what a table describes, left to be found? */
static bool needs_candidates(const struct ask_statistics *s)
{
    return (is_model(s) || s->family == ASK_TABLE1) && !s->covariates_said;
}

static size_t choose_base(const struct ask_parse *p)
{
    const struct ask_catalogue *c = p->catalogue;
    const struct ask_statistics *s = &p->q->statistics;
    enum ask_entity_kind grain = ASK_ENTITIES;
    for (size_t e = 0; e < ASK_ENTITIES && p->reading->options.grain != NULL; e++)
        if (strncmp(p->reading->options.grain, ask_entity_one((enum ask_entity_kind)e), 4) == 0 ||
            (e == ASK_STAY && strcmp(p->reading->options.grain, "stay") == 0))
            grain = (enum ask_entity_kind)e;
    if (grain != ASK_ENTITIES && c->entities[grain].known && fits(p, c->entities[grain].table))
        return c->entities[grain].table;
    const struct ask_entity *visit = &c->entities[ASK_ADMISSION];
    if (needs_candidates(s) && visit->known && c->entities[ASK_PATIENT].known &&
        visit->table != c->entities[ASK_PATIENT].table && c->tables[visit->table].time >= 0 &&
        fits(p, visit->table))
        return visit->table; /* who they were when they came: the first admission */
    for (size_t e = 0; e < ASK_ENTITIES; e++)
        if (c->entities[e].known && fits(p, c->entities[e].table))
            return c->entities[e].table;
    for (size_t i = 0; i < s->count; i++)
        if (s->variables[i].from == ASK_FROM_COLUMN && fits(p, s->variables[i].attr.table))
            return s->variables[i].attr.table;
    return s->count == 0 && c->table_count == 1 ? 0 : ASK_NONE;
}

int ask_order_column(const struct ask_table *table)
{
    return column_called(table, order_names, true);
}

/* Repeated rows of one patient: by what is the first one known? */
static void settle_first(struct ask_parse *p, size_t base)
{
    struct ask_statistics *s = &p->q->statistics;
    const struct ask_table *table = &p->catalogue->tables[base];
    const struct profile_key *key = &p->catalogue->profile->tables[base].primary_key;
    s->one_each = true;
    s->order_column = table->time < 0 ? ask_order_column(table) : -1;
    if (table->time >= 0 || s->order_column >= 0)
        return;
    if (variable_of(s, ASK_PART_TIME) != NULL) {
        bool chosen = false; /* a condition on the table's own rows */
        for (size_t i = 1; i < p->q->event_count; i++)
            chosen = chosen || (p->q->events[i].table == base && !p->q->events[i].variable);
        bool ok = true;
        for (size_t k = 0; !chosen && k < table->column_count; k++)
            if (table->columns[k].distinct >= 2 && table->columns[k].distinct <= 4 &&
                strstr(table->columns[k].name, "type") != NULL)
                for (int level = 1; level <= (int)table->columns[k].distinct; level++) {
                    AUTO(buf_done) struct buf text = BUF_INIT;
                    buf_printf(&text, "%s with %s %d",
                               ask_phrase(p->reading, 0, p->reading->token_count),
                               table->columns[k].name, level);
                    json_push_str(p->reading->choices, buf_view(&text), &ok);
                }
        if (!chosen) {
            ask_note(p->reading, p->reading->why,
                     "%s has several rows of each patient: say which are meant", table->name);
            p->reading->question.statistics.ask_back = true;
        }
        p->reading->failed = p->reading->failed || !ok;
    }
    if (key->count == 0)
        ask_parse_lacks(p, "one row of each patient: %s has several and no time to order them by",
                        table->name);
}

static void settle_unit(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    const struct ask_entity *patient = &p->catalogue->entities[ASK_PATIENT];
    size_t base = choose_base(p);
    if (base == ASK_NONE) {
        ask_parse_lacks(p, "a table of patients or admissions from which all columns have one value "
                           "each");
        return;
    }
    p->q->events[0].table = base;
    s->has_unit = patient->known && p->catalogue->tables[base].reaches[ASK_PATIENT] &&
                  (patient->key >= 0 || patient->table == base);
    s->unit = ASK_PATIENT;
    bool unique = base == patient->table && patient->unique;
    if (!s->has_unit || unique)
        return;
    const struct ask_entity *visit = &p->catalogue->entities[ASK_ADMISSION];
    const char *grain = p->reading->options.grain;
    if (grain != NULL && strcmp(grain, "admission") == 0 && visit->known && visit->table == base) {
        s->repeated = true;
        s->unit = ASK_ADMISSION;
        return;
    }
    settle_first(p, base);
}

/* ---- what was not named
 * ------------------------------------------------------------------------------ */

static bool is_candidate(const struct ask_table *table, const struct ask_column *column)
{
    bool number = data_type_is_numeric(column->type) &&
                  (column->role == PROFILE_MEASURE || column->role == PROFILE_CATEGORY);
    bool category = (column->role == PROFILE_CATEGORY || column->type.kind == DATA_BOOLEAN) &&
                    !data_type_is_temporal(column->type) && column->distinct <= 12;
    bool row_number = ask_words_have(&column->words, "rownames");
    return (number || category) && column->distinct >= 2 && !row_number &&
           (table->rows == 0 || column->nulls * 2 <= table->rows);
}

static void add_variable(struct ask_parse *p, const struct ask_attr *attr)
{
    struct ask_statistics *s = &p->q->statistics;
    if (s->count == ASK_VARIABLES)
        return;
    s->variables[s->count] = (struct ask_variable){
        .part = ASK_PART_COVARIATE, .attr = *attr, .item = ASK_NONE, .event = ASK_NONE};
    ask_settle_kind(p, &s->variables[s->count++]);
}

/* Age and, in a table of who they were, length of stay, where they are made of two dates. */
static void add_derived(struct ask_parse *p, size_t base)
{
    static const enum ask_derived derived[] = {ASK_AGE, ASK_LENGTH_OF_STAY};
    struct ask_statistics *s = &p->q->statistics;
    for (size_t i = 0; i < (s->family == ASK_TABLE1 ? 2 : 1); i++) {
        struct ask_attr attr;
        bool flag = false, taken = false;
        if (!ask_parse_derived_attr(p, derived[i], &attr, &flag) || attr.derived == ASK_PLAIN ||
            attr.table != base)
            continue;
        for (size_t k = 0; k < s->count; k++)
            taken = taken || (s->variables[k].from == ASK_FROM_COLUMN &&
                              same_attr(&s->variables[k].attr, &attr));
        if (!taken)
            add_variable(p, &attr);
    }
}

static void add_candidates(struct ask_parse *p, size_t from)
{
    struct ask_attr time, event;
    bool followed = ask_parse_follow_up(p, &time, &event);
    struct ask_statistics *s = &p->q->statistics;
    const struct ask_table *table = &p->catalogue->tables[from];
    const struct ask_entity *patient = &p->catalogue->entities[ASK_PATIENT];
    for (size_t i = 0; i < table->column_count; i++) {
        struct ask_attr attr = {.table = from, .column = i};
        bool taken = !is_candidate(table, &table->columns[i]) ||
                     (patient->known && from == patient->table && (int)i == patient->key) ||
                     (int)i == table->death_flag || (int)i == s->order_column;
        taken = taken || (is_model(s) && ask_column_is_later(&table->columns[i])) ||
                (followed && (same_attr(&attr, &time) || same_attr(&attr, &event)));
        for (size_t k = 0; !taken && k < s->count; k++)
            taken = s->variables[k].from == ASK_FROM_COLUMN &&
                    same_attr(&s->variables[k].attr, &attr);
        if (!taken)
            add_variable(p, &attr);
    }
}

static void offer_candidates(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    const struct ask_variable *v = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    size_t named = 0;
    bool ok = true;
    buf_printf(&text, "%s: ", ask_phrase(p->reading, 0, p->reading->token_count));
    for (size_t i = 0; i < s->count && named < 4; i++) {
        v = &s->variables[i];
        if (v->part == ASK_PART_COVARIATE)
            buf_printf(&text, "%s%s", named++ > 0 ? ", " : "",
                       ask_attr_column(p->catalogue, &v->attr)->name);
    }
    json_push_str(p->reading->choices, buf_view(&text), &ok);
    ask_note(p->reading, p->reading->why, "%zu columns could be predictors: name those that are meant",
             count_of(s, ASK_PART_COVARIATE));
    s->ask_back = true;
    p->reading->failed = p->reading->failed || !ok;
}

static void settle_candidates(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    const struct ask_entity *patient = &p->catalogue->entities[ASK_PATIENT];
    size_t base = p->q->events[0].table;
    struct ask_path path;
    if (!needs_candidates(s))
        return;
    add_derived(p, base);
    if (patient->known && patient->table != base &&
        ask_path_find(p->catalogue, base, patient->table, &path))
        add_candidates(p, patient->table);
    add_candidates(p, base);
    if (count_of(s, ASK_PART_COVARIATE) == 0)
        ask_parse_lacks(p, "columns of numbers or categories to describe or to predict by");
    if (is_model(s) && count_of(s, ASK_PART_COVARIATE) > ASK_CANDIDATES_MAX)
        offer_candidates(p);
}

/* ---- names
 * ----------------------------------------------------------------------------------------- */

/* Attributes from the base's rows, and a name of its own for each column of the rows. */
static void settle_names(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    size_t base = p->q->events[0].table;
    struct arena *arena = p->reading->arena;
    for (size_t i = 0; i < s->count; i++) {
        struct ask_variable *v = &s->variables[i];
        struct ask_path path;
        if (v->from == ASK_FROM_COLUMN &&
            ask_path_find(p->catalogue, base, v->attr.table, &path) &&
            path.count + v->attr.path.count <= ASK_STEPS) {
            for (size_t k = 0; k < v->attr.path.count; k++)
                path.steps[path.count++] = v->attr.path.steps[k];
            v->attr.path = path;
            v->attr.table = base;
        }
        static const char *const derived[] = {
            NULL, "age", "length_of_stay", "death", "death_in_hospital", "length_of_icu_stay",
            "follow_up_days"};
        const struct ask_table *table =
            &p->catalogue->tables[v->from == ASK_FROM_COLUMN ? base
                                                             : p->q->events[v->event].table];
        if (v->moment != NULL) {
            v->name = arena_printf(arena, "%s", v->label);
            for (char *c = (char *)(uintptr_t)v->name; v->name != NULL && *c != '\0'; c++)
                *c = *c == ' ' ? '_' : *c;
            continue;
        }
        v->name = v->from == ASK_FROM_HAS    ? arena_printf(arena, "has_%.40s", table->name)
                  : v->from == ASK_FROM_MEAN ? arena_printf(arena, "mean_%.40s", table->name)
                  : v->attr.derived != ASK_PLAIN
                      ? derived[v->attr.derived]
                      : ask_attr_column(p->catalogue, &v->attr)->name;
        if (v->level != NULL)
            v->name = arena_printf(arena, "%s_is_level", v->name);
        v->label = v->from != ASK_FROM_COLUMN && v->item != ASK_NONE
                       ? ask_phrase(p->reading, p->reading->items[v->item].from,
                                    p->reading->items[v->item].to)
                   : v->level != NULL
                       ? arena_printf(arena, "%s %s",
                                      ask_attr_column(p->catalogue, &v->attr)->name, v->level)
                       : v->name;
        for (size_t k = 0; k < i; k++)
            if (v->name != NULL && s->variables[k].name != NULL &&
                str_equal_nocase(str_of(v->name), str_of(s->variables[k].name)))
                v->name = arena_printf(arena, "%s_%zu", v->name, i + 1);
    }
}

/* A condition on the base's own rows holds before one of them is taken for each patient. */
static void own_conditions(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    if (!q->statistics.one_each && !q->statistics.repeated)
        return;
    for (size_t i = 1; i < q->event_count; i++) {
        struct ask_event *event = &q->events[i];
        bool plain = event->table == q->events[0].table && !event->variable && !event->negated &&
                     event->pick == ASK_ALL && !event->counted && event->linked == ASK_NONE &&
                     event->or_with == ASK_NONE && !event->window.on && event->scope == ASK_ALL &&
                     q->events[0].predicate_count + event->predicate_count <= ASK_PREDICATES;
        for (size_t k = 1; plain && k < q->event_count; k++)
            plain = q->events[k].or_with != i && q->events[k].linked != i;
        if (!plain)
            continue;
        for (size_t k = 0; k < event->predicate_count; k++)
            q->events[0].predicates[q->events[0].predicate_count++] = event->predicates[k];
        event->variable = true; /* no filter of its own any more */
    }
}

static void check_parts(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    struct ask_variable *group = variable_of(s, ASK_PART_GROUP);
    struct ask_variable *stratum = variable_of(s, ASK_PART_STRATUM);
    ask_allow_stratum(p, stratum);
    if (count_of(s, ASK_PART_STRATUM) > 1 || (stratum != NULL && !stratum->category))
        ask_parse_lacks(p, "one column of strata, of at most %d values", ASK_GROUP_LEVELS);
    if (!is_model(s) && count_of(s, ASK_PART_GROUP) > 1)
        ask_parse_lacks(p, "one grouping at a time");
    if (count_of(s, ASK_PART_OUTCOME) > 1)
        ask_parse_lacks(p, "one outcome at a time: ask for 'table 1 by GROUP' for many");
    const struct ask_variable *outcome = variable_of(s, ASK_PART_OUTCOME);
    if (s->family == ASK_NORMAL && outcome != NULL && outcome->category)
        ask_parse_lacks(p, "a column of numbers: categories have no normal distribution");
    if (s->family == ASK_NORMAL && outcome == NULL)
        ask_parse_lacks(p, "a column of numbers whose distribution is asked");
    if (s->family == ASK_TABLE1)
        ask_allow_group(p, group);
    if (group != NULL && group->from == ASK_FROM_COLUMN && group->attr.derived == ASK_PLAIN &&
        group->category &&
        ask_attr_column(p->catalogue, &group->attr)->distinct > ASK_GROUP_LEVELS)
        ask_parse_lacks(p, "groups that can be compared: %s has %lld values",
                        ask_attr_column(p->catalogue, &group->attr)->name,
                        (long long)ask_attr_column(p->catalogue, &group->attr)->distinct);
    if (s->family == ASK_TABLE1 && group != NULL && !group->category)
        ask_parse_lacks(p, "groups for the columns of the table, not a number");
}

/* "between smokers and non-smokers": one column said twice is one grouping. */
static void merge_groups(struct ask_statistics *s)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = s->count; k-- > i + 1;) {
            const struct ask_variable *a = &s->variables[i], *b = &s->variables[k];
            if (a->part == ASK_PART_GROUP && b->part == ASK_PART_GROUP && !a->death && !b->death &&
                a->from == ASK_FROM_COLUMN && b->from == ASK_FROM_COLUMN && a->moment == NULL &&
                b->moment == NULL && same_attr(&a->attr, &b->attr))
                remove_variable(s, &s->variables[k]);
        }
}

void ask_parse_settle_statistics(struct ask_parse *p)
{
    static const enum ask_intent intents[ASK_FAMILIES] = {
        [ASK_NUMBER_BY_GROUP] = ASK_COMPARE_GROUPS, [ASK_CATEGORY_BY_GROUP] = ASK_COMPARE_GROUPS,
        [ASK_PAIRED] = ASK_COMPARE_GROUPS,          [ASK_CORRELATION] = ASK_CORRELATE,
        [ASK_LINEAR] = ASK_PREDICTORS,              [ASK_LOGISTIC] = ASK_PREDICTORS,
        [ASK_COX] = ASK_PREDICTORS,                 [ASK_CURVES] = ASK_SURVIVAL,
        [ASK_TABLE1] = ASK_TABLE_ONE,               [ASK_NORMAL] = ASK_NORMALITY,
        [ASK_STRATIFIED] = ASK_COMPARE_GROUPS,      [ASK_NO_FAMILY] = ASK_COMPARE_GROUPS};
    struct ask_statistics *s = &p->q->statistics;
    merge_groups(s);
    for (size_t i = 0; i < s->count; i++)
        if (!s->variables[i].death)
            ask_settle_kind(p, &s->variables[i]);
        else
            s->variables[i].category = s->variables[i].two_levels = true;
    if (ask_parse_is_paired(p)) {
        ask_parse_settle_paired(p);
        ask_settle_moments(p);
        s->family = ASK_PAIRED;
    } else {
        settle_free(p);
        s->family = family_of(p);
    }
    p->q->intent = intents[s->family];
    if (json_array_size(p->reading->missing) == 0)
        check_parts(p);
    if (json_array_size(p->reading->missing) == 0)
        settle_unit(p);
    if (json_array_size(p->reading->missing) > 0)
        return;
    settle_candidates(p);
    ask_parse_finish(p);
    own_conditions(p);
    settle_names(p);
}
