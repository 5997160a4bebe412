/* SPSS (sav, zsav, por), Stata (dta) and SAS (sas7bdat + sas7bcat, xpt) through ReadStat. Opening
 * scans the file once and adds one source (a transport library: one a member); pushing reads it
 * again. See readstat_priv.h for the parts. */
#include "base/file.h"
#include "ingest/readstat_priv.h"

struct source_user {
    struct statfile *file;
    struct data_schema schema; /* of its own: a source's is freed by the set */
};

static void free_source_user(void *user)
{
    struct source_user *source = user;
    if (source == NULL)
        return;
    data_schema_done(&source->schema);
    statfile_free(source->file);
    mem_free(source);
}

static enum err_code push_source(void *user, const struct data_sink *sink,
                                 const struct progress *progress, struct err *err)
{
    const struct source_user *source = user;
    return statfile_push(source->file, &source->schema, sink, progress, err);
}

/* ---- recognition -------------------------------------------------------------------------------
 */

static int recognise_spss(const struct ingest_file *file)
{
    if (str_has_prefix(file->head, "$FL2") || str_has_prefix(file->head, "$FL3"))
        return 2;
    struct str name = str_of(file->base_name);
    return str_has_suffix_nocase(name, ".sav") || str_has_suffix_nocase(name, ".zsav");
}

static int recognise_portable(const struct ingest_file *file)
{
    static const char splash[] =
        "ASCII SPSS PORT FILE"; /* fifth of five 40-byte splash lines, from byte 160 or so */
    size_t end = file->head.len < 400 ? file->head.len : 400;
    if (end > sizeof splash && memmem(file->head.ptr, end, splash, sizeof splash - 1) != NULL)
        return 2;
    return str_has_suffix_nocase(str_of(file->base_name), ".por");
}

static int recognise_stata(const struct ingest_file *file)
{
    const unsigned char *head = (const unsigned char *)file->head.ptr;
    bool suffix = str_has_suffix_nocase(str_of(file->base_name), ".dta");
    if (str_has_prefix(file->head, "<stata_dta>"))
        return 2;
    /* Releases 104 to 115 open with the release, the byte order (1, 2) and 1: too little to know
     * them by alone. */
    bool plausible = file->head.len >= 4 && head[0] >= 104 && head[0] <= 115 &&
                     (head[1] == 1 || head[1] == 2) && head[2] == 1;
    return suffix && plausible ? 2 : suffix;
}

static const unsigned char sas_magic[32] = {
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0xc2, 0xea, 0x81, 0x60,
    0xb3, 0x14, 0x11, 0xcf, 0xbd, 0x92, 0x08, 0x00, 0x09, 0xc7, 0x31, 0x8c, 0x18, 0x1f, 0x10, 0x11};

static bool is_catalog_name(const char *name)
{
    return str_has_suffix_nocase(str_of(name), ".sas7bcat");
}

static int recognise_sas(const struct ingest_file *file)
{
    if (file->head.len >= sizeof sas_magic &&
        memcmp(file->head.ptr, sas_magic, sizeof sas_magic) == 0)
        return 2;
    return str_has_suffix_nocase(str_of(file->base_name), ".sas7bdat") ||
           is_catalog_name(file->base_name);
}

static int recognise_transport(const struct ingest_file *file)
{
    if (str_has_prefix(file->head, "HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!") ||
        str_has_prefix(file->head, "HEADER RECORD*******LIBV8   HEADER RECORD!!!!!!!"))
        return 2;
    struct str name = str_of(file->base_name);
    return str_has_suffix_nocase(name, ".xpt") || str_has_suffix_nocase(name, ".xport");
}

/* ---- the catalog beside a SAS file -------------------------------------------------------------
 */

static struct str stem_of(const char *name)
{
    struct str stem = str_of(name);
    const char *dot = stem.len > 0 ? memrchr(stem.ptr, '.', stem.len) : NULL;
    if (dot != NULL && dot != stem.ptr)
        stem.len = (size_t)(dot - stem.ptr);
    return stem;
}

/* Same stem, else "formats" (SAS's own name for it), else the only one of the folder. False: none.
 */
static bool find_catalog(const struct ingest_file *file, char ret[FILE_PATH_BYTES])
{
    struct err ignored;
    struct file_list list = {0};
    const char *slash = strrchr(file->path, '/');
    AUTO(mem_free)
    char *folder =
        slash != NULL ? mem_strndup(file->path, (size_t)(slash - file->path) + 1) : mem_strdup(".");
    if (folder == NULL || file_list_directory(folder, &list, &ignored) != ERR_OK)
        return false;
    struct str stem = stem_of(file->base_name);
    const char *best = NULL;
    int best_rank = 0;
    size_t catalogs = 0;
    for (size_t idx = 0; idx < list.count; idx++) {
        const char *name = list.entries[idx].name;
        if (!is_catalog_name(name) || list.entries[idx].kind != FILE_REGULAR)
            continue;
        catalogs++;
        struct str other = stem_of(name);
        int rank = str_equal_nocase(other, stem)             ? 3
                   : str_equal_nocase(other, STR("formats")) ? 2
                                                             : 1;
        if (rank > best_rank) {
            best_rank = rank;
            best = name;
        }
    }
    bool found = best != NULL && (best_rank > 1 || catalogs == 1) &&
                 file_path_join(folder, best, ret, &ignored) == ERR_OK;
    file_list_done(&list);
    return found;
}

static void add_catalog(struct ingest_set *set, const struct ingest_file *file,
                        struct statfile *target, json_t **notes)
{
    char path[FILE_PATH_BYTES];
    struct err problem = {0};
    const char *staging = ingest_set_options(set)->staging_directory;
    bool staged = staging != NULL && str_has_prefix(str_of(file->path), staging);
    const char *found = ingest_companion_path(
        set, file, ".sas7bcat"); /* one that was given or unpacked along with it */
    if (found == NULL && !staged && find_catalog(file, path))
        found = path;
    if (found == NULL)
        return;
    const struct statfile_place place = {.path = found, .end = -1};
    const char *name = staged ? "the SAS catalog beside it" : file_base_name(found);
    if (statfile_read_catalog(target, &place, &problem) != ERR_OK)
        ingest_note(notes, "catalog_unreadable",
                    "%s could not be read, so value labels may be missing: %s", name,
                    problem.message);
    size_t used = 0, hint = 0;
    for (size_t idx = 0; idx < target->column_count; idx++)
        used += target->columns[idx].label_set != NULL &&
                statfile_find_set(target, target->columns[idx].label_set, &hint) != NULL;
    if (used > 0)
        ingest_note(notes, "catalog", "value labels of %zu columns come from %s", used, name);
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static enum err_code add_source(struct ingest_set *set, const struct ingest_file *file,
                                const char *name, const char *origin, struct source_user **user,
                                json_t *notes, struct err *err)
{
    struct arena *arena = ingest_set_arena(set);
    struct data_source *source = arena_alloc(arena, sizeof *source);
    const char *kept_name = arena_strdup(arena, name), *kept_origin = arena_strdup(arena, origin);
    struct data_schema schema = {0};
    if (source == NULL || kept_name == NULL || kept_origin == NULL)
        return err_set(err, ERR_MEMORY, "no memory for %s", origin);
    enum err_code code = statfile_schema((*user)->file, &schema, err);
    if (code == ERR_OK)
        code = data_schema_copy(&schema, &(*user)->schema, err);
    if (code != ERR_OK) {
        data_schema_done(&schema);
        return code;
    }
    *source = (struct data_source){.name = kept_name,
                                   .origin = kept_origin,
                                   .schema = schema,
                                   .text_columns = false,
                                   .push = push_source,
                                   .user = *user,
                                   .bytes = file->bytes,
                                   .notes = json_incref(notes)};
    *user = NULL; /* the set owns it from here, whatever comes */
    return ingest_add_source(set, source, free_source_user, err);
}

static enum err_code open_table(struct ingest_set *set, const struct ingest_file *file,
                                enum statfile_format format, const struct statfile_place *place,
                                bool several, struct err *err)
{
    const struct ingest_options *options = ingest_set_options(set);
    struct source_user *user = mem_zalloc(1, sizeof *user);
    JSON_AUTO notes = NULL;
    if (user == NULL)
        return err_set(err, ERR_MEMORY, "no memory for %s", file->origin);
    enum err_code code = ERR_OK;
    user->file = statfile_new(format, place, file->origin, options->encoding);
    if (user->file == NULL)
        code = err_set(err, ERR_MEMORY, "no memory for %s", file->origin);
    if (code == ERR_OK)
        code = statfile_scan(user->file, options->progress, err);
    if (code == ERR_OK) {
        if (format == STATFILE_SAS)
            add_catalog(set, file, user->file, &notes);
        statfile_notes(user->file, &notes);
        struct str stem = stem_of(file->base_name);
        const char *member = user->file->member;
        char *name = several && member != NULL
                         ? arena_strdup(ingest_set_arena(set), member)
                         : arena_strndup(ingest_set_arena(set), stem.ptr, stem.len);
        char *origin = several ? arena_printf(ingest_set_arena(set), "%s#%s", file->origin,
                                              member != NULL ? member : "?")
                               : arena_strdup(ingest_set_arena(set), file->origin);
        code = name == NULL || origin == NULL
                   ? err_set(err, ERR_MEMORY, "no memory for %s", file->origin)
                   : add_source(set, file, name, origin, &user, notes, err);
    }
    free_source_user(user);
    return code;
}

static enum err_code open_whole(struct ingest_set *set, const struct ingest_file *file,
                                enum statfile_format format, struct err *err)
{
    const struct statfile_place place = {.path = file->path, .end = -1};
    return open_table(set, file, format, &place, false, err);
}

static enum err_code open_spss(struct ingest_set *set, const struct ingest_file *file,
                               struct err *err)
{
    return open_whole(set, file, STATFILE_SAV, err);
}

static enum err_code open_portable(struct ingest_set *set, const struct ingest_file *file,
                                   struct err *err)
{
    return open_whole(set, file, STATFILE_POR, err);
}

static enum err_code open_stata(struct ingest_set *set, const struct ingest_file *file,
                                struct err *err)
{
    return open_whole(set, file, STATFILE_DTA, err);
}

/* A catalog is no table: it is read along with the data file that it belongs to, so it adds no
 * source. */
static enum err_code open_sas(struct ingest_set *set, const struct ingest_file *file,
                              struct err *err)
{
    return is_catalog_name(file->base_name) ? ERR_OK : open_whole(set, file, STATFILE_SAS, err);
}

static enum err_code open_transport(struct ingest_set *set, const struct ingest_file *file,
                                    struct err *err)
{
    const struct statfile_place whole = {.path = file->path, .end = -1};
    struct statfile_place *members = NULL;
    size_t count = 0;
    TRY(statfile_members(&whole, ingest_set_arena(set), file->origin, &members, &count, err));
    for (size_t idx = 0; idx < count; idx++)
        TRY(open_table(set, file, STATFILE_XPORT, &members[idx], count > 1, err));
    return ERR_OK;
}

const struct ingest_format ingest_format_spss = {"spss", ".sav .zsav", recognise_spss, open_spss};
const struct ingest_format ingest_format_spss_portable = {"spss portable", ".por",
                                                          recognise_portable, open_portable};
const struct ingest_format ingest_format_stata = {"stata", ".dta", recognise_stata, open_stata};
const struct ingest_format ingest_format_sas = {"sas", ".sas7bdat .sas7bcat", recognise_sas,
                                                open_sas};
const struct ingest_format ingest_format_sas_transport = {"sas transport", ".xpt .xport",
                                                          recognise_transport, open_transport};
