/* Single files: reading, staged writing, atomic replacement, publishing by rename.
 *
 * The one idea: bytes become visible only by a rename of something that was fsynced before, and the
 * rename is made lasting by an fsync of the directory. Every write, fsync and rename of ours goes
 * through the three small functions here that ask fault_now first. An fsync error is returned,
 * never retried. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fault.h"

#define FILE_READ_LIMIT ((size_t)64 << 20)
#define FILE_CHUNK_BYTES ((size_t)1 << 18)
#define FILE_MODE 0600

enum err_code file_path_join(const char *a, const char *b, char ret[FILE_PATH_BYTES],
                             struct err *err)
{
    size_t length = strlen(a);
    while (length > 1 && a[length - 1] == '/')
        length--;
    if (length > 0)
        while (*b == '/')
            b++;
    const char *slash = length == 0 || a[length - 1] == '/' || *b == '\0' ? "" : "/";
    int wanted = length >= FILE_PATH_BYTES
                     ? -1
                     : snprintf(ret, FILE_PATH_BYTES, "%.*s%s%s", (int)length, a, slash, b);
    if (wanted < 0 || wanted >= FILE_PATH_BYTES)
        return err_set(err, ERR_LIMIT, "a path is longer than %d bytes", FILE_PATH_BYTES - 1);
    return ERR_OK;
}

const char *file_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

enum err_code file_stat(const char *path, struct file_info *ret, struct err *err)
{
    struct stat status;
    *ret = (struct file_info){.kind = FILE_MISSING};
    if (stat(path, &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return ERR_OK;
        return err_set_errno(err, errno, "cannot look at %s", path);
    }
    ret->kind = S_ISREG(status.st_mode)   ? FILE_REGULAR
                : S_ISDIR(status.st_mode) ? FILE_DIRECTORY
                                          : FILE_OTHER;
    ret->bytes = (int64_t)status.st_size;
    ret->modified_us =
        (int64_t)status.st_mtim.tv_sec * 1000000 + (int64_t)status.st_mtim.tv_nsec / 1000;
    ret->changed_us =
        (int64_t)status.st_ctim.tv_sec * 1000000 + (int64_t)status.st_ctim.tv_nsec / 1000;
    return ERR_OK;
}

bool file_exists(const char *path)
{
    struct file_info info;
    return file_stat(path, &info, ERR_IGNORED) == ERR_OK && info.kind != FILE_MISSING;
}

static ssize_t read_some(int fd, void *bytes, size_t count)
{
    ssize_t got = 0;
    do
        got = read(fd, bytes, count);
    while (got < 0 && errno == EINTR);
    return got;
}

static enum err_code read_all(int fd, const char *path, size_t limit_bytes, struct buf *ret,
                              struct err *err)
{
    size_t total = 0, chunk = FILE_CHUNK_BYTES;
    struct stat status;
    if (fstat(fd, &status) == 0 && status.st_size > 0 && (size_t)status.st_size < chunk)
        chunk = (size_t)status.st_size + 1; /* small as most are: room for it, and to see its end */
    for (;;) {
        if (!buf_reserve(ret, chunk))
            return err_set(err, ERR_MEMORY, "no memory to read %s", path);
        ssize_t got = read_some(fd, ret->ptr + ret->len, chunk);
        if (got < 0)
            return err_set_errno(err, errno, "cannot read %s", path);
        if (got == 0)
            return ERR_OK;
        total += (size_t)got;
        if (total > limit_bytes)
            return err_set(err, ERR_LIMIT, "%s is larger than the limit of %zu bytes", path,
                           limit_bytes);
        ret->len += (size_t)got;
        ret->ptr[ret->len] = '\0';
        chunk = (size_t)got < chunk ? 1 : FILE_CHUNK_BYTES; /* at its end most likely */
    }
}

enum err_code file_read(const char *path, size_t limit_bytes, struct buf *ret, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", path);
    enum err_code code =
        read_all(fd, path, limit_bytes == 0 ? FILE_READ_LIMIT : limit_bytes, ret, err);
    close(fd);
    return code;
}

enum err_code file_read_end(const char *path, size_t most, struct buf *ret, int64_t *ret_before,
                            struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", path);
    off_t size = lseek(fd, 0, SEEK_END), from = size > (off_t)most ? size - (off_t)most : 0;
    enum err_code code = ERR_OK;
    *ret_before = (int64_t)from;
    if (size < 0 || lseek(fd, from, SEEK_SET) < 0)
        code = err_set_errno(err, errno, "cannot read %s", path);
    if (code == ERR_OK)
        code = read_all(fd, path, FILE_READ_LIMIT, ret, err);
    close(fd);
    return code;
}

enum err_code file_write_fd(int fd, const void *bytes, size_t count, const char *path,
                            struct err *err)
{
    const char *at = bytes;
    while (count > 0) {
        if (fault_now(FAULT_WRITE))
            return err_set_errno(err, errno, "cannot write %s", path);
        ssize_t written = write(fd, at, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_set_errno(err, errno, "cannot write %s", path);
        at += written;
        count -= (size_t)written;
    }
    return ERR_OK;
}

enum err_code file_fsync_fd(int fd, const char *path, struct err *err)
{
    if (fault_now(FAULT_FSYNC) || fsync(fd) != 0)
        return err_set_errno(err, errno, "cannot make %s durable (fsync)", path);
    return ERR_OK;
}

enum err_code file_fsync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", path);
    enum err_code code = file_fsync_fd(fd, path, err);
    close(fd);
    return code;
}

/* fsync of the directory that holds path. */
static enum err_code fsync_parent(const char *path, struct err *err)
{
    char parent[FILE_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (length >= sizeof parent)
        return err_set(err, ERR_LIMIT, "a path is longer than %d bytes", FILE_PATH_BYTES - 1);
    memcpy(parent, path, length);
    parent[length] = '\0';
    return file_fsync(length == 0 ? "." : parent, err);
}

static bool same_parent(const char *a, const char *b)
{
    size_t a_length = (size_t)(file_base_name(a) - a);
    size_t b_length = (size_t)(file_base_name(b) - b);
    return a_length == b_length && memcmp(a, b, a_length) == 0;
}

enum err_code file_write_new(const char *path, struct str bytes, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot create %s", path);
    enum err_code code = file_write_fd(fd, bytes.ptr, bytes.len, path, err);
    if (code == ERR_OK)
        code = file_fsync_fd(fd, path, err);
    if (close(fd) != 0 && code == ERR_OK)
        code = err_set_errno(err, errno, "cannot close %s", path);
    if (code != ERR_OK)
        unlink(path);
    return code;
}

enum err_code file_replace(const char *path, struct str bytes, struct err *err)
{
    static _Atomic unsigned counter; /* two threads may replace one path */
    char staged[FILE_PATH_BYTES];
    int length = snprintf(staged, sizeof staged, "%s.tmp-%ld-%u", path, (long)getpid(),
                          atomic_fetch_add(&counter, 1));
    if (length < 0 || length >= (int)sizeof staged)
        return err_set(err, ERR_LIMIT, "a path is longer than %d bytes", FILE_PATH_BYTES - 1);
    TRY(file_write_new(staged, bytes, err));
    if (fault_now(FAULT_RENAME) || rename(staged, path) != 0) {
        enum err_code code = err_set_errno(err, errno, "cannot replace %s", path);
        unlink(staged);
        return code;
    }
    return fsync_parent(path, err);
}

/* rename that never replaces: EEXIST when to is there. Falls back where the file system lacks
 * RENAME_NOREPLACE. */
static int rename_noreplace(const char *from, const char *to)
{
    if (fault_now(FAULT_RENAME))
        return -1;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    struct stat status;
    if (lstat(to, &status) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

enum err_code file_rename_new(const char *from, const char *to, bool *ret_existed, struct err *err)
{
    if (ret_existed != NULL)
        *ret_existed = false;
    if (rename_noreplace(from, to) != 0) {
        bool existed = errno == EEXIST || errno == ENOTEMPTY;
        if (!existed)
            return err_set_errno(err, errno, "cannot publish %s", to);
        if (ret_existed == NULL)
            return err_set(err, ERR_FAILED, "cannot publish %s: it is there already", to);
        *ret_existed = true;
    }
    return ERR_OK;
}

enum err_code file_publish(const char *from, const char *to, bool *ret_existed, struct err *err)
{
    TRY(file_rename_new(from, to, ret_existed, err));
    if (ret_existed != NULL && *ret_existed)
        return ERR_OK;
    TRY(fsync_parent(to, err));
    return same_parent(from, to) ? ERR_OK : fsync_parent(from, err);
}

enum err_code file_remove(const char *path, struct err *err)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return ERR_OK;
    return err_set_errno(err, errno, "cannot remove %s", path);
}

static enum err_code hash_all(int fd, const char *path, struct hash_sha256 *hash,
                              int64_t *ret_bytes, struct err *err)
{
    AUTO(mem_free) char *chunk = mem_alloc(FILE_CHUNK_BYTES);
    int64_t total = 0;
    if (chunk == NULL)
        return err_set(err, ERR_MEMORY, "no memory to hash %s", path);
    for (;;) {
        ssize_t got = read_some(fd, chunk, FILE_CHUNK_BYTES);
        if (got < 0)
            return err_set_errno(err, errno, "cannot read %s", path);
        if (got == 0)
            break;
        hash_sha256_add(hash, chunk, (size_t)got);
        total += got;
    }
    if (ret_bytes != NULL)
        *ret_bytes = total;
    return ERR_OK;
}

enum err_code file_sha256(const char *path, char ret_hex[HASH_HEX_BYTES], int64_t *ret_bytes,
                          struct err *err)
{
    ret_hex[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", path);
    struct hash_sha256 *hash = hash_sha256_new();
    enum err_code code = hash == NULL ? err_set(err, ERR_MEMORY, "no memory to hash %s", path)
                                      : hash_all(fd, path, hash, ret_bytes, err);
    if (code == ERR_OK)
        hash_sha256_finish(hash, ret_hex);
    if (code == ERR_OK && ret_hex[0] == '\0')
        code = err_set(err, ERR_FAILED, "the SHA-256 of %s could not be computed", path);
    hash_sha256_free(hash);
    close(fd);
    return code;
}

int64_t file_free_bytes(const char *path)
{
    struct statvfs status;
    if (statvfs(path, &status) != 0)
        return -1;
    return (int64_t)(status.f_bavail * status.f_frsize);
}
