/* The index file, as index_build.c writes and index_file.c reads it. All numbers little-endian (the machine's, which is checked).
 *
 *     0   "MRWCHRT" NUL, u32 format, u32 byte order mark
 *     16  XXH3-128 of the bytes from 32 to those of the first view's events
 *     32  the header's other members; then the table of views, the entries (sorted by key), keys, bitmaps, births by first day, births by
 *         last day (where births are not all exact), born_first and born_last: i32 days by ordinal; and for each view its events:
 *         u32 ordinals by row, i32 first days, i32 last days (where not all are exact), bitmaps of rows
 *
 * An ordinal is the rank of a patient's id, bytewise, from 0; a row the rank of an event of a view's by ordinal, first and last day. A key is the
 * view (0 = patients, else its number from 1), a slot, and a value; its bitmaps, in the portable Roaring format
 * (github.com/RoaringBitmap/RoaringFormatSpec), have the patients with such a row (many of them: flat bits instead), and these rows (of patients: none).
 *
 *     births   u32 ordinals by day, then ordinal │ i32 their days │ per band but the first flat bits of those born in the bands before it
 *
 * A day's set is the flat bits of the nearest band, corrected by the births between the two. */
#ifndef MARROW_COHORT_INDEX_PRIV_H
#define MARROW_COHORT_INDEX_PRIV_H

#include "cohort/plan_priv.h"
#include "cohort/roaring_library.h"

#define INDEX_MAGIC "MRWCHRT"
#define INDEX_ORDER 0x01020304u
#define INDEX_HASHED_FROM 32
#define INDEX_EXACT_BIRTHS 1u /* flag: born_first = born_last for all; only the former are there */
#define INDEX_UNKNOWN_DAY INT32_MIN
#define INDEX_BAND 8192u /* births in a band, or more: at most 64 bands */
#define INDEX_MOST_BANDS 64u

struct index_births_place {
    uint64_t ordinals_at, days_at, bands_at; /* offsets in the file, as all …_at here */
    uint32_t count, bands;
};
struct index_header {
    char magic[8];
    uint32_t format, byte_order;
    uint64_t hash_low, hash_high;
    uint64_t views_low, views_high, bytes, hashed_bytes;
    uint32_t patients, entries, flags, views;
    uint64_t views_at, entries_at, keys_at, keys_bytes, bitmaps_at, born_first_at, born_last_at;
    struct index_births_place births[2];
};
struct index_view_place { /* begin to end: hashed apart, and checked at the first use */
    uint64_t begin_at, end_at, hash_low, hash_high;
    uint64_t ordinals_at, first_at, last_at, bitmaps_at;
    uint32_t rows, exact;
};
struct index_entry {
    uint32_t key_at, key_bytes;
    uint64_t bitmap_at, rows_at; /* from bitmaps_at; from its view's bitmaps_at */
    uint32_t bitmap_bytes, cardinality, rows_bytes, rows;
    uint32_t flat, zero; /* flat: the patients' bitmap is the flat bits of all */
};
#define INDEX_FLAT_SHARE 64 /* a bitmap with at least one patient in so many is flat: setting bits one by one would take longer */
_Static_assert(sizeof(struct index_header) == 200, "the header is 200 bytes long");
_Static_assert(sizeof(struct index_view_place) == 72, "a view's place is 72 bytes long");
_Static_assert(sizeof(struct index_entry) == 48, "an entry is 48 bytes long");

enum index_patient_slot { SLOT_GENDER, SLOT_DECEASED };
enum index_view_slot { SLOT_ANY, SLOT_CATEGORY, SLOT_STATUS, SLOT_TEXT, SLOT_CODES /* the first of them */ };

#define INDEX_SCRATCH 8
struct index_births {
    const uint32_t *ordinals;
    const int32_t *days;
    const uint64_t *bands; /* flat bits: of the births before band 1, before band 2 … */
    uint32_t count, band_count;
};
struct index_events { /* of a view */
    const uint32_t *ordinals;
    const int32_t *first, *last; /* INDEX_UNKNOWN_DAY: both are */
    uint32_t rows;
    bool checked;
};
struct cohort_index {
    const char *map;
    size_t bytes;
    struct index_header header;
    const struct cohort_views *views;
    const struct index_view_place *places;
    const struct index_entry *entries;
    const int32_t *born_first, *born_last; /* by ordinal */
    struct index_births births[2];         /* by first, by last day: where exact the same */
    struct index_events *events;           /* by view */
    unsigned char *checked; /* by entry: INDEX_CHECKED_… */
    uint64_t *scratch[INDEX_SCRATCH]; /* flat bits of all patients, used again by the next question: fresh memory would cost more than filling it */
    size_t scratch_used;
};
#define INDEX_CHECKED_PATIENTS 1 /* the bitmap's bytes are what they should be */
#define INDEX_CHECKED_ROWS 2
/* 64-bit words of flat bits of all patients. */
static inline size_t index_words(uint32_t patients)
{
    return ((size_t)patients + 63) / 64;
}
/* Where band k begins among the births. */
static inline uint32_t index_band_start(uint32_t count, uint32_t bands, uint32_t band)
{
    return (uint32_t)((uint64_t)count * band / bands);
}

/* ---- index_words.c ---- */
struct index_word_functions {
    /* words ← words ∩ bytes; how many bits are left. */
    int64_t (*meet)(uint64_t *restrict words, const unsigned char *restrict bytes, size_t count, uint64_t flip);
    void (*join)(uint64_t *restrict words, const unsigned char *restrict bytes, size_t count, uint64_t flip);
    int64_t (*count)(const unsigned char *bytes, size_t count); /* bits that are set */
};
/* The quickest that this processor has; any_processor: those that all have. */
const struct index_word_functions *cohort_words_by(bool any_processor);

/* ---- index_blocks.c ---- */
/* One bitmap, read from its mapped bytes in ascending order. */
struct index_part {
    const unsigned char *keys, *flags, *at;
    uint32_t containers, next;
    const unsigned char *flat; /* instead: flat bits of words */
    size_t words;
    uint32_t cardinality; /* of flat bits */
};
/* The union of parts, or flat bits of all numbers, or (child_count > 0) the children's intersection (any: union); inverted: all others. */
struct index_set {
    struct index_part *parts;
    const uint64_t *bits;
    struct index_set **children;
    size_t part_count, bit_words, child_count;
    bool any, inverted;
};
/* bytes: a valid bitmap (cohort_index_bitmap). */
void cohort_part_begin(struct index_part *part, const unsigned char *bytes);
/* The bytes are flat bits of that cardinality, of numbers below limit. */
bool cohort_flat_valid(const unsigned char *bytes, size_t count, uint32_t cardinality, uint32_t limit);
/* ret[i]: how many numbers below limit are in all of steps 0 … i. The sets' parts are used up. */
enum err_code cohort_blocks_count(struct index_set *const *steps, size_t count, uint32_t limit, int64_t *ret, struct err *err) WARN_UNUSED;
/* The numbers below limit of a set, in order, to take: some at once. The set's parts are used up. */
enum err_code cohort_blocks_each(struct index_set *set, uint32_t limit, enum err_code (*take)(void *user, const uint32_t *numbers, size_t count), void *user,
                                 struct err *err) WARN_UNUSED;

/* ---- index_answer.c, index_events.c ---- */
struct index_counter {
    struct cohort_index *index;
    const struct cohort_question *question;
    struct arena *arena;
    struct err *err;
};
/* A new set of the union of parts, a list of struct index_part. */
enum err_code cohort_set_of(struct index_counter *counter, const struct cohort_list *parts, struct index_set **ret) WARN_UNUSED;
/* Adds the bitmap of a value, where it has one. rows: of its rows, not of its patients. */
enum err_code cohort_gather_value(struct index_counter *counter, struct cohort_list *parts, unsigned view, unsigned slot, const char *value, bool rows) WARN_UNUSED;
/* Adds the bitmaps that an event's codes and texts mean in a view. */
enum err_code cohort_gather_matches(struct index_counter *counter, struct cohort_list *parts, const struct cohort_resolved *resolved, size_t view, bool rows) WARN_UNUSED;
#define INDEX_WORD_BYTES 1024 /* longer than criteria's texts can be */
void cohort_lower_ascii(const char *text, char ret[INDEX_WORD_BYTES]);
/* A new set of flat bits of all patients, unset where they are not filled at once. */
enum err_code cohort_bits_set(struct index_counter *counter, bool filled, uint64_t **ret_bits, struct index_set **ret) WARN_UNUSED;
/* The patients of an event that the patients' bitmaps can't tell: by its rows. */
enum err_code cohort_events_set(struct index_counter *counter, const struct cohort_resolved *resolved, struct index_set **ret) WARN_UNUSED;

/* What the views are, so that an index is never asked about others. */
struct hash128 cohort_views_hash(const struct cohort_views *views, bool *ok);
/* The bytes are a bitmap in the portable format, of that cardinality, of numbers below limit. */
bool cohort_bitmap_valid(const unsigned char *bytes, size_t count, uint32_t cardinality, uint32_t limit);
/* The first entry whose key is at least this; header.entries where there is none. */
size_t cohort_index_find(const struct cohort_index *index, unsigned view, unsigned slot, struct str value);
/* Is the entry's key of this view and slot, and does its value begin so (exact: is it so)? */
bool cohort_index_is(const struct cohort_index *index, size_t entry, unsigned view, unsigned slot, struct str value, bool exact);
struct str cohort_index_key(const struct cohort_index *index, size_t entry);
/* The bitmap's bytes, checked at their first use; the index's. rows: of the entry's rows, whose view's events are checked too. */
enum err_code cohort_index_bitmap(struct cohort_index *index, size_t entry, bool rows, const unsigned char **ret, struct err *err) WARN_UNUSED;
/* A view's events, checked at their first use. */
enum err_code cohort_index_events(struct cohort_index *index, size_t view, const struct index_events **ret, struct err *err) WARN_UNUSED;
/* The slot of a view's column; -1: it is not indexed. */
int cohort_index_slot(const struct cohort_view *view, const char *column);

#endif
