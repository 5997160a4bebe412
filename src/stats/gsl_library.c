/* GSL's table of functions, and what to install where it is not found. */
#include "stats/gsl_library.h"

#include "base/library.h"

struct libgsl_functions libgsl;

#define LIBGSL_REMEDY                                                                              \
    "install the GNU Scientific Library (Debian: libgsl27): statistical tests need its "           \
    "distributions"

enum err_code libgsl_load(struct err *err)
{
#define LIBGSL_ENTRY(name) {"gsl_" #name, offsetof(struct libgsl_functions, name##_), false},
    static const struct library_function functions[] = {LIBGSL_FUNCTIONS(LIBGSL_ENTRY)};
#define LIBGSL_LIBRARY(name)                                                                       \
    {                                                                                              \
        .file = name, .remedy = LIBGSL_REMEDY, .functions = functions,                             \
        .function_count = sizeof functions / sizeof *functions, .table = &libgsl                   \
    }
    /* 2.7 (Debian 12, Ubuntu 24.04), 2.8, a build of one's own. */
    static struct library libraries[] = {LIBGSL_LIBRARY("libgsl.so.27"),
                                         LIBGSL_LIBRARY("libgsl.so.28"),
                                         LIBGSL_LIBRARY("libgsl.so")};
    enum err_code code = ERR_UNSUPPORTED;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries && code != ERR_OK; i++)
        code = library_load(&libraries[i], err);
    if (code == ERR_OK)
        libgsl.set_error_handler_off_();
    return code;
}
