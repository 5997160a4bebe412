/* layer: engine — answers of a Trino coordinator, bytes to rows; and what we send: lists of
 * statements parted, parameters encoded. A first byte 'S' means the rest is a statement. */
#include <stdlib.h>

#include "engine/trino/trino_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void read_text(const struct data_batch *batch, struct buf *text)
{
    for (size_t column = 0; column < batch->columns; column++)
        for (int64_t row = 0; row < batch->rows; row++) {
            buf_clear(text);
            if (data_vector_is_valid(&batch->vectors[column], row))
                data_value_text(&batch->vectors[column], row, text);
        }
}

static void read_page(struct str bytes, struct arena *arena)
{
    struct err err = {0};
    struct trino_page page = {0};
    struct data_schema schema = {0};
    struct trino_column *columns = NULL;
    const struct data_batch *batch = NULL;
    struct buf text = BUF_INIT;
    enum err_code code = trino_page_read(bytes, &page, &err);
    if (code == ERR_OK && page.failure != NULL && trino_failure(page.failure, &err) == ERR_OK)
        abort();
    if (code == ERR_OK && page.next != NULL && page.next[0] != '/')
        abort();
    if (code == ERR_OK)
        code = trino_page_schema(&page, arena, &schema, &columns, &err);
    if (code == ERR_OK)
        code = trino_page_batch(&page, &schema, columns, 0, (int64_t)json_array_size(page.rows),
                                arena, &batch, &err);
    if (code == ERR_OK)
        read_text(batch, &text);
    else if (err.message[0] == '\0' || err.code != code)
        abort();
    buf_done(&text);
    data_schema_done(&schema);
    trino_page_done(&page);
}

/* Bound, a statement is one statement still, whatever stands in it and its parameters. */
static void bind_text(struct str bytes)
{
    struct err err = {0};
    struct str rest = bytes, one, again, more;
    struct buf text = BUF_INIT;
    while (trino_next_statement(&rest, &one)) {
        const struct engine_value value = {.type = DATA_TYPE(TEXT), .text = bytes};
        buf_clear(&text);
        if (trino_bind(one, &value, 1, &text, &err) != ERR_OK)
            continue;
        struct str bound = buf_view(&text);
        if (!trino_next_statement(&bound, &again) || trino_next_statement(&bound, &more) ||
            again.len != text.len)
            abort();
    }
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct arena *arena = arena_new(64 << 20);
    struct str text = {(const char *)bytes, count};
    if (arena != NULL && count > 0 && bytes[0] == 'S')
        bind_text((struct str){text.ptr + 1, text.len - 1});
    else if (arena != NULL)
        read_page(text, arena);
    arena_free(arena);
    return 0;
}
