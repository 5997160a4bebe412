/* A table's primary key: one column where there is one, else a minimal set of two to four.
 *
 *   single     unique columns, best first: referenced by relations, bearing the table's name, named
 * as an id, further left composite  up to 8 columns that may be part of a key (references, ids,
 * dates, codes, sequence numbers; never measures or free text): if all together are unique, drop
 * one after another, least wanted first, while the rest stays unique fallback   a unique column
 * that is not named as a key
 *
 * Minimal, not least: a smaller set elsewhere may exist, but no column of the one found can go. */
#include "profile/profile_priv.h"

#include <stdlib.h>
#include <string.h>

#define COMPOSITE_COLUMNS 8
#define KEY_COLUMNS 4

static const char *const order_words[] = {"seq", "sequence", "line", "ordinal", "visit", "version",
                                          "num", "number",   "no",   "idx",     "index", NULL};
/* Visits between two planned ones are numbered 3.1, 3.2 … */
static const char *const visit_words[] = {"visit", "visitnum", NULL};

struct part {
    size_t column;
    int want; /* lower is better */
};

static int compare_parts(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->want != y->want)
        return x->want < y->want ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

static double single_score(const struct fact_table *table, const struct fact_column *column,
                           int64_t references)
{
    double score = references > 0 ? 20 + (double)(references < 10 ? references : 10) : 0;
    score += column->name.id_like ? 5 : 0;
    score += column->name.strict_id ? 1 : 0;
    score += name_words_equal(&column->name.core, &table->core) ? 4 : 0;
    return score - .01 * (double)column->column;
}

/* Best unique column; named: only those that look like keys or are referenced. Returns -1 when
 * there is none. */
static int best_single(const struct fact_table *table, const int64_t *references, bool named)
{
    int best = -1;
    double best_score = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct fact_column *column = &table->columns[i];
        bool looks = references[i] > 0 || column->name.id_like || column->name.generic ||
                     name_words_equal(&column->name.core, &table->core);
        if (!column->unique || column->class == FACT_NONE || column->name.counts ||
            (named && !looks) || (!looks && column->blanks > .2))
            continue;
        double score = single_score(table, column, references[i]);
        if (best < 0 || score > best_score) {
            best = (int)i;
            best_score = score;
        }
    }
    return best;
}

/* How wanted a column is in a composite key; -1: never. */
static int part_want(const struct fact_column *column, bool is_child)
{
    const char *reason;
    if (column->nulls > 0 || column->rows == 0 || (column->distinct <= 1 && column->rows > 1))
        return -1;
    if (is_child)
        return 0;
    if (column->name.strict_id && column->class != FACT_NONE)
        return 1;
    if (column->class == FACT_INTEGER && name_has_any(&column->name.words, order_words))
        return 2;
    if (data_type_is_numeric(column->schema->type) &&
        name_has_any(&column->name.words, visit_words))
        return 2;
    switch (column_role(column, false, &reason)) {
    case PROFILE_IDENTIFIER:
        return 1;
    case PROFILE_DATE:
        return data_type_is_temporal(column->schema->type) ? 3 : 6;
    case PROFILE_CODE:
        return 4;
    case PROFILE_CATEGORY:
        return column->blanks > .2 ? 7 : 5;
    case PROFILE_MEASURE:
    case PROFILE_TEXT:
    case PROFILE_CONSTANT:
        return -1;
    }
    return -1;
}

static enum err_code is_unique(struct engine *engine, const struct fact_table *table,
                               const struct part *parts, size_t count, size_t without, bool *ret,
                               struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    double combinations = 1;
    buf_puts(&sql, "SELECT count(*) FROM (SELECT DISTINCT ");
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (i == without)
            continue;
        if (!first)
            buf_puts(&sql, ", ");
        first = false;
        const struct fact_column *column = &table->columns[parts[i].column];
        engine_quote_identifier(&sql, str_of(column->column_name));
        combinations *= 1.1 * (double)column->distinct + 1;
    }
    *ret = false;
    if (combinations < (double)table->table->rows)
        return ERR_OK;
    buf_puts(&sql, " FROM ");
    store_table_source(table->table, &sql);
    buf_putc(&sql, ')');
    TRY(buf_check(&sql, err));
    int64_t distinct = 0;
    TRY(engine_query_int(engine, buf_text(&sql), 0, &distinct, err));
    *ret = distinct == table->table->rows;
    return ERR_OK;
}

static enum err_code find_composite(struct engine *engine, const struct fact_table *table,
                                    const bool *is_child, struct profile_key *ret, struct err *err)
{
    AUTO(mem_free) struct part *parts = mem_zalloc(table->count + 1, sizeof *parts);
    if (parts == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for a key of %zu columns", table->count);
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        int want = part_want(&table->columns[i], is_child[i]);
        if (want >= 0)
            parts[count++] = (struct part){i, want};
    }
    qsort(parts, count, sizeof *parts, compare_parts);
    if (count > COMPOSITE_COLUMNS)
        count = COMPOSITE_COLUMNS;
    bool unique = false;
    if (count < 2)
        return ERR_OK;
    TRY(is_unique(engine, table, parts, count, count, &unique, err));
    if (!unique)
        return ERR_OK;
    for (size_t i = count; i > 0 && count > 1; i--) {
        TRY(is_unique(engine, table, parts, count, i - 1, &unique, err));
        if (!unique)
            continue;
        memmove(&parts[i - 1], &parts[i], (count - i) * sizeof *parts);
        count--;
    }
    if (count > KEY_COLUMNS)
        return ERR_OK;
    for (size_t i = 0; i < count; i++)
        parts[i].want = 0;
    qsort(parts, count, sizeof *parts, compare_parts);
    for (size_t i = 0; i < count; i++)
        ret->columns[i] = parts[i].column;
    ret->count = count;
    return ERR_OK;
}

enum err_code primary_key_find(struct engine *engine, const struct fact_table *table,
                               const int64_t *references, const bool *is_child,
                               struct profile_key *ret, struct err *err)
{
    memset(ret, 0, sizeof *ret);
    if (table->table->rows == 0)
        return ERR_OK;
    int single = best_single(table, references, true);
    if (single < 0)
        TRY(find_composite(engine, table, is_child, ret, err));
    if (single < 0 && ret->count == 0)
        single = best_single(table, references, false);
    if (single >= 0) {
        ret->columns[0] = (size_t)single;
        ret->count = 1;
    }
    return ERR_OK;
}
