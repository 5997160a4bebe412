/* What the store's tests share: a store in a fresh folder, sources made by hand over CSV files or pushed rows. */
#ifndef MARROW_TESTS_STORE_TEST_H
#define MARROW_TESTS_STORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fault.h"
#include "store/store_priv.h"

static char test_directory[FILE_PATH_BYTES];

static inline int make_directory(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    return file_make_staging(parent == NULL ? "/tmp" : parent, "marrow-store-test", test_directory, NULL) == ERR_OK ? 0 : -1;
}

static inline int drop_directory(void **state)
{
    (void)state;
    return file_remove_tree(test_directory, NULL) == ERR_OK ? 0 : -1;
}

#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        struct err *assert_err_ = &test_err;                                                                           \
        enum err_code assert_code_ = (call);                                                                           \
        if (assert_code_ != ERR_OK)                                                                                    \
            fail_msg("%s:%d: %s: %s (%s; %s)", __FILE__, __LINE__, err_code_name(assert_code_), assert_err_->message,  \
                     assert_err_->detail, assert_err_->hint);                                                          \
    } while (0)

static struct err test_err;

static inline void in_directory(const char *name, char ret[FILE_PATH_BYTES])
{
    assert_int_equal(file_path_join(test_directory, name, ret, NULL), ERR_OK);
}

static inline struct store *open_store(void)
{
    char path[FILE_PATH_BYTES];
    struct store *store = NULL;
    in_directory("store", path);
    struct store_options options = {.directory = path, .create = true, .engine = {.threads = 2, .memory_bytes = 512LL << 20}};
    assert_ok(store_open(&options, &store, &test_err));
    return store;
}

static inline void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* A source over a CSV file with these contents; the first line names the columns. */
struct csv_source {
    char path[FILE_PATH_BYTES];
    const char *paths[1];
    struct data_scan scan;
    struct data_source source;
};

static inline void csv_source_init(struct csv_source *csv, const char *name, const char *text)
{
    static int counter;
    char file[64];
    snprintf(file, sizeof file, "input-%d.csv", ++counter);
    memset(csv, 0, sizeof *csv);
    in_directory(file, csv->path);
    write_text(csv->path, text);
    csv->paths[0] = csv->path;
    csv->scan = (struct data_scan){.kind = DATA_SCAN_CSV, .paths = csv->paths, .path_count = 1, .delimiter = ",", .quote = '"', .escape = '"', .header = true};
    csv->source = (struct data_source){.name = name, .origin = file_base_name(csv->path), .text_columns = true, .scan = &csv->scan, .bytes = (int64_t)strlen(text)};
    const char *at = text, *end = strchr(text, '\n');
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma == NULL ? end : comma;
        struct str column = {at, (size_t)(stop - at)};
        if (data_schema_add(&csv->source.schema, column, DATA_TYPE(TEXT), NULL) != ERR_OK) /* an injected failure may hit the test itself: once */
            assert_int_equal(data_schema_add(&csv->source.schema, column, DATA_TYPE(TEXT), NULL), ERR_OK);
        at = stop + 1;
    }
}

static inline void csv_source_done(struct csv_source *csv)
{
    data_schema_done(&csv->source.schema);
    unlink(csv->path);
}

/* Import tables given as name, csv text pairs. The commit's manifest is owned by the caller. */
static inline enum err_code import_tables(struct store *store, const char *dataset, const struct store_import_options *options, const char *const *pairs, size_t tables, struct store_commit *ret, struct err *err)
{
    AUTO(store_import_close) struct store_import *import = NULL;
    *ret = (struct store_commit){0};
    TRY(store_import_begin(store, dataset, options, &import, err));
    for (size_t i = 0; i < tables; i++) {
        struct csv_source csv;
        csv_source_init(&csv, pairs[2 * i], pairs[2 * i + 1]);
        enum err_code code = store_import_table(import, &csv.source, err);
        csv_source_done(&csv);
        TRY(code);
    }
    return store_import_commit(import, NULL, NULL, ret, err);
}

/* Import, assert success, give the version's id. */
static inline void import_ok(struct store *store, const char *dataset, const char *const *pairs, size_t tables, char ret_version[65], bool *ret_reused)
{
    struct store_commit commit;
    assert_ok(import_tables(store, dataset, NULL, pairs, tables, &commit, &test_err));
    memcpy(ret_version, commit.version, 65);
    if (ret_reused != NULL)
        *ret_reused = commit.reused;
    json_decref(commit.manifest);
}

static inline int64_t query_int(struct engine *engine, const char *sql)
{
    int64_t value = 0;
    assert_ok(engine_query_int(engine, sql, -1, &value, &test_err));
    return value;
}

static inline bool verify_ok(struct store *store)
{
    json_t *report = NULL;
    assert_ok(store_verify(store, NULL, &report, &test_err));
    bool ok = json_is_true(json_object_get(report, "ok"));
    if (!ok) {
        char *text = json_dumps(report, JSON_INDENT(1));
        print_message("%s\n", text);
        free(text);
    }
    json_decref(report);
    return ok;
}

#endif
