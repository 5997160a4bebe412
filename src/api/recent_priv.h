/* The recent changes of a FHIR dataset (live.h) over one of its versions: what stands, ready to be laid over tables and views. */
#ifndef MARROW_API_RECENT_PRIV_H
#define MARROW_API_RECENT_PRIV_H

#include "api/api_priv.h"
#include "live/live.h"

#define RECENT_SCHEMA "marrow_made"
#define RECENT_TABLE RECENT_SCHEMA ".recent" /* type, id, last_updated, patient_id, version_id, content_hash, resource (null: gone) */

struct api_recent {
    int64_t count;    /* resources that the changes which stand are of */
    int64_t last_seq; /* of the log when it was read */
    json_t *types;    /* {type: count} */
};
void api_recent_done(struct api_recent *recent);
static inline void auto_api_recent_done(struct api_recent *recent)
{
    api_recent_done(recent);
}
/* Read the log, drop what the version's own resources outdo, and put the rest into RECENT_TABLE of the engine (made only where count > 0). Only the current
 * version has recent changes; of others and where there is no log the answer is empty and nothing is opened. */
enum err_code api_recent_attach(struct api *api, struct store_version *version, struct engine *engine, struct api_recent *ret, struct err *err) WARN_UNUSED;
/* How many of the changes are of resources of that type. */
int64_t api_recent_of(const struct api_recent *recent, const char *type);
/* SELECT of a table's rows with the changes of its type laid over them: source is the SQL of the batch's own rows. */
void api_recent_select(const struct store_table *table, struct str source, struct buf *out);

/* The version's own resources among those that fold holds, added to it as changes: what outdoes them stays. Attaches what it reads. */
enum err_code api_recent_add_base(struct store_version *version, struct engine *engine, struct live_fold *fold, struct live_fold *base, struct err *err) WARN_UNUSED;

#endif
