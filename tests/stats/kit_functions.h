/* The functions of the door by the names that golden cases call them by. */
#ifndef MARROW_TESTS_STATS_KIT_FUNCTIONS_H
#define MARROW_TESTS_STATS_KIT_FUNCTIONS_H

#include "stats/stats_kit.h"

static const struct kit_function kit_functions[] = {
    {"describe", "value", "group", .two = stats_describe},
    {"frequencies", "value", NULL, .one = stats_frequencies},
    {"t_test", "value", "group", .two = stats_t_test},
    {"t_test_paired", "a", "b", .two = stats_t_test_paired},
    {"mann_whitney", "value", "group", .two = stats_mann_whitney},
    {"anova", "value", "group", .two = stats_anova},
    {"anova_welch", "value", "group", .two = stats_anova_welch},
    {"kruskal_wallis", "value", "group", .two = stats_kruskal_wallis},
    {"levene", "value", "group", .two = stats_levene},
    {"bartlett", "value", "group", .two = stats_bartlett},
    {"variance_ratio", "value", "group", .two = stats_variance_ratio},
    {"shapiro_wilk", "value", NULL, .one = stats_shapiro_wilk},
    {"chi_squared", "a", "b", .two = stats_chi_squared},
    {"chi_squared_table", NULL, NULL, .counts = stats_chi_squared_table},
    {"fisher", "a", "b", .two = stats_fisher},
    {"fisher_table", NULL, NULL, .counts = stats_fisher_table},
    {"mcnemar", "a", "b", .two = stats_mcnemar},
    {"mcnemar_table", NULL, NULL, .counts = stats_mcnemar_table},
    {"pearson", "a", "b", .two = stats_pearson},
    {"spearman", "a", "b", .two = stats_spearman},
    {"linear", "outcome", NULL, .model = stats_linear},
    {"logistic", "outcome", NULL, .model = stats_logistic},
};
static const size_t kit_function_count = sizeof kit_functions / sizeof *kit_functions;

#endif
