/* Ingest's door: paths in, table sources out. Files, folders and archives are walked, each file's format is recognised
 * (by content first, suffix second), text is decoded to UTF-8, dialects are sniffed. Knows no engine and no store, so every
 * reader can be fuzzed with no database. One table or forty: the same list of sources. */
#ifndef MARROW_INGEST_INGEST_H
#define MARROW_INGEST_INGEST_H

#include "data/data.h"

#define INGEST_LIMIT_ENTRIES 100000          /* files in one archive or folder */
#define INGEST_LIMIT_DEPTH 16                /* folders and archives within each other */
#define INGEST_LIMIT_RATIO 100               /* unpacked : packed, beyond INGEST_RATIO_FREE_BYTES */
#define INGEST_RATIO_FREE_BYTES (100LL << 20)
#define INGEST_LIMIT_TOTAL_BYTES (1LL << 40) /* unpacked, unless options say less */
#define INGEST_LIMIT_LINE_BYTES (16LL << 20) /* a longer line is quarantined */
#define INGEST_LIMIT_LINE_REFUSED_BYTES (64LL << 20) /* one longer still refuses the file: ERR_LIMIT */
#define INGEST_LIMIT_COLUMNS 100000
#define INGEST_LIMIT_CELL_BYTES (64LL << 20)

/* Files are to be read where they stand: Parquet and plain CSV only; nothing is unpacked or decoded. */
struct ingest_place_options {
    const char *format;         /* "parquet" or "csv": only these files; NULL: both */
    const char *const *tables;  /* "NAME=PATTERN": files whose paths below the given folder match are one table */
    size_t table_count;
};
struct ingest_options {
    const char *staging_directory; /* exists, empty, on the store's file system; decoded and unpacked files go here */
    const char *encoding;          /* iconv name; NULL = detect */
    const char *delimiter;         /* NULL = detect */
    int header;                    /* rows of names: 1, 0, or more that are joined; -1 detect (also units and notes around the table) */
    bool deletions;                /* FHIR types of which there is nothing but deletions are sources too: changes, not a whole */
    int64_t total_bytes;           /* 0 = INGEST_LIMIT_TOTAL_BYTES */
    const char *shown_as;          /* what people are told in place of a folder's path: "https://host/fhir"; NULL: the path */
    const struct ingest_place_options *place; /* each source's `place` is set, its scan and push are not; NULL: import (docs/REGISTRY.md) */
    const struct progress *progress;
};
struct ingest_skipped {
    char *path;   /* "a.zip!LICENSE.txt" */
    char *reason; /* "no data: a licence" */
};
struct ingest_set; /* owns sources, skipped list and staged files' names */

/* Walk the paths; unpack, decode, sniff. Nothing is read into memory whole. All errors name the file (and member) and say what
 * to do. Errors: ERR_NOT_FOUND, ERR_INPUT (truncated or encrypted archive, "../" member, empty file, binary named .csv …),
 * ERR_LIMIT (ratio, totals), ERR_IO. A damaged or unreadable *data* file in a folder or archive fails the whole call (nothing is
 * half imported); what is no data is skipped and listed. No source at all → ERR_INPUT. */
enum err_code ingest_open(const char *const *paths, size_t path_count, const struct ingest_options *options,
                          struct ingest_set **ret, struct err *err) WARN_UNUSED;
size_t ingest_source_count(const struct ingest_set *set);
/* Table names are unique (ASCII case ignored): base name without suffixes; on a clash the folder, then the format is added;
 * an xlsx with one sheet takes the file's name, with several FILE_SHEET or SHEET where unique. */
const struct data_source *ingest_source(const struct ingest_set *set, size_t idx);
size_t ingest_skipped_count(const struct ingest_set *set);
const struct ingest_skipped *ingest_skipped(const struct ingest_set *set, size_t idx);
/* sha256 and bytes of each path as given (a folder: of its files' list); for the manifest. */
json_t *ingest_inputs(const struct ingest_set *set);
void ingest_close(struct ingest_set *set); /* staged files are removed by whoever owns the staging directory */
AUTO_DEFINE(struct ingest_set, ingest_close)
/* Formats known, for help: name and suffixes. */
/* Are the libraries there that archives, workbooks and statistics files need? Each is loaded when a file needs it; this loads all, for
 * a check-up. ERR_UNSUPPORTED: the hint says what to install. */
enum err_code ingest_load(struct err *err) WARN_UNUSED;
size_t ingest_format_count(void);
const char *ingest_format_name(size_t idx);
const char *ingest_format_suffixes(size_t idx); /* ".csv .tsv .txt" */

/* A FHIR reference, "Patient/1", "https://host/fhir/Patient/1/_history/2" → type, id; false: of no such form (contained, a urn, a search). Pure. */
bool ingest_reference_parts(struct str reference, struct str *ret_type, struct str *ret_id);

#endif
