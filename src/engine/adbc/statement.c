/* Statements and results: one AdbcStatement at a time. A result holds one Arrow array of the
 * driver's stream; a batch is a slice of it, and its texts borrow from it. */
#include <string.h>

#include "engine/adbc/adbc_priv.h"
#include "engine/trino/trino_priv.h" /* trino_next_statement: a list parted at its semicolons */

struct adbc_result {
    struct engine_result base;
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    int64_t row; /* next of the array */
    struct arena *columns_arena, *rows_arena;
    struct adbc_column root;
    bool ended; /* by another statement */
};

/* ---- a statement --------------------------------------------------------------------------------
 */

void adbc_statement_end(struct adbc *adbc)
{
    struct AdbcError error = adbc_error_new();
    if (adbc->statement.private_data != NULL)
        (void)adbc->table.StatementRelease(&adbc->statement, &error);
    if (error.release != NULL)
        error.release(&error);
    adbc->statement = (struct AdbcStatement){0};
    adbc_watch_end(adbc);
}

enum err_code adbc_statement_begin(struct adbc *adbc, struct err *err)
{
    struct AdbcError error = adbc_error_new();
    adbc_result_end(adbc);
    TRY(adbc_watch_begin(adbc, err));
    uint8_t status = adbc->table.StatementNew(&adbc->connection, &adbc->statement, &error);
    if (status == ADBC_STATUS_OK)
        return ERR_OK;
    enum err_code code = adbc_fail(adbc, status, &error, err);
    adbc_statement_end(adbc);
    return code;
}

static enum err_code bind(struct adbc *adbc, const struct engine_value *values, size_t count,
                          struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct AdbcError error = adbc_error_new();
    struct data_batch row = {0};
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    int64_t bytes = 0;
    if (arena == NULL)
        return err_set(err, ERR_MEMORY, "no memory for parameters");
    if (adbc->table.StatementBind == NULL)
        return adbc_lacks("parameters of statements", err);
    TRY(adbc_write_values(adbc, values, count, arena, &row, err));
    TRY(adbc_write_schema(&row, NULL, &schema, err));
    enum err_code code = adbc_write_batch(&row, &array, &bytes, err);
    if (code == ERR_OK) {
        uint8_t status = adbc->table.StatementBind(&adbc->statement, &array, &schema, &error);
        if (status != ADBC_STATUS_OK)
            code = adbc_fail(adbc, status, &error, err);
    }
    if (array.release != NULL) /* not taken */
        array.release(&array);
    if (schema.release != NULL)
        schema.release(&schema);
    return code;
}

/* What is asked: SQL with parameters, or a plan in Substrait. */
struct question {
    const char *sql; /* NULL: the plan */
    struct str plan;
    const struct engine_value *values;
    size_t count;
};

/* Text, parameters, execution: the calls that may take long. stream NULL: for its effect. */
static enum err_code run(struct adbc *adbc, const struct question *question,
                         struct ArrowArrayStream *stream, struct err *err)
{
    struct AdbcError error = adbc_error_new();
    TRY(adbc_watch_enter(adbc, err));
    uint8_t status =
        question->sql != NULL
            ? adbc->table.StatementSetSqlQuery(&adbc->statement, question->sql, &error)
            : adbc->table.StatementSetSubstraitPlan(&adbc->statement,
                                                    (const uint8_t *)question->plan.ptr,
                                                    question->plan.len, &error);
    if (status == ADBC_STATUS_OK && question->count > 0 && adbc->table.StatementPrepare != NULL)
        status = adbc->table.StatementPrepare(&adbc->statement, &error);
    adbc_watch_leave(adbc);
    if (status != ADBC_STATUS_OK)
        return adbc_fail(adbc, status, &error, err);
    if (question->count > 0)
        TRY(bind(adbc, question->values, question->count, err));
    int64_t affected = -1;
    error = adbc_error_new();
    TRY(adbc_watch_enter(adbc, err));
    status = adbc->table.StatementExecuteQuery(&adbc->statement, stream, &affected, &error);
    adbc_watch_leave(adbc);
    return status == ADBC_STATUS_OK ? ERR_OK : adbc_fail(adbc, status, &error, err);
}

static enum err_code run_one(struct adbc *adbc, struct str sql, const struct engine_value *values,
                             size_t count, struct ArrowArrayStream *stream, struct err *err)
{
    AUTO(mem_free) char *text = mem_strndup(sql.ptr, sql.len);
    if (text == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a statement");
    return run(adbc, &(struct question){.sql = text, .values = values, .count = count}, stream,
               err);
}

enum err_code adbc_execute(struct engine *engine, const char *sql,
                           const struct engine_value *values, size_t count, struct err *err)
{
    struct adbc *adbc = (struct adbc *)engine;
    struct str rest = str_of(sql), one, other;
    while (trino_next_statement(&rest, &one)) {
        struct str after = rest;
        if (count > 0 && trino_next_statement(&after, &other))
            return err_set(err, ERR_USAGE, "parameters are given to more than one statement");
        TRY(adbc_statement_begin(adbc, err));
        enum err_code code = run_one(adbc, one, values, count, NULL, err);
        adbc_statement_end(adbc);
        TRY(code);
    }
    return ERR_OK;
}

/* ---- results ------------------------------------------------------------------------------------
 */

/* PostgreSQL's driver leaves unread rows to the next statement: they are read off here, until the
 * watch cancels. */
static void read_off(struct adbc *adbc, struct ArrowArrayStream *stream)
{
    bool cancels = adbc->table.StatementCancel != NULL || adbc->table.ConnectionCancel != NULL;
    struct ArrowArray array = {0};
    if (!cancels || strcmp(adbc->url.dialect, "postgresql") != 0 || stream->get_next == NULL)
        return;
    while (stream->get_next(stream, &array) == 0 && array.release != NULL)
        array.release(&array);
}

/* The driver's side of a result. Its rows are released before its stream, that before its
 * statement. */
static void let_go(struct adbc *adbc, struct adbc_result *result)
{
    if (result->array.release != NULL)
        result->array.release(&result->array);
    if (result->stream.release != NULL) {
        adbc_watch_enter_close(adbc);
        read_off(adbc, &result->stream);
        result->stream.release(&result->stream);
        adbc_watch_leave(adbc);
    }
    result->array.release = NULL;
    result->stream.release = NULL;
    if (adbc->open == result) {
        adbc->open = NULL;
        adbc_statement_end(adbc);
    }
}

void adbc_result_end(struct adbc *adbc)
{
    struct adbc_result *result = adbc->open;
    if (result == NULL)
        return;
    result->ended = true;
    let_go(adbc, result);
}

void adbc_result_close(struct engine_result *base)
{
    struct adbc_result *result = (struct adbc_result *)base;
    let_go((struct adbc *)base->engine, result);
    arena_free(result->columns_arena);
    arena_free(result->rows_arena);
    mem_free(result);
}

static enum err_code learn_schema(struct adbc *adbc, struct adbc_result *result, struct err *err)
{
    struct ArrowSchema schema = {0};
    if (result->stream.release == NULL || result->stream.get_schema == NULL ||
        result->stream.get_next == NULL)
        return err_set(err, ERR_ENGINE, "the ADBC driver gave no stream of rows");
    TRY(adbc_watch_enter(adbc, err));
    int failed = result->stream.get_schema(&result->stream, &schema);
    adbc_watch_leave(adbc);
    if (failed != 0)
        return adbc_fail_stream(adbc, &result->stream, err);
    enum err_code code =
        adbc_read_schema(&schema, result->columns_arena, &result->base.schema, &result->root, err);
    if (schema.release != NULL)
        schema.release(&schema);
    return code;
}

/* A result that is open: its statement ran, its columns are known. */
static enum err_code ask(struct adbc *adbc, const struct question *question,
                         struct engine_result **ret, struct err *err)
{
    struct adbc_result *result = mem_zalloc(1, sizeof *result);
    if (result == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a result");
    result->base.engine = &adbc->base;
    result->columns_arena = arena_new(0);
    result->rows_arena = arena_new(0);
    enum err_code code = ERR_OK;
    if (result->columns_arena == NULL || result->rows_arena == NULL)
        code = err_set(err, ERR_MEMORY, "no memory for a result");
    if (code == ERR_OK)
        code = adbc_statement_begin(adbc, err);
    if (code == ERR_OK) {
        adbc->open = result;
        code = run(adbc, question, &result->stream, err);
        if (code == ERR_OK)
            code = learn_schema(adbc, result, err);
    }
    if (code != ERR_OK) {
        data_schema_done(&result->base.schema);
        adbc_result_close(&result->base);
        return code;
    }
    *ret = &result->base;
    return ERR_OK;
}

enum err_code adbc_query(struct engine *engine, const char *sql, const struct engine_value *values,
                         size_t count, struct engine_result **ret, struct err *err)
{
    struct str rest = str_of(sql), one = {0}, other;
    if (!trino_next_statement(&rest, &one))
        return err_set(err, ERR_ENGINE, "the statement is empty");
    if (trino_next_statement(&rest, &other))
        return err_set(err, ERR_USAGE, "one statement is expected, not several");
    AUTO(mem_free) char *text = mem_strndup(one.ptr, one.len);
    if (text == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a statement");
    struct question question = {.sql = text, .values = values, .count = count};
    return ask((struct adbc *)engine, &question, ret, err);
}

enum err_code adbc_query_substrait(struct engine *engine, struct str plan,
                                   struct engine_result **ret, struct err *err)
{
    return ask((struct adbc *)engine, &(struct question){.plan = plan}, ret, err);
}

/* The array that follows; afterwards array.release is NULL at the end. */
static enum err_code turn(struct adbc *adbc, struct adbc_result *result, struct err *err)
{
    if (result->array.release != NULL)
        result->array.release(&result->array);
    result->array = (struct ArrowArray){0};
    result->row = 0;
    TRY(adbc_watch_enter(adbc, err));
    int failed = result->stream.get_next(&result->stream, &result->array);
    adbc_watch_leave(adbc);
    if (failed != 0)
        return adbc_fail_stream(adbc, &result->stream, err);
    return result->array.release == NULL ? ERR_OK
                                         : adbc_read_check(&result->root, &result->array, err);
}

enum err_code adbc_result_next(struct engine_result *base, const struct data_batch **ret,
                               struct err *err)
{
    struct adbc_result *result = (struct adbc_result *)base;
    struct adbc *adbc = (struct adbc *)base->engine;
    struct data_batch *batch = NULL;
    *ret = NULL;
    if (result->ended)
        return err_set(err, ERR_USAGE,
                       "another statement ran on the engine while this result was open");
    if (adbc->open != result) /* at its end already */
        return ERR_OK;
    TRY(adbc_watch_enter(adbc, err)); /* a reason to stop ends what is cached, too */
    adbc_watch_leave(adbc);
    while (result->array.release == NULL || result->row >= result->array.length) {
        TRY(turn(adbc, result, err));
        if (result->array.release == NULL) {
            let_go(adbc, result);
            return ERR_OK;
        }
    }
    int64_t rows = result->array.length - result->row;
    rows = rows < DATA_BATCH_ROWS ? rows : DATA_BATCH_ROWS;
    arena_reset(result->rows_arena);
    TRY(adbc_read_batch(&result->root, &result->array, &base->schema, result->row, rows,
                        result->rows_arena, &batch, err));
    result->row += rows;
    *ret = batch;
    return ERR_OK;
}
