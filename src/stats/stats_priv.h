/* What the families of tests share: the work in progress, complete rows, levels, ranks, moments,
 * distributions, small symmetric matrices. */
#ifndef MARROW_STATS_STATS_PRIV_H
#define MARROW_STATS_STATS_PRIV_H

#include <math.h>

#include "base/str.h"
#include "stats/stats.h"

/* ---- work.c: one call in progress --------------------------------------------------------- */

#define WORK_NOTES 64
#define WORK_NUMBERS 24

struct work {
    struct stats_result *ret;
    struct stats_options options;
    struct arena *arena; /* scratch, freed at the end; what a result keeps is of ret->arena */
    struct err *err;
    const char **notes;
    struct stats_number *numbers;
};
/* Empties ret, loads GSL, checks the options. */
enum err_code work_begin(struct work *work, const char *test, const struct stats_options *options,
                         struct stats_result *ret, struct err *err) WARN_UNUSED;
/* Frees the scratch; checks that memory lasted and that the numbers of the header are finite; on a
 * failure empties ret. Returns the code. */
enum err_code work_end(struct work *work, enum err_code code) WARN_UNUSED;
void *
work_array(struct work *work, int64_t count,
           size_t bytes); /* scratch, zeroed; NULL: out of memory (then the arena has failed) */
void work_note(struct work *work, const char *format, ...) PRINTF_LIKE(2, 3);
void work_number(struct work *work, const char *name, double value);
struct stats_term *work_terms(struct work *work, size_t count); /* all NaN; set term_count too */
struct stats_group *work_groups(struct work *work, size_t count);
const char *work_keep(struct work *work, const char *format, ...)
    PRINTF_LIKE(2, 3); /* a text that lives as long as the result */
enum err_code work_memory(struct work *work) WARN_UNUSED; /* ERR_MEMORY if an arena has failed */
enum err_code work_input(struct work *work, const char *format, ...)
    PRINTF_LIKE(2, 3); /* ERR_INPUT */
static inline void work_statistic(struct work *work, const char *name, double statistic, double df,
                                  double p)
{
    work->ret->statistic_name = name;
    work->ret->statistic = statistic;
    work->ret->df = df;
    work->ret->p = p;
}

/* ---- sample.c: complete rows, levels ------------------------------------------------------ */

struct sample {
    int64_t n;
    double **x;    /* x[column][0 … n-1] */
    int64_t *rows; /* their rows in the columns */
};
/* The rows that have a value in every column; sets n and dropped of the result. */
enum err_code sample_take(struct work *work, const struct stats_column *const *columns,
                          size_t count, struct sample *ret) WARN_UNUSED;

struct levels {
    size_t count;
    double *codes;      /* ascending */
    const char **names; /* of the result's arena */
    int64_t *n;         /* rows of each */
    uint32_t *index;    /* of each row */
};
enum err_code levels_find(struct work *work, const struct stats_column *column, const double *x,
                          int64_t n, size_t limit, struct levels *ret) WARN_UNUSED;
/* A number by groups: the values of level k are by[k][0 … levels.n[k]-1], in the order of rows. */
struct split {
    struct levels levels;
    double **by;
    double *value; /* all, in the order of rows */
    int64_t n;
};
/* exactly: that many levels; 0: two or more. */
enum err_code split_take(struct work *work, const struct stats_column *value,
                         const struct stats_column *group, size_t exactly,
                         struct split *ret) WARN_UNUSED;

/* ---- moment.c: sums, ranks, sorting ------------------------------------------------------- */

struct moments {
    int64_t n;
    double mean, variance; /* divisor n - 1; NaN for n < 2 */
};
struct moments moments_of(const double *x, int64_t n);
void sort_values(double *x, int64_t n);
struct keyed {
    double key;
    int64_t row;
};
void sort_keyed(struct keyed *keys, int64_t n); /* by key, then row */
/* Mid-ranks of x; *ret_ties: Σ(t³ - t) over ties. */
void ranks_of(struct work *work, const double *x, int64_t n, double *ret, double *ret_ties);
/* A group's description of its values (sorted in place). */
void group_describe(struct work *work, double *x, int64_t n, struct stats_group *ret);
/* Groups of the result from a split, each described. */
void groups_describe(struct work *work, const struct split *split);

/* ---- dist.c ------------------------------------------------------------------------------- */

double dist_normal_two(double z); /* P(|Z| ≥ |z|) */
double dist_normal_upper(double z);
double dist_normal_lower(double z);
double dist_normal_quantile(double p);
double dist_t_two(double t, double df); /* P(|T| ≥ |t|) */
double dist_t_quantile(double p, double df);
double dist_f_upper(double f, double df1, double df2);
double dist_f_lower(double f, double df1, double df2);
double dist_f_quantile(double p, double df1, double df2);
double dist_chisq_upper(double x, double df);
/* I_x(a, b), y = 1 - x given apart for its digits (beta.c), and its derivative. */
double dist_beta_lower(double a, double b, double x, double y);
double dist_beta_density(double a, double b, double x, double y);
double work_z(const struct work *work); /* the normal quantile of (1 + level) / 2 */

/* ---- matrix.c: symmetric, by row, p × p --------------------------------------------------- */

/* Cholesky factor L in the lower triangle of a, in place; a pivot under tolerance × its own
 * diagonal makes a zero column, which drops[] (may be NULL) marks. Returns the rank. */
size_t cholesky_factor(double *a, size_t p, double tolerance, bool *drops);
/* Solve (L L') x = b in place; components of dropped columns become 0. */
void cholesky_solve(const double *l, size_t p, double *b);
/* Inverse into ret (p × p, full); rows and columns of dropped ones 0. */
void cholesky_inverse(const double *l, size_t p, double *ret);

#endif
