/* One resource's rows of one view, by the specification's "Processing": a select's foci, for each its columns, then what stands
 * beneath, side by side.
 *
 *     columns ─▶ nested select 1 ─▶ nested select 2 ─▶ unionAll ─▶ what is still to be done of the select around it ─▶ … ─▶ a row
 *
 * The cartesian product is nested loops: each part, when it has a row, goes on with the next. What is left to do is a chain of
 * `struct rest` on the stack; cells hold the row as far as it is known. */
#include <string.h>

#include "fhir/evaluate_priv.h"

struct rest { /* of the selects around: go on with part of block at focus */
    const struct fhir_block *block;
    const struct fhir_focus *focus;
    size_t part; /* nested select 0 …, then the unions */
    const struct rest *outer;
};

static bool go_on(struct fhir_rows *rows, const struct rest *rest);

/* A column's error, or under FHIR_NULL a null. */
static bool broken(struct fhir_rows *rows, const struct fhir_view_column *column, const char *how, struct fhir_cell *cell)
{
    if (rows->eval.code != ERR_OK && rows->eval.code != ERR_INPUT)
        return false;
    if (rows->eval.program->options.on_error == FHIR_NULL) {
        rows->eval.code = ERR_OK;
        if (rows->nulled++ == 0)
            rows->nulled_column = column->name;
        cell->valid = false;
        return true;
    }
    if (rows->eval.code == ERR_OK)
        fhir_eval_fail(&rows->eval, ERR_INPUT, "%s", how);
    rows->eval.code = err_context(rows->eval.err, "column %s", column->name);
    if (strcmp(how, "several values where one is expected") == 0)
        err_hint(rows->eval.err, "take one of them (.first(), .where(…)), iterate over them (forEach), or declare \"collection\": true; " FHIR_HINT_NULL);
    else
        err_hint(rows->eval.err, FHIR_HINT_NULL);
    return false;
}

/* The cell by the column's quick form. False: it declined. */
static bool quick_cell(struct fhir_rows *rows, const struct fhir_block_column *column, const struct fhir_item *this_, struct fhir_cell *cell)
{
    struct fhir_item item;
    if (this_->node == NULL || this_->node->kind != JSON_NODE_OBJECT || this_->shadow != NULL)
        return false;
    enum fhir_quick_found found = fhir_quick_value_of(&rows->eval, column->quick, this_->node, &item);
    cell->valid = false;
    if (found != FHIR_QUICK_ONE)
        return found == FHIR_QUICK_NONE;
    if (column->takes_text && (item.node != NULL ? item.node->kind == JSON_NODE_STRING : item.type == FHIR_TYPE_STRING)) {
        cell->valid = true;
        cell->text = item.text;
        return true;
    }
    struct fhir_items items;
    items.list = &item;
    items.count = 1;
    return fhir_cell_of(&rows->eval, column, &items, cell) == NULL && rows->eval.code == ERR_OK;
}

bool fhir_column_cell(struct fhir_rows *rows, const struct fhir_block_column *column, const struct fhir_focus *focus, struct fhir_cell *cell)
{
    if (column->row_index && column->about->type.kind == DATA_BIGINT) {
        cell->valid = true;
        cell->i64 = focus->row_index;
        return true;
    }
    if (column->quick != NULL && quick_cell(rows, column, &focus->this_, cell))
        return true;
    struct fhir_items items;
    const char *wrong = "";
    if (fhir_collect(&rows->eval, column->expr, focus, column->collection ? 0 : 2, &items))
        wrong = fhir_cell_of(&rows->eval, column, &items, cell);
    return (wrong == NULL && rows->eval.code == ERR_OK) || broken(rows, column->about, wrong != NULL ? wrong : "", cell);
}

static bool set_columns(struct fhir_rows *rows, const struct fhir_block *block, const struct fhir_focus *focus)
{
    for (size_t idx = 0; idx < block->select->column_count; idx++) {
        const struct fhir_block_column *column = &block->columns[idx];
        if (!fhir_column_cell(rows, column, focus, &rows->cells[column->output]))
            return false;
        if (rows->recording != NULL)
            fhir_record_column(rows, column, focus);
    }
    return true;
}

/* ---- parts ------------------------------------------------------------------------------------- */

static bool run_block(struct fhir_rows *rows, const struct fhir_block *block, const struct fhir_focus *focus, const struct rest *rest);

/* One focus of a block. */
static bool run_focus(struct fhir_rows *rows, const struct fhir_block *block, const struct fhir_focus *focus, const struct rest *rest)
{
    struct rest parts = {.block = block, .focus = focus, .part = 0, .outer = rest};
    return set_columns(rows, block, focus) && go_on(rows, &parts);
}

static bool run_unions(struct fhir_rows *rows, const struct rest *rest)
{
    const struct fhir_block *block = rest->block;
    if (block->select->union_count == 0)
        return go_on(rows, rest->outer);
    for (size_t idx = 0; idx < block->select->union_count; idx++)
        if (!run_block(rows, block->unions[idx], rest->focus, rest->outer))
            return false;
    return true;
}

static bool go_on(struct fhir_rows *rows, const struct rest *rest)
{
    if (rest == NULL) {
        if (rows->count++ >= FHIR_LIMIT_ROWS_PER_RESOURCE)
            return fhir_eval_fail(&rows->eval, ERR_LIMIT, "more than %d rows of one resource", FHIR_LIMIT_ROWS_PER_RESOURCE);
        if (rows->recording != NULL)
            fhir_record_row(rows);
        return rows->row(rows);
    }
    if (rest->part >= rest->block->select->select_count)
        return run_unions(rows, rest);
    struct rest next = *rest;
    next.part++;
    return run_block(rows, rest->block->selects[rest->part], rest->focus, &next);
}

/* ---- iterations -------------------------------------------------------------------------------- */

struct iteration {
    struct fhir_emit emit;
    struct fhir_rows *rows;
    const struct fhir_block *block;
    const struct rest *rest;
    int64_t *index;
    int depth;
};

static bool emit_focus(struct fhir_emit *self, const struct fhir_item *item)
{
    struct iteration *iteration = (struct iteration *)self;
    struct fhir_focus focus = {.this_ = *item, .row_index = (*iteration->index)++};
    return run_focus(iteration->rows, iteration->block, &focus, iteration->rest);
}

static bool descend(struct iteration *iteration, const struct fhir_focus *focus);

static bool emit_descent(struct fhir_emit *self, const struct fhir_item *item)
{
    struct iteration *iteration = (struct iteration *)self;
    struct fhir_focus focus = {.this_ = *item, .row_index = *iteration->index};
    return emit_focus(self, item) && descend(iteration, &focus);
}

/* repeat: each child, and then what is below it, before the next child. */
static bool descend(struct iteration *iteration, const struct fhir_focus *focus)
{
    struct iteration below = *iteration;
    below.emit.item = emit_descent;
    if (++below.depth > FHIR_LIMIT_REPEAT_DEPTH + 1)
        return fhir_eval_fail(&iteration->rows->eval, ERR_LIMIT, "%s.repeat: elements nested deeper than %d", iteration->block->select->where_in_view, FHIR_LIMIT_REPEAT_DEPTH);
    for (size_t idx = 0; idx < below.block->select->iterate_count; idx++)
        if (!fhir_each(&below.rows->eval, below.block->iterates[idx], focus, &below.emit))
            return false;
    return true;
}

/* forEachOrNull over nothing: one row, everything beneath null but %rowIndex. */
static bool run_nothing(struct fhir_rows *rows, const struct fhir_block *block, const struct rest *rest)
{
    const struct fhir_select *select = block->select;
    for (size_t idx = 0; idx < select->output_count; idx++) {
        size_t output = select->outputs[idx];
        struct fhir_cell *cell = &rows->cells[output];
        cell->valid = rows->view->index_only[output] && rows->view->view->columns[output].type.kind == DATA_BIGINT;
        cell->i64 = 0;
        if (rows->recording != NULL)
            fhir_record_nothing(rows, output, cell->valid);
    }
    return go_on(rows, rest);
}

static bool run_block(struct fhir_rows *rows, const struct fhir_block *block, const struct fhir_focus *focus, const struct rest *rest)
{
    int64_t index = 0;
    struct iteration iteration = {{emit_focus}, rows, block, rest, &index, 0};
    switch (block->select->iteration) {
    case FHIR_NO_ITERATION:
        return run_focus(rows, block, focus, rest);
    case FHIR_FOR_EACH:
        return fhir_each(&rows->eval, block->iterates[0], focus, &iteration.emit);
    case FHIR_FOR_EACH_OR_NULL:
        if (!fhir_each(&rows->eval, block->iterates[0], focus, &iteration.emit))
            return false;
        return index > 0 || run_nothing(rows, block, rest);
    case FHIR_REPEAT:
        return descend(&iteration, focus);
    }
    return true;
}

bool fhir_rows_of(struct fhir_rows *rows, const struct fhir_item *resource)
{
    struct fhir_focus focus = {.this_ = *resource};
    for (size_t idx = 0; idx < rows->view->view->where_count; idx++) {
        const struct fhir_quick *quick = rows->view->quick_where[idx];
        enum fhir_quick_truth early = quick != NULL ? fhir_quick_truth_of(&rows->eval, quick, resource->node) : FHIR_QUICK_DECLINED;
        if (early == FHIR_QUICK_TRUE)
            continue;
        if (early != FHIR_QUICK_DECLINED)
            return true;
        enum fhir_truth truth = fhir_truth_of(&rows->eval, rows->view->where[idx], &focus, "where");
        if (rows->eval.code != ERR_OK)
            return false;
        if (truth != FHIR_TRUE)
            return true;
    }
    return run_block(rows, rows->view->root, &focus, NULL) && rows->eval.code == ERR_OK;
}
