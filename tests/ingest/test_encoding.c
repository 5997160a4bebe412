/* Encodings: the guess from all bytes of a file, whatever the block size; conversion of the real
 * samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ingest/golden.h"
#include "ingest/parts_priv.h"

static void guess_with_blocks(struct str input, size_t block, struct encoding_guess *ret)
{
    struct encoding_stats stats = {0};
    for (size_t i = 0; i < input.len; i += block)
        encoding_scan(&stats, input.ptr + i, input.len - i < block ? input.len - i : block);
    encoding_scan_end(&stats);
    encoding_guess(&stats, input, ret);
}

static void guess_case(struct str input, struct buf *out)
{
    struct encoding_guess guess, other;
    guess_with_blocks(input, input.len + 1, &guess);
    for (size_t block = 1; block < 70; block = block * 2 + 1) {
        guess_with_blocks(input, block, &other);
        assert_string_equal(guess.name, other.name);
        assert_int_equal(guess.invalid, other.invalid);
    }
    buf_printf(out, "%s", guess.name);
    if (guess.bom_bytes > 0)
        buf_printf(out, " bom=%zu", guess.bom_bytes);
    if (guess.invalid)
        buf_puts(out, " damaged");
    if (encoding_is_binary(input))
        buf_puts(out, " binary");
}

static void encodings_are_guessed_as_written_down(void **state)
{
    (void)state;
    assert_int_equal(golden_run("encoding.txt", guess_case), 0);
}

static void one_high_byte_at_the_end_of_a_long_file_is_seen(void **state)
{
    (void)state;
    AUTO_BUF text = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_puts(&text, "plain words\n");
    buf_puts(&text, "caf\xe9\n");
    struct encoding_guess guess;
    guess_with_blocks(buf_view(&text), 4096, &guess);
    assert_string_equal(guess.name, "ISO-8859-1");
}

static void member_names_that_are_no_utf8_are_read_as_code_page_437(void **state)
{
    (void)state;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    assert_string_equal(encoding_name_text(arena, "gr\x81n.csv"), "grün.csv");
    assert_string_equal(encoding_name_text(arena, "grün.csv"), "grün.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings_are_guessed_as_written_down),
        cmocka_unit_test(one_high_byte_at_the_end_of_a_long_file_is_seen),
        cmocka_unit_test(member_names_that_are_no_utf8_are_read_as_code_page_437),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
