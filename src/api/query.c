/* `sql`: a user's SELECT over one version, lazily and read-only.
 *
 *   text ─▶ exactly one statement, of type SELECT (checked before anything runs)
 *        ─▶ the names it reads: tables of the version, marts built on it, nothing else (a file or a
 * URL as a table name is refused) ─▶ an engine with just these attached READ_ONLY, external access
 * switched off for what follows ─▶ rows, with a time limit and a row cap
 *
 * The traps (ANCHORS): DuckDB's settings alone do not hold a hostile statement; the statement's
 * type does. */
#include "api/recent_priv.h"
#include "api/views_priv.h"

#include "base/nearest.h"
#include "data/data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool api_is_mart_name(const char *name)
{
    return strlen(name) > 5 && str_equal_nocase((struct str){name, 5}, STR("mart_"));
}

enum err_code api_unknown_table(const struct store_version *version, const char *name,
                                struct err *err)
{
    AUTO(buf_done) struct buf known = BUF_INIT;
    struct nearest nearest = {.asked = name};
    for (size_t i = 0; i < store_version_table_count(version); i++) {
        const char *table = store_version_table(version, i)->name;
        nearest_offer(&nearest, table);
        if (known.len < 600)
            buf_printf(&known, "%s%s", i == 0 ? "" : ", ", table);
    }
    err_set(err, ERR_NOT_FOUND, "no table or mart '%.200s' in version %.12s of '%s'", name,
            store_version_id(version), store_version_dataset(version));
    if (nearest_text(&nearest) != NULL)
        return err_hint(err, "did you mean '%s'?", nearest_text(&nearest));
    return err_hint(
        err, "tables: %.700s; marts are mart_patient, mart_admission, mart_event_TABLE once built",
        buf_text(&known));
}

/* The Parquet files of a run: the only files that a confined engine may still open. */
static enum err_code allow_files(struct api *api, const char *dataset, const json_t *run,
                                 json_t *allowed, struct err *err)
{
    char directory[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    size_t idx;
    json_t *file;
    bool ok = true;
    TRY(store_run_path(api->store, dataset, json_text(run, "run_id", ""), directory, err));
    json_array_foreach(json_object_get(run, "files"), idx, file)
    {
        TRY(file_path_join(directory, json_text(file, "name", ""), path, err));
        json_push_text(allowed, path, &ok);
    }
    return json_built(ok, err);
}

/* ---- what a saved name means --------------------------------------------------------------------
 * A name means the newest run that was computed under it, unless dataset.json says another of this
 * version ({saved: {VERSION: {NAME: run}}}): rows that were there already are not computed again.
 */

#define SAVED_NAME_BYTES 256

static void name_key(const char *name, char ret[SAVED_NAME_BYTES])
{
    (void)snprintf(ret, SAVED_NAME_BYTES, "%s", name);
    for (char *at = ret; *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + 'a' - 'A') : *at;
}

/* *ret NULL: dataset.json says nothing of it. */
static enum err_code find_said(struct api *api, struct store_version *version, const char *name,
                               json_t **ret, struct err *err)
{
    JSON_AUTO decided = NULL;
    char key[SAVED_NAME_BYTES];
    name_key(name, key);
    TRY(store_dataset_read(api->store, store_version_dataset(version), &decided, err));
    const char *run_id = json_text(json_object_get(json_object_get(decided, "saved"),
                                                   store_version_id(version)),
                                   key, NULL);
    if (run_id == NULL)
        return ERR_OK;
    enum err_code code =
        store_run_read(api->store, store_version_dataset(version), run_id, ret, err);
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

struct said {
    const char *version, *run_id;
    char key[SAVED_NAME_BYTES];
};

static enum err_code say(void *user, json_t *dataset_json, struct err *err)
{
    const struct said *said = user;
    bool ok = true;
    if (!json_is_object(json_object_get(dataset_json, "saved")))
        json_put(dataset_json, "saved", json_object(), &ok);
    json_t *saved = json_object_get(dataset_json, "saved");
    if (!json_is_object(json_object_get(saved, said->version)))
        json_put(saved, said->version, json_object(), &ok);
    json_put_text(json_object_get(saved, said->version), said->key, said->run_id, &ok);
    return json_built(ok, err);
}

enum err_code api_run_mean(struct api *api, struct store_version *version, const char *name,
                           const char *run_id, struct err *err)
{
    JSON_AUTO run = NULL;
    struct said said = {.version = store_version_id(version), .run_id = run_id};
    enum err_code code = api_run_find(api, version, name, NULL, &run, err);
    if (code != ERR_OK && code != ERR_NOT_FOUND)
        return code;
    if (strcmp(json_text(run, "run_id", ""), run_id) == 0 || !store_is_writable(api->store))
        return ERR_OK;
    name_key(name, said.key);
    return store_dataset_edit(api->store, store_version_dataset(version), say, &said, err);
}

enum err_code api_run_find(struct api *api, struct store_version *version, const char *name,
                           const char *pinned, json_t **ret, struct err *err)
{
    const char *dataset = store_version_dataset(version);
    JSON_AUTO runs = NULL;
    json_t *run;
    size_t idx;
    if (pinned != NULL)
        return store_run_read(api->store, dataset, pinned, ret, err);
    if (api_is_mart_name(name))
        return mart_find(api->store, version, name, ret, err);
    TRY(api_rule_run_find(api, version, name, ret, err));
    if (*ret == NULL)
        TRY(find_said(api, version, name, ret, err));
    if (*ret != NULL)
        return ERR_OK;
    TRY(store_run_list(api->store, dataset, "plan", &runs, err)); /* newest first */
    const char *elsewhere = NULL; /* the newest other version that has it */
    json_array_foreach(runs, idx, run)
    {
        if (json_object_get(run, "problem") != NULL ||
            !str_equal_nocase(str_of(json_text(run, "name", "")), str_of(name)))
            continue;
        if (strcmp(json_text(run, "version", ""), store_version_id(version)) == 0) {
            *ret = json_incref(run);
            return ERR_OK;
        }
        elsewhere = elsewhere == NULL ? json_text(run, "version", NULL) : elsewhere;
    }
    enum err_code code = api_unknown_table(version, name, err);
    if (elsewhere != NULL)
        (void)err_hint(err, "it was saved of version %.12s: save it again, or ask with --version",
                       elsewhere);
    return code;
}

/* The run that a name means: the one that an earlier query read, else the one it means now; noted
 * in used. */
static enum err_code find_run(struct api *api, struct store_version *version, const char *name,
                              const struct api_query_marts *marts, json_t **ret, struct err *err)
{
    bool ok = true;
    const char *pinned = marts != NULL ? json_text(marts->pinned, name, NULL) : NULL;
    TRY(api_run_find(api, version, name, pinned, ret, err));
    if (marts != NULL)
        json_put_text(marts->used, name, json_text(*ret, "run_id", ""), &ok);
    return json_built(ok, err);
}

/* The table's view, with the recent changes of its resources laid over it. */
static enum err_code lay_over(struct engine *engine, const struct store_table *table,
                              const struct api_recent *recent, struct err *err)
{
    AUTO(buf_done) struct buf source = BUF_INIT, sql = BUF_INIT;
    if (recent == NULL || api_recent_of(recent, table->name) == 0)
        return ERR_OK;
    buf_puts(&source, "SELECT * FROM ");
    store_table_source(table, &source);
    buf_puts(&sql, "CREATE OR REPLACE VIEW main.");
    engine_quote_identifier(&sql, str_of(table->name));
    buf_puts(&sql, " AS ");
    api_recent_select(table, buf_view(&source), &sql);
    TRY(buf_check(&sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code attach_names(struct api *api, struct store_version *version,
                                  struct engine *engine, const char *const *names, size_t count,
                                  const struct api_query_marts *marts, json_t *allowed,
                                  struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct store_table *table = store_version_table_find(version, names[i]);
        if (table != NULL) {
            TRY(store_version_attach(version, engine, &table->name, 1, err));
            if (allowed != NULL)
                TRY(store_version_paths(version, table->name, allowed, err));
            TRY(lay_over(engine, table, marts != NULL ? marts->recent : NULL, err));
            continue;
        }
        bool is_view = false;
        if (marts == NULL || json_object_get(marts->pinned, names[i]) == NULL)
            TRY(api_view_attach(api, version, engine, names[i], marts, allowed, &is_view, err));
        if (is_view)
            continue;
        JSON_AUTO run = NULL;
        TRY(find_run(api, version, names[i], marts, &run, err));
        TRY(run_attach(api->store, store_version_dataset(version), run, names[i], engine, err));
        if (allowed != NULL)
            TRY(allow_files(api, store_version_dataset(version), run, allowed, err));
    }
    return ERR_OK;
}

enum err_code api_attach_names(struct api *api, struct store_version *version,
                               struct engine *engine, const char *const *names, size_t count,
                               struct err *err)
{
    return attach_names(api, version, engine, names, count, NULL, NULL, err);
}

enum err_code api_attach_pinned(struct api *api, struct store_version *version,
                                struct engine *engine, const char *const *names, size_t count,
                                const struct api_query_marts *marts, struct err *err)
{
    return attach_names(api, version, engine, names, count, marts, NULL, err);
}

/* What a statement reads, with the changes that came since the version, unless the batch alone is asked
 * for. */
static enum err_code attach_recent(struct api *api, struct store_version *version,
                                   struct engine *engine, const struct engine_statement *statement,
                                   const struct api_query_marts *marts, json_t *allowed,
                                   struct err *err)
{
    AUTO(api_recent_done) struct api_recent recent = {.types = NULL};
    struct api_query_marts with = marts != NULL ? *marts : (struct api_query_marts){.view = NULL};
    bool ok = true;
    if (!with.snapshot && !with.exact)
        TRY(api_recent_attach(api, version, engine, &recent, err));
    with.recent = &recent;
    if (recent.count > 0 && with.routes != NULL)
        json_put_int(with.routes, "recent_changes", recent.count, &ok);
    TRY(json_built(ok, err));
    return attach_names(api, version, engine, (const char *const *)statement->tables,
                        statement->table_count, &with, allowed, err);
}

enum err_code api_query_prepare(struct api *api, struct store_version *version, const char *sql,
                                const struct api_query_marts *marts, const char *writable,
                                struct engine **ret, struct err *err)
{
    bool ok = true;
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = api_engine_options(api);
    struct engine_statement statement = {0};
    JSON_AUTO allowed = json_array();
    TRY(engine_open(&options, &engine, err));
    enum err_code code = api_statement_check(engine, sql, &statement, err);
    if (code == ERR_OK)
        code = attach_recent(api, version, engine, &statement, marts, allowed, err);
    engine_statement_done(&statement);
    TRY(code);
    if (writable != NULL)
        json_push_text(allowed, writable, &ok);
    TRY(json_built(ok, err));
    TRY(engine_confine(engine, allowed, err));
    *ret = engine;
    engine = NULL;
    return ERR_OK;
}

/* On another engine: over what was pushed there, in a read-only session; an engine of this process
 * reads the store's own files. */
static enum err_code prepare_elsewhere(struct api *api, const struct api_ask *ask,
                                       struct store_version *version, struct engine **ret,
                                       struct err *err)
{
    struct engine_options engine = api_engine_options(api);
    engine.url = ask->query.engine;
    if (ask->there == NULL)
        TRY(api_statement_check_elsewhere(ask->query.sql, err));
    TRY(run_engine_open(&engine, version, ret, err));
    return engine_can(*ret, ENGINE_IS_LOCAL)
               ? store_version_attach(version, *ret, ask->tables, ask->table_count, err)
               : ERR_OK;
}

struct api_rows {
    struct api *api;
    struct store_version *version;
    struct engine *engine;
    struct engine_result *result;
    char *sql, *kept;
    const char *kind;
    json_t *about;
    int64_t row_limit, row_count, started_us, first_us, ended_us;
    bool truncated, failed, at_end, streamed;
    struct hash128 content; /* sum of the rows' hashes: what replay compares, as a bag */
    struct data_batch capped;
    json_t *marts;  /* {name: run id} that it read */
    json_t *routes; /* {view: {route, as_of, version, staleness_s, fresh, why}} */
    struct data_schema schema; /* the result's, annotated; empty: the result's own */
};

enum err_code api_rows_nulled(struct api_rows *rows, int64_t nulled, struct err *err)
{
    bool ok = true;
    if (rows->about == NULL)
        rows->about = json_object();
    json_put_int(rows->about, "nulled", nulled, &ok);
    return json_built(ok, err);
}

/* Of what is null because it broke a rule the answer has numbers, by view; to who did not ask for
 * that a warning says where it stands. */
static enum err_code put_nulled(struct api_rows *rows, const json_t *nulled, bool asked,
                                struct err *err)
{
    const char *view;
    json_t *of;
    bool ok = true;
    json_object_foreach((json_t *)(uintptr_t)nulled, view, of)
    {
        json_t *route = json_object_get(rows->routes, view);
        AUTO(buf_done) struct buf text = BUF_INIT;
        json_put_int(route, "nulled_resources", json_int(of, "resources", 0), &ok);
        json_put_int(route, "nulled_values", json_int(of, "values", 0), &ok);
        api_nulled_print(view, json_text(of, "resource", ""), of, 0, &text);
        if (!asked)
            api_warn(rows->api, "%s", buf_text(&text));
    }
    return json_built(ok, err);
}

/* What was read of views stands beside what the front end says. */
static enum err_code put_routes(struct api_rows *rows, struct err *err)
{
    bool ok = true;
    if (json_object_size(rows->routes) == 0)
        return ERR_OK;
    if (rows->about == NULL)
        rows->about = json_object();
    json_put(rows->about, "views", json_incref(rows->routes), &ok);
    return json_built(ok, err);
}

/* The engine's rows; the form that it was asked in is told with them. */
static enum err_code ask_there(struct api_rows *rows, const struct api_ask *ask, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    const char *form = "sql";
    bool ok = true;
    TRY(ask->there(ask->user, rows->engine, &form, &text, &rows->result, err));
    mem_free(rows->sql);
    rows->sql = buf_take(&text);
    json_put_text(rows->about, "form", form, &ok);
    return ok && rows->sql != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for the result");
}

static enum err_code open_rows(struct api *api, const struct api_ask *ask, struct api_rows *rows,
                               struct err *err)
{
    const struct api_query_options *options = &ask->query;
    JSON_AUTO nulled = json_object();
    rows->api = api;
    rows->started_us = clock_monotonic_us();
    rows->row_limit = options->row_limit > 0 ? options->row_limit : API_QUERY_ROW_LIMIT;
    rows->sql = mem_strdup(options->sql);
    rows->kept = mem_strdup(ask->kept != NULL ? ask->kept : options->sql);
    rows->kind = ask->kind;
    rows->about = json_deep_copy(ask->about);
    rows->marts = json_object();
    rows->routes = json_object();
    if (rows->sql == NULL || rows->kept == NULL || rows->marts == NULL || rows->routes == NULL ||
        (ask->about != NULL && rows->about == NULL))
        return err_set(err, ERR_MEMORY, "no memory for the statement");
    TRY(store_version_open(api->store, options->dataset, options->version, &rows->version, err));
    TRY(store_version_set_options(rows->version, ask->scans, err));
    struct api_query_marts marts = {.pinned = options->marts,
                                    .used = rows->marts,
                                    .view = ask->view,
                                    .library = ask->library,
                                    .snapshot = ask->snapshot,
                                    .exact = options->version != NULL && !options->recent,
                                    .null_on_error = ask->null_on_error,
                                    .takes_on_error = strcmp(ask->kind, "view") == 0,
                                    .nulled = nulled,
                                    .routes = rows->routes};
    if (options->engine != NULL)
        TRY(prepare_elsewhere(api, ask, rows->version, &rows->engine, err));
    else
        TRY(api_query_prepare(api, rows->version, options->sql, &marts, NULL, &rows->engine, err));
    engine_set_time_limit(rows->engine, options->time_limit_ms > 0 ? options->time_limit_ms
                                                                   : API_QUERY_TIME_LIMIT_MS);
    engine_set_progress(rows->engine, api->options.progress, "query", options->dataset);
    TRY(put_nulled(rows, nulled, ask->null_on_error, err));
    TRY(put_routes(rows, err));
    if (ask->null_on_error || api_nulled_values(nulled) > 0)
        TRY(api_rows_nulled(rows, api_nulled_values(nulled), err));
    if (options->engine != NULL && ask->there != NULL)
        return api_statement_blame(ask_there(rows, ask, err), err);
    return api_statement_blame(
        engine_query(rows->engine, options->sql, ask->values, ask->value_count, &rows->result, err),
        err);
}

static void free_rows(struct api_rows *rows)
{
    engine_result_close(rows->result);
    engine_close(rows->engine);
    store_version_close(rows->version);
    data_schema_done(&rows->schema);
    json_decref(rows->routes);
    json_decref(rows->marts);
    json_decref(rows->about);
    mem_free(rows->kept);
    mem_free(rows->sql);
    mem_free(rows);
}

enum err_code api_ask(struct api *api, const struct api_ask *ask, struct api_rows **ret,
                      struct err *err)
{
    struct api_rows *rows = mem_zalloc(1, sizeof *rows);
    if (rows == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the result");
    enum err_code code = open_rows(api, ask, rows, err);
    if (code != ERR_OK) {
        if (rows->version != NULL)
            api_record_failure(api, ask->query.dataset, ask->kind, err, rows->started_us);
        free_rows(rows);
        return code;
    }
    *ret = rows;
    return ERR_OK;
}

enum err_code api_query(struct api *api, const struct api_query_options *options,
                        struct api_rows **ret, struct err *err)
{
    struct api_ask ask = {.query = *options, .kind = "sql"};
    api_begin(api);
    return api_ask(api, &ask, ret, err);
}

const json_t *api_rows_about(const struct api_rows *rows)
{
    return rows->about;
}

const struct data_schema *api_rows_schema(const struct api_rows *rows)
{
    return rows->schema.count > 0 ? &rows->schema : engine_result_schema(rows->result);
}

struct data_schema *api_rows_own_schema(struct api_rows *rows)
{
    if (rows->schema.count == 0 && data_schema_copy(engine_result_schema(rows->result),
                                                    &rows->schema, ERR_IGNORED) != ERR_OK)
        data_schema_done(&rows->schema);
    return &rows->schema;
}

const char *api_rows_version(const struct api_rows *rows)
{
    return rows->version != NULL ? store_version_id(rows->version) : "";
}

enum err_code api_rows_over(struct api *api, struct engine *engine_taken, const char *sql,
                            const struct engine_value *values, size_t value_count,
                            int64_t row_limit, struct api_rows **ret, struct err *err)
{
    struct api_rows *rows = mem_zalloc(1, sizeof *rows);
    if (rows == NULL) {
        engine_close(engine_taken);
        return err_set(err, ERR_MEMORY, "no memory for the result");
    }
    rows->api = api;
    rows->engine = engine_taken;
    rows->started_us = clock_monotonic_us();
    rows->row_limit = row_limit > 0 ? row_limit : API_QUERY_ROW_LIMIT;
    enum err_code code = api_statement_blame(
        engine_query(rows->engine, sql, values, value_count, &rows->result, err), err);
    if (code != ERR_OK)
        free_rows(rows);
    else
        *ret = rows;
    return code;
}

/* Values as length and canonical text, so that no two rows run into one another. */
static void hash_batch(struct api_rows *rows, const struct data_batch *batch)
{
    AUTO(buf_done) struct buf row = BUF_INIT, value = BUF_INIT;
    for (int64_t r = 0; r < batch->rows; r++) {
        buf_clear(&row);
        for (size_t c = 0; c < batch->columns; c++) {
            buf_clear(&value);
            if (!data_value_text(&batch->vectors[c], r, &value)) {
                buf_puts(&row, "-;");
                continue;
            }
            buf_printf(&row, "%zu:", value.len);
            buf_add_str(&row, buf_view(&value));
        }
        struct hash128 hash = hash_xxh3_128(row.ptr, row.len, 0);
        rows->content.low += hash.low;
        rows->content.high += hash.high + (rows->content.low < hash.low ? 1 : 0);
        rows->failed = rows->failed || row.failed || value.failed;
    }
}

enum err_code api_rows_next(struct api_rows *rows, const struct data_batch **ret, struct err *err)
{
    *ret = NULL;
    if (rows->at_end)
        return ERR_OK;
    const struct data_batch *batch = NULL;
    enum err_code code = api_statement_blame(engine_result_next(rows->result, &batch, err), err);
    rows->failed = code != ERR_OK;
    if (rows->first_us == 0)
        rows->first_us = clock_monotonic_us();
    if (code == ERR_OK && batch == NULL)
        code = store_version_still(rows->version, err);
    if (code != ERR_OK || batch == NULL) {
        rows->failed = code != ERR_OK;
        rows->at_end = true;
        rows->ended_us = clock_monotonic_us();
        return code;
    }
    if (rows->row_count + batch->rows > rows->row_limit) {
        enum err_code still = store_version_still(rows->version, err);
        rows->failed = still != ERR_OK;
        rows->capped = *batch;
        rows->capped.rows = rows->row_limit - rows->row_count;
        rows->truncated = rows->at_end = true;
        rows->ended_us = clock_monotonic_us();
        batch = &rows->capped;
        if (rows->failed)
            return still;
    }
    rows->row_count += batch->rows;
    hash_batch(rows, batch);
    *ret = batch->rows > 0 ? batch : NULL;
    return ERR_OK;
}

enum err_code api_rows_still(struct api_rows *rows, struct err *err)
{
    return store_version_still(rows->version, err);
}

bool api_rows_truncated(const struct api_rows *rows)
{
    return rows->truncated;
}

int64_t api_rows_duration_ms(const struct api_rows *rows)
{
    int64_t end = rows->ended_us != 0 ? rows->ended_us : clock_monotonic_us();
    return (end - rows->started_us) / 1000;
}

void api_rows_content(const struct api_rows *rows, char ret[API_CONTENT_BYTES])
{
    (void)snprintf(ret, API_CONTENT_BYTES, "%016" PRIx64 "%016" PRIx64, rows->content.high,
                   rows->content.low);
}

json_t *api_statement_entry(struct api *api, const struct store_version *version, const char *sql,
                            const char *kept, const json_t *marts, bool *ok)
{
    char query[HASH_HEX_BYTES];
    struct err err = {0};
    AUTO(buf_done) struct buf masked = BUF_INIT;
    json_t *entry = json_object();
    api_mask_statement(version, sql, &masked);
    hash_sha256_of(kept, strlen(kept), query);
    if (store_is_writable(api->store) &&
        store_query_keep(api->store, store_version_dataset(version), query, kept, &err) != ERR_OK)
        api_warn(api, "the statement was not kept for replay: %s", err.message);
    json_put_text(entry, "version", store_version_id(version), ok);
    json_put_str(entry, "sql", buf_view(&masked), ok);
    json_put_text(entry, "query", query, ok);
    if (json_object_size(marts) > 0)
        json_put(entry, "marts", json_deep_copy(marts), ok);
    *ok = *ok && !masked.failed;
    return entry;
}

static void record(struct api_rows *rows)
{
    bool ok = true;
    char content[API_CONTENT_BYTES];
    api_rows_content(rows, content);
    json_t *entry =
        api_statement_entry(rows->api, rows->version, rows->sql, rows->kept, rows->marts, &ok);
    if (rows->about != NULL && json_object_update(entry, rows->about) != 0)
        ok = false;
    json_put_flag(entry, "ok", !rows->failed, &ok);
    if (strcmp(engine_name(rows->engine), "duckdb") != 0)
        json_put_text(entry, "engine", engine_name(rows->engine), &ok); /* replay cannot run it */
    json_put_int(entry, "rows", rows->row_count, &ok);
    json_put_flag(entry, "streamed", rows->streamed,
                  &ok); /* handed over as Arrow: rows were counted, not hashed */
    json_put_int(entry, "row_limit", rows->row_limit, &ok);
    json_put_flag(entry, "truncated", rows->truncated, &ok);
    json_put_flag(entry, "complete", rows->at_end && !rows->failed, &ok);
    if (!rows->streamed && !rows->failed)
        json_put_text(entry, "result_hash", content, &ok);
    json_put_int(entry, "duration_ms", api_rows_duration_ms(rows), &ok);
    json_put_int(entry, "time_to_first_answer_ms",
                 rows->first_us > 0 ? (rows->first_us - rows->started_us) / 1000 : 0, &ok);
    if (!ok)
        json_decref(entry);
    api_record(rows->api, store_version_dataset(rows->version), rows->kind, ok ? entry : NULL);
}

void api_rows_close(struct api_rows *rows)
{
    if (rows == NULL)
        return;
    if (rows->version != NULL)
        record(rows);
    free_rows(rows);
}

struct engine_result *api_rows_take_result(struct api_rows *rows)
{
    struct engine_result *result = rows->result;
    rows->result = NULL;
    rows->streamed = true;
    return result;
}

void api_rows_streamed(struct api_rows *rows, int64_t count, bool at_end, bool failed)
{
    if (rows->first_us == 0)
        rows->first_us = clock_monotonic_us();
    rows->row_count += count;
    rows->at_end = rows->at_end || at_end;
    rows->failed = rows->failed || failed;
    if (at_end || failed)
        rows->ended_us = clock_monotonic_us();
}
