/* Materialised views on a server: real tables of the schema sqlonfhir, with indexes on ids, codes
 * and dates, swapped in together (run_mirror). */
#include "api/views_priv.h"

#include <string.h>

#define INDEXES_MOST 16

struct mirrored {
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
    mem_free(mirrored->indexes);
}

/* What people look up: the id, references to patients and encounters, codes, dates. */
static bool is_looked_up(const char *column)
{
    static const char *const whole[] = {"id", "patient_id", "encounter_id", "code"};
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
    TRY(json_built(ok, err));
    TRY(json_canonical(note, ret, err));
    return buf_check(ret, err);
}

static enum err_code add_view(struct api *api, const char *dataset, const char *name,
                              const json_t *views, struct mirrored *mirrored, struct err *err)
{
    const json_t *entry = json_object_get(views, name);
    size_t at = mirrored->count++;
    struct run_mirror_table *table = &mirrored->tables[at];
    const char **indexes = &mirrored->indexes[at * INDEXES_MOST];
    *table = (struct run_mirror_table){
        .name = name, .columns = &mirrored->schemas[at], .indexes = indexes};
    TRY(api_view_layers_sql(api, dataset, entry, false, NULL, &mirrored->selects[at], err));
    table->select = buf_text(&mirrored->selects[at]);
    TRY(note_of(dataset, name, views, &mirrored->notes[at], err));
    table->note = buf_text(&mirrored->notes[at]);
    TRY(data_schema_from_json(json_object_get(entry, "columns"), name, &mirrored->schemas[at],
                              err));
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
        .notes = mem_zalloc(jobs->count + 1, sizeof *mirrored.notes),
        .indexes = mem_zalloc((jobs->count + 1) * INDEXES_MOST, sizeof *mirrored.indexes)};
    enum err_code code = mirrored.tables == NULL || mirrored.schemas == NULL ||
                                 mirrored.selects == NULL || mirrored.notes == NULL ||
                                 mirrored.indexes == NULL
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
