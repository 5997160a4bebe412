/* libpq's table of functions, and what to install where it is not found. */
#include "engine/postgres/library.h"

#include "base/library.h"

struct libpq_functions libpq;

enum err_code libpq_load(struct err *err)
{
#define LIBPQ_ENTRY(name) {"PQ" #name, offsetof(struct libpq_functions, name), false},
    static const struct library_function functions[] = {LIBPQ_FUNCTIONS(LIBPQ_ENTRY)};
    static struct library library = {
        .file = "libpq.so.5",
        .remedy = "install the package libpq5: PostgreSQL needs it",
        .functions = functions,
        .function_count = sizeof functions / sizeof *functions,
        .table = &libpq,
    };
    return library_load(&library, err);
}
