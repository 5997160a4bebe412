/* The kernels' constructors: values, explode, dedupe, as-of join, interval join, interval merge.
 * What they mean in terms of the other nodes is in expand.c. */
#include <stdio.h>
#include <string.h>

#include "plan/plan_priv.h"

/* The input's columns and `more` others to fill in; NULL and a sticky error when memory is out. */
static struct plan_column *columns_and(struct plan *plan, struct plan_rel *rel,
                                       const struct plan_rel *input, size_t more)
{
    size_t count = input->column_count + more;
    struct plan_column *columns = plan_alloc(plan, count, sizeof *columns);
    if (columns == NULL)
        return NULL;
    memcpy(columns, input->columns, input->column_count * sizeof *columns);
    rel->columns = columns;
    rel->column_count = count;
    return columns + input->column_count;
}

static bool is_name(struct plan *plan, const struct plan_rel *rel, const char *name,
                    const char *what)
{
    if (name != NULL && name[0] != '\0' && str_utf8_valid_prefix(str_of(name)) == strlen(name))
        return true;
    plan_fail(plan, ERR_INPUT, "%s: expected a name for %s, in UTF-8",
              plan_rel_kind_text(rel->kind), what);
    return false;
}

/* ---- values -------------------------------------------------------------------------------------
 */

static bool check_cell(struct plan *plan, const struct plan_column *columns, size_t column_count,
                       const struct plan_expr *const *cells, size_t at)
{
    const struct plan_expr *cell = cells[at];
    const struct plan_column *column = &columns[at % column_count];
    char expected[32], found[32];
    if (cell->kind != PLAN_LITERAL && cell->kind != PLAN_PARAM)
        plan_fail(plan, ERR_INPUT, "values: row %zu, \"%s\": expected a literal or a parameter",
                  at / column_count + 1, column->name);
    else if (!data_type_equal(cell->type, column->type))
        plan_fail(plan, ERR_INPUT, "values: row %zu, \"%s\": expected %s, found %s",
                  at / column_count + 1, column->name, data_type_text(column->type, expected),
                  data_type_text(cell->type, found));
    return !plan_failed(plan);
}

const struct plan_rel *plan_values(struct plan *plan, const struct plan_column *columns,
                                   size_t column_count, const struct plan_expr *const *cells,
                                   size_t row_count)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_VALUES, NULL, 0);
    if (rel == NULL)
        return NULL;
    if (column_count == 0) {
        plan_fail(plan, ERR_INPUT, "values: expected one column at least");
        return NULL;
    }
    if (row_count > PLAN_LIMIT_VALUES / column_count) {
        plan_fail(plan, ERR_LIMIT, "values: more than %d cells", PLAN_LIMIT_VALUES);
        return NULL;
    }
    struct plan_column *copy = plan_alloc(plan, column_count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < column_count; i++) {
        if (!is_name(plan, rel, columns[i].name, "each column"))
            return NULL;
        copy[i].name = plan_strdup(plan, columns[i].name);
        copy[i].type = columns[i].type;
    }
    rel->columns = copy;
    rel->column_count = column_count;
    rel->cells = plan_exprs_copy(plan, cells, row_count * column_count);
    rel->row_count = row_count;
    if (rel->cells == NULL || copy == NULL)
        return NULL;
    for (size_t i = 0; i < row_count * column_count; i++)
        if (!check_cell(plan, copy, column_count, rel->cells, i))
            return NULL;
    return plan_names_build(plan, rel) ? rel : NULL;
}

/* ---- explode ------------------------------------------------------------------------------------
 */

const struct plan_rel *plan_explode(struct plan *plan, const struct plan_rel *input,
                                    const struct plan_expr *list, const char *as,
                                    const char *ordinality, bool keep_empty)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_EXPLODE, &input, 1);
    if (rel == NULL)
        return NULL;
    char found[32];
    if (list == NULL || !is_name(plan, rel, as, "the elements")) {
        plan_fail(plan, ERR_INPUT, "explode of %s: the list is missing",
                  plan_describe(plan, input));
        return NULL;
    }
    if (list->type.kind == DATA_JSON)
        list = plan_call(plan, "json_list", 1, &list);
    if (list == NULL)
        return NULL;
    struct plan_place place = {plan, rel, rel->inputs, 1};
    if (list->type.kind != DATA_LIST)
        plan_fail(plan, ERR_INPUT, "explode: expected a list or a json, found %s",
                  data_type_text(list->type, found));
    struct plan_named *output = plan_named_array(plan, 1);
    struct plan_column *more = columns_and(plan, rel, input, ordinality != NULL ? 2 : 1);
    if (plan_failed(plan) || output == NULL || more == NULL || !plan_check_expr(&place, list))
        return NULL;
    *output = (struct plan_named){plan_strdup(plan, as), list};
    rel->outputs = output;
    rel->output_count = 1;
    rel->keep_empty = keep_empty;
    more[0] = (struct plan_column){output->name, list->type.fields[0].type};
    if (ordinality != NULL) {
        if (!is_name(plan, rel, ordinality, "the ordinality"))
            return NULL;
        rel->ordinality = plan_strdup(plan, ordinality);
        more[1] = (struct plan_column){rel->ordinality, DATA_TYPE(BIGINT)};
    }
    return !plan_failed(plan) && plan_names_build(plan, rel) ? rel : NULL;
}

/* ---- dedupe -------------------------------------------------------------------------------------
 */

const struct plan_rel *plan_dedupe(struct plan *plan, const struct plan_rel *input,
                                   const struct plan_expr *const *keys, size_t key_count,
                                   const struct plan_order *order, size_t order_count)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_DEDUPE, &input, 1);
    if (rel == NULL)
        return NULL;
    if (order_count == 0) {
        plan_fail(plan, ERR_INPUT, "dedupe of %s: expected an order that says which row is first",
                  plan_describe(plan, input));
        return NULL;
    }
    rel->left_keys = plan_exprs_copy(plan, keys, key_count);
    rel->key_count = key_count;
    rel->order = plan_order_copy(plan, order, order_count);
    rel->order_count = order_count;
    plan_same_columns(rel, input);
    if (rel->left_keys == NULL || rel->order == NULL)
        return NULL;
    struct plan_place place = {plan, rel, rel->inputs, 1};
    for (size_t i = 0; i < order_count; i++)
        if (!plan_check_expr(&place, order[i].expr))
            return NULL;
    for (size_t i = 0; i < key_count; i++) {
        char found[32];
        if (!plan_check_expr(&place, keys[i]))
            return NULL;
        if (!plan_type_ordered(keys[i]->type)) {
            plan_fail(plan, ERR_INPUT,
                      "dedupe: key %zu: expected a type that has an order, found %s", i + 1,
                      data_type_text(keys[i]->type, found));
            return NULL;
        }
    }
    return rel;
}

/* ---- times --------------------------------------------------------------------------------------
 */

/* A time of a kernel: there, of the side it should be, of a type that has distances, and the same
 * as the others. */
static bool check_time(const struct plan_place *place, const struct plan_expr *time, size_t side,
                       const char *what, struct data_type *type)
{
    struct plan *plan = place->plan;
    const char *node = plan_rel_kind_text(place->rel->kind);
    char expected[32], found[32];
    if (time == NULL) {
        plan_fail(plan, ERR_INPUT, "%s: the %s is missing", node, what);
        return false;
    }
    if (!plan_check_expr(place, time))
        return false;
    bool distances = data_type_is_temporal(time->type) || data_type_is_numeric(time->type);
    if (!plan_reads_only(time, side))
        plan_fail(plan, ERR_INPUT, "%s: %s: expected columns of the %s input", node, what,
                  side == 0 ? "left" : "right");
    else if (!distances)
        plan_fail(plan, ERR_INPUT, "%s: %s: expected a time or a number, found %s", node, what,
                  data_type_text(time->type, found));
    else if (type->kind != DATA_NULL && !data_type_equal(*type, time->type))
        plan_fail(plan, ERR_INPUT, "%s: %s: expected %s as before, found %s", node, what,
                  data_type_text(*type, expected), data_type_text(time->type, found));
    *type = time->type;
    return !plan_failed(plan);
}

static bool copy_span(struct plan *plan, struct plan_rel *rel, const struct plan_span *span)
{
    struct plan_span *copy = plan_failed(plan) ? NULL : plan_alloc(plan, 1, sizeof *copy);
    if (copy == NULL)
        return false;
    *copy = *span;
    copy->start_name = plan_strdup(plan, span->start_name);
    copy->end_name = plan_strdup(plan, span->end_name);
    copy->count_name = plan_strdup(plan, span->count_name);
    rel->span = copy;
    return !plan_failed(plan);
}

const struct plan_rel *plan_join_asof(struct plan *plan, const struct plan_rel *left,
                                      const struct plan_rel *right,
                                      const struct plan_expr *const *left_keys,
                                      const struct plan_expr *const *right_keys, size_t key_count,
                                      const struct plan_span *span, const struct plan_order *ties,
                                      size_t tie_count)
{
    struct plan_rel *rel =
        plan_join_new(plan, PLAN_JOIN, left, right, left_keys, right_keys, key_count);
    if (rel == NULL || !copy_span(plan, rel, span))
        return NULL;
    rel->join = PLAN_JOIN_ASOF;
    struct plan_place place = {plan, rel, rel->inputs, 2};
    struct data_type type = DATA_TYPE(NULL);
    if (!check_time(&place, span->left_start, 0, "left time", &type) ||
        !check_time(&place, span->right_start, 1, "right time", &type))
        return NULL;
    rel->order = plan_order_copy(plan, ties, tie_count);
    rel->order_count = tie_count;
    for (size_t i = 0; rel->order != NULL && i < tie_count; i++) {
        if (!plan_check_expr(&place, ties[i].expr))
            return NULL;
        if (!plan_reads_only(ties[i].expr, 1)) {
            plan_fail(plan, ERR_INPUT, "join: tie %zu: expected columns of the right input", i + 1);
            return NULL;
        }
    }
    return rel->order != NULL && plan_join_columns(plan, rel) ? rel : NULL;
}

const struct plan_rel *plan_interval_join(struct plan *plan, enum plan_join_kind kind,
                                          const struct plan_rel *left, const struct plan_rel *right,
                                          const struct plan_expr *const *left_keys,
                                          const struct plan_expr *const *right_keys,
                                          size_t key_count, const struct plan_span *span)
{
    struct plan_rel *rel =
        plan_join_new(plan, PLAN_INTERVAL_JOIN, left, right, left_keys, right_keys, key_count);
    if (rel == NULL || !copy_span(plan, rel, span))
        return NULL;
    if (kind != PLAN_JOIN_INNER && kind != PLAN_JOIN_LEFT) {
        plan_fail(plan, ERR_INPUT, "interval_join: expected inner or left, found %s",
                  plan_join_kind_text(kind));
        return NULL;
    }
    rel->join = kind;
    struct plan_place place = {plan, rel, rel->inputs, 2};
    struct data_type type = DATA_TYPE(NULL);
    if (!check_time(&place, span->left_start, 0, "left start", &type) ||
        !check_time(&place, span->left_end, 0, "left end", &type) ||
        !check_time(&place, span->right_start, 1, "right start", &type) ||
        !check_time(&place, span->right_end, 1, "right end", &type))
        return NULL;
    return plan_join_columns(plan, rel) ? rel : NULL;
}

const struct plan_rel *plan_interval_merge(struct plan *plan, const struct plan_rel *input,
                                           const struct plan_named *groups, size_t group_count,
                                           const struct plan_span *span)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_INTERVAL_MERGE, &input, 1);
    size_t count = group_count + (span->count_name != NULL ? 3 : 2);
    struct plan_column *columns = rel == NULL ? NULL : plan_alloc(plan, count, sizeof *columns);
    if (columns == NULL || !copy_span(plan, rel, span))
        return NULL;
    rel->groups = plan_copy_named(plan, rel, groups, group_count, columns);
    rel->group_count = group_count;
    struct plan_place place = {plan, rel, rel->inputs, 1};
    struct data_type type = DATA_TYPE(NULL);
    for (size_t i = 0; rel->groups != NULL && i < group_count; i++)
        if (!plan_check_expr(&place, groups[i].expr))
            return NULL;
    if (rel->groups == NULL || !check_time(&place, span->left_start, 0, "start", &type) ||
        !check_time(&place, span->left_end, 0, "end", &type) ||
        !is_name(plan, rel, span->start_name, "the start") ||
        !is_name(plan, rel, span->end_name, "the end"))
        return NULL;
    if (span->gap < 0) {
        plan_fail(plan, ERR_INPUT, "interval_merge: expected a gap of 0 at least");
        return NULL;
    }
    columns[group_count] = (struct plan_column){rel->span->start_name, type};
    columns[group_count + 1] = (struct plan_column){rel->span->end_name, type};
    if (span->count_name != NULL)
        columns[group_count + 2] = (struct plan_column){rel->span->count_name, DATA_TYPE(BIGINT)};
    rel->columns = columns;
    rel->column_count = count;
    return plan_names_build(plan, rel) ? rel : NULL;
}
