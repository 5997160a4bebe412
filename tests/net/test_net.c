/* The net layer against a server that misbehaves on purpose (http_server.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http_server.h"
#include "net/net.h"

#define OK200 "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define GOOD OK200 "Content-Length: 5\r\n\r\nhello"
#define BUSY                                                                                       \
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy"

/* A server of these steps, a client, a request to it. */
struct talk {
    struct http_server *server;
    struct net_client *client;
    struct net_request request;
    struct net_response response;
    struct err err;
    char url[128];
};

static void begin(struct talk *talk, const struct http_step *steps, size_t count)
{
    *talk = (struct talk){.server = http_start(steps, count)};
    snprintf(talk->url, sizeof talk->url, "http://127.0.0.1:%d/secret/path?token=secret",
             talk->server->port);
    assert_int_equal(net_client_open(&talk->client, &talk->err), ERR_OK);
    talk->request = (struct net_request){.url = talk->url, .backoff_ms = 10};
}
static enum err_code send_it(struct talk *talk)
{
    enum err_code code = net_send(talk->client, &talk->request, &talk->response, &talk->err);
    if (code != ERR_OK) {
        assert_int_equal(talk->err.code, code);
        assert_null(strstr(talk->err.message, "secret"));
        assert_null(strstr(talk->err.detail, "secret"));
        assert_null(strstr(talk->err.hint, "secret"));
    }
    return code;
}
static void end(struct talk *talk)
{
    net_response_done(&talk->response);
    net_client_close(talk->client);
    http_stop(talk->server);
}
#define BEGIN(...)                                                                                 \
    const struct http_step steps[] = {__VA_ARGS__};                                                \
    struct talk talk;                                                                              \
    begin(&talk, steps, sizeof steps / sizeof *steps)

static void answer_is_kept_with_status_headers_and_body(void **state)
{
    (void)state;
    BEGIN({.answer = "HTTP/1.1 201 Created\r\nX-One: a\r\nx-one:  b \r\nConnection: "
                     "close\r\nContent-Length: 5\r\n\r\nhello"});
    const char *headers[] = {"X-Mine: yes", NULL};
    talk.request.method = "POST";
    talk.request.headers = headers;
    talk.request.body = STR("body text");
    assert_int_equal(send_it(&talk), ERR_OK);
    struct str value;
    assert_int_equal(talk.response.status, 201);
    assert_string_equal(buf_text(&talk.response.body), "hello");
    assert_true(net_response_header(&talk.response, "X-ONE", 1, &value));
    assert_true(str_equal(value, STR("b")));
    assert_false(net_response_header(&talk.response, "X-One", 2, &value));
    assert_non_null(strstr(talk.server->asked[0], "POST /secret/path?token=secret HTTP/1.1\r\n"));
    assert_non_null(strstr(talk.server->asked[0], "X-Mine: yes\r\n"));
    assert_non_null(strstr(talk.server->asked[0], "User-Agent: marrow/"));
    assert_non_null(strstr(talk.server->asked[0], "\r\n\r\nbody text"));
    end(&talk);
}

static void busy_server_is_asked_again_until_it_answers(void **state)
{
    (void)state;
    BEGIN({.answer = BUSY}, {.answer = BUSY}, {.answer = GOOD});
    assert_int_equal(send_it(&talk), ERR_OK);
    assert_int_equal(talk.response.status, 200);
    assert_int_equal(talk.response.attempts, 3);
    assert_string_equal(buf_text(&talk.response.body), "hello");
    end(&talk);
}

static void retry_after_is_waited_for(void **state)
{
    (void)state;
    BEGIN({.answer = "HTTP/1.1 429 Slow down\r\nRetry-After: 1\r\nConnection: "
                     "close\r\nContent-Length: 0\r\n\r\n"},
          {.answer = GOOD});
    int64_t from_us = clock_monotonic_us();
    assert_int_equal(send_it(&talk), ERR_OK);
    assert_true(clock_monotonic_us() - from_us >= 1000000);
    assert_int_equal(talk.response.status, 200);
    end(&talk);
}

static void last_busy_answer_is_given_when_attempts_are_used_up(void **state)
{
    (void)state;
    BEGIN({.answer = BUSY}, {.answer = BUSY}, {.answer = GOOD});
    talk.request.attempts = 2;
    assert_int_equal(send_it(&talk), ERR_OK);
    assert_int_equal(talk.response.status, 503);
    assert_string_equal(buf_text(&talk.response.body), "busy");
    end(&talk);
}

static void cut_connection_is_tried_again_unless_once(void **state)
{
    (void)state;
    BEGIN({.answer = OK200 "Content-Length: 5\r\n\r\nhel"}, {.answer = GOOD}, {.answer = NULL},
          {.answer = GOOD});
    assert_int_equal(send_it(&talk), ERR_OK);
    assert_string_equal(buf_text(&talk.response.body), "hello");
    talk.request.once = true;
    assert_int_equal(send_it(&talk), ERR_IO);
    assert_int_equal(talk.response.attempts, 1);
    assert_non_null(strstr(talk.err.message, "127.0.0.1"));
    end(&talk);
}

static void nobody_there_is_an_error_that_names_the_host(void **state)
{
    (void)state;
    BEGIN({.answer = GOOD});
    char url[64];
    snprintf(url, sizeof url, "http://secret:secret@127.0.0.1:1/secret");
    talk.request.url = url;
    talk.request.attempts = 2;
    assert_int_equal(send_it(&talk), ERR_IO);
    assert_int_equal(talk.response.attempts, 2);
    assert_string_equal(talk.err.message, "127.0.0.1:1 cannot be reached");
    end(&talk);
}

/* ---- time and size ------------------------------------------------------------------------------
 */

static void silent_server_is_given_up_after_the_stall_time(void **state)
{
    (void)state;
    BEGIN({.answer = OK200 "Content-Length: 9\r\n\r\nhe", .hang = true});
    talk.request.stall_ms = 150;
    talk.request.attempts = 1;
    int64_t from_us = clock_monotonic_us();
    assert_int_equal(send_it(&talk), ERR_TIMEOUT);
    assert_in_range(clock_monotonic_us() - from_us, 150000, 1000000);
    end(&talk);
}

static void byte_a_moment_does_not_outlive_the_total_time(void **state)
{
    (void)state;
    BEGIN({.answer = OK200 "Content-Length: 5\r\n\r\nhello", .trickle_ms = 20});
    talk.request.total_ms = 300;
    int64_t from_us = clock_monotonic_us();
    assert_int_equal(send_it(&talk), ERR_TIMEOUT);
    assert_in_range(clock_monotonic_us() - from_us, 290000, 1200000);
    assert_non_null(strstr(talk.err.message, "300 ms"));
    end(&talk);
}

static void body_past_its_limit_is_refused(void **state)
{
    (void)state;
    BEGIN({.answer = GOOD}, {.answer = GOOD});
    talk.request.limit_bytes = 4;
    assert_int_equal(send_it(&talk), ERR_LIMIT);
    talk.request.limit_bytes = 5;
    assert_int_equal(send_it(&talk), ERR_OK);
    end(&talk);
}

struct flag {
    int64_t at_us;
};
static bool is_due(void *user)
{
    return clock_monotonic_us() >= ((struct flag *)user)->at_us;
}

static void cancel_is_prompt_while_waiting_receiving_and_pausing(void **state)
{
    (void)state;
    BEGIN({.answer = GOOD, .wait_ms = 3000}, {.answer = GOOD, .trickle_ms = 30}, {.answer = BUSY});
    struct flag flag;
    talk.request.cancelled = is_due;
    talk.request.cancelled_user = &flag;
    talk.request.backoff_ms = 5000;
    for (int round = 0; round < 3; round++) {
        struct http_server *server = talk.server;
        if (round > 0) /* the step before still waits: a server anew */
            talk.server = http_start(&steps[round], 1);
        snprintf(talk.url, sizeof talk.url, "http://127.0.0.1:%d/", talk.server->port);
        flag.at_us = clock_monotonic_us() + 100000;
        assert_int_equal(send_it(&talk), ERR_INTERRUPTED);
        assert_in_range(clock_monotonic_us() - flag.at_us, 0, 200000);
        if (server != talk.server)
            http_stop(server);
    }
    end(&talk);
}

/* ---- streams ------------------------------------------------------------------------------------
 */

static enum err_code collect(void *user, struct str bytes, struct err *err)
{
    buf_add_str(user, bytes);
    return buf_check(user, err);
}
static enum err_code collect_nothing(void *user, struct str bytes, struct err *err)
{
    (void)user;
    (void)bytes;
    return err_set(err, ERR_LIMIT, "no more is wanted");
}

static void cut_stream_continues_where_it_was_cut(void **state)
{
    (void)state;
    BEGIN(
        {.answer = OK200 "ETag: \"v1\"\r\nAccept-Ranges: bytes\r\nContent-Length: 10\r\n\r\n0123"},
        {.answer = "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nETag: \"v1\"\r\n"
                   "Content-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456"},
        {.answer = "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nETag: \"v1\"\r\n"
                   "Content-Range: bytes 7-9/10\r\nContent-Length: 3\r\n\r\n789"});
    struct buf all = BUF_INIT;
    talk.request.receive = collect;
    talk.request.receive_user = &all;
    assert_int_equal(send_it(&talk), ERR_OK);
    assert_string_equal(buf_text(&all), "0123456789");
    assert_int_equal(talk.response.received_bytes, 10);
    assert_null(strstr(talk.server->asked[0], "Range:"));
    assert_non_null(strstr(talk.server->asked[1], "\r\nRange: bytes=4-\r\n"));
    assert_non_null(strstr(talk.server->asked[1], "\r\nIf-Range: \"v1\"\r\n"));
    assert_non_null(strstr(talk.server->asked[2], "\r\nRange: bytes=7-\r\n"));
    buf_done(&all);
    end(&talk);
}

static void stream_that_changed_is_not_mixed(void **state)
{
    (void)state;
    BEGIN(
        {.answer = OK200 "ETag: \"v1\"\r\nAccept-Ranges: bytes\r\nContent-Length: 10\r\n\r\n0123"},
        {.answer = OK200 "ETag: \"v2\"\r\nContent-Length: 10\r\n\r\nabcdefghij"});
    struct buf all = BUF_INIT;
    talk.request.receive = collect;
    talk.request.receive_user = &all;
    assert_int_equal(send_it(&talk), ERR_IO);
    assert_string_equal(buf_text(&all), "0123");
    assert_non_null(strstr(talk.err.message, "cannot be continued"));
    buf_done(&all);
    end(&talk);
}

static void cut_stream_of_a_server_without_ranges_is_an_error(void **state)
{
    (void)state;
    BEGIN({.answer = OK200 "Content-Length: 10\r\n\r\n0123"}, {.answer = GOOD});
    struct buf all = BUF_INIT;
    talk.request.receive = collect;
    talk.request.receive_user = &all;
    assert_int_equal(send_it(&talk), ERR_IO);
    assert_string_equal(buf_text(&all), "0123");
    buf_done(&all);
    end(&talk);
}

static void download_is_taken_up_from_an_offset(void **state)
{
    (void)state;
    BEGIN({.answer = "HTTP/1.1 206 Partial Content\r\nConnection: close\r\n"
                     "Content-Range: bytes 7-9/10\r\nContent-Length: 3\r\n\r\n789"});
    struct buf all = BUF_INIT;
    talk.request.receive = collect;
    talk.request.receive_user = &all;
    talk.request.resume_from = 7;
    talk.request.validator = "\"v1\"";
    assert_int_equal(send_it(&talk), ERR_OK);
    assert_string_equal(buf_text(&all), "789");
    assert_non_null(strstr(talk.server->asked[0], "\r\nIf-Range: \"v1\"\r\n"));
    buf_done(&all);
    end(&talk);
}

static void receivers_error_ends_the_call(void **state)
{
    (void)state;
    BEGIN({.answer = GOOD}, {.answer = GOOD});
    talk.request.receive = collect_nothing;
    assert_int_equal(send_it(&talk), ERR_LIMIT);
    assert_string_equal(talk.err.message, "no more is wanted");
    assert_int_equal(talk.response.attempts, 1);
    end(&talk);
}

static void refusals_body_is_kept_apart_from_the_stream(void **state)
{
    (void)state;
    BEGIN(
        {.answer = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 4\r\n\r\nnope"});
    struct buf all = BUF_INIT;
    talk.request.receive = collect;
    talk.request.receive_user = &all;
    assert_int_equal(send_it(&talk), ERR_OK);
    assert_int_equal(talk.response.status, 404);
    assert_int_equal(all.len, 0);
    assert_string_equal(buf_text(&talk.response.body), "nope");
    buf_done(&all);
    end(&talk);
}

/* ---- redirects ----------------------------------------------------------------------------------
 */

static void redirect_elsewhere_carries_no_credentials(void **state)
{
    (void)state;
    const struct http_step there[] = {{.answer = GOOD}};
    struct http_server *other = http_start(there, 1);
    char moved[256];
    snprintf(moved, sizeof moved,
             "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: http://127.0.0.1:%d/x\r\n"
             "Content-Length: 0\r\n\r\n",
             other->port);
    BEGIN({.answer = "HTTP/1.1 307 Moved\r\nConnection: close\r\nLocation: /here\r\n"
                     "Content-Length: 0\r\n\r\n"},
          {.answer = moved});
    const char *headers[] = {"Authorization: Bearer secret", "Cookie: secret", "X-Kept: 1", NULL};
    talk.request.headers = headers;
    assert_int_equal(send_it(&talk), ERR_OK);
    assert_string_equal(buf_text(&talk.response.body), "hello");
    assert_non_null(strstr(talk.server->asked[1], "GET /here "));
    assert_non_null(strstr(talk.server->asked[1], "Bearer secret"));
    assert_null(strstr(other->asked[0], "secret"));
    assert_non_null(strstr(other->asked[0], "X-Kept: 1"));
    end(&talk);
    http_stop(other);
}

static void basic_credentials_stay_with_the_host(void **state)
{
    (void)state;
    const struct http_step there[] = {{.answer = GOOD}};
    struct http_server *other = http_start(there, 1);
    char moved[256];
    snprintf(moved, sizeof moved,
             "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: http://127.0.0.1:%d/x\r\n"
             "Content-Length: 0\r\n\r\n",
             other->port);
    BEGIN({.answer = moved});
    talk.request.user = "ann";
    talk.request.password = "secret";
    assert_int_equal(send_it(&talk), ERR_OK);
    assert_non_null(strstr(talk.server->asked[0], "Authorization: Basic YW5uOnNlY3JldA=="));
    assert_null(strstr(other->asked[0], "Authorization"));
    end(&talk);
    http_stop(other);
}

static void redirects_end_and_posts_follow_none(void **state)
{
    (void)state;
#define ROUND                                                                                      \
    {.answer = "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: /again\r\n"                   \
               "Content-Length: 0\r\n\r\n"}
    BEGIN(ROUND, ROUND, ROUND, ROUND, ROUND, ROUND, ROUND);
    assert_int_equal(send_it(&talk), ERR_LIMIT);
    talk.request.method = "POST";
    assert_int_equal(send_it(&talk), ERR_OK);
    assert_int_equal(talk.response.status, 302);
    end(&talk);
}

static void headers_without_end_are_refused(void **state)
{
    (void)state;
    size_t bytes = 600000;
    char *flood = malloc(bytes);
    assert_non_null(flood);
    size_t length = (size_t)snprintf(flood, bytes, "HTTP/1.1 200 OK\r\n");
    while (length + 100 < bytes)
        length += (size_t)snprintf(flood + length, bytes - length,
                                   "X-Flood-%zu: aaaaaaaaaaaaaaaaaaaa\r\n", length);
    BEGIN({.answer = flood, .bytes = length});
    talk.request.attempts = 1;
    enum err_code code = send_it(&talk);
    assert_true(code == ERR_LIMIT || code == ERR_IO); /* libcurl has a limit of its own, too */
    end(&talk);
    free(flood);
}

/* ---- URLs ---------------------------------------------------------------------------------------
 */

static void urls_are_taken_apart(void **state)
{
    (void)state;
    struct err err;
    struct net_url url;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    assert_int_equal(net_url_parse(arena,
                                   "Trino://an%40n:p%3Aw:d@[::1]:8443/a%20b/c?x=1%26&y&z=%zz#f",
                                   &url, &err),
                     ERR_OK);
    assert_string_equal(url.scheme, "trino");
    assert_string_equal(url.user, "an@n");
    assert_string_equal(url.password, "p:w:d");
    assert_string_equal(url.host, "[::1]");
    assert_int_equal(url.port, 8443);
    assert_string_equal(url.path, "/a%20b/c");
    assert_string_equal(net_url_parameter(&url, "x", ""), "1&");
    assert_string_equal(net_url_parameter(&url, "y", "?"), "");
    assert_string_equal(net_url_parameter(&url, "z", ""), "%zz");
    assert_null(net_url_parameter(&url, "w", NULL));
    static const char *const wrong[] = {
        "",           "host",         "http:/x",     "://host",
        "http:///x",  "http://h:x/",  "http://h:0/", "http://h:70000/",
        "http://u@/", "http://a%00b/"};
    for (size_t idx = 0; idx < sizeof wrong / sizeof *wrong; idx++)
        assert_int_equal(net_url_parse(arena, wrong[idx], &url, &err), ERR_USAGE);
    struct buf text = BUF_INIT;
    net_encode(STR("a b/\xC3\xA4~"), &text);
    assert_string_equal(buf_text(&text), "a%20b%2F%C3%A4~");
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_is_kept_with_status_headers_and_body),
        cmocka_unit_test(busy_server_is_asked_again_until_it_answers),
        cmocka_unit_test(retry_after_is_waited_for),
        cmocka_unit_test(last_busy_answer_is_given_when_attempts_are_used_up),
        cmocka_unit_test(cut_connection_is_tried_again_unless_once),
        cmocka_unit_test(nobody_there_is_an_error_that_names_the_host),
        cmocka_unit_test(silent_server_is_given_up_after_the_stall_time),
        cmocka_unit_test(byte_a_moment_does_not_outlive_the_total_time),
        cmocka_unit_test(body_past_its_limit_is_refused),
        cmocka_unit_test(cancel_is_prompt_while_waiting_receiving_and_pausing),
        cmocka_unit_test(cut_stream_continues_where_it_was_cut),
        cmocka_unit_test(stream_that_changed_is_not_mixed),
        cmocka_unit_test(cut_stream_of_a_server_without_ranges_is_an_error),
        cmocka_unit_test(download_is_taken_up_from_an_offset),
        cmocka_unit_test(receivers_error_ends_the_call),
        cmocka_unit_test(refusals_body_is_kept_apart_from_the_stream),
        cmocka_unit_test(redirect_elsewhere_carries_no_credentials),
        cmocka_unit_test(basic_credentials_stay_with_the_host),
        cmocka_unit_test(redirects_end_and_posts_follow_none),
        cmocka_unit_test(headers_without_end_are_refused),
        cmocka_unit_test(urls_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
