/* Private to profile/. What flows between its files:
 *
 *   facts.c ──struct fact_column[]──▶ name_affinity.c + relation_candidates.c ──struct
 * relation_facts──▶ relation_score.c (one query a table)              (pairs, value sets) (pure:
 * confidence) ──▶ relation_decide.c (pure: best parent of each child) ──▶ primary_key.c,
 * column_role.c, table_role.c ──▶ cache.c
 *
 * Everything up to `struct relation_facts` may read the engine; everything after it is pure and is
 * tested without one. */
#ifndef MARROW_PROFILE_PRIV_H
#define MARROW_PROFILE_PRIV_H

#include "profile/profile.h"

#define PROFILE_FORMAT_VERSION 2
#define PROFILE_THRESHOLD 0.5 /* proposals below are not made */
/* Distinct values held in memory (24 bytes each) for one column, and for all together; past them
 * the engine joins. */
#define PROFILE_SET_LIMIT 2000000
#define PROFILE_SETS_LIMIT 8000000
/* Pairs of tables compared by the tuples of a composite key, and rows of a table that takes part. */
#define PROFILE_COMPOSITE_TESTS 200
#define PROFILE_COMPOSITE_ROWS 50000000
#define PROFILE_KEY_TEXT_BYTES 64 /* longer texts are no keys */
#define PROFILE_NAME_WORDS 12
#define PROFILE_WORD_BYTES 32

/* ---- names ---- */
struct name_words {
    char words[PROFILE_NAME_WORDS][PROFILE_WORD_BYTES];
    size_t count;
};
struct name_facts {
    struct name_words
        words; /* "PATIENTID" → patient id; plurals singular, numbers at the end cut */
    struct name_words core; /* without id words */
    bool generic;           /* nothing but "id", "row_id", "code", "name" … */
    bool id_like;           /* has an id or code word */
    bool strict_id;         /* ends in id, key, uid …: not merely code, no, num */
    bool counts;            /* a number of things: "ENCOUNTERS", "num_visits" */
};
void name_facts_of(const char *name, struct name_facts *ret);
/* "D_LABITEMS" → labitem. */
void name_table_core(const char *table, struct name_words *ret);
bool name_words_equal(const struct name_words *a, const struct name_words *b);
/* Is any word of the name in the NULL-terminated list? */
bool name_has_any(const struct name_words *words, const char *const *list);

/* ---- facts of a column ---- */
enum fact_class { FACT_NONE, FACT_INTEGER, FACT_TEXT }; /* NONE: never a key */
struct value_set {
    uint64_t *hashes;  /* ascending; XXH3-64 of canonical text */
    int64_t *rows;     /* rows with that value */
    int64_t *integers; /* ascending; class INTEGER only, else NULL */
    size_t count;
    bool digits; /* every value is digits only */
};
struct fact_column {
    size_t table, column;
    const struct store_table *stored;
    const char *table_name, *column_name; /* borrowed */
    const struct data_column *schema;
    enum fact_class class;
    int64_t rows, nulls, distinct;
    bool distinct_exact, unique;
    bool copy; /* of a text key that stands before it in its table */
    int64_t min, max;          /* INTEGER */
    int64_t shortest, longest; /* bytes; TEXT */
    double mean_bytes;
    double blanks;          /* share of values that hold a blank; TEXT */
    char low[40], high[40]; /* least and greatest value, cut; TEXT, only inside this layer */
    struct name_facts name;
    int64_t *values_held;  /* of all sets of the version; in struct facts */
    struct value_set *set; /* read when a pair needs it */
};
struct fact_table {
    const struct store_table *table;
    struct name_words core;
    struct fact_column *columns;
    size_t count;
};
struct facts {
    struct fact_table *tables;
    size_t count;
    int64_t values_held;
};
enum err_code facts_read(struct store_version *version, struct engine *engine,
                         const struct progress *progress, struct facts **ret,
                         struct err *err) WARN_UNUSED;
void facts_free(struct facts *facts);
AUTO_DEFINE(struct facts, facts_free)
bool fact_is_child(const struct fact_column *column); /* may point to a key */
bool fact_is_parent(const struct fact_table *table,
                    const struct fact_column *column); /* may be pointed to */
bool fact_same_values(const struct fact_column *a, const struct fact_column *b); /* as far as figures tell */
enum err_code value_set_read(struct engine *engine, struct fact_column *column,
                             struct err *err) WARN_UNUSED;
void value_set_free(struct value_set *set);

/* ---- one candidate pair ---- */
enum name_match {
    NAME_NONE,
    NAME_SAME,
    NAME_SAME_CORE,
    NAME_OF_TABLE,
    NAME_ROLE,
    NAME_ROLE_JOINED,
    NAME_SYNONYM,
    NAME_STARTS,
    NAME_SELF,
    NAME_SHARED_GENERIC
};
const char *name_match_text(enum name_match match);
struct name_pair { /* input of name_affinity */
    const struct name_facts *child, *parent;
    const struct name_words *child_table, *parent_table; /* cores */
    bool child_unique, same_table;
    bool parent_shadowed; /* the parent is generic but its table has a key that bears the table's
                             name */
};
double name_affinity(const struct name_pair *pair, enum name_match *ret_match);
struct relation_facts {
    size_t child, parent; /* indices the caller chooses */
    double affinity;      /* 0…1, of the names */
    enum name_match match;
    double coverage; /* of rows, the sentinel's apart */
    double coverage_distinct;
    double surprise_bits; /* −log2 P(all matched by chance) */
    double fill;          /* share of the parent's values that are used */
    double reach;    /* share of the parent's range that the child spans from below; 1 for text */
    bool top_agrees; /* the child's greatest value is as near the parent's as random draws would be
                      */
    bool range_agrees; /* the child's ends are as near the parent's as random draws would be */
    bool integers, child_unique, child_generic, child_strict_id, child_id_like, child_uuid,
        same_table;
    bool child_counts_from_one; /* unique and dense from 0 or 1: a number of its own */
    bool child_owns_name;       /* child's name is its own table's */
    bool names_parent_table;
    int64_t child_distinct, parent_distinct, matched_distinct;
    int64_t child_rows, matched_rows, sentinel_rows; /* non-null rows; rows in the parent; rows of 0
                                                        or -1 that is not in the parent */
    size_t child_ordinal, parent_ordinal, child_table, parent_table;
    size_t shared_table_words;
    bool sole_range_match; /* no other table's key agrees with the child's range; set by
                              relation_decide */
    double confidence;     /* filled by relation_score */
};
double relation_score(const struct relation_facts *facts); /* pure */
/* Which candidates stand: for each child (an index below column_count) the best parent: keep[i].
 * Scores first. Pure. */
enum err_code relation_decide(struct relation_facts *facts, size_t count, size_t column_count,
                              bool *keep, struct err *err) WARN_UNUSED;
enum err_code relation_candidates(struct engine *engine, struct facts *facts,
                                  const struct progress *progress, struct relation_facts **ret,
                                  size_t *ret_count, struct err *err) WARN_UNUSED;

json_t *relation_evidence(const struct relation_facts *facts,
                          json_t *others_taken); /* NULL: out of memory */

/* ---- what follows from facts and relations ---- */
/* Propose relations to composite primary keys; relations of one column and keys must be there. */
enum err_code composite_relations(struct engine *engine, const struct facts *facts,
                                  const struct progress *progress, struct profile *profile,
                                  struct err *err) WARN_UNUSED;
enum profile_column_role column_role(const struct fact_column *column, bool in_relation,
                                     const char **ret_reason); /* pure */
enum err_code primary_key_find(struct engine *engine, const struct fact_table *table,
                               const int64_t *references, const bool *is_child,
                               struct profile_key *ret, struct err *err) WARN_UNUSED;
/* Roles, reasons and time columns from tables + relations that stand. Pure. person's roles are
 * applied by the caller. */
enum err_code table_roles(struct profile *profile, struct err *err) WARN_UNUSED;
int table_time_column(const struct profile_table *table);

/* ---- cache and decisions ---- */
enum err_code profile_compute(struct store *store, struct store_version *version,
                              struct profile **ret, struct err *err) WARN_UNUSED;
enum err_code profile_to_json(const struct profile *profile, json_t **ret,
                              struct err *err) WARN_UNUSED;
enum err_code profile_from_json(struct store_version *version, const json_t *json,
                                struct profile **ret, struct err *err) WARN_UNUSED;
enum err_code profile_cache_read(struct store *store, struct store_version *version,
                                 const char *part, json_t **ret,
                                 struct err *err) WARN_UNUSED; /* *ret NULL: not there */
enum err_code profile_cache_write(struct store *store, struct store_version *version,
                                  const char *part, json_t *content, struct err *err) WARN_UNUSED;
enum err_code decisions_apply(struct store *store, struct profile *profile, const char *dataset,
                              struct err *err) WARN_UNUSED;
enum err_code profile_engine_open(struct store *store, struct engine **ret,
                                  struct err *err) WARN_UNUSED;
enum err_code profile_new(struct store_version *version, struct profile **ret,
                          struct err *err) WARN_UNUSED;
enum err_code profile_column_reason(struct profile *profile, struct profile_column *column,
                                    const char *reason,
                                    struct err *err) WARN_UNUSED; /* copied */
enum err_code profile_relation_add(struct profile *profile, const struct profile_relation *relation,
                                   struct err *err) WARN_UNUSED; /* takes evidence */
json_t *profile_relation_ends(const struct profile *profile,
                              const struct profile_relation *relation); /* {child, parent} */
int64_t profile_reference_count(const struct profile *profile, size_t table);
enum err_code profile_role_parse(const char *text, enum profile_table_role *ret,
                                 struct err *err) WARN_UNUSED;

#endif
