/* Makes FHIRPath's nodes and says what is known of each before any data is seen: its type and
 * structure by FHIR R4's elements, whether it may hold several items, whether it holds one for
 * sure. What can never be right is refused here; what the model does not know is dynamic. */
#include "fhir/path_build_priv.h"

#include "base/nearest.h"
#include "fhir/model_priv.h"

static const struct fhir_static DYNAMIC = {.type = FHIR_TYPE_UNKNOWN, .many = true};

static struct fhir_static one(enum fhir_type type, bool always)
{
    return (struct fhir_static){.type = type, .always = always};
}

struct fhir_static fhir_check_item(const struct fhir_path *input)
{
    struct fhir_static item = input->known;
    item.many = false;
    item.always = true;
    return item;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

static unsigned deeper(const struct fhir_path *path, unsigned depth)
{
    return path != NULL && path->depth + 1 > depth ? path->depth + 1 : depth;
}

enum err_code fhir_check_keep(struct fhir_parser *parser, struct fhir_path node,
                              const struct fhir_path *const *args, size_t count,
                              const struct fhir_path **ret)
{
    struct fhir_path *kept = arena_alloc(parser->context->arena, sizeof *kept);
    const struct fhir_path **copy = arena_array(parser->context->arena, count + 1, sizeof *copy);
    if (kept == NULL || copy == NULL)
        return err_set(parser->err, ERR_MEMORY, "no memory for an expression");
    node.depth = deeper(node.input, 1);
    for (size_t i = 0; i < count; i++) {
        copy[i] = args[i];
        node.depth = deeper(args[i], node.depth);
    }
    if (node.depth > FHIR_PATH_LIMIT_DEPTH) {
        fhir_path_fail(parser, node.begin, node.end, "expression of more than %d steps",
                       FHIR_PATH_LIMIT_DEPTH);
        return parser->err->code = ERR_LIMIT;
    }
    node.args = copy;
    node.arg_count = count;
    *kept = node;
    *ret = kept;
    return ERR_OK;
}
static enum err_code keep(struct fhir_parser *parser, struct fhir_path node,
                          const struct fhir_path **ret)
{
    return fhir_check_keep(parser, node, NULL, 0, ret);
}

enum err_code fhir_check_this(struct fhir_parser *parser, size_t begin, size_t end,
                              const struct fhir_path **ret)
{
    struct fhir_path node = {
        .kind = FHIR_PATH_THIS, .known = parser->focus, .begin = begin, .end = end};
    return keep(parser, node, ret);
}
enum err_code fhir_check_empty(struct fhir_parser *parser, size_t begin, size_t end,
                               const struct fhir_path **ret)
{
    struct fhir_path node = {.kind = FHIR_PATH_EMPTY, .begin = begin, .end = end};
    return keep(parser, node, ret);
}
enum err_code fhir_check_literal(struct fhir_parser *parser, const struct fhir_token *token,
                                 enum fhir_type type, const struct fhir_path **ret)
{
    struct fhir_path node = {.kind = FHIR_PATH_LITERAL,
                             .known = one(type, true),
                             .begin = token->begin,
                             .end = token->end,
                             .literal = token->text};
    return keep(parser, node, ret);
}

/* ---- constants ---------------------------------------------------------------------------------
 */

static enum err_code unknown_constant(struct fhir_parser *parser, const struct fhir_token *token)
{
    const struct fhir_path_context *context = parser->context;
    struct nearest nearest = {.asked = token->text.ptr};
    nearest_offer(&nearest, "rowIndex");
    for (size_t i = 0; i < context->constant_count; i++)
        nearest_offer(&nearest, context->constants[i].name.ptr);
    fhir_path_fail(parser, token->begin, token->end, "no constant %%%.60s in the view",
                   token->text.ptr);
    if (nearest_text(&nearest) != NULL)
        return err_hint(parser->err, "did you mean %%%s?", nearest_text(&nearest));
    return err_hint(parser->err,
                    "define it: \"constant\": [{\"name\": \"%.60s\", \"valueString\": …}]",
                    token->text.ptr);
}

enum err_code fhir_check_constant(struct fhir_parser *parser, const struct fhir_token *token,
                                  const struct fhir_path **ret)
{
    static const struct {
        const char *name, *value;
    } STANDARD[] = {{"sct", "http://snomed.info/sct"},
                    {"loinc", "http://loinc.org"},
                    {"ucum", "http://unitsofmeasure.org"}};
    const struct fhir_path_context *context = parser->context;
    struct fhir_token found = *token;
    for (size_t i = 0; i < context->constant_count; i++)
        if (str_equal(context->constants[i].name, token->text)) {
            found.text = context->constants[i].value;
            return fhir_check_literal(parser, &found, context->constants[i].type, ret);
        }
    if (str_equal(token->text, STR("rowIndex"))) {
        struct fhir_path node = {.kind = FHIR_PATH_ROW_INDEX,
                                 .known = one(FHIR_TYPE_INTEGER, true),
                                 .begin = token->begin,
                                 .end = token->end};
        return keep(parser, node, ret);
    }
    for (size_t i = 0; i < sizeof STANDARD / sizeof STANDARD[0]; i++)
        if (str_equal(token->text, str_of(STANDARD[i].name))) {
            found.text = str_of(STANDARD[i].value);
            return fhir_check_literal(parser, &found, FHIR_TYPE_STRING, ret);
        }
    return unknown_constant(parser, token);
}

/* ---- members and indices ------------------------------------------------------------------------
 */

struct fhir_static fhir_check_named(struct str type, struct fhir_static known)
{
    known.structure = NULL;
    known.type = fhir_type_find(type);
    if (known.type == FHIR_TYPE_UNKNOWN) {
        known.structure = fhir_model_structure(type);
        known.type = known.structure != NULL ? FHIR_TYPE_COMPLEX : FHIR_TYPE_UNKNOWN;
    }
    return known;
}

/* What FHIR R4 says of the element; not that it is there: what must be, is missing in many a real resource. */
static struct fhir_static element_static(const struct fhir_element *element,
                                         const struct fhir_static *input)
{
    struct fhir_static known = {.many = element->many || input->many};
    return element->choice ? known : fhir_check_named(element->types, known);
}

/* A primitive has an id and extensions, beside it in JSON (_birthDate). */
static bool primitive_member(struct str name, bool many, struct fhir_static *ret)
{
    *ret = (struct fhir_static){.many = many};
    if (str_equal(name, STR("id"))) {
        ret->type = FHIR_TYPE_STRING;
        return true;
    }
    ret->many = true;
    *ret = fhir_check_named(STR("Extension"), *ret);
    return str_equal(name, STR("extension"));
}

/* "valueQuantity", as JSON has it: the choice that it belongs to, and of what type it is. */
static bool find_typed(const char *structure, struct str member, struct str *ret_choice,
                       const char **ret_type)
{
    struct fhir_element element;
    for (size_t i = 1; i < member.len; i++) {
        *ret_choice = (struct str){member.ptr, i};
        if (member.ptr[i] < 'A' || member.ptr[i] > 'Z' ||
            !fhir_model_find(structure, *ret_choice, &element) || !element.choice)
            continue;
        *ret_type = fhir_model_choice_type(*ret_choice, member);
        if (*ret_type != NULL)
            return true;
    }
    return false;
}

/* Not FHIRPath's name of an element of R4: a note, and what is known of it all the same. */
static enum err_code unknown_element(struct fhir_parser *parser, const struct fhir_static *input,
                                     const struct fhir_token *token, struct fhir_static *ret)
{
    char near[64];
    const char *type, *nearest = fhir_model_nearest(input->structure, token->text, near);
    struct str choice;
    if (find_typed(input->structure, token->text, &choice, &type)) {
        *ret = fhir_check_named(str_of(type), (struct fhir_static){.many = input->many});
        return fhir_path_note(parser, token->begin, "typed_member",
                              "\"%.80s\" is JSON's name; in FHIRPath it is %.*s.ofType(%s)",
                              token->text.ptr, (int)choice.len, choice.ptr, type);
    }
    if (parser->context->later)
        return ERR_OK;
    return fhir_path_note(parser, token->begin, "unknown_element",
                          "FHIR R4 has no element \"%.80s\" in %s%s%s%s", token->text.ptr,
                          input->structure, nearest != NULL ? "; did you mean \"" : "",
                          nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

static bool names_focus(const struct fhir_parser *parser, struct str name)
{
    static const char *const ANCESTORS[] = {"Resource", "DomainResource"};
    const char *resource = parser->context->resource;
    if (!parser->top || resource == NULL)
        return false;
    bool named = str_equal(name, str_of(resource));
    for (size_t i = 0; i < sizeof ANCESTORS / sizeof ANCESTORS[0]; i++)
        named = named || str_equal(name, str_of(ANCESTORS[i]));
    return named;
}

enum err_code fhir_check_member(struct fhir_parser *parser, const struct fhir_path *input,
                                const struct fhir_token *token, const struct fhir_path **ret)
{
    struct fhir_path node = {.kind = FHIR_PATH_MEMBER,
                             .known = DYNAMIC,
                             .begin = token->begin,
                             .end = token->end,
                             .name = token->text};
    if (input == NULL && names_focus(parser, token->text))
        return fhir_check_this(parser, token->begin, token->end, ret);
    if (input == NULL)
        TRY(fhir_check_this(parser, token->begin, token->begin, &input));
    if (input->kind == FHIR_PATH_EMPTY) { /* of nothing: nothing */
        *ret = input;
        return ERR_OK;
    }
    node.input = input;
    enum fhir_type type = input->known.type;
    struct fhir_element element;
    if (input->known.structure != NULL) {
        if (fhir_model_find(input->known.structure, token->text, &element)) {
            node.known = element_static(&element, &input->known);
            node.choice = element.choice;
        } else {
            TRY(unknown_element(parser, &input->known, token, &node.known));
        }
    } else if (type == FHIR_TYPE_UNKNOWN || type == FHIR_TYPE_COMPLEX) {
        node.choice = fhir_model_is_choice(token->text);
    } else if (!primitive_member(token->text, input->known.many, &node.known)) {
        return fhir_path_fail(parser, token->begin, token->end, "a %s has no element \"%.80s\"",
                              fhir_type_name(type), token->text.ptr);
    }
    return keep(parser, node, ret);
}

enum err_code fhir_check_index(struct fhir_parser *parser, const struct fhir_path *input,
                               const struct fhir_path *index, size_t end,
                               const struct fhir_path **ret)
{
    struct fhir_path node = {.kind = FHIR_PATH_INDEX,
                             .known = input->known,
                             .input = input,
                             .begin = index->begin,
                             .end = end};
    enum fhir_system system = fhir_type_system(index->known.type);
    bool negative =
        index->kind == FHIR_PATH_LITERAL && index->literal.len > 0 && index->literal.ptr[0] == '-';
    if ((index->known.type != FHIR_TYPE_UNKNOWN && system != FHIR_SYSTEM_INTEGER) || negative)
        return fhir_path_fail(parser, index->begin, index->end,
                              "expected a position in [ ]: an integer from 0");
    node.known.many = false;
    node.known.always = false;
    return fhir_check_keep(parser, node, &index, 1, ret);
}
