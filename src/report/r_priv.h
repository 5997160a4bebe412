/* What the files that write R share. */
#ifndef MARROW_REPORT_R_PRIV_H
#define MARROW_REPORT_R_PRIV_H

#include "report/report.h"

struct r_script {
    const json_t *answer;
    const struct report_about *about;
    const struct report_rows *rows;
    struct buf *out;
};
/* A text, number, TRUE, FALSE or NA as R reads it; texts in ASCII with \u escapes. */
void r_value(struct buf *out, const json_t *value);
void r_text(struct buf *out, const char *text);
/* c("a", NA, "b"): a column of the result's rows; its missing values are of the column's type. */
void r_column(struct buf *out, const json_t *rows, size_t column);
/* Text as lines of a comment. */
void r_comment(struct buf *out, const char *lead, const char *text);
/* expected <- list("column" = c(…), …) of the result's first rows. */
void r_expected(struct r_script *script);

/* r_plain.c: counts, means, medians by the recipe. */
enum err_code r_plain(struct r_script *script, struct err *err) WARN_UNUSED;
/* r_statistics.c: tests and models by question.analysis. */
enum err_code r_statistics(struct r_script *script, struct err *err) WARN_UNUSED;
/* r_models.c: regression, survival. */
void r_model(struct r_script *script, const json_t *analysis, const char *family);
void r_survival(struct r_script *script, const json_t *analysis);
void r_stratified(struct r_script *script, const json_t *analysis);
/* r_paired.c: the same patients measured again. */
void r_paired(struct r_script *script, const json_t *analysis);
/* r_table.c: Table 1. */
void r_table_one(struct r_script *script, const json_t *analysis);

/* r_tests.c: functions of R, each the test of a name, written into a script once where it is used. */
struct r_test {
    const char *name, *other; /* of statistics, and of alternatives and choices */
    const char *function;
    const char *source;
};
const struct r_test *r_test_find(const char *name);
/* The functions that the answer's statistics and alternatives name. */
void r_test_sources(struct r_script *script);
/* list(statistic = …, df = …): what one of result.statistics has. */
void r_numbers(struct buf *out, const json_t *statistic);
extern const char r_source_read[], r_source_check[], r_source_levels[], r_source_describe[], r_source_models[], r_source_events[], r_source_table[];
/* The variable of that column, or of that label. */
const json_t *r_variable(const json_t *analysis, const char *member, const char *name);
const char *r_label(const json_t *analysis, const char *column);

#endif
