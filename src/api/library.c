/* A library of SQL with all that it depends on, found by canonical URL:
 *
 *   contained in the Library ▶ --context ▶ beside its file ▶ registered with the dataset ▶ built in
 *
 * The first place that knows the URL decides. Then each statement is held against its labels: one
 * SELECT that reads nothing but them. */
#include "api/library_priv.h"

#include <stdio.h>
#include <string.h>

#define DEFINITION_LIMIT_BYTES (4 << 20)
#define FOLDER_LIMIT_FILES 10000

/* ---- which definitions there are ---------------------------------------------------------------
 */

static bool is_definition(const json_t *json)
{
    const char *type = json_text(json, "resourceType", ""), *slash = strrchr(type, '/');
    return fhir_is_library(json) || strcmp(slash != NULL ? slash + 1 : type, "ViewDefinition") == 0;
}

static enum err_code know(struct api_library *library, const json_t *definition, const char *source,
                          struct err *err)
{
    bool ok = true;
    json_t *one = json_object();
    json_put(one, "definition", json_deep_copy(definition), &ok);
    json_put_text(one, "source", source, &ok);
    json_push(library->known, one, &ok);
    return json_built(ok, err);
}

/* needed: the user named the file, so what is wrong with it is an error. */
static enum err_code know_file(struct api_library *library, const char *path, bool needed,
                               struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    JSON_AUTO json = NULL;
    struct err local = {.code = ERR_OK};
    enum err_code code = file_read(path, DEFINITION_LIMIT_BYTES, &text, &local);
    if (code == ERR_OK)
        code = json_parse(buf_view(&text), path, &json, &local);
    if (code == ERR_OK && is_definition(json))
        return know(library, json, path, err);
    if (!needed || code == ERR_OK)
        return ERR_OK;
    *err = local;
    return code;
}

static enum err_code know_folder(struct api_library *library, const char *path, struct err *err)
{
    struct file_list list = {0};
    TRY(file_list_directory(path, &list, err));
    enum err_code code =
        list.count > FOLDER_LIMIT_FILES
            ? err_set(err, ERR_LIMIT, "%s holds more than %d files", path, FOLDER_LIMIT_FILES)
            : ERR_OK;
    for (size_t i = 0; i < list.count && code == ERR_OK; i++) {
        char child[FILE_PATH_BYTES];
        if (list.entries[i].kind != FILE_REGULAR || list.entries[i].name[0] == '.' ||
            !str_has_suffix_nocase(str_of(list.entries[i].name), ".json"))
            continue;
        code = file_path_join(path, list.entries[i].name, child, err);
        if (code == ERR_OK)
            code = know_file(library, child, false, err);
    }
    file_list_done(&list);
    return code;
}

static enum err_code know_context(const struct api_library_source *source,
                                  struct api_library *library, struct err *err)
{
    for (size_t i = 0; i < source->context_count; i++) {
        struct file_info info;
        TRY(file_stat(source->context[i], &info, err));
        if (info.kind == FILE_MISSING)
            return err_set(err, ERR_NOT_FOUND, "no file or folder '%s'", source->context[i]);
        TRY(info.kind == FILE_DIRECTORY ? know_folder(library, source->context[i], err)
                                        : know_file(library, source->context[i], true, err));
    }
    return ERR_OK;
}

static enum err_code know_registered(const struct api_library_source *source,
                                     struct api_library *library, struct err *err)
{
    JSON_AUTO decided = NULL;
    static const char *const members[][2] = {{"views", "view"}, {"sql_views", "library"}};
    if (source->api == NULL || source->dataset == NULL)
        return ERR_OK;
    TRY(store_dataset_read(source->api->store, source->dataset, &decided, err));
    for (size_t i = 0; i < 2; i++) {
        const char *name;
        json_t *entry;
        json_object_foreach(json_object_get(decided, members[i][0]), name, entry)
        {
            TRY(know(library, json_object_get(entry, members[i][1]), name, err));
        }
    }
    return ERR_OK;
}

static enum err_code know_builtin(struct api_library *library, struct err *err)
{
    size_t count = 0;
    const struct fhir_builtin *builtin = fhir_builtin_views(&count);
    for (size_t i = 0; i < count; i++) {
        JSON_AUTO json = NULL;
        TRY(json_parse(str_of(builtin[i].json), builtin[i].name, &json, err));
        TRY(know(library, json, builtin[i].name, err));
    }
    return ERR_OK;
}

/* ---- one by its canonical ----------------------------------------------------------------------
 */

/* http://…/x|1.0, ViewDefinition/x, #x (contained: owner says in what). */
static bool is_meant(const json_t *definition, const char *canonical)
{
    size_t length = strcspn(canonical, "|");
    struct str url = {canonical, length};
    const char *own = json_text(definition, "url", ""), *id = json_text(definition, "id", ""),
               *type = json_text(definition, "resourceType", "");
    if (canonical[0] == '#')
        return strcmp(id, canonical + 1) == 0;
    bool same = own[0] != '\0' && str_equal(url, str_of(own));
    size_t type_length = strlen(type);
    same = same || (length > type_length + 1 && strncmp(canonical, type, type_length) == 0 &&
                    canonical[type_length] == '/' && id[0] != '\0' &&
                    str_equal((struct str){canonical + type_length + 1, length - type_length - 1},
                              str_of(id)));
    return same && (canonical[length] == '\0' ||
                    strcmp(json_text(definition, "version", ""), canonical + length + 1) == 0);
}

static const json_t *find_contained(const struct fhir_library *owner, const char *canonical)
{
    const json_t *all = json_object_get(fhir_library_definition(owner), "contained");
    for (size_t i = 0; i < json_array_size(all); i++)
        if (is_definition(json_array_get(all, i)) && is_meant(json_array_get(all, i), canonical))
            return json_array_get(all, i);
    return NULL;
}

static const json_t *find_known(const struct api_library *library, const char *canonical,
                                const char **ret_source)
{
    for (size_t i = 0; i < json_array_size(library->known) && canonical[0] != '#'; i++) {
        const json_t *one = json_array_get(library->known, i);
        *ret_source = json_text(one, "source", "");
        if (is_meant(json_object_get(one, "definition"), canonical))
            return json_object_get(one, "definition");
    }
    return NULL;
}

static enum err_code not_found(const struct api_library *library, const char *place,
                               const char *canonical, struct err *err)
{
    struct nearest nearest = {.asked = canonical};
    for (size_t i = 0; i < json_array_size(library->known); i++)
        nearest_offer(
            &nearest,
            json_text(json_object_get(json_array_get(library->known, i), "definition"), "url", ""));
    err_set(err, ERR_NOT_FOUND, "%.200s: nothing has the canonical URL '%.300s'", place, canonical);
    if (nearest_text(&nearest) != NULL)
        return err_hint(err, "did you mean '%.300s'?", nearest_text(&nearest));
    return err_hint(err, "a ViewDefinition or SQLView with that url: beside the Library's file, by "
                         "--context FILE, contained in it, or registered with --dataset");
}

/* ---- the graph ---------------------------------------------------------------------------------
 */

struct opening {
    const struct api_library_source *source;
    struct api_library *library;
    size_t path[FHIR_LIMIT_LIBRARY_DEPTH + 1];
    size_t depth;
    struct err *err;
};

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory for a Library");
}

static const json_t *definition_of(const struct api_library_node *node)
{
    return node->library != NULL ? fhir_library_definition(node->library)
                                 : fhir_view_definition(node->view.view);
}

/* The definition's name, else the last part of where it comes from: a table's name, unique in the
 * graph. */
static void name_node(struct api_library *library, struct api_library_node *node, const char *name,
                      const char *source)
{
    char base[STORE_LIMIT_NAME_BYTES + 1];
    const char *slash = strrchr(source, '/');
    const char *from = name[0] != '\0' ? name : slash != NULL ? slash + 1 : source;
    size_t length = name[0] != '\0' ? strlen(name) : strcspn(from, ".");
    length = length > STORE_LIMIT_NAME_BYTES - 8 ? STORE_LIMIT_NAME_BYTES - 8 : length;
    for (size_t i = 0; i < length; i++)
        base[i] = (char)(from[i] == '-' || from[i] == ' ' ? '_' : from[i]);
    (void)snprintf(base + length, sizeof base - length, "%s", length == 0 ? "query" : "");
    (void)snprintf(node->view.name, sizeof node->view.name, "%s", base);
    for (size_t i = 0, number = 2; i < library->count; i++) {
        if (&library->nodes[i] == node ||
            !str_equal_nocase(str_of(library->nodes[i].view.name), str_of(node->view.name)))
            continue;
        (void)snprintf(node->view.name, sizeof node->view.name, "%.*s_%zu",
                       (int)(STORE_LIMIT_NAME_BYTES - 8), base, number++);
        i = SIZE_MAX; /* from the front */
    }
}

/* A node of that definition; the one that is there. */
static enum err_code add_node(struct opening *opening, const json_t *definition, const char *source,
                              size_t *ret, struct err *err)
{
    struct api_library *library = opening->library;
    for (size_t i = 0; i < library->count; i++)
        if (json_equal(definition_of(&library->nodes[i]), definition)) {
            *ret = i;
            return ERR_OK;
        }
    if (library->count >= LIBRARY_LIMIT_NODES)
        return err_set(err, ERR_LIMIT, "a Library depends on more than %d definitions",
                       LIBRARY_LIMIT_NODES);
    struct api_library_node *more = mem_resize(library->nodes, library->count + 1, sizeof *more);
    if (more == NULL)
        return no_memory(err);
    library->nodes = more;
    struct api_library_node *node = &more[library->count];
    *node = (struct api_library_node){.expansions = 0};
    const char *name;
    if (fhir_is_library(definition)) {
        TRY(fhir_library_read(definition, source, "duckdb", &node->library, err));
        node->edges =
            mem_zalloc(fhir_library_dependency_count(node->library) + 1, sizeof *node->edges);
        name = fhir_library_name(node->library);
    } else {
        TRY(fhir_view_read(definition, source, &node->view.view, err));
        name = fhir_view_name(node->view.view);
    }
    *ret = library->count++;
    name_node(library, node, name, source);
    return node->library != NULL && node->edges == NULL ? no_memory(err) : ERR_OK;
}

/* "a → b → a" */
static enum err_code cycle(struct opening *opening, size_t again, struct err *err)
{
    AUTO(buf_done) struct buf path = BUF_INIT;
    bool within = false;
    for (size_t i = 0; i < opening->depth; i++) {
        within = within || opening->path[i] == again;
        if (within)
            buf_printf(&path, "%s → ", opening->library->nodes[opening->path[i]].view.name);
    }
    buf_puts(&path, opening->library->nodes[again].view.name);
    err_set(err, ERR_INPUT, "SQLViews depend on one another in a circle: %.600s", buf_text(&path));
    return err_hint(err, "take one relatedArtifact out of the circle");
}

static enum err_code resolve(struct opening *opening, size_t idx, struct err *err);

static enum err_code find(struct opening *opening, const struct fhir_library *owner,
                          const char *canonical, const char *place, const json_t **ret,
                          const char **ret_source, struct err *err)
{
    struct api_library *library = opening->library;
    *ret_source = canonical;
    if ((*ret = find_contained(owner, canonical)) != NULL ||
        (*ret = find_known(library, canonical, ret_source)) != NULL)
        return ERR_OK;
    if (!library->folder_read) {
        library->folder_read = true;
        if (library->folder[0] != '\0')
            TRY(know_folder(library, library->folder, err));
        TRY(know_registered(opening->source, library, err));
        TRY(know_builtin(library, err));
        if ((*ret = find_known(library, canonical, ret_source)) != NULL)
            return ERR_OK;
    }
    return not_found(library, place, canonical, err);
}

static enum err_code resolve_one(struct opening *opening, size_t idx, size_t at, struct err *err)
{
    struct api_library *library = opening->library;
    const struct fhir_library *owner = library->nodes[idx].library;
    const struct fhir_library_dependency *dependency = fhir_library_dependency(owner, at);
    const json_t *definition = NULL;
    const char *source = "";
    size_t node = 0;
    TRY(find(opening, owner, dependency->canonical, library->nodes[idx].view.name, &definition,
             &source, err));
    TRY(add_node(opening, definition, source, &node, err));
    library->nodes[idx].edges[at] = node; /* nodes may have moved */
    if (library->nodes[node].library != NULL &&
        !fhir_library_is_view(library->nodes[node].library)) {
        err_set(err, ERR_INPUT,
                "%.100s: '%.100s' is a SQLQuery, expected a ViewDefinition or SQLView",
                library->nodes[idx].view.name, dependency->label);
        return err_hint(err, "what others read is a SQLView: type sql-view, without parameters");
    }
    if (library->nodes[node].on_path)
        return cycle(opening, node, err);
    TRY(resolve(opening, node, err));
    library->nodes[idx].expansions += library->nodes[node].expansions;
    if (library->nodes[idx].expansions > LIBRARY_LIMIT_EXPANSIONS)
        return err_set(err, ERR_LIMIT, "%.100s reads its SQLViews more than %d times over",
                       library->nodes[idx].view.name, LIBRARY_LIMIT_EXPANSIONS);
    return ERR_OK;
}

static enum err_code resolve(struct opening *opening, size_t idx, struct err *err)
{
    struct api_library_node *node = &opening->library->nodes[idx];
    if (node->library == NULL || node->expansions > 0) {
        node->expansions = node->expansions > 0 ? node->expansions : 1;
        return ERR_OK;
    }
    if (opening->depth >= FHIR_LIMIT_LIBRARY_DEPTH)
        return err_set(err, ERR_LIMIT, "SQLViews depend on one another deeper than %d",
                       FHIR_LIMIT_LIBRARY_DEPTH);
    opening->path[opening->depth++] = idx;
    node->on_path = true;
    node->expansions = 1;
    size_t count = fhir_library_dependency_count(node->library);
    for (size_t i = 0; i < count; i++)
        TRY(resolve_one(opening, idx, i, err));
    opening->library->nodes[idx].on_path = false;
    opening->depth--;
    return ERR_OK;
}

/* ---- statements --------------------------------------------------------------------------------
 */

static bool is_label(const struct fhir_library *library, const char *name)
{
    for (size_t i = 0; i < fhir_library_dependency_count(library); i++)
        if (str_equal_nocase(str_of(fhir_library_dependency(library, i)->label), str_of(name)))
            return true;
    return false;
}

static enum err_code check_tables(const struct api_library_node *node,
                                  const struct engine_statement *statement, struct err *err)
{
    for (size_t i = 0; i < statement->table_count; i++) {
        struct nearest nearest = {.asked = statement->tables[i]};
        if (is_label(node->library, statement->tables[i]))
            continue;
        for (size_t k = 0; k < fhir_library_dependency_count(node->library); k++)
            nearest_offer(&nearest, fhir_library_dependency(node->library, k)->label);
        err_set(err, ERR_INPUT,
                "%.100s: the SQL reads '%.100s', which is the label of no dependency",
                node->view.name, statement->tables[i]);
        return nearest_text(&nearest) != NULL
                   ? err_hint(err, "did you mean '%s'?", nearest_text(&nearest))
                   : err_hint(err, "each table is a relatedArtifact: type depends-on, resource, "
                                   "label");
    }
    return ERR_OK;
}

static enum err_code check_statements(const struct api_library *library, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = {.threads = 1};
    TRY(engine_open(&options, &engine, err));
    for (size_t i = 0; i < library->count; i++) {
        struct engine_statement statement = {0};
        if (library->nodes[i].library == NULL)
            continue;
        enum err_code code = api_statement_check(
            engine, fhir_library_sql(library->nodes[i].library), &statement, err);
        code = code != ERR_OK ? err_context(err, "%.100s", library->nodes[i].view.name)
                              : check_tables(&library->nodes[i], &statement, err);
        engine_statement_done(&statement);
        TRY(code);
    }
    return ERR_OK;
}

/* ---- the door ----------------------------------------------------------------------------------
 */

void api_library_done(struct api_library *library)
{
    for (size_t i = 0; i < library->count; i++) {
        fhir_library_free(library->nodes[i].library);
        api_view_done(&library->nodes[i].view);
        mem_free(library->nodes[i].edges);
    }
    mem_free(library->nodes);
    json_decref(library->known);
    *library = (struct api_library){.count = 0};
}

static enum err_code open_root(const struct api_library_source *source, const json_t *definition,
                               const char *name, struct api_library *ret, struct err *err)
{
    struct opening opening = {.source = source, .library = ret, .err = err};
    size_t root = 0;
    TRY(know_context(source, ret, err));
    TRY(add_node(&opening, definition, name, &root, err));
    TRY(resolve(&opening, root, err));
    return check_statements(ret, err);
}

enum err_code api_sql_views_read(struct api *api, const char *dataset, json_t **ret,
                                 struct err *err)
{
    JSON_AUTO decided = NULL;
    TRY(store_dataset_read(api->store, dataset, &decided, err));
    json_t *views = json_object_get(decided, "sql_views");
    *ret = json_is_object(views) ? json_incref(views) : json_object();
    return *ret == NULL ? no_memory(err) : ERR_OK;
}

bool api_library_is(const json_t *sql_views, const char *word)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    JSON_AUTO json = NULL;
    if (json_object_get(sql_views, api_views_plain_name(word)) != NULL)
        return true;
    struct file_info info;
    return file_stat(word, &info, ERR_IGNORED) == ERR_OK && info.kind == FILE_REGULAR &&
           file_read(word, DEFINITION_LIMIT_BYTES, &text, ERR_IGNORED) == ERR_OK &&
           json_parse(buf_view(&text), word, &json, ERR_IGNORED) == ERR_OK && fhir_is_library(json);
}

enum err_code api_library_open_entry(struct api *api, const char *name, const json_t *entry,
                                     struct api_library *ret, struct err *err)
{
    struct api_library_source source = {.api = api};
    const json_t *context = json_object_get(entry, "context");
    *ret = (struct api_library){.known = json_array(), .folder_read = true};
    if (ret->known == NULL)
        return no_memory(err);
    for (size_t i = 0; i < json_array_size(context); i++)
        TRY(know(ret, json_array_get(context, i), name, err));
    return open_root(&source, json_object_get(entry, "library"), name, ret, err);
}

enum err_code api_library_open(const struct api_library_source *source, const char *word,
                               struct api_library *ret, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    JSON_AUTO json = NULL;
    JSON_AUTO kept = NULL;
    const char *slash = strrchr(word, '/');
    *ret = (struct api_library){.known = NULL};
    if (source->api != NULL && source->dataset != NULL)
        TRY(api_sql_views_read(source->api, source->dataset, &kept, err));
    const char *plain = api_views_plain_name(word);
    if (json_object_get(kept, plain) != NULL)
        return api_library_open_entry(source->api, plain, json_object_get(kept, plain), ret, err);
    *ret = (struct api_library){.known = json_array()};
    if (ret->known == NULL)
        return no_memory(err);
    (void)snprintf(ret->folder, sizeof ret->folder, "%.*s",
                   slash == NULL ? 1 : (int)(slash > word ? slash - word : 1),
                   slash == NULL ? "." : word);
    TRY(file_read(word, DEFINITION_LIMIT_BYTES, &text, err));
    TRY(json_parse(buf_view(&text), word, &json, err));
    return open_root(source, json, word, ret, err);
}

bool api_library_holds(const struct api_library *library, const json_t *definition)
{
    for (size_t i = 0; i < library->count; i++)
        if (json_equal(definition_of(&library->nodes[i]), definition))
            return true;
    return false;
}

json_t *api_library_context(const struct api_library *library, bool *ok)
{
    json_t *list = json_array();
    for (size_t i = 1; i < library->count; i++)
        json_push(list, json_deep_copy(definition_of(&library->nodes[i])), ok);
    return list;
}

json_t *api_library_inputs(const struct api_library *library, const struct store_version *version,
                           bool *ok)
{
    json_t *inputs = json_object();
    for (size_t i = 0; i < library->count; i++) {
        if (library->nodes[i].library != NULL)
            continue;
        const char *resource = fhir_view_resource(library->nodes[i].view.view);
        const struct store_table *table = store_version_table_find(version, resource);
        json_put_text(inputs, resource, table != NULL ? table->hash : "", ok);
    }
    return inputs;
}
