/* What must hold of the numbers whatever R says: the order of rows, the names of groups, the scale
 * of values, rows that lack a value, and the tests that are one another in disguise. Also limits,
 * failing allocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "base/fault.h"
#include "kit_functions.h"
#include "stats/stats_priv.h"

#define ROWS 120
#define ROUNDS 25

static uint64_t seed = 88172645463325252u;

static double uniform(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

/* Columns of a study: x k (tied) g (two levels) h (three) t (times, tied) e (events) y (of x and g)
 * d (0 or 1, of x). */
enum { X, K, G, H, T, E, Y, D, COLUMNS };
static const char *const names[COLUMNS] = {"x", "k", "g", "h", "t", "e", "y", "d"};
struct study {
    double cells[COLUMNS][ROWS];
    int64_t rows;
};

static struct study study_make(int64_t rows, double missing)
{
    struct study study = {.rows = rows};
    for (int64_t r = 0; r < rows; r++) {
        double x = normal(), g = r % 2 == 0 ? 0 : 1;
        double cells[COLUMNS] = {x,
                                 floor(3 * uniform() + x),
                                 g,
                                 floor(3 * uniform()),
                                 1 + floor(12 * uniform() * exp(-0.4 * x)),
                                 uniform() < 0.7 ? 1 : 0,
                                 2 + x - g + normal(),
                                 uniform() < 1 / (1 + exp(-x)) ? 1 : 0};
        for (size_t c = 0; c < COLUMNS; c++)
            study.cells[c][r] = uniform() < missing ? NAN : cells[c];
    }
    return study;
}

static struct kit_table study_table(const struct study *study)
{
    struct kit_table table = {.arena = arena_new(0), .count = COLUMNS, .rows = study->rows};
    for (size_t c = 0; c < COLUMNS; c++)
        table.columns[c] = (struct stats_column){.name = names[c],
                                                 .values = study->cells[c],
                                                 .rows = study->rows,
                                                 .category = c == G || c == H};
    return table;
}

static const char *const calls[] = {
    "describe value=x group=g",
    "frequencies value=h",
    "t_test value=x group=g",
    "t_test value=y group=g equal_variance=1",
    "t_test_paired a=x b=y",
    "signed_rank a=x b=y",
    "signed_rank a=k b=y exact=never",
    "friedman x=x,y,k",
    "mann_whitney value=x group=g",
    "mann_whitney value=k group=g",
    "anova value=x group=h",
    "anova_welch value=y group=h",
    "kruskal_wallis value=k group=h",
    "levene value=x group=h",
    "bartlett value=x group=h",
    "variance_ratio value=x group=g",
    "shapiro_wilk value=x",
    "chi_squared a=g b=h",
    "fisher a=g b=d:c",
    "fisher a=g b=h",
    "mcnemar a=e b=d",
    "mcnemar a=e b=d exact=always",
    "pearson a=x b=y",
    "spearman a=x b=y",
    "spearman a=k b=y",
    "linear outcome=y x=x,g,h",
    "logistic outcome=d x=x,g,h",
    "kaplan_meier time=t event=e group=g",
    "log_rank time=t event=e group=h",
    "cox time=t event=e x=x,g,h",
    "cox time=t event=e x=x,g,h ties=breslow",
    "cox_zph time=t event=e x=x,h",
    "log_rank time=t event=e group=g strata=h",
    "cox time=t event=e x=x,g strata=h",
    "cox_zph time=t event=e x=x strata=h",
    "mantel_haenszel a=e b=d group=h",
    "smd value=x group=g",
    "smd value=h group=g",
};
#define CALLS (sizeof calls / sizeof *calls)

static enum err_code run(const char *call, const struct study *study, struct stats_result *ret,
                         struct err *err)
{
    struct kit_table table = study_table(study);
    struct str rest = str_of(call), name = kit_cut(&rest, ' ');
    enum err_code code = ERR_USAGE;
    for (size_t i = 0; i < kit_function_count; i++)
        if (str_equal(str_of(kit_functions[i].name), name))
            code = kit_call(&kit_functions[i], str_of(call), &table, ret, err);
    kit_table_done(&table);
    return code;
}

/* Runs a call that must succeed. */
static struct stats_result must(const char *call, const struct study *study)
{
    struct err err = {0};
    struct stats_result result = {0};
    if (run(call, study, &result, &err) != ERR_OK)
        fail_msg("%s: %s", call, err.message);
    return result;
}

static bool near(double a, double b, double tolerance)
{
    return (isnan(a) && isnan(b)) || a == b ||
           fabs(a - b) <= tolerance * (fabs(a) + fabs(b)) + 1e-11;
}

static void assert_near(double a, double b, double tolerance, const char *what)
{
    if (!near(a, b, tolerance))
        fail_msg("%s: %.17g and %.17g", what, a, b);
}

static void assert_same(const struct stats_result *a, const struct stats_result *b,
                        const char *call)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->dropped_rows, b->dropped_rows);
    assert_int_equal(a->term_count, b->term_count);
    assert_int_equal(a->point_count, b->point_count);
    assert_near(a->statistic, b->statistic, 1e-9, call);
    assert_near(a->p, b->p, 1e-8, call);
    assert_near(a->estimate, b->estimate, 1e-9, call);
    assert_near(a->low, b->low, 1e-9, call);
    assert_near(a->high, b->high, 1e-9, call);
    for (size_t i = 0; i < a->term_count; i++) {
        assert_near(a->terms[i].value, b->terms[i].value, 1e-8, call);
        assert_near(a->terms[i].se, b->terms[i].se, 1e-8, call);
    }
    for (size_t i = 0; i < a->point_count; i++)
        assert_near(a->points[i].survival, b->points[i].survival, 1e-12, call);
    for (size_t i = 0; i < a->group_count; i++)
        assert_near(a->groups[i].mean, b->groups[i].mean, 1e-12, call);
}

static void the_order_of_rows_does_not_matter(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < CALLS; i++) {
            struct study study = study_make(ROWS, 0.03), other = study;
            for (int64_t r = ROWS - 1; r > 0; r--) {
                int64_t s = (int64_t)(uniform() * (double)(r + 1));
                for (size_t c = 0; c < COLUMNS; c++) {
                    double swap = other.cells[c][r];
                    other.cells[c][r] = other.cells[c][s];
                    other.cells[c][s] = swap;
                }
            }
            struct stats_result a = must(calls[i], &study), b = must(calls[i], &other);
            assert_same(&a, &b, calls[i]);
            stats_result_done(&a);
            stats_result_done(&b);
        }
}

static void rows_that_lack_a_value_change_nothing_but_the_count(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        struct study study = study_make(ROWS - 20, 0), more = study;
        more.rows = ROWS;
        for (int64_t r = ROWS - 20; r < ROWS; r++)
            for (size_t c = 0; c < COLUMNS; c++)
                more.cells[c][r] = r % 3 == 0 ? INFINITY : NAN;
        struct stats_result a = must(calls[i], &study), b = must(calls[i], &more);
        int64_t listed = 0;
        for (size_t k = 0; k < b.dropped_count; k++)
            listed += b.dropped[k].n;
        if (i > 0) /* a description counts them as missing */
            assert_int_equal(b.dropped_rows, 20);
        assert_int_equal(listed, b.dropped_rows);
        b.dropped_rows = a.dropped_rows;
        assert_same(&a, &b, calls[i]);
        stats_result_done(&a);
        stats_result_done(&b);
    }
}

/* y = a·x + b of one column. */
static struct study rescaled(struct study study, size_t column, double scale, double shift)
{
    for (int64_t r = 0; r < study.rows; r++)
        study.cells[column][r] = study.cells[column][r] * scale + shift;
    return study;
}

static void scale_and_origin_do_not_matter_to_a_test(void **state)
{
    static const char *const free_calls[] = {"t_test value=x group=g",
                                             "mann_whitney value=x group=g",
                                             "anova value=x group=h",
                                             "anova_welch value=x group=h",
                                             "kruskal_wallis value=x group=h",
                                             "levene value=x group=h",
                                             "bartlett value=x group=h",
                                             "pearson a=x b=y",
                                             "spearman a=x b=y",
                                             "shapiro_wilk value=x",
                                             "linear outcome=y x=x,g",
                                             "logistic outcome=d x=x,g",
                                             "cox time=t event=e x=x,g",
                                             "cox_zph time=t event=e x=x,g",
                                             "smd value=x group=g"};
    (void)state;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < sizeof free_calls / sizeof *free_calls; i++) {
            struct study study = study_make(ROWS, 0), other = rescaled(study, X, 2500, 12345);
            struct stats_result a = must(free_calls[i], &study), b = must(free_calls[i], &other);
            assert_near(a.statistic, b.statistic, 1e-7, free_calls[i]);
            assert_near(a.p, b.p, 1e-6, free_calls[i]);
            for (size_t k = 0; k < a.term_count; k++)
                if (strcmp(a.terms[k].name, "x") == 0 && !isnan(a.terms[k].value))
                    assert_near(a.terms[k].value, b.terms[k].value * 2500, 1e-7, free_calls[i]);
            stats_result_done(&a);
            stats_result_done(&b);
        }
}

static void swapped_groups_give_the_mirror_image(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct study study = study_make(ROWS, 0.02), other = rescaled(study, G, -1, 1);
        static const char *const mirrored[] = {"t_test value=x group=g",
                                               "smd value=x group=g",
                                               "mann_whitney value=k group=g",
                                               "log_rank time=t event=e group=g",
                                               "fisher a=g b=d:c",
                                               "cox time=t event=e x=g"};
        for (size_t i = 0; i < sizeof mirrored / sizeof *mirrored; i++) {
            struct stats_result a = must(mirrored[i], &study), b = must(mirrored[i], &other);
            assert_near(a.p, b.p, 1e-9, mirrored[i]);
            if (i == 0)
                assert_near(a.statistic, -b.statistic, 1e-12, mirrored[i]);
            if (i <= 1)
                assert_near(a.low, -b.high, 1e-10, mirrored[i]);
            if (i == 2)
                assert_near(a.estimate, 1 - b.estimate, 1e-12, mirrored[i]);
            if (i == 4)
                assert_near(a.low, 1 / b.high, 1e-9, mirrored[i]);
            if (i == 5)
                assert_near(a.terms[0].ratio, 1 / b.terms[0].ratio, 1e-9, mirrored[i]);
            stats_result_done(&a);
            stats_result_done(&b);
        }
    }
}

static void tests_that_are_one_another_in_disguise_agree(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct study study = study_make(ROWS, 0.02);
        for (int64_t r = 0; r < study.rows; r++)
            study.cells[T][r] +=
                (double)r / 1000; /* no ties: the score test of Cox is the log-rank test */
        struct stats_result t = must("t_test value=x group=g equal_variance=1", &study),
                            f = must("anova value=x group=g", &study);
        struct stats_result line = must("linear outcome=x x=g", &study),
                            r = must("pearson a=x b=g", &study);
        assert_near(t.statistic * t.statistic, f.statistic, 1e-10, "t² = F");
        assert_near(t.p, f.p, 1e-9, "t and F");
        assert_near(t.p, line.p, 1e-9, "t and regression");
        assert_near(t.p, r.p, 1e-9, "t and correlation");
        assert_near(t.low, -line.terms[1].high, 1e-9, "interval of t and of regression");
        struct stats_result w = must("anova_welch value=x group=g", &study),
                            welch = must("t_test value=x group=g", &study);
        assert_near(w.p, welch.p, 1e-9, "Welch's t and analysis of variance");
        struct stats_result mw = must("mann_whitney value=k group=g no_continuity=1 exact=never",
                                      &study),
                            kw = must("kruskal_wallis value=k group=g", &study);
        assert_near(mw.p, kw.p, 1e-9, "Mann–Whitney and Kruskal–Wallis");
        struct stats_result lr = must("log_rank time=t event=e group=g", &study),
                            cox = must("cox time=t event=e x=g", &study);
        assert_near(lr.statistic, stats_result_number(&cox, "score"), 1e-9,
                    "log-rank and Cox's score");
        struct stats_result logit = must("logistic outcome=d x=g", &study),
                            table = must("chi_squared a=d b=g", &study);
        assert_true(fabs(logit.statistic - table.statistic) < 3); /* neighbours, not twins */
        struct stats_result *all[] = {&t,  &f,  &line, &r,   &w,     &welch,
                                      &mw, &kw, &lr,   &cox, &logit, &table};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            stats_result_done(all[i]);
    }
}

/* Every choice of m of the ranks 1 … m + n, as bits: how many have W ≤ w. */
static double brute_force_p(int m, int n, double w)
{
    double below = 0, above = 0, all = 0;
    for (unsigned bits = 0; bits < 1u << (m + n); bits++) {
        int sum = 0;
        if (__builtin_popcount(bits) != m)
            continue;
        for (int i = 0; i < m + n; i++)
            sum += (bits >> i & 1) != 0 ? i + 1 : 0;
        double u = sum - m * (m + 1) / 2.0;
        below += u <= w ? 1 : 0;
        above += u >= w ? 1 : 0;
        all++;
    }
    return fmin(1, 2 * fmin(below, above) / all);
}

static void exact_mann_whitney_equals_all_arrangements(void **state)
{
    (void)state;
    for (int m = 1; m <= 6; m++)
        for (int n = 1; n <= 7; n++) {
            struct study study = study_make(m + n, 0);
            for (int r = 0; r < m + n; r++)
                study.cells[G][r] = r < m ? 0 : 1;
            struct stats_result result = must("mann_whitney value=x group=g", &study);
            assert_near(result.p, brute_force_p(m, n, result.statistic), 1e-12,
                        "exact Mann–Whitney");
            stats_result_done(&result);
        }
}

/* log Π 1/n! of a table. */
static double log_weight(const int *cells, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum -= lgamma(cells[i] + 1.0);
    return sum;
}

/* All 3 × 3 tables with the margins of one, one by one: four cells are free. */
static double brute_force_fisher(const int *table)
{
    int row[3] = {0}, column[3] = {0}, t[9];
    double own = log_weight(table, 9), tail = 0, all = 0;
    for (int i = 0; i < 9; i++) {
        row[i / 3] += table[i];
        column[i % 3] += table[i];
    }
    for (t[0] = 0; t[0] <= row[0]; t[0]++)
        for (t[1] = 0; t[0] + t[1] <= row[0]; t[1]++)
            for (t[3] = 0; t[3] <= row[1]; t[3]++)
                for (t[4] = 0; t[3] + t[4] <= row[1]; t[4]++) {
                    t[2] = row[0] - t[0] - t[1];
                    t[5] = row[1] - t[3] - t[4];
                    bool good = true;
                    for (int c = 0; c < 3; c++) {
                        t[6 + c] = column[c] - t[c] - t[3 + c];
                        good = good && t[6 + c] >= 0;
                    }
                    if (!good)
                        continue;
                    double weight = log_weight(t, 9);
                    all += exp(weight);
                    tail += weight <= own + 1e-7 ? exp(weight) : 0;
                }
    return tail / all;
}

static void fisher_by_network_equals_all_tables(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        int table[9];
        double counts[9];
        struct err err = {0};
        AUTO(stats_result_done) struct stats_result result = {0};
        for (int i = 0; i < 9; i++)
            counts[i] = table[i] = (int)(uniform() * 7) + (i % 4 == 0 ? 1 : 0);
        struct stats_table door = {"a", "b", counts, 3, 3};
        enum err_code code = stats_fisher_table(&door, NULL, &result, &err);
        assert_int_equal(code, ERR_OK);
        assert_near(result.p, brute_force_fisher(table), 1e-10, "Fisher 3 × 3");
    }
}

static void without_censoring_the_curve_is_the_share_still_alive(void **state)
{
    (void)state;
    struct study study = study_make(ROWS, 0);
    for (int64_t r = 0; r < ROWS; r++)
        study.cells[E][r] = 1;
    struct stats_result result = must("kaplan_meier time=t event=e", &study);
    for (size_t i = 0; i < result.point_count; i++) {
        double beyond = 0;
        for (int64_t r = 0; r < ROWS; r++)
            beyond += study.cells[T][r] > result.points[i].time ? 1 : 0;
        assert_near(result.points[i].survival, beyond / ROWS, 1e-12, "survival");
        assert_ptr_equal(stats_curve_at(&result, 0, result.points[i].time), &result.points[i]);
        assert_ptr_equal(stats_curve_at(&result, 0, result.points[i].time + 0.5),
                         &result.points[i]);
    }
    assert_null(stats_curve_at(&result, 0, 0.5));
    stats_result_done(&result);
}

/* ---- limits and failures ------------------------------------------------------------------ */

static void beyond_a_limit_is_an_error_that_says_so(void **state)
{
    (void)state;
    enum { MANY = STATS_SHAPIRO_MAX + 1 };
    double *values = calloc(MANY, sizeof *values), *halves = calloc(MANY, sizeof *halves);
    struct err err = {0};
    struct stats_result result = {0};
    for (int i = 0; i < MANY; i++) {
        values[i] = i + 1;
        halves[i] = i % 2;
    }
    struct stats_column value = {.name = "v", .values = values, .rows = MANY},
                        group = {.name = "w", .values = values, .rows = MANY};
    struct stats_column event = {.name = "e", .values = halves, .rows = MANY},
                        few = {.name = "few", .values = values, .rows = STATS_GROUPS_MAX + 1};
    struct stats_column few_events = {.name = "e", .values = halves, .rows = STATS_GROUPS_MAX + 1};
    struct stats_column *many = calloc(STATS_TERMS_MAX + 1, sizeof *many);
    for (int i = 0; i <= STATS_TERMS_MAX; i++)
        many[i] = value;
    double counts[4] = {3e6, 3e6, 3e6, 3e6};
    struct stats_table large = {"a", "b", counts, 2, 2},
                       wide = {"a", "b", counts, STATS_CELLS_MAX, 2};
    assert_int_equal(stats_shapiro_wilk(&value, NULL, &result, &err), ERR_LIMIT);
    assert_int_equal(stats_anova(&value, &group, NULL, &result, &err), ERR_LIMIT);
    assert_int_equal(stats_log_rank(&few, &few_events, &few, NULL, &result, &err), ERR_LIMIT);
    assert_int_equal(stats_linear(&event, many, STATS_TERMS_MAX + 1, NULL, &result, &err),
                     ERR_LIMIT);
    assert_int_equal(stats_cox(&value, &event, many, STATS_TERMS_MAX + 1, NULL, &result, &err),
                     ERR_LIMIT);
    assert_int_equal(stats_fisher_table(&large, NULL, &result, &err), ERR_LIMIT);
    assert_int_equal(stats_chi_squared_table(&wide, NULL, &result, &err), ERR_LIMIT);
    value.rows = STATS_ROWS_MAX + 1;
    assert_int_equal(stats_describe(&value, NULL, NULL, &result, &err), ERR_LIMIT);
    struct stats_options sure = {.level = 1};
    value.rows = 10;
    assert_int_equal(stats_describe(&value, NULL, &sure, &result, &err), ERR_USAGE);
    group.rows = 11;
    assert_int_equal(stats_pearson(&value, &group, NULL, &result, &err), ERR_USAGE);
    assert_int_equal(stats_linear(&value, &value, 0, NULL, &result, &err), ERR_USAGE);
    assert_null(result.arena);
    free(values);
    free(halves);
    free(many);
}

static void a_failing_allocation_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    struct study study = study_make(ROWS, 0.02);
    for (size_t i = 0; i < CALLS; i++) {
        struct kit_table table = study_table(&study);
        struct str rest = str_of(calls[i]), name = kit_cut(&rest, ' ');
        const struct kit_function *function = NULL;
        for (size_t k = 0; k < kit_function_count; k++)
            if (str_equal(str_of(kit_functions[k].name), name))
                function = &kit_functions[k];
        assert_non_null(function);
        bool passed = false;
        for (int64_t nth = 1; !passed; nth++) {
            struct err err = {0};
            struct stats_result result = {0};
            fault_arm(FAULT_ALLOC, nth);
            enum err_code code = kit_call(function, str_of(calls[i]), &table, &result, &err);
            passed = !fault_fired();
            fault_disarm();
            if (!passed && code != ERR_MEMORY)
                fail_msg("%s: allocation %lld failed and the code is %s", calls[i], (long long)nth,
                         err_code_name(code));
            if (!passed)
                assert_null(result.arena);
            stats_result_done(&result);
        }
        kit_table_done(&table);
    }
}

/* R's pt and pf; a million rows make a million degrees of freedom. */
static void tails_hold_at_a_million_degrees_of_freedom(void **state)
{
    (void)state;
    assert_true(fabs(dist_t_two(15, 1e6) / 7.4362647672102395e-51 - 1) < 1e-7);
    assert_true(fabs(dist_t_two(37, 1e6) / 1.8299730861800904e-299 - 1) < 1e-7);
    assert_true(fabs(dist_t_two(6, 1e6) / 1.9738498123544422e-09 - 1) < 1e-7);
    assert_true(fabs(dist_f_upper(20, 3, 1e6) / 5.8833510357650056e-13 - 1) < 1e-7);
    assert_true(fabs(dist_f_upper(400, 3, 1e6) / 1.0499387318712746e-259 - 1) < 1e-7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_rows_does_not_matter),
        cmocka_unit_test(rows_that_lack_a_value_change_nothing_but_the_count),
        cmocka_unit_test(scale_and_origin_do_not_matter_to_a_test),
        cmocka_unit_test(swapped_groups_give_the_mirror_image),
        cmocka_unit_test(tests_that_are_one_another_in_disguise_agree),
        cmocka_unit_test(exact_mann_whitney_equals_all_arrangements),
        cmocka_unit_test(fisher_by_network_equals_all_tables),
        cmocka_unit_test(without_censoring_the_curve_is_the_share_still_alive),
        cmocka_unit_test(tails_hold_at_a_million_degrees_of_freedom),
        cmocka_unit_test(beyond_a_limit_is_an_error_that_says_so),
        cmocka_unit_test(a_failing_allocation_is_an_error_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
