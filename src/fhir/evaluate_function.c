/* Functions over collections: filters, tests, keys. Those of texts and boundaries are in evaluate_text.c. A filter passes items on
 * as they come; only what must see all of them collects. */
#include <string.h>

#include "fhir/evaluate_priv.h"

/* ---- filters ----------------------------------------------------------------------------------- */

struct filter {
    struct fhir_emit emit;
    struct fhir_eval *eval;
    const struct fhir_expr *expr;
    const struct fhir_focus *focus;
    struct fhir_emit *to;
    int64_t left;      /* SKIP: still to be passed over; TAKE, FIRST: still to be let through */
    bool full, refused; /* enough were let through; the receiver wanted no more */
};

static struct fhir_focus inner_focus(const struct filter *filter, const struct fhir_item *item)
{
    return (struct fhir_focus){.this_ = *item, .row_index = filter->focus->row_index};
}

static bool pass(struct filter *filter, const struct fhir_item *item)
{
    filter->refused = !filter->to->item(filter->to, item);
    return !filter->refused;
}

static bool emit_where(struct fhir_emit *self, const struct fhir_item *item)
{
    struct filter *filter = (struct filter *)self;
    struct fhir_focus focus = inner_focus(filter, item);
    enum fhir_truth truth = fhir_truth_of(filter->eval, filter->expr->args[0], &focus, "the criteria of where()");
    if (filter->eval->code != ERR_OK)
        return false;
    return truth != FHIR_TRUE || pass(filter, item);
}

static bool emit_take(struct fhir_emit *self, const struct fhir_item *item)
{
    struct filter *filter = (struct filter *)self;
    if (filter->left-- > 0 && !pass(filter, item))
        return false;
    filter->full = filter->left <= 0;
    return !filter->full;
}

static bool emit_skip(struct fhir_emit *self, const struct fhir_item *item)
{
    struct filter *filter = (struct filter *)self;
    return filter->left-- > 0 || pass(filter, item);
}

static bool is_of_type(const struct fhir_item *item, struct str name)
{
    if (item->choice != NULL)
        return str_equal(str_of(item->choice), name);
    if (item->type != FHIR_TYPE_UNKNOWN && item->type != FHIR_TYPE_COMPLEX)
        return str_equal(str_of(fhir_type_name(item->type)), name);
    enum fhir_type wanted = fhir_type_find(name);
    switch (fhir_item_system(item)) {
    case FHIR_SYSTEM_BOOLEAN:
        return wanted == FHIR_TYPE_BOOLEAN;
    case FHIR_SYSTEM_INTEGER:
        return wanted == FHIR_TYPE_INTEGER;
    case FHIR_SYSTEM_DECIMAL:
        return wanted == FHIR_TYPE_DECIMAL;
    case FHIR_SYSTEM_STRING:
        return wanted == FHIR_TYPE_STRING;
    case FHIR_SYSTEM_NONE:
    case FHIR_SYSTEM_DATE:
    case FHIR_SYSTEM_DATETIME:
    case FHIR_SYSTEM_TIME:
        break;
    }
    return false;
}

static bool emit_of_type(struct fhir_emit *self, const struct fhir_item *item)
{
    struct filter *filter = (struct filter *)self;
    const struct fhir_eval *eval = filter->eval;
    const struct json_node *type = item->node != NULL ? fhir_member(eval, item->node, eval->program->slot_type) : NULL;
    bool resource = item->choice == NULL && type != NULL && str_equal(type->text, filter->expr->path->name);
    return !(resource || is_of_type(item, filter->expr->path->name)) || pass(filter, item);
}

/* extension(url): the elements extension whose url it is. */
struct each_extension {
    struct fhir_emit emit;
    struct filter *filter;
    struct str url;
};

static bool emit_extension(struct fhir_emit *self, const struct fhir_item *item)
{
    struct each_extension *each = (struct each_extension *)self;
    const struct fhir_eval *eval = each->filter->eval;
    const struct json_node *holders[] = {item->node, item->shadow};
    for (size_t holder = 0; holder < 2; holder++) {
        const struct json_node *list = holders[holder] != NULL ? fhir_member(eval, holders[holder], eval->program->slot_extension) : NULL;
        const struct json_node *extension = list != NULL && list->kind == JSON_NODE_ARRAY ? list->first : NULL;
        for (; extension != NULL; extension = extension->next) {
            const struct json_node *url = fhir_member(eval, extension, eval->program->slot_url);
            struct fhir_item found = fhir_item_of_node(extension, FHIR_TYPE_COMPLEX);
            if (url != NULL && url->kind == JSON_NODE_STRING && str_equal(url->text, each->url) && !pass(each->filter, &found))
                return false;
        }
    }
    return true;
}

/* The one item of argument idx. False: there is none (eval->code OK), or an error. */
static bool argument(struct filter *filter, size_t idx, struct fhir_item *ret)
{
    struct fhir_items items;
    if (!fhir_collect(filter->eval, filter->expr->args[idx], filter->focus, 2, &items) || items.count == 0)
        return false;
    if (items.count > 1)
        return fhir_eval_fail(filter->eval, ERR_INPUT, "%s(): several items where one was expected", fhir_function_name(filter->expr->path->function));
    *ret = items.list[0];
    return true;
}

static bool integer_argument(struct filter *filter, size_t idx, int64_t *ret)
{
    struct fhir_item item;
    if (!argument(filter, idx, &item))
        return false;
    return str_to_int64(item.text, ret) || fhir_eval_fail(filter->eval, ERR_INPUT, "%s(): expected an integer", fhir_function_name(filter->expr->path->function));
}

/* Run the filter over the input. */
static bool run(struct filter *filter, bool (*item)(struct fhir_emit *, const struct fhir_item *))
{
    filter->emit.item = item;
    fhir_each(filter->eval, filter->expr->input, filter->focus, &filter->emit);
    return !filter->refused && filter->eval->code == ERR_OK;
}

static bool run_count(struct filter *filter, bool skip)
{
    if (!integer_argument(filter, 0, &filter->left))
        return filter->eval->code == ERR_OK;
    if (!skip && filter->left <= 0)
        return true;
    return run(filter, skip ? emit_skip : emit_take);
}

static bool run_extension(struct filter *filter)
{
    struct fhir_item url;
    if (!argument(filter, 0, &url))
        return filter->eval->code == ERR_OK;
    struct each_extension each = {{emit_extension}, filter, url.text};
    fhir_each(filter->eval, filter->expr->input, filter->focus, &each.emit);
    return !filter->refused && filter->eval->code == ERR_OK;
}

/* ---- tests ------------------------------------------------------------------------------------- */

/* exists(criteria): where(criteria).exists() */
static bool run_exists(struct filter *filter)
{
    struct fhir_items found = {.eval = filter->eval, .most = 1, .cap = FHIR_ITEMS_INLINE};
    const struct fhir_expr *expr = filter->expr;
    if (expr->path->arg_count == 0) {
        if (!fhir_collect(filter->eval, expr->input, filter->focus, 1, &found))
            return false;
        return fhir_emit_truth(found.count > 0 ? FHIR_TRUE : FHIR_FALSE, filter->to);
    }
    struct fhir_items all;
    enum fhir_truth any = FHIR_FALSE;
    if (!fhir_collect(filter->eval, expr->input, filter->focus, 0, &all))
        return false;
    for (size_t idx = 0; idx < all.count && any != FHIR_TRUE; idx++) {
        struct fhir_focus focus = inner_focus(filter, &all.list[idx]);
        enum fhir_truth truth = fhir_truth_of(filter->eval, expr->args[0], &focus, "the criteria of exists()");
        if (filter->eval->code != ERR_OK)
            return false;
        any = truth == FHIR_TRUE ? FHIR_TRUE : any;
    }
    return fhir_emit_truth(any, filter->to);
}

/* all(criteria): is it true for each? Undecided counts as not. */
static bool run_all(struct filter *filter)
{
    struct fhir_items all;
    bool every = true;
    if (!fhir_collect(filter->eval, filter->expr->input, filter->focus, 0, &all))
        return false;
    for (size_t idx = 0; idx < all.count && every; idx++) {
        struct fhir_focus focus = inner_focus(filter, &all.list[idx]);
        every = fhir_truth_of(filter->eval, filter->expr->args[0], &focus, "the criteria of all()") == FHIR_TRUE;
        if (filter->eval->code != ERR_OK)
            return false;
    }
    return fhir_emit_truth(every ? FHIR_TRUE : FHIR_FALSE, filter->to);
}

/* allTrue() and anyTrue(): of an empty collection true and false. */
static bool run_truths(struct filter *filter, bool any)
{
    struct fhir_items all;
    if (!fhir_collect(filter->eval, filter->expr->input, filter->focus, 0, &all))
        return false;
    bool found = false;
    for (size_t idx = 0; idx < all.count; idx++) {
        if (fhir_item_system(&all.list[idx]) != FHIR_SYSTEM_BOOLEAN)
            return fhir_eval_fail(filter->eval, ERR_INPUT, "%s(): expected booleans, found something else", any ? "anyTrue" : "allTrue");
        found = found || (all.list[idx].text.ptr[0] == 't') == any;
    }
    return fhir_emit_truth(found == any ? FHIR_TRUE : FHIR_FALSE, filter->to);
}

static bool run_not(struct filter *filter)
{
    enum fhir_truth truth = fhir_truth_of(filter->eval, filter->expr->input, filter->focus, "not()");
    if (filter->eval->code != ERR_OK)
        return false;
    return truth == FHIR_EMPTY || fhir_emit_truth(truth == FHIR_TRUE ? FHIR_FALSE : FHIR_TRUE, filter->to);
}

static bool run_collection(struct filter *filter)
{
    struct fhir_items all;
    enum fhir_function function = filter->expr->path->function;
    if (!fhir_collect(filter->eval, filter->expr->input, filter->focus, 0, &all))
        return false;
    if (function == FHIR_FUNCTION_COUNT) {
        struct fhir_item count = fhir_integer(filter->eval, (int64_t)all.count);
        return filter->eval->code == ERR_OK && filter->to->item(filter->to, &count);
    }
    if (function == FHIR_FUNCTION_HAS_VALUE) {
        bool has = all.count == 1 && fhir_item_system(&all.list[0]) != FHIR_SYSTEM_NONE;
        return fhir_emit_truth(has ? FHIR_TRUE : FHIR_FALSE, filter->to);
    }
    if (function == FHIR_FUNCTION_SINGLE && all.count > 1)
        return fhir_eval_fail(filter->eval, ERR_INPUT, "single(): several items where one was expected");
    if (all.count == 0)
        return true;
    return filter->to->item(filter->to, &all.list[all.count - 1]); /* LAST, SINGLE */
}

static bool run_distinct(struct filter *filter)
{
    struct fhir_items all;
    if (!fhir_collect(filter->eval, filter->expr->input, filter->focus, 0, &all))
        return false;
    for (size_t idx = 0; idx < all.count; idx++) {
        bool seen = false;
        for (size_t before = 0; before < idx && !seen; before++)
            seen = fhir_items_equal(filter->eval, &all.list[before], &all.list[idx]) == FHIR_TRUE;
        if (filter->eval->code != ERR_OK || (!seen && !filter->to->item(filter->to, &all.list[idx])))
            return false;
    }
    return true;
}

static bool run_iif(struct filter *filter)
{
    const struct fhir_expr *expr = filter->expr;
    enum fhir_truth truth = fhir_truth_of(filter->eval, expr->args[0], filter->focus, "the criterion of iif()");
    if (filter->eval->code != ERR_OK)
        return false;
    if (truth == FHIR_TRUE)
        return fhir_each(filter->eval, expr->args[1], filter->focus, filter->to);
    return expr->path->arg_count < 3 || fhir_each(filter->eval, expr->args[2], filter->focus, filter->to);
}

/* ---- keys -------------------------------------------------------------------------------------- */

static bool is_type_name(struct str text)
{
    if (text.len == 0 || text.ptr[0] < 'A' || text.ptr[0] > 'Z')
        return false;
    for (size_t idx = 1; idx < text.len; idx++)
        if (!((text.ptr[idx] | 0x20) >= 'a' && (text.ptr[idx] | 0x20) <= 'z'))
            return false;
    return true;
}

/* The part behind the last '/' cut off rest. False: there is no '/'. */
static bool cut_last(struct str *rest, struct str *ret)
{
    const char *slash = rest->len > 0 ? memrchr(rest->ptr, '/', rest->len) : NULL;
    if (slash == NULL)
        return false;
    *ret = (struct str){slash + 1, (size_t)(rest->ptr + rest->len - slash - 1)};
    rest->len = (size_t)(slash - rest->ptr);
    return true;
}

bool fhir_reference_key(struct str reference, struct str declared, struct str type, struct str *ret)
{
    struct str rest = reference, key, found;
    if (str_has_prefix(reference, "urn:uuid:")) {
        *ret = (struct str){reference.ptr + 9, reference.len - 9};
        return ret->len > 0 && (type.len == 0 || str_equal(type, declared));
    }
    if (reference.len == 0 || reference.ptr[0] == '#' || memchr(reference.ptr, '?', reference.len) != NULL || !cut_last(&rest, &key))
        return false;
    struct str before = rest, word;
    if (cut_last(&before, &word) && str_equal(word, STR("_history"))) { /* Patient/1/_history/2 */
        rest = before;
        if (!cut_last(&rest, &key))
            return false;
    }
    if (!cut_last(&rest, &found))
        found = rest;
    *ret = key;
    return key.len > 0 && is_type_name(found) && (type.len == 0 || str_equal(type, found));
}

static bool emit_reference_key(struct fhir_emit *self, const struct fhir_item *item)
{
    struct filter *filter = (struct filter *)self;
    const struct fhir_program *program = filter->eval->program;
    const struct json_node *reference = item->node != NULL ? fhir_member(filter->eval, item->node, program->slot_reference) : NULL;
    if (reference == NULL || reference->kind != JSON_NODE_STRING)
        return true;
    const struct json_node *declared = fhir_member(filter->eval, item->node, program->slot_reference_type);
    struct str key, type = declared != NULL ? declared->text : (struct str){NULL, 0};
    if (!fhir_reference_key(reference->text, type, filter->expr->path->name, &key))
        return true;
    struct fhir_item found = fhir_string(key);
    return pass(filter, &found);
}

static bool emit_resource_key(struct fhir_emit *self, const struct fhir_item *item)
{
    struct filter *filter = (struct filter *)self;
    const struct json_node *id = item->node != NULL ? fhir_member(filter->eval, item->node, filter->eval->program->slot_id) : NULL;
    if (id == NULL || id->kind != JSON_NODE_STRING)
        return true;
    struct fhir_item found = fhir_string(id->text);
    return pass(filter, &found);
}

/* ---- all --------------------------------------------------------------------------------------- */

static bool run_empty(struct filter *filter)
{
    struct fhir_items found;
    if (!fhir_collect(filter->eval, filter->expr->input, filter->focus, 1, &found))
        return false;
    return fhir_emit_truth(found.count == 0 ? FHIR_TRUE : FHIR_FALSE, filter->to);
}

bool fhir_each_call(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, struct fhir_emit *to)
{
    struct filter filter = {.eval = eval, .expr = expr, .focus = focus, .to = to, .left = 1};
    switch (expr->path->function) {
    case FHIR_FUNCTION_WHERE:
        return run(&filter, emit_where);
    case FHIR_FUNCTION_FIRST:
        return run(&filter, emit_take);
    case FHIR_FUNCTION_TAIL:
        return run(&filter, emit_skip);
    case FHIR_FUNCTION_SKIP:
    case FHIR_FUNCTION_TAKE:
        return run_count(&filter, expr->path->function == FHIR_FUNCTION_SKIP);
    case FHIR_FUNCTION_OF_TYPE:
        return run(&filter, emit_of_type);
    case FHIR_FUNCTION_EXTENSION:
        return run_extension(&filter);
    case FHIR_FUNCTION_RESOURCE_KEY:
        return run(&filter, emit_resource_key);
    case FHIR_FUNCTION_REFERENCE_KEY:
        return run(&filter, emit_reference_key);
    case FHIR_FUNCTION_EXISTS:
        return run_exists(&filter);
    case FHIR_FUNCTION_EMPTY:
        return run_empty(&filter);
    case FHIR_FUNCTION_ALL:
        return run_all(&filter);
    case FHIR_FUNCTION_ALL_TRUE:
    case FHIR_FUNCTION_ANY_TRUE:
        return run_truths(&filter, expr->path->function == FHIR_FUNCTION_ANY_TRUE);
    case FHIR_FUNCTION_NOT:
        return run_not(&filter);
    case FHIR_FUNCTION_COUNT:
    case FHIR_FUNCTION_LAST:
    case FHIR_FUNCTION_SINGLE:
    case FHIR_FUNCTION_HAS_VALUE:
        return run_collection(&filter);
    case FHIR_FUNCTION_DISTINCT:
        return run_distinct(&filter);
    case FHIR_FUNCTION_IIF:
        return run_iif(&filter);
    case FHIR_FUNCTION_JOIN:
    case FHIR_FUNCTION_LOW_BOUNDARY:
    case FHIR_FUNCTION_HIGH_BOUNDARY:
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
        return fhir_each_text_call(eval, expr, focus, to);
    case FHIR_FUNCTIONS_END:
        return true;
    }
    return true;
}
