/* What the xlsx reader's parts share. An xlsx book is a ZIP of XML parts (ECMA-376): workbook.xml
 * names the sheets, the relations say where they are, sharedStrings.xml and styles.xml are read
 * whole, sheets are streamed: xlsx_zip.c ──bytes──▶ xlsx_xml.c (expat) ──elements──▶ xlsx_book.c ·
 * xlsx_strings.c · xlsx_styles.c · xlsx_sheet.c xlsx_sheet.c ──rows of cells──▶ xlsx_table.c
 * (header, columns) ──texts (xlsx_cell.c)──▶ batches */
#ifndef MARROW_INGEST_XLSX_PRIV_H
#define MARROW_INGEST_XLSX_PRIV_H

#include "ingest/ingest_priv.h"

#define XLSX_LIMIT_COLUMNS 16384 /* XFD */
#define XLSX_LIMIT_STRINGS_BYTES                                                                   \
    (512LL << 20) /* shared strings of one book, held while it is read */
#define XLSX_LIMIT_STYLES 1000000
#define XLSX_LIMIT_SHEETS 10000
#define XLSX_LIMIT_DEPTH 256 /* elements within each other */
#define XLSX_LEADING_ROWS 64 /* rows looked at for the header */
#define XLSX_HEADER_ROWS 4   /* of names, joined; more are not looked for */
#define XLSX_MERGES 128      /* merged ranges remembered */
#define XLSX_ERROR_KINDS 9

/* ---- container: a file, or memory when path is NULL */
struct xlsx_place {
    const char *path;
    struct str memory;
    const char *origin;
    const struct progress *progress;
};
/* Stream the part of that name (ASCII case ignored). A part that is not there: *ret_found false,
 * ERR_OK. */
enum err_code xlsx_part_read(const struct xlsx_place *place, const char *name,
                             enum err_code (*block)(void *user, const char *bytes, size_t count,
                                                    bool last, struct err *err),
                             void *user, bool *ret_found, struct err *err) WARN_UNUSED;

/* ---- XML: expat, no document types, bounded depth. Names come without their prefix. */
struct xlsx_xml {
    void (*start)(struct xlsx_xml *xml, const char *name, const char **attributes);
    void (*end)(struct xlsx_xml *xml, const char *name);
    void (*text)(struct xlsx_xml *xml, const char *text, size_t length);
    void *user;
    enum err_code code; /* set by xlsx_xml_fail: parsing stops */
    struct err *err;
    void *parser;
    int depth;
};
enum err_code xlsx_xml_read(const struct xlsx_place *place, const char *part, struct xlsx_xml *xml,
                            bool *ret_found, struct err *err) WARN_UNUSED;
void xlsx_xml_fail(struct xlsx_xml *xml, enum err_code code); /* err is filled already */
/* The attribute's value, or NULL. "id" does not find "r:id", "r:id" finds any prefix. */
const char *xlsx_xml_attribute(const char **attributes, const char *name);

/* ---- book */
enum xlsx_style { XLSX_NUMBER, XLSX_DATE, XLSX_DATETIME, XLSX_TIME, XLSX_DURATION };
struct xlsx_sheet {
    const char *name;
    const char *part; /* NULL: no worksheet (a chart) */
    bool hidden;
};
struct xlsx_book {
    struct xlsx_place place;
    struct arena *arena;
    struct xlsx_sheet *sheets;
    size_t sheet_count;
    bool date1904;
    const char *strings_part, *styles_part;
    uint8_t *styles; /* enum xlsx_style by cell format index */
    size_t style_count, style_capacity;
};
enum err_code xlsx_book_open(const struct xlsx_place *place, struct xlsx_book **ret,
                             struct err *err) WARN_UNUSED;
void xlsx_book_free(struct xlsx_book *book);
AUTO_DEFINE(struct xlsx_book, xlsx_book_free)
enum err_code xlsx_styles_read(struct xlsx_book *book, struct err *err) WARN_UNUSED;
enum xlsx_style xlsx_style_of_code(const char *code); /* a number format's text; pure */

struct xlsx_strings {
    struct buf bytes;
    size_t *ends; /* of string i in bytes */
    size_t count, capacity;
};
enum err_code xlsx_strings_read(const struct xlsx_book *book, struct xlsx_strings *ret,
                                struct err *err) WARN_UNUSED;
void xlsx_strings_done(struct xlsx_strings *strings);
bool xlsx_strings_get(const struct xlsx_strings *strings, size_t idx, struct str *ret);
/* Append text with _xHHHH_ escapes decoded. */
void xlsx_unescape(struct str text, struct buf *out);

/* ---- cells and rows */
enum xlsx_cell_kind {
    XLSX_CELL_NUMBER,
    XLSX_CELL_TEXT,
    XLSX_CELL_BOOLEAN,
    XLSX_CELL_ERROR,
    XLSX_CELL_ISO_DATE
};
struct xlsx_cell {
    uint32_t column; /* 0-based */
    enum xlsx_cell_kind kind;
    enum xlsx_style style;
    struct str text; /* as stored; never empty */
};
struct xlsx_row {
    int64_t number;                /* as the sheet says, from 1 */
    const struct xlsx_cell *cells; /* by appearance, borrowed for the call */
    size_t count;
};
struct xlsx_merge { /* columns from 0, row as the sheet counts */
    int64_t row;
    uint32_t first, last;
};
struct xlsx_sheet_facts {
    int64_t rows; /* with at least one cell that is not empty */
    int64_t merged_ranges;
    int64_t uncalculated; /* formulas without a stored value */
    struct xlsx_merge merges[XLSX_MERGES]; /* the first of those that span columns */
    size_t merge_count;
};
/* Stream a sheet's rows that hold something. */
enum err_code
xlsx_sheet_read(const struct xlsx_book *book, const struct xlsx_sheet *sheet,
                const struct xlsx_strings *strings,
                enum err_code (*row)(void *user, const struct xlsx_row *row, struct err *err),
                void *user, struct xlsx_sheet_facts *ret, struct err *err) WARN_UNUSED;

/* xlsx_cell.c, pure. with_time: dates get a time of day even at midnight (their column has some
 * that need it). */
void xlsx_cell_text(const struct xlsx_cell *cell, bool date1904, bool with_time, struct buf *out);
bool xlsx_cell_has_time(const struct xlsx_cell *cell,
                        bool date1904); /* a date that can't be told without a time of day */
/* Shortest decimal text of the stored number, positional up to 21 digits. False: no number (text is
 * left as it is). */
bool xlsx_number_text(struct str stored, struct buf *out);

/* ---- table: what the pass at open time finds out */
struct xlsx_table {
    bool header;
    int64_t
        skip_rows; /* rows that hold something before the first data row: titles, header, units */
    int64_t header_rows; /* of names; 0: no header */
    int64_t units_row;   /* as the sheet counts; 0: none */
    int64_t tail_row;    /* from that row on, as the sheet counts, notes and totals; 0: none */
    int64_t tail_rows;
    uint32_t *columns;  /* sheet columns kept, ascending; arena */
    uint8_t *with_time; /* of each of them: dates are written with a time of day; arena */
    size_t column_count;
    struct data_schema schema;
    int64_t rows; /* below the header */
    int64_t errors[XLSX_ERROR_KINDS];
    struct xlsx_sheet_facts facts;
};
/* header: as in ingest_options. No columns: the sheet is empty. */
enum err_code xlsx_table_scan(const struct xlsx_book *book, const struct xlsx_sheet *sheet,
                              const struct xlsx_strings *strings, int header, struct arena *arena,
                              struct xlsx_table *ret, struct err *err) WARN_UNUSED;
void xlsx_table_notes(const struct xlsx_table *table, const struct xlsx_sheet *sheet,
                      json_t **notes);
enum err_code xlsx_table_push(const struct xlsx_book *book, const struct xlsx_sheet *sheet,
                              const struct xlsx_table *table, const struct data_sink *sink,
                              struct err *err) WARN_UNUSED;
static inline bool xlsx_cell_is_blank(const struct xlsx_cell *cell)
{
    return str_trim(cell->text).len == 0;
}

#endif
