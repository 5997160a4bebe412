/* The census of a CSV text: one pass over all of it that counts the records and says whether the
 * engine reads it as it is meant.
 *
 * The engine is fast and sure on plain text only. Where a stray quote, a quote that is never
 * closed, a lone carriage return, a zero byte, ill-formed UTF-8 or a very long record occurs, it
 * swallows lines, or the whole statement fails; such a text is not `regular`, and csv_push.c reads
 * it. The count is what the import is checked against. Jumps from quote to quote and from line end
 * to line end (memchr), so it costs little beside the reading itself. Pure. */
#include <string.h>

#include "ingest/parts_priv.h"

struct census {
    const struct csv_dialect *dialect;
    size_t length; /* of the delimiter */
    const char *start, *end;
    bool carriage;     /* there are carriage returns in the text */
    const char *quote; /* the next one from where the walk is, or end */
    struct csv_census *result;
    struct file_mapping *mapping;
};

/* In steps, so that a search through a large file does not bring all of it into memory. */
static const char *find_far(struct file_mapping *mapping, const char *at, const char *end, char c)
{
    while (at < end) {
        size_t step = (size_t)(end - at) < FILE_LET_GO_BYTES ? (size_t)(end - at) : FILE_LET_GO_BYTES;
        const char *found = memchr(at, c, step);
        if (found != NULL)
            return found;
        at += step;
        file_let_go(mapping, at);
    }
    return end;
}

static const char *find(const char *at, const char *end, char c)
{
    const char *found = memchr(at, c, (size_t)(end - at));
    return found == NULL ? end : found;
}

static bool delimiter_at(const struct census *work, const char *at)
{
    return (size_t)(work->end - at) >= work->length &&
           memcmp(at, work->dialect->delimiter, work->length) == 0;
}

static bool delimiter_before(const struct census *work, const char *at)
{
    return (size_t)(at - work->start) >= work->length &&
           memcmp(at - work->length, work->dialect->delimiter, work->length) == 0;
}

/* From after an opening quote to its closing one; NULL: none, or an escape before anything but a
 * quote or an escape. */
static const char *closing_quote(const struct census *work, const char *at)
{
    const struct csv_dialect *dialect = work->dialect;
    bool doubled = dialect->escape == dialect->quote;
    const char *escape =
        doubled || dialect->escape == 0 ? work->end : find(at, work->end, dialect->escape);
    for (;;) {
        const char *quote = find(at, work->end, dialect->quote);
        if (escape < quote) {
            if (escape + 1 >= work->end ||
                (escape[1] != dialect->quote && escape[1] != dialect->escape))
                return NULL;
            at = escape + 2;
            escape = find(at, work->end, dialect->escape);
            continue;
        }
        if (quote == work->end)
            return NULL;
        if (!doubled || quote + 1 == work->end || quote[1] != dialect->quote)
            return quote;
        at = quote + 2;
    }
}

/* No carriage return outside quotes but before a line feed. */
static bool carriages_fit(const struct census *work, const char *from, const char *to)
{
    if (!work->carriage)
        return true;
    const char *found = find(from, to, '\r');
    return found == to || (found + 1 == to && to < work->end && *to == '\n');
}

/* The line end of the record at `at`; NULL: not regular. */
static const char *record_end(struct census *work, const char *at)
{
    const char *record = at;
    for (;;) {
        const char *feed = find(at, work->end, '\n');
        if (work->quote < at)
            work->quote = work->dialect->quote == 0
                              ? work->end
                              : find_far(work->mapping, at, work->end, work->dialect->quote);
        if (work->quote >= feed)
            return carriages_fit(work, at, feed) ? feed : NULL;
        const char *open = work->quote;
        if (!carriages_fit(work, at, open) || (open != record && !delimiter_before(work, open)))
            return NULL;
        const char *close = closing_quote(work, open + 1);
        if (close == NULL)
            return NULL;
        at = close + 1;
        bool crlf = work->end - at >= 2 && at[0] == '\r' && at[1] == '\n';
        if (at != work->end && *at != '\n' && !crlf && !delimiter_at(work, at))
            return NULL;
    }
}

enum err_code csv_census(const struct csv_dialect *dialect, const char *at, const char *end,
                         size_t columns, struct file_mapping *mapping,
                         const struct progress *progress, struct csv_census *ret, struct err *err)
{
    *ret = (struct csv_census){.regular = true};
    struct census work = {.dialect = dialect,
                          .length = strlen(dialect->delimiter),
                          .start = at,
                          .end = end,
                          .result = ret,
                          .mapping = mapping};
    if (at >= end)
        return ERR_OK;
    work.carriage = find_far(mapping, at, end, '\r') != end;
    work.quote = dialect->quote == 0 ? end : find_far(mapping, at, end, dialect->quote);
    while (at < end) {
        const char *feed = record_end(&work, at);
        ret->regular = feed != NULL && feed - at <= CSV_REGULAR_BYTES;
        if (!ret->regular)
            return ERR_OK;
        bool crlf = feed > at && feed < end && feed[-1] == '\r';
        ret->crlf = ret->crlf || crlf;
        ret->bare_lf = ret->bare_lf || (feed < end && !crlf);
        bool empty = feed - at == (crlf ? 1 : 0);
        ret->records +=
            columns == 1 || !empty; /* an empty line is a record only where a record is one field */
        at = feed < end ? feed + 1 : end;
        if (ret->records % CSV_CHECK_ROWS == 0) {
            TRY(progress_check(progress, err));
            file_let_go(mapping, at);
        }
    }
    return ERR_OK;
}
