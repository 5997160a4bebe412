/* A table that stands elsewhere, given to an engine that lists folders by itself.
 *
 *     labs/year=2019/a.parquet ─┐
 *     labs/year=2020/b.parquet ─┴▶ labs, keys: year
 *     labs/year=2020/new.parquet ──▶ not so: it was not registered
 *
 * The one idea: such an engine reads what is there when it reads, so what is there has to be just
 * what was registered. Files that engines leave out (. or _ begins their names) may stand beside.
 */
#include <stdio.h>
#include <string.h>

#include "store/place_priv.h"

#define FOLDER_LIMIT_DEPTH 32

struct looking {
    size_t depth; /* of keys */
    size_t files; /* seen */
    const char *why_not;
};

static bool hidden(const char *name)
{
    return name[0] == '.' || name[0] == '_';
}

/* Bytes of a file's name before its folders of keys, and whether just these stand between there and
 * the file. */
static bool split_name(const char *name, const json_t *keys, size_t *ret_base)
{
    const char *at = name + strlen(name);
    size_t count = json_array_size(keys);
    for (size_t level = 0; level <= count; level++) { /* the file, then the keys, innermost first */
        while (at > name && at[-1] != '/')
            at--;
        if (hidden(at))
            return false;
        if (level > 0) {
            const char *key = json_string_value(json_array_get(keys, count - level));
            size_t length = strcspn(at, "=/");
            if (at[length] != '=' || !str_equal_nocase((struct str){at, length}, str_of(key)))
                return false;
        }
        *ret_base = (size_t)(at - name);
        if (level < count && at == name)
            return false;
        at -= at > name ? 1 : 0;
    }
    return true;
}

/* The folder that all files share; false: there is none. */
static bool common_folder(const json_t *place, char ret[FILE_PATH_BYTES])
{
    const json_t *files = json_object_get(place, "files");
    const json_t *keys = json_object_get(place, "partition_columns");
    const char *first = json_text(json_array_get(files, 0), "name", "");
    size_t base = 0, own = 0;
    for (size_t i = 0; i < json_array_size(files); i++) {
        const char *name = json_text(json_array_get(files, i), "name", "");
        if (!split_name(name, keys, &own) || (i > 0 && own != base) ||
            strncmp(name, first, own) != 0)
            return false;
        base = own;
    }
    int length =
        snprintf(ret, FILE_PATH_BYTES, "%s/%.*s", json_text(place, "root", ""), (int)base, first);
    if (length <= 0 || length >= FILE_PATH_BYTES)
        return false;
    while (length > 1 && ret[length - 1] == '/')
        ret[--length] = '\0';
    return true;
}

/* Files lie below all keys, folders above; anything else is one that was not registered. */
static enum err_code look(struct looking *looking, const char *path, size_t level, struct err *err)
{
    struct file_list list = {0};
    enum err_code code = file_list_directory(path, &list, err);
    for (size_t i = 0; i < list.count && code == ERR_OK; i++) {
        const struct file_entry *entry = &list.entries[i];
        char below[FILE_PATH_BYTES];
        struct file_info info;
        if (hidden(entry->name))
            continue;
        code = file_path_join(path, entry->name, below, err);
        if (code == ERR_OK)
            code = file_stat(below, &info, err); /* through links */
        if (code != ERR_OK)
            break;
        if (info.kind == FILE_DIRECTORY && level < looking->depth)
            code = look(looking, below, level + 1, err);
        else if (info.kind == FILE_REGULAR && level == looking->depth)
            looking->files++;
        else
            looking->why_not = "other files stand in its folder";
    }
    file_list_done(&list);
    return code;
}

enum err_code store_place_folder(const json_t *place, struct store_folder *ret, struct err *err)
{
    struct looking looking = {.depth =
                                  json_array_size(json_object_get(place, "partition_columns"))};
    *ret = (struct store_folder){.key_count = looking.depth};
    if (strcmp(json_text(place, "format", ""), "parquet") != 0)
        ret->why_not = "its files are not Parquet";
    else if (looking.depth > FOLDER_LIMIT_DEPTH || !common_folder(place, ret->path))
        ret->why_not = "its files do not share one folder";
    if (ret->why_not != NULL)
        return ERR_OK;
    TRY(look(&looking, ret->path, 0, err));
    ret->why_not = looking.why_not;
    if (ret->why_not == NULL && looking.files != json_array_size(json_object_get(place, "files")))
        ret->why_not = "other files stand in its folder";
    return ERR_OK;
}

enum err_code store_version_folder(struct store_version *version, const char *table,
                                   struct store_folder *ret, struct err *err)
{
    JSON_AUTO place = NULL;
    const struct store_table *found = store_version_table_find(version, table);
    *ret = (struct store_folder){.why_not = "the store holds it"};
    TRY(store_version_place(version, table, &place, err));
    if (place == NULL)
        return ERR_OK;
    TRY(store_place_trust(store_version_store(version), store_version_dataset(version),
                          found->directory, place, store_version_seen(version), err));
    TRY(store_place_folder(place, ret, err));
    ret->placed = true;
    return ERR_OK;
}
