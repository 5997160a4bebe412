/* The tree of criteria: lists and nodes in an arena, code systems, dates, numbers, ranges. */
#include "cohort/criteria_priv.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void *cohort_list_add(struct arena *arena, struct cohort_list *list, size_t bytes)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 4 : 2 * list->cap;
        void *items = arena_array(arena, cap, bytes);
        if (items == NULL)
            return NULL;
        if (list->count > 0)
            memcpy(items, list->items, list->count * bytes);
        list->items = items;
        list->cap = cap;
    }
    return (char *)list->items + bytes * list->count++;
}

const struct cohort_node *cohort_node_of(struct arena *arena, enum cohort_kind kind,
                                         const struct cohort_node *const *children, size_t count)
{
    struct cohort_list list = {0};
    if (count == 1)
        return children[0];
    for (size_t i = 0; i < count; i++) {
        const struct cohort_node *child = children[i];
        size_t inner = child->kind == kind ? child->child_count : 1;
        for (size_t k = 0; k < inner; k++) {
            const struct cohort_node **item = cohort_list_add(arena, &list, sizeof *item);
            if (item == NULL)
                return NULL;
            *item = child->kind == kind ? child->children[k] : child;
        }
    }
    struct cohort_node *node = arena_alloc(arena, sizeof *node);
    if (node == NULL)
        return NULL;
    *node = (struct cohort_node){.kind = kind, .children = list.items, .child_count = list.count};
    return node;
}

enum err_code cohort_count_node(struct cohort_criteria *criteria, struct err *err)
{
    if (++criteria->node_count <= COHORT_LIMIT_NODES)
        return ERR_OK;
    return err_set(err, ERR_LIMIT, "more than %d criteria", COHORT_LIMIT_NODES);
}

/* ---- code systems and domains -------------------------------------------------------------------
 */

/* Is word one of the words, parted by blanks? ASCII case is ignored. */
static bool is_among(struct str word, const char *words)
{
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (length > 0 && str_equal_nocase(word, (struct str){words, length}))
            return true;
        words += length + strspn(words + length, " ");
    }
    return false;
}

struct system_row {
    const char *name, *uri, *others;
};
static const struct system_row systems[] = {
#define COHORT_SYSTEM(name, uri, others) {name, uri, others},
#include "cohort/system.def"
#undef COHORT_SYSTEM
};

const char *cohort_system_uri(struct arena *arena, struct str system)
{
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
        if (str_equal_nocase(system, str_of(systems[i].name)) ||
            str_equal_nocase(system, str_of(systems[i].uri)) || is_among(system, systems[i].others))
            return systems[i].uri;
    return arena_strndup(arena, system.ptr, system.len);
}

const char *cohort_system_short(const char *uri)
{
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
        if (strcmp(uri, systems[i].uri) == 0)
            return systems[i].name;
    return NULL;
}

struct domain_row {
    const char *word, *others;
};
static const struct domain_row domains[] = {
#define COHORT_DOMAIN(name, word, others) {word, others},
#include "cohort/domain.def"
#undef COHORT_DOMAIN
};

const char *cohort_domain_word(enum cohort_domain domain)
{
    return domains[domain].word;
}

bool cohort_domain_find(struct str word, enum cohort_domain *ret)
{
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        if (!str_equal_nocase(word, str_of(domains[i].word)) && !is_among(word, domains[i].others))
            continue;
        *ret = (enum cohort_domain)i;
        return true;
    }
    return false;
}

bool cohort_code_read(struct arena *arena, struct str text, struct cohort_code *ret)
{
    const char *bar = text.len == 0 ? NULL : memchr(text.ptr, '|', text.len);
    struct str code = text;
    ret->system = NULL;
    if (bar != NULL) {
        struct str system = {text.ptr, (size_t)(bar - text.ptr)};
        code = (struct str){bar + 1, text.len - system.len - 1};
        if (system.len == 0)
            return false;
        ret->system = cohort_system_uri(arena, system);
    }
    ret->prefix = code.len > 0 && code.ptr[code.len - 1] == '*';
    if (ret->prefix)
        code.len--;
    ret->code = arena_strndup(arena, code.ptr, code.len);
    return code.len > 0;
}

/* ---- dates --------------------------------------------------------------------------------------
 */

static bool digits(struct str text, size_t at, size_t count, int64_t *ret)
{
    *ret = 0;
    if (at + count > text.len)
        return false;
    for (size_t i = at; i < at + count; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *ret = *ret * 10 + (text.ptr[i] - '0');
    }
    return true;
}

bool cohort_date_read(struct str text, int64_t *ret_first, int64_t *ret_last)
{
    int64_t year, month = 1, day = 1;
    bool has_month = text.len >= 7, has_day = text.len == 10;
    if ((text.len != 4 && text.len != 7 && text.len != 10) || !digits(text, 0, 4, &year) ||
        year == 0)
        return false;
    if (has_month && (text.ptr[4] != '-' || !digits(text, 5, 2, &month)))
        return false;
    if (has_day && (text.ptr[7] != '-' || !digits(text, 8, 2, &day)))
        return false;
    if (month < 1 || month > 12 || !clock_civil_valid(year, (unsigned)month, (unsigned)day))
        return false;
    *ret_first = clock_days_from_civil(year, (unsigned)month, (unsigned)day);
    *ret_last = has_day                   ? *ret_first
                : has_month && month < 12 ? clock_days_from_civil(year, (unsigned)month + 1, 1) - 1
                                          : clock_days_from_civil(year + 1, 1, 1) - 1;
    return true;
}

const char *cohort_date_write(int64_t day, char ret[16])
{
    int64_t year;
    unsigned month, date;
    clock_civil_from_days(day, &year, &month, &date);
    (void)snprintf(ret, 16, "%04d-%02u-%02u", (int)(year % 10000), month % 100, date % 100);
    return ret;
}

/* ---- numbers ------------------------------------------------------------------------------------
 */

#define NUMBER_DIGITS 15 /* on each side of the point: what the plan's decimal(30,15) holds */

const char *cohort_number_read(struct arena *arena, struct str text)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = negative ? 1 : 0, whole = at, end;
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    if (at == whole)
        return NULL;
    while (whole + 1 < at && text.ptr[whole] == '0')
        whole++;
    size_t whole_end = at, fraction = at;
    if (at < text.len && text.ptr[at] == '.') {
        fraction = ++at;
        while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
            at++;
        if (at == fraction)
            return NULL;
    }
    for (end = at; end > fraction && text.ptr[end - 1] == '0';)
        end--;
    if (at != text.len || whole_end - whole > NUMBER_DIGITS || end - fraction > NUMBER_DIGITS)
        return NULL;
    bool zero = whole_end - whole == 1 && text.ptr[whole] == '0' && end == fraction;
    return arena_printf(arena, "%s%.*s%s%.*s", negative && !zero ? "-" : "",
                        (int)(whole_end - whole), text.ptr + whole, end > fraction ? "." : "",
                        (int)(end - fraction), text.ptr + fraction);
}

/* Of the digits alone, both in canonical form. */
static int compare_magnitude(const char *a, const char *b)
{
    size_t whole_a = strcspn(a, "."), whole_b = strcspn(b, ".");
    if (whole_a != whole_b)
        return whole_a < whole_b ? -1 : 1;
    int order = strcmp(a, b); /* '.' lies below the digits, the end below '.' */
    return order < 0 ? -1 : order > 0 ? 1 : 0;
}

int cohort_number_compare(const char *a, const char *b)
{
    bool below_a = a[0] == '-', below_b = b[0] == '-';
    if (below_a != below_b)
        return below_a ? -1 : 1;
    return below_a ? compare_magnitude(b + 1, a + 1) : compare_magnitude(a, b);
}

enum err_code cohort_span_check(const struct cohort_span *span, const char *what, struct err *err)
{
    if (!span->given || span->low <= span->high)
        return ERR_OK;
    return err_set(err, ERR_INPUT, "no %s lie in this range: its end is before its beginning",
                   what);
}

enum err_code cohort_value_check(const struct cohort_value *value, struct err *err)
{
    if (!value->given || value->low == NULL || value->high == NULL)
        return ERR_OK;
    int order = cohort_number_compare(value->low, value->high);
    if (order < 0 || (order == 0 && !value->low_excluded && !value->high_excluded))
        return ERR_OK;
    return err_set(err, ERR_INPUT, "no value lies in this range: its end is before its beginning");
}

/* ---- the door -----------------------------------------------------------------------------------
 */

static enum err_code new_criteria(struct cohort_criteria **ret, struct err *err)
{
    struct cohort_criteria *criteria = mem_zalloc(1, sizeof *criteria);
    if (criteria != NULL)
        criteria->arena = arena_new(0);
    if (criteria == NULL || criteria->arena == NULL) {
        mem_free(criteria);
        return err_set(err, ERR_MEMORY, "no memory for criteria");
    }
    *ret = criteria;
    return ERR_OK;
}

void cohort_criteria_free(struct cohort_criteria *criteria)
{
    if (criteria == NULL)
        return;
    arena_free(criteria->arena);
    mem_free(criteria);
}

enum err_code cohort_criteria_from_json(const json_t *json, const char *source,
                                        struct cohort_criteria **ret, struct err *err)
{
    AUTO(cohort_criteria_free) struct cohort_criteria *criteria = NULL;
    TRY(new_criteria(&criteria, err));
    TRY(cohort_json_read(criteria, json, source, err));
    *ret = criteria;
    criteria = NULL;
    return ERR_OK;
}

enum err_code cohort_criteria_read(struct str text, const char *source,
                                   struct cohort_criteria **ret, struct err *err)
{
    if (text.len > COHORT_LIMIT_TEXT_BYTES)
        return err_set(err, ERR_LIMIT, "criteria are longer than %d bytes",
                       COHORT_LIMIT_TEXT_BYTES);
    if (str_trim(text).len > 0 && str_trim(text).ptr[0] == '{') {
        JSON_AUTO json = NULL;
        TRY(json_parse(text, source, &json, err));
        return cohort_criteria_from_json(json, source, ret, err);
    }
    AUTO(cohort_criteria_free) struct cohort_criteria *criteria = NULL;
    TRY(new_criteria(&criteria, err));
    TRY(cohort_text_read(criteria, text, source, err));
    *ret = criteria;
    criteria = NULL;
    return ERR_OK;
}

size_t cohort_step_count(const struct cohort_criteria *criteria)
{
    return criteria->root->kind == COHORT_ALL ? criteria->root->child_count : 1;
}

enum err_code cohort_step_print(const struct cohort_criteria *criteria, size_t step,
                                struct buf *ret, struct err *err)
{
    const struct cohort_node *root = criteria->root;
    cohort_node_print(root->kind == COHORT_ALL ? root->children[step] : root, ret);
    return buf_check(ret, err);
}
