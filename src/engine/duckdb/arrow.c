/* A result as an Arrow C stream (Arrow C data and stream interfaces,
 * arrow.apache.org/docs/format/CStreamInterface.html). DuckDB converts type by type; the stream
 * owns the result, and an array handed out owns itself and may outlive the stream. */
#include <errno.h>
#include <string.h>

#include <marrow_arrow.h>

#include "engine/duckdb/duckdb_priv.h"

struct arrow_stream {
    struct embedded_result *result;
    duckdb_arrow_options options;
    struct err err;
    char text[2 * ERR_TEXT_BYTES + 4];
};

static int errno_of(enum err_code code)
{
    switch (code) {
    case ERR_MEMORY:
        return ENOMEM;
    case ERR_INTERRUPTED:
        return EINTR;
    case ERR_TIMEOUT:
        return ETIMEDOUT;
    case ERR_USAGE:
        return EINVAL;
    case ERR_OK:
    case ERR_FAILED:
    case ERR_INPUT:
    case ERR_LIMIT:
    case ERR_LOCKED:
    case ERR_INTEGRITY:
    case ERR_NOT_FOUND:
    case ERR_IO:
    case ERR_ENGINE:
    case ERR_UNSUPPORTED:
        break;
    }
    return EIO;
}

static int convert_done(struct arrow_stream *stream, duckdb_error_data failure)
{
    bool failed = failure != NULL && duckdb_error_data_has_error(failure);
    enum err_code code = failed ? engine_fail(stream->result->engine,
                                              duckdb_error_data_message(failure), &stream->err)
                                : ERR_OK;
    if (failure != NULL)
        duckdb_destroy_error_data(&failure);
    return failed ? errno_of(code) : 0;
}

static int stream_schema(struct ArrowArrayStream *self, struct ArrowSchema *ret)
{
    struct arrow_stream *stream = self->private_data;
    struct embedded_result *result = stream->result;
    size_t count = result->column_count;
    duckdb_logical_type *types = mem_zalloc(count + 1, sizeof *types);
    const char **names = mem_zalloc(count + 1, sizeof *names);
    int code = ENOMEM;
    if (types != NULL && names != NULL) {
        for (size_t idx = 0; idx < count; idx++) {
            types[idx] = duckdb_column_logical_type(&result->raw, idx);
            names[idx] = duckdb_column_name(&result->raw, idx);
        }
        code =
            convert_done(stream, duckdb_to_arrow_schema(stream->options, types, names, count, ret));
        for (size_t idx = 0; idx < count; idx++)
            duckdb_destroy_logical_type(&types[idx]);
    }
    mem_free(types);
    mem_free(names);
    return code;
}

static int stream_next(struct ArrowArrayStream *self, struct ArrowArray *ret)
{
    struct arrow_stream *stream = self->private_data;
    memset(ret, 0, sizeof *ret); /* release NULL: the end */
    duckdb_data_chunk chunk = NULL;
    enum err_code code = result_fetch(stream->result, &chunk, &stream->err);
    if (code != ERR_OK)
        return errno_of(code);
    if (chunk == NULL)
        return 0;
    int failed = convert_done(stream, duckdb_data_chunk_to_arrow(stream->options, chunk, ret));
    duckdb_destroy_data_chunk(&chunk);
    return failed;
}

static const char *stream_last_error(struct ArrowArrayStream *self)
{
    struct arrow_stream *stream = self->private_data;
    if (stream->err.code == ERR_OK)
        return NULL;
    size_t length = strlen(stream->err.message), more = strlen(stream->err.detail);
    memcpy(stream->text, stream->err.message, length + 1);
    if (more > 0) {
        memcpy(stream->text + length, ": ", 2);
        memcpy(stream->text + length + 2, stream->err.detail, more + 1);
    }
    return stream->text;
}

static void stream_release(struct ArrowArrayStream *self)
{
    struct arrow_stream *stream = self->private_data;
    engine_result_close(&stream->result->base);
    duckdb_destroy_arrow_options(&stream->options);
    mem_free(stream);
    self->release = NULL;
    self->private_data = NULL;
}

enum err_code engine_result_to_arrow(struct engine_result *result_taken,
                                     struct ArrowArrayStream *ret, struct err *err)
{
    struct embedded *engine = NULL;
    struct embedded_result *result = (struct embedded_result *)result_taken;
    memset(ret, 0, sizeof *ret);
    enum err_code code = embedded_of(result_taken->engine, "an Arrow stream", &engine, err);
    if (code != ERR_OK) {
        engine_result_close(result_taken);
        return code;
    }
    struct arrow_stream *stream = mem_zalloc(1, sizeof *stream);
    if (stream == NULL) {
        engine_result_close(result_taken);
        return err_set(err, ERR_MEMORY, "no memory for an Arrow stream");
    }
    stream->result = result;
    stream->options = duckdb_result_get_arrow_options(&result->raw);
    ret->get_schema = stream_schema;
    ret->get_next = stream_next;
    ret->get_last_error = stream_last_error;
    ret->release = stream_release;
    ret->private_data = stream;
    return ERR_OK;
}
