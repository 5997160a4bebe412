/* A plan's rows: over a version, as `sql` is; kept as a run; or written as Parquet.
 *
 *   plan ──check──▶ every scanned table and column is there, with that type
 *        ──bind───▶ values by the parameters' types; lists spread
 *        ──dialect▶ SELECT … $1 … ──api_ask──▶ rows (lazy, confined, with time limit and row cap)
 *
 * For replay the plan and its values are kept as one document beside the data: {plan, params}. */
#include "api/plan_priv.h"

#include "dialect/dialect.h"
#include "plan/rewrite.h"
#include "run/run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void api_ready_done(struct api_ready *ready)
{
    json_decref(ready->about);
    json_decref(ready->scans);
    plan_free(ready->plan);
    api_bound_done(&ready->bound);
    store_version_close(ready->version);
}

static enum err_code refuse(const struct api_plan *plan, const char *dataset,
                            const json_t *problems, struct err *err)
{
    size_t count = json_array_size(problems);
    if (count == 0)
        return ERR_OK;
    err_set(err, ERR_INPUT, "the plan does not fit '%s': %.400s", dataset,
            json_text(json_array_get(problems, 0), "words", ""));
    err_at(err, plan->source, 0, 0);
    return count == 1 ? err_hint(err, "'marrow show %s' lists its tables", dataset)
                      : err_hint(err, "and %zu more: 'marrow plan check FILE --dataset %s'",
                                 count - 1, dataset);
}

/* The engine of the table that the URL's scheme names. */
static enum err_code engine_of(const char *url, struct engine_about *ret, struct err *err)
{
    size_t length = url == NULL ? 0 : strcspn(url, ":");
    for (size_t i = 0; engine_about(i, ret); i++) {
        if (url == NULL)
            return ERR_OK; /* the first: embedded */
        for (const char *word = ret->schemes; *word != '\0';) {
            size_t span = strcspn(word, ", ");
            if (span == length && strncmp(word, url, length) == 0)
                return ERR_OK;
            word += span;
            word += strspn(word, ", ");
        }
    }
    err_set(err, ERR_NOT_FOUND, "no engine has URLs that begin '%.*s'",
            (int)(length < 40 ? length : 40), url);
    return err_hint(err, "'marrow engines' lists the engines and how their URLs look");
}

static enum err_code make_about(const struct api_plan *plan, const char *url,
                                struct api_ready *ready, struct err *err)
{
    struct engine_about engine;
    bool ok = true;
    TRY(engine_of(url, &engine, err));
    ready->dialect = dialect_find(engine.dialect);
    if (ready->dialect == NULL)
        return err_set(err, ERR_UNSUPPORTED, "plans can't be written for %s yet", engine.name);
    TRY(plan_signature(plan->root, ready->signature, err));
    json_t *ordered_by = NULL;
    TRY(api_plan_ordered_by(plan, &ordered_by, err));
    ready->about = json_object();
    json_put(ready->about, "ordered_by", ordered_by, &ok);
    json_put_text(ready->about, "signature", ready->signature, &ok);
    json_put_text(ready->about, "engine", engine.name, &ok);
    json_put_text(ready->about, "form", "sql", &ok);
    return json_built(ok, err);
}

enum err_code api_plan_ready(struct api *api, const struct api_plan *plan,
                             const struct api_plan_options *options, bool keep,
                             struct api_ready *ready, struct err *err)
{
    JSON_AUTO problems = NULL;
    TRY(store_version_open(api->store, options->dataset, options->version, &ready->version, err));
    TRY(make_about(plan, options->engine, ready, err));
    TRY(api_params_bind(plan, options->params, api->options.show_values, &ready->bound, err));
    if (keep)
        TRY(api_params_close(&ready->bound, err));
    TRY(api_plan_problems(api, ready->version, options->runs, NULL, ready->bound.plan, &problems,
                          err));
    TRY(refuse(plan, options->dataset, problems, err));
    ready->plan = plan_new();
    if (ready->plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(plan_from_json(ready->plan, ready->bound.plan, plan->source, &ready->root, err));
    TRY(plan_scan_options(ready->root, &ready->scans, err));
    return store_version_set_options(ready->version, ready->scans, err);
}

enum err_code api_ready_compile(const struct api_ready *ready, struct buf *sql,
                                const struct engine_value **ret_values, size_t *ret_count,
                                struct err *err)
{
    const char **names = NULL;
    TRY(api_plan_quick_sql(ready->dialect, ready->root, sql, &names, ret_count, err));
    enum err_code code = api_params_values(&ready->bound, names, *ret_count, ret_values, err);
    mem_free(names);
    return code;
}

enum err_code api_plan_document(const struct api_plan *plan, const json_t *params, struct buf *ret,
                                struct err *err)
{
    bool ok = true;
    JSON_AUTO object = json_object();
    json_put(object, "plan", json_incref(plan->json), &ok);
    json_put(object, "params", params != NULL ? json_deep_copy(params) : json_object(), &ok);
    TRY(json_built(ok, err));
    return json_canonical(object, ret, err);
}

/* ---- rows --------------------------------------------------------------------------------------
 */

static enum err_code bind_there(void *user, const char *const *names, size_t count,
                                const struct engine_value **ret, struct err *err)
{
    return api_params_values(&((struct api_ready *)user)->bound, names, count, ret, err);
}

/* The plan with its parameters as literals: Substrait's readers know no parameters. */
static enum err_code close_plan(const struct api_bound *from, struct plan *plan,
                                const struct plan_rel **ret, struct err *err)
{
    struct api_bound bound = *from;
    JSON_AUTO copy = json_deep_copy(bound.plan);
    bound.plan = copy;
    if (plan == NULL || copy == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(api_params_close(&bound, err));
    return plan_from_json(plan, bound.plan, "the plan", ret, err);
}

static enum err_code run_there(void *user, struct engine *engine, const char **ret_form,
                               struct buf *ret_text, struct engine_result **ret, struct err *err)
{
    struct api_ready *ready = user;
    AUTO(plan_free) struct plan *closed = plan_new();
    struct run_question question = {.root = ready->root, .bind = bind_there, .user = ready};
    bool substrait = false;
    if (engine_can(engine, ENGINE_TAKES_SUBSTRAIT))
        TRY(close_plan(&ready->bound, closed, &question.closed, err));
    TRY(run_query(engine, &question, &substrait, ret_text, ret, err));
    *ret_form = substrait ? "substrait" : "sql";
    return ERR_OK;
}

enum err_code api_plan_substrait(const struct api_plan *plan, const json_t *params,
                                 const char *schema, struct buf *ret, struct err *err)
{
    __attribute__((cleanup(api_bound_done))) struct api_bound bound = {.arena = NULL};
    AUTO(plan_free) struct plan *closed = plan_new();
    AUTO(plan_free) struct plan *over = NULL;
    const struct plan_rel *root = NULL, *quick = NULL;
    TRY(api_params_bind(plan, params, false, &bound, err));
    TRY(close_plan(&bound, closed, &root, err));
    over = plan_new_over(root);
    TRY(plan_optimise(over, root, &quick, err));
    return dialect_substrait(quick, schema, ret, err);
}

static enum err_code run(struct api *api, const struct api_plan *plan,
                         const struct api_plan_options *options, struct api_ready *ready,
                         struct api_rows **ret, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT, kept = BUF_INIT;
    const struct engine_value *values = NULL;
    AUTO(mem_free) const char **tables = NULL;
    size_t count = 0, table_count = 0;
    TRY(api_plan_ready(api, plan, options, false, ready, err));
    TRY(api_ready_order(api, options->engine, ready, err));
    if (options->engine == NULL)
        TRY(api_ready_compile(ready, &sql, &values, &count, err));
    TRY(plan_tables(ready->root, &tables, &table_count, err));
    TRY(api_plan_document(plan, options->params, &kept, err));
    struct api_ask ask = {.query = {.dataset = options->dataset,
                                    .version = store_version_id(ready->version),
                                    .sql = buf_text(&sql),
                                    .row_limit = options->row_limit,
                                    .time_limit_ms = options->time_limit_ms,
                                    .marts = options->runs,
                                    .engine = options->engine},
                          .kind = "plan",
                          .kept = buf_text(&kept),
                          .values = values,
                          .value_count = count,
                          .scans = ready->scans,
                          .about = ready->about,
                          .there = run_there,
                          .tables = tables,
                          .table_count = table_count,
                          .user = ready};
    return api_ask(api, &ask, ret, err);
}

enum err_code api_plan_run(struct api *api, const struct api_plan *plan,
                           const struct api_plan_options *options, struct api_rows **ret,
                           struct err *err)
{
    struct api_ready ready = {.version = NULL};
    api_begin(api);
    enum err_code code = run(api, plan, options, &ready, ret, err);
    api_ready_done(&ready);
    return code;
}

/* ---- kept as a run -----------------------------------------------------------------------------
 */

static enum err_code check_name(const struct store_version *version, const char *name,
                                struct err *err)
{
    bool plain = name[0] != '\0' && strlen(name) <= 200 && !api_is_mart_name(name);
    for (const char *p = name; *p != '\0'; p++)
        plain = plain && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
                          (p > name && *p >= '0' && *p <= '9'));
    if (!plain) {
        err_set(err, ERR_USAGE, "'%.60s' can't be a saved plan's name", name);
        return err_hint(err, "letters, digits and _, not beginning with mart_");
    }
    if (store_version_table_find(version, name) != NULL)
        return err_set(err, ERR_USAGE, "'%.60s' is a table of the dataset: give another name",
                       name);
    return ERR_OK;
}

struct attaching {
    struct api *api;
    struct store_version *version;
    const struct api_query_marts *marts;
};

static enum err_code attach(void *user, struct engine *engine, const char *const *names,
                            size_t count, struct err *err)
{
    const struct attaching *attaching = user;
    return api_attach_pinned(attaching->api, attaching->version, engine, names, count,
                             attaching->marts, err);
}

/* The kept rows' manifest as an answer. */
static enum err_code saved_json(struct api *api, const struct run_result *result,
                                const char *dataset, int64_t started_us, json_t **ret,
                                struct err *err)
{
    char directory[FILE_PATH_BYTES];
    bool ok = true;
    static const char *const members[] = {"run_id", "name",           "dataset", "version",
                                          "engine", "row_count",      "bytes",   "schema",
                                          "reads",  "materialised_at"};
    TRY(store_run_path(api->store, dataset, result->run_id, directory, err));
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(result->manifest, members[i]) != NULL)
            json_put(object, members[i], json_incref(json_object_get(result->manifest, members[i])),
                     &ok);
    json_put_text(object, "signature",
                  json_text(result->manifest, "plan_signature", result->signature), &ok);
    json_put_text(object, "path", directory, &ok);
    json_put_flag(object, "reused", result->reused, &ok);
    json_put_int(object, "duration_ms", api_elapsed_ms(started_us), &ok);
    *ret = object;
    return json_built(ok, err);
}

static enum err_code materialise(struct api *api, const struct api_plan_options *options,
                                 struct api_ready *ready, const char *name, json_t *marts,
                                 struct run_result *result, struct err *err)
{
    struct api_query_marts pinned = {.pinned = options->runs, .used = marts, .exact = true};
    struct attaching attaching = {api, ready->version, &pinned};
    struct engine_options engine = api_engine_options(api);
    JSON_AUTO extra = json_object();
    bool ok = true;
    const char **sort = arena_array(ready->bound.arena, ready->root->column_count, sizeof *sort);
    if (sort == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the order of rows");
    for (size_t i = 0; i < ready->root->column_count; i++)
        sort[i] = ready->root->columns[i].name; /* equal in all columns is equal: a total order */
    json_put_text(extra, "plan_signature", ready->signature, &ok);
    TRY(json_built(ok, err));
    struct run_request request = {.kind = "plan",
                                  .name = name,
                                  .plan = ready->root,
                                  .sort_columns = sort,
                                  .sort_count = ready->root->column_count,
                                  .extra = extra,
                                  .attach = attach,
                                  .user = &attaching,
                                  .force = options->force};
    return run_materialise(api->store, ready->version, &request, &engine, result, err);
}

static enum err_code save(struct api *api, const struct api_plan *plan,
                          const struct api_plan_options *options, struct api_ready *ready,
                          json_t **ret, struct err *err)
{
    int64_t started_us = clock_monotonic_us();
    struct run_result result = {.manifest = NULL};
    JSON_AUTO marts = json_object();
    char fallback[16];
    bool ok = true;
    TRY(api_plan_ready(api, plan, options, true, ready, err));
    (void)snprintf(fallback, sizeof fallback, "plan_%.8s", ready->signature);
    const char *name = options->name != NULL ? options->name : fallback;
    TRY(check_name(ready->version, name, err));
    enum err_code code = materialise(api, options, ready, name, marts, &result, err);
    if (code == ERR_OK)
        code = api_run_mean(api, ready->version, name, result.run_id, err);
    if (code == ERR_OK)
        code = saved_json(api, &result, options->dataset, started_us, ret, err);
    run_result_done(&result);
    TRY(code);
    json_t *entry = json_deep_copy(*ret);
    (void)json_object_del(entry, "path");
    (void)json_object_del(entry, "schema");
    (void)json_object_del(entry, "dataset");
    json_put_flag(entry, "ok", true, &ok);
    json_put_flag(entry, "saved", true, &ok);
    if (!ok)
        json_decref(entry);
    api_record(api, options->dataset, "plan", ok ? entry : NULL);
    return ERR_OK;
}

enum err_code api_plan_save(struct api *api, const struct api_plan *plan,
                            const struct api_plan_options *options, json_t **ret, struct err *err)
{
    struct api_ready ready = {.version = NULL};
    int64_t started_us = clock_monotonic_us();
    api_begin(api);
    enum err_code code = save(api, plan, options, &ready, ret, err);
    if (code != ERR_OK && ready.version != NULL)
        api_record_failure(api, options->dataset, "plan", err, started_us);
    api_ready_done(&ready);
    return code;
}
