/* What the ReadStat readers share: a statfile is one table of a statistics file, described by a
 * full pass at open time (names, labels, formats, exact types) and read again, row by row, whenever
 * it is pushed. Owns an arena; pushing does not change it. Blank-only texts are null in all five
 * formats: that is how they store "no text". */
#ifndef MARROW_INGEST_READSTAT_PRIV_H
#define MARROW_INGEST_READSTAT_PRIV_H

#include "ingest/ingest_priv.h"
#include "ingest/readstat_library.h"

#define STATFILE_TAGS 27                 /* .a to .z and ._ */
#define STATFILE_LIMIT_LABELS 10000000   /* value labels in one file */
#define STATFILE_ARENA_BYTES (1LL << 30) /* names, labels and columns of one file */

enum statfile_format { STATFILE_SAV, STATFILE_POR, STATFILE_DTA, STATFILE_SAS, STATFILE_XPORT };

/* Where the bytes are: a path, or memory when path is NULL. Virtual file = bytes [0, prefix) then
 * [begin, end): so one member of a transport library looks like a library of its own. end < 0: to
 * the end. */
struct statfile_place {
    const char *path;
    struct str memory;
    int64_t prefix, begin, end;
};

/* How a stored number is an instant: µs = value × unit_us + epoch_us, kind DATE, TIMESTAMP or TIME;
 * NULL: a plain number. */
struct statfile_calendar {
    enum data_kind kind;
    int64_t unit_us;
    int64_t epoch_us;
    bool leap_seconds; /* Stata %tC counts them */
    const char
        *period; /* a count of periods kept as a number: "weeks since 1960w1"; NULL otherwise */
};

struct statfile_column {
    const char *name, *label, *format, *label_set; /* arena; label, format, label_set may be NULL */
    bool text;
    struct statfile_calendar calendar;
    struct data_type type; /* decided after the pass */
    int64_t values;        /* not missing */
    bool fractional;       /* some number is not integral */
    bool large;            /* some |number| > 2^53 */
    bool time_part;        /* some instant is not midnight */
    bool beyond_day;       /* some time of day is outside [0, 24 h) */
    int64_t declared_missing;
    int64_t tagged[STATFILE_TAGS];
    int64_t bad_texts;          /* not UTF-8 after conversion */
    int64_t cut_texts;          /* the last character was cut by the field's width */
    const char *missing_ranges; /* "9, 90 to 99"; NULL = none */
};
struct statfile_label {
    bool is_text;
    char tag; /* 0 = none */
    double number;
    const char *text, *label;
};
struct statfile_label_set {
    const char *name;
    struct statfile_label *labels;
    size_t count, capacity;
};
struct statfile {
    enum statfile_format format;
    struct statfile_place place;
    const char *origin;
    const char *encoding; /* as given or assumed; NULL = what the file says */
    struct arena *arena;
    struct statfile_column *columns;
    size_t column_count, column_capacity;
    struct statfile_label_set *sets;
    size_t set_count, set_capacity, label_count;
    const char *member; /* the table's name inside the file; NULL = none */
    int64_t rows;
    int64_t stated_rows; /* -1 unknown */
};

struct statfile *statfile_new(enum statfile_format format, const struct statfile_place *place,
                              const char *origin, const char *encoding);
void statfile_free(struct statfile *file);
AUTO_DEFINE(struct statfile, statfile_free)

/* The pass at open time: fills columns, labels, counts, and decides types. ERR_INPUT with
 * ReadStat's words for a damaged file. */
enum err_code statfile_scan(struct statfile *file, const struct progress *progress,
                            struct err *err) WARN_UNUSED;
/* Add the value labels of a SAS catalog. */
enum err_code statfile_read_catalog(struct statfile *file, const struct statfile_place *catalog,
                                    struct err *err) WARN_UNUSED;
const struct statfile_label_set *statfile_find_set(const struct statfile *file, const char *name,
                                                   size_t *hint);
/* Rows to the sink: schema, then batches. The file must not have changed since the scan. */
enum err_code statfile_push(const struct statfile *file, const struct data_schema *schema,
                            const struct data_sink *sink, const struct progress *progress,
                            struct err *err) WARN_UNUSED;

/* readstat_describe.c: the schema and the notes of a scanned file. */
enum err_code statfile_schema(const struct statfile *file, struct data_schema *ret,
                              struct err *err) WARN_UNUSED;
void statfile_notes(const struct statfile *file, json_t **notes);

/* readstat_calendar.c */
struct statfile_calendar statfile_calendar_of(enum statfile_format format,
                                              const char *display_format);
/* µs since 1970 (for TIME: of the day). False: not finite, outside years 1 to 9999, or a leap
 * second. */
bool statfile_instant(const struct statfile_calendar *calendar, double value, int64_t *ret_us);

/* readstat_io.c: a parser bound to a place. Close frees both. */
struct statfile_stream;
enum err_code statfile_stream_open(const struct statfile_place *place, const char *encoding,
                                   const struct progress *progress, const char *subject,
                                   struct statfile_stream **ret, struct err *err) WARN_UNUSED;
void statfile_stream_close(struct statfile_stream *stream);
AUTO_DEFINE(struct statfile_stream, statfile_stream_close)
readstat_parser_t *statfile_stream_parser(struct statfile_stream *stream);
/* First member of every context that handlers get: what a handler that aborted recorded, and
 * ReadStat's last words. */
struct statfile_visit {
    enum err_code code; /* ERR_OK: no handler aborted on its own account */
    struct err *err;
    char message[ERR_TEXT_BYTES];
};
/* Parse by format (catalog: the SAS catalog instead) and turn ReadStat's error into ours, in
 * visit->err. */
enum err_code statfile_stream_parse(struct statfile_stream *stream, enum statfile_format format,
                                    bool catalog, struct statfile_visit *visit,
                                    const char *origin) WARN_UNUSED;
/* The text with blanks at the end removed and a character cut by the field's width dropped
 * (*ret_cut). False: not UTF-8. */
bool statfile_text(const char *text, struct str *ret, bool *ret_cut);

/* readstat_transport.c: the members of a SAS transport library. *ret in arena. */
enum err_code statfile_members(const struct statfile_place *whole, struct arena *arena,
                               const char *origin, struct statfile_place **ret, size_t *ret_count,
                               struct err *err) WARN_UNUSED;

#endif
