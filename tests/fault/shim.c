/* A preload library that fails the n-th file operation of a whole process, the engine's included:
 * write, pwrite, writev, fsync, fdatasync, rename, ftruncate, posix_fallocate. Only operations on
 * regular files and directories count, so messages on stderr still come out.
 *
 *   SHIM_FAIL=N       fail the N-th counted operation (0 or absent: none) SHIM_ERROR=ENOSPC|EIO
 *   SHIM_KIND=KIND    count only write | sync | rename (absent: all)            SHIM_STICKY=1  that
 * one and all later ones SHIM_REPORT=FILE  at the end: the number of operations counted and the
 * file whose operation failed first
 *
 * It is loaded into the program under test, so it uses nothing of Marrow. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { KIND_WRITE, KIND_SYNC, KIND_RENAME };

static struct {
    long fail;
    int error;
    bool sticky;
    int kind; /* -1: all */
    const char *report;
} set;
static _Atomic long counted;
static char failed_path[4096];

__attribute__((constructor)) static void configure(void)
{
    static const char *const kinds[] = {"write", "sync", "rename"};
    const char *fail = getenv("SHIM_FAIL"), *error = getenv("SHIM_ERROR"),
               *kind = getenv("SHIM_KIND");
    set.fail = fail == NULL ? 0 : strtol(fail, NULL, 10);
    set.error = error != NULL && strcmp(error, "EIO") == 0 ? EIO : ENOSPC;
    set.sticky = getenv("SHIM_STICKY") != NULL;
    set.report = getenv("SHIM_REPORT");
    set.kind = -1;
    for (int i = 0; kind != NULL && i < 3; i++)
        if (strcmp(kind, kinds[i]) == 0)
            set.kind = i;
}

__attribute__((destructor)) static void report(void)
{
    if (set.report == NULL)
        return;
    FILE *file = fopen(set.report, "w");
    if (file == NULL)
        return;
    (void)fprintf(file, "%ld %s\n", atomic_load(&counted), failed_path);
    (void)fclose(file);
}

/* fd < 0: path is given. */
static void note(int fd, const char *path)
{
    char link[64];
    ssize_t length = -1;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (failed_path[0] != '\0')
        return;
    if (fd >= 0)
        length = readlink(link, failed_path, sizeof failed_path - 1);
    else
        (void)snprintf(failed_path, sizeof failed_path, "%s", path);
    if (length >= 0)
        failed_path[length] = '\0';
}

static bool must_fail(enum kind kind, int fd, const char *path)
{
    if (set.kind >= 0 && set.kind != (int)kind)
        return false;
    long number = atomic_fetch_add(&counted, 1) + 1;
    if (set.fail == 0 || (set.sticky ? number < set.fail : number != set.fail))
        return false;
    note(fd, path);
    errno = set.error;
    return true;
}

static bool is_file(int fd)
{
    struct stat info;
    int saved = errno;
    bool file = fstat(fd, &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode));
    errno = saved;
    return file;
}

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))
#define HOOK(kind, fd, failure, call)                                                              \
    do {                                                                                           \
        if (is_file(fd) && must_fail(kind, fd, NULL))                                              \
            return failure;                                                                        \
        return call;                                                                               \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t count)
{
    HOOK(KIND_WRITE, fd, -1, REAL(write)(fd, bytes, count));
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    HOOK(KIND_WRITE, fd, -1, REAL(pwrite)(fd, bytes, count, offset));
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    HOOK(KIND_WRITE, fd, -1, REAL(pwrite64)(fd, bytes, count, offset));
}
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    HOOK(KIND_WRITE, fd, -1, REAL(writev)(fd, parts, count));
}
/* As on a real full disk, a file can still be made shorter (DuckDB 1.5.6 aborts where that fails).
 */
static bool grows(int fd, off64_t length)
{
    struct stat info;
    return fstat(fd, &info) != 0 || length > info.st_size;
}
int ftruncate(int fd, off_t length)
{
    if (!grows(fd, length))
        return REAL(ftruncate)(fd, length);
    HOOK(KIND_WRITE, fd, -1, REAL(ftruncate)(fd, length));
}
int ftruncate64(int fd, off64_t length)
{
    if (!grows(fd, length))
        return REAL(ftruncate64)(fd, length);
    HOOK(KIND_WRITE, fd, -1, REAL(ftruncate64)(fd, length));
}
int posix_fallocate(int fd, off_t offset, off_t length)
{
    HOOK(KIND_WRITE, fd, set.error, REAL(posix_fallocate)(fd, offset, length));
}
int fsync(int fd)
{
    HOOK(KIND_SYNC, fd, -1, REAL(fsync)(fd));
}
int fdatasync(int fd)
{
    HOOK(KIND_SYNC, fd, -1, REAL(fdatasync)(fd));
}
int rename(const char *from, const char *to)
{
    return must_fail(KIND_RENAME, -1, to) ? -1 : REAL(rename)(from, to);
}
int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return must_fail(KIND_RENAME, -1, to) ? -1 : REAL(renameat)(from_fd, from, to_fd, to);
}
int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return must_fail(KIND_RENAME, -1, to) ? -1 : REAL(renameat2)(from_fd, from, to_fd, to, flags);
}
