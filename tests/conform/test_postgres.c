/* What is PostgreSQL's own: connections that die, SQLSTATEs, numerics without a scale, casts of odd
 * types, passwords. Skips whole where no server is installed. */
#include "conform.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/clock.h"

static struct engine *open_url(const char *url, bool read_only)
{
    struct err err = {0};
    struct engine *engine = NULL;
    OK(engine_open(&(struct engine_options){.url = url, .read_only = read_only}, &engine, &err));
    return engine;
}

static enum err_code query_all(struct engine *engine, const char *text, int64_t *ret_rows,
                               struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    *ret_rows = 0;
    TRY(engine_query(engine, text, NULL, 0, &result, err));
    for (;;) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        *ret_rows += batch->rows;
    }
}

/* As ask, and the type of the column. */
static const char *ask_type(struct engine *engine, const char *text, const char **ret_type)
{
    static char type[32];
    struct err err = {0};
    struct engine_result *result = NULL;
    OK(engine_query(engine, text, NULL, 0, &result, &err));
    data_type_text(engine_result_schema(result)->columns[0].type, type);
    engine_result_close(result);
    *ret_type = type;
    return ask(engine, text);
}

/* ---- connections --------------------------------------------------------------------------------
 */

static void *terminate_later(void *user)
{
    usleep(150000);
    struct engine *other = open_target(NULL);
    ask(other, sql("SELECT pg_terminate_backend(%s)", (const char *)user));
    engine_close(other);
    return NULL;
}
static void *kill_later(void *user)
{
    usleep(150000);
    int64_t pid = 0;
    if (str_to_int64(str_of(user), &pid))
        kill((pid_t)pid, SIGKILL);
    return NULL;
}

/* After a crash the server recovers for a moment. */
static void wait_for_server(void)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        struct err err = {0};
        struct engine *engine = NULL;
        if (engine_open(&(struct engine_options){.url = target->url}, &engine, &err) == ERR_OK) {
            engine_close(engine);
            return;
        }
        usleep(100000);
    }
    fail_msg("the server did not come back");
}

static void dies_with(void *(*killer)(void *), const char *statement)
{
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    int64_t rows;
    pthread_t thread;
    char pid[32];
    snprintf(pid, sizeof pid, "%s", ask(engine, "SELECT pg_backend_pid()"));
    assert_int_equal(pthread_create(&thread, NULL, killer, pid), 0);
    int64_t began_us = clock_monotonic_us();
    FAILS(ERR_ENGINE, query_all(engine, statement, &rows, &err));
    assert_in_range(clock_monotonic_us() - began_us, 100000, 5000000);
    assert_non_null(strstr(err.message, "the connection"));
    assert_true(err.hint[0] != '\0');
    pthread_join(thread, NULL);
    FAILS(ERR_ENGINE, query_all(engine, "SELECT 1", &rows, &err)); /* and stays so */
    assert_non_null(strstr(err.message, "earlier"));
    FAILS(ERR_ENGINE, engine_execute(engine, "SELECT 1", NULL, 0, &err));
    engine_close(engine);
    wait_for_server();
    engine = open_target(NULL);
    assert_string_equal(ask(engine, "SELECT 1"), "1");
    engine_close(engine);
}

static void terminated_backend_is_a_clear_error_and_reopening_works(void **state)
{
    (void)state;
    dies_with(terminate_later, "SELECT pg_sleep(30)");
    dies_with(terminate_later,
              sql("SELECT a.i FROM %s CROSS JOIN %s", series(100000, "a"), series(100000, "b")));
}

static void killed_backend_is_a_clear_error_and_reopening_works(void **state)
{
    (void)state;
    if (geteuid() != 0) { /* the server runs as another user only then */
        target->skipped++;
        skip();
    }
    dies_with(kill_later, "SELECT pg_sleep(30)");
    dies_with(kill_later,
              sql("SELECT a.i FROM %s CROSS JOIN %s", series(100000, "a"), series(100000, "b")));
}

static void backend_gone_between_statements_is_seen_by_the_next(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL), *other = open_target(NULL);
    struct err err = {0};
    int64_t rows;
    ask(other, sql("SELECT pg_terminate_backend(%s)", ask(engine, "SELECT pg_backend_pid()")));
    usleep(50000);
    FAILS(ERR_ENGINE, query_all(engine, "SELECT 1", &rows, &err));
    assert_non_null(strstr(err.message, "the connection"));
    engine_close(engine);
    engine_close(other);
}

/* A wire that can be cut: bytes are carried between us and the server until cut is set. */
struct wire {
    int listener, port, server_port;
    atomic_bool cut;
    pthread_t thread;
};

static bool carry(int from, int to)
{
    char bytes[16384];
    ssize_t count = read(from, bytes, sizeof bytes);
    for (ssize_t sent = 0; sent < count;) {
        ssize_t more = send(to, bytes + sent, (size_t)(count - sent), MSG_NOSIGNAL);
        if (more <= 0)
            return false;
        sent += more;
    }
    return count > 0;
}

static void *wire_main(void *user)
{
    struct wire *wire = user;
    struct sockaddr_in server = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)wire->server_port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = accept(wire->listener, NULL, NULL), remote = socket(AF_INET, SOCK_STREAM, 0);
    bool open = connect(remote, (struct sockaddr *)&server, sizeof server) == 0;
    while (open && !atomic_load(&wire->cut)) {
        struct pollfd files[] = {{.fd = client, .events = POLLIN},
                                 {.fd = remote, .events = POLLIN}};
        if (poll(files, 2, 20) <= 0)
            continue;
        if (files[0].revents != 0)
            open = carry(client, remote);
        if (open && files[1].revents != 0)
            open = carry(remote, client);
    }
    close(client);
    close(remote);
    return NULL;
}

static void wire_open(struct wire *wire)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    *wire = (struct wire){.listener = socket(AF_INET, SOCK_STREAM, 0)};
    wire->server_port = (int)strtol(strrchr(target->url, ':') + 1, NULL, 10);
    assert_int_equal(bind(wire->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(wire->listener, 4), 0);
    assert_int_equal(getsockname(wire->listener, (struct sockaddr *)&address, &length), 0);
    wire->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&wire->thread, NULL, wire_main, wire), 0);
}

/* The target's URL with another port, and the parameters behind it. */
static const char *url_with(int port, const char *parameters)
{
    const char *at = strrchr(target->url, ':');
    const char *path = strchr(at, '/');
    if (port == 0)
        return sql("%s%s", target->url, parameters);
    return sql("%.*s:%d%s%s", (int)(at - target->url), target->url, port, path, parameters);
}

static void *cut_later(void *user)
{
    struct wire *wire = user;
    usleep(150000);
    atomic_store(&wire->cut, true);
    return NULL;
}

static void cut_connection_is_a_clear_error(void **state)
{
    (void)state;
    struct wire wire;
    struct err err = {0};
    int64_t rows;
    pthread_t thread;
    wire_open(&wire);
    struct engine *engine = open_url(url_with(wire.port, "?sslmode=disable"), false);
    assert_int_equal(pthread_create(&thread, NULL, cut_later, &wire), 0);
    FAILS(ERR_ENGINE, query_all(engine,
                                sql("SELECT a.i FROM %s CROSS JOIN %s", series(100000, "a"),
                                    series(100000, "b")),
                                &rows, &err));
    assert_string_equal(err.message, "the connection to the server was lost");
    pthread_join(thread, NULL);
    pthread_join(wire.thread, NULL);
    close(wire.listener);
    engine_close(engine);
}

static void appending_over_a_cut_connection_fails_and_leaves_nothing(void **state)
{
    (void)state;
    struct wire wire;
    struct err err = {0};
    static int64_t numbers[DATA_BATCH_ROWS];
    struct data_vector vector = {.type = DATA_TYPE(BIGINT), .i64 = numbers};
    struct engine_appender *appender = NULL;
    wire_open(&wire);
    struct engine *engine = open_url(url_with(wire.port, "?sslmode=disable"), false);
    OK(engine_execute(engine, "DROP TABLE IF EXISTS cut; CREATE TABLE cut (i bigint)", NULL, 0,
                      &err));
    OK(engine_append_open(engine, NULL, "cut", &appender, &err));
    enum err_code code = ERR_OK;
    for (int round = 0; round < 5000 && code == ERR_OK; round++) {
        if (round == 50)
            atomic_store(&wire.cut, true);
        code =
            engine_append_batch(appender, &(struct data_batch){&vector, 1, DATA_BATCH_ROWS}, &err);
    }
    assert_int_equal(code, ERR_ENGINE);
    assert_string_equal(err.message, "the connection to the server was lost");
    engine_append_abort(appender);
    engine_close(engine);
    pthread_join(wire.thread, NULL);
    close(wire.listener);
    engine = open_target(NULL);
    assert_string_equal(ask(engine, "SELECT count(*) FROM cut"), "0");
    engine_close(engine);
}

static void encrypted_session_runs_and_cancels(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    bool tls = strcmp(ask(engine, "SELECT current_setting('ssl')"), "on") == 0;
    engine_close(engine);
    if (!tls) {
        target->skipped++;
        skip();
    }
    engine = open_url(url_with(0, "?sslmode=require"), false);
    struct err err = {0};
    int64_t rows;
    assert_string_equal(ask(engine, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"),
                        "true");
    OK(query_all(engine, sql("SELECT i, repeat('x', 200) FROM %s", series(100000, "t")), &rows,
                 &err));
    assert_int_equal(rows, 100000);
    engine_set_time_limit(engine, 100);
    FAILS(ERR_TIMEOUT, query_all(engine, "SELECT pg_sleep(30)", &rows, &err));
    engine_close(engine);
}

static void assert_silent(const struct err *err, const char *secret)
{
    if (strstr(err->message, secret) != NULL || strstr(err->detail, secret) != NULL ||
        strstr(err->hint, secret) != NULL)
        fail_msg("a secret is shown: %s / %s / %s", err->message, err->detail, err->hint);
}

static void password_is_never_in_a_message(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum err_code code;
    } cases[] = {
        {"postgresql://marrow:s3cretpw@127.0.0.1:1/postgres", ERR_ENGINE},
        {"postgresql://marrow:s3cretpw@127.0.0.1:notaport/postgres", ERR_ENGINE},
        {"postgresql://marrow:s3cretpw%zz@127.0.0.1/postgres", ERR_USAGE},
        {"postgresql://marrow:s3cretpw@[127.0.0.1/postgres", ERR_USAGE},
        {"postgresql://marrow:s3cretpw@127.0.0.1/postgres?s3cretpw=1", ERR_USAGE},
        {"postgresql://marrow:x@127.0.0.1/postgres?sslmode=require&password=s3cretpw&port=1",
         ERR_ENGINE},
    };
    struct err err = {0};
    struct engine *engine = NULL;
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        FAILS(cases[idx].code,
              engine_open(&(struct engine_options){.url = cases[idx].url}, &engine, &err));
        assert_silent(&err, "s3cretpw");
        assert_null(engine);
    }
    const char *at = strrchr(target->url, '@');
    FAILS(ERR_ENGINE,
          engine_open(&(struct engine_options){.url = sql("postgresql://marrow:s3cretpw%s", at)},
                      &engine, &err));
    assert_silent(&err, "s3cretpw");
    assert_true(err.hint[0] != '\0');
}

static void password_may_come_from_the_environment(void **state)
{
    (void)state;
    const char *colon = strchr(target->url + strlen("postgresql://"), ':'),
               *at = strrchr(target->url, '@');
    char password[128];
    snprintf(password, sizeof password, "%.*s", (int)(at - colon - 1), colon + 1);
    const char *bare = sql("postgres://marrow%s", at);
    struct err err = {0};
    struct engine *engine = NULL;
    FAILS(ERR_ENGINE, engine_open(&(struct engine_options){.url = bare}, &engine, &err));
    assert_non_null(strstr(err.hint, "PGPASSWORD"));
    setenv("PGPASSWORD", password, 1);
    engine = open_url(bare, false);
    unsetenv("PGPASSWORD");
    assert_string_equal(ask(engine, "SELECT current_user"), "marrow");
    engine_close(engine);
}

static void session_is_set_up(void **state)
{
    (void)state;
    struct engine *engine = open_url(url_with(0, "?options=-csearch_path%3Dpg_catalog"), true);
    struct err err = {0};
    int64_t rows;
    assert_string_equal(ask(engine, "SHOW TimeZone"), "UTC");
    assert_string_equal(ask(engine, "SHOW IntervalStyle"), "iso_8601");
    assert_string_equal(ask(engine, "SHOW application_name"), "marrow");
    assert_string_equal(ask(engine, "SHOW client_encoding"), "UTF8");
    assert_string_equal(ask(engine, "SHOW search_path"), "pg_catalog");
    FAILS(ERR_ENGINE,
          engine_execute(engine, "CREATE TABLE public.not_here (i bigint)", NULL, 0, &err));
    assert_string_equal(err.message, "the engine was opened read-only");
    FAILS(ERR_ENGINE,
          query_all(engine, "INSERT INTO public.not_here VALUES (1) RETURNING i", &rows, &err));
    engine_close(engine);
}

/* ---- errors -------------------------------------------------------------------------------------
 */

static void sqlstates_have_their_codes(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        enum err_code code;
    } cases[] = {{"53200", ERR_MEMORY},      {"53100", ERR_LIMIT},  {"53400", ERR_LIMIT},
                 {"54001", ERR_LIMIT},       {"55P03", ERR_LOCKED}, {"40001", ERR_ENGINE},
                 {"XX001", ERR_INTEGRITY},   {"58030", ERR_IO},     {"P0001", ERR_ENGINE},
                 {"57014", ERR_INTERRUPTED}, {"22012", ERR_ENGINE}, {"0A000", ERR_ENGINE}};
    struct engine *engine = open_target(NULL);
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        struct err err = {0};
        FAILS(cases[idx].code,
              engine_execute(engine,
                             sql("DO $do$ BEGIN RAISE EXCEPTION 'person \"Miller\" 4711 ''Meier''' "
                                 "USING ERRCODE = '%s', DETAIL "
                                 "= 'Miller', HINT = 'Meier'; END $do$",
                                 cases[idx].sqlstate),
                             NULL, 0, &err));
        assert_silent(&err, "Meier");
        if (cases[idx].code == ERR_ENGINE && cases[idx].sqlstate[0] == 'P')
            assert_silent(&err, "4711");
        assert_string_equal(ask(engine, "SELECT 1"), "1");
    }
    engine_close(engine);
}

static void copy_as_a_statement_is_refused_and_ended(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    int64_t rows;
    OK(engine_execute(engine,
                      "DROP TABLE IF EXISTS copied; CREATE TABLE copied AS SELECT "
                      "generate_series(1, 100000) AS i",
                      NULL, 0, &err));
    FAILS(ERR_UNSUPPORTED, engine_execute(engine, "COPY copied FROM STDIN", NULL, 0, &err));
    assert_string_equal(ask(engine, "SELECT count(*) FROM copied"), "100000");
    FAILS(ERR_UNSUPPORTED, engine_execute(engine, "COPY copied TO STDOUT", NULL, 0, &err));
    assert_string_equal(ask(engine, "SELECT 1"), "1");
    FAILS(ERR_UNSUPPORTED, query_all(engine, "COPY copied TO STDOUT", &rows, &err));
    assert_string_equal(ask(engine, "SELECT 1"), "1");
    engine_close(engine);
}

static void limit_set_inside_a_transaction_is_undone_with_it(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    int64_t rows;
    OK(engine_execute(engine, "BEGIN", NULL, 0, &err));
    engine_set_time_limit(engine, 100);
    FAILS(ERR_TIMEOUT, query_all(engine, "SELECT pg_sleep(30)", &rows, &err));
    FAILS(ERR_ENGINE, query_all(engine, "SELECT 1", &rows, &err));
    assert_string_equal(err.message, "the transaction was aborted");
    OK(engine_execute(engine, "ROLLBACK", NULL, 0, &err));
    engine_set_time_limit(engine, 0);
    assert_string_equal(ask(engine, "SHOW statement_timeout"), "0");
    OK(query_all(engine, "SELECT pg_sleep(0.3)", &rows, &err));
    engine_close(engine);
}

/* ---- values -------------------------------------------------------------------------------------
 */

static void numerics_without_a_scale_get_one_and_stay_exact(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *type, *value;
    } cases[] = {
        {"SELECT sum(v) FROM (VALUES (1.10::numeric(10, 2)), (2.25)) AS t(v)", "decimal(38,2)",
         "3.35"},
        {"SELECT sum(i) FROM (VALUES (9223372036854775807), (9223372036854775807)) AS t(i)",
         "decimal(38,0)", "18446744073709551614"},
        {"SELECT 1.5", "decimal(38,1)", "1.5"},
        {"SELECT NULL::numeric", "decimal(38,0)", "NULL"},
        {"SELECT v FROM (VALUES (0.001), (100.5)) AS t(v) ORDER BY v", "decimal(38,19)",
         "0.0010000000000000000"},
        {"SELECT 12345678901234567890123456789012345678.000::numeric", "decimal(38,0)",
         "12345678901234567890123456789012345678"},
        {"SELECT (-99.5)::numeric(3, 1)", "decimal(3,1)", "-99.5"},
        {"SELECT 12345::numeric(3, -2)", "decimal(5,0)", "12300"},
        {"SELECT 0.00123::numeric(3, 5)", "decimal(5,5)", "0.00123"},
        {"SELECT 1e30::numeric(50, 5)", "decimal(38,5)", "1000000000000000000000000000000.00000"},
        {"SELECT 340282366920938463463374607431768211455::numeric(39, 0)", "uhugeint",
         "340282366920938463463374607431768211455"},
    };
    struct engine *engine = open_target(NULL);
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        const char *type = NULL;
        assert_string_equal(ask_type(engine, cases[idx].sql, &type), cases[idx].value);
        assert_string_equal(type, cases[idx].type);
    }
    engine_close(engine);
}

static void numerics_that_no_decimal_holds_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"SELECT 'NaN'::numeric", "NaN"},
        {"SELECT 'NaN'::numeric(5, 2)", "NaN"},
        {"SELECT '-Infinity'::numeric", "infinite"},
        {"SELECT 1e40::numeric", "does not fit"},
        {"SELECT 1e40::numeric(50, 5)", "does not fit"},
        {"SELECT (-1)::numeric(39, 0)", "does not fit"},
        {"SELECT CASE WHEN i < 5000 THEN 1.5 ELSE 0.0001 END FROM generate_series(1, 6000) AS t(i)",
         "behind the point"},
    };
    struct engine *engine = open_target(NULL);
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        struct err err = {0};
        int64_t rows;
        FAILS(ERR_ENGINE, query_all(engine, cases[idx].sql, &rows, &err));
        if (strstr(err.message, cases[idx].words) == NULL)
            fail_msg("%s: %s", cases[idx].sql, err.message);
        assert_string_equal(ask(engine, "SELECT 1"), "1");
    }
    engine_close(engine);
}

/* The server's own text of 20,000 random numerics of random scales is ours. */
static void random_numerics_read_as_the_server_writes_them(void **state)
{
    (void)state;
    static const int scales[] = {0, 1, 2, 3, 4, 5, 9, 18, 37, 38};
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    ask(engine, "SELECT setseed(0.42)::text");
    for (size_t idx = 0; idx < sizeof scales / sizeof *scales; idx++) {
        struct engine_result *result = NULL;
        const struct data_batch *batch = NULL;
        OK(engine_query(
            engine,
            sql("SELECT v, v::text FROM (SELECT trunc(((random() - 0.5)::numeric * 10 "
                "^ (random() * %d)::int::numeric + "
                "random()::numeric * 0.4 * 10 ^ -(random() * 20)::int::numeric)::numeric, "
                "%d)::numeric(38, %d) AS v FROM "
                "generate_series(1, 2000)) AS t",
                38 - scales[idx], scales[idx], scales[idx]),
            NULL, 0, &result, &err));
        for (;;) {
            OK(engine_result_next(result, &batch, &err));
            if (batch == NULL)
                break;
            for (int64_t row = 0; row < batch->rows; row++) {
                struct buf text = BUF_INIT;
                (void)data_value_text(&batch->vectors[0], row, &text);
                if (!str_equal(buf_view(&text), batch->vectors[1].text[row]))
                    fail_msg("%s is read as %s", batch->vectors[1].text[row].ptr, buf_text(&text));
                buf_done(&text);
            }
        }
        engine_result_close(result);
    }
    engine_close(engine);
}

static void odd_types_arrive_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *value;
    } cases[] = {
        {"SELECT ARRAY[[1, 2], [3, NULL]]", "[[1,2],[3,null]]"},
        {"SELECT ARRAY['a', 'b;c']", "[\"a\",\"b;c\"]"},
        {"SELECT ROW(1, 'x')", "{\"f1\":1,\"f2\":\"x\"}"},
        {"SELECT t FROM (SELECT 1 AS a, 'x' AS b) AS t", "{\"a\":1,\"b\":\"x\"}"},
        {"SELECT 'sad'::mood", "sad"},
        {"SELECT '12345678-1234-1234-1234-123456789ABC'::uuid",
         "12345678-1234-1234-1234-123456789abc"},
        {"SELECT int4range(1, 5)", "[1,5)"},
        {"SELECT '10.0.0.1'::inet", "10.0.0.1/32"},
        {"SELECT B'101'", "101"},
        {"SELECT '01:02:03+01'::timetz", "01:02:03+01"},
        {"SELECT 7::positive", "7"},
        {"SELECT '1 day 02:00'::interval", "0 months 1 days 02:00:00"},
        {"SELECT ARRAY[E'it\\'s; --', $$;$$] /* ; /* nested */ ; */ -- ;\n;",
         "[\"it's; --\",\";\"]"},
        {"SELECT 'c'::\"char\"", "c"},
        {"SELECT 4294967295::oid", "4294967295"},
        {"SELECT 'pg_class'::regclass", "pg_class"},
        {"SELECT 'infinity'::timestamptz", "infinity"},
        {"SELECT '-infinity'::date", "-infinity"},
        {"SELECT '0044-03-15 BC'::date", "-0043-03-15"},
        {"SELECT 1.5::real", "1.5"},
        {"SELECT 'ab'::char(4)", "ab  "},
        {"SELECT '{\"a\": 1}'::jsonb", "{\"a\": 1}"},
    };
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    OK(engine_execute(engine,
                      "DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('sad', 'glad'); DROP "
                      "DOMAIN IF EXISTS positive; "
                      "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
                      NULL, 0, &err));
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++)
        assert_string_equal(ask(engine, cases[idx].sql), cases[idx].value);
    int64_t rows;
    OK(engine_execute(engine, "DROP TABLE IF EXISTS moods; CREATE TABLE moods (m mood)", NULL, 0,
                      &err));
    FAILS(ERR_UNSUPPORTED,
          query_all(engine, "INSERT INTO moods VALUES ('sad') RETURNING m", &rows, &err));
    assert_string_equal(ask(engine, "SELECT count(*) FROM moods"), "0"); /* it did not run */
    assert_string_equal(ask(engine, "INSERT INTO moods VALUES ('sad') RETURNING m::text"), "sad");
    engine_close(engine);
}

static void appending_refuses_what_the_server_would_change(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    struct engine_appender *appender = NULL;
    struct str zero = STR("a\0b");
    struct data_int128 amount = {12345, 0};
    int64_t number = 40000;
    static const struct {
        const char *column;
        int which;
        enum err_code code;
    } cases[] = {{"text", 0, ERR_INPUT},
                 {"numeric(10, 2)", 1, ERR_USAGE},
                 {"smallint", 2, ERR_INPUT},
                 {"real", 3, ERR_UNSUPPORTED},
                 {"mood", 0, ERR_UNSUPPORTED}};
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        struct data_vector vectors[] = {{.type = DATA_TYPE(TEXT), .text = &zero},
                                        {.type = data_type_decimal(10, 3), .i128 = &amount},
                                        {.type = DATA_TYPE(BIGINT), .i64 = &number},
                                        {.type = DATA_TYPE(NULL)}};
        OK(engine_execute(
            engine,
            sql("DROP TABLE IF EXISTS refused; CREATE TABLE refused (v %s)", cases[idx].column),
            NULL, 0, &err));
        if (cases[idx].code == ERR_UNSUPPORTED) {
            FAILS(ERR_UNSUPPORTED,
                  engine_append_open(engine, "public", "refused", &appender, &err));
            continue;
        }
        OK(engine_append_open(engine, "public", "refused", &appender, &err));
        FAILS(ERR_USAGE,
              engine_execute(engine, "SELECT 1", NULL, 0, &err)); /* one thing at a time */
        FAILS(cases[idx].code,
              engine_append_batch(appender, &(struct data_batch){&vectors[cases[idx].which], 1, 1},
                                  &err));
        FAILS(ERR_USAGE, engine_append_close(appender, &err));
        assert_string_equal(ask(engine, "SELECT count(*) FROM refused"), "0");
    }
    engine_close(engine);
}

static void constraint_broken_while_appending_is_an_error_without_values(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    struct engine_appender *appender = NULL;
    int64_t numbers[] = {4711000815, 4711000815};
    struct data_vector vector = {.type = DATA_TYPE(BIGINT), .i64 = numbers};
    OK(engine_execute(engine, "DROP TABLE IF EXISTS once; CREATE TABLE once (i bigint PRIMARY KEY)",
                      NULL, 0, &err));
    OK(engine_append_open(engine, "postgres.public", "once", &appender, &err));
    OK(engine_append_batch(appender, &(struct data_batch){&vector, 1, 2}, &err));
    FAILS(ERR_ENGINE, engine_append_close(appender, &err));
    assert_string_equal(err.message, "a constraint was violated");
    assert_silent(&err, "4711000815");
    assert_string_equal(ask(engine, "SELECT count(*) FROM once"), "0");
    engine_close(engine);
}

static void ten_columns_are_appended_quickly(void **state)
{
    (void)state;
    enum { ROUNDS = 150 };
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    struct engine_appender *appender = NULL;
    struct arena *arena = arena_new(0);
    struct data_schema schema = {0};
    for (int idx = 0; idx < 10; idx++) {
        struct data_type type = idx < 4   ? DATA_TYPE(BIGINT)
                                : idx < 6 ? data_type_decimal(12, 2)
                                : idx < 8 ? DATA_TYPE(TEXT)
                                : idx < 9 ? DATA_TYPE(DOUBLE)
                                          : DATA_TYPE(TIMESTAMP);
        char name[] = {'c', (char)('0' + idx)};
        OK(data_schema_add(&schema, (struct str){name, 2}, type, &err));
    }
    struct data_batch *batch = data_batch_new(arena, &schema, DATA_BATCH_ROWS);
    batch->rows = DATA_BATCH_ROWS;
    for (int64_t row = 0; row < batch->rows; row++)
        for (size_t idx = 0; idx < 10; idx++) {
            data_vector_set_valid(&batch->vectors[idx], row, true);
            if (idx < 4 || idx == 9)
                batch->vectors[idx].i64[row] = row * 1000003;
            else if (idx < 6)
                batch->vectors[idx].i128[row] = (struct data_int128){(uint64_t)row * 98765, 0};
            else if (idx < 8)
                batch->vectors[idx].text[row] = STR("a word or two");
            else
                batch->vectors[idx].f64[row] = (double)row / 7;
        }
    OK(engine_execute(
        engine,
        "DROP TABLE IF EXISTS wide; CREATE UNLOGGED TABLE wide (c0 bigint, c1 bigint, c2 bigint, "
        "c3 bigint, c4 "
        "numeric(12, 2), c5 numeric(12, 2), c6 text, c7 text, c8 double precision, c9 timestamp)",
        NULL, 0, &err));
    int64_t began_us = clock_monotonic_us();
    OK(engine_append_open(engine, NULL, "wide", &appender, &err));
    for (int round = 0; round < ROUNDS; round++)
        OK(engine_append_batch(appender, batch, &err));
    OK(engine_append_close(appender, &err));
    double seconds = (double)(clock_monotonic_us() - began_us) / 1e6;
    printf("appended %.0f rows of ten columns a second\n", ROUNDS * DATA_BATCH_ROWS / seconds);
    assert_string_equal(ask(engine, "SELECT count(*) FROM wide"),
                        sql("%d", ROUNDS * DATA_BATCH_ROWS));
#if !defined(SLOWED_DOWN)
    assert_true(ROUNDS * DATA_BATCH_ROWS / seconds >
                50000); /* 200,000 and more on a machine at rest */
#endif
    arena_free(arena);
    data_schema_done(&schema);
    engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_is_set_up),
        cmocka_unit_test(password_is_never_in_a_message),
        cmocka_unit_test(password_may_come_from_the_environment),
        cmocka_unit_test(encrypted_session_runs_and_cancels),
        cmocka_unit_test(sqlstates_have_their_codes),
        cmocka_unit_test(copy_as_a_statement_is_refused_and_ended),
        cmocka_unit_test(limit_set_inside_a_transaction_is_undone_with_it),
        cmocka_unit_test(numerics_without_a_scale_get_one_and_stay_exact),
        cmocka_unit_test(numerics_that_no_decimal_holds_are_errors),
        cmocka_unit_test(random_numerics_read_as_the_server_writes_them),
        cmocka_unit_test(odd_types_arrive_as_text),
        cmocka_unit_test(appending_refuses_what_the_server_would_change),
        cmocka_unit_test(constraint_broken_while_appending_is_an_error_without_values),
        cmocka_unit_test(ten_columns_are_appended_quickly),
        cmocka_unit_test(backend_gone_between_statements_is_seen_by_the_next),
        cmocka_unit_test(cut_connection_is_a_clear_error),
        cmocka_unit_test(appending_over_a_cut_connection_fails_and_leaves_nothing),
        cmocka_unit_test(terminated_backend_is_a_clear_error_and_reopening_works),
        cmocka_unit_test(killed_backend_is_a_clear_error_and_reopening_works),
    };
    struct target *targets = targets_find();
    for (target = targets; target->name != NULL && strcmp(target->name, "postgresql") != 0;)
        target++;
    int failed = 0;
    if (target->name != NULL) {
        failed = cmocka_run_group_tests_name("postgresql alone", tests, NULL, NULL);
        printf("conform: postgresql alone: %d failed, %d skipped\n", failed, target->skipped);
    }
    targets_stop(targets);
    return failed == 0 ? 0 : 1;
}
