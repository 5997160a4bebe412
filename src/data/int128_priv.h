/* The compiler's 128-bit integers (gcc, clang), named so that -Wpedantic is content. */
#ifndef MARROW_DATA_INT128_PRIV_H
#define MARROW_DATA_INT128_PRIV_H

#include "data/data.h"

__extension__ typedef __int128 wide_int;
__extension__ typedef unsigned __int128 wide_uint;

static inline wide_uint wide_bits(struct data_int128 value)
{
    return (wide_uint)(uint64_t)value.high << 64 | value.low;
}

#endif
