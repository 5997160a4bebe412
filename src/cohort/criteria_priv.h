/* The tree of criteria: what the readers make, and print, index and plan walk. All in one arena. */
#ifndef MARROW_COHORT_CRITERIA_PRIV_H
#define MARROW_COHORT_CRITERIA_PRIV_H

#include "cohort/cohort.h"

enum cohort_kind {
    COHORT_ALL,
    COHORT_ANY,
    COHORT_NOT,
    COHORT_GENDER,
    COHORT_AGE,
    COHORT_BORN,
    COHORT_DECEASED,
    COHORT_EVENT
};
enum cohort_domain {
#define COHORT_DOMAIN(name, word, others) COHORT_IN_##name,
#include "cohort/domain.def"
#undef COHORT_DOMAIN
    COHORT_DOMAINS
};
enum cohort_order { COHORT_OF, COHORT_BEFORE, COHORT_AFTER };

#define COHORT_OPEN_LOW INT64_MIN
#define COHORT_OPEN_HIGH INT64_MAX
#define COHORT_AGE_MOST 200 /* ages are from 0 to this */
struct cohort_span {        /* both ends count: completed years, or days since 1970 */
    int64_t low, high;
    bool given;
};
struct cohort_code {
    const char *system; /* canonical URI where we know it; NULL: any */
    const char *code;
    bool prefix; /* written E11* */
};
struct cohort_value {
    bool given;
    const char *low, *high; /* decimal lexemes; NULL = open */
    bool low_excluded, high_excluded;
    const char *unit; /* as written; NULL: no unit */
};
struct cohort_relation { /* the event lies before, after or within days of another */
    enum cohort_order order;
    int64_t days;                    /* -1: any distance, and not on the same day */
    const struct cohort_node *event; /* EVENT, or ANY of EVENTs */
};
struct cohort_event {
    size_t ordinal; /* among the criteria's events */
    enum cohort_domain domain;
    const struct cohort_code *codes;
    size_t code_count;
    const char *const *texts;
    size_t text_count;
    const char *const *value_sets; /* files */
    size_t value_set_count;
    const char *category, *status;
    struct cohort_value value;
    struct cohort_span dates, age;
    int64_t at_least;
    const struct cohort_relation *relations;
    size_t relation_count;
};
struct cohort_node {
    enum cohort_kind kind;
    const struct cohort_node *const *children; /* ALL, ANY, NOT (one) */
    size_t child_count;
    const char *gender;      /* GENDER, lower case */
    struct cohort_span span; /* AGE, BORN */
    const struct cohort_event *event;
};
struct cohort_criteria {
    struct arena *arena;
    const struct cohort_node *root;
    size_t event_count, node_count;
};

/* ---- building: criteria.c; NULL where memory is out ---- */
struct cohort_list { /* of pointers or structs, growing in an arena */
    void *items;
    size_t count, cap;
};
/* Room for one more item of that many bytes, zeroed. */
void *cohort_list_add(struct arena *arena, struct cohort_list *list, size_t bytes);
/* ALL or ANY of children: members of the same kind are taken in, one child is itself. */
const struct cohort_node *cohort_node_of(struct arena *arena, enum cohort_kind kind,
                                         const struct cohort_node *const *children, size_t count);
/* Counts a node against COHORT_LIMIT_NODES. */
enum err_code cohort_count_node(struct cohort_criteria *criteria, struct err *err) WARN_UNUSED;
/* "system|code" or "code", with * at the end for a prefix; literal: * and | are not special in it.
 * False: nothing before or behind the |. */
bool cohort_code_read(struct arena *arena, struct str text, struct cohort_code *ret);
/* Its canonical URI, or the system itself; NULL: out of memory. */
const char *cohort_system_uri(struct arena *arena, struct str system);
const char *cohort_system_short(const char *uri); /* NULL: we have no short name */
const char *cohort_domain_word(enum cohort_domain domain);
bool cohort_domain_find(struct str word, enum cohort_domain *ret);
/* 2020, 2020-05, 2020-05-17 → its first and last day. False: no such day. */
bool cohort_date_read(struct str text, int64_t *ret_first, int64_t *ret_last);
const char *cohort_date_write(int64_t day, char ret[16]);
/* A decimal number of at most 30 digits, without an exponent: canonical digits (no leading zeros
 * but one, none behind). NULL: none. */
const char *cohort_number_read(struct arena *arena, struct str text);
/* -1, 0, 1 */
int cohort_number_compare(const char *a, const char *b);
/* What is in a range must be in order: ERR_INPUT otherwise. what: "ages". */
enum err_code cohort_span_check(const struct cohort_span *span, const char *what,
                                struct err *err) WARN_UNUSED;
enum err_code cohort_value_check(const struct cohort_value *value, struct err *err) WARN_UNUSED;
bool cohort_is_reserved(struct str word); /* a keyword of the short text form, which a text, code or
                                             unit there must be quoted to be */
void cohort_node_print(const struct cohort_node *node, struct buf *ret);
enum err_code cohort_text_read(struct cohort_criteria *criteria, struct str text,
                               const char *source, struct err *err) WARN_UNUSED;
enum err_code cohort_json_read(struct cohort_criteria *criteria, const json_t *json,
                               const char *source, struct err *err) WARN_UNUSED;

/* ---- words.c ---- */
/* The core term of a text: its words, each in lower case and singular, without what stands in
 * parentheses and without words that add nothing
 * ("disorder", "unspecified"), parted and surrounded by one blank: " type 2 diabete ". Appends to
 * out. */
void cohort_words(struct str text, struct buf *out);
/* Every word of the core term is among the text's words (both as cohort_words wrote them). */
bool cohort_words_match(struct str core, struct str text);

/* ---- units.c ---- */
/* The spellings of the unit, itself first; *ret_count at least 1. Arena's. */
const char *const *cohort_unit_spellings(struct arena *arena, const char *unit, size_t *ret_count);

#endif
