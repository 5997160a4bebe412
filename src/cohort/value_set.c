/* Value sets from files: FHIR ValueSet JSON (its expansion; without one, the concepts that compose
 * lists), or text: a code or system|code a line, or columns system and code under a header, parted
 * by comma, semicolon or tab. What would need a terminology server (filters, whole systems, other
 * value sets) is refused: expand it first. */
#include "cohort/views_priv.h"

#include "base/file.h"

#include <string.h>

struct set {
    struct arena *arena;
    struct cohort_list *codes;
    const char *path;
    struct err *err;
};

static enum err_code add(struct set *set, struct str system, struct str code)
{
    struct cohort_code *item = cohort_list_add(set->arena, set->codes, sizeof *item);
    if (item == NULL)
        return err_set(set->err, ERR_MEMORY, "no memory for a value set");
    if (set->codes->count > COHORT_LIMIT_CODES)
        return err_set(set->err, ERR_LIMIT, "more than %d codes", COHORT_LIMIT_CODES);
    *item = (struct cohort_code){.code = arena_strndup(set->arena, code.ptr, code.len)};
    if (system.len > 0)
        item->system = cohort_system_uri(set->arena, system);
    return item->code == NULL ? err_set(set->err, ERR_MEMORY, "no memory for a value set") : ERR_OK;
}

static enum err_code refuse(struct set *set, const char *what)
{
    err_set(set->err, ERR_INPUT, "the value set %s", what);
    (void)err_at(set->err, set->path, 0, 0);
    return err_hint(set->err, "expand it first (ValueSet/$expand), or list its codes, one a line");
}

/* ---- FHIR ---------------------------------------------------------------------------------------
 */

static enum err_code read_contains(struct set *set, const json_t *contains, int depth)
{
    if (depth > 32)
        return refuse(set, "is nested more than 32 deep");
    for (size_t i = 0; i < json_array_size(contains); i++) {
        const json_t *one = json_array_get(contains, i);
        const char *code = json_text(one, "code", NULL);
        if (code != NULL && !json_flag(one, "abstract", false))
            TRY(add(set, str_of(json_text(one, "system", NULL)), str_of(code)));
        TRY(read_contains(set, json_object_get(one, "contains"), depth + 1));
    }
    return ERR_OK;
}

static bool is_excluded(const json_t *exclude, const char *system, const char *code)
{
    for (size_t i = 0; i < json_array_size(exclude); i++) {
        const json_t *group = json_array_get(exclude, i),
                     *concepts = json_object_get(group, "concept");
        for (size_t k = 0; k < json_array_size(concepts); k++)
            if (strcmp(json_text(group, "system", ""), system) == 0 &&
                strcmp(json_text(json_array_get(concepts, k), "code", ""), code) == 0)
                return true;
    }
    return false;
}

static enum err_code read_compose(struct set *set, const json_t *compose)
{
    const json_t *include = json_object_get(compose, "include"),
                 *exclude = json_object_get(compose, "exclude");
    for (size_t i = 0; i < json_array_size(exclude); i++)
        if (json_array_size(json_object_get(json_array_get(exclude, i), "concept")) == 0)
            return refuse(set, "excludes more than listed concepts");
    for (size_t i = 0; i < json_array_size(include); i++) {
        const json_t *group = json_array_get(include, i),
                     *concepts = json_object_get(group, "concept");
        const char *system = json_text(group, "system", "");
        if (json_array_size(concepts) == 0)
            return refuse(set, "includes more than listed concepts");
        for (size_t k = 0; k < json_array_size(concepts); k++) {
            const char *code = json_text(json_array_get(concepts, k), "code", NULL);
            if (code != NULL && !is_excluded(exclude, system, code))
                TRY(add(set, str_of(system), str_of(code)));
        }
    }
    return ERR_OK;
}

static enum err_code read_fhir(struct set *set, struct str text)
{
    JSON_AUTO json = NULL;
    TRY(json_parse(text, set->path, &json, set->err));
    if (strcmp(json_text(json, "resourceType", ""), "ValueSet") != 0)
        return refuse(set, "is JSON, but no FHIR ValueSet");
    const json_t *expansion = json_object_get(json, "expansion");
    if (json_array_size(json_object_get(expansion, "contains")) > 0)
        return read_contains(set, json_object_get(expansion, "contains"), 0);
    return read_compose(set, json_object_get(json, "compose"));
}

/* ---- lists --------------------------------------------------------------------------------------
 */

#define FIELDS 16

/* Splits a line; quotes around a field are taken away. Returns how many there are. */
static size_t split(struct str line, char separator, struct str ret[FIELDS])
{
    size_t count = 0, at = 0;
    while (count < FIELDS && at <= line.len) {
        size_t begin = at;
        bool quoted = at < line.len && line.ptr[at] == '"';
        if (quoted) {
            begin = ++at;
            while (at < line.len && line.ptr[at] != '"')
                at++;
        } else {
            while (at < line.len && line.ptr[at] != separator)
                at++;
        }
        ret[count++] = str_trim((struct str){line.ptr + begin, at - begin});
        while (at < line.len && line.ptr[at] != separator)
            at++;
        at++;
    }
    return count;
}

struct columns {
    char separator;
    size_t code, system;
    bool has_system;
};

/* A first line with a field "code" is a header. */
static bool read_header(struct str line, struct columns *ret)
{
    static const char separators[] = {',', ';', '\t'};
    for (size_t s = 0; s < sizeof separators; s++) {
        struct str fields[FIELDS];
        bool found = false;
        size_t count = split(line, separators[s], fields);
        struct columns made = {.separator = separators[s]};
        for (size_t i = 0; i < count; i++) {
            if (str_equal_nocase(fields[i], STR("code"))) {
                made.code = i;
                found = true;
            }
            if (str_equal_nocase(fields[i], STR("system"))) {
                made.system = i;
                made.has_system = true;
            }
        }
        if (found) {
            *ret = made;
            return true;
        }
    }
    return false;
}

static enum err_code read_line(struct set *set, struct str line, const struct columns *columns)
{
    struct str fields[FIELDS];
    size_t count = split(line, columns->separator, fields);
    struct str code = columns->code < count ? fields[columns->code] : STR("");
    struct str system =
        columns->has_system && columns->system < count ? fields[columns->system] : STR("");
    struct cohort_code parted;
    if (code.len == 0)
        return ERR_OK;
    if (system.len > 0 || !cohort_code_read(set->arena, code, &parted))
        return add(set, system, code);
    struct cohort_code *item = cohort_list_add(set->arena, set->codes, sizeof *item);
    if (item == NULL)
        return err_set(set->err, ERR_MEMORY, "no memory for a value set");
    *item = parted;
    return set->codes->count <= COHORT_LIMIT_CODES
               ? ERR_OK
               : err_set(set->err, ERR_LIMIT, "more than %d codes", COHORT_LIMIT_CODES);
}

static enum err_code read_list(struct set *set, struct str text)
{
    struct columns columns = {.separator = '\t'};
    bool first = true;
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct str line = {text.ptr, end != NULL ? (size_t)(end - text.ptr) : text.len};
        size_t used = line.len + (end != NULL ? 1 : 0);
        text = (struct str){text.ptr + used, text.len - used};
        line = str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (!(first && read_header(line, &columns)))
            TRY(read_line(set, line, &columns));
        first = false;
    }
    return ERR_OK;
}

enum err_code cohort_value_set_read(struct arena *arena, const char *path,
                                    struct cohort_list *codes, struct err *err)
{
    struct set set = {arena, codes, path, err};
    AUTO(buf_done) struct buf text = BUF_INIT;
    size_t before = codes->count;
    TRY(file_read(path, COHORT_LIMIT_FILE_BYTES, &text, err));
    struct str bytes = buf_view(&text);
    if (str_has_prefix(bytes, "\xEF\xBB\xBF"))
        bytes = (struct str){bytes.ptr + 3, bytes.len - 3};
    if (str_utf8_valid_prefix(bytes) < bytes.len)
        return refuse(&set, "is not UTF-8");
    struct str trimmed = str_trim(bytes);
    TRY(trimmed.len > 0 && trimmed.ptr[0] == '{' ? read_fhir(&set, bytes) : read_list(&set, bytes));
    return codes->count > before ? ERR_OK : refuse(&set, "holds no code");
}
