/* A plan's rows as Parquet: one file, or a folder for each value of the partition's columns with a
 * sidecar that says what they are. Staged beside the target, fsynced, renamed.
 *
 *     DIR/_marrow.json                 {signature, dataset, version, partition_by, row_count,
 * schema, files:[{name, bytes, sha256}] …} DIR/sex=F/data_0.parquet …       readers of partitioned
 * data skip names that begin with _ */
#include "api/plan_priv.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIDECAR "_marrow.json"
#define FOLDER_LIMIT_DEPTH 16

struct writing {
    struct api *api;
    const struct api_plan_options *options;
    const char *path;
    char staged[FILE_PATH_BYTES];
    struct api_ready ready;
    json_t *runs; /* {name: run id} that the names meant */
    int64_t rows, bytes;
};

/* ---- before ------------------------------------------------------------------------------------
 */

static enum err_code check_partition(const struct writing *writing, struct err *err)
{
    const struct plan_rel *root = writing->ready.root;
    for (size_t i = 0; i < writing->options->partition_count; i++) {
        const char *name = writing->options->partition_by[i];
        struct nearest nearest = {.asked = name};
        for (size_t c = 0; c < root->column_count; c++)
            nearest_offer(&nearest, root->columns[c].name);
        if (plan_column_find(root, name) >= 0)
            continue;
        err_set(err, ERR_USAGE, "the result has no column '%.100s' to partition by", name);
        return nearest_text(&nearest) != NULL
                   ? err_hint(err, "did you mean '%.100s'?", nearest_text(&nearest))
                   : err_hint(err, "'marrow plan check' lists the result's columns");
    }
    if (writing->options->partition_count > 0 &&
        writing->options->partition_count >= root->column_count)
        return err_set(err, ERR_USAGE, "a partition needs a column that it is not made by");
    return ERR_OK;
}

/* What is there is replaced only when asked, and a folder only when it is one of ours. */
static enum err_code check_target(const struct writing *writing, struct err *err)
{
    char sidecar[FILE_PATH_BYTES];
    if (!file_exists(writing->path))
        return ERR_OK;
    if (!writing->options->overwrite) {
        err_set(err, ERR_INPUT, "'%s' is there already", writing->path);
        return err_hint(err, "give another name, or --overwrite");
    }
    if (writing->options->partition_count == 0)
        return ERR_OK;
    TRY(file_path_join(writing->path, SIDECAR, sidecar, err));
    if (!file_exists(sidecar))
        return err_set(err, ERR_INPUT, "'%s' holds no " SIDECAR ": it is not replaced",
                       writing->path);
    return ERR_OK;
}

/* ---- rows --------------------------------------------------------------------------------------
 */

static enum err_code copy_sql(const struct writing *writing, const char *select, struct buf *sql,
                              struct err *err)
{
    buf_printf(sql, "COPY (\n%s\n) TO ", select);
    engine_quote_literal(sql, str_of(writing->staged));
    buf_puts(sql, " (FORMAT parquet, COMPRESSION zstd");
    for (size_t i = 0; i < writing->options->partition_count; i++) {
        buf_puts(sql, i == 0 ? ", PARTITION_BY (" : ", ");
        engine_quote_identifier(sql, str_of(writing->options->partition_by[i]));
    }
    buf_puts(sql, writing->options->partition_count > 0 ? "))" : ")");
    return buf_check(sql, err);
}

/* COPY answers with the count of its rows. */
static enum err_code run_copy(struct writing *writing, struct engine *engine, const char *sql,
                              const struct engine_value *values, size_t count, struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    TRY(engine_query(engine, sql, values, count, &result, err));
    TRY(engine_result_next(result, &batch, err));
    if (batch != NULL && batch->rows == 1 && batch->columns >= 1)
        writing->rows = batch->vectors[0].i64[0];
    return ERR_OK;
}

static enum err_code attach(struct writing *writing, struct engine *engine, struct err *err)
{
    const char **tables = NULL;
    size_t count = 0;
    struct api_query_marts marts = {.pinned = writing->options->runs, .used = writing->runs, .exact = true};
    TRY(plan_tables(writing->ready.root, &tables, &count, err));
    enum err_code code =
        api_attach_pinned(writing->api, writing->ready.version, engine, tables, count, &marts, err);
    mem_free(tables);
    return code;
}

static enum err_code write_rows(struct writing *writing, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf select = BUF_INIT, sql = BUF_INIT;
    const struct engine_value *values = NULL;
    size_t count = 0;
    struct engine_options options = api_engine_options(writing->api);
    int64_t limit_ms = writing->options->time_limit_ms;
    TRY(api_ready_compile(&writing->ready, &select, &values, &count, err));
    TRY(copy_sql(writing, buf_text(&select), &sql, err));
    TRY(engine_open(&options, &engine, err));
    TRY(attach(writing, engine, err));
    engine_set_time_limit(engine, limit_ms > 0 ? limit_ms : API_QUERY_TIME_LIMIT_MS);
    engine_set_progress(engine, writing->api->options.progress, "write", writing->options->dataset);
    return api_statement_blame(run_copy(writing, engine, buf_text(&sql), values, count, err), err);
}

/* ---- the sidecar -------------------------------------------------------------------------------
 */

static enum err_code list_files(struct writing *writing, const char *below, int depth,
                                json_t *files, struct err *err)
{
    char folder[FILE_PATH_BYTES], path[FILE_PATH_BYTES], name[FILE_PATH_BYTES],
        sha256[HASH_HEX_BYTES];
    struct file_list list = {NULL, 0};
    bool ok = true;
    if (depth > FOLDER_LIMIT_DEPTH)
        return err_set(err, ERR_LIMIT, "the folders are nested more than %d deep",
                       FOLDER_LIMIT_DEPTH);
    TRY(file_path_join(writing->staged, below, folder, err));
    TRY(file_list_directory(folder, &list, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < list.count; i++) {
        struct file_info info;
        int64_t bytes = 0;
        int length = snprintf(name, sizeof name, "%s%s%s", below, below[0] != '\0' ? "/" : "",
                              list.entries[i].name);
        code = length < (int)sizeof name ? file_path_join(writing->staged, name, path, err)
                                         : err_set(err, ERR_LIMIT, "a path is too long");
        if (code == ERR_OK)
            code = file_stat(path, &info, err);
        if (code == ERR_OK && info.kind == FILE_DIRECTORY) {
            code = list_files(writing, name, depth + 1, files, err);
            continue;
        }
        if (code == ERR_OK)
            code = file_sha256(path, sha256, &bytes, err);
        if (code != ERR_OK)
            break;
        json_t *one = json_object();
        json_put_text(one, "name", name, &ok);
        json_put_int(one, "bytes", bytes, &ok);
        json_put_text(one, "sha256", sha256, &ok);
        json_push(files, one, &ok);
        writing->bytes += bytes;
    }
    file_list_done(&list);
    return code != ERR_OK ? code : json_built(ok, err);
}

static enum err_code write_sidecar(struct writing *writing, const struct api_plan *plan,
                                   struct err *err)
{
    JSON_AUTO sidecar = json_deep_copy(writing->ready.about);
    JSON_AUTO check = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    char path[FILE_PATH_BYTES], now[32];
    bool ok = true;
    json_t *files = json_array(), *by = json_array();
    json_put_int(sidecar, "format", 1, &ok);
    json_put_text(sidecar, "made_by", "marrow " MARROW_VERSION, &ok);
    json_put_text(sidecar, "created_at", clock_format(clock_now_us(), now), &ok);
    json_put_text(sidecar, "dataset", writing->options->dataset, &ok);
    json_put_text(sidecar, "version", store_version_id(writing->ready.version), &ok);
    for (size_t i = 0; i < writing->options->partition_count; i++)
        json_push_text(by, writing->options->partition_by[i], &ok);
    json_put(sidecar, "partition_by", by, &ok);
    json_put_int(sidecar, "row_count", writing->rows, &ok);
    json_put(sidecar, "files", files, &ok);
    TRY(json_built(ok, err));
    TRY(api_plan_check(NULL, plan, NULL, NULL, &check, err));
    json_put(sidecar, "schema", json_incref(json_object_get(check, "columns")), &ok);
    TRY(list_files(writing, "", 0, files, err));
    TRY(json_pretty(sidecar, &text, err));
    TRY(file_path_join(writing->staged, SIDECAR, path, err));
    return file_write_new(path, buf_view(&text), err);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static enum err_code publish(struct writing *writing, const struct api_plan *plan, struct err *err)
{
    struct file_info info;
    bool folder = writing->options->partition_count > 0, existed = false;
    if (folder && !file_exists(writing->staged)) /* no rows: an empty folder */
        TRY(file_make_directory(writing->staged, err));
    if (folder) {
        TRY(write_sidecar(writing, plan, err));
        TRY(file_fsync_tree(writing->staged, err));
    } else {
        TRY(file_stat(writing->staged, &info, err));
        writing->bytes = info.bytes;
        TRY(file_fsync(writing->staged, err));
    }
    if (writing->options->overwrite)
        TRY(file_remove_tree(writing->path, err));
    TRY(file_publish(writing->staged, writing->path, &existed, err));
    if (existed)
        return err_set(err, ERR_INPUT, "'%s' was made by another program meanwhile", writing->path);
    return ERR_OK;
}

static enum err_code write_plan(struct writing *writing, const struct api_plan *plan,
                                struct err *err)
{
    int length = snprintf(writing->staged, sizeof writing->staged, "%s.part-%ld", writing->path,
                          (long)getpid());
    if (length < 0 || (size_t)length >= sizeof writing->staged)
        return err_set(err, ERR_LIMIT, "the path is too long");
    TRY(check_target(writing, err));
    TRY(api_plan_ready(writing->api, plan, writing->options, false, &writing->ready, err));
    TRY(check_partition(writing, err));
    enum err_code code = write_rows(writing, err);
    if (code == ERR_OK)
        code = store_version_still(writing->ready.version, err);
    if (code == ERR_OK)
        code = publish(writing, plan, err);
    if (code != ERR_OK && file_remove_tree(writing->staged, ERR_IGNORED) != ERR_OK)
        err_detail(err, "%s is left behind", writing->staged);
    return code;
}

static enum err_code tell(struct writing *writing, const struct api_plan *plan, int64_t started_us,
                          json_t **ret, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT, kept = BUF_INIT;
    const struct engine_value *values = NULL;
    size_t count = 0;
    bool ok = true;
    TRY(api_ready_compile(&writing->ready, &sql, &values, &count, err));
    TRY(api_plan_document(plan, writing->options->params, &kept, err));
    json_t *object = json_deep_copy(writing->ready.about);
    json_put_text(object, "path", writing->path, &ok);
    json_put_int(object, "row_count", writing->rows, &ok);
    json_put_int(object, "bytes", writing->bytes, &ok);
    json_put_text(object, "version", store_version_id(writing->ready.version), &ok);
    json_put_int(object, "duration_ms", api_elapsed_ms(started_us), &ok);
    *ret = object;
    json_t *entry = api_statement_entry(writing->api, writing->ready.version, buf_text(&sql),
                                        buf_text(&kept), writing->runs, &ok);
    json_put_text(entry, "signature", writing->ready.signature, &ok);
    json_put_flag(entry, "ok", true, &ok);
    json_put_int(entry, "rows", writing->rows, &ok);
    json_put_flag(entry, "streamed", true, &ok);
    json_put_text(entry, "format", "parquet", &ok);
    json_put_int(entry, "duration_ms", api_elapsed_ms(started_us), &ok);
    if (!ok)
        json_decref(entry);
    api_record(writing->api, writing->options->dataset, "plan", ok ? entry : NULL);
    return json_built(ok, err);
}

enum err_code api_plan_write(struct api *api, const struct api_plan *plan,
                             const struct api_plan_options *options, const char *path, json_t **ret,
                             struct err *err)
{
    struct writing writing = {.api = api, .options = options, .path = path, .runs = json_object()};
    int64_t started_us = clock_monotonic_us();
    api_begin(api);
    enum err_code code = write_plan(&writing, plan, err);
    if (code == ERR_OK)
        code = tell(&writing, plan, started_us, ret, err);
    else if (writing.ready.version != NULL)
        api_record_failure(api, options->dataset, "plan", err, started_us);
    api_ready_done(&writing.ready);
    json_decref(writing.runs);
    return code;
}
