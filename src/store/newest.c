/* Rows that come typed and of which one a key is stored (resources with their versions), straight
 * into the staged table.
 *
 *     push ──appender──▶ table.duckdb ── does a key come twice, or is one gone?
 *                                         ├─▶ no: done
 *                                         └─▶ yes: written again without what was outdone
 *
 * The one idea: nearly always no key comes twice, which the keys alone tell; only then is anything
 * read a second time. Documents are compressed by zstd, to a fraction of what DuckDB would choose.
 */
#include <string.h>

#include "store/load_priv.h"

#define SPOOL_NAME "newest_spool"
#define LEFT_OUT "temp.main.marrow_left_out"
#define STORAGE "STORAGE_VERSION 'v1.2.0', ROW_GROUP_SIZE 8192"

struct filling {
    struct load *load;
    struct engine_appender *appender;
    int64_t rows, gone;
    bool zstd;
};

static enum err_code make_table(const struct filling *fill, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    const struct data_schema *schema = &fill->load->schema;
    buf_puts(&sql, "CREATE TABLE " LOAD_STAGE_TABLE " (");
    for (size_t i = 0; i < schema->count; i++) {
        buf_puts(&sql, i == 0 ? "" : ", ");
        store_sql_name(&sql, schema->columns[i].name);
        buf_putc(&sql, ' ');
        engine_type_sql(schema->columns[i].type, &sql);
        if (fill->zstd && schema->columns[i].type.kind == DATA_JSON)
            buf_puts(&sql, " USING COMPRESSION zstd");
    }
    buf_puts(&sql, ")");
    TRY(buf_check(&sql, err));
    return engine_execute(fill->load->engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code check_overrides(const struct load *load, struct err *err)
{
    for (size_t i = 0; i < load->schema.count; i++) {
        const struct store_column_plan *plan = &load->plans[i];
        if (!plan->forced && !plan->markers_given && plan->format_given == NULL)
            continue;
        (void)err_set(err, ERR_INPUT, "column %s: the columns of a FHIR table can't be overridden",
                      plan->name);
        return err_hint(err, "give what you need its type in a view or in SQL");
    }
    return ERR_OK;
}

static enum err_code take_schema(void *user, const struct data_schema *schema, struct err *err)
{
    struct filling *fill = user;
    struct load *load = fill->load;
    TRY(data_schema_copy(schema, &load->schema, err));
    TRY(store_load_find_splits(load, err));
    TRY(store_load_decide(load, err));
    TRY(check_overrides(load, err));
    TRY(store_load_attach(load, STORAGE, &fill->zstd, err));
    TRY(make_table(fill, err));
    TRY(engine_execute(load->engine, "BEGIN TRANSACTION", NULL, 0, err));
    return engine_append_open(load->engine, LOAD_STAGE_NAME ".main", "data", &fill->appender, err);
}

static enum err_code take_batch(void *user, const struct data_batch *batch, struct err *err)
{
    struct filling *fill = user;
    const struct data_vector *content = &batch->vectors[fill->load->source->newest->content];
    for (int64_t row = 0; row < batch->rows; row++)
        fill->gone += !data_vector_is_valid(content, row);
    fill->rows += batch->rows;
    TRY(progress_check(fill->load->progress, err));
    return engine_append_batch(fill->appender, batch, err);
}

static enum err_code take_reject(void *user, int64_t line, const char *column, const char *reason,
                                 struct str raw, struct err *err)
{
    struct filling *fill = user;
    return store_rejects_add(&fill->load->rejects, line, column, reason, raw, err);
}

static enum err_code fill_table(struct filling *fill, struct err *err)
{
    struct load *load = fill->load;
    struct data_sink sink = {take_schema, take_batch, take_reject, fill};
    enum err_code code = load->source->push(load->source->user, &sink, load->progress, err);
    if (code == ERR_OK && fill->appender == NULL)
        code = err_set(err, ERR_FAILED, "%s: the reader gave no table", load->source->origin);
    if (code == ERR_OK)
        code = engine_append_close(fill->appender, err);
    else if (fill->appender != NULL)
        engine_append_abort(fill->appender);
    load->pushed_rows = fill->rows;
    if (code == ERR_OK)
        return engine_execute(load->engine, "COMMIT", NULL, 0, err);
    if (fill->appender != NULL)
        (void)!engine_execute(load->engine, "ROLLBACK", NULL, 0, ERR_IGNORED);
    return code;
}

/* ---- what is left out ---------------------------------------------------------------------------
 */

/* Rows of keys that come more than once or are gone, but for the one that stays. */
static enum err_code find_left_out(struct filling *fill, struct err *err)
{
    const struct data_newest *newest = fill->load->source->newest;
    AUTO(buf_done) struct buf key = BUF_INIT, moment = BUF_INIT, content = BUF_INIT;
    store_sql_name(&key, fill->load->schema.columns[newest->key].name);
    store_sql_name(&moment, fill->load->schema.columns[newest->moment].name);
    store_sql_name(&content, fill->load->schema.columns[newest->content].name);
    TRY(buf_check(&key, err));
    TRY(buf_check(&moment, err));
    TRY(buf_check(&content, err));
    return engine_executef(
        fill->load->engine, err,
        "CREATE OR REPLACE TEMP TABLE marrow_left_out AS "
        "WITH several AS (SELECT %s AS key FROM " LOAD_STAGE_TABLE
        " GROUP BY ALL HAVING count(*) > 1 OR count(%s) = 0), "
        "met AS (SELECT rowid AS spot, %s AS key, %s AS moment, %s IS NULL AS gone "
        "FROM " LOAD_STAGE_TABLE " WHERE %s IN (SELECT key FROM several)), "
        "ended AS (SELECT *, coalesce(max(spot) FILTER (WHERE gone AND moment IS NULL) "
        "OVER (PARTITION BY key), -1) AS last_end FROM met), "
        "ranked AS (SELECT *, row_number() OVER (PARTITION BY key "
        "ORDER BY spot > last_end DESC, moment DESC NULLS LAST, spot DESC) AS place FROM ended) "
        "SELECT spot FROM ranked WHERE NOT (place = 1 AND NOT gone AND spot > last_end)",
        buf_text(&key), fill->gone > 0 ? buf_text(&content) : "*", buf_text(&key),
        buf_text(&moment), fill->gone > 0 ? buf_text(&content) : "0", buf_text(&key));
}

static enum err_code attach_spool(const struct load *load, const char *path, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "ATTACH ");
    engine_quote_literal(&sql, str_of(path));
    buf_puts(&sql, " AS " SPOOL_NAME " (READ_ONLY)");
    TRY(buf_check(&sql, err));
    return engine_execute(load->engine, buf_text(&sql), NULL, 0, err);
}

/* The table again, without those rows; the others keep their order. */
static enum err_code write_again(struct filling *fill, struct err *err)
{
    char path[FILE_PATH_BYTES], spool[FILE_PATH_BYTES];
    struct load *load = fill->load;
    TRY(file_path_join(load->directory, "table.duckdb", path, err));
    TRY(file_path_join(load->directory, "spool.duckdb", spool, err));
    TRY(store_load_detach(load, err));
    TRY(file_rename_new(path, spool, NULL, err));
    TRY(attach_spool(load, spool, err));
    enum err_code code = store_load_attach(load, STORAGE, &fill->zstd, err);
    if (code == ERR_OK)
        code = make_table(fill, err);
    if (code == ERR_OK)
        code = engine_execute(load->engine,
                              "INSERT INTO " LOAD_STAGE_TABLE " SELECT * FROM " SPOOL_NAME
                              ".main.data WHERE rowid NOT IN (SELECT spot FROM " LEFT_OUT ")",
                              NULL, 0, err);
    enum err_code closed = engine_execute(load->engine, "DETACH " SPOOL_NAME, NULL, 0,
                                          code == ERR_OK ? err : ERR_IGNORED);
    TRY(code);
    TRY(closed);
    return file_remove(spool, err);
}

static enum err_code leave_out(struct filling *fill, struct err *err)
{
    TRY(find_left_out(fill, err));
    TRY(engine_query_int(fill->load->engine, "SELECT count(*) FROM " LEFT_OUT, 0,
                         &fill->load->left_out, err));
    enum err_code code = fill->load->left_out == 0 ? ERR_OK : write_again(fill, err);
    (void)!engine_execute(fill->load->engine, "DROP TABLE IF EXISTS " LEFT_OUT, NULL, 0,
                          ERR_IGNORED);
    return code;
}

enum err_code store_load_newest(struct load *load, struct err *err)
{
    struct filling fill = {.load = load};
    AUTO(buf_done) struct buf sql = BUF_INIT;
    int64_t keys = 0;
    TRY(fill_table(&fill, err));
    buf_puts(&sql, "SELECT count(DISTINCT ");
    store_sql_name(&sql, load->schema.columns[load->source->newest->key].name);
    buf_puts(&sql, ") FROM " LOAD_STAGE_TABLE);
    TRY(buf_check(&sql, err));
    TRY(engine_query_int(load->engine, buf_text(&sql), 0, &keys, err));
    return keys == fill.rows && fill.gone == 0 ? ERR_OK : leave_out(&fill, err);
}
