/* Tables stacked in one CSV file, as people paste them below each other:
 *
 *   admission_type_id,description        ← table 1
 *   1,Emergency
 *   ,                                    ← a line of nothing but delimiters, or a blank one
 *   discharge_disposition_id,description ← a row of texts over numbers: table 2
 *   1,Discharged to home
 *
 * Only lines that begin with a delimiter, a blank or a line end are looked at closely, so a large
 * file costs one memchr a line. A split needs evidence: a separator, and below it a row that reads
 * as a header. Without it the place is reported. Pure. */
#include <string.h>

#include "ingest/parts_priv.h"

#define LOOK_BYTES (256u << 10)

struct search {
    struct str text;
    const struct csv_guess *guess;
    const char *parity_at; /* quotes are counted up to here */
    bool inside;           /* … and that place is inside a quoted field */
};

/* Is at inside a quoted field? Counts quotes since the last time it was asked. */
static bool inside_quotes(struct search *search, const char *at)
{
    const struct csv_dialect *dialect = &search->guess->dialect;
    const char *from = search->parity_at;
    while (dialect->quote != 0 && from < at) {
        const char *quote = memchr(from, dialect->quote, (size_t)(at - from));
        if (quote == NULL)
            break;
        bool escaped = dialect->escape == '\\' && quote > search->text.ptr && quote[-1] == '\\';
        if (!escaped)
            search->inside = !search->inside;
        from = quote + 1;
    }
    search->parity_at = at;
    return search->inside;
}

static bool is_separator(const struct csv_dialect *dialect, const char *line, const char *end)
{
    size_t length = strlen(dialect->delimiter);
    while (line < end) {
        if ((size_t)(end - line) >= length && memcmp(line, dialect->delimiter, length) == 0)
            line += length;
        else if (*line == ' ' || *line == '\t' || *line == '\r')
            line++;
        else
            return false;
    }
    return true;
}

static bool identifier(const struct csv_field *field)
{
    if (field->len == 0 || field->len > 64 || (field->ptr[0] >= '0' && field->ptr[0] <= '9'))
        return false;
    for (size_t i = 0; i < field->len; i++) {
        char c = field->ptr[i];
        bool word = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                    c == '.' || c == '-' || c == ' ';
        if (!word && (unsigned char)c < 0x80)
            return false;
    }
    return true;
}

enum verdict { VERDICT_NO, VERDICT_DOUBT, VERDICT_YES };

/* Where the rows from `at` on stop: at the next separator line, or the end. */
static const char *rows_stop(const struct csv_dialect *dialect, const char *at, const char *end)
{
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        if (is_separator(dialect, at, feed == NULL ? end : feed))
            return at;
        at = feed == NULL ? end : feed + 1;
    }
    return end;
}

/* Does the row at `at` head another table? */
static enum err_code judge(const struct search *search, const char *at, enum verdict *ret,
                           struct err *err)
{
    const struct csv_dialect *dialect = &search->guess->dialect;
    const char *limit = search->text.ptr + search->text.len;
    bool whole = (size_t)(limit - at) <= LOOK_BYTES;
    const char *end = whole ? limit : at + LOOK_BYTES;
    struct csv_row header = {0}, below = {0};
    const char *cursor = at;
    enum err_code code = ERR_OK;
    *ret = VERDICT_NO;
    if (csv_next_row(dialect, &cursor, end, whole, &header) &&
        csv_next_row(dialect, &cursor, end, whole, &below) && !csv_row_is_blank(&below)) {
        bool names = true;
        for (size_t i = 0; i < header.count && names; i++)
            names = identifier(&header.fields[i]) || (header.fields[i].len == 0 && i > 0);
        const char *stop = rows_stop(dialect, cursor, end);
        double score = 0;
        if (names)
            code =
                csv_header_score(dialect, at, stop, whole || stop < end, below.count, &score, err);
        bool other_width = header.count != search->guess->columns && header.count >= 2 &&
                           header.count == below.count;
        if (names && (score >= 0.9 || (other_width && score >= 0)))
            *ret = VERDICT_YES;
        else if (names && header.count >= 2 && header.count == below.count && score >= 0)
            *ret = VERDICT_DOUBT;
    }
    if (code == ERR_OK && (header.failed || below.failed))
        code = ingest_memory(err);
    csv_row_done(&header);
    csv_row_done(&below);
    return code;
}

static enum err_code add_piece(struct csv_stack *stack, const char *text, const char *start,
                               int64_t line, struct err *err)
{
    struct csv_piece *piece = ingest_grow((void **)&stack->pieces, &stack->count, &stack->capacity,
                                          sizeof *stack->pieces);
    if (piece == NULL)
        return ingest_memory(err);
    piece->offset = start - text;
    piece->line = line;
    return ERR_OK;
}

/* Close the piece that ends at `end` and begin the next at `next`. */
static enum err_code split(struct csv_stack *stack, struct str text, const char *end,
                           const char *next, int64_t line, struct err *err)
{
    if (stack->count == 0)
        TRY(add_piece(stack, text.ptr, text.ptr, 1, err));
    struct csv_piece *last = &stack->pieces[stack->count - 1];
    last->bytes = (end - text.ptr) - last->offset;
    return add_piece(stack, text.ptr, next, line, err);
}

enum err_code csv_stack_find(struct str text, const struct csv_guess *guess,
                             struct file_mapping *mapping, const struct progress *progress,
                             struct csv_stack *ret, struct err *err)
{
    *ret = (struct csv_stack){0};
    if (guess->columns < 2 || !guess->named || guess->first_row == NULL)
        return ERR_OK; /* in one column any blank line is a value */
    struct search search = {.text = text, .guess = guess, .parity_at = text.ptr};
    const char *end = text.ptr + text.len;
    const char *separator = NULL; /* start of the first separator of a run */
    int64_t line = 0, data_lines = 0, preamble = guess->skip_lines + 1;
    for (const char *at = text.ptr; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = feed == NULL ? end : feed;
        if (++line % CSV_CHECK_ROWS == 0) {
            TRY(progress_check(progress, err));
            file_let_go(mapping, at);
        }
        bool candidate = *at == '\n' || *at == '\r' || *at == ' ' || *at == '\t' ||
                         *at == guess->dialect.delimiter[0];
        if (line <= preamble) {
            data_lines++;
        } else if (candidate && is_separator(&guess->dialect, at, line_end) &&
                   !inside_quotes(&search, at)) {
            separator = separator == NULL ? at : separator;
        } else if (separator != NULL) {
            enum verdict verdict = VERDICT_NO;
            if (data_lines >= 2)
                TRY(judge(&search, at, &verdict, err));
            if (verdict == VERDICT_YES)
                TRY(split(ret, text, separator, at, line, err));
            else if (verdict == VERDICT_DOUBT && ret->doubtful_line == 0)
                ret->doubtful_line = line;
            data_lines = verdict == VERDICT_YES ? 1 : data_lines + 1;
            separator = NULL;
        } else {
            data_lines++;
        }
        at = feed == NULL ? end : feed + 1;
    }
    if (ret->count > 0)
        ret->pieces[ret->count - 1].bytes = (int64_t)text.len - ret->pieces[ret->count - 1].offset;
    return ERR_OK;
}

void csv_stack_done(struct csv_stack *stack)
{
    mem_free(stack->pieces);
    *stack = (struct csv_stack){0};
}
