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

/* ---- a set's bits in a block --------------------------------------------------------------------
 */

struct blocks { /* being walked */
    const struct index_word_functions *words;
    uint32_t block;
};

static bool is_runs(const struct index_part *part)
{
    return part->flags != NULL && (part->flags[part->next / 8] >> (part->next % 8) & 1) != 0;
}

static uint32_t next_count(const struct index_part *part)
{
    return u16_at(part->keys + 4 * (size_t)part->next + 2) + 1;
}

static void next_container(struct index_part *part)
{
    uint32_t count = next_count(part);
    part->at += is_runs(part)        ? 2 + 4 * (size_t)u16_at(part->at)
                : count > ARRAY_MOST ? BLOCK / 8
                                     : 2 * (size_t)count;
    part->next++;
}

/* The part has a container of the block, which is then its next. Those before it were not asked
 * for. */
static bool has_block(struct index_part *part, uint32_t block)
{
    while (part->next < part->containers && u16_at(part->keys + 4 * (size_t)part->next) < block)
        next_container(part);
    return part->next < part->containers && u16_at(part->keys + 4 * (size_t)part->next) == block;
}

/* Words of flat bits that are the part's in the block, and how many. NULL: it has none, or not as
 * flat bits. */
static const unsigned char *flat_part(struct index_part *part, uint32_t block, size_t *ret)
{
    size_t from = (size_t)block * WORDS;
    *ret = WORDS;
    if (part->flat != NULL) {
        size_t more = from < part->words ? part->words - from : 0;
        *ret = more < WORDS ? more : WORDS;
        return more > 0 ? part->flat + 8 * from : NULL;
    }
    return has_block(part, block) && !is_runs(part) && next_count(part) > ARRAY_MOST ? part->at
                                                                                     : NULL;
}

static void add_part(const struct blocks *blocks, uint64_t *words, struct index_part *part)
{
    size_t count;
    const unsigned char *flat = flat_part(part, blocks->block, &count);
    if (flat != NULL)
        blocks->words->join(words, flat, count, 0);
    else if (part->flat != NULL || !has_block(part, blocks->block))
        return;
    else if (is_runs(part))
        add_runs(words, part->at);
    else
        add_array(words, part->at, next_count(part));
}

/* The leaf's words where it has no more than these; else NULL. */
static const unsigned char *flat_leaf(struct index_set *set, uint32_t block, size_t *ret)
{
    if (set->part_count + (set->bits != NULL ? 1 : 0) != 1)
        return NULL;
    struct index_part bits = {.flat = (const unsigned char *)set->bits, .words = set->bit_words};
    return flat_part(set->bits != NULL ? &bits : &set->parts[0], block, ret);
}

static void add_leaf(const struct blocks *blocks, uint64_t *words, struct index_set *set)
{
    struct index_part bits = {.flat = (const unsigned char *)set->bits, .words = set->bit_words};
    if (set->bits != NULL)
        add_part(blocks, words, &bits);
    for (size_t i = 0; i < set->part_count; i++)
        add_part(blocks, words, &set->parts[i]);
}

enum fold { MEET, JOIN };

/* words ← words ∩ other, or ∪; how many are left, where it is ∩. Behind count: none of other. */
static int64_t fold_words(const struct blocks *blocks, enum fold fold, uint64_t *words,
                          const void *other, size_t count, uint64_t flip)
{
    if (fold == MEET) {
        if (flip == 0 && count < WORDS)
            memset(words + count, 0, (WORDS - count) * sizeof *words);
        return blocks->words->meet(words, other, count, flip);
    }
    blocks->words->join(words, other, count, flip);
    return 0;
}

/* words ← words ∩ set, or ∪; inverted: its complement. room: WORDS for each level of the set. An
 * intersection within an intersection is met member by member, and so a union within a union, and
 * what the complement of one is by the other: there is no set in between. */
static int64_t fold_set(const struct blocks *blocks, enum fold fold, uint64_t *words,
                        struct index_set *set, bool inverted, uint64_t *room)
{
    uint64_t flip = (inverted ^= set->inverted) ? ~UINT64_C(0) : 0;
    enum fold own = set->any != inverted ? JOIN : MEET;
    const void *other = room;
    size_t count = WORDS;
    int64_t left = 0;
    if (set->child_count > 0 && own == fold) {
        for (size_t i = 0; i < set->child_count; i++)
            left = fold_set(blocks, fold, words, set->children[i], inverted, room);
        return left;
    }
    if (set->child_count > 0) {
        memset(room, own == MEET ? 0xFF : 0, WORDS * sizeof *room);
        for (size_t i = 0; i < set->child_count; i++)
            (void)fold_set(blocks, own, room, set->children[i], inverted, room + WORDS);
        flip = 0;
    } else if (fold == JOIN && !inverted) {
        add_leaf(blocks, words, set);
        return 0;
    } else if ((other = flat_leaf(set, blocks->block, &count)) == NULL) {
        memset(room, 0, WORDS * sizeof *room);
        add_leaf(blocks, room, set);
        other = room;
        count = WORDS;
    }
    return fold_words(blocks, fold, words, other, count, flip);
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
    struct blocks blocks = {cohort_words_by(false), 0};
    if (left == NULL)
        return err_set(err, ERR_MEMORY, "no memory for bits");
    for (; (uint64_t)blocks.block * BLOCK < limit; blocks.block++) {
        uint32_t here = limit - blocks.block * BLOCK;
        int64_t found = 1;
        memset(left, here >= BLOCK ? 0xFF : 0, WORDS * sizeof *left);
        if (here < BLOCK)
            add_range(left, 0, here - 1); /* the complement is taken among those there are */
        for (size_t s = 0; s < count && found > 0; s++)
            ret[s] += found = fold_set(&blocks, MEET, left, steps[s], false, left + WORDS);
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
    AUTO(mem_free) uint64_t *words = mem_zalloc((depth_of(set) + 1) * WORDS, sizeof *words);
    struct blocks blocks = {cohort_words_by(false), 0};
    if (words == NULL)
        return err_set(err, ERR_MEMORY, "no memory for bits");
    for (; (uint64_t)blocks.block * BLOCK < limit; blocks.block++) {
        uint32_t block = blocks.block;
        memset(words, 0, WORDS * sizeof *words);
        (void)fold_set(&blocks, JOIN, words, set, false, words + WORDS);
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
