/* libarchive's table of functions, and what to install where it is not found. */
#include "ingest/archive_library.h"

#include "base/library.h"

struct libarchive_functions libarchive;

enum err_code libarchive_load(struct err *err)
{
#define LIBARCHIVE_ENTRY(name)                                                                     \
    {"archive_" #name, offsetof(struct libarchive_functions, name), false},
    static const struct library_function functions[] = {LIBARCHIVE_FUNCTIONS(LIBARCHIVE_ENTRY)};
    static struct library library = {
        .file = "libarchive.so.13",
        .remedy = "install the package libarchive13 (libarchive13t64 since Ubuntu 24.04): ZIP, "
                  "gzip and Excel files need it",
        .functions = functions,
        .function_count = sizeof functions / sizeof *functions,
        .table = &libarchive,
    };
    return library_load(&library, err);
}
