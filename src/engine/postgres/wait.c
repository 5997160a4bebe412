/* Waiting. Each wait is one poll() over the socket and the eventfd, at most POSTGRES_TICK_MS long
 * where somebody may cancel:
 *
 *   look ── reason to stop? ──▶ cancel.c ──▶ the server answers 57014 ──▶ postgres_fail
 *                                        └──▶ no answer in POSTGRES_CANCEL_GRACE_MS: given up
 *
 * A cancel that comes before the server has the statement, or after it has ended, is ignored: so it
 * is sent again every CANCEL_EVERY_MS until there is an answer. The next statement never sees it,
 * since it begins when the cancel has returned, and that is after the server's signal was sent. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/postgres/postgres_priv.h"

#define CANCEL_EVERY_MS 200

static enum err_code reason_to_stop(struct postgres *postgres)
{
    const struct progress *progress = postgres->base.progress;
    if (atomic_load(&postgres->interrupted))
        return ERR_INTERRUPTED;
    if (progress != NULL && progress->cancelled != NULL && progress->cancelled(progress->user))
        return ERR_INTERRUPTED;
    if (postgres->deadline_us != 0 && clock_monotonic_us() >= postgres->deadline_us)
        return ERR_TIMEOUT;
    return ERR_OK;
}

static void send_cancel(struct postgres *postgres)
{
    if (!postgres_cancel_is_done(postgres->cancel))
        return; /* that one is still on its way */
    postgres_cancel_let_go(postgres->cancel);
    postgres->cancel = postgres_cancel_send(postgres->connection);
    postgres->cancel_again_us = clock_monotonic_us() + CANCEL_EVERY_MS * 1000;
}

/* A cancel that is still on its way would hit the next statement. */
static void wait_for_cancel(struct postgres *postgres)
{
    while (!postgres->lost && !postgres_cancel_is_done(postgres->cancel)) {
        postgres->lost = clock_monotonic_us() >= postgres->give_up_us;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    postgres_cancel_let_go(postgres->cancel);
    postgres->cancel = NULL;
}

static void stop(struct postgres *postgres, enum err_code reason)
{
    postgres->stopped = reason;
    postgres->give_up_us = clock_monotonic_us() + POSTGRES_CANCEL_GRACE_MS * 1000;
    send_cancel(postgres);
}

enum err_code postgres_look(struct postgres *postgres, struct err *err)
{
    if (postgres->stopped == ERR_OK) {
        enum err_code reason = reason_to_stop(postgres);
        if (reason != ERR_OK)
            stop(postgres, reason);
        return ERR_OK;
    }
    int64_t now_us = clock_monotonic_us();
    if (now_us >= postgres->cancel_again_us)
        send_cancel(postgres);
    if (now_us < postgres->give_up_us)
        return ERR_OK;
    postgres->lost = true;
    postgres_fail(postgres, NULL, err);
    return err_hint(err, "the server did not answer the cancel, so the connection was given up");
}

/* How long a poll may sleep. */
static int sleep_ms(const struct postgres *postgres, int64_t due_us)
{
    const struct progress *progress = postgres->base.progress;
    bool asked = postgres->stopped != ERR_OK || (progress != NULL && progress->cancelled != NULL);
    int64_t now_us = clock_monotonic_us();
    int64_t ms = asked ? POSTGRES_TICK_MS : -1;
    if (due_us != 0) {
        int64_t left_ms = due_us > now_us ? (due_us - now_us + 999) / 1000 : 0;
        ms = ms < 0 || left_ms < ms ? left_ms : ms;
    }
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

bool postgres_poll(struct postgres *postgres, short events, int64_t due_us)
{
    struct pollfd files[] = {{.fd = PQsocket(postgres->connection), .events = events},
                             {.fd = postgres->wake, .events = POLLIN}};
    int count = poll(files, 2, sleep_ms(postgres, due_us));
    uint64_t ignored;
    if (count > 0 && files[1].revents != 0)
        (void)!read(postgres->wake, &ignored, sizeof ignored);
    return count > 0 && files[0].revents != 0;
}

/* Sleep until the socket is ready; a reason to stop is seen to. */
static enum err_code wait_ready(struct postgres *postgres, short events, struct err *err)
{
    for (;;) {
        TRY(postgres_look(postgres, err));
        int64_t due_us = postgres->stopped != ERR_OK ? postgres->give_up_us : postgres->deadline_us;
        if (PQsocket(postgres->connection) < 0)
            return postgres_fail(postgres, NULL, err);
        if (postgres_poll(postgres, events, due_us))
            return ERR_OK;
    }
}

enum err_code postgres_flush(struct postgres *postgres, struct err *err)
{
    for (;;) {
        int left = PQflush(postgres->connection);
        if (left == 0)
            return ERR_OK;
        if (left < 0)
            return postgres_fail(postgres, NULL, err);
        TRY(wait_ready(postgres, POLLIN | POLLOUT,
                       err)); /* both: neither side waits for the other */
        if (PQconsumeInput(postgres->connection) == 0)
            return postgres_fail(postgres, NULL, err);
    }
}

enum err_code postgres_next(struct postgres *postgres, PGresult **ret, struct err *err)
{
    *ret = NULL;
    while (PQisBusy(postgres->connection) != 0) {
        TRY(wait_ready(postgres, POLLIN, err));
        if (PQconsumeInput(postgres->connection) == 0)
            return postgres_fail(postgres, NULL, err);
    }
    *ret = PQgetResult(postgres->connection);
    return ERR_OK;
}

enum err_code postgres_only(struct postgres *postgres, PGresult **ret, struct err *err)
{
    TRY(postgres_flush(postgres, err));
    TRY(postgres_next(postgres, ret, err));
    for (PGresult *further = *ret; further != NULL;) {
        TRY(postgres_next(postgres, &further, err));
        PQclear(further);
    }
    if (*ret == NULL || PQresultStatus(*ret) != PGRES_COMMAND_OK)
        return postgres_fail(postgres, *ret, err);
    if (postgres->stopped != ERR_OK) /* asked between two steps: the server had nothing to cancel */
        return postgres_fail(postgres, NULL, err);
    return ERR_OK;
}

#define DRAIN_QUIETLY_US 20000

/* Rows of a COPY … TO STDOUT that nobody wants. */
static enum err_code copy_out_drain(struct postgres *postgres)
{
    struct err ignored = {0};
    for (;;) {
        char *row = NULL;
        int length = PQgetCopyData(postgres->connection, &row, 1);
        PQfreemem(row);
        if (length < 0)
            return ERR_OK;
        if (length > 0)
            continue;
        enum err_code code = wait_ready(postgres, POLLIN, &ignored);
        if (code != ERR_OK || PQconsumeInput(postgres->connection) == 0) {
            postgres->lost = true;
            return ERR_ENGINE;
        }
    }
}

void postgres_drain(struct postgres *postgres, bool in_transaction)
{
    struct err ignored = {0};
    int64_t until_us = clock_monotonic_us() + DRAIN_QUIETLY_US;
    for (;;) {
        PGresult *result = NULL;
        if (postgres->lost || postgres_next(postgres, &result, &ignored) != ERR_OK) {
            postgres->lost = true;
            return;
        }
        ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        if (result == NULL)
            return;
        if (status == PGRES_COPY_OUT && copy_out_drain(postgres) != ERR_OK)
            continue; /* lost */
        if (status == PGRES_COPY_IN || status == PGRES_COPY_BOTH)
            (void)PQputCopyEnd(postgres->connection, "not asked for");
        if (postgres->stopped == ERR_OK && !in_transaction && clock_monotonic_us() > until_us) {
            stop(postgres, ERR_INTERRUPTED);
        }
    }
}

/* ---- the beginning of a statement
 * -----------------------------------------------------------------
 */

/* The server's own limit, for when it can no longer hear us. One round trip, only when it changes.
 */
static enum err_code set_server_limit(struct postgres *postgres, int64_t limit_ms, struct err *err)
{
    PGTransactionStatusType transaction = PQtransactionStatus(postgres->connection);
    if (transaction == PQTRANS_IDLE && postgres->limit_in_transaction) {
        postgres->server_limit_ms = -1; /* it may have been rolled back */
        postgres->limit_in_transaction = false;
    }
    if (limit_ms > INT_MAX)
        limit_ms = INT_MAX;
    if (postgres->server_limit_ms == limit_ms || transaction == PQTRANS_INERROR)
        return ERR_OK;
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    buf_puts(&sql, "SET statement_timeout = ");
    if (limit_ms > 0)
        buf_printf(&sql, "%lld", (long long)limit_ms);
    else
        buf_puts(&sql, "DEFAULT"); /* the administrator's */
    TRY(buf_check(&sql, err));
    if (PQsendQuery(postgres->connection, buf_text(&sql)) == 0)
        return postgres_fail(postgres, NULL, err);
    AUTO(PQclear) PGresult *result = NULL;
    TRY(postgres_only(postgres, &result, err));
    postgres->server_limit_ms = limit_ms;
    postgres->limit_in_transaction = transaction != PQTRANS_IDLE;
    return ERR_OK;
}

enum err_code postgres_begin(struct postgres *postgres, int64_t limit_ms, struct err *err)
{
    TRY(progress_check(postgres->base.progress, err));
    if (postgres->appender != NULL)
        return err_set(err, ERR_USAGE, "rows are being appended on this engine");
    if (postgres->open != NULL)
        postgres_result_end(postgres->open);
    wait_for_cancel(postgres);
    if (postgres->lost) {
        err_set(err, ERR_ENGINE, "the connection to the server was lost earlier");
        return err_hint(err, "open the engine again");
    }
    postgres->statements++;
    postgres->stopped = ERR_OK;
    atomic_store(&postgres->interrupted, false);
    postgres->deadline_us = limit_ms > 0 ? clock_monotonic_us() + limit_ms * 1000 : 0;
    return set_server_limit(postgres, limit_ms, err);
}
