/* Archives and packed files: every member that may be data is unpacked to staging with bounded
 * memory, then walked like a file.
 *
 * Hostile archives are refused: names that climb ("../") or are absolute, links and devices,
 * encrypted or damaged members, and bombs, by what was really written (never by what a header
 * claims), against the archive's size and the outermost one's. ZIPs are read by their central
 * directory only, so that a cut-off ZIP can't pass as a shorter one. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/archive_library.h"
#include "ingest/parts_priv.h"

#define ARCHIVE_BLOCK_BYTES (64u << 10)

enum archive_kind archive_recognise(struct str head)
{
    if (str_has_prefix(head, "PK\x03\x04") || str_has_prefix(head, "PK\x05\x06") ||
        str_has_prefix(head, "PK\x07\x08"))
        return ARCHIVE_ZIP;
    if (str_has_prefix(head, "\x1f\x8b") || str_has_prefix(head, "\x28\xb5\x2f\xfd") ||
        str_has_prefix(head, "\x04\x22\x4d\x18") ||
        (head.len >= 6 && memcmp(head.ptr,
                                 "\xfd"
                                 "7zXZ\0",
                                 6) == 0) ||
        (str_has_prefix(head, "BZh") && head.len > 9 &&
         memcmp(head.ptr + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0))
        return ARCHIVE_PACKED;
    if (head.len >= 265 && memcmp(head.ptr + 257, "ustar", 5) == 0)
        return ARCHIVE_TAR;
    if (str_has_prefix(head, "7z\xbc\xaf\x27\x1c") || str_has_prefix(head, "Rar!\x1a\x07"))
        return ARCHIVE_OTHER;
    return ARCHIVE_NONE;
}

bool archive_is_office(struct str head)
{
    static const char *const first[] = {
        "[Content_Types].xml", "_rels/", "docProps/", "xl/", "word/", "ppt/", "mimetype"};
    if (!str_has_prefix(head, "PK\x03\x04") || head.len < 60)
        return false;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (str_has_prefix((struct str){head.ptr + 30, head.len - 30}, first[i]))
            return true;
    return false;
}

const char *archive_name_problem(struct str name)
{
    if (name.len == 0)
        return "a member without a name";
    if (name.ptr[0] == '/' || name.ptr[0] == '\\')
        return "an absolute path";
    if (name.len >= 2 && name.ptr[1] == ':' &&
        ((name.ptr[0] | 32) >= 'a' && (name.ptr[0] | 32) <= 'z'))
        return "an absolute path";
    size_t start = 0;
    for (size_t i = 0; i <= name.len; i++) {
        if (i < name.len && name.ptr[i] != '/' && name.ptr[i] != '\\')
            continue;
        if (i - start == 2 && name.ptr[start] == '.' && name.ptr[start + 1] == '.')
            return "a path that leaves the archive (\"..\")";
        start = i + 1;
    }
    return NULL;
}

struct member {
    char *name;
    char *path;
    bool skipped; /* by its name: not unpacked */
};
struct unpacking {
    struct ingest_set *set;
    const struct walk_place *place;
    enum archive_kind kind;
    struct archive *archive;
    int64_t packed_bytes;   /* of this archive's file */
    int64_t unpacked_bytes; /* from this archive */
    struct member *members;
    size_t count, capacity;
    char *block;
    struct gzip_sum *sum; /* of what comes out of a gzip file that holds one file; else NULL */
};

static enum err_code refuse(const struct unpacking *work, const char *member, enum err_code code,
                            struct err *err, const char *what, const char *hint)
{
    const char *name = work->place->base_name;
    if (member != NULL)
        (void)err_set(err, code, "archive %s, member %s: %s", name, member, what);
    else
        (void)err_set(err, code, "archive %s: %s", name, what);
    if (hint != NULL)
        (void)err_hint(err, "%s", hint);
    return err_at(err, work->place->origin, 0, 0);
}

static enum err_code damaged(const struct unpacking *work, const char *member, struct err *err)
{
    const char *said = archive_error_string(work->archive);
    if (said != NULL && (strstr(said, "ncrypted") != NULL || strstr(said, "assphrase") != NULL))
        return refuse(work, member, ERR_INPUT, err, "encrypted",
                      "unpack it with its password and import the folder");
    (void)refuse(work, member, ERR_INPUT, err, "truncated or damaged",
                 "copy or download the archive again");
    if (said != NULL && strstr(said, "nsupported") != NULL)
        (void)refuse(work, member, ERR_INPUT, err, "packed in a way that is not read here",
                     "unpack it and import the folder");
    return said == NULL ? ERR_INPUT : err_detail(err, "%s", said);
}

static enum err_code check_limits(const struct unpacking *work, const char *member, struct err *err)
{
    const struct ingest_set *set = work->set;
    if (set->unpacked_bytes > set->options.total_bytes)
        return refuse(work, member, ERR_LIMIT, err, "unpacks to more than the total allowed",
                      "raise the total if the archive is trusted, or import its parts");
    int64_t root = work->place->root_bytes > 0 ? work->place->root_bytes : work->packed_bytes;
    bool bomb = work->unpacked_bytes > INGEST_RATIO_FREE_BYTES &&
                work->unpacked_bytes / INGEST_LIMIT_RATIO > work->packed_bytes;
    bool nested_bomb = set->unpacked_bytes > INGEST_RATIO_FREE_BYTES && work->place->depth > 0 &&
                       set->unpacked_bytes / INGEST_LIMIT_RATIO > root;
    if (bomb || nested_bomb)
        return refuse(work, member, ERR_LIMIT, err,
                      "unpacks to more than 100 times its size (a bomb?)",
                      "unpack it yourself if it is trusted, and import the folder");
    return ERR_OK;
}

static enum err_code copy_member(struct unpacking *work, const char *member,
                                 struct stage_writer *writer, struct err *err)
{
    for (;;) {
        TRY(progress_check(work->set->options.progress, err));
        la_ssize_t got = archive_read_data(work->archive, work->block, ARCHIVE_BLOCK_BYTES);
        if (got < 0)
            return damaged(work, member, err);
        if (got == 0)
            return ERR_OK;
        if (work->sum != NULL)
            gzip_sum_add(work->sum, work->block, (size_t)got);
        work->unpacked_bytes += got;
        work->set->unpacked_bytes += got;
        TRY(check_limits(work, member, err));
        TRY(stage_write(writer, work->block, (size_t)got, err));
        progress_report(work->set->options.progress,
                        &(struct progress_event){.phase = "unpack",
                                                 .subject = member,
                                                 .done = archive_filter_bytes(work->archive, -1),
                                                 .total = work->packed_bytes,
                                                 .unit = "bytes"});
    }
}

/* A staged path that keeps key=value folders, which are columns of a partitioned table. NULL: the
 * usual flat name does. */
static const char *partition_path(struct ingest_set *set, const char *member, struct err *err)
{
    const char *start = member;
    for (const char *slash = strchr(start, '/'); slash != NULL;
         start = slash + 1, slash = strchr(start, '/')) {
        const char *equal = memchr(start, '=', (size_t)(slash - start));
        if (equal != NULL && equal > start)
            break;
    }
    const char *end = strrchr(start, '/');
    if (end == NULL || !str_has_suffix_nocase(str_of(member), ".parquet") || end - start > 1024)
        return NULL;
    const char *root = ingest_stage_path(set, "-parts");
    char *folder =
        root == NULL ? NULL : arena_printf(set->arena, "%s/%.*s", root, (int)(end - start), start);
    for (char *c = folder == NULL ? NULL : folder + strlen(root) + 1; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || strchr("\\*?[]", *c) != NULL)
            *c = '_';
    if (folder == NULL || file_make_directory(folder, err) != ERR_OK)
        return NULL;
    return arena_printf(set->arena, "%s/part.parquet", folder);
}

static const char *safe_suffix(struct arena *arena, const char *member)
{
    const char *base = file_base_name(member);
    const char *dot = strrchr(base, '.');
    size_t length = dot == NULL ? 0 : strlen(dot);
    for (size_t i = 1; i < length; i++) {
        char c = (char)(dot[i] | 32);
        if (!((c >= 'a' && c <= 'z') || (dot[i] >= '0' && dot[i] <= '9')) || length > 12)
            length = 0;
    }
    return length == 0 ? "-data" : arena_printf(arena, "-data%.*s", (int)length, dot);
}

static enum err_code stage_member(struct unpacking *work, struct member *member, struct err *err)
{
    struct ingest_set *set = work->set;
    struct stage_writer writer = STAGE_WRITER_INIT;
    const char *suffix = safe_suffix(set->arena, member->name);
    const char *parts = partition_path(set, member->name, err);
    if (suffix == NULL)
        return ingest_memory(err);
    TRY(stage_open(set, suffix, &writer, err));
    enum err_code code = copy_member(work, member->name, &writer, err);
    if (code == ERR_OK)
        code = stage_finish(&writer, err);
    stage_abandon(&writer);
    if (code != ERR_OK)
        return code;
    member->path = (char *)(uintptr_t)writer.path;
    if (parts != NULL && file_publish(writer.path, parts, NULL, err) == ERR_OK)
        member->path = (char *)(uintptr_t)parts;
    return ERR_OK;
}

static enum err_code check_type(const struct unpacking *work, struct archive_entry *entry,
                                const char *name, struct err *err)
{
    if (archive_entry_hardlink(entry) != NULL || archive_entry_filetype(entry) == AE_IFLNK)
        return refuse(work, name, ERR_INPUT, err, "a link", "make the archive again without links");
    if (archive_entry_filetype(entry) != AE_IFREG && archive_entry_filetype(entry) != 0)
        return refuse(work, name, ERR_INPUT, err, "neither a file nor a folder",
                      "make the archive again from plain files");
    if (archive_entry_is_encrypted(entry))
        return refuse(work, name, ERR_INPUT, err, "encrypted",
                      "unpack it with its password and import the folder");
    return ERR_OK;
}

static const char *entry_name(const struct unpacking *work, struct archive_entry *entry)
{
    struct arena *arena = work->set->arena;
    if (work->kind == ARCHIVE_PACKED && archive_format(work->archive) == ARCHIVE_FORMAT_RAW) {
        const char *base = work->place->base_name;
        const char *dot = strrchr(base, '.');
        return dot == NULL || dot == base ? base : arena_strndup(arena, base, (size_t)(dot - base));
    }
    const char *name = archive_entry_pathname(entry);
    if (name == NULL)
        name = archive_entry_pathname_utf8(entry);
    return name == NULL ? "" : encoding_name_text(arena, name);
}

static enum err_code take_entry(struct unpacking *work, struct archive_entry *entry,
                                struct err *err)
{
    const char *name = entry_name(work, entry);
    if (name == NULL)
        return ingest_memory(err);
    const char *problem = archive_name_problem(str_of(name));
    if (problem != NULL)
        return refuse(work, name, ERR_INPUT, err, problem,
                      "such an archive may be an attack; make it again from a clean folder");
    while (name[0] == '.' && name[1] == '/')
        name += 2;
    if (name[0] == '\0' || archive_entry_filetype(entry) == AE_IFDIR ||
        name[strlen(name) - 1] == '/')
        return ERR_OK;
    TRY(check_type(work, entry, name, err));
    if (work->set->seen_files + (int64_t)work->count > INGEST_LIMIT_ENTRIES)
        return refuse(work, NULL, ERR_LIMIT, err, "more than 100000 members", "import its parts");
    struct member *member =
        ingest_grow((void **)&work->members, &work->count, &work->capacity, sizeof *work->members);
    if (member == NULL)
        return ingest_memory(err);
    member->name = arena_strdup(work->set->arena, name);
    if (member->name == NULL)
        return ingest_memory(err);
    member->skipped =
        archive_format(work->archive) != ARCHIVE_FORMAT_RAW && walk_skip_reason(name) != NULL;
    return member->skipped ? ERR_OK : stage_member(work, member, err);
}

/* What libarchive leaves out: a gzip file's checksums. */
static enum err_code check_gzip(const struct unpacking *work, struct err *err)
{
    struct file_mapping mapping = {0};
    bool fits = false;
    TRY(file_map(work->place->path, NULL, &mapping, err));
    struct str file = {mapping.ptr, mapping.length};
    enum err_code code = ERR_OK;
    if (work->sum != NULL && archive_format(work->archive) == ARCHIVE_FORMAT_RAW)
        fits = gzip_sum_fits(work->sum, file);
    if (!fits)
        code = gzip_check(file, work->set->options.progress, &fits, err);
    code = file_unmap(&mapping, code, err);
    if (code == ERR_OK && !fits)
        code = refuse(work, NULL, ERR_INPUT, err, "damaged: its checksum does not fit its content",
                      "copy or download the archive again");
    return code;
}

/* A tar file ends with a block of zeros: without it, it may have been cut between two members. */
static enum err_code next_header(struct unpacking *work, struct archive_entry **ret,
                                 struct err *err)
{
    struct archive *archive = work->archive;
    bool tar = (archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;
    *ret = NULL;
    if (tar && archive_read_data_skip(archive) < ARCHIVE_WARN)
        return damaged(work, NULL, err);
    la_int64_t before = archive_filter_bytes(archive, 0);
    int result = archive_read_next_header(archive, ret);
    if (result == ARCHIVE_EOF) {
        *ret = NULL;
        if (tar && archive_filter_bytes(archive, 0) - before < 512)
            return refuse(work, NULL, ERR_INPUT, err,
                          "truncated: the mark at a tar file's end is missing",
                          "copy or download the archive again");
        return ERR_OK;
    }
    return result == ARCHIVE_OK || result == ARCHIVE_WARN ? ERR_OK : damaged(work, NULL, err);
}

static enum err_code unpack(struct unpacking *work, struct err *err)
{
    struct archive *archive = work->archive;
    if (work->kind == ARCHIVE_ZIP) {
        archive_read_support_format_zip_seekable(archive);
    } else {
        archive_read_support_filter_all(archive);
        archive_read_support_format_tar(archive);
    }
    if (work->kind == ARCHIVE_PACKED)
        archive_read_support_format_raw(archive);
    if (archive_read_open_filename(archive, work->place->path, ARCHIVE_BLOCK_BYTES) != ARCHIVE_OK)
        return damaged(work, NULL, err);
    for (;;) {
        struct archive_entry *entry = NULL;
        TRY(next_header(work, &entry, err));
        if (entry == NULL)
            break;
        TRY(take_entry(work, entry, err));
    }
    if (archive_filter_code(archive, 0) == ARCHIVE_FILTER_GZIP)
        TRY(check_gzip(work, err));
    if (work->count == 0)
        return refuse(work, NULL, ERR_INPUT, err, "no file in it", NULL);
    return ERR_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static const char *member_folder(const struct unpacking *work, const char *member)
{
    struct arena *arena = work->set->arena;
    const char *slash = strrchr(member, '/');
    if (slash == NULL)
        return ingest_stem(arena, work->place->base_name);
    const char *folder = arena_strndup(arena, member, (size_t)(slash - member));
    return folder == NULL ? NULL : file_base_name(folder);
}

static enum err_code walk_member(const struct unpacking *work, const struct member *member,
                                 bool raw, struct err *err)
{
    struct ingest_set *set = work->set;
    const struct walk_place *outer = work->place;
    const char *origin =
        raw ? outer->origin : arena_printf(set->arena, "%s!%s", outer->origin, member->name);
    const char *folder = raw ? outer->folder : member_folder(work, member->name);
    if (origin == NULL || folder == NULL)
        return ingest_memory(err);
    if (member->skipped)
        return ingest_skip(set, origin, err, walk_skip_reason(member->name));
    const char *sha256 = outer->sha256;
    char hex[HASH_HEX_BYTES];
    int64_t bytes = 0;
    if (sha256 == NULL) {
        TRY(file_sha256(outer->path, hex, &bytes, err));
        sha256 = hex;
    }
    struct walk_place place = {.path = member->path,
                               .origin = origin,
                               .base_name = file_base_name(member->name),
                               .folder = folder,
                               .relative = raw ? "" : member->name,
                               .sha256 = arena_strdup(set->arena, sha256),
                               .root_bytes =
                                   outer->root_bytes > 0 ? outer->root_bytes : work->packed_bytes,
                               .depth = outer->depth + 1,
                               .given = raw && outer->given};
    return place.sha256 == NULL ? ingest_memory(err) : walk_file(set, &place, err);
}

enum err_code archive_walk(struct ingest_set *set, const struct walk_place *place,
                           enum archive_kind kind, struct err *err)
{
    struct unpacking work = {.set = set, .place = place, .kind = kind};
    if (kind == ARCHIVE_OTHER)
        return refuse(&work, NULL, ERR_INPUT, err, "7z and rar are not read",
                      "unpack it and import the folder, or make a ZIP");
    if (place->depth >= INGEST_LIMIT_DEPTH)
        return refuse(&work, NULL, ERR_LIMIT, err, "archives nested too deep",
                      "unpack the inner archives and import the folder");
    struct file_info info;
    TRY(libarchive_load(err));
    TRY(file_stat(place->path, &info, err));
    work.packed_bytes = info.bytes;
    /* libarchive decodes names by the locale's character set: a UTF-8 one for this thread, for this
     * call. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 == (locale_t)0 ? (locale_t)0 : uselocale(utf8);
    work.archive = archive_read_new();
    work.block = mem_alloc(ARCHIVE_BLOCK_BYTES);
    work.sum = kind == ARCHIVE_PACKED ? mem_alloc(sizeof *work.sum) : NULL;
    if (work.sum != NULL)
        gzip_sum_init(work.sum); /* without memory for it the slower check is made */
    enum err_code code =
        work.archive == NULL || work.block == NULL ? ingest_memory(err) : unpack(&work, err);
    bool raw = code == ERR_OK && archive_format(work.archive) == ARCHIVE_FORMAT_RAW;
    (void)archive_read_free(work.archive);
    if (utf8 != (locale_t)0) {
        (void)uselocale(before);
        freelocale(utf8);
    }
    mem_free(work.block);
    mem_free(work.sum);
    if (code == ERR_OK && work.count > 1)
        qsort(work.members, work.count, sizeof *work.members, by_name);
    for (size_t i = 0; i < work.count && code == ERR_OK; i++)
        code = walk_member(&work, &work.members[i], raw, err);
    mem_free(work.members);
    return code;
}
