/* An answer as an R script with its rows: DIR/analysis.R, data.parquet and data.csv. The rows leave
 * the store because the user named DIR, and for no other reason; the history says that they did,
 * and none of their values.
 *
 *     answer.plan ──ask_recipe──▶ rows before the last aggregation ──SQL──▶ data.parquet, data.csv
 *     answer ──report_r_script──▶ analysis.R */
#include "api/question_priv.h"

#include "report/report.h"

#include <stdio.h>
#include <string.h>

static const char *const file_names[] = {"data.parquet", "data.csv", "analysis.R"};

static enum err_code check_directory(const struct api_script_options *options, struct err *err)
{
    char path[FILE_PATH_BYTES];
    for (size_t i = 0; i < 3; i++) {
        TRY(file_path_join(options->directory, file_names[i], path, err));
        if (options->overwrite || !file_exists(path))
            continue;
        err_set(err, ERR_INPUT, "'%s' is there already", path);
        return err_hint(err, "give another folder, or --overwrite");
    }
    return ERR_OK;
}

/* [{name, type}]: how R takes them. */
static json_t *columns_of(const struct plan_rel *rows, bool *ok)
{
    json_t *columns = json_array();
    for (size_t i = 0; i < rows->column_count; i++) {
        struct data_type type = rows->columns[i].type;
        json_t *one = json_object();
        json_put_text(one, "name", rows->columns[i].name, ok);
        json_put_text(one, "type",
                      data_type_is_numeric(type) || type.kind == DATA_UHUGEINT ? "number"
                      : type.kind == DATA_BOOLEAN                              ? "logical"
                      : type.kind == DATA_DATE                                 ? "date"
                      : data_type_is_temporal(type)                            ? "time"
                                                                               : "text",
                      ok);
        json_push(columns, one, ok);
    }
    return columns;
}

/* Both files have the same rows in the same order. */
static enum err_code write_rows(struct api *api, struct store_version *version,
                                const struct plan_rel *rows, bool ordered,
                                const struct api_script_options *options, int64_t *ret_rows,
                                struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT, select = BUF_INIT;
    char path[FILE_PATH_BYTES];
    int64_t bytes = 0;
    TRY(api_asked_query(api, version, rows, &engine, &sql, err));
    engine_set_time_limit(engine, API_QUERY_TIME_LIMIT_MS);
    buf_printf(&select, ordered ? "%s" : "SELECT * FROM (%s\n) ORDER BY ALL", buf_text(&sql));
    TRY(buf_check(&select, err));
    TRY(file_path_join(options->directory, file_names[0], path, err));
    TRY(api_write_parquet(engine, version, buf_text(&select), path, ret_rows, &bytes, err));
    TRY(file_path_join(options->directory, file_names[1], path, err));
    return api_write_csv_nulls(engine, version, buf_text(&select), path, err);
}

static enum err_code write_script(const struct api_script_options *options, const json_t *answer,
                                  const json_t *columns, const json_t *recipe, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    char path[FILE_PATH_BYTES], now[32];
    struct report_about about = {options->question, clock_format(clock_now_us(), now)};
    struct report_rows rows = {columns, recipe};
    TRY(report_r_script(answer, &about, &rows, &text, err));
    TRY(file_path_join(options->directory, file_names[2], path, err));
    return file_replace(path, buf_view(&text), err);
}

static void record(struct api *api, const struct api_script_options *options, const json_t *answer,
                   int64_t rows)
{
    bool ok = true;
    json_t *entry = json_object();
    json_put_flag(entry, "ok", true, &ok);
    json_put_text(entry, "version", json_text(answer, "version", NULL), &ok);
    json_put_text(entry, "what", "answer", &ok);
    json_put_text(entry, "format", "r", &ok);
    json_put_text(entry, "signature", json_text(answer, "signature", NULL), &ok);
    json_put_text(entry, "run_key", json_text(answer, "run_key", NULL), &ok);
    json_put_int(entry, "files", 3, &ok);
    json_put_int(entry, "rows", rows, &ok);
    api_record(api, options->dataset, "export", entry);
}

static enum err_code write_all(struct api *api, const struct api_script_options *options,
                               const json_t *answer, int64_t *ret_rows, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = NULL, *rows = NULL;
    JSON_AUTO recipe = NULL;
    bool ok = true;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(store_version_open(api->store, options->dataset, json_text(answer, "version", NULL),
                           &version, err));
    TRY(plan_from_json(plan, json_object_get(answer, "plan"), "plan", &root, err));
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    if (over == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    rows = root;
    if (!json_is_object(json_object_get(json_object_get(answer, "question"), "analysis")))
        TRY(ask_recipe(root, over, &rows, &recipe, err));
    JSON_AUTO columns = columns_of(rows, &ok);
    TRY(json_built(ok, err));
    TRY(file_make_directory(options->directory, err));
    TRY(write_rows(api, version, rows, recipe != NULL && rows == root, options, ret_rows, err));
    return write_script(options, answer, columns, recipe, err);
}

enum err_code api_question_script(struct api *api, const struct api_script_options *options,
                                  const json_t *answer, json_t **ret, struct err *err)
{
    int64_t started_us = clock_monotonic_us(), rows = 0;
    bool ok = true;
    if (strcmp(json_text(answer, "status", ""), "answered") != 0) {
        err_set(err, ERR_INPUT, "the question is not answered, so there is nothing to reproduce");
        return err_hint(err, "ask it in another way first");
    }
    TRY(check_directory(options, err));
    enum err_code code = write_all(api, options, answer, &rows, err);
    if (code != ERR_OK) {
        api_record_failure(api, options->dataset, "export", err, started_us);
        return code;
    }
    record(api, options, answer, rows);
    json_t *json = json_object(), *files = json_array();
    for (size_t i = 0; i < 3; i++)
        json_push_text(files, file_names[i], &ok);
    json_put_text(json, "directory", options->directory, &ok);
    json_put(json, "files", files, &ok);
    json_put_int(json, "rows", rows, &ok);
    *ret = json;
    return json_built(ok, err);
}
