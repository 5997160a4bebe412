/* JSON → plan. The constructors do the checking, so what is read is as sound as what is built; here
 * only the shape of the document is checked. Unknown members are refused: a plan of a newer form
 * must not be read as something else. */
#include "plan/plan_priv.h"

#include <string.h>

struct reader {
    struct plan *plan;
    const struct plan_rel **rels; /* by number; NULL = not read */
    size_t rel_count;
    const struct plan_rel *inputs[2]; /* of the node being read, for its columns */
};

static const struct plan_expr *read_expr(struct reader *reader, const json_t *json, int depth);

static bool only_members(struct reader *reader, const json_t *object, const char *const *known)
{
    const char *key;
    json_t *value;
    /* jansson's iteration macro wants a mutable object; nothing is changed */
    json_t *mutable = json_incref((json_t *)(uintptr_t)object);
    bool fits = true;
    json_object_foreach(mutable, key, value)
    {
        bool found = false;
        for (size_t i = 0; known[i] != NULL && !found; i++)
            found = strcmp(known[i], key) == 0;
        if (!found && fits) {
            plan_fail(reader->plan, ERR_INPUT, "unknown member \"%.40s\"", key);
            fits = false;
        }
    }
    json_decref(mutable);
    return fits;
}

static bool parse_type(struct reader *reader, const char *text, struct data_type *ret)
{
    struct err err = {0};
    if (text == NULL)
        plan_fail(reader->plan, ERR_INPUT, "expected a type");
    else if (data_type_parse_nested(reader->plan->arena, str_of(text), ret, &err) != ERR_OK)
        plan_fail(reader->plan, err.code, "%s", err.message);
    return !plan_failed(reader->plan);
}
static bool read_type(struct reader *reader, const json_t *object, struct data_type *ret)
{
    return parse_type(reader, json_text(object, "type", NULL), ret);
}

/* An array of expressions; absent = none. */
static const struct plan_expr *const *read_exprs(struct reader *reader, const json_t *array,
                                                 size_t *ret_count, int depth)
{
    *ret_count = json_array_size(array);
    if (array != NULL && !json_is_array(array))
        plan_fail(reader->plan, ERR_INPUT, "expected an array of expressions");
    const struct plan_expr **exprs = plan_alloc(reader->plan, *ret_count, sizeof *exprs);
    for (size_t i = 0; exprs != NULL && i < *ret_count; i++)
        exprs[i] = read_expr(reader, json_array_get(array, i), depth + 1);
    return plan_failed(reader->plan) ? NULL : exprs;
}

static const struct plan_order *read_order(struct reader *reader, const json_t *array,
                                           size_t *ret_count, int depth)
{
    static const char *const MEMBERS[] = {"by", "descending", "nulls_first", NULL};
    *ret_count = json_array_size(array);
    struct plan_order *order = plan_alloc(reader->plan, *ret_count, sizeof *order);
    for (size_t i = 0; order != NULL && i < *ret_count; i++) {
        const json_t *key = json_array_get(array, i);
        if (!only_members(reader, key, MEMBERS))
            return NULL;
        order[i].expr = read_expr(reader, json_object_get(key, "by"), depth + 1);
        order[i].descending = json_flag(key, "descending", false);
        order[i].nulls_first = json_flag(key, "nulls_first", false);
    }
    return plan_failed(reader->plan) ? NULL : order;
}

/* [start, end], null = unbounded on its side */
static bool read_frame(struct reader *reader, const json_t *rows, struct plan_frame *ret)
{
    const json_t *start = json_array_get(rows, 0), *end = json_array_get(rows, 1);
    bool fits = json_array_size(rows) == 2 && (json_is_null(start) || json_is_integer(start)) &&
                (json_is_null(end) || json_is_integer(end));
    if (!fits)
        plan_fail(reader->plan, ERR_INPUT,
                  "rows: expected [start, end], counted from the current "
                  "row; null is unbounded");
    ret->start = json_is_null(start) ? PLAN_FRAME_UNBOUNDED_BEFORE : json_integer_value(start);
    ret->end = json_is_null(end) ? PLAN_FRAME_UNBOUNDED_AFTER : json_integer_value(end);
    return fits;
}

static const struct plan_expr *read_call(struct reader *reader, const json_t *json, int depth)
{
    static const char *const MEMBERS[] = {"call",  "aggregate", "window", "args", "distinct",
                                          "where", "partition", "order",  "rows", NULL};
    struct plan *plan = reader->plan;
    if (!only_members(reader, json, MEMBERS))
        return NULL;
    size_t count;
    const struct plan_expr *const *args =
        read_exprs(reader, json_object_get(json, "args"), &count, depth);
    if (args == NULL)
        return NULL;
    const char *name = json_text(json, "call", NULL);
    if (name != NULL)
        return plan_call(plan, name, count, args);
    name = json_text(json, "aggregate", NULL);
    if (name != NULL) {
        const json_t *where = json_object_get(json, "where");
        const struct plan_expr *condition =
            where == NULL ? NULL : read_expr(reader, where, depth + 1);
        if (where != NULL && condition == NULL)
            return NULL;
        return plan_aggregate_call(plan, name, count, args, json_flag(json, "distinct", false),
                                   condition);
    }
    size_t partition_count, order_count;
    const struct plan_expr *const *partition =
        read_exprs(reader, json_object_get(json, "partition"), &partition_count, depth);
    const struct plan_order *order =
        read_order(reader, json_object_get(json, "order"), &order_count, depth);
    struct plan_frame frame;
    const json_t *rows = json_object_get(json, "rows");
    if (partition == NULL || order == NULL || (rows != NULL && !read_frame(reader, rows, &frame)))
        return NULL;
    return plan_window_call(plan, json_text(json, "window", ""), count, args, partition,
                            partition_count, order, order_count, rows != NULL ? &frame : NULL);
}

/* {"struct": [{as, expr}…]} and {"field": name, "of": struct} */
static const struct plan_expr *read_struct(struct reader *reader, const json_t *json, int depth)
{
    static const char *const STRUCT[] = {"struct", NULL}, *const FIELD[] = {"field", "of", NULL};
    static const char *const MEMBERS[] = {"as", "expr", NULL};
    const json_t *fields = json_object_get(json, "struct");
    if (fields == NULL)
        return only_members(reader, json, FIELD)
                   ? plan_field(reader->plan,
                                read_expr(reader, json_object_get(json, "of"), depth + 1),
                                json_text(json, "field", NULL))
                   : NULL;
    size_t count = json_array_size(fields);
    struct plan_named *named = plan_named_array(reader->plan, count);
    if (named == NULL || !only_members(reader, json, STRUCT))
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const json_t *field = json_array_get(fields, i);
        if (!only_members(reader, field, MEMBERS))
            return NULL;
        named[i].name = json_text(field, "as", NULL);
        named[i].expr = read_expr(reader, json_object_get(field, "expr"), depth + 1);
    }
    return plan_struct(reader->plan, named, count);
}

static const struct plan_expr *read_column(struct reader *reader, const json_t *json)
{
    static const char *const MEMBERS[] = {"column", "side", NULL};
    const char *name = json_text(json, "column", NULL);
    const char *side = json_text(json, "side", "left");
    if (!only_members(reader, json, MEMBERS))
        return NULL;
    bool right = strcmp(side, "right") == 0;
    const struct plan_rel *input = reader->inputs[right ? 1 : 0];
    if (input == NULL || (!right && strcmp(side, "left") != 0)) {
        plan_fail(reader->plan, ERR_INPUT, "column \"%s\" has no input to read from",
                  name == NULL ? "" : name);
        return NULL;
    }
    return right ? plan_column_right(reader->plan, input, name)
                 : plan_column(reader->plan, input, name);
}

static const struct plan_expr *read_typed(struct reader *reader, const json_t *json, int depth)
{
    static const char *const MEMBERS[] = {"literal", "param", "cast", "element",
                                          "type",    "try",   NULL};
    struct data_type type = {.kind = DATA_NULL};
    if (!only_members(reader, json, MEMBERS) || !read_type(reader, json, &type))
        return NULL;
    const json_t *literal = json_object_get(json, "literal");
    if (literal != NULL && !json_is_string(literal) && !json_is_null(literal)) {
        plan_fail(reader->plan, ERR_INPUT, "a literal is a text or null");
        return NULL;
    }
    if (literal != NULL && strlen(json_is_string(literal) ? json_string_value(literal) : "") !=
                               json_string_length(literal)) {
        plan_fail(reader->plan, ERR_INPUT, "a literal holds a NUL character");
        return NULL;
    }
    if (literal != NULL)
        return plan_literal(reader->plan, type, json_string_value(literal));
    const json_t *element = json_object_get(json, "element");
    if (element != NULL)
        return plan_element(reader->plan,
                            json_is_integer(element) && json_integer_value(element) >= 0
                                ? (size_t)json_integer_value(element)
                                : SIZE_MAX,
                            type);
    if (json_object_get(json, "param") != NULL)
        return plan_param(reader->plan, json_text(json, "param", NULL), type);
    const struct plan_expr *input = read_expr(reader, json_object_get(json, "cast"), depth + 1);
    return plan_cast(reader->plan, input, type, json_flag(json, "try", false));
}

static const struct plan_expr *read_expr(struct reader *reader, const json_t *json, int depth)
{
    static const char *const CASE_MEMBERS[] = {"case", NULL};
    if (plan_failed(reader->plan))
        return NULL;
    if (!json_is_object(json)) {
        plan_fail(reader->plan, ERR_INPUT, "expected an expression object");
        return NULL;
    }
    if (depth > PLAN_LIMIT_EXPR_DEPTH) {
        plan_fail(reader->plan, ERR_LIMIT, "an expression is nested more than %d deep",
                  PLAN_LIMIT_EXPR_DEPTH);
        return NULL;
    }
    if (json_object_get(json, "column") != NULL)
        return read_column(reader, json);
    if (json_object_get(json, "type") != NULL)
        return read_typed(reader, json, depth);
    if (json_object_get(json, "case") != NULL) {
        size_t count;
        const struct plan_expr *const *args =
            read_exprs(reader, json_object_get(json, "case"), &count, depth);
        return args == NULL || !only_members(reader, json, CASE_MEMBERS)
                   ? NULL
                   : plan_case(reader->plan, count, args);
    }
    if (json_object_get(json, "struct") != NULL || json_object_get(json, "field") != NULL)
        return read_struct(reader, json, depth);
    return read_call(reader, json, depth);
}

static const struct plan_named *read_named(struct reader *reader, const json_t *node,
                                           const char *key, size_t *ret_count)
{
    static const char *const MEMBERS[] = {"as", "expr", NULL};
    const json_t *array = json_object_get(node, key);
    *ret_count = json_array_size(array);
    struct plan_named *named = plan_named_array(reader->plan, *ret_count);
    for (size_t i = 0; named != NULL && i < *ret_count; i++) {
        const json_t *output = json_array_get(array, i);
        if (!only_members(reader, output, MEMBERS))
            return NULL;
        named[i].name = json_text(output, "as", NULL);
        named[i].expr = read_expr(reader, json_object_get(output, "expr"), 1);
    }
    return plan_failed(reader->plan) ? NULL : named;
}

/* [[name, type]…] */
static const struct plan_column *read_columns(struct reader *reader, const json_t *node,
                                              size_t *ret_count)
{
    const json_t *columns = json_object_get(node, "columns");
    *ret_count = json_array_size(columns);
    struct plan_column *ret = plan_alloc(reader->plan, *ret_count, sizeof *ret);
    for (size_t i = 0; ret != NULL && i < *ret_count; i++) {
        const json_t *column = json_array_get(columns, i);
        ret[i].name = json_string_value(json_array_get(column, 0));
        const char *text = json_string_value(json_array_get(column, 1));
        if (ret[i].name == NULL || text == NULL || json_array_size(column) != 2) {
            plan_fail(reader->plan, ERR_INPUT, "%s: column %zu: expected [name, type]",
                      json_text(node, "node", ""), i + 1);
            return NULL;
        }
        if (!parse_type(reader, text, &ret[i].type))
            return NULL;
    }
    return ret;
}

static const struct plan_rel *read_scan(struct reader *reader, const json_t *node)
{
    struct err err = {0};
    struct data_schema schema = {0};
    size_t count;
    enum err_code code = ERR_OK;
    const struct plan_column *columns = read_columns(reader, node, &count);
    if (columns == NULL)
        return NULL;
    for (size_t i = 0; i < count && code == ERR_OK; i++)
        code = data_schema_add(&schema, str_of(columns[i].name), columns[i].type, &err);
    const struct plan_rel *rel = NULL;
    if (code != ERR_OK)
        plan_fail(reader->plan, code, "%s", err.message);
    else
        rel = plan_scan_with(reader->plan,
                             plan_scan_identified(reader->plan, json_text(node, "table", NULL),
                                                  json_text(node, "identity", NULL), &schema),
                             json_object_get(node, "options"));
    data_schema_done(&schema);
    return rel;
}

/* A cell: text or null of the column's type, or a parameter. */
static const struct plan_rel *read_values(struct reader *reader, const json_t *node)
{
    size_t count;
    const struct plan_column *columns = read_columns(reader, node, &count);
    const json_t *rows = json_object_get(node, "rows");
    size_t row_count = json_array_size(rows);
    if (columns == NULL || count == 0 || row_count > PLAN_LIMIT_VALUES / count)
        return columns == NULL ? NULL : plan_values(reader->plan, columns, count, NULL, row_count);
    const struct plan_expr **cells = plan_alloc(reader->plan, row_count * count, sizeof *cells);
    for (size_t i = 0; cells != NULL && i < row_count; i++) {
        const json_t *row = json_array_get(rows, i);
        if (json_array_size(row) != count)
            plan_fail(reader->plan, ERR_INPUT, "values: row %zu: expected %zu cells, found %zu",
                      i + 1, count, json_array_size(row));
        for (size_t c = 0; c < count && !plan_failed(reader->plan); c++) {
            const json_t *cell = json_array_get(row, c);
            cells[i * count + c] =
                json_is_string(cell) || json_is_null(cell)
                    ? plan_literal(reader->plan, columns[c].type, json_string_value(cell))
                    : read_expr(reader, cell, 1);
        }
    }
    return plan_failed(reader->plan) ? NULL
                                     : plan_values(reader->plan, columns, count, cells, row_count);
}

/* The times of a kernel; those that are absent stay NULL. Columns of the right are written with
 * their side. */
static struct plan_span read_span(struct reader *reader, const json_t *node)
{
    struct plan_span span = {.start_name = json_text(node, "start_as", NULL),
                             .end_name = json_text(node, "end_as", NULL),
                             .count_name = json_text(node, "count_as", NULL),
                             .closed = json_flag(node, "closed", false),
                             .forward = json_flag(node, "forward", false),
                             .gap = json_int(node, "gap", 0)};
    const struct {
        const char *key;
        const struct plan_expr **time;
    } times[] = {{"left_start", &span.left_start},
                 {"left_end", &span.left_end},
                 {"right_start", &span.right_start},
                 {"right_end", &span.right_end}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const json_t *time = json_object_get(node, times[i].key);
        if (time != NULL)
            *times[i].time = read_expr(reader, time, 1);
    }
    return span;
}

static const struct plan_rel *read_join(struct reader *reader, const json_t *node)
{
    const char *text = json_text(node, "join", "");
    size_t left_count, right_count;
    const struct plan_expr *const *left =
        read_exprs(reader, json_object_get(node, "left_keys"), &left_count, 1);
    const struct plan_expr *const *right =
        read_exprs(reader, json_object_get(node, "right_keys"), &right_count, 1);
    const json_t *condition = json_object_get(node, "condition");
    const struct plan_expr *residual = condition == NULL ? NULL : read_expr(reader, condition, 1);
    if (plan_failed(reader->plan))
        return NULL;
    if (left_count != right_count) {
        plan_fail(reader->plan, ERR_INPUT, "join: %zu left keys and %zu right keys", left_count,
                  right_count);
        return NULL;
    }
    int kind = PLAN_JOIN_INNER;
    while (kind <= PLAN_JOIN_ASOF &&
           strcmp(plan_join_kind_text((enum plan_join_kind)kind), text) != 0)
        kind++;
    if (kind > PLAN_JOIN_ASOF)
        plan_fail(reader->plan, ERR_INPUT,
                  "join: expected inner, left, semi, anti or asof, found \"%.20s\"", text);
    struct plan_span span = read_span(reader, node);
    size_t tie_count;
    const struct plan_order *ties =
        read_order(reader, json_object_get(node, "order"), &tie_count, 1);
    if (plan_failed(reader->plan))
        return NULL;
    const struct plan_rel *const *inputs = reader->inputs;
    if (strcmp(json_text(node, "node", ""), plan_rel_kind_text(PLAN_INTERVAL_JOIN)) == 0)
        return plan_interval_join(reader->plan, (enum plan_join_kind)kind, inputs[0], inputs[1],
                                  left, right, left_count, &span);
    if (kind == PLAN_JOIN_ASOF)
        return plan_join_asof(reader->plan, inputs[0], inputs[1], left, right, left_count, &span,
                              ties, tie_count);
    return plan_join(reader->plan, (enum plan_join_kind)kind, inputs[0], inputs[1], left, right,
                     left_count, residual);
}

static const struct plan_rel *input_of(struct reader *reader, const json_t *reference)
{
    json_int_t number = json_is_integer(reference) ? json_integer_value(reference) : 0;
    if (number < 1 || (size_t)number > reader->rel_count || reader->rels[number] == NULL) {
        plan_fail(reader->plan, ERR_INPUT, "input: expected the id of an earlier node");
        return NULL;
    }
    return reader->rels[number];
}

static const struct plan_rel *read_union(struct reader *reader, const json_t *node)
{
    const json_t *array = json_object_get(node, "inputs");
    size_t count = json_array_size(array);
    const struct plan_rel **inputs = plan_alloc(reader->plan, count, sizeof *inputs);
    for (size_t i = 0; inputs != NULL && i < count; i++)
        inputs[i] = input_of(reader, json_array_get(array, i));
    return plan_failed(reader->plan) ? NULL : plan_union_all(reader->plan, inputs, count);
}

static const struct plan_rel *read_kind(struct reader *reader, const json_t *node,
                                        enum plan_rel_kind kind)
{
    struct plan *plan = reader->plan;
    const struct plan_rel *input = reader->inputs[0];
    size_t count = 0, more = 0;
    const struct plan_named *named;
    const struct plan_order *order;
    switch (kind) {
    case PLAN_SCAN:
        return read_scan(reader, node);
    case PLAN_FILTER:
        return plan_filter(plan, input, read_expr(reader, json_object_get(node, "predicate"), 1));
    case PLAN_PROJECT:
        named = read_named(reader, node, "outputs", &count);
        return named == NULL ? NULL : plan_project(plan, input, named, count);
    case PLAN_WINDOW:
        named = read_named(reader, node, "outputs", &count);
        return named == NULL ? NULL : plan_window(plan, input, named, count);
    case PLAN_JOIN:
        return read_join(reader, node);
    case PLAN_AGGREGATE: {
        const struct plan_named *groups = read_named(reader, node, "groups", &more);
        named = groups == NULL ? NULL : read_named(reader, node, "aggregates", &count);
        return named == NULL ? NULL : plan_aggregate(plan, input, groups, more, named, count);
    }
    case PLAN_SORT:
        order = read_order(reader, json_object_get(node, "order"), &count, 1);
        return order == NULL ? NULL : plan_sort(plan, input, order, count);
    case PLAN_LIMIT:
        return plan_limit(plan, input, json_int(node, "limit", -1), json_int(node, "offset", 0));
    case PLAN_UNION:
        return read_union(reader, node);
    case PLAN_DISTINCT:
        return plan_distinct(plan, input);
    case PLAN_VALUES:
        return read_values(reader, node);
    case PLAN_EXPLODE:
        return plan_explode(plan, input, read_expr(reader, json_object_get(node, "list"), 1),
                            json_text(node, "as", NULL), json_text(node, "ordinality", NULL),
                            json_flag(node, "keep_empty", false));
    case PLAN_DEDUPE: {
        const struct plan_expr *const *keys =
            read_exprs(reader, json_object_get(node, "keys"), &more, 1);
        order = read_order(reader, json_object_get(node, "order"), &count, 1);
        return keys == NULL || order == NULL ? NULL
                                             : plan_dedupe(plan, input, keys, more, order, count);
    }
    case PLAN_INTERVAL_JOIN:
        return read_join(reader, node);
    case PLAN_INTERVAL_MERGE: {
        named = read_named(reader, node, "groups", &count);
        struct plan_span span = read_span(reader, node);
        return named == NULL ? NULL : plan_interval_merge(plan, input, named, count, &span);
    }
    }
    return NULL;
}

static bool read_inputs(struct reader *reader, const json_t *node, enum plan_rel_kind kind)
{
    reader->inputs[0] = NULL;
    reader->inputs[1] = NULL;
    if (kind == PLAN_SCAN || kind == PLAN_UNION || kind == PLAN_VALUES)
        return true;
    const json_t *inputs = json_object_get(node, "inputs");
    if (kind == PLAN_JOIN || kind == PLAN_INTERVAL_JOIN) {
        reader->inputs[0] = input_of(reader, json_array_get(inputs, 0));
        reader->inputs[1] = input_of(reader, json_array_get(inputs, 1));
    } else {
        reader->inputs[0] = input_of(reader, json_object_get(node, "input"));
    }
    return !plan_failed(reader->plan);
}

/* What each node may hold: a member that is not read is refused, so that nothing is lost. */
#define NODE "id", "node", "label"
#define KEYS "inputs", "join", "left_keys", "right_keys"
static const char *const NODE_MEMBERS[][20] = {
    [PLAN_SCAN] = {NODE, "table", "identity", "columns", "options"},
    [PLAN_FILTER] = {NODE, "input", "predicate"},
    [PLAN_PROJECT] = {NODE, "input", "outputs"},
    [PLAN_JOIN] = {NODE, KEYS, "condition", "left_start", "right_start", "closed", "forward",
                   "order"},
    [PLAN_AGGREGATE] = {NODE, "input", "groups", "aggregates"},
    [PLAN_UNION] = {NODE, "inputs"},
    [PLAN_SORT] = {NODE, "input", "order"},
    [PLAN_LIMIT] = {NODE, "input", "limit", "offset"},
    [PLAN_DISTINCT] = {NODE, "input"},
    [PLAN_WINDOW] = {NODE, "input", "outputs"},
    [PLAN_VALUES] = {NODE, "columns", "rows"},
    [PLAN_EXPLODE] = {NODE, "input", "list", "as", "ordinality", "keep_empty"},
    [PLAN_DEDUPE] = {NODE, "input", "keys", "order"},
    [PLAN_INTERVAL_JOIN] = {NODE, KEYS, "left_start", "left_end", "right_start", "right_end",
                            "closed"},
    [PLAN_INTERVAL_MERGE] = {NODE, "input", "groups", "left_start", "left_end", "start_as",
                             "end_as", "count_as", "closed", "gap"},
};

static const struct plan_rel *read_node(struct reader *reader, const json_t *node)
{
    const char *text = json_text(node, "node", "");
    for (size_t kind = 0; kind < sizeof NODE_MEMBERS / sizeof NODE_MEMBERS[0]; kind++) {
        if (strcmp(plan_rel_kind_text((enum plan_rel_kind)kind), text) != 0)
            continue;
        if (!only_members(reader, node, NODE_MEMBERS[kind]) ||
            !read_inputs(reader, node, (enum plan_rel_kind)kind))
            return NULL;
        const struct plan_rel *rel = read_kind(reader, node, (enum plan_rel_kind)kind);
        const char *label = json_text(node, "label", NULL);
        return label == NULL ? rel : plan_label(reader->plan, rel, label);
    }
    plan_fail(reader->plan, ERR_INPUT, "no node is called \"%.30s\"", text);
    return NULL;
}

static const struct plan_rel *read_plan(struct reader *reader, const json_t *json)
{
    struct plan *plan = reader->plan;
    const json_t *nodes = json_object_get(json, "nodes");
    int64_t format = json_int(json, "format", 0);
    if (format > PLAN_JSON_VERSION)
        plan_fail(plan, ERR_UNSUPPORTED, "plan of format %lld; expected %d at most",
                  (long long)format, PLAN_JSON_VERSION);
    else if (format != PLAN_JSON_VERSION || !json_is_array(nodes))
        plan_fail(plan, ERR_INPUT, "expected a plan: {format, root, nodes}");
    reader->rel_count = json_array_size(nodes);
    if (reader->rel_count > PLAN_LIMIT_NODES)
        plan_fail(plan, ERR_LIMIT, "the plan has more than %d nodes", PLAN_LIMIT_NODES);
    reader->rels = plan_alloc(plan, reader->rel_count + 1, sizeof *reader->rels);
    for (size_t i = 0; i < reader->rel_count && !plan_failed(plan); i++) {
        const json_t *node = json_array_get(nodes, i);
        if (json_int(node, "id", 0) != (int64_t)i + 1)
            plan_fail(plan, ERR_INPUT, "expected the nodes numbered 1, 2, 3 … in \"id\"");
        reader->rels[i + 1] = plan_failed(plan) ? NULL : read_node(reader, node);
        if (plan_failed(plan))
            err_context(&plan->err, "node %zu", i + 1);
    }
    int64_t root = json_int(json, "root", 0);
    if (!plan_failed(plan) && (root < 1 || (size_t)root > reader->rel_count))
        plan_fail(plan, ERR_INPUT, "root: expected the id of a node");
    return plan_failed(plan) ? NULL : reader->rels[root];
}

enum err_code plan_from_json(struct plan *plan, const json_t *json, const char *source,
                             const struct plan_rel **ret, struct err *err)
{
    *ret = NULL;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan");
    struct reader reader = {.plan = plan};
    const struct plan_rel *root = plan_failed(plan) ? NULL : read_plan(&reader, json);
    enum err_code code = plan_finish(plan, root, err);
    if (code != ERR_OK)
        return source != NULL && err != NULL ? err_at(err, source, 0, 0) : code;
    *ret = root;
    return ERR_OK;
}
