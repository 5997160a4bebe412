/* The functions of the door by the names that golden cases call them by. */
#ifndef MARROW_TESTS_STATS_KIT_FUNCTIONS_H
#define MARROW_TESTS_STATS_KIT_FUNCTIONS_H

#include "stats/stats_kit.h"

static inline enum err_code kit_adjust(const struct stats_column *value,
                                       enum stats_adjust_method method, struct stats_result *ret,
                                       struct err *err)
{
    size_t count = (size_t)value->rows;
    *ret = (struct stats_result){.arena = arena_new(0)};
    struct stats_number *numbers = arena_array(ret->arena, count + 1, sizeof *numbers);
    double *adjusted = arena_array(ret->arena, count + 1, sizeof *adjusted);
    TRY(stats_adjust(value->values, count, method, adjusted, err));
    for (size_t i = 0; i < count; i++)
        numbers[i] = (struct stats_number){arena_printf(ret->arena, "%zu", i + 1), adjusted[i]};
    ret->numbers = numbers;
    ret->number_count = count;
    return ERR_OK;
}

static inline enum err_code kit_adjust_holm(const struct stats_column *value,
                                            const struct stats_options *options,
                                            struct stats_result *ret, struct err *err)
{
    (void)options;
    return kit_adjust(value, STATS_HOLM, ret, err);
}

static inline enum err_code kit_adjust_bh(const struct stats_column *value,
                                          const struct stats_options *options,
                                          struct stats_result *ret, struct err *err)
{
    (void)options;
    return kit_adjust(value, STATS_BENJAMINI_HOCHBERG, ret, err);
}

static const struct kit_function kit_functions[] = {
    {"describe", "value", "group", .two = stats_describe},
    {"frequencies", "value", NULL, .one = stats_frequencies},
    {"t_test", "value", "group", .two = stats_t_test},
    {"t_test_paired", "a", "b", .two = stats_t_test_paired},
    {"signed_rank", "a", "b", .two = stats_signed_rank},
    {"friedman", NULL, NULL, .many = stats_friedman},
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
    {"kaplan_meier", "time", "event", .times = stats_kaplan_meier},
    {"log_rank", "time", "event", .times = stats_log_rank},
    {"mantel_haenszel", "a", "b", .times = stats_mantel_haenszel},
    {"cox", "time", "event", .hazards = stats_cox},
    {"cox_zph", "time", "event", .hazards = stats_cox_zph},
    {"smd", "value", "group", .two = stats_smd},
    {"adjust_holm", "value", NULL, .one = kit_adjust_holm},
    {"adjust_bh", "value", NULL, .one = kit_adjust_bh},
};
static const size_t kit_function_count = sizeof kit_functions / sizeof *kit_functions;

#endif
