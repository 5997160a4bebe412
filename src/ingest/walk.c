/* Paths in, entries out: every regular file that holds data, with the format that will read it.
 *
 * The rule: content first, suffix second. In a folder or archive, what is no data is skipped and
 * listed with the reason; a file that the user named is never skipped silently, it is an error.
 * Links are not followed out of the folder. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ingest/fhir_priv.h"

#define GIVEN_HINT "give csv, tsv, json, FHIR, parquet, xlsx, SPSS, Stata or SAS files"

/* ---- one file -----------------------------------------------------------------------------------
 */

static const struct ingest_format *recognise(const struct ingest_file *file, int *ret_sure)
{
    const struct ingest_format *best = NULL;
    *ret_sure = 0;
    for (size_t i = 0; ingest_formats[i] != NULL; i++) {
        int sure = ingest_formats[i]->recognise(file);
        if (sure < 0) {
            *ret_sure = sure;
            return NULL;
        }
        if (sure > *ret_sure) {
            *ret_sure = sure;
            best = ingest_formats[i];
        }
    }
    return best;
}

static const char *place_sha256(struct ingest_set *set, const struct walk_place *place,
                                struct err *err)
{
    if (place->sha256 != NULL)
        return place->sha256;
    char hex[HASH_HEX_BYTES];
    int64_t bytes = 0;
    if (file_sha256(place->path, hex, &bytes, err) != ERR_OK)
        return NULL;
    const char *copy = arena_strdup(set->arena, hex);
    if (copy == NULL)
        (void)ingest_memory(err);
    return copy;
}

/* "year=2020/part-0.parquet": a folder of the form key=value, or a part file, makes the file a
 * piece of a partitioned table. */
static void find_group(struct ingest_set *set, const struct walk_place *place,
                       struct ingest_entry *entry)
{
    const char *relative = place->relative;
    size_t root = strlen(place->origin) - strlen(relative);
    const char *start = relative, *previous = NULL;
    size_t previous_length = 0;
    for (const char *slash = strchr(start, '/'); slash != NULL;
         start = slash + 1, slash = strchr(start, '/')) {
        const char *equal = memchr(start, '=', (size_t)(slash - start));
        if (equal != NULL && equal > start)
            break;
        previous = start;
        previous_length = (size_t)(slash - start);
    }
    bool keyed = strchr(start, '/') != NULL;
    bool part = (strncmp(start, "part-", 5) == 0 && start[5] >= '0' && start[5] <= '9') ||
                (strncmp(start, "data_", 5) == 0 && start[5] >= '0' && start[5] <= '9');
    if (relative[0] == '\0' || (!keyed && !part))
        return;
    entry->group = arena_strndup(set->arena, place->origin, root + (size_t)(start - relative));
    const char *name =
        previous == NULL ? NULL : arena_strndup(set->arena, previous, previous_length);
    if (name == NULL) { /* at the root of the input: its own name, "labs.zip!" or "labs/" */
        name = arena_strndup(set->arena, place->origin, root == 0 ? 0 : root - 1);
        name = name == NULL ? NULL : file_base_name(name);
    }
    entry->group_name = name == NULL || name[0] == '\0' ? "table" : ingest_stem(set->arena, name);
}

static enum err_code add_entry(struct ingest_set *set, const struct walk_place *place,
                               const struct ingest_format *format, int64_t bytes, struct err *err)
{
    const char *sha256 = place_sha256(set, place, err);
    if (sha256 == NULL)
        return err != NULL && err->code != ERR_OK ? err->code : ERR_IO;
    struct ingest_entry *entry = ingest_grow((void **)&set->entries, &set->entry_count,
                                             &set->entry_capacity, sizeof *set->entries);
    if (entry == NULL)
        return ingest_memory(err);
    entry->path = arena_strdup(set->arena, place->path);
    entry->origin = arena_strdup(set->arena, place->origin);
    entry->folder = arena_strdup(set->arena, place->folder);
    entry->base_name = arena_strdup(set->arena, place->base_name);
    entry->sha256 = sha256;
    entry->bytes = bytes;
    entry->format = format;
    entry->given = place->given;
    entry->relative =
        arena_strdup(set->arena, place->relative[0] != '\0' ? place->relative : place->base_name);
    entry->root = place->root;
    entry->info = place->info;
    if (format == &ingest_format_parquet || set->options.place != NULL)
        find_group(set, place, entry);
    return arena_failed(set->arena) ? ingest_memory(err) : ERR_OK;
}

static enum err_code add_companion(struct ingest_set *set, const struct walk_place *place,
                                   struct err *err)
{
    struct ingest_entry *entry = ingest_grow((void **)&set->companions, &set->companion_count,
                                             &set->companion_capacity, sizeof *set->companions);
    if (entry == NULL)
        return ingest_memory(err);
    entry->path = arena_strdup(set->arena, place->path);
    entry->origin = arena_strdup(set->arena, place->origin);
    entry->base_name = arena_strdup(set->arena, place->base_name);
    entry->given = place->given;
    if (arena_failed(set->arena))
        return ingest_memory(err);
    return ingest_skip(
        set, place->origin, err,
        "no table: a SAS format catalogue; its labels go to the SAS files beside it");
}

static enum err_code no_data(struct ingest_set *set, const struct walk_place *place,
                             const char *reason, struct err *err)
{
    if (!place->given)
        return ingest_skip(set, place->origin, err, reason);
    (void)err_set(err, ERR_INPUT, "%s: %s", place->base_name, reason);
    (void)err_hint(err, "%s", set->options.place != NULL ? PLACE_HINT : GIVEN_HINT);
    return err_at(err, place->origin, 0, 0);
}

static bool is_data_suffix(const char *base_name)
{
    static const char *const packed = ".gz .zst .xz .bz2 .zip .tar .tgz";
    for (size_t i = 0; i <= ingest_format_count(); i++) {
        const char *next = i < ingest_format_count() ? ingest_format_suffixes(i) : packed;
        while (*next != '\0') {
            size_t length = strcspn(next, " ");
            size_t base = strlen(base_name);
            if (length > 0 && base > length &&
                str_equal_nocase((struct str){next, length},
                                 (struct str){base_name + base - length, length}))
                return true;
            next += length + (next[length] == ' ');
        }
    }
    return false;
}

static enum err_code empty_file(struct ingest_set *set, const struct walk_place *place,
                                struct err *err)
{
    /* exports have them: a type of which there is nothing */
    if (!place->given && str_has_suffix_nocase(str_of(place->base_name), ".ndjson"))
        return ingest_skip(set, place->origin, err, "no data: an empty file");
    if (!place->given && !is_data_suffix(place->base_name))
        return ingest_skip(set, place->origin, err, "no data: an empty file");
    (void)err_set(err, ERR_INPUT, "%s is empty: 0 bytes", place->base_name);
    (void)err_hint(err, "copy or download the file again, or leave it out");
    return err_at(err, place->origin, 0, 0);
}

/* What the content says when no format claims the file. */
static enum err_code walk_unclaimed(struct ingest_set *set, const struct walk_place *place,
                                    struct str head, struct err *err)
{
    const char *unreadable = walk_unreadable_reason(place->base_name);
    if (unreadable != NULL)
        return no_data(set, place, unreadable, err);
    if (archive_is_office(head))
        return no_data(set, place, "no data: a document", err);
    const char *named = walk_skip_reason(place->base_name);
    if (named != NULL)
        return no_data(set, place, named, err);
    if (encoding_is_binary(head))
        return no_data(set, place, "no data: a binary file of no known format", err);
    return no_data(set, place, "no data: text that is no table", err);
}

static enum err_code count_file(struct ingest_set *set, const struct walk_place *place,
                                struct err *err)
{
    if (++set->seen_files > INGEST_LIMIT_ENTRIES) {
        (void)err_set(err, ERR_LIMIT, "more than %d files in one import", INGEST_LIMIT_ENTRIES);
        return err_at(err, place->origin, 0, 0);
    }
    return progress_check(set->options.progress, err);
}

enum err_code walk_file(struct ingest_set *set, const struct walk_place *place, struct err *err)
{
    TRY(count_file(set, place, err));
    if (str_has_suffix_nocase(str_of(place->base_name), ".sas7bcat"))
        return add_companion(set, place, err);
    const char *reason = place->given ? NULL : walk_skip_reason(place->relative);
    if (reason != NULL)
        return ingest_skip(set, place->origin, err, reason);
    struct file_info info;
    TRY(file_stat(place->path, &info, err));
    if (info.bytes == 0)
        return empty_file(set, place, err);
    AUTO(buf_done) struct buf head = BUF_INIT;
    TRY(ingest_read_head(place->path, INGEST_HEAD_BYTES, &head, err));
    struct ingest_file file = {.path = place->path,
                               .origin = place->origin,
                               .base_name = place->base_name,
                               .head = buf_view(&head),
                               .bytes = info.bytes};
    reason = place->given ? NULL : fhir_in_skip_reason(file.head);
    if (reason != NULL)
        return ingest_skip(set, place->origin, err, reason);
    int sure = 0;
    const struct ingest_format *format = recognise(&file, &sure);
    if (sure < 0)
        return ingest_memory(err);
    if (sure == 2)
        return add_entry(set, place, format, info.bytes, err);
    enum archive_kind kind =
        archive_is_office(file.head) ? ARCHIVE_NONE : archive_recognise(file.head);
    if (kind != ARCHIVE_NONE && sure == 0 && set->options.place != NULL)
        return no_data(set, place, "not read where it stands: packed", err);
    if (kind != ARCHIVE_NONE && sure == 0)
        return archive_walk(set, place, kind, err);
    if (sure == 1)
        return add_entry(set, place, format, info.bytes, err);
    return walk_unclaimed(set, place, file.head, err);
}

/* ---- folders ------------------------------------------------------------------------------------
 */

struct folder_walk {
    struct ingest_set *set;
    const char *root_real; /* realpath of the folder as given */
    const char *shown_as;  /* in place of the path */
    const char *root;      /* the same in the set's arena, where files are to stay; else NULL */
    struct hash_sha256 *hash;
    int64_t bytes, files;
};

static bool leaves_folder(const struct folder_walk *walk, const char *path)
{
    char *real = realpath(path, NULL);
    size_t length = strlen(walk->root_real);
    bool leaves = real == NULL || strncmp(real, walk->root_real, length) != 0 ||
                  (real[length] != '/' && real[length] != '\0');
    mem_free(real); /* realpath's */
    return leaves;
}

static enum err_code folder_file(struct folder_walk *walk, const char *path, const char *origin,
                                 const char *relative, const char *folder, int depth,
                                 struct err *err)
{
    char hex[HASH_HEX_BYTES] = "";
    int64_t bytes = 0;
    const char *sha256 = NULL;
    struct file_info info;
    TRY(file_stat(path, &info, err));
    if (walk_skip_reason(relative) == NULL) {
        TRY(file_sha256(path, hex, &bytes, err));
        sha256 = arena_strdup(walk->set->arena, hex);
        if (sha256 == NULL)
            return ingest_memory(err);
        hash_sha256_add(walk->hash, hex, strlen(hex));
        hash_sha256_add(walk->hash, "  ", 2);
        hash_sha256_add(walk->hash, relative, strlen(relative));
        hash_sha256_add(walk->hash, "\n", 1);
        walk->bytes += bytes;
        walk->files++;
    }
    struct walk_place place = {.path = path,
                               .origin = origin,
                               .base_name = file_base_name(path),
                               .folder = folder,
                               .relative = relative,
                               .sha256 = sha256,
                               .root = walk->root,
                               .info = info,
                               .depth = depth};
    return walk_file(walk->set, &place, err);
}

static enum err_code walk_folder(struct folder_walk *walk, const char *path, const char *relative,
                                 int depth, struct err *err);

static enum err_code folder_entry(struct folder_walk *walk, const char *folder,
                                  const struct file_entry *entry, const char *relative, int depth,
                                  struct err *err)
{
    char path[FILE_PATH_BYTES], inner[FILE_PATH_BYTES];
    TRY(file_path_join(folder, entry->name, path, err));
    if (relative[0] == '\0')
        TRY(file_path_join(".", entry->name, inner, err));
    else
        TRY(file_path_join(relative, entry->name, inner, err));
    const char *below = relative[0] == '\0' ? inner + 2 : inner;
    struct stat status, link;
    if (lstat(path, &link) != 0)
        return err_set_errno(err, errno, "cannot look at %s", path);
    bool is_link = S_ISLNK(link.st_mode);
    if (is_link && leaves_folder(walk, path))
        return ingest_skip(walk->set, path, err,
                           "not followed: a link out of the folder, or to nothing");
    if (stat(path, &status) != 0)
        return err_set_errno(err, errno, "cannot look at %s", path);
    if (S_ISDIR(status.st_mode)) {
        if (is_link)
            return ingest_skip(walk->set, path, err, "not followed: a link to a folder");
        if (entry->name[0] == '.' || strcmp(entry->name, "__MACOSX") == 0)
            return ingest_skip(walk->set, path, err, "no data: a hidden folder");
        return walk_folder(walk, path, below, depth + 1, err);
    }
    if (!S_ISREG(status.st_mode))
        return ingest_skip(walk->set, path, err, "no data: not a regular file");
    char parent[FILE_PATH_BYTES];
    TRY(file_path_join(folder, "", parent, err));
    size_t length = strlen(parent);
    while (length > 1 && parent[length - 1] == '/')
        parent[--length] = '\0';
    const char *origin = path;
    if (walk->shown_as != NULL)
        origin = arena_printf(walk->set->arena, "%s/%s", walk->shown_as, below);
    return origin == NULL
               ? ingest_memory(err)
               : folder_file(walk, path, origin, below, file_base_name(parent), depth, err);
}

static enum err_code walk_folder(struct folder_walk *walk, const char *path, const char *relative,
                                 int depth, struct err *err)
{
    if (depth > INGEST_LIMIT_DEPTH) {
        (void)err_set(err, ERR_LIMIT, "folders nested more than %d deep", INGEST_LIMIT_DEPTH);
        return err_at(err, path, 0, 0);
    }
    struct file_list list = {0};
    TRY(file_list_directory(path, &list, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < list.count && code == ERR_OK; i++)
        code = folder_entry(walk, path, &list.entries[i], relative, depth, err);
    file_list_done(&list);
    return code;
}

/* ---- what the user named ------------------------------------------------------------------------
 */

static enum err_code add_input(struct ingest_set *set, const char *path, const char *kind,
                               const char *sha256, int64_t bytes, int64_t files, struct err *err)
{
    bool ok = true;
    json_t *input = json_object();
    json_put_str(input, "path", str_of(path), &ok);
    json_put_text(input, "kind", kind, &ok);
    json_put_text(input, "sha256", sha256, &ok);
    json_put_int(input, "bytes", bytes, &ok);
    if (files >= 0)
        json_put_int(input, "files", files, &ok);
    json_push(set->inputs, input, &ok);
    return json_built(ok, err);
}

static enum err_code walk_given_folder(struct ingest_set *set, const char *path, struct err *err)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return err_set_errno(err, errno, "cannot resolve %s", path);
    const char *shown = set->options.shown_as;
    struct folder_walk walk = {
        .set = set, .root_real = real, .shown_as = shown, .hash = hash_sha256_new()};
    bool in_place = set->options.place != NULL;
    walk.root = in_place ? arena_strdup(set->arena, real) : NULL;
    /* a file's path is the absolute one where it is to be found again */
    const char *from = in_place ? walk.root : path;
    enum err_code code =
        walk.hash == NULL || from == NULL ? ingest_memory(err) : walk_folder(&walk, from, "", 1, err);
    if (code == ERR_OK) {
        char hex[HASH_HEX_BYTES];
        hash_sha256_finish(walk.hash, hex);
        code = add_input(set, shown == NULL ? path : shown, shown == NULL ? "folder" : "server",
                         hex, walk.bytes, walk.files, err);
    }
    hash_sha256_free(walk.hash);
    mem_free(real); /* realpath's */
    return code;
}

/* The file's absolute path, and the folder that it lies in. */
static enum err_code stands_at(struct ingest_set *set, const char **path, const char **ret_root,
                               struct err *err)
{
    char *real = realpath(*path, NULL);
    if (real == NULL)
        return err_set_errno(err, errno, "cannot resolve %s", *path);
    size_t length = (size_t)(file_base_name(real) - real);
    *path = arena_strdup(set->arena, real);
    *ret_root = arena_strndup(set->arena, real, length > 1 ? length - 1 : length);
    mem_free(real); /* realpath's */
    return *path == NULL || *ret_root == NULL ? ingest_memory(err) : ERR_OK;
}

static enum err_code walk_given_file(struct ingest_set *set, const char *path, struct err *err)
{
    char hex[HASH_HEX_BYTES];
    int64_t bytes = 0;
    struct file_info info;
    const char *root = NULL;
    if (set->options.place != NULL)
        TRY(stands_at(set, &path, &root, err));
    TRY(file_stat(path, &info, err));
    TRY(file_sha256(path, hex, &bytes, err));
    TRY(add_input(set, path, "file", hex, bytes, -1, err));
    const char *sha256 = arena_strdup(set->arena, hex);
    const char *base = file_base_name(path);
    const char *parent =
        arena_strndup(set->arena, path, (size_t)(base - path) > 0 ? (size_t)(base - path) - 1 : 0);
    if (sha256 == NULL || parent == NULL)
        return ingest_memory(err);
    struct walk_place place = {.path = path,
                               .origin = path,
                               .base_name = base,
                               .folder = file_base_name(parent),
                               .relative = "",
                               .sha256 = sha256,
                               .root = root,
                               .info = info,
                               .given = true};
    return walk_file(set, &place, err);
}

enum err_code walk_path(struct ingest_set *set, const char *path, struct err *err)
{
    struct file_info info;
    TRY(file_stat(path, &info, err));
    switch (info.kind) {
    case FILE_MISSING:
        (void)err_set(err, ERR_NOT_FOUND, "no such file or folder: %s", path);
        (void)err_hint(err, "check the spelling, and that the disk is there");
        return err_at(err, path, 0, 0);
    case FILE_REGULAR:
        return walk_given_file(set, path, err);
    case FILE_DIRECTORY:
        return walk_given_folder(set, path, err);
    case FILE_OTHER:
        break;
    }
    (void)err_set(err, ERR_INPUT, "%s is neither a file nor a folder", path);
    return err_at(err, path, 0, 0);
}
