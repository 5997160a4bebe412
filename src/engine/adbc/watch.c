/* The watch: a thread that sleeps until a statement can be cancelled or has a time limit, then
 * looks every ADBC_TICK_MS. While the driver is in a call it is told to cancel (StatementCancel,
 * else ConnectionCancel) again and again until the call returns; between calls the reason is only
 * kept, and the next call is not made. Invariant: no cancel is sent outside a call, so none can hit
 * a later statement. A driver that fills neither slot is stopped between its batches only. */
#include <time.h>

#include "base/clock.h"
#include "engine/adbc/adbc_priv.h"

/* The lock is held in the static functions. */
static void look(struct adbc_watch *watch)
{
    const struct progress *progress = watch->progress;
    if (watch->stopped != ERR_OK)
        return;
    if (progress != NULL && progress->cancelled != NULL && progress->cancelled(progress->user))
        watch->stopped = ERR_INTERRUPTED;
    else if (watch->deadline_us != 0 && clock_monotonic_us() >= watch->deadline_us)
        watch->stopped = ERR_TIMEOUT;
}

static void cancel(struct adbc *adbc)
{
    struct AdbcError error = adbc_error_new();
    uint8_t status = ADBC_STATUS_NOT_IMPLEMENTED;
    if (adbc->table.StatementCancel != NULL && adbc->statement.private_data != NULL)
        status = adbc->table.StatementCancel(&adbc->statement, &error);
    if (error.release != NULL)
        error.release(&error);
    error = adbc_error_new();
    if (status != ADBC_STATUS_OK && adbc->table.ConnectionCancel != NULL)
        (void)adbc->table.ConnectionCancel(&adbc->connection, &error);
    if (error.release != NULL)
        error.release(&error);
}

static bool has_to_look(const struct adbc_watch *watch)
{
    bool cancellable = watch->progress != NULL && watch->progress->cancelled != NULL;
    return watch->calling && (cancellable || watch->deadline_us != 0 || watch->stopped != ERR_OK);
}

static void *watch_main(void *user)
{
    struct adbc *adbc = user;
    struct adbc_watch *watch = &adbc->watch;
    pthread_mutex_lock(&watch->lock);
    while (!watch->quit) {
        if (!has_to_look(watch)) {
            pthread_cond_wait(&watch->wake, &watch->lock);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += ADBC_TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
        look(watch);
        if (watch->calling && watch->stopped != ERR_OK)
            cancel(adbc);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

enum err_code adbc_watch_open(struct adbc *adbc, struct err *err)
{
    struct adbc_watch *watch = &adbc->watch;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int failed = pthread_mutex_init(&watch->lock, NULL);
    if (failed == 0)
        failed = pthread_cond_init(&watch->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    watch->made = failed == 0;
    if (failed == 0)
        failed = pthread_create(&watch->thread, NULL, watch_main, adbc);
    watch->thread_made = failed == 0;
    return failed == 0 ? ERR_OK
                       : err_set_errno(err, failed, "the engine's watch could not be started");
}

void adbc_watch_close(struct adbc *adbc)
{
    struct adbc_watch *watch = &adbc->watch;
    if (watch->thread_made) {
        pthread_mutex_lock(&watch->lock);
        watch->quit = true;
        pthread_cond_signal(&watch->wake);
        pthread_mutex_unlock(&watch->lock);
        pthread_join(watch->thread, NULL);
    }
    if (watch->made) {
        pthread_cond_destroy(&watch->wake);
        pthread_mutex_destroy(&watch->lock);
    }
}

enum err_code adbc_watch_begin(struct adbc *adbc, struct err *err)
{
    struct adbc_watch *watch = &adbc->watch;
    int64_t limit_ms = adbc->base.time_limit_ms;
    pthread_mutex_lock(&watch->lock);
    adbc->limit_ms = limit_ms;
    watch->active = true;
    watch->progress = adbc->base.progress;
    watch->deadline_us = limit_ms > 0 ? clock_monotonic_us() + limit_ms * 1000 : 0;
    watch->stopped = ERR_OK;
    look(watch);
    enum err_code reason = watch->stopped;
    watch->active = reason == ERR_OK;
    pthread_mutex_unlock(&watch->lock);
    return reason == ERR_OK ? ERR_OK : adbc_fail_stopped(adbc, reason, err);
}

void adbc_watch_end(struct adbc *adbc)
{
    struct adbc_watch *watch = &adbc->watch;
    pthread_mutex_lock(&watch->lock);
    watch->active = false;
    watch->progress = NULL;
    watch->deadline_us = 0;
    watch->stopped = ERR_OK;
    pthread_mutex_unlock(&watch->lock);
}

enum err_code adbc_watch_enter(struct adbc *adbc, struct err *err)
{
    struct adbc_watch *watch = &adbc->watch;
    pthread_mutex_lock(&watch->lock);
    look(watch);
    enum err_code reason = watch->stopped;
    watch->calling = reason == ERR_OK;
    if (watch->calling)
        pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    return reason == ERR_OK ? ERR_OK : adbc_fail_stopped(adbc, reason, err);
}

void adbc_watch_enter_close(struct adbc *adbc)
{
    struct adbc_watch *watch = &adbc->watch;
    pthread_mutex_lock(&watch->lock);
    watch->progress = NULL;
    watch->deadline_us = clock_monotonic_us() + ADBC_CLOSE_MS * 1000;
    watch->calling = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
}

void adbc_watch_leave(struct adbc *adbc)
{
    pthread_mutex_lock(&adbc->watch.lock);
    adbc->watch.calling = false;
    pthread_mutex_unlock(&adbc->watch.lock);
}

void adbc_watch_interrupt(struct adbc *adbc)
{
    struct adbc_watch *watch = &adbc->watch;
    pthread_mutex_lock(&watch->lock);
    if (watch->active && watch->stopped == ERR_OK) {
        watch->stopped = ERR_INTERRUPTED;
        pthread_cond_signal(&watch->wake);
    }
    pthread_mutex_unlock(&watch->lock);
}
