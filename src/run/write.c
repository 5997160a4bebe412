/* Writes a plan's rows as Parquet in a total order, so that the rows (and their order) do not
 * depend on threads.
 *
 *   one file:  COPY (SELECT … ORDER BY sort) TO staged/mart.parquet
 *   buckets:   COPY (SELECT …, bucket ORDER BY bucket, sort) TO staged/scratch.parquet, then one
 * COPY per bucket out of it; the scratch is sorted by bucket, so each COPY reads only its own row
 * groups. No wide table is ever held in memory.
 *
 * DuckDB's COPY is no safe publish; the store hashes, fsyncs and renames what is staged here. */
#include "plan/rewrite.h"
#include "run/run_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum err_code run_compile(const struct plan_rel *plan, struct buf *ret_sql, struct err *err)
{
    return run_compile_for("duckdb", plan, NULL, ret_sql, err);
}

enum err_code run_compile_for(const char *dialect, const struct plan_rel *plan,
                              const struct dialect_options *options, struct buf *ret_sql,
                              struct err *err)
{
    const char **params = NULL;
    size_t param_count = 0;
    if (dialect_find(dialect) == NULL)
        return err_set(err, ERR_UNSUPPORTED, "plans cannot be written in the dialect %s", dialect);
    AUTO(plan_free) struct plan *over = plan_new_over(plan);
    const struct plan_rel *quick = NULL;
    TRY(plan_optimise(over, plan, &quick, err));
    TRY(dialect_sql(dialect_find(dialect), quick, options, ret_sql, &params, &param_count, err));
    mem_free(params);
    if (param_count > 0)
        return err_set(err, ERR_INPUT, "a run's plan may hold no open parameter, found %zu",
                       param_count);
    return ERR_OK;
}

static void add_order(const struct run_request *request, const char *first, struct buf *sql)
{
    const char *separator = " ORDER BY ";
    if (first != NULL) {
        buf_puts(sql, separator);
        buf_puts(sql, first);
        separator = ", ";
    }
    for (size_t i = 0; i < request->sort_count; i++) {
        buf_puts(sql, separator);
        engine_quote_identifier(sql, str_of(request->sort_columns[i]));
        buf_puts(sql, " NULLS LAST");
        separator = ", ";
    }
}

static enum err_code copy_to(struct run_work *work, struct str select, const char *path,
                             struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "COPY (");
    buf_add_str(&sql, select);
    buf_puts(&sql, ") TO ");
    engine_quote_literal(&sql, str_of(path));
    buf_puts(&sql, " (FORMAT parquet, COMPRESSION zstd)");
    TRY(buf_check(&sql, err));
    return engine_execute(work->engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code write_file(struct run_work *work, const char *sql, struct err *err)
{
    char path[FILE_PATH_BYTES];
    TRY(file_path_join(work->staged, RUN_FILE, path, err));
    AUTO(buf_done) struct buf select = BUF_INIT;
    buf_printf(&select, "SELECT * FROM (\n%s\n)", sql);
    add_order(work->request, NULL, &select);
    TRY(buf_check(&select, err));
    return copy_to(work, buf_view(&select), path, err);
}

static enum err_code write_bucket(struct run_work *work, const char *scratch, int64_t bucket,
                                  struct err *err)
{
    char folder[FILE_PATH_BYTES], path[FILE_PATH_BYTES], name[64];
    (void)snprintf(name, sizeof name, RUN_BUCKET_FOLDER "/bucket=%02" PRId64, bucket);
    TRY(file_path_join(work->staged, name, folder, err));
    TRY(file_make_directory(folder, err));
    TRY(file_path_join(folder, "part.parquet", path, err));
    AUTO(buf_done) struct buf select = BUF_INIT;
    buf_puts(&select, "SELECT * EXCLUDE (marrow_bucket) FROM read_parquet(");
    engine_quote_literal(&select, str_of(scratch));
    buf_printf(&select, ") WHERE marrow_bucket = %" PRId64, bucket);
    TRY(buf_check(&select, err));
    return copy_to(work, buf_view(&select), path, err);
}

static enum err_code write_buckets(struct run_work *work, const char *sql, struct err *err)
{
    char scratch[FILE_PATH_BYTES];
    TRY(file_path_join(work->staged, "scratch.parquet", scratch, err));
    AUTO(buf_done) struct buf select = BUF_INIT;
    buf_puts(&select,
             "SELECT *, coalesce(marrow_bucket(CAST("); /* rows without a key go to bucket 0 */
    engine_quote_identifier(&select, str_of(work->request->bucket_column));
    buf_printf(&select, " AS VARCHAR), %" PRId64 "), 0) AS marrow_bucket FROM (\n%s\n)",
               work->request->buckets, sql);
    add_order(work->request, "marrow_bucket NULLS FIRST", &select);
    TRY(buf_check(&select, err));
    TRY(copy_to(work, buf_view(&select), scratch, err));
    for (int64_t bucket = 0; bucket < work->request->buckets; bucket++)
        TRY(write_bucket(work, scratch, bucket, err));
    return file_remove(scratch, err);
}

enum err_code run_write(struct run_work *work, const char *sql, struct err *err)
{
    return work->request->bucket_column != NULL ? write_buckets(work, sql, err)
                                                : write_file(work, sql, err);
}

enum err_code run_files_sql(const json_t *files, const char *directory, bool bucketed,
                            struct buf *ret, struct err *err)
{
    size_t idx;
    json_t *file;
    const char *separator = "";
    buf_puts(ret, bucketed ? "SELECT * FROM read_parquet([" : "SELECT * FROM read_parquet(");
    json_array_foreach((json_t *)(uintptr_t)files, idx, file)
    {
        const char *name =
            json_is_string(file) ? json_string_value(file) : json_text(file, "name", "");
        char path[FILE_PATH_BYTES];
        if (!str_has_suffix_nocase(str_of(name), ".parquet"))
            continue;
        TRY(file_path_join(directory, name, path, err));
        buf_puts(ret, separator);
        engine_quote_literal(ret, str_of(path));
        separator = ",\n    ";
    }
    buf_puts(ret, bucketed ? "], hive_partitioning = false)" : ")");
    return buf_check(ret, err);
}

/* The staged folder's files, in order, as JSON names. */
static enum err_code staged_files(const struct run_work *work, json_t **ret, struct err *err)
{
    bool ok = true;
    *ret = json_array();
    if (work->request->bucket_column == NULL)
        json_push_text(*ret, RUN_FILE, &ok);
    for (int64_t bucket = 0;
         work->request->bucket_column != NULL && bucket < work->request->buckets; bucket++) {
        char name[64];
        (void)snprintf(name, sizeof name, RUN_BUCKET_FOLDER "/bucket=%02" PRId64 "/part.parquet",
                       bucket);
        json_push_text(*ret, name, &ok);
    }
    return json_built(ok && *ret != NULL, err);
}

/* SELECT rows and hash of the view; rounded: doubles to 12 significant digits first, so that sums
 * that were added in another order hash alike (but for the rare one at the edge of two roundings).
 */
static enum err_code measure_sql(struct run_work *work, bool rounded, struct buf *sql,
                                 struct err *err)
{
    AUTO(engine_result_close) struct engine_result *peek = NULL;
    TRY(engine_query(work->engine, "SELECT * FROM " RUN_RESULT_VIEW " LIMIT 0", NULL, 0, &peek,
                     err));
    const struct data_schema *schema = engine_result_schema(peek);
    buf_puts(sql, "SELECT count(*) || ' ' || coalesce(marrow_hash_sum(marrow_row_hash(");
    for (size_t i = 0; i < schema->count; i++) {
        bool round = rounded && schema->columns[i].type.kind == DATA_DOUBLE;
        buf_puts(sql, i == 0 ? "" : ", ");
        buf_puts(sql, round ? "CAST(format('{:.11e}', " : "");
        engine_quote_identifier(sql, str_of(schema->columns[i].name));
        buf_puts(sql, round ? ") AS DOUBLE)" : "");
    }
    buf_puts(sql, ")), 0) FROM " RUN_RESULT_VIEW);
    return buf_check(sql, err);
}

static enum err_code measure(struct run_work *work, bool rounded, int64_t *ret_rows,
                             char ret_hash[48], struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    TRY(measure_sql(work, rounded, &sql, err));
    AUTO(buf_done) struct buf answer = BUF_INIT;
    TRY(engine_query_text(work->engine, buf_text(&sql), &answer, err));
    const char *space = strchr(buf_text(&answer), ' ');
    if (space == NULL ||
        !str_to_int64((struct str){answer.ptr, (size_t)(space - answer.ptr)}, ret_rows))
        return err_set(err, ERR_FAILED, "the staged rows could not be counted");
    (void)snprintf(ret_hash, 48, "%s", space + 1);
    return ERR_OK;
}

enum err_code run_measure_view(struct run_work *work, struct err *err)
{
    return measure(work, false, &work->row_count, work->row_hash, err);
}

enum err_code run_round_view(struct run_work *work, struct err *err)
{
    int64_t rows = 0;
    return measure(work, true, &rows, work->row_hash_rounded, err);
}

enum err_code run_measure(struct run_work *work, struct err *err)
{
    json_t *files = NULL;
    enum err_code code = staged_files(work, &files, err);
    JSON_AUTO owned = files;
    TRY(code);
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE OR REPLACE VIEW " RUN_RESULT_VIEW " AS ");
    TRY(run_files_sql(owned, work->staged, work->request->bucket_column != NULL, &sql, err));
    TRY(engine_execute(work->engine, buf_text(&sql), NULL, 0, err));
    return run_measure_view(work, err);
}
