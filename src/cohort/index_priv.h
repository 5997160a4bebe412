/* The index file, as index_build.c writes and index_file.c reads it. All numbers little-endian (the machine's, which is checked).
 *
 *     0   "MRWCHRT" NUL, u32 format, u32 byte order mark
 *     16  XXH3-128 of all bytes from 32 on
 *     32  XXH3-128 of the views that it was built of; u64 bytes of the file; u32 patients, u32 entries, u32 flags, u32 0
 *     64  u64 offsets of entries, keys, bytes of keys, born_first, born_last, bitmaps
 *     128 entries: sorted by key; keys; born_first and born_last: u16 day of the year (from 0) of each patient whose
 *         birth is known, by year, then ordinal; bitmaps
 *
 * An ordinal is the rank of a patient's id, bytewise, from 0. A key is the view (0 = patients, else its number from 1), a slot, and a value;
 * its bitmap, in the portable Roaring format (github.com/RoaringBitmap/RoaringFormatSpec), has the patients with such a row. */
#ifndef MARROW_COHORT_INDEX_PRIV_H
#define MARROW_COHORT_INDEX_PRIV_H

#include "cohort/plan_priv.h"
#include "cohort/roaring_library.h"

#define INDEX_MAGIC "MRWCHRT"
#define INDEX_ORDER 0x01020304u
#define INDEX_HASHED_FROM 32
#define INDEX_EXACT_BIRTHS 1u /* flag: born_first = born_last for all; only the former has years */
#define INDEX_UNKNOWN_DAY INT32_MIN /* while it is built */

struct index_header {
    char magic[8];
    uint32_t format, byte_order;
    uint64_t hash_low, hash_high;
    uint64_t views_low, views_high, bytes;
    uint32_t patients, entries, flags, zero;
    uint64_t entries_at, keys_at, keys_bytes, born_first_at, born_last_at, bitmaps_at;
    uint64_t reserved[1];
};
struct index_entry {
    uint32_t key_at, key_bytes;
    uint64_t bitmap_at; /* from bitmaps_at */
    uint32_t bitmap_bytes, cardinality;
};
_Static_assert(sizeof(struct index_header) == 128, "the header is 128 bytes long");
_Static_assert(sizeof(struct index_entry) == 24, "an entry is 24 bytes long");

enum index_patient_slot { SLOT_GENDER, SLOT_DECEASED, SLOT_FIRST_UPTO, SLOT_FIRST_IN, SLOT_LAST_UPTO, SLOT_LAST_IN };
enum index_view_slot { SLOT_ANY, SLOT_CATEGORY, SLOT_STATUS, SLOT_TEXT, SLOT_CODES /* the first of them */ };

struct cohort_index {
    const char *map;
    size_t bytes;
    struct index_header header;
    const struct cohort_views *views;
    const struct index_entry *entries;
    const uint16_t *born_first, *born_last;
    uint64_t *ranks; /* by entry of SLOT_FIRST_IN and SLOT_LAST_IN: where its days begin */
    bool *checked; /* by entry: its bitmap's bytes are what they should be */
};

/* ---- index_blocks.c ---- */
/* One bitmap, read from its mapped bytes in ascending order; with days, only of patients whose day is at most this. */
struct index_part {
    const unsigned char *keys, *flags, *at;
    uint32_t containers, next;
    const uint16_t *days; /* one a number; NULL: all are meant */
    int64_t day;
};
/* The union of parts, or (child_count > 0) the children's intersection (any: union); inverted: all other patients. */
struct index_set {
    struct index_part *parts;
    struct index_set **children;
    size_t part_count, child_count;
    bool any, inverted;
};
/* bytes: a valid bitmap (cohort_index_bitmap). */
void cohort_part_begin(struct index_part *part, const unsigned char *bytes);
/* ret[i]: how many patients are in all of steps 0 … i. The sets' parts are used up. */
enum err_code cohort_blocks_count(struct index_set *const *steps, size_t count, uint32_t patients, int64_t *ret, struct err *err) WARN_UNUSED;

/* What the views are, so that an index is never asked about others. */
struct hash128 cohort_views_hash(const struct cohort_views *views, bool *ok);
/* The bytes are a bitmap in the portable format, of that cardinality, of numbers below limit. */
bool cohort_bitmap_valid(const unsigned char *bytes, size_t count, uint32_t cardinality, uint32_t limit);
/* The first entry whose key is at least this; header.entries where there is none. */
size_t cohort_index_find(const struct cohort_index *index, unsigned view, unsigned slot, struct str value);
/* Is the entry's key of this view and slot, and does its value begin so (exact: is it so)? */
bool cohort_index_is(const struct cohort_index *index, size_t entry, unsigned view, unsigned slot, struct str value, bool exact);
struct str cohort_index_key(const struct cohort_index *index, size_t entry);
/* The bitmap's bytes, checked at their first use; the index's. */
enum err_code cohort_index_bitmap(struct cohort_index *index, size_t entry, const unsigned char **ret, struct err *err) WARN_UNUSED;
/* The slot of a view's column; -1: it is not indexed. */
int cohort_index_slot(const struct cohort_view *view, const char *column);

#endif
