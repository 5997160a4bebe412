/* Criteria written as JSON: what criteria_json.c reads again as the same tree. Ranges in closed
 * form, systems as URIs. */
#include "cohort/criteria_priv.h"

#include <inttypes.h>
#include <string.h>

static json_t *write_node(const struct cohort_node *node, bool *ok);

static void put_ages(json_t *object, const char *key, const struct cohort_span *span, bool *ok)
{
    if (!span->given)
        return;
    json_t *ages = json_object();
    if (span->low > 0 || span->high == COHORT_AGE_MOST)
        json_put_int(ages, ">=", span->low, ok);
    if (span->high < COHORT_AGE_MOST)
        json_put_int(ages, "<=", span->high, ok);
    json_put(object, key, ages, ok);
}

static void put_dates(json_t *object, const char *key, const struct cohort_span *span, bool *ok)
{
    char day[16];
    if (!span->given)
        return;
    json_t *dates = json_object();
    if (span->low != COHORT_OPEN_LOW)
        json_put_text(dates, "since", cohort_date_write(span->low, day), ok);
    if (span->high != COHORT_OPEN_HIGH)
        json_put_text(dates, "until", cohort_date_write(span->high, day), ok);
    json_put(object, key, dates, ok);
}

/* Numbers as texts, which keep their digits. */
static void put_value(json_t *object, const struct cohort_value *value, bool *ok)
{
    if (!value->given)
        return;
    json_t *range = json_object();
    if (value->low != NULL)
        json_put_text(range, value->low_excluded ? ">" : ">=", value->low, ok);
    if (value->high != NULL)
        json_put_text(range, value->high_excluded ? "<" : "<=", value->high, ok);
    if (value->unit != NULL)
        json_put_text(range, "unit", value->unit, ok);
    json_put(object, "value", range, ok);
}

/* One text stands alone, several in an array. */
static void put_texts(json_t *object, const char *key, json_t *texts, bool *ok)
{
    if (json_array_size(texts) == 1)
        json_put(object, key, json_incref(json_array_get(texts, 0)), ok);
    else if (json_array_size(texts) > 1)
        json_put(object, key, json_incref(texts), ok);
    json_decref(texts);
}

static json_t *code_texts(const struct cohort_event *event, bool *ok)
{
    json_t *texts = json_array();
    for (size_t i = 0; i < event->code_count; i++) {
        const struct cohort_code *code = &event->codes[i];
        AUTO(buf_done) struct buf text = BUF_INIT;
        buf_printf(&text, "%s%s%s%s", code->system != NULL ? code->system : "",
                   code->system != NULL ? "|" : "", code->code, code->prefix ? "*" : "");
        *ok = *ok && !text.failed;
        json_push_str(texts, buf_view(&text), ok);
    }
    return texts;
}

static json_t *plain_texts(const char *const *list, size_t count, bool *ok)
{
    json_t *texts = json_array();
    for (size_t i = 0; i < count; i++)
        json_push_text(texts, list[i], ok);
    return texts;
}

static void put_relations(json_t *object, const struct cohort_event *event, bool *ok)
{
    static const char *const words[] = {"of", "before", "after"};
    json_t *list = json_array();
    for (size_t i = 0; i < event->relation_count; i++) {
        const struct cohort_relation *relation = &event->relations[i];
        json_t *one = json_object();
        json_put_text(one, "relation", words[relation->order], ok);
        if (relation->days >= 0)
            json_put_int(one, "days", relation->days, ok);
        json_put(one, "event", write_node(relation->event, ok), ok);
        json_push(list, one, ok);
    }
    if (event->relation_count > 0)
        json_put(object, "when", list, ok);
    else
        json_decref(list);
}

static void put_event(json_t *object, const struct cohort_event *event, bool *ok)
{
    bool matches = event->code_count + event->text_count + event->value_set_count > 0;
    if (event->domain != COHORT_IN_ANY || !matches)
        json_put_text(object, "in", cohort_domain_word(event->domain), ok);
    put_texts(object, "code", code_texts(event, ok), ok);
    put_texts(object, "text", plain_texts(event->texts, event->text_count, ok), ok);
    put_texts(object, "value_set", plain_texts(event->value_sets, event->value_set_count, ok), ok);
    if (event->category != NULL)
        json_put_text(object, "category", event->category, ok);
    if (event->status != NULL)
        json_put_text(object, "status", event->status, ok);
    put_value(object, &event->value, ok);
    put_dates(object, "date", &event->dates, ok);
    put_ages(object, "age_at", &event->age, ok);
    if (event->at_least > 1)
        json_put_int(object, "at_least", event->at_least, ok);
    put_relations(object, event, ok);
}

static json_t *write_nodes(const struct cohort_node *node, bool *ok)
{
    json_t *list = json_array();
    for (size_t i = 0; i < node->child_count; i++)
        json_push(list, write_node(node->children[i], ok), ok);
    return list;
}

static json_t *write_node(const struct cohort_node *node, bool *ok)
{
    json_t *object = json_object();
    switch (node->kind) {
    case COHORT_ALL:
        json_put(object, "all", write_nodes(node, ok), ok);
        break;
    case COHORT_ANY:
        json_put(object, "any", write_nodes(node, ok), ok);
        break;
    case COHORT_NOT:
        if (node->children[0]->kind == COHORT_DECEASED)
            json_put_flag(object, "deceased", false, ok);
        else
            json_put(object, "not", write_node(node->children[0], ok), ok);
        break;
    case COHORT_GENDER:
        json_put_text(object, "gender", node->gender, ok);
        break;
    case COHORT_AGE:
        put_ages(object, "age", &node->span, ok);
        break;
    case COHORT_BORN:
        put_dates(object, "birthdate", &node->span, ok);
        break;
    case COHORT_DECEASED:
        json_put_flag(object, "deceased", true, ok);
        break;
    case COHORT_EVENT:
        put_event(object, node->event, ok);
        break;
    }
    return object;
}

enum err_code cohort_criteria_to_json(const struct cohort_criteria *criteria, json_t **ret,
                                      struct err *err)
{
    bool ok = true;
    *ret = write_node(criteria->root, &ok);
    return json_built(ok, err);
}
