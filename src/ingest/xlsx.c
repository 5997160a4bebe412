/* Excel workbooks (.xlsx, .xlsm): every worksheet with cells is a table of text columns. Opening
 * passes over each sheet once (header, columns); pushing reads it again. Old .xls, .xlsb and
 * encrypted books are refused with what to do. */
#include <string.h>

#include "ingest/xlsx_priv.h"

struct shared_book { /* one book, several sources; freed with the last */
    struct xlsx_book *book;
    size_t users;
};
struct sheet_user {
    struct shared_book *shared;
    const struct xlsx_sheet *sheet;
    struct xlsx_table table; /* columns and with_time are the book's arena's */
};
struct sheet_place { /* while opening */
    struct ingest_set *set;
    const struct ingest_file *file;
    struct shared_book *shared;
    struct xlsx_strings strings;
    json_t *book_notes;
};

static void release_book(struct shared_book *shared)
{
    if (shared == NULL || --shared->users > 0)
        return;
    xlsx_book_free(shared->book);
    mem_free(shared);
}

static void free_sheet_user(void *user)
{
    struct sheet_user *sheet = user;
    if (sheet == NULL)
        return;
    data_schema_done(&sheet->table.schema);
    release_book(sheet->shared);
    mem_free(sheet);
}

static enum err_code push_sheet(void *user, const struct data_sink *sink,
                                const struct progress *progress, struct err *err)
{
    const struct sheet_user *sheet = user;
    struct xlsx_book book = *sheet->shared->book; /* a view with this call's progress */
    book.place.progress = progress;
    return xlsx_table_push(&book, sheet->sheet, &sheet->table, sink, err);
}

/* ---- recognition -------------------------------------------------------------------------------
 */

static bool is_ole(struct str head)
{
    static const unsigned char magic[8] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
    return head.len >= sizeof magic && memcmp(head.ptr, magic, sizeof magic) == 0;
}

static int recognise(const struct ingest_file *file)
{
    struct str name = str_of(file->base_name);
    bool suffix = str_has_suffix_nocase(name, ".xlsx") || str_has_suffix_nocase(name, ".xlsm");
    bool zip = str_has_prefix(file->head, "PK\003\004");
    if (suffix)
        return zip || is_ole(file->head) ? 2 : 1;
    if (is_ole(file->head))
        return str_has_suffix_nocase(name, ".xls") || str_has_suffix_nocase(name, ".xlsb") ? 2 : 0;
    return zip && memmem(file->head.ptr, file->head.len, "[Content_Types].xml", 19) != NULL &&
                   (memmem(file->head.ptr, file->head.len, "xl/workbook.xml", 15) != NULL ||
                    memmem(file->head.ptr, file->head.len, "xl/worksheets/", 14) != NULL)
               ? 2
               : 0;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static enum err_code refuse_ole(const struct ingest_file *file, struct err *err)
{
    static const char utf16_package[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";
    bool encrypted =
        memmem(file->head.ptr, file->head.len, utf16_package, sizeof utf16_package - 1) != NULL ||
        str_has_suffix_nocase(str_of(file->base_name), ".xlsx") ||
        str_has_suffix_nocase(str_of(file->base_name), ".xlsm");
    (void)err_set(err, ERR_INPUT,
                  encrypted ? "the workbook is encrypted, or an old .xls under a new name"
                            : "an old Excel file (.xls)");
    (void)err_hint(err, encrypted
                            ? "open it in a spreadsheet program, remove the password, save as .xlsx"
                            : "open it in a spreadsheet program and save it as .xlsx");
    return err_at(err, file->origin, 0, 0);
}

static enum err_code scan_user(struct sheet_place *place, const struct xlsx_sheet *sheet,
                               struct sheet_user **ret, struct err *err)
{
    struct sheet_user *user = mem_zalloc(1, sizeof *user);
    if (user == NULL)
        return err_set(err, ERR_MEMORY, "no memory for %s", place->file->origin);
    user->shared = place->shared;
    user->shared->users++;
    user->sheet = sheet;
    enum err_code code = xlsx_table_scan(place->shared->book, sheet, &place->strings,
                                         ingest_set_options(place->set)->header,
                                         place->shared->book->arena, &user->table, err);
    if (code == ERR_OK && user->table.column_count > 0)
        *ret = user;
    else
        free_sheet_user(user);
    return code;
}

static enum err_code add_sheet(struct sheet_place *place, struct sheet_user *user, bool only,
                               struct err *err)
{
    struct arena *arena = ingest_set_arena(place->set);
    struct data_source *source = arena_alloc(arena, sizeof *source);
    const char *base = place->file->base_name, *dot = strrchr(base, '.');
    size_t stem = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
    const char *name =
        only ? arena_strndup(arena, base, stem) : arena_strdup(arena, user->sheet->name);
    const char *origin = arena_printf(arena, "%s#%s", place->file->origin, user->sheet->name);
    struct data_schema schema = {0};
    if (source == NULL || name == NULL || origin == NULL) {
        free_sheet_user(user);
        return err_set(err, ERR_MEMORY, "no memory for %s", place->file->origin);
    }
    enum err_code code = data_schema_copy(&user->table.schema, &schema, err);
    if (code != ERR_OK) {
        data_schema_done(&schema);
        free_sheet_user(user);
        return code;
    }
    json_t *notes = place->book_notes; /* what concerns the book is told with its first table */
    place->book_notes = NULL;
    xlsx_table_notes(&user->table, user->sheet, &notes);
    *source = (struct data_source){.name = name,
                                   .origin = origin,
                                   .schema = schema,
                                   .text_columns = true,
                                   .push = push_sheet,
                                   .user = user,
                                   .bytes = place->file->bytes,
                                   .notes = notes};
    return ingest_add_source(place->set, source, free_sheet_user, err);
}

static enum err_code scan_sheets(struct sheet_place *place, struct sheet_user **users,
                                 size_t *ret_count, struct err *err)
{
    const struct xlsx_book *book = place->shared->book;
    for (size_t idx = 0; idx < book->sheet_count; idx++) {
        const struct xlsx_sheet *sheet = &book->sheets[idx];
        if (sheet->part == NULL) {
            ingest_note(&place->book_notes, "no_worksheet",
                        "sheet %s is a chart or dialog, no table", sheet->name);
            continue;
        }
        struct sheet_user *user = NULL;
        enum err_code code = scan_user(place, sheet, &user, err);
        if (code != ERR_OK) {
            (void)err_context(err, "sheet %s", sheet->name);
            return code;
        }
        if (user == NULL)
            ingest_note(&place->book_notes, "empty_sheet", "sheet %s has no cells and is skipped",
                        sheet->name);
        else
            users[(*ret_count)++] = user;
    }
    return ERR_OK;
}

static enum err_code open_sheets(struct sheet_place *place, struct err *err)
{
    TRY(xlsx_strings_read(place->shared->book, &place->strings, err));
    AUTO(mem_free)
    struct sheet_user **users = mem_zalloc(place->shared->book->sheet_count, sizeof *users);
    if (users == NULL)
        return err_set(err, ERR_MEMORY, "no memory for %s", place->file->origin);
    size_t count = 0;
    enum err_code code = scan_sheets(place, users, &count, err);
    for (size_t idx = 0; idx < count; idx++)
        if (code == ERR_OK)
            code = add_sheet(place, users[idx], count == 1, err);
        else
            free_sheet_user(users[idx]);
    return code;
}

static enum err_code open_xlsx(struct ingest_set *set, const struct ingest_file *file,
                               struct err *err)
{
    if (is_ole(file->head))
        return refuse_ole(file, err);
    struct sheet_place place = {.set = set, .file = file};
    place.shared = mem_zalloc(1, sizeof *place.shared);
    if (place.shared == NULL)
        return err_set(err, ERR_MEMORY, "no memory for %s", file->origin);
    place.shared->users = 1;
    const struct xlsx_place where = {
        .path = file->path, .origin = file->origin, .progress = ingest_set_options(set)->progress};
    enum err_code code = xlsx_book_open(&where, &place.shared->book, err);
    if (code == ERR_OK)
        code = open_sheets(&place, err);
    xlsx_strings_done(&place.strings);
    json_decref(place.book_notes);
    release_book(place.shared);
    return code;
}

const struct ingest_format ingest_format_xlsx = {"xlsx", ".xlsx .xlsm", recognise, open_xlsx};
