/* Joins, flat: a chain of joins is one FROM with a line for each. The left side goes on being the
 * same block (its filters become WHERE, which is right also below a left join); the right side is a
 * table, a CTE, or one of these with conditions, which go into ON. Semi and anti joins are EXISTS
 * and NOT EXISTS, so they mean the same in every dialect. */
#include "dialect/emit_priv.h"

static bool plain_project(const struct plan_rel *rel)
{
    for (size_t i = 0; i < rel->output_count; i++)
        if (rel->outputs[i].expr->kind != PLAN_COLUMN)
            return false;
    return true;
}

/* Can rel be (the beginning of) a FROM whose columns still carry table names? */
static bool is_flat(const struct emit *emit, const struct plan_rel *rel)
{
    if (rel->kind == PLAN_SCAN || emit_is_cte(emit, rel))
        return true;
    if (rel->kind == PLAN_JOIN)
        return true;
    if (rel->kind == PLAN_FILTER || (rel->kind == PLAN_PROJECT && plain_project(rel)))
        return is_flat(emit, rel->inputs[0]);
    return false;
}

/* Is rel one table (or CTE), with conditions at most? */
static bool is_single(const struct emit *emit, const struct plan_rel *rel)
{
    if (rel->kind == PLAN_SCAN || emit_is_cte(emit, rel))
        return true;
    if (rel->kind == PLAN_FILTER || (rel->kind == PLAN_PROJECT && plain_project(rel)))
        return is_single(emit, rel->inputs[0]);
    return false;
}

static void put_condition(struct buf *out, bool *first, struct str text, bool parentheses)
{
    buf_puts(out, *first ? "" : " AND ");
    *first = false;
    if (parentheses)
        buf_putc(out, '(');
    buf_add_str(out, text);
    if (parentheses)
        buf_putc(out, ')');
}

/* keys equal AND the right side's own conditions AND the residual. Never empty: TRUE. */
static struct str condition(struct emit *emit, const struct plan_rel *rel, const struct block *left,
                            const struct block *right)
{
    struct env env = {{left->columns, right->columns}};
    struct buf text = BUF_INIT;
    bool first = true;
    struct lines rest = right->where;
    for (size_t i = 0; i < rel->key_count; i++) {
        struct piece a = emit_piece(emit, &env, rel->left_keys[i], true);
        struct piece b = emit_piece(emit, &env, rel->right_keys[i], true);
        bool wrap_a = a.precedence <= PRECEDENCE_COMPARISON;
        bool wrap_b = b.precedence <= PRECEDENCE_COMPARISON;
        buf_puts(&text, first ? "" : " AND ");
        first = false;
        buf_printf(&text, "%s%s%s = %s%s%s", wrap_b ? "(" : "", b.text.ptr, wrap_b ? ")" : "",
                   wrap_a ? "(" : "", a.text.ptr, wrap_a ? ")" : "");
    }
    if (rel->predicate != NULL)
        emit_conjuncts(emit, &env, rel->predicate, &rest);
    for (const struct line *line = rest.first; line != NULL; line = line->next)
        put_condition(&text, &first, line->text, line->precedence < PRECEDENCE_AND);
    if (first)
        buf_puts(&text, "TRUE");
    struct str copy = emit_copy(emit, &text);
    buf_done(&text);
    return copy;
}

static struct block *side(struct emit *emit, const struct plan_rel *rel, bool fits,
                          struct aliases **aliases)
{
    if (fits)
        return emit_rel(emit, rel, aliases);
    return emit_fold(emit, emit_rel(emit, rel, NULL), rel, aliases);
}

struct block *emit_join(struct emit *emit, const struct plan_rel *rel, struct aliases **aliases)
{
    if (aliases == NULL)
        aliases = arena_alloc(emit->arena, sizeof(struct aliases *));
    if (aliases == NULL)
        return NULL;
    struct block *left = side(emit, rel->inputs[0], is_flat(emit, rel->inputs[0]), aliases);
    struct block *right = emit_packs(emit, rel) ? emit_packed(emit, rel, aliases)
                                                : side(emit, rel->inputs[1],
                                                       is_single(emit, rel->inputs[1]), aliases);
    if (left == NULL || right == NULL || emit->failed)
        return NULL;
    struct str on = condition(emit, rel, left, right);
    bool exists = rel->join == PLAN_JOIN_SEMI || rel->join == PLAN_JOIN_ANTI;
    struct buf *text = &emit->scratch;
    if (exists) {
        buf_puts(text, rel->join == PLAN_JOIN_ANTI ? "NOT EXISTS (SELECT 1 FROM "
                                                   : "EXISTS (SELECT 1 FROM ");
        buf_printf(text, "%s WHERE %s)", right->source.ptr, on.ptr);
        lines_add(emit, &left->where, emit_copy(emit, text), PRECEDENCE_NOT);
        return left;
    }
    buf_printf(text, "%s %s ON %s", rel->join == PLAN_JOIN_LEFT ? "LEFT JOIN" : "JOIN",
               right->source.ptr, on.ptr);
    lines_add(emit, &left->from, emit_copy(emit, text), PRECEDENCE_ATOM);
    struct piece *columns = arena_array(emit->arena, rel->column_count, sizeof *columns);
    if (columns == NULL)
        return NULL;
    for (size_t i = 0; i < rel->column_count; i++)
        columns[i] =
            i < left->column_count ? left->columns[i] : right->columns[i - left->column_count];
    left->columns = columns;
    left->column_count = rel->column_count;
    return left;
}
