/* The net layer's door: one HTTP request at a time through libcurl, with limits, retries, resuming
 * and cancelling. It knows nothing of what is sent: engine/trino speaks a query protocol over it,
 * FHIR downloads stream files. Errors name the host, never a password, a path or a query. */
#ifndef MARROW_NET_NET_H
#define MARROW_NET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define NET_LIMIT_BODY_BYTES (256LL << 20) /* of an answer that is kept, where none is given */
#define NET_LIMIT_REFUSAL_BYTES (64 << 10) /* kept of an answer that is no success */
#define NET_LIMIT_HEADER_BYTES (256 << 10) /* all headers of one answer */
#define NET_LIMIT_URL_BYTES 65536
#define NET_LIMIT_REDIRECTS 5
#define NET_LIMIT_WAIT_MS 60000 /* of one pause before a retry, whatever Retry-After says */

/* ---- URLs ---------------------------------------------------------------------------------------
 */

struct net_parameter {
    const char *name, *value;
};
/* scheme://user:password@host:port/path?name=value&…  Percent-decoded, but for path. */
struct net_url {
    const char *scheme;          /* lower case */
    const char *user, *password; /* NULL: none */
    const char *host;            /* "[::1]" keeps its brackets */
    int port;                    /* 0 = none given */
    const char *path;            /* as written, "" or from its first '/' */
    struct net_parameter *parameters;
    size_t parameter_count;
};
/* Take a URL apart; memory from arena. ERR_USAGE: no URL; the message does not quote it. */
enum err_code net_url_parse(struct arena *arena, const char *text, struct net_url *ret,
                            struct err *err) WARN_UNUSED;
const char *net_url_parameter(const struct net_url *url, const char *name, const char *fallback);
/* Percent-decode; NULL when memory is out or a zero byte would come out. */
char *net_decode(struct arena *arena, struct str text);
/* Percent-encode all but letters, digits and "-._~". */
void net_encode(struct str text, struct buf *out);

/* ---- requests -----------------------------------------------------------------------------------
 */

/* Is libcurl there? Every client begins with it. ERR_UNSUPPORTED: the hint says what to install. */
enum err_code net_load(struct err *err) WARN_UNUSED;

struct net_client; /* connections that are kept open between requests; one thread at a time */
enum err_code net_client_open(struct net_client **ret, struct err *err) WARN_UNUSED;
void net_client_close(struct net_client *client);
AUTO_DEFINE(struct net_client, net_client_close)

struct net_request {
    const char *method;          /* NULL = GET */
    const char *url;             /* http or https, without user and password */
    const char *const *headers;  /* "Name: value", ended by NULL; NULL: none */
    struct str body;             /* sent where method is POST, PUT or PATCH */
    const char *user, *password; /* basic authentication; NULL: none */
    const char *ca_file;         /* PEM of the authorities trusted; NULL: the system's */
    bool compressed;             /* offer gzip (not while resuming) */
    bool once; /* not safe to repeat: tried again only where nothing was done (no connection, 429,
                  503) */
    int attempts;          /* 0 = 5; 1 = no retry */
    int64_t backoff_ms;    /* first pause, doubled each time, ± a quarter; 0 = 200 */
    int64_t connect_ms;    /* 0 = 10 s */
    int64_t stall_ms;      /* no byte for so long fails the attempt; 0 = 60 s */
    int64_t total_ms;      /* the whole call, retries and pauses included; 0 = no limit */
    int64_t limit_bytes;   /* of the body; 0 = NET_LIMIT_BODY_BYTES if kept, none if received */
    int64_t resume_from;   /* ask for the bytes from here on (Range); 0 = all */
    const char *validator; /* with resume_from: ETag of the bytes already there; NULL: none */
    /* Body of a success (2xx) as it comes; NULL: kept in response->body. Its error ends the call. A
     * body that was cut is continued by Range, so no byte comes twice. */
    enum err_code (*receive)(void *user, struct str bytes, struct err *err);
    void *receive_user;
    /* Asked every ≤ NET_TICK_MS, in pauses too; true ends the call with ERR_INTERRUPTED. */
    bool (*cancelled)(void *user);
    void *cancelled_user;
};
#define NET_TICK_MS 25

struct net_response {
    int status;         /* 200 … */
    struct buf headers; /* of the last answer, lines with CR LF */
    struct buf body;
    int64_t received_bytes; /* of a success's body, all attempts together */
    int attempts;           /* made */
};
void net_response_done(struct net_response *response);
/* Value of the idx-th header (from 0) of that name; false: no such. */
bool net_response_header(const struct net_response *response, const char *name, size_t idx,
                         struct str *ret);
/* Milliseconds that Retry-After asks for, in seconds or as a date (a past one: 0), most_ms at most;
 * -1: it asks for none. */
int64_t net_retry_after_ms(const struct net_response *response, int64_t most_ms);

/* Send and await the answer. ERR_OK whatever the answer's status is: look at ret->status.
 * Connections refused or cut and answers 429, 502, 503, 504 are tried again after a pause
 * (Retry-After, where given); see once. Redirects are followed for GET and HEAD only,
 * never from https to http; on another host or port without Authorization, Cookie, user and
 * password. ERR_IO: not reached, cut, wrong answer, no trusted certificate. ERR_TIMEOUT, ERR_LIMIT,
 * ERR_INTERRUPTED, ERR_MEMORY. ret may be reused; net_response_done frees it. */
enum err_code net_send(struct net_client *client, const struct net_request *request,
                       struct net_response *ret, struct err *err) WARN_UNUSED;

#endif
