/* A row of units below a CSV's header, and notes and totals below its rows (shape.c says what they
 * are), found in the text: the first in its first rows, the others in its last lines.
 *
 * Only rows as wide as the table are looked at: others are rejected as what they are anyway. */
#include <string.h>

#include "ingest/parts_priv.h"
#include "ingest/shape_priv.h"

#define UNITS_ROWS 64     /* rows looked at below the units */
#define PROFILE_ROWS 4096 /* rows that tell what the first column holds */
#define LINE_BYTES 4096   /* a longer line is no note */
#define TAIL_LINES (SHAPE_TAIL_ROWS + 8)

static struct str field_of(const struct csv_row *row, size_t idx)
{
    return str_trim((struct str){row->fields[idx].ptr, row->fields[idx].len});
}

static bool is_value(struct str text)
{
    enum csv_cell kind = csv_cell_kind(text);
    return kind == CSV_NUMBER || kind == CSV_MOMENT;
}

/* ---- units --------------------------------------------------------------------------------------
 */

static bool view_below(const struct csv_guess *guess, const char *at, const char *end,
                       struct shape_cell *cells)
{
    struct csv_row row = {0};
    for (int rows = 0; rows < UNITS_ROWS && csv_next_row(&guess->dialect, &at, end, true, &row);
         rows++)
        for (size_t i = 0; i < row.count && i < guess->columns; i++) {
            struct str text = field_of(&row, i);
            cells[i].filled += csv_cell_kind(text) != CSV_EMPTY;
            cells[i].numbers += is_value(text);
        }
    bool ok = !row.failed;
    csv_row_done(&row);
    return ok;
}

static enum err_code take_units(struct csv_guess *guess, const struct csv_row *row,
                                struct arena *arena, struct err *err)
{
    guess->units = arena_array(arena, guess->columns, sizeof *guess->units);
    if (guess->units == NULL)
        return ingest_memory(err);
    for (size_t i = 0; i < guess->columns; i++)
        guess->units[i] = shape_unit(field_of(row, i));
    guess->units_line = guess->data_line;
    guess->skip_lines = guess->data_line - 1 + row->lines;
    guess->header = false; /* it is among the lines skipped now */
    guess->data_line += row->lines;
    guess->first_data = row->end;
    return ERR_OK;
}

enum err_code csv_find_units(struct csv_guess *guess, const char *end, struct arena *arena,
                             struct err *err)
{
    struct csv_row row = {0};
    const char *at = guess->first_data;
    enum err_code code = ERR_OK;
    struct shape_cell *cells = mem_zalloc(guess->columns + 1, sizeof *cells);
    bool ok = cells != NULL;
    if (ok && csv_next_row(&guess->dialect, &at, end, true, &row) && row.count == guess->columns &&
        row.lines == 1 && !row.malformed) {
        for (size_t i = 0; i < guess->columns; i++)
            cells[i].text = field_of(&row, i);
        ok = view_below(guess, at, end, cells);
        if (ok && shape_is_units_row(cells, guess->columns))
            code = take_units(guess, &row, arena, err);
    }
    if (!ok || row.failed)
        code = ingest_memory(err);
    csv_row_done(&row);
    mem_free(cells);
    return code;
}

/* ---- below the table ----------------------------------------------------------------------------
 */

static struct shape_row shape_of(const struct csv_row *row)
{
    struct shape_row shape = {.numbers_follow = true};
    for (size_t i = 0; i < row->count; i++) {
        struct str text = field_of(row, i);
        if (text.len == 0)
            continue;
        if (shape.filled++ > 0) {
            shape.numbers_follow = shape.numbers_follow && is_value(text);
            continue;
        }
        size_t length = text.len < SHAPE_TEXT_BYTES ? text.len : SHAPE_TEXT_BYTES - 1;
        shape.first_column = i == 0;
        shape.text = !is_value(text);
        memcpy(shape.first, text.ptr, length);
        shape.first[length] = '\0';
    }
    return shape;
}

struct tail { /* the last rows, the last first */
    struct shape_row rows[SHAPE_TAIL_ROWS];
    const char *starts[SHAPE_TAIL_ROWS]; /* of the row, or of the empty rows above it */
    size_t count;
    const char *first; /* the line that reading stopped at */
};

/* Line by line from the end, as long as each is a row by itself. */
static bool read_tail(const struct csv_guess *guess, struct str text, struct tail *tail)
{
    struct csv_row row = {0};
    const char *end = text.ptr + text.len;
    tail->first = end;
    for (int lines = 0; lines < TAIL_LINES && tail->count < SHAPE_TAIL_ROWS; lines++) {
        if (end <= guess->first_data)
            break;
        const char *feed = memrchr(guess->first_data, '\n', (size_t)(end - 1 - guess->first_data));
        const char *start = feed == NULL ? guess->first_data : feed + 1, *at = start;
        if (end - start > LINE_BYTES || !csv_next_row(&guess->dialect, &at, end, true, &row) ||
            row.malformed || at != end)
            break;
        struct shape_row shape = shape_of(&row);
        if (shape.filled == 0) {
            if (tail->count > 0) {
                tail->rows[tail->count - 1].gap = true;
                tail->starts[tail->count - 1] = start;
            }
        } else if (row.count == guess->columns) {
            tail->starts[tail->count] = start;
            tail->rows[tail->count++] = shape;
        }
        tail->first = end = start;
    }
    bool ok = !row.failed;
    csv_row_done(&row);
    return ok;
}

static bool profile_rows(const struct csv_guess *guess, const char *end,
                         struct shape_profile *profile)
{
    struct csv_row row = {0};
    const char *at = guess->first_data;
    for (int rows = 0; rows < PROFILE_ROWS && csv_next_row(&guess->dialect, &at, end, true, &row);
         rows++) {
        struct shape_row shape = shape_of(&row);
        if (shape.filled > 0)
            shape_profile_add(profile, &shape);
    }
    bool ok = !row.failed;
    csv_row_done(&row);
    return ok;
}

enum err_code csv_find_tail(const struct csv_guess *guess, struct str text, struct csv_tail *ret,
                            struct err *err)
{
    struct shape_row rows[SHAPE_TAIL_ROWS];
    struct shape_profile profile = {0};
    struct tail *tail = mem_zalloc(1, sizeof *tail);
    *ret = (struct csv_tail){0};
    if (tail == NULL || !read_tail(guess, text, tail) ||
        !profile_rows(guess, tail->first, &profile)) {
        mem_free(tail);
        return ingest_memory(err);
    }
    size_t count = tail->count;
    for (size_t i = 0; i < count; i++)
        rows[i] = tail->rows[count - 1 - i];
    size_t first = shape_find_tail(&profile, rows, count, guess->columns);
    if (first < count)
        *ret = (struct csv_tail){tail->starts[count - 1 - first], (int64_t)(count - first)};
    mem_free(tail);
    return ERR_OK;
}

enum err_code ingest_label_unit(struct data_column *column, struct str unit, struct err *err)
{
    AUTO(buf_done) struct buf label = BUF_INIT;
    if (unit.len == 0)
        return ERR_OK;
    buf_puts(&label, "unit: ");
    buf_add_str(&label, unit);
    TRY(buf_check(&label, err));
    mem_free(column->label);
    column->label = mem_strdup(buf_text(&label));
    return column->label != NULL ? ERR_OK : ingest_memory(err);
}
