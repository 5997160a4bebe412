/* Which test answers a question: a table, read from the top; the first line of the family whose
 * facts hold. What each fact means is measured in analyse_groups.c and analyse_correlation.c, and
 * said among the assumptions. */
#include "ask/analysis_priv.h"

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
     "one of the two is skewed or has far outliers: ranks are correlated",
     "Pearson's correlation", stats_pearson, true},
    {ASK_CORRELATION, 0, 0, "Pearson's correlation", stats_pearson,
     "two numbers without strong skew or far outliers", "Spearman's rank correlation",
     stats_spearman, false},
};

const struct analysis_choice *analysis_choose(enum ask_family family, unsigned facts)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (choices[i].family == family && (facts & choices[i].needs) == choices[i].needs &&
            (facts & choices[i].refuses) == 0)
            return &choices[i];
    return NULL;
}
