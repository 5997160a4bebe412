/* Materialised views on a server: real tables of the schema sqlonfhir, with indexes on ids, codes
 * and dates, swapped in together (run_mirror). A table's note has the layers that it holds: a
 * refresh sends what later ones brought. */
#include "api/views_priv.h"

#include <string.h>

#define INDEXES_MOST 16

/* A view as it is to stand there. */
struct held {
    struct api *api;
    const char *dataset;
    const json_t *entry;
};
struct mirrored {
    struct held *helds;
    struct run_mirror_table *tables;
    struct data_schema *schemas;
    struct buf *selects, *notes;
    const char **indexes; /* INDEXES_MOST of each table */
    size_t count;
};

static void mirrored_done(struct mirrored *mirrored)
{
    for (size_t i = 0; i < mirrored->count; i++) {
        data_schema_done(&mirrored->schemas[i]);
        buf_done(&mirrored->selects[i]);
        buf_done(&mirrored->notes[i]);
    }
    mem_free(mirrored->tables);
    mem_free(mirrored->schemas);
    mem_free(mirrored->selects);
    mem_free(mirrored->notes);
    mem_free(mirrored->helds);
    mem_free(mirrored->indexes);
}

/* What people look up: the id, references to patients and encounters, codes, dates. */
static bool is_looked_up(const char *column)
{
    static const char *const whole[] = {VIEWS_RESOURCE, "id", "patient_id", "encounter_id", "code"};
    struct str name = str_of(column);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(column, whole[i]) == 0)
            return true;
    return str_has_suffix_nocase(name, "_code") || str_has_suffix_nocase(name, "_date") ||
           strcmp(column, "date") == 0;
}

static enum err_code note_of(const char *dataset, const char *name, const json_t *views,
                             struct buf *ret, struct err *err)
{
    char identity[65];
    bool ok = true;
    JSON_AUTO note = json_object();
    TRY(api_view_kept_identity(views, name, identity, err));
    json_put_text(note, "identity", identity, &ok);
    json_put_text(note, "dataset", dataset, &ok);
    json_put_text(note, "version", json_text(json_object_get(views, name), "version", ""), &ok);
    json_put(note, "layers",
             json_deep_copy(json_object_get(json_object_get(views, name), "layers")), &ok);
    TRY(json_built(ok, err));
    TRY(json_canonical(note, ret, err));
    return buf_check(ret, err);
}

/* The table holds the first of the layers that the view has now: what the others brought. */
static enum err_code since(void *user, const char *note, struct run_mirror_change *ret,
                           struct err *err)
{
    const struct held *held = user;
    const json_t *now = json_object_get(held->entry, "layers");
    JSON_AUTO parsed = NULL;
    if (json_parse(str_of(note), "a note", &parsed, ERR_IGNORED) != ERR_OK)
        return ERR_OK;
    const json_t *then = json_object_get(parsed, "layers");
    size_t count = json_array_size(then);
    if (count == 0 || count > json_array_size(now))
        return ERR_OK;
    for (size_t i = 0; i < count; i++)
        if (!json_equal(json_array_get(then, i), json_array_get(now, i)))
            return ERR_OK;
    ret->known = true;
    return api_view_changes_sql(held->api, held->dataset, held->entry, count, &ret->keys,
                                &ret->rows, err);
}

/* The view's columns behind the resource that each row is of. */
static enum err_code columns_of(const char *name, const json_t *entry, struct data_schema *ret,
                                struct err *err)
{
    bool ok = true;
    JSON_AUTO columns = json_array();
    json_t *resource = json_object();
    json_put_text(resource, "name", VIEWS_RESOURCE, &ok);
    json_put_text(resource, "type", "text", &ok);
    json_push(columns, resource, &ok);
    if (json_array_extend(columns, json_object_get(entry, "columns")) != 0)
        ok = false;
    TRY(json_built(ok, err));
    return data_schema_from_json(columns, name, ret, err);
}

static enum err_code add_view(struct api *api, const char *dataset, const char *name,
                              const json_t *views, struct mirrored *mirrored, struct err *err)
{
    const json_t *entry = json_object_get(views, name);
    size_t at = mirrored->count++;
    struct run_mirror_table *table = &mirrored->tables[at];
    const char **indexes = &mirrored->indexes[at * INDEXES_MOST];
    *table = (struct run_mirror_table){.name = name,
                                       .columns = &mirrored->schemas[at],
                                       .indexes = indexes,
                                       .key = VIEWS_RESOURCE,
                                       .since = since,
                                       .user = &mirrored->helds[at]};
    mirrored->helds[at] = (struct held){api, dataset, entry};
    TRY(api_view_layers_sql(api, dataset, entry, true, NULL, &mirrored->selects[at], err));
    table->select = buf_text(&mirrored->selects[at]);
    TRY(note_of(dataset, name, views, &mirrored->notes[at], err));
    table->note = buf_text(&mirrored->notes[at]);
    TRY(columns_of(name, entry, &mirrored->schemas[at], err));
    for (size_t i = 0; i < table->columns->count && table->index_count < INDEXES_MOST; i++)
        if (is_looked_up(table->columns->columns[i].name))
            indexes[table->index_count++] = table->columns->columns[i].name;
    return ERR_OK;
}

enum err_code api_views_mirror(struct api *api, struct store_version *version,
                               const struct api_view_jobs *jobs, const char *url, json_t **ret,
                               struct err *err)
{
    JSON_AUTO views = NULL;
    struct engine_options engine = api_engine_options(api);
    struct mirrored mirrored = {
        .tables = mem_zalloc(jobs->count + 1, sizeof *mirrored.tables),
        .schemas = mem_zalloc(jobs->count + 1, sizeof *mirrored.schemas),
        .selects = mem_zalloc(jobs->count + 1, sizeof *mirrored.selects),
        .helds = mem_zalloc(jobs->count + 1, sizeof *mirrored.helds),
        .notes = mem_zalloc(jobs->count + 1, sizeof *mirrored.notes),
        .indexes = mem_zalloc((jobs->count + 1) * INDEXES_MOST, sizeof *mirrored.indexes)};
    enum err_code code = mirrored.tables == NULL || mirrored.schemas == NULL ||
                                 mirrored.selects == NULL || mirrored.notes == NULL ||
                                 mirrored.helds == NULL || mirrored.indexes == NULL
                             ? err_set(err, ERR_MEMORY, "no memory for the views")
                             : api_views_read(api, store_version_dataset(version), &views, err);
    for (size_t i = 0; i < jobs->count && code == ERR_OK; i++)
        code = add_view(api, store_version_dataset(version), jobs->jobs[i].view.name, views,
                        &mirrored, err);
    engine.url = url;
    if (code == ERR_OK)
        code =
            run_mirror(&engine, version, VIEWS_SCHEMA, mirrored.tables, mirrored.count, ret, err);
    mirrored_done(&mirrored);
    return code;
}
