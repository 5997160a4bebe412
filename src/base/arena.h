/* Arena: bump allocation for a tree with one lifetime. Sticky-failing: after one failure every
 * arena_alloc returns NULL and arena_failed is true, so builders test once at the door. */
#ifndef MARROW_BASE_ARENA_H
#define MARROW_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

struct arena;
/* limit_bytes: 0 = 1 GiB. NULL when memory is out. */
struct arena *arena_new(size_t limit_bytes);
void arena_free(struct arena *arena);
void arena_reset(struct arena *arena); /* keeps the first block; clears failure */
bool arena_failed(const struct arena *arena);
size_t arena_used_bytes(const struct arena *arena);
void *arena_alloc(struct arena *arena, size_t bytes);               /* zeroed, 16-byte aligned */
void *arena_alloc_raw(struct arena *arena, size_t bytes);           /* not zeroed */
void *arena_array(struct arena *arena, size_t count, size_t bytes); /* zeroed, checked product */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
AUTO_DEFINE(struct arena, arena_free)

#endif
