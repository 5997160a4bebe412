/* FHIRPath's grammar, by precedence climbing. Every node is made by the checker, in one pass from
 * left to right: while the criteria of where() are being read, the parser's focus is an item of
 * where()'s input. */
#include "fhir/path_build_priv.h"

#include "base/nearest.h"

#include <stdio.h>

/* Loosest first. A chain of and, of or, becomes a balanced tree: they are associative, with {} too.
 */
enum { LOOSEST = 1, UNION_LEVEL = 7, TYPE_LEVEL = 8 };
static const struct infix {
    const char *text;
    int level;
    enum fhir_operator operator_;
    bool balanced;
} INFIX[] = {
    {"implies", 1, FHIR_IMPLIES, false},
    {"or", 2, FHIR_OR, true},
    {"xor", 2, FHIR_XOR, false},
    {"and", 3, FHIR_AND, true},
    {"in", 4, FHIR_IN, false},
    {"contains", 4, FHIR_CONTAINS, false},
    {"=", 5, FHIR_EQUAL, false},
    {"!=", 5, FHIR_NOT_EQUAL, false},
    {"~", 5, FHIR_EQUIVALENT, false},
    {"!~", 5, FHIR_NOT_EQUIVALENT, false},
    {"<", 6, FHIR_LESS, false},
    {"<=", 6, FHIR_LESS_EQUAL, false},
    {">", 6, FHIR_GREATER, false},
    {">=", 6, FHIR_GREATER_EQUAL, false},
    {"|", UNION_LEVEL, FHIR_UNION, false},
    {"+", 9, FHIR_ADD, false},
    {"-", 9, FHIR_SUBTRACT, false},
    {"&", 9, FHIR_CONCATENATE, false},
    {"*", 10, FHIR_MULTIPLY, false},
    {"/", 10, FHIR_DIVIDE, false},
    {"div", 10, FHIR_DIV, false},
    {"mod", 10, FHIR_MOD, false},
};

static enum err_code parse_expression(struct fhir_parser *parser, int loosest,
                                      const struct fhir_path **ret) WARN_UNUSED;

/* ---- tokens ---------------------------------------------------------------------------------- */

static bool at_symbol(const struct fhir_parser *parser, const char *symbol)
{
    return parser->token.kind == FHIR_TOKEN_SYMBOL && str_equal(parser->token.text, str_of(symbol));
}
static bool at_word(const struct fhir_parser *parser, const char *word)
{
    return parser->token.kind == FHIR_TOKEN_NAME && str_equal(parser->token.text, str_of(word));
}

/* "expected X, found Y" at the token. */
static enum err_code expected(struct fhir_parser *parser, const char *what)
{
    const struct fhir_token *token = &parser->token;
    if (token->kind == FHIR_TOKEN_END)
        return fhir_path_fail(parser, token->begin, token->end,
                              "expected %s, found the end of the expression", what);
    size_t length = token->end - token->begin;
    return fhir_path_fail(parser, token->begin, token->end, "expected %s, found %.*s%s", what,
                          (int)(length > 40 ? 40 : length), parser->text.ptr + token->begin,
                          length > 40 ? "…" : "");
}

static enum err_code expect_symbol(struct fhir_parser *parser, const char *symbol)
{
    if (!at_symbol(parser, symbol))
        return expected(parser, symbol);
    return fhir_lex(parser);
}

static const struct infix *infix_at(const struct fhir_parser *parser)
{
    for (size_t i = 0; i < sizeof INFIX / sizeof INFIX[0]; i++)
        if ((parser->token.kind == FHIR_TOKEN_SYMBOL || parser->token.kind == FHIR_TOKEN_NAME) &&
            str_equal(parser->token.text, str_of(INFIX[i].text)))
            return &INFIX[i];
    return NULL;
}

static enum err_code enter(struct fhir_parser *parser)
{
    if (++parser->depth <= FHIR_PATH_LIMIT_DEPTH)
        return ERR_OK;
    fhir_path_fail(parser, parser->token.begin, parser->token.end,
                   "expression nested deeper than %d levels", FHIR_PATH_LIMIT_DEPTH);
    return parser->err->code = ERR_LIMIT;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Quantity, FHIR.Quantity, System.String, `Quantity`; 'Quantity' as older views write it. */
static enum err_code parse_type(struct fhir_parser *parser, struct str *ret)
{
    AUTO(buf_done) struct buf name = BUF_INIT;
    size_t begin = parser->token.begin, end;
    for (;;) {
        if (parser->token.kind != FHIR_TOKEN_NAME && parser->token.kind != FHIR_TOKEN_DELIMITED &&
            parser->token.kind != FHIR_TOKEN_STRING)
            return expected(parser, "the name of a type");
        buf_add_str(&name, parser->token.text);
        end = parser->token.end;
        TRY(fhir_lex(parser));
        if (!at_symbol(parser, "."))
            break;
        buf_putc(&name, '.');
        TRY(fhir_lex(parser));
    }
    TRY(buf_check(&name, parser->err));
    struct str local = fhir_type_local_name(buf_view(&name));
    if (local.len == 0)
        return fhir_path_fail(parser, begin, end,
                              "expected the name of a type, found an empty one");
    char *copy = arena_strndup(parser->context->arena, local.ptr, local.len);
    if (copy == NULL)
        return err_set(parser->err, ERR_MEMORY, "no memory for an expression");
    *ret = (struct str){copy, local.len};
    return ERR_OK;
}

static enum err_code wrong_count(struct fhir_parser *parser, const struct fhir_token *name,
                                 const struct fhir_function_info *info, size_t found)
{
    char wanted[48];
    if (info->least == info->most)
        snprintf(wanted, sizeof wanted, "%zu", info->most);
    else
        snprintf(wanted, sizeof wanted, "%zu to %zu", info->least, info->most);
    return fhir_path_fail(parser, name->begin, parser->token.begin,
                          "%s() takes %s argument%s, found %zu", info->name, wanted,
                          info->most == 1 ? "" : "s", found);
}

/* The arguments up to the closing parenthesis, which is then the token. */
static enum err_code parse_arguments(struct fhir_parser *parser, const struct fhir_token *name,
                                     struct fhir_check_call *call)
{
    const struct fhir_function_info *info = fhir_function_info(call->function);
    struct fhir_static outer = parser->focus;
    bool top = parser->top;
    if (at_symbol(parser, ")"))
        return info->least > 0 ? wrong_count(parser, name, info, 0) : ERR_OK;
    if (info->rule == FHIR_ARGUMENT_CRITERIA) {
        parser->focus = fhir_check_item(call->input);
        parser->top = parser->top && call->input->kind == FHIR_PATH_THIS;
    }
    for (;;) {
        if (call->arg_count == info->most)
            return wrong_count(parser, name, info, call->arg_count + 1);
        if (info->rule == FHIR_ARGUMENT_TYPE) {
            TRY(parse_type(parser, &call->type_name));
            call->arg_count++;
        } else {
            TRY(parse_expression(parser, LOOSEST, &call->args[call->arg_count++]));
        }
        if (!at_symbol(parser, ","))
            break;
        TRY(fhir_lex(parser));
    }
    parser->focus = outer;
    parser->top = top;
    if (!at_symbol(parser, ")"))
        return expected(parser, ", or )");
    return call->arg_count < info->least ? wrong_count(parser, name, info, call->arg_count)
                                         : ERR_OK;
}

static enum err_code unknown_function(struct fhir_parser *parser, const struct fhir_token *name)
{
    struct nearest nearest = {.asked = name->text.ptr};
    for (size_t i = 0; i < FHIR_FUNCTIONS_END; i++)
        nearest_offer(&nearest, fhir_function_name((enum fhir_function)i));
    fhir_path_fail(parser, name->begin, name->end, "no function %.60s() in a view's paths",
                   name->text.ptr);
    if (nearest_text(&nearest) != NULL)
        return err_hint(parser->err, "did you mean %s()?", nearest_text(&nearest));
    return err_hint(parser->err, "docs/FHIR.md lists the functions that there are");
}

/* name(…): the token is the opening parenthesis. input NULL: the focus. */
static enum err_code parse_call(struct fhir_parser *parser, const struct fhir_path *input,
                                const struct fhir_token *name, const struct fhir_path **ret)
{
    bool as = str_equal(name->text, STR("as")), is = str_equal(name->text, STR("is"));
    struct fhir_check_call call = {.begin = name->begin, .input = input};
    call.function = as || is ? FHIR_FUNCTION_OF_TYPE : fhir_function_find(name->text);
    if (call.function == FHIR_FUNCTIONS_END)
        return unknown_function(parser, name);
    if (input == NULL)
        TRY(fhir_check_this(parser, name->begin, name->begin, &call.input));
    call.args = arena_array(parser->context->arena, fhir_function_info(call.function)->most + 1,
                            sizeof(struct fhir_path *));
    if (call.args == NULL)
        return err_set(parser->err, ERR_MEMORY, "no memory for an expression");
    TRY(fhir_lex(parser));
    TRY(parse_arguments(parser, name, &call));
    call.end = parser->token.end;
    TRY(fhir_lex(parser));
    if (is)
        return fhir_check_is(parser, call.input, call.type_name, call.end, ret);
    return fhir_check_call(parser, &call, ret);
}

/* A member or a call. input NULL: of the focus. */
static enum err_code parse_invocation(struct fhir_parser *parser, const struct fhir_path *input,
                                      const struct fhir_path **ret)
{
    struct fhir_token name = parser->token;
    if (name.kind != FHIR_TOKEN_NAME && name.kind != FHIR_TOKEN_DELIMITED)
        return expected(parser, "the name of an element or function");
    TRY(fhir_lex(parser));
    if (name.kind == FHIR_TOKEN_NAME && at_symbol(parser, "("))
        return parse_call(parser, input, &name, ret);
    return fhir_check_member(parser, input, &name, ret);
}

/* ---- terms ----------------------------------------------------------------------------------- */

static enum err_code parse_variable(struct fhir_parser *parser, const struct fhir_path **ret)
{
    struct fhir_token token = parser->token;
    if (!str_equal(token.text, STR("this"))) {
        fhir_path_fail(parser, token.begin, token.end, "no variable $%.40s in a view's paths",
                       token.text.ptr);
        return err_hint(parser->err, "there is $this, the item being tested");
    }
    TRY(fhir_lex(parser));
    return fhir_check_this(parser, token.begin, token.end, ret);
}

/* {}: the token is the opening brace. */
static enum err_code parse_empty(struct fhir_parser *parser, const struct fhir_path **ret)
{
    size_t begin = parser->token.begin;
    TRY(fhir_lex(parser));
    if (!at_symbol(parser, "}"))
        return expected(parser, "} after {, the empty collection");
    size_t end = parser->token.end;
    TRY(fhir_lex(parser));
    return fhir_check_empty(parser, begin, end, ret);
}

/* A unit after a number: 5 'mg', 3 days. */
static bool at_unit(const struct fhir_parser *parser)
{
    static const char *const UNITS[] = {
        "year", "years", "month",  "months",  "week",   "weeks",   "day",         "days",
        "hour", "hours", "minute", "minutes", "second", "seconds", "millisecond", "milliseconds"};
    bool unit = parser->token.kind == FHIR_TOKEN_STRING;
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
        unit = unit || at_word(parser, UNITS[i]);
    return unit;
}

static enum err_code parse_literal(struct fhir_parser *parser, enum fhir_type type,
                                   const struct fhir_path **ret)
{
    struct fhir_token token = parser->token;
    TRY(fhir_lex(parser));
    if ((type == FHIR_TYPE_INTEGER || type == FHIR_TYPE_DECIMAL) && at_unit(parser)) {
        fhir_path_fail(parser, token.begin, parser->token.end,
                       "quantities with a unit are not offered in a view's paths");
        return err_hint(parser->err, "compare value and unit: value.ofType(Quantity).value > 5");
    }
    return fhir_check_literal(parser, &token, type, ret);
}

static enum err_code parse_parenthesised(struct fhir_parser *parser, const struct fhir_path **ret)
{
    TRY(fhir_lex(parser));
    TRY(parse_expression(parser, LOOSEST, ret));
    return expect_symbol(parser, ")");
}

static enum err_code parse_term(struct fhir_parser *parser, const struct fhir_path **ret)
{
    switch (parser->token.kind) {
    case FHIR_TOKEN_STRING:
        return parse_literal(parser, FHIR_TYPE_STRING, ret);
    case FHIR_TOKEN_INTEGER:
        return parse_literal(parser, FHIR_TYPE_INTEGER, ret);
    case FHIR_TOKEN_DECIMAL:
        return parse_literal(parser, FHIR_TYPE_DECIMAL, ret);
    case FHIR_TOKEN_DATE:
        return parse_literal(parser, FHIR_TYPE_DATE, ret);
    case FHIR_TOKEN_DATETIME:
        return parse_literal(parser, FHIR_TYPE_DATETIME, ret);
    case FHIR_TOKEN_TIME:
        return parse_literal(parser, FHIR_TYPE_TIME, ret);
    case FHIR_TOKEN_CONSTANT: {
        struct fhir_token token = parser->token;
        TRY(fhir_lex(parser));
        return fhir_check_constant(parser, &token, ret);
    }
    case FHIR_TOKEN_VARIABLE:
        return parse_variable(parser, ret);
    case FHIR_TOKEN_NAME:
        if (at_word(parser, "true") || at_word(parser, "false"))
            return parse_literal(parser, FHIR_TYPE_BOOLEAN, ret);
        if (infix_at(parser) != NULL && !at_word(parser, "in") && !at_word(parser, "contains"))
            return expected(parser, "an expression");
        return parse_invocation(parser, NULL, ret);
    case FHIR_TOKEN_DELIMITED:
        return parse_invocation(parser, NULL, ret);
    case FHIR_TOKEN_SYMBOL:
        if (at_symbol(parser, "("))
            return parse_parenthesised(parser, ret);
        if (at_symbol(parser, "{"))
            return parse_empty(parser, ret);
        return expected(parser, "an expression");
    case FHIR_TOKEN_END:
        return expected(parser, "an expression");
    }
    return expected(parser, "an expression");
}

/* A term with what follows it: .name, .function(…), [index]. */
static enum err_code parse_postfix(struct fhir_parser *parser, const struct fhir_path **ret)
{
    TRY(parse_term(parser, ret));
    for (;;) {
        if (at_symbol(parser, ".")) {
            TRY(fhir_lex(parser));
            TRY(parse_invocation(parser, *ret, ret));
        } else if (at_symbol(parser, "[")) {
            const struct fhir_path *index;
            TRY(fhir_lex(parser));
            TRY(parse_expression(parser, LOOSEST, &index));
            size_t end = parser->token.end;
            TRY(expect_symbol(parser, "]"));
            TRY(fhir_check_index(parser, *ret, index, end, ret));
        } else {
            return ERR_OK;
        }
    }
}

static enum err_code parse_unary(struct fhir_parser *parser, const struct fhir_path **ret)
{
    size_t begin = parser->token.begin;
    bool minus = at_symbol(parser, "-");
    if (!minus && !at_symbol(parser, "+"))
        return parse_postfix(parser, ret);
    TRY(enter(parser));
    TRY(fhir_lex(parser));
    TRY(parse_unary(parser, ret));
    parser->depth--;
    return minus ? fhir_check_negate(parser, begin, *ret, ret) : ERR_OK;
}

/* ---- operators ---------------------------------------------------------------------------------
 */

struct chain {
    const struct fhir_path **operands;
    size_t count, cap;
};

static enum err_code balance(struct fhir_parser *parser, enum fhir_operator operator_,
                             const struct fhir_path *const *operands, size_t count,
                             const struct fhir_path **ret)
{
    const struct fhir_path *left, *right;
    if (count == 1) {
        *ret = operands[0];
        return ERR_OK;
    }
    TRY(balance(parser, operator_, operands, (count + 1) / 2, &left));
    TRY(balance(parser, operator_, operands + (count + 1) / 2, count / 2, &right));
    return fhir_check_operator(parser, operator_, left, right, ret);
}

static enum err_code read_chain(struct fhir_parser *parser, const struct infix *infix,
                                struct chain *chain)
{
    do {
        if (chain->count == chain->cap) {
            size_t cap = chain->cap == 0 ? 8 : chain->cap * 2;
            const struct fhir_path **grown =
                mem_resize(chain->operands, cap, sizeof(struct fhir_path *));
            if (grown == NULL)
                return err_set(parser->err, ERR_MEMORY, "no memory for an expression");
            chain->operands = grown;
            chain->cap = cap;
        }
        TRY(fhir_lex(parser));
        TRY(parse_expression(parser, infix->level + 1, &chain->operands[chain->count]));
        chain->count++;
    } while (infix_at(parser) == infix);
    return ERR_OK;
}

/* left and a and b …, from the first "and" on. */
static enum err_code parse_chain(struct fhir_parser *parser, const struct infix *infix,
                                 const struct fhir_path **ret)
{
    struct chain chain = {0};
    const struct fhir_path *rest;
    enum err_code code = read_chain(parser, infix, &chain);
    if (code == ERR_OK)
        code = balance(parser, infix->operator_, chain.operands, chain.count, &rest);
    mem_free(chain.operands);
    TRY(code);
    return fhir_check_operator(parser, infix->operator_, *ret, rest, ret);
}

/* operand is T, operand as T: from the word on. */
static enum err_code parse_type_operator(struct fhir_parser *parser, const struct fhir_path **ret)
{
    bool is = at_word(parser, "is");
    struct fhir_check_call call = {
        .function = FHIR_FUNCTION_OF_TYPE, .input = *ret, .arg_count = 1, .begin = (*ret)->begin};
    TRY(fhir_lex(parser));
    call.end = parser->token.end;
    TRY(parse_type(parser, &call.type_name));
    if (is)
        return fhir_check_is(parser, *ret, call.type_name, call.end, ret);
    return fhir_check_call(parser, &call, ret);
}

/* Operators of level loosest and tighter. */
static enum err_code parse_expression(struct fhir_parser *parser, int loosest,
                                      const struct fhir_path **ret)
{
    TRY(enter(parser));
    TRY(parse_unary(parser, ret));
    for (;;) {
        if (loosest <= TYPE_LEVEL && (at_word(parser, "is") || at_word(parser, "as"))) {
            TRY(parse_type_operator(parser, ret));
            continue;
        }
        const struct infix *infix = infix_at(parser);
        if (infix == NULL || infix->level < loosest)
            break;
        if (infix->balanced) {
            TRY(parse_chain(parser, infix, ret));
            continue;
        }
        const struct fhir_path *right;
        TRY(fhir_lex(parser));
        TRY(parse_expression(parser, infix->level + 1, &right));
        TRY(fhir_check_operator(parser, infix->operator_, *ret, right, ret));
    }
    parser->depth--;
    return ERR_OK;
}

enum err_code fhir_path_parse(const struct fhir_path_context *context, struct str text,
                              const struct fhir_path **ret, struct err *err)
{
    struct fhir_parser parser = {
        .context = context, .text = text, .focus = context->focus, .top = true, .err = err};
    parser.focus.many = false;
    parser.focus.always = true;
    *ret = NULL;
    if (text.len > FHIR_PATH_LIMIT_BYTES) {
        err_set(err, ERR_LIMIT, "expression of %zu bytes, at most %d", text.len,
                FHIR_PATH_LIMIT_BYTES);
        return err_at(err, context->source, 0, 0);
    }
    size_t valid = str_utf8_valid_prefix(text);
    parser.text.len = valid;
    if (valid < text.len)
        return fhir_path_fail(&parser, valid, valid, "text that is not UTF-8");
    TRY(fhir_lex(&parser));
    TRY(parse_expression(&parser, LOOSEST, ret));
    if (parser.token.kind != FHIR_TOKEN_END)
        return expected(&parser, "an operator or the end of the expression");
    return ERR_OK;
}
