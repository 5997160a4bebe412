/* Statements: prepare, bind, run. A statement runs as a pending result: while DuckDB's threads
 * work, this thread runs tasks too and reports progress between them; the watch (watch.c) stops it
 * from outside. Results stream, so memory stays flat however many rows come. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "engine/duckdb/duckdb_priv.h"

#define REPORT_EVERY_US 50000

static bool wants_report(const struct embedded *engine)
{
    return engine->base.progress != NULL && engine->base.progress->report != NULL;
}

/* DuckDB counts progress only when told to, and only for statements begun after. */
static void progress_enable(struct embedded *engine)
{
    if (!wants_report(engine) || engine->progress_enabled)
        return;
    duckdb_result result = {0};
    static const char *const settings[] = {"SET enable_progress_bar = true",
                                           "SET enable_progress_bar_print = false"};
    for (size_t idx = 0; idx < 2; idx++) {
        (void)duckdb_query(engine->connection, settings[idx],
                           &result); /* refused: no fraction is reported */
        duckdb_destroy_result(&result);
    }
    engine->progress_enabled = true;
}

void engine_report(struct embedded *engine)
{
    int64_t now_us = clock_monotonic_us();
    if (!wants_report(engine) || now_us - engine->reported_us < REPORT_EVERY_US)
        return;
    engine->reported_us = now_us;
    duckdb_query_progress_type state = duckdb_query_progress(engine->connection);
    if (!(state.percentage >= 0))
        return;
    struct progress_event event = {
        .phase = engine->base.phase != NULL ? engine->base.phase : "query",
        .subject = engine->base.subject != NULL ? engine->base.subject : "",
        .done = (int64_t)(state.percentage * 10),
        .total = 1000,
        .unit = "per mille"};
    if (state.total_rows_to_process > 0) {
        event.done = (int64_t)state.rows_processed;
        event.total = (int64_t)state.total_rows_to_process;
        event.unit = "rows";
    }
    progress_report(engine->base.progress, &event);
}

/* "-12.340" of DECIMAL(18,3) → unscaled -12340. False: not a decimal lexeme, or it does not fit. */
static bool decimal_unscale(struct str text, struct data_type type, duckdb_decimal *ret)
{
    __extension__ unsigned __int128 number = 0;
    size_t idx = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    unsigned digits = 0, scale = 0;
    bool point = false, any = false;
    for (; idx < text.len; idx++) {
        char c = text.ptr[idx];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || (point && scale == type.scale && c != '0'))
            return false;
        any = true;
        if (point && scale == type.scale)
            continue; /* a zero past the scale */
        digits += number != 0 || c != '0';
        scale += point;
        if (digits > type.precision)
            return false;
        number = number * 10 + (unsigned)(c - '0');
    }
    for (; scale < type.scale; scale++) {
        digits += number != 0;
        if (digits > type.precision)
            return false;
        number *= 10;
    }
    if (text.len > 0 && text.ptr[0] == '-')
        number = -number;
    *ret = (duckdb_decimal){
        type.precision, type.scale, {(uint64_t)number, (int64_t)(uint64_t)(number >> 64)}};
    return any;
}

static duckdb_state bind_decimal(duckdb_prepared_statement statement, idx_t idx,
                                 const struct engine_value *value)
{
    duckdb_decimal decimal;
    if (!decimal_unscale(value->text, value->type, &decimal))
        return DuckDBError;
    return duckdb_bind_decimal(statement, idx, decimal);
}

static duckdb_state bind_one(duckdb_prepared_statement statement, idx_t idx,
                             const struct engine_value *value)
{
    switch (value->type.kind) {
    case DATA_NULL:
        return duckdb_bind_null(statement, idx);
    case DATA_BOOLEAN:
        return duckdb_bind_boolean(statement, idx, value->i64 != 0);
    case DATA_BIGINT:
        return duckdb_bind_int64(statement, idx, value->i64);
    case DATA_DOUBLE:
        return duckdb_bind_double(statement, idx, value->f64);
    case DATA_DATE:
        return duckdb_bind_date(statement, idx, (duckdb_date){(int32_t)value->i64});
    case DATA_TIME:
        return duckdb_bind_time(statement, idx, (duckdb_time){value->i64});
    case DATA_TIMESTAMP:
        return duckdb_bind_timestamp(statement, idx, (duckdb_timestamp){value->i64});
    case DATA_TIMESTAMPTZ:
        return duckdb_bind_timestamp_tz(statement, idx, (duckdb_timestamp){value->i64});
    case DATA_TEXT:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        return duckdb_bind_varchar_length(statement, idx, value->text.ptr, value->text.len);
    case DATA_BLOB:
        return duckdb_bind_blob(statement, idx, value->text.ptr, value->text.len);
    case DATA_DECIMAL:
        return bind_decimal(statement, idx, value);
    case DATA_UHUGEINT:
    case DATA_INTERVAL:
        break;
    }
    return DuckDBError;
}

static enum err_code bind_all(struct embedded *engine, duckdb_prepared_statement statement,
                              const struct engine_value *values, size_t value_count,
                              struct err *err)
{
    idx_t wanted = duckdb_nparams(statement);
    if (wanted != value_count)
        return err_set(err, ERR_USAGE, "the statement has %llu parameters, %zu values were given",
                       (unsigned long long)wanted, value_count);
    for (size_t idx = 0; idx < value_count; idx++) {
        if (bind_one(statement, idx + 1, &values[idx]) == DuckDBSuccess)
            continue;
        char text[32];
        const char *reason = duckdb_prepare_error(statement);
        if (reason != NULL)
            return engine_fail(engine, reason, err);
        return err_set(err, ERR_USAGE, "parameter %zu of type %s cannot be bound", idx + 1,
                       data_type_text(values[idx].type, text));
    }
    return ERR_OK;
}

/* What every statement begins with: the user may have stopped already; an earlier callback's error
 * is stale. */
static enum err_code statement_begin(struct embedded *engine, struct err *err)
{
    TRY(progress_check(engine->base.progress, err));
    engine->statements++;
    pthread_mutex_lock(&engine->native_lock);
    engine->native_err.code = ERR_OK;
    pthread_mutex_unlock(&engine->native_lock);
    progress_enable(engine);
    return watch_begin(&engine->watch, engine->base.progress, engine->base.time_limit_ms, err);
}

enum err_code statement_prepare(struct embedded *engine, const char *sql,
                                const struct engine_value *values, size_t value_count,
                                duckdb_prepared_statement *ret, struct err *err)
{
    TRY(statement_begin(engine, err));
    if (duckdb_prepare(engine->connection, sql, ret) == DuckDBError)
        return engine_fail(engine, duckdb_prepare_error(*ret), err);
    return bind_all(engine, *ret, values, value_count, err);
}

static void pause_us(long microseconds)
{
    struct timespec pause = {.tv_nsec = microseconds * 1000};
    nanosleep(&pause, NULL);
}

/* A sixteenth of what was waited so far: looking often costs the threads that work (10 % of an
 * import's processor time at two looks a millisecond), looking late costs at most 6 % more time. */
static long pause_after(long waited_us)
{
    long pause = waited_us / 16;
    pause = pause < 20 ? 20 : pause > 4000 ? 4000 : pause;
    pause_us(pause);
    return pause;
}

/* Run tasks until rows can be had, reporting between them. duckdb_execute_pending alone would spin
 * while other threads hold the last tasks: on two cores it takes a tenth of an import's processor
 * time from them. */
static enum err_code pending_work(struct embedded *engine, duckdb_pending_result pending,
                                  struct err *err)
{
    long waited_us = 0;
    for (;;) {
        switch (duckdb_pending_execute_task(pending)) {
        case DUCKDB_PENDING_RESULT_READY:
            return ERR_OK;
        case DUCKDB_PENDING_ERROR: /* executing it now would wrap the message, class and all */
            return engine_fail(engine, duckdb_pending_error(pending), err);
        case DUCKDB_PENDING_RESULT_NOT_READY:
            break;
        case DUCKDB_PENDING_NO_TASKS_AVAILABLE:
            waited_us += pause_after(waited_us);
            break;
        }
        engine_report(engine);
    }
}

enum err_code statement_start(struct embedded *engine, duckdb_prepared_statement statement,
                              duckdb_result *ret, struct err *err)
{
    duckdb_pending_result pending = NULL;
    enum err_code code = ERR_OK;
    if (duckdb_pending_prepared_streaming(statement, &pending) == DuckDBError) {
        code = engine_fail(engine, duckdb_pending_error(pending), err);
    } else {
        code = pending_work(engine, pending, err);
        if (code == ERR_OK && duckdb_execute_pending(pending, ret) == DuckDBError) {
            code = engine_fail(engine, duckdb_result_error(ret), err);
            duckdb_destroy_result(ret);
        }
    }
    duckdb_destroy_pending(&pending);
    return code;
}

/* Pull and drop the rows: a streaming result does its work as it is read. */
static enum err_code result_drain(struct embedded *engine, duckdb_result *result, struct err *err)
{
    for (;;) {
        duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
        if (chunk == NULL)
            break;
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        duckdb_destroy_data_chunk(&chunk);
        if (rows == 0)
            break;
        engine_report(engine);
    }
    const char *message = duckdb_result_error(result);
    return message != NULL && *message != '\0' ? engine_fail(engine, message, err)
                                               : native_failed(engine, err);
}

static enum err_code statement_run(struct embedded *engine, duckdb_prepared_statement statement,
                                   struct err *err)
{
    duckdb_result result = {0};
    TRY(statement_start(engine, statement, &result, err));
    enum err_code code = result_drain(engine, &result, err);
    duckdb_destroy_result(&result);
    return code;
}

/* A list: each statement is prepared when those before it have run. */
static enum err_code execute_list(struct embedded *engine, const char *sql, struct err *err)
{
    duckdb_extracted_statements list = NULL;
    idx_t count = duckdb_extract_statements(engine->connection, sql, &list);
    enum err_code code = ERR_OK;
    if (count == 0) {
        const char *message = duckdb_extract_statements_error(list);
        if (message != NULL && *message != '\0')
            code = engine_fail(engine, message, err);
    }
    for (idx_t idx = 0; code == ERR_OK && idx < count; idx++) {
        duckdb_prepared_statement statement = NULL;
        code = statement_begin(engine, err);
        if (code == ERR_OK && duckdb_prepare_extracted_statement(engine->connection, list, idx,
                                                                 &statement) == DuckDBError)
            code = engine_fail(engine, duckdb_prepare_error(statement), err);
        if (code == ERR_OK)
            code = bind_all(engine, statement, NULL, 0, err);
        if (code == ERR_OK)
            code = statement_run(engine, statement, err);
        watch_end(&engine->watch);
        duckdb_destroy_prepare(&statement);
    }
    duckdb_destroy_extracted(&list);
    return code;
}

enum err_code embedded_execute(struct engine *base, const char *sql,
                               const struct engine_value *values, size_t value_count,
                               struct err *err)
{
    struct embedded *engine = (struct embedded *)base;
    if (value_count == 0)
        return execute_list(engine, sql, err);
    duckdb_prepared_statement statement = NULL;
    enum err_code code = statement_prepare(engine, sql, values, value_count, &statement, err);
    if (code == ERR_OK)
        code = statement_run(engine, statement, err);
    watch_end(&engine->watch);
    duckdb_destroy_prepare(&statement);
    return code;
}
