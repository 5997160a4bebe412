/* Schemas: columns with their names, types, labels; their JSON; and how a file's header becomes
 * usable names. */
#include <stdio.h>
#include <string.h>

#include "data/data.h"

#define SCHEMA_NAME_BYTES 255

static enum err_code out_of_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory for a schema");
}

static void column_done(struct data_column *column)
{
    for (size_t i = 0; i < column->value_label_count; i++) {
        mem_free(column->value_labels[i].value);
        mem_free(column->value_labels[i].label);
    }
    mem_free(column->value_labels);
    mem_free(column->name);
    mem_free(column->label);
    mem_free(column->source_name);
    mem_free(column->source_format);
}

void data_schema_done(struct data_schema *schema)
{
    if (schema == NULL)
        return;
    for (size_t i = 0; i < schema->count; i++)
        column_done(&schema->columns[i]);
    mem_free(schema->columns);
    *schema = (struct data_schema){0};
}

/* Arrays grow at powers of two: the capacity needs no member of its own. */
static bool is_full(size_t count)
{
    return (count & (count - 1)) == 0;
}

/* Names are texts of documents: zero bytes become '_', each byte that is no UTF-8 U+FFFD. NULL: out
 * of memory. */
static char *name_copy(struct str name)
{
    bool clean = name.len == 0 || memchr(name.ptr, 0, name.len) == NULL;
    if (clean && str_utf8_valid_prefix(name) == name.len)
        return mem_strndup(name.ptr, name.len);
    struct buf copy = BUF_INIT;
    while (name.len > 0) {
        size_t valid = str_utf8_valid_prefix(name);
        for (size_t i = 0; i < valid; i++)
            buf_putc(&copy, name.ptr[i] == '\0' ? '_' : name.ptr[i]);
        if (valid < name.len)
            buf_puts(&copy, "\xef\xbf\xbd");
        valid += valid < name.len;
        name = (struct str){name.ptr + valid, name.len - valid};
    }
    char *text = copy.failed ? NULL : buf_take(&copy);
    buf_done(&copy);
    return text;
}

enum err_code data_schema_add(struct data_schema *schema, struct str name, struct data_type type,
                              struct err *err)
{
    if (is_full(schema->count)) {
        size_t wanted = schema->count == 0 ? 1 : schema->count * 2;
        struct data_column *grown = mem_resize(schema->columns, wanted, sizeof *grown);
        if (grown == NULL)
            return out_of_memory(err);
        schema->columns = grown;
    }
    struct data_column column = {.name = name_copy(name), .type = type};
    if (column.name == NULL)
        return out_of_memory(err);
    schema->columns[schema->count++] = column;
    return ERR_OK;
}

enum err_code data_schema_add_value_label(struct data_column *column, struct str value,
                                          struct str label, struct err *err)
{
    if (is_full(column->value_label_count)) {
        size_t wanted = column->value_label_count == 0 ? 1 : column->value_label_count * 2;
        struct data_value_label *grown = mem_resize(column->value_labels, wanted, sizeof *grown);
        if (grown == NULL)
            return out_of_memory(err);
        column->value_labels = grown;
    }
    struct data_value_label pair = {mem_strndup(value.ptr, value.len),
                                    mem_strndup(label.ptr, label.len)};
    if (pair.value == NULL || pair.label == NULL) {
        mem_free(pair.value);
        mem_free(pair.label);
        return out_of_memory(err);
    }
    column->value_labels[column->value_label_count++] = pair;
    return ERR_OK;
}

/* *ret = a copy of text; NULL stays NULL. */
static bool copy_text(const char *text, char **ret)
{
    *ret = mem_strdup(text);
    return text == NULL || *ret != NULL;
}

static enum err_code add_copy(struct data_schema *schema, const struct data_column *from,
                              struct err *err)
{
    TRY(data_schema_add(schema, str_of(from->name), from->type, err));
    struct data_column *to = &schema->columns[schema->count - 1];
    if (!copy_text(from->label, &to->label) || !copy_text(from->source_name, &to->source_name) ||
        !copy_text(from->source_format, &to->source_format))
        return out_of_memory(err);
    for (size_t i = 0; i < from->value_label_count; i++)
        TRY(data_schema_add_value_label(to, str_of(from->value_labels[i].value),
                                        str_of(from->value_labels[i].label), err));
    return ERR_OK;
}

enum err_code data_schema_copy(const struct data_schema *from, struct data_schema *ret,
                               struct err *err)
{
    struct data_schema copy = {0};
    for (size_t i = 0; i < from->count; i++) {
        enum err_code code = add_copy(&copy, &from->columns[i], err);
        if (code != ERR_OK) {
            data_schema_done(&copy);
            return code;
        }
    }
    *ret = copy;
    return ERR_OK;
}

int data_schema_find(const struct data_schema *schema, struct str name)
{
    for (size_t i = 0; i < schema->count; i++)
        if (str_equal_nocase(str_of(schema->columns[i].name), name))
            return (int)i;
    return -1;
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static json_t *column_to_json(const struct data_column *column, bool *ok)
{
    char type[32];
    json_t *object = json_object();
    json_put_text(object, "name", column->name, ok);
    json_put_text(object, "type", data_type_text(column->type, type), ok);
    if (column->label != NULL)
        json_put_text(object, "label", column->label, ok);
    if (column->source_name != NULL)
        json_put_text(object, "source_name", column->source_name, ok);
    if (column->source_format != NULL)
        json_put_text(object, "source_format", column->source_format, ok);
    if (column->value_label_count > 0) {
        json_t *pairs = json_array();
        for (size_t i = 0; i < column->value_label_count; i++) {
            json_t *pair = json_array();
            json_push_text(pair, column->value_labels[i].value, ok);
            json_push_text(pair, column->value_labels[i].label, ok);
            json_push(pairs, pair, ok);
        }
        json_put(object, "value_labels", pairs, ok);
    }
    return object;
}

json_t *data_schema_to_json(const struct data_schema *schema)
{
    bool ok = true;
    json_t *array = json_array();
    for (size_t i = 0; i < schema->count; i++)
        json_push(array, column_to_json(&schema->columns[i], &ok), &ok);
    if (array != NULL && ok)
        return array;
    json_decref(array);
    return NULL;
}

static enum err_code read_labels(const json_t *pairs, const char *source,
                                 struct data_column *column, struct err *err)
{
    size_t count = json_array_size(pairs);
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(pairs, i);
        const char *value = json_string_value(json_array_get(pair, 0));
        const char *label = json_string_value(json_array_get(pair, 1));
        if (value == NULL || label == NULL) {
            (void)err_set(err, ERR_INPUT, "value label %zu of column \"%s\" is not a pair of texts",
                          i + 1, column->name);
            return err == NULL ? ERR_INPUT : err_at(err, source, 0, 0);
        }
        TRY(data_schema_add_value_label(column, str_of(value), str_of(label), err));
    }
    return ERR_OK;
}

static enum err_code read_column(const json_t *object, const char *source,
                                 struct data_schema *schema, struct err *err)
{
    const char *name = NULL, *type_text = NULL;
    struct data_type type = DATA_TYPE(NULL);
    TRY(json_need_text(object, "name", source, &name, err));
    TRY(json_need_text(object, "type", source, &type_text, err));
    if (data_type_parse(str_of(type_text), &type, err) != ERR_OK) {
        (void)err_at(err, source, 0, 0);
        return ERR_INPUT;
    }
    TRY(data_schema_add(schema, str_of(name), type, err));
    struct data_column *column = &schema->columns[schema->count - 1];
    if (!copy_text(json_text(object, "label", NULL), &column->label) ||
        !copy_text(json_text(object, "source_name", NULL), &column->source_name) ||
        !copy_text(json_text(object, "source_format", NULL), &column->source_format))
        return out_of_memory(err);
    return read_labels(json_object_get(object, "value_labels"), source, column, err);
}

enum err_code data_schema_from_json(const json_t *json, const char *source, struct data_schema *ret,
                                    struct err *err)
{
    if (!json_is_array(json)) {
        (void)err_set(err, ERR_INPUT, "a schema is not an array of columns");
        (void)err_at(err, source, 0, 0);
        return ERR_INPUT;
    }
    struct data_schema schema = {0};
    for (size_t i = 0; i < json_array_size(json); i++) {
        enum err_code code = read_column(json_array_get(json, i), source, &schema, err);
        if (code != ERR_OK) {
            data_schema_done(&schema);
            return code;
        }
    }
    *ret = schema;
    return ERR_OK;
}

/* ---- names -------------------------------------------------------------------------------------
 */

/* The lower-cased names given so far, open addressing, so that 10,000 columns are named in linear
 * time. */
struct name_set {
    struct str *slots;
    size_t mask;
};

static bool same_name(struct str a, struct str b)
{
    return str_equal_nocase(a, b);
}

static uint64_t name_hash(struct str name)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a over lower-cased bytes */
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        c = (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        hash = (hash ^ c) * UINT64_C(1099511628211);
    }
    return hash ^ (hash >> 29);
}

/* The slot that holds name, or the empty one where it belongs. */
static struct str *name_slot(const struct name_set *set, struct str name)
{
    size_t at = (size_t)name_hash(name) & set->mask;
    while (set->slots[at].ptr != NULL && !same_name(set->slots[at], name))
        at = (at + 1) & set->mask;
    return &set->slots[at];
}

/* The longest prefix of at most limit bytes that ends between characters. */
static size_t cut_length(struct str text, size_t limit)
{
    size_t length = text.len < limit ? text.len : limit;
    if (length == text.len)
        return length;
    while (length > 0 && ((unsigned char)text.ptr[length] & 0xC0u) == 0x80u)
        length--;
    return length;
}

/* Trimmed, control bytes replaced, cut; "column_N" when nothing is left. */
static void clean_name(const char *given, size_t ordinal, struct buf *ret)
{
    struct str name = str_trim(str_of(given));
    buf_clear(ret);
    buf_add(ret, name.ptr, cut_length(name, SCHEMA_NAME_BYTES));
    for (size_t i = 0; i < ret->len; i++)
        if ((unsigned char)ret->ptr[i] < 0x20u || ret->ptr[i] == 0x7F)
            ret->ptr[i] = '_';
    if (ret->len == 0)
        buf_printf(ret, "column_%zu", ordinal);
}

/* Appends _2, _3 … until the name is new. name is replaced. */
static void make_unique(const struct name_set *set, struct buf *name, struct buf *scratch)
{
    buf_clear(scratch);
    buf_add_str(scratch, buf_view(name));
    for (unsigned number = 2;
         !name->failed && !scratch->failed && name_slot(set, buf_view(name))->ptr != NULL;
         number++) {
        char suffix[16];
        int length = snprintf(suffix, sizeof suffix, "_%u", number);
        buf_clear(name);
        buf_add(name, scratch->ptr,
                cut_length(buf_view(scratch), SCHEMA_NAME_BYTES - (size_t)length));
        buf_puts(name, suffix);
    }
}

/* Gives the column its new name; the given one becomes source_name. */
static bool rename_column(struct data_column *column, struct str name)
{
    if (str_equal(str_of(column->name), name))
        return true;
    char *copy = mem_strndup(name.ptr, name.len);
    if (copy == NULL)
        return false;
    if (column->source_name == NULL)
        column->source_name = column->name;
    else
        mem_free(column->name);
    column->name = copy;
    return true;
}

static enum err_code name_all(struct data_schema *schema, const struct name_set *set,
                              int64_t *ret_changed, struct err *err)
{
    AUTO(buf_done) struct buf name = BUF_INIT;
    AUTO(buf_done) struct buf scratch = BUF_INIT;
    for (size_t i = 0; i < schema->count; i++) {
        struct data_column *column = &schema->columns[i];
        clean_name(column->name, i + 1, &name);
        make_unique(set, &name, &scratch);
        bool changed = !name.failed && !str_equal(str_of(column->name), buf_view(&name));
        if (name.failed || scratch.failed || !rename_column(column, buf_view(&name)))
            return out_of_memory(err);
        *ret_changed += changed;
        *name_slot(set, str_of(column->name)) = str_of(column->name);
    }
    return ERR_OK;
}

enum err_code data_schema_name_columns(struct data_schema *schema, int64_t *ret_changed,
                                       struct err *err)
{
    int64_t changed = 0;
    size_t slots = 16;
    while (slots < schema->count * 2)
        slots *= 2;
    AUTO(mem_free) struct str *memory = mem_zalloc(slots, sizeof *memory);
    if (memory == NULL)
        return out_of_memory(err);
    struct name_set set = {memory, slots - 1};
    TRY(name_all(schema, &set, &changed, err));
    if (ret_changed != NULL)
        *ret_changed = changed;
    return ERR_OK;
}
