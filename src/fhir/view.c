/* A ViewDefinition read from JSON and validated: the view itself, its constants and where-paths;
 * its selects are view_select.c's. */
#include "fhir/model_priv.h"
#include "fhir/view_read_priv.h"

#include "base/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- errors and places
 * --------------------------------------------------------------------------- */

static enum err_code fail_at(struct fhir_reader *reader, const char *place)
{
    char source[ERR_TEXT_BYTES];
    snprintf(source, sizeof source, "%.400s%s%.500s", reader->source, place[0] != '\0' ? ": " : "",
             place);
    return err_at(reader->err, source, 0, 0);
}

enum err_code fhir_view_fail(struct fhir_reader *reader, const char *place, const char *format, ...)
{
    char message[ERR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    err_set(reader->err, ERR_INPUT, "%s", message);
    return fail_at(reader, place);
}
enum err_code fhir_view_no_memory(struct fhir_reader *reader)
{
    return err_set(reader->err, ERR_MEMORY, "no memory for a view");
}

enum err_code fhir_view_note(struct fhir_reader *reader, const char *place, const char *code,
                             const char *format, ...)
{
    char message[ERR_TEXT_BYTES];
    bool ok = true;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (json_array_size(reader->view->notes) >= FHIR_PATH_LIMIT_NOTES)
        return ERR_OK;
    json_t *note = json_object();
    json_put_text(note, "code", code, &ok);
    json_put_text(note, "message", message, &ok);
    json_put_text(note, "path", place, &ok);
    json_push(reader->view->notes, note, &ok);
    return json_built(ok, reader->err);
}

const char *fhir_view_place(struct fhir_reader *reader, const char *place, const char *member)
{
    return arena_printf(reader->view->arena, "%s%s%s", place, place[0] != '\0' ? "." : "", member);
}
const char *fhir_view_place_at(struct fhir_reader *reader, const char *place, const char *member,
                               size_t idx)
{
    return arena_printf(reader->view->arena, "%s%s%s[%zu]", place, place[0] != '\0' ? "." : "",
                        member, idx);
}

/* ---- members ------------------------------------------------------------------------------------
 */

static const char *json_kind(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}

enum err_code fhir_view_array(struct fhir_reader *reader, const json_t *object, const char *place,
                              const char *member, const json_t **ret)
{
    *ret = json_object_get(object, member);
    if (*ret == NULL || json_is_array(*ret))
        return ERR_OK;
    const char *at = fhir_view_place(reader, place, member);
    return at == NULL ? fhir_view_no_memory(reader)
                      : fhir_view_fail(reader, at, "expected an array, found %s", json_kind(*ret));
}
enum err_code fhir_view_text(struct fhir_reader *reader, const json_t *object, const char *place,
                             const char *member, const char **ret)
{
    const json_t *value = json_object_get(object, member);
    *ret = json_string_value(value);
    if (value == NULL || *ret != NULL)
        return ERR_OK;
    const char *at = fhir_view_place(reader, place, member);
    return at == NULL ? fhir_view_no_memory(reader)
                      : fhir_view_fail(reader, at, "expected a string, found %s", json_kind(value));
}

static bool is_one_of(const char *name, const char *const *known)
{
    for (size_t i = 0; known[i] != NULL; i++)
        if (strcmp(name, known[i]) == 0)
            return true;
    return false;
}

enum err_code fhir_view_note_unknown(struct fhir_reader *reader, const json_t *object,
                                     const char *place, const char *const *known)
{
    /* what any element may have; a "_name" is the extension of a primitive */
    static const char *const ANY[] = {"id", "extension", "modifierExtension", "fhir_comments",
                                      NULL};
    json_t *mutable = (json_t *)(uintptr_t)object; /* the macro's wish; nothing is changed */
    const char *key;
    json_t *value;
    json_object_foreach(mutable, key, value)
    {
        if (key[0] == '_' || is_one_of(key, known) || is_one_of(key, ANY))
            continue;
        struct nearest nearest = {.asked = key};
        for (size_t i = 0; known[i] != NULL; i++)
            nearest_offer(&nearest, known[i]);
        const char *best = nearest_text(&nearest);
        TRY(fhir_view_note(
            reader, place, "unknown_member",
            "\"%.80s\" is passed over: a ViewDefinition has no such element here%s%s%s", key,
            best != NULL ? "; did you mean \"" : "", best != NULL ? best : "",
            best != NULL ? "\"?" : ""));
    }
    return ERR_OK;
}

bool fhir_view_is_sql_name(const char *name)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char MORE[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t length = strlen(name);
    return strspn(name, LETTERS) > 0 && strspn(name, MORE) == length && length <= 255;
}

/* Does the view say that it is for R5 or later, too? */
static bool is_of_later(const json_t *definition)
{
    const json_t *versions = json_object_get(definition, "fhirVersion");
    bool later = false;
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const char *text = json_string_value(json_array_get(versions, i));
        later = later || (text != NULL && text[0] >= '5' && text[0] <= '9');
    }
    return later;
}

enum err_code fhir_view_path(struct fhir_reader *reader, const char *text, const char *place,
                             struct fhir_static focus, const char *resource, bool notes,
                             const struct fhir_path **ret)
{
    char source[ERR_TEXT_BYTES];
    struct fhir_path_context context = {.arena = reader->view->arena,
                                        .constants = reader->constants,
                                        .constant_count = reader->constant_count,
                                        .resource = resource,
                                        .focus = focus,
                                        .source = place,
                                        .later = is_of_later(reader->view->definition),
                                        .notes = notes ? reader->view->notes : NULL};
    enum err_code code = fhir_path_parse(&context, str_of(text), ret, reader->err);
    if (code == ERR_INPUT || code == ERR_LIMIT) {
        snprintf(source, sizeof source, "%.400s: %.500s", reader->source, place);
        return err_at(reader->err, source, reader->err->line, reader->err->column);
    }
    return code;
}

/* ---- constants ----------------------------------------------------------------------------------
 */

/* "valueDateTime" → dateTime; UNKNOWN: no constant may have it */
static enum fhir_type constant_type(const char *member)
{
    char name[32];
    if (strncmp(member, "value", 5) != 0 || strlen(member + 5) >= sizeof name || member[5] < 'A' ||
        member[5] > 'Z')
        return FHIR_TYPE_UNKNOWN;
    snprintf(name, sizeof name, "%s", member + 5);
    name[0] = (char)(name[0] | 0x20);
    enum fhir_type type = fhir_type_find(str_of(name));
    return type == FHIR_TYPE_XHTML ? FHIR_TYPE_UNKNOWN : type;
}

static bool digits_only(const char *text)
{
    const char *at = text[0] == '-' ? text + 1 : text;
    size_t whole = strspn(at, "0123456789");
    const char *rest = at + whole;
    if (rest[0] == '.' && rest[1] != '\0')
        rest += 1 + strspn(rest + 1, "0123456789");
    return whole > 0 && whole <= FHIR_PATH_LIMIT_DIGITS && rest[0] == '\0';
}

/* A double's shortest text without its exponent: 1e-07 → 0.0000001. */
static const char *plain_number(struct fhir_reader *reader, double number)
{
    char text[32], digits[32];
    str_from_double(number, text);
    const char *mark = strchr(text, 'e');
    if (mark == NULL)
        return arena_strdup(reader->view->arena, text);
    bool negative = text[0] == '-', minus = mark[1] == '-';
    int64_t exponent = 0;
    size_t count = 0, whole = 0;
    for (const char *at = text + negative; at < mark; at++)
        if (*at == '.')
            whole = count;
        else
            digits[count++] = *at;
    whole = memchr(text, '.', (size_t)(mark - text)) == NULL ? count : whole;
    const char *power = mark + 1 + strspn(mark + 1, "+-");
    if (!str_to_int64(str_of(power), &exponent) || exponent > 40)
        return arena_strdup(reader->view->arena, text);
    int64_t point = (int64_t)whole + (minus ? -exponent : exponent);
    AUTO(buf_done) struct buf out = BUF_INIT;
    buf_puts(&out, negative ? "-" : "");
    buf_puts(&out, point <= 0 ? "0." : "");
    for (int64_t i = point; i < 0; i++)
        buf_putc(&out, '0');
    for (int64_t i = 0; i < (int64_t)count || i < point; i++) {
        buf_puts(&out, i == point && i > 0 ? "." : "");
        buf_putc(&out, i < (int64_t)count ? digits[i] : '0');
    }
    return arena_strdup(reader->view->arena, buf_text(&out));
}

static bool moment_fits(const char *text, enum fhir_type type)
{
    AUTO(buf_done) struct buf marked = BUF_INIT;
    size_t length;
    const char *wrong;
    enum fhir_system wanted = fhir_type_system(type);
    if (wanted == FHIR_SYSTEM_TIME)
        buf_putc(&marked, 'T');
    buf_puts(&marked, text);
    enum fhir_type found = fhir_moment_scan(buf_view(&marked), &length, &wrong);
    return wrong == NULL && length == marked.len && length > 0 && marked.ptr[length - 1] != 'T' &&
           (fhir_type_system(found) == wanted ||
            (found == FHIR_TYPE_DATE && wanted == FHIR_SYSTEM_DATETIME));
}

/* The constant's value as FHIR's text; NULL: it is not of its type. */
static const char *constant_text(struct fhir_reader *reader, const json_t *value,
                                 enum fhir_type type)
{
    const char *text = json_string_value(value);
    if (json_is_boolean(value))
        text = json_is_true(value) ? "true" : "false";
    else if (json_is_integer(value))
        text = arena_printf(reader->view->arena, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        text = plain_number(reader, json_real_value(value));
    if (text == NULL)
        return NULL;
    switch (fhir_type_system(type)) {
    case FHIR_SYSTEM_BOOLEAN:
        return json_is_boolean(value) ? text : NULL;
    case FHIR_SYSTEM_INTEGER: /* an integer64 is a string in JSON */
        return json_is_integer(value) || (type == FHIR_TYPE_INTEGER64 && digits_only(text) &&
                                          strchr(text, '.') == NULL)
                   ? text
                   : NULL;
    case FHIR_SYSTEM_DECIMAL: /* a string keeps the digits as they are written: "1.50" */
        return !json_is_boolean(value) && digits_only(text) ? text : NULL;
    case FHIR_SYSTEM_DATE:
    case FHIR_SYSTEM_DATETIME:
    case FHIR_SYSTEM_TIME:
        return json_is_string(value) && moment_fits(text, type) ? text : NULL;
    case FHIR_SYSTEM_STRING:
        return json_is_string(value) ? text : NULL;
    case FHIR_SYSTEM_NONE:
        return NULL;
    }
    return NULL;
}

/* The one value[x] of a constant. */
static enum err_code read_value(struct fhir_reader *reader, const json_t *json, const char *place,
                                struct fhir_constant *ret)
{
    json_t *mutable = (json_t *)(uintptr_t)json; /* the macro's wish; nothing is changed */
    const char *key, *found = NULL;
    json_t *value;
    json_object_foreach(mutable, key, value)
    {
        enum fhir_type type = constant_type(key);
        if (strncmp(key, "value", 5) != 0)
            continue;
        if (type == FHIR_TYPE_UNKNOWN)
            return fhir_view_fail(reader, place, "a constant cannot be a %.60s", key);
        if (found != NULL)
            return fhir_view_fail(reader, place, "expected one value, found %s and %.60s", found,
                                  key);
        found = key;
        ret->type = type;
        const char *text = constant_text(reader, value, type);
        ret->value = str_of(text);
        if (text == NULL)
            return fhir_view_fail(reader, place, "%s: expected a %s as FHIR writes it, found %s",
                                  key, fhir_type_name(type), json_kind(value));
    }
    if (found == NULL) {
        fhir_view_fail(reader, place, "constant without a value");
        return err_hint(reader->err, "give it one: \"valueString\": \"…\", or another primitive's");
    }
    char *copy = arena_strndup(reader->view->arena, ret->value.ptr, ret->value.len);
    ret->value.ptr = copy;
    return copy == NULL ? fhir_view_no_memory(reader) : ERR_OK;
}

static enum err_code read_constant(struct fhir_reader *reader, const json_t *json,
                                   const char *place)
{
    const char *name;
    struct fhir_constant *constant = &reader->constants[reader->constant_count];
    if (!json_is_object(json))
        return fhir_view_fail(reader, place, "expected an object, found %s", json_kind(json));
    TRY(fhir_view_text(reader, json, place, "name", &name));
    if (name == NULL || !fhir_view_is_sql_name(name))
        return fhir_view_fail(reader, place,
                              "expected a name of letters, digits and _, beginning with a letter");
    if (strcmp(name, "rowIndex") == 0)
        return fhir_view_fail(reader, place, "%%rowIndex is the specification's own name");
    for (size_t i = 0; i < reader->constant_count; i++)
        if (str_equal(reader->constants[i].name, str_of(name)))
            return fhir_view_fail(reader, place, "a second constant \"%s\"", name);
    TRY(read_value(reader, json, place, constant));
    name = arena_strdup(reader->view->arena, name);
    if (name == NULL)
        return fhir_view_no_memory(reader);
    constant->name = str_of(name);
    reader->constant_count++;
    return ERR_OK;
}

static enum err_code read_constants(struct fhir_reader *reader, const json_t *definition)
{
    const json_t *array;
    TRY(fhir_view_array(reader, definition, "", "constant", &array));
    size_t count = json_array_size(array);
    reader->constants = arena_array(reader->view->arena, count + 1, sizeof *reader->constants);
    for (size_t i = 0; reader->constants != NULL && i < count; i++) {
        const char *place = fhir_view_place_at(reader, "", "constant", i);
        if (place == NULL)
            return fhir_view_no_memory(reader);
        TRY(read_constant(reader, json_array_get(array, i), place));
    }
    return reader->constants == NULL ? fhir_view_no_memory(reader) : ERR_OK;
}

/* ---- where -------------------------------------------------------------------------------------
 */

static struct fhir_static resource_focus(const struct fhir_view *view)
{
    struct fhir_static focus = {.structure = fhir_model_structure(str_of(view->resource)),
                                .always = true};
    focus.type = focus.structure != NULL ? FHIR_TYPE_COMPLEX : FHIR_TYPE_UNKNOWN;
    return focus;
}

static enum err_code read_where(struct fhir_reader *reader, const json_t *json, size_t idx,
                                const struct fhir_path **ret)
{
    const char *place = fhir_view_place_at(reader, "", "where", idx), *text;
    const char *at = place == NULL ? NULL : fhir_view_place(reader, place, "path");
    if (at == NULL)
        return fhir_view_no_memory(reader);
    if (!json_is_object(json))
        return fhir_view_fail(reader, place, "expected an object, found %s", json_kind(json));
    TRY(fhir_view_text(reader, json, place, "path", &text));
    if (text == NULL)
        return fhir_view_fail(reader, place, "where without its path");
    struct fhir_static focus = resource_focus(reader->view);
    TRY(fhir_view_path(reader, text, at, focus, reader->view->resource, true, ret));
    const struct fhir_static *known = &(*ret)->known;
    if (known->type == FHIR_TYPE_BOOLEAN || known->type == FHIR_TYPE_UNKNOWN)
        return ERR_OK;
    fhir_view_fail(reader, at, "expected a condition, true or false; found a %s",
                   known->structure != NULL ? known->structure : fhir_type_name(known->type));
    return err_hint(reader->err, "compare it, or test whether it is there with .exists()");
}

static enum err_code read_wheres(struct fhir_reader *reader, const json_t *definition)
{
    const json_t *array;
    TRY(fhir_view_array(reader, definition, "", "where", &array));
    size_t count = json_array_size(array);
    const struct fhir_path **paths =
        arena_array(reader->view->arena, count + 1, sizeof(struct fhir_path *));
    if (paths == NULL)
        return fhir_view_no_memory(reader);
    for (size_t i = 0; i < count; i++)
        TRY(read_where(reader, json_array_get(array, i), i, &paths[i]));
    reader->view->where = paths;
    reader->view->where_count = count;
    return ERR_OK;
}

/* ---- the view ----------------------------------------------------------------------------------
 */

static enum err_code copy_text(struct fhir_reader *reader, const json_t *definition,
                               const char *member, const char **ret)
{
    TRY(fhir_view_text(reader, definition, "", member, ret));
    if (*ret == NULL)
        return ERR_OK;
    *ret = arena_strdup(reader->view->arena, *ret);
    return *ret == NULL ? fhir_view_no_memory(reader) : ERR_OK;
}

/* "ViewDefinition", or the canonical that older versions have there. */
static enum err_code check_resource_type(struct fhir_reader *reader, const json_t *definition)
{
    const char *type;
    TRY(fhir_view_text(reader, definition, "", "resourceType", &type));
    const char *last = type == NULL ? NULL : strrchr(type, '/');
    if (type == NULL || strcmp(last != NULL ? last + 1 : type, "ViewDefinition") == 0)
        return ERR_OK;
    return fhir_view_fail(reader, "resourceType", "expected a ViewDefinition, found a %.80s", type);
}

static enum err_code read_head(struct fhir_reader *reader, const json_t *definition)
{
    struct fhir_view *view = reader->view;
    TRY(check_resource_type(reader, definition));
    TRY(copy_text(reader, definition, "name", &view->name));
    TRY(copy_text(reader, definition, "url", &view->url));
    TRY(copy_text(reader, definition, "description", &view->description));
    TRY(copy_text(reader, definition, "resource", &view->resource));
    if (view->resource == NULL || view->resource[0] == '\0') {
        fhir_view_fail(reader, "resource", "a view must say of which resource it is");
        return err_hint(reader->err, "add \"resource\": \"Patient\", or another type's name");
    }
    if (!fhir_view_is_sql_name(view->resource) || view->resource[0] > 'Z')
        return fhir_view_fail(reader, "resource", "\"%.80s\" cannot be a resource's type",
                              view->resource);
    if (!fhir_model_is_resource(str_of(view->resource))) {
        const char *nearest = fhir_model_nearest_structure(str_of(view->resource));
        TRY(fhir_view_note(reader, "resource", "unknown_resource",
                           "FHIR R4 has no resource \"%.80s\"%s%s%s", view->resource,
                           nearest != NULL ? "; did you mean \"" : "",
                           nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : ""));
    }
    if (view->name != NULL && !fhir_view_is_sql_name(view->name))
        return fhir_view_note(reader, "name", "odd_name",
                              "a view's name is made of letters, digits and _, beginning with a "
                              "letter, so that it can be a table's");
    return ERR_OK;
}

static enum err_code read_view(struct fhir_reader *reader, const json_t *definition)
{
    static const char *const MEMBERS[] = {"resourceType",
                                          "resource",
                                          "resourceDefinition",
                                          "fhirVersion",
                                          "profile",
                                          "constant",
                                          "select",
                                          "where",
                                          "url",
                                          "identifier",
                                          "version",
                                          "versionAlgorithmString",
                                          "versionAlgorithmCoding",
                                          "name",
                                          "title",
                                          "status",
                                          "experimental",
                                          "date",
                                          "publisher",
                                          "contact",
                                          "description",
                                          "useContext",
                                          "jurisdiction",
                                          "purpose",
                                          "copyright",
                                          "copyrightLabel",
                                          "approvalDate",
                                          "lastReviewDate",
                                          "effectivePeriod",
                                          "topic",
                                          "author",
                                          "editor",
                                          "reviewer",
                                          "endorser",
                                          "relatedArtifact",
                                          "meta",
                                          "implicitRules",
                                          "language",
                                          "text",
                                          "contained",
                                          NULL};
    struct fhir_view *view = reader->view;
    if (!json_is_object(definition))
        return fhir_view_fail(reader, "", "expected a ViewDefinition: an object");
    TRY(read_head(reader, definition));
    TRY(fhir_view_note_unknown(reader, definition, "", MEMBERS));
    TRY(read_constants(reader, definition));
    TRY(read_wheres(reader, definition));
    TRY(fhir_view_read_selects(reader, definition, &view->root));
    struct fhir_view_column *columns =
        arena_array(view->arena, reader->column_count + 1, sizeof *columns);
    if (columns == NULL || arena_failed(view->arena))
        return fhir_view_no_memory(reader);
    memcpy(columns, reader->columns, reader->column_count * sizeof *columns);
    view->columns = columns;
    view->column_count = reader->column_count;
    return ERR_OK;
}

enum err_code fhir_view_read(const json_t *definition, const char *source, struct fhir_view **ret,
                             struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(fhir_view_free) struct fhir_view *view = mem_zalloc(1, sizeof *view);
    *ret = NULL;
    if (arena == NULL || view == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a view");
    view->arena = arena;
    arena = NULL;
    view->notes = json_array();
    view->definition = json_deep_copy(definition);
    if (view->notes == NULL || view->definition == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a view");
    struct fhir_reader reader = {.view = view, .source = source, .err = err};
    enum err_code code = read_view(&reader, definition);
    mem_free(reader.columns);
    TRY(code);
    *ret = view;
    view = NULL;
    return ERR_OK;
}

void fhir_view_free(struct fhir_view *view)
{
    if (view == NULL)
        return;
    json_decref(view->definition);
    json_decref(view->notes);
    arena_free(view->arena);
    mem_free(view);
}

const char *fhir_view_name(const struct fhir_view *view)
{
    return view->name != NULL ? view->name : "";
}
const char *fhir_view_url(const struct fhir_view *view)
{
    return view->url != NULL ? view->url : "";
}
const char *fhir_view_resource(const struct fhir_view *view)
{
    return view->resource;
}
size_t fhir_view_column_count(const struct fhir_view *view)
{
    return view->column_count;
}
const struct fhir_view_column *fhir_view_column(const struct fhir_view *view, size_t idx)
{
    return &view->columns[idx];
}
const json_t *fhir_view_definition(const struct fhir_view *view)
{
    return view->definition;
}
static bool gives_one_row(const struct fhir_select *select)
{
    bool one = select->iteration == FHIR_NO_ITERATION && select->union_count == 0;
    for (size_t i = 0; one && i < select->select_count; i++)
        one = gives_one_row(select->selects[i]);
    return one;
}
bool fhir_view_one_row(const struct fhir_view *view)
{
    return gives_one_row(view->root);
}
const json_t *fhir_view_notes(const struct fhir_view *view)
{
    return view->notes;
}

enum err_code fhir_view_schema(const struct fhir_view *view, struct data_schema *ret,
                               struct err *err)
{
    *ret = (struct data_schema){0};
    for (size_t i = 0; i < view->column_count; i++) {
        const struct fhir_view_column *column = &view->columns[i];
        enum err_code code = data_schema_add(ret, str_of(column->name), column->type, err);
        char *label = code == ERR_OK ? mem_strdup(column->description) : NULL;
        if (code == ERR_OK && label == NULL && column->description != NULL)
            code = err_set(err, ERR_MEMORY, "no memory for a view's columns");
        if (code != ERR_OK) {
            data_schema_done(ret);
            return code;
        }
        ret->columns[i].label = label;
    }
    return ERR_OK;
}
