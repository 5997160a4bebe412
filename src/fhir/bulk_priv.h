/* Bulk Data: what the job (bulk_data.c) and its files (bulk_files.c) share. */
#ifndef MARROW_FHIR_BULK_PRIV_H
#define MARROW_FHIR_BULK_PRIV_H

#include "fhir/fhir.h"
#include "net/net.h"

struct bulk {
    const struct fhir_bulk_options *options;
    struct arena *arena;
    struct net_client *client;
    const char *origin;           /* scheme://host[:port] of the server */
    const char *host;             /* for messages */
    const char *status;           /* URL to poll; NULL: no job yet */
    const char *bearer;           /* "Authorization: Bearer …", or NULL */
    json_t *outputs;              /* of all manifests: {url, type, count, kind, token} */
    const char *transaction_time; /* arena */
};
enum bulk_kind { BULK_OUTPUT, BULK_DELETED, BULK_ERROR };

bool bulk_same_origin(const struct bulk *bulk, const char *url);
bool bulk_cancelled(void *user); /* user: struct fhir_bulk_options */
/* Is the answer a web page? */
bool bulk_is_html(const struct net_response *response, struct str body);
/* What a status that is no success means, with the server's own words where it gave an
 * OperationOutcome. what: "the export", "a file". */
enum err_code bulk_refused(const struct bulk *bulk, const char *what,
                           const struct net_response *response, struct err *err);
/* Download outputs side by side. ret_files: [{path, type, kind, bytes, resources}]. */
enum err_code bulk_download(const struct bulk *bulk, json_t *ret_files, int64_t *ret_problems,
                            struct err *err) WARN_UNUSED;

#endif
