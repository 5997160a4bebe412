/* layer: stats — every function of the door over arrays of any doubles: a finite answer that adds
 * up, or an error with a line. Bytes: the function, options, columns' kinds, then cells: a small
 * one stands for a usual value, 255 is followed by eight bytes of any double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#define COLUMNS 5
#define ROWS_MAX 96

struct input {
    const uint8_t *bytes;
    size_t count;
};

static uint8_t next_byte(struct input *input)
{
    if (input->count == 0)
        return 0;
    input->count--;
    return *input->bytes++;
}

static double next_cell(struct input *input)
{
    static const double odd[] = {NAN,    INFINITY, -INFINITY, 1e308, -1e308,
                                 5e-324, 1e-300,   -1,        -0.0,  0.5,
                                 1e15,   1e-15,    0.1 + 0.2, 0.3,   4503599627370497.0,
                                 1e6};
    uint8_t byte = next_byte(input);
    double value;
    if (byte < 200)
        return byte % 20;
    if (byte < 216)
        return odd[byte - 200];
    if (byte < 255 || input->count < sizeof value)
        return (byte - 230) / 7.0;
    memcpy(&value, input->bytes, sizeof value);
    input->bytes += sizeof value;
    input->count -= sizeof value;
    return value;
}

static struct stats_options next_options(struct input *input)
{
    uint8_t a = next_byte(input), b = next_byte(input);
    struct stats_options options = {.equal_variance = a & 1,
                                    .no_continuity = a & 2,
                                    .has_event_value = a & 4,
                                    .event_value = a >> 5};
    options.exact = (enum stats_exactness)(b % 3);
    options.center = (enum stats_center)(b >> 2 & 1);
    options.ties = (enum stats_ties)(b >> 3 & 1);
    options.interval = (enum stats_interval)((b >> 4 & 3) % 3);
    options.level = a & 8 ? 0.8 : 0;
    return options;
}

static enum err_code call_models(uint8_t which, const struct stats_column *c,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err)
{
    switch (which % 6) {
    case 0:
        return stats_linear(&c[0], c + 1, 1 + which / 64, options, ret, err);
    case 1:
        return stats_logistic(&c[0], c + 1, 1 + which / 64, options, ret, err);
    case 2:
        return stats_kaplan_meier(&c[0], &c[1], which >= 128 ? &c[2] : NULL, options, ret, err);
    case 3:
        return stats_log_rank(&c[0], &c[1], &c[2], options, ret, err);
    case 4:
        return stats_cox(&c[0], &c[1], c + 2, 1 + which / 128, options, ret, err);
    }
    return stats_cox_zph(&c[0], &c[1], c + 2, 1 + which / 128, options, ret, err);
}

/* A Fisher's test at its limit takes half a minute under sanitizers: r × c counts are kept small.
 */
static enum err_code fisher_small(struct stats_table *table, const struct stats_options *options,
                                  struct stats_result *ret, struct err *err)
{
    static double counts[12];
    for (size_t i = 0; i < table->rows * table->columns && i < 12; i++)
        counts[i] = fmod(table->counts[i], table->rows * table->columns > 4 ? 12 : 5000);
    table->counts = counts;
    return stats_fisher_table(table, options, ret, err);
}

static enum err_code call_table(uint8_t which, const struct stats_column *c,
                                const struct stats_options *options, struct stats_result *ret,
                                struct err *err)
{
    size_t rows = 1 + which / 4 % 6, columns = (size_t)c[0].rows / rows;
    if (columns > 12 / rows) /* a Fisher's test at its limit takes seconds under sanitizers */
        columns = 12 / rows;
    struct stats_table table = {"rows", "columns", c[0].values, rows, columns};
    switch (which % 3) {
    case 0:
        return stats_chi_squared_table(&table, options, ret, err);
    case 1:
        return fisher_small(&table, options, ret, err);
    }
    return stats_mcnemar_table(&table, options, ret, err);
}

static enum err_code call_strata(uint8_t which, const struct stats_column *c,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err)
{
    struct stats_options within = *options;
    within.strata = &c[3];
    switch (which % 4) {
    case 0:
        return stats_friedman(c, 3, options, ret, err);
    case 1:
        return stats_mantel_haenszel(&c[0], &c[1], &c[2], options, ret, err);
    case 2:
        return stats_log_rank(&c[0], &c[1], &c[2], &within, ret, err);
    }
    return stats_cox(&c[0], &c[1], &c[2], 1, &within, ret, err);
}

static enum err_code call_two(uint8_t which, const struct stats_column *c,
                              const struct stats_options *options, struct stats_result *ret,
                              struct err *err)
{
    static enum err_code (*const two[])(const struct stats_column *, const struct stats_column *,
                                        const struct stats_options *, struct stats_result *,
                                        struct err *) = {
        stats_t_test,         stats_t_test_paired,  stats_mann_whitney, stats_anova,
        stats_anova_welch,    stats_kruskal_wallis, stats_levene,       stats_bartlett,
        stats_variance_ratio, stats_chi_squared,    stats_fisher,       stats_mcnemar,
        stats_pearson,        stats_spearman,       stats_smd,          stats_describe,
        stats_signed_rank};
    size_t at = which % (sizeof two / sizeof *two);
    if (two[at] == stats_fisher && c[0].rows > 24)
        return err_set(err, ERR_LIMIT, "as fisher_small");
    return two[at](&c[0], &c[1], options, ret, err);
}

/* n and those left out are all rows; p is a probability; intervals are in order; an empty result
 * after an error. */
static void check(enum err_code code, const struct stats_result *result, const struct err *err,
                  int64_t rows, bool whole)
{
    if (code != ERR_OK) {
        if (err->message[0] == '\0' || result->arena != NULL || err->code != code)
            abort();
        return;
    }
    if (whole && result->n + result->dropped_rows != rows)
        abort();
    if (result->p < 0 || result->p > 1 || isinf(result->p) || result->low > result->high)
        abort();
    if (result->statistic_name != NULL && !(isfinite(result->statistic) && isfinite(result->p)))
        abort();
    for (size_t i = 0; i < result->term_count; i++) {
        const struct stats_term *term = &result->terms[i];
        if (term->p < 0 || term->p > 1 || term->low > term->high || term->se < 0 ||
            (isinf(term->value) && !term->infinite))
            abort();
    }
    for (size_t i = 0; i < result->point_count; i++) {
        const struct stats_point *point = &result->points[i];
        if (!(point->survival >= 0 && point->survival <= 1) || point->low > point->survival ||
            point->high < point->survival || point->at_risk < 1)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct input input = {bytes, count};
    static double cells[COLUMNS][ROWS_MAX];
    struct stats_column columns[COLUMNS];
    struct stats_result result = {0};
    struct err err = {0};
    uint8_t family = next_byte(&input), which = next_byte(&input), kinds = next_byte(&input);
    struct stats_options options = next_options(&input);
    int64_t rows = next_byte(&input) % (ROWS_MAX + 1);
    for (size_t c = 0; c < COLUMNS; c++) {
        for (int64_t r = 0; r < rows; r++)
            cells[c][r] = next_cell(&input);
        columns[c] = (struct stats_column){
            .name = "c", .values = cells[c], .rows = rows, .category = (kinds >> c & 1) != 0};
    }
    enum err_code code;
    switch (family % 6) {
    case 5:
        code = call_strata(which, columns, &options, &result, &err);
        break;
    case 0:
        code = call_models(which, columns, &options, &result, &err);
        break;
    case 1:
        code = call_table(which, columns, &options, &result, &err);
        break;
    case 2:
        code = which % 2 == 0 ? stats_shapiro_wilk(&columns[0], &options, &result, &err)
                              : stats_frequencies(&columns[0], &options, &result, &err);
        break;
    case 3:
        code = which % 2 == 0 ? stats_describe(&columns[0], NULL, &options, &result, &err)
                              : stats_adjust(cells[0], (size_t)rows,
                                             which % 4 == 1 ? STATS_HOLM : STATS_BENJAMINI_HOCHBERG,
                                             cells[1], &err);
        if (code == ERR_OK && which % 2 != 0)
            result.p = NAN;
        break;
    default:
        code = call_two(which, columns, &options, &result, &err);
    }
    check(code, &result, &err, rows,
          family % 6 == 0 || family % 6 == 2 || family % 6 == 5 ||
              (family % 6 == 4 && which % 17 != 15));
    stats_result_done(&result);
    return 0;
}
