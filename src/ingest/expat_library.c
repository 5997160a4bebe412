/* libexpat's table of functions, and what to install where it is not found. */
#include "ingest/expat_library.h"

#include "base/library.h"

struct libexpat_functions libexpat;

enum err_code libexpat_load(struct err *err)
{
#define LIBEXPAT_ENTRY(name) {"XML_" #name, offsetof(struct libexpat_functions, name), false},
    static const struct library_function functions[] = {LIBEXPAT_FUNCTIONS(LIBEXPAT_ENTRY)};
    static struct library library = {
        .file = "libexpat.so.1",
        .remedy = "install the package libexpat1: Excel files need it",
        .functions = functions,
        .function_count = sizeof functions / sizeof *functions,
        .table = &libexpat,
    };
    return library_load(&library, err);
}
