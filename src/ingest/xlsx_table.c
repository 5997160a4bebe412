/* What a sheet's table is, found in one pass over the sheet: the header is the first of the leading
 * rows that fills at least half of the columns in use from there on (one lone cell over several
 * columns is a title); columns with nothing in them are no columns; a column whose dates need a
 * time of day in one cell gets it in all, so that one type fits.
 *
 *     Table 1: labs                       title: skipped
 *     id  │ Baseline ──────── │           merged cells group the names below them:
 *         │ weight   │ crp    │           "id", "Baseline / weight", "Baseline / crp"
 *         │ kg       │ (mg/l) │           units: labels of the columns
 *     1   │ 83       │ 4.5    │           data
 *     * p < 0.05                          a note: kept apart with the bad rows
 *
 * A header given by the user (yes, no, a number of rows) ends all guessing below it. */
#include <stdio.h>
#include <string.h>

#include "ingest/parts_priv.h"
#include "ingest/shape_priv.h"
#include "ingest/xlsx_priv.h"

#define HEADER_BYTES 1024 /* of a header cell kept */

struct lead_cell {
    uint32_t column;
    bool is_text, is_value, year, has_time; /* is_value: a number or a date, be it as text */
    const char *text;
};
struct lead_row {
    int64_t number; /* as the sheet counts */
    struct lead_cell *cells;
    size_t count;
};
struct tail_row {            /* one of the last rows */
    int64_t number, ordinal; /* ordinal: among the rows that hold something, from 0 */
    uint32_t column;         /* of its first filled cell */
    struct shape_row shape;
};
struct table_scan {
    const struct xlsx_book *book;
    struct arena *arena; /* for the leading rows */
    int64_t *filled;     /* cells per sheet column */
    int64_t *timed;      /* of these, dates that need a time of day */
    struct lead_row leads[XLSX_LEADING_ROWS];
    size_t lead_count;
    struct tail_row tail[SHAPE_TAIL_ROWS]; /* row of ordinal n at n modulo its length */
    struct shape_profile above; /* of the rows that are in neither; in their own first columns */
    int64_t row_count;
    int64_t last_number;
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
    lead->number = row->number;
    lead->cells = arena_array(scan->arena, row->count, sizeof *lead->cells);
    for (size_t idx = 0; lead->cells != NULL && idx < row->count; idx++) {
        const struct xlsx_cell *cell = &row->cells[idx];
        if (xlsx_cell_is_blank(cell))
            continue;
        enum csv_cell kind = csv_cell_kind(cell->text);
        lead->cells[lead->count++] =
            (struct lead_cell){.column = cell->column,
                               .is_text = cell->kind == XLSX_CELL_TEXT,
                               .is_value = kind == CSV_NUMBER || kind == CSV_MOMENT,
                               .year = is_year(cell),
                               .has_time = xlsx_cell_has_time(cell, scan->book->date1904),
                               .text = header_text(scan, cell)};
    }
    return arena_failed(scan->arena)
               ? err_set(err, ERR_MEMORY, "no memory for the sheet's first rows")
               : ERR_OK;
}

/* What the row looks like from the end of the table; the row that it takes the place of joins the
 * profile. */
static void keep_tail(struct table_scan *scan, const struct xlsx_row *row)
{
    struct tail_row *slot = &scan->tail[scan->row_count % SHAPE_TAIL_ROWS];
    if (scan->row_count >= XLSX_LEADING_ROWS + SHAPE_TAIL_ROWS) {
        slot->shape.first_column =
            true; /* or of a later one: which makes the tail rarer, not likelier */
        shape_profile_add(&scan->above, &slot->shape);
    }
    *slot = (struct tail_row){.number = row->number, .ordinal = scan->row_count++};
    slot->shape.gap = row->number > scan->last_number + 1;
    slot->shape.numbers_follow = true;
    scan->last_number = row->number;
    for (size_t idx = 0; idx < row->count; idx++) {
        const struct xlsx_cell *cell = &row->cells[idx];
        enum csv_cell kind = csv_cell_kind(cell->text);
        bool value = cell->kind != XLSX_CELL_TEXT || kind == CSV_NUMBER || kind == CSV_MOMENT;
        if (xlsx_cell_is_blank(cell))
            continue;
        if (slot->shape.filled++ > 0) {
            slot->shape.numbers_follow = slot->shape.numbers_follow && value;
            continue;
        }
        struct str text = str_trim(cell->text);
        size_t length = text.len < SHAPE_TEXT_BYTES ? text.len : SHAPE_TEXT_BYTES - 1;
        slot->column = cell->column;
        slot->shape.text = !value;
        memcpy(slot->shape.first, text.ptr, length);
        slot->shape.first[length] = '\0';
    }
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
    keep_tail(scan, row);
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

/* ---- several rows of names ----------------------------------------------------------------------
 */

static const struct xlsx_merge *merge_at(const struct table_scan *scan, int64_t row,
                                         uint32_t column)
{
    const struct xlsx_sheet_facts *facts = &scan->table->facts;
    for (size_t idx = 0; idx < facts->merge_count; idx++) {
        const struct xlsx_merge *merge = &facts->merges[idx];
        if (merge->row == row && merge->first <= column && column <= merge->last)
            return merge;
    }
    return NULL;
}

/* A row of merged cells that group the columns below them: two groups or more, or one that leaves
 * out the first column; a merged title does neither. */
static bool is_group_row(const struct table_scan *scan, const struct lead_row *lead)
{
    size_t groups = 0;
    for (size_t idx = 0; idx < lead->count; idx++)
        groups += lead->cells[idx].is_text &&
                  merge_at(scan, lead->number, lead->cells[idx].column) != NULL;
    uint32_t first = 0;
    while (first < XLSX_LIMIT_COLUMNS && scan->filled[first] <= 0)
        first++;
    return groups >= 2 || (groups == 1 && (lead->count > 1 || lead->cells[0].column > first));
}

/* Does row b, right below a, name all columns that a's merged cells group? */
static bool names_groups(const struct table_scan *scan, const struct lead_row *a,
                         const struct lead_row *b)
{
    if (b->number != a->number + 1 || !looks_like_header(b))
        return false;
    for (size_t idx = 0; idx < b->count; idx++)
        if (b->cells[idx].is_value && !b->cells[idx].year)
            return false;
    for (size_t idx = 0; idx < a->count; idx++) {
        const struct xlsx_merge *merge = merge_at(scan, a->number, a->cells[idx].column);
        for (uint32_t column = merge == NULL ? 1 : merge->first;
             column <= (merge == NULL ? 0 : merge->last); column++)
            if (scan->filled[column] > 0 && header_of(b, column)[0] == '\0')
                return false;
    }
    return true;
}

struct header { /* leads[first .. first + count) hold the names */
    size_t first, count;
};

static struct header find_header(struct table_scan *scan, size_t first)
{
    struct header ret = {first, 1};
    while (ret.count < XLSX_HEADER_ROWS && ret.first > 0 &&
           is_group_row(scan, &scan->leads[ret.first - 1]) &&
           names_groups(scan, &scan->leads[ret.first - 1], &scan->leads[ret.first])) {
        ret.first--;
        ret.count++;
    }
    while (ret.count < XLSX_HEADER_ROWS && ret.first + ret.count < scan->lead_count &&
           is_group_row(scan, &scan->leads[ret.first + ret.count - 1]) &&
           names_groups(scan, &scan->leads[ret.first + ret.count - 1],
                        &scan->leads[ret.first + ret.count]))
        ret.count++;
    return ret;
}

/* "Baseline / weight": the texts over each other, a merged one over all columns it spans. */
static const char *joined_name(struct table_scan *scan, struct header header, uint32_t column)
{
    buf_clear(&scan->scratch);
    const char *last = "";
    for (size_t row = 0; row < header.count; row++) {
        const struct lead_row *lead = &scan->leads[header.first + row];
        const char *own = header_of(lead, column);
        const struct xlsx_merge *merge = merge_at(scan, lead->number, column);
        if (own[0] == '\0' && merge != NULL)
            own = header_of(lead, merge->first);
        if (own[0] == '\0' || strcmp(own, last) == 0)
            continue;
        buf_printf(&scan->scratch, "%s%s", last[0] == '\0' ? "" : " / ", own);
        last = own;
    }
    return arena_strndup(scan->arena, buf_text(&scan->scratch), scan->scratch.len);
}

/* ---- below the header ---------------------------------------------------------------------------
 */

/* The row below the header, if it holds units; leads[row]. */
static bool find_units(const struct table_scan *scan, size_t row)
{
    struct shape_cell *cells = arena_array(scan->arena, XLSX_LIMIT_COLUMNS, sizeof *cells);
    if (cells == NULL || row + 1 >= scan->lead_count)
        return false;
    for (size_t idx = 0; idx < scan->leads[row].count; idx++) {
        const struct lead_cell *cell = &scan->leads[row].cells[idx];
        if (!cell->is_text)
            return false;
        cells[cell->column].text = str_of(cell->text);
    }
    for (size_t below = row + 1; below < scan->lead_count; below++)
        for (size_t idx = 0; idx < scan->leads[below].count; idx++) {
            const struct lead_cell *cell = &scan->leads[below].cells[idx];
            if (csv_cell_kind(str_of(cell->text)) == CSV_EMPTY) /* NA and its like */
                continue;
            cells[cell->column].filled++;
            cells[cell->column].numbers += cell->is_value;
        }
    return shape_is_units_row(cells, XLSX_LIMIT_COLUMNS);
}

/* The leading rows from the first of the data on, as far as the tail does not hold them. */
static void profile_leads(struct table_scan *scan, uint32_t column, int64_t until)
{
    for (int64_t row = scan->table->skip_rows; row < until; row++) {
        const struct lead_row *lead = &scan->leads[row];
        struct shape_row shape = {.filled = lead->count};
        for (size_t idx = 0; idx < lead->count; idx++) {
            const struct lead_cell *cell = &lead->cells[idx];
            if (cell->column != column)
                continue;
            shape.first_column = true;
            shape.text = !cell->is_value;
            (void)snprintf(shape.first, sizeof shape.first, "%s", cell->text);
        }
        shape_profile_add(&scan->above, &shape);
    }
}

/* Notes and totals at the end. */
static void find_tail(struct table_scan *scan)
{
    struct shape_row rows[SHAPE_TAIL_ROWS];
    struct xlsx_table *table = scan->table;
    uint32_t column = table->columns[0];
    int64_t first = scan->row_count > SHAPE_TAIL_ROWS ? scan->row_count - SHAPE_TAIL_ROWS : 0;
    size_t count = 0;
    if (first < table->skip_rows)
        first = table->skip_rows;
    profile_leads(scan, column,
                  first < (int64_t)scan->lead_count ? first : (int64_t)scan->lead_count);
    for (int64_t row = first; row < scan->row_count; row++) {
        const struct tail_row *tail = &scan->tail[row % SHAPE_TAIL_ROWS];
        rows[count] = tail->shape;
        rows[count++].first_column = tail->column == column;
    }
    size_t start = shape_find_tail(&scan->above, rows, count, table->column_count);
    if (start == count)
        return;
    table->tail_row = scan->tail[(first + (int64_t)start) % SHAPE_TAIL_ROWS].number;
    table->tail_rows = (int64_t)(count - start);
}

/* ---- the table ----------------------------------------------------------------------------------
 */

static enum err_code add_column(struct table_scan *scan, struct header header, uint32_t column,
                                struct err *err)
{
    struct xlsx_table *table = scan->table;
    const char *name = joined_name(scan, header, column);
    if (name == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the sheet's columns");
    TRY(data_schema_add(&table->schema, str_of(name), DATA_TYPE(TEXT), err));
    table->with_time[table->column_count] = scan->timed[column] > 0;
    table->columns[table->column_count++] = column;
    if (table->units_row == 0)
        return ERR_OK;
    const char *text = header_of(&scan->leads[table->skip_rows - 1], column);
    return ingest_label_unit(&table->schema.columns[table->schema.count - 1],
                             shape_unit(str_of(text)), err);
}

static enum err_code make_columns(struct table_scan *scan, struct header header,
                                  struct arena *arena, struct err *err)
{
    struct xlsx_table *table = scan->table;
    size_t width = columns_in_use(scan);
    table->columns = arena_array(arena, width + 1, sizeof *table->columns);
    table->with_time = arena_array(arena, width + 1, sizeof *table->with_time);
    if (table->columns == NULL || table->with_time == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the sheet's columns");
    for (uint32_t column = 0; column < XLSX_LIMIT_COLUMNS; column++)
        if (scan->filled[column] > 0)
            TRY(add_column(scan, header, column, err));
    int64_t changed = 0;
    return data_schema_name_columns(&table->schema, &changed, err);
}

/* Which rows are names, units, data. given: as in ingest_options. */
static enum err_code settle_rows(struct table_scan *scan, int given, struct arena *arena,
                                 struct err *err)
{
    struct xlsx_table *table = scan->table;
    size_t first = given == 0 ? 0 : find_first_row(scan);
    struct header header = {first, 1};
    if (given < 0)
        header = find_header(scan, first);
    else if (given > 1)
        header.count =
            (size_t)given < scan->lead_count - first ? (size_t)given : scan->lead_count - first;
    table->header = given > 0 ||
                    (given < 0 && looks_like_header(&scan->leads[header.first + header.count - 1]));
    if (!table->header)
        header.count = 0;
    for (size_t row = 0; row < header.count; row++)
        if (header.first + row >= first) /* the ones above are out already */
            remove_lead(scan, &scan->leads[header.first + row], false);
    table->header_rows = (int64_t)header.count;
    table->skip_rows = (int64_t)(table->header ? header.first + header.count : first);
    bool units = given < 0 && table->header && find_units(scan, (size_t)table->skip_rows);
    if (units)
        table->units_row = scan->leads[table->skip_rows++].number;
    TRY(make_columns(scan, header, arena, err));
    if (given < 0)
        find_tail(scan);
    table->rows = table->facts.rows - table->skip_rows - table->tail_rows;
    return ERR_OK;
}

static enum err_code scan_sheet(struct table_scan *scan, const struct xlsx_sheet *sheet,
                                const struct xlsx_strings *strings, int header, struct arena *arena,
                                struct err *err)
{
    scan->filled = arena_array(scan->arena, XLSX_LIMIT_COLUMNS, sizeof *scan->filled);
    scan->timed = arena_array(scan->arena, XLSX_LIMIT_COLUMNS, sizeof *scan->timed);
    if (scan->filled == NULL || scan->timed == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the sheet's columns");
    TRY(xlsx_sheet_read(scan->book, sheet, strings, scan_row, scan, &scan->table->facts, err));
    return columns_in_use(scan) == 0 ? ERR_OK : settle_rows(scan, header, arena, err);
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

static void note_shape(const struct xlsx_table *table, json_t **notes)
{
    if (table->header_rows > 1)
        ingest_note(notes, "header_rows",
                    "%lld rows of names were joined, as in \"group / name\" (--header 1 takes the "
                    "first alone)",
                    (long long)table->header_rows);
    if (table->units_row > 0)
        ingest_note(
            notes, "units_row",
            "row %lld holds units: they are the columns' labels, not data (--header yes keeps "
            "the row as data)",
            (long long)table->units_row);
    if (table->tail_rows > 0)
        ingest_note(
            notes, "rows_below_table",
            "%lld row%s from row %lld on %s: kept apart with the rejected rows (--header yes "
            "keeps them as data)",
            (long long)table->tail_rows, table->tail_rows == 1 ? "" : "s",
            (long long)table->tail_row,
            table->tail_rows == 1 ? "is a note or a total below the table"
                                  : "are notes or totals below the table");
}

void xlsx_table_notes(const struct xlsx_table *table, const struct xlsx_sheet *sheet,
                      json_t **notes)
{
    struct buf errors = BUF_INIT;
    int64_t titles = table->skip_rows - table->header_rows - (table->units_row > 0);
    if (sheet->hidden)
        ingest_note(notes, "hidden_sheet", "the sheet is hidden in the workbook");
    if (titles > 0)
        ingest_note(notes, "title_rows", "%lld row%s above the header %s skipped",
                    (long long)titles, titles == 1 ? "" : "s", titles == 1 ? "was" : "were");
    note_shape(table, notes);
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
