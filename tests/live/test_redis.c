/* The speed layer's home in Redis, against a redis-server of our own: what is acknowledged is there
 * after kill -9 of client and server, batches stay whole, two processes lose nothing, trimming
 * while others append takes only what was read, 1,000 orders of arrival give one result; and a peer
 * that lies. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "live/live.h"
#include "live/live_priv.h"

#define ORDERS 1000
#define DAY 60 /* changes */
#define RESOURCES 12
#define BATCH 5

static char directory[] = "/tmp/marrow-redis-XXXXXX";
static struct store *store;
static pid_t server;
static int port;
static struct err test_err;
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        test_err = (struct err){.code = ERR_OK};                                                   \
        if ((call) != ERR_OK)                                                                      \
            fail_msg("%s: %s (%s)", #call, test_err.message, test_err.hint);                       \
    } while (0)

/* ---- a server ----------------------------------------------------------------------------------
 */

static int listen_on(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                listen(fd, 16) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static bool answers(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char pong[8] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              write(fd, "PING\r\n", 6) == 6 && read(fd, pong, 7) == 7;
    (void)close(fd);
    return up && memcmp(pong, "+PONG\r\n", 7) == 0; /* not while it loads its file */
}

static bool start_server(void)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", port);
    server = fork();
    if (server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(1);
        (void)execlp("redis-server", "redis-server", "--port", number, "--bind", "127.0.0.1",
                     "--dir", directory, "--appendonly", "yes", "--appendfsync", "always", "--save",
                     "", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 3000 && waitpid(server, NULL, WNOHANG) == 0; i++) {
        if (answers())
            return true;
        (void)usleep(10000);
    }
    return false;
}

static void stop_server(void)
{
    if (server > 0 && kill(server, SIGKILL) == 0)
        (void)waitpid(server, NULL, 0);
    server = 0;
}

static int set_up(void **state)
{
    struct store_options options = {.directory = directory, .create = true};
    (void)state;
    if (mkdtemp(directory) == NULL || store_open(&options, &store, &test_err) != ERR_OK)
        return -1;
    (void)close(listen_on(&port)); /* a free one */
    if (system("command -v redis-server >/dev/null 2>&1") != 0) {
        print_error("SKIPPED: no redis-server here (apt-get install redis-server): the speed layer "
                    "in Redis is not tested\n");
        return 0;
    }
    return start_server() ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    stop_server();
    store_close(store);
    return file_remove_tree(directory, &test_err) == ERR_OK ? 0 : -1;
}

static enum err_code try_open(const char *key, struct live **ret, struct err *err)
{
    char url[128];
    (void)snprintf(url, sizeof url, "redis://127.0.0.1:%d/2?key=%s", port, key);
    struct live_options options = {.store = store, .dataset = "d", .url = url};
    return live_open(&options, ret, err);
}

static struct live *open_live(const char *key)
{
    struct live *live = NULL;
    assert_ok(try_open(key, &live, &test_err));
    return live;
}

#define NEED_SERVER                                                                                \
    if (server == 0)                                                                               \
    skip()

/* ---- changes -----------------------------------------------------------------------------------
 */

static struct live_change change_of(char id[16], int number, char text[64])
{
    (void)snprintf(id, 16, "r%d", number);
    (void)snprintf(text, 64, "{\"resourceType\":\"Patient\",\"id\":\"%s\"}", id);
    return (struct live_change){.type = STR("Patient"),
                                .id = str_of(id),
                                .version_id = STR("1"),
                                .patient_id = STR(""),
                                .dated = true,
                                .instant_us = 1000 + number,
                                .resource = str_of(text),
                                .content_hash = number};
}

/* Changes first … first + BATCH - 1, at once. */
static enum err_code append_batch(struct live *live, int first, struct err *err)
{
    struct live_change changes[BATCH];
    char ids[BATCH][16], texts[BATCH][64];
    for (int i = 0; i < BATCH; i++)
        changes[i] = change_of(ids[i], first + i, texts[i]);
    return live_append(live, changes, BATCH, err);
}

struct seen {
    int64_t numbers[200000];
    size_t count;
    int64_t last_seq;
};

static enum err_code see(void *user, const struct live_change *change, struct err *err)
{
    struct seen *seen = user;
    (void)err;
    assert_true(change->seq > seen->last_seq);
    seen->last_seq = change->seq;
    seen->numbers[seen->count++] = change->content_hash;
    return ERR_OK;
}

static struct seen *read_all(const char *key)
{
    struct live *live = open_live(key);
    struct seen *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    assert_ok(live_read(live, 0, see, seen, &test_err));
    live_close(live);
    return seen;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Batches are whole and nobody's lie between their changes; then sorted. */
static void check_batches(struct seen *seen)
{
    assert_int_equal(seen->count % BATCH, 0);
    for (size_t i = 0; i < seen->count; i++)
        assert_int_equal(seen->numbers[i], seen->numbers[i - i % BATCH] + (int64_t)(i % BATCH));
    qsort(seen->numbers, seen->count, sizeof *seen->numbers, compare);
}

/* ---- one writer --------------------------------------------------------------------------------
 */

static void test_ids(void **state)
{
    (void)state;
    assert_true(live_redis_seq(STR("1700000000000-1")) ==
                live_redis_seq(STR("1700000000000-0")) + 1);
    assert_true(live_redis_seq(STR("1700000000001-0")) >
                live_redis_seq(STR("1700000000000-1048575")));
    static const char *const wrong[] = {"",     "-",     "1",   "1-",        "-1",
                                        "0-1",  "1-x",   "x-1", "1-1048576", "99999999999999999-1",
                                        "1--1", "1-1-1", " 1-1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(live_redis_seq(str_of(wrong[i])), 0);
}

static void test_append_read_trim(void **state)
{
    (void)state;
    NEED_SERVER;
    struct live *live = open_live("plain");
    char id[16], text[64];
    struct live_change undated = change_of(id, 7, text);
    undated.dated = false;
    undated.instant_us = 0;
    assert_ok(append_batch(live, 0, &test_err));
    assert_ok(live_append(live, &undated, 1, &test_err));
    assert_true(undated.instant_us > INT64_C(1600000000000000)); /* the server's time */
    assert_null(live_caveat(live));
    struct seen *seen = read_all("plain");
    assert_int_equal(seen->count, BATCH + 1);
    assert_int_equal(seen->last_seq, undated.seq);
    assert_ok(live_trim(live, seen->last_seq - 1, &test_err));
    free(seen);
    seen = read_all("plain");
    assert_int_equal(seen->count, 1);
    assert_int_equal(seen->numbers[0], 7);
    assert_ok(live_trim(live, seen->last_seq, &test_err));
    free(seen);
    seen = read_all("plain");
    assert_int_equal(seen->count, 0);
    free(seen);
    assert_ok(append_batch(live, 100, &test_err)); /* ids go on: never one that was there */
    seen = read_all("plain");
    assert_int_equal(seen->count, BATCH);
    assert_true(seen->last_seq > undated.seq);
    free(seen);
    live_close(live);
}

static enum err_code add_to_fold(void *user, const struct live_change *change, struct err *err)
{
    bool won = false;
    return live_fold_add(user, change, &won, err);
}

static void fold_of(const char *key, struct buf *ret)
{
    struct live *live = open_live(key);
    AUTO(live_fold_free) struct live_fold *fold = live_fold_new();
    assert_non_null(fold);
    assert_ok(live_read(live, 0, add_to_fold, fold, &test_err));
    for (size_t i = 0; i < live_fold_count(fold); i++) {
        const struct live_change *one = live_fold_at(fold, i);
        buf_printf(ret, "%.*s %lld %d %lld\n", (int)one->id.len, one->id.ptr,
                   (long long)one->instant_us, one->deleted, (long long)one->content_hash);
    }
    live_close(live);
}

/* A day of changes of few resources, some deleted, some at the same instant. */
static void day_of(struct live_change changes[DAY], char ids[DAY][16], char texts[DAY][64])
{
    for (int i = 0; i < DAY; i++) {
        changes[i] = change_of(ids[i], i % RESOURCES, texts[i]);
        changes[i].instant_us = 1000 + i / 7;
        changes[i].content_hash = i * 31 % 17;
        changes[i].deleted = i % 9 == 0;
        if (changes[i].deleted) {
            changes[i].resource = STR("");
            changes[i].content_hash = 0;
        }
    }
}

static void test_orders(void **state)
{
    static struct live_change day[DAY], shuffled[DAY];
    static char ids[DAY][16], texts[DAY][64];
    AUTO(buf_done) struct buf first = BUF_INIT;
    uint64_t random = 42;
    (void)state;
    NEED_SERVER;
    day_of(day, ids, texts);
    for (int order = 0; order < ORDERS; order++) {
        AUTO(buf_done) struct buf now = BUF_INIT;
        char key[32];
        memcpy(shuffled, day, sizeof day);
        for (size_t i = DAY - 1; i > 0; i--) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            size_t k = (size_t)(random >> 33) % (i + 1);
            struct live_change kept = shuffled[i];
            shuffled[i] = shuffled[k];
            shuffled[k] = kept;
        }
        (void)snprintf(key, sizeof key, "order%d", order);
        struct live *live = open_live(key);
        for (size_t at = 0; at < DAY; at += BATCH)
            assert_ok(live_append(live, shuffled + at, BATCH, &test_err));
        assert_ok(live_append(live, shuffled, BATCH, &test_err)); /* a replay */
        live_close(live);
        fold_of(key, order == 0 ? &first : &now);
        if (order > 0 && !str_equal(buf_view(&first), buf_view(&now)))
            fail_msg("order %d gives\n%s\nthe first gave\n%s", order, buf_text(&now),
                     buf_text(&first));
    }
    assert_true(first.len > 0);
}

/* ---- several processes -------------------------------------------------------------------------
 */

/* A child that appends batches from first on, count of them (or for ever), and writes each
 * acknowledged number to its pipe. */
static pid_t appender(const char *key, int first, int count, int *ret_pipe)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct live *live = NULL;
        struct err err = {0};
        (void)close(ends[0]);
        if (try_open(key, &live, &err) != ERR_OK)
            _exit(1);
        for (int i = 0; count == 0 || i < count; i++) {
            int number = first + i * BATCH;
            if (append_batch(live, number, &err) != ERR_OK)
                _exit(2);
            if (write(ends[1], &number, sizeof number) != sizeof number)
                _exit(3);
        }
        _exit(0);
    }
    (void)close(ends[1]);
    *ret_pipe = ends[0];
    return child;
}

/* The acknowledged numbers are all in seen (sorted). */
static size_t check_acknowledged(int fd, const struct seen *seen)
{
    int number = 0;
    size_t count = 0;
    while (read(fd, &number, sizeof number) == sizeof number) {
        for (int64_t i = 0; i < BATCH; i++) {
            int64_t wanted = number + i;
            assert_non_null(
                bsearch(&wanted, seen->numbers, seen->count, sizeof *seen->numbers, compare));
        }
        count++;
    }
    (void)close(fd);
    return count;
}

static void test_two_at_once(void **state)
{
    int a_pipe, b_pipe, a_status, b_status;
    (void)state;
    NEED_SERVER;
    pid_t a = appender("both", 0, 100, &a_pipe), b = appender("both", 100000, 100, &b_pipe);
    assert_true(waitpid(a, &a_status, 0) == a && waitpid(b, &b_status, 0) == b);
    assert_int_equal(a_status + b_status, 0);
    struct seen *seen = read_all("both");
    assert_int_equal(seen->count, 2 * 100 * BATCH);
    check_batches(seen);
    assert_int_equal(check_acknowledged(a_pipe, seen) + check_acknowledged(b_pipe, seen), 200);
    free(seen);
}

static void test_client_killed(void **state)
{
    (void)state;
    NEED_SERVER;
    for (int round = 0; round < 10; round++) {
        int fd, number;
        char key[32];
        (void)snprintf(key, sizeof key, "client%d", round);
        pid_t child = appender(key, 0, 0, &fd);
        for (int i = 0; i <= round; i++)
            assert_int_equal(read(fd, &number, sizeof number), sizeof number);
        (void)usleep((useconds_t)(round * 137));
        assert_true(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
        struct seen *seen = read_all(key);
        check_batches(seen);
        assert_true(seen->count >= (size_t)(round + 1) * BATCH);
        (void)check_acknowledged(fd, seen);
        free(seen);
    }
}

static void test_server_killed(void **state)
{
    (void)state;
    NEED_SERVER;
    for (int round = 0; round < 5; round++) {
        int fd, number, status;
        char key[32];
        (void)snprintf(key, sizeof key, "server%d", round);
        pid_t child = appender(key, 0, 0, &fd);
        for (int i = 0; i <= round * 3; i++)
            assert_int_equal(read(fd, &number, sizeof number), sizeof number);
        stop_server();
        assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status) &&
                    WEXITSTATUS(status) == 2);
        struct live *live = NULL;
        assert_int_equal(try_open(key, &live, &test_err), ERR_IO);
        assert_true(start_server());
        struct seen *seen = read_all(key);
        check_batches(seen);
        assert_true(seen->count >= (size_t)(round * 3 + 1) * BATCH);
        (void)check_acknowledged(fd, seen);
        free(seen);
    }
}

/* Read and trim while another appends: each change is read once and only once. */
static void test_trim_race(void **state)
{
    int fd, status = -1;
    (void)state;
    NEED_SERVER;
    pid_t child = appender("race", 0, 300, &fd);
    struct live *live = open_live("race");
    struct seen *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    for (bool over = false; !over;) {
        over = waitpid(child, &status, WNOHANG) == child;
        assert_ok(live_read(live, 0, see, seen, &test_err));
        assert_ok(live_trim(live, seen->last_seq, &test_err));
    }
    assert_int_equal(status, 0);
    assert_int_equal(seen->count, 300 * BATCH);
    check_batches(seen);
    assert_int_equal(check_acknowledged(fd, seen), 300);
    free(seen);
    seen = read_all("race");
    assert_int_equal(seen->count, 0);
    free(seen);
    live_close(live);
}

/* ---- a peer that lies --------------------------------------------------------------------------
 */

static const char *const lies[] = {
    "",
    "+OK\r\n",
    "-NOAUTH Authentication required.\r\n",
    "-WRONGTYPE Operation against a key\r\n",
    "$-1\r\n",
    "*-1\r\n",
    ":5\r\n",
    "*1\r\n+1-1\r\n",
    "*1\r\n*1\r\n$3\r\n1-1\r\n",
    "*1\r\n*2\r\n$3\r\n1-1\r\n*-1\r\n",
    "*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nr\r\n$3\r\nabc\r\n",
    "*1\r\n*2\r\n$3\r\nx-1\r\n*2\r\n$1\r\nr\r\n$0\r\n\r\n",
    "*1\r\n*2\r\n:7\r\n*2\r\n$1\r\nr\r\n$0\r\n\r\n",
    "*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nq\r\n:1\r\n",
    "*2000000\r\n",
    "$99999999999999\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
    "HTTP/1.1 400 Bad Request\r\n\r\n<html>",
    "\r\n\r\n\r\n",
    "@\xff\xfe\r\n",
    "$10\r\nshort\r\n",
};

/* Serves each connection: lets it in, then answers once with the lie, and hangs up. */
static void lie(int listener, const char *text)
{
    for (;;) {
        char asked[4096];
        int fd = accept(listener, NULL, NULL);
        bool in = fd >= 0 && read(fd, asked, sizeof asked) > 0 && write(fd, "+OK\r\n", 5) == 5 &&
                  read(fd, asked, sizeof asked) > 0;
        if (in)
            (void)!write(fd, text, strlen(text));
        (void)close(fd);
    }
}

static void test_lies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        int real = port, listener = listen_on(&port);
        pid_t child = fork();
        if (child == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            (void)signal(SIGPIPE, SIG_IGN);
            lie(listener, lies[i]);
        }
        (void)close(listener);
        struct seen *seen = calloc(1, sizeof *seen);
        int verbs = lies[i][0] == ':' ? 2 : 3; /* a number is what trimming gets */
        for (int verb = 0; verb < verbs && seen != NULL; verb++) {
            struct live *live = NULL;
            struct err err = {0};
            enum err_code code = try_open("lies", &live, &err); /* SELECT 2 */
            if (code == ERR_OK)
                code = verb == 0   ? append_batch(live, 0, &err)
                       : verb == 1 ? live_read(live, 0, see, seen, &err)
                                   : live_trim(live, 5, &err);
            if (code == ERR_OK)
                fail_msg("lie %zu was believed", i);
            assert_true((code == ERR_IO || code == ERR_INTEGRITY || code == ERR_UNSUPPORTED) &&
                        err.message[0] != '\0');
            live_close(live);
        }
        assert_int_equal(seen->count, 0);
        free(seen);
        assert_true(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
        port = real;
    }
}

static void test_urls(void **state)
{
    static const char *const wrong[] = {"redis://",        "redis://:0",  "redis://h:0",
                                        "redis://h:70000", "redis://h/x", "redis://h?user=a",
                                        "redis://h/1?key", "http://h"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct live *live = NULL;
        struct live_options options = {.store = store, .dataset = "d", .url = wrong[i]};
        assert_int_equal(live_open(&options, &live, &test_err), ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids),
                                       cmocka_unit_test(test_urls),
                                       cmocka_unit_test(test_append_read_trim),
                                       cmocka_unit_test(test_orders),
                                       cmocka_unit_test(test_two_at_once),
                                       cmocka_unit_test(test_client_killed),
                                       cmocka_unit_test(test_server_killed),
                                       cmocka_unit_test(test_trim_race),
                                       cmocka_unit_test(test_lies)};
    json_install();
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
