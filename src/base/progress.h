/* Long work reports here and asks here whether it should stop. All members may be NULL. */
#ifndef MARROW_BASE_PROGRESS_H
#define MARROW_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct progress_event {
    const char *phase;   /* "read", "write", "hash", "aggregate" … */
    const char *subject; /* table or file name */
    int64_t done, total; /* in unit; total 0 = unknown */
    const char *unit;    /* "bytes", "rows", "tables" */
};
struct progress {
    void (*report)(void *user, const struct progress_event *event);
    bool (*cancelled)(void *user); /* called often and from the engine's watch thread too: cheap, what it reads is atomic */
    void *user;
};
void progress_report(const struct progress *progress, const struct progress_event *event);
/* ERR_INTERRUPTED with a message when the user asked to stop. */
enum err_code progress_check(const struct progress *progress, struct err *err) WARN_UNUSED;

#endif
