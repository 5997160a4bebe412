/* FHIRPath's navigation as SQL: members, typed members of choices, indices, extensions.
 *
 *     birthDate                    json_path(resource, "birthDate")                       one at
 * most name.given                   list_flat(json_items(json_path(resource, "name")),
 *                                            json_items(json_path(@0, "given")))            a list
 * Where FHIR R4 has one value at most, a path is taken out in one step; the guards (lower_guard.c)
 * see that no array stands there. Everything else is "an array's items, or the one value". */
#include "fhir/lower_priv.h"
#include "fhir/model_priv.h"

#include <string.h>

fhir_sql fhir_lower_refuse(struct fhir_lower *lower, const char *what)
{
    if (lower->err->code == ERR_OK) {
        err_set(lower->err, ERR_UNSUPPORTED, "%s: %s has no SQL", lower->place, what);
        err_hint(lower->err, "run the view natively; docs/FHIR.md lists what cannot be lowered");
    }
    return NULL;
}

fhir_sql fhir_lower_this(struct fhir_lower *lower, const struct fhir_focus *focus)
{
    if (!focus->is_element)
        return lower->column;
    return plan_element(lower->plan, lower->depth - focus->depth, focus->type);
}

fhir_sql fhir_lower_criterion(struct fhir_lower *lower, const struct fhir_path *criterion,
                              struct data_type item)
{
    const struct fhir_focus focus = {.is_element = true, .depth = lower->depth, .type = item};
    return fhir_sql_typed(lower, fhir_lower_path(lower, criterion, &focus), FHIR_SYSTEM_BOOLEAN);
}

/* ---- members -----------------------------------------------------------------------------------
 */

static bool is_path(fhir_sql value)
{
    return value->kind == PLAN_CALL && value->function->id == PLAN_FUNCTION_JSON_PATH;
}

/* json_path of one value, written as one with the path that it comes from. */
static fhir_sql join(struct fhir_lower *lower, fhir_sql from, const char *name)
{
    if (strchr(name, '.') != NULL)
        return fhir_sql_call(lower, "json_get", from, fhir_sql_text(lower, name), NULL);
    if (is_path(from)) {
        name = arena_printf(plan_arena(lower->plan), "%s.%s", from->args[1]->literal, name);
        from = from->args[0];
    }
    return name == NULL ? NULL
                        : fhir_sql_call(lower, "json_path", from, fhir_sql_text(lower, name), NULL);
}

fhir_sql fhir_lower_member(struct fhir_lower *lower, fhir_sql from, const char *name)
{
    return from == NULL ? NULL : join(lower, from, name);
}

/* May the step be taken out without a look at what is there? Below a column the guards look; in an
 * element of a list an array may stand in a single value's place: its items, then. What is taken
 * out of one item that was picked is looked at when its value is used. */
static bool is_single(fhir_sql from, bool single)
{
    return single && from->type.kind == DATA_JSON && from->kind != PLAN_ELEMENT &&
           (!is_path(from) || from->args[0]->kind == PLAN_COLUMN);
}

/* The members of these names, of which one at most is there. */
struct names {
    const char *const *list;
    size_t count;
};
static fhir_sql any_of(struct fhir_lower *lower, fhir_sql from, const struct names *names)
{
    fhir_sql *made = arena_array(plan_arena(lower->plan), names->count, sizeof *made);
    for (size_t i = 0; made != NULL && i < names->count; i++) {
        made[i] = join(lower, from, names->list[i]);
        if (made[i] == NULL)
            return NULL;
    }
    if (made == NULL || names->count == 1)
        return made == NULL ? NULL : made[0];
    const fhir_sql *args = made;
    return plan_call(lower->plan, "coalesce", names->count, args);
}

static fhir_sql step(struct fhir_lower *lower, fhir_sql from, const struct names *names,
                     bool single)
{
    if (from == NULL)
        return NULL;
    /* No guard looks at what is taken out of an element: an array may stand there. */
    if (is_path(from) && from->args[0]->kind != PLAN_COLUMN)
        from = fhir_sql_list(lower, from);
    if (!fhir_sql_is_list(from)) {
        if (from->type.kind != DATA_JSON)
            return fhir_sql_null(lower, DATA_TYPE(JSON));
        fhir_sql made = any_of(lower, from, names);
        return is_single(from, single) ? made : fhir_sql_list(lower, made);
    }
    if (from->type.fields[0].type.kind != DATA_JSON)
        return fhir_sql_null(lower, DATA_TYPE(JSON));
    fhir_sql_body(lower);
    fhir_sql items =
        fhir_sql_list(lower, any_of(lower, fhir_sql_element(lower, DATA_TYPE(JSON)), names));
    return fhir_sql_each(lower, "list_flat", from, items);
}

static fhir_sql named(struct fhir_lower *lower, fhir_sql from, const char *name, bool single)
{
    return step(lower, from, &(struct names){&name, 1}, single);
}

/* valueQuantity: the type's first letter is a capital */
static const char *typed_name(struct fhir_lower *lower, const char *prefix, struct str element,
                              struct str type)
{
    char first = type.len > 0 ? type.ptr[0] : 'X';
    if (first >= 'a' && first <= 'z')
        first = (char)(first - 'a' + 'A');
    return arena_printf(plan_arena(lower->plan), "%s%.*s%c%.*s", prefix, (int)element.len,
                        element.ptr, first, (int)(type.len > 0 ? type.len - 1 : 0), type.ptr + 1);
}

/* All typed members of a choice; where the structure is not known, of the types that choices of the
 * name have in any; and the name itself: what R5 made of MedicationRequest.medication[x]. */
static fhir_sql choice(struct fhir_lower *lower, const struct fhir_path *path, fhir_sql from)
{
    const char *list[128];
    struct str types[127];
    struct fhir_element element;
    const char *structure = path->input->known.structure;
    size_t count = 0, type_count = 0;
    list[count++] = path->name.ptr;
    if (structure == NULL || !fhir_model_find(structure, path->name, &element)) {
        type_count = fhir_model_choice_types(path->name, types, 127);
        element.types = (struct str){0};
    }
    for (struct str rest = element.types; rest.len > 0 && type_count < 127;) {
        const char *bar = memchr(rest.ptr, '|', rest.len);
        types[type_count++] =
            (struct str){rest.ptr, bar != NULL ? (size_t)(bar - rest.ptr) : rest.len};
        rest.ptr += types[type_count - 1].len + (bar != NULL);
        rest.len -= types[type_count - 1].len + (bar != NULL);
    }
    for (size_t idx = 0; idx < type_count; idx++)
        list[count++] = typed_name(lower, "", path->name, types[idx]);
    return step(lower, from, &(struct names){list, count}, false); /* no guard looks at a choice */
}

static bool is_primitive(const struct fhir_path *path)
{
    return path->known.type != FHIR_TYPE_UNKNOWN && path->known.type != FHIR_TYPE_COMPLEX;
}

/* What stands beside a primitive: _birthDate, _valueString. */
static fhir_sql beside(struct fhir_lower *lower, const struct fhir_path *path,
                       const struct fhir_focus *focus)
{
    bool typed = path->kind == FHIR_PATH_CALL && path->function == FHIR_FUNCTION_OF_TYPE &&
                 path->input->kind == FHIR_PATH_MEMBER;
    const struct fhir_path *member = typed ? path->input : path;
    if (member->kind != FHIR_PATH_MEMBER)
        return fhir_lower_refuse(lower, "an extension of a primitive that is no plain member");
    fhir_sql from = fhir_lower_path(lower, member->input, focus);
    const char *name = typed ? typed_name(lower, "_", member->name, path->name)
                             : arena_printf(plan_arena(lower->plan), "_%s", member->name.ptr);
    return name == NULL ? NULL : named(lower, from, name, false);
}

fhir_sql fhir_lower_extensions(struct fhir_lower *lower, const struct fhir_path *input,
                               const struct fhir_focus *focus)
{
    bool unknown = input->known.type == FHIR_TYPE_UNKNOWN && input->kind == FHIR_PATH_MEMBER;
    fhir_sql own = NULL, other = NULL;
    if (!is_primitive(input))
        own = named(lower, fhir_lower_path(lower, input, focus), "extension", false);
    if (is_primitive(input) || unknown)
        other = named(lower, beside(lower, input, focus), "extension", false);
    if (!unknown)
        return is_primitive(input) ? other : own;
    return fhir_sql_call(lower, "list_concat", fhir_sql_list(lower, own),
                         fhir_sql_list(lower, other), NULL);
}

static fhir_sql member(struct fhir_lower *lower, const struct fhir_path *path,
                       const struct fhir_focus *focus)
{
    if (is_primitive(path->input)) {
        if (str_equal(path->name, STR("extension")))
            return fhir_lower_extensions(lower, path->input, focus);
        return named(lower, beside(lower, path->input, focus), path->name.ptr, false);
    }
    fhir_sql from = fhir_lower_path(lower, path->input, focus);
    if (from == NULL)
        return NULL;
    return path->choice ? choice(lower, path, from)
                        : named(lower, from, path->name.ptr, fhir_guard_single(path));
}

/* ---- ofType ------------------------------------------------------------------------------------
 */

static const char *kind_of_type(struct str name)
{
    switch (fhir_type_system(fhir_type_find(name))) {
    case FHIR_SYSTEM_BOOLEAN:
        return "boolean";
    case FHIR_SYSTEM_INTEGER:
    case FHIR_SYSTEM_DECIMAL:
        return "number";
    case FHIR_SYSTEM_STRING:
    case FHIR_SYSTEM_DATE:
    case FHIR_SYSTEM_DATETIME:
    case FHIR_SYSTEM_TIME:
        return "string";
    case FHIR_SYSTEM_NONE:
        return "object";
    }
    return "object";
}

/* Of resources: those whose resourceType it is. */
static fhir_sql of_resource(struct fhir_lower *lower, fhir_sql list, struct str type)
{
    fhir_sql_body(lower);
    fhir_sql name =
        fhir_sql_call(lower, "json_lexeme",
                      fhir_sql_call(lower, "json_path", fhir_sql_element(lower, DATA_TYPE(JSON)),
                                    fhir_sql_text(lower, "resourceType"), NULL),
                      NULL, NULL);
    return fhir_sql_each(lower, "list_filter", list,
                         fhir_sql_call(lower, "eq", name, fhir_sql_text(lower, type.ptr), NULL));
}

fhir_sql fhir_lower_of_type(struct fhir_lower *lower, const struct fhir_path *path,
                            const struct fhir_focus *focus)
{
    const struct fhir_path *input = path->input;
    bool is_choice = input->kind == FHIR_PATH_MEMBER && input->choice;
    fhir_sql from = fhir_lower_path(lower, is_choice ? input->input : input, focus);
    if (from == NULL)
        return NULL;
    if (is_choice)
        return named(lower, from, typed_name(lower, "", input->name, path->name), true);
    if (!fhir_sql_is_list(from) && from->type.kind != DATA_JSON)
        return fhir_lower_refuse(lower, "ofType() of a computed value");
    fhir_sql list = fhir_sql_list(lower, from);
    if (list == NULL || list->type.fields[0].type.kind != DATA_JSON)
        return fhir_lower_refuse(lower, "ofType() of computed values");
    if (fhir_model_is_resource(path->name))
        return of_resource(lower, list, path->name);
    if (fhir_type_find(path->name) == FHIR_TYPE_UNKNOWN)
        return fhir_lower_refuse(lower, "ofType() of a structure that is no choice element");
    fhir_sql_body(lower);
    fhir_sql kind =
        fhir_sql_call(lower, "json_kind", fhir_sql_element(lower, DATA_TYPE(JSON)), NULL, NULL);
    return fhir_sql_each(
        lower, "list_filter", list,
        fhir_sql_call(lower, "eq", kind, fhir_sql_text(lower, kind_of_type(path->name)), NULL));
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

static fhir_sql at_index(struct fhir_lower *lower, const struct fhir_path *path,
                         const struct fhir_focus *focus)
{
    fhir_sql list = fhir_sql_list(lower, fhir_lower_path(lower, path->input, focus));
    fhir_sql number =
        fhir_sql_typed(lower, fhir_lower_path(lower, path->args[0], focus), FHIR_SYSTEM_INTEGER);
    int64_t value;
    if (number != NULL && number->kind == PLAN_LITERAL && number->literal != NULL &&
        str_to_int64(str_of(number->literal), &value))
        number = fhir_sql_int(lower, value + 1);
    else
        number = fhir_sql_call(lower, "add", number, fhir_sql_int(lower, 1), NULL);
    return list == NULL || number == NULL ? NULL
                                          : fhir_sql_call(lower, "list_get", list, number, NULL);
}

static fhir_sql literal(struct fhir_lower *lower, const struct fhir_path *path)
{
    switch (fhir_type_system(path->known.type)) {
    case FHIR_SYSTEM_BOOLEAN:
        return plan_literal(lower->plan, DATA_TYPE(BOOLEAN), path->literal.ptr);
    case FHIR_SYSTEM_INTEGER:
        return plan_literal(lower->plan, DATA_TYPE(BIGINT), path->literal.ptr);
    case FHIR_SYSTEM_DECIMAL:
    case FHIR_SYSTEM_STRING:
    case FHIR_SYSTEM_DATE:
    case FHIR_SYSTEM_DATETIME:
    case FHIR_SYSTEM_TIME:
    case FHIR_SYSTEM_NONE:
        return fhir_sql_text(lower, path->literal.ptr);
    }
    return NULL;
}

fhir_sql fhir_lower_path(struct fhir_lower *lower, const struct fhir_path *path,
                         const struct fhir_focus *focus)
{
    if (lower->err->code != ERR_OK)
        return NULL;
    switch (path->kind) {
    case FHIR_PATH_THIS:
        return fhir_lower_this(lower, focus);
    case FHIR_PATH_ROW_INDEX:
        return lower->row_index;
    case FHIR_PATH_LITERAL:
        return literal(lower, path);
    case FHIR_PATH_EMPTY:
        return fhir_sql_null(lower, DATA_TYPE(JSON));
    case FHIR_PATH_MEMBER:
        return member(lower, path, focus);
    case FHIR_PATH_INDEX:
        return at_index(lower, path, focus);
    case FHIR_PATH_CALL:
        return fhir_lower_call(lower, path, focus);
    case FHIR_PATH_OPERATOR:
        return fhir_lower_operator(lower, path, focus);
    }
    return NULL;
}
