/* row_hash over a table's columns, where the table keeps the hash as a column: for engines that
 * cannot compute it.
 *
 *   project visit, at = order_key(time, row_hash(all of labs))      project visit, at =
 * order_key(time, marrow_row_order) join labs, visits                                        →
 * project labs' and visits' columns, marrow_row_order, … scan labs join … (scan labs with the two
 * columns)
 *
 * Only the two shapes that marts write are known, as outputs of a project: order_key(x,
 * row_hash(…)) and cast(row_hash(…) as text). The hash columns are carried from the scan through
 * filters and the left side of joins and put behind the columns that were there, so no expression
 * has to be bound anew. What is not replaced stays, and the dialect says that it has no row_hash.
 */
#include <string.h>
#include <strings.h>

#include "plan/plan_priv.h"
#include "plan/rewrite.h"

struct stored {
    struct plan *plan;
    bool (*has)(void *user, const char *table);
    void *user;
    const struct plan_rel **done; /* by id: the same columns as the given node */
};

static const struct plan_rel *plain(struct stored *stored, const struct plan_rel *rel);

static bool is_row_hash(const struct plan_expr *expr)
{
    return expr->kind == PLAN_CALL && expr->function->id == PLAN_FUNCTION_ROW_HASH;
}

/* The row_hash within one of the two shapes, or NULL. */
static const struct plan_expr *hash_in(const struct plan_expr *expr)
{
    if (expr->kind == PLAN_CAST && expr->type.kind == DATA_TEXT && is_row_hash(expr->args[0]))
        return expr->args[0];
    if (expr->kind == PLAN_CALL && expr->function->id == PLAN_FUNCTION_ORDER_KEY &&
        is_row_hash(expr->args[1]))
        return expr->args[1];
    return NULL;
}

/* The scan whose columns begin rel's, through filters and left sides of joins; NULL: there is none.
 */
static const struct plan_rel *scan_under(const struct plan_rel *rel)
{
    while (rel->kind == PLAN_FILTER || (rel->kind == PLAN_JOIN && rel->join != PLAN_JOIN_ASOF))
        rel = rel->inputs[0];
    return rel->kind == PLAN_SCAN ? rel : NULL;
}

static int name_order(const struct plan_expr *a, const struct plan_expr *b)
{
    return strcasecmp(a->name, b->name);
}

/* Are the arguments all columns of the scan that begins input's columns, in canonical order? */
static bool covers(const struct stored *stored, const struct plan_expr *hash,
                   const struct plan_rel *input)
{
    const struct plan_rel *scan = scan_under(input);
    if (scan == NULL || hash->arg_count != scan->column_count ||
        !stored->has(stored->user, scan->table))
        return false;
    for (size_t i = 0; i < hash->arg_count; i++) {
        const struct plan_expr *arg = hash->args[i];
        if (arg->kind != PLAN_COLUMN || arg->idx >= scan->column_count ||
            (i > 0 && name_order(hash->args[i - 1], arg) >= 0))
            return false;
    }
    return true;
}

/* ---- the two columns carried up
 * ------------------------------------------------------------------ */

static const struct plan_rel *scan_stored(struct stored *stored, const struct plan_rel *scan)
{
    struct data_schema schema = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < scan->column_count; i++)
        ok = data_schema_add(&schema, str_of(scan->columns[i].name), scan->columns[i].type,
                             ERR_IGNORED) == ERR_OK;
    ok = ok &&
         data_schema_add(&schema, STR(PLAN_STORED_HASH), DATA_TYPE(TEXT), ERR_IGNORED) == ERR_OK;
    ok = ok &&
         data_schema_add(&schema, STR(PLAN_STORED_ORDER), DATA_TYPE(BIGINT), ERR_IGNORED) == ERR_OK;
    if (!ok)
        plan_fail(stored->plan, ERR_MEMORY, "no memory for the plan");
    const struct plan_rel *made =
        ok ? plan_scan_identified(stored->plan, scan->table, scan->table_identity, &schema) : NULL;
    data_schema_done(&schema);
    return made;
}

/* rel's own columns, then the two, out of `wide`, which has them all. */
static const struct plan_rel *narrow(struct stored *stored, const struct plan_rel *rel,
                                     const struct plan_rel *wide)
{
    struct plan *plan = stored->plan;
    struct plan_named *outputs = plan_named_array(plan, rel->column_count + 2);
    if (outputs == NULL || wide == NULL)
        return NULL;
    for (size_t i = 0; i < rel->column_count; i++)
        outputs[i] = (struct plan_named){rel->columns[i].name,
                                         plan_column(plan, wide, rel->columns[i].name)};
    outputs[rel->column_count] =
        (struct plan_named){PLAN_STORED_HASH, plan_column(plan, wide, PLAN_STORED_HASH)};
    outputs[rel->column_count + 1] =
        (struct plan_named){PLAN_STORED_ORDER, plan_column(plan, wide, PLAN_STORED_ORDER)};
    return plan_project(plan, wide, outputs, rel->column_count + 2);
}

/* rel with the two columns behind its own; it stands over a scan (scan_under). */
static const struct plan_rel *carried(struct stored *stored, const struct plan_rel *rel)
{
    struct plan *plan = stored->plan;
    if (plan_failed(plan))
        return NULL;
    if (rel->kind == PLAN_SCAN)
        return scan_stored(stored, rel);
    const struct plan_rel *left = carried(stored, rel->inputs[0]);
    if (rel->kind == PLAN_FILTER)
        return left == NULL ? NULL : plan_filter(plan, left, rel->predicate);
    const struct plan_rel *right = plain(stored, rel->inputs[1]);
    if (left == NULL || right == NULL)
        return NULL;
    const struct plan_rel *joined = plan_join(plan, rel->join, left, right, rel->left_keys,
                                              rel->right_keys, rel->key_count, rel->predicate);
    return narrow(stored, rel, joined);
}

/* ---- the project that reads them
 * ----------------------------------------------------------------- */

static const struct plan_expr *replaced(struct stored *stored, const struct plan_expr *expr,
                                        const struct plan_rel *input)
{
    struct plan *plan = stored->plan;
    if (expr->kind == PLAN_CAST)
        return plan_column(plan, input, PLAN_STORED_HASH);
    const struct plan_expr *args[] = {expr->args[0], plan_column(plan, input, PLAN_STORED_ORDER)};
    return plan_call(plan, "order_key", 2, args);
}

static bool wanted(const struct stored *stored, const struct plan_rel *rel, size_t output)
{
    const struct plan_expr *hash = hash_in(rel->outputs[output].expr);
    return hash != NULL && covers(stored, hash, rel->inputs[0]);
}

static const struct plan_rel *project_stored(struct stored *stored, const struct plan_rel *rel)
{
    struct plan *plan = stored->plan;
    const struct plan_rel *input = carried(stored, rel->inputs[0]);
    struct plan_named *outputs = plan_named_array(plan, rel->output_count);
    if (input == NULL || outputs == NULL)
        return NULL;
    for (size_t i = 0; i < rel->output_count; i++)
        outputs[i] = (struct plan_named){rel->outputs[i].name,
                                         wanted(stored, rel, i)
                                             ? replaced(stored, rel->outputs[i].expr, input)
                                             : rel->outputs[i].expr};
    return plan_project(plan, input, outputs, rel->output_count);
}

static const struct plan_rel *plain(struct stored *stored, const struct plan_rel *rel)
{
    struct plan *plan = stored->plan;
    if (plan_failed(plan))
        return NULL;
    if (stored->done[rel->id] != NULL)
        return stored->done[rel->id];
    bool reads = false;
    for (size_t i = 0; rel->kind == PLAN_PROJECT && i < rel->output_count; i++)
        reads = reads || wanted(stored, rel, i);
    const struct plan_rel *made = NULL;
    if (reads) {
        made = project_stored(stored, rel);
        if (made != NULL && rel->label != NULL)
            made = plan_label(plan, made, rel->label);
    } else {
        const struct plan_rel **inputs = plan_alloc(plan, rel->input_count, sizeof *inputs);
        for (size_t i = 0; inputs != NULL && i < rel->input_count; i++) {
            inputs[i] = plain(stored, rel->inputs[i]);
            if (inputs[i] == NULL)
                return NULL;
        }
        made = inputs == NULL ? NULL : plan_with_inputs(plan, rel, inputs);
    }
    return stored->done[rel->id] = made;
}

enum err_code plan_stored_hashes(struct plan *plan, const struct plan_rel *root,
                                 bool (*has)(void *user, const char *table), void *user,
                                 const struct plan_rel **ret, struct err *err)
{
    *ret = NULL;
    if (plan == NULL || root == NULL)
        return err_set(err, plan == NULL ? ERR_MEMORY : ERR_INPUT,
                       plan == NULL ? "no memory for the plan" : "the plan has no root relation");
    struct stored stored = {plan, has, user,
                            plan_alloc(plan, (size_t)root->id + 1, sizeof *stored.done)};
    const struct plan_rel *made = stored.done == NULL ? NULL : plain(&stored, root);
    TRY(plan_finish(plan, made, err));
    *ret = made;
    return ERR_OK;
}
