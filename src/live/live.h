/* The live layer's door: the speed layer of a FHIR dataset. Changes of single resources (a subscription's notifications, say) go into a durable log beside
 * the batch versions; who asks sees batch and log together; a compaction folds the log into the next batch version.
 *
 *     fhir apply ──▶ live_append ──fsync──▶ acknowledged ──▶ LOG ──live_fold──▶ newest change of each resource ──▶ overlay over the batch version
 *                                                                                  └──compaction──▶ next version, live_trim
 *
 * Which change wins does not depend on the order in which changes come, come twice or come again: of two changes of a resource the one with the later
 * instant (meta.lastUpdated; where there is none, the arrival) stands, then the higher meta.versionId, then a deletion, then the greater
 * content hash. So applying is commutative and idempotent, but for changes that carry no instant: they stand by their arrival.
 *
 * Two homes with the same guarantees: a file of the store (one writer at a time, flock), or a Redis stream that several servers share (docs/FHIR.md). */
#ifndef MARROW_LIVE_LIVE_H
#define MARROW_LIVE_LIVE_H

#include "store/store.h"

#define LIVE_LIMIT_RESOURCE_BYTES (256LL << 20)
#define LIVE_LIMIT_ID_BYTES 256
#define LIVE_LIMIT_TYPE_BYTES 64

struct live_change {
    struct str type, id;     /* "Patient", "p1" */
    struct str version_id;   /* meta.versionId, or empty */
    struct str patient_id;   /* as the resource table has it, or empty */
    bool dated;              /* instant_us is meta.lastUpdated; else the arrival, set by live_append */
    int64_t instant_us;
    bool deleted;
    struct str resource;     /* its text, lexically intact; empty where deleted */
    int64_t content_hash;    /* of resource, as the resource table has it; 0 where deleted */
    int64_t seq;             /* place in the log, from 1; set by live_append */
};

/* ---- the log ---- */
struct live;
struct live_options {
    struct store *store;
    const char *dataset;
    const char *url; /* "redis://[user:password@]host:port/db?key=name"; NULL: a file in the store */
};
/* The dataset's log. It need not be there yet: live_is_empty then. */
enum err_code live_open(const struct live_options *options, struct live **ret, struct err *err) WARN_UNUSED;
void live_close(struct live *live);
AUTO_DEFINE(struct live, live_close)
/* Has the dataset a log with changes? One stat; opens nothing. (A file; of a Redis stream always true.) */
bool live_is_empty(const struct live_options *options);
/* Append all or none; on disk (fsynced) when it returns. Sets seq, and instant_us of changes without one. A torn end left by a crash, which
 * nobody was told is durable, is cut off first. ERR_LOCKED: another process appends for longer than 30 s. */
enum err_code live_append(struct live *live, struct live_change *changes, size_t count, struct err *err) WARN_UNUSED;
/* After an append: NULL, where what was appended is on disk; else why it may be lost (a Redis server that does not fsync what it acknowledges). */
const char *live_caveat(struct live *live);
/* Every change with seq > after, in order. The change is borrowed for the call. ERR_INTEGRITY: a record within the log is damaged. */
enum err_code live_read(struct live *live, int64_t after, enum err_code (*visit)(void *user, const struct live_change *change, struct err *err),
                        void *user, struct err *err) WARN_UNUSED;
/* Forget the changes up to seq: a batch version holds them. Atomic: as before or after. */
enum err_code live_trim(struct live *live, int64_t seq, struct err *err) WARN_UNUSED;

/* ---- which change stands (pure) ---- */
/* < 0: a loses to b; 0: the same change. a and b are of one resource. */
int live_compare(const struct live_change *a, const struct live_change *b);
/* The newest change of each resource. */
struct live_fold;
struct live_fold *live_fold_new(void);
void live_fold_free(struct live_fold *fold);
AUTO_DEFINE(struct live_fold, live_fold_free)
/* Copies what it keeps. *ret_won: it stands now (false: it lost to one that was there, or is the same). */
enum err_code live_fold_add(struct live_fold *fold, const struct live_change *change, bool *ret_won, struct err *err) WARN_UNUSED;
size_t live_fold_count(const struct live_fold *fold);
/* In order of type and id. Borrowed. */
const struct live_change *live_fold_at(struct live_fold *fold, size_t idx);

#endif
