/* Criteria as JSON, read and written (docs/COHORT.md lists the members). Errors name the path:
 * "all[1].when[0].event: …".
 *
 *     {"all": […]} {"any": […]} {"not": …} {"gender": "female"} {"age": {">=": 50}} {"birthdate":
 * {"since": "1950"}} {"deceased": true} an event: {"in": domain, "code": …, "text": …, "value_set":
 * …, "category", "status", "value": {">=": 140, "unit": "mmHg"}, "date": {"since": …, "until": …},
 * "age_at": {">=": 50}, "at_least": 2, "when": [{"relation": "before", "days": 365, "event": …}]}
 */
#include "cohort/criteria_priv.h"

#include "base/nearest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATH_BYTES 200
struct reader {
    struct cohort_criteria *criteria;
    const char *source;
    char path[PATH_BYTES]; /* of the value being read; cut where it is longer */
    int depth;
    struct err *err;
};

static enum err_code fail(struct reader *reader, const char *what)
{
    err_set(reader->err, ERR_INPUT, "%s%s%s", reader->path, reader->path[0] != '\0' ? ": " : "",
            what);
    return err_at(reader->err, reader->source, 0, 0);
}

static enum err_code fail_code(struct reader *reader, enum err_code code)
{
    if (code == ERR_OK)
        return ERR_OK;
    if (reader->path[0] != '\0')
        (void)err_context(reader->err, "%s", reader->path);
    return err_at(reader->err, reader->source, 0, 0);
}

static enum err_code no_memory(struct reader *reader)
{
    return err_set(reader->err, ERR_MEMORY, "no memory for criteria");
}

static size_t enter(struct reader *reader, const char *member, int64_t idx)
{
    size_t before = strlen(reader->path), room = PATH_BYTES - before;
    if (member != NULL)
        (void)snprintf(reader->path + before, room, "%s%s", before > 0 ? "." : "", member);
    before = member != NULL ? before : strlen(reader->path);
    size_t now = strlen(reader->path);
    if (idx >= 0)
        (void)snprintf(reader->path + now, PATH_BYTES - now, "[%" PRId64 "]", idx);
    return before;
}

static void leave(struct reader *reader, size_t before)
{
    reader->path[before] = '\0';
}

/* No member but these (ends with NULL). */
static enum err_code check_members(struct reader *reader, const json_t *object,
                                   const char *const *known)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return fail(reader, "expected an object");
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        struct nearest nearest = {.asked = key};
        bool found = false;
        for (size_t i = 0; known[i] != NULL; i++) {
            found = found || strcmp(known[i], key) == 0;
            nearest_offer(&nearest, known[i]);
        }
        if (found)
            continue;
        err_set(reader->err, ERR_INPUT, "%s%sunknown member \"%.60s\"", reader->path,
                reader->path[0] != '\0' ? ": " : "", key);
        (void)err_at(reader->err, reader->source, 0, 0);
        if (nearest_text(&nearest) != NULL)
            return err_hint(reader->err, "did you mean \"%s\"?", nearest_text(&nearest));
        return err_hint(reader->err, "docs/COHORT.md lists the members of criteria");
    }
    return ERR_OK;
}

static enum err_code read_text(struct reader *reader, const json_t *json, const char *what,
                               const char **ret)
{
    const char *text = json_string_value(json);
    if (text == NULL || text[0] == '\0' || strlen(text) > 1000 ||
        strlen(text) != json_string_length(json))
        return fail(reader, what);
    *ret = arena_strdup(reader->criteria->arena, text);
    return *ret == NULL ? no_memory(reader) : ERR_OK;
}

/* ---- ranges -------------------------------------------------------------------------------------
 */

static enum err_code read_ages(struct reader *reader, const json_t *json, struct cohort_span *span)
{
    static const char *const members[] = {">=", ">", "<=", "<", "=", NULL};
    const char *sign;
    json_t *value;
    TRY(check_members(reader, json, members));
    *span = (struct cohort_span){0, COHORT_AGE_MOST, json_object_size(json) > 0};
    if (!span->given)
        return fail(reader, "expected a comparison such as {\">=\": 50}");
    json_object_foreach((json_t *)(uintptr_t)json, sign, value)
    {
        int64_t age = json_integer_value(value), exact = sign[0] == '=' || sign[1] != '\0' ? 0 : 1;
        if (!json_is_integer(value) || age < 0 || age > COHORT_AGE_MOST)
            return fail(reader, "expected an age in whole years");
        if (sign[0] != '<' && age + exact > span->low)
            span->low = age + exact;
        if (sign[0] != '>' && age - exact < span->high)
            span->high = age - exact;
    }
    return fail_code(reader, cohort_span_check(span, "ages", reader->err));
}

static enum err_code read_dates(struct reader *reader, const json_t *json, struct cohort_span *span)
{
    static const char *const members[] = {"since", "until", "before", "after", "during", NULL};
    const char *word;
    json_t *value;
    TRY(check_members(reader, json, members));
    *span = (struct cohort_span){COHORT_OPEN_LOW, COHORT_OPEN_HIGH, json_object_size(json) > 0};
    if (!span->given)
        return fail(reader, "expected since, until, before, after or during a date");
    json_object_foreach((json_t *)(uintptr_t)json, word, value)
    {
        int64_t first, last, low = COHORT_OPEN_LOW, high = COHORT_OPEN_HIGH;
        if (!json_is_string(value) ||
            !cohort_date_read(str_of(json_string_value(value)), &first, &last))
            return fail(reader, "expected a date such as \"2020\", \"2020-05\" or \"2020-05-17\"");
        bool during = word[0] == 'd';
        if (word[0] == 's' || during)
            low = first;
        if (word[0] == 'u' || during)
            high = last;
        if (word[0] == 'b')
            high = first - 1;
        if (word[0] == 'a')
            low = last + 1;
        span->low = low > span->low ? low : span->low;
        span->high = high < span->high ? high : span->high;
    }
    return fail_code(reader, cohort_span_check(span, "dates", reader->err));
}

/* A JSON number by its shortest decimal text, or a text that keeps its digits. */
static enum err_code read_number(struct reader *reader, const json_t *json, const char **ret)
{
    char digits[32];
    struct str text = {0};
    if (json_is_string(json))
        text = str_of(json_string_value(json));
    if (json_is_integer(json)) {
        (void)snprintf(digits, sizeof digits, "%" PRId64, (int64_t)json_integer_value(json));
        text = str_of(digits);
    }
    if (json_is_real(json))
        text = str_of(str_from_double(json_real_value(json), digits));
    *ret = cohort_number_read(reader->criteria->arena, text);
    return *ret == NULL ? fail(reader, "expected a decimal number of at most 15 digits on each "
                                       "side of the point, without an exponent")
                        : ERR_OK;
}

static enum err_code read_value(struct reader *reader, const json_t *json, struct cohort_value *ret)
{
    static const char *const members[] = {">=", ">", "<=", "<", "=", "unit", NULL};
    const char *sign;
    json_t *value;
    TRY(check_members(reader, json, members));
    ret->given = true;
    json_object_foreach((json_t *)(uintptr_t)json, sign, value)
    {
        const char *number;
        if (sign[0] == 'u') {
            TRY(read_text(reader, value, "expected a unit, as a text", &ret->unit));
            continue;
        }
        TRY(read_number(reader, value, &number));
        if ((sign[0] != '<' && ret->low != NULL) || (sign[0] != '>' && ret->high != NULL))
            return fail(reader, "the value has two bounds on one side");
        bool excluded = sign[0] != '=' && sign[1] == '\0';
        if (sign[0] != '<') {
            ret->low = number;
            ret->low_excluded = excluded;
        }
        if (sign[0] != '>') {
            ret->high = number;
            ret->high_excluded = excluded;
        }
    }
    if (ret->low == NULL && ret->high == NULL)
        return fail(reader, "expected a comparison such as {\">=\": 140, \"unit\": \"mmHg\"}");
    return fail_code(reader, cohort_value_check(ret, reader->err));
}

/* ---- events -------------------------------------------------------------------------------------
 */

/* One text or an array of them, each given to add. */
static enum err_code each_text(struct reader *reader, const json_t *json, const char *what,
                               enum err_code (*add)(struct reader *, const char *, void *),
                               void *to)
{
    size_t count = json_is_array(json) ? json_array_size(json) : 1;
    if (count == 0)
        return fail(reader, what);
    if (count > COHORT_LIMIT_CODES)
        return err_set(reader->err, ERR_LIMIT, "more than %d codes or texts", COHORT_LIMIT_CODES);
    for (size_t i = 0; i < count; i++) {
        const char *text = NULL;
        TRY(read_text(reader, json_is_array(json) ? json_array_get(json, i) : json, what, &text));
        TRY(add(reader, text, to));
    }
    return ERR_OK;
}

static enum err_code add_code(struct reader *reader, const char *text, void *to)
{
    struct cohort_code *code = cohort_list_add(reader->criteria->arena, to, sizeof *code);
    if (code == NULL)
        return no_memory(reader);
    return cohort_code_read(reader->criteria->arena, str_of(text), code)
               ? ERR_OK
               : fail(reader, "expected \"system|code\", \"code\" or \"E11*\"");
}

static enum err_code add_text(struct reader *reader, const char *text, void *to)
{
    const char **item = cohort_list_add(reader->criteria->arena, to, sizeof *item);
    if (item == NULL)
        return no_memory(reader);
    *item = text;
    return ERR_OK;
}

static enum err_code read_lists(struct reader *reader, const json_t *json,
                                struct cohort_event *event)
{
    struct cohort_list codes = {0}, texts = {0}, sets = {0};
    static const char *const names[] = {"code", "text", "value_set"};
    struct cohort_list *const lists[] = {&codes, &texts, &sets};
    for (size_t i = 0; i < 3; i++) {
        const json_t *member = json_object_get(json, names[i]);
        if (member == NULL)
            continue;
        size_t before = enter(reader, names[i], -1);
        TRY(each_text(reader, member, "expected a text, or an array of texts",
                      i == 0 ? add_code : add_text, lists[i]));
        leave(reader, before);
    }
    event->codes = codes.items;
    event->code_count = codes.count;
    event->texts = texts.items;
    event->text_count = texts.count;
    event->value_sets = sets.items;
    event->value_set_count = sets.count;
    return ERR_OK;
}

static enum err_code read_node(struct reader *reader, const json_t *json,
                               const struct cohort_node **ret);

/* Only events, and any of events. */
static bool is_operand(const struct cohort_node *node)
{
    if (node->kind == COHORT_EVENT)
        return true;
    for (size_t i = 0; node->kind == COHORT_ANY && i < node->child_count; i++)
        if (node->children[i]->kind != COHORT_EVENT)
            return false;
    return node->kind == COHORT_ANY;
}

static enum err_code read_relation(struct reader *reader, const json_t *json,
                                   struct cohort_relation *ret)
{
    static const char *const members[] = {"relation", "days", "event", NULL};
    static const char *const words[] = {"of", "before", "after"};
    const json_t *days = json_object_get(json, "days");
    const char *word = json_text(json, "relation", "of");
    size_t at = 0;
    TRY(check_members(reader, json, members));
    while (at < 3 && strcmp(words[at], word) != 0)
        at++;
    if (at == 3)
        return fail(reader, "expected a relation: \"before\", \"after\" or \"of\"");
    if (days != NULL && (!json_is_integer(days) || json_integer_value(days) < 0 ||
                         json_integer_value(days) > 100000))
        return fail(reader, "expected a number of days");
    if (days == NULL && at == COHORT_OF)
        return fail(reader, "\"of\" needs a number of \"days\"");
    ret->order = (enum cohort_order)at;
    ret->days = days != NULL ? json_integer_value(days) : -1;
    size_t before = enter(reader, "event", -1);
    if (json_object_get(json, "event") == NULL)
        return fail(reader, "expected an event");
    TRY(read_node(reader, json_object_get(json, "event"), &ret->event));
    if (!is_operand(ret->event))
        return fail(reader, "expected an event, or \"any\" of events");
    leave(reader, before);
    return ERR_OK;
}

static enum err_code read_relations(struct reader *reader, const json_t *json,
                                    struct cohort_event *event)
{
    size_t count = json_array_size(json);
    if (json == NULL)
        return ERR_OK;
    struct cohort_relation *relations =
        arena_array(reader->criteria->arena, count + 1, sizeof *relations);
    if (relations == NULL)
        return no_memory(reader);
    if (!json_is_array(json))
        return fail(reader, "\"when\" is an array of relations");
    for (size_t i = 0; i < count; i++) {
        size_t before = enter(reader, "when", (int64_t)i);
        TRY(read_relation(reader, json_array_get(json, i), &relations[i]));
        leave(reader, before);
    }
    event->relations = relations;
    event->relation_count = count;
    return ERR_OK;
}

static enum err_code read_ranges(struct reader *reader, const json_t *json,
                                 struct cohort_event *event)
{
    const json_t *value = json_object_get(json, "value"), *dates = json_object_get(json, "date"),
                 *age = json_object_get(json, "age_at"), *least = json_object_get(json, "at_least");
    size_t before = strlen(reader->path);
    if (value != NULL) {
        (void)enter(reader, "value", -1);
        TRY(read_value(reader, value, &event->value));
        leave(reader, before);
    }
    if (dates != NULL) {
        (void)enter(reader, "date", -1);
        TRY(read_dates(reader, dates, &event->dates));
        leave(reader, before);
    }
    if (age != NULL) {
        (void)enter(reader, "age_at", -1);
        TRY(read_ages(reader, age, &event->age));
        leave(reader, before);
    }
    event->at_least = least != NULL ? json_integer_value(least) : 1;
    if (event->at_least < 1 || event->at_least > 1000000)
        return fail(reader, "\"at_least\" is a number from 1");
    return ERR_OK;
}

static enum err_code read_event(struct reader *reader, const json_t *json, struct cohort_node *node)
{
    static const char *const members[] = {"in",       "code",     "text",  "value_set",
                                          "category", "status",   "value", "date",
                                          "age_at",   "at_least", "when",  NULL};
    struct cohort_event *event = arena_alloc(reader->criteria->arena, sizeof *event);
    const char *domain = json_text(json, "in", "event");
    if (event == NULL)
        return no_memory(reader);
    TRY(check_members(reader, json, members));
    if (!cohort_domain_find(str_of(domain), &event->domain))
        return fail(reader, "\"in\" is condition, observation, medication, procedure, encounter or "
                            "event");
    event->ordinal = reader->criteria->event_count++;
    TRY(read_lists(reader, json, event));
    if (json_object_get(json, "category") != NULL)
        TRY(read_text(reader, json_object_get(json, "category"), "\"category\" is a text",
                      &event->category));
    if (json_object_get(json, "status") != NULL)
        TRY(read_text(reader, json_object_get(json, "status"), "\"status\" is a text",
                      &event->status));
    TRY(read_ranges(reader, json, event));
    TRY(read_relations(reader, json_object_get(json, "when"), event));
    *node = (struct cohort_node){.kind = COHORT_EVENT, .event = event};
    return ERR_OK;
}

/* ---- criteria -----------------------------------------------------------------------------------
 */

static enum err_code read_members(struct reader *reader, const json_t *json, const char *member,
                                  enum cohort_kind kind, const struct cohort_node **ret)
{
    size_t count = json_array_size(json);
    const struct cohort_node **children =
        arena_array(reader->criteria->arena, count + 1, sizeof *children);
    if (children == NULL)
        return no_memory(reader);
    if (count == 0) {
        size_t before = enter(reader, member, -1);
        TRY(fail(reader, "expected an array of at least one criterion"));
        leave(reader, before);
    }
    for (size_t i = 0; i < count; i++) {
        size_t before = enter(reader, member, (int64_t)i);
        TRY(read_node(reader, json_array_get(json, i), &children[i]));
        leave(reader, before);
    }
    *ret = cohort_node_of(reader->criteria->arena, kind, children, count);
    return *ret == NULL ? no_memory(reader) : ERR_OK;
}

static enum err_code read_not(struct reader *reader, const json_t *json,
                              const struct cohort_node **ret)
{
    struct cohort_node *node = arena_alloc(reader->criteria->arena, sizeof *node);
    const struct cohort_node **child = arena_array(reader->criteria->arena, 1, sizeof *child);
    if (node == NULL || child == NULL)
        return no_memory(reader);
    size_t before = enter(reader, "not", -1);
    TRY(read_node(reader, json, child));
    leave(reader, before);
    *node = (struct cohort_node){.kind = COHORT_NOT, .children = child, .child_count = 1};
    *ret = node;
    return ERR_OK;
}

static enum err_code read_gender(struct reader *reader, const json_t *json,
                                 struct cohort_node *node)
{
    const char *text;
    TRY(read_text(reader, json, "\"gender\" is a text", &text));
    char *lower = arena_strdup(reader->criteria->arena, text);
    if (lower == NULL)
        return no_memory(reader);
    for (char *c = lower; *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    *node = (struct cohort_node){.kind = COHORT_GENDER, .gender = lower};
    return ERR_OK;
}

/* A criterion of one member that is no event. *ret_taken: it was one. */
static enum err_code read_single(struct reader *reader, const json_t *json,
                                 struct cohort_node *node, const struct cohort_node **ret,
                                 bool *ret_taken)
{
    const json_t *all = json_object_get(json, "all"), *any = json_object_get(json, "any"),
                 *inverse = json_object_get(json, "not"), *gender = json_object_get(json, "gender"),
                 *age = json_object_get(json, "age"), *born = json_object_get(json, "birthdate"),
                 *deceased = json_object_get(json, "deceased");
    *ret_taken = all != NULL || any != NULL || inverse != NULL || gender != NULL || age != NULL ||
                 born != NULL || deceased != NULL;
    if (*ret_taken && json_object_size(json) > 1)
        return fail(reader, "all, any, not, gender, age, birthdate and deceased stand alone in "
                            "their object: join criteria by \"all\"");
    *ret = node;
    if (all != NULL || any != NULL)
        return read_members(reader, all != NULL ? all : any, all != NULL ? "all" : "any",
                            all != NULL ? COHORT_ALL : COHORT_ANY, ret);
    if (inverse != NULL || json_is_false(deceased)) {
        JSON_AUTO dead = json_pack("{s:b}", "deceased", 1);
        return read_not(reader, inverse != NULL ? inverse : dead, ret);
    }
    if (gender != NULL)
        return read_gender(reader, gender, node);
    node->kind = age != NULL ? COHORT_AGE : born != NULL ? COHORT_BORN : COHORT_DECEASED;
    size_t before = enter(reader, age != NULL ? "age" : "birthdate", -1);
    if (age != NULL)
        TRY(read_ages(reader, age, &node->span));
    if (born != NULL)
        TRY(read_dates(reader, born, &node->span));
    leave(reader, before);
    if (deceased != NULL && !json_is_true(deceased))
        return fail(reader, "\"deceased\" is true or false");
    return ERR_OK;
}

static enum err_code read_node(struct reader *reader, const json_t *json,
                               const struct cohort_node **ret)
{
    struct cohort_node *node = arena_alloc(reader->criteria->arena, sizeof *node);
    bool taken = false;
    if (node == NULL)
        return no_memory(reader);
    if (!json_is_object(json) || json_object_size(json) == 0)
        return fail(reader, "expected a criterion, as an object");
    TRY(cohort_count_node(reader->criteria, reader->err));
    if (++reader->depth > COHORT_LIMIT_DEPTH)
        return err_set(reader->err, ERR_LIMIT, "criteria are more than %d deep",
                       COHORT_LIMIT_DEPTH);
    TRY(read_single(reader, json, node, ret, &taken));
    if (!taken)
        TRY(read_event(reader, json, node));
    reader->depth--;
    return ERR_OK;
}

enum err_code cohort_json_read(struct cohort_criteria *criteria, const json_t *json,
                               const char *source, struct err *err)
{
    struct reader reader = {.criteria = criteria, .source = source, .err = err};
    return read_node(&reader, json, &criteria->root);
}
