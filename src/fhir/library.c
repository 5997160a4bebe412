/* A FHIR Library of SQL on FHIR's profiles SQLQuery and SQLView, read and validated: its statement
 * (content[] application/sql, base64), the tables that the statement may read (relatedArtifact
 * depends-on, by label) and its parameters. What a canonical leads to is api's to find; whether the
 * statement is one SELECT, an engine says. */
#include "fhir/library_priv.h"
#include "fhir/path_priv.h"

#include "base/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_LIMIT_BYTES 128

struct fhir_library {
    struct arena *arena;
    json_t *definition, *notes;
    bool is_view;
    const char *name, *url, *sql;
    struct fhir_library_parameter *parameters;
    struct fhir_library_dependency *dependencies;
    size_t parameter_count, dependency_count;
};

struct reading {
    struct fhir_library *library;
    const json_t *definition;
    const char *source, *dialect;
    struct err *err;
};

static enum err_code fail(struct reading *reading, const char *place, const char *format, ...)
    PRINTF_LIKE(3, 4);
static enum err_code fail(struct reading *reading, const char *place, const char *format, ...)
{
    char message[ERR_TEXT_BYTES], source[ERR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    (void)snprintf(source, sizeof source, "%.400s: %.500s", reading->source, place);
    err_set(reading->err, ERR_INPUT, "%s", message);
    return err_at(reading->err, source, 0, 0);
}

static const char *place_of(struct reading *reading, const char *member, size_t idx,
                            const char *part)
{
    const char *place = arena_printf(reading->library->arena, "%s[%zu]%s", member, idx, part);
    return place != NULL ? place : member;
}

static enum err_code note(struct reading *reading, const char *place, const char *code,
                          const char *message)
{
    bool ok = true;
    json_t *one = json_object();
    json_put_text(one, "code", code, &ok);
    json_put_text(one, "message", message, &ok);
    json_put_text(one, "path", place, &ok);
    json_push(reading->library->notes, one, &ok);
    return json_built(ok, reading->err);
}

/* A name as SQL takes it unquoted; what FHIR calls sql-name. */
static bool is_sql_name(const char *name)
{
    size_t length = strlen(name);
    bool letter = length > 0 && ((name[0] >= 'a' && name[0] <= 'z') ||
                                 (name[0] >= 'A' && name[0] <= 'Z') || name[0] == '_');
    return letter && length <= NAME_LIMIT_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
               length;
}

/* ---- type ---------------------------------------------------------------------------------------
 */

bool fhir_is_library(const json_t *definition)
{
    const char *type = json_text(definition, "resourceType", "");
    return strcmp(type, "Library") == 0;
}

static enum err_code read_type(struct reading *reading)
{
    const json_t *codings = json_object_get(json_object_get(reading->definition, "type"), "coding");
    for (size_t i = 0; i < json_array_size(codings); i++) {
        const char *code = json_text(json_array_get(codings, i), "code", "");
        bool is_view = strcmp(code, "sql-view") == 0;
        if (is_view || strcmp(code, "sql-query") == 0) {
            reading->library->is_view = is_view;
            return ERR_OK;
        }
    }
    (void)fail(reading, "type", "expected a coding sql-query or sql-view");
    return err_hint(reading->err, "the profiles SQLQuery and SQLView of SQL on FHIR say so: "
                                  "{\"coding\": [{\"system\": \"https://sql-on-fhir.org/ig/"
                                  "CodeSystem/LibraryTypesCodes\", \"code\": \"sql-query\"}]}");
}

/* ---- content ------------------------------------------------------------------------------------
 */

/* "application/sql;dialect=duckdb": *ret_dialect is empty where none is said. */
static bool is_sql(const char *type, struct str *ret_dialect)
{
    struct str text = str_trim(str_of(type));
    size_t length = sizeof "application/sql" - 1;
    *ret_dialect = STR("");
    if (text.len < length ||
        !str_equal_nocase((struct str){text.ptr, length}, STR("application/sql")))
        return false;
    struct str rest = str_trim((struct str){text.ptr + length, text.len - length});
    if (rest.len == 0)
        return true;
    if (rest.ptr[0] != ';')
        return false;
    rest = str_trim((struct str){rest.ptr + 1, rest.len - 1});
    if (rest.len > 8 && str_equal_nocase((struct str){rest.ptr, 8}, STR("dialect=")))
        *ret_dialect = (struct str){rest.ptr + 8, rest.len - 8};
    return true;
}

/* The content for the engine's dialect, else the plain one; *ret NULL: none. */
static enum err_code choose_content(struct reading *reading, const json_t **ret, size_t *ret_idx)
{
    AUTO(buf_done) struct buf there = BUF_INIT;
    const json_t *all = json_object_get(reading->definition, "content");
    bool exact = false;
    *ret = NULL;
    for (size_t i = 0; i < json_array_size(all) && !exact; i++) {
        struct str dialect;
        const json_t *one = json_array_get(all, i);
        if (!is_sql(json_text(one, "contentType", ""), &dialect))
            continue;
        exact = dialect.len > 0 && str_equal_nocase(dialect, str_of(reading->dialect));
        if (dialect.len > 0 && !exact) {
            buf_puts(&there, there.len > 0 ? ", " : "");
            buf_add(&there, dialect.ptr, dialect.len > 40 ? 40 : dialect.len);
            continue;
        }
        if (*ret == NULL || exact) {
            *ret = one;
            *ret_idx = i;
        }
    }
    if (*ret != NULL)
        return ERR_OK;
    (void)fail(reading, "content", "expected SQL for %s or without a dialect, found %s%.200s",
               reading->dialect, there.len > 0 ? "it for " : "no application/sql",
               there.len > 0 ? buf_text(&there) : "");
    return err_hint(reading->err,
                    "content: [{\"contentType\": \"application/sql\", \"data\": "
                    "BASE64}], or \"application/sql;dialect=%s\"",
                    reading->dialect);
}

static enum err_code read_sql(struct reading *reading)
{
    AUTO(mem_free) char *bytes = NULL;
    AUTO(mem_free) bool *used = mem_zalloc(reading->library->parameter_count + 1, sizeof *used);
    AUTO(buf_done) struct buf sql = BUF_INIT;
    const json_t *content = NULL;
    size_t idx = 0, length = 0;
    TRY(choose_content(reading, &content, &idx));
    const char *place = place_of(reading, "content", idx, ".data"),
               *data = json_text(content, "data", NULL);
    if (data == NULL)
        return fail(reading, place, "expected the SQL in base64, found nothing");
    bytes = mem_zalloc(strlen(data) + 1, 1);
    if (bytes == NULL || used == NULL)
        return err_set(reading->err, ERR_MEMORY, "no memory for a Library");
    if (!str_from_base64(str_of(data), bytes, &length))
        return fail(reading, place, "expected base64");
    if (length > FHIR_LIMIT_LIBRARY_SQL_BYTES)
        return err_set(reading->err, ERR_LIMIT, "the SQL is longer than %d bytes",
                       FHIR_LIMIT_LIBRARY_SQL_BYTES);
    if (str_utf8_valid_prefix((struct str){bytes, length}) != length)
        return fail(reading, place, "decoded from base64 it is no UTF-8");
    enum err_code code =
        fhir_library_sql_bind((struct str){bytes, length}, reading->library->parameters,
                              reading->library->parameter_count, used, &sql, reading->err);
    if (code != ERR_OK)
        return err_context(reading->err, "%.400s: %s", reading->source, place);
    for (size_t i = 0; i < reading->library->parameter_count; i++)
        if (!used[i])
            TRY(note(reading, place_of(reading, "parameter", i, ""), "unused",
                     "the SQL does not use it"));
    reading->library->sql = arena_strdup(reading->library->arena, buf_text(&sql));
    return ERR_OK;
}

/* ---- parameters ---------------------------------------------------------------------------------
 */

enum shape { ANY_TEXT, BOOLEAN, INTEGER, NATURAL, POSITIVE, DECIMAL, DATE, MOMENT, TIME, CODE };
struct parameter_type {
    const char *name;
    enum shape shape;
    enum data_kind kind; /* it is bound as */
    const char *expected;
};
static const struct parameter_type TYPES[] = {
    {"base64Binary", ANY_TEXT, DATA_TEXT, "a text"},
    {"boolean", BOOLEAN, DATA_BOOLEAN, "true or false"},
    {"canonical", CODE, DATA_TEXT, "a URL"},
    {"code", CODE, DATA_TEXT, "a code without blanks at its ends"},
    {"date", DATE, DATA_TEXT, "a date such as 2024-01-31, 2024-01 or 2024"},
    {"dateTime", MOMENT, DATA_TEXT, "a date, or 2024-01-31T12:30:00Z"},
    {"decimal", DECIMAL, DATA_DOUBLE, "a number"},
    {"id", CODE, DATA_TEXT, "an id"},
    {"instant", MOMENT, DATA_TEXT, "an instant such as 2024-01-31T12:30:00Z"},
    {"integer", INTEGER, DATA_BIGINT, "a whole number"},
    {"integer64", INTEGER, DATA_BIGINT, "a whole number"},
    {"markdown", ANY_TEXT, DATA_TEXT, "a text"},
    {"oid", CODE, DATA_TEXT, "an OID"},
    {"positiveInt", POSITIVE, DATA_BIGINT, "a whole number from 1"},
    {"string", ANY_TEXT, DATA_TEXT, "a text"},
    {"time", TIME, DATA_TEXT, "a time such as 12:30:00"},
    {"unsignedInt", NATURAL, DATA_BIGINT, "a whole number from 0"},
    {"uri", CODE, DATA_TEXT, "a URI"},
    {"url", CODE, DATA_TEXT, "a URL"},
    {"uuid", CODE, DATA_TEXT, "a UUID"},
};

static const struct parameter_type *type_of(const char *name)
{
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++)
        if (strcmp(TYPES[i].name, name) == 0)
            return &TYPES[i];
    return NULL;
}

/* FHIRPath writes a time with a T before it, FHIR without. */
static bool is_moment(struct str text, enum shape shape)
{
    char time[40];
    size_t length = 0;
    const char *wrong = NULL;
    if (text.len == 0 || text.len >= sizeof time)
        return false;
    if (shape == TIME) {
        int written = snprintf(time, sizeof time, "T%.*s", (int)text.len, text.ptr);
        text = (struct str){time, (size_t)written};
    }
    enum fhir_type found = fhir_moment_scan(text, &length, &wrong);
    if (wrong != NULL || length != text.len || found == FHIR_TYPE_UNKNOWN)
        return false;
    return shape == DATE   ? found == FHIR_TYPE_DATE
           : shape == TIME ? found == FHIR_TYPE_TIME
                           : found != FHIR_TYPE_TIME;
}

static bool has_shape(struct str text, enum shape shape)
{
    int64_t whole = 0;
    double number = 0;
    switch (shape) {
    case ANY_TEXT:
        return true;
    case CODE:
        return text.len > 0 && str_trim(text).len == text.len;
    case BOOLEAN:
        return str_equal(text, STR("true")) || str_equal(text, STR("false"));
    case INTEGER:
    case NATURAL:
    case POSITIVE:
        return str_to_int64(text, &whole) && (shape == INTEGER || whole >= (shape == POSITIVE));
    case DECIMAL:
        return str_to_double(text, &number) && number - number == 0;
    case DATE:
    case MOMENT:
    case TIME:
        return is_moment(text, shape);
    }
    return false;
}

enum err_code fhir_library_value_check(const struct fhir_library_parameter *parameter,
                                       struct str text, struct err *err)
{
    char pattern[64];
    const struct parameter_type *type = type_of(parameter->fhir_type);
    if (type != NULL && has_shape(text, type->shape))
        return ERR_OK;
    return err_set(err, ERR_INPUT, "parameter %s (%s): expected %s, found %s", parameter->name,
                   parameter->fhir_type, type != NULL ? type->expected : "another type",
                   err_pattern(text.ptr, text.len, pattern, sizeof pattern));
}

static enum err_code read_parameter(struct reading *reading, const json_t *json, size_t idx)
{
    struct fhir_library *library = reading->library;
    const char *name = json_text(json, "name", ""), *type_name = json_text(json, "type", "");
    const struct parameter_type *type = type_of(type_name);
    if (strcmp(json_text(json, "use", "in"), "in") != 0)
        return note(reading, place_of(reading, "parameter", idx, ".use"), "not in",
                    "it is no input and is passed over");
    if (!is_sql_name(name))
        return fail(reading, place_of(reading, "parameter", idx, ".name"),
                    "expected a name of letters, digits and _ that the SQL refers to as :name");
    if (type == NULL) {
        struct nearest nearest = {.asked = type_name};
        for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++)
            nearest_offer(&nearest, TYPES[i].name);
        (void)fail(reading, place_of(reading, "parameter", idx, ".type"),
                   "expected one of FHIR's primitive types, found '%.60s'", type_name);
        return nearest_text(&nearest) == NULL
                   ? ERR_INPUT
                   : err_hint(reading->err, "did you mean '%s'?", nearest_text(&nearest));
    }
    for (size_t i = 0; i < library->parameter_count; i++)
        if (strcmp(library->parameters[i].name, name) == 0)
            return fail(reading, place_of(reading, "parameter", idx, ".name"),
                        "parameter '%.100s' is declared twice", name);
    library->parameters[library->parameter_count++] =
        (struct fhir_library_parameter){.name = arena_strdup(library->arena, name),
                                        .fhir_type = type->name,
                                        .required = json_int(json, "min", 1) != 0,
                                        .type = {.kind = type->kind}};
    return ERR_OK;
}

static enum err_code read_parameters(struct reading *reading)
{
    const json_t *all = json_object_get(reading->definition, "parameter");
    size_t count = json_array_size(all);
    if (count > FHIR_LIMIT_LIBRARY_PARAMETERS)
        return err_set(reading->err, ERR_LIMIT, "a Library has %zu parameters, %d at most", count,
                       FHIR_LIMIT_LIBRARY_PARAMETERS);
    reading->library->parameters =
        arena_array(reading->library->arena, count + 1, sizeof *reading->library->parameters);
    for (size_t i = 0; i < count && !arena_failed(reading->library->arena); i++)
        TRY(read_parameter(reading, json_array_get(all, i), i));
    if (reading->library->is_view && reading->library->parameter_count > 0) {
        (void)fail(reading, "parameter", "a SQLView has no parameters");
        return err_hint(reading->err, "what takes parameters is a SQLQuery: type sql-query");
    }
    return ERR_OK;
}

/* ---- dependencies -------------------------------------------------------------------------------
 */

static enum err_code read_dependency(struct reading *reading, const json_t *json, size_t idx)
{
    struct fhir_library *library = reading->library;
    const char *label = json_text(json, "label", ""), *canonical = json_text(json, "resource", "");
    if (strcmp(json_text(json, "type", ""), "depends-on") != 0)
        return ERR_OK; /* citations, documentation */
    if (canonical[0] == '\0')
        return fail(reading, place_of(reading, "relatedArtifact", idx, ".resource"),
                    "expected the canonical URL of a ViewDefinition or SQLView");
    if (!is_sql_name(label)) {
        (void)fail(reading, place_of(reading, "relatedArtifact", idx, ".label"),
                   "expected the table's name in the SQL: letters, digits and _");
        return err_hint(reading->err, "each dependency is one table of the statement");
    }
    for (size_t i = 0; i < library->dependency_count; i++)
        if (str_equal_nocase(str_of(library->dependencies[i].label), str_of(label)))
            return fail(reading, place_of(reading, "relatedArtifact", idx, ".label"),
                        "two dependencies are labelled '%.100s'", label);
    library->dependencies[library->dependency_count++] = (struct fhir_library_dependency){
        arena_strdup(library->arena, label), arena_strdup(library->arena, canonical)};
    return ERR_OK;
}

static enum err_code read_dependencies(struct reading *reading)
{
    const json_t *all = json_object_get(reading->definition, "relatedArtifact");
    size_t count = json_array_size(all);
    if (count > FHIR_LIMIT_LIBRARY_DEPENDENCIES)
        return err_set(reading->err, ERR_LIMIT, "a Library has %zu related artifacts, %d at most",
                       count, FHIR_LIMIT_LIBRARY_DEPENDENCIES);
    reading->library->dependencies =
        arena_array(reading->library->arena, count + 1, sizeof *reading->library->dependencies);
    for (size_t i = 0; i < count && !arena_failed(reading->library->arena); i++)
        TRY(read_dependency(reading, json_array_get(all, i), i));
    return ERR_OK;
}

/* ---- the door -----------------------------------------------------------------------------------
 */

static enum err_code read_all(struct reading *reading)
{
    struct fhir_library *library = reading->library;
    if (!fhir_is_library(reading->definition))
        return fail(reading, "resourceType", "expected Library");
    library->name = arena_strdup(library->arena, json_text(reading->definition, "name", ""));
    library->url = arena_strdup(library->arena, json_text(reading->definition, "url", ""));
    if (library->name != NULL && library->name[0] != '\0' && !is_sql_name(library->name))
        return fail(reading, "name", "expected a name of letters, digits and _");
    TRY(read_type(reading));
    TRY(read_parameters(reading));
    TRY(read_dependencies(reading));
    TRY(read_sql(reading));
    return arena_failed(library->arena)
               ? err_set(reading->err, ERR_MEMORY, "no memory for a Library")
               : ERR_OK;
}

enum err_code fhir_library_read(const json_t *definition, const char *source, const char *dialect,
                                struct fhir_library **ret, struct err *err)
{
    AUTO(fhir_library_free) struct fhir_library *library = mem_zalloc(1, sizeof *library);
    struct reading reading = {library, definition, source, dialect, err};
    if (library == NULL || (library->arena = arena_new((size_t)16 << 20)) == NULL ||
        (library->notes = json_array()) == NULL ||
        (library->definition = json_deep_copy(definition)) == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a Library");
    TRY(read_all(&reading));
    *ret = library;
    library = NULL;
    return ERR_OK;
}

void fhir_library_free(struct fhir_library *library)
{
    if (library == NULL)
        return;
    json_decref(library->definition);
    json_decref(library->notes);
    arena_free(library->arena);
    mem_free(library);
}

bool fhir_library_is_view(const struct fhir_library *library)
{
    return library->is_view;
}
const char *fhir_library_name(const struct fhir_library *library)
{
    return library->name;
}
const char *fhir_library_url(const struct fhir_library *library)
{
    return library->url;
}
const json_t *fhir_library_definition(const struct fhir_library *library)
{
    return library->definition;
}
const char *fhir_library_sql(const struct fhir_library *library)
{
    return library->sql;
}
size_t fhir_library_parameter_count(const struct fhir_library *library)
{
    return library->parameter_count;
}
const struct fhir_library_parameter *fhir_library_parameter(const struct fhir_library *library,
                                                            size_t idx)
{
    return &library->parameters[idx];
}
size_t fhir_library_dependency_count(const struct fhir_library *library)
{
    return library->dependency_count;
}
const struct fhir_library_dependency *fhir_library_dependency(const struct fhir_library *library,
                                                              size_t idx)
{
    return &library->dependencies[idx];
}
const json_t *fhir_library_notes(const struct fhir_library *library)
{
    return library->notes;
}
