/* libcurl, loaded when it is first needed: as engine/duckdb/library.h, which tells how it works. */
#ifndef MARROW_NET_LIBRARY_H
#define MARROW_NET_LIBRARY_H

#include <curl/curl.h>

#include "base/err.h"

/* clang-format off */
#define LIBCURL_FUNCTIONS(X) \
    X(easy_cleanup) X(easy_getinfo) X(easy_init) X(easy_reset) X(easy_setopt) X(easy_strerror) \
    X(global_init) X(multi_add_handle) X(multi_cleanup) X(multi_info_read) X(multi_init) \
    X(multi_perform) X(multi_poll) X(multi_remove_handle) X(slist_append) X(slist_free_all)
/* clang-format on */

struct libcurl_functions {
#define LIBCURL_MEMBER(name) __typeof__(curl_##name) *name;
    LIBCURL_FUNCTIONS(LIBCURL_MEMBER)
#undef LIBCURL_MEMBER
};
extern struct libcurl_functions libcurl; /* filled by libcurl_load, constant from then on */

/* Fill it (base/library.h): before any other call. ERR_UNSUPPORTED: not found, or too old. Any
 * thread. */
enum err_code libcurl_load(struct err *err) WARN_UNUSED;

#undef curl_easy_setopt /* its checks of types call by this name */
#undef curl_easy_getinfo
#define curl_easy_cleanup libcurl.easy_cleanup
#define curl_easy_getinfo libcurl.easy_getinfo
#define curl_easy_init libcurl.easy_init
#define curl_easy_reset libcurl.easy_reset
#define curl_easy_setopt libcurl.easy_setopt
#define curl_easy_strerror libcurl.easy_strerror
#define curl_global_init libcurl.global_init
#define curl_multi_add_handle libcurl.multi_add_handle
#define curl_multi_cleanup libcurl.multi_cleanup
#define curl_multi_info_read libcurl.multi_info_read
#define curl_multi_init libcurl.multi_init
#define curl_multi_perform libcurl.multi_perform
#define curl_multi_poll libcurl.multi_poll
#define curl_multi_remove_handle libcurl.multi_remove_handle
#define curl_slist_append libcurl.slist_append
#define curl_slist_free_all libcurl.slist_free_all

#endif
