/* The quick form of an expression, compiled when all views are (so that all slots are known): what paths are mostly made of, as
 * steps that need no collecting. evaluate_quick.c runs it and declines where the data is unusual; what has no quick form has
 * quick NULL. Either way the expression itself (evaluate.c) has the last word.
 *
 *     code.coding.where(system = %loinc).code.first()     MEMBER code ▸ MEMBER coding ▸ WHERE (EQUAL: MEMBER system, text) ▸ MEMBER code ▸ FIRST ▸ END
 *
 * Not quick: a choice whose type the path does not say, an element that has its extensions looked at (_birthDate), what must see all items. */
#include <string.h>

#include "fhir/evaluate_priv.h"

struct quick_build {
    struct fhir_program *program;
    bool failed; /* no memory */
};

static const struct fhir_quick *quick_of(struct quick_build *build, const struct fhir_expr *expr);

static struct fhir_quick *quick_new(struct quick_build *build, enum fhir_quick_kind kind, const struct fhir_expr *expr)
{
    struct fhir_quick *quick = arena_alloc(build->program->arena, sizeof *quick);
    build->failed = build->failed || quick == NULL;
    if (quick != NULL)
        *quick = (struct fhir_quick){.kind = kind, .type = expr->type};
    return quick;
}

/* ---- steps ------------------------------------------------------------------------------------- */

static bool is_text_literal(const struct fhir_expr *expr)
{
    return expr->path->kind == FHIR_PATH_LITERAL && fhir_type_system(expr->literal.type) == FHIR_SYSTEM_STRING;
}

static bool call_step(struct quick_build *build, const struct fhir_expr *expr, struct fhir_quick_step *ret)
{
    static const struct {
        enum fhir_function function;
        enum fhir_quick_step_kind kind;
    } kinds[] = {
        {FHIR_FUNCTION_WHERE, FHIR_STEP_WHERE},
        {FHIR_FUNCTION_FIRST, FHIR_STEP_FIRST},
        {FHIR_FUNCTION_EXTENSION, FHIR_STEP_EXTENSION},
        {FHIR_FUNCTION_REFERENCE_KEY, FHIR_STEP_REFERENCE_KEY},
        {FHIR_FUNCTION_RESOURCE_KEY, FHIR_STEP_RESOURCE_KEY},
    };
    size_t idx = 0, count = sizeof kinds / sizeof *kinds;
    while (idx < count && kinds[idx].function != expr->path->function)
        idx++;
    if (idx == count)
        return false;
    ret->kind = kinds[idx].kind;
    ret->text = expr->path->name;
    if (ret->kind == FHIR_STEP_WHERE)
        ret->criteria = quick_of(build, expr->args[0]);
    if (ret->kind == FHIR_STEP_EXTENSION)
        ret->text = expr->args[0]->literal.text;
    return ret->kind == FHIR_STEP_WHERE ? ret->criteria != NULL : ret->kind != FHIR_STEP_EXTENSION || is_text_literal(expr->args[0]);
}

static bool step_of(struct quick_build *build, const struct fhir_expr *expr, struct fhir_quick_step *ret)
{
    *ret = (struct fhir_quick_step){.slot = expr->slot};
    if (expr->path->kind == FHIR_PATH_CALL)
        return call_step(build, expr, ret);
    ret->kind = FHIR_STEP_MEMBER;
    return expr->path->kind == FHIR_PATH_MEMBER && !expr->choice && build->program->slots[expr->slot].shadow == 0;
}

static bool makes_text(enum fhir_quick_step_kind kind)
{
    return kind == FHIR_STEP_REFERENCE_KEY || kind == FHIR_STEP_RESOURCE_KEY;
}

/* From this to expr. */
static const struct fhir_quick *chain_of(struct quick_build *build, const struct fhir_expr *expr)
{
    size_t count = 0;
    for (const struct fhir_expr *at = expr; at->path->kind != FHIR_PATH_THIS; at = at->input, count++)
        if (at->path->kind != FHIR_PATH_MEMBER && at->path->kind != FHIR_PATH_CALL)
            return NULL;
    struct fhir_quick *quick = quick_new(build, FHIR_QUICK_CHAIN, expr);
    struct fhir_quick_step *steps = arena_array(build->program->arena, count + 1, sizeof *steps);
    if (quick == NULL || steps == NULL) {
        build->failed = true;
        return NULL;
    }
    steps[count].kind = FHIR_STEP_END;
    for (size_t idx = count; idx-- > 0; expr = expr->input) {
        if (!step_of(build, expr, &steps[idx]) || (makes_text(steps[idx].kind) && steps[idx + 1].kind != FHIR_STEP_END && steps[idx + 1].kind != FHIR_STEP_FIRST))
            return NULL;
        quick->filters = quick->filters || steps[idx].kind == FHIR_STEP_WHERE;
    }
    quick->steps = steps;
    return quick;
}

/* ---- values and truths -------------------------------------------------------------------------- */

/* Are its items texts that compare as strings? Not dates: these compare by what they mean. */
static bool is_string(const struct fhir_expr *expr)
{
    enum fhir_system system = fhir_type_system(expr->type);
    return system == FHIR_SYSTEM_STRING || (system == FHIR_SYSTEM_NONE && expr->type == FHIR_TYPE_UNKNOWN);
}

static const struct fhir_quick *with_sides(struct quick_build *build, enum fhir_quick_kind kind, const struct fhir_expr *expr, const struct fhir_expr *a,
                                           const struct fhir_expr *b)
{
    struct fhir_quick *quick = quick_new(build, kind, expr);
    if (quick == NULL)
        return NULL;
    quick->sides[0] = a != NULL ? quick_of(build, a) : NULL;
    quick->sides[1] = b != NULL ? quick_of(build, b) : NULL;
    return (a != NULL && quick->sides[0] == NULL) || (b != NULL && quick->sides[1] == NULL) ? NULL : quick;
}

static bool is_boolean_literal(const struct fhir_expr *expr)
{
    return expr->path->kind == FHIR_PATH_LITERAL && fhir_type_system(expr->literal.type) == FHIR_SYSTEM_BOOLEAN;
}

/* path = 'text', path = true */
static const struct fhir_quick *equality_of(struct quick_build *build, const struct fhir_expr *expr)
{
    const struct fhir_expr *path = expr->args[0], *literal = expr->args[1];
    if (is_text_literal(path) || is_boolean_literal(path)) {
        path = expr->args[1];
        literal = expr->args[0];
    }
    bool boolean = is_boolean_literal(literal) && (path->type == FHIR_TYPE_BOOLEAN || path->type == FHIR_TYPE_UNKNOWN);
    if (!boolean && (!is_text_literal(literal) || !is_string(path)))
        return NULL;
    const struct fhir_quick *quick = with_sides(build, expr->path->operator_ == FHIR_EQUAL ? FHIR_QUICK_EQUAL : FHIR_QUICK_NOT_EQUAL, expr, path, literal);
    /* the other way looks at every item, and so finds what a filter says of it */
    return quick != NULL && quick->sides[0]->kind == FHIR_QUICK_CHAIN && !quick->sides[0]->filters ? quick : NULL;
}

static const struct fhir_quick *operator_of(struct quick_build *build, const struct fhir_expr *expr)
{
    enum fhir_operator operator_ = expr->path->operator_;
    if (operator_ == FHIR_EQUAL || operator_ == FHIR_NOT_EQUAL)
        return equality_of(build, expr);
    if (operator_ == FHIR_AND || operator_ == FHIR_OR)
        return with_sides(build, operator_ == FHIR_AND ? FHIR_QUICK_AND : FHIR_QUICK_OR, expr, expr->args[0], expr->args[1]);
    if (operator_ == FHIR_ADD && is_text_literal(expr->args[0]) && fhir_type_system(expr->args[1]->type) == FHIR_SYSTEM_STRING)
        return with_sides(build, FHIR_QUICK_JOIN, expr, expr->args[0], expr->args[1]);
    return NULL;
}

/* A branch that is seldom taken may have no quick form. */
static const struct fhir_quick *branch_of(struct quick_build *build, const struct fhir_expr *expr, bool *any)
{
    const struct fhir_quick *quick = quick_of(build, expr);
    *any = *any || quick != NULL;
    return quick != NULL ? quick : quick_new(build, FHIR_QUICK_NONE_OF_IT, expr);
}

static const struct fhir_quick *iif_of(struct quick_build *build, const struct fhir_expr *expr)
{
    struct fhir_quick *quick = quick_new(build, FHIR_QUICK_IIF, expr);
    if (quick == NULL)
        return NULL;
    quick->criterion = quick_of(build, expr->args[0]);
    bool any = false;
    quick->sides[0] = branch_of(build, expr->args[1], &any);
    quick->sides[1] = expr->path->arg_count > 2 ? branch_of(build, expr->args[2], &any) : NULL;
    return quick->criterion != NULL && any ? quick : NULL;
}

/* exists(criteria) is where(criteria).exists(), but looks at all items first. */
static const struct fhir_quick *exists_of(struct quick_build *build, const struct fhir_expr *expr, enum fhir_quick_kind kind)
{
    if (expr->path->arg_count > 0)
        return NULL;
    const struct fhir_quick *quick = with_sides(build, kind, expr, expr->input, NULL);
    return quick != NULL && quick->sides[0]->kind == FHIR_QUICK_CHAIN ? quick : NULL;
}

static const struct fhir_quick *call_of(struct quick_build *build, const struct fhir_expr *expr)
{
    enum fhir_function function = expr->path->function;
    if (function == FHIR_FUNCTION_EXISTS || function == FHIR_FUNCTION_EMPTY)
        return exists_of(build, expr, function == FHIR_FUNCTION_EXISTS ? FHIR_QUICK_EXISTS : FHIR_QUICK_EMPTY);
    if (function == FHIR_FUNCTION_NOT)
        return with_sides(build, FHIR_QUICK_NOT, expr, expr->input, NULL);
    if (function == FHIR_FUNCTION_IIF)
        return iif_of(build, expr);
    if (function == FHIR_FUNCTION_STARTS_WITH)
        return is_text_literal(expr->args[0]) ? with_sides(build, FHIR_QUICK_STARTS_WITH, expr, expr->input, expr->args[0]) : NULL;
    if (function == FHIR_FUNCTION_JOIN) {
        const struct fhir_quick *quick = with_sides(build, FHIR_QUICK_ONLY, expr, expr->input, NULL);
        return quick != NULL && quick->sides[0]->kind == FHIR_QUICK_CHAIN && !quick->sides[0]->filters ? quick : NULL;
    }
    return chain_of(build, expr);
}

static const struct fhir_quick *quick_of(struct quick_build *build, const struct fhir_expr *expr)
{
    switch (expr->path->kind) {
    case FHIR_PATH_LITERAL: {
        struct fhir_quick *quick = quick_new(build, FHIR_QUICK_LITERAL, expr);
        if (quick != NULL)
            quick->literal = expr->literal;
        return quick;
    }
    case FHIR_PATH_OPERATOR:
        return operator_of(build, expr);
    case FHIR_PATH_CALL:
        return call_of(build, expr);
    case FHIR_PATH_THIS:
    case FHIR_PATH_MEMBER:
        return chain_of(build, expr);
    case FHIR_PATH_ROW_INDEX:
    case FHIR_PATH_EMPTY:
    case FHIR_PATH_INDEX:
        return NULL;
    }
    return NULL;
}

/* ---- views ------------------------------------------------------------------------------------- */

static void quicken_block(struct quick_build *build, const struct fhir_block *block)
{
    for (size_t idx = 0; idx < block->select->column_count; idx++) {
        struct fhir_block_column *column = &block->columns[idx];
        enum fhir_system system = fhir_type_system(column->declared);
        bool texts = system != FHIR_SYSTEM_BOOLEAN && system != FHIR_SYSTEM_INTEGER && system != FHIR_SYSTEM_DECIMAL;
        column->takes_text = column->about->type.kind == DATA_TEXT && (texts || column->declared == FHIR_TYPE_INTEGER64);
        if (!column->collection && !column->row_index)
            column->quick = quick_of(build, column->expr);
    }
    for (size_t idx = 0; idx < block->select->select_count; idx++)
        quicken_block(build, block->selects[idx]);
    for (size_t idx = 0; idx < block->select->union_count; idx++)
        quicken_block(build, block->unions[idx]);
}

enum err_code fhir_program_quicken(struct fhir_program *program, struct err *err)
{
    struct quick_build build = {.program = program};
    for (size_t idx = 0; idx < program->view_count; idx++) {
        struct fhir_view_program *view = &program->views[idx];
        const struct fhir_quick **where = arena_array(program->arena, view->view->where_count + 1, sizeof(struct fhir_quick *));
        for (size_t at = 0; where != NULL && at < view->view->where_count; at++)
            where[at] = quick_of(&build, view->where[at]);
        view->quick_where = where;
        build.failed = build.failed || where == NULL;
        quicken_block(&build, view->root);
    }
    return build.failed ? err_set(err, ERR_MEMORY, "no memory to compile views") : ERR_OK;
}
