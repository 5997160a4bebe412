/* hiredis' table of functions, and what to install where it is not found. */
#include "live/redis_library.h"

#include "base/library.h"

struct libhiredis_functions libhiredis;

#define LIBHIREDIS_TEXT(soname) #soname
#define LIBHIREDIS_FILE(soname) "libhiredis.so." LIBHIREDIS_TEXT(soname)

enum err_code libhiredis_load(struct err *err)
{
#define LIBHIREDIS_ENTRY(name) {#name, offsetof(struct libhiredis_functions, name##_), false},
    static const struct library_function functions[] = {LIBHIREDIS_FUNCTIONS(LIBHIREDIS_ENTRY)};
    static struct library library = {.file = LIBHIREDIS_FILE(HIREDIS_SONAME),
                                     .remedy = "install hiredis (Debian: libhiredis0.14): a speed "
                                               "layer in Redis needs it; one in the store does not",
                                     .functions = functions,
                                     .function_count = sizeof functions / sizeof *functions,
                                     .table = &libhiredis};
    return library_load(&library, err);
}
