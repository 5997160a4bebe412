/* The reading as JSON: the typed question plan, what speaks for it, and questions that could
 * follow. */
#include "ask/reading_priv.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *attr_json(const struct ask_reading *reading, const struct ask_attr *attr, bool *ok)
{
    static const char *const derived[] = {
        NULL, "age", "length_of_stay", "death", "hospital_death", "icu_length_of_stay", "follow_up"};
    json_t *json = json_object();
    json_put_text(json, "table", reading->catalogue->tables[ask_attr_table(attr)].name, ok);
    json_put_text(json, "column", ask_attr_column(reading->catalogue, attr)->name, ok);
    if (attr->derived != ASK_PLAIN)
        json_put_text(json, "derived", derived[attr->derived], ok);
    return json;
}

static json_t *predicate_json(const struct ask_reading *reading,
                              const struct ask_predicate *predicate, bool *ok)
{
    static const char *const ops[] = {"lt", "le", "gt", "ge", "eq", "ne", "between"};
    json_t *json = attr_json(reading, &predicate->attr, ok);
    if (predicate->null) {
        json_put_text(json, "op", predicate->negated ? "is_not_null" : "is_null", ok);
    } else if (predicate->is_number) {
        json_put_text(json, "op", ops[predicate->op], ok);
        json_put_real(json, "value", predicate->low, ok);
        if (predicate->op == ASK_BETWEEN)
            json_put_real(json, "to", predicate->high, ok);
    } else {
        json_t *values = json_array();
        for (size_t i = 0; i < predicate->value_count && i < 50; i++)
            json_push_text(values, predicate->values[i], ok);
        json_put_text(json, "op", "in", ok);
        json_put_text(json, "said", predicate->said, ok);
        json_put_int(json, "value_count", (int64_t)predicate->value_count, ok);
        json_put(json, "values", values, ok);
    }
    return json;
}

static json_t *event_json(const struct ask_reading *reading, size_t at, bool *ok)
{
    const struct ask_event *event = &reading->question.events[at];
    static const char *const relations[] = {"",      "after", "before",    "within",   "since",
                                            "until", "same_time", "same_day", "same_month", "same_year"};
    json_t *json = json_object(), *predicates = json_array();
    json_put_text(json, "table", reading->catalogue->tables[event->table].name, ok);
    for (size_t i = 0; i < event->predicate_count; i++)
        json_push(predicates, predicate_json(reading, &event->predicates[i], ok), ok);
    json_put(json, "filters", predicates, ok);
    if (at > 0) {
        json_put_text(json, "of",
                      ask_entity_one(event->level < ASK_ENTITIES ? event->level : ASK_PATIENT), ok);
        json_put_flag(json, "negated", event->negated, ok);
    }
    if (event->pick != ASK_ALL)
        json_put_text(json, "pick", ask_pick_text(event->pick), ok);
    if (event->window.on) {
        json_put_int(json, "from_day", event->window.from == INT64_MIN ? 0 : event->window.from,
                     ok);
        json_put_int(json, "before_day", event->window.to == INT64_MAX ? 0 : event->window.to, ok);
    }
    if (event->counted)
        json_put_int(json, "count", event->count, ok);
    if (event->or_with != ASK_NONE)
        json_put_int(json, "or_with", (int64_t)event->or_with, ok);
    if (event->linked != ASK_NONE) {
        json_put_text(json, "relation", relations[event->relation], ok);
        json_put_int(json, "to", (int64_t)event->linked, ok);
        json_put_flag(json, "same_admission", event->same_visit, ok);
    }
    return json;
}

static json_t *question_json(const struct ask_reading *reading, bool *ok)
{
    const struct ask_question *q = &reading->question;
    static const char *const aggregates[] = {NULL, "mean", "median", "max", "min", "sum", "sd"};
    json_t *json = json_object(), *events = json_array(), *groups = json_array(),
           *outputs = json_array();
    json_put_text(json, "intent", ask_intent_text(q->intent), ok);
    json_put_text(json, "counts", q->by_entity ? ask_entity_one(q->entity) : "row", ok);
    for (size_t i = 0; q->has_target && i < q->event_count; i++)
        json_push(events, event_json(reading, i, ok), ok);
    json_put(json, "events", events, ok);
    if (q->has_measure)
        json_put(json, "measure", attr_json(reading, &q->measure, ok), ok);
    if (q->aggregate != ASK_NO_AGGREGATE)
        json_put_text(json, "aggregate", aggregates[q->aggregate], ok);
    for (size_t i = 0; i < q->group_count; i++)
        json_push(groups, attr_json(reading, &q->groups[i], ok), ok);
    json_put(json, "groups", groups, ok);
    for (size_t i = 0; i < q->output_count; i++)
        json_push(outputs, attr_json(reading, &q->outputs[i], ok), ok);
    json_put(json, "outputs", outputs, ok);
    if (q->by_time)
        json_put_text(json, "per", ask_unit_text(q->time_unit), ok);
    if (q->top > 0)
        json_put_int(json, "top", q->top, ok);
    json_put_flag(json, "per_patient", q->per_entity, ok);
    if (q->statistics.on && q->statistics.family != ASK_NO_FAMILY)
        json_put(json, "analysis", ask_statistics_parts_json(reading, ok), ok);
    return json;
}

/* What could be asked next, from what there is. */
static json_t *follow_ups(const struct ask_reading *reading, bool *ok)
{
    const struct ask_question *q = &reading->question;
    json_t *json = json_array();
    const struct ask_entity *patient = &reading->catalogue->entities[ASK_PATIENT];
    char text[200];
    if (reading->status == ASK_ANSWERED && q->statistics.on) {
        json_decref(json);
        return ask_statistics_follow_ups(reading, ok);
    }
    if (reading->status != ASK_ANSWERED || !patient->known)
        return json;
    const struct ask_table *table = &reading->catalogue->tables[patient->table];
    for (size_t i = 0; i < table->column_count && json_array_size(json) < 2; i++)
        if (table->columns[i].role == PROFILE_CATEGORY && q->group_count == 0 && q->by_entity &&
            q->intent == ASK_COUNT) {
            (void)snprintf(text, sizeof text, "how many %s by %s", ask_entity_many(q->entity),
                           table->columns[i].name);
            json_push_text(json, text, ok);
        }
    if (q->has_measure && q->group_count == 0) {
        (void)snprintf(text, sizeof text, "which columns have missing values");
        json_push_text(json, text, ok);
    }
    return json;
}

enum err_code ask_reading_json(const struct ask_reading *reading, json_t **ret, struct err *err)
{
    bool ok = true;
    const struct ask_question *q = &reading->question;
    json_t *json = json_object();
    json_put_text(json, "status", ask_status_text(reading->status), &ok);
    json_put_text(json, "intent", ask_intent_text(q->intent), &ok);
    json_put_str(json, "reading", buf_view(&reading->sentence), &ok);
    json_put_real(json, "confidence", reading->confidence, &ok);
    json_put(json, "why", json_incref(reading->why), &ok);
    json_put(json, "warnings", json_incref(reading->warnings), &ok);
    json_put(json, "choices", json_incref(reading->choices), &ok);
    json_put(json, "missing", json_incref(reading->missing), &ok);
    json_put(json, "question", question_json(reading, &ok), &ok);
    json_put_text(json, "unit",
                  q->intent == ASK_SHARE                   ? "%"
                  : q->since                               ? (q->since_unit == ASK_HOUR ? "hours" : "days")
                  : q->by_entity && q->intent == ASK_COUNT ? ask_entity_many(q->entity)
                  : !q->has_measure                        ? NULL
                  : q->measure.derived == ASK_AGE          ? "years"
                  : q->measure.derived == ASK_LENGTH_OF_STAY || q->measure.derived == ASK_ICU_LENGTH
                      ? "days"
                      : NULL,
                  &ok);
    json_put(json, "follow_ups", follow_ups(reading, &ok), &ok);
    enum err_code code = json_built(ok, err);
    if (code != ERR_OK)
        json_decref(json);
    else
        *ret = json;
    return code;
}
