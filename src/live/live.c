/* The log by its home: a file of the store, or what a URL names. To add a home: a file with a
 * struct live_home, a line in homes. */
#include "live/live_priv.h"

#include <string.h>

static const struct live_home *const homes[] = {&live_file_home, &live_redis_home};

static const struct live_home *home_of(const char *url)
{
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
        size_t length = strlen(homes[i]->scheme);
        if (url == NULL ? length == 0
                        : length > 0 && strncmp(url, homes[i]->scheme, length) == 0 &&
                              strncmp(url + length, "://", 3) == 0)
            return homes[i];
    }
    return NULL;
}

enum err_code live_open(const struct live_options *options, struct live **ret, struct err *err)
{
    const struct live_home *home = home_of(options->url);
    if (home != NULL)
        return home->open(options, ret, err);
    err_set(err, ERR_USAGE, "recent changes cannot be kept there: the URL's scheme is not known");
    return err_hint(err, "redis://HOST[:PORT][/DB], or leave --speed out to keep them in the store");
}

void live_close(struct live *live)
{
    if (live != NULL)
        live->home->close(live);
}

bool live_is_empty(const struct live_options *options)
{
    char folder[FILE_PATH_BYTES], path[FILE_PATH_BYTES], log[FILE_PATH_BYTES];
    struct file_info info;
    if (options->url != NULL)
        return false;
    if (file_path_join(store_directory(options->store), "live", folder, ERR_IGNORED) != ERR_OK ||
        file_path_join(folder, options->dataset, path, ERR_IGNORED) != ERR_OK ||
        file_path_join(path, "log", log, ERR_IGNORED) != ERR_OK ||
        file_stat(log, &info, ERR_IGNORED) != ERR_OK)
        return true;
    return info.kind != FILE_REGULAR || info.bytes == 0;
}

enum err_code live_append(struct live *live, struct live_change *changes, size_t count,
                          struct err *err)
{
    return live->home->append(live, changes, count, err);
}

enum err_code live_read(struct live *live, int64_t after,
                        enum err_code (*visit)(void *user, const struct live_change *change,
                                               struct err *err),
                        void *user, struct err *err)
{
    return live->home->read(live, after, visit, user, err);
}

enum err_code live_trim(struct live *live, int64_t seq, struct err *err)
{
    return live->home->trim(live, seq, err);
}

const char *live_caveat(struct live *live)
{
    return live->home->caveat != NULL ? live->home->caveat(live) : NULL;
}
