/* layer: data — typing: statistics read from bytes (merged, decided, written), columns decided from
 * cells, type names. First byte: 0 bytes of statistics; 1 a column of cells parted by newlines;
 * else a type's name. */
#include <stdlib.h>
#include <string.h>

#include "data/typing.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void decide(struct typing_stats *stats)
{
    struct err err = {0};
    struct arena *arena = arena_new(0);
    const char *names[] = {"column"};
    const char *format = typing_format_find(STR("1.234,5"));
    struct typing_options options = {.formats = &format, .decimal_comma = true};
    struct typing_decision decision = {0};
    if (arena == NULL ||
        typing_decide(&stats, names, 1, &options, arena, &decision, &err) != ERR_OK)
        abort();
    json_decref(decision.warnings);
    options = (struct typing_options){0};
    if (typing_decide(&stats, names, 1, &options, arena, &decision, &err) != ERR_OK)
        abort();
    if (decision.nulls > decision.rows || decision.rows < 0)
        abort();
    json_decref(decision.warnings);
    json_decref(typing_top_values(stats, 10));
    arena_free(arena);
}

static void from_bytes(struct typing_stats *stats, struct str text)
{
    AUTO(buf_done) struct buf out = BUF_INIT;
    AUTO(buf_done) struct buf again = BUF_INIT;
    if (!typing_stats_read(stats, text))
        return;
    struct typing_stats *copy = mem_alloc(typing_stats_bytes());
    if (copy == NULL || !typing_stats_write(stats, &out) ||
        !typing_stats_read(copy, buf_view(&out)) || !typing_stats_write(copy, &again))
        abort();
    if (!str_equal(buf_view(&out), buf_view(&again)))
        abort();
    typing_stats_merge(stats, copy);
    typing_stats_add(stats, STR("12"));
    typing_stats_add_null(stats);
    typing_stats_done(copy);
    mem_free(copy);
}

/* The same cells in one statistic and in two merged ones must decide alike; so must the written
 * form. */
static void from_cells(struct typing_stats *stats, struct str text)
{
    AUTO(buf_done) struct buf whole = BUF_INIT;
    AUTO(buf_done) struct buf merged = BUF_INIT;
    struct typing_stats *odd = mem_alloc(typing_stats_bytes()),
                        *even = mem_alloc(typing_stats_bytes());
    if (odd == NULL || even == NULL)
        abort();
    typing_stats_init(odd);
    typing_stats_init(even);
    for (int64_t i = 0; text.len > 0; i++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct str cell = {text.ptr, end == NULL ? text.len : (size_t)(end - text.ptr)};
        typing_stats_add(stats, cell);
        typing_stats_add(i % 2 == 0 ? even : odd, cell);
        size_t used = cell.len + (end != NULL);
        text = (struct str){text.ptr + used, text.len - used};
    }
    typing_stats_merge(odd, even);
    if (!typing_stats_write(stats, &whole) || !typing_stats_write(odd, &merged) ||
        !str_equal(buf_view(&whole), buf_view(&merged)))
        abort();
    typing_stats_done(odd);
    typing_stats_done(even);
    mem_free(odd);
    mem_free(even);
}

static void type_name(struct str text)
{
    struct err err = {0};
    struct data_type type = {0}, again = {0};
    char name[32];
    if (data_type_parse(text, &type, &err) != ERR_OK)
        return;
    if (data_type_parse(str_of(data_type_text(type, name)), &again, &err) != ERR_OK ||
        !data_type_equal(type, again))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (count == 0)
        return 0;
    struct str text = {(const char *)bytes + 1, count - 1};
    if (bytes[0] > 1) {
        type_name(text);
        return 0;
    }
    struct typing_stats *stats = mem_alloc(typing_stats_bytes());
    if (stats == NULL)
        return 0;
    typing_stats_init(stats);
    if (bytes[0] == 0)
        from_bytes(stats, text);
    else
        from_cells(stats, text);
    decide(stats);
    typing_stats_done(stats);
    mem_free(stats);
    return 0;
}
