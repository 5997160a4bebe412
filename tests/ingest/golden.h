/* Golden files of the ingest layer: "=== title", the input, "---", what is expected. In the input \t \r \n \\ and \xHH are
 * escapes, and \c at the end drops the last line end. MARROW_BLESS=1 rewrites the file with what came out. */
#ifndef MARROW_TESTS_INGEST_GOLDEN_H
#define MARROW_TESTS_INGEST_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define AUTO_BUF __attribute__((cleanup(auto_buf_done))) struct buf

static inline int golden_hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static inline void golden_unescape(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : '\0';
        if (c != '\\' || strchr("trn\\xc", next) == NULL || next == '\0') {
            buf_putc(out, c);
            continue;
        }
        i++;
        if (next == 'x' && i + 2 < text.len) {
            buf_putc(out, (char)(golden_hex(text.ptr[i + 1]) * 16 + golden_hex(text.ptr[i + 2])));
            i += 2;
        } else if (next == 'c') {
            i++; /* and the line end after it */
        } else {
            buf_putc(out, next == 't' ? '\t' : next == 'r' ? '\r' : next == 'n' ? '\n' : '\\');
        }
    }
}

/* Run every case of tests/golden/ingest/name through produce; returns how many differ (each is printed). */
static inline int golden_run(const char *name, void (*produce)(struct str input, struct buf *out))
{
    struct err err = {0};
    char path[FILE_PATH_BYTES];
    AUTO_BUF file = BUF_INIT;
    AUTO_BUF blessed = BUF_INIT;
    (void)snprintf(path, sizeof path, "%s/golden/ingest/%s", TEST_SOURCE_DIRECTORY, name);
    if (file_read(path, 0, &file, &err) != ERR_OK) {
        (void)printf("%s\n", err.message);
        return 1;
    }
    int wrong = 0, cases = 0;
    const char *at = strstr(buf_text(&file), "=== ");
    while (at != NULL) {
        const char *input = strchr(at, '\n') + 1;
        const char *next = strstr(input, "\n=== ");
        const char *end = next == NULL ? file.ptr + file.len : next + 1;
        const char *rule = strstr(input, "---\n");
        if (rule == NULL || rule >= end) {
            (void)printf("case without ---: %.*s\n", (int)(input - at), at);
            return wrong + 1;
        }
        AUTO_BUF text = BUF_INIT;
        AUTO_BUF got = BUF_INIT;
        golden_unescape((struct str){input, (size_t)(rule - input)}, &text);
        /* sanitizers see reads past the end of an exact copy */
        char *exact = mem_strndup(text.ptr == NULL ? "" : text.ptr, text.len);
        produce((struct str){exact, text.len}, &got);
        mem_free(exact);
        buf_add(&blessed, at, (size_t)(rule - at) + 4);
        buf_add_str(&blessed, buf_view(&got));
        buf_putc(&blessed, '\n');
        struct str expected = str_trim((struct str){rule + 4, (size_t)(end - rule - 4)});
        if (!str_equal(expected, str_trim(buf_view(&got)))) {
            (void)printf("%s: %.*sexpected: %.*s\n     got: %s\n", name, (int)(input - at), at, (int)expected.len, expected.ptr,
                         buf_text(&got));
            wrong++;
        }
        cases++;
        at = next == NULL ? NULL : next + 1;
    }
    if (getenv("MARROW_BLESS") != NULL && wrong > 0 && file_replace(path, buf_view(&blessed), &err) == ERR_OK)
        (void)printf("%s rewritten: look at the difference\n", path);
    return cases == 0 ? 1 : wrong;
}

#endif
