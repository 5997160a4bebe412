/* What the grammar's files share: what is pending while the items are read from left to right. */
#ifndef MARROW_ASK_GRAMMAR_PRIV_H
#define MARROW_ASK_GRAMMAR_PRIV_H

#include "ask/ask_priv.h"

struct ask_parse {
    struct ask_reading *reading;
    const struct ask_catalogue *catalogue;
    struct ask_question *q;
    size_t at;                 /* item that is read */
    bool negate, or_next, same_visit, group, missing;
    size_t grouped;            /* item of the group said last: "and" after it brings another; ASK_NONE */
    enum ask_aggregate aggregate;
    enum ask_pick pick;
    enum ask_concept prefer;   /* what the last verb or noun is about; NONE */
    size_t open_table;         /* a noun or verb that waits for its value: ASK_NONE; then "any row of it" */
    bool open_negated;
    size_t open_item;          /* which said it */
    size_t last;               /* event opened last, ASK_NONE: the target or none */
    struct ask_attr subject;   /* what a comparison is about */
    size_t subject_event;      /* whose rows: an event, or ASK_NONE: subject's own table */
    bool has_subject, subject_used;
    size_t subject_item;
    int level;                 /* entity spoken of last, or -1 */
    enum ask_relation relation;
    bool bounded;
    enum ask_relation same;    /* waits for "after": in the same month as well */
    int64_t amount;
    enum ask_unit unit;
    enum ask_compare op;
    bool comparing;
    bool ages;                 /* older, younger */
    bool count_mean;           /* "average number of": of counts, per something */
    bool ordered;              /* "previously": what is said is earlier */
    bool oldest;               /* oldest, youngest */
    bool most;                 /* "which patient had most": what of comes next */
    bool when_clause;          /* a "when" in mid-sentence, which a visit must explain */
    size_t again;              /* a readmission that may be said to be within some time, or ASK_NONE */
    bool said_discharge;       /* … of discharge */
    bool led;                  /* yes or no, from the first word alone: any other intent counts more */
    bool open_verb;            /* what waits is a verb */
    bool shares;               /* a share is asked for somewhere */
    bool about_person;         /* the word before was about people: "women over 65" */
    struct ask_window window;  /* waits for an event that has times */
};

struct ask_item *ask_parse_item(const struct ask_parse *p, size_t ahead);
size_t ask_parse_event(struct ask_parse *p, size_t table); /* a new filter, or ASK_NONE when there are too many */
void ask_parse_flush(struct ask_parse *p);                 /* what waits for a value becomes "any" */
void ask_parse_target(struct ask_parse *p, size_t table);
void ask_parse_value(struct ask_parse *p, struct ask_item *item);
void ask_parse_column(struct ask_parse *p, struct ask_item *item);
void ask_parse_flag(struct ask_parse *p, const struct ask_item *item, size_t candidate, int value);
void ask_parse_derived(struct ask_parse *p, struct ask_item *item);
void ask_parse_attr(struct ask_parse *p, struct ask_item *item, const struct ask_attr *attr, bool numeric);
void ask_parse_numbers(struct ask_parse *p, double low, double high, bool has_unit, enum ask_unit unit);
void ask_parse_identified(struct ask_parse *p, struct ask_item *item);
void ask_parse_group(struct ask_parse *p, const struct ask_attr *attr);
/* grammar_counts.c: false where the words mean something else. */
bool ask_parse_age(const struct ask_parse *p, struct ask_attr *ret); /* where ages are; false: nowhere */
bool ask_parse_per(struct ask_parse *p, enum ask_entity_kind kind);
bool ask_parse_ranked(struct ask_parse *p, size_t table, bool other); /* other: another entity, perhaps of the same table */
bool ask_parse_later_target(struct ask_parse *p, size_t table);
void ask_parse_settle_counts(struct ask_parse *p);
void ask_parse_finish(struct ask_parse *p);
void ask_parse_remove_event(struct ask_question *q, size_t at);
bool ask_is_share(const struct ask_item *item); /* "percentage of", "rate" */
void ask_parse_share(struct ask_parse *p);      /* grammar_share.c: numerator and denominator */
/* grammar_again.c. False: the verb is no readmission, or one that is counted from what came before. */
bool ask_parse_again(struct ask_parse *p, const struct ask_item *item);
bool ask_parse_discharged(struct ask_parse *p, const struct ask_item *item); /* a stay that ended, at that time */
bool ask_parse_of_discharge(struct ask_parse *p, const struct ask_item *item); /* "within 30 days of discharge" */
void ask_parse_again_within(struct ask_parse *p);
void ask_parse_lacks(struct ask_parse *p, const char *format, ...) PRINTF_LIKE(2, 3); /* makes it refused */
/* What a noun means, without a condition made of it (grammar_value.c). ASK_NONE: no event's value. */
size_t ask_parse_source(struct ask_parse *p, struct ask_item *item, struct ask_attr *ret);
void ask_parse_values(struct ask_parse *p, struct ask_predicate *predicate, size_t source, struct ask_item *item);
void ask_parse_column_attr(struct ask_parse *p, struct ask_item *item, struct ask_attr *ret);
bool ask_parse_derived_attr(const struct ask_parse *p, enum ask_derived derived, struct ask_attr *ret, bool *ret_flag);
/* Statistical questions: the parts of their nouns, whose items are marked used; true: it is one (grammar_statistics.c). Then what is
 * left open (statistics_settle.c). */
bool ask_parse_statistics(struct ask_parse *p);
/* Columns of a time and of what ended it (time, status). */
bool ask_parse_follow_up(const struct ask_parse *p, struct ask_attr *ret_time, struct ask_attr *ret_event);
void ask_parse_settle_statistics(struct ask_parse *p);
/* Rows of an event that a variable is made of; they are no filter. ASK_NONE: too many. */
size_t ask_parse_variable_event(struct ask_parse *p, size_t table);
/* statistics_kinds.c: the kind of a variable, as its column says; a number that is a group, or strata; moments of one kind. */
void ask_settle_kind(const struct ask_parse *p, struct ask_variable *v);
void ask_allow_group(const struct ask_parse *p, struct ask_variable *v);
void ask_allow_stratum(const struct ask_parse *p, struct ask_variable *v);
void ask_settle_moments(struct ask_parse *p);
/* grammar_levels.c: values that are said with their column's name become values alone; two numbers of one column, "stage 3 and 4": the item of the second. */
void ask_parse_named_values(struct ask_parse *p);
/* The value of a table (of its column; ASK_NONE: of any) that is the text, as an item's only match; its tokens are the caller's. */
bool ask_parse_value_called(struct ask_reading *reading, size_t table, size_t column, struct str text, struct ask_item *ret);
bool ask_parse_number_pair(struct ask_parse *p, size_t i, size_t *ret_second);
/* statistics_paired.c: are measurements of the same patients compared; then each moment becomes a variable. */
bool ask_parse_is_paired(const struct ask_parse *p);
void ask_parse_settle_paired(struct ask_parse *p);
int ask_order_column(const struct ask_table *table); /* of repeated rows without dates: day, visit …; -1: none */
bool ask_column_is_later(const struct ask_column *column); /* known only when the stay, or the life, is over */
struct ask_predicate *ask_parse_predicate(struct ask_parse *p, size_t event, const struct ask_attr *attr);

#endif
