/* The tables of an import, loaded side by side.
 *
 *     sources by size:   largest … … … smallest
 *          first worker ─▶ takes here       ▲ helpers take here, each with an engine of one thread
 *
 * The one idea: a large table keeps all cores busy by itself, a small one is mostly statements,
 * syncs and waiting; so small ones run beside. Workers share nothing but the queue. Under a memory
 * limit helpers take small tables only. The answer (entries, error) does not depend on who took
 * what: where tables fail, those before the first failure are still loaded, and its error is given.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_priv.h"

#define WORKERS_MOST 8
#define HELPER_MEMORY_BYTES (48LL << 20) /* none with less */
#define HELPER_MEMORY_SHARE 8            /* of a given limit for each; together at most half */

struct job {
    const struct data_source *source;
    const struct store_stack *stack; /* whose source it is; or NULL */
    char *directory;                 /* borrowed from import->staged */
    json_t *entry;                   /* owned; NULL: not loaded */
    struct pool *pool;
    struct progress progress; /* what the job's work reports to; user: the job */
    double share;             /* of the job that is done, 0…1, never less than before */
};
struct pool {
    struct store_import *import;
    struct job *jobs;
    size_t count, source_count;
    size_t *order;      /* job indexes, largest source first */
    size_t front, back; /* order[front…back) is not taken yet; this and below under import->mutex */
    size_t failed;      /* lowest index of a failed job; count: none */
    struct err err;     /* of that job */
    int64_t helper_bytes; /* a helper takes no source of more */
    int64_t total_bytes;  /* of all sources */
    double done_bytes;    /* each source's times its share */
};

/* ---- the queue ---------------------------------------------------------------------------------
 */

static int64_t size_of(const struct data_source *source)
{
    return source->bytes > 0 ? source->bytes : INT64_MAX; /* unknown may be any size */
}

/* Shell's sort: the order of equals does not matter. */
static void sort_jobs(struct pool *pool)
{
    for (size_t gap = pool->count / 2; gap > 0; gap /= 2)
        for (size_t i = gap; i < pool->count; i++) {
            size_t moved = pool->order[i], k = i;
            for (; k >= gap && size_of(pool->jobs[pool->order[k - gap]].source) <
                                   size_of(pool->jobs[moved].source);
                 k -= gap)
                pool->order[k] = pool->order[k - gap];
            pool->order[k] = moved;
        }
}

/* The next job for a worker, of those before the first failure; NULL: none is left for it. */
static struct job *take_job(struct pool *pool, bool helper)
{
    struct job *job = NULL;
    (void)pthread_mutex_lock(&pool->import->mutex);
    while (job == NULL && pool->front < pool->back) {
        size_t idx = pool->order[helper ? pool->back - 1 : pool->front];
        if (helper && size_of(pool->jobs[idx].source) > pool->helper_bytes)
            break;
        pool->back -= helper;
        pool->front += !helper;
        if (idx < pool->failed)
            job = &pool->jobs[idx];
    }
    (void)pthread_mutex_unlock(&pool->import->mutex);
    return job;
}

static void fail_job(struct pool *pool, size_t idx, const struct err *err)
{
    (void)pthread_mutex_lock(&pool->import->mutex);
    if (idx < pool->failed) {
        pool->failed = idx;
        pool->err = *err;
    }
    (void)pthread_mutex_unlock(&pool->import->mutex);
}

/* ---- progress: one total in bytes over all sources ----------------------------------------------
 */

/* What of a table's time has passed when a phase begins; the next one's beginning is its end. */
static double share_of(const struct progress_event *event)
{
    static const struct {
        const char *phase;
        double from, to;
    } phases[] = {{"read", 0, .4}, {"write", .4, .75}, {"hash", .75, .85}, {"export", .85, 1}};
    double part = event->total > 0 ? (double)event->done / (double)event->total : 0;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (event->phase != NULL && strcmp(event->phase, phases[i].phase) == 0)
            return phases[i].from + (phases[i].to - phases[i].from) * (part < 1 ? part : 1);
    return 0;
}

static void report_share(struct job *job, double share)
{
    struct pool *pool = job->pool;
    (void)pthread_mutex_lock(&pool->import->mutex);
    if (share > job->share) {
        if (job->source->bytes > 0)
            pool->done_bytes += (share - job->share) * (double)job->source->bytes;
        job->share = share;
    }
    int64_t done = (int64_t)(pool->done_bytes + 0.5);
    struct progress_event event = {"import", job->source->name,
                                   done < pool->total_bytes ? done : pool->total_bytes,
                                   pool->total_bytes, "bytes"};
    progress_report(pool->import->store->options.progress, &event);
    (void)pthread_mutex_unlock(&pool->import->mutex);
}

static void on_report(void *user, const struct progress_event *event)
{
    report_share(user, share_of(event));
}

static bool on_cancelled(void *user)
{
    const struct job *job = user;
    const struct progress *progress = job->pool->import->store->options.progress;
    return progress->cancelled(progress->user);
}

static void wire_progress(struct pool *pool, struct job *job)
{
    const struct progress *progress = pool->import->store->options.progress;
    job->pool = pool;
    job->progress = (struct progress){.report = on_report, .user = job};
    if (progress != NULL && progress->cancelled != NULL)
        job->progress.cancelled = on_cancelled;
    pool->total_bytes += job->source->bytes > 0 ? job->source->bytes : 0;
}

/* ---- workers -----------------------------------------------------------------------------------
 */

void store_worker_free(struct store_worker *worker)
{
    if (worker == NULL)
        return;
    engine_close(worker->engine);
    worker->import->infer_us += worker->infer_us;
    worker->import->load_us += worker->load_us;
    worker->import->hash_us += worker->hash_us;
    worker->import->write_us += worker->write_us;
    mem_free(worker);
}

/* Every commit writes the database file whole, at once: a log of its own for each table would be
 * written, fsynced and removed for nothing. */
static enum err_code open_engine(struct store_worker *worker, int ordinal,
                                 const struct engine_options *options, struct err *err)
{
    char spill[FILE_PATH_BYTES], name[32];
    (void)snprintf(name, sizeof name, "spill-%d", ordinal);
    TRY(file_path_join(worker->import->staging.path, name, spill, err));
    TRY(store_engine_open(worker->import->store, options, spill, &worker->engine, err));
    TRY(engine_execute(worker->engine, "SET checkpoint_threshold = '0b'", NULL, 0, err));
    /* not known to older libraries, which then write the log */
    (void)!engine_execute(worker->engine, "SET auto_checkpoint_skip_wal_threshold = 0", NULL, 0,
                          ERR_IGNORED);
    return ERR_OK;
}

static enum err_code make_worker(struct store_import *import, int ordinal,
                                 const struct engine_options *options, struct store_worker **ret,
                                 struct err *err)
{
    *ret = mem_zalloc(1, sizeof **ret);
    if (*ret == NULL)
        return err_set(err, ERR_MEMORY, "no memory to import");
    (*ret)->import = import;
    return open_engine(*ret, ordinal, options, err);
}

static void work(struct pool *pool, struct store_worker *worker, bool helper)
{
    for (struct job *job; (job = take_job(pool, helper)) != NULL;) {
        struct err err = {0};
        enum err_code code = progress_check(&job->progress, &err);
        if (code == ERR_OK)
            code = store_load(worker, job->source, job->stack, job->directory, &job->progress,
                              &job->entry, &err);
        if (code != ERR_OK)
            fail_job(pool, (size_t)(job - pool->jobs), &err);
        else
            report_share(job, 1);
    }
}

struct helper {
    pthread_t thread;
    struct pool *pool;
    struct store_worker *worker;
    struct engine_options options;
    int ordinal;
    bool started;
};

/* A helper that can't be set up is one less: the others do its work. */
static void *helper_main(void *user)
{
    struct helper *helper = user;
    if (make_worker(helper->pool->import, helper->ordinal, &helper->options, &helper->worker,
                    ERR_IGNORED) == ERR_OK)
        work(helper->pool, helper->worker, true);
    return NULL;
}

/* How many helpers, and what they leave of a memory limit for the first worker. */
static size_t plan_helpers(struct pool *pool, struct engine_options *first,
                           struct engine_options *helper)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t threads = first->threads > 0 ? first->threads : cores > 0 ? cores : 1;
    size_t most = threads < 2 ? 0 : (size_t)(threads < WORKERS_MOST ? threads : WORKERS_MOST);
    *helper = *first;
    helper->threads = 1;
    helper->spill_directory =
        NULL; /* its own, in the staging folder: two engines can't share one */
    pool->helper_bytes = first->memory_bytes > 0 ? STORE_SMALL_BYTES : INT64_MAX - 1;
    if (first->memory_bytes > 0) {
        helper->memory_bytes = first->memory_bytes / HELPER_MEMORY_SHARE;
        most = most > HELPER_MEMORY_SHARE / 2 ? HELPER_MEMORY_SHARE / 2 : most;
        if (helper->memory_bytes < HELPER_MEMORY_BYTES)
            most = 0;
    }
    size_t count = 0; /* the first worker takes one job at least */
    while (count < most && count + 1 < pool->count &&
           size_of(pool->jobs[pool->order[pool->count - 1 - count]].source) <= pool->helper_bytes)
        count++;
    first->memory_bytes -= (int64_t)count * helper->memory_bytes;
    return count;
}

static enum err_code run_pool(struct pool *pool, struct err *err)
{
    struct store_import *import = pool->import;
    struct engine_options first = import->store->options.engine, helping;
    struct helper helpers[WORKERS_MOST];
    size_t count = plan_helpers(pool, &first, &helping);
    for (size_t i = 0; i < count; i++) {
        helpers[i] = (struct helper){.pool = pool, .options = helping, .ordinal = (int)i + 1};
        helpers[i].started =
            pthread_create(&helpers[i].thread, NULL, helper_main, &helpers[i]) == 0;
    }
    enum err_code code = ERR_OK;
    if (import->worker == NULL)
        code = make_worker(import, 0, &first, &import->worker, err);
    if (code == ERR_OK)
        work(pool, import->worker, false);
    else
        fail_job(pool, 0, err); /* the helpers stop */
    for (size_t i = 0; i < count; i++) {
        if (helpers[i].started)
            (void)pthread_join(helpers[i].thread, NULL);
        store_worker_free(helpers[i].worker);
    }
    return code;
}

/* ---- the tables --------------------------------------------------------------------------------
 */

static enum err_code take_name(struct store_import *import, const char *name, struct err *err)
{
    AUTO(buf_done) struct buf lower = BUF_INIT;
    bool ok = true;
    if (name == NULL || name[0] == '\0' || str_utf8_valid_prefix(str_of(name)) != strlen(name))
        return err_set(err, ERR_INPUT, "a table has no usable name");
    if (import->staged_count >= STORE_LIMIT_TABLES)
        return err_set(err, ERR_LIMIT, "a version holds at most %d tables", STORE_LIMIT_TABLES);
    for (const char *c = name; *c != '\0'; c++)
        buf_putc(&lower, *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c);
    TRY(buf_check(&lower, err));
    if (json_object_get(import->names, buf_text(&lower)) != NULL)
        return err_set(err, ERR_INPUT, "two tables are named %.200s", name);
    json_put_flag(import->names, buf_text(&lower), true, &ok);
    return json_built(ok, err);
}

static enum err_code stage_object(struct store_import *import, char **ret, struct err *err)
{
    char name[40], path[FILE_PATH_BYTES];
    if (import->staged_count == import->staged_cap) {
        size_t wanted = import->staged_cap == 0 ? 16 : 2 * import->staged_cap;
        char **grown = mem_resize(import->staged, wanted, sizeof *grown);
        if (grown == NULL)
            return err_set(err, ERR_MEMORY, "no memory to import");
        import->staged = grown;
        import->staged_cap = wanted;
    }
    (void)snprintf(name, sizeof name, "objects/%zu", import->staged_count);
    TRY(file_path_join(import->staging.path, name, path, err));
    TRY(file_make_directory(path, err));
    *ret = mem_strdup(path);
    if (*ret == NULL)
        return err_set(err, ERR_MEMORY, "no memory to import");
    import->staged[import->staged_count++] = *ret;
    return ERR_OK;
}

/* A stack is one job, at its first source's place. */
static size_t list_jobs(struct pool *pool, const struct data_source *const *sources,
                        const struct store_stacking *stacking)
{
    size_t count = 0;
    for (size_t i = 0; i < pool->source_count; i++) {
        struct store_stack *stack = stacking->of[i];
        if (stack != NULL && stack->listed)
            continue;
        pool->jobs[count++] =
            (struct job){.source = stack != NULL ? &stack->source : sources[i], .stack = stack};
        if (stack != NULL)
            stack->listed = true;
    }
    return count;
}

static enum err_code make_jobs(struct pool *pool, struct err *err)
{
    for (size_t i = 0; i < pool->count; i++) {
        struct job *job = &pool->jobs[i];
        wire_progress(pool, job);
        TRY(take_name(pool->import, job->source->name, err));
        TRY(stage_object(pool->import, &job->directory, err));
        pool->order[i] = i;
    }
    sort_jobs(pool);
    return ERR_OK;
}

static enum err_code take_entries(struct pool *pool, struct err *err)
{
    bool ok = true;
    if (pool->failed < pool->count) {
        if (err != NULL)
            *err = pool->err;
        return pool->err.code;
    }
    for (size_t i = 0; i < pool->count; i++) {
        json_push(pool->import->tables, json_incref(pool->jobs[i].entry), &ok);
        pool->import->bytes_in += pool->jobs[i].source->bytes;
    }
    return json_built(ok, err);
}

static enum err_code suggest_stacks(const struct pool *pool, const struct store_stacking *stacking,
                                    const struct data_source *const *sources, struct err *err)
{
    AUTO(mem_free) json_t **entries = mem_zalloc(pool->source_count + 1, sizeof *entries);
    size_t job = 0;
    if (entries == NULL)
        return err_set(err, ERR_MEMORY, "no memory to import");
    for (size_t i = 0; i < pool->source_count; i++) {
        while (stacking->of[i] == NULL && pool->jobs[job].stack != NULL)
            job++;
        if (stacking->of[i] == NULL)
            entries[i] = pool->jobs[job++].entry;
    }
    return store_stack_suggest(stacking, sources, pool->source_count, entries, err);
}

static enum err_code load_jobs(struct pool *pool, const struct data_source *const *sources,
                               struct err *err)
{
    struct store_stacking stacking = {0};
    enum err_code code =
        store_stack_plan(pool->import, sources, pool->source_count, &stacking, err);
    if (code == ERR_OK) {
        pool->count = pool->back = pool->failed = list_jobs(pool, sources, &stacking);
        code = make_jobs(pool, err);
    }
    if (code == ERR_OK)
        code = run_pool(pool, err);
    if (code == ERR_OK)
        code = take_entries(pool, err);
    if (code == ERR_OK)
        code = suggest_stacks(pool, &stacking, sources, err);
    store_stacking_done(&stacking);
    return code;
}

enum err_code store_import_tables(struct store_import *import,
                                  const struct data_source *const *sources, size_t count,
                                  struct err *err)
{
    AUTO(mem_free) struct job *jobs = mem_zalloc(count + 1, sizeof *jobs);
    AUTO(mem_free) size_t *order = mem_zalloc(count + 1, sizeof *order);
    struct pool pool = {.import = import, .jobs = jobs, .source_count = count, .order = order};
    size_t before = import->staged_count;
    if (jobs == NULL || order == NULL)
        return err_set(err, ERR_MEMORY, "no memory to import");
    enum err_code code = count == 0 ? ERR_OK : load_jobs(&pool, sources, err);
    for (size_t i = 0; i < pool.count; i++)
        json_decref(jobs[i].entry);
    if (code == ERR_OK)
        return ERR_OK;
    import->load_failed = true; /* the tables are no part of the import; their folders go */
    while (import->staged_count > before) {
        char *directory = import->staged[--import->staged_count];
        (void)!file_remove_tree(directory, ERR_IGNORED);
        mem_free(directory);
    }
    return code;
}

enum err_code store_import_table(struct store_import *import, const struct data_source *source,
                                 struct err *err)
{
    return store_import_tables(import, &source, 1, err);
}
