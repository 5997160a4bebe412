/* What the typing files share: the class of one cell, the set of distinct texts, and the summary of a column.
 *
 *     cell ──typing_classify──▶ struct typing_cell ──typing_summary_add──▶ struct typing_summary
 *     cell ──typing_set_add──▶ struct typing_set (texts with counts, up to a limit) */
#ifndef MARROW_DATA_TYPING_PRIV_H
#define MARROW_DATA_TYPING_PRIV_H

#include "data/typing.h"

/* ---- one cell ---------------------------------------------------------------------------------- */

enum typing_class {
    CLASS_TEXT,
    CLASS_INTEGER,       /* fits int64 */
    CLASS_WIDE_INTEGER,  /* does not */
    CLASS_DECIMAL,       /* with a point */
    CLASS_EXPONENT,      /* with an exponent */
    CLASS_LEADING_ZEROS, /* "007", "-01.5" */
    CLASS_DATE,          /* ISO */
    CLASS_TIMESTAMP,     /* ISO, no zone */
    CLASS_TIMESTAMPTZ,   /* ISO, with a zone */
    CLASS_TIME,
    CLASS_OTHER_DATE, /* one of the formats in typing_date_formats */
    CLASS_BOOLEAN_LOWER,
    CLASS_BOOLEAN_TITLE,
    CLASS_BOOLEAN_UPPER,
    CLASS_COMMA_NUMBER, /* "83,2", "1.234,5", "1,234,567": a number in one of two notations */
    CLASS_COMPARED,     /* "<0.5", "≥ 100": text, but a number behind a comparator */
    CLASS_PARTIAL_DATE, /* "2013-07": text, but a date's first part */
    CLASS_MARKER, /* a candidate null marker, or blanks only */
    CLASS_COUNT
};

enum typing_trust { TRUST_ANYWHERE, TRUST_IF_PROVEN, TRUST_IF_TYPED };
struct typing_marker {
    const char *text;
    enum typing_trust trust;
};
#define TYPING_MARKERS 44
#define TYPING_MARKER_EMPTY 0 /* "" */
#define TYPING_MARKER_BLANK 1 /* blanks only: null where the column is typed, since it is trimmed there */
extern const struct typing_marker typing_markers[TYPING_MARKERS];

#define TYPING_DATE_FORMATS 27 /* nine layouts × (date, HH:MM, HH:MM:SS); bit = 3 · layout + time */
extern const char *const typing_date_formats[TYPING_DATE_FORMATS];
#define TYPING_DATE_MASK ((1u << TYPING_DATE_FORMATS) - 1u)

#define TYPING_NUMBER_FORMATS 2 /* index = enum typing_notation; bit = 1 << it */
extern const char *const typing_number_formats[TYPING_NUMBER_FORMATS];
#define TYPING_NOTATION_MASK ((1u << TYPING_NUMBER_FORMATS) - 1u)

struct typing_extent { /* of a number: digits before the decimal sign, without leading zeros, and behind it */
    uint16_t whole, scale;
};
struct typing_cell {
    enum typing_class class;
    bool padded;          /* blanks around it; not set for CLASS_TEXT */
    bool dot_groups;      /* CLASS_COMMA_NUMBER: as TYPING_COMMA_DECIMAL, points part its thousands */
    uint8_t notations;    /* CLASS_COMMA_NUMBER: those that fit */
    uint8_t marker;       /* CLASS_MARKER: index */
    uint16_t whole;       /* numbers: digits before the point, without leading zeros */
    uint16_t scale;       /* numbers: digits behind the point */
    uint16_t significant; /* numbers: significant digits; up to 15 it may be an upper bound */
    uint32_t date_mask;   /* CLASS_OTHER_DATE: formats that fit */
    struct typing_extent extents[TYPING_NUMBER_FORMATS]; /* CLASS_COMMA_NUMBER: by notation */
};
void typing_classify(struct str text, struct typing_cell *ret);
void typing_classify_comma(struct str text, size_t start, struct typing_cell *ret); /* trimmed; digits from start on */
bool typing_point_could_group(const struct typing_cell *cell); /* CLASS_DECIMAL */
/* Texts as far as null markers given by the user go: kept as strays. */
static inline bool typing_class_is_text(enum typing_class class)
{
    return class == CLASS_TEXT || class == CLASS_COMPARED || class == CLASS_PARTIAL_DATE;
}
void typing_classify_temporal(struct str text, struct typing_cell *ret); /* trimmed; begins with a digit */
void typing_classify_month(struct str text, struct typing_cell *ret);    /* trimmed; 7 bytes, the fifth a '-' */

/* ---- distinct texts ---------------------------------------------------------------------------- */

struct typing_entry {
    uint64_t hash;
    int64_t count;
    uint32_t offset, length; /* in texts */
};
struct typing_set {
    struct typing_entry *entries;
    uint16_t *slots; /* index + 1; 0 = free */
    char *texts;
    uint32_t count, cap, slot_mask, text_bytes, text_cap;
};
enum typing_set_result { SET_OK, SET_FULL, SET_NO_MEMORY };
struct typing_set_limits {
    uint32_t count, text_bytes;
};
/* Adds count to the text's entry. SET_FULL: it is new and would pass a limit; nothing has changed. */
enum typing_set_result typing_set_add(struct typing_set *set, struct typing_set_limits limits, struct str text,
                                      uint64_t hash, int64_t count);
void typing_set_done(struct typing_set *set);
static inline struct str typing_entry_text(const struct typing_set *set, const struct typing_entry *entry)
{
    return (struct str){set->texts + entry->offset, entry->length};
}
/* Indexes of the entries ordered by text; mem_free() it. NULL: out of memory. */
uint32_t *typing_set_sorted(const struct typing_set *set);

/* ---- a column ---------------------------------------------------------------------------------- */

struct typing_summary {
    int64_t classes[CLASS_COUNT];            /* cells by class; markers aside */
    int64_t markers[TYPING_MARKERS];         /* cells that are exactly this marker */
    int64_t padded_markers[TYPING_MARKERS];  /* cells that are it after trimming */
    int64_t padded;                          /* typed cells with blanks around */
    int64_t shortest, longest;               /* bytes; markers aside; shortest INT64_MAX = none */
    int64_t whole, scale, significant;       /* maxima over numbers */
    int64_t date_mask;                       /* formats that fit every CLASS_OTHER_DATE */
    int64_t notations;                       /* that fit every CLASS_COMMA_NUMBER */
    int64_t dot_groups;                      /* CLASS_COMMA_NUMBER with them */
    int64_t decimal_points;                  /* CLASS_DECIMAL whose point can't part thousands */
    int64_t wholes[TYPING_NUMBER_FORMATS], scales[TYPING_NUMBER_FORMATS]; /* maxima over CLASS_COMMA_NUMBER, by notation */
};
#define TYPING_SUMMARY_SINGLES 14 /* its fields that are no array by class or marker */
void typing_summary_init(struct typing_summary *summary);
void typing_summary_add(struct typing_summary *summary, const struct typing_cell *cell, size_t length, int64_t count);

#define TYPING_EXACT_LIMITS ((struct typing_set_limits){1024, 131072})
#define TYPING_STRAY_LIMITS ((struct typing_set_limits){32, 2048})
#define TYPING_REGISTERS 4096 /* HyperLogLog, p = 12 */

struct typing_stats {
    int64_t nulls;                 /* typing_stats_add_null */
    bool summarised;               /* false: set holds every text; true: see summary */
    bool strays_full;              /* summarised: more CLASS_TEXT values than set can hold */
    bool failed;                   /* out of memory; sticks */
    struct typing_set set;         /* exact: all texts; summarised: the texts of CLASS_TEXT, while few */
    struct typing_summary *summary; /* summarised only, with the registers behind it */
    uint8_t *registers;
};
double typing_registers_estimate(const uint8_t registers[TYPING_REGISTERS]);

/* ---- numbers with commas (typing_notation.c) ---------------------------------------------------- */

/* The notations in which every number of the column can be read; two: it can't tell. Meaningful with CLASS_COMMA_NUMBER. */
unsigned typing_notations(const struct typing_summary *summary);
/* The type of a column of numbers in that notation; text: too many digits. */
struct data_type typing_notation_core(const struct typing_summary *summary, enum typing_notation notation);

#endif
