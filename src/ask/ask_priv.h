/* What ask's files share: the catalogue's structures, the value index, items that words are linked to, and the typed question. */
#ifndef MARROW_ASK_PRIV_H
#define MARROW_ASK_PRIV_H

#include "ask/ask.h"

#define ASK_NONE SIZE_MAX
#define ASK_WORDS 10       /* of a name */
#define ASK_STEM_BYTES 32
#define ASK_STEPS 3        /* n:1 relations followed from a table */
#define ASK_PREDICATES 6   /* on the rows of one event */
#define ASK_EVENTS 16      /* of one question */
#define ASK_GROUPS 3
#define ASK_OUTPUTS 6
#define ASK_CANDIDATES 6   /* sources that a phrase may mean */
#define ASK_ITEMS 130

/* ---- words ---- */
struct ask_words { /* a name or a phrase as stems */
    char text[ASK_WORDS][ASK_STEM_BYTES];
    size_t count;
};
/* Lower case, plural off: "Diagnoses" → "diagnosis". ret ≥ ASK_STEM_BYTES. */
void ask_stem(struct str word, char ret[ASK_STEM_BYTES]);
/* Words of a name ("ADMITTIME", "prev_careunit", "CamelCase") or of a text; what names.def has stands for its words. */
void ask_name_words(const char *name, struct ask_words *ret);
/* … of a column: the domain's letters in front (CDISC SDTM: AESEV of AE) are no word of it. */
void ask_column_words(const char *table, const char *column, struct ask_words *ret);
/* Calls each for every word of a text: letters and digits, and . - / between two digits. */
typedef void (*ask_word_each)(void *user, struct str word);
void ask_text_words(struct str text, ask_word_each each, void *user);
/* Damerau–Levenshtein distance up to limit; above it limit + 1. */
size_t ask_distance(const char *a, const char *b, size_t limit);

/* ---- catalogue ---- */
enum ask_concept {
#define ASK_CONCEPT(id, one, many, names) ASK_CONCEPT_##id,
#include "ask/concepts.def"
#undef ASK_CONCEPT
    ASK_CONCEPT_END
};
const char *ask_concept_text(enum ask_concept concept);
enum ask_entity_kind { ASK_PATIENT, ASK_ADMISSION, ASK_STAY, ASK_ENTITIES };
struct ask_step { /* one n:1 relation */
    size_t child, child_column, parent, parent_column;
};
struct ask_path {
    struct ask_step steps[ASK_STEPS];
    size_t count;
};
struct ask_column {
    const char *name;
    struct ask_words words, label_words; /* of its name; of the variable's label */
    struct ask_words other_words[2];     /* what the name is short for (abbreviations.def) */
    const struct data_column *labelled;  /* its codes have value labels, which stand for them: a text then; else NULL */
    struct data_type type;
    enum profile_column_role role;
    int64_t distinct, nulls;
    size_t label_step; /* index into edges: the dictionary that tells what this code means, or ASK_NONE */
    size_t label_column;
};
struct ask_table {
    const char *name;
    const struct store_table *stored;
    struct ask_words words;
    struct ask_column *columns;
    size_t column_count;
    int64_t rows;
    enum ask_concept concept;
    bool hidden;                       /* resources as JSON: not asked yet */
    bool reference;                    /* a dictionary: its rows are no events */
    bool reaches[ASK_ENTITIES];
    struct ask_path route[ASK_ENTITIES]; /* to the entity's table; its last step's child column holds the key */
    int time, end_time, value, unit, name_column; /* column indices or -1: when, until when, the measured value, its unit, what it is of (label or code) */
    int birth, death, death_flag;        /* of the patient's table */
};
struct ask_entity {
    bool known;
    size_t table;
    int key;     /* column; -1: rows are the entities */
    bool unique; /* one row each */
};
struct ask_source { /* where values are looked for */
    size_t table;  /* whose rows are counted */
    size_t column; /* of that table, or the code whose dictionary has the label */
    size_t edge;   /* ASK_NONE: the column itself; else edges[edge].parent's label_column */
    size_t label_column;
    bool code;     /* matched whole only */
};
struct ask_alias {
    struct ask_words from;
    const char *phrase, *to; /* as they were given */
    size_t table, column;    /* "table.column" of this version; table ASK_NONE: to is a phrase */
};
struct ask_catalogue {
    struct arena *arena;
    const struct profile *profile;
    struct ask_table *tables;
    size_t table_count;
    struct ask_step *edges;
    size_t edge_count;
    struct ask_entity entities[ASK_ENTITIES];
    struct ask_source *sources;
    size_t source_count;
    struct ask_alias *aliases;
    size_t alias_count;
};
/* Shortest way along edges; false: none. */
bool ask_path_find(const struct ask_catalogue *catalogue, size_t from, size_t to, struct ask_path *ret);
/* The concept of a table, and its columns' parts, from names (catalogue_roles.c). */
void ask_table_roles(struct ask_catalogue *catalogue, size_t table);
/* The table with most rows that is about the concept, or ASK_NONE. */
size_t ask_concept_table(const struct ask_catalogue *catalogue, enum ask_concept concept);
bool ask_words_have(const struct ask_words *words, const char *stem);
int ask_column_named(const struct ask_table *table, const char *const *names, bool (*fits)(const struct ask_column *column));

/* ---- value index ---- */
struct ask_entry {
    uint32_t source;
    uint32_t text, length; /* offset of the value */
    uint32_t words;        /* how many it has */
    uint32_t rows, patients;
};
struct ask_index {
    const char *texts;
    const struct ask_entry *entries;
    const uint32_t *word_at; /* 3 a word: offset of the stem in texts, first posting, postings */
    const uint32_t *postings;
    size_t entry_count, word_count, posting_count, text_bytes;
    int64_t latest_day;
};
/* Postings of a stem: entries that have it, ascending. */
const uint32_t *ask_index_word(const struct ask_index *index, const char *stem, size_t *ret_count);
/* The most frequent stem within the distance that a word of this length allows, or NULL. */
const char *ask_index_nearest(const struct ask_index *index, const char *stem, size_t limit, size_t *ret_distance);
struct str ask_value_words(struct str text); /* of a value, those that say what it is */
struct str ask_entry_text(const struct ask_index *index, uint32_t entry);

/* ---- tokens and items ---- */
struct ask_token {
    struct str text; /* as written */
    char stem[ASK_STEM_BYTES];
    char lower[ASK_STEM_BYTES];
    bool number;     /* a number or a number word */
    bool quoted;
    double value;
};
enum ask_class { /* what a phrase of words.def is */
    ASK_NOISE, ASK_INTENT, ASK_AGGREGATE, ASK_PICK, ASK_COMPARE, ASK_NEGATION, ASK_OR, ASK_AND, ASK_BY, ASK_ENTITY, ASK_ABOUT, ASK_VERB, ASK_DERIVED,
    ASK_RELATION, ASK_UNIT, ASK_ORDINAL, ASK_SCOPE, ASK_ROLE, ASK_SETTLES, ASK_CLASS_END, /* from here on: made by the linker */
    ASK_COLUMN, ASK_VALUE, ASK_NUMBER, ASK_WINDOW, ASK_DURATION, ASK_TOP, ASK_IDENTIFIED, ASK_FLAG, ASK_OFTEN, ASK_MOMENTS, ASK_SERIES, ASK_UNKNOWN
};
enum ask_intent { ASK_NO_INTENT, ASK_COUNT, ASK_LIST, ASK_VALUE_OF, ASK_EXISTS, ASK_WHEN, ASK_FREQUENT, ASK_DESCRIBE, ASK_TREND, ASK_MISSING, ASK_SHARE, ASK_COMPARE_GROUPS,
    ASK_CORRELATE, ASK_PREDICTORS, ASK_SURVIVAL, ASK_TABLE_ONE, ASK_NORMALITY, ASK_TIMES, ASK_WHAT, ASK_DIFFERENT, ASK_MOST, ASK_DAYS_SINCE, ASK_HOURS_SINCE, ASK_INTENT_END };
enum ask_aggregate { ASK_NO_AGGREGATE, ASK_MEAN, ASK_MEDIAN, ASK_MAX, ASK_MIN, ASK_SUM, ASK_SD };
enum ask_pick { ASK_ALL, ASK_FIRST, ASK_LAST, ASK_SECOND, ASK_THIRD, ASK_SECOND_TO_LAST, ASK_CURRENT }; /* CURRENT: of visits, not ended */
enum ask_compare { ASK_LT, ASK_LE, ASK_GT, ASK_GE, ASK_EQ, ASK_NE, ASK_BETWEEN };
/* A number's item code: 0, or the comparison that it was said with ("60 or above", "in their 50s"). */
#define ASK_NUMBER_OPEN 100
#define ASK_NUMBER_AGES 200
enum ask_relation { ASK_REL_NONE, ASK_AFTER, ASK_BEFORE, ASK_WITHIN, ASK_SINCE, ASK_UNTIL, ASK_SAME_TIME,
    ASK_SAME_DAY, ASK_SAME_MONTH, ASK_SAME_YEAR }; /* of the same calendar day …; with "after" before it as well */
enum ask_derived { ASK_PLAIN, ASK_AGE, ASK_LENGTH_OF_STAY, ASK_DEATH, ASK_HOSPITAL_DEATH, ASK_ICU_LENGTH, ASK_FOLLOW_UP };
enum ask_unit { ASK_DAY, ASK_WEEK, ASK_MONTH, ASK_YEAR, ASK_HOUR };

#define ASK_MOMENTS_MAX 8
enum ask_moment_kind { ASK_MOMENT_FIRST, ASK_MOMENT_AT, ASK_MOMENT_LAST }; /* in their order */
enum ask_moment_unit { ASK_EVERY_NOTHING, ASK_EVERY_VISIT, ASK_EVERY_DAY, ASK_EVERY_WEEK, ASK_EVERY_MONTH, ASK_EVERY_YEAR };
struct ask_moment { /* of measurements that are compared in the same patients */
    enum ask_moment_kind kind;
    enum ask_moment_unit unit; /* AT */
    double number;
    size_t from, to; /* the tokens that say it */
};
struct ask_moments { /* on with none: all that there are */
    bool on, again; /* again: the measure is said once more between them */
    struct ask_moment list[ASK_MOMENTS_MAX];
    size_t count, from, to; /* tokens [from, to) */
};
struct ask_series { /* columns of one measure, one for each moment, in their order */
    size_t table, count;
    struct ask_words base; /* what the measure is called; may be nothing: "pre", "post" */
    struct ask_moment moments[ASK_MOMENTS_MAX];
    size_t columns[ASK_MOMENTS_MAX];
};
struct ask_match { /* a source whose values a phrase names */
    size_t source;
    uint32_t *entries;
    size_t count;
    int64_t rows, patients; /* patients: of the entry that most have; a lower bound of all */
    bool exact;
    bool named;    /* a test called just so: no other joins it */
    bool together; /* in one value the words stand as they were said */
    double quality;
};
#define ASK_BMI_CLASSES (-1)
struct ask_attr { /* a column by n:1 steps from a table */
    size_t table; /* from whose rows it is read */
    struct ask_path path;
    size_t column; /* of the table at the path's end */
    enum ask_derived derived;
    double band; /* groups: so wide; 0: its values */
    int parts;   /* groups: so many parts of equal size (tertiles, quartiles); ASK_BMI_CLASSES: WHO's classes of body mass index */
    int64_t day; /* AGE where no row says when: on this day; FOLLOW_UP: when who has no date of death was last known to live; else 0 */
};
struct ask_window { /* [from, to) in days; open ends INT64_MIN, INT64_MAX */
    bool on;
    int64_t from, to;
};
struct ask_item {
    enum ask_class class;
    size_t from, to; /* tokens [from, to) */
    int code;        /* enum of the class */
    double number, high; /* NUMBER, DURATION, TOP, ORDINAL, IDENTIFIED, OFTEN */
    const char *text; /* IDENTIFIED: as it was written */
    struct ask_window window;
    struct ask_match matches[ASK_CANDIDATES]; /* VALUE, best first */
    size_t match_count, chosen; /* chosen: the match that the grammar took */
    struct { size_t table, column; double quality; } columns[ASK_CANDIDATES]; /* COLUMN */
    size_t column_count;
    double quality;
    const char *corrected; /* the word it was read as */
    bool synonym;
    bool ranged; /* FLAG: code is a comparison with number and high (states.def) */
    int parts;  /* COLUMN, DERIVED: "creatinine tertile", "BMI group" (ask_attr.parts) */
    bool loose; /* a column found by a word of its family, or by part of its name */
    bool used;
};

/* ---- the typed question ---- */
struct ask_predicate {
    struct ask_attr attr;
    enum ask_compare op;
    bool is_number, null, negated; /* null: is null (negated: is not) */
    bool either;                   /* EQ: low or high */
    double low, high;
    size_t source; /* values: of this source … */
    const char **values;
    size_t value_count;
    const char *said; /* the phrase, for the reading */
    bool exact;
    size_t item; /* the item that said it */
    bool part;   /* of a share: of its numerator alone */
};
struct ask_event { /* rows of a table */
    size_t table;
    struct ask_predicate predicates[ASK_PREDICATES];
    size_t predicate_count;
    struct ask_window window;
    enum ask_pick pick;   /* of each entity's rows, or of all */
    enum ask_pick scope;  /* during the first, last or current … */
    enum ask_entity_kind scope_entity;
    bool negated;
    enum ask_entity_kind level; /* a filter holds for whole patients, admissions or stays */
    bool person;          /* what a person is (age, sex), not what happened */
    bool counted;         /* at least (op) so many rows */
    enum ask_compare count_op;
    int64_t count;
    size_t or_with;       /* index of the event it is an alternative of, or ASK_NONE */
    size_t linked;        /* event that it is timed against, or ASK_NONE */
    enum ask_relation relation;
    bool bounded, same_visit;
    enum ask_relation same; /* SAME_DAY … SAME_YEAR: in the same calendar unit as well; NONE */
    int64_t amount;
    enum ask_unit unit;
    bool has_time;        /* it happened at this column, not at the table's time: a death */
    struct ask_attr time;
    bool moment;          /* rows of each patient's first time; or, as below, of a later one */
    bool later;           /* not at each patient's first time: a last value that is no first one */
    double after;         /* nearest to so many days after it, a quarter of them away at most; 0: no */
    double day_length;    /* of the column of time where it is a number: in days; 0: it is a date */
    bool dated_by_visit;  /* no time of its own: the admission's */
    bool variable;        /* rows of a statistical question's variable: no filter */
    size_t item;          /* the item that said it */
    bool part;            /* of a share: of its numerator alone */
    bool first_ever;      /* each patient's first of all, which then has to meet the window */
};
struct ask_split { /* a share that can be read both ways: tokens [head, rest) of [rest, end), or the other way round */
    bool on;
    size_t head, rest, end;
};
/* What a question can leave open (readings.c): whole readings are made of it and their answers compared. */
enum ask_doubt { ASK_DOUBT_ORDER, ASK_DOUBT_NOW, ASK_DOUBT_DEATH_TIME, ASK_DOUBT_FIRST, ASK_DOUBT_TALLY, ASK_DOUBT_COLUMN, ASK_DOUBT_ADMITTED, ASK_DOUBT_ZERO, ASK_DOUBTS };
#define ASK_WAYS 3 /* to read one */
#define ASK_SETTLE(doubt, way) ((int)(doubt) * ASK_WAYS + (way)) /* code of a phrase that says which */
enum ask_tally { ASK_TALLY_ROWS, ASK_TALLY_PAIRS, ASK_TALLY_PATIENTS }; /* what makes a name frequent */
#include "ask/statistics_priv.h"
struct ask_question {
    enum ask_intent intent;
    struct ask_event events[ASK_EVENTS]; /* 0 is the target: whose rows are read */
    size_t event_count;
    bool has_target;
    bool by_entity;               /* count distinct entities, not rows */
    enum ask_entity_kind entity;
    struct ask_attr measure;
    bool has_measure, per_entity; /* each entity's mean first */
    enum ask_aggregate aggregate;
    struct ask_attr groups[ASK_GROUPS];
    size_t group_count;
    bool by_time;                 /* group by the target's time */
    enum ask_unit time_unit;
    struct ask_attr outputs[ASK_OUTPUTS];
    size_t output_count;
    int64_t top;                  /* 0 = all */
    bool ascending;
    bool single;                  /* about one patient or admission */
    bool patients_said;           /* the question speaks of patients */
    bool drop_null_groups;        /* "excluding n/a" */
    bool different;               /* different names, not rows */
    struct ask_statistics statistics;
    bool often;                   /* names whose rows are (times_op) so many */
    enum ask_compare times_op;
    int64_t times;
    bool doubt;                   /* two readings are as likely: asked back */
    struct ask_split split;
    bool per_count;               /* rows are counted for each (per), and the counts described */
    bool by_key;                  /* frequencies of entities (per): who has most rows */
    enum ask_entity_kind per;
    bool at_extreme;              /* the rows whose measure is the greatest or least */
    bool since;                   /* a moment is told as the time that has passed since, in since_unit (hours or days) */
    enum ask_unit since_unit;
    enum ask_tally tally;
    bool open[ASK_DOUBTS];        /* the grammar saw that it is not said */
    int settled[ASK_DOUBTS];      /* … which way (1 …); 0: not */
    bool took[ASK_DOUBTS];        /* what was settled was open */
};
struct ask_other { /* another reading of the same words */
    struct ask_question question;
    int ways[ASK_DOUBTS];
    const char *settled; /* the question's text with the words that say so */
};
struct ask_reading {
    struct arena *arena;
    const struct ask_catalogue *catalogue;
    const struct ask_index *index;
    struct ask_options options;
    int64_t now_day;
    struct str text;
    struct ask_token tokens[ASK_LIMIT_TOKENS];
    size_t token_count;
    struct ask_item items[ASK_ITEMS];
    size_t item_count;
    struct ask_moments moments;
    struct ask_question question;
    enum ask_status status;
    double confidence;
    json_t *why, *warnings, *missing, *choices;
    struct ask_other *others;
    size_t other_count;
    const char *settled; /* the text of the reading itself, where there are others */
    struct buf sentence;
    bool failed;
};

/* reading.c: a reading without items; text is borrowed until ask_tokenise copies it. */
enum err_code ask_reading_new(const struct ask_catalogue *catalogue, const struct ask_index *index, struct str text, const struct ask_options *options, struct ask_reading **ret, struct err *err) WARN_UNUSED;
/* Of a reading whose question is there: checks it, its confidence times that of who read it, tries the plan, says it. */
enum err_code ask_conclude(struct ask_reading *reading, double confidence, struct err *err) WARN_UNUSED;
bool ask_item_stays(const struct ask_item *item); /* when the text is masked */
void ask_source_attr(const struct ask_catalogue *catalogue, const struct ask_source *source, struct ask_attr *ret); /* what a source reads, by way of its table's rows */
/* tokens.c */
enum err_code ask_tokenise(struct ask_reading *reading, struct err *err) WARN_UNUSED;
/* aliases.c: phrases that a person gave a meaning (dataset.json). What stands for another phrase is put in its place in the text, which take makes tokens of; what stands for a
 * column is an item of its own. ERR_INPUT: they lead in a circle. */
enum err_code ask_aliases_expand(struct ask_reading *reading, enum err_code (*take)(struct ask_reading *reading, struct str text, struct err *err), struct err *err) WARN_UNUSED;
bool ask_alias_column(const struct ask_reading *reading, size_t from, struct ask_item *ret);
void ask_aliases_add(struct ask_catalogue *catalogue, const json_t *aliases);
/* lexicon.c: the longest phrase of words.def that begins at token from; its length in tokens, 0 = none. */
size_t ask_lexicon_at(const struct ask_reading *reading, size_t from, enum ask_class *ret_class, int *ret_code);
bool ask_lexicon_word(const char *stem); /* does any phrase hold it? */
void ask_lexicon_each(void (*each)(void *user, const char *phrase), void *user); /* every phrase that says something, and every synonym */
const char *ask_lexicon_nearest(const char *stem, size_t limit, size_t *ret_distance);
/* What a clinical synonym stands for: phrases to look for in its place, up to cap. */
size_t ask_synonyms_at(const struct ask_reading *reading, size_t from, size_t *ret_length, const char **ret_phrases, size_t cap, const char **ret_columns);
/* times.c: a moment or span of time that begins at token from. */
size_t ask_time_at(const struct ask_reading *reading, size_t from, struct ask_item *ret);
/* link.c: tokens → items */
void ask_link(struct ask_reading *reading);
/* values.c: the sources whose values match the tokens [from, to); false: none. */
bool ask_values_match(struct ask_reading *reading, size_t from, size_t to, struct ask_item *ret);
bool ask_values_phrase(struct ask_reading *reading, const char *phrases, const char *columns, struct ask_item *ret);
/* columns.c */
bool ask_columns_match(const struct ask_reading *reading, size_t from, size_t to, struct ask_item *ret);
/* How well the tokens name what is called so, 0 … 1: its words, or another name of columns.def. */
double ask_name_fit(const struct ask_reading *reading, size_t from, size_t to, const struct ask_words *name);
/* moments.c: what is compared in the same patients, found before the words are linked; its item at a token, or a word of change that says no more; the columns of one
 * measure that this one belongs to; those that tokens name. */
void ask_moments_find(struct ask_reading *reading);
bool ask_moments_at(const struct ask_reading *reading, size_t from, struct ask_item *ret);
bool ask_series_of(const struct ask_catalogue *catalogue, size_t table, size_t column, struct ask_series *ret);
bool ask_series_match(const struct ask_reading *reading, size_t from, size_t to, struct ask_item *ret);
double ask_moment_days(const struct ask_moment *moment); /* NaN: not counted in days */
bool ask_is_parted(const struct ask_reading *reading, size_t from, size_t to); /* by a comma, colon or semicolon */
/* related.c: the root of a stem (smok of smoker, smoking, smoke); what a word that is nothing else may be related to: a column or value of the patients' table, or the people
 * themselves. related_column: the only column that has words of those roots. */
void ask_root(const char *stem, char ret[ASK_STEM_BYTES]);
bool ask_related_match(struct ask_reading *reading, size_t from, struct ask_item *ret);
bool ask_related_column(const struct ask_reading *reading, size_t from, size_t to, struct ask_item *ret);
/* A word of flags.def for which the data has a column of 0 and 1. */
bool ask_flag_match(const struct ask_reading *reading, size_t at, struct ask_item *ret);
/* Does the column hold 0 and 1 and nothing else? */
bool ask_is_flag(const struct ask_reading *reading, size_t table, size_t column);
/* Is it a column of yes and no (or true and false, or boolean)? *ret: what stands there for yes or no; NULL: it is boolean. */
bool ask_yes_no(const struct ask_reading *reading, size_t table, size_t column, bool yes, const char **ret);
/* grammar.c: items → question; check.c: what it lacks, confidence; reading.c: the sentence */
void ask_grammar(struct ask_reading *reading);
void ask_check(struct ask_reading *reading);
double ask_audit(struct ask_reading *reading); /* audit.c: how sure it is, 0 … 1, that every word has its place in the question */
/* readings.c: what the words settle is taken; then the other readings that are left. */
void ask_readings_settle(struct ask_reading *reading);
void ask_readings_find(struct ask_reading *reading);
void ask_say(struct ask_reading *reading);
/* share.c: Wilson's 95 % interval of hits of n; the rows of shares with it, [columns, rows] as new references. */
void ask_wilson(double hits, double n, double *ret_low, double *ret_high);
void ask_share_rows(const struct ask_result *result, json_t **ret_columns, json_t **ret_rows, bool *ok);
/* figure.c: what is to be drawn for the answer, a new reference; NULL: nothing. */
json_t *ask_figure(const struct ask_reading *reading, const struct ask_result *result, bool *ok);
/* Attribute of a column for the rows of a table: n:1 or none. */
bool ask_attr_of(const struct ask_catalogue *catalogue, size_t from, size_t table, size_t column, struct ask_attr *ret);
size_t ask_attr_table(const struct ask_attr *attr);
const struct ask_column *ask_attr_column(const struct ask_catalogue *catalogue, const struct ask_attr *attr);
/* When the rows of a table happened: its own time, else its admission's. */
bool ask_time_of(const struct ask_catalogue *catalogue, size_t table, struct ask_attr *ret, bool *ret_by_visit);
/* What a table's rows are of (label or code), read through its dictionary. */
bool ask_name_of(const struct ask_catalogue *catalogue, size_t table, struct ask_attr *ret);
void ask_note(struct ask_reading *reading, json_t *list, const char *format, ...) PRINTF_LIKE(3, 4);
const char *ask_intent_text(enum ask_intent intent);
const char *ask_entity_one(enum ask_entity_kind kind);
const char *ask_entity_many(enum ask_entity_kind kind);
const char *ask_phrase(struct ask_reading *reading, size_t from, size_t to); /* the words as written; arena */
enum ask_unit ask_unit_of(int code);
const char *ask_unit_text(enum ask_unit unit);
const char *ask_pick_text(enum ask_pick pick);
void ask_say_moment(const struct ask_reading *reading, char ret[40]); /* now: "2105-12-31 23:59:00" */
/* A scope's item code: which visit, of which kind. */
#define ASK_SCOPE_CODE(kind, pick) (((kind) == ASK_STAY ? 16 : 0) + (int)(pick))

#endif
