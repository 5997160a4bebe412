/* A plan's parameters and their values. A value is read by its parameter's declared type into
 * canonical text, so what reaches an engine is a typed value that is bound ($1 …), or, where a plan
 * is kept as a run, a typed literal that the dialect encodes; the text that was given is never part
 * of a statement.
 *
 *     list_contains(param codes list(text), code)  codes = ["0389","4019"]
 *         →  list_contains(list(param codes[1], param codes[2]), code)      $1 = '0389', $2 =
 * '4019'
 *
 * Lists are spread because not every engine binds them. All of it works on the plan's JSON, which
 * the plan layer then checks again as it reads it. */
#include "api/api_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_param(const json_t *json)
{
    return json_is_object(json) && json_text(json, "param", NULL) != NULL &&
           json_text(json, "type", NULL) != NULL;
}

void api_params_map(json_t *plan, api_param_visit visit, void *user)
{
    const char *key;
    json_t *child, *made;
    size_t idx;
    void *next;
    json_object_foreach_safe(plan, next, key, child)
    {
        made = is_param(child)
                   ? visit(user, json_text(child, "param", ""), json_text(child, "type", ""))
                   : NULL;
        if (made != NULL)
            (void)json_object_set_new(plan, key, made);
        else
            api_params_map(child, visit, user);
    }
    json_array_foreach(plan, idx, child)
    {
        made = is_param(child)
                   ? visit(user, json_text(child, "param", ""), json_text(child, "type", ""))
                   : NULL;
        if (made != NULL)
            (void)json_array_set_new(plan, idx, made);
        else
            api_params_map(child, visit, user);
    }
}

/* ---- values ------------------------------------------------------------------------------------
 */

struct binding {
    struct api_bound *bound;
    const json_t *given;
    bool show_values;
    bool ok;
    struct err *err; /* the first problem */
    enum err_code code;
};

/* value: a text that was given, shown by its shape; words: what was found instead of one; both
 * NULL: nothing was. */
static void fail(struct binding *binding, const char *name, const char *type, const char *value,
                 const char *words)
{
    char pattern[64];
    bool is_list = strncmp(type, "list(", 5) == 0;
    if (binding->code != ERR_OK)
        return;
    if (value == NULL && words == NULL) {
        binding->code = err_set(binding->err, ERR_INPUT,
                                "parameter \"%.100s\" has no value: expected %.100s", name, type);
    } else {
        if (value != NULL)
            words = binding->show_values
                        ? value
                        : err_pattern(value, strlen(value), pattern, sizeof pattern);
        binding->code =
            err_set(binding->err, ERR_INPUT, "parameter \"%.100s\": expected %.100s, found %.100s",
                    name, type, words);
    }
    if (is_list)
        err_hint(binding->err, "a list is a JSON array: --param '%.60s=[…]'", name);
    else if (value == NULL && words == NULL)
        err_hint(binding->err, "give it: --param %.60s=VALUE", name);
}

/* Text as the type's canonical literal, from the arena; NULL: it is no value of the type. */
static const char *canonical(struct binding *binding, const char *type, const char *text)
{
    AUTO(plan_free) struct plan *scratch = plan_new();
    struct data_type parsed = {.kind = DATA_NULL};
    if (scratch == NULL ||
        data_type_parse_nested(plan_arena(scratch), str_of(type), &parsed, ERR_IGNORED) != ERR_OK)
        return NULL;
    const struct plan_expr *literal = plan_literal(scratch, parsed, text);
    return literal == NULL ? NULL : arena_strdup(binding->bound->arena, literal->literal);
}

/* A scalar's text as a person would type it; NULL: no scalar. */
static const char *scalar_text(const json_t *value, char number[64])
{
    if (json_is_string(value))
        return strlen(json_string_value(value)) == json_string_length(value)
                   ? json_string_value(value)
                   : NULL;
    if (json_is_boolean(value))
        return json_is_true(value) ? "true" : "false";
    if (json_is_integer(value)) {
        (void)snprintf(number, 64, "%" PRId64, (int64_t)json_integer_value(value));
        return number;
    }
    return json_is_real(value) ? str_from_double(json_real_value(value), number) : NULL;
}

static bool keep(struct binding *binding, const char *name, const char *type, const char *of,
                 const json_t *value)
{
    char number[64];
    struct api_bound *bound = binding->bound;
    if (json_is_null(value)) {
        json_put(bound->values, name, json_null(), &binding->ok);
    } else {
        const char *text = scalar_text(value, number);
        const char *literal = text == NULL ? NULL : canonical(binding, type, text);
        if (literal == NULL) {
            fail(binding, of, type, text,
                 json_is_array(value)    ? "a list"
                 : json_is_object(value) ? "an object"
                                         : "a text with a NUL character");
            return false;
        }
        json_put_text(bound->values, name, literal, &binding->ok);
    }
    json_put_text(bound->types, name, type, &binding->ok);
    return true;
}

/* The element's type of "list(…)", from the arena. */
static const char *element_of(struct binding *binding, const char *type)
{
    size_t length = strlen(type);
    return arena_strndup(binding->bound->arena, type + 5, length > 6 ? length - 6 : 0);
}

/* A list's elements, new reference; NULL: what is given is none. */
static json_t *elements_of(const json_t *value)
{
    json_t *parsed = NULL;
    if (json_is_array(value))
        return json_incref((json_t *)(uintptr_t)value);
    if (json_is_string(value) &&
        json_parse(str_of(json_string_value(value)), "parameter", &parsed, ERR_IGNORED) == ERR_OK &&
        json_is_array(parsed))
        return parsed;
    json_decref(parsed);
    return NULL;
}

/* A list parameter's place: the list of its elements as scalar parameters. */
static json_t *spread(struct binding *binding, const char *name, const char *type,
                      const json_t *value)
{
    JSON_AUTO elements = elements_of(value);
    const char *element = element_of(binding, type);
    size_t idx;
    json_t *one, *call = json_object(), *args = json_array();
    if (json_array_size(elements) == 0 || element == NULL)
        fail(binding, name, type, NULL, elements == NULL ? "no list" : "an empty list");
    if (json_array_size(elements) > API_LIST_LIMIT && binding->code == ERR_OK)
        binding->code =
            err_set(binding->err, ERR_LIMIT, "parameter \"%.100s\": %zu values, %d at most", name,
                    json_array_size(elements), API_LIST_LIMIT);
    json_array_foreach(elements, idx, one)
    {
        if (binding->code != ERR_OK)
            break;
        json_t *param = json_object();
        const char *part = arena_printf(binding->bound->arena, "%s[%zu]", name, idx + 1);
        if (part == NULL || !keep(binding, part, element, name, one))
            binding->ok = part != NULL && binding->ok;
        json_put_text(param, "param", part, &binding->ok);
        json_put_text(param, "type", element, &binding->ok);
        json_push(args, param, &binding->ok);
    }
    json_put_text(call, "call", "list", &binding->ok);
    json_put(call, "args", args, &binding->ok);
    return call;
}

static json_t *bind_one(void *user, const char *name, const char *type)
{
    struct binding *binding = user;
    const json_t *value = json_object_get(binding->given, name);
    if (binding->code != ERR_OK)
        return NULL;
    if (value == NULL)
        fail(binding, name, type, NULL, NULL);
    else if (strncmp(type, "list(", 5) == 0)
        return spread(binding, name, type, value);
    else if (json_object_get(binding->bound->values, name) == NULL)
        (void)keep(binding, name, type, name, value);
    return NULL;
}

/* A value that no parameter asks for is a mistake. */
static enum err_code check_known(const struct api_plan *plan, const json_t *given, struct err *err)
{
    const char *key;
    json_t *value, *param;
    size_t idx;
    json_object_foreach((json_t *)(uintptr_t)given, key, value)
    {
        struct nearest nearest = {.asked = key};
        bool known = false;
        json_array_foreach(plan->params, idx, param)
        {
            known = known || strcmp(json_text(param, "name", ""), key) == 0;
            nearest_offer(&nearest, json_text(param, "name", ""));
        }
        if (known)
            continue;
        err_set(err, ERR_INPUT, "the plan has no parameter \"%.100s\"", key);
        if (nearest_text(&nearest) != NULL)
            return err_hint(err, "did you mean \"%.100s\"?", nearest_text(&nearest));
        return err_hint(err, json_array_size(plan->params) == 0
                                 ? "it has none"
                                 : "'marrow plan check' lists its parameters");
    }
    return ERR_OK;
}

enum err_code api_params_bind(const struct api_plan *plan, const json_t *given, bool show_values,
                              struct api_bound *ret, struct err *err)
{
    struct binding binding = {
        .bound = ret, .given = given, .show_values = show_values, .ok = true, .err = err};
    TRY(check_known(plan, given, err));
    ret->arena = arena_new(API_PLAN_LIMIT_BYTES);
    ret->plan = json_deep_copy(plan->json);
    ret->values = json_object();
    ret->types = json_object();
    if (ret->arena == NULL || ret->plan == NULL || ret->values == NULL || ret->types == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the parameters");
    api_params_map(ret->plan, bind_one, &binding);
    TRY(binding.code);
    return json_built(binding.ok && !arena_failed(ret->arena), err);
}

/* ---- a plan without parameters -----------------------------------------------------------------
 */

static json_t *literal_of(void *user, const char *name, const char *type)
{
    struct binding *binding = user;
    json_t *literal = json_object();
    json_put(literal, "literal", json_incref(json_object_get(binding->bound->values, name)),
             &binding->ok);
    json_put_text(literal, "type", type, &binding->ok);
    return literal;
}

enum err_code api_params_close(struct api_bound *bound, struct err *err)
{
    struct binding binding = {.bound = bound, .ok = true, .err = err};
    api_params_map(bound->plan, literal_of, &binding);
    return json_built(binding.ok, err);
}

/* ---- values for an engine ----------------------------------------------------------------------
 */

/* Booleans, bigints and doubles as themselves; the rest as canonical text, which the statement
 * casts: CAST($1 AS DATE). */
static struct engine_value value_of(const char *type, const json_t *value)
{
    const char *text = json_string_value(value);
    struct engine_value ret = {.type = DATA_TYPE(NULL)};
    if (text == NULL)
        return ret;
    if (strcmp(type, "boolean") == 0) {
        ret.type = DATA_TYPE(BOOLEAN);
        ret.i64 = strcmp(text, "true") == 0;
    } else if (strcmp(type, "bigint") == 0 && str_to_int64(str_of(text), &ret.i64)) {
        ret.type = DATA_TYPE(BIGINT);
    } else if (strcmp(type, "double") == 0 && str_to_double(str_of(text), &ret.f64)) {
        ret.type = DATA_TYPE(DOUBLE);
    } else {
        ret.type = DATA_TYPE(TEXT);
        ret.text = str_of(text);
    }
    return ret;
}

enum err_code api_params_values(const struct api_bound *bound, const char *const *names,
                                size_t count, const struct engine_value **ret, struct err *err)
{
    struct engine_value *values = arena_array(bound->arena, count + 1, sizeof *values);
    if (values == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the parameters");
    for (size_t i = 0; i < count; i++)
        values[i] = value_of(json_text(bound->types, names[i], ""),
                             json_object_get(bound->values, names[i]));
    *ret = values;
    return ERR_OK;
}

void api_bound_done(struct api_bound *bound)
{
    arena_free(bound->arena);
    json_decref(bound->plan);
    json_decref(bound->values);
    json_decref(bound->types);
    memset(bound, 0, sizeof *bound);
}
