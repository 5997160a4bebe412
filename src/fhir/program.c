/* Views of one resource type compiled into one pass: every path to an expression, all that they look at to one field tree, so
 * that each resource is read once for all of them. */
#include <string.h>

#include "fhir/evaluate_priv.h"

struct build {
    struct fhir_program *program;
    struct fhir_view_program *view;
    bool *seen; /* by output: a column fills it already */
    struct err *err;
};

static enum err_code no_memory(struct build *build)
{
    return err_set(build->err, ERR_MEMORY, "no memory to compile views");
}

/* JSON cells are the source text of what they hold; so are those of columns whose declared type says so. */
static bool column_is_whole(const struct fhir_view_column *column, const struct fhir_path *path)
{
    return column->type.kind == DATA_JSON && fhir_type_system(path->known.type) == FHIR_SYSTEM_NONE;
}

static enum err_code build_columns(struct build *build, const struct fhir_select *select, struct fhir_needs focus, struct fhir_block *block)
{
    struct fhir_block_column *columns = arena_array(build->program->arena, select->column_count + 1, sizeof *columns);
    if (columns == NULL)
        return no_memory(build);
    for (size_t idx = 0; idx < select->column_count; idx++) {
        const struct fhir_select_column *column = &select->columns[idx];
        struct fhir_needs needs;
        bool row_index = column->path->kind == FHIR_PATH_ROW_INDEX;
        columns[idx].output = column->output;
        columns[idx].about = &build->view->view->columns[column->output];
        columns[idx].declared = fhir_type_find(str_of(columns[idx].about->fhir_type));
        columns[idx].collection = column->collection;
        columns[idx].row_index = row_index;
        build->view->index_only[column->output] = row_index && (!build->seen[column->output] || build->view->index_only[column->output]);
        build->seen[column->output] = true;
        TRY(fhir_compile_path(build->program, column->path, focus, column_is_whole(&build->view->view->columns[column->output], column->path), &columns[idx].expr, &needs,
                              build->err));
    }
    block->columns = columns;
    return ERR_OK;
}

/* What the items of a select are evaluated on. A repeat goes down without end: what it leads to is kept whole. */
static enum err_code build_iteration(struct build *build, const struct fhir_select *select, struct fhir_needs focus, struct fhir_block *block, struct fhir_needs *ret)
{
    struct fhir_program *program = build->program;
    const struct fhir_expr **iterates = arena_array(program->arena, select->iterate_count + 1, sizeof(struct fhir_expr *));
    struct fhir_needs all = {0};
    if (iterates == NULL)
        return no_memory(build);
    for (size_t idx = 0; idx < select->iterate_count; idx++) {
        struct fhir_needs needs;
        TRY(fhir_compile_path(program, select->iterates[idx], focus, select->iteration == FHIR_REPEAT, &iterates[idx], &needs, build->err));
        struct fhir_need **both = arena_array(program->arena, all.count + needs.count + 1, sizeof(struct fhir_need *));
        if (both == NULL)
            return no_memory(build);
        if (all.count > 0)
            memcpy(both, all.list, all.count * sizeof(struct fhir_need *));
        if (needs.count > 0)
            memcpy(both + all.count, needs.list, needs.count * sizeof(struct fhir_need *));
        all = (struct fhir_needs){both, all.count + needs.count};
    }
    block->iterates = iterates;
    *ret = select->iteration == FHIR_NO_ITERATION ? focus : all;
    return ERR_OK;
}

static enum err_code build_block(struct build *build, const struct fhir_select *select, struct fhir_needs focus, const struct fhir_block **ret)
{
    struct fhir_program *program = build->program;
    struct fhir_block *block = arena_alloc(program->arena, sizeof *block);
    const struct fhir_block **selects = arena_array(program->arena, select->select_count + 1, sizeof(struct fhir_block *));
    const struct fhir_block **unions = arena_array(program->arena, select->union_count + 1, sizeof(struct fhir_block *));
    if (block == NULL || selects == NULL || unions == NULL)
        return no_memory(build);
    block->select = select;
    block->selects = selects;
    block->unions = unions;
    struct fhir_needs inner;
    TRY(build_iteration(build, select, focus, block, &inner));
    TRY(build_columns(build, select, inner, block));
    for (size_t idx = 0; idx < select->select_count; idx++)
        TRY(build_block(build, select->selects[idx], inner, &selects[idx]));
    for (size_t idx = 0; idx < select->union_count; idx++)
        TRY(build_block(build, select->unions[idx], inner, &unions[idx]));
    *ret = block;
    return ERR_OK;
}

static enum err_code build_schema(struct build *build)
{
    struct data_schema *schema = &build->view->schema;
    const struct fhir_view *view = build->view->view;
    if (build->program->options.resource_id)
        TRY(data_schema_add(schema, STR("marrow_resource"), DATA_TYPE(TEXT), build->err));
    for (size_t idx = 0; idx < view->column_count; idx++) {
        const struct fhir_view_column *column = &view->columns[idx];
        if (build->program->options.resource_id && str_equal_nocase(str_of(column->name), STR("marrow_resource"))) {
            err_set(build->err, ERR_INPUT, "view %s: a column marrow_resource: a kept view has one of this name that says of which resource a row is", view->name);
            return err_hint(build->err, "give the column another name, or run the view without keeping it ('marrow view run')");
        }
        TRY(data_schema_add(schema, str_of(column->name), column->type, build->err));
        struct data_column *added = &schema->columns[schema->count - 1];
        if (column->description != NULL && column->description[0] != '\0' && (added->label = mem_strdup(column->description)) == NULL)
            return no_memory(build);
    }
    return ERR_OK;
}

static enum err_code build_view(struct build *build, struct fhir_need *root)
{
    const struct fhir_view *view = build->view->view;
    struct fhir_needs focus = {.list = &root, .count = 1};
    const struct fhir_expr **where = arena_array(build->program->arena, view->where_count + 1, sizeof(struct fhir_expr *));
    build->view->index_only = arena_array(build->program->arena, view->column_count + 1, sizeof(bool));
    build->seen = arena_array(build->program->arena, view->column_count + 1, sizeof(bool));
    if (where == NULL || build->view->index_only == NULL || build->seen == NULL)
        return no_memory(build);
    build->view->where = where;
    for (size_t idx = 0; idx < view->where_count; idx++) {
        struct fhir_needs needs;
        TRY(fhir_compile_path(build->program, view->where[idx], focus, false, &where[idx], &needs, build->err));
    }
    TRY(build_block(build, view->root, focus, &build->view->root));
    return build_schema(build);
}

/* The members that the evaluator itself asks for. */
static bool well_known(struct fhir_program *program, struct fhir_need *root)
{
    program->slot_type = fhir_slot(program, STR("resourceType"), false);
    program->slot_id = fhir_slot(program, STR("id"), false);
    program->slot_url = fhir_slot(program, STR("url"), false);
    program->slot_extension = fhir_slot(program, STR("extension"), false);
    program->slot_reference = fhir_slot(program, STR("reference"), false);
    program->slot_reference_type = fhir_slot(program, STR("type"), false);
    return fhir_need_child(program, root, STR("resourceType"), false) != NULL && fhir_need_child(program, root, STR("id"), false) != NULL;
}

enum err_code fhir_program_new(const struct fhir_view *const *views, size_t count, const struct fhir_program_options *options, struct fhir_program **ret, struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(fhir_program_free) struct fhir_program *program = mem_zalloc(1, sizeof *program);
    struct fhir_need *root = arena_alloc(arena, sizeof *root);
    if (program == NULL || root == NULL)
        return err_set(err, ERR_MEMORY, "no memory to compile views");
    program->arena = arena;
    arena = NULL;
    program->options = options != NULL ? *options : (struct fhir_program_options){0};
    program->views = arena_array(program->arena, count + 1, sizeof *program->views);
    if (program->views == NULL || !well_known(program, root))
        return err_set(err, ERR_MEMORY, "no memory to compile views");
    program->resource = count > 0 ? views[0]->resource : "";
    for (size_t idx = 0; idx < count; idx++) {
        struct build build = {.program = program, .view = &program->views[idx], .err = err};
        if (strcmp(views[idx]->resource, program->resource) != 0)
            return err_set(err, ERR_USAGE, "views of %s and of %s in one pass", program->resource, views[idx]->resource);
        build.view->view = views[idx];
        program->view_count = idx + 1;
        TRY(build_view(&build, root));
    }
    TRY(fhir_needs_fields(program, root, err));
    TRY(fhir_program_quicken(program, err));
    *ret = program;
    program = NULL;
    return ERR_OK;
}

void fhir_program_free(struct fhir_program *program)
{
    if (program == NULL)
        return;
    for (size_t idx = 0; idx < program->view_count; idx++)
        data_schema_done(&program->views[idx].schema);
    arena_free(program->arena);
    mem_free(program);
}

size_t fhir_program_view_count(const struct fhir_program *program)
{
    return program->view_count;
}

const struct data_schema *fhir_program_schema(const struct fhir_program *program, size_t idx)
{
    return idx < program->view_count ? &program->views[idx].schema : NULL;
}
