/* A question plan that was made elsewhere (a language model's), as JSON: read strictly into the
 * typed question that the grammar would make, then checked and lowered the same way. Nothing in it
 * is trusted: every name must be one of the catalogue, every text a value of the index, every
 * member one that a plan has; docs/QUESTIONS.md has its form.
 *
 *     {"intent": "count", "counts": "patient", "of": {"table": "patients"},
 *      "with": [{"table": "labs", "where": [{"column": "value", "op": "gt", "value": {"slot":
 * 1}}]}], "confidence": 0.8}
 *
 * {"slot": 1} is what the masked question has as …1: a literal that the model never saw. Errors
 * name the place in the plan, never what stands there. */
#include "ask/grammar_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOST_TRUST .9 /* of what a model is sure of */
#define MOST_VALUES 20

struct proposed {
    struct ask_parse p;
    struct ask_reading *reading;
    const struct ask_item *items; /* of the question as it was linked: what slots mean */
    size_t item_count;
    struct err *err;
};

static enum err_code refuse(struct proposed *x, const char *where, const char *format, ...)
    PRINTF_LIKE(3, 4);
static enum err_code refuse(struct proposed *x, const char *where, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(x->err, ERR_INPUT, "%s: %s", where, text);
}

/* Only members of the list, which ends with NULL. */
static enum err_code only(struct proposed *x, const json_t *object, const char *where,
                          const char *const *members)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return refuse(x, where, "expected an object");
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (members[i] != NULL && strcmp(members[i], key) != 0)
            i++;
        if (members[i] == NULL)
            return refuse(x, where, "has a member that no plan has");
    }
    return ERR_OK;
}

/* The text's place in a list that ends with NULL; false: it is none of them, or absent. */
static bool one_of(const json_t *object, const char *member, const char *const *words, int *ret)
{
    const char *text = json_text(object, member, NULL);
    for (int i = 0; text != NULL && words[i] != NULL; i++)
        if (strcmp(words[i], text) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

/* ---- names and slots ----------------------------------------------------------------------------
 */

static size_t find_table(const struct ask_catalogue *c, const char *name)
{
    for (size_t t = 0; t < c->table_count; t++)
        if (!c->tables[t].hidden && str_equal_nocase(str_of(c->tables[t].name), str_of(name)))
            return t;
    return ASK_NONE;
}

static size_t find_column(const struct ask_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (str_equal_nocase(str_of(table->columns[i].name), str_of(name)))
            return i;
    return ASK_NONE;
}

/* {table?, column} or {derived}: an attribute of the rows of a table, n:1. */
static enum err_code read_attr(struct proposed *x, const json_t *json, const char *where,
                               size_t from, struct ask_attr *ret)
{
    static const char *const derived[] = {"age", "length_of_stay", "icu_length_of_stay", NULL};
    static const enum ask_derived kinds[] = {ASK_AGE, ASK_LENGTH_OF_STAY, ASK_ICU_LENGTH};
    const struct ask_catalogue *c = x->p.catalogue;
    int kind = 0;
    bool flag = false;
    if (json_object_get(json, "derived") != NULL) {
        if (!one_of(json, "derived", derived, &kind) || json_object_get(json, "column") != NULL)
            return refuse(x, where, "derived is age, length_of_stay or icu_length_of_stay");
        return ask_parse_derived_attr(&x->p, kinds[kind], ret, &flag)
                   ? ERR_OK
                   : refuse(x, where, "the data has no %s", derived[kind]);
    }
    const char *table = json_text(json, "table", NULL);
    size_t t = table != NULL ? find_table(c, table) : from;
    if (t == ASK_NONE)
        return refuse(x, where, "no table has that name");
    size_t column = find_column(&c->tables[t], json_text(json, "column", ""));
    if (column == ASK_NONE)
        return refuse(x, where, "the table has no column of that name");
    if (from == ASK_NONE)
        *ret = (struct ask_attr){.table = t, .column = column};
    else if (!ask_attr_of(c, from, t, column, ret))
        return refuse(x, where, "no way leads from the event's table to that column");
    return ERR_OK;
}

static const struct ask_item *slot(const struct proposed *x, const json_t *json)
{
    int64_t wanted = json_int(json, "slot", 0), number = 0;
    if (!json_is_object(json) || json_object_size(json) != 1)
        return NULL;
    for (size_t i = 0; i < x->item_count; i++)
        if (!ask_item_stays(&x->items[i]) && ++number == wanted)
            return &x->items[i];
    return NULL;
}

static bool read_number(const struct proposed *x, const json_t *json, double *ret)
{
    const struct ask_item *item = slot(x, json);
    if (json_is_number(json)) {
        *ret = json_number_value(json);
        return isfinite(*ret);
    }
    if (item == NULL ||
        (item->class != ASK_NUMBER && item->class != ASK_DURATION && item->class != ASK_IDENTIFIED))
        return false;
    *ret = item->number;
    return true;
}

/* ---- values -------------------------------------------------------------------------------------
 */

/* Is it the column, or its label, that the source reads? */
static bool reads(const struct ask_catalogue *c, size_t source, const struct ask_attr *attr)
{
    const struct ask_source *s = &c->sources[source];
    size_t at = ask_attr_table(attr);
    if (s->table == at && s->column == attr->column)
        return true;
    return s->table == attr->table && s->edge != ASK_NONE && c->edges[s->edge].parent == at &&
           s->label_column == attr->column;
}

/* Adds the values of the data that a text names. */
static enum err_code add_value(struct proposed *x, struct ask_predicate *predicate,
                               const char *text, const char *where)
{
    const struct ask_catalogue *c = x->p.catalogue;
    struct ask_item item = {.class = ASK_VALUE};
    if (strchr(text, '|') != NULL || !ask_values_phrase(x->reading, text, "", &item))
        return refuse(x, where, "no value of the data is like that");
    for (size_t m = 0; m < item.match_count; m++) {
        if (!reads(c, item.matches[m].source, &predicate->attr) ||
            (predicate->source != ASK_NONE && predicate->source != item.matches[m].source))
            continue;
        size_t have = predicate->value_count, more = item.matches[m].count;
        const char **values = arena_array(x->reading->arena, have + more, sizeof *values);
        if (values == NULL)
            return err_set(x->err, ERR_MEMORY, "no memory for a plan");
        if (have > 0)
            memcpy(values, predicate->values, have * sizeof *values);
        for (size_t i = 0; i < more; i++) {
            struct str value = ask_entry_text(x->reading->index, item.matches[m].entries[i]);
            values[have + i] = arena_strndup(x->reading->arena, value.ptr, value.len);
        }
        if (have == 0)
            ask_source_attr(c, &c->sources[item.matches[m].source], &predicate->attr);
        predicate->said = have > 0
                              ? arena_printf(x->reading->arena, "%s or %s", predicate->said, text)
                              : arena_strdup(x->reading->arena, text);
        predicate->source = item.matches[m].source;
        predicate->exact = item.matches[m].exact;
        predicate->values = values;
        predicate->value_count = have + more;
        return ERR_OK;
    }
    return refuse(x, where, "no value of that column is like that");
}

static enum err_code add_text(struct proposed *x, struct ask_predicate *predicate,
                              const json_t *value, const char *where)
{
    const struct ask_item *item = slot(x, value);
    if (json_is_string(value) && json_string_length(value) > 0 && json_string_length(value) < 200)
        return add_value(x, predicate, json_string_value(value), where);
    if (item == NULL)
        return refuse(x, where, "expected a text or {\"slot\": a number of the question}");
    return add_value(x, predicate, ask_phrase(x->reading, item->from, item->to), where);
}

static enum err_code read_texts(struct proposed *x, struct ask_predicate *predicate,
                                const json_t *value, const char *where)
{
    if (!json_is_array(value))
        return add_text(x, predicate, value, where);
    if (json_array_size(value) == 0 || json_array_size(value) > MOST_VALUES)
        return refuse(x, where, "expected 1 to %d values", MOST_VALUES);
    for (size_t i = 0; i < json_array_size(value); i++)
        TRY(add_text(x, predicate, json_array_get(value, i), where));
    return ERR_OK;
}

/* ---- events -------------------------------------------------------------------------------------
 */

static enum err_code read_condition(struct proposed *x, struct ask_event *event, const json_t *json,
                                    const char *where)
{
    static const char *const members[] = {"table", "column", "derived", "op", "value", "to", NULL};
    static const char *const ops[] = {"lt",      "le", "gt",      "ge",          "eq", "ne",
                                      "between", "in", "is_null", "is_not_null", NULL};
    int op = 0;
    TRY(only(x, json, where, members));
    if (event->predicate_count == ASK_PREDICATES)
        return refuse(x, where, "an event has at most %d conditions", ASK_PREDICATES);
    if (!one_of(json, "op", ops, &op))
        return refuse(x, where,
                      "op is lt, le, gt, ge, eq, ne, between, in, is_null or is_not_null");
    struct ask_predicate *predicate = &event->predicates[event->predicate_count++];
    *predicate = (struct ask_predicate){.source = ASK_NONE};
    TRY(read_attr(x, json, where, event->table, &predicate->attr));
    const json_t *value = json_object_get(json, "value");
    if (op >= 8) {
        predicate->null = true;
        predicate->negated = op == 9;
        return value == NULL ? ERR_OK : refuse(x, where, "is_null has no value");
    }
    if (op == 7)
        return read_texts(x, predicate, value, where);
    predicate->is_number = true;
    predicate->op =
        (enum ask_compare[]){ASK_LT, ASK_LE, ASK_GT, ASK_GE, ASK_EQ, ASK_NE, ASK_BETWEEN}[op];
    if (predicate->attr.derived == ASK_PLAIN &&
        !data_type_is_numeric(ask_attr_column(x->p.catalogue, &predicate->attr)->type))
        return refuse(x, where, "the column holds no numbers: op is in, with texts");
    bool range = predicate->op == ASK_BETWEEN;
    if (!read_number(x, value, &predicate->low) || range != (json_object_get(json, "to") != NULL) ||
        (range && !read_number(x, json_object_get(json, "to"), &predicate->high)))
        return refuse(x, where, "expected a number, or the slot of one; to with between only");
    return ERR_OK;
}

static enum err_code read_event(struct proposed *x, const json_t *json, const char *where,
                                struct ask_event *event)
{
    static const char *const members[] = {"table", "where",    "negated", "window",
                                          "pick",  "at_least", NULL};
    static const char *const picks[] = {"all", "first", "last", NULL};
    const json_t *conditions = json_object_get(json, "where"),
                 *window = json_object_get(json, "window");
    int pick = 0;
    TRY(only(x, json, where, members));
    *event = (struct ask_event){.or_with = ASK_NONE, .linked = ASK_NONE, .level = ASK_ENTITIES};
    event->table = find_table(x->p.catalogue, json_text(json, "table", ""));
    if (event->table == ASK_NONE)
        return refuse(x, where, "no table has that name");
    event->negated = json_flag(json, "negated", false);
    if (json_object_get(json, "pick") != NULL && !one_of(json, "pick", picks, &pick))
        return refuse(x, where, "pick is all, first or last");
    event->pick = (enum ask_pick)pick;
    event->count = json_int(json, "at_least", 0);
    event->counted = event->count > 0;
    event->count_op = ASK_GE;
    if (window != NULL) {
        const struct ask_item *item = slot(x, window);
        if (item == NULL || item->class != ASK_WINDOW)
            return refuse(x, where, "window is the slot of a time in the question");
        event->window = item->window;
    }
    if (conditions != NULL && !json_is_array(conditions))
        return refuse(x, where, "where is a list");
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        char at[80];
        (void)snprintf(at, sizeof at, "%s.where[%zu]", where, i);
        TRY(read_condition(x, event, json_array_get(conditions, i), at));
    }
    return ERR_OK;
}

/* ---- the plan -----------------------------------------------------------------------------------
 */

static enum err_code read_columns(struct proposed *x, const json_t *list, const char *what,
                                  size_t cap, struct ask_attr *ret, size_t *ret_count)
{
    static const char *const members[] = {"table", "column", "derived", NULL};
    if (list == NULL)
        return ERR_OK;
    if (!json_is_array(list) || json_array_size(list) > cap)
        return refuse(x, what, "expected a list of at most %zu columns", cap);
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRY(only(x, json_array_get(list, i), what, members));
        TRY(read_attr(x, json_array_get(list, i), what, x->p.q->events[0].table, &ret[i]));
    }
    *ret_count = json_array_size(list);
    return ERR_OK;
}

static enum err_code read_measure(struct proposed *x, const json_t *plan)
{
    static const char *const members[] = {"table", "column", "derived", NULL};
    static const char *const aggregates[] = {"none", "mean", "median", "max",
                                             "min",  "sum",  "sd",     NULL};
    struct ask_question *q = x->p.q;
    const json_t *measure = json_object_get(plan, "measure");
    int aggregate = 0;
    if (json_object_get(plan, "aggregate") != NULL &&
        !one_of(plan, "aggregate", aggregates, &aggregate))
        return refuse(x, "plan.aggregate", "is mean, median, max, min, sum or sd");
    q->aggregate = (enum ask_aggregate)aggregate;
    if (measure == NULL)
        return aggregate == 0 ? ERR_OK : refuse(x, "plan.aggregate", "there is no measure");
    TRY(only(x, measure, "plan.measure", members));
    q->has_measure = true;
    return read_attr(x, measure, "plan.measure", q->events[0].table, &q->measure);
}

static enum err_code read_counts(struct proposed *x, const json_t *plan)
{
    static const char *const counts[] = {"row", "patient", "admission", "stay", NULL};
    struct ask_question *q = x->p.q;
    int what = 0;
    if (json_object_get(plan, "counts") != NULL && !one_of(plan, "counts", counts, &what))
        return refuse(x, "plan.counts", "is row, patient, admission or stay");
    if (what == 0)
        return ERR_OK;
    q->by_entity = true;
    q->entity = (enum ask_entity_kind)(what - 1);
    q->patients_said = q->entity == ASK_PATIENT;
    if (!x->p.catalogue->entities[q->entity].known ||
        !x->p.catalogue->tables[q->events[0].table].reaches[q->entity])
        return refuse(x, "plan.counts", "no way leads from the table there");
    return ERR_OK;
}

static enum err_code read_rest(struct proposed *x, const json_t *plan)
{
    static const char *const units[] = {"day", "week", "month", "year", NULL};
    struct ask_question *q = x->p.q;
    int unit = 0;
    TRY(read_columns(x, json_object_get(plan, "groups"), "plan.groups", ASK_GROUPS, q->groups,
                     &q->group_count));
    TRY(read_columns(x, json_object_get(plan, "outputs"), "plan.outputs", ASK_OUTPUTS, q->outputs,
                     &q->output_count));
    if (json_object_get(plan, "per") != NULL) {
        if (!one_of(plan, "per", units, &unit))
            return refuse(x, "plan.per", "is day, week, month or year");
        q->by_time = true;
        q->time_unit = (enum ask_unit)unit;
    }
    q->top = json_int(plan, "top", 0);
    return q->top >= 0 && q->top <= ASK_LIMIT_ROWS
               ? ERR_OK
               : refuse(x, "plan.top", "is 1 to %d", ASK_LIMIT_ROWS);
}

static enum err_code read_plan(struct proposed *x, const json_t *plan, double *ret_confidence)
{
    static const char *const members[] = {"intent",  "counts",    "of",         "with",
                                          "measure", "aggregate", "groups",     "outputs",
                                          "per",     "top",       "confidence", NULL};
    static const char *const intents[] = {"count",    "list",        "value", "exists",
                                          "describe", "frequencies", "trend", NULL};
    static const enum ask_intent kinds[] = {ASK_COUNT,    ASK_LIST,     ASK_VALUE_OF, ASK_EXISTS,
                                            ASK_DESCRIBE, ASK_FREQUENT, ASK_TREND};
    struct ask_question *q = x->p.q;
    const json_t *with = json_object_get(plan, "with"),
                 *confidence = json_object_get(plan, "confidence");
    int intent = 0;
    TRY(only(x, plan, "plan", members));
    if (!one_of(plan, "intent", intents, &intent))
        return refuse(x, "plan.intent",
                      "is count, list, value, exists, describe, frequencies or trend");
    if (!json_is_number(confidence) || json_number_value(confidence) < 0 ||
        json_number_value(confidence) > 1)
        return refuse(x, "plan.confidence", "is a number from 0 to 1");
    *ret_confidence = json_number_value(confidence);
    *q = (struct ask_question){.event_count = 1, .has_target = true, .intent = kinds[intent]};
    TRY(read_event(x, json_object_get(plan, "of"), "plan.of", &q->events[0]));
    if (q->events[0].negated || q->events[0].counted)
        return refuse(x, "plan.of", "is neither negated nor counted");
    if (with != NULL && (!json_is_array(with) || json_array_size(with) >= ASK_EVENTS))
        return refuse(x, "plan.with", "expected a list of at most %d events", ASK_EVENTS - 1);
    for (size_t i = 0; i < json_array_size(with); i++) {
        char where[40];
        (void)snprintf(where, sizeof where, "plan.with[%zu]", i);
        TRY(read_event(x, json_array_get(with, i), where, &q->events[q->event_count++]));
    }
    TRY(read_measure(x, plan));
    TRY(read_counts(x, plan));
    return read_rest(x, plan);
}

enum err_code ask_propose(const struct ask_reading *asked, const json_t *plan,
                          struct ask_reading **ret, struct err *err)
{
    struct ask_reading *reading = NULL;
    double confidence = 0;
    TRY(ask_reading_new(asked->catalogue, asked->index, asked->text, &asked->options, &reading,
                        err));
    enum err_code code = ask_tokenise(reading, err);
    if (code == ERR_OK) {
        ask_link(reading);
        struct proposed x = {.p = {.reading = reading,
                                   .catalogue = reading->catalogue,
                                   .q = &reading->question,
                                   .open_table = ASK_NONE,
                                   .last = ASK_NONE,
                                   .level = -1,
                                   .subject_event = ASK_NONE},
                             .reading = reading,
                             .items = asked->items,
                             .item_count = asked->item_count,
                             .err = err};
        code = read_plan(&x, plan, &confidence);
        reading->item_count = 0; /* the plan says what the words mean */
        if (code == ERR_OK)
            ask_parse_finish(&x.p);
    }
    if (code == ERR_OK)
        code = ask_conclude(reading, confidence < MOST_TRUST ? confidence : MOST_TRUST, err);
    if (code == ERR_OK)
        *ret = reading;
    else
        ask_reading_free(reading);
    return code;
}
