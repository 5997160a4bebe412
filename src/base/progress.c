/* Progress: NULL-safe calls through the caller's two functions. */
#include "base/progress.h"

void progress_report(const struct progress *progress, const struct progress_event *event)
{
    if (progress != NULL && progress->report != NULL)
        progress->report(progress->user, event);
}

enum err_code progress_check(const struct progress *progress, struct err *err)
{
    if (progress == NULL || progress->cancelled == NULL || !progress->cancelled(progress->user))
        return ERR_OK;
    return err_set(err, ERR_INTERRUPTED, "stopped at the user's request");
}
