/* hiredis, loaded when it is first needed: as engine/duckdb/library.h, which tells how it works.
 * The library of the header's own soname alone: the layout of its structures is the header's. */
#ifndef MARROW_LIVE_REDIS_LIBRARY_H
#define MARROW_LIVE_REDIS_LIBRARY_H

#include <hiredis/hiredis.h>

#include "base/err.h"

/* clang-format off */
#define LIBHIREDIS_FUNCTIONS(X) \
    X(redisConnectWithTimeout) X(redisSetTimeout) X(redisFree) X(redisAppendCommandArgv) X(redisGetReply) X(freeReplyObject)
/* clang-format on */

struct libhiredis_functions {
#define LIBHIREDIS_MEMBER(name) __typeof__(name) *name##_;
    LIBHIREDIS_FUNCTIONS(LIBHIREDIS_MEMBER)
#undef LIBHIREDIS_MEMBER
};
extern struct libhiredis_functions
    libhiredis; /* filled by libhiredis_load, constant from then on */

/* Fill it (base/library.h): before any other call. ERR_UNSUPPORTED: not found, or another version
 * than the one that was built against. Any thread. */
enum err_code libhiredis_load(struct err *err) WARN_UNUSED;

#endif
