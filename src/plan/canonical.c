/* Canonical bytes: what a plan means, however it was written. Every relation, column and expression
 * has a code:
 *
 *     code = body            when the body is at most SEAL_BYTES long, else   code = 0xFF
 * sha256(body) body = tag, then fields; texts and parts' codes each preceded by their length
 * (LEB128) plan = PLAN_FORMAT_VERSION, root: code of its rows; names, types and codes of its
 * columns; order
 *
 * A relation's code says which rows it has; a column's code says what it holds, not how it is
 * called:
 *
 *     project n = a + 1      rows: filter{a > 5} of scan t      n: add(column a of t, 1)
 *       filter a > 5         rows: filter{a > 5} of scan t      a: column a of t
 *         scan t (a, b)      rows: scan t                       a: column a of t
 *
 * So projections, inner names, inner orders of columns and columns that nobody reads leave no
 * trace. The rules, each of which keeps the rows (docs/PLAN.md lists them for readers): rows
 * project, window, an unneeded sort: those of the input. Filters over one another, also through
 * these, and the condition of an inner join below: one set of conjuncts, without TRUE. Joins: keys
 * are conjuncts eq(left, right); the inputs of an inner join are sorted by code (as written where
 * these are equal). Unions: inputs sorted. Aggregate: set of groups. Dedupe: set of keys. A sort
 * counts at the root and below a limit only. No limit and no offset: nothing. values and, or:
 * flattened, sorted, operands once; not is moved inwards (De Morgan; not(a = b) → a <> b …); a > b
 * → b < a; between → two comparisons; in → or of equalities; commutative operands sorted; in
 * comparisons of exact numbers or of dates and timestamps, casts that only widen are dropped and
 * literals of equal value equal; a field of a struct made on the spot → that value; sort keys and
 * partition keys once. What columns of windows and explodes hold depends on the rows they are
 * computed over, so these codes contain that of their input. All is computed once for each
 * relation, inputs first, so that recursion is as deep as an expression. */
#include "plan/canonical_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- relations: rows ---------------------------------------------------------------------------
 */

static struct str code_of_rows(struct canonical *c, const struct plan_rel *rel, size_t input)
{
    return c->rows[rel->inputs[input]->id].code;
}

/* The conjuncts of the node's own predicate and keys. */
static void own_conjuncts(struct canonical *c, const struct plan_rel *rel, struct codes *ret)
{
    if (rel->predicate != NULL)
        canon_conjuncts(c, rel->predicate, false, PLAN_FUNCTION_AND, ret);
    for (size_t i = 0; i < rel->key_count; i++) {
        const struct plan_expr *pair[] = {rel->left_keys[i], rel->right_keys[i]};
        struct plan_expr both = {.args = pair, .arg_count = 2};
        canon_codes_add(
            c, ret,
            canon_code_of_comparison(c, PLAN_FUNCTION_EQ, pair[0], pair[1], canon_family(&both)));
    }
    canon_codes_sort(ret);
    canon_codes_unique(ret);
}

static void put_span(struct canonical *c, const struct plan_span *span)
{
    const struct plan_expr *times[] = {span->left_start, span->left_end, span->right_start,
                                       span->right_end};
    for (size_t i = 0; i < 4; i++)
        canon_put_exprs(c, &times[i], times[i] != NULL ? 1 : 0);
    buf_putc(&c->work, span->closed ? 'c' : 'o');
    buf_putc(&c->work, span->forward ? 'f' : 'b');
    canon_put_int(c, span->gap);
}

/* Joins but inner ones: sides as written. */
static struct str code_of_join(struct canonical *c, const struct plan_rel *rel)
{
    struct codes conjuncts = {0};
    own_conjuncts(c, rel, &conjuncts);
    size_t start = c->work.len;
    buf_putc(&c->work, rel->kind == PLAN_JOIN ? 'J' : 'I');
    canon_put_text(c, plan_join_kind_text(rel->join));
    canon_put_bytes(c, code_of_rows(c, rel, 0));
    canon_put_bytes(c, code_of_rows(c, rel, 1));
    canon_put_codes(c, &conjuncts);
    if (rel->span != NULL)
        put_span(c, rel->span);
    canon_put_order(c, rel->order, rel->order_count);
    return canon_seal(c, start);
}

/* filter{own conjuncts and those below} of base */
static void set_filtered(struct canonical *c, const struct plan_rel *rel, struct rows *rows,
                         const struct rows *below)
{
    if (below != NULL)
        for (size_t i = 0; i < below->conjuncts.count; i++)
            canon_codes_add(c, &rows->conjuncts, below->conjuncts.items[i]);
    own_conjuncts(c, rel, &rows->conjuncts);
    rows->code = rows->base;
    if (rows->conjuncts.count == 0)
        return;
    size_t start = c->work.len;
    buf_putc(&c->work, 'F');
    canon_put_codes(c, &rows->conjuncts);
    canon_put_bytes(c, rows->base);
    rows->code = canon_seal(c, start);
}
static void set_inner_join(struct canonical *c, const struct plan_rel *rel, struct rows *rows)
{
    struct str a = code_of_rows(c, rel, 0), b = code_of_rows(c, rel, 1);
    rows->swapped = str_compare(b, a) < 0;
    size_t start = c->work.len;
    buf_putc(&c->work, 'X');
    canon_put_bytes(c, rows->swapped ? b : a);
    canon_put_bytes(c, rows->swapped ? a : b);
    rows->base = canon_seal(c, start);
    set_filtered(c, rel, rows, NULL);
}

/* The sort whose order the relation's rows still have, or NULL. */
static const struct plan_rel *sort_of(const struct plan_rel *rel)
{
    while (rel->kind == PLAN_PROJECT || rel->kind == PLAN_LIMIT || rel->kind == PLAN_FILTER)
        rel = rel->inputs[0];
    return rel->kind == PLAN_SORT ? rel : NULL;
}
static void put_sort_of(struct canonical *c, const struct plan_rel *rel)
{
    const struct plan_rel *sort = sort_of(rel), *at = c->at;
    c->at = sort != NULL ? sort : at;
    canon_put_order(c, sort != NULL ? sort->order : NULL, sort != NULL ? sort->order_count : 0);
    c->at = at;
}

/* An input of a union: its rows, then its used columns, as one code to sort by. */
struct branch {
    struct str key;
    size_t input;
};
static int compare_branches(const void *a, const void *b)
{
    const struct branch *x = a, *y = b;
    int order = str_compare(x->key, y->key);
    return order != 0 ? order : (x->input > y->input) - (x->input < y->input);
}
static struct str code_of_union(struct canonical *c, const struct plan_rel *rel, struct rows *rows)
{
    struct branch *branches = arena_array(c->arena, rel->input_count, sizeof *branches);
    for (size_t k = 0; branches != NULL && k < rel->input_count; k++) {
        size_t start = c->work.len;
        canon_put_bytes(c, code_of_rows(c, rel, k));
        for (size_t i = 0; i < rel->column_count; i++)
            if (c->usage.used[rel->id][i])
                canon_put_bytes(c, c->rows[rel->inputs[k]->id].columns[i]);
        branches[k] = (struct branch){canon_seal(c, start), k};
    }
    if (branches == NULL)
        return (struct str){"", 0};
    qsort(branches, rel->input_count, sizeof *branches, compare_branches);
    for (size_t i = 0; i < rel->column_count; i++) {
        if (!c->usage.used[rel->id][i])
            continue;
        size_t start = c->work.len;
        buf_putc(&c->work, 'u');
        for (size_t k = 0; k < rel->input_count; k++)
            canon_put_bytes(c, c->rows[rel->inputs[branches[k].input]->id].columns[i]);
        rows->columns[i] = canon_seal(c, start);
    }
    size_t start = c->work.len;
    buf_putc(&c->work, 'U');
    for (size_t k = 0; k < rel->input_count; k++)
        canon_put_bytes(c, code_of_rows(c, rel, branches[k].input));
    return canon_seal(c, start);
}

static void put_groups(struct canonical *c, const struct plan_rel *rel)
{
    struct codes codes = {0};
    for (size_t i = 0; i < rel->group_count; i++)
        canon_codes_add(c, &codes, canon_code_of_expr(c, rel->groups[i].expr));
    canon_codes_sort(&codes);
    canon_codes_unique(&codes);
    canon_put_codes(c, &codes);
}
static void put_all_columns(struct canonical *c, const struct plan_rel *rel)
{
    struct codes codes = {0};
    for (size_t i = 0; i < rel->column_count; i++)
        canon_codes_add(c, &codes, c->rows[rel->id].columns[i]);
    canon_codes_sort(&codes);
    canon_codes_unique(&codes);
    canon_put_codes(c, &codes);
}

/* Nodes of one input that change which rows there are, and leaves. */
static struct str code_of_node(struct canonical *c, const struct plan_rel *rel)
{
    size_t start = c->work.len;
    switch (rel->kind) {
    case PLAN_SCAN:
        buf_putc(&c->work, 'S');
        canon_put_text(c, rel->table);
        canon_put_text(c, rel->table_identity);
        return canon_seal(c, start);
    case PLAN_VALUES:
        buf_putc(&c->work, 'V');
        canon_put_number(c, rel->row_count);
        return canon_seal(c, start);
    case PLAN_AGGREGATE:
        buf_putc(&c->work, 'A');
        put_groups(c, rel);
        break;
    case PLAN_LIMIT:
        buf_putc(&c->work, 'L');
        canon_put_int(c, rel->limit);
        canon_put_int(c, rel->offset);
        put_sort_of(c, rel->inputs[0]);
        break;
    case PLAN_DISTINCT:
        buf_putc(&c->work, 'D');
        put_all_columns(c, rel->inputs[0]);
        break;
    case PLAN_EXPLODE:
        buf_putc(&c->work, rel->keep_empty ? 'E' : 'e');
        canon_put_bytes(c, canon_code_of_expr(c, rel->outputs[0].expr));
        break;
    case PLAN_DEDUPE:
        buf_putc(&c->work, 'K');
        canon_put_set(c, rel->left_keys, rel->key_count);
        canon_put_order(c, rel->order, rel->order_count);
        break;
    case PLAN_INTERVAL_MERGE:
        buf_putc(&c->work, 'M');
        put_groups(c, rel);
        put_span(c, rel->span);
        break;
    case PLAN_FILTER:
    case PLAN_PROJECT:
    case PLAN_SORT:
    case PLAN_WINDOW:
    case PLAN_UNION:
    case PLAN_JOIN:
    case PLAN_INTERVAL_JOIN:
        break;
    }
    canon_put_bytes(c, code_of_rows(c, rel, 0));
    return canon_seal(c, start);
}

static void set_rows(struct canonical *c, const struct plan_rel *rel)
{
    struct rows *rows = &c->rows[rel->id];
    const struct rows *below = rel->input_count > 0 ? &c->rows[rel->inputs[0]->id] : NULL;
    bool idle = rel->kind == PLAN_PROJECT || rel->kind == PLAN_WINDOW || rel->kind == PLAN_SORT ||
                (rel->kind == PLAN_LIMIT && rel->limit < 0 && rel->offset == 0);
    if (idle) { /* the same rows; a filter above joins the conjuncts below */
        rows->code = below->code;
        rows->base = below->base;
        rows->conjuncts = below->conjuncts;
    } else if (rel->kind == PLAN_FILTER) {
        rows->base = below->base;
        set_filtered(c, rel, rows, below);
    } else if (rel->kind == PLAN_JOIN && rel->join == PLAN_JOIN_INNER) {
        set_inner_join(c, rel, rows);
    } else {
        bool two = rel->kind == PLAN_JOIN || rel->kind == PLAN_INTERVAL_JOIN;
        rows->base = two                       ? code_of_join(c, rel)
                     : rel->kind == PLAN_UNION ? code_of_union(c, rel, rows)
                                               : code_of_node(c, rel);
        rows->code = rows->base;
    }
}

/* ---- relations: columns ------------------------------------------------------------------------
 */

/* tag, part[, the rows that it was computed over] */
static struct str code_of_part(struct canonical *c, char tag, struct str part,
                               const struct str *over)
{
    size_t start = c->work.len;
    buf_putc(&c->work, tag);
    canon_put_bytes(c, part);
    if (over != NULL)
        canon_put_bytes(c, *over);
    return canon_seal(c, start);
}

static struct str column_of_scan(struct canonical *c, const struct plan_column *column)
{
    size_t start = c->work.len;
    buf_putc(&c->work, 'c');
    canon_put_type(c, column->type);
    canon_put_text(c, column->name);
    return canon_seal(c, start);
}
static struct str column_of_values(struct canonical *c, const struct plan_rel *rel, size_t idx)
{
    size_t start = c->work.len;
    buf_putc(&c->work, 'v');
    canon_put_type(c, rel->columns[idx].type);
    for (size_t row = 0; row < rel->row_count; row++)
        canon_put_bytes(c, canon_code_of_expr(c, rel->cells[row * rel->column_count + idx]));
    return canon_seal(c, start);
}
static struct str column_of_explode(struct canonical *c, const struct plan_rel *rel, size_t idx)
{
    size_t passed = rel->inputs[0]->column_count;
    if (idx < passed)
        return canon_code_of_column(c, 0, idx);
    struct str over = code_of_rows(c, rel, 0);
    return code_of_part(c, idx == passed ? 'x' : 'n', canon_code_of_expr(c, rel->outputs[0].expr),
                        &over);
}
static struct str column_of_merge(struct canonical *c, const struct plan_rel *rel, size_t idx)
{
    static const char TAGS[] = "<>#"; /* start, end, count */
    if (idx < rel->group_count)
        return code_of_part(c, 'g', canon_code_of_expr(c, rel->groups[idx].expr), NULL);
    return code_of_part(c, TAGS[idx - rel->group_count], (struct str){"", 0}, NULL);
}

static struct str code_of_output(struct canonical *c, const struct plan_rel *rel, size_t idx)
{
    size_t passed = rel->input_count > 0 ? rel->inputs[0]->column_count : 0;
    struct str over;
    switch (rel->kind) {
    case PLAN_SCAN:
        return column_of_scan(c, &rel->columns[idx]);
    case PLAN_VALUES:
        return column_of_values(c, rel, idx);
    case PLAN_PROJECT:
        return canon_code_of_expr(c, rel->outputs[idx].expr);
    case PLAN_AGGREGATE:
        if (idx < rel->group_count)
            return code_of_part(c, 'g', canon_code_of_expr(c, rel->groups[idx].expr), NULL);
        return code_of_part(c, 'a',
                            canon_code_of_expr(c, rel->outputs[idx - rel->group_count].expr), NULL);
    case PLAN_WINDOW:
        if (idx < passed)
            return canon_code_of_column(c, 0, idx);
        over = code_of_rows(c, rel, 0);
        return code_of_part(c, 'o', canon_code_of_expr(c, rel->outputs[idx - passed].expr), &over);
    case PLAN_JOIN:
    case PLAN_INTERVAL_JOIN:
        if (rel->kind == PLAN_JOIN && (rel->join == PLAN_JOIN_SEMI || rel->join == PLAN_JOIN_ANTI))
            return c->rows[rel->inputs[0]->id].columns[idx];
        return idx < passed ? canon_code_of_column(c, 0, idx)
                            : canon_code_of_column(c, 1, idx - passed);
    case PLAN_EXPLODE:
        return column_of_explode(c, rel, idx);
    case PLAN_INTERVAL_MERGE:
        return column_of_merge(c, rel, idx);
    case PLAN_UNION: /* made with the rows */
        return c->rows[rel->id].columns[idx];
    case PLAN_FILTER:
    case PLAN_SORT:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
    case PLAN_DEDUPE:
        break;
    }
    return canon_code_of_column(c, 0, idx);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static void put_root(struct canonical *c, const struct plan_rel *root)
{
    const struct rows *rows = &c->rows[root->id];
    canon_put_bytes(c, rows->code);
    canon_put_number(c, root->column_count);
    for (size_t i = 0; i < root->column_count; i++) {
        canon_put_text(c, root->columns[i].name);
        canon_put_type(c, root->columns[i].type);
        canon_put_bytes(c, rows->columns[i]);
    }
    put_sort_of(c, root);
}

static bool canonicalise(struct canonical *c, const struct plan_rel *root)
{
    size_t ids = (size_t)root->id + 1;
    c->rows = arena_array(c->arena, ids, sizeof *c->rows);
    c->memo = arena_array(c->arena, ids, sizeof *c->memo);
    if (c->rows == NULL || c->memo == NULL || !plan_usage_init(&c->usage, c->arena, root))
        return false;
    for (size_t n = 0; n < c->usage.count; n++) {
        const struct plan_rel *rel = c->usage.nodes[n];
        struct rows *rows = &c->rows[rel->id];
        c->at = rel;
        rows->columns = arena_array(c->arena, rel->column_count, sizeof *rows->columns);
        if (rows->columns == NULL)
            return false;
        set_rows(c, rel);
        for (size_t i = 0; i < rel->column_count; i++)
            if (c->usage.used[rel->id][i])
                rows->columns[i] = code_of_output(c, rel, i);
    }
    put_root(c, root);
    return !c->work.failed && !arena_failed(c->arena);
}

enum err_code plan_canonical(const struct plan_rel *root, struct buf *ret, struct err *err)
{
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct canonical c = {.arena = arena};
    bool made = arena != NULL && canonicalise(&c, root);
    buf_putc(ret, PLAN_FORMAT_VERSION);
    if (made)
        buf_add_str(ret, buf_view(&c.work));
    buf_done(&c.work);
    if (!made)
        return err_set(err, ERR_MEMORY, "no memory for the plan's canonical form");
    return buf_check(ret, err);
}

enum err_code plan_signature(const struct plan_rel *root, char ret_hex[65], struct err *err)
{
    struct buf bytes = BUF_INIT;
    enum err_code code = plan_canonical(root, &bytes, err);
    if (code == ERR_OK)
        hash_sha256_of(bytes.ptr, bytes.len, ret_hex);
    buf_done(&bytes);
    return code;
}
