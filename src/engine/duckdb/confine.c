/* Confining an engine before a user's statement runs. Measured on 1.5.6: with
 * enable_external_access=false a view over read_parquet still works for files listed one by one in
 * allowed_paths; attached databases stay readable; read_csv and friends elsewhere are refused. */
#include "engine/duckdb/duckdb_priv.h"

enum err_code engine_confine(struct engine *base, const json_t *allowed, struct err *err)
{
    struct embedded *engine = NULL;
    TRY(embedded_of(base, "confining", &engine, err));
    AUTO(buf_done) struct buf sql = BUF_INIT;
    size_t idx;
    json_t *path;
    /* Progress is counted only when it was switched on, which the lock would refuse later. */
    if (!engine->progress_enabled)
        buf_puts(&sql, "SET enable_progress_bar = true; SET enable_progress_bar_print = false; ");
    buf_puts(&sql, "SET allowed_paths = [");
    json_array_foreach((json_t *)(uintptr_t)allowed, idx, path)
    {
        buf_puts(&sql, idx == 0 ? "" : ", ");
        engine_quote_literal(&sql, str_of(json_string_value(path)));
    }
    buf_puts(&sql, "]; SET enable_external_access = false; SET lock_configuration = true");
    TRY(buf_check(&sql, err));
    TRY(engine_execute(base, buf_text(&sql), NULL, 0, err));
    engine->progress_enabled = true;
    return ERR_OK;
}
