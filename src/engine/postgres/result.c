/* A query's rows as batches. Rows come one at a time (libpq 15 knows no chunks) in binary form and
 * are decoded into one batch that is used again and again. Columns of types that have no direct
 * counterpart are cast by the server: the description, known before anything runs, says which.
 *
 *   SELECT x, tags, mood FROM t ORDER BY x;  →  SELECT c0 AS "x", to_json(c1)::text AS "tags",
 *                                                      c2::text AS "mood"
 *                                               FROM (SELECT x, tags, mood FROM t ORDER BY x
 *                                               ) AS t(c0, c1, c2)
 *
 * Arrays and composites become JSON, all else PostgreSQL's text. Another statement on the engine
 * ends an open result, and next says so. */
#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "engine/postgres/postgres_priv.h"

#define REPORT_EVERY_US 50000
#define LOOK_EVERY_ROWS 256
#define TEXT_LIMIT ((size_t)8 << 30) /* of a batch: a server's longest value is 1 GiB */

/* ---- wrapping -----------------------------------------------------------------------------------
 */

/* Length of the quoted or commented run at text, PostgreSQL's rules; 0 = none starts here. */
static size_t skip_comment(const char *text)
{
    size_t depth = 0, at = 0;
    if (text[0] == '-' && text[1] == '-')
        return strcspn(text, "\n");
    do {
        if (text[at] == '/' && text[at + 1] == '*') {
            depth++;
            at += 2;
        } else if (text[at] == '*' && text[at + 1] == '/' && depth > 0) {
            depth--;
            at += 2;
        } else if (depth > 0 && text[at] != '\0') {
            at++;
        } else {
            break;
        }
    } while (depth > 0);
    return at;
}
static size_t skip_quoted(const char *text, bool escapes)
{
    size_t at = 1;
    while (text[at] != '\0' && text[at] != text[0])
        at += escapes && text[at] == '\\' && text[at + 1] != '\0' ? 2 : 1;
    return text[at] != '\0' ? at + 1 : at; /* a doubled quote opens the next run at once */
}
static size_t skip_dollars(const char *text)
{
    size_t tag = 1;
    while (isalnum((unsigned char)text[tag]) || text[tag] == '_' || (unsigned char)text[tag] >= 128)
        tag++;
    if (text[tag] != '$' || isdigit((unsigned char)text[1]))
        return 0;
    for (const char *at = text + tag + 1; (at = strchr(at, '$')) != NULL; at++)
        if (strncmp(at, text, tag + 1) == 0)
            return (size_t)(at - text) + tag + 1;
    return strlen(text);
}
static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 128;
}

/* Bytes before the ';' that ends the first statement. */
static size_t statement_length(const char *sql)
{
    size_t at = 0;
    while (sql[at] != '\0' && sql[at] != ';') {
        bool word = at > 0 && is_word(sql[at - 1]);
        size_t skipped = 0;
        if (sql[at] == '\'' || sql[at] == '"') {
            bool escapes = sql[at] == '\'' && word && (sql[at - 1] | 32) == 'e' &&
                           (at < 2 || !is_word(sql[at - 2]));
            skipped = skip_quoted(sql + at, escapes);
        } else if (sql[at] == '$' && !word) {
            skipped = skip_dollars(sql + at);
        } else if (sql[at] == '-' || sql[at] == '/') {
            skipped = skip_comment(sql + at);
        }
        at += skipped > 0 ? skipped : 1;
    }
    return at;
}

/* Whether each of the types is an array or a composite, asked of the catalogue. */
static enum err_code ask_nested(struct postgres *postgres, Oid oid, bool *ret, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    AUTO(PQclear) PGresult *result = NULL;
    buf_printf(
        &sql,
        "SELECT 1 FROM pg_catalog.pg_type WHERE oid = %u AND (typcategory = 'A' OR typtype = "
        "'c' OR oid = 2249)",
        oid);
    TRY(buf_check(&sql, err));
    if (PQsendQuery(postgres->connection, buf_text(&sql)) == 0)
        return postgres_fail(postgres, NULL, err);
    TRY(postgres_flush(postgres, err));
    TRY(postgres_next(postgres, &result, err));
    *ret = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;
    enum err_code code =
        PQresultStatus(result) == PGRES_FATAL_ERROR ? postgres_fail(postgres, result, err) : ERR_OK;
    postgres_drain(postgres, true);
    return code;
}

static enum err_code wrap(struct postgres *postgres, const char *sql, const PGresult *description,
                          struct buf *out, struct err *err)
{
    int count = PQnfields(description);
    buf_puts(out, "SELECT ");
    for (int idx = 0; idx < count; idx++) {
        Oid oid = PQftype(description, idx);
        bool direct = postgres_column_of(postgres, oid, -1).codec != NULL, nested = false;
        if (!direct)
            TRY(ask_nested(postgres, oid, &nested, err));
        buf_puts(out, idx > 0 ? ", " : "");
        buf_printf(out, nested ? "pg_catalog.to_json(c%d)" : "c%d", idx);
        buf_puts(out, direct ? " AS " : "::text AS ");
        engine_quote_identifier(out, str_of(PQfname(description, idx)));
    }
    buf_puts(out, " FROM (");
    buf_add(out, sql, statement_length(sql));
    buf_puts(out, "\n) AS t(");
    for (int idx = 0; idx < count; idx++)
        buf_printf(out, idx > 0 ? ", c%d" : "c%d", idx);
    buf_puts(out, ")");
    return buf_check(out, err);
}

static int first_indirect(const struct postgres *postgres, const PGresult *description)
{
    for (int idx = 0; idx < PQnfields(description); idx++)
        if (postgres_column_of(postgres, PQftype(description, idx), -1).codec == NULL)
            return idx;
    return -1;
}

/* Prepares sql, wrapped where that is needed. */
static enum err_code prepare_readable(struct postgres *postgres, const char *sql,
                                      const struct engine_value *values, size_t count,
                                      PGresult **ret, struct err *err)
{
    AUTO(PQclear) PGresult *plain = NULL;
    TRY(postgres_prepare(postgres, sql, values, count, &plain, err));
    int indirect = first_indirect(postgres, plain);
    if (indirect < 0) {
        *ret = plain;
        plain = NULL;
        return ERR_OK;
    }
    __attribute__((cleanup(auto_buf_done))) struct buf wrapped = BUF_INIT;
    TRY(wrap(postgres, sql, plain, &wrapped, err));
    enum err_code code = postgres_prepare(postgres, buf_text(&wrapped), values, count, ret, err);
    if (code != ERR_ENGINE || postgres->lost)
        return code;
    err_set(err, ERR_UNSUPPORTED,
            "column %d of the result has a type that is read only from a SELECT", indirect + 1);
    return err_hint(err, "cast it to text in the statement");
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

static struct postgres *postgres_of(const struct postgres_result *result)
{
    return (struct postgres *)result->base.engine;
}

static void result_over(struct postgres_result *result)
{
    result->ended = true;
    if (postgres_of(result)->open == result)
        postgres_of(result)->open = NULL;
}

void postgres_result_end(struct postgres_result *result)
{
    if (result->ended)
        return;
    postgres_drain(postgres_of(result), result->in_transaction);
    result_over(result);
}

/* The next row off the wire, NULL at the end. PQclear it. */
static enum err_code row_fetch(struct postgres_result *result, PGresult **ret, struct err *err)
{
    struct postgres *postgres = postgres_of(result);
    AUTO(PQclear) PGresult *row = NULL;
    enum err_code code = postgres_next(postgres, &row, err);
    if (code == ERR_OK)
        code = postgres_refuse_copy(postgres, row, err);
    if (code == ERR_OK && PQresultStatus(row) == PGRES_SINGLE_TUPLE) {
        *ret = row;
        row = NULL;
        return ERR_OK;
    }
    if (code == ERR_OK && PQresultStatus(row) == PGRES_FATAL_ERROR)
        code = postgres_fail(postgres, row, err);
    else if (code == ERR_OK && PQresultStatus(row) == PGRES_EMPTY_QUERY)
        code = err_set(err, ERR_ENGINE, "the statement is empty");
    else if (code == ERR_OK && postgres->stopped != ERR_OK) /* the end came before the cancel */
        code = postgres_fail(postgres, NULL, err);
    postgres_result_end(result);
    return code;
}

/* The next row: one held, or off the wire. */
static enum err_code row_next(struct postgres_result *result, PGresult **ret, struct err *err)
{
    *ret = NULL;
    if (result->held_next < result->held_count) {
        *ret = result->held[result->held_next];
        result->held[result->held_next++] = NULL;
        return ERR_OK;
    }
    return result->ended ? ERR_OK : row_fetch(result, ret, err);
}

static struct str cell(const PGresult *row, int column)
{
    return (struct str){PQgetvalue(row, 0, column), (size_t)PQgetlength(row, 0, column)};
}

/* Read rows ahead: one, so that an error of the first comes at once; a batch where a scale is to be
 * found. */
static enum err_code read_ahead(struct postgres_result *result, bool open_scale, struct err *err)
{
    size_t most = open_scale ? DATA_BATCH_ROWS : 1, bytes = 0;
    result->held = mem_zalloc(most, sizeof(PGresult *));
    if (result->held == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a result");
    while (result->held_count < most && bytes < POSTGRES_BATCH_BYTES && !result->ended) {
        PGresult *row = NULL;
        TRY(row_fetch(result, &row, err));
        if (row == NULL)
            break;
        bytes += PQresultMemorySize(row);
        result->held[result->held_count++] = row;
    }
    return ERR_OK;
}

static void settle_scale(struct postgres_result *result, int column)
{
    struct postgres_open_scale seen = {0};
    for (size_t idx = 0; idx < result->held_count; idx++)
        if (PQgetisnull(result->held[idx], 0, column) == 0)
            postgres_scale_see(&seen, cell(result->held[idx], column));
    result->columns[column].type = postgres_scale_settle(&seen);
}

static enum err_code result_columns(struct postgres_result *result, const PGresult *description,
                                    struct err *err)
{
    int count = PQnfields(description);
    bool open_scale = false;
    result->columns = mem_zalloc((size_t)count + 1, sizeof *result->columns);
    result->shape = arena_new(0);
    result->texts = arena_new(TEXT_LIMIT);
    if (result->columns == NULL || result->shape == NULL || result->texts == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a result of %d columns", count);
    for (int idx = 0; idx < count; idx++) {
        result->columns[idx] = postgres_column_of(postgres_of(result), PQftype(description, idx),
                                                  PQfmod(description, idx));
        open_scale = open_scale || result->columns[idx].open_scale;
    }
    TRY(read_ahead(result, open_scale, err));
    for (int idx = 0; idx < count; idx++) {
        if (result->columns[idx].open_scale)
            settle_scale(result, idx);
        TRY(data_schema_add(&result->base.schema, str_of(PQfname(description, idx)),
                            result->columns[idx].type, err));
    }
    result->batch = data_batch_new(result->shape, &result->base.schema, DATA_BATCH_ROWS);
    return result->batch != NULL
               ? ERR_OK
               : err_set(err, ERR_MEMORY, "no memory for a result of %d columns", count);
}

static enum err_code result_open(struct postgres_result *result, const char *sql,
                                 const struct engine_value *values, size_t count, struct err *err)
{
    struct postgres *postgres = postgres_of(result);
    AUTO(PQclear) PGresult *description = NULL;
    result->ended = true;
    TRY(postgres_begin(postgres, postgres->base.time_limit_ms, err));
    result->statement = postgres->statements;
    result->in_transaction = PQtransactionStatus(postgres->connection) != PQTRANS_IDLE;
    TRY(prepare_readable(postgres, sql, values, count, &description, err));
    TRY(postgres_start(postgres, values, count, err));
    result->ended = false;
    postgres->open = result;
    return result_columns(result, description, err);
}

enum err_code postgres_query(struct engine *engine, const char *sql,
                             const struct engine_value *values, size_t count,
                             struct engine_result **ret, struct err *err)
{
    struct postgres_result *result = mem_zalloc(1, sizeof *result);
    if (result == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a result");
    result->base.engine = engine;
    enum err_code code = result_open(result, sql, values, count, err);
    if (code != ERR_OK) {
        data_schema_done(&result->base.schema);
        postgres_result_close(&result->base);
        return code;
    }
    *ret = &result->base;
    return ERR_OK;
}

static void report(struct postgres_result *result)
{
    const struct engine *engine = result->base.engine;
    int64_t now_us = clock_monotonic_us();
    if (engine->progress == NULL || now_us - result->reported_us < REPORT_EVERY_US)
        return;
    result->reported_us = now_us;
    progress_report(engine->progress, &(struct progress_event){
                                          .phase = engine->phase != NULL ? engine->phase : "query",
                                          .subject = engine->subject != NULL ? engine->subject : "",
                                          .done = result->rows,
                                          .unit = "rows",
                                      });
}

static enum err_code decode_row(struct postgres_result *result, const PGresult *row, int64_t at,
                                struct err *err)
{
    for (size_t idx = 0; idx < result->batch->columns; idx++) {
        struct data_vector *vector = &result->batch->vectors[idx];
        bool valid = PQgetisnull(row, 0, (int)idx) == 0;
        data_vector_set_valid(vector, at, valid);
        if (valid && postgres_read(&result->columns[idx], cell(row, (int)idx), vector, at,
                                   result->texts, err) != ERR_OK)
            return err_context(err, "column %zu", idx + 1);
        if (!valid && data_kind_bytes(vector->type.kind) == sizeof(struct str) &&
            (vector->type.kind == DATA_TEXT || vector->type.kind == DATA_JSON ||
             vector->type.kind == DATA_BLOB))
            vector->text[at] = (struct str){"", 0}; /* not what an earlier batch left */
    }
    return ERR_OK;
}

static enum err_code fill_batch(struct postgres_result *result, struct err *err)
{
    struct postgres *postgres = postgres_of(result);
    int64_t *rows = &result->batch->rows;
    arena_reset(result->texts);
    for (*rows = 0; *rows < DATA_BATCH_ROWS; ++*rows) {
        AUTO(PQclear) PGresult *row = NULL;
        if (*rows % LOOK_EVERY_ROWS == 0 && !result->ended) {
            TRY(postgres_look(postgres, err));
            if (postgres->stopped != ERR_OK) { /* what is still under way is not worth decoding */
                postgres_result_end(result);
                return postgres_fail(postgres, NULL, err);
            }
        }
        if (arena_used_bytes(result->texts) > POSTGRES_BATCH_BYTES)
            break;
        TRY(row_next(result, &row, err));
        if (row == NULL)
            break;
        TRY(decode_row(result, row, *rows, err));
    }
    result->rows += *rows;
    return ERR_OK;
}

enum err_code postgres_result_next(struct engine_result *base, const struct data_batch **ret,
                                   struct err *err)
{
    struct postgres_result *result = (struct postgres_result *)base;
    if (postgres_of(result)->statements != result->statement)
        return err_set(err, ERR_USAGE,
                       "another statement ran on the engine while this result was open");
    TRY(fill_batch(result, err));
    report(result);
    *ret = result->batch->rows > 0 ? result->batch : NULL;
    return ERR_OK;
}

void postgres_result_close(struct engine_result *base)
{
    struct postgres_result *result = (struct postgres_result *)base;
    postgres_result_end(result);
    while (result->held_next < result->held_count)
        PQclear(result->held[result->held_next++]);
    mem_free(result->held);
    mem_free(result->columns);
    arena_free(result->shape);
    arena_free(result->texts);
    mem_free(result);
}
