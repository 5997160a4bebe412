/* Plans in the public library: src/plan/plan.h's constructors behind opaque handles, and what can
 * be asked of a plan. The first problem is kept in the plan (sticky) and told by
 * marrow_plan_finish; constructors given NULL return NULL. A handle is the plan layer's own node.
 * Types are texts. */
#include "api/api_priv.h"
#include "api/marrow_priv.h"

#include <string.h>

struct marrow_plan {
    struct plan *building; /* NULL when finished */
    struct api_plan *finished;
    struct err err; /* a problem of the arguments, before the plan layer saw them */
};

/* ---- handles -----------------------------------------------------------------------------------
 */

static const struct marrow_rel *rel_out(const struct plan_rel *rel)
{
    return (const struct marrow_rel *)rel;
}
static const struct plan_rel *rel_in(const struct marrow_rel *rel)
{
    return (const struct plan_rel *)rel;
}
static const struct marrow_expr *expr_out(const struct plan_expr *expr)
{
    return (const struct marrow_expr *)expr;
}
static const struct plan_expr *expr_in(const struct marrow_expr *expr)
{
    return (const struct plan_expr *)expr;
}
static const struct plan_expr *const *exprs_in(const struct marrow_expr *const *exprs)
{
    return (const struct plan_expr *const *)exprs;
}

/* Still open to constructors. */
static bool is_open(struct marrow_plan *plan)
{
    if (plan != NULL && plan->building == NULL && plan->err.code == ERR_OK)
        (void)err_set(&plan->err, ERR_USAGE, "the plan is finished: nothing can be added to it");
    return plan != NULL && plan->building != NULL && plan->err.code == ERR_OK;
}

static bool read_type(struct marrow_plan *plan, const char *text, struct data_type *ret)
{
    if (!is_open(plan))
        return false;
    if (text == NULL)
        (void)err_set(&plan->err, ERR_USAGE, "expected a type, found NULL");
    else if (data_type_parse_nested(plan_arena(plan->building), str_of(text), ret, &plan->err) ==
             ERR_OK)
        return true;
    return false;
}

static const struct plan_named *named_in(struct marrow_plan *plan, const struct marrow_named *named,
                                         size_t count)
{
    struct plan_named *ret = plan_named_array(plan->building, count);
    for (size_t i = 0; ret != NULL && i < count; i++)
        ret[i] = (struct plan_named){named[i].name, expr_in(named[i].expr)};
    return ret;
}

static const struct plan_order *order_in(struct marrow_plan *plan, const struct marrow_order *order,
                                         size_t count)
{
    struct plan_order *ret = arena_array(plan_arena(plan->building), count + 1, sizeof *ret);
    for (size_t i = 0; ret != NULL && i < count; i++)
        ret[i] = (struct plan_order){.expr = expr_in(order[i].expr),
                                     .descending = order[i].descending != 0,
                                     .nulls_first = order[i].nulls_first != 0};
    return ret;
}

static struct plan_span span_in(const struct marrow_span *given)
{
    struct marrow_span span;
    api_take_options(&span, sizeof span, given);
    return (struct plan_span){.left_start = expr_in(span.left_start),
                              .left_end = expr_in(span.left_end),
                              .right_start = expr_in(span.right_start),
                              .right_end = expr_in(span.right_end),
                              .closed = span.closed != 0,
                              .forward = span.forward != 0,
                              .gap = span.gap,
                              .start_name = span.start_name,
                              .end_name = span.end_name,
                              .count_name = span.count_name};
}

/* ---- a plan ------------------------------------------------------------------------------------
 */

struct marrow_plan *marrow_plan_new(void)
{
    json_install();
    struct marrow_plan *plan = mem_zalloc(1, sizeof *plan);
    if (plan != NULL && (plan->building = plan_new()) == NULL) {
        mem_free(plan);
        return NULL;
    }
    return plan;
}

void marrow_plan_free(struct marrow_plan *plan)
{
    if (plan == NULL)
        return;
    plan_free(plan->building);
    api_plan_free(plan->finished);
    mem_free(plan);
}

enum marrow_code marrow_plan_finish(struct marrow_plan *plan, const struct marrow_rel *root,
                                    struct marrow_error *error)
{
    struct err err = {.code = ERR_OK};
    if (plan == NULL)
        return api_tell(err_set(&err, ERR_MEMORY, "no memory for a plan"), &err, error);
    if (plan->err.code != ERR_OK)
        return api_tell(plan->err.code, &plan->err, error);
    if (plan->building == NULL)
        return api_tell(err_set(&err, ERR_USAGE, "the plan is finished already"), &err, error);
    enum err_code code = plan_finish(plan->building, rel_in(root), &err);
    if (code != ERR_OK)
        return api_tell(code, &err, error);
    struct plan *built = plan->building;
    plan->building = NULL;
    code = api_plan_of(built, rel_in(root), "plan", &plan->finished, &err);
    return api_tell(code, &err, error);
}

enum marrow_code marrow_plan_from_json(const char *json, struct marrow_plan **ret,
                                       struct marrow_error *error)
{
    struct err err = {.code = ERR_OK};
    struct marrow_plan *plan = mem_zalloc(1, sizeof *plan);
    enum err_code code = plan == NULL ? err_set(&err, ERR_MEMORY, "no memory for a plan")
                                      : api_plan_read(str_of(json), "plan", &plan->finished, &err);
    if (code == ERR_OK)
        *ret = plan;
    else
        mem_free(plan);
    return api_tell(code, &err, error);
}

/* The finished plan; NULL: ERR_USAGE. */
static const struct api_plan *finished(const struct marrow_plan *plan, struct err *err)
{
    if (plan == NULL || plan->finished == NULL) {
        err_set(err, ERR_USAGE, "the plan is not finished");
        err_hint(err, "call marrow_plan_finish first");
        return NULL;
    }
    return plan->finished;
}

static enum err_code ask(const struct marrow_plan *plan,
                         enum err_code (*call)(const struct api_plan *, json_t **, struct err *),
                         json_t **ret, struct err *err)
{
    const struct api_plan *given = finished(plan, err);
    if (given == NULL)
        return err->code;
    return call(given, ret, err);
}

static enum err_code to_json(const struct api_plan *plan, json_t **ret, struct err *err)
{
    *ret = json_deep_copy(plan->json);
    return json_built(*ret != NULL, err);
}

enum marrow_code marrow_plan_to_json(const struct marrow_plan *plan, char **ret_json,
                                     struct marrow_error *error)
{
    ANSWER(ask(plan, to_json, &document, &err));
}

enum marrow_code marrow_plan_print(const struct marrow_plan *plan, char **ret_json,
                                   struct marrow_error *error)
{
    ANSWER(ask(plan, api_plan_print, &document, &err));
}

enum marrow_code marrow_plan_signature(const struct marrow_plan *plan, char ret_hex[65],
                                       struct marrow_error *error)
{
    struct err err = {.code = ERR_OK};
    const struct api_plan *given = finished(plan, &err);
    enum err_code code = given == NULL ? err.code : plan_signature(given->root, ret_hex, &err);
    return api_tell(code, &err, error);
}

static enum err_code sql(const struct marrow_plan *plan, const char *dialect, json_t **ret,
                         struct err *err)
{
    const struct api_plan *given = finished(plan, err);
    if (given == NULL)
        return err->code;
    return api_plan_sql(given, dialect, ret, err);
}

enum marrow_code marrow_plan_sql(const struct marrow_plan *plan, const char *dialect,
                                 char **ret_json, struct marrow_error *error)
{
    ANSWER(sql(plan, dialect, &document, &err));
}

static enum err_code check(struct marrow_store *store, const struct marrow_plan *plan,
                           const char *dataset, const char *version, json_t **ret, struct err *err)
{
    const struct api_plan *given = finished(plan, err);
    if (given == NULL)
        return err->code;
    if (dataset != NULL && store == NULL)
        return err_set(err, ERR_USAGE, "a dataset is of a store: store is NULL");
    return api_plan_check(store == NULL ? NULL : store->api, given, dataset, version, ret, err);
}

enum marrow_code marrow_plan_check(struct marrow_store *store, const struct marrow_plan *plan,
                                   const char *dataset, const char *version, char **ret_json,
                                   struct marrow_error *error)
{
    ANSWER(check(store, plan, dataset, version, &document, &err));
}

/* ---- rows --------------------------------------------------------------------------------------
 */

static enum err_code options_in(const char *dataset, const struct marrow_plan_options *options,
                                json_t **ret_params, struct api_plan_options *ret, struct err *err)
{
    struct marrow_plan_options given;
    api_take_options(&given, sizeof given, options);
    TRY(api_parse_option(given.params_json, "params", ret_params, err));
    *ret = (struct api_plan_options){.dataset = dataset,
                                     .version = given.version,
                                     .params = *ret_params,
                                     .row_limit = given.row_limit,
                                     .time_limit_ms = given.time_limit_ms,
                                     .engine = given.engine,
                                     .name = given.name,
                                     .force = given.force != 0};
    return ERR_OK;
}

static enum err_code run(struct marrow_store *store, const struct marrow_plan *plan,
                         const char *dataset, const struct marrow_plan_options *options,
                         struct api_rows **ret, struct err *err)
{
    JSON_AUTO params = NULL;
    const struct api_plan *given = finished(plan, err);
    struct api_plan_options inside;
    if (given == NULL)
        return err->code;
    TRY(options_in(dataset, options, &params, &inside, err));
    return api_plan_run(store->api, given, &inside, ret, err);
}

enum marrow_code marrow_plan_run(struct marrow_store *store, const struct marrow_plan *plan,
                                 const char *dataset, const struct marrow_plan_options *options,
                                 struct marrow_rows **ret, struct marrow_error *error)
{
    struct err err = {.code = ERR_OK};
    struct marrow_rows *rows = mem_zalloc(1, sizeof *rows);
    enum err_code code = rows == NULL ? err_set(&err, ERR_MEMORY, "no memory for the result")
                                      : run(store, plan, dataset, options, &rows->rows, &err);
    if (code == ERR_OK)
        *ret = rows;
    else
        mem_free(rows);
    return api_tell(code, &err, error);
}

static enum err_code save(struct marrow_store *store, const struct marrow_plan *plan,
                          const char *dataset, const struct marrow_plan_options *options,
                          json_t **ret, struct err *err)
{
    JSON_AUTO params = NULL;
    const struct api_plan *given = finished(plan, err);
    struct api_plan_options inside;
    if (given == NULL)
        return err->code;
    TRY(options_in(dataset, options, &params, &inside, err));
    return api_plan_save(store->api, given, &inside, ret, err);
}

enum marrow_code marrow_plan_save(struct marrow_store *store, const struct marrow_plan *plan,
                                  const char *dataset, const struct marrow_plan_options *options,
                                  char **ret_json, struct marrow_error *error)
{
    ANSWER(save(store, plan, dataset, options, &document, &err));
}

/* ---- relations ---------------------------------------------------------------------------------
 */

const struct marrow_rel *marrow_plan_scan(struct marrow_plan *plan, const char *table,
                                          const struct marrow_column *columns, size_t count)
{
    struct data_schema schema = {NULL, 0};
    const struct plan_rel *rel = NULL;
    bool good = is_open(plan);
    for (size_t i = 0; good && i < count; i++) {
        struct data_type type = {.kind = DATA_NULL};
        good = read_type(plan, columns[i].type, &type) &&
               data_schema_add(&schema, str_of(columns[i].name), type, &plan->err) == ERR_OK;
    }
    if (good)
        rel = plan_scan(plan->building, table, &schema);
    data_schema_done(&schema);
    return rel_out(rel);
}

#define REL(call) (is_open(plan) ? rel_out(call) : NULL)

const struct marrow_rel *marrow_plan_filter(struct marrow_plan *plan,
                                            const struct marrow_rel *input,
                                            const struct marrow_expr *predicate)
{
    return REL(plan_filter(plan->building, rel_in(input), expr_in(predicate)));
}

const struct marrow_rel *marrow_plan_project(struct marrow_plan *plan,
                                             const struct marrow_rel *input,
                                             const struct marrow_named *outputs, size_t count)
{
    return REL(plan_project(plan->building, rel_in(input), named_in(plan, outputs, count), count));
}

const struct marrow_rel *marrow_plan_join(struct marrow_plan *plan, enum marrow_join kind,
                                          const struct marrow_rel *left,
                                          const struct marrow_rel *right,
                                          const struct marrow_expr *const *left_keys,
                                          const struct marrow_expr *const *right_keys,
                                          size_t key_count, const struct marrow_expr *residual)
{
    return REL(plan_join(plan->building, (enum plan_join_kind)kind, rel_in(left), rel_in(right),
                         exprs_in(left_keys), exprs_in(right_keys), key_count, expr_in(residual)));
}

const struct marrow_rel *
marrow_plan_aggregate(struct marrow_plan *plan, const struct marrow_rel *input,
                      const struct marrow_named *groups, size_t group_count,
                      const struct marrow_named *aggregates, size_t aggregate_count)
{
    return REL(plan_aggregate(plan->building, rel_in(input), named_in(plan, groups, group_count),
                              group_count, named_in(plan, aggregates, aggregate_count),
                              aggregate_count));
}

const struct marrow_rel *marrow_plan_union_all(struct marrow_plan *plan,
                                               const struct marrow_rel *const *inputs, size_t count)
{
    return REL(plan_union_all(plan->building, (const struct plan_rel *const *)inputs, count));
}

const struct marrow_rel *marrow_plan_sort(struct marrow_plan *plan, const struct marrow_rel *input,
                                          const struct marrow_order *order, size_t count)
{
    return REL(plan_sort(plan->building, rel_in(input), order_in(plan, order, count), count));
}

const struct marrow_rel *marrow_plan_limit(struct marrow_plan *plan, const struct marrow_rel *input,
                                           int64_t limit, int64_t offset)
{
    return REL(plan_limit(plan->building, rel_in(input), limit, offset));
}

const struct marrow_rel *marrow_plan_distinct(struct marrow_plan *plan,
                                              const struct marrow_rel *input)
{
    return REL(plan_distinct(plan->building, rel_in(input)));
}

const struct marrow_rel *marrow_plan_window(struct marrow_plan *plan,
                                            const struct marrow_rel *input,
                                            const struct marrow_named *outputs, size_t count)
{
    return REL(plan_window(plan->building, rel_in(input), named_in(plan, outputs, count), count));
}

const struct marrow_rel *marrow_plan_explode(struct marrow_plan *plan,
                                             const struct marrow_rel *input,
                                             const struct marrow_expr *list, const char *as,
                                             const char *ordinality, int keep_empty)
{
    return REL(plan_explode(plan->building, rel_in(input), expr_in(list), as, ordinality,
                            keep_empty != 0));
}

const struct marrow_rel *marrow_plan_join_asof(struct marrow_plan *plan,
                                               const struct marrow_rel *left,
                                               const struct marrow_rel *right,
                                               const struct marrow_expr *const *left_keys,
                                               const struct marrow_expr *const *right_keys,
                                               size_t key_count, const struct marrow_span *span,
                                               const struct marrow_order *ties, size_t tie_count)
{
    struct plan_span inside = span_in(span);
    return REL(plan_join_asof(plan->building, rel_in(left), rel_in(right), exprs_in(left_keys),
                              exprs_in(right_keys), key_count, &inside,
                              order_in(plan, ties, tie_count), tie_count));
}

const struct marrow_rel *marrow_plan_interval_join(struct marrow_plan *plan, enum marrow_join kind,
                                                   const struct marrow_rel *left,
                                                   const struct marrow_rel *right,
                                                   const struct marrow_expr *const *left_keys,
                                                   const struct marrow_expr *const *right_keys,
                                                   size_t key_count, const struct marrow_span *span)
{
    struct plan_span inside = span_in(span);
    return REL(plan_interval_join(plan->building, (enum plan_join_kind)kind, rel_in(left),
                                  rel_in(right), exprs_in(left_keys), exprs_in(right_keys),
                                  key_count, &inside));
}

const struct marrow_rel *marrow_plan_interval_merge(struct marrow_plan *plan,
                                                    const struct marrow_rel *input,
                                                    const struct marrow_named *groups,
                                                    size_t group_count,
                                                    const struct marrow_span *span)
{
    struct plan_span inside = span_in(span);
    return REL(plan_interval_merge(plan->building, rel_in(input),
                                   named_in(plan, groups, group_count), group_count, &inside));
}

const struct marrow_rel *marrow_plan_dedupe(struct marrow_plan *plan,
                                            const struct marrow_rel *input,
                                            const struct marrow_expr *const *keys, size_t key_count,
                                            const struct marrow_order *order, size_t order_count)
{
    return REL(plan_dedupe(plan->building, rel_in(input), exprs_in(keys), key_count,
                           order_in(plan, order, order_count), order_count));
}

const struct marrow_rel *
marrow_plan_values(struct marrow_plan *plan, const struct marrow_column *columns,
                   size_t column_count, const struct marrow_expr *const *cells, size_t row_count)
{
    if (!is_open(plan))
        return NULL;
    struct plan_column *inside =
        arena_array(plan_arena(plan->building), column_count + 1, sizeof *inside);
    for (size_t i = 0; inside != NULL && i < column_count; i++) {
        inside[i].name = columns[i].name;
        if (!read_type(plan, columns[i].type, &inside[i].type))
            return NULL;
    }
    return rel_out(plan_values(plan->building, inside, column_count, exprs_in(cells), row_count));
}

const struct marrow_rel *marrow_plan_label(struct marrow_plan *plan, const struct marrow_rel *rel,
                                           const char *label)
{
    return REL(plan_label(plan->building, rel_in(rel), label));
}

/* ---- expressions -------------------------------------------------------------------------------
 */

#define EXPR(call) (is_open(plan) ? expr_out(call) : NULL)

const struct marrow_expr *marrow_plan_column(struct marrow_plan *plan,
                                             const struct marrow_rel *input, const char *name)
{
    return EXPR(plan_column(plan->building, rel_in(input), name));
}

const struct marrow_expr *marrow_plan_column_right(struct marrow_plan *plan,
                                                   const struct marrow_rel *right, const char *name)
{
    return EXPR(plan_column_right(plan->building, rel_in(right), name));
}

const struct marrow_expr *marrow_plan_int(struct marrow_plan *plan, int64_t value)
{
    return EXPR(plan_literal_int(plan->building, value));
}

const struct marrow_expr *marrow_plan_text(struct marrow_plan *plan, const char *text)
{
    return EXPR(plan_literal_text(plan->building, text));
}

const struct marrow_expr *marrow_plan_literal(struct marrow_plan *plan, const char *type,
                                              const char *text)
{
    struct data_type parsed = {.kind = DATA_NULL};
    return read_type(plan, type, &parsed) ? expr_out(plan_literal(plan->building, parsed, text))
                                          : NULL;
}

const struct marrow_expr *marrow_plan_param(struct marrow_plan *plan, const char *name,
                                            const char *type)
{
    struct data_type parsed = {.kind = DATA_NULL};
    return read_type(plan, type, &parsed) ? expr_out(plan_param(plan->building, name, parsed))
                                          : NULL;
}

const struct marrow_expr *marrow_plan_call(struct marrow_plan *plan, const char *function,
                                           size_t count, const struct marrow_expr *const *args)
{
    return EXPR(plan_call(plan->building, function, count, exprs_in(args)));
}

const struct marrow_expr *marrow_plan_cast(struct marrow_plan *plan, const struct marrow_expr *expr,
                                           const char *type, int null_if_not)
{
    struct data_type parsed = {.kind = DATA_NULL};
    return read_type(plan, type, &parsed)
               ? expr_out(plan_cast(plan->building, expr_in(expr), parsed, null_if_not != 0))
               : NULL;
}

const struct marrow_expr *marrow_plan_case(struct marrow_plan *plan, size_t count,
                                           const struct marrow_expr *const *args)
{
    return EXPR(plan_case(plan->building, count, exprs_in(args)));
}

const struct marrow_expr *marrow_plan_aggregate_call(struct marrow_plan *plan, const char *function,
                                                     size_t count,
                                                     const struct marrow_expr *const *args,
                                                     int distinct, const struct marrow_expr *where)
{
    return EXPR(plan_aggregate_call(plan->building, function, count, exprs_in(args), distinct != 0,
                                    expr_in(where)));
}

const struct marrow_expr *
marrow_plan_window_call(struct marrow_plan *plan, const char *function, size_t count,
                        const struct marrow_expr *const *args,
                        const struct marrow_expr *const *partition, size_t partition_count,
                        const struct marrow_order *order, size_t order_count,
                        const struct marrow_frame *frame)
{
    struct plan_frame inside = {frame == NULL ? 0 : frame->start, frame == NULL ? 0 : frame->end};
    return EXPR(plan_window_call(
        plan->building, function, count, exprs_in(args), exprs_in(partition), partition_count,
        order_in(plan, order, order_count), order_count, frame == NULL ? NULL : &inside));
}

const struct marrow_expr *marrow_plan_struct(struct marrow_plan *plan,
                                             const struct marrow_named *fields, size_t count)
{
    return EXPR(plan_struct(plan->building, named_in(plan, fields, count), count));
}

const struct marrow_expr *marrow_plan_field(struct marrow_plan *plan,
                                            const struct marrow_expr *record, const char *name)
{
    return EXPR(plan_field(plan->building, expr_in(record), name));
}
