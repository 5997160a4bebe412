/* What live's files share: a home of the log behind live.h. */
#ifndef MARROW_LIVE_PRIV_H
#define MARROW_LIVE_PRIV_H

#include "base/clock.h"
#include "live/live.h"

struct live_home {
    const char *scheme; /* of the URL; "" = the file in the store */
    enum err_code (*open)(const struct live_options *options, struct live **ret, struct err *err);
    void (*close)(struct live *live);
    enum err_code (*append)(struct live *live, struct live_change *changes, size_t count, struct err *err);
    enum err_code (*read)(struct live *live, int64_t after, enum err_code (*visit)(void *user, const struct live_change *change, struct err *err), void *user, struct err *err);
    enum err_code (*trim)(struct live *live, int64_t seq, struct err *err);
    const char *(*caveat)(struct live *live); /* NULL: what is appended lasts */
};
struct live { /* the first member of every home's own struct */
    const struct live_home *home;
};
extern const struct live_home live_file_home, live_redis_home;
/* The id of a stream's entry, "ms-n", as a number that orders as ids do; 0: it is none. */
int64_t live_redis_seq(struct str id);

/* A record: one change as bytes, with its length and hash in front (record.c). */
#define LIVE_HEAD_BYTES 40
/* Append the record of change to out. */
enum err_code live_record_write(const struct live_change *change, struct buf *out, struct err *err) WARN_UNUSED;
enum live_record_state { LIVE_RECORD_WHOLE, LIVE_RECORD_TORN /* the bytes end too early */, LIVE_RECORD_DAMAGED };
/* The record at the start of bytes; its length. The change's texts lie in bytes. */
enum live_record_state live_record_read(struct str bytes, struct live_change *ret, size_t *ret_bytes);
/* How many bytes the record that begins with this head has; 0: it is no head. */
size_t live_record_bytes(const char head[LIVE_HEAD_BYTES]);

#endif
