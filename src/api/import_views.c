/* Import of a dataset's views: their rows as files in the import's staging folder, where ingest
 * finds them like any others, so that types, keys, marts and questions work on flat tables.
 *
 *     staging/views/patient_demographics.csv     every view that is materialised, by the route that
 * a query would take; where none is, condition_simple.csv …       the built-in ones that have rows
 */
#include "api/views_priv.h"

#include <stdio.h>
#include <string.h>

/* A view says whose its rows are by its column patient_id. */
static enum err_code has_patients(const json_t *views, const char *name, bool *ret, struct err *err)
{
    AUTO(api_view_done) struct api_view view = {.view = NULL};
    *ret = false;
    TRY(api_view_find(views, name, &view, err));
    for (size_t i = 0; i < fhir_view_column_count(view.view) && !*ret; i++)
        *ret = strcmp(fhir_view_column(view.view, i)->name, "patient_id") == 0;
    return ERR_OK;
}

/* The cohort's table cohort_NAME, attached: *ret, NULL where none is asked for. */
static enum err_code attach_cohort(struct api *api, struct store_version *version,
                                   struct engine *engine, const char *cohort, struct buf *table,
                                   const char **ret, struct err *err)
{
    *ret = NULL;
    if (cohort == NULL)
        return ERR_OK;
    buf_printf(table, "%s%s", str_has_prefix(str_of(cohort), "cohort_") ? "" : "cohort_", cohort);
    TRY(buf_check(table, err));
    *ret = buf_text(table);
    enum err_code code = api_attach_names(api, version, engine, ret, 1, err);
    if (code == ERR_NOT_FOUND)
        return err_hint(err,
                        "a cohort is saved of one version: 'marrow cohort save %s CRITERIA --name "
                        "%s' does it of the newest",
                        store_version_dataset(version), *ret + strlen("cohort_"));
    return code;
}

static enum err_code write_view(struct api *api, struct store_version *version,
                                struct engine *engine, const char *cohort, const char *name,
                                const char *folder, int64_t *ret_rows, struct err *err)
{
    char word[STORE_LIMIT_NAME_BYTES + 16], file[STORE_LIMIT_NAME_BYTES + 8], path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf sql = BUF_INIT;
    bool found = false;
    (void)snprintf(word, sizeof word, VIEWS_SCHEMA ".%s", name);
    (void)snprintf(file, sizeof file, "%s.csv", name);
    TRY(file_path_join(folder, file, path, err));
    TRY(api_view_attach(api, version, engine, word, NULL, NULL, &found, err));
    if (!found)
        return err_set(err, ERR_NOT_FOUND, "there is no view %s", name);
    buf_puts(&sql, "COPY (SELECT * FROM " VIEWS_SCHEMA ".");
    engine_quote_identifier(&sql, str_of(name));
    if (cohort != NULL) {
        buf_puts(&sql, " WHERE patient_id IN (SELECT patient_id FROM ");
        engine_quote_identifier(&sql, str_of(cohort));
        buf_puts(&sql, ")");
    }
    buf_puts(&sql, ") TO ");
    engine_quote_literal(&sql, str_of(path));
    buf_puts(&sql, " (FORMAT csv, HEADER)");
    TRY(buf_check(&sql, err));
    TRY(engine_query_int(engine, buf_text(&sql), 0, ret_rows, err));
    return *ret_rows > 0
               ? ERR_OK
               : file_remove(path, err); /* a view without rows says nothing of its types */
}

/* A column of FHIR's texts (codes, ids, strings) is text, whatever stands in it: a code of digits is
 * no number, "?" no missing value. Dates and numbers are found by their values, as in any file.
 * What the user decided of a column stays. */
static enum err_code keep_texts(const json_t *views, const char *name, bool markers_given,
                                json_t *overrides, struct err *err)
{
    static const char *const others[] = {"", "date", "dateTime", "instant", "time", "decimal"};
    AUTO(api_view_done) struct api_view view = {.view = NULL};
    bool ok = true;
    TRY(api_view_find(views, name, &view, err));
    json_t *table = json_object();
    for (size_t i = 0; i < fhir_view_column_count(view.view); i++) {
        const struct fhir_view_column *column = fhir_view_column(view.view, i);
        bool text = column->type.kind == DATA_TEXT;
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            text = text && strcmp(column->fhir_type, others[k]) != 0;
        if (!text)
            continue;
        json_t *one = json_object(), *markers = markers_given ? NULL : json_array();
        json_put_text(one, "type", "text", &ok);
        if (!markers_given) {
            json_push_text(markers, "", &ok);
            json_put(one, "null_markers", markers, &ok);
        }
        json_put(table, column->name, one, &ok);
    }
    json_t *given = json_object_get(overrides, name);
    if (given != NULL && json_object_update(table, given) != 0)
        ok = false;
    json_put(overrides, name, table, &ok);
    return json_built(ok, err);
}

/* Names of the views: those that the dataset has, else the built-in ones. */
static enum err_code names_of(const json_t *kept, json_t *names, struct err *err)
{
    json_t *entry, *views;
    const char *name;
    bool ok = true;
    memcpy(&views, &kept, sizeof views);
    json_object_foreach(views, name, entry) json_push_text(names, name, &ok);
    size_t count = 0;
    const struct fhir_builtin *builtin = fhir_builtin_views(&count);
    for (size_t i = 0; json_object_size(views) == 0 && i < count; i++)
        json_push_text(names, builtin[i].name, &ok);
    return json_built(ok, err);
}

enum err_code api_import_views(struct api *api, const struct api_import_options *import,
                               const char *staging, char ret_folder[FILE_PATH_BYTES],
                               json_t *overrides, json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = api_engine_options(api);
    AUTO(buf_done) struct buf table = BUF_INIT;
    const char *cohort = NULL, *dataset = import->from_views;
    JSON_AUTO names = json_array();
    JSON_AUTO views = NULL;
    int64_t rows = 0, total = 0;
    bool ok = true;
    TRY(file_path_join(staging, "views", ret_folder, err));
    TRY(file_make_directory(ret_folder, err));
    TRY(store_version_open(api->store, dataset, NULL, &version, err));
    TRY(api_views_read(api, dataset, &views, err));
    TRY(names_of(views, names, err));
    TRY(engine_open(&options, &engine, err));
    TRY(attach_cohort(api, version, engine, import->cohort, &table, &cohort, err));
    for (size_t i = 0; i < json_array_size(names); i++) {
        TRY(progress_check(api->options.progress, err));
        const char *name = json_string_value(json_array_get(names, i));
        bool fits = true;
        if (cohort != NULL)
            TRY(has_patients(views, name, &fits, err));
        if (!fits) {
            api_warn(api, "view %s is left out: without a column patient_id it is of no cohort", name);
            continue;
        }
        TRY(write_view(api, version, engine, cohort, name, ret_folder, &rows, err));
        if (rows > 0)
            TRY(keep_texts(views, name, import->null_marker_count > 0, overrides, err));
        total += rows;
    }
    TRY(store_version_still(version, err));
    if (total == 0) {
        (void)err_set(err, ERR_INPUT, "no view of %s has rows%s", dataset,
                      cohort != NULL ? " of the cohort's patients" : "");
        if (cohort != NULL)
            return err_hint(err, "'marrow cohort count' says how many patients meet its criteria");
        return err_hint(
            err, "views read FHIR resources: import an export first; marrow view list %s", dataset);
    }
    json_t *about = json_object();
    json_put_text(about, "kind", "views", &ok);
    json_put_text(about, "dataset", dataset, &ok);
    json_put_text(about, "version", store_version_id(version), &ok);
    if (cohort != NULL)
        json_put_text(about, "cohort", cohort, &ok);
    *ret = about;
    return json_built(ok, err);
}
