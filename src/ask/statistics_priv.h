/* What the files about statistical questions share: variables with their parts, the family of the
 * analysis, and what was settled about it. Part of ask_priv.h, which includes it. */
#ifndef MARROW_ASK_PRIV_H
#include "ask/ask_priv.h"
#elif !defined MARROW_ASK_STATISTICS_PRIV_H
#define MARROW_ASK_STATISTICS_PRIV_H

#define ASK_VARIABLES 48
#define ASK_CANDIDATES_MAX 30 /* predictors that are taken without being named; more: asked back */
#define ASK_MOMENT_NEAR .25   /* of a span after the first value: so far away a value may be */
#define ASK_GROUP_LEVELS 20   /* of a category that is compared; more: refused */

enum ask_role { /* what a phrase of words.def does to the nouns around it */
    ASK_ROLE_BETWEEN, ASK_ROLE_WITH, ASK_ROLE_EFFECT, ASK_ROLE_PREDICTS, ASK_ROLE_DEPENDS, ASK_ROLE_ADJUST, ASK_ROLE_BOTH, ASK_ROLE_P, ASK_ROLE_PAIRED,
    ASK_ROLE_ODDS, ASK_ROLE_VERSUS, ASK_ROLE_STRATA
};
enum ask_part { ASK_PART_OUTCOME, ASK_PART_GROUP, ASK_PART_COVARIATE, ASK_PART_TIME, ASK_PART_EVENT, ASK_PART_MOMENT, ASK_PART_STRATUM, ASK_PART_FREE };
enum ask_from {
    ASK_FROM_COLUMN,
    ASK_FROM_MEAN, /* each unit's mean (or first, last value) of an event's rows */
    ASK_FROM_HAS   /* has the unit a row of the event? */
};
enum ask_family {
    ASK_NO_FAMILY, ASK_NUMBER_BY_GROUP, ASK_CATEGORY_BY_GROUP, ASK_CORRELATION, ASK_LINEAR, ASK_LOGISTIC, ASK_COX, ASK_CURVES, ASK_TABLE1, ASK_NORMAL, ASK_PAIRED, ASK_STRATIFIED,
    ASK_FAMILIES
};
struct ask_variable { /* one column of the analysis rows */
    enum ask_part part;
    enum ask_from from;
    struct ask_attr attr;
    size_t event;     /* MEAN, HAS: its rows */
    const char *name;  /* in the rows */
    const char *label; /* for people */
    size_t item;      /* that named it, or ASK_NONE */
    bool category, ordinal;
    bool death;       /* "death", "mortality": a time to it where there is one */
    bool right;       /* of the word that joins the two sides */
    bool two_levels;  /* at most two values */
    const char *level; /* the value that is the event: all others are not; NULL: as they are */
    bool level_none;   /* … the value that is not: all others are */
    bool grouped;      /* a group because two of its values are compared */
    bool series;       /* its column is one of several of the same measure */
    const char *moment; /* MOMENT of rows: which, in words */
};
struct ask_statistics {
    bool on;
    enum ask_family family;
    struct ask_variable variables[ASK_VARIABLES];
    size_t count;
    bool with_p;       /* Table 1 with p-values */
    bool covariates_said; /* named, not only adjusted for */
    bool searches;        /* "risk factors for": what is only adjusted for is no answer */
    bool adjusted, odds, both, paired;
    bool several;      /* outcomes, each with its test */
    bool ranks;        /* medians are asked for */
    bool median;       /* of survival */
    bool mortality;    /* one minus survival is asked for */
    bool at_time;      /* survival after so long */
    double at;
    enum ask_unit at_unit;
    bool survival_said, predicts, table_one, normality, correlates, compares;
    bool from_dates;   /* time to an event out of two dates */
    int64_t last_day;  /* when those without an event were last seen */
    enum ask_entity_kind unit;
    bool has_unit;     /* else rows */
    bool one_each;     /* the first row of each unit */
    int order_column;  /* by it, or -1: by time, else by the key */
    bool ask_back;
    bool repeated;     /* rows of one unit are several, and taken as they are */
};

#endif
