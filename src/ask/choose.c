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

/* needs: all of these; one of several reasons is a line each. */
static const struct analysis_choice choices[] = {
    {ASK_NUMBER_BY_GROUP, FACT_TWO_GROUPS | FACT_MEDIANS, 0, "Mann–Whitney test",
     stats_mann_whitney, "medians are asked for: ranks are compared, not means",
     "Welch two-sample t-test", stats_t_test, true},
    {ASK_NUMBER_BY_GROUP, FACT_TWO_GROUPS | FACT_ORDINAL, 0, "Mann–Whitney test",
     stats_mann_whitney, "the outcome is a scale of few steps: ranks are compared, not means",
     "Welch two-sample t-test", stats_t_test, true},
    {ASK_NUMBER_BY_GROUP, FACT_TWO_GROUPS | FACT_SMALL_NOT_NORMAL, 0, "Mann–Whitney test",
     stats_mann_whitney, "a group has fewer than 30 values and they are not normal",
     "Welch two-sample t-test", stats_t_test, true},
    {ASK_NUMBER_BY_GROUP, FACT_TWO_GROUPS, 0, "Welch two-sample t-test", stats_t_test,
     "two groups of a number: means are compared without taking the variances as equal",
     "Mann–Whitney test", stats_mann_whitney, false},
    {ASK_NUMBER_BY_GROUP, FACT_MEDIANS, FACT_TWO_GROUPS, "Kruskal–Wallis test",
     stats_kruskal_wallis, "medians are asked for: ranks are compared, not means",
     "Welch's analysis of variance", stats_anova_welch, true},
    {ASK_NUMBER_BY_GROUP, FACT_ORDINAL, FACT_TWO_GROUPS, "Kruskal–Wallis test",
     stats_kruskal_wallis, "the outcome is a scale of few steps: ranks are compared, not means",
     "Welch's analysis of variance", stats_anova_welch, true},
    {ASK_NUMBER_BY_GROUP, FACT_SMALL_NOT_NORMAL, FACT_TWO_GROUPS, "Kruskal–Wallis test",
     stats_kruskal_wallis, "a group has fewer than 30 values and they are not normal",
     "Welch's analysis of variance", stats_anova_welch, true},
    {ASK_NUMBER_BY_GROUP, FACT_UNEQUAL, FACT_TWO_GROUPS, "Welch's analysis of variance",
     stats_anova_welch, "more than two groups of a number whose variances differ",
     "Kruskal–Wallis test", stats_kruskal_wallis, false},
    {ASK_NUMBER_BY_GROUP, 0, FACT_TWO_GROUPS, "analysis of variance", stats_anova,
     "more than two groups of a number whose variances do not differ visibly",
     "Kruskal–Wallis test", stats_kruskal_wallis, false},
    {ASK_CATEGORY_BY_GROUP, FACT_SPARSE, FACT_LARGE, "Fisher's exact test", stats_fisher,
     "two categories, and an expected count is under 5", "χ² test", stats_chi_squared, false},
    {ASK_CATEGORY_BY_GROUP, 0, 0, "χ² test", stats_chi_squared,
     "two categories with expected counts that are large enough", "Fisher's exact test",
     stats_fisher, false},
    {ASK_CORRELATION, FACT_ORDINAL, 0, "Spearman's rank correlation", stats_spearman,
     "one of the two is a scale of few steps: ranks are correlated", "Pearson's correlation",
     stats_pearson, true},
    {ASK_CORRELATION, FACT_SKEWED, 0, "Spearman's rank correlation", stats_spearman,
     "one of the two is skewed or has far outliers: ranks are correlated", "Pearson's correlation",
     stats_pearson, true},
    {ASK_CORRELATION, 0, 0, "Pearson's correlation", stats_pearson,
     "two numbers without strong skew or far outliers", "Spearman's rank correlation",
     stats_spearman, false},
    {ASK_PAIRED, FACT_CATEGORY | FACT_SPARSE, 0, "McNemar's test", mcnemar_exact,
     "the same patients' answers, few of which changed: exactly by the binomial distribution",
     "McNemar's χ² test", stats_mcnemar, false},
    {ASK_PAIRED, FACT_CATEGORY, 0, "McNemar's test", stats_mcnemar,
     "the same patients' answers: those that changed one way against the other",
     "McNemar's exact test", mcnemar_exact, false},
    {ASK_PAIRED, 0, FACT_TWO_GROUPS, "Friedman test", NULL,
     "three or more measurements of the same patients: ranks within each patient", NULL, NULL,
     true},
    {ASK_PAIRED, FACT_MEDIANS, 0, "Wilcoxon signed rank test", stats_signed_rank,
     "medians are asked for: the differences are ranked", "paired t-test", stats_t_test_paired,
     true},
    {ASK_PAIRED, FACT_ORDINAL, 0, "Wilcoxon signed rank test", stats_signed_rank,
     "a scale of few steps: the differences are ranked", "paired t-test", stats_t_test_paired,
     true},
    {ASK_PAIRED, FACT_SMALL_NOT_NORMAL, 0, "Wilcoxon signed rank test", stats_signed_rank,
     "fewer than 30 pairs, whose differences are not normal", "paired t-test", stats_t_test_paired,
     true},
    {ASK_PAIRED, 0, 0, "paired t-test", stats_t_test_paired,
     "two measurements of the same patients: the mean of their differences",
     "Wilcoxon signed rank test", stats_signed_rank, false},
};

const struct analysis_choice *analysis_choose(enum ask_family family, unsigned facts)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (choices[i].family == family && (facts & choices[i].needs) == choices[i].needs &&
            (facts & choices[i].refuses) == 0)
            return &choices[i];
    return NULL;
}
