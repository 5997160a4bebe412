/* Which candidates stand: every child column keeps its best parent, if that reaches the threshold.
 * Pure.
 *
 * Equal candidates are told apart by small bonuses that never lift a pair over the threshold: a
 * parent that other columns of full coverage point to as well (the hub), a parent with at least as
 * many values, a child that spans the parent's range, words that both tables share (LABEVENTS →
 * D_LABITEMS), and the key that stands further left. A parent whose key itself refers to another
 * table's key of that name is a part of that table (SDTM's sc of dm): the whole is preferred to the
 * part. */
#include "profile/profile_priv.h"

static double rank_of(const struct relation_facts *facts, int64_t hub, bool part)
{
    double rank = facts->confidence - (part ? .04 : 0);
    rank += .02 * (double)(hub < 5 ? hub : 5) / 5;
    rank += facts->parent_distinct >= facts->child_distinct ? .02 : 0;
    rank += facts->integers ? .03 * (facts->reach < 1 ? facts->reach : 1) : 0;
    rank += .01 * (double)facts->shared_table_words;
    rank -= .001 * (double)facts->parent_ordinal;
    return rank;
}

static bool range_match(const struct relation_facts *facts)
{
    return facts->integers && facts->range_agrees && facts->coverage >= .99;
}

/* Does exactly one parent agree with the child's range? matches[] counts per child. */
static void mark_sole(struct relation_facts *facts, size_t count, int64_t *matches)
{
    for (size_t i = 0; i < count; i++)
        if (range_match(&facts[i]))
            matches[facts[i].child]++;
    for (size_t i = 0; i < count; i++)
        facts[i].sole_range_match = range_match(&facts[i]) && matches[facts[i].child] == 1;
}

enum err_code relation_decide(struct relation_facts *facts, size_t count, size_t column_count,
                              bool *keep, struct err *err)
{
    AUTO(mem_free) int64_t *hubs = mem_zalloc(column_count + 1, sizeof *hubs);
    AUTO(mem_free) size_t *best = mem_zalloc(column_count + 1, sizeof *best); /* index + 1 */
    AUTO(mem_free) int64_t *matches = mem_zalloc(column_count + 1, sizeof *matches);
    AUTO(mem_free)
    bool *parts =
        mem_zalloc(column_count + 1, sizeof *parts); /* a key that is a part of another's */
    if (hubs == NULL || best == NULL || matches == NULL || parts == NULL)
        return err_set(err, ERR_MEMORY, "out of memory while choosing among %zu relations", count);
    mark_sole(facts, count, matches);
    for (size_t i = 0; i < count; i++) {
        facts[i].confidence = relation_score(&facts[i]);
        keep[i] = false;
        if (facts[i].coverage >= .9 && facts[i].affinity >= .7)
            hubs[facts[i].parent]++;
    }
    for (size_t i = 0; i < count; i++)
        if (facts[i].child_unique && facts[i].affinity >= .9 && facts[i].coverage >= .99 &&
            facts[i].confidence >= PROFILE_THRESHOLD)
            parts[facts[i].child] = true;
    for (size_t i = 0; i < count; i++) {
        size_t *slot = &best[facts[i].child];
        const struct relation_facts *held = *slot != 0 ? &facts[*slot - 1] : NULL;
        if (held == NULL || rank_of(&facts[i], hubs[facts[i].parent], parts[facts[i].parent]) >
                                rank_of(held, hubs[held->parent], parts[held->parent]))
            *slot = i + 1;
    }
    for (size_t c = 0; c < column_count; c++)
        if (best[c] != 0 && facts[best[c] - 1].confidence >= PROFILE_THRESHOLD)
            keep[best[c] - 1] = true;
    return ERR_OK;
}
