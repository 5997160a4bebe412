/* One attempt, shared by the files of this folder. */
#ifndef MARROW_NET_NET_PRIV_H
#define MARROW_NET_NET_PRIV_H

#include "net/library.h"
#include "net/net.h"

struct net_client {
    CURLM *multi;
    CURL *easy;
};

/* An attempt's state. What must outlive attempts of one call: the offset and the validator. */
struct attempt {
    struct net_client *client;
    const struct net_request *request;
    struct net_response *response;
    const char *url;     /* request's, or where it was redirected to */
    bool foreign;        /* url is on another host or port: no credentials */
    int64_t offset;      /* bytes of the body already received, resume_from included */
    char validator[256]; /* strong ETag of the body received so far; "" = none */
    bool resumable;      /* the server said Accept-Ranges: bytes, or answered 206 */
    int64_t deadline_us; /* 0 = none */
    bool body_begun;     /* headers of this answer were looked at */
    bool cancelled;
    struct err failure; /* of receive, or of a limit; code ERR_OK = none */
    CURLcode result;    /* of the transfer */
};

/* One exchange: sets response->status, headers, body, and attempt->result. ERR_OK unless it cannot
 * even begin; what went wrong in it is in attempt. */
enum err_code attempt_make(struct attempt *attempt, struct err *err) WARN_UNUSED;
/* "host" or "host:port" of a URL, for messages. */
const char *net_host_of(const char *url, char ret[128]);
/* Do two URLs have the same scheme, host and port? */
bool net_same_origin(const char *a, const char *b);

#endif
