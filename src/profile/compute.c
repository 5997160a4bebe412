/* A version's profile from its data: facts → candidates → decision → keys → roles →
 * relations of several columns. Attaches every
 * table that has rows, once. */
#include "profile/profile_priv.h"

#include <math.h>
#include <string.h>

struct work {
    struct facts *facts;
    struct fact_column *
        *columns; /* every column, tables in order: the index used in relation_facts */
    size_t column_count;
    struct relation_facts *candidates;
    size_t candidate_count;
    bool *keep;
    int64_t *references; /* per column */
    bool *is_child;      /* per column */
};

static void work_done(struct work *work)
{
    facts_free(work->facts);
    mem_free(work->columns);
    mem_free(work->candidates);
    mem_free(work->keep);
    mem_free(work->references);
    mem_free(work->is_child);
}

static double rounded(double value)
{
    return round(value * 1e4) / 1e4;
}

/* The next best parents of the same child. */
static json_t *other_parents(const struct work *work, const struct relation_facts *chosen)
{
    json_t *others = json_array();
    for (size_t i = 0; others != NULL && i < work->candidate_count; i++) {
        const struct relation_facts *other = &work->candidates[i];
        if (other == chosen || other->child != chosen->child || other->confidence < .3)
            continue;
        const struct fact_column *parent = work->columns[other->parent];
        json_t *item = json_pack("{s:s, s:s, s:f}", "table", parent->table_name, "column",
                                 parent->column_name, "confidence", rounded(other->confidence));
        if (json_array_append_new(others, item) != 0) {
            json_decref(others);
            return NULL;
        }
    }
    return others;
}

json_t *relation_evidence(const struct relation_facts *facts, json_t *others_taken)
{
    struct buf reason = BUF_INIT;
    buf_printf(&reason, "%s; %lld of %lld values are in the parent's key",
               name_match_text(facts->match), (long long)facts->matched_distinct,
               (long long)facts->child_distinct);
    if (facts->sentinel_rows > 0)
        buf_printf(&reason, "; %lld rows hold 0 or -1, read as none",
                   (long long)facts->sentinel_rows);
    if (facts->integers && facts->surprise_bits < 12)
        buf_puts(&reason, facts->range_agrees ? "; dense whole numbers whose range agrees"
                                              : "; dense whole numbers: the values prove little");
    json_t *evidence = json_pack(
        "{s:f, s:f, s:f, s:s, s:b, s:f, s:f, s:I, s:I, s:f, s:s, s:o?}", "coverage",
        rounded(facts->coverage), "coverage_distinct", rounded(facts->coverage_distinct),
        "name_affinity", facts->affinity, "name_match", name_match_text(facts->match),
        "parent_unique", 1, "range_fill", rounded(facts->fill), "range_reach",
        rounded(facts->reach), "distinct_child", (json_int_t)facts->child_distinct,
        "distinct_parent", (json_int_t)facts->parent_distinct, "chance_bits",
        rounded(facts->surprise_bits), "reason", buf_text(&reason), "other_parents", others_taken);
    buf_done(&reason);
    return evidence;
}

static enum err_code index_columns(struct work *work, struct err *err)
{
    for (size_t t = 0; t < work->facts->count; t++)
        work->column_count += work->facts->tables[t].count;
    work->columns = mem_zalloc(work->column_count + 1, sizeof *work->columns);
    work->references = mem_zalloc(work->column_count + 1, sizeof *work->references);
    work->is_child = mem_zalloc(work->column_count + 1, sizeof *work->is_child);
    if (work->columns == NULL || work->references == NULL || work->is_child == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for the profile of %zu columns",
                       work->column_count);
    size_t at = 0;
    for (size_t t = 0; t < work->facts->count; t++)
        for (size_t c = 0; c < work->facts->tables[t].count; c++)
            work->columns[at++] = &work->facts->tables[t].columns[c];
    return ERR_OK;
}

static enum err_code take_relations(struct work *work, struct profile *profile, struct err *err)
{
    for (size_t i = 0; i < work->candidate_count; i++) {
        if (!work->keep[i])
            continue;
        const struct relation_facts *facts = &work->candidates[i];
        const struct fact_column *child = work->columns[facts->child],
                                 *parent = work->columns[facts->parent];
        work->references[facts->parent]++;
        work->is_child[facts->child] = true;
        struct profile_relation relation = {
            .child = child->table,
            .parent = parent->table,
            .child_columns = {child->column},
            .parent_columns = {parent->column},
            .column_count = 1,
            .confidence = rounded(facts->confidence),
            .coverage = rounded(facts->coverage),
            .child_rows = facts->child_rows,
            .orphan_rows = facts->child_rows - facts->sentinel_rows - facts->matched_rows,
            .null_rows = child->nulls,
            .status = PROFILE_PROPOSED,
            .evidence = relation_evidence(facts, other_parents(work, facts))};
        if (relation.evidence == NULL)
            return err_set(err, ERR_MEMORY, "out of memory for a relation's evidence");
        TRY(profile_relation_add(profile, &relation, err));
    }
    return ERR_OK;
}

static enum err_code take_tables(struct engine *engine, struct work *work, struct profile *profile,
                                 struct err *err)
{
    size_t first = 0;
    for (size_t t = 0; t < work->facts->count; t++) {
        const struct fact_table *from = &work->facts->tables[t];
        struct profile_table *to = &profile->tables[t];
        TRY(primary_key_find(engine, from, work->references + first, work->is_child + first,
                             &to->primary_key, err));
        for (size_t c = 0; c < from->count; c++) {
            const struct fact_column *column = &from->columns[c];
            const char *reason = "";
            bool key = to->primary_key.count == 1 && to->primary_key.columns[0] == c;
            bool related = work->is_child[first + c] || work->references[first + c] > 0;
            to->columns[c].role =
                column_role(column, related || (key && column->name.id_like), &reason);
            if (key && !related && to->columns[c].role == PROFILE_IDENTIFIER)
                reason = "the table's key";
            TRY(profile_column_reason(profile, &to->columns[c], reason, err));
            to->columns[c].nulls = column->nulls;
            to->columns[c].distinct = column->distinct;
            to->columns[c].unique = column->unique;
        }
        first += from->count;
    }
    return ERR_OK;
}

static enum err_code attach_filled(struct store_version *version, struct engine *engine,
                                   struct err *err)
{
    size_t count = store_version_table_count(version), filled = 0;
    AUTO(mem_free) const char **names = mem_zalloc(count + 1, sizeof *names);
    if (names == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for %zu table names", count);
    for (size_t t = 0; t < count; t++)
        if (store_version_table(version, t)->rows > 0)
            names[filled++] = store_version_table(version, t)->name;
    return filled > 0 ? store_version_attach(version, engine, names, filled, err) : ERR_OK;
}

static enum err_code compute(struct store *store, struct store_version *version, struct work *work,
                             struct profile *profile, struct err *err)
{
    const struct progress *progress = store_get_options(store)->progress;
    AUTO(engine_close) struct engine *engine = NULL;
    TRY(profile_engine_open(store, &engine, err));
    TRY(attach_filled(version, engine, err));
    TRY(facts_read(version, engine, progress, &work->facts, err));
    TRY(index_columns(work, err));
    TRY(relation_candidates(engine, work->facts, progress, &work->candidates,
                            &work->candidate_count, err));
    work->keep = mem_zalloc(work->candidate_count + 1, sizeof *work->keep);
    if (work->keep == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for %zu candidate relations",
                       work->candidate_count);
    TRY(relation_decide(work->candidates, work->candidate_count, work->column_count, work->keep,
                        err));
    TRY(take_relations(work, profile, err));
    TRY(take_tables(engine, work, profile, err));
    return composite_relations(engine, work->facts, progress, profile, err);
}

enum err_code profile_compute(struct store *store, struct store_version *version,
                              struct profile **ret, struct err *err)
{
    struct work work = {0};
    AUTO(profile_free) struct profile *profile = NULL;
    enum err_code code = profile_new(version, &profile, err);
    if (code == ERR_OK)
        code = compute(store, version, &work, profile, err);
    work_done(&work);
    if (code != ERR_OK)
        return code;
    *ret = profile;
    profile = NULL;
    return ERR_OK;
}
