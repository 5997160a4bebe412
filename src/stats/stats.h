/* The statistics layer's door: pure numerics over columns of doubles. One call is one test or
 * model; every call fills the same struct stats_result, so that one printer shows them all.
 * docs/STATISTICS.md gives for each the formula, the source, the function of R that it equals, and
 * the rule for ties.
 *
 *     const char *const sexes[] = {"female", "male"};
 *     struct stats_column age = {.name = "age", .values = ages, .rows = n};
 *     struct stats_column sex = {.name = "sex", .values = codes, .rows = n,
 *                                .category = true, .labels = sexes, .label_count = 2};
 *     AUTO(stats_result_done) struct stats_result result = {0};
 *     TRY(stats_t_test(&age, &sex, NULL, &result, err)); // .statistic .df .p .low .high .notes
 *
 * Of every function here: columns of one call have equally many rows; a row that lacks a value
 * (NaN, or infinite) in any column of the call is left out, and counted in result.dropped by the
 * first column that lacks it. A number that does not exist is NaN. options NULL or zero: defaults.
 * On an error *ret is empty. Errors: ERR_INPUT, the data can't answer (too few rows, one group, no
 * variation; the line names the column and what is missing, never a value); ERR_USAGE, the call is
 * wrong; ERR_LIMIT, a limit below was passed; ERR_UNSUPPORTED, GSL is not installed; ERR_MEMORY.
 * Any thread; nothing is kept between calls. Same rows in any order: same answer, to rounding. */
#ifndef MARROW_STATS_STATS_H
#define MARROW_STATS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define STATS_ROWS_MAX ((int64_t)1 << 30)
#define STATS_LEVELS_MAX 1000  /* distinct values of a category */
#define STATS_GROUPS_MAX 100   /* groups of a log-rank test or of survival curves */
#define STATS_TERMS_MAX 300    /* coefficients of a model */
#define STATS_CELLS_MAX 100000 /* cells of a table of counts */
#define STATS_SHAPIRO_MAX 5000 /* rows of Shapiro–Wilk: the approximation's published range */
/* Fisher's test: possible tables of 2 × 2; of r × c pieces of work held, and steps between them. Beyond is a
 * refusal, never an approximation. */
#define STATS_FISHER_SUPPORT_MAX 1000000
#define STATS_FISHER_NODES_MAX 2000000
#define STATS_FISHER_STEPS_MAX 10000000

/* A column as the caller holds it; nothing is copied or kept. */
struct stats_column {
    const char *name;     /* for terms, notes and errors */
    const double *values; /* NaN: missing */
    int64_t rows;
    /* Values are codes: each distinct code is a level, in ascending order; the first is the reference. */
    bool category;
    /* The text of code 0, 1 …; a NULL, or a code beyond, is its own text. */
    const char *const *labels;
    size_t label_count;
};

/* Of event times in Cox's model; of a survival curve's interval; of p in rank tests (auto: R's rule);
 * of Levene's test (about the median it is Brown and Forsythe's). */
enum stats_ties { STATS_EFRON, STATS_BRESLOW };
enum stats_interval { STATS_LOG, STATS_LOG_LOG, STATS_PLAIN };
enum stats_exactness { STATS_EXACT_AUTO, STATS_EXACT_ALWAYS, STATS_EXACT_NEVER };
enum stats_center { STATS_MEDIAN, STATS_MEAN };
enum stats_adjust_method { STATS_HOLM, STATS_BENJAMINI_HOCHBERG };

/* Zero is the default of each. */
struct stats_options {
    double level;        /* of confidence intervals, in (0, 1); 0: 0.95 */
    bool equal_variance; /* t-test: Student's, not Welch's */
    bool no_continuity;  /* Mann–Whitney, signed ranks, χ² (2 × 2), McNemar, Mantel–Haenszel: no continuity correction */
    enum stats_exactness exact; /* Mann–Whitney, signed ranks, Spearman; McNemar: always or not */
    enum stats_center center;
    enum stats_ties ties;
    enum stats_interval interval;
    const struct stats_column *strata; /* log-rank, Cox and its check: within its levels */
    bool has_event_value; /* the code of event that means it happened; all others: censored */
    double event_value;
};

struct stats_dropped {
    const char *reason; /* "age is missing", "age is not finite" */
    int64_t n;
};

/* One estimated quantity: a difference, a coefficient, a correlation. */
struct stats_term {
    const char *name; /* "(intercept)", "age", "sex: male", "difference in means" */
    double value, se, low, high;
    double ratio, ratio_low, ratio_high; /* odds or hazard ratio, exp of the above; else NaN */
    double statistic, df, p; /* of value = 0: t with df, or z (df NaN) */
    bool aliased;            /* a linear combination of earlier terms: not estimated */
    bool infinite; /* separation, monotone likelihood: value is ±infinity, no se, no interval */
};

/* One group described. */
struct stats_group {
    const char *name;                         /* the level's text; "all" without groups */
    int64_t n, missing;                       /* rows with and without a value */
    double mean, sd, se, mean_low, mean_high; /* t interval */
    double min, q1, median, q3, max;          /* quantiles of type 7 */
    double proportion;                        /* of all rows with a value (categories), else NaN */
    int64_t events;                           /* survival */
    double observed, expected;                /* log-rank */
    double median_low, median_high;           /* survival: interval of the median time */
    double rank_sum;                          /* rank tests */
};

/* One step of a survival curve: each distinct time of an event or of censoring. */
struct stats_point {
    size_t group; /* index in groups */
    double time;
    int64_t at_risk, events, censored;
    double survival, se, low, high; /* se: of survival (Greenwood) */
};

struct stats_number { /* a figure of its own: "r squared", "log likelihood" */
    const char *name;
    double value;
};

struct stats_result {
    const char *test; /* "Welch two-sample t-test" */
    const char *method;   /* how p was had: "exact", "chi-squared approximation" … */
    double level;         /* of all intervals here */
    int64_t n;            /* rows used */
    int64_t dropped_rows; /* rows left out, the sum over dropped */
    const struct stats_dropped *dropped;
    size_t dropped_count;
    const char *statistic_name; /* "t", "W", "F", "chi-squared" … NULL: no test */
    double statistic, df, df2, p;
    const char *estimate_name; /* of the headline estimate; NULL: none */
    double estimate, low, high;
    const struct stats_term *terms;
    size_t term_count;
    const struct stats_group *groups;
    size_t group_count;
    const struct stats_point *points; /* by group, then time */
    size_t point_count;
    const struct stats_number *numbers;
    size_t number_count;
    const char *const *notes; /* what a reader must know: ties, small counts, recoding … */
    size_t note_count;
    bool not_converged;  /* an iteration stopped at its limit: do not trust the estimates */
    bool separated;      /* a term is infinite: separation (logistic), monotone likelihood (Cox) */
    struct arena *arena; /* owns all of the above */
};
/* Frees what a result holds and empties it; an empty one is allowed. */
void stats_result_done(struct stats_result *result);
static inline void auto_stats_result_done(struct stats_result *result)
{
    stats_result_done(result);
}
/* The figure of that name, or NaN. */
double stats_result_number(const struct stats_result *result, const char *name);

/* ---- description -------------------------------------------------------------------------- */

/* n, missing, mean with t interval, sd, se, min, quartiles, max, for each level of group (NULL: of
 * all). Mean by two passes, mean ± qt((1+level)/2, n-1)·sd/√n. R: mean, sd, quantile (type 7),
 * t.test(x)$conf.int. Numbers of groups[]; no test. A value that is missing counts in its group's
 * missing, not in dropped; a row without a group is dropped. */
enum err_code stats_describe(const struct stats_column *value, const struct stats_column *group,
                             const struct stats_options *options, struct stats_result *ret,
                             struct err *err) WARN_UNUSED;
/* n and proportion of each level of a category: groups[] in order of code. R: table, prop.table. */
enum err_code stats_frequencies(const struct stats_column *category,
                                const struct stats_options *options, struct stats_result *ret,
                                struct err *err) WARN_UNUSED;
/* Quantile p of count ascending values: type 7 of Hyndman & Fan 1996, h = (count-1)p, R's default.
 * count ≥ 1, 0 ≤ p ≤ 1. */
double stats_quantile(const double *sorted, int64_t count, double p);

/* ---- two or more groups, a number --------------------------------------------------------- */

/* Two-sample t-test, two-sided: first level minus second. Welch 1947 with Satterthwaite's df, or
 * Student's (equal_variance). R: t.test(value ~ group). Headline: difference in means. */
enum err_code stats_t_test(const struct stats_column *value, const struct stats_column *group,
                           const struct stats_options *options, struct stats_result *ret,
                           struct err *err) WARN_UNUSED;
/* Paired t-test of a - b, two-sided. R: t.test(a, b, paired = TRUE). */
enum err_code stats_t_test_paired(const struct stats_column *a, const struct stats_column *b,
                                  const struct stats_options *options, struct stats_result *ret,
                                  struct err *err) WARN_UNUSED;
/* Wilcoxon's signed ranks of a - b, V, two-sided (Wilcoxon 1945). Pairs that do not differ have no
 * rank. Exact with fewer than 50 differences, none tied, none zero; else normal with corrections
 * for ties and continuity. Headline: the pseudomedian, the middle of the means of two differences
 * (Hodges & Lehmann 1963), with the interval that the test gives; none where too few differ.
 * R: wilcox.test(a, b, paired = TRUE, conf.int = TRUE). O(n log n), no memory of n². */
enum err_code stats_signed_rank(const struct stats_column *a, const struct stats_column *b,
                                const struct stats_options *options, struct stats_result *ret,
                                struct err *err) WARN_UNUSED;
/* Friedman 1937 of count columns (2 to STATS_GROUPS_MAX): ranks within each complete row, χ² with
 * count-1 df, corrected for ties. groups[]: each column described, rank_sum. Headline: Kendall's W.
 * R: friedman.test(cbind(a, b, c)). */
enum err_code stats_friedman(const struct stats_column *columns, size_t count,
                             const struct stats_options *options, struct stats_result *ret,
                             struct err *err) WARN_UNUSED;
/* Mann–Whitney U (Wilcoxon rank sum), W of the first level, two-sided. Exact when both groups are
 * under 50 and nothing is tied, else normal with corrections for ties and continuity. R:
 * wilcox.test(value ~ group). Headline: W/(n1 n2), the probability that a value of the first level
 * is the larger, ties a half (no interval). */
enum err_code stats_mann_whitney(const struct stats_column *value, const struct stats_column *group,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err) WARN_UNUSED;
/* One-way analysis of variance. R: anova(lm(value ~ factor(group))). Headline: eta squared. */
enum err_code stats_anova(const struct stats_column *value, const struct stats_column *group,
                          const struct stats_options *options, struct stats_result *ret,
                          struct err *err) WARN_UNUSED;
/* Welch 1951, unequal variances. R: oneway.test(value ~ group). */
enum err_code stats_anova_welch(const struct stats_column *value, const struct stats_column *group,
                                const struct stats_options *options, struct stats_result *ret,
                                struct err *err) WARN_UNUSED;
/* Kruskal–Wallis with correction for ties, χ² with k-1 df. R: kruskal.test(value ~ group). */
enum err_code stats_kruskal_wallis(const struct stats_column *value,
                                   const struct stats_column *group,
                                   const struct stats_options *options, struct stats_result *ret,
                                   struct err *err) WARN_UNUSED;
/* Equal variances? Levene 1960 about the median (Brown & Forsythe 1974) or the mean
 * (options.center): the analysis of variance of |value - center|. R: car::leveneTest. */
enum err_code stats_levene(const struct stats_column *value, const struct stats_column *group,
                           const struct stats_options *options, struct stats_result *ret,
                           struct err *err) WARN_UNUSED;
/* Bartlett 1937. R: bartlett.test(value ~ group). */
enum err_code stats_bartlett(const struct stats_column *value, const struct stats_column *group,
                             const struct stats_options *options, struct stats_result *ret,
                             struct err *err) WARN_UNUSED;
/* Ratio of two variances, first level over second, F. R: var.test(value ~ group). */
enum err_code stats_variance_ratio(const struct stats_column *value,
                                   const struct stats_column *group,
                                   const struct stats_options *options, struct stats_result *ret,
                                   struct err *err) WARN_UNUSED;
/* Normal? Shapiro–Wilk by Royston 1995 (AS R94), 3 to 5,000 values. R: shapiro.test(value). */
enum err_code stats_shapiro_wilk(const struct stats_column *value,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err) WARN_UNUSED;

/* ---- counts ------------------------------------------------------------------------------- */

/* A table of counts by row, count(r, c) = counts[r * columns + c]: for callers whose engine has
 * counted already. */
struct stats_table {
    const char *row_name, *column_name;
    const double *counts; /* whole, ≥ 0 */
    size_t rows, columns;
};
/* Pearson's χ² of independence; 2 × 2: Yates' correction (at most |observed - expected|). Empty
 * rows and columns are refused. Notes expected counts under 5. R: chisq.test(table(a, b)).
 * Headline: Cramér's V. a, b are taken as categories. */
enum err_code stats_chi_squared(const struct stats_column *a, const struct stats_column *b,
                                const struct stats_options *options, struct stats_result *ret,
                                struct err *err) WARN_UNUSED;
enum err_code stats_chi_squared_table(const struct stats_table *table,
                                      const struct stats_options *options, struct stats_result *ret,
                                      struct err *err) WARN_UNUSED;
/* Fisher's exact test, two-sided: the sum over tables of the same margins that are no likelier than
 * this (relative 1e-7). 2 × 2: the conditional maximum likelihood odds ratio with its exact
 * interval, solved to 1e-12 (R stops at 1e-4). r × c: a network algorithm after Mehta & Patel 1983;
 * ERR_LIMIT past STATS_FISHER_NODES_MAX. R: fisher.test(table(a, b)). */
enum err_code stats_fisher(const struct stats_column *a, const struct stats_column *b,
                           const struct stats_options *options, struct stats_result *ret,
                           struct err *err) WARN_UNUSED;
enum err_code stats_fisher_table(const struct stats_table *table,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err) WARN_UNUSED;
/* Mantel & Haenszel 1959 over strata: the common odds ratio of b's second level in a's second against
 * the first, both of two levels; χ² with continuity correction; interval by Robins, Breslow &
 * Greenland 1986. Strata of one row are left out (noted). Numbers "Woolf", "Woolf p": do the strata
 * differ (Woolf 1955, ½ added to each count). R: mantelhaen.test(table(a, b, strata)). */
enum err_code stats_mantel_haenszel(const struct stats_column *a, const struct stats_column *b,
                                    const struct stats_column *strata,
                                    const struct stats_options *options, struct stats_result *ret,
                                    struct err *err) WARN_UNUSED;
/* McNemar (two levels, continuity correction) and Bowker's symmetry (more). a, b: the two answers
 * of each row; the levels are those of both. R: mcnemar.test(table(a, b)). STATS_EXACT_ALWAYS, two
 * levels: no statistic, p of the binomial distribution of the pairs that differ, two-sided. R:
 * binom.test(b, b + c). */
enum err_code stats_mcnemar(const struct stats_column *a, const struct stats_column *b,
                            const struct stats_options *options, struct stats_result *ret,
                            struct err *err) WARN_UNUSED;
enum err_code stats_mcnemar_table(const struct stats_table *table,
                                  const struct stats_options *options, struct stats_result *ret,
                                  struct err *err) WARN_UNUSED;

/* ---- two numbers -------------------------------------------------------------------------- */

/* Pearson's r, t with n-2 df, interval by Fisher's z (n ≥ 4). R: cor.test(a, b). */
enum err_code stats_pearson(const struct stats_column *a, const struct stats_column *b,
                            const struct stats_options *options, struct stats_result *ret,
                            struct err *err) WARN_UNUSED;
/* Spearman's rho, S. Without ties and n < 1,290: exact to n = 9, Edgeworth's series beyond (AS 89,
 * Best & Roberts 1975), as R; else t with n-2 df. R: cor.test(a, b, method = "spearman"). */
enum err_code stats_spearman(const struct stats_column *a, const struct stats_column *b,
                             const struct stats_options *options, struct stats_result *ret,
                             struct err *err) WARN_UNUSED;

/* ---- models ------------------------------------------------------------------------------- */

/* Least squares with intercept; categories by treatment contrasts. t intervals; numbers "r
 * squared", "adjusted r squared", "sigma"; header: the F test of all terms. A term that is a
 * combination of earlier ones (relative 1e-7, as R's qr) is aliased and noted. R: lm. Memory: of
 * terms², not of rows × terms (blocked Householder QR). */
enum err_code stats_linear(const struct stats_column *outcome,
                           const struct stats_column *predictors, size_t predictor_count,
                           const struct stats_options *options, struct stats_result *ret,
                           struct err *err) WARN_UNUSED;
/* Logistic regression by iteratively reweighted least squares. Outcome: two values, the higher is
 * the event (stated in a note), or has_event_value. Wald z, p and intervals (as R's
 * confint.default); ratio: odds ratio. Numbers "log likelihood", "null deviance", "deviance",
 * "aic"; header: likelihood-ratio χ² against the intercept alone. Separation (Albert & Anderson
 * 1984) is found by linear predictors that keep moving while the deviance stands: such terms are
 * infinite, separated is set, a note names them. R: glm(family = binomial). */
enum err_code stats_logistic(const struct stats_column *outcome,
                             const struct stats_column *predictors, size_t predictor_count,
                             const struct stats_options *options, struct stats_result *ret,
                             struct err *err) WARN_UNUSED;

/* ---- time to an event --------------------------------------------------------------------- */

/* Event codes, as all functions below read them: {0,1} and {false,true}: 1 is the event; {1,2}: 2
 * is; a category of two labels of the usual words (alive, censored, no … dead, died, event, yes …);
 * options.event_value: that one, all others censored; all of one code: 0 none, 1 all. Anything
 * else: ERR_INPUT with a hint. *ret_note (static or in arena): the recoding in words. ret[r]: 0, 1
 * or NaN. */
enum err_code stats_event_codes(const struct stats_column *event,
                                const struct stats_options *options, struct arena *arena,
                                double *ret, const char **ret_note, struct err *err) WARN_UNUSED;
/* Kaplan & Meier 1958 for each level of group (NULL: of all): points[], and groups[] with n,
 * events, median and its interval. Greenwood's variance; intervals log (as survival's), log-log or
 * plain. The median is the first time at which the curve is below a half; at exactly a half, the
 * middle of the step (Brookmeyer & Crowley 1982; NaN: not reached). Times within a relative 1.5e-8
 * are tied, as survival's timefix. R: survfit. O(n log n); memory 100 bytes a row. */
enum err_code stats_kaplan_meier(const struct stats_column *time, const struct stats_column *event,
                                 const struct stats_column *group,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err) WARN_UNUSED;
/* The step of group that holds at time; NULL: before the first, where survival is 1. */
const struct stats_point *stats_curve_at(const struct stats_result *curve, size_t group,
                                         double time);
/* Log-rank test of two or more groups (Mantel 1966, hypergeometric variance), χ² with k-1 df;
 * groups[] have observed, expected. R: survdiff. */
enum err_code stats_log_rank(const struct stats_column *time, const struct stats_column *event,
                             const struct stats_column *group, const struct stats_options *options,
                             struct stats_result *ret, struct err *err) WARN_UNUSED;
/* Cox 1972 by Newton's method, ties by Efron 1977 or Breslow 1974. Wald z, p, intervals; ratio:
 * hazard ratio. Numbers "log likelihood", "null log likelihood", "wald", "score", "concordance",
 * "events"; header: likelihood-ratio χ². A monotone likelihood is found as separation is. R: coxph.
 * O(n log n + n terms² a step); memory 8 bytes × rows × (terms + 4). */
enum err_code stats_cox(const struct stats_column *time, const struct stats_column *event,
                        const struct stats_column *predictors, size_t predictor_count,
                        const struct stats_options *options, struct stats_result *ret,
                        struct err *err) WARN_UNUSED;
/* Do the hazards stay proportional? The score test of Grambsch & Therneau 1994 for each predictor
 * (terms[]: statistic, df, p) and for all (header), time as 1 - Kaplan–Meier. R: cox.zph of
 * survival 3 or newer (coxph with the same ties). */
enum err_code stats_cox_zph(const struct stats_column *time, const struct stats_column *event,
                            const struct stats_column *predictors, size_t predictor_count,
                            const struct stats_options *options, struct stats_result *ret,
                            struct err *err) WARN_UNUSED;

/* ---- balance, many tests ------------------------------------------------------------------ */

/* Standardised mean difference of the first level of group against the second. Number:
 * (m1-m2)/√((s1²+s2²)/2), Austin 2009, signed. Category: the Mahalanobis distance of the
 * proportions, Yang & Dalton 2012, ≥ 0. More than two groups: the mean over all pairs of |smd|;
 * terms[] have each pair. Interval (two groups): ± z·√((n1+n2)/(n1 n2) + d²/(2(n1+n2))), Hedges &
 * Olkin 1985. */
enum err_code stats_smd(const struct stats_column *value, const struct stats_column *group,
                        const struct stats_options *options, struct stats_result *ret,
                        struct err *err) WARN_UNUSED;
/* p-values adjusted for their number: Holm 1979 (family-wise), Benjamini & Hochberg 1995 (false
 * discovery). NaN stays NaN and does not count. ret may be p. R: p.adjust. */
enum err_code stats_adjust(const double *p, size_t count, enum stats_adjust_method method,
                           double *ret, struct err *err) WARN_UNUSED;

#endif
