/* Looking after the store: verify, repair, prune, doctor. */
#include "api/api_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "ingest/ingest.h"

#define DOCTOR_FREE_BYTES (1LL << 30)

enum err_code api_prune(struct api *api, const char *dataset, int64_t keep, bool dry_run,
                        json_t **ret, struct err *err)
{
    api_begin(api);
    if (keep < 1)
        return err_set(err, ERR_USAGE, "at least one version is kept, asked for %" PRId64, keep);
    return store_prune(api->store, dataset, keep, dry_run, ret, err);
}

enum err_code api_verify(struct api *api, const char *dataset, json_t **ret, struct err *err)
{
    api_begin(api);
    return store_verify(api->store, dataset, ret, err);
}

/* Every dataset's report in one. */
static enum err_code repair_all(struct api *api, json_t **ret, struct err *err)
{
    JSON_AUTO datasets = NULL;
    JSON_AUTO repaired = json_array();
    JSON_AUTO failed = json_array();
    json_t *dataset;
    size_t idx;
    bool ok = true;
    TRY(store_dataset_list(api->store, &datasets, err));
    json_array_foreach(datasets, idx, dataset)
    {
        JSON_AUTO report = NULL;
        TRY(store_repair(api->store, json_text(dataset, "dataset", ""), &report, err));
        ok = ok && json_array_extend(repaired, json_object_get(report, "repaired")) == 0 &&
             json_array_extend(failed, json_object_get(report, "failed")) == 0;
    }
    json_t *object = json_object();
    json_put(object, "repaired", json_incref(repaired), &ok);
    json_put(object, "failed", json_incref(failed), &ok);
    *ret = object;
    return json_built(ok, err);
}

enum err_code api_repair(struct api *api, const char *dataset, json_t **ret, struct err *err)
{
    api_begin(api);
    return dataset != NULL ? store_repair(api->store, dataset, ret, err)
                           : repair_all(api, ret, err);
}

static void check(json_t *checks, const char *what, bool good, const char *found, const char *fix,
                  bool *ret_all, bool *ok)
{
    json_t *entry = json_object();
    json_put_text(entry, "what", what, ok);
    json_put_flag(entry, "ok", good, ok);
    json_put_text(entry, "found", found, ok);
    json_put_text(entry, "fix", good ? NULL : fix, ok);
    json_push(checks, entry, ok);
    *ret_all = *ret_all && good;
}

static enum err_code check_engine(struct api *api, json_t *checks, bool *all, bool *ok)
{
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = api_engine_options(api);
    struct err err = {0};
    char found[ERR_TEXT_BYTES + 64];
    int64_t one = 0;
    bool good = engine_open(&options, &engine, &err) == ERR_OK &&
                engine_query_int(engine, "SELECT 1", 0, &one, &err) == ERR_OK && one == 1;
    (void)snprintf(found, sizeof found, "%s %s", good ? engine_name(engine) : "failed:",
                   good ? engine_version(engine) : err.message);
    char fix[sizeof err.detail + sizeof err.hint + 4];
    (void)snprintf(fix, sizeof fix, "%s%s%s", err.detail, err.detail[0] != '\0' ? ": " : "",
                   err.hint);
    check(checks, "engine", good, found, fix, all, ok);
    return ERR_OK;
}

static void check_load(json_t *checks, const char *what, const char *found, enum err_code code,
                       const struct err *err, bool *all, bool *ok)
{
    check(checks, what, code == ERR_OK, code == ERR_OK ? found : err->message, err->hint, all, ok);
}

/* What is loaded when it is needed: that of the readers, and that of the engines beside the
 * embedded one, which nobody must have. */
static void check_libraries(json_t *checks, bool *all, bool *ok)
{
    bool advice = true;
    struct engine_about about;
    struct err err = {0};
    enum err_code code = ingest_load(&err);
    check_load(checks, "readers", "libarchive, libexpat and libreadstat found", code, &err, all,
               ok);
    for (size_t idx = 1; engine_about(idx, &about); idx++) {
        char what[64];
        (void)snprintf(what, sizeof what, "engine %s", about.name);
        err = (struct err){0};
        code = engine_load(idx, &err);
        check_load(checks, what, about.what, code, &err, &advice, ok);
    }
}

static void check_disk(struct api *api, json_t *checks, bool *all, bool *ok)
{
    int64_t free_bytes = file_free_bytes(api->directory);
    char found[128];
    (void)snprintf(found, sizeof found, "%.1f GB free", (double)free_bytes / 1e9);
    check(checks, "disk space", free_bytes < 0 || free_bytes >= DOCTOR_FREE_BYTES, found,
          "free space on the store's disk, or 'marrow prune NAME'", all, ok);
}

static void check_permissions(struct api *api, json_t *checks, bool *all, bool *ok)
{
    struct stat info;
    bool good = stat(api->directory, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    check(checks, "permissions", good,
          good ? "only its owner reads the store" : "others may read the store",
          "chmod -R go= on the store's folder", all, ok);
    check(checks, "writable", store_is_writable(api->store),
          store_is_writable(api->store) ? "yes" : "no: answers are given but not recorded",
          "give yourself write permission on the store's folder", all, ok);
}

/* Is the device below the store's folder a device-mapper crypt target? /sys tells without
 * privileges. */
static void check_encryption(struct api *api, json_t *checks, bool *ok)
{
    struct stat info;
    char path[128];
    AUTO(buf_done) struct buf uuid = BUF_INIT;
    struct err err;
    bool encrypted = false;
    if (stat(api->directory, &info) == 0) {
        (void)snprintf(path, sizeof path, "/sys/dev/block/%u:%u/dm/uuid",
                       (unsigned)(info.st_dev >> 8) & 0xfffu, (unsigned)(info.st_dev & 0xffu));
        encrypted = file_read(path, 4096, &uuid, &err) == ERR_OK &&
                    str_has_prefix(buf_view(&uuid), "CRYPT-");
    }
    bool advice = true; /* no fault: fscrypt, ZFS and hardware encryption can't be seen from here */
    check(checks, "encryption below the store", encrypted, encrypted ? "dm-crypt" : "none seen",
          "keep clinical data on an encrypted disk (LUKS, fscrypt): DuckDB's own encryption is not "
          "part of the stock library",
          &advice, ok);
}

static enum err_code check_datasets(struct api *api, json_t *checks, bool *all, bool *ok,
                                    struct err *err)
{
    JSON_AUTO datasets = NULL;
    json_t *dataset;
    size_t idx;
    TRY(store_dataset_list(api->store, &datasets, err));
    char found[ERR_TEXT_BYTES + 64];
    size_t damaged = 0;
    json_array_foreach(datasets, idx, dataset) damaged +=
        json_object_get(dataset, "problem") != NULL ? 1 : 0;
    (void)snprintf(found, sizeof found, "%zu datasets, %zu damaged", json_array_size(datasets),
                   damaged);
    check(checks, "datasets", damaged == 0, found,
          "marrow verify names the damaged files, marrow repair mends them", all, ok);
    json_array_foreach(datasets, idx, dataset)
    {
        const char *name = json_text(dataset, "dataset", "");
        JSON_AUTO chain = NULL;
        struct err history = {0};
        bool good = store_history_verify(api->store, name, &chain, &history) == ERR_OK &&
                    json_flag(chain, "ok", false);
        char what[256];
        (void)snprintf(what, sizeof what, "history of %s", name);
        (void)snprintf(found, sizeof found, "%" PRId64 " entries", json_int(chain, "entries", 0));
        check(checks, what, good, good ? found : "the chain is broken",
              "marrow history NAME verify says where; entries before it still stand", all, ok);
    }
    return ERR_OK;
}

enum err_code api_doctor(struct api *api, json_t **ret, struct err *err)
{
    bool all = true, ok = true;
    api_begin(api);
    JSON_AUTO checks = json_array();
    check(checks, "store", true, api->directory, NULL, &all, &ok);
    TRY(check_engine(api, checks, &all, &ok));
    check_libraries(checks, &all, &ok);
    check_disk(api, checks, &all, &ok);
    check_permissions(api, checks, &all, &ok);
    check_encryption(api, checks, &ok);
    TRY(check_datasets(api, checks, &all, &ok, err));
    json_t *object = json_object();
    json_put_flag(object, "ok", all, &ok);
    json_put(object, "checks", json_incref(checks), &ok);
    *ret = object;
    return json_built(ok, err);
}
