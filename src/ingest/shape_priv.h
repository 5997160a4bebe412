/* What people write around a table in a sheet, told from its rows: a row of units below the header,
 * notes and totals below the data. Pure; shared by xlsx_table.c and csv_shape.c. */
#ifndef MARROW_INGEST_SHAPE_PRIV_H
#define MARROW_INGEST_SHAPE_PRIV_H

#include "base/str.h"

/* The unit of measure that the text reads as, without brackets: "years", "mg/dl", "(kg)", "10^9/l",
 * "%". Empty: none. */
struct str shape_unit(struct str text);

struct shape_cell {  /* of the row below the header, and what stands below it in its column */
    struct str text; /* trimmed; empty: nothing */
    size_t filled;   /* cells below, of the rows looked at */
    size_t numbers;  /* of these, numbers and dates */
};
/* Is it a row of units? Every cell that is not empty must read as one, most of them over numbers,
 * and no column may have a number in this row. */
bool shape_is_units_row(const struct shape_cell *cells, size_t count);

#define SHAPE_TAIL_ROWS 24   /* last rows looked at */
#define SHAPE_TEXT_BYTES 256 /* of a row's first cell kept */
struct shape_row {           /* one of the last rows */
    bool gap;                /* an empty row stands above it */
    size_t filled;           /* cells */
    bool first_column;       /* its first filled cell is in the table's first column */
    bool numbers_follow;     /* all filled cells but the first are numbers */
    bool text;               /* its first filled cell is a text */
    char first[SHAPE_TEXT_BYTES];
};
struct shape_profile { /* of the first column's cells above the last rows */
    size_t rows, numbers, texts;
    size_t longest; /* bytes of a text */
};
void shape_profile_add(struct shape_profile *profile, const struct shape_row *row);
/* Index of the first row of the notes and totals at the end; count: none. columns: of the table.
 * A row that could be data is never one: it needs a mark (*, Source, Total …), or to be a sentence
 * where no other cell of its column is as long, or a text where the column holds numbers only. */
size_t shape_find_tail(const struct shape_profile *above, const struct shape_row *rows,
                       size_t count, size_t columns);
#define SHAPE_TAIL_REASON "below the table: a note or a total, not a row of data"

#endif
