/* Plans as documents: read, checked, printed, hashed, compiled, traced, compared. Nothing here
 * opens an engine; only api_plan_check with a dataset opens a store. */
#include "api/plan_priv.h"

#include "dialect/dialect.h"
#include "plan/diff.h"
#include "plan/lineage.h"
#include "plan/rewrite.h"

#include <string.h>

/* ---- reading -----------------------------------------------------------------------------------
 */

struct collected {
    json_t *params;
    const char *clash; /* a name used with two types */
    char types[2][100];
    bool ok;
};

static json_t *collect(void *user, const char *name, const char *type)
{
    struct collected *collected = user;
    json_t *param;
    size_t idx;
    json_array_foreach(collected->params, idx, param)
    {
        if (strcmp(json_text(param, "name", ""), name) != 0)
            continue;
        if (collected->clash == NULL && strcmp(json_text(param, "type", ""), type) != 0) {
            collected->clash = json_text(param, "name", "");
            (void)snprintf(collected->types[0], sizeof collected->types[0], "%s",
                           json_text(param, "type", ""));
            (void)snprintf(collected->types[1], sizeof collected->types[1], "%s", type);
        }
        return NULL;
    }
    param = json_object();
    json_put_text(param, "name", name, &collected->ok);
    json_put_text(param, "type", type, &collected->ok);
    json_push(collected->params, param, &collected->ok);
    return NULL;
}

enum err_code api_plan_of(struct plan *plan_taken, const struct plan_rel *root, const char *source,
                          struct api_plan **ret, struct err *err)
{
    AUTO(api_plan_free) struct api_plan *made = mem_zalloc(1, sizeof *made);
    if (made == NULL) {
        plan_free(plan_taken);
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    }
    made->plan = plan_taken;
    made->root = root;
    made->source = source;
    TRY(plan_to_json(root, &made->json, err));
    struct collected collected = {.params = made->params = json_array(), .ok = true};
    api_params_map(made->json, collect, &collected);
    TRY(json_built(collected.ok, err));
    if (collected.clash != NULL) {
        err_set(err, ERR_INPUT, "parameter \"%.100s\" is used as %s and as %s", collected.clash,
                collected.types[0], collected.types[1]);
        return err_at(err, source, 0, 0);
    }
    *ret = made;
    made = NULL;
    return ERR_OK;
}

enum err_code api_plan_read(struct str json, const char *source, struct api_plan **ret,
                            struct err *err)
{
    JSON_AUTO document = NULL;
    const struct plan_rel *root = NULL;
    json_install();
    if (json.len > API_PLAN_LIMIT_BYTES)
        return err_set(err, ERR_LIMIT, "the plan is longer than %d bytes", API_PLAN_LIMIT_BYTES);
    TRY(json_parse(json, source, &document, err));
    struct plan *plan = plan_new();
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    enum err_code code = plan_from_json(plan, document, source, &root, err);
    if (code != ERR_OK) {
        plan_free(plan);
        return code;
    }
    return api_plan_of(plan, root, source, ret, err);
}

void api_plan_free(struct api_plan *plan)
{
    if (plan == NULL)
        return;
    json_decref(plan->json);
    json_decref(plan->params);
    plan_free(plan->plan);
    mem_free(plan);
}

/* ---- what a plan is ----------------------------------------------------------------------------
 */

enum err_code api_plan_print(const struct api_plan *plan, json_t **ret, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    char signature[65];
    bool ok = true;
    TRY(plan_print(plan->root, &text, err));
    TRY(plan_signature(plan->root, signature, err));
    json_t *object = json_object();
    json_put_str(object, "text", buf_view(&text), &ok);
    json_put_text(object, "signature", signature, &ok);
    *ret = object;
    return json_built(ok, err);
}

enum err_code api_plan_lineage(const struct api_plan *plan, const char *dataset, json_t **ret,
                               struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT, dot = BUF_INIT;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    JSON_AUTO object = NULL;
    struct plan_lineage lineage;
    bool ok = true;
    if (arena == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan's lineage");
    TRY(plan_lineage_of(plan->root, arena, &lineage, err));
    TRY(plan_lineage_json(&lineage, dataset, &object, err));
    TRY(plan_lineage_text(&lineage, &text, err));
    TRY(plan_lineage_dot(&lineage, &dot, err));
    json_put_str(object, "text", buf_view(&text), &ok);
    json_put_str(object, "dot", buf_view(&dot), &ok);
    TRY(json_built(ok, err));
    *ret = json_incref(object);
    return ERR_OK;
}

enum err_code api_plan_diff(const struct api_plan *before, const struct api_plan *after,
                            json_t **ret, struct err *err)
{
    return plan_diff(before->root, after->root, ret, err);
}

enum err_code api_plan_hash(const struct api_plan *plan, json_t **ret, struct err *err)
{
    char signature[65];
    bool ok = true;
    TRY(plan_signature(plan->root, signature, err));
    json_t *object = json_object();
    json_put_text(object, "signature", signature, &ok);
    *ret = object;
    return json_built(ok, err);
}

static enum err_code unknown_dialect(const char *name, struct err *err)
{
    AUTO(buf_done) struct buf known = BUF_INIT;
    struct nearest nearest = {.asked = name};
    for (size_t i = 0; i < dialect_count(); i++) {
        nearest_offer(&nearest, dialect_name(dialect_at(i)));
        buf_printf(&known, "%s%s", i == 0 ? "" : ", ", dialect_name(dialect_at(i)));
    }
    err_set(err, ERR_NOT_FOUND, "there is no dialect '%.60s'", name);
    return nearest_text(&nearest) != NULL
               ? err_hint(err, "did you mean %s?", nearest_text(&nearest))
               : err_hint(err, "dialects: %s", buf_text(&known));
}

static json_t *param_named(const struct api_plan *plan, const char *name)
{
    json_t *param;
    size_t idx;
    json_array_foreach(plan->params, idx, param)
    {
        if (strcmp(json_text(param, "name", ""), name) == 0)
            return json_incref(param);
    }
    return NULL;
}

enum err_code api_plan_quick_sql(const struct dialect *dialect, const struct plan_rel *root,
                                 struct buf *ret_sql, const char ***ret_params,
                                 size_t *ret_param_count, struct err *err)
{
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    const struct plan_rel *quick = NULL;
    TRY(plan_optimise(over, root, &quick, err));
    return dialect_sql(dialect, quick, NULL, ret_sql, ret_params, ret_param_count, err);
}

enum err_code api_plan_sql(const struct api_plan *plan, const char *dialect, json_t **ret,
                           struct err *err)
{
    const struct dialect *found = dialect_find(dialect == NULL ? "duckdb" : dialect);
    AUTO(buf_done) struct buf sql = BUF_INIT;
    const char **names = NULL;
    size_t count = 0;
    bool ok = true;
    if (found == NULL)
        return unknown_dialect(dialect, err);
    TRY(api_plan_quick_sql(found, plan->root, &sql, &names, &count, err));
    json_t *object = json_object(), *params = json_array();
    json_put_str(object, "sql", buf_view(&sql), &ok);
    for (size_t i = 0; i < count; i++)
        json_push(params, param_named(plan, names[i]), &ok);
    mem_free(names);
    json_put(object, "params", params, &ok);
    json_put_text(object, "dialect", dialect_name(found), &ok);
    *ret = object;
    return json_built(ok, err);
}

/* ---- checking ----------------------------------------------------------------------------------
 */

static json_t *columns_json(const struct plan_rel *root, bool *ok)
{
    json_t *columns = json_array();
    for (size_t i = 0; i < root->column_count; i++) {
        AUTO(buf_done) struct buf type = BUF_INIT;
        json_t *column = json_object();
        data_type_write(root->columns[i].type, &type);
        json_put_text(column, "name", root->columns[i].name, ok);
        json_put_str(column, "type", buf_view(&type), ok);
        json_push(columns, column, ok);
    }
    return columns;
}

static json_t *entry_named(json_t *array, const char *key, const char *name, bool *ok)
{
    json_t *one;
    size_t idx;
    json_array_foreach(array, idx, one)
    {
        if (str_equal_nocase(str_of(json_text(one, key, "")), str_of(name)))
            return one;
    }
    one = json_object();
    json_put_text(one, key, name, ok);
    json_push(array, one, ok);
    return one;
}

/* Every table that a scan reads, with the columns that any of its scans names. */
static json_t *reads_json(const struct api_plan *plan, bool *ok)
{
    json_t *reads = json_array(), *node, *column;
    size_t idx, c;
    json_array_foreach(json_object_get(plan->json, "nodes"), idx, node)
    {
        if (strcmp(json_text(node, "node", ""), "scan") != 0)
            continue;
        json_t *table = entry_named(reads, "table", json_text(node, "table", ""), ok);
        if (json_object_get(table, "columns") == NULL)
            json_put(table, "columns", json_array(), ok);
        json_array_foreach(json_object_get(node, "columns"), c, column)
        {
            json_t *one = entry_named(json_object_get(table, "columns"), "name",
                                      json_string_value(json_array_get(column, 0)), ok);
            json_put_text(one, "type", json_string_value(json_array_get(column, 1)), ok);
        }
    }
    return reads;
}

enum err_code api_plan_ordered_by(const struct api_plan *plan, json_t **ret, struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(API_PLAN_LIMIT_BYTES);
    const struct plan_ordered_by *keys = NULL;
    size_t count = 0;
    bool ok = true;
    if (arena == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the order of rows");
    TRY(plan_ordering(plan->root, arena, &keys, &count, err));
    *ret = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *key = json_object();
        json_put_text(key, "name", keys[i].column, &ok);
        json_put_flag(key, "descending", keys[i].descending, &ok);
        json_put_flag(key, "nulls_first", keys[i].nulls_first, &ok);
        json_push(*ret, key, &ok);
    }
    return json_built(ok && *ret != NULL, err);
}

static enum err_code check_dataset(struct api *api, const struct api_plan *plan,
                                   const char *dataset, const char *version, json_t *object,
                                   struct err *err)
{
    AUTO(store_version_close) struct store_version *opened = NULL;
    json_t *problems = NULL;
    bool ok = true;
    api_begin(api);
    TRY(store_version_open(api->store, dataset, version, &opened, err));
    TRY(api_plan_problems(api, opened, NULL, plan->json, NULL, &problems, err));
    json_put_text(object, "dataset", dataset, &ok);
    json_put_text(object, "version", store_version_id(opened), &ok);
    json_put_flag(object, "ok", json_array_size(problems) == 0, &ok);
    json_put(object, "problems", problems, &ok);
    return json_built(ok, err);
}

enum err_code api_plan_check(struct api *api, const struct api_plan *plan, const char *dataset,
                             const char *version, json_t **ret, struct err *err)
{
    char signature[65];
    bool ok = true;
    JSON_AUTO object = json_object();
    TRY(plan_signature(plan->root, signature, err));
    json_put_text(object, "signature", signature, &ok);
    json_put(object, "columns", columns_json(plan->root, &ok), &ok);
    json_put(object, "parameters", json_incref(plan->params), &ok);
    json_put(object, "reads", reads_json(plan, &ok), &ok);
    json_t *ordered_by = NULL;
    TRY(api_plan_ordered_by(plan, &ordered_by, err));
    json_put(object, "ordered_by", ordered_by, &ok);
    TRY(json_built(ok, err));
    if (dataset != NULL)
        TRY(check_dataset(api, plan, dataset, version, object, err));
    *ret = json_incref(object);
    return ERR_OK;
}

/* ---- engines and dialects ----------------------------------------------------------------------
 */

static const struct {
    enum engine_ability ability;
    const char *words;
} abilities[] = {
    {ENGINE_CAN_APPEND, "takes rows"},
    {ENGINE_CAN_BIND, "binds parameters"},
    {ENGINE_HAS_NATIVES, "Marrow's native functions"},
    {ENGINE_HAS_TRANSACTIONS, "transactions"},
    {ENGINE_HAS_TIMESTAMPTZ, "stores timestamptz"},
    {ENGINE_HAS_QUANTILE, "exact quantiles"},
    {ENGINE_READS_FILES, "reads files"},
    {ENGINE_TAKES_SUBSTRAIT, "takes Substrait"},
    {ENGINE_IS_LOCAL, "reads the store in place"},
};

enum err_code api_engines(json_t **ret, struct err *err)
{
    struct engine_about about;
    bool ok = true;
    json_t *engines = json_array();
    for (size_t i = 0; engine_about(i, &about); i++) {
        json_t *one = json_object(), *can = json_array();
        json_put_text(one, "name", about.name, &ok);
        json_put_text(one, "schemes", about.schemes, &ok);
        json_put_text(one, "dialect", about.dialect, &ok);
        json_put_text(one, "what", about.what, &ok);
        json_put_text(one, "example", about.example, &ok);
        for (size_t a = 0; a < sizeof abilities / sizeof *abilities; a++)
            if ((about.abilities & abilities[a].ability) != 0)
                json_push_text(can, abilities[a].words, &ok);
        json_put(one, "abilities", can, &ok);
        json_push(engines, one, &ok);
    }
    *ret = json_object();
    json_put(*ret, "engines", engines, &ok);
    return json_built(ok, err);
}

enum err_code api_dialects(json_t **ret, struct err *err)
{
    struct engine_about about;
    bool ok = true;
    json_t *dialects = json_array();
    for (size_t i = 0; i < dialect_count(); i++) {
        json_t *one = json_object(), *engines = json_array();
        json_put_text(one, "name", dialect_name(dialect_at(i)), &ok);
        for (size_t e = 0; engine_about(e, &about); e++)
            if (strcmp(about.dialect, dialect_name(dialect_at(i))) == 0)
                json_push_text(engines, about.name, &ok);
        json_put(one, "engines", engines, &ok);
        json_push(dialects, one, &ok);
    }
    *ret = json_object();
    json_put(*ret, "dialects", dialects, &ok);
    return json_built(ok, err);
}
