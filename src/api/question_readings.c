/* A question that leaves something open: its other readings are run too, each as a plan of its own,
 * and held against the answer. Where all say the same it stands, and why says so; else the question
 * is asked back, with the readings as questions to choose from. */
#include "api/question_priv.h"

#define MOST_COMPARED 32

static enum err_code rows_of_other(struct api *api, struct api_asked *asked,
                                   const struct ask_reading *reading, size_t other, json_t **ret,
                                   struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = NULL;
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(ask_other_lower(reading, other, plan, &root, err));
    TRY(api_asked_query(api, asked->version, root, &engine, &sql, err));
    engine_set_time_limit(engine, API_QUERY_TIME_LIMIT_MS);
    return engine_query_json(engine, buf_text(&sql), ASK_LIMIT_ROWS * 100, ret, err);
}

/* What an answer says and what it was computed by goes. */
static void take_back(json_t *answer)
{
    static const char *const members[] = {"value",   "n",           "dropped", "result",
                                          "figure",  "doubts",      "sql",     "signature",
                                          "run_key", "result_hash", "reused",  "plan"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        (void)json_object_del(answer, members[i]);
}

enum err_code api_question_compare(struct api *api, struct api_asked *asked,
                                   const struct ask_reading *reading, const json_t *rows,
                                   json_t *answer, bool *ret_clear, struct err *err)
{
    bool differs[MOST_COMPARED] = {false};
    size_t count = ask_other_count(reading), different = 0;
    *ret_clear = true;
    if (count == 0)
        return ERR_OK;
    for (size_t i = 0; i < count && i < MOST_COMPARED && different < 2; i++) {
        JSON_AUTO other = NULL;
        TRY(rows_of_other(api, asked, reading, i, &other, err));
        differs[i] = !ask_other_same(reading, rows, other);
        different += differs[i] ? 1 : 0;
    }
    *ret_clear = different == 0;
    if (*ret_clear)
        return ask_other_agree(reading, answer, err);
    take_back(answer);
    return ask_other_choices(reading, differs, answer, err);
}
