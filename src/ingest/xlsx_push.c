/* A sheet's rows to a sink as text columns: one batch is filled and reused; its texts lie in an
 * arena that is reset with it. */
#include <string.h>

#include "ingest/shape_priv.h"
#include "ingest/xlsx_priv.h"

#define BATCH_TEXT_BYTES (16u << 20)
#define BATCH_VALUE_BYTES (32LL << 20)

struct sheet_push {
    const struct xlsx_book *book;
    const struct xlsx_table *table;
    const struct data_sink *sink;
    struct arena *texts;
    struct data_batch *batch;
    int32_t *place; /* sheet column → vector, -1 none */
    struct buf scratch;
    int64_t capacity, filled, seen;
};

static enum err_code send_batch(struct sheet_push *push, struct err *err)
{
    TRY(progress_check(push->book->place.progress, err));
    if (push->filled == 0)
        return ERR_OK;
    push->batch->rows = push->filled;
    TRY(push->sink->batch(push->sink->user, push->batch, err));
    push->filled = 0;
    arena_reset(push->texts);
    return ERR_OK;
}

/* A row below the table, its cells parted by commas. */
static enum err_code reject_row(struct sheet_push *push, const struct xlsx_row *row,
                                struct err *err)
{
    AUTO(buf_done) struct buf raw = BUF_INIT;
    for (size_t idx = 0; idx < row->count; idx++) {
        if (xlsx_cell_is_blank(&row->cells[idx]))
            continue;
        buf_puts(&raw, raw.len > 0 ? "," : "");
        xlsx_cell_text(&row->cells[idx], push->book->date1904, false, &raw);
    }
    TRY(buf_check(&raw, err));
    return push->sink->reject(push->sink->user, row->number, NULL, SHAPE_TAIL_REASON,
                              buf_view(&raw), err);
}

static enum err_code push_row(void *user, const struct xlsx_row *row, struct err *err)
{
    struct sheet_push *push = user;
    if (push->seen++ < push->table->skip_rows)
        return ERR_OK;
    if (push->table->tail_row > 0 && row->number >= push->table->tail_row)
        return reject_row(push, row, err);
    bool something = false;
    for (size_t idx = 0; idx < push->batch->columns; idx++)
        data_vector_set_valid(&push->batch->vectors[idx], push->filled, false);
    for (size_t idx = 0; idx < row->count; idx++) {
        const struct xlsx_cell *cell = &row->cells[idx];
        int32_t place = push->place[cell->column];
        if (place < 0 || xlsx_cell_is_blank(cell))
            continue;
        something = true;
        if (cell->kind == XLSX_CELL_ERROR)
            continue;
        buf_clear(&push->scratch);
        xlsx_cell_text(cell, push->book->date1904, push->table->with_time[place], &push->scratch);
        char *copy = arena_strndup(push->texts, buf_text(&push->scratch), push->scratch.len);
        if (copy == NULL || push->scratch.failed)
            return err_set(err, ERR_LIMIT, "row %lld is too long", (long long)row->number);
        push->batch->vectors[place].text[push->filled] = (struct str){copy, push->scratch.len};
        data_vector_set_valid(&push->batch->vectors[place], push->filled, true);
    }
    push->filled += something;
    if (push->filled >= push->capacity || arena_used_bytes(push->texts) > BATCH_TEXT_BYTES)
        return send_batch(push, err);
    return ERR_OK;
}

static enum err_code read_rows(struct sheet_push *push, const struct xlsx_sheet *sheet,
                               struct err *err)
{
    struct xlsx_strings strings = {0};
    struct xlsx_sheet_facts facts;
    enum err_code code = xlsx_strings_read(push->book, &strings, err);
    if (code == ERR_OK)
        code = xlsx_sheet_read(push->book, sheet, &strings, push_row, push, &facts, err);
    if (code == ERR_OK)
        code = send_batch(push, err);
    xlsx_strings_done(&strings);
    return code;
}

enum err_code xlsx_table_push(const struct xlsx_book *book, const struct xlsx_sheet *sheet,
                              const struct xlsx_table *table, const struct data_sink *sink,
                              struct err *err)
{
    AUTO(arena_free) struct arena *cells = arena_new(0);
    AUTO(arena_free) struct arena *texts = arena_new(0);
    struct sheet_push push = {.book = book, .table = table, .sink = sink, .texts = texts};
    if (cells == NULL || texts == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read %s", book->place.origin);
    push.capacity = BATCH_VALUE_BYTES / (int64_t)(table->column_count * sizeof(struct str));
    push.capacity = push.capacity > DATA_BATCH_ROWS ? DATA_BATCH_ROWS
                    : push.capacity < 16            ? 16
                                                    : push.capacity;
    push.batch = data_batch_new(cells, &table->schema, push.capacity);
    push.place = arena_array(cells, XLSX_LIMIT_COLUMNS, sizeof *push.place);
    if (push.batch == NULL || push.place == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read %s", book->place.origin);
    memset(push.place, 0xff, XLSX_LIMIT_COLUMNS * sizeof *push.place);
    for (size_t idx = 0; idx < table->column_count; idx++)
        push.place[table->columns[idx]] = (int32_t)idx;
    TRY(sink->schema(sink->user, &table->schema, err));
    enum err_code code = read_rows(&push, sheet, err);
    buf_done(&push.scratch);
    return code;
}
