/* The checker's rules for functions and operators: what their operands must be, and what is known
 * of what they yield. */
#include "fhir/model_priv.h"
#include "fhir/path_build_priv.h"

#include <stdio.h>

static struct fhir_static one(enum fhir_type type, bool always)
{
    return (struct fhir_static){.type = type, .always = always};
}
static bool is_known(const struct fhir_path *path)
{
    return path->known.type != FHIR_TYPE_UNKNOWN && path->kind != FHIR_PATH_EMPTY;
}
static enum fhir_system system_of(const struct fhir_path *path)
{
    return fhir_type_system(path->known.type);
}
/* "a HumanName", "a date" */
static const char *kind_text(const struct fhir_path *path)
{
    return path->known.structure != NULL ? path->known.structure : fhir_type_name(path->known.type);
}

static enum err_code wrong(struct fhir_parser *parser, const struct fhir_path *operand,
                           const char *whose, const char *wanted)
{
    return fhir_path_fail(parser, operand->begin, operand->end, "%s takes %s, found %s", whose,
                          wanted, kind_text(operand));
}
static enum err_code need_boolean(struct fhir_parser *parser, const struct fhir_path *operand,
                                  const char *whose)
{
    if (!is_known(operand) || operand->known.type == FHIR_TYPE_BOOLEAN)
        return ERR_OK;
    wrong(parser, operand, whose, "a boolean");
    return err_hint(parser->err, "compare it, or test whether it is there with .exists()");
}
/* Strings, and dates and times, which are read by their text. */
static enum err_code need_string(struct fhir_parser *parser, const struct fhir_path *operand,
                                 const char *whose)
{
    enum fhir_system system = system_of(operand);
    if (!is_known(operand) || system == FHIR_SYSTEM_STRING || system == FHIR_SYSTEM_DATE ||
        system == FHIR_SYSTEM_DATETIME || system == FHIR_SYSTEM_TIME)
        return ERR_OK;
    wrong(parser, operand, whose, "a string");
    return operand->known.type == FHIR_TYPE_COMPLEX ? parser->err->code
                                                    : err_hint(parser->err, "write .toString()");
}
static enum err_code need_integer(struct fhir_parser *parser, const struct fhir_path *operand,
                                  const char *whose)
{
    return !is_known(operand) || system_of(operand) == FHIR_SYSTEM_INTEGER
               ? ERR_OK
               : wrong(parser, operand, whose, "an integer");
}
static bool is_number(enum fhir_system system)
{
    return system == FHIR_SYSTEM_INTEGER || system == FHIR_SYSTEM_DECIMAL;
}

/* ---- types of items ----------------------------------------------------------------------------
 */

/* The element that a choice comes from: value, value.first(), value.where(…). */
static const struct fhir_path *choice_of(const struct fhir_path *path)
{
    while (path->kind == FHIR_PATH_INDEX ||
           (path->kind == FHIR_PATH_CALL && path->function != FHIR_FUNCTION_OF_TYPE &&
            fhir_function_info(path->function)->result == FHIR_RESULT_INPUT))
        path = path->input;
    return path->kind == FHIR_PATH_MEMBER && path->choice ? path : NULL;
}

/* Of what the model knows: a note where the type is none, or where the choice never has it. */
static enum err_code note_type(struct fhir_parser *parser, const struct fhir_check_call *call)
{
    struct fhir_static named = fhir_check_named(call->type_name, (struct fhir_static){0});
    const struct fhir_path *choice = choice_of(call->input);
    struct fhir_element element;
    if (named.type == FHIR_TYPE_UNKNOWN) {
        const char *nearest = fhir_model_nearest_structure(call->type_name);
        return fhir_path_note(parser, call->begin, "unknown_type",
                              "FHIR R4 has no type \"%.80s\"%s%s%s", call->type_name.ptr,
                              nearest != NULL ? "; did you mean \"" : "",
                              nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    }
    if (choice != NULL && choice->input->known.structure != NULL &&
        fhir_model_find(choice->input->known.structure, choice->name, &element) &&
        !fhir_model_has_type(element.types, call->type_name))
        return fhir_path_note(parser, call->begin, "unknown_type",
                              "FHIR R4 has no %s of type \"%.80s\" in %s", choice->name.ptr,
                              call->type_name.ptr, choice->input->known.structure);
    return ERR_OK;
}

/* ofType(T): of items whose type is known it is all of them or none, before any data is seen. */
static enum err_code check_of_type(struct fhir_parser *parser, const struct fhir_check_call *call,
                                   const struct fhir_path **ret)
{
    struct fhir_path node = {.kind = FHIR_PATH_CALL,
                             .function = FHIR_FUNCTION_OF_TYPE,
                             .input = call->input,
                             .name = call->type_name,
                             .begin = call->begin,
                             .end = call->end};
    TRY(note_type(parser, call));
    if (is_known(call->input)) {
        if (fhir_model_is_a(str_of(kind_text(call->input)), call->type_name)) {
            *ret = call->input;
            return ERR_OK;
        }
        if (call->input->known.structure != NULL || call->input->known.type != FHIR_TYPE_COMPLEX)
            return fhir_check_empty(parser, call->begin, call->end, ret);
    }
    node.known = fhir_check_named(call->type_name, call->input->known);
    node.known.always = false;
    return fhir_check_keep(parser, node, NULL, 0, ret);
}

/* x is T: iif(x.single().exists(), x.ofType(T).exists(), {}) */
enum err_code fhir_check_is(struct fhir_parser *parser, const struct fhir_path *operand,
                            struct str type_name, size_t end, const struct fhir_path **ret)
{
    const struct fhir_path *parts[3], *typed, *there;
    struct fhir_check_call call = {.input = operand, .begin = operand->begin, .end = end};
    call.function = FHIR_FUNCTION_SINGLE;
    TRY(fhir_check_call(parser, &call, &there));
    call.function = FHIR_FUNCTION_EXISTS;
    call.input = there;
    TRY(fhir_check_call(parser, &call, &parts[0]));
    call.function = FHIR_FUNCTION_OF_TYPE;
    call.input = operand;
    call.type_name = type_name;
    TRY(fhir_check_call(parser, &call, &typed));
    call = (struct fhir_check_call){.input = typed, .begin = operand->begin, .end = end};
    call.function = FHIR_FUNCTION_EXISTS;
    TRY(fhir_check_call(parser, &call, &parts[1]));
    TRY(fhir_check_empty(parser, operand->begin, end, &parts[2]));
    TRY(fhir_check_this(parser, operand->begin, operand->begin, &call.input));
    call.function = FHIR_FUNCTION_IIF;
    call.args = parts;
    call.arg_count = 3;
    return fhir_check_call(parser, &call, ret);
}

/* ---- functions ---------------------------------------------------------------------------------
 */

/* Of what a and b may each be: what is known of both. */
static struct fhir_static either(const struct fhir_path *a, const struct fhir_path *b)
{
    struct fhir_static known = a->known;
    if (a->kind == FHIR_PATH_EMPTY)
        known = b->known;
    else if (b->kind != FHIR_PATH_EMPTY &&
             (a->known.type != b->known.type || a->known.structure != b->known.structure))
        known = (struct fhir_static){0};
    known.many = a->known.many || b->known.many;
    known.always = a->known.always && b->known.always;
    return known;
}

static struct fhir_static boundary_of(const struct fhir_path *input)
{
    struct fhir_static known = input->known;
    if (system_of(input) == FHIR_SYSTEM_INTEGER)
        known.type = FHIR_TYPE_DECIMAL;
    known.always = false;
    return known;
}

static enum err_code check_boundary(struct fhir_parser *parser, const struct fhir_check_call *call)
{
    enum fhir_system system = system_of(call->input);
    if (!is_known(call->input) || is_number(system) || system == FHIR_SYSTEM_DATE ||
        system == FHIR_SYSTEM_DATETIME || system == FHIR_SYSTEM_TIME)
        return ERR_OK;
    return wrong(parser, call->input,
                 call->function == FHIR_FUNCTION_LOW_BOUNDARY ? "lowBoundary()" : "highBoundary()",
                 "a decimal, a date, a dateTime or a time");
}

static enum err_code check_reference_key(struct fhir_parser *parser,
                                         const struct fhir_check_call *call)
{
    const struct fhir_static *known = &call->input->known;
    bool resource = known->structure != NULL && fhir_model_is_resource(str_of(known->structure));
    bool reference =
        known->structure != NULL && str_equal(str_of(known->structure), STR("Reference"));
    if (is_known(call->input) && !reference) {
        wrong(parser, call->input, "getReferenceKey()", "a Reference");
        return resource ? err_hint(parser->err, "a resource's own key is getResourceKey()")
                        : parser->err->code;
    }
    if (call->type_name.len > 0 && !fhir_model_is_resource(call->type_name)) {
        const char *nearest = fhir_model_nearest_structure(call->type_name);
        return fhir_path_note(parser, call->begin, "unknown_type",
                              "FHIR R4 has no resource \"%.80s\"%s%s%s", call->type_name.ptr,
                              nearest != NULL ? "; did you mean \"" : "",
                              nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    }
    return ERR_OK;
}

static enum err_code need_strings(struct fhir_parser *parser, const struct fhir_check_call *call)
{
    char whose[64];
    snprintf(whose, sizeof whose, "%s()", fhir_function_name(call->function));
    TRY(need_string(parser, call->input, whose));
    for (size_t i = 0; i < call->arg_count; i++)
        TRY(call->function == FHIR_FUNCTION_SUBSTRING
                ? need_integer(parser, call->args[i], "substring()")
                : need_string(parser, call->args[i], whose));
    return ERR_OK;
}

/* Are input and arguments of types that the function takes? */
static enum err_code check_operands(struct fhir_parser *parser, const struct fhir_check_call *call)
{
    switch (call->function) {
    case FHIR_FUNCTION_WHERE:
        return need_boolean(parser, call->args[0], "the criteria of where()");
    case FHIR_FUNCTION_EXISTS:
        return call->arg_count == 0
                   ? ERR_OK
                   : need_boolean(parser, call->args[0], "the criteria of exists()");
    case FHIR_FUNCTION_ALL:
        return need_boolean(parser, call->args[0], "the criteria of all()");
    case FHIR_FUNCTION_ALL_TRUE:
        return need_boolean(parser, call->input, "allTrue()");
    case FHIR_FUNCTION_ANY_TRUE:
        return need_boolean(parser, call->input, "anyTrue()");
    case FHIR_FUNCTION_NOT:
        return need_boolean(parser, call->input, "not()");
    case FHIR_FUNCTION_IIF:
        return need_boolean(parser, call->args[0], "the criterion of iif()");
    case FHIR_FUNCTION_SKIP:
    case FHIR_FUNCTION_TAKE:
        return need_integer(parser, call->args[0],
                            call->function == FHIR_FUNCTION_SKIP ? "skip()" : "take()");
    case FHIR_FUNCTION_LOW_BOUNDARY:
    case FHIR_FUNCTION_HIGH_BOUNDARY:
        return check_boundary(parser, call);
    case FHIR_FUNCTION_REFERENCE_KEY:
        return check_reference_key(parser, call);
    case FHIR_FUNCTION_EXTENSION:
        return need_string(parser, call->args[0], "extension()");
    case FHIR_FUNCTION_JOIN:
    case FHIR_FUNCTION_STARTS_WITH:
    case FHIR_FUNCTION_ENDS_WITH:
    case FHIR_FUNCTION_CONTAINS:
    case FHIR_FUNCTION_SUBSTRING:
    case FHIR_FUNCTION_REPLACE:
    case FHIR_FUNCTION_LENGTH:
    case FHIR_FUNCTION_UPPER:
    case FHIR_FUNCTION_LOWER:
        return need_strings(parser, call);
    case FHIR_FUNCTION_TO_STRING:
    case FHIR_FUNCTION_TO_INTEGER:
        return call->input->known.type == FHIR_TYPE_COMPLEX
                   ? wrong(parser, call->input, fhir_function_info(call->function)->name,
                           "a primitive")
                   : ERR_OK;
    case FHIR_FUNCTION_EMPTY:
    case FHIR_FUNCTION_COUNT:
    case FHIR_FUNCTION_FIRST:
    case FHIR_FUNCTION_LAST:
    case FHIR_FUNCTION_TAIL:
    case FHIR_FUNCTION_SINGLE:
    case FHIR_FUNCTION_DISTINCT:
    case FHIR_FUNCTION_OF_TYPE:
    case FHIR_FUNCTION_RESOURCE_KEY:
    case FHIR_FUNCTION_HAS_VALUE:
    case FHIR_FUNCTIONS_END:
        return ERR_OK;
    }
    return ERR_OK;
}

/* Of a function that yields items of its input. */
static struct fhir_static input_static(const struct fhir_check_call *call)
{
    struct fhir_path nothing = {.kind = FHIR_PATH_EMPTY};
    struct fhir_static known = call->input->known;
    bool single = call->function == FHIR_FUNCTION_FIRST || call->function == FHIR_FUNCTION_LAST ||
                  call->function == FHIR_FUNCTION_SINGLE;
    if (call->function == FHIR_FUNCTION_IIF)
        return either(call->args[1], call->arg_count > 2 ? call->args[2] : &nothing);
    known.many = known.many && !single;
    known.always = known.always && (single || call->function == FHIR_FUNCTION_DISTINCT);
    return known;
}

static bool never_empty(const struct fhir_check_call *call)
{
    switch (call->function) {
    case FHIR_FUNCTION_EXISTS:
    case FHIR_FUNCTION_EMPTY:
    case FHIR_FUNCTION_ALL:
    case FHIR_FUNCTION_ALL_TRUE:
    case FHIR_FUNCTION_ANY_TRUE:
    case FHIR_FUNCTION_COUNT:
    case FHIR_FUNCTION_HAS_VALUE:
        return true;
    case FHIR_FUNCTION_NOT:
        return call->input->known.always;
    case FHIR_FUNCTION_WHERE:
    case FHIR_FUNCTION_FIRST:
    case FHIR_FUNCTION_LAST:
    case FHIR_FUNCTION_TAIL:
    case FHIR_FUNCTION_SKIP:
    case FHIR_FUNCTION_TAKE:
    case FHIR_FUNCTION_SINGLE:
    case FHIR_FUNCTION_DISTINCT:
    case FHIR_FUNCTION_OF_TYPE:
    case FHIR_FUNCTION_EXTENSION:
    case FHIR_FUNCTION_JOIN:
    case FHIR_FUNCTION_LOW_BOUNDARY:
    case FHIR_FUNCTION_HIGH_BOUNDARY:
    case FHIR_FUNCTION_RESOURCE_KEY:
    case FHIR_FUNCTION_REFERENCE_KEY:
    case FHIR_FUNCTION_STARTS_WITH:
    case FHIR_FUNCTION_ENDS_WITH:
    case FHIR_FUNCTION_CONTAINS:
    case FHIR_FUNCTION_SUBSTRING:
    case FHIR_FUNCTION_REPLACE:
    case FHIR_FUNCTION_LENGTH:
    case FHIR_FUNCTION_UPPER:
    case FHIR_FUNCTION_LOWER:
    case FHIR_FUNCTION_TO_STRING:
    case FHIR_FUNCTION_TO_INTEGER:
    case FHIR_FUNCTION_IIF:
    case FHIR_FUNCTIONS_END:
        return false;
    }
    return false;
}

static struct fhir_static call_static(const struct fhir_check_call *call)
{
    struct fhir_static known = {.many = true};
    switch (fhir_function_info(call->function)->result) {
    case FHIR_RESULT_INPUT:
        return input_static(call);
    case FHIR_RESULT_BOOLEAN:
        return one(FHIR_TYPE_BOOLEAN, never_empty(call));
    case FHIR_RESULT_STRING:
        return one(FHIR_TYPE_STRING, false);
    case FHIR_RESULT_INTEGER:
        return one(FHIR_TYPE_INTEGER, never_empty(call));
    case FHIR_RESULT_KEY: /* one for each item */
        known = one(FHIR_TYPE_STRING, false);
        known.many = call->input->known.many;
        return known;
    case FHIR_RESULT_CHILD:
        return fhir_check_named(STR("Extension"), known);
    case FHIR_RESULT_BOUNDARY:
        return boundary_of(call->input);
    }
    return known;
}

enum err_code fhir_check_call(struct fhir_parser *parser, const struct fhir_check_call *call,
                              const struct fhir_path **ret)
{
    if (call->function == FHIR_FUNCTION_OF_TYPE)
        return check_of_type(parser, call, ret);
    TRY(check_operands(parser, call));
    struct fhir_path node = {.kind = FHIR_PATH_CALL,
                             .function = call->function,
                             .input = call->input,
                             .name = call->type_name,
                             .known = call_static(call),
                             .begin = call->begin,
                             .end = call->end};
    return fhir_check_keep(parser, node, call->args, call->type_name.len > 0 ? 0 : call->arg_count,
                           ret);
}

/* ---- operators ---------------------------------------------------------------------------------
 */

static bool comparable(const struct fhir_path *left, const struct fhir_path *right)
{
    enum fhir_system a = system_of(left), b = system_of(right);
    bool dates = (a == FHIR_SYSTEM_DATE || a == FHIR_SYSTEM_DATETIME) &&
                 (b == FHIR_SYSTEM_DATE || b == FHIR_SYSTEM_DATETIME);
    return !is_known(left) || !is_known(right) || a == b || dates || (is_number(a) && is_number(b));
}
static bool is_moment(enum fhir_system system)
{
    return system == FHIR_SYSTEM_DATE || system == FHIR_SYSTEM_DATETIME ||
           system == FHIR_SYSTEM_TIME;
}
/* A date beside a string: a literal that lacks its @. */
static const char *missing_at(const struct fhir_path *left, const struct fhir_path *right)
{
    enum fhir_system a = system_of(left), b = system_of(right);
    bool missing =
        (is_moment(a) && b == FHIR_SYSTEM_STRING) || (is_moment(b) && a == FHIR_SYSTEM_STRING);
    return missing ? "a date is written @2020-01-31, a time @T14:30" : NULL;
}

static enum err_code check_inequality(struct fhir_parser *parser, const char *text,
                                      const struct fhir_path *left, const struct fhir_path *right)
{
    const struct fhir_path *operands[] = {left, right};
    for (size_t i = 0; i < 2; i++)
        if (is_known(operands[i]) && (system_of(operands[i]) == FHIR_SYSTEM_NONE ||
                                      system_of(operands[i]) == FHIR_SYSTEM_BOOLEAN))
            return wrong(parser, operands[i], text, "numbers, strings, dates or times");
    if (comparable(left, right))
        return ERR_OK;
    fhir_path_fail(parser, left->begin, right->end, "%s compares like with like, found %s and %s",
                   text, kind_text(left), kind_text(right));
    const char *hint = missing_at(left, right);
    return hint != NULL ? err_hint(parser->err, "%s", hint) : parser->err->code;
}
static enum err_code note_equality(struct fhir_parser *parser, const struct fhir_path *left,
                                   const struct fhir_path *right)
{
    const char *hint = missing_at(left, right);
    if (comparable(left, right))
        return ERR_OK;
    return fhir_path_note(parser, left->begin, "never_equal", "a %s and a %s are never equal%s%s",
                          kind_text(left), kind_text(right), hint != NULL ? "; " : "",
                          hint != NULL ? hint : "");
}

/* + of strings joins them. */
static enum err_code check_arithmetic(struct fhir_parser *parser, enum fhir_operator operator_,
                                      const struct fhir_path *left, const struct fhir_path *right,
                                      struct fhir_static *ret)
{
    const char *text = fhir_operator_text(operator_);
    const struct fhir_path *operands[] = {left, right};
    bool strings = operator_ == FHIR_ADD && (system_of(left) == FHIR_SYSTEM_STRING ||
                                             system_of(right) == FHIR_SYSTEM_STRING);
    for (size_t i = 0; i < 2; i++) {
        enum fhir_system system = system_of(operands[i]);
        if (is_known(operands[i]) && (strings ? system != FHIR_SYSTEM_STRING : !is_number(system)))
            return wrong(parser, operands[i], text,
                         strings                 ? "two strings or two numbers"
                         : operator_ == FHIR_ADD ? "numbers or strings"
                                                 : "numbers");
    }
    bool known = is_known(left) && is_known(right);
    bool integers =
        known && system_of(left) == FHIR_SYSTEM_INTEGER && system_of(right) == FHIR_SYSTEM_INTEGER;
    *ret = one(strings ? FHIR_TYPE_STRING : FHIR_TYPE_DECIMAL, false);
    if ((integers && operator_ != FHIR_DIVIDE) || operator_ == FHIR_DIV)
        ret->type = FHIR_TYPE_INTEGER;
    if (operator_ == FHIR_ADD && !is_known(left) && !is_known(right))
        ret->type = FHIR_TYPE_UNKNOWN;
    return ERR_OK;
}

/* Operands checked; what is known of the result. */
static enum err_code operator_static(struct fhir_parser *parser, enum fhir_operator operator_,
                                     const struct fhir_path *left, const struct fhir_path *right,
                                     struct fhir_static *ret)
{
    const char *text = fhir_operator_text(operator_);
    *ret = one(FHIR_TYPE_BOOLEAN, left->known.always && right->known.always);
    switch (operator_) {
    case FHIR_AND:
    case FHIR_OR:
    case FHIR_XOR:
    case FHIR_IMPLIES:
        TRY(need_boolean(parser, left, text));
        return need_boolean(parser, right, text);
    case FHIR_EQUAL:
    case FHIR_NOT_EQUAL:
        ret->always = false; /* partial dates may be undecided */
        return note_equality(parser, left, right);
    case FHIR_LESS:
    case FHIR_LESS_EQUAL:
    case FHIR_GREATER:
    case FHIR_GREATER_EQUAL:
        ret->always = false;
        return check_inequality(parser, text, left, right);
    case FHIR_EQUIVALENT:
    case FHIR_NOT_EQUIVALENT:
        ret->always = true;
        return note_equality(parser, left, right);
    case FHIR_IN:
    case FHIR_CONTAINS:
        ret->always = false;
        return note_equality(parser, left, right);
    case FHIR_ADD:
    case FHIR_SUBTRACT:
    case FHIR_MULTIPLY:
    case FHIR_DIVIDE:
    case FHIR_DIV:
    case FHIR_MOD:
        return check_arithmetic(parser, operator_, left, right, ret);
    case FHIR_CONCATENATE:
        *ret = one(FHIR_TYPE_STRING, true);
        TRY(need_string(parser, left, text));
        return need_string(parser, right, text);
    case FHIR_UNION:
        *ret = either(left, right);
        ret->many = true;
        ret->always = left->known.always || right->known.always;
        return ERR_OK;
    case FHIR_NEGATE:
        return ERR_OK;
    }
    return ERR_OK;
}

enum err_code fhir_check_operator(struct fhir_parser *parser, enum fhir_operator operator_,
                                  const struct fhir_path *left, const struct fhir_path *right,
                                  const struct fhir_path **ret)
{
    struct fhir_path node = {.kind = FHIR_PATH_OPERATOR,
                             .operator_ = operator_,
                             .begin = left->begin,
                             .end = right->end};
    TRY(operator_static(parser, operator_, left, right, &node.known));
    return fhir_check_keep(parser, node, (const struct fhir_path *const[]){left, right}, 2, ret);
}

enum err_code fhir_check_negate(struct fhir_parser *parser, size_t begin,
                                const struct fhir_path *operand, const struct fhir_path **ret)
{
    if (is_known(operand) && !is_number(system_of(operand)))
        return wrong(parser, operand, "-", "a number");
    struct fhir_path node = *operand;
    node.begin = begin;
    if (operand->kind == FHIR_PATH_LITERAL) { /* -5 is a literal too */
        bool negative = operand->literal.ptr[0] == '-';
        node.literal.ptr = arena_printf(parser->context->arena, "%s%s", negative ? "" : "-",
                                        operand->literal.ptr + negative);
        if (node.literal.ptr == NULL)
            return err_set(parser->err, ERR_MEMORY, "no memory for an expression");
        node.literal = str_of(node.literal.ptr);
        return fhir_check_keep(parser, node, NULL, 0, ret);
    }
    node = (struct fhir_path){.kind = FHIR_PATH_OPERATOR,
                              .operator_ = FHIR_NEGATE,
                              .known = one(operand->known.type, false),
                              .begin = begin,
                              .end = operand->end};
    return fhir_check_keep(parser, node, &operand, 1, ret);
}
