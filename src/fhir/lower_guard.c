/* Guards: a path whose steps FHIR R4 gives one value at most is taken out of a resource in one
 * step, `name.period.start`; should an array stand on it, that would read as nothing. So these
 * paths are gathered for each focus that is a column, and the SQL asks once for each whether there
 * is one. */
#include "fhir/lower_priv.h"
#include "fhir/model_priv.h"

#include <string.h>

bool fhir_guard_single(const struct fhir_path *path)
{
    struct fhir_element element;
    const char *structure = path->input->known.structure;
    return structure != NULL && fhir_model_find(structure, path->name, &element) && !element.many;
}

static const char *joined(struct plan *plan, const char *before, const char *name)
{
    if (before == NULL || strchr(name, '.') != NULL)
        return NULL;
    return before[0] == '\0' ? name : arena_printf(plan_arena(plan), "%s.%s", before, name);
}

/* The chain to the path; its last step's name after the prefix, "_" for what stands beside a
 * primitive. NULL: the path is no such chain. */
static const char *chain_of(struct plan *plan, const struct fhir_path *path, const char *prefix)
{
    if (path->kind == FHIR_PATH_THIS)
        return prefix[0] == '\0' ? "" : NULL;
    const struct fhir_path *input = path->input;
    const char *name = NULL;
    if (path->kind == FHIR_PATH_MEMBER && !path->choice && fhir_guard_single(path)) {
        name = arena_printf(plan_arena(plan), "%s%s", prefix, path->name.ptr);
    } else if (path->kind == FHIR_PATH_CALL && path->function == FHIR_FUNCTION_OF_TYPE &&
               input->kind == FHIR_PATH_MEMBER && input->choice) {
        struct str type = path->name;
        char first = type.len > 0 ? type.ptr[0] : 'X';
        first = first >= 'a' && first <= 'z' ? (char)(first - 'a' + 'A') : first;
        name =
            arena_printf(plan_arena(plan), "%s%s%c%.*s", prefix, input->name.ptr, first,
                         (int)(type.len > 0 ? type.len - 1 : 0), type.len > 0 ? type.ptr + 1 : "");
        input = input->input;
    }
    return name == NULL ? NULL : joined(plan, chain_of(plan, input, ""), name);
}

static void add(struct fhir_guard *guard, const char *path)
{
    for (size_t i = 0; i < guard->count; i++)
        if (strcmp(guard->paths[i], path) == 0)
            return;
    if (guard->count == guard->cap) {
        size_t cap = guard->cap == 0 ? 16 : 2 * guard->cap;
        const char **paths = arena_array(plan_arena(guard->plan), cap, sizeof *paths);
        if (paths == NULL)
            return;
        if (guard->count > 0)
            memcpy(paths, guard->paths, guard->count * sizeof *paths);
        guard->paths = paths;
        guard->cap = cap;
    }
    guard->paths[guard->count++] = path;
}

static bool has_criteria(const struct fhir_path *path)
{
    return path->kind == FHIR_PATH_CALL &&
           (path->function == FHIR_FUNCTION_WHERE || path->function == FHIR_FUNCTION_EXISTS ||
            path->function == FHIR_FUNCTION_ALL);
}

/* Does the step read _birthDate: a member or extension() of a primitive? */
static bool reads_beside(const struct fhir_path *path)
{
    bool reads = path->kind == FHIR_PATH_MEMBER ||
                 (path->kind == FHIR_PATH_CALL && path->function == FHIR_FUNCTION_EXTENSION);
    enum fhir_type type = reads ? path->input->known.type : FHIR_TYPE_UNKNOWN;
    return type != FHIR_TYPE_UNKNOWN && type != FHIR_TYPE_COMPLEX;
}

void fhir_guard_add(struct fhir_guard *guard, const struct fhir_path *path)
{
    const char *chain = chain_of(guard->plan, path, "");
    if (chain != NULL && chain[0] != '\0')
        add(guard, chain);
    if (reads_beside(path))
        chain = chain_of(guard->plan, path->input, "_");
    if (reads_beside(path) && chain != NULL)
        add(guard, chain);
    if (path->input != NULL)
        fhir_guard_add(guard, path->input);
    for (size_t i = 0; !has_criteria(path) && i < path->arg_count; i++)
        fhir_guard_add(guard, path->args[i]);
}
