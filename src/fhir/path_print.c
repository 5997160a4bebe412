/* A tree as text, fully parenthesised: THIS is $this, a call's input stands before its point, every
 * operator has its parentheses. */
#include "fhir/fhir.h"
#include "fhir/model_priv.h"

const char *fhir_operator_text(enum fhir_operator operator_)
{
    switch (operator_) {
    case FHIR_EQUAL:
        return "=";
    case FHIR_NOT_EQUAL:
        return "!=";
    case FHIR_LESS:
        return "<";
    case FHIR_LESS_EQUAL:
        return "<=";
    case FHIR_GREATER:
        return ">";
    case FHIR_GREATER_EQUAL:
        return ">=";
    case FHIR_AND:
        return "and";
    case FHIR_OR:
        return "or";
    case FHIR_XOR:
        return "xor";
    case FHIR_IMPLIES:
        return "implies";
    case FHIR_ADD:
        return "+";
    case FHIR_SUBTRACT:
    case FHIR_NEGATE:
        return "-";
    case FHIR_MULTIPLY:
        return "*";
    case FHIR_DIVIDE:
        return "/";
    case FHIR_DIV:
        return "div";
    case FHIR_MOD:
        return "mod";
    case FHIR_CONCATENATE:
        return "&";
    case FHIR_UNION:
        return "|";
    case FHIR_EQUIVALENT:
        return "~";
    case FHIR_NOT_EQUIVALENT:
        return "!~";
    case FHIR_IN:
        return "in";
    case FHIR_CONTAINS:
        return "contains";
    }
    return "";
}

static void print_quoted(struct str text, char quote, struct buf *out)
{
    buf_putc(out, quote);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == (unsigned char)quote || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\u%04x", c);
        else
            buf_putc(out, (char)c);
    }
    buf_putc(out, quote);
}

/* A word as it is, anything else between backticks. */
static void print_name(struct str name, struct buf *out)
{
    bool word = name.len > 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        word = word && (letter || (i > 0 && c >= '0' && c <= '9'));
    }
    if (word)
        buf_add_str(out, name);
    else
        print_quoted(name, '`', out);
}

static void print_literal(const struct fhir_path *path, struct buf *out)
{
    switch (fhir_type_system(path->known.type)) {
    case FHIR_SYSTEM_BOOLEAN:
    case FHIR_SYSTEM_INTEGER:
    case FHIR_SYSTEM_DECIMAL:
        buf_add_str(out, path->literal);
        return;
    case FHIR_SYSTEM_DATE:
        buf_putc(out, '@');
        buf_add_str(out, path->literal);
        return;
    case FHIR_SYSTEM_DATETIME:
        buf_putc(out, '@');
        buf_add_str(out, path->literal);
        if (path->literal.len <= sizeof "2020-01-01" - 1)
            buf_putc(out, 'T');
        return;
    case FHIR_SYSTEM_TIME:
        buf_puts(out, "@T");
        buf_add_str(out, path->literal);
        return;
    case FHIR_SYSTEM_NONE:
    case FHIR_SYSTEM_STRING:
        print_quoted(path->literal, '\'', out);
        return;
    }
}

static void print_args(const struct fhir_path *path, struct buf *out)
{
    for (size_t i = 0; i < path->arg_count; i++) {
        if (i > 0)
            buf_puts(out, ", ");
        fhir_path_print(path->args[i], out);
    }
}

static void print_operator(const struct fhir_path *path, struct buf *out)
{
    const char *text = fhir_operator_text(path->operator_);
    buf_putc(out, '(');
    if (path->arg_count == 1) {
        buf_puts(out, text);
    } else {
        fhir_path_print(path->args[0], out);
        buf_printf(out, " %s ", text);
    }
    fhir_path_print(path->args[path->arg_count - 1], out);
    buf_putc(out, ')');
}

/* The input and a point; nothing for the focus. */
static void print_input(const struct fhir_path *path, struct buf *out)
{
    if (path->input->kind == FHIR_PATH_THIS)
        return;
    fhir_path_print(path->input, out);
    buf_putc(out, '.');
}

void fhir_path_print(const struct fhir_path *path, struct buf *out)
{
    switch (path->kind) {
    case FHIR_PATH_THIS:
        buf_puts(out, "$this");
        return;
    case FHIR_PATH_ROW_INDEX:
        buf_puts(out, "%rowIndex");
        return;
    case FHIR_PATH_LITERAL:
        print_literal(path, out);
        return;
    case FHIR_PATH_EMPTY:
        buf_puts(out, "{}");
        return;
    case FHIR_PATH_MEMBER:
        print_input(path, out);
        print_name(path->name, out);
        return;
    case FHIR_PATH_INDEX:
        fhir_path_print(path->input, out);
        buf_putc(out, '[');
        print_args(path, out);
        buf_putc(out, ']');
        return;
    case FHIR_PATH_CALL:
        print_input(path, out);
        buf_printf(out, "%s(", fhir_function_name(path->function));
        if (path->name.len > 0)
            print_name(path->name, out);
        print_args(path, out);
        buf_putc(out, ')');
        return;
    case FHIR_PATH_OPERATOR:
        print_operator(path, out);
        return;
    }
}

enum err_code fhir_path_explain(const char *resource, struct str text, struct buf *ret,
                                struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(0);
    JSON_AUTO notes = json_array();
    const struct fhir_path *path;
    struct fhir_path_context context = {
        .arena = arena, .resource = resource, .source = "path", .notes = notes};
    if (arena == NULL || notes == NULL)
        return err_set(err, ERR_MEMORY, "no memory for an expression");
    context.focus.structure = resource == NULL ? NULL : fhir_model_structure(str_of(resource));
    if (context.focus.structure != NULL)
        context.focus.type = FHIR_TYPE_COMPLEX;
    TRY(fhir_path_parse(&context, text, &path, err));
    fhir_path_print(path, ret);
    const struct fhir_static *known = &path->known;
    buf_printf(ret, "\ntype: %s%s%s\n",
               known->structure != NULL           ? known->structure
               : known->type == FHIR_TYPE_UNKNOWN ? "unknown"
                                                  : fhir_type_name(known->type),
               known->many ? ", many" : "", known->always ? ", always" : "");
    for (size_t i = 0; i < json_array_size(notes); i++)
        buf_printf(ret, "note: %s\n", json_text(json_array_get(notes, i), "message", ""));
    return buf_check(ret, err);
}
