/* Lists and structs as JSON text, composed in SQL: {"n":5,"at":"2020-01-01
 * 00:00:00","d":1.50,"t":null}, the same on every engine: no blanks, decimals with their scale,
 * times as text, doubles shortest (NaN and the infinities are null). */
#include "dialect/emit_priv.h"

#include <stdio.h>

static void put_or_null(const char *text, struct buf *out)
{
    buf_printf(out, "coalesce(%s, 'null')", text);
}

static void json_list(struct emit *emit, struct data_type type, const char *value, unsigned depth,
                      struct buf *out)
{
    char name[16];
    struct buf element = BUF_INIT, text = BUF_INIT;
    (void)snprintf(name, sizeof name, "e%u", depth);
    emit_json(emit, type.fields[0].type, name, depth + 1, &element);
    put_or_null(buf_text(&element), &text);
    emit->dialect->json_list(value, name, buf_text(&text), out);
    emit->failed = emit->failed || element.failed || text.failed;
    buf_done(&element);
    buf_done(&text);
}

static void json_struct(struct emit *emit, struct data_type type, const char *value, unsigned depth,
                        struct buf *out)
{
    const char **values = arena_array(emit->arena, type.field_count, sizeof *values);
    struct buf *text = &(struct buf)BUF_INIT;
    for (size_t i = 0; values != NULL && i < type.field_count; i++) {
        emit->dialect->json_field(value, type.fields[i].name, text);
        values[i] = emit_copy(emit, text).ptr;
    }
    buf_done(text);
    if (values == NULL) {
        emit->failed = true;
        return;
    }
    buf_printf(out, "CASE WHEN %s IS NOT NULL THEN ", value);
    emit_json_record(emit, type, values, depth, out);
    buf_puts(out, " END");
}

void emit_json(struct emit *emit, struct data_type type, const char *value, unsigned depth,
               struct buf *out)
{
    if (type.kind == DATA_LIST)
        json_list(emit, type, value, depth, out);
    else if (type.kind == DATA_STRUCT && emit->dialect->json_field != NULL)
        json_struct(emit, type, value, depth, out);
    else
        emit->dialect->json_scalar(type, value, out);
}

/* '{"a":' || … || ',"b":' || … || '}' */
void emit_json_record(struct emit *emit, struct data_type type, const char *const *values,
                      unsigned depth, struct buf *out)
{
    struct buf label = BUF_INIT, text = BUF_INIT;
    for (size_t i = 0; i < type.field_count; i++) {
        buf_clear(&label);
        buf_clear(&text);
        buf_putc(&label, i == 0 ? '{' : ',');
        data_json_escape(str_of(type.fields[i].name), &label);
        buf_putc(&label, ':');
        buf_puts(out, i == 0 ? "" : " || ");
        emit_quoted(out, buf_view(&label));
        buf_puts(out, " || ");
        emit_json(emit, type.fields[i].type, values[i], depth, &text);
        put_or_null(buf_text(&text), out);
    }
    buf_puts(out, " || '}'");
    emit->failed = emit->failed || label.failed || text.failed;
    buf_done(&label);
    buf_done(&text);
}
