/* A FHIRPath expression as a checked tree: what the parser (path_lex.c, path_parse.c, path_check.c) makes, and what both back ends
 * read: evaluate*.c over nodes of JSON, lower*.c into a plan. Every node yields a *collection*: a list of items, flattened.
 *
 *     name.where(use = 'official').family      MEMBER family
 *                                                └ input CALL where
 *                                                         ├ input MEMBER name ─ input THIS
 *                                                         └ args[0] OPERATOR = ─ MEMBER use ─ input THIS   (THIS: the item being tested)
 *                                                                              └ LITERAL 'official'
 * Constants (%x) are literals by the time that a tree exists. Trees live in an arena and are immutable. */
#ifndef MARROW_FHIR_PATH_PRIV_H
#define MARROW_FHIR_PATH_PRIV_H

#include "base/arena.h"
#include "base/str.h"
#include "data/data.h"

#define FHIR_PATH_LIMIT_BYTES 65536
#define FHIR_PATH_LIMIT_DEPTH 200  /* of a tree; a chain of and, of or, is made a balanced tree, so a list of a thousand codes is not deep */
#define FHIR_PATH_LIMIT_DIGITS 23  /* of a number before its point */
#define FHIR_PATH_LIMIT_NOTES 1000 /* of a view */

enum fhir_path_kind {
    FHIR_PATH_THIS,      /* the focus: $this, and where a path begins */
    FHIR_PATH_ROW_INDEX, /* %rowIndex: integer, of the innermost iteration; 0 at the top */
    FHIR_PATH_LITERAL,
    FHIR_PATH_EMPTY,     /* {} */
    FHIR_PATH_MEMBER,    /* input.name; a choice element resolves to its typed member (value → valueQuantity) */
    FHIR_PATH_INDEX,     /* input[args[0]] */
    FHIR_PATH_CALL,      /* input.function(args); of where(), exists(criteria) the argument's THIS is each item of input */
    FHIR_PATH_OPERATOR,  /* args[0] operator args[1]; unary minus has one */
};
/* FHIRPath's and FHIR's primitive types, and what a value can be compared as. */
enum fhir_type {
#define FHIR_TYPE(id, name, system, sql) FHIR_TYPE_##id,
#include "fhir/type.def"
#undef FHIR_TYPE
};
enum fhir_function {
#define FHIR_FUNCTION(id, name, low, high, rule, result) FHIR_FUNCTION_##id,
#include "fhir/function.def"
#undef FHIR_FUNCTION
    FHIR_FUNCTIONS_END
};
enum fhir_operator {
    FHIR_EQUAL, FHIR_NOT_EQUAL, FHIR_LESS, FHIR_LESS_EQUAL, FHIR_GREATER, FHIR_GREATER_EQUAL,
    FHIR_AND, FHIR_OR, FHIR_XOR, FHIR_IMPLIES, FHIR_ADD, FHIR_SUBTRACT, FHIR_MULTIPLY, FHIR_DIVIDE, FHIR_DIV, FHIR_MOD,
    FHIR_CONCATENATE, FHIR_UNION, FHIR_NEGATE, FHIR_EQUIVALENT, FHIR_NOT_EQUIVALENT, FHIR_IN, FHIR_CONTAINS,
};

/* What is known of a collection before any data is seen. */
struct fhir_static {
    enum fhir_type type;     /* FHIR_TYPE_UNKNOWN where the model does not say; FHIR_TYPE_COMPLEX for a structure */
    const char *structure;   /* COMPLEX: its name in the model ("HumanName", "Patient.contact"), or NULL; static */
    bool many;               /* may hold more than one item; false: at most one, whatever the data (the model says so) */
    bool always;             /* holds at least one item, whatever the data: a literal, exists(); never an element, which may be missing though FHIR wants it */
};
struct fhir_path {
    enum fhir_path_kind kind;
    struct fhir_static known;
    size_t begin, end;              /* bytes of the source text, for messages */
    unsigned depth;                 /* of the tree below, 1 for a leaf; ≤ FHIR_PATH_LIMIT_DEPTH */
    const struct fhir_path *input;  /* MEMBER, INDEX, CALL */
    const struct fhir_path *const *args;
    size_t arg_count;
    enum fhir_function function;    /* CALL */
    enum fhir_operator operator_;   /* OPERATOR */
    struct str name;                /* MEMBER: the element; CALL of ofType, is, getReferenceKey: the type named; NUL-terminated */
    bool choice;                    /* MEMBER: a choice element ("value"): the members valueX … are meant */
    struct str literal;             /* LITERAL: as FHIR writes it, unquoted and unescaped: 1.50, 2020-01, true, text; NUL-terminated */
};

/* Constants by name, as the view defines them. */
struct fhir_constant {
    struct str name;
    enum fhir_type type;
    struct str value; /* as in FHIR's JSON, without quotes */
};
struct fhir_path_context {
    struct arena *arena;
    const struct fhir_constant *constants;
    size_t constant_count;
    const char *resource;  /* "Patient": a path may begin with it; may be NULL */
    struct fhir_static focus; /* of what the path is evaluated on: its type and structure; {0} = not known */
    const char *source;    /* for messages: "view.json: select[0].column[1].path" */
    bool later;            /* of releases behind R4 too: an element that R4 lacks is no news */
    json_t *notes;         /* array that gets {code, message, path, column}: what is odd but allowed; may be NULL */
};
/* Parse and check. Errors: ERR_INPUT at source:line:column (of characters, 1-based, within text); what stands there and what was expected; detail is the
 * expression with ^^^ under the span. ERR_LIMIT: longer or deeper than the limits above. */
enum err_code fhir_path_parse(const struct fhir_path_context *context, struct str text, const struct fhir_path **ret, struct err *err) WARN_UNUSED;
/* The tree as text, fully parenthesised: for golden cases and error messages. */
void fhir_path_print(const struct fhir_path *path, struct buf *out);

/* The date, dateTime or time (after a T) that text begins with, and its length; UNKNOWN: none. *ret_wrong: the part that is out of range, or NULL. */
enum fhir_type fhir_moment_scan(struct str text, size_t *ret_length, const char **ret_wrong);

const char *fhir_type_name(enum fhir_type type);                /* "dateTime" */
enum fhir_type fhir_type_find(struct str name);                 /* also "http://hl7.org/fhirpath/System.String" and URIs; UNKNOWN */
/* A type's name without its URI or namespace, FHIRPath's own as FHIR's: "System.Date" → "date", "FHIR.Quantity" → "Quantity". */
struct str fhir_type_local_name(struct str name);
const char *fhir_function_name(enum fhir_function function);
const char *fhir_operator_text(enum fhir_operator operator_);   /* "<=", "div" */
/* What a type compares as. */
enum fhir_system { FHIR_SYSTEM_NONE, FHIR_SYSTEM_BOOLEAN, FHIR_SYSTEM_STRING, FHIR_SYSTEM_INTEGER, FHIR_SYSTEM_DECIMAL, FHIR_SYSTEM_DATE, FHIR_SYSTEM_DATETIME, FHIR_SYSTEM_TIME };
enum fhir_system fhir_type_system(enum fhir_type type);
enum data_kind fhir_type_kind(enum fhir_type type); /* the column's, by the specification's default type map */

#endif
