/* view create, refresh, drop, list, status: the snapshot of a dataset's materialised views.
 *
 * Runs are made first (views_build.c); then one edit of dataset.json makes them all visible at
 * once, and the history says so. */
#include "api/library_priv.h"

#include <stdio.h>
#include <string.h>

#define VIEWS_MOST 1000

static void jobs_done(struct api_view_jobs *jobs, struct api_sql_view_jobs *sql)
{
    api_sql_view_jobs_done(sql);
    for (size_t i = 0; i < jobs->count; i++) {
        api_view_done(&jobs->jobs[i].view);
        run_result_done(&jobs->jobs[i].result);
        json_decref(jobs->jobs[i].layers);
        json_decref(jobs->jobs[i].nulled);
    }
    mem_free(jobs->jobs);
    json_decref(jobs->views);
    store_version_close(jobs->version);
}

static enum err_code jobs_open(struct api *api, const struct api_views_options *options,
                               size_t room, struct api_view_jobs *ret,
                               struct api_sql_view_jobs *sql, struct err *err)
{
    *ret = (struct api_view_jobs){.api = api, .force = options->force};
    TRY(store_version_open(api->store, options->dataset, NULL, &ret->version, err));
    TRY(api_views_read(api, options->dataset, &ret->views, err));
    TRY(api_sql_views_read(api, options->dataset, &sql->sql_views, err));
    ret->jobs = mem_zalloc(room + json_object_size(ret->views) + 1, sizeof *ret->jobs);
    return ret->jobs == NULL ? err_set(err, ERR_MEMORY, "no memory for the views") : ERR_OK;
}

static const char *hash_of(const struct api_view_jobs *jobs, const struct api_view_job *job)
{
    const struct store_table *table =
        store_version_table_find(jobs->version, fhir_view_resource(job->view.view));
    return table != NULL ? table->hash : "";
}

/* ---- which, and how -----------------------------------------------------------------------------
 */

static enum err_code add_job(struct api_view_jobs *jobs, const char *word, struct err *err)
{
    struct api_view_job *job = &jobs->jobs[jobs->count];
    enum err_code code =
        api_view_find(file_exists(word) ? NULL : jobs->views, word, &job->view, err);
    if (code != ERR_OK) {
        api_view_done(&job->view);
        return code;
    }
    for (size_t i = 0; i < jobs->count; i++)
        if (str_equal_nocase(str_of(jobs->jobs[i].view.name), str_of(job->view.name))) {
            code = err_set(err, ERR_USAGE, "view %s is named twice", job->view.name);
            api_view_done(&job->view);
            return code;
        }
    job->entry = json_object_get(jobs->views, job->view.name);
    jobs->count++;
    return ERR_OK;
}

/* A new view, and one whose definition changed, is made whole; one over the very same resources
 * stays. What is null in it because it breaks a rule stays, too, unless it is to be an error now. */
static void decide(const struct api_view_jobs *jobs, struct api_view_job *job,
                   const struct api_views_options *options)
{
    const json_t *nulled = json_object_get(job->entry, "nulled");
    bool was_null = strcmp(json_text(job->entry, "on_error", "fail"), "null") == 0;
    job->null_on_error = options->on_error == API_ON_ERROR_AS_IT_WAS
                             ? was_null
                             : options->on_error == API_ON_ERROR_NULL;
    bool is_error = nulled != NULL && !job->null_on_error;
    bool untold = nulled != NULL && !api_nulled_is_whole(nulled), force = options->force;
    bool same_view = job->entry != NULL && json_equal(json_object_get(job->entry, "view"),
                                                      fhir_view_definition(job->view.view));
    bool same_rows =
        same_view && strcmp(json_text(job->entry, "table_hash", "-"), hash_of(jobs, job)) == 0;
    job->how = force || !same_view || is_error ? API_VIEW_FULL
               : same_rows                     ? API_VIEW_KEEP
               : untold                        ? API_VIEW_FULL
                                               : API_VIEW_DELTA;
    if (job->how == API_VIEW_KEEP)
        job->nulled = json_incref((json_t *)(uintptr_t)nulled);
    job->reason = job->entry == NULL ? "new"
                  : !same_view       ? "its definition changed"
                  : force            ? "forced"
                  : is_error         ? "its null values are errors now"
                  : same_rows        ? "nothing changed"
                  : untold           ? "many of its values are null"
                                     : "";
}

/* ---- the snapshot -------------------------------------------------------------------------------
 */

static json_t *columns_json(const struct fhir_view *view, bool *ok)
{
    json_t *columns = json_array();
    for (size_t i = 0; i < fhir_view_column_count(view); i++) {
        const struct fhir_view_column *column = fhir_view_column(view, i);
        (void)api_push_column(columns, column->name, column->type, ok);
    }
    return columns;
}

static json_t *entry_json(const struct api_view_jobs *jobs, const struct api_view_job *job,
                          int64_t max_staleness_s, bool *ok)
{
    char now[32];
    bool keep = job->how == API_VIEW_KEEP;
    json_t *entry = json_object();
    json_put(entry, "view", json_deep_copy(fhir_view_definition(job->view.view)), ok);
    json_put_flag(entry, "builtin", job->view.builtin, ok);
    json_put_text(entry, "resource", fhir_view_resource(job->view.view), ok);
    json_put_text(entry, "table_hash", hash_of(jobs, job), ok);
    json_put_text(entry, "version", store_version_id(jobs->version), ok);
    json_put_text(entry, "as_of",
                  json_text(store_version_manifest(jobs->version), "created_at", ""), ok);
    json_put_text(entry, "refreshed_at", clock_format(clock_now_us(), now), ok);
    json_put_int(
        entry, "max_staleness_s",
        max_staleness_s >= 0 ? max_staleness_s : json_int(job->entry, "max_staleness_s", 0), ok);
    json_put_int(entry, "duration_ms",
                 keep ? json_int(job->entry, "duration_ms", 0) : job->duration_ms, ok);
    json_put_text(entry, "identity", job->identity, ok);
    json_put_text(entry, "on_error", job->null_on_error ? "null" : "fail", ok);
    if (job->nulled != NULL)
        json_put(entry, "nulled", json_deep_copy(job->nulled), ok);
    json_put(entry, "columns", columns_json(job->view.view, ok), ok);
    json_put(entry, "layers",
             keep ? json_deep_copy(json_object_get(job->entry, "layers"))
                  : json_incref(job->layers),
             ok);
    return entry;
}

struct publishing {
    const struct api_view_jobs *jobs;
    const struct api_sql_view_jobs *sql;
    int64_t max_staleness_s;
};

static enum err_code put_entries(void *user, json_t *dataset_json, struct err *err)
{
    const struct publishing *publishing = user;
    bool ok = true;
    if (!json_is_object(json_object_get(dataset_json, "views")))
        json_put(dataset_json, "views", json_object(), &ok);
    json_t *views = json_object_get(dataset_json, "views");
    for (size_t i = 0; i < publishing->jobs->count; i++) {
        const struct api_view_job *job = &publishing->jobs->jobs[i];
        json_put(views, job->view.name,
                 entry_json(publishing->jobs, job, publishing->max_staleness_s, &ok), &ok);
    }
    TRY(json_built(ok, err));
    return api_sql_view_jobs_put(publishing->sql, publishing->jobs->version,
                                 publishing->max_staleness_s, dataset_json, err);
}

static json_t *answer_views(const struct api_view_jobs *jobs, const struct api_sql_view_jobs *sql,
                            bool *ok)
{
    static const char *const how[] = {"kept", "full", "delta"};
    json_t *list = json_array();
    for (size_t i = 0; i < jobs->count; i++) {
        const struct api_view_job *job = &jobs->jobs[i];
        json_t *one = json_object();
        json_put_text(one, "name", job->view.name, ok);
        json_put_text(one, "resource", fhir_view_resource(job->view.view), ok);
        json_put_flag(one, "sql", false, ok);
        json_put_text(one, "how", how[job->how], ok);
        json_put_text(one, "reason", job->reason, ok);
        if (job->how != API_VIEW_KEEP) {
            json_put_text(one, "run_id", job->result.run_id, ok);
            json_put_int(one, "row_count", json_int(job->result.manifest, "row_count", 0), ok);
            json_put_int(one, "bytes", json_int(job->result.manifest, "bytes", 0), ok);
        }
        if (job->how == API_VIEW_DELTA)
            json_put_int(one, "changed_resources", job->changes, ok);
        json_put_text(one, "on_error", job->null_on_error ? "null" : "fail", ok);
        if (job->nulled != NULL)
            json_put(one, "nulled", api_nulled_brief(job->nulled, ok), ok);
        json_put_flag(one, "reused", job->how == API_VIEW_KEEP || job->result.reused, ok);
        json_put_int(one, "duration_ms", job->duration_ms, ok);
        json_push(list, one, ok);
    }
    api_sql_view_jobs_answer(sql, list, ok);
    return list;
}

/* dataset.json's edit and the history's entry are one step (store_dataset_decide). */
static enum err_code publish(struct api_view_jobs *jobs, const struct api_sql_view_jobs *sql,
                             const struct api_views_options *options, const char *verb,
                             int64_t started_us, json_t **ret, struct err *err)
{
    struct publishing publishing = {jobs, sql, options->max_staleness_s};
    bool ok = true;
    JSON_AUTO entry = json_object();
    json_t *object = json_object();
    json_put_text(object, "dataset", options->dataset, &ok);
    json_put_text(object, "version", store_version_id(jobs->version), &ok);
    json_put(object, "views", answer_views(jobs, sql, &ok), &ok);
    json_put_int(object, "duration_ms", api_elapsed_ms(started_us), &ok);
    *ret = object;
    json_put_text(entry, "kind", "views", &ok);
    json_put_text(entry, "verb", verb, &ok);
    json_put_flag(entry, "ok", true, &ok);
    json_put_text(entry, "version", store_version_id(jobs->version), &ok);
    json_put(entry, "views", json_deep_copy(json_object_get(object, "views")), &ok);
    for (size_t i = 0; i < jobs->count; i++) /* of what is null the trail has numbers alone */
        (void)json_object_del(
            json_object_get(json_array_get(json_object_get(entry, "views"), i), "nulled"), "first");
    TRY(json_built(ok, err));
    return store_dataset_decide(jobs->api->store, options->dataset, put_entries, &publishing, entry,
                                err);
}

/* SQLViews read the ViewDefinitions' rows as they will be published. */
static enum err_code make_sql(struct api_view_jobs *jobs, struct api_sql_view_jobs *sql,
                              const struct api_views_options *options, struct err *err)
{
    struct publishing publishing = {jobs, &(struct api_sql_view_jobs){.count = 0},
                                    options->max_staleness_s};
    JSON_AUTO soon = json_object();
    bool ok = true;
    json_put(soon, "views", json_copy(jobs->views), &ok);
    TRY(json_built(ok, err));
    TRY(put_entries(&publishing, soon, err));
    return api_sql_view_jobs_make(jobs->api, jobs->version, sql, json_object_get(soon, "views"),
                                  options->force, err);
}

/* Of what stays as it is the identity stays too; after a delta who asks finds it: a refresh is to be quick. */
static enum err_code identify(struct api_view_jobs *jobs, struct err *err)
{
    for (size_t i = 0; i < jobs->count; i++) {
        struct api_view_job *job = &jobs->jobs[i];
        const char *kept = json_text(job->entry, "identity", "");
        if (job->how == API_VIEW_KEEP && strlen(kept) == 64)
            memcpy(job->identity, kept, sizeof job->identity);
        else if (job->how == API_VIEW_FULL)
            TRY(api_view_rows_identity(&job->view, hash_of(jobs, job), job->identity, err));
    }
    return ERR_OK;
}

static enum err_code make_and_publish(struct api_view_jobs *jobs, struct api_sql_view_jobs *sql,
                                      const struct api_views_options *options, const char *verb,
                                      json_t **ret, struct err *err)
{
    int64_t started_us = clock_monotonic_us();
    for (size_t i = 0; i < jobs->count; i++)
        decide(jobs, &jobs->jobs[i], options);
    TRY(api_view_jobs_make(jobs, err));
    TRY(identify(jobs, err));
    if (sql->count > 0)
        TRY(make_sql(jobs, sql, options, err));
    TRY(publish(jobs, sql, options, verb, started_us, ret, err));
    if (options->engine == NULL)
        return ERR_OK;
    json_t *there = NULL;
    bool ok = true;
    TRY(api_views_mirror(jobs->api, jobs->version, jobs, options->engine, &there, err));
    json_put(*ret, "server", there, &ok);
    json_put_int(*ret, "duration_ms", api_elapsed_ms(started_us), &ok);
    return json_built(ok, err);
}

/* ---- create, refresh ----------------------------------------------------------------------------
 */

/* A word of 'view create' or 'view refresh': a ViewDefinition, or a SQLView. */
static enum err_code add_word(struct api_view_jobs *jobs, struct api_sql_view_jobs *sql,
                              const struct api_views_options *options, const char *word,
                              struct err *err)
{
    struct api_library_source source = {.api = jobs->api,
                                        .dataset = options->dataset,
                                        .context = options->context,
                                        .context_count = options->context_count};
    return api_library_is(sql->sql_views, word) ? api_sql_view_job_add(sql, &source, word, err)
                                                : add_job(jobs, word, err);
}

static enum err_code create(struct api *api, const struct api_views_options *options,
                            struct api_view_jobs *jobs, struct api_sql_view_jobs *sql,
                            json_t **ret, struct err *err)
{
    size_t builtin_count = 0;
    const struct fhir_builtin *builtin = fhir_builtin_views(&builtin_count);
    if (options->view_count > VIEWS_MOST)
        return err_set(err, ERR_LIMIT, "more than %d views", VIEWS_MOST);
    TRY(jobs_open(api, options, options->view_count + builtin_count, jobs, sql, err));
    for (size_t i = 0; i < options->view_count; i++)
        TRY(add_word(jobs, sql, options, options->views[i], err));
    for (size_t i = 0; i < sql->count; i++)
        if (json_object_get(jobs->views, sql->jobs[i].name) != NULL) {
            err_set(err, ERR_INPUT, "'%s' is the name of a ViewDefinition that is materialised",
                    sql->jobs[i].name);
            return err_hint(err, "give the Library another name");
        }
    for (size_t i = 0; i < builtin_count && options->view_count == 0; i++)
        TRY(add_job(jobs, builtin[i].name, err));
    return make_and_publish(jobs, sql, options, "create", ret, err);
}

enum err_code api_view_not_materialised(const json_t *views, const char *name, struct err *err)
{
    struct nearest nearest = {.asked = name};
    const char *other;
    json_t *entry;
    json_object_foreach((json_t *)(uintptr_t)views, other, entry)
    {
        (void)entry;
        nearest_offer(&nearest, other);
    }
    err_set(err, ERR_NOT_FOUND, "view '%.100s' is not materialised", name);
    return nearest_text(&nearest) != NULL
               ? err_hint(err, "did you mean '%s'?", nearest_text(&nearest))
               : err_hint(err, "'marrow view create NAME %.60s' does it", name);
}

static enum err_code refresh(struct api *api, const struct api_views_options *options,
                             struct api_view_jobs *jobs, struct api_sql_view_jobs *sql,
                             json_t **ret, struct err *err)
{
    const char *name;
    json_t *entry;
    TRY(jobs_open(api, options, options->view_count, jobs, sql, err));
    for (size_t i = 0; i < options->view_count; i++) {
        const char *plain = api_views_plain_name(options->views[i]);
        if (json_object_get(jobs->views, plain) == NULL &&
            json_object_get(sql->sql_views, plain) == NULL)
            return api_view_not_materialised(jobs->views, plain, err);
        TRY(add_word(jobs, sql, options, plain, err));
    }
    json_object_foreach(jobs->views, name, entry)
    {
        (void)entry;
        if (options->view_count == 0)
            TRY(add_job(jobs, name, err));
    }
    json_object_foreach(sql->sql_views, name, entry)
    {
        if (options->view_count == 0)
            TRY(add_word(jobs, sql, options, name, err));
    }
    if (jobs->count == 0 && sql->count == 0) {
        err_set(err, ERR_NOT_FOUND, "dataset %s has no materialised views", options->dataset);
        return err_hint(err, "'marrow view create %s' makes the built-in ones", options->dataset);
    }
    return make_and_publish(jobs, sql, options, "refresh", ret, err);
}

static enum err_code with_jobs(struct api *api, const struct api_views_options *options,
                               enum err_code (*verb)(struct api *, const struct api_views_options *,
                                                     struct api_view_jobs *,
                                                     struct api_sql_view_jobs *, json_t **,
                                                     struct err *),
                               json_t **ret, struct err *err)
{
    struct api_view_jobs jobs = {.count = 0};
    struct api_sql_view_jobs sql = {.count = 0};
    int64_t started_us = clock_monotonic_us();
    api_begin(api);
    json_t *answer = NULL;
    enum err_code code = verb(api, options, &jobs, &sql, &answer, err);
    if (code != ERR_OK && jobs.version != NULL)
        api_record_failure(api, options->dataset, "views", err, started_us);
    jobs_done(&jobs, &sql);
    if (code != ERR_OK)
        json_decref(answer);
    else
        *ret = answer;
    return code;
}

enum err_code api_views_create(struct api *api, const struct api_views_options *options,
                               json_t **ret, struct err *err)
{
    return with_jobs(api, options, create, ret, err);
}

enum err_code api_views_refresh(struct api *api, const struct api_views_options *options,
                                json_t **ret, struct err *err)
{
    return with_jobs(api, options, refresh, ret, err);
}

/* ---- drop ---------------------------------------------------------------------------------------
 */

static enum err_code drop_entries(void *user, json_t *dataset_json, struct err *err)
{
    const struct api_views_options *options = user;
    json_t *views = json_object_get(dataset_json, "views"),
           *sql = json_object_get(dataset_json, "sql_views");
    for (size_t i = 0; i < options->view_count; i++) {
        const char *name = api_views_plain_name(options->views[i]);
        json_t *from = json_object_get(sql, name) != NULL ? sql : views;
        if (json_object_get(from, name) == NULL)
            return api_view_not_materialised(views, name, err);
        (void)json_object_del(from, name);
    }
    return ERR_OK;
}

enum err_code api_views_drop(struct api *api, const struct api_views_options *options, json_t **ret,
                             struct err *err)
{
    bool ok = true;
    struct api_views_options named = *options;
    JSON_AUTO entry = json_object();
    json_t *names = json_array();
    api_begin(api);
    for (size_t i = 0; i < options->view_count; i++)
        json_push_text(names, api_views_plain_name(options->views[i]), &ok);
    json_put_text(entry, "kind", "views", &ok);
    json_put_text(entry, "verb", "drop", &ok);
    json_put_flag(entry, "ok", true, &ok);
    json_put(entry, "dropped", names, &ok);
    TRY(json_built(ok, err));
    TRY(store_dataset_decide(api->store, options->dataset, drop_entries, &named, entry, err));
    *ret = json_object();
    json_put_text(*ret, "dataset", options->dataset, &ok);
    json_put(*ret, "dropped", json_incref(names), &ok);
    return json_built(ok, err);
}
