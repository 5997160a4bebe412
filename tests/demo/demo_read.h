/* Readers for the demo's tests, independent of its writers: ZIP through libarchive, CSV by the
 * letter of RFC 4180, a JSON checker by the letter of RFC 8259. */
#ifndef MARROW_TESTS_DEMO_READ_H
#define MARROW_TESTS_DEMO_READ_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* A whole table, fields NUL-terminated in text. */
struct csv {
    char *text;
    char **cells;         /* rows × columns; row 0 is the header */
    size_t columns, rows; /* rows without the header */
};

static inline void csv_done(struct csv *csv)
{
    free(csv->text);
    free(csv->cells);
}

static inline const char *csv_cell(const struct csv *csv, size_t row, size_t column)
{
    return csv->cells[(row + 1) * csv->columns + column];
}

static inline size_t csv_column(const struct csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->columns; i++)
        if (strcmp(csv->cells[i], name) == 0)
            return i;
    fail_msg("no column %s", name);
    return 0;
}

/* Takes text. */
static inline struct csv csv_parse(char *text, size_t len)
{
    struct csv csv = {.text = text};
    size_t count = 0, cap = 0, in_row = 0, out = 0;
    for (size_t i = 0; i < len;) {
        if (count == cap) {
            cap = cap == 0 ? 1024 : cap * 2;
            csv.cells = realloc(csv.cells, cap * sizeof *csv.cells);
            assert_non_null(csv.cells);
        }
        csv.cells[count++] = text + out;
        if (text[i] == '"') {
            for (i++;; i++) {
                assert_true(i < len);
                if (text[i] == '"' && text[++i] != '"')
                    break;
                text[out++] = text[i];
            }
        } else {
            while (i < len && text[i] != ',' && text[i] != '\n') {
                assert_true(text[i] != '"');
                text[out++] = text[i++];
            }
        }
        assert_true(i < len && (text[i] == ',' || text[i] == '\n'));
        in_row++;
        bool end = text[i++] == '\n';
        text[out++] = '\0';
        if (end) {
            if (csv.columns == 0)
                csv.columns = in_row;
            assert_int_equal(in_row, csv.columns);
            in_row = 0;
            csv.rows++;
        }
    }
    assert_int_equal(in_row, 0);
    csv.rows--;
    return csv;
}

static inline struct csv csv_of_zip(const char *path, const char *table)
{
    char member[64];
    snprintf(member, sizeof member, "%s.csv", table);
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    archive_read_support_format_zip(archive);
    assert_int_equal(archive_read_open_filename(archive, path, 65536), ARCHIVE_OK);
    while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        if (strcmp(archive_entry_pathname(entry), member) != 0)
            continue;
        size_t size = (size_t)archive_entry_size(entry);
        char *text = malloc(size + 1);
        assert_non_null(text);
        assert_int_equal(archive_read_data(archive, text, size), size);
        char more;
        assert_int_equal(archive_read_data(archive, &more, 1),
                         0); /* the end: the CRC was compared */
        archive_read_free(archive);
        text[size] = '\0';
        return csv_parse(text, size);
    }
    fail_msg("no %s in the archive", member);
    return (struct csv){0};
}

/* The rest after one JSON value, or NULL when it is none. */
static inline const char *json_skip(const char *at, int depth);

static inline const char *json_blank(const char *at)
{
    while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')
        at++;
    return at;
}

static inline const char *json_string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at == '\\' && strchr("\"\\/bfnrt", *++at) == NULL)
            return NULL;
    }
    return at + 1;
}

static inline const char *json_number(const char *at)
{
    at += *at == '-';
    if (*at < '0' || *at > '9' || (*at == '0' && at[1] >= '0' && at[1] <= '9'))
        return NULL;
    at += strspn(at, "0123456789");
    if (*at == '.') {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits == 0)
            return NULL;
        at += digits + 1;
    }
    return at;
}

static inline const char *json_members(const char *at, char close, int depth)
{
    at = json_blank(at + 1);
    if (*at == close)
        return at + 1;
    for (;;) {
        if (close == '}') {
            at = json_string(json_blank(at));
            if (at == NULL || *(at = json_blank(at)) != ':')
                return NULL;
            at++;
        }
        at = json_skip(json_blank(at), depth + 1);
        if (at == NULL)
            return NULL;
        at = json_blank(at);
        if (*at == close)
            return at + 1;
        if (*at++ != ',')
            return NULL;
    }
}

static inline const char *json_skip(const char *at, int depth)
{
    if (depth > 32)
        return NULL;
    if (*at == '{')
        return json_members(at, '}', depth);
    if (*at == '[')
        return json_members(at, ']', depth);
    if (*at == '"')
        return json_string(at);
    if (strncmp(at, "true", 4) == 0 || strncmp(at, "null", 4) == 0)
        return at + 4;
    if (strncmp(at, "false", 5) == 0)
        return at + 5;
    return json_number(at);
}

/* The text after "key":, blanks skipped; NULL when there is none. */
static inline const char *json_find(const char *text, const char *key)
{
    char quoted[128];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(text, quoted);
    return at == NULL ? NULL : json_blank(at + strlen(quoted));
}

static inline int64_t json_integer(const char *text, const char *key)
{
    const char *at = json_find(text, key);
    if (at == NULL)
        fail_msg("no %s", key);
    return strtoll(at, NULL, 10);
}

static inline bool json_is_string(const char *text, const char *key, const char *expected)
{
    const char *at = json_find(text, key);
    size_t len = strlen(expected);
    return at != NULL && *at == '"' && strncmp(at + 1, expected, len) == 0 && at[len + 1] == '"';
}

#endif
