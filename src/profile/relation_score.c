/* The confidence of one candidate relation, from its facts. Pure.
 *
 *   name  = .8 × affinity                                       what the names say
 *   value = .75 × bits/(bits + 12)                              how unlikely the inclusion is by
 * chance or .375 × n/(n + 20) where both are integers and the child's ends meet the parent's (with
 * a name's help its upper end will do: the attending physicians are the providers 25…73 of 1…73)
 *   confidence = (1 − (1 − name)(1 − value)) × coverage term × penalties
 *
 * No help from the names: a text key may still speak for itself; an integer key only where it ends
 * in an id word and its range agrees with exactly one table's key.
 *
 * Dense integers 1…n carry no bits (any small number is in any such key), so there only names and
 * the agreement of the ranges can speak: that is the range-fill penalty. Orphans cost little where
 * the name is sure and much where it is not. */
#include "profile/profile_priv.h"

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double value_evidence(const struct relation_facts *facts)
{
    double bits = facts->surprise_bits / (facts->surprise_bits + 12);
    bool agrees = facts->range_agrees || (facts->top_agrees && facts->affinity > 0);
    if (facts->integers && agrees && facts->coverage >= .99) {
        double n = (double)facts->child_distinct, range = .5 * n / (n + 20);
        if (range > bits)
            bits = range;
    }
    if (facts->affinity > 0)
        return bits;
    bool named_id = facts->child_id_like || facts->child_uuid;
    if (facts->coverage < .99 || !named_id || facts->child_unique || facts->child_generic)
        return 0;
    if (!facts->integers)
        return .9 * bits;
    if (!facts->child_strict_id || !facts->range_agrees || facts->child_distinct < 20)
        return 0;
    return facts->sole_range_match ? .75 * facts->reach
                                   : .9 * bits * smaller(1, facts->fill * 2) * facts->reach;
}

/* A sure name forgives orphans (upstream deletions, a cut dictionary); a weak one does not. */
static double coverage_term(const struct relation_facts *facts)
{
    double coverage = facts->coverage;
    if (facts->affinity >= .85)
        return coverage >= .95 ? 1 : coverage >= .4 ? .6 + .4 * (coverage - .4) / .55 : coverage;
    if (coverage >= .98)
        return 1;
    double left = 1 - (1 - coverage) * 3;
    return left > 0 ? left : 0;
}

/* Both columns are unique: a 1 : 1 pair. Which is the child? The one with fewer values, or the one
 * whose table the key does not name, or the one further right, or the later table. */
static double direction_term(const struct relation_facts *facts)
{
    if (!facts->child_unique)
        return 1;
    double term = facts->affinity < .85 ? .5 : 1;
    if (facts->child_counts_from_one && facts->reach < .9 && !facts->same_table)
        return term * .3;
    if (facts->parent_distinct < facts->child_distinct)
        return term * .5;
    if (facts->parent_distinct > facts->child_distinct || facts->same_table)
        return term;
    if (facts->child_owns_name)
        return term * .2;
    if (facts->names_parent_table)
        return term;
    if (facts->parent_ordinal != facts->child_ordinal)
        return facts->parent_ordinal < facts->child_ordinal ? term : term * .45;
    return facts->parent_table < facts->child_table ? term : term * .45;
}

double relation_score(const struct relation_facts *facts)
{
    double value = value_evidence(facts);
    double confidence = 1 - (1 - .8 * facts->affinity) * (1 - .75 * value);
    confidence *= coverage_term(facts);
    confidence *= direction_term(facts);
    if (facts->integers && facts->affinity < .7)
        confidence *= .4 + .6 * smaller(1, facts->reach);
    return confidence;
}
