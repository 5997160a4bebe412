/* Cohorts: criteria counted over a version's views, and kept as tables.
 *
 *     criteria ─▶ views of the version ─▶ is there a bitmap index of them? ──answers it exactly──▶
 * counts (no engine is opened) │ no index, or it can't ▼ plan ─▶ SQL ─▶ counts
 *
 * Ages are counted at the day of the version's import, so that a version's answer stays the same;
 * --as-of gives another day. History gets the criteria's hash, not their words; the criteria lie
 * beside the data. */
#include "api/cohort_priv.h"

#include "plan/rewrite.h"
#include "run/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the day of ages ----------------------------------------------------------------------------
 */

static enum err_code as_of_day(struct api_cohort *cohort, struct err *err)
{
    const char *asked = cohort->options->as_of;
    const char *made = json_text(store_version_manifest(cohort->version), "created_at", "");
    int64_t instant = 0;
    struct str day = asked != NULL ? str_of(asked) : (struct str){made, strnlen(made, 10)};
    if (api_day_read(day, &instant)) {
        cohort->as_of_day = instant;
        return ERR_OK;
    }
    err_set(err, ERR_USAGE, "the day at which ages are counted is no date");
    return err_hint(err, "--as-of 2026-11-29");
}

bool api_day_read(struct str text, int64_t *ret)
{
    int64_t parts[3] = {0, 0, 0};
    if (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-')
        return false;
    for (size_t i = 0, part = 0; i < 10; i++) {
        if (i == 4 || i == 7) {
            part++;
            continue;
        }
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        parts[part] = parts[part] * 10 + (text.ptr[i] - '0');
    }
    if (parts[0] == 0 || !clock_civil_valid(parts[0], (unsigned)parts[1], (unsigned)parts[2]))
        return false;
    *ret = clock_days_from_civil(parts[0], (unsigned)parts[1], (unsigned)parts[2]);
    return true;
}

/* ---- texts that occur ---------------------------------------------------------------------------
 */

static enum err_code list_values(void *user, const char *table, const char *column,
                                 void (*each)(void *to, struct str value), void *to,
                                 struct err *err)
{
    struct api_cohort *cohort = user;
    AUTO(buf_done) struct buf sql = BUF_INIT, name = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    TRY(api_cohort_attach(cohort, &table, 1, err));
    engine_quote_identifier(&name, str_of(column));
    buf_printf(&sql, "SELECT DISTINCT CAST(%s AS VARCHAR) AS value FROM ", buf_text(&name));
    api_cohort_table_sql(cohort, table, &sql);
    buf_printf(&sql, " WHERE %s IS NOT NULL", buf_text(&name));
    TRY(buf_check(&sql, err));
    TRY(engine_query(cohort->engine, buf_text(&sql), NULL, 0, &result, err));
    for (;;) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++)
            if (data_vector_is_valid(&batch->vectors[0], row))
                each(to, batch->vectors[0].text[row]);
    }
}

/* ---- ready --------------------------------------------------------------------------------------
 */

void api_cohort_done(struct api_cohort *cohort)
{
    cohort_question_free(cohort->question);
    cohort_index_close(cohort->index);
    cohort_criteria_free(cohort->criteria);
    cohort_views_free(cohort->views);
    engine_close(cohort->engine);
    data_schema_done(&cohort->schema);
    api_recent_done(&cohort->recent);
    json_decref(cohort->runs);
    json_decref(cohort->sources);
    json_decref(cohort->attached);
    json_decref(cohort->wanted);
    json_decref(cohort->nulled);
    json_decref(cohort->uncoded);
    json_decref(cohort->there);
    json_decref(cohort->pushed);
    json_decref(cohort->fhir_views);
    store_version_close(cohort->version);
}

enum err_code api_cohort_views(struct api *api, const struct api_cohort_options *options,
                               struct api_cohort *ret, struct err *err)
{
    struct cohort_binding binding = {api_cohort_table, ret};
    ret->api = api;
    ret->options = options;
    ret->runs = json_object();
    ret->sources = json_object();
    ret->attached = json_object();
    ret->wanted = json_object();
    ret->nulled = json_object();
    ret->uncoded = json_object();
    if (ret->runs == NULL || ret->sources == NULL || ret->attached == NULL || ret->wanted == NULL ||
        ret->nulled == NULL || ret->uncoded == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a cohort");
    TRY(store_version_open(api->store, options->dataset, options->version, &ret->version, err));
    TRY(as_of_day(ret, err));
    TRY(cohort_views_new(options->views, options->views_source, &ret->views, err));
    return cohort_views_bind(ret->views, &binding, err);
}

/* Criteria, views and, where there is one, the index; the question that they make. */
enum err_code api_cohort_ready(struct api *api, const struct api_cohort_options *options,
                               struct api_cohort *ret, struct err *err)
{
    struct cohort_lister lister = {list_values, ret};
    TRY(cohort_criteria_read(str_of(options->criteria),
                             options->source != NULL ? options->source : "criteria", &ret->criteria,
                             err));
    TRY(api_cohort_views(api, options, ret, err));
    TRY(api_cohort_recent(ret, err));
    if (options->engine == NULL && !options->no_index && ret->recent.count == 0)
        TRY(api_cohort_index_find(ret, err));
    if (ret->index != NULL)
        lister = cohort_index_lister(ret->index);
    return cohort_question_new(ret->criteria, ret->views, options->folder, ret->as_of_day, &lister,
                               &ret->question, err);
}

enum err_code api_cohort_compile(struct api_cohort *cohort, const struct plan_rel *root,
                                 struct buf *sql, struct err *err)
{
    const char **params = NULL;
    size_t count = 0;
    struct dialect_options options = {.table = api_cohort_table_sql, .user = cohort};
    const char *dialect = cohort->engine != NULL ? engine_dialect(cohort->engine) : "duckdb";
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    const struct plan_rel *quick = NULL;
    if (dialect_find(dialect) == NULL)
        return err_set(err, ERR_UNSUPPORTED, "plans can't be written for %s yet", dialect);
    TRY(plan_optimise(over, root, &quick, err));
    TRY(dialect_sql(dialect_find(dialect), quick, api_cohort_on_server(cohort) ? &options : NULL,
                    sql, &params, &count, err));
    mem_free(params);
    return ERR_OK;
}

/* ---- count --------------------------------------------------------------------------------------
 */

static enum err_code run_counts(struct api_cohort *cohort, const char *sql, int64_t *counts,
                                size_t steps, struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    size_t read = 0;
    TRY(engine_query(cohort->engine, sql, NULL, 0, &result, err));
    for (;;) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            break;
        for (int64_t row = 0; row < batch->rows && read <= steps; row++)
            counts[read++] = batch->vectors[1].i64[row];
    }
    return read == steps + 1
               ? ERR_OK
               : err_set(err, ERR_FAILED, "expected %zu counts, found %zu", steps + 1, read);
}

static enum err_code put_attrition(const struct api_cohort *cohort, const int64_t *counts,
                                   json_t *answer, struct err *err)
{
    size_t steps = cohort_step_count(cohort->criteria);
    bool ok = true, any = false;
    AUTO(mem_free) void *memory = mem_zalloc(steps + 1, sizeof(bool));
    bool *hidden = memory;
    json_t *list = json_array();
    if (hidden == NULL) {
        json_decref(list);
        return err_set(err, ERR_MEMORY, "no memory for counts");
    }
    cohort_suppress(counts, steps + 1, cohort->options->suppress, hidden);
    for (size_t i = 0; i <= steps; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        json_t *one = json_object();
        if (i == 0)
            buf_puts(&text, "patients");
        else if (cohort_step_print(cohort->criteria, i - 1, &text, err) != ERR_OK)
            ok = false;
        json_put_str(one, "step", buf_view(&text), &ok);
        if (hidden[i])
            json_put(one, "count", json_null(), &ok);
        else
            json_put_int(one, "count", counts[i], &ok);
        json_push(list, one, &ok);
        any = any || hidden[i];
    }
    if (hidden[steps])
        json_put(answer, "count", json_null(), &ok);
    else
        json_put_int(answer, "count", counts[steps], &ok);
    json_put_flag(answer, "suppressed", any, &ok);
    json_put(answer, "attrition", list, &ok);
    return json_built(ok, err);
}

static enum err_code put_common(struct api_cohort *cohort, const struct plan_rel *root,
                                const char *sql, json_t *answer, struct err *err)
{
    AUTO(buf_done) struct buf reading = BUF_INIT;
    char day[32];
    bool ok = true;
    json_t *criteria = NULL;
    TRY(cohort_criteria_to_json(cohort->criteria, &criteria, err));
    json_put(answer, "criteria", criteria, &ok);
    TRY(cohort_criteria_print(cohort->criteria, &reading, err));
    json_put_str(answer, "reading", buf_view(&reading), &ok);
    json_put_text(answer, "dataset", cohort->options->dataset, &ok);
    json_put_text(answer, "version", store_version_id(cohort->version), &ok);
    (void)clock_format(cohort->as_of_day * 86400000000, day);
    day[10] = '\0';
    json_put_text(answer, "as_of", day, &ok);
    TRY(api_cohort_put_route(cohort, root, answer, err));
    json_put_text(answer, "sql", sql, &ok);
    json_t *notes = json_deep_copy(cohort_question_notes(cohort->question));
    json_put(answer, "notes", notes, &ok);
    TRY(json_built(ok, err));
    return api_cohort_note_views(cohort, root, notes, err);
}

/* The trail: what was asked, by its hash; the criteria are kept beside the data. */
static void record(struct api_cohort *cohort, const char *kind_of, const json_t *answer)
{
    bool ok = true;
    char query[HASH_HEX_BYTES];
    AUTO(buf_done) struct buf kept = BUF_INIT;
    struct err err = {0};
    json_t *entry = json_object();
    if (json_canonical(json_object_get(answer, "criteria"), &kept, &err) != ERR_OK)
        ok = false;
    hash_sha256_of(buf_text(&kept), kept.len, query);
    if (ok && store_is_writable(cohort->api->store) &&
        store_query_keep(cohort->api->store, cohort->options->dataset, query, buf_text(&kept),
                         &err) != ERR_OK)
        api_warn(cohort->api, "the criteria were not kept: %s", err.message);
    json_put_text(entry, "asked", kind_of, &ok);
    json_put_text(entry, "version", store_version_id(cohort->version), &ok);
    json_put_text(entry, "query", query, &ok);
    static const char *const members[] = {"route", "as_of",  "signature",  "run_id",
                                          "name",  "reused", "duration_ms"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(answer, members[i]) != NULL)
            json_put(entry, members[i], json_incref(json_object_get(answer, members[i])), &ok);
    json_put_flag(entry, "ok", true, &ok);
    if (!ok)
        json_decref(entry);
    api_record(cohort->api, cohort->options->dataset, "cohort", ok ? entry : NULL);
}

/* ---- the frame of every verb --------------------------------------------------------------------
 */

enum err_code api_cohort_do(struct api *api, const struct api_cohort_options *options,
                            const struct api_cohort_verb *verb, json_t **ret, struct err *err)
{
    struct api_cohort cohort = {.exact = verb->exact};
    int64_t started_us = clock_monotonic_us();
    bool ok = true;
    JSON_AUTO answer = json_object();
    api_begin(api);
    enum err_code code =
        (verb->of_views ? api_cohort_views : api_cohort_ready)(api, options, &cohort, err);
    if (code == ERR_OK)
        code = verb->answer(&cohort, answer, err);
    if (code == ERR_OK)
        code = api_cohort_server_still(&cohort, err);
    if (code == ERR_OK && verb->record != NULL)
        json_put_int(answer, "duration_ms", api_elapsed_ms(started_us), &ok);
    if (code == ERR_OK)
        code = json_built(ok, err);
    if (code == ERR_OK && verb->record != NULL)
        verb->record(&cohort, verb->name, answer);
    else if (code != ERR_OK && verb->record != NULL && cohort.version != NULL)
        api_record_failure(api, options->dataset, "cohort", err, started_us);
    api_cohort_done(&cohort);
    if (code == ERR_OK)
        *ret = json_incref(answer);
    return code;
}

/* ---- count --------------------------------------------------------------------------------------
 */

/* counts: one of all patients, and one a step. */
static enum err_code take_counts(struct api_cohort *cohort, struct plan *plan,
                                 const struct plan_rel **root, struct buf *sql, int64_t *counts,
                                 struct err *err)
{
    bool bitmap = cohort->index != NULL && cohort_index_why_not(cohort->question) == NULL;
    TRY(cohort_plan_attrition(plan, cohort->question, root, err));
    if (!bitmap)
        TRY(api_cohort_attach_of(cohort, *root, err));
    TRY(api_cohort_compile(cohort, *root, sql, err));
    return bitmap ? cohort_index_count(cohort->index, cohort->question, counts, err)
                  : run_counts(cohort, buf_text(sql), counts,
                               cohort_step_count(cohort->criteria), err);
}

static enum err_code count(struct api_cohort *cohort, json_t *answer, struct err *err)
{
    size_t steps = cohort_step_count(cohort->criteria);
    const struct plan_rel *root = NULL;
    char signature[65];
    bool ok = true;
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(mem_free) void *counts = mem_zalloc(steps + 1, sizeof(int64_t));
    if (plan == NULL || counts == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a cohort");
    bool bitmap = cohort->index != NULL && cohort_index_why_not(cohort->question) == NULL;
    TRY(take_counts(cohort, plan, &root, &sql, counts, err));
    TRY(plan_signature(root, signature, err));
    TRY(put_attrition(cohort, counts, answer, err));
    TRY(put_common(cohort, root, buf_text(&sql), answer, err));
    json_put_text(answer, "signature", signature, &ok);
    TRY(json_built(ok, err));
    TRY(api_cohort_note_uncoded(cohort, root, json_object_get(answer, "notes"), err));
    return bitmap ? ERR_OK : api_cohort_note_units(cohort, json_object_get(answer, "notes"), err);
}

enum err_code api_cohort_count(struct api *api, const struct api_cohort_options *options,
                               json_t **ret, struct err *err)
{
    static const struct api_cohort_verb verb = {
        .name = "count", .exact = false, .answer = count, .record = record};
    return api_cohort_do(api, options, &verb, ret, err);
}

/* ---- show ---------------------------------------------------------------------------------------
 */

static enum err_code show(struct api_cohort *cohort, json_t *answer, struct err *err)
{
    const struct plan_rel *root = NULL;
    bool ok = true;
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(cohort_plan_attrition(plan, cohort->question, &root, err));
    if (cohort->options->engine != NULL)
        TRY(api_cohort_attach_of(cohort, root, err));
    TRY(api_cohort_compile(cohort, root, &sql, err));
    TRY(put_common(cohort, root, buf_text(&sql), answer, err));
    json_t *steps = json_array();
    json_put(answer, "steps", steps, &ok);
    json_put(answer, "views", json_deep_copy(cohort->sources), &ok); /* not only what is read */
    for (size_t i = 0; i < cohort_step_count(cohort->criteria); i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        TRY(cohort_step_print(cohort->criteria, i, &text, err));
        json_push_str(steps, buf_view(&text), &ok);
    }
    return json_built(ok, err);
}

enum err_code api_cohort_show(struct api *api, const struct api_cohort_options *options,
                              json_t **ret, struct err *err)
{
    static const struct api_cohort_verb verb = {
        .name = "show", .exact = false, .answer = show, .record = NULL};
    return api_cohort_do(api, options, &verb, ret, err);
}

/* ---- save ---------------------------------------------------------------------------------------
 */

static enum err_code table_name(const struct api_cohort *cohort, char ret[80], struct err *err)
{
    const char *name = cohort->options->name != NULL ? cohort->options->name : "";
    bool plain = name[0] != '\0' && strlen(name) <= 60;
    for (const char *c = name; *c != '\0'; c++)
        plain = plain && ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_' ||
                          (*c >= '0' && *c <= '9'));
    if (!plain) {
        err_set(err, ERR_USAGE, "a saved cohort needs a name of letters, digits and _");
        return err_hint(err, "--name diabetic_women makes the table cohort_diabetic_women");
    }
    (void)snprintf(ret, 80, "cohort_%s", name);
    if (store_version_table_find(cohort->version, ret) != NULL)
        return err_set(err, ERR_USAGE, "'%s' is a table of the dataset: give another name", ret);
    return ERR_OK;
}

static enum err_code attach(void *user, struct engine *engine, const char *const *names,
                            size_t count_names, struct err *err)
{
    const struct api_cohort *cohort = user;
    struct api_query_marts marts = {.pinned = cohort->runs, .exact = true};
    return api_attach_pinned(cohort->api, cohort->version, engine, names, count_names, &marts, err);
}

/* Few are saved, or few are not: as a count of the same criteria would hide it. */
static enum err_code is_hidden(struct api_cohort *cohort, int64_t rows, bool *ret, struct err *err)
{
    size_t steps = cohort_step_count(cohort->criteria);
    const struct plan_rel *root = NULL;
    bool hidden[2];
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(mem_free) void *memory = mem_zalloc(steps + 1, sizeof(int64_t));
    int64_t *counts = memory;
    *ret = false;
    if (cohort->options->suppress <= 1)
        return ERR_OK;
    if (plan == NULL || counts == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a cohort");
    TRY(take_counts(cohort, plan, &root, &sql, counts, err));
    const int64_t chain[] = {counts[0], rows};
    cohort_suppress(chain, 2, cohort->options->suppress, hidden);
    *ret = hidden[1];
    return ERR_OK;
}

static enum err_code put_saved(struct api_cohort *cohort, const struct run_result *result,
                               const char *table, json_t *answer, struct err *err)
{
    bool ok = true, few = false;
    int64_t rows = json_int(result->manifest, "row_count", 0);
    TRY(is_hidden(cohort, rows, &few, err));
    json_put_text(answer, "name", table, &ok);
    json_put_text(answer, "run_id", result->run_id, &ok);
    json_put_text(answer, "signature", result->signature, &ok);
    json_put_flag(answer, "reused", result->reused, &ok);
    if (few)
        json_put(answer, "count", json_null(), &ok);
    else
        json_put_int(answer, "count", rows, &ok);
    json_put_flag(answer, "suppressed", few, &ok);
    return json_built(ok, err);
}

static enum err_code save(struct api_cohort *cohort, json_t *answer, struct err *err)
{
    static const char *const sort[] = {"patient_id"};
    struct engine_options engine = api_engine_options(cohort->api);
    const struct plan_rel *root = NULL;
    char table[80];
    bool ok = true;
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    JSON_AUTO extra = json_object();
    json_t *about = json_object();
    struct run_result result = {.manifest = NULL};
    json_put(extra, "cohort", about, &ok);
    if (plan == NULL || !ok)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(table_name(cohort, table, err));
    TRY(cohort_plan_patients(plan, cohort->question, &root, err));
    TRY(api_cohort_compile(cohort, root, &sql, err));
    TRY(put_common(cohort, root, buf_text(&sql), answer, err));
    json_put_text(answer, "route", "materialised", &ok); /* of the run */
    json_put_text(answer, "why", "a saved cohort is the plan's rows", &ok);
    static const char *const members[] = {"criteria", "reading", "as_of"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_put(about, members[i], json_incref(json_object_get(answer, members[i])), &ok);
    TRY(json_built(ok, err));
    struct run_request request = {.kind = "plan",
                                  .name = table,
                                  .plan = root,
                                  .sort_columns = sort,
                                  .sort_count = 1,
                                  .extra = extra,
                                  .attach = attach,
                                  .user = cohort,
                                  .force = cohort->options->force};
    enum err_code code =
        run_materialise(cohort->api->store, cohort->version, &request, &engine, &result, err);
    if (code == ERR_OK)
        code = api_run_mean(cohort->api, cohort->version, table, result.run_id, err);
    if (code == ERR_OK)
        code = put_saved(cohort, &result, table, answer, err);
    run_result_done(&result);
    return code;
}

enum err_code api_cohort_save(struct api *api, const struct api_cohort_options *options,
                              json_t **ret, struct err *err)
{
    static const struct api_cohort_verb verb = {
        .name = "save", .exact = true, .answer = save, .record = record};
    return api_cohort_do(api, options, &verb, ret, err);
}
