/* Opening and closing an engine beside other work: a thread loads its library and opens it (half of a short process's time), or
 * closes it, while the caller does something else. An engine has one owner at any moment: the thread until it is joined, then the
 * caller; nothing else is shared. Where there is no
 * thread to be had, it happens on the caller's, or when it is needed. */
#include <pthread.h>

#include "engine/driver.h"

struct engine_opening {
    pthread_t thread;
    struct engine_options options;
    struct engine *engine;
    enum err_code code;
    struct err err;
};

struct engine_closing {
    pthread_t thread;
    struct engine *engine;
};

/* ---- opening ----------------------------------------------------------------------------------- */

static void *opening_main(void *user)
{
    struct engine_opening *opening = user;
    opening->code = engine_open(&opening->options, &opening->engine, &opening->err);
    return NULL;
}

struct engine_opening *engine_opening_begin(const struct engine_options *options)
{
    struct engine_opening *opening = mem_zalloc(1, sizeof *opening);
    if (opening == NULL)
        return NULL;
    opening->options = *options;
    if (pthread_create(&opening->thread, NULL, opening_main, opening) == 0)
        return opening;
    mem_free(opening);
    return NULL;
}

enum err_code engine_opening_end(struct engine_opening *opening, struct engine **ret, struct err *err)
{
    *ret = NULL;
    (void)pthread_join(opening->thread, NULL);
    enum err_code code = opening->code;
    *ret = opening->engine;
    if (code != ERR_OK)
        *err = opening->err;
    mem_free(opening);
    return code;
}

void engine_opening_drop(struct engine_opening *opening)
{
    struct engine *engine = NULL;
    if (opening != NULL && engine_opening_end(opening, &engine, ERR_IGNORED) == ERR_OK)
        engine_close(engine);
}

/* ---- closing ----------------------------------------------------------------------------------- */

static void *closing_main(void *user)
{
    engine_close(((struct engine_closing *)user)->engine);
    return NULL;
}

struct engine_closing *engine_closing_begin(struct engine *engine_taken)
{
    struct engine_closing *closing = engine_taken == NULL ? NULL : mem_zalloc(1, sizeof *closing);
    if (closing == NULL) {
        engine_close(engine_taken);
        return NULL;
    }
    closing->engine = engine_taken;
    if (pthread_create(&closing->thread, NULL, closing_main, closing) == 0)
        return closing;
    engine_close(engine_taken);
    mem_free(closing);
    return NULL;
}

void engine_closing_end(struct engine_closing *closing)
{
    if (closing == NULL)
        return;
    (void)pthread_join(closing->thread, NULL);
    mem_free(closing);
}
