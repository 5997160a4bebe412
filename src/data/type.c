/* Value types: their canonical text, the synonyms that are read, and what belongs together. */
#include <stdio.h>
#include <string.h>

#include "data/data.h"

static const char *const kind_texts[] = {
#define DATA_KIND(name, text) text,
#include "data/kind.def"
#undef DATA_KIND
};

struct data_type data_type_decimal(unsigned precision, unsigned scale)
{
    return (struct data_type){
        .kind = DATA_DECIMAL, .precision = (uint8_t)precision, .scale = (uint8_t)scale};
}

bool data_type_equal(struct data_type a, struct data_type b)
{
    if (a.kind != b.kind || a.precision != b.precision || a.scale != b.scale ||
        a.field_count != b.field_count)
        return false;
    for (size_t i = 0; i < a.field_count; i++) {
        const struct data_field *x = &a.fields[i], *y = &b.fields[i];
        if ((x->name == NULL) != (y->name == NULL) ||
            (x->name != NULL && strcmp(x->name, y->name) != 0) ||
            !data_type_equal(x->type, y->type))
            return false;
    }
    return true;
}

bool data_type_is_numeric(struct data_type type)
{
    return type.kind == DATA_BIGINT || type.kind == DATA_DECIMAL || type.kind == DATA_DOUBLE;
}

bool data_type_is_temporal(struct data_type type)
{
    return type.kind == DATA_DATE || type.kind == DATA_TIMESTAMP || type.kind == DATA_TIMESTAMPTZ;
}

const char *data_type_text(struct data_type type, char ret[32])
{
    if (type.kind == DATA_DECIMAL)
        snprintf(ret, 32, "decimal(%u,%u)", (unsigned)type.precision, (unsigned)type.scale);
    else
        snprintf(ret, 32, "%s", kind_texts[type.kind]);
    return ret;
}

static bool is_plain_name(const char *name)
{
    if (!((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_'))
        return false;
    for (const char *at = name; *at != '\0'; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_'))
            return false;
    return true;
}

void data_type_write(struct data_type type, struct buf *out)
{
    char text[32];
    buf_puts(out, data_type_text(type, text));
    if (type.kind != DATA_LIST && type.kind != DATA_STRUCT)
        return;
    buf_putc(out, '(');
    for (size_t i = 0; i < type.field_count; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        if (type.kind == DATA_STRUCT) {
            if (is_plain_name(type.fields[i].name))
                buf_puts(out, type.fields[i].name);
            else
                data_json_escape(str_of(type.fields[i].name), out);
            buf_putc(out, ' ');
        }
        data_type_write(type.fields[i].type, out);
    }
    buf_putc(out, ')');
}

static const struct {
    const char *word;
    enum data_kind kind;
} synonyms[] = {
    {"bool", DATA_BOOLEAN},
    {"logical", DATA_BOOLEAN},
    {"int", DATA_BIGINT},
    {"integer", DATA_BIGINT},
    {"int1", DATA_BIGINT},
    {"int2", DATA_BIGINT},
    {"int4", DATA_BIGINT},
    {"int8", DATA_BIGINT},
    {"int32", DATA_BIGINT},
    {"int64", DATA_BIGINT},
    {"long", DATA_BIGINT},
    {"tinyint", DATA_BIGINT},
    {"smallint", DATA_BIGINT},
    {"numeric", DATA_DECIMAL},
    {"dec", DATA_DECIMAL},
    {"float", DATA_DOUBLE},
    {"float4", DATA_DOUBLE},
    {"float8", DATA_DOUBLE},
    {"float64", DATA_DOUBLE},
    {"real", DATA_DOUBLE},
    {"double precision", DATA_DOUBLE},
    {"varchar", DATA_TEXT},
    {"char", DATA_TEXT},
    {"character", DATA_TEXT},
    {"character varying", DATA_TEXT},
    {"string", DATA_TEXT},
    {"datetime", DATA_TIMESTAMP},
    {"timestamp without time zone", DATA_TIMESTAMP},
    {"timestamp with time zone", DATA_TIMESTAMPTZ},
    {"time without time zone", DATA_TIME},
    {"bytea", DATA_BLOB},
    {"binary", DATA_BLOB},
    {"varbinary", DATA_BLOB},
};

static bool find_kind(struct str word, enum data_kind *ret)
{
    for (size_t i = 0; i < sizeof kind_texts / sizeof kind_texts[0]; i++) {
        if (str_equal_nocase(word, str_of(kind_texts[i]))) {
            *ret = (enum data_kind)i;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        if (str_equal_nocase(word, str_of(synonyms[i].word))) {
            *ret = synonyms[i].kind;
            return true;
        }
    }
    return false;
}

/* "18,4" or "18" inside the parentheses of a decimal. */
static bool read_precision(struct str inside, struct data_type *type)
{
    const char *comma = inside.len == 0 ? NULL : memchr(inside.ptr, ',', inside.len);
    size_t first = comma == NULL ? inside.len : (size_t)(comma - inside.ptr);
    int64_t precision = 0, scale = 0;
    if (!str_to_int64(str_trim((struct str){inside.ptr, first}), &precision))
        return false;
    if (comma != NULL &&
        !str_to_int64(str_trim((struct str){comma + 1, inside.len - first - 1}), &scale))
        return false;
    if (precision < 1 || precision > 38 || scale < 0 || scale > precision)
        return false;
    *type = data_type_decimal((unsigned)precision, (unsigned)scale);
    return true;
}

enum err_code data_type_parse(struct str text, struct data_type *ret, struct err *err)
{
    struct str word = str_trim(text);
    const char *open = word.len == 0 ? NULL : memchr(word.ptr, '(', word.len);
    struct str inside = {"", 0};
    enum data_kind kind = DATA_NULL;
    bool ok = true;
    if (open != NULL) {
        size_t before = (size_t)(open - word.ptr);
        ok = word.ptr[word.len - 1] == ')';
        inside = (struct str){open + 1, ok ? word.len - before - 2 : 0};
        word = str_trim((struct str){word.ptr, before});
    }
    ok = ok && find_kind(word, &kind) && kind != DATA_LIST && kind != DATA_STRUCT;
    struct data_type type = {.kind = kind};
    if (ok && kind == DATA_DECIMAL)
        ok = open == NULL ? read_precision(STR("18,3"), &type) : read_precision(inside, &type);
    else if (ok && open != NULL)
        ok = kind == DATA_TEXT; /* varchar(20): the length is no part of our types */
    if (!ok) {
        (void)err_set(err, ERR_INPUT, "unknown type \"%.*s\"", (int)(text.len > 60 ? 60 : text.len),
                      text.ptr);
        (void)err_hint(err, "use boolean, bigint, decimal(p,s), double, text, date, time, "
                            "timestamp or timestamptz");
        return ERR_INPUT;
    }
    *ret = type;
    return ERR_OK;
}

/* ---- lists and structs --------------------------------------------------------------------------
 */

struct nested_reader {
    struct arena *arena;
    const char *at, *end;
    int depth;
};

static enum err_code read_nested(struct nested_reader *reader, struct data_type *ret,
                                 struct err *err);

static enum err_code nested_fail(const struct nested_reader *reader, const char *expected,
                                 struct err *err)
{
    size_t left = (size_t)(reader->end - reader->at);
    return err_set(err, ERR_INPUT, "a nested type: expected %s at \"%.*s\"", expected,
                   (int)(left > 40 ? 40 : left), reader->at);
}
static void skip_blanks(struct nested_reader *reader)
{
    while (reader->at < reader->end && *reader->at == ' ')
        reader->at++;
}

/* A field's name: plain, or a JSON string. */
static enum err_code read_field_name(struct nested_reader *reader, const char **ret,
                                     struct err *err)
{
    skip_blanks(reader);
    const char *start = reader->at;
    if (start < reader->end && *start == '"') {
        for (reader->at++; reader->at < reader->end && *reader->at != '"'; reader->at++)
            if (*reader->at == '\\')
                reader->at++;
        if (reader->at >= reader->end)
            return nested_fail(reader, "a closing quote", err);
        reader->at++;
        AUTO(buf_done) struct buf array = BUF_INIT;
        buf_putc(&array, '[');
        buf_add(&array, start, (size_t)(reader->at - start));
        buf_putc(&array, ']');
        TRY(buf_check(&array, err));
        json_t *names = NULL;
        TRY(json_parse(buf_view(&array), "type", &names, err));
        const char *name = json_string_value(json_array_get(names, 0));
        *ret = name != NULL ? arena_strndup(reader->arena, name, strlen(name)) : NULL;
        json_decref(names);
    } else {
        while (reader->at < reader->end && *reader->at != ' ' && *reader->at != ',' &&
               *reader->at != '(' && *reader->at != ')')
            reader->at++;
        if (reader->at == start)
            return nested_fail(reader, "a field's name", err);
        *ret = arena_strndup(reader->arena, start, (size_t)(reader->at - start));
    }
    return *ret != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a type");
}

/* "(" [name] type {"," [name] type} ")" */
static enum err_code read_fields(struct nested_reader *reader, struct data_type *type,
                                 struct err *err)
{
    size_t cap = 0;
    struct data_field *fields = NULL;
    reader->at++; /* ( */
    for (;;) {
        if (type->field_count == cap) {
            cap = cap == 0 ? 4 : cap * 2;
            struct data_field *more = arena_array(reader->arena, cap, sizeof *more);
            if (more == NULL)
                return err_set(err, ERR_MEMORY, "no memory for a type");
            if (type->field_count > 0)
                memcpy(more, fields, type->field_count * sizeof *more);
            fields = more;
        }
        struct data_field *field = &fields[type->field_count];
        if (type->kind == DATA_STRUCT)
            TRY(read_field_name(reader, &field->name, err));
        TRY(read_nested(reader, &field->type, err));
        type->field_count++;
        skip_blanks(reader);
        if (reader->at >= reader->end || (*reader->at != ',' && *reader->at != ')'))
            return nested_fail(reader, "',' or ')'", err);
        if (*reader->at++ == ')')
            break;
    }
    type->fields = fields;
    if (type->kind == DATA_LIST && type->field_count != 1)
        return nested_fail(reader, "one type in a list", err);
    return ERR_OK;
}

static enum err_code read_nested(struct nested_reader *reader, struct data_type *ret,
                                 struct err *err)
{
    skip_blanks(reader);
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at != '(' && *reader->at != ',' &&
           *reader->at != ')')
        reader->at++;
    struct str word = str_trim((struct str){start, (size_t)(reader->at - start)});
    bool list = str_equal_nocase(word, STR("list")), record = str_equal_nocase(word, STR("struct"));
    if (list || record) {
        *ret = list ? DATA_TYPE(LIST) : DATA_TYPE(STRUCT);
        if (reader->at >= reader->end || *reader->at != '(')
            return nested_fail(reader, "'(' after list or struct", err);
        if (++reader->depth > DATA_TYPE_LIMIT_DEPTH)
            return err_set(err, ERR_LIMIT, "a type is nested more than %d deep",
                           DATA_TYPE_LIMIT_DEPTH);
        TRY(read_fields(reader, ret, err));
        reader->depth--;
        return ERR_OK;
    }
    if (reader->at < reader->end && *reader->at == '(') { /* decimal(9,2) */
        while (reader->at < reader->end && *reader->at != ')')
            reader->at++;
        reader->at += reader->at < reader->end;
    }
    return data_type_parse((struct str){start, (size_t)(reader->at - start)}, ret, err);
}

enum err_code data_type_parse_nested(struct arena *arena, struct str text, struct data_type *ret,
                                     struct err *err)
{
    struct nested_reader reader = {arena, text.ptr, text.ptr + text.len, 0};
    TRY(read_nested(&reader, ret, err));
    skip_blanks(&reader);
    return reader.at == reader.end ? ERR_OK : nested_fail(&reader, "the end of the type", err);
}
