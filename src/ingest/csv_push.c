/* Reading a CSV text ourselves, for what the engine can't read faithfully (csv_census.c says when),
 * as a stream of text columns.
 *
 * The idea: a fault costs its own line only. A quote that is not closed, or is followed by text,
 * puts aside the line that it stands on, and reading goes on with the next line, instead of
 * swallowing all lines up to some later quote. Every record becomes a row or a rejected row: rows +
 * rejected rows = records.
 *
 * The same meaning as the engine's: an empty field is null, "" is an empty text, lines of nothing
 * are passed over (in a table of one column they are nulls), delimiters too many at a row's end
 * begin no fields. */
#include <string.h>

#include "ingest/parts_priv.h"
#include "ingest/shape_priv.h"

#define BATCH_TEXT_BYTES (8u << 20)
#define CHECK_ROWS 4096
#define FEWER_FIELDS "fewer fields than the header"

struct csv_pusher {
    const struct csv_reading *reading;
    const struct data_sink *sink;
    const char *text; /* the whole file */
    struct arena *arena;
    struct data_batch *batch;
    size_t batch_text;
    int64_t capacity;
};

static enum err_code flush(struct csv_pusher *work, struct err *err)
{
    if (work->batch != NULL && work->batch->rows > 0)
        TRY(work->sink->batch(work->sink->user, work->batch, err));
    arena_reset(work->arena);
    work->batch_text = 0;
    work->batch = data_batch_new(work->arena, &work->reading->schema, work->capacity);
    if (work->batch == NULL)
        return ingest_memory(err);
    work->batch->rows = 0;
    return ERR_OK;
}

/* The field without its escapes; in the batch's arena where that differs from the bytes in the
 * file. */
static bool field_text(struct csv_pusher *work, const struct csv_field *field, struct str *ret)
{
    const struct csv_dialect *dialect = &work->reading->dialect;
    *ret = (struct str){field->ptr, field->len};
    if (!field->quoted || dialect->escape == 0 ||
        memchr(field->ptr, dialect->escape, field->len) == NULL)
        return true;
    struct buf text = BUF_INIT;
    csv_field_text(dialect, field, &text);
    ret->ptr =
        text.failed ? NULL : arena_strndup(work->arena, text.len == 0 ? "" : text.ptr, text.len);
    ret->len = text.len;
    work->batch_text += text.len;
    buf_done(&text);
    return ret->ptr != NULL;
}

static enum err_code add_row(struct csv_pusher *work, const struct csv_row *row, struct err *err)
{
    size_t columns = work->reading->schema.count;
    if (work->batch->rows == work->capacity || work->batch_text > BATCH_TEXT_BYTES)
        TRY(flush(work, err));
    for (size_t i = 0; i < columns; i++) {
        struct data_vector *vector = &work->batch->vectors[i];
        struct str text;
        if (!field_text(work, &row->fields[i], &text))
            return ingest_memory(err);
        vector->text[work->batch->rows] = text;
        data_vector_set_valid(vector, work->batch->rows, text.len > 0 || row->fields[i].quoted);
    }
    work->batch->rows++;
    return ERR_OK;
}

/* Fields of the row; delimiters too many at its end, with nothing between them, begin none. */
static size_t field_count(const struct csv_row *row, size_t columns)
{
    size_t count = row->count;
    while (count > columns && row->fields[count - 1].len == 0 && !row->fields[count - 1].quoted)
        count--;
    return count;
}

/* Why the row can't be used, or NULL. */
static const char *fault_of(const struct csv_reading *reading, const struct csv_row *row)
{
    struct str raw = {row->start, (size_t)(row->end - row->start)};
    if (row->malformed)
        return "a quote is not closed, or text follows the closing quote";
    if (raw.len > (size_t)INGEST_LIMIT_LINE_BYTES)
        return "the line is longer than the limit";
    if (row->count < reading->schema.count)
        return FEWER_FIELDS;
    if (field_count(row, reading->schema.count) > reading->schema.count)
        return "more fields than the header";
    if (!reading->valid_utf8 && str_utf8_valid_prefix(raw) != raw.len)
        return "not valid UTF-8";
    return NULL;
}

static struct str without_line_end(const char *start, const char *end)
{
    if (end > start && end[-1] == '\n')
        end--;
    if (end > start && end[-1] == '\r')
        end--;
    return (struct str){start, (size_t)(end - start)};
}

static enum err_code take_row(struct csv_pusher *work, const struct csv_row *row, int64_t line,
                              struct err *err)
{
    const struct csv_reading *reading = work->reading;
    struct str raw = without_line_end(row->start, row->end);
    if (raw.len == 0 && reading->schema.count > 1)
        return ERR_OK;
    if (reading->drop_comments && row->start[0] == '#' && row->count != reading->schema.count)
        return ERR_OK;
    if (raw.len > (size_t)INGEST_LIMIT_LINE_REFUSED_BYTES) {
        err_set(err, ERR_LIMIT, "a line of %zu MB is no row of a table", raw.len / 1000000);
        err_at(err, reading->subject, line, 0);
        return err_hint(err,
                        "lines of up to %lld MiB are put aside as bad rows; a longer one means "
                        "that the file is something else or damaged",
                        INGEST_LIMIT_LINE_REFUSED_BYTES >> 20);
    }
    bool below = reading->tail_offset > 0 && row->start - work->text >= reading->tail_offset;
    if (below && csv_row_is_blank(row))
        return ERR_OK;
    const char *fault = below ? SHAPE_TAIL_REASON : fault_of(reading, row);
    if (fault == NULL)
        return add_row(work, row, err);
    const char *column = /* the first that the row lacks */
        strcmp(fault, FEWER_FIELDS) == 0 ? reading->schema.columns[row->count].name : NULL;
    return work->sink->reject(work->sink->user, line, column, fault, raw, err);
}

static enum err_code push_rows(struct csv_pusher *work, struct str text,
                               const struct progress *progress, struct err *err)
{
    const struct csv_reading *reading = work->reading;
    const char *at = text.ptr + reading->offset, *end = text.ptr + text.len;
    struct csv_row row = {0};
    int64_t line = reading->first_line, seen = 0;
    work->text = text.ptr;
    enum err_code code = flush(work, err);
    while (code == ERR_OK && csv_next_row(&reading->dialect, &at, end, true, &row)) {
        if (row.malformed && row.lines > 1) { /* go on after its first line */
            const char *feed = memchr(row.start, '\n', (size_t)(row.end - row.start));
            at = row.end = feed + 1;
            row.lines = 1;
        }
        code = take_row(work, &row, line, err);
        line += row.lines;
        if (++seen % CHECK_ROWS == 0 && code == ERR_OK) {
            progress_report(progress, &(struct progress_event){.phase = "read",
                                                               .subject = reading->subject,
                                                               .done = at - text.ptr,
                                                               .total = (int64_t)text.len,
                                                               .unit = "bytes"});
            code = progress_check(progress, err);
        }
    }
    if (code == ERR_OK)
        code = row.failed ? ingest_memory(err) : flush(work, err);
    csv_row_done(&row);
    return code;
}

enum err_code csv_push(void *user, const struct data_sink *sink, const struct progress *progress,
                       struct err *err)
{
    const struct csv_reading *reading = user;
    struct file_mapping mapping = {0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    if (arena == NULL)
        return ingest_memory(err);
    struct csv_pusher work = {
        .reading = reading, .sink = sink, .arena = arena, .capacity = DATA_BATCH_ROWS};
    while (work.capacity > 16 && work.capacity * (int64_t)reading->schema.count > (1 << 20))
        work.capacity /= 2;
    TRY(sink->schema(sink->user, &reading->schema, err));
    TRY(file_map(reading->path, &reading->info, &mapping, err));
    enum err_code code = push_rows(&work, (struct str){mapping.ptr, mapping.length}, progress, err);
    return file_unmap(&mapping, code, err);
}

void csv_reading_free(void *user)
{
    struct csv_reading *reading = user;
    if (reading == NULL)
        return;
    data_schema_done(&reading->schema);
    mem_free(reading);
}
