/* A library's rows: its views attached by their routes (or evaluated over files), SQLViews as views
 * over them, then its own statement with its parameters bound:
 *
 *   WITH "c" AS (SELECT * FROM sqlonfhir."condition_simple") SELECT * FROM (
 *   SELECT count(*) FROM c WHERE code = $1
 *   )
 *
 * The statement was held against its labels (library.c); it runs in an engine that is confined. */
#include "api/library_priv.h"

#include <string.h>

/* ---- as SQL ------------------------------------------------------------------------------------
 */

static void add_table(struct buf *out, const char *name)
{
    buf_puts(out, VIEWS_SCHEMA ".");
    engine_quote_identifier(out, str_of(name));
}

static enum err_code node_sql(const struct api_library *library,
                              const struct api_library_node *node, struct buf *ret, struct err *err)
{
    for (size_t i = 0; i < fhir_library_dependency_count(node->library); i++) {
        buf_puts(ret, i == 0 ? "WITH " : ",\n     ");
        engine_quote_identifier(ret, str_of(fhir_library_dependency(node->library, i)->label));
        buf_puts(ret, " AS (SELECT * FROM ");
        add_table(ret, library->nodes[node->edges[i]].view.name);
        buf_putc(ret, ')');
    }
    buf_puts(ret, "\nSELECT * FROM (\n");
    buf_puts(ret, fhir_library_sql(node->library));
    buf_puts(ret, "\n)");
    return buf_check(ret, err);
}

enum err_code api_library_sql(const struct api_library *library, struct buf *ret, struct err *err)
{
    return node_sql(library, &library->nodes[0], ret, err);
}

/* ---- attaching ---------------------------------------------------------------------------------
 */

static enum err_code create_view(struct engine *engine, const struct api_library *library,
                                 const struct api_library_node *node, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE SCHEMA IF NOT EXISTS " VIEWS_SCHEMA "; CREATE OR REPLACE VIEW ");
    add_table(&sql, node->view.name);
    buf_puts(&sql, " AS ");
    TRY(node_sql(library, node, &sql, err));
    enum err_code code =
        api_statement_blame(engine_execute(engine, buf_text(&sql), NULL, 0, err), err);
    return code == ERR_OK ? ERR_OK : err_context(err, "%.100s", node->view.name);
}

static enum err_code attach_node(struct api *api, struct store_version *version,
                                 struct engine *engine, struct api_library *library, size_t idx,
                                 const struct api_query_marts *marts, json_t *allowed,
                                 struct err *err)
{
    struct api_library_node *node = &library->nodes[idx];
    struct api_query_marts with = marts != NULL ? *marts : (struct api_query_marts){.exact = true};
    bool found = false;
    if (node->attached)
        return ERR_OK;
    node->attached = true;
    if (node->library == NULL) {
        with.view = &node->view;
        with.library = NULL;
        return api_view_attach(api, version, engine, node->view.name, &with, allowed, &found, err);
    }
    if (version != NULL && fhir_library_is_view(node->library))
        TRY(api_sql_view_attach_kept(api, version, engine, library, idx, marts, allowed, &found,
                                     err));
    if (found)
        return ERR_OK;
    for (size_t i = 0; i < fhir_library_dependency_count(node->library); i++)
        TRY(attach_node(api, version, engine, library, node->edges[i], marts, allowed, err));
    return create_view(engine, library, node, err);
}

enum err_code api_library_attach(struct api *api, struct store_version *version,
                                 struct engine *engine, struct api_library *library,
                                 const char *word, const struct api_query_marts *marts,
                                 json_t *allowed, bool *ret_found, struct err *err)
{
    const char *name = api_views_plain_name(word);
    *ret_found = false;
    for (size_t i = 0; i < library->count && name != word; i++)
        if (str_equal_nocase(str_of(library->nodes[i].view.name), str_of(name))) {
            *ret_found = true;
            return attach_node(api, version, engine, library, i, marts, allowed, err);
        }
    return ERR_OK;
}

/* ---- values ------------------------------------------------------------------------------------
 */

static enum err_code value_of(const struct fhir_library_parameter *parameter, struct str text,
                              struct engine_value *ret, struct err *err)
{
    TRY(fhir_library_value_check(parameter, text, err));
    *ret = (struct engine_value){.type = parameter->type};
    if (parameter->type.kind == DATA_BOOLEAN)
        ret->i64 = str_equal(text, STR("true"));
    else if (parameter->type.kind == DATA_TEXT)
        ret->text = text;
    else if (parameter->type.kind == DATA_BIGINT ? !str_to_int64(text, &ret->i64)
                                                 : !str_to_double(text, &ret->f64))
        return err_set(err, ERR_INPUT, "parameter %s is out of range", parameter->name);
    return ERR_OK;
}

static enum err_code check_known(const struct fhir_library *library, const json_t *given,
                                 struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)given, key, value)
    {
        struct nearest nearest = {.asked = key};
        bool known = false;
        for (size_t i = 0; i < fhir_library_parameter_count(library); i++) {
            const char *name = fhir_library_parameter(library, i)->name;
            known = known || strcmp(name, key) == 0;
            nearest_offer(&nearest, name);
        }
        if (!known) {
            err_set(err, ERR_INPUT, "the Library has no parameter \"%.100s\"", key);
            return nearest_text(&nearest) != NULL
                       ? err_hint(err, "did you mean \"%.100s\"?", nearest_text(&nearest))
                       : err_hint(err, "'marrow view check LIBRARY' lists its parameters");
        }
        if (!json_is_string(value) && !json_is_null(value))
            return err_set(err, ERR_INPUT, "parameter \"%.100s\": expected one value", key);
    }
    return ERR_OK;
}

/* Texts are borrowed from given. */
static enum err_code bind(const struct fhir_library *library, const json_t *given,
                          struct engine_value **ret, size_t *ret_count, struct err *err)
{
    size_t count = fhir_library_parameter_count(library);
    AUTO(mem_free) struct engine_value *values = mem_zalloc(count + 1, sizeof *values);
    if (values == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the parameters");
    TRY(check_known(library, given, err));
    for (size_t i = 0; i < count; i++) {
        const struct fhir_library_parameter *parameter = fhir_library_parameter(library, i);
        const json_t *value = json_object_get(given, parameter->name);
        values[i] = (struct engine_value){.type = DATA_TYPE(NULL)};
        if (json_is_string(value)) {
            struct str text = {json_string_value(value), json_string_length(value)};
            TRY(value_of(parameter, text, &values[i], err));
        } else if (parameter->required) {
            err_set(err, ERR_INPUT, "parameter \"%.100s\" has no value: expected a FHIR %s",
                    parameter->name, parameter->fhir_type);
            return err_hint(err, "give it: --param %.60s=VALUE", parameter->name);
        }
    }
    *ret = values;
    *ret_count = count;
    values = NULL;
    return ERR_OK;
}

/* ---- rows --------------------------------------------------------------------------------------
 */

struct running {
    struct api *api;
    const struct api_view_run_options *options;
    struct api_library library;
    struct engine_value *values;
    size_t value_count;
    struct buf sql;
};

static void running_done(struct running *running)
{
    buf_done(&running->sql);
    mem_free(running->values);
    api_library_done(&running->library);
}

static enum err_code open_running(struct running *running, struct err *err)
{
    const struct api_view_run_options *options = running->options;
    struct api_library_source source = {.api = running->api,
                                        .dataset = options->dataset,
                                        .context = options->context,
                                        .context_count = options->context_count};
    if (options->engine != NULL) {
        err_set(err, ERR_UNSUPPORTED, "a Library runs here, not on a server");
        return err_hint(err, "leave --engine out; 'marrow view create … --engine URL' makes its "
                             "views tables there");
    }
    if (options->search != NULL)
        return err_set(err, ERR_UNSUPPORTED,
                       "FHIR search is asked of ViewDefinitions; a Library "
                       "says in its SQL what it selects");
    TRY(api_library_open(&source, options->view, &running->library, err));
    const struct api_library_node *root = &running->library.nodes[0];
    if (options->dataset != NULL && fhir_library_is_view(root->library)) {
        buf_puts(&running->sql, "SELECT * FROM "); /* it may be kept */
        add_table(&running->sql, root->view.name);
    } else {
        TRY(api_library_sql(&running->library, &running->sql, err));
    }
    return bind(running->library.nodes[0].library, options->params, &running->values,
                &running->value_count, err);
}

/* The ViewDefinitions evaluated over files, SQLViews over them, and nothing else within reach. */
static enum err_code file_engine(struct running *running, struct engine **ret, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    struct api_library *library = &running->library;
    struct engine_options options = api_engine_options(running->api);
    AUTO(mem_free) const struct api_view **views = mem_zalloc(library->count + 1, sizeof *views);
    JSON_AUTO nothing = json_array();
    size_t count = 0;
    if (views == NULL || nothing == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the views");
    for (size_t i = 0; i < library->count; i++)
        if (library->nodes[i].library == NULL)
            views[count++] = &library->nodes[i].view;
    TRY(engine_open(&options, &engine, err));
    TRY(engine_execute(engine, "CREATE SCHEMA IF NOT EXISTS " VIEWS_SCHEMA, NULL, 0, err));
    TRY(api_views_over_files(running->api, running->options, views, count, engine, err));
    for (size_t i = 0; i < library->count; i++)
        library->nodes[i].attached = library->nodes[i].library == NULL;
    for (size_t i = 1; i < library->count; i++)
        TRY(attach_node(running->api, NULL, engine, library, i, NULL, NULL, err));
    TRY(engine_confine(engine, nothing, err));
    *ret = engine;
    engine = NULL;
    return ERR_OK;
}

static json_t *about(const struct running *running, bool *ok)
{
    json_t *object = json_object();
    const struct api_library_node *root = &running->library.nodes[0];
    json_put_text(object, "library", root->view.name, ok);
    json_put_text(object, "profile", fhir_library_is_view(root->library) ? "SQLView" : "SQLQuery",
                  ok);
    return object;
}

static enum err_code rows_of(struct running *running, struct api_rows **ret, struct err *err)
{
    const struct api_view_run_options *options = running->options;
    bool ok = true;
    TRY(open_running(running, err));
    if (options->dataset == NULL) {
        struct engine *engine = NULL;
        TRY(file_engine(running, &engine, err));
        return api_rows_over(running->api, engine, buf_text(&running->sql), running->values,
                             running->value_count, options->row_limit, ret, err);
    }
    JSON_AUTO told = about(running, &ok);
    TRY(json_built(ok, err));
    struct api_ask ask = {.query = {.dataset = options->dataset,
                                    .version = options->version,
                                    .sql = buf_text(&running->sql),
                                    .row_limit = options->row_limit},
                          .kind = "view",
                          .values = running->values,
                          .value_count = running->value_count,
                          .about = told,
                          .library = &running->library,
                          .null_on_error = options->null_on_error,
                          .snapshot = options->snapshot};
    return api_ask(running->api, &ask, ret, err);
}

enum err_code api_library_rows(struct api *api, const struct api_view_run_options *options,
                               struct api_rows **ret, struct err *err)
{
    struct running running = {.api = api, .options = options, .sql = BUF_INIT};
    enum err_code code = rows_of(&running, ret, err);
    running_done(&running);
    return code;
}

/* ---- rows into a table of another engine, which may write files --------------------------------
 */

/* sql: CREATE TABLE NAME. */
static enum err_code create_table(struct engine *engine, const struct data_schema *schema,
                                  struct buf *sql, struct err *err)
{
    for (size_t c = 0; c < schema->count; c++) {
        buf_puts(sql, c == 0 ? " (" : ", ");
        engine_quote_identifier(sql, str_of(schema->columns[c].name));
        buf_putc(sql, ' ');
        engine_type_sql(schema->columns[c].type, sql);
    }
    buf_putc(sql, ')');
    TRY(buf_check(sql, err));
    return engine_execute(engine, buf_text(sql), NULL, 0, err);
}

static enum err_code create_rows(struct engine *target, const struct data_schema *schema,
                                 struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE SCHEMA IF NOT EXISTS " VIEWS_MADE "; CREATE TABLE " VIEWS_MADE ".rows");
    return create_table(target, schema, &sql, err);
}

static enum err_code copy_rows(struct engine_result *result, struct engine *target, struct err *err)
{
    struct engine_appender *appender = NULL;
    const struct data_batch *batch = NULL;
    TRY(create_rows(target, engine_result_schema(result), err));
    TRY(engine_append_open(target, VIEWS_MADE, "rows", &appender, err));
    for (;;) {
        enum err_code code = api_statement_blame(engine_result_next(result, &batch, err), err);
        if (code == ERR_OK && batch == NULL)
            return engine_append_close(appender, err);
        if (code == ERR_OK)
            code = engine_append_batch(appender, batch, err);
        if (code != ERR_OK) {
            engine_append_abort(appender);
            return code;
        }
    }
}

static enum err_code query_into(struct engine *engine, const char *sql,
                                const struct engine_value *values, size_t count,
                                struct engine *target, struct data_schema *ret_schema,
                                struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    TRY(api_statement_blame(engine_query(engine, sql, values, count, &result, err), err));
    TRY(copy_rows(result, target, err));
    return ret_schema != NULL ? data_schema_copy(engine_result_schema(result), ret_schema, err)
                              : ERR_OK;
}

enum err_code api_library_rows_into(struct api *api, struct store_version *version,
                                    struct api_library *library, const json_t *views,
                                    struct engine *target, struct data_schema *ret_schema,
                                    struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct api_query_marts marts = {.exact = true, .library = library, .views = views};
    TRY(api_library_sql(library, &sql, err));
    TRY(api_query_prepare(api, version, buf_text(&sql), &marts, NULL, &engine, err));
    return query_into(engine, buf_text(&sql), NULL, 0, target, ret_schema, err);
}

static enum err_code parquet(struct running *running, const char *path, int64_t *ret_rows,
                             int64_t *ret_bytes, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(engine_close) struct engine *engine = NULL, *target = NULL;
    const struct api_view_run_options *options = running->options;
    struct engine_options engine_options = api_engine_options(running->api);
    struct api_query_marts marts = {.library = &running->library,
                                    .snapshot = options->snapshot,
                                    .exact = options->version != NULL,
                                    .null_on_error = options->null_on_error,
                                    .takes_on_error = true};
    TRY(open_running(running, err));
    if (options->dataset != NULL) {
        TRY(store_version_open(running->api->store, options->dataset, options->version, &version,
                               err));
        TRY(api_query_prepare(running->api, version, buf_text(&running->sql), &marts, NULL, &engine,
                              err));
    } else {
        TRY(file_engine(running, &engine, err));
    }
    TRY(engine_open(&engine_options, &target, err));
    TRY(query_into(engine, buf_text(&running->sql), running->values, running->value_count, target,
                   NULL, err));
    return api_write_parquet(target, NULL, "SELECT * FROM " VIEWS_MADE ".rows", path, ret_rows,
                             ret_bytes, err);
}

enum err_code api_library_parquet(struct api *api, const struct api_view_run_options *options,
                                  const char *path, json_t **ret, struct err *err)
{
    struct running running = {.api = api, .options = options, .sql = BUF_INIT};
    int64_t started_us = clock_monotonic_us(), rows = 0, bytes = 0;
    bool ok = true;
    enum err_code code = parquet(&running, path, &rows, &bytes, err);
    if (code == ERR_OK) {
        *ret = json_object();
        json_put_text(*ret, "view", running.library.nodes[0].view.name, &ok);
        json_put_text(*ret, "path", path, &ok);
        json_put_int(*ret, "row_count", rows, &ok);
        json_put_int(*ret, "bytes", bytes, &ok);
        json_put_int(*ret, "duration_ms", api_elapsed_ms(started_us), &ok);
        code = json_built(ok, err);
    }
    running_done(&running);
    return code;
}

/* ---- check -------------------------------------------------------------------------------------
 */

static enum err_code empty_table(struct engine *engine, const struct api_view *view,
                                 struct err *err)
{
    AUTO(data_schema_done) struct data_schema schema = {0};
    AUTO(buf_done) struct buf sql = BUF_INIT;
    TRY(fhir_view_schema(view->view, &schema, err));
    buf_puts(&sql, "CREATE TABLE ");
    add_table(&sql, view->name);
    return create_table(engine, &schema, &sql, err);
}

/* An engine over empty tables of the views: a column that is not there is found without data. */
static enum err_code empty_engine(struct api *api, struct api_library *library, struct engine **ret,
                                  struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = {.threads = 1};
    JSON_AUTO nothing = json_array();
    TRY(engine_open(&options, &engine, err));
    TRY(engine_execute(engine, "CREATE SCHEMA " VIEWS_SCHEMA, NULL, 0, err));
    for (size_t i = 0; i < library->count; i++) {
        library->nodes[i].attached = library->nodes[i].library == NULL;
        if (library->nodes[i].attached)
            TRY(empty_table(engine, &library->nodes[i].view, err));
    }
    for (size_t i = 1; i < library->count; i++)
        TRY(attach_node(api, NULL, engine, library, i, NULL, NULL, err));
    TRY(engine_confine(engine, nothing, err));
    *ret = engine;
    engine = NULL;
    return ERR_OK;
}

static enum err_code columns_of(struct api *api, struct api_library *library, json_t *columns,
                                struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    size_t count = fhir_library_parameter_count(library->nodes[0].library);
    AUTO(mem_free) struct engine_value *nulls = mem_zalloc(count + 1, sizeof *nulls);
    bool ok = true;
    if (nulls == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the parameters");
    for (size_t i = 0; i < count; i++)
        nulls[i].type = DATA_TYPE(NULL);
    TRY(empty_engine(api, library, &engine, err));
    TRY(api_library_sql(library, &sql, err));
    TRY(api_statement_blame(engine_query(engine, buf_text(&sql), nulls, count, &result, err), err));
    const struct data_schema *schema = engine_result_schema(result);
    for (size_t c = 0; c < schema->count; c++) {
        (void)api_push_column(columns, schema->columns[c].name, schema->columns[c].type, &ok);
    }
    return json_built(ok, err);
}

static json_t *parameters_json(const struct fhir_library *library, bool *ok)
{
    json_t *list = json_array();
    for (size_t i = 0; i < fhir_library_parameter_count(library); i++) {
        const struct fhir_library_parameter *parameter = fhir_library_parameter(library, i);
        json_t *one = api_push_column(list, parameter->name, parameter->type, ok);
        json_put_text(one, "fhir_type", parameter->fhir_type, ok);
        json_put_flag(one, "required", parameter->required, ok);
    }
    return list;
}

static json_t *dependencies_json(const struct api_library *library,
                                 const struct api_library_node *node, bool *ok)
{
    json_t *list = json_array();
    for (size_t i = 0; i < fhir_library_dependency_count(node->library); i++) {
        const struct fhir_library_dependency *dependency =
            fhir_library_dependency(node->library, i);
        const struct api_library_node *to = &library->nodes[node->edges[i]];
        json_t *one = json_object();
        json_put_text(one, "label", dependency->label, ok);
        json_put_text(one, "canonical", dependency->canonical, ok);
        json_put_text(one, "kind", to->library != NULL ? "SQLView" : "ViewDefinition", ok);
        json_put_text(one, "name", to->view.name, ok);
        if (to->library != NULL)
            json_put(one, "dependencies", dependencies_json(library, to, ok), ok);
        json_push(list, one, ok);
    }
    return list;
}

enum err_code api_library_check(struct api *api, const char *dataset, const char *word,
                                const char *const *context, size_t context_count, json_t **ret,
                                struct err *err)
{
    AUTO(api_library_done) struct api_library library = {.count = 0};
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct api_library_source source = {
        .api = api, .dataset = dataset, .context = context, .context_count = context_count};
    JSON_AUTO columns = json_array();
    bool ok = true;
    TRY(api_library_open(&source, word, &library, err));
    TRY(columns_of(api, &library, columns, err));
    TRY(api_library_sql(&library, &sql, err));
    const struct api_library_node *root = &library.nodes[0];
    json_t *object = json_object();
    json_put_text(object, "library", root->view.name, &ok);
    json_put_text(object, "profile", fhir_library_is_view(root->library) ? "SQLView" : "SQLQuery",
                  &ok);
    if (fhir_library_url(root->library)[0] != '\0')
        json_put_text(object, "url", fhir_library_url(root->library), &ok);
    json_put(object, "parameters", parameters_json(root->library, &ok), &ok);
    json_put(object, "dependencies", dependencies_json(&library, root, &ok), &ok);
    json_put(object, "columns", json_incref(columns), &ok);
    json_put(object, "notes", json_deep_copy(fhir_library_notes(root->library)), &ok);
    json_put_str(object, "sql", buf_view(&sql), &ok);
    *ret = object;
    return json_built(ok, err);
}
