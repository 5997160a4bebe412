/* What the targets over a store share: a scratch store with one imported dataset of three linked tables, made once and removed at
 * the end, and a raw write of hostile bytes over any of its files (stdio on purpose: not the code under test). */
#ifndef MARROW_FUZZ_STORE_KIT_H
#define MARROW_FUZZ_STORE_KIT_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/store.h"

static char kit_directory[FILE_PATH_BYTES];
static char kit_version[65];

static void kit_remove(void)
{
    struct err err = {0};
    if (file_remove_tree(kit_directory, &err) != ERR_OK)
        (void)fprintf(stderr, "not removed: %s\n", kit_directory);
}

static inline void kit_must(enum err_code code, const struct err *err)
{
    if (code == ERR_OK)
        return;
    (void)fprintf(stderr, "set-up failed: %s (%s)\n", err->message, err->detail);
    abort();
}

/* DIRECTORY/leaf gets exactly these bytes. */
static inline void kit_write(const char *leaf, struct str bytes)
{
    char path[FILE_PATH_BYTES + 256];
    (void)snprintf(path, sizeof path, "%s/%s", kit_directory, leaf);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes.ptr, 1, bytes.len, file) != bytes.len || fclose(file) != 0)
        abort();
}

static inline struct store *kit_open(struct err *err)
{
    char path[FILE_PATH_BYTES + 16];
    (void)snprintf(path, sizeof path, "%s/store", kit_directory);
    struct store_options options = {.directory = path, .create = true, .engine = {.threads = 1}};
    struct store *store = NULL;
    return store_open(&options, &store, err) == ERR_OK ? store : NULL;
}

static inline void kit_table(struct store_import *import, const char *name, const char *columns[], size_t count, const char *text)
{
    struct err err = {0};
    char path[FILE_PATH_BYTES];
    char leaf[64];
    (void)snprintf(leaf, sizeof leaf, "%s.csv", name);
    kit_must(file_path_join(store_import_staging(import), leaf, path, &err), &err);
    kit_must(file_write_new(path, str_of(text), &err), &err);
    const char *paths[] = {path};
    struct data_scan scan = {.kind = DATA_SCAN_CSV, .paths = paths, .path_count = 1, .delimiter = ",", .quote = '"', .escape = '"', .header = true, .maximum_line_bytes = 1 << 20};
    struct data_source source = {.name = name, .origin = name, .text_columns = true, .scan = &scan};
    for (size_t i = 0; i < count; i++)
        kit_must(data_schema_add(&source.schema, str_of(columns[i]), DATA_TYPE(TEXT), &err), &err);
    kit_must(store_import_table(import, &source, &err), &err);
    data_schema_done(&source.schema);
}

static inline void kit_import(struct store *store)
{
    struct err err = {0};
    struct store_import_options options = {0};
    struct store_import *import = NULL;
    struct store_commit commit = {0};
    JSON_AUTO inputs = json_array();
    JSON_AUTO skipped = json_array();
    kit_must(store_import_begin(store, "d", &options, &import, &err), &err);
    kit_table(import, "patients", (const char *[]){"patient_id", "sex"}, 2, "patient_id,sex\n1,F\n2,M\n3,F\n4,M\n5,F\n");
    kit_table(import, "visits", (const char *[]){"visit_id", "patient_id", "day"}, 3, "visit_id,patient_id,day\n10,1,2020-01-02\n11,2,2020-02-03\n12,2,2020-03-04\n13,5,2020-05-06\n");
    kit_table(import, "labs", (const char *[]){"visit_id", "item", "value"}, 3, "visit_id,item,value\n10,HB,1.5\n10,NA,140\n11,HB,2.5\n13,HB,3.25\n");
    kit_must(store_import_commit(import, inputs, skipped, &commit, &err), &err);
    (void)snprintf(kit_version, sizeof kit_version, "%s", commit.version);
    json_decref(commit.manifest);
    store_import_close(import);
}

/* Makes the scratch store on the first call. */
static inline void kit_start(void)
{
    struct err err = {0};
    if (kit_directory[0] != '\0')
        return;
    const char *parent = getenv("TMPDIR");
    if (parent == NULL)
        parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    kit_must(file_make_staging(parent, "marrow-fuzz", kit_directory, &err), &err);
    if (atexit(kit_remove) != 0)
        abort();
    AUTO(store_close) struct store *store = kit_open(&err);
    kit_must(store == NULL ? err.code : ERR_OK, &err);
    kit_import(store);
}

#endif
