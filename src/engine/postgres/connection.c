/* Opening, closing and interrupting a session. The URL goes to libpq as it is; ours are only what a
 * URL left out (a connect timeout, keepalives, so that a cut cable is an error and no hang) and
 * what a session of Marrow's needs: UTF-8, UTC, ISO forms. search_path stays the user's. The URL
 * may hold a password: nothing of it is ever in a message. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/postgres/postgres_priv.h"

#define OLDEST_SERVER 120000

static void notice_dropped(void *user, const PGresult *result)
{
    (void)user;
    (void)result;
}

static void postgres_close(struct engine *engine)
{
    struct postgres *postgres = (struct postgres *)engine;
    if (postgres == NULL)
        return;
    postgres_cancel_let_go(postgres->cancel);
    PQfinish(postgres->connection);
    if (postgres->wake >= 0)
        close(postgres->wake);
    mem_free(postgres->version);
    mem_free(postgres);
}
static void postgres_free(struct postgres *postgres)
{
    postgres_close((struct engine *)postgres);
}
AUTO_DEFINE(struct postgres, postgres_free)

static enum err_code check_url(const char *url, struct err *err)
{
    char *message = NULL; /* may quote the URL, password and all */
    PQconninfoOption *options = PQconninfoParse(url, &message);
    PQfreemem(message);
    bool good = options != NULL;
    PQconninfoFree(options);
    if (good)
        return ERR_OK;
    err_set(err, ERR_USAGE, "the engine's URL is none that libpq understands");
    return err_hint(err, "postgresql://USER@HOST:PORT/DATABASE?sslmode=require; special characters "
                         "in a password are written %%XX");
}

/* Seconds that the session's parameters allow for connecting; 0 = for ever. */
static int64_t connect_seconds(PGconn *connection)
{
    int64_t seconds = 0;
    PQconninfoOption *options = PQconninfo(connection);
    for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++)
        if (strcmp(option->keyword, "connect_timeout") == 0 && option->val != NULL)
            (void)str_to_int64(str_of(option->val), &seconds);
    PQconninfoFree(options);
    return seconds;
}

static enum err_code fail_connect(struct postgres *postgres, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf masked = BUF_INIT;
    engine_mask(str_trim(str_of(PQerrorMessage(postgres->connection))), false, &masked);
    err_set(err, ERR_ENGINE, "the PostgreSQL server gave no connection");
    if (masked.len > 0)
        err_detail(err, "%s", buf_text(&masked));
    return err_hint(err,
                    PQconnectionNeedsPassword(postgres->connection) != 0
                        ? "it wants a password: in the URL, in PGPASSWORD or in ~/.pgpass"
                        : "see that it runs, and that host, port, user and database are right");
}

static enum err_code connect_wait(struct postgres *postgres, struct err *err)
{
    int64_t seconds = connect_seconds(postgres->connection);
    int64_t due_us = seconds > 0 ? clock_monotonic_us() + seconds * 1000000 : 0;
    for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
        if (state == PGRES_POLLING_FAILED)
            return fail_connect(postgres, err);
        TRY(progress_check(postgres->base.progress, err));
        if (due_us != 0 && clock_monotonic_us() >= due_us) {
            err_set(err, ERR_TIMEOUT, "the PostgreSQL server gave no connection in %lld s",
                    (long long)seconds);
            return err_hint(err, "see that host and port are right; connect_timeout=… in the URL");
        }
        if (postgres_poll(postgres, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, due_us))
            state = PQconnectPoll(postgres->connection);
    }
    return ERR_OK;
}

static enum err_code connect_to(struct postgres *postgres, const char *url, struct err *err)
{
    /* What comes before dbname the URL may override; what comes after overrides the URL. */
    static const char *const names[] = {
        "keepalives_idle",  "keepalives_interval",       "keepalives_count",
        "tcp_user_timeout", "fallback_application_name", "connect_timeout",
        "dbname",           "client_encoding",           NULL};
    const char *seconds = getenv("PGCONNECT_TIMEOUT");
    const char *const values[] = {
        "30", "10", "3", "30000", "marrow", seconds != NULL ? seconds : "10", url, "UTF8", NULL};
    TRY(check_url(url, err));
    postgres->connection = PQconnectStartParams(names, values, 1);
    if (postgres->connection == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a connection");
    PQsetNoticeReceiver(postgres->connection, notice_dropped, NULL);
    if (PQstatus(postgres->connection) == CONNECTION_BAD)
        return fail_connect(postgres, err);
    return connect_wait(postgres, err);
}

static enum err_code session_set_up(struct postgres *postgres, bool read_only, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    buf_puts(&sql,
             "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601';"
             "SET standard_conforming_strings = on; SET extra_float_digits = 1;"
             "SET bytea_output = 'hex'; SET client_min_messages = 'warning'");
    if (read_only)
        buf_puts(&sql, "; SET default_transaction_read_only = on");
    TRY(buf_check(&sql, err));
    return postgres_execute(&postgres->base, buf_text(&sql), NULL, 0, err);
}

static enum err_code session_learn(struct postgres *postgres, struct err *err)
{
    const char *version = PQparameterStatus(postgres->connection, "server_version");
    const char *encoding = PQparameterStatus(postgres->connection, "server_encoding");
    if (PQserverVersion(postgres->connection) < OLDEST_SERVER)
        return err_set(err, ERR_UNSUPPORTED, "the server is PostgreSQL %s; 12 or later is needed",
                       version != NULL ? version : "of an unknown version");
    postgres->plain_bytes = encoding != NULL && strcmp(encoding, "SQL_ASCII") == 0;
    postgres->version =
        mem_strndup(version != NULL ? version : "", version != NULL ? strcspn(version, " ") : 0);
    return postgres->version != NULL ? ERR_OK
                                     : err_set(err, ERR_MEMORY, "no memory for the engine");
}

static enum err_code postgres_open(const struct engine_options *options, struct engine **ret,
                                   struct err *err)
{
    TRY(libpq_load(err));
    AUTO(postgres_free) struct postgres *postgres = mem_zalloc(1, sizeof *postgres);
    if (postgres == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the engine");
    postgres->base.progress = options->progress;
    postgres->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (postgres->wake < 0)
        return err_set_errno(err, errno, "the engine's wake-up could not be made");
    TRY(connect_to(postgres, options->url, err));
    if (PQsetnonblocking(postgres->connection, 1) != 0)
        return postgres_fail(postgres, NULL, err);
    TRY(session_set_up(postgres, options->read_only, err));
    TRY(session_learn(postgres, err));
    *ret = &postgres->base;
    postgres = NULL;
    return ERR_OK;
}

static const char *postgres_version(const struct engine *engine)
{
    return ((const struct postgres *)engine)->version;
}

static void postgres_interrupt(struct engine *engine)
{
    struct postgres *postgres = (struct postgres *)engine;
    uint64_t one = 1;
    atomic_store(&postgres->interrupted, true);
    (void)!write(postgres->wake, &one, sizeof one); /* full: it wakes anyway */
}

extern const struct engine_driver engine_driver_postgres;
const struct engine_driver engine_driver_postgres = {
    .name = "postgresql",
    .schemes = "postgresql postgres",
    .dialect = "postgresql",
    .abilities = ENGINE_CAN_APPEND | ENGINE_CAN_BIND | ENGINE_HAS_TRANSACTIONS |
                 ENGINE_HAS_TIMESTAMPTZ | ENGINE_HAS_QUANTILE,
    .what = "PostgreSQL 12 and later, through libpq",
    .example = "postgresql://user@localhost/db",
    .load = libpq_load,
    .open = postgres_open,
    .close = postgres_close,
    .version = postgres_version,
    .interrupt = postgres_interrupt,
    .execute = postgres_execute,
    .query = postgres_query,
    .result_next = postgres_result_next,
    .result_close = postgres_result_close,
    .append_open = postgres_append_open,
    .append_batch = postgres_append_batch,
    .append_close = postgres_append_close,
    .append_abort = postgres_append_abort,
};
