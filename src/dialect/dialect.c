/* The door: counts how often each relation is used (shared ones become CTEs), keeps CTE names off
 * table names, walks the plan, and puts the CTEs before the last SELECT. */
#include "dialect/emit_priv.h"
#include "plan/rewrite.h"

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

/* Bare only where every dialect reads it back as it is: lower-case ASCII letters, digits,
 * underscores, no reserved word. */
void dialect_quote_identifier(const struct dialect *dialect, struct str name, struct buf *out)
{
    (void)dialect;
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

static enum err_code write_all(struct emit *emit, const struct plan_rel *root, struct buf *ret_sql,
                               struct err *err)
{
    survey(emit, root);
    struct block *block = emit->failed ? NULL : emit_body(emit, root, NULL);
    if (block != NULL && !emit->failed) {
        struct buf last = {.limit = DIALECT_LIMIT_SQL_BYTES};
        block_write(emit, block, root, 0, &last);
        buf_add_str(ret_sql, buf_view(&emit->ctes));
        /* each line begins with a newline; the very first has nothing before it */
        size_t skip = emit->cte_count == 0 && last.len > 0 ? 1 : 0;
        buf_add(ret_sql, buf_text(&last) + skip, last.len - skip);
        buf_putc(ret_sql, '\n');
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
    enum err_code code = sql_of(dialect, plain, options, ret_sql, ret_params, ret_param_count, err);
    return code;
}
