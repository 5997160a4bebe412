/* Tier three of a question that nothing else could answer: a language model at an OpenAI-compatible
 * endpoint, where the caller named one. It sees the masked text and names, no value of the data
 * (unless it may), and may only propose a plan as JSON, which passes the same checks as every
 * reading and is lowered the same way.
 *
 *     ask_brief ──POST /chat/completions──▶ choices[0].message.content ──ask_propose──▶ reading ─▶
 * answered └ no answer, too long, no JSON, no plan, not sure ─▶ refused as before; why says so */
#include "api/question_priv.h"

#include "net/net.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_ANSWER_BYTES (256 << 10)
#define LIMIT_PLAN_BYTES (32 << 10)
#define TIMEOUT_MS 30000
#define CONNECT_MS 5000

static const char instructions[] =
    "You turn a clinician's question about tables into a plan. Answer with one JSON object and "
    "nothing else, no code fence, no SQL. Members: "
    "intent (count, list, value, exists, describe, frequencies, trend); counts (row, patient, "
    "admission, stay: what is counted); of (an EVENT: whose rows are read); with (list of EVENTS "
    "that the counted must have, or not have where negated); measure (a COLUMN of numbers) and "
    "aggregate (mean, median, max, min, sum, sd) for describe; groups (list of COLUMNS); outputs "
    "(list of COLUMNS, for value and list); per (day, week, month, year); top (a number, for "
    "frequencies); confidence (0 to 1, required: how sure you are). "
    "EVENT: {\"table\": NAME, \"where\": [CONDITION], \"negated\": true, \"window\": {\"slot\": "
    "N}, "
    "\"pick\": \"first\" or \"last\", \"at_least\": N}; only table is required. "
    "CONDITION: {\"table\": NAME (where it is not the event's), \"column\": NAME, \"op\": OP, "
    "\"value\": V, "
    "\"to\": V (with between)}; OP is lt, le, gt, ge, eq, ne, between for numbers, in for texts (V "
    "is a text or a list), "
    "is_null, is_not_null. In place of a column {\"derived\": \"age\" or \"length_of_stay\"}. "
    "COLUMN: {\"table\": NAME, \"column\": NAME} or {\"derived\": …}. "
    "The question's literals are masked as …1, …2: where a value is one of them, write {\"slot\": "
    "1}. "
    "Use only names that are listed. If the tables cannot answer the question, give confidence 0.";

/* ---- where it may be sent -----------------------------------------------------------------------
 */

static bool is_this_machine(const char *host)
{
    int parts = 0;
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    if (strncmp(host, "127.", 4) != 0 || strspn(host, "0123456789.") != strlen(host))
        return false;
    for (const char *p = host; *p != '\0'; p++)
        parts += *p == '.';
    return parts == 3;
}

enum err_code api_question_llm_check(const char *url, struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct net_url parsed;
    if (arena == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a URL");
    enum err_code code = net_url_parse(arena, url, &parsed, err);
    if (code != ERR_OK)
        return err_context(err, "the language model's URL");
    bool encrypted = strcmp(parsed.scheme, "https") == 0,
         here = strcmp(parsed.scheme, "http") == 0 && is_this_machine(parsed.host);
    if (parsed.user != NULL) {
        err_set(err, ERR_USAGE, "the language model's URL holds a user");
        return err_hint(err, "a key is taken from MARROW_LLM_KEY");
    }
    if (encrypted || here)
        return ERR_OK;
    err_set(err, ERR_USAGE,
            "a question is sent to a language model on this machine, or by https only");
    return err_hint(err, "for example --llm http://127.0.0.1:8080/v1");
}

/* https://host/v1 → https://host/v1/chat/completions */
static void endpoint_of(const char *url, struct buf *ret)
{
    struct str text = str_of(url);
    while (text.len > 0 && text.ptr[text.len - 1] == '/')
        text.len--;
    buf_add_str(ret, text);
    if (str_has_suffix_nocase(text, "/chat/completions"))
        return;
    const char *after = strstr(url, "://");
    bool bare = after != NULL && strcspn(after + 3, "/") >= text.len - (size_t)(after + 3 - url);
    buf_puts(ret, bare ? "/v1/chat/completions" : "/chat/completions");
}

/* ---- the exchange -------------------------------------------------------------------------------
 */

static json_t *message(const char *role, struct str content, bool *ok)
{
    json_t *object = json_object();
    json_put_text(object, "role", role, ok);
    json_put_str(object, "content", content, ok);
    return object;
}

static enum err_code request_body(const struct api_question_options *options,
                                  const struct ask_reading *reading, struct buf *ret,
                                  struct err *err)
{
    JSON_AUTO brief = NULL;
    JSON_AUTO body = json_object();
    AUTO(buf_done) struct buf text = BUF_INIT;
    json_t *messages = json_array(), *format = json_object();
    bool ok = true;
    enum err_code code = ask_brief(reading, options->llm_values, &brief, err);
    if (code == ERR_OK)
        code = json_compact(brief, &text, err);
    json_push(messages, message("system", str_of(instructions), &ok), &ok);
    json_push(messages, message("user", buf_view(&text), &ok), &ok);
    json_put_text(format, "type", "json_object", &ok);
    json_put_text(body, "model", options->llm_model != NULL ? options->llm_model : "default", &ok);
    json_put_int(body, "temperature", 0, &ok);
    json_put_int(body, "max_tokens", 2000, &ok);
    json_put_flag(body, "stream", false, &ok);
    json_put(body, "messages", messages, &ok);
    json_put(body, "response_format", format, &ok);
    TRY(code);
    TRY(json_built(ok, err));
    return json_compact(body, ret, err);
}

static bool stopped(void *user)
{
    const struct progress *progress = user;
    return progress != NULL && progress->cancelled != NULL && progress->cancelled(progress->user);
}

static enum err_code exchange(struct api *api, const struct api_question_options *options,
                              struct str body, struct net_response *response, struct err *err)
{
    AUTO(net_client_close) struct net_client *client = NULL;
    AUTO(buf_done) struct buf url = BUF_INIT, key = BUF_INIT;
    const char *given = getenv("MARROW_LLM_KEY");
    const char *headers[4] = {"Content-Type: application/json", "Accept: application/json"};
    endpoint_of(options->llm, &url);
    if (given != NULL && given[0] != '\0' && strpbrk(given, "\r\n") == NULL) {
        buf_printf(&key, "Authorization: Bearer %s", given);
        headers[2] = buf_text(&key);
    }
    TRY(buf_check(&url, err));
    TRY(buf_check(&key, err));
    TRY(net_client_open(&client, err));
    struct net_request request = {.method = "POST",
                                  .url = buf_text(&url),
                                  .headers = headers,
                                  .body = body,
                                  .once = true,
                                  .attempts = 1,
                                  .connect_ms = CONNECT_MS,
                                  .total_ms = options->llm_timeout_ms > 0 ? options->llm_timeout_ms
                                                                          : TIMEOUT_MS,
                                  .limit_bytes = LIMIT_ANSWER_BYTES,
                                  .cancelled = stopped,
                                  .cancelled_user = (void *)(uintptr_t)api->options.progress};
    return net_send(client, &request, response, err);
}

/* choices[0].message.content, which must be one JSON object and nothing else. */
static enum err_code plan_of(const struct net_response *response, json_t **ret, struct err *err)
{
    JSON_AUTO document = NULL;
    struct err ignored = {0};
    if (response->status != 200)
        return err_set(err, ERR_IO, "it answered with status %d", response->status);
    if (json_parse(buf_view(&response->body), "the answer", &document, &ignored) != ERR_OK)
        return err_set(err, ERR_INPUT, "its answer is no JSON");
    const json_t *choice = json_array_get(json_object_get(document, "choices"), 0);
    const char *content = json_text(json_object_get(choice, "message"), "content", NULL);
    if (content == NULL)
        return err_set(err, ERR_INPUT, "its answer has no choices[0].message.content");
    if (strlen(content) > LIMIT_PLAN_BYTES)
        return err_set(err, ERR_LIMIT, "its plan has more than %d bytes", LIMIT_PLAN_BYTES);
    if (json_parse(str_trim(str_of(content)), "the plan", ret, &ignored) != ERR_OK ||
        !json_is_object(*ret))
        return err_set(err, ERR_INPUT, "its plan is no JSON object");
    return ERR_OK;
}

static enum err_code propose(struct api *api, const struct api_question_options *options,
                             const struct ask_reading *reading, struct ask_reading **ret,
                             struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT;
    JSON_AUTO plan = NULL;
    struct net_response response = {.status = 0};
    TRY(request_body(options, reading, &body, err));
    enum err_code code = exchange(api, options, buf_view(&body), &response, err);
    if (code == ERR_OK)
        code = plan_of(&response, &plan, err);
    net_response_done(&response);
    return code == ERR_OK ? ask_propose(reading, plan, ret, err) : code;
}

/* ---- what comes of it ---------------------------------------------------------------------------
 */

static enum err_code refuse(json_t *answer, const char *reason, bool failed, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    json_t *tiers = json_object_get(answer, "tiers"), *one = json_object();
    bool ok = true;
    buf_printf(&text, "the language model's plan was not used: %s", reason);
    json_push_str(json_object_get(answer, "why"), buf_view(&text), &ok);
    json_put_text(one, "name", "llm", &ok);
    json_put_text(one, "status", failed ? "failed" : "refused", &ok);
    json_put_real(one, "confidence", 0, &ok);
    json_push(tiers, one, &ok);
    return json_built(ok, err);
}

enum err_code api_question_llm(struct api *api, const struct api_question_options *options,
                               struct api_asked *asked, const struct ask_reading *reading,
                               json_t **answer, struct err *err)
{
    AUTO(ask_reading_free) struct ask_reading *read = NULL;
    struct err why = {0};
    json_t *told = NULL;
    bool ok = true;
    enum err_code code = propose(api, options, reading, &read, &why);
    if (code == ERR_INTERRUPTED || code == ERR_MEMORY) {
        *err = why;
        return code;
    }
    if (code != ERR_OK)
        return refuse(*answer, why.message, code != ERR_INPUT && code != ERR_LIMIT, err);
    TRY(api_question_tell(api, options, asked, read, "llm", json_object_get(*answer, "tiers"),
                          &told, err));
    if (strcmp(json_text(told, "status", ""), "answered") != 0) {
        const json_t *lacks = json_array_get(json_object_get(told, "missing"), 0);
        const char *reason =
            json_is_string(lacks) ? json_string_value(lacks) : "it is not sure enough of it";
        code = refuse(*answer, reason, false, err);
        json_decref(told);
        return code;
    }
    json_decref(*answer);
    *answer = told;
    json_push_text(json_object_get(told, "warnings"),
                   "a language model read the question: look whether the reading is what was meant",
                   &ok);
    return json_built(ok, err);
}
