/* Golden files: many cases in one text file, one runner. Header-only, needs only base.
 *
 *     # comments before the first case are kept
 *     === a title that is a sentence
 *     --- input
 *     …
 *     --- expected
 *     …
 *
 * A case may have any sections; "expected" is what the program's function must write. golden_check
 * runs every case, prints each difference (expected and found) and returns the number of cases that
 * differ, so that a cmocka test can say assert_int_equal(golden_check(…), 0). With golden_bless set
 * (golden_arguments: the program was called with --bless) the file is rewritten with what was
 * found: the diff of the repository is the review. */
#ifndef MARROW_TESTS_GOLDEN_H
#define MARROW_TESTS_GOLDEN_H

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"

#define GOLDEN_SECTIONS 16
struct golden_case {
    struct str title;
    struct str names[GOLDEN_SECTIONS]; /* "input", "expected" … */
    struct str texts[GOLDEN_SECTIONS]; /* with their last newline */
    size_t count;
    int line; /* of the title */
};
typedef void (*golden_function)(const struct golden_case *test, struct buf *ret);

static bool golden_bless;

static inline void golden_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--bless") == 0)
            golden_bless = true;
}

/* The section's text; empty when it is not there. */
static inline struct str golden_section(const struct golden_case *test, const char *name)
{
    for (size_t i = 0; i < test->count; i++)
        if (str_equal(test->names[i], str_of(name)))
            return test->texts[i];
    return STR("");
}

/* Cuts the next line (with its newline) off *rest. */
static inline struct str golden_line(struct str *rest)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, '\n', rest->len);
    struct str line = {rest->ptr, end == NULL ? rest->len : (size_t)(end - rest->ptr) + 1};
    *rest = (struct str){rest->ptr + line.len, rest->len - line.len};
    return line;
}

/* Reads the case that *rest begins with. */
static inline struct golden_case golden_read(struct str *rest, int *line_number)
{
    struct golden_case test = {.line = *line_number};
    struct str line = golden_line(rest);
    ++*line_number;
    test.title = str_trim((struct str){line.ptr + 3, line.len - 3});
    while (rest->len > 0 && !str_has_prefix(*rest, "===")) {
        line = golden_line(rest);
        ++*line_number;
        if (str_has_prefix(line, "---") && test.count < GOLDEN_SECTIONS) {
            test.names[test.count] = str_trim((struct str){line.ptr + 3, line.len - 3});
            test.texts[test.count++] = (struct str){rest->ptr, 0};
        } else if (test.count > 0) {
            test.texts[test.count - 1].len += line.len;
        }
    }
    return test;
}

static inline void golden_write(const struct golden_case *test, struct str found, struct buf *out)
{
    bool done = false;
    buf_printf(out, "=== %.*s\n", (int)test->title.len, test->title.ptr);
    for (size_t i = 0; i < test->count; i++) {
        bool expected = str_equal(test->names[i], STR("expected"));
        buf_printf(out, "--- %.*s\n", (int)test->names[i].len, test->names[i].ptr);
        buf_add_str(out, expected ? found : test->texts[i]);
        done = done || expected;
    }
    if (!done) {
        buf_puts(out, "--- expected\n");
        buf_add_str(out, found);
    }
}

static inline int golden_check(const char *path, golden_function function)
{
    struct err err;
    struct buf text = BUF_INIT, blessed = BUF_INIT, found = BUF_INIT;
    int failures = 0, cases = 0, line_number = 1;
    if (file_read(path, 0, &text, &err) != ERR_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    struct str rest = buf_view(&text);
    while (rest.len > 0 && !str_has_prefix(rest, "===")) {
        buf_add_str(&blessed, golden_line(&rest));
        line_number++;
    }
    while (rest.len > 0) {
        struct golden_case test = golden_read(&rest, &line_number);
        struct str expected = golden_section(&test, "expected");
        cases++;
        buf_clear(&found);
        function(&test, &found);
        if (found.len > 0 && found.ptr[found.len - 1] != '\n')
            buf_putc(&found, '\n');
        golden_write(&test, buf_view(&found), &blessed);
        if (golden_bless || str_equal(buf_view(&found), expected))
            continue;
        failures++;
        fprintf(stderr, "%s:%d: %.*s\n--- expected\n%.*s--- found\n%s", path, test.line,
                (int)test.title.len, test.title.ptr, (int)expected.len, expected.ptr,
                buf_text(&found));
    }
    if (cases == 0) {
        fprintf(stderr, "%s holds no case\n", path);
        failures++;
    }
    if (golden_bless && file_replace(path, buf_view(&blessed), &err) != ERR_OK) {
        fprintf(stderr, "%s\n", err.message);
        failures++;
    }
    buf_done(&text);
    buf_done(&blessed);
    buf_done(&found);
    return failures;
}

#endif
