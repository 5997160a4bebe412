/* FHIRPath's operators as SQL: three-valued logic and arithmetic are SQL's own; equality is of
 * collections, in their order; dates compare as far as they are written (lower_moment.c). */
#include "fhir/lower_priv.h"

#include <string.h>

static bool is_ordering(enum fhir_operator op)
{
    return op == FHIR_LESS || op == FHIR_LESS_EQUAL || op == FHIR_GREATER ||
           op == FHIR_GREATER_EQUAL;
}
static const char *comparison(enum fhir_operator op)
{
    switch ((int)op) {
    case FHIR_LESS:
        return "lt";
    case FHIR_LESS_EQUAL:
        return "le";
    case FHIR_GREATER:
        return "gt";
    case FHIR_GREATER_EQUAL:
        return "ge";
    }
    return "eq";
}

/* ---- of two items ------------------------------------------------------------------------------
 */

/* Both as SQL's type; for equality a JSON value whose kind if_kinds has looked at. */
static fhir_sql side(struct fhir_lower *lower, enum fhir_operator op, fhir_sql value,
                     enum fhir_system system)
{
    if (!is_ordering(op) && value->type.kind == DATA_JSON)
        value = fhir_sql_bare(lower, value, system);
    return fhir_sql_typed(lower, value, system);
}

static fhir_sql of_system(struct fhir_lower *lower, enum fhir_operator op, fhir_sql a, fhir_sql b,
                          enum fhir_system system)
{
    enum fhir_system number = system == FHIR_SYSTEM_INTEGER ? FHIR_SYSTEM_DECIMAL : system;
    bool whole = a->type.kind == DATA_BIGINT && b->type.kind == DATA_BIGINT;
    if (!whole) {
        a = side(lower, op, a, number);
        b = side(lower, op, b, number);
    }
    if (system == FHIR_SYSTEM_DATE || system == FHIR_SYSTEM_DATETIME || system == FHIR_SYSTEM_TIME)
        return fhir_lower_moment_compare(lower, op, a, b, system);
    return fhir_sql_call(lower, comparison(op), a, b, NULL);
}

/* Two JSON values of unknown types: equal kinds and equal values. */
static fhir_sql of_json(struct fhir_lower *lower, fhir_sql a, fhir_sql b)
{
    fhir_sql kind = fhir_sql_call(lower, "json_kind", a, NULL, NULL);
    fhir_sql other = fhir_sql_call(lower, "json_kind", b, NULL, NULL);
    fhir_sql numbers = fhir_sql_call(lower, "eq", kind, fhir_sql_text(lower, "number"), NULL);
    fhir_sql texts[2];
    for (size_t i = 0; i < 2; i++)
        texts[i] = fhir_sql_cast(
            lower, fhir_sql_call(lower, "json_plain", i == 0 ? a : b, NULL, NULL), DATA_TEXT);
    if (kind == NULL || other == NULL)
        return NULL;
    const fhir_sql parts[] = {
        fhir_sql_call(lower, "or", fhir_sql_call(lower, "is_null", kind, NULL, NULL),
                      fhir_sql_call(lower, "is_null", other, NULL, NULL), NULL),
        fhir_sql_null(lower, DATA_TYPE(BOOLEAN)),
        fhir_sql_call(lower, "ne", kind, other, NULL),
        fhir_sql_bool(lower, false),
        numbers,
        fhir_sql_call(lower, "eq",
                      fhir_sql_call(lower, "number_value",
                                    fhir_sql_call(lower, "json_lexeme", a, NULL, NULL), NULL, NULL),
                      fhir_sql_call(lower, "number_value",
                                    fhir_sql_call(lower, "json_lexeme", b, NULL, NULL), NULL, NULL),
                      NULL),
        fhir_sql_call(lower, "eq", texts[0], texts[1], NULL)};
    return fhir_sql_case(lower, 7, parts);
}

/* = of what the data may hold another kind of: false then. */
static fhir_sql if_kinds(struct fhir_lower *lower, fhir_sql a, fhir_sql b, enum fhir_system system,
                         fhir_sql equal)
{
    const fhir_sql sides[] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        if (sides[i]->type.kind != DATA_JSON)
            continue;
        const fhir_sql parts[] = {fhir_sql_other(lower, sides[i], system),
                                  fhir_sql_bool(lower, false), equal};
        equal = fhir_sql_case(lower, 3, parts);
        if (equal == NULL)
            return NULL;
    }
    return equal;
}

fhir_sql fhir_lower_compare(struct fhir_lower *lower, enum fhir_operator op, fhir_sql a, fhir_sql b,
                            enum fhir_system system)
{
    struct fhir_binding left, right;
    unsigned made_at = lower->depth;
    if (a == NULL || b == NULL)
        return NULL;
    fhir_sql x = fhir_sql_bind(lower, &left, a);
    fhir_sql y = fhir_sql_bind(lower, &right, fhir_sql_lift(lower, b, made_at));
    x = fhir_sql_lift(lower, x, made_at + left.let);
    fhir_sql made;
    if (system == FHIR_SYSTEM_NONE)
        made = is_ordering(op) ? fhir_lower_refuse(lower, "an ordering of values of unknown types")
                               : of_json(lower, x, y);
    else
        made = of_system(lower, op, x, y, system);
    if (made != NULL && system != FHIR_SYSTEM_NONE && !is_ordering(op))
        made = if_kinds(lower, x, y, system, made);
    return fhir_sql_bound(lower, &left, fhir_sql_bound(lower, &right, made));
}

/* ---- equality of collections -------------------------------------------------------------------
 */

/* What both compare as; NONE: known when the data is seen. */
static enum fhir_system common_system(const struct fhir_path *a, const struct fhir_path *b)
{
    enum fhir_system x = fhir_type_system(a->known.type), y = fhir_type_system(b->known.type);
    if (x == FHIR_SYSTEM_NONE || x == FHIR_SYSTEM_INTEGER || x == FHIR_SYSTEM_DATE)
        return y != FHIR_SYSTEM_NONE ? y : x;
    return x;
}

/* The item for a comparison of unknown types: as JSON. */
static fhir_sql comparable(struct fhir_lower *lower, fhir_sql value, enum fhir_type type,
                           enum fhir_system system)
{
    if (value == NULL || system != FHIR_SYSTEM_NONE || value->type.kind == DATA_JSON)
        return value;
    return fhir_sql_json(lower, value, type);
}

/* Lists: of one length, and each item equal to the other list's. */
static fhir_sql equal_lists(struct fhir_lower *lower, fhir_sql a, fhir_sql b,
                            enum fhir_system system)
{
    struct fhir_binding left = {a, true}, right = {NULL, true};
    unsigned made_at = lower->depth;
    lower->depth++;
    right.value = fhir_sql_lift(lower, b, made_at);
    lower->depth++;
    fhir_sql x = plan_element(lower->plan, 1, a->type), y = plan_element(lower->plan, 0, b->type);
    fhir_sql count = fhir_sql_call(lower, "list_length", x, NULL, NULL);
    fhir_sql counts = fhir_sql_call(lower, "list_length", y, NULL, NULL);
    fhir_sql numbers = fhir_sql_call(lower, "sequence", fhir_sql_int(lower, 1), count, NULL);
    fhir_sql_body(lower);
    fhir_sql at = fhir_sql_element(lower, DATA_TYPE(BIGINT));
    fhir_sql item =
        fhir_sql_call(lower, "list_get", plan_element(lower->plan, 2, a->type), at, NULL);
    fhir_sql peer =
        fhir_sql_call(lower, "list_get", plan_element(lower->plan, 1, b->type), at, NULL);
    fhir_sql same = fhir_lower_compare(lower, FHIR_EQUAL, item, peer, system);
    fhir_sql each = fhir_sql_each(lower, "list_transform", numbers, same);
    fhir_sql_body(lower);
    fhir_sql fails = fhir_sql_call(lower, "eq", fhir_sql_element(lower, DATA_TYPE(BOOLEAN)),
                                   fhir_sql_bool(lower, false), NULL);
    fhir_sql differing = fhir_sql_each(lower, "list_filter", each, fails);
    fhir_sql_body(lower);
    fhir_sql open =
        fhir_sql_call(lower, "is_null", fhir_sql_element(lower, DATA_TYPE(BOOLEAN)), NULL, NULL);
    fhir_sql undecided = fhir_sql_each(lower, "list_filter", each, open);
    fhir_sql zero = fhir_sql_int(lower, 0);
    const fhir_sql parts[] = {
        fhir_sql_call(lower, "or", fhir_sql_call(lower, "eq", count, zero, NULL),
                      fhir_sql_call(lower, "eq", counts, zero, NULL), NULL),
        fhir_sql_null(lower, DATA_TYPE(BOOLEAN)),
        fhir_sql_call(lower, "ne", count, counts, NULL),
        fhir_sql_bool(lower, false),
        fhir_sql_call(lower, "gt", fhir_sql_call(lower, "list_length", differing, NULL, NULL), zero,
                      NULL),
        fhir_sql_bool(lower, false),
        fhir_sql_call(lower, "gt", fhir_sql_call(lower, "list_length", undecided, NULL, NULL), zero,
                      NULL),
        fhir_sql_null(lower, DATA_TYPE(BOOLEAN)),
        fhir_sql_bool(lower, true)};
    fhir_sql made = fhir_sql_case(lower, 9, parts);
    return fhir_sql_bound(lower, &left, fhir_sql_bound(lower, &right, made));
}

/* A list beside one item: its only item must be equal. */
static fhir_sql equal_to_list(struct fhir_lower *lower, fhir_sql list, fhir_sql item,
                              enum fhir_system system)
{
    struct fhir_binding binding;
    unsigned made_at = lower->depth;
    fhir_sql x = fhir_sql_bind(lower, &binding, list);
    fhir_sql count = fhir_sql_call(lower, "list_length", x, NULL, NULL);
    item = fhir_sql_lift(lower, item, made_at);
    fhir_sql there =
        item->type.kind == DATA_JSON ? fhir_sql_call(lower, "json_kind", item, NULL, NULL) : item;
    const fhir_sql parts[] = {
        fhir_sql_call(lower, "and", fhir_sql_call(lower, "gt", count, fhir_sql_int(lower, 1), NULL),
                      fhir_sql_call(lower, "is_not_null", there, NULL, NULL), NULL),
        fhir_sql_bool(lower, false),
        fhir_lower_compare(lower, FHIR_EQUAL,
                           fhir_sql_call(lower, "list_get", x, fhir_sql_int(lower, 1), NULL), item,
                           system)};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
}

/* ---- a member beside a string ------------------------------------------------------------------
 */

/* The path of a member at which no guard looks, as it is or as a list; else NULL. */
static fhir_sql member_of(fhir_sql value)
{
    if (value->kind == PLAN_CALL && value->function->id == PLAN_FUNCTION_JSON_ITEMS)
        value = value->args[0];
    bool path = value->kind == PLAN_CALL && value->function->id == PLAN_FUNCTION_JSON_PATH &&
                value->args[0]->kind != PLAN_COLUMN;
    return path && strchr(value->args[1]->literal, '.') == NULL ? value : NULL;
}
static bool is_string(fhir_sql value)
{
    return value->kind == PLAN_LITERAL && value->type.kind == DATA_TEXT && value->literal != NULL;
}

static bool is_number(const char *text)
{
    static const char DIGITS[] = "0123456789";
    text += *text == '-';
    size_t count = strspn(text, DIGITS);
    if (count > 0 && text[count] == '.')
        count += 1 + strspn(text + count + 1, DIGITS);
    if (count > 0 && (text[count] == 'e' || text[count] == 'E')) {
        count += 1 + strspn(text + count + 1, "+-");
        count += strspn(text + count, DIGITS);
    }
    return count > 0 && text[count] == '\0';
}

/* What the string could be the text of, were it no string in JSON. */
enum likeness { LIKE_NOTHING, LIKE_VALUE, LIKE_STRUCTURE };
static enum likeness likeness_of(const char *text)
{
    if (text[0] == '[' || text[0] == '{' || strstr(text, FHIR_EXACT) != NULL)
        return LIKE_STRUCTURE;
    bool word =
        strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || strcmp(text, "null") == 0;
    return word || is_number(text) ? LIKE_VALUE : LIKE_NOTHING;
}

/* system = 'x' of an element: by far the most there is in criteria, and the shortest. A string that
 * a number has the text of must stand in quotes there. NULL: it is no such comparison. */
static fhir_sql equal_to_string(struct fhir_lower *lower, fhir_sql list, fhir_sql string)
{
    fhir_sql path = member_of(list);
    if (path == NULL || !is_string(string))
        return NULL;
    enum likeness like = likeness_of(string->literal);
    if (like == LIKE_STRUCTURE)
        return NULL;
    fhir_sql equal = fhir_sql_call(
        lower, "eq", fhir_sql_call(lower, "json_sole", path->args[0], path->args[1], NULL), string,
        NULL);
    if (like == LIKE_NOTHING)
        return equal;
    fhir_sql quoted = fhir_sql_call(lower, "contains", fhir_sql_cast(lower, path, DATA_TEXT),
                                    fhir_sql_text(lower, "\""), NULL);
    return fhir_sql_call(lower, "and", equal, quoted, NULL);
}

/* The member that a = or an IN of strings compares, else NULL. */
static fhir_sql compared(fhir_sql value)
{
    bool strings = value->kind == PLAN_CALL && (value->function->id == PLAN_FUNCTION_EQ ||
                                                value->function->id == PLAN_FUNCTION_IN);
    if (!strings || value->args[0]->kind != PLAN_CALL ||
        value->args[0]->function->id != PLAN_FUNCTION_JSON_SOLE)
        return NULL;
    return value->args[0];
}

/* system = 'x' or system = 'y': system IN ('x', 'y'). NULL: they are no such two. */
static fhir_sql one_of_strings(struct fhir_lower *lower, fhir_sql a, fhir_sql b)
{
    fhir_sql x = compared(a), y = compared(b);
    if (x == NULL || y == NULL || x->args[0]->kind != PLAN_ELEMENT ||
        y->args[0]->kind != PLAN_ELEMENT || x->args[0]->idx != y->args[0]->idx ||
        strcmp(x->args[1]->literal, y->args[1]->literal) != 0)
        return NULL;
    fhir_sql *args =
        arena_array(plan_arena(lower->plan), a->arg_count + b->arg_count - 1, sizeof *args);
    if (args == NULL)
        return NULL;
    memcpy(args, a->args, a->arg_count * sizeof *args);
    memcpy(args + a->arg_count, b->args + 1, (b->arg_count - 1) * sizeof *args);
    const fhir_sql *copy = args;
    return plan_call(lower->plan, "in", a->arg_count + b->arg_count - 1, copy);
}

static bool is_moment(enum fhir_system system)
{
    return system == FHIR_SYSTEM_DATE || system == FHIR_SYSTEM_DATETIME;
}
/* Values of these are never equal. */
static bool are_unlike(enum fhir_system a, enum fhir_system b)
{
    bool numbers = (a == FHIR_SYSTEM_INTEGER || a == FHIR_SYSTEM_DECIMAL) &&
                   (b == FHIR_SYSTEM_INTEGER || b == FHIR_SYSTEM_DECIMAL);
    return a != b && a != FHIR_SYSTEM_NONE && b != FHIR_SYSTEM_NONE && !numbers &&
           !(is_moment(a) && is_moment(b));
}

static fhir_sql equality(struct fhir_lower *lower, const struct fhir_path *path, fhir_sql a,
                         fhir_sql b)
{
    enum fhir_system system = common_system(path->args[0], path->args[1]);
    enum fhir_system x = fhir_type_system(path->args[0]->known.type),
                     y = fhir_type_system(path->args[1]->known.type);
    fhir_sql made;
    if (are_unlike(x, y)) {
        fhir_sql there =
            fhir_sql_call(lower, "and", fhir_sql_there(lower, a), fhir_sql_there(lower, b), NULL);
        const fhir_sql parts[] = {there, fhir_sql_bool(lower, path->operator_ != FHIR_EQUAL),
                                  fhir_sql_null(lower, DATA_TYPE(BOOLEAN))};
        return fhir_sql_case(lower, 3, parts);
    }
    if (!fhir_sql_is_list(a))
        a = comparable(lower, a, path->args[0]->known.type, system);
    if (!fhir_sql_is_list(b))
        b = comparable(lower, b, path->args[1]->known.type, system);
    if (a == NULL || b == NULL)
        return NULL;
    made = system == FHIR_SYSTEM_STRING ? equal_to_string(lower, a, b) : NULL;
    if (made == NULL && system == FHIR_SYSTEM_STRING)
        made = equal_to_string(lower, b, a);
    if (made != NULL)
        return path->operator_ == FHIR_EQUAL ? made : fhir_sql_call(lower, "not", made, NULL, NULL);
    a = member_of(a) != NULL ? fhir_sql_list(lower, a) : a;
    b = member_of(b) != NULL ? fhir_sql_list(lower, b) : b;
    if (a == NULL || b == NULL)
        return NULL;
    if (fhir_sql_is_list(a) && fhir_sql_is_list(b))
        made = equal_lists(lower, a, b, system);
    else if (fhir_sql_is_list(a) || fhir_sql_is_list(b))
        made =
            equal_to_list(lower, fhir_sql_is_list(a) ? a : b, fhir_sql_is_list(a) ? b : a, system);
    else
        made = fhir_lower_compare(lower, FHIR_EQUAL, a, b, system);
    return path->operator_ == FHIR_EQUAL ? made : fhir_sql_call(lower, "not", made, NULL, NULL);
}

/* ---- arithmetic --------------------------------------------------------------------------------
 */

static fhir_sql cut(struct fhir_lower *lower, fhir_sql value)
{
    return value == NULL ? NULL : plan_cast(lower->plan, value, data_type_decimal(38, 15), false);
}

static fhir_sql arithmetic(struct fhir_lower *lower, const struct fhir_path *path, fhir_sql a,
                           fhir_sql b)
{
    enum fhir_operator op = path->operator_;
    bool strings = op == FHIR_CONCATENATE || path->known.type == FHIR_TYPE_STRING;
    bool integers = path->known.type == FHIR_TYPE_INTEGER && op != FHIR_DIV;
    enum fhir_system system = strings    ? FHIR_SYSTEM_STRING
                              : integers ? FHIR_SYSTEM_INTEGER
                                         : FHIR_SYSTEM_DECIMAL;
    if (path->known.type == FHIR_TYPE_UNKNOWN)
        return fhir_lower_refuse(lower, "+ of values of unknown types");
    bool text = op == FHIR_CONCATENATE; /* of any primitive */
    a = text ? fhir_sql_lexeme(lower, a) : fhir_sql_typed(lower, a, system);
    b = text ? fhir_sql_lexeme(lower, b) : fhir_sql_typed(lower, b, system);
    if (a == NULL || b == NULL)
        return NULL;
    switch ((int)op) {
    case FHIR_CONCATENATE:
        return fhir_sql_call(
            lower, "concat", fhir_sql_call(lower, "coalesce", a, fhir_sql_text(lower, ""), NULL),
            fhir_sql_call(lower, "coalesce", b, fhir_sql_text(lower, ""), NULL), NULL);
    case FHIR_ADD:
        return strings    ? fhir_sql_call(lower, "concat", a, b, NULL)
               : integers ? fhir_sql_call(lower, "add", a, b, NULL)
                          : cut(lower, fhir_sql_call(lower, "add", a, b, NULL));
    case FHIR_SUBTRACT:
        return integers ? fhir_sql_call(lower, "sub", a, b, NULL)
                        : cut(lower, fhir_sql_call(lower, "sub", a, b, NULL));
    case FHIR_MULTIPLY:
        return integers ? fhir_sql_call(lower, "mul", a, b, NULL)
                        : fhir_sql_call(lower, "number_product", a, b, NULL);
    case FHIR_DIVIDE:
        return fhir_sql_call(lower, "number_quotient", a, b, NULL);
    case FHIR_MOD:
        return fhir_sql_call(lower, "mod", a, b, NULL);
    case FHIR_DIV: { /* the quotient without its fraction: (a - a mod b) / b */
        fhir_sql rest = fhir_sql_call(lower, "mod", a, b, NULL);
        fhir_sql whole =
            fhir_sql_call(lower, "number_quotient",
                          cut(lower, fhir_sql_call(lower, "sub", a, rest, NULL)), b, NULL);
        return fhir_sql_cast(lower, whole, DATA_BIGINT);
    }
    }
    return NULL;
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

static fhir_sql logic(struct fhir_lower *lower, enum fhir_operator op, fhir_sql a, fhir_sql b)
{
    a = fhir_sql_typed(lower, a, FHIR_SYSTEM_BOOLEAN);
    b = fhir_sql_typed(lower, b, FHIR_SYSTEM_BOOLEAN);
    if (a == NULL || b == NULL)
        return NULL;
    switch ((int)op) {
    case FHIR_AND:
        return fhir_sql_call(lower, "and", a, b, NULL);
    case FHIR_OR: {
        fhir_sql strings = one_of_strings(lower, a, b);
        return strings != NULL ? strings : fhir_sql_call(lower, "or", a, b, NULL);
    }
    case FHIR_XOR:
        return fhir_sql_call(lower, "ne", a, b, NULL);
    }
    return fhir_sql_call(lower, "or", fhir_sql_call(lower, "not", a, NULL, NULL), b, NULL);
}

/* item in list: is one of them equal? */
static fhir_sql membership(struct fhir_lower *lower, const struct fhir_path *path, fhir_sql item,
                           fhir_sql list)
{
    enum fhir_system system = common_system(path->args[0], path->args[1]);
    unsigned made_at = lower->depth;
    item = fhir_sql_one(lower, item);
    list = fhir_sql_list(lower, list);
    if (item == NULL || list == NULL)
        return NULL;
    if (system == FHIR_SYSTEM_NONE)
        return fhir_lower_refuse(lower, "in of values of unknown types");
    fhir_sql_body(lower);
    fhir_sql same =
        fhir_lower_compare(lower, FHIR_EQUAL, fhir_sql_element(lower, list->type.fields[0].type),
                           fhir_sql_lift(lower, item, made_at), system);
    fhir_sql found = fhir_sql_there(lower, fhir_sql_each(lower, "list_filter", list, same));
    const fhir_sql parts[] = {fhir_sql_there(lower, item), found,
                              fhir_sql_null(lower, DATA_TYPE(BOOLEAN))};
    return fhir_sql_case(lower, 3, parts);
}

fhir_sql fhir_lower_operator(struct fhir_lower *lower, const struct fhir_path *path,
                             const struct fhir_focus *focus)
{
    fhir_sql a = fhir_lower_path(lower, path->args[0], focus);
    fhir_sql b = path->arg_count > 1 ? fhir_lower_path(lower, path->args[1], focus) : NULL;
    if (a == NULL || (path->arg_count > 1 && b == NULL))
        return NULL;
    switch (path->operator_) {
    case FHIR_EQUAL:
    case FHIR_NOT_EQUAL:
        return equality(lower, path, a, b);
    case FHIR_LESS:
    case FHIR_LESS_EQUAL:
    case FHIR_GREATER:
    case FHIR_GREATER_EQUAL:
        return fhir_lower_compare(lower, path->operator_, fhir_sql_one(lower, a),
                                  fhir_sql_one(lower, b),
                                  common_system(path->args[0], path->args[1]));
    case FHIR_AND:
    case FHIR_OR:
    case FHIR_XOR:
    case FHIR_IMPLIES:
        return logic(lower, path->operator_, a, b);
    case FHIR_ADD:
    case FHIR_SUBTRACT:
    case FHIR_MULTIPLY:
    case FHIR_DIVIDE:
    case FHIR_DIV:
    case FHIR_MOD:
    case FHIR_CONCATENATE:
        return arithmetic(lower, path, a, b);
    case FHIR_NEGATE:
        return fhir_sql_call(lower, "neg",
                             fhir_sql_typed(lower, a,
                                            path->known.type == FHIR_TYPE_INTEGER
                                                ? FHIR_SYSTEM_INTEGER
                                                : FHIR_SYSTEM_DECIMAL),
                             NULL, NULL);
    case FHIR_IN:
        return membership(lower, path, a, b);
    case FHIR_CONTAINS:
        return membership(lower, path, b, a);
    case FHIR_UNION:
        return fhir_lower_refuse(lower, "|");
    case FHIR_EQUIVALENT:
    case FHIR_NOT_EQUIVALENT:
        return fhir_lower_refuse(lower, "~");
    }
    return NULL;
}
