/* Questions in plain English: read by ask, run here.
 *
 *     text ──ask──▶ reading ── answered? ──▶ relational plan ──run id──▶ kept answer, at once
 *                     │ no                                        │ none
 *                     ▼                                           ▼ SQL of the optimised plan →
 * rows → kept as a run choices, or what is missing
 *
 * The SQL comes from the plan alone, over tables that are attached read-only: no text of the
 * question reaches it but as a literal of the plan. The history gets the text with its literals
 * masked (docs/QUESTIONS.md); the text whole lies beside the data. */
#include "api/question_priv.h"

#include "api/cohort_priv.h"
#include "run/run.h"

#include <string.h>

/* ---- running
 * ------------------------------------------------------------------------------------------ */

json_t *api_question_columns(const struct plan_rel *root, bool *ok)
{
    json_t *names = json_array();
    for (size_t i = 0; i < root->column_count; i++)
        json_push_text(names, root->columns[i].name, ok);
    return names;
}

static enum err_code keep_answer(struct api *api, const struct api_asked *asked, const char *run_id,
                                 const char *signature, const struct plan_rel *root,
                                 const char *sql, const json_t *columns, const json_t *rows,
                                 struct err *err)
{
    char staged[FILE_PATH_BYTES];
    bool existed = false, ok = true;
    json_t *plan = NULL;
    TRY(plan_to_json(root, &plan, err));
    JSON_AUTO manifest = api_asked_manifest(asked, "answer", "answer", &ok);
    json_put(manifest, "plan", plan, &ok); /* with its literals, for replay */
    json_put_text(manifest, "signature", signature, &ok);
    json_put_text(manifest, "sql", sql, &ok);
    json_put(manifest, "columns", json_deep_copy(columns), &ok);
    json_put(manifest, "rows", json_deep_copy(rows), &ok);
    TRY(json_built(ok, err));
    TRY(store_run_stage(api->store, staged, err));
    return store_run_publish(api->store, store_version_dataset(asked->version), run_id, staged,
                             manifest, &existed, err);
}

/* The plan's rows: kept ones, or computed and kept. */
static enum err_code rows_of(struct api *api, const struct api_question_options *options,
                             struct api_asked *asked, const struct plan_rel *root, json_t *answer,
                             json_t **ret_columns, json_t **ret_rows, struct err *err)
{
    struct run_request request = {.kind = "answer", .name = "answer", .plan = root};
    char run_id[65], signature[65];
    JSON_AUTO kept = NULL;
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    bool ok = true;
    TRY(run_id_of(&request, asked->version, run_id, signature, err));
    bool found =
        !options->force &&
        store_run_read(api->store, options->dataset, run_id, &kept, ERR_IGNORED) == ERR_OK &&
        json_is_array(json_object_get(kept, "rows"));
    if (found) {
        TRY(store_version_available(asked->version, NULL, 0, err));
        *ret_columns = json_incref(json_object_get(kept, "columns"));
        *ret_rows = json_incref(json_object_get(kept, "rows"));
    } else {
        TRY(api_asked_engine(asked, &engine, err));
        TRY(api_asked_query(api, asked->version, root, &engine, &sql, err));
        engine_set_time_limit(engine, API_QUERY_TIME_LIMIT_MS);
        TRY(engine_query_json(engine, buf_text(&sql), ASK_LIMIT_ROWS * 100, ret_rows, err));
        api_asked_let_go(asked, &engine);
        TRY(store_version_still(asked->version, err));
        *ret_columns = api_question_columns(root, &ok);
        struct err why = {0};
        if (ok && !options->force && store_is_writable(api->store) &&
            keep_answer(api, asked, run_id, signature, root, buf_text(&sql), *ret_columns,
                        *ret_rows, &why) != ERR_OK)
            api_warn(api, "the answer was not kept: %s", why.message);
    }
    json_put_text(answer, "sql", found ? json_text(kept, "sql", "") : buf_text(&sql), &ok);
    json_put_text(answer, "signature", signature, &ok);
    json_put_text(answer, "run_key", run_id, &ok);
    json_put_flag(answer, "reused", found, &ok);
    char content[API_CONTENT_BYTES];
    TRY(api_question_content(*ret_rows, content, err));
    json_put_text(answer, "result_hash", content, &ok);
    return json_built(ok, err);
}

/* More rows than an answer shows are cut; the warning says so. */
static void cut_rows(json_t *answer, bool *ok)
{
    json_t *rows = json_object_get(json_object_get(answer, "result"), "rows");
    size_t count = json_array_size(rows);
    if (count <= ASK_LIMIT_ROWS)
        return;
    while (json_array_size(rows) > ASK_LIMIT_ROWS)
        if (json_array_remove(rows, json_array_size(rows) - 1) != 0)
            break;
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text, "only the first %d rows are shown", ASK_LIMIT_ROWS);
    json_push_str(json_object_get(answer, "warnings"), buf_view(&text), ok);
}

/* Shares of groups that few are in. */
static void warn_small_groups(json_t *answer, bool *ok)
{
    const json_t *result = json_object_get(answer, "result"),
                 *columns = json_object_get(result, "columns"),
                 *rows = json_object_get(result, "rows");
    size_t total = 0, small = 0, count = json_array_size(rows);
    while (total < json_array_size(columns) &&
           strcmp(json_string_value(json_array_get(columns, total)), "total") != 0)
        total++;
    for (size_t r = 0; r < count; r++)
        small += json_integer_value(json_array_get(json_array_get(rows, r), total)) < ASK_FEW ? 1 : 0;
    if (strcmp(json_text(answer, "intent", ""), "share") != 0 || small == 0)
        return;
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (count > 1)
        buf_printf(&text, "%zu of %zu groups have", small, count);
    else
        buf_puts(&text, "the group has");
    buf_puts(&text, " fewer than 11 members: take care before it is passed on");
    json_push_str(json_object_get(answer, "warnings"), buf_view(&text), ok);
}

/* A count that few patients share is said to be small; nobody is hidden unless it is asked. */
static void warn_small(const struct ask_reading *reading, json_t *answer, bool *ok)
{
    const json_t *value = json_object_get(answer, "value");
    bool counts = strcmp(json_text(answer, "intent", ""), "count") == 0;
    (void)reading;
    if (counts && json_is_integer(value) && json_integer_value(value) > 0 &&
        json_integer_value(value) < ASK_FEW)
        json_push_text(json_object_get(answer, "warnings"),
                       "fewer than 11: take care before it is passed on", ok);
    warn_small_groups(answer, ok);
}

static enum err_code answer_it(struct api *api, const struct api_question_options *options,
                               struct api_asked *asked, const struct ask_reading *reading,
                               json_t *answer, struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = NULL;
    JSON_AUTO columns = NULL;
    JSON_AUTO rows = NULL;
    JSON_AUTO found = NULL;
    json_t *plan_json = NULL;
    bool ok = true, clear = true;
    if (ask_reading_is_statistical(reading))
        return api_question_statistics(api, options, asked, reading, answer, err);
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(ask_lower(reading, plan, &root, err));
    TRY(rows_of(api, options, asked, root, answer, &columns, &rows, err));
    struct ask_result result = {columns, rows};
    TRY(api_question_compare(api, asked, reading, rows, answer, &clear, err));
    if (!clear)
        return ERR_OK;
    TRY(ask_answer_json(reading, &result, &found, err));
    if (json_object_update(answer, found) != 0)
        return err_set(err, ERR_MEMORY, "no memory for an answer");
    TRY(plan_to_json(root, &plan_json, err));
    json_put(answer, "plan", plan_json, &ok);
    if (json_array_extend(json_object_get(answer, "warnings"), json_object_get(answer, "doubts")) !=
            0 ||
        json_object_del(answer, "doubts") != 0)
        return err_set(err, ERR_MEMORY, "no memory for an answer");
    cut_rows(answer, &ok);
    if (json_array_size(json_object_get(json_object_get(answer, "result"), "rows")) == 0)
        json_push_text(json_object_get(answer, "warnings"), "no row of the data meets this", &ok);
    warn_small(reading, answer, &ok);
    return json_built(ok, err);
}

/* ---- the door
 * -----------------------------------------------------------------------------------------------
 */

/* 2104-01-31, or with a time of day: 2104-01-31T23:59 */
static bool now_read(const char *text, struct ask_options *ret)
{
    size_t day = strcspn(text, "T ");
    unsigned hour = 0, minute = 0;
    int used = 0;
    if (!api_day_read((struct str){text, day}, &ret->now_day))
        return false;
    if (text[day] == '\0')
        return true;
    if (sscanf(text + day + 1, "%2u:%2u%n", &hour, &minute, &used) != 2 || hour > 23 ||
        minute > 59 || text[day + 1 + (size_t)used] != '\0')
        return false;
    ret->now_second = 1 + (int64_t)hour * 3600 + (int64_t)minute * 60;
    return true;
}

static enum err_code options_of(const struct api_question_options *options, struct ask_options *ret,
                                struct err *err)
{
    *ret = (struct ask_options){.grain = options->grain, .now_day = INT64_MIN};
    if (options->now == NULL || now_read(options->now, ret))
        return ERR_OK;
    err_set(err, ERR_USAGE, "what today means is no date");
    return err_hint(err, "--now 2104-01-31");
}

/* What is computed of rows has a hash too, of all that it says. */
static enum err_code hash_computed(json_t *answer, struct err *err)
{
    static const char *const members[] = {"value", "result", "test"};
    char content[API_CONTENT_BYTES];
    bool ok = true;
    if (json_text(answer, "result_hash", NULL) != NULL ||
        strcmp(json_text(answer, "status", ""), "answered") != 0)
        return ERR_OK;
    JSON_AUTO said = json_array();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(answer, members[i]) != NULL)
            json_push(said, json_incref(json_object_get(answer, members[i])), &ok);
    TRY(json_built(ok, err));
    TRY(api_question_content(said, content, err));
    json_put_text(answer, "result_hash", content, &ok);
    return json_built(ok, err);
}

enum err_code api_question_tell(struct api *api, const struct api_question_options *options,
                                struct api_asked *asked, const struct ask_reading *reading,
                                const char *tier, const json_t *tiers, json_t **ret,
                                struct err *err)
{
    json_t *answer = NULL;
    bool ok = true;
    TRY(ask_reading_json(reading, &answer, err));
    enum err_code code = ask_reading_status(reading) == ASK_ANSWERED
                             ? answer_it(api, options, asked, reading, answer, err)
                             : ERR_OK;
    if (code == ERR_OK)
        code = hash_computed(answer, err);
    if (code == ERR_OK) {
        json_put_text(answer, "dataset", options->dataset, &ok);
        json_put_text(answer, "version", store_version_id(asked->version), &ok);
        if (json_object_get(answer, "test") == NULL)
            json_put(answer, "test", json_null(), &ok);
        json_put_text(answer, "tier", tier, &ok);
        if (tiers != NULL)
            json_put(answer, "tiers", json_deep_copy(tiers), &ok);
        api_question_tried(answer, tier, &ok);
        code = json_built(ok, err);
    }
    if (code != ERR_OK)
        json_decref(answer);
    else
        *ret = answer;
    return code;
}

/* Read, run, told; *masked for the history. */
static enum err_code question(struct api *api, const struct api_question_options *options,
                              struct api_asked *asked, json_t **ret, struct buf *masked,
                              struct err *err)
{
    AUTO(ask_reading_free) struct ask_reading *reading = NULL;
    struct ask_options how;
    TRY(options_of(options, &how, err));
    if (options->llm != NULL)
        TRY(api_question_llm_check(options->llm, err));
    TRY(api_asked_open(api, options->dataset, options->version, asked, err));
    TRY(ask_read(asked->catalogue, asked->index, options->question, &how, &reading, err));
    ask_reading_masked(reading, masked);
    TRY(api_question_tell(api, options, asked, reading, "grammar", NULL, ret, err));
    if (strcmp(json_text(*ret, "status", ""), "answered") == 0)
        return ERR_OK;
    enum err_code code = api_question_similar(api, options, asked, reading, &how, ret, err);
    if (code == ERR_OK && options->llm != NULL &&
        strcmp(json_text(*ret, "status", ""), "answered") != 0)
        code = api_question_llm(api, options, asked, reading, ret, err);
    if (code == ERR_OK)
        return ERR_OK;
    json_decref(*ret);
    *ret = NULL;
    return code;
}

/* The same question before: its answer, which is one that is kept. */
static bool asked_before(struct api *api, const struct api_question_options *options,
                         const char *key, json_t **ret, struct buf *masked)
{
    bool ok = true;
    if (!api_question_find(api, options->dataset, key, ret, masked))
        return false;
    if (json_object_get(*ret, "reused") != NULL)
        json_put_flag(*ret, "reused", true, &ok);
    return ok;
}

enum err_code api_question_ask(struct api *api, const struct api_question_options *options,
                               int64_t rerun_of, json_t **ret, struct err *err)
{
    struct api_asked asked = {.version = NULL};
    AUTO(buf_done) struct buf masked = BUF_INIT;
    int64_t started_us = clock_monotonic_us();
    char key[HASH_HEX_BYTES];
    json_t *answer = NULL;
    bool ok = true, keyed = false, before = false;
    enum err_code code =
        store_version_open(api->store, options->dataset, options->version, &asked.version, err);
    if (code == ERR_OK) {
        keyed = api_question_key(api, asked.version, options, key);
        before = keyed && asked_before(api, options, key, &answer, &masked);
    }
    if (code == ERR_OK && !before) {
        api_asked_warm(api, &asked);
        code = question(api, options, &asked, &answer, &masked, err);
    }
    if (code == ERR_OK && !before && keyed)
        api_question_keep(api, asked.version, key, answer, buf_view(&masked));
    if (code == ERR_OK) {
        json_put_int(answer, "duration_ms", api_elapsed_ms(started_us), &ok);
        code = json_built(ok, err);
    }
    if (code == ERR_OK && rerun_of >= 0)
        api_question_record(api, options, buf_view(&masked), answer, rerun_of);
    else if (code != ERR_OK && asked.version != NULL && rerun_of >= 0)
        api_record_failure(api, options->dataset, "ask", err, started_us);
    api_asked_done(&asked);
    if (code == ERR_OK)
        *ret = answer;
    else
        json_decref(answer);
    return code;
}

enum err_code api_question(struct api *api, const struct api_question_options *options,
                           json_t **ret, struct err *err)
{
    api_begin(api);
    return api_question_ask(api, options, 0, ret, err);
}
