/* Views by name: registered with a dataset, built in, or a file; and what can be said of one
 * without any data: its check, its DDL, its SQL. */
#include "api/library_priv.h"
#include "api/plan_priv.h"
#include "api/views_priv.h"

#include <string.h>

#define VIEW_LIMIT_BYTES (16 << 20)

const char *api_views_plain_name(const char *name)
{
    size_t length = sizeof VIEWS_SCHEMA "." - 1;
    bool prefixed = strlen(name) > length &&
                    str_equal_nocase((struct str){name, length}, STR(VIEWS_SCHEMA "."));
    return prefixed ? name + length : name;
}

enum err_code api_views_read(struct api *api, const char *dataset, json_t **ret, struct err *err)
{
    JSON_AUTO decided = NULL;
    TRY(store_dataset_read(api->store, dataset, &decided, err));
    json_t *views = json_object_get(decided, "views");
    *ret = json_is_object(views) ? json_incref(views) : json_object();
    return *ret == NULL ? err_set(err, ERR_MEMORY, "no memory for the views") : ERR_OK;
}

/* ---- finding one -------------------------------------------------------------------------------
 */

void api_view_done(struct api_view *view)
{
    if (view != NULL)
        fhir_view_free(view->view);
}

/* The name as a table's: the definition's own, else the file's. */
static enum err_code take_name(struct api_view *view, const char *word, struct err *err)
{
    const char *name = fhir_view_name(view->view), *slash = strrchr(word, '/');
    size_t length = strlen(name);
    if (length == 0) {
        name = slash != NULL ? slash + 1 : word;
        length = strcspn(name, ".");
    }
    if (length == 0 || length > STORE_LIMIT_NAME_BYTES)
        return err_set(err, ERR_INPUT, "%.200s: a view's name has 1 to %d characters", word,
                       STORE_LIMIT_NAME_BYTES);
    for (size_t i = 0; i < length; i++)
        view->name[i] = (char)(name[i] == '-' || name[i] == ' ' ? '_' : name[i]);
    view->name[length] = '\0';
    return ERR_OK;
}

static const struct fhir_builtin *find_builtin(const char *word)
{
    size_t count = 0;
    const struct fhir_builtin *all = fhir_builtin_views(&count);
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(str_of(all[i].name), str_of(word)))
            return &all[i];
    return NULL;
}

static enum err_code unknown_view(const json_t *views, const char *word, struct err *err)
{
    struct nearest nearest = {.asked = word};
    AUTO(buf_done) struct buf known = BUF_INIT;
    size_t count = 0;
    const struct fhir_builtin *all = fhir_builtin_views(&count);
    const char *name;
    json_t *entry;
    json_object_foreach((json_t *)(uintptr_t)views, name, entry)
    {
        (void)entry;
        nearest_offer(&nearest, name);
    }
    for (size_t i = 0; i < count; i++) {
        nearest_offer(&nearest, all[i].name);
        buf_printf(&known, "%s%s", i == 0 ? "" : ", ", all[i].name);
    }
    err_set(err, ERR_NOT_FOUND, "no view and no file '%.200s'", word);
    if (nearest_text(&nearest) != NULL)
        return err_hint(err, "did you mean '%s'?", nearest_text(&nearest));
    return err_hint(err, "a ViewDefinition's JSON file, or one of the built-in views: %.700s",
                    buf_text(&known));
}

static enum err_code read_text(struct str text, const char *source, struct fhir_view **ret,
                               struct err *err)
{
    JSON_AUTO definition = NULL;
    TRY(json_parse(text, source, &definition, err));
    return fhir_view_read(definition, source, ret, err);
}

enum err_code api_view_find(const json_t *views, const char *word, struct api_view *ret,
                            struct err *err)
{
    const char *name = api_views_plain_name(word);
    const json_t *entry = json_object_get(views, name);
    const struct fhir_builtin *builtin = find_builtin(name);
    *ret = (struct api_view){.builtin = entry == NULL ? builtin != NULL
                                                      : json_flag(entry, "builtin", false)};
    if (entry != NULL)
        TRY(fhir_view_read(json_object_get(entry, "view"), name, &ret->view, err));
    else if (builtin != NULL)
        TRY(read_text(str_of(builtin->json), builtin->name, &ret->view, err));
    if (ret->view == NULL) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        if (!file_exists(word))
            return unknown_view(views, word, err);
        TRY(file_read(word, VIEW_LIMIT_BYTES, &text, err));
        TRY(read_text(buf_view(&text), word, &ret->view, err));
    }
    return entry != NULL ? take_name(ret, name, err) : take_name(ret, word, err);
}

/* ---- check, ddl, sql ---------------------------------------------------------------------------
 */

static json_t *columns_json(const struct fhir_view *view, bool *ok)
{
    json_t *columns = json_array();
    for (size_t i = 0; i < fhir_view_column_count(view); i++) {
        const struct fhir_view_column *column = fhir_view_column(view, i);
        json_t *one = api_push_column(columns, column->name, column->type, ok);
        json_put_text(one, "fhir_type", column->fhir_type, ok);
        json_put_flag(one, "collection", column->collection, ok);
        if (column->description != NULL)
            json_put_text(one, "description", column->description, ok);
    }
    return columns;
}

/* {name, resource, …}: what every answer about one view begins with. */
static json_t *view_json(const struct api_view *view, bool *ok)
{
    json_t *object = json_object();
    json_put_text(object, "view", view->name, ok);
    json_put_text(object, "resource", fhir_view_resource(view->view), ok);
    if (fhir_view_url(view->view)[0] != '\0')
        json_put_text(object, "url", fhir_view_url(view->view), ok);
    json_put_flag(object, "builtin", view->builtin, ok);
    return object;
}

/* The dataset's registered views, where one is meant; else NULL. */
static enum err_code registered(struct api *api, const char *dataset, json_t **ret, struct err *err)
{
    return api == NULL || dataset == NULL ? ERR_OK : api_views_read(api, dataset, ret, err);
}

enum err_code api_view_check(struct api *api, const char *dataset, const char *word,
                             const char *const *context, size_t context_count, json_t **ret,
                             struct err *err)
{
    AUTO(api_view_done) struct api_view view = {.view = NULL};
    JSON_AUTO views = NULL;
    bool ok = true, is_library = false;
    json_install();
    TRY(api_view_is_library(api, dataset, word, &is_library, err));
    if (is_library)
        return api_library_check(api, dataset, word, context, context_count, ret, err);
    TRY(registered(api, dataset, &views, err));
    TRY(api_view_find(views, word, &view, err));
    json_t *object = view_json(&view, &ok);
    json_put(object, "columns", columns_json(view.view, &ok), &ok);
    json_put(object, "notes", json_deep_copy(fhir_view_notes(view.view)), &ok);
    *ret = object;
    return json_built(ok, err);
}

static enum err_code need_dialect(const char *name, const struct dialect **ret, struct err *err)
{
    *ret = dialect_find(name != NULL ? name : "duckdb");
    if (*ret != NULL)
        return ERR_OK;
    err_set(err, ERR_USAGE, "no dialect '%.60s'", name);
    return err_hint(err, "'marrow dialects' lists them");
}

enum err_code api_view_sql(struct api *api, const char *dataset, const char *word,
                           const char *dialect_word, json_t **ret, struct err *err)
{
    AUTO(api_view_done) struct api_view view = {.view = NULL};
    AUTO(plan_free) struct plan *plan = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    JSON_AUTO views = NULL;
    const struct dialect *dialect = NULL;
    const struct plan_rel *root = NULL;
    char signature[65];
    bool ok = true;
    json_install();
    TRY(need_dialect(dialect_word, &dialect, err));
    TRY(registered(api, dataset, &views, err));
    TRY(api_view_find(views, word, &view, err));
    if ((plan = plan_new()) == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(fhir_view_lower(view.view, plan, NULL, NULL, false, &root, err));
    TRY(plan_signature(root, signature, err));
    TRY(api_plan_quick_sql(dialect, root, &sql, NULL, NULL, err));
    json_t *object = view_json(&view, &ok);
    json_put_text(object, "dialect", dialect_name(dialect), &ok);
    json_put_text(object, "signature", signature, &ok);
    json_put_str(object, "sql", buf_view(&sql), &ok);
    *ret = object;
    return json_built(ok, err);
}

/* CREATE TABLE as the dialect spells types. */
enum err_code api_view_ddl(struct api *api, const char *dataset, const char *word,
                           const char *dialect_word, json_t **ret, struct err *err)
{
    AUTO(api_view_done) struct api_view view = {.view = NULL};
    AUTO(buf_done) struct buf ddl = BUF_INIT;
    JSON_AUTO views = NULL;
    const struct dialect *dialect = NULL;
    bool ok = true;
    json_install();
    TRY(need_dialect(dialect_word, &dialect, err));
    TRY(registered(api, dataset, &views, err));
    TRY(api_view_find(views, word, &view, err));
    buf_puts(&ddl, "CREATE TABLE " VIEWS_SCHEMA ".");
    dialect_quote_identifier(dialect, str_of(view.name), &ddl);
    for (size_t i = 0; i < fhir_view_column_count(view.view); i++) {
        const struct fhir_view_column *column = fhir_view_column(view.view, i);
        buf_puts(&ddl, i == 0 ? " (\n    " : ",\n    ");
        dialect_quote_identifier(dialect, str_of(column->name), &ddl);
        buf_putc(&ddl, ' ');
        dialect_type_sql(dialect, column->type, &ddl);
    }
    buf_puts(&ddl, "\n)");
    json_t *object = view_json(&view, &ok);
    json_put_text(object, "dialect", dialect_name(dialect), &ok);
    json_put_str(object, "ddl", buf_view(&ddl), &ok);
    json_put(object, "columns", columns_json(view.view, &ok), &ok);
    *ret = object;
    return json_built(ok && !ddl.failed, err);
}
