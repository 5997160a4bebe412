/* A query's rows as an Arrow C stream: the engine's stream inside, the query's engine and history
 * entry kept alive around it. */
#include "api/api_priv.h"

#include "marrow_arrow.h"

#include <errno.h>
#include <string.h>

struct held {
    struct ArrowArrayStream inner;
    struct api_rows *rows;
    struct err void_answer; /* files outside the store changed while they were read */
};

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct held *held = stream->private_data;
    return held->inner.get_schema(&held->inner, out);
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct held *held = stream->private_data;
    int status = held->inner.get_next(&held->inner, out);
    bool rows = status == 0 && out->release != NULL;
    if (status == 0 && !rows && api_rows_still(held->rows, &held->void_answer) != ERR_OK)
        status = EIO;
    api_rows_streamed(held->rows, rows ? out->length : 0, status == 0 && !rows, status != 0);
    return status;
}

static const char *get_last_error(struct ArrowArrayStream *stream)
{
    struct held *held = stream->private_data;
    if (held->void_answer.code != ERR_OK)
        return held->void_answer.message;
    return held->inner.get_last_error(&held->inner);
}

static void release(struct ArrowArrayStream *stream)
{
    struct held *held = stream->private_data;
    held->inner.release(&held->inner);
    api_rows_close(held->rows);
    mem_free(held);
    stream->release = NULL;
}

enum err_code api_rows_to_arrow(struct api_rows *rows_taken, struct ArrowArrayStream *ret,
                                struct err *err)
{
    struct held *held = mem_zalloc(1, sizeof *held);
    enum err_code code =
        held == NULL ? err_set(err, ERR_MEMORY, "no memory for the stream")
                     : engine_result_to_arrow(api_rows_take_result(rows_taken), &held->inner, err);
    if (held == NULL || code != ERR_OK) {
        mem_free(held);
        api_rows_close(rows_taken);
        return code;
    }
    held->rows = rows_taken;
    memset(ret, 0, sizeof *ret);
    ret->get_schema = get_schema;
    ret->get_next = get_next;
    ret->get_last_error = get_last_error;
    ret->release = release;
    ret->private_data = held;
    return ERR_OK;
}
