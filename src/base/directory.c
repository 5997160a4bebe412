/* Directories: making, listing, syncing and removing trees. Walks never follow symbolic links and
 * carry a depth. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define DIRECTORY_MODE 0700
#define DIRECTORY_MAX_DEPTH 64

enum err_code file_make_directory(const char *path, struct err *err)
{
    char partial[FILE_PATH_BYTES];
    size_t length = strlen(path);
    if (length >= sizeof partial)
        return err_set(err, ERR_LIMIT, "a path is longer than %d bytes", FILE_PATH_BYTES - 1);
    memcpy(partial, path, length + 1);
    for (size_t at = 1; at <= length; at++) {
        if (partial[at] != '/' && partial[at] != '\0')
            continue;
        char kept = partial[at];
        partial[at] = '\0';
        if (mkdir(partial, DIRECTORY_MODE) != 0) {
            int reason = errno;
            struct stat status;
            bool there = stat(partial, &status) == 0;
            if (there && !S_ISDIR(status.st_mode))
                return err_set(err, ERR_IO,
                               "cannot make the folder %s: a file of that name is in the way",
                               partial);
            if (!there)
                return err_set_errno(err, reason, "cannot make the folder %s", partial);
        }
        partial[at] = kept;
    }
    return ERR_OK;
}

enum err_code file_make_staging(const char *parent, const char *prefix, char ret[FILE_PATH_BYTES],
                                struct err *err)
{
    char name[256];
    int length = snprintf(name, sizeof name, "%s-XXXXXX", prefix);
    if (length < 0 || length >= (int)sizeof name)
        return err_set(err, ERR_LIMIT, "a file name is longer than %zu bytes", sizeof name - 1);
    TRY(file_path_join(parent, name, ret, err));
    if (mkdtemp(ret) == NULL)
        return err_set_errno(err, errno, "cannot make a folder in %s", parent);
    return ERR_OK;
}

static int compare_entries(const void *a, const void *b)
{
    const struct file_entry *left = a;
    const struct file_entry *right = b;
    return strcmp(left->name, right->name);
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static enum err_code list_add(struct file_list *list, size_t *cap, int directory, const char *name,
                              struct err *err)
{
    if (list->count == *cap) {
        size_t wanted = *cap == 0 ? 16 : *cap * 2;
        struct file_entry *grown = mem_resize(list->entries, wanted, sizeof *grown);
        if (grown == NULL)
            return err_set(err, ERR_MEMORY, "no memory to list a folder");
        list->entries = grown;
        *cap = wanted;
    }
    struct stat status;
    if (fstatat(directory, name, &status, 0) != 0 &&
        fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT
                   ? ERR_OK
                   : err_set_errno(err, errno, "cannot look at %s", name); /* gone meanwhile */
    char *copy = mem_strdup(name);
    if (copy == NULL)
        return err_set(err, ERR_MEMORY, "no memory to list a folder");
    enum file_kind kind = S_ISREG(status.st_mode)   ? FILE_REGULAR
                          : S_ISDIR(status.st_mode) ? FILE_DIRECTORY
                                                    : FILE_OTHER;
    list->entries[list->count++] = (struct file_entry){copy, kind, (int64_t)status.st_size};
    return ERR_OK;
}

enum err_code file_list_directory(const char *path, struct file_list *ret, struct err *err)
{
    *ret = (struct file_list){0};
    DIR *stream = opendir(path);
    if (stream == NULL)
        return err_set_errno(err, errno, "cannot read the folder %s", path);
    size_t cap = 0;
    enum err_code code = ERR_OK;
    while (code == ERR_OK) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            if (errno != 0)
                code = err_set_errno(err, errno, "cannot read the folder %s", path);
            break;
        }
        if (!is_dots(entry->d_name))
            code = list_add(ret, &cap, dirfd(stream), entry->d_name, err);
    }
    closedir(stream);
    if (code != ERR_OK)
        file_list_done(ret);
    else if (ret->count > 1)
        qsort(ret->entries, ret->count, sizeof *ret->entries, compare_entries);
    return code;
}

void file_list_done(struct file_list *list)
{
    if (list == NULL)
        return;
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->entries[i].name);
    mem_free(list->entries);
    *list = (struct file_list){0};
}

static bool is_link(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

static enum err_code fsync_walk(const char *path, int depth, struct err *err)
{
    if (depth > DIRECTORY_MAX_DEPTH)
        return err_set(err, ERR_LIMIT, "%s is nested more than %d folders deep", path,
                       DIRECTORY_MAX_DEPTH);
    struct file_list list;
    TRY(file_list_directory(path, &list, err));
    enum err_code code = ERR_OK;
    AUTO(mem_free) char *child = mem_alloc(FILE_PATH_BYTES); /* not on the stack of a recursion */
    if (child == NULL)
        code = err_set(err, ERR_MEMORY, "no memory to sync a folder");
    for (size_t i = 0; i < list.count && code == ERR_OK; i++) {
        code = file_path_join(path, list.entries[i].name, child, err);
        if (code != ERR_OK || is_link(child))
            continue;
        if (list.entries[i].kind == FILE_DIRECTORY)
            code = fsync_walk(child, depth + 1, err);
        else if (list.entries[i].kind == FILE_REGULAR)
            code = file_fsync(child, err);
    }
    file_list_done(&list);
    return code == ERR_OK ? file_fsync(path, err) : code;
}

enum err_code file_fsync_tree(const char *path, struct err *err)
{
    struct file_info info;
    TRY(file_stat(path, &info, err));
    return info.kind == FILE_DIRECTORY ? fsync_walk(path, 0, err) : file_fsync(path, err);
}

/* Empties the directory behind fd, which is closed. path is for messages. */
static enum err_code empty_directory(int fd, const char *path, int depth, struct err *err)
{
    DIR *stream = depth > DIRECTORY_MAX_DEPTH ? NULL : fdopendir(fd);
    if (stream == NULL) {
        int reason = errno;
        close(fd);
        if (depth > DIRECTORY_MAX_DEPTH)
            return err_set(err, ERR_LIMIT, "%s is nested more than %d folders deep", path,
                           DIRECTORY_MAX_DEPTH);
        return err_set_errno(err, reason, "cannot read the folder %s", path);
    }
    enum err_code code = ERR_OK;
    struct dirent *entry = NULL;
    while (code == ERR_OK && (entry = readdir(stream)) != NULL) {
        if (is_dots(entry->d_name) || unlinkat(fd, entry->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR && errno != EPERM) {
            code = err_set_errno(err, errno, "cannot remove %s in %s", entry->d_name, path);
            break;
        }
        int child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child < 0)
            code = err_set_errno(err, errno, "cannot open %s in %s", entry->d_name, path);
        else
            code = empty_directory(child, path, depth + 1, err);
        if (code == ERR_OK && unlinkat(fd, entry->d_name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            code = err_set_errno(err, errno, "cannot remove %s in %s", entry->d_name, path);
    }
    closedir(stream);
    return code;
}

enum err_code file_remove_tree(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT)
            return ERR_OK;
        if (errno == ENOTDIR || errno == ELOOP)
            return file_remove(path, err);
        return err_set_errno(err, errno, "cannot open %s", path);
    }
    TRY(empty_directory(fd, path, 0, err));
    if (rmdir(path) != 0 && errno != ENOENT)
        return err_set_errno(err, errno, "cannot remove %s", path);
    return ERR_OK;
}
