/* Sets of patients, block by block. A block is 65,536 ordinals as flat bits (8 KB: they stay in the
 * nearest cache); its bits come straight from the mapped file, so that no set is ever built whole.
 *
 *     for each block: for each step: bits of the step ──∩──▶ bits that are left ──count──▶
 * ret[step]
 *
 * Blocks are asked for in ascending order, each part of each set once a block. */
#include "cohort/index_priv.h"

#include <string.h>

#define BLOCK 65536u
#define WORDS (BLOCK / 64)
#define ARRAY_MOST 4096u
#define COOKIE_RUNS 12347u

static uint32_t u16_at(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t u32_at(const unsigned char *at)
{
    return u16_at(at) | u16_at(at + 2) << 16;
}

void cohort_part_begin(struct index_part *part, const unsigned char *bytes)
{
    bool runs = u16_at(bytes) == COOKIE_RUNS;
    part->containers = runs ? u16_at(bytes + 2) + 1 : u32_at(bytes + 4);
    part->flags = runs ? bytes + 4 : NULL;
    part->keys = bytes + (runs ? 4 + (part->containers + 7) / 8 : 8);
    part->at = part->keys + 4 * (size_t)part->containers;
    if (!runs || part->containers >= 4)
        part->at += 4 * (size_t)part->containers; /* offsets: they are read in order */
}

/* ---- one container into bits --------------------------------------------------------------------
 */

struct container {
    const unsigned char *at;
    uint32_t count; /* of numbers */
    bool runs;
    const uint16_t *days; /* one a number; NULL: all are meant */
    int64_t day;
};

static inline void add_bit(uint64_t *words, uint32_t number, uint64_t bit)
{
    words[number / 64] |= bit << (number % 64);
}

static void add_array(uint64_t *words, const struct container *from)
{
    if (from->days == NULL)
        for (uint32_t i = 0; i < from->count; i++)
            add_bit(words, u16_at(from->at + 2 * (size_t)i), 1);
    else
        for (uint32_t i = 0; i < from->count; i++)
            add_bit(words, u16_at(from->at + 2 * (size_t)i), from->days[i] <= from->day);
}

static void or_words(uint64_t *restrict words, const uint64_t *restrict more)
{
    for (uint32_t i = 0; i < WORDS; i++)
        words[i] |= more[i];
}

static void and_words(uint64_t *restrict words, const uint64_t *restrict others)
{
    for (uint32_t i = 0; i < WORDS; i++)
        words[i] &= others[i];
}

static void and_bytes(uint64_t *restrict words, const unsigned char *restrict bytes, uint64_t flip)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        uint64_t word;
        memcpy(&word, bytes + 8 * (size_t)i, 8);
        words[i] &= word ^ flip;
    }
}

/* The file's words are aligned to nothing. */
static void or_bytes(uint64_t *restrict words, const unsigned char *restrict bytes)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        uint64_t word;
        memcpy(&word, bytes + 8 * (size_t)i, 8);
        words[i] |= word;
    }
}

static void add_bitset(uint64_t *words, const struct container *from)
{
    uint32_t seen = 0;
    if (from->days == NULL)
        or_bytes(words, from->at);
    for (uint32_t i = 0; from->days != NULL && i < WORDS; i++) {
        uint64_t word;
        memcpy(&word, from->at + 8 * (size_t)i, 8);
        for (; word != 0; word &= word - 1)
            add_bit(words, 64 * i + (uint32_t)__builtin_ctzll(word),
                    from->days[seen++] <= from->day);
    }
}

/* Bits first to last, both included. */
static void add_range(uint64_t *words, uint32_t first, uint32_t last)
{
    uint64_t head = ~UINT64_C(0) << (first % 64), tail = ~UINT64_C(0) >> (63 - last % 64);
    if (first / 64 == last / 64) {
        words[first / 64] |= head & tail;
        return;
    }
    words[first / 64] |= head;
    for (uint32_t i = first / 64 + 1; i < last / 64; i++)
        words[i] = ~UINT64_C(0);
    words[last / 64] |= tail;
}

static void add_runs(uint64_t *words, const struct container *from)
{
    uint32_t seen = 0, runs = u16_at(from->at);
    for (uint32_t i = 0; i < runs; i++) {
        uint32_t first = u16_at(from->at + 2 + 4 * (size_t)i),
                 last = first + u16_at(from->at + 4 + 4 * (size_t)i);
        if (from->days == NULL)
            add_range(words, first, last);
        for (uint32_t n = first; from->days != NULL && n <= last; n++)
            add_bit(words, n, from->days[seen++] <= from->day);
    }
}

/* What the part has in the block; the part goes on to the next. */
static void add_part(uint64_t *words, struct index_part *part, uint32_t block)
{
    if (part->next == part->containers || u16_at(part->keys + 4 * (size_t)part->next) != block)
        return;
    struct container from = {.at = part->at,
                             .count = u16_at(part->keys + 4 * (size_t)part->next + 2) + 1,
                             .days = part->days,
                             .day = part->day};
    from.runs = part->flags != NULL && (part->flags[part->next / 8] >> (part->next % 8) & 1) != 0;
    part->next++;
    part->days = part->days != NULL ? part->days + from.count : NULL;
    if (from.runs) {
        add_runs(words, &from);
        part->at += 2 + 4 * (size_t)u16_at(from.at);
    } else if (from.count > ARRAY_MOST) {
        add_bitset(words, &from);
        part->at += BLOCK / 8;
    } else {
        add_array(words, &from);
        part->at += 2 * (size_t)from.count;
    }
}

/* ---- a set's bits in a block --------------------------------------------------------------------
 */

/* The number of set bits; the processor's own instruction where it has one. */
static inline __attribute__((always_inline)) int64_t count_plain(const uint64_t *words)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < WORDS; i++)
        count += __builtin_popcountll(words[i]);
    return count;
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static int64_t count_popcnt(const uint64_t *words)
{
    return count_plain(words);
}
#endif

static int64_t count_words(const uint64_t *words)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("popcnt"))
        return count_popcnt(words);
#endif
    return count_plain(words);
}

/* words: of this set; behind it those for the sets within it, WORDS a level. */
static void bits_of(struct index_set *set, uint32_t block, uint64_t *words)
{
    uint64_t *inner = words + WORDS;
    if (set->child_count == 0) {
        memset(words, 0, WORDS * sizeof *words);
        for (size_t i = 0; i < set->part_count; i++)
            add_part(words, &set->parts[i], block);
    }
    for (size_t c = 0; c < set->child_count; c++) {
        bits_of(set->children[c], block, c == 0 ? words : inner);
        if (c == 0)
            continue;
        if (set->any)
            or_words(words, inner);
        else
            and_words(words, inner);
    }
    for (uint32_t i = 0; set->inverted && i < WORDS; i++)
        words[i] = ~words[i];
}

/* The set is one bitmap, and has flat bits in this block: they need not be copied. */
static bool is_flat(const struct index_set *set, uint32_t block)
{
    if (set->child_count > 0 || set->part_count != 1)
        return false;
    const struct index_part *part = &set->parts[0];
    const unsigned char *key = part->keys + 4 * (size_t)part->next;
    return part->days == NULL && part->next < part->containers && u16_at(key) == block &&
           u16_at(key + 2) >= ARRAY_MOST &&
           (part->flags == NULL || (part->flags[part->next / 8] >> (part->next % 8) & 1) == 0);
}

/* left ← left ∩ set; room: for the set's bits. */
static void meet(uint64_t *left, struct index_set *set, uint32_t block, uint64_t *room)
{
    if (!is_flat(set, block)) {
        bits_of(set, block, room);
        and_words(left, room);
        return;
    }
    struct index_part *part = &set->parts[0];
    and_bytes(left, part->at, set->inverted ? ~UINT64_C(0) : 0);
    part->at += BLOCK / 8;
    part->next++;
}

static size_t depth_of(const struct index_set *set)
{
    size_t depth = 0;
    for (size_t i = 0; i < set->child_count; i++) {
        size_t one = depth_of(set->children[i]);
        depth = one > depth ? one : depth;
    }
    return depth + 1;
}

static bool is_whole_bitmap(const struct index_set *set)
{
    return set->child_count == 0 && set->part_count == 1 && !set->inverted &&
           set->parts[0].days == NULL;
}

static int64_t head_count(const struct index_part *part)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < part->containers; i++)
        count += u16_at(part->keys + 4 * (size_t)i + 2) + 1;
    return count;
}

enum err_code cohort_blocks_count(struct index_set *const *steps, size_t count, uint32_t patients,
                                  int64_t *ret, struct err *err)
{
    size_t depth = 0;
    for (size_t s = 0; s < count; s++) {
        size_t one = depth_of(steps[s]);
        depth = one > depth ? one : depth;
        ret[s] = 0;
    }
    if (count == 1 && is_whole_bitmap(steps[0])) { /* what its head says */
        ret[0] = head_count(&steps[0]->parts[0]);
        return ERR_OK;
    }
    AUTO(mem_free) uint64_t *left = mem_zalloc((depth + 1) * WORDS, sizeof *left);
    if (left == NULL)
        return err_set(err, ERR_MEMORY, "no memory for bits of patients");
    for (uint32_t block = 0; (uint64_t)block * BLOCK < patients; block++) {
        uint32_t here = patients - block * BLOCK;
        memset(left, here >= BLOCK ? 0xFF : 0, WORDS * sizeof *left);
        if (here < BLOCK)
            add_range(left, 0, here - 1); /* the complement is taken among those there are */
        for (size_t s = 0; s < count; s++) {
            meet(left, steps[s], block, left + WORDS);
            ret[s] += count_words(left);
        }
    }
    return ERR_OK;
}
