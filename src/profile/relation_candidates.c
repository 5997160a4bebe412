/* Which child columns may point to which keys, and the facts of each pair.
 *
 *   all child columns × all plausible keys ──names, classes, ranges, lengths──▶ surviving pairs
 * ──value sets merged──▶ facts
 *
 * Pruning looks at names and at figures that are there already; a column's values are read only
 * when one of its pairs survives, and then once. Two sorted hash sets are merged in C; columns of
 * more than PROFILE_SET_LIMIT values, and those past PROFILE_SETS_LIMIT together, are compared by
 * the engine. */
#include "profile/profile_priv.h"

#include <math.h>
#include <string.h>

struct pairs {
    struct relation_facts *facts;
    size_t count, capacity;
};

static bool is_uuid(const struct fact_column *column)
{
    return column->class == FACT_TEXT && column->shortest == 36 && column->longest == 36;
}

/* Are the child's ends as near the parent's as random draws would be? A cheap look before values
 * are read. */
static bool ranges_meet(const struct fact_column *child, const struct fact_column *parent)
{
    double range = (double)parent->max - (double)parent->min + 1,
           slack = 3.5 / ((double)child->distinct + 1) * range;
    return (double)child->max >= (double)parent->max - slack &&
           (double)child->min <= (double)parent->min + slack;
}

/* Without help from the names only a column that is meant as a reference may go on. */
static bool worth_without_name(const struct fact_column *child, const struct fact_column *parent)
{
    if (child->unique || child->name.generic || child->class != parent->class ||
        child->table == parent->table)
        return false;
    if (child->distinct > parent->distinct + parent->distinct / 10)
        return false;
    if (child->class == FACT_INTEGER)
        return child->name.strict_id && child->min >= parent->min && child->max <= parent->max &&
               ranges_meet(child, parent);
    bool lengths = (child->shortest >= parent->shortest || child->shortest <= 2) &&
                   child->longest <= parent->longest; /* ≤ 2: a 0 or -1 for none */
    return (child->name.id_like || is_uuid(child)) && lengths;
}

static bool starts_with_digit(const struct fact_column *column)
{
    return column->class == FACT_TEXT && column->schema->type.kind == DATA_TEXT
               ? (column->low[0] >= '0' && column->low[0] <= '9') || column->low[0] == '-'
               : true;
}

static bool classes_meet(const struct fact_column *child, const struct fact_column *parent)
{
    if (child->class == FACT_INTEGER && parent->class == FACT_INTEGER)
        return child->max >= parent->min && child->min <= parent->max;
    if (child->class != parent->class)
        return starts_with_digit(child) && starts_with_digit(parent);
    return true;
}

/* Is the parent a mere "id" beside a key that bears the table's name? */
static bool shadowed(const struct fact_table *table, const struct fact_column *parent)
{
    if (!parent->name.generic)
        return false;
    for (size_t i = 0; i < table->count; i++) {
        const struct fact_column *other = &table->columns[i];
        if (other != parent && other->unique && !fact_same_values(other, parent) && other->name.id_like &&
            name_words_equal(&other->name.core, &table->core))
            return true;
    }
    return false;
}

static size_t shared_words(const struct name_words *a, const struct name_words *b)
{
    size_t shared = 0;
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++) {
            const char *x = a->words[i], *y = b->words[k];
            if (strcmp(x, y) == 0 || (strlen(x) >= 3 && strncmp(x, y, 3) == 0))
                shared++;
        }
    return shared;
}

static void describe(const struct fact_table *child_table, const struct fact_column *child,
                     const struct fact_table *parent_table, const struct fact_column *parent,
                     struct relation_facts *ret)
{
    struct name_pair pair = {&child->name,
                             &parent->name,
                             &child_table->core,
                             &parent_table->core,
                             child->unique,
                             child->table == parent->table,
                             shadowed(parent_table, parent)};
    ret->affinity = name_affinity(&pair, &ret->match);
    ret->integers = child->class == FACT_INTEGER && parent->class == FACT_INTEGER;
    ret->child_unique = child->unique;
    ret->child_generic = child->name.generic;
    ret->child_strict_id = child->name.strict_id;
    ret->child_id_like = child->name.id_like;
    ret->child_uuid = is_uuid(child);
    ret->same_table = pair.same_table;
    ret->child_owns_name = name_words_equal(&child->name.core, &child_table->core);
    ret->names_parent_table = name_words_equal(&child->name.core, &parent_table->core);
    ret->child_ordinal = child->column;
    ret->parent_ordinal = parent->column;
    ret->child_table = child->table;
    ret->parent_table = parent->table;
    ret->shared_table_words = shared_words(&child_table->core, &parent_table->core);
}

static bool survives(const struct fact_column *child, const struct fact_column *parent,
                     const struct relation_facts *facts)
{
    if (!classes_meet(child, parent))
        return false;
    if (facts->same_table && facts->match != NAME_SELF && facts->affinity < .8)
        return false;
    if (facts->same_table && parent->name.generic && facts->match == NAME_OF_TABLE)
        return false;
    if (facts->affinity > 0)
        return child->class == parent->class || facts->affinity >= .7;
    return worth_without_name(child, parent);
}

/* Rows and values of child that are in parent, by merging two ascending sets. */
static void merge(const struct value_set *child, const struct value_set *parent,
                  struct relation_facts *ret)
{
    size_t c = 0, p = 0;
    while (c < child->count && p < parent->count) {
        if (child->hashes[c] < parent->hashes[p]) {
            c++;
        } else if (child->hashes[c] > parent->hashes[p]) {
            p++;
        } else {
            ret->matched_distinct++;
            ret->matched_rows += child->rows[c];
            c++;
            p++;
        }
    }
}

static int64_t rows_of(const struct value_set *set, const char *text)
{
    uint64_t hash = hash_xxh3_64(text, strlen(text), 0);
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && set->hashes[low] == hash ? set->rows[low] : 0;
}

/* 0 and -1 stand for "none" in many schemas (OMOP's concept 0): where the parent has no such key
 * they are no orphans. */
static int64_t sentinels(const struct value_set *child, const struct value_set *parent,
                         int64_t *ret_values)
{
    static const char *const texts[] = {"0", "-1"};
    int64_t rows = 0;
    *ret_values = 0;
    for (size_t i = 0; i < 2; i++) {
        int64_t found = rows_of(child, texts[i]);
        if (found > 0 && rows_of(parent, texts[i]) == 0 &&
            (int64_t)child->count > *ret_values + 1) {
            rows += found;
            ++*ret_values;
        }
    }
    return rows;
}

static size_t below(const int64_t *values, size_t count, int64_t limit)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (values[middle] < limit)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double digits_of(const struct fact_column *column, bool sentinels_apart)
{
    if (column->class == FACT_TEXT)
        return sentinels_apart ? (double)column->longest : column->mean_bytes;
    double largest = fmax(fabs((double)column->min), fabs((double)column->max));
    return largest < 10 ? 1 : floor(log10(largest)) + 1;
}

/* The child's least value that is no sentinel. */
static int64_t least_value(const struct fact_column *child, const struct relation_facts *facts)
{
    if (facts->sentinel_rows > 0 && child->set != NULL && child->set->integers != NULL)
        for (size_t i = 0; i < child->set->count; i++)
            if (child->set->integers[i] > 0)
                return child->set->integers[i];
    return child->min;
}

/* P(a random value of the child's domain is a key of the parent). */
static double density(const struct fact_column *child, const struct fact_column *parent,
                      const struct relation_facts *facts)
{
    double width;
    if (child->class == FACT_INTEGER && parent->class == FACT_INTEGER) {
        int64_t least = least_value(child, facts);
        width = (double)child->max - (double)least + 1;
        double inside;
        if (parent->set != NULL && parent->set->integers != NULL)
            inside = (double)(below(parent->set->integers, parent->set->count, child->max) -
                              below(parent->set->integers, parent->set->count, least)) +
                     1;
        else
            inside = (double)parent->distinct *
                     fmin(1, width / ((double)parent->max - (double)parent->min + 1));
        return fmin(1, inside / width);
    }
    bool digits = child->class == FACT_INTEGER || (child->set != NULL && child->set->digits);
    double length = fmax(1, fmin(12, round(digits_of(child, facts->sentinel_rows > 0))));
    width = pow(digits ? 10 : 30, length);
    return fmin(1, (double)parent->distinct / width);
}

static void measure_ranges(const struct fact_column *child, const struct fact_column *parent,
                           struct relation_facts *ret)
{
    ret->reach = 1;
    if (!ret->integers)
        return;
    int64_t least = least_value(child, ret);
    double range = (double)parent->max - (double)parent->min + 1,
           greatest = fmin((double)child->max, (double)parent->max);
    ret->reach = fmax(0, (greatest - (double)parent->min + 1) / range);
    double slack = 3 / ((double)ret->child_distinct + 1) * range;
    double child_slack =
        3 / ((double)ret->child_distinct + 1) * ((double)child->max - (double)least + 1);
    ret->top_agrees =
        (double)child->max >= (double)parent->max - child_slack && child->max <= parent->max;
    ret->range_agrees = (double)child->max >= (double)parent->max - slack &&
                        (double)least <= (double)parent->min + slack;
    double width = (double)child->max - (double)child->min + 1;
    ret->child_counts_from_one = child->unique && child->min >= 0 && child->min <= 1 &&
                                 (double)child->distinct >= .95 * width;
}

/* The engine compares two columns that are too large for sets. */
static enum err_code count_by_engine(struct engine *engine, const struct fact_column *child,
                                     const struct fact_column *parent, struct relation_facts *ret,
                                     struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    const char *child_type = child->class == FACT_INTEGER ? "BIGINT" : "VARCHAR",
               *parent_type = parent->class == FACT_INTEGER ? "BIGINT" : "VARCHAR";
    buf_printf(&sql, "SELECT count(*) FILTER (m), CAST(coalesce(sum(n) FILTER (m), 0) AS BIGINT), "
                     "count(*) FROM (SELECT n, CAST(v AS VARCHAR) IN (SELECT CAST(CAST(");
    engine_quote_identifier(&sql, str_of(parent->column_name));
    buf_printf(&sql, " AS %s) AS VARCHAR) FROM ", parent_type);
    store_table_source(parent->stored, &sql);
    buf_puts(&sql, ") AS m FROM (SELECT CAST(");
    engine_quote_identifier(&sql, str_of(child->column_name));
    buf_printf(&sql, " AS %s) AS v, count(*) AS n FROM ", child_type);
    store_table_source(child->stored, &sql);
    buf_puts(&sql, " WHERE ");
    engine_quote_identifier(&sql, str_of(child->column_name));
    buf_puts(&sql, " IS NOT NULL GROUP BY 1))");
    TRY(buf_check(&sql, err));
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), 1, &rows, err));
    const json_t *row = json_array_get(rows, 0);
    ret->matched_distinct = json_integer_value(json_array_get(row, 0));
    ret->matched_rows = json_integer_value(json_array_get(row, 1));
    ret->child_distinct = json_integer_value(json_array_get(row, 2));
    return ERR_OK;
}

/* Unique and without a gap: 1…n. */
static bool is_contiguous(const struct fact_column *column)
{
    return column->unique && (double)column->max - (double)column->min + 1 == (double)column->rows;
}

/* May the sets that are still to be read be held in memory? */
static bool fits(const struct fact_column *child, const struct fact_column *parent)
{
    int64_t more =
        (child->set == NULL ? child->distinct : 0) + (parent->set == NULL ? parent->distinct : 0);
    return child->distinct <= PROFILE_SET_LIMIT && parent->distinct <= PROFILE_SET_LIMIT &&
           *child->values_held + more <= PROFILE_SETS_LIMIT;
}

/* Fill the figures of a pair; *ret_any false: no value is shared. */
static enum err_code measure(struct engine *engine, struct fact_column *child,
                             struct fact_column *parent, struct relation_facts *ret, bool *ret_any,
                             struct err *err)
{
    int64_t sentinel_values = 0;
    ret->child_distinct = child->distinct;
    if (ret->integers && is_contiguous(parent) && child->min >= parent->min &&
        child->max <= parent->max) { /* every whole number between is a key: nothing to read */
        ret->matched_distinct = child->distinct;
        ret->matched_rows = child->rows - child->nulls;
    } else if (!fits(child, parent)) {
        TRY(count_by_engine(engine, child, parent, ret, err));
    } else {
        TRY(value_set_read(engine, child, err));
        TRY(value_set_read(engine, parent, err));
        ret->child_distinct = (int64_t)child->set->count;
        merge(child->set, parent->set, ret);
        ret->sentinel_rows = sentinels(child->set, parent->set, &sentinel_values);
    }
    *ret_any = ret->matched_distinct > 0;
    ret->parent_distinct = parent->distinct;
    ret->child_rows = child->rows - child->nulls;
    int64_t rows = ret->child_rows - ret->sentinel_rows,
            values = ret->child_distinct - sentinel_values;
    ret->coverage = rows > 0 ? (double)ret->matched_rows / (double)rows : 0;
    ret->coverage_distinct = values > 0 ? (double)ret->matched_distinct / (double)values : 0;
    ret->fill = parent->distinct > 0 ? (double)ret->matched_distinct / (double)parent->distinct : 0;
    double chance = density(child, parent, ret);
    ret->surprise_bits =
        chance > 0 && chance < 1 ? (double)ret->matched_distinct * -log2(chance) : 0;
    measure_ranges(child, parent, ret);
    return ERR_OK;
}

static enum err_code pairs_push(struct pairs *pairs, const struct relation_facts *facts,
                                struct err *err)
{
    if (pairs->count == pairs->capacity) {
        size_t capacity = pairs->capacity == 0 ? 64 : pairs->capacity * 2;
        struct relation_facts *grown = mem_resize(pairs->facts, capacity, sizeof *grown);
        if (grown == NULL)
            return err_set(err, ERR_MEMORY, "out of memory for %zu candidate relations", capacity);
        pairs->facts = grown;
        pairs->capacity = capacity;
    }
    pairs->facts[pairs->count++] = *facts;
    return ERR_OK;
}

/* One child column against the keys of one table. */
static enum err_code try_table(struct engine *engine, const struct fact_table *child_table,
                               struct fact_column *child, size_t child_idx,
                               struct fact_table *parent_table, size_t parent_first,
                               struct pairs *pairs, struct err *err)
{
    for (size_t p = 0; p < parent_table->count; p++) {
        struct fact_column *parent = &parent_table->columns[p];
        if (parent == child || !fact_is_parent(parent_table, parent))
            continue;
        struct relation_facts facts = {.child = child_idx, .parent = parent_first + p};
        describe(child_table, child, parent_table, parent, &facts);
        if (!survives(child, parent, &facts))
            continue;
        bool any = false;
        TRY(measure(engine, child, parent, &facts, &any, err));
        if (any)
            TRY(pairs_push(pairs, &facts, err));
    }
    return ERR_OK;
}

static enum err_code collect(struct engine *engine, struct facts *facts,
                             const struct progress *progress, struct pairs *pairs, struct err *err)
{
    size_t child_idx = 0;
    for (size_t t = 0; t < facts->count; t++) {
        struct fact_table *child_table = &facts->tables[t];
        TRY(progress_check(progress, err));
        struct progress_event event = {"relations", child_table->table->name, (int64_t)t,
                                       (int64_t)facts->count, "tables"};
        progress_report(progress, &event);
        for (size_t c = 0; c < child_table->count; c++, child_idx++) {
            if (!fact_is_child(&child_table->columns[c]))
                continue;
            size_t parent_first = 0;
            for (size_t p = 0; p < facts->count; parent_first += facts->tables[p].count, p++)
                TRY(try_table(engine, child_table, &child_table->columns[c], child_idx,
                              &facts->tables[p], parent_first, pairs, err));
        }
    }
    return ERR_OK;
}

enum err_code relation_candidates(struct engine *engine, struct facts *facts,
                                  const struct progress *progress, struct relation_facts **ret,
                                  size_t *ret_count, struct err *err)
{
    struct pairs pairs = {0};
    enum err_code code = collect(engine, facts, progress, &pairs, err);
    if (code != ERR_OK) {
        mem_free(pairs.facts);
        return code;
    }
    *ret = pairs.facts;
    *ret_count = pairs.count;
    return ERR_OK;
}
