/* libcurl's table of functions, and what to install where it is not found. */
#include "net/library.h"

#include "base/library.h"

struct libcurl_functions libcurl;

enum err_code libcurl_load(struct err *err)
{
#define LIBCURL_ENTRY(name) {"curl_" #name, offsetof(struct libcurl_functions, name), false},
    static const struct library_function functions[] = {LIBCURL_FUNCTIONS(LIBCURL_ENTRY)};
    static struct library library = {
        .file = "libcurl.so.4",
        .remedy = "install the package libcurl4 (libcurl4t64 since Ubuntu 24.04): Trino and "
                  "downloads need it",
        .functions = functions,
        .function_count = sizeof functions / sizeof *functions,
        .table = &libcurl,
    };
    return library_load(&library, err);
}
