/* Which test answers a question: a table, read from the top; the first line of the family whose
 * facts hold. What each fact means is measured in analyse_groups.c and analyse_correlation.c, and
 * said among the assumptions. */
#include "ask/analysis_priv.h"

/* Few answers that changed: the binomial distribution itself. */
static enum err_code mcnemar_exact(const struct stats_column *a, const struct stats_column *b,
                                   const struct stats_options *options, struct stats_result *ret,
                                   struct err *err)
{
    (void)options;
    return stats_mcnemar(a, b, &(struct stats_options){.exact = STATS_EXACT_ALWAYS}, ret, err);
}

/* A test: what it is called, and its function. */
#define T_TEST "Welch two-sample t-test", stats_t_test
#define MANN_WHITNEY "Mann–Whitney test", stats_mann_whitney
#define ANOVA "analysis of variance", stats_anova
#define WELCH_ANOVA "Welch's analysis of variance", stats_anova_welch
#define KRUSKAL_WALLIS "Kruskal–Wallis test", stats_kruskal_wallis
#define CHI_SQUARED "χ² test", stats_chi_squared
#define FISHER "Fisher's exact test", stats_fisher
#define PEARSON "Pearson's correlation", stats_pearson
#define SPEARMAN "Spearman's rank correlation", stats_spearman
#define PAIRED_T "paired t-test", stats_t_test_paired
#define SIGNED_RANK "Wilcoxon signed rank test", stats_signed_rank
#define MCNEMAR "McNemar's test", stats_mcnemar
#define MCNEMAR_EXACT "McNemar's test", mcnemar_exact
#define FRIEDMAN "Friedman test", NULL /* of more columns than two: analyse_paired.c */
#define NO_OTHER NULL, NULL
/* Three reasons for ranks in place of means. */
#define RANKS(family, needs, refuses, ranks, means, small)                                         \
    {family, (needs) | FACT_MEDIANS, refuses, ranks,                                               \
     "medians are asked for: ranks are compared, not means", means, true},                         \
        {family, (needs) | FACT_ORDINAL, refuses, ranks,                                           \
         "the outcome is a scale of few steps: ranks are compared, not means", means, true},       \
        {family, (needs) | FACT_SMALL_NOT_NORMAL, refuses, ranks, small, means, true}
#define SMALL_GROUP "a group has fewer than 30 values and they are not normal"

/* needs: all of these; one of several reasons is a line each. */
static const struct analysis_choice choices[] = {
    RANKS(ASK_NUMBER_BY_GROUP, FACT_TWO_GROUPS, 0, MANN_WHITNEY, T_TEST, SMALL_GROUP),
    {ASK_NUMBER_BY_GROUP, FACT_TWO_GROUPS, 0, T_TEST,
     "two groups of a number: means are compared without taking the variances as equal",
     MANN_WHITNEY, false},
    RANKS(ASK_NUMBER_BY_GROUP, 0, FACT_TWO_GROUPS, KRUSKAL_WALLIS, WELCH_ANOVA, SMALL_GROUP),
    {ASK_NUMBER_BY_GROUP, FACT_UNEQUAL, FACT_TWO_GROUPS, WELCH_ANOVA,
     "more than two groups of a number whose variances differ", KRUSKAL_WALLIS, false},
    {ASK_NUMBER_BY_GROUP, 0, FACT_TWO_GROUPS, ANOVA,
     "more than two groups of a number whose variances do not differ visibly", KRUSKAL_WALLIS,
     false},
    {ASK_CATEGORY_BY_GROUP, FACT_SPARSE, FACT_LARGE, FISHER,
     "two categories, and an expected count is under 5", CHI_SQUARED, false},
    {ASK_CATEGORY_BY_GROUP, 0, 0, CHI_SQUARED,
     "two categories with expected counts that are large enough", FISHER, false},
    {ASK_CORRELATION, FACT_ORDINAL, 0, SPEARMAN,
     "one of the two is a scale of few steps: ranks are correlated", PEARSON, true},
    {ASK_CORRELATION, FACT_SKEWED, 0, SPEARMAN,
     "one of the two is skewed or has far outliers: ranks are correlated", PEARSON, true},
    {ASK_CORRELATION, 0, 0, PEARSON, "two numbers without strong skew or far outliers", SPEARMAN,
     false},
    {ASK_PAIRED, FACT_CATEGORY | FACT_SPARSE, 0, MCNEMAR_EXACT,
     "the same patients' answers, few of which changed: exactly by the binomial distribution",
     NO_OTHER, false},
    {ASK_PAIRED, FACT_CATEGORY, 0, MCNEMAR,
     "the same patients' answers: those that changed one way against the other", NO_OTHER, false},
    {ASK_PAIRED, 0, FACT_TWO_GROUPS, FRIEDMAN,
     "three or more measurements of the same patients: ranks within each patient", NO_OTHER, true},
    RANKS(ASK_PAIRED, 0, 0, SIGNED_RANK, PAIRED_T,
          "fewer than 30 pairs, whose differences are not normal"),
    {ASK_PAIRED, 0, 0, PAIRED_T,
     "two measurements of the same patients: the mean of their differences", SIGNED_RANK, false},
};

const struct analysis_choice *analysis_choose(enum ask_family family, unsigned facts)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (choices[i].family == family && (facts & choices[i].needs) == choices[i].needs &&
            (facts & choices[i].refuses) == 0)
            return &choices[i];
    return NULL;
}
