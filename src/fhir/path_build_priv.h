/* Between lexer, parser and checker of FHIRPath: the text becomes tokens (path_lex.c), the parser
 * (path_parse.c) reads them by FHIRPath's grammar and has each node made by the checker
 * (path_check.c), which knows what the focus is while an argument is being read. One pass: an error
 * is found where it stands. */
#ifndef MARROW_FHIR_PATH_BUILD_PRIV_H
#define MARROW_FHIR_PATH_BUILD_PRIV_H

#include "fhir/path_priv.h"

enum fhir_token_kind {
    FHIR_TOKEN_END,
    FHIR_TOKEN_NAME,      /* a word */
    FHIR_TOKEN_DELIMITED, /* `a word` */
    FHIR_TOKEN_STRING,
    FHIR_TOKEN_INTEGER,
    FHIR_TOKEN_DECIMAL,
    FHIR_TOKEN_DATE,
    FHIR_TOKEN_DATETIME,
    FHIR_TOKEN_TIME,
    FHIR_TOKEN_CONSTANT, /* %name */
    FHIR_TOKEN_VARIABLE, /* $this */
    FHIR_TOKEN_SYMBOL,
};
struct fhir_token {
    enum fhir_token_kind kind;
    size_t begin, end;
    struct str text; /* unescaped, without quotes and signs; NUL-terminated */
};

struct fhir_parser {
    const struct fhir_path_context *context;
    struct str text;
    size_t at; /* where the next token begins */
    struct fhir_token token;
    struct fhir_static focus; /* what THIS is here */
    bool top;                 /* it is the path's own focus */
    int depth;
    struct err *err;
};

/* Read the next token into parser->token. */
enum err_code fhir_lex(struct fhir_parser *parser) WARN_UNUSED;
/* ERR_INPUT with source, column and the text underlined from begin to end. */
enum err_code fhir_path_fail(const struct fhir_parser *parser, size_t begin, size_t end,
                             const char *format, ...) PRINTF_LIKE(4, 5);
/* A note on bytes begin to end, into the context's notes. */
enum err_code fhir_path_note(const struct fhir_parser *parser, size_t begin, const char *code,
                             const char *format, ...) PRINTF_LIKE(4, 5);

/* ---- the checker: each makes a node, typed, or fails ---------------------------------------- */

enum fhir_argument_rule {
    FHIR_ARGUMENT_NONE_,
    FHIR_ARGUMENT_CRITERIA,
    FHIR_ARGUMENT_VALUE,
    FHIR_ARGUMENT_TYPE,
};
enum fhir_result {
    FHIR_RESULT_INPUT,
    FHIR_RESULT_BOOLEAN,
    FHIR_RESULT_STRING,
    FHIR_RESULT_INTEGER,
    FHIR_RESULT_KEY,
    FHIR_RESULT_CHILD,
    FHIR_RESULT_BOUNDARY,
};
struct fhir_function_info {
    const char *name;
    size_t least, most;
    enum fhir_argument_rule rule;
    enum fhir_result result;
};
const struct fhir_function_info *fhir_function_info(enum fhir_function function);
/* By name; FHIR_FUNCTIONS_END: there is none. */
enum fhir_function fhir_function_find(struct str name);

enum err_code fhir_check_this(struct fhir_parser *parser, size_t begin, size_t end,
                              const struct fhir_path **ret) WARN_UNUSED;
enum err_code fhir_check_literal(struct fhir_parser *parser, const struct fhir_token *token,
                                 enum fhir_type type, const struct fhir_path **ret) WARN_UNUSED;
enum err_code fhir_check_empty(struct fhir_parser *parser, size_t begin, size_t end,
                               const struct fhir_path **ret) WARN_UNUSED;
enum err_code fhir_check_constant(struct fhir_parser *parser, const struct fhir_token *token,
                                  const struct fhir_path **ret) WARN_UNUSED;
/* input NULL: the focus, or the resource's type if it is so named. */
enum err_code fhir_check_member(struct fhir_parser *parser, const struct fhir_path *input,
                                const struct fhir_token *token,
                                const struct fhir_path **ret) WARN_UNUSED;
enum err_code fhir_check_index(struct fhir_parser *parser, const struct fhir_path *input,
                               const struct fhir_path *index, size_t end,
                               const struct fhir_path **ret) WARN_UNUSED;
struct fhir_check_call {
    enum fhir_function function;
    const struct fhir_path *input;
    const struct fhir_path **args; /* in the arena */
    size_t arg_count;
    struct str type_name; /* rule TYPE: as written, without FHIR. and System. */
    size_t begin, end;    /* of name and parentheses */
};
enum err_code fhir_check_call(struct fhir_parser *parser, const struct fhir_check_call *call,
                              const struct fhir_path **ret) WARN_UNUSED;
enum err_code fhir_check_operator(struct fhir_parser *parser, enum fhir_operator operator_,
                                  const struct fhir_path *left, const struct fhir_path *right,
                                  const struct fhir_path **ret) WARN_UNUSED;
enum err_code fhir_check_negate(struct fhir_parser *parser, size_t begin,
                                const struct fhir_path *operand,
                                const struct fhir_path **ret) WARN_UNUSED;
/* operand is T */
enum err_code fhir_check_is(struct fhir_parser *parser, const struct fhir_path *operand,
                            struct str type_name, size_t end,
                            const struct fhir_path **ret) WARN_UNUSED;
/* known with the type or structure that the model, or a type's name, gives. */
struct fhir_static fhir_check_named(struct str type, struct fhir_static known);
/* Make a node in the arena, its depth checked; args are copied. */
enum err_code fhir_check_keep(struct fhir_parser *parser, struct fhir_path node,
                              const struct fhir_path *const *args, size_t count,
                              const struct fhir_path **ret) WARN_UNUSED;
/* What THIS is in the criteria of a call on input. */
struct fhir_static fhir_check_item(const struct fhir_path *input);

#endif
