/* What run's files share. */
#ifndef MARROW_RUN_PRIV_H
#define MARROW_RUN_PRIV_H

#include "base/clock.h"
#include "base/file.h"
#include "run/run.h"

#define RUN_RESULT_VIEW "marrow_result" /* the staged rows, while check runs */
#define RUN_FILE "mart.parquet"
#define RUN_BUCKET_FOLDER "mart"
#define RUN_PLAN_FILE "plan.json"

/* One run being computed. Everything but engine and staged is borrowed. */
struct run_work {
    struct store *store;
    struct store_version *version;
    const struct run_request *request;
    struct engine *engine;
    struct run_result *result;
    const struct engine_options *options;
    char staged[FILE_PATH_BYTES]; /* "" when nothing is staged */
    int64_t plan_us, attach_us, compute_us, check_us;
    int64_t since_us; /* the running phase began */
    int64_t row_count;
    char row_hash[48]; /* sum of row hashes modulo 2^128, decimal digits */
    char row_hash_rounded[48]; /* the same, of rows whose doubles are rounded to 12 digits; "" where not asked for */
};

/* SELECT of the plan over the version's views, for the embedded engine. */
enum err_code run_compile(const struct plan_rel *plan, struct buf *ret_sql, struct err *err) WARN_UNUSED;
/* In that dialect; ERR_UNSUPPORTED where it lacks something. */
enum err_code run_compile_for(const char *dialect, const struct plan_rel *plan, const struct dialect_options *options, struct buf *ret_sql, struct err *err) WARN_UNUSED;
int64_t run_lap(int64_t *since_us);
enum err_code run_attach_tables(struct run_work *work, struct err *err) WARN_UNUSED;
enum err_code run_manifest_make(struct run_work *work, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code run_put_phases(const struct run_work *work, json_t *manifest, struct err *err) WARN_UNUSED;
enum err_code run_write_plan(struct run_work *work, const char *dialect, const char *sql, struct err *err) WARN_UNUSED;
/* remote.c: the run on the engine at options->url. stored: its manifest, or NULL. */
enum err_code run_remote(struct run_work *work, const struct engine_options *options, json_t *stored, struct err *err) WARN_UNUSED;
/* Write the plan's rows as Parquet under work->staged: one file, or bucket=NN folders. */
enum err_code run_write(struct run_work *work, const char *sql, struct err *err) WARN_UNUSED;
/* Make RUN_RESULT_VIEW over the staged files; fill row_count and row_hash from it. */
enum err_code run_measure(struct run_work *work, struct err *err) WARN_UNUSED;
/* row_count and row_hash of RUN_RESULT_VIEW; row_hash_rounded of it. */
enum err_code run_measure_view(struct run_work *work, struct err *err) WARN_UNUSED;
enum err_code run_round_view(struct run_work *work, struct err *err) WARN_UNUSED;
/* Every file of the manifest's list is there and as long as it was: ERR_INTEGRITY. */
enum err_code run_check_sizes(const json_t *files, const char *directory, struct err *err) WARN_UNUSED;
/* SELECT over a run's Parquet files below directory, without the bucket column; files as in the manifest. */
enum err_code run_files_sql(const json_t *files, const char *directory, bool bucketed, struct buf *ret, struct err *err) WARN_UNUSED;

#endif
