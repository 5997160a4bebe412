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
    return (struct data_type){DATA_DECIMAL, (uint8_t)precision, (uint8_t)scale};
}

bool data_type_equal(struct data_type a, struct data_type b)
{
    return a.kind == b.kind && a.precision == b.precision && a.scale == b.scale;
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
    ok = ok && find_kind(word, &kind);
    struct data_type type = {kind, 0, 0};
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
