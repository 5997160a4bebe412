/* Materialise: find the run by its id or compute, check and publish it.
 *
 *   request ──id──▶ published? ──yes──▶ manifest (no engine opened)
 *                       │ no (or --force)
 *                       ▼
 *   open engine, attach what the plan scans ▶ COPY into staging ▶ measure ▶ check invariants ▶
 * publish (fsync, hash, rename)
 *
 * A failure at any step removes the staging and leaves the store as before. --force computes beside
 * the stored run, compares row count and row hash, and never overwrites. */
#include "run/server.h"

#include <inttypes.h>
#include <string.h>

void run_result_done(struct run_result *result)
{
    if (result == NULL)
        return;
    json_decref(result->manifest);
    result->manifest = NULL;
}

enum err_code run_sql(const struct run_request *request, struct buf *ret, struct err *err)
{
    return run_compile(request->plan, ret, err);
}

int64_t run_lap(int64_t *since_us)
{
    int64_t now = clock_monotonic_us(), spent = now - *since_us;
    *since_us = now;
    return spent;
}

enum err_code run_attach_tables(struct run_work *work, struct err *err)
{
    const char **tables = NULL;
    size_t count = 0;
    JSON_AUTO said = NULL;
    TRY(plan_scan_options(work->request->plan, &said, err));
    TRY(store_version_set_options(work->version, said, err));
    TRY(plan_tables(work->request->plan, &tables, &count, err));
    enum err_code code =
        work->request->attach != NULL
            ? work->request->attach(work->request->user, work->engine, tables, count, err)
            : store_version_attach(work->version, work->engine, tables, count, err);
    mem_free(tables);
    return code;
}

static enum err_code schema_json(struct run_work *work, json_t **ret, struct err *err)
{
    bool ok = true;
    *ret = json_array();
    for (size_t i = 0; i < work->request->plan->column_count; i++) {
        char type[32];
        json_t *column = json_object();
        json_put_text(column, "name", work->request->plan->columns[i].name, &ok);
        json_put_text(column, "type", data_type_text(work->request->plan->columns[i].type, type),
                      &ok);
        json_push(*ret, column, &ok);
    }
    return json_built(ok, err);
}

static json_t *layout_json(const struct run_request *request, bool *ok)
{
    json_t *layout = json_object(), *sort = json_array();
    json_put_text(layout, "kind",
                  request->engine_url != NULL      ? "table"
                  : request->bucket_column != NULL ? "buckets"
                                                   : "file",
                  ok);
    if (request->engine_url != NULL) {
        char url[RUN_SERVER_URL_BYTES];
        run_url_public(request->engine_url, url);
        json_put_text(layout, "url", url, ok);
    } else if (request->bucket_column != NULL) {
        json_put_text(layout, "bucket_column", request->bucket_column, ok);
        json_put_int(layout, "buckets", request->buckets, ok);
        json_put_text(layout, "hash", "xxh3-64 seed 0", ok);
    }
    for (size_t i = 0; i < request->sort_count; i++)
        json_push_text(sort, request->sort_columns[i], ok);
    json_put(layout, "sort", sort, ok);
    return layout;
}

static json_t *phases_json(const struct run_work *work, bool *ok)
{
    json_t *phases = json_object();
    json_put_int(phases, "plan_us", work->plan_us, ok);
    json_put_int(phases, "attach_us", work->attach_us, ok);
    json_put_int(phases, "compute_us", work->compute_us, ok);
    json_put_int(phases, "check_us", work->check_us, ok);
    return phases;
}

enum err_code run_put_phases(const struct run_work *work, json_t *manifest, struct err *err)
{
    bool ok = true;
    json_put(manifest, "phases", phases_json(work, &ok), &ok);
    return json_built(ok, err);
}

/* What the work could take of the machine; 0 of threads, memory and spill: the engine's default. */
static json_t *runtime_json(const struct engine_options *options, bool *ok)
{
    json_t *runtime = json_object();
    json_put_int(runtime, "threads", options->threads, ok);
    json_put_int(runtime, "memory_bytes", options->memory_bytes, ok);
    json_put_text(runtime, "spill_directory", options->spill_directory, ok);
    json_put_int(runtime, "spill_bytes", options->spill_bytes, ok);
    json_put_int(runtime, "batch_rows", DATA_BATCH_ROWS, ok);
    return runtime;
}

static int64_t rows_in(const struct run_work *work)
{
    const char **tables = NULL;
    size_t count = 0;
    int64_t rows = 0;
    if (plan_tables(work->request->plan, &tables, &count, ERR_IGNORED) != ERR_OK)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const struct store_table *table = store_version_table_find(work->version, tables[i]);
        rows += table != NULL ? table->rows : 0;
    }
    mem_free(tables);
    return rows;
}

enum err_code run_manifest_make(struct run_work *work, json_t **ret, struct err *err)
{
    const struct run_request *request = work->request;
    json_t *schema = NULL;
    enum err_code code = schema_json(work, &schema, err);
    bool ok = code == ERR_OK;
    char now[32];
    json_t *manifest = json_object();
    json_put_int(manifest, "format", RUN_FORMAT_VERSION, &ok);
    json_put_text(manifest, "kind", request->kind, &ok);
    json_put_text(manifest, "name", request->name, &ok);
    json_put_text(manifest, "run_id", work->result->run_id, &ok);
    json_put_text(manifest, "signature", work->result->signature, &ok);
    json_put_text(manifest, "dataset", store_version_dataset(work->version), &ok);
    json_put_text(manifest, "version", store_version_id(work->version), &ok);
    json_put_text(manifest, "engine", engine_name(work->engine), &ok);
    json_put_text(manifest, "engine_version", engine_version(work->engine), &ok);
    json_put_text(manifest, "materialised_at", clock_format(clock_now_us(), now), &ok);
    json_put(manifest, "layout", layout_json(request, &ok), &ok);
    json_put(manifest, "schema", schema, &ok);
    json_put_int(manifest, "rows_in", rows_in(work), &ok);
    json_put_int(manifest, "row_count", work->row_count, &ok);
    json_put_text(manifest, "row_hash", work->row_hash, &ok);
    json_put(manifest, "phases", phases_json(work, &ok), &ok);
    json_put(manifest, "runtime", runtime_json(work->options, &ok), &ok);
    if (request->extra != NULL && json_object_update(manifest, request->extra) != 0)
        ok = false;
    *ret = manifest;
    return code != ERR_OK ? code : json_built(ok, err);
}

/* plan.json: the plan as given and the SQL that ran. Apart from the manifest, which stays small: it
 * is read at every reuse. */
enum err_code run_write_plan(struct run_work *work, const char *dialect, const char *sql,
                             struct err *err)
{
    char path[FILE_PATH_BYTES];
    json_t *plan = NULL;
    bool ok = true;
    AUTO(buf_done) struct buf text = BUF_INIT;
    TRY(plan_to_json(work->request->plan, &plan, err));
    JSON_AUTO document = json_object();
    json_put_text(document, "signature", work->result->signature, &ok);
    json_put_text(document, "dialect", dialect, &ok);
    json_put_text(document, "sql", sql, &ok);
    json_put(document, "plan", plan, &ok);
    TRY(json_built(ok, err));
    TRY(json_pretty(document, &text, err));
    TRY(file_path_join(work->staged, RUN_PLAN_FILE, path, err));
    return file_write_new(path, buf_view(&text), err);
}

/* The plan's SQL, or the rows that are there already. */
static enum err_code write_rows(struct run_work *work, const char *sql, struct err *err)
{
    AUTO(buf_done) struct buf select = BUF_INIT;
    if (work->request->rows_table == NULL)
        return run_write(work, sql, err);
    buf_puts(&select, "SELECT * FROM ");
    engine_quote_identifier(&select, str_of(work->request->rows_table));
    TRY(buf_check(&select, err));
    return run_write(work, buf_text(&select), err);
}

/* Stage, compute, measure, check. On success *ret is the manifest to publish. */
static enum err_code compute(struct run_work *work, json_t **ret, struct err *err)
{
    work->since_us = clock_monotonic_us();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    TRY(run_compile(work->request->plan, &sql, err));
    work->plan_us += run_lap(&work->since_us);
    if (work->request->rows_table == NULL)
        TRY(run_attach_tables(work, err));
    work->attach_us = run_lap(&work->since_us);
    TRY(store_run_stage(work->store, work->staged, err));
    TRY(write_rows(work, buf_text(&sql), err));
    work->compute_us = run_lap(&work->since_us);
    TRY(run_measure(work, err));
    TRY(run_write_plan(work, engine_dialect(work->engine), buf_text(&sql), err));
    TRY(run_manifest_make(work, ret, err));
    if (work->request->check != NULL)
        TRY(work->request->check(work->request->user, work->engine, *ret, err));
    TRY(store_version_still(work->version, err)); /* files outside the store, read to here */
    work->check_us = run_lap(&work->since_us);
    return run_put_phases(work, *ret, err);
}

/* --force: the stored run and the new rows must be equal. */
static enum err_code compare(const struct run_work *work, const json_t *stored, struct err *err)
{
    if (json_int(stored, "row_count", -1) == work->row_count &&
        strcmp(json_text(stored, "row_hash", ""), work->row_hash) == 0)
        return ERR_OK;
    err_set(err, ERR_INTEGRITY,
            "computed again, run %.12s differs: %" PRId64 " rows stored, %" PRId64 " rows now",
            work->result->run_id, json_int(stored, "row_count", -1), work->row_count);
    return err_hint(err, "the stored run was left as it is; run 'marrow verify' and report this");
}

/* The engine lets go of the staged files. */
static enum err_code let_go(struct run_work *work, struct err *err)
{
    if (work->request->engine != NULL)
        return engine_execute(work->engine, "DROP VIEW IF EXISTS " RUN_RESULT_VIEW, NULL, 0, err);
    engine_close(work->engine);
    work->engine = NULL;
    return ERR_OK;
}

static enum err_code compute_and_publish(struct run_work *work, const json_t *stored,
                                         struct err *err)
{
    json_t *manifest = NULL;
    enum err_code code = compute(work, &manifest, err);
    JSON_AUTO owned = manifest;
    TRY(code);
    if (stored != NULL) {
        TRY(compare(work, stored, err));
        TRY(file_remove_tree(work->staged, err));
        work->staged[0] = '\0';
        work->result->reused = true;
        return store_run_read(work->store, store_version_dataset(work->version),
                              work->result->run_id, &work->result->manifest, err);
    }
    bool existed = false;
    TRY(let_go(work, err));
    TRY(store_run_publish(work->store, store_version_dataset(work->version), work->result->run_id,
                          work->staged, owned, &existed, err));
    work->staged[0] = '\0';
    work->result->reused = existed;
    return store_run_read(work->store, store_version_dataset(work->version), work->result->run_id,
                          &work->result->manifest, err);
}

/* Rows of files that stand outside the store are no answer any more once those have changed. */
static enum err_code check_available(struct run_work *work, struct err *err)
{
    const char **tables = NULL;
    size_t count = 0, known = 0;
    TRY(plan_tables(work->request->plan, &tables, &count, err));
    for (size_t i = 0; i < count; i++)
        if (store_version_table_find(work->version, tables[i]) != NULL)
            tables[known++] = tables[i];
    enum err_code code =
        known == 0 ? ERR_OK : store_version_available(work->version, tables, known, err);
    mem_free(tables);
    return code;
}

static enum err_code reuse(struct run_work *work, json_t *stored, struct err *err)
{
    char directory[FILE_PATH_BYTES];
    TRY(check_available(work, err));
    TRY(store_run_path(work->store, store_version_dataset(work->version), work->result->run_id,
                       directory, err));
    TRY(run_check_sizes(json_object_get(stored, "files"), directory, err));
    work->result->reused = true;
    work->result->manifest = json_incref(stored);
    return ERR_OK;
}

enum err_code run_materialise(struct store *store, struct store_version *version,
                              const struct run_request *request,
                              const struct engine_options *engine, struct run_result *ret,
                              struct err *err)
{
    struct run_request placed = *request;
    struct engine_options options = *engine;
    placed.engine_url = options.url = engine->url != NULL ? engine->url : request->engine_url;
    struct run_work work = {.store = store,
                            .version = version,
                            .request = &placed,
                            .result = ret,
                            .options = &options,
                            .since_us = clock_monotonic_us()};
    memset(ret, 0, sizeof *ret);
    TRY(run_id_of(&placed, version, ret->run_id, ret->signature, err));
    work.plan_us = run_lap(&work.since_us);
    JSON_AUTO stored = NULL;
    enum err_code code =
        store_run_read(store, store_version_dataset(version), ret->run_id, &stored, err);
    if (code == ERR_OK && !request->force && options.url == NULL)
        return reuse(&work, stored, err);
    if (code != ERR_OK && code != ERR_NOT_FOUND)
        return code;
    if (options.url != NULL) {
        code = run_remote(&work, &options, stored, err);
    } else {
        work.engine = request->engine;
        code = work.engine != NULL ? ERR_OK : engine_open(&options, &work.engine, err);
        code = code != ERR_OK ? code : compute_and_publish(&work, stored, err);
    }
    if (work.engine != request->engine)
        engine_close(work.engine);
    if (work.staged[0] != '\0') {
        struct err ignored; /* the first error is the one to tell; the sweep at the next open
                               removes what is left */
        enum err_code swept = file_remove_tree(work.staged, &ignored);
        (void)swept;
    }
    return code;
}
