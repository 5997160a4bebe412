/* One exchange with libcurl's multi interface, so that a cancel is seen every NET_TICK_MS whatever
 * the server does. A body is looked at when its first byte comes: only then is the status known,
 * and with it where the bytes go. */
#include <string.h>

#include "base/clock.h"
#include "net/net_priv.h"

/* ---- what comes in ------------------------------------------------------------------------------
 */

static size_t fail_transfer(struct attempt *attempt, enum err_code code, const char *what)
{
    char host[128];
    err_set(&attempt->failure, code, "%s: %s", net_host_of(attempt->url, host), what);
    return 0; /* fewer than given: libcurl ends the transfer */
}

static size_t on_header(char *bytes, size_t size, size_t count, void *user)
{
    struct attempt *attempt = user;
    struct str line = {bytes, size * count};
    struct buf *headers = &attempt->response->headers;
    if (str_has_prefix(line, "HTTP/"))
        buf_clear(headers); /* an answer after "100 Continue" */
    if (headers->len + line.len > NET_LIMIT_HEADER_BYTES)
        return fail_transfer(attempt, ERR_LIMIT, "the answer has too many headers");
    buf_add_str(headers, line);
    return headers->failed ? fail_transfer(attempt, ERR_MEMORY, "no memory for an answer")
                           : line.len;
}

/* Is the 206's "Content-Range: bytes FROM-…" the place we asked for? */
static bool continues_at(const struct attempt *attempt)
{
    struct str range;
    int64_t from = -1;
    if (!net_response_header(attempt->response, "Content-Range", 0, &range) ||
        !str_has_prefix(range, "bytes "))
        return false;
    struct str rest = {range.ptr + 6, range.len - 6};
    const char *dash = memchr(rest.ptr, '-', rest.len);
    return dash != NULL && str_to_int64((struct str){rest.ptr, (size_t)(dash - rest.ptr)}, &from) &&
           from == attempt->offset;
}

static void note_validator(struct attempt *attempt)
{
    struct str etag, ranges;
    bool strong = net_response_header(attempt->response, "ETag", 0, &etag) &&
                  !str_has_prefix(etag, "W/") && etag.len < sizeof attempt->validator;
    attempt->validator[0] = '\0';
    if (strong) {
        memcpy(attempt->validator, etag.ptr, etag.len);
        attempt->validator[etag.len] = '\0';
    }
    attempt->resumable = attempt->response->status == 206 ||
                         (net_response_header(attempt->response, "Accept-Ranges", 0, &ranges) &&
                          str_equal_nocase(ranges, STR("bytes")));
}

/* The first byte of a body, or the end of an empty one. */
static bool begin_body(struct attempt *attempt)
{
    if (attempt->body_begun)
        return attempt->failure.code == ERR_OK;
    attempt->body_begun = true;
    long status = 0;
    curl_easy_getinfo(attempt->client->easy, CURLINFO_RESPONSE_CODE, &status);
    attempt->response->status = (int)status;
    if (status / 100 != 2)
        return true;
    bool wrong = attempt->offset > 0 && (status != 206 || !continues_at(attempt));
    if (wrong) {
        fail_transfer(attempt, ERR_IO,
                      "the file cannot be continued where it was cut: it changed, or the server "
                      "does not offer it");
        return false;
    }
    note_validator(attempt);
    return true;
}

static size_t keep(struct attempt *attempt, struct str bytes, int64_t limit_bytes)
{
    struct buf *body = &attempt->response->body;
    if ((int64_t)(body->len + bytes.len) > limit_bytes)
        return fail_transfer(attempt, ERR_LIMIT, "the answer is larger than its limit");
    body->limit = (size_t)limit_bytes + 1;
    buf_add_str(body, bytes);
    return body->failed ? fail_transfer(attempt, ERR_MEMORY, "no memory for an answer") : bytes.len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct attempt *attempt = user;
    const struct net_request *request = attempt->request;
    struct str part = {bytes, size * count};
    if (!begin_body(attempt))
        return 0;
    if (attempt->response->status / 100 != 2) {
        size_t room = NET_LIMIT_REFUSAL_BYTES - attempt->response->body.len;
        struct str head = {part.ptr, part.len < room ? part.len : room};
        return keep(attempt, head, NET_LIMIT_REFUSAL_BYTES) == head.len ? part.len : 0;
    }
    int64_t limit = request->limit_bytes;
    if (request->receive == NULL)
        return keep(attempt, part, limit > 0 ? limit : NET_LIMIT_BODY_BYTES);
    if (limit > 0 && attempt->response->received_bytes + (int64_t)part.len > limit)
        return fail_transfer(attempt, ERR_LIMIT, "the answer is larger than its limit");
    if (request->receive(request->receive_user, part, &attempt->failure) != ERR_OK)
        return 0;
    attempt->offset += (int64_t)part.len;
    attempt->response->received_bytes += (int64_t)part.len;
    return part.len;
}

/* ---- what goes out ------------------------------------------------------------------------------
 */

static bool is_credential(const char *header)
{
    static const char *const names[] = {"Authorization:", "Cookie:", "Proxy-Authorization:"};
    for (size_t idx = 0; idx < sizeof names / sizeof *names; idx++)
        if (strncasecmp(header, names[idx], strlen(names[idx])) == 0)
            return true;
    return false;
}

static bool add_header(struct curl_slist **list, const char *header)
{
    struct curl_slist *longer = curl_slist_append(*list, header);
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

static bool add_headers(const struct attempt *attempt, struct curl_slist **list)
{
    const char *const *header = attempt->request->headers;
    bool ok = add_header(list, "Expect:"); /* no wait for "100 Continue" */
    for (; header != NULL && *header != NULL; header++)
        if (!attempt->foreign || !is_credential(*header))
            ok = add_header(list, *header) && ok;
    if (attempt->offset > 0) {
        char line[320];
        snprintf(line, sizeof line, "Range: bytes=%lld-", (long long)attempt->offset);
        ok = add_header(list, line) && ok;
        snprintf(line, sizeof line, "If-Range: %s", attempt->validator);
        ok = (attempt->validator[0] == '\0' || add_header(list, line)) && ok;
    }
    return ok;
}

static bool is_loopback(const char *url)
{
    char host[128];
    net_host_of(url, host);
    host[strcspn(host, ":")] = '\0';
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || host[0] == '[';
}

static void set_method(CURL *easy, const struct net_request *request)
{
    const char *method = request->method != NULL ? request->method : "GET";
    bool has_body =
        strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    if (has_body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.ptr : "");
    } else if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, strcmp(method, "HEAD") == 0 ? NULL : method);
}

static void set_options(struct attempt *attempt, CURL *easy)
{
    const struct net_request *request = attempt->request;
    int64_t connect_ms = request->connect_ms > 0 ? request->connect_ms : 10000;
    curl_easy_setopt(easy, CURLOPT_URL, attempt->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "marrow/" MARROW_VERSION);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, attempt);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, attempt);
    if (is_loopback(attempt->url))
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (request->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    if (request->compressed && attempt->offset == 0 && request->receive == NULL)
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    if (request->user != NULL && !attempt->foreign) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, request->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD,
                         request->password != NULL ? request->password : "");
    }
    set_method(easy, request);
}

/* ---- the transfer -------------------------------------------------------------------------------
 */

/* Bytes moved so far, both ways: a stall is this number standing still. */
static curl_off_t moved_bytes(CURL *easy)
{
    curl_off_t in = 0, out = 0;
    curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &in);
    curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &out);
    return in + out;
}

static bool must_stop(struct attempt *attempt)
{
    const struct net_request *request = attempt->request;
    attempt->cancelled = attempt->cancelled || (request->cancelled != NULL &&
                                                request->cancelled(request->cancelled_user));
    return attempt->cancelled;
}

static void run(struct attempt *attempt)
{
    struct net_client *client = attempt->client;
    int64_t stall_ms = attempt->request->stall_ms > 0 ? attempt->request->stall_ms : 60000;
    int64_t moved_at_us = clock_monotonic_us();
    curl_off_t moved = 0;
    size_t heard = 0;
    for (;;) {
        int running = 0, queued = 0;
        if (must_stop(attempt))
            return;
        if (curl_multi_perform(client->multi, &running) != CURLM_OK) {
            attempt->result = CURLE_FAILED_INIT;
            return;
        }
        CURLMsg *message = curl_multi_info_read(client->multi, &queued);
        if (message != NULL && message->msg == CURLMSG_DONE) {
            attempt->result = message->data.result;
            return;
        }
        int64_t now_us = clock_monotonic_us();
        if (moved_bytes(client->easy) != moved || attempt->response->headers.len != heard) {
            moved = moved_bytes(client->easy);
            heard = attempt->response->headers.len;
            moved_at_us = now_us;
        }
        bool late = attempt->deadline_us != 0 && now_us >= attempt->deadline_us;
        if (late || now_us - moved_at_us >= stall_ms * 1000) {
            attempt->result = CURLE_OPERATION_TIMEDOUT;
            return;
        }
        curl_multi_poll(client->multi, NULL, 0, NET_TICK_MS, NULL);
    }
}

enum err_code attempt_make(struct attempt *attempt, struct err *err)
{
    struct net_client *client = attempt->client;
    struct curl_slist *headers = NULL;
    buf_clear(&attempt->response->headers);
    buf_clear(&attempt->response->body);
    attempt->response->status = 0;
    attempt->body_begun = false;
    attempt->failure.code = ERR_OK;
    attempt->result = CURLE_OK;
    curl_easy_reset(client->easy);
    set_options(attempt, client->easy);
    bool ok = add_headers(attempt, &headers) &&
              curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
              curl_multi_add_handle(client->multi, client->easy) == CURLM_OK;
    if (ok) {
        run(attempt);
        if (attempt->result == CURLE_OK && !attempt->cancelled)
            begin_body(attempt);
        curl_multi_remove_handle(client->multi, client->easy);
    }
    curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return ok ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a request");
}
