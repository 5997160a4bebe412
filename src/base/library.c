/* Shared libraries loaded on demand, from the folders of the rpath that the program (or
 * libmarrow.so) was linked with, a folder named by an environment variable, or the system's. The
 * error names every place that was looked in. */
#include "base/library.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

/* The search so far: the places, and what the linker said of a library that is there but does not
 * load. */
struct search {
    void *library;
    struct buf places, reason;
};

static void auto_search_done(struct search *search)
{
    buf_done(&search->places);
    buf_done(&search->reason);
}

static void try_folder(struct search *search, const char *file, const char *folder,
                       const char *below)
{
    AUTO(buf_done) struct buf path = BUF_INIT;
    if (search->library != NULL || folder[0] != '/') /* never from where the user happens to be */
        return;
    buf_printf(&search->places, "%s%s%s", search->places.len > 0 ? ", " : "", folder, below);
    buf_printf(&path, "%s%s/%s", folder, below, file);
    if (path.failed || access(buf_text(&path), F_OK) != 0)
        return;
    search->library = dlopen(buf_text(&path), RTLD_LAZY | RTLD_LOCAL);
    if (search->library == NULL)
        buf_printf(&search->reason, "%s; ", dlerror());
}

/* The search path of the object that holds this function: the program or libmarrow.so. Its folders
 * are tried one by one, for a dlopen by name would take the rpath of its caller, which is the
 * sanitizer's runtime in a sanitized build. */
static void try_rpath(struct search *search, const char *file)
{
    Dl_info here;
    struct link_map *map = NULL;
    Dl_serinfo size, *found = NULL;
    if (dladdr1(&library_lock, &here, (void **)&map, RTLD_DL_LINKMAP) == 0 || map == NULL)
        return;
    void *object = dlopen(map->l_name[0] != '\0' ? map->l_name : NULL, RTLD_LAZY | RTLD_NOLOAD);
    if (object != NULL && dlinfo(object, RTLD_DI_SERINFOSIZE, &size) == 0)
        found = mem_zalloc(1, size.dls_size);
    if (found != NULL) {
        found->dls_size = size.dls_size;
        found->dls_cnt = size.dls_cnt;
        if (dlinfo(object, RTLD_DI_SERINFO, found) != 0)
            found->dls_cnt = 0;
        for (unsigned idx = 0; idx < found->dls_cnt; idx++)
            try_folder(search, file, found->dls_serpath[idx].dls_name, "");
    }
    mem_free(found);
    if (object != NULL)
        dlclose(object);
}

/* *ret: the open library. */
static enum err_code find(const struct library *library, void **ret, struct err *err)
{
    AUTO(search_done) struct search search = {NULL, BUF_INIT, BUF_INIT};
    const char *root = library->root != NULL ? getenv(library->root) : NULL;
    try_rpath(&search, library->file);
    if (root != NULL) {
        try_folder(&search, library->file, root, "/lib");
        try_folder(&search, library->file, root, "");
    }
    if (search.library == NULL)
        search.library = dlopen(library->file, RTLD_LAZY | RTLD_LOCAL); /* the system's cache */
    *ret = search.library;
    if (search.library != NULL)
        return ERR_OK;
    err_set(err, ERR_UNSUPPORTED, "the library %s could not be loaded", library->file);
    err_detail(err, "%slooked in %s and the system's folders", buf_text(&search.reason),
               buf_text(&search.places));
    return err_hint(err, "%s", library->remedy);
}

/* All functions or none: a half-filled table would be called. */
static enum err_code fill(const struct library *library, void *handle, struct err *err)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t idx = 0; idx < library->function_count; idx++) {
            const struct library_function *entry = &library->functions[idx];
            void *function = dlsym(handle, entry->name);
            if (function == NULL && !entry->optional) {
                err_set(err, ERR_UNSUPPORTED, "the library %s has no %s: it is older than needed",
                        library->file, entry->name);
                return err_hint(err, "%s", library->remedy);
            }
            if (pass == 1)
                memcpy((char *)library->table + entry->offset, &function, sizeof function);
        }
    return ERR_OK;
}

enum err_code library_load(struct library *library, struct err *err)
{
    pthread_mutex_lock(&library_lock);
    enum err_code code = ERR_OK;
    if (!library->loaded) {
        void *handle = NULL;
        code = find(library, &handle, err);
        if (code == ERR_OK)
            code = fill(library, handle, err);
        library->loaded = code == ERR_OK;
        if (handle != NULL && !library->loaded)
            dlclose(handle);
    }
    pthread_mutex_unlock(&library_lock);
    return code;
}
