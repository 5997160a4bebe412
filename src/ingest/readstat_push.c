/* Rows of a scanned file to a sink: ReadStat hands over cell by cell; cells gather in one batch
 * whose texts live in a second arena; both are reused, so memory does not grow with rows. A row
 * with an instant that no calendar holds is rejected. */
#include <math.h>

#include "ingest/readstat_priv.h"

#define DAY_US 86400000000LL
#define BATCH_TEXT_BYTES (16u << 20)   /* texts in one batch: past it the batch is sent early */
#define BATCH_VALUE_BYTES (32LL << 20) /* wide files get shorter batches */
#define TEXT_ARENA_BYTES (1u << 30)

struct push {
    struct statfile_visit visit; /* first */
    const struct statfile *file;
    const struct data_schema *schema;
    const struct data_sink *sink;
    const struct progress *progress;
    struct arena *cells, *texts;
    struct data_batch *batch;
    int64_t capacity;
    int64_t filled;    /* complete rows in batch */
    int64_t row;       /* of the file, being read; -1 = none yet */
    int reject_column; /* -1: the row is fine */
    char reject_raw[32];
};

static void clear_row(struct push *push)
{
    for (size_t idx = 0; idx < push->batch->columns; idx++)
        data_vector_set_valid(&push->batch->vectors[idx], push->filled, false);
    push->reject_column = -1;
}

static enum err_code send_batch(struct push *push)
{
    TRY(progress_check(push->progress, push->visit.err));
    if (push->filled > 0) {
        push->batch->rows = push->filled;
        TRY(push->sink->batch(push->sink->user, push->batch, push->visit.err));
    }
    push->filled = 0;
    arena_reset(push->texts);
    return ERR_OK;
}

static enum err_code finish_row(struct push *push)
{
    if (push->row < 0)
        return ERR_OK;
    if (push->reject_column >= 0) {
        const char *name = push->schema->columns[push->reject_column].name;
        return push->sink->reject(push->sink->user, push->row + 1, name,
                                  "the number is no date or time that a calendar holds",
                                  str_of(push->reject_raw), push->visit.err);
    }
    push->filled++;
    if (push->filled >= push->capacity || arena_used_bytes(push->texts) > BATCH_TEXT_BYTES)
        return send_batch(push);
    return ERR_OK;
}

static bool store_text(struct push *push, struct data_vector *vector, const char *text)
{
    struct str view;
    bool cut;
    (void)statfile_text(text, &view, &cut);
    if (view.len == 0)
        return true;
    char *copy = arena_strndup(push->texts, view.ptr, view.len);
    if (copy == NULL)
        return false;
    vector->text[push->filled] = (struct str){copy, view.len};
    data_vector_set_valid(vector, push->filled, true);
    return true;
}

static void store_number(struct push *push, int index, double number)
{
    struct data_vector *vector = &push->batch->vectors[index];
    const struct statfile_column *column = &push->file->columns[index];
    int64_t us = 0;
    if (column->type.kind == DATA_DOUBLE)
        vector->f64[push->filled] = number;
    else if (column->type.kind == DATA_BIGINT)
        vector->i64[push->filled] = (int64_t)number;
    else if (!statfile_instant(&column->calendar, number, &us)) {
        push->reject_column = index;
        (void)str_from_double(number, push->reject_raw);
        return;
    } else if (column->type.kind == DATA_DATE)
        vector->i64[push->filled] = us / DAY_US;
    else
        vector->i64[push->filled] = us;
    data_vector_set_valid(vector, push->filled, true);
}

static int stop(struct push *push, enum err_code code)
{
    push->visit.code = code;
    return READSTAT_HANDLER_ABORT;
}

static int handle_value(int row, readstat_variable_t *variable, readstat_value_t value, void *user)
{
    struct push *push = user;
    int index = readstat_variable_get_index(variable);
    if (index < 0 || (size_t)index >= push->batch->columns)
        return stop(push,
                    err_set(push->visit.err, ERR_INPUT, "the file changed while it was read"));
    if (row != push->row) {
        enum err_code code = finish_row(push);
        if (code != ERR_OK)
            return stop(push, code);
        push->row = row;
        clear_row(push);
    }
    if (readstat_value_is_missing(value, variable))
        return READSTAT_HANDLER_OK;
    bool text = readstat_value_type_class(value) == READSTAT_TYPE_CLASS_STRING;
    if (text != push->file->columns[index].text)
        return stop(push,
                    err_set(push->visit.err, ERR_INPUT, "the file changed while it was read"));
    if (!text)
        store_number(push, index, readstat_double_value(value));
    else if (!store_text(push, &push->batch->vectors[index], readstat_string_value(value)))
        return stop(push, err_set(push->visit.err, ERR_LIMIT,
                                  "a row's texts are longer than %u bytes", TEXT_ARENA_BYTES));
    return READSTAT_HANDLER_OK;
}

/* ReadStat 1.1 needs one to lay out the variables of sav, por and dta files. */
static int handle_variable(int index, readstat_variable_t *variable, const char *labels, void *user)
{
    (void)index;
    (void)variable;
    (void)labels;
    (void)user;
    return READSTAT_HANDLER_OK;
}

static enum err_code read_rows(struct push *push)
{
    const struct statfile *file = push->file;
    struct err *err = push->visit.err;
    AUTO(statfile_stream_close) struct statfile_stream *stream = NULL;
    TRY(statfile_stream_open(&file->place, file->encoding, push->progress, file->origin, &stream,
                             err));
    readstat_set_variable_handler(statfile_stream_parser(stream), handle_variable);
    readstat_set_value_handler(statfile_stream_parser(stream), handle_value);
    TRY(statfile_stream_parse(stream, file->format, false, &push->visit, file->origin));
    TRY(finish_row(push));
    TRY(send_batch(push));
    if (push->row + 1 != file->rows)
        return err_set(err, ERR_INPUT, "the file changed while it was read");
    return ERR_OK;
}

enum err_code statfile_push(const struct statfile *file, const struct data_schema *schema,
                            const struct data_sink *sink, const struct progress *progress,
                            struct err *err)
{
    struct push push = {.visit = {.err = err},
                        .file = file,
                        .schema = schema,
                        .sink = sink,
                        .progress = progress,
                        .row = -1,
                        .reject_column = -1};
    AUTO(arena_free) struct arena *cells = arena_new(0);
    AUTO(arena_free) struct arena *texts = arena_new(TEXT_ARENA_BYTES);
    if (cells == NULL || texts == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read %s", file->origin);
    push.cells = cells;
    push.texts = texts;
    push.capacity = BATCH_VALUE_BYTES / (int64_t)(schema->count * sizeof(struct str));
    push.capacity = push.capacity > DATA_BATCH_ROWS ? DATA_BATCH_ROWS
                    : push.capacity < 16            ? 16
                                                    : push.capacity;
    push.batch = data_batch_new(cells, schema, push.capacity);
    if (push.batch == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read %s", file->origin);
    TRY(sink->schema(sink->user, schema, err));
    return read_rows(&push);
}
