/* Figures as golden files: the description in, SVG and terminal text out; and what no golden file
 * can hold: thousands of labels, long ones, odd numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/screen.h"
#include "figure/figure.h"
#include "golden.h"

static struct figure *read_case(const struct golden_case *test, struct buf *ret)
{
    JSON_AUTO json = NULL;
    struct figure *figure = NULL;
    struct err err = {0};
    if (json_parse(golden_section(test, "input"), "input", &json, &err) != ERR_OK ||
        figure_read(json, &figure, &err) != ERR_OK)
        buf_printf(ret, "error: %s: %s\n", err_code_name(err.code), err.message);
    return figure;
}

static void draw_svg(const struct golden_case *test, struct buf *ret)
{
    AUTO(figure_free) struct figure *figure = read_case(test, ret);
    struct err err = {0};
    if (figure != NULL)
        assert_int_equal(figure_svg(figure, NULL, false, ret, &err), ERR_OK);
}

static void draw_text(const struct golden_case *test, struct buf *ret)
{
    AUTO(figure_free) struct figure *figure = read_case(test, ret);
    struct err err = {0};
    if (figure == NULL)
        return;
    struct figure_text_options wide = {.width = 80, .unicode = true},
                               ascii = {.width = 60, .unicode = false};
    assert_int_equal(figure_text(figure, &wide, ret, &err), ERR_OK);
    buf_puts(ret, "~ ASCII\n");
    assert_int_equal(figure_text(figure, &ascii, ret, &err), ERR_OK);
}

static void svg_is_as_the_golden_file_says(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/figure/svg.txt", draw_svg), 0);
}

static void text_is_as_the_golden_file_says(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/figure/text.txt", draw_text), 0);
}

/* Draws a description in every way; every line of text is as wide as was asked at most. */
static void draw_all(const char *description, struct buf *ret_svg)
{
    JSON_AUTO json = NULL;
    AUTO(figure_free) struct figure *figure = NULL;
    struct err err = {0};
    assert_int_equal(json_parse(str_of(description), "input", &json, &err), ERR_OK);
    assert_int_equal(figure_read(json, &figure, &err), ERR_OK);
    for (int width = 0; width < 200; width += 33) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        struct figure_text_options options = {.width = width, .unicode = width % 2 == 0};
        assert_int_equal(figure_text(figure, &options, &text, &err), ERR_OK);
        struct str rest = buf_view(&text);
        while (rest.len > 0)
            assert_in_range(screen_width(golden_line(&rest)), 0, (width < 40 ? 80 : width) + 42);
    }
    assert_int_equal(figure_svg(figure, "<title> & \"more\"", true, ret_svg, &err), ERR_OK);
    assert_null(strstr(buf_text(ret_svg), "nan"));
    assert_null(strstr(buf_text(ret_svg), "inf"));
    assert_null(strstr(buf_text(ret_svg), "<script"));
}

static void ten_thousand_labels_are_drawn_in_part_and_said(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf json = BUF_INIT, svg = BUF_INIT;
    buf_puts(&json, "{\"kind\": \"bars\", \"items\": [");
    for (int i = 0; i < 10000; i++)
        buf_printf(&json, "%s{\"label\": \"label %d\", \"value\": %d}", i > 0 ? "," : "", i, i);
    buf_puts(&json, "]}");
    draw_all(buf_text(&json), &svg);
    assert_non_null(strstr(buf_text(&svg), "60 of 10000 groups are drawn"));
}

static void markup_in_a_label_is_text(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf svg = BUF_INIT;
    draw_all("{\"kind\": \"bars\", \"x\": \"</text><script>alert(1)</script>\", \"y\": \"a\\\"b\", "
             "\"items\": [{\"label\": \"<script src='x'>\\u001b[31m\\u0000\\u202e\\ufffe\", "
             "\"value\": 1}]}",
             &svg);
    assert_non_null(strstr(buf_text(&svg), "&lt;script src"));
    assert_null(strchr(buf_text(&svg), '\x1b'));
}

static void very_long_labels_are_cut(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf json = BUF_INIT, svg = BUF_INIT;
    static const char *const kinds[] = {"bars", "box", "forest"};
    for (size_t k = 0; k < 3; k++) {
        buf_clear(&json);
        buf_clear(&svg);
        buf_printf(&json, "{\"kind\": \"%s\", \"x\": \"x\", \"items\": [{\"label\": \"", kinds[k]);
        for (int i = 0; i < 30000; i++)
            buf_puts(&json, "ä漢");
        buf_puts(&json, "\", \"value\": 3, \"median\": 3}]}");
        draw_all(buf_text(&json), &svg);
        assert_in_range(svg.len, 1, 20000);
    }
}

static void odd_numbers_are_drawn_without_harm(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0",     "null", "-1",  "1e308", "-1e300", "1e-320",
                                          "1e149", "1e15", "0.1", "\"x\"", "5",      "1e-9"};
    static const char *const forms[] = {
        "{\"kind\": \"bars\", \"items\": [{\"label\": \"a\", \"value\": %s, \"low\": %s, \"high\": "
        "%s}]}",
        "{\"kind\": \"box\", \"items\": [{\"label\": \"a\", \"min\": %s, \"median\": %s, \"max\": "
        "%s}]}",
        "{\"kind\": \"forest\", \"log\": true, \"items\": [{\"value\": %s, \"low\": %s, \"high\": "
        "%s}]}",
        "{\"kind\": \"forest\", \"items\": [{\"value\": %s, \"low\": %s, \"high\": %s}]}",
        "{\"kind\": \"lines\", \"series\": [{\"points\": [[%s, %s], [%s, 1]]}]}",
        "{\"kind\": \"survival\", \"groups\": [{\"steps\": [[%s, %s, 0, 1, %s, 1]]}]}",
        "{\"kind\": \"points\", \"points\": [[%s, %s], [1, %s]], \"line\": [1e100, -1e9]}"};
    size_t count = sizeof numbers / sizeof *numbers;
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
        for (size_t i = 0; i < count * count * count; i++) {
            char json[400];
            size_t parts[] = {i % count, i / count % count, i / count / count};
            AUTO(buf_done) struct buf svg = BUF_INIT, text = BUF_INIT;
            JSON_AUTO parsed = NULL;
            AUTO(figure_free) struct figure *figure = NULL;
            struct err err = {0};
            struct figure_text_options options = {.width = 60, .unicode = i % 2 == 0};
            struct str form = str_of(forms[f]);
            size_t length = 0;
            for (size_t k = 0, part = 0; k < form.len; k++)
                if (form.ptr[k] == '%' && form.ptr[k + 1] == 's') {
                    length += (size_t)snprintf(json + length, sizeof json - length, "%s",
                                               numbers[parts[part++]]);
                    k++;
                } else {
                    json[length++] = form.ptr[k];
                }
            json[length] = '\0';
            assert_int_equal(json_parse(str_of(json), "input", &parsed, &err), ERR_OK);
            assert_int_equal(figure_read(parsed, &figure, &err), ERR_OK);
            assert_int_equal(figure_svg(figure, NULL, false, &svg, &err), ERR_OK);
            assert_int_equal(figure_text(figure, &options, &text, &err), ERR_OK);
            if (strstr(buf_text(&svg), "nan") != NULL || strstr(buf_text(&svg), "inf") != NULL)
                fail_msg("%s gives a number that is none", json);
        }
}

static void what_is_no_figure_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"{}",
                                        "[]",
                                        "{\"kind\": \"pie\"}",
                                        "{\"kind\": \"bars\"}",
                                        "{\"kind\": \"lines\", \"series\": 3}",
                                        "{\"kind\": \"survival\", \"groups\": [{}]}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        JSON_AUTO json = NULL;
        struct figure *figure = NULL;
        struct err err = {0};
        assert_int_equal(json_parse(str_of(cases[i]), "input", &json, &err), ERR_OK);
        assert_int_equal(figure_read(json, &figure, &err), ERR_INPUT);
        assert_null(figure);
    }
}

static void same_description_gives_the_same_bytes(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf one = BUF_INIT, two = BUF_INIT;
    const char *json =
        "{\"kind\": \"lines\", \"x_type\": \"date\", \"series\": [{\"label\": \"a\", "
        "\"points\": [[\"2104-01-31\", 3], [\"2105-01-31\", null], [\"2104-03-02\", 2]]}]}";
    draw_all(json, &one);
    draw_all(json, &two);
    assert_true(str_equal(buf_view(&one), buf_view(&two)));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(svg_is_as_the_golden_file_says),
        cmocka_unit_test(text_is_as_the_golden_file_says),
        cmocka_unit_test(ten_thousand_labels_are_drawn_in_part_and_said),
        cmocka_unit_test(markup_in_a_label_is_text),
        cmocka_unit_test(very_long_labels_are_cut),
        cmocka_unit_test(odd_numbers_are_drawn_without_harm),
        cmocka_unit_test(what_is_no_figure_is_refused),
        cmocka_unit_test(same_description_gives_the_same_bytes),
    };
    golden_arguments(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
