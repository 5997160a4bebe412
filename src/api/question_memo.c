/* Answers by their question: the same words asked of the same version, with the same dataset.json
 * (whose aliases and relations change a reading), by the same program, need not be read again. What
 * is kept is the answer and the masked text for the history.
 *
 * Not for datasets whose files stand elsewhere: those may have changed, which the long way looks
 * at. */
#include "api/question_priv.h"

#include <string.h>

static void add_part(struct buf *key, const char *text)
{
    buf_puts(key, text != NULL ? text : "\x01"); /* absent is not empty */
    buf_putc(key, '\0');
}

bool api_question_key(struct api *api, const struct store_version *version,
                      const struct api_question_options *options, char ret[HASH_HEX_BYTES])
{
    JSON_AUTO decided = NULL;
    AUTO(buf_done) struct buf key = BUF_INIT;
    if (options->force ||
        store_dataset_read(api->store, options->dataset, &decided, ERR_IGNORED) != ERR_OK ||
        json_object_get(decided, "register") != NULL)
        return false;
    (void)json_object_del(decided, "marts");
    add_part(&key, "marrow-question");
    if (!api_build_id(&key))
        return false;
    add_part(&key, store_version_id(version));
    add_part(&key, options->question);
    add_part(&key, options->grain);
    add_part(&key, options->now);
    if (options->llm != NULL) {
        add_part(&key, options->llm);
        add_part(&key, options->llm_model);
        add_part(&key, options->llm_values ? "values" : "");
    }
    if (json_canonical(decided, &key, ERR_IGNORED) != ERR_OK || key.failed)
        return false;
    hash_sha256_of(key.ptr, key.len, ret);
    return true;
}

bool api_question_find(struct api *api, const char *dataset, const char key[HASH_HEX_BYTES],
                       json_t **ret_answer, struct buf *ret_masked)
{
    JSON_AUTO kept = NULL;
    if (store_run_read(api->store, dataset, key, &kept, ERR_IGNORED) != ERR_OK ||
        !json_is_object(json_object_get(kept, "answer")) ||
        strcmp(json_text(kept, "kind", ""), "question") != 0)
        return false;
    buf_puts(ret_masked, json_text(kept, "masked", ""));
    *ret_answer = json_incref(json_object_get(kept, "answer"));
    return true;
}

static enum err_code keep(struct api *api, const struct store_version *version, const char *key,
                          const json_t *answer, struct str masked, struct err *err)
{
    char staged[FILE_PATH_BYTES], now[32];
    bool existed = false, ok = true;
    JSON_AUTO manifest = json_object();
    json_put_text(manifest, "kind", "question", &ok);
    json_put_text(manifest, "name", "question", &ok);
    json_put_int(manifest, "format", STORE_FORMAT_VERSION, &ok);
    json_put_text(manifest, "version", store_version_id(version), &ok);
    json_put_text(manifest, "dataset", store_version_dataset(version), &ok);
    json_put_text(manifest, "materialised_at", clock_format(clock_now_us(), now), &ok);
    json_put_str(manifest, "masked", masked, &ok);
    json_put(manifest, "answer", json_deep_copy(answer), &ok);
    TRY(json_built(ok, err));
    TRY(store_run_stage(api->store, staged, err));
    return store_run_publish(api->store, store_version_dataset(version), key, staged, manifest,
                             &existed, err);
}

void api_question_keep(struct api *api, const struct store_version *version,
                       const char key[HASH_HEX_BYTES], const json_t *answer, struct str masked)
{
    struct err ignored = {0};
    if (store_is_writable(api->store))
        (void)!keep(api, version, key, answer, masked, &ignored);
}
