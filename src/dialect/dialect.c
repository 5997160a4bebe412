/* The door: counts how often each relation is used (shared ones become CTEs), keeps CTE names off
 * table names, walks the plan, and puts the CTEs before the last SELECT. */
#include "dialect/emit_priv.h"
#include "base/hash.h"
#include "plan/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const RESERVED_WORDS[] = {
#define RESERVED(word) word,
#include "dialect/reserved.def"
#undef RESERVED
};

static bool is_reserved(struct str name)
{
    size_t low = 0, high = sizeof RESERVED_WORDS / sizeof RESERVED_WORDS[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(name, str_of(RESERVED_WORDS[middle]));
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* Where the engine would cut the name in silence, and two names be one: cut by us, and ended by a
 * hash of the whole name. */
static struct str shortened(const struct dialect *dialect, struct str name, char ret[80])
{
    size_t most = dialect->identifier_bytes;
    if (most == 0 || name.len <= most || most >= 80)
        return name;
    size_t kept = str_utf8_valid_prefix((struct str){name.ptr, most - 9});
    int length = snprintf(ret, 80, "%.*s_%08llx", (int)kept, name.ptr,
                          (unsigned long long)(hash_xxh3_64(name.ptr, name.len, 0) >> 32));
    return (struct str){ret, (size_t)length};
}

/* Bare only where every dialect reads it back as it is: lower-case ASCII letters, digits,
 * underscores, no reserved word. */
void dialect_type_sql(const struct dialect *dialect, struct data_type type, struct buf *out)
{
    dialect->type(type, out);
}

void dialect_quote_identifier(const struct dialect *dialect, struct str name, struct buf *out)
{
    char cut[80];
    name = shortened(dialect, name, cut);
    bool plain = name.len > 0 && !(name.ptr[0] >= '0' && name.ptr[0] <= '9');
    for (size_t i = 0; i < name.len && plain; i++) {
        char c = name.ptr[i];
        plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (plain && !is_reserved(name)) {
        buf_add_str(out, name);
        return;
    }
    buf_putc(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"')
            buf_putc(out, '"');
        buf_putc(out, name.ptr[i]);
    }
    buf_putc(out, '"');
}

static void survey(struct emit *emit, const struct plan_rel *rel)
{
    if (emit->uses[rel->id]++ > 0)
        return;
    if (rel->kind == PLAN_SCAN) {
        struct aliases *entry = arena_alloc(emit->arena, sizeof *entry);
        if (entry == NULL) {
            emit->failed = true;
            return;
        }
        entry->name = rel->table;
        entry->next = emit->taken;
        emit->taken = entry;
    }
    for (size_t i = 0; i < rel->input_count; i++)
        survey(emit, rel->inputs[i]);
}

/* Where a column's values come from unchanged. */
static void find_origin(const struct plan_rel *rel, size_t idx, struct origin *ret)
{
    const struct plan_expr *expr = NULL;
    size_t left = rel->input_count > 0 ? rel->inputs[0]->column_count : 0;
    switch (rel->kind) {
    case PLAN_SCAN:
        return;
    case PLAN_FILTER:
    case PLAN_SORT:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
        find_origin(rel->inputs[0], idx, ret);
        return;
    case PLAN_WINDOW:
        if (idx < left) {
            find_origin(rel->inputs[0], idx, ret);
            return;
        }
        expr = rel->outputs[idx - left].expr;
        break;
    case PLAN_PROJECT:
        expr = rel->outputs[idx].expr;
        break;
    case PLAN_AGGREGATE:
        expr = idx < rel->group_count ? rel->groups[idx].expr
                                      : rel->outputs[idx - rel->group_count].expr;
        break;
    case PLAN_JOIN:
        find_origin(rel->inputs[idx < left ? 0 : 1], idx < left ? idx : idx - left, ret);
        return;
    case PLAN_EXPLODE:
        if (idx < left)
            find_origin(rel->inputs[0], idx, ret);
        else
            ret->mixed = true;
        return;
    case PLAN_UNION: /* one branch with a type gives it to all */
        for (size_t i = 0; i < rel->input_count; i++)
            find_origin(rel->inputs[i], idx, ret);
        ret->mixed = true;
        return;
    case PLAN_VALUES:
    case PLAN_DEDUPE:
    case PLAN_INTERVAL_JOIN:
    case PLAN_INTERVAL_MERGE:
        ret->mixed = true;
        return;
    }
    if (expr == NULL)
        return;
    bool picks = (expr->kind == PLAN_AGGREGATE_CALL || expr->kind == PLAN_WINDOW_CALL) &&
                 expr->function->id != PLAN_FUNCTION_SUM && expr->arg_count > 0 &&
                 data_type_equal(expr->type, expr->args[0]->type);
    if (picks)
        expr = expr->args[0];
    ret->picked = ret->picked || picks;
    if (expr->kind == PLAN_COLUMN)
        find_origin(rel->inputs[expr->input], expr->idx, ret);
    else
        ret->expr = expr;
}

/* The root's column as a value of the plan's type; false: it is one. */
static bool settle_column(struct emit *emit, const struct plan_rel *root, size_t idx,
                          struct piece *piece)
{
    const struct dialect *dialect = emit->dialect;
    struct data_type type = root->columns[idx].type;
    struct buf text = BUF_INIT;
    if (type.kind == DATA_LIST || type.kind == DATA_STRUCT) {
        emit_json(emit, type, piece->text.ptr, 1, &text);
    } else {
        struct origin from = {0};
        find_origin(root, idx, &from);
        if (!dialect->strays(type, &from))
            return false;
        buf_printf(&text, "CAST(%s AS ", piece->text.ptr);
        dialect->type(type, &text);
        buf_putc(&text, ')');
    }
    *piece = (struct piece){.text = emit_copy(emit, &text), .precedence = PRECEDENCE_ATOM};
    buf_done(&text);
    return true;
}

/* Columns of the plan's types. Nested ones are taken from a CTE: they are written more than once.
 */
static struct block *settle(struct emit *emit, const struct plan_rel *root, struct block *block)
{
    struct piece *columns = arena_array(emit->arena, root->column_count, sizeof *columns);
    bool any = false, nested = false;
    if (block == NULL || columns == NULL)
        return NULL;
    for (size_t i = 0; i < root->column_count; i++) {
        enum data_kind kind = root->columns[i].type.kind;
        struct piece probe = {.text = STR("x")};
        any = settle_column(emit, root, i, &probe) || any;
        nested = nested || kind == DATA_LIST || kind == DATA_STRUCT;
    }
    if (!any)
        return block;
    bool folds = nested || block->stage == STAGE_UNION || block->stage == STAGE_UNNESTED;
    struct block *lower = block;
    if (folds)
        block = emit_fold(emit, block, root, NULL);
    if (block == NULL)
        return NULL;
    for (size_t i = 0; i < root->column_count; i++) {
        columns[i] = block->columns[i];
        (void)settle_column(emit, root, i, &columns[i]);
    }
    if (folds && lower->order_count > 0) { /* the order is of the CTE's columns */
        block->order = lower->order;
        block->order_count = lower->order_count;
        for (size_t i = 0; i < block->order_count; i++)
            nested = nested && block->order[i].text.len == 0;
        if (!nested)
            block->order_count = 0;
    }
    block->settled = columns;
    return block;
}

static enum err_code write_all(struct emit *emit, const struct plan_rel *root, struct buf *ret_sql,
                               struct err *err)
{
    survey(emit, root);
    struct block *block = emit->failed ? NULL : emit_body(emit, root, NULL);
    block = settle(emit, root, block);
    if (block != NULL && !emit->failed) {
        struct buf last = {.limit = DIALECT_LIMIT_SQL_BYTES};
        block_write(emit, block, root, 0, &last);
        /* each line begins with a newline; the very first has nothing before it */
        size_t skip = emit->cte_count == 0 && last.len > 0 ? 1 : 0;
        buf_add(&emit->ctes, buf_text(&last) + skip, last.len - skip);
        buf_putc(&emit->ctes, '\n');
        emit_params(emit, buf_view(&emit->ctes), ret_sql);
        emit->failed = emit->failed || last.failed || emit->ctes.failed;
        buf_done(&last);
    }
    if (block != NULL && !emit->failed && !arena_failed(emit->arena))
        return buf_check(ret_sql, err);
    if (emit->ctes.len >= DIALECT_LIMIT_SQL_BYTES || emit->scratch.failed || emit->ctes.failed)
        return err_set(err, ERR_LIMIT, "the plan's SQL is longer than %u bytes, or memory is out",
                       DIALECT_LIMIT_SQL_BYTES);
    return err_set(err, ERR_MEMORY, "no memory for the plan's SQL");
}

static enum err_code sql_of(const struct dialect *dialect, const struct plan_rel *root,
                            const struct dialect_options *options, struct buf *ret_sql,
                            const char ***ret_params, size_t *ret_param_count, struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct emit emit = {.dialect = dialect, .options = options, .arena = arena};
    emit.ctes.limit = DIALECT_LIMIT_SQL_BYTES;
    emit.scratch.limit = DIALECT_LIMIT_SQL_BYTES;
    emit.uses = arena == NULL ? NULL : arena_array(arena, (size_t)root->id + 1, sizeof *emit.uses);
    emit.cte_of =
        arena == NULL ? NULL : arena_array(arena, (size_t)root->id + 1, sizeof *emit.cte_of);
    emit.base_of =
        arena == NULL ? NULL : arena_array(arena, (size_t)root->id + 1, sizeof *emit.base_of);
    if (emit.uses == NULL || emit.cte_of == NULL || emit.base_of == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan's SQL");
    enum err_code code = write_all(&emit, root, ret_sql, err);
    buf_done(&emit.ctes);
    buf_done(&emit.scratch);
    if (code == ERR_OK && emit.param_count > 0 && ret_params == NULL)
        code = err_set(err, ERR_INPUT, "the plan has %zu parameters; expected none here",
                       emit.param_count);
    if (code == ERR_OK && ret_params != NULL) {
        *ret_params = emit.params;
        if (ret_param_count != NULL)
            *ret_param_count = emit.param_count;
    } else {
        mem_free(emit.params);
    }
    return code;
}

enum err_code dialect_sql(const struct dialect *dialect, const struct plan_rel *root,
                          const struct dialect_options *options, struct buf *ret_sql,
                          const char ***ret_params, size_t *ret_param_count, struct err *err)
{
    if (ret_params != NULL)
        *ret_params = NULL;
    if (ret_param_count != NULL)
        *ret_param_count = 0;
    if (dialect == NULL || root == NULL)
        return err_set(err, ERR_INPUT,
                       dialect == NULL ? "no such dialect" : "the plan has no root relation");
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    const struct plan_rel *plain = NULL;
    TRY(plan_expand(over, root, &plain, err));
    TRY(dialect_check(dialect, plain, err));
    enum err_code code = sql_of(dialect, plain, options, ret_sql, ret_params, ret_param_count, err);
    return code;
}
