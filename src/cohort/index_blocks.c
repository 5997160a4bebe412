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

static inline void add_bit(uint64_t *words, uint32_t number)
{
    words[number / 64] |= UINT64_C(1) << (number % 64);
}

/* From four places at once: neighbours are mostly of one word, and each would wait for the one
 * before it to be stored. */
static void add_array(uint64_t *words, const unsigned char *at, uint32_t count)
{
    uint32_t quarter = count / 4;
    const unsigned char *second = at + 2 * (size_t)quarter, *third = second + 2 * (size_t)quarter,
                        *fourth = third + 2 * (size_t)quarter;
    for (size_t i = 0; i < 2 * (size_t)quarter; i += 2) {
        add_bit(words, u16_at(at + i));
        add_bit(words, u16_at(second + i));
        add_bit(words, u16_at(third + i));
        add_bit(words, u16_at(fourth + i));
    }
    for (uint32_t i = 4 * quarter; i < count; i++)
        add_bit(words, u16_at(at + 2 * (size_t)i));
}

static void and_words(uint64_t *restrict words, const uint64_t *restrict others)
{
    for (uint32_t i = 0; i < WORDS; i++)
        words[i] &= others[i];
}

/* The file's words are aligned to nothing. */
static void and_bytes(uint64_t *restrict words, const unsigned char *restrict bytes, uint64_t flip)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        uint64_t word;
        memcpy(&word, bytes + 8 * (size_t)i, 8);
        words[i] &= word ^ flip;
    }
}

static void or_bytes(uint64_t *restrict words, const unsigned char *restrict bytes, size_t count,
                     uint64_t flip)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t word;
        memcpy(&word, bytes + 8 * i, 8);
        words[i] |= word ^ flip;
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

static void add_runs(uint64_t *words, const unsigned char *at)
{
    uint32_t runs = u16_at(at);
    for (uint32_t i = 0; i < runs; i++) {
        uint32_t first = u16_at(at + 2 + 4 * (size_t)i);
        add_range(words, first, first + u16_at(at + 4 + 4 * (size_t)i));
    }
}

/* What the part has in the block; the part goes on to the next. */
static void add_part(uint64_t *words, struct index_part *part, uint32_t block)
{
    size_t from = (size_t)block * WORDS;
    if (part->flat != NULL) {
        if (from < part->words)
            or_bytes(words, part->flat + 8 * from,
                     part->words - from < WORDS ? part->words - from : WORDS, 0);
        return;
    }
    if (part->next == part->containers || u16_at(part->keys + 4 * (size_t)part->next) != block)
        return;
    uint32_t count = u16_at(part->keys + 4 * (size_t)part->next + 2) + 1;
    bool runs = part->flags != NULL && (part->flags[part->next / 8] >> (part->next % 8) & 1) != 0;
    part->next++;
    if (runs) {
        add_runs(words, part->at);
        part->at += 2 + 4 * (size_t)u16_at(part->at);
    } else if (count > ARRAY_MOST) {
        or_bytes(words, part->at, WORDS, 0);
        part->at += BLOCK / 8;
    } else {
        add_array(words, part->at, count);
        part->at += 2 * (size_t)count;
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

/* The set is one bitmap that has flat bits of all this block: they need not be copied. The part
 * goes on. NULL: it is not. */
static const unsigned char *flat_bits(struct index_set *set, uint32_t block)
{
    if (set->child_count > 0 || set->part_count + (set->bits != NULL ? 1 : 0) != 1)
        return NULL;
    size_t from = (size_t)block * WORDS;
    if (set->bits != NULL)
        return from + WORDS <= set->bit_words ? (const unsigned char *)(set->bits + from) : NULL;
    struct index_part *part = &set->parts[0];
    if (part->flat != NULL)
        return from + WORDS <= part->words ? part->flat + 8 * from : NULL;
    const unsigned char *key = part->keys + 4 * (size_t)part->next, *bits = part->at;
    if (part->next == part->containers || u16_at(key) != block || u16_at(key + 2) < ARRAY_MOST ||
        (part->flags != NULL && (part->flags[part->next / 8] >> (part->next % 8) & 1) != 0))
        return NULL;
    part->at += BLOCK / 8;
    part->next++;
    return bits;
}

/* words: of this set; behind it those for the sets within it, WORDS a level. */
static void bits_of(struct index_set *set, uint32_t block, uint64_t *words)
{
    uint64_t *inner = words + WORDS;
    if (set->child_count == 0) {
        size_t from = (size_t)block * WORDS, more = set->bit_words - from;
        memset(words, 0, WORDS * sizeof *words);
        if (set->bits != NULL && from < set->bit_words)
            memcpy(words, set->bits + from, (more < WORDS ? more : WORDS) * sizeof *words);
        for (size_t i = 0; i < set->part_count; i++)
            add_part(words, &set->parts[i], block);
    }
    for (size_t c = 0; c < set->child_count; c++) {
        const unsigned char *flat = flat_bits(set->children[c], block);
        uint64_t flip = flat != NULL && set->children[c]->inverted ? ~UINT64_C(0) : 0;
        if (c == 0)
            memset(words, set->any ? 0 : 0xFF, WORDS * sizeof *words);
        if (flat == NULL)
            bits_of(set->children[c], block, inner);
        if (!set->any)
            and_bytes(words, flat != NULL ? flat : (const unsigned char *)inner, flip);
        else
            or_bytes(words, flat != NULL ? flat : (const unsigned char *)inner, WORDS, flip);
    }
    for (uint32_t i = 0; set->inverted && i < WORDS; i++)
        words[i] = ~words[i];
}

/* left ← left ∩ set; room: for the set's bits. */
static void meet(uint64_t *left, struct index_set *set, uint32_t block, uint64_t *room)
{
    const unsigned char *flat = flat_bits(set, block);
    if (flat != NULL) {
        and_bytes(left, flat, set->inverted ? ~UINT64_C(0) : 0);
        return;
    }
    bits_of(set, block, room);
    and_words(left, room);
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
    return set->child_count == 0 && set->part_count == 1 && !set->inverted && set->bits == NULL;
}

static int64_t head_count(const struct index_part *part)
{
    int64_t count = part->flat != NULL ? part->cardinality : 0;
    for (uint32_t i = 0; i < part->containers; i++)
        count += u16_at(part->keys + 4 * (size_t)i + 2) + 1;
    return count;
}

enum err_code cohort_blocks_count(struct index_set *const *steps, size_t count, uint32_t limit,
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
        return err_set(err, ERR_MEMORY, "no memory for bits");
    for (uint32_t block = 0; (uint64_t)block * BLOCK < limit; block++) {
        uint32_t here = limit - block * BLOCK;
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

enum err_code cohort_blocks_each(struct index_set *set, uint32_t limit,
                                 enum err_code (*take)(void *user, const uint32_t *numbers,
                                                       size_t count),
                                 void *user, struct err *err)
{
    uint32_t numbers[1024];
    size_t count = 0;
    AUTO(mem_free) uint64_t *words = mem_zalloc(depth_of(set) * WORDS, sizeof *words);
    if (words == NULL)
        return err_set(err, ERR_MEMORY, "no memory for bits");
    for (uint32_t block = 0; (uint64_t)block * BLOCK < limit; block++) {
        bits_of(set, block, words);
        for (uint32_t i = 0; i < WORDS; i++)
            for (uint64_t word = words[i]; word != 0; word &= word - 1) {
                uint32_t number = block * BLOCK + 64 * i + (uint32_t)__builtin_ctzll(word);
                if (number >= limit)
                    break;
                numbers[count++] = number;
                if (count == sizeof numbers / sizeof *numbers) {
                    TRY(take(user, numbers, count));
                    count = 0;
                }
            }
    }
    return count > 0 ? take(user, numbers, count) : ERR_OK;
}
