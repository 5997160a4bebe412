/* A materialised view read: a base and the deltas over it, merged when read.
 *
 *   base.parquet                       delta 1                         delta 2
 *   marrow_resource  code …            marrow_resource marrow_row code …
 *   c1               A                 c2  false  -   (c2 changed)     c3  false  -   (c3 went)
 *   c2               B                 c2  true   B'
 *   c3               C
 *
 *   SELECT … base  but not of resources that a delta names
 *   UNION ALL SELECT … of delta 1, marrow_row, but not of those that delta 2 names
 *   UNION ALL SELECT … of delta 2, marrow_row                       → c1 A, c2 B' */
#include "api/views_priv.h"

#include "run/run.h"

#include <string.h>

struct layer {
    char path[FILE_PATH_BYTES];
};

/* The one Parquet file of a layer's run; sizes are checked. */
static enum err_code layer_open(struct api *api, const char *dataset, const char *run_id,
                                struct layer *ret, struct err *err)
{
    JSON_AUTO manifest = NULL;
    char directory[FILE_PATH_BYTES];
    TRY(store_run_read(api->store, dataset, run_id, &manifest, err));
    TRY(run_check_files(api->store, dataset, manifest, err));
    TRY(store_run_path(api->store, dataset, run_id, directory, err));
    const json_t *files = json_object_get(manifest, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        const char *name = json_text(json_array_get(files, i), "name", "");
        if (str_has_suffix_nocase(str_of(name), ".parquet"))
            return file_path_join(directory, name, ret->path, err);
    }
    return err_set(err, ERR_INTEGRITY, "run %.12s of a view has no rows' file", run_id);
}

static void add_file(struct buf *sql, const struct layer *layer)
{
    buf_puts(sql, "read_parquet(");
    engine_quote_literal(sql, str_of(layer->path));
    buf_putc(sql, ')');
}

static void add_columns(struct buf *sql, const json_t *columns, bool all)
{
    buf_puts(sql, all ? VIEWS_RESOURCE : "");
    for (size_t i = 0; i < json_array_size(columns); i++) {
        buf_puts(sql, i > 0 || all ? ", " : "");
        engine_quote_identifier(sql, str_of(json_text(json_array_get(columns, i), "name", "")));
    }
}

/* ANTI JOIN over the resources that the layers after `at` name. */
static void add_hidden(struct buf *sql, const struct layer *layers, size_t at, size_t count)
{
    if (at + 1 == count)
        return;
    buf_puts(sql, " ANTI JOIN (");
    for (size_t i = at + 1; i < count; i++) {
        buf_puts(sql, i == at + 1 ? "SELECT " VIEWS_RESOURCE " FROM "
                                  : " UNION ALL SELECT " VIEWS_RESOURCE " FROM ");
        add_file(sql, &layers[i]);
        buf_puts(sql, " WHERE NOT " VIEWS_ROW);
    }
    buf_puts(sql, ") USING (" VIEWS_RESOURCE ")");
}

/* Rows of the layers from `from` on, 0: of all. */
static enum err_code layers_sql(const struct layer *layers, size_t from, size_t count,
                                const json_t *columns, bool all, struct buf *ret, struct err *err)
{
    for (size_t i = from; i < count; i++) {
        buf_puts(ret, i == from ? "SELECT " : "\nUNION ALL SELECT ");
        add_columns(ret, columns, all);
        buf_puts(ret, " FROM ");
        if (i == 0) {
            add_file(ret, &layers[i]);
        } else {
            buf_puts(ret, "(SELECT * FROM ");
            add_file(ret, &layers[i]);
            buf_puts(ret, " WHERE " VIEWS_ROW ")");
        }
        add_hidden(ret, layers, i, count);
    }
    return buf_check(ret, err);
}

static enum err_code open_layers(struct api *api, const char *dataset, const json_t *entry,
                                 struct layer **ret, size_t *ret_count, struct err *err)
{
    const json_t *ids = json_object_get(entry, "layers");
    *ret_count = json_array_size(ids);
    *ret = mem_zalloc(*ret_count + 1, sizeof **ret);
    if (*ret == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a view's layers");
    if (*ret_count == 0)
        return err_set(err, ERR_INTEGRITY, "a materialised view has no layers in dataset.json");
    for (size_t i = 0; i < *ret_count; i++)
        TRY(layer_open(api, dataset, json_string_value(json_array_get(ids, i)), &(*ret)[i], err));
    return ERR_OK;
}

enum err_code api_view_layers_sql(struct api *api, const char *dataset, const json_t *entry,
                                  bool all, json_t *allowed, struct buf *ret, struct err *err)
{
    AUTO(mem_free) struct layer *layers = NULL;
    size_t count = 0;
    bool ok = true;
    TRY(open_layers(api, dataset, entry, &layers, &count, err));
    for (size_t i = 0; i < count && allowed != NULL; i++)
        json_push_text(allowed, layers[i].path, &ok);
    TRY(json_built(ok, err));
    return layers_sql(layers, 0, count, json_object_get(entry, "columns"), all, ret, err);
}

enum err_code api_view_changes_sql(struct api *api, const char *dataset, const json_t *entry,
                                   size_t from, struct buf *ret_resources, struct buf *ret_rows,
                                   struct err *err)
{
    AUTO(mem_free) struct layer *layers = NULL;
    size_t count = 0;
    TRY(open_layers(api, dataset, entry, &layers, &count, err));
    for (size_t i = from; i < count; i++) {
        buf_puts(ret_resources, i == from ? "SELECT " VIEWS_RESOURCE " FROM "
                                          : " UNION SELECT " VIEWS_RESOURCE " FROM ");
        add_file(ret_resources, &layers[i]);
        buf_puts(ret_resources, " WHERE NOT " VIEWS_ROW);
    }
    TRY(buf_check(ret_resources, err));
    return layers_sql(layers, from, count, json_object_get(entry, "columns"), true, ret_rows, err);
}
