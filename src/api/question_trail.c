/* What the history keeps of a question: its masked text, the tiers that were tried, signature and
 * run of its plan, shape and hash of the result, what was offered next, and whether this question
 * was offered by the entry before. The text whole lies beside the data.
 *
 *     entry n    {kind: ask, question: "how many …", offered: {choices: [], follow_ups: [h1, h2]}}
 *     entry n+1  {kind: ask, taken: {entry: n, kind: "follow_ups", number: 2}}
 *
 * What is offered may hold values, so that it is known by its hash only. */
#include "api/question_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum err_code api_question_content(const json_t *rows, char ret[API_CONTENT_BYTES], struct err *err)
{
    uint64_t sums[2] = {json_array_size(rows), 0};
    for (size_t i = 0; i < json_array_size(rows); i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        TRY(json_canonical(json_array_get(rows, i), &text, err));
        TRY(buf_check(&text, err));
        for (uint64_t seed = 0; seed < 2; seed++)
            sums[seed] += hash_xxh3_64(text.ptr, text.len, seed);
    }
    (void)snprintf(ret, API_CONTENT_BYTES, "%016" PRIx64 "%016" PRIx64, sums[0], sums[1]);
    return ERR_OK;
}

void api_question_tried(json_t *answer, const char *tier, bool *ok)
{
    json_t *tiers = json_object_get(answer, "tiers"), *one = json_object();
    if (tiers == NULL) {
        tiers = json_array();
        json_put(answer, "tiers", tiers, ok);
    }
    json_put_text(one, "name", tier, ok);
    json_put_text(one, "status", json_text(answer, "status", ""), ok);
    json_put_real(one, "confidence", json_number(answer, "confidence", 0), ok);
    json_push(tiers, one, ok);
}

/* ---- the text beside the data -------------------------------------------------------------------
 */

/* The text alone, or with what was said beside it as JSON. */
enum err_code api_question_pack(const struct api_question_options *options, struct buf *ret,
                                struct err *err)
{
    bool ok = true;
    if (options->grain == NULL && options->now == NULL && options->question[0] != '{') {
        buf_puts(ret, options->question);
        return buf_check(ret, err);
    }
    JSON_AUTO document = json_object();
    json_put_str(document, "question",
                 (struct str){options->question, str_utf8_valid_prefix(str_of(options->question))},
                 &ok);
    if (options->grain != NULL)
        json_put_text(document, "grain", options->grain, &ok);
    if (options->now != NULL)
        json_put_text(document, "now", options->now, &ok);
    TRY(json_built(ok, err));
    return json_compact(document, ret, err);
}

enum err_code api_question_unpack(struct str kept, json_t **ret_document,
                                  struct api_question_options *ret, struct err *err)
{
    bool ok = true;
    if (kept.len > 0 && kept.ptr[0] == '{') {
        TRY(json_parse(kept, "the kept question", ret_document, err));
    } else {
        *ret_document = json_object();
        json_put_str(*ret_document, "question", kept, &ok);
        TRY(json_built(ok, err));
    }
    ret->question = json_text(*ret_document, "question", "");
    ret->grain = json_text(*ret_document, "grain", NULL);
    ret->now = json_text(*ret_document, "now", NULL);
    return ERR_OK;
}

static void keep_text(struct api *api, const struct api_question_options *options,
                      char ret_query[HASH_HEX_BYTES])
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct err why = {0};
    enum err_code code = api_question_pack(options, &text, &why);
    hash_sha256_of(buf_text(&text), text.len, ret_query);
    if (code == ERR_OK && store_is_writable(api->store))
        code = store_query_keep(api->store, options->dataset, ret_query, buf_text(&text), &why);
    if (code != ERR_OK)
        api_warn(api, "the question was not kept: %s", why.message);
}

/* ---- offered and taken --------------------------------------------------------------------------
 */

static const char *const offers[] = {"choices", "follow_ups"};
#define OFFERS (sizeof offers / sizeof *offers)

static void hash_text(const char *text, char ret[HASH_HEX_BYTES])
{
    struct str trimmed = str_trim(str_of(text));
    hash_sha256_of(trimmed.ptr, trimmed.len, ret);
}

static json_t *offered(const json_t *answer, bool *ok)
{
    json_t *object = json_object();
    for (size_t o = 0; o < OFFERS; o++) {
        const json_t *list = json_object_get(answer, offers[o]);
        json_t *hashes = json_array();
        for (size_t i = 0; i < json_array_size(list); i++) {
            char hash[HASH_HEX_BYTES];
            const char *text = json_string_value(json_array_get(list, i));
            hash_text(text != NULL ? text : "", hash);
            json_push_text(hashes, hash, ok);
        }
        json_put(object, offers[o], hashes, ok);
    }
    return object;
}

/* Was the question offered by the entry before? NULL: no. */
static json_t *taken(struct api *api, const struct api_question_options *options, bool *ok)
{
    JSON_AUTO last = NULL;
    char hash[HASH_HEX_BYTES];
    if (store_history_last(api->store, options->dataset, &last, ERR_IGNORED) != ERR_OK ||
        strcmp(json_text(last, "kind", ""), "ask") != 0)
        return NULL;
    hash_text(options->question, hash);
    for (size_t o = 0; o < OFFERS; o++) {
        const json_t *list = json_object_get(json_object_get(last, "offered"), offers[o]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            if (strcmp(hash, json_string_value(json_array_get(list, i))) != 0)
                continue;
            json_t *object = json_object();
            json_put_int(object, "entry", json_int(last, "seq", 0), ok);
            json_put_text(object, "kind", offers[o], ok);
            json_put_int(object, "number", (int64_t)i + 1, ok);
            return object;
        }
    }
    return NULL;
}

/* ---- the entry ----------------------------------------------------------------------------------
 */

static json_t *shape(const json_t *answer, bool *ok)
{
    const json_t *result = json_object_get(answer, "result");
    json_t *object = json_object();
    json_put_int(object, "rows", (int64_t)json_array_size(json_object_get(result, "rows")), ok);
    json_put_int(object, "columns", (int64_t)json_array_size(json_object_get(result, "columns")),
                 ok);
    return object;
}

void api_question_record(struct api *api, const struct api_question_options *options,
                         struct str masked, const json_t *answer, int64_t rerun_of)
{
    static const char *const members[] = {"status",    "intent",  "confidence",  "version",
                                          "signature", "run_key", "reused",      "n",
                                          "tier",      "tiers",   "result_hash", "duration_ms"};
    char query[HASH_HEX_BYTES];
    bool ok = true;
    json_t *entry = json_object();
    keep_text(api, options, query);
    json_put_str(entry, "question", masked, &ok);
    json_put_text(entry, "query", query, &ok);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(answer, members[i]) != NULL)
            json_put(entry, members[i], json_deep_copy(json_object_get(answer, members[i])), &ok);
    if (json_object_get(answer, "result") != NULL)
        json_put(entry, "shape", shape(answer, &ok), &ok);
    json_put(entry, "offered", offered(answer, &ok), &ok);
    json_t *was_offered = taken(api, options, &ok);
    if (was_offered != NULL)
        json_put(entry, "taken", was_offered, &ok);
    if (rerun_of > 0)
        json_put_int(entry, "rerun_of", rerun_of, &ok);
    json_put_flag(entry, "ok", true, &ok);
    if (!ok)
        json_decref(entry);
    api_record(api, options->dataset, "ask", ok ? entry : NULL);
}
