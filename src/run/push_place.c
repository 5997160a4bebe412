/* Registered tables that a server reads where they stand.
 *
 *     /mnt/lake/labs/year=2019/a.parquet ┐ files=/mnt&location=s3://bucket
 *     /mnt/lake/labs/year=2020/b.parquet ┴▶ CREATE TABLE labs (…, year bigint) WITH
 *                                           ('s3://bucket/lake/labs', partitioned_by year)
 *
 * Nothing is copied: a filter on a key opens only its folders there, as here. The server lists the
 * folders when it reads, so before each statement there the files must be as registered, and no
 * others beside them. Such a table has no stored row hashes. */
#include "run/server.h"

#include <stdlib.h>
#include <string.h>

/* The rest of path below the folder, "" or "/…"; NULL: it is not below. Links are followed. */
static const char *below(const char *path, const char *folder)
{
    char *real = realpath(folder, NULL);
    size_t length = real == NULL ? 0 : strlen(real);
    bool inside = real != NULL && strncmp(path, real, length) == 0 &&
                  (path[length] == '/' || path[length] == '\0');
    mem_free(real); /* realpath's */
    return inside ? path + length : NULL;
}

enum err_code run_place_find(const struct run_server *server, struct store_version *version,
                             const char *table, struct run_place *ret, struct err *err)
{
    const char *files = NULL, *location = NULL, *rest = NULL;
    struct store_folder folder;
    *ret = (struct run_place){.why_not = "the server reads no files"};
    if (!engine_shared_folder(server->engine, &files, &location))
        return ERR_OK;
    TRY(store_version_folder(version, table, &folder, err));
    ret->placed = folder.placed;
    ret->key_count = folder.key_count;
    ret->why_not = folder.why_not;
    if (folder.why_not != NULL)
        return ERR_OK;
    rest = below(folder.path, files);
    if (rest == NULL) {
        ret->why_not = "its folder is not below the one that files= names";
        return ERR_OK;
    }
    int length = snprintf(ret->location, sizeof ret->location, "%s%s", location, rest);
    if (length < 0 || (size_t)length >= sizeof ret->location)
        ret->why_not = "its folder's path is too long";
    return ERR_OK;
}

enum err_code run_place_create(struct run_server *server, const char *name,
                               const struct data_schema *columns, const struct run_place *place,
                               struct err *err)
{
    const struct engine_external folder = {.columns = columns,
                                           .key_count = place->key_count,
                                           .location = place->location,
                                           .comment = RUN_PLACE_COMMENT};
    return engine_create_external(server->engine, server->schema, name, &folder, err);
}

enum err_code run_place_check(struct run_server *server, struct store_version *version,
                              const char *table, struct err *err)
{
    struct run_place place;
    if (!run_server_in_place(server, table))
        return ERR_OK;
    TRY(run_place_find(server, version, table, &place, err));
    if (place.why_not == NULL)
        return ERR_OK;
    err_set(err, ERR_INTEGRITY, "table %.200s is read by the server where it stands, and %s now",
            table, place.why_not);
    return err_hint(
        err,
        "marrow register --name %s # a new version, of what is there now; or marrow push "
        "%s --engine URL # again: the table of the version as it was is copied",
        store_version_dataset(version), store_version_dataset(version));
}

enum err_code run_place_check_all(struct run_server *server, struct store_version *version,
                                  struct err *err)
{
    for (size_t i = 0; i < store_version_table_count(version); i++)
        TRY(run_place_check(server, version, store_version_table(version, i)->name, err));
    return ERR_OK;
}
