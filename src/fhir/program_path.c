/* A checked path compiled: names to slots, literals to items, and with it what its items may be, as places in the resource
 * (fhir_need). It mirrors the evaluation: where evaluate*.c would step to a member, here its place is noted. */
#include <string.h>

#include "fhir/evaluate_priv.h"
#include "fhir/path_build_priv.h"

struct compile {
    struct fhir_program *program;
    struct err *err;
};

static enum err_code no_memory(struct compile *compile)
{
    return err_set(compile->err, ERR_MEMORY, "no memory to compile views");
}

static enum err_code add(struct compile *compile, struct fhir_needs *needs, struct fhir_need *need)
{
    if (need == NULL)
        return no_memory(compile);
    for (size_t idx = 0; idx < needs->count; idx++)
        if (needs->list[idx] == need)
            return ERR_OK;
    struct fhir_need **larger = arena_array(compile->program->arena, needs->count + 1, sizeof(struct fhir_need *));
    if (larger == NULL)
        return no_memory(compile);
    if (needs->count > 0)
        memcpy(larger, needs->list, needs->count * sizeof(struct fhir_need *));
    larger[needs->count++] = need;
    needs->list = larger;
    return ERR_OK;
}

static void want_whole(struct fhir_needs needs)
{
    for (size_t idx = 0; idx < needs.count; idx++)
        needs.list[idx]->whole = true;
}

static enum err_code child_of(struct compile *compile, struct fhir_need *need, const char *name, struct fhir_needs *ret)
{
    return add(compile, ret, fhir_need_child(compile->program, need, str_of(name), false));
}

/* "_birthDate" beside birthDate: where a primitive has its id and extensions. */
static enum err_code shadow_of(struct compile *compile, struct fhir_need *need, struct fhir_need **ret)
{
    struct fhir_program *program = compile->program;
    *ret = NULL;
    if (need->parent == NULL || need->choice || need->name.len == 0 || need->name.ptr[0] == '_')
        return ERR_OK;
    char *name = arena_printf(program->arena, "_%.*s", (int)need->name.len, need->name.ptr);
    if (name == NULL)
        return no_memory(compile);
    *ret = fhir_need_child(program, need->parent, str_of(name), false);
    if (*ret == NULL)
        return no_memory(compile);
    program->slots[need->slot].shadow = (*ret)->slot;
    return ERR_OK;
}

static bool may_be_primitive(const struct fhir_path *path)
{
    return path->known.type != FHIR_TYPE_COMPLEX;
}

/* The member of each place; of a primitive id and extension stand in its shadow. */
static enum err_code step(struct compile *compile, struct fhir_needs in, struct str name, bool choice, bool primitive, struct fhir_needs *ret)
{
    bool below_primitive = primitive && (str_equal(name, STR("extension")) || str_equal(name, STR("id")));
    for (size_t idx = 0; idx < in.count; idx++) {
        struct fhir_need *shadow = NULL;
        TRY(add(compile, ret, fhir_need_child(compile->program, in.list[idx], name, choice)));
        if (below_primitive)
            TRY(shadow_of(compile, in.list[idx], &shadow));
        if (shadow != NULL)
            TRY(add(compile, ret, fhir_need_child(compile->program, shadow, name, choice)));
    }
    return ERR_OK;
}

static enum err_code compile_path(struct compile *compile, const struct fhir_path *path, struct fhir_needs focus, const struct fhir_expr **ret, struct fhir_needs *needs);

static enum err_code compile_args(struct compile *compile, const struct fhir_path *path, struct fhir_needs focus, struct fhir_expr *expr, struct fhir_needs *ret)
{
    const struct fhir_expr **args = arena_array(compile->program->arena, path->arg_count + 1, sizeof(struct fhir_expr *));
    if (args == NULL)
        return no_memory(compile);
    for (size_t idx = 0; idx < path->arg_count; idx++)
        TRY(compile_path(compile, path->args[idx], focus, &args[idx], &ret[idx < 2 ? idx : 2]));
    expr->args = args;
    return ERR_OK;
}

/* value.ofType(Quantity) is the member valueQuantity. */
static bool fold_choice(struct compile *compile, const struct fhir_path *path, struct fhir_path *ret)
{
    if (path->kind != FHIR_PATH_CALL || path->function != FHIR_FUNCTION_OF_TYPE || path->input->kind != FHIR_PATH_MEMBER || !path->input->choice)
        return false;
    struct str element = path->input->name, type = path->name;
    char *name = arena_printf(compile->program->arena, "%.*s%.*s", (int)element.len, element.ptr, (int)type.len, type.ptr);
    if (name == NULL || type.len == 0)
        return false;
    if (name[element.len] >= 'a' && name[element.len] <= 'z')
        name[element.len] = (char)(name[element.len] - 'a' + 'A');
    *ret = *path->input;
    ret->known = path->known;
    ret->choice = false;
    ret->name = str_of(name);
    return true;
}

static enum err_code compile_member(struct compile *compile, const struct fhir_path *path, struct fhir_needs focus, struct fhir_expr *expr, struct fhir_needs *needs)
{
    struct fhir_needs in = {0};
    TRY(compile_path(compile, path->input, focus, &expr->input, &in));
    expr->name = path->name;
    expr->choice = path->choice;
    expr->slot = fhir_slot(compile->program, path->name, path->choice);
    if (expr->slot == 0)
        return no_memory(compile);
    return step(compile, in, path->name, path->choice, may_be_primitive(path->input), needs);
}

static enum err_code call_needs(struct compile *compile, const struct fhir_path *path, struct fhir_needs in, const struct fhir_needs *args, struct fhir_needs *needs)
{
    switch (fhir_function_info(path->function)->result) {
    case FHIR_RESULT_INPUT:
        if (path->function == FHIR_FUNCTION_IIF) {
            for (size_t arg = 1; arg < 3; arg++)
                for (size_t idx = 0; idx < args[arg].count; idx++)
                    TRY(add(compile, needs, args[arg].list[idx]));
            return ERR_OK;
        }
        if (path->function == FHIR_FUNCTION_DISTINCT && (path->known.type == FHIR_TYPE_COMPLEX || path->known.type == FHIR_TYPE_UNKNOWN))
            want_whole(in);
        *needs = in;
        return ERR_OK;
    case FHIR_RESULT_CHILD: {
        struct fhir_needs url = {0};
        TRY(step(compile, in, STR("extension"), false, may_be_primitive(path->input), needs));
        return step(compile, *needs, STR("url"), false, false, &url);
    }
    case FHIR_RESULT_KEY: {
        struct fhir_needs below = {0};
        for (size_t idx = 0; idx < in.count && path->function == FHIR_FUNCTION_REFERENCE_KEY; idx++) {
            TRY(child_of(compile, in.list[idx], "reference", &below));
            TRY(child_of(compile, in.list[idx], "type", &below));
        }
        for (size_t idx = 0; idx < in.count && path->function == FHIR_FUNCTION_RESOURCE_KEY; idx++)
            TRY(child_of(compile, in.list[idx], "id", &below));
        return ERR_OK;
    }
    case FHIR_RESULT_BOOLEAN:
    case FHIR_RESULT_STRING:
    case FHIR_RESULT_INTEGER:
    case FHIR_RESULT_BOUNDARY:
        return ERR_OK;
    }
    return ERR_OK;
}

static enum err_code compile_call(struct compile *compile, const struct fhir_path *path, struct fhir_needs focus, struct fhir_expr *expr, struct fhir_needs *needs)
{
    struct fhir_needs in = {0}, args[3] = {{0}};
    TRY(compile_path(compile, path->input, focus, &expr->input, &in));
    bool criteria = fhir_function_info(path->function)->rule == FHIR_ARGUMENT_CRITERIA;
    TRY(compile_args(compile, path, criteria ? in : focus, expr, args));
    return call_needs(compile, path, in, args, needs);
}

/* Equality of what is no primitive looks at all of it; but nothing of that kind equals a literal. */
static bool compares_whole(const struct fhir_path *path)
{
    enum fhir_operator operator_ = path->operator_;
    bool equality = operator_ == FHIR_EQUAL || operator_ == FHIR_NOT_EQUAL;
    if (equality && (path->args[0]->kind == FHIR_PATH_LITERAL || path->args[1]->kind == FHIR_PATH_LITERAL))
        return false;
    return operator_ == FHIR_EQUAL || operator_ == FHIR_NOT_EQUAL || operator_ == FHIR_EQUIVALENT || operator_ == FHIR_NOT_EQUIVALENT || operator_ == FHIR_IN ||
           operator_ == FHIR_CONTAINS || operator_ == FHIR_UNION;
}

static enum err_code compile_operator(struct compile *compile, const struct fhir_path *path, struct fhir_needs focus, struct fhir_expr *expr, struct fhir_needs *needs)
{
    struct fhir_needs args[3] = {{0}};
    TRY(compile_args(compile, path, focus, expr, args));
    for (size_t arg = 0; arg < path->arg_count; arg++) {
        enum fhir_type type = path->args[arg]->known.type;
        if (compares_whole(path) && (type == FHIR_TYPE_COMPLEX || type == FHIR_TYPE_UNKNOWN))
            want_whole(args[arg]);
        for (size_t idx = 0; path->operator_ == FHIR_UNION && idx < args[arg].count; idx++)
            TRY(add(compile, needs, args[arg].list[idx]));
    }
    return ERR_OK;
}

static enum err_code compile_path(struct compile *compile, const struct fhir_path *path, struct fhir_needs focus, const struct fhir_expr **ret, struct fhir_needs *needs)
{
    struct fhir_expr *expr = arena_alloc(compile->program->arena, sizeof *expr);
    struct fhir_path *folded = arena_alloc(compile->program->arena, sizeof *folded);
    if (expr == NULL || folded == NULL)
        return no_memory(compile);
    if (fold_choice(compile, path, folded))
        path = folded;
    expr->path = path;
    expr->type = path->known.type;
    *ret = expr;
    switch (path->kind) {
    case FHIR_PATH_THIS:
        *needs = focus;
        return ERR_OK;
    case FHIR_PATH_LITERAL:
        expr->literal = (struct fhir_item){.type = path->known.type, .text = path->literal};
        return ERR_OK;
    case FHIR_PATH_ROW_INDEX:
    case FHIR_PATH_EMPTY:
        return ERR_OK;
    case FHIR_PATH_MEMBER:
        return compile_member(compile, path, focus, expr, needs);
    case FHIR_PATH_INDEX: {
        struct fhir_needs args[3] = {{0}};
        TRY(compile_path(compile, path->input, focus, &expr->input, needs));
        return compile_args(compile, path, focus, expr, args);
    }
    case FHIR_PATH_CALL:
        return compile_call(compile, path, focus, expr, needs);
    case FHIR_PATH_OPERATOR:
        return compile_operator(compile, path, focus, expr, needs);
    }
    return ERR_OK;
}

enum err_code fhir_compile_path(struct fhir_program *program, const struct fhir_path *path, struct fhir_needs focus, bool whole, const struct fhir_expr **ret,
                                struct fhir_needs *ret_needs, struct err *err)
{
    struct compile compile = {program, err};
    *ret_needs = (struct fhir_needs){0};
    TRY(compile_path(&compile, path, focus, ret, ret_needs));
    if (whole)
        want_whole(*ret_needs);
    return ERR_OK;
}
