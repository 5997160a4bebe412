/* A table of a version carried over into the version that an import makes: its object is shared,
 * nothing is read or copied. */
#include <string.h>

#include "store/store_priv.h"

static const json_t *entry_of(const struct store_version *version, const char *table)
{
    const json_t *tables = json_object_get(store_version_manifest(version), "tables");
    for (size_t i = 0; i < json_array_size(tables); i++)
        if (strcmp(json_text(json_array_get(tables, i), "name", ""), table) == 0)
            return json_array_get(tables, i);
    return NULL;
}

/* Room for one more: a table without a staged folder. */
static enum err_code add_slot(struct store_import *import, struct err *err)
{
    if (import->staged_count >= STORE_LIMIT_TABLES)
        return err_set(err, ERR_LIMIT, "more than %d tables in one import", STORE_LIMIT_TABLES);
    if (import->staged_count == import->staged_cap) {
        size_t wanted = import->staged_cap == 0 ? 16 : 2 * import->staged_cap;
        char **grown = mem_resize(import->staged, wanted, sizeof *grown);
        if (grown == NULL)
            return err_set(err, ERR_MEMORY, "no memory to import");
        import->staged = grown;
        import->staged_cap = wanted;
    }
    import->staged[import->staged_count++] = NULL;
    return ERR_OK;
}

enum err_code store_import_keep(struct store_import *import, const struct store_version *version,
                                const char *table, struct err *err)
{
    const struct store_table *found = store_version_table_find(version, table);
    const json_t *entry = found != NULL ? entry_of(version, found->name) : NULL;
    bool ok = true;
    if (entry == NULL || strcmp(store_version_dataset(version), import->dataset) != 0)
        return err_set(err, ERR_NOT_FOUND, "dataset %s has no table %.200s to keep",
                       import->dataset, table);
    TRY(add_slot(import, err));
    json_push(import->tables, json_deep_copy(entry), &ok);
    return json_built(ok, err);
}
