/* The door of report: an answer (docs/JSON.md: ask) as a document that can be filed, or as an R script that reproduces it. Pure: JSON in,
 * text out; it runs nothing and reads no file.
 *
 *     answer ──report_document──▶ Markdown or HTML: question, reading, result, figure, who is counted, test, warnings, provenance, SQL
 *            └─report_r_script──▶ analysis.R over data.parquet or data.csv, with a check of every number */
#ifndef MARROW_REPORT_REPORT_H
#define MARROW_REPORT_REPORT_H

#include "json/json.h"

enum report_format { REPORT_MARKDOWN, REPORT_HTML };
struct report_about {
    const char *question; /* as it was asked */
    const char *made_at;  /* an instant, as clock_format writes it */
};
/* Appends the whole document. HTML is one file: style and figure within, no script, nothing from outside; text of the data is escaped. */
enum err_code report_document(const json_t *answer, const struct report_about *about, enum report_format format, struct buf *ret, struct err *err) WARN_UNUSED;
/* What an answer's cell says: numbers in six digits, "–" of null, yes and no. */
void report_cell(const json_t *cell, struct buf *ret);

/* How the analysis rows lie in the files beside the script. */
struct report_rows {
    const json_t *columns; /* [{name, type}]: of data.parquet and data.csv; type: number | text | logical | date | time */
    const json_t *recipe;  /* of plain answers: how result's columns come from the rows (ask/recipe.c); NULL: question.analysis says */
};
/* Appends the R script: base R and survival alone. It ends with stopifnot(all.equal(…)) for each number of the answer that it reproduces. ERR_UNSUPPORTED: an
 * answer of this kind can't be reproduced so. */
enum err_code report_r_script(const json_t *answer, const struct report_about *about, const struct report_rows *rows, struct buf *ret, struct err *err) WARN_UNUSED;

#endif
