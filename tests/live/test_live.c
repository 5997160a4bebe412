/* The speed layer's log and fold: what is acknowledged is there, torn ends are cut, damage is told,
 * and the order of arrival does not matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "live/live.h"

#define CHANGES 300
#define RESOURCES 40
#define ORDERS 1000

static char directory[] = "/tmp/marrow-live-XXXXXX";
static struct err test_err;
#define assert_ok(call) assert_int_equal(ERR_OK, (call))

static struct live *open_live(struct store **ret_store)
{
    struct store_options options = {.directory = directory, .create = true};
    struct live *live = NULL;
    assert_ok(store_open(&options, ret_store, &test_err));
    struct live_options where = {.store = *ret_store, .dataset = "d"};
    assert_ok(live_open(&where, &live, &test_err));
    return live;
}

static void log_path(char ret[FILE_PATH_BYTES])
{
    (void)snprintf(ret, FILE_PATH_BYTES, "%s/live/d/log", directory);
}

static int clean(void **state)
{
    (void)state;
    char path[FILE_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/live", directory);
    assert_ok(file_remove_tree(path, &test_err));
    return 0;
}

static struct live_change change_of(const char *id, int64_t instant_us, const char *version,
                                    const char *text)
{
    return (struct live_change){
        .type = STR("Patient"),
        .id = str_of(id),
        .version_id = str_of(version),
        .dated = instant_us > 0,
        .instant_us = instant_us,
        .deleted = text == NULL,
        .resource = str_of(text),
        .content_hash = text != NULL ? (int64_t)hash_xxh3_64(text, strlen(text), 0) : 0};
}

struct seen {
    int count;
    struct buf text;
};

static enum err_code see(void *user, const struct live_change *change, struct err *err)
{
    struct seen *seen = user;
    seen->count++;
    buf_printf(&seen->text, "%lld %.*s/%.*s %.*s %d %.*s;", (long long)change->seq,
               (int)change->type.len, change->type.ptr, (int)change->id.len, change->id.ptr,
               (int)change->version_id.len, change->version_id.ptr, change->deleted,
               (int)change->resource.len, change->resource.ptr);
    return buf_check(&seen->text, err);
}

static struct seen read_all(struct live *live, int64_t after)
{
    struct seen seen = {0, BUF_INIT};
    assert_ok(live_read(live, after, see, &seen, &test_err));
    return seen;
}

static void what_is_appended_is_read_in_order(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct live *live = open_live(&store);
    struct live_options where = {.store = store, .dataset = "d"};
    assert_true(live_is_empty(&where));
    struct live_change first[] = {change_of("a", 5, "1", "{\"x\": 1.10}"),
                                  change_of("b", 6, "", NULL)};
    struct live_change second[] = {change_of("a", 0, "", "{}")};
    assert_ok(live_append(live, first, 2, &test_err));
    assert_ok(live_append(live, second, 1, &test_err));
    assert_true(second[0].instant_us > 1600000000000000 && second[0].seq == 3);
    struct seen seen = read_all(live, 0);
    assert_string_equal(buf_text(&seen.text),
                        "1 Patient/a 1 0 {\"x\": 1.10};2 Patient/b  1 ;3 Patient/a  0 {};");
    buf_done(&seen.text);
    seen = read_all(live, 2);
    assert_int_equal(seen.count, 1);
    buf_done(&seen.text);
    assert_false(live_is_empty(&where));
    live_close(live);
    store_close(store);
}

/* Cut the file at every length: whatever was whole before is read, and the next append goes on from
 * there. */
static void a_torn_end_is_cut_and_nothing_before_it_lost(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct live *live = open_live(&store);
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf whole = BUF_INIT;
    struct live_change changes[] = {change_of("a", 5, "1", "{\"id\":\"a\"}"),
                                    change_of("b", 6, "1", "{\"id\":\"b\"}")};
    assert_ok(live_append(live, &changes[0], 1, &test_err));
    log_path(path);
    struct file_info info;
    assert_ok(file_stat(path, &info, &test_err));
    assert_ok(live_append(live, &changes[1], 1, &test_err));
    assert_ok(file_read(path, 0, &whole, &test_err));
    for (size_t length = (size_t)info.bytes; length < whole.len; length++) {
        struct live_change next = change_of("c", 7, "1", "{}");
        assert_ok(file_replace(path, (struct str){whole.ptr, length}, &test_err));
        struct seen seen = read_all(live, 0);
        assert_int_equal(seen.count, 1);
        buf_done(&seen.text);
        assert_ok(live_append(live, &next, 1, &test_err));
        seen = read_all(live, 0);
        assert_string_equal(buf_text(&seen.text),
                            "1 Patient/a 1 0 {\"id\":\"a\"};2 Patient/c 1 0 {};");
        buf_done(&seen.text);
    }
    live_close(live);
    store_close(store);
}

static void a_flipped_bit_before_whole_records_is_told(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct live *live = open_live(&store);
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf whole = BUF_INIT;
    struct live_change changes[] = {change_of("a", 5, "1", "{\"id\":\"a\"}"),
                                    change_of("b", 6, "1", "{}")};
    assert_ok(live_append(live, changes, 2, &test_err));
    log_path(path);
    assert_ok(file_read(path, 0, &whole, &test_err));
    for (size_t at = 0; at < 60; at++) {
        struct seen seen = {0, BUF_INIT};
        whole.ptr[at] = (char)(whole.ptr[at] ^ 4);
        assert_ok(file_replace(path, buf_view(&whole), &test_err));
        assert_int_equal(ERR_INTEGRITY, live_read(live, 0, see, &seen, &test_err));
        struct live_change next = change_of("c", 7, "1", "{}");
        assert_int_equal(ERR_INTEGRITY, live_append(live, &next, 1, &test_err));
        whole.ptr[at] = (char)(whole.ptr[at] ^ 4);
        buf_done(&seen.text);
    }
    live_close(live);
    store_close(store);
}

static void trimming_keeps_what_came_later(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct live *live = open_live(&store);
    struct live_change changes[] = {change_of("a", 5, "1", "{}"), change_of("b", 6, "1", "{}"),
                                    change_of("c", 7, "1", "{}")};
    struct live_options where = {.store = store, .dataset = "d"};
    assert_ok(live_append(live, changes, 3, &test_err));
    assert_ok(live_trim(live, 2, &test_err));
    struct seen seen = read_all(live, 0);
    assert_string_equal(buf_text(&seen.text), "3 Patient/c 1 0 {};");
    buf_done(&seen.text);
    assert_ok(live_trim(live, 3, &test_err));
    assert_true(live_is_empty(&where));
    live_close(live);
    store_close(store);
}

/* ---- which change stands ---- */

static void versions_compare_as_numbers_and_later_instants_win(void **state)
{
    (void)state;
    struct live_change low = change_of("a", 5, "9", "{}"), high = change_of("a", 5, "10", "{}"),
                       later = change_of("a", 6, "1", "{}"), gone = change_of("a", 6, "1", NULL);
    assert_true(live_compare(&low, &high) < 0);
    assert_true(live_compare(&high, &later) < 0);
    assert_true(live_compare(&later, &gone) < 0);
    assert_int_equal(live_compare(&gone, &gone), 0);
}

static void describe(struct live_fold *fold, struct buf *out)
{
    for (size_t i = 0; i < live_fold_count(fold); i++) {
        const struct live_change *one = live_fold_at(fold, i);
        buf_printf(out, "%.*s %.*s %d %.*s;", (int)one->id.len, one->id.ptr,
                   (int)one->version_id.len, one->version_id.ptr, one->deleted,
                   (int)one->resource.len, one->resource.ptr);
    }
}

/* A day of changes in a thousand orders, some coming twice: one result. */
static void the_order_of_arrival_does_not_matter(void **state)
{
    (void)state;
    static char ids[CHANGES][16], versions[CHANGES][16], texts[CHANGES][48];
    static struct live_change changes[CHANGES];
    AUTO(buf_done) struct buf expected = BUF_INIT;
    srandom(11);
    for (int i = 0; i < CHANGES; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "p%ld", random() % RESOURCES);
        (void)snprintf(versions[i], sizeof versions[i], "%ld", random() % 12);
        (void)snprintf(texts[i], sizeof texts[i], "{\"n\":%ld}", random() % 50);
        changes[i] =
            change_of(ids[i], 1 + random() % 20, versions[i], random() % 8 == 0 ? NULL : texts[i]);
    }
    for (int order = 0; order < ORDERS; order++) {
        AUTO(live_fold_free) struct live_fold *fold = live_fold_new();
        AUTO(buf_done) struct buf found = BUF_INIT;
        bool won = false;
        for (int i = CHANGES - 1; i > 0; i--) {
            long other = random() % (i + 1);
            struct live_change swap = changes[i];
            changes[i] = changes[other];
            changes[other] = swap;
        }
        for (int i = 0; i < CHANGES; i++) {
            assert_ok(live_fold_add(fold, &changes[i], &won, &test_err));
            if (random() % 5 == 0) {
                assert_ok(live_fold_add(fold, &changes[random() % (i + 1)], &won, &test_err));
                assert_false(won); /* it had its chance */
            }
            if (i == CHANGES / 2)
                (void)live_fold_at(fold, 0); /* reading in between changes nothing */
        }
        describe(fold, &found);
        if (order == 0)
            buf_add_str(&expected, buf_view(&found));
        assert_string_equal(buf_text(&expected), buf_text(&found));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_appended_is_read_in_order, clean),
        cmocka_unit_test_setup(a_torn_end_is_cut_and_nothing_before_it_lost, clean),
        cmocka_unit_test_setup(a_flipped_bit_before_whole_records_is_told, clean),
        cmocka_unit_test_setup(trimming_keeps_what_came_later, clean),
        cmocka_unit_test(versions_compare_as_numbers_and_later_instants_win),
        cmocka_unit_test(the_order_of_arrival_does_not_matter),
    };
    assert_non_null(mkdtemp(directory));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    struct err ignored;
    if (file_remove_tree(directory, &ignored) != ERR_OK)
        (void)fprintf(stderr, "%s is left behind\n", directory);
    return failed;
}
