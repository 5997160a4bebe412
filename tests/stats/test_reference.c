/* Every golden case of tests/golden/stats against R's numbers (reference.R wrote both the calls and
 * the numbers): estimates, statistics and intervals to a relative 1e-6, p-values to 1e-4. Cases on
 * real sets read pbc and colon from the shared data and lung and birthwt from R itself, and are
 * skipped, loudly, where those are not there. The files are R's word: there is no --bless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <math.h>

#include "kit_functions.h"

#define ESTIMATE_TOLERANCE 1e-6
#define P_TOLERANCE 1e-4

static struct {
    int comparisons, cases, skipped, refusals;
    double estimate_worst, p_worst;
} seen;
static char data_folder[512];

/* ---- the real sets ------------------------------------------------------------------------ */

static void find_data(void)
{
    const char *shared = getenv("MARROW_SHARED"), *reports = getenv("MARROW_REPORTS");
    AUTO(buf_done) struct buf command = BUF_INIT;
    snprintf(data_folder, sizeof data_folder, "%s/stats_data", reports != NULL ? reports : "/tmp");
    buf_printf(&command,
               "exec >/dev/null 2>&1; mkdir -p '%s'; bash '%s/data/unpack.sh' '%s' single; ",
               data_folder, shared != NULL ? shared : "", data_folder);
    buf_printf(&command,
               "test -f '%s/r/lung.csv' || Rscript '%s/stats/reference.R' --export '%s'; ",
               data_folder, TEST_SOURCE_DIRECTORY, data_folder);
    buf_printf(&command, "test -f '%s/r/lung.csv' -a -f '%s/single/pbc.csv'", data_folder,
               data_folder);
    if (system(buf_text(&command)) != 0)
        fprintf(stderr, "SKIPPED in part: no R with survival and MASS here, or no shared data: "
                        "cases on lung, birthwt, pbc, colon need them\n");
}

/* false: the case's CSV file is not there. */
static bool read_data(struct str data, struct kit_table *table)
{
    char path[1024];
    struct err err;
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (!str_has_prefix(data, "csv ")) {
        kit_read(table, data, ' ');
        return true;
    }
    struct str name = str_trim((struct str){data.ptr + 4, data.len - 4});
    snprintf(path, sizeof path, "%s/%.*s", data_folder, (int)name.len, name.ptr);
    if (access(path, R_OK) != 0 || file_read(path, 0, &text, &err) != ERR_OK)
        return false;
    kit_read(table, buf_view(&text), ',');
    return true;
}

/* ---- a result's numbers by name ----------------------------------------------------------- */

#define FIELD(what, member)                                                                        \
    if (str_equal(field, STR(#member)))                                                            \
        return (double)(what)->member;
static double term_field(const struct stats_term *term, struct str field)
{
    FIELD(term, value)
    FIELD(term, se)
    FIELD(term, low)
    FIELD(term, high) FIELD(term, ratio) FIELD(term, ratio_low) FIELD(term, ratio_high)
        FIELD(term, statistic) FIELD(term, df) FIELD(term, p) FIELD(term, aliased)
            FIELD(term, infinite) return -INFINITY;
}

static double group_field(const struct stats_group *group, struct str field)
{
    FIELD(group, n)
    FIELD(group, missing)
    FIELD(group, mean)
    FIELD(group, sd) FIELD(group, se) FIELD(group, mean_low) FIELD(group, mean_high)
        FIELD(group, min) FIELD(group, q1) FIELD(group, median) FIELD(group, q3) FIELD(group, max)
            FIELD(group, proportion) FIELD(group, events) FIELD(group, observed)
                FIELD(group, expected) FIELD(group, median_low) FIELD(group, median_high)
                    FIELD(group, rank_sum) return -INFINITY;
}

static double point_field(const struct stats_point *point, struct str field)
{
    FIELD(point, time)
    FIELD(point, at_risk)
    FIELD(point, events)
    FIELD(point, censored) FIELD(point, survival) FIELD(point, se) FIELD(point, low)
        FIELD(point, high) return -INFINITY;
}

static double header_field(const struct stats_result *result, struct str field)
{
    FIELD(result, n)
    FIELD(result, statistic)
    FIELD(result, df)
        FIELD(result, df2) FIELD(result, p) FIELD(result, estimate) FIELD(result, low)
            FIELD(result, high) FIELD(result, separated) FIELD(result, term_count)
                FIELD(result, point_count) return str_equal(field, STR("dropped"))
        ? (double)result->dropped_rows
        : -INFINITY;
}

/* "GROUP @ TIME". */
static double find_point(const struct stats_result *result, struct str place, struct str field)
{
    struct str name = str_trim(kit_cut(&place, '@'));
    double time = NAN;
    str_to_double(str_trim(place), &time);
    for (size_t i = 0; i < result->point_count; i++)
        if (str_equal(str_of(result->groups[result->points[i].group].name), name) &&
            fabs(result->points[i].time - time) <= 1e-9 * time)
            return point_field(&result->points[i], field);
    return -INFINITY;
}

/* The number a key names: "p", "term.se age", "group.n male", "point.survival all @ 12", "number
 * sigma"; -infinity: none. */
static double find_number(const struct stats_result *result, struct str key)
{
    struct str rest = key, head = kit_cut(&rest, ' '), field = head, kind = kit_cut(&field, '.');
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)rest.len, rest.ptr);
    if (rest.len == 0)
        return header_field(result, key);
    if (str_equal(kind, STR("number")))
        return stats_result_number(result, name);
    if (str_equal(kind, STR("point")))
        return find_point(result, rest, field);
    for (size_t i = 0; str_equal(kind, STR("term")) && i < result->term_count; i++)
        if (strcmp(result->terms[i].name, name) == 0)
            return term_field(&result->terms[i], field);
    for (size_t i = 0; str_equal(kind, STR("group")) && i < result->group_count; i++)
        if (strcmp(result->groups[i].name, name) == 0)
            return group_field(&result->groups[i], field);
    return -INFINITY;
}

/* ---- comparing ---------------------------------------------------------------------------- */

static bool is_p(struct str key)
{
    return str_equal(key, STR("p")) || str_has_prefix(key, "term.p ");
}

static bool agrees(struct str key, double expected, double found)
{
    if (isnan(expected) || isnan(found))
        return isnan(expected) && isnan(found);
    if (isinf(expected) || isinf(found))
        return expected == found;
    double difference = fabs(expected - found), relative = difference / fabs(expected);
    double *worst = is_p(key) ? &seen.p_worst : &seen.estimate_worst;
    if (expected == found || (!is_p(key) && difference <= 1e-12 && fabs(expected) < 1e-9))
        return true; /* zero to rounding, as the difference of equal means */
    if (relative > *worst)
        *worst = relative;
    return relative <= (is_p(key) ? P_TOLERANCE : ESTIMATE_TOLERANCE);
}

static bool notes_hold(const struct stats_result *result, struct str text)
{
    for (size_t i = 0; i < result->note_count; i++)
        if (memmem(result->notes[i], strlen(result->notes[i]), text.ptr, text.len) != NULL)
            return true;
    return false;
}

static bool check_line(const struct stats_result *result, struct str key, struct str value,
                       struct buf *found)
{
    double expected = NAN, number;
    seen.comparisons++;
    if (str_equal(key, STR("method"))) {
        buf_puts(found, result->method == NULL ? "none" : result->method);
        return result->method != NULL &&
               str_has_prefix(str_of(result->method),
                              arena_strndup(result->arena, value.ptr, value.len));
    }
    if (str_equal(key, STR("note"))) {
        for (size_t i = 0; i < result->note_count; i++)
            buf_printf(found, "%s; ", result->notes[i]);
        return notes_hold(result, value);
    }
    if (!str_equal(value, STR("NaN")) && !str_to_double(value, &expected))
        expected = str_equal(value, STR("inf"))    ? INFINITY
                   : str_equal(value, STR("-inf")) ? -INFINITY
                                                   : NAN;
    number = find_number(result, key);
    buf_printf(found, "%.17g", number);
    return agrees(key, expected, number);
}

static int check_result(const struct golden_case *test, enum err_code code,
                        const struct stats_result *result, const struct err *err)
{
    struct str rest = golden_section(test, "expected");
    int failures = 0;
    while (rest.len > 0) {
        struct str line = str_trim(golden_line(&rest)), key = line;
        AUTO(buf_done) struct buf found = BUF_INIT;
        const char *equals = line.len == 0 ? NULL : memmem(line.ptr, line.len, " = ", 3);
        if (equals == NULL)
            continue;
        key.len = (size_t)(equals - line.ptr);
        struct str value = {equals + 3, line.len - key.len - 3};
        bool good;
        if (str_equal(key, STR("error"))) {
            good = code != ERR_OK &&
                   memmem(err->message, strlen(err->message), value.ptr, value.len) != NULL;
            buf_puts(&found, code == ERR_OK ? "no error" : err->message);
            seen.refusals++;
        } else {
            good = code == ERR_OK && check_line(result, key, value, &found);
            if (code != ERR_OK)
                buf_puts(&found, err->message);
        }
        if (good)
            continue;
        failures++;
        fprintf(stderr, "line %d: %.*s: %.*s\n    expected %.*s\n    found    %s\n", test->line,
                (int)test->title.len, test->title.ptr, (int)key.len, key.ptr, (int)value.len,
                value.ptr, buf_text(&found));
    }
    return failures;
}

static int check_case(const struct golden_case *test)
{
    struct str call = str_trim(golden_section(test, "call")), rest = call,
               name = kit_cut(&rest, ' ');
    struct kit_table table = {0};
    AUTO(stats_result_done) struct stats_result result = {0};
    struct err err = {0};
    if (!read_data(golden_section(test, "data"), &table)) {
        seen.skipped++;
        return 0;
    }
    seen.cases++;
    int failures = -1;
    for (size_t i = 0; i < kit_function_count; i++)
        if (str_equal(str_of(kit_functions[i].name), name)) {
            enum err_code code = kit_call(&kit_functions[i], call, &table, &result, &err);
            failures = check_result(test, code, &result, &err);
        }
    kit_table_done(&table);
    if (failures < 0)
        fprintf(stderr, "line %d: no function %.*s\n", test->line, (int)name.len, name.ptr);
    return abs(failures);
}

static void check_file(const char *name)
{
    char path[1024];
    struct err err;
    AUTO(buf_done) struct buf text = BUF_INIT;
    int failures = 0, line = 1, cases = 0;
    snprintf(path, sizeof path, "%s/golden/stats/%s.txt", TEST_SOURCE_DIRECTORY, name);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(file_read(path, 0, &text, &err), ERR_OK);
    struct str rest = buf_view(&text);
    while (rest.len > 0 && !str_has_prefix(rest, "===")) {
        golden_line(&rest);
        line++;
    }
    for (; rest.len > 0; cases++) {
        struct golden_case test = golden_read(&rest, &line);
        failures += check_case(&test);
    }
    printf("%s: %d comparisons with R in %d cases (%d refusals); largest relative difference %.1e, "
           "of p-values %.1e\n",
           name, seen.comparisons, seen.cases, seen.refusals, seen.estimate_worst, seen.p_worst);
    if (seen.skipped > 0)
        printf("SKIPPED: %d cases of %s for want of real data\n", seen.skipped, name);
    assert_int_equal(failures, 0);
    assert_true(seen.cases > 0 && seen.cases + seen.skipped == cases);
}

#define FILE_TEST(name)                                                                            \
    static void name##_equals_r(void **state)                                                      \
    {                                                                                              \
        (void)state;                                                                               \
        check_file(#name);                                                                         \
    }
FILE_TEST(describe)
FILE_TEST(t)
FILE_TEST(rank)
FILE_TEST(anova)
FILE_TEST(shapiro)
FILE_TEST(tables)
FILE_TEST(correlation)
FILE_TEST(regression)
FILE_TEST(survival)
FILE_TEST(cox)
FILE_TEST(balance)
FILE_TEST(paired)
FILE_TEST(strata)
FILE_TEST(adjust)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describe_equals_r),    cmocka_unit_test(t_equals_r),
        cmocka_unit_test(rank_equals_r),        cmocka_unit_test(anova_equals_r),
        cmocka_unit_test(shapiro_equals_r),     cmocka_unit_test(tables_equals_r),
        cmocka_unit_test(correlation_equals_r), cmocka_unit_test(regression_equals_r),
        cmocka_unit_test(survival_equals_r),    cmocka_unit_test(cox_equals_r),
        cmocka_unit_test(balance_equals_r),     cmocka_unit_test(adjust_equals_r),
        cmocka_unit_test(paired_equals_r),      cmocka_unit_test(strata_equals_r),
    };
    find_data();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
