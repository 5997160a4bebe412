/* Rows and fields of CSV text, for sniffing: a tokenizer over memory, RFC 4180 with a free
 * delimiter, quote and escape. The engine reads plain data; this looks at samples, finds where
 * tables end, and reads what is not plain (csv_push.c). Pure. */
#include <string.h>

#include "ingest/parts_priv.h"

static bool at_delimiter(const struct csv_dialect *dialect, size_t length, const char *at,
                         const char *end)
{
    return *at == dialect->delimiter[0] &&
           (length == 1 ||
            ((size_t)(end - at) >= length && memcmp(at, dialect->delimiter, length) == 0));
}

static void add_field(struct csv_row *row, const char *start, const char *end, bool quoted)
{
    if (row->count == row->capacity && !row->failed) {
        size_t wanted = row->capacity == 0 ? 64 : row->capacity * 2;
        struct csv_field *grown = mem_resize(row->fields, wanted, sizeof *grown);
        if (grown == NULL) {
            row->failed = true;
        } else {
            row->fields = grown;
            row->capacity = wanted;
        }
    }
    if (row->failed)
        return;
    row->fields[row->count++] = (struct csv_field){start, (size_t)(end - start), quoted};
}

/* From after the opening quote to the closing one (or the end); counts the lines inside. */
static const char *skip_quoted(const struct csv_dialect *dialect, const char *at, const char *end,
                               struct csv_row *row, bool *closed)
{
    *closed = false;
    for (; at < end; at++) {
        if (*at == dialect->escape && dialect->escape != dialect->quote && at + 1 < end) {
            at++;
            continue;
        }
        if (*at == dialect->quote) {
            if (dialect->escape == dialect->quote && at + 1 < end && at[1] == dialect->quote) {
                at++;
                continue;
            }
            *closed = true;
            return at;
        }
        row->lines += *at == '\n';
    }
    return end;
}

static bool at_line_end(const char *at, const char *end)
{
    return *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] == '\n'));
}

/* `1, "Smith, John" ,x`: blanks around a quoted field are no part of it. The opening quote behind
 * them, or NULL. */
static const char *quote_behind_blanks(const struct csv_dialect *dialect, size_t length,
                                       const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t') && !at_delimiter(dialect, length, at, end))
        at++;
    return at < end && dialect->quote != 0 && *at == dialect->quote ? at : NULL;
}

/* Reads one field; returns where it stopped: at a delimiter, a line end, or the end. */
static const char *read_field(const struct csv_dialect *dialect, size_t length, const char *at,
                              const char *end, struct csv_row *row, bool *open)
{
    const char *start = at;
    const char *quote = quote_behind_blanks(dialect, length, at, end);
    if (quote != NULL) {
        bool closed = false;
        start = at = quote;
        const char *close = skip_quoted(dialect, at + 1, end, row, &closed);
        add_field(row, start + 1, close, true);
        *open = !closed;
        row->malformed = row->malformed || !closed;
        at = closed ? close + 1 : end;
        while (at < end && (*at == ' ' || *at == '\t') && !at_delimiter(dialect, length, at, end))
            at++;
        if (at < end && !at_line_end(at, end) && !at_delimiter(dialect, length, at, end))
            row->malformed = true;
        while (at < end && !at_line_end(at, end) && !at_delimiter(dialect, length, at, end))
            at++;
        return at;
    }
    while (at < end && !at_line_end(at, end) && !at_delimiter(dialect, length, at, end))
        at++;
    add_field(row, start, at, false);
    return at;
}

bool csv_next_row(const struct csv_dialect *dialect, const char **cursor, const char *end,
                  bool whole, struct csv_row *row)
{
    const char *at = *cursor;
    size_t length = strlen(dialect->delimiter);
    row->count = 0;
    row->lines = 1;
    row->malformed = row->complete = false;
    row->start = at;
    if (at >= end)
        return false;
    bool open = false;
    for (;;) {
        at = read_field(dialect, length, at, end, row, &open);
        if (at >= end || !at_delimiter(dialect, length, at, end))
            break;
        at += length;
    }
    row->complete = whole && !open;
    if (at < end && *at == '\r')
        at++;
    if (at < end && *at == '\n') {
        at++;
        row->complete = true;
    }
    row->end = at;
    *cursor = at;
    return !row->failed;
}

void csv_row_done(struct csv_row *row)
{
    mem_free(row->fields);
    *row = (struct csv_row){0};
}

void csv_field_text(const struct csv_dialect *dialect, const struct csv_field *field,
                    struct buf *out)
{
    for (size_t i = 0; i < field->len; i++) {
        if (field->quoted && field->ptr[i] == dialect->escape && dialect->escape != 0 &&
            i + 1 < field->len &&
            (field->ptr[i + 1] == dialect->quote ||
             field->ptr[i + 1] == dialect->escape)) /* "C:\temp" keeps its backslash */
            i++;
        buf_putc(out, field->ptr[i]);
    }
}

bool csv_row_is_blank(const struct csv_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        struct str text = str_trim((struct str){row->fields[i].ptr, row->fields[i].len});
        if (row->fields[i].quoted || text.len > 0)
            return false;
    }
    return true;
}

/* ---- what a cell looks like ---------------------------------------------------------------------
 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_null_marker(struct str cell)
{
    static const char *const markers[] = {"?",   "NA",  "N/A",  "NULL", "null", "\\N", ".",
                                          "NaN", "nan", "#N/A", "n/a",  "None", "-"};
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        if (str_equal(cell, str_of(markers[i])))
            return true;
    return false;
}

/* 2020-01-31, 31.12.2020, 1/2/20, 12:30, 2020-01-31T12:30:00Z, 01JAN2020 */
static bool is_moment(struct str cell)
{
    size_t digits = 0, marks = 0, letters = 0;
    for (size_t i = 0; i < cell.len; i++) {
        char c = cell.ptr[i];
        if (is_digit(c))
            digits++;
        else if (c == '-' || c == '/' || c == ':' || c == '.')
            marks++;
        else if ((c | 32) >= 'a' && (c | 32) <= 'z')
            letters++;
        else if (c != ' ' && c != '+')
            return false;
    }
    return cell.len >= 5 && cell.len <= 35 && is_digit(cell.ptr[0]) && digits >= 3 &&
           letters <= 3 &&
           (marks >= 2 || (marks >= 1 && letters == 0 && memchr(cell.ptr, ':', cell.len) != NULL) ||
            (letters == 3 && digits >= 4));
}

enum csv_cell csv_cell_kind(struct str cell)
{
    cell = str_trim(cell);
    if (cell.len == 0 || is_null_marker(cell))
        return CSV_EMPTY;
    size_t i = cell.ptr[0] == '-' || cell.ptr[0] == '+' || cell.ptr[0] == '<' || cell.ptr[0] == '>';
    size_t digits = 0, points = 0;
    for (; i < cell.len; i++) {
        char c = cell.ptr[i];
        if (is_digit(c)) {
            digits++;
        } else if (c == '.' || c == ',') {
            points++;
        } else if ((c == 'e' || c == 'E') && digits > 0 && i + 1 < cell.len) {
            i += cell.ptr[i + 1] == '-' || cell.ptr[i + 1] == '+';
        } else if (!(c == '%' && i + 1 == cell.len)) {
            break;
        }
    }
    if (i == cell.len && digits > 0 && points <= 2)
        return CSV_NUMBER;
    return is_moment(cell) ? CSV_MOMENT : CSV_TEXT;
}
