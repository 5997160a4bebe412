/* SQLViews kept with a dataset: the statement's rows over one version as a run, published in the
 * same edit of dataset.json as the ViewDefinitions that it reads.
 *
 *   kept over the very tables that its views read? ──▶ its rows
 *   else, unless the snapshot is asked for or its age is within its target ──▶ evaluated now
 *
 * A refresh computes it again, whole: a statement says nothing of how its rows change with its
 * tables. Its views are read as they will be published, so what changed little costs little. */
#include "api/library_priv.h"
#include "api/recent_priv.h"

#include <stdio.h>
#include <string.h>

/* ---- route -------------------------------------------------------------------------------------
 */

static bool same_inputs(const struct store_version *version, const json_t *entry)
{
    const char *resource;
    json_t *hash;
    json_object_foreach(json_object_get(entry, "inputs"), resource, hash)
    {
        const struct store_table *table = store_version_table_find(version, resource);
        if (strcmp(json_string_value(hash), table != NULL ? table->hash : "") != 0)
            return false;
    }
    return true;
}

enum err_code api_sql_view_route(struct api *api, struct store_version *version,
                                 const json_t *entry, enum api_view_mode mode,
                                 struct api_route *ret, struct err *err)
{
    JSON_AUTO as_view = json_copy((json_t *)(uintptr_t)entry);
    const char *resource = "";
    const struct store_table *table = NULL;
    json_t *hash;
    bool ok = true;
    /* One resource type stands for all: equal where every input is. */
    json_object_foreach(json_object_get(entry, "inputs"), resource, hash)
    {
        (void)hash;
        table = store_version_table_find(version, resource);
        break;
    }
    json_put_text(as_view, "table_hash",
                  !same_inputs(version, entry) ? "-"
                  : table != NULL              ? table->hash
                                               : "",
                  &ok);
    TRY(json_built(ok, err));
    return api_view_route(api, version, as_view, resource, mode, ret, err);
}

/* Changes that no version has yet lie over its tables. */
static bool has_recent(const json_t *entry, const struct api_query_marts *marts)
{
    const char *resource;
    json_t *hash;
    json_object_foreach(json_object_get(entry, "inputs"), resource, hash)
    {
        (void)hash;
        if (marts != NULL && marts->recent != NULL && api_recent_of(marts->recent, resource) > 0)
            return true;
    }
    return false;
}

static enum err_code view_over(struct engine *engine, const char *name, struct str select,
                               struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE SCHEMA IF NOT EXISTS " VIEWS_SCHEMA
                   "; CREATE OR REPLACE VIEW " VIEWS_SCHEMA ".");
    engine_quote_identifier(&sql, str_of(name));
    buf_puts(&sql, " AS ");
    buf_add_str(&sql, select);
    buf_puts(&sql, "; CREATE OR REPLACE VIEW ");
    engine_quote_identifier(&sql, str_of(name));
    buf_puts(&sql, " AS SELECT * FROM " VIEWS_SCHEMA ".");
    engine_quote_identifier(&sql, str_of(name));
    TRY(buf_check(&sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}

/* Evaluated now: its views attached, its statement as a view over them. */
static enum err_code attach_now(struct api *api, struct store_version *version,
                                struct engine *engine, const char *name, const json_t *entry,
                                const struct api_query_marts *marts, json_t *allowed,
                                struct err *err)
{
    AUTO(api_library_done) struct api_library library = {.count = 0};
    AUTO(buf_done) struct buf sql = BUF_INIT;
    bool found = false;
    TRY(api_library_open_entry(api, name, entry, &library, err));
    TRY(api_library_sql(&library, &sql, err));
    for (size_t i = 1; i < library.count; i++) {
        char word[STORE_LIMIT_NAME_BYTES + 16];
        (void)snprintf(word, sizeof word, VIEWS_SCHEMA ".%s", library.nodes[i].view.name);
        TRY(api_library_attach(api, version, engine, &library, word, marts, allowed, &found, err));
    }
    return view_over(engine, name, buf_view(&sql), err);
}

/* By which route a kept SQLView is read now. */
static enum err_code route_of(struct api *api, struct store_version *version, const json_t *entry,
                              const struct api_query_marts *marts, struct api_route *ret,
                              struct err *err)
{
    bool exact = marts == NULL || marts->exact, snapshot = marts != NULL && marts->snapshot;
    TRY(api_sql_view_route(api, version, entry,
                           snapshot ? API_VIEW_SNAPSHOT
                           : exact  ? API_VIEW_EXACT
                                    : API_VIEW_LATEST,
                           ret, err));
    if (strcmp(ret->route, "materialised") == 0 && !snapshot && has_recent(entry, marts)) {
        ret->route = "on the fly";
        ret->why = "recent changes lie over the tables that it reads";
    }
    return ERR_OK;
}

static enum err_code attach_rows(struct api *api, struct store_version *version,
                                 struct engine *engine, const char *name, const json_t *entry,
                                 json_t *allowed, struct err *err)
{
    AUTO(buf_done) struct buf select = BUF_INIT;
    TRY(api_view_layers_sql(api, store_version_dataset(version), entry, false, allowed, &select,
                            err));
    return view_over(engine, name, buf_view(&select), err);
}

enum err_code api_sql_view_attach(struct api *api, struct store_version *version,
                                  struct engine *engine, const char *word,
                                  const struct api_query_marts *marts, json_t *allowed,
                                  bool *ret_found, struct err *err)
{
    JSON_AUTO all = NULL;
    struct api_route route;
    bool ok = true;
    const char *name = api_views_plain_name(word);
    TRY(api_sql_views_read(api, store_version_dataset(version), &all, err));
    const json_t *entry = json_object_get(all, name);
    *ret_found = entry != NULL;
    if (entry == NULL)
        return ERR_OK;
    TRY(route_of(api, version, entry, marts, &route, err));
    api_view_routed(api, version, marts, name, &route, &ok);
    TRY(json_built(ok, err));
    return strcmp(route.route, "materialised") == 0
               ? attach_rows(api, version, engine, name, entry, allowed, err)
               : attach_now(api, version, engine, name, entry, marts, allowed, err);
}

enum err_code api_sql_view_attach_kept(struct api *api, struct store_version *version,
                                       struct engine *engine, const struct api_library *library,
                                       size_t idx, const struct api_query_marts *marts,
                                       json_t *allowed, bool *ret_found, struct err *err)
{
    JSON_AUTO all = NULL;
    struct api_route route;
    bool ok = true;
    *ret_found = false;
    TRY(api_sql_views_read(api, store_version_dataset(version), &all, err));
    const struct api_library_node *node = &library->nodes[idx];
    const json_t *entry = json_object_get(all, node->view.name),
                 *context = json_object_get(entry, "context");
    bool same =
        json_equal(json_object_get(entry, "library"), fhir_library_definition(node->library));
    for (size_t i = 0; i < json_array_size(context); i++)
        same = same && api_library_holds(library, json_array_get(context, i));
    if (!same)
        return ERR_OK;
    TRY(route_of(api, version, entry, marts, &route, err));
    *ret_found = strcmp(route.route, "materialised") == 0;
    if (!*ret_found)
        return ERR_OK;
    api_view_routed(api, version, marts, node->view.name, &route, &ok);
    TRY(json_built(ok, err));
    return attach_rows(api, version, engine, node->view.name, entry, allowed, err);
}

/* ---- making ------------------------------------------------------------------------------------
 */

void api_sql_view_jobs_done(struct api_sql_view_jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        struct api_sql_view_job *job = &jobs->jobs[i];
        api_library_done(&job->library);
        run_result_done(&job->result);
        json_decref(job->inputs);
        json_decref(job->context);
        json_decref(job->columns);
    }
    mem_free(jobs->jobs);
    json_decref(jobs->sql_views);
}

static enum err_code check_name(const struct api_sql_view_jobs *jobs, const char *name,
                                struct err *err)
{
    size_t count = 0;
    const struct fhir_builtin *builtin = fhir_builtin_views(&count);
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(str_of(builtin[i].name), str_of(name))) {
            err_set(err, ERR_INPUT, "'%s' is a built-in view's name", name);
            return err_hint(err, "give the Library another name");
        }
    for (size_t i = 0; i + 1 < jobs->count; i++)
        if (str_equal_nocase(str_of(jobs->jobs[i].name), str_of(name)))
            return err_set(err, ERR_USAGE, "view %s is named twice", name);
    return ERR_OK;
}

enum err_code api_sql_view_job_add(struct api_sql_view_jobs *jobs,
                                   const struct api_library_source *source, const char *word,
                                   struct err *err)
{
    struct api_sql_view_job *more = mem_resize(jobs->jobs, jobs->count + 1, sizeof *more);
    if (more == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the views");
    jobs->jobs = more;
    struct api_sql_view_job *job = &more[jobs->count++];
    *job = (struct api_sql_view_job){.keep = false};
    const char *plain = api_views_plain_name(word);
    job->entry = file_exists(word) ? NULL : json_object_get(jobs->sql_views, plain);
    TRY(job->entry != NULL
            ? api_library_open_entry(source->api, plain, job->entry, &job->library, err)
            : api_library_open(source, word, &job->library, err));
    const struct api_library_node *root = &job->library.nodes[0];
    (void)snprintf(job->name, sizeof job->name, "%s", job->entry != NULL ? plain : root->view.name);
    if (!fhir_library_is_view(root->library)) {
        err_set(err, ERR_INPUT, "%.200s is a SQLQuery: only a SQLView can be kept as a table",
                word);
        return err_hint(err, "'marrow view run' gives its rows, with --param for its parameters");
    }
    job->entry = json_object_get(jobs->sql_views, job->name);
    return check_name(jobs, job->name, err);
}

/* Nothing changed: neither a definition nor a table below. */
static enum err_code decide(struct api_sql_view_job *job, const struct store_version *version,
                            bool force, struct err *err)
{
    bool ok = true;
    job->inputs = api_library_inputs(&job->library, version, &ok);
    job->context = api_library_context(&job->library, &ok);
    bool same = job->entry != NULL &&
                json_equal(json_object_get(job->entry, "library"),
                           fhir_library_definition(job->library.nodes[0].library)) &&
                json_equal(json_object_get(job->entry, "context"), job->context);
    bool same_rows = same && json_equal(json_object_get(job->entry, "inputs"), job->inputs);
    job->keep = same_rows && !force;
    job->reason = job->entry == NULL ? "new"
                  : !same            ? "its definition changed"
                  : force            ? "forced"
                  : same_rows        ? "nothing changed"
                                     : "its tables changed";
    return json_built(ok, err);
}

/* What its rows are, as the plan of a scan: definitions and the content of every table below. */
static enum err_code identity(const struct api_sql_view_job *job, char ret[HASH_HEX_BYTES],
                              struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    JSON_AUTO all = json_object();
    bool ok = true;
    json_put(all, "library", json_deep_copy(fhir_library_definition(job->library.nodes[0].library)),
             &ok);
    json_put(all, "context", json_incref(job->context), &ok);
    json_put(all, "inputs", json_incref(job->inputs), &ok);
    TRY(json_built(ok, err));
    TRY(json_compact(all, &text, err));
    hash_sha256_of(text.ptr, text.len, ret);
    return ERR_OK;
}

static enum err_code keep_run(struct api *api, struct store_version *version,
                              struct api_sql_view_job *job, const struct data_schema *schema,
                              struct engine *engine, bool force, struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(mem_free) const char **sort = mem_zalloc(schema->count + 1, sizeof *sort);
    JSON_AUTO extra = json_object();
    char hash[HASH_HEX_BYTES];
    bool ok = true;
    struct engine_options options = api_engine_options(api);
    json_put_text(extra, "view", job->name, &ok);
    if (plan == NULL || sort == NULL || !ok)
        return err_set(err, ERR_MEMORY, "no memory for a view's run");
    TRY(identity(job, hash, err));
    for (size_t i = 0; i < schema->count; i++)
        sort[i] = schema->columns[i].name;
    struct run_request request = {.kind = VIEWS_KIND,
                                  .name = job->name,
                                  .plan = plan_scan_identified(plan, job->name, hash, schema),
                                  .sort_columns = sort,
                                  .sort_count = schema->count,
                                  .extra = extra,
                                  .engine = engine,
                                  .rows_table = "marrow_rows",
                                  .force = force};
    TRY(plan_finish(plan, request.plan, err));
    TRY(engine_execute(engine, "CREATE VIEW marrow_rows AS SELECT * FROM " VIEWS_MADE ".rows", NULL,
                       0, err));
    return run_materialise(api->store, version, &request, &options, &job->result, err);
}

static enum err_code columns_json(const struct data_schema *schema, json_t **ret, struct err *err)
{
    bool ok = true;
    *ret = json_array();
    for (size_t i = 0; i < schema->count; i++) {
        (void)api_push_column(*ret, schema->columns[i].name, schema->columns[i].type, &ok);
    }
    return json_built(ok, err);
}

static enum err_code make_one(struct api *api, struct store_version *version,
                              struct api_sql_view_job *job, const json_t *views, bool force,
                              struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(data_schema_done) struct data_schema schema = {0};
    struct engine_options options = api_engine_options(api);
    int64_t started_us = clock_monotonic_us();
    TRY(engine_open(&options, &engine, err));
    enum err_code code =
        api_library_rows_into(api, version, &job->library, views, engine, &schema, err);
    if (code != ERR_OK)
        return err_context(err, "%s", job->name);
    TRY(keep_run(api, version, job, &schema, engine, force, err));
    TRY(columns_json(&schema, &job->columns, err));
    job->duration_ms = api_elapsed_ms(started_us);
    return ERR_OK;
}

enum err_code api_sql_view_jobs_make(struct api *api, struct store_version *version,
                                     struct api_sql_view_jobs *jobs, const json_t *views,
                                     bool force, struct err *err)
{
    for (size_t i = 0; i < jobs->count; i++) {
        struct progress_event event = {"view", jobs->jobs[i].name, (int64_t)i, (int64_t)jobs->count,
                                       "views"};
        TRY(decide(&jobs->jobs[i], version, force, err));
        progress_report(api->options.progress, &event);
        TRY(progress_check(api->options.progress, err));
        if (!jobs->jobs[i].keep)
            TRY(make_one(api, version, &jobs->jobs[i], views, force, err));
    }
    return ERR_OK;
}

/* ---- publishing --------------------------------------------------------------------------------
 */

static json_t *entry_json(const struct api_sql_view_job *job, const struct store_version *version,
                          int64_t max_staleness_s, bool *ok)
{
    char now[32];
    json_t *entry = json_object(), *layers = json_array();
    json_put(entry, "library",
             json_deep_copy(fhir_library_definition(job->library.nodes[0].library)), ok);
    json_put(entry, "context", json_incref(job->context), ok);
    json_put(entry, "inputs", json_incref(job->inputs), ok);
    json_put_text(entry, "version", store_version_id(version), ok);
    json_put_text(entry, "as_of", json_text(store_version_manifest(version), "created_at", ""), ok);
    json_put_text(entry, "refreshed_at", clock_format(clock_now_us(), now), ok);
    json_put_int(
        entry, "max_staleness_s",
        max_staleness_s >= 0 ? max_staleness_s : json_int(job->entry, "max_staleness_s", 0), ok);
    json_put_int(entry, "duration_ms",
                 job->keep ? json_int(job->entry, "duration_ms", 0) : job->duration_ms, ok);
    json_put(entry, "columns",
             job->keep ? json_deep_copy(json_object_get(job->entry, "columns"))
                       : json_incref(job->columns),
             ok);
    if (!job->keep)
        json_push_text(layers, job->result.run_id, ok);
    json_put(entry, "layers",
             job->keep ? json_deep_copy(json_object_get(job->entry, "layers"))
                       : json_incref(layers),
             ok);
    json_decref(layers);
    return entry;
}

enum err_code api_sql_view_jobs_put(const struct api_sql_view_jobs *jobs,
                                    const struct store_version *version, int64_t max_staleness_s,
                                    json_t *dataset_json, struct err *err)
{
    bool ok = true;
    if (jobs->count > 0 && !json_is_object(json_object_get(dataset_json, "sql_views")))
        json_put(dataset_json, "sql_views", json_object(), &ok);
    json_t *all = json_object_get(dataset_json, "sql_views");
    for (size_t i = 0; i < jobs->count; i++)
        json_put(all, jobs->jobs[i].name, entry_json(&jobs->jobs[i], version, max_staleness_s, &ok),
                 &ok);
    return json_built(ok, err);
}

void api_sql_view_jobs_answer(const struct api_sql_view_jobs *jobs, json_t *list, bool *ok)
{
    for (size_t i = 0; i < jobs->count; i++) {
        const struct api_sql_view_job *job = &jobs->jobs[i];
        json_t *one = json_object();
        json_put_text(one, "name", job->name, ok);
        json_put_text(one, "resource", "", ok);
        json_put_flag(one, "sql", true, ok);
        json_put_text(one, "how", job->keep ? "kept" : "full", ok);
        json_put_text(one, "reason", job->reason, ok);
        if (!job->keep) {
            json_put_text(one, "run_id", job->result.run_id, ok);
            json_put_int(one, "row_count", json_int(job->result.manifest, "row_count", 0), ok);
            json_put_int(one, "bytes", json_int(job->result.manifest, "bytes", 0), ok);
        }
        json_put_flag(one, "reused", job->keep || job->result.reused, ok);
        json_put_int(one, "duration_ms", job->duration_ms, ok);
        json_push(list, one, ok);
    }
}
