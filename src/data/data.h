/* The data layer's door: types, schemas, columns of values (batches), how a file is to be scanned (scan),
 * and where rows come from (source). Pure: no files, no engine. */
#ifndef MARROW_DATA_DATA_H
#define MARROW_DATA_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/progress.h"
#include "base/str.h"
#include "json/json.h"

/* ---- types ------------------------------------------------------------------------------------- */

enum data_kind {
#define DATA_KIND(name, text) DATA_##name,
#include "data/kind.def"
#undef DATA_KIND
};

/* LIST and STRUCT are types of plans' expressions only: a table, a batch and a result hold them as JSON text. */
struct data_type {
    enum data_kind kind;
    uint8_t precision; /* DECIMAL 1..38; other kinds 0 */
    uint8_t scale;     /* DECIMAL 0..precision */
    const struct data_field *fields; /* LIST: its element is fields[0]; STRUCT: its fields. Borrowed (a plan's arena, or static) */
    size_t field_count;
};
struct data_field {
    const char *name; /* LIST: NULL */
    struct data_type type;
};
#define DATA_TYPE(name) ((struct data_type){.kind = DATA_##name})
#define DATA_TYPE_LIMIT_DEPTH 16 /* lists and structs within one another */
struct data_type data_type_decimal(unsigned precision, unsigned scale);
bool data_type_equal(struct data_type a, struct data_type b);
/* Canonical text: "bigint", "decimal(18,4)" … Written to ret (≥ 32 bytes); returns ret. Of LIST and STRUCT only the word. */
const char *data_type_text(struct data_type type, char ret[32]);
/* The whole canonical text: "list(bigint)", "struct(value decimal(9,2), \"odd name\" text)". */
void data_type_write(struct data_type type, struct buf *out);
/* Reads canonical text and the usual synonyms (int, integer, varchar, string, float8 …), any case. */
enum err_code data_type_parse(struct str text, struct data_type *ret, struct err *err) WARN_UNUSED;
/* As data_type_parse, lists and structs too; their fields are allocated from arena. */
enum err_code data_type_parse_nested(struct arena *arena, struct str text, struct data_type *ret, struct err *err) WARN_UNUSED;
bool data_type_is_numeric(struct data_type type); /* bigint, decimal, double */
bool data_type_is_temporal(struct data_type type); /* date, timestamp, timestamptz */

/* ---- schema ------------------------------------------------------------------------------------ */

struct data_value_label { /* 1 = "male" */
    char *value;          /* the stored value's canonical text */
    char *label;
};
struct data_column {
    char *name;   /* unique in its schema, compared without case (ASCII) */
    struct data_type type;
    char *label;         /* variable label, or NULL */
    char *source_name;   /* the name in the file where it differs, else NULL */
    char *source_format; /* e.g. "F8.2", "DATE9.", "yyyy-mm-dd", or NULL */
    struct data_value_label *value_labels;
    size_t value_label_count;
};
struct data_schema {
    struct data_column *columns;
    size_t count;
};
/* Append a column; copies the texts (zero bytes become '_', ill-formed UTF-8 U+FFFD). The schema owns everything it holds. */
enum err_code data_schema_add(struct data_schema *schema, struct str name, struct data_type type, struct err *err) WARN_UNUSED;
enum err_code data_schema_add_value_label(struct data_column *column, struct str value, struct str label, struct err *err) WARN_UNUSED;
enum err_code data_schema_copy(const struct data_schema *from, struct data_schema *ret, struct err *err) WARN_UNUSED;
void data_schema_done(struct data_schema *schema);
static inline void auto_data_schema_done(struct data_schema *schema)
{
    data_schema_done(schema);
}
/* Index of the column of that name (ASCII case ignored), or -1. */
int data_schema_find(const struct data_schema *schema, struct str name);
json_t *data_schema_to_json(const struct data_schema *schema); /* [{name,type,label?,source_name?,source_format?,value_labels?:[[v,l]…]}]; NULL: out of memory */
enum err_code data_schema_from_json(const json_t *json, const char *source, struct data_schema *ret, struct err *err) WARN_UNUSED;
/* Make header names usable: trim; empty → "column_N" (ordinal); NULs and control bytes → '_'; repeated names (ASCII case ignored)
 * get _2, _3 …; longer than 255 bytes cut. Sets source_name where the name changed. Returns how many changed. */
enum err_code data_schema_name_columns(struct data_schema *schema, int64_t *ret_changed, struct err *err) WARN_UNUSED;

/* ---- vectors and batches ----------------------------------------------------------------------- */

struct data_int128 { /* two's complement */
    uint64_t low;
    int64_t high;
};
struct data_interval {
    int32_t months, days;
    int64_t microseconds;
};
/* A column of rows values. Which member is used follows from type.kind:
 *   BOOLEAN u8 (0/1); BIGINT i64; DECIMAL i128 (unscaled); UHUGEINT i128 (bits); DOUBLE f64; TEXT/JSON/BLOB text;
 *   DATE i64 (days since 1970-01-01); TIME i64 (µs of day); TIMESTAMP/TIMESTAMPTZ i64 (µs since 1970); INTERVAL. */
struct data_vector {
    struct data_type type;
    uint64_t *validity; /* bit r set = row r is not null; NULL = all valid */
    union {
        uint8_t *u8;
        int64_t *i64;
        double *f64;
        struct data_int128 *i128;
        struct str *text;
        struct data_interval *interval;
        void *any;
    };
};
struct data_batch {
    struct data_vector *vectors;
    size_t columns;
    int64_t rows;
};
#define DATA_BATCH_ROWS 2048 /* rows in a full batch */

static inline bool data_vector_is_valid(const struct data_vector *vector, int64_t row)
{
    return vector->validity == NULL || ((vector->validity[row >> 6] >> (row & 63)) & 1u) != 0;
}
size_t data_kind_bytes(enum data_kind kind); /* of one value in its array */
/* A batch of capacity rows for the schema, all null; memory from arena. NULL when memory is out. */
struct data_batch *data_batch_new(struct arena *arena, const struct data_schema *schema, int64_t capacity);
void data_vector_set_valid(struct data_vector *vector, int64_t row, bool valid); /* needs a validity mask */
/* One value as canonical text: decimals with full scale, doubles shortest, timestamps "2026-01-02 03:04:05[.ffffff]", timestamptz
 * with +00, booleans true/false. Null adds nothing and returns false. */
bool data_value_text(const struct data_vector *vector, int64_t row, struct buf *out);
/* One value as JSON: integers and decimals keep their digits (a decimal is written as a number lexeme), text escaped, null → null. */
void data_value_json(const struct data_vector *vector, int64_t row, struct buf *out);
/* A row as CSV (RFC 4180, ends with CRLF; null is nothing, an empty text ""), and as a JSON object {"name":value,…} without an end of line. A TEXT column whose
 * source_format is "number" (FHIR's decimals keep their digits so) is written as the number that it is. scratch is reused. */
void data_row_csv(const struct data_batch *batch, int64_t row, struct buf *scratch, struct buf *out);
void data_row_object(const struct data_schema *schema, const struct data_batch *batch, int64_t row, struct buf *out);
/* One CSV field, quoted where it must be. */
void data_csv_field(struct str text, struct buf *out);
/* Append JSON string literal of s (invalid UTF-8 → U+FFFD). */
void data_json_escape(struct str s, struct buf *out);

/* ---- canonical row hash ------------------------------------------------------------------------ */

/* Hash of each row: columns visited in ascending order of column name (bytewise, ASCII-lowered; order[] gives the vector index to visit
 * k-th), each value encoded as kind byte + canonical bytes (docs/STORE.md), nulls as one byte; XXH3-128, seed 0. Numbers that are
 * equal encode equally whatever their storage (5, 5.0, 5.00). ret has batch->rows entries. scratch is reused. */
void data_row_hash(const struct data_batch *batch, const size_t *order, struct buf *scratch, struct hash128 *ret);

/* ---- scans and sources ------------------------------------------------------------------------- */

enum data_scan_kind { DATA_SCAN_CSV, DATA_SCAN_PARQUET };
/* How an engine reads one or several files as one table. */
struct data_scan {
    enum data_scan_kind kind;
    const char **paths;
    size_t path_count;
    /* CSV: UTF-8 files. Every column is read as text; names in schema. */
    char delimiter[8]; /* one character, UTF-8 */
    char quote;        /* 0 = none */
    char escape;       /* 0 = none; equal to quote = doubled */
    char comment;      /* 0 = none */
    int64_t skip_lines; /* before the header */
    bool header;
    int64_t maximum_line_bytes; /* longer lines are quarantined */
    int64_t records;            /* rows + rejected rows that the reader counted itself; meaningful where the source has push too */
    bool skip_rejects;          /* rows that can't be read are left out; without, they are an error or go to the reject tables */
    /* Parquet */
    bool same_columns; /* every file has the columns of the first, so only that one is opened to know them */
    /* both */
    bool partitioned; /* key=value folders in the paths are columns */
    const struct data_schema *keys; /* … of these types, which every value fits; those that are not here: text. NULL: none */
};

/* Files that stay where they are (a registered folder), as one table. */
struct data_place_file {
    const char *name; /* below the root, '/'-separated */
    int64_t bytes, modified_us, changed_us; /* before it was read (base/file.h) */
    char sha256[65];
};
struct data_place_part { /* files that are read alike */
    struct data_scan scan;     /* paths: root + name; partitioned where there are keys */
    struct data_schema schema; /* CSV: the names in the files, keys apart; Parquet: empty, the engine tells */
};
struct data_place {
    const char *root;   /* absolute */
    const char *format; /* "parquet", "csv" */
    const struct data_place_file *files; /* by name */
    size_t file_count;
    struct data_place_part *parts;
    size_t part_count;
    const char **keys;   /* partition columns: the names of the key=value folders, outermost first */
    size_t key_count;
    const char **values; /* [file][key], as text; NULL: the null partition */
};
/* What engines call the folder of a null partition value. */
#define DATA_NULL_PARTITION "__HIVE_DEFAULT_PARTITION__"

/* Receives pushed rows. All strings are borrowed for the call. */
struct data_sink {
    enum err_code (*schema)(void *user, const struct data_schema *schema, struct err *err); /* once, first */
    enum err_code (*batch)(void *user, const struct data_batch *batch, struct err *err);
    /* A row that can't be used: place and reason (no values in reason); raw is the text as read, kept in rejects.csv. */
    enum err_code (*reject)(void *user, int64_t line, const char *column, const char *reason, struct str raw, struct err *err);
    void *user;
};

/* Rows of which one a key is stored: that of the latest moment (null: the earliest), of those the last pushed. A row whose content is null says that
 * the key is gone: it is never stored itself; with no moment it outdoes all that were pushed before it. */
struct data_newest {
    size_t key, moment, content; /* columns */
};

/* One table's rows: either a scan (the engine reads the file) or a stream (push is called and calls the sink). Both: push gives the
 * same rows, slower; for where the scan fails, or gives another number of records than scan->records.
 * text_columns: values are raw text and their types are to be inferred (data/typing.h); else the schema's types stand. */
struct data_source {
    const char *name;        /* proposed table name */
    const char *origin;      /* "archive.zip!folder/file.csv" or "book.xlsx#Sheet 1", for the manifest and errors */
    struct data_schema schema; /* for a CSV scan: names; for Parquet may be empty (the engine tells); for a stream: as pushed */
    bool text_columns;
    bool decimal_comma; /* text whose fields a semicolon parts: commas in its numbers are decimal signs, where nothing says otherwise */
    const struct data_newest *newest; /* of a stream whose schema's types stand, even where texts look like dates; NULL: every row is stored */
    const struct data_scan *scan; /* NULL: stream, or a place */
    const struct data_place *place; /* the files are to stay where they are; else NULL */
    enum err_code (*push)(void *user, const struct data_sink *sink, const struct progress *progress, struct err *err);
    void *user;
    int64_t bytes; /* of input, for progress and for the ≥ 70 % figure; 0 unknown */
    char source_sha256[65]; /* of the file as given; may be "" */
    json_t *notes; /* array of {code, message}: encoding converted, names changed … borrowed by the reader; may be NULL */
};

#endif
