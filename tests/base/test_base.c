/* Errors, arenas, texts, numbers, UTF-8, the calendar, hashes, the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/str.h"

static void error_keeps_one_line_and_its_additions(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, ERR_INPUT, "expected %d\ncolumns", 3), ERR_INPUT);
    assert_string_equal(err.message, "expected 3 columns");
    assert_int_equal(err_hint(&err, "add %s", "one"), ERR_INPUT);
    assert_int_equal(err_excerpt(&err, "a\t= b", "    ^"), ERR_INPUT);
    assert_string_equal(err.detail, "a = b\n    ^");
    assert_int_equal(err_at(&err, "a.csv", 7, 2), ERR_INPUT);
    assert_int_equal(err_context(&err, "table %s", "labs"), ERR_INPUT);
    assert_string_equal(err.message, "table labs: expected 3 columns");
    assert_string_equal(err.hint, "add one");
    assert_true(err.line == 7 && err.column == 2);
    assert_int_equal(err_set(&err, ERR_IO, "again: %s", err.message),
                     ERR_IO); /* its own text as an argument */
    assert_string_equal(err.message, "again: table labs: expected 3 columns");
    assert_true(err.hint[0] == '\0' && err.source[0] == '\0' && err.line == 0);
    assert_int_equal(err_set(NULL, ERR_LIMIT, "x"), ERR_LIMIT);
    assert_int_equal(err_hint(NULL, "x"), ERR_FAILED);
    struct err *sink = ERR_IGNORED; /* keeps the code through every adder */
    (void)err_set(sink, ERR_LIMIT, "x");
    assert_int_equal(err_hint(sink, "y"), ERR_LIMIT);
    assert_int_equal(err_detail(sink, "y"), ERR_LIMIT);
    assert_int_equal(err_excerpt(sink, "y", "^"), ERR_LIMIT);
    assert_int_equal(err_context(sink, "y"), ERR_LIMIT);
    assert_int_equal(err_at(sink, "s", 1, 1), ERR_LIMIT);
}

static void long_error_is_cut_between_characters(void **state)
{
    (void)state;
    struct err err;
    struct buf text = BUF_INIT;
    buf_putc(&text, 'x');
    for (int i = 0; i < 2000; i++)
        buf_puts(&text, "é");
    (void)err_set(&err, ERR_INPUT, "%s", buf_text(&text));
    struct str message = str_of(err.message);
    assert_true(message.len >= ERR_TEXT_BYTES - 4);
    assert_int_equal(str_utf8_valid_prefix(message), message.len);
    buf_done(&text);
}

static void errno_gives_code_and_hint(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set_errno(&err, ENOENT, "cannot open %s", "x"), ERR_NOT_FOUND);
    assert_int_equal(err_set_errno(&err, ENOSPC, "cannot write %s", "x"), ERR_IO);
    assert_non_null(strstr(err.hint, "space"));
    assert_non_null(strstr(err.message, "cannot write x: "));
    assert_string_equal(err_code_name(ERR_NOT_FOUND), "not_found");
    assert_int_equal(err_code_exit(ERR_LOCKED), 4);
    assert_int_equal(err_code_http(ERR_LIMIT), 413);
}

static void pattern_shows_shape_and_no_letters(void **state)
{
    (void)state;
    char ret[80];
    assert_string_equal(err_pattern("Ab-12 \xC3\xA9!", 9, ret, sizeof ret), "Aa-99 ~!");
    assert_string_equal(err_pattern("aaaaaaaaaaaaaaaaaaaaaaaaa", 25, ret, sizeof ret),
                        "aaaaaaaaaaaaaaaaaaaaaaaa\xE2\x80\xA6");
    assert_string_equal(err_pattern("abcdef", 6, ret, 4), "aaa");
}

static void arena_is_aligned_zeroed_and_reusable(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    for (int round = 0; round < 3; round++) {
        for (size_t bytes = 0; bytes < 3000; bytes += 7) {
            unsigned char *ptr = arena_alloc(arena, bytes);
            assert_non_null(ptr);
            assert_int_equal((uintptr_t)ptr % 16, 0);
            for (size_t i = 0; i < bytes; i++)
                assert_int_equal(ptr[i], 0);
            memset(ptr, 0xFF, bytes);
        }
        assert_non_null(arena_alloc(arena, 5u << 20));
        assert_string_equal(arena_printf(arena, "%d-%s", 5, "x"), "5-x");
        assert_string_equal(arena_strndup(arena, "abc", 2), "ab");
        arena_reset(arena);
        assert_int_equal(arena_used_bytes(arena), 0);
    }
    arena_free(arena);
    arena_free(NULL);
}

static void arena_failure_sticks_until_reset(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1000);
    assert_non_null(arena_alloc(arena, 900));
    assert_null(arena_alloc(arena, 200));
    assert_true(arena_failed(arena));
    assert_null(arena_alloc(arena, 1));
    arena_reset(arena);
    assert_false(arena_failed(arena));
    assert_non_null(arena_alloc(arena, 200));
    assert_null(arena_array(arena, SIZE_MAX / 2, 4));
    assert_true(arena_failed(arena));
    arena_free(arena);
    assert_null(arena_alloc(NULL, 1));
}

static void buffer_failure_sticks(void **state)
{
    (void)state;
    struct buf buf = {.limit = 100};
    struct err err;
    for (int i = 0; i < 10; i++)
        buf_puts(&buf, "0123456789");
    assert_false(buf.failed);
    buf_putc(&buf, 'x');
    assert_true(buf.failed);
    assert_int_equal(buf.len, 100);
    assert_int_equal(buf_check(&buf, &err), ERR_MEMORY);
    buf_done(&buf);
    struct buf other = BUF_INIT;
    fault_arm(FAULT_ALLOC, 1);
    buf_puts(&other, "a");
    fault_disarm();
    buf_puts(&other, "b");
    assert_true(other.failed && other.len == 0);
    assert_null(buf_take(&other));
    buf_printf(&other, "%s-%05d", "n", 42);
    char *taken = buf_take(&other);
    assert_string_equal(taken, "n-00042");
    mem_free(taken);
    assert_string_equal(buf_text(&other), "");
    buf_done(&other);
}

static void memory_products_are_checked(void **state)
{
    (void)state;
    assert_null(mem_resize(NULL, SIZE_MAX / 2, 3));
    assert_null(mem_zalloc(SIZE_MAX / 2, 3));
    void *ptr = mem_zalloc(0, 8);
    assert_non_null(ptr);
    mem_free(ptr);
    assert_null(mem_strdup(NULL));
}

static void integers_are_read_strictly(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(str_to_int64(STR("-9223372036854775808"), &value) && value == INT64_MIN);
    assert_true(str_to_int64(STR("9223372036854775807"), &value) && value == INT64_MAX);
    assert_true(str_to_int64(STR("+7"), &value) && value == 7);
    static const char *const bad[] = {
        "", "-", "9223372036854775808", "-9223372036854775809", "1 ", " 1", "1.0", "0x1", "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(str_to_int64(str_of(bad[i]), &value));
}

static void doubles_are_read_strictly_and_written_shortest(void **state)
{
    (void)state;
    char text[32];
    double value = 0;
    static const char *const bad[] = {"",     ".",   "-",     "1e",   "1e+",  "1 ",
                                      "0x10", "1,5", "1e999", "nanx", "1.2.3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(str_to_double(str_of(bad[i]), &value));
    static const char *const good[] = {"0.1",
                                       "1e300",
                                       "-2.5e-8",
                                       "5e-324",
                                       "1.7976931348623157e308",
                                       "123456.789",
                                       "0.30000000000000004",
                                       "1e22",
                                       "100000",
                                       "-0",
                                       "nan",
                                       "inf",
                                       "-inf"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(str_to_double(str_of(good[i]), &value));
        assert_string_equal(str_from_double(value, text), good[i]);
    }
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        double again = 0;
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&value, &bits, 8);
        if (isfinite(value))
            assert_true(str_to_double(str_of(str_from_double(value, text)), &again) &&
                        again == value);
    }
}

static void sizes_are_read_with_units(void **state)
{
    (void)state;
    int64_t bytes = 0;
    assert_true(str_to_bytes(STR("512MB"), &bytes) && bytes == 512000000);
    assert_true(str_to_bytes(STR("1.5GiB"), &bytes) && bytes == 1610612736);
    assert_true(str_to_bytes(STR("4g"), &bytes) && bytes == INT64_C(4294967296));
    assert_true(str_to_bytes(STR(" 17 "), &bytes) && bytes == 17);
    assert_false(str_to_bytes(STR("MB"), &bytes) || str_to_bytes(STR("-1"), &bytes) ||
                 str_to_bytes(STR("1XB"), &bytes));
}

static void texts_compare_and_trim(void **state)
{
    (void)state;
    assert_true(str_compare(STR("a"), STR("ab")) < 0 && str_compare(STR("b"), STR("ab")) > 0);
    assert_true(str_compare(STR("\xFF"), STR("a")) > 0);
    assert_true(str_equal(str_trim(STR(" \t x y\r\n")), STR("x y")) &&
                str_trim(STR("   ")).len == 0);
    assert_true(str_equal_nocase(STR("aBc"), STR("AbC")) &&
                !str_equal_nocase(STR("\xC3\xA9"), STR("\xC3\x89")));
    assert_true(str_has_prefix(STR("abc"), "ab") && str_has_suffix_nocase(STR("x.CSV"), ".csv"));
    assert_true(str_of(NULL).len == 0 && !str_has_prefix(STR("a"), "ab"));
}

static void utf8_is_validated_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t valid;
    } cases[] = {{"abc", 3},
                 {"\xC3\xA9", 2},
                 {"\xE2\x82\xAC", 3},
                 {"\xF0\x9F\x98\x80", 4},
                 {"\xF4\x8F\xBF\xBF", 4},
                 {"\xED\x9F\xBF", 3},
                 {"a\x80", 1},
                 {"\xC0\x80", 0},
                 {"\xC1\xBF", 0},
                 {"\xE0\x9F\xBF", 0},
                 {"\xED\xA0\x80", 0},
                 {"\xF0\x8F\xBF\xBF", 0},
                 {"\xF4\x90\x80\x80", 0},
                 {"\xF5\x80\x80\x80", 0},
                 {"ab\xC3", 2},
                 {"\xE2\x82", 0},
                 {"12345678\xFF", 8},
                 {"1234567\xC3\xA9", 9}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(str_utf8_valid_prefix(str_of(cases[i].bytes)), cases[i].valid);
    for (uint32_t c = 0x80; c <= 0x10FFFF;
         c += c < 0x3000 ? 1 : 97) { /* every encoding is accepted, surrogates aside */
        char bytes[4];
        size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = n; i-- > 1;)
            bytes[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3F));
        bytes[0] = (char)((n == 2 ? 0xC0u : n == 3 ? 0xE0u : 0xF0u) | c >> 6 * (n - 1));
        bool surrogate = c >= 0xD800 && c <= 0xDFFF;
        assert_int_equal(str_utf8_valid_prefix((struct str){bytes, n}), surrogate ? 0 : n);
    }
}

static void dates_make_the_round_trip(void **state)
{
    (void)state;
    int64_t year = -801, previous = clock_days_from_civil(-801, 12, 31);
    unsigned month = 0, day = 0;
    for (int64_t days = previous + 1; days < 800000; days++) {
        clock_civil_from_days(days, &year, &month, &day);
        assert_true(clock_civil_valid(year, month, day));
        assert_int_equal(clock_days_from_civil(year, month, day), days);
    }
    assert_int_equal(clock_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(clock_days_from_civil(2000, 3, 1), 11017);
    assert_false(clock_civil_valid(1900, 2, 29) || clock_civil_valid(2021, 13, 1) ||
                 clock_civil_valid(2021, 4, 31));
    assert_true(clock_civil_valid(2000, 2, 29));
}

static void instants_are_formatted_and_the_clock_can_be_fixed(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(clock_format(0, text), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(clock_format(-1, text), "1969-12-31T23:59:59.999999Z");
    assert_true(strlen(clock_format(INT64_MIN, text)) < 32 &&
                strlen(clock_format(INT64_MAX, text)) < 32);
    setenv("MARROW_CLOCK", "2026-11-20T16:13:00.1234Z", 1);
    assert_string_equal(clock_format(clock_now_us(), text), "2026-11-20T16:13:00.123400Z");
    setenv("MARROW_CLOCK", "nonsense", 1);
    assert_true(clock_now_us() > INT64_C(1700000000000000));
    unsetenv("MARROW_CLOCK");
    int64_t before = clock_monotonic_us();
    assert_true(clock_monotonic_us() >= before);
}

static void hashes_match_published_vectors(void **state)
{
    (void)state;
    char hex[HASH_HEX_BYTES], streamed[HASH_HEX_BYTES];
    hash_sha256_of("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct hash_sha256 *hash = hash_sha256_new();
    hash_sha256_add(hash, "a", 1);
    hash_sha256_add(hash, "", 0);
    hash_sha256_add(hash, "bc", 2);
    hash_sha256_finish(hash, streamed);
    hash_sha256_free(hash);
    assert_string_equal(hex, streamed);
    assert_true(hash_xxh3_64("", 0, 0) == UINT64_C(0x2d06800538d394c2));
    struct hash128 wide = hash_xxh3_128("", 0, 0);
    assert_true(wide.high == UINT64_C(0x99aa06d3014798d8) &&
                wide.low == UINT64_C(0x6001c324468d497f));
}

static void log_lines_are_json_without_surprises(void **state)
{
    (void)state;
    int ends[2];
    char line[512] = "";
    struct log_field fields[] = {{"table", "a\"b\n", 0}, {"rows", NULL, -3}};
    assert_int_equal(pipe(ends), 0);
    setenv("MARROW_CLOCK", "2026-11-20T16:13:00Z", 1);
    log_configure(LOG_JSON, ends[1]);
    log_event("import", fields, 2);
    log_configure(LOG_OFF, STDERR_FILENO);
    log_event("silent", NULL, 0);
    unsetenv("MARROW_CLOCK");
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    assert_string_equal(line, "{\"time\":\"2026-11-20T16:13:00.000000Z\",\"event\":\"import\","
                              "\"table\":\"a\\\"b\\n\",\"rows\":-3}\n");
    close(ends[0]);
    close(ends[1]);
}

static bool always(void *user)
{
    return *(bool *)user;
}

static void cancelled_work_is_interrupted(void **state)
{
    (void)state;
    bool stop = false;
    struct err err;
    struct progress progress = {.cancelled = always, .user = &stop};
    assert_int_equal(progress_check(&progress, &err), ERR_OK);
    stop = true;
    assert_int_equal(progress_check(&progress, &err), ERR_INTERRUPTED);
    assert_int_equal(progress_check(NULL, &err), ERR_OK);
}

static void armed_fault_fires_once_at_the_nth_call(void **state)
{
    (void)state;
    fault_arm(FAULT_FSYNC, 3);
    assert_false(fault_now(FAULT_WRITE) || fault_now(FAULT_FSYNC) || fault_now(FAULT_FSYNC) ||
                 fault_fired());
    assert_true(fault_now(FAULT_FSYNC));
    assert_int_equal(errno, EIO);
    assert_true(fault_fired() && !fault_now(FAULT_FSYNC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_keeps_one_line_and_its_additions),
        cmocka_unit_test(long_error_is_cut_between_characters),
        cmocka_unit_test(errno_gives_code_and_hint),
        cmocka_unit_test(pattern_shows_shape_and_no_letters),
        cmocka_unit_test(arena_is_aligned_zeroed_and_reusable),
        cmocka_unit_test(arena_failure_sticks_until_reset),
        cmocka_unit_test(buffer_failure_sticks),
        cmocka_unit_test(memory_products_are_checked),
        cmocka_unit_test(integers_are_read_strictly),
        cmocka_unit_test(doubles_are_read_strictly_and_written_shortest),
        cmocka_unit_test(sizes_are_read_with_units),
        cmocka_unit_test(texts_compare_and_trim),
        cmocka_unit_test(utf8_is_validated_exactly),
        cmocka_unit_test(dates_make_the_round_trip),
        cmocka_unit_test(instants_are_formatted_and_the_clock_can_be_fixed),
        cmocka_unit_test(hashes_match_published_vectors),
        cmocka_unit_test(log_lines_are_json_without_surprises),
        cmocka_unit_test(cancelled_work_is_interrupted),
        cmocka_unit_test(armed_fault_fires_once_at_the_nth_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
