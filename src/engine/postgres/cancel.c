/* Sending a cancel. PQcancel opens a connection of its own and waits until the server closes it,
 * for ever where the server hangs: so it runs in a thread that nobody has to wait for.
 *
 *   engine ──▶ job ◀── thread        two owners; the last to let go frees it
 *
 * A job that is done has delivered its signal, so a statement begun after it is safe from it. */
#include <pthread.h>

#include "engine/postgres/postgres_priv.h"

struct postgres_cancel {
    PGcancel *cancel;
    atomic_int owners;
    atomic_bool done;
};

void postgres_cancel_let_go(struct postgres_cancel *job)
{
    if (job == NULL || atomic_fetch_sub(&job->owners, 1) > 1)
        return;
    PQfreeCancel(job->cancel);
    mem_free(job);
}

static void *cancel_main(void *user)
{
    struct postgres_cancel *job = user;
    char ignored[256];
    (void)PQcancel(job->cancel, ignored, sizeof ignored); /* not delivered: the grace ends it */
    atomic_store(&job->done, true);
    postgres_cancel_let_go(job);
    return NULL;
}

bool postgres_cancel_is_done(const struct postgres_cancel *job)
{
    return job == NULL || atomic_load(&job->done);
}

struct postgres_cancel *postgres_cancel_send(PGconn *connection)
{
    pthread_t thread;
    struct postgres_cancel *job = mem_zalloc(1, sizeof *job);
    if (job == NULL)
        return NULL;
    job->cancel = PQgetCancel(connection);
    atomic_init(&job->owners, 2);
    if (job->cancel == NULL || pthread_create(&thread, NULL, cancel_main, job) != 0) {
        PQfreeCancel(job->cancel);
        mem_free(job);
        return NULL; /* tried again soon */
    }
    (void)pthread_detach(thread);
    return job;
}
