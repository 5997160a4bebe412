/* layer: ingest — any bytes as an archive: opened, unpacked and walked with a small total; nothing
 * may leave the staging folder. */
#include <stdlib.h>
#include <string.h>

#include "ingest/parts_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    char directory[FILE_PATH_BYTES], staging[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    struct err err = {0};
    const char *parent = getenv("TMPDIR");
    if (file_make_staging(parent == NULL ? "/tmp" : parent, "marrow-fuzz", directory, &err) !=
        ERR_OK)
        return 0;
    if (file_path_join(directory, "staging", staging, &err) == ERR_OK &&
        file_path_join(directory, "input.zip", path, &err) == ERR_OK &&
        file_make_directory(staging, &err) == ERR_OK &&
        file_write_new(path, (struct str){(const char *)bytes, count}, &err) == ERR_OK) {
        struct ingest_options options = {
            .staging_directory = staging, .header = -1, .total_bytes = 1 << 20};
        const char *paths[] = {path};
        struct ingest_set *set = NULL;
        if (ingest_open(paths, 1, &options, &set, &err) == ERR_OK)
            for (size_t i = 0; i < ingest_source_count(set); i++)
                if (ingest_source(set, i)->name[0] == '\0')
                    abort();
        ingest_close(set);
    }
    struct file_list list = {0};
    if (file_list_directory(directory, &list, &err) == ERR_OK && list.count > 2)
        abort();
    file_list_done(&list);
    if (file_remove_tree(directory, &err) != ERR_OK)
        abort();
    return 0;
}
