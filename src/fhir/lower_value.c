/* Pieces of lowered expressions: calls, literals, bodies of list functions, and how a collection is
 * brought from one form (lower_priv.h) into another. */
#include "fhir/lower_priv.h"

#include <string.h>

fhir_sql fhir_sql_call(struct fhir_lower *lower, const char *name, fhir_sql a, fhir_sql b,
                       fhir_sql c)
{
    const fhir_sql args[] = {a, b, c};
    if (a == NULL)
        return NULL;
    return plan_call(lower->plan, name, c != NULL ? 3 : b != NULL ? 2 : 1, args);
}
fhir_sql fhir_sql_text(struct fhir_lower *lower, const char *text)
{
    return plan_literal_text(lower->plan, text);
}
fhir_sql fhir_sql_int(struct fhir_lower *lower, int64_t value)
{
    return plan_literal_int(lower->plan, value);
}
fhir_sql fhir_sql_bool(struct fhir_lower *lower, bool value)
{
    return plan_literal(lower->plan, DATA_TYPE(BOOLEAN), value ? "true" : "false");
}
fhir_sql fhir_sql_null(struct fhir_lower *lower, struct data_type type)
{
    return plan_literal(lower->plan, type, NULL);
}
fhir_sql fhir_sql_case(struct fhir_lower *lower, size_t count, const fhir_sql *parts)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i] == NULL)
            return NULL;
    return plan_case(lower->plan, count, parts);
}
fhir_sql fhir_sql_cast(struct fhir_lower *lower, fhir_sql value, enum data_kind kind)
{
    struct data_type type = {.kind = kind};
    return plan_cast(lower->plan, value, type, false);
}
fhir_sql fhir_sql_element(struct fhir_lower *lower, struct data_type type)
{
    return plan_element(lower->plan, 0, type);
}

fhir_sql fhir_sql_raise(struct fhir_lower *lower, struct data_type type, const char *what)
{
    const char *name = lower->view->name != NULL ? lower->view->name : lower->view->resource;
    const char *text =
        arena_printf(plan_arena(lower->plan), "view %s: %s: %s", name, lower->place, what);
    if (text == NULL)
        return NULL;
    return fhir_sql_call(lower, "raise", fhir_sql_text(lower, text), fhir_sql_null(lower, type),
                         NULL);
}

bool fhir_sql_is_list(fhir_sql value)
{
    return value != NULL && value->type.kind == DATA_LIST;
}

/* ---- bodies ------------------------------------------------------------------------------------
 */

/* Elements that are open at `inner` or further out, moved `by` bodies. */
static fhir_sql moved(struct fhir_lower *lower, fhir_sql value, size_t inner, int64_t by)
{
    struct plan *plan = lower->plan;
    if (value == NULL || value->open <= inner)
        return value;
    if (value->kind == PLAN_ELEMENT)
        return plan_element(plan, (size_t)((int64_t)value->idx + by), value->type);
    const fhir_sql *copy;
    fhir_sql *args = arena_array(plan_arena(plan), value->arg_count, sizeof *args);
    for (size_t i = 0; args != NULL && i < value->arg_count; i++) {
        bool body = plan_binds(value) && i + 1 == value->arg_count;
        args[i] = moved(lower, value->args[i], inner + body, by);
        if (args[i] == NULL)
            return NULL;
    }
    copy = args;
    if (copy == NULL)
        return NULL;
    if (value->kind == PLAN_CAST)
        return plan_cast(plan, copy[0], value->type, value->try_cast);
    return value->kind == PLAN_CASE
               ? plan_case(plan, value->arg_count, copy)
               : plan_call(plan, value->function->name, value->arg_count, copy);
}
fhir_sql fhir_sql_lift(struct fhir_lower *lower, fhir_sql value, unsigned made_at)
{
    return moved(lower, value, 0, (int64_t)lower->depth - made_at);
}

static bool is_short(fhir_sql value)
{
    if (value->kind == PLAN_COLUMN || value->kind == PLAN_ELEMENT || value->kind == PLAN_LITERAL)
        return true;
    return value->kind == PLAN_CALL && value->function->id == PLAN_FUNCTION_JSON_PATH &&
           (value->args[0]->kind == PLAN_COLUMN || value->args[0]->kind == PLAN_ELEMENT);
}
fhir_sql fhir_sql_bind(struct fhir_lower *lower, struct fhir_binding *ret, fhir_sql value)
{
    *ret = (struct fhir_binding){value, value != NULL && !is_short(value)};
    if (!ret->let)
        return value;
    lower->depth++;
    return fhir_sql_element(lower, value->type);
}
fhir_sql fhir_sql_bound(struct fhir_lower *lower, const struct fhir_binding *binding, fhir_sql body)
{
    if (!binding->let)
        return body;
    lower->depth--;
    return body == NULL ? NULL : fhir_sql_call(lower, "let", binding->value, body, NULL);
}
void fhir_sql_body(struct fhir_lower *lower)
{
    lower->depth++;
}
fhir_sql fhir_sql_each(struct fhir_lower *lower, const char *function, fhir_sql list, fhir_sql body)
{
    lower->depth--;
    return body == NULL ? NULL : fhir_sql_call(lower, function, list, body, NULL);
}

/* ---- forms -------------------------------------------------------------------------------------
 */

fhir_sql fhir_sql_list(struct fhir_lower *lower, fhir_sql value)
{
    if (value == NULL || fhir_sql_is_list(value))
        return value;
    if (value->type.kind == DATA_JSON)
        return fhir_sql_call(lower, "json_items", value, NULL, NULL);
    fhir_sql list = fhir_sql_call(lower, "list", value, NULL, NULL);
    fhir_sql_body(lower);
    fhir_sql there =
        fhir_sql_call(lower, "is_not_null", fhir_sql_element(lower, value->type), NULL, NULL);
    return fhir_sql_each(lower, "list_filter", list, there);
}

fhir_sql fhir_sql_one(struct fhir_lower *lower, fhir_sql value)
{
    if (value == NULL || !fhir_sql_is_list(value))
        return value;
    struct fhir_binding binding;
    fhir_sql list = fhir_sql_bind(lower, &binding, value);
    struct data_type item = value->type.fields[0].type;
    fhir_sql several =
        fhir_sql_call(lower, "gt", fhir_sql_call(lower, "list_length", list, NULL, NULL),
                      fhir_sql_int(lower, 1), NULL);
    const fhir_sql parts[] = {several,
                              fhir_sql_raise(lower, item, "several values, expected at most one"),
                              fhir_sql_call(lower, "list_get", list, fhir_sql_int(lower, 1), NULL)};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
}

fhir_sql fhir_sql_there(struct fhir_lower *lower, fhir_sql value)
{
    if (value == NULL)
        return NULL;
    if (value->type.kind == DATA_JSON) {
        bool guarded = value->kind == PLAN_CALL && value->function->id == PLAN_FUNCTION_JSON_PATH &&
                       value->args[0]->kind == PLAN_COLUMN;
        if (guarded)
            return fhir_sql_call(lower, "json_exists", value, NULL, NULL);
        value = fhir_sql_list(lower, value);
    }
    if (!fhir_sql_is_list(value))
        return fhir_sql_call(lower, "is_not_null", value, NULL, NULL);
    return fhir_sql_call(lower, "gt", fhir_sql_call(lower, "list_length", value, NULL, NULL),
                         fhir_sql_int(lower, 0), NULL);
}

/* ---- values ------------------------------------------------------------------------------------
 */

/* Is the JSON value, if there is one, of another kind than values of the system are? */
fhir_sql fhir_sql_other(struct fhir_lower *lower, fhir_sql json, enum fhir_system system)
{
    switch (system) {
    case FHIR_SYSTEM_BOOLEAN:
        return fhir_sql_call(lower, "json_not_boolean", json, NULL, NULL);
    case FHIR_SYSTEM_INTEGER:
    case FHIR_SYSTEM_DECIMAL:
        return fhir_sql_call(lower, "json_not_number", json, NULL, NULL);
    case FHIR_SYSTEM_STRING:
    case FHIR_SYSTEM_DATE:
    case FHIR_SYSTEM_DATETIME:
    case FHIR_SYSTEM_TIME:
        return fhir_sql_call(lower, lower->exact ? "json_not_string" : "json_not_text", json, NULL,
                             NULL);
    case FHIR_SYSTEM_NONE:
        return fhir_sql_call(lower, "json_structure", json, NULL, NULL);
    }
    return NULL;
}

fhir_sql fhir_sql_bare(struct fhir_lower *lower, fhir_sql json, enum fhir_system system)
{
    bool digits = lower->exact && (system == FHIR_SYSTEM_INTEGER || system == FHIR_SYSTEM_DECIMAL ||
                                   system == FHIR_SYSTEM_NONE);
    bool member = json != NULL && json->kind == PLAN_CALL &&
                  json->function->id == PLAN_FUNCTION_JSON_PATH &&
                  json->args[0]->kind == PLAN_ELEMENT && strchr(json->args[1]->literal, '.') == NULL;
    if (member && !digits)
        return fhir_sql_call(lower, "json_value", json->args[0], json->args[1], NULL);
    return fhir_sql_call(lower, digits ? "json_lexeme" : "json_text", json, NULL, NULL);
}

static const char *system_text(enum fhir_system system)
{
    static const char *const TEXT[] = {"a value",  "a boolean", "a string",   "an integer",
                                       "a number", "a date",    "a dateTime", "a time"};
    return TEXT[system];
}

/* A whole number's digits → bigint; others raise. */
static fhir_sql whole(struct fhir_lower *lower, fhir_sql digits)
{
    struct fhir_binding binding;
    fhir_sql text = fhir_sql_bind(lower, &binding, digits);
    fhir_sql value = plan_cast(lower->plan, text, DATA_TYPE(BIGINT), true);
    const fhir_sql parts[] = {fhir_sql_call(lower, "is_null", text, NULL, NULL),
                              fhir_sql_null(lower, DATA_TYPE(BIGINT)),
                              fhir_sql_call(lower, "is_not_null", value, NULL, NULL), value,
                              fhir_sql_raise(lower, DATA_TYPE(BIGINT), "expected an integer")};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 5, parts));
}

/* An item that is JSON, as the text of a value of that kind. */
static fhir_sql checked(struct fhir_lower *lower, fhir_sql json, enum fhir_system system)
{
    char what[64];
    struct fhir_binding binding;
    fhir_sql item = fhir_sql_bind(lower, &binding, json);
    snprintf(what, sizeof what, "expected %s", system_text(system));
    const fhir_sql parts[] = {fhir_sql_other(lower, item, system),
                              fhir_sql_raise(lower, DATA_TYPE(TEXT), what),
                              fhir_sql_bare(lower, item, system)};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
}

fhir_sql fhir_sql_typed(struct fhir_lower *lower, fhir_sql value, enum fhir_system system)
{
    value = fhir_sql_one(lower, value);
    if (value == NULL)
        return NULL;
    if (value->type.kind == DATA_JSON)
        value = checked(lower, value, system);
    if (value == NULL)
        return NULL;
    enum data_kind kind = value->type.kind;
    switch (system) {
    case FHIR_SYSTEM_BOOLEAN:
        return kind == DATA_BOOLEAN
                   ? value
                   : fhir_sql_call(lower, "eq", value, fhir_sql_text(lower, "true"), NULL);
    case FHIR_SYSTEM_INTEGER:
        return kind == DATA_BIGINT ? value
               : kind == DATA_TEXT
                   ? whole(lower, value)
                   : whole(lower, fhir_sql_call(lower, "number_text", value, NULL, NULL));
    case FHIR_SYSTEM_DECIMAL:
        return kind == DATA_TEXT ? fhir_sql_call(lower, "number_value", value, NULL, NULL)
               : kind == DATA_DECIMAL
                   ? value
                   : plan_cast(lower->plan, value, data_type_decimal(38, 15), false);
    case FHIR_SYSTEM_STRING:
    case FHIR_SYSTEM_DATE:
    case FHIR_SYSTEM_DATETIME:
    case FHIR_SYSTEM_TIME:
        return fhir_sql_lexeme(lower, value);
    case FHIR_SYSTEM_NONE:
        return value;
    }
    return value;
}

fhir_sql fhir_sql_digits(struct fhir_lower *lower, fhir_sql value)
{
    value = fhir_sql_one(lower, value);
    if (value != NULL && value->type.kind == DATA_JSON)
        return checked(lower, value, FHIR_SYSTEM_DECIMAL);
    return fhir_sql_lexeme(lower, value);
}

fhir_sql fhir_sql_lexeme(struct fhir_lower *lower, fhir_sql value)
{
    value = fhir_sql_one(lower, value);
    if (value == NULL || value->type.kind == DATA_TEXT)
        return value;
    if (value->type.kind == DATA_DECIMAL)
        return fhir_sql_call(lower, "number_text", value, NULL, NULL);
    if (value->type.kind != DATA_JSON)
        return fhir_sql_cast(lower, value, DATA_TEXT);
    struct fhir_binding binding;
    fhir_sql item = fhir_sql_bind(lower, &binding, value);
    const fhir_sql parts[] = {fhir_sql_other(lower, item, FHIR_SYSTEM_NONE),
                              fhir_sql_raise(lower, DATA_TYPE(TEXT), "expected a primitive value"),
                              fhir_sql_bare(lower, item, FHIR_SYSTEM_NONE)};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
}

/* ---- values as JSON ----------------------------------------------------------------------------
 */

fhir_sql fhir_sql_json(struct fhir_lower *lower, fhir_sql value, enum fhir_type type)
{
    value = fhir_sql_one(lower, value);
    if (value == NULL)
        return NULL;
    if (value->type.kind == DATA_JSON) {
        struct fhir_binding binding;
        fhir_sql item = fhir_sql_bind(lower, &binding, value);
        const fhir_sql parts[] = {fhir_sql_call(lower, "json_exists", item, NULL, NULL),
                                  fhir_sql_call(lower, "json_plain", item, NULL, NULL),
                                  fhir_sql_null(lower, DATA_TYPE(JSON))};
        return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
    }
    bool number = fhir_type_system(type) == FHIR_SYSTEM_DECIMAL || value->type.kind != DATA_TEXT;
    fhir_sql text = fhir_sql_lexeme(lower, value);
    return number ? fhir_sql_cast(lower, text, DATA_JSON)
                  : fhir_sql_call(lower, "json_string", text, NULL, NULL);
}

/* What JSON has of it: 'b'oolean, 's'tring, 'n'umber. */
static char kind_of_system(enum fhir_system system)
{
    bool number = system == FHIR_SYSTEM_INTEGER || system == FHIR_SYSTEM_DECIMAL;
    return system == FHIR_SYSTEM_BOOLEAN ? 'b' : number ? 'n' : 's';
}
static char kind_of(enum data_kind kind, enum fhir_type type)
{
    return kind == DATA_BOOLEAN ? 'b' : kind == DATA_TEXT && type != FHIR_TYPE_DECIMAL ? 's' : 'n';
}

static const char WRONG_TYPE[] = "a value that is not of the column's type";

/* Is the item, JSON that is there, no value of the declared system? */
static fhir_sql is_undeclared(struct fhir_lower *lower, fhir_sql item, enum fhir_system declared)
{
    fhir_sql other = fhir_sql_other(lower, item, declared);
    if (declared != FHIR_SYSTEM_INTEGER)
        return other;
    fhir_sql digits = fhir_sql_bare(lower, item, declared);
    fhir_sql whole = digits == NULL ? NULL
                                    : plan_cast(lower->plan, digits, DATA_TYPE(BIGINT), true);
    return fhir_sql_call(lower, "or", other, fhir_sql_call(lower, "is_null", whole, NULL, NULL),
                         NULL);
}

/* An element of the collection as JSON; one that is not of the declared system raises. */
static fhir_sql element_json(struct fhir_lower *lower, fhir_sql element, enum fhir_type type,
                             enum fhir_system declared)
{
    bool json = element->type.kind == DATA_JSON;
    fhir_sql plain = json ? fhir_sql_call(lower, "json_plain", element, NULL, NULL)
                          : fhir_sql_json(lower, element, type);
    if (declared == FHIR_SYSTEM_NONE)
        return plain;
    if (!json && kind_of(element->type.kind, type) == kind_of_system(declared))
        return plain;
    fhir_sql wrong = fhir_sql_raise(lower, DATA_TYPE(JSON), WRONG_TYPE);
    const fhir_sql parts[] = {json ? is_undeclared(lower, element, declared)
                                   : fhir_sql_bool(lower, true),
                              wrong, plain};
    return fhir_sql_case(lower, 3, parts);
}

fhir_sql fhir_sql_json_declared(struct fhir_lower *lower, fhir_sql value, enum fhir_type type,
                                enum fhir_system declared)
{
    struct fhir_binding binding;
    value = fhir_sql_one(lower, value);
    if (value == NULL || declared == FHIR_SYSTEM_NONE || value->type.kind != DATA_JSON)
        return fhir_sql_json(lower, value, type);
    fhir_sql item = fhir_sql_bind(lower, &binding, value);
    const fhir_sql parts[] = {fhir_sql_other(lower, item, declared),
                              fhir_sql_raise(lower, DATA_TYPE(JSON), WRONG_TYPE),
                              fhir_sql_json(lower, item, type)};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
}

fhir_sql fhir_sql_json_array(struct fhir_lower *lower, fhir_sql value, enum fhir_type type,
                             enum fhir_system declared)
{
    fhir_sql list = fhir_sql_list(lower, value);
    if (list == NULL)
        return NULL;
    fhir_sql_body(lower);
    fhir_sql element = fhir_sql_element(lower, list->type.fields[0].type);
    fhir_sql body = element == NULL ? NULL : element_json(lower, element, type, declared);
    list = fhir_sql_each(lower, "list_transform", list, body);
    return fhir_sql_call(lower, "json_array", list, NULL, NULL);
}
