/* The views that are to be made, in groups that share a pass; deltas, which are small, two groups at
 * a time.
 *
 *   jobs ──same resource, same table──▶ groups ──one after another──▶ runs (views_build.c)
 *                                              └─ a second thread, where all are deltas: a refresh
 *
 * A delta's cost is mostly in steps that use one core (planning, a small file, fsync), so a second
 * thread halves the wait. It has an engine of its own, half of the memory, and a copy of the api
 * that reports no progress; the store is made for use by several threads. */
#include "api/views_priv.h"

#include <pthread.h>
#include <string.h>

struct groups {
    struct api_view_jobs *jobs;
    struct api_view_job **members; /* of group g: from starts[g] to starts[g + 1] */
    size_t *starts;
    size_t count;
    bool all_deltas;
    pthread_mutex_t mutex; /* guards what follows */
    size_t next;
    enum err_code code; /* the first failure: nobody takes another group */
    struct err err;
};

struct helper {
    struct groups *groups;
    struct api api; /* the caller's, with less memory and a spill folder within the other */
    struct api_view_jobs jobs;
    pthread_t thread;
    bool started;
};

static bool same_group(const struct api_view_job *a, const struct api_view_job *b)
{
    return a->how == b->how && a->how != API_VIEW_KEEP &&
           a->null_on_error == b->null_on_error &&
           strcmp(fhir_view_resource(a->view.view), fhir_view_resource(b->view.view)) == 0 &&
           (a->how == API_VIEW_FULL || strcmp(json_text(a->entry, "table_hash", ""),
                                              json_text(b->entry, "table_hash", "")) == 0);
}

static void group_jobs(struct groups *groups, bool *grouped)
{
    struct api_view_jobs *jobs = groups->jobs;
    size_t at = 0;
    groups->all_deltas = true;
    for (size_t i = 0; i < jobs->count; i++) {
        if (grouped[i] || jobs->jobs[i].how == API_VIEW_KEEP)
            continue;
        for (size_t k = i; k < jobs->count; k++) {
            if (grouped[k] || !same_group(&jobs->jobs[i], &jobs->jobs[k]))
                continue;
            groups->members[at++] = &jobs->jobs[k];
            grouped[k] = true;
        }
        groups->all_deltas = groups->all_deltas && jobs->jobs[i].how == API_VIEW_DELTA;
        groups->starts[++groups->count] = at;
    }
}

/* The next group; false: there is none, or somebody failed. */
static bool take(struct groups *groups, size_t *ret)
{
    (void)pthread_mutex_lock(&groups->mutex);
    bool there = groups->code == ERR_OK && groups->next < groups->count;
    if (there)
        *ret = groups->next++;
    (void)pthread_mutex_unlock(&groups->mutex);
    return there;
}

static void fail(struct groups *groups, enum err_code code, const struct err *err)
{
    (void)pthread_mutex_lock(&groups->mutex);
    if (groups->code == ERR_OK) {
        groups->code = code;
        groups->err = *err;
    }
    (void)pthread_mutex_unlock(&groups->mutex);
}

static enum err_code make_all(struct groups *groups, struct api_view_jobs *jobs,
                              const struct engine_options *options, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    for (size_t g = 0; take(groups, &g);) {
        struct api_view_job *const *group = groups->members + groups->starts[g];
        struct progress_event event = {"view", group[0]->view.name, (int64_t)groups->starts[g],
                                       (int64_t)groups->starts[groups->count], "views"};
        progress_report(jobs->api->options.progress, &event);
        if (engine == NULL)
            TRY(engine_open(options, &engine, err));
        TRY(api_view_group_make(jobs, group, groups->starts[g + 1] - groups->starts[g], engine,
                                err));
    }
    return ERR_OK;
}

/* ---- the second thread --------------------------------------------------------------------------
 */

static void *helper_main(void *user)
{
    struct helper *helper = user;
    struct engine_options options = api_views_engine_options(&helper->api);
    struct err err;
    options.memory_bytes /= 2;
    enum err_code code = make_all(helper->groups, &helper->jobs, &options, &err);
    if (code != ERR_OK)
        fail(helper->groups, code, &err);
    return NULL;
}

static void start(struct helper *helper, struct groups *groups, struct progress *quiet)
{
    *helper = (struct helper){.groups = groups, .api = *groups->jobs->api, .jobs = *groups->jobs};
    if (groups->count < 2 || !groups->all_deltas || helper->api.options.threads == 1 ||
        file_path_join(groups->jobs->api->spill, "second", helper->api.spill, ERR_IGNORED) !=
            ERR_OK)
        return;
    if (helper->api.options.progress != NULL) {
        *quiet = *helper->api.options.progress;
        quiet->report = NULL;
        helper->api.options.progress = quiet;
    }
    helper->jobs.api = &helper->api;
    helper->started = pthread_create(&helper->thread, NULL, helper_main, helper) == 0;
}

static enum err_code run(struct groups *groups, struct err *err)
{
    struct helper helper;
    struct progress quiet;
    struct engine_options options = api_views_engine_options(groups->jobs->api);
    start(&helper, groups, &quiet);
    if (helper.started)
        options.memory_bytes /= 2;
    enum err_code code = make_all(groups, groups->jobs, &options, err);
    if (code != ERR_OK)
        fail(groups, code, err);
    if (helper.started)
        (void)pthread_join(helper.thread, NULL);
    if (groups->code != ERR_OK)
        *err = groups->err;
    return groups->code;
}

enum err_code api_view_jobs_make(struct api_view_jobs *jobs, struct err *err)
{
    AUTO(mem_free) struct api_view_job **members = mem_zalloc(jobs->count + 1, sizeof *members);
    AUTO(mem_free) size_t *starts = mem_zalloc(jobs->count + 1, sizeof *starts);
    AUTO(mem_free) bool *grouped = mem_zalloc(jobs->count + 1, sizeof *grouped);
    if (members == NULL || starts == NULL || grouped == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the views");
    struct groups groups = {.jobs = jobs, .members = members, .starts = starts};
    group_jobs(&groups, grouped);
    (void)pthread_mutex_init(&groups.mutex, NULL);
    enum err_code code = run(&groups, err);
    (void)pthread_mutex_destroy(&groups.mutex);
    return code;
}
