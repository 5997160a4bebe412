/* What the formats share. To add one: ingest/x.c with a struct ingest_format, one line in ingest/formats.c. */
#ifndef MARROW_INGEST_PRIV_H
#define MARROW_INGEST_PRIV_H

#include "ingest/ingest.h"

/* A regular file to open: on disk under path (given, or staged), shown to people as origin. */
struct ingest_file {
    const char *path;
    const char *origin;    /* "study.zip!data/labs.csv" */
    const char *base_name; /* "labs.csv" */
    struct str head;       /* first bytes, up to INGEST_HEAD_BYTES */
    int64_t bytes;
};
#define INGEST_HEAD_BYTES 65536

struct ingest_format {
    const char *name;     /* "spss" */
    const char *suffixes; /* ".sav .zsav .por", lower case */
    /* 0 = no, 1 = by suffix only, 2 = content says so, -1 = out of memory. */
    int (*recognise)(const struct ingest_file *file);
    /* Add one or more sources with ingest_add_source. */
    enum err_code (*open)(struct ingest_set *set, const struct ingest_file *file, struct err *err);
};
extern const struct ingest_format *const ingest_formats[]; /* NULL-terminated; formats.c */
extern const struct ingest_format ingest_format_csv, ingest_format_parquet, ingest_format_json, ingest_format_xlsx,
    ingest_format_spss, ingest_format_spss_portable, ingest_format_stata, ingest_format_sas, ingest_format_sas_transport;

const struct ingest_options *ingest_set_options(const struct ingest_set *set);
/* Memory with the set's lifetime (sticky-failing arena). */
struct arena *ingest_set_arena(struct ingest_set *set);
/* The set takes source (struct from ingest_set_arena, schema heap-owned: freed by ingest_close); user_free(source->user) is called
 * by ingest_close when not NULL. name is a proposal: ingest_open makes names unique. */
enum err_code ingest_add_source(struct ingest_set *set, const struct data_source *source, void (*user_free)(void *user), struct err *err) WARN_UNUSED;
/* A staged file's path: staging_directory/NNNN-suffix; the file does not exist yet. From the set's arena; NULL = failed. */
const char *ingest_stage_path(struct ingest_set *set, const char *suffix);
/* A SAS catalogue (".sas7bcat") that came with file: in its folder or archive one of the same stem, or formats.sas7bcat, or one that
 * the user named, or the only one there; NULL: none, or it can't be told which. */
const char *ingest_companion_path(const struct ingest_set *set, const struct ingest_file *file, const char *suffix);
/* Append {code, message} to *notes (made when NULL). */
void ingest_note(json_t **notes, const char *code, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
