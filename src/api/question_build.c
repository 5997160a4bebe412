/* The value index, made: each source's values are read by its plan, sources side by side.
 *
 *     sources by rows:   most … … … fewest
 *            the caller ─▶ takes here   ▲ helpers take here, each with an engine of one thread
 *     every source: values, rows, patients ─▶ a part of its own      parts in the sources' order ─▶ the index
 *
 * The one idea: a large source keeps the machine busy by itself, a small one is mostly statements; so they are read beside one
 * another, into parts that are put together in the order of the catalogue. The bytes do not depend on who read what. What the
 * version before has of a source (same plan, same objects) is taken over. Workers share the queue and the version, whose tables
 * are attached under the lock, each once an engine. */
#include "api/question_priv.h"

#include "api/plan_priv.h"
#include "dialect/dialect.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define HELPERS_MOST 7
#define HELPER_MEMORY_BYTES (48LL << 20) /* none with less; of a given limit each has an eighth, together at most half */
#define HELPER_MEMORY_SHARE 8
#define ROWS_TO_SHARE 4000000 /* a source of more is read with all threads; of a limited memory helpers take no tenth of it */

struct source_read {
    char key[HASH_HEX_BYTES];
    int64_t rows;  /* of its tables */
    size_t before; /* the source of the version before that has the same values; or ASK_SOURCE_NEW */
    struct ask_index_builder *values; /* of this source; NULL: not read */
};
#define ASK_SOURCE_NEW SIZE_MAX
struct build {
    struct api *api;
    struct api_asked *asked;
    pthread_mutex_t mutex; /* guards what follows, and the version */
    struct source_read *sources;
    size_t count;
    size_t *order;      /* sources to be read, most rows first */
    size_t front, back; /* order[front…back) is not taken yet */
    size_t done;
    int64_t helper_rows; /* a helper takes no source of more */
    size_t failed;      /* lowest source that failed; count: none */
    struct err err;     /* of it */
};
struct seat { /* an engine, and which of the version's tables it has */
    struct engine_options options;
    struct engine *engine;
    bool *attached;
};
struct worker {
    struct build *build;
    struct seat one, all; /* of one thread; of all, for large sources: the caller's alone */
    struct progress quiet;
    pthread_t thread;
    bool started;
};

/* ---- what is to be read ------------------------------------------------------------------------ */

/* What a source's values depend on: its plan, and the content of the tables that it reads. */
static enum err_code source_key(const struct api_asked *asked, const struct plan_rel *root, struct source_read *source,
                                struct err *err)
{
    AUTO(mem_free) const char **tables = NULL;
    AUTO(buf_done) struct buf key = BUF_INIT;
    char signature[65];
    size_t count = 0;
    TRY(plan_signature(root, signature, err));
    TRY(plan_tables(root, &tables, &count, err));
    buf_printf(&key, "marrow-source %d %s", ASK_FORMAT_VERSION, signature);
    for (size_t i = 0; i < count; i++) {
        const struct store_table *table = store_version_table_find(asked->version, tables[i]);
        buf_printf(&key, " %s", table != NULL ? table->hash : "");
        source->rows += table != NULL ? table->rows : 0;
    }
    TRY(buf_check(&key, err));
    hash_sha256_of(buf_text(&key), key.len, source->key);
    return ERR_OK;
}

static size_t find_before(const struct api_asked *before, const char *key)
{
    for (size_t i = 0; before != NULL && i < json_array_size(before->keys); i++)
        if (strcmp(json_string_value(json_array_get(before->keys, i)), key) == 0)
            return i;
    return ASK_SOURCE_NEW;
}

static enum err_code list_sources(struct build *b, const struct api_asked *before, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; i < b->count; i++) {
        AUTO(plan_free) struct plan *plan = plan_new();
        const struct plan_rel *root = NULL;
        if (plan == NULL)
            return err_set(err, ERR_MEMORY, "no memory for a plan");
        TRY(ask_source_plan(b->asked->catalogue, i, plan, &root, err));
        TRY(source_key(b->asked, root, &b->sources[i], err));
        json_push_text(b->asked->keys, b->sources[i].key, &ok);
        b->sources[i].before = find_before(before, b->sources[i].key);
        if (b->sources[i].before != ASK_SOURCE_NEW) {
            b->asked->taken++;
            continue;
        }
        size_t at = b->back++; /* most rows first; of equals the earlier source */
        for (; at > 0 && b->sources[b->order[at - 1]].rows < b->sources[i].rows; at--)
            b->order[at] = b->order[at - 1];
        b->order[at] = i;
    }
    return json_built(ok, err);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void leave(struct seat *seat)
{
    engine_close(seat->engine);
    mem_free(seat->attached);
    seat->engine = NULL;
    seat->attached = NULL;
}

static enum err_code attach_once(struct build *b, struct seat *seat, const char *const *tables, size_t count,
                                 struct err *err)
{
    struct store_version *version = b->asked->version;
    enum err_code code = ERR_OK;
    (void)pthread_mutex_lock(&b->mutex);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        size_t idx = 0, tables_there = store_version_table_count(version);
        while (idx < tables_there && store_version_table_find(version, tables[i]) != store_version_table(version, idx))
            idx++;
        if (idx < tables_there && seat->attached[idx])
            continue;
        code = store_version_attach(version, seat->engine, &tables[i], 1, err);
        if (code == ERR_OK && idx < tables_there)
            seat->attached[idx] = true;
    }
    (void)pthread_mutex_unlock(&b->mutex);
    return code;
}

/* The plan's SQL and the seat's engine with its tables. */
static enum err_code prepare(struct build *b, struct seat *seat, const struct plan_rel *root, struct buf *sql,
                             struct err *err)
{
    AUTO(mem_free) const char **tables = NULL;
    const char **params = NULL;
    size_t table_count = 0, count = 0;
    if (seat->engine == NULL) {
        seat->attached = mem_zalloc(store_version_table_count(b->asked->version) + 1, sizeof *seat->attached);
        if (seat->attached == NULL)
            return err_set(err, ERR_MEMORY, "no memory to read values");
        TRY(engine_open(&seat->options, &seat->engine, err));
    }
    TRY(plan_tables(root, &tables, &table_count, err));
    TRY(attach_once(b, seat, tables, table_count, err));
    TRY(api_plan_quick_sql(dialect_find("duckdb"), root, sql, &params, &count, err));
    mem_free(params);
    return ERR_OK;
}

static enum err_code take_rows(struct engine_result *result, size_t source, struct ask_index_builder *values,
                               struct err *err)
{
    const struct data_batch *batch = NULL;
    for (;;) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++)
            if (data_vector_is_valid(&batch->vectors[0], row))
                TRY(ask_index_add(values, source, batch->vectors[0].text[row], batch->vectors[1].i64[row],
                                  batch->vectors[2].i64[row], err));
    }
}

static enum err_code read_source(struct worker *worker, size_t idx, struct err *err)
{
    struct build *b = worker->build;
    struct source_read *source = &b->sources[idx];
    bool large = source->rows >= ROWS_TO_SHARE && worker->all.options.threads != 1;
    struct seat *seat = large ? &worker->all : &worker->one;
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct plan_rel *root = NULL;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    leave(large ? &worker->one : &worker->all); /* the memory and the folder for spilling are one engine's; large ones come first */
    TRY(ask_source_plan(b->asked->catalogue, idx, plan, &root, err));
    TRY(prepare(b, seat, root, &sql, err));
    TRY(engine_query(seat->engine, buf_text(&sql), NULL, 0, &result, err));
    TRY(ask_index_builder_new(&source->values, err));
    return take_rows(result, idx, source->values, err);
}

/* The next source for a worker; ASK_SOURCE_NEW: none is left for it. */
static size_t take_source(struct build *b, bool helper)
{
    size_t idx = ASK_SOURCE_NEW;
    (void)pthread_mutex_lock(&b->mutex);
    if (b->failed == b->count && b->front < b->back) {
        size_t at = helper ? b->back - 1 : b->front;
        if (!helper || b->sources[b->order[at]].rows <= b->helper_rows) {
            idx = b->order[at];
            b->back -= helper;
            b->front += !helper;
        }
    }
    (void)pthread_mutex_unlock(&b->mutex);
    return idx;
}

static void finish_source(struct build *b, size_t idx, enum err_code code, const struct err *err)
{
    (void)pthread_mutex_lock(&b->mutex);
    b->done++;
    if (code != ERR_OK && idx < b->failed) {
        b->failed = idx;
        b->err = *err;
    }
    (void)pthread_mutex_unlock(&b->mutex);
}

/* Only the caller reports; all ask whether to stop. */
static void report(struct build *b)
{
    (void)pthread_mutex_lock(&b->mutex);
    struct progress_event event = {.phase = "indexing",
                                   .subject = "values for questions",
                                   .done = (int64_t)(b->done + b->asked->taken),
                                   .total = (int64_t)b->count,
                                   .unit = "columns"};
    (void)pthread_mutex_unlock(&b->mutex);
    progress_report(b->api->options.progress, &event);
}

static void work(struct worker *worker, bool helper)
{
    struct build *b = worker->build;
    for (size_t idx; (idx = take_source(b, helper)) != ASK_SOURCE_NEW;) {
        struct err err = {0};
        if (!helper)
            report(b);
        enum err_code code = progress_check(b->api->options.progress, &err);
        if (code == ERR_OK)
            code = read_source(worker, idx, &err);
        finish_source(b, idx, code, &err);
    }
}

static void *helper_main(void *user)
{
    work(user, true);
    return NULL;
}

/* The latest moment of all tables with times. */
static enum err_code read_latest(struct worker *worker, int64_t *ret, struct err *err)
{
    struct build *b = worker->build;
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct plan_rel *root = NULL;
    const struct data_batch *batch = NULL;
    *ret = INT64_MIN;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(ask_latest_plan(b->asked->catalogue, plan, &root, err));
    if (root == NULL)
        return ERR_OK;
    TRY(prepare(b, &worker->one, root, &sql, err));
    TRY(engine_query(worker->one.engine, buf_text(&sql), NULL, 0, &result, err));
    TRY(engine_result_next(result, &batch, err));
    if (batch != NULL && batch->rows > 0 && data_vector_is_valid(&batch->vectors[0], 0))
        *ret = batch->vectors[0].i64[0];
    return ERR_OK;
}

/* ---- the workers ------------------------------------------------------------------------------- */

/* How many helpers, and what they leave of a memory limit for the caller. */
static size_t plan_helpers(struct build *b, struct engine_options *first, struct engine_options *helper)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t threads = first->threads > 0 ? first->threads : cores > 0 ? cores : 1;
    size_t most = threads - 1 < HELPERS_MOST ? (size_t)(threads - 1) : HELPERS_MOST;
    *helper = *first;
    helper->threads = 1;
    helper->spill_directory = NULL; /* two engines can't share one */
    b->helper_rows = ROWS_TO_SHARE;
    if (first->memory_bytes > 0) {
        helper->memory_bytes = first->memory_bytes / HELPER_MEMORY_SHARE;
        b->helper_rows = ROWS_TO_SHARE / 10;
        most = most > HELPER_MEMORY_SHARE / 2 ? HELPER_MEMORY_SHARE / 2 : most;
        if (helper->memory_bytes < HELPER_MEMORY_BYTES)
            most = 0;
    }
    size_t wanted = b->back / 4; /* an engine is opened for a few sources, not for one */
    size_t count = wanted < most ? wanted : most;
    first->memory_bytes -= (int64_t)count * helper->memory_bytes;
    return count;
}

static void start_helper(struct worker *worker, struct build *b, const struct engine_options *options)
{
    const struct progress *progress = b->api->options.progress;
    *worker = (struct worker){.build = b, .one = {.options = *options}, .all = {.options = *options}};
    if (progress != NULL)
        worker->quiet = (struct progress){.cancelled = progress->cancelled, .user = progress->user};
    worker->one.options.progress = &worker->quiet;
    worker->started = pthread_create(&worker->thread, NULL, helper_main, worker) == 0;
}

static enum err_code read_all(struct build *b, int64_t *ret_latest, struct err *err)
{
    struct engine_options first = api_engine_options(b->api), helping;
    struct worker helpers[HELPERS_MOST];
    size_t count = plan_helpers(b, &first, &helping);
    struct worker caller = {.build = b, .one = {.options = first}, .all = {.options = first}};
    caller.one.options.threads = 1;
    for (size_t i = 0; i < count; i++)
        start_helper(&helpers[i], b, &helping);
    enum err_code code = read_latest(&caller, ret_latest, err);
    if (code == ERR_OK)
        work(&caller, false);
    else
        finish_source(b, 0, code, err); /* the helpers stop */
    leave(&caller.all);
    leave(&caller.one);
    for (size_t i = 0; i < count; i++) {
        if (helpers[i].started)
            (void)pthread_join(helpers[i].thread, NULL);
        leave(&helpers[i].one);
    }
    if (b->failed < b->count) {
        *err = b->err;
        return b->err.code;
    }
    return code;
}

/* ---- the index --------------------------------------------------------------------------------- */

static enum err_code put_together(struct build *b, const struct api_asked *before, int64_t latest, struct err *err)
{
    AUTO(ask_index_builder_free) struct ask_index_builder *builder = NULL;
    TRY(ask_index_builder_new(&builder, err));
    for (size_t i = 0; i < b->count; i++)
        TRY(b->sources[i].before != ASK_SOURCE_NEW
                ? ask_index_take(builder, i, before->index, b->sources[i].before, err)
                : ask_index_join(builder, b->sources[i].values, err));
    return ask_index_finish(builder, latest, &b->asked->bytes, err);
}

enum err_code api_question_build(struct api *api, struct api_asked *asked, const struct api_asked *before,
                                 struct err *err)
{
    size_t count = ask_source_count(asked->catalogue);
    struct build b = {.api = api, .asked = asked, .count = count, .failed = count};
    int64_t latest = INT64_MIN;
    asked->keys = json_array();
    AUTO(mem_free) struct source_read *sources = mem_zalloc(count + 1, sizeof *sources);
    AUTO(mem_free) size_t *order = mem_zalloc(count + 1, sizeof *order);
    if (asked->keys == NULL || sources == NULL || order == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read values");
    b.sources = sources;
    b.order = order;
    (void)pthread_mutex_init(&b.mutex, NULL);
    enum err_code code = list_sources(&b, before, err);
    if (code == ERR_OK)
        code = read_all(&b, &latest, err);
    if (code == ERR_OK)
        code = put_together(&b, before, latest, err);
    for (size_t i = 0; i < count; i++)
        ask_index_builder_free(sources[i].values);
    (void)pthread_mutex_destroy(&b.mutex);
    return code;
}
