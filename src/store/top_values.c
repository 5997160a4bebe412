/* A column's commonest values, from the statistic of the texts that were read.
 *
 *     texts read            meant, as bigint        kept
 *     "5" ×3, " 5" ×1   →   5 ×4                →   [["5",4],["7",1]], 2 distinct
 *     "7" ×1, "NA" ×9       7 ×1, null ×9
 *
 * The one idea: texts that mean the same value are one value, spelled as the value is spelled
 * everywhere (data_value_text), and texts that are read as null are none. Columns whose texts are
 * not spelled as values (dates by a format, instants) get no list. */
#include <stdlib.h>
#include <string.h>

#include "store/store_priv.h"

#define ALL_VALUES 4096 /* more than a statistic keeps one by one */

struct counted {
    char *text;
    int64_t count;
};

static bool is_marker(const struct typing_decision *decision, struct str text)
{
    if (text.len == 0)
        return true;
    for (size_t i = 0; i < decision->null_marker_count; i++)
        if (str_equal(str_of(decision->null_markers[i]), text))
            return true;
    return false;
}

/* "-.50" as decimal(18,3) → "-0.500"; "007.0" as bigint → "7". False: no such number. */
static bool spell_exact(struct str text, unsigned scale, struct buf *out)
{
    bool negative = text.len > 0 && text.ptr[0] == '-', zero = true;
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = (struct str){text.ptr + 1, text.len - 1};
    const char *point = memchr(text.ptr, '.', text.len);
    size_t whole = point == NULL ? text.len : (size_t)(point - text.ptr);
    size_t fraction = point == NULL ? 0 : text.len - whole - 1;
    if (whole + fraction == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if ((!digit && i != whole) || (digit && i > whole + scale && text.ptr[i] != '0'))
            return false;
        zero = zero && (!digit || text.ptr[i] == '0');
    }
    size_t first = 0;
    while (first + 1 < whole && text.ptr[first] == '0')
        first++;
    buf_puts(out, negative && !zero ? "-" : "");
    buf_add(out, whole == 0 ? "0" : text.ptr + first, whole == 0 ? 1 : whole - first);
    for (size_t i = 0; i < scale; i++) {
        if (i == 0)
            buf_putc(out, '.');
        buf_putc(out, i < fraction ? point[1 + i] : '0');
    }
    return true;
}

static bool spell_double(struct str text, struct buf *out)
{
    double value;
    char spelled[32];
    if (!str_to_double(text, &value))
        return false;
    buf_puts(out, str_from_double(value == 0 ? 0.0 : value, spelled));
    return true;
}

/* The value that a text means, spelled out. False: none. */
static bool spell(const struct typing_decision *decision, struct str text, struct buf *out)
{
    enum typing_notation notation;
    AUTO(buf_done) struct buf plain = BUF_INIT;
    if (typing_format_is_number(decision->format, &notation)) {
        for (size_t i = 0; i < text.len; i++) {
            char group = notation == TYPING_COMMA_DECIMAL ? '.' : ',', c = text.ptr[i];
            if (c != group)
                buf_putc(&plain, c == ',' ? '.' : c);
        }
        text = buf_view(&plain);
    }
    switch (decision->type.kind) {
    case DATA_BIGINT:
        return spell_exact(text, 0, out);
    case DATA_DECIMAL:
        return spell_exact(text, decision->type.scale, out);
    case DATA_DOUBLE:
        return spell_double(text, out);
    case DATA_BOOLEAN:
        for (size_t i = 0; i < text.len; i++)
            buf_putc(out, (char)(text.ptr[i] | 32));
        return true;
    case DATA_TIME:
        buf_add_str(out, text);
        buf_puts(out, text.len == 5 ? ":00" : "");
        return true;
    case DATA_TEXT:
    case DATA_DATE:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
    case DATA_BLOB:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
    case DATA_UHUGEINT:
    case DATA_NULL:
        buf_add_str(out, text);
        return true;
    }
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct counted *)a)->text, ((const struct counted *)b)->text);
}

static int by_count(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
                                : strcmp(x->text, y->text);
}

/* Spell, and make equal ones one; *ret_count of them. */
static bool gather(const json_t *raw, const struct typing_decision *decision, struct arena *arena,
                   struct counted *values, size_t *ret_count)
{
    size_t filled = 0, count = 0;
    bool text_column = decision->type.kind == DATA_TEXT;
    for (size_t i = 0; i < json_array_size(raw); i++) {
        const json_t *pair = json_array_get(raw, i), *value = json_array_get(pair, 0);
        struct str text = {json_string_value(value), json_string_length(value)};
        if (!text_column)
            text = str_trim(text);
        AUTO(buf_done) struct buf spelled = BUF_INIT;
        if (is_marker(decision, text) || !spell(decision, text, &spelled))
            continue;
        values[filled].text =
            spelled.failed ? NULL : arena_strndup(arena, buf_text(&spelled), spelled.len);
        values[filled].count = json_integer_value(json_array_get(pair, 1));
        if (values[filled++].text == NULL)
            return false;
    }
    if (!text_column)
        qsort(values, filled, sizeof *values, by_text);
    for (size_t i = 0; i < filled; i++) {
        if (!text_column && count > 0 && strcmp(values[count - 1].text, values[i].text) == 0)
            values[count - 1].count += values[i].count;
        else
            values[count++] = values[i];
    }
    *ret_count = count;
    return true;
}

static bool has_list(const struct typing_decision *decision)
{
    bool instant = decision->type.kind == DATA_TIMESTAMP || decision->type.kind == DATA_TIMESTAMPTZ;
    bool date = decision->type.kind == DATA_DATE && decision->format != NULL;
    return !date && !instant;
}

json_t *store_top_values(const struct typing_stats *stats, const struct typing_decision *decision,
                         int64_t *ret_distinct, bool *ok)
{
    bool plain = decision->type.kind == DATA_TEXT && decision->null_marker_count == 0;
    json_t *list = NULL;
    if (!has_list(decision))
        return NULL;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    JSON_AUTO raw = typing_top_values(stats, plain ? STORE_TOP_VALUES : ALL_VALUES);
    if (raw == NULL && decision->distinct_exact)
        *ok = false; /* an exact set always has them: memory is out */
    if (raw == NULL || plain)
        return json_incref(raw);
    AUTO(mem_free) struct counted *values = mem_zalloc(json_array_size(raw) + 1, sizeof *values);
    size_t count = 0;
    if (arena == NULL || values == NULL || !gather(raw, decision, arena, values, &count)) {
        *ok = false;
        return NULL;
    }
    qsort(values, count, sizeof *values, by_count);
    list = json_array();
    for (size_t i = 0; i < count && i < STORE_TOP_VALUES; i++) {
        json_t *pair = json_array();
        json_push_text(pair, values[i].text, ok);
        json_push(pair, json_integer(values[i].count), ok);
        json_push(list, pair, ok);
    }
    if (decision->distinct_exact)
        *ret_distinct = (int64_t)count;
    return list;
}
