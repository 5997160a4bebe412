/* Files, directories, locks: every write, fsync and rename of ours passes here, so that faults can be
 * injected and publishing is written once. Paths are NUL-terminated UTF-8. Functions that create files
 * use mode 0600 and directories 0700 (clinical data). All are thread-safe. */
#ifndef MARROW_BASE_FILE_H
#define MARROW_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/hash.h"
#include "base/str.h"

#define FILE_PATH_BYTES 4096

/* a/b in ret (no doubled slash); ERR_LIMIT when too long. */
enum err_code file_path_join(const char *a, const char *b, char ret[FILE_PATH_BYTES], struct err *err) WARN_UNUSED;
const char *file_base_name(const char *path); /* borrowed */

enum file_kind { FILE_MISSING, FILE_REGULAR, FILE_DIRECTORY, FILE_OTHER };
struct file_info {
    enum file_kind kind;
    int64_t bytes;
    int64_t modified_us; /* of the content; anyone may set it */
    int64_t changed_us;  /* of content, name or rights; the system sets it */
};
enum err_code file_stat(const char *path, struct file_info *ret, struct err *err) WARN_UNUSED; /* missing is ERR_OK */
bool file_exists(const char *path);

/* Whole small file. limit_bytes 0 = 64 MiB; past it ERR_LIMIT. ret gets the bytes appended. */
enum err_code file_read(const char *path, size_t limit_bytes, struct buf *ret, struct err *err) WARN_UNUSED;
/* Its last bytes, at most `most` of them; *ret_before: how many lie before them. */
enum err_code file_read_end(const char *path, size_t most, struct buf *ret, int64_t *ret_before, struct err *err) WARN_UNUSED;
/* Write + fsync a new file (O_EXCL) — for staged files. */
enum err_code file_write_new(const char *path, struct str bytes, struct err *err) WARN_UNUSED;
/* Replace atomically: path.tmp-PID-N → fsync → rename → fsync of the parent. */
enum err_code file_replace(const char *path, struct str bytes, struct err *err) WARN_UNUSED;
/* Write all to an open descriptor (retries EINTR and short writes; fault point WRITE). */
enum err_code file_write_fd(int fd, const void *bytes, size_t count, const char *path, struct err *err) WARN_UNUSED;
enum err_code file_fsync_fd(int fd, const char *path, struct err *err) WARN_UNUSED;
enum err_code file_fsync(const char *path, struct err *err) WARN_UNUSED;           /* file or directory */
enum err_code file_fsync_tree(const char *path, struct err *err) WARN_UNUSED;      /* all files, then directories, bottom-up */
/* rename(2) that never replaces: when the target exists, nothing is renamed and *ret_existed = true with ERR_OK; with ret_existed
 * NULL that is ERR_FAILED. Lasting only once both parents are fsynced. */
enum err_code file_rename_new(const char *from, const char *to, bool *ret_existed, struct err *err) WARN_UNUSED;
/* file_rename_new + fsync of the new parent (and the old one); where the target existed, a twin made it, and from is still the caller's. */
enum err_code file_publish(const char *from, const char *to, bool *ret_existed, struct err *err) WARN_UNUSED;
enum err_code file_remove(const char *path, struct err *err) WARN_UNUSED;      /* missing is ERR_OK */
enum err_code file_remove_tree(const char *path, struct err *err) WARN_UNUSED; /* missing is ERR_OK; never follows links */
enum err_code file_make_directory(const char *path, struct err *err) WARN_UNUSED; /* with parents; existing is ERR_OK */
/* A fresh directory parent/prefix-XXXXXX. */
enum err_code file_make_staging(const char *parent, const char *prefix, char ret[FILE_PATH_BYTES], struct err *err) WARN_UNUSED;
enum err_code file_sha256(const char *path, char ret_hex[HASH_HEX_BYTES], int64_t *ret_bytes, struct err *err) WARN_UNUSED;

struct file_entry {
    char *name; /* no directory part */
    enum file_kind kind;
    int64_t bytes;
};
struct file_list {
    struct file_entry *entries; /* sorted by name, bytewise; no "." or ".." */
    size_t count;
};
enum err_code file_list_directory(const char *path, struct file_list *ret, struct err *err) WARN_UNUSED;
void file_list_done(struct file_list *list);

/* Advisory lock (flock) on a file that is created if missing. The holder's "pid host verb" is written into it
 * for the error message of the next one. ERR_LOCKED names the holder. wait_ms 0 = do not wait. */
struct file_lock {
    int fd;
};
#define FILE_LOCK_INIT {-1}
enum err_code file_lock_take(const char *path, bool exclusive, int64_t wait_ms, const char *holder_verb,
                             struct file_lock *ret, struct err *err) WARN_UNUSED;
void file_lock_release(struct file_lock *lock);
int64_t file_free_bytes(const char *path); /* of the file system; -1 unknown */

#endif
