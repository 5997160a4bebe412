/* How well a child column's name fits a parent key's: 0…1 and the way it fits.
 *
 *   labs.patient_id        → patients.patient_id   same name, and the key bears its table's
 * name    1.00 conditions.PATIENT     → patients.Id           the name is the table's 1.00
 *   labs.subject_id        → patients.subject_id   same name 0.93 micro.spec_itemid      →
 * d_items.itemid        ends in the key's name: a role                    0.85 claims.attending_id
 * → providers.id          a clinical synonym                                0.60 nodes.parent_id →
 * nodes.id              a self-reference                                  0.60 a.id → b.id generic
 * names say nothing (unless a.id repeats)   0 / 0.90
 *
 * Pure. The weights are judgements, checked on three public schemas and held-out ones
 * (docs/RELATIONS.md). */
#include "profile/profile_priv.h"

#include <string.h>

/* Words that name the same thing in clinical schemas. */
static const char *const synonyms[][20] = {
    {"patient", "subject", "person", "subj", "usubj", "pat", "pt", NULL},
    {"provider", "doctor", "physician", "clinician", "attending", "prescriber", "practitioner",
     "surgeon", "staff", "caregiver", "nurse", "orderer", "performer", "performed", "prescribed",
     "ordered", "attended", NULL},
    {"department", "dept", "ward", "unit", NULL},
    {"organization", "organisation", "hospital", "facility", "institution", "site", NULL},
    {"encounter", "visit", "admission", "hadm", "stay", "appointment", NULL},
    {"payer", "payor", "insurance", "insurer", NULL},
    {"drug", "medication", "medicine", "med", NULL},
};
static const char *const self_words[] = {
    "parent",    "previous",   "prev",     "prior",    "preceding", "next",
    "following", "related",    "replaced", "original", "mother",    "father",
    "manager",   "supervisor", "master",   "root",     NULL};

const char *name_match_text(enum name_match match)
{
    switch (match) {
    case NAME_NONE:
        return "no match";
    case NAME_SAME:
        return "same name";
    case NAME_SAME_CORE:
        return "same name but for an id word";
    case NAME_OF_TABLE:
        return "names the parent table";
    case NAME_ROLE:
        return "ends in the key's or table's name";
    case NAME_ROLE_JOINED:
        return "ends in the key's or table's name, joined";
    case NAME_SYNONYM:
        return "clinical synonym";
    case NAME_STARTS:
        return "starts with the table's name";
    case NAME_SELF:
        return "self-reference";
    case NAME_SHARED_GENERIC:
        return "same generic name, repeated in the child";
    }
    return "";
}

/* Does a end in b? */
static bool has_suffix(const struct name_words *a, const struct name_words *b)
{
    if (b->count == 0 || a->count < b->count)
        return false;
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(a->words[a->count - b->count + i], b->words[i]) != 0)
            return false;
    return true;
}

/* "supervisingprovider" ends in "provider". */
static bool joined_suffix(const struct name_words *a, const struct name_words *b)
{
    if (b->count != 1 || a->count == 0 || strlen(b->words[0]) < 4)
        return false;
    const char *word = a->words[a->count - 1];
    size_t length = strlen(word), tail = strlen(b->words[0]);
    return length > tail && strcmp(word + length - tail, b->words[0]) == 0;
}

static bool synonymous(const struct name_words *a, const struct name_words *b)
{
    for (size_t s = 0; s < sizeof synonyms / sizeof synonyms[0]; s++)
        if (name_has_any(a, synonyms[s]) && name_has_any(b, synonyms[s]))
            return true;
    return false;
}

static double found(enum name_match match, double value, enum name_match *ret_match)
{
    *ret_match = match;
    return value;
}

/* The parent's column is its table's own key: generic ("id") or bearing the table's name. */
static double affinity_own_key(const struct name_pair *pair, enum name_match *ret_match)
{
    const struct name_words *child = &pair->child->core, *parent = &pair->parent->core,
                            *table = pair->parent_table;
    bool generic = pair->parent->generic;
    if (name_words_equal(child, table) && (generic || name_words_equal(child, parent)))
        return found(NAME_OF_TABLE, 1.0, ret_match);
    if (!generic && name_words_equal(child, parent))
        return found(NAME_SAME_CORE, .97, ret_match);
    if (has_suffix(child, table) || (!generic && has_suffix(child, parent)))
        return found(NAME_ROLE, .85, ret_match);
    if (joined_suffix(child, table) || (!generic && joined_suffix(child, parent)))
        return found(NAME_ROLE_JOINED, .8, ret_match);
    if (synonymous(child, table) || (!generic && synonymous(child, parent)))
        return found(NAME_SYNONYM, .6, ret_match);
    if (child->count > 1 && table->count == 1 && strcmp(child->words[0], table->words[0]) == 0 &&
        pair->child->id_like)
        return found(NAME_STARTS, .5, ret_match);
    if (pair->same_table && generic && pair->child->strict_id && child->count > 0)
        return found(NAME_SELF, name_has_any(child, self_words) ? .6 : .5, ret_match);
    return found(NAME_NONE, 0, ret_match);
}

double name_affinity(const struct name_pair *pair, enum name_match *ret_match)
{
    const struct name_facts *child = pair->child, *parent = pair->parent;
    bool same = name_words_equal(&child->words, &parent->words);
    if (child->counts)
        return found(NAME_NONE, 0, ret_match);
    if (child->generic) {
        if (same && !pair->child_unique && !pair->same_table)
            return found(NAME_SHARED_GENERIC, .9, ret_match);
        return found(NAME_NONE, 0, ret_match);
    }
    bool own = parent->generic || name_words_equal(&parent->core, pair->parent_table) ||
               has_suffix(&parent->core, pair->parent_table) ||
               has_suffix(pair->parent_table, &parent->core);
    if (same)
        return found(NAME_SAME, own && !parent->generic ? 1.0 : .93, ret_match);
    if (own) {
        double affinity = affinity_own_key(pair, ret_match);
        return pair->parent_shadowed ? affinity * .5 : affinity;
    }
    if (name_words_equal(&child->core, &parent->core))
        return found(NAME_SAME_CORE, .9, ret_match);
    if (has_suffix(&child->core, &parent->core))
        return found(NAME_ROLE, .75, ret_match);
    return found(NAME_NONE, 0, ret_match);
}
