/* Single values and counts of values, by which the fused aggregates work; see values.c. */
#ifndef MARROW_ENGINE_VALUES_PRIV_H
#define MARROW_ENGINE_VALUES_PRIV_H

#include "data/data.h"

/* A value of any kind in 16 bytes, compared with memory equality. Numbers, dates and instants: bits
 * in low, 0 in high. Texts: length and the first four bytes in low; high has the rest where it fits
 * (12 bytes at most), else where the whole text is: a pointer here, an offset within a table. */
struct value {
    uint64_t low, high;
};
struct value value_of_text(struct str text);
/* Row's value, which must be valid; texts point into the batch. */
struct value value_at(const struct data_vector *vector, int64_t row);
bool value_equal(enum data_kind kind, struct value a, struct value b);
/* <0, 0, >0 in the kind's order: numbers by size (NaN last), texts bytewise. */
int value_compare(enum data_kind kind, struct value a, struct value b);
/* Write to a row of ret; texts point where the value points, or into arena. False: out of memory.
 */
bool value_put(struct value value, struct arena *arena, struct data_vector *ret, int64_t row);
/* A copy whose text, if long, is on the heap; done frees it. False: out of memory. */
bool value_copy(enum data_kind kind, struct value from, struct value *into);
void value_done(enum data_kind kind, struct value *value);

/* How often each value occurs. May be moved bytewise; all zero = empty. */
struct value_slot {
    struct value value;
    int64_t count; /* 0 = free */
};
struct value_counts {
    union {
        struct value_slot only; /* shift 0 */
        struct value_slot *slots;
    };
    struct value_bytes *bytes; /* the long texts, end to end */
    uint32_t used;
    uint8_t shift; /* 2^shift slots */
    uint8_t kind;
};
/* Count value, of the kind of all before, occurrences more times. False: out of memory. */
bool value_counts_add(struct value_counts *counts, enum data_kind kind, struct value value,
                      int64_t occurrences);
bool value_counts_merge(struct value_counts *into, const struct value_counts *from);
int64_t value_counts_total(const struct value_counts *counts);
/* The most frequent value, ties to the smallest; its text is borrowed. False: empty. */
bool value_counts_best(const struct value_counts *counts, struct value *ret);
void value_counts_done(struct value_counts *counts);

#endif
