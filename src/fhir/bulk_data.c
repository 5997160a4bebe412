/* Bulk Data: an export job on a FHIR server, from its kick-off to its files.
 *
 *     GET base/$export ──202 Content-Location──▶ GET status ──202 Retry-After, X-Progress──┐
 *                                                   ▲ └──────────── pause ◀────────────────┘
 *                                                   └─200 manifest ──▶ files (bulk_files.c)
 *     DELETE status, whatever came of it
 *
 * The one idea: nothing that the server says is taken for granted. Each answer must be what the
 * specification promises, or the error says what came instead; the token goes to the server's own
 * origin, and to files elsewhere only where the manifest asks for it and the way is encrypted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "fhir/bulk_priv.h"

#define PAUSE_FIRST_MS 500    /* between two looks, where the server gives no time */
#define PAUSE_MOST_MS 10000   /* … at most */
#define PAUSE_GIVEN_MS 300000 /* that a server may ask for */
#define POLL_LIMIT_MS (24LL * 3600 * 1000)
#define MANIFEST_BYTES (64LL << 20)
#define MANIFESTS_MOST 1000
#define WORDS_BYTES 400 /* of a server's own words */

/* ---- URLs ---------------------------------------------------------------------------------------
 */

static size_t origin_length(const char *url)
{
    const char *host = strstr(url, "://");
    return host == NULL ? 0 : (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
}

bool bulk_same_origin(const struct bulk *bulk, const char *url)
{
    size_t length = origin_length(url);
    return length > 0 && length == strlen(bulk->origin) &&
           str_equal_nocase((struct str){url, length}, str_of(bulk->origin));
}

static bool is_http(const char *url)
{
    return str_has_prefix(str_of(url), "http://") || str_has_prefix(str_of(url), "https://");
}

/* The URL that a server named; relative ones are its own. NULL: none, or one that leaves the
 * encryption. */
static const char *resolve(const struct bulk *bulk, const char *url)
{
    if (url != NULL && url[0] == '/' && url[1] != '/')
        return arena_printf(bulk->arena, "%s%s", bulk->origin, url);
    if (url == NULL || !is_http(url))
        return NULL;
    bool plain = str_has_prefix(str_of(url), "http://");
    return plain && str_has_prefix(str_of(bulk->origin), "https://") ? NULL : url;
}

static void add_query(struct buf *url, char *joint, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_putc(url, *joint);
    buf_printf(url, "%s=", name);
    net_encode(str_of(value), url);
    *joint = '&';
}

static enum err_code kickoff_url(const struct bulk *bulk, struct buf *ret, struct err *err)
{
    const struct fhir_bulk_options *options = bulk->options;
    struct str base = str_of(options->url);
    while (base.len > 0 && base.ptr[base.len - 1] == '/')
        base.len--;
    buf_add_str(ret, base);
    if (options->group != NULL) {
        buf_puts(ret, "/Group/");
        net_encode(str_of(options->group), ret);
    }
    if (!str_has_suffix_nocase(base, "$export"))
        buf_puts(ret, "/$export");
    char joint = '?';
    add_query(ret, &joint, "_outputFormat", "application/fhir+ndjson");
    add_query(ret, &joint, "_type", options->types);
    add_query(ret, &joint, "_since", options->since);
    return buf_check(ret, err);
}

static enum err_code begin(struct bulk *bulk, struct err *err)
{
    struct net_url parts;
    const char *url = bulk->options->url;
    TRY(net_url_parse(bulk->arena, url, &parts, err));
    if (!is_http(url) || strchr(url, '?') != NULL || strchr(url, '#') != NULL ||
        parts.user != NULL) {
        (void)err_set(err, ERR_USAGE, "not the address of a FHIR server");
        return err_hint(err, "give its base, such as https://host/fhir; a token by --token-file");
    }
    bulk->host = parts.host;
    bulk->origin = arena_strndup(bulk->arena, url, origin_length(url));
    if (bulk->options->token != NULL)
        bulk->bearer = arena_printf(bulk->arena, "Authorization: Bearer %s", bulk->options->token);
    if (arena_failed(bulk->arena))
        return err_set(err, ERR_MEMORY, "no memory for an export");
    return ERR_OK;
}

/* ---- answers ------------------------------------------------------------------------------------
 */

bool bulk_cancelled(void *user)
{
    const struct fhir_bulk_options *options = user;
    const struct progress *progress = options->progress;
    return progress != NULL && progress->cancelled != NULL && progress->cancelled(progress->user);
}

bool bulk_is_html(const struct net_response *response, struct str body)
{
    struct str type;
    if (net_response_header(response, "Content-Type", 0, &type) &&
        str_has_prefix(type, "text/html"))
        return true;
    body = str_trim(body);
    return body.len > 0 && body.ptr[0] == '<';
}

/* What an OperationOutcome says, cut; empty: it is none. */
static void outcome_words(struct str body, char ret[WORDS_BYTES])
{
    JSON_AUTO document = NULL;
    ret[0] = '\0';
    if (json_parse(body, "", &document, ERR_IGNORED) != ERR_OK ||
        strcmp(json_text(document, "resourceType", ""), "OperationOutcome") != 0)
        return;
    const json_t *issue = json_array_get(json_object_get(document, "issue"), 0);
    const char *text = json_text(issue, "diagnostics", NULL);
    if (text == NULL)
        text = json_text(json_object_get(issue, "details"), "text", "");
    (void)snprintf(ret, WORDS_BYTES, "%.100s: %.250s", json_text(issue, "code", "unknown"), text);
    for (char *at = ret; *at != '\0'; at++)
        *at = (unsigned char)*at < 0x20 ? ' ' : *at;
}

enum err_code bulk_refused(const struct bulk *bulk, const char *what,
                           const struct net_response *response, struct err *err)
{
    char words[WORDS_BYTES];
    int status = response->status;
    if (bulk_is_html(response, buf_view(&response->body)) && status / 100 == 2) {
        (void)err_set(err, ERR_INPUT, "%s answered a request for %s with a web page", bulk->host,
                      what);
        return err_hint(err, "check that the address is a FHIR base, not a portal or a login page");
    }
    enum err_code code = status == 401 || status == 403   ? ERR_USAGE
                         : status == 404 || status == 410 ? ERR_NOT_FOUND
                         : status / 100 == 2              ? ERR_INPUT
                                                          : ERR_IO;
    (void)err_set(err, code, "%s answered a request for %s with status %d", bulk->host, what,
                  status);
    outcome_words(buf_view(&response->body), words);
    if (words[0] != '\0')
        (void)err_detail(err, "the server says: %s", words);
    if (code == ERR_USAGE)
        return err_hint(err, bulk->bearer == NULL
                                 ? "the server wants a token: --token-file, or MARROW_FHIR_TOKEN"
                                 : "the token is not accepted, has expired, or does not allow it");
    if (code == ERR_NOT_FOUND)
        return err_hint(err, "check the address and the group; not every server exports, and "
                             "files are kept for a time only");
    return err_hint(err, "nothing was imported; try again later, or ask who runs the server");
}

static enum err_code ask(const struct bulk *bulk, const char *method, const char *url,
                         const char *accept, bool prefer, struct net_response *ret, struct err *err)
{
    const char *headers[4] = {accept};
    size_t count = 1;
    if (prefer)
        headers[count++] = "Prefer: respond-async";
    if (bulk->bearer != NULL && bulk_same_origin(bulk, url))
        headers[count++] = bulk->bearer;
    bool deletes = strcmp(method, "DELETE") == 0;
    struct net_request request = {.method = method,
                                  .url = url,
                                  .headers = headers,
                                  .once = prefer || deletes,
                                  .attempts = deletes ? 1 : 0,
                                  .total_ms = deletes ? 10000 : 0,
                                  .limit_bytes = MANIFEST_BYTES,
                                  .cancelled = deletes ? NULL : bulk_cancelled};
    const void *user = bulk->options;
    memcpy(&request.cancelled_user, &user, sizeof user);
    return net_send(bulk->client, &request, ret, err);
}

/* ---- the job ------------------------------------------------------------------------------------
 */

static enum err_code kick_off(struct bulk *bulk, struct err *err)
{
    AUTO(buf_done) struct buf url = BUF_INIT;
    struct net_response response = {0};
    struct str location = {0};
    TRY(kickoff_url(bulk, &url, err));
    enum err_code code =
        ask(bulk, "GET", buf_text(&url), "Accept: application/fhir+json", true, &response, err);
    if (code == ERR_OK && response.status != 202)
        code = bulk_refused(bulk, "an export", &response, err);
    if (code == ERR_OK && net_response_header(&response, "Content-Location", 0, &location))
        bulk->status = resolve(bulk, arena_strndup(bulk->arena, location.ptr, location.len));
    net_response_done(&response);
    if (code != ERR_OK || bulk->status != NULL)
        return code;
    (void)err_set(err, ERR_INPUT,
                  "%s began an export but named no address to ask (Content-Location)", bulk->host);
    return err_hint(err, "the server does not follow the Bulk Data specification");
}

/* What the server asks for, else the usual. */
static int64_t pause_of(const struct net_response *response, int64_t usual)
{
    int64_t given = net_retry_after_ms(response, PAUSE_GIVEN_MS);
    return given < 0 ? usual : given < PAUSE_FIRST_MS ? PAUSE_FIRST_MS : given;
}

static enum err_code wait(const struct bulk *bulk, int64_t pause_ms, struct err *err)
{
    int64_t until = clock_monotonic_us() + pause_ms * 1000;
    const struct timespec tick = {.tv_nsec = 50000000};
    while (clock_monotonic_us() < until) {
        TRY(progress_check(bulk->options->progress, err));
        (void)nanosleep(&tick, NULL);
    }
    return ERR_OK;
}

/* X-Progress is for people: shown as it is, cut, control bytes taken out. */
static void show_progress(const struct bulk *bulk, const struct net_response *response)
{
    char subject[64] = "";
    struct str given;
    if (net_response_header(response, "X-Progress", 0, &given))
        (void)snprintf(subject, sizeof subject, "%.*s", (int)(given.len < 60 ? given.len : 60),
                       given.ptr);
    for (char *at = subject; *at != '\0'; at++)
        *at = (unsigned char)*at < 0x20 ? ' ' : *at;
    progress_report(
        bulk->options->progress,
        &(struct progress_event){.phase = "export",
                                 .subject = subject[0] == '\0' ? "the server prepares it" : subject,
                                 .unit = ""});
}

static enum err_code bad_manifest(const struct bulk *bulk, const char *what, struct err *err)
{
    (void)err_set(err, ERR_INPUT, "%s gave a list of files that is none: %s", bulk->host, what);
    return err_hint(err, "the server does not follow the Bulk Data specification");
}

/* Until the job is done: its manifest. */
static enum err_code poll(const struct bulk *bulk, json_t **ret, struct err *err)
{
    int64_t usual = PAUSE_FIRST_MS, deadline = clock_monotonic_us() + POLL_LIMIT_MS * 1000;
    for (;;) {
        struct net_response response = {0};
        enum err_code code =
            ask(bulk, "GET", bulk->status, "Accept: application/json", false, &response, err);
        bool waits = code == ERR_OK && (response.status == 202 || response.status == 429);
        int64_t pause = waits ? pause_of(&response, usual) : 0;
        if (waits)
            show_progress(bulk, &response);
        else if (code == ERR_OK && response.status != 200)
            code = bulk_refused(bulk, "the state of an export", &response, err);
        else if (code == ERR_OK && bulk_is_html(&response, buf_view(&response.body)))
            code = bulk_refused(bulk, "the list of files", &response, err);
        else if (code == ERR_OK &&
                 (code = json_parse(buf_view(&response.body), "", ret, err)) == ERR_INPUT)
            code = bad_manifest(bulk, "no JSON", err);
        net_response_done(&response);
        if (!waits)
            return code;
        if (clock_monotonic_us() > deadline)
            return err_set(err, ERR_TIMEOUT, "%s has not finished the export in 24 hours",
                           bulk->host);
        TRY(wait(bulk, pause, err));
        usual = usual * 2 < PAUSE_MOST_MS ? usual * 2 : PAUSE_MOST_MS;
    }
}

/* ---- the manifest -------------------------------------------------------------------------------
 */

static enum err_code take_output(struct bulk *bulk, const json_t *output, enum bulk_kind kind,
                                 bool token, struct err *err)
{
    bool ok = true;
    const char *url = resolve(bulk, json_text(output, "url", NULL));
    if (url == NULL)
        return bad_manifest(bulk, "a file has no address, or one without encryption", err);
    if (json_array_size(bulk->outputs) >= FHIR_BULK_LIMIT_FILES)
        return err_set(err, ERR_LIMIT, "an export of more than %d files", FHIR_BULK_LIMIT_FILES);
    json_t *entry = json_object();
    json_put_text(entry, "url", url, &ok);
    json_put_text(entry, "type", json_text(output, "type", ""), &ok);
    json_put_int(entry, "count", json_int(output, "count", -1), &ok);
    json_put_int(entry, "kind", kind, &ok);
    json_put_flag(entry, "token", token, &ok);
    json_push(bulk->outputs, entry, &ok);
    return json_built(ok, err);
}

static enum err_code take_manifest(struct bulk *bulk, const json_t *manifest, struct err *err)
{
    static const char *const members[] = {"output", "deleted", "error"};
    const char *time = json_text(manifest, "transactionTime", NULL);
    bool token = json_flag(manifest, "requiresAccessToken", false);
    if (!json_is_array(json_object_get(manifest, "output")))
        return bad_manifest(bulk, "no member output", err);
    if (time == NULL && bulk->transaction_time == NULL)
        return bad_manifest(bulk, "no transactionTime", err);
    if (bulk->transaction_time == NULL)
        bulk->transaction_time = arena_strdup(bulk->arena, time);
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        const json_t *files = json_object_get(manifest, members[m]);
        for (size_t i = 0; i < json_array_size(files); i++)
            TRY(take_output(bulk, json_array_get(files, i), (enum bulk_kind)m, token, err));
    }
    return ERR_OK;
}

/* Address of the manifest's next page, or NULL. */
static const char *next_page(const struct bulk *bulk, const json_t *manifest)
{
    const json_t *links = json_object_get(manifest, "link");
    for (size_t i = 0; i < json_array_size(links); i++) {
        const json_t *link = json_array_get(links, i);
        if (strcmp(json_text(link, "relation", ""), "next") == 0)
            return resolve(bulk, arena_strdup(bulk->arena, json_text(link, "url", "")));
    }
    return NULL;
}

static enum err_code read_manifests(struct bulk *bulk, struct err *err)
{
    const char *job = bulk->status;
    enum err_code code = ERR_OK;
    for (int page = 0; code == ERR_OK && bulk->status != NULL; page++) {
        JSON_AUTO manifest = NULL;
        if (page == MANIFESTS_MOST)
            return err_set(err, ERR_LIMIT, "a list of files of more than %d pages", MANIFESTS_MOST);
        code = poll(bulk, &manifest, err);
        if (code == ERR_OK)
            code = take_manifest(bulk, manifest, err);
        if (code == ERR_OK)
            bulk->status = next_page(bulk, manifest);
    }
    bulk->status = job;
    return code;
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

/* The server may let go of the job and its files. What comes of it changes nothing. */
static void forget_job(const struct bulk *bulk)
{
    struct net_response response = {0};
    if (bulk->status != NULL)
        (void)!ask(bulk, "DELETE", bulk->status, "Accept: application/fhir+json", false, &response,
                   ERR_IGNORED);
    net_response_done(&response);
}

static enum err_code run_job(struct bulk *bulk, json_t *ret, struct err *err)
{
    bool ok = true;
    int64_t problems = 0;
    json_t *files = json_array();
    json_put(ret, "files", files, &ok);
    TRY(json_built(ok, err));
    TRY(kick_off(bulk, err));
    TRY(read_manifests(bulk, err));
    TRY(bulk_download(bulk, files, &problems, err));
    json_put_text(ret, "transaction_time", bulk->transaction_time, &ok);
    json_put_int(ret, "problems", problems, &ok);
    return json_built(ok, err);
}

enum err_code fhir_bulk_export(const struct fhir_bulk_options *options, json_t **ret,
                               struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(net_client_close) struct net_client *client = NULL;
    JSON_AUTO outputs = json_array();
    JSON_AUTO answer = json_object();
    *ret = NULL;
    if (arena == NULL || outputs == NULL || answer == NULL)
        return err_set(err, ERR_MEMORY, "no memory for an export");
    TRY(net_client_open(&client, err));
    struct bulk bulk = {.options = options, .arena = arena, .client = client, .outputs = outputs};
    TRY(begin(&bulk, err));
    enum err_code code = run_job(&bulk, answer, err);
    forget_job(&bulk);
    if (code == ERR_OK)
        *ret = json_incref(answer);
    return code;
}
