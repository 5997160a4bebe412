/* libduckdb's table of functions, and where it is looked for. */
#include "engine/duckdb/library.h"

#include "base/library.h"

struct duckdb_functions duckdb;

enum err_code duckdb_load(struct err *err)
{
#define DUCKDB_ENTRY(name) {"duckdb_" #name, offsetof(struct duckdb_functions, name), false},
#define DUCKDB_NEWER(name) {"duckdb_" #name, offsetof(struct duckdb_functions, name), true},
    static const struct library_function functions[] = {DUCKDB_FUNCTIONS(DUCKDB_ENTRY)
                                                            DUCKDB_NEWER_FUNCTIONS(DUCKDB_NEWER)};
    static struct library library = {
        .file = "libduckdb.so",
        .root = "DUCKDB_ROOT",
        .remedy = "install Marrow again, or set DUCKDB_ROOT to a folder with lib/libduckdb.so of "
                  "DuckDB 1.4 or later",
        .functions = functions,
        .function_count = sizeof functions / sizeof *functions,
        .table = &duckdb,
    };
    return library_load(&library, err);
}
