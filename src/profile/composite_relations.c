/* Relations of several columns: a table that holds every column of another's composite primary key,
 * by name, and whose tuples are in it, by value.
 *
 *     order_lines (customer, order_no, line) ──▶ orders (customer, order_no)
 *
 * Proposed only where relations of one column do not say it already: none leads from the child to
 * that parent, and at least one of the columns is in no relation at all (a link table's two keys
 * explain themselves). What a tuple's inclusion proves is measured against chance: the child's
 * values of each column drawn freely would meet a key that often; a parent that holds every
 * combination proves nothing, and then only a name shared by both tables helps.
 *
 * Work is bounded: PROFILE_COMPOSITE_TESTS statements, tables of PROFILE_COMPOSITE_ROWS at most. */
#include "profile/profile_priv.h"

#include <math.h>
#include <string.h>

#define COVERAGE_LEAST .95
#define BITS_LEAST 12
#define TUPLES_LEAST 10

struct fit { /* how a child's columns meet a parent's key */
    const struct fact_table *child, *parent;
    const struct profile_key *key;
    size_t columns[4]; /* of the child, in the key's order */
    bool same_names;
    struct relation_facts facts;
};

/* The relation of one column that starts there, or NULL. */
static const struct profile_relation *relation_from(const struct profile *profile, size_t table,
                                                    size_t column)
{
    for (size_t i = 0; i < profile->relation_count; i++) {
        const struct profile_relation *relation = &profile->relations[i];
        if (relation->column_count == 1 && relation->child == table &&
            relation->child_columns[0] == column)
            return relation;
    }
    return NULL;
}

static bool leads_to(const struct profile *profile, size_t child, size_t parent)
{
    for (size_t i = 0; i < profile->relation_count; i++)
        if (profile->relations[i].child == child && profile->relations[i].parent == parent)
            return true;
    return false;
}

/* Do both columns refer to one key, or the child's to the parent's own target? */
static bool same_target(const struct profile *profile, const struct fact_column *a,
                        const struct fact_column *b)
{
    const struct profile_relation *x = relation_from(profile, a->table, a->column),
                                  *y = relation_from(profile, b->table, b->column);
    return x != NULL && y != NULL && x->parent == y->parent &&
           x->parent_columns[0] == y->parent_columns[0];
}

static bool numbers(const struct fact_column *a, const struct fact_column *b)
{
    return data_type_is_numeric(a->schema->type) && data_type_is_numeric(b->schema->type);
}

static bool kinds_meet(const struct fact_column *a, const struct fact_column *b)
{
    return a->schema->type.kind == b->schema->type.kind || numbers(a, b) ||
           (a->class != FACT_NONE && b->class != FACT_NONE);
}

/* The child's column for one of the key's, not taken yet; -1: none. Same words first, then the same
 * target, then the same name but for id words. */
static int column_for(const struct profile *profile, const struct fit *fit, size_t taken,
                      const struct fact_column *wanted)
{
    int best = -1, best_rank = 0;
    for (size_t c = 0; c < fit->child->count; c++) {
        const struct fact_column *column = &fit->child->columns[c];
        bool used = column->nulls == column->rows || !kinds_meet(column, wanted);
        for (size_t k = 0; k < taken; k++)
            used = used || fit->columns[k] == c;
        if (used)
            continue;
        int rank = name_words_equal(&column->name.words, &wanted->name.words) ? 3
                   : same_target(profile, column, wanted)                     ? 2
                   : wanted->name.core.count > 0 &&
                           name_words_equal(&column->name.core, &wanted->name.core)
                       ? 1
                       : 0;
        if (rank > best_rank) {
            best = (int)c;
            best_rank = rank;
        }
    }
    return best;
}

/* Can the child's columns meet the key, as far as names and counts tell? */
static bool find_fit(const struct profile *profile, struct fit *fit)
{
    bool unexplained = false;
    fit->same_names = true;
    for (size_t k = 0; k < fit->key->count; k++) {
        const struct fact_column *wanted = &fit->parent->columns[fit->key->columns[k]];
        int found = column_for(profile, fit, k, wanted);
        if (found < 0)
            return false;
        const struct fact_column *column = &fit->child->columns[found];
        if ((double)column->distinct > 1.1 * (double)wanted->distinct + 2)
            return false;
        fit->columns[k] = (size_t)found;
        fit->same_names =
            fit->same_names && name_words_equal(&column->name.words, &wanted->name.words);
        unexplained = unexplained || relation_from(profile, column->table, column->column) == NULL;
    }
    return unexplained;
}

/* a AS k0, b AS k1 FROM table: as texts where the two sides are stored differently. */
static void add_keys(struct buf *sql, const struct fit *fit, bool child)
{
    for (size_t k = 0; k < fit->key->count; k++) {
        const struct fact_column *a = &fit->child->columns[fit->columns[k]],
                                 *b = &fit->parent->columns[fit->key->columns[k]],
                                 *side = child ? a : b;
        bool texts = a->schema->type.kind != b->schema->type.kind && !numbers(a, b);
        bool whole = texts && side->class == FACT_INTEGER;
        buf_puts(sql, k > 0 ? ", " : "");
        buf_puts(sql, texts ? whole ? "CAST(CAST(" : "CAST(" : "");
        engine_quote_identifier(sql, str_of(side->column_name));
        buf_puts(sql, texts ? whole ? " AS BIGINT) AS VARCHAR)" : " AS VARCHAR)" : "");
        buf_printf(sql, " AS k%zu", k);
    }
    buf_puts(sql, " FROM ");
    store_table_source(child ? fit->child->table : fit->parent->table, sql);
}

/* One statement: tuples and rows of the child, those in the parent, and how many of the parent's
 * tuples consist of values that the child has. */
static enum err_code measure(struct engine *engine, struct fit *fit, int64_t *ret_inside,
                             double *ret_product, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    buf_puts(&sql, "WITH p AS MATERIALIZED (SELECT ");
    add_keys(&sql, fit, false);
    buf_puts(&sql, "), c AS MATERIALIZED (SELECT *, count(*) AS n FROM (SELECT ");
    add_keys(&sql, fit, true);
    buf_puts(&sql, ") WHERE ");
    for (size_t k = 0; k < fit->key->count; k++)
        buf_printf(&sql, "%sk%zu IS NOT NULL", k > 0 ? " AND " : "", k);
    buf_puts(&sql, " GROUP BY ALL), f AS MATERIALIZED (SELECT c.n FROM c SEMI JOIN p USING (");
    for (size_t k = 0; k < fit->key->count; k++)
        buf_printf(&sql, "%sk%zu", k > 0 ? ", " : "", k);
    buf_puts(&sql, ")) SELECT (SELECT count(*) FROM c), (SELECT CAST(coalesce(sum(n), 0) AS "
                   "BIGINT) FROM c), (SELECT count(*) FROM f), (SELECT CAST(coalesce(sum(n), 0) "
                   "AS BIGINT) FROM f), (SELECT count(*) FROM p WHERE ");
    for (size_t k = 0; k < fit->key->count; k++)
        buf_printf(&sql, "%sk%zu IN (SELECT k%zu FROM c)", k > 0 ? " AND " : "", k, k);
    buf_putc(&sql, ')');
    for (size_t k = 0; k < fit->key->count; k++)
        buf_printf(&sql, ", (SELECT count(DISTINCT k%zu) FROM c)", k);
    TRY(buf_check(&sql, err));
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), 1, &rows, err));
    const json_t *row = json_array_get(rows, 0);
    struct relation_facts *facts = &fit->facts;
    facts->child_distinct = json_integer_value(json_array_get(row, 0));
    facts->child_rows = json_integer_value(json_array_get(row, 1));
    facts->matched_distinct = json_integer_value(json_array_get(row, 2));
    facts->matched_rows = json_integer_value(json_array_get(row, 3));
    *ret_inside = json_integer_value(json_array_get(row, 4));
    *ret_product = 1;
    for (size_t k = 0; k < fit->key->count; k++)
        *ret_product *= json_number_value(json_array_get(row, 5 + k));
    return ERR_OK;
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static size_t shared_words(const struct name_words *a, const struct name_words *b)
{
    size_t shared = 0;
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            shared += strcmp(a->words[i], b->words[k]) == 0;
    return shared;
}

/* Fills fit->facts; its confidence stays 0 where the pair does not stand. */
static enum err_code judge(struct engine *engine, struct fit *fit, struct err *err)
{
    int64_t inside = 0;
    double product = 1;
    struct relation_facts *facts = &fit->facts;
    TRY(measure(engine, fit, &inside, &product, err));
    facts->parent_distinct = fit->parent->table->rows;
    facts->coverage = share(facts->matched_rows, facts->child_rows);
    facts->coverage_distinct = share(facts->matched_distinct, facts->child_distinct);
    facts->fill = share(facts->matched_distinct, facts->parent_distinct);
    facts->reach = 1;
    double chance = product > 0 ? (double)inside / product : 1;
    facts->surprise_bits =
        chance > 0 && chance < 1 ? (double)facts->matched_distinct * -log2(chance) : 0;
    facts->match = fit->same_names ? NAME_SAME : NAME_SAME_CORE;
    facts->affinity = fit->same_names ? .93 : .85;
    facts->shared_table_words = shared_words(&fit->child->core, &fit->parent->core);
    facts->child_unique = facts->child_distinct == fit->child->table->rows;
    if (facts->coverage < COVERAGE_LEAST || facts->child_distinct < TUPLES_LEAST)
        return ERR_OK;
    if (facts->child_unique && facts->child_distinct >= facts->parent_distinct)
        return ERR_OK; /* the same rows on both sides: neither is the other's child */
    if (facts->surprise_bits >= BITS_LEAST || facts->shared_table_words > 0)
        facts->confidence = relation_score(facts);
    return ERR_OK;
}

/* More sure, else the parent that the child fills more. */
static bool better(const struct fit *a, const struct fit *b)
{
    double difference = a->facts.confidence - b->facts.confidence;
    return fabs(difference) > .01 ? difference > 0 : a->facts.fill > b->facts.fill;
}

static enum err_code add(struct profile *profile, const struct fit *fit, struct err *err)
{
    const struct relation_facts *facts = &fit->facts;
    struct profile_relation relation = {.child = fit->child->columns[0].table,
                                        .parent = fit->parent->columns[0].table,
                                        .column_count = fit->key->count,
                                        .confidence = round(facts->confidence * 1e4) / 1e4,
                                        .coverage = round(facts->coverage * 1e4) / 1e4,
                                        .child_rows = facts->child_rows,
                                        .orphan_rows = facts->child_rows - facts->matched_rows,
                                        .null_rows = fit->child->table->rows - facts->child_rows,
                                        .status = PROFILE_PROPOSED,
                                        .evidence = relation_evidence(facts, json_array())};
    memcpy(relation.child_columns, fit->columns, sizeof relation.child_columns);
    memcpy(relation.parent_columns, fit->key->columns, sizeof relation.parent_columns);
    if (relation.evidence == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for a relation's evidence");
    return profile_relation_add(profile, &relation, err);
}

/* The best parent of one child. */
static enum err_code relate(struct engine *engine, const struct facts *facts,
                            struct profile *profile, size_t child, size_t *tests, struct err *err)
{
    struct fit best = {0};
    for (size_t p = 0; p < facts->count && *tests < PROFILE_COMPOSITE_TESTS; p++) {
        struct fit fit = {.child = &facts->tables[child],
                          .parent = &facts->tables[p],
                          .key = &profile->tables[p].primary_key};
        if (p == child || fit.key->count < 2 || leads_to(profile, child, p) ||
            fit.parent->table->rows > PROFILE_COMPOSITE_ROWS || !find_fit(profile, &fit))
            continue;
        ++*tests;
        TRY(judge(engine, &fit, err));
        if (fit.facts.confidence >= PROFILE_THRESHOLD && (best.key == NULL || better(&fit, &best)))
            best = fit;
    }
    return best.key == NULL ? ERR_OK : add(profile, &best, err);
}

enum err_code composite_relations(struct engine *engine, const struct facts *facts,
                                  const struct progress *progress, struct profile *profile,
                                  struct err *err)
{
    size_t tests = 0;
    for (size_t t = 0; t < facts->count; t++) {
        int64_t rows = facts->tables[t].table->rows;
        TRY(progress_check(progress, err));
        if (rows > 0 && rows <= PROFILE_COMPOSITE_ROWS)
            TRY(relate(engine, facts, profile, t, &tests, err));
    }
    return ERR_OK;
}
