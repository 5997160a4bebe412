/* Lossless typing: what type can hold every text of a column without loss, decided from a statistic over all rows.
 *
 *   texts ──add──▶ struct typing_stats (per column, mergeable, order-independent) ──decide──▶ type + null markers + format
 *
 * Rules (docs/TYPING.md): leading zeros stay text ("0389"); 0/1 and Y/N are no booleans; int64 exact; decimals exact
 * (DECIMAL(18|38, max scale)), exponents → double only if every value survives; a column is a date or timestamp only if every
 * value is and one format fits all (dd/mm vs mm/dd must be decided by the data, else it stays text with a note); null markers
 * ("", NA, N/A, NULL, null, \N, ?, ., NaN, nan, #N/A, n/a, None, none, -, missing …) count as null only where the rest of
 * the column or table says so. No clock, no I/O, thread-compatible. */
#ifndef MARROW_DATA_TYPING_H
#define MARROW_DATA_TYPING_H

#include "data/data.h"

struct typing_stats; /* opaque, fixed size, may be memcpy-moved; owns heap for its small distinct set */
size_t typing_stats_bytes(void);
void typing_stats_init(struct typing_stats *stats);
void typing_stats_done(struct typing_stats *stats);
void typing_stats_add(struct typing_stats *stats, struct str text); /* one non-null cell */
void typing_stats_add_null(struct typing_stats *stats);
void typing_stats_merge(struct typing_stats *into, const struct typing_stats *from);
/* To and from bytes (a native aggregate returns them). false: damaged or out of memory. */
bool typing_stats_write(const struct typing_stats *stats, struct buf *out);
bool typing_stats_read(struct typing_stats *stats, struct str bytes);

struct typing_decision {
    struct data_type type;
    const char *format;       /* how texts are written: for dates and timestamps a strptime format, NULL = ISO; for numbers one
                               * of typing_format_is_number, NULL = with a point. Static. */
    const char **null_markers; /* texts read as null, besides the empty text; from arena */
    size_t null_marker_count;
    bool empties;             /* some cell is the empty text, or blanks only: to be read as null */
    bool padded;              /* blanks around numbers or dates are to be trimmed */
    int64_t rows, nulls;      /* nulls as decided */
    double distinct_estimate; /* exact up to the distinct set's cap (1,024), else HyperLogLog (p = 12) */
    bool distinct_exact;
    int64_t shortest, longest; /* bytes of non-null texts */
    json_t *warnings; /* array of {code, message}; new reference; codes: mixed_types, few_words, censored_numbers, partial_dates, decimal_comma,
                       * thousands_commas, ambiguous_number, constant, all_null, suspicious_null, ambiguous_date, padded, leading_zeros */
};
struct typing_options {
    const char **null_markers; /* replaces the list of candidates; NULL = built-in */
    size_t null_marker_count;
    const struct data_type *forced; /* per column, kind NULL = not forced; NULL = none */
    const char *const *formats;     /* per column, of typing_format_find: how its texts are to be read; NULL = as found; NULL = none */
    bool decimal_comma; /* the file's delimiter is a semicolon: "1,234" is 1.234 where no column says otherwise */
};
/* The formats that a column can be told to be read by: "%d/%m/%Y" and its kin, "1.234,5", "1,234.5". Static; NULL: none such. */
const char *typing_format_find(struct str text);
enum typing_notation {
    TYPING_COMMA_DECIMAL, /* "1.234,5": points part thousands, the comma is the decimal sign */
    TYPING_COMMA_GROUPS,  /* "1,234.5": commas part thousands */
};
/* Is it a format of numbers? NULL: no. */
bool typing_format_is_number(const char *format, enum typing_notation *ret);
/* Decide all columns of a table together (a marker proven in one column counts in its neighbours).
 * names[] for messages. ret[] has count entries. */
enum err_code typing_decide(struct typing_stats *const *stats, const char *const *names, size_t count,
                            const struct typing_options *options, struct arena *arena, struct typing_decision *ret,
                            struct err *err) WARN_UNUSED;
/* Top values when the distinct set is exact: [[text, count]…] by count desc then text; NULL when not exact. New reference. */
json_t *typing_top_values(const struct typing_stats *stats, size_t limit);

#endif
