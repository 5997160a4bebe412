/* The only caller of malloc in the tree: checked products, injected failures, no zero-sized
 * surprises. */
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"

void *mem_alloc(size_t bytes)
{
    if (fault_now(FAULT_ALLOC))
        return NULL;
    return malloc(bytes == 0 ? 1 : bytes);
}

void *mem_zalloc(size_t count, size_t bytes)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    if (fault_now(FAULT_ALLOC))
        return NULL;
    return calloc(total == 0 ? 1 : total, 1);
}

void *mem_resize(void *ptr, size_t count, size_t bytes)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    if (fault_now(FAULT_ALLOC))
        return NULL;
    return realloc(ptr, total == 0 ? 1 : total);
}

void mem_free(void *ptr)
{
    free(ptr);
}

char *mem_strndup(const char *text, size_t length)
{
    char *copy = length == SIZE_MAX ? NULL : mem_alloc(length + 1);
    if (copy == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return text == NULL ? NULL : mem_strndup(text, strlen(text));
}
