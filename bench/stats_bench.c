/* Statistics over a million rows (or argv[1]): processor time of each call, and the peak of memory
 * so far beyond the columns themselves. Times are of whole days, so ties are many; three numbers
 * and a category of four are the predictors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "stats/stats.h"

static uint64_t seed = 88172645463325252u;

static double uniform(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

static struct rusage usage(void)
{
    struct rusage now;
    getrusage(RUSAGE_SELF, &now);
    return now;
}

static double seconds(struct rusage now)
{
    return (double)(now.ru_utime.tv_sec + now.ru_stime.tv_sec) +
           1e-6 * (double)(now.ru_utime.tv_usec + now.ru_stime.tv_usec);
}

enum { TIME, EVENT, GROUP, OUTCOME, U, V, W, H, COLUMNS };
static struct stats_column columns[COLUMNS];

static enum err_code call(int which, struct stats_result *ret, struct err *err)
{
    const struct stats_column *c = columns;
    const struct stats_options breslow = {.ties = STATS_BRESLOW};
    switch (which) {
    case 0:
        return stats_describe(&c[U], &c[GROUP], NULL, ret, err);
    case 1:
        return stats_t_test(&c[U], &c[GROUP], NULL, ret, err);
    case 2:
        return stats_mann_whitney(&c[U], &c[GROUP], NULL, ret, err);
    case 3:
        return stats_kruskal_wallis(&c[U], &c[H], NULL, ret, err);
    case 4:
        return stats_chi_squared(&c[GROUP], &c[H], NULL, ret, err);
    case 5:
        return stats_spearman(&c[U], &c[V], NULL, ret, err);
    case 6:
        return stats_linear(&c[V], &c[U], 1, NULL, ret, err);
    case 7:
        return stats_linear(&c[TIME], c + U, 4, NULL, ret, err);
    case 8:
        return stats_logistic(&c[OUTCOME], c + U, 4, NULL, ret, err);
    case 9:
        return stats_kaplan_meier(&c[TIME], &c[EVENT], &c[H], NULL, ret, err);
    case 10:
        return stats_log_rank(&c[TIME], &c[EVENT], &c[H], NULL, ret, err);
    case 11:
        return stats_cox(&c[TIME], &c[EVENT], c + U, 4, &breslow, ret, err);
    case 12:
        return stats_cox(&c[TIME], &c[EVENT], c + U, 4, NULL, ret, err);
    default:
        return stats_cox_zph(&c[TIME], &c[EVENT], c + U, 4, NULL, ret, err);
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"describe by 2",      "t-test",
                                        "Mann-Whitney",       "Kruskal-Wallis, 4",
                                        "chi-squared 2 x 4",  "Spearman",
                                        "linear, 2 terms",    "linear, 7 terms",
                                        "logistic, 7 terms",  "Kaplan-Meier by 4",
                                        "log-rank by 4",      "Cox Breslow, 6 terms",
                                        "Cox Efron, 6 terms", "cox.zph, 6 terms"};
    static const char *const column_names[COLUMNS] = {"time", "event", "group", "outcome",
                                                      "u",    "v",     "w",     "h"};
    int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 1000000;
    double *cells[COLUMNS];
    for (size_t c = 0; c < COLUMNS; c++) {
        cells[c] = malloc((size_t)rows * sizeof **cells);
        columns[c] = (struct stats_column){.name = column_names[c],
                                           .values = cells[c],
                                           .rows = rows,
                                           .category = c == GROUP || c == H};
    }
    for (int64_t r = 0; r < rows; r++) {
        double u = uniform() + uniform() + uniform(), v = uniform(), w = u + uniform(),
               h = floor(4 * uniform());
        double values[COLUMNS] = {floor(3000 * -log(uniform()) * exp(-0.3 * u - 0.1 * h)),
                                  uniform() < 0.4 ? 1 : 0,
                                  floor(2 * uniform()),
                                  uniform() < 1 / (1 + exp(1 - u)) ? 1 : 0,
                                  u,
                                  v,
                                  w,
                                  h};
        for (size_t c = 0; c < COLUMNS; c++)
            cells[c][r] = values[c];
    }
    long base = usage().ru_maxrss;
    printf("%lld rows; the columns take %ld MB\n", (long long)rows, base / 1024);
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        struct stats_result result = {0};
        struct err err = {0};
        double before = seconds(usage());
        if (call(i, &result, &err) != ERR_OK) {
            fprintf(stderr, "%s: %s\n", names[i], err.message);
            return 1;
        }
        printf("%-22s %7.3f s   peak so far +%ld MB\n", names[i], seconds(usage()) - before,
               (usage().ru_maxrss - base) / 1024);
        stats_result_done(&result);
    }
    for (size_t c = 0; c < COLUMNS; c++)
        free(cells[c]);
    return 0;
}
