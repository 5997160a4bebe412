/* Rows as text for other programs: CSV (RFC 4180) and JSON objects. */
#include "data/data.h"

#include <string.h>

void data_csv_field(struct str text, struct buf *out)
{
    bool quote = text.len == 0; /* an empty text is quoted, a null is nothing */
    for (size_t i = 0; i < text.len && !quote; i++)
        quote =
            text.ptr[i] == ',' || text.ptr[i] == '"' || text.ptr[i] == '\n' || text.ptr[i] == '\r';
    if (!quote) {
        buf_add_str(out, text);
        return;
    }
    buf_putc(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            buf_putc(out, '"');
        buf_putc(out, text.ptr[i]);
    }
    buf_putc(out, '"');
}

void data_row_csv(const struct data_batch *batch, int64_t row, struct buf *scratch, struct buf *out)
{
    for (size_t c = 0; c < batch->columns; c++) {
        if (c > 0)
            buf_putc(out, ',');
        buf_clear(scratch);
        if (data_value_text(&batch->vectors[c], row, scratch))
            data_csv_field(buf_view(scratch), out);
    }
    buf_puts(out, "\r\n");
}

/* A number as JSON has them: what stands in such a column came as one, but nobody promises it. */
static bool is_json_number(struct str text)
{
    size_t at = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    size_t digits = at;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    if (digits == at || (text.ptr[at] == '0' && digits > at + 1))
        return false;
    if (digits < text.len && text.ptr[digits] == '.') {
        size_t first = ++digits;
        while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
            digits++;
        if (digits == first)
            return false;
    }
    if (digits < text.len && (text.ptr[digits] == 'e' || text.ptr[digits] == 'E')) {
        digits++;
        if (digits < text.len && (text.ptr[digits] == '+' || text.ptr[digits] == '-'))
            digits++;
        size_t first = digits;
        while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
            digits++;
        if (digits == first)
            return false;
    }
    return digits == text.len;
}

void data_row_object(const struct data_schema *schema, const struct data_batch *batch, int64_t row,
                     struct buf *out)
{
    buf_putc(out, '{');
    for (size_t c = 0; c < batch->columns; c++) {
        const struct data_column *column = &schema->columns[c];
        const struct data_vector *vector = &batch->vectors[c];
        if (c > 0)
            buf_putc(out, ',');
        buf_add_json(out, str_of(column->name));
        buf_putc(out, ':');
        bool number = vector->type.kind == DATA_TEXT && column->source_format != NULL &&
                      strcmp(column->source_format, "number") == 0 &&
                      data_vector_is_valid(vector, row) && is_json_number(vector->text[row]);
        if (number)
            buf_add_str(out, vector->text[row]);
        else
            data_value_json(vector, row, out);
    }
    buf_putc(out, '}');
}
