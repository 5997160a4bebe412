/* A shared library loaded when it is first needed, and a table of its functions. A command that needs
 * none of it starts without it. The header of the layer that uses it names each function once:
 *
 *     struct duckdb_functions { __typeof__(duckdb_close) *close; … };      the table
 *     #define duckdb_close duckdb.close                                    calls read as ever */
#ifndef MARROW_BASE_LIBRARY_H
#define MARROW_BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct library_function {
    const char *name;
    size_t offset; /* of its pointer in the table */
    bool optional; /* NULL in the table where the library lacks it */
};
struct library {
    const char *file;   /* "libduckdb.so" */
    const char *root;   /* environment variable that names a folder to look in last; NULL: none */
    const char *remedy; /* the hint of the error */
    const struct library_function *functions;
    size_t function_count;
    void *table;
    bool loaded;
};

/* Load it, once a process, and fill the table; later calls cost nothing. Searched as the dynamic linker
 * searches a library of this program or of libmarrow.so, whichever this is part of (LD_LIBRARY_PATH, the
 * rpath, the system's folders; no relative folder), then below $root. Never unloaded: what it starts
 * lives as long as the process. ERR_UNSUPPORTED: not found (the places are named), or too old. Any thread. */
enum err_code library_load(struct library *library, struct err *err) WARN_UNUSED;

#endif
