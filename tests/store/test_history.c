/* The history: chained, rotated, torn tails cut and told, tampering found. */
#include "store_test.h"

static void append(struct store *store, const char *kind, int64_t number)
{
    json_t *entry = json_pack("{s:s, s:I}", "kind", kind, "number", (json_int_t)number);
    assert_ok(store_history_append(store, "d", entry, &test_err));
    json_decref(entry);
}

static struct store *open_with_dataset(void)
{
    char path[FILE_PATH_BYTES];
    struct store *store = open_store();
    in_directory("store/datasets/d", path);
    assert_ok(file_make_directory(path, &test_err));
    return store;
}

static bool history_ok(struct store *store, int64_t *ret_entries)
{
    json_t *report = NULL;
    assert_ok(store_history_verify(store, "d", &report, &test_err));
    bool ok = json_is_true(json_object_get(report, "ok"));
    assert_int_equal(ok, json_array_size(json_object_get(report, "problems")) == 0);
    if (ret_entries != NULL)
        *ret_entries = json_int(report, "entries", -1);
    json_decref(report);
    return ok;
}

static void read_history(struct buf *ret)
{
    char path[FILE_PATH_BYTES];
    in_directory("store/datasets/d/history.jsonl", path);
    assert_ok(file_read(path, 0, ret, &test_err));
}

static void write_history(struct str text)
{
    char path[FILE_PATH_BYTES];
    in_directory("store/datasets/d/history.jsonl", path);
    assert_ok(file_replace(path, text, &test_err));
}

static void entries_are_chained_and_read_in_order(void **state)
{
    (void)state;
    struct store *store = open_with_dataset();
    for (int i = 1; i <= 5; i++)
        append(store, "question", i);
    int64_t count = 0;
    assert_true(history_ok(store, &count));
    assert_int_equal(count, 5);
    json_t *last = NULL;
    assert_ok(store_history_read(store, "d", 2, &last, &test_err));
    assert_int_equal(json_array_size(last), 2);
    assert_int_equal(json_int(json_array_get(last, 0), "number", 0), 4);
    assert_int_equal(json_int(json_array_get(last, 1), "seq", 0), 5);
    assert_string_equal(json_text(json_array_get(last, 1), "prev", "x"),
                        json_text(json_array_get(last, 0), "hash", "y"));
    json_decref(last);
    store_close(store);
}

static void segments_rotate_and_stay_one_chain(void **state)
{
    (void)state;
    struct store *store = open_with_dataset();
    store->history_segment_bytes = 600;
    for (int i = 1; i <= 20; i++)
        append(store, "question", i);
    char path[FILE_PATH_BYTES];
    in_directory("store/datasets/d/history-000002.jsonl", path);
    assert_true(file_exists(path));
    int64_t count = 0;
    assert_true(history_ok(store, &count));
    assert_int_equal(count, 20);
    json_t *all = NULL;
    assert_ok(store_history_read(store, "d", 0, &all, &test_err));
    assert_int_equal(json_array_size(all), 20);
    assert_int_equal(json_int(json_array_get(all, 0), "number", 0), 1);
    json_decref(all);
    assert_ok(store_history_read(store, "d", 7, &all, &test_err));
    assert_int_equal(json_array_size(all), 7);
    assert_int_equal(json_int(json_array_get(all, 0), "number", 0), 14);
    json_decref(all);
    in_directory("store/datasets/d/history-000001.jsonl", path);
    assert_int_equal(unlink(path), 0);
    assert_false(history_ok(store, NULL)); /* a whole segment is gone */
    store_close(store);
}

static void edit_deletion_and_reorder_are_found(void **state)
{
    (void)state;
    struct store *store = open_with_dataset();
    for (int i = 1; i <= 4; i++)
        append(store, "question", i);
    struct buf original = BUF_INIT, changed = BUF_INIT;
    read_history(&original);
    const char *lines[5] = {buf_text(&original)};
    for (int i = 1; i < 5; i++)
        lines[i] = strchr(lines[i - 1], '\n') + 1;
    /* edit */
    buf_add_str(&changed, buf_view(&original));
    strstr(changed.ptr, "\"number\":2")[9] = '7';
    write_history(buf_view(&changed));
    assert_false(history_ok(store, NULL));
    /* deletion in the middle */
    buf_clear(&changed);
    buf_add(&changed, lines[0], (size_t)(lines[1] - lines[0]));
    buf_add(&changed, lines[2], (size_t)(lines[4] - lines[2]));
    write_history(buf_view(&changed));
    assert_false(history_ok(store, NULL));
    /* deletion at the end */
    write_history((struct str){lines[0], (size_t)(lines[3] - lines[0])});
    assert_false(history_ok(store, NULL));
    /* reorder */
    buf_clear(&changed);
    buf_add(&changed, lines[0], (size_t)(lines[1] - lines[0]));
    buf_add(&changed, lines[2], (size_t)(lines[3] - lines[2]));
    buf_add(&changed, lines[1], (size_t)(lines[2] - lines[1]));
    buf_add(&changed, lines[3], (size_t)(lines[4] - lines[3]));
    write_history(buf_view(&changed));
    assert_false(history_ok(store, NULL));
    write_history(buf_view(&original));
    assert_true(history_ok(store, NULL));
    buf_done(&original);
    buf_done(&changed);
    store_close(store);
}

static void torn_tail_is_cut_and_told(void **state)
{
    (void)state;
    struct store *store = open_with_dataset();
    append(store, "question", 1);
    append(store, "question", 2);
    struct buf text = BUF_INIT;
    read_history(&text);
    buf_puts(&text, "{\"kind\":\"quest");
    write_history(buf_view(&text));
    buf_done(&text);
    assert_false(history_ok(store, NULL));
    append(store, "question", 3);
    assert_true(history_ok(store, NULL));
    json_t *all = NULL;
    assert_ok(store_history_read(store, "d", 0, &all, &test_err));
    assert_int_equal(json_array_size(all), 4);
    assert_string_equal(json_text(json_array_get(all, 2), "kind", ""), "torn_tail");
    assert_int_equal(json_int(json_array_get(all, 2), "bytes_cut", 0), 14);
    json_decref(all);
    store_close(store);
}

static void append_padded(struct store *store, size_t bytes)
{
    AUTO(mem_free) char *padding = mem_zalloc(bytes + 1, 1);
    assert_non_null(padding);
    memset(padding, 'x', bytes);
    json_t *entry = json_pack("{s:s, s:s}", "kind", "question", "padding", padding);
    assert_ok(store_history_append(store, "d", entry, &test_err));
    json_decref(entry);
}

static void check_last(struct store *store, int64_t seq)
{
    json_t *last = NULL;
    assert_ok(store_history_last(store, "d", &last, &test_err));
    assert_int_equal(json_int(last, "seq", -1), seq);
    json_decref(last);
}

/* Only a segment's end is read at an append: whatever the lines' lengths, the chain goes on, and what is torn is cut. */
static void long_segments_are_read_from_their_end(void **state)
{
    (void)state;
    struct store *store = open_with_dataset();
    static const size_t lengths[] = {10, 70000, 65536, 300, 40000, 40000, 200000, 5, 65200, 65300, 1};
    int64_t seq = 0, count = 0;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        append_padded(store, lengths[i]);
        check_last(store, ++seq);
    }
    assert_true(history_ok(store, &count));
    assert_int_equal(count, seq);
    for (size_t torn = 1; torn < 200000; torn = torn * 17 + 3) { /* without and with a line end that is no entry's */
        AUTO(buf_done) struct buf text = BUF_INIT;
        read_history(&text);
        for (size_t i = 0; i < torn; i++)
            buf_putc(&text, torn % 2 == 0 && i % 1000 == 999 ? '\n' : 'y');
        write_history(buf_view(&text));
        append_padded(store, 10);
        seq += 2; /* the torn tail is told */
        check_last(store, seq);
        assert_true(history_ok(store, &count));
        assert_int_equal(count, seq);
    }
    store_close(store);
}

static void clear_starts_a_new_chain(void **state)
{
    (void)state;
    struct store *store = open_with_dataset();
    store->history_segment_bytes = 500;
    for (int i = 1; i <= 10; i++)
        append(store, "question", i);
    assert_ok(store_history_clear(store, "d", &test_err));
    int64_t count = 0;
    assert_true(history_ok(store, &count));
    assert_int_equal(count, 1);
    for (int i = 1; i <= 10; i++)
        append(store, "question", i);
    assert_true(history_ok(store, &count));
    assert_int_equal(count, 11);
    json_t *all = NULL;
    assert_ok(store_history_read(store, "d", 0, &all, &test_err));
    assert_string_equal(json_text(json_array_get(all, 0), "kind", ""), "clear");
    assert_int_equal(json_int(json_array_get(all, 0), "entries_removed", 0), 10);
    json_decref(all);
    store_close(store);
}

static void failed_write_leaves_the_chain_as_it_was(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_WRITE, FAULT_FSYNC};
    struct store *store = open_with_dataset();
    append(store, "question", 1);
    for (size_t i = 0; i < 2; i++) {
        json_t *entry = json_pack("{s:s}", "kind", "question");
        struct err err = {0};
        fault_arm(kinds[i], 1);
        enum err_code code = store_history_append(store, "d", entry, &err);
        assert_true(fault_fired());
        fault_disarm();
        json_decref(entry);
        assert_int_equal(code, ERR_IO);
        assert_true(err.message[0] != '\0');
        int64_t count = 0;
        assert_true(history_ok(store, &count));
        assert_int_equal(count, 1);
    }
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, drop_directory)
        TEST(entries_are_chained_and_read_in_order),
        TEST(segments_rotate_and_stay_one_chain),
        TEST(edit_deletion_and_reorder_are_found),
        TEST(torn_tail_is_cut_and_told),
        TEST(long_segments_are_read_from_their_end),
        TEST(clear_starts_a_new_chain),
        TEST(failed_write_leaves_the_chain_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
