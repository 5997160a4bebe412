/* Counts of texts: an open-addressing table (linear probing, at most three quarters full) over one
 * block of text bytes. Small: a group with one distinct value costs four slots. What comes out
 * depends on the counts only, not on the order. */
#include "engine/mode_priv.h"

#include <string.h>

#include "base/hash.h"

struct slot {
    int64_t count; /* 0 = free */
    uint64_t hash;
    size_t offset; /* into bytes */
    size_t length;
};
struct mode_table {
    struct slot *slots;
    size_t capacity, used; /* capacity a power of two */
    struct buf bytes;
};
#define FIRST_SLOTS 4

static struct mode_table *table_new(void)
{
    struct mode_table *table = mem_zalloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->slots = mem_zalloc(FIRST_SLOTS, sizeof *table->slots);
    table->capacity = FIRST_SLOTS;
    table->bytes.limit = SIZE_MAX;
    if (table->slots == NULL) {
        mem_free(table);
        return NULL;
    }
    return table;
}

static struct slot *slot_free(struct slot *slots, size_t capacity, uint64_t hash)
{
    size_t at = hash & (capacity - 1);
    while (slots[at].count != 0)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static bool table_grow(struct mode_table *table)
{
    size_t capacity = table->capacity * 2;
    struct slot *slots = mem_zalloc(capacity, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t idx = 0; idx < table->capacity; idx++)
        if (table->slots[idx].count != 0)
            *slot_free(slots, capacity, table->slots[idx].hash) = table->slots[idx];
    mem_free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return true;
}

static bool table_add(struct mode_table *table, uint64_t hash, struct str text, int64_t occurrences)
{
    for (size_t at = hash & (table->capacity - 1); table->slots[at].count != 0;
         at = (at + 1) & (table->capacity - 1)) {
        struct slot *slot = &table->slots[at];
        if (slot->hash == hash && slot->length == text.len &&
            (text.len == 0 || memcmp(table->bytes.ptr + slot->offset, text.ptr, text.len) == 0)) {
            slot->count += occurrences;
            return true;
        }
    }
    if ((table->used + 1) * 4 > table->capacity * 3 && !table_grow(table))
        return false;
    size_t offset = table->bytes.len;
    buf_add(&table->bytes, text.ptr, text.len);
    if (table->bytes.failed)
        return false;
    *slot_free(table->slots, table->capacity, hash) =
        (struct slot){occurrences, hash, offset, text.len};
    table->used++;
    return true;
}

bool mode_table_add(struct mode_table **table, struct str text, int64_t occurrences)
{
    if (*table == NULL && (*table = table_new()) == NULL)
        return false;
    return table_add(*table, hash_xxh3_64(text.ptr, text.len, 0), text, occurrences);
}

static struct str slot_text(const struct mode_table *table, const struct slot *slot)
{
    return slot->length == 0 ? (struct str){"", 0}
                             : (struct str){table->bytes.ptr + slot->offset, slot->length};
}

bool mode_table_merge(struct mode_table **into, const struct mode_table *from)
{
    if (from == NULL)
        return true;
    if (*into == NULL && (*into = table_new()) == NULL)
        return false;
    for (size_t idx = 0; idx < from->capacity; idx++) {
        const struct slot *slot = &from->slots[idx];
        if (slot->count != 0 && !table_add(*into, slot->hash, slot_text(from, slot), slot->count))
            return false;
    }
    return true;
}

bool mode_table_best(const struct mode_table *table, struct str *ret)
{
    const struct slot *best = NULL;
    for (size_t idx = 0; table != NULL && idx < table->capacity; idx++) {
        const struct slot *slot = &table->slots[idx];
        if (slot->count == 0)
            continue;
        if (best == NULL || slot->count > best->count ||
            (slot->count == best->count &&
             str_compare(slot_text(table, slot), slot_text(table, best)) < 0))
            best = slot;
    }
    if (best != NULL)
        *ret = slot_text(table, best);
    return best != NULL;
}

void mode_table_free(struct mode_table *table)
{
    if (table == NULL)
        return;
    mem_free(table->slots);
    buf_done(&table->bytes);
    mem_free(table);
}
