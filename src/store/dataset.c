/* Datasets: names, the list with one line each, and dataset.json, which holds what a person
 * decided.
 *
 * The one idea: a damaged dataset never keeps the others from being listed; it gets a "problem"
 * instead. A dataset is there when it has a CURRENT (or once had one, which its history shows); the
 * folder of a first import under way is not listed. */
#include <string.h>

#include "store/store_priv.h"

enum err_code store_dataset_name_check(const char *name, struct err *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    size_t length = name == NULL ? 0 : strlen(name);
    size_t fine = 0;
    while (fine < length && (strchr(letters, name[fine]) != NULL ||
                             (fine > 0 && (name[fine] == '.' || name[fine] == '-'))))
        fine++;
    if (length > 0 && length <= STORE_LIMIT_NAME_BYTES && fine == length)
        return ERR_OK;
    if (length == 0)
        (void)err_set(err, ERR_USAGE, "the dataset's name is empty");
    else if (length > STORE_LIMIT_NAME_BYTES)
        (void)err_set(err, ERR_USAGE, "the dataset's name has %zu bytes, at most %d are allowed",
                      length, STORE_LIMIT_NAME_BYTES);
    else
        (void)err_set(err, ERR_USAGE,
                      "the dataset's name has a character that is not allowed, at position %zu",
                      fine + 1);
    return err_hint(err, "use letters, digits, '_', and after the first also '.' and '-'");
}

static int64_t count_entries(const struct store *store, const char *dataset, const char *kind)
{
    char path[FILE_PATH_BYTES];
    struct file_list list = {0};
    if (store_dataset_path(store, dataset, path, ERR_IGNORED, "%s", kind) != ERR_OK ||
        file_list_directory(path, &list, ERR_IGNORED) != ERR_OK)
        return 0;
    int64_t count = 0;
    for (size_t i = 0; i < list.count; i++)
        count += list.entries[i].kind == FILE_DIRECTORY;
    file_list_done(&list);
    return count;
}

/* The object must at least be there: its two copies, or where its files stand. */
static enum err_code check_object(const struct store *store, const char *dataset,
                                  const json_t *table, struct err *err)
{
    static const char *const files[] = {"object.json", "table.duckdb", "table.parquet"};
    char path[FILE_PATH_BYTES];
    const char *hash = json_text(table, "object", "");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        JSON_AUTO object = NULL;
        TRY(store_dataset_path(store, dataset, path, err, "objects/%s/%s", hash, files[i]));
        if (file_exists(path))
            continue;
        if (i == 1 && store_object_read(store, dataset, hash, &object, ERR_IGNORED) == ERR_OK &&
            json_object_get(object, "place") != NULL)
            return ERR_OK;
        return err_set(err, ERR_INTEGRITY, "%s of table %s is missing", files[i],
                       json_text(table, "name", ""));
    }
    return ERR_OK;
}

/* The current version's facts into entry; every object must at least be there. */
static enum err_code describe(const struct store *store, const char *dataset, json_t *entry,
                              struct err *err)
{
    char current[HASH_HEX_BYTES];
    bool ok = true;
    size_t idx;
    json_t *table;
    JSON_AUTO manifest = NULL;
    TRY(store_current_read(store, dataset, current, err));
    if (current[0] == '\0')
        return err_set(err, ERR_INTEGRITY, "CURRENT is missing");
    json_put_text(entry, "version", current, &ok);
    TRY(json_built(ok, err));
    TRY(store_manifest_read(store, dataset, current, &manifest, err));
    json_put_text(entry, "created_at", json_text(manifest, "created_at", NULL), &ok);
    json_put_int(entry, "tables", (int64_t)json_array_size(json_object_get(manifest, "tables")),
                 &ok);
    json_put_int(entry, "rows", json_int(manifest, "rows", 0), &ok);
    json_put_int(entry, "bytes", json_int(manifest, "bytes", 0), &ok);
    json_put_int(entry, "runs", count_entries(store, dataset, "runs"), &ok);
    TRY(json_built(ok, err));
    json_array_foreach(json_object_get(manifest, "tables"), idx, table)
    {
        TRY(check_object(store, dataset, table, err));
    }
    return ERR_OK;
}

static enum err_code list_one(struct store *store, const char *dataset, json_t *list,
                              struct err *err)
{
    char current[FILE_PATH_BYTES], history[FILE_PATH_BYTES];
    struct err problem;
    bool ok = true;
    TRY(store_dataset_path(store, dataset, current, err, "CURRENT"));
    TRY(store_dataset_path(store, dataset, history, err, "history.jsonl"));
    if (!file_exists(current) && !file_exists(history))
        return ERR_OK; /* a first import under way, or one that failed */
    JSON_AUTO entry = json_object();
    json_put_text(entry, "dataset", dataset, &ok);
    TRY(json_built(ok, err));
    enum err_code code = describe(store, dataset, entry, &problem);
    if (code == ERR_MEMORY)
        return err_set(err, ERR_MEMORY, "no memory to list the datasets");
    if (code != ERR_OK)
        json_put_text(entry, "problem", problem.message, &ok);
    json_push(list, json_incref(entry), &ok);
    return json_built(ok, err);
}

enum err_code store_dataset_list(struct store *store, json_t **ret, struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct file_list list = {0};
    *ret = NULL;
    JSON_AUTO entries = json_array();
    TRY(json_built(entries != NULL, err));
    TRY(store_path(store, path, err, "datasets"));
    if (file_exists(path))
        TRY(file_list_directory(path, &list, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < list.count && code == ERR_OK; i++)
        if (list.entries[i].kind == FILE_DIRECTORY &&
            store_dataset_name_check(list.entries[i].name, ERR_IGNORED) == ERR_OK)
            code = list_one(store, list.entries[i].name, entries, err);
    file_list_done(&list);
    TRY(code);
    *ret = json_incref(entries);
    return ERR_OK;
}

static enum err_code need_dataset(const struct store *store, const char *dataset, struct err *err)
{
    char path[FILE_PATH_BYTES];
    TRY(store_dataset_path(store, dataset, path, err, "CURRENT"));
    if (file_exists(path))
        return ERR_OK;
    (void)err_set(err, ERR_NOT_FOUND, "no dataset named %s", dataset);
    return err_hint(err, "marrow datasets lists what is there");
}

enum err_code store_dataset_read(struct store *store, const char *dataset, json_t **ret,
                                 struct err *err)
{
    char path[FILE_PATH_BYTES];
    *ret = NULL;
    TRY(need_dataset(store, dataset, err));
    TRY(store_dataset_path(store, dataset, path, err, "dataset.json"));
    if (!file_exists(path)) {
        *ret = json_object();
        return json_built(*ret != NULL, err);
    }
    enum err_code code = json_read_file(path, ret, err);
    if (code == ERR_INPUT || (code == ERR_OK && !json_is_object(*ret))) {
        json_decref(*ret);
        *ret = NULL;
        (void)err_set(err, ERR_INTEGRITY, "dataset.json of dataset %s is not a JSON object",
                      dataset);
        (void)err_at(err, path, 0, 0);
        return err_hint(err, "mend it by hand, or remove it: confirmed relations, roles and "
                             "aliases are then forgotten");
    }
    return code;
}

/* What a person decided and its trail stand or fall together: a replacement that can't be recorded
 * is taken back. */
static enum err_code replace_recorded(struct store *store, const char *dataset, const char *path,
                                      struct str text, json_t *entry, struct err *err)
{
    char hash[HASH_HEX_BYTES];
    bool ok = true, existed = file_exists(path);
    AUTO(buf_done) struct buf before = BUF_INIT;
    hash_sha256_of(text.ptr, text.len, hash);
    json_put_text(entry, "dataset_json_sha256", hash, &ok);
    TRY(json_built(ok, err));
    if (existed)
        TRY(file_read(path, 0, &before, err));
    enum err_code code = file_replace(path, text, err); /* it may fail after the rename, too */
    if (code == ERR_OK)
        code = store_history_append(store, dataset, entry, err);
    enum err_code undone = ERR_OK;
    if (code == ERR_OK)
        return ERR_OK;
    if (existed)
        undone = file_replace(path, buf_view(&before), ERR_IGNORED);
    else if (file_exists(path))
        undone = file_remove(path, ERR_IGNORED);
    if (undone != ERR_OK)
        (void)err_detail(err, "dataset.json was changed and could not be changed back");
    return code;
}

enum err_code store_dataset_decide(struct store *store, const char *dataset,
                                   enum err_code (*edit)(void *user, json_t *dataset_json,
                                                         struct err *err),
                                   void *user, json_t *entry, struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct file_lock lock = FILE_LOCK_INIT;
    AUTO(buf_done) struct buf text = BUF_INIT;
    JSON_AUTO document = NULL;
    TRY(store_need_writable(store, err));
    TRY(need_dataset(store, dataset, err));
    TRY(store_dataset_path(store, dataset, path, err, "dataset.json"));
    TRY(store_lock(store, dataset, STORE_LOCK_DECISIONS, true, STORE_SHORT_WAIT_MS, "edit", &lock,
                   err));
    enum err_code code = store_dataset_read(store, dataset, &document, err);
    if (code == ERR_OK)
        code = edit(user, document, err);
    if (code == ERR_OK)
        code = json_pretty(document, &text, err);
    if (code == ERR_OK)
        code = buf_check(&text, err);
    if (code == ERR_OK)
        code = replace_recorded(store, dataset, path, buf_view(&text), entry, err);
    file_lock_release(&lock);
    return code;
}

enum err_code store_dataset_edit(struct store *store, const char *dataset,
                                 enum err_code (*edit)(void *user, json_t *dataset_json,
                                                       struct err *err),
                                 void *user, struct err *err)
{
    JSON_AUTO entry = json_pack("{s:s}", "kind", "edit");
    TRY(json_built(entry != NULL, err));
    return store_dataset_decide(store, dataset, edit, user, entry, err);
}
