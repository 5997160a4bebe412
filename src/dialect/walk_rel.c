/* Relations → blocks: each node is folded into its input's block where SQL's order of clauses
 * (FROM, WHERE, GROUP BY, HAVING, windows, DISTINCT, ORDER BY, LIMIT) allows it, else the input
 * becomes a CTE. Worked example:
 *
 *     aggregate by patient_id: n = count_rows()          SELECT patient_id, count(*) AS n
 *       project patient_id                          →    FROM labs
 *         filter value > 5                               WHERE value > 5
 *           scan labs                                    GROUP BY patient_id
 *
 * A long expression is never written twice: where its reader would use it more than once, its block
 * is closed first. Order is kept through a limit and through projects that keep the sort's columns;
 * elsewhere a relation is a bag. */
#include "dialect/emit_priv.h"

#include <string.h>

bool emit_is_cte(const struct emit *emit, const struct plan_rel *rel)
{
    return rel->kind != PLAN_SCAN && (rel->label != NULL || emit->uses[rel->id] > 1);
}

/* ---- sources ------------------------------------------------------------------------------------
 */

/* A block that reads all of the table expression. table NULL: a CTE of that name. */
static struct block *block_from(struct emit *emit, const struct plan_rel *rel, const char *name,
                                const char *table, struct aliases **aliases)
{
    struct block *block = block_new(emit);
    struct piece *columns = arena_array(emit->arena, rel->column_count, sizeof *columns);
    if (block == NULL || columns == NULL) {
        emit->failed = true;
        return NULL;
    }
    const char *wish =
        rel->kind == PLAN_SCAN && rel->label != NULL && rel->label[0] != '\0' ? rel->label : name;
    const char *alias = aliases != NULL ? emit_unique(emit, aliases, wish) : wish;
    struct buf *text = &emit->scratch;
    dialect_quote_identifier(emit->dialect, str_of(alias), text);
    struct str alias_text = emit_copy(emit, text);
    if (table != NULL && emit->options != NULL && emit->options->table != NULL)
        emit->options->table(emit->options->user, table, text);
    else
        dialect_quote_identifier(emit->dialect, str_of(name), text);
    if (!str_equal(buf_view(text), alias_text)) {
        buf_puts(text, " AS ");
        buf_add_str(text, alias_text);
    }
    block->source = emit_copy(emit, text);
    lines_add(emit, &block->from, block->source, PRECEDENCE_ATOM);
    for (size_t i = 0; i < rel->column_count; i++) {
        columns[i].precedence = PRECEDENCE_ATOM;
        columns[i].column = rel->columns[i].name;
        if (aliases != NULL) {
            buf_add_str(text, alias_text);
            buf_putc(text, '.');
        }
        dialect_quote_identifier(emit->dialect, str_of(rel->columns[i].name), text);
        columns[i].text = emit_copy(emit, text);
    }
    block->columns = columns;
    block->column_count = rel->column_count;
    block->base = name;
    block->aliases = aliases;
    return block;
}

/* A block over "(…)", a table written out, with its columns named. */
static struct block *block_from_text(struct emit *emit, const struct plan_rel *rel,
                                     struct buf *text, struct aliases **aliases)
{
    const char *wish = rel->label != NULL && rel->label[0] != '\0' ? rel->label : "listed";
    const char *name = aliases != NULL ? wish : emit_unique(emit, &emit->taken, wish);
    struct block *block = block_from(emit, rel, name, NULL, aliases);
    if (block == NULL)
        return NULL;
    const char *alias = aliases != NULL ? (*aliases)->name : name; /* the newest */
    buf_puts(text, " AS ");
    dialect_quote_identifier(emit->dialect, str_of(alias), text);
    buf_putc(text, '(');
    for (size_t i = 0; i < rel->column_count; i++) {
        buf_puts(text, i > 0 ? ", " : "");
        dialect_quote_identifier(emit->dialect, str_of(rel->columns[i].name), text);
    }
    buf_putc(text, ')');
    block->source = emit_copy(emit, text);
    buf_done(text);
    block->from.first->text = block->source;
    return block;
}

struct block *emit_fold(struct emit *emit, struct block *block, const struct plan_rel *rel,
                        struct aliases **aliases)
{
    if (block == NULL)
        return NULL;
    const char *base = block->base;
    struct block *fresh = block_from(emit, rel, block_close(emit, block, rel), NULL, aliases);
    if (fresh != NULL && base != NULL)
        fresh->base = base;
    return fresh;
}

struct block *emit_rel(struct emit *emit, const struct plan_rel *rel, struct aliases **aliases)
{
    if (emit->failed)
        return NULL;
    if (!emit_is_cte(emit, rel))
        return emit_body(emit, rel, aliases);
    if (emit->cte_of[rel->id] == NULL) {
        struct block *block = emit_body(emit, rel, NULL);
        emit->cte_of[rel->id] = block_close(emit, block, rel);
        emit->base_of[rel->id] = block == NULL || rel->label != NULL ? NULL : block->base;
    }
    struct block *fresh =
        emit->failed ? NULL : block_from(emit, rel, emit->cte_of[rel->id], NULL, aliases);
    if (fresh != NULL && emit->base_of[rel->id] != NULL)
        fresh->base = emit->base_of[rel->id];
    return fresh;
}

/* ---- would a long expression be repeated?
 * -------------------------------------------------------- */

static void count_columns(const struct plan_expr *expr, uint32_t *counts)
{
    if (expr->kind == PLAN_COLUMN)
        counts[expr->idx]++;
    for (size_t i = 0; i < expr->arg_count; i++)
        count_columns(expr->args[i], counts);
    for (size_t i = 0; i < expr->partition_count; i++)
        count_columns(expr->partition[i], counts);
    for (size_t i = 0; i < expr->order_count; i++)
        count_columns(expr->order[i].expr, counts);
    if (expr->where != NULL)
        count_columns(expr->where, counts);
}

static bool has_long_piece(const struct block *block)
{
    for (size_t i = 0; i < block->column_count; i++)
        if (block->columns[i].text.len > EMIT_SHORT_BYTES && block->columns[i].column == NULL)
            return true;
    return false;
}

static bool would_repeat(struct emit *emit, const struct block *block, const struct plan_rel *rel)
{
    if (!has_long_piece(block))
        return false;
    uint32_t *counts = arena_array(emit->arena, block->column_count, sizeof *counts);
    if (counts == NULL) {
        emit->failed = true;
        return false;
    }
    for (size_t i = 0; i < rel->output_count; i++)
        count_columns(rel->outputs[i].expr, counts);
    for (size_t i = 0; i < rel->group_count; i++)
        count_columns(rel->groups[i].expr, counts);
    for (size_t i = 0; i < block->column_count; i++) {
        uint32_t uses = counts[i] + (rel->kind == PLAN_WINDOW ? 1u : 0u);
        if (uses > 1 && block->columns[i].text.len > EMIT_SHORT_BYTES &&
            block->columns[i].column == NULL)
            return true;
    }
    return false;
}

/* ---- nodes --------------------------------------------------------------------------------------
 */

/* Can the condition be HAVING? Groups that are expressions are left out: DuckDB does not always
 * recognise them there again. */
static bool having_fits(const struct block *block, const struct plan_expr *expr)
{
    if (expr->kind == PLAN_COLUMN)
        return block->columns[expr->idx].column != NULL || expr->idx >= block->group.count;
    for (size_t i = 0; i < expr->arg_count; i++)
        if (!having_fits(block, expr->args[i]))
            return false;
    return true;
}

static struct block *emit_filter(struct emit *emit, const struct plan_rel *rel,
                                 struct aliases **aliases)
{
    const struct plan_rel *input = rel->inputs[0];
    struct block *block = emit_rel(emit, input, aliases);
    bool fits = block != NULL && (block->stage == STAGE_ROWS ||
                                  (block->stage == STAGE_GROUPED && !block->projected &&
                                   having_fits(block, rel->predicate)));
    if (!fits)
        block = emit_fold(emit, block, input, aliases);
    if (block == NULL)
        return NULL;
    struct env env = {{block->columns, NULL}};
    emit->grouped = block->stage == STAGE_GROUPED;
    emit_conjuncts(emit, &env, rel->predicate,
                   block->stage == STAGE_GROUPED ? &block->having : &block->where);
    emit->grouped = false;
    return block;
}

/* A project of plain columns can follow a sort if the sort's columns are still there; *idx are
 * their new places. */
static bool keeps_order(const struct block *block, const struct plan_rel *rel, size_t *idx)
{
    for (size_t i = 0; i < rel->output_count; i++)
        if (rel->outputs[i].expr->kind != PLAN_COLUMN)
            return false;
    for (size_t k = 0; k < block->order_count; k++) {
        size_t i = 0;
        while (i < rel->output_count && rel->outputs[i].expr->idx != block->order[k].idx)
            i++;
        if (block->order[k].text.len > 0 || i == rel->output_count)
            return false;
        idx[k] = i;
    }
    return true;
}

/* Over an aggregate without groups, a project that reads none of it would leave a plain SELECT of
 * all rows. */
static bool loses_aggregate(struct emit *emit, const struct block *block,
                            const struct plan_rel *rel)
{
    if (block->stage != STAGE_GROUPED || block->group.count > 0)
        return false;
    uint32_t *counts = arena_array(emit->arena, block->column_count, sizeof *counts);
    if (counts == NULL || block->projected)
        return true;
    for (size_t i = 0; i < rel->output_count; i++)
        count_columns(rel->outputs[i].expr, counts);
    for (size_t i = 0; i < block->column_count; i++)
        if (counts[i] > 0)
            return false;
    return true;
}

static struct block *emit_project(struct emit *emit, const struct plan_rel *rel,
                                  struct aliases **aliases)
{
    const struct plan_rel *input = rel->inputs[0];
    struct block *block = emit_rel(emit, input, aliases);
    if (block == NULL)
        return NULL;
    size_t *idx = arena_array(emit->arena, block->order_count + 1, sizeof *idx);
    struct piece *columns = arena_array(emit->arena, rel->output_count, sizeof *columns);
    if (idx == NULL || columns == NULL) {
        emit->failed = true;
        return NULL;
    }
    bool late = block->stage >= STAGE_ORDERED;
    bool fits = late ? block->stage != STAGE_UNION && keeps_order(block, rel, idx)
                     : block->stage != STAGE_DISTINCT && block->stage != STAGE_UNNESTED;
    if (late && block->distinct)
        fits = false; /* dropping a column would change what is distinct */
    if (!fits || would_repeat(emit, block, rel) || loses_aggregate(emit, block, rel))
        block = emit_fold(emit, block, input, aliases);
    else
        for (size_t k = 0; k < block->order_count; k++)
            block->order[k].idx = idx[k];
    if (block == NULL)
        return NULL;
    struct env env = {{block->columns, NULL}};
    emit->grouped = block->stage == STAGE_GROUPED;
    for (size_t i = 0; i < rel->output_count; i++)
        columns[i] = emit_piece(emit, &env, rel->outputs[i].expr, true);
    emit->grouped = false;
    block->columns = columns;
    block->column_count = rel->output_count;
    block->projected = true;
    return block;
}

/* The input's block, ready for columns of its own to be put over it. */
static struct block *emit_input(struct emit *emit, const struct plan_rel *rel,
                                struct aliases **aliases)
{
    const struct plan_rel *input = rel->inputs[0];
    struct block *block = emit_rel(emit, input, aliases);
    if (block != NULL && (block->stage > STAGE_ROWS || would_repeat(emit, block, rel)))
        block = emit_fold(emit, block, input, aliases);
    return block;
}

/* Two places of a ? are two parameters to the engine, so GROUP BY can't repeat a selected expression that
 * holds one: it gives the expression's place instead ("GROUP BY 1"), and nothing may be folded over it.
 *     SELECT CASE WHEN a THEN ? ELSE b END AS g …  GROUP BY 1 */
static bool group_by_place(struct emit *emit, struct piece piece, size_t place)
{
    if (!emit->dialect->question_marks ||
        memchr(piece.text.ptr, EMIT_PARAM_MARK, piece.text.len) == NULL)
        return false;
    buf_printf(&emit->scratch, "%zu", place);
    return true;
}

static struct block *emit_aggregate(struct emit *emit, const struct plan_rel *rel,
                                    struct aliases **aliases)
{
    struct block *block = emit_input(emit, rel, aliases);
    struct piece *columns = arena_array(emit->arena, rel->column_count, sizeof *columns);
    if (block == NULL || columns == NULL)
        return NULL;
    struct env env = {{block->columns, NULL}};
    emit->grouped = true;
    bool placed = false;
    for (size_t i = 0; i < rel->group_count; i++) {
        columns[i] = emit_piece(emit, &env, rel->groups[i].expr, true);
        bool place = group_by_place(emit, columns[i], i + 1);
        struct str text = place ? emit_copy(emit, &emit->scratch) : columns[i].text;
        lines_add(emit, &block->group, text, place ? PRECEDENCE_ATOM : columns[i].precedence);
        placed = placed || place;
    }
    for (size_t i = 0; i < rel->output_count; i++)
        columns[rel->group_count + i] = emit_piece(emit, &env, rel->outputs[i].expr, true);
    emit->grouped = false;
    block->columns = columns;
    block->column_count = rel->column_count;
    block->stage = STAGE_GROUPED;
    block->projected = false;
    if (placed)
        return emit_fold(emit, block, rel, aliases);
    if (!emit->dialect->fuses || rel->group_count == 0)
        return block;
    return emit_fused(emit, rel, &env, block, aliases);
}

static struct block *emit_union(struct emit *emit, const struct plan_rel *rel)
{
    struct block *block = block_new(emit);
    struct block **parts = arena_array(emit->arena, rel->input_count, sizeof(struct block *));
    if (block == NULL || parts == NULL)
        return NULL;
    for (size_t i = 0; i < rel->input_count; i++) {
        parts[i] = emit_rel(emit, rel->inputs[i], NULL);
        if (parts[i] != NULL && parts[i]->stage >= STAGE_ORDERED)
            parts[i] = emit_fold(emit, parts[i], rel->inputs[i], NULL);
        if (parts[i] == NULL)
            return NULL;
    }
    block->parts = parts;
    block->part_count = rel->input_count;
    block->stage = STAGE_UNION;
    block->base = parts[0]->base;
    block->column_count = rel->column_count;
    block->columns = arena_array(emit->arena, rel->column_count, sizeof *block->columns);
    return block->columns != NULL ? block : NULL;
}

static bool is_plain(const struct block *block, const struct plan_rel *rel)
{
    for (size_t i = 0; i < block->column_count; i++)
        if (block->columns[i].column == NULL ||
            strcmp(block->columns[i].column, rel->columns[i].name) != 0)
            return false;
    return true;
}

static struct block *emit_sort(struct emit *emit, const struct plan_rel *rel,
                               struct aliases **aliases)
{
    const struct plan_rel *input = rel->inputs[0];
    struct block *block = emit_rel(emit, input, aliases);
    bool by_columns = true, by_expressions = false; /* a text's collation makes it one in SQL */
    for (size_t i = 0; i < rel->order_count; i++) {
        by_columns = by_columns && rel->order[i].expr->kind == PLAN_COLUMN;
        by_expressions = by_expressions || (emit->dialect->text_order != NULL &&
                                            rel->order[i].expr->type.kind == DATA_TEXT);
    }
    if (block != NULL && (block->stage >= STAGE_ORDERED || block->stage == STAGE_UNNESTED ||
                          (by_expressions && block->stage == STAGE_DISTINCT) ||
                          (!by_columns && (block->stage > STAGE_ROWS || !is_plain(block, input)))))
        block = emit_fold(emit, block, input, aliases);
    struct block_order *order = arena_array(emit->arena, rel->order_count, sizeof *order);
    if (block == NULL || order == NULL)
        return NULL;
    struct env env = {{block->columns, NULL}};
    for (size_t i = 0; i < rel->order_count; i++) {
        const struct plan_expr *expr = rel->order[i].expr;
        order[i].idx = expr->idx;
        order[i].descending = rel->order[i].descending;
        order[i].nulls_first = rel->order[i].nulls_first;
        order[i].is_text = expr->type.kind == DATA_TEXT;
        if (expr->kind == PLAN_COLUMN)
            continue;
        emit_ordered(emit, &env, expr, &emit->scratch);
        order[i].text = emit_copy(emit, &emit->scratch);
    }
    block->order = order;
    block->order_count = rel->order_count;
    block->stage = STAGE_ORDERED;
    return block;
}

static struct block *emit_limit(struct emit *emit, const struct plan_rel *rel,
                                struct aliases **aliases)
{
    const struct plan_rel *input = rel->inputs[0];
    struct block *block = emit_rel(emit, input, aliases);
    if (block != NULL && block->stage >= STAGE_LIMITED)
        block = emit_fold(emit, block, input, aliases);
    if (block == NULL)
        return NULL;
    block->limit = rel->limit;
    block->offset = rel->offset;
    block->stage = STAGE_LIMITED;
    return block;
}

static struct block *emit_distinct(struct emit *emit, const struct plan_rel *rel,
                                   struct aliases **aliases)
{
    const struct plan_rel *input = rel->inputs[0];
    struct block *block = emit_rel(emit, input, aliases);
    if (block != NULL && (block->stage >= STAGE_DISTINCT || block->stage == STAGE_UNNESTED))
        block = emit_fold(emit, block, input, aliases);
    if (block == NULL)
        return NULL;
    block->distinct = true;
    block->stage = STAGE_DISTINCT;
    return block;
}

static struct block *emit_windows(struct emit *emit, const struct plan_rel *rel,
                                  struct aliases **aliases)
{
    const struct plan_rel *input = rel->inputs[0];
    struct block *block = emit_input(emit, rel, aliases);
    struct piece *columns = arena_array(emit->arena, rel->column_count, sizeof *columns);
    if (block == NULL || columns == NULL)
        return NULL;
    struct env env = {{block->columns, NULL}};
    memcpy(columns, block->columns, input->column_count * sizeof *columns);
    for (size_t i = 0; i < rel->output_count; i++)
        columns[input->column_count + i] = emit_piece(emit, &env, rel->outputs[i].expr, true);
    block->columns = columns;
    block->column_count = rel->column_count;
    block->stage = STAGE_WINDOWED;
    return block;
}

/* (VALUES (1, 'a'), (2, 'b')) AS marrow_values(id, name); the first row carries the types. No rows:
 * one row of nulls that a condition drops. */
static struct block *emit_values(struct emit *emit, const struct plan_rel *rel,
                                 struct aliases **aliases)
{
    static const struct env NO_COLUMNS;
    size_t rows = rel->row_count > 0 ? rel->row_count : 1;
    struct buf text = BUF_INIT;
    buf_puts(&text, "(VALUES ");
    for (size_t i = 0; i < rows; i++) {
        buf_puts(&text, i > 0 ? ", (" : "(");
        for (size_t c = 0; c < rel->column_count; c++) {
            buf_puts(&text, c > 0 ? ", " : "");
            if (i == 0)
                buf_puts(&text, "CAST(");
            if (rel->row_count == 0)
                buf_puts(&text, "NULL");
            else
                emit_expr(emit, &NO_COLUMNS, rel->cells[i * rel->column_count + c], i > 0, &text);
            if (i == 0) {
                buf_puts(&text, " AS ");
                emit->dialect->type(rel->columns[c].type, &text);
                buf_putc(&text, ')');
            }
        }
        buf_putc(&text, ')');
    }
    buf_putc(&text, ')');
    struct block *block = block_from_text(emit, rel, &text, aliases);
    if (block != NULL && rel->row_count == 0)
        lines_add(emit, &block->where, STR("1 = 0"), PRECEDENCE_COMPARISON);
    return block;
}

/* Pieces of the element and its number after the input's; NULL where memory is out. */
static struct block *explode_columns(struct emit *emit, const struct plan_rel *rel,
                                     struct block *block, const char *element, const char *number)
{
    size_t count = rel->inputs[0]->column_count;
    struct piece *columns = arena_array(emit->arena, rel->column_count, sizeof *columns);
    if (columns == NULL || element == NULL || number == NULL)
        return NULL;
    memcpy(columns, block->columns, count * sizeof *columns);
    columns[count] = (struct piece){.text = str_of(element), .precedence = PRECEDENCE_ATOM};
    if (rel->ordinality != NULL)
        columns[count + 1] = (struct piece){.text = str_of(number), .precedence = PRECEDENCE_ATOM};
    block->columns = columns;
    block->column_count = rel->column_count;
    return block;
}

/* FROM … CROSS JOIN unnest(list) WITH ORDINALITY AS exploded(marrow_element, marrow_number) */
static struct block *explode_in_from(struct emit *emit, const struct plan_rel *rel,
                                     struct aliases **aliases)
{
    const struct plan_rel *input = rel->inputs[0];
    if (aliases == NULL)
        aliases = arena_alloc(emit->arena, sizeof(struct aliases *));
    struct block *block = aliases == NULL ? NULL : emit_rel(emit, input, aliases);
    if (block != NULL && (block->stage > STAGE_ROWS || block->aliases == NULL))
        block = emit_fold(emit, block, input, aliases);
    if (block == NULL)
        return NULL;
    struct env env = {{block->columns, NULL}};
    const char *alias = emit_unique(emit, aliases, "exploded");
    struct buf *text = &emit->scratch;
    struct piece list = emit_piece(emit, &env, rel->outputs[0].expr, true);
    if (emit->dialect->unnest_opens_records &&
        rel->columns[input->column_count].type.kind == DATA_STRUCT)
        list.text.ptr =
            arena_printf(emit->arena, "transform(%s, marrow_e -> ROW(marrow_e))", list.text.ptr);
    buf_printf(text, "%s JOIN unnest(%s) WITH ORDINALITY AS %s(marrow_element, marrow_number)%s",
               rel->keep_empty ? "LEFT" : "CROSS", list.text.ptr, alias,
               rel->keep_empty ? " ON TRUE" : "");
    lines_add(emit, &block->from, emit_copy(emit, text), PRECEDENCE_ATOM);
    return explode_columns(emit, rel, block, arena_printf(emit->arena, "%s.marrow_element", alias),
                           arena_printf(emit->arena, "%s.marrow_number", alias));
}

/* SELECT …, unnest(list): nothing more is folded into it. */
static struct block *emit_explode(struct emit *emit, const struct plan_rel *rel,
                                  struct aliases **aliases)
{
    if (emit->dialect->unnests_in_from)
        return explode_in_from(emit, rel, aliases);
    const struct plan_rel *input = rel->inputs[0];
    struct block *block = emit_rel(emit, input, aliases);
    if (block != NULL && block->stage > STAGE_ROWS)
        block = emit_fold(emit, block, input, aliases);
    if (block == NULL)
        return NULL;
    struct env env = {{block->columns, NULL}};
    const char *list = emit_piece(emit, &env, rel->outputs[0].expr, true).text.ptr;
    const char *element =
        rel->keep_empty
            ? arena_printf(emit->arena, "unnest(CASE WHEN len(%s) > 0 THEN %s ELSE [NULL] END)",
                           list, list)
            : arena_printf(emit->arena, "unnest(%s)", list);
    const char *number =
        rel->keep_empty
            ? arena_printf(
                  emit->arena,
                  "unnest(CASE WHEN len(%s) > 0 THEN range(1, len(%s) + 1) ELSE [NULL] END)", list,
                  list)
            : arena_printf(emit->arena, "generate_subscripts(%s, 1)", list);
    block->stage = STAGE_UNNESTED;
    return explode_columns(emit, rel, block, element, number);
}

struct block *emit_body(struct emit *emit, const struct plan_rel *rel, struct aliases **aliases)
{
    struct block *block = NULL;
    switch (rel->kind) {
    case PLAN_SCAN:
        block = block_from(emit, rel, rel->table, rel->table, aliases);
        break;
    case PLAN_FILTER:
        block = emit_filter(emit, rel, aliases);
        break;
    case PLAN_PROJECT:
        block = emit_project(emit, rel, aliases);
        break;
    case PLAN_JOIN:
        block = emit_join(emit, rel, aliases);
        break;
    case PLAN_AGGREGATE:
        block = emit_aggregate(emit, rel, aliases);
        break;
    case PLAN_UNION:
        block = emit_union(emit, rel);
        break;
    case PLAN_SORT:
        block = emit_sort(emit, rel, aliases);
        break;
    case PLAN_LIMIT:
        block = emit_limit(emit, rel, aliases);
        break;
    case PLAN_DISTINCT:
        block = emit_distinct(emit, rel, aliases);
        break;
    case PLAN_WINDOW:
        block = emit_windows(emit, rel, aliases);
        break;
    case PLAN_VALUES:
        block = emit_values(emit, rel, aliases);
        break;
    case PLAN_EXPLODE:
        block = emit_explode(emit, rel, aliases);
        break;
    case PLAN_DEDUPE:
    case PLAN_INTERVAL_JOIN:
    case PLAN_INTERVAL_MERGE:
        break; /* plan_expand has made them of other nodes */
    }
    if (block == NULL)
        emit->failed = true;
    return block;
}
