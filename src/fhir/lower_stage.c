/* Stages: what the columns of a select read of their focus, each part taken out once and named, so
 * that the SQL is short and a resource is searched once for each.
 *
 *     resource → subject_reference = json_path(resource, "subject.reference")
 *                code_coding = json_items(json_path(resource, "code.coding"))
 *     let(value, body) of a column → a column of the value, in a stage of its own, and the body */
#include "fhir/lower_priv.h"

#include <string.h>
#include <strings.h>

#define NAME_MOST 56 /* bytes: PostgreSQL cuts names at 63 */

struct stage {
    struct plan *plan;
    const struct plan_rel *before, *rel; /* rel: with the parts */
    struct plan_named *parts;
    size_t count, cap;
};

const struct plan_rel *fhir_lower_with(struct plan *plan, const struct plan_rel *rel,
                                       const struct plan_named *more, size_t count)
{
    if (rel == NULL)
        return NULL;
    struct plan_named *all = plan_named_array(plan, rel->column_count + count);
    size_t at = 0;
    for (size_t i = 0; all != NULL && i < rel->column_count; i++) {
        bool replaced = false;
        for (size_t j = 0; j < count; j++)
            replaced = replaced || strcmp(more[j].name, rel->columns[i].name) == 0;
        if (!replaced)
            all[at++] = (struct plan_named){rel->columns[i].name,
                                            plan_column(plan, rel, rel->columns[i].name)};
    }
    for (size_t j = 0; all != NULL && j < count; j++)
        all[at++] = more[j];
    return all == NULL ? NULL : plan_project(plan, rel, all, at);
}

/* ---- what is staged ----------------------------------------------------------------------------
 */

static bool is_call(fhir_sql expr, enum plan_function_id id)
{
    return expr->kind == PLAN_CALL && expr->function->id == id;
}

/* The path of json_path(column, path) or of json_items of that; NULL: it is neither. */
static const char *path_of(fhir_sql expr)
{
    if (is_call(expr, PLAN_FUNCTION_JSON_ITEMS))
        expr = expr->args[0];
    bool path = is_call(expr, PLAN_FUNCTION_JSON_PATH) && expr->args[0]->kind == PLAN_COLUMN &&
                expr->args[1]->kind == PLAN_LITERAL;
    return path ? expr->args[1]->literal : NULL;
}

static bool same(fhir_sql a, fhir_sql b)
{
    fhir_sql x = is_call(a, PLAN_FUNCTION_JSON_ITEMS) ? a->args[0] : a,
             y = is_call(b, PLAN_FUNCTION_JSON_ITEMS) ? b->args[0] : b;
    return (x == a) == (y == b) && x->args[0]->idx == y->args[0]->idx &&
           strcmp(path_of(a), path_of(b)) == 0;
}

static const struct plan_named *staged(const struct stage *stage, fhir_sql expr)
{
    for (size_t i = 0; i < stage->count; i++)
        if (same(stage->parts[i].expr, expr))
            return &stage->parts[i];
    return NULL;
}

static bool is_taken(const struct stage *stage, const char *name)
{
    for (size_t i = 0; i < stage->before->column_count; i++)
        if (strcasecmp(stage->before->columns[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < stage->count; i++)
        if (strcasecmp(stage->parts[i].name, name) == 0)
            return true;
    return false;
}

/* "subject.reference" → subject_reference, and more where that is taken */
static const char *name_of(const struct stage *stage, const char *path)
{
    size_t length = strlen(path);
    char *name = arena_printf(plan_arena(stage->plan), "%s",
                              length > NAME_MOST ? path + length - NAME_MOST : path);
    if (name == NULL)
        return NULL;
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '.' ? '_' : *at;
    const char *made = name;
    for (unsigned number = 1; made != NULL && is_taken(stage, made); number++)
        made = number == 1 ? arena_printf(plan_arena(stage->plan), "%s_json", name)
                           : arena_printf(plan_arena(stage->plan), "%s_json%u", name, number);
    return made;
}

static void add(struct stage *stage, const char *name, fhir_sql expr)
{
    if (stage->count == stage->cap) {
        size_t cap = stage->cap == 0 ? 32 : 2 * stage->cap;
        struct plan_named *parts = plan_named_array(stage->plan, cap);
        if (parts == NULL)
            return;
        if (stage->count > 0)
            memcpy(parts, stage->parts, stage->count * sizeof *parts);
        stage->parts = parts;
        stage->cap = cap;
    }
    if (name != NULL)
        stage->parts[stage->count++] = (struct plan_named){name, expr};
}

static void collect(struct stage *stage, fhir_sql expr)
{
    const char *path = expr != NULL ? path_of(expr) : NULL;
    if (path != NULL) {
        if (staged(stage, expr) == NULL)
            add(stage, name_of(stage, path), expr);
        return;
    }
    for (size_t i = 0; expr != NULL && i < expr->arg_count; i++)
        collect(stage, expr->args[i]);
}

/* ---- expressions over the stage -----------------------------------------------------------------
 */

static fhir_sql rebuilt(struct plan *plan, fhir_sql expr, const fhir_sql *args)
{
    for (size_t i = 0; i < expr->arg_count; i++)
        if (args == NULL || args[i] == NULL)
            return NULL;
    if (expr->kind == PLAN_CAST)
        return plan_cast(plan, args[0], expr->type, expr->try_cast);
    return expr->kind == PLAN_CASE ? plan_case(plan, expr->arg_count, args)
                                   : plan_call(plan, expr->function->name, expr->arg_count, args);
}

static fhir_sql over(const struct stage *stage, fhir_sql expr)
{
    if (expr == NULL)
        return NULL;
    const struct plan_named *part = path_of(expr) != NULL ? staged(stage, expr) : NULL;
    if (part != NULL)
        return plan_column(stage->plan, stage->rel, part->name);
    if (expr->kind == PLAN_COLUMN)
        return plan_column(stage->plan, stage->rel, stage->before->columns[expr->idx].name);
    if (expr->arg_count == 0)
        return expr;
    fhir_sql *args = arena_array(plan_arena(stage->plan), expr->arg_count, sizeof *args);
    for (size_t i = 0; args != NULL && i < expr->arg_count; i++)
        args[i] = over(stage, expr->args[i]);
    return rebuilt(stage->plan, expr, args);
}

/* The body of a let with the value's column for the element. */
static fhir_sql body_over(const struct stage *stage, fhir_sql expr, size_t depth, fhir_sql value)
{
    if (expr == NULL)
        return NULL;
    if (expr->kind == PLAN_ELEMENT)
        return expr->idx == depth ? value : expr;
    if (expr->arg_count == 0)
        return over(stage, expr);
    fhir_sql *args = arena_array(plan_arena(stage->plan), expr->arg_count, sizeof *args);
    for (size_t i = 0; args != NULL && i < expr->arg_count; i++) {
        bool body = plan_binds(expr) && i + 1 == expr->arg_count;
        args[i] = body_over(stage, expr->args[i], depth + body, value);
    }
    return rebuilt(stage->plan, expr, args);
}

static bool finish(struct stage *stage, const struct plan_rel **rel, const char *label)
{
    stage->rel = fhir_lower_with(stage->plan, *rel, stage->parts, stage->count);
    if (stage->rel != NULL)
        stage->rel = plan_label(stage->plan, stage->rel, label);
    *rel = stage->rel;
    return stage->rel != NULL;
}

/* The values that columns give names to before they look at them. */
static bool stage_values(struct plan *plan, const struct plan_rel **rel, struct plan_named *named,
                         size_t count)
{
    struct stage stage = {.plan = plan, .before = *rel};
    for (size_t i = 0; i < count; i++) {
        fhir_sql expr = named[i].expr;
        const char *name = arena_printf(plan_arena(plan), "%s_found", named[i].name + 4);
        if (expr != NULL && is_call(expr, PLAN_FUNCTION_LET) && name != NULL &&
            !is_taken(&stage, name))
            add(&stage, name, expr->args[0]);
    }
    if (stage.count == 0)
        return true;
    if (!finish(&stage, rel, "found"))
        return false;
    for (size_t i = 0, at = 0; i < count; i++) {
        fhir_sql expr = named[i].expr;
        bool let = at < stage.count && expr != NULL && is_call(expr, PLAN_FUNCTION_LET) &&
                   expr->args[0] == stage.parts[at].expr;
        named[i].expr = let ? body_over(&stage, expr->args[1], 0,
                                        plan_column(plan, stage.rel, stage.parts[at].name))
                            : over(&stage, expr);
        at += let;
    }
    return true;
}

bool fhir_lower_stage(struct plan *plan, const struct plan_rel **rel, const char *label,
                      struct plan_named *named, size_t count)
{
    struct stage stage = {.plan = plan, .before = *rel};
    for (size_t i = 0; i < count; i++)
        collect(&stage, named[i].expr);
    if (stage.count > 0) {
        if (!finish(&stage, rel, label))
            return false;
        for (size_t i = 0; i < count; i++)
            named[i].expr = over(&stage, named[i].expr);
    }
    return stage_values(plan, rel, named, count);
}
