/* Conveniences over engine_query: one integer, one text, a small table as JSON rows. They know no
 * engine. */
#include <string.h>

#include "engine/engine.h"

static enum err_code first_batch(struct engine *engine, const char *sql, struct engine_result **ret,
                                 const struct data_batch **ret_batch, struct err *err)
{
    TRY(engine_query(engine, sql, NULL, 0, ret, err));
    TRY(engine_result_next(*ret, ret_batch, err));
    if (*ret_batch == NULL)
        return err_set(err, ERR_ENGINE, "the statement gave no row where one was expected");
    return ERR_OK;
}

enum err_code engine_query_int(struct engine *engine, const char *sql, int64_t fallback,
                               int64_t *ret, struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    TRY(first_batch(engine, sql, &result, &batch, err));
    const struct data_vector *vector = &batch->vectors[0];
    *ret = fallback;
    if (!data_vector_is_valid(vector, 0))
        return ERR_OK;
    if (vector->type.kind == DATA_BOOLEAN) {
        *ret = vector->u8[0];
        return ERR_OK;
    }
    __attribute__((cleanup(auto_buf_done))) struct buf text = BUF_INIT;
    data_value_text(vector, 0, &text);
    if (!str_to_int64(buf_view(&text), ret))
        return err_set(err, ERR_ENGINE,
                       "the statement gave no 64-bit integer where one was expected");
    return ERR_OK;
}

enum err_code engine_query_text(struct engine *engine, const char *sql, struct buf *ret,
                                struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    TRY(first_batch(engine, sql, &result, &batch, err));
    data_value_text(&batch->vectors[0], 0, ret);
    return buf_check(ret, err);
}

/* Longest decimal that a double holds without loss, so that it may be a JSON number for every
 * reader. */
#define EXACT_DIGITS 15

static void push_decimal(json_t *row, struct str text, bool *ok)
{
    int64_t whole;
    double real;
    size_t digits = 0;
    for (size_t idx = 0; idx < text.len; idx++)
        digits += text.ptr[idx] >= '0' && text.ptr[idx] <= '9';
    if (str_to_int64(text, &whole))
        json_push(row, json_integer(whole), ok);
    else if (digits <= EXACT_DIGITS && str_to_double(text, &real))
        json_push(row, json_real(real), ok);
    else
        json_push(row, json_stringn(text.ptr, text.len), ok);
}

static void push_text(json_t *row, struct str text, bool *ok)
{
    json_t *string = json_stringn(text.ptr != NULL ? text.ptr : "", text.len);
    if (string == NULL && str_utf8_valid_prefix(text) < text.len) {
        char pattern[64]; /* bytes that are no text (a blob) */
        string = json_string(err_pattern(text.ptr, text.len, pattern, sizeof pattern));
    }
    json_push(row, string, ok);
}

static void push_value(json_t *row, const struct data_vector *vector, int64_t idx,
                       struct buf *scratch, bool *ok)
{
    if (!data_vector_is_valid(vector, idx)) {
        json_push(row, json_null(), ok);
        return;
    }
    buf_clear(scratch);
    switch (vector->type.kind) {
    case DATA_NULL:
        json_push(row, json_null(), ok);
        return;
    case DATA_BOOLEAN:
        json_push(row, json_boolean(vector->u8[idx]), ok);
        return;
    case DATA_BIGINT:
        json_push(row, json_integer(vector->i64[idx]), ok);
        return;
    case DATA_DOUBLE: {
        json_t *real = json_real(vector->f64[idx]); /* NULL for nan and inf */
        json_push(row, real != NULL ? real : json_null(), ok);
        return;
    }
    case DATA_DECIMAL:
        data_value_text(vector, idx, scratch);
        push_decimal(row, buf_view(scratch), ok);
        return;
    case DATA_TEXT:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
    case DATA_UHUGEINT:
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
    case DATA_BLOB:
        data_value_text(vector, idx, scratch);
        push_text(row, buf_view(scratch), ok);
        return;
    }
}

static void push_batch(json_t *rows, const struct data_batch *batch, struct buf *scratch, bool *ok)
{
    for (int64_t idx = 0; idx < batch->rows && *ok; idx++) {
        json_t *row = json_array();
        *ok = *ok && row != NULL;
        for (size_t column = 0; column < batch->columns && *ok; column++)
            push_value(row, &batch->vectors[column], idx, scratch, ok);
        json_push(rows, row, ok);
    }
}

enum err_code engine_query_json(struct engine *engine, const char *sql, int64_t row_limit,
                                json_t **ret_rows, struct err *err)
{
    *ret_rows = NULL;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    __attribute__((cleanup(auto_buf_done))) struct buf scratch = BUF_INIT;
    TRY(engine_query(engine, sql, NULL, 0, &result, err));
    JSON_AUTO rows = json_array();
    bool ok = rows != NULL;
    for (;;) {
        const struct data_batch *batch = NULL;
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            break;
        if ((int64_t)json_array_size(rows) + batch->rows > row_limit)
            return err_set(err, ERR_LIMIT, "the result has more than %lld rows",
                           (long long)row_limit);
        push_batch(rows, batch, &scratch, &ok);
    }
    TRY(json_built(ok && !scratch.failed, err));
    *ret_rows = json_incref(rows);
    return ERR_OK;
}
