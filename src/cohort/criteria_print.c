/* The short text form, written: what is read again is the same tree. Words are quoted where they
 * could be read as something else. */
#include "cohort/criteria_priv.h"

#include <inttypes.h>
#include <string.h>

static void print_string(const char *text, struct buf *ret)
{
    buf_putc(ret, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_putc(ret, '\\');
        buf_putc(ret, *text);
    }
    buf_putc(ret, '"');
}

/* May stand without quotes where a unit or a code is read: only characters that are in no other
 * token, and no keyword. */
static bool is_plain(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c >= 0x7f || strchr("\"(),<>=\\", *c) != NULL)
            return false;
    }
    return !cohort_is_reserved(str_of(text));
}

static void print_code(const struct cohort_code *code, struct buf *ret)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    const char *system = code->system != NULL ? cohort_system_short(code->system) : NULL;
    if (code->system != NULL)
        buf_printf(&text, "%s|", system != NULL ? system : code->system);
    buf_printf(&text, "%s%s", code->code, code->prefix ? "*" : "");
    bool has_mark = strpbrk(buf_text(&text), "0123456789|*") != NULL;
    ret->failed = ret->failed || text.failed;
    if (has_mark && is_plain(buf_text(&text))) {
        buf_puts(ret, buf_text(&text));
        return;
    }
    buf_puts(ret, "code ");
    print_string(buf_text(&text), ret);
}

static void print_matches(const struct cohort_event *event, struct buf *ret)
{
    const char *separator = " ";
    for (size_t i = 0; i < event->code_count; i++, separator = ", ") {
        buf_puts(ret, separator);
        print_code(&event->codes[i], ret);
    }
    for (size_t i = 0; i < event->text_count; i++, separator = ", ") {
        buf_puts(ret, separator);
        print_string(event->texts[i], ret);
    }
    for (size_t i = 0; i < event->value_set_count; i++, separator = ", ") {
        buf_printf(ret, "%svalueset ", separator);
        print_string(event->value_sets[i], ret);
    }
}

static void print_value(const struct cohort_value *value, struct buf *ret)
{
    if (!value->given)
        return;
    bool closed =
        value->low != NULL && value->high != NULL && !value->low_excluded && !value->high_excluded;
    if (closed && strcmp(value->low, value->high) == 0)
        buf_printf(ret, " = %s", value->low);
    else if (closed)
        buf_printf(ret, " between %s and %s", value->low, value->high);
    else {
        if (value->low != NULL)
            buf_printf(ret, " %s %s", value->low_excluded ? ">" : ">=", value->low);
        if (value->high != NULL)
            buf_printf(ret, " %s %s", value->high_excluded ? "<" : "<=", value->high);
    }
    if (value->unit == NULL)
        return;
    buf_putc(ret, ' ');
    if (is_plain(value->unit))
        buf_puts(ret, value->unit);
    else
        print_string(value->unit, ret);
}

static void print_ages(const struct cohort_span *span, struct buf *ret)
{
    if (span->low == span->high)
        buf_printf(ret, " = %" PRId64, span->low);
    else if (span->low > 0 && span->high < COHORT_AGE_MOST)
        buf_printf(ret, " between %" PRId64 " and %" PRId64, span->low, span->high);
    else if (span->high == COHORT_AGE_MOST)
        buf_printf(ret, " >= %" PRId64, span->low);
    else
        buf_printf(ret, " <= %" PRId64, span->high);
}

static void print_dates(const struct cohort_span *span, struct buf *ret)
{
    char day[16];
    if (span->given && span->low == span->high) {
        buf_printf(ret, " on %s", cohort_date_write(span->low, day));
        return;
    }
    if (span->given && span->low != COHORT_OPEN_LOW)
        buf_printf(ret, " since %s", cohort_date_write(span->low, day));
    if (span->given && span->high != COHORT_OPEN_HIGH)
        buf_printf(ret, " until %s", cohort_date_write(span->high, day));
}

static void print_relation(const struct cohort_relation *relation, struct buf *ret)
{
    static const char *const words[] = {"of", "before", "after"};
    if (relation->days >= 0)
        buf_printf(ret, " within %" PRId64 " days", relation->days);
    buf_printf(ret, " %s (", words[relation->order]);
    cohort_node_print(relation->event,
                      ret); /* an ANY's members are parted by "or", as an operand's are */
    buf_putc(ret, ')');
}

static void print_event(const struct cohort_event *event, struct buf *ret)
{
    buf_puts(ret, cohort_domain_word(event->domain));
    print_matches(event, ret);
    if (event->category != NULL) {
        buf_puts(ret, " category ");
        print_string(event->category, ret);
    }
    if (event->status != NULL) {
        buf_puts(ret, " status ");
        print_string(event->status, ret);
    }
    print_value(&event->value, ret);
    print_dates(&event->dates, ret);
    if (event->age.given) {
        buf_puts(ret, " at age");
        print_ages(&event->age, ret);
    }
    if (event->at_least > 1)
        buf_printf(ret, " at least %" PRId64 " times", event->at_least);
    for (size_t i = 0; i < event->relation_count; i++)
        print_relation(&event->relations[i], ret);
}

static void print_joined(const struct cohort_node *node, const char *word, struct buf *ret)
{
    for (size_t i = 0; i < node->child_count; i++) {
        const struct cohort_node *child = node->children[i];
        bool parted = child->kind == COHORT_ALL || child->kind == COHORT_ANY;
        buf_puts(ret, i == 0 ? "" : word);
        buf_puts(ret, parted ? "(" : "");
        cohort_node_print(child, ret);
        buf_puts(ret, parted ? ")" : "");
    }
}

static void print_not(const struct cohort_node *node, struct buf *ret)
{
    const struct cohort_node *child = node->children[0];
    bool parted = child->kind == COHORT_ALL || child->kind == COHORT_ANY;
    if (child->kind == COHORT_DECEASED) {
        buf_puts(ret, "alive");
        return;
    }
    buf_puts(ret, parted ? "not (" : "not ");
    cohort_node_print(child, ret);
    buf_puts(ret, parted ? ")" : "");
}

void cohort_node_print(const struct cohort_node *node, struct buf *ret)
{
    switch (node->kind) {
    case COHORT_ALL:
        print_joined(node, " and ", ret);
        break;
    case COHORT_ANY:
        print_joined(node, " or ", ret);
        break;
    case COHORT_NOT:
        print_not(node, ret);
        break;
    case COHORT_GENDER:
        if (strcmp(node->gender, "female") == 0 || strcmp(node->gender, "male") == 0) {
            buf_puts(ret, node->gender);
            break;
        }
        buf_puts(ret, "gender ");
        print_string(node->gender, ret);
        break;
    case COHORT_AGE:
        buf_puts(ret, "age");
        print_ages(&node->span, ret);
        break;
    case COHORT_BORN:
        buf_puts(ret, "born");
        print_dates(&node->span, ret);
        break;
    case COHORT_DECEASED:
        buf_puts(ret, "deceased");
        break;
    case COHORT_EVENT:
        print_event(node->event, ret);
        break;
    }
}

enum err_code cohort_criteria_print(const struct cohort_criteria *criteria, struct buf *ret,
                                    struct err *err)
{
    cohort_node_print(criteria->root, ret);
    return buf_check(ret, err);
}
