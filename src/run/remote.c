/* A plan run and kept on a server: the rows stay there, the manifest is published here.
 *
 *   pushed tables ──SQL of the server's dialect──▶ run_0123456789abcdef [_2 …] (uncommitted, or
 * under a staging name) ──read back──▶ marrow_result, here: counted, hashed, checked like rows that
 * were computed here ──COMMIT or RENAME──▶ visible ──▶ manifest published, last
 *
 * Row for row the same path as at home: the invariants run on the rows that the server gave,
 * against the raw tables of the store. A row wider than the server can store is cut into tables
 * that share the sort columns. Whatever fails, no manifest is published and nothing half is
 * visible; a table without a manifest is replaced by the next run. */
#include "plan/rewrite.h"
#include "run/server.h"
#include "run/split.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SLICE "marrow_slice"

struct slice { /* columns of the plan: the sort columns, then first … first + count - 1 */
    size_t first, count;
    char table[64], staged[96];
};
struct remote {
    struct run_work *work;
    struct run_server server;
    struct plan *over;
    const struct plan_rel *plan; /* to be lowered for the server */
    struct run_split split;
    struct slice *slices;
    size_t slice_count;
    struct buf sql; /* all that ran */
};

static void remote_done(struct remote *remote)
{
    run_split_done(&remote->split);
    run_server_done(&remote->server);
    plan_free(remote->over);
    mem_free(remote->slices);
    buf_done(&remote->sql);
}

/* ---- columns that fit in a row ------------------------------------------------------------------
 */

/* PostgreSQL: a row without its long values takes at most 8,160 bytes and 1,600 columns. */
#define ROW_BYTES 7800
#define ROW_COLUMNS 1500

static size_t stored_bytes(struct data_type type)
{
    bool fixed = type.kind == DATA_BOOLEAN || type.kind == DATA_BIGINT ||
                 type.kind == DATA_DOUBLE || type.kind == DATA_DATE || type.kind == DATA_TIME ||
                 type.kind == DATA_TIMESTAMP || type.kind == DATA_TIMESTAMPTZ;
    return fixed ? 8 : 22;
}

static bool is_sort(const struct run_request *request, const char *name)
{
    for (size_t i = 0; i < request->sort_count; i++)
        if (str_equal_nocase(str_of(request->sort_columns[i]), str_of(name)))
            return true;
    return false;
}

static void name_slice(const struct remote *remote, struct slice *slice, size_t number)
{
    char suffix[24] = "";
    if (number > 1)
        (void)snprintf(suffix, sizeof suffix, "_%zu", number);
    (void)snprintf(slice->table, sizeof slice->table, "run_%.16s%s", remote->work->result->run_id,
                   suffix);
    run_server_staging(&remote->server, slice->table, slice->staged, sizeof slice->staged);
}

static enum err_code cut_slices(struct remote *remote, struct err *err)
{
    const struct run_request *request = remote->work->request;
    const struct plan_rel *plan = request->plan;
    size_t shared = 0, bytes = ROW_BYTES, columns = ROW_COLUMNS;
    remote->slices = mem_zalloc(plan->column_count + 1, sizeof *remote->slices);
    if (remote->slices == NULL)
        return err_set(err, ERR_MEMORY, "no memory to run a plan");
    for (size_t i = 0; i < plan->column_count; i++)
        if (is_sort(request, plan->columns[i].name))
            shared += stored_bytes(plan->columns[i].type);
    for (size_t i = 0; i < plan->column_count; i++) {
        size_t width =
            is_sort(request, plan->columns[i].name) ? 0 : stored_bytes(plan->columns[i].type);
        if (bytes + width > ROW_BYTES || columns == ROW_COLUMNS) {
            struct slice *slice = &remote->slices[remote->slice_count++];
            slice->first = i;
            name_slice(remote, slice, remote->slice_count);
            bytes = shared;
            columns = request->sort_count;
        }
        bytes += width;
        columns++;
        remote->slices[remote->slice_count - 1].count++;
    }
    if (remote->slice_count > 1 && request->sort_count == 0)
        return err_set(
            err, ERR_LIMIT,
            "a row of %zu columns is too wide for the server, and the plan states no key "
            "to part it by",
            plan->column_count);
    return ERR_OK;
}

/* Is the column in the slice? The first has its own only; the others the sort columns too. */
static bool in_slice(const struct remote *remote, const struct slice *slice, size_t column)
{
    bool own = column >= slice->first && column < slice->first + slice->count;
    return own || is_sort(remote->work->request, remote->work->request->plan->columns[column].name);
}

static enum err_code slice_schema(const struct remote *remote, const struct slice *slice,
                                  struct data_schema *ret, struct err *err)
{
    const struct plan_rel *plan = remote->work->request->plan;
    for (size_t i = 0; i < plan->column_count; i++)
        if (in_slice(remote, slice, i))
            TRY(data_schema_add(ret, str_of(plan->columns[i].name), plan->columns[i].type, err));
    return ERR_OK;
}

static void auto_schema_done(struct data_schema *schema)
{
    data_schema_done(schema);
}
#define AUTO_SCHEMA __attribute__((cleanup(auto_schema_done))) struct data_schema

/* The plan's columns of one slice, as SQL of the server. */
static enum err_code slice_sql(struct remote *remote, const struct slice *slice, struct buf *ret,
                               struct err *err)
{
    const struct plan_rel *plan = remote->plan;
    struct dialect_options options = {run_server_table, &remote->server};
    AUTO(plan_free) struct plan *over = plan_new_over(plan);
    const struct plan_rel *root = plan;
    if (over == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan");
    if (remote->slice_count > 1) {
        struct plan_named *outputs = plan_named_array(over, plan->column_count);
        size_t count = 0;
        for (size_t i = 0; outputs != NULL && i < plan->column_count; i++)
            if (in_slice(remote, slice, i))
                outputs[count++] = (struct plan_named){
                    plan->columns[i].name, plan_column(over, plan, plan->columns[i].name)};
        root = outputs == NULL ? NULL : plan_project(over, plan, outputs, count);
    }
    TRY(plan_finish(over, root, err));
    return run_compile_for(engine_dialect(remote->server.engine), root, &options, ret, err);
}

/* ---- there --------------------------------------------------------------------------------------
 */

static enum err_code check_pushed(struct remote *remote, struct err *err)
{
    const char **tables = NULL;
    const char *missing = NULL;
    size_t count = 0;
    TRY(plan_tables(remote->work->request->plan, &tables, &count, err));
    for (size_t i = 0; i < count && missing == NULL; i++)
        if (!run_server_has(&remote->server, tables[i]))
            missing = tables[i];
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count && missing == NULL && code == ERR_OK; i++)
        code = run_place_check(&remote->server, remote->work->version, tables[i], err);
    mem_free(tables);
    if (missing == NULL)
        return code;
    err_set(err, ERR_NOT_FOUND, "table %.200s of version %.12s is not on the server", missing,
            store_version_id(remote->work->version));
    return err_hint(err, "marrow push %s --engine URL",
                    store_version_dataset(remote->work->version));
}

/* With transactions: a table with declared types, filled. Else one made with its rows, under a name
 * that nobody looks for. */
static enum err_code make_table(struct remote *remote, const struct slice *slice,
                                const struct data_schema *columns, struct err *err)
{
    AUTO(buf_done) struct buf select = BUF_INIT, sql = BUF_INIT;
    struct run_server *server = &remote->server;
    TRY(slice_sql(remote, slice, &select, err));
    buf_add_str(&remote->sql, buf_view(&select));
    TRY(run_server_drop(server, slice->staged, err));
    if (run_server_transacts(server)) {
        TRY(run_server_create(server, slice->staged, columns, err));
        buf_puts(&sql, "INSERT INTO ");
        run_server_table(server, slice->staged, &sql);
        buf_putc(&sql, '\n');
    } else {
        buf_puts(&sql, "CREATE TABLE ");
        run_server_table(server, slice->staged, &sql);
        buf_puts(&sql, " AS\n");
    }
    buf_add_str(&sql, buf_view(&select));
    TRY(buf_check(&sql, err));
    return engine_execute(server->engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code fetch_table(struct remote *remote, const struct slice *slice, size_t number,
                                 const struct data_schema *columns, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    char temporary[40];
    (void)snprintf(temporary, sizeof temporary, SLICE "_%zu", number);
    buf_puts(&sql, "SELECT * FROM ");
    run_server_table(&remote->server, slice->staged, &sql);
    TRY(buf_check(&sql, err));
    return run_server_fetch(&remote->server, buf_text(&sql), temporary, columns, err);
}

/* marrow_result: the slices side by side, in the plan's order of columns. */
static enum err_code make_result_view(struct remote *remote, struct err *err)
{
    const struct run_request *request = remote->work->request;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE OR REPLACE TEMP VIEW " RUN_RESULT_VIEW " AS SELECT ");
    for (size_t s = 0; s < remote->slice_count; s++)
        for (size_t i = 0; i < remote->slices[s].count; i++) {
            const char *name = request->plan->columns[remote->slices[s].first + i].name;
            buf_printf(&sql, "%ss%zu.", s + i == 0 ? "" : ", ", is_sort(request, name) ? 1 : s + 1);
            engine_quote_identifier(&sql, str_of(name));
        }
    buf_puts(&sql, " FROM " SLICE "_1 AS s1");
    for (size_t s = 1; s < remote->slice_count; s++) {
        buf_printf(&sql, " JOIN " SLICE "_%zu AS s%zu ON ", s + 1, s + 1);
        for (size_t k = 0; k < request->sort_count; k++) {
            buf_printf(&sql, "%ss1.", k == 0 ? "" : " AND ");
            engine_quote_identifier(&sql, str_of(request->sort_columns[k]));
            buf_printf(&sql, " IS NOT DISTINCT FROM s%zu.", s + 1);
            engine_quote_identifier(&sql, str_of(request->sort_columns[k]));
        }
    }
    TRY(buf_check(&sql, err));
    return engine_execute(remote->server.local, buf_text(&sql), NULL, 0, err);
}

/* Where the plan was cut for what the server lacks, its rows were finished here: they are loaded.
 */
static enum err_code load_result(struct remote *remote, const struct slice *slice,
                                 const struct data_schema *columns, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    for (size_t i = 0; i < columns->count; i++) {
        buf_puts(&sql, i == 0 ? "SELECT " : ", ");
        engine_quote_identifier(&sql, str_of(columns->columns[i].name));
    }
    buf_puts(&sql, " FROM " RUN_SPLIT_RESULT);
    TRY(buf_check(&sql, err));
    TRY(run_server_drop(&remote->server, slice->staged, err));
    return run_server_load(&remote->server, slice->staged, slice->table, buf_text(&sql), columns,
                           remote->work->request->name, 0, err);
}

static enum err_code make_tables(struct remote *remote, struct err *err)
{
    for (size_t s = 0; s < remote->slice_count; s++) {
        AUTO_SCHEMA columns = {0};
        TRY(slice_schema(remote, &remote->slices[s], &columns, err));
        TRY(remote->split.local != NULL ? load_result(remote, &remote->slices[s], &columns, err)
                                        : make_table(remote, &remote->slices[s], &columns, err));
    }
    remote->work->compute_us += run_lap(&remote->work->since_us);
    for (size_t s = 0; s < remote->slice_count; s++) {
        AUTO_SCHEMA columns = {0};
        TRY(slice_schema(remote, &remote->slices[s], &columns, err));
        TRY(fetch_table(remote, &remote->slices[s], s + 1, &columns, err));
    }
    return make_result_view(remote, err);
}

static enum err_code make_visible(struct remote *remote, struct err *err)
{
    if (run_server_transacts(&remote->server))
        return engine_execute(remote->server.engine, "COMMIT", NULL, 0, err);
    for (size_t s = 0; s < remote->slice_count; s++) {
        TRY(run_server_drop(&remote->server, remote->slices[s].table, err));
        TRY(run_server_rename(&remote->server, remote->slices[s].staged, remote->slices[s].table,
                              err));
    }
    return ERR_OK;
}

/* ---- the manifest -------------------------------------------------------------------------------
 */

static enum err_code complete_manifest(struct remote *remote, json_t *manifest, struct err *err)
{
    bool ok = true;
    json_t *layout = json_object_get(manifest, "layout"), *tables = json_array();
    for (size_t s = 0; s < remote->slice_count; s++)
        json_push_text(tables, remote->slices[s].table, &ok);
    json_put_text(layout, "engine", engine_name(remote->server.engine), &ok);
    json_put_text(layout, "schema", remote->server.schema, &ok);
    json_put_text(layout, "table", remote->slices[0].table, &ok);
    json_put(layout, "tables", tables, &ok);
    json_put_text(manifest, "engine", engine_name(remote->server.engine), &ok);
    json_put_text(manifest, "engine_version", engine_version(remote->server.engine), &ok);
    json_put_text(manifest, "row_hash_rounded", remote->work->row_hash_rounded, &ok);
    if (remote->split.computed_here != NULL)
        json_put(manifest, "computed_by_marrow", json_incref(remote->split.computed_here), &ok);
    return json_built(ok, err);
}

/* ---- one run ------------------------------------------------------------------------------------
 */

static enum err_code prepare(struct remote *remote, struct err *err)
{
    struct run_work *work = remote->work;
    const struct plan_rel *plan = work->request->plan;
    TRY(check_pushed(remote, err));
    remote->over = plan_new_over(plan);
    if (!engine_can(remote->server.engine, ENGINE_HAS_NATIVES))
        TRY(plan_stored_hashes(remote->over, plan, run_server_has_hashes, &remote->server, &plan,
                               err));
    remote->plan = plan;
    TRY(cut_slices(remote, err));
    return run_split_plan(plan, &remote->server, &remote->split, err);
}

/* What attempts left that died. A server may end their statements later than they. */
static enum err_code sweep(struct remote *remote, struct err *err)
{
    for (size_t s = 0; s < remote->slice_count; s++)
        TRY(run_server_sweep(&remote->server, remote->slices[s].table, err));
    return ERR_OK;
}

static enum err_code compute(struct remote *remote, json_t **ret, struct err *err)
{
    struct run_work *work = remote->work;
    TRY(prepare(remote, err));
    work->plan_us += run_lap(&work->since_us);
    engine_set_progress(remote->server.engine, remote->server.progress, "compute",
                        work->request->name);
    TRY(run_server_begin(&remote->server, err));
    TRY(sweep(remote, err));
    TRY(run_split_run(&remote->split, &remote->server, &remote->sql, err));
    TRY(make_tables(remote, err));
    TRY(run_measure_view(work, err));
    TRY(run_round_view(work, err));
    TRY(run_attach_tables(work, err));
    work->attach_us = run_lap(&work->since_us);
    TRY(store_run_stage(work->store, work->staged, err));
    TRY(run_write_plan(work, engine_dialect(remote->server.engine), buf_text(&remote->sql), err));
    TRY(run_manifest_make(work, ret, err));
    TRY(complete_manifest(remote, *ret, err));
    if (work->request->check != NULL)
        TRY(work->request->check(work->request->user, work->engine, *ret, err));
    TRY(store_version_still(work->version, err)); /* files that the server read in place */
    work->check_us = run_lap(&work->since_us);
    return run_put_phases(work, *ret, err);
}

static enum err_code compute_and_publish(struct remote *remote, const json_t *stored,
                                         struct err *err)
{
    struct run_work *work = remote->work;
    json_t *manifest = NULL;
    bool existed = false;
    enum err_code code = compute(remote, &manifest, err);
    JSON_AUTO owned = manifest;
    if (code == ERR_OK && stored != NULL && json_int(stored, "row_count", -1) != work->row_count)
        code = err_set(err, ERR_INTEGRITY,
                       "computed again, run %.12s differs: %" PRId64 " rows stored, %" PRId64
                       " rows now",
                       work->result->run_id, json_int(stored, "row_count", -1), work->row_count);
    if (code == ERR_OK)
        code = make_visible(remote, err);
    if (code != ERR_OK) {
        const char *staged[64];
        size_t count = 0;
        for (; count < remote->slice_count && count < sizeof staged / sizeof *staged; count++)
            staged[count] = remote->slices[count].staged;
        run_server_undo(&remote->server, staged, count);
        return code;
    }
    TRY(store_run_publish(work->store, store_version_dataset(work->version), work->result->run_id,
                          work->staged, owned, &existed, err));
    if (!run_server_transacts(&remote->server) &&
        run_server_look(&remote->server, ERR_IGNORED) == ERR_OK)
        (void)!sweep(remote, ERR_IGNORED);
    work->staged[0] = '\0';
    work->result->reused = stored != NULL;
    return store_run_read(work->store, store_version_dataset(work->version), work->result->run_id,
                          &work->result->manifest, err);
}

/* Found means: the manifest here, and all its tables there. */
static bool still_there(const struct run_server *server, const json_t *stored)
{
    const json_t *tables = json_object_get(json_object_get(stored, "layout"), "tables");
    bool there = json_array_size(tables) > 0;
    for (size_t i = 0; i < json_array_size(tables); i++)
        there = there && run_server_has(server, json_string_value(json_array_get(tables, i)));
    return there;
}

enum err_code run_remote(struct run_work *work, const struct engine_options *options,
                         json_t *stored, struct err *err)
{
    struct remote remote = {.work = work};
    enum err_code code = run_server_open(options, work->version, &remote.server, err);
    if (code == ERR_OK && stored != NULL && !work->request->force &&
        still_there(&remote.server, stored)) {
        work->result->reused = true;
        work->result->manifest = json_incref(stored);
    } else if (code == ERR_OK) {
        work->engine = remote.server.local;
        code = compute_and_publish(&remote, stored, err);
        work->engine = NULL;
    }
    remote_done(&remote);
    return code;
}
