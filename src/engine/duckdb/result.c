/* Results: DuckDB's streamed chunks as data_batches. A SELECT whose columns have no direct
 * counterpart (nested, ENUM, UUID …) is wrapped so that DuckDB casts those columns to VARCHAR:
 *
 *   SELECT x, list(y) AS ys FROM t GROUP BY x;   →   SELECT c0 AS "x", CAST(c1 AS VARCHAR) AS "ys"
 *                                                    FROM (SELECT x, list(y) AS ys FROM t GROUP BY
 * x) AS t(c0, c1)
 *
 * A result is bound to its statement: when another statement runs on the engine, DuckDB closes the
 * stream, and next says so. */
#include <ctype.h>
#include <string.h>

#include "engine/duckdb/duckdb_priv.h"

/* ---- wrapping -----------------------------------------------------------------------------------
 */

size_t sql_skip(const char *text)
{
    const char *end;
    if (text[0] == '\'' || text[0] == '"') {
        end = strchr(text + 1, text[0]); /* a doubled quote opens the next run at once */
        return end != NULL ? (size_t)(end - text) + 1 : strlen(text);
    }
    if (text[0] == '-' && text[1] == '-')
        return strcspn(text, "\n");
    if (text[0] == '/' && text[1] == '*') {
        end = strstr(text + 2, "*/");
        return end != NULL ? (size_t)(end - text) + 2 : strlen(text);
    }
    if (text[0] == '$') {
        size_t tag = 1;
        while (isalnum((unsigned char)text[tag]) || text[tag] == '_')
            tag++;
        if (text[tag] != '$' || isdigit((unsigned char)text[1]) || tag > 62)
            return 0;
        char mark[64];
        memcpy(mark, text, tag + 1);
        mark[tag + 1] = '\0';
        end = strstr(text + tag + 1, mark);
        return end != NULL ? (size_t)(end - text) + tag + 1 : strlen(text);
    }
    return 0;
}

/* Bytes of sql before the ';' that ends the first statement. */
static size_t sql_statement_length(const char *sql)
{
    const char *text = sql;
    while (*text != '\0' && *text != ';') {
        bool word = text > sql && (isalnum((unsigned char)text[-1]) || text[-1] == '_');
        size_t length = *text == '$' && word ? 0 : sql_skip(text);
        text += length > 0 ? length : 1;
    }
    return (size_t)(text - sql);
}

static void wrap_sql(const char *sql, duckdb_result *result, struct buf *out)
{
    idx_t count = duckdb_column_count(result);
    buf_puts(out, "SELECT ");
    for (idx_t idx = 0; idx < count; idx++) {
        struct column column;
        duckdb_logical_type logical = duckdb_column_logical_type(result, idx);
        bool direct = column_of(logical, &column);
        duckdb_destroy_logical_type(&logical);
        buf_printf(out, direct ? "%sc%llu AS " : "%sCAST(c%llu AS VARCHAR) AS ",
                   idx > 0 ? ", " : "", (unsigned long long)idx);
        engine_quote_identifier(out, str_of(duckdb_column_name(result, idx)));
    }
    buf_puts(out, " FROM (");
    buf_add(out, sql, sql_statement_length(sql));
    buf_puts(out, "\n) AS t(");
    for (idx_t idx = 0; idx < count; idx++)
        buf_printf(out, idx > 0 ? ", c%llu" : "c%llu", (unsigned long long)idx);
    buf_puts(out, ")");
}

static bool needs_wrap(duckdb_result *result)
{
    idx_t count = duckdb_column_count(result);
    for (idx_t idx = 0; idx < count; idx++) {
        struct column column;
        duckdb_logical_type logical = duckdb_column_logical_type(result, idx);
        bool direct = column_of(logical, &column);
        duckdb_destroy_logical_type(&logical);
        if (!direct)
            return true;
    }
    return false;
}

/* ---- open ---------------------------------------------------------------------------------------
 */

static enum err_code result_start(struct embedded_result *result, const char *sql,
                                  const struct engine_value *values, size_t value_count,
                                  bool *ret_select, struct err *err)
{
    duckdb_prepared_statement statement = NULL;
    enum err_code code =
        statement_prepare(result->engine, sql, values, value_count, &statement, err);
    if (code == ERR_OK) {
        *ret_select = duckdb_prepared_statement_type(statement) == DUCKDB_STATEMENT_TYPE_SELECT;
        code = statement_start(result->engine, statement, &result->raw, err);
    }
    duckdb_destroy_prepare(&statement);
    result->raw_made = code == ERR_OK;
    result->statement = result->engine->statements;
    return code;
}

static enum err_code result_restart_wrapped(struct embedded_result *result, const char *sql,
                                            const struct engine_value *values, size_t value_count,
                                            struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf wrapped = BUF_INIT;
    wrap_sql(sql, &result->raw, &wrapped);
    TRY(buf_check(&wrapped, err));
    duckdb_destroy_result(&result->raw);
    result->raw_made = false;
    watch_end(&result->engine->watch);
    bool is_select;
    return result_start(result, buf_text(&wrapped), values, value_count, &is_select, err);
}

static enum err_code result_columns(struct embedded_result *result, struct err *err)
{
    idx_t count = duckdb_column_count(&result->raw);
    result->columns = mem_zalloc(count > 0 ? count : 1, sizeof *result->columns);
    result->batch.vectors = mem_zalloc(count > 0 ? count : 1, sizeof *result->batch.vectors);
    if (result->columns == NULL || result->batch.vectors == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a result of %llu columns",
                       (unsigned long long)count);
    result->column_count = result->batch.columns = count;
    for (idx_t idx = 0; idx < count; idx++) {
        duckdb_logical_type logical = duckdb_column_logical_type(&result->raw, idx);
        bool direct = column_of(logical, &result->columns[idx]);
        duckdb_destroy_logical_type(&logical);
        if (!direct)
            return err_set(err, ERR_UNSUPPORTED,
                           "column %llu of the result has a type that is read only from a SELECT",
                           (unsigned long long)idx + 1);
        TRY(data_schema_add(&result->base.schema, str_of(duckdb_column_name(&result->raw, idx)),
                            result->columns[idx].type, err));
    }
    return ERR_OK;
}

static void embedded_result_free(struct embedded_result *result)
{
    if (result == NULL)
        return;
    data_schema_done(&result->base.schema);
    embedded_result_close(&result->base);
}
AUTO_DEFINE(struct embedded_result, embedded_result_free)

enum err_code embedded_query(struct engine *base, const char *sql,
                             const struct engine_value *values, size_t value_count,
                             struct engine_result **ret, struct err *err)
{
    struct embedded *engine = (struct embedded *)base;
    AUTO(embedded_result_free) struct embedded_result *result = mem_zalloc(1, sizeof *result);
    if (result == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a result");
    result->engine = engine;
    bool is_select = false;
    enum err_code code = result_start(result, sql, values, value_count, &is_select, err);
    if (code == ERR_OK && is_select && needs_wrap(&result->raw))
        code = result_restart_wrapped(result, sql, values, value_count, err);
    if (code == ERR_OK)
        code = result_columns(result, err);
    if (code != ERR_OK) {
        watch_end(&engine->watch);
        return code;
    }
    *ret = &result->base;
    result = NULL;
    return ERR_OK;
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

static void result_end(struct embedded_result *result)
{
    if (!result->ended && result->engine->statements == result->statement)
        watch_end(&result->engine->watch);
    result->ended = true;
}

enum err_code result_fetch(struct embedded_result *result, duckdb_data_chunk *ret, struct err *err)
{
    *ret = NULL;
    if (result->ended)
        return ERR_OK;
    if (result->engine->statements != result->statement)
        return err_set(err, ERR_USAGE,
                       "another statement ran on the engine while this result was open");
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result->raw);
    enum err_code code = chunk != NULL ? native_failed(result->engine, err) : ERR_OK;
    if (code != ERR_OK) {
        duckdb_destroy_data_chunk(&chunk);
        result_end(result);
        return code;
    }
    if (chunk != NULL && duckdb_data_chunk_get_size(chunk) > 0) {
        engine_report(result->engine);
        *ret = chunk;
        return ERR_OK;
    }
    if (chunk != NULL)
        duckdb_destroy_data_chunk(&chunk);
    result_end(result);
    const char *message = duckdb_result_error(&result->raw);
    return message != NULL && *message != '\0' ? engine_fail(result->engine, message, err)
                                               : native_failed(result->engine, err);
}

enum err_code embedded_result_next(struct engine_result *base, const struct data_batch **ret,
                                   struct err *err)
{
    struct embedded_result *result = (struct embedded_result *)base;
    *ret = NULL;
    if (result->chunk != NULL)
        duckdb_destroy_data_chunk(&result->chunk);
    TRY(result_fetch(result, &result->chunk, err));
    if (result->chunk == NULL)
        return ERR_OK;
    idx_t rows = duckdb_data_chunk_get_size(result->chunk);
    for (size_t idx = 0; idx < result->column_count; idx++)
        TRY(column_read(&result->columns[idx], duckdb_data_chunk_get_vector(result->chunk, idx),
                        rows, &result->batch.vectors[idx], err));
    result->batch.rows = (int64_t)rows;
    *ret = &result->batch;
    return ERR_OK;
}

void embedded_result_close(struct engine_result *base)
{
    struct embedded_result *result = (struct embedded_result *)base;
    if (result->raw_made)
        result_end(result);
    if (result->chunk != NULL)
        duckdb_destroy_data_chunk(&result->chunk);
    if (result->raw_made)
        duckdb_destroy_result(&result->raw);
    for (size_t idx = 0; idx < result->column_count; idx++)
        column_done(&result->columns[idx]);
    mem_free(result->columns);
    mem_free(result->batch.vectors);
    mem_free(result);
}
