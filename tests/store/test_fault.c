/* Fail the n-th allocation, write, fsync, rename of an import, for n = 1, 2, 3 … until it passes:
 * after each failure the right code and a message, the store at the version before, verify clean,
 * nothing left in tmp/. */
#include "store_test.h"

static const char *const before_tables[] = {"labs", "a,b\n1,x\n2,y\n", "people", "id,sex\n1,F\n"};
static const char *const after_tables[] = {"labs", "a,b\n1,x\n2,z\n3,\n", "people", "id,sex\n1,F\n",
                                           "bad",  "p,q\n1,2\n3\n"};

static const char *const parts[] = {"labs_1", "a,b\n1,x\n2,z\n", "labs_2", "b,a\ny,1.5\n1\n"};
static bool stacked; /* the import is of parts, as one table */

static enum err_code import_stack(struct store *store, struct store_commit *ret, struct err *err)
{
    AUTO(store_import_close) struct store_import *import = NULL;
    static const char *patterns[] = {"labs_*"};
    struct store_import_options options = {.stack = patterns, .stack_count = 1};
    struct csv_source csv[2];
    const struct data_source *sources[2] = {&csv[0].source, &csv[1].source};
    *ret = (struct store_commit){0};
    TRY(store_import_begin(store, "d", &options, &import, err));
    for (size_t i = 0; i < 2; i++)
        csv_source_init(&csv[i], parts[2 * i], parts[2 * i + 1]);
    enum err_code code = store_import_tables(import, sources, 2, err);
    for (size_t i = 0; i < 2; i++)
        csv_source_done(&csv[i]);
    TRY(code);
    return store_import_commit(import, NULL, NULL, ret, err);
}

static void assert_clean_at(const char *version)
{
    char path[FILE_PATH_BYTES], current[65];
    struct file_list list;
    struct store *store = open_store(); /* sweeps */
    in_directory("store/tmp", path);
    assert_ok(file_list_directory(path, &list, &test_err));
    assert_int_equal(list.count, 0);
    file_list_done(&list);
    assert_ok(store_current_read(store, "d", current, &test_err));
    assert_string_equal(current, version);
    struct store_version *opened = NULL;
    assert_ok(store_version_open(store, "d", NULL, &opened, &test_err));
    assert_int_equal(store_version_table_count(opened), 2);
    store_version_close(opened);
    json_t *datasets = NULL;
    assert_ok(store_dataset_list(store, &datasets, &test_err));
    assert_int_equal(json_array_size(datasets), 1);
    assert_null(json_object_get(json_array_get(datasets, 0), "problem"));
    json_decref(datasets);
    assert_true(verify_ok(store));
    store_close(store);
}

static bool expected(enum fault_kind kind, enum err_code code)
{
    if (kind == FAULT_ALLOC) /* the engine may report memory that was missing in one of our
                                callbacks as its own failure */
        return code == ERR_MEMORY || code == ERR_ENGINE;
    return code == ERR_IO;
}

static int64_t without_effect; /* failures that an import survives: a note that only saves time */

static void make_before(char ret_version[65])
{
    struct store *store = open_store();
    import_ok(store, "d", before_tables, 2, ret_version, NULL);
    store_close(store);
}

/* Import with the n-th call of kind failing; true when it passed. */
static bool try_import(enum fault_kind kind, int64_t nth, const char *version)
{
    struct store_commit commit = {0};
    struct err err = {0};
    struct store *store = open_store();
    fault_arm(kind, nth);
    enum err_code code = stacked ? import_stack(store, &commit, &err)
                                 : import_tables(store, "d", NULL, after_tables, 3, &commit, &err);
    bool fired = fault_fired();
    fault_disarm();
    store_close(store);
    if (code == ERR_OK) { /* either the count ran out, or the failure was of something that only
                             saves time */
        json_decref(commit.manifest);
        if (!fired)
            return true;
        char path[FILE_PATH_BYTES];
        in_directory("store", path);
        without_effect++;
        assert_ok(file_remove_tree(path, &test_err));
        char id[65];
        make_before(id);
        return false;
    }
    if (!expected(kind, code) || err.message[0] == '\0')
        fail_msg("fault %d:%lld gave %s: %s (%s)", (int)kind, (long long)nth, err_code_name(code),
                 err.message, err.detail);
    assert_clean_at(version);
    return false;
}

static int64_t fail_all(enum fault_kind kind, int64_t dense, double growth)
{
    char version[65];
    make_before(version);
    without_effect = 0;
    int64_t tries = 0;
    for (int64_t nth = 1; !try_import(kind, nth, version); tries++) {
        nth = nth < dense ? nth + 1 : (int64_t)((double)nth * growth) + 1;
        assert_true(tries < 2000);
    }
    print_message("%lld failures injected, %lld of them survived\n", (long long)tries,
                  (long long)without_effect);
    assert_true(without_effect * 2 <= tries);
    return tries;
}

static void every_failing_write_leaves_the_store_as_before(void **state)
{
    (void)state;
    assert_true(fail_all(FAULT_WRITE, INT64_MAX, 1) >= 6);
}

static void every_failing_fsync_leaves_the_store_as_before(void **state)
{
    (void)state;
    assert_true(fail_all(FAULT_FSYNC, INT64_MAX, 1) >= 12);
}

static void every_failing_rename_leaves_the_store_as_before(void **state)
{
    (void)state;
    assert_true(fail_all(FAULT_RENAME, INT64_MAX, 1) >= 4);
}

static void failing_allocations_leave_the_store_as_before(void **state)
{
    (void)state;
    assert_true(fail_all(FAULT_ALLOC, 40, 1.07) >= 50);
}

static void failing_calls_leave_the_store_as_before_a_stack(void **state)
{
    (void)state;
    stacked = true;
    assert_true(fail_all(FAULT_WRITE, INT64_MAX, 1) >= 6);
    assert_true(fail_all(FAULT_ALLOC, 40, 1.07) >= 50);
    stacked = false;
}

int main(void)
{
    json_install();
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, drop_directory)
        TEST(every_failing_write_leaves_the_store_as_before),
        TEST(every_failing_fsync_leaves_the_store_as_before),
        TEST(every_failing_rename_leaves_the_store_as_before),
        TEST(failing_allocations_leave_the_store_as_before),
        TEST(failing_calls_leave_the_store_as_before_a_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
