/* Reading a table where it stands: its files are trusted as a stored one's are, then a view is made
 * that reads them.
 *
 * The one idea: trust by size and times, prove by hash. A file of another size has changed; one of
 * another time (of its content, or of anything about it: the second can't be set back) is hashed
 * first, and remembered. What has changed is never read: the version that held it is no longer to
 * be had. */
#include <stdio.h>
#include <string.h>

#include "store/place_priv.h"

#define VERIFIED_FILE "verified"

/* ---- trust -------------------------------------------------------------------------------------
 */

struct proof { /* what was hashed and found right, kept in objects/HASH/verified: {name: "modified
                  changed"} */
    json_t *notes;
    bool changed;
};

static void times_text(const struct file_info *info, char ret[48])
{
    (void)snprintf(ret, 48, "%lld %lld", (long long)info->modified_us, (long long)info->changed_us);
}

static void open_proof(const char *directory, struct proof *proof)
{
    char path[FILE_PATH_BYTES];
    proof->notes = NULL;
    if (file_path_join(directory, VERIFIED_FILE, path, ERR_IGNORED) == ERR_OK &&
        file_exists(path) && json_read_file(path, &proof->notes, ERR_IGNORED) == ERR_OK &&
        json_is_object(proof->notes))
        return;
    json_decref(proof->notes);
    proof->notes = NULL;
}

/* Losing the note costs another hash, so failures are ignored. */
static void close_proof(const struct store *store, const char *directory, struct proof *proof)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (proof->changed && store->writable &&
        file_path_join(directory, VERIFIED_FILE, path, ERR_IGNORED) == ERR_OK &&
        json_canonical(proof->notes, &text, ERR_IGNORED) == ERR_OK && !text.failed)
        (void)!file_replace(path, buf_view(&text), ERR_IGNORED);
    json_decref(proof->notes);
}

/* What is wrong with the file; NULL: nothing. */
static enum err_code check_file(const char *path, const json_t *facts, bool all,
                                struct proof *proof, struct file_info *ret_info,
                                const char **ret_problem, struct err *err)
{
    char sha256[HASH_HEX_BYTES], times[48];
    const char *name = json_text(facts, "name", "");
    bool ok = true;
    *ret_problem = NULL;
    TRY(file_stat(path, ret_info, err));
    if (ret_info->kind != FILE_REGULAR) {
        *ret_problem = "missing";
        return ERR_OK;
    }
    if (ret_info->bytes != json_int(facts, "bytes", -1)) {
        *ret_problem = "another size";
        return ERR_OK;
    }
    times_text(ret_info, times);
    if (!all && ((ret_info->modified_us == json_int(facts, "modified_us", -1) &&
                  ret_info->changed_us == json_int(facts, "changed_us", -1)) ||
                 strcmp(json_text(proof->notes, name, ""), times) == 0))
        return ERR_OK;
    TRY(file_sha256(path, sha256, NULL, err));
    if (strcmp(sha256, json_text(facts, "sha256", "")) != 0) {
        *ret_problem = "another content";
        return ERR_OK;
    }
    if (proof->notes == NULL)
        proof->notes = json_object();
    json_put_text(proof->notes, name, times, &ok);
    proof->changed = ok;
    return json_built(ok, err);
}

static enum err_code changed(const char *dataset, const char *path, const char *problem,
                             struct err *err)
{
    (void)err_set(err, ERR_INTEGRITY, "%s changed after it was registered: %s",
                  file_base_name(path), problem);
    (void)err_at(err, path, 0, 0);
    return err_hint(err,
                    "marrow register --name %s   # again: a new version, of what is there now; the "
                    "version that held the old content is no longer available",
                    dataset);
}

enum err_code store_place_trust(const struct store *store, const char *dataset,
                                const char *directory, const json_t *place, json_t *seen,
                                struct err *err)
{
    const json_t *files = json_object_get(place, "files");
    const char *root = json_text(place, "root", "");
    struct proof proof;
    bool ok = true;
    enum err_code code = ERR_OK;
    open_proof(directory, &proof);
    proof.changed = false;
    for (size_t i = 0; i < json_array_size(files) && code == ERR_OK; i++) {
        char path[FILE_PATH_BYTES];
        struct file_info info;
        const char *problem = NULL;
        const json_t *facts = json_array_get(files, i);
        code = file_path_join(root, json_text(facts, "name", ""), path, err);
        if (code == ERR_OK)
            code = progress_check(store->options.progress, err);
        if (code == ERR_OK)
            code = check_file(path, facts, false, &proof, &info, &problem, err);
        if (code == ERR_OK && problem != NULL)
            code = changed(dataset, path, problem, err);
        if (code == ERR_OK && seen != NULL) {
            json_push_text(seen, path, &ok);
            json_push(seen, json_integer((json_int_t)info.bytes), &ok);
            json_push(seen, json_integer((json_int_t)info.modified_us), &ok);
            json_push(seen, json_integer((json_int_t)info.changed_us), &ok);
            code = json_built(ok, err);
        }
    }
    close_proof(store, directory, &proof);
    return code;
}

enum err_code store_place_still(const char *dataset, const json_t *seen, struct err *err)
{
    for (size_t i = 0; i + 3 < json_array_size(seen); i += 4) {
        struct file_info now;
        const char *path = json_string_value(json_array_get(seen, i));
        TRY(file_stat(path, &now, err));
        if (now.kind == FILE_REGULAR &&
            now.bytes == json_integer_value(json_array_get(seen, i + 1)) &&
            now.modified_us == json_integer_value(json_array_get(seen, i + 2)) &&
            now.changed_us == json_integer_value(json_array_get(seen, i + 3)))
            continue;
        (void)err_set(err, ERR_INTEGRITY, "%s changed while it was read: the answer is void",
                      file_base_name(path));
        (void)err_at(err, path, 0, 0);
        return err_hint(err,
                        "ask again when nothing writes to it; marrow register --name %s where "
                        "its content is another now",
                        dataset);
    }
    return ERR_OK;
}

/* ---- care --------------------------------------------------------------------------------------
 */

enum err_code store_place_verify(const struct store *store, const char *directory,
                                 const json_t *place, struct store_place_sink *sink,
                                 struct err *err)
{
    const json_t *files = json_object_get(place, "files");
    struct proof proof;
    enum err_code code = ERR_OK;
    open_proof(directory, &proof);
    proof.changed = false;
    for (size_t i = 0; i < json_array_size(files) && code == ERR_OK; i++) {
        char path[FILE_PATH_BYTES];
        struct file_info info;
        const char *problem = NULL;
        const json_t *facts = json_array_get(files, i);
        code =
            file_path_join(json_text(place, "root", ""), json_text(facts, "name", ""), path, err);
        if (code == ERR_OK)
            code = progress_check(store->options.progress, err);
        if (code == ERR_OK)
            code = check_file(path, facts, true, &proof, &info, &problem, err);
        sink->files++;
        sink->bytes += info.kind == FILE_REGULAR ? info.bytes : 0;
        if (code == ERR_OK && problem != NULL)
            code = sink->problem(sink->user, path, problem, err);
    }
    close_proof(store, directory, &proof);
    return code;
}

/* ---- the view ----------------------------------------------------------------------------------
 */

static enum err_code make_data(struct engine *engine, const char *hash, const json_t *place,
                               struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct store_place read = {0};
    struct store_column_plan *plans = NULL;
    size_t count = 0;
    char alias[32];
    if (arena == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a table's files");
    store_object_alias(hash, alias);
    enum err_code code = store_place_read(place, arena, &read, &plans, &count, err);
    if (code == ERR_OK) {
        buf_printf(&sql,
                   "ATTACH IF NOT EXISTS ':memory:' AS %s; CREATE OR REPLACE VIEW %s.main.data AS ",
                   alias, alias);
        code = store_place_select(&read, plans, count, &sql, err);
    }
    if (code == ERR_OK)
        code = engine_execute(engine, buf_text(&sql), NULL, 0, err);
    store_place_done(&read);
    return code;
}

enum err_code store_place_attach(const struct store *store, const char *dataset,
                                 const char *directory, const char *hash, const json_t *place,
                                 json_t *seen, struct engine *engine, struct err *err)
{
    TRY(store_place_trust(store, dataset, directory, place, seen, err));
    return make_data(engine, hash, place, err);
}
