/* Equality and order of two items by what they compare as: numbers by value whatever their digits, strings bytewise, dates by
 * the parts that both have, structures by all their members. */
#include <string.h>

#include "fhir/evaluate_priv.h"

static bool is_number(enum fhir_system system)
{
    return system == FHIR_SYSTEM_INTEGER || system == FHIR_SYSTEM_DECIMAL;
}

static bool is_moment(enum fhir_system system)
{
    return system == FHIR_SYSTEM_DATE || system == FHIR_SYSTEM_DATETIME || system == FHIR_SYSTEM_TIME;
}

/* Dates of an element that the model does not know arrive as strings. */
static enum fhir_truth compare_moments(const struct fhir_item *a, const struct fhir_item *b, int *ret)
{
    struct fhir_moment left, right;
    if (!fhir_moment_read(a->text, &left) || !fhir_moment_read(b->text, &right) || left.is_time != right.is_time)
        return FHIR_FALSE;
    return fhir_moment_compare(&left, &right, ret);
}

static bool compare_as_moments(const struct fhir_item *a, enum fhir_system left, const struct fhir_item *b, enum fhir_system right)
{
    bool loose_a = left == FHIR_SYSTEM_STRING && a->type == FHIR_TYPE_UNKNOWN, loose_b = right == FHIR_SYSTEM_STRING && b->type == FHIR_TYPE_UNKNOWN;
    return (is_moment(left) && (is_moment(right) || loose_b)) || (is_moment(right) && loose_a);
}

enum fhir_truth fhir_items_compare(struct fhir_eval *eval, const struct fhir_item *a, const struct fhir_item *b, int *ret)
{
    enum fhir_system left = fhir_item_system(a), right = fhir_item_system(b);
    if (is_number(left) && is_number(right)) {
        fhir_wide one, other;
        if (!fhir_number_read(a->text, &one) || !fhir_number_read(b->text, &other)) {
            fhir_eval_fail(eval, ERR_LIMIT, "a comparison of a number beyond 10^%d", FHIR_PATH_LIMIT_DIGITS);
            return FHIR_EMPTY;
        }
        *ret = one < other ? -1 : one > other;
        return FHIR_TRUE;
    }
    if (left == FHIR_SYSTEM_STRING && right == FHIR_SYSTEM_STRING) {
        *ret = str_compare(a->text, b->text);
        return FHIR_TRUE;
    }
    return compare_as_moments(a, left, b, right) ? compare_moments(a, b, ret) : FHIR_FALSE;
}

/* ---- structures -------------------------------------------------------------------------------- */

static const struct json_node *named(const struct json_node *object, struct str name)
{
    const struct json_node *member = object->first;
    while (member != NULL && !str_equal(member->name, name))
        member = member->next;
    return member;
}

static size_t size_of(const struct json_node *node)
{
    size_t count = 0;
    for (const struct json_node *child = node->first; child != NULL; child = child->next)
        count++;
    return count;
}

/* Depth is the reader's limit at the most. */
static bool nodes_equal(const struct json_node *a, const struct json_node *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case JSON_NODE_NULL:
    case JSON_NODE_TRUE:
    case JSON_NODE_FALSE:
        return true;
    case JSON_NODE_NUMBER:
        return fhir_number_compare(a->text, b->text) == 0;
    case JSON_NODE_STRING:
        return str_equal(a->text, b->text);
    case JSON_NODE_ARRAY: {
        const struct json_node *left = a->first, *right = b->first;
        for (; left != NULL && right != NULL; left = left->next, right = right->next)
            if (!nodes_equal(left, right))
                return false;
        return left == NULL && right == NULL;
    }
    case JSON_NODE_OBJECT:
        for (const struct json_node *member = a->first; member != NULL; member = member->next) {
            const struct json_node *other = named(b, member->name);
            if (other == NULL || !nodes_equal(member, other))
                return false;
        }
        return size_of(a) == size_of(b);
    }
    return false;
}

enum fhir_truth fhir_items_equal(struct fhir_eval *eval, const struct fhir_item *a, const struct fhir_item *b)
{
    enum fhir_system left = fhir_item_system(a), right = fhir_item_system(b);
    int order = 1;
    if (left == FHIR_SYSTEM_NONE && right == FHIR_SYSTEM_NONE)
        return a->node != NULL && b->node != NULL && nodes_equal(a->node, b->node) ? FHIR_TRUE : FHIR_FALSE;
    if (left == FHIR_SYSTEM_BOOLEAN && right == FHIR_SYSTEM_BOOLEAN)
        return str_equal(a->text, b->text) ? FHIR_TRUE : FHIR_FALSE;
    if (left == FHIR_SYSTEM_STRING && right == FHIR_SYSTEM_STRING)
        return str_equal(a->text, b->text) ? FHIR_TRUE : FHIR_FALSE;
    enum fhir_truth decided = fhir_items_compare(eval, a, b, &order);
    return decided == FHIR_TRUE && order != 0 ? FHIR_FALSE : decided;
}

/* ---- equivalence ------------------------------------------------------------------------------- */

/* The next character of a text without case, runs of blanks as one; 0 at the end. */
static int loose_next(struct str *text)
{
    if (text->len == 0)
        return 0;
    unsigned char c = (unsigned char)*text->ptr;
    bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    do {
        text->ptr++;
        text->len--;
    } while (blank && text->len > 0 && (*text->ptr == ' ' || *text->ptr == '\t' || *text->ptr == '\n' || *text->ptr == '\r'));
    if (blank)
        return ' ';
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool loosely_equal(struct str a, struct str b)
{
    int left, right;
    a = str_trim(a);
    b = str_trim(b);
    do {
        left = loose_next(&a);
        right = loose_next(&b);
    } while (left == right && left != 0);
    return left == right;
}

bool fhir_items_equivalent(struct fhir_eval *eval, const struct fhir_item *a, const struct fhir_item *b)
{
    if (fhir_item_system(a) == FHIR_SYSTEM_STRING && fhir_item_system(b) == FHIR_SYSTEM_STRING)
        return loosely_equal(a->text, b->text);
    return fhir_items_equal(eval, a, b) == FHIR_TRUE; /* dates of different precision are not equivalent */
}
