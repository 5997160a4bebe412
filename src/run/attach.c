/* Reading published runs lazily: a view over their Parquet files, columns and rows pruned by the
 * engine at the scan. */
#include "run/run_priv.h"

#include <inttypes.h>
#include <string.h>

static bool is_bucketed(const json_t *manifest)
{
    return strcmp(json_text(json_object_get(manifest, "layout"), "kind", "file"), "buckets") == 0;
}

enum err_code run_check_sizes(const json_t *files, const char *directory, struct err *err)
{
    size_t idx;
    json_t *file;
    json_array_foreach((json_t *)(uintptr_t)files, idx, file)
    {
        char path[FILE_PATH_BYTES];
        struct file_info info;
        TRY(file_path_join(directory, json_text(file, "name", ""), path, err));
        TRY(file_stat(path, &info, err));
        if (info.kind == FILE_REGULAR && info.bytes == json_int(file, "bytes", -1))
            continue;
        err_set(err, ERR_INTEGRITY,
                "a run's file is damaged: %s: expected %" PRId64 " bytes, found %" PRId64,
                json_text(file, "name", ""), json_int(file, "bytes", -1),
                info.kind == FILE_REGULAR ? info.bytes : -1);
        return err_hint(
            err, "run 'marrow repair': it removes the damaged run, which can then be built again");
    }
    return ERR_OK;
}

enum err_code run_check_files(struct store *store, const char *dataset, const json_t *run_manifest,
                              struct err *err)
{
    char directory[FILE_PATH_BYTES];
    TRY(store_run_path(store, dataset, json_text(run_manifest, "run_id", ""), directory, err));
    return run_check_sizes(json_object_get(run_manifest, "files"), directory, err);
}

enum err_code run_check_hashes(struct store *store, const char *dataset, const json_t *run_manifest,
                               struct err *err)
{
    char directory[FILE_PATH_BYTES], path[FILE_PATH_BYTES], found[HASH_HEX_BYTES];
    const json_t *files = json_object_get(run_manifest, "files");
    size_t idx;
    json_t *file;
    TRY(store_run_path(store, dataset, json_text(run_manifest, "run_id", ""), directory, err));
    TRY(run_check_sizes(files, directory, err));
    json_array_foreach((json_t *)(uintptr_t)files, idx, file)
    {
        int64_t bytes = 0;
        TRY(file_path_join(directory, json_text(file, "name", ""), path, err));
        TRY(file_sha256(path, found, &bytes, err));
        if (strcmp(found, json_text(file, "sha256", "")) == 0)
            continue;
        err_set(err, ERR_INTEGRITY,
                "a run's file is damaged: %s: expected sha256 %.12s, found %.12s",
                json_text(file, "name", ""), json_text(file, "sha256", ""), found);
        return err_hint(
            err, "run 'marrow repair': it removes the damaged run, which can then be built again");
    }
    return ERR_OK;
}

enum err_code run_scan_sql(const json_t *run_manifest, const char *directory, struct buf *ret,
                           struct err *err)
{
    return run_files_sql(json_object_get(run_manifest, "files"), directory,
                         is_bucketed(run_manifest), ret, err);
}

enum err_code run_attach(struct store *store, const char *dataset, const json_t *run_manifest,
                         const char *name, struct engine *engine, struct err *err)
{
    char directory[FILE_PATH_BYTES];
    TRY(store_run_path(store, dataset, json_text(run_manifest, "run_id", ""), directory, err));
    TRY(run_check_sizes(json_object_get(run_manifest, "files"), directory, err));
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE OR REPLACE VIEW ");
    engine_quote_identifier(&sql, str_of(name));
    buf_puts(&sql, " AS ");
    TRY(run_scan_sql(run_manifest, directory, &sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}

enum err_code run_plan_read(struct store *store, const char *dataset, const char *run_id,
                            json_t **ret, struct err *err)
{
    char directory[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    TRY(store_run_path(store, dataset, run_id, directory, err));
    TRY(file_path_join(directory, RUN_PLAN_FILE, path, err));
    return json_read_file(path, ret, err);
}
