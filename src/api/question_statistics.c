/* Statistical questions, run: the plan's rows → columns of the statistics layer → the answer.
 *
 *     plan ──run id──▶ kept answer, at once
 *       │ none
 *       ▼ SQL → batches → stats/collect.h → ask_statistics_json → kept as a run
 *
 * The analysis rows are single patients: they are not kept, only what was computed of them; the
 * figure, whose points are patients too, stays beside the data and out of the history. */
#include "api/question_priv.h"

#include "run/run.h"
#include "stats/collect.h"

static enum err_code collect(struct engine *engine, const char *sql, struct engine_result **result,
                             struct stats_collector **ret, struct err *err)
{
    const struct data_batch *batch = NULL;
    TRY(engine_query(engine, sql, NULL, 0, result, err));
    TRY(stats_collector_new(engine_result_schema(*result), ret, err));
    for (;;) {
        TRY(engine_result_next(*result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        TRY(stats_collector_add(*ret, batch, err));
    }
}

/* What the rows say; ERR_INPUT: they can't answer. */
static enum err_code compute(struct api *api, struct api_asked *asked,
                             const struct ask_reading *reading, const struct plan_rel *root,
                             struct buf *sql, json_t **ret, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    AUTO(stats_collector_free) struct stats_collector *collector = NULL;
    const struct stats_column *columns = NULL;
    TRY(api_asked_engine(asked, &engine, err));
    TRY(api_asked_query(api, asked->version, root, &engine, sql, err));
    engine_set_time_limit(engine, API_QUERY_TIME_LIMIT_MS);
    TRY(collect(engine, buf_text(sql), &result, &collector, err));
    TRY(store_version_still(asked->version, err));
    TRY(stats_collector_finish(collector, &columns, err));
    return ask_statistics_json(reading, columns, ret, err);
}

static enum err_code keep(struct api *api, const struct api_asked *asked, const char *run_id,
                          const char *signature, const char *sql, const json_t *found,
                          struct err *err)
{
    char staged[FILE_PATH_BYTES];
    bool existed = false, ok = true;
    JSON_AUTO manifest = api_asked_manifest(asked, "answer", "statistics", &ok);
    json_put_text(manifest, "signature", signature, &ok);
    json_put_text(manifest, "sql", sql, &ok);
    json_put(manifest, "found", json_deep_copy(found), &ok);
    TRY(json_built(ok, err));
    TRY(store_run_stage(api->store, staged, err));
    return store_run_publish(api->store, store_version_dataset(asked->version), run_id, staged,
                             manifest, &existed, err);
}

/* The run's identity: the plan, and what is computed of its rows (the same rows serve a comparison
 * and a table). */
static enum err_code identity(const struct plan_rel *root, const struct api_asked *asked,
                              const json_t *answer, char ret_run[65], char ret_signature[65],
                              struct err *err)
{
    struct run_request request = {.kind = "answer", .name = "statistics", .plan = root};
    AUTO(buf_done) struct buf key = BUF_INIT;
    TRY(run_id_of(&request, asked->version, ret_run, ret_signature, err));
    buf_printf(&key, "marrow-statistics %d %s ", ASK_FORMAT_VERSION, ret_run);
    TRY(json_canonical(json_object_get(json_object_get(answer, "question"), "analysis"), &key,
                       err));
    TRY(buf_check(&key, err));
    hash_sha256_of(key.ptr, key.len, ret_run);
    return ERR_OK;
}

static enum err_code refuse(json_t *answer, const struct err *why, struct err *err)
{
    bool ok = true;
    json_put_text(answer, "status", ask_status_text(ASK_REFUSED), &ok);
    json_put_real(answer, "confidence", 0, &ok);
    json_push_text(json_object_get(answer, "missing"), why->message, &ok);
    json_put(answer, "follow_ups", json_array(), &ok);
    return json_built(ok, err);
}

static enum err_code add_found(json_t *answer, const json_t *found, struct err *err)
{
    JSON_AUTO copy = json_deep_copy(found);
    if (copy == NULL ||
        json_array_extend(json_object_get(answer, "warnings"), json_object_get(copy, "cautions")) !=
            0 ||
        json_object_del(copy, "cautions") != 0 || json_object_update(answer, copy) != 0)
        return err_set(err, ERR_MEMORY, "no memory for an answer");
    return ERR_OK;
}

/* The kept computation of the run, or a new one; false in *ret_found: the rows can't answer. */
static enum err_code find_or_compute(struct api *api, const struct api_question_options *options,
                                     struct api_asked *asked, const struct ask_reading *reading,
                                     const struct plan_rel *root, json_t *answer, bool *ret_found,
                                     struct err *err)
{
    char run_id[65], signature[65];
    JSON_AUTO kept = NULL;
    JSON_AUTO found = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct err why = {0};
    bool ok = true;
    *ret_found = true;
    TRY(identity(root, asked, answer, run_id, signature, err));
    bool reused = !options->force &&
                  store_run_read(api->store, options->dataset, run_id, &kept, ERR_IGNORED) ==
                      ERR_OK &&
                  json_is_object(json_object_get(kept, "found"));
    if (reused) {
        TRY(store_version_available(asked->version, NULL, 0, err));
        found = json_incref(json_object_get(kept, "found"));
    } else {
        enum err_code code = compute(api, asked, reading, root, &sql, &found, &why);
        if (code == ERR_INPUT || (code == ERR_LIMIT && found == NULL)) {
            *ret_found = false;
            return refuse(answer, &why, err);
        }
        if (code != ERR_OK) {
            *err = why;
            return code;
        }
        if (!options->force && store_is_writable(api->store) &&
            keep(api, asked, run_id, signature, buf_text(&sql), found, &why) != ERR_OK)
            api_warn(api, "the answer was not kept: %s", why.message);
    }
    TRY(add_found(answer, found, err));
    json_put_text(answer, "sql", reused ? json_text(kept, "sql", "") : buf_text(&sql), &ok);
    json_put_text(answer, "signature", signature, &ok);
    json_put_text(answer, "run_key", run_id, &ok);
    json_put_flag(answer, "reused", reused, &ok);
    return json_built(ok, err);
}

enum err_code api_question_statistics(struct api *api, const struct api_question_options *options,
                                      struct api_asked *asked, const struct ask_reading *reading,
                                      json_t *answer, struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = NULL;
    json_t *plan_json = NULL;
    bool ok = true, found = false;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(ask_lower(reading, plan, &root, err));
    TRY(find_or_compute(api, options, asked, reading, root, answer, &found, err));
    if (!found)
        return ERR_OK;
    TRY(plan_to_json(root, &plan_json, err));
    json_put(answer, "plan", plan_json, &ok);
    return json_built(ok, err);
}
