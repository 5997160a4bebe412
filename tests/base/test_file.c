/* Files, directories, locks: each write, fsync and rename failed in turn; nothing is ever half
 * there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"

static char root[FILE_PATH_BYTES]; /* a fresh directory for each test */

static int set_up(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    return file_make_staging(parent == NULL ? "/tmp" : parent, "marrow-test", root, NULL) != ERR_OK;
}

static int tear_down(void **state)
{
    (void)state;
    fault_disarm();
    return file_remove_tree(root, NULL) != ERR_OK;
}

static const char *in_root(const char *name)
{
    static char paths[8][FILE_PATH_BYTES];
    static unsigned next;
    char *path = paths[next++ % 8];
    assert_int_equal(file_path_join(root, name, path, NULL), ERR_OK);
    return path;
}

static void assert_content(const char *path, const char *text)
{
    struct buf bytes = BUF_INIT;
    assert_int_equal(file_read(path, 0, &bytes, NULL), ERR_OK);
    assert_string_equal(buf_text(&bytes), text);
    buf_done(&bytes);
}

static size_t entries_in(const char *path)
{
    struct file_list list;
    assert_int_equal(file_list_directory(path, &list, NULL), ERR_OK);
    size_t count = list.count;
    file_list_done(&list);
    return count;
}

static void paths_join_without_doubled_slash(void **state)
{
    (void)state;
    char path[FILE_PATH_BYTES];
    struct buf longer = BUF_INIT;
    assert_int_equal(file_path_join("a/", "/b", path, NULL), ERR_OK);
    assert_string_equal(path, "a/b");
    assert_int_equal(file_path_join("/", "b", path, NULL), ERR_OK);
    assert_string_equal(path, "/b");
    assert_int_equal(file_path_join("", "b", path, NULL), ERR_OK);
    assert_string_equal(path, "b");
    assert_int_equal(file_path_join("a", "", path, NULL), ERR_OK);
    assert_string_equal(path, "a");
    while (longer.len < FILE_PATH_BYTES)
        buf_puts(&longer, "long/");
    assert_int_equal(file_path_join(buf_text(&longer), "b", path, NULL), ERR_LIMIT);
    assert_int_equal(file_path_join("b", buf_text(&longer), path, NULL), ERR_LIMIT);
    buf_done(&longer);
    assert_string_equal(file_base_name("a/b.csv"), "b.csv");
}

static void new_file_is_private_and_never_overwritten(void **state)
{
    (void)state;
    struct stat status;
    struct err err;
    assert_int_equal(file_write_new(in_root("a"), STR("one"), &err), ERR_OK);
    assert_int_equal(file_write_new(in_root("a"), STR("two"), &err), ERR_IO);
    assert_content(in_root("a"), "one");
    assert_int_equal(stat(in_root("a"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void read_stops_at_its_limit(void **state)
{
    (void)state;
    struct buf bytes = BUF_INIT;
    struct err err;
    assert_int_equal(file_write_new(in_root("a"), STR("12345"), NULL), ERR_OK);
    assert_int_equal(file_read(in_root("a"), 4, &bytes, &err), ERR_LIMIT);
    buf_clear(&bytes);
    assert_int_equal(file_read(in_root("a"), 5, &bytes, &err), ERR_OK);
    assert_int_equal(file_read(in_root("gone"), 5, &bytes, &err), ERR_NOT_FOUND);
    buf_done(&bytes);
}

static void replacing_leaves_old_or_new_at_every_fault(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_WRITE, FAULT_FSYNC, FAULT_RENAME};
    for (size_t k = 0; k < 3; k++) {
        bool passed = false;
        for (int nth = 1; nth < 10 && !passed; nth++) {
            struct err err;
            struct buf bytes = BUF_INIT;
            assert_int_equal(file_replace(in_root("a"), STR("old"), &err), ERR_OK);
            fault_arm(kinds[k], nth);
            enum err_code code = file_replace(in_root("a"), STR("new"), &err);
            passed = !fault_fired();
            fault_disarm();
            assert_int_equal(code, passed ? ERR_OK : ERR_IO);
            assert_true(passed || err.message[0] != '\0');
            assert_int_equal(file_read(in_root("a"), 0, &bytes, NULL), ERR_OK);
            assert_true(str_equal(buf_view(&bytes), STR("old")) ||
                        str_equal(buf_view(&bytes), STR("new")));
            assert_int_equal(entries_in(root), 1); /* no staged file is left */
            buf_done(&bytes);
        }
        assert_true(passed);
    }
}

static void stage(const char *name)
{
    char path[FILE_PATH_BYTES];
    assert_int_equal(file_make_directory(in_root(name), NULL), ERR_OK);
    assert_int_equal(file_path_join(in_root(name), "data", path, NULL), ERR_OK);
    assert_int_equal(file_write_new(path, STR("x"), NULL), ERR_OK);
}

static void publishing_is_whole_or_not_at_all_at_every_fault(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_FSYNC, FAULT_RENAME};
    for (size_t k = 0; k < 2; k++) {
        bool passed = false;
        for (int nth = 1; nth < 10 && !passed; nth++) {
            struct err err;
            bool existed = true;
            stage("tmp/staged");
            assert_int_equal(file_make_directory(in_root("out"), NULL), ERR_OK);
            fault_arm(kinds[k], nth);
            enum err_code code =
                file_publish(in_root("tmp/staged"), in_root("out/final"), &existed, &err);
            passed = !fault_fired();
            fault_disarm();
            assert_int_equal(code, passed ? ERR_OK : ERR_IO);
            assert_false(existed);
            assert_true(file_exists(in_root("tmp/staged")) != file_exists(in_root("out/final")));
            if (file_exists(in_root("out/final")))
                assert_content(in_root("out/final/data"), "x");
            assert_int_equal(file_remove_tree(in_root("tmp"), NULL), ERR_OK);
            assert_int_equal(file_remove_tree(in_root("out"), NULL), ERR_OK);
        }
        assert_true(passed);
    }
}

static void publishing_over_a_twin_keeps_the_twin(void **state)
{
    (void)state;
    struct err err;
    bool existed = false;
    stage("staged");
    assert_int_equal(file_make_directory(in_root("final"), NULL), ERR_OK);
    assert_int_equal(file_publish(in_root("staged"), in_root("final"), &existed, &err), ERR_OK);
    assert_true(existed);
    assert_int_equal(entries_in(in_root("final")), 0);
    assert_content(in_root("staged/data"), "x");
    assert_int_equal(file_publish(in_root("staged"), in_root("final"), NULL, &err), ERR_FAILED);
    assert_int_equal(file_publish(in_root("gone"), in_root("other"), &existed, &err),
                     ERR_NOT_FOUND);
    assert_false(existed);
}

static void removing_a_tree_never_follows_links(void **state)
{
    (void)state;
    stage("kept");
    stage("tree/deep/deeper");
    assert_int_equal(symlink(in_root("kept"), in_root("tree/link")), 0);
    assert_int_equal(file_remove_tree(in_root("tree"), NULL), ERR_OK);
    assert_false(file_exists(in_root("tree")));
    assert_content(in_root("kept/data"), "x");
    assert_int_equal(symlink(in_root("kept"), in_root("link")), 0);
    assert_int_equal(file_remove_tree(in_root("link"), NULL), ERR_OK);
    assert_content(in_root("kept/data"), "x");
    assert_int_equal(file_remove_tree(in_root("gone"), NULL), ERR_OK);
    assert_int_equal(file_remove(in_root("gone"), NULL), ERR_OK);
}

static void syncing_a_tree_reports_every_fsync_that_fails(void **state)
{
    (void)state;
    bool passed = false;
    int calls = 0;
    stage("tree/a");
    stage("tree/b");
    for (int nth = 1; nth < 20 && !passed; nth++) {
        fault_arm(FAULT_FSYNC, nth);
        enum err_code code = file_fsync_tree(in_root("tree"), NULL);
        passed = !fault_fired();
        fault_disarm();
        assert_int_equal(code, passed ? ERR_OK : ERR_IO);
        calls = nth;
    }
    assert_int_equal(calls, 6); /* two files, three directories, and the run that passes */
}

static void listing_is_sorted_and_tells_kinds(void **state)
{
    (void)state;
    struct file_list list;
    assert_int_equal(file_write_new(in_root("b"), STR("12"), NULL), ERR_OK);
    assert_int_equal(file_write_new(in_root("a"), STR(""), NULL), ERR_OK);
    assert_int_equal(file_make_directory(in_root("B"), NULL), ERR_OK);
    assert_int_equal(file_list_directory(root, &list, NULL), ERR_OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.entries[0].name, "B");
    assert_int_equal(list.entries[0].kind, FILE_DIRECTORY);
    assert_string_equal(list.entries[2].name, "b");
    assert_int_equal(list.entries[2].bytes, 2);
    file_list_done(&list);
    assert_int_equal(file_list_directory(in_root("gone"), &list, NULL), ERR_NOT_FOUND);
}

static void directory_with_a_file_in_the_way_is_refused(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(file_write_new(in_root("a"), STR(""), NULL), ERR_OK);
    assert_int_equal(file_make_directory(in_root("a/b"), &err), ERR_IO);
    assert_non_null(strstr(err.message, "in the way"));
    assert_int_equal(file_make_directory(in_root("x/y/z/"), &err), ERR_OK);
    assert_int_equal(file_make_directory(in_root("x/y"), &err), ERR_OK);
}

static void file_hash_is_that_of_its_bytes(void **state)
{
    (void)state;
    char hex[HASH_HEX_BYTES];
    int64_t bytes = 0;
    assert_int_equal(file_write_new(in_root("a"), STR("abc"), NULL), ERR_OK);
    assert_int_equal(file_sha256(in_root("a"), hex, &bytes, NULL), ERR_OK);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(bytes, 3);
    assert_int_equal(file_sha256(in_root("gone"), hex, NULL, NULL), ERR_NOT_FOUND);
    assert_true(file_free_bytes(root) > 0 && file_free_bytes("/nowhere") == -1);
}

static void second_writer_is_told_who_holds_the_lock(void **state)
{
    (void)state;
    struct file_lock first = FILE_LOCK_INIT, second = FILE_LOCK_INIT;
    struct err err;
    assert_int_equal(file_lock_take(in_root("lock"), true, 0, "import mimic", &first, &err),
                     ERR_OK);
    assert_int_equal(file_lock_take(in_root("lock"), true, 30, "import again", &second, &err),
                     ERR_LOCKED);
    assert_non_null(strstr(err.message, "import mimic"));
    assert_int_equal(file_lock_take(in_root("lock"), false, 0, "query", &second, &err), ERR_LOCKED);
    file_lock_release(&first);
    file_lock_release(&first);
    assert_int_equal(file_lock_take(in_root("lock"), false, 0, "query", &first, &err), ERR_OK);
    assert_int_equal(file_lock_take(in_root("lock"), false, 0, "query", &second, &err), ERR_OK);
    file_lock_release(&first);
    file_lock_release(&second);
}

static void lock_dies_with_its_process(void **state)
{
    (void)state;
    struct file_lock lock = FILE_LOCK_INIT;
    struct err err;
    int ends[2];
    char ready = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        bool ok = file_lock_take(in_root("lock"), true, 0, "import", &lock, NULL) == ERR_OK;
        if (write(ends[1], ok ? "y" : "n", 1) == 1)
            pause();
        _exit(0);
    }
    assert_int_equal(read(ends[0], &ready, 1), 1);
    assert_int_equal(ready, 'y');
    assert_int_equal(file_lock_take(in_root("lock"), true, 0, "import", &lock, &err), ERR_LOCKED);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(file_lock_take(in_root("lock"), true, 1000, "import", &lock, &err), ERR_OK);
    file_lock_release(&lock);
    close(ends[0]);
    close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths_join_without_doubled_slash),
        TEST(new_file_is_private_and_never_overwritten),
        TEST(read_stops_at_its_limit),
        TEST(replacing_leaves_old_or_new_at_every_fault),
        TEST(publishing_is_whole_or_not_at_all_at_every_fault),
        TEST(publishing_over_a_twin_keeps_the_twin),
        TEST(removing_a_tree_never_follows_links),
        TEST(syncing_a_tree_reports_every_fsync_that_fails),
        TEST(listing_is_sorted_and_tells_kinds),
        TEST(directory_with_a_file_in_the_way_is_refused),
        TEST(file_hash_is_that_of_its_bytes),
        TEST(second_writer_is_told_who_holds_the_lock),
        TEST(lock_dies_with_its_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
