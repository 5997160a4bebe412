/* What the files that analyse share: the columns of the analysis rows with their parts, and the
 * answer that is being put together. */
#ifndef MARROW_ASK_ANALYSIS_PRIV_H
#define MARROW_ASK_ANALYSIS_PRIV_H

#include "ask/ask_priv.h"
#include "stats/stats.h"

#define ANALYSIS_POINTS 2000   /* of a figure; more are thinned */
#define ANALYSIS_PAIR_GROUPS 5 /* groups that are compared pair by pair */
#define ANALYSIS_ALPHA .05

struct analysis {
    const struct ask_reading *reading;
    const struct ask_statistics *s;
    struct arena *arena;
    struct stats_column columns[ASK_VARIABLES];
    int64_t rows;
    json_t *columns_json, *rows_json;         /* the main table */
    json_t *statistics, *assumptions, *alternatives, *warnings, *dropped, *figure, *value, *recoding, *notes;
    int64_t n;
    const char *test;
    struct buf why;
    bool ok;
};

/* Which test: the first rule whose facts hold (choose.c). */
enum analysis_fact {
    FACT_TWO_GROUPS = 1, FACT_SMALL_NOT_NORMAL = 2, FACT_ORDINAL = 4, FACT_UNEQUAL = 8, FACT_SPARSE = 16, FACT_MEDIANS = 32, FACT_SKEWED = 64, FACT_LARGE = 128, FACT_CATEGORY = 256
};
struct analysis_choice {
    enum ask_family family;
    unsigned needs, refuses;
    const char *name;
    enum err_code (*test)(const struct stats_column *a, const struct stats_column *b, const struct stats_options *options, struct stats_result *ret, struct err *err);
    const char *why;
    const char *other_name; /* what else could have been taken */
    enum err_code (*other)(const struct stats_column *a, const struct stats_column *b, const struct stats_options *options, struct stats_result *ret, struct err *err);
    bool ranks;
};
const struct analysis_choice *analysis_choose(enum ask_family family, unsigned facts);

/* ---- the columns (analyse.c) ---- */
size_t analysis_find(const struct analysis *a, enum ask_part part); /* index of the first, or ASK_NONE */
struct analysis_level {
    double code;
    int64_t n;
    const char *name;
};
/* Levels of a category over rows in which every listed column has a value, ascending by code; NULL: no memory. */
struct analysis_level *analysis_levels(struct analysis *a, const struct stats_column *category, const struct stats_column *also, size_t *ret_count);
/* The category with other levels than these two blanked. */
struct stats_column analysis_pair(struct analysis *a, const struct stats_column *category, double one, double two);
/* Values of one level (NaN: of all rows) that are there, ascending; arena. */
double *analysis_sorted(struct analysis *a, const struct stats_column *value, const struct stats_column *group, double code, int64_t *ret_count);
double analysis_skewness(const double *values, int64_t count);
bool analysis_has(double value);

/* ---- the answer (analyse.c) ---- */
void analysis_warn(struct analysis *a, const char *format, ...) PRINTF_LIKE(2, 3);
void analysis_why(struct analysis *a, const char *format, ...) PRINTF_LIKE(2, 3);
void analysis_assume(struct analysis *a, const char *name, int held, const char *format, ...) PRINTF_LIKE(4, 5); /* held -1: not testable */
void analysis_alternative(struct analysis *a, const char *name, double p, double main_p);
json_t *analysis_statistic(struct analysis *a, const struct stats_result *result); /* added to statistics; borrowed */
json_t *analysis_term(struct analysis *a, const char *test, const struct stats_term *term, bool ratio);
void analysis_columns(struct analysis *a, const char *const *names, size_t count);
json_t *analysis_row(struct analysis *a); /* a new row, borrowed */
json_t *analysis_number(double value);    /* null where there is none */
void analysis_dropped(struct analysis *a, const struct stats_result *result); /* n, dropped, warning of missingness */
void analysis_note(struct analysis *a, const char *format, ...) PRINTF_LIKE(2, 3); /* how it was computed: no objection */
void analysis_notes(struct analysis *a, const struct stats_result *result);
/* Quartiles, whiskers and ends of ascending values, as one of a figure's boxes. */
void analysis_box(struct analysis *a, json_t *items, const char *label, const double *sorted, int64_t n);
const char *analysis_p(double p, char ret[32]); /* "p = 0.012", "p < 0.001" */
void analysis_small_groups(struct analysis *a, const char *name, const struct analysis_level *levels, size_t count);
const char *analysis_label(const struct analysis *a, size_t variable);

/* ---- which code is the event (analyse_events.c) ---- */
enum err_code analysis_time_event(struct analysis *a, size_t event, struct stats_options *ret, struct err *err) WARN_UNUSED;
/* The outcome as 0 and 1. */
enum err_code analysis_binary(struct analysis *a, size_t outcome, struct stats_column *ret, struct err *err) WARN_UNUSED;

/* ---- the families ---- */
enum err_code analyse_number_by_group(struct analysis *a, struct err *err) WARN_UNUSED;
enum err_code analyse_category_by_group(struct analysis *a, struct err *err) WARN_UNUSED;
enum err_code analyse_correlation(struct analysis *a, struct err *err) WARN_UNUSED;
enum err_code analyse_normality(struct analysis *a, struct err *err) WARN_UNUSED;
enum err_code analyse_model(struct analysis *a, struct err *err) WARN_UNUSED;
enum err_code analyse_curves(struct analysis *a, struct err *err) WARN_UNUSED;
enum err_code analyse_stratified(struct analysis *a, struct err *err) WARN_UNUSED;
enum err_code analyse_paired(struct analysis *a, struct err *err) WARN_UNUSED;
enum err_code analyse_table_one(struct analysis *a, struct err *err) WARN_UNUSED;

#endif
