/* Tier two of a question that the grammar could not answer: similar names, values and past
 * questions. It only proposes: full questions to choose from, or, where one is like what was asked
 * without doubt, that one's answer with the correction said.
 *
 *     refused | asked_back ──ask_similar──▶ proposals ── sure, far from the next ─▶ answered
 *                                               └── else ─▶ asked_back, with them as choices */
#include "api/question_priv.h"

#include <string.h>

#define LOOKED_BACK 1000 /* entries of the history */
#define MOST_CHOICES 3

/* Texts of questions that were answered, each once, newest first. */
static json_t *past_questions(struct api *api, const char *dataset, const char *asked)
{
    JSON_AUTO entries = NULL;
    JSON_AUTO seen = json_object();
    json_t *texts = json_array();
    bool ok = true;
    if (store_history_read(api->store, dataset, LOOKED_BACK, &entries, ERR_IGNORED) != ERR_OK)
        return texts;
    for (size_t i = json_array_size(entries); i-- > 0 && json_array_size(texts) < ASK_LIMIT_PAST;) {
        const json_t *entry = json_array_get(entries, i);
        const char *query = json_text(entry, "query", NULL);
        AUTO(buf_done) struct buf kept = BUF_INIT;
        JSON_AUTO document = NULL;
        struct api_question_options past = {.dataset = dataset};
        if (strcmp(json_text(entry, "kind", ""), "ask") != 0 || query == NULL ||
            strcmp(json_text(entry, "status", ""), "answered") != 0 ||
            json_object_get(seen, query) != NULL)
            continue;
        json_put_flag(seen, query, true, &ok);
        if (store_query_read(api->store, dataset, query, &kept, ERR_IGNORED) == ERR_OK &&
            api_question_unpack(buf_view(&kept), &document, &past, ERR_IGNORED) == ERR_OK &&
            past.grain == NULL && past.now == NULL && strcmp(past.question, asked) != 0)
            json_push_text(texts, past.question, &ok);
    }
    return texts;
}

static enum err_code proposals_of(struct api *api, const struct api_question_options *options,
                                  const struct ask_reading *reading, json_t **ret, struct err *err)
{
    JSON_AUTO texts = past_questions(api, options->dataset, options->question);
    const char *past[ASK_LIMIT_PAST];
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(texts); i++)
        past[count++] = json_string_value(json_array_get(texts, i));
    return ask_similar(reading, past, count, ret, err);
}

/* Is the best proposal what was meant? Of words only, for a past question is another one. */
static const json_t *sure(const json_t *proposals)
{
    const json_t *best = json_array_get(proposals, 0), *next = json_array_get(proposals, 1);
    double score = json_number(best, "score", 0);
    bool apart = next == NULL || score - json_number(next, "score", 0) >= ASK_APART;
    return best != NULL && strcmp(json_text(best, "from", ""), "words") == 0 && score >= ASK_SURE &&
                   apart
               ? best
               : NULL;
}

static enum err_code answer_for(struct api *api, const struct api_question_options *options,
                                struct api_asked *asked, const struct ask_options *how,
                                const json_t *proposal, json_t **answer, struct err *err)
{
    AUTO(ask_reading_free) struct ask_reading *reading = NULL;
    AUTO(buf_done) struct buf said = BUF_INIT;
    json_t *other = NULL;
    bool ok = true;
    TRY(ask_read(asked->catalogue, asked->index, json_text(proposal, "question", ""), how, &reading,
                 err));
    TRY(api_question_tell(api, options, asked, reading, "similarity",
                          json_object_get(*answer, "tiers"), &other, err));
    json_decref(*answer);
    *answer = other;
    buf_printf(&said, "'%s' was read as '%s'", json_text(proposal, "said", ""),
               json_text(proposal, "meant", ""));
    json_put_real(other, "confidence", .9 * json_number(proposal, "score", 0), &ok);
    json_push_str(json_object_get(other, "warnings"), buf_view(&said), &ok);
    return json_built(ok, err);
}

/* Choices that are answered when they are asked; what was refused is asked back then, and why lists
 * what it lacks. */
static enum err_code offer(const struct ask_reading *reading, const json_t *proposals,
                           json_t *answer, struct err *err)
{
    json_t *choices = json_object_get(answer, "choices");
    bool ok = true;
    TRY(ask_choices_check(reading, choices, err));
    for (size_t i = 0; i < json_array_size(proposals) && json_array_size(choices) < MOST_CHOICES;
         i++)
        json_push_text(choices, json_text(json_array_get(proposals, i), "question", ""), &ok);
    if (strcmp(json_text(answer, "status", ""), "refused") == 0 && json_array_size(choices) > 0) {
        json_t *missing = json_object_get(answer, "missing");
        json_put_text(answer, "status", ask_status_text(ASK_ASKED_BACK), &ok);
        json_put_text(answer, "tier", "similarity", &ok);
        if (json_array_extend(json_object_get(answer, "why"), missing) != 0 ||
            json_array_clear(missing) != 0)
            ok = false;
    }
    api_question_tried(answer, "similarity", &ok);
    return json_built(ok, err);
}

enum err_code api_question_similar(struct api *api, const struct api_question_options *options,
                                   struct api_asked *asked, const struct ask_reading *reading,
                                   const struct ask_options *how, json_t **answer, struct err *err)
{
    JSON_AUTO proposals = NULL;
    TRY(proposals_of(api, options, reading, &proposals, err));
    const json_t *one = sure(proposals);
    return one != NULL ? answer_for(api, options, asked, how, one, answer, err)
                       : offer(reading, proposals, *answer, err);
}
