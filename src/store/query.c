/* Statements kept for replay: datasets/NAME/queries/HASH.sql. */
#include "store/store_priv.h"

#include <stdio.h>
#include <string.h>

static enum err_code query_path(struct store *store, const char *dataset, const char *query,
                                char ret[FILE_PATH_BYTES], struct err *err)
{
    TRY(store_dataset_name_check(dataset, err));
    if (strlen(query) != HASH_HEX_BYTES - 1 ||
        strspn(query, "0123456789abcdef") != HASH_HEX_BYTES - 1)
        return err_set(err, ERR_INPUT, "a kept statement is named by 64 hex digits");
    int written = snprintf(ret, FILE_PATH_BYTES, "%s/datasets/%s/queries/%s.sql",
                           store_directory(store), dataset, query);
    return written > 0 && written < FILE_PATH_BYTES
               ? ERR_OK
               : err_set(err, ERR_LIMIT, "the store's path is too long");
}

enum err_code store_query_keep(struct store *store, const char *dataset, const char *query,
                               const char *sql, struct err *err)
{
    char path[FILE_PATH_BYTES], folder[FILE_PATH_BYTES];
    TRY(query_path(store, dataset, query, path, err));
    if (file_exists(path))
        return ERR_OK;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    TRY(file_make_directory(folder, err));
    return file_replace(path, str_of(sql), err);
}

enum err_code store_query_read(struct store *store, const char *dataset, const char *query,
                               struct buf *ret, struct err *err)
{
    char path[FILE_PATH_BYTES], found[HASH_HEX_BYTES];
    TRY(query_path(store, dataset, query, path, err));
    TRY(file_read(path, 0, ret, err));
    hash_sha256_of(ret->ptr, ret->len, found);
    if (strcmp(found, query) == 0)
        return ERR_OK;
    err_set(err, ERR_INTEGRITY, "the kept statement %.12s.sql does not have its hash any more",
            query);
    return err_hint(err, "it can't be replayed; run the query again");
}
