/* Arena: a chain of blocks, newest first; allocation moves a cursor in the newest.
 *
 *     arena ─▶ block N (used ▓▓▓▓░░░) ─▶ block N-1 ─▶ … ─▶ block 1 (kept by arena_reset)
 *
 * Blocks double from 16 KiB to 1 MiB; a request larger than that gets a block of its own size.
 * Invariants: every result is zeroed and 16-byte aligned; after one failure nothing succeeds until
 * arena_reset; used never passes limit. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ARENA_ALIGN ((size_t)16)
#define ARENA_FIRST_BYTES ((size_t)16 << 10)
#define ARENA_LARGEST_BYTES ((size_t)1 << 20)
#define ARENA_DEFAULT_LIMIT ((size_t)1 << 30)

struct block {
    struct block *older;
    size_t size; /* payload bytes */
    size_t used;
    size_t padding; /* keeps the payload 16-byte aligned */
};

struct arena {
    struct block *newest;
    size_t limit_bytes;
    size_t used_bytes;
    size_t next_bytes; /* payload of the next ordinary block */
    bool failed;
};

static char *payload_of(struct block *block)
{
    return (char *)(block + 1);
}

struct arena *arena_new(size_t limit_bytes)
{
    struct arena *arena = mem_zalloc(1, sizeof *arena);
    if (arena == NULL)
        return NULL;
    arena->limit_bytes = limit_bytes == 0 ? ARENA_DEFAULT_LIMIT : limit_bytes;
    arena->next_bytes = ARENA_FIRST_BYTES;
    return arena;
}

static void free_until(struct block *block, const struct block *last)
{
    while (block != last) {
        struct block *older = block->older;
        mem_free(block);
        block = older;
    }
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    free_until(arena->newest, NULL);
    mem_free(arena);
}

void arena_reset(struct arena *arena)
{
    if (arena == NULL)
        return;
    struct block *first = arena->newest;
    while (first != NULL && first->older != NULL)
        first = first->older;
    free_until(arena->newest, first);
    arena->newest = first;
    if (first != NULL)
        first->used = 0;
    arena->used_bytes = 0;
    arena->next_bytes = ARENA_FIRST_BYTES;
    arena->failed = false;
}

bool arena_failed(const struct arena *arena)
{
    return arena == NULL || arena->failed;
}

size_t arena_used_bytes(const struct arena *arena)
{
    return arena == NULL ? 0 : arena->used_bytes;
}

static bool add_block(struct arena *arena, size_t bytes)
{
    size_t size = bytes > arena->next_bytes ? bytes : arena->next_bytes;
    struct block *block = mem_alloc(sizeof *block + size);
    if (block == NULL)
        return false;
    block->older = arena->newest;
    block->size = size;
    block->used = 0;
    arena->newest = block;
    if (arena->next_bytes < ARENA_LARGEST_BYTES)
        arena->next_bytes *= 2;
    return true;
}

void *arena_alloc_raw(struct arena *arena, size_t bytes)
{
    if (arena_failed(arena))
        return NULL;
    size_t rounded = (bytes + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (rounded == 0 && bytes == 0)
        rounded = ARENA_ALIGN;
    bool fits_limit = rounded >= bytes && rounded <= arena->limit_bytes - arena->used_bytes;
    struct block *block = arena->newest;
    bool fits_block = block != NULL && fits_limit && rounded <= block->size - block->used;
    if (!fits_limit || (!fits_block && !add_block(arena, rounded))) {
        arena->failed = true;
        return NULL;
    }
    block = arena->newest;
    char *ptr = payload_of(block) + block->used;
    block->used += rounded;
    arena->used_bytes += rounded;
    return ptr;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    void *ptr = arena_alloc_raw(arena, bytes);
    return ptr != NULL ? memset(ptr, 0, bytes) : NULL;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, bytes, &total))
        total = SIZE_MAX; /* fails below, and sticks */
    return arena_alloc(arena, total);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc_raw(arena, length == SIZE_MAX ? length : length + 1);
    if (copy != NULL && length > 0)
        memcpy(copy, text, length);
    if (copy != NULL)
        copy[length] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = arena_alloc_raw(arena, length < 0 ? SIZE_MAX : (size_t)length + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
