/* JSON documents through jansson: errors with a place, one canonical form, members read and set
 * without ceremony.
 *
 * The one idea: builders carry one flag. json_put and json_push steal their value whatever happens
 * and clear *ok on any failure, so a document of fifty members is straight-line code that is tested
 * once, by json_built. Not here: bulk reading of large files; jansson holds whole documents. */
#include "json/json.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define JSON_DEPTH_LIMIT 512
#define JSON_REPLACEMENT "\xEF\xBF\xBD"

/* jansson tells a missing allocation in its lexer as a syntax error ("invalid token"). Its hooks
 * have no context, so this thread remembers that one failed; json_parse alone looks, within one
 * call. */
static _Thread_local bool allocation_failed;

static void *allocate(size_t bytes)
{
    void *memory = mem_alloc(bytes);
    if (memory == NULL)
        allocation_failed = true;
    return memory;
}

void json_install(void)
{
    json_set_alloc_funcs(allocate, mem_free);
    /* Seeded once, before any thread: objects' bytes never depend on it, since canonical output
     * sorts its keys. */
    json_object_seed(0);
}

/* Refuses what is nested deeper than the limit, before any recursion. Brackets inside strings don't
 * count. */
static enum err_code check_depth(struct str text, const char *source, struct err *err)
{
    int depth = 0;
    int64_t line = 1;
    size_t line_start = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n') {
            line++;
            line_start = i + 1;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (c == '\\' && in_string) {
            i++;
        } else if (!in_string && (c == '[' || c == '{') && ++depth > JSON_DEPTH_LIMIT) {
            (void)err_set(err, ERR_LIMIT, "the JSON document is nested more than %d deep",
                          JSON_DEPTH_LIMIT);
            (void)err_at(err, source, line, (int64_t)(i - line_start) + 1);
            return ERR_LIMIT;
        } else if (!in_string && (c == ']' || c == '}')) {
            depth--;
        }
    }
    return ERR_OK;
}

enum err_code json_parse(struct str text, const char *source, json_t **ret, struct err *err)
{
    json_error_t failure;
    *ret = NULL;
    TRY(check_depth(text, source, err));
    allocation_failed = false;
    *ret = json_loadb(text.ptr == NULL ? "" : text.ptr, text.len,
                      JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &failure);
    if (*ret != NULL)
        return ERR_OK;
    if (allocation_failed || json_error_code(&failure) == json_error_out_of_memory)
        return err_set(err, ERR_MEMORY, "no memory to read a JSON document");
    /* jansson quotes the text it stumbled on ("… near 'x'"), which may be a value: only its first
     * part is kept. */
    const char *near = strstr(failure.text, " near ");
    int length = (int)(near == NULL ? strlen(failure.text) : (size_t)(near - failure.text));
    if (json_error_code(&failure) == json_error_duplicate_key)
        (void)err_set(err, ERR_INPUT, "not valid JSON: a key is there twice in one object");
    else
        (void)err_set(err, ERR_INPUT, "not valid JSON: %.*s", length, failure.text);
    (void)err_at(err, source, failure.line < 1 ? 1 : failure.line,
                 failure.column < 1 ? 1 : failure.column);
    return ERR_INPUT;
}

enum err_code json_read_file(const char *path, json_t **ret, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    *ret = NULL;
    TRY(file_read(path, 0, &text, err));
    return json_parse(buf_view(&text), path, ret, err);
}

/* ---- reading members ---------------------------------------------------------------------------
 */

const char *json_text(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? fallback : text;
}

int64_t json_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *member = json_object_get(object, key);
    return json_is_integer(member) ? (int64_t)json_integer_value(member) : fallback;
}

double json_number(const json_t *object, const char *key, double fallback)
{
    const json_t *member = json_object_get(object, key);
    return json_is_number(member) ? json_number_value(member) : fallback;
}

bool json_flag(const json_t *object, const char *key, bool fallback)
{
    const json_t *member = json_object_get(object, key);
    return json_is_boolean(member) ? json_is_true(member) : fallback;
}

/* The member if it is there and of the wanted type; else NULL with the error set. */
static json_t *need(const json_t *object, const char *key, const char *source, json_type type,
                    const char *noun, struct err *err)
{
    json_t *member = json_object_get(object, key);
    if (member != NULL && json_typeof(member) == type)
        return member;
    (void)err_set(err, ERR_INPUT,
                  member == NULL ? "the member \"%s\" is missing, expected %s"
                                 : "the member \"%s\" is not %s",
                  key, noun);
    (void)err_at(err, source, 0, 0);
    return NULL;
}

enum err_code json_need_text(const json_t *object, const char *key, const char *source,
                             const char **ret, struct err *err)
{
    json_t *member = need(object, key, source, JSON_STRING, "a text", err);
    *ret = json_string_value(member);
    return member == NULL ? ERR_INPUT : ERR_OK;
}

enum err_code json_need_int(const json_t *object, const char *key, const char *source, int64_t *ret,
                            struct err *err)
{
    json_t *member = need(object, key, source, JSON_INTEGER, "an integer", err);
    *ret = member == NULL ? 0 : (int64_t)json_integer_value(member);
    return member == NULL ? ERR_INPUT : ERR_OK;
}

enum err_code json_need_array(const json_t *object, const char *key, const char *source,
                              json_t **ret, struct err *err)
{
    *ret = need(object, key, source, JSON_ARRAY, "an array", err);
    return *ret == NULL ? ERR_INPUT : ERR_OK;
}

enum err_code json_need_object(const json_t *object, const char *key, const char *source,
                               json_t **ret, struct err *err)
{
    *ret = need(object, key, source, JSON_OBJECT, "an object", err);
    return *ret == NULL ? ERR_INPUT : ERR_OK;
}

/* ---- setting members ---------------------------------------------------------------------------
 */

/* A JSON string of text; ill-formed bytes become U+FFFD, one each. NULL when memory is out. */
static json_t *new_text(struct str text)
{
    size_t valid = str_utf8_valid_prefix(text);
    if (valid == text.len)
        return json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    AUTO(buf_done) struct buf mended = BUF_INIT;
    while (text.len > 0) {
        valid = str_utf8_valid_prefix(text);
        buf_add(&mended, text.ptr, valid);
        if (valid < text.len)
            buf_puts(&mended, JSON_REPLACEMENT);
        size_t step = valid < text.len ? valid + 1 : valid;
        text = (struct str){text.ptr + step, text.len - step};
    }
    return mended.failed ? NULL : json_stringn(buf_text(&mended), mended.len);
}

void json_put(json_t *object, const char *key, json_t *value_taken, bool *ok)
{
    if (json_object_set_new(object, key, value_taken) != 0) /* steals even when it fails */
        *ok = false;
}

void json_push(json_t *array, json_t *value_taken, bool *ok)
{
    if (json_array_append_new(array, value_taken) != 0)
        *ok = false;
}

void json_put_text(json_t *object, const char *key, const char *text, bool *ok)
{
    json_put(object, key, text == NULL ? json_null() : new_text(str_of(text)), ok);
}

void json_put_str(json_t *object, const char *key, struct str text, bool *ok)
{
    json_put(object, key, new_text(text), ok);
}

void json_put_int(json_t *object, const char *key, int64_t number, bool *ok)
{
    json_put(object, key, json_integer(number), ok);
}

void json_put_real(json_t *object, const char *key, double number, bool *ok)
{
    json_put(object, key, isfinite(number) ? json_real(number) : json_null(), ok);
}

void json_put_flag(json_t *object, const char *key, bool flag, bool *ok)
{
    json_put(object, key, json_boolean(flag), ok);
}

void json_push_text(json_t *array, const char *text, bool *ok)
{
    json_push(array, text == NULL ? json_null() : new_text(str_of(text)), ok);
}

void json_push_str(json_t *array, struct str text, bool *ok)
{
    json_push(array, new_text(text), ok);
}

enum err_code json_built(bool ok, struct err *err)
{
    return ok ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to build a JSON document");
}
