/* Functions of one primitive: strings, conversions, boundaries; and join() of many. Strings count in characters (code points). */
#include <string.h>

#include "fhir/evaluate_priv.h"

struct call {
    struct fhir_eval *eval;
    const struct fhir_expr *expr;
    const struct fhir_focus *focus;
    struct fhir_emit *to;
};

static const char *name_of(const struct call *call)
{
    return fhir_function_name(call->expr->path->function);
}

/* The one primitive that expr yields. False: none (eval->code OK), or an error. */
static bool one(const struct call *call, const struct fhir_expr *expr, struct fhir_item *ret)
{
    struct fhir_items items;
    if (!fhir_collect(call->eval, expr, call->focus, 2, &items) || items.count == 0)
        return false;
    if (items.count > 1)
        return fhir_eval_fail(call->eval, ERR_INPUT, "%s(): several items where one was expected", name_of(call));
    *ret = items.list[0];
    if (fhir_item_system(ret) == FHIR_SYSTEM_NONE)
        return ret->shadow == NULL && fhir_eval_fail(call->eval, ERR_INPUT, "%s(): expected a primitive, found a structure", name_of(call));
    return true;
}

static bool give(const struct call *call, struct fhir_item item)
{
    return call->eval->code == ERR_OK && call->to->item(call->to, &item);
}

static bool give_text(const struct call *call, struct buf *text)
{
    char *copy = text->failed ? NULL : arena_strndup(call->eval->arena, buf_text(text), text->len);
    if (copy == NULL)
        return fhir_eval_fail(call->eval, ERR_MEMORY, "no memory to evaluate");
    return give(call, fhir_string((struct str){copy, text->len}));
}

/* ---- strings ----------------------------------------------------------------------------------- */

static bool run_join(const struct call *call)
{
    struct fhir_items items;
    struct fhir_item separator = fhir_string(STR(""));
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (call->expr->path->arg_count > 0 && !one(call, call->expr->args[0], &separator) && call->eval->code != ERR_OK)
        return false;
    if (!fhir_collect(call->eval, call->expr->input, call->focus, 0, &items))
        return false;
    for (size_t idx = 0; idx < items.count; idx++) {
        if (fhir_item_system(&items.list[idx]) == FHIR_SYSTEM_NONE)
            return fhir_eval_fail(call->eval, ERR_INPUT, "join(): expected strings, found a structure");
        if (idx > 0)
            buf_add_str(&text, separator.text);
        buf_add_str(&text, items.list[idx].text);
    }
    return items.count == 0 || give_text(call, &text);
}

static const char *find(struct str text, struct str part)
{
    return part.len == 0 ? text.ptr : text.len == 0 ? NULL : memmem(text.ptr, text.len, part.ptr, part.len);
}

static bool has(struct str text, struct str part, enum fhir_function function)
{
    if (function == FHIR_FUNCTION_CONTAINS)
        return part.len == 0 || find(text, part) != NULL;
    if (part.len > text.len)
        return false;
    size_t from = function == FHIR_FUNCTION_STARTS_WITH ? 0 : text.len - part.len;
    return str_equal((struct str){text.ptr + from, part.len}, part);
}

static bool run_has(const struct call *call)
{
    struct fhir_item text, part;
    if (!one(call, call->expr->input, &text) || !one(call, call->expr->args[0], &part))
        return call->eval->code == ERR_OK;
    return fhir_emit_truth(has(text.text, part.text, call->expr->path->function) ? FHIR_TRUE : FHIR_FALSE, call->to);
}

static size_t characters(struct str text)
{
    size_t count = 0;
    for (size_t idx = 0; idx < text.len; idx++)
        count += (text.ptr[idx] & 0xC0) != 0x80;
    return count;
}

/* Bytes of the first count characters. */
static size_t bytes_of(struct str text, int64_t count)
{
    size_t at = 0;
    for (; count > 0 && at < text.len; count--) {
        at++;
        while (at < text.len && (text.ptr[at] & 0xC0) == 0x80)
            at++;
    }
    return at;
}

static bool run_substring(const struct call *call)
{
    struct fhir_item text, from, length;
    int64_t start = 0, count = INT64_MAX;
    if (!one(call, call->expr->input, &text) || !one(call, call->expr->args[0], &from))
        return call->eval->code == ERR_OK;
    if (call->expr->path->arg_count > 1 && one(call, call->expr->args[1], &length) && !str_to_int64(length.text, &count))
        return fhir_eval_fail(call->eval, ERR_INPUT, "substring(): expected an integer");
    if (!str_to_int64(from.text, &start))
        return fhir_eval_fail(call->eval, ERR_INPUT, "substring(): expected an integer");
    if (call->eval->code != ERR_OK)
        return false;
    if (start < 0 || start >= (int64_t)characters(text.text))
        return true;
    size_t skip = bytes_of(text.text, start);
    struct str rest = {text.text.ptr + skip, text.text.len - skip};
    rest.len = bytes_of(rest, count);
    return give(call, fhir_string(rest));
}

/* Between all characters, where the pattern is empty. */
static void replace_between(struct str text, struct str by, struct buf *out)
{
    buf_add_str(out, by);
    while (text.len > 0) {
        size_t length = bytes_of(text, 1);
        buf_add(out, text.ptr, length);
        buf_add_str(out, by);
        text.ptr += length;
        text.len -= length;
    }
}

static bool run_replace(const struct call *call)
{
    struct fhir_item text, pattern, by;
    AUTO(buf_done) struct buf out = BUF_INIT;
    if (!one(call, call->expr->input, &text) || !one(call, call->expr->args[0], &pattern) || !one(call, call->expr->args[1], &by))
        return call->eval->code == ERR_OK;
    struct str rest = text.text;
    if (pattern.text.len == 0) {
        replace_between(rest, by.text, &out);
        return give_text(call, &out);
    }
    for (const char *at; (at = find(rest, pattern.text)) != NULL;) {
        buf_add(&out, rest.ptr, (size_t)(at - rest.ptr));
        buf_add_str(&out, by.text);
        rest.len -= (size_t)(at - rest.ptr) + pattern.text.len;
        rest.ptr = at + pattern.text.len;
    }
    buf_add_str(&out, rest);
    return give_text(call, &out);
}

/* Of ASCII letters: what upper and lower case are elsewhere depends on the language. */
static bool run_case(const struct call *call, bool upper)
{
    struct fhir_item text;
    if (!one(call, call->expr->input, &text))
        return call->eval->code == ERR_OK;
    char *copy = arena_strndup(call->eval->arena, text.text.ptr, text.text.len);
    if (copy == NULL)
        return fhir_eval_fail(call->eval, ERR_MEMORY, "no memory to evaluate");
    for (size_t idx = 0; idx < text.text.len; idx++)
        if (copy[idx] >= (upper ? 'a' : 'A') && copy[idx] <= (upper ? 'z' : 'Z'))
            copy[idx] ^= 0x20;
    return give(call, fhir_string((struct str){copy, text.text.len}));
}

/* ---- conversions and boundaries ----------------------------------------------------------------- */

static bool run_to_integer(const struct call *call, const struct fhir_item *item)
{
    int64_t value;
    if (fhir_item_system(item) == FHIR_SYSTEM_BOOLEAN)
        return give(call, fhir_integer(call->eval, item->text.ptr[0] == 't'));
    struct str digits = item->text;
    if (digits.len > 1 && digits.ptr[0] == '+') {
        digits.ptr++;
        digits.len--;
    }
    return !str_to_int64(digits, &value) || give(call, fhir_integer(call->eval, value));
}

static bool run_boundary(const struct call *call, const struct fhir_item *item)
{
    bool high = call->expr->path->function == FHIR_FUNCTION_HIGH_BOUNDARY;
    struct fhir_item found = {.type = item->type};
    switch (fhir_item_system(item)) {
    case FHIR_SYSTEM_INTEGER:
    case FHIR_SYSTEM_DECIMAL:
        found.type = FHIR_TYPE_DECIMAL;
        found.text = fhir_number_boundary(call->eval->arena, item->text, high);
        return found.text.ptr == NULL ? fhir_eval_fail(call->eval, ERR_MEMORY, "no memory to evaluate") : give(call, found);
    case FHIR_SYSTEM_STRING:
    case FHIR_SYSTEM_DATE:
    case FHIR_SYSTEM_DATETIME:
    case FHIR_SYSTEM_TIME:
        return !fhir_moment_boundary(call->eval, item->text, item->type, high, &found.text) || give(call, found);
    case FHIR_SYSTEM_BOOLEAN:
    case FHIR_SYSTEM_NONE:
        break;
    }
    return fhir_eval_fail(call->eval, ERR_INPUT, "%s(): expected a decimal, a date, a dateTime or a time", name_of(call));
}

static bool run_one(const struct call *call)
{
    struct fhir_item item;
    enum fhir_function function = call->expr->path->function;
    if (!one(call, call->expr->input, &item))
        return call->eval->code == ERR_OK;
    if (function == FHIR_FUNCTION_LENGTH)
        return give(call, fhir_integer(call->eval, (int64_t)characters(item.text)));
    if (function == FHIR_FUNCTION_TO_STRING)
        return give(call, fhir_string(item.text));
    if (function == FHIR_FUNCTION_TO_INTEGER)
        return run_to_integer(call, &item);
    return run_boundary(call, &item);
}

bool fhir_each_text_call(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, struct fhir_emit *to)
{
    struct call call = {eval, expr, focus, to};
    enum fhir_function function = expr->path->function;
    if (function == FHIR_FUNCTION_JOIN)
        return run_join(&call);
    if (function == FHIR_FUNCTION_STARTS_WITH || function == FHIR_FUNCTION_ENDS_WITH || function == FHIR_FUNCTION_CONTAINS)
        return run_has(&call);
    if (function == FHIR_FUNCTION_SUBSTRING)
        return run_substring(&call);
    if (function == FHIR_FUNCTION_REPLACE)
        return run_replace(&call);
    if (function == FHIR_FUNCTION_UPPER || function == FHIR_FUNCTION_LOWER)
        return run_case(&call, function == FHIR_FUNCTION_UPPER);
    return run_one(&call);
}
