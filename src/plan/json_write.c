/* Plan → JSON, the form kept in manifests and golden files (json_read.c reads it back):
 *
 *   {"format":1, "root":3, "nodes":[
 *     {"id":1,"node":"scan","table":"labs","columns":[["patient_id","bigint"],["value","double"]]},
 *     {"id":2,"node":"filter","input":1,"predicate":{"call":"gt","args":[{"column":"value"},{"literal":"5","type":"double"}]}},
 *     {"id":3,"node":"aggregate","input":2,"groups":[{"as":"patient_id","expr":{"column":"patient_id"}}],
 *      "aggregates":[{"as":"n","expr":{"aggregate":"count_rows"}}]}]}
 *
 * Nodes come after their inputs and are numbered 1, 2, 3 … in that order, so a shared relation is
 * written once. */
#include "plan/plan_priv.h"

struct writer {
    json_t *nodes;
    uint32_t *numbers; /* by node id */
    uint32_t next;
    bool ok;
};

static json_t *expr_json(struct writer *writer, const struct plan_expr *expr);

static json_t *type_json(struct data_type type, bool *ok)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    data_type_write(type, &text);
    json_t *json = text.failed ? NULL : json_string(buf_text(&text));
    *ok = *ok && json != NULL;
    return json;
}
static void put_type(json_t *object, struct data_type type, bool *ok)
{
    json_put(object, "type", type_json(type, ok), ok);
}
static json_t *exprs_json(struct writer *writer, const struct plan_expr *const *exprs, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_push(array, expr_json(writer, exprs[i]), &writer->ok);
    return array;
}
static json_t *order_json(struct writer *writer, const struct plan_order *order, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *key = json_object();
        json_put(key, "by", expr_json(writer, order[i].expr), &writer->ok);
        if (order[i].descending)
            json_put_flag(key, "descending", true, &writer->ok);
        if (order[i].nulls_first)
            json_put_flag(key, "nulls_first", true, &writer->ok);
        json_push(array, key, &writer->ok);
    }
    return array;
}
static json_t *named_json(struct writer *writer, const struct plan_named *named, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *output = json_object();
        json_put_text(output, "as", named[i].name, &writer->ok);
        json_put(output, "expr", expr_json(writer, named[i].expr), &writer->ok);
        json_push(array, output, &writer->ok);
    }
    return array;
}

static void put_call(struct writer *writer, json_t *object, const char *key,
                     const struct plan_expr *expr)
{
    json_put_text(object, key, expr->function->name, &writer->ok);
    if (expr->arg_count > 0)
        json_put(object, "args", exprs_json(writer, expr->args, expr->arg_count), &writer->ok);
    if (expr->distinct)
        json_put_flag(object, "distinct", true, &writer->ok);
    if (expr->where != NULL)
        json_put(object, "where", expr_json(writer, expr->where), &writer->ok);
    if (expr->partition_count > 0)
        json_put(object, "partition", exprs_json(writer, expr->partition, expr->partition_count),
                 &writer->ok);
    if (expr->order_count > 0)
        json_put(object, "order", order_json(writer, expr->order, expr->order_count), &writer->ok);
    if (expr->frame != NULL) { /* [-2, 0]; null = unbounded */
        int64_t start = expr->frame->start, end = expr->frame->end;
        json_t *frame = json_array();
        json_push(frame, start == PLAN_FRAME_UNBOUNDED_BEFORE ? json_null() : json_integer(start),
                  &writer->ok);
        json_push(frame, end == PLAN_FRAME_UNBOUNDED_AFTER ? json_null() : json_integer(end),
                  &writer->ok);
        json_put(object, "rows", frame, &writer->ok);
    }
}

static void put_struct(struct writer *writer, json_t *object, const struct plan_expr *expr)
{
    json_t *fields = json_array();
    for (size_t i = 0; i < expr->arg_count; i++) {
        json_t *field = json_object();
        json_put_text(field, "as", expr->type.fields[i].name, &writer->ok);
        json_put(field, "expr", expr_json(writer, expr->args[i]), &writer->ok);
        json_push(fields, field, &writer->ok);
    }
    json_put(object, "struct", fields, &writer->ok);
}

static json_t *expr_json(struct writer *writer, const struct plan_expr *expr)
{
    json_t *object = json_object();
    bool *ok = &writer->ok;
    switch (expr->kind) {
    case PLAN_COLUMN:
        json_put_text(object, "column", expr->name, ok);
        if (expr->input == 1)
            json_put_text(object, "side", "right", ok);
        break;
    case PLAN_LITERAL:
        json_put_text(object, "literal", expr->literal, ok);
        put_type(object, expr->type, ok);
        break;
    case PLAN_PARAM:
        json_put_text(object, "param", expr->name, ok);
        put_type(object, expr->type, ok);
        break;
    case PLAN_ELEMENT:
        json_put(object, "element", json_integer((json_int_t)expr->idx), ok);
        put_type(object, expr->type, ok);
        break;
    case PLAN_CALL:
        put_call(writer, object, "call", expr);
        break;
    case PLAN_CAST:
        json_put(object, "cast", expr_json(writer, expr->args[0]), ok);
        put_type(object, expr->type, ok);
        if (expr->try_cast)
            json_put_flag(object, "try", true, ok);
        break;
    case PLAN_CASE:
        json_put(object, "case", exprs_json(writer, expr->args, expr->arg_count), ok);
        break;
    case PLAN_AGGREGATE_CALL:
        put_call(writer, object, "aggregate", expr);
        break;
    case PLAN_WINDOW_CALL:
        put_call(writer, object, "window", expr);
        break;
    case PLAN_STRUCT:
        put_struct(writer, object, expr);
        break;
    case PLAN_FIELD:
        json_put_text(object, "field", expr->name, ok);
        json_put(object, "of", expr_json(writer, expr->args[0]), ok);
        break;
    }
    return object;
}

static void put_columns(struct writer *writer, json_t *node, const struct plan_rel *rel)
{
    json_t *columns = json_array();
    for (size_t i = 0; i < rel->column_count; i++) {
        json_t *column = json_array();
        json_push_text(column, rel->columns[i].name, &writer->ok);
        json_push(column, type_json(rel->columns[i].type, &writer->ok), &writer->ok);
        json_push(columns, column, &writer->ok);
    }
    json_put(node, "columns", columns, &writer->ok);
}

static void put_scan(struct writer *writer, json_t *node, const struct plan_rel *rel)
{
    json_put_text(node, "table", rel->table, &writer->ok);
    if (rel->table_identity != NULL)
        json_put_text(node, "identity", rel->table_identity, &writer->ok);
    if (rel->scan_options != NULL) {
        json_t *options = NULL;
        if (json_parse(str_of(rel->scan_options), "options", &options, ERR_IGNORED) != ERR_OK)
            writer->ok = false;
        json_put(node, "options", options, &writer->ok);
    }
    put_columns(writer, node, rel);
}

static void put_values(struct writer *writer, json_t *node, const struct plan_rel *rel)
{
    json_t *rows = json_array();
    put_columns(writer, node, rel);
    for (size_t i = 0; i < rel->row_count; i++) {
        json_t *row = json_array();
        for (size_t c = 0; c < rel->column_count; c++) {
            const struct plan_expr *cell = rel->cells[i * rel->column_count + c];
            if (cell->kind == PLAN_LITERAL)
                json_push(row, cell->literal != NULL ? json_string(cell->literal) : json_null(),
                          &writer->ok);
            else
                json_push(row, expr_json(writer, cell), &writer->ok);
        }
        json_push(rows, row, &writer->ok);
    }
    json_put(node, "rows", rows, &writer->ok);
}

/* The members of a span that are set. */
static void put_span(struct writer *writer, json_t *node, const struct plan_span *span)
{
    const struct {
        const char *key;
        const struct plan_expr *time;
    } times[] = {{"left_start", span->left_start},
                 {"left_end", span->left_end},
                 {"right_start", span->right_start},
                 {"right_end", span->right_end}};
    const struct {
        const char *key, *name;
    } names[] = {
        {"start_as", span->start_name}, {"end_as", span->end_name}, {"count_as", span->count_name}};
    for (size_t i = 0; i < 4; i++)
        if (times[i].time != NULL)
            json_put(node, times[i].key, expr_json(writer, times[i].time), &writer->ok);
    for (size_t i = 0; i < 3; i++)
        if (names[i].name != NULL)
            json_put_text(node, names[i].key, names[i].name, &writer->ok);
    if (span->closed)
        json_put_flag(node, "closed", true, &writer->ok);
    if (span->forward)
        json_put_flag(node, "forward", true, &writer->ok);
    if (span->gap > 0)
        json_put_int(node, "gap", span->gap, &writer->ok);
}

static void put_join(struct writer *writer, json_t *node, const struct plan_rel *rel)
{
    json_put_text(node, "join", plan_join_kind_text(rel->join), &writer->ok);
    json_put(node, "left_keys", exprs_json(writer, rel->left_keys, rel->key_count), &writer->ok);
    json_put(node, "right_keys", exprs_json(writer, rel->right_keys, rel->key_count), &writer->ok);
    if (rel->predicate != NULL)
        json_put(node, "condition", expr_json(writer, rel->predicate), &writer->ok);
    if (rel->span != NULL)
        put_span(writer, node, rel->span);
    if (rel->order_count > 0)
        json_put(node, "order", order_json(writer, rel->order, rel->order_count), &writer->ok);
}

static void put_fields(struct writer *writer, json_t *node, const struct plan_rel *rel)
{
    bool *ok = &writer->ok;
    switch (rel->kind) {
    case PLAN_SCAN:
        put_scan(writer, node, rel);
        return;
    case PLAN_FILTER:
        json_put(node, "predicate", expr_json(writer, rel->predicate), ok);
        return;
    case PLAN_PROJECT:
    case PLAN_WINDOW:
        json_put(node, "outputs", named_json(writer, rel->outputs, rel->output_count), ok);
        return;
    case PLAN_JOIN:
    case PLAN_INTERVAL_JOIN:
        put_join(writer, node, rel);
        return;
    case PLAN_VALUES:
        put_values(writer, node, rel);
        return;
    case PLAN_EXPLODE:
        json_put(node, "list", expr_json(writer, rel->outputs[0].expr), ok);
        json_put_text(node, "as", rel->outputs[0].name, ok);
        if (rel->ordinality != NULL)
            json_put_text(node, "ordinality", rel->ordinality, ok);
        if (rel->keep_empty)
            json_put_flag(node, "keep_empty", true, ok);
        return;
    case PLAN_DEDUPE:
        json_put(node, "keys", exprs_json(writer, rel->left_keys, rel->key_count), ok);
        json_put(node, "order", order_json(writer, rel->order, rel->order_count), ok);
        return;
    case PLAN_INTERVAL_MERGE:
        json_put(node, "groups", named_json(writer, rel->groups, rel->group_count), ok);
        put_span(writer, node, rel->span);
        return;
    case PLAN_AGGREGATE:
        json_put(node, "groups", named_json(writer, rel->groups, rel->group_count), ok);
        json_put(node, "aggregates", named_json(writer, rel->outputs, rel->output_count), ok);
        return;
    case PLAN_SORT:
        json_put(node, "order", order_json(writer, rel->order, rel->order_count), ok);
        return;
    case PLAN_LIMIT:
        if (rel->limit >= 0)
            json_put_int(node, "limit", rel->limit, ok);
        if (rel->offset > 0)
            json_put_int(node, "offset", rel->offset, ok);
        return;
    case PLAN_UNION:
    case PLAN_DISTINCT:
        return;
    }
}

static uint32_t write_rel(struct writer *writer, const struct plan_rel *rel)
{
    if (writer->numbers[rel->id] != 0)
        return writer->numbers[rel->id];
    for (size_t i = 0; i < rel->input_count; i++)
        (void)write_rel(writer, rel->inputs[i]);
    uint32_t number = ++writer->next;
    json_t *node = json_object();
    json_put_int(node, "id", number, &writer->ok);
    json_put_text(node, "node", plan_rel_kind_text(rel->kind), &writer->ok);
    if (rel->label != NULL)
        json_put_text(node, "label", rel->label, &writer->ok);
    if (rel->input_count == 1 && rel->kind != PLAN_UNION) {
        json_put_int(node, "input", write_rel(writer, rel->inputs[0]), &writer->ok);
    } else if (rel->input_count > 0) {
        json_t *inputs = json_array();
        for (size_t i = 0; i < rel->input_count; i++)
            json_push(inputs, json_integer(write_rel(writer, rel->inputs[i])), &writer->ok);
        json_put(node, "inputs", inputs, &writer->ok);
    }
    put_fields(writer, node, rel);
    json_push(writer->nodes, node, &writer->ok);
    writer->numbers[rel->id] = number;
    return number;
}

enum err_code plan_to_json(const struct plan_rel *root, json_t **ret, struct err *err)
{
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    struct writer writer = {.nodes = json_array(),
                            .numbers = mem_zalloc((size_t)root->id + 1, sizeof(uint32_t)),
                            .ok = true};
    if (writer.numbers == NULL || writer.nodes == NULL) {
        mem_free(writer.numbers);
        json_decref(writer.nodes);
        return err_set(err, ERR_MEMORY, "no memory for the plan as JSON");
    }
    uint32_t number = write_rel(&writer, root);
    json_t *plan = json_object();
    json_put_int(plan, "format", PLAN_JSON_VERSION, &writer.ok);
    json_put_int(plan, "root", number, &writer.ok);
    json_put(plan, "nodes", writer.nodes, &writer.ok);
    mem_free(writer.numbers);
    enum err_code code = json_built(writer.ok, err);
    if (code != ERR_OK) {
        json_decref(plan);
        return code;
    }
    *ret = plan;
    return ERR_OK;
}
