/* sharedStrings.xml: every <si> is one string, the <t> texts of its rich runs joined, phonetic runs
 * <rPh> left out. All strings lie in one buffer, capped at XLSX_LIMIT_STRINGS_BYTES. */
#include <string.h>

#include "ingest/xlsx_priv.h"

struct strings_reader {
    struct xlsx_strings *strings;
    struct buf raw; /* of the string being read, escapes still in */
    bool in_string, in_text;
    int phonetic;
};

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void put_utf8(struct buf *out, unsigned code_point)
{
    if (code_point < 0x80)
        buf_putc(out, (char)code_point);
    else if (code_point < 0x800) {
        buf_putc(out, (char)(0xC0 | (code_point >> 6)));
        buf_putc(out, (char)(0x80 | (code_point & 0x3F)));
    } else {
        buf_putc(out, (char)(0xE0 | (code_point >> 12)));
        buf_putc(out, (char)(0x80 | ((code_point >> 6) & 0x3F)));
        buf_putc(out, (char)(0x80 | (code_point & 0x3F)));
    }
}

void xlsx_unescape(struct str text, struct buf *out)
{
    for (size_t at = 0; at < text.len;) {
        const char *mark = memchr(text.ptr + at, '_', text.len - at);
        size_t plain = mark != NULL ? (size_t)(mark - text.ptr) - at : text.len - at;
        buf_add(out, text.ptr + at, plain);
        at += plain;
        if (mark == NULL)
            break;
        unsigned code_point = 0;
        bool escape = text.len - at >= 7 && mark[1] == 'x' && mark[6] == '_';
        for (size_t idx = 2; escape && idx < 6; idx++) {
            int digit = hex_digit(mark[idx]);
            escape = digit >= 0;
            code_point = code_point * 16 + (unsigned)(digit > 0 ? digit : 0);
        }
        escape = escape && (code_point < 0xD800 || code_point > 0xDFFF);
        if (escape)
            put_utf8(out, code_point);
        else
            buf_putc(out, '_');
        at += escape ? 7 : 1;
    }
}

static void start_string(struct xlsx_xml *xml, const char *name, const char **attributes)
{
    (void)attributes;
    struct strings_reader *reader = xml->user;
    if (strcmp(name, "si") == 0) {
        reader->in_string = true;
        buf_clear(&reader->raw);
    } else if (strcmp(name, "rPh") == 0)
        reader->phonetic++;
    else if (strcmp(name, "t") == 0)
        reader->in_text = reader->in_string && reader->phonetic == 0;
}

static void text_string(struct xlsx_xml *xml, const char *text, size_t length)
{
    struct strings_reader *reader = xml->user;
    if (reader->in_text)
        buf_add(&reader->raw, text, length);
    if (reader->raw.failed)
        xlsx_xml_fail(xml, err_set(xml->err, ERR_LIMIT, "a text is longer than %lld bytes",
                                   (long long)INGEST_LIMIT_CELL_BYTES));
}

static void end_string(struct xlsx_xml *xml, const char *name)
{
    struct strings_reader *reader = xml->user;
    struct xlsx_strings *strings = reader->strings;
    if (strcmp(name, "t") == 0)
        reader->in_text = false;
    else if (strcmp(name, "rPh") == 0)
        reader->phonetic--;
    if (strcmp(name, "si") != 0)
        return;
    reader->in_string = false;
    xlsx_unescape(buf_view(&reader->raw), &strings->bytes);
    if (strings->count == strings->capacity) {
        size_t capacity = strings->capacity == 0 ? 1024 : strings->capacity * 2;
        size_t *bigger = mem_resize(strings->ends, capacity, sizeof *bigger);
        if (bigger == NULL) {
            xlsx_xml_fail(xml,
                          err_set(xml->err, ERR_MEMORY, "no memory for the texts of the workbook"));
            return;
        }
        strings->ends = bigger;
        strings->capacity = capacity;
    }
    strings->ends[strings->count++] = strings->bytes.len;
    if (strings->bytes.failed ||
        strings->count * sizeof *strings->ends > (size_t)XLSX_LIMIT_STRINGS_BYTES) {
        xlsx_xml_fail(xml,
                      err_set(xml->err, ERR_LIMIT, "the workbook's texts take more than %lld bytes",
                              (long long)XLSX_LIMIT_STRINGS_BYTES));
        (void)err_hint(xml->err, "save the sheets as csv files and import those");
    }
}

enum err_code xlsx_strings_read(const struct xlsx_book *book, struct xlsx_strings *ret,
                                struct err *err)
{
    struct strings_reader reader = {.strings = ret};
    struct xlsx_xml xml = {
        .start = start_string, .end = end_string, .text = text_string, .user = &reader};
    bool found = false;
    ret->bytes.limit = (size_t)XLSX_LIMIT_STRINGS_BYTES;
    reader.raw.limit = (size_t)INGEST_LIMIT_CELL_BYTES;
    enum err_code code = ERR_OK;
    if (book->strings_part != NULL)
        code = xlsx_xml_read(&book->place, book->strings_part, &xml, &found, err);
    buf_done(&reader.raw);
    return code;
}

void xlsx_strings_done(struct xlsx_strings *strings)
{
    buf_done(&strings->bytes);
    mem_free(strings->ends);
    *strings = (struct xlsx_strings){0};
}

bool xlsx_strings_get(const struct xlsx_strings *strings, size_t idx, struct str *ret)
{
    if (idx >= strings->count)
        return false;
    size_t begin = idx > 0 ? strings->ends[idx - 1] : 0;
    *ret = strings->ends[idx] > begin
               ? (struct str){strings->bytes.ptr + begin, strings->ends[idx] - begin}
               : (struct str){"", 0};
    return true;
}
