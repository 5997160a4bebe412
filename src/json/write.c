/* Writing JSON: one walker, three styles (canonical, compact, pretty).
 *
 * The one idea: the bytes depend on the value alone, so numbers are written here and not by
 * jansson: a real is the shortest text that reads back as the same double, always with a point or
 * an exponent, so it stays a real.
 *
 *     {"b": 1.50, "a": [2]}   canonical {"a":[2],"b":1.5}   compact {"b":1.5,"a":[2]} */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "json/json.h"

#define WRITE_DEPTH_LIMIT 512

struct writer {
    struct buf *out;
    bool sorted;
    int indent; /* blanks a level; 0 = all on one line */
    enum err_code code;
};

static void write_value(struct writer *writer, json_t *value, int depth);

static void new_line(struct writer *writer, int depth)
{
    if (writer->indent == 0)
        return;
    static const char blanks[] = "\n                                                               ";
    size_t left = (size_t)(depth * writer->indent);
    size_t first = left < sizeof blanks - 2 ? left : sizeof blanks - 2;
    buf_add(writer->out, blanks, first + 1);
    for (left -= first; left > 0; left--)
        buf_putc(writer->out, ' ');
}

static void write_real(struct buf *out, double value)
{
    char text[32];
    if (!isfinite(value)) {
        buf_puts(out, "null");
        return;
    }
    buf_puts(out, str_from_double(value, text));
    if (strpbrk(text, ".e") == NULL)
        buf_puts(out, ".0");
}

static void write_array(struct writer *writer, json_t *array, int depth)
{
    size_t count = json_array_size(array);
    buf_putc(writer->out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_putc(writer->out, ',');
        new_line(writer, depth + 1);
        write_value(writer, json_array_get(array, i), depth + 1);
    }
    if (count > 0)
        new_line(writer, depth);
    buf_putc(writer->out, ']');
}

static void write_member(struct writer *writer, const char *key, json_t *value, size_t at,
                         int depth)
{
    if (at > 0)
        buf_putc(writer->out, ',');
    new_line(writer, depth + 1);
    buf_add_json(writer->out, str_of(key));
    buf_puts(writer->out, writer->indent == 0 ? ":" : ": ");
    write_value(writer, value, depth + 1);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_sorted(struct writer *writer, json_t *object, int depth)
{
    size_t count = json_object_size(object), at = 0;
    AUTO(mem_free) const char **keys = mem_zalloc(count, sizeof *keys);
    const char *key = NULL;
    json_t *value = NULL;
    if (keys == NULL) {
        writer->code = ERR_MEMORY;
        return;
    }
    json_object_foreach(object, key, value)
    {
        keys[at++] = key;
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 0; i < count; i++)
        write_member(writer, keys[i], json_object_get(object, keys[i]), i, depth);
}

static void write_object(struct writer *writer, json_t *object, int depth)
{
    const char *key = NULL;
    json_t *value = NULL;
    size_t at = 0;
    buf_putc(writer->out, '{');
    if (writer->sorted)
        write_sorted(writer, object, depth);
    else
        json_object_foreach(object, key, value)
        {
            write_member(writer, key, value, at++, depth);
        }
    if (json_object_size(object) > 0)
        new_line(writer, depth);
    buf_putc(writer->out, '}');
}

static void write_value(struct writer *writer, json_t *value, int depth)
{
    if (depth > WRITE_DEPTH_LIMIT)
        writer->code = ERR_LIMIT;
    if (writer->code != ERR_OK)
        return;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(writer, value, depth);
        break;
    case JSON_ARRAY:
        write_array(writer, value, depth);
        break;
    case JSON_STRING:
        buf_add_json(writer->out,
                     (struct str){json_string_value(value), json_string_length(value)});
        break;
    case JSON_INTEGER:
        buf_printf(writer->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        write_real(writer->out, json_real_value(value));
        break;
    case JSON_TRUE:
        buf_puts(writer->out, "true");
        break;
    case JSON_FALSE:
        buf_puts(writer->out, "false");
        break;
    case JSON_NULL:
        buf_puts(writer->out, "null");
        break;
    }
}

static enum err_code write_document(const json_t *json, bool sorted, int indent, struct buf *ret,
                                    struct err *err)
{
    struct writer writer = {.out = ret, .sorted = sorted, .indent = indent, .code = ERR_OK};
    if (json == NULL)
        return err_set(err, ERR_MEMORY, "a JSON document was not built: memory is out");
    write_value(&writer, (json_t *)(uintptr_t)json,
                0); /* jansson's iterators want it mutable; nothing is changed */
    if (writer.code == ERR_LIMIT)
        return err_set(err, ERR_LIMIT, "a JSON document is nested more than %d deep",
                       WRITE_DEPTH_LIMIT);
    if (writer.code != ERR_OK)
        return err_set(err, writer.code, "no memory to write a JSON document");
    return buf_check(ret, err);
}

enum err_code json_canonical(const json_t *json, struct buf *ret, struct err *err)
{
    return write_document(json, true, 0, ret, err);
}

enum err_code json_pretty(const json_t *json, struct buf *ret, struct err *err)
{
    TRY(write_document(json, false, 2, ret, err));
    buf_putc(ret, '\n');
    return buf_check(ret, err);
}

enum err_code json_compact(const json_t *json, struct buf *ret, struct err *err)
{
    return write_document(json, false, 0, ret, err);
}
