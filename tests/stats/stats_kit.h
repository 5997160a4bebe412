/* For the tests of the layer stats: columns read from a golden case or a CSV file, and the
 * functions of the door by name, so that a case is data: "t_test value=age group=sex:c level=0.9".
 */
#ifndef MARROW_TESTS_STATS_STATS_KIT_H
#define MARROW_TESTS_STATS_STATS_KIT_H

#include <stdlib.h>

#include "golden.h"
#include "stats/stats.h"

#define KIT_COLUMNS 48

struct kit_table {
    struct arena *arena;
    struct stats_column columns[KIT_COLUMNS];
    size_t count;
    int64_t rows;
};

static inline void kit_table_done(struct kit_table *table)
{
    arena_free(table->arena);
    *table = (struct kit_table){0};
}

/* Cuts the next piece of *rest up to mark (or all of it). */
static inline struct str kit_cut(struct str *rest, char mark)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, mark, rest->len);
    struct str piece = {rest->ptr, end == NULL ? rest->len : (size_t)(end - rest->ptr)};
    size_t used = piece.len + (end == NULL ? 0 : 1);
    *rest = (struct str){rest->ptr + used, rest->len - used};
    return piece;
}

static inline int64_t kit_lines(struct str text)
{
    int64_t lines = 0;
    while (text.len > 0)
        lines += golden_line(&text).len > 1 ? 1 : 0;
    return lines;
}

/* A head "g:c:low|high", or a name alone. */
static inline void kit_head(struct kit_table *table, struct str head)
{
    struct stats_column *column = &table->columns[table->count++];
    struct str name = kit_cut(&head, ':'), kind = kit_cut(&head, ':');
    const char **labels = arena_array(table->arena, 32, sizeof *labels);
    if (name.len > 1 && name.ptr[0] == '"')
        name = (struct str){name.ptr + 1, name.len - 2};
    column->name = arena_strndup(table->arena, name.ptr, name.len);
    column->values = arena_array(table->arena, (size_t)table->rows + 1, sizeof(double));
    column->rows = table->rows;
    column->category = kind.len > 0;
    while (head.len > 0) {
        struct str label = kit_cut(&head, '|');
        labels[column->label_count++] = arena_strndup(table->arena, label.ptr, label.len);
    }
    column->labels = column->label_count > 0 ? labels : NULL;
}

/* A text's code among the labels so far, kept in ascending order afterwards by kit_sort_labels. */
static inline double kit_label(struct kit_table *table, struct stats_column *column,
                               struct str text)
{
    if (column->labels == NULL)
        column->labels = arena_array(table->arena, 32, sizeof *column->labels);
    const char **labels = (const char **)(uintptr_t)column->labels;
    for (size_t i = 0; i < column->label_count; i++)
        if (str_equal(str_of(labels[i]), text))
            return (double)i;
    if (column->label_count == 32)
        return NAN;
    labels[column->label_count] = arena_strndup(table->arena, text.ptr, text.len);
    column->category = true;
    return (double)column->label_count++;
}

static inline void kit_sort_labels(struct kit_table *table, struct stats_column *column)
{
    const char **labels = (const char **)(uintptr_t)column->labels;
    double *values = (double *)(uintptr_t)column->values;
    for (size_t i = 1; i < column->label_count; i++)
        for (size_t j = i; j > 0 && strcmp(labels[j - 1], labels[j]) > 0; j--) {
            const char *swap = labels[j];
            labels[j] = labels[j - 1];
            labels[j - 1] = swap;
            for (int64_t r = 0; r < table->rows; r++)
                if (values[r] == (double)j || values[r] == (double)(j - 1))
                    values[r] = values[r] == (double)j ? (double)(j - 1) : (double)j;
        }
}

/* Rows of cells parted by mark; NA or nothing: missing; texts become categories by alphabet. */
static inline void kit_read(struct kit_table *table, struct str text, char mark)
{
    *table = (struct kit_table){.arena = arena_new(0), .rows = kit_lines(text) - 1};
    struct str head = str_trim(golden_line(&text));
    while (head.len > 0 && table->count < KIT_COLUMNS)
        kit_head(table, kit_cut(&head, mark));
    for (int64_t row = 0; row < table->rows; row++) {
        struct str line = golden_line(&text);
        while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
            line.len--;
        for (size_t c = 0; c < table->count; c++) {
            struct str cell = kit_cut(&line, mark);
            double *value = (double *)(uintptr_t)table->columns[c].values + row;
            if (cell.len == 0 || str_equal(cell, STR("NA")))
                *value = NAN;
            else if (table->columns[c].label_count > 0 && mark == ',')
                *value = kit_label(table, &table->columns[c], cell);
            else if (!str_to_double(cell, value))
                *value = kit_label(table, &table->columns[c], cell);
        }
    }
    for (size_t c = 0; c < table->count && mark == ','; c++)
        kit_sort_labels(table, &table->columns[c]);
}

/* A call: its first word, and KEY=VALUE words. */
static inline struct str kit_argument(struct str call, const char *key)
{
    struct str rest = str_trim(call);
    while (rest.len > 0) {
        struct str word = kit_cut(&rest, ' '), name = kit_cut(&word, '=');
        if (str_equal(name, str_of(key)))
            return word;
    }
    return STR("");
}

/* "sex:c" is the column sex taken as a category. An unknown name gives one of no rows. */
static inline struct stats_column kit_column(const struct kit_table *table, struct str name)
{
    struct str bare = kit_cut(&name, ':');
    for (size_t c = 0; c < table->count; c++)
        if (str_equal(str_of(table->columns[c].name), bare)) {
            struct stats_column column = table->columns[c];
            column.category = column.category || name.len > 0;
            return column;
        }
    return (struct stats_column){.name = "unknown", .values = NULL};
}

static inline struct stats_options kit_options(struct str call)
{
    static const char *const exact[] = {"auto", "always", "never"}, *const intervals[] = {
                                                                        "log", "log-log", "plain"};
    struct stats_options options = {0};
    options.has_event_value =
        str_to_double(kit_argument(call, "event_value"), &options.event_value);
    if (!str_to_double(kit_argument(call, "level"), &options.level))
        options.level = 0;
    options.equal_variance = str_equal(kit_argument(call, "equal_variance"), STR("1"));
    options.no_continuity = str_equal(kit_argument(call, "no_continuity"), STR("1"));
    options.center =
        str_equal(kit_argument(call, "center"), STR("mean")) ? STATS_MEAN : STATS_MEDIAN;
    options.ties =
        str_equal(kit_argument(call, "ties"), STR("breslow")) ? STATS_BRESLOW : STATS_EFRON;
    for (int i = 0; i < 3; i++) {
        if (str_equal(kit_argument(call, "exact"), str_of(exact[i])))
            options.exact = (enum stats_exactness)i;
        if (str_equal(kit_argument(call, "interval"), str_of(intervals[i])))
            options.interval = (enum stats_interval)i;
    }
    return options;
}

typedef enum err_code kit_two(const struct stats_column *, const struct stats_column *,
                              const struct stats_options *, struct stats_result *, struct err *);
typedef enum err_code kit_one(const struct stats_column *, const struct stats_options *,
                              struct stats_result *, struct err *);
typedef enum err_code kit_counts(const struct stats_table *, const struct stats_options *,
                                 struct stats_result *, struct err *);
typedef enum err_code kit_model(const struct stats_column *, const struct stats_column *, size_t,
                                const struct stats_options *, struct stats_result *, struct err *);
typedef enum err_code kit_times(const struct stats_column *, const struct stats_column *,
                                const struct stats_column *, const struct stats_options *,
                                struct stats_result *, struct err *);
typedef enum err_code kit_hazards(const struct stats_column *, const struct stats_column *,
                                  const struct stats_column *, size_t, const struct stats_options *,
                                  struct stats_result *, struct err *);

typedef enum err_code kit_many(const struct stats_column *, size_t, const struct stats_options *,
                               struct stats_result *, struct err *);

/* Exactly one of the functions is set; first and second: the argument names of its two columns. */
struct kit_function {
    const char *name, *first, *second;
    kit_one *one;
    kit_two *two;
    kit_counts *counts;
    kit_model *model;
    kit_times *times;
    kit_hazards *hazards;
    kit_many *many;
};

static inline enum err_code kit_call_counts(kit_counts *function, const struct kit_table *table,
                                            const struct stats_options *options,
                                            struct stats_result *ret, struct err *err)
{
    struct stats_table counts = {"rows", "columns", NULL, (size_t)table->rows, table->count};
    double *cells =
        arena_array(table->arena, (size_t)table->rows * table->count + 1, sizeof *cells);
    for (size_t r = 0; r < counts.rows; r++)
        for (size_t c = 0; c < counts.columns; c++)
            cells[r * counts.columns + c] = table->columns[c].values[r];
    counts.counts = cells;
    return function(&counts, options, ret, err);
}

static inline enum err_code kit_call(const struct kit_function *function, struct str call,
                                     const struct kit_table *table, struct stats_result *ret,
                                     struct err *err)
{
    struct stats_options options = kit_options(call);
    struct stats_column a = {0}, b = {0}, x[KIT_COLUMNS];
    struct str predictors = kit_argument(call, "x"), group = kit_argument(call, "group");
    size_t count = 0;
    if (function->first != NULL)
        a = kit_column(table, kit_argument(call, function->first));
    if (function->second != NULL)
        b = kit_column(table, kit_argument(call, function->second));
    while (predictors.len > 0)
        x[count++] = kit_column(table, kit_cut(&predictors, ','));
    const struct stats_column groups = kit_column(table, group);
    struct str strata_name = kit_argument(call, "strata");
    const struct stats_column strata = kit_column(table, strata_name);
    options.strata = strata_name.len > 0 ? &strata : NULL;
    if (function->many != NULL)
        return function->many(x, count, &options, ret, err);
    if (function->one != NULL)
        return function->one(&a, &options, ret, err);
    if (function->two != NULL)
        return function->two(&a, b.values == NULL ? NULL : &b, &options, ret, err);
    if (function->counts != NULL)
        return kit_call_counts(function->counts, table, &options, ret, err);
    if (function->model != NULL)
        return function->model(&a, x, count, &options, ret, err);
    if (function->times != NULL)
        return function->times(&a, &b, group.len == 0 ? NULL : &groups, &options, ret, err);
    return function->hazards(&a, &b, x, count, &options, ret, err);
}

#endif
