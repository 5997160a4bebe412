/* What a sheet's table is, found in one pass over the sheet: the header is the first of the leading
 * rows that fills at least half of the columns in use from there on (one lone cell over several
 * columns is a title); columns with nothing in them are no columns; a column whose dates need a
 * time of day in one cell gets it in all, so that one type fits. */
#include <string.h>

#include "ingest/xlsx_priv.h"

#define HEADER_BYTES 1024 /* of a header cell kept */

struct lead_cell {
    uint32_t column;
    bool is_text, year, has_time;
    const char *text;
};
struct lead_row {
    struct lead_cell *cells;
    size_t count;
};
struct table_scan {
    const struct xlsx_book *book;
    struct arena *arena; /* for the leading rows */
    int64_t *filled;     /* cells per sheet column */
    int64_t *timed;      /* of these, dates that need a time of day */
    struct lead_row leads[XLSX_LEADING_ROWS];
    size_t lead_count;
    struct xlsx_table *table;
    struct buf scratch;
};

static const char *const error_names[XLSX_ERROR_KINDS] = {
    "#N/A",  "#DIV/0!", "#VALUE!",       "#REF!",        "#NAME?",
    "#NUM!", "#NULL!",  "#GETTING_DATA", "another error"};

static size_t error_kind(struct str text)
{
    size_t kind = 0;
    while (kind + 1 < XLSX_ERROR_KINDS && !str_equal(text, str_of(error_names[kind])))
        kind++;
    return kind;
}

static bool is_year(const struct xlsx_cell *cell)
{
    int64_t year = 0;
    return cell->kind == XLSX_CELL_NUMBER && str_to_int64(cell->text, &year) && year >= 1900 &&
           year <= 2100;
}

/* "Date of\nbirth " → "Date of birth". */
static const char *header_text(struct table_scan *scan, const struct xlsx_cell *cell)
{
    buf_clear(&scan->scratch);
    xlsx_cell_text(cell, scan->book->date1904, false, &scan->scratch);
    struct str text = str_trim(buf_view(&scan->scratch));
    char *copy =
        arena_strndup(scan->arena, text.ptr, text.len < HEADER_BYTES ? text.len : HEADER_BYTES);
    size_t length = 0;
    for (const char *at = copy; copy != NULL && *at != '\0'; at++) {
        bool blank = *at == ' ' || *at == '\n' || *at == '\r' || *at == '\t';
        if (!blank || (length > 0 && copy[length - 1] != ' '))
            copy[length++] = blank ? ' ' : *at;
    }
    if (copy != NULL)
        copy[str_utf8_valid_prefix((struct str){copy, length})] = '\0';
    return copy;
}

static enum err_code keep_lead(struct table_scan *scan, const struct xlsx_row *row, struct err *err)
{
    struct lead_row *lead = &scan->leads[scan->lead_count++];
    lead->cells = arena_array(scan->arena, row->count, sizeof *lead->cells);
    for (size_t idx = 0; lead->cells != NULL && idx < row->count; idx++) {
        const struct xlsx_cell *cell = &row->cells[idx];
        if (xlsx_cell_is_blank(cell))
            continue;
        lead->cells[lead->count++] =
            (struct lead_cell){.column = cell->column,
                               .is_text = cell->kind == XLSX_CELL_TEXT,
                               .year = is_year(cell),
                               .has_time = xlsx_cell_has_time(cell, scan->book->date1904),
                               .text = header_text(scan, cell)};
    }
    return arena_failed(scan->arena)
               ? err_set(err, ERR_MEMORY, "no memory for the sheet's first rows")
               : ERR_OK;
}

static enum err_code scan_row(void *user, const struct xlsx_row *row, struct err *err)
{
    struct table_scan *scan = user;
    for (size_t idx = 0; idx < row->count; idx++) {
        const struct xlsx_cell *cell = &row->cells[idx];
        if (xlsx_cell_is_blank(cell))
            continue;
        scan->filled[cell->column]++;
        if (cell->kind == XLSX_CELL_ERROR)
            scan->table->errors[error_kind(cell->text)]++;
        else if (cell->style != XLSX_NUMBER || cell->kind == XLSX_CELL_ISO_DATE)
            scan->timed[cell->column] += xlsx_cell_has_time(cell, scan->book->date1904);
    }
    return scan->lead_count < XLSX_LEADING_ROWS ? keep_lead(scan, row, err) : ERR_OK;
}

static void remove_lead(struct table_scan *scan, const struct lead_row *lead, bool filled_too)
{
    for (size_t idx = 0; idx < lead->count; idx++) {
        scan->filled[lead->cells[idx].column] -= filled_too;
        scan->timed[lead->cells[idx].column] -= lead->cells[idx].has_time;
    }
}

static size_t columns_in_use(const struct table_scan *scan)
{
    size_t count = 0;
    for (size_t column = 0; column < XLSX_LIMIT_COLUMNS; column++)
        count += scan->filled[column] > 0;
    return count;
}

/* Index of the row that is the header, or the first of the data; rows above it are taken out of the
 * counts. */
static size_t find_first_row(struct table_scan *scan)
{
    size_t titles = 0;
    for (; titles < scan->lead_count; titles++) {
        size_t width = columns_in_use(scan), filled = scan->leads[titles].count;
        if (filled > 0 && filled * 2 >= width && !(filled == 1 && width > 1))
            return titles;
        remove_lead(scan, &scan->leads[titles], true);
    }
    for (size_t idx = 0; idx < scan->lead_count;
         idx++) /* no row is full enough: all of them are data */
        for (size_t cell = 0; cell < scan->leads[idx].count; cell++) {
            scan->filled[scan->leads[idx].cells[cell].column]++;
            scan->timed[scan->leads[idx].cells[cell].column] +=
                scan->leads[idx].cells[cell].has_time;
        }
    return 0;
}

/* A header is mostly text; numbers in it are years ("2019 | 2020"). */
static bool looks_like_header(const struct lead_row *lead)
{
    size_t texts = 0, years = 0;
    for (size_t idx = 0; idx < lead->count; idx++) {
        texts += lead->cells[idx].is_text;
        years += lead->cells[idx].year;
    }
    return texts > 0 && (texts * 2 >= lead->count || texts + years == lead->count);
}

static const char *header_of(const struct lead_row *lead, uint32_t column)
{
    for (size_t idx = 0; lead != NULL && idx < lead->count; idx++)
        if (lead->cells[idx].column == column)
            return lead->cells[idx].text;
    return "";
}

static enum err_code make_columns(struct table_scan *scan, const struct lead_row *header,
                                  struct arena *arena, struct err *err)
{
    struct xlsx_table *table = scan->table;
    size_t width = columns_in_use(scan);
    table->columns = arena_array(arena, width + 1, sizeof *table->columns);
    table->with_time = arena_array(arena, width + 1, sizeof *table->with_time);
    if (table->columns == NULL || table->with_time == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the sheet's columns");
    for (uint32_t column = 0; column < XLSX_LIMIT_COLUMNS; column++) {
        if (scan->filled[column] <= 0)
            continue;
        TRY(data_schema_add(&table->schema, str_of(header_of(header, column)), DATA_TYPE(TEXT),
                            err));
        table->with_time[table->column_count] = scan->timed[column] > 0;
        table->columns[table->column_count++] = column;
    }
    int64_t changed = 0;
    return data_schema_name_columns(&table->schema, &changed, err);
}

static enum err_code scan_sheet(struct table_scan *scan, const struct xlsx_sheet *sheet,
                                const struct xlsx_strings *strings, int header, struct arena *arena,
                                struct err *err)
{
    struct xlsx_table *table = scan->table;
    scan->filled = arena_array(scan->arena, XLSX_LIMIT_COLUMNS, sizeof *scan->filled);
    scan->timed = arena_array(scan->arena, XLSX_LIMIT_COLUMNS, sizeof *scan->timed);
    if (scan->filled == NULL || scan->timed == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the sheet's columns");
    TRY(xlsx_sheet_read(scan->book, sheet, strings, scan_row, scan, &table->facts, err));
    if (columns_in_use(scan) == 0)
        return ERR_OK;
    size_t first = header == 0 ? 0 : find_first_row(scan);
    const struct lead_row *row = &scan->leads[first];
    table->header = header == 1 || (header < 0 && looks_like_header(row));
    if (table->header)
        remove_lead(scan, row, false);
    table->skip_rows = (int64_t)first + table->header;
    table->rows = table->facts.rows - table->skip_rows;
    return make_columns(scan, table->header ? row : NULL, arena, err);
}

enum err_code xlsx_table_scan(const struct xlsx_book *book, const struct xlsx_sheet *sheet,
                              const struct xlsx_strings *strings, int header, struct arena *arena,
                              struct xlsx_table *ret, struct err *err)
{
    AUTO(arena_free) struct arena *scratch = arena_new(0);
    if (scratch == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read a sheet");
    *ret = (struct xlsx_table){0};
    struct table_scan *scan = arena_alloc(scratch, sizeof *scan);
    if (scan == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read a sheet");
    scan->book = book;
    scan->arena = scratch;
    scan->table = ret;
    enum err_code code = scan_sheet(scan, sheet, strings, header, arena, err);
    buf_done(&scan->scratch);
    if (code != ERR_OK)
        data_schema_done(&ret->schema);
    return code;
}

void xlsx_table_notes(const struct xlsx_table *table, const struct xlsx_sheet *sheet,
                      json_t **notes)
{
    struct buf errors = BUF_INIT;
    int64_t titles = table->skip_rows - table->header;
    if (sheet->hidden)
        ingest_note(notes, "hidden_sheet", "the sheet is hidden in the workbook");
    if (titles > 0)
        ingest_note(notes, "title_rows", "%lld row%s above the header %s skipped",
                    (long long)titles, titles == 1 ? "" : "s", titles == 1 ? "was" : "were");
    if (!table->header)
        ingest_note(notes, "no_header",
                    "the first row does not look like a header; columns are numbered (force with "
                    "--header)");
    if (table->facts.merged_ranges > 0)
        ingest_note(notes, "merged_cells",
                    "%lld merged ranges: the value stands in the first cell, the others are empty",
                    (long long)table->facts.merged_ranges);
    if (table->facts.uncalculated > 0)
        ingest_note(notes, "uncalculated",
                    "%lld formulas have no stored value and are empty: open and save the file in a "
                    "spreadsheet program",
                    (long long)table->facts.uncalculated);
    for (size_t kind = 0; kind < XLSX_ERROR_KINDS; kind++)
        if (table->errors[kind] > 0)
            buf_printf(&errors, "%s%lld × %s", errors.len > 0 ? ", " : "",
                       (long long)table->errors[kind], error_names[kind]);
    if (errors.len > 0 && !errors.failed)
        ingest_note(notes, "error_cells", "cells with errors are empty: %s", buf_text(&errors));
    buf_done(&errors);
}
