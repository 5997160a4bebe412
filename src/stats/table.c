/* Tables of counts: made from rows or taken as counted, then Pearson's chi-squared and McNemar's
 * test (Bowker's for more than two levels). Fisher's test is in fisher.c. */
#include "stats/table_priv.h"

#define COUNT_MAX 9007199254740992.0 /* whole numbers of a double */

static enum err_code counts_sums(struct work *work, struct counts *ret)
{
    ret->row_sums = work_array(work, (int64_t)ret->rows, sizeof *ret->row_sums);
    ret->column_sums = work_array(work, (int64_t)ret->columns, sizeof *ret->column_sums);
    TRY(work_memory(work));
    for (size_t r = 0; r < ret->rows; r++)
        for (size_t c = 0; c < ret->columns; c++) {
            double count = ret->cells[r * ret->columns + c];
            ret->row_sums[r] += count;
            ret->column_sums[c] += count;
            ret->total += count;
        }
    if (ret->rows < 2 || ret->columns < 2) {
        work_input(work,
                   "%s has %zu level%s and %s %zu among the complete rows: a test of a table needs "
                   "at least two rows and two columns",
                   ret->row_name, ret->rows, ret->rows == 1 ? "" : "s", ret->column_name,
                   ret->columns);
        return err_hint(work->err, "choose a column with more levels, or other rows");
    }
    return ERR_OK;
}

enum err_code counts_of_table(struct work *work, const struct stats_table *table,
                              struct counts *ret)
{
    *ret = (struct counts){.row_name = table->row_name,
                           .column_name = table->column_name,
                           .rows = table->rows,
                           .columns = table->columns};
    if (table->rows > STATS_CELLS_MAX || table->columns > STATS_CELLS_MAX ||
        table->rows * table->columns > STATS_CELLS_MAX)
        return err_set(work->err, ERR_LIMIT, "a table of %zu × %zu counts, %d cells at most",
                       table->rows, table->columns, STATS_CELLS_MAX);
    double *cells = work_array(work, (int64_t)(table->rows * table->columns), sizeof *cells);
    TRY(work_memory(work));
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        cells[i] = table->counts[i];
        if (!(cells[i] >= 0 && cells[i] <= COUNT_MAX) || cells[i] != floor(cells[i]))
            return work_input(work,
                              "a count of %s by %s is no count: counts are whole numbers from 0",
                              table->row_name, table->column_name);
    }
    ret->cells = cells;
    TRY(counts_sums(work, ret));
    work->ret->n = ret->total > 9e15 ? INT64_MAX : (int64_t)ret->total;
    return ret->total > COUNT_MAX
               ? work_input(work,
                            "the counts of %s by %s add up to more than a double holds exactly",
                            table->row_name, table->column_name)
               : ERR_OK;
}

static bool labels_differ(const struct stats_column *a, const struct stats_column *b)
{
    if (a->labels == b->labels && a->label_count == b->label_count)
        return false;
    if (a->labels == NULL || b->labels == NULL || a->label_count != b->label_count)
        return true;
    for (size_t i = 0; i < a->label_count; i++)
        if (!str_equal(str_of(a->labels[i]), str_of(b->labels[i])))
            return true;
    return false;
}

/* square: one list of levels for both columns. */
static enum err_code counts_of_rows(struct work *work, const struct stats_column *a,
                                    const struct stats_column *b, bool square, struct counts *ret)
{
    const struct stats_column *columns[] = {a, b};
    struct sample sample;
    struct levels rows, across;
    if (square && labels_differ(a, b))
        return err_set(work->err, ERR_USAGE,
                       "columns %s and %s have different labels: pairs need the same levels",
                       a->name, b->name);
    TRY(sample_take(work, columns, 2, &sample));
    if (square) {
        double *both = work_array(work, 2 * sample.n, sizeof *both);
        TRY(work_memory(work));
        for (int64_t i = 0; i < sample.n; i++) {
            both[i] = sample.x[0][i];
            both[sample.n + i] = sample.x[1][i];
        }
        TRY(levels_find(work, a, both, 2 * sample.n, STATS_LEVELS_MAX, &rows));
        across = rows;
        across.index = rows.index + sample.n;
    } else {
        TRY(levels_find(work, a, sample.x[0], sample.n, STATS_LEVELS_MAX, &rows));
        TRY(levels_find(work, b, sample.x[1], sample.n, STATS_LEVELS_MAX, &across));
    }
    *ret = (struct counts){
        .row_name = a->name, .column_name = b->name, .rows = rows.count, .columns = across.count};
    if (rows.count * across.count > STATS_CELLS_MAX)
        return err_set(work->err, ERR_LIMIT, "a table of %zu × %zu counts, %d cells at most",
                       rows.count, across.count, STATS_CELLS_MAX);
    ret->cells = work_array(work, (int64_t)(rows.count * across.count), sizeof *ret->cells);
    TRY(work_memory(work));
    for (int64_t i = 0; i < sample.n; i++)
        ret->cells[rows.index[i] * across.count + across.index[i]]++;
    return counts_sums(work, ret);
}

enum err_code counts_take(struct work *work, const struct stats_column *a,
                          const struct stats_column *b, const struct stats_table *table,
                          bool square, struct counts *ret)
{
    return table != NULL ? counts_of_table(work, table, ret)
                         : counts_of_rows(work, a, b, square, ret);
}

enum err_code counts_need_margins(struct work *work, const struct counts *counts)
{
    for (size_t r = 0; r < counts->rows; r++)
        if (!(counts->row_sums[r] > 0))
            return work_input(work, "%s has a level without any count: leave it out of the table",
                              counts->row_name);
    for (size_t c = 0; c < counts->columns; c++)
        if (!(counts->column_sums[c] > 0))
            return work_input(work, "%s has a level without any count: leave it out of the table",
                              counts->column_name);
    return ERR_OK;
}

/* Σ (|O - E| - correction)² / E; *ret_small: how many expected counts are under five. */
static double chi_sum(const struct counts *counts, double correction, int64_t *ret_small)
{
    long double sum = 0;
    *ret_small = 0;
    for (size_t r = 0; r < counts->rows; r++)
        for (size_t c = 0; c < counts->columns; c++) {
            double expected = counts->row_sums[r] * (counts->column_sums[c] / counts->total);
            double off = fabs(counts->cells[r * counts->columns + c] - expected);
            off -= off < correction ? off : correction;
            sum += off * off / expected;
            *ret_small += expected < 5 ? 1 : 0;
        }
    return (double)sum;
}

static enum err_code chi_squared(struct work *work, const struct counts *counts)
{
    TRY(counts_need_margins(work, counts));
    bool corrected = counts->rows == 2 && counts->columns == 2 && !work->options.no_continuity;
    int64_t small;
    double plain = chi_sum(counts, 0, &small),
           statistic = corrected ? chi_sum(counts, 0.5, &small) : plain;
    double df = (double)((counts->rows - 1) * (counts->columns - 1));
    size_t least = counts->rows < counts->columns ? counts->rows : counts->columns;
    work_statistic(work, "chi-squared", statistic, df, dist_chisq_upper(statistic, df));
    work->ret->method = corrected ? "Yates' continuity correction" : "chi-squared approximation";
    work->ret->estimate_name = "Cramér's V";
    work->ret->estimate = sqrt(plain / (counts->total * (double)(least - 1)));
    if (small > 0)
        work_note(
            work,
            "%lld expected count%s under 5: the approximation may be poor, Fisher's test is exact",
            (long long)small, small == 1 ? " is" : "s are");
    return ERR_OK;
}

static enum err_code chi_squared_any(const struct stats_column *a, const struct stats_column *b,
                                     const struct stats_table *table,
                                     const struct stats_options *options, struct stats_result *ret,
                                     struct err *err)
{
    struct work work;
    struct counts counts;
    enum err_code code = work_begin(&work, "Pearson's chi-squared test", options, ret, err);
    if (code == ERR_OK)
        code = counts_take(&work, a, b, table, false, &counts);
    if (code == ERR_OK)
        code = chi_squared(&work, &counts);
    return work_end(&work, code);
}

enum err_code stats_chi_squared(const struct stats_column *a, const struct stats_column *b,
                                const struct stats_options *options, struct stats_result *ret,
                                struct err *err)
{
    return chi_squared_any(a, b, NULL, options, ret, err);
}

enum err_code stats_chi_squared_table(const struct stats_table *table,
                                      const struct stats_options *options, struct stats_result *ret,
                                      struct err *err)
{
    return chi_squared_any(NULL, NULL, table, options, ret, err);
}

static enum err_code mcnemar(struct work *work, const struct counts *counts)
{
    size_t k = counts->rows;
    if (k != counts->columns)
        return work_input(work, "%s has %zu levels and %s %zu: pairs need as many rows as columns",
                          counts->row_name, k, counts->column_name, counts->columns);
    double statistic = 0, differing = 0, discordant = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++) {
            differing += counts->cells[i * k + j] != counts->cells[j * k + i] ? 1 : 0;
            discordant += counts->cells[i * k + j] + counts->cells[j * k + i];
        }
    if (!(discordant > 0))
        return work_input(
            work, "no pair differs between %s and %s: McNemar's test looks at those that do",
            counts->row_name, counts->column_name);
    if (k == 2 && work->options.exact == STATS_EXACT_ALWAYS) { /* of m that differ, half each way */
        double less = fmin(counts->cells[1], counts->cells[2]);
        work->ret->p = fmin(1, 2 * dist_beta_lower(discordant - less, less + 1, .5, .5));
        work->ret->method = "exact binomial";
        return ERR_OK;
    }
    bool corrected = k == 2 && differing > 0 && !work->options.no_continuity;
    for (size_t i = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++) {
            double sum = counts->cells[i * k + j] + counts->cells[j * k + i];
            double off =
                fabs(counts->cells[i * k + j] - counts->cells[j * k + i]) - (corrected ? 1 : 0);
            if (!(sum > 0)) /* R: 0/0 */
                return work_input(work,
                                  "two levels of %s and %s are never exchanged: Bowker's test "
                                  "needs each pair of levels",
                                  counts->row_name, counts->column_name);
            statistic += off * off / sum;
        }
    double df = (double)(k * (k - 1) / 2);
    work_statistic(work, "chi-squared", statistic, df, dist_chisq_upper(statistic, df));
    work->ret->test = k == 2 ? "McNemar's test" : "Bowker's test of symmetry";
    work->ret->method = corrected ? "continuity correction" : "chi-squared approximation";
    if (k == 2 && discordant < 25)
        work_note(work, "only %.0f pairs differ: the approximation may be poor", discordant);
    return ERR_OK;
}

static enum err_code mcnemar_any(const struct stats_column *a, const struct stats_column *b,
                                 const struct stats_table *table,
                                 const struct stats_options *options, struct stats_result *ret,
                                 struct err *err)
{
    struct work work;
    struct counts counts;
    enum err_code code = work_begin(&work, "McNemar's test", options, ret, err);
    if (code == ERR_OK)
        code = counts_take(&work, a, b, table, true, &counts);
    if (code == ERR_OK)
        code = mcnemar(&work, &counts);
    return work_end(&work, code);
}

enum err_code stats_mcnemar(const struct stats_column *a, const struct stats_column *b,
                            const struct stats_options *options, struct stats_result *ret,
                            struct err *err)
{
    return mcnemar_any(a, b, NULL, options, ret, err);
}

enum err_code stats_mcnemar_table(const struct stats_table *table,
                                  const struct stats_options *options, struct stats_result *ret,
                                  struct err *err)
{
    return mcnemar_any(NULL, NULL, table, options, ret, err);
}
