/* What ingest's own files share with each other (the formats see ingest_priv.h only).
 *
 *   paths ──walk.c──▶ entries (regular files; archives unpacked by archive.c) ──formats──▶ sources ──names.c──▶ unique names
 */
#ifndef MARROW_INGEST_PARTS_PRIV_H
#define MARROW_INGEST_PARTS_PRIV_H

#include "base/mapping.h"
#include "ingest/ingest_priv.h"

/* ---- the set ------------------------------------------------------------------------------------ */

struct ingest_entry { /* a file that holds data; all texts in the set's arena */
    const char *path;      /* on disk */
    const char *origin;    /* for people */
    const char *folder;    /* base name of the folder or archive that holds it; "" unknown */
    const char *base_name; /* for people, with suffixes */
    const char *group;     /* files of one partitioned Parquet table share it; else NULL */
    const char *group_name;
    const char *relative;  /* path below the folder given; of a file given, its name */
    const char *root;      /* in place: that folder, absolute; else NULL */
    struct file_info info; /* before it was hashed; in place only */
    const char *sha256;    /* of the file as given */
    int64_t bytes;
    bool given;            /* named by the user */
    const struct ingest_format *format;
};
struct ingest_slot {
    struct data_source source;
    void (*user_free)(void *user);
    const char *folder;
    const char *format;
    bool fixed; /* the name stays as it is */
};
struct fhir_in_gathering;
struct ingest_set {
    struct arena *arena;
    struct ingest_options options; /* texts copied to the arena */
    struct ingest_entry *entries;
    size_t entry_count, entry_capacity;
    struct ingest_entry *companions; /* SAS catalogues */
    size_t companion_count, companion_capacity;
    struct ingest_slot *slots;
    size_t slot_count, slot_capacity;
    struct ingest_skipped *skipped;
    size_t skipped_count, skipped_capacity;
    json_t *inputs;
    struct fhir_in_gathering *fhir; /* resources met; NULL: none */
    int64_t staged_files;
    int64_t seen_files;     /* files and members looked at: INGEST_LIMIT_ENTRIES */
    int64_t unpacked_bytes; /* written to staging by archives: options.total_bytes */
    const struct ingest_entry *current; /* being opened */
};
struct ingest_set *ingest_set_new(const struct ingest_options *options, struct err *err);
/* Grow an array of the set by one and return the new, zeroed element; NULL = out of memory. */
void *ingest_grow(void **array, size_t *count, size_t *capacity, size_t bytes);
enum err_code ingest_skip(struct ingest_set *set, const char *origin, struct err *err, const char *reason) WARN_UNUSED;
/* First bytes of a file, up to capacity. */
enum err_code ingest_read_head(const char *path, size_t capacity, struct buf *ret, struct err *err) WARN_UNUSED;
enum err_code ingest_memory(struct err *err);
/* Have the entry's format open it: its sources are added. */
enum err_code ingest_open_entry(struct ingest_set *set, const struct ingest_entry *entry, struct err *err) WARN_UNUSED;
void ingest_slot_done(struct ingest_slot *slot);
/* Label the column with its unit, unless that is empty. */
enum err_code ingest_label_unit(struct data_column *column, struct str unit, struct err *err) WARN_UNUSED;
/* "labs.csv.gz" → "labs"; suffixes of formats and of compressors are cut. In arena. */
const char *ingest_stem(struct arena *arena, const char *base_name);

/* ---- walk --------------------------------------------------------------------------------------- */

struct walk_place {
    const char *path;
    const char *origin;
    const char *base_name;
    const char *folder;   /* base name of what holds it */
    const char *relative; /* path inside the input ("" for a file given by name), '/'-separated */
    const char *sha256;   /* NULL: to be computed */
    const char *root;     /* the folder given, absolute; NULL: not in place, or from an archive */
    struct file_info info; /* before sha256 was computed; with root */
    int64_t root_bytes;   /* size of the outermost archive, 0 = none */
    int depth;
    bool given;           /* named by the user: never skipped silently */
};
enum err_code walk_path(struct ingest_set *set, const char *path, struct err *err) WARN_UNUSED;
enum err_code walk_file(struct ingest_set *set, const struct walk_place *place, struct err *err) WARN_UNUSED;
/* Why a file of that name is no data ("no data: a licence"), or NULL. relative is its path inside the input. Pure. */
const char *walk_skip_reason(const char *relative);
/* As above for data that Marrow does not read (.xls, .rds …), or NULL. Pure. */
const char *walk_unreadable_reason(const char *base_name);

/* ---- in place ----------------------------------------------------------------------------------- */

#define PLACE_HINT "only Parquet and plain CSV files are read where they stand; 'marrow import' takes the rest"

/* The entries' tables, of options.place. */
enum err_code place_open(struct ingest_set *set, struct err *err) WARN_UNUSED;
#define PLACE_LIMIT_KEYS 16
/* The key=value folders of a path below the root, outermost first: up to PLACE_LIMIT_KEYS keys and values (NULL: the null partition), in
 * arena. ERR_INPUT: not UTF-8. Pure. */
enum err_code place_keys(struct arena *arena, const char *relative, const char **keys, const char **values, size_t *ret_count,
                         struct err *err) WARN_UNUSED;

/* ---- archives ----------------------------------------------------------------------------------- */

enum archive_kind { ARCHIVE_NONE, ARCHIVE_ZIP, ARCHIVE_TAR, ARCHIVE_PACKED, ARCHIVE_OTHER };
enum archive_kind archive_recognise(struct str head); /* PACKED: gz, zst, xz, bz2, lz4; OTHER: 7z, rar */
bool archive_is_office(struct str head);               /* a zip that is a document */
/* NULL when the member's name is safe to take; else what is wrong with it. Pure. */
const char *archive_name_problem(struct str name);
/* Unpack to staging and walk every member. */
enum err_code archive_walk(struct ingest_set *set, const struct walk_place *place, enum archive_kind kind, struct err *err) WARN_UNUSED;

/* CRC-32 and length modulo 2^32, as gzip's trailers hold them (gzip_check.c). */
struct gzip_sum {
    uint32_t table[8][256];
    uint32_t crc, bytes;
};
void gzip_sum_init(struct gzip_sum *sum);
void gzip_sum_add(struct gzip_sum *sum, const void *bytes, size_t count);
/* Does the sum fit the file as one gzip member? False may mean several members: gzip_check then knows. */
bool gzip_sum_fits(const struct gzip_sum *sum, struct str file);
/* Unpack all and compare every member's checksum; *ret false: damaged. */
enum err_code gzip_check(struct str file, const struct progress *progress, bool *ret, struct err *err) WARN_UNUSED;

/* ---- staged files ------------------------------------------------------------------------------- */

struct stage_writer {
    int fd;
    const char *path;
    int64_t bytes;
    char *buffer;
    size_t used;
};
#define STAGE_WRITER_INIT {.fd = -1}
#define STAGE_BLOCK_BYTES (256u << 10)
enum err_code stage_open(struct ingest_set *set, const char *suffix, struct stage_writer *ret, struct err *err) WARN_UNUSED;
enum err_code stage_write(struct stage_writer *writer, const char *bytes, size_t count, struct err *err) WARN_UNUSED;
enum err_code stage_finish(struct stage_writer *writer, struct err *err) WARN_UNUSED;
void stage_abandon(struct stage_writer *writer); /* also after finish: no effect */
/* Reads a file block by block. block is called with up to STAGE_BLOCK_BYTES; cancel is honoured between blocks. */
enum err_code stage_read(const char *path, const char *origin, const char *phase, const struct progress *progress,
                         enum err_code (*block)(void *user, const char *bytes, size_t count, struct err *err), void *user,
                         struct err *err) WARN_UNUSED;

/* ---- text encodings ----------------------------------------------------------------------------- */

struct encoding_stats { /* of a whole file; feed with encoding_scan, any block sizes */
    int64_t bytes, nul, controls, high;
    int64_t utf8_valid, utf8_invalid; /* multi-byte sequences */
    int64_t latin_plausible;          /* high bytes that read well as windows-1252 */
    int64_t c1, c1_undefined;         /* 0x80-0x9f; those that windows-1252 leaves undefined */
    int64_t sjis_pairs, sjis_low_lead, sjis_high_trail, sjis_bad;
    bool lf, cr;
    /* state between blocks */
    unsigned char before, previous, sjis_lead, need, low, high_bound;
    bool started;
};
void encoding_scan(struct encoding_stats *stats, const char *bytes, size_t count);
void encoding_scan_end(struct encoding_stats *stats);
struct encoding_guess {
    const char *name; /* for iconv; "UTF-8" */
    size_t bom_bytes;
    bool invalid; /* UTF-8 with damaged sequences: rows to quarantine */
};
/* From the statistics of the whole file and its first bytes. Pure. */
void encoding_guess(const struct encoding_stats *stats, struct str head, struct encoding_guess *ret);
bool encoding_is_binary(struct str head); /* neither text nor UTF-16/32 text */
/* The head as UTF-8 (for sniffing only). */
enum err_code encoding_head_text(struct str head, struct buf *ret, struct err *err) WARN_UNUSED;
struct text_file {
    const char *path; /* UTF-8; file->path when it is that already */
    int64_t bytes;
    size_t bom_bytes; /* UTF-8 byte order mark left at the start */
    bool odd;         /* holds zero bytes or ill-formed UTF-8 */
};
/* Give file as a UTF-8 file with LF or CRLF line ends: in place when it is one, else a staged copy. What was done goes to notes. */
enum err_code encoding_prepare(struct ingest_set *set, const struct ingest_file *file, bool strip_bom, json_t **notes,
                               struct text_file *ret, struct err *err) WARN_UNUSED;
/* Bytes of a name in an unknown encoding as UTF-8 (ZIP's code page 437 where it is not UTF-8). In arena. */
const char *encoding_name_text(struct arena *arena, const char *bytes);

/* ---- CSV ---------------------------------------------------------------------------------------- */

struct csv_dialect {
    char delimiter[8];
    char quote, escape; /* 0 = none; escape equal to quote = doubled */
};
struct csv_field {
    const char *ptr; /* without the outer quotes, escapes still in */
    size_t len;
    bool quoted;
};
struct csv_row {
    struct csv_field *fields; /* first `stored` of `count` */
    size_t count, capacity;
    const char *start, *end; /* end: after the line end */
    int64_t lines;           /* physical lines it spans */
    bool malformed;          /* text after a closing quote, or no closing quote */
    bool complete;           /* ended by a line end, or by the end of the whole text */
    bool failed;             /* out of memory */
};
/* Read the row at *cursor and advance it; false at the end. whole: the text ends where the file ends. */
bool csv_next_row(const struct csv_dialect *dialect, const char **cursor, const char *end, bool whole, struct csv_row *row);
void csv_row_done(struct csv_row *row);
void csv_field_text(const struct csv_dialect *dialect, const struct csv_field *field, struct buf *out);
bool csv_row_is_blank(const struct csv_row *row); /* nothing but blanks and delimiters */

enum csv_cell { CSV_EMPTY, CSV_NUMBER, CSV_MOMENT, CSV_TEXT };
enum csv_cell csv_cell_kind(struct str cell);

struct csv_hints {
    const char *delimiter; /* NULL = detect */
    int header;            /* 1, 0, -1 detect */
};
struct csv_guess {
    struct csv_dialect dialect;
    int64_t skip_lines;     /* physical lines before the header, or before the data when !header */
    bool header;            /* the scan is to take the next row as the header */
    bool named;             /* names were read from a header row, be it skipped or not */
    struct str *names;      /* arena */
    size_t columns;
    bool row_names;         /* header one shorter than the rows: first column is a row name */
    bool trailing;          /* every row ends with a delimiter that the header lacks, or the other way round */
    bool header_uncertain;
    int64_t preamble_lines;
    int64_t comment_lines;  /* '#' lines after the first row, in the sample */
    int64_t rows, ragged;   /* in the sample, header not counted; ragged: another number of fields than columns */
    int64_t unlike_first;   /* … than the first row */
    double consistency;     /* of field counts over the sample's rows; 0 = one column */
    const char *first_row;  /* into the sample: the header, or the first data row */
    const char *first_data; /* into the sample: the first row that is data, or the sample's end */
    int64_t data_line;      /* the line that it stands on */
    bool nameless_first;    /* only the first name is empty: it is row_name, as R writes row names */
    struct str *units;      /* by column, empty = none; arena; NULL: no row of units */
    int64_t units_line;
};
/* A row of units right below the header: guess then begins its data below it. end: of the text. Pure. */
enum err_code csv_find_units(struct csv_guess *guess, const char *end, struct arena *arena, struct err *err) WARN_UNUSED;
struct csv_tail { /* notes and totals below the rows */
    const char *start; /* NULL: none */
    int64_t rows;
};
enum err_code csv_find_tail(const struct csv_guess *guess, struct str text, struct csv_tail *ret, struct err *err) WARN_UNUSED;
/* What one pass over all records of a text finds (csv_census.c). mapping as in csv_stack_find. */
struct csv_census {
    int64_t records;    /* lines of nothing are none, except in one column */
    bool regular;       /* the engine reads it faithfully; else the counts are not complete */
    bool crlf, bare_lf; /* how records end; both: mixed */
};
#define CSV_REGULAR_BYTES (1LL << 20) /* records up to that length are left to the engine */
/* at: the first record. Fails only when cancelled. */
enum err_code csv_census(const struct csv_dialect *dialect, const char *at, const char *end, size_t columns, struct file_mapping *mapping,
                         const struct progress *progress, struct csv_census *ret, struct err *err) WARN_UNUSED;
#define CSV_CHECK_ROWS 65536 /* rows or lines between two looks at whether the user cancelled */

struct csv_reading { /* how csv_push reads a text; heap-owned, freed by csv_reading_free */
    const char *path;    /* in the set's arena */
    const char *subject; /* for progress */
    struct csv_dialect dialect;
    struct data_schema schema; /* owned */
    int64_t offset;      /* bytes, of the first record */
    int64_t first_line;  /* that the record stands on */
    int64_t tail_offset; /* bytes, of the notes and totals below the rows: they are rejected; 0 = none */
    bool drop_comments;  /* '#' lines with another number of fields are left out */
    struct file_info info; /* of the file when its dialect was found */
    bool valid_utf8;
};
enum err_code csv_push(void *user, const struct data_sink *sink, const struct progress *progress, struct err *err) WARN_UNUSED;
void csv_reading_free(void *user);

#define CSV_SAMPLE_BYTES (1u << 20)
/* Guess the dialect of UTF-8 text. Pure. Errors: ERR_INPUT (no row), ERR_LIMIT (columns), ERR_MEMORY. */
enum err_code csv_sniff(struct str sample, bool whole, const struct csv_hints *hints, struct arena *arena,
                        struct csv_guess *ret, struct err *err) WARN_UNUSED;
/* Whether the rows from first_row on read as a header, and how sure: > 0 header, < 0 data, 0 can't tell. Pure. */
enum err_code csv_header_score(const struct csv_dialect *dialect, const char *first_row, const char *end, bool whole,
                               size_t columns, double *ret, struct err *err) WARN_UNUSED;

/* Tables stacked in one file: byte offsets where the second, third … begins. */
struct csv_stack {
    struct csv_piece {
        int64_t offset, bytes;
        int64_t line; /* of its first row */
    } *pieces;
    size_t count, capacity;
    int64_t doubtful_line; /* a place that might be one but is not sure; 0 = none */
};
/* Pure over the text of the whole file. mapping holds the text and lets go of what was read; NULL: the text is other memory. */
enum err_code csv_stack_find(struct str text, const struct csv_guess *guess, struct file_mapping *mapping, const struct progress *progress,
                             struct csv_stack *ret, struct err *err) WARN_UNUSED;
void csv_stack_done(struct csv_stack *stack);

/* ---- JSON and Parquet --------------------------------------------------------------------------- */

enum json_shape { JSON_SHAPE_NONE, JSON_SHAPE_LINES, JSON_SHAPE_OBJECT, JSON_SHAPE_ARRAY, JSON_SHAPE_UNSURE };
struct json_sniffed {
    enum json_shape shape;
    bool fhir; /* the first object has a resourceType */
};
/* UNSURE: an object whose end is not in the sample. Pure. */
void json_sniff(struct str sample, bool whole, struct json_sniffed *ret);
struct json_member {
    struct str name;  /* between its quotes, escapes still in */
    struct str value; /* as written */
};
struct json_view { /* one object; members are borrowed views */
    struct json_member *members;
    size_t count, capacity;
    const char *end;   /* after the object; with a fault, where it is */
    const char *fault; /* NULL: an object of well-formed JSON */
    bool failed;       /* out of memory */
};
/* at: a '{'. False: fault says why. Pure. */
bool json_read_object(const char *at, const char *end, struct json_view *view);
void json_view_done(struct json_view *view);
/* The text between a string's quotes (well-formed, as json_read_object gives it). False: half of a surrogate pair. */
bool json_unescape(struct str text, struct buf *out);

struct json_columns { /* names of members in order of first appearance, with a table to find them by */
    struct str *names; /* as written, escapes in; in an arena */
    size_t count, capacity;
    size_t *slots; /* column + 1, 0 = free */
    size_t slot_count;
};
enum err_code json_columns_find(struct str text, const struct progress *progress, struct arena *arena, struct json_columns *ret,
                                struct err *err) WARN_UNUSED;
void json_columns_done(struct json_columns *columns);
struct json_reading { /* how json_rows_push reads a text; heap-owned, freed by json_reading_free */
    const char *path;    /* in the set's arena */
    const char *subject; /* for progress */
    struct json_columns columns; /* owned */
    struct data_schema schema;   /* owned; same order */
    struct file_info info; /* of the file when its names were found */
    bool valid_utf8;
};
enum err_code json_rows_push(void *user, const struct data_sink *sink, const struct progress *progress, struct err *err) WARN_UNUSED;
void json_reading_free(void *user);

/* One source over the files of a partitioned table. */
enum err_code parquet_open_group(struct ingest_set *set, const struct ingest_entry *const *entries, size_t count, struct err *err) WARN_UNUSED;

/* ---- names -------------------------------------------------------------------------------------- */

/* Make the slots' names unique and fit for SQL. */
enum err_code names_settle(struct ingest_set *set, struct err *err) WARN_UNUSED;

#endif
