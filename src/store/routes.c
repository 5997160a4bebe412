/* How often each route answered: counters of a dataset in a small file, mapped and added to
 * atomically by whatever process answers. No fsync and no error: a count is no answer, and a power
 * cut may take the last ones with it. Holds numbers alone. */
#include "store/store_priv.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUTES_BYTES 64 /* room for eight */

/* The counters in memory; NULL: there are none, or they can't be had. */
static int64_t *map(const struct store *store, const char *dataset, bool write)
{
    char path[FILE_PATH_BYTES];
    struct stat info;
    if (store_dataset_path(store, dataset, path, ERR_IGNORED, "routes") != ERR_OK)
        return NULL;
    int fd = open(path, (write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    bool there = fstat(fd, &info) == 0 && info.st_size >= ROUTES_BYTES;
    if (!there && write)
        there = ftruncate(fd, ROUTES_BYTES) == 0;
    void *counters = there ? mmap(NULL, ROUTES_BYTES, write ? PROT_READ | PROT_WRITE : PROT_READ,
                                  MAP_SHARED, fd, 0)
                           : MAP_FAILED;
    (void)close(fd);
    return counters == MAP_FAILED ? NULL : counters;
}

void store_route_count(const struct store *store, const char *dataset, enum store_route route)
{
    int64_t *counters = store->writable ? map(store, dataset, true) : NULL;
    if (counters == NULL)
        return;
    (void)__atomic_fetch_add(&counters[route], 1, __ATOMIC_RELAXED);
    (void)munmap(counters, ROUTES_BYTES);
}

void store_routes_read(const struct store *store, const char *dataset, int64_t ret[STORE_ROUTES])
{
    int64_t *counters = map(store, dataset, false);
    for (size_t i = 0; i < STORE_ROUTES; i++)
        ret[i] = counters != NULL ? __atomic_load_n(&counters[i], __ATOMIC_RELAXED) : 0;
    if (counters != NULL)
        (void)munmap(counters, ROUTES_BYTES);
}
