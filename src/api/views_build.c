/* Views materialised: each becomes a run, whose identity is its lowered plan over the table's
 * content and whose rows come from the native pass.
 *
 *   views of one resource type ──one pass over the table──▶ tables of the engine ──sorted──▶ runs
 * ──one edit of dataset.json──▶ the snapshot
 *
 * A refresh evaluates only the resources that changed between the two versions' tables (by content
 * hash) and adds a delta over the layers that are there (views_layers.c); when deltas grow, the
 * merged rows become a new base, the very run that a full build would have made. */
#include "api/view_pass.h"
#include "api/views_priv.h"

#include "run/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of the engine, where nobody set a limit: rows wait in its tables until they are sorted, and what
 * is more goes to the spill folder, so that the process stays near 1 GB however many there are. */
#define MEMORY_UNASKED (800LL << 20)

struct engine_options api_views_engine_options(const struct api *api)
{
    struct engine_options options = api_engine_options(api);
    if (options.memory_bytes == 0 && options.spill_directory != NULL)
        options.memory_bytes = MEMORY_UNASKED;
    return options;
}

static const struct store_table *table_of(const struct api_view_jobs *jobs,
                                          const struct api_view_job *job)
{
    return store_version_table_find(jobs->version, fhir_view_resource(job->view.view));
}

/* ---- rows into the engine ----------------------------------------------------------------------
 */

static enum err_code empty_tables(const struct fhir_program *program, struct engine *engine,
                                  const char *const *tables, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct data_schema *schema = fhir_program_schema(program, i);
        AUTO(buf_done) struct buf sql = BUF_INIT;
        buf_puts(&sql, "CREATE SCHEMA IF NOT EXISTS " VIEWS_MADE "; CREATE TABLE " VIEWS_MADE ".");
        engine_quote_identifier(&sql, str_of(tables[i]));
        for (size_t c = 0; c < schema->count; c++) {
            buf_puts(&sql, c == 0 ? " (" : ", ");
            engine_quote_identifier(&sql, str_of(schema->columns[c].name));
            buf_putc(&sql, ' ');
            engine_type_sql(schema->columns[c].type, &sql);
        }
        buf_putc(&sql, ')');
        TRY(buf_check(&sql, err));
        TRY(engine_execute(engine, buf_text(&sql), NULL, 0, err));
    }
    return ERR_OK;
}

enum err_code api_views_evaluate(struct api *api, struct store_version *version,
                                 struct engine *engine, const struct api_view *const *views,
                                 const char *const *tables, size_t count, const char *resources_sql,
                                 json_t *nulled, struct err *err)
{
    AUTO(fhir_program_free) struct fhir_program *program = NULL;
    AUTO(mem_free) const struct fhir_view **all = mem_zalloc(count + 1, sizeof *all);
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct fhir_program_options options = {.on_error = nulled != NULL ? FHIR_NULL : FHIR_FAIL,
                                           .resource_id = true,
                                           .same_type = true};
    const char *resource = fhir_view_resource(views[0]->view);
    const struct store_table *table = store_version_table_find(version, resource);
    if (all == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the views");
    for (size_t i = 0; i < count; i++)
        all[i] = views[i]->view;
    TRY(fhir_program_new(all, count, &options, &program, err));
    if (table == NULL)
        return empty_tables(program, engine, tables, count, err);
    if (data_schema_find(&table->schema, STR("resource")) < 0) {
        err_set(err, ERR_INPUT, "table '%s' holds no FHIR resources: it has no column 'resource'",
                table->name);
        return err_hint(err, "views read datasets that were imported from FHIR (NDJSON, Bundles)");
    }
    if (resources_sql == NULL) {
        TRY(store_version_attach(version, engine, &table->name, 1, err));
        buf_puts(&sql, "SELECT resource FROM ");
        store_table_source(table, &sql);
        TRY(buf_check(&sql, err));
    }
    struct view_pass_source source = {
        .engine = engine, .sql = resources_sql != NULL ? resources_sql : buf_text(&sql)};
    TRY(view_pass_tables(&source, program, engine, VIEWS_MADE, tables, (size_t)api->options.threads,
                         api->options.progress, nulled, NULL, err));
    return ERR_OK;
}

/* ---- identities --------------------------------------------------------------------------------
 */

static enum err_code full_plan(const struct api_view_jobs *jobs, const struct api_view_job *job,
                               struct plan *plan, const struct plan_rel **ret, struct err *err)
{
    const struct store_table *table = table_of(jobs, job);
    return fhir_view_lower(job->view.view, plan,
                           table != NULL ? table->name : fhir_view_resource(job->view.view),
                           table != NULL ? table->hash : "no such table", true, ret, err);
}

/* The rows of changed resources, marked true, and a row of nothing but the resource's id for each
 * that changed or went, marked false. */
static enum err_code delta_plan(const struct api_view_jobs *jobs, const struct api_view_job *job,
                                struct plan *plan, const struct plan_rel **ret, struct err *err)
{
    const struct plan_rel *rows = NULL;
    AUTO(data_schema_done) struct data_schema schema = {0};
    AUTO(buf_done) struct buf identity = BUF_INIT;
    TRY(full_plan(jobs, job, plan, &rows, err));
    TRY(data_schema_add(&schema, STR("id"), DATA_TYPE(TEXT), err));
    TRY(api_changes_identity(job->entry, table_of(jobs, job), &identity, err));
    const struct plan_rel *changes =
        plan_scan_identified(plan, VIEWS_CHANGES, buf_text(&identity), &schema);
    const struct plan_rel *changed =
        plan_join(plan, PLAN_JOIN_SEMI, rows, changes,
                  (const struct plan_expr *[]){plan_column(plan, rows, VIEWS_RESOURCE)},
                  (const struct plan_expr *[]){plan_column_right(plan, changes, "id")}, 1, NULL);
    size_t count = rows->column_count + 1;
    struct plan_named *there = plan_named_array(plan, count), *gone = plan_named_array(plan, count);
    if (there == NULL || gone == NULL)
        return plan_finish(plan, NULL, err);
    for (size_t i = 0, at = 0; i < rows->column_count; i++) {
        const char *name = rows->columns[i].name;
        there[at] = (struct plan_named){name, plan_column(plan, changed, name)};
        gone[at++] =
            (struct plan_named){name, i == 0 ? plan_column(plan, changes, "id")
                                             : plan_literal(plan, rows->columns[i].type, NULL)};
        if (i > 0)
            continue;
        there[at] = (struct plan_named){VIEWS_ROW, plan_literal(plan, DATA_TYPE(BOOLEAN), "true")};
        gone[at++] =
            (struct plan_named){VIEWS_ROW, plan_literal(plan, DATA_TYPE(BOOLEAN), "false")};
    }
    *ret = plan_union_all(plan,
                          (const struct plan_rel *[]){plan_project(plan, changed, there, count),
                                                      plan_project(plan, changes, gone, count)},
                          2);
    return plan_finish(plan, *ret, err);
}

/* By patient, then resource; what has several rows of a resource, by all columns: a total order. */
static size_t sort_of(const struct api_view *view, const struct plan_rel *plan, const char **ret)
{
    size_t count = 0;
    bool flat = fhir_view_one_row(view->view);
    if (plan_column_find(plan, "patient_id") >= 0)
        ret[count++] = "patient_id";
    ret[count++] = VIEWS_RESOURCE;
    if (plan_column_find(plan, VIEWS_ROW) >= 0)
        ret[count++] = VIEWS_ROW;
    for (size_t i = 0; i < plan->column_count && !flat; i++) {
        const char *name = plan->columns[i].name;
        if (strcmp(name, "patient_id") != 0 && strcmp(name, VIEWS_RESOURCE) != 0 &&
            strcmp(name, VIEWS_ROW) != 0)
            ret[count++] = name;
    }
    return count;
}

/* Publish the rows of a table of the engine as the run of this plan. */
static enum err_code keep_rows(struct api_view_jobs *jobs, struct api_view_job *job,
                               const struct plan_rel *plan, struct engine *engine,
                               const char *rows_table, struct err *err)
{
    AUTO(mem_free) const char **sort = mem_zalloc(plan->column_count + 3, sizeof *sort);
    JSON_AUTO extra = json_object();
    bool ok = true;
    struct engine_options options = api_views_engine_options(jobs->api);
    json_put_text(extra, "view", job->view.name, &ok);
    json_put_text(extra, "resource", fhir_view_resource(job->view.view), &ok);
    if (sort == NULL || !ok)
        return err_set(err, ERR_MEMORY, "no memory for a view's run");
    struct run_request request = {.kind = VIEWS_KIND,
                                  .name = job->view.name,
                                  .plan = plan,
                                  .sort_columns = sort,
                                  .extra = extra,
                                  .engine = engine,
                                  .rows_table = rows_table,
                                  .force = jobs->force && job->how == API_VIEW_FULL};
    request.sort_count = sort_of(&job->view, plan, sort);
    return run_materialise(jobs->api->store, jobs->version, &request, &options, &job->result, err);
}

/* ---- one group: the views of one resource type that start from the same table -------------------
 */

/* SELECT of those of the listed resources that VIEWS_CHANGES does not name. */
static enum err_code unchanged_of(struct engine *engine, const json_t *listed, json_t **ret,
                                  struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "SELECT v.id FROM (VALUES ");
    for (size_t i = 0; i < json_array_size(listed); i++) {
        buf_puts(&sql, i > 0 ? ", (" : "(");
        engine_quote_literal(&sql, str_of(json_text(json_array_get(listed, i), "id", "")));
        buf_putc(&sql, ')');
    }
    buf_puts(&sql, ") v(id) ANTI JOIN " VIEWS_CHANGES " USING (id)");
    TRY(buf_check(&sql, err));
    return engine_query_json(engine, buf_text(&sql), VIEWS_NULLED_LISTED, ret, err);
}

static bool is_among(const json_t *rows, const char *id)
{
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (strcmp(json_string_value(json_array_get(json_array_get(rows, i), 0)), id) == 0)
            return true;
    return false;
}

/* made: of what was evaluated now. Over a delta, what the resources that did not change had stays:
 * they are all listed, else all was evaluated. */
static enum err_code set_nulled(struct api_view_job *job, struct engine *engine,
                                const json_t *made, struct err *err)
{
    const json_t *listed =
        json_object_get(json_object_get(job->entry, "nulled"), "listed");
    JSON_AUTO all = json_object();
    JSON_AUTO stay = NULL;
    bool ok = true;
    if (job->how == API_VIEW_DELTA && json_array_size(listed) > 0)
        TRY(unchanged_of(engine, listed, &stay, err));
    for (size_t i = 0; stay != NULL && i < json_array_size(listed); i++) {
        const json_t *one = json_array_get(listed, i);
        if (is_among(stay, json_text(one, "id", "")))
            api_nulled_add(all, job->view.name, str_of(json_text(one, "id", "")),
                           json_text(one, "column", ""), json_int(one, "values", 0), &ok);
    }
    api_nulled_merge(all, job->view.name, made, &ok);
    api_nulled_sort(all);
    json_decref(job->nulled);
    job->nulled = json_incref(json_object_get(all, job->view.name));
    if (job->nulled != NULL)
        json_put_text(job->nulled, "resource", fhir_view_resource(job->view.view), &ok);
    return json_built(ok, err);
}

static enum err_code evaluate_group(struct api_view_jobs *jobs, struct api_view_job *const *group,
                                    size_t count, struct engine *engine, const char *resources_sql,
                                    struct err *err)
{
    AUTO(mem_free) const struct api_view **views = mem_zalloc(count + 1, sizeof *views);
    AUTO(mem_free) const char **tables = mem_zalloc(count + 1, sizeof *tables);
    JSON_AUTO nulled = json_object();
    if (views == NULL || tables == NULL || nulled == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the views");
    for (size_t i = 0; i < count; i++) {
        views[i] = &group[i]->view;
        tables[i] = group[i]->view.name;
    }
    TRY(api_views_evaluate(jobs->api, jobs->version, engine, views, tables, count, resources_sql,
                           group[0]->null_on_error ? nulled : NULL, err));
    for (size_t i = 0; i < count; i++)
        TRY(set_nulled(group[i], engine, json_object_get(nulled, tables[i]), err));
    return ERR_OK;
}

/* The run's rows_table is looked up in the main schema. */
static enum err_code name_rows(struct engine *engine, const char *select, struct err *err)
{
    return engine_executef(engine, err, "CREATE OR REPLACE VIEW marrow_rows AS %s", select);
}

static enum err_code keep_full(struct api_view_jobs *jobs, struct api_view_job *job,
                               struct engine *engine, const char *select, struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = NULL;
    bool ok = true;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(full_plan(jobs, job, plan, &root, err));
    TRY(name_rows(engine, select, err));
    TRY(keep_rows(jobs, job, root, engine, "marrow_rows", err));
    json_decref(job->layers);
    job->layers = json_array();
    json_push_text(job->layers, job->result.run_id, &ok);
    return json_built(ok, err);
}

static void add_made(struct buf *sql, const char *name)
{
    buf_puts(sql, VIEWS_MADE ".");
    engine_quote_identifier(sql, str_of(name));
}

static enum err_code drop_made(struct engine *engine, const char *name, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "DROP VIEW IF EXISTS marrow_rows; DROP TABLE IF EXISTS ");
    add_made(&sql, name);
    TRY(buf_check(&sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}

static void add_json_columns(struct buf *sql, const struct fhir_view *view, const char *prefix,
                             bool null)
{
    for (size_t i = 0; i < fhir_view_column_count(view); i++) {
        buf_puts(sql, ", ");
        if (null) {
            buf_puts(sql, "NULL");
            continue;
        }
        buf_puts(sql, prefix);
        engine_quote_identifier(sql, str_of(fhir_view_column(view, i)->name));
    }
}

static enum err_code keep_delta(struct api_view_jobs *jobs, struct api_view_job *job,
                                struct engine *engine, struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf select = BUF_INIT;
    const struct plan_rel *root = NULL;
    bool ok = true;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(delta_plan(jobs, job, plan, &root, err));
    buf_puts(&select, "SELECT " VIEWS_RESOURCE ", true AS " VIEWS_ROW);
    add_json_columns(&select, job->view.view, "", false);
    buf_puts(&select, " FROM ");
    add_made(&select, job->view.name);
    buf_puts(&select, " UNION ALL SELECT id, false");
    add_json_columns(&select, job->view.view, "", true);
    buf_puts(&select, " FROM " VIEWS_CHANGES);
    TRY(buf_check(&select, err));
    TRY(name_rows(engine, buf_text(&select), err));
    TRY(keep_rows(jobs, job, root, engine, "marrow_rows", err));
    job->layers = json_deep_copy(json_object_get(job->entry, "layers"));
    json_push_text(job->layers, job->result.run_id, &ok);
    return json_built(ok, err);
}

/* The merged rows become the base, under the id that a full build gives. */
static enum err_code fold(struct api_view_jobs *jobs, struct api_view_job *job,
                          struct engine *engine, struct err *err)
{
    AUTO(buf_done) struct buf select = BUF_INIT;
    JSON_AUTO merged = json_copy((json_t *)(uintptr_t)job->entry);
    bool ok = true;
    json_put(merged, "layers", json_incref(job->layers), &ok);
    TRY(json_built(ok, err));
    TRY(api_view_layers_sql(jobs->api, store_version_dataset(jobs->version), merged, true, NULL,
                            &select, err));
    run_result_done(&job->result);
    return keep_full(jobs, job, engine, buf_text(&select), err);
}

static enum err_code keep_group(struct api_view_jobs *jobs, struct api_view_job *const *group,
                                size_t count, struct engine *engine, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct api_view_job *job = group[i];
        AUTO(buf_done) struct buf select = BUF_INIT;
        buf_puts(&select, "SELECT * FROM ");
        add_made(&select, job->view.name);
        TRY(buf_check(&select, err));
        TRY(job->how == API_VIEW_FULL ? keep_full(jobs, job, engine, buf_text(&select), err)
                                      : keep_delta(jobs, job, engine, err));
        if (job->fold)
            TRY(fold(jobs, job, engine, err));
        TRY(drop_made(engine, job->view.name, err));
        job->duration_ms = api_elapsed_ms(job->started_us);
    }
    return ERR_OK;
}

/* A delta where the tables can be compared and little changed; else all again. */
static enum err_code delta_group(struct api_view_jobs *jobs, struct api_view_job *const *group,
                                 size_t count, struct engine *engine, struct err *err)
{
    struct api_changes changes;
    TRY(api_changes_find(jobs->api, jobs->version, group[0]->entry, engine, false, &changes, err));
    for (size_t i = 0; i < count; i++) {
        group[i]->how = changes.few ? API_VIEW_DELTA : API_VIEW_FULL;
        group[i]->reason = changes.count < 0 ? "the two versions cannot be compared"
                           : changes.few     ? "only what changed"
                                             : "much changed";
        group[i]->changes = changes.count;
        group[i]->fold =
            changes.few &&
            json_array_size(json_object_get(group[i]->entry, "layers")) >= VIEWS_MOST_DELTAS;
    }
    TRY(evaluate_group(jobs, group, count, engine,
                       changes.few ? "SELECT resource FROM " VIEWS_CHANGES " WHERE NOT gone" : NULL,
                       err));
    return keep_group(jobs, group, count, engine, err);
}

enum err_code api_view_group_make(struct api_view_jobs *jobs, struct api_view_job *const *group,
                                  size_t count, struct engine *engine, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        group[i]->started_us = clock_monotonic_us();
    TRY(progress_check(jobs->api->options.progress, err));
    if (group[0]->how == API_VIEW_DELTA)
        return delta_group(jobs, group, count, engine, err);
    TRY(evaluate_group(jobs, group, count, engine, NULL, err));
    return keep_group(jobs, group, count, engine, err);
}
