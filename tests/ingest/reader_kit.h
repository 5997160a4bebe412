/* For the tests of readers: open one file with one format, and collect a source's rows as text, one
 * line a row: cells joined by '|', null as "~". */
#ifndef MARROW_TESTS_INGEST_READER_KIT_H
#define MARROW_TESTS_INGEST_READER_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "ingest/parts_priv.h"

struct kit_rows {
    struct buf text;    /* the rows */
    struct buf rejects; /* "line column raw\n" */
    int64_t rows, batches;
    bool schema_seen;
    int64_t fail_at_batch; /* >0: the sink fails there */
};

static inline enum err_code kit_schema(void *user, const struct data_schema *schema,
                                       struct err *err)
{
    struct kit_rows *rows = user;
    (void)err;
    assert_false(rows->schema_seen);
    assert_true(schema->count > 0);
    rows->schema_seen = true;
    return ERR_OK;
}

static inline enum err_code kit_batch(void *user, const struct data_batch *batch, struct err *err)
{
    struct kit_rows *rows = user;
    assert_true(rows->schema_seen);
    assert_true(batch->rows > 0 && batch->rows <= DATA_BATCH_ROWS);
    if (++rows->batches == rows->fail_at_batch)
        return err_set(err, ERR_FAILED, "the sink is full");
    for (int64_t row = 0; row < batch->rows; row++) {
        for (size_t column = 0; column < batch->columns; column++) {
            if (column > 0)
                buf_putc(&rows->text, '|');
            if (!data_value_text(&batch->vectors[column], row, &rows->text))
                buf_putc(&rows->text, '~');
        }
        buf_putc(&rows->text, '\n');
    }
    rows->rows += batch->rows;
    return ERR_OK;
}

static inline enum err_code kit_reject(void *user, int64_t line, const char *column,
                                       const char *reason, struct str raw, struct err *err)
{
    struct kit_rows *rows = user;
    (void)err;
    assert_non_null(reason);
    buf_printf(&rows->rejects, "%lld %s %.*s\n", (long long)line, column, (int)raw.len, raw.ptr);
    return ERR_OK;
}

static inline void kit_rows_done(struct kit_rows *rows)
{
    buf_done(&rows->text);
    buf_done(&rows->rejects);
}

static inline enum err_code kit_push(const struct data_source *source, struct kit_rows *rows,
                                     struct err *err)
{
    const struct data_sink sink = {kit_schema, kit_batch, kit_reject, rows};
    return source->push(source->user, &sink, NULL, err);
}

/* Open path with format; the set is returned also when opening failed. */
static inline enum err_code kit_open(const struct ingest_format *format, const char *path,
                                     const char *encoding, int header, struct ingest_set **ret,
                                     struct err *err)
{
    const struct ingest_options options = {.encoding = encoding, .header = header};
    *ret = ingest_set_new(&options, err);
    assert_non_null(*ret);
    struct buf head = BUF_INIT;
    assert_int_equal(ingest_read_head(path, INGEST_HEAD_BYTES, &head, err), ERR_OK);
    struct file_info info;
    assert_int_equal(file_stat(path, &info, err), ERR_OK);
    const struct ingest_file file = {.path = path,
                                     .origin = path,
                                     .base_name = file_base_name(path),
                                     .head = buf_view(&head),
                                     .bytes = info.bytes};
    assert_int_not_equal(format->recognise(&file), 0);
    enum err_code code = format->open(*ret, &file, err);
    buf_done(&head);
    return code;
}

static inline void kit_must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s (%s) at %s", err->message, err->detail, err->source);
}

/* The whole source as text must equal expected. */
static inline void kit_expect_rows(const struct data_source *source, const char *expected)
{
    struct err err = {0};
    for (int pass = 0; pass < 2; pass++) { /* a source can be pushed again */
        struct kit_rows rows = {0};
        kit_must(kit_push(source, &rows, &err), &err);
        assert_string_equal(buf_text(&rows.text), expected);
        kit_rows_done(&rows);
    }
}

/* "name:type[=label]{value=label,…};…" of a schema. */
static inline void kit_expect_schema(const struct data_schema *schema, const char *expected)
{
    struct buf text = BUF_INIT;
    char scratch[32];
    for (size_t idx = 0; idx < schema->count; idx++) {
        const struct data_column *column = &schema->columns[idx];
        buf_printf(&text, "%s%s:%s", idx > 0 ? ";" : "", column->name,
                   data_type_text(column->type, scratch));
        if (column->label != NULL)
            buf_printf(&text, "=%s", column->label);
        for (size_t at = 0; at < column->value_label_count; at++)
            buf_printf(&text, "%c%s=%s", at == 0 ? '{' : ',', column->value_labels[at].value,
                       column->value_labels[at].label);
        if (column->value_label_count > 0)
            buf_putc(&text, '}');
    }
    assert_string_equal(buf_text(&text), expected);
    buf_done(&text);
}

/* The message of the idx-th note with that code; NULL: none. */
static inline const char *kit_note(const struct data_source *source, const char *code, size_t nth)
{
    for (size_t idx = 0; idx < json_array_size(source->notes); idx++) {
        const json_t *note = json_array_get(source->notes, idx);
        if (strcmp(json_text(note, "code", ""), code) == 0 && nth-- == 0)
            return json_text(note, "message", "");
    }
    return NULL;
}

static inline const char *kit_directory(void)
{
    static char directory[FILE_PATH_BYTES];
    struct err err = {0};
    if (directory[0] == '\0')
        kit_must(file_make_staging("/tmp", "marrow-reader", directory, &err), &err);
    return directory;
}

static inline int kit_remove_directory(void **state)
{
    (void)state;
    struct err err = {0};
    return file_remove_tree(kit_directory(), &err) == ERR_OK ? 0 : -1;
}

/* Unpack a shared data set below the test's directory; false (said loudly) when the shared data are
 * not here. */
static inline bool kit_shared(const char *set_name, char ret[FILE_PATH_BYTES])
{
    const char *shared = getenv("MARROW_SHARED");
    char command[FILE_PATH_BYTES * 2];
    if (shared != NULL)
        (void)snprintf(command, sizeof command, "%s/data/unpack.sh", shared);
    if (shared == NULL || access(command, R_OK) != 0) {
        print_message("SKIPPED: MARROW_SHARED has no data set %s\n", set_name);
        return false;
    }
    (void)snprintf(command, sizeof command, "bash '%s/data/unpack.sh' '%s' %s", shared,
                   kit_directory(), set_name);
    assert_int_equal(system(command), 0);
    struct err err = {0};
    kit_must(file_path_join(kit_directory(), set_name, ret, &err), &err);
    return true;
}

#endif
