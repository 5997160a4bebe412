/* layer: ingest
 * A workbook from memory: bytes that open with "PK" are a container; others are wrapped as the
 * first sheet of a small book. */
#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "ingest/xlsx_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#define OFFICE "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

static const struct {
    const char *name, *text;
} fixed_parts[] = {
    {"xl/workbook.xml",
     "<workbook xmlns:r=\"r\"><sheets><sheet name=\"S\" r:id=\"a\"/></sheets></workbook>"},
    {"xl/_rels/workbook.xml.rels",
     "<Relationships><Relationship Id=\"a\" Type=\"" OFFICE "/worksheet\" Target=\"s.xml\"/>"
     "<Relationship Id=\"b\" Type=\"" OFFICE "/sharedStrings\" Target=\"t.xml\"/>"
     "<Relationship Id=\"c\" Type=\"" OFFICE "/styles\" Target=\"y.xml\"/></Relationships>"},
    {"xl/t.xml", "<sst><si><t>name</t></si><si><t>x_x000D_y</t></si></sst>"},
    {"xl/y.xml",
     "<styleSheet><numFmts><numFmt numFmtId=\"170\" formatCode=\"[h]:mm\"/></numFmts><cellXfs><xf "
     "numFmtId=\"0\"/><xf numFmtId=\"14\"/>"
     "<xf numFmtId=\"22\"/><xf numFmtId=\"20\"/><xf numFmtId=\"170\"/></cellXfs></styleSheet>"},
};

static enum err_code take_schema(void *user, const struct data_schema *schema, struct err *err)
{
    (void)user;
    (void)err;
    if (schema->count == 0 || schema->count > XLSX_LIMIT_COLUMNS)
        __builtin_trap();
    return ERR_OK;
}

static enum err_code take_batch(void *user, const struct data_batch *batch, struct err *err)
{
    (void)user;
    (void)err;
    for (size_t column = 0; column < batch->columns; column++)
        for (int64_t row = 0; row < batch->rows; row++)
            if (data_vector_is_valid(&batch->vectors[column], row) &&
                (batch->vectors[column].text[row].len == 0 ||
                 str_utf8_valid_prefix(batch->vectors[column].text[row]) !=
                     batch->vectors[column].text[row].len))
                __builtin_trap();
    return ERR_OK;
}

static void add_part(struct archive *archive, const char *name, const void *bytes, size_t count)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)count);
    archive_entry_set_filetype(entry, AE_IFREG);
    if (archive_write_header(archive, entry) == ARCHIVE_OK)
        (void)archive_write_data(archive, bytes, count);
    archive_entry_free(entry);
}

/* The sheet's bytes in a stored container; free with mem_free. */
static char *wrap(const uint8_t *bytes, size_t count, size_t *ret_count)
{
    size_t capacity = count + 16384;
    char *container = mem_alloc(capacity);
    struct archive *archive = archive_write_new();
    if (container == NULL || archive == NULL)
        __builtin_trap();
    (void)archive_write_set_format_zip(archive);
    (void)archive_write_zip_set_compression_store(archive);
    (void)archive_write_open_memory(archive, container, capacity, ret_count);
    for (size_t idx = 0; idx < sizeof fixed_parts / sizeof *fixed_parts; idx++)
        add_part(archive, fixed_parts[idx].name, fixed_parts[idx].text,
                 strlen(fixed_parts[idx].text));
    add_part(archive, "xl/s.xml", bytes, count);
    (void)archive_write_close(archive);
    (void)archive_write_free(archive);
    return container;
}

static void read_sheets(const struct xlsx_book *book, struct err *err)
{
    struct xlsx_strings strings = {0};
    enum err_code code = xlsx_strings_read(book, &strings, err);
    for (size_t idx = 0; code == ERR_OK && idx < book->sheet_count && idx < 8; idx++) {
        struct xlsx_table table = {0};
        json_t *notes = NULL;
        if (book->sheets[idx].part == NULL)
            continue;
        code = xlsx_table_scan(book, &book->sheets[idx], &strings, -1, book->arena, &table, err);
        if (code != ERR_OK)
            break;
        const struct data_sink sink = {take_schema, take_batch, NULL, NULL};
        xlsx_table_notes(&table, &book->sheets[idx], &notes);
        if (table.column_count > 0)
            code = xlsx_table_push(book, &book->sheets[idx], &table, &sink, err);
        data_schema_done(&table.schema);
        json_decref(notes);
    }
    if (code != ERR_OK && err->message[0] == '\0')
        __builtin_trap();
    xlsx_strings_done(&strings);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    struct xlsx_book *book = NULL;
    char *wrapped = NULL;
    struct xlsx_place place = {.memory = {(const char *)bytes, count}, .origin = "fuzz"};
    if (count > 1 << 20)
        return 0;
    if (count < 2 || memcmp(bytes, "PK", 2) != 0)
        place.memory.ptr = wrapped = wrap(bytes, count, &place.memory.len);
    if (xlsx_book_open(&place, &book, &err) == ERR_OK)
        read_sheets(book, &err);
    else if (err.message[0] == '\0')
        __builtin_trap();
    xlsx_book_free(book);
    mem_free(wrapped);
    return 0;
}
