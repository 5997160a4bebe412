/* A call: attempts until one counts. What happens after each:
 *
 *     answer, no 429/502/503/504 ─▶ done          3xx to elsewhere ─▶ again there (GET, HEAD)
 *     429/502/503/504            ─▶ pause, again   connection lost  ─▶ pause, again (body: by
 * Range) our own failure (receive, limit, cancel) ─▶ that error */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "net/net_priv.h"

#define TOO_LARGE 100 /* CURLE_TOO_LARGE, of libcurl 8.6: a header among others */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started;
static void start_curl(void)
{
    curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum err_code net_load(struct err *err)
{
    return libcurl_load(err);
}

enum err_code net_client_open(struct net_client **ret, struct err *err)
{
    *ret = NULL;
    TRY(net_load(err));
    pthread_once(&curl_once, start_curl);
    struct net_client *client = mem_zalloc(1, sizeof *client);
    if (client == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a network client");
    if (curl_started == CURLE_OK) {
        client->multi = curl_multi_init();
        client->easy = curl_easy_init();
    }
    if (client->multi == NULL || client->easy == NULL) {
        net_client_close(client);
        return err_set(err, ERR_FAILED, "libcurl could not be started");
    }
    *ret = client;
    return ERR_OK;
}

void net_client_close(struct net_client *client)
{
    if (client == NULL)
        return;
    if (client->easy != NULL)
        curl_easy_cleanup(client->easy);
    if (client->multi != NULL)
        curl_multi_cleanup(client->multi);
    mem_free(client);
}

void net_response_done(struct net_response *response)
{
    buf_done(&response->headers);
    buf_done(&response->body);
}

bool net_response_header(const struct net_response *response, const char *name, size_t idx,
                         struct str *ret)
{
    struct str rest = buf_view(&response->headers), wanted = str_of(name);
    while (rest.len > 0) {
        const char *newline = memchr(rest.ptr, '\n', rest.len);
        struct str line = {rest.ptr, newline != NULL ? (size_t)(newline - rest.ptr) : rest.len};
        size_t used = line.len + (newline != NULL);
        rest = (struct str){rest.ptr + used, rest.len - used};
        if (line.len <= wanted.len || line.ptr[wanted.len] != ':' ||
            !str_equal_nocase((struct str){line.ptr, wanted.len}, wanted))
            continue;
        if (idx-- > 0)
            continue;
        *ret = str_trim((struct str){line.ptr + wanted.len + 1, line.len - wanted.len - 1});
        return true;
    }
    return false;
}

/* ---- pauses -------------------------------------------------------------------------------------
 */

int64_t net_retry_after_ms(const struct net_response *response, int64_t most_ms)
{
    struct str given;
    int64_t seconds;
    if (!net_response_header(response, "Retry-After", 0, &given))
        return -1;
    if (!str_to_int64(given, &seconds)) {
        char text[64];
        struct tm parts = {0};
        (void)snprintf(text, sizeof text, "%.*s", (int)(given.len < 63 ? given.len : 63),
                       given.ptr);
        if (strptime(text, "%a, %d %b %Y %H:%M:%S", &parts) == NULL)
            return -1;
        seconds = (int64_t)timegm(&parts) - clock_now_us() / 1000000;
        seconds = seconds < 0 ? 0 : seconds; /* a moment that is gone: now */
    }
    if (seconds < 0)
        return -1;
    return seconds > most_ms / 1000 ? most_ms : seconds * 1000;
}

/* Doubled each time, ± a quarter so that many clients do not come back at once. */
static int64_t pause_ms(const struct attempt *attempt)
{
    int64_t asked = net_retry_after_ms(attempt->response, NET_LIMIT_WAIT_MS);
    if (asked >= 0)
        return asked;
    int64_t ms = attempt->request->backoff_ms > 0 ? attempt->request->backoff_ms : 200;
    for (int made = 1; made < attempt->response->attempts && ms < NET_LIMIT_WAIT_MS; made++)
        ms *= 2;
    ms = ms > NET_LIMIT_WAIT_MS ? NET_LIMIT_WAIT_MS : ms;
    return ms - ms / 4 + clock_monotonic_us() % (ms / 2 + 1);
}

static enum err_code was_cancelled(const struct attempt *attempt, struct err *err)
{
    char host[128];
    return err_set(err, ERR_INTERRUPTED, "the request to %s was cancelled",
                   net_host_of(attempt->url, host));
}

static enum err_code wait_before_retry(struct attempt *attempt, struct err *err)
{
    int64_t until_us = clock_monotonic_us() + pause_ms(attempt) * 1000;
    const struct net_request *request = attempt->request;
    while (clock_monotonic_us() < until_us) {
        if (request->cancelled != NULL && request->cancelled(request->cancelled_user))
            return was_cancelled(attempt, err);
        if (attempt->deadline_us != 0 && clock_monotonic_us() >= attempt->deadline_us)
            return ERR_OK; /* the next attempt says so */
        int64_t left_us = until_us - clock_monotonic_us();
        int64_t nap_us = left_us < NET_TICK_MS * 1000 ? left_us : NET_TICK_MS * 1000;
        if (nap_us > 0)
            nanosleep(&(struct timespec){.tv_nsec = (long)nap_us * 1000}, NULL);
    }
    return ERR_OK;
}

/* ---- what an attempt came to --------------------------------------------------------------------
 */

static enum err_code transport_failed(const struct attempt *attempt, struct err *err)
{
    char host[128];
    net_host_of(attempt->url, host);
    int64_t total_ms = attempt->request->total_ms;
    if (attempt->deadline_us != 0 && clock_monotonic_us() >= attempt->deadline_us)
        return err_set(err, ERR_TIMEOUT, "%s did not answer within %lld ms", host,
                       (long long)total_ms);
    if (attempt->result == CURLE_OPERATION_TIMEDOUT)
        return err_set(err, ERR_TIMEOUT, "%s went silent", host);
    bool headers = attempt->response->headers.len > 0 && attempt->response->received_bytes == 0;
    if (headers && (attempt->result == CURLE_OUT_OF_MEMORY || attempt->result == TOO_LARGE))
        return err_set(err, ERR_LIMIT, "%s answered with a header longer than can be taken", host);
    if (attempt->result == CURLE_OUT_OF_MEMORY)
        return err_set(err, ERR_MEMORY, "no memory to speak with %s", host);
    if (attempt->result == CURLE_COULDNT_CONNECT || attempt->result == CURLE_COULDNT_RESOLVE_HOST)
        err_set(err, ERR_IO, "%s cannot be reached", host);
    else if (attempt->result == CURLE_PEER_FAILED_VERIFICATION ||
             attempt->result == CURLE_SSL_CACERT_BADFILE)
        err_set(err, ERR_IO, "the certificate of %s cannot be trusted", host);
    else
        err_set(err, ERR_IO, "the exchange with %s failed", host);
    return err_detail(err, "%s", curl_easy_strerror(attempt->result));
}

/* No byte of the request can have reached a server. */
static bool never_arrived(CURLcode result)
{
    return result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST;
}

static bool worth_retrying(const struct attempt *attempt)
{
    const struct net_request *request = attempt->request;
    int most = request->attempts > 0 ? request->attempts : 5;
    if (attempt->response->attempts >= most || attempt->failure.code != ERR_OK ||
        attempt->cancelled ||
        (attempt->deadline_us != 0 && clock_monotonic_us() >= attempt->deadline_us))
        return false;
    int status = attempt->response->status;
    if (attempt->result == CURLE_OK)
        return status == 429 || status == 503 ||
               (!request->once && (status == 502 || status == 504));
    if (never_arrived(attempt->result))
        return true;
    bool cut = attempt->result == CURLE_PARTIAL_FILE || attempt->result == CURLE_RECV_ERROR ||
               attempt->result == CURLE_SEND_ERROR || attempt->result == CURLE_GOT_NOTHING ||
               attempt->result == CURLE_OPERATION_TIMEDOUT || attempt->result == CURLE_HTTP2 ||
               attempt->result == CURLE_HTTP2_STREAM;
    bool begun = request->receive != NULL && attempt->response->received_bytes > 0;
    return cut && !request->once && (!begun || attempt->resumable);
}

/* Where a redirect of this attempt leads; NULL: it is none that is followed. */
static enum err_code redirect_of(const struct attempt *attempt, char **ret, struct err *err)
{
    int status = attempt->response->status;
    const char *method = attempt->request->method;
    char *target = NULL;
    *ret = NULL;
    bool moves = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    bool safe = method == NULL || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (attempt->result != CURLE_OK || !moves || !safe ||
        curl_easy_getinfo(attempt->client->easy, CURLINFO_REDIRECT_URL, &target) != CURLE_OK ||
        target == NULL)
        return ERR_OK;
    char host[128];
    if (str_has_prefix(str_of(attempt->url), "https:") && !str_has_prefix(str_of(target), "https:"))
        return err_set(err, ERR_IO, "%s redirects to a place without encryption",
                       net_host_of(attempt->url, host));
    *ret = mem_strdup(target);
    return *ret != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a redirect");
}

static enum err_code conclude(const struct attempt *attempt, struct err *err)
{
    if (attempt->failure.code != ERR_OK) {
        *err = attempt->failure;
        return err->code;
    }
    if (attempt->cancelled)
        return was_cancelled(attempt, err);
    return attempt->result == CURLE_OK ? ERR_OK : transport_failed(attempt, err);
}

static enum err_code attempts(struct attempt *attempt, char **moved, struct err *err)
{
    struct net_response *response = attempt->response;
    for (int redirects = 0;;) {
        response->attempts++;
        TRY(attempt_make(attempt, err));
        char *target = NULL;
        if (attempt->failure.code == ERR_OK && !attempt->cancelled)
            TRY(redirect_of(attempt, &target, err));
        if (target != NULL && ++redirects > NET_LIMIT_REDIRECTS) {
            char host[128];
            mem_free(target);
            return err_set(err, ERR_LIMIT, "%s redirects too often",
                           net_host_of(attempt->url, host));
        }
        if (target != NULL) {
            mem_free(*moved);
            attempt->url = *moved = target;
            attempt->foreign = attempt->foreign || !net_same_origin(attempt->request->url, target);
            response->attempts--;
            continue;
        }
        if (!worth_retrying(attempt))
            return conclude(attempt, err);
        TRY(wait_before_retry(attempt, err));
    }
}

enum err_code net_send(struct net_client *client, const struct net_request *request,
                       struct net_response *ret, struct err *err)
{
    struct attempt attempt = {.client = client, .request = request, .response = ret};
    char *moved = NULL;
    attempt.url = request->url;
    attempt.offset = request->resume_from;
    if (request->validator != NULL && strlen(request->validator) < sizeof attempt.validator)
        memcpy(attempt.validator, request->validator, strlen(request->validator) + 1);
    if (request->total_ms > 0)
        attempt.deadline_us = clock_monotonic_us() + request->total_ms * 1000;
    ret->received_bytes = 0;
    ret->attempts = 0;
    enum err_code code = attempts(&attempt, &moved, err);
    mem_free(moved);
    return code;
}
