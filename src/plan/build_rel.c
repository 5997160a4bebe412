/* Relations: each constructor checks its expressions against its inputs (the column is there, of
 * that type; aggregates only in AGGREGATE, windows only in WINDOW) and works out its output
 * columns. */
#include "plan/plan_priv.h"

#include <string.h>

struct plan_rel *plan_rel_new(struct plan *plan, enum plan_rel_kind kind,
                              const struct plan_rel *const *inputs, size_t count)
{
    if (plan_failed(plan))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (inputs[i] == NULL) {
            plan_fail(plan, ERR_INPUT, "%s: input %zu is missing", plan_rel_kind_text(kind), i + 1);
            return NULL;
        }
    uint32_t id = plan_next_id(plan);
    struct plan_rel *rel = id == 0 ? NULL : plan_alloc(plan, 1, sizeof *rel);
    const struct plan_rel **copy = rel == NULL ? NULL : plan_alloc(plan, count, sizeof *copy);
    if (copy == NULL)
        return NULL;
    rel->kind = kind;
    rel->id = id;
    rel->depth = 1;
    rel->limit = -1;
    for (size_t i = 0; i < count; i++) {
        copy[i] = inputs[i];
        if (inputs[i]->depth >= rel->depth)
            rel->depth = inputs[i]->depth + 1;
    }
    rel->inputs = copy;
    rel->input_count = count;
    if (rel->depth > PLAN_LIMIT_DEPTH) {
        plan_fail(plan, ERR_LIMIT, "the plan is more than %d relations deep", PLAN_LIMIT_DEPTH);
        return NULL;
    }
    return rel;
}

void plan_same_columns(struct plan_rel *rel, const struct plan_rel *input)
{
    rel->columns = input->columns;
    rel->column_count = input->column_count;
    rel->names = input->names;
}

static bool check_column(const struct plan_place *place, const struct plan_expr *expr)
{
    if (expr->input < place->input_count) {
        const struct plan_rel *input = place->inputs[expr->input];
        if (expr->idx < input->column_count &&
            data_type_equal(expr->type, input->columns[expr->idx].type) &&
            (expr->name == input->columns[expr->idx].name ||
             strcmp(expr->name, input->columns[expr->idx].name) == 0))
            return true;
        plan_fail(place->plan, ERR_INPUT,
                  "%s: column \"%s\" was bound to another relation than its input, %s",
                  plan_describe(place->plan, place->rel), expr->name,
                  plan_describe(place->plan, input));
        return false;
    }
    plan_fail(place->plan, ERR_INPUT,
              "%s: column \"%s\" is of the right input; only a join has one",
              plan_describe(place->plan, place->rel), expr->name);
    return false;
}

static bool check_inner(const struct plan_place *place, const struct plan_expr *expr);

static bool check_parts(const struct plan_place *place, const struct plan_expr *expr)
{
    for (size_t i = 0; i < expr->arg_count; i++)
        if (!check_inner(place, expr->args[i]))
            return false;
    for (size_t i = 0; i < expr->partition_count; i++)
        if (!check_inner(place, expr->partition[i]))
            return false;
    for (size_t i = 0; i < expr->order_count; i++)
        if (!check_inner(place, expr->order[i].expr))
            return false;
    return expr->where == NULL || check_inner(place, expr->where);
}

static bool check_inner(const struct plan_place *place, const struct plan_expr *expr)
{
    switch (expr->kind) {
    case PLAN_COLUMN:
        return check_column(place, expr);
    case PLAN_LITERAL:
    case PLAN_PARAM:
        return true;
    case PLAN_CALL:
    case PLAN_CAST:
    case PLAN_CASE:
    case PLAN_STRUCT:
    case PLAN_FIELD:
        return check_parts(place, expr);
    case PLAN_ELEMENT:
        return true; /* plan_check_expr saw that a list function stands around it */
    case PLAN_AGGREGATE_CALL:
        plan_fail(place->plan, ERR_INPUT,
                  "%s: aggregate %s within another expression; expected it as an output of an "
                  "aggregate node",
                  plan_describe(place->plan, place->rel), expr->function->name);
        return false;
    case PLAN_WINDOW_CALL:
        plan_fail(place->plan, ERR_INPUT,
                  "%s: window function %s within another expression; expected it as an output of a "
                  "window node",
                  plan_describe(place->plan, place->rel), expr->function->name);
        return false;
    }
    return false;
}

bool plan_check_expr(const struct plan_place *place, const struct plan_expr *expr)
{
    if (expr->open == 0)
        return check_inner(place, expr);
    plan_fail(place->plan, ERR_INPUT, "%s: an element without a list function around it",
              plan_describe(place->plan, place->rel));
    return false;
}

bool plan_check_boolean(const struct plan_place *place, const struct plan_expr *expr,
                        const char *what)
{
    if (expr->type.kind == DATA_BOOLEAN)
        return plan_check_expr(place, expr);
    char type[32];
    plan_fail(place->plan, ERR_INPUT, "%s: %s: expected a boolean, found %s",
              plan_describe(place->plan, place->rel), what, data_type_text(expr->type, type));
    return false;
}

/* Copies named outputs into the plan and their columns to ret. */
const struct plan_named *plan_copy_named(struct plan *plan, const struct plan_rel *rel,
                                         const struct plan_named *outputs, size_t count,
                                         struct plan_column *ret)
{
    struct plan_named *copy = plan_alloc(plan, count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        if (plan_failed(plan))
            return NULL;
        if (outputs[i].expr == NULL || outputs[i].name == NULL || outputs[i].name[0] == '\0') {
            plan_fail(plan, ERR_INPUT, "%s: output %zu (\"%s\") has no %s",
                      plan_describe(plan, rel), i + 1,
                      outputs[i].name != NULL ? outputs[i].name : "",
                      outputs[i].expr == NULL ? "expression" : "name");
            return NULL;
        }
        copy[i].name = plan_strdup(plan, outputs[i].name);
        copy[i].expr = outputs[i].expr;
        if (copy[i].name == NULL)
            return NULL;
        if (str_utf8_valid_prefix(str_of(copy[i].name)) != strlen(copy[i].name)) {
            plan_fail(plan, ERR_INPUT, "%s: the name of output %zu is no UTF-8",
                      plan_describe(plan, rel), i + 1);
            return NULL;
        }
        ret[i].name = copy[i].name;
        ret[i].type = copy[i].expr->type;
    }
    return copy;
}

const struct plan_rel *plan_scan_identified(struct plan *plan, const char *table,
                                            const char *identity, const struct data_schema *schema)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_SCAN, NULL, 0);
    if (rel == NULL)
        return NULL;
    if (table == NULL || *table == '\0' || str_utf8_valid_prefix(str_of(table)) != strlen(table)) {
        plan_fail(plan, ERR_INPUT, "scan: expected a table name in UTF-8");
        return NULL;
    }
    rel->table = plan_strdup(plan, table);
    rel->table_identity = plan_strdup(plan, identity);
    struct plan_column *columns = plan_alloc(plan, schema->count, sizeof *columns);
    for (size_t i = 0; columns != NULL && i < schema->count; i++) {
        columns[i].name = plan_strdup(plan, schema->columns[i].name);
        columns[i].type = schema->columns[i].type;
    }
    if (plan_failed(plan))
        return NULL;
    if (schema->count == 0) {
        plan_fail(plan, ERR_INPUT, "%s: the table has no columns", plan_describe(plan, rel));
        return NULL;
    }
    rel->columns = columns;
    rel->column_count = schema->count;
    return plan_names_build(plan, rel) ? rel : NULL;
}
const struct plan_rel *plan_scan(struct plan *plan, const char *table,
                                 const struct data_schema *schema)
{
    return plan_scan_identified(plan, table, NULL, schema);
}

static bool is_one_of(const json_t *value, const char *const *words)
{
    const char *text = json_string_value(value);
    for (; text != NULL && *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static bool is_list_of_texts(const json_t *value)
{
    bool texts = json_is_array(value);
    for (size_t i = 0; i < json_array_size(value); i++)
        texts = texts && json_is_string(json_array_get(value, i));
    return texts;
}

const struct plan_rel *plan_scan_with(struct plan *plan, const struct plan_rel *scan,
                                      const json_t *options)
{
    static const char *const pruning[] = {"on", "off", NULL};
    static const char *const policies[] = {"exact", "add", "any", NULL};
    struct buf text = BUF_INIT;
    if (scan == NULL || options == NULL)
        return scan;
    const json_t *prune = json_object_get(options, "pruning"),
                 *policy = json_object_get(options, "schema_policy");
    bool known = json_is_object(options) &&
                 json_object_size(options) == (size_t)(prune != NULL) + (size_t)(policy != NULL);
    if (!known || (prune != NULL && !is_one_of(prune, pruning) && !is_list_of_texts(prune)) ||
        (policy != NULL && !is_one_of(policy, policies))) {
        plan_fail(plan, ERR_INPUT,
                  "scan of \"%.60s\": its options are pruning (on, off or a list of columns) and "
                  "schema_policy (exact, add or any)",
                  scan->table);
        return NULL;
    }
    struct plan_rel *with = plan_rel_new(plan, PLAN_SCAN, NULL, 0);
    if (with == NULL || json_canonical(options, &text, ERR_IGNORED) != ERR_OK || text.failed) {
        buf_done(&text);
        plan_fail(plan, ERR_MEMORY, "no memory for the plan");
        return NULL;
    }
    with->table = scan->table;
    with->table_identity = scan->table_identity;
    with->columns = scan->columns;
    with->column_count = scan->column_count;
    with->scan_options = plan_strdup(plan, buf_text(&text));
    buf_done(&text);
    return plan_failed(plan) || !plan_names_build(plan, with) ? NULL : with;
}

const struct plan_rel *plan_filter(struct plan *plan, const struct plan_rel *input,
                                   const struct plan_expr *predicate)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_FILTER, &input, 1);
    if (rel == NULL)
        return NULL;
    if (predicate == NULL) {
        plan_fail(plan, ERR_INPUT, "filter of %s: the predicate is missing",
                  plan_describe(plan, input));
        return NULL;
    }
    rel->predicate = predicate;
    plan_same_columns(rel, input);
    struct plan_place place = {plan, rel, rel->inputs, 1};
    return plan_check_boolean(&place, predicate, "predicate") ? rel : NULL;
}

const struct plan_rel *plan_project(struct plan *plan, const struct plan_rel *input,
                                    const struct plan_named *outputs, size_t count)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_PROJECT, &input, 1);
    struct plan_column *columns = rel == NULL ? NULL : plan_alloc(plan, count, sizeof *columns);
    if (columns == NULL)
        return NULL;
    if (count == 0) {
        plan_fail(plan, ERR_INPUT, "project of %s: expected one output at least",
                  plan_describe(plan, input));
        return NULL;
    }
    rel->outputs = plan_copy_named(plan, rel, outputs, count, columns);
    rel->output_count = count;
    rel->columns = columns;
    rel->column_count = count;
    struct plan_place place = {plan, rel, rel->inputs, 1};
    for (size_t i = 0; rel->outputs != NULL && i < count; i++)
        if (!plan_check_expr(&place, outputs[i].expr))
            return NULL;
    return rel->outputs != NULL && plan_names_build(plan, rel) ? rel : NULL;
}

static bool check_key(struct plan *plan, const struct plan_place *place, size_t i)
{
    const struct plan_expr *left = place->rel->left_keys[i];
    const struct plan_expr *right = place->rel->right_keys[i];
    const char *node = plan_rel_kind_text(place->rel->kind);
    if (!plan_check_expr(place, left) || !plan_check_expr(place, right))
        return false;
    if (!plan_reads_only(left, 0) || !plan_reads_only(right, 1)) {
        plan_fail(plan, ERR_INPUT,
                  "%s: key %zu: expected a left key of the left input and a right key of the "
                  "right one",
                  node, i + 1);
        return false;
    }
    if (!plan_type_ordered(plan_type_common(left->type, right->type))) {
        char a[32], b[32];
        plan_fail(
            plan, ERR_INPUT, "%s: key %zu: expected comparable types, found %s%s%s and %s%s%s",
            node, i + 1, data_type_text(left->type, a), left->kind == PLAN_COLUMN ? " " : "",
            left->kind == PLAN_COLUMN ? left->name : "", data_type_text(right->type, b),
            right->kind == PLAN_COLUMN ? " " : "", right->kind == PLAN_COLUMN ? right->name : "");
        return false;
    }
    return true;
}

bool plan_reads_only(const struct plan_expr *expr, size_t side)
{
    if (expr->kind == PLAN_COLUMN)
        return expr->input == side;
    for (size_t i = 0; i < expr->arg_count; i++)
        if (!plan_reads_only(expr->args[i], side))
            return false;
    return true;
}

struct plan_rel *plan_join_new(struct plan *plan, enum plan_rel_kind kind,
                               const struct plan_rel *left, const struct plan_rel *right,
                               const struct plan_expr *const *left_keys,
                               const struct plan_expr *const *right_keys, size_t key_count)
{
    const struct plan_rel *inputs[] = {left, right};
    struct plan_rel *rel = plan_rel_new(plan, kind, inputs, 2);
    if (rel == NULL)
        return NULL;
    rel->left_keys = plan_exprs_copy(plan, left_keys, key_count);
    rel->right_keys = plan_exprs_copy(plan, right_keys, key_count);
    rel->key_count = key_count;
    struct plan_place place = {plan, rel, rel->inputs, 2};
    if (rel->left_keys == NULL || rel->right_keys == NULL)
        return NULL;
    for (size_t i = 0; i < key_count; i++)
        if (!check_key(plan, &place, i))
            return NULL;
    return rel;
}

bool plan_join_columns(struct plan *plan, struct plan_rel *rel)
{
    const struct plan_rel *left = rel->inputs[0];
    const struct plan_rel *right = rel->inputs[1];
    if (rel->join == PLAN_JOIN_SEMI || rel->join == PLAN_JOIN_ANTI) {
        plan_same_columns(rel, left);
        return true;
    }
    size_t count = left->column_count + right->column_count;
    struct plan_column *columns = plan_alloc(plan, count, sizeof *columns);
    if (columns == NULL)
        return false;
    memcpy(columns, left->columns, left->column_count * sizeof *columns);
    memcpy(columns + left->column_count, right->columns, right->column_count * sizeof *columns);
    rel->columns = columns;
    rel->column_count = count;
    for (size_t i = 0; i < right->column_count; i++)
        if (plan_column_find(left, right->columns[i].name) >= 0) {
            plan_fail(plan, ERR_INPUT,
                      "join: both %s and %s have a column \"%s\"; expected distinct names",
                      plan_describe(plan, left), plan_describe(plan, right),
                      right->columns[i].name);
            err_hint(&plan->err, "project one side first");
            return false;
        }
    return plan_names_build(plan, rel);
}

const struct plan_rel *plan_join(struct plan *plan, enum plan_join_kind kind,
                                 const struct plan_rel *left, const struct plan_rel *right,
                                 const struct plan_expr *const *left_keys,
                                 const struct plan_expr *const *right_keys, size_t key_count,
                                 const struct plan_expr *residual)
{
    struct plan_rel *rel =
        plan_join_new(plan, PLAN_JOIN, left, right, left_keys, right_keys, key_count);
    if (rel == NULL)
        return NULL;
    if (kind == PLAN_JOIN_ASOF) {
        plan_fail(plan, ERR_INPUT, "join: an as-of join needs its times: plan_join_asof");
        return NULL;
    }
    rel->join = kind;
    rel->predicate = residual;
    struct plan_place place = {plan, rel, rel->inputs, 2};
    if (residual != NULL && !plan_check_boolean(&place, residual, "condition"))
        return NULL;
    return plan_join_columns(plan, rel) ? rel : NULL;
}

/* An aggregate's output: aggregate calls, and scalar expressions over them; no column outside of a
 * call. */
static bool check_aggregated(const struct plan_place *place, const struct plan_named *output,
                             const struct plan_expr *expr, bool *ret_found)
{
    if (expr->kind == PLAN_AGGREGATE_CALL) {
        *ret_found = true;
        return check_parts(place, expr);
    }
    if (expr->kind == PLAN_COLUMN) {
        plan_fail(place->plan, ERR_INPUT,
                  "aggregate: output \"%s\": column \"%s\" stands outside of an aggregate call",
                  output->name, expr->name);
        err_hint(&place->plan->err,
                 "make it a group, or choose its value with min, max, mode or first_by");
        return false;
    }
    if (expr->kind == PLAN_WINDOW_CALL)
        return plan_check_expr(place, expr);
    for (size_t i = 0; i < expr->arg_count; i++)
        if (!check_aggregated(place, output, expr->args[i], ret_found))
            return false;
    return true;
}

static bool check_aggregates(struct plan *plan, const struct plan_rel *rel)
{
    struct plan_place place = {plan, rel, rel->inputs, 1};
    for (size_t i = 0; i < rel->group_count; i++) {
        if (!plan_check_expr(&place, rel->groups[i].expr))
            return false;
        if (!plan_type_ordered(rel->groups[i].expr->type)) {
            char type[32];
            plan_fail(plan, ERR_INPUT,
                      "aggregate: group \"%s\" is of type %s, which can't be grouped by",
                      rel->groups[i].name, data_type_text(rel->groups[i].expr->type, type));
            return false;
        }
    }
    for (size_t i = 0; i < rel->output_count; i++) {
        bool aggregated = false;
        if (rel->outputs[i].expr->open > 0)
            return plan_check_expr(&place, rel->outputs[i].expr);
        if (!check_aggregated(&place, &rel->outputs[i], rel->outputs[i].expr, &aggregated))
            return false;
        if (!aggregated) {
            plan_fail(plan, ERR_INPUT, "aggregate: output \"%s\": expected an aggregate call",
                      rel->outputs[i].name);
            return false;
        }
    }
    return true;
}

const struct plan_rel *plan_aggregate(struct plan *plan, const struct plan_rel *input,
                                      const struct plan_named *groups, size_t group_count,
                                      const struct plan_named *aggregates, size_t aggregate_count)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_AGGREGATE, &input, 1);
    size_t count = group_count + aggregate_count;
    struct plan_column *columns = rel == NULL ? NULL : plan_alloc(plan, count, sizeof *columns);
    if (columns == NULL)
        return NULL;
    if (count == 0) {
        plan_fail(plan, ERR_INPUT, "aggregate of %s: expected a group or an aggregate",
                  plan_describe(plan, input));
        return NULL;
    }
    rel->groups = plan_copy_named(plan, rel, groups, group_count, columns);
    rel->group_count = group_count;
    rel->outputs = plan_copy_named(plan, rel, aggregates, aggregate_count, columns + group_count);
    rel->output_count = aggregate_count;
    rel->columns = columns;
    rel->column_count = count;
    if (plan_failed(plan) || !check_aggregates(plan, rel))
        return NULL;
    return plan_names_build(plan, rel) ? rel : NULL;
}

const struct plan_rel *plan_union_all(struct plan *plan, const struct plan_rel *const *inputs,
                                      size_t count)
{
    if (!plan_failed(plan) && count == 0)
        plan_fail(plan, ERR_INPUT, "union: expected one input at least");
    struct plan_rel *rel = plan_rel_new(plan, PLAN_UNION, inputs, count);
    if (rel == NULL)
        return NULL;
    for (size_t i = 1; i < count; i++) {
        if (inputs[i]->column_count != inputs[0]->column_count) {
            plan_fail(plan, ERR_INPUT,
                      "union: input %zu: expected %zu columns as in the first, found %zu", i + 1,
                      inputs[0]->column_count, inputs[i]->column_count);
            return NULL;
        }
        for (size_t c = 0; c < inputs[0]->column_count; c++) {
            const struct plan_column *first = &inputs[0]->columns[c];
            const struct plan_column *other = &inputs[i]->columns[c];
            char a[32], b[32];
            if (data_type_equal(first->type, other->type))
                continue;
            plan_fail(plan, ERR_INPUT,
                      "union: input %zu: column %zu \"%s\": expected %s as in the first, found %s",
                      i + 1, c + 1, other->name, data_type_text(first->type, a),
                      data_type_text(other->type, b));
            return NULL;
        }
    }
    plan_same_columns(rel, inputs[0]);
    return rel;
}

const struct plan_rel *plan_sort(struct plan *plan, const struct plan_rel *input,
                                 const struct plan_order *order, size_t count)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_SORT, &input, 1);
    if (rel == NULL)
        return NULL;
    if (count == 0) {
        plan_fail(plan, ERR_INPUT, "sort of %s: expected one key at least",
                  plan_describe(plan, input));
        return NULL;
    }
    rel->order = plan_order_copy(plan, order, count);
    rel->order_count = count;
    plan_same_columns(rel, input);
    struct plan_place place = {plan, rel, rel->inputs, 1};
    for (size_t i = 0; rel->order != NULL && i < count; i++)
        if (!plan_check_expr(&place, order[i].expr))
            return NULL;
    return rel->order != NULL ? rel : NULL;
}

const struct plan_rel *plan_limit(struct plan *plan, const struct plan_rel *input, int64_t limit,
                                  int64_t offset)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_LIMIT, &input, 1);
    if (rel == NULL)
        return NULL;
    rel->limit = limit < 0 ? -1 : limit;
    rel->offset = offset < 0 ? 0 : offset;
    plan_same_columns(rel, input);
    return rel;
}

const struct plan_rel *plan_distinct(struct plan *plan, const struct plan_rel *input)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_DISTINCT, &input, 1);
    if (rel != NULL)
        plan_same_columns(rel, input);
    return rel;
}

const struct plan_rel *plan_window(struct plan *plan, const struct plan_rel *input,
                                   const struct plan_named *outputs, size_t count)
{
    struct plan_rel *rel = plan_rel_new(plan, PLAN_WINDOW, &input, 1);
    size_t all = rel == NULL ? 0 : input->column_count + count;
    struct plan_column *columns = rel == NULL ? NULL : plan_alloc(plan, all, sizeof *columns);
    if (columns == NULL)
        return NULL;
    if (count == 0) {
        plan_fail(plan, ERR_INPUT, "window over %s: expected one output at least",
                  plan_describe(plan, input));
        return NULL;
    }
    memcpy(columns, input->columns, input->column_count * sizeof *columns);
    rel->outputs = plan_copy_named(plan, rel, outputs, count, columns + input->column_count);
    rel->output_count = count;
    rel->columns = columns;
    rel->column_count = all;
    struct plan_place place = {plan, rel, rel->inputs, 1};
    for (size_t i = 0; rel->outputs != NULL && i < count; i++) {
        if (outputs[i].expr->kind != PLAN_WINDOW_CALL) {
            plan_fail(plan, ERR_INPUT, "window: output \"%s\": expected a window call",
                      outputs[i].name);
            return NULL;
        }
        if (!check_parts(&place, outputs[i].expr))
            return NULL;
    }
    return rel->outputs != NULL && plan_names_build(plan, rel) ? rel : NULL;
}

const struct plan_rel *plan_label(struct plan *plan, const struct plan_rel *rel, const char *label)
{
    if (plan_failed(plan) || rel == NULL)
        return NULL;
    if (label != NULL && str_utf8_valid_prefix(str_of(label)) != strlen(label)) {
        plan_fail(plan, ERR_INPUT, "%s: the label is no UTF-8", plan_describe(plan, rel));
        return NULL;
    }
    uint32_t id = plan_next_id(plan);
    struct plan_rel *copy = id == 0 ? NULL : plan_alloc(plan, 1, sizeof *copy);
    if (copy == NULL)
        return NULL;
    *copy = *rel;
    copy->id = id;
    copy->label = plan_strdup(plan, label);
    return copy;
}
