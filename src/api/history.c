/* The trail: reading, checking, replaying. Replay runs an entry again on the version it names and
 * says whether the result is the same. */
#include "api/question_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum err_code api_history(struct api *api, const char *dataset, int64_t last, json_t **ret,
                          struct err *err)
{
    json_t *entries = NULL;
    bool ok = true;
    api_begin(api);
    TRY(store_history_read(api->store, dataset, last, &entries, err));
    json_t *object = json_object();
    json_put_text(object, "dataset", dataset, &ok);
    json_put(object, "entries", entries, &ok);
    *ret = object;
    return json_built(ok, err);
}

enum err_code api_history_verify(struct api *api, const char *dataset, json_t **ret,
                                 struct err *err)
{
    api_begin(api);
    return store_history_verify(api->store, dataset, ret, err);
}

enum err_code api_history_clear(struct api *api, const char *dataset, json_t **ret, struct err *err)
{
    bool ok = true;
    api_begin(api);
    TRY(store_history_clear(api->store, dataset, err));
    json_t *object = json_object();
    json_put_text(object, "dataset", dataset, &ok);
    json_put_flag(object, "cleared", true, &ok);
    *ret = object;
    return json_built(ok, err);
}

enum err_code api_history_entry(struct api *api, const char *dataset, int64_t seq, json_t **ret,
                                struct err *err)
{
    JSON_AUTO entries = NULL;
    json_t *entry;
    size_t idx;
    TRY(store_history_read(api->store, dataset, 0, &entries, err));
    json_array_foreach(entries, idx, entry)
    {
        if (json_int(entry, "seq", -1) == seq) {
            *ret = json_incref(entry);
            return ERR_OK;
        }
    }
    err_set(err, ERR_NOT_FOUND, "no entry %" PRId64 " in the history of '%s'", seq, dataset);
    return err_hint(err, "'marrow history %s' lists the entries: %zu so far", dataset,
                    json_array_size(entries));
}

static enum err_code answer(int64_t seq, const char *kind, const char *before, const char *after,
                            json_t **ret, struct err *err)
{
    bool ok = true;
    json_t *object = json_object();
    json_put_int(object, "seq", seq, &ok);
    json_put_text(object, "kind", kind, &ok);
    json_put_flag(object, "identical", strcmp(before, after) == 0, &ok);
    json_put_text(object, "before", before, &ok);
    json_put_text(object, "after", after, &ok);
    *ret = object;
    return json_built(ok, err);
}

/* The rows of an entry that runs again, read to their end, against those it gave. Takes rows. */
static enum err_code compare_rows(const json_t *entry, struct api_rows *rows_taken, json_t **ret,
                                  struct err *err)
{
    const struct data_batch *batch = NULL;
    enum err_code code = ERR_OK;
    do
        code = api_rows_next(rows_taken, &batch, err);
    while (code == ERR_OK && batch != NULL);
    char after[API_CONTENT_BYTES];
    api_rows_content(rows_taken, after);
    api_rows_close(rows_taken);
    TRY(code);
    TRY(answer(json_int(entry, "seq", 0), json_text(entry, "kind", ""),
               json_text(entry, "result_hash", ""), after, ret, err));
    bool ok = true;
    if (json_flag(entry, "truncated", false))
        json_put_text(
            *ret, "note",
            "the row limit cut the result: without ORDER BY which rows come first is not fixed",
            &ok);
    return json_built(ok, err);
}

static enum err_code replay_sql(struct api *api, const char *dataset, const json_t *entry,
                                const char *sql, json_t **ret, struct err *err)
{
    struct api_query_options options = {.dataset = dataset,
                                        .version = json_text(entry, "version", NULL),
                                        .recent = json_int(json_object_get(entry, "views"),
                                                           "recent_changes", 0) > 0,
                                        .sql = sql,
                                        .row_limit = json_int(entry, "row_limit", 0),
                                        .marts = json_object_get(entry, "marts")};
    struct api_rows *rows = NULL;
    TRY(api_query(api, &options, &rows, err));
    return compare_rows(entry, rows, ret, err);
}

/* kept = {plan, params} */
static enum err_code replay_plan(struct api *api, const char *dataset, const json_t *entry,
                                 const char *kept, json_t **ret, struct err *err)
{
    JSON_AUTO document = NULL;
    AUTO(api_plan_free) struct api_plan *plan = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct api_rows *rows = NULL;
    TRY(json_parse(str_of(kept), "the kept plan", &document, err));
    TRY(json_compact(json_object_get(document, "plan"), &text, err));
    TRY(api_plan_read(buf_view(&text), "the kept plan", &plan, err));
    struct api_plan_options options = {.dataset = dataset,
                                       .version = json_text(entry, "version", NULL),
                                       .params = json_object_get(document, "params"),
                                       .row_limit = json_int(entry, "row_limit", 0),
                                       .runs = json_object_get(entry, "marts")};
    TRY(api_plan_run(api, plan, &options, &rows, err));
    return compare_rows(entry, rows, ret, err);
}

static enum err_code replay_rows(struct api *api, const char *dataset, const json_t *entry,
                                 json_t **ret, struct err *err)
{
    if (json_text(entry, "result_hash", NULL) == NULL || !json_flag(entry, "complete", false))
        return err_set(err, ERR_INPUT, "entry %" PRId64 " has no hash of a whole result: it was %s",
                       json_int(entry, "seq", 0),
                       json_flag(entry, "saved", false) ? "kept as a run, which 'verify' checks"
                       : json_flag(entry, "streamed", false) ? "handed over as a stream"
                                                             : "not read to its end");
    AUTO(buf_done) struct buf kept = BUF_INIT;
    TRY(store_query_read(api->store, dataset, json_text(entry, "query", ""), &kept, err));
    return strcmp(json_text(entry, "kind", ""), "sql") == 0
               ? replay_sql(api, dataset, entry, buf_text(&kept), ret, err)
               : replay_plan(api, dataset, entry, buf_text(&kept), ret, err);
}

static enum err_code replay_mart(struct api *api, const char *dataset, const json_t *entry,
                                 json_t **ret, struct err *err)
{
    json_t *policy = json_object_get(entry, "policy");
    struct api_mart_options options = {
        .dataset = dataset,
        .version = json_text(entry, "version", NULL),
        .grain = json_text(entry, "grain", ""),
        .anchor = json_text(entry, "anchor", NULL),
        .event = json_text(entry, "event", NULL),
        .inner = json_flag(entry, "inner", false),
        .policy = json_is_object(policy) ? policy : NULL,
        .buckets = json_int(entry, "buckets", 0),
        .force = true,
    };
    JSON_AUTO built = NULL;
    TRY(api_mart_build(api, &options, &built, err));
    return answer(json_int(entry, "seq", 0), "mart", json_text(entry, "run_id", ""),
                  json_text(built, "run_id", ""), ret, err);
}

enum err_code api_history_replay(struct api *api, const char *dataset, int64_t seq, json_t **ret,
                                 struct err *err)
{
    JSON_AUTO entry = NULL;
    api_begin(api);
    TRY(api_history_entry(api, dataset, seq, &entry, err));
    const char *kind = json_text(entry, "kind", "");
    if (!json_flag(entry, "ok", true))
        return err_set(err, ERR_INPUT,
                       "entry %" PRId64 " failed when it ran: there is no result to compare with",
                       seq);
    if (strcmp(json_text(entry, "engine", "duckdb"), "duckdb") != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "entry %" PRId64 " ran on another engine; history keeps no way back to it",
                       seq);
    if (strcmp(kind, "sql") == 0 || strcmp(kind, "plan") == 0)
        return replay_rows(api, dataset, entry, ret, err);
    if (strcmp(kind, "mart") == 0)
        return replay_mart(api, dataset, entry, ret, err);
    if (strcmp(kind, "ask") == 0)
        return api_question_replay(api, dataset, entry, ret, err);
    err_set(err, ERR_INPUT, "entry %" PRId64 " is of kind '%s', which is not replayed", seq, kind);
    return err_hint(
        err,
        "questions, queries, plans and mart builds can be replayed; imports are checked by 'marrow verify'");
}
