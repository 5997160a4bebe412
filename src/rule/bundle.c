/* A bundle's files into rules with typed plans.
 *
 *   mimic/bundle.json   {"format": 1, "bundle": "mimic", "inputs": […], "rules": [{…},
 * "rules/labs.json"]} mimic/rules/labs.json   {"name": "labs", "plan_file": "plans/labs.json",
 * "output": […], "key": […]}
 *
 * Any of these files may be TOML (bundle.toml, rules/labs.toml): it is read as the same document.
 * The one idea: whatever is wrong with one rule is a problem of the bundle with its place, and
 * reading goes on, so that one check tells all. Paths are relative to the bundle's folder and never
 * leave it. */
#include "rule/rule_priv.h"

#include "base/file.h"
#include "base/nearest.h"
#include "json/toml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct reading {
    struct rule_bundle *bundle;
    char folder[FILE_PATH_BYTES];
    const struct rule_host *host;
};

void rule_bundle_free(struct rule_bundle *bundle)
{
    if (bundle == NULL)
        return;
    for (size_t i = 0; i < bundle->rule_count; i++) {
        plan_free(bundle->rules[i].owner);
        json_decref(bundle->rules[i].plan);
    }
    json_decref(bundle->problems);
    json_decref(bundle->notes);
    json_decref(bundle->documents);
    arena_free(bundle->arena);
    mem_free(bundle);
}

void rule_problem(struct rule_bundle *bundle, const struct rule *rule, const char *node,
                  const char *column, const char *nearest, const char *format, ...)
{
    AUTO(buf_done) struct buf words = BUF_INIT;
    char text[1000];
    bool ok = true;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (rule != NULL)
        buf_printf(&words, "rule \"%s\"%s", rule->name, node != NULL ? ", " : ": ");
    if (node != NULL)
        buf_printf(&words, "%s: ", node);
    buf_puts(&words, text);
    if (nearest != NULL)
        buf_printf(&words, "; did you mean \"%s\"?", nearest);
    json_t *one = json_object();
    json_put_text(one, "file", rule != NULL ? rule->file : bundle->file, &ok);
    json_put_text(one, "rule", rule != NULL ? rule->name : NULL, &ok);
    json_put_text(one, "node", node, &ok);
    json_put_text(one, "column", column, &ok);
    json_put_text(one, "nearest", nearest, &ok);
    json_put_str(one, "words", buf_view(&words), &ok);
    for (size_t i = 0; ok && i < json_array_size(bundle->problems); i++)
        if (json_equal(one, json_array_get(bundle->problems, i))) { /* two scans, one fault */
            json_decref(one);
            return;
        }
    json_push(bundle->problems, one, &ok);
    if (!ok) { /* no memory for a problem: the check must not pass */
        json_decref(bundle->problems);
        bundle->problems = NULL;
    }
}

/* ---- files -------------------------------------------------------------------------------------
 */

static bool stays_inside(const char *path)
{
    if (path[0] == '/' || path[0] == '\0' || strchr(path, '\\') != NULL)
        return false;
    for (const char *part = path; part != NULL; part = strchr(part, '/')) {
        part += *part == '/' ? 1 : 0;
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
    }
    return true;
}

/* A file of the bundle as JSON, borrowed; it lives as long as the bundle. */
static enum err_code read_part(struct reading *reading, const char *path, const json_t **ret,
                               struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    char whole[FILE_PATH_BYTES];
    json_t *document = NULL;
    bool ok = true;
    if (!stays_inside(path))
        return err_set(err, ERR_INPUT, "'%.200s' is no path inside the bundle's folder", path);
    TRY(file_path_join(reading->folder, path, whole, err));
    TRY(file_read(whole, RULE_LIMIT_FILE_BYTES, &text, err));
    TRY(str_has_suffix_nocase(str_of(path), ".toml")
            ? json_parse_toml(buf_view(&text), path, &document, err)
            : json_parse(buf_view(&text), path, &document, err));
    *ret = document;
    json_push(reading->bundle->documents, document, &ok);
    return json_built(ok, err);
}

/* Members that a document may have; another one is most likely misspelt. */
static const char *unknown_member(const json_t *object, const char *const *known, const char **near)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        struct nearest nearest = {.asked = key};
        bool found = false;
        for (size_t i = 0; known[i] != NULL; i++) {
            found = found || strcmp(known[i], key) == 0;
            nearest_offer(&nearest, known[i]);
        }
        if (!found) {
            *near = nearest_text(&nearest);
            return key;
        }
    }
    return NULL;
}

/* [[name, type]…] with types that exist and names that differ. */
static bool check_columns(struct rule_bundle *bundle, const struct rule *rule, const char *node,
                          const json_t *columns)
{
    bool sound = json_is_array(columns) && json_array_size(columns) > 0;
    if (!sound)
        rule_problem(bundle, rule, node, NULL, NULL,
                     "its columns are to be declared: [[\"name\", \"type\"], …]");
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *column = json_array_get(columns, i);
        const char *name = json_string_value(json_array_get(column, 0)),
                   *type = json_string_value(json_array_get(column, 1));
        struct data_type parsed;
        if (name == NULL || type == NULL || json_array_size(column) != 2) {
            rule_problem(bundle, rule, node, name, NULL, "column %zu: expected [name, type]",
                         i + 1);
            sound = false;
            continue;
        }
        if (data_type_parse_nested(bundle->arena, str_of(type), &parsed, ERR_IGNORED) != ERR_OK) {
            rule_problem(bundle, rule, node, name, NULL, "column \"%s\": there is no type %.60s",
                         name, type);
            sound = false;
        }
        for (size_t k = 0; k < i; k++) {
            const char *other = json_string_value(json_array_get(json_array_get(columns, k), 0));
            if (other != NULL && str_equal_nocase(str_of(name), str_of(other))) {
                rule_problem(bundle, rule, node, name, NULL, "column \"%s\" is declared twice",
                             name);
                sound = false;
            }
        }
    }
    return sound;
}

/* ---- one rule ----------------------------------------------------------------------------------
 */

static bool is_plain_name(const char *name)
{
    bool plain = name[0] != '\0' && strlen(name) <= RULE_LIMIT_NAME_BYTES &&
                 !(strlen(name) >= 5 && str_equal_nocase((struct str){name, 5}, STR("mart_")));
    for (const char *p = name; *p != '\0'; p++)
        plain = plain && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
                          (p > name && *p >= '0' && *p <= '9'));
    return plain;
}

/* The plan as JSON, closed, and typed. */
static enum err_code read_plan(struct reading *reading, struct rule *rule, const json_t *object,
                               struct err *err)
{
    const json_t *plan = json_object_get(object, "plan");
    const char *file = json_text(object, "plan_file", NULL);
    const char *source = file != NULL ? file : rule->file;
    if ((plan != NULL) == (file != NULL))
        return err_set(err, ERR_INPUT, "either \"plan\" or \"plan_file\" says what it computes");
    if (file != NULL)
        TRY(read_part(reading, file, &plan, err));
    TRY(reading->host->bind(reading->host->user, plan, json_object_get(object, "params"), source,
                            &rule->plan, err));
    rule->owner = plan_new();
    if (rule->owner == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    return plan_from_json(rule->owner, rule->plan, source, &rule->root, err);
}

static enum err_code read_rule(struct reading *reading, const json_t *object, const char *file,
                               struct err *err)
{
    static const char *const members[] = {"name",   "description", "plan", "plan_file",
                                          "params", "output",      "key",  NULL};
    struct rule_bundle *bundle = reading->bundle;
    struct rule *rule = &bundle->rules[bundle->rule_count];
    struct err local = {.code = ERR_OK};
    const char *near = NULL, *odd = unknown_member(object, members, &near);
    *rule = (struct rule){.name = json_text(object, "name", NULL),
                          .description = json_text(object, "description", ""),
                          .file = file,
                          .output = json_object_get(object, "output"),
                          .key = json_object_get(object, "key")};
    if (rule->name == NULL)
        rule->name = arena_printf(bundle->arena, "%zu", bundle->rule_count + 1);
    if (rule->name == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a rule");
    bundle->rule_count++;
    if (!json_is_object(object) || !is_plain_name(rule->name))
        rule_problem(bundle, rule, NULL, NULL, NULL,
                     "a rule is an object with a \"name\" of letters, digits and _ that does not "
                     "begin with mart_");
    if (odd != NULL)
        rule_problem(bundle, rule, NULL, NULL, near, "unknown member \"%.60s\"", odd);
    if (!check_columns(bundle, rule, "output", rule->output))
        rule->output = NULL;
    enum err_code code = read_plan(reading, rule, object, &local);
    if (code == ERR_MEMORY) {
        *err = local;
        return code;
    }
    if (code != ERR_OK) {
        rule->root = NULL;
        const char *part = json_text(object, "plan_file", NULL);
        const char *node = part != NULL ? arena_printf(bundle->arena, "plan %s", part) : "plan";
        rule_problem(bundle, rule, node, NULL, NULL, "%s", local.message);
    }
    return ERR_OK;
}

static enum err_code read_rules(struct reading *reading, const json_t *rules, struct err *err)
{
    struct rule_bundle *bundle = reading->bundle;
    size_t count = json_array_size(rules);
    if (count > RULE_LIMIT_RULES)
        return err_set(err, ERR_LIMIT, "%zu rules, %d at most", count, RULE_LIMIT_RULES);
    bundle->rules = arena_array(bundle->arena, count + 1, sizeof *bundle->rules);
    if (bundle->rules == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the rules");
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(rules, i);
        const char *file = json_string_value(one);
        struct err local = {.code = ERR_OK};
        if (file != NULL && read_part(reading, file, &one, &local) != ERR_OK) {
            char place[60] = "";
            if (local.line > 0)
                (void)snprintf(place, sizeof place, ":%lld:%lld", (long long)local.line,
                               (long long)local.column);
            rule_problem(bundle, NULL, NULL, NULL, NULL, "%s%s: %s", file, place, local.message);
            continue;
        }
        TRY(read_rule(reading, one, file != NULL ? file : bundle->file, err));
    }
    return ERR_OK;
}

static enum err_code read_inputs(struct rule_bundle *bundle, const json_t *inputs, struct err *err)
{
    static const char *const members[] = {"name", "columns", "optional", "description", NULL};
    size_t count = json_array_size(inputs);
    if (count > RULE_LIMIT_INPUTS)
        return err_set(err, ERR_LIMIT, "%zu inputs, %d at most", count, RULE_LIMIT_INPUTS);
    bundle->inputs = arena_array(bundle->arena, count + 1, sizeof *bundle->inputs);
    if (bundle->inputs == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the inputs");
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(inputs, i);
        const char *name = json_text(one, "name", NULL), *near = NULL,
                   *odd = unknown_member(one, members, &near);
        if (name == NULL) {
            rule_problem(bundle, NULL, NULL, NULL, NULL,
                         "input %zu: expected {\"name\": …, \"columns\": [[name, type], …]}",
                         i + 1);
            continue;
        }
        const char *node = arena_printf(bundle->arena, "input \"%s\"", name);
        if (odd != NULL)
            rule_problem(bundle, NULL, node, NULL, near, "unknown member \"%.60s\"", odd);
        bundle->inputs[bundle->input_count++] =
            (struct rule_input){.name = name,
                                .columns = json_object_get(one, "columns"),
                                .optional = json_flag(one, "optional", false)};
        (void)check_columns(bundle, NULL, node, json_object_get(one, "columns"));
    }
    return ERR_OK;
}

/* ---- the bundle --------------------------------------------------------------------------------
 */

static enum err_code read_document(struct reading *reading, const json_t *document, struct err *err)
{
    static const char *const members[] = {"format", "bundle", "description",
                                          "inputs", "rules",  NULL};
    struct rule_bundle *bundle = reading->bundle;
    json_t *rules = NULL;
    const char *near = NULL, *odd = unknown_member(document, members, &near);
    int64_t format = json_int(document, "format", 0);
    TRY(json_need_text(document, "bundle", bundle->file, &bundle->name, err));
    TRY(json_need_array(document, "rules", bundle->file, &rules, err));
    bundle->description = json_text(document, "description", "");
    if (format != RULE_FORMAT_VERSION) {
        err_set(err, format > RULE_FORMAT_VERSION ? ERR_UNSUPPORTED : ERR_INPUT,
                "the bundle's format is %lld, expected %d", (long long)format, RULE_FORMAT_VERSION);
        return err_at(err, bundle->file, 0, 0);
    }
    if (odd != NULL)
        rule_problem(bundle, NULL, NULL, NULL, near, "unknown member \"%.60s\"", odd);
    TRY(read_inputs(bundle, json_object_get(document, "inputs"), err));
    return read_rules(reading, rules, err);
}

/* A folder's own file. */
static enum err_code choose_file(struct reading *reading, struct err *err)
{
    char json[FILE_PATH_BYTES], toml[FILE_PATH_BYTES];
    TRY(file_path_join(reading->folder, "bundle.json", json, err));
    TRY(file_path_join(reading->folder, "bundle.toml", toml, err));
    bool has_toml = file_exists(toml);
    reading->bundle->file = has_toml ? "bundle.toml" : "bundle.json";
    if (!has_toml || !file_exists(json))
        return ERR_OK;
    err_set(err, ERR_INPUT, "the folder has both bundle.json and bundle.toml");
    return err_hint(err, "keep one of them, or give the file's path instead of the folder's");
}

static enum err_code read_bundle(struct reading *reading, const char *path, struct err *err)
{
    struct file_info info;
    const json_t *document = NULL;
    TRY(file_stat(path, &info, err));
    if (info.kind == FILE_DIRECTORY) {
        (void)snprintf(reading->folder, sizeof reading->folder, "%s", path);
        TRY(choose_file(reading, err));
    } else {
        const char *base = file_base_name(path);
        (void)snprintf(reading->folder, sizeof reading->folder, "%.*s", (int)(base - path), path);
        if (base == path)
            (void)snprintf(reading->folder, sizeof reading->folder, ".");
        reading->bundle->file = arena_strdup(reading->bundle->arena, base);
    }
    if (reading->bundle->file == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the bundle");
    TRY(read_part(reading, reading->bundle->file, &document, err));
    TRY(read_document(reading, document, err));
    TRY(rule_bundle_check(reading->bundle, err));
    if (reading->bundle->problems == NULL || arena_failed(reading->bundle->arena))
        return err_set(err, ERR_MEMORY, "no memory for the bundle");
    return json_array_size(reading->bundle->problems) > 0 ? ERR_OK
                                                          : rule_bundle_sign(reading->bundle, err);
}

enum err_code rule_bundle_read(const char *path, const struct rule_host *host,
                               struct rule_bundle **ret, struct err *err)
{
    AUTO(rule_bundle_free) struct rule_bundle *bundle = mem_zalloc(1, sizeof *bundle);
    if (bundle == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a bundle");
    bundle->arena = arena_new(RULE_LIMIT_FILE_BYTES);
    bundle->problems = json_array();
    bundle->notes = json_array();
    bundle->documents = json_array();
    if (bundle->arena == NULL || bundle->problems == NULL || bundle->notes == NULL ||
        bundle->documents == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a bundle");
    struct reading reading = {.bundle = bundle, .host = host};
    TRY(read_bundle(&reading, path, err));
    *ret = bundle;
    bundle = NULL;
    return ERR_OK;
}
