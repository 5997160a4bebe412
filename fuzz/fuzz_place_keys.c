/* layer: ingest — key=value folders of any name: keys and values are UTF-8, no more than the limit, each
 * value the folder's text unescaped, and a path without such folders has none. */
#include <stdlib.h>
#include <string.h>

#include "ingest/parts_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const char *keys[PLACE_LIMIT_KEYS], *values[PLACE_LIMIT_KEYS];
    struct err err = {0};
    size_t found = 0, folders = 0;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    char *path = arena == NULL ? NULL : arena_strndup(arena, (const char *)bytes, count);
    if (path == NULL)
        return 0;
    for (const char *at = path; (at = strchr(at, '/')) != NULL; at++)
        folders++;
    enum err_code code = place_keys(arena, path, keys, values, &found, &err);
    if (code != ERR_OK) {
        if ((code != ERR_INPUT && code != ERR_LIMIT) || err.message[0] == '\0')
            abort();
        return 0;
    }
    if (found > folders || found > PLACE_LIMIT_KEYS)
        abort();
    for (size_t i = 0; i < found; i++) {
        if (keys[i][0] == '\0' || strchr(keys[i], '/') != NULL ||
            str_utf8_valid_prefix(str_of(keys[i])) != strlen(keys[i]))
            abort();
        if (values[i] != NULL && (str_utf8_valid_prefix(str_of(values[i])) != strlen(values[i]) ||
                                  strcmp(values[i], DATA_NULL_PARTITION) == 0))
            abort();
    }
    return 0;
}
