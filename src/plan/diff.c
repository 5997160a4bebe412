/* Diff of two plans: from both roots down, nodes of one kind are matched; where kinds differ, a
 * node found further down on one side was put in or taken out. Parts of matched nodes are compared
 * by key (names) or as sets (conjuncts, keys) of their words. */
#include "plan/diff.h"

#include <stdio.h>
#include <string.h>

struct part { /* of a node: what it says under which name; "" = no name */
    const char *key, *text;
};
struct parts {
    struct part *items;
    size_t count, cap;
};
struct diff {
    struct arena *arena;
    json_t *changes;
    const struct plan_rel **met; /* by id of a node before: what it was compared with */
    bool ok;
};

static const char *words_of(struct diff *d, const struct plan_expr *expr)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    plan_words(expr, &text);
    const char *copy = text.failed ? NULL : arena_strdup(d->arena, buf_text(&text));
    d->ok = d->ok && copy != NULL;
    return copy != NULL ? copy : "";
}
static void add_part(struct diff *d, struct parts *parts, const char *key, const char *text)
{
    if (parts->count == parts->cap) {
        size_t cap = parts->cap * 2 + 8;
        struct part *items = arena_array(d->arena, cap, sizeof *items);
        d->ok = d->ok && items != NULL;
        if (items == NULL)
            return;
        if (parts->count > 0)
            memcpy(items, parts->items, parts->count * sizeof *items);
        parts->items = items;
        parts->cap = cap;
    }
    parts->items[parts->count++] = (struct part){key, text};
}

/* before, after NULL: added, removed. */
static void report(struct diff *d, const char *path, const char *what, const char *key,
                   const char *before, const char *after)
{
    AUTO(buf_done) struct buf words = BUF_INIT;
    json_t *change = json_object();
    const char *kind = before == NULL ? "added" : after == NULL ? "removed" : "changed";
    buf_printf(&words, "%s%s%s: ", what, *key != '\0' ? " " : "", key);
    if (before != NULL && after != NULL)
        buf_printf(&words, "%s became %s", before, after);
    else
        buf_printf(&words, "%s %s", before != NULL ? before : after, kind);
    json_put_text(change, "path", path, &d->ok);
    json_put_text(change, "kind", kind, &d->ok);
    json_put_text(change, "before", before, &d->ok);
    json_put_text(change, "after", after, &d->ok);
    json_put_text(change, "words", buf_text(&words), &d->ok);
    json_push(d->changes, change, &d->ok);
}

static bool take_match(struct parts *parts, const struct part *part, bool by_text, struct part *ret)
{
    for (size_t i = 0; i < parts->count; i++) {
        if (strcmp(parts->items[i].key, part->key) != 0 ||
            (by_text && strcmp(parts->items[i].text, part->text) != 0))
            continue;
        *ret = parts->items[i];
        parts->items[i] = parts->items[--parts->count];
        return true;
    }
    return false;
}
/* What is said in both is passed over; what is left is matched by key, then reported. */
static void compare_parts(struct diff *d, const char *path, const char *what, struct parts before,
                          struct parts after)
{
    struct part other;
    for (size_t i = 0; i < before.count;) {
        if (take_match(&after, &before.items[i], true, &other))
            before.items[i] = before.items[--before.count];
        else
            i++;
    }
    for (size_t i = 0; i < before.count; i++) {
        bool matched = take_match(&after, &before.items[i], false, &other);
        report(d, path, what, before.items[i].key, before.items[i].text,
               matched ? other.text : NULL);
    }
    for (size_t i = 0; i < after.count; i++)
        report(d, path, what, after.items[i].key, NULL, after.items[i].text);
}

static void add_conjuncts(struct diff *d, struct parts *parts, const struct plan_expr *expr)
{
    bool both = expr != NULL && expr->kind == PLAN_CALL && expr->function->id == PLAN_FUNCTION_AND;
    for (size_t i = 0; both && i < expr->arg_count; i++)
        add_conjuncts(d, parts, expr->args[i]);
    if (expr != NULL && !both)
        add_part(d, parts, "", words_of(d, expr));
}
static void add_named(struct diff *d, struct parts *parts, const struct plan_named *named,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_part(d, parts, named[i].name, words_of(d, named[i].expr));
}

/* Conditions: conjuncts and keys. */
static struct parts conditions_of(struct diff *d, const struct plan_rel *rel)
{
    struct parts parts = {0};
    add_conjuncts(d, &parts, rel->predicate);
    for (size_t i = 0; i < rel->key_count; i++) {
        const char *left = words_of(d, rel->left_keys[i]);
        const char *text = rel->right_keys == NULL ? left
                                                   : arena_printf(d->arena, "%s = %s", left,
                                                                  words_of(d, rel->right_keys[i]));
        add_part(d, &parts, "", text != NULL ? text : "");
    }
    return parts;
}
static struct parts columns_of(struct diff *d, const struct plan_rel *rel)
{
    struct parts parts = {0};
    char type[32];
    bool leaf = rel->kind == PLAN_SCAN || rel->kind == PLAN_VALUES;
    for (size_t i = 0; leaf && i < rel->column_count; i++) {
        const char *text = arena_strdup(d->arena, data_type_text(rel->columns[i].type, type));
        add_part(d, &parts, rel->columns[i].name, text != NULL ? text : "");
    }
    add_named(d, &parts, rel->outputs, rel->output_count);
    return parts;
}

/* One text for what is neither: table, kind of join, order, limit, flags, times, values. */
static const char *settings_of(struct diff *d, const struct plan_rel *rel)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_puts(&text, plan_rel_kind_text(rel->kind));
    if (rel->kind == PLAN_SCAN)
        buf_printf(&text, " %s%s%s", rel->table, rel->table_identity != NULL ? " " : "",
                   rel->table_identity != NULL ? rel->table_identity : "");
    if (rel->kind == PLAN_JOIN || rel->kind == PLAN_INTERVAL_JOIN)
        buf_printf(&text, " %s", plan_join_kind_text(rel->join));
    for (size_t i = 0; i < rel->order_count; i++) {
        buf_puts(&text, i == 0 ? " in order of " : ", ");
        plan_words(rel->order[i].expr, &text);
        buf_printf(&text, "%s%s", rel->order[i].descending ? " descending" : "",
                   rel->order[i].nulls_first ? " nulls first" : "");
    }
    if (rel->kind == PLAN_LIMIT)
        buf_printf(&text, " %lld from %lld", (long long)rel->limit, (long long)rel->offset);
    if (rel->kind == PLAN_EXPLODE)
        buf_printf(&text, "%s%s", rel->keep_empty ? " keeping empty ones" : "",
                   rel->ordinality != NULL ? " numbered" : "");
    const struct plan_span *span = rel->span;
    const struct plan_expr *times[] = {span ? span->left_start : NULL, span ? span->left_end : NULL,
                                       span ? span->right_start : NULL,
                                       span ? span->right_end : NULL};
    for (size_t i = 0; i < 4; i++)
        if (times[i] != NULL) {
            buf_putc(&text, ' ');
            plan_words(times[i], &text);
        }
    if (span != NULL)
        buf_printf(&text, "%s%s gap %lld", span->closed ? " closed" : "",
                   span->forward ? " forward" : "", (long long)span->gap);
    for (size_t i = 0; i < rel->row_count * rel->column_count && text.len < 400; i++) {
        buf_puts(&text, i % rel->column_count == 0 ? "; " : ", ");
        plan_words(rel->cells[i], &text);
    }
    const char *copy = text.failed ? NULL : arena_strdup(d->arena, buf_text(&text));
    d->ok = d->ok && copy != NULL;
    return copy != NULL ? copy : "";
}

/* How many nodes of one input lie above the next one of that kind; -1: there is none. */
static int depth_of(const struct plan_rel *rel, enum plan_rel_kind kind)
{
    for (int depth = 0;; depth++) {
        if (rel->kind == kind)
            return depth;
        if (rel->input_count != 1)
            return -1;
        rel = rel->inputs[0];
    }
}
static const char *below(struct diff *d, const char *path, const struct plan_rel *parent,
                         size_t input, const struct plan_rel *rel)
{
    const char *side = parent->input_count != 2 || parent->kind == PLAN_UNION ? ""
                       : input == 0                                           ? "left "
                                                                              : "right ";
    const char *name = arena_printf(d->arena, "%s/%s%s", path, side, plan_rel_kind_text(rel->kind));
    return name != NULL ? name : path;
}

static void compare(struct diff *d, const char *path, const struct plan_rel *before,
                    const struct plan_rel *after);

/* Another kind of node: added above, taken out, or another one altogether. */
static void compare_kinds(struct diff *d, const char *path, const struct plan_rel *before,
                          const struct plan_rel *after)
{
    int added = depth_of(after, before->kind), removed = depth_of(before, after->kind);
    if (added > 0 && (removed <= 0 || added <= removed)) {
        report(d, path, plan_rel_kind_text(after->kind), "", NULL, settings_of(d, after));
        compare_parts(d, path, plan_rel_kind_text(after->kind), (struct parts){0},
                      conditions_of(d, after));
        compare(d, below(d, path, after, 0, after->inputs[0]), before, after->inputs[0]);
    } else if (removed > 0) {
        report(d, path, plan_rel_kind_text(before->kind), "", settings_of(d, before), NULL);
        compare_parts(d, path, plan_rel_kind_text(before->kind), conditions_of(d, before),
                      (struct parts){0});
        compare(d, below(d, path, before, 0, before->inputs[0]), before->inputs[0], after);
    } else {
        report(d, path, "node", "", settings_of(d, before), settings_of(d, after));
        for (size_t i = 0; i < before->input_count && i < after->input_count; i++)
            compare(d, below(d, path, after, i, after->inputs[i]), before->inputs[i],
                    after->inputs[i]);
    }
}

static void compare(struct diff *d, const char *path, const struct plan_rel *before,
                    const struct plan_rel *after)
{
    if (before == after || d->met[before->id] == after || !d->ok)
        return;
    d->met[before->id] = after;
    if (before->kind != after->kind) {
        compare_kinds(d, path, before, after);
        return;
    }
    const char *node = plan_rel_kind_text(before->kind), *old = settings_of(d, before),
               *new = settings_of(d, after);
    struct parts groups = {0}, others = {0};
    if (strcmp(old, new) != 0)
        report(d, path, node, "", old, new);
    compare_parts(d, path, node, conditions_of(d, before), conditions_of(d, after));
    add_named(d, &groups, before->groups, before->group_count);
    add_named(d, &others, after->groups, after->group_count);
    compare_parts(d, path, "group", groups, others);
    compare_parts(d, path, "column", columns_of(d, before), columns_of(d, after));
    for (size_t i = 0; i < before->input_count || i < after->input_count; i++) {
        if (i < before->input_count && i < after->input_count)
            compare(d, below(d, path, after, i, after->inputs[i]), before->inputs[i],
                    after->inputs[i]);
        else if (i < before->input_count)
            report(d, path, "input", "", settings_of(d, before->inputs[i]), NULL);
        else
            report(d, path, "input", "", NULL, settings_of(d, after->inputs[i]));
    }
}

enum err_code plan_diff(const struct plan_rel *before, const struct plan_rel *after, json_t **ret,
                        struct err *err)
{
    char signature[65], other[65];
    *ret = NULL;
    TRY(plan_signature(before, signature, err));
    TRY(plan_signature(after, other, err));
    AUTO(arena_free) struct arena *arena = arena_new(0);
    bool equal = strcmp(signature, other) == 0;
    struct diff d = {.arena = arena, .changes = json_array(), .ok = arena != NULL};
    d.met = arena == NULL ? NULL : arena_array(arena, (size_t)before->id + 1, sizeof *d.met);
    if (d.met != NULL && !equal)
        compare(&d, plan_rel_kind_text(after->kind), before, after);
    json_t *json = json_object();
    json_put_flag(json, "equal", equal, &d.ok);
    json_put(json, "changes", d.changes, &d.ok);
    enum err_code code = json_built(d.ok && d.met != NULL && json != NULL, err);
    if (code != ERR_OK)
        json_decref(json);
    else
        *ret = json;
    return code;
}
