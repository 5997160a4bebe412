/* Walks over the relations of a plan, each visited once however often it is used. */
#include "plan/plan_priv.h"

#include <string.h>

struct tables {
    uint8_t *seen; /* by node id */
    const char **names;
    size_t count, cap;
    bool failed;
};

static void tables_add(struct tables *tables, const char *name)
{
    for (size_t i = 0; i < tables->count; i++)
        if (strcmp(tables->names[i], name) == 0)
            return;
    if (tables->count == tables->cap) {
        size_t cap = tables->cap == 0 ? 16 : tables->cap * 2;
        const char **names = mem_resize(tables->names, cap, sizeof *names);
        if (names == NULL) {
            tables->failed = true;
            return;
        }
        tables->names = names;
        tables->cap = cap;
    }
    tables->names[tables->count++] = name;
}

static void visit(struct tables *tables, const struct plan_rel *rel)
{
    if (tables->seen[rel->id])
        return;
    tables->seen[rel->id] = 1;
    if (rel->kind == PLAN_SCAN)
        tables_add(tables, rel->table);
    for (size_t i = 0; i < rel->input_count; i++)
        visit(tables, rel->inputs[i]);
}

enum err_code plan_tables(const struct plan_rel *root, const char ***ret, size_t *ret_count,
                          struct err *err)
{
    *ret = NULL;
    *ret_count = 0;
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    struct tables tables = {.seen = mem_zalloc((size_t)root->id + 1, 1)};
    if (tables.seen != NULL)
        visit(&tables, root);
    bool failed = tables.seen == NULL || tables.failed;
    mem_free(tables.seen);
    if (failed) {
        mem_free(tables.names);
        return err_set(err, ERR_MEMORY, "no memory for the names of the plan's tables");
    }
    *ret = tables.names;
    *ret_count = tables.count;
    return ERR_OK;
}

/* ---- what scans say ----------------------------------------------------------------------------
 */

struct said {
    uint8_t *seen;
    json_t *tables;
    bool ok;
    const char *clash; /* a table of which two scans say different things */
};

static void visit_said(struct said *said, const struct plan_rel *rel)
{
    if (said->seen[rel->id])
        return;
    said->seen[rel->id] = 1;
    for (size_t i = 0; i < rel->input_count; i++)
        visit_said(said, rel->inputs[i]);
    if (rel->kind != PLAN_SCAN || rel->scan_options == NULL)
        return;
    json_t *options = NULL;
    if (json_parse(str_of(rel->scan_options), "options", &options, ERR_IGNORED) != ERR_OK) {
        said->ok = false;
        return;
    }
    const json_t *known = json_object_get(said->tables, rel->table);
    if (known != NULL && !json_equal(known, options))
        said->clash = rel->table;
    json_put(said->tables, rel->table, options, &said->ok);
}

enum err_code plan_scan_options(const struct plan_rel *root, json_t **ret, struct err *err)
{
    *ret = NULL;
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    AUTO(mem_free) uint8_t *seen = mem_zalloc((size_t)root->id + 1, 1);
    JSON_AUTO tables = json_object();
    struct said said = {.seen = seen, .tables = tables, .ok = seen != NULL && tables != NULL};
    if (said.ok)
        visit_said(&said, root);
    TRY(json_built(said.ok, err));
    if (said.clash != NULL)
        return err_set(err, ERR_INPUT, "two scans of table %.200s say different options",
                       said.clash);
    *ret = json_incref(tables);
    return ERR_OK;
}
