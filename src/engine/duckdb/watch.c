/* The watch: a thread that sleeps until a statement runs that can be cancelled or has a time limit,
 * then looks every WATCH_TICK_MS. The one idea: interrupts come from outside the statement, so they
 * work in every phase — binding, a long task, streaming — without the engine's help. Invariant:
 * after watch_end no interrupt is sent. */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "engine/duckdb/duckdb_priv.h"

static bool watch_must_stop(struct watch *watch)
{
    const struct progress *progress = watch->progress;
    if (watch->deadline_us != 0 && clock_monotonic_us() >= watch->deadline_us) {
        watch->timed_out = true;
        return true;
    }
    return progress != NULL && progress->cancelled != NULL && progress->cancelled(progress->user);
}

static void *watch_main(void *user)
{
    struct watch *watch = user;
    pthread_mutex_lock(&watch->lock);
    while (!watch->quit) {
        if (!watch->active) {
            pthread_cond_wait(&watch->wake, &watch->lock);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WATCH_TICK_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
        if (watch->active && !watch->quit && watch_must_stop(watch))
            duckdb_interrupt(watch->connection);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

enum err_code watch_init(struct watch *watch, duckdb_connection connection, struct err *err)
{
    *watch = (struct watch){.connection = connection};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int failed = pthread_mutex_init(&watch->lock, NULL);
    if (failed == 0)
        failed = pthread_cond_init(&watch->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return failed == 0 ? ERR_OK
                       : err_set_errno(err, failed, "the engine's watch could not be made");
}

void watch_done(struct watch *watch)
{
    if (watch->thread_made) {
        pthread_mutex_lock(&watch->lock);
        watch->quit = true;
        pthread_cond_signal(&watch->wake);
        pthread_mutex_unlock(&watch->lock);
        pthread_join(watch->thread, NULL);
    }
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
}

enum err_code watch_begin(struct watch *watch, const struct progress *progress, int64_t limit_ms,
                          struct err *err)
{
    watch->timed_out = false;
    bool cancellable = progress != NULL && progress->cancelled != NULL;
    if (!cancellable && limit_ms <= 0)
        return ERR_OK;
    if (!watch->thread_made) {
        int failed = pthread_create(&watch->thread, NULL, watch_main, watch);
        if (failed != 0)
            return err_set_errno(err, failed, "the engine's watch thread could not be started");
        watch->thread_made = true;
    }
    pthread_mutex_lock(&watch->lock);
    watch->active = true;
    watch->progress = cancellable ? progress : NULL;
    watch->deadline_us = limit_ms > 0 ? clock_monotonic_us() + limit_ms * 1000 : 0;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    return ERR_OK;
}

void watch_end(struct watch *watch)
{
    if (!watch->thread_made)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->active = false;
    pthread_mutex_unlock(&watch->lock);
}
