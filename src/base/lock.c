/* Advisory locks with flock(2): they die with their process, so a kill -9 leaves none behind.
 *
 * The holder writes "pid host verb" into the file, only so that the next one's error can name it; a
 * text that cannot be written or read harms nothing. After the lock is had, the path is looked up
 * again: if another inode is there now (the file was removed meanwhile), the lock was on a ghost
 * and is taken again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define LOCK_POLL_NS 10000000L /* 10 ms */
#define LOCK_HOLDER_BYTES 200

static int open_lock(const char *path, bool exclusive)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    /* A store that may only be read still lets its readers lock. */
    if (fd < 0 && !exclusive && (errno == EACCES || errno == EROFS || errno == EPERM))
        fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd;
}

static bool still_at(const char *path, int fd)
{
    struct stat named, opened;
    return stat(path, &named) == 0 && fstat(fd, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

static void write_holder(int fd, const char *verb)
{
    char host[64] = "", text[LOCK_HOLDER_BYTES];
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    int length = snprintf(text, sizeof text, "%ld %s %.100s\n", (long)getpid(), host,
                          verb == NULL ? "" : verb);
    if (length > 0 && ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)length, 0) < 0) {
        /* the lock holds without its text */
    }
}

static void read_holder(int fd, char ret[LOCK_HOLDER_BYTES])
{
    ssize_t got = pread(fd, ret, LOCK_HOLDER_BYTES - 1, 0);
    size_t length = got > 0 ? (size_t)got : 0;
    ret[length] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

/* Waits until deadline_us for the lock. 0, or errno. */
static int wait_lock(int fd, bool exclusive, int64_t deadline_us)
{
    static const struct timespec pause = {0, LOCK_POLL_NS};
    for (;;) {
        if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return errno;
        if (errno == EWOULDBLOCK && clock_monotonic_us() >= deadline_us)
            return EWOULDBLOCK;
        nanosleep(&pause, NULL);
    }
}

enum err_code file_lock_take(const char *path, bool exclusive, int64_t wait_ms,
                             const char *holder_verb, struct file_lock *ret, struct err *err)
{
    int64_t deadline_us = clock_monotonic_us() + wait_ms * 1000;
    *ret = (struct file_lock)FILE_LOCK_INIT;
    for (;;) {
        int fd = open_lock(path, exclusive);
        if (fd < 0)
            return err_set_errno(err, errno, "cannot open the lock %s", path);
        int reason = wait_lock(fd, exclusive, deadline_us);
        if (reason != 0) {
            char holder[LOCK_HOLDER_BYTES];
            read_holder(fd, holder);
            close(fd);
            if (reason != EWOULDBLOCK)
                return err_set_errno(err, reason, "cannot lock %s", path);
            (void)err_set(err, ERR_LOCKED, "locked by another process (%s)",
                          holder[0] == '\0' ? "unknown" : holder);
            (void)err_at(err, path, 0, 0);
            (void)err_hint(err, "wait until it has finished, then try again");
            return ERR_LOCKED;
        }
        if (still_at(path, fd)) {
            write_holder(fd, holder_verb);
            ret->fd = fd;
            return ERR_OK;
        }
        close(fd);
    }
}

void file_lock_release(struct file_lock *lock)
{
    if (lock == NULL || lock->fd < 0)
        return;
    close(lock->fd); /* the last descriptor of this open file: the lock goes with it */
    lock->fd = -1;
}
