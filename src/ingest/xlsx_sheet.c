/* A sheet, streamed: <row r="3"><c r="B3" s="2" t="s"><v>17</v></c></row> → one xlsx_row with the
 * cell's kind, style and stored text. Cells come in any order; cells and rows without a reference
 * follow the one before. Formulas give their stored value. */
#include <string.h>

#include "ingest/xlsx_priv.h"

enum cell_type {
    TYPE_NUMBER,
    TYPE_SHARED,
    TYPE_TEXT,
    TYPE_INLINE,
    TYPE_BOOLEAN,
    TYPE_ERROR,
    TYPE_DATE
};
struct placed_cell {
    struct xlsx_cell cell;
    size_t begin, length; /* of its text in bytes, unless it is shared */
    bool borrowed;        /* text points into the shared strings */
};
struct sheet_reader {
    const struct xlsx_book *book;
    const struct xlsx_strings *strings;
    enum err_code (*row)(void *user, const struct xlsx_row *row, struct err *err);
    void *user;
    struct xlsx_sheet_facts *facts;
    struct placed_cell *placed;
    struct xlsx_cell *cells;
    size_t count, capacity;
    struct buf bytes; /* texts of the row's cells */
    struct buf value; /* of the cell being read */
    int64_t row_number;
    uint32_t next_column, column;
    enum cell_type type;
    enum xlsx_style style;
    bool in_data, in_cell, collecting, formula;
    int phonetic;
};

/* "AB12" → column 27. False: no such reference. */
static bool parse_reference(const char *reference, uint32_t *ret_column)
{
    uint32_t column = 0;
    const char *at = reference;
    for (; (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z'); at++) {
        column = column * 26 + (uint32_t)((*at | 0x20) - 'a') + 1;
        if (column > XLSX_LIMIT_COLUMNS)
            return false;
    }
    if (column == 0)
        return false;
    *ret_column = column - 1;
    return true;
}

static enum cell_type parse_type(const char *text)
{
    static const struct {
        const char *name;
        enum cell_type type;
    } types[] = {{"s", TYPE_SHARED},  {"str", TYPE_TEXT}, {"inlineStr", TYPE_INLINE},
                 {"b", TYPE_BOOLEAN}, {"e", TYPE_ERROR},  {"d", TYPE_DATE}};
    for (size_t idx = 0; text != NULL && idx < sizeof types / sizeof *types; idx++)
        if (strcmp(text, types[idx].name) == 0)
            return types[idx].type;
    return TYPE_NUMBER;
}

/* "B12" at *at: column from 0, and row; false when it is none. */
static bool read_place(const char **at, uint32_t *column, int64_t *row)
{
    uint32_t letters = 0;
    int64_t digits = 0;
    for (; **at >= 'A' && **at <= 'Z' && letters <= XLSX_LIMIT_COLUMNS; (*at)++)
        letters = letters * 26 + (uint32_t)(**at - 'A' + 1);
    for (; **at >= '0' && **at <= '9' && digits < 100000000; (*at)++)
        digits = digits * 10 + (**at - '0');
    *column = letters - 1;
    *row = digits;
    return letters > 0 && letters <= XLSX_LIMIT_COLUMNS && digits > 0;
}

/* "B1:D1" */
static void add_merge(struct xlsx_sheet_facts *facts, const char *ref)
{
    struct xlsx_merge merge;
    int64_t last_row = 0;
    facts->merged_ranges++;
    if (ref == NULL || facts->merge_count == XLSX_MERGES ||
        !read_place(&ref, &merge.first, &merge.row) || *ref++ != ':' ||
        !read_place(&ref, &merge.last, &last_row) || merge.last <= merge.first)
        return;
    facts->merges[facts->merge_count++] = merge;
}

static void start_cell(struct xlsx_xml *xml, struct sheet_reader *reader, const char **attributes)
{
    const char *reference = NULL, *style = NULL, *type = NULL;
    for (const char **at = attributes; *at != NULL; at += 2) {
        if (at[0][0] == 'r' && at[0][1] == '\0')
            reference = at[1];
        else if (at[0][0] == 's' && at[0][1] == '\0')
            style = at[1];
        else if (at[0][0] == 't' && at[0][1] == '\0')
            type = at[1];
    }
    reader->column = reader->next_column;
    if ((reference != NULL && !parse_reference(reference, &reader->column)) ||
        reader->column >= XLSX_LIMIT_COLUMNS) {
        xlsx_xml_fail(
            xml, err_set(xml->err, ERR_INPUT,
                         "row %lld has a cell beyond column XFD or with a reference that is none",
                         (long long)reader->row_number));
        return;
    }
    reader->next_column = reader->column + 1;
    int64_t index = 0;
    reader->style = XLSX_NUMBER;
    if (style != NULL && str_to_int64(str_of(style), &index) && index >= 0 &&
        (size_t)index < reader->book->style_count)
        reader->style = (enum xlsx_style)reader->book->styles[index];
    reader->type = parse_type(type);
    reader->in_cell = true;
    reader->formula = false;
    buf_clear(&reader->value);
}

static void start_element(struct xlsx_xml *xml, const char *name, const char **attributes)
{
    struct sheet_reader *reader = xml->user;
    if (reader->in_cell) {
        if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0)
            reader->collecting = reader->phonetic == 0;
        else if (strcmp(name, "f") == 0)
            reader->formula = true;
        else if (strcmp(name, "rPh") == 0)
            reader->phonetic++;
    } else if (strcmp(name, "c") == 0 && reader->in_data)
        start_cell(xml, reader, attributes);
    else if (strcmp(name, "row") == 0 && reader->in_data) {
        const char *number = xlsx_xml_attribute(attributes, "r");
        int64_t parsed = 0;
        reader->row_number = number != NULL && str_to_int64(str_of(number), &parsed) && parsed > 0
                                 ? parsed
                                 : reader->row_number + 1;
        reader->next_column = 0;
        reader->count = 0;
        buf_clear(&reader->bytes);
    } else if (strcmp(name, "sheetData") == 0)
        reader->in_data = true;
    else if (strcmp(name, "mergeCell") == 0)
        add_merge(reader->facts, xlsx_xml_attribute(attributes, "ref"));
}

static void on_text(struct xlsx_xml *xml, const char *text, size_t length)
{
    struct sheet_reader *reader = xml->user;
    if (!reader->collecting)
        return;
    buf_add(&reader->value, text, length);
    if (reader->value.failed)
        xlsx_xml_fail(xml,
                      err_set(xml->err, ERR_LIMIT, "row %lld has a cell longer than %lld bytes",
                              (long long)reader->row_number, (long long)INGEST_LIMIT_CELL_BYTES));
}

static bool grow_cells(struct sheet_reader *reader)
{
    if (reader->count < reader->capacity)
        return true;
    size_t capacity = reader->capacity == 0 ? 64 : reader->capacity * 2;
    struct placed_cell *placed = mem_resize(reader->placed, capacity, sizeof *placed);
    if (placed == NULL)
        return false;
    reader->placed = placed;
    struct xlsx_cell *cells = mem_resize(reader->cells, capacity, sizeof *cells);
    if (cells == NULL)
        return false;
    reader->cells = cells;
    reader->capacity = capacity;
    return true;
}

static enum xlsx_cell_kind kind_of(enum cell_type type)
{
    switch (type) {
    case TYPE_NUMBER:
        return XLSX_CELL_NUMBER;
    case TYPE_SHARED:
    case TYPE_TEXT:
    case TYPE_INLINE:
        return XLSX_CELL_TEXT;
    case TYPE_BOOLEAN:
        return XLSX_CELL_BOOLEAN;
    case TYPE_ERROR:
        return XLSX_CELL_ERROR;
    case TYPE_DATE:
        return XLSX_CELL_ISO_DATE;
    }
    return XLSX_CELL_TEXT;
}

/* Where the cell's text is. False: err is filled. An empty text leaves cell->text empty. */
static bool place_text(struct xlsx_xml *xml, struct sheet_reader *reader,
                       struct placed_cell *placed)
{
    struct str stored = buf_view(&reader->value);
    if (reader->type == TYPE_SHARED) {
        int64_t index = -1;
        if (stored.len == 0)
            return true;
        if (!str_to_int64(str_trim(stored), &index) || index < 0 ||
            !xlsx_strings_get(reader->strings, (size_t)index, &placed->cell.text)) {
            xlsx_xml_fail(xml, err_set(xml->err, ERR_INPUT,
                                       "row %lld column %u names a shared text that is not there",
                                       (long long)reader->row_number, reader->column + 1));
            return false;
        }
        placed->borrowed = true;
        placed->length = placed->cell.text.len;
        return true;
    }
    placed->begin = reader->bytes.len;
    if (reader->type == TYPE_TEXT || reader->type == TYPE_INLINE)
        xlsx_unescape(stored, &reader->bytes);
    else
        buf_add_str(&reader->bytes, str_trim(stored));
    placed->length = reader->bytes.len - placed->begin;
    if (reader->bytes.failed) {
        xlsx_xml_fail(xml, err_set(xml->err, ERR_LIMIT, "row %lld is too long",
                                   (long long)reader->row_number));
        return false;
    }
    return true;
}

static void end_cell(struct xlsx_xml *xml, struct sheet_reader *reader)
{
    reader->in_cell = false;
    struct placed_cell placed = {
        .cell = {.column = reader->column, .kind = kind_of(reader->type), .style = reader->style}};
    if (!place_text(xml, reader, &placed))
        return;
    if (placed.length == 0) {
        reader->facts->uncalculated += reader->formula && reader->type == TYPE_NUMBER;
        return;
    }
    /* Twice the same cell: the later one stands. Rare, so only looked for when cells go back. */
    size_t target = reader->count;
    if (reader->count > 0 && reader->placed[reader->count - 1].cell.column >= reader->column)
        for (size_t idx = 0; idx < reader->count; idx++)
            if (reader->placed[idx].cell.column == reader->column)
                target = idx;
    if (target == reader->count && !grow_cells(reader)) {
        xlsx_xml_fail(xml, err_set(xml->err, ERR_MEMORY, "no memory for a row of the sheet"));
        return;
    }
    reader->placed[target] = placed;
    reader->count += target == reader->count;
}

static void end_row(struct xlsx_xml *xml, struct sheet_reader *reader)
{
    if (reader->count == 0)
        return;
    for (size_t idx = 0; idx < reader->count; idx++) {
        const struct placed_cell *placed = &reader->placed[idx];
        reader->cells[idx] = placed->cell;
        if (!placed->borrowed)
            reader->cells[idx].text =
                (struct str){reader->bytes.ptr + placed->begin, placed->length};
    }
    reader->facts->rows++;
    const struct xlsx_row row = {reader->row_number, reader->cells, reader->count};
    enum err_code code = reader->row(reader->user, &row, xml->err);
    if (code != ERR_OK)
        xlsx_xml_fail(xml, code);
}

static void end_element(struct xlsx_xml *xml, const char *name)
{
    struct sheet_reader *reader = xml->user;
    if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0)
        reader->collecting = false;
    else if (strcmp(name, "c") == 0 && reader->in_cell)
        end_cell(xml, reader);
    else if (strcmp(name, "row") == 0 && reader->in_data)
        end_row(xml, reader);
    else if (strcmp(name, "rPh") == 0 && reader->phonetic > 0)
        reader->phonetic--;
    else if (strcmp(name, "sheetData") == 0)
        reader->in_data = false;
}

enum err_code xlsx_sheet_read(const struct xlsx_book *book, const struct xlsx_sheet *sheet,
                              const struct xlsx_strings *strings,
                              enum err_code (*row)(void *user, const struct xlsx_row *row,
                                                   struct err *err),
                              void *user, struct xlsx_sheet_facts *ret, struct err *err)
{
    struct sheet_reader reader = {
        .book = book, .strings = strings, .row = row, .user = user, .facts = ret};
    struct xlsx_xml xml = {
        .start = start_element, .end = end_element, .text = on_text, .user = &reader};
    bool found = false;
    *ret = (struct xlsx_sheet_facts){0};
    reader.value.limit = (size_t)INGEST_LIMIT_CELL_BYTES;
    enum err_code code = xlsx_xml_read(&book->place, sheet->part, &xml, &found, err);
    buf_done(&reader.bytes);
    buf_done(&reader.value);
    mem_free(reader.placed);
    mem_free(reader.cells);
    if (code == ERR_OK && !found) {
        (void)err_set(err, ERR_INPUT, "the workbook lacks the part of one of its sheets");
        return err_at(err, book->place.origin, 0, 0);
    }
    return code;
}
