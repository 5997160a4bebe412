/* The statistic: merging in any order and split gives the same bytes; large columns are summarised
 * and still decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "data/typing.h"

static uint64_t random_state = 1;

static uint64_t next_random(void) /* xorshift64* */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

static struct typing_stats *stats_new(void)
{
    struct typing_stats *stats = mem_zalloc(1, typing_stats_bytes());
    assert_non_null(stats);
    typing_stats_init(stats);
    return stats;
}

static void stats_free(struct typing_stats *stats)
{
    typing_stats_done(stats);
    mem_free(stats);
}

static void add(struct typing_stats *stats, const char *text)
{
    typing_stats_add(stats, str_of(text));
}

/* A cell out of `distinct` different ones, of many kinds. */
static void make_cell(uint64_t pick, char ret[64])
{
    static const char *const words[] = {"NA",   "?", " NA ", "x",         "0389",
                                        "true", "",  "   ",  "2020-01-01"};
    if (pick % 50 < sizeof words / sizeof words[0])
        snprintf(ret, 64, "%s", words[pick % 50]);
    else if (pick % 3 == 0)
        snprintf(ret, 64, "%llu.%02llu", (unsigned long long)pick, (unsigned long long)(pick % 97));
    else if (pick % 3 == 1)
        snprintf(ret, 64, "%02llu/%02llu/2020", (unsigned long long)(pick % 28 + 1),
                 (unsigned long long)(pick % 12 + 1));
    else
        snprintf(ret, 64, "%llu", (unsigned long long)pick);
}

#define PARTS 5
static void assert_splits_agree(uint64_t distinct, int cells, int texts_only)
{
    struct typing_stats *whole = stats_new(), *parts[PARTS], *forward = stats_new(),
                        *backward = stats_new();
    struct buf a = BUF_INIT, b = BUF_INIT, c = BUF_INIT;
    for (int i = 0; i < PARTS; i++)
        parts[i] = stats_new();
    for (int i = 0; i < cells; i++) {
        char cell[64];
        uint64_t pick = next_random() % distinct;
        if (texts_only)
            snprintf(cell, sizeof cell, "word %llu", (unsigned long long)pick);
        else
            make_cell(pick, cell);
        struct typing_stats *part = parts[next_random() % PARTS];
        if (i % 17 == 0) {
            typing_stats_add_null(whole);
            typing_stats_add_null(part);
        }
        add(whole, cell);
        add(part, cell);
    }
    for (int i = 0; i < PARTS; i++)
        typing_stats_merge(forward, parts[i]);
    for (int i = PARTS; i-- > 1;)
        typing_stats_merge(parts[i - 1], parts[i]); /* ((…(4→3)→2)→1)→0 */
    typing_stats_merge(backward, parts[0]);
    assert_true(typing_stats_write(whole, &a));
    assert_true(typing_stats_write(forward, &b));
    assert_true(typing_stats_write(backward, &c));
    assert_true(str_equal(buf_view(&a), buf_view(&b)));
    assert_true(str_equal(buf_view(&a), buf_view(&c)));
    buf_done(&a);
    buf_done(&b);
    buf_done(&c);
    for (int i = 0; i < PARTS; i++)
        stats_free(parts[i]);
    stats_free(whole);
    stats_free(forward);
    stats_free(backward);
}

static void merging_in_any_order_gives_the_same_bytes(void **state)
{
    (void)state;
    random_state = 42;
    for (int round = 0; round < 20; round++) {
        assert_splits_agree(30, 500, 0);
        assert_splits_agree(1024, 4000, round % 2);
        assert_splits_agree(1100, 3000, 0); /* parts exact, the whole perhaps not */
        assert_splits_agree(100000, 5000, round % 2);
    }
}

static void bytes_read_back_give_the_same_bytes(void **state)
{
    (void)state;
    for (int cells = 0; cells <= 3000; cells += 1000) {
        struct typing_stats *stats = stats_new(), *copy = stats_new();
        struct buf a = BUF_INIT, b = BUF_INIT;
        for (int i = 0; i < cells; i++) {
            char cell[64];
            make_cell((uint64_t)i, cell);
            add(stats, cell);
        }
        assert_true(typing_stats_write(stats, &a));
        assert_true(typing_stats_read(copy, buf_view(&a)));
        assert_true(typing_stats_write(copy, &b));
        assert_true(str_equal(buf_view(&a), buf_view(&b)));
        buf_done(&a);
        buf_done(&b);
        stats_free(stats);
        stats_free(copy);
    }
}

static void damaged_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    struct typing_stats *stats = stats_new();
    struct buf bytes = BUF_INIT;
    for (int i = 0; i < 40; i++) {
        char cell[64];
        make_cell((uint64_t)i, cell);
        add(stats, cell);
    }
    assert_true(typing_stats_write(stats, &bytes));
    for (size_t length = 0; length < bytes.len; length++) {
        struct typing_stats *copy = stats_new();
        assert_false(typing_stats_read(copy, (struct str){bytes.ptr, length}));
        stats_free(copy);
    }
    for (size_t at = 0; at < bytes.len; at++) {
        struct typing_stats *copy = stats_new();
        bytes.ptr[at] ^= (char)0x80;
        (void)typing_stats_read(copy,
                                buf_view(&bytes)); /* no crash, no leak: the sanitizers watch */
        bytes.ptr[at] ^= (char)0x80;
        stats_free(copy);
    }
    buf_done(&bytes);
    stats_free(stats);
}

static struct typing_decision decide(struct typing_stats *stats,
                                     const struct typing_options *options, struct arena *arena)
{
    struct typing_decision decision;
    const char *name = "a";
    assert_int_equal(typing_decide(&stats, &name, 1, options, arena, &decision, NULL), ERR_OK);
    json_decref(decision.warnings);
    decision.warnings = NULL;
    return decision;
}

static void wide_columns_are_typed_like_narrow_ones(void **state)
{
    (void)state;
    struct typing_stats *stats = stats_new();
    struct arena *arena = arena_new(0);
    for (int i = 0; i < 50000; i++) {
        char cell[64];
        snprintf(cell, sizeof cell, "%d.%d", i, i % 1000);
        add(stats, i % 100 == 0 ? "NA" : cell);
    }
    struct typing_decision decision = decide(stats, NULL, arena);
    assert_int_equal(decision.type.kind, DATA_DECIMAL);
    assert_int_equal(decision.type.precision, 18);
    assert_int_equal(decision.type.scale, 3);
    assert_int_equal(decision.rows, 50000);
    assert_int_equal(decision.nulls, 500);
    assert_int_equal(decision.null_marker_count, 1);
    assert_string_equal(decision.null_markers[0], "NA");
    assert_false(decision.distinct_exact);
    assert_true(decision.distinct_estimate > 49500 * 0.95 &&
                decision.distinct_estimate < 49500 * 1.05);
    assert_int_equal(decision.longest, 9);
    assert_int_equal(decision.shortest, 3);
    stats_free(stats);
    arena_free(arena);
}

static void the_users_marker_is_counted_out_of_a_wide_column(void **state)
{
    (void)state;
    struct typing_stats *stats = stats_new();
    struct arena *arena = arena_new(0);
    const char *markers[] = {"pending"};
    struct typing_options options = {.null_markers = markers, .null_marker_count = 1};
    for (int i = 0; i < 5000; i++) {
        char cell[64];
        snprintf(cell, sizeof cell, "%d", i);
        add(stats, i % 50 == 0 ? "pending" : cell);
    }
    assert_int_equal(decide(stats, NULL, arena).type.kind, DATA_TEXT);
    struct typing_decision decision = decide(stats, &options, arena);
    assert_int_equal(decision.type.kind, DATA_BIGINT);
    assert_int_equal(decision.nulls, 100);
    stats_free(stats);
    arena_free(arena);
}

static void a_wide_column_with_one_late_stray_is_text(void **state)
{
    (void)state;
    struct typing_stats *stats = stats_new();
    struct arena *arena = arena_new(0);
    for (int i = 0; i < 20000; i++) {
        char cell[64];
        snprintf(cell, sizeof cell, "%d", i);
        add(stats, cell);
    }
    assert_int_equal(decide(stats, NULL, arena).type.kind, DATA_BIGINT);
    add(stats, "1,234");
    assert_int_equal(decide(stats, NULL, arena).type.kind, DATA_TEXT);
    stats_free(stats);
    arena_free(arena);
}

static void distinct_estimates_are_within_five_percent(void **state)
{
    (void)state;
    for (int distinct = 1025; distinct < 400000; distinct = distinct * 5 / 2) {
        struct typing_stats *stats = stats_new();
        struct arena *arena = arena_new(0);
        for (int i = 0; i < distinct; i++) {
            char cell[64];
            snprintf(cell, sizeof cell, "patient-%d", i);
            add(stats, cell);
        }
        double estimate = decide(stats, NULL, arena).distinct_estimate;
        assert_true(estimate > distinct * 0.95 && estimate < distinct * 1.05);
        stats_free(stats);
        arena_free(arena);
    }
}

static void distinct_is_exact_up_to_1024_texts(void **state)
{
    (void)state;
    struct typing_stats *stats = stats_new();
    struct arena *arena = arena_new(0);
    for (int i = 0; i < 4096; i++) {
        char cell[64];
        snprintf(cell, sizeof cell, "c%d", i % 1024);
        add(stats, cell);
    }
    struct typing_decision decision = decide(stats, NULL, arena);
    assert_true(decision.distinct_exact);
    assert_true(decision.distinct_estimate == 1024);
    add(stats, "one more");
    assert_false(decide(stats, NULL, arena).distinct_exact);
    assert_null(typing_top_values(stats, 10));
    stats_free(stats);
    arena_free(arena);
}

static void top_values_go_by_count_then_text(void **state)
{
    (void)state;
    struct typing_stats *stats = stats_new();
    static const char *const cells[] = {"b", "a", "c", "c", "", "", "", "d", "d"};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        add(stats, cells[i]);
    JSON_AUTO top = typing_top_values(stats, 3);
    struct buf text = BUF_INIT;
    assert_int_equal(json_compact(top, &text, NULL), ERR_OK);
    assert_string_equal(buf_text(&text), "[[\"c\",2],[\"d\",2],[\"a\",1]]");
    buf_done(&text);
    stats_free(stats);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    bool passed = false;
    for (int nth = 1; nth < 10000 && !passed; nth++) {
        struct typing_stats *stats = stats_new();
        struct buf bytes = BUF_INIT;
        fault_arm(FAULT_ALLOC, nth);
        for (int i = 0; i < 1100; i++) {
            char cell[64];
            snprintf(cell, sizeof cell, "text %d", i);
            add(stats, cell);
        }
        bool ok = typing_stats_write(stats, &bytes);
        passed = !fault_fired();
        fault_disarm();
        assert_true(ok == passed);
        buf_done(&bytes);
        stats_free(stats);
    }
    assert_true(passed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging_in_any_order_gives_the_same_bytes),
        cmocka_unit_test(bytes_read_back_give_the_same_bytes),
        cmocka_unit_test(damaged_bytes_are_refused_or_harmless),
        cmocka_unit_test(wide_columns_are_typed_like_narrow_ones),
        cmocka_unit_test(the_users_marker_is_counted_out_of_a_wide_column),
        cmocka_unit_test(a_wide_column_with_one_late_stray_is_text),
        cmocka_unit_test(distinct_estimates_are_within_five_percent),
        cmocka_unit_test(distinct_is_exact_up_to_1024_texts),
        cmocka_unit_test(top_values_go_by_count_then_text),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
