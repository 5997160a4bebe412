/* The only caller of malloc. Checks multiplication; can be told to fail the n-th call (base/fault.h). */
#ifndef MARROW_BASE_MEM_H
#define MARROW_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t bytes);                           /* uninitialised; NULL on failure */
void *mem_zalloc(size_t count, size_t bytes);            /* zeroed; NULL on failure or overflow */
void *mem_resize(void *ptr, size_t count, size_t bytes); /* realloc of an array; NULL keeps ptr */
void mem_free(void *ptr);                                /* NULL allowed */
char *mem_strdup(const char *text);                      /* NULL in → NULL out */
char *mem_strndup(const char *text, size_t length);      /* always NUL-terminated */

/* AUTO(x_free) struct x *v = NULL; frees at scope end. Define the cleaner with AUTO_DEFINE. */
#define AUTO(function) __attribute__((cleanup(auto_##function)))
#define AUTO_DEFINE(type, function)                                                                \
    static inline void auto_##function(type **ptr)                                                 \
    {                                                                                              \
        function(*ptr);                                                                            \
    }
static inline void auto_mem_free(void *ptr)
{
    mem_free(*(void **)ptr);
}

#endif
