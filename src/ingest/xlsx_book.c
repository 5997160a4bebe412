/* The book: which part is the workbook, its sheets in order (hidden ones too), where each sheet,
 * the shared strings and the styles lie, and the date system. Example: sheet "Labs" r:id="rId3" →
 * relation rId3 → xl/worksheets/sheet3.xml. */
#include <string.h>

#include "ingest/xlsx_priv.h"

struct relation {
    const char *id, *type, *target;
    const struct relation *next;
};
struct book_reader {
    struct xlsx_book *book;
    const char *folder;   /* of the part whose relations are read, "xl/" */
    const char *workbook; /* the workbook's part */
    struct relation *relations;
    struct xlsx_sheet *sheets;
    const char **sheet_ids;
    size_t count, capacity;
};

static bool ends_with(const char *text, const char *tail)
{
    size_t length = strlen(text), tail_length = strlen(tail);
    return length >= tail_length && strcmp(text + length - tail_length, tail) == 0;
}

/* "worksheets/sheet1.xml" in "xl/" → "xl/worksheets/sheet1.xml"; "/xl/x.xml" → "xl/x.xml"; "../x"
 * steps up. */
static const char *resolve(struct arena *arena, const char *folder, const char *target)
{
    char *path = target[0] == '/' ? arena_strdup(arena, target + 1)
                                  : arena_printf(arena, "%s%s", folder, target);
    for (char *up; path != NULL && (up = strstr(path, "../")) != NULL;) {
        char *from = up;
        if (from > path)
            from--;
        while (from > path && from[-1] != '/')
            from--;
        memmove(from, up + 3, strlen(up + 3) + 1);
    }
    while (path != NULL && strncmp(path, "./", 2) == 0)
        path += 2;
    return path;
}

static const char *folder_of(struct arena *arena, const char *part)
{
    const char *slash = strrchr(part, '/');
    return slash != NULL ? arena_strndup(arena, part, (size_t)(slash - part) + 1) : "";
}

static void start_relation(struct xlsx_xml *xml, const char *name, const char **attributes)
{
    struct book_reader *reader = xml->user;
    struct arena *arena = reader->book->arena;
    if (strcmp(name, "Relationship") != 0)
        return;
    const char *id = xlsx_xml_attribute(attributes, "Id"),
               *type = xlsx_xml_attribute(attributes, "Type");
    const char *target = xlsx_xml_attribute(attributes, "Target"),
               *mode = xlsx_xml_attribute(attributes, "TargetMode");
    if (id == NULL || type == NULL || target == NULL ||
        (mode != NULL && strcmp(mode, "External") == 0))
        return;
    struct relation *relation = arena_alloc(arena, sizeof *relation);
    if (relation == NULL) {
        xlsx_xml_fail(xml, err_set(xml->err, ERR_MEMORY, "no memory for the workbook"));
        return;
    }
    *relation = (struct relation){arena_strdup(arena, id), arena_strdup(arena, type),
                                  resolve(arena, reader->folder, target), reader->relations};
    reader->relations = relation;
    if (arena_failed(arena))
        xlsx_xml_fail(xml, err_set(xml->err, ERR_MEMORY, "no memory for the workbook"));
}

static bool is_true(const char *text)
{
    return text != NULL && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

static bool add_sheet(struct book_reader *reader, const char **attributes)
{
    struct arena *arena = reader->book->arena;
    if (reader->count == reader->capacity) {
        size_t capacity = reader->capacity == 0 ? 16 : reader->capacity * 2;
        struct xlsx_sheet *sheets = arena_array(arena, capacity, sizeof *sheets);
        const char **ids = arena_array(arena, capacity, sizeof *ids);
        if (sheets == NULL || ids == NULL)
            return false;
        if (reader->count > 0) {
            memcpy(sheets, reader->sheets, reader->count * sizeof *sheets);
            memcpy(ids, reader->sheet_ids, reader->count * sizeof *ids);
        }
        reader->sheets = sheets;
        reader->sheet_ids = ids;
        reader->capacity = capacity;
    }
    const char *name = xlsx_xml_attribute(attributes, "name"),
               *id = xlsx_xml_attribute(attributes, "r:id");
    const char *state = xlsx_xml_attribute(attributes, "state");
    reader->sheet_ids[reader->count] = id != NULL ? arena_strdup(arena, id) : NULL;
    reader->sheets[reader->count++] =
        (struct xlsx_sheet){.name = arena_strdup(arena, name != NULL ? name : "sheet"),
                            .hidden = state != NULL && strcmp(state, "visible") != 0};
    return !arena_failed(arena);
}

static void start_workbook(struct xlsx_xml *xml, const char *name, const char **attributes)
{
    struct book_reader *reader = xml->user;
    if (strcmp(name, "workbookPr") == 0)
        reader->book->date1904 = is_true(xlsx_xml_attribute(attributes, "date1904"));
    if (strcmp(name, "sheet") != 0)
        return;
    if (reader->count >= XLSX_LIMIT_SHEETS)
        xlsx_xml_fail(xml, err_set(xml->err, ERR_LIMIT, "more than %d sheets", XLSX_LIMIT_SHEETS));
    else if (!add_sheet(reader, attributes))
        xlsx_xml_fail(xml, err_set(xml->err, ERR_MEMORY, "no memory for the workbook"));
}

static const char *target_of_type(const struct book_reader *reader, const char *type)
{
    for (const struct relation *relation = reader->relations; relation != NULL;
         relation = relation->next)
        if (ends_with(relation->type, type))
            return relation->target;
    return NULL;
}

static enum err_code no_book(const struct book_reader *reader, const char *what, struct err *err)
{
    (void)err_set(err, ERR_INPUT, "no Excel workbook: %s", what);
    (void)err_hint(err, "open it in a spreadsheet program and save it as .xlsx");
    return err_at(err, reader->book->place.origin, 0, 0);
}

static enum err_code find_workbook(struct book_reader *reader, struct err *err)
{
    bool found = false;
    struct xlsx_xml xml = {.start = start_relation, .user = reader};
    reader->folder = "";
    TRY(xlsx_xml_read(&reader->book->place, "_rels/.rels", &xml, &found, err));
    reader->workbook = target_of_type(reader, "/officeDocument");
    if (reader->workbook == NULL)
        reader->workbook = "xl/workbook.xml";
    if (ends_with(reader->workbook, ".bin"))
        return no_book(reader, "a binary workbook (.xlsb)", err);
    reader->relations = NULL;
    return ERR_OK;
}

static enum err_code read_workbook(struct book_reader *reader, struct err *err)
{
    struct xlsx_book *book = reader->book;
    bool found = false;
    reader->folder = folder_of(book->arena, reader->workbook);
    if (reader->folder == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the workbook");
    const char *relations = arena_printf(book->arena, "%s_rels/%s.rels", reader->folder,
                                         reader->workbook + strlen(reader->folder));
    if (relations == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the workbook");
    struct xlsx_xml xml = {.start = start_relation, .user = reader};
    TRY(xlsx_xml_read(&book->place, relations, &xml, &found, err));
    xml = (struct xlsx_xml){.start = start_workbook, .user = reader};
    TRY(xlsx_xml_read(&book->place, reader->workbook, &xml, &found, err));
    if (!found)
        return no_book(reader, "the part that lists the sheets is missing", err);
    book->strings_part = target_of_type(reader, "/sharedStrings");
    book->styles_part = target_of_type(reader, "/styles");
    for (size_t idx = 0; idx < reader->count; idx++)
        for (const struct relation *relation = reader->relations; relation != NULL;
             relation = relation->next)
            if (reader->sheet_ids[idx] != NULL &&
                strcmp(relation->id, reader->sheet_ids[idx]) == 0 &&
                ends_with(relation->type, "/worksheet"))
                reader->sheets[idx].part = relation->target;
    book->sheets = reader->sheets;
    book->sheet_count = reader->count;
    return book->sheet_count > 0 ? ERR_OK : no_book(reader, "it has no sheets", err);
}

enum err_code xlsx_book_open(const struct xlsx_place *place, struct xlsx_book **ret,
                             struct err *err)
{
    AUTO(xlsx_book_free) struct xlsx_book *book = mem_zalloc(1, sizeof *book);
    if (book == NULL || (book->arena = arena_new(256u << 20)) == NULL)
        return err_set(err, ERR_MEMORY, "no memory for %s", place->origin);
    book->place = *place;
    book->place.origin = arena_strdup(book->arena, place->origin);
    book->place.path = place->path != NULL ? arena_strdup(book->arena, place->path) : NULL;
    if (arena_failed(book->arena))
        return err_set(err, ERR_MEMORY, "no memory for %s", place->origin);
    struct book_reader reader = {.book = book};
    TRY(find_workbook(&reader, err));
    TRY(read_workbook(&reader, err));
    TRY(xlsx_styles_read(book, err));
    *ret = book;
    book = NULL;
    return ERR_OK;
}

void xlsx_book_free(struct xlsx_book *book)
{
    if (book == NULL)
        return;
    mem_free(book->styles);
    arena_free(book->arena);
    mem_free(book);
}
