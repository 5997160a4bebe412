/* Questions of the history asked again.
 *
 *     replay N   the plan that was kept with the answer runs again on its version: the same rows,
 * bit by bit? rerun N    the text is read and asked again, on the current version: the same answer?
 *     diff       every question once, on the version that it was answered on and on another: what
 * would change? */
#include "api/question_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_QUESTIONS 200 /* of a diff; the newest ones */
#define LIMIT_SHOWN_ROWS 50 /* of a result in a diff */

/* ---- replay -------------------------------------------------------------------------------------
 */

static enum err_code run_plan(struct api *api, const char *dataset, const char *version,
                              const json_t *plan_json, char ret[API_CONTENT_BYTES], struct err *err)
{
    AUTO(api_plan_free) struct api_plan *plan = NULL;
    AUTO(store_version_close) struct store_version *opened = NULL;
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT, sql = BUF_INIT;
    JSON_AUTO rows = NULL;
    TRY(json_compact(plan_json, &text, err));
    TRY(api_plan_read(buf_view(&text), "the kept plan", &plan, err));
    TRY(store_version_open(api->store, dataset, version, &opened, err));
    TRY(api_asked_query(api, opened, plan->root, &engine, &sql, err));
    engine_set_time_limit(engine, API_QUERY_TIME_LIMIT_MS);
    TRY(engine_query_json(engine, buf_text(&sql), ASK_LIMIT_ROWS * 100, &rows, err));
    return api_question_content(rows, ret, err);
}

/* ---- rerun --------------------------------------------------------------------------------------
 */

/* The question of an entry, from beside the data. */
static enum err_code question_of(struct api *api, const char *dataset, const json_t *entry,
                                 json_t **ret_document, struct api_question_options *ret,
                                 struct err *err)
{
    AUTO(buf_done) struct buf kept = BUF_INIT;
    if (strcmp(json_text(entry, "kind", ""), "ask") != 0 ||
        json_text(entry, "query", NULL) == NULL) {
        err_set(err, ERR_INPUT, "entry %" PRId64 " is of kind '%s', which is no question",
                json_int(entry, "seq", 0), json_text(entry, "kind", ""));
        return err_hint(err, "'marrow history %s replay %" PRId64 "' runs other entries again",
                        dataset, json_int(entry, "seq", 0));
    }
    TRY(store_query_read(api->store, dataset, json_text(entry, "query", ""), &kept, err));
    TRY(api_question_unpack(buf_view(&kept), ret_document, ret, err));
    ret->dataset = dataset;
    return ERR_OK;
}

/* What is computed of rows: asked again, all of it computed again. */
static enum err_code ask_anew(struct api *api, const char *dataset, const json_t *entry,
                              char ret[API_CONTENT_BYTES], struct err *err)
{
    JSON_AUTO document = NULL;
    JSON_AUTO answer = NULL;
    struct api_question_options options = {.force = true};
    TRY(question_of(api, dataset, entry, &document, &options, err));
    options.version = json_text(entry, "version", NULL);
    TRY(api_question_ask(api, &options, -1, &answer, err));
    (void)snprintf(ret, API_CONTENT_BYTES, "%s", json_text(answer, "result_hash", ""));
    return ERR_OK;
}

enum err_code api_question_replay(struct api *api, const char *dataset, const json_t *entry,
                                  json_t **ret, struct err *err)
{
    const char *before = json_text(entry, "result_hash", NULL),
               *version = json_text(entry, "version", NULL);
    char after[API_CONTENT_BYTES];
    JSON_AUTO manifest = NULL;
    bool ok = true;
    if (before == NULL) {
        err_set(err, ERR_INPUT, "entry %" PRId64 " is a question that was %s: it has no rows",
                json_int(entry, "seq", 0),
                strcmp(json_text(entry, "status", ""), "asked_back") == 0 ? "asked back"
                                                                          : "not answered");
        return err_hint(err, "'marrow history %s rerun %" PRId64 "' asks it again", dataset,
                        json_int(entry, "seq", 0));
    }
    const char *run = json_text(entry, "run_key", "");
    bool kept = store_run_read(api->store, dataset, run, &manifest, ERR_IGNORED) == ERR_OK &&
                json_is_object(json_object_get(manifest, "plan"));
    if (kept)
        TRY(run_plan(api, dataset, version, json_object_get(manifest, "plan"), after, err));
    else
        TRY(ask_anew(api, dataset, entry, after, err));
    json_t *object = json_object();
    json_put_int(object, "seq", json_int(entry, "seq", 0), &ok);
    json_put_text(object, "kind", "ask", &ok);
    json_put_flag(object, "identical", strcmp(before, after) == 0, &ok);
    json_put_text(object, "before", before, &ok);
    json_put_text(object, "after", after, &ok);
    if (!kept && strcmp(before, after) != 0)
        json_put_text(object, "note",
                      "the question was read anew: aliases, relations or the program may have "
                      "changed its reading",
                      &ok);
    *ret = object;
    return json_built(ok, err);
}

static bool same_answer(const json_t *a, const json_t *b)
{
    return strcmp(json_text(a, "status", ""), json_text(b, "status", "")) == 0 &&
           strcmp(json_text(a, "result_hash", ""), json_text(b, "result_hash", "")) == 0;
}

static json_t *then_json(const json_t *entry, bool *ok)
{
    static const char *const members[] = {"status", "version",     "intent",    "n",
                                          "shape",  "result_hash", "signature", "tier"};
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(entry, members[i]) != NULL)
            json_put(object, members[i], json_deep_copy(json_object_get(entry, members[i])), ok);
    return object;
}

enum err_code api_history_rerun(struct api *api, const char *dataset, int64_t seq,
                                const char *version, json_t **ret, struct err *err)
{
    JSON_AUTO entry = NULL;
    JSON_AUTO document = NULL;
    json_t *answer = NULL;
    struct api_question_options options = {.version = version};
    bool ok = true;
    api_begin(api);
    TRY(api_history_entry(api, dataset, seq, &entry, err));
    TRY(question_of(api, dataset, entry, &document, &options, err));
    TRY(api_question_ask(api, &options, seq, &answer, err));
    json_t *object = json_object();
    json_put_int(object, "seq", seq, &ok);
    json_put_flag(object, "same", same_answer(entry, answer), &ok);
    json_put_flag(
        object, "same_plan",
        strcmp(json_text(entry, "signature", ""), json_text(answer, "signature", "")) == 0, &ok);
    json_put(object, "before", then_json(entry, &ok), &ok);
    json_put(object, "answer", answer, &ok);
    *ret = object;
    return json_built(ok, err);
}

/* ---- diff ---------------------------------------------------------------------------------------
 */

/* {query: entry}: each question once, its newest entry; newest first. */
static enum err_code distinct_questions(struct api *api, const char *dataset, json_t **ret,
                                        int64_t *ret_left_off, struct err *err)
{
    JSON_AUTO entries = NULL;
    JSON_AUTO seen = json_object();
    json_t *list = json_array();
    bool ok = true;
    *ret = list;
    *ret_left_off = 0;
    TRY(store_history_read(api->store, dataset, 0, &entries, err));
    for (size_t i = json_array_size(entries); i-- > 0;) {
        json_t *entry = json_array_get(entries, i);
        const char *query = json_text(entry, "query", NULL);
        if (strcmp(json_text(entry, "kind", ""), "ask") != 0 || query == NULL ||
            !json_flag(entry, "ok", true) || json_object_get(seen, query) != NULL)
            continue;
        json_put_flag(seen, query, true, &ok);
        if (json_array_size(list) < LIMIT_QUESTIONS)
            json_push(list, json_incref(entry), &ok);
        else
            *ret_left_off += 1;
    }
    return json_built(ok && seen != NULL, err);
}

/* Status, value or rows of an answer; of a failure its code. */
static json_t *outcome(enum err_code code, const json_t *answer, bool *ok)
{
    json_t *object = json_object();
    const json_t *value = json_object_get(answer, "value"),
                 *rows = json_object_get(json_object_get(answer, "result"), "rows");
    if (code != ERR_OK) {
        json_put_text(object, "status", "failed", ok);
        json_put_text(object, "error", err_code_name(code), ok);
        return object;
    }
    json_put_text(object, "status", json_text(answer, "status", ""), ok);
    if (json_text(answer, "result_hash", NULL) != NULL)
        json_put_text(object, "result_hash", json_text(answer, "result_hash", ""), ok);
    if (value != NULL)
        json_put(object, "value", json_deep_copy(value), ok);
    else if (rows != NULL)
        json_put_int(object, "rows", (int64_t)json_array_size(rows), ok);
    if (value == NULL && rows != NULL && json_array_size(rows) <= LIMIT_SHOWN_ROWS)
        json_put(object, "result", json_deep_copy(json_object_get(answer, "result")), ok);
    return object;
}

static enum err_code compare(struct api *api, const char *dataset, const json_t *entry,
                             const char *against, json_t **ret, struct err *err)
{
    JSON_AUTO document = NULL;
    JSON_AUTO then = NULL;
    JSON_AUTO now = NULL;
    struct api_question_options options = {.dataset = dataset};
    struct err why = {0};
    bool ok = true;
    json_t *object = json_object();
    *ret = object;
    json_put_int(object, "seq", json_int(entry, "seq", 0), &ok);
    json_put_text(object, "question", json_text(entry, "question", ""), &ok);
    json_put_text(object, "version", json_text(entry, "version", ""), &ok);
    enum err_code code = question_of(api, dataset, entry, &document, &options, &why);
    enum err_code before = code, after = code;
    options.version = json_text(entry, "version", NULL);
    if (code == ERR_OK)
        before = api_question_ask(api, &options, -1, &then, &why);
    options.version = against;
    if (code == ERR_OK)
        after = api_question_ask(api, &options, -1, &now, &why);
    if (before == ERR_INTERRUPTED || after == ERR_INTERRUPTED)
        return err_set(err, ERR_INTERRUPTED, "stopped while questions were compared");
    const json_t *was = before == ERR_OK ? then : entry; /* its version may be gone */
    json_put(object, "before",
             before == ERR_OK ? outcome(before, then, &ok) : then_json(entry, &ok), &ok);
    json_put_flag(object, "version_kept", before == ERR_OK, &ok);
    json_put(object, "after", outcome(after, now, &ok), &ok);
    json_put_flag(object, "changed", after != ERR_OK || !same_answer(was, now), &ok);
    return json_built(ok, err);
}

enum err_code api_history_diff(struct api *api, const char *dataset, const char *against,
                               json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    JSON_AUTO questions = NULL;
    JSON_AUTO list = json_array();
    int64_t left_off = 0, changed = 0;
    bool ok = true;
    api_begin(api);
    TRY(store_version_open(api->store, dataset, against, &version, err));
    TRY(distinct_questions(api, dataset, &questions, &left_off, err));
    for (size_t i = 0; i < json_array_size(questions); i++) {
        json_t *one = NULL;
        struct progress_event event = {.phase = "asking",
                                       .subject = "past questions",
                                       .done = (int64_t)i,
                                       .total = (int64_t)json_array_size(questions),
                                       .unit = "questions"};
        progress_report(api->options.progress, &event);
        TRY(progress_check(api->options.progress, err));
        enum err_code code = compare(api, dataset, json_array_get(questions, i),
                                     store_version_id(version), &one, err);
        changed += json_flag(one, "changed", false);
        json_push(list, one, &ok);
        TRY(code);
    }
    json_t *object = json_object();
    json_put_text(object, "dataset", dataset, &ok);
    json_put_text(object, "against", store_version_id(version), &ok);
    json_put(object, "questions", json_incref(list), &ok);
    json_put_int(object, "changed", changed, &ok);
    json_put_int(object, "left_off", left_off, &ok);
    *ret = object;
    return json_built(ok, err);
}
