/* CRoaring, loaded when it is first needed: as engine/duckdb/library.h, which tells how it works. */
#ifndef MARROW_COHORT_ROARING_LIBRARY_H
#define MARROW_COHORT_ROARING_LIBRARY_H

#include <roaring/roaring.h>

#include "base/err.h"

/* clang-format off */
#define LIBROARING_FUNCTIONS(X) \
    X(create_with_capacity) X(free) X(add_many) X(add_range_closed) X(or_inplace) X(get_cardinality) \
    X(to_uint32_array) X(run_optimize) X(portable_size_in_bytes) X(portable_serialize)
/* clang-format on */

struct libroaring_functions {
#define LIBROARING_MEMBER(name) __typeof__(roaring_bitmap_##name) *name##_;
    LIBROARING_FUNCTIONS(LIBROARING_MEMBER)
#undef LIBROARING_MEMBER
};
extern struct libroaring_functions libroaring; /* filled by libroaring_load, constant from then on */

/* Fill it (base/library.h): before any other call. ERR_UNSUPPORTED: not found, or too old. Any
 * thread. */
enum err_code libroaring_load(struct err *err) WARN_UNUSED;

static inline roaring_bitmap_t *bitmap_new(void)
{
    return libroaring.create_with_capacity_(0);
}
static inline void bitmap_free(roaring_bitmap_t *bitmap) /* NULL allowed, which the library does not */
{
    if (bitmap != NULL)
        libroaring.free_(bitmap);
}

#endif
