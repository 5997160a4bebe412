/* FHIR inside ingest: resources in any packing → one source for each resource type.
 *
 *     file ──fhir.c──▶ one type, a resource a line ──▶ part: the file itself, read in place
 *                  └─▶ anything else ──fhir_unwrap.c──▶ part: a stretch of the type's staged file
 *     a type's parts, in the order of files ──fhir_push.c──▶ rows
 *
 * Each resource is parsed once, where it is first met (fhir_resource.c); its text is never
 * rewritten, but for an id that it lacks and its Bundle says, and for references by urn:uuid to
 * resources of the Bundle whose id is another. */
#ifndef MARROW_INGEST_FHIR_PRIV_H
#define MARROW_INGEST_FHIR_PRIV_H

#include "ingest/parts_priv.h"
#include "json/bulk.h"

#define FHIR_LIMIT_TYPES 1000    /* in one import */
#define FHIR_LIMIT_TYPE_BYTES 64 /* of a type's name */
#define FHIR_LIMIT_BUNDLES 8     /* within one another */

/* ---- one resource (fhir_resource.c)
 * -------------------------------------------------------------- */

struct fhir_in_facts { /* what stands beside a resource's text; texts hold until the reader's next
                          resource */
    struct str type, id, version, patient; /* ptr NULL: none */
    bool dated, bad_date;
    int64_t updated_us;
    const char *reason; /* why it can't be used, no value in it; NULL: it can. type is set wherever
                           it could be read */
};
struct fhir_in_reader; /* one thread at a time */
enum err_code fhir_in_reader_new(struct fhir_in_reader **ret, struct err *err) WARN_UNUSED;
void fhir_in_reader_free(struct fhir_in_reader *reader);
AUTO_DEFINE(struct fhir_in_reader, fhir_in_reader_free)
/* padded: JSON_BULK_PADDING readable bytes lie behind text. Fails on lack of memory only; what is
 * wrong with the text is facts->reason. */
enum err_code fhir_in_read(struct fhir_in_reader *reader, struct str text, bool padded,
                           struct fhir_in_facts *ret, struct err *err) WARN_UNUSED;
/* The resourceType alone, of a text that need not be a whole resource; empty: none can be told. */
enum err_code fhir_in_read_type(struct fhir_in_reader *reader, struct str text, bool padded,
                                struct str *ret, struct err *err) WARN_UNUSED;
/* References of the form urn:… that the next resources hold are those of a Bundle: the resource with
 * that fullUrl, or none. renamed: its id is not the fullUrl's. Forgotten by fhir_in_reader_forget. */
enum err_code fhir_in_reader_entry(struct fhir_in_reader *reader, struct str full_url,
                                   struct str type, struct str id, bool renamed,
                                   struct err *err) WARN_UNUSED;
/* The text with its references to such resources as Type/id, as a server writes them that takes a Bundle in; empty where it
 * has none (*ret_count 0). */
enum err_code fhir_in_resolve(const struct fhir_in_reader *reader, struct str text, struct buf *ret,
                              int64_t *ret_count, struct err *err) WARN_UNUSED;
void fhir_in_reader_forget(struct fhir_in_reader *reader);
bool fhir_in_type_name_fits(struct str name); /* "Patient": a capital and letters */
/* FHIR's instant → µs since 1970 UTC; false: it is none. Pure. */
bool fhir_in_instant(struct str text, int64_t *ret_us);

/* ---- gathering (fhir.c)
 * -------------------------------------------------------------------------- */

struct fhir_in_part { /* a stretch of rows of one type */
    const char *path;
    const char *origin, *base_name; /* of a file read in place; NULL: path is a staged file */
    int64_t from, to;               /* bytes of a staged file */
    struct file_info info;          /* of a file read in place */
};
struct fhir_in_type {
    const char *name;
    struct fhir_in_part *parts;
    size_t part_count, part_capacity;
    struct stage_writer staged; /* resources that can't be read in place; path NULL: none yet */
    int64_t bytes;
    size_t files; /* that hold some */
    const char *first_origin, *last_origin, *sha256;
    struct hash_sha256 *hash; /* of the files' hashes */
    int64_t rows, rejects;    /* unwrapped so far; in place they are not counted here */
    int64_t misplaced, borrowed_ids, resolved; /* resolved: references */
    int64_t bad_dates; /* unwrapped so far */
    const char *misplaced_in;
};
/* Entries of Bundles that give no row: conditional deletions, patches, messages of a search. */
#define FHIR_PASSED_KINDS 3
struct fhir_in_passed {
    char type[FHIR_LIMIT_TYPE_BYTES + 1]; /* "": none that could be read */
    int64_t counts[FHIR_PASSED_KINDS];
    bool told;
};
struct fhir_in_gathering {
    struct fhir_in_reader *reader;
    struct fhir_in_type **types;
    size_t type_count, type_capacity;
    size_t last;                  /* the type met last: resources mostly come in runs */
    struct fhir_in_type unplaced; /* lines of which no type is known */
    struct fhir_in_passed *passed; /* by type */
    size_t passed_count, passed_capacity;
    int64_t pages;                /* Bundles that name a next page */
};
/* A resource of that name, made where it is new. NULL: out of memory, or more than
 * FHIR_LIMIT_TYPES. */
struct fhir_in_type *fhir_in_type_of(struct ingest_set *set, struct str name);
/* The file now being read holds resources of type. */
enum err_code fhir_in_type_count_file(struct ingest_set *set, struct fhir_in_type *type,
                                      int64_t bytes, struct err *err) WARN_UNUSED;
/* Is the file FHIR? Looks at its first bytes. 1 yes, 0 no, -1 out of memory. */
int fhir_in_recognise(const struct ingest_file *file);
enum err_code fhir_in_open(struct ingest_set *set, const struct ingest_file *file,
                           struct err *err) WARN_UNUSED;
/* Once all files are read: a source for each type. */
enum err_code fhir_in_add_sources(struct ingest_set *set, struct err *err) WARN_UNUSED;
void fhir_in_gathering_free(struct fhir_in_gathering *gathering);
/* What a file that goes with an export, and is no data, is: "no data: the log of a FHIR export";
 * NULL: something else. Pure. */
const char *fhir_in_skip_reason(struct str head);

/* ---- staged rows (fhir_stage.c)
 * ------------------------------------------------------------------ */

enum fhir_in_row_kind { FHIR_ROW_RESOURCE, FHIR_ROW_GONE, FHIR_ROW_REJECT };
struct fhir_in_row {
    enum fhir_in_row_kind kind;
    bool dated;
    int64_t updated_us;
    int64_t line; /* in its file */
    struct str id, version, patient, text;
    struct str reason; /* REJECT: with the file's name */
};
/* Append a row to the type's staged file and its parts. */
enum err_code fhir_in_stage_row(struct ingest_set *set, struct fhir_in_type *type,
                                const struct fhir_in_row *row, struct err *err) WARN_UNUSED;
/* The row at *at, advanced; false: the text ends. Views into the text. */
bool fhir_in_staged_row(const char **at, const char *end, struct fhir_in_row *ret);

/* ---- unwrapping (fhir_unwrap.c)
 * ------------------------------------------------------------------ */

/* Everything in the text into staged files. lines: one document a line, of which a broken one is
 * set aside; else documents, one after the other or in an array, of which a broken one is an error
 * with its place. */
enum err_code fhir_in_unwrap(struct ingest_set *set, const struct ingest_file *file,
                             struct file_mapping *mapping, bool lines, struct err *err) WARN_UNUSED;

/* ---- pushing (fhir_push.c)
 * ----------------------------------------------------------------------- */

struct fhir_in_reading { /* how fhir_in_push reads a type's rows; heap-owned */
    const char *type;
    const struct fhir_in_part *parts; /* in the set's arena */
    size_t part_count;
    json_t *notes;     /* the source's; a reference of its own */
    int64_t bad_dates; /* of staged rows */
};
enum err_code fhir_in_push(void *user, const struct data_sink *sink,
                           const struct progress *progress, struct err *err) WARN_UNUSED;
void fhir_in_reading_free(void *user);
enum err_code fhir_in_schema(struct data_schema *ret, struct err *err) WARN_UNUSED;
#define FHIR_COLUMN_ID 0
#define FHIR_COLUMN_UPDATED 1
#define FHIR_COLUMN_PATIENT 2
#define FHIR_COLUMN_VERSION 3
#define FHIR_COLUMN_HASH 4
#define FHIR_COLUMN_RESOURCE 5

#endif
