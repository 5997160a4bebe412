/* libreadstat's table of functions, and what to install where it is not found. */
#include "ingest/readstat_library.h"

#include "base/library.h"

struct libreadstat_functions libreadstat;

enum err_code libreadstat_load(struct err *err)
{
#define LIBREADSTAT_ENTRY(name)                                                                    \
    {"readstat_" #name, offsetof(struct libreadstat_functions, name), false},
    static const struct library_function functions[] = {LIBREADSTAT_FUNCTIONS(LIBREADSTAT_ENTRY)};
    static struct library library = {
        .file = "libreadstat.so.1",
        .remedy = "install the package libreadstat1: SPSS, Stata and SAS files need it",
        .functions = functions,
        .function_count = sizeof functions / sizeof *functions,
        .table = &libreadstat,
    };
    return library_load(&library, err);
}
