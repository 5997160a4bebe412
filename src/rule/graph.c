/* A sound bundle's identity and pictures.
 *
 *   signature(rule)   = plan's signature, a scan of rule r carrying signature(r) as its table's
 * content signature(bundle) = sha256("marrow-rules" NUL format NUL {name NUL signature NUL} by
 * name)
 *
 * So a change of one rule's meaning changes it, what depends on it and the bundle, and nothing
 * else; descriptions, files and the order in which rules are written change nothing. */
#include "rule/rule_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err_code sign_rule(const struct rule_bundle *bundle, struct rule *rule, struct err *err)
{
    JSON_AUTO copy = json_deep_copy(rule->plan);
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = NULL;
    json_t *node;
    size_t idx;
    bool ok = copy != NULL && plan != NULL;
    TRY(json_built(ok, err));
    json_array_foreach(json_object_get(copy, "nodes"), idx, node)
    {
        int64_t other = strcmp(json_text(node, "node", ""), "scan") == 0
                            ? rule_find(bundle, json_text(node, "table", ""))
                            : -1;
        if (other >= 0)
            json_put_text(node, "identity", bundle->rules[other].signature, &ok);
    }
    TRY(json_built(ok, err));
    TRY(plan_from_json(plan, copy, rule->file, &root, err));
    return plan_signature(root, rule->signature, err);
}

static int by_name(const void *a, const void *b)
{
    const struct rule *const *first = a, *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

enum err_code rule_bundle_sign(struct rule_bundle *bundle, struct err *err)
{
    const struct rule **sorted = arena_array(bundle->arena, bundle->rule_count + 1, sizeof *sorted);
    char format[16];
    for (size_t i = 0; i < bundle->rule_count; i++)
        TRY(sign_rule(bundle, &bundle->rules[bundle->order[i]], err));
    struct hash_sha256 *hash = hash_sha256_new();
    if (sorted == NULL || hash == NULL) {
        hash_sha256_free(hash);
        return err_set(err, ERR_MEMORY, "no memory for a hash");
    }
    for (size_t i = 0; i < bundle->rule_count; i++)
        sorted[i] = &bundle->rules[i];
    qsort(sorted, bundle->rule_count, sizeof *sorted, by_name);
    (void)snprintf(format, sizeof format, "%d", RULE_FORMAT_VERSION);
    hash_sha256_add(hash, "marrow-rules", sizeof "marrow-rules");
    hash_sha256_add(hash, format, strlen(format) + 1);
    for (size_t i = 0; i < bundle->rule_count; i++) {
        hash_sha256_add(hash, sorted[i]->name, strlen(sorted[i]->name) + 1);
        hash_sha256_add(hash, sorted[i]->signature, sizeof sorted[i]->signature);
    }
    hash_sha256_finish(hash, bundle->signature);
    hash_sha256_free(hash);
    return ERR_OK;
}

/* ---- pictures ----------------------------------------------------------------------------------
 */

/* A DOT string: quoted, with " and \ escaped. Inputs' names may be anything. */
static void dot_name(struct buf *out, const char *name)
{
    buf_putc(out, '"');
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *p == '\n' ? ' ' : *p);
    }
    buf_putc(out, '"');
}

/* Inputs that a rule scans itself, each once, in the bundle's order. */
static bool reads_input(const struct rule *rule, const char *input)
{
    const json_t *nodes = json_object_get(rule->plan, "nodes");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        if (strcmp(json_text(node, "node", ""), "scan") == 0 &&
            str_equal_nocase(str_of(json_text(node, "table", "")), str_of(input)))
            return true;
    }
    return false;
}

enum err_code rule_graph_dot(const struct rule_bundle *bundle, struct buf *ret, struct err *err)
{
    buf_puts(ret, "digraph ");
    dot_name(ret, bundle->name);
    buf_puts(ret, " {\n  rankdir=LR;\n  node [shape=ellipse];\n");
    for (size_t i = 0; i < bundle->input_count; i++) {
        buf_puts(ret, "  ");
        dot_name(ret, bundle->inputs[i].name);
        buf_printf(ret, " [shape=box%s];\n", bundle->inputs[i].optional ? ", style=dashed" : "");
    }
    for (size_t i = 0; i < bundle->rule_count; i++) {
        const struct rule *rule = &bundle->rules[i];
        buf_puts(ret, "  ");
        dot_name(ret, rule->name);
        buf_puts(ret, ";\n");
        for (size_t k = 0; k < bundle->input_count + rule->use_count; k++) {
            const char *from = k < bundle->input_count
                                   ? bundle->inputs[k].name
                                   : bundle->rules[rule->uses[k - bundle->input_count]].name;
            if (k < bundle->input_count && !reads_input(rule, from))
                continue;
            buf_puts(ret, "  ");
            dot_name(ret, from);
            buf_puts(ret, " -> ");
            dot_name(ret, rule->name);
            buf_puts(ret, ";\n");
        }
    }
    buf_puts(ret, "}\n");
    return buf_check(ret, err);
}

#define TREE_DEPTH 64 /* deeper, a rule's uses are "…" */

struct tree {
    const struct rule_bundle *bundle;
    struct buf *out;
    bool *shown;
    char indent[TREE_DEPTH * 8];
};

static void put_rule(struct tree *tree, size_t at, size_t indent, size_t depth)
{
    const struct rule *rule = &tree->bundle->rules[at];
    size_t total = rule->use_count, put = 0;
    bool again = tree->shown[at];
    buf_printf(tree->out, "%s%s\n", rule->name, again ? " (above)" : "");
    tree->shown[at] = true;
    for (size_t i = 0; i < tree->bundle->input_count; i++)
        total += reads_input(rule, tree->bundle->inputs[i].name) ? 1 : 0;
    for (size_t k = 0; !again && k < rule->use_count + tree->bundle->input_count; k++) {
        bool is_rule = k < rule->use_count;
        const struct rule_input *input =
            is_rule ? NULL : &tree->bundle->inputs[k - rule->use_count];
        if (!is_rule && !reads_input(rule, input->name))
            continue;
        bool last = ++put == total;
        buf_printf(tree->out, "%.*s%s", (int)indent, tree->indent, last ? "└─ " : "├─ ");
        if (!is_rule) {
            buf_printf(tree->out, "[%s]%s\n", input->name, input->optional ? " optional" : "");
        } else if (depth + 1 == TREE_DEPTH) {
            buf_puts(tree->out, "…\n");
        } else {
            const char *more = last ? "   " : "│  ";
            size_t length = strlen(more);
            memcpy(tree->indent + indent, more, length);
            put_rule(tree, rule->uses[k], indent + length, depth + 1);
        }
    }
}

enum err_code rule_graph_text(const struct rule_bundle *bundle, struct buf *ret, struct err *err)
{
    struct tree tree = {.bundle = bundle, .out = ret};
    bool *used = arena_array(bundle->arena, bundle->rule_count + 1, sizeof *used);
    tree.shown = arena_array(bundle->arena, bundle->rule_count + 1, sizeof *tree.shown);
    if (used == NULL || tree.shown == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the graph");
    for (size_t i = 0; i < bundle->rule_count; i++)
        for (size_t k = 0; k < bundle->rules[i].use_count; k++)
            used[bundle->rules[i].uses[k]] = true;
    for (size_t i = 0; i < bundle->rule_count; i++)
        if (!used[i])
            put_rule(&tree, i, 0, 0);
    return buf_check(ret, err);
}
