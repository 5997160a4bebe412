/* The Excel reader: workbooks are written part by part with libarchive, so every odd thing that
 * spreadsheets do is in them on purpose; the shared sets check workbooks that programs wrote. */
#include "reader_kit.h"

#include <archive.h>
#include <archive_entry.h>

#include "ingest/xlsx_priv.h"

#define SHEETS 6

struct book_parts {
    const char *file;
    const char *sheets[SHEETS];   /* inside of <worksheet> */
    const char *sheet_attributes; /* of the <sheets> entries; NULL = S1, S2 … */
    const char *strings;          /* inside of <sst> */
    const char *styles;           /* inside of <styleSheet> */
    const char *workbook;         /* before <sheets> */
    const char *doctype;          /* before the first sheet's root */
    bool truncated;
};

static void add_part(struct archive *archive, const char *name, const char *text)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)strlen(text));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, text, strlen(text)), (la_ssize_t)strlen(text));
    archive_entry_free(entry);
}

#define OFFICE "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

static void add_workbook(struct archive *archive, const struct book_parts *parts)
{
    struct buf sheets = BUF_INIT, relations = BUF_INIT;
    for (int idx = 0; idx < SHEETS && parts->sheets[idx] != NULL; idx++) {
        buf_printf(&sheets, "<sheet name=\"S%d\" sheetId=\"%d\" r:id=\"rId%d\" %s/>", idx + 1,
                   idx + 1, idx + 1,
                   parts->sheet_attributes != NULL && idx == 1 ? parts->sheet_attributes : "");
        buf_printf(&relations,
                   "<Relationship Id=\"rId%d\" Type=\"" OFFICE "/worksheet\" Target=\"%s%d.xml\"/>",
                   idx + 1, idx % 2 == 0 ? "worksheets/sheet" : "/xl/worksheets/sheet", idx + 1);
    }
    struct buf text = BUF_INIT;
    buf_printf(
        &text,
        "<?xml version=\"1.0\"?><workbook "
        "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"" OFFICE
        "\">%s<sheets>%s</sheets></workbook>",
        parts->workbook != NULL ? parts->workbook : "", buf_text(&sheets));
    add_part(archive, "xl/workbook.xml", buf_text(&text));
    buf_clear(&text);
    buf_printf(&text,
               "<Relationships>%s<Relationship Id=\"x1\" Type=\"" OFFICE
               "/sharedStrings\" Target=\"sharedStrings.xml\"/>"
               "<Relationship Id=\"x2\" Type=\"" OFFICE
               "/styles\" Target=\"styles.xml\"/></Relationships>",
               buf_text(&relations));
    add_part(archive, "xl/_rels/workbook.xml.rels", buf_text(&text));
    buf_done(&text);
    buf_done(&sheets);
    buf_done(&relations);
}

static const char *write_book(const struct book_parts *parts)
{
    static char path[FILE_PATH_BYTES];
    struct err err = {0};
    kit_must(file_path_join(kit_directory(), parts->file, path, &err), &err);
    struct archive *archive = archive_write_new();
    archive_write_set_format_zip(archive);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    add_part(archive, "[Content_Types].xml", "<Types/>");
    add_part(archive, "_rels/.rels",
             "<Relationships><Relationship Id=\"r1\" Type=\"" OFFICE
             "/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>");
    add_workbook(archive, parts);
    struct buf text = BUF_INIT;
    buf_printf(&text, "<sst>%s</sst>", parts->strings != NULL ? parts->strings : "");
    add_part(archive, "xl/sharedStrings.xml", buf_text(&text));
    buf_clear(&text);
    buf_printf(&text, "<styleSheet>%s</styleSheet>", parts->styles != NULL ? parts->styles : "");
    add_part(archive, "xl/styles.xml", buf_text(&text));
    for (int idx = 0; idx < SHEETS && parts->sheets[idx] != NULL; idx++) {
        char name[64];
        (void)snprintf(name, sizeof name, "xl/worksheets/sheet%d.xml", idx + 1);
        buf_clear(&text);
        buf_printf(&text, "<?xml version=\"1.0\"?>%s<worksheet>%s</worksheet>",
                   idx == 0 && parts->doctype != NULL ? parts->doctype : "", parts->sheets[idx]);
        add_part(archive, name, buf_text(&text));
    }
    buf_done(&text);
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
    return path;
}

static struct ingest_set *open_book(const struct book_parts *parts, int header)
{
    struct ingest_set *set = NULL;
    struct err err = {0};
    kit_must(kit_open(&ingest_format_xlsx, write_book(parts), NULL, header, &set, &err), &err);
    return set;
}

/* One sheet, given from <row> on, must read as these rows; the schema too unless NULL. */
static void expect_sheet(struct book_parts parts, const char *rows, const char *schema,
                         const char *expected)
{
    struct buf text = BUF_INIT;
    buf_printf(&text, "<sheetData>%s</sheetData>", rows);
    parts.sheets[0] = buf_text(&text);
    parts.file = "sheet.xlsx";
    struct ingest_set *set = open_book(&parts, -1);
    assert_int_equal(ingest_source_count(set), 1);
    if (schema != NULL)
        kit_expect_schema(&ingest_source(set, 0)->schema, schema);
    assert_true(ingest_source(set, 0)->text_columns);
    kit_expect_rows(ingest_source(set, 0), expected);
    ingest_close(set);
    buf_done(&text);
}

static void every_cell_type_becomes_its_text(void **state)
{
    (void)state;
    const struct book_parts parts = {
        .strings =
            "<si><t>id</t></si><si><r><t>first </t></r><r><t "
            "xml:space=\"preserve\">name</t></r><rPh sb=\"0\" eb=\"1\"><t>kana</t></rPh></si>"
            "<si><t>0389</t></si><si><t>a_x000A_b &amp; _x005F_x</t></si>"};
    expect_sheet(
        parts,
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c><c r=\"C1\" "
        "t=\"inlineStr\"><is><t>flag</t></is></c><c r=\"D1\" t=\"str\"><v>n</v></c></row>"
        "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>2</v></c><c r=\"B2\" t=\"s\"><v>3</v></c><c r=\"C2\" "
        "t=\"b\"><v>1</v></c><c r=\"D2\"><v>7</v></c></row>"
        "<row r=\"3\"><c r=\"A3\" t=\"str\"><f>X()</f><v>Grüße</v></c><c r=\"B3\" "
        "t=\"e\"><v>#N/A</v></c><c r=\"C3\" t=\"b\"><v>0</v></c><c r=\"D3\" "
        "t=\"d\"><v>2026-01-02T03:04:05</v></c></row>",
        "id:text;first name:text;flag:text;n:text",
        "0389|a\nb & _x|true|7\nGrüße|~|false|2026-01-02 03:04:05\n");
}

static void numbers_are_the_shortest_text_of_the_stored_double(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"0.10000000000000001", "0.1"},
        {"1", "1"},
        {"-0", "0"},
        {"1.0", "1"},
        {"12.50", "12.5"},
        {"1E+20", "100000000000000000000"},
        {"1.2345678901234567E+16", "12345678901234568"},
        {"1E-5", "0.00001"},
        {"1.5e-7", "0.00000015"},
        {"9007199254740993", "9007199254740993"},
        {"-2.2999999999999998", "-2.3"},
        {"1e300", "1e300"},
        {"0", "0"},
        {"007", "7"},
        {"70.299999999999997", "70.3"},
        {"-12.5E1", "-125"},
        {"123456789.123456789", "123456789.12345679"},
    };
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        struct buf text = BUF_INIT;
        assert_true(xlsx_number_text(str_of(cases[idx][0]), &text));
        assert_string_equal(buf_text(&text), cases[idx][1]);
        buf_done(&text);
    }
    struct buf text = BUF_INIT;
    assert_false(xlsx_number_text(STR("abc"), &text));
    assert_false(xlsx_number_text(STR(""), &text));
    assert_false(xlsx_number_text(STR("-"), &text));
    buf_done(&text);
}

static void number_formats_tell_dates_from_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        enum xlsx_style style;
    } cases[] = {
        {"yyyy-mm-dd", XLSX_DATE},
        {"yyyy\\-mm\\-dd", XLSX_DATE},
        {"[$-409]d/m/yy h:mm AM/PM;@", XLSX_DATETIME},
        {"mm:ss.0", XLSX_TIME},
        {"[h]:mm:ss", XLSX_DURATION},
        {"[mm]:ss", XLSX_DURATION},
        {"0.00%", XLSX_NUMBER},
        {"#,##0.00\\ \"days\"", XLSX_NUMBER},
        {"General", XLSX_NUMBER},
        {"0.00E+00", XLSX_NUMBER},
        {"@", XLSX_NUMBER},
        {"[Red]-0.0", XLSX_NUMBER},
        {"0;[h]:mm", XLSX_NUMBER},
        {"\"dd\"0", XLSX_NUMBER},
        {"mmm-yy", XLSX_DATE},
        {"[$-F800]dddd, mmmm dd, yyyy", XLSX_DATE},
        {"[$€-2] #,##0.00", XLSX_NUMBER},
        {"h:mm", XLSX_TIME},
        {"mmmm", XLSX_DATE},
        {"_-* #,##0.00_-", XLSX_NUMBER},
        {"[$-411]ge.m.d", XLSX_DATE},
        {"d.m.yyyy h:mm:ss", XLSX_DATETIME},
        {"[<100]0;[Blue]0", XLSX_NUMBER},
    };
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++)
        if (xlsx_style_of_code(cases[idx].code) != cases[idx].style)
            fail_msg("%s: %d", cases[idx].code, (int)xlsx_style_of_code(cases[idx].code));
}

#define DATE_STYLES                                                                                \
    "<numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/><numFmt "         \
    "numFmtId=\"165\" formatCode=\"[h]:mm\"/></numFmts>"                                           \
    "<cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs><cellXfs><xf numFmtId=\"0\"/><xf "          \
    "numFmtId=\"14\"/><xf numFmtId=\"164\"/><xf numFmtId=\"20\"/><xf numFmtId=\"165\"/><xf "       \
    "numFmtId=\"9\"/></cellXfs>"
#define TEXT_CELL(text) "<c t=\"inlineStr\"><is><t>" text "</t></is></c>"
#define NUMBER_CELL(style, number) "<c s=\"" style "\"><v>" number "</v></c>"

static void serial_numbers_become_dates_by_format(void **state)
{
    (void)state;
    const struct book_parts parts = {.styles = DATE_STYLES};
    expect_sheet(
        parts,
        "<row>" TEXT_CELL("d") TEXT_CELL("dt") TEXT_CELL("t") TEXT_CELL("dur") TEXT_CELL(
            "pct") "</row>"
                   "<row>" NUMBER_CELL("1", "46024") NUMBER_CELL("2", "46024.127835648149")
                       NUMBER_CELL("3", "0.5") NUMBER_CELL("4", "1.5") NUMBER_CELL(
                           "5",
                           "0.25") "</row>"
                                   "<row>" NUMBER_CELL("1", "1") NUMBER_CELL(
                                       "2", "46024") NUMBER_CELL("3", "0.99999421296296297")
                                       NUMBER_CELL("4", "0") NUMBER_CELL(
                                           "5",
                                           "1") "</row>"
                                                "<row>" NUMBER_CELL("1", "59") NUMBER_CELL(
                                                    "2", "61") NUMBER_CELL("3", "0")
                                                    NUMBER_CELL("4", "10.25") NUMBER_CELL(
                                                        "5",
                                                        "-1") "</row>"
                                                              "<row>" NUMBER_CELL("1", "60") NUMBER_CELL(
                                                                  "2",
                                                                  "2958465") NUMBER_CELL("3",
                                                                                         "0.25")
                                                                  NUMBER_CELL("4", "0.0006944444") NUMBER_CELL(
                                                                      "5",
                                                                      "2") "</row>"
                                                                           "<row>" NUMBER_CELL(
                                                                               "1", "-1688")
                                                                               NUMBER_CELL(
                                                                                   "2", "46024.5")
                                                                                   NUMBER_CELL(
                                                                                       "3", "0.25")
                                                                                       NUMBER_CELL(
                                                                                           "4",
                                                                                           "0.25")
                                                                                           NUMBER_CELL(
                                                                                               "5",
                                                                                               "2") "</row>",
        "d:text;dt:text;t:text;dur:text;pct:text",
        "2026-01-02|2026-01-02 03:04:05|12:00:00|36:00:00|0.25\n"
        "1900-01-01|2026-01-02 00:00:00|23:59:59.500|00:00:00|1\n"
        "1900-02-28|1900-03-01 00:00:00|00:00:00|246:00:00|-1\n"
        "1900-02-29|9999-12-31 00:00:00|06:00:00|00:01:00|2\n"
        "1895-05-17|2026-01-02 12:00:00|06:00:00|06:00:00|2\n");
}

static void books_of_the_1904_system_count_from_there(void **state)
{
    (void)state;
    const struct book_parts parts = {.styles = DATE_STYLES,
                                     .workbook = "<workbookPr date1904=\"1\"/>"};
    expect_sheet(
        parts,
        "<row>" TEXT_CELL("d") "</row><row>" NUMBER_CELL("1", "0") "</row><row>" NUMBER_CELL(
            "1", "60") "</row><row>" NUMBER_CELL("1", "44562") "</row>",
        NULL, "1904-01-01\n1904-03-01\n2026-01-02\n");
}

static void a_hidden_time_of_day_shows_in_its_whole_column(void **state)
{
    (void)state;
    const struct book_parts parts = {.styles = DATE_STYLES};
    expect_sheet(parts,
                 "<row>" TEXT_CELL("d") "</row><row>" NUMBER_CELL(
                     "1", "46024") "</row><row>" NUMBER_CELL("1", "46024.5") "</row>",
                 NULL, "2026-01-02 00:00:00\n2026-01-02 12:00:00\n");
}

static void cells_out_of_order_ragged_rows_and_empty_margins_are_placed(void **state)
{
    (void)state;
    expect_sheet((struct book_parts){0},
                 "<row r=\"3\"><c r=\"D3\" t=\"str\"><v>b</v></c><c r=\"C3\" "
                 "t=\"str\"><v>a</v></c><c r=\"F3\" t=\"str\"><v>c</v></c></row>"
                 "<row r=\"4\"/><row r=\"5\"><c r=\"F5\"><v>3</v></c><c r=\"C5\"><v>1</v></c></row>"
                 "<row r=\"6\"><c r=\"D6\"><v>5</v></c><c r=\"D6\"><v>6</v></c></row><row><c "
                 "r=\"H7\"><v>8</v></c></row>",
                 "a:text;b:text;c:text;column_4:text", "1|~|3|~\n~|6|~|~\n~|~|~|8\n");
}

static void titles_above_the_header_are_skipped_and_noted(void **state)
{
    (void)state;
    const struct
        book_parts parts = {.file = "title.xlsx",
                            .sheets =
                                {
                                    "<sheetData><row r=\"1\">" TEXT_CELL("Report of the registry") "</row><row r=\"3\">" TEXT_CELL(
                                        "as of") "</row>"
                                                 "<row r=\"5\">" TEXT_CELL("id")
                                                     TEXT_CELL("Date of&#10;birth ") TEXT_CELL(
                                                         "id") "</row>"
                                                               "<row>" NUMBER_CELL(
                                                                   "0", "1") NUMBER_CELL("0", "2")
                                                                   NUMBER_CELL(
                                                                       "0",
                                                                       "3") "</row></"
                                                                            "sheetData><mergeCells>"
                                                                            "<mergeCell "
                                                                            "ref=\"A1:C1\"/></"
                                                                            "mergeCells>"}};
    struct ingest_set *set = open_book(&parts, -1);
    const struct data_source *source = ingest_source(set, 0);
    assert_string_equal(source->name, "title");
    kit_expect_schema(&source->schema, "id:text;Date of birth:text;id_2:text");
    kit_expect_rows(source, "1|2|3\n");
    assert_string_equal(kit_note(source, "title_rows", 0), "2 rows above the header were skipped");
    assert_non_null(kit_note(source, "merged_cells", 0));
    ingest_close(set);
}

/* Rows of cells parted by '|', numbers as numbers; an empty line is an empty row. */
static void add_rows(struct buf *out, const char *rows)
{
    int number = 1;
    buf_puts(out, "<sheetData>");
    for (const char *line = rows; *line != '\0'; number++) {
        size_t length = strcspn(line, "\n");
        buf_printf(out, "<row r=\"%d\">", number);
        for (size_t at = 0, column = 0; at < length; column++) {
            size_t cell = strcspn(line + at, "|\n");
            bool value = cell > 0 && strspn(line + at, "0123456789.") == cell;
            if (cell > 0)
                buf_printf(out,
                           value ? "<c r=\"%c%d\"><v>%.*s</v></c>"
                                 : "<c r=\"%c%d\" t=\"inlineStr\"><is><t>%.*s</t></is></c>",
                           (char)('A' + column), number, (int)cell, line + at);
            at += cell + 1;
        }
        buf_puts(out, "</row>");
        line += length + (line[length] == '\n');
    }
    buf_puts(out, "</sheetData>");
}

static void expect_shape(const char *rows, const char *merges, int header, const char *schema,
                         const char *expected, const char *rejects)
{
    struct buf text = BUF_INIT;
    add_rows(&text, rows);
    buf_puts(&text, merges);
    struct book_parts parts = {.file = "shape.xlsx", .sheets = {buf_text(&text)}};
    struct ingest_set *set = open_book(&parts, header);
    struct kit_rows found = {0};
    struct err err = {0};
    kit_expect_schema(&ingest_source(set, 0)->schema, schema);
    kit_must(kit_push(ingest_source(set, 0), &found, &err), &err);
    assert_string_equal(buf_text(&found.text), expected);
    assert_string_equal(buf_text(&found.rejects), rejects);
    kit_rows_done(&found);
    ingest_close(set);
    buf_done(&text);
}

#define MERGES(...) "<mergeCells>" __VA_ARGS__ "</mergeCells>"
#define MERGE(range) "<mergeCell ref=\"" range "\"/>"

static void units_notes_and_totals_are_no_rows(void **state)
{
    (void)state;
    const char *rows =
        "Table 1: labs\n\nid|age|crp\n|years|(mg/l)\n1|40|1.5\n2|50|2.5\n3|60|3.5\n\n"
        "Total|150|7.5\n* p &lt; 0.05\n";
    expect_shape(rows, "", -1, "id:text;age:text=unit: years;crp:text=unit: mg/l",
                 "1|40|1.5\n2|50|2.5\n3|60|3.5\n",
                 "9 (null) Total,150,7.5\n10 (null) * p < 0.05\n");
    expect_shape(rows, "", 1, "id:text;age:text;crp:text",
                 "~|years|(mg/l)\n1|40|1.5\n2|50|2.5\n3|60|3.5\nTotal|150|7.5\n* p < 0.05|~|~\n",
                 "");
}

static void notes_below_a_long_sheet_are_found(void **state)
{
    (void)state;
    struct buf rows = BUF_INIT, expected = BUF_INIT;
    buf_puts(&rows, "id|age|crp\n");
    for (int i = 0; i < 500; i++) {
        buf_printf(&rows, "%d|%d|1.5\n", i, i % 90);
        buf_printf(&expected, "%d|%d|1.5\n", i, i % 90);
    }
    buf_puts(&rows, "Source: the registry\n");
    expect_shape(buf_text(&rows), "", -1, "id:text;age:text;crp:text", buf_text(&expected),
                 "502 (null) Source: the registry\n");
    buf_done(&rows);
    buf_done(&expected);
}

static void merged_groups_are_joined_with_the_names_below(void **state)
{
    (void)state;
    const char *merges = MERGES(MERGE("A1:A2") MERGE("B1:C1") MERGE("D1:E1"));
    const char *schema = "id:text;Before / weight:text=unit: kg;Before / crp:text=unit: mg/l;"
                         "After / weight:text=unit: kg;After / crp:text=unit: mg/l";
    const char *rows =
        "id|Before||After\n|weight|crp|weight|crp\n|kg|mg/l|kg|mg/l\n1|80|1.5|79|1.1\n"
        "2|81|1.5|79|1.1\n";
    expect_shape(rows, merges, -1, schema, "1|80|1.5|79|1.1\n2|81|1.5|79|1.1\n", "");
    expect_shape(
        rows, merges, 2,
        "id:text;Before / weight:text;Before / crp:text;After / weight:text;After / crp:text",
        "~|kg|mg/l|kg|mg/l\n1|80|1.5|79|1.1\n2|81|1.5|79|1.1\n", "");
    /* a group row that fills few columns, below a merged title */
    expect_shape("Title\na|b|c|d|e|Group\n|||||x|y\n1|2|3|4|5|6|7\n1|2|3|4|5|6|7\n",
                 MERGES(MERGE("A1:G1") MERGE("A2:A3") MERGE("F2:G2")), -1,
                 "a:text;b:text;c:text;d:text;e:text;Group / x:text;Group / y:text",
                 "1|2|3|4|5|6|7\n1|2|3|4|5|6|7\n", "");
    /* merged cells in the data below a header group nothing */
    expect_shape("a|b|c\nx||z\nu|v|w\n", MERGES(MERGE("A2:B2")), -1, "a:text;b:text;c:text",
                 "x|~|z\nu|v|w\n", "");
}

static void rows_of_numbers_only_have_no_header_unless_asked(void **state)
{
    (void)state;
    const struct book_parts parts = {
        .file = "bare.xlsx",
        .sheets = {"<sheetData><row>" NUMBER_CELL("0", "1")
                       NUMBER_CELL("0", "2") "</row><row>" NUMBER_CELL("0", "3")
                           NUMBER_CELL("0", "4") "</row></sheetData>"}};
    struct ingest_set *set = open_book(&parts, -1);
    kit_expect_schema(&ingest_source(set, 0)->schema, "column_1:text;column_2:text");
    kit_expect_rows(ingest_source(set, 0), "1|2\n3|4\n");
    assert_non_null(kit_note(ingest_source(set, 0), "no_header", 0));
    ingest_close(set);
    set = open_book(&parts, 1);
    kit_expect_schema(&ingest_source(set, 0)->schema, "1:text;2:text");
    kit_expect_rows(ingest_source(set, 0), "3|4\n");
    ingest_close(set);
}

static void a_header_with_no_rows_is_a_table_of_no_rows(void **state)
{
    (void)state;
    expect_sheet((struct book_parts){0}, "<row>" TEXT_CELL("a") TEXT_CELL("b") "</row>",
                 "a:text;b:text", "");
}

static void every_sheet_with_cells_is_a_table(void **state)
{
    (void)state;
    const struct book_parts parts = {
        .file = "many.xlsx",
        .sheet_attributes = "state=\"hidden\"",
        .sheets = {"<sheetData><row>" TEXT_CELL("a") "</row></sheetData>",
                   "<sheetData><row>" TEXT_CELL("h") "</row></sheetData>", "<sheetData/>",
                   "<sheetData><row><c r=\"A1\" s=\"1\"/></row></sheetData>"}};
    struct ingest_set *set = open_book(&parts, -1);
    assert_int_equal(ingest_source_count(set), 2);
    assert_string_equal(ingest_source(set, 0)->name, "S1");
    assert_string_equal(ingest_source(set, 1)->name, "S2");
    assert_non_null(strstr(ingest_source(set, 1)->origin, "many.xlsx#S2"));
    assert_non_null(kit_note(ingest_source(set, 1), "hidden_sheet", 0));
    assert_non_null(strstr(kit_note(ingest_source(set, 0), "empty_sheet", 0), "S3"));
    assert_non_null(strstr(kit_note(ingest_source(set, 0), "empty_sheet", 1), "S4"));
    ingest_close(set);
}

static void error_cells_and_uncalculated_formulas_are_null_and_counted(void **state)
{
    (void)state;
    const struct book_parts parts = {
        .file = "errors.xlsx",
        .sheets = {"<sheetData><row>" TEXT_CELL("a") TEXT_CELL(
            "b") "</row>"
                 "<row><c t=\"e\"><v>#DIV/0!</v></c><c><f>A1+1</f></c></row><row><c "
                 "t=\"e\"><v>#N/A</v></c><c><v>1</v></c></row><row><c "
                 "t=\"e\"><v>#N/A</v></c></row></sheetData>"}};
    struct ingest_set *set = open_book(&parts, -1);
    kit_expect_rows(ingest_source(set, 0), "~|~\n~|1\n~|~\n");
    assert_string_equal(kit_note(ingest_source(set, 0), "error_cells", 0),
                        "cells with errors are empty: 2 × #N/A, 1 × #DIV/0!");
    assert_non_null(strstr(kit_note(ingest_source(set, 0), "uncalculated", 0), "1 formula"));
    ingest_close(set);
}

static void expect_refusal(const char *path, enum err_code expected, const char *message,
                           const char *hint)
{
    struct ingest_set *set = NULL;
    struct err err = {0};
    assert_int_equal(kit_open(&ingest_format_xlsx, path, NULL, -1, &set, &err), expected);
    if (strstr(err.message, message) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", message, err.message);
    assert_non_null(strstr(err.hint, hint));
    ingest_close(set);
}

static void entity_declarations_are_refused(void **state)
{
    (void)state;
    const struct book_parts parts = {
        .file = "bomb.xlsx",
        .doctype =
            "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>",
        .sheets = {"<sheetData><row><c t=\"str\"><v>&b;</v></c></row></sheetData>"}};
    expect_refusal(write_book(&parts), ERR_INPUT, "document type", "");
}

static void broken_parts_are_refused_with_their_place(void **state)
{
    (void)state;
    const struct book_parts broken = {.file = "broken.xlsx",
                                      .sheets = {"<sheetData><row></sheetData>"}};
    expect_refusal(write_book(&broken), ERR_INPUT, "no well-formed XML", "save it again");
    const struct book_parts dangling = {
        .file = "dangling.xlsx",
        .sheets = {"<sheetData><row><c t=\"s\"><v>9</v></c></row></sheetData>"}};
    expect_refusal(write_book(&dangling), ERR_INPUT, "shared text", "");
    const struct book_parts beyond = {
        .file = "beyond.xlsx",
        .sheets = {"<sheetData><row r=\"1\"><c r=\"XFE1\"><v>9</v></c></row></sheetData>"}};
    expect_refusal(write_book(&beyond), ERR_INPUT, "beyond column XFD", "");
    struct buf deep = BUF_INIT;
    for (int idx = 0; idx < 2 * XLSX_LIMIT_DEPTH; idx++)
        buf_puts(&deep, "<x>");
    const struct book_parts nested = {.file = "deep.xlsx", .sheets = {buf_text(&deep)}};
    expect_refusal(write_book(&nested), ERR_LIMIT, "deep", "");
    buf_done(&deep);
}

static void a_cut_container_is_refused(void **state)
{
    (void)state;
    const struct book_parts parts = {.file = "whole.xlsx",
                                     .sheets = {"<sheetData><row>" TEXT_CELL(
                                         "a") "</row><row>" TEXT_CELL("b") "</row></sheetData>"}};
    struct err err = {0};
    struct buf bytes = BUF_INIT;
    kit_must(file_read(write_book(&parts), 0, &bytes, &err), &err);
    char path[FILE_PATH_BYTES];
    kit_must(file_path_join(kit_directory(), "cut.xlsx", path, &err), &err);
    for (size_t length = 8; length < bytes.len - 22; length += bytes.len / 11) {
        kit_must(file_remove(path, &err), &err);
        kit_must(file_write_new(path, (struct str){bytes.ptr, length}, &err), &err);
        struct ingest_set *set = NULL;
        assert_int_equal(kit_open(&ingest_format_xlsx, path, NULL, -1, &set, &err), ERR_INPUT);
        ingest_close(set);
    }
    buf_done(&bytes);
}

static void old_and_encrypted_books_are_refused_with_what_to_do(void **state)
{
    (void)state;
    static const char ole[] =
        "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";
    char path[FILE_PATH_BYTES];
    struct err err = {0};
    kit_must(file_path_join(kit_directory(), "secret.xlsx", path, &err), &err);
    kit_must(file_write_new(path, (struct str){ole, sizeof ole - 1}, &err), &err);
    expect_refusal(path, ERR_INPUT, "encrypted", "save as .xlsx");
    kit_must(file_path_join(kit_directory(), "old.xls", path, &err), &err);
    kit_must(file_write_new(path, (struct str){ole, 8}, &err), &err);
    expect_refusal(path, ERR_INPUT, "old Excel file", "save it as .xlsx");
}

static void many_rows_come_in_full_batches(void **state)
{
    (void)state;
    struct buf sheet = BUF_INIT;
    buf_puts(&sheet, "<sheetData><row>" TEXT_CELL("n") "</row>");
    for (int row = 0; row < 5000; row++)
        buf_printf(&sheet, "<row><c><v>%d.5</v></c></row>", row);
    buf_puts(&sheet, "</sheetData>");
    const struct book_parts parts = {.file = "long.xlsx", .sheets = {buf_text(&sheet)}};
    struct ingest_set *set = open_book(&parts, -1);
    struct kit_rows rows = {0}, failing = {.fail_at_batch = 2};
    struct err err = {0};
    kit_must(kit_push(ingest_source(set, 0), &rows, &err), &err);
    assert_int_equal(rows.rows, 5000);
    assert_int_equal(rows.batches, 3);
    assert_int_equal(kit_push(ingest_source(set, 0), &failing, &err), ERR_FAILED);
    kit_rows_done(&rows);
    kit_rows_done(&failing);
    ingest_close(set);
    buf_done(&sheet);
}

static void shared_workbooks_hold_their_known_rows(void **state)
{
    (void)state;
    char folder[FILE_PATH_BYTES];
    if (!kit_shared("xlsx", folder))
        return;
    static const struct {
        const char *file, *sheet;
        int64_t rows;
    } cases[] = {{"mimic3_ICUSTAYS_T.xlsx", NULL, 136},
                 {"mimic3_DIAGNOSES_ICD_T.xlsx", NULL, 1761},
                 {"mimic3_ADDMISSIONS_T.xlsx", NULL, 129}};
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        char path[FILE_PATH_BYTES];
        struct err err = {0};
        struct ingest_set *set = NULL;
        struct kit_rows rows = {0};
        kit_must(file_path_join(folder, cases[idx].file, path, &err), &err);
        kit_must(kit_open(&ingest_format_xlsx, path, NULL, -1, &set, &err), &err);
        assert_int_equal(ingest_source_count(set), 1);
        kit_must(kit_push(ingest_source(set, 0), &rows, &err), &err);
        assert_int_equal(rows.rows, cases[idx].rows);
        kit_rows_done(&rows);
        ingest_close(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_type_becomes_its_text),
        cmocka_unit_test(numbers_are_the_shortest_text_of_the_stored_double),
        cmocka_unit_test(number_formats_tell_dates_from_numbers),
        cmocka_unit_test(serial_numbers_become_dates_by_format),
        cmocka_unit_test(books_of_the_1904_system_count_from_there),
        cmocka_unit_test(a_hidden_time_of_day_shows_in_its_whole_column),
        cmocka_unit_test(cells_out_of_order_ragged_rows_and_empty_margins_are_placed),
        cmocka_unit_test(titles_above_the_header_are_skipped_and_noted),
        cmocka_unit_test(units_notes_and_totals_are_no_rows),
        cmocka_unit_test(notes_below_a_long_sheet_are_found),
        cmocka_unit_test(merged_groups_are_joined_with_the_names_below),
        cmocka_unit_test(rows_of_numbers_only_have_no_header_unless_asked),
        cmocka_unit_test(a_header_with_no_rows_is_a_table_of_no_rows),
        cmocka_unit_test(every_sheet_with_cells_is_a_table),
        cmocka_unit_test(error_cells_and_uncalculated_formulas_are_null_and_counted),
        cmocka_unit_test(entity_declarations_are_refused),
        cmocka_unit_test(broken_parts_are_refused_with_their_place),
        cmocka_unit_test(a_cut_container_is_refused),
        cmocka_unit_test(old_and_encrypted_books_are_refused_with_what_to_do),
        cmocka_unit_test(many_rows_come_in_full_batches),
        cmocka_unit_test(shared_workbooks_hold_their_known_rows),
    };
    return cmocka_run_group_tests_name("xlsx", tests, NULL, kit_remove_directory);
}
