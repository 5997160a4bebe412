/* JSON: one object a line, an array of objects, or one object. This tells which shape it is, and
 * refuses what is no table; json_push.c reads it. FHIR resources are recognised and go to fhir.c. */
#include <string.h>

#include "ingest/fhir_priv.h"

#define JSON_SAMPLE_BYTES (16u << 20)

struct json_cursor {
    const char *at, *end;
};

static void skip_blanks(struct json_cursor *cursor)
{
    while (cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at) != NULL &&
           *cursor->at != '\0')
        cursor->at++;
}

/* At an opening quote: past the closing one; false when the text ends before. */
static bool skip_string(struct json_cursor *cursor, struct str *ret)
{
    const char *start = ++cursor->at;
    for (; cursor->at < cursor->end; cursor->at++) {
        if (*cursor->at == '\\') {
            if (++cursor->at == cursor->end)
                return false;
        } else if (*cursor->at == '"') {
            *ret = (struct str){start, (size_t)(cursor->at - start)};
            cursor->at++;
            return true;
        }
    }
    return false;
}

/* At '{': past its '}'; false when the text ends before. Notes a member resourceType of this very
 * object. */
static bool skip_object(struct json_cursor *cursor, bool *ret_fhir)
{
    int64_t depth = 0;
    while (cursor->at < cursor->end) {
        char c = *cursor->at;
        struct str text = {0};
        if (c == '"') {
            if (!skip_string(cursor, &text))
                return false;
            skip_blanks(cursor);
            if (depth == 1 && str_equal(text, STR("resourceType")) && cursor->at < cursor->end &&
                *cursor->at == ':')
                *ret_fhir = true;
            continue;
        }
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        cursor->at++;
        if (depth == 0)
            return true;
    }
    return false;
}

void json_sniff(struct str sample, bool whole, struct json_sniffed *ret)
{
    *ret = (struct json_sniffed){.shape = JSON_SHAPE_NONE};
    struct json_cursor cursor = {sample.ptr, sample.ptr + sample.len};
    if (str_has_prefix(sample, "\xef\xbb\xbf"))
        cursor.at += 3;
    skip_blanks(&cursor);
    if (cursor.at >= cursor.end)
        return;
    bool array = *cursor.at == '[';
    if (array) {
        cursor.at++;
        skip_blanks(&cursor);
        if (cursor.at < cursor.end && *cursor.at == ']') {
            ret->shape = JSON_SHAPE_ARRAY;
            return;
        }
    }
    if (cursor.at >= cursor.end || *cursor.at != '{')
        return;
    struct json_cursor inside = {cursor.at + 1, cursor.end};
    skip_blanks(&inside);
    if (inside.at < inside.end && *inside.at != '"' && *inside.at != '}')
        return;
    bool ended = skip_object(&cursor, &ret->fhir);
    if (array) {
        ret->shape = JSON_SHAPE_ARRAY;
        return;
    }
    const char *after = cursor.at;
    skip_blanks(&cursor);
    bool line_ended = memchr(after, '\n', (size_t)(cursor.at - after)) != NULL;
    if (!ended)
        ret->shape = whole ? JSON_SHAPE_NONE : JSON_SHAPE_UNSURE;
    else if (cursor.at < cursor.end)
        ret->shape = *cursor.at == '{' || line_ended
                         ? JSON_SHAPE_LINES
                         : JSON_SHAPE_NONE; /* a bad second line is set aside */
    else
        ret->shape = whole ? JSON_SHAPE_OBJECT : JSON_SHAPE_UNSURE;
}

static bool is_named(const char *base_name, const char *suffix)
{
    return str_has_suffix_nocase(str_of(base_name), suffix);
}

static int json_recognise(const struct ingest_file *file)
{
    bool named = is_named(file->base_name, ".json") || is_named(file->base_name, ".ndjson") ||
                 is_named(file->base_name, ".jsonl");
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct err ignored;
    struct json_sniffed sniffed = {0};
    enum err_code code = encoding_is_binary(file->head)
                             ? ERR_INPUT
                             : encoding_head_text(file->head, &text, &ignored);
    if (code == ERR_MEMORY)
        return -1;
    if (code == ERR_OK)
        json_sniff(buf_view(&text), file->bytes <= (int64_t)file->head.len, &sniffed);
    if (sniffed.shape != JSON_SHAPE_NONE)
        return 2;
    int fhir = fhir_in_recognise(file);
    return fhir != 0 ? fhir * 2 : named;
}

static enum err_code refuse(const struct ingest_file *file, struct err *err, const char *what,
                            const char *hint)
{
    (void)err_set(err, ERR_INPUT, "%s: %s", file->base_name, what);
    (void)err_hint(err, "%s", hint);
    return err_at(err, file->origin, 0, 0);
}

static enum err_code check_shape(const struct ingest_file *file, const struct text_file *text,
                                 struct json_sniffed *ret, struct err *err)
{
    AUTO(buf_done) struct buf sample = BUF_INIT;
    size_t capacity =
        text->bytes < (int64_t)JSON_SAMPLE_BYTES ? (size_t)text->bytes + 1 : JSON_SAMPLE_BYTES;
    TRY(ingest_read_head(text->path, capacity, &sample, err));
    json_sniff(buf_view(&sample), (int64_t)sample.len >= text->bytes, ret);
    if (ret->fhir)
        return ERR_OK;
    switch (ret->shape) {
    case JSON_SHAPE_NONE:
        return refuse(file, err,
                      "JSON that is no table: expected objects, one a line or in one array",
                      "write each row as an object, one a line (ndjson)");
    case JSON_SHAPE_UNSURE:
        return refuse(file, err, "JSON whose first object is longer than 16 MiB",
                      "write each row as an object, one a line (ndjson)");
    case JSON_SHAPE_LINES:
    case JSON_SHAPE_OBJECT:
    case JSON_SHAPE_ARRAY:
        break;
    }
    return ERR_OK;
}

/* Names as columns: unescaped, made unique. A name that differs from another in case only, or is
 * empty, keeps its own column. */
static enum err_code make_schema(struct json_reading *reading, struct data_schema *ret,
                                 struct err *err)
{
    AUTO(buf_done) struct buf name = BUF_INIT;
    int64_t changed = 0;
    for (size_t i = 0; i < reading->columns.count; i++) {
        buf_clear(&name);
        if (!json_unescape(reading->columns.names[i], &name))
            buf_puts(&name, "\xef\xbf\xbd");
        TRY(buf_check(&name, err));
        TRY(data_schema_add(&reading->schema, name.len == 0 ? STR("") : buf_view(&name),
                            DATA_TYPE(TEXT), err));
    }
    TRY(data_schema_name_columns(&reading->schema, &changed, err));
    return data_schema_copy(&reading->schema, ret, err);
}

static enum err_code read_names(struct ingest_set *set, struct json_reading *reading,
                                struct data_schema *ret, struct err *err)
{
    struct file_mapping mapping = {0};
    TRY(file_map(reading->path, NULL, &mapping, err));
    struct str text = {mapping.ptr, mapping.length};
    enum err_code code =
        json_columns_find(text, set->options.progress, set->arena, &reading->columns, err);
    reading->info = mapping.info;
    code = file_unmap(&mapping, code, err);
    return code == ERR_OK ? make_schema(reading, ret, err) : code;
}

static enum err_code add_reading(struct ingest_set *set, const struct ingest_file *file,
                                 struct json_reading **reading, int64_t bytes, json_t *notes,
                                 struct err *err)
{
    struct data_schema schema = {0};
    enum err_code code = read_names(set, *reading, &schema, err);
    if (code == ERR_OK && schema.count == 0)
        return ingest_skip(set, file->origin, err, "no data: JSON without any member");
    if (code != ERR_OK) {
        data_schema_done(&schema);
        return code;
    }
    struct data_source source = {.name = ingest_stem(set->arena, file->base_name),
                                 .origin = file->origin,
                                 .schema = schema,
                                 .text_columns = true,
                                 .push = json_rows_push,
                                 .user = *reading,
                                 .bytes = bytes,
                                 .notes = json_incref(notes)};
    *reading = NULL; /* the set's from here, whatever comes */
    return ingest_add_source(set, &source, json_reading_free, err);
}

static enum err_code json_open(struct ingest_set *set, const struct ingest_file *file,
                               struct err *err)
{
    if (encoding_is_binary(file->head))
        return refuse(file, err, "named .json but its content is binary",
                      "check that the file is what its name says");
    int fhir = fhir_in_recognise(file);
    if (fhir < 0)
        return ingest_memory(err);
    if (fhir > 0)
        return fhir_in_open(set, file, err);
    struct text_file text;
    struct json_sniffed sniffed = {0};
    JSON_AUTO notes = NULL;
    TRY(encoding_prepare(set, file, true, &notes, &text, err));
    TRY(check_shape(file, &text, &sniffed, err));
    if (sniffed.fhir) /* told by what lies behind the head */
        return fhir_in_open(set, file, err);
    struct json_reading *reading = mem_zalloc(1, sizeof *reading);
    if (reading == NULL)
        return ingest_memory(err);
    reading->path = text.path;
    reading->subject = arena_strdup(set->arena, file->base_name);
    reading->valid_utf8 = !text.odd;
    enum err_code code = add_reading(set, file, &reading, text.bytes, notes, err);
    json_reading_free(reading);
    return code;
}

const struct ingest_format ingest_format_json = {
    .name = "json",
    .suffixes = ".json .ndjson .jsonl",
    .recognise = json_recognise,
    .open = json_open,
};
