/* Opening and closing a store: the directory, its format, whether it may be written, paths and
 * locks below it.
 *
 *     STORE/store.json {format, id}   datasets/   tmp/
 *
 * The one idea: a store is only a directory; opening it reads one small file and loads no data. A
 * store that can't be written opens read-only. What a dead process left in tmp/ is swept here. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_priv.h"

static enum err_code join_format(const char *base, const char *format, va_list arguments,
                                 char ret[FILE_PATH_BYTES], struct err *err)
{
    char tail[FILE_PATH_BYTES];
    int length = vsnprintf(tail, sizeof tail, format, arguments);
    if (length < 0 || length >= (int)sizeof tail)
        return err_set(err, ERR_LIMIT, "a path is longer than %d bytes", FILE_PATH_BYTES - 1);
    return file_path_join(base, tail, ret, err);
}

enum err_code store_path(const struct store *store, char ret[FILE_PATH_BYTES], struct err *err,
                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    enum err_code code = join_format(store->options.directory, format, arguments, ret, err);
    va_end(arguments);
    return code;
}

enum err_code store_dataset_path(const struct store *store, const char *dataset,
                                 char ret[FILE_PATH_BYTES], struct err *err, const char *format,
                                 ...)
{
    char base[FILE_PATH_BYTES];
    TRY(store_dataset_name_check(dataset, err));
    TRY(store_path(store, base, err, "datasets/%s", dataset));
    va_list arguments;
    va_start(arguments, format);
    enum err_code code = join_format(base, format, arguments, ret, err);
    va_end(arguments);
    return code;
}

const char *store_relative(const struct store *store, const char *path)
{
    size_t length = strlen(store->options.directory);
    if (strncmp(path, store->options.directory, length) != 0)
        return path;
    path += length;
    while (*path == '/')
        path++;
    return path;
}

bool store_is_hex(const char *text, size_t digits)
{
    return strspn(text, "0123456789abcdef") == digits && text[digits] == '\0';
}

enum err_code store_need_writable(const struct store *store, struct err *err)
{
    if (store->writable)
        return ERR_OK;
    (void)err_set(err, ERR_IO, "the store can't be written: %s", store->options.directory);
    return err_hint(
        err, "check the folder's owner and permissions, or copy the store to a place of your own");
}

enum err_code store_lock(struct store *store, const char *dataset, const char *name, bool exclusive,
                         int64_t wait_ms, const char *verb, struct file_lock *ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    TRY(store_dataset_path(store, dataset, path, err, "%s", name));
    enum err_code code = file_lock_take(path, exclusive, wait_ms, verb, ret, err);
    if (code == ERR_LOCKED)
        (void)err_context(err, "dataset %s", dataset);
    return code;
}

static enum err_code copy_options(struct store *store, const struct store_options *options,
                                  struct err *err)
{
    store->options = *options;
    store->options.engine.database = NULL;
    store->options.directory = mem_strdup(options->directory);
    store->options.engine.spill_directory = mem_strdup(options->engine.spill_directory);
    if (store->options.directory == NULL ||
        (store->options.engine.spill_directory == NULL && options->engine.spill_directory != NULL))
        return err_set(err, ERR_MEMORY, "no memory to open the store");
    return ERR_OK;
}

/* A folder that holds something else is not turned into a store. */
static enum err_code check_empty(const char *directory, struct err *err)
{
    struct file_list list;
    TRY(file_list_directory(directory, &list, err));
    const char *other = NULL;
    for (size_t i = 0; i < list.count && other == NULL; i++) {
        const char *name = list.entries[i].name;
        if (strncmp(name, "store.json", 10) != 0 && strcmp(name, "datasets") != 0 &&
            strcmp(name, "tmp") != 0 && strcmp(name, "tmp.lock") != 0)
            other = name;
    }
    enum err_code code = ERR_OK;
    if (other != NULL) {
        (void)err_set(err, ERR_INPUT, "the folder is not empty and holds no store: %s", directory);
        code = err_hint(err, "give an empty or a new folder as the store");
    }
    file_list_done(&list);
    return code;
}

static enum err_code make_store(const char *directory, struct err *err)
{
    char path[FILE_PATH_BYTES], id[33];
    unsigned char random[16];
    bool ok = true;
    TRY(file_make_directory(directory, err));
    TRY(check_empty(directory, err));
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_set_errno(err, errno, "no random bytes for the store's id");
    for (size_t i = 0; i < sizeof random; i++)
        (void)snprintf(id + 2 * i, 3, "%02x", random[i]);
    JSON_AUTO document = json_object();
    json_put_int(document, "format", STORE_FORMAT_VERSION, &ok);
    json_put_text(document, "id", id, &ok);
    json_put_text(document, "made_by", "marrow " MARROW_VERSION, &ok);
    TRY(json_built(ok, err));
    TRY(file_path_join(directory, "store.json", path, err));
    return store_document_write(path, document, true, err);
}

static enum err_code check_store(struct store *store, bool create, struct err *err)
{
    char path[FILE_PATH_BYTES];
    TRY(store_path(store, path, err, "store.json"));
    if (!file_exists(path)) {
        if (!create) {
            (void)err_set(err, ERR_NOT_FOUND, "no store at %s", store->options.directory);
            return err_hint(err, "import something first (marrow import FILE), or name the store "
                                 "with --store or MARROW_STORE");
        }
        TRY(make_store(store->options.directory, err));
    }
    JSON_AUTO document = NULL;
    enum err_code code = store_document_read(path, &document, err);
    if (code == ERR_OK)
        (void)snprintf(store->id, sizeof store->id, "%s", json_text(document, "id", ""));
    if (code == ERR_INTEGRITY)
        (void)err_hint(err, "store.json holds only {\"format\": 1, …}; remove it and create the "
                            "store again over its datasets");
    return code;
}

enum err_code store_open(const struct store_options *options, struct store **ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    *ret = NULL;
    AUTO(store_close) struct store *store = mem_zalloc(1, sizeof *store);
    if (store == NULL)
        return err_set(err, ERR_MEMORY, "no memory to open the store");
    (void)pthread_mutex_init(&store->mutex, NULL);
    store->history_segment_bytes = STORE_HISTORY_SEGMENT_BYTES;
    store->prune_wait_ms = STORE_PRUNE_WAIT_MS;
    TRY(copy_options(store, options, err));
    TRY(check_store(store, options->create, err));
    store->writable = access(store->options.directory, W_OK) == 0;
    if (store->writable) {
        TRY(store_path(store, path, err, "datasets"));
        TRY(file_make_directory(path, err));
        TRY(store_path(store, path, err, "tmp"));
        TRY(file_make_directory(path, err));
        store_staging_sweep(store);
    }
    *ret = store;
    store = NULL;
    return ERR_OK;
}

static void free_text(const char *text)
{
    char *owned;
    memcpy(&owned, &text, sizeof owned); /* the options' strings are const for everyone else */
    mem_free(owned);
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < store->run_staging_count; i++) {
        store_staging_remove(store->run_stagings[i]);
        mem_free(store->run_stagings[i]);
    }
    mem_free(store->run_stagings);
    free_text(store->options.directory);
    free_text(store->options.engine.spill_directory);
    (void)pthread_mutex_destroy(&store->mutex);
    mem_free(store);
}

const char *store_id(const struct store *store)
{
    return store->id;
}

const char *store_directory(const struct store *store)
{
    return store->options.directory;
}

bool store_is_writable(const struct store *store)
{
    return store->writable;
}

const struct store_options *store_get_options(const struct store *store)
{
    return &store->options;
}

enum err_code store_engine_open(struct store *store, const struct engine_options *given,
                                const char *spill, struct engine **ret, struct err *err)
{
    struct engine_options options = given == NULL ? store->options.engine : *given;
    options.database = NULL;
    options.read_only = false;
    if (options.spill_directory == NULL)
        options.spill_directory = spill;
    if (options.progress == NULL)
        options.progress = store->options.progress;
    return engine_open(&options, ret, err);
}
