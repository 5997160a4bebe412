/* FHIRPath's functions as SQL. Items of a collection are list functions with a body; strings and
 * numbers are what SQL has. */
#include "fhir/lower_priv.h"

#include <string.h>

static fhir_sql input_of(struct fhir_lower *lower, const struct fhir_path *path,
                         const struct fhir_focus *focus)
{
    return fhir_lower_path(lower, path->input, focus);
}
static fhir_sql length_of(struct fhir_lower *lower, fhir_sql list)
{
    return fhir_sql_call(lower, "list_length", list, NULL, NULL);
}

/* ---- items ------------------------------------------------------------------------------------
 */

/* value where the criterion holds of it, else null */
static fhir_sql only_if(struct fhir_lower *lower, fhir_sql value, const struct fhir_path *criterion)
{
    struct fhir_binding binding = {value, true};
    lower->depth++;
    fhir_sql item = fhir_sql_element(lower, value->type);
    const fhir_sql parts[] = {fhir_lower_criterion(lower, criterion, value->type), item,
                              fhir_sql_null(lower, value->type)};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
}

static fhir_sql where(struct fhir_lower *lower, const struct fhir_path *path,
                      const struct fhir_focus *focus)
{
    fhir_sql value = input_of(lower, path, focus);
    if (value == NULL)
        return NULL;
    bool one =
        !fhir_sql_is_list(value) && (value->type.kind != DATA_JSON || !path->input->known.many);
    if (one && value->type.kind != DATA_JSON)
        return only_if(lower, value, path->args[0]);
    fhir_sql list = fhir_sql_list(lower, value);
    fhir_sql_body(lower);
    fhir_sql holds = fhir_lower_criterion(lower, path->args[0], list->type.fields[0].type);
    list = fhir_sql_each(lower, "list_filter", list, holds);
    return one ? fhir_sql_call(lower, "list_get", list, fhir_sql_int(lower, 1), NULL) : list;
}

/* all(criteria): there is none of which it is not true */
static fhir_sql all(struct fhir_lower *lower, const struct fhir_path *path,
                    const struct fhir_focus *focus)
{
    fhir_sql list = fhir_sql_list(lower, input_of(lower, path, focus));
    if (list == NULL)
        return NULL;
    fhir_sql_body(lower);
    fhir_sql holds = fhir_lower_criterion(lower, path->args[0], list->type.fields[0].type);
    fhir_sql fails = fhir_sql_call(
        lower, "not",
        holds == NULL ? NULL
                      : fhir_sql_call(lower, "coalesce", holds, fhir_sql_bool(lower, false), NULL),
        NULL, NULL);
    list = fhir_sql_each(lower, "list_filter", list, fails);
    return fhir_sql_call(lower, "eq", length_of(lower, list), fhir_sql_int(lower, 0), NULL);
}

/* allTrue(), anyTrue() */
static fhir_sql truths(struct fhir_lower *lower, const struct fhir_path *path,
                       const struct fhir_focus *focus)
{
    bool any = path->function == FHIR_FUNCTION_ANY_TRUE;
    fhir_sql list = fhir_sql_list(lower, input_of(lower, path, focus));
    if (list == NULL)
        return NULL;
    fhir_sql_body(lower);
    fhir_sql item = fhir_sql_typed(lower, fhir_sql_element(lower, list->type.fields[0].type),
                                   FHIR_SYSTEM_BOOLEAN);
    list = fhir_sql_each(lower, "list_filter", list,
                         any ? item : fhir_sql_call(lower, "not", item, NULL, NULL));
    return fhir_sql_call(lower, any ? "gt" : "eq", length_of(lower, list), fhir_sql_int(lower, 0),
                         NULL);
}

static fhir_sql picked(struct fhir_lower *lower, const struct fhir_path *path,
                       const struct fhir_focus *focus)
{
    struct fhir_binding binding;
    fhir_sql value = input_of(lower, path, focus);
    if (value == NULL || !fhir_sql_is_list(value))
        return value;
    if (path->function == FHIR_FUNCTION_FIRST)
        return fhir_sql_call(lower, "list_get", value, fhir_sql_int(lower, 1), NULL);
    if (path->function == FHIR_FUNCTION_SINGLE)
        return fhir_sql_one(lower, value);
    fhir_sql list = fhir_sql_bind(lower, &binding, value);
    return fhir_sql_bound(lower, &binding,
                          fhir_sql_call(lower, "list_get", list, length_of(lower, list), NULL));
}

#define REST 2147483647 /* elements: more than there can be */

static fhir_sql sliced(struct fhir_lower *lower, const struct fhir_path *path,
                       const struct fhir_focus *focus)
{
    fhir_sql list = fhir_sql_list(lower, input_of(lower, path, focus));
    if (path->function == FHIR_FUNCTION_TAIL)
        return fhir_sql_call(lower, "list_slice", list, fhir_sql_int(lower, 2),
                             fhir_sql_int(lower, REST));
    fhir_sql number =
        fhir_sql_typed(lower, fhir_lower_path(lower, path->args[0], focus), FHIR_SYSTEM_INTEGER);
    if (number == NULL)
        return NULL;
    number = fhir_sql_call(lower, "greatest", number, fhir_sql_int(lower, 0), NULL);
    if (path->function == FHIR_FUNCTION_TAKE)
        return fhir_sql_call(lower, "list_slice", list, fhir_sql_int(lower, 1), number);
    return fhir_sql_call(lower, "list_slice", list,
                         fhir_sql_call(lower, "add", number, fhir_sql_int(lower, 1), NULL),
                         fhir_sql_int(lower, REST));
}

static fhir_sql counted(struct fhir_lower *lower, const struct fhir_path *path,
                        const struct fhir_focus *focus)
{
    return length_of(lower, fhir_sql_list(lower, input_of(lower, path, focus)));
}

static fhir_sql exists(struct fhir_lower *lower, const struct fhir_path *path,
                       const struct fhir_focus *focus)
{
    return fhir_sql_there(lower, path->arg_count > 0 ? where(lower, path, focus)
                                                     : input_of(lower, path, focus));
}

/* hasValue(): one item, a primitive */
static fhir_sql has_value(struct fhir_lower *lower, const struct fhir_path *path,
                          const struct fhir_focus *focus)
{
    struct fhir_binding binding;
    fhir_sql value = fhir_sql_list(lower, input_of(lower, path, focus));
    if (value == NULL)
        return NULL;
    bool json = value->type.fields[0].type.kind == DATA_JSON;
    fhir_sql list = fhir_sql_bind(lower, &binding, value);
    fhir_sql one = fhir_sql_call(lower, "eq", length_of(lower, list), fhir_sql_int(lower, 1), NULL);
    fhir_sql item = fhir_sql_call(lower, "list_get", list, fhir_sql_int(lower, 1), NULL);
    fhir_sql kind = json ? fhir_sql_call(lower, "json_kind", item, NULL, NULL) : NULL;
    const fhir_sql plain[] = {kind, fhir_sql_text(lower, "string"), fhir_sql_text(lower, "number"),
                              fhir_sql_text(lower, "boolean")};
    const fhir_sql parts[] = {
        one, kind != NULL ? plan_call(lower->plan, "in", 4, plain) : fhir_sql_bool(lower, true),
        fhir_sql_bool(lower, false)};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
}

static fhir_sql text_at(struct fhir_lower *lower, fhir_sql item, const char *name)
{
    return fhir_sql_call(lower, "json_text", fhir_lower_member(lower, item, name), NULL, NULL);
}

/* extension(url): those whose url it is */
static fhir_sql extension(struct fhir_lower *lower, const struct fhir_path *path,
                          const struct fhir_focus *focus)
{
    fhir_sql list = fhir_sql_list(lower, fhir_lower_extensions(lower, path->input, focus));
    fhir_sql url = fhir_sql_lexeme(lower, fhir_lower_path(lower, path->args[0], focus));
    unsigned made_at = lower->depth;
    if (list == NULL || url == NULL)
        return NULL;
    fhir_sql_body(lower);
    fhir_sql own =
        text_at(lower, fhir_sql_element(lower, DATA_TYPE(JSON)), "url");
    return fhir_sql_each(lower, "list_filter", list,
                         fhir_sql_call(lower, "eq", own, fhir_sql_lift(lower, url, made_at), NULL));
}

/* ---- keys --------------------------------------------------------------------------------------
 */

/* A function of each item, null ones left out; of one value, of that. */
static fhir_sql of_each(struct fhir_lower *lower, fhir_sql value,
                        fhir_sql (*make)(struct fhir_lower *lower, fhir_sql item, const void *user),
                        const void *user)
{
    if (value == NULL || !fhir_sql_is_list(value))
        return value == NULL ? NULL : make(lower, value, user);
    fhir_sql_body(lower);
    fhir_sql made = make(lower, fhir_sql_element(lower, value->type.fields[0].type), user);
    fhir_sql list = fhir_sql_each(lower, "list_transform", value, made);
    if (list == NULL)
        return NULL;
    fhir_sql_body(lower);
    fhir_sql there = fhir_sql_call(lower, "is_not_null",
                                   fhir_sql_element(lower, list->type.fields[0].type), NULL, NULL);
    return fhir_sql_each(lower, "list_filter", list, there);
}

static fhir_sql resource_key(struct fhir_lower *lower, fhir_sql item, const void *user)
{
    (void)user;
    return fhir_sql_bare(lower, fhir_lower_member(lower, item, "id"), FHIR_SYSTEM_NONE);
}

/* Patient/1, https://host/fhir/Patient/1/_history/2, urn:uuid:… */
static fhir_sql reference_key(struct fhir_lower *lower, fhir_sql item, const void *user)
{
    const char *type = user != NULL ? (const char *)user : "";
    fhir_sql text = text_at(lower, item, "reference");
    if (type[0] == '\0')
        return fhir_sql_call(lower, "reference_key", text, NULL, NULL);
    return fhir_sql_call(lower, "reference_key_of", text, text_at(lower, item, "type"),
                         fhir_sql_text(lower, type));
}

/* ---- strings -----------------------------------------------------------------------------------
 */

static fhir_sql joined(struct fhir_lower *lower, const struct fhir_path *path,
                       const struct fhir_focus *focus)
{
    struct fhir_binding binding;
    fhir_sql list = fhir_sql_list(lower, input_of(lower, path, focus));
    fhir_sql separator = path->arg_count > 0
                             ? fhir_sql_typed(lower, fhir_lower_path(lower, path->args[0], focus),
                                              FHIR_SYSTEM_STRING)
                             : fhir_sql_text(lower, "");
    unsigned made_at = lower->depth;
    if (list == NULL || separator == NULL)
        return NULL;
    fhir_sql items = fhir_sql_bind(lower, &binding, list);
    fhir_sql some =
        fhir_sql_call(lower, "gt", length_of(lower, items), fhir_sql_int(lower, 0), NULL);
    fhir_sql_body(lower);
    fhir_sql text = fhir_sql_lexeme(lower, fhir_sql_element(lower, list->type.fields[0].type));
    fhir_sql texts = fhir_sql_each(lower, "list_transform", items, text);
    const fhir_sql parts[] = {
        some,
        fhir_sql_call(lower, "list_join", texts, fhir_sql_lift(lower, separator, made_at), NULL),
        fhir_sql_null(lower, DATA_TYPE(TEXT))};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
}

/* substring(from 0[, length]): {} where it begins outside */
static fhir_sql substring(struct fhir_lower *lower, fhir_sql text, fhir_sql from, fhir_sql count)
{
    unsigned made_at = lower->depth;
    struct fhir_binding binding;
    if (text == NULL || from == NULL)
        return NULL;
    fhir_sql at = fhir_sql_bind(lower, &binding, text);
    from = fhir_sql_lift(lower, from, made_at);
    count = fhir_sql_lift(lower, count, made_at);
    fhir_sql first = fhir_sql_call(lower, "add", from, fhir_sql_int(lower, 1), NULL);
    fhir_sql inside = fhir_sql_call(
        lower, "and", fhir_sql_call(lower, "ge", from, fhir_sql_int(lower, 0), NULL),
        fhir_sql_call(lower, "lt", from, fhir_sql_call(lower, "length", at, NULL, NULL), NULL),
        NULL);
    if (count != NULL)
        count = fhir_sql_call(lower, "greatest", count, fhir_sql_int(lower, 0), NULL);
    const fhir_sql parts[] = {inside, fhir_sql_call(lower, "substring", at, first, count),
                              fhir_sql_null(lower, DATA_TYPE(TEXT))};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
}

static fhir_sql argument(struct fhir_lower *lower, const struct fhir_path *path, size_t i,
                         const struct fhir_focus *focus, enum fhir_system system)
{
    return i < path->arg_count
               ? fhir_sql_typed(lower, fhir_lower_path(lower, path->args[i], focus), system)
               : NULL;
}

/* text ends with the other */
static fhir_sql ends_with(struct fhir_lower *lower, fhir_sql text, fhir_sql other)
{
    if (other == NULL)
        return NULL;
    fhir_sql tail = fhir_sql_call(lower, "right", text,
                                  fhir_sql_call(lower, "length", other, NULL, NULL), NULL);
    return fhir_sql_call(lower, "eq", tail, other, NULL);
}

static fhir_sql of_string(struct fhir_lower *lower, const struct fhir_path *path,
                          const struct fhir_focus *focus)
{
    fhir_sql text = fhir_sql_typed(lower, input_of(lower, path, focus), FHIR_SYSTEM_STRING);
    bool numbers = path->function == FHIR_FUNCTION_SUBSTRING;
    enum fhir_system system = numbers ? FHIR_SYSTEM_INTEGER : FHIR_SYSTEM_STRING;
    fhir_sql first = argument(lower, path, 0, focus, system);
    fhir_sql second = argument(lower, path, 1, focus, system);
    if (text == NULL || (path->arg_count > 0 && first == NULL) ||
        (path->arg_count > 1 && second == NULL))
        return NULL;
    switch ((int)path->function) {
    case FHIR_FUNCTION_STARTS_WITH:
        return fhir_sql_call(lower, "starts_with", text, first, NULL);
    case FHIR_FUNCTION_ENDS_WITH:
        return ends_with(lower, text, first);
    case FHIR_FUNCTION_CONTAINS:
        return fhir_sql_call(lower, "contains", text, first, NULL);
    case FHIR_FUNCTION_SUBSTRING:
        return substring(lower, text, first, second);
    case FHIR_FUNCTION_REPLACE:
        return fhir_sql_call(lower, "replace", text, first, second);
    case FHIR_FUNCTION_LENGTH:
        return fhir_sql_call(lower, "length", text, NULL, NULL);
    case FHIR_FUNCTION_UPPER:
        return fhir_sql_call(lower, "ascii_upper", text, NULL, NULL);
    }
    return fhir_sql_call(lower, "ascii_lower", text, NULL, NULL);
}

/* toInteger(): digits alone; of a boolean 1, 0; {} of all else */
static fhir_sql to_integer(struct fhir_lower *lower, const struct fhir_path *path,
                           const struct fhir_focus *focus)
{
    struct fhir_binding binding;
    fhir_sql value = fhir_sql_one(lower, input_of(lower, path, focus));
    if (value == NULL || value->type.kind == DATA_BIGINT)
        return value;
    fhir_sql text = fhir_sql_bind(lower, &binding, fhir_sql_lexeme(lower, value));
    if (text == NULL)
        return NULL;
    fhir_sql truth = fhir_sql_call(lower, "eq", text, fhir_sql_text(lower, "true"), NULL);
    fhir_sql untruth = fhir_sql_call(lower, "eq", text, fhir_sql_text(lower, "false"), NULL);
    fhir_sql blanks = fhir_sql_call(lower, "contains", text, fhir_sql_text(lower, " "), NULL);
    const fhir_sql parts[] = {truth,
                              fhir_sql_int(lower, 1),
                              untruth,
                              fhir_sql_int(lower, 0),
                              blanks,
                              fhir_sql_null(lower, DATA_TYPE(BIGINT)),
                              plan_cast(lower->plan, text, DATA_TYPE(BIGINT), true)};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 7, parts));
}

/* ---- iif ---------------------------------------------------------------------------------------
 */

/* Both of one form: the same type, else JSON; lists where either is one. */
static bool unite(struct fhir_lower *lower, fhir_sql *a, fhir_sql *b, const struct fhir_path *path,
                  const struct fhir_path *other)
{
    if (*a == NULL || *b == NULL)
        return false;
    if (data_type_equal((*a)->type, (*b)->type))
        return true;
    if (path->kind == FHIR_PATH_EMPTY)
        *a = fhir_sql_is_list(*b) ? fhir_sql_list(lower, *a) : fhir_sql_null(lower, (*b)->type);
    if (other->kind == FHIR_PATH_EMPTY)
        *b = fhir_sql_is_list(*a) ? fhir_sql_list(lower, *b) : fhir_sql_null(lower, (*a)->type);
    if (*a == NULL || *b == NULL || data_type_equal((*a)->type, (*b)->type))
        return *a != NULL && *b != NULL;
    bool lists = fhir_sql_is_list(*a) || fhir_sql_is_list(*b);
    enum fhir_system system = fhir_type_system(path->known.type);
    if (!lists && path->known.type == other->known.type && system != FHIR_SYSTEM_NONE) {
        *a = fhir_sql_typed(lower, *a, system);
        *b = fhir_sql_typed(lower, *b, system);
        return *a != NULL && *b != NULL;
    }
    if (!fhir_sql_is_list(*a) && (*a)->type.kind != DATA_JSON)
        *a = fhir_sql_json(lower, *a, path->known.type);
    if (!fhir_sql_is_list(*b) && (*b)->type.kind != DATA_JSON)
        *b = fhir_sql_json(lower, *b, other->known.type);
    if (lists) {
        *a = fhir_sql_list(lower, *a);
        *b = fhir_sql_list(lower, *b);
    }
    return *a != NULL && *b != NULL && data_type_equal((*a)->type, (*b)->type);
}

static fhir_sql iif(struct fhir_lower *lower, const struct fhir_path *path,
                    const struct fhir_focus *focus)
{
    static const struct fhir_path NOTHING = {.kind = FHIR_PATH_EMPTY};
    const struct fhir_path *other = path->arg_count > 2 ? path->args[2] : &NOTHING;
    fhir_sql holds =
        fhir_sql_typed(lower, fhir_lower_path(lower, path->args[0], focus), FHIR_SYSTEM_BOOLEAN);
    fhir_sql then = fhir_lower_path(lower, path->args[1], focus);
    fhir_sql otherwise = fhir_lower_path(lower, other, focus);
    if (holds == NULL || then == NULL || otherwise == NULL)
        return NULL;
    if (!unite(lower, &then, &otherwise, path->args[1], other))
        return fhir_lower_refuse(lower, "iif() of collections of unlike types");
    const fhir_sql parts[] = {holds, then, otherwise};
    return fhir_sql_case(lower, 3, parts);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

static fhir_sql boundary(struct fhir_lower *lower, const struct fhir_path *path,
                         const struct fhir_focus *focus)
{
    fhir_sql value = fhir_sql_one(lower, input_of(lower, path, focus));
    return value == NULL ? NULL
                         : fhir_lower_boundary(lower, value, path->input->known.type,
                                               path->function == FHIR_FUNCTION_HIGH_BOUNDARY);
}

static fhir_sql negated(struct fhir_lower *lower, fhir_sql value)
{
    return fhir_sql_call(lower, "not", fhir_sql_typed(lower, value, FHIR_SYSTEM_BOOLEAN), NULL,
                         NULL);
}

fhir_sql fhir_lower_call(struct fhir_lower *lower, const struct fhir_path *path,
                         const struct fhir_focus *focus)
{
    switch (path->function) {
    case FHIR_FUNCTION_WHERE:
        return where(lower, path, focus);
    case FHIR_FUNCTION_EXISTS:
        return exists(lower, path, focus);
    case FHIR_FUNCTION_EMPTY:
        return negated(lower, fhir_sql_there(lower, input_of(lower, path, focus)));
    case FHIR_FUNCTION_ALL:
        return all(lower, path, focus);
    case FHIR_FUNCTION_ALL_TRUE:
    case FHIR_FUNCTION_ANY_TRUE:
        return truths(lower, path, focus);
    case FHIR_FUNCTION_NOT:
        return negated(lower, input_of(lower, path, focus));
    case FHIR_FUNCTION_COUNT:
        return counted(lower, path, focus);
    case FHIR_FUNCTION_FIRST:
    case FHIR_FUNCTION_LAST:
    case FHIR_FUNCTION_SINGLE:
        return picked(lower, path, focus);
    case FHIR_FUNCTION_TAIL:
    case FHIR_FUNCTION_SKIP:
    case FHIR_FUNCTION_TAKE:
        return sliced(lower, path, focus);
    case FHIR_FUNCTION_DISTINCT:
        return fhir_lower_refuse(lower, "distinct()");
    case FHIR_FUNCTION_OF_TYPE:
        return fhir_lower_of_type(lower, path, focus);
    case FHIR_FUNCTION_EXTENSION:
        return extension(lower, path, focus);
    case FHIR_FUNCTION_JOIN:
        return joined(lower, path, focus);
    case FHIR_FUNCTION_LOW_BOUNDARY:
    case FHIR_FUNCTION_HIGH_BOUNDARY:
        return boundary(lower, path, focus);
    case FHIR_FUNCTION_RESOURCE_KEY:
        return of_each(lower, input_of(lower, path, focus), resource_key, NULL);
    case FHIR_FUNCTION_REFERENCE_KEY:
        return of_each(lower, input_of(lower, path, focus), reference_key, path->name.ptr);
    case FHIR_FUNCTION_HAS_VALUE:
        return has_value(lower, path, focus);
    case FHIR_FUNCTION_STARTS_WITH:
    case FHIR_FUNCTION_ENDS_WITH:
    case FHIR_FUNCTION_CONTAINS:
    case FHIR_FUNCTION_SUBSTRING:
    case FHIR_FUNCTION_REPLACE:
    case FHIR_FUNCTION_LENGTH:
    case FHIR_FUNCTION_UPPER:
    case FHIR_FUNCTION_LOWER:
        return of_string(lower, path, focus);
    case FHIR_FUNCTION_TO_STRING:
        return fhir_sql_lexeme(lower, input_of(lower, path, focus));
    case FHIR_FUNCTION_TO_INTEGER:
        return to_integer(lower, path, focus);
    case FHIR_FUNCTION_IIF:
        return iif(lower, path, focus);
    case FHIR_FUNCTIONS_END:
        break;
    }
    return NULL;
}
