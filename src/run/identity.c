/* A run's identity: what it computes (plan signature), over what (version), laid out how. Nothing
 * else goes in, so two processes that ask the same get the same id, and any change of data, policy,
 * layout or format gives another. */
#include "run/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_part(struct hash_sha256 *hash, const char *text)
{
    hash_sha256_add(hash, text, strlen(text) + 1); /* the NUL separates parts */
}

static enum err_code layout_text(const struct run_request *request, struct buf *ret,
                                 struct err *err)
{
    char url[RUN_SERVER_URL_BYTES];
    if (request->engine_url != NULL) {
        run_url_public(request->engine_url, url);
        buf_printf(ret, "table %s;", url);
    } else if (request->bucket_column != NULL)
        buf_printf(ret, "bucket %s %" PRId64 " xxh3-64 seed 0;", request->bucket_column,
                   request->buckets);
    else
        buf_puts(ret, "file;");
    for (size_t i = 0; i < request->sort_count; i++)
        buf_printf(ret, " %s", request->sort_columns[i]);
    return buf_check(ret, err);
}

enum err_code run_id_of(const struct run_request *request, const struct store_version *version,
                        char ret_run_id[65], char ret_signature[65], struct err *err)
{
    TRY(plan_signature(request->plan, ret_signature, err));
    AUTO(buf_done) struct buf layout = BUF_INIT;
    TRY(layout_text(request, &layout, err));
    struct hash_sha256 *hash = hash_sha256_new();
    if (hash == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a hash");
    char format[16];
    (void)snprintf(format, sizeof format, "%d", RUN_FORMAT_VERSION);
    add_part(hash, "marrow-run");
    add_part(hash, format);
    add_part(hash, request->kind);
    add_part(hash, ret_signature);
    add_part(hash, buf_text(&layout));
    add_part(hash, store_version_id(version));
    hash_sha256_finish(hash, ret_run_id);
    hash_sha256_free(hash);
    return ERR_OK;
}
