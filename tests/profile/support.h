/* Helpers of the profile's tests: a store in a temporary directory, filled from CSV files by scans.
 * Header-only: each test is one program. */
#ifndef TESTS_PROFILE_SUPPORT_H
#define TESTS_PROFILE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "profile/profile_priv.h"

struct fixture {
    char directory[FILE_PATH_BYTES];
    struct store *store;
    struct store_version *version;
};

#define MUST(call)                                                                                 \
    do {                                                                                           \
        struct err e_ = {0};                                                                       \
        enum err_code c_ = (call);                                                                 \
        if (c_ != ERR_OK)                                                                          \
            fail_msg("%s:%d: %s (%s)", __FILE__, __LINE__, err.message, err.detail);               \
        (void)e_;                                                                                  \
    } while (0)

static inline void fixture_open(struct fixture *f)
{
    struct err err = {0};
    const char *parent = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    MUST(file_make_staging(parent, "marrow-profile-test", f->directory, &err));
    char path[FILE_PATH_BYTES];
    MUST(file_path_join(f->directory, "store", path, &err));
    struct store_options options = {.directory = path, .create = true, .engine = {.threads = 2}};
    MUST(store_open(&options, &f->store, &err));
}

static inline void fixture_close(struct fixture *f)
{
    struct err err = {0};
    store_version_close(f->version);
    store_close(f->store);
    f->version = NULL;
    f->store = NULL;
    MUST(file_remove_tree(f->directory, &err));
}

/* Header names of a CSV file's first line; no quotes expected. */
static inline void read_header(const char *path, struct data_schema *schema)
{
    struct err err = {0};
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    static char line[65536];
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    const char *at = line;
    if (strncmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    for (;;) {
        size_t length = strcspn(at, ",");
        struct str name = {at, length};
        if (name.len >= 2 && name.ptr[0] == '"')
            name = (struct str){at + 1, length - 2};
        MUST(data_schema_add(schema, name, DATA_TYPE(TEXT), &err));
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    int64_t changed = 0;
    MUST(data_schema_name_columns(schema, &changed, &err));
}

static inline void import_file(struct store_import *import, const char *name, const char *path)
{
    struct err err = {0};
    const char *paths[] = {path};
    struct data_scan scan = {.kind = DATA_SCAN_CSV,
                             .paths = paths,
                             .path_count = 1,
                             .delimiter = ",",
                             .quote = '"',
                             .escape = '"',
                             .header = true,
                             .maximum_line_bytes = 1 << 20};
    struct data_source source = {.name = name, .origin = name, .text_columns = true, .scan = &scan};
    read_header(path, &source.schema);
    MUST(store_import_table(import, &source, &err));
    data_schema_done(&source.schema);
}

/* tables: name, CSV text, name, CSV text …, NULL. Opens the version. */
static inline void fixture_import(struct fixture *f, const char *dataset, const char *const *tables)
{
    struct err err = {0};
    struct store_import_options options = {0};
    struct store_import *import = NULL;
    store_version_close(f->version);
    f->version = NULL;
    MUST(store_import_begin(f->store, dataset, &options, &import, &err));
    for (size_t i = 0; tables[i] != NULL; i += 2) {
        char path[FILE_PATH_BYTES], leaf[128];
        snprintf(leaf, sizeof leaf, "%s-%zu.csv", tables[i], i);
        MUST(file_path_join(store_import_staging(import), leaf, path, &err));
        MUST(file_write_new(path, str_of(tables[i + 1]), &err));
        import_file(import, tables[i], path);
    }
    struct store_commit commit = {0};
    JSON_AUTO inputs = json_array();
    JSON_AUTO skipped = json_array();
    MUST(store_import_commit(import, inputs, skipped, &commit, &err));
    json_decref(commit.manifest);
    store_import_close(import);
    MUST(store_version_open(f->store, dataset, NULL, &f->version, &err));
}

#endif
