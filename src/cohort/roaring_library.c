/* CRoaring's table of functions, and what to install where it is not found. */
#include "cohort/roaring_library.h"

#include "base/library.h"

struct libroaring_functions libroaring;

/* The names that distributions give it: Debian 12, Ubuntu 24.04, a build of one's own. */
#define LIBROARING_REMEDY                                                                          \
    "install CRoaring (Debian: libroaring0): bitmap indexes need it; cohorts are counted without " \
    "one, too"

enum err_code libroaring_load(struct err *err)
{
#define LIBROARING_ENTRY(name)                                                                     \
    {"roaring_bitmap_" #name, offsetof(struct libroaring_functions, name##_), false},
    static const struct library_function functions[] = {LIBROARING_FUNCTIONS(LIBROARING_ENTRY)};
#define LIBROARING_LIBRARY(name)                                                                   \
    {                                                                                              \
        .file = name, .remedy = LIBROARING_REMEDY, .functions = functions,                         \
        .function_count = sizeof functions / sizeof *functions, .table = &libroaring               \
    }
    static struct library libraries[] = {LIBROARING_LIBRARY("libroaring.so.0"),
                                         LIBROARING_LIBRARY("libroaring.so.16"),
                                         LIBROARING_LIBRARY("libroaring.so")};
    for (size_t i = 1; i < sizeof libraries / sizeof *libraries; i++)
        if (library_load(&libraries[i - 1], err) == ERR_OK)
            return ERR_OK;
    return library_load(&libraries[sizeof libraries / sizeof *libraries - 1], err);
}
