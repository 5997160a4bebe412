/* Verify, repair, prune, locks, read-only stores, damaged datasets, runs. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store_test.h"

static const char *const tables_one[] = {
    "labs", "a,b,t\n1,x,2020-01-01\n2,y,2020-01-02\n3,,2020-02-03\n", "people", "id,sex\n1,F\n"};
static const char *const tables_two[] = {
    "labs", "a,b,t\n1,x,2020-01-01\n2,y,2020-01-02\n3,,2020-02-04\n", "people", "id,sex\n1,F\n"};

static void object_path(struct store *store, const char *table, const char *file,
                        char ret[FILE_PATH_BYTES])
{
    struct store_version *version = NULL;
    assert_ok(store_version_open(store, "d", NULL, &version, &test_err));
    assert_ok(
        file_path_join(store_version_table_find(version, table)->directory, file, ret, &test_err));
    store_version_close(version);
}

static void flip_byte(const char *path, long offset)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 0x10, file), byte ^ 0x10);
    assert_int_equal(fclose(file), 0);
}

static json_t *verify(struct store *store)
{
    json_t *report = NULL;
    assert_ok(store_verify(store, "d", &report, &test_err));
    return report;
}

static void repair(struct store *store, size_t repaired, size_t failed)
{
    json_t *report = NULL;
    assert_ok(store_repair(store, "d", &report, &test_err));
    if (json_array_size(json_object_get(report, "repaired")) != repaired ||
        json_array_size(json_object_get(report, "failed")) != failed)
        fail_msg("%s", json_dumps(report, JSON_INDENT(1)));
    json_decref(report);
}

static void damaged_byte_is_named_by_verify_and_mended_by_repair(void **state)
{
    (void)state;
    static const char *const files[] = {"table.duckdb", "table.parquet", "object.json"};
    struct store *store = open_store();
    char id[65], path[FILE_PATH_BYTES];
    import_ok(store, "d", tables_one, 2, id, NULL);
    for (size_t i = 0; i < 3; i++) {
        object_path(store, "labs", files[i], path);
        flip_byte(path, 60);
        json_t *report = verify(store);
        const json_t *problems = json_object_get(report, "problems");
        assert_false(json_is_true(json_object_get(report, "ok")));
        assert_int_equal(json_array_size(problems), 1);
        assert_non_null(strstr(json_text(json_array_get(problems, 0), "file", ""), files[i]));
        json_decref(report);
        repair(store, 1, 0);
        assert_true(verify_ok(store));
        assert_int_equal(unlink(path), 0); /* and missing */
        repair(store, 1, 0);
        assert_true(verify_ok(store));
    }
    struct store_version *version = NULL;
    struct engine *engine = NULL;
    assert_ok(store_version_open(store, "d", NULL, &version, &test_err));
    assert_string_equal(store_version_id(version), id);
    assert_ok(engine_open(NULL, &engine, &test_err));
    assert_ok(store_version_attach(version, engine, NULL, 0, &test_err));
    assert_int_equal(query_int(engine, "SELECT count(*) FROM labs WHERE b IS NULL"), 1);
    engine_close(engine);
    store_version_close(version);
    store_close(store);
}

static void repair_refuses_when_both_copies_are_damaged(void **state)
{
    (void)state;
    struct store *store = open_store();
    char id[65], path[FILE_PATH_BYTES];
    import_ok(store, "d", tables_one, 2, id, NULL);
    object_path(store, "labs", "table.parquet", path);
    assert_int_equal(truncate(path, 100), 0);
    object_path(store, "labs", "table.duckdb", path);
    assert_int_equal(truncate(path, 8192), 0);
    repair(store, 0, 1);
    json_t *report = verify(store);
    assert_int_equal(json_array_size(json_object_get(report, "problems")), 2);
    json_decref(report);
    bool reused = false;
    import_ok(store, "d", tables_one, 2, id, &reused); /* importing again heals */
    assert_true(reused);
    assert_true(verify_ok(store));
    store_close(store);
}

static void changed_file_is_hashed_before_it_is_trusted(void **state)
{
    (void)state;
    struct store *store = open_store();
    char id[65], path[FILE_PATH_BYTES], verified[FILE_PATH_BYTES];
    import_ok(store, "d", tables_one, 2, id, NULL);
    object_path(store, "labs", "table.duckdb", path);
    object_path(store, "labs", "verified", verified);
    struct store_version *version = NULL;
    assert_ok(store_version_open(store, "d", NULL, &version, &test_err));
    struct timespec times[2] = {{1700000000, 0}, {1700000000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    struct engine *engine = NULL;
    assert_ok(engine_open(NULL, &engine, &test_err));
    const char *names[] = {"labs"};
    assert_false(file_exists(verified));
    assert_ok(
        store_version_attach(version, engine, names, 1, &test_err)); /* same bytes, other time */
    assert_true(file_exists(verified));
    engine_close(engine);
    flip_byte(path, 5000);
    struct err err = {0};
    assert_ok(engine_open(NULL, &engine, &test_err));
    assert_int_equal(store_version_attach(version, engine, names, 1, &err), ERR_INTEGRITY);
    assert_non_null(strstr(err.message, "table.duckdb"));
    assert_non_null(strstr(err.hint, "marrow repair d"));
    engine_close(engine);
    store_version_close(version);
    store_close(store);
}

static void second_importer_is_told_who_holds_the_dataset(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct store_import *first = NULL, *second = NULL;
    struct err err = {0};
    char pid[32];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_ok(store_import_begin(store, "d", NULL, &first, &test_err));
    assert_int_equal(store_import_begin(store, "d", NULL, &second, &err), ERR_LOCKED);
    assert_non_null(strstr(err.message, pid));
    assert_non_null(strstr(err.message, "import"));
    assert_ok(
        store_import_begin(store, "other", NULL, &second, &test_err)); /* another dataset is free */
    store_import_close(second);
    store_import_close(first);
    json_t *list = NULL;
    assert_ok(store_dataset_list(store, &list, &test_err));
    assert_int_equal(json_array_size(list), 0); /* nothing was committed */
    json_decref(list);
    store_close(store);
}

static void prune_keeps_current_waits_for_readers_and_frees_the_rest(void **state)
{
    (void)state;
    struct store *store = open_store();
    char first[65], second[65];
    import_ok(store, "d", tables_one, 2, first, NULL);
    import_ok(store, "d", tables_two, 2, second, NULL);
    import_ok(store, "d", tables_one, 2, first, NULL); /* the older one is current now */
    struct store_version *reader = NULL;
    assert_ok(store_version_open(store, "d", second, &reader, &test_err));
    json_t *report = NULL;
    struct err err = {0};
    store->prune_wait_ms = 50;
    assert_int_equal(store_prune(store, "d", 1, false, &report, &err), ERR_LOCKED);
    assert_ok(store_prune(store, "d", 1, true, &report, &test_err)); /* only tells */
    json_decref(report);
    store_version_close(reader);
    assert_ok(store_prune(store, "d", 2, false, &report, &test_err));
    assert_int_equal(json_int(report, "versions_removed", -1), 0);
    json_decref(report);
    pid_t child = fork();
    if (child == 0) { /* a reader in another process, for a while */
        struct store_version *held = NULL;
        enum err_code code = store_version_open(store, "d", NULL, &held, NULL);
        usleep(300000);
        store_version_close(held);
        _exit(code == ERR_OK ? 0 : 1);
    }
    usleep(100000);
    store->prune_wait_ms = 20000;
    int64_t before = clock_monotonic_us();
    assert_ok(store_prune(store, "d", 1, false, &report, &test_err));
    assert_true(clock_monotonic_us() - before > 100000);
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* newest is `second`, current is `first`: both stay with keep = 1 */
    assert_int_equal(json_int(report, "versions_removed", -1), 0);
    json_decref(report);
    import_ok(store, "d", tables_two, 2, second, NULL);
    assert_ok(store_prune(store, "d", 1, false, &report, &test_err));
    assert_int_equal(json_int(report, "versions_removed", -1), 1);
    assert_int_equal(json_int(report, "objects_removed", -1), 1);
    assert_true(json_int(report, "bytes_freed", -1) > 0);
    json_decref(report);
    assert_true(verify_ok(store));
    struct store_version *gone = NULL;
    assert_int_equal(store_version_open(store, "d", first, &gone, &err), ERR_NOT_FOUND);
    store_close(store);
}

static void damaged_dataset_is_listed_with_its_problem_beside_the_others(void **state)
{
    (void)state;
    struct store *store = open_store();
    char id[65], path[FILE_PATH_BYTES];
    import_ok(store, "bad", tables_one, 2, id, NULL);
    import_ok(store, "good", tables_one, 2, id, NULL);
    in_directory("store/datasets/bad/CURRENT", path);
    assert_ok(file_replace(path, STR("rubbish"), &test_err));
    json_t *list = NULL;
    assert_ok(store_dataset_list(store, &list, &test_err));
    assert_int_equal(json_array_size(list), 2);
    assert_non_null(json_object_get(json_array_get(list, 0), "problem"));
    assert_null(json_object_get(json_array_get(list, 1), "problem"));
    json_decref(list);
    assert_ok(store_repair(store, "bad", &list, &test_err));
    json_decref(list);
    assert_true(verify_ok(store));
    store_close(store);
}

static void newer_store_is_refused_and_missing_one_is_not_found(void **state)
{
    (void)state;
    char path[FILE_PATH_BYTES];
    struct store *store = NULL;
    struct err err = {0};
    in_directory("nothing", path);
    struct store_options options = {.directory = path};
    assert_int_equal(store_open(&options, &store, &err), ERR_NOT_FOUND);
    assert_true(err.hint[0] != '\0');
    store_close(open_store());
    in_directory("store/store.json", path);
    json_t *document = json_pack("{s:i, s:s}", "format", 99, "id", "x");
    assert_ok(store_document_write(path, document, true, &test_err));
    json_decref(document);
    in_directory("store", path);
    assert_int_equal(store_open(&options, &store, &err), ERR_UNSUPPORTED);
}

static void read_only_store_answers_and_refuses_writes(void **state)
{
    (void)state;
    char id[65], path[FILE_PATH_BYTES];
    struct store *store = open_store();
    import_ok(store, "d", tables_one, 2, id, NULL);
    store->writable = false; /* as open finds it without permission; the tests may run as root */
    struct store_version *version = NULL;
    struct engine *engine = NULL;
    struct err err = {0};
    assert_ok(store_version_open(store, "d", NULL, &version, &test_err));
    assert_ok(engine_open(NULL, &engine, &test_err));
    assert_ok(store_version_attach(version, engine, NULL, 0, &test_err));
    assert_int_equal(query_int(engine, "SELECT count(*) FROM labs"), 3);
    engine_close(engine);
    store_version_close(version);
    struct store_import *import = NULL;
    assert_int_equal(store_import_begin(store, "d", NULL, &import, &err), ERR_IO);
    json_t *entry = json_pack("{s:s}", "kind", "question");
    assert_int_equal(store_history_append(store, "d", entry, &err), ERR_IO);
    json_decref(entry);
    store_close(store);
    if (geteuid() == 0) {
        print_message("running as root: permissions are not tried\n");
        return;
    }
    in_directory("store", path);
    assert_int_equal(chmod(path, 0500), 0);
    struct store_options options = {.directory = path};
    assert_ok(store_open(&options, &store, &test_err));
    assert_false(store_is_writable(store));
    store_close(store);
    assert_int_equal(chmod(path, 0700), 0);
}

static enum err_code set_title(void *user, json_t *dataset_json, struct err *err)
{
    bool ok = true;
    json_put_text(dataset_json, "title", user, &ok);
    return json_built(ok, err);
}

static void decisions_are_edited_and_noted(void **state)
{
    (void)state;
    struct store *store = open_store();
    char id[65], title[] = "A study";
    json_t *document = NULL, *entries = NULL;
    import_ok(store, "d", tables_one, 2, id, NULL);
    assert_ok(store_dataset_edit(store, "d", set_title, title, &test_err));
    assert_ok(store_dataset_read(store, "d", &document, &test_err));
    assert_string_equal(json_text(document, "title", ""), title);
    json_decref(document);
    assert_ok(store_history_read(store, "d", 0, &entries, &test_err));
    assert_int_equal(json_array_size(entries), 2);
    assert_string_equal(json_text(json_array_get(entries, 1), "kind", ""), "edit");
    json_decref(entries);
    store_close(store);
}

/* dataset.json and the number of entries in the history. */
static int64_t decided(struct store *store, struct buf *ret_bytes)
{
    char path[FILE_PATH_BYTES];
    json_t *entries = NULL;
    buf_clear(ret_bytes);
    in_directory("store/datasets/d/dataset.json", path);
    if (file_exists(path))
        assert_ok(file_read(path, 0, ret_bytes, &test_err));
    assert_ok(store_history_read(store, "d", 0, &entries, &test_err));
    int64_t count = (int64_t)json_array_size(entries);
    json_decref(entries);
    return count;
}

static void decision_that_cannot_be_recorded_is_not_made(void **state)
{
    (void)state;
    struct store *store = open_store();
    char id[65], title[32];
    AUTO(buf_done) struct buf before = BUF_INIT, after = BUF_INIT;
    import_ok(store, "d", tables_one, 2, id, NULL);
    for (enum fault_kind kind = FAULT_ALLOC; kind <= FAULT_RENAME; kind++) {
        bool passed = false;
        int injected = 0;
        for (int nth = 1; !passed; nth++) {
            int64_t entries = decided(store, &before);
            (void)snprintf(title, sizeof title, "title %d:%d", (int)kind, nth);
            fault_arm(kind, nth);
            enum err_code code = store_dataset_edit(store, "d", set_title, title, &test_err);
            passed = !fault_fired();
            fault_disarm();
            injected += !passed;
            bool made = decided(store, &after) == entries + 1;
            assert_int_equal(made, code == ERR_OK);
            assert_true(made ||
                        (before.len == after.len &&
                         (after.len == 0 || memcmp(before.ptr, after.ptr, after.len) == 0)));
            assert_true(!made || strstr(buf_text(&after), title) != NULL);
        }
        assert_true(injected >= (kind == FAULT_RENAME ? 1 : 2));
    }
    store_close(store);
}

static void run_is_published_once_and_its_twin_kept(void **state)
{
    (void)state;
    static const char run_id[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct store *store = open_store();
    char id[65], staged[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    import_ok(store, "d", tables_one, 2, id, NULL);
    for (int turn = 0; turn < 2; turn++) {
        bool existed = false;
        assert_ok(store_run_stage(store, staged, &test_err));
        assert_ok(file_path_join(staged, "mart/bucket=00", path, &test_err));
        assert_ok(file_make_directory(path, &test_err));
        assert_ok(file_path_join(staged, "mart/bucket=00/rows.parquet", path, &test_err));
        write_text(path, "rows");
        json_t *manifest = json_pack("{s:i, s:s, s:s}", "format", 1, "kind", "mart", "version", id);
        assert_ok(store_run_publish(store, "d", run_id, staged, manifest, &existed, &test_err));
        json_decref(manifest);
        assert_int_equal(existed, turn == 1);
        assert_false(file_exists(staged));
    }
    json_t *manifest = NULL, *runs = NULL;
    assert_ok(store_run_read(store, "d", run_id, &manifest, &test_err));
    const json_t *file = json_array_get(json_object_get(manifest, "files"), 0);
    assert_string_equal(json_text(file, "name", ""), "mart/bucket=00/rows.parquet");
    assert_int_equal(json_int(file, "bytes", -1), 4);
    json_decref(manifest);
    assert_ok(store_run_list(store, "d", "view", &runs, &test_err));
    assert_int_equal(json_array_size(runs), 0);
    json_decref(runs);
    assert_ok(store_run_list(store, "d", NULL, &runs, &test_err));
    assert_int_equal(json_array_size(runs), 1);
    json_decref(runs);
    assert_true(verify_ok(store));
    assert_ok(store_run_path(store, "d", run_id, path, &test_err));
    assert_ok(file_path_join(path, "mart/bucket=00/rows.parquet", staged, &test_err));
    flip_byte(staged, 1);
    repair(store, 1, 0); /* removed: it can be built again */
    struct err err = {0};
    assert_int_equal(store_run_read(store, "d", run_id, &manifest, &err), ERR_NOT_FOUND);
    assert_true(verify_ok(store));
    store_close(store);
}

static void what_a_dead_process_staged_is_swept_and_what_lives_is_not(void **state)
{
    (void)state;
    char path[FILE_PATH_BYTES], living[FILE_PATH_BYTES];
    struct store *store = open_store();
    assert_ok(store_run_stage(store, living, &test_err));
    in_directory("store/tmp/99999-1-abcdef", path);
    assert_ok(file_make_directory(path, &test_err));
    struct store *other = open_store();
    assert_false(file_exists(path));
    assert_true(file_exists(living));
    store_close(other);
    store_close(store);
    assert_false(file_exists(living));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, drop_directory)
        TEST(damaged_byte_is_named_by_verify_and_mended_by_repair),
        TEST(repair_refuses_when_both_copies_are_damaged),
        TEST(changed_file_is_hashed_before_it_is_trusted),
        TEST(second_importer_is_told_who_holds_the_dataset),
        TEST(prune_keeps_current_waits_for_readers_and_frees_the_rest),
        TEST(damaged_dataset_is_listed_with_its_problem_beside_the_others),
        TEST(newer_store_is_refused_and_missing_one_is_not_found),
        TEST(read_only_store_answers_and_refuses_writes),
        TEST(decisions_are_edited_and_noted),
        TEST(decision_that_cannot_be_recorded_is_not_made),
        TEST(run_is_published_once_and_its_twin_kept),
        TEST(what_a_dead_process_staged_is_swept_and_what_lives_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
