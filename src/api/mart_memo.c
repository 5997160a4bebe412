/* The second `mart build` of one request: its answer is kept under a run id of its own, so that it
 * costs one small document instead of the profile, the plan and their documents.
 *
 *   version ∙ decisions ∙ request ∙ build id of this program ──sha256──▶ run of kind "answer"
 * {files of the mart's run, answer}
 *
 * The one idea: nothing is trusted that could have changed. The build id (the linker's hash of this
 * program's code) stands for every rule by which a request becomes a plan; without one there is no
 * memo. The mart's own files must have the recorded sizes and times, else the long way is gone,
 * which finds and names what is wrong. A memo that can't be kept costs only time. */
#include <elf.h>
#include <link.h>
#include <string.h>

#include "api/api_priv.h"

#define MEMO_FORMAT_VERSION 1
#define BUILD_ID_BYTES 64

struct build_id {
    uintptr_t address; /* in the object that is looked for */
    unsigned char bytes[BUILD_ID_BYTES];
    size_t count;
};

static size_t aligned(size_t bytes)
{
    return (bytes + 3) & ~(size_t)3;
}

static void take_notes(const char *notes, size_t left, struct build_id *ret)
{
    ElfW(Nhdr) note;
    while (left >= sizeof note) {
        memcpy(&note, notes, sizeof note);
        size_t name = aligned(note.n_namesz), content = aligned(note.n_descsz);
        if (name > left - sizeof note || content > left - sizeof note - name)
            return;
        const char *at = notes + sizeof note;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(at, "GNU", 4) == 0 &&
            note.n_descsz <= BUILD_ID_BYTES) {
            memcpy(ret->bytes, at + name, note.n_descsz);
            ret->count = note.n_descsz;
        }
        notes += sizeof note + name + content;
        left -= sizeof note + name + content;
    }
}

static int visit_object(struct dl_phdr_info *info, size_t size, void *data)
{
    struct build_id *wanted = data;
    bool ours = false;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        ours = ours ||
               (header->p_type == PT_LOAD && wanted->address >= info->dlpi_addr + header->p_vaddr &&
                wanted->address < info->dlpi_addr + header->p_vaddr + header->p_memsz);
    }
    for (size_t i = 0; ours && i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_NOTE)
            take_notes((const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
                       info->dlpi_phdr[i].p_memsz, wanted);
    return ours ? 1 : 0;
}

/* ---- the key -----------------------------------------------------------------------------------
 */

static void add_part(struct buf *key, const char *text)
{
    buf_puts(key, text != NULL ? text : "\x01"); /* absent is not empty */
    buf_putc(key, '\0');
}

/* The version that the request means, without opening it: CURRENT, or a whole id. */
static bool version_of(struct api *api, const struct api_mart_options *options,
                       char ret[HASH_HEX_BYTES])
{
    char base[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (options->version != NULL ||
        file_path_join(api->directory, "datasets", base, ERR_IGNORED) != ERR_OK ||
        file_path_join(base, options->dataset, path, ERR_IGNORED) != ERR_OK ||
        file_path_join(path, "CURRENT", base, ERR_IGNORED) != ERR_OK ||
        file_read(base, 4096, &text, ERR_IGNORED) != ERR_OK || text.len != HASH_HEX_BYTES)
        return false;
    memcpy(ret, text.ptr, HASH_HEX_BYTES - 1);
    ret[HASH_HEX_BYTES - 1] = '\0';
    return true;
}

bool api_build_id(struct buf *ret)
{
    static const char address = 0;
    struct build_id build = {.address = (uintptr_t)&address};
    if (dl_iterate_phdr(visit_object, &build) != 1 || build.count == 0)
        return false;
    buf_add(ret, (const char *)build.bytes, build.count);
    return true;
}

bool api_memo_key(struct api *api, const struct api_mart_options *options, char ret[HASH_HEX_BYTES])
{
    static const char address = 0;
    struct build_id build = {.address = (uintptr_t)&address};
    char version[HASH_HEX_BYTES];
    JSON_AUTO decided = NULL;
    AUTO(buf_done) struct buf key = BUF_INIT;
    if (options->force || store_dataset_name_check(options->dataset, ERR_IGNORED) != ERR_OK ||
        dl_iterate_phdr(visit_object, &build) != 1 || build.count == 0 ||
        !version_of(api, options, version) ||
        store_dataset_read(api->store, options->dataset, &decided, ERR_IGNORED) != ERR_OK)
        return false;
    if (json_object_get(decided, "register") != NULL)
        return false; /* files elsewhere may have changed: that is looked at */
    (void)json_object_del(decided, "marts"); /* which run a name means, asked apart */
    add_part(&key, "marrow-mart-answer");
    buf_printf(&key, "%d %zu ", MEMO_FORMAT_VERSION, build.count);
    buf_add(&key, (const char *)build.bytes, build.count);
    add_part(&key, version);
    add_part(&key, options->dataset);
    add_part(&key, options->grain);
    add_part(&key, options->anchor);
    add_part(&key, options->event);
    buf_printf(&key, "%d %lld ", options->inner ? 1 : 0, (long long)options->buckets);
    (void)json_object_del(decided,
                          "marts"); /* which mart a name means says nothing about how one is made */
    if (json_canonical(decided, &key, ERR_IGNORED) != ERR_OK)
        return false;
    buf_putc(&key, '\0');
    if (options->policy != NULL && json_canonical(options->policy, &key, ERR_IGNORED) != ERR_OK)
        return false;
    if (key.failed)
        return false;
    hash_sha256_of(key.ptr, key.len, ret);
    return ret[0] != '\0';
}

/* ---- keeping and finding -----------------------------------------------------------------------
 */

static bool same_files(struct api *api, const char *dataset, const char *run_id,
                       const json_t *files)
{
    char directory[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    struct file_info info;
    if (json_array_size(files) == 0 ||
        store_run_path(api->store, dataset, run_id, directory, ERR_IGNORED) != ERR_OK)
        return false;
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        if (file_path_join(directory, json_text(file, "name", ""), path, ERR_IGNORED) != ERR_OK ||
            file_stat(path, &info, ERR_IGNORED) != ERR_OK)
            return false;
        if (info.kind != FILE_REGULAR || info.bytes != json_int(file, "bytes", -1) ||
            info.modified_us != json_int(file, "modified_us", -1))
            return false;
    }
    return true;
}

bool api_memo_find(struct api *api, const char *dataset, const char key[HASH_HEX_BYTES],
                   json_t **ret)
{
    JSON_AUTO memo = NULL;
    if (store_run_read(api->store, dataset, key, &memo, ERR_IGNORED) != ERR_OK)
        return false;
    json_t *answer = json_object_get(memo, "answer");
    JSON_AUTO decided = NULL;
    if (store_dataset_read(api->store, dataset, &decided, ERR_IGNORED) != ERR_OK)
        return false;
    /* Another mart of that name was built since: the long way says that the name means this one
     * again. */
    const char *served =
        mart_served(decided, json_text(answer, "name", ""), json_text(answer, "version", ""));
    if (served != NULL && strcmp(served, json_text(answer, "run_id", "")) != 0)
        return false;
    if (!json_is_object(answer) || !same_files(api, dataset, json_text(answer, "run_id", ""),
                                               json_object_get(memo, "mart_files")))
        return false;
    *ret = json_incref(answer);
    return true;
}

/* Size and time of the mart's manifest and of each file it names. */
static enum err_code describe_files(struct api *api, const char *dataset, const char *run_id,
                                    json_t *ret, struct err *err)
{
    char directory[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    JSON_AUTO manifest = NULL;
    bool ok = true;
    TRY(store_run_read(api->store, dataset, run_id, &manifest, err));
    TRY(store_run_path(api->store, dataset, run_id, directory, err));
    const json_t *files = json_object_get(manifest, "files");
    for (size_t i = 0; i <= json_array_size(files); i++) {
        const char *name =
            i == 0 ? "manifest.json" : json_text(json_array_get(files, i - 1), "name", "");
        struct file_info info;
        json_t *file = json_object();
        TRY(file_path_join(directory, name, path, err));
        TRY(file_stat(path, &info, err));
        json_put_text(file, "name", name, &ok);
        json_put_int(file, "bytes", info.bytes, &ok);
        json_put_int(file, "modified_us", info.modified_us, &ok);
        json_push(ret, file, &ok);
    }
    return json_built(ok, err);
}

static enum err_code keep(struct api *api, const char *dataset, const char *key,
                          const json_t *answer, struct err *err)
{
    char staged[FILE_PATH_BYTES], now[32];
    bool ok = true, existed = false;
    JSON_AUTO memo = json_object();
    JSON_AUTO files = json_array();
    TRY(describe_files(api, dataset, json_text(answer, "run_id", ""), files, err));
    json_put_text(memo, "kind", "answer", &ok);
    json_put_text(memo, "name", json_text(answer, "name", ""), &ok);
    json_put_int(memo, "format", MEMO_FORMAT_VERSION, &ok);
    json_put_text(memo, "version", json_text(answer, "version", ""), &ok);
    json_put_text(memo, "dataset", dataset, &ok);
    json_put_text(memo, "materialised_at", clock_format(clock_now_us(), now), &ok);
    json_put(memo, "mart_files", json_incref(files), &ok);
    json_put(memo, "answer", json_deep_copy(answer), &ok);
    TRY(json_built(ok, err));
    TRY(store_run_stage(api->store, staged, err));
    return store_run_publish(api->store, dataset, key, staged, memo, &existed, err);
}

void api_memo_keep(struct api *api, const char *dataset, const char key[HASH_HEX_BYTES],
                   const json_t *answer)
{
    char directory[FILE_PATH_BYTES];
    struct err ignored = {0};
    if (!store_is_writable(api->store))
        return;
    /* One that is there was found stale: the mart was made anew. */
    if (store_run_path(api->store, dataset, key, directory, &ignored) != ERR_OK ||
        file_remove_tree(directory, &ignored) != ERR_OK)
        return;
    (void)!keep(api, dataset, key, answer, &ignored);
}
