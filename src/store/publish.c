/* Staging and publishing: how staged bytes become visible.
 *
 *     tmp/PID-START-XXXXXX/   + .lock held     write … fsync … rename ──▶ objects/HASH,
 * versions/ID, runs/ID then     CURRENT replaced by rename
 *
 * The one idea: a rename is the only thing that makes bytes visible, and only after they were
 * fsynced. A staging folder is owned by whoever holds the flock on its .lock file; a sweep removes
 * what nobody holds. tmp.lock keeps the sweep away from the moment between making the folder and
 * locking it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_priv.h"

static enum err_code lock_staging(struct store_staging *staging, const char *verb, struct err *err)
{
    char lock[FILE_PATH_BYTES];
    int length = snprintf(lock, sizeof lock, "%s.lock", staging->path);
    if (length < 0 || length >= (int)sizeof lock)
        return err_set(err, ERR_LIMIT, "a path is longer than %d bytes", FILE_PATH_BYTES - 1);
    return file_lock_take(lock, true, 0, verb, &staging->lock, err);
}

enum err_code store_staging_make(struct store *store, const char *verb, struct store_staging *ret,
                                 struct err *err)
{
    char path[FILE_PATH_BYTES], prefix[64];
    struct file_lock guard = FILE_LOCK_INIT;
    ret->path[0] = '\0';
    ret->lock = (struct file_lock)FILE_LOCK_INIT;
    TRY(store_need_writable(store, err));
    TRY(store_path(store, path, err, "tmp"));
    TRY(file_make_directory(path, err));
    TRY(store_path(store, path, err, "tmp.lock"));
    TRY(file_lock_take(path, false, STORE_SHORT_WAIT_MS, verb, &guard, err));
    (void)snprintf(prefix, sizeof prefix, "%ld-%lld", (long)getpid(),
                   (long long)clock_monotonic_us());
    enum err_code code = store_path(store, path, err, "tmp");
    if (code == ERR_OK)
        code = file_make_staging(path, prefix, ret->path, err);
    if (code != ERR_OK)
        ret->path[0] = '\0';
    if (code == ERR_OK)
        code = lock_staging(ret, verb, err);
    file_lock_release(&guard);
    if (code != ERR_OK)
        store_staging_remove(ret);
    return code;
}

void store_staging_remove(struct store_staging *staging)
{
    char lock[FILE_PATH_BYTES + 8];
    if (staging == NULL || staging->path[0] == '\0')
        return;
    (void)snprintf(lock, sizeof lock, "%s.lock", staging->path);
    if (file_remove_tree(staging->path, ERR_IGNORED) == ERR_OK)
        (void)unlink(lock); /* else the next sweep finds both */
    file_lock_release(&staging->lock);
    staging->path[0] = '\0';
}

static void sweep_owned(const char *directory, const char *lock_name)
{
    char lock[FILE_PATH_BYTES], folder[FILE_PATH_BYTES];
    struct file_lock held = FILE_LOCK_INIT;
    if (file_path_join(directory, lock_name, lock, ERR_IGNORED) != ERR_OK ||
        file_lock_take(lock, true, 0, "sweep", &held, ERR_IGNORED) != ERR_OK)
        return; /* its owner lives */
    memcpy(folder, lock, sizeof folder);
    folder[strlen(folder) - strlen(".lock")] = '\0';
    if (file_remove_tree(folder, ERR_IGNORED) == ERR_OK)
        (void)unlink(lock);
    file_lock_release(&held);
}

void store_staging_sweep(struct store *store)
{
    char path[FILE_PATH_BYTES], directory[FILE_PATH_BYTES], child[FILE_PATH_BYTES];
    struct file_lock guard = FILE_LOCK_INIT;
    struct file_list list = {0};
    if (store_path(store, directory, ERR_IGNORED, "tmp") != ERR_OK ||
        store_path(store, path, ERR_IGNORED, "tmp.lock") != ERR_OK ||
        file_list_directory(directory, &list, ERR_IGNORED) != ERR_OK)
        return;
    if (list.count == 0 || file_lock_take(path, true, 0, "sweep", &guard, ERR_IGNORED) != ERR_OK) {
        file_list_done(&list);
        return;
    }
    for (size_t i = 0; i < list.count; i++)
        if (str_has_suffix_nocase(str_of(list.entries[i].name), ".lock"))
            sweep_owned(directory, list.entries[i].name);
    file_list_done(&list);
    /* What is left without a lock was cut off between its making and its locking; what has one is
     * owned. */
    if (file_list_directory(directory, &list, ERR_IGNORED) == ERR_OK) {
        for (size_t i = 0; i < list.count; i++) {
            bool is_lock = str_has_suffix_nocase(str_of(list.entries[i].name), ".lock");
            bool owned =
                i + 1 < list.count && strncmp(list.entries[i + 1].name, list.entries[i].name,
                                              strlen(list.entries[i].name)) == 0;
            if (!is_lock && !owned &&
                file_path_join(directory, list.entries[i].name, child, ERR_IGNORED) == ERR_OK)
                (void)!file_remove_tree(child, ERR_IGNORED);
        }
        file_list_done(&list);
    }
    file_lock_release(&guard);
}

enum err_code store_publish_place(struct store *store, const char *dataset, const char *kind,
                                  char ret[FILE_PATH_BYTES], struct err *err)
{
    TRY(store_dataset_path(store, dataset, ret, err, "%s", kind));
    bool fresh = !file_exists(ret);
    TRY(file_make_directory(ret, err));
    if (fresh) { /* the names of the new folders must last too */
        char above[FILE_PATH_BYTES];
        TRY(store_path(store, above, err, "datasets/%s", dataset));
        TRY(file_fsync(above, err));
        TRY(store_path(store, above, err, "datasets"));
        TRY(file_fsync(above, err));
    }
    return ERR_OK;
}

enum err_code store_publish_directory(struct store *store, const char *dataset, const char *kind,
                                      const char *id, const char *staged, bool *ret_existed,
                                      struct err *err)
{
    char parent[FILE_PATH_BYTES], target[FILE_PATH_BYTES];
    TRY(store_publish_place(store, dataset, kind, parent, err));
    TRY(file_path_join(parent, id, target, err));
    TRY(file_fsync_tree(staged, err));
    TRY(file_publish(staged, target, ret_existed, err));
    return *ret_existed ? file_remove_tree(staged, err) : ERR_OK;
}

/* ---- CURRENT -----------------------------------------------------------------------------------
 */

enum err_code store_current_read(const struct store *store, const char *dataset,
                                 char ret[HASH_HEX_BYTES], struct err *err)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf text = BUF_INIT;
    ret[0] = '\0';
    TRY(store_dataset_path(store, dataset, path, err, "CURRENT"));
    if (!file_exists(path))
        return ERR_OK;
    TRY(file_read(path, 4096, &text, err));
    if (text.len != HASH_HEX_BYTES || text.ptr[HASH_HEX_BYTES - 1] != '\n' ||
        strspn(text.ptr, "0123456789abcdef") != HASH_HEX_BYTES - 1) {
        (void)err_set(err, ERR_INTEGRITY, "CURRENT of dataset %s is damaged", dataset);
        (void)err_at(err, path, 0, 0);
        return err_hint(err, "write the id of the wanted version (a folder name in versions/) and "
                             "a newline into it");
    }
    memcpy(ret, text.ptr, HASH_HEX_BYTES - 1);
    ret[HASH_HEX_BYTES - 1] = '\0';
    return ERR_OK;
}

static enum err_code put_current(const char *path, const char *version, struct err *err)
{
    char line[HASH_HEX_BYTES + 1];
    int length = snprintf(line, sizeof line, "%s\n", version);
    return file_replace(path, (struct str){line, (size_t)length}, err);
}

enum err_code store_current_write(struct store *store, const char *dataset, const char *version,
                                  struct err *err)
{
    char path[FILE_PATH_BYTES], before[HASH_HEX_BYTES], after[HASH_HEX_BYTES];
    TRY(store_dataset_path(store, dataset, path, err, "CURRENT"));
    TRY(store_current_read(store, dataset, before, err));
    enum err_code code = put_current(path, version, err);
    if (code == ERR_OK)
        return ERR_OK;
    /* The rename may have happened (only the fsync of the folder failed): what is said to have
     * failed must not be seen. */
    if (store_current_read(store, dataset, after, ERR_IGNORED) != ERR_OK ||
        strcmp(before, after) != 0) {
        if (before[0] == '\0')
            (void)!file_remove(path, ERR_IGNORED);
        else
            (void)!put_current(path, before, ERR_IGNORED);
    }
    return code;
}
