/* Quick forms (program_quick.c) over nodes. Each gives at most one value, or declines: several items, a kind of JSON that the path
 * does not expect, an array within an array. Who asked then evaluates the expression itself, which knows what is an error. Nothing
 * here raises one. */
#include <string.h>

#include "fhir/evaluate_priv.h"

/* The outcome hangs on the text of a node. */
static void guard(const struct fhir_eval *eval, const struct json_node *node, struct str text, bool begins, bool holds)
{
    struct fhir_trace *trace = eval->trace;
    if (node == NULL || trace->count == FHIR_GUARDS_MOST) {
        trace->computed = true;
        return;
    }
    for (size_t idx = 0; idx < trace->count; idx++)
        if (trace->guards[idx].node == node && trace->guards[idx].begins == begins && str_equal(trace->guards[idx].text, text))
            return;
    trace->guards[trace->count++] = (struct fhir_guard){node, text, begins, holds};
}

/* The outcome is made of texts in ways that only evaluating them again finds. */
static inline void computed(const struct fhir_eval *eval)
{
    if (eval->trace != NULL)
        eval->trace->computed = true;
}

/* A chain's run: items are counted, the first is kept. */
struct chain {
    const struct fhir_eval *eval;
    size_t count, most;
    bool declined;
    const struct json_node *node; /* or */
    struct str text;
};

static inline const struct json_node *member_of(const struct fhir_eval *eval, const struct json_node *object, size_t slot)
{
    if (object->kind != JSON_NODE_OBJECT)
        return NULL;
    if (object->members == NULL)
        return fhir_member(eval, object, slot);
    size_t position = object->field->positions[slot];
    if (position == 0)
        return NULL;
    return position == FHIR_POSITION_SEARCHED ? fhir_member(eval, object, slot) : object->members[position - 1];
}

static bool found(struct chain *chain, const struct json_node *node, struct str text)
{
    if (chain->count++ == 0) {
        chain->node = node;
        chain->text = text;
    }
    return chain->count < chain->most;
}

static bool decline(struct chain *chain)
{
    chain->declined = true;
    return false;
}

static bool run_steps(struct chain *chain, const struct fhir_quick_step *step, const struct json_node *node);

static bool run_elements(struct chain *chain, const struct fhir_quick_step *step, const struct json_node *array)
{
    for (const struct json_node *element = array->first; element != NULL; element = element->next) {
        if (element->kind == JSON_NODE_ARRAY)
            return decline(chain);
        if (element->kind != JSON_NODE_NULL && !run_steps(chain, step, element))
            return false;
    }
    return true;
}

static bool run_extensions(struct chain *chain, const struct fhir_quick_step *step, const struct json_node *node)
{
    const struct fhir_eval *eval = chain->eval;
    const struct json_node *list = member_of(eval, node, eval->program->slot_extension);
    const struct json_node *extension = list != NULL && list->kind == JSON_NODE_ARRAY ? list->first : NULL;
    for (; extension != NULL; extension = extension->next) {
        const struct json_node *url = member_of(eval, extension, eval->program->slot_url);
        bool same = url != NULL && url->kind == JSON_NODE_STRING && str_equal(url->text, step->text);
        if (eval->trace != NULL && url != NULL && url->kind == JSON_NODE_STRING)
            guard(eval, url, step->text, false, same);
        if (same && !run_steps(chain, step + 1, extension))
            return false;
    }
    return true;
}

static bool find_key(const struct fhir_eval *eval, const struct fhir_quick_step *step, const struct json_node *node, struct str *ret)
{
    const struct json_node *reference = member_of(eval, node, eval->program->slot_reference);
    if (reference == NULL || reference->kind != JSON_NODE_STRING)
        return false;
    const struct json_node *declared = member_of(eval, node, eval->program->slot_reference_type);
    struct fhir_trace *trace = eval->trace;
    if (trace != NULL) {
        trace->keys++;
        trace->reference = reference;
        trace->declared = declared;
        trace->key_type = step->text;
    }
    return fhir_reference_key(reference->text, declared != NULL ? declared->text : (struct str){NULL, 0}, step->text, ret);
}

/* On with an item. False: enough, or declined. */
static bool run_steps(struct chain *chain, const struct fhir_quick_step *step, const struct json_node *node)
{
    struct str text;
    for (;; step++) {
        switch (step->kind) {
        case FHIR_STEP_END:
            return found(chain, node, node->text);
        case FHIR_STEP_MEMBER:
            node = member_of(chain->eval, node, step->slot);
            if (node == NULL || node->kind == JSON_NODE_NULL)
                return true;
            if (node->kind == JSON_NODE_ARRAY)
                return run_elements(chain, step + 1, node);
            break;
        case FHIR_STEP_WHERE: {
            enum fhir_quick_truth truth = fhir_quick_truth_of(chain->eval, step->criteria, node);
            if (truth == FHIR_QUICK_DECLINED)
                return decline(chain);
            if (truth != FHIR_QUICK_TRUE)
                return true;
            break;
        }
        case FHIR_STEP_FIRST: /* what follows is of this item alone */
            (void)run_steps(chain, step + 1, node);
            return false;
        case FHIR_STEP_EXTENSION:
            return run_extensions(chain, step, node);
        case FHIR_STEP_REFERENCE_KEY: /* a text: nothing follows but FIRST */
            if (!find_key(chain->eval, step, node, &text))
                return true;
            return found(chain, NULL, text) && step[1].kind == FHIR_STEP_END;
        case FHIR_STEP_RESOURCE_KEY:
            node = member_of(chain->eval, node, chain->eval->program->slot_id);
            if (node == NULL || node->kind != JSON_NODE_STRING)
                return true;
            return found(chain, NULL, node->text) && step[1].kind == FHIR_STEP_END;
        }
    }
}

static struct chain run_chain(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node, size_t most)
{
    struct chain chain = {.eval = eval, .most = most};
    (void)run_steps(&chain, quick->steps, node);
    return chain;
}

/* ---- values ------------------------------------------------------------------------------------ */

static enum fhir_quick_found value_of_chain(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node, struct fhir_item *ret)
{
    struct chain chain = run_chain(eval, quick, node, 2);
    if (chain.declined || chain.count > 1)
        return FHIR_QUICK_OTHER;
    if (chain.count == 0)
        return FHIR_QUICK_NONE;
    if (eval->trace != NULL)
        eval->trace->node = chain.node;
    *ret = chain.node != NULL ? fhir_item_of_node(chain.node, quick->type) : fhir_string(chain.text);
    return FHIR_QUICK_ONE;
}

/* 'Patient/' + what stands behind "Patient/" in the document is a part of the document. */
bool fhir_quick_join(const struct fhir_eval *eval, struct str left, struct str right, struct str *ret)
{
    const char *begin = eval->document.ptr;
    bool inside = right.len > 0 && right.ptr >= begin && right.ptr < begin + eval->document.len && (size_t)(right.ptr - begin) >= left.len;
    if (inside && memcmp(right.ptr - left.len, left.ptr, left.len) == 0) {
        *ret = (struct str){right.ptr - left.len, left.len + right.len};
        return true;
    }
    char *text = arena_alloc(eval->arena, left.len + right.len + 1);
    if (text == NULL)
        return false;
    memcpy(text, left.ptr, left.len);
    if (right.len > 0)
        memcpy(text + left.len, right.ptr, right.len);
    *ret = (struct str){text, left.len + right.len};
    return true;
}

static enum fhir_quick_found value_of_join(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node, struct fhir_item *ret)
{
    struct fhir_item right;
    struct str left = quick->sides[0]->literal.text, text;
    enum fhir_quick_found found_right = fhir_quick_value_of(eval, quick->sides[1], node, &right);
    if (found_right == FHIR_QUICK_OTHER || (found_right == FHIR_QUICK_ONE && fhir_item_system(&right) != FHIR_SYSTEM_STRING))
        return FHIR_QUICK_OTHER;
    if (eval->trace != NULL) {
        eval->trace->computed = eval->trace->computed || eval->trace->prefix.ptr != NULL;
        eval->trace->prefix = left;
    }
    if (found_right == FHIR_QUICK_NONE)
        return FHIR_QUICK_NONE;
    if (!fhir_quick_join(eval, left, right.text, &text))
        return FHIR_QUICK_OTHER; /* the other way fails too, and says so */
    *ret = fhir_string(text);
    return FHIR_QUICK_ONE;
}

static enum fhir_quick_found value_of_only(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node, struct fhir_item *ret)
{
    struct fhir_item item;
    enum fhir_quick_found what = fhir_quick_value_of(eval, quick->sides[0], node, &item);
    if (what != FHIR_QUICK_ONE)
        return what;
    if (item.node != NULL && item.node->kind != JSON_NODE_STRING)
        return FHIR_QUICK_OTHER;
    *ret = fhir_string(item.text);
    return FHIR_QUICK_ONE;
}

enum fhir_quick_found fhir_quick_value_of(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node, struct fhir_item *ret)
{
    enum fhir_quick_truth truth;
    switch (quick->kind) {
    case FHIR_QUICK_CHAIN:
        return value_of_chain(eval, quick, node, ret);
    case FHIR_QUICK_LITERAL:
        computed(eval);
        *ret = quick->literal;
        return FHIR_QUICK_ONE;
    case FHIR_QUICK_JOIN:
        return value_of_join(eval, quick, node, ret);
    case FHIR_QUICK_ONLY:
        return value_of_only(eval, quick, node, ret);
    case FHIR_QUICK_IIF:
        truth = fhir_quick_truth_of(eval, quick->criterion, node);
        if (truth == FHIR_QUICK_DECLINED)
            return FHIR_QUICK_OTHER;
        quick = quick->sides[truth != FHIR_QUICK_TRUE];
        return quick != NULL ? fhir_quick_value_of(eval, quick, node, ret) : FHIR_QUICK_NONE;
    case FHIR_QUICK_NONE_OF_IT:
        return FHIR_QUICK_OTHER;
    case FHIR_QUICK_EXISTS:
    case FHIR_QUICK_EMPTY:
    case FHIR_QUICK_EQUAL:
    case FHIR_QUICK_NOT_EQUAL:
    case FHIR_QUICK_AND:
    case FHIR_QUICK_OR:
    case FHIR_QUICK_NOT:
    case FHIR_QUICK_STARTS_WITH:
        computed(eval);
        truth = fhir_quick_truth_of(eval, quick, node);
        if (truth == FHIR_QUICK_DECLINED || truth == FHIR_QUICK_UNDECIDED)
            return truth == FHIR_QUICK_DECLINED ? FHIR_QUICK_OTHER : FHIR_QUICK_NONE;
        *ret = fhir_boolean(truth == FHIR_QUICK_TRUE);
        return FHIR_QUICK_ONE;
    }
    return FHIR_QUICK_OTHER;
}

/* ---- truths ------------------------------------------------------------------------------------ */

static enum fhir_quick_truth truth_if(bool value)
{
    return value ? FHIR_QUICK_TRUE : FHIR_QUICK_FALSE;
}

static enum fhir_quick_truth opposite(enum fhir_quick_truth truth)
{
    return truth == FHIR_QUICK_TRUE ? FHIR_QUICK_FALSE : truth == FHIR_QUICK_FALSE ? FHIR_QUICK_TRUE : truth;
}

static enum fhir_quick_truth truth_of_equal(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node)
{
    struct chain chain = run_chain(eval, quick->sides[0], node, 2);
    bool boolean = quick->sides[1]->literal.type == FHIR_TYPE_BOOLEAN;
    if (chain.declined)
        return FHIR_QUICK_DECLINED;
    if (chain.count == 0)
        return FHIR_QUICK_UNDECIDED;
    enum json_node_kind kind = chain.node != NULL ? chain.node->kind : JSON_NODE_STRING;
    if (boolean && (kind == JSON_NODE_TRUE || kind == JSON_NODE_FALSE))
        return truth_if(chain.count == 1 && (kind == JSON_NODE_TRUE) == (quick->sides[1]->literal.text.ptr[0] == 't'));
    if (boolean || kind != JSON_NODE_STRING)
        return FHIR_QUICK_DECLINED;
    bool same = chain.count == 1 && str_equal(chain.text, quick->sides[1]->literal.text);
    if (eval->trace != NULL && chain.count == 1)
        guard(eval, chain.node, quick->sides[1]->literal.text, false, same);
    return truth_if(same);
}

/* Both sides are looked at, since either may decline. */
static enum fhir_quick_truth truth_of_both(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node)
{
    enum fhir_quick_truth a = fhir_quick_truth_of(eval, quick->sides[0], node), b = fhir_quick_truth_of(eval, quick->sides[1], node);
    if (a == FHIR_QUICK_DECLINED || b == FHIR_QUICK_DECLINED)
        return FHIR_QUICK_DECLINED;
    enum fhir_quick_truth decides = truth_if(quick->kind == FHIR_QUICK_OR);
    if (a == decides || b == decides)
        return decides;
    return a == b ? a : FHIR_QUICK_UNDECIDED;
}

static enum fhir_quick_truth truth_of_start(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node)
{
    struct fhir_item item;
    struct str part = quick->sides[1]->literal.text;
    enum fhir_quick_found what = fhir_quick_value_of(eval, quick->sides[0], node, &item);
    if (what == FHIR_QUICK_NONE)
        return FHIR_QUICK_UNDECIDED;
    if (what == FHIR_QUICK_OTHER || (item.node != NULL && item.node->kind != JSON_NODE_STRING))
        return FHIR_QUICK_DECLINED;
    bool begins = item.text.len >= part.len && memcmp(item.text.ptr, part.ptr, part.len) == 0;
    if (eval->trace != NULL)
        guard(eval, item.node, part, true, begins);
    return truth_if(begins);
}

/* A value that is used as a truth must be a boolean. */
static enum fhir_quick_truth truth_of_value(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node)
{
    struct fhir_item item;
    enum fhir_quick_found what = fhir_quick_value_of(eval, quick, node, &item);
    if (what == FHIR_QUICK_NONE)
        return FHIR_QUICK_UNDECIDED;
    if (what == FHIR_QUICK_OTHER || fhir_item_system(&item) != FHIR_SYSTEM_BOOLEAN)
        return FHIR_QUICK_DECLINED;
    if (item.node == NULL || item.node->kind == JSON_NODE_STRING)
        computed(eval);
    return truth_if(item.text.ptr[0] == 't');
}

static enum fhir_quick_truth truth_of(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node)
{
    struct chain chain;
    switch (quick->kind) {
    case FHIR_QUICK_EXISTS:
    case FHIR_QUICK_EMPTY:
        chain = run_chain(eval, quick->sides[0], node, 1);
        return chain.declined ? FHIR_QUICK_DECLINED : truth_if((chain.count > 0) == (quick->kind == FHIR_QUICK_EXISTS));
    case FHIR_QUICK_EQUAL:
        return truth_of_equal(eval, quick, node);
    case FHIR_QUICK_NOT_EQUAL:
        return opposite(truth_of_equal(eval, quick, node));
    case FHIR_QUICK_AND:
    case FHIR_QUICK_OR:
        return truth_of_both(eval, quick, node);
    case FHIR_QUICK_NOT:
        return opposite(fhir_quick_truth_of(eval, quick->sides[0], node));
    case FHIR_QUICK_STARTS_WITH:
        return truth_of_start(eval, quick, node);
    case FHIR_QUICK_CHAIN:
    case FHIR_QUICK_LITERAL:
    case FHIR_QUICK_JOIN:
    case FHIR_QUICK_ONLY:
    case FHIR_QUICK_IIF:
    case FHIR_QUICK_NONE_OF_IT:
        return truth_of_value(eval, quick, node);
    }
    return FHIR_QUICK_DECLINED;
}

enum fhir_quick_truth fhir_quick_truth_of(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node)
{
    size_t keys = eval->trace != NULL ? eval->trace->keys : 0;
    enum fhir_quick_truth truth = truth_of(eval, quick, node);
    if (eval->trace != NULL && eval->trace->keys != keys)
        eval->trace->computed = true; /* whether there is a key is not noted */
    return truth;
}
