/* Lists, structs and maps → JSON text: arrays, objects, objects by the keys' text. */

#include "engine/adbc/adbc_priv.h"

/* Runs a leaf through a vector of one row. */
static enum err_code leaf(const struct adbc_column *column, const struct ArrowArray *array,
                          int64_t row, bool as_key, struct buf *out, struct err *err)
{
    union {
        int64_t i64;
        double f64;
        struct data_int128 i128;
        struct str text;
        struct data_interval interval;
    } value = {0};
    struct data_vector vector = {.type = column->type, .any = &value};
    TRY(adbc_read_cell(column, array, row, &vector, 0, err));
    if (!as_key) {
        data_value_json(&vector, 0, out);
        return ERR_OK;
    }
    __attribute__((cleanup(auto_buf_done))) struct buf text = BUF_INIT;
    (void)data_value_text(&vector, 0, &text);
    TRY(buf_check(&text, err));
    data_json_escape(buf_view(&text), out);
    return ERR_OK;
}

/* The elements of a list or map: from, to of its child. */
static void span(const struct adbc_column *column, const struct ArrowArray *array, int64_t row,
                 int64_t *ret_from, int64_t *ret_to)
{
    int64_t at = array->offset + row;
    if (column->width == 0) {
        *ret_from = at * column->fixed;
        *ret_to = *ret_from + column->fixed;
    } else if (column->width == 4) {
        *ret_from = ((const int32_t *)array->buffers[1])[at];
        *ret_to = ((const int32_t *)array->buffers[1])[at + 1];
    } else {
        *ret_from = ((const int64_t *)array->buffers[1])[at];
        *ret_to = ((const int64_t *)array->buffers[1])[at + 1];
    }
    int64_t most = array->children[0]->length;
    if (*ret_from < 0 || *ret_to > most)
        *ret_from = *ret_to = 0;
}

static enum err_code write_map(const struct adbc_column *column, const struct ArrowArray *array,
                               int64_t row, struct buf *out, struct err *err)
{
    const struct adbc_column *entry = &column->children[0];
    const struct ArrowArray *entries = array->children[0];
    int64_t from, to;
    span(column, array, row, &from, &to);
    buf_putc(out, '{');
    for (int64_t at = from; at < to; at++) {
        int64_t inner = entries->offset + at;
        const struct adbc_column *key = &entry->children[0];
        if (at > from)
            buf_putc(out, ',');
        if (key->form == ADBC_UUID || key->form == ADBC_LIST || key->form == ADBC_STRUCT ||
            key->form == ADBC_MAP) {
            __attribute__((cleanup(auto_buf_done))) struct buf text = BUF_INIT;
            TRY(adbc_read_json(key, entries->children[0], inner, &text, err));
            TRY(buf_check(&text, err));
            data_json_escape(buf_view(&text), out);
        } else if (!adbc_read_is_valid(key, entries->children[0], inner)) {
            buf_puts(out, "\"\"");
        } else {
            TRY(leaf(key, entries->children[0], inner, true, out, err));
        }
        buf_putc(out, ':');
        TRY(adbc_read_json(&entry->children[1], entries->children[1], inner, out, err));
    }
    buf_putc(out, '}');
    return ERR_OK;
}

static enum err_code write_list(const struct adbc_column *column, const struct ArrowArray *array,
                                int64_t row, struct buf *out, struct err *err)
{
    int64_t from, to;
    span(column, array, row, &from, &to);
    buf_putc(out, '[');
    for (int64_t at = from; at < to; at++) {
        if (at > from)
            buf_putc(out, ',');
        TRY(adbc_read_json(&column->children[0], array->children[0], at, out, err));
    }
    buf_putc(out, ']');
    return ERR_OK;
}

enum err_code adbc_read_json(const struct adbc_column *column, const struct ArrowArray *array,
                             int64_t row, struct buf *out, struct err *err)
{
    if (!adbc_read_is_valid(column, array, row)) {
        buf_puts(out, "null");
        return ERR_OK;
    }
    if (column->indices != NULL && (column->form == ADBC_UUID || column->form == ADBC_LIST ||
                                    column->form == ADBC_STRUCT || column->form == ADBC_MAP))
        return err_set(err, ERR_UNSUPPORTED,
                       "column %s is a dictionary of lists, structs, maps or uuids", column->name);
    if (column->form == ADBC_MAP)
        return write_map(column, array, row, out, err);
    if (column->form == ADBC_LIST)
        return write_list(column, array, row, out, err);
    if (column->form == ADBC_UUID) {
        buf_putc(out, '"');
        adbc_read_uuid(array, row, out);
        buf_putc(out, '"');
        return ERR_OK;
    }
    if (column->form != ADBC_STRUCT)
        return leaf(column, array, row, false, out, err);
    buf_putc(out, '{');
    for (size_t idx = 0; idx < column->child_count; idx++) {
        if (idx > 0)
            buf_putc(out, ',');
        data_json_escape(str_of(column->children[idx].name), out);
        buf_putc(out, ':');
        TRY(adbc_read_json(&column->children[idx], array->children[idx], array->offset + row, out,
                           err));
    }
    buf_putc(out, '}');
    return ERR_OK;
}
