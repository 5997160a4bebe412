/* styles.xml: which cell formats show dates. A cell's s attribute indexes cellXfs, whose numFmtId
 * is built in or custom; a custom code is read as Excel reads it: first section, without literals,
 * colours and locales: "yyyy\-mm\-dd" → DATE    [$-409]d/m/yy h:mm → DATETIME    mm:ss.0 → TIME
 * [h]:mm → DURATION    0.00%;[Red]-0.00% → NUMBER */
#include <string.h>

#include "ingest/xlsx_priv.h"

struct custom_format {
    int64_t id;
    enum xlsx_style style;
};
struct styles_reader {
    struct xlsx_book *book;
    struct custom_format *customs;
    size_t custom_count, custom_capacity;
    bool in_cell_formats;
};

/* What a format code shows, letter by letter. */
struct code_facts {
    bool day_or_year, month_or_minute, hour_or_second, elapsed;
};

static bool is_elapsed(const char *inside, size_t length)
{
    char first = length > 0 ? (char)(inside[0] | 0x20) : 0;
    for (size_t idx = 0; idx < length; idx++)
        if ((char)(inside[idx] | 0x20) != first)
            return false;
    return first == 'h' || first == 'm' || first == 's';
}

/* The length of what is no letter of the code at all: a literal, an escape, a bracket; 0 when code
 * is at something else. */
static size_t skip_literal(const char *code, struct code_facts *facts)
{
    if (code[0] == '"') {
        const char *end = strchr(code + 1, '"');
        return end != NULL ? (size_t)(end - code) + 1 : strlen(code);
    }
    if (code[0] == '\\' || code[0] == '_' || code[0] == '*')
        return code[1] != '\0' ? 2 : 1;
    if (code[0] == '[') {
        const char *end = strchr(code + 1, ']');
        size_t inside = end != NULL ? (size_t)(end - code) - 1 : strlen(code + 1);
        if (is_elapsed(code + 1, inside))
            facts->elapsed = facts->hour_or_second = true;
        return inside + (end != NULL ? 2 : 1);
    }
    if (strncasecmp(code, "AM/PM", 5) == 0 || strncasecmp(code, "A/P", 3) == 0) {
        facts->hour_or_second = true;
        return strncasecmp(code, "AM/PM", 5) == 0 ? 5 : 3;
    }
    if (strncasecmp(code, "General", 7) == 0)
        return 7;
    if ((code[0] == 'E' || code[0] == 'e') && (code[1] == '+' || code[1] == '-'))
        return 2;
    return 0;
}

enum xlsx_style xlsx_style_of_code(const char *code)
{
    struct code_facts facts = {0};
    while (*code != '\0' && *code != ';') {
        size_t skip = skip_literal(code, &facts);
        if (skip > 0) {
            code += skip;
            continue;
        }
        char letter = (char)(*code | 0x20);
        if (*code >= 'A' && letter <= 'z') {
            facts.day_or_year |= letter == 'd' || letter == 'y' || letter == 'e';
            facts.month_or_minute |= letter == 'm';
            facts.hour_or_second |= letter == 'h' || letter == 's';
        }
        code++;
    }
    if (facts.elapsed && !facts.day_or_year)
        return XLSX_DURATION;
    if (facts.hour_or_second)
        return facts.day_or_year ? XLSX_DATETIME : XLSX_TIME;
    return facts.day_or_year || facts.month_or_minute ? XLSX_DATE : XLSX_NUMBER;
}

/* ECMA-376 part 1, 18.8.30; 27-36 and 50-58 are the East Asian date formats. */
static enum xlsx_style builtin_style(int64_t id)
{
    if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 54) ||
        id == 57 || id == 58)
        return XLSX_DATE;
    if ((id >= 18 && id <= 21) || id == 45 || id == 47 || (id >= 32 && id <= 35) || id == 55 ||
        id == 56)
        return XLSX_TIME;
    return id == 22 ? XLSX_DATETIME : id == 46 ? XLSX_DURATION : XLSX_NUMBER;
}

static bool grow_array(void **items, size_t count, size_t *capacity, size_t bytes)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *bigger = mem_resize(*items, wanted, bytes);
    if (bigger == NULL)
        return false;
    *items = bigger;
    *capacity = wanted;
    return true;
}

static int64_t integer_attribute(const char **attributes, const char *name)
{
    int64_t value = 0;
    const char *text = xlsx_xml_attribute(attributes, name);
    return text != NULL && str_to_int64(str_of(text), &value) ? value : -1;
}

static void add_custom(struct xlsx_xml *xml, const char **attributes)
{
    struct styles_reader *reader = xml->user;
    const char *code = xlsx_xml_attribute(attributes, "formatCode");
    if (code == NULL || reader->custom_count >= XLSX_LIMIT_STYLES)
        return;
    if (!grow_array((void **)&reader->customs, reader->custom_count, &reader->custom_capacity,
                    sizeof *reader->customs)) {
        xlsx_xml_fail(xml, err_set(xml->err, ERR_MEMORY, "no memory for the styles"));
        return;
    }
    reader->customs[reader->custom_count++] =
        (struct custom_format){integer_attribute(attributes, "numFmtId"), xlsx_style_of_code(code)};
}

static void add_cell_format(struct xlsx_xml *xml, const char **attributes)
{
    struct styles_reader *reader = xml->user;
    struct xlsx_book *book = reader->book;
    int64_t id = integer_attribute(attributes, "numFmtId");
    enum xlsx_style style = builtin_style(id);
    for (size_t idx = 0; idx < reader->custom_count; idx++)
        if (reader->customs[idx].id == id)
            style = reader->customs[idx].style;
    if (book->style_count >= XLSX_LIMIT_STYLES)
        xlsx_xml_fail(xml,
                      err_set(xml->err, ERR_LIMIT, "more than %d cell formats", XLSX_LIMIT_STYLES));
    else if (!grow_array((void **)&book->styles, book->style_count, &book->style_capacity,
                         sizeof *book->styles))
        xlsx_xml_fail(xml, err_set(xml->err, ERR_MEMORY, "no memory for the styles"));
    else
        book->styles[book->style_count++] = (uint8_t)style;
}

static void start_style(struct xlsx_xml *xml, const char *name, const char **attributes)
{
    struct styles_reader *reader = xml->user;
    if (strcmp(name, "numFmt") == 0)
        add_custom(xml, attributes);
    else if (strcmp(name, "cellXfs") == 0)
        reader->in_cell_formats = true;
    else if (strcmp(name, "xf") == 0 && reader->in_cell_formats)
        add_cell_format(xml, attributes);
}

static void end_style(struct xlsx_xml *xml, const char *name)
{
    if (strcmp(name, "cellXfs") == 0)
        ((struct styles_reader *)xml->user)->in_cell_formats = false;
}

enum err_code xlsx_styles_read(struct xlsx_book *book, struct err *err)
{
    struct styles_reader reader = {.book = book};
    struct xlsx_xml xml = {.start = start_style, .end = end_style, .user = &reader};
    bool found = false;
    enum err_code code = ERR_OK;
    if (book->styles_part != NULL)
        code = xlsx_xml_read(&book->place, book->styles_part, &xml, &found, err);
    mem_free(reader.customs);
    return code;
}
