/* What a dialect cannot do of a plan: functions whose spelling is "", and what its own file says of
 * nodes and expressions. Found before anything is written, so that no engine is asked in vain. */
#include "dialect/emit_priv.h"
#include "plan/rewrite.h"

#include <string.h>

struct search {
    const struct dialect *dialect;
    struct arena *arena;
    bool *seen; /* relations, by id */
    const char **words;
    size_t count, cap;
    const struct plan_rel *at;    /* the node being looked at */
    const struct plan_rel *first; /* node of the first word */
    bool failed;
};

static void found(struct search *search, const char *word)
{
    if (search->first == NULL)
        search->first = search->at;
    for (size_t i = 0; i < search->count; i++)
        if (strcmp(search->words[i], word) == 0)
            return;
    if (search->count == search->cap) {
        size_t cap = search->cap == 0 ? 8 : 2 * search->cap;
        const char **words = mem_resize(search->words, cap, sizeof *words);
        if (words == NULL) {
            search->failed = true;
            return;
        }
        search->words = words;
        search->cap = cap;
    }
    search->words[search->count++] = word;
}

static void look_at_expr(struct search *search, const struct plan_expr *expr)
{
    const struct dialect *dialect = search->dialect;
    if (expr == NULL)
        return;
    if (expr->function != NULL && dialect_spelling(dialect, expr->function->id)[0] == '\0')
        found(search, expr->function->name);
    const char *word = dialect->lacks_expr != NULL ? dialect->lacks_expr(expr) : NULL;
    if (word != NULL)
        found(search, word);
    for (size_t i = 0; i < expr->arg_count; i++)
        look_at_expr(search, expr->args[i]);
    for (size_t i = 0; i < expr->partition_count; i++)
        look_at_expr(search, expr->partition[i]);
    for (size_t i = 0; i < expr->order_count; i++)
        look_at_expr(search, expr->order[i].expr);
    look_at_expr(search, expr->where);
}

static void look_at_rel(struct search *search, const struct plan_rel *rel)
{
    if (search->seen[rel->id])
        return;
    search->seen[rel->id] = true;
    for (size_t i = 0; i < rel->input_count; i++)
        look_at_rel(search, rel->inputs[i]);
    search->at = rel;
    const char *word = search->dialect->lacks_rel != NULL ? search->dialect->lacks_rel(rel) : NULL;
    if (word != NULL)
        found(search, word);
    look_at_expr(search, rel->predicate);
    for (size_t i = 0; i < rel->output_count; i++)
        look_at_expr(search, rel->outputs[i].expr);
    for (size_t i = 0; i < rel->group_count; i++)
        look_at_expr(search, rel->groups[i].expr);
    for (size_t i = 0; i < rel->key_count; i++)
        look_at_expr(search, rel->left_keys[i]);
    for (size_t i = 0; rel->right_keys != NULL && i < rel->key_count; i++)
        look_at_expr(search, rel->right_keys[i]);
    for (size_t i = 0; i < rel->order_count; i++)
        look_at_expr(search, rel->order[i].expr);
}

static enum err_code look(struct search *search, const struct plan_rel *root, struct err *err)
{
    search->seen = arena_array(search->arena, (size_t)root->id + 1, sizeof *search->seen);
    if (search->seen != NULL)
        look_at_rel(search, root);
    return search->seen == NULL || search->failed
               ? err_set(err, ERR_MEMORY, "no memory to look at the plan")
               : ERR_OK;
}

enum err_code dialect_check(const struct dialect *dialect, const struct plan_rel *root,
                            struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct search search = {.dialect = dialect, .arena = arena};
    enum err_code code = arena == NULL ? err_set(err, ERR_MEMORY, "no memory to look at the plan")
                                       : look(&search, root, err);
    if (code == ERR_OK && search.count > 0) {
        const struct plan_rel *at = search.first;
        const char *label = at->label != NULL ? at->label : at->table;
        code = err_set(err, ERR_UNSUPPORTED, "%s%s%s%s: %s is not to be had on %s",
                       plan_rel_kind_text(at->kind), label != NULL ? " \"" : "",
                       label != NULL ? label : "", label != NULL ? "\"" : "", search.words[0],
                       dialect->name);
    }
    mem_free(search.words);
    return code;
}

enum err_code dialect_missing(const struct dialect *dialect, const struct plan_rel *root,
                              const char ***ret, size_t *ret_count, struct err *err)
{
    *ret = NULL;
    *ret_count = 0;
    if (dialect == NULL || root == NULL)
        return err_set(err, ERR_INPUT,
                       dialect == NULL ? "no such dialect" : "the plan has no root relation");
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct search search = {.dialect = dialect, .arena = arena};
    const struct plan_rel *plain = NULL;
    TRY(plan_expand(over, root, &plain, err));
    enum err_code code = arena == NULL ? err_set(err, ERR_MEMORY, "no memory to look at the plan")
                                       : look(&search, plain, err);
    if (code != ERR_OK) {
        mem_free(search.words);
        return code;
    }
    *ret = search.words;
    *ret_count = search.count;
    return ERR_OK;
}
