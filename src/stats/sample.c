/* From the caller's columns to what a test computes over: the rows that have a value everywhere,
 * the levels of a category, a number parted by groups. Who is left out is counted by the first
 * column that lacks a value, so that the counts add up to the rows left out. */
#include <string.h>

#include "stats/stats_priv.h"

static enum err_code check_columns(struct work *work, const struct stats_column *const *columns,
                                   size_t count)
{
    for (size_t c = 0; c < count; c++) {
        const struct stats_column *column = columns[c];
        if (column->rows != columns[0]->rows)
            return err_set(work->err, ERR_USAGE, "column %s has %lld rows, column %s has %lld",
                           column->name, (long long)column->rows, columns[0]->name,
                           (long long)columns[0]->rows);
        if (column->rows > STATS_ROWS_MAX)
            return err_set(work->err, ERR_LIMIT, "column %s has %lld rows, %lld at most",
                           column->name, (long long)column->rows, (long long)STATS_ROWS_MAX);
    }
    return ERR_OK;
}

/* dropped[2c]: missing in column c, [2c+1]: infinite there. */
static void keep_dropped(struct work *work, const struct stats_column *const *columns, size_t count,
                         const int64_t *dropped)
{
    struct stats_dropped *list = arena_array(work->ret->arena, 2 * count, sizeof *list);
    size_t used = 0;
    for (size_t i = 0; list != NULL && i < 2 * count; i++)
        if (dropped[i] > 0)
            list[used++] = (struct stats_dropped){work_keep(work, "%s is %s", columns[i / 2]->name,
                                                            i % 2 == 0 ? "missing" : "not finite"),
                                                  dropped[i]};
    work->ret->dropped = list;
    work->ret->dropped_count = used;
}

enum err_code sample_take(struct work *work, const struct stats_column *const *columns,
                          size_t count, struct sample *ret)
{
    TRY(check_columns(work, columns, count));
    int64_t rows = columns[0]->rows;
    int64_t *dropped = work_array(work, (int64_t)(2 * count), sizeof *dropped);
    *ret = (struct sample){.rows = work_array(work, rows, sizeof *ret->rows)};
    ret->x = work_array(work, (int64_t)count, sizeof *ret->x);
    TRY(work_memory(work));
    for (int64_t row = 0; row < rows; row++) {
        size_t c = 0;
        while (c < count && isfinite(columns[c]->values[row]))
            c++;
        if (c == count)
            ret->rows[ret->n++] = row;
        else
            dropped[2 * c + (isnan(columns[c]->values[row]) ? 0 : 1)]++;
    }
    for (size_t c = 0; c < count; c++) {
        ret->x[c] = work_array(work, ret->n, sizeof **ret->x);
        TRY(work_memory(work));
        for (int64_t i = 0; i < ret->n; i++)
            ret->x[c][i] = columns[c]->values[ret->rows[i]];
    }
    work->ret->n = ret->n;
    work->ret->dropped_rows = rows - ret->n;
    keep_dropped(work, columns, count, dropped);
    return work_memory(work);
}

static const char *level_name(struct work *work, const struct stats_column *column, double code)
{
    char text[32];
    if (column->labels != NULL && code >= 0 && code < (double)column->label_count &&
        code == floor(code) && column->labels[(size_t)code] != NULL)
        return arena_strdup(work->ret->arena, column->labels[(size_t)code]);
    return arena_strdup(work->ret->arena, str_from_double(code, text));
}

/* The place of code among count ascending codes, or where it would go. */
static size_t place_of(const double *codes, size_t count, double code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (codes[middle] < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum err_code levels_find(struct work *work, const struct stats_column *column, const double *x,
                          int64_t n, size_t limit, struct levels *ret)
{
    *ret = (struct levels){.codes = work_array(work, (int64_t)limit + 1, sizeof *ret->codes)};
    ret->index = work_array(work, n, sizeof *ret->index);
    TRY(work_memory(work));
    for (int64_t i = 0; i < n; i++) {
        size_t at = place_of(ret->codes, ret->count, x[i]);
        if (at < ret->count && ret->codes[at] == x[i])
            continue;
        if (ret->count == limit) {
            err_set(work->err, ERR_LIMIT,
                    "column %s has more than %zu distinct values, too many for groups",
                    column->name, limit);
            return err_hint(work->err, "take it as a number, or group its values");
        }
        memmove(ret->codes + at + 1, ret->codes + at, (ret->count - at) * sizeof *ret->codes);
        ret->codes[at] = x[i];
        ret->count++;
    }
    ret->n = work_array(work, (int64_t)ret->count, sizeof *ret->n);
    ret->names = work_array(work, (int64_t)ret->count, sizeof *ret->names);
    TRY(work_memory(work));
    for (int64_t i = 0; i < n; i++) {
        ret->index[i] = (uint32_t)place_of(ret->codes, ret->count, x[i]);
        ret->n[ret->index[i]]++;
    }
    for (size_t k = 0; k < ret->count; k++)
        ret->names[k] = level_name(work, column, ret->codes[k]);
    return work_memory(work);
}

enum err_code split_take(struct work *work, const struct stats_column *value,
                         const struct stats_column *group, size_t exactly, struct split *ret)
{
    const struct stats_column *columns[] = {value, group};
    struct sample sample;
    TRY(sample_take(work, columns, 2, &sample));
    *ret = (struct split){.value = sample.x[0], .n = sample.n};
    TRY(levels_find(work, group, sample.x[1], sample.n, STATS_LEVELS_MAX, &ret->levels));
    const struct levels *levels = &ret->levels;
    if (exactly > 0 ? levels->count != exactly : levels->count < 2) {
        work_input(work, "%s has %zu level%s among the rows that have %s, expected %s%zu",
                   group->name, levels->count, levels->count == 1 ? "" : "s", value->name,
                   exactly > 0 ? "" : "at least ", exactly > 0 ? exactly : (size_t)2);
        return err_hint(work->err, "choose the groups to compare, or another column");
    }
    ret->by = work_array(work, (int64_t)levels->count, sizeof *ret->by);
    int64_t *filled = work_array(work, (int64_t)levels->count, sizeof *filled);
    TRY(work_memory(work));
    for (size_t k = 0; k < levels->count; k++)
        ret->by[k] = work_array(work, levels->n[k], sizeof **ret->by);
    TRY(work_memory(work));
    for (int64_t i = 0; i < ret->n; i++)
        ret->by[levels->index[i]][filled[levels->index[i]]++] = ret->value[i];
    return ERR_OK;
}
